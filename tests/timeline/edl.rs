//! CMX3600 lists: written and judged by others, and real ones read.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::time::Instant;

use emam_core::clock::ManualClock;
use emam_core::id::SequenceId;
use emam_core::model::{Clip, Gap, Item, Marker, Track, TrackKind, Transition};
use emam_core::time::{MediaTime, Rate, Speed, Timecode};
use emam_core::timeline::format::{Document, Format, ReadDocument, ReadOptions, WriteOptions};
use emam_core::timeline::{IssueKind, check};
use emam_test_support::media::samples;
use emam_timeline_tests::cut::{Cut, film};
use serde_json::Value;

fn clock() -> ManualClock {
    ManualClock::starting_at("2026-01-01T00:00:00Z".parse().unwrap())
}

fn read(bytes: &[u8]) -> ReadDocument {
    Format::Edl.read(bytes, &ReadOptions::default(), &clock()).unwrap()
}

fn write(document: &Document) -> String {
    Format::Edl.write(document, &WriteOptions::default()).unwrap().text().to_owned()
}

/// The real lists, with what another parser reads of them.
fn lists() -> Vec<(PathBuf, Value)> {
    let Some(folder) = samples("timeline/edl") else { return Vec::new() };
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "edl"))
        .collect();
    files.sort();
    assert!(files.len() > 20, "the folder of lists is empty");
    let truth = |path: &Path| {
        let text = std::fs::read_to_string(format!("{}.truth.json", path.display())).unwrap();
        serde_json::from_str(&text).unwrap()
    };
    files.into_iter().map(|path| (path.clone(), truth(&path))).collect()
}

/// What the event of an item is: kind of track, reel, record in and out, source in and out; drop-frame
/// marks aside.
type Shown = (TrackKind, String, [String; 4]);

fn digits(label: &str) -> String {
    label.replace(';', ":")
}

/// The events of a document: record in and out of every clip and of black that was told, its
/// source in, and its source out.
fn shown(document: &Document) -> Vec<Shown> {
    let sequence = document.main().unwrap();
    let label = |frames: i64, rate: Rate, drop: bool| {
        digits(&Timecode::new(frames, rate, drop).unwrap().wrapped().to_string())
    };
    let record = |at| label(sequence.start + at, sequence.rate, sequence.drop_frame);
    let mut shown = Vec::new();
    for track in &sequence.tracks {
        let mut at = 0;
        for item in &track.items {
            let end = at + item.duration();
            match item {
                Item::Clip(clip) => {
                    let media = document.media.of(&clip.source).unwrap();
                    let drop = media.summary.start_timecode.unwrap().drop_frame();
                    let first = media.summary.start_timecode.unwrap().frames();
                    let from = first + clip.source_start.value();
                    let length = MediaTime::new(clip.duration, sequence.rate);
                    let taken = clip.speed.source_time(length, sequence.rate).unwrap().nearest();
                    let source = |frames| label(frames, sequence.rate, drop);
                    let reel = media.reel.clone().unwrap_or_else(|| "AX".into());
                    let times = [record(at), record(end), source(from), source(from + taken)];
                    shown.push((track.kind, reel, times));
                }
                Item::Gap(gap) if gap.foreign.contains_key("edl") => {
                    let times = [record(at), record(end), String::new(), String::new()];
                    shown.push((track.kind, "BL".into(), times));
                }
                _ => {}
            }
            at = end;
        }
    }
    shown.sort();
    shown
}

/// The same of the truth. A source out is given where the length of the source is that of the
/// event, as it is where nothing says otherwise.
fn wanted(truth: &Value, lines: &[u64]) -> Vec<(Shown, bool)> {
    let mut wanted = Vec::new();
    for event in truth["events"].as_array().unwrap() {
        let text = |key: &str| event[key].as_str().unwrap().to_owned();
        let label = |key: &str| digits(&text(key));
        if label("rec_in") == label("rec_out") {
            continue;
        }
        let black = text("reel") == "BL";
        let source = |key| if black { String::new() } else { label(key) };
        let times = [label("rec_in"), label("rec_out"), source("src_in"), source("src_out")];
        let retimed = !event["m2"].as_array().unwrap().is_empty();
        // The truth counts lines from 1 as the reader does.
        let told = lines.contains(&event["line"].as_u64().unwrap());
        let channels = text("channels");
        let video = channels.contains('V') || channels == "B";
        let more = event["comments"].as_array().unwrap().iter();
        let more = more.filter_map(Value::as_str).any(|comment| comment.starts_with("AUD"));
        let audio = channels.contains('A') || channels == "B" || more;
        for (wants, kind) in [(video, TrackKind::Video), (audio, TrackKind::Audio)] {
            if wants {
                let shown = (kind, text("reel"), times.clone());
                wanted.push((shown, !retimed && !told));
            }
        }
    }
    wanted.sort();
    wanted
}

#[test]
fn every_real_list_reads_with_all_its_events_and_times() {
    for (path, truth) in lists() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let read = read(&std::fs::read(&path).unwrap());
        let sequence = read.document.main().unwrap();
        assert_eq!(sequence.name, truth["title"].as_str().unwrap(), "{name}");
        let broken = check(sequence, &|source| read.document.media.summary(source));
        assert!(broken.iter().all(|issue| !issue.kind.is_error()), "{name}: {broken:#?}");
        let corrected = read.issues.iter().filter(|issue| issue.kind == IssueKind::Corrected);
        let lines: Vec<u64> = corrected.filter_map(|issue| issue.line).collect();
        let (found, wanted) = (shown(&read.document), wanted(&truth, &lines));
        assert_eq!(found.len(), wanted.len(), "{name}: {found:#?} {wanted:#?}");
        for (found, (wanted, exact)) in found.iter().zip(&wanted) {
            let (a, b) = (&found.2, &wanted.2);
            assert_eq!((found.0, &found.1), (wanted.0, &wanted.1), "{name}");
            assert_eq!(a[..3], b[..3], "{name}");
            assert!(!exact || a[3] == b[3], "{name}: {found:?} ends elsewhere than {wanted:?}");
        }
    }
}

#[test]
fn what_was_read_is_written_and_read_again_unchanged() {
    let mut stable = 0;
    for (path, _) in lists() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let first = read(&std::fs::read(&path).unwrap()).document;
        let rate = first.main().unwrap().rate;
        let options = ReadOptions::default().with_rate(rate);
        let long = WriteOptions::default().with_long_reels(true);
        for options_of_write in [WriteOptions::default(), long] {
            let text = Format::Edl.write(&first, &options_of_write).unwrap();
            let text = text.text().to_owned();
            let second = Format::Edl.read(text.as_bytes(), &options, &clock()).unwrap().document;
            for (second, first) in plain(&second).iter().zip(&plain(&first)) {
                assert_eq!(second, first, "{name}:\n{text}");
            }
            assert_eq!(plain(&second), plain(&first), "{name}:\n{text}");
            let again = Format::Edl.write(&second, &options_of_write).unwrap();
            assert_eq!(again.text(), text, "{name}");
        }
        stable += 1;
    }
    assert!(stable > 20 || lists().is_empty());
}

/// A document without ids.
fn plain(document: &Document) -> Vec<String> {
    let sequence = document.main().unwrap();
    let mut lines = vec![format!(
        "{} {} {} {} {:?} {:?}",
        sequence.name,
        sequence.rate,
        sequence.drop_frame,
        sequence.start,
        sequence.markers,
        sequence.foreign
    )];
    for Track { kind, name, items, foreign, .. } in &sequence.tracks {
        lines.push(format!("{kind:?} {name} {foreign:?}"));
        for item in items {
            lines.push(match item {
                Item::Clip(clip) => {
                    let Clip { name, source_start, duration, speed, link, .. } = clip;
                    let media = document.media.of(&clip.source).unwrap();
                    format!(
                        "{name} {source_start:?} {duration} {speed} {link:?} {:?} {:?} {:?} {media:?}",
                        clip.audio_channels, clip.markers, clip.foreign
                    )
                }
                other => format!("{other:?}"),
            });
        }
    }
    lines
}

/// A cut at 25 with two films, `A001` and `B002`, from one hour and from ten.
fn scene() -> (Cut, [emam_core::model::AssetSource; 2]) {
    let mut cut = Cut::new(Rate::FPS_25);
    cut.sequence.start = 90_000;
    let sources = [("A001", "01:00:00:00"), ("B002", "10:00:00:00")].map(|(reel, start)| {
        let source = cut.asset(&format!("{reel}.mov"), film(Rate::FPS_25, 5000, start));
        cut.media.get_mut(&source).unwrap().reel = Some(reel.into());
        source
    });
    (cut, sources)
}

fn clip(cut: &Cut, source: emam_core::model::AssetSource, start: i64, duration: i64) -> Clip {
    match cut.clip("shot", source, MediaTime::new(start, Rate::FPS_25), duration) {
        Item::Clip(clip) => clip,
        _ => unreachable!(),
    }
}

/// The event lines of a list.
fn events(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit())).collect()
}

#[test]
fn events_stand_in_their_columns() {
    let (mut cut, [a, b]) = scene();
    let half = Clip { speed: Speed::new(1, 2).unwrap(), ..clip(&cut, a, 100, 50) };
    let back = Clip { speed: Speed::REVERSE, ..clip(&cut, b, 200, 50) };
    let still = Clip { speed: Speed::FREEZE, ..clip(&cut, b, 300, 50) };
    let mut off = clip(&cut, a, 0, 25);
    off.enabled = false;
    let items = vec![
        Item::Transition(Transition::new(Transition::DISSOLVE, 0, 12)),
        Item::Clip(clip(&cut, a, 50, 50)),
        Item::Transition(Transition::new("W005", 4, 6)),
        Item::Clip(clip(&cut, b, 50, 50)),
        Item::Transition(Transition::new(Transition::DISSOLVE, 10, 0)),
        Item::Gap(Gap::new(25)),
        Item::Clip(off),
        Item::Clip(half),
        Item::Clip(back),
        Item::Clip(still),
    ];
    cut.track(TrackKind::Video, items);
    cut.sequence.name = "Rough\ncut é".into();
    let written = Format::Edl.write(&cut.document(), &WriteOptions::default()).unwrap();
    let text = written.text();
    assert!(text.starts_with("TITLE: Rough cut é\r\nFCM: NON-DROP FRAME\r\n\r\n001  "), "{text}");
    assert_eq!(
        events(text),
        [
            "001  BL       V     C        00:00:00:00 00:00:00:00 01:00:00:00 01:00:00:00",
            "001  A001     V     D    012 01:00:02:00 01:00:03:21 01:00:00:00 01:00:01:21",
            "002  A001     V     C        01:00:03:21 01:00:03:21 01:00:01:21 01:00:01:21",
            "002  B002     V     W005 010 10:00:01:21 10:00:03:15 01:00:01:21 01:00:03:15",
            "003  B002     V     C        10:00:03:15 10:00:03:15 01:00:03:15 01:00:03:15",
            "003  BL       V     D    010 00:00:00:00 00:00:00:10 01:00:03:15 01:00:04:00",
            "004  A001     V     C        01:00:04:00 01:00:05:00 01:00:06:00 01:00:08:00",
            "005  B002     V     C        10:00:08:00 10:00:10:00 01:00:08:00 01:00:10:00",
            "006  B002     V     C        10:00:12:00 10:00:12:01 01:00:10:00 01:00:12:00",
        ]
    );
    for line in [
        "M2   A001           012.5                01:00:04:00",
        "M2   B002           -025.0                10:00:08:00",
        "M2   B002           000.0                10:00:12:00",
        "* FROM CLIP NAME: shot",
        "* SOURCE FILE: B002.mov",
    ] {
        assert!(text.contains(&format!("{line}\r\n")), "{line} in {text}");
    }
    assert!(text.lines().all(|line| !line.contains('\r')), "lines end with CRLF once");
    let kinds: Vec<IssueKind> = written.issues.iter().map(|issue| issue.kind).collect();
    let count = |kind| kinds.iter().filter(|found| **found == kind).count();
    assert_eq!(count(IssueKind::TransitionAlignment), 2);
    assert_eq!(count(IssueKind::NotCarried), 3, "{:?}", written.issues);
    // What the list can say is read again: the wipe, the fades, the speeds.
    let again = Format::Edl
        .read(text.as_bytes(), &ReadOptions::default().with_rate(Rate::FPS_25), &clock())
        .unwrap();
    assert_eq!(again.issues, []);
    assert_eq!(write(&again.document), text);
    let read = again.document.main().unwrap();
    let speeds: Vec<Speed> = read.clips().map(|clip| clip.speed).collect();
    let half = Speed::new(1, 2).unwrap();
    assert_eq!(speeds, [Speed::NORMAL, Speed::NORMAL, half, Speed::REVERSE, Speed::FREEZE]);
}

#[test]
fn marks_names_and_reels_come_back() {
    let (mut cut, [a, b]) = scene();
    let name = "a & <b> \u{1f600} \u{5d0}";
    let mut first = clip(&cut, a, 50, 50);
    first.name = name.into();
    let mark = |start, color: &str| Marker {
        start,
        duration: 3,
        name: "fix it".into(),
        comment: "the sky".into(),
        color: Some(color.into()),
        ..Marker::default()
    };
    first.markers = vec![mark(60, "RED")];
    first.foreign.insert("edl".into(), "*ASC_SOP (1 1 1)(0 0 0)(1 1 1)\n*ASC_SAT 0.9".into());
    cut.sequence.markers = vec![mark(0, "GREEN"), mark(70, "PURPLE")];
    for (source, reel) in [(a, "tape 1"), (b, "Tape_1")] {
        cut.media.get_mut(&source).unwrap().reel = Some(reel.into());
    }
    let items = vec![Item::Gap(Gap::new(10)), Item::Clip(first), Item::Clip(clip(&cut, b, 5, 50))];
    cut.track(TrackKind::Video, items);
    let text = write(&cut.document());
    assert!(text.contains("* LOC: 01:00:00:20 RED     fix it\r\n"), "{text}");
    assert!(text.contains("* LOC: 01:00:02:20 PURPLE  fix it\r\n"), "{text}");
    assert!(text.contains("* REEL MAP: TAPE_1 = tape 1\r\n"), "{text}");
    let options = ReadOptions::default().with_rate(Rate::FPS_25);
    let read = Format::Edl.read(text.as_bytes(), &options, &clock()).unwrap();
    assert_eq!(read.issues, []);
    let sequence = read.document.main().unwrap();
    assert_eq!((sequence.start, &sequence.markers), (90_000, &cut.sequence.markers));
    let clips: Vec<&Clip> = sequence.clips().collect();
    assert_eq!(clips[0].name, name);
    // The media starts at midnight as far as the list says.
    let moved = Marker { start: 60 + 90_000, ..mark(60, "RED") };
    assert_eq!(clips[0].markers, [moved]);
    assert_eq!(clips[0].foreign["edl"], "*ASC_SOP (1 1 1)(0 0 0)(1 1 1)\n*ASC_SAT 0.9");
    let reels: Vec<_> = clips
        .iter()
        .map(|clip| read.document.media.of(&clip.source).unwrap().reel.as_deref())
        .collect();
    assert_eq!(reels, [Some("tape 1"), Some("Tape_1")]);
    assert_eq!(write(&read.document), text);
}

#[test]
fn a_list_is_split_by_track_and_by_999_events() {
    let (mut cut, [a, b]) = scene();
    let shots: Vec<Item> = (0..2000).map(|i| Item::Clip(clip(&cut, a, i, 1))).collect();
    cut.track(TrackKind::Video, shots);
    let over = vec![Item::Clip(clip(&cut, b, 0, 10))];
    cut.track(TrackKind::Video, over);
    let sound = vec![Item::Clip(Clip { audio_channels: vec![2], ..clip(&cut, b, 0, 10) })];
    cut.track(TrackKind::Audio, sound);
    let with = |options: WriteOptions| {
        let written = Format::Edl.write(&cut.document(), &options).unwrap();
        let files = written.files.iter().map(|file| (file.part.clone(), events(&file.text).len()));
        let lost = written.issues.iter().filter(|issue| issue.kind == IssueKind::NotCarried);
        (files.collect::<Vec<_>>(), lost.count(), written)
    };
    let part = |part: &str, events| (part.to_owned(), events);
    let (files, lost, whole) = with(WriteOptions::default());
    // The rate and the size, two tracks, and more events than old systems take.
    assert_eq!((files, lost), (vec![part("", 2000)], 4));
    assert!(events(whole.text())[1999].starts_with("2000  A001     V "));
    let (files, lost, parts) = with(WriteOptions::default().with_split(true));
    let want = [part("", 999), part("2", 999), part("3", 2), part("V2", 1), part("A1", 1)];
    assert_eq!((files.as_slice(), lost), (&want[..], 1));
    assert!(events(&parts.files[4].text)[0].starts_with("001  B002     A2    C "));
    let second = read(parts.files[1].text.as_bytes()).document;
    assert_eq!(second.main().unwrap().start, 90_000, "a part is where it was in the whole");
    let (files, lost, long) = with(WriteOptions::default().with_long_reels(true).with_audio(true));
    assert_eq!((files, lost), (vec![part("", 2001)], 2));
    let first = "000001  A001                             V     C        01:00:00:00 ";
    assert!(events(long.text())[0].starts_with(first), "{}", events(long.text())[0]);
}

#[test]
fn picture_and_sound_of_one_event_come_back_as_one() {
    let text = "TITLE: x\r\n001  A001     AA/V  C        00:00:00:00 00:00:01:00 01:00:00:00 01:00:01:00\r\n\
                AUD  3    4\r\n002  A001     B     C        00:00:02:00 00:00:03:00 01:00:01:00 01:00:02:00\r\n";
    let options = ReadOptions::default().with_rate(Rate::FPS_25);
    let read = Format::Edl.read(text.as_bytes(), &options, &clock()).unwrap();
    assert_eq!(read.issues, []);
    let sequence = read.document.main().unwrap();
    let tracks: Vec<_> = sequence.tracks.iter().map(|t| (t.kind, t.clips().count())).collect();
    assert_eq!(tracks, [(TrackKind::Video, 2), (TrackKind::Audio, 2)]);
    let heard: Vec<_> = sequence.tracks[1].clips().map(|c| c.audio_channels.clone()).collect();
    assert_eq!(heard, [vec![1, 2, 3, 4], vec![1]]);
    let written = write(&read.document);
    let lines: Vec<&str> = written.lines().filter(|line| line.starts_with("AUD")).collect();
    assert_eq!((events(&written).len(), lines), (2, vec!["AUD  3    4"]), "{written}");
    assert!(events(&written)[0].contains(" AA/V  C ") && events(&written)[1].contains(" B     C "));
}

#[test]
fn what_has_no_reel_and_other_rates_are_told() {
    let (mut cut, [a, _]) = scene();
    let other = cut.asset("film.mov", film(Rate::FPS_23_976, 500, "02:00:00:00"));
    let nested = Clip { source: SequenceId::new(&cut.clock).into(), ..clip(&cut, a, 0, 10) };
    let slow = cut.clip("slow", other, MediaTime::new(24, Rate::FPS_23_976), 50);
    cut.track(TrackKind::Video, vec![Item::Clip(nested), slow]);
    let written = Format::Edl.write(&cut.document(), &WriteOptions::default()).unwrap();
    let lines = events(written.text()).join("\n");
    assert!(lines.starts_with("001  AX       V     C        00:00:00:00 00:00:00:10 "), "{lines}");
    assert!(lines.contains("002  AX       V     C        02:00:01:00 02:00:03:00 "), "{lines}");
    assert!(written.issues.iter().any(|issue| issue.kind == IssueKind::MixedRate));
    assert!(written.issues.iter().any(|issue| issue.message.contains("a nested sequence")));
    let options = ReadOptions::default().with_rate(Rate::FPS_25);
    let read = Format::Edl.read(written.text().as_bytes(), &options, &clock()).unwrap();
    assert_eq!(read.issues, []);
    let slow = read.document.main().unwrap().clips().nth(1).unwrap();
    assert_eq!(slow.source_start, MediaTime::new(2 * 86_400 + 24, Rate::FPS_23_976));
    assert_eq!(events(&write(&read.document)), events(written.text()));
    // Of a list that does not say it, a source that counts faster is read as fast as it does.
    let text = "TITLE: x\n001  AX V C 01:00:00:40 01:00:01:40 00:00:00:00 00:00:01:00\n";
    let read = Format::Edl.read(text.as_bytes(), &options, &clock()).unwrap();
    assert_eq!(read.issues[0].kind, IssueKind::Guessed);
    let clip = read.document.main().unwrap().clips().next().unwrap();
    assert_eq!((clip.source_start.rate().nominal(), clip.duration), (48, 25));
}

#[test]
fn a_day_ends_and_counting_begins_again() {
    let (mut cut, [a, _]) = scene();
    cut.sequence.start = 24 * 90_000 - 30;
    cut.media.get_mut(&a).unwrap().summary.start_timecode =
        Some(Timecode::parse("23:59:59:00", Rate::FPS_25).unwrap());
    let items = (0..3).map(|i| Item::Clip(clip(&cut, a, i * 20, 20))).collect();
    cut.track(TrackKind::Video, items);
    let text = write(&cut.document());
    let want = "002  A001     V     C        23:59:59:20 00:00:00:15 23:59:59:15 00:00:00:10";
    assert_eq!(events(&text)[1], want);
    let read = read(text.as_bytes()).document;
    let sequence = read.main().unwrap();
    assert_eq!(sequence.start, cut.sequence.start);
    assert_eq!(sequence.tracks[0].items.len(), 3);
    assert_eq!(write(&read), text);
}

#[test]
fn broken_lists_are_read_as_far_as_they_can_be() {
    let list = |lines: &[&str]| format!("TITLE: x\nFCM: NON-DROP FRAME\n{}\n", lines.join("\n"));
    let kinds = |lines: &[&str], rate| {
        let options = ReadOptions::default().with_rate(rate);
        let read = Format::Edl.read(list(lines).as_bytes(), &options, &clock()).unwrap();
        let clips = read.document.main().unwrap().clips().count();
        let found = read.issues.iter().map(|issue| (issue.line, issue.kind)).collect::<Vec<_>>();
        (clips, found)
    };
    let at_25 = |lines: &[&str]| kinds(lines, Rate::FPS_25);
    let good = "001  AX V C 01:00:00:00 01:00:01:00 00:00:00:00 00:00:01:00";
    assert_eq!(at_25(&[good]), (1, vec![]));
    let (not, corrected) = (IssueKind::NotUnderstood, IssueKind::Corrected);
    for (line, clips, found) in [
        (
            "002  AX V C 01:00:00:00 01:00:02:00 00:00:01:00 00:00:02:00",
            2,
            vec![(Some(4), corrected)],
        ),
        (
            "002  AX V C 01:00:00:00 01:00:01:00 00:00:00:10 00:00:01:10",
            2,
            vec![(Some(4), corrected)],
        ),
        ("002  AX V C 01:00:00:00 01:00:01:00 00:00:01:00 00:00:02:99", 1, vec![(Some(4), not)]),
        (
            "002  AX V C 99:99:99:99 99999999999999999999:0:0:0 1:1:1:1 2:2:2:2",
            1,
            vec![(Some(4), not)],
        ),
        ("002  AX V C 01:00:00:00 01:00:00:00 00:00:01:00 00:00:01:00", 1, vec![(Some(4), not)]),
        (
            "002  AX V K 000 01:00:00:00 01:00:01:00 00:00:01:00 00:00:02:00",
            2,
            vec![(Some(4), not)],
        ),
        ("002  AX NONE C 01:00:00:00 01:00:01:00 00:00:01:00 00:00:02:00", 1, vec![(Some(4), not)]),
        (
            "002  AX V D 100 01:00:00:00 01:00:01:00 00:00:01:00 00:00:02:00",
            2,
            vec![(Some(4), corrected)],
        ),
        (
            "002  AX V C 01:00:00;00 01:00:01;00 00:00:01;00 00:00:02;00",
            2,
            vec![(None, corrected), (Some(4), corrected)],
        ),
        ("002  AX V C 01:00:00:00 nowhere", 1, vec![(Some(4), not)]),
        ("* LOC: 99:00:00:99 RED x", 1, vec![(Some(4), not)]),
        ("M2   AX  quick  01:00:00:00", 1, vec![]),
    ] {
        let (found_clips, issues) = if line.contains(';') {
            kinds(&[good, line], Rate::FPS_25)
        } else {
            at_25(&[good, line])
        };
        assert_eq!((found_clips, issues), (clips, found), "{line}");
    }
    // Labels that drop-frame counting skips.
    let skipped = "001  AX V C 00:01:00;00 00:01:01;00 00:00:00;00 00:00:00;28";
    assert_eq!(kinds(&[skipped], Rate::FPS_29_97), (1, vec![(Some(3), corrected)]));

    let error =
        |bytes: &[u8]| Format::Edl.read(bytes, &ReadOptions::default(), &clock()).unwrap_err();
    let long = [b"TITLE: x\n001  ".to_vec(), vec![b'9'; 100 << 20]].concat();
    assert_eq!(error(&long).get("line"), Some("2"));
    for bytes in [&b""[..], b"\n\n", b"<?xml version=\"1.0\"?>", b"\x00\xff\xfe\x80", b"{}"] {
        assert_eq!(error(bytes).kind(), emam_core::ErrorKind::InvalidInput, "{bytes:?}");
    }
    let mut small = ReadOptions::default();
    small.max_bytes = 10;
    assert!(Format::Edl.read(list(&[good]).as_bytes(), &small, &clock()).is_err());
    let bom = format!("\u{feff}{}", list(&[good]).replace('\n', "\r\n"));
    assert_eq!(read(bom.as_bytes()).document.main().unwrap().name, "x");
}

#[test]
fn no_bytes_make_the_reader_fall() {
    let whole = lists().into_iter().map(|(path, _)| std::fs::read(path).unwrap());
    let mut seed = 11_u64;
    let mut next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap()
    };
    let marks = b" :;.0123456789\n\r*AVDCKWM/-\xff\x00";
    for bytes in whole.filter(|bytes| bytes.len() < 5000) {
        for _ in 0..60 {
            let mut bytes = bytes.clone();
            for _ in 0..1 + next() % 12 {
                let at = next() % bytes.len();
                bytes[at] = marks[next() % marks.len()];
            }
            // Whatever it is, it is an error or a sequence that can be written again.
            if let Ok(read) = Format::Edl.read(&bytes, &ReadOptions::default(), &clock()) {
                let options = WriteOptions::default();
                let written = Format::Edl.write(&read.document, &options);
                let text = String::from_utf8_lossy(&bytes);
                assert!(written.is_ok(), "{:?} of {text}", written.err());
            }
        }
    }
}

#[test]
fn many_events_take_time_in_proportion() {
    let time = |count: i64| {
        let (mut cut, [a, _]) = scene();
        let shots = (0..count).map(|i| Item::Clip(clip(&cut, a, i % 4000, 25))).collect();
        cut.track(TrackKind::Video, shots);
        let start = Instant::now();
        let text = write(&cut.document());
        let written = start.elapsed();
        let options = ReadOptions::default();
        let read = Format::Edl.read(text.as_bytes(), &options, &clock()).unwrap();
        let taken = start.elapsed();
        assert_eq!(read.document.main().unwrap().clips().count() as i64, count);
        eprintln!("{count} events: written in {written:?}, read in {:?}", taken - written);
        taken
    };
    let (few, many) = (time(10_000), time(100_000));
    assert!(many < few * 40, "ten times the events took {many:?}, not about ten times {few:?}");
}
