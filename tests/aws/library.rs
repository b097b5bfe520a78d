//! The library, unchanged, on the emulated account.

// This is test code: a panic is how it speaks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod scene;

use std::time::Duration;

use emam_aws::Account;
use emam_aws::feeder::Feed;
use emam_core::backend::catalog::Query;
use emam_core::backend::{GetOptions, PutOptions, RestoreSpeed};
use emam_core::library::{Announcement, ArchiveRequest, RestoreRequest};
use emam_core::model::{AnnotationKind, Asset, Lifecycle, Role, StorageClass};
use emam_core::workflow::IngestOptions;
use emam_core::{ErrorKind, Library};
use emam_tests::media;
use scene::{Scene, clip, until};
use serde_json::json;

fn looking() -> IngestOptions {
    let analyze = Some(vec![AnnotationKind::Label, AnnotationKind::Speech]);
    IngestOptions { analyze, ..IngestOptions::default() }
}

async fn ready(library: &Library, asset: emam_core::id::AssetId) -> Asset {
    until(Duration::from_secs(90), async || {
        let asset = library.assets().get(asset).await.ok()?;
        assert_ne!(asset.lifecycle, Lifecycle::Failed, "{:?}", asset.failure);
        (asset.lifecycle == Lifecycle::Ready).then_some(asset)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_main_job_on_an_account() {
    let Some(scene) = Scene::find(true).await else { return };
    scene.truth().await;
    let library = emam_aws::open(scene.library(), scene.settings.clone()).await.unwrap();
    let film = media::shots(scene.folder.path());
    let run = library.assets().ingest(&film, looking()).await.unwrap();
    let asset = run.join().await.unwrap();
    assert_eq!(asset.lifecycle, Lifecycle::Ready);
    let renditions = library.assets().renditions(asset.id).await.unwrap();
    let roles: Vec<Role> = renditions.iter().map(|one| one.role).collect();
    for role in [Role::Proxy, Role::AudioProxy, Role::Poster, Role::Thumbnail, Role::Transcript] {
        assert!(roles.contains(&role), "{role:?} of {roles:?}");
    }
    let proxy = renditions.iter().find(|one| one.role == Role::Proxy).unwrap();
    assert_eq!(proxy.frame_map.as_ref().unwrap().frames, 188, "frame for frame");
    let found = library.assets().search(Query::text("harbour")).await.unwrap();
    assert_eq!(found.items.len(), 1);
    assert!(found.items[0].moments.iter().any(|moment| moment.range.is_some()));
    let found = library.assets().search(Query::text("rain")).await.unwrap();
    assert_eq!(found.total, 1);

    // Into the archive and back, by the account's own clock.
    let class = StorageClass::DeepArchive;
    let archive = library.archive();
    let request = ArchiveRequest { assets: vec![asset.id], storage_class: class };
    for run in archive.store(&request).await.unwrap() {
        run.join().await.unwrap();
    }
    let read =
        async || library.assets().open(asset.id, Role::Original, 0, GetOptions::default()).await;
    assert_eq!(read().await.unwrap_err().kind(), ErrorKind::NotReady);
    let hasty = RestoreRequest { speed: RestoreSpeed::Expedited, ..RestoreRequest::new(asset.id) };
    let refused = archive.restore(&hasty).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
    let runs = archive.restore(&RestoreRequest::new(asset.id)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    scene.tell("clock", json!({ "advance_s": 13 * 3600 })).await;
    // The event wakes the run, which would look again in twelve hours.
    for run in runs {
        tokio::time::timeout(Duration::from_secs(60), run.join()).await.unwrap().unwrap();
    }
    let opened = read().await.unwrap();
    let bytes = opened.object.bytes().await.unwrap();
    assert_eq!(bytes.len() as u64, std::fs::metadata(&film).unwrap().len());
    assert_eq!(scene.unfinished_uploads().await, 0);
    library.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feeder_a_job_and_a_stranger_bring_media_in() {
    let Some(scene) = Scene::find(true).await else { return };
    let account = Account::connect(scene.settings.clone()).await.unwrap();
    let library = account.open(Library::builder(), &scene.library()).await.unwrap();
    let feeder = account.feeder().unwrap();

    // Announced, uploaded, told by a job.
    let film = clip(scene.folder.path(), 1, "160x90");
    let announced = Announcement { file_name: "A001.mp4".to_owned(), ..Announcement::default() };
    let expected = library.assets().expect(announced).await.unwrap();
    assert!(expected.upload.as_ref().unwrap().url.contains("X-Amz-Signature"));
    assert!(!format!("{expected:?}").contains("Signature"), "no secret in a Debug");
    let feed = Feed { expected: Some(expected.clone()), ..Feed::default() };
    feeder.feed(&film, "one", feed).await.unwrap();
    let asset = ready(&library, expected.asset).await;
    assert_eq!(asset.file_name, "A001.mp4");

    // Not announced: the job says how to ingest it, twice over.
    let film = clip(scene.folder.path(), 2, "160x90");
    for _ in 0..2 {
        let options = IngestOptions { tags: vec!["fed".to_owned()], ..IngestOptions::default() };
        let feed = Feed { options, ..Feed::default() };
        feeder.feed(&film, "card-7 clip (2)", feed).await.unwrap();
    }
    let found = until(Duration::from_secs(90), async || {
        let query = Query { tags: vec!["fed".to_owned()], ..Query::default() };
        let page = library.assets().search(query).await.unwrap();
        page.items.first().map(|hit| hit.asset.id)
    })
    .await;
    ready(&library, found).await;

    // Nobody told us: an awkward key that appears in the bucket.
    let film = clip(scene.folder.path(), 3, "160x90");
    let key = "camera a/Take +1 & 2 ü.mp4".parse().unwrap();
    let body = std::fs::read(&film).unwrap();
    account.originals().put(&key, body.into(), PutOptions::default()).await.unwrap();
    let adopted = until(Duration::from_secs(90), async || {
        let known = library.backends().catalog.find_instance("originals", key.as_str()).await;
        known.unwrap().map(|known| known.asset)
    })
    .await;
    assert_eq!(ready(&library, adopted).await.title, "Take +1 & 2 ü");
    let all = library.assets().search(Query::default()).await.unwrap();
    assert_eq!(all.total, 3, "nothing came in twice");
    library.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_queue_everything_is_found_by_looking() {
    let Some(scene) = Scene::find(false).await else { return };
    scene.truth().await;
    let account = Account::connect(scene.settings.clone()).await.unwrap();
    let library = account.open(Library::builder(), &scene.library()).await.unwrap();
    let film = clip(scene.folder.path(), 4, "160x90");
    let asset = library.assets().ingest(&film, looking()).await.unwrap().join().await.unwrap();
    assert_eq!(asset.lifecycle, Lifecycle::Ready);
    let found = library.assets().search(Query::text("hello")).await.unwrap();
    assert_eq!(found.total, 1);
    library.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_settings_and_credentials_is_said() {
    let Some(scene) = Scene::find(false).await else { return };
    let film = clip(scene.folder.path(), 5, "160x90");
    let fails = async |settings: emam_aws::AwsSettings, name: &str| {
        let library = emam_aws::open(scene.folder.path().join(name), settings).await.unwrap();
        let run = library.assets().ingest(&film, IngestOptions::default()).await.unwrap();
        let error = run.join().await.unwrap_err();
        library.close().await;
        error
    };
    // The S3 behind the emulator makes buckets that are missing.
    let missing = json!([{ "operation": "PutObject", "code": "NoSuchBucket", "status": 404 }]);
    scene.tell("switches", json!({ "faults": missing })).await;
    let error = Box::pin(fails(scene.settings.clone(), "missing")).await;
    scene.tell("switches", json!({ "faults": [] })).await;
    assert_eq!((error.kind(), error.get("code")), (ErrorKind::NotFound, Some("NoSuchBucket")));
    let mut settings = scene.settings.clone();
    settings.buckets.originals.name = "not-ours".to_owned();
    let error = Box::pin(fails(settings, "not-ours")).await;
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.message().contains("emam aws policy"));
    let mut settings = scene.settings.clone();
    settings.buckets.originals.name = "other-region".to_owned();
    let error = Box::pin(fails(settings, "region")).await;
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    assert!(error.message().contains("region"));

    // One action that is denied, by the service's own word.
    let denied = json!([{ "operation": "CreateJob", "code": "AccessDeniedException",
        "status": 403, "message": "User is not authorized to perform: mediaconvert:CreateJob" }]);
    scene.tell("switches", json!({ "faults": denied })).await;
    let error = Box::pin(fails(scene.settings.clone(), "denied")).await;
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.get("said").unwrap().contains("mediaconvert:CreateJob"));
}
