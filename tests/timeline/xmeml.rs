//! Timelines written as FCP7 XML and read from it, judged by parties that are not emam.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

use emam_core::timeline::format::{Format, WriteOptions};
use emam_test_support::media::{sample_tools, samples};
use emam_test_support::skip;
use emam_timeline_tests::cut::Cut;
use emam_timeline_tests::model::cut_of;
use serde_json::Value;

/// The Python that has OpenTimelineIO.
fn python(test: &str) -> Option<PathBuf> {
    let python = std::env::var_os("EMAM_TEST_PYTHON").filter(|python| !python.is_empty());
    if python.is_none() {
        skip(&format!("{test}: EMAM_TEST_PYTHON names no Python with opentimelineio 0.18.1"));
    }
    python.map(PathBuf::from)
}

/// The XML of a cut.
fn written(cut: &Cut) -> String {
    Format::Xmeml.write(&cut.document(), &WriteOptions::default()).unwrap().text().to_owned()
}

/// The models of sequences whose truth is known.
fn models(folder: &Path) -> Vec<PathBuf> {
    let mut models: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(".model.json"))
        .collect();
    models.sort();
    models
}

fn model(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn every_synthetic_cut_passes_the_judge() {
    let test = "every_synthetic_cut_passes_the_judge";
    let (Some(python), Some(data), Some(tools)) =
        (python(test), samples("timeline/synthetic"), sample_tools("timeline/judge.py"))
    else {
        return skip(&format!("{test}: no samples, or no judge"));
    };
    let folder = tempfile::tempdir().unwrap();
    let mut failures = Vec::new();
    let models = models(&data);
    assert!(models.len() >= 36, "{} models", models.len());
    for path in &models {
        let file = folder.path().join("cut.xml");
        std::fs::write(&file, written(&cut_of(&model(path)))).unwrap();
        let judged = Command::new(&python).arg(&tools).arg(path).arg(&file).output().unwrap();
        if !judged.status.success() {
            let said = String::from_utf8_lossy(&judged.stdout).into_owned();
            failures.push(format!("{}: {said}", path.display()));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
