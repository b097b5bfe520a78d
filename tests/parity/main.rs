//! The same calls in every language give the same: one list of cases, one list of results.
//!
//! `cases.json` is spoken by this program and by `speak.py` and `speak.mjs` through their clients,
//! each with a new library; what they hear is compared with `golden.json`. After a change that is
//! meant, `EMAM_UPDATE_GOLDEN=1` writes it anew from Rust.

// This is test code: a panic is how it speaks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod rust;
mod shown;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use emam_core::Library;
use emam_core::api::operations;
use emam_core::gateway::{Gateway, GatewayOptions};
use serde_json::{Value, json};

/// What a speaker is given: its library, and where to write.
struct Scene {
    folder: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("out")).unwrap();
        Self { folder }
    }

    fn library(&self) -> PathBuf {
        self.folder.path().join("library")
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    /// Runs a speaker in another language: it prints one JSON line a case.
    fn speak(&self, program: &Path, arguments: &[&str]) -> Vec<Value> {
        let output = Command::new(program)
            .args(arguments)
            .arg(self.library())
            .arg(home())
            .arg(self.out())
            .output()
            .unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{} {arguments:?}: {complaint}", program.display());
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn compare(&self, language: &str, heard: Vec<Value>) {
        let cases = cases();
        assert_eq!(heard.len(), cases.len(), "{language} answers every case once");
        let mut shown = shown::Shown::new(&self.folder);
        let mut wrong = Vec::new();
        for (number, (case, heard)) in cases.iter().zip(heard).enumerate() {
            let heard = shown.of(case, heard);
            let golden = &golden()[number]["gives"];
            if *golden != heard {
                wrong.push(format!(
                    "case {number}, {}\n  golden {golden}\n  heard  {heard}",
                    case["call"]
                ));
            }
        }
        assert!(wrong.is_empty(), "{language} differs:\n{}", wrong.join("\n"));
    }
}

fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("parity")
}

fn read(file: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(home().join(file)).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn cases() -> Vec<Value> {
    read("cases.json")
}

fn golden() -> Vec<Value> {
    read("golden.json")
}

/// A program of another language, where the one who runs the tests has prepared it.
fn prepared(variable: &str) -> Option<PathBuf> {
    let path = std::env::var_os(variable).map(PathBuf::from);
    if path.is_none() {
        emam_tests::skip(&format!("{variable} is not set; `cargo xtask test parity` sets it"));
    }
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn rust_gives_what_is_written() {
    let scene = Scene::new();
    let library = Library::open(scene.library()).await.unwrap();
    let heard = rust::speak(&library, &cases(), &home(), &scene.out()).await;
    library.close().await;
    if std::env::var_os("EMAM_UPDATE_GOLDEN").is_some() {
        let mut shown = shown::Shown::new(&scene.folder);
        let lines: Vec<_> = cases()
            .iter()
            .zip(&heard)
            .map(|(case, heard)| {
                let gives = shown.of(case, heard.clone());
                format!("  {}", json!({ "call": case["call"], "gives": gives }))
            })
            .collect();
        let text = format!("[\n{}\n]\n", lines.join(",\n"));
        std::fs::write(home().join("golden.json"), text).unwrap();
    }
    scene.compare("Rust", heard);
}

#[test]
fn python_gives_the_same() {
    let Some(python) = prepared("EMAM_PARITY_PYTHON") else { return };
    let script = home().join("speak.py");
    for way in ["sync", "aio"] {
        let scene = Scene::new();
        scene.compare(way, scene.speak(&python, &[script.to_str().unwrap(), way]));
    }
}

#[test]
fn node_gives_the_same() {
    let Some(entry) = prepared("EMAM_PARITY_NODE") else { return };
    let scene = Scene::new();
    let script = home().join("speak.mjs");
    let arguments = [script.to_str().unwrap(), entry.to_str().unwrap(), "native"];
    scene.compare("Node", scene.speak(Path::new("node"), &arguments));
}

#[tokio::test(flavor = "multi_thread")]
async fn node_gives_the_same_over_http() {
    let Some(entry) = prepared("EMAM_PARITY_NODE") else { return };
    let scene = Scene::new();
    let library = Library::open(scene.library()).await.unwrap();
    let gateway = Gateway::new(library.clone(), GatewayOptions::default()).unwrap();
    let server = gateway.serve("127.0.0.1:0").await.unwrap();
    let url = server.url().to_owned();
    let heard = tokio::task::spawn_blocking(move || {
        let script = home().join("speak.mjs");
        let arguments = [script.to_str().unwrap(), entry.to_str().unwrap(), &url];
        let heard = scene.speak(Path::new("node"), &arguments);
        (scene, heard)
    });
    let (scene, heard) = heard.await.unwrap();
    server.shutdown().await;
    library.close().await;
    scene.compare("Node over HTTP", heard);
}

#[test]
fn every_operation_has_a_case() {
    let cases = cases();
    let spoken: BTreeSet<_> = cases.iter().filter_map(|case| case["call"].as_str()).collect();
    let rows: BTreeSet<_> = operations().iter().map(|row| row.name).collect();
    assert_eq!(spoken, rows);
}

#[test]
fn results_and_errors_are_golden() {
    let golden = golden();
    assert_eq!(golden.len(), cases().len());
    let errors = golden.iter().filter(|line| line["gives"]["error"].is_object()).count();
    assert!(errors > 10 && errors < golden.len() / 2, "{errors} of {} are errors", golden.len());
}
