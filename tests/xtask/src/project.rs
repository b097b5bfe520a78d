//! Where the project lies, and how its commands start others.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;

use anyhow::{Context, Result, anyhow, bail};

/// The two folders every command needs.
#[derive(Debug, Clone)]
pub(crate) struct Project {
    /// The workspace's top folder.
    pub(crate) root: PathBuf,
    /// Cargo's target directory: the one place commands write to.
    pub(crate) target: PathBuf,
}

impl Project {
    /// Asks Cargo, which knows of `CARGO_TARGET_DIR` and of its own configuration files.
    pub(crate) fn find() -> Result<Self> {
        let mut cargo = Command::new(cargo_program());
        cargo.args(["metadata", "--no-deps", "--format-version", "1"]);
        if let Some(package) = std::env::var_os("CARGO_MANIFEST_DIR") {
            cargo.current_dir(package);
        }
        let text = output(&mut cargo)?;
        let metadata: serde_json::Value =
            serde_json::from_str(&text).context("`cargo metadata` printed no JSON")?;
        let folder = |key: &str| {
            metadata[key]
                .as_str()
                .map(PathBuf::from)
                .ok_or_else(|| anyhow!("`cargo metadata` names no {key}"))
        };
        Ok(Self { root: folder("workspace_root")?, target: folder("target_directory")? })
    }

    /// Cargo in the project's top folder.
    pub(crate) fn cargo(&self) -> Command {
        let mut cargo = Command::new(cargo_program());
        cargo.current_dir(&self.root);
        self.as_cargo(&mut cargo);
        cargo
    }

    /// Lets a command that starts Cargo start it as all others do, so that nothing is compiled
    /// twice for a variable that differs.
    pub(crate) fn as_cargo(&self, command: &mut Command) {
        command.env("CARGO_TARGET_DIR", &self.target);
        // The Python the extension is built with: the project's own, once it is there.
        let python = self.target.join("venv/bin/python");
        if python.exists() {
            command.env("PYO3_PYTHON", python);
        }
        // `cargo run` describes this package to us in these variables. Some build scripts watch
        // them, and would run again each time a build changes between here and a plain `cargo`.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&name);
            }
        }
    }

    /// A path as a person in the top folder would write it.
    pub(crate) fn shown<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}

fn cargo_program() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Whether the program can be started by its name.
pub(crate) fn on_path(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

/// Whether this is a machine nobody watches, where a skipped set-up step must be a failure.
pub(crate) fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false")
}

/// Runs it with our own input and output; true when it succeeded.
pub(crate) fn succeeds(command: &mut Command) -> Result<bool> {
    let status = command.status().with_context(|| not_started(command))?;
    Ok(status.success())
}

/// Runs it silently and returns what it printed; its complaint is the error.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let done = command.stdin(Stdio::null()).output().with_context(|| not_started(command))?;
    if !done.status.success() {
        let complaint = String::from_utf8_lossy(&done.stderr);
        bail!("`{}` failed ({}):\n{}", line(command), done.status, complaint.trim());
    }
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}

/// What a command printed while it also went to the terminal.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) status: ExitStatus,
    /// Standard output, then standard error, without colours.
    pub(crate) text: String,
}

/// Runs it, passing on what it prints as it comes and keeping a copy to read counts from.
pub(crate) fn listen(command: &mut Command) -> Result<Heard> {
    if std::io::stderr().is_terminal() {
        // The child sees a pipe, yet a person reads it.
        command.env("CARGO_TERM_COLOR", "always");
    }
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| not_started(command))?;
    let out = child.stdout.take().map(|pipe| thread::spawn(|| pass_on(pipe, std::io::stdout())));
    let err = child.stderr.take().map(|pipe| thread::spawn(|| pass_on(pipe, std::io::stderr())));
    let status = child.wait().with_context(|| format!("waiting for `{}`", line(command)))?;
    let mut text = Vec::new();
    for reader in [out, err].into_iter().flatten() {
        text.extend(reader.join().map_err(|_| anyhow!("reading `{}` failed", line(command)))?);
    }
    Ok(Heard { status, text: without_colours(&String::from_utf8_lossy(&text)) })
}

fn pass_on(from: impl Read, mut to: impl Write) -> Vec<u8> {
    let mut from = BufReader::new(from);
    let mut all = Vec::new();
    loop {
        let start = all.len();
        match from.read_until(b'\n', &mut all) {
            Ok(0) | Err(_) => return all,
            // A closed terminal is no reason to stop counting.
            Ok(_) => drop(to.write_all(&all[start..]).and_then(|()| to.flush())),
        }
    }
}

/// Drops terminal control sequences (`ESC [ … letter`).
fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            plain.push(c);
        } else if chars.next() == Some('[') {
            chars.by_ref().find(|c| c.is_ascii_alphabetic());
        }
    }
    plain
}

fn not_started(command: &Command) -> String {
    format!("cannot start `{}`: is it installed?", command.get_program().to_string_lossy())
}

fn line(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_dropped_and_text_is_kept() {
        assert_eq!(without_colours("\u{1b}[32;1m  Summary\u{1b}[0m [1s] ä"), "  Summary [1s] ä");
    }

    #[test]
    fn a_failed_command_tells_its_complaint() {
        let error = output(Command::new("sh").args(["-c", "echo lost >&2; exit 3"]));
        let text = error.map_err(|error| error.to_string());
        assert!(text.as_ref().is_err_and(|text| text.ends_with("lost")), "{text:?}");
    }

    #[test]
    fn both_outputs_are_heard() -> Result<()> {
        let heard = listen(Command::new("sh").args(["-c", "echo one; echo two >&2; exit 4"]))?;
        assert_eq!((heard.text.as_str(), heard.status.code()), ("one\ntwo\n", Some(4)));
        Ok(())
    }
}
