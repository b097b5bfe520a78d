//! Rekognition as the Rust SDK sees it.

use std::time::Duration;

use aws_sdk_rekognition::error::ProvideErrorMetadata;
use aws_sdk_rekognition::operation::start_label_detection::builders::StartLabelDetectionFluentBuilder;
use aws_sdk_rekognition::primitives::Blob;
use aws_sdk_rekognition::types::{
    Image, LabelDetectionAggregateBy, NotificationChannel, S3Object, SegmentType, TechnicalCueType,
    Video, VideoJobStatus as Status,
};
use serde_json::json;

use super::*;
use crate::media::MemoryMedia;
use crate::switches::Switches;
use crate::testing::{Heard, client, ffmpeg, serve_json, until, world};

struct Bench {
    client: aws_sdk_rekognition::Client,
    world: Arc<World>,
    media: Arc<MemoryMedia>,
    truth: Arc<Truth>,
    heard: Arc<Heard>,
}

async fn bench(factor: f64) -> Bench {
    let (world, heard) = (world(factor), Arc::new(Heard::default()));
    let (media, truth) = (Arc::new(MemoryMedia::default()), Arc::new(Truth::default()));
    let rekognition = Rekognition::new(
        Arc::clone(&world),
        Arc::clone(&media) as _,
        Arc::clone(&truth),
        Arc::clone(&heard) as _,
    );
    let url = serve_json(Arc::new(rekognition)).await;
    Bench { client: client!(aws_sdk_rekognition, url), world, media, truth, heard }
}

fn object(key: &str) -> S3Object {
    S3Object::builder().bucket("media").name(key).build()
}

fn video(key: &str) -> Video {
    Video::builder().s3_object(object(key)).build()
}

fn image(key: &str) -> Image {
    Image::builder().s3_object(object(key)).build()
}

const CLIP: &str = "-f lavfi -i testsrc=s=128x96:r=25:d=2 -pix_fmt yuv420p -c:v libx264";
const PICTURE: &str = "-f lavfi -i testsrc=s=128x96 -frames:v 1";

impl Bench {
    fn labels(&self, key: &str) -> StartLabelDetectionFluentBuilder {
        self.client.start_label_detection().video(video(key))
    }

    async fn status(&self, job: &str) -> Status {
        let job = self.client.get_label_detection().job_id(job).send().await.unwrap();
        job.job_status.unwrap()
    }

    async fn ended(&self, job: &str) -> Status {
        until(async || Some(self.status(job).await).filter(|s| *s != Status::InProgress)).await
    }
}

#[tokio::test]
async fn a_label_job_ends_in_its_time_and_tells_its_topic() {
    let bench = bench(1.0).await;
    let Some(clip) = ffmpeg(CLIP, "a.mp4").await else { return };
    bench.media.insert("media", "a.mp4", clip);
    let rain = json!({"name": "Rain", "confidence": 91.5, "parents": ["Weather"],
        "start_ms": 500, "end_ms": 1500,
        "instances": [{"box": {"left": 0.1, "top": 0.2, "width": 0.3, "height": 0.4}}]});
    let faint = json!({"name": "Fog", "confidence": 40});
    bench.truth.set("*", json!({"labels": [rain, faint]})).unwrap();
    let channel = NotificationChannel::builder().sns_topic_arn("arn:topic").role_arn("arn:role");
    let start = bench.labels("a.mp4").notification_channel(channel.build().unwrap());
    let start = start.job_tag("tag").client_request_token("token");
    let id = start.clone().send().await.unwrap().job_id.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(bench.status(&id).await, Status::InProgress);
    assert!(bench.heard.told().is_empty());
    bench.world.clock.advance(Duration::from_secs(2));
    assert_eq!(bench.ended(&id).await, Status::Succeeded);
    let told = bench.client.get_label_detection().job_id(&id).send().await.unwrap();
    let seen: Vec<_> = told.labels().iter().map(|label| label.timestamp).collect();
    assert_eq!(seen, [500, 1000]);
    let label = told.labels()[0].label.as_ref().unwrap();
    assert_eq!((label.name(), label.confidence), (Some("Rain"), Some(91.5)));
    assert_eq!(label.parents()[0].name(), Some("Weather"));
    let place = label.instances()[0].bounding_box.as_ref().unwrap();
    assert_eq!((place.left, place.width), (Some(0.1), Some(0.3)));
    let metadata = told.video_metadata.unwrap();
    assert_eq!((metadata.frame_width, metadata.frame_rate), (Some(128), Some(25.0)));
    assert_eq!(metadata.duration_millis, Some(2000));
    assert_eq!((metadata.codec(), metadata.format()), (Some("h264"), Some("QuickTime / MOV")));
    let by_segment = bench.client.get_label_detection().job_id(&id);
    let by_segment = by_segment.aggregate_by(LabelDetectionAggregateBy::Segments);
    let label = &by_segment.send().await.unwrap().labels.unwrap()[0];
    assert_eq!((label.start_timestamp_millis, label.end_timestamp_millis), (Some(500), Some(1500)));
    let heard = until(async || bench.heard.told().pop()).await;
    let message = &heard["message"];
    assert_eq!((&heard["topic"], &message["JobId"]), (&json!("arn:topic"), &json!(id)));
    assert_eq!(
        (&message["API"], &message["JobTag"]),
        (&json!("StartLabelDetection"), &json!("tag"))
    );
    assert_eq!(message["Video"], json!({"S3ObjectName": "a.mp4", "S3Bucket": "media"}));

    assert_eq!(start.clone().send().await.unwrap().job_id.unwrap(), id, "one token is one job");
    let other = start.min_confidence(70.0).send().await.unwrap_err().into_service_error();
    assert!(other.is_idempotent_parameter_mismatch_exception());
    let faces = bench.client.get_face_detection().job_id(&id).send().await.unwrap_err();
    assert!(faces.into_service_error().is_resource_not_found_exception(), "of another kind");
}

#[tokio::test]
async fn open_jobs_are_limited() {
    let bench = bench(1.0).await;
    let Some(clip) = ffmpeg(CLIP, "a.mp4").await else { return };
    bench.media.insert("media", "a.mp4", clip);
    bench.world.set_switches(Switches { rekognition_jobs: 2, ..Switches::default() });
    let first = bench.labels("a.mp4").client_request_token("first");
    let id = first.clone().send().await.unwrap().job_id.unwrap();
    bench.client.start_face_detection().video(video("a.mp4")).send().await.unwrap();
    let full = bench.labels("a.mp4").send().await.unwrap_err().into_service_error();
    assert!(full.is_limit_exceeded_exception());
    assert!(full.message().unwrap().contains("Maximum limit: 2"));
    assert_eq!(first.send().await.unwrap().job_id.unwrap(), id, "a known token takes no place");
    bench.world.clock.advance(Duration::from_secs(2));
    assert_eq!(bench.ended(&id).await, Status::Succeeded);
    bench.labels("a.mp4").send().await.unwrap();
}

#[tokio::test]
async fn hanging_jobs_keep_their_place() {
    let bench = bench(1000.0).await;
    let switches = Switches { hang_jobs: 1.0, rekognition_jobs: 1, ..Switches::default() };
    bench.world.set_switches(switches);
    bench.media.insert("media", "a.mp4", "never looked at");
    let id = bench.labels("a.mp4").send().await.unwrap().job_id.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(bench.status(&id).await, Status::InProgress);
    let full = bench.labels("a.mp4").send().await.unwrap_err().into_service_error();
    assert!(full.is_limit_exceeded_exception());
}

#[tokio::test]
async fn pages_follow_each_other_until_their_token_expires() {
    let bench = bench(1.0).await;
    let Some(clip) = ffmpeg(CLIP, "a.mp4").await else { return };
    bench.media.insert("media", "a.mp4", clip);
    let labels: Vec<_> = ["A", "B", "C"].map(|name| json!({"name": name})).into();
    bench.truth.set("*", json!({"labels": labels})).unwrap();
    let id = bench.labels("a.mp4").send().await.unwrap().job_id.unwrap();
    bench.world.clock.advance(Duration::from_secs(2));
    assert_eq!(bench.ended(&id).await, Status::Succeeded);
    let page = bench.client.get_label_detection().job_id(&id).max_results(5);
    let (mut seen, mut token) = (Vec::new(), None);
    loop {
        let told = page.clone().set_next_token(token.clone()).send().await.unwrap();
        assert!(told.labels().len() <= 5);
        seen.extend(told.labels.unwrap().into_iter().map(|l| l.label.unwrap().name.unwrap()));
        match told.next_token {
            Some(next) => token = Some(next),
            None => break,
        }
    }
    assert_eq!(seen.len(), 12, "three labels at four moments");
    assert_eq!(seen[..3], ["A", "B", "C"]);
    let bad = |token: String| page.clone().next_token(token).send();
    let unknown = bad("unknown".to_owned()).await.unwrap_err().into_service_error();
    assert!(unknown.is_invalid_pagination_token_exception());
    bench.world.clock.advance(Duration::from_secs(61));
    let late = bad(token.unwrap()).await.unwrap_err().into_service_error();
    assert!(late.is_invalid_pagination_token_exception());
}

#[tokio::test]
async fn shots_and_black_are_measured() {
    let bench = bench(1000.0).await;
    let parts = "-f lavfi -i color=red:s=128x96:r=25:d=3 -f lavfi -i color=white:s=128x96:r=25:d=2 \
        -f lavfi -i color=black:s=128x96:r=25:d=1 -f lavfi -i sine=d=6 \
        -filter_complex [0][1][2]concat=n=3[v] -map [v] -map 3 -pix_fmt yuv420p -c:v libx264";
    let Some(clip) = ffmpeg(parts, "cuts.mp4").await else { return };
    bench.media.insert("media", "cuts.mp4", clip);
    let start = bench.client.start_segment_detection().video(video("cuts.mp4"));
    let start = start.segment_types(SegmentType::Shot).segment_types(SegmentType::TechnicalCue);
    let id = start.send().await.unwrap().job_id.unwrap();
    let told = until(async || {
        let told = bench.client.get_segment_detection().job_id(&id).send().await.unwrap();
        (told.job_status != Some(Status::InProgress)).then_some(told)
    })
    .await;
    assert_eq!(told.job_status, Some(Status::Succeeded), "{:?}", told.status_message);
    let spans: Vec<_> = told
        .segments()
        .iter()
        .map(|s| {
            (s.r#type.clone().unwrap(), s.start_frame_number.unwrap(), s.end_frame_number.unwrap())
        })
        .collect();
    use SegmentType::{Shot, TechnicalCue};
    assert_eq!(spans, [(TechnicalCue, 125, 149), (Shot, 0, 74), (Shot, 75, 124), (Shot, 125, 149)]);
    let black = &told.segments()[0];
    assert_eq!(
        black.technical_cue_segment.as_ref().unwrap().r#type,
        Some(TechnicalCueType::BlackFrames)
    );
    assert_eq!(black.start_timecode_smpte(), Some("00:00:05:00"));
    assert_eq!((black.start_timestamp_millis, black.duration_millis), (5000, Some(960)));
    assert_eq!(told.audio_metadata()[0].codec(), Some("aac"));
    assert_eq!(told.selected_segment_types().len(), 2);
}

#[tokio::test]
async fn faces_text_celebrities_and_moderation_are_told_as_truth_says() {
    let bench = bench(1000.0).await;
    let Some(clip) = ffmpeg(CLIP, "a.mp4").await else { return };
    bench.media.insert("media", "a.mp4", clip);
    let truth = json!({
        "faces": [{"gender": "Female", "age": [20, 30], "end_ms": 600}],
        "text": [{"text": "TAKE 2", "start_ms": 1000}],
        "celebrities": [{"name": "Ada", "id": "1", "end_ms": 400}],
        "moderation": [{"name": "Weapons", "parent": "Violence", "start_ms": 1500}],
    });
    bench.truth.set("a.mp4", truth).unwrap();
    let client = &bench.client;
    macro_rules! run {
        ($start:expr, $get:ident) => {{
            let id = $start.video(video("a.mp4")).send().await.unwrap().job_id.unwrap();
            until(async || {
                let told = client.$get().job_id(&id).send().await.unwrap();
                (told.job_status != Some(Status::InProgress)).then_some(told)
            })
            .await
        }};
    }
    let all = aws_sdk_rekognition::types::FaceAttributes::All;
    let told = run!(client.start_face_detection().face_attributes(all), get_face_detection);
    let seen: Vec<_> = told.faces().iter().map(|face| face.timestamp).collect();
    assert_eq!(seen, [0, 500]);
    let face = told.faces()[0].face.as_ref().unwrap();
    assert_eq!(face.age_range.as_ref().unwrap().low, Some(20));
    assert_eq!(face.landmarks().len(), 5);
    let told = run!(client.start_text_detection(), get_text_detection);
    let seen: Vec<_> = told
        .text_detections()
        .iter()
        .map(|t| (t.timestamp, t.text_detection.as_ref().unwrap().detected_text().unwrap()))
        .collect();
    let each = |at| [(at, "TAKE 2"), (at, "TAKE"), (at, "2")];
    assert_eq!(seen, [each(1000), each(1500)].concat());
    let told = run!(client.start_celebrity_recognition(), get_celebrity_recognition);
    assert_eq!(told.celebrities()[0].celebrity.as_ref().unwrap().name(), Some("Ada"));
    let told = run!(client.start_content_moderation(), get_content_moderation);
    let label = told.moderation_labels()[0].moderation_label.as_ref().unwrap();
    assert_eq!((label.name(), label.parent_name()), (Some("Weapons"), Some("Violence")));
}

#[tokio::test]
async fn videos_the_service_does_not_take_are_refused() {
    let bench = bench(1000.0).await;
    let missing = bench.labels("none.mp4").send().await.unwrap_err().into_service_error();
    assert!(missing.is_invalid_s3_object_exception());
    bench.media.insert_claiming("media", "large.mp4", "", 10 * 1024 * 1024 * 1024 + 1);
    let large = bench.labels("large.mp4").send().await.unwrap_err().into_service_error();
    assert!(large.is_video_too_large_exception());
    let Some(other) = ffmpeg("-f lavfi -i testsrc=s=64x64:d=1 -c:v mpeg4", "a.mp4").await else {
        return;
    };
    bench.media.insert("media", "mpeg4.mp4", other);
    bench.media.insert("media", "text.mp4", "no video at all");
    for key in ["mpeg4.mp4", "text.mp4"] {
        let id = bench.labels(key).send().await.unwrap().job_id.unwrap();
        assert_eq!(bench.ended(&id).await, Status::Failed);
        let told = bench.client.get_label_detection().job_id(id).send().await.unwrap();
        assert_eq!(told.status_message(), Some("Unsupported codec/format"));
    }
}

#[tokio::test]
async fn pictures_are_held_to_their_limits() {
    let bench = bench(1.0).await;
    let Some(picture) = ffmpeg(PICTURE, "a.png").await else { return };
    let make = async |size: &str, name: &str| {
        ffmpeg(&format!("-f lavfi -i color=s={size} -frames:v 1"), name).await.unwrap()
    };
    bench.media.insert("media", "wide.jpg", make("10002x100", "a.jpg").await);
    bench.media.insert("media", "small.jpg", make("78x200", "a.jpg").await);
    bench.media.insert("media", "a.tiff", make("100x100", "a.tiff").await);
    bench.media.insert_claiming("media", "large.png", picture.clone(), 15 * 1024 * 1024 + 1);
    let code = async |key: &str| {
        let refused = bench.client.detect_labels().image(image(key)).send().await.unwrap_err();
        refused.code().unwrap().to_owned()
    };
    assert_eq!(code("none.jpg").await, "InvalidS3ObjectException");
    assert_eq!(code("wide.jpg").await, "ImageTooLargeException");
    assert_eq!(code("small.jpg").await, "InvalidParameterException");
    assert_eq!(code("a.tiff").await, "InvalidImageFormatException");
    assert_eq!(code("large.png").await, "ImageTooLargeException");
    bench
        .truth
        .set(
            "*",
            json!({"labels": [{"name": "Sky", "confidence": 60},
        {"name": "Tree", "confidence": 90}]}),
        )
        .unwrap();
    let inline = Image::builder().bytes(Blob::new(picture)).build();
    let told =
        bench.client.detect_labels().image(inline).min_confidence(50.0).send().await.unwrap();
    let seen: Vec<_> = told.labels().iter().map(|label| label.name().unwrap()).collect();
    assert_eq!(seen, ["Tree", "Sky"], "the surest first");
}

#[tokio::test]
async fn pictures_show_what_truth_says_and_else_nothing() {
    let bench = bench(1.0).await;
    let Some(picture) = ffmpeg(PICTURE, "a.png").await else { return };
    bench.media.insert("media", "a.png", picture.clone());
    bench.media.insert("media", "b.png", picture);
    let truth = json!({
        "faces": [{"smile": true, "emotions": ["HAPPY"]}],
        "text": [{"text": "ESTD 1882", "confidence": 94}],
        "celebrities": [{"name": "Ada", "id": "1", "urls": ["www.example.org"]}],
        "moderation": [{"name": "Weapons", "confidence": 80}],
    });
    bench.media.insert("media", "a.png.truth.json", truth.to_string());
    let client = &bench.client;
    let faces = client.detect_faces().image(image("a.png")).send().await.unwrap();
    assert!(faces.face_details()[0].smile.is_none(), "only when asked for");
    let text = client.detect_text().image(image("a.png")).send().await.unwrap();
    let parents: Vec<_> = text.text_detections().iter().map(|t| t.parent_id).collect();
    assert_eq!(parents, [None, Some(0), Some(0)]);
    let known = client.recognize_celebrities().image(image("a.png")).send().await.unwrap();
    assert_eq!(known.celebrity_faces()[0].name(), Some("Ada"));
    assert_eq!(known.unrecognized_faces().len(), 1);
    let unsafe_ = client.detect_moderation_labels().image(image("a.png"));
    assert_eq!(unsafe_.clone().send().await.unwrap().moderation_labels().len(), 1);
    let surer = unsafe_.min_confidence(90.0).send().await.unwrap();
    assert!(surer.moderation_labels().is_empty());
    let none = client.detect_faces().image(image("b.png")).send().await.unwrap();
    assert!(none.face_details().is_empty());
}

#[tokio::test]
async fn collections_find_a_person_again() {
    let bench = bench(1000.0).await;
    let Some(clip) = ffmpeg(CLIP, "a.mp4").await else { return };
    let picture = ffmpeg(PICTURE, "a.png").await.unwrap();
    for key in ["ada.png", "ada2.png", "bob.png", "empty.png"] {
        // Each its own bytes: the service knows a picture by them.
        bench.media.insert("media", key, [&picture[..], key.as_bytes()].concat());
    }
    bench.media.insert("media", "a.mp4", clip);
    let is = |face_id: &str| json!({"faces": [{"face_id": face_id}]});
    bench.truth.set("ada", is("ada")).unwrap();
    bench.truth.set("bob", is("bob")).unwrap();
    bench.truth.set("a.mp4", is("ada")).unwrap();
    let client = &bench.client;
    let create = || client.create_collection().collection_id("people").send();
    create().await.unwrap();
    let again = create().await.unwrap_err().into_service_error();
    assert!(again.is_resource_already_exists_exception());
    let index = async |key: &str| {
        let index = client.index_faces().collection_id("people").image(image(key));
        let told = index.external_image_id(key).send().await.unwrap();
        told.face_records()[0].face.clone().unwrap().face_id.unwrap()
    };
    let (ada, bob) = (index("ada.png").await, index("bob.png").await);
    assert_ne!(ada, bob);
    assert_eq!(index("ada.png").await, ada, "the same picture is kept once");
    let described = client.describe_collection().collection_id("people").send().await.unwrap();
    assert_eq!(described.face_count, Some(2));

    let search = |key| client.search_faces_by_image().collection_id("people").image(image(key));
    let told = search("ada2.png").send().await.unwrap();
    let found: Vec<_> = told.face_matches().iter().map(|m| m.face.as_ref().unwrap()).collect();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].face_id(), found[0].external_image_id()), (Some(&*ada), Some("ada.png")));
    let strict = search("ada2.png").face_match_threshold(99.5).send().await.unwrap();
    assert!(strict.face_matches().is_empty());
    let empty = search("empty.png").send().await.unwrap_err().into_service_error();
    assert!(empty.is_invalid_parameter_exception());
    let second = index("ada2.png").await;
    let like = client.search_faces().collection_id("people").face_id(&ada).send().await.unwrap();
    let like: Vec<_> = like.face_matches().iter().map(|m| m.face.as_ref().unwrap()).collect();
    assert_eq!(like.iter().map(|f| f.face_id()).collect::<Vec<_>>(), [Some(&*second)]);

    let start = client.start_face_search().video(video("a.mp4"));
    let nowhere = start.clone().collection_id("nobody").send().await.unwrap_err();
    assert!(nowhere.into_service_error().is_resource_not_found_exception());
    let id = start.collection_id("people").send().await.unwrap().job_id.unwrap();
    let told = until(async || {
        let told = client.get_face_search().job_id(&id).send().await.unwrap();
        (told.job_status == Some(Status::Succeeded)).then_some(told)
    })
    .await;
    assert_eq!(told.persons().len(), 4, "at four moments");
    assert_eq!(told.persons()[0].face_matches().len(), 2);

    let page = client.list_faces().collection_id("people").max_results(2).send().await.unwrap();
    assert_eq!((page.faces().len(), page.next_token.is_some()), (2, true));
    let delete = client.delete_faces().collection_id("people").face_ids(&bob).face_ids("none");
    let deleted = delete.send().await.unwrap();
    assert_eq!(deleted.deleted_faces(), [bob]);
    assert_eq!(deleted.unsuccessful_face_deletions().len(), 1);
    client.delete_collection().collection_id("people").send().await.unwrap();
    let gone = search("ada.png").send().await.unwrap_err().into_service_error();
    assert!(gone.is_resource_not_found_exception());
    assert!(client.list_collections().send().await.unwrap().collection_ids().is_empty());
}

#[tokio::test]
async fn faces_are_compared_by_truth() {
    let bench = bench(1.0).await;
    let Some(picture) = ffmpeg(PICTURE, "a.png").await else { return };
    bench.media.insert("media", "one.png", picture.clone());
    bench.media.insert("media", "two.png", picture);
    bench.truth.set("one", json!({"faces": [{"face_id": "ada"}]})).unwrap();
    let both = json!({"faces": [{"face_id": "bob"}, {"face_id": "ada", "confidence": 97}]});
    bench.truth.set("two", both).unwrap();
    let compare = bench.client.compare_faces().source_image(image("one.png"));
    let told = compare.target_image(image("two.png")).send().await.unwrap();
    assert_eq!((told.face_matches().len(), told.unmatched_faces().len()), (1, 1));
    assert_eq!(told.face_matches()[0].similarity, Some(97.0));
}

#[tokio::test]
async fn a_misspelt_truth_fails_the_job() {
    let bench = bench(1000.0).await;
    let Some(clip) = ffmpeg(CLIP, "a.mp4").await else { return };
    bench.media.insert("media", "a.mp4", clip);
    bench.media.insert("media", "a.mp4.truth.json", r#"{"lables": []}"#);
    let id = bench.labels("a.mp4").send().await.unwrap().job_id.unwrap();
    assert_eq!(bench.ended(&id).await, Status::Failed);
    let told = bench.client.get_label_detection().job_id(id).send().await.unwrap();
    assert!(told.status_message().unwrap().contains("a.mp4.truth.json is not a truth"));
}

#[tokio::test]
async fn what_is_not_emulated_is_told() {
    let bench = bench(1.0).await;
    let versioned = S3Object::builder().bucket("media").name("a.png").version("v1").build();
    let image = Image::builder().s3_object(versioned).build();
    let refused = bench.client.detect_faces().image(image).send().await.unwrap_err();
    assert_eq!(refused.code(), Some("NotEmulated"));
    assert!(refused.message().unwrap().contains("/Image/S3Object/Version"));
    let users = bench.client.create_user().collection_id("c").user_id("u").send().await;
    assert_eq!(users.unwrap_err().code(), Some("NotEmulated"));
}
