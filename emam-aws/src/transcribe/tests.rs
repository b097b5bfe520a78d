//! What is sent to the service and how its answers are taken, with canned answers.

use std::sync::Mutex;

use emam_core::backend::MediaSource;
use emam_core::memory::MemoryStorage;
use emam_core::model::AssetKind;
use serde_json::Value;

use super::*;
use crate::canned::{Answered, Bucket, Canned, request, technical};

const TOKEN: &str = "0190a1b2c3d4e5f60718293a4b5c6d7e-0190a1b2c3d4abcd";
const NAME: &str = "media-0190a1b2c3d4e5f60718293a4b5c6d7e-0190a1b2c3d4abcd";
const MISSING: (u16, &str) = (
    400,
    "BadRequestException: The requested job couldn't be found. Check the job name and try your \
     request again.",
);

async fn transcribe(
    service: &Canned,
    bucket: &Arc<Bucket>,
    change: impl FnOnce(&mut Options),
) -> Transcribe {
    let mut options = Options::new("media");
    change(&mut options);
    let destination: Arc<dyn Storage> = Arc::<Bucket>::clone(bucket);
    Transcribe::new(Client::new(&service.config().await), destination, options)
}

fn speech(bucket: &Arc<Bucket>, seconds: i64) -> AnalysisRequest {
    let technical = technical(AssetKind::Video, seconds);
    request(bucket, "a/v/audio_proxy/x.m4a", technical, &[AnnotationKind::Speech])
}

fn at(status: &str) -> Answered {
    Ok(json!({ "TranscriptionJob": {
        "TranscriptionJobName": NAME, "TranscriptionJobStatus": status } }))
}

/// What was sent to begin the first job.
fn sent(service: &Canned) -> Value {
    let calls = service.calls();
    let begun = calls.iter().find(|(operation, _)| operation == "StartTranscriptionJob");
    begun.expect("no job was begun").1.clone()
}

#[tokio::test]
async fn the_request_is_what_the_service_allows() {
    let service = Canned::start(|_, _, _| at("IN_PROGRESS")).await;
    let bucket = Arc::default();
    let plain = transcribe(&service, &bucket, |_| {}).await;
    let job = plain.submit(&speech(&bucket, 60), TOKEN).await.unwrap();
    assert_eq!(plain.submit(&speech(&bucket, 60), TOKEN).await.unwrap(), job);
    assert_eq!(
        sent(&service),
        json!({
            "TranscriptionJobName": NAME,
            "Media": { "MediaFileUri": "s3://bucket/a/v/audio_proxy/x.m4a" },
            "MediaFormat": "m4a",
            "OutputBucketName": "bucket",
            "OutputKey": format!("asset/version/transcript/{NAME}.json"),
            "IdentifyLanguage": true,
        })
    );
}

#[tokio::test]
async fn exactly_one_way_of_knowing_the_language_is_sent() {
    for (languages, multiple, wanted) in [
        (vec!["en-US"], false, json!({ "LanguageCode": "en-US" })),
        (
            vec!["en-US", "de-DE"],
            false,
            json!({ "IdentifyLanguage": true, "LanguageOptions": ["en-US", "de-DE"] }),
        ),
        (vec![], true, json!({ "IdentifyMultipleLanguages": true })),
        (vec!["en-US"], true, json!({ "IdentifyMultipleLanguages": true })),
    ] {
        let service = Canned::start(|_, _, _| at("IN_PROGRESS")).await;
        let bucket = Arc::default();
        let analyzer = transcribe(&service, &bucket, |options| {
            options.languages = languages.iter().map(|&code| code.to_owned()).collect();
            options.multiple_languages = multiple;
        })
        .await;
        analyzer.submit(&speech(&bucket, 60), TOKEN).await.unwrap();
        let sent = sent(&service);
        let about = |name: &&String| name.contains("Language");
        let names: Vec<&String> = sent.as_object().unwrap().keys().filter(about).collect();
        assert_eq!(names, wanted.as_object().unwrap().keys().collect::<Vec<_>>());
        assert!(names.iter().all(|name| sent[name.as_str()] == wanted[name.as_str()]), "{sent}");
    }
}

#[tokio::test]
async fn speakers_are_asked_for_without_subtitles_and_a_role_queues() {
    let service = Canned::start(|_, _, _| at("QUEUED")).await;
    let bucket = Arc::default();
    let analyzer = transcribe(&service, &bucket, |options| {
        options.speakers = Some(1);
        options.role_arn = Some("arn:role".to_owned());
    })
    .await;
    assert_eq!(analyzer.capabilities().lane, Lane::Free);
    analyzer.submit(&speech(&bucket, 60), TOKEN).await.unwrap();
    let sent = sent(&service);
    assert_eq!(sent["Settings"], json!({ "ShowSpeakerLabels": true, "MaxSpeakerLabels": 2 }));
    let execution = json!({ "AllowDeferredExecution": true, "DataAccessRoleArn": "arn:role" });
    assert_eq!(sent["JobExecutionSettings"], execution);
    assert!(sent.get("Subtitles").is_none(), "with speakers the service's have wrong times");
}

#[tokio::test]
async fn a_job_of_that_name_is_taken_and_a_full_service_told_at_once() {
    let service = Canned::start(|operation, _, before| match (operation, before) {
        ("StartTranscriptionJob", 0) => Err((400, "LimitExceededException: too many jobs")),
        ("StartTranscriptionJob", _) => {
            Err((400, "ConflictException: The requested job name already exists."))
        }
        _ => at("IN_PROGRESS"),
    })
    .await;
    let bucket = Arc::default();
    let analyzer = transcribe(&service, &bucket, |_| {}).await;
    let error = analyzer.submit(&speech(&bucket, 60), TOKEN).await.unwrap_err();
    assert_eq!((error.kind(), service.calls().len()), (ErrorKind::RateLimited, 1), "{error}");
    let job = analyzer.submit(&speech(&bucket, 60), TOKEN).await.unwrap();
    let status = analyzer.poll(&job).await.unwrap();
    assert!(matches!(status, JobStatus::Running { fraction, .. } if fraction < 1.0), "{status:?}");
}

#[tokio::test]
async fn a_failed_job_says_why_and_a_forgotten_one_is_not_found() {
    let service = Canned::start(|operation, _, before| match (operation, before) {
        ("StartTranscriptionJob", _) => at("IN_PROGRESS"),
        (_, 1) => Ok(json!({ "TranscriptionJob": { "TranscriptionJobStatus": "FAILED",
            "FailureReason": "Unsupported media format." } })),
        _ => Err(MISSING),
    })
    .await;
    let bucket = Arc::default();
    let analyzer = transcribe(&service, &bucket, |_| {}).await;
    let job = analyzer.submit(&speech(&bucket, 60), TOKEN).await.unwrap();
    let status = analyzer.poll(&job).await.unwrap();
    let JobStatus::Failed(info) = status else { panic!("{status:?}") };
    assert_eq!(info.kind, ErrorKind::InvalidMedia);
    assert!(info.context.iter().any(|(_, said)| said == "Unsupported media format."));
    assert_eq!(analyzer.poll(&job).await.unwrap_err().kind(), ErrorKind::NotFound);
    let unknown = JobId("never-submitted".to_owned());
    assert_eq!(analyzer.poll(&unknown).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(analyzer.findings(&unknown).await.unwrap_err().kind(), ErrorKind::NotFound);
    analyzer.cancel(&job).await.unwrap();
    analyzer.cancel(&unknown).await.unwrap();
}

#[tokio::test]
async fn findings_are_speech_with_a_transcript_and_captions() {
    let service = Canned::start(|_, _, _| at("COMPLETED")).await;
    let bucket: Arc<Bucket> = Arc::default();
    let analyzer = transcribe(&service, &bucket, |_| {}).await;
    let job = analyzer.submit(&speech(&bucket, 60), TOKEN).await.unwrap();
    let key: Key = format!("asset/version/transcript/{NAME}.json").parse().unwrap();
    let written = Bytes::from(document::tests::example().to_string());
    bucket.put(&key, written, PutOptions::default()).await.unwrap();
    assert!(matches!(analyzer.poll(&job).await.unwrap(), JobStatus::Succeeded));
    let found = analyzer.findings(&job).await.unwrap();
    let said: Vec<&str> = found.annotations.iter().map(|one| one.text.as_str()).collect();
    assert_eq!(said, ["Ask not,", "my friends.", "Ask", "what?"], "speakers are told apart");
    let files: Vec<_> =
        found.files.iter().map(|one| (one.role, one.part, one.media_type.as_str())).collect();
    assert_eq!(
        files,
        [
            (Role::Transcript, 0, "application/json"),
            (Role::Captions, 0, "text/vtt"),
            (Role::Captions, 1, "application/x-subrip"),
        ]
    );
    for file in found.files {
        assert_eq!(bucket.stat(&file.key).await.unwrap().size, file.size);
    }
}

#[tokio::test]
async fn a_job_waits_for_its_vocabulary() {
    let service = Canned::start(|operation, _, before| match (operation, before) {
        ("GetVocabulary", 0) => Ok(json!({ "VocabularyState": "PENDING" })),
        ("GetVocabulary", _) => Ok(json!({ "VocabularyState": "READY", "LanguageCode": "en-US" })),
        ("GetTranscriptionJob", _) => Err(MISSING),
        _ => at("IN_PROGRESS"),
    })
    .await;
    let bucket = Arc::default();
    let analyzer = transcribe(&service, &bucket, |o| o.vocabulary = Some("names".to_owned())).await;
    let job = analyzer.submit(&speech(&bucket, 60), TOKEN).await.unwrap();
    assert_eq!(service.operations(), ["GetVocabulary"]);
    analyzer.poll(&job).await.unwrap();
    let sent = sent(&service);
    assert_eq!(sent["LanguageIdSettings"], json!({ "en-US": { "VocabularyName": "names" } }));
}

#[tokio::test]
async fn a_vocabulary_is_made_or_changed() {
    let service = Canned::start(|operation, _, _| match operation {
        "CreateVocabulary" => Err((400, "ConflictException: it exists")),
        "UpdateVocabulary" => Ok(json!({ "VocabularyState": "PENDING" })),
        "GetVocabulary" => Err((
            400,
            "BadRequestException: The requested vocabulary couldn't be found. Check the name.",
        )),
        other => panic!("{other}"),
    })
    .await;
    let bucket = Arc::default();
    let analyzer = transcribe(&service, &bucket, |o| o.vocabulary = Some("none".to_owned())).await;
    let phrases = ["Ada Lovelace".to_owned()];
    analyzer.set_vocabulary("names", "en-US", &phrases).await.unwrap();
    assert_eq!(service.operations(), ["CreateVocabulary", "UpdateVocabulary"]);
    assert_eq!(service.calls()[1].1["Phrases"], json!(["Ada-Lovelace"]));
    for (name, phrases) in [("a b", vec!["x"]), ("names", vec![]), ("names", vec![" "])] {
        let phrases: Vec<String> = phrases.into_iter().map(str::to_owned).collect();
        let error = analyzer.set_vocabulary(name, "en-US", &phrases).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
    let error = analyzer.submit(&speech(&bucket, 60), TOKEN).await.unwrap_err();
    assert_eq!((error.kind(), error.get("vocabulary")), (ErrorKind::InvalidInput, Some("none")));
}

/// Cuts at the second look.
#[derive(Debug, Default)]
struct Scissors {
    begun: Mutex<Vec<(Vec<Piece>, String)>>,
    looks: Mutex<u32>,
}

#[async_trait]
impl Pieces for Scissors {
    async fn begin(
        &self,
        _: &MediaSource,
        pieces: &[Piece],
        _: &dyn Storage,
        token: &str,
    ) -> Result<JobId> {
        self.begun.lock().unwrap().push((pieces.to_vec(), token.to_owned()));
        Ok(JobId("cut-1".to_owned()))
    }

    async fn poll(&self, job: &JobId) -> Result<JobStatus> {
        assert_eq!(job.0, "cut-1");
        let mut looks = self.looks.lock().unwrap();
        *looks += 1;
        Ok(match *looks {
            1 => JobStatus::Running { fraction: 0.5, eta_ms: None, ready: Vec::new() },
            _ => JobStatus::Succeeded,
        })
    }

    async fn cancel(&self, _: &JobId) -> Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn media_of_five_hours_is_heard_in_pieces() {
    // A name is known once its job was begun; all of them end at once.
    let service = Canned::start({
        let begun = Mutex::new(Vec::new());
        move |operation, input, _| {
            let name = input["TranscriptionJobName"].as_str().unwrap().to_owned();
            let mut begun = begun.lock().unwrap();
            match operation {
                "StartTranscriptionJob" => {
                    begun.push(name);
                    at("IN_PROGRESS")
                }
                _ if begun.contains(&name) => at("COMPLETED"),
                _ => Err(MISSING),
            }
        }
    })
    .await;
    let bucket: Arc<Bucket> = Arc::default();
    let scissors = Arc::new(Scissors::default());
    let cutting: Arc<dyn Pieces> = Arc::<Scissors>::clone(&scissors);
    let analyzer = transcribe(&service, &bucket, |_| {}).await.cutting_by(cutting);
    let long = speech(&bucket, 5 * 3_600);
    let job = analyzer.submit(&long, TOKEN).await.unwrap();
    assert_eq!(analyzer.submit(&long, TOKEN).await.unwrap(), job);
    let (pieces, token) = scissors.begun.lock().unwrap()[0].clone();
    let bounds: Vec<_> = pieces.iter().map(|one| (one.start_s, one.end_s)).collect();
    assert_eq!((bounds, token.as_str()), (vec![(0, 13_800), (13_790, 18_000)], TOKEN));

    let fraction = async || match analyzer.poll(&job).await.unwrap() {
        JobStatus::Running { fraction, .. } => fraction,
        JobStatus::Succeeded => 1.0,
        other => panic!("{other:?}"),
    };
    let first = fraction().await;
    assert!(first < 0.1, "{first}: cutting is the smaller part");
    assert!(!service.operations().contains(&"StartTranscriptionJob".to_owned()));
    assert!(fraction().await < 1.0);
    assert!((fraction().await - 1.0).abs() < 1e-9);
    let heard = pieces[1].key.as_str();
    let begun: Vec<_> = service
        .calls()
        .into_iter()
        .filter(|(operation, _)| operation == "StartTranscriptionJob")
        .map(|(_, input)| input["Media"]["MediaFileUri"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(begun.len(), 2, "{begun:?}");
    assert_eq!(begun[1], format!("s3://bucket/{heard}"));

    for (number, piece) in pieces.iter().enumerate() {
        let said = format!(
            r#"{{"results": {{"items": [{{"type": "pronunciation",
            "start_time": "20.0", "end_time": "20.5",
            "alternatives": [{{"confidence": "1.0", "content": "part{number}."}}]}}]}}}}"#
        );
        let key = format!("asset/version/transcript/{NAME}-{}.json", number + 1);
        for (key, body) in [(key.parse().unwrap(), said), (piece.key.clone(), "aac".to_owned())] {
            bucket.put(&key, Bytes::from(body), PutOptions::default()).await.unwrap();
        }
    }
    for again in [false, true] {
        let found = analyzer.findings(&job).await.unwrap();
        let said: Vec<_> = found
            .annotations
            .iter()
            .map(|one| (one.text.as_str(), one.range.unwrap().start()))
            .collect();
        assert_eq!(said, [("part0.", 500), ("part1.", (13_790 + 20) * 25)], "again: {again}");
        assert_eq!(found.files.len(), 3);
    }
    let gone = bucket.stat(&pieces[0].key).await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound, "pieces do not stay");
}

#[tokio::test]
async fn what_the_service_cannot_hear_is_refused_before_it_is_asked() {
    let service = Canned::start(|operation, _, _| panic!("{operation}")).await;
    let bucket: Arc<Bucket> = Arc::default();
    let analyzer = transcribe(&service, &bucket, |_| {}).await;
    let refused = async |change: &dyn Fn(&mut AnalysisRequest)| {
        let mut request = speech(&bucket, 60);
        change(&mut request);
        let error = analyzer.submit(&request, TOKEN).await.unwrap_err();
        assert!(!error.is_retryable(), "{error}");
        (error.kind(), error.to_string())
    };
    let nowhere = || Arc::new(MemoryStorage::new()) as Arc<dyn Storage>;
    let input = ErrorKind::InvalidInput;
    for (kind, says, error) in [
        (input, "no sound", refused(&|r| r.technical.audio.clear()).await),
        (
            ErrorKind::InvalidMedia,
            "4 hours",
            refused(&|r| r.technical = technical(AssetKind::Video, 4 * 3_600 + 1)).await,
        ),
        (
            ErrorKind::InvalidMedia,
            "2 GB",
            refused(&|r| r.source.size = 2_048 * 1024 * 1024 + 1).await,
        ),
        (
            ErrorKind::InvalidMedia,
            "M4A",
            refused(&|r| r.source.key = "a/b.mxf".parse().unwrap()).await,
        ),
        (ErrorKind::Unsupported, "kind", refused(&|r| r.kinds.push(AnnotationKind::Face)).await),
        (ErrorKind::Unsupported, "bucket", refused(&|r| r.source.storage = nowhere()).await),
        (input, "another", refused(&|r| r.destination = nowhere()).await),
        (input, "characters", refused(&|r| r.prefix = "an asset/version".parse().unwrap()).await),
    ] {
        assert_eq!(error.0, kind, "{}", error.1);
        assert!(error.1.contains(says), "{says}: {}", error.1);
    }
    let spaced = transcribe(&service, &bucket, |o| o.stack = "my stack".to_owned()).await;
    let error = spaced.submit(&speech(&bucket, 60), TOKEN).await.unwrap_err();
    assert_eq!((error.kind(), error.get("stack")), (input, Some("my stack")));
}
