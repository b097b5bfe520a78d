//! A job on a real S3. Runs where `EMAM_AWS_S3_PLAIN` names an endpoint (and `EMAM_AWS_MINISTACK` one of
//! SQS, if events are to be seen too); both take the keys `test` and `testsecret`.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use emam_awsim::account;
use emam_awsim::library::{Options, start};
use emam_awsim::service::Service;
use emam_test_support::skip;
use serde_json::{Value, json};

fn make_clip(path: &Path) {
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=4"])
        .args(["-f", "lavfi", "-i", "sine=440:d=4", "-c:v", "libx264", "-preset", "ultrafast"])
        .args(["-pix_fmt", "yuv420p", "-timecode", "01:00:00:00", "-c:a", "aac"])
        .arg(path)
        .status()
        .expect("ffmpeg");
    assert!(made.success());
}

fn job(bucket: &str) -> Value {
    let h264 = json!({"codec": "H_264", "h264Settings": {
        "rateControlMode": "QVBR", "maxBitrate": 1_000_000, "qvbrSettings": {"qvbrQualityLevel": 7},
        "gopSize": 1.0, "gopSizeUnits": "SECONDS"}});
    let aac = json!({"audioSourceName": "Audio Selector 1", "codecSettings": {
        "codec": "AAC", "aacSettings": {
            "bitrate": 96000, "codingMode": "CODING_MODE_2_0", "sampleRate": 48000}}});
    let frames = json!({"codec": "FRAME_CAPTURE", "frameCaptureSettings": {
        "framerateNumerator": 1, "framerateDenominator": 2, "maxCaptures": 5}});
    let files = |name: &str, output: Value| {
        json!({
        "outputGroupSettings": {
            "type": "FILE_GROUP_SETTINGS",
            "fileGroupSettings": {"destination": format!("s3://{bucket}/out/{name}")}},
        "outputs": [output]})
    };
    let hls = json!({
        "outputGroupSettings": {
            "type": "HLS_GROUP_SETTINGS",
            "hlsGroupSettings": {
                "destination": format!("s3://{bucket}/out/hls/main"),
                "segmentLength": 2, "minSegmentLength": 0}},
        "outputs": [{
            "nameModifier": "_180", "containerSettings": {"container": "M3U8"},
            "videoDescription": {"codecSettings": h264}, "audioDescriptions": [aac]}]});
    json!({
    "role": "arn:aws:iam::111122223333:role/media",
    "userMetadata": {"emam-job": "7"},
    "settings": {
        "timecodeConfig": {"source": "EMBEDDED"},
        "inputs": [{
            "fileInput": format!("s3://{bucket}/in/clip one.mov"),
            "timecodeSource": "EMBEDDED",
            "audioSelectors": {"Audio Selector 1": {"defaultSelection": "DEFAULT"}}}],
        "outputGroups": [
            files("video", json!({
                "nameModifier": "_proxy", "containerSettings": {"container": "MP4"},
                "videoDescription": {
                    "height": 90, "timecodeTrack": "ENABLED", "codecSettings": h264},
                "audioDescriptions": [aac]})),
            files("thumb", json!({
                "containerSettings": {"container": "RAW"},
                "videoDescription": {"width": 160, "codecSettings": frames}})),
            hls,
        ]}})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_transcodes_from_and_to_s3() {
    let Ok(endpoint) = std::env::var("EMAM_AWS_S3_PLAIN") else {
        return skip("a_job_transcodes_from_and_to_s3: EMAM_AWS_S3_PLAIN names no endpoint");
    };
    let s3 = account::s3(&endpoint);
    let bucket = format!("awsim-{}", account::unique());
    s3.create_bucket().bucket(&bucket).send().await.expect("a bucket");
    let folder = tempfile::tempdir().expect("a folder");
    let clip = folder.path().join("clip.mov");
    make_clip(&clip);
    let body = std::fs::read(&clip).expect("the clip").into();
    s3.put_object().bucket(&bucket).key("in/clip one.mov").body(body).send().await.expect("stored");

    let mut options = Options::on(&endpoint);
    let sqs = std::env::var("EMAM_AWS_MINISTACK").ok();
    if let Some(endpoint) = &sqs {
        let created = account::sqs(endpoint).create_queue().queue_name(&bucket).send().await;
        options.sqs.clone_from(endpoint);
        options.events_queue = created.expect("a queue").queue_url;
    }
    let queue = options.events_queue.clone();
    let handle = start(options).await.expect("an emulator");
    let service = handle.server.services.mediaconvert.as_ref().expect("MediaConvert");

    let input = json!({"inputFiles": [{"fileUrl": format!("s3://{bucket}/in/clip one.mov")}]});
    let probed = service.call("Probe", input).await.expect("probed");
    handle.server.models.mediaconvert.check_answer("Probe", &probed).expect("the real shape");
    let container = &probed["probeResults"][0]["container"];
    assert_eq!(container["startTimecode"], "01:00:00:00");
    assert_eq!(
        container["tracks"][0]["videoProperties"]["frameRate"],
        json!({"numerator": 25, "denominator": 1})
    );

    let job = finished(service.as_ref(), job(&bucket)).await;
    assert_eq!((&job["status"], &job["errorMessage"]), (&json!("COMPLETE"), &Value::Null));
    handle
        .server
        .models
        .mediaconvert
        .check_answer("GetJob", &json!({"job": job}))
        .expect("the real shape");

    let listed = s3.list_objects_v2().bucket(&bucket).prefix("out/").send().await.expect("a list");
    let keys: Vec<&str> = listed.contents().iter().filter_map(|object| object.key()).collect();
    let expected = [
        "out/hls/main.m3u8",
        "out/hls/main_180.m3u8",
        "out/hls/main_180_00001.ts",
        "out/hls/main_180_00002.ts",
        "out/thumb.0000000.jpg",
        "out/thumb.0000001.jpg",
        "out/video_proxy.mp4",
    ];
    assert_eq!(keys, expected);
    let proxy =
        s3.get_object().bucket(&bucket).key("out/video_proxy.mp4").send().await.expect("it");
    let proxy = proxy.body.collect().await.expect("bytes").into_bytes();
    let path = folder.path().join("proxy.mp4");
    std::fs::write(&path, proxy).expect("written");
    let told = Command::new("ffprobe")
        .args(["-v", "error", "-of", "csv=p=0", "-show_entries"])
        .arg("stream=codec_name,width,height,nb_frames:stream_tags=timecode")
        .arg(&path)
        .output()
        .expect("ffprobe");
    let told = String::from_utf8(told.stdout).expect("text");
    assert!(told.starts_with("h264,160,90,100,01:00:00:00\naac,"), "{told}");

    let gone = finished(service.as_ref(), {
        let mut job = self::job(&bucket);
        job["settings"]["inputs"][0]["fileInput"] = json!(format!("s3://{bucket}/in/none.mov"));
        job
    });
    assert_eq!(gone.await["errorCode"], 1404);

    let (Some(endpoint), Some(queue)) = (sqs, queue) else {
        return skip(
            "the events of a_job_transcodes_from_and_to_s3: EMAM_AWS_MINISTACK names no endpoint",
        );
    };
    let mut statuses = Vec::new();
    let sqs = account::sqs(&endpoint);
    while statuses.len() < 5 {
        let received = sqs.receive_message().queue_url(&queue).wait_time_seconds(5).send().await;
        let received = received.expect("messages");
        let Some(message) = received.messages().first() else { break };
        let body: Value = serde_json::from_str(message.body().expect("a body")).expect("JSON");
        assert_eq!(body["detail"]["userMetadata"], json!({"emam-job": "7"}));
        statuses.push(body["detail"]["status"].as_str().expect("a status").to_owned());
        let handle = message.receipt_handle().expect("a handle");
        sqs.delete_message()
            .queue_url(&queue)
            .receipt_handle(handle)
            .send()
            .await
            .expect("deleted");
    }
    assert_eq!(statuses, ["PROGRESSING", "INPUT_INFORMATION", "COMPLETE", "PROGRESSING", "ERROR"]);
}

async fn finished(service: &dyn Service, job: Value) -> Value {
    let made = service.call("CreateJob", job).await.expect("a job");
    let id = made["job"]["id"].clone();
    for _ in 0..1200 {
        let job = service.call("GetJob", json!({"id": id})).await.expect("the job")["job"].take();
        if !matches!(job["status"].as_str(), Some("SUBMITTED" | "PROGRESSING")) {
            return job;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the job {id} does not end");
}
