//! Media in a bucket of the emulated account, and what the account's services are to find in it.

use std::sync::Arc;

use aws_config::SdkConfig;
use bytes::Bytes;
use emam_aws::AwsContext;
use emam_aws::context::Access;
use emam_aws::s3::{S3Options, S3Storage};
use emam_core::backend::{Key, MediaSource, PutFileOptions, PutOptions, Storage};
use emam_core::clock::{Clock, SystemClock};
use emam_core::testkit::{KnownAudio, KnownMedia, KnownVideo};
use emam_core::time::{MediaTime, Rate, TimeRange};
use emam_tests::media;
use serde_json::Value;

use crate::account;

/// A folder of a bucket of its own, and the way to the services.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    endpoint: String,
    pub(crate) storage: Arc<S3Storage>,
}

impl Account {
    /// The emulated account, or a loud skip where the environment names none.
    pub(crate) async fn find() -> Option<Self> {
        let s3 = account::address("EMAM_AWS_S3")?;
        let endpoint = account::address("EMAM_AWS_ENDPOINT")?;
        let client = account::s3(&s3).await;
        account::bucket(&client, "emam-footage").await;
        let prefix = Some(Self::fresh_name());
        let options = S3Options { prefix, ..S3Options::new("emam-footage") };
        let storage = S3Storage::new(client, options).expect("the options are good");
        Some(Self { endpoint, storage: Arc::new(storage) })
    }

    /// The way to the emulated services.
    pub(crate) async fn config(&self) -> SdkConfig {
        let access = Access {
            region: Some("us-east-1".into()),
            endpoint_url: Some(self.endpoint.clone()),
            ..Access::default()
        };
        let credentials =
            aws_sdk_s3::config::Credentials::new("test", "testsecret", None, None, "tests");
        let config = AwsContext::connect(access).await.of("any").into_builder();
        let provider = aws_sdk_s3::config::SharedCredentialsProvider::new(credentials);
        config.credentials_provider(provider).build()
    }

    /// A name no other test has: services remember the names and tokens of jobs.
    pub(crate) fn fresh_name() -> String {
        format!("test-{}", SystemClock.new_uuid().simple())
    }

    /// Puts a file there, and beside it what services that cannot know it are to find.
    pub(crate) async fn put(&self, file: &std::path::Path, truth: &Value) -> MediaSource {
        let name = file.file_name().expect("a file has a name").to_string_lossy().into_owned();
        let key: Key = name.parse().expect("the name is a key");
        let stat = self.storage.put_file(&key, file, PutFileOptions::default()).await;
        let size = stat.expect("the bucket is ours").size;
        let beside: Key = format!("{name}.truth.json").parse().expect("a key");
        let truth = Bytes::from(truth.to_string());
        self.storage.put(&beside, truth, PutOptions::default()).await.expect("the bucket is ours");
        let storage: Arc<dyn Storage> = Arc::<S3Storage>::clone(&self.storage);
        MediaSource { storage, key, size, file_name: name }
    }

    /// Four shots, one of them black, of which `truth` tells what else is seen and said.
    pub(crate) async fn shots(&self, truth: &Value) -> KnownMedia {
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let source = self.put(&media::shots(folder.path()), truth).await;
        let rate = Rate::FPS_25;
        let dark = TimeRange::from_start_end(100, 138, rate).expect("a range");
        let (codec, width, height) = ("h264".to_owned(), 640, 360);
        let aac = KnownAudio { codec: "aac".to_owned(), sample_rate: 48_000, channels: 1 };
        KnownMedia {
            video: Some(KnownVideo { codec, width, height, rate, frames: 188 }),
            audio: vec![aac],
            cuts: vec![50, 100, 138],
            black: vec![dark],
            silence: vec![dark],
            ..KnownMedia::new(source, MediaTime::new(188, rate))
        }
    }
}

/// Makes a test of each case of the suite of analyzers. `$fixture` gives a fixture, or nothing where
/// there is no account.
macro_rules! analyzer_cases {
    ($fixture:expr) => {
        analyzer_cases! { $fixture,
            analyze_finds_what_is_there,
            analyze_submit_is_idempotent,
            analyze_poll_unknown,
            analyze_unsupported_kind,
        }
    };
    ($fixture:expr, $($case:ident,)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                if let Some(fixture) = $fixture.await {
                    emam_core::testkit::analyzer::$case(&fixture).await;
                }
            }
        )+
    };
}
pub(crate) use analyzer_cases;
