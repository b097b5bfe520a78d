//! The guide of the command line does what it says.

use std::process::Command;

use emam_tests::bytes;

const GUIDE: &str = include_str!("../../docs/guide/command-line.md");

#[test]
fn the_commands_of_the_guide_run_one_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("clip.wav"), bytes::wav(200, 440)).unwrap();
    let mut script = String::from("set -eu\nemam() { \"$EMAM\" \"$@\"; }\n");
    for fence in GUIDE.split("```sh\n").skip(1) {
        script += fence.split("```").next().unwrap();
    }
    let output = Command::new("sh")
        .args(["-c", &script])
        .current_dir(folder.path())
        .env("EMAM", env!("CARGO_BIN_EXE_emam_cli"))
        .env_remove("EMAM_LIBRARY")
        .output()
        .unwrap();
    let (said, complaint) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{complaint}");
    for expected in ["Rain, take 1", "Promo", "ffprobe"] {
        assert!(said.contains(expected), "{expected} is not in\n{said}");
    }
}
