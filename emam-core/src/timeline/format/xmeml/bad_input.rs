//! Files that are wrong, hostile or odd.

use crate::ErrorKind;
use crate::clock::ManualClock;
use crate::id::ProjectId;
use crate::model::{Clip, ClipSource, Item, Role, Sequence, Track, TrackKind};
use crate::time::{MediaTime, Rate, Speed};
use crate::timeline::IssueKind::{self, *};
use crate::timeline::check::structure;
use crate::timeline::format::{Document, Format, ReadDocument, ReadOptions, WriteOptions};
use crate::timeline::samples::shape;

fn try_read(bytes: &[u8]) -> crate::Result<ReadDocument> {
    let clock = ManualClock::starting_at("2026-01-01T00:00:00Z".parse().unwrap());
    Format::Xmeml.read(bytes, &ReadOptions::default(), &clock)
}

/// Reads a file; whatever was in it, its sequences are sound, can be written, and read again as
/// they are.
fn read(text: &str) -> ReadDocument {
    let read = try_read(text.as_bytes()).unwrap();
    for sequence in &read.document.sequences {
        assert_eq!(structure(sequence), []);
    }
    if !read.document.sequences.is_empty() {
        let written = Format::Xmeml.write(&read.document, &WriteOptions::default()).unwrap();
        let again = try_read(written.text().as_bytes()).unwrap().document;
        assert_eq!(again.sequences, read.document.sequences, "{}", written.text());
    }
    read
}

/// A sequence at 25 with these items on its only video track.
fn track(items: &str) -> String {
    format!(
        "<xmeml version=\"4\"><sequence id=\"s\"><name>cut</name>\
         <rate><timebase>25</timebase><ntsc>FALSE</ntsc></rate>\
         <media><video><track>{items}</track></video></media></sequence></xmeml>"
    )
}

fn clip(id: &str, start: i64, end: i64, point: i64, more: &str) -> String {
    let out = point + end - start;
    format!(
        "<clipitem id=\"{id}\"><name>{id}</name><start>{start}</start><end>{end}</end>\
         <in>{point}</in><out>{out}</out>{more}</clipitem>"
    )
}

const FILE: &str = "<file id=\"f\"><name>a.mov</name><pathurl>file:///a.mov</pathurl>\
    <rate><timebase>25</timebase></rate><duration>1000</duration></file>";

fn kinds(read: &ReadDocument) -> Vec<IssueKind> {
    read.issues.iter().map(|issue| issue.kind).collect()
}

fn main(read: &ReadDocument) -> &Sequence {
    &read.document.sequences[0]
}

#[test]
fn hostile_files_end_in_an_error_that_says_what_to_do() {
    let bomb = "<!DOCTYPE xmeml [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;\">]>\
                <xmeml><sequence><name>&b;</name></sequence></xmeml>";
    let outside = "<!DOCTYPE xmeml [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><xmeml>&x;</xmeml>";
    let deep = format!("<xmeml>{}", "<bin><children>".repeat(10_000));
    for text in [bomb, outside, &deep, "<xmeml>&x;</xmeml>", "<xmeml>", "{}", "", "<fcpxml/>"] {
        let error = try_read(text.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    }
    let filter = "<?xml version=\"1.0\"?><filter><effect/></filter>";
    let error = try_read(filter.as_bytes()).unwrap_err();
    assert_eq!(error.get("root"), Some("filter"));
    // An outside document type is only a name, and is never opened.
    let named = format!("<!DOCTYPE xmeml SYSTEM \"file:///etc/passwd\">{}", track(""));
    assert_eq!(main(&read(&named)).tracks.len(), 1);
}

#[test]
fn every_encoding_that_is_declared_is_read_or_refused() {
    let text = track("").replace("cut", "é");
    let utf16: Vec<u8> =
        [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    assert_eq!(try_read(&utf16).unwrap().document.sequences[0].name, "é");
    let latin: Vec<u8> = format!("<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>{text}")
        .chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap())
        .collect();
    assert_eq!(try_read(&latin).unwrap().document.sequences[0].name, "é");
    let error = try_read(&latin[latin.len() - text.chars().count()..]).unwrap_err();
    assert!(error.message().contains("UTF-8"), "{error}");
    let control = read(&track("").replace("cut", "a\u{7}<![CDATA[<&>]]>"));
    assert_eq!(main(&control).name, "a\u{fffd}<&>");
    assert_eq!(kinds(&control), [Corrected]);
}

#[test]
fn numbers_that_are_none_are_named_and_the_rest_is_read() {
    for (from, to, want) in [
        ("<timebase>25", "<timebase>NaN", vec![Corrected, Guessed]),
        ("<timebase>25", "<timebase>0", vec![Corrected, Guessed]),
        ("<timebase>25", "<timebase>1e999", vec![Corrected, Guessed]),
        ("<timebase>25", "<timebase>99999999999", vec![Corrected, Guessed]),
    ] {
        let read = read(&track(&clip("a", 0, 9, 5, FILE)).replacen(from, to, 1));
        assert_eq!((main(&read).rate, kinds(&read)), (Rate::FPS_25, want), "{to}");
        assert_eq!(shape(main(&read)), ["a@5+9"]);
    }
    let snapped = read(&track("").replace("<timebase>25", "<timebase>29.97"));
    assert_eq!(main(&snapped).rate, Rate::FPS_29_97);
    for (from, to, shape_of, want) in [
        ("<start>3", "<start>x", "-3 a@5+9", vec![NotUnderstood]),
        ("<end>12", "<end>", "-3 a@5+9", vec![NotUnderstood]),
        ("<start>3", "<start>-7", "a@5+12", vec![Corrected]),
        ("<in>5", "<in>5.4", "-3 a@5+9", vec![Rounded]),
        ("<end>12", "<end>3", "", vec![NotUnderstood]),
        ("<end>12", "<end>9223372036854775807", "-3 a@5+9", vec![NotUnderstood]),
    ] {
        let read = read(&track(&clip("a", 3, 12, 5, FILE)).replacen(from, to, 1));
        assert_eq!((shape(main(&read)), kinds(&read)), (vec![shape_of.to_owned()], want), "{to}");
    }
}

#[test]
fn references_that_lead_nowhere_are_missing_media() {
    let file = read(&track(&clip("a", 0, 9, 5, "<file id=\"gone\"/>")));
    assert_eq!((shape(main(&file)), kinds(&file)), (vec!["a@5+9".to_owned()], vec![UnknownMedia]));
    let none = read(&track(&clip("a", 0, 9, 5, "")));
    assert_eq!(kinds(&none), [UnknownMedia]);
    let link = "<link><linkclipref>gone</linkclipref></link>";
    let link = read(&track(&clip("a", 0, 9, 5, &format!("{FILE}{link}"))));
    assert_eq!(kinds(&link), [NotUnderstood]);
    let sequence = read(&track(&clip("a", 0, 9, 5, "<sequence id=\"gone\"/>")));
    assert_eq!(kinds(&sequence), [UnknownSequence]);
    let itself = read(&track(&clip("a", 0, 9, 5, "<sequence id=\"s\"/>")));
    let Item::Clip(clip) = &main(&itself).tracks[0].items[0] else { panic!() };
    assert_eq!(clip.source, ClipSource::from(main(&itself).id));
}

#[test]
fn sequences_nested_a_hundred_deep_are_all_there_in_their_order() {
    let clock = ManualClock::starting_at("2026-01-01T00:00:00Z".parse().unwrap());
    let project = ProjectId::new(&clock);
    let mut sequences: Vec<Sequence> = Vec::new();
    for depth in 0..100 {
        let mut outer = Sequence::new(&clock, project, format!("{depth}"), Rate::FPS_25);
        let mut track = Track::new(&clock, TrackKind::Video, "V1");
        if let Some(inner) = sequences.last() {
            let zero = MediaTime::zero(Rate::FPS_25);
            track.items.push(Item::Clip(Clip::new(&clock, "nested", inner.id, zero, 5)));
        }
        outer.tracks.push(track);
        sequences.push(outer);
    }
    sequences.reverse();
    let document = Document { sequences, ..Document::default() };
    let written = Format::Xmeml.write(&document, &WriteOptions::default()).unwrap();
    let read = try_read(written.text().as_bytes()).unwrap();
    assert_eq!((&read.document.sequences, read.issues), (&document.sequences, Vec::new()));
}

#[test]
fn ids_that_are_missing_or_given_twice_are_no_harm() {
    let twice = [clip("a", 0, 9, 5, FILE), clip("a", 9, 12, 50, "<file id=\"f\"/>")].concat();
    let read_twice = read(&track(&twice));
    assert_eq!(shape(main(&read_twice)), ["a@5+9 a@50+3"]);
    assert_eq!(read_twice.document.media.len(), 1);
    let none = twice.replace("<clipitem id=\"a\">", "<clipitem>");
    assert_eq!(shape(main(&read(&track(&none)))), ["a@5+9 a@50+3"]);
    let own = "emam.id=\"019b76da-a800-7000-8000-000000000004\"";
    let claimed = twice.replace("<clipitem", &format!("<clipitem {own}"));
    let claimed = read(&track(&claimed));
    assert_eq!(kinds(&claimed), [Corrected]);
    // A clip that is only a reference to one that was there lies where that lies.
    let reference = [&clip("a", 0, 9, 5, FILE), "<clipitem id=\"a\"/>"].concat();
    let reference = read(&track(&reference));
    assert_eq!(
        (shape(main(&reference)), kinds(&reference)),
        (vec!["a@5+9 a@5+9".into()], vec![Corrected])
    );
}

#[test]
fn clips_that_overlap_or_are_out_of_order_are_put_right() {
    let overlap = [clip("a", 0, 9, 5, FILE), clip("b", 6, 12, 50, "<file id=\"f\"/>")].concat();
    let overlap = read(&track(&overlap));
    assert_eq!(
        (shape(main(&overlap)), kinds(&overlap)),
        (vec!["a@5+6 b@50+6".into()], vec![Corrected])
    );
    let order = [clip("b", 6, 12, 50, FILE), clip("a", 0, 6, 5, "<file id=\"f\"/>")].concat();
    let order = read(&track(&order));
    assert_eq!(
        (shape(main(&order)), kinds(&order)),
        (vec!["a@5+6 b@50+6".into()], vec![Corrected])
    );
}

#[test]
fn a_transition_tells_where_its_clips_meet() {
    let transition = |start, end, more: &str| {
        format!("<transitionitem><start>{start}</start><end>{end}</end>{more}</transitionitem>")
    };
    let pair = |middle: &str| {
        let a = "<clipitem><name>a</name><start>0</start><end>-1</end><in>100</in><out>124</out>";
        let b = "<clipitem><name>b</name><start>-1</start><end>60</end><in>200</in><out>246</out>";
        let (a, b) = (format!("{a}{FILE}</clipitem>"), format!("{b}<file id=\"f\"/></clipitem>"));
        let read = read(&track(&[&a, middle, &b].concat()));
        shape(main(&read)).remove(0)
    };
    let ticks = MediaTime::new(3, Rate::FPS_25).premiere_ticks().unwrap();
    for (more, want) in [
        ("<alignment>center</alignment>".to_owned(), "a@100+19 <5|5> b@205+41"),
        ("<alignment>start</alignment>".to_owned(), "a@100+14 <0|10> b@200+46"),
        ("<alignment>end-black</alignment>".to_owned(), "a@100+24 <10|0> b@210+36"),
        (format!("<cutPointTicks>{ticks}</cutPointTicks>"), "a@100+17 <3|7> b@203+43"),
        (String::new(), "a@100+19 <5|5> b@205+41"),
        ("<cutPointTicks>x</cutPointTicks>".to_owned(), "a@100+19 <5|5> b@205+41"),
    ] {
        assert_eq!(pair(&transition(14, 24, &more)), want, "{more}");
    }
    // With too little beside it, it cannot be.
    let long = [clip("a", 0, 3, 5, FILE), transition(-4, 4, "<alignment>end</alignment>")].concat();
    let long = read(&track(&long));
    assert_eq!((shape(main(&long)), kinds(&long)), (vec!["a@5+3".into()], vec![NotUnderstood]));
    // Very many that are wrong take no longer than as many that are right.
    let many = "<transitionitem><start>5</start><end>9</end></transitionitem>".repeat(20_000);
    let many = read(&track(&[clip("a", 0, 3, 5, FILE), many].concat()));
    assert_eq!((shape(main(&many)), many.issues.len()), (vec!["a@5+3 -4".into()], 1001));
    let turned = read(&track(&transition(9, 0, "")));
    assert_eq!(kinds(&turned), [NotUnderstood]);
}

#[test]
fn paths_of_every_platform_become_urls() {
    for (path, url) in [
        ("file://localhost/C%3a/Media/a%20b.mov", "file:///C:/Media/a%20b.mov"),
        ("file://localhost/C:/Media/a b.mov", "file:///C:/Media/a%20b.mov"),
        (r"C:\Media\x.mov", "file:///C:/Media/x.mov"),
        (r"\\nas\share\x.mov", "file://nas/share/x.mov"),
        ("file://localhost//nas/share/x.mov", "file://nas/share/x.mov"),
        ("/media/e\u{301}.mov", "file:///media/e%CC%81.mov"),
        ("s3://bucket/x.mov", "s3://bucket/x.mov"),
    ] {
        let text = track(&clip("a", 0, 9, 5, &FILE.replace("file:///a.mov", path)));
        let read = read(&text);
        let (_, media) = read.document.media.iter().next().unwrap();
        assert_eq!(media.urls[&Role::Original], url);
    }
}

#[test]
fn what_another_program_changed_holds_against_what_emam_said() {
    let text = clip("a", 0, 9, 50, FILE).replace(
        "<clipitem",
        "<clipitem emam.start=\"7 @ 48000\" emam.speed=\"1/3\" emam.channels=\"9\" emam.link=\"x\"",
    );
    let read = read(&track(&text));
    let Item::Clip(clip) = &main(&read).tracks[0].items[0] else { panic!() };
    assert_eq!(clip.source_start, MediaTime::new(50, Rate::FPS_25));
    assert_eq!((clip.speed, clip.link), (Speed::NORMAL, None));
}

#[test]
fn a_file_of_clips_and_bins_needs_no_sequence() {
    let clip = format!("<clip id=\"m\"><name>a</name>{FILE}</clip>");
    let bin = format!("<bin><name>rushes</name><children>{clip}<odd/></children></bin>");
    let bin = read(&format!("<xmeml><project><children>{bin}</children></project></xmeml>"));
    assert_eq!((bin.document.bins.len(), kinds(&bin)), (1, vec![NotUnderstood]));
    assert_eq!((bin.document.bins[0].media.len(), bin.document.media.len()), (1, 1));
    let loose = read(&format!("<xmeml>{clip}</xmeml>"));
    assert_eq!(loose.document.bins[0].media.len(), 1);
    assert!(read("<xmeml/>").document.sequences.is_empty());
}
