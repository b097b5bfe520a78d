//! Transcribe, held to the contract of [`Analyzer`] on the emulated account, which is told beforehand
//! what is said.

// This is test code: a panic is how it speaks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod footage;

use emam_tests::aws as account;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_transcribe::Client;
use emam_aws::transcribe::{Options, Transcribe};
use emam_core::backend::{AnalysisRequest, Analyzer, GetOptions, JobStatus, MediaSource, Storage};
use emam_core::model::{AnnotationKind, AssetKind, Role};
use emam_core::testkit::{AnalyzerFixture, KnownMedia, MediaFixture};
use footage::{Account, analyzer_cases};
use serde_json::json;

/// A video in which something is said, on the emulated account.
struct Heard {
    account: Account,
    known: KnownMedia,
}

impl Heard {
    async fn find() -> Option<Self> {
        let account = Account::find().await?;
        let word = |word: &str, start: u32, speaker: u32| json!({ "word": word, "start_ms": start, "end_ms": start + 200, "speaker": speaker });
        let truth = json!({
            "language": "en-US",
            "speech": [
                word("Ask", 0, 0), word("not,", 250, 0), word("friends.", 500, 0),
                word("Ask", 6_000, 1), word("what?", 6_250, 1),
            ],
        });
        let mut known = account.shots(&truth).await;
        known.words = vec![
            (AnnotationKind::Speech, "ask not, friends.".to_owned()),
            (AnnotationKind::Speech, "ask what?".to_owned()),
        ];
        Some(Self { account, known })
    }

    async fn analyzer(&self, change: impl FnOnce(&mut Options)) -> Transcribe {
        let mut options = Options { poll_interval_ms: 300, ..Options::new(Account::fresh_name()) };
        change(&mut options);
        let destination: Arc<dyn Storage> = Arc::clone(&self.known.source.storage);
        Transcribe::new(Client::new(&self.account.config().await), destination, options)
    }
}

#[async_trait]
impl MediaFixture for Heard {
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
impl AnalyzerFixture for Heard {
    async fn fresh(&self) -> Arc<dyn Analyzer> {
        Arc::new(self.analyzer(|_| {}).await)
    }
}

analyzer_cases!(Heard::find());

#[tokio::test]
async fn speakers_are_told_apart_with_a_vocabulary_and_captions() {
    let Some(heard) = Heard::find().await else { return };
    let vocabulary = Account::fresh_name();
    let analyzer = heard
        .analyzer(|options| {
            options.speakers = Some(2);
            options.languages = vec!["en-US".to_owned()];
            options.vocabulary = Some(vocabulary.clone());
            options.role_arn = Some("arn:aws:iam::111122223333:role/transcribe".to_owned());
        })
        .await;
    let phrases = ["Ada Lovelace".to_owned()];
    analyzer.set_vocabulary(&vocabulary, "en-US", &phrases).await.unwrap();
    let source = heard.known.source.clone();
    let request = AnalysisRequest {
        technical: serde_json::from_value(json!({
            "kind": AssetKind::Video,
            "container": { "format": "mov", "size": source.size },
            "video": [{ "index": 0, "codec": "h264", "width": 640, "height": 360, "rate": "25",
                "frames": 188, "pixel_aspect": { "num": 1, "den": 1 } }],
            "audio": [{ "index": 1, "codec": "aac", "sample_rate": 48_000, "channels": 1 }],
        }))
        .unwrap(),
        kinds: vec![AnnotationKind::Speech],
        destination: Arc::clone(&source.storage),
        prefix: "asset/version".parse().unwrap(),
        source,
    };
    let job = analyzer.submit(&request, "token").await.unwrap();
    let mut looks = 0;
    loop {
        match analyzer.poll(&job).await.unwrap() {
            JobStatus::Succeeded => break,
            JobStatus::Running { .. } => looks += 1,
            other => panic!("{other:?}"),
        }
        assert!(looks < 600, "the job does not end");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let found = analyzer.findings(&job).await.unwrap();
    let said: Vec<_> = found
        .annotations
        .iter()
        .map(|one| (one.text.as_str(), one.data["speaker"].as_str(), one.range.unwrap().start()))
        .collect();
    assert_eq!(said, [("Ask not, friends.", Some("spk_0"), 0), ("Ask what?", Some("spk_1"), 150)]);
    let roles: Vec<Role> = found.files.iter().map(|file| file.role).collect();
    assert_eq!(roles, [Role::Transcript, Role::Captions, Role::Captions]);
    let vtt = request.destination.get(&found.files[1].key, GetOptions::default()).await.unwrap();
    let vtt = String::from_utf8(vtt.bytes().await.unwrap().to_vec()).unwrap();
    let cue = "00:00:06.000 --> 00:00:06.450\n<v spk_1>Ask what?\n";
    assert!(vtt.starts_with("WEBVTT\n") && vtt.contains(cue), "{vtt}");
    analyzer.cancel(&job).await.unwrap();
}
