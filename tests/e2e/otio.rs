//! Timelines written as `.otio`, read by the OpenTimelineIO library.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, HashMap};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use emam_core::clock::{Clock, ManualClock};
use emam_core::id::{AssetId, ClipId, ProjectId, SequenceId, TrackId};
use emam_core::model::{
    Clip, ClipSource, Gap, Item, MediaSummary, Role, Sequence, SequenceMarker, Track, TrackKind,
    Transition,
};
use emam_core::time::{MediaTime, Rate, TimeRange, Timecode};
use emam_core::timeline::format::{ClipMedia, MediaMap, OtioOptions, Target, file_url, write_otio};
use emam_core::timeline::{Placement, append, insert, length};
use serde_json::{Value, json};

/// Says that a test did not run, where the test command counts it.
fn skip(test: &str, why: &str) {
    let line = format!("skipped: {test}: {why}");
    eprintln!("{line}");
    if let Some(log) = std::env::var_os("EMAM_SKIP_LOG") {
        let mut log = std::fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
        // In one write: tests run side by side.
        log.write_all(format!("{line}\n").as_bytes()).unwrap();
    }
}

/// The Python that has OpenTimelineIO.
fn python(test: &str) -> Option<PathBuf> {
    let python = std::env::var_os("EMAM_TEST_PYTHON").filter(|python| !python.is_empty());
    if python.is_none() {
        skip(test, "EMAM_TEST_PYTHON names no Python with opentimelineio 0.18.1");
    }
    python.map(PathBuf::from)
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("python").join(name)
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed:\n{errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// Writes a sequence and returns what OpenTimelineIO reads; it must write the same text again.
fn read_back(python: &Path, cut: &Cut, target: Target) -> Value {
    let options = OtioOptions::default().with_target(target);
    let text = write_otio(&cut.sequence, &cut.media, &options).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.otio");
    std::fs::write(&path, text).unwrap();
    let printed = run(Command::new(python).arg(script("read_otio.py")).arg(&path));
    let mut read: Value = serde_json::from_str(&printed).unwrap();
    let read = read[0].take();
    assert_eq!(read["same_json"], true, "OpenTimelineIO reads other values than were written");
    assert_eq!(read["same_text"], true, "OpenTimelineIO writes this timeline differently");
    read
}

/// A sequence and the media of its clips.
struct Cut {
    clock: ManualClock,
    sequence: Sequence,
    media: MediaMap,
}

impl Cut {
    fn new(rate: Rate) -> Self {
        let clock = ManualClock::starting_at("2026-01-01T00:00:00Z".parse().unwrap());
        let sequence = Sequence {
            id: SequenceId::new(&clock),
            revision: 3,
            project: ProjectId::new(&clock),
            name: "Rough cut".into(),
            rate,
            drop_frame: false,
            start: 0,
            width: Some(1920),
            height: Some(1080),
            tracks: Vec::new(),
            markers: Vec::new(),
            metadata: BTreeMap::new(),
            created_at: clock.now(),
            updated_at: clock.now(),
        };
        Self { clock, sequence, media: MediaMap::new() }
    }

    /// Makes an asset with an original and a proxy.
    fn asset(&mut self, name: &str, summary: MediaSummary) -> ClipSource {
        let source = ClipSource { asset: AssetId::new(&self.clock), version: None, subclip: None };
        let url = |folder: &str| file_url(&Path::new("/media").join(folder).join(name)).unwrap();
        let urls = [(Role::Original, url("originals")), (Role::Proxy, url("proxies"))];
        let media = ClipMedia { name: name.into(), summary, urls: urls.into(), reel: None };
        self.media.insert(&source, media);
        source
    }

    fn track(&mut self, kind: TrackKind, items: Vec<Item>) {
        let id = TrackId::new(&self.clock);
        let name = "V1".to_owned();
        self.sequence.tracks.push(Track { id, kind, name, enabled: true, items });
    }

    fn clip(&self, name: &str, source: ClipSource, start: MediaTime, duration: i64) -> Item {
        Item::Clip(Clip {
            id: ClipId::new(&self.clock),
            name: name.into(),
            source,
            source_start: start,
            duration,
            enabled: true,
            link: None,
            metadata: BTreeMap::new(),
        })
    }
}

fn film(rate: Rate, frames: i64, start: &str) -> MediaSummary {
    MediaSummary {
        size: 5_000_000_000,
        md5: Some("d41d8cd98f00b204e9800998ecf8427e".into()),
        width: Some(1920),
        height: Some(1080),
        rate: Some(rate),
        duration: Some(MediaTime::new(frames, rate)),
        start_timecode: Some(Timecode::parse(start, rate).unwrap()),
        audio_channels: 2,
        ..MediaSummary::default()
    }
}

/// A time as the script prints it.
fn at(value: i64, rate: Rate) -> Value {
    json!([value as f64, rate.as_f64()])
}

#[test]
fn a_drop_frame_cut_keeps_timecode_and_picks_originals_or_proxies() {
    let test = "a_drop_frame_cut_keeps_timecode_and_picks_originals_or_proxies";
    let Some(python) = python(test) else { return };
    let rate = Rate::FPS_29_97;
    let mut cut = Cut::new(rate);
    cut.sequence.drop_frame = true;
    cut.sequence.start = Timecode::parse("01:00:00;00", rate).unwrap().frames();
    let media = film(rate, 2000, "10:09:59;28");
    let source = cut.asset("A001.mov", media.clone());
    let range = TimeRange::new(100, 250, rate).unwrap();
    let placement = Placement::of_range("rain", source, &media, range, rate).unwrap();
    append(&mut cut.sequence, &placement, &cut.clock).unwrap();
    insert(&mut cut.sequence, 50, &placement, &cut.clock).unwrap();

    let start = Timecode::parse("10:09:59;28", rate).unwrap().frames();
    let read = read_back(&python, &cut, Target::Original);
    assert_eq!(read["start"], at(107_892, rate));
    assert_eq!(read["duration"], at(500, rate));
    for (track, kind) in [(0, "Video"), (1, "Audio")] {
        let track = &read["tracks"][track];
        assert_eq!(track["kind"], kind);
        assert_eq!(track["duration"], at(500, rate));
        let want = [(start + 100, 0, 50), (start + 100, 50, 250), (start + 150, 300, 200)];
        assert_eq!(track["children"].as_array().unwrap().len(), want.len());
        for (clip, (from, begin, frames)) in track["children"].as_array().unwrap().iter().zip(want)
        {
            assert_eq!(clip["source"], json!([at(from, rate), at(frames, rate)]));
            assert_eq!(clip["in_track"], json!([at(begin, rate), at(frames, rate)]));
            assert_eq!(clip["available"], json!([at(start, rate), at(2000, rate)]));
            assert_eq!(clip["url"], "file:///media/originals/A001.mov");
        }
    }
    let read = read_back(&python, &cut, Target::Proxy);
    let clip = &read["tracks"][0]["children"][0];
    assert_eq!(clip["active"], "proxy");
    assert_eq!(clip["url"], "file:///media/proxies/A001.mov");
    assert_eq!(clip["available"], json!([at(start, rate), at(2000, rate)]));
    assert_eq!(clip["references"]["DEFAULT_MEDIA"]["url"], "file:///media/originals/A001.mov");
}

#[test]
fn each_clip_keeps_the_rate_of_its_source() {
    let Some(python) = python("each_clip_keeps_the_rate_of_its_source") else { return };
    let (rate, film_rate) = (Rate::FPS_25, Rate::FPS_23_976);
    let mut cut = Cut::new(rate);
    let film = film(film_rate, 2400, "01:00:00:00");
    let sound = MediaSummary {
        duration: Some(MediaTime::new(480_000, Rate::AUDIO_48K)),
        start_timecode: Some(Timecode::parse("10:00:00:00", rate).unwrap()),
        audio_channels: 1,
        ..MediaSummary::default()
    };
    let photo = MediaSummary { width: Some(400), height: Some(300), ..MediaSummary::default() };
    let sources = [
        cut.asset("film.mov", film.clone()),
        cut.asset("s.wav", sound.clone()),
        cut.asset("p.jpg", photo.clone()),
    ];
    let range = TimeRange::new(240, 240, film_rate).unwrap();
    for placement in [
        Placement::of_range("film", sources[0], &film, range, rate),
        Placement::of_asset("sound", sources[1], &sound, rate),
        Placement::of_asset("photo", sources[2], &photo, rate),
    ] {
        append(&mut cut.sequence, &placement.unwrap(), &cut.clock).unwrap();
    }
    assert_eq!(length(&cut.sequence), 250 + 250 + 125);
    let read = read_back(&python, &cut, Target::Original);
    assert_eq!(read["duration"], at(625, rate));
    let picture = &read["tracks"][0]["children"];
    assert_eq!(picture[0]["source"], json!([at(86_400 + 240, film_rate), at(250, rate)]));
    assert_eq!(picture[1]["schema"], "Gap");
    assert_eq!(picture[1]["in_track"], json!([at(250, rate), at(250, rate)]));
    assert_eq!(picture[2]["source"], json!([at(0, rate), at(125, rate)]));
    assert_eq!(picture[2]["available"], json!([at(0, rate), at(125, rate)]));
    let heard = &read["tracks"][1]["children"];
    let ten_hours = 36_000 * 48_000;
    assert_eq!(heard[1]["source"], json!([at(ten_hours, Rate::AUDIO_48K), at(250, rate)]));
    assert_eq!(
        heard[1]["available"],
        json!([at(ten_hours, Rate::AUDIO_48K), at(480_000, Rate::AUDIO_48K)])
    );
    assert_eq!(heard.as_array().unwrap().len(), 2, "no gap at the end");
}

#[test]
fn sound_alone_is_a_timeline_of_one_track() {
    let Some(python) = python("sound_alone_is_a_timeline_of_one_track") else { return };
    let mut cut = Cut::new(Rate::FPS_24);
    let sound = MediaSummary {
        duration: Some(MediaTime::new(44_100, Rate::new(44_100, 1).unwrap())),
        audio_channels: 2,
        ..MediaSummary::default()
    };
    let source = cut.asset("voice.wav", sound.clone());
    let placement = Placement::of_asset("voice", source, &sound, Rate::FPS_24).unwrap();
    append(&mut cut.sequence, &placement, &cut.clock).unwrap();
    let read = read_back(&python, &cut, Target::Original);
    assert_eq!(read["tracks"].as_array().unwrap().len(), 1);
    assert_eq!(read["tracks"][0]["kind"], "Audio");
    assert_eq!(read["tracks"][0]["name"], "A1");
    assert_eq!(read["duration"], at(24, Rate::FPS_24));
}

#[test]
fn gaps_transitions_markers_and_switched_off_clips_are_read() {
    let Some(python) = python("gaps_transitions_markers_and_switched_off_clips_are_read") else {
        return;
    };
    let rate = Rate::FPS_59_94;
    let mut cut = Cut::new(rate);
    let source = cut.asset("a.mov", film(rate, 5000, "00:00:00;00"));
    let unknown = ClipSource { asset: AssetId::new(&cut.clock), version: None, subclip: None };
    let start = MediaTime::new(500, rate);
    let mut off = cut.clip("off", source, start, 60);
    if let Item::Clip(clip) = &mut off {
        clip.enabled = false;
        clip.metadata.insert("note".into(), json!({"scene": 4, "takes": [1.5, null, "x"]}));
    }
    let transition = |kind: &str, in_offset, out_offset| {
        Item::Transition(Transition { kind: kind.into(), in_offset, out_offset })
    };
    let items = vec![
        Item::Gap(Gap { duration: 7 }),
        cut.clip("a", source, start, 60),
        transition("dissolve", 6, 10),
        off,
        transition("wipe", 0, 1),
        cut.clip("offline", unknown, start, 30),
        transition("dissolve", 12, 0),
    ];
    cut.track(TrackKind::Video, items);
    cut.track(TrackKind::Video, Vec::new());
    cut.sequence.tracks[1].enabled = false;
    let marker = |start, duration, color: Option<&str>, comment: &str| SequenceMarker {
        start,
        duration,
        name: "look".into(),
        comment: comment.into(),
        color: color.map(str::to_owned),
    };
    cut.sequence.markers =
        vec![marker(5, 0, Some("purple"), "line one\nline two"), marker(50, 9, Some("teal"), "")];

    let read = read_back(&python, &cut, Target::Original);
    assert_eq!(read["duration"], at(157, rate));
    assert_eq!(read["tracks"][1]["enabled"], false);
    let items = &read["tracks"][0]["children"];
    assert_eq!(items[0]["schema"], "Gap");
    assert_eq!(items[0]["in_track"], json!([at(0, rate), at(7, rate)]));
    assert_eq!(items[2]["type"], "SMPTE_Dissolve");
    assert_eq!(items[2]["offsets"], json!([at(6, rate), at(10, rate)]));
    assert_eq!(items[3]["enabled"], false);
    assert_eq!(
        (&items[4]["type"], &items[4]["name"]),
        (&json!("Custom_Transition"), &json!("wipe"))
    );
    assert_eq!(items[5]["references"]["DEFAULT_MEDIA"]["schema"], "MissingReference");
    assert_eq!(items[5]["source"], json!([at(500, rate), at(30, rate)]));
    assert_eq!(read["markers"][0]["color"], "PURPLE");
    assert_eq!(read["markers"][0]["comment"], "line one\nline two");
    assert_eq!(read["markers"][0]["note"], "line one\nline two");
    assert_eq!(read["markers"][0]["range"], json!([at(5, rate), at(0, rate)]));
    assert_eq!(read["markers"][1]["color"], "GREEN");
}

#[test]
fn names_of_any_text_are_read_as_written() {
    let Some(python) = python("names_of_any_text_are_read_as_written") else { return };
    let names = [
        "\"quoted\" \\ & <b>'",
        "two\nlines\tand\r\ntab",
        "日本語 😀 e\u{301} \u{202e}rtl\u{2028}",
        "100% #1? a:b;c",
        "",
        &"long".repeat(100),
    ];
    let mut cut = Cut::new(Rate::FPS_25);
    cut.sequence.name = names[0].into();
    for name in names {
        let media = film(Rate::FPS_25, 100, "00:00:00:00");
        let source = cut.asset(&format!("{name}.mov"), media.clone());
        let mut known = cut.media.get(&source).unwrap().clone();
        known.reel = Some(name.into());
        cut.media.insert(&source, known);
        let placement = Placement::of_asset(name, source, &media, Rate::FPS_25).unwrap();
        append(&mut cut.sequence, &placement, &cut.clock).unwrap();
    }
    let read = read_back(&python, &cut, Target::Original);
    assert_eq!(read["name"], names[0]);
    for (clip, name) in read["tracks"][0]["children"].as_array().unwrap().iter().zip(names) {
        assert_eq!(clip["name"], name);
        assert_eq!(clip["reel"], name);
        assert_eq!(clip["references"]["DEFAULT_MEDIA"]["name"], format!("{name}.mov"));
        let url = clip["url"].as_str().unwrap();
        assert!(url.is_ascii() && url.starts_with("file:///media/originals/"), "{url}");
        assert!(!url.contains([' ', '#', '?', '"', '\n']), "{url}");
    }
    assert!(read["tracks"][0]["children"][3]["url"].as_str().unwrap().contains("100%25%20%231"));
}

#[test]
fn an_empty_sequence_is_a_timeline_too() {
    let Some(python) = python("an_empty_sequence_is_a_timeline_too") else { return };
    let mut cut = Cut::new(Rate::FPS_23_976);
    cut.sequence.metadata.insert("client".into(), json!({"OTIO_SCHEMA": "Nonsense.9", "n": 1}));
    let read = read_back(&python, &cut, Target::Original);
    assert_eq!(read["tracks"], json!([]));
    assert_eq!(read["start"], at(0, Rate::FPS_23_976));
}

/// Sequences of known truth from outside of this repository, judged by a program that shares
/// nothing with the library. Speed and markers on clips are left out: no sequence has them yet.
#[test]
fn the_judge_finds_nothing_wrong() {
    let test = "the_judge_finds_nothing_wrong";
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let shared = std::env::var_os("EMAM_SHARED").map_or(shared, PathBuf::from);
    let Ok(models) = shared.join("data/timeline/synthetic").read_dir() else {
        return skip(test, "no sequence models in ../shared/data/timeline/synthetic");
    };
    let Some(python) = python(test) else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut judged = 0;
    for entry in models {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let Some(name) = name.strip_suffix(".model.json") else { continue };
        let mut model: Value =
            serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let cut = cut_of(&mut model);
        let text = write_otio(&cut.sequence, &cut.media, &OtioOptions::default()).unwrap();
        std::fs::write(folder.path().join(format!("{name}.otio")), text).unwrap();
        let model_path = folder.path().join(format!("{name}.model.json"));
        std::fs::write(model_path, model.to_string()).unwrap();
        judged += 1;
    }
    assert!(judged > 0, "the folder of sequence models is empty");
    let printed = run(Command::new(python)
        .arg(script("judge_otio.py"))
        .arg(shared.join("tools/timeline"))
        .arg(folder.path()));
    assert_eq!(printed.trim(), judged.to_string());
}

/// The sequence of a model; what no sequence has is taken out of the model.
fn cut_of(model: &mut Value) -> Cut {
    let rate = |value: &Value| {
        let [num, den] = [&value[0], &value[1]].map(|term| term.as_u64().unwrap());
        Rate::new(u32::try_from(num).unwrap(), u32::try_from(den).unwrap()).unwrap()
    };
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let number = |value: &Value| value.as_i64().unwrap();
    let mut cut = Cut::new(rate(&model["rate"]));
    cut.sequence.name = text(&model["name"]);
    cut.sequence.drop_frame = model["drop"].as_bool().unwrap();
    cut.sequence.start = number(&model["start_frame"]);
    let mut sources = HashMap::new();
    for asset in model["assets"].as_array().unwrap() {
        let (rate, start) = (rate(&asset["rate"]), number(&asset["start_frame"]));
        let summary = MediaSummary {
            rate: Some(rate),
            duration: Some(MediaTime::new(number(&asset["duration"]), rate)),
            start_timecode: Some(Timecode::new(start, rate, false).unwrap()),
            ..MediaSummary::default()
        };
        let source = cut.asset("x", summary);
        let mut media = cut.media.get(&source).unwrap().clone();
        media.urls.insert(Role::Original, text(&asset["url"]));
        media.name = text(&asset["name"]);
        media.reel = Some(text(&asset["reel"]));
        cut.media.insert(&source, media);
        sources.insert(text(&asset["id"]), (source, rate, start));
    }
    for track in model["tracks"].as_array_mut().unwrap() {
        let kind = if track["kind"] == "Video" { TrackKind::Video } else { TrackKind::Audio };
        let mut items = Vec::new();
        for item in track["items"].as_array_mut().unwrap() {
            items.push(match item["type"].as_str().unwrap() {
                "gap" => Item::Gap(Gap { duration: number(&item["dur"]) }),
                "transition" => Item::Transition(Transition {
                    kind: "dissolve".into(),
                    in_offset: number(&item["in"]),
                    out_offset: number(&item["out"]),
                }),
                _ => {
                    item["speed"] = json!([1, 1]);
                    item["markers"] = json!([]);
                    let (source, rate, start) = sources[item["asset"].as_str().unwrap()];
                    let start = MediaTime::new(number(&item["src_in"]) - start, rate);
                    let mut clip = cut.clip("x", source, start, number(&item["dur"]));
                    if let Item::Clip(clip) = &mut clip {
                        clip.enabled = item["enabled"].as_bool().unwrap();
                    }
                    clip
                }
            });
        }
        cut.track(kind, items);
    }
    for marker in model["markers"].as_array().unwrap() {
        cut.sequence.markers.push(SequenceMarker {
            start: number(&marker["frame"]),
            duration: number(&marker["dur"]),
            name: text(&marker["name"]),
            comment: text(&marker["comment"]),
            color: Some(text(&marker["color"])),
        });
    }
    cut
}
