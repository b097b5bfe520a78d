//! Runs a compiled plan: progress, the early poster, and what a failure means.

use std::path::Path;

use crate::error::{Error, ErrorKind, Result};
use crate::local::jobs::Job;
use crate::local::process::{self, DEFAULT_STALL, Ended, Line, Program};
use crate::local::tools::Tool;

use super::compile::{Plan, poster};
use super::findings::Loudness;

/// What a run has left behind beside its files.
#[derive(Debug, Default)]
pub(crate) struct Ran {
    pub(crate) loudness: Loudness,
    /// Frames of the first video output.
    pub(crate) frames: i64,
    /// How far the longest output has come, in microseconds.
    pub(crate) reached: i64,
}

/// Runs `plan` in `folder`, telling progress to `job`. `on_poster` is called once, when the poster
/// can be taken.
///
/// # Errors
/// [`InvalidMedia`](ErrorKind::InvalidMedia) for media that cannot be decoded,
/// [`Cancelled`](ErrorKind::Cancelled), [`Timeout`](ErrorKind::Timeout),
/// [`Unsupported`](ErrorKind::Unsupported) where this ffmpeg lacks what is needed, and
/// [`Unavailable`](ErrorKind::Unavailable) where the disk is full or ffmpeg was killed.
pub(crate) async fn run<T>(
    ffmpeg: &Tool,
    plan: &Plan,
    folder: &Path,
    job: &Job<T>,
    operation: &'static str,
    on_poster: impl FnOnce(),
) -> Result<Ran> {
    let program = Program {
        path: ffmpeg.path.clone(),
        arguments: plan.arguments.clone(),
        work_dir: Some(folder.to_owned()),
        stall: DEFAULT_STALL,
        operation,
    };
    let awaited = plan.poster.map(|frame| folder.join(poster(u32::from(frame > 0))));
    let mut on_poster = Some(on_poster);
    let length = plan.length.and_then(|length| length.to_micros().ok()).unwrap_or(0);
    let mut ran = Ran::default();
    let ended = process::run(&program, job.stopped(), |line| match line {
        Line::Err(line) => {
            ran.loudness.take(line);
            false
        }
        Line::Out(line) => {
            let Some((name, value)) = line.split_once('=') else { return false };
            let number = value.trim().parse::<i64>().ok();
            match (name, number) {
                ("frame", Some(frames)) if frames > ran.frames => {
                    ran.frames = frames;
                    true
                }
                ("out_time_us", Some(reached)) if reached > ran.reached => {
                    ran.reached = reached;
                    if length > 0 {
                        job.progress(reached as f64 / length as f64);
                    }
                    true
                }
                ("progress", _) => {
                    if let Some(file) = &awaited
                        && on_poster.is_some()
                        && file.exists()
                        && let Some(tell) = on_poster.take()
                    {
                        tell();
                    }
                    false
                }
                _ => false,
            }
        }
    })
    .await?;
    if !ended.status.success() {
        return Err(failure(
            operation,
            ffmpeg,
            &ended,
            program
                .arguments
                .iter()
                .find_map(|url| url.to_str().filter(|url| url.starts_with("file:/"))),
        ));
    }
    Ok(ran)
}

/// What it means that ffmpeg has failed.
pub(crate) fn failure(
    operation: &'static str,
    ffmpeg: &Tool,
    ended: &Ended,
    url: Option<&str>,
) -> Error {
    let tail = match url {
        // A path of this machine is no fact about the media.
        Some(url) => ended.tail.replace(url, "the file"),
        None => ended.tail.clone(),
    };
    let says = |texts: &[&str]| texts.iter().any(|text| tail.contains(text));
    let (kind, message) = if ended.status.code().is_none() {
        (ErrorKind::Unavailable, "ffmpeg was killed from outside")
    } else if says(&["No space left on device", "Disk quota exceeded"]) {
        (ErrorKind::Unavailable, "the disk of the work folder is full; make room and try again")
    } else if says(&[
        "Unknown encoder",
        "No such filter",
        "Unrecognized option",
        "Option not found",
        "Unknown decoder",
        "Decoder not found",
        "Cannot find a valid font",
        "Fontconfig error",
    ]) {
        (
            ErrorKind::Unsupported,
            "this ffmpeg lacks what is needed for this media; install a full build, version 4.4 \
             or newer",
        )
    } else {
        (
            ErrorKind::InvalidMedia,
            "the media could not be decoded; it is damaged, cut off, or not what it claims to be",
        )
    };
    Error::new(kind, operation, message)
        .with("ffmpeg", &ffmpeg.version.text)
        .with("status", ended.status)
        .with("reason", reason(&tail))
}

/// The first lines that say error, without the addresses ffmpeg puts before them.
fn reason(tail: &str) -> String {
    let marked = |line: &&str| line.contains("[error]") || line.contains("[fatal]");
    let mut lines: Vec<&str> = tail.lines().filter(marked).collect();
    if lines.is_empty() {
        lines = tail.lines().collect();
    }
    let plain = |line: &&str| {
        let text = line.rsplit("[error] ").next().unwrap_or(line);
        text.rsplit("[fatal] ").next().unwrap_or(text).to_owned()
    };
    // The first says what is wrong, those after it what could not be done therefore.
    let mut said: Vec<String> = lines.iter().take(3).map(plain).collect();
    said.dedup();
    said.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    fn told(status: i32, tail: &str) -> Error {
        let tool = Tool {
            path: "/ffmpeg".into(),
            version: crate::local::ToolVersion { text: "5.1".into(), number: (5, 1) },
        };
        let ended =
            Ended { status: std::process::ExitStatus::from_raw(status), tail: tail.to_owned() };
        failure("t", &tool, &ended, Some("file:/secret/a.mov"))
    }

    #[test]
    fn failures_are_told_apart() {
        let exit = 1 << 8;
        let damaged = told(
            exit,
            "[mov @ 0x1] [error] moov atom not found\n[fatal] file:/secret/a.mov: Invalid data",
        );
        assert_eq!(damaged.kind(), ErrorKind::InvalidMedia);
        assert_eq!(damaged.get("reason"), Some("moov atom not found; the file: Invalid data"));
        let full = told(exit, "[error] av_interleaved_write_frame(): No space left on device");
        assert_eq!((full.kind(), full.is_retryable()), (ErrorKind::Unavailable, true));
        assert_eq!(told(exit, "[error] Unknown encoder 'libx264'").kind(), ErrorKind::Unsupported);
        assert_eq!(told(9, "").kind(), ErrorKind::Unavailable);
    }
}
