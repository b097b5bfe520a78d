//! The Python package as its users have it: the wheel, installed into an empty environment.

use anyhow::{Context, Result};

use super::{Bench, Outcome, Part, counts};

pub(super) const PART: Part = Part { name: "python", always: true, run };

fn run(bench: &Bench<'_>) -> Result<Outcome> {
    let python = bench.python_package.as_ref().context("the package is not there")?;
    let mut pytest = python.module("pytest");
    // Not in the sources: there a folder could be taken for the installed package.
    pytest.current_dir(&bench.project.target).env("PYTHONDONTWRITEBYTECODE", "1");
    pytest.args(["--color=no", "-q"]).arg(bench.project.root.join("tests/python"));
    bench.prepare(&mut pytest);
    bench.run(&mut pytest, counts::pytest)
}
