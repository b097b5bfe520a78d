//! What comes after an ingest: finding, cutting, looking again, archiving, deleting, listening.

// This is test code: a panic is how it speaks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::PathBuf;
use std::time::Duration;

use emam_core::backend::catalog::{AnnotationFilter, FacetField, Query};
use emam_core::backend::{GetOptions, RestoreSpeed};
use emam_core::library::{
    AnnotationPatch, ArchiveRequest, AssetPatch, ClipRequest, ExportOptions, RestoreRequest,
};
use emam_core::model::{
    Annotation, AnnotationKind, Asset, Availability, BinTarget, Item, NewAnnotation, PageRequest,
    Role, RunState, StorageClass,
};
use emam_core::time::TimeRange;
use emam_core::workflow::IngestOptions;
use emam_core::{ErrorKind, Library, Retry};
use emam_tests::{bytes, media};

struct Scene {
    folder: tempfile::TempDir,
    library: Library,
    asset: Asset,
    file: PathBuf,
}

impl Scene {
    async fn with(file: impl FnOnce(&std::path::Path) -> PathBuf) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let library = Library::open(folder.path().join("library")).await.unwrap();
        let file = file(folder.path());
        let run = library.assets().ingest(&file, IngestOptions::default()).await.unwrap();
        let asset = run.join().await.unwrap();
        Self { folder, library, asset, file }
    }

    async fn video() -> Self {
        Self::with(media::shots).await
    }

    async fn sound() -> Self {
        Self::with(|folder| {
            let file = folder.join("tone.wav");
            std::fs::write(&file, bytes::wav(200, 70)).unwrap();
            file
        })
        .await
    }

    async fn annotations(&self, kinds: &[AnnotationKind]) -> Vec<Annotation> {
        let filter = AnnotationFilter { kinds: kinds.to_vec() };
        let page = PageRequest::first(1000);
        self.library.annotations().list(self.asset.id, filter, page).await.unwrap().items
    }

    async fn original(&self) -> emam_core::Result<Vec<u8>> {
        let assets = self.library.assets();
        let opened = assets.open(self.asset.id, Role::Original, 0, GetOptions::default()).await?;
        Ok(opened.object.bytes().await?.to_vec())
    }
}

#[tokio::test]
async fn moment_that_is_found_becomes_a_clip() {
    let scene = Scene::video().await;
    let rate = scene.asset.media.as_ref().unwrap().rate.unwrap();
    let range = TimeRange::new(30, 40, rate).unwrap();
    let remark = NewAnnotation::new(AnnotationKind::Comment).at(range).saying("Rain on the roof");
    scene.library.annotations().add(scene.asset.id, remark).await.unwrap();

    let query = Query::text("roof rain").facet(FacetField::Kind);
    let found = scene.library.assets().search(query).await.unwrap();
    assert_eq!((found.total, found.facets[0].values[0].count), (1, 1));
    let moment = &found.items[0].moments[0];
    assert_eq!((moment.range, moment.kind), (Some(range), AnnotationKind::Comment));
    assert!(moment.snippet.contains("\u{e000}Rain\u{e001}"), "{:?}", moment.snippet);

    let project = scene.library.projects().create("Promo").await.unwrap();
    let cut = scene.library.sequences().create(project.id, "Cut", rate).await.unwrap();
    let cut = scene.library.sequences().append(cut.id, &found.items[0]).await.unwrap();
    let Item::Clip(clip) = &cut.tracks[0].items[0] else { panic!("no clip: {cut:?}") };
    assert_eq!((clip.source_start.value(), clip.duration), (30, 40));
    assert_eq!(cut.tracks.len(), 2, "picture and sound");

    let subclip = NewAnnotation::new(AnnotationKind::Subclip).at(range).named("roof");
    let subclip = scene.library.annotations().add(scene.asset.id, subclip).await.unwrap();
    let clip = ClipRequest::from(&subclip);
    let cut = scene.library.sequences().insert(cut.id, 0, clip).await.unwrap();
    let names: Vec<_> = cut.tracks[0].items.iter().map(Item::duration).collect();
    assert_eq!(names, [40, 40]);
    let Item::Clip(first) = &cut.tracks[0].items[0] else { panic!("no clip") };
    assert_eq!(
        (first.name.as_str(), first.source.asset().and_then(|source| source.subclip)),
        ("roof", Some(subclip.id))
    );
    let cut = scene.library.sequences().remove(cut.id, first.id, true).await.unwrap();
    assert_eq!(cut.tracks[0].items.len(), 1);
    assert_eq!(cut.tracks[1].items.len(), 1, "the sound goes with its picture");

    let path = scene.folder.path().join("cut.otio");
    let exported = scene.library.sequences().export(cut.id, &path, ExportOptions::default()).await;
    assert!(exported.unwrap().issues.is_empty());
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains("shots.mp4") && text.contains("Timeline.1"));
    scene.library.close().await;
}

#[tokio::test]
async fn bins_nest_and_keep_their_order() {
    let scene = Scene::sound().await;
    let project = scene.library.projects().create("Promo").await.unwrap();
    let bins = scene.library.bins();
    let selects = bins.create(project.root_bin, "Selects").await.unwrap();
    let inner = bins.create(selects.id, "Sound").await.unwrap();
    let target = BinTarget::Asset { asset: scene.asset.id };
    bins.add(inner.id, target).await.unwrap();
    let both = bins.add(inner.id, target).await.unwrap();
    let order: Vec<_> = both.items.iter().rev().map(|item| item.id).collect();
    let patch = emam_core::library::BinPatch { order: Some(order.clone()), ..Default::default() };
    let turned = bins.update(inner.id, patch).await.unwrap();
    assert_eq!(turned.items.iter().map(|item| item.id).collect::<Vec<_>>(), order);
    let left = bins.remove(inner.id, order[0]).await.unwrap();
    assert_eq!(left.items.len(), 1);
    let all = bins.list(project.id).await.unwrap();
    let names: Vec<_> = all.iter().map(|bin| bin.name.as_str()).collect();
    assert_eq!(names, ["Promo", "Selects", "Sound"]);
    scene.library.close().await;
}

#[tokio::test]
async fn looking_again_spares_what_a_person_has_changed() {
    let scene = Scene::video().await;
    let shots = scene.annotations(&[AnnotationKind::Shot]).await;
    assert!(shots.len() > 1, "{shots:?}");
    let patch = AnnotationPatch { name: Some("The arrival".to_owned()), ..Default::default() };
    let named = scene.library.annotations().update(shots[0].id, patch).await.unwrap();

    let assets = scene.library.assets();
    let run = assets.analyze(scene.asset.id, vec![AnnotationKind::Shot]).await.unwrap();
    run.join().await.unwrap();
    let again = scene.annotations(&[AnnotationKind::Shot]).await;
    let kept = again.iter().find(|shot| shot.id == named.id).expect("the named shot was taken");
    assert_eq!(kept.name, "The arrival");
    assert!(again.iter().all(|shot| shot.id == named.id || !shots.iter().any(|s| s.id == shot.id)));
    let unsupported = assets.analyze(scene.asset.id, vec![AnnotationKind::Face]).await;
    assert_eq!(unsupported.unwrap_err().kind(), ErrorKind::Unsupported);
    scene.library.close().await;
}

#[tokio::test]
async fn archived_original_is_not_ready_until_restored_and_goes_again() {
    let scene = Scene::sound().await;
    let archive = scene.library.archive();
    let assets = vec![scene.asset.id];
    let bytes = std::fs::read(&scene.file).unwrap();
    let store = ArchiveRequest { assets: assets.clone(), storage_class: StorageClass::Archive };
    let plan = archive.plan_store(&store).await.unwrap();
    assert_eq!(plan.quote.bytes, u64::try_from(bytes.len()).unwrap());
    assert_eq!(scene.original().await.unwrap(), bytes, "a plan moves nothing");
    for run in archive.store(&store).await.unwrap() {
        run.join().await.unwrap();
    }
    let availability = scene.library.assets().availability(scene.asset.id).await.unwrap();
    assert_eq!(availability, Availability::ProxyOnly);
    let proxy = scene.library.assets().path(scene.asset.id, Role::AudioProxy, 0).await.unwrap();
    assert!(proxy.exists(), "the proxy stays");
    let error = scene.original().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotReady);
    assert!(error.get("eta").is_some(), "{error}");
    assert_eq!(archive.store(&store).await.unwrap_err().kind(), ErrorKind::Conflict);
    let restore = |speed| RestoreRequest { assets: assets.clone(), speed, keep_for_ms: 1_500 };
    let deep = ArchiveRequest { assets: assets.clone(), storage_class: StorageClass::Standard };
    assert_eq!(archive.plan_store(&deep).await.unwrap_err().kind(), ErrorKind::Unsupported);

    let run = archive.restore(&restore(RestoreSpeed::Standard)).await.unwrap().remove(0);
    // On its way the error says when to come again.
    for _ in 0..100 {
        let error = scene.original().await.expect_err("it cannot be back yet");
        if let Retry::After(wait) = error.retry_advice() {
            assert!(wait <= Duration::from_secs(3), "{wait:?}");
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    run.join().await.unwrap();
    assert_eq!(scene.original().await.unwrap(), bytes);
    tokio::time::sleep(Duration::from_millis(1_600)).await;
    assert_eq!(scene.original().await.unwrap_err().kind(), ErrorKind::NotReady, "its time is over");
    scene.library.close().await;

    // Whoever opens the library next makes the record true.
    let library = Library::open(scene.folder.path().join("library")).await.unwrap();
    for _ in 0..100 {
        let renditions = library.assets().renditions(scene.asset.id).await.unwrap();
        let original = renditions.iter().find(|r| r.role == Role::Original).unwrap();
        if original.instances[0].state.as_str() == "archived" {
            return library.close().await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the expired copy is still on record");
}

#[tokio::test]
async fn deleting_says_first_what_goes_and_then_takes_it() {
    let scene = Scene::sound().await;
    let plan = scene.library.assets().delete(scene.asset.id, true).await.unwrap();
    assert!(!plan.done && plan.files >= 3, "{plan:?}");
    assert!(scene.original().await.is_ok(), "a dry run takes nothing");
    let done = scene.library.assets().delete(scene.asset.id, false).await.unwrap();
    assert_eq!((done.done, done.files, done.bytes), (true, plan.files, plan.bytes));
    let gone = scene.library.assets().get(scene.asset.id).await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound);
    for storage in ["originals", "proxies"] {
        let folder = scene.folder.path().join("library").join(storage);
        let left = std::fs::read_dir(folder).unwrap().filter(|entry| {
            !entry.as_ref().unwrap().file_name().to_string_lossy().starts_with('.')
        });
        assert_eq!(left.count(), 0, "files stay in {storage}");
    }
    // What was deleted can be taken in again.
    let run = scene.library.assets().ingest(&scene.file, IngestOptions::default()).await.unwrap();
    assert_ne!(run.join().await.unwrap().id, scene.asset.id);
    scene.library.close().await;
}

#[tokio::test]
async fn events_tell_every_change_in_order_and_can_be_followed() {
    let scene = Scene::sound().await;
    let events = scene.library.events();
    let all = events.list(0, 1000, Duration::ZERO).await.unwrap();
    assert!(all.windows(2).all(|pair| pair[0].seq < pair[1].seq));
    let of_asset: Vec<_> = all
        .iter()
        .filter(|event| event.subject == scene.asset.id.uuid())
        .map(|event| event.data["lifecycle"].as_str().unwrap_or("-").to_owned())
        .collect();
    let mut stages = of_asset;
    stages.dedup();
    assert_eq!(stages, ["uploading", "added", "processing", "ready"]);

    let last = events.last().await.unwrap();
    let mut follower = events.follow(last);
    let library = scene.library.clone();
    let id = scene.asset.id;
    let change = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let patch = AssetPatch { add_tags: vec!["a, b".to_owned()], ..AssetPatch::default() };
        library.assets().update(id, patch).await.unwrap()
    });
    let event =
        tokio::time::timeout(Duration::from_secs(5), follower.next()).await.unwrap().unwrap();
    let changed = change.await.unwrap();
    assert_eq!((event.topic.as_str(), event.revision), ("asset.updated", Some(changed.revision)));
    assert_eq!(changed.tags, ["a, b"], "a comma is part of a tag");
    scene.library.close().await;
}

#[tokio::test]
async fn transcode_can_be_explained_and_a_run_looked_up() {
    let scene = Scene::video().await;
    let text = scene.library.assets().explain(scene.asset.id, None).await.unwrap();
    for word in ["ffmpeg", "libx264", "proxy.mp4", "scdet"] {
        assert!(text.contains(word), "{word} in {text}");
    }
    let filter = emam_core::backend::catalog::RunFilter {
        asset: Some(scene.asset.id),
        ..Default::default()
    };
    let runs = scene.library.runs().list(filter, PageRequest::default()).await.unwrap().items;
    assert_eq!((runs.len(), runs[0].state), (1, RunState::Succeeded));
    let steps: Vec<_> = runs[0].steps.iter().map(|step| step.name.as_str()).collect();
    let expected =
        ["register", "identify", "store", "claim", "add", "probe", "transcode", "finish"];
    assert_eq!(steps, expected);
    scene.library.close().await;
}
