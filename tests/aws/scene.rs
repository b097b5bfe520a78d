//! A library on the emulated account, with buckets, a queue and a folder of its own.

// Not every test needs all of it.
#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use emam_aws::settings::{
    AwsSettings, Bucket, Encryption, Events, MediaConvert, Rekognition, Service, Transcribe,
};
use emam_tests::aws::{account, address, bucket as make_bucket, fresh_name, s3};
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

/// The emulator tells one queue and has one set of switches: one scene at a time.
static ONE: Mutex<()> = Mutex::const_new(());

pub(crate) struct Scene {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) settings: AwsSettings,
    pub(crate) s3: aws_sdk_s3::Client,
    emulator: String,
    web: reqwest::Client,
    _alone: MutexGuard<'static, ()>,
}

impl Scene {
    /// A scene, or a loud skip where the environment names no account.
    pub(crate) async fn find(with_queue: bool) -> Option<Self> {
        let (front, emulator) = (address("EMAM_AWS_S3")?, address("EMAM_AWS_ENDPOINT")?);
        let ministack = address("EMAM_AWS_MINISTACK")?;
        let alone = ONE.lock().await;
        let own = fresh_name("library");
        let s3 = s3(&front).await;
        let bucket = |name: &str| Bucket {
            name: format!("emam-{name}"),
            prefix: own.clone(),
            encryption: Encryption::None,
        };
        let mut settings = AwsSettings::new("originals", "proxies");
        settings.buckets.originals = bucket("originals");
        settings.buckets.proxies = bucket("proxies");
        settings.buckets.ingest = Some(bucket("ingest"));
        for name in ["emam-originals", "emam-proxies", "emam-ingest"] {
            make_bucket(&s3, name).await;
        }
        settings.stack.clone_from(&own);
        settings.region = Some("us-east-1".to_owned());
        settings.endpoint_url = Some(emulator.clone());
        settings.endpoints = [
            (Service::S3, front),
            (Service::Sqs, ministack.clone()),
            (Service::Sns, ministack.clone()),
            (Service::DynamoDb, ministack.clone()),
        ]
        .into();
        settings.path_style = true;
        settings.poll_ms = 1_000;
        settings.mediaconvert = Some(MediaConvert {
            role_arn: "arn:aws:iam::123456789012:role/mediaconvert".to_owned(),
            queue: None,
            template: None,
            acceleration: Default::default(),
        });
        settings.rekognition = Some(Rekognition {
            topic_arn: Some("arn:aws:sns:us-east-1:123456789012:AmazonRekognition-t".to_owned()),
            role_arn: Some("arn:aws:iam::123456789012:role/rekognition".to_owned()),
            ..Rekognition::default()
        });
        settings.transcribe = Some(Transcribe {
            name_prefix: format!("{own}-"),
            languages: vec!["en-US".to_owned()],
            ..Transcribe::default()
        });
        let web = reqwest::Client::new();
        let folder = tempfile::tempdir().expect("a folder");
        let scene = Self { folder, settings, s3, emulator, web, _alone: alone };
        scene.tell("reset", json!({})).await;
        let mut queue = None;
        if with_queue {
            let sqs = aws_sdk_sqs::Client::new(&account(&ministack).await);
            let made = sqs.create_queue().queue_name(&own).send().await.expect("a queue");
            queue = made.queue_url;
        }
        scene.tell("events", json!({ "queue": queue })).await;
        let mut scene = scene;
        scene.settings.events = Events { queue_url: queue, ..Events::default() };
        Some(scene)
    }

    /// Where the library is.
    pub(crate) fn library(&self) -> PathBuf {
        self.folder.path().join("library")
    }

    /// The settings as a file.
    pub(crate) fn settings_file(&self) -> PathBuf {
        let file = self.folder.path().join("emam-aws.json");
        let text = serde_json::to_string(&self.settings).expect("settings are JSON");
        std::fs::write(&file, text).expect("the folder can be written");
        file
    }

    /// Tells the emulator something.
    pub(crate) async fn tell(&self, what: &str, body: Value) -> Value {
        let url = format!("{}/_awsim/{what}", self.emulator);
        let request = self.web.post(url).body(body.to_string());
        let answer = request.send().await.expect("the emulator answers");
        let good = answer.status().is_success();
        let text = answer.text().await.expect("an answer");
        assert!(good, "{what}: {text}");
        serde_json::from_str(&text).expect("JSON")
    }

    /// Asks the emulator something.
    pub(crate) async fn ask(&self, what: &str) -> Value {
        let url = format!("{}/_awsim/{what}", self.emulator);
        let answer = self.web.get(url).send().await.expect("the emulator answers");
        serde_json::from_str(&answer.text().await.expect("an answer")).expect("JSON")
    }

    /// What all media shows and says.
    pub(crate) async fn truth(&self) {
        let truth = json!({
            "language": "en-US",
            "labels": [{ "name": "Rain", "confidence": 98.0 }],
            "speech": [
                { "word": "Hello", "start_ms": 100, "end_ms": 400 },
                { "word": "harbour", "start_ms": 450, "end_ms": 900 },
            ],
        });
        self.tell("truth", json!({ "match": "*", "truth": truth })).await;
    }

    /// How many uploads in parts were begun and not ended.
    pub(crate) async fn unfinished_uploads(&self) -> usize {
        let originals = &self.settings.buckets.originals;
        let listed = self.s3.list_multipart_uploads().bucket(&originals.name);
        let listed = listed.prefix(&originals.prefix).send().await.expect("a list");
        listed.uploads().len()
    }
}

/// Two seconds of moving pictures with sound, unlike those of another number.
pub(crate) fn clip(folder: &Path, number: usize, size: &str) -> PathBuf {
    let picture = format!("testsrc2=size={size}:rate=25:duration=2,hue=h={}", number % 360);
    let sound = format!("sine=frequency={}:duration=2", 200 + number);
    emam_tests::media::make(
        folder,
        &format!("clip-{number}.mp4"),
        &[
            "-f",
            "lavfi",
            "-i",
            &picture,
            "-f",
            "lavfi",
            "-i",
            &sound,
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-pix_fmt",
            "yuv420p",
            "-c:a",
            "aac",
            "-shortest",
        ],
    )
}

/// Asks again and again until there is an answer.
pub(crate) async fn until<T>(most: Duration, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = tokio::time::Instant::now() + most;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(tokio::time::Instant::now() < deadline, "nothing came of it in {most:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
