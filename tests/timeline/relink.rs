//! Timeline files imported into a library that has their media under other ids, elsewhere, changed,
//! or not at all.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};

use emam_core::clock::{Clock, SystemClock};
use emam_core::id::{AssetId, ProjectId, VersionId};
use emam_core::library::{ImportOptions, RelinkChoice, RelinkOptions};
use emam_core::model::{
    Asset, AssetKind, AssetSource, ClipSource, Item, Lifecycle, MediaSummary, Sequence, TrackKind,
    Version,
};
use emam_core::time::{MediaTime, Rate, Timecode};
use emam_core::timeline::format::Target;
use emam_core::timeline::relink::Reason;
use emam_core::timeline::{Issue, IssueKind};
use emam_core::{ErrorKind, Library};
use emam_test_support::media::sized;
use emam_timeline_tests::cut::{Cut, film};
use serde_json::json;

struct Scene {
    folder: tempfile::TempDir,
    library: Library,
    project: ProjectId,
}

impl Scene {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let library = Library::open(folder.path().join("library")).await.unwrap();
        let project = library.projects().create("Promo").await.unwrap().id;
        Self { folder, library, project }
    }

    /// An asset that is known without its bytes being there.
    async fn asset(&self, file_name: &str, media: &MediaSummary) -> AssetSource {
        let clock = SystemClock;
        let version = VersionId::new(&clock);
        let mut asset = Asset::new(AssetId::new(&clock), file_name, clock.now());
        asset.kind = AssetKind::Video;
        asset.lifecycle = Lifecycle::Ready;
        asset.file_name = file_name.into();
        asset.media = Some(media.clone());
        asset.face_version = Some(version);
        let catalog = &self.library.backends().catalog;
        catalog.insert_assets(std::slice::from_ref(&asset)).await.unwrap();
        let version = Version {
            id: version,
            asset: asset.id,
            number: 1,
            label: String::new(),
            file_name: file_name.into(),
            created_at: clock.now(),
        };
        catalog.insert_version(&version).await.unwrap();
        AssetSource { asset: asset.id, version: asset.face_version, subclip: None }
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    async fn sequences(&self) -> Vec<Sequence> {
        self.library.sequences().list(self.project).await.unwrap()
    }

    async fn import(&self, path: &Path) -> emam_core::library::Imported {
        let sequences = self.library.sequences();
        sequences.import(self.project, path, ImportOptions::default()).await.unwrap()
    }
}

fn media(start: &str, frames: i64, md5: Option<&str>) -> MediaSummary {
    MediaSummary { md5: md5.map(str::to_owned), ..film(Rate::FPS_25, frames, start) }
}

fn at(frame: i64) -> MediaTime {
    MediaTime::new(frame, Rate::FPS_25)
}

/// A cut of clips `(name, first frame)` of 50 frames each, every one of its own media.
fn cut_of(clips: &[(&str, i64, MediaSummary)]) -> Cut {
    let mut cut = Cut::new(Rate::FPS_25);
    let mut items = Vec::new();
    for (name, start, media) in clips {
        let source = cut.asset(name, media.clone());
        items.push(cut.clip(name, source, at(*start), 50));
    }
    cut.track(TrackKind::Video, items);
    cut
}

fn sources(sequence: &Sequence) -> Vec<(AssetSource, i64)> {
    let of = |clip: &emam_core::model::Clip| {
        (*clip.source.asset().expect("an asset"), clip.source_start.value())
    };
    sequence.clips().map(of).collect()
}

fn kinds(issues: &[Issue]) -> Vec<IssueKind> {
    issues.iter().map(|issue| issue.kind).collect()
}

#[tokio::test]
async fn a_cut_of_another_library_finds_its_media_here() {
    let scene = Scene::new().await;
    let (one, two) = ("1".repeat(32), "2".repeat(32));
    let name = "caf\u{e9} <&> 😀\n2.mov";
    let cut = cut_of(&[
        ("A001.mov", 100, media("01:00:00:00", 500, Some(&one))),
        (name, 10, media("02:00:00:00", 500, None)),
        ("gone.mov", 0, media("03:00:00:00", 500, Some(&two))),
    ]);
    let renamed = scene.asset("renamed.mxf", &media("01:00:00:00", 500, Some(&one))).await;
    // The same frames in a file that begins four seconds before.
    let longer = scene.asset(name, &media("01:59:56:00", 700, None)).await;
    scene.asset("other.mov", &media("03:00:00:00", 500, None)).await;

    let path = scene.write("cut.otio", &cut.text(Target::Original));
    let dry = ImportOptions { dry_run: true, ..ImportOptions::default() };
    let dry = scene.library.sequences().import(scene.project, &path, dry).await.unwrap();
    assert!(!dry.done && scene.sequences().await.is_empty());
    let imported = scene.import(&path).await;
    assert!(imported.done);
    assert_eq!(imported.plan.to_string(), dry.plan.to_string());
    let reason = |asset: AssetId| {
        let found = imported.plan.matches.iter().filter_map(|m| m.found.as_ref());
        found.into_iter().find(|found| found.source.asset == asset).map(|found| found.reason)
    };
    assert_eq!(reason(renamed.asset), Some(Reason::Checksum));
    assert_eq!(reason(longer.asset), Some(Reason::NameTimecode), "{}", imported.plan);
    let sequence = &imported.sequences[0];
    assert_eq!(sources(sequence)[..2], [(renamed, 100), (longer, 110)]);
    assert_eq!(imported.plan.missing().map(|m| m.name.as_str()).collect::<Vec<_>>(), ["gone.mov"]);
    assert!(kinds(&imported.issues).contains(&IssueKind::UnknownMedia));
    assert_eq!(scene.sequences().await, imported.sequences);

    // It is found from the other side too.
    let used = scene.library.assets().used_in(longer.asset).await.unwrap();
    assert_eq!(used.sequences.len(), 1);
    assert_eq!(used.sequences[0].sequence, sequence.id);
    assert_eq!((used.sequences[0].clips[0].at, used.sequences[0].clips[0].duration), (50, 50));

    // Again: sequences of their own.
    let again = scene.import(&path).await;
    assert_ne!(again.sequences[0].id, sequence.id);
    assert_eq!(scene.sequences().await.len(), 2);
}

#[tokio::test]
async fn a_list_of_edits_finds_media_by_reel_and_timecode() {
    let scene = Scene::new().await;
    let edl = "TITLE: cut\r\nFCM: NON-DROP FRAME\r\n\r\n\
        001  TAPE7    V     C        01:00:10:00 01:00:12:00 10:00:00:00 10:00:02:00\r\n\
        002  AX       V     C        00:00:01:00 00:00:02:00 10:00:02:00 10:00:03:00\r\n\
        * FROM CLIP NAME: B002.mov\r\n";
    let path = scene.write("cut.edl", edl);
    let early = scene.asset("TAPE7.mov", &media("01:00:00:00", 200, None)).await;
    let tape = scene.asset("tape7.mxf", &media("01:00:08:00", 200, None)).await;
    let named = scene.asset("B002.mov", &media("00:00:00:00", 500, None)).await;
    let options = ImportOptions { rate: Some(Rate::FPS_25), ..ImportOptions::default() };
    let imported = scene.library.sequences().import(scene.project, &path, options).await.unwrap();
    assert_eq!(sources(&imported.sequences[0]), [(tape, 50), (named, 25)], "{}", imported.plan);
    let used = scene.library.assets().used_in(early.asset).await.unwrap();
    assert!(used.sequences.is_empty());
}

#[tokio::test]
async fn an_import_that_fails_leaves_nothing() {
    let scene = Scene::new().await;
    let sequences = scene.library.sequences();
    let foreign = scene.write("cut.otio", "{\"a\": 1}");
    let not_xml = scene.write("cut.xml", "<html/>");
    let cut = cut_of(&[("a.mov", 0, media("01:00:00:00", 500, None))]);
    let good = scene.write("good.otio", &cut.text(Target::Original));
    for (project, path, kind) in [
        (scene.project, foreign, ErrorKind::InvalidInput),
        (scene.project, not_xml, ErrorKind::InvalidInput),
        (scene.project, scene.folder.path().join("none.otio"), ErrorKind::NotFound),
        (scene.project, scene.folder.path().join("cut.mov"), ErrorKind::InvalidInput),
        (ProjectId::new(&SystemClock), good, ErrorKind::NotFound),
    ] {
        let error = sequences.import(project, &path, ImportOptions::default()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{}: {error}", path.display());
    }
    assert!(scene.sequences().await.is_empty());
}

#[tokio::test]
async fn a_purged_asset_is_missed_and_found_again() {
    let scene = Scene::new().await;
    let md5 = "3".repeat(32);
    let facts = media("01:00:00:00", 500, Some(&md5));
    let asset = scene.asset("A001.mov", &facts).await;
    let cut = cut_of(&[("A001.mov", 100, facts.clone())]);
    let path = scene.write("cut.otio", &cut.text(Target::Original));
    let sequence = scene.import(&path).await.sequences.remove(0);
    assert_eq!(sources(&sequence), [(asset, 100)]);

    scene.library.assets().delete(asset.asset, false).await.unwrap();
    let (sequences, id) = (scene.library.sequences(), sequence.id);
    let relink =
        |dry_run| sequences.relink(id, RelinkOptions { dry_run, ..RelinkOptions::default() });
    let relinked = relink(false).await.unwrap();
    assert_eq!(kinds(&relinked.issues), [IssueKind::UnknownMedia]);
    assert_eq!(sources(&relinked.sequence), [(asset, 100)]);
    let used = scene.library.assets().used_in(asset.asset).await.unwrap();
    assert_eq!(used.sequences.len(), 1, "what misses it is told");

    // The sequence still knows what its media was.
    let back = scene.asset("copy.mxf", &facts).await;
    let dry = relink(true).await.unwrap();
    assert!(!dry.done);
    assert_eq!(sources(&scene.sequences().await[0]), [(asset, 100)]);
    let relinked = relink(false).await.unwrap();
    assert!(relinked.done && relinked.issues.is_empty(), "{:?}", relinked.issues);
    assert_eq!(relinked.plan.matches[0].found.as_ref().unwrap().reason, Reason::Checksum);
    assert_eq!(sources(&scene.sequences().await[0]), [(back, 100)]);

    // Somebody knows better.
    let other = scene.asset("other.mov", &media("01:00:00:00", 500, None)).await;
    let choices = vec![RelinkChoice { from: back.asset, to: other.asset }];
    let options = RelinkOptions { choices, ..RelinkOptions::default() };
    let chosen = sequences.relink(id, options.clone()).await.unwrap();
    assert_eq!(chosen.plan.matches[0].found.as_ref().unwrap().reason, Reason::Chosen);
    assert_eq!(sources(&scene.sequences().await[0]), [(other, 100)]);
    let error = sequences.relink(id, options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "no clip is of it any more");

    // A third time changes nothing.
    let revision = scene.sequences().await[0].revision;
    assert!(relink(false).await.unwrap().issues.is_empty());
    assert_eq!(scene.sequences().await[0].revision, revision);
}

#[tokio::test]
async fn media_that_has_changed_since_the_cut_is_told() {
    let scene = Scene::new().await;
    let facts = media("01:00:00:00", 500, None);
    let asset = scene.asset("A001.mov", &facts).await;
    let cut = cut_of(&[("A001.mov", 100, facts.clone())]);
    let path = scene.write("cut.otio", &cut.text(Target::Original));
    let sequence = scene.import(&path).await.sequences.remove(0);
    let changed = MediaSummary {
        rate: Some(Rate::FPS_24),
        duration: Some(MediaTime::new(120, Rate::FPS_24)),
        start_timecode: Some(Timecode::parse("01:00:00:00", Rate::FPS_24).unwrap()),
        audio_channels: 1,
        ..facts
    };
    let mut record = scene.library.assets().get(asset.asset).await.unwrap();
    record.media = Some(changed);
    scene.library.backends().catalog.update_asset(&record).await.unwrap();
    let relinked =
        scene.library.sequences().relink(sequence.id, RelinkOptions::default()).await.unwrap();
    let found = relinked.plan.matches[0].found.as_ref().unwrap();
    assert_eq!((found.reason, found.source), (Reason::EmamId, asset));
    let text = relinked.plan.to_string();
    for what in ["runs at 24", "1 channels", "120 @ 24"] {
        assert!(text.contains(what), "{what}: {text}");
    }
    assert!(kinds(&relinked.issues).contains(&IssueKind::OutsideMedia));
    // 01:00:04:00 stays 01:00:04:00.
    assert_eq!(
        relinked.sequence.clips().next().unwrap().source_start,
        MediaTime::new(96, Rate::FPS_24)
    );
}

#[tokio::test]
async fn missing_media_is_ingested_where_its_file_is_and_held_a_place_where_it_is_not() {
    let scene = Scene::new().await;
    let file = sized(scene.folder.path(), 64, 48, "1");
    let moved = scene.folder.path().join("A 1 😀.mp4");
    std::fs::rename(&file, &moved).unwrap();
    let mut cut = cut_of(&[
        (
            "A 1 😀.mp4",
            0,
            MediaSummary { duration: Some(at(25)), ..media("01:00:00:00", 25, None) },
        ),
        ("windows.mov", 7, media("01:00:00:00", 500, None)),
    ]);
    let named: Vec<_> = cut.media.iter().map(|(source, media)| (source, media.clone())).collect();
    for (source, mut media) in named {
        let url = match media.name.as_str() {
            "windows.mov" => "file://localhost/C%3a/rushes/windows.mov".to_owned(),
            _ => emam_core::timeline::format::file_url(&moved).unwrap(),
        };
        media.urls = [(emam_core::model::Role::Original, url)].into();
        cut.media.insert(&source, media);
    }
    let path = scene.write("cut.otio", &cut.text(Target::Original));
    let sequences = scene.library.sequences();
    let options = ImportOptions {
        ingest_missing: true,
        create_placeholders: true,
        dry_run: true,
        ..ImportOptions::default()
    };
    let dry = sequences.import(scene.project, &path, options.clone()).await.unwrap();
    assert_eq!((dry.ingested.len(), dry.ingested[0].asset), (1, None));
    assert_eq!(dry.ingested[0].path, moved);
    let all = emam_core::backend::catalog::Query::all();
    assert_eq!(scene.library.assets().search(all.clone()).await.unwrap().total, 0);

    let options = ImportOptions { dry_run: false, ..options };
    let imported = sequences.import(scene.project, &path, options).await.unwrap();
    let asset = imported.ingested[0].asset.expect("it was ingested");
    assert_eq!(imported.placeholders.len(), 1);
    let placeholder = scene.library.assets().get(imported.placeholders[0]).await.unwrap();
    assert_eq!(placeholder.lifecycle, Lifecycle::Placeholder);
    assert_eq!(placeholder.file_name, "windows.mov");
    let clips = sources(&imported.sequences[0]);
    assert_eq!((clips[0].0.asset, clips[1].0.asset), (asset, placeholder.id));
    assert_eq!(clips[1].1, 7);
    assert_eq!(imported.plan.missing().count(), 0);
    // The real file has no timecode and no sound, its proxy has its frames.
    let said: Vec<_> = imported.issues.iter().map(|issue| issue.message.as_str()).collect();
    assert!(said.iter().all(|message| !message.contains("stand in")), "{said:?}");
    assert_eq!(scene.library.assets().search(all).await.unwrap().total, 2);
    scene.library.close().await;
}

#[tokio::test]
async fn nested_sequences_stay_nested_and_every_language_can_ask() {
    let scene = Scene::new().await;
    let mut cut = cut_of(&[("a.mov", 0, media("01:00:00:00", 500, None))]);
    let inner = cut.sequence.clone();
    let mut outer = Sequence::new(&cut.clock, inner.project, "outer", Rate::FPS_25);
    let mut track = inner.tracks[0].clone();
    track.items =
        vec![Item::Clip(emam_core::model::Clip::new(&cut.clock, "nested", inner.id, at(0), 20))];
    outer.tracks.push(track);
    cut.sequence = outer;
    let mut document = cut.document();
    document.sequences.push(inner);
    let format = emam_core::timeline::format::Format::Otio;
    let text = format.write(&document, &Default::default()).unwrap().text().to_owned();
    let path = scene.write("cut.otio", &text);
    for _ in 0..2 {
        let params = json!({ "project": scene.project, "path": path, "options": {} });
        let imported = scene.library.call("sequences.import", params).await.unwrap();
        let sequences: Vec<Sequence> =
            serde_json::from_value(imported["sequences"].clone()).unwrap();
        assert_eq!(sequences.len(), 2);
        let nested = sequences[0].clips().next().unwrap();
        assert_eq!(nested.source, ClipSource::from(sequences[1].id));
        let params = json!({ "id": sequences[1].id, "options": { "dry_run": true } });
        let relinked = scene.library.call("sequences.relink", params).await.unwrap();
        assert_eq!(relinked["done"], false);
        assert_eq!(relinked["plan"]["matches"].as_array().unwrap().len(), 1);
    }
}
