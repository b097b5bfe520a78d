//! The README's code, run on real media as a reader would.

// This is test code: a panic is how it speaks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::process::Command;

use emam_tests::media;

#[test]
fn quickstart_runs_from_a_file_to_an_edit_and_back_from_the_archive() {
    let folder = tempfile::tempdir().unwrap();
    let clip = media::shots(folder.path());
    let output = Command::new(env!("CARGO_BIN_EXE_quickstart"))
        .arg(&clip)
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("transcode") && said.contains("archiving"), "{said}");
    let edit = std::fs::read_to_string(folder.path().join("rough.otio")).unwrap();
    assert!(edit.contains("Timeline.1") && edit.contains("opening"));
}
