//! The project's commands, run as `cargo xtask COMMAND`.
//!
//! They need Rust and, on the first run, a Debian-like machine: what else is missing (ffmpeg, a
//! Python environment, test media) they fetch themselves, saying so. All they make lies in Cargo's
//! target directory.

mod check;
mod demo;
mod install;
mod media;
mod package;
mod project;
mod setup;
mod test;
mod timeline;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::builder::PossibleValuesParser;
use clap::{Parser, Subcommand, ValueEnum};

use package::Profile;
use project::Project;

/// The project's commands.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Takes media through the whole engine, from ingest to restore, and shows what it made.
    ///
    /// Without FILE it uses the test media: a video, a recording and a phone picture. The results
    /// lie in target/demo; every file in its MD5SUMS is checked again with the system's md5sum.
    Demo {
        /// Runs it on AWS, in an emulated account of this machine, with the test media.
        #[arg(long, conflicts_with = "files")]
        aws: bool,
        /// Your own media.
        files: Vec<PathBuf>,
    },
    /// Runs the tests and ends with `N passed, N failed, N skipped`.
    Test {
        /// The parts to run; all of them when none is named.
        #[arg(value_parser = PossibleValuesParser::new(test::part_names()))]
        parts: Vec<String>,
    },
    /// Looks for what the tests do not see: format, lints, documentation, the rules of the tree.
    Check {
        /// Formats the code before looking.
        #[arg(long)]
        fix: bool,
    },
    /// Writes the generated files: the reference in docs/reference.
    Gen {
        /// Writes nothing and fails when a file differs from what would be written.
        #[arg(long)]
        check: bool,
    },
    /// Measures emam beside a peer in the same run.
    Bench {
        name: Bench,
        /// A smaller run, to see that the benchmark works.
        #[arg(long)]
        quick: bool,
        /// Arguments of the benchmark, for example `-- --rounds 1`.
        #[arg(last = true)]
        rest: Vec<String>,
    },
    /// Converts timeline files, checks them, and has what emam writes judged.
    #[command(subcommand)]
    Timeline(timeline::Timeline),
    /// Makes the packages for Python and Node and lists them.
    Package {
        /// How the native parts are compiled.
        #[arg(long, value_enum, default_value = "release")]
        profile: Profile,
        /// Where the packages go; target/package unless given.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Fetches the test media and prints where the files are.
    Media,
    /// What a change has to pass: check, gen --check, test.
    Ci,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Bench {
    /// Files into the library: copy, checksums, proxies.
    Ingest,
    /// Searching and paging a large catalog.
    Catalog,
    /// Calls from Python and Node.
    Bindings,
    /// Bytes to and from S3.
    Transfer,
    /// Timeline files, written and read.
    Timeline,
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// `Ok(false)` when the command ran and its answer is "no"; what was wrong is printed by then.
fn run(command: Command) -> Result<bool> {
    let project = Project::find()?;
    match command {
        Command::Demo { aws: true, .. } => demo::run_on_aws(&project),
        Command::Demo { files, .. } => demo::run(&project, &files),
        Command::Test { parts } => {
            let counts = test::run(&project, &parts)?;
            println!("{counts}");
            Ok(counts.failed == 0)
        }
        Command::Check { fix } => check::run(&project, fix),
        Command::Gen { check } => generate(&project, check),
        Command::Bench { name, quick, rest } => bench(&project, name, quick, &rest),
        Command::Timeline(command) => timeline::run(&project, &command),
        Command::Package { profile, out } => package::run(&project, profile, out.as_deref()),
        Command::Media => {
            for path in media::fetch(&project)? {
                println!("{}", path.display());
            }
            Ok(true)
        }
        Command::Ci => ci(&project),
    }
}

fn generate(project: &Project, check: bool) -> Result<bool> {
    let mut cargo = project.cargo();
    cargo.args(["run", "-q", "-p", "emam-tests", "--bin", "gen", "--"]);
    if check {
        cargo.arg("--check");
    }
    project::succeeds(&mut cargo)
}

fn bench(project: &Project, name: Bench, quick: bool, rest: &[String]) -> Result<bool> {
    setup::ffmpeg()?;
    let media = media::fetch_dir(project)?;
    let mut cargo = project.cargo();
    if let Bench::Bindings = name {
        let python = install::python(project, package::Profile::Release)?;
        let node = install::node(project, package::Profile::Release)?;
        cargo.env("EMAM_BENCH_PYTHON", python.program);
        cargo.env("EMAM_BENCH_NODE", node.join("package.json"));
    }
    if let Bench::Transfer = name {
        let python = install::python(project, package::Profile::Release)?;
        cargo.env("EMAM_BENCH_S5CMD", python.program.with_file_name("s5cmd"));
        cargo.env("EMAM_BENCH_PYTHON", python.program);
    }
    if let Bench::Timeline = name {
        let python = setup::Python::ensure(project)?;
        python.install_requirements(project, setup::TOOLS)?;
        cargo.env("EMAM_TEST_PYTHON", python.program);
        cargo.env(setup::peer::VARIABLE, setup::peer::build(project, true)?);
    }
    cargo.args(["run", "--release", "-q", "-p", "emam-bench", "--"]);
    cargo.arg(match name {
        Bench::Ingest => "ingest",
        Bench::Catalog => "catalog",
        Bench::Bindings => "bindings",
        Bench::Transfer => "transfer",
        Bench::Timeline => "timeline",
    });
    if quick {
        cargo.arg("--quick");
    }
    cargo.args(rest);
    project::succeeds(cargo.env(media::VARIABLE, media))
}

/// Every step runs even after one failed, so that one run tells all there is to mend; the tests
/// come last because their counts are the line the run is read by.
fn ci(project: &Project) -> Result<bool> {
    let mut failed = Vec::new();
    if !report("check", check::run(project, false)) {
        failed.push("check");
    }
    if !report("gen --check", generate(project, true)) {
        failed.push("gen --check");
    }
    let counts = test::run(project, &[])?;
    for step in &failed {
        println!("ci: {step} failed; `cargo xtask {step}` shows why");
    }
    println!("{counts}");
    Ok(failed.is_empty() && counts.failed == 0)
}

fn report(step: &str, outcome: Result<bool>) -> bool {
    outcome.unwrap_or_else(|error| {
        eprintln!("{step}: {error:#}");
        false
    })
}
