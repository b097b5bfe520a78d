//! Rekognition, held to the contract of [`Analyzer`] on the emulated account, where shots and black
//! are measured and the rest is told beforehand.

// This is test code: a panic is how it speaks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod footage;

use emam_tests::aws as account;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_rekognition::Client;
use emam_aws::rekognition::{FaceCollection, Options, Rekognition};
use emam_core::backend::{
    AnalysisRequest, Analyzer, AnalyzerCapabilities, Findings, JobId, JobStatus, MediaSource,
    Storage,
};
use emam_core::model::{AnnotationKind, AssetKind, Technical};
use emam_core::testkit::{AnalyzerFixture, KnownMedia, MediaFixture};
use emam_core::{ErrorKind, Result};
use emam_tests::media;
use footage::{Account, analyzer_cases};
use serde_json::json;

/// A video with everything in it, on the emulated account.
struct Seen {
    account: Account,
    known: KnownMedia,
}

impl Seen {
    async fn find() -> Option<Self> {
        let account = Account::find().await?;
        let truth = json!({
            "labels": [
                { "name": "Rain", "parents": ["Weather"], "categories": ["Nature"] },
                { "name": "Car", "start_ms": 2_000, "end_ms": 4_000, "instances":
                    [{ "box": { "left": 0.1, "top": 0.2, "width": 0.3, "height": 0.4 } }] },
            ],
            "faces": [{ "face_id": "ada", "gender": "Female", "age": [30, 38], "smile": true,
                "emotions": ["HAPPY"], "end_ms": 3_000 }],
            "celebrities": [{ "name": "Grace Hopper", "id": "3Ir0du6" }],
            "text": [{ "text": "EXIT ONLY", "start_ms": 1_000 }],
            "moderation": [{ "name": "Weapons", "parent": "Violence", "start_ms": 5_520 }],
        });
        let mut known = account.shots(&truth).await;
        known.words = [
            (AnnotationKind::Label, "rain"),
            (AnnotationKind::Label, "car"),
            (AnnotationKind::Face, "face"),
            (AnnotationKind::Celebrity, "grace hopper"),
            (AnnotationKind::Text, "exit only"),
            (AnnotationKind::Moderation, "weapons"),
        ]
        .map(|(kind, word)| (kind, word.to_owned()))
        .into();
        Some(Self { account, known })
    }
}

#[async_trait]
impl MediaFixture for Seen {
    async fn known(&self) -> KnownMedia {
        self.known.clone()
    }

    async fn bad(&self) -> MediaSource {
        self.known.source.clone()
    }

    async fn wait(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

#[async_trait]
impl AnalyzerFixture for Seen {
    async fn fresh(&self) -> Arc<dyn Analyzer> {
        let options = Options { poll_interval_ms: 300, ..Options::new(Account::fresh_name()) };
        let client = Client::new(&self.account.config().await);
        Arc::new(Patient(Rekognition::new(client, options)))
    }
}

/// Waits where the account's 20 jobs are taken and asks again under the same token, as the engine
/// does: the cases together begin more.
#[derive(Debug)]
struct Patient(Rekognition);

#[async_trait]
impl Analyzer for Patient {
    fn capabilities(&self) -> AnalyzerCapabilities {
        self.0.capabilities()
    }

    async fn submit(&self, request: &AnalysisRequest, token: &str) -> Result<JobId> {
        for _ in 0..300 {
            match self.0.submit(request, token).await {
                Err(error) if error.kind() == ErrorKind::RateLimited => {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                other => return other,
            }
        }
        panic!("the account's jobs do not end")
    }

    async fn poll(&self, job: &JobId) -> Result<JobStatus> {
        self.0.poll(job).await
    }

    async fn cancel(&self, job: &JobId) -> Result<()> {
        self.0.cancel(job).await
    }

    async fn findings(&self, job: &JobId) -> Result<Findings> {
        self.0.findings(job).await
    }
}

analyzer_cases!(Seen::find());

/// A still of 640x360 with two faces, of which one is Ada's.
async fn still(account: &Account) -> AnalysisRequest {
    let folder = tempfile::tempdir().unwrap();
    let source = ["-f", "lavfi", "-i", "testsrc2=s=640x360:d=1", "-frames:v", "1"];
    let file = media::make(folder.path(), "still.jpg", &source);
    let truth = json!({
        "labels": [{ "name": "Cat" }],
        "faces": [
            { "face_id": "ada", "box": { "left": 0.1, "top": 0.1, "width": 0.2, "height": 0.2 } },
            { "face_id": "bob", "box": { "left": 0.6, "top": 0.1, "width": 0.2, "height": 0.2 } },
        ],
    });
    let source = account.put(&file, &truth).await;
    let technical: Technical = serde_json::from_value(json!({
        "kind": AssetKind::Image,
        "container": { "format": "jpeg", "size": source.size },
        "picture": { "width": 640, "height": 360, "orientation": 1 },
    }))
    .unwrap();
    let destination: Arc<dyn Storage> = Arc::clone(&source.storage);
    AnalysisRequest {
        source,
        technical,
        kinds: vec![AnnotationKind::Label, AnnotationKind::Face],
        destination,
        prefix: "asset/version".parse().unwrap(),
    }
}

#[tokio::test]
async fn faces_of_a_still_are_kept_and_known_again_in_a_video() {
    let Some(seen) = Seen::find().await else { return };
    let client = Client::new(&seen.account.config().await);
    let collection = Account::fresh_name();
    let faces = FaceCollection::new(client.clone(), &collection);
    faces.ensure().await.unwrap();
    faces.ensure().await.unwrap();
    let options = Options {
        collection: Some(collection),
        poll_interval_ms: 300,
        ..Options::new(Account::fresh_name())
    };
    let analyzer = Patient(Rekognition::new(client, options));

    let request = still(&seen.account).await;
    let job = analyzer.submit(&request, "still").await.unwrap();
    let found = analyzer.findings(&job).await.unwrap().annotations;
    let again = analyzer.findings(&job).await.unwrap().annotations;
    assert_eq!(found, again, "the same picture gives the same faces");
    let cat = found.iter().any(|one| one.name == "Cat" && one.range.is_none());
    let ids: Vec<&str> = found.iter().filter_map(|one| one.data["face_id"].as_str()).collect();
    assert_eq!((ids.len(), cat), (2, true), "{found:?}");
    let indexed = faces.index(request.source.storage.as_ref(), &request.source.key).await.unwrap();
    let mut kept: Vec<&str> = indexed.iter().map(|one| one.face_id.as_str()).collect();
    kept.sort_unstable();
    let mut sorted = ids.clone();
    sorted.sort_unstable();
    assert_eq!(kept, sorted);

    let video = AnalysisRequest {
        source: seen.known.source.clone(),
        technical: serde_json::from_value(json!({
            "kind": AssetKind::Video,
            "container": { "format": "mov", "size": seen.known.source.size },
            "video": [{ "index": 0, "codec": "h264", "width": 640, "height": 360, "rate": "25",
                "frames": 188, "pixel_aspect": { "num": 1, "den": 1 } }],
        }))
        .unwrap(),
        kinds: vec![AnnotationKind::Face],
        ..request
    };
    let job = analyzer.submit(&video, "video").await.unwrap();
    while !matches!(analyzer.poll(&job).await.unwrap(), JobStatus::Succeeded) {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let found = analyzer.findings(&job).await.unwrap().annotations;
    let [ada] = found.as_slice() else { panic!("{found:?}") };
    // Ada's face is on the left of the still, so it comes first.
    assert_eq!(ada.data["face_id"].as_str(), Some(ids[0]));
    assert_eq!(ada.range.unwrap().start(), 0);
}
