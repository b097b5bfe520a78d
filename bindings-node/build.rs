//! Tells the linker how to make a library that Node loads.

fn main() {
    napi_build::setup();
}
