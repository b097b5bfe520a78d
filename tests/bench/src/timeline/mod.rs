//! `bench timeline`: timeline files beside OpenTimelineIO, its adapters and ffcine-import.
//!
//! All read the same files: the `.otio` OpenTimelineIO wrote, and the EDL and XML written of it by
//! emam, as those of the adapters leave out half of the clips' times. Each operation runs in a
//! process of its own that says what it took; what a language takes to start is not in it.

mod once;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

pub(crate) use once::{Once, once};

use crate::report::Report;

/// What to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// 1,000 clips instead of 10,000, and 10,000 instead of 100,000: a look instead of a judgement.
    #[arg(long)]
    quick: bool,
    /// Rounds; the cheapest counts. The adapters write once: it takes them up to minutes.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// A Python interpreter that has OpenTimelineIO and its adapters.
    #[arg(long, env = "EMAM_TEST_PYTHON")]
    python: PathBuf,
    /// The program of tests/peer, compiled for release.
    #[arg(long, env = "EMAM_TEST_PEER")]
    peer: PathBuf,
    /// Where the files are made; a new folder in it is removed at the end.
    #[arg(long, default_value = "target")]
    folder: PathBuf,
}

/// What an operation took.
#[derive(Debug, Clone, Copy)]
struct Taken {
    cpu: f64,
    peak_mib: f64,
}

/// The programs that are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Emam,
    Python,
    Ffcine,
}

impl Who {
    fn name(self) -> &'static str {
        match self {
            Self::Emam => "emam",
            Self::Python => "Python",
            Self::Ffcine => "ffcine",
        }
    }
}

/// An operation, with the most of Python's CPU it may take.
struct Goal {
    what: &'static str,
    extension: &'static str,
    writes: bool,
    ratio: f64,
    /// Whether ffcine-import can do it.
    peer: bool,
}

/// As issue 5 of the project has them.
const GOALS: [Goal; 6] = [
    Goal { what: ".otio read", extension: "otio", writes: false, ratio: 0.35, peer: true },
    Goal { what: ".otio write", extension: "otio", writes: true, ratio: 0.35, peer: true },
    Goal { what: "XML read", extension: "xml", writes: false, ratio: 0.05, peer: true },
    Goal { what: "XML write", extension: "xml", writes: true, ratio: 0.02, peer: false },
    Goal { what: "EDL read", extension: "edl", writes: false, ratio: 0.05, peer: true },
    Goal { what: "EDL write", extension: "edl", writes: true, ratio: 0.05, peer: false },
];

/// The most memory a process of emam may hold with 10,000 clips, in MiB.
const MOST_MEMORY: f64 = 120.0;

/// How much more ten times the clips may take: linear, and a fifth for caches that overflow.
const MOST_GROWTH: f64 = 12.0;

pub(crate) fn bench(arguments: &Arguments) -> Result<Report> {
    let clips = if arguments.quick { 1_000 } else { 10_000 };
    std::fs::create_dir_all(&arguments.folder)?;
    let folder = tempfile::tempdir_in(&arguments.folder)?;
    let bench = Bench { arguments, folder: folder.path() };
    let mut report = Report::new(&format!(
        "timelines of {clips} clips, CPU of the operation alone, least of {} rounds",
        arguments.rounds
    ));
    bench.make(clips, &mut report)?;
    bench.make(clips * 10, &mut report)?;
    for goal in &GOALS {
        bench.judge(goal, clips, &mut report)?;
    }
    Ok(report)
}

struct Bench<'a> {
    arguments: &'a Arguments,
    folder: &'a Path,
}

impl Bench<'_> {
    fn file(&self, clips: usize, extension: &str) -> PathBuf {
        self.folder.join(format!("{clips}.{extension}"))
    }

    /// Makes the files that are read.
    fn make(&self, clips: usize, report: &mut Report) -> Result<()> {
        eprintln!("making: {clips} clips");
        let otio = self.file(clips, "otio");
        let mut make = Command::new(&self.arguments.python);
        run(make.arg(script()).arg("make").arg(&otio).arg(clips.to_string()), clips)?;
        let mut sizes = Vec::new();
        for extension in ["otio", "xml", "edl"] {
            let file = self.file(clips, extension);
            if extension != "otio" {
                run(&mut self.command(Who::Emam, &otio, Some(&file))?, clips)?;
            }
            sizes.push(format!(".{extension} {:.1} MB", file.metadata()?.len() as f64 / 1e6));
        }
        report.fact(&format!("{clips} clips"), sizes.join(", "));
        Ok(())
    }

    fn judge(&self, goal: &Goal, clips: usize, report: &mut Report) -> Result<()> {
        let mut programs = vec![Who::Emam, Who::Python];
        if goal.peer {
            programs.push(Who::Ffcine);
        }
        let mut least: Vec<Option<Taken>> = vec![None; programs.len()];
        for round in 0..self.arguments.rounds.max(1) {
            eprintln!("{}: round {} of {}", goal.what, round + 1, self.arguments.rounds);
            for (who, least) in programs.iter().zip(&mut least) {
                // The adapters are quadratic in what they write.
                let slow = *who == Who::Python && goal.writes && goal.extension != "otio";
                if slow && round > 0 {
                    continue;
                }
                *least = cheaper(*least, self.take(*who, goal, clips)?);
            }
        }
        let taken: Vec<Taken> = least.into_iter().flatten().collect();
        let shown = programs.iter().zip(&taken).map(|(who, taken)| {
            format!("{} {:.3} s, {:.0} MiB", who.name(), taken.cpu, taken.peak_mib)
        });
        report.fact(goal.what, shown.collect::<Vec<_>>().join("; "));
        let [ours, python, rest @ ..] = taken.as_slice() else {
            bail!("{} was measured with neither emam nor Python", goal.what);
        };
        let what = |rest: &str| format!("{}: {rest}", goal.what);
        report.at_most(&what("CPU to Python's"), ours.cpu / python.cpu, goal.ratio);
        if let [peer] = rest {
            report.at_most(&what("CPU to ffcine's"), ours.cpu / peer.cpu, 1.0);
        }
        report.at_most(&what("memory, MiB"), ours.peak_mib, MOST_MEMORY);
        let mut many = None;
        for _ in 0..self.arguments.rounds.max(1) {
            many = cheaper(many, self.take(Who::Emam, goal, clips * 10)?);
        }
        let many = many.context("at least one round")?;
        report.at_most(&what("CPU of ten times the clips"), many.cpu / ours.cpu, MOST_GROWTH);
        Ok(())
    }

    fn take(&self, who: Who, goal: &Goal, clips: usize) -> Result<Taken> {
        let out = self.folder.join(format!("out.{}", goal.extension));
        let from = self.file(clips, if goal.writes { "otio" } else { goal.extension });
        let mut command = self.command(who, &from, goal.writes.then_some(out.as_path()))?;
        run(&mut command, clips)
    }

    fn command(&self, who: Who, from: &Path, to: Option<&Path>) -> Result<Command> {
        let word = if to.is_some() { "write" } else { "read" };
        let mut command = match who {
            Who::Emam => Command::new(std::env::current_exe()?),
            Who::Python => Command::new(&self.arguments.python),
            Who::Ffcine => Command::new(&self.arguments.peer),
        };
        match who {
            Who::Emam => command.arg("timeline-once"),
            Who::Python => command.arg(script()).arg(word),
            Who::Ffcine => command.arg(word),
        };
        command.arg(from).args(to);
        if who == Who::Ffcine && to.is_none() {
            command.arg("25");
        }
        Ok(command)
    }
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/timeline/measure.py")
}

fn cheaper(least: Option<Taken>, taken: Taken) -> Option<Taken> {
    Some(least.map_or(taken, |least| Taken {
        cpu: least.cpu.min(taken.cpu),
        peak_mib: least.peak_mib.min(taken.peak_mib),
    }))
}

/// What a process tells of itself. It must have seen every clip.
fn run(command: &mut Command, clips: usize) -> Result<Taken> {
    let output = command.output().with_context(|| format!("starting {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let told: Value = serde_json::from_slice(&output.stdout).context("a process told no JSON")?;
    let number = |name: &str| told[name].as_f64().with_context(|| format!("{name} in {told}"));
    let found = number("clips")?;
    if found != clips as f64 {
        bail!("{command:?} saw {found} clips of {clips}");
    }
    Ok(Taken { cpu: number("cpu")?.max(1e-6), peak_mib: number("peak_kib")? / 1024.0 })
}
