//! A library in a folder of its own, and the program that works on it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use emam_tests::bytes;
use serde_json::Value;

/// What a command did.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Done {
    /// What it printed, one JSON value a line.
    #[track_caller]
    pub(crate) fn records(&self) -> Vec<Value> {
        assert_eq!(self.code, Some(0), "{self:?}");
        json_lines(&self.stdout)
    }

    /// The one JSON value it printed.
    #[track_caller]
    pub(crate) fn record(&self) -> Value {
        let records = self.records();
        assert_eq!(records.len(), 1, "{self:?}");
        records.into_iter().next().unwrap()
    }

    /// The errors it told of as JSON.
    #[track_caller]
    pub(crate) fn errors(&self) -> Vec<Value> {
        assert_eq!(self.code, Some(1), "{self:?}");
        json_lines(&self.stderr)
    }
}

#[track_caller]
pub(crate) fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

pub(crate) struct Scene {
    pub(crate) folder: tempfile::TempDir,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// With one short sound ingested under this title.
    pub(crate) fn with_sound(title: &str) -> (Self, String) {
        let scene = Self::new();
        let file = scene.sound(title);
        let done = scene.json(&["ingest", "--tag", "day 3", file.to_str().unwrap()]);
        let asset = done.record();
        assert_eq!(asset["lifecycle"], "ready", "{asset}");
        let id = asset["id"].as_str().unwrap().to_owned();
        (scene, id)
    }

    pub(crate) fn library(&self) -> PathBuf {
        self.folder.path().join("library")
    }

    /// A second of sound in a file of this name; another name is another content.
    pub(crate) fn sound(&self, name: &str) -> PathBuf {
        let path = self.folder.path().join(format!("{name}.wav"));
        let pitch = name.bytes().fold(7, |sum: u16, byte| sum * 7 % 997 + u16::from(byte));
        std::fs::write(&path, bytes::wav(200, pitch)).unwrap();
        path
    }

    /// Makes the asset's record longer than a pipe holds.
    pub(crate) fn describe_at_length(&self, asset: &str) {
        let patch = serde_json::json!({ "description": "x".repeat(100_000) });
        let params = serde_json::json!({ "id": asset, "patch": patch }).to_string();
        self.run(&["call", "assets.update", &params]).record();
    }

    /// The program with these arguments, in the scene's folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program(self.folder.path());
        command.args(arguments);
        command
    }

    /// The program on the scene's library.
    pub(crate) fn on_library(&self, arguments: &[&str]) -> Command {
        let mut command = program(self.folder.path());
        command.arg("--library").arg(self.library()).args(arguments);
        command
    }

    /// Runs it on the scene's library.
    pub(crate) fn run(&self, arguments: &[&str]) -> Done {
        finish(&mut self.on_library(arguments))
    }

    /// The same with `--json`.
    pub(crate) fn json(&self, arguments: &[&str]) -> Done {
        finish(&mut self.on_library(&[&["--json"], arguments].concat()))
    }

    /// Starts it on the scene's library, its output caught.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        let mut command = self.on_library(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }
}

pub(crate) fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_emam_cli"));
    command.current_dir(folder).env_remove("EMAM_LIBRARY").stdin(Stdio::null());
    command
}

pub(crate) fn finish(command: &mut Command) -> Done {
    let output = command.output().unwrap();
    Done {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
