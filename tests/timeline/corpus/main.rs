//! Files of other programs against what independent readers found in them: `FILE.truth.json`
//! beside each.
//!
//! A test goes through all files of a format and fails with everything that is wrong with any.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod ale;
mod edl;
mod otio;
mod stable;
mod xmeml;

use std::path::{Path, PathBuf};

use emam_core::clock::SystemClock;
use emam_core::timeline::format::{Format, ReadDocument, ReadOptions};
use emam_timeline_tests::tools::sample_files;
use serde_json::Value;

/// A sample and what is in it.
struct Sample {
    path: PathBuf,
    truth: Value,
}

impl Sample {
    fn read(&self) -> emam_core::Result<ReadDocument> {
        read(&self.path)
    }

    fn name(&self) -> &str {
        self.path.file_name().unwrap().to_str().unwrap()
    }
}

fn read(path: &Path) -> emam_core::Result<ReadDocument> {
    Format::read_file(path, &ReadOptions::default(), &SystemClock)
}

/// The samples of a folder with their truths.
fn corpus(folder: &str, extension: &str) -> Option<Vec<Sample>> {
    let samples = sample_files(folder, extension)?.into_iter().filter_map(|path| {
        let mut truth = path.as_os_str().to_owned();
        truth.push(".truth.json");
        // One file has none: nothing else reads it either.
        let truth = std::fs::read_to_string(truth).ok()?;
        Some(Sample { path, truth: serde_json::from_str(&truth).unwrap() })
    });
    let samples: Vec<Sample> = samples.collect();
    assert!(!samples.is_empty(), "no sample of {folder} has a truth");
    Some(samples)
}

/// What is wrong, with the file it is wrong with.
#[derive(Default)]
struct Wrong {
    file: String,
    lines: Vec<String>,
    files: usize,
}

impl Wrong {
    fn of(&mut self, file: &str) {
        self.file = file.to_owned();
        self.files += 1;
    }

    fn say(&mut self, what: impl std::fmt::Display) {
        self.lines.push(format!("{}: {what}", self.file));
    }

    fn equal<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, found: T, truth: T) {
        if found != truth {
            self.say(format!("{what}: {found:?}, in truth {truth:?}"));
        }
    }

    #[track_caller]
    fn none(self) {
        let count = self.lines.len();
        assert!(count == 0, "{count} wrong in {} files:\n{}", self.files, self.lines.join("\n"));
    }
}

/// A number that stands in a truth as a number or as text.
fn number(value: &Value) -> i64 {
    match value {
        Value::String(text) => {
            text.parse().unwrap_or_else(|_| text.parse::<f64>().expect(text).round() as i64)
        }
        value => value.as_i64().unwrap_or_else(|| value.as_f64().unwrap().round() as i64),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
