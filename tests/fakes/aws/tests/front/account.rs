//! An account with a front before a real S3 server, and what its tests ask of it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use aws_config::BehaviorVersion;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Credentials, Region};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumMode, GlacierJobParameters, RestoreRequest, StorageClass, Tier};
use emam_awsim::clock::Clock;
use emam_awsim::front::{Announce, Front, Trouble};
use emam_awsim::service::Fault;
use emam_awsim::switches::Switches;
use emam_awsim::world::{Parts, World};
use serde_json::Value;

/// What was told.
#[derive(Debug, Default)]
pub(crate) struct Ear {
    told: Mutex<Vec<(String, Value)>>,
    /// How long listening takes, in milliseconds.
    pub(crate) slow: AtomicU64,
}

#[async_trait]
impl Announce for Ear {
    async fn s3_event(&self, detail_type: &str, detail: Value) {
        tokio::time::sleep(Duration::from_millis(self.slow.load(Ordering::Relaxed))).await;
        self.told.lock().unwrap().push((detail_type.to_owned(), detail));
    }
}

impl Ear {
    pub(crate) fn of(&self, key: &str) -> Vec<String> {
        let all = self.told.lock().unwrap();
        let mine = all.iter().filter(|event| event.1["object"]["key"] == key);
        mine.map(|event| event.0.clone()).collect()
    }

    pub(crate) fn last(&self, kind: &str) -> Value {
        let all = self.told.lock().unwrap();
        let last = all.iter().rev().find(|event| event.0 == kind);
        last.map(|event| event.1.clone()).unwrap_or_default()
    }
}

/// One fault for one operation, and one connection cut.
#[derive(Debug, Default)]
pub(crate) struct Imp {
    fault: Mutex<Option<(String, Fault)>>,
    pub(crate) cut: Mutex<Option<String>>,
}

impl Trouble for Imp {
    fn before(&self, _: &str, operation: &str) -> Option<Fault> {
        let mut fault = self.fault.lock().unwrap();
        let mine = fault.as_ref().is_some_and(|fault| fault.0 == operation);
        if mine { fault.take().map(|fault| fault.1) } else { None }
    }

    fn after(&self, _: &str, operation: &str) -> bool {
        let mut cut = self.cut.lock().unwrap();
        let mine = cut.as_deref() == Some(operation);
        if mine {
            *cut = None;
        }
        mine
    }

    /// The tests ask for all or nothing.
    fn chance(&self, share: f64) -> bool {
        share >= 1.0
    }
}

impl Imp {
    pub(crate) fn fault(&self, operation: &str, status: u16, code: &str) {
        let fault = Fault::new(status, code, "on purpose");
        *self.fault.lock().unwrap() = Some((operation.to_owned(), fault));
    }
}

pub(crate) struct Account {
    pub(crate) url: String,
    pub(crate) backing: String,
    pub(crate) bucket: String,
    pub(crate) world: Arc<World>,
    pub(crate) front: Arc<Front>,
    pub(crate) ear: Arc<Ear>,
    pub(crate) imp: Arc<Imp>,
    pub(crate) s3: Client,
}

pub(crate) fn client(url: &str, key: &str, secret: &str, region: &'static str) -> Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(url)
        .force_path_style(true)
        .region(Region::new(region))
        .credentials_provider(Credentials::new(key, secret, None, None, "test"))
        .retry_config(aws_sdk_s3::config::retry::RetryConfig::disabled());
    Client::from_conf(config.build())
}

/// Says aloud that a test did not run.
pub(crate) fn skip(test: &str, why: &str) {
    emam_test_support::skip(&format!("front::{test}: {why}"));
}

/// An account with a bucket of its own; `None` where there is no server to be before.
pub(crate) async fn account(test: &str) -> Option<Account> {
    let Ok(backing) = std::env::var("EMAM_AWS_S3_PLAIN") else {
        skip(test, "EMAM_AWS_S3_PLAIN names no S3 server");
        return None;
    };
    let sqs = aws_sdk_sqs::Config::builder().behavior_version_latest().build();
    let world = Arc::new(World::new(Parts {
        clock: Clock::new(1.0),
        s3: client(&backing, "test", "testsecret", "us-east-1"),
        sqs: aws_sdk_sqs::Client::from_conf(sqs),
        events_queue: None,
        ffmpeg: "ffmpeg".into(),
        ffprobe: "ffprobe".into(),
        scratch: std::env::temp_dir(),
    }));
    let (ear, imp) = (Arc::new(Ear::default()), Arc::new(Imp::default()));
    let (told, caused): (Arc<dyn Announce>, Arc<dyn Trouble>) =
        (Arc::<Ear>::clone(&ear), Arc::<Imp>::clone(&imp));
    let front = Arc::new(Front::new(Arc::clone(&world), &backing, told, caused).unwrap());
    let answers = Arc::clone(&front);
    let router = axum::Router::new().fallback(move |request: axum::extract::Request| {
        let front = Arc::clone(&answers);
        async move { front.handle(request).await }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let s3 = client(&url, "test", "testsecret", "us-east-1");
    let bucket = format!("front-{}", test.replace('_', "-"));
    empty_bucket(&s3, &bucket).await;
    ear.told.lock().unwrap().clear();
    Some(Account { url, backing, bucket, world, front, ear, imp, s3 })
}

/// A bucket with nothing in it. It is not made anew for every run, because the server behind
/// sets aside room for each.
async fn empty_bucket(s3: &Client, bucket: &str) {
    if let Err(failed) = s3.create_bucket().bucket(bucket).send().await {
        assert_eq!(code(failed), "BucketAlreadyOwnedByYou");
    }
    let list = s3.list_object_versions().bucket(bucket).send().await.unwrap();
    let versions = list.versions().iter().map(|version| (version.key(), version.version_id()));
    let markers = list.delete_markers().iter().map(|marker| (marker.key(), marker.version_id()));
    for (key, version) in versions.chain(markers) {
        let delete = s3.delete_object().bucket(bucket).set_key(key.map(str::to_owned));
        delete.set_version_id(version.map(str::to_owned)).send().await.unwrap();
    }
}

impl Account {
    pub(crate) async fn put(&self, key: &str, body: &[u8], class: Option<StorageClass>) {
        let put = self.s3.put_object().bucket(&self.bucket).key(key).set_storage_class(class);
        put.body(ByteStream::from(body.to_vec())).send().await.unwrap();
    }

    pub(crate) async fn get(&self, key: &str) -> Result<Vec<u8>, String> {
        let get = self.s3.get_object().bucket(&self.bucket).key(key);
        let answer = get.checksum_mode(ChecksumMode::Enabled).send().await.map_err(code)?;
        let body = answer.body.collect().await.map_err(|why| why.to_string())?;
        Ok(body.into_bytes().to_vec())
    }

    pub(crate) async fn restore(
        &self,
        key: &str,
        tier: Tier,
        days: Option<i32>,
    ) -> Result<(), String> {
        let parameters = GlacierJobParameters::builder().tier(tier).build().unwrap();
        let request =
            RestoreRequest::builder().set_days(days).glacier_job_parameters(parameters).build();
        let restore = self.s3.restore_object().bucket(&self.bucket).key(key);
        restore.restore_request(request).send().await.map(|_| ()).map_err(code)
    }

    /// Storage class and restore header.
    pub(crate) async fn head(&self, key: &str) -> (Option<String>, Option<String>) {
        let head = self.s3.head_object().bucket(&self.bucket).key(key).send().await.unwrap();
        (head.storage_class().map(|class| class.to_string()), head.restore().map(str::to_owned))
    }

    pub(crate) async fn listed(&self) -> Vec<(String, String)> {
        let list = self.s3.list_objects_v2().bucket(&self.bucket).send().await.unwrap();
        let row = |object: &aws_sdk_s3::types::Object| {
            let class = object.storage_class().map(|class| class.to_string());
            (object.key().unwrap_or_default().to_owned(), class.unwrap_or_default())
        };
        list.contents().iter().map(row).collect()
    }

    pub(crate) fn pass(&self, hours: u64) {
        self.world.clock.advance(Duration::from_secs(hours * 3600));
    }

    pub(crate) fn switch(&self, set: impl FnOnce(&mut Switches)) {
        let mut switches = Switches::default();
        set(&mut switches);
        self.world.set_switches(switches);
    }
}

pub(crate) fn code<E, R>(failed: SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata + std::fmt::Debug,
    R: std::fmt::Debug,
{
    match failed.code() {
        Some(code) => code.to_owned(),
        None => format!("{failed:?}").chars().take(300).collect(),
    }
}
