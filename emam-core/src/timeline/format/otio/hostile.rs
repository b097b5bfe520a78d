//! Files that are wrong, odd or made to harm: each ends in a typed error or is read with issues.

use proptest::prelude::*;

use crate::error::{Error, ErrorKind};
use crate::model::{ClipSource, Item, Role, TrackKind, Transition};
use crate::time::{Rate, Speed};
use crate::timeline::format::{Document, Format, ReadDocument, ReadOptions, WriteOptions};
use crate::timeline::samples::clock;
use crate::timeline::{IssueKind, length};

fn read(text: &str) -> Result<ReadDocument, Error> {
    Format::Otio.read(text.as_bytes(), &ReadOptions::default(), &clock())
}

fn refused(text: &str) -> Error {
    let error = read(text).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    error
}

fn time(value: &str, rate: &str) -> String {
    format!(r#"{{"OTIO_SCHEMA":"RationalTime.1","value":{value},"rate":{rate}}}"#)
}

fn range(start: &str, length: &str, rate: &str) -> String {
    let (start, length) = (time(start, rate), time(length, rate));
    format!(r#"{{"OTIO_SCHEMA":"TimeRange.1","start_time":{start},"duration":{length}}}"#)
}

fn timeline(children: &str) -> String {
    format!(
        r#"{{"OTIO_SCHEMA":"Timeline.1","name":"cut","tracks":{{"OTIO_SCHEMA":"Stack.1","children":[
        {{"OTIO_SCHEMA":"Track.1","name":"V1","kind":"Video","children":[{children}]}}]}}}}"#
    )
}

fn clip(more: &str) -> String {
    let range = range("10", "20", "24");
    format!(r#"{{"OTIO_SCHEMA":"Clip.2","name":"c","source_range":{range}{more}}}"#)
}

fn kinds(read: &ReadDocument) -> Vec<IssueKind> {
    read.issues.iter().map(|issue| issue.kind).collect()
}

#[test]
fn broken_json_is_refused_with_line_and_column() {
    for (text, place) in [
        ("", "1:1"),
        ("{", "1:2"),
        ("{\"a\":\n  1,}", "2:5"),
        ("[1 2]", "1:4"),
        ("{\"a\" 1}", "1:6"),
        ("\"\\x\"", "1:2"),
        ("\"a\nb\"", "1:3"),
        ("[01]", "1:2"),
        ("[1.]", "1:4"),
        ("{} {}", "1:4"),
        ("nul", "1:1"),
        ("[\"é\", tru]", "1:7"),
    ] {
        let error = refused(text);
        let found = format!("{}:{}", error.get("line").unwrap(), error.get("column").unwrap());
        assert_eq!(found, place, "{text}: {error}");
    }
    let error = Format::Otio.read(b"{\n\"\xff\"}", &ReadOptions::default(), &clock()).unwrap_err();
    assert_eq!((error.get("line"), error.get("column")), (Some("2"), Some("2")));
}

#[test]
fn a_file_cut_off_anywhere_is_refused() {
    let text = timeline(&clip(r#","metadata":{"a\n":[1e5,true,null,NaN,-Infinity]}"#));
    assert!(read(&text).is_ok());
    for end in 0..text.len() {
        refused(&text[..end]);
    }
}

#[test]
fn things_in_things_end_at_a_limit() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[[{\"a\":", "}]]")] {
        let text = format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
        assert!(refused(&text).get("max_depth").is_some());
    }
    // Sequences nested in each other, as deep as is allowed and deeper.
    let nested = |levels: usize| {
        (0..levels).fold(clip(""), |text, level| {
            let schema = ["Track.1", "Stack.1"][level % 2];
            format!(r#"{{"OTIO_SCHEMA":"{schema}","children":[{text}]}}"#)
        })
    };
    let options = ReadOptions { max_depth: u32::MAX, ..ReadOptions::default() };
    let found = Format::Otio.read(nested(60).as_bytes(), &options, &clock()).unwrap();
    assert!(found.document.sequences.len() > 20);
    let written = Format::Otio.write(&found.document, &WriteOptions::default()).unwrap();
    assert!(Format::Otio.read(written.text().as_bytes(), &options, &clock()).is_ok());
    let error = Format::Otio.read(nested(240).as_bytes(), &options, &clock()).unwrap_err();
    assert_eq!(error.get("limit"), Some("64"));
}

#[test]
fn times_that_are_none_are_refused() {
    for (value, rate) in [
        ("NaN", "24"),
        ("Infinity", "24"),
        ("1e308", "24"),
        ("-1e308", "24"),
        ("1e999", "24"),
        ("1", "NaN"),
        ("1", "0"),
        ("1", "-24"),
        ("1", "1e308"),
        ("\"1\"", "24"),
        ("1", "\"24\""),
        ("null", "24"),
    ] {
        for range in [range(value, "10", rate), range("0", value, rate)] {
            let clip = format!(r#"{{"OTIO_SCHEMA":"Clip.2","source_range":{range}}}"#);
            assert!(refused(&timeline(&clip)).get("line").is_some());
        }
    }
    for wrong in ["1", "\"x\"", "[]", "{}", r#"{"start_time":null,"duration":null}"#] {
        refused(&timeline(&format!(r#"{{"OTIO_SCHEMA":"Clip.2","source_range":{wrong}}}"#)));
    }
    // The largest there are fit, one after the other.
    let long = range("0", "9007199254740992", "120");
    let gap = format!(r#"{{"OTIO_SCHEMA":"Gap.1","source_range":{long}}}"#);
    let found = read(&timeline(&[gap.as_str(); 2000].join(","))).unwrap();
    assert_eq!(length(&found.document.sequences[0]), i64::MAX);
}

#[test]
fn wrong_types_and_roots_are_refused() {
    for text in [
        "1",
        "null",
        "{}",
        r#"{"OTIO_SCHEMA":5}"#,
        r#"{"OTIO_SCHEMA":"Effect.1"}"#,
        r#"{"OTIO_SCHEMA":"Timeline.1","name":[]}"#,
        r#"{"OTIO_SCHEMA":"Timeline.1","metadata":[]}"#,
        r#"{"OTIO_SCHEMA":"Timeline.1","tracks":[]}"#,
        r#"{"OTIO_SCHEMA":"Timeline.1","global_start_time":5}"#,
    ] {
        refused(text);
    }
    for member in [
        r#","name":7"#,
        r#","metadata":"x""#,
        r#","markers":[7]"#,
        r#","effects":[{"OTIO_SCHEMA":"LinearTimeWarp.1","time_scalar":NaN}]"#,
        r#","effects":[{"OTIO_SCHEMA":"LinearTimeWarp.1"}]"#,
        r#","active_media_reference_key":3"#,
    ] {
        refused(&timeline(&clip(member)));
    }
}

#[test]
fn a_newer_schema_is_named() {
    for (text, schema) in [
        (r#"{"OTIO_SCHEMA":"Timeline.2"}"#.to_owned(), "Timeline.2"),
        (timeline(r#"{"OTIO_SCHEMA":"Clip.3"}"#), "Clip.3"),
        (timeline(r#"{"OTIO_SCHEMA":"Gap.x"}"#), "Gap.x"),
    ] {
        assert_eq!(refused(&text).get("schema"), Some(schema));
    }
}

#[test]
fn a_hundred_thousand_markers_are_read_and_written() {
    let marker = format!(r#"{{"OTIO_SCHEMA":"Marker.1","range":{}}}"#, range("12", "1", "24"));
    let markers = vec![marker.as_str(); 100_000].join(",");
    let found = read(&timeline(&clip(&format!(r#","markers":[{markers}]"#)))).unwrap();
    let clip = found.document.sequences[0].clips().next().unwrap();
    assert_eq!((clip.markers.len(), clip.markers[99_999].start), (100_000, 12));
    assert!(Format::Otio.write(&found.document, &WriteOptions::default()).is_ok());
}

#[test]
fn ids_given_twice_are_given_anew() {
    let id = "0190f5a2-7c1e-7000-8000-000000000000";
    let clip = clip(&format!(r#","metadata":{{"emam":{{"clip_id":"{id}"}}}}"#));
    let found = read(&timeline(&format!("{clip},{clip}"))).unwrap();
    let ids: Vec<_> = found.document.sequences[0].clips().map(|clip| clip.id).collect();
    assert_eq!(ids[0].to_string(), id);
    assert_ne!(ids[0], ids[1]);
    assert_eq!(kinds(&found), [IssueKind::Corrected]);
    // Two clips that claim one asset and show different files are two assets.
    let claims = |url: &str| {
        clip_of(&format!(
            r#","metadata":{{"emam":{{"asset_id":"{id}"}}}},"media_references":{{"DEFAULT_MEDIA":
            {{"OTIO_SCHEMA":"ExternalReference.1","target_url":"{url}"}}}}"#
        ))
    };
    let found =
        read(&timeline(&format!("{},{}", claims("file:///a"), claims("file:///b")))).unwrap();
    assert_eq!(found.document.media.len(), 2);
    assert_eq!(kinds(&found), [IssueKind::Corrected]);
}

fn clip_of(more: &str) -> String {
    clip(more)
}

#[test]
fn media_that_is_named_and_not_there_is_corrected() {
    let found = read(&timeline(&clip(
        r#","active_media_reference_key":"hires","media_references":{"DEFAULT_MEDIA":
        {"OTIO_SCHEMA":"ExternalReference.1","target_url":"file:///a.mov"}}"#,
    )))
    .unwrap();
    assert_eq!(kinds(&found), [IssueKind::Corrected]);
    let (_, media) = found.document.media.iter().next().unwrap();
    assert_eq!(
        (media.name.as_str(), media.urls[&Role::Original].as_str()),
        ("a.mov", "file:///a.mov")
    );
}

#[test]
fn what_older_and_newer_versions_wrote_is_read() {
    let text = format!(
        r#"{{"OTIO_SCHEMA":"SerializeableCollection.1","name":"bin","children":[
        {{"OTIO_SCHEMA":"Timeline.1","name":"old","tracks":{{"OTIO_SCHEMA":"Stack.1","children":[
        {{"OTIO_SCHEMA":"Sequence.1","kind":"Audio","children":[
        {{"OTIO_SCHEMA":"Filler.1","source_range":{gap}}},
        {{"OTIO_SCHEMA":"Clip.1","name":"c","source_range":{range},"media_reference":
        {{"OTIO_SCHEMA":"ExternalReference.1","target_url":"file:///a.wav","available_range":{all}}},
        "effects":[{{"OTIO_SCHEMA":"FreezeFrame.1","time_scalar":0}}],
        "markers":[{{"OTIO_SCHEMA":"Marker.3","marked_range":{point},"color":
        {{"OTIO_SCHEMA":"Color.1","r":0.9,"g":0.1,"b":0.0,"a":1.0,"name":""}}}}]}},
        {{"OTIO_SCHEMA":"Transition.1","enabled":true,"in_offset":{two},"out_offset":null,
        "transition_type":"SMPTE_Dissolve","name":"Cross"}}]}}]}}}},
        {{"OTIO_SCHEMA":"Clip.2","name":"loose","source_range":{range}}}]}}"#,
        gap = range("0", "5", "24"),
        range = range("110", "20", "24"),
        all = range("100", "500", "24"),
        point = range("112", "0", "24"),
        two = time("2", "24"),
    );
    let found = read(&format!("\u{feff}{text}")).unwrap();
    let sequence = found.document.main().unwrap();
    assert_eq!((sequence.name.as_str(), sequence.rate), ("old", Rate::FPS_24));
    assert_eq!(sequence.tracks[0].kind, TrackKind::Audio);
    let [Item::Gap(gap), Item::Clip(clip), Item::Transition(fade)] = &sequence.tracks[0].items[..]
    else {
        panic!("{sequence:?}")
    };
    assert_eq!((gap.duration, clip.source_start.value(), clip.speed), (5, 10, Speed::FREEZE));
    assert_eq!((clip.markers[0].start, clip.markers[0].color.as_deref()), (12, Some("RED")));
    assert_eq!((fade.kind.as_str(), fade.in_offset), (Transition::DISSOLVE, 2));
    assert_eq!(
        (found.document.bins[0].name.as_str(), found.document.bins[0].media.len()),
        ("bin", 1)
    );
    let summary = &found.document.media.of(&clip.source).unwrap().summary;
    assert_eq!((summary.start_timecode.unwrap().frames(), summary.audio_channels), (100, 1));
    // As written now, the colour of Marker.3 is a name, and comes back whole.
    let document = Document { bins: Vec::new(), ..found.document };
    let written = Format::Otio.write(&document, &WriteOptions::default()).unwrap();
    assert_eq!(read(written.text()).unwrap().document.sequences, document.sequences);
}

#[test]
fn tracks_in_tracks_are_sequences_and_ranges_are_applied() {
    let inner = format!(
        r#"{{"OTIO_SCHEMA":"Track.1","name":"inner","children":[{},{}]}}"#,
        clip(""),
        clip("")
    );
    let trimmed = format!(
        r#"{{"OTIO_SCHEMA":"Track.1","kind":"Video","source_range":{},"children":[{},{inner}]}}"#,
        range("15", "30", "24"),
        clip("")
    );
    let found = read(&trimmed).unwrap();
    let [outer, nested] = &found.document.sequences[..] else { panic!("{found:?}") };
    assert_eq!((nested.name.as_str(), length(nested)), ("inner", 40));
    let shape: Vec<_> = outer.clips().map(|c| (c.source_start.value(), c.duration)).collect();
    assert_eq!(shape, [(25, 5), (0, 25)]);
    let second = outer.clips().nth(1).unwrap();
    assert_eq!(second.source, ClipSource::from(nested.id));
    assert_eq!(kinds(&found), [IssueKind::Corrected]);
}

#[test]
fn lengths_of_another_rate_stay_in_step() {
    // 10 frames at 24 are 10.41… at 25; a hundred of them 1041.66….
    let gap =
        |rate| format!(r#"{{"OTIO_SCHEMA":"Gap.1","source_range":{}}}"#, range("0", "10", rate));
    let gaps = vec![gap("24"); 100].join(",");
    let found = read(&timeline(&format!("{},{gaps}", gap("25")))).unwrap();
    assert_eq!(found.document.sequences[0].rate, Rate::FPS_25);
    assert_eq!(length(&found.document.sequences[0]), 10 + 1042);
    assert!(kinds(&found).iter().all(|kind| *kind == IssueKind::Rounded));
}

#[test]
fn unknown_things_stay_where_they_were() {
    let odd = r#"{"OTIO_SCHEMA":"Odd.7","big":340282366920938463463374607431768211456,"n":Inf}"#;
    let long = format!(r#"{{"OTIO_SCHEMA":"Odd.7","source_range":{}}}"#, range("0", "7", "24"));
    let found = read(&timeline(&format!("{},{odd},{long},{odd}", clip("")))).unwrap();
    assert_eq!(length(&found.document.sequences[0]), 27);
    assert_eq!(kinds(&found), [IssueKind::NotUnderstood; 3]);
    let written = Format::Otio.write(&found.document, &WriteOptions::default()).unwrap();
    assert_eq!(written.text().matches("340282366920938463463374607431768211456").count(), 2);
    let again = read(written.text()).unwrap();
    assert_eq!(again.document, found.document);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is done to a file, reading it ends, and what is read can be checked.
    #[test]
    fn changed_files_never_harm(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_usize), 1..6),
    ) {
        let mut bytes = timeline(&format!(
            "{},{}",
            clip(r#","metadata":{"emam":{"clip_id":"x","rate":[24,1]}},"effects":[{"OTIO_SCHEMA":"LinearTimeWarp.1","time_scalar":2.0}]"#),
            clip(r#","media_references":{"DEFAULT_MEDIA":{"OTIO_SCHEMA":"ExternalReference.1","target_url":"a"}}"#),
        )).into_bytes();
        for (at, byte, what) in changes {
            let at = at.index(bytes.len());
            match what {
                0 => bytes[at] = byte,
                1 => { bytes.remove(at); }
                2 => bytes.insert(at, byte),
                _ => {
                    let part = bytes[at..(at + 40).min(bytes.len())].to_vec();
                    bytes.splice(at..at, part);
                }
            }
        }
        if let Ok(found) = Format::Otio.read(&bytes, &ReadOptions::default(), &clock())
            && !found.document.sequences.is_empty()
        {
            let written = Format::Otio.write(&found.document, &WriteOptions::default());
            if let Ok(written) = written {
                prop_assert!(read(written.text()).is_ok());
            }
        }
    }
}
