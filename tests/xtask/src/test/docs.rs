//! The examples in the documentation and in the guide.

use anyhow::Result;

use super::{Bench, Outcome, Part, counts};

pub(super) const PART: Part = Part { name: "docs", always: true, run };

fn run(bench: &Bench<'_>) -> Result<Outcome> {
    let mut cargo = bench.cargo();
    cargo.args(["test", "--doc", "--workspace", "--no-fail-fast"]);
    bench.run(&mut cargo, counts::cargo_test)
}
