//! Sequences of known truth, written in every format and judged by a program that shares nothing
//! with the library.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;
use std::process::Command;

use emam_core::clock::SystemClock;
use emam_core::timeline::format::{Document, Format, ReadOptions, WriteOptions};
use emam_test_support::media::sample_tools;
use emam_timeline_tests::tools::{Model, models, python, run, script};
use serde_json::Value;

const JUDGED: [Format; 3] = [Format::Otio, Format::Edl, Format::Xmeml];

/// Writes each model in each format and has all of them judged; every complaint is in the failure.
fn judge(test: &str, document: impl Fn(&Model) -> emam_core::Result<Document>) {
    let Some(models) = models() else { return };
    let Some(tools) = sample_tools("timeline") else { return };
    let Some(python) = python(test) else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut complaints = Vec::new();
    for model in &models {
        let document = match document(model) {
            Ok(document) => document,
            Err(error) => {
                complaints.push(format!("{}: {}", model.name, error.report()));
                continue;
            }
        };
        for format in JUDGED {
            let name = format!("{}.{}", model.name, format.extension());
            match format.write(&document, &WriteOptions::default()) {
                Ok(written) => std::fs::write(folder.path().join(name), written.text()).unwrap(),
                Err(error) => complaints.push(format!("{name}: {}", error.report())),
            }
        }
    }
    complaints.extend(verdict(&python, &tools, &models, folder.path()));
    assert!(complaints.is_empty(), "{} wrong:\n{}", complaints.len(), complaints.join("\n"));
}

fn verdict(python: &Path, tools: &Path, models: &[Model], written: &Path) -> Vec<String> {
    let printed = run(Command::new(python)
        .arg(script("judge_timeline.py"))
        .arg(tools)
        .arg(models[0].otio.parent().unwrap())
        .arg(written));
    let mut lines: Vec<String> = printed.lines().map(str::to_owned).collect();
    let counts: Value = serde_json::from_str(&lines.pop().unwrap()).unwrap();
    for format in JUDGED {
        if counts[format.extension()] != serde_json::json!([models.len(), models.len()]) {
            lines.push(format!(".{}: {}", format.extension(), counts[format.extension()]));
        }
    }
    lines
}

#[test]
fn nothing_is_wrong_with_what_is_written_of_a_model() {
    judge("nothing_is_wrong_with_what_is_written_of_a_model", |model| Ok(model.cut().document()));
}

#[test]
fn nothing_is_wrong_with_what_is_converted_from_another_programs_file() {
    let test = "nothing_is_wrong_with_what_is_converted_from_another_programs_file";
    judge(test, |model| {
        Format::read_file(&model.otio, &ReadOptions::default(), &SystemClock)
            .map(|read| read.document)
    });
}
