//! The colder classes of a bucket as an archive, by the clock of the emulated account.

// This is test code: a panic is how it speaks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use emam_tests::aws as account;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::Client;
use emam_aws::s3::{ArchiveBy, S3Archive, S3Options, S3Storage};
use emam_core::backend::{
    Archive, ArchiveItem, ArchiveStatus, GetOptions, Key, Outcome, PutOptions, QuoteRequest,
    RestoreOptions, RestoreSpeed, Storage,
};
use emam_core::clock::{Clock, SystemClock};
use emam_core::model::StorageClass;
use emam_core::{Error, ErrorKind, Result};
use jiff::Timestamp;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
const BUCKET: &str = "emam-archive";

/// The clock of the emulated account: it runs on while the test does.
#[derive(Debug)]
struct AccountClock {
    ahead: std::sync::Mutex<jiff::SignedDuration>,
}

impl Clock for AccountClock {
    fn now(&self) -> Timestamp {
        SystemClock.now() + *self.ahead.lock().unwrap()
    }

    fn new_uuid(&self) -> uuid::Uuid {
        SystemClock.new_uuid()
    }
}

struct Scene {
    address: String,
    client: Client,
    storage: S3Storage,
    archive: S3Archive,
    clock: Arc<AccountClock>,
}

impl Scene {
    async fn new(by: ArchiveBy) -> Option<Self> {
        let address = account::address("EMAM_AWS_S3")?;
        let client = account::s3(&address).await;
        account::bucket(&client, BUCKET).await;
        let prefix = Some(format!("tests/{}", SystemClock.new_uuid()));
        let options = S3Options { prefix, ..S3Options::new(BUCKET) };
        let storage = S3Storage::new(client.clone(), options).unwrap();
        let clock = Arc::new(AccountClock { ahead: Default::default() });
        let archive = S3Archive::new(storage.clone(), by, Arc::clone(&clock) as _);
        let scene = Self { address, client, storage, archive, clock };
        scene.advance(Duration::ZERO).await;
        Some(scene)
    }

    /// Moves the account's clock on, and ours with it.
    async fn advance(&self, by: Duration) {
        let change = serde_json::json!({ "advance_s": by.as_secs_f64() }).to_string();
        let told = reqwest::Client::new()
            .post(format!("{}/_awsim/clock", self.address))
            .body(change)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        let told: serde_json::Value = serde_json::from_str(&told).unwrap();
        let now: Timestamp =
            told["now"].as_str().expect("the clock tells its time").parse().unwrap();
        *self.clock.ahead.lock().unwrap() = now.duration_since(SystemClock.now());
    }

    async fn put(&self, name: &str) -> Key {
        let key: Key = name.parse().unwrap();
        self.storage.put(&key, name.to_owned().into(), PutOptions::default()).await.unwrap();
        key
    }

    async fn archive(&self, key: &Key, class: StorageClass) -> Result<()> {
        only(self.archive.archive(std::slice::from_ref(key), class).await.unwrap())
    }

    async fn restore(&self, key: &Key, speed: RestoreSpeed) -> Result<Timestamp> {
        let options = RestoreOptions { speed, keep_for: DAY };
        only(self.archive.restore(std::slice::from_ref(key), options).await.unwrap())
    }

    async fn status(&self, key: &Key) -> ArchiveStatus {
        self.archive.status(key).await.unwrap()
    }

    async fn read(&self, key: &Key) -> Result<bytes::Bytes> {
        self.storage.get(key, GetOptions::default()).await?.bytes().await
    }

    /// The rules of the bucket as the deployment's template has them.
    async fn set_rules(&self) {
        use aws_sdk_s3::types as s3;
        let rule = |value: &str, class: s3::TransitionStorageClass| {
            let tag = s3::Tag::builder().key("emam:archive").value(value).build().unwrap();
            s3::LifecycleRule::builder()
                .id(value)
                .status(s3::ExpirationStatus::Enabled)
                .filter(s3::LifecycleRuleFilter::builder().tag(tag).build())
                .transitions(s3::Transition::builder().days(1).storage_class(class).build())
                .build()
                .unwrap()
        };
        let rules = s3::BucketLifecycleConfiguration::builder()
            .rules(rule("archive", s3::TransitionStorageClass::Glacier))
            .rules(rule("deep_archive", s3::TransitionStorageClass::DeepArchive))
            .build()
            .unwrap();
        let put = self.client.put_bucket_lifecycle_configuration().bucket(BUCKET);
        put.lifecycle_configuration(rules).send().await.unwrap();
    }

    /// How long from now until `then`, give or take what the test takes.
    fn is_in(&self, then: Timestamp, wait: Duration) {
        let left = then.duration_since(self.clock.now()).as_secs_f64();
        let wanted = wait.as_secs_f64();
        assert!((left - wanted).abs() < 60.0, "{left} s and not {wanted} s");
    }
}

fn only<T>(outcomes: Vec<Outcome<T>>) -> Result<T> {
    let [outcome] = <[_; 1]>::try_from(outcomes).ok().expect("one key, one outcome");
    outcome.result.map_err(Error::from)
}

#[tokio::test]
async fn an_object_goes_into_a_class_and_comes_back_for_a_time() {
    let Some(scene) = Scene::new(ArchiveBy::Copy).await else { return };
    for (class, speed, wait) in [
        (StorageClass::Archive, RestoreSpeed::Expedited, HOUR / 12),
        (StorageClass::Archive, RestoreSpeed::Standard, 5 * HOUR),
        (StorageClass::DeepArchive, RestoreSpeed::Bulk, 48 * HOUR),
    ] {
        let key = scene.put(&format!("{class:?}/{speed:?} 🎬.mov")).await;
        assert_eq!(scene.status(&key).await, ArchiveStatus::Online);
        for _ in 0..2 {
            scene.archive(&key, class).await.unwrap();
            assert_eq!(scene.status(&key).await, ArchiveStatus::Archived(class));
        }
        assert_eq!(scene.read(&key).await.unwrap_err().kind(), ErrorKind::NotReady);

        let eta = scene.restore(&key, speed).await.unwrap();
        scene.is_in(eta, wait);
        let ArchiveStatus::Restoring { class: lies_in, eta } = scene.status(&key).await else {
            panic!("{:?}", scene.status(&key).await);
        };
        assert_eq!(lies_in, class);
        scene.is_in(eta, wait);
        // Asked again halfway it is not put off, and nothing is amiss.
        scene.advance(wait / 4).await;
        let again = scene.restore(&key, speed).await.unwrap();
        assert!(again <= eta, "put off from {eta} to {again}");
        scene.advance(wait - wait / 4).await;
        let ArchiveStatus::Restored { class: lies_in, expires_at } = scene.status(&key).await
        else {
            panic!("{:?}", scene.status(&key).await);
        };
        assert_eq!(lies_in, class);
        assert_eq!(scene.read(&key).await.unwrap(), key.as_str());
        scene.archive(&key, class).await.expect("it lies in the class all the time");

        // Kept longer where it is asked for again.
        scene.advance(HOUR).await;
        scene.restore(&key, speed).await.unwrap();
        let ArchiveStatus::Restored { expires_at: later, .. } = scene.status(&key).await else {
            panic!("{:?}", scene.status(&key).await);
        };
        assert!(later >= expires_at, "{later} before {expires_at}");
        scene.advance(3 * DAY).await;
        assert_eq!(scene.status(&key).await, ArchiveStatus::Archived(class));
        assert_eq!(scene.read(&key).await.unwrap_err().kind(), ErrorKind::NotReady);
    }
}

#[tokio::test]
async fn a_restore_under_way_is_made_faster() {
    let Some(scene) = Scene::new(ArchiveBy::Copy).await else { return };
    let key = scene.put("slow").await;
    scene.archive(&key, StorageClass::Archive).await.unwrap();
    let slow = scene.restore(&key, RestoreSpeed::Bulk).await.unwrap();
    scene.is_in(slow, 12 * HOUR);
    let fast = scene.restore(&key, RestoreSpeed::Expedited).await.unwrap();
    scene.is_in(fast, HOUR / 12);
    scene.advance(HOUR / 10).await;
    assert_eq!(scene.read(&key).await.unwrap(), "slow");
}

#[tokio::test]
async fn what_s3_does_not_do_is_refused() {
    let Some(scene) = Scene::new(ArchiveBy::Copy).await else { return };
    let online = scene.put("online").await;
    let error = scene.restore(&online, RestoreSpeed::Standard).await.unwrap_err();
    assert_eq!((error.kind(), error.get("key")), (ErrorKind::Conflict, Some("online")));
    let error = scene.archive(&online, StorageClass::Standard).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let deep = scene.put("deep").await;
    scene.archive(&deep, StorageClass::DeepArchive).await.unwrap();
    let error = scene.restore(&deep, RestoreSpeed::Expedited).await.unwrap_err();
    assert_eq!((error.kind(), error.get("class")), (ErrorKind::Unsupported, Some("deep_archive")));
    let archived = ArchiveStatus::Archived(StorageClass::DeepArchive);
    assert_eq!(scene.status(&deep).await, archived, "nothing was asked for");
    let error = scene.archive(&deep, StorageClass::Archive).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);

    let keys = [online.clone(), "missing".parse().unwrap(), deep.clone()];
    let outcomes = scene.archive.archive(&keys, StorageClass::DeepArchive).await.unwrap();
    let kinds: Vec<_> =
        outcomes.iter().map(|outcome| outcome.result.as_ref().err().map(|e| e.kind)).collect();
    assert_eq!(kinds, [None, Some(ErrorKind::NotFound), None]);

    let items = [ArchiveItem { key: deep.clone(), size: 7 }];
    let deep_class = StorageClass::DeepArchive;
    let quote = |request| scene.archive.quote(&items, request);
    let bulk = quote(QuoteRequest::Restore(deep_class, RestoreSpeed::Bulk)).await.unwrap();
    assert_eq!((bulk.items, bulk.bytes, bulk.eta_ms), (1, 7, 48 * 3_600_000));
    let expedited = quote(QuoteRequest::Restore(deep_class, RestoreSpeed::Expedited)).await;
    assert_eq!(expedited.unwrap_err().kind(), ErrorKind::Unsupported);

    let fresh = scene.put("fresh").await;
    scene.archive.forget(&fresh).await.unwrap();
    assert_eq!(scene.read(&fresh).await.unwrap(), "fresh", "what is online is not the archive's");
    for _ in 0..2 {
        scene.archive.forget(&deep).await.unwrap();
        let gone = scene.archive.status(&deep).await.unwrap_err();
        assert_eq!(gone.kind(), ErrorKind::NotFound);
    }
}

#[tokio::test]
async fn a_tagged_object_is_on_its_way_until_the_rule_has_moved_it() {
    let by = ArchiveBy::Tag { key: "emam:archive".into() };
    let Some(scene) = Scene::new(by).await else { return };
    scene.set_rules().await;
    let key = scene.put("tagged").await;
    let name = scene.storage.uri(&key).unwrap().replace(&format!("s3://{BUCKET}/"), "");
    let tags = aws_sdk_s3::types::Tagging::builder()
        .tag_set(aws_sdk_s3::types::Tag::builder().key("of others").value("kept").build().unwrap())
        .build()
        .unwrap();
    let tagging = scene.client.put_object_tagging().bucket(BUCKET).key(&name).tagging(tags);
    tagging.send().await.unwrap();
    for _ in 0..2 {
        scene.archive(&key, StorageClass::DeepArchive).await.unwrap();
        let archiving = ArchiveStatus::Archiving(StorageClass::DeepArchive);
        assert_eq!(scene.status(&key).await, archiving);
    }
    assert_eq!(scene.read(&key).await.unwrap(), "tagged", "it is there still");
    let tags = scene.client.get_object_tagging().bucket(BUCKET).key(&name).send().await.unwrap();
    let mut names: Vec<_> = tags.tag_set().iter().map(|tag| tag.key()).collect();
    names.sort_unstable();
    assert_eq!(names, ["emam:archive", "of others"]);
    scene.advance(2 * DAY + HOUR).await;
    let archived = ArchiveStatus::Archived(StorageClass::DeepArchive);
    assert_eq!(scene.status(&key).await, archived);
}
