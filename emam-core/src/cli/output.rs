//! Printing: records for people or as JSON, errors, a line of progress.

use std::fmt;
use std::io::{ErrorKind as IoKind, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use crate::error::{Error, ErrorKind};

/// Why a command did not come to its end.
#[derive(Debug)]
pub(super) enum Failure {
    /// It failed for this.
    Error(Error),
    /// Some of it failed, and each failure was printed when it was met.
    Told,
    /// Nobody reads what it prints (`emam … | head`).
    Unread,
    /// Somebody asked it to stop.
    Interrupted,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// Where a command prints.
#[derive(Debug)]
pub(super) struct Out {
    /// Whether records and errors are printed as JSON.
    pub(super) json: bool,
    bold: bool,
    progress: bool,
    progress_shown: AtomicBool,
}

/// How often to see whether somebody still reads.
#[cfg(unix)]
const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_millis(300);

/// The longest line of progress: one that breaks could not be wiped away.
const PROGRESS_WIDTH: usize = 79;

impl Out {
    pub(super) fn new(json: bool) -> Self {
        Self {
            json,
            bold: std::io::stdout().is_terminal(),
            progress: !json && std::io::stderr().is_terminal(),
            progress_shown: AtomicBool::new(false),
        }
    }

    /// Prints a record: as JSON, or in these words.
    pub(super) fn record<T: Serialize>(
        &self,
        record: &T,
        words: impl FnOnce(&T) -> String,
    ) -> Result<(), Failure> {
        if self.json {
            let json = serde_json::to_string(record).map_err(|cause| {
                Error::new(ErrorKind::Unexpected, "cli.print", "the record has no JSON")
                    .caused_by(cause)
            })?;
            self.raw(&json)
        } else {
            let shown = shown(&words(record));
            // Where a search matched, as the catalog marks it.
            let (begin, end) = if self.bold { ("\u{1b}[1m", "\u{1b}[0m") } else { ("", "") };
            self.raw(&shown.replace('\u{e000}', begin).replace('\u{e001}', end))
        }
    }

    /// Prints a line as it is.
    pub(super) fn raw(&self, line: &str) -> Result<(), Failure> {
        self.wipe();
        let mut stdout = std::io::stdout().lock();
        // One write: another process that appends to the same file cannot get between.
        let done = stdout.write_all(format!("{line}\n").as_bytes()).and_then(|()| stdout.flush());
        done.map_err(|cause| match cause.kind() {
            IoKind::BrokenPipe => Failure::Unread,
            _ => Failure::Error(
                Error::new(
                    ErrorKind::Unavailable,
                    "cli.print",
                    "standard output cannot be written; is the disk full?",
                )
                .caused_by(cause),
            ),
        })
    }

    /// Waits until nobody reads standard output any more, of which a command that waits for
    /// something else to print would not be told.
    pub(super) async fn unread(&self) {
        #[cfg(unix)]
        {
            use rustix::event::{PollFd, PollFlags, Timespec, poll};
            const AT_ONCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
            loop {
                tokio::time::sleep(LOOK_AGAIN).await;
                let stdout = std::io::stdout();
                let mut watched = [PollFd::new(&stdout, PollFlags::empty())];
                let told = poll(&mut watched, Some(&AT_ONCE));
                if told.is_ok() && watched[0].revents().contains(PollFlags::ERR) {
                    return;
                }
            }
        }
        #[cfg(not(unix))]
        std::future::pending().await
    }

    /// Says something beside the records, for people.
    pub(super) fn note(&self, text: impl fmt::Display) {
        if !self.json {
            self.to_stderr(&shown(&text.to_string()));
        }
    }

    /// What says, from wherever it is called, that the command is being stopped.
    pub(super) fn stop_note(&self) -> impl Fn() + Send + 'static {
        let json = self.json;
        move || {
            if !json {
                print_error("\nstopping; once more to quit at once\n");
            }
        }
    }

    /// Tells of an error.
    pub(super) fn error(&self, error: &Error) {
        if self.json {
            let info = serde_json::to_string(&error.to_info());
            self.to_stderr(&info.unwrap_or_else(|_| error.to_string()));
        } else {
            self.to_stderr(&shown(&format!("error: {}", error.report())));
        }
    }

    /// Shows what is going on, in place of what was shown before; only on a terminal.
    pub(super) fn progress(&self, text: impl fmt::Display) {
        if self.progress {
            let line: String = shown(&text.to_string()).chars().take(PROGRESS_WIDTH).collect();
            self.progress_shown.store(true, Ordering::Relaxed);
            print_error(&format!("\r{line}\u{1b}[K"));
        }
    }

    /// Whether a person can be asked.
    pub(super) fn can_ask(&self) -> bool {
        !self.json && std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    /// The code to exit with; prints an error that was not printed yet.
    pub(super) fn end(&self, outcome: Result<(), Failure>) -> u8 {
        self.wipe();
        match outcome {
            Ok(()) | Err(Failure::Unread) => 0,
            Err(Failure::Told) => 1,
            Err(Failure::Error(error)) => {
                self.error(&error);
                1
            }
            Err(Failure::Interrupted) => 130,
        }
    }

    fn to_stderr(&self, line: &str) {
        self.wipe();
        print_error(&format!("{line}\n"));
    }

    fn wipe(&self) {
        if self.progress_shown.swap(false, Ordering::Relaxed) {
            print_error("\r\u{1b}[K");
        }
    }
}

/// Prints to standard error; where that is closed there is nobody left to tell.
pub(super) fn print_error(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Text that does to a terminal what its letters say and nothing else: titles come from files.
fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_files_cannot_steer_a_terminal() {
        assert_eq!(shown("a\u{1b}[2Jb\r\u{9b}c\nd"), "a\u{fffd}[2Jb\u{fffd}\u{fffd}c\nd");
    }

    #[test]
    fn every_ending_has_its_code() {
        let out = Out::new(true);
        assert_eq!(out.end(Ok(())), 0);
        assert_eq!(out.end(Err(Failure::Unread)), 0);
        assert_eq!(out.end(Err(Failure::Told)), 1);
        assert_eq!(out.end(Err(Failure::Interrupted)), 130);
    }
}
