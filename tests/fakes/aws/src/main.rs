//! The program `emam-awsim`.

fn main() {}
