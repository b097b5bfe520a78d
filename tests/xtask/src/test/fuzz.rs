//! The gateway, asked everything its OpenAPI document allows and much it does not, by programs that
//! know nothing of it but the document.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

use super::{Bench, Outcome, Part, counts};
use crate::project::succeeds;

pub(super) const PART: Part = Part { name: "fuzz", always: true, run };

fn run(bench: &Bench<'_>) -> Result<Outcome> {
    let python = bench.python.as_ref().context("the Python packages it takes are not there")?;
    let gateway = Gateway::start(bench)?;
    let mut fuzz = Command::new(python);
    fuzz.arg(bench.project.root.join("tests/gateway/fuzz.py")).arg(&gateway.url);
    fuzz.current_dir(&bench.project.target).env("NO_COLOR", "1");
    bench.prepare(&mut fuzz);
    bench.run(&mut fuzz, counts::schemathesis)
}

/// Builds the program that serves a library for other programs' tests; gives its path.
pub(super) fn gateway(bench: &Bench<'_>) -> Result<PathBuf> {
    let mut build = bench.cargo();
    if !succeeds(build.args(["build", "-q", "-p", "emam-tests", "--bin", "gateway_child"]))? {
        bail!("the gateway was not built; mend what is said above");
    }
    Ok(bench.project.target.join("debug/gateway_child"))
}

/// A gateway to an empty library. It ends when its input does.
struct Gateway {
    child: Child,
    url: String,
}

impl Gateway {
    fn start(bench: &Bench<'_>) -> Result<Self> {
        let program = gateway(bench)?;
        let mut child = Command::new(&program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let mut url = String::new();
        let stdout = child.stdout.take().context("the gateway has no output")?;
        BufReader::new(stdout).read_line(&mut url)?;
        let url = url.trim().to_owned();
        if !url.starts_with("http") {
            bail!("the gateway ended before it said where it listens");
        }
        Ok(Self { child, url })
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        drop(self.child.wait());
    }
}
