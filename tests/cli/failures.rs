//! How it ends when it does not end well.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::scene::{Scene, finish, json_lines};

#[test]
fn what_cannot_be_understood_is_2() {
    let scene = Scene::new();
    for arguments in [
        &["serch", "x"][..],
        &["search", "--kind", "Video"],
        &["show", "not an id"],
        &["ingest"],
        &["call"],
        &[],
    ] {
        let done = finish(&mut scene.command(arguments));
        assert_eq!((done.code, done.stdout.as_str()), (Some(2), ""), "{arguments:?} {done:?}");
        assert!(!done.stderr.is_empty());
    }
    let done = finish(&mut scene.command(&["search", "--kind", "Video", "--json"]));
    assert_eq!(done.code, Some(2));
    let error = &json_lines(&done.stderr)[0];
    assert_eq!(error["kind"], "invalid_input");
    assert!(error["message"].as_str().unwrap().contains("image_sequence"), "{error}");
}

#[test]
fn an_error_is_told_in_words_or_as_json() {
    let (scene, _) = Scene::with_sound("one");
    let id = "01890000-0000-7000-8000-000000000000";
    let done = scene.run(&["show", id]);
    assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""), "{done:?}");
    assert!(done.stderr.starts_with("error: not_found in assets.get: "), "{done:?}");
    let error = &scene.json(&["show", id]).errors()[0];
    assert_eq!((&error["kind"], &error["operation"]), (&json!("not_found"), &json!("assets.get")));
    assert_eq!(error["retryable"], json!(false));

    for params in ["{", "[]", "{\"id\": NaN}", "{\"od\": 1}", "\"\\ud800\""] {
        let error = &scene.json(&["call", "assets.get", params]).errors()[0];
        assert_eq!(error["kind"], "invalid_input", "{params}: {error}");
    }
    let error = &scene.json(&["call", "assets.nothing"]).errors()[0];
    assert_eq!(error["context"], json!([["operation", "assets.nothing"]]));
}

#[test]
fn a_folder_without_a_library_says_what_to_do() {
    let scene = Scene::new();
    for arguments in [&["search"][..], &["runs", "wait"], &["events"], &["call", "events.last"]] {
        let done = scene.run(arguments);
        assert_eq!(done.code, Some(1), "{done:?}");
        assert!(done.stderr.contains("emam ingest --library DIR FILE"), "{done:?}");
        assert!(!scene.library().exists());
    }
}

#[test]
fn a_damaged_catalog_is_an_error_and_doctor_says_so() {
    let scene = Scene::new();
    std::fs::create_dir(scene.library()).unwrap();
    std::fs::write(scene.library().join("catalog.db"), "this is no database, is it?").unwrap();
    let error = &scene.json(&["search"]).errors()[0];
    assert_eq!(error["kind"], "integrity", "{error}");
    let done = scene.json(&["doctor"]);
    assert_eq!(done.code, Some(1), "{done:?}");
    let checks = json_lines(&done.stdout);
    assert!(checks.iter().any(|c| c["check"] == "catalog" && c["verdict"] == "fail"), "{checks:?}");
}

#[test]
fn wrong_settings_are_named() {
    let (scene, _) = Scene::with_sound("one");
    let done = finish(scene.on_library(&["search", "--json"]).env("EMAM_WORKERS", "many"));
    assert!(done.errors()[0]["context"].to_string().contains("EMAM_WORKERS"), "{done:?}");
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let (scene, id) = Scene::with_sound("one");
    scene.describe_at_length(&id);
    let mut child = scene.start(&["search", "--json"]);
    drop(child.stdout.take());
    let mut told = String::new();
    child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert_eq!((child.wait().unwrap().code(), told.as_str()), (Some(0), ""));

    // It waits for what is to come, and nobody will read that.
    let mut child = scene.start(&["events", "--follow"]);
    let mut line = String::new();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    reader.read_line(&mut line).unwrap();
    drop(reader);
    let begun = Instant::now();
    let mut told = String::new();
    child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert_eq!((child.wait().unwrap().code(), told.as_str()), (Some(0), ""));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn text_of_files_cannot_steer_the_terminal() {
    let (scene, id) = Scene::with_sound("one");
    let patch = json!({ "id": id, "patch": { "title": "\u{1b}]0;owned\u{7}\u{1b}[2J" } });
    scene.run(&["call", "assets.update", &patch.to_string()]).record();
    for arguments in [&["search"][..], &["show", &id]] {
        let done = scene.run(arguments);
        assert!(done.stdout.contains("owned") && !done.stdout.contains('\u{1b}'), "{done:?}");
    }
    // JSON is for programs: they get the title as it is.
    let hit = scene.json(&["search"]).record();
    assert_eq!(hit["asset"]["title"], "\u{1b}]0;owned\u{7}\u{1b}[2J");
}

/// util-linux's `script` gives a program a terminal.
#[test]
fn progress_is_shown_on_a_terminal_and_wiped_away() {
    let scene = Scene::new();
    scene.sound("one");
    let program = env!("CARGO_BIN_EXE_emam_cli");
    let line = format!("{program} ingest one.wav --library library 2>&1 >result.txt");
    let mut script = std::process::Command::new("script");
    script.args(["-q", "-e", "-c", &line, "/dev/null"]).current_dir(scene.folder.path());
    let Ok(output) = script.stdin(Stdio::null()).output() else {
        emam_tests::skip("this machine has no `script` to make a terminal with");
        return;
    };
    assert!(output.status.success(), "{output:?}");
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(shown.contains("1 of 1: one.wav"), "{shown:?}");
    assert!(shown.trim_end().ends_with("\r\u{1b}[K"), "{shown:?}");
    let result = std::fs::read_to_string(scene.folder.path().join("result.txt")).unwrap();
    assert!(result.contains("ready") && !result.contains('\u{1b}'), "{result:?}");
}
