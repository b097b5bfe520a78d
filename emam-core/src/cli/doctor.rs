//! `emam doctor`: whether everything is there.

use std::path::Path;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::output::Failure;
use super::session::{Session, Use, is_library};
use super::text;
use crate::Library;
use crate::backend::catalog::{Query, RunFilter};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::local::{ToolPaths, Toolset, needs};
use crate::model::{PageRequest, RunState};

/// Looks whether everything is there: ffmpeg, the library, space, runs that failed.
///
/// A line each, with what to do where something is wrong; exits with 1 where something is missing.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  emam doctor --library media --json | jq -r 'select(.verdict != \"ok\")'")]
pub(super) struct Arguments {}

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Ok,
    /// It works, and something should be looked at.
    Warn,
    /// Something cannot work.
    Fail,
}

/// What was looked at, how it is, and what to do.
#[derive(Debug, Serialize)]
struct Check {
    check: &'static str,
    verdict: Verdict,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

impl Check {
    fn new(check: &'static str, verdict: Verdict, text: impl Into<String>) -> Self {
        Self { check, verdict, text: text.into(), advice: None }
    }

    fn ok(check: &'static str, text: impl Into<String>) -> Self {
        Self::new(check, Verdict::Ok, text)
    }

    fn failed(check: &'static str, error: &Error) -> Self {
        Self::new(check, Verdict::Fail, error.to_string())
    }

    fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    fn words(&self) -> String {
        let advice = self.advice.as_ref().map(|advice| format!("\n{:17}{advice}", ""));
        let verdict = text::word(self.verdict);
        format!("{verdict:<5} {:<10} {}{}", self.check, self.text, advice.unwrap_or_default())
    }
}

pub(super) async fn run(session: &Session) -> Result<(), Failure> {
    let mut failed = false;
    let mut tell = |check: Check| {
        failed |= check.verdict == Verdict::Fail;
        session.out.record(&check, Check::words)
    };
    tell(version())?;
    for check in tools().await {
        tell(check)?;
    }
    let folder = session.folder();
    if !is_library(&folder) {
        let shown = std::path::absolute(&folder).unwrap_or(folder);
        tell(Check::new("library", Verdict::Warn, format!("none in {}", shown.display())).advice(
            "name one with --library DIR or EMAM_LIBRARY, or make one with \
                 `emam ingest --library DIR FILE`",
        ))?;
    } else {
        tell(writable("library", &folder))?;
        if let Ok(Some(cold)) = Config::from_env().map(|config| config.cold_folder) {
            tell(writable("archive", &cold))?;
        }
        tell(space(&folder))?;
        match session.open(Use::Read).await {
            Err(error) => tell(Check::failed("catalog", &error))?,
            Ok(library) => {
                tell(catalog(&library).await.unwrap_or_else(|e| Check::failed("catalog", &e)))?;
                tell(runs(&library).await.unwrap_or_else(|e| Check::failed("runs", &e)))?;
                tell(clock(&library).await.unwrap_or_else(|e| Check::failed("clock", &e)))?;
            }
        }
    }
    if failed { Err(Failure::Told) } else { Ok(()) }
}

fn version() -> Check {
    let (system, machine) = (std::env::consts::OS, std::env::consts::ARCH);
    Check::ok("emam", format!("{} on {system} {machine}", env!("CARGO_PKG_VERSION")))
}

async fn tools() -> Vec<Check> {
    let looked = tokio::task::spawn_blocking(|| {
        let config = match Config::from_env() {
            Ok(config) => config,
            Err(error) => return vec![Check::failed("settings", &error)],
        };
        let mut paths = ToolPaths::from_env();
        paths.ffmpeg = config.ffmpeg.or(paths.ffmpeg);
        paths.ffprobe = config.ffprobe.or(paths.ffprobe);
        paths.packages = config.packages.unwrap_or(paths.packages);
        match Toolset::find(&paths) {
            Ok(found) => of_toolset(&found),
            Err(error) => vec![Check::failed("ffmpeg", &error)],
        }
    });
    looked
        .await
        .unwrap_or_else(|cause| vec![Check::new("ffmpeg", Verdict::Fail, cause.to_string())])
}

fn of_toolset(found: &Toolset) -> Vec<Check> {
    let named =
        |tool: &crate::local::Tool| format!("{} ({})", tool.version.text, tool.path.display());
    let ffprobe = match &found.ffprobe {
        Some(tool) => Check::ok("ffprobe", named(tool)),
        None => Check::new("ffprobe", Verdict::Fail, "there is none").advice(
            "video and sound cannot be probed: install ffmpeg from your system (apt install \
             ffmpeg, brew install ffmpeg) or set EMAM_FFPROBE",
        ),
    };
    let codecs = match needs::missing(&found.ffmpeg.path) {
        Ok(missing) if missing.is_empty() => Check::ok("codecs", "all there"),
        Ok(missing) => Check::new(
            "codecs",
            Verdict::Fail,
            format!("this ffmpeg has no {}", missing.join(", ")),
        )
        .advice("proxies need them: install a full build of ffmpeg, or set EMAM_FFMPEG to one"),
        Err(error) => Check::failed("codecs", &error),
    };
    vec![Check::ok("ffmpeg", named(&found.ffmpeg)), ffprobe, codecs]
}

/// Writes a file and takes it away again.
fn writable(check: &'static str, folder: &Path) -> Check {
    let shown = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let probe = folder.join(format!(".doctor-{}", SystemClock.new_uuid()));
    match std::fs::write(&probe, "emam").and_then(|()| std::fs::remove_file(&probe)) {
        Ok(()) => Check::ok(check, shown.display().to_string()),
        Err(cause) => Check::new(
            check,
            Verdict::Fail,
            format!("{} cannot be written: {cause}", shown.display()),
        )
        .advice("give this user the right to write there, or free the disk"),
    }
}

#[cfg(unix)]
fn space(folder: &Path) -> Check {
    const LITTLE: u64 = 10_000_000_000;
    const TOO_LITTLE: u64 = 100_000_000;
    match rustix::fs::statvfs(folder) {
        Ok(disk) => {
            let left = disk.f_bavail.saturating_mul(disk.f_frsize);
            let verdict = match left {
                0..TOO_LITTLE => Verdict::Fail,
                TOO_LITTLE..LITTLE => Verdict::Warn,
                _ => Verdict::Ok,
            };
            let check = Check::new("space", verdict, format!("{} left", text::size(left)));
            match verdict {
                Verdict::Ok => check,
                _ => check
                    .advice("an ingest needs the size of its files and a tenth more: make room"),
            }
        }
        Err(cause) => Check::new("space", Verdict::Warn, format!("cannot be told: {cause}")),
    }
}

#[cfg(not(unix))]
fn space(_: &Path) -> Check {
    Check::new("space", Verdict::Warn, "cannot be told on this system")
}

async fn catalog(library: &Library) -> Result<Check> {
    let found = library.assets().search(Query::all().limit(1)).await?;
    Ok(Check::ok("catalog", text::count(found.total, "asset")))
}

async fn runs(library: &Library) -> Result<Check> {
    let count = async |filter| -> Result<(usize, &'static str)> {
        let page = PageRequest::first(PageRequest::MAX_LIMIT);
        let found = library.runs().list(filter, page).await?;
        Ok((found.items.len(), if found.next.is_some() { "+" } else { "" }))
    };
    let failed = RunFilter { states: vec![RunState::Failed], ..RunFilter::default() };
    let (failed, more_failed) = count(failed).await?;
    let (open, more_open) = count(RunFilter::unfinished()).await?;
    let text = format!("{failed}{more_failed} failed, {open}{more_open} not done");
    Ok(match (failed, open) {
        (0, 0) => Check::ok("runs", text),
        (0, _) => Check::ok("runs", text).advice("`emam runs wait` goes on with what is not done"),
        _ => Check::new("runs", Verdict::Warn, text)
            .advice("`emam runs --state failed` says why, `emam runs retry RUN` tries again"),
    })
}

/// A clock that was set back would give ids that do not sort and leases that do not end.
async fn clock(library: &Library) -> Result<Check> {
    let now = SystemClock.now();
    let last = library.events().last().await?;
    let event = library.events().list((last - 1).max(0), 1, Duration::ZERO).await?;
    match event.first() {
        Some(event) if event.at > now => Ok(Check::new(
            "clock",
            Verdict::Warn,
            format!("{now} is before the last event, which is of {}", event.at),
        )
        .advice("the clock was set back, or was wrong: set it")),
        _ => Ok(Check::ok("clock", now.to_string())),
    }
}
