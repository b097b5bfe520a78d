//! Of the tests in Rust, those that need the emulated AWS account, and the account's own.

use anyhow::{Context, Result};

use super::{Bench, Outcome, Part, counts};

pub(super) const PART: Part = Part { name: "aws", always: false, run };

/// Test programs, by their names in the manifests. They are chosen by these and not by package, so
/// that Cargo takes the same features of every dependency as it does for all tests.
const PROGRAMS: &[&str] = &["aws_*", "front", "mediaconvert", "server"];

fn run(bench: &Bench<'_>) -> Result<Outcome> {
    bench.account.as_ref().context("the emulated account does not run")?;
    let mut cargo = bench.cargo();
    cargo.args(["test", "--no-fail-fast"]);
    for program in PROGRAMS {
        cargo.args(["--test", program]);
    }
    bench.run(&mut cargo, counts::cargo_test)
}
