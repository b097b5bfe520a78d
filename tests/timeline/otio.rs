//! Timelines written as `.otio`, read by the OpenTimelineIO library.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;
use std::process::Command;

use emam_core::id::AssetId;
use emam_core::model::{AssetSource, Gap, Item, Marker, MediaSummary, TrackKind, Transition};
use emam_core::time::{MediaTime, Rate, TimeRange, Timecode};
use emam_core::timeline::format::Target;
use emam_core::timeline::{Placement, append, insert, length};
use emam_timeline_tests::cut::{Cut, film};
use emam_timeline_tests::tools::{python, run, script};
use serde_json::{Value, json};

/// Writes a sequence and returns what OpenTimelineIO reads; it must write the same text again.
fn read_back(python: &Path, cut: &Cut, target: Target) -> Value {
    let text = cut.text(target);
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
    let unknown = AssetSource { asset: AssetId::new(&cut.clock), version: None, subclip: None };
    let start = MediaTime::new(500, rate);
    let mut off = cut.clip("off", source, start, 60);
    if let Item::Clip(clip) = &mut off {
        clip.enabled = false;
        clip.metadata.insert("note".into(), json!({"scene": 4, "takes": [1.5, null, "x"]}));
    }
    let transition = |kind: &str, in_offset, out_offset| {
        Item::Transition(Transition::new(kind, in_offset, out_offset))
    };
    let items = vec![
        Item::Gap(Gap::new(7)),
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
    let marker = |start, duration, color: Option<&str>, comment: &str| Marker {
        start,
        duration,
        name: "look".into(),
        comment: comment.into(),
        color: color.map(str::to_owned),
        ..Marker::default()
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
