//! The transcoder and the prober against a server that answers as the service has answered.

use std::sync::Arc;

use emam_core::backend::{JobId, JobStatus, MediaSource, Prober, Transcoder};
use emam_core::clock::{Clock, ManualClock};
use emam_core::id::RunId;
use emam_core::model::{
    AssetKind, FieldOrder, Hdr, OutputSpec, PosterSpec, ProxySpec, Role, TimecodeSource,
};
use emam_core::time::Rate;
use serde_json::{Value, json};

use super::canned::Canned;
use super::settings::tests::{Named, client, job, stream, video};
use super::*;

const QUEUE: &str = "arn:aws:mediaconvert:us-east-1:1:queues/emam";

fn clock() -> ManualClock {
    ManualClock::starting_at("2026-11-23T10:00:00Z".parse().unwrap())
}

fn transcoder(server: &Canned, clock: ManualClock) -> MediaConvert {
    let mut options = Options::new("arn:aws:iam::1:role/mc", "media");
    options.queue = Some(QUEUE.to_owned());
    options.tags.insert("cost-center".to_owned(), "archive".to_owned());
    MediaConvert::new(client(&server.url), Arc::new(Named("proxies")), Arc::new(clock), options)
}

/// The token of an attempt that begins now, in the form the engine gives it.
fn token(clock: &ManualClock) -> String {
    let attempt = clock.new_uuid().simple().to_string();
    let run = RunId::new(clock).uuid().simple().to_string();
    format!("{run}-{}{}", &attempt[..12], &attempt[28..])
}

fn proxy() -> Vec<OutputSpec> {
    vec![OutputSpec::Proxy(ProxySpec::default())]
}

fn made(id: &str) -> (u16, &'static str, Value) {
    (201, "", json!({"job": {"id": id, "status": "SUBMITTED"}}))
}

fn listed(jobs: Value, next: Option<&str>) -> (u16, &'static str, Value) {
    (200, "", json!({"jobs": jobs, "nextToken": next}))
}

#[tokio::test]
async fn a_fresh_token_is_left_to_the_service() {
    let server = Canned::answering(vec![made("1-a"), made("1-b")]).await;
    let clock = clock();
    let (first, second) = (token(&clock), token(&clock));
    let transcoder = transcoder(&server, clock);
    let job = job(video(), proxy());
    assert_eq!(transcoder.submit(&job, &first).await.unwrap(), JobId("1-a".into()));
    transcoder.submit(&job, &second).await.unwrap();
    let asked = server.asked();
    let lines: Vec<_> = asked.iter().map(|(line, _)| line.as_str()).collect();
    assert_eq!(lines, ["POST /2017-08-29/jobs", "POST /2017-08-29/jobs"], "nothing is looked for");
    let body = &asked[0].1;
    assert_eq!(body["userMetadata"]["emam-token"], first.as_str());
    assert_eq!(body["userMetadata"]["emam-stack"], "media");
    assert_eq!(body["queue"], QUEUE);
    assert_eq!(body["tags"], json!({"cost-center": "archive"}));
    assert_eq!(body["billingTagsSource"], "JOB");
    assert_eq!(body["role"], "arn:aws:iam::1:role/mc");
    assert_eq!(body["accelerationSettings"], Value::Null);
    let sent = |number: usize| asked[number].1["clientRequestToken"].as_str().unwrap();
    assert!(sent(0).len() <= 64 && sent(0) != sent(1), "{} {}", sent(0), sent(1));
}

#[tokio::test]
async fn an_older_token_is_looked_for_until_it_began() {
    let clock = clock();
    let token = token(&clock);
    let begun = clock.now().as_second();
    clock.advance(Duration::from_secs(31));
    let of = |stack: &str, token: &str, id: &str, at: i64| {
        json!({"id": id, "createdAt": at,
               "userMetadata": {"emam-stack": stack, "emam-token": token}})
    };
    let other = of("media", "other", "9-z", begun + 5);
    let foreign = of("elsewhere", &token, "9-y", begun + 4);
    let ours = of("media", &token, "1-a", begun);
    let early = of("media", "earlier", "0-a", begun - 61);
    let server = Canned::answering(vec![
        listed(json!([other, foreign]), Some("next")),
        listed(json!([ours]), Some("more")),
        listed(json!([other, early]), Some("more")),
        made("1-b"),
    ])
    .await;
    let transcoder = transcoder(&server, clock);
    let job = job(video(), proxy());
    let found = transcoder.submit(&job, &token).await.unwrap();
    assert_eq!(found, JobId("1-a".into()));
    // Past the time it began nothing is looked for, and the job is made.
    assert_eq!(transcoder.submit(&job, &token).await.unwrap(), JobId("1-b".into()));
    let asked = server.asked();
    let lines: Vec<_> = asked.iter().map(|(line, _)| line.as_str()).collect();
    assert_eq!(lines.len(), 4, "{lines:?}");
    for part in ["order=DESCENDING", "maxResults=20", "queue=arn"] {
        assert!(lines[0].starts_with("GET ") && lines[0].contains(part), "{}", lines[0]);
    }
    assert!(lines[1].contains("nextToken=next"), "{}", lines[1]);
    assert_eq!(lines[3], "POST /2017-08-29/jobs");
}

#[tokio::test]
async fn refusals_are_told_with_their_code() {
    for (status, code, kind, retryable) in [
        (429, "TooManyRequestsException", ErrorKind::RateLimited, true),
        (403, "ForbiddenException", ErrorKind::PermissionDenied, false),
        (400, "BadRequestException", ErrorKind::InvalidInput, false),
        (500, "InternalServerErrorException", ErrorKind::Unavailable, true),
    ] {
        let server = Canned::answering(vec![(status, code, json!({"message": "so it is"}))]).await;
        let clock = clock();
        let token = token(&clock);
        let error = transcoder(&server, clock).submit(&job(video(), proxy()), &token).await;
        let error = error.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (kind, retryable), "{error}");
        assert_eq!((error.get("code"), error.get("said")), (Some(code), Some("so it is")));
        assert_eq!(server.asked().len(), 1, "the engine tries again, not this");
    }
}

#[tokio::test]
async fn jobs_are_told_as_they_are() {
    let answer = |job: Value| (200, "", json!({"job": job}));
    let failed = json!({"id": "1-a", "status": "ERROR", "errorCode": 1040,
                        "errorMessage": "cannot be read"});
    let server = Canned::answering(vec![
        answer(json!({"id": "1-a", "status": "SUBMITTED"})),
        answer(json!({"id": "1-a", "status": "PROGRESSING", "currentPhase": "TRANSCODING",
                      "jobPercentComplete": 50})),
        answer(json!({"id": "1-a", "status": "CANCELED"})),
        answer(json!({"id": "1-a", "status": "COMPLETE"})),
        answer(failed),
        (404, "NotFoundException", json!({"message": "no"})),
        (400, "BadRequestException", json!({"message": "no id"})),
    ])
    .await;
    let transcoder = transcoder(&server, clock());
    let id = JobId("1-a".into());
    let mut found = Vec::new();
    for _ in 0..5 {
        found.push(transcoder.poll(&id).await.unwrap());
    }
    assert!(matches!(found[0], JobStatus::Running { fraction: 0.0, .. }));
    assert!(matches!(found[1], JobStatus::Running { fraction, .. } if fraction == 0.49));
    assert!(matches!(found[2], JobStatus::Cancelled));
    assert!(matches!(found[3], JobStatus::Succeeded));
    let JobStatus::Failed(info) = &found[4] else { panic!("{:?}", found[4]) };
    assert_eq!(info.kind, ErrorKind::InvalidMedia);
    for _ in 0..2 {
        assert_eq!(transcoder.poll(&id).await.unwrap_err().kind(), ErrorKind::NotFound);
    }
}

#[tokio::test]
async fn a_recorded_job_is_read() {
    // From awsdocs/aws-doc-sdk-examples (7d1e123778), Apache-2.0.
    let recorded: Value = serde_json::from_str(include_str!("recorded/get-job.json")).unwrap();
    let mut done = recorded.clone();
    done["job"]["status"] = json!("COMPLETE");
    let server = Canned::answering(vec![(200, "", recorded), (200, "", done)]).await;
    let transcoder = transcoder(&server, clock());
    let id = JobId("1234567890123-abcdef".into());
    let status = transcoder.poll(&id).await.unwrap();
    assert!(matches!(status, JobStatus::Running { fraction: 0.0, .. }), "{status:?}");
    // Its outputs are in another bucket than ours, so it has made nothing of ours.
    let outputs = transcoder.outputs(&id).await.unwrap();
    assert!(outputs.files.is_empty() && outputs.audio_channels.is_empty());
}

#[tokio::test]
async fn ended_and_unknown_jobs_are_cancelled_at_once() {
    let server = Canned::answering(vec![
        (202, "", json!({})),
        (409, "ConflictException", json!({"message": "it has ended"})),
        (404, "NotFoundException", json!({"message": "no"})),
        (403, "ForbiddenException", json!({"message": "no"})),
    ])
    .await;
    let transcoder = transcoder(&server, clock());
    let id = JobId("1-a".into());
    for _ in 0..3 {
        transcoder.cancel(&id).await.unwrap();
    }
    assert_eq!(transcoder.cancel(&id).await.unwrap_err().kind(), ErrorKind::PermissionDenied);
}

#[tokio::test]
async fn outputs_are_listed_and_not_believed() {
    let outputs = vec![
        OutputSpec::Proxy(ProxySpec::default()),
        OutputSpec::Poster(PosterSpec::default()),
        OutputSpec::Thumbnail(ThumbnailSpec::default()),
        OutputSpec::Hls(Default::default()),
        OutputSpec::Captions(Default::default()),
    ];
    let technical =
        emam_core::model::Technical { audio: vec![stream(1, 6, Some("5.1"))], ..video() };
    // The settings come back as they were sent.
    let server = Canned::answering(vec![made("1-a")]).await;
    let clock = clock();
    let token = token(&clock);
    transcoder(&server, clock).submit(&job(technical, outputs), &token).await.unwrap();
    let sent = server.asked().remove(0).1;
    let mut known = json!({"job": {"id": "1-a", "status": "COMPLETE",
        "settings": sent["settings"], "userMetadata": sent["userMetadata"]}});
    let mut running = known.clone();
    running["job"]["status"] = json!("PROGRESSING");
    let mut without = known.clone();
    without["job"]["settings"]["outputGroups"][0]["outputGroupSettings"]["fileGroupSettings"] =
        json!({"destination": "s3://proxies/assets/7/v1/gone"});
    known["job"]["outputGroupDetails"] = json!([{"outputDetails": []}]);
    let answers = [known, running, without].map(|job| (200, "", job));
    let server = Canned::answering(answers.to_vec()).await;
    let transcoder = transcoder(&server, self::clock());
    let id = JobId("1-a".into());
    let found = transcoder.outputs(&id).await.unwrap();
    let files: Vec<_> = found
        .files
        .iter()
        .map(|file| (file.role, file.part, file.key.name(), file.media_type.as_str(), file.size))
        .collect();
    assert_eq!(
        files,
        [
            (Role::Proxy, 0, "proxy.mp4", "video/mp4", 7),
            (Role::Thumbnail, 0, "thumb.0000000.jpg", "image/jpeg", 7),
            (Role::Thumbnail, 1, "thumb.0000001.jpg", "image/jpeg", 7),
            (Role::Poster, 0, "poster.0000001.jpg", "image/jpeg", 7),
            (Role::Hls, 0, "master.m3u8", "application/vnd.apple.mpegurl", 7),
            (Role::Hls, 1, "master_360.m3u8", "application/vnd.apple.mpegurl", 7),
            (Role::Hls, 2, "master_360_00001.ts", "video/mp2t", 7),
        ]
    );
    assert_eq!(found.audio_channels, [0, 1, 0, 0, 0, 1]);
    let derivation = found.derivation.unwrap();
    assert_eq!((derivation.profile.as_str(), derivation.tool.as_str()), ("test", "mediaconvert"));
    let printed: Value = serde_json::from_str(&derivation.arguments[0]).unwrap();
    assert_eq!(printed, sent["settings"]);
    let unfinished = transcoder.outputs(&id).await.unwrap_err();
    assert_eq!(unfinished.kind(), ErrorKind::Conflict);
    let missing = transcoder.outputs(&id).await.unwrap_err();
    assert_eq!((missing.kind(), missing.get("output")), (ErrorKind::NotFound, Some("proxy")));
}

#[tokio::test]
async fn a_job_is_explained_without_credentials_or_network() {
    let server = Canned::answering(Vec::new()).await;
    let transcoder = transcoder(&server, clock());
    let text = transcoder.explain(&job(video(), proxy())).await.unwrap();
    let printed: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(printed["settings"]["inputs"][0]["fileInput"], "s3://originals/a/Take 1 🎬.mov");
    assert_eq!(printed["clientRequestToken"], Value::Null);
    assert_eq!(server.asked(), []);
    let mut elsewhere = job(video(), proxy());
    elsewhere.destination = Arc::new(Named("other"));
    let error = transcoder.explain(&elsewhere).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn media_that_has_nothing_for_the_profile_is_done_at_once() {
    let server = Canned::answering(Vec::new()).await;
    let transcoder = transcoder(&server, clock());
    let mut sound = video();
    (sound.kind, sound.video) = (AssetKind::Audio, Vec::new());
    let id = transcoder.submit(&job(sound, proxy()), "token").await.unwrap();
    assert!(matches!(transcoder.poll(&id).await.unwrap(), JobStatus::Succeeded));
    assert!(transcoder.outputs(&id).await.unwrap().files.is_empty());
    transcoder.cancel(&id).await.unwrap();
    assert_eq!(server.asked(), []);
}

#[tokio::test]
async fn a_template_is_given_its_input_and_its_places() {
    let group = |name: Option<&str>, kind: &str, outputs: Value| json!({"customName": name, "outputGroupSettings": {"type": kind}, "outputs": outputs});
    let mp4 = json!([{"containerSettings": {"container": "MP4"}, "nameModifier": "_720",
        "videoDescription": {"codecSettings": {"codec": "H_264"}}}]);
    let template = json!({"jobTemplate": {"name": "House", "settings": {
        "timecodeConfig": {"source": "EMBEDDED"},
        "inputs": [{"timecodeSource": "EMBEDDED", "audioSelectors": {"A": {"tracks": [2]}}}],
        "outputGroups": [
            group(None, "FILE_GROUP_SETTINGS", mp4.clone()),
            group(None, "FILE_GROUP_SETTINGS", mp4),
            group(None, "HLS_GROUP_SETTINGS", json!([{"nameModifier": "_a"}])),
            group(Some("captions"), "FILE_GROUP_SETTINGS", json!([{"extension": "vtt"}])),
        ],
    }}});
    let server = Canned::answering(vec![(200, "", template), made("1-a")]).await;
    let clock = clock();
    let token = token(&clock);
    let mut job = job(video(), Vec::new());
    job.profile.name = "template:House".to_owned();
    transcoder(&server, clock).submit(&job, &token).await.unwrap();
    let asked = server.asked();
    assert_eq!(asked[0].0, "GET /2017-08-29/jobTemplates/House");
    let settings = &asked[1].1["settings"];
    let input = &settings["inputs"][0];
    assert_eq!(input["fileInput"], "s3://originals/a/Take 1 🎬.mov");
    assert_eq!(input["audioSelectors"]["A"]["tracks"], json!([2]));
    let places: Vec<String> = settings["outputGroups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| {
            let of = &group["outputGroupSettings"];
            let place = of["fileGroupSettings"]["destination"].as_str();
            let place = place.or(of["hlsGroupSettings"]["destination"].as_str());
            place.unwrap().trim_start_matches("s3://proxies/assets/7/v1/").to_owned()
        })
        .collect();
    assert_eq!(places, ["proxy", "group-1/media", "hls/master", "captions"]);
}

#[tokio::test]
async fn a_profile_is_kept_as_a_template() {
    let conflict = (409, "ConflictException", json!({"message": "there is one"}));
    let server = Canned::answering(vec![conflict, (200, "", json!({}))]).await;
    let transcoder = transcoder(&server, clock());
    transcoder.put_template("Browse", &MediaConvert::profile()).await.unwrap();
    let asked = server.asked();
    assert_eq!(asked[0].0, "POST /2017-08-29/jobTemplates");
    assert_eq!(asked[1].0, "PUT /2017-08-29/jobTemplates/Browse");
    let settings = &asked[1].1["settings"];
    assert_eq!(*settings, asked[0].1["settings"]);
    assert_eq!(settings["inputs"][0]["audioSelectors"]["Audio 1"]["tracks"], json!([1]));
    let groups = settings["outputGroups"].as_array().unwrap();
    let names: Vec<_> = groups.iter().map(|group| &group["customName"]).collect();
    assert_eq!(names, ["proxy", "audio_proxy", "poster", "thumbnail"]);
    let picture = &groups[0]["outputs"][0]["videoDescription"];
    assert_eq!(picture["scalingBehavior"], "FIT_NO_UPSCALE");
    assert_eq!((&picture["width"], &picture["height"]), (&json!(960), &json!(540)));
}

fn source(name: &str) -> MediaSource {
    MediaSource {
        storage: Arc::new(Named("originals")),
        key: "a/b".parse().unwrap(),
        size: 77,
        file_name: name.into(),
    }
}

/// An answer in the form of the API reference of `Probe`.
fn probed() -> Value {
    json!({"probeResults": [{
        "container": {
            "format": "quicktime", "duration": 3.003, "bitRate": 9_000_000,
            "startTimecode": "01:00:00;00",
            "tracks": [
                {"index": 1, "trackType": "video", "codec": "HEVC", "duration": 3.003,
                 "videoProperties": {
                    "width": 1920, "height": 1080, "bitDepth": 10, "rotation": 90,
                    "frameRate": {"numerator": 30000, "denominator": 1001},
                    "sampleAspectRatio": {"numerator": 4, "denominator": 3},
                    "colorPrimaries": "ITU_2020", "transferCharacteristics": "SMPTE_2084",
                    "matrixCoefficients": "ITU_2020_NCL",
                    "codecMetadata": {"profile": "Main 10", "chromaSubsampling": "4:2:0",
                        "scanType": "Interlaced", "fieldOrder": "TopFieldFirst"}}},
                {"index": 2, "trackType": "audio", "codec": "PCM", "duration": 3.003,
                 "audioProperties": {"channels": 6, "sampleRate": 48000, "bitDepth": 24,
                    "channelLayout": "5.1", "languageCode": "eng"}},
                {"index": 3, "trackType": "data", "codec": "C608",
                 "dataProperties": {"languageCode": "und"}},
            ],
        },
        "metadata": {"eTag": "\"a\"", "fileSize": 77, "mimeType": "video/quicktime"},
    }]})
}

#[tokio::test]
async fn what_probe_tells_is_read() {
    let server = Canned::answering(vec![(200, "", probed())]).await;
    let prober = MediaConvertProber::new(client(&server.url), None);
    let found = prober.probe(&source("untitled")).await.unwrap();
    let asked = server.asked();
    assert_eq!(asked[0].1, json!({"inputFiles": [{"fileUrl": "s3://originals/a/b"}]}));
    assert_eq!(found.kind, AssetKind::Video);
    let container = &found.container;
    assert_eq!((container.format.as_str(), container.size), ("mov", 77));
    assert_eq!(container.duration.unwrap().to_micros().unwrap(), 3_003_000);
    let video = &found.video[0];
    assert_eq!((video.index, video.codec.as_str(), video.frames), (0, "hevc", Some(90)));
    assert_eq!((video.rate, video.rotation), (Some(Rate::FPS_29_97), 90));
    assert_eq!(video.shown_size(), (1080, 2560));
    let start = video.start_timecode.unwrap();
    assert_eq!((start.to_string().as_str(), start.drop_frame()), ("01:00:00;00", true));
    assert_eq!(video.timecode_source, TimecodeSource::TimecodeTrack);
    assert_eq!((video.hdr, video.field_order), (Some(Hdr::Pq), FieldOrder::TopFirst));
    assert_eq!(video.color.primaries.as_deref(), Some("bt2020"));
    assert_eq!((video.bit_depth, video.chroma.as_deref()), (Some(10), Some("4:2:0")));
    let audio = &found.audio[0];
    assert_eq!((audio.channels, audio.layout.as_deref(), audio.bits), (6, Some("5.1"), Some(24)));
    assert_eq!((audio.samples, audio.language.as_deref()), (Some(144_144), Some("eng")));
    assert_eq!((found.other[0].codec.as_str(), &found.other[0].language), ("eia_608", &None));
    assert_eq!(found.raw, probed(), "the reply is kept as it came");
}

#[derive(Debug)]
struct Other;

#[async_trait]
impl Prober for Other {
    async fn probe(&self, source: &MediaSource) -> Result<emam_core::model::Technical> {
        let mut found = video();
        found.prober = format!("asked about {}", source.file_name);
        Ok(found)
    }
}

#[tokio::test]
async fn what_probe_does_not_know_is_left_to_another() {
    let refused = (400, "BadRequestException", json!({"message": "unknown container"}));
    let empty = (200, "", json!({"probeResults": [{"container": {"tracks": []}}]}));
    let denied = (403, "ForbiddenException", json!({"message": "no"}));
    let answers =
        vec![refused.clone(), empty.clone(), refused.clone(), empty, denied.clone(), denied];
    let server = Canned::answering(answers).await;
    let alone = MediaConvertProber::new(client(&server.url), None);
    let both = MediaConvertProber::new(client(&server.url), Some(Arc::new(Other)));
    for _ in 0..2 {
        let error = alone.probe(&source("clip.mov")).await.unwrap_err();
        assert_eq!((error.kind(), error.get("file")), (ErrorKind::InvalidMedia, Some("clip.mov")));
    }
    for _ in 0..2 {
        let found = both.probe(&source("clip.mov")).await.unwrap();
        assert_eq!(found.prober, "asked about clip.mov");
    }
    for prober in [&alone, &both] {
        let error = prober.probe(&source("clip.mov")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "another would hide this");
    }
    let asked = server.asked().len();
    assert_eq!(both.probe(&source("a.JPG")).await.unwrap().prober, "asked about a.JPG");
    let error = alone.probe(&source("a.pdf")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(server.asked().len(), asked, "pictures and documents are not sent there");
}
