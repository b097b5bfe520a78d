//! What is sent to the service and how its answers are taken, with canned answers.

use std::sync::Arc;

use emam_core::backend::Storage;
use emam_core::memory::MemoryStorage;
use emam_core::model::{AssetKind, Picture};
use serde_json::Value;

use super::*;
use crate::canned::{Answered, Bucket, Canned, request, technical};

const TOKEN: &str = "0190a1b2c3d4e5f60718293a4b5c6d7e-0190a1b2c3d4abcd";

async fn analyzer(service: &Canned, change: impl FnOnce(&mut Options)) -> Rekognition {
    let mut options = Options::new("media");
    change(&mut options);
    Rekognition::new(Client::new(&service.config().await), options)
}

fn video(kinds: &[AnnotationKind]) -> AnalysisRequest {
    request(&Arc::default(), "a/v/proxy/x.mp4", technical(AssetKind::Video, 20), kinds)
}

fn still(kinds: &[AnnotationKind]) -> AnalysisRequest {
    request(&Arc::default(), "a/v/proxy/x.jpg", technical(AssetKind::Image, 0), kinds)
}

/// Answers each start with an id made of its token, as the service does: the same for the same.
fn begun(operation: &str, input: &Value) -> Answered {
    assert!(operation.starts_with("Start"), "{operation}");
    assert_eq!(input["ClientRequestToken"], input["JobTag"]);
    Ok(json!({ "JobId": format!("id of {}", input["ClientRequestToken"].as_str().unwrap()) }))
}

#[tokio::test]
async fn a_full_lane_is_told_at_once_and_nothing_is_begun_twice() {
    let service = Canned::start(|operation, input, before| match before {
        2 => Err((400, "LimitExceededException: User has 20 open Jobs. Maximum limit: 20")),
        _ => begun(operation, input),
    })
    .await;
    let analyzer = analyzer(&service, |_| {}).await;
    let all = video(&KINDS);
    let error = analyzer.submit(&all, TOKEN).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited, "{error}");
    assert!(error.is_retryable());
    assert_eq!(service.calls().len(), 3, "the SDK must not ask again by itself");

    let job = analyzer.submit(&all, TOKEN).await.unwrap();
    let calls = service.calls();
    let token = |at: usize| calls[at].1["ClientRequestToken"].as_str().unwrap();
    assert_eq!((token(0), token(1), token(2)), (token(3), token(4), token(5)));
    assert_eq!(calls.len(), 3 + 6, "seven kinds are six jobs: {:?}", service.operations());
    let object = json!({ "Bucket": "bucket", "Name": "a/v/proxy/x.mp4" });
    assert_eq!(calls[0].1["Video"]["S3Object"], object);
    assert_eq!(calls[0].1["ClientRequestToken"], format!("{TOKEN}-labels"));
    assert_eq!(analyzer.submit(&all, TOKEN).await.unwrap(), job);
}

#[tokio::test]
async fn the_end_is_told_where_it_was_asked_to_be_told() {
    let service = Canned::start(|operation, input, _| begun(operation, input)).await;
    let analyzer = analyzer(&service, |options| {
        let (topic_arn, role_arn) = ("arn:topic".to_owned(), "arn:role".to_owned());
        options.notification = Some(Notification { topic_arn, role_arn });
        options.collection = Some("people".to_owned());
    })
    .await;
    analyzer.submit(&video(&[AnnotationKind::Face]), TOKEN).await.unwrap();
    let (operation, input) = service.calls().remove(0);
    assert_eq!(operation, "StartFaceSearch");
    assert_eq!(input["CollectionId"], "people");
    let channel = json!({ "SNSTopicArn": "arn:topic", "RoleArn": "arn:role" });
    assert_eq!(input["NotificationChannel"], channel);
}

#[tokio::test]
async fn a_job_is_as_far_as_its_parts_and_fails_with_one() {
    let service = Canned::start(|operation, input, before| match operation {
        "GetLabelDetection" => Ok(json!({ "JobStatus": "SUCCEEDED", "Labels": [] })),
        "GetTextDetection" if before < 4 => Ok(json!({ "JobStatus": "IN_PROGRESS" })),
        "GetTextDetection" => {
            Ok(json!({ "JobStatus": "FAILED", "StatusMessage": "Unsupported codec/format" }))
        }
        _ => begun(operation, input),
    })
    .await;
    let analyzer = analyzer(&service, |_| {}).await;
    let kinds = [AnnotationKind::Label, AnnotationKind::Text];
    let job = analyzer.submit(&video(&kinds), TOKEN).await.unwrap();
    let status = analyzer.poll(&job).await.unwrap();
    let JobStatus::Running { fraction, .. } = status else { panic!("{status:?}") };
    assert!((fraction - 0.5).abs() < 1e-9);
    let status = analyzer.poll(&job).await.unwrap();
    let JobStatus::Failed(info) = status else { panic!("{status:?}") };
    assert_eq!(info.kind, ErrorKind::InvalidMedia);
    let said = info.context.iter().find(|(name, _)| name == "said").unwrap();
    assert_eq!(said.1, "Unsupported codec/format");
    analyzer.cancel(&job).await.unwrap();
}

#[tokio::test]
async fn a_forgotten_or_foreign_job_is_not_found() {
    let service = Canned::start(|operation, input, _| match operation {
        "GetLabelDetection" => Err((400, "ResourceNotFoundException: Could not find JobId")),
        _ => begun(operation, input),
    })
    .await;
    let analyzer = analyzer(&service, |_| {}).await;
    let job = analyzer.submit(&video(&[AnnotationKind::Label]), TOKEN).await.unwrap();
    for job in [job, JobId("never-submitted".to_owned()), JobId("{}".to_owned())] {
        assert_eq!(analyzer.poll(&job).await.unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(analyzer.findings(&job).await.unwrap_err().kind(), ErrorKind::NotFound);
    }
}

#[tokio::test]
async fn findings_are_read_to_the_last_page_though_a_token_grows_old() {
    let label = |at: i64, name: &str, percent: f64| {
        let label = json!({ "Name": name, "Confidence": percent, "Instances": [],
            "Parents": [{ "Name": "Weather" }], "Categories": [{ "Name": "Nature" }] });
        json!({ "Timestamp": at, "Label": label })
    };
    let service = Canned::start(move |operation, input, before| {
        if operation != "GetLabelDetection" {
            return begun(operation, input);
        }
        let model = json!({ "JobStatus": "SUCCEEDED", "LabelModelVersion": "3.0" });
        let page = |items: Value, next: Option<&str>| {
            let mut page = model.clone();
            page["Labels"] = items;
            page["NextToken"] = json!(next);
            Ok(page)
        };
        match (input["NextToken"].as_str(), before) {
            (None, _) => page(json!([label(0, "Rain", 90.0)]), Some("two")),
            (Some("two"), 2) => Err((400, "InvalidPaginationTokenException: too old")),
            (Some("two"), _) => page(json!([label(500, "Rain", 95.0)]), Some("three")),
            _ => page(json!([label(1_000, "Rain", 85.0), label(1_000, "Car", 60.0)]), None),
        }
    })
    .await;
    let analyzer = analyzer(&service, |_| {}).await;
    let job = analyzer.submit(&video(&[AnnotationKind::Label]), TOKEN).await.unwrap();
    let found = analyzer.findings(&job).await.unwrap().annotations;
    assert_eq!(service.calls().len(), 1 + 2 + 3);
    let spans: Vec<_> = found
        .iter()
        .map(|one| (one.name.as_str(), one.range.unwrap().start(), one.range.unwrap().end()))
        .collect();
    // 1500 ms at 25 frames a second are 37.5 frames.
    assert_eq!(spans, [("Rain", 0, 38), ("Car", 25, 38)]);
    assert_eq!(found[0].confidence, Some(0.95));
    assert_eq!(found[0].data, json!({ "parents": ["Weather"], "categories": ["Nature"] }));
    let Source::Service { name, model, run } = &found[0].source else { panic!() };
    assert_eq!(
        (name.as_str(), model.as_str(), run),
        ("rekognition", "LabelModelVersion/3.0", &None)
    );
}

#[tokio::test]
async fn a_name_given_late_is_found_with_every_face_like_it() {
    let service = Canned::start(|operation, input, _| match operation {
        "GetFaceSearch" => Ok(json!({ "JobStatus": "SUCCEEDED", "Persons": [
            { "Timestamp": 0, "Person": { "Index": 0, "Face": { "Confidence": 99.9,
                "BoundingBox": { "Left": 0.1, "Top": 0.1, "Width": 0.2, "Height": 0.2 } } },
              "FaceMatches": [{ "Similarity": 98.0, "Face": { "FaceId": "f1" } }] },
            { "Timestamp": 500, "Person": { "Index": 0, "Face": { "Confidence": 99.95 } } },
            { "Timestamp": 500, "Person": { "Index": 1, "Face": { "Confidence": 80.0 } } },
        ]})),
        "ListFaces" => Ok(json!({ "Faces": [
            { "FaceId": "f1", "UserId": "Ada_20Lovelace" }, { "FaceId": "f2" },
        ]})),
        _ => begun(operation, input),
    })
    .await;
    let analyzer = analyzer(&service, |o| o.collection = Some("people".to_owned())).await;
    let job = analyzer.submit(&video(&[AnnotationKind::Face]), TOKEN).await.unwrap();
    let found = analyzer.findings(&job).await.unwrap().annotations;
    let names: Vec<&str> = found.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["Ada Lovelace", "Face"]);
    assert_eq!(found[0].data["face_id"], "f1");
    assert_eq!(found[0].range.unwrap().end(), 25, "unrecognised moments of a person count");
    assert!(found[0].region.is_some());
}

#[tokio::test]
async fn naming_a_face_again_takes_the_old_name_away() {
    let service = Canned::start(|operation, _, _| match operation {
        "ListFaces" => Ok(json!({ "Faces": [{ "FaceId": "f1", "UserId": "Someone" }] })),
        "CreateUser" => Err((400, "ConflictException: the user exists")),
        "AssociateFaces" => Ok(json!({ "AssociatedFaces": [{ "FaceId": "f1" }] })),
        "DisassociateFaces" => Ok(json!({ "DisassociatedFaces": [{ "FaceId": "f1" }] })),
        other => panic!("{other}"),
    })
    .await;
    let faces = FaceCollection::new(Client::new(&service.config().await), "people");
    faces.name("f1", "Ada Lovelace").await.unwrap();
    let wanted = ["ListFaces", "DisassociateFaces", "CreateUser", "AssociateFaces"];
    assert_eq!(service.operations(), wanted);
    assert_eq!(service.calls()[1].1["UserId"], "Someone");
    assert_eq!(service.calls()[3].1["UserId"], "Ada_20Lovelace");
    faces.name("f1", "Someone").await.unwrap();
    assert_eq!(service.calls().len(), 5, "it has that name already");
}

#[tokio::test]
async fn a_face_unlike_the_others_of_a_name_is_a_conflict() {
    let service = Canned::start(|operation, _, _| match operation {
        "ListFaces" => Ok(json!({ "Faces": [{ "FaceId": "f1" }] })),
        "AssociateFaces" => Ok(json!({ "UnsuccessfulFaceAssociations": [
            { "FaceId": "f1", "Confidence": 12.0, "Reasons": ["LOW_MATCH_CONFIDENCE"] }] })),
        _ => Ok(json!({})),
    })
    .await;
    let faces = FaceCollection::new(Client::new(&service.config().await), "people");
    let error = faces.name("f1", "Ada").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert_eq!(error.get("reasons"), Some("LOW_MATCH_CONFIDENCE"));
}

#[tokio::test]
async fn a_still_is_looked_at_when_its_findings_are_fetched() {
    let service = Canned::start(|operation, input, _| {
        assert_eq!(input["Image"]["S3Object"]["Name"], "a/v/proxy/x.jpg");
        match operation {
            "DetectLabels" => Ok(json!({ "LabelModelVersion": "3.0", "Labels": [
                { "Name": "Cat", "Confidence": 97.5, "Instances": [{ "BoundingBox":
                    { "Left": 0.25, "Top": 0.0, "Width": 0.5, "Height": 1.0 } }] }] })),
            "RecognizeCelebrities" => Ok(json!({ "CelebrityFaces": [
                { "Name": "Ada", "Id": "3x", "MatchConfidence": 100.0, "Urls": [],
                  "Face": { "BoundingBox":
                      { "Left": 0.1, "Top": 0.1, "Width": 0.2, "Height": 0.2 } } }] })),
            other => panic!("{other}"),
        }
    })
    .await;
    let analyzer = analyzer(&service, |_| {}).await;
    let kinds = [AnnotationKind::Label, AnnotationKind::Shot, AnnotationKind::Celebrity];
    let job = analyzer.submit(&still(&kinds), TOKEN).await.unwrap();
    assert!(matches!(analyzer.poll(&job).await.unwrap(), JobStatus::Succeeded));
    assert_eq!(service.calls().len(), 0, "nothing is paid for before");
    let found = analyzer.findings(&job).await.unwrap().annotations;
    let names: Vec<_> = found.iter().map(|one| (one.name.as_str(), one.range)).collect();
    assert_eq!(names, [("Cat", None), ("Ada", None)]);
    assert!(found.iter().all(|one| one.region.is_some()));
}

#[tokio::test]
async fn what_the_service_does_not_take_is_refused_before_it_is_asked() {
    let service = Canned::start(|operation, _, _| panic!("{operation}")).await;
    let analyzer = analyzer(&service, |_| {}).await;
    let label = [AnnotationKind::Label];
    let refused = async |change: &dyn Fn(&mut AnalysisRequest), mut request: AnalysisRequest| {
        change(&mut request);
        let error = analyzer.submit(&request, TOKEN).await.unwrap_err();
        assert!(!error.is_retryable(), "{error}");
        (error.kind(), error.to_string())
    };
    let key =
        |key: &'static str| move |r: &mut AnalysisRequest| r.source.key = key.parse().unwrap();
    let picture = |width| {
        move |r: &mut AnalysisRequest| {
            r.technical.container.size = r.source.size;
            let (height, orientation) = (500, 1);
            let picture = Picture { width, height, bit_depth: None, alpha: false, orientation };
            r.technical.picture = Some(picture);
        }
    };
    let bytes = |size| move |r: &mut AnalysisRequest| r.source.size = size;
    let seconds = |s: i64| {
        move |r: &mut AnalysisRequest| {
            r.technical.container.duration = technical(AssetKind::Video, s).container.duration;
        }
    };
    let (still, video) = (still(&label), video(&label));
    let media = ErrorKind::InvalidMedia;
    for (kind, says, error) in [
        (media, "JPEG and PNG", refused(&key("x/y.tif"), still.clone()).await),
        (media, "15 MB", refused(&bytes(15 * 1024 * 1024 + 1), still.clone()).await),
        (media, "80 to 10000", refused(&picture(10_001), still.clone()).await),
        (media, "80 to 10000", refused(&picture(79), still).await),
        (media, "MP4, MOV", refused(&key("x/y.mxf"), video.clone()).await),
        (media, "10 GB", refused(&bytes(10 * 1024 * 1024 * 1024 + 1), video.clone()).await),
        (media, "6 hours", refused(&seconds(6 * 3_600 + 1), video.clone()).await),
        (
            ErrorKind::Unsupported,
            "bucket",
            refused(
                &|r| r.source.storage = Arc::new(MemoryStorage::new()) as Arc<dyn Storage>,
                video.clone(),
            )
            .await,
        ),
        (
            ErrorKind::Unsupported,
            "neither",
            refused(&|r| r.technical.kind = AssetKind::Audio, video.clone()).await,
        ),
        (
            ErrorKind::Unsupported,
            "kind",
            refused(&|r| r.kinds.push(AnnotationKind::Speech), video).await,
        ),
    ] {
        assert_eq!(error.0, kind, "{}", error.1);
        assert!(error.1.contains(says), "{says}: {}", error.1);
    }
}

#[tokio::test]
async fn an_image_the_service_finds_too_large_is_bad_media() {
    let service = Canned::start(|_, _, _| {
        Err((400, "ImageTooLargeException: Image dimensions are too large"))
    })
    .await;
    let analyzer = analyzer(&service, |_| {}).await;
    let job = analyzer.submit(&still(&[AnnotationKind::Text]), TOKEN).await.unwrap();
    let error = analyzer.findings(&job).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidMedia, "{error}");
    assert_eq!(error.get("code"), Some("ImageTooLargeException"));
}

#[test]
fn a_bucket_of_the_tests_is_one() {
    let key = "a/b c.mp4".parse().unwrap();
    let uri = S3Uri::of("test", &Bucket::default(), &key).unwrap();
    assert_eq!((uri.bucket.as_str(), uri.key.as_str()), ("bucket", "a/b c.mp4"));
    assert_eq!(uri.to_string(), "s3://bucket/a/b c.mp4");
}
