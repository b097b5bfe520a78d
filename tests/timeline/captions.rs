//! Captions: real files, odd ones, and those made from what is said in a library.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use emam_core::clock::ManualClock;
use emam_core::library::{CaptionOptions, ExportOptions, Library};
use emam_core::model::{
    Annotation, AnnotationKind, Asset, AssetKind, ClipSource, Item, MediaSummary, NewAnnotation,
    Sequence, TrackKind,
};
use emam_core::time::{MediaTime, Rate, TimeRange};
use emam_core::timeline::IssueKind;
use emam_core::timeline::format::{Document, Format, ReadDocument, ReadOptions, WriteOptions};
use emam_test_support::media::samples;

fn clock() -> ManualClock {
    ManualClock::starting_at("2026-01-01T00:00:00Z".parse().unwrap())
}

fn read(format: Format, bytes: &[u8]) -> ReadDocument {
    format.read(bytes, &ReadOptions::default(), &clock()).unwrap()
}

fn write(format: Format, document: &Document) -> String {
    format.write(document, &WriteOptions::default()).unwrap().text().to_owned()
}

/// The captions of a sequence: track, first frame, frames, text.
fn shown(sequence: &Sequence) -> Vec<(usize, i64, i64, String)> {
    let mut shown = Vec::new();
    let tracks = sequence.tracks.iter().filter(|track| track.kind == TrackKind::Caption);
    for (index, track) in tracks.enumerate() {
        let mut at = 0;
        for item in &track.items {
            if let Item::Clip(clip) = item
                && let ClipSource::Caption(caption) = &clip.source
            {
                shown.push((index, at, clip.duration, caption.text.clone()));
            }
            at += item.duration();
        }
    }
    shown
}

/// Times and text of a SubRip file, found by another way: by its blocks.
fn blocks(text: &str) -> Vec<(String, String)> {
    let text = text.replace('\r', "");
    let blocks = text.split("\n\n").map(str::trim).filter(|block| !block.is_empty());
    blocks
        .map(|block| {
            let mut lines = block.lines().skip(1);
            let times = lines.next().unwrap().trim().to_owned();
            (times, lines.map(str::trim_end).collect::<Vec<_>>().join("\n"))
        })
        .collect()
}

#[test]
fn real_files_keep_every_time_and_word() {
    let Some(folder) = samples("captions") else { return };
    for name in ["CAPTIONS_en.srt", "CAPTIONS_ru.srt"] {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        let text = String::from_utf8(bytes.clone()).unwrap();
        let first = read(Format::Srt, &bytes);
        assert!(first.issues.iter().all(|i| i.kind == IssueKind::Guessed), "{:?}", first.issues);
        let sequence = first.document.main().unwrap();
        assert!(shown(sequence).len() > 10, "{name}");
        let written = write(Format::Srt, &first.document);
        assert_eq!(blocks(&written), blocks(&text), "{name}");
        let vtt = write(Format::Vtt, &first.document);
        let second = read(Format::Vtt, vtt.as_bytes());
        assert_eq!(shown(second.document.main().unwrap()), shown(sequence), "{name}");
        assert_eq!(write(Format::Srt, &second.document), written, "{name}");
    }
}

#[test]
fn odd_files_are_read_and_told_of() {
    let text = "\u{feff}1\r\n00:00:01,000 --> 00:00:02,000 X1:40\r\n<i>one</i>\r\n\r\nmore\r\n\r\n\
                2\r\n\r\n00:04.500 --> 00:03.95\r\ntwo & < 3\r\n3\r\n00:00:03,5 --> .95\r\nthree\r\n\
                \r\n5\r\n00:00:07,000 --> 00:00:07,000\r\n\r\nnot a time --> at all\r\n";
    let found = read(Format::Srt, text.as_bytes());
    let sequence = found.document.main().unwrap();
    assert_eq!(sequence.rate, Rate::new(1000, 1).unwrap());
    assert_eq!(
        shown(sequence),
        [
            (0, 950, 2550, "three".into()),
            (0, 3950, 550, "two & < 3".into()),
            (0, 7000, 1, "not a time --> at all".into()),
            (1, 1000, 1000, "<i>one</i>\nmore".into()),
        ]
    );
    let of = |kind| found.issues.iter().filter(|issue| issue.kind == kind).count();
    // Two swapped, one without length, one out of order, two lines parted from their captions.
    assert_eq!((of(IssueKind::Corrected), of(IssueKind::NotUnderstood)), (6, 1));
    assert_eq!(of(IssueKind::NonStandardRate), 1);
    let clips: Vec<_> = sequence.clips().collect();
    assert_eq!(clips[3].foreign["srt"], "--> X1:40");
    let written = write(Format::Srt, &found.document);
    assert!(written.starts_with("1\n00:00:00,950 --> 00:00:03,500\nthree\n\n2\n"), "{written}");
    assert!(written.contains("00:00:01,000 --> 00:00:02,000 X1:40\n<i>one</i>\nmore\n"));
    assert!(written.ends_with("00:00:07,000 --> 00:00:07,001\nnot a time -> at all\n"));

    let latin = read(Format::Srt, b"1\n00:00:01,000 --> 00:00:02,000\ncaf\xe9\n");
    assert_eq!(shown(latin.document.main().unwrap())[0].3, "café");
    let options = ReadOptions::default().with_rate(Rate::FPS_29_97);
    let text = b"1\n00:00:01,000 --> 00:00:01,005\na\n";
    let rounded = Format::Srt.read(text, &options, &clock()).unwrap();
    assert_eq!(shown(rounded.document.main().unwrap()), [(0, 30, 1, "a".into())]);
    assert_eq!(rounded.issues[0].kind, IssueKind::Rounded);
    for (format, bytes) in [
        (Format::Srt, &b"no captions here"[..]),
        (Format::Vtt, b"neither here"),
        (Format::Srt, b"\x00\x01\x02"),
    ] {
        let error = format.read(bytes, &ReadOptions::default(), &clock()).unwrap_err();
        assert_eq!(error.kind(), emam_core::ErrorKind::InvalidInput);
    }
    assert!(read(Format::Srt, b"").document.main().unwrap().tracks.is_empty());
    assert!(read(Format::Vtt, b"WEBVTT\n").document.main().unwrap().tracks.is_empty());
}

#[test]
fn what_webvtt_says_besides_comes_through() {
    let text = "WEBVTT - Talk\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0\n\nSTYLE\n::cue { color: \
                red }\n\nNOTE about all\n\nNOTE\nabout one\n\nfirst\n00:00:01.000 --> 00:00:02.000 \
                align:start line:0\n<v Ann>a &lt; b &amp; c &lt;i> &amp;lt;i> --&gt;\n\n\
                00:00:02.000 --> 00:00:03.000\n- two\n- lines\n\nNOTE last\n";
    let first = read(Format::Vtt, text.as_bytes());
    assert_eq!(first.issues.len(), 1, "{:?}", first.issues);
    let sequence = first.document.main().unwrap();
    assert_eq!(sequence.rate, Rate::FPS_25);
    let words = ["<v Ann>a < b & c &lt;i> &amp;lt;i> -->", "- two\n- lines"];
    let found: Vec<String> = shown(sequence).into_iter().map(|(.., text)| text).collect();
    assert_eq!(found, words);
    let written = write(Format::Vtt, &first.document);
    let want = "WEBVTT - Talk\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0\n\nSTYLE\n::cue { color: \
                red }\n\nNOTE about all\n\nNOTE\nabout one\n\nNOTE last\n\nfirst\n00:00:01.000 --> \
                00:00:02.000 align:start line:0\n<v Ann>a &lt; b &amp; c &lt;i> &amp;lt;i> --&gt;\n\n\
                00:00:02.000 --> 00:00:03.000\n- two\n- lines\n";
    assert_eq!(written, want);
    let second = read(Format::Vtt, written.as_bytes());
    assert_eq!(write(Format::Vtt, &second.document), want);
    let again = second.document.main().unwrap();
    assert_eq!((shown(again), &again.foreign), (shown(sequence), &sequence.foreign));
}

#[test]
fn any_words_come_through_webvtt() {
    let parts = ["&", "lt;", "amp;", "gt;", "<", ">", "i", "/", "--", " ", "é", "nbsp;"];
    let mut seed = 7_usize;
    for _ in 0..3_000 {
        let mut words = String::from("x");
        for _ in 0..8 {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            words.push_str(parts[(seed >> 33) % parts.len()]);
        }
        words.push('.');
        let mut document = read(Format::Srt, b"1\n00:00:01,000 --> 00:00:02,000\nx\n").document;
        for track in &mut document.sequences[0].tracks {
            for item in &mut track.items {
                if let Item::Clip(clip) = item
                    && let ClipSource::Caption(caption) = &mut clip.source
                {
                    caption.text.clone_from(&words);
                }
            }
        }
        let text = write(Format::Vtt, &document);
        let read = read(Format::Vtt, text.as_bytes());
        assert_eq!(shown(read.document.main().unwrap())[0].3, words, "{text}");
    }
}

#[test]
fn ten_thousand_captions_take_no_time() {
    let mut text = String::new();
    for index in 0..100_000 {
        let (minute, second) = (index / 60 % 60, index % 60);
        let hour = index / 3600;
        text.push_str(&format!(
            "{}\n{hour:02}:{minute:02}:{second:02},100 --> {hour:02}:{minute:02}:{second:02},900\nline {index}\n\n",
            index + 1
        ));
    }
    let start = std::time::Instant::now();
    let found = read(Format::Srt, text.as_bytes());
    let written = write(Format::Srt, &found.document);
    assert_eq!(written.trim_end(), text.trim_end());
    assert!(start.elapsed().as_secs() < 20, "100,000 captions took {:?}", start.elapsed());
}

fn speech(start: i64, frames: i64, text: &str) -> NewAnnotation {
    NewAnnotation {
        range: Some(TimeRange::new(start, frames, Rate::FPS_25).unwrap()),
        text: text.into(),
        ..NewAnnotation::new(AnnotationKind::Speech)
    }
}

#[tokio::test]
async fn what_is_said_in_a_cut_becomes_its_captions() {
    let folder = tempfile::tempdir().unwrap();
    let library = Library::open(folder.path().join("media")).await.unwrap();
    let catalog = &library.backends().catalog;
    let clock = library.backends().clock.as_ref();
    let mut asset = Asset::new(emam_core::id::AssetId::new(clock), "talk", clock.now());
    asset.kind = AssetKind::Video;
    asset.media = Some(MediaSummary {
        rate: Some(Rate::FPS_25),
        duration: Some(MediaTime::new(500, Rate::FPS_25)),
        audio_channels: 1,
        ..MediaSummary::default()
    });
    catalog.insert_assets(std::slice::from_ref(&asset)).await.unwrap();
    let mut said: Vec<Annotation> = Vec::new();
    for new in [speech(0, 50, "Hello."), speech(60, 100, "It rains."), speech(400, 20, "Bye.")] {
        said.push(library.annotations().add(asset.id, new).await.unwrap());
    }
    let project = library.projects().create("Promo").await.unwrap();
    let cut = library.sequences().create(project.id, "Rough", Rate::FPS_25).await.unwrap();
    for (start, frames) in [(25, 50), (100, 100)] {
        let clip = emam_core::library::ClipRequest {
            range: Some(TimeRange::new(start, frames, Rate::FPS_25).unwrap()),
            ..asset.id.into()
        };
        library.sequences().append(cut.id, clip).await.unwrap();
    }
    let captioned = library.sequences().caption(cut.id, CaptionOptions::default()).await.unwrap();
    let want = [
        (0, 0, 25, "Hello.".into()),
        (0, 35, 15, "It rains.".into()),
        (0, 50, 60, "It rains.".into()),
    ];
    assert_eq!(shown(&captioned), want);
    // Again, after a word was corrected: the track is replaced.
    let patch = emam_core::library::AnnotationPatch {
        text: Some("Good morning.".into()),
        ..emam_core::library::AnnotationPatch::default()
    };
    library.annotations().update(said[0].id, patch).await.unwrap();
    let again = library.sequences().caption(cut.id, CaptionOptions::default()).await.unwrap();
    assert_eq!(shown(&again)[0].3, "Good morning.");
    assert_eq!(
        (again.tracks.len(), again.revision),
        (captioned.tracks.len(), captioned.revision + 1)
    );
    let other = CaptionOptions { track: Some("Subtitles".into()) };
    assert_eq!(library.sequences().caption(cut.id, other).await.unwrap().tracks.len(), 4);

    let path = folder.path().join("rough.srt");
    library.sequences().export(cut.id, &path, ExportOptions::default()).await.unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("1\n00:00:00,000 --> 00:00:01,000\nGood morning.\n"), "{text}");
    let missing = emam_core::id::SequenceId::new(clock);
    let error = library.sequences().caption(missing, CaptionOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), emam_core::ErrorKind::NotFound);
}
