//! The npm packages as their users have them: the tarballs, installed into an empty folder.

use std::process::Command;

use anyhow::{Context, Result};

use super::{Bench, Outcome, Part, counts, fuzz};
use crate::install;

pub(super) const PART: Part = Part { name: "node", always: true, run };

fn run(bench: &Bench<'_>) -> Result<Outcome> {
    let installed = bench.node_package.as_ref().context("the packages are not there")?;
    let tests = install::node_tests(bench.project, installed)?;
    let mut node = Command::new("node");
    // Node 20 takes files and no folder; their names are those Node itself looks for.
    let mut files: Vec<_> = std::fs::read_dir(&tests)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.to_string_lossy().contains(".test."))
        .collect();
    files.sort();
    node.args(["--test", "--test-reporter=spec"]).args(files);
    node.current_dir(&tests).env("EMAM_ROOT", &bench.project.root).env("NO_COLOR", "1");
    node.env("EMAM_GATEWAY", fuzz::gateway(bench)?);
    bench.prepare(&mut node);
    bench.run(&mut node, counts::node_test)
}
