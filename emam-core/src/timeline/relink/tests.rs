//! Media that is what a timeline names, nearly is, and is not.

use super::*;
use crate::clock::ManualClock;
use crate::id::{AssetId, VersionId};
use crate::model::{Clip, FrameMap, Item, Marker, MediaSummary, Role, Sequence, TrackKind};
use crate::time::{MediaTime, Rate, Speed, Timecode};
use crate::timeline::IssueKind;
use crate::timeline::format::{Document, MediaMap};
use crate::timeline::samples::{clock, film, sequence, source, track};

/// A cut of one clip of one media.
struct Cut {
    clock: ManualClock,
    named: AssetSource,
    document: Document,
}

impl Cut {
    fn new(media: ClipMedia, start: MediaTime, duration: i64) -> Self {
        let clock = clock();
        let named = source(&clock);
        let mut cut = sequence(Rate::FPS_25, &clock);
        let clip = Clip::new(&clock, "clip", named, start, duration);
        cut.tracks.push(track(TrackKind::Video, vec![Item::Clip(clip)], &clock));
        let mut document = Document::new(cut, MediaMap::new());
        document.media.insert(&named, media);
        Self { clock, named, document }
    }

    fn candidate(&self, media: &ClipMedia) -> Candidate {
        let asset = AssetId::new(&self.clock);
        let version = Some(VersionId::new(&self.clock));
        Candidate::new(AssetSource { asset, version, subclip: None }, media.clone())
    }

    fn plan(&self, candidates: &[Candidate]) -> RelinkPlan {
        plan(&self.document, candidates, &MatchOptions::default())
    }

    fn clip(&self) -> &Clip {
        self.document.sequences[0].clips().next().unwrap()
    }

    fn clip_mut(&mut self) -> &mut Clip {
        match &mut self.document.sequences[0].tracks[0].items[0] {
            Item::Clip(clip) => clip,
            other => panic!("{other:?}"),
        }
    }
}

fn media(name: &str, summary: MediaSummary) -> ClipMedia {
    ClipMedia { name: name.into(), summary, ..ClipMedia::default() }
}

fn at(frame: i64) -> MediaTime {
    MediaTime::new(frame, Rate::FPS_25)
}

fn starting(label: &str, rate: Rate, frames: i64) -> MediaSummary {
    let start_timecode = Some(Timecode::parse(label, rate).unwrap());
    MediaSummary { start_timecode, md5: None, ..film(rate, frames) }
}

fn found(plan: &RelinkPlan) -> Option<(AssetSource, Reason, u8)> {
    plan.matches[0].found.as_ref().map(|found| (found.source, found.reason, found.score))
}

fn kinds(issues: &[Issue]) -> Vec<IssueKind> {
    issues.iter().map(|issue| issue.kind).collect()
}

#[test]
fn the_surest_sign_wins() {
    let summary = film(Rate::FPS_25, 500);
    let bare = |name: &str| media(name, MediaSummary { md5: None, ..summary.clone() });
    let mut said = media("A001.mov", summary.clone());
    said.reel = Some("TAPE1".into());
    said.urls = [(Role::Original, "file:///D:/rushes/A001.mov".into())].into();
    let cut = Cut::new(said, at(100), 50);
    let by_id = Candidate::new(cut.named, bare("other.mov"));
    let mut placed = cut.candidate(&bare("renamed.mov"));
    placed.media.urls = [(Role::Proxy, "file://localhost/D%3a/rushes/A001.mov".into())].into();
    let same = cut.candidate(&media("renamed.mov", summary.clone()));
    let like = cut.candidate(&bare("a001.MXF"));
    let longer = MediaSummary { duration: Some(at(900)), ..bare("").summary };
    let covers = cut.candidate(&media("A001.mov", longer.clone()));
    let mut tape = cut.candidate(&media("capture", longer));
    tape.media.reel = Some("Tape 1".into());
    let named = cut.candidate(&media("A001.mov", MediaSummary::default()));
    let stranger = cut.candidate(&bare("A0011.mov"));
    // Each is the best until a surer one is there too.
    let ladder = [
        (stranger, None),
        (named, Some(Reason::Name)),
        (tape, Some(Reason::ReelTimecode)),
        (covers, Some(Reason::NameTimecode)),
        (like, Some(Reason::NameTimecodeDuration)),
        (same, Some(Reason::Checksum)),
        (placed, Some(Reason::Place)),
        (by_id, Some(Reason::EmamId)),
    ];
    let mut there = Vec::new();
    let mut least = 0;
    for (candidate, reason) in ladder {
        let source = candidate.source;
        there.push(candidate);
        let got = found(&cut.plan(&there));
        assert_eq!(got.map(|(_, reason, _)| reason), reason);
        if let Some((found, _, score)) = got {
            assert_eq!(found, source);
            assert!(score > least, "{score} after {least}");
            least = score;
        }
    }
    assert_eq!(least, 100);
}

#[test]
fn what_is_as_likely_is_named_and_left_alone() {
    let summary = MediaSummary { md5: None, ..film(Rate::FPS_25, 500) };
    let cut = Cut::new(media("clip.mov", summary.clone()), at(0), 10);
    let two = [summary.clone(), summary].map(|summary| cut.candidate(&media("clip.mov", summary)));
    let plan = cut.plan(&two);
    assert_eq!(found(&plan), None);
    assert_eq!(plan.matches[0].alternatives.len(), 2);
    assert!(plan.matches[0].warnings[0].message.contains("as likely"), "{plan}");
    let mut document = cut.document.clone();
    let issues = apply(&mut document, &plan).unwrap();
    assert_eq!(kinds(&issues), [IssueKind::UnknownMedia]);
    assert_eq!(document, cut.document);

    // The folder tells them apart.
    let mut cut = cut;
    let named = cut.named;
    let url = |path: &str| [(Role::Original, path.to_owned())].into();
    cut.document.media.get_mut(&named).unwrap().urls = url("file:///mnt/a/CARD2/clip.mov");
    let mut two = two;
    two[0].media.urls = url("file:///disk/card1/clip.mov");
    two[1].media.urls = url("file:///disk/card2/clip.mov");
    assert_eq!(found(&cut.plan(&two)).unwrap().0, two[1].source);

    // Somebody chooses.
    let (mut plan, document) = (plan, cut.document.clone());
    assert!(plan.choose(&document, &cut.named, &two[0], Reason::Chosen));
    assert!(apply(&mut cut.document, &plan).unwrap().is_empty());
    assert_eq!(cut.clip().source.asset(), Some(&two[0].source));
    assert!(
        !plan.choose(&document, &two[0].source, &two[1], Reason::Chosen),
        "not named by the document"
    );
}

#[test]
fn a_name_alone_is_not_enough_against_other_facts() {
    let cut = Cut::new(media("clip.mov", film(Rate::FPS_25, 500)), at(0), 10);
    let other = MediaSummary { md5: None, ..starting("10:00:00:00", Rate::FPS_25, 900) };
    let plan = cut.plan(&[cut.candidate(&media("clip.mov", other))]);
    assert_eq!(found(&plan), None);
    assert!(plan.matches[0].warnings[0].message.contains("of the 50"), "{plan}");
    assert_eq!(plan.matches[0].alternatives.len(), 1);
    let low = MatchOptions::default().with_min_score(20);
    let all = [cut.candidate(&media("CLIP.mp4", MediaSummary::default()))];
    assert!(super::plan(&cut.document, &all, &low).matches[0].found.is_some());
}

#[test]
fn clips_keep_the_timecode_they_show() {
    // The file counts from 01:00:00:00, the media in the library begins ten seconds before.
    let mut cut = Cut::new(media("a.mov", starting("01:00:00:00", Rate::FPS_25, 500)), at(100), 50);
    cut.clip_mut().markers = vec![Marker { start: 120, duration: 5, ..Marker::default() }];
    let there = cut.candidate(&media("a.mov", starting("00:59:50:00", Rate::FPS_25, 1000)));
    let plan = cut.plan(std::slice::from_ref(&there));
    assert_eq!(found(&plan).map(|(_, reason, _)| reason), Some(Reason::NameTimecode));
    let issues = apply(&mut cut.document, &plan).unwrap();
    assert_eq!(kinds(&issues), [IssueKind::MediaChanged, IssueKind::MediaChanged]);
    assert_eq!(cut.clip().source_start, at(350));
    assert_eq!((cut.clip().markers[0].start, cut.clip().markers[0].duration), (370, 5));
    assert_eq!(cut.document.media.get(&there.source), Some(&there.media));
    assert_eq!(cut.document.media.len(), 1);
}

#[test]
fn a_list_of_edits_says_nothing_of_where_its_media_begins() {
    let origin = |frames: i64| {
        let start_timecode = Some(Timecode::new(0, Rate::FPS_25, false).unwrap());
        let summary = MediaSummary { start_timecode, ..MediaSummary::default() };
        Cut::new(media("a.mov", summary), at(90_000 + frames), 50)
    };
    let mut cut = origin(100);
    let there = cut.candidate(&media("a.mov", starting("01:00:00:00", Rate::FPS_25, 500)));
    let plan = cut.plan(std::slice::from_ref(&there));
    assert_eq!(found(&plan).map(|(_, reason, _)| reason), Some(Reason::NameTimecode));
    assert!(apply(&mut cut.document, &plan).unwrap().is_empty(), "{plan}");
    assert_eq!(cut.clip().source_start, at(100));
    // Media that has not the timecode used is other media of the same name.
    let plan = origin(480).plan(std::slice::from_ref(&there));
    assert_eq!((found(&plan), plan.matches[0].alternatives.len()), (None, 1), "{plan}");
}

#[test]
fn labels_outlive_a_change_of_counting() {
    let way = |from: (&str, Rate), to: (&str, Rate), frames| {
        let media = |(start, rate)| media("a", starting(start, rate, frames));
        super::place::Way::new(&media(from), &media(to))
    };
    let rate = Rate::FPS_29_97;
    let moved = |way: super::place::Way, frame, rate| {
        let place = way.place(MediaTime::new(frame, rate)).unwrap();
        (place.time.value(), place.time.rate(), place.is_rounded)
    };
    // 01:01:00:02 as a list of edits has it, on media that counts drop-frame.
    let one = way(("01:00:00:00", rate), ("01:00:00;00", rate), 9000);
    assert_eq!(moved(one, 1802, rate), (1800, rate, false));
    // A label at 25 on media of 24.
    let one = way(("01:00:00:00", Rate::FPS_25), ("01:00:00:00", Rate::FPS_24), 9000);
    assert_eq!(moved(one, 250, Rate::FPS_25), (240, Rate::FPS_24, false));
    // It has no frame 24: the time is all there is.
    assert_eq!(moved(one, 24, Rate::FPS_25), (23, Rate::FPS_24, true));
    // Over midnight.
    let one = way(("00:00:05:00", Rate::FPS_25), ("23:59:50:00", Rate::FPS_25), 1000);
    assert_eq!(moved(one, 5, Rate::FPS_25), (380, Rate::FPS_25, false));
    // Sound counts samples, its timecode frames.
    let sound = |start: &str| {
        let duration = Some(MediaTime::new(480_000, Rate::AUDIO_48K));
        media("s", MediaSummary { duration, rate: None, ..starting(start, Rate::FPS_25, 1) })
    };
    let one = super::place::Way::new(&sound("01:00:01:00"), &sound("01:00:00:00"));
    assert_eq!(moved(one, 10, Rate::FPS_25), (48_000 + 19_200, Rate::AUDIO_48K, false));
    assert_eq!(moved(one, 7, Rate::AUDIO_48K), (48_007, Rate::AUDIO_48K, false));
}

#[test]
fn what_no_longer_fits_is_said() {
    let before = film(Rate::FPS_25, 500);
    let mut cut = Cut::new(media("a.mov", before.clone()), at(400), 50);
    cut.clip_mut().audio_channels = vec![2];
    cut.clip_mut().speed = Speed::new(2, 1).unwrap();
    let now = MediaSummary {
        audio_channels: 1,
        duration: Some(MediaTime::new(430, Rate::FPS_24)),
        rate: Some(Rate::FPS_24),
        md5: Some("0".repeat(32)),
        start_timecode: None,
        ..before
    };
    let changed = Candidate::new(cut.named, media("a.mov", now));
    let plan = cut.plan(&[changed]);
    let changes = [IssueKind::MediaChanged; 4];
    let mut want = changes.to_vec();
    want.push(IssueKind::OutsideMedia);
    assert_eq!(kinds(&plan.matches[0].warnings), want, "{plan}");
    let issues = apply(&mut cut.document, &plan).unwrap();
    want.extend([IssueKind::MediaChanged, IssueKind::OutsideMedia]);
    assert_eq!(kinds(&issues), want);
    assert_eq!(cut.clip().source_start, MediaTime::new(384, Rate::FPS_24));
}

#[test]
fn an_asset_that_is_gone_is_looked_for_by_the_name_of_its_clip() {
    let mut cut = Cut::new(ClipMedia::default(), at(5), 10);
    cut.document.media = MediaMap::new();
    cut.clip_mut().name = "A001".into();
    let there = cut.candidate(&media("A001.mov", film(Rate::FPS_25, 500)));
    let plan = cut.plan(&[there]);
    assert_eq!(found(&plan).map(|(_, reason, _)| reason), Some(Reason::Name));
    assert!(apply(&mut cut.document.clone(), &plan).unwrap().is_empty());
    let none = cut.plan(&[]);
    let issues = apply(&mut cut.document, &none).unwrap();
    assert_eq!(kinds(&issues), [IssueKind::UnknownMedia]);
    assert!(issues[0].message.contains("\"A001\", of 1 clips"), "{}", issues[0].message);
}

#[test]
fn all_of_a_sound_is_not_more_than_there_is() {
    // A second of sound is 29.97 frames: the thirtieth begins in it and ends after it.
    let second = MediaSummary {
        duration: Some(MediaTime::new(8000, Rate::new(8000, 1).unwrap())),
        audio_channels: 1,
        ..MediaSummary::default()
    };
    let start = MediaTime::zero(Rate::new(8000, 1).unwrap());
    let mut cut = Cut::new(media("tone.wav", second.clone()), start, 30);
    cut.document.sequences[0].rate = Rate::FPS_29_97;
    let there = Candidate::new(cut.named, media("tone.wav", second));
    let plan = cut.plan(&[there]);
    assert!(plan.matches[0].warnings.is_empty(), "{plan}");
    assert!(apply(&mut cut.document, &plan).unwrap().is_empty());
}

#[test]
fn names_with_anything_in_them_stay_on_their_line() {
    let name = "<a&\"b\">\n😀\u{202e}.mov";
    let cut = Cut::new(media(name, MediaSummary::default()), at(0), 10);
    let plan = cut.plan(&[cut.candidate(&media(name, MediaSummary::default()))]);
    assert_eq!(found(&plan).map(|(_, reason, _)| reason), Some(Reason::Name));
    let text = plan.to_string();
    assert_eq!(text.lines().count(), 3, "{text}");
    assert!(text.ends_with("1 of 1 media linked, 1 of 1 clips"), "{text}");
    let json = serde_json::to_string(&plan).unwrap();
    let read: RelinkPlan = serde_json::from_str(&json).unwrap();
    assert_eq!(read.to_string(), text);
    let error = apply(&mut cut.document.clone(), &read).unwrap_err();
    assert!(error.message().contains("make the plan again"), "{error}");
}

#[test]
fn ten_thousand_media_of_one_name_take_no_time() {
    let clock = clock();
    let mut document =
        Document::new(Sequence { ..sequence(Rate::FPS_25, &clock) }, MediaMap::new());
    let mut candidates = Vec::new();
    let mut items = Vec::new();
    for number in 0..10_000 {
        let start_timecode = Some(Timecode::new(number * 500, Rate::FPS_25, false).unwrap());
        let summary = MediaSummary { start_timecode, md5: None, ..film(Rate::FPS_25, 500) };
        let mut said = media("clip.mov", summary);
        said.reel = Some("TAPE".into());
        let named = source(&clock);
        document.media.insert(&named, said.clone());
        items.push(Item::Clip(Clip::new(&clock, "clip", named, at(1), 2)));
        candidates.push(Candidate::new(source(&clock), said));
    }
    document.sequences[0].tracks.push(track(TrackKind::Video, items, &clock));
    let began = std::time::Instant::now();
    let plan = plan(&document, &candidates, &MatchOptions::default());
    let issues = apply(&mut document, &plan).unwrap();
    let took = began.elapsed();
    assert_eq!(plan.missing().count(), 0);
    assert!(issues.is_empty(), "{:?}", issues.first());
    let linked = document.sequences[0].clips().map(|clip| *clip.source.asset().unwrap());
    assert!(linked.eq(candidates.iter().map(|candidate| candidate.source)));
    assert!(took.as_secs() < 30, "{took:?}");
}

#[test]
fn a_proxy_with_another_frame_map_cannot_stand_in() {
    let original = film(Rate::FPS_25, 500);
    let good = FrameMap {
        rate: Rate::FPS_25,
        frames: 500,
        start_timecode: original.start_timecode,
        audio_channels: vec![0, 1],
    };
    assert!(frame_map_fits(&original, Some(&good)).is_empty());
    for wrong in [
        FrameMap { rate: Rate::FPS_24, ..good.clone() },
        FrameMap { frames: 498, ..good.clone() },
        FrameMap { start_timecode: None, ..good.clone() },
        FrameMap { audio_channels: vec![1, 0], ..good.clone() },
        FrameMap { audio_channels: vec![0], ..good.clone() },
    ] {
        assert_eq!(frame_map_fits(&original, Some(&wrong)).len(), 1, "{wrong:?}");
    }
    assert_eq!(frame_map_fits(&original, None).len(), 1);
}
