//! Timeline files: converted by the program `emam`, and judged by programs that are not ours.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use clap::Subcommand;

use crate::project::{Project, output, succeeds};
use crate::setup::{Python, TOOLS};

#[derive(Debug, Subcommand)]
pub(crate) enum Timeline {
    /// Writes a timeline file in other formats, as `emam timeline convert` does; `--help` says how.
    #[command(disable_help_flag = true)]
    Convert {
        /// The arguments of `emam timeline convert`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
        arguments: Vec<OsString>,
    },
    /// Says what timeline files hold and what is wrong with them, as `emam timeline check` does.
    #[command(disable_help_flag = true)]
    Check {
        /// The arguments of `emam timeline check`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
        arguments: Vec<OsString>,
    },
    /// Converts sequences of known truth to .otio, .edl and .xml and has each judged.
    ///
    /// Takes the synthetic sequences of ../shared/data/timeline and fresh ones, which are drawn and
    /// written by OpenTimelineIO itself. What was converted lies in target/timeline-judge.
    Judge {
        /// How many fresh sequences are drawn.
        #[arg(long, default_value_t = 100)]
        seeds: u32,
        /// The seed of the first fresh one; another each time unless given.
        #[arg(long)]
        first: Option<u32>,
    },
}

pub(crate) fn run(project: &Project, command: &Timeline) -> Result<bool> {
    match command {
        Timeline::Convert { arguments } => emam(project, "convert", arguments),
        Timeline::Check { arguments } => emam(project, "check", arguments),
        Timeline::Judge { seeds, first } => judge(project, *seeds, *first),
    }
}

/// Runs the command where this was typed, so that its paths mean what they say.
fn emam(project: &Project, command: &str, arguments: &[OsString]) -> Result<bool> {
    let program = build(project)?;
    succeeds(Command::new(program).args(["timeline", command]).args(arguments))
}

/// The program `emam`, built.
fn build(project: &Project) -> Result<PathBuf> {
    let mut cargo = project.cargo();
    cargo.args(["build", "-q", "-p", "emam-core", "--bin", "emam", "--features", "cli"]);
    if !succeeds(&mut cargo)? {
        bail!("the program emam was not built; mend what is said above");
    }
    Ok(project.target.join("debug").join("emam"))
}

/// The formats that can be judged.
const JUDGED: [&str; 3] = ["otio", "edl", "xml"];

fn judge(project: &Project, seeds: u32, first: Option<u32>) -> Result<bool> {
    let shared = project.root.join("../shared");
    let (tools, samples) = (shared.join("tools/timeline"), shared.join("data/timeline/synthetic"));
    for needed in [tools.join("judge.py"), tools.join("make_synth.py"), samples.clone()] {
        if !needed.exists() {
            bail!(
                "{} is not there: the judge and its sequences lie in the folder `shared` beside \
                 the project, and without them nothing can be judged",
                needed.display()
            );
        }
    }
    let python = Python::ensure(project)?;
    python.install_requirements(project, TOOLS)?;
    let program = build(project)?;
    let folder = project.target.join("timeline-judge");
    let _ = std::fs::remove_dir_all(&folder);
    let fresh = folder.join("fresh");
    make(&fresh)?;
    let first = first.unwrap_or_else(any_seed);
    if seeds > 0 {
        eprintln!("drawing: {seeds} fresh sequences from seed {first}");
        let numbers = [first.to_string(), seeds.to_string()];
        let mut draw = Command::new(&python.program);
        output(draw.arg(tools.join("make_synth.py")).arg(&fresh).args(numbers))?;
    }
    let mut good = true;
    for (name, models) in [("synthetic", &samples), ("fresh", &fresh)] {
        let written = folder.join(format!("{name}-converted"));
        let converted = convert_all(&program, models, &written)?;
        if converted == 0 && name == "synthetic" {
            bail!("{} holds no sequence", models.display());
        }
        let mut judge = Command::new(&python.program);
        judge.arg(project.root.join("tests/python/judge_timeline.py"));
        let verdict = output(judge.arg(&tools).arg(models).arg(&written))?;
        good &= tell(name, converted, &verdict)?;
    }
    Ok(good)
}

/// Converts each sequence of a folder to every format that can be judged; returns how many there
/// are. What could not be converted is said.
fn convert_all(program: &Path, models: &Path, written: &Path) -> Result<usize> {
    make(written)?;
    let mut sequences = 0;
    let entries = models.read_dir().with_context(|| format!("reading {}", models.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "otio") {
            continue;
        }
        sequences += 1;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let outputs = JUDGED.map(|extension| written.join(format!("{name}.{extension}")));
        let convert = |outputs: &[PathBuf]| {
            let mut emam = Command::new(program);
            output(emam.args(["timeline", "convert"]).arg(&path).args(outputs)).map(drop)
        };
        // One that fails takes the others with it, so each is tried alone then.
        if convert(&outputs).is_err() {
            for one in &outputs {
                if let Err(error) = convert(std::slice::from_ref(one)) {
                    println!("{name}: {error:#}");
                }
            }
        }
    }
    Ok(sequences)
}

/// Prints what the judge said; true when every file of every format was written and passed.
fn tell(name: &str, sequences: usize, verdict: &str) -> Result<bool> {
    let (wrong, counts) = verdict.trim_end().rsplit_once('\n').unwrap_or(("", verdict.trim_end()));
    let counts: BTreeMap<String, [usize; 2]> =
        serde_json::from_str(counts).context("the judge ended without its counts")?;
    if !wrong.is_empty() {
        println!("{wrong}");
    }
    let mut good = true;
    for format in JUDGED {
        let [passed, judged] = counts.get(format).copied().unwrap_or_default();
        println!("{name}: {passed} of {sequences} pass as .{format}");
        if judged < sequences {
            println!("{name}: {} could not be written as .{format}", sequences - judged);
        }
        good &= passed == sequences;
    }
    Ok(good)
}

fn make(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))
}

/// A seed that is not in the folder of samples and another in each run.
fn any_seed() -> u32 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    1000 + (now.as_secs() % 90_000) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_all_files_of_all_formats_are_good() -> Result<()> {
        let all = r#"{"otio": [2, 2], "edl": [2, 2], "xml": [2, 2]}"#;
        assert!(tell("t", 2, all)?);
        assert!(!tell("t", 3, all)?);
        let failed = "a.edl: no FCM line\n{\"otio\": [2, 2], \"edl\": [1, 2], \"xml\": [2, 2]}\n";
        assert!(!tell("t", 2, failed)?);
        assert!(!tell("t", 2, r#"{"otio": [2, 2]}"#)?);
        assert!(tell("t", 2, "Traceback").is_err());
        Ok(())
    }

    #[test]
    fn fresh_seeds_are_no_samples() {
        assert!((1000..91_000).contains(&any_seed()));
    }
}
