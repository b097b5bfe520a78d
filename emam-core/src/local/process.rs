//! Runs the programs of the ffmpeg family: bounded output, stall detection, and no orphans.
//!
//! Each child leads a process group of its own, which is killed when the future that runs it is
//! dropped. When our own process is killed nothing can be run any more, so the child carries the
//! folder it works for in its environment, and [`kill_stale`] finds it there later.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::time::Instant;

use crate::error::{Error, ErrorKind, Result};

/// The variable by which a child says what folder it works for.
const WORK_DIR_MARK: &str = "EMAM_CHILD_WORKS_IN";

/// A line longer than this is cut: no output of a hostile file makes us hold more.
const MAX_LINE: usize = 64 * 1024;

/// How much of the end of stderr an error tells.
const TAIL_LINES: usize = 12;
const TAIL_LINE_LENGTH: usize = 400;

/// How long a program may show no progress.
pub(crate) const DEFAULT_STALL: Duration = Duration::from_secs(60);

/// What is to be run.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    /// The folder it runs in and works for; the present one where absent.
    pub(crate) work_dir: Option<PathBuf>,
    /// How long it may show no progress.
    pub(crate) stall: Duration,
    /// The operation errors are told under.
    pub(crate) operation: &'static str,
}

/// A line of output.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Line<'a> {
    Out(&'a str),
    Err(&'a str),
}

/// How a program has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// The last lines of stderr.
    pub(crate) tail: String,
}

/// Runs a program to its end, handing each line to `on_line`, which says whether the line shows
/// progress. Ends early, with nothing left running, when `stop` is done.
///
/// # Errors
/// [`Unavailable`](ErrorKind::Unavailable) if it cannot be started,
/// [`Timeout`](ErrorKind::Timeout) if it shows no progress for too long,
/// [`Cancelled`](ErrorKind::Cancelled) if it was stopped. How it exits is no error here.
pub(crate) async fn run(
    program: &Program,
    stop: impl Future<Output = ()>,
    mut on_line: impl FnMut(Line<'_>) -> bool,
) -> Result<Ended> {
    let mut child = Running::start(program)?;
    let mut out = Lines::new(child.process.stdout.take());
    let mut err = Lines::new(child.process.stderr.take());
    let mut tail = Tail::default();
    let mut stop = std::pin::pin!(stop);
    let mut stalled = std::pin::pin!(tokio::time::sleep(program.stall));
    loop {
        let mut progress = false;
        tokio::select! {
            more = out.fill(), if !out.ended => {
                more.map_err(|cause| lost(program, cause))?;
                out.take_lines(|line| progress |= on_line(Line::Out(line)));
            }
            more = err.fill(), if !err.ended => {
                more.map_err(|cause| lost(program, cause))?;
                err.take_lines(|line| {
                    tail.push(line);
                    progress |= on_line(Line::Err(line));
                });
            }
            status = child.process.wait(), if out.ended && err.ended => {
                child.group = None;
                let status = status.map_err(|cause| lost(program, cause))?;
                return Ok(Ended { status, tail: tail.text() });
            }
            () = &mut stop => {
                child.kill().await;
                return Err(Error::new(ErrorKind::Cancelled, program.operation, "stopped as asked"));
            }
            () = &mut stalled => {
                child.kill().await;
                return Err(Error::new(
                    ErrorKind::Timeout,
                    program.operation,
                    "the program showed no progress and was stopped; the media may be damaged, or \
                     the machine overloaded",
                )
                .with("program", program.path.display())
                .with("seconds", program.stall.as_secs())
                .with("output", tail.text()));
            }
        }
        if progress {
            stalled.as_mut().reset(Instant::now() + program.stall);
        }
    }
}

/// Runs a program and collects what it prints to stdout, up to `limit` bytes.
///
/// # Errors
/// As [`run`]; the stall time is the most it may take. More than `limit` bytes are
/// [`InvalidMedia`](ErrorKind::InvalidMedia).
pub(crate) async fn capture(program: &Program, limit: usize) -> Result<(Ended, Vec<u8>)> {
    let mut child = Running::start(program)?;
    let mut stdout = child.process.stdout.take();
    let mut err = Lines::new(child.process.stderr.take());
    let mut tail = Tail::default();
    let mut bytes = Vec::new();
    let reading = async {
        let out = async {
            if let Some(stdout) = &mut stdout {
                let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
                stdout.take(most).read_to_end(&mut bytes).await?;
            }
            // Closed here, so that a program with more to say ends instead of waiting for us.
            stdout = None;
            Ok::<(), std::io::Error>(())
        };
        let err = async {
            while !err.ended {
                err.fill().await?;
                err.take_lines(|line| tail.push(line));
            }
            Ok(())
        };
        tokio::try_join!(out, err)?;
        child.process.wait().await
    };
    let status = match tokio::time::timeout(program.stall, reading).await {
        Ok(status) => status.map_err(|cause| lost(program, cause))?,
        Err(_) => {
            child.kill().await;
            return Err(Error::new(
                ErrorKind::Timeout,
                program.operation,
                "the program took too long and was stopped; the media may be damaged",
            )
            .with("program", program.path.display())
            .with("seconds", program.stall.as_secs()));
        }
    };
    child.group = None;
    if bytes.len() > limit {
        return Err(Error::new(
            ErrorKind::InvalidMedia,
            program.operation,
            "the program says more about this file than any real media gives cause for",
        )
        .with("limit", limit));
    }
    Ok((Ended { status, tail: tail.text() }, bytes))
}

/// Kills what an earlier process left running for `work_dir`, and tells how many there were.
///
/// Call it when taking over a folder. Only children of this module are found: the mark in their
/// environment is compared, not their id, which another process may have by now. Works where
/// there is `/proc`; elsewhere nothing is found.
pub(crate) fn kill_stale(work_dir: &Path) -> usize {
    let mut mark = OsString::from(WORK_DIR_MARK);
    mark.push("=");
    mark.push(work_dir);
    let mut killed = 0;
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.parse().ok()).filter(|pid| *pid > 1);
        // Group 1 would mean everybody.
        let Some(pid) = pid.and_then(Pid::from_raw) else { continue };
        let Ok(environment) = std::fs::read(entry.path().join("environ")) else { continue };
        let marked = environment.split(|byte| *byte == 0).any(|one| one == mark.as_encoded_bytes());
        if marked && kill_process_group(pid, Signal::KILL).is_ok() {
            tracing::warn!(work_dir = %work_dir.display(), "killed what a dead process had left");
            killed += 1;
        }
    }
    killed
}

fn lost(program: &Program, cause: std::io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, program.operation, "the program's output was lost")
        .with("program", program.path.display())
        .caused_by(cause)
}

/// A child and its process group.
struct Running {
    process: Child,
    /// None once it has been waited for: its id may belong to another then.
    group: Option<Pid>,
}

impl Running {
    fn start(program: &Program) -> Result<Self> {
        let mut command = Command::new(&program.path);
        command
            .args(&program.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            // Colours and other people's settings would change what we read.
            .env("AV_LOG_FORCE_NOCOLOR", "1")
            .env_remove("FFREPORT");
        if let Some(work_dir) = &program.work_dir {
            command.current_dir(work_dir).env(WORK_DIR_MARK, work_dir);
        }
        let process = command.spawn().map_err(|cause| {
            let message = "the program could not be started; check that it is there and may be run";
            Error::new(ErrorKind::Unavailable, program.operation, message)
                .with("program", program.path.display())
                .caused_by(cause)
        })?;
        let id = process.id().and_then(|id| i32::try_from(id).ok());
        Ok(Self { process, group: id.and_then(Pid::from_raw) })
    }

    async fn kill(&mut self) {
        self.kill_group();
        // Waited for, so that nothing of it writes any more when the caller tidies up.
        let _ = self.process.wait().await;
    }

    fn kill_group(&mut self) {
        if let Some(group) = self.group.take() {
            // An error means that it is gone already.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill_group();
    }
}

/// Splits a stream into lines, cutting those that are too long.
struct Lines<R> {
    source: Option<R>,
    buffer: Vec<u8>,
    ended: bool,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    fn new(source: Option<R>) -> Self {
        Self { ended: source.is_none(), source, buffer: Vec::new() }
    }

    /// Reads once. Safe to drop half-way: what was read is in the buffer or still in the pipe.
    async fn fill(&mut self) -> std::io::Result<()> {
        if let Some(source) = &mut self.source
            && source.read_buf(&mut self.buffer).await? == 0
        {
            self.ended = true;
        }
        Ok(())
    }

    fn take_lines(&mut self, mut on_line: impl FnMut(&str)) {
        let mut start = 0;
        // ffmpeg ends lines that replace each other with a carriage return.
        while let Some(length) =
            self.buffer[start..].iter().position(|byte| matches!(byte, b'\n' | b'\r'))
        {
            let line = &self.buffer[start..start + length.min(MAX_LINE)];
            if !line.is_empty() {
                on_line(&String::from_utf8_lossy(line));
            }
            start += length + 1;
        }
        self.buffer.drain(..start);
        if self.ended || self.buffer.len() > MAX_LINE {
            self.buffer.truncate(MAX_LINE);
            if !self.buffer.is_empty() {
                on_line(&String::from_utf8_lossy(&self.buffer));
            }
            self.buffer.clear();
        }
    }
}

/// The last lines of stderr.
#[derive(Debug, Default)]
struct Tail(VecDeque<String>);

impl Tail {
    fn push(&mut self, line: &str) {
        // What is said at info level is no reason of a failure and would push the reason out.
        if line.contains("[info]") || line.contains("[verbose]") {
            return;
        }
        if self.0.len() == TAIL_LINES {
            self.0.pop_front();
        }
        self.0.push_back(line.chars().take(TAIL_LINE_LENGTH).collect());
    }

    fn text(&self) -> String {
        self.0.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, stall: Duration) -> Program {
        Program {
            path: "/bin/sh".into(),
            arguments: vec!["-c".into(), script.into()],
            work_dir: None,
            stall,
            operation: "test.run",
        }
    }

    fn alive(pid: &str) -> bool {
        // A zombie that nobody has reaped yet does not run any more.
        std::fs::read_to_string(format!("/proc/{pid}/stat"))
            .is_ok_and(|stat| !stat.contains(") Z "))
    }

    async fn gone(pid: &str) -> bool {
        for _ in 0..200 {
            if !alive(pid) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        false
    }

    #[tokio::test]
    async fn lines_of_both_streams_arrive_and_the_status_is_told() {
        let script = "printf 'one\\rtwo\\n'; echo bad >&2; printf three; exit 3";
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let ended = run(&shell(script, DEFAULT_STALL), std::future::pending(), |line| {
            match line {
                Line::Out(line) => out.push(line.to_owned()),
                Line::Err(line) => err.push(line.to_owned()),
            }
            true
        })
        .await
        .unwrap();
        assert_eq!(out, ["one", "two", "three"]);
        assert_eq!(err, ["bad"]);
        assert_eq!((ended.status.code(), ended.tail.as_str()), (Some(3), "bad"));
    }

    #[tokio::test]
    async fn a_silent_program_is_stopped_and_a_busy_one_is_not() {
        let stall = Duration::from_millis(300);
        let quiet = run(&shell("sleep 60", stall), std::future::pending(), |_| true).await;
        assert_eq!(quiet.unwrap_err().kind(), ErrorKind::Timeout);

        let busy = "for i in 1 2 3 4 5 6; do sleep 0.1; echo $i; done";
        assert!(run(&shell(busy, stall), std::future::pending(), |_| true).await.is_ok());
        let stuck = run(&shell(busy, stall), std::future::pending(), |_| false).await;
        assert_eq!(stuck.unwrap_err().kind(), ErrorKind::Timeout, "lines alone are no progress");
    }

    #[tokio::test]
    async fn stopping_and_dropping_kill_the_whole_group() {
        for dropped in [false, true] {
            let (tell, told) = std::sync::mpsc::channel();
            let program = shell("sleep 60 & echo $!; wait", DEFAULT_STALL);
            let stop = async {
                tokio::time::sleep(Duration::from_millis(if dropped { 60_000 } else { 300 })).await;
            };
            let work = run(&program, stop, |line| {
                if let Line::Out(pid) = line {
                    tell.send(pid.to_owned()).unwrap();
                }
                true
            });
            let ended = tokio::time::timeout(Duration::from_millis(600), work).await;
            match ended {
                Ok(result) => assert_eq!(result.unwrap_err().kind(), ErrorKind::Cancelled),
                Err(_) => assert!(dropped),
            }
            assert!(gone(&told.recv().unwrap()).await);
        }
    }

    #[tokio::test]
    async fn what_a_dead_process_left_is_found_by_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let mut left = Command::new("/bin/sleep")
            .arg("60")
            .env(WORK_DIR_MARK, folder.path())
            .process_group(0)
            .spawn()
            .unwrap();
        let other = folder.path().join("other");
        // The child has its own environment only once it has been replaced by the program.
        let mut found = 0;
        for _ in 0..100 {
            assert_eq!(kill_stale(&other), 0);
            found = kill_stale(folder.path());
            if found > 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(found, 1);
        assert!(!left.wait().await.unwrap().success());
    }

    #[tokio::test]
    async fn capturing_is_bounded_in_bytes_and_time() {
        let (ended, bytes) = capture(&shell("printf abc", DEFAULT_STALL), 3).await.unwrap();
        assert_eq!((ended.status.success(), bytes.as_slice()), (true, b"abc".as_slice()));
        let error = capture(&shell("yes", DEFAULT_STALL), 1000).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidMedia);
        let slow = capture(&shell("sleep 60", Duration::from_millis(100)), 1000).await;
        assert_eq!(slow.unwrap_err().kind(), ErrorKind::Timeout);
    }

    #[tokio::test]
    async fn endless_lines_are_cut() {
        let script = "head -c 300000 /dev/zero | tr '\\0' x; echo; echo end";
        let mut lengths = Vec::new();
        run(&shell(script, DEFAULT_STALL), std::future::pending(), |line| {
            if let Line::Out(line) = line {
                lengths.push(line.len());
            }
            true
        })
        .await
        .unwrap();
        assert!(lengths.iter().all(|length| *length <= MAX_LINE), "{lengths:?}");
        assert_eq!(lengths.last(), Some(&3));
    }
}
