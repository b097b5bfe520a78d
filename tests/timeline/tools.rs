//! The samples, and the programs that judge what is written.

use std::path::{Path, PathBuf};
use std::process::Command;

use emam_test_support::media::samples;
use emam_test_support::skip;
use serde_json::Value;

use crate::cut::Cut;
use crate::model::cut_of;

/// The Python that has OpenTimelineIO, its adapters and pycmx, or a loud skip.
// Tests have no configuration but the environment.
#[allow(clippy::disallowed_methods)]
pub fn python(test: &str) -> Option<PathBuf> {
    let python = std::env::var_os("EMAM_TEST_PYTHON").filter(|python| !python.is_empty());
    if python.is_none() {
        skip(&format!(
            "{test}: EMAM_TEST_PYTHON names no Python with opentimelineio, its adapters and pycmx"
        ));
    }
    python.map(PathBuf::from)
}

/// A script of tests/python.
pub fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../python").join(name)
}

/// What a command prints; it must succeed.
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed:\n{errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// The files of a folder of the timeline samples with this extension, in order, or a loud skip.
pub fn sample_files(folder: &str, extension: &str) -> Option<Vec<PathBuf>> {
    let folder = samples(&format!("timeline/{folder}"))?;
    let mut files: Vec<PathBuf> = folder
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} holds no .{extension}", folder.display());
    Some(files)
}

/// A synthetic sequence of known truth.
#[derive(Debug)]
pub struct Model {
    /// Its name, as `seq00001`.
    pub name: String,
    /// What it is, in whole frames.
    pub truth: Value,
    /// The `.otio` that OpenTimelineIO wrote of it.
    pub otio: PathBuf,
}

impl Model {
    /// The sequence.
    pub fn cut(&self) -> Cut {
        cut_of(&self.truth)
    }

    /// Whether the model has this feature, such as `mixrate` or `speed`.
    pub fn has(&self, feature: &str) -> bool {
        self.truth["features"].as_array().unwrap().iter().any(|found| found == feature)
    }
}

/// The synthetic sequences of the samples, or a loud skip.
pub fn models() -> Option<Vec<Model>> {
    let models = sample_files("synthetic", "otio")?.into_iter().map(|otio| {
        let name = otio.file_stem().unwrap().to_str().unwrap().to_owned();
        let path = otio.with_file_name(format!("{name}.model.json"));
        let truth = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        Model { name, truth, otio }
    });
    Some(models.collect())
}
