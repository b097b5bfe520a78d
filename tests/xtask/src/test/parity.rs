//! The tests in Rust that ask the other languages for the same: a part of `rust` by another name,
//! for when only they are wanted.

use anyhow::Result;

use super::{Bench, Outcome, Part, counts};

pub(super) const PART: Part = Part { name: "parity", always: false, run };

fn run(bench: &Bench<'_>) -> Result<Outcome> {
    let mut cargo = bench.cargo();
    cargo.args(["test", "-p", "emam-tests", "--test", "parity", "--no-fail-fast"]);
    bench.run(&mut cargo, counts::cargo_test)
}
