//! OpenTimelineIO files (`.otio`), read and written, for and from every version in use.
//!
//! A clip's `source_range` starts on the asset's own timecode at the asset's rate and lasts in
//! frames of the sequence: the two facts an editing program needs, each exact. Rates are floats in
//! this format; so the exact ones, and everything else that only emam knows, stand in
//! `metadata.emam`, which other programs keep or ignore. What emam says there holds as long as the
//! rest of the file still says the same: a change made by another program wins.
//!
//! Media that is not known, or has no address, is written as missing. Every rendition of a clip has
//! the range of the original, as the frame map of a proxy promises. What OpenTimelineIO cannot hold
//! (U+0000 in a text, whole numbers above 63 bits, a key `OTIO_SCHEMA`) is shown so that it can, and
//! stands as it is in `metadata.emam.exact`.

mod bundle;
mod facts;
#[cfg(test)]
mod hostile;
mod json;
mod print;
#[cfg(test)]
mod properties;
mod read;
mod schema;
mod time;
mod write;

pub use bundle::{BundleOptions, MissingMedia, WrittenBundle, read_bundle, write_bundle};
pub(super) use read::read;
pub(super) use write::write;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use crate::error::Result;
    use crate::model::{MediaSummary, Role, Sequence, TrackKind};
    use crate::time::{MediaTime, Rate};
    use crate::timeline::append;
    use crate::timeline::format::{ClipMedia, Document, Format, MediaMap, Target, WriteOptions};
    use crate::timeline::samples::{
        clip, clock, dissolve, film, gap, piece, sequence, source, still, track,
    };

    fn text(sequence: &Sequence, media: &MediaMap, target: Target) -> Result<String> {
        let document = Document::new(sequence.clone(), media.clone());
        let options = WriteOptions::default().with_target(target);
        Ok(Format::Otio.write(&document, &options)?.text().to_owned())
    }

    fn write(sequence: &Sequence, media: &MediaMap, target: Target) -> Value {
        serde_json::from_str(&text(sequence, media, target).unwrap()).unwrap()
    }

    fn urls(roles: &[Role]) -> BTreeMap<Role, String> {
        roles.iter().map(|role| (*role, format!("file:///{}.mov", role.as_str()))).collect()
    }

    #[test]
    fn a_clip_starts_on_its_own_timecode_and_lasts_in_frames_of_the_sequence() {
        let (clock, mut cut) = (clock(), sequence(Rate::FPS_25, &clock()));
        let source = source(&clock);
        let mut placement = piece("a", source, 0, 50);
        placement.source_start = MediaTime::new(48, Rate::FPS_23_976);
        append(&mut cut, &placement, &clock).unwrap();
        let mut media = MediaMap::new();
        let summary = film(Rate::FPS_23_976, 240);
        let urls = urls(&[Role::Original, Role::Proxy]);
        media.insert(
            &source,
            ClipMedia { name: "a.mov".into(), summary, urls, ..ClipMedia::default() },
        );
        let otio = write(&cut, &media, Target::Original);
        let clip = &otio["tracks"]["children"][0]["children"][0];
        let time = |value: f64, rate: Rate| json!({"OTIO_SCHEMA": "RationalTime.1", "rate": rate.as_f64(), "value": value});
        assert_eq!(clip["source_range"]["start_time"], time(86_448.0, Rate::FPS_23_976));
        assert_eq!(clip["source_range"]["duration"], time(50.0, Rate::FPS_25));
        let available = &clip["media_references"]["DEFAULT_MEDIA"]["available_range"];
        assert_eq!(available["start_time"], time(86_400.0, Rate::FPS_23_976));
        assert_eq!(available["duration"], time(240.0, Rate::FPS_23_976));
        assert_eq!(clip["media_references"]["proxy"]["target_url"], "file:///proxy.mov");
        assert_eq!(clip["metadata"]["emam"]["rate"], json!([24_000, 1001]));
        assert_eq!(clip["metadata"]["emam"]["source_start"], 48);
        let sound = &otio["tracks"]["children"][1]["children"][0];
        assert_eq!(sound["metadata"]["emam"]["link"], clip["metadata"]["emam"]["link"]);
    }

    #[test]
    fn the_active_reference_is_the_target_where_there_is_one() {
        let active = |summary: MediaSummary, roles: &[Role], target| {
            let (clock, mut cut) = (clock(), sequence(Rate::FPS_25, &clock()));
            let source = source(&clock);
            append(&mut cut, &piece("a", source, 0, 50), &clock).unwrap();
            let mut media = MediaMap::new();
            let urls = urls(roles);
            media.insert(
                &source,
                ClipMedia { name: "a".into(), summary, urls, ..ClipMedia::default() },
            );
            let mut otio = write(&cut, &media, target);
            let clip = otio["tracks"]["children"][0]["children"][0].take();
            let key = clip["active_media_reference_key"].as_str().unwrap().to_owned();
            let url = clip["media_references"][&key]["target_url"].as_str().unwrap_or("missing");
            format!("{key} {url}")
        };
        use Role::{AudioProxy, EditProxy, Original, Proxy};
        let film = || film(Rate::FPS_25, 500);
        let sound = || MediaSummary { rate: None, width: None, height: None, ..film() };
        for (media, roles, target, want) in [
            (
                film(),
                &[Original, Proxy][..],
                Target::Original,
                "DEFAULT_MEDIA file:///original.mov",
            ),
            (film(), &[Original, Proxy], Target::Proxy, "proxy file:///proxy.mov"),
            (
                film(),
                &[Original, Proxy, EditProxy],
                Target::Proxy,
                "edit_proxy file:///edit_proxy.mov",
            ),
            (film(), &[Original, AudioProxy], Target::Proxy, "DEFAULT_MEDIA file:///original.mov"),
            (
                sound(),
                &[Original, AudioProxy],
                Target::Proxy,
                "audio_proxy file:///audio_proxy.mov",
            ),
            (film(), &[Proxy], Target::Original, "DEFAULT_MEDIA missing"),
            (film(), &[], Target::Proxy, "DEFAULT_MEDIA missing"),
        ] {
            assert_eq!(active(media, roles, target), want, "{roles:?} {target:?}");
        }
    }

    #[test]
    fn a_still_has_as_many_frames_as_its_clip_shows() {
        let (clock, mut cut) = (clock(), sequence(Rate::FPS_25, &clock()));
        let source = source(&clock);
        append(&mut cut, &piece("a", source, 30, 50), &clock).unwrap();
        let mut media = MediaMap::new();
        let urls = urls(&[Role::Original]);
        media.insert(
            &source,
            ClipMedia { name: "a".into(), summary: still(), urls, ..ClipMedia::default() },
        );
        let otio = write(&cut, &media, Target::Original);
        let clip = &otio["tracks"]["children"][0]["children"][0];
        let available = &clip["media_references"]["DEFAULT_MEDIA"]["available_range"];
        assert_eq!(available["start_time"]["value"], 0.0);
        assert_eq!(available["duration"]["value"], 80.0);
    }

    #[test]
    fn what_opentimelineio_cannot_hold_is_written_so_that_it_can() {
        let mut cut = sequence(Rate::FPS_25, &clock());
        cut.name = "a\0b".into();
        cut.metadata.insert(
            "field".into(),
            json!([{"OTIO_SCHEMA": "Clip.2"}, u64::MAX, i64::MIN, "x\0", 1.5, null]),
        );
        let otio = write(&cut, &MediaMap::new(), Target::Original);
        assert_eq!(otio["name"], "a\u{fffd}b");
        assert_eq!(
            otio["metadata"]["emam"]["metadata"]["field"],
            json!([
                {"emam:OTIO_SCHEMA": "Clip.2"},
                "18446744073709551615",
                i64::MIN,
                "x\u{fffd}",
                1.5,
                null
            ])
        );
    }

    #[test]
    fn a_broken_sequence_and_a_time_no_float_holds_are_refused() {
        let clock = clock();
        let mut cut = sequence(Rate::FPS_25, &clock);
        let items = vec![clip("a", 0, 5, &clock), dissolve(1, 1), dissolve(1, 1), gap(5)];
        cut.tracks.push(track(TrackKind::Video, items, &clock));
        let refused = |cut: &Sequence| {
            let error = text(cut, &MediaMap::new(), Target::Original).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::InvalidInput);
            error
        };
        assert!(refused(&cut).get("issue").unwrap().starts_with("transition \"dissolve\""));
        cut.tracks[0].items = vec![clip("a", 0, (1 << 53) + 1, &clock)];
        assert_eq!(refused(&cut).get("time"), Some("9007199254740993 @ 25"));
        cut.tracks[0].items = vec![clip("a", 0, 1 << 53, &clock)];
        let text = text(&cut, &MediaMap::new(), Target::Original).unwrap();
        assert!(text.contains("\"value\": 9007199254740992.0"), "{text}");
    }
}
