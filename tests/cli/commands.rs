//! What each command does and prints.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;

use serde_json::json;

use crate::scene::{Scene, finish, json_lines, program};

#[test]
fn help_and_version_are_told_without_a_library() {
    let scene = Scene::new();
    let help = finish(&mut scene.command(&["--help"]));
    assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""));
    for command in
        ["ingest", "search", "show", "runs", "export", "archive", "events", "serve", "doctor"]
    {
        assert!(help.stdout.contains(&format!("\n  {command} ")), "{command}: {}", help.stdout);
        let one = finish(&mut scene.command(&[command, "--help"]));
        assert!(one.code == Some(0) && one.stdout.contains("--library"), "{one:?}");
    }
    let version = finish(&mut scene.command(&["--version"]));
    assert_eq!(version.stdout, format!("emam {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn ingest_makes_a_library_only_where_it_was_named() {
    let scene = Scene::new();
    let file = scene.sound("one");
    let file = file.to_str().unwrap();
    let here = finish(&mut scene.command(&["ingest", file]));
    assert_eq!(here.code, Some(1), "{here:?}");
    assert!(here.stderr.contains("--library DIR"), "{here:?}");
    let library = scene.library();
    let named = finish(scene.command(&["ingest", file]).env("EMAM_LIBRARY", &library));
    assert_eq!(named.code, Some(1), "{named:?}");
    assert!(!library.exists());

    let done = scene.run(&["ingest", file]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.stdout.contains("ready") && done.stdout.trim_end().ends_with("one"), "{done:?}");

    // Now it is there: found by the variable, and by standing in it.
    let found = finish(scene.command(&["search", "one"]).env("EMAM_LIBRARY", &library));
    assert!(found.stdout.contains("ready"), "{found:?}");
    let found = finish(program(&library).args(["search", "one"]));
    assert!(found.stdout.contains("ready"), "{found:?}");
}

#[test]
fn ingest_takes_folders_and_tells_of_each_file_it_does_not_take() {
    let scene = Scene::new();
    let cards = scene.folder.path().join("cards");
    std::fs::create_dir(&cards).unwrap();
    for name in ["one", "two"] {
        let path = scene.sound(name);
        std::fs::rename(&path, cards.join(path.file_name().unwrap())).unwrap();
    }
    std::fs::write(cards.join("three.txt"), "").unwrap();
    let done = scene.json(&["ingest", cards.to_str().unwrap(), "gone.mov", "--known", "allow"]);
    let errors = done.errors();
    assert_eq!(errors.len(), 2, "{errors:?}");
    let kinds: Vec<_> = errors.iter().map(|error| error["kind"].as_str().unwrap()).collect();
    assert!(kinds.contains(&"invalid_media") && kinds.contains(&"not_found"), "{errors:?}");
    assert!(
        errors.iter().all(|error| error["operation"] == "assets.ingest_all"
            || error["operation"] == "assets.ingest"),
        "{errors:?}"
    );
    let files: Vec<_> = json_lines(&done.stdout).iter().map(|a| a["file_name"].clone()).collect();
    assert_eq!(files, ["one.wav", "two.wav"]);
}

#[test]
fn ingest_says_what_is_known_and_hands_its_options_on() {
    let (scene, id) = Scene::with_sound("one");
    let again = scene.run(&["ingest", "one.wav"]);
    assert!(again.stdout.starts_with(&id) && again.stdout.contains("(known)"), "{again:?}");
    let rejected = scene.json(&["ingest", "one.wav", "--known", "reject"]).errors();
    assert_eq!(rejected[0]["kind"], "already_exists", "{rejected:?}");
    let md5 = scene.json(&["ingest", "one.wav", "--md5", "0123"]).errors();
    assert_eq!(md5[0]["kind"], "invalid_input", "{md5:?}");

    scene.sound("two");
    let asset = scene
        .json(&["ingest", "two.wav", "--title", "Zwei", "--description", "a tone", "--tag", "x,y"])
        .record();
    assert_eq!((&asset["title"], &asset["description"]), (&json!("Zwei"), &json!("a tone")));
    assert_eq!(asset["tags"], json!(["x,y"]));
}

#[test]
fn search_finds_filters_and_pages() {
    let (scene, id) = Scene::with_sound("rain on the roof");
    scene.sound("rain in spring");
    scene.sound("sun");
    let done = scene.run(&["ingest", "rain in spring.wav", "sun.wav"]);
    assert_eq!(done.code, Some(0), "{done:?}");

    let hits = scene.json(&["search", "rain", "--kind", "audio", "--tag", "day 3"]).records();
    assert_eq!((hits.len(), &hits[0]["asset"]["id"]), (1, &json!(id)));
    let titles = |arguments: &[&str]| -> Vec<String> {
        let hits = scene.json(arguments).records();
        hits.iter().map(|hit| hit["asset"]["title"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(titles(&["search", "rain", "--", "-spring"]), ["rain on the roof"]);
    assert_eq!(
        titles(&["search", "--all", "--sort", "title"]),
        ["rain in spring", "rain on the roof", "sun"]
    );
    assert_eq!(titles(&["search", "--kind", "video"]), [""; 0]);

    let some = scene.run(&["search", "--limit", "2"]);
    assert_eq!(
        (some.stdout.lines().count(), some.stderr.as_str()),
        (2, "2 of 3; --all prints all\n")
    );
    let none = scene.json(&["search", "--limit", "0"]).errors();
    assert_eq!(none[0]["kind"], "invalid_input");
}

#[test]
fn show_has_the_asset_and_its_files() {
    let (scene, id) = Scene::with_sound("tone");
    assert_eq!(scene.json(&["show", &id]).record()["id"], json!(id));
    let shown = scene.run(&["show", &id]).stdout;
    for part in ["tone\n", "audio", "online", "day 3", "md5", "original", "audio_proxy", "waveform"]
    {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

#[test]
fn runs_are_listed_waited_for_stopped_and_taken_up_again() {
    let scene = Scene::new();
    scene.sound("one");
    let left = scene.json(&["ingest", "one.wav", "--no-wait"]).record();
    let id = left["id"].as_str().unwrap();
    assert_eq!((&left["kind"], &left["state"]), (&json!("ingest"), &json!("queued")));

    let cancelled = scene.json(&["runs", "cancel", id]).record();
    assert_eq!(cancelled["state"], "cancelled");
    let waited = scene.json(&["runs", "wait", id]);
    assert_eq!(waited.code, Some(1), "a run that was cancelled has not succeeded: {waited:?}");
    let again = scene.json(&["runs", "cancel", id]).errors();
    assert_eq!(again[0]["kind"], "conflict");

    let taken_up = scene.json(&["runs", "retry", id]).record();
    assert_eq!(taken_up["state"], "queued");
    let waited = scene.json(&["runs", "wait"]).record();
    assert_eq!((&waited["id"], &waited["state"]), (&json!(id), &json!("succeeded")));
    assert_eq!(scene.json(&["runs", "wait"]).records(), [json!(null); 0]);

    let listed = scene.json(&["runs"]).records();
    assert_eq!(listed, scene.json(&["runs", "list", "--state", "succeeded"]).records());
    assert_eq!(listed.len(), 1);
    assert_eq!(scene.json(&["runs", "--state", "failed"]).records().len(), 0);
    let shown = scene.run(&["runs", "show", id]).stdout;
    assert!(shown.contains("succeeded") && shown.contains("done       transcode"), "{shown}");
}

#[test]
fn a_failed_file_is_told_of_and_its_run_can_be_retried() {
    let (scene, _) = Scene::with_sound("good");
    std::fs::write(scene.folder.path().join("bad.wav"), "RIFF no more").unwrap();
    let done = scene.json(&["ingest", "bad.wav"]);
    let error = &done.errors()[0];
    let context = error["context"].as_array().unwrap();
    assert!(context.contains(&json!(["file", "bad.wav"])), "{error}");
    let failed = scene.json(&["runs", "--state", "failed"]).record();
    let retried = scene.json(&["runs", "retry", "--wait", failed["id"].as_str().unwrap()]);
    assert_eq!(retried.code, Some(1), "{retried:?}");
    assert_eq!(json_lines(&retried.stdout)[0]["state"], "failed");
    let doctor = scene.run(&["doctor"]);
    assert_eq!(doctor.code, Some(0), "{doctor:?}");
    assert!(doctor.stdout.contains("warn  runs       1 failed"), "{doctor:?}");
}

#[test]
fn call_does_what_has_no_command_and_export_writes_what_it_made() {
    let (scene, asset) = Scene::with_sound("tone");
    let call = |operation: &str, params: serde_json::Value| {
        scene.run(&["call", operation, &params.to_string()]).record()
    };
    let project = call("projects.create", json!({ "name": "Promo" }));
    let sequence =
        call("sequences.create", json!({ "project": project["id"], "name": "Cut", "rate": "25" }));
    let id = sequence["id"].as_str().unwrap();
    call("sequences.append", json!({ "id": id, "clip": { "asset": asset } }));

    let exported = scene.json(&["export", id, "cut.otio", "--target", "proxy"]).record();
    assert!(exported["path"].as_str().unwrap().ends_with("cut.otio"), "{exported}");
    let otio = std::fs::read_to_string(scene.folder.path().join("cut.otio")).unwrap();
    let otio: serde_json::Value = serde_json::from_str(&otio).unwrap();
    assert_eq!(otio["OTIO_SCHEMA"], "Timeline.1");
    let text = scene.run(&["export", id, "cut.otio"]).stdout;
    assert!(text.trim_end().ends_with("cut.otio"), "{text}");
}

#[test]
fn call_reads_standard_input_and_lists_its_operations() {
    let (scene, asset) = Scene::with_sound("tone");
    let mut command = scene.on_library(&["call", "assets.search", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(br#"{"text": "tone"}"#).unwrap();
    let output = child.wait_with_output().unwrap();
    let page: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&page["total"], &page["items"][0]["asset"]["id"]), (&json!(1), &json!(asset)));

    let listed = scene.run(&["call", "--list"]);
    assert_eq!(listed.stdout.lines().count(), emam_core::api::operations().len());
    assert_eq!(
        scene.run(&["call", "events.last"]).record()["seq"].as_i64().map(|n| n > 0),
        Some(true)
    );
}

#[test]
fn archive_shows_what_it_takes_and_moves_nothing_without_a_yes() {
    let (scene, id) = Scene::with_sound("tone");
    let availability = || {
        let params = json!({ "id": id }).to_string();
        scene.run(&["call", "assets.availability", &params]).record()["availability"].clone()
    };
    let store = ["archive", "store", &id, "--class", "deep_archive"];
    let plan = scene.json(&["archive", "plan", "store", &id, "--class", "deep_archive"]).record();
    assert_eq!((&plan["quote"]["items"], &plan["items"][0]["asset"]), (&json!(1), &json!(id)));
    let dry = scene.json(&[&store[..], &["--dry-run"]].concat()).record();
    assert_eq!(dry, plan);
    let unasked = scene.json(&store).errors();
    assert!(unasked[0]["message"].as_str().unwrap().contains("--yes"), "{unasked:?}");
    assert_eq!(availability(), "online");
    let never_archived = scene.json(&["archive", "restore", &id, "--yes"]).errors();
    assert_eq!(never_archived[0]["kind"], "conflict");

    let stored = scene.run(&[&store[..], &["--yes"]].concat());
    assert_eq!(stored.code, Some(0), "{stored:?}");
    assert!(stored.stderr.contains("1 file, "), "the plan is shown first: {stored:?}");
    assert_eq!(availability(), "proxy_only");

    let plan = scene.run(&["archive", "plan", "restore", &id]);
    assert!(plan.stdout.contains("1 file, "), "{plan:?}");
    let restored = scene.json(&["archive", "restore", &id, "--yes", "--keep-days", "3"]).record();
    assert_eq!(restored["id"], json!(id));
    assert_eq!(availability(), "online");
    // Once more, to keep it for longer.
    let again = scene.json(&["archive", "restore", &id, "--yes", "--keep-days", "9"]).record();
    assert_eq!(again["id"], json!(id));
}

#[test]
fn events_are_read_and_followed() {
    let (scene, _) = Scene::with_sound("one");
    let all = scene.json(&["events"]).records();
    assert!(all.len() > 5, "{all:?}");
    let seq = |event: &serde_json::Value| event["seq"].as_i64().unwrap();
    let after = seq(&all[2]).to_string();
    assert_eq!(scene.json(&["events", "--after", &after]).records(), all[3..]);
    assert_eq!(scene.json(&["events", "--limit", "2"]).records(), all[..2]);
    assert_eq!(scene.json(&["events", "--new"]).records().len(), 0);
    let below = scene.json(&["events", "--after", "-1"]).errors();
    assert_eq!(below[0]["kind"], "invalid_input");

    // What happens while it follows comes too.
    let last = seq(all.last().unwrap()).to_string();
    let mut follower =
        scene.start(&["events", "--follow", "--json", "--limit", "1", "--after", &last]);
    let made = scene.run(&["call", "projects.create", r#"{"name": "Promo"}"#]).record();
    let mut line = String::new();
    BufReader::new(follower.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let event: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert!(event["topic"].as_str().unwrap().ends_with(".created"), "{event}");
    assert!(seq(&event) > last.parse().unwrap(), "{event} {made}");
    assert!(follower.wait().unwrap().success());
}

#[test]
fn doctor_says_what_is_there_and_what_to_do() {
    let (scene, _) = Scene::with_sound("one");
    let checks = scene.json(&["doctor"]).records();
    let verdict = |name: &str| {
        let check = checks.iter().find(|check| check["check"] == name);
        check.unwrap_or_else(|| panic!("{name}: {checks:?}"))["verdict"].clone()
    };
    for name in ["emam", "ffmpeg", "ffprobe", "codecs", "library", "catalog", "runs", "clock"] {
        assert_eq!(verdict(name), "ok", "{name}: {checks:?}");
    }
    // How much room there is, is the machine's.
    assert!(["ok", "warn"].contains(&verdict("space").as_str().unwrap()));

    let mut command = scene.command(&["doctor", "--json"]);
    let done = finish(command.env("EMAM_FFMPEG", "/nowhere/ffmpeg"));
    assert_eq!(done.code, Some(1), "{done:?}");
    let checks = json_lines(&done.stdout);
    let of = |name: &str| checks.iter().find(|check| check["check"] == name).unwrap();
    assert_eq!(of("ffmpeg")["verdict"], "fail");
    assert!(of("ffmpeg")["text"].as_str().unwrap().contains("/nowhere/ffmpeg"), "{checks:?}");
    assert_eq!(of("library")["verdict"], "warn");
    assert!(of("library")["advice"].as_str().unwrap().contains("--library"), "{checks:?}");
}

#[test]
fn serve_answers_until_it_is_told_to_stop() {
    let (scene, id) = Scene::with_sound("one");
    std::fs::write(scene.folder.path().join("tokens"), "\nopen-sesame\n").unwrap();
    let options = ["--bind", "127.0.0.1:0", "--token-file", "tokens", "--refuse", "assets.path"];
    let mut server = scene.start(&[&["serve", "--json"], &options[..]].concat());
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let listening: serde_json::Value = serde_json::from_str(&line).unwrap();
    let address = listening["url"].as_str().unwrap().strip_prefix("http://").unwrap().to_owned();

    let ask = |operation: &str, token: &str, body: &str| {
        let mut stream = std::net::TcpStream::connect(&address).unwrap();
        let length = body.len();
        write!(
            stream,
            "POST /v1/{operation} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\
             \r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let asset = json!({ "id": id }).to_string();
    let answer = ask("assets.get", "open-sesame", &asset);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(&id), "{answer}");
    assert!(ask("assets.get", "close-sesame", &asset).starts_with("HTTP/1.1 401"));
    assert!(!ask("assets.path", "open-sesame", &asset).starts_with("HTTP/1.1 200"));

    // It works on what other processes have started.
    scene.sound("two");
    let run = scene.json(&["ingest", "two.wav", "--no-wait"]).record();
    let joined = json!({ "id": run["id"], "timeout_ms": 30_000 }).to_string();
    let answer = ask("runs.join", "open-sesame", &joined);
    assert!(answer.contains("two.wav"), "{answer}");

    let pid = rustix::process::Pid::from_raw(server.id().try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(server.wait().unwrap().code(), Some(0));
}

#[test]
fn serve_refuses_what_is_not_safe() {
    let (scene, _) = Scene::with_sound("one");
    let open = scene.json(&["serve", "--bind", "0.0.0.0:0"]);
    assert_eq!(open.errors().len(), 1, "{open:?}");
    let origin = scene.json(&["serve", "--bind", "127.0.0.1:0", "--allow-origin", "*"]).errors();
    assert_eq!(origin[0]["kind"], "invalid_input");
    let file = scene.json(&["serve", "--bind", "127.0.0.1:0", "--token-file", "gone"]).errors();
    assert_eq!(file[0]["kind"], "not_found");
    std::fs::write(scene.folder.path().join("options.json"), r#"{"tokn": []}"#).unwrap();
    let wrong = scene.json(&["serve", "--options", "options.json"]).errors();
    assert!(wrong[0]["message"].as_str().unwrap().contains("`tokn`"), "{wrong:?}");
}
