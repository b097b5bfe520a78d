//! Glacier vaults, held to the contract of Archive on an emulated vault whose time is the test's.

// This is test code: a panic is how it speaks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "in_step.rs"]
mod in_step;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_glacier::Client;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use emam_aws::glacier::{VaultArchive, VaultOptions};
use emam_awsim::clock::Clock as AccountClock;
use emam_awsim::completion::Unheard;
use emam_awsim::glacier::Glacier;
use emam_awsim::world::{Parts, World};
use emam_core::backend::{
    Archive, ArchiveStatus, GetOptions, Key, PutOptions, RestoreOptions, RestoreSpeed, Storage,
};
use emam_core::clock::ManualClock;
use emam_core::memory::MemoryStorage;
use emam_core::model::StorageClass;
use emam_core::testkit::{ArchiveFixture, ArchiveUnderTest, Punctuality};
use emam_core::{ErrorKind, Result, archive_conformance};
use emam_tests::aws::account;
use in_step::InStep;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// What the emulator takes: the middle of what the service names.
fn waits() -> Vec<(RestoreSpeed, Duration)> {
    vec![
        (RestoreSpeed::Expedited, 3 * MINUTE),
        (RestoreSpeed::Standard, 240 * MINUTE),
        (RestoreSpeed::Bulk, 480 * MINUTE),
    ]
}

/// An account with vaults, in this process. Its time stands still until told.
async fn vaults() -> (Client, Arc<World>) {
    let nowhere = account("http://127.0.0.1:9").await;
    let world = Arc::new(World::new(Parts {
        clock: AccountClock::new(0.0),
        s3: aws_sdk_s3::Client::new(&nowhere),
        sqs: aws_sdk_sqs::Client::new(&nowhere),
        events_queue: None,
        ffmpeg: "ffmpeg".into(),
        ffprobe: "ffprobe".into(),
        scratch: std::env::temp_dir(),
    }));
    let glacier = Glacier::new(Arc::clone(&world), Arc::new(Unheard));
    let router = Router::new().fallback(move |request: Request| {
        let glacier = glacier.clone();
        async move {
            let (parts, body) = request.into_parts();
            let body = to_bytes(body, usize::MAX).await.expect("a body");
            let path = parts.uri.path();
            let answer = glacier.handle(&parts.method, path, &[], &parts.headers, body).await;
            answer.map(Body::from)
        }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let client = Client::new(&account(&url).await);
    let create = client.create_vault().account_id("-").vault_name("originals");
    create.send().await.expect("create a vault");
    (client, world)
}

struct Scene {
    client: Client,
    storage: Arc<dyn Storage>,
    clock: Arc<ManualClock>,
    archive: Arc<InStep<VaultArchive>>,
}

impl Scene {
    async fn new() -> Self {
        let (client, world) = vaults().await;
        let start = "2026-01-01T00:00:00Z".parse().expect("an instant");
        let clock = Arc::new(ManualClock::starting_at(start));
        let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::new());
        let options = VaultOptions { waits: waits(), ..VaultOptions::of("originals") };
        let archive = VaultArchive::new(
            client.clone(),
            options,
            Arc::clone(&storage),
            Arc::clone(&storage),
            Arc::clone(&clock) as _,
        );
        let archive = Arc::new(InStep::new(archive, world, Arc::clone(&clock)));
        Self { client, storage, clock, archive }
    }

    async fn archived(&self) -> u64 {
        let ask = self.client.describe_vault().account_id("-").vault_name("originals");
        ask.send().await.expect("ask").number_of_archives.try_into().expect("a number")
    }

    async fn put(&self, key: &Key, body: Vec<u8>) {
        self.storage.put(key, body.into(), PutOptions::default()).await.expect("put");
    }

    async fn archive_one(&self, key: &Key) -> Result<()> {
        let keys = std::slice::from_ref(key);
        let mut outcomes = self.archive.archive(keys, StorageClass::Archive).await.expect("answer");
        outcomes.remove(0).result.map_err(emam_core::Error::from)
    }

    async fn restore(&self, key: &Key) {
        let options = RestoreOptions { speed: RestoreSpeed::Expedited, keep_for: DAY };
        let outcomes = self.archive.restore(std::slice::from_ref(key), options).await;
        outcomes.expect("answer").remove(0).result.expect("restore");
    }
}

struct Vaults;

#[async_trait]
impl ArchiveFixture for Vaults {
    async fn fresh(&self) -> ArchiveUnderTest {
        let Scene { storage, clock, archive, .. } = Scene::new().await;
        ArchiveUnderTest { storage, archive, clock, punctuality: Punctuality::Exact }
    }
}

archive_conformance!(vault, Vaults);

#[tokio::test]
async fn a_large_object_goes_and_comes_in_parts() {
    let scene = Scene::new().await;
    let key: Key = "a/large 🎬.mov".parse().unwrap();
    let body = (0..37_000_003_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8);
    let body: Vec<u8> = body.collect();
    scene.put(&key, body.clone()).await;
    scene.archive_one(&key).await.expect("archive");
    assert_eq!(scene.archived().await, 1);
    assert_eq!(scene.storage.stat(&key).await.unwrap_err().kind(), ErrorKind::NotFound);
    scene.restore(&key).await;
    scene.clock.advance(3 * MINUTE);
    let status = scene.archive.status(&key).await.expect("status");
    assert!(matches!(status, ArchiveStatus::Restored { .. }), "{status:?}");
    let back = scene.storage.get(&key, GetOptions::default()).await.expect("get");
    assert!(back.bytes().await.expect("bytes") == body, "other bytes came back");
}

#[tokio::test]
async fn another_object_under_the_key_is_spared() {
    let scene = Scene::new().await;
    let key: Key = "a".parse().unwrap();
    scene.put(&key, vec![1; 1000]).await;
    scene.archive_one(&key).await.expect("archive");
    scene.restore(&key).await;
    scene.clock.advance(3 * MINUTE);
    scene.archive.status(&key).await.expect("status");
    // Of the same size, so that only its bytes tell it apart.
    scene.put(&key, vec![2; 1000]).await;
    scene.clock.advance(2 * DAY);
    assert_eq!(scene.archive.status(&key).await.expect("status"), ArchiveStatus::Online);
    scene.archive_one(&key).await.expect("archive the new one");
    assert_eq!(scene.archived().await, 1, "the old one is not paid for any more");
    scene.restore(&key).await;
    scene.clock.advance(3 * MINUTE);
    scene.archive.status(&key).await.expect("status");
    let back = scene.storage.get(&key, GetOptions::default()).await.expect("get");
    assert_eq!(back.bytes().await.expect("bytes"), vec![2; 1000]);
    scene.archive.forget(&key).await.expect("forget");
    assert_eq!(scene.archived().await, 0);
}

#[tokio::test]
async fn a_crash_after_the_marker_leaves_nothing_behind() {
    let scene = Scene::new().await;
    let key: Key = "a".parse().unwrap();
    scene.put(&key, vec![1; 1000]).await;
    scene.archive_one(&key).await.expect("archive");
    // As if the process had died before it deleted the object.
    scene.put(&key, vec![1; 1000]).await;
    let status = scene.archive.status(&key).await.expect("status");
    assert_eq!(status, ArchiveStatus::Archived(StorageClass::Archive));
    assert_eq!(scene.storage.stat(&key).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(scene.archived().await, 1);
}

#[tokio::test]
async fn what_came_and_was_not_fetched_in_a_day_is_archived_again() {
    let scene = Scene::new().await;
    let key: Key = "a".parse().unwrap();
    scene.put(&key, vec![1; 1000]).await;
    scene.archive_one(&key).await.expect("archive");
    let options = RestoreOptions { speed: RestoreSpeed::Expedited, keep_for: 30 * DAY };
    scene.archive.restore(std::slice::from_ref(&key), options).await.expect("restore");
    scene.clock.advance(2 * DAY);
    let status = scene.archive.status(&key).await.expect("status");
    assert_eq!(status, ArchiveStatus::Archived(StorageClass::Archive));
    scene.restore(&key).await;
    scene.clock.advance(3 * MINUTE);
    let status = scene.archive.status(&key).await.expect("status");
    assert!(matches!(status, ArchiveStatus::Restored { .. }), "{status:?}");
}

#[tokio::test]
async fn what_a_vault_does_not_do_is_told() {
    let scene = Scene::new().await;
    let key: Key = "empty".parse().unwrap();
    scene.put(&key, Vec::new()).await;
    let error = scene.archive_one(&key).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
    scene.storage.stat(&key).await.expect("it is left where it is");

    let archive = |vault: &str| {
        VaultArchive::new(
            scene.client.clone(),
            VaultOptions::of(vault),
            Arc::clone(&scene.storage),
            Arc::clone(&scene.storage),
            Arc::clone(&scene.clock) as _,
        )
    };
    let key: Key = "a".parse().unwrap();
    scene.put(&key, vec![1; 10]).await;
    let keys = std::slice::from_ref(&key);
    for (vault, kind, word) in [
        ("new-customer", ErrorKind::Unsupported, "S3 Glacier storage classes"),
        ("not-made", ErrorKind::NotFound, "not have"),
    ] {
        let outcomes = archive(vault).archive(keys, StorageClass::Archive).await.expect("answer");
        let error = outcomes[0].result.clone().unwrap_err();
        assert_eq!(error.kind, kind, "{error:?}");
        assert!(error.message.contains(word) && !error.retryable, "{error:?}");
        scene.storage.stat(&key).await.expect("it is left where it is");
    }
}
