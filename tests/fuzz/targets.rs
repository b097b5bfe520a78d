//! What is done with each input: a reader may refuse it, and may do nothing else that is wrong.
//!
//! Shared by the cargo-fuzz targets beside this and by the test `fuzz` of tests/timeline.

use std::io::Write;
use std::path::Path;

use emam_core::clock::ManualClock;
use emam_core::timeline::check;
use emam_core::timeline::format::{Document, Format, ReadOptions, WriteOptions};
use emam_core::timeline::usage::{ScanOptions, scan_bytes};

/// A target by its name.
pub(crate) type Target = fn(&[u8]);

/// Every target.
pub(crate) const ALL: &[(&str, Target)] = &[
    ("otio_read", otio_read),
    ("xmeml_read", xmeml_read),
    ("edl_read", edl_read),
    ("ale_read", ale_read),
    ("captions_read", captions_read),
    ("prproj_scan", prproj_scan),
    ("roundtrip", roundtrip),
];

/// Reads OpenTimelineIO's JSON.
pub(crate) fn otio_read(bytes: &[u8]) {
    read(Format::Otio, bytes);
}

/// Reads Final Cut Pro 7 XML.
pub(crate) fn xmeml_read(bytes: &[u8]) {
    read(Format::Xmeml, bytes);
}

/// Reads an EDL.
pub(crate) fn edl_read(bytes: &[u8]) {
    read(Format::Edl, bytes);
}

/// Reads an ALE.
pub(crate) fn ale_read(bytes: &[u8]) {
    read(Format::Ale, bytes);
}

/// Reads SubRip and WebVTT.
pub(crate) fn captions_read(bytes: &[u8]) {
    read(Format::Srt, bytes);
    read(Format::Vtt, bytes);
}

/// Looks for media in a Premiere project, packed or not, and in an After Effects one.
pub(crate) fn prproj_scan(bytes: &[u8]) {
    let Ok(now) = "2026-01-01T00:00:00Z".parse() else { return };
    let clock = ManualClock::starting_at(now);
    for name in ["fuzz.prproj", "fuzz.aep", "fuzz.aepx"] {
        drop(scan_bytes(Path::new(name), bytes, &ScanOptions::default(), &clock));
    }
    // As Premiere stores it: what gzip holds is what matters.
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    if packed.write_all(bytes).is_ok()
        && let Ok(packed) = packed.finish()
    {
        drop(scan_bytes(Path::new("fuzz.prproj"), &packed, &ScanOptions::default(), &clock));
    }
}

/// Reads the bytes after the first as the format the first names; what was read can be written in
/// every format, and in its own reads back and is written the same again. A name of characters no
/// format holds may be another after it was written once, and a third round settles it.
pub(crate) fn roundtrip(bytes: &[u8]) {
    let Some((first, bytes)) = bytes.split_first() else { return };
    let format = Format::ALL[usize::from(*first) % Format::ALL.len()];
    let Some(document) = read(format, bytes) else { return };
    let options = WriteOptions::default();
    for other in Format::ALL {
        // A format may have no number for what stands in another.
        drop(other.write(&document, &options));
    }
    let Ok(written) = format.write(&document, &options) else { return };
    let again = |text: &str| {
        let back = read(format, text.as_bytes());
        let back = back.unwrap_or_else(|| panic!("{format:?} cannot be read back"));
        let twice = format.write(&back, &options);
        twice.unwrap_or_else(|error| panic!("what was read back: {}", error.report()))
    };
    let twice = again(written.text());
    let settled = again(twice.text());
    let (twice, settled) = (twice.text(), settled.text());
    let differs = twice.lines().zip(settled.lines()).find(|(twice, settled)| twice != settled);
    assert!(twice == settled, "{format:?} is not stable: {differs:?}");
}

/// What was read, if anything; of which no sequence may be broken.
fn read(format: Format, bytes: &[u8]) -> Option<Document> {
    let clock = ManualClock::starting_at("2026-01-01T00:00:00Z".parse().ok()?);
    let options = ReadOptions::default().with_name("fuzz");
    let found = format.read(bytes, &options, &clock).ok()?;
    for sequence in &found.document.sequences {
        let media = |source: &_| found.document.media.summary(source);
        let broken = check(sequence, &media).into_iter().find(|issue| issue.kind.is_error());
        assert!(broken.is_none(), "{format:?} gives a broken sequence: {broken:?}");
    }
    Some(found.document)
}
