//! Unit, conformance and end-to-end tests, in Rust.

use anyhow::Result;

use super::{Bench, Outcome, Part, counts};
use crate::project::output;

pub(super) const PART: Part = Part { name: "rust", always: true, run };

fn run(bench: &Bench<'_>) -> Result<Outcome> {
    let nextest = output(bench.project.cargo().args(["nextest", "--version"])).is_ok();
    let mut cargo = bench.cargo();
    if nextest {
        // Slow and failed tests are worth a line each, the rest is in the summary.
        cargo.args(["nextest", "run", "--no-fail-fast", "--status-level", "slow"]);
        bench.run(&mut cargo, counts::nextest)
    } else {
        // `--tests` is every test but those in documentation, which are a part of their own.
        cargo.args(["test", "--tests", "--no-fail-fast"]);
        bench.run(&mut cargo, counts::cargo_test)
    }
}
