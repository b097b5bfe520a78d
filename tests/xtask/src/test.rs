//! The one test command: its parts, and how their counts come together.
//!
//! A test that cannot run on this machine appends the line `skipped: NAME: WHY` to the file that
//! `EMAM_SKIP_LOG` names and returns. Test runners count it as passed; here it is said and counted
//! as skipped.

mod aws;
mod counts;
mod docs;
mod fuzz;
mod node;
mod parity;
mod python;
mod rust;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::package::Profile;
use crate::project::{Heard, Project, in_ci, listen};
use crate::setup::account::{self, Account};
use crate::setup::{self, Python, TOOLS, peer};
use crate::{install, media};
use counts::Counts;

/// One part of the tests. A new one is a file beside these and a row in [`PARTS`].
struct Part {
    name: &'static str,
    /// Whether it runs when no part is named; a part that only names some tests of another does
    /// not.
    always: bool,
    run: fn(&Bench<'_>) -> Result<Outcome>,
}

const PARTS: &[Part] =
    &[rust::PART, aws::PART, docs::PART, python::PART, node::PART, parity::PART, fuzz::PART];

/// What a part's runner did.
#[derive(Debug)]
struct Outcome {
    /// None when it got no further than building.
    counts: Option<Counts>,
    success: bool,
}

impl Outcome {
    fn new(heard: &Heard, read: fn(&str) -> Option<Counts>) -> Self {
        Self { counts: read(&heard.text), success: heard.status.success() }
    }
}

/// The names `cargo xtask test` takes.
pub(crate) fn part_names() -> impl Iterator<Item = &'static str> {
    PARTS.iter().map(|part| part.name)
}

/// Runs the named parts, or all, each to its end; a part that could not run counts as a failure.
pub(crate) fn run(project: &Project, names: &[String]) -> Result<Counts> {
    let wanted = |part: &&Part| match names {
        [] => part.always,
        names => names.iter().any(|name| name == part.name),
    };
    let parts: Vec<&Part> = PARTS.iter().filter(wanted).collect();
    let mut bench = Bench::set_up(project)?;
    // Before the tests in Rust, of which some ask the other languages.
    let among = |name: &str| parts.iter().any(|part| part.name == name);
    if among(python::PART.name) || among(parity::PART.name) {
        bench.python_package = built("the Python package", install::python(project, Profile::Dev));
    }
    if among(node::PART.name) || among(parity::PART.name) {
        bench.node_package = built("the npm packages", install::node(project, Profile::Dev));
    }
    if among(rust::PART.name) || among(aws::PART.name) {
        bench.account = or_skip("tests on AWS services", Account::start(project))?;
    }
    let mut total = Counts::default();
    for part in parts {
        println!("== {} ==", part.name);
        bench.clear_skips()?;
        let outcome = (part.run)(&bench).unwrap_or_else(|error| {
            // The other parts can run all the same.
            eprintln!("{}: {error:#}", part.name);
            Outcome { counts: None, success: false }
        });
        let skips = bench.skips()?;
        for line in &skips {
            println!("{line}");
        }
        let (counts, complaint) = settle(&outcome, skips.len());
        if let Some(complaint) = complaint {
            println!("{}: {complaint}; counted as one failure", part.name);
        }
        println!("{}: {counts}", part.name);
        total += counts;
    }
    Ok(total)
}

/// What a part adds to the total, and why it failed where no test did.
fn settle(outcome: &Outcome, skips: usize) -> (Counts, Option<&'static str>) {
    let mut counts = outcome.counts.unwrap_or_default();
    counts.move_to_skipped(skips);
    let complaint = match outcome.counts {
        None => Some("the runner ended before it ran a test"),
        Some(counts) if counts.total() == 0 => Some("there was no test to run"),
        Some(counts) if counts.failed == 0 && !outcome.success => {
            Some("no test failed, yet the runner did")
        }
        Some(_) => None,
    };
    if complaint.is_some() {
        counts.failed += 1;
    }
    (counts, complaint)
}

/// What the parts run with.
#[derive(Debug)]
struct Bench<'a> {
    project: &'a Project,
    skip_log: PathBuf,
    media: Option<PathBuf>,
    python: Option<PathBuf>,
    peer: Option<PathBuf>,
    python_package: Option<Python>,
    node_package: Option<PathBuf>,
    /// The emulated AWS account, for as long as the tests run.
    account: Option<Account>,
}

impl<'a> Bench<'a> {
    fn set_up(project: &'a Project) -> Result<Self> {
        or_skip("tests that need ffmpeg", setup::ffmpeg())?;
        let media = or_skip("tests on real media", media::fetch_dir(project))?;
        let python = or_skip("tests that ask the OpenTimelineIO library", {
            Python::ensure(project).and_then(|python| {
                python.install_requirements(project, TOOLS).map(|()| python.program)
            })
        })?;
        let peer = or_skip("tests that ask ffcine-import", peer::build(project, false))?;
        let skip_log = project.target.join("skips.log");
        let (python_package, node_package, account) = (None, None, None);
        Ok(Self { project, skip_log, media, python, peer, python_package, node_package, account })
    }

    /// Cargo with the variables the tests read.
    fn cargo(&self) -> Command {
        let mut cargo = self.project.cargo();
        self.prepare(&mut cargo);
        cargo
    }

    /// Gives a command the variables the tests read.
    fn prepare(&self, command: &mut Command) {
        command.env("EMAM_SKIP_LOG", &self.skip_log);
        let parity_python = self.python_package.as_ref().map(|python| python.program.clone());
        let parity_node = self.node_package.as_ref().map(|folder| folder.join("package.json"));
        for (name, value) in [
            (media::VARIABLE, &self.media),
            ("EMAM_TEST_PYTHON", &self.python),
            (peer::VARIABLE, &self.peer),
            ("EMAM_PARITY_PYTHON", &parity_python),
            ("EMAM_PARITY_NODE", &parity_node),
        ] {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        for name in account::VARIABLES {
            command.env_remove(name);
        }
        if let Some(account) = &self.account {
            command.envs(account.variables());
            account::as_client(command);
        }
    }

    /// Runs it in sight of the user and reads the counts it ends with.
    fn run(&self, command: &mut Command, read: fn(&str) -> Option<Counts>) -> Result<Outcome> {
        Ok(Outcome::new(&listen(command)?, read))
    }

    fn clear_skips(&self) -> Result<()> {
        let make = || {
            std::fs::create_dir_all(self.skip_log.parent().unwrap_or(Path::new(".")))?;
            std::fs::write(&self.skip_log, "")
        };
        make().with_context(|| format!("emptying {}", self.skip_log.display()))
    }

    fn skips(&self) -> Result<Vec<String>> {
        let text = std::fs::read_to_string(&self.skip_log)
            .with_context(|| format!("reading {}", self.skip_log.display()))?;
        Ok(text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect())
    }
}

/// Someone without a network may run what can be run, and is told what cannot. In CI, where nobody
/// reads that, it is an error.
fn or_skip<T>(what: &str, outcome: Result<T>) -> Result<Option<T>> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(error) if in_ci() => Err(error),
        Err(error) => {
            eprintln!("skipped: {what}: {error:#}");
            Ok(None)
        }
    }
}

/// What was built, or a word on why not: the part that needs it fails by itself.
fn built<T>(what: &str, outcome: Result<T>) -> Option<T> {
    outcome.map_err(|error| eprintln!("{what} cannot be tested: {error:#}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(counts: Option<(usize, usize, usize)>, success: bool, skips: usize) -> Counts {
        let counts = counts.map(|(passed, failed, skipped)| Counts { passed, failed, skipped });
        settle(&Outcome { counts, success }, skips).0
    }

    #[test]
    fn skips_are_taken_from_what_passed() {
        assert_eq!(settled(Some((5, 0, 1)), true, 2).to_string(), "3 passed, 0 failed, 3 skipped");
    }

    #[test]
    fn a_runner_that_fails_without_a_failed_test_is_one_failure() {
        assert_eq!(settled(None, false, 0).failed, 1);
        assert_eq!(settled(Some((5, 0, 0)), false, 0).failed, 1);
        assert_eq!(settled(Some((4, 1, 0)), false, 0).failed, 1);
    }

    #[test]
    fn no_test_at_all_is_a_failure() {
        assert_eq!(settled(Some((0, 0, 0)), true, 0).failed, 1);
        assert_eq!(settled(Some((0, 0, 7)), true, 0).failed, 0);
    }
}
