//! Ctrl-C and SIGTERM.

use std::io::Read;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use emam_tests::media;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::scene::Scene;

fn send(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

/// A clip that takes some seconds to be made playable.
fn long_clip(folder: &Path) {
    let source = ["-f", "lavfi", "-i", "testsrc2=s=1280x720:r=25:d=30", "-c:v", "mpeg2video"];
    media::make(folder, "long.mpg", &[&source[..], &["-q:v", "6"]].concat());
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn end(mut child: Child) -> (Option<i32>, String) {
    let mut told = String::new();
    child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    (child.wait().unwrap().code(), told)
}

#[test]
fn an_interrupted_ingest_goes_on_at_the_next_opening() {
    let scene = Scene::new();
    long_clip(scene.folder.path());
    let child = scene.start(&["ingest", "long.mpg"]);
    wait_until("the transcode has begun", || {
        let done = scene.json(&["runs"]);
        done.code == Some(0)
            && done.records().iter().any(|run| run["progress"]["step"] == "transcode")
    });
    let begun = Instant::now();
    send(&child, Signal::INT);
    let (code, told) = end(child);
    assert_eq!(code, Some(130), "{told}");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(told.contains("1 run not done; `emam runs wait` goes on"), "{told}");

    let left = scene.json(&["runs"]).record();
    assert_ne!(left["state"], "failed", "{left}");
    let done = scene.json(&["runs", "wait"]).record();
    assert_eq!((&done["id"], &done["state"]), (&left["id"], &json!("succeeded")));
    let asset = scene.json(&["search"]).record();
    assert_eq!(asset["asset"]["lifecycle"], "ready");
    // What was done was not done again.
    let stores = done["steps"].as_array().unwrap().iter().filter(|step| step["name"] == "store");
    assert_eq!(stores.map(|step| step["attempts"].clone()).collect::<Vec<_>>(), [json!(1)]);
}

#[test]
fn a_follower_ends_at_sigterm() {
    let (scene, _) = Scene::with_sound("one");
    let child = scene.start(&["events", "--follow", "--new"]);
    // Its signals are listened to before the library is opened; that it runs is all there is to see.
    std::thread::sleep(Duration::from_millis(500));
    send(&child, Signal::TERM);
    let (code, told) = end(child);
    assert_eq!(code, Some(130), "{told}");
    assert!(!told.contains("not done"), "it worked on nothing: {told}");
}

#[test]
fn a_second_signal_quits_a_command_that_is_stuck() {
    let (scene, id) = Scene::with_sound("one");
    scene.describe_at_length(&id);
    // Nobody empties the pipe, and more is printed than it holds.
    let mut child = scene.start(&["show", &id]);
    let pipe = child.stdout.take().unwrap();
    wait_until("the pipe is full", || rustix::io::ioctl_fionread(&pipe).unwrap() >= 65_536);
    send(&child, Signal::INT);
    let mut told = [0; 9];
    child.stderr.as_mut().unwrap().read_exact(&mut told).unwrap();
    assert_eq!(&told, b"\nstopping");
    assert!(child.try_wait().unwrap().is_none(), "one signal asks, and it cannot answer");
    send(&child, Signal::INT);
    let begun = Instant::now();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(begun.elapsed() < Duration::from_secs(5));
}
