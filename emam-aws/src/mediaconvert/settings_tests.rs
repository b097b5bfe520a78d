//! What is asked of MediaConvert for media of every sort, as it goes over the wire.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_mediaconvert::config::{BehaviorVersion, Config};
use bytes::Bytes;
use emam_core::backend::{
    CopyOptions, GetOptions, Key, MediaSource, Object, Outcome, Part, PresignRequest, Presigned,
    PutFileOptions, PutOptions, Stat, StorageCapabilities, Upload,
};
use emam_core::model::{
    AspectRatio, AudioProxySpec, AudioStream, Color, Container, Corner, FieldOrder, Page,
    PageRequest, TimecodeSource as Told, VideoStream,
};
use emam_core::time::{MediaTime, Rate, Timecode};
use serde_json::{Value, json};

use super::super::{MediaConvert, wire};
use super::*;

/// A bucket that can be named and not read.
#[derive(Debug)]
pub(crate) struct Named(pub(crate) &'static str);

fn none<T>() -> Result<T> {
    Err(Error::new(ErrorKind::Unsupported, "storage", "this bucket is a name"))
}

#[async_trait]
impl Storage for Named {
    fn capabilities(&self) -> StorageCapabilities {
        let presign = false;
        StorageCapabilities { presign, parts_at_once: 1, verifies: false, local_paths: false }
    }

    async fn put(&self, _: &Key, _: Bytes, _: PutOptions) -> Result<Stat> {
        none()
    }

    async fn put_file(&self, _: &Key, _: &Path, _: PutFileOptions) -> Result<Stat> {
        none()
    }

    async fn get(&self, _: &Key, _: GetOptions) -> Result<Object> {
        none()
    }

    async fn stat(&self, key: &Key) -> Result<Stat> {
        Ok(Stat::new(key.clone(), 1))
    }

    async fn list(&self, prefix: Option<&Key>, _: PageRequest) -> Result<Page<Stat>> {
        let Some(prefix) = prefix else { return none() };
        let names = [
            "proxy.mp4",
            "poster.0000000.jpg",
            "poster.0000001.jpg",
            "thumbnails/thumb.0000000.jpg",
            "thumbnails/thumb.0000001.jpg",
            "hls/master.m3u8",
            "hls/master_360.m3u8",
            "hls/master_360_00001.ts",
            "foreign.mp4",
        ];
        let items = names.iter().map(|name| Ok(Stat::new(prefix.join(name)?, 7)));
        Ok(Page { items: items.collect::<Result<_>>()?, next: None })
    }

    async fn copy(&self, _: &Key, _: &Key, _: CopyOptions) -> Result<Stat> {
        none()
    }

    async fn delete(&self, _: &[Key]) -> Result<Vec<Outcome>> {
        Ok(Vec::new())
    }

    async fn presign(&self, _: PresignRequest) -> Result<Presigned> {
        none()
    }

    fn part_size(&self, _: u64) -> usize {
        1
    }

    fn part_checksum(&self, _: &[u8]) -> Option<String> {
        None
    }

    async fn upload_begin(&self, _: &Key, _: PutOptions) -> Result<Upload> {
        none()
    }

    async fn upload_part(&self, _: &Upload, _: u32, _: Bytes) -> Result<Part> {
        none()
    }

    async fn uploads(&self, _: &Key) -> Result<Vec<Upload>> {
        none()
    }

    async fn upload_parts(&self, _: &Upload) -> Result<Vec<Part>> {
        none()
    }

    async fn upload_complete(&self, _: &Upload) -> Result<Stat> {
        none()
    }

    async fn upload_abort(&self, _: &Upload) -> Result<()> {
        none()
    }

    fn local_path(&self, _: &Key) -> Option<PathBuf> {
        None
    }

    fn uri(&self, key: &Key) -> Option<String> {
        (!self.0.is_empty()).then(|| format!("s3://{}/{key}", self.0))
    }
}

/// An audio stream.
pub(crate) fn stream(index: u32, channels: u32, layout: Option<&str>) -> AudioStream {
    AudioStream {
        index,
        codec: "pcm_s24le".into(),
        profile: None,
        sample_rate: 48_000,
        bits: Some(24),
        channels,
        layout: layout.map(str::to_owned),
        language: None,
        samples: Some(48_000),
        bit_rate: None,
    }
}

/// A minute of 1080p at 25 frames a second without sound.
pub(crate) fn video() -> Technical {
    Technical {
        kind: AssetKind::Video,
        container: Container {
            duration: Some(MediaTime::new(1_500, Rate::FPS_25)),
            ..Container::default()
        },
        video: vec![VideoStream {
            index: 0,
            codec: "h264".into(),
            profile: None,
            width: 1920,
            height: 1080,
            pixel_aspect: AspectRatio::SQUARE,
            rotation: 0,
            rate: Some(Rate::FPS_25),
            average_rate: None,
            variable_rate: false,
            frames: Some(1_500),
            start_timecode: None,
            timecode_source: Told::None,
            bit_depth: Some(8),
            chroma: None,
            color: Color::default(),
            hdr: None,
            field_order: FieldOrder::Progressive,
            alpha: false,
            bit_rate: None,
        }],
        audio: Vec::new(),
        other: Vec::new(),
        picture: None,
        exif: None,
        prober: String::new(),
        raw: Value::Null,
    }
}

/// A job for `technical`, from one bucket to another.
pub(crate) fn job(technical: Technical, outputs: Vec<OutputSpec>) -> TranscodeJob {
    TranscodeJob {
        source: MediaSource {
            storage: Arc::new(Named("originals")),
            key: "a/Take 1 🎬.mov".parse().unwrap(),
            size: 1,
            file_name: "Take 1 🎬.mov".into(),
        },
        technical,
        profile: Profile { name: "test".into(), outputs, findings: Vec::new() },
        destination: Arc::new(Named("proxies")),
        prefix: "assets/7/v1".parse().unwrap(),
    }
}

/// A client of a server without certificates.
pub(crate) fn client(endpoint: &str) -> aws_sdk_mediaconvert::Client {
    use aws_sdk_mediaconvert::config::{Credentials, Region};
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "testsecret", None, None, "test"))
        .retry_config(aws_sdk_mediaconvert::config::retry::RetryConfig::disabled())
        .endpoint_url(endpoint)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    aws_sdk_mediaconvert::Client::from_conf(config)
}

fn options() -> Options {
    Options::new("arn:aws:iam::1:role/mc", "stack")
}

fn compiled(technical: Technical, outputs: Vec<OutputSpec>) -> Compiled {
    compile(&job(technical, outputs), &options(), &BTreeMap::new()).unwrap()
}

async fn wired(compiled: Compiled) -> Value {
    let client = client("http://localhost:1");
    let body = wire::json(client.create_job().settings(compiled.settings)).await.unwrap();
    body["settings"].clone()
}

fn proxy() -> OutputSpec {
    OutputSpec::Proxy(ProxySpec::default())
}

#[tokio::test]
async fn a_proxy_is_what_a_proxy_has_to_be() {
    let settings = wired(compiled(video(), vec![proxy()])).await;
    let expected = json!({
        "timecodeConfig": {"source": "ZEROBASED"},
        "inputs": [{
            "fileInput": "s3://originals/a/Take 1 🎬.mov",
            "timecodeSource": "ZEROBASED",
            "videoSelector": {"rotate": "AUTO", "colorSpace": "FOLLOW"},
        }],
        "outputGroups": [{
            "name": "File Group",
            "customName": "proxy",
            "outputGroupSettings": {
                "type": "FILE_GROUP_SETTINGS",
                "fileGroupSettings": {"destination": "s3://proxies/assets/7/v1/proxy"},
            },
            "outputs": [{
                "containerSettings": {
                    "container": "MP4",
                    "mp4Settings": {"moovPlacement": "PROGRESSIVE_DOWNLOAD"},
                },
                "extension": "mp4",
                "videoDescription": {
                    "width": 960,
                    "height": 540,
                    "scalingBehavior": "STRETCH_TO_OUTPUT",
                    "codecSettings": {
                        "codec": "H_264",
                        "h264Settings": {
                            "codecProfile": "HIGH",
                            "rateControlMode": "QVBR",
                            "qvbrSettings": {"qvbrQualityLevel": 7},
                            "maxBitrate": 3_240_000,
                            "qualityTuningLevel": "SINGLE_PASS",
                            "gopSize": 2.0,
                            "gopSizeUnits": "SECONDS",
                            "gopClosedCadence": 1,
                            "sceneChangeDetect": "DISABLED",
                            "interlaceMode": "PROGRESSIVE",
                            "parControl": "SPECIFIED",
                            "parNumerator": 1,
                            "parDenominator": 1,
                            "framerateControl": "INITIALIZE_FROM_SOURCE",
                        },
                    },
                },
            }],
        }],
    });
    // Media without sound has no audio descriptions: with one the job would fail.
    assert_eq!(settings, expected);
}

#[tokio::test]
async fn surround_is_heard_in_stereo() {
    let technical = Technical { audio: vec![stream(1, 6, Some("5.1"))], ..video() };
    let compiled = compiled(technical, vec![proxy()]);
    assert_eq!(compiled.channels, [0, 1, 0, 0, 0, 1]);
    let settings = wired(compiled).await;
    assert_eq!(
        settings["inputs"][0]["audioSelectors"],
        json!({"Audio 1": {"defaultSelection": "DEFAULT", "selectorType": "TRACK", "tracks": [1]}})
    );
    let sound = &settings["outputGroups"][0]["outputs"][0]["audioDescriptions"];
    let expected = json!([{
        "audioSourceName": "Audio 1",
        "languageCodeControl": "FOLLOW_INPUT",
        "codecSettings": {"codec": "AAC", "aacSettings": {
            "bitrate": 128_000,
            "codecProfile": "LC",
            "codingMode": "CODING_MODE_2_0",
            "rateControlMode": "CBR",
            "sampleRate": 48_000,
        }},
        "remixSettings": {"channelsIn": 6, "channelsOut": 2, "channelMapping": {"outputChannels": [
            {"inputChannels": [0, -60, -3, -60, -3, -60]},
            {"inputChannels": [-60, 0, -3, -60, -60, -3]},
        ]}},
    }]);
    assert_eq!(*sound, expected);
}

#[tokio::test]
async fn mono_tracks_are_paired_and_all_kept() {
    let audio = (1..=3).map(|index| stream(index, 1, None)).collect();
    let technical = Technical { audio, ..video() };
    let outputs = vec![
        proxy(),
        OutputSpec::AudioProxy(AudioProxySpec { of_video: true, ..AudioProxySpec::default() }),
        OutputSpec::Mezzanine(MezzanineSpec::default()),
    ];
    let compiled = compiled(technical, outputs);
    assert_eq!(compiled.channels, [0, 1, 2], "the channels of the proxy, not of the audio proxy");
    let settings = wired(compiled).await;
    let selectors = settings["inputs"][0]["audioSelectors"].as_object().unwrap();
    let mut names: Vec<_> = selectors.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["Audio 1", "Audio 1+2", "Audio 1+2+3", "Audio 2", "Audio 3"]);
    let of = |group: usize| {
        let sound = &settings["outputGroups"][group]["outputs"][0]["audioDescriptions"];
        let names = sound.as_array().unwrap().iter();
        names.map(|one| one["audioSourceName"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(of(0), ["Audio 1+2", "Audio 3"]);
    assert_eq!(of(1), ["Audio 1+2+3"]);
    assert_eq!(of(2), ["Audio 1", "Audio 2", "Audio 3"], "a mezzanine has them as they are");
    let audio = &settings["outputGroups"][1];
    let place = &audio["outputGroupSettings"]["fileGroupSettings"]["destination"];
    assert_eq!(place, "s3://proxies/assets/7/v1/audio");
    assert_eq!(audio["outputs"][0]["extension"], "m4a");
}

#[tokio::test]
async fn drop_frame_timecode_is_kept() {
    let mut technical = video();
    let stream = &mut technical.video[0];
    stream.rate = Some(Rate::FPS_29_97);
    stream.start_timecode = Some(Timecode::parse("01:00:00;00", Rate::FPS_29_97).unwrap());
    technical.container.duration = Some(MediaTime::new(60 * 60, Rate::new(1, 1).unwrap()));
    let compiled = compiled(technical, vec![proxy()]);
    assert!(!compiled.accelerated, "accelerated jobs begin at zero");
    let settings = wired(compiled).await;
    let start = json!({"source": "SPECIFIEDSTART", "start": "01:00:00;00"});
    assert_eq!(settings["timecodeConfig"], start);
    let picture = &settings["outputGroups"][0]["outputs"][0]["videoDescription"];
    assert_eq!(picture["dropFrameTimecode"], "ENABLED");
    assert_eq!(picture["timecodeInsertion"], "PIC_TIMING_SEI");
    assert_eq!(picture["timecodeTrack"], "ENABLED");
}

#[tokio::test]
async fn a_timecode_that_cannot_be_told_is_left_out() {
    let mut technical = video();
    let stream = &mut technical.video[0];
    stream.rate = Some(Rate::FPS_120);
    stream.start_timecode = Some(Timecode::parse("01:00:00:119", Rate::FPS_120).unwrap());
    let settings = wired(compiled(technical, vec![proxy()])).await;
    assert_eq!(settings["timecodeConfig"], json!({"source": "ZEROBASED"}));
    let picture = &settings["outputGroups"][0]["outputs"][0]["videoDescription"];
    assert_eq!(picture["timecodeTrack"], Value::Null);
}

#[test]
fn long_media_without_timecode_is_accelerated() {
    let mut technical = video();
    technical.container.duration = Some(MediaTime::new(601, Rate::new(1, 1).unwrap()));
    assert!(compiled(technical.clone(), vec![proxy()]).accelerated);
    assert!(!compiled(video(), vec![proxy()]).accelerated);
    let never = Options { accelerate_above: None, ..options() };
    let asked = job(technical, vec![proxy()]);
    assert!(!compile(&asked, &never, &BTreeMap::new()).unwrap().accelerated);
}

#[tokio::test]
async fn sizes_follow_what_is_shown() {
    for (width, height, rotation, aspect, expected) in [
        (3840, 2160, 0, (1, 1), (960, 540)),
        (1920, 1080, 90, (1, 1), (304, 540)),
        (720, 576, 0, (64, 45), (960, 540)),
        (640, 272, 0, (1, 1), (640, 272)),
        (64, 48, 0, (1, 1), (64, 48)),
        (16, 8, 0, (1, 1), (32, 32)),
    ] {
        let mut technical = video();
        let stream = &mut technical.video[0];
        (stream.width, stream.height, stream.rotation) = (width, height, rotation);
        stream.pixel_aspect = AspectRatio { num: aspect.0, den: aspect.1 };
        let settings = wired(compiled(technical, vec![proxy()])).await;
        let picture = &settings["outputGroups"][0]["outputs"][0]["videoDescription"];
        let size = (picture["width"].as_u64().unwrap(), picture["height"].as_u64().unwrap());
        assert_eq!(size, expected, "{width}x{height}");
    }
}

#[tokio::test]
async fn interlaced_and_varying_pictures_are_made_even() {
    let mut technical = video();
    technical.video[0].field_order = FieldOrder::TopFirst;
    technical.video[0].variable_rate = true;
    technical.video[0].rate = Some(Rate::FPS_29_97);
    let outputs = vec![proxy(), OutputSpec::Mezzanine(MezzanineSpec::default())];
    let settings = wired(compiled(technical, outputs)).await;
    let picture = &settings["outputGroups"][0]["outputs"][0]["videoDescription"];
    assert_eq!(picture["videoPreprocessors"]["deinterlacer"]["mode"], "DEINTERLACE");
    let codec = &picture["codecSettings"]["h264Settings"];
    assert_eq!(codec["framerateControl"], "SPECIFIED");
    assert_eq!(codec["framerateNumerator"], 30_000);
    assert_eq!(codec["framerateDenominator"], 1_001);
    let mezzanine = &settings["outputGroups"][1]["outputs"][0]["videoDescription"];
    assert_eq!(mezzanine["codecSettings"]["proresSettings"]["interlaceMode"], "FOLLOW_TOP_FIELD");
    assert_eq!(mezzanine["videoPreprocessors"], Value::Null);
}

#[tokio::test]
async fn pictures_streaming_and_captions_have_their_places() {
    let technical = Technical { audio: vec![stream(1, 2, Some("stereo"))], ..video() };
    let outputs = vec![
        proxy(),
        OutputSpec::Poster(PosterSpec::default()),
        OutputSpec::Thumbnail(ThumbnailSpec { max_count: 10, ..ThumbnailSpec::default() }),
        OutputSpec::Hls(HlsSpec { heights: vec![720, 360, 2160], ..HlsSpec::default() }),
        OutputSpec::Captions(CaptionsSpec { language: Some("eng".into()) }),
    ];
    let settings = wired(compiled(technical, outputs)).await;
    let group = |number: usize| &settings["outputGroups"][number];
    let capture = |number: usize| {
        let picture = &group(number)["outputs"][0]["videoDescription"];
        (picture["codecSettings"]["frameCaptureSettings"].clone(), picture["width"].clone())
    };
    let poster = json!({"framerateNumerator": 25, "framerateDenominator": 30, "maxCaptures": 2,
                        "quality": 90});
    assert_eq!(capture(1), (poster, json!(1280)));
    let thumbs = json!({"framerateNumerator": 25, "framerateDenominator": 150, "maxCaptures": 10,
                        "quality": 80});
    assert_eq!(capture(2), (thumbs, json!(320)));
    let hls = &group(3)["outputGroupSettings"]["hlsGroupSettings"];
    assert_eq!(hls["destination"], "s3://proxies/assets/7/v1/hls/master");
    assert_eq!(hls["segmentLength"], 6);
    let rungs: Vec<_> = group(3)["outputs"].as_array().unwrap().iter().collect();
    let heights: Vec<_> = rungs.iter().map(|rung| &rung["videoDescription"]["height"]).collect();
    assert_eq!(heights, [360, 720], "nothing is enlarged");
    assert_eq!(rungs[0]["nameModifier"], "_360");
    assert_eq!(rungs[0]["audioDescriptions"][0]["audioSourceName"], "Audio 1");
    let captions = &group(4)["outputs"][0];
    assert_eq!(captions["captionDescriptions"][0]["languageCode"], "ENG");
    assert_eq!(captions["extension"], "vtt");
    assert_eq!(captions["videoDescription"], Value::Null);
    let selector = &settings["inputs"][0]["captionSelectors"]["Captions 1"];
    assert_eq!(selector["sourceSettings"]["sourceType"], "EMBEDDED");
}

#[tokio::test]
async fn a_watermark_is_laid_over() {
    let mark = Watermark {
        image: "marks/logo.png".into(),
        corner: Corner::BottomRight,
        opacity: 40,
        width: 20,
    };
    let spec = ProxySpec { watermark: Some(mark), ..ProxySpec::default() };
    let overlay =
        Overlay { address: "s3://proxies/marks/logo.png".into(), width: 400, height: 100 };
    let overlays = BTreeMap::from([("marks/logo.png".to_owned(), overlay)]);
    let job = job(video(), vec![OutputSpec::Proxy(spec)]);
    let settings = wired(compile(&job, &options(), &overlays).unwrap()).await;
    let picture = &settings["outputGroups"][0]["outputs"][0]["videoDescription"];
    let images = &picture["videoPreprocessors"]["imageInserter"]["insertableImages"];
    let expected = json!([{"imageInserterInput": "s3://proxies/marks/logo.png", "layer": 1,
        "opacity": 40, "width": 192, "height": 48, "imageX": 749, "imageY": 473}]);
    assert_eq!(*images, expected);
}

#[tokio::test]
async fn a_preset_takes_the_place_of_what_the_profile_says() {
    let presets = BTreeMap::from([(Role::Proxy, "Our 540p".to_owned())]);
    let options = Options { presets, ..options() };
    let compiled = compile(&job(video(), vec![proxy()]), &options, &BTreeMap::new()).unwrap();
    let settings = wired(compiled).await;
    let output = json!([{"preset": "Our 540p", "extension": "mp4"}]);
    assert_eq!(settings["outputGroups"][0]["outputs"], output);
}

#[test]
fn what_cannot_be_made_is_refused() {
    let refused = |technical: Technical, outputs: Vec<OutputSpec>| {
        compile(&job(technical, outputs), &options(), &BTreeMap::new()).unwrap_err().kind()
    };
    let storyboard = OutputSpec::Storyboard(Default::default());
    assert_eq!(refused(video(), vec![proxy(), storyboard]), ErrorKind::Unsupported);
    let poster = OutputSpec::Poster(PosterSpec::default());
    assert_eq!(refused(video(), vec![poster.clone()]), ErrorKind::Unsupported);
    let image = Technical { kind: AssetKind::Image, video: Vec::new(), ..video() };
    assert_eq!(refused(image, vec![poster]), ErrorKind::Unsupported);
    let crf = OutputSpec::Proxy(ProxySpec { crf: 52, ..ProxySpec::default() });
    assert_eq!(refused(video(), vec![crf]), ErrorKind::InvalidInput);
    let language = Some("klingon".to_owned());
    let captions = OutputSpec::Captions(CaptionsSpec { language });
    assert_eq!(refused(video(), vec![proxy(), captions]), ErrorKind::InvalidInput);
    let heights = OutputSpec::Hls(HlsSpec { heights: Vec::new(), ..HlsSpec::default() });
    assert_eq!(refused(video(), vec![heights]), ErrorKind::InvalidInput);

    let mut elsewhere = job(video(), vec![proxy()]);
    elsewhere.source.storage = Arc::new(Named(""));
    let error = compile(&elsewhere, &options(), &BTreeMap::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let mut variable = job(video(), vec![proxy()]);
    variable.prefix = "a/$dt$".parse().unwrap();
    let error = compile(&variable, &options(), &BTreeMap::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[test]
fn sound_alone_makes_an_audio_proxy_and_nothing_makes_nothing() {
    let sound = Technical {
        kind: AssetKind::Audio,
        video: Vec::new(),
        audio: vec![stream(0, 2, Some("stereo"))],
        ..video()
    };
    let profile = MediaConvert::profile().outputs;
    let made = compiled(sound.clone(), profile.clone());
    let roles: Vec<_> =
        made.settings.output_groups().iter().map(|group| group.custom_name().unwrap()).collect();
    assert_eq!((roles, made.channels), (vec!["audio_proxy"], vec![0, 1]));
    let silent = Technical { audio: Vec::new(), ..sound };
    assert!(!compiled(silent, profile).makes_something());
}
