use emam_core::ErrorKind;
use emam_core::model::{AudioProxySpec, Corner, OutputSpec, ProxySpec, ThumbnailSpec, Watermark};
use serde_json::json;

use super::*;

/// Presets of the service as it told them, `ListPresets` of API version 2012-09-25.
const SYSTEM: &str = include_str!("system-presets.json");

const P1080: &str = "1351620000001-000001";
const P720: &str = "1351620000001-000010";
const HLS_2M: &str = "1351620000001-200015";
const HLS_600K: &str = "1351620000001-200045";

fn system() -> BTreeMap<String, ReadPreset> {
    presets(SYSTEM).unwrap()
}

fn fields(lost: &[Lost]) -> Vec<&str> {
    lost.iter().map(|one| one.what.as_str()).collect()
}

#[test]
fn generic_1080p_becomes_a_proxy_with_thumbnails() {
    let read = &system()[P1080];
    let proxy = ProxySpec {
        max_width: 1920,
        max_height: 1080,
        crf: 23,
        preset: "medium".into(),
        audio_bit_rate: 160_000,
        watermark: None,
    };
    let thumbnails =
        ThumbnailSpec { max_width: 192, max_height: 108, interval_ms: 60_000, max_count: 100_000 };
    assert_eq!(read.profile.outputs, [OutputSpec::Proxy(proxy), OutputSpec::Thumbnail(thumbnails)]);
    assert_eq!(
        fields(&read.lost),
        [
            "Audio.SampleRate",
            "Video.CodecOptions",
            "Video.FrameRate",
            "Video.KeyframesMaxDist",
            "Video.BitRate",
            "Thumbnails.Format",
        ]
    );
    assert_eq!(
        read.lost[4].to_string(),
        "Video.BitRate = 5400: constant quality: a rate factor of 23"
    );
}

#[test]
fn older_and_audio_presets_are_read() {
    let all = system();
    let kindle = &all["3333333333333-abcde2"];
    let OutputSpec::Proxy(spec) = &kindle.profile.outputs[0] else { panic!("{kindle:?}") };
    assert_eq!((spec.max_width, spec.max_height), (1280, 720));
    assert!(fields(&kindle.lost).contains(&"Video.AspectRatio"), "what is not read is told");
    let mp3 = &all["1351620000001-300040"];
    let audio = AudioProxySpec { bit_rate: 128_000, of_video: true };
    assert_eq!(mp3.profile.outputs, [OutputSpec::AudioProxy(audio)]);
    assert_eq!(fields(&mp3.lost), ["Audio.Codec", "Audio.SampleRate", "Container"]);
}

#[test]
fn a_job_becomes_a_task_for_each_output() {
    let job = json!({"Job": {
        "Id": "3333333333333-abcde3", "PipelineId": "1111111111111-abcde1", "Status": "Complete",
        "Input": {"Key": "in/Take 1.mov", "FrameRate": "auto", "Container": "auto"},
        "OutputKeyPrefix": "out/",
        "Outputs": [
            {"Key": "Take 1/720p.v2.mp4", "PresetId": P720, "ThumbnailPattern": "t-{count}",
             "Rotate": "90", "Status": "Complete", "Width": 1280,
             "Watermarks": [{"PresetWatermarkId": "BottomRight", "InputKey": "logo.png"}],
             "Captions": {"CaptionSources": [{"Key": "a.srt", "Language": "eng"}],
                          "CaptionFormats": [{"Format": "webvtt", "Pattern": "c-{language}"}]}},
            {"Key": "1080p.mp4", "PresetId": P1080, "ThumbnailPattern": ""},
        ],
        "UserMetadata": {"order": "7"},
    }});
    let tasks = jobs(&job.to_string(), &system()).unwrap();
    assert_eq!(tasks.len(), 2);
    let [first, second] = &tasks[..] else { panic!("{tasks:?}") };
    assert_eq!(first.input.as_str(), "in/Take 1.mov");
    assert_eq!(first.prefix.as_str(), "out/Take 1/720p.v2");
    assert_eq!(second.prefix.as_str(), "out/1080p");
    let roles = |task: &Task| {
        task.profile.outputs.iter().map(|output| output.role().as_str()).collect::<Vec<_>>()
    };
    assert_eq!(roles(first), ["proxy", "thumbnail", "captions"]);
    assert_eq!(roles(second), ["proxy"], "thumbnails are made where a job names them");
    let OutputSpec::Proxy(spec) = &first.profile.outputs[0] else { panic!("{first:?}") };
    let mark = Watermark {
        image: "logo.png".into(),
        corner: Corner::BottomRight,
        opacity: 100,
        width: 10,
    };
    assert_eq!(spec.watermark, Some(mark));
    let told = fields(&first.lost);
    for field in ["Output.Rotate", "Captions.CaptionSources", "Output.Watermarks", "UserMetadata"] {
        assert!(told.contains(&field), "{field} is not in {told:?}");
    }
}

#[test]
fn a_playlist_becomes_one_task() {
    for format in ["HLSv3", "HLSv4"] {
        let job = json!({
            "PipelineId": "1111111111111-abcde1",
            "Input": {"Key": "a.mov"},
            "OutputKeyPrefix": "streams/a/",
            "Outputs": [
                {"Key": "2m", "PresetId": HLS_2M, "SegmentDuration": "10"},
                {"Key": "600k", "PresetId": HLS_600K, "SegmentDuration": "10"},
            ],
            "Playlists": [{"Name": "index", "Format": format, "OutputKeys": ["2m", "600k"]}],
        });
        let tasks = jobs(&job.to_string(), &system()).unwrap();
        let [task] = &tasks[..] else { panic!("{tasks:?}") };
        assert_eq!(task.prefix.as_str(), "streams/a/index");
        let [OutputSpec::Hls(spec)] = &task.profile.outputs[..] else { panic!("{task:?}") };
        assert_eq!((&spec.heights[..], spec.segment_s), (&[320, 768][..], 10));
        assert_eq!(fields(&task.lost).contains(&"Playlists.Format"), format == "HLSv4");
    }
}

#[test]
fn what_cannot_be_read_is_refused() {
    let refused = |document: &str| jobs(document, &system()).unwrap_err().kind();
    assert_eq!(refused("{"), ErrorKind::InvalidInput);
    assert_eq!(refused(r#"{"Outputs": []}"#), ErrorKind::Unsupported);
    let two = json!({"Inputs": [{"Key": "a"}, {"Key": "b"}], "Outputs": []});
    assert_eq!(refused(&two.to_string()), ErrorKind::Unsupported);
    let of = |output: serde_json::Value| {
        json!({"Input": {"Key": "a.mov"}, "Outputs": [output]}).to_string()
    };
    let unknown = of(json!({"Key": "b.mp4", "PresetId": "1-a"}));
    assert_eq!(refused(&unknown), ErrorKind::NotFound);
    let segment = of(json!({"Key": "b", "PresetId": HLS_2M, "SegmentDuration": "NaN"}));
    assert_eq!(refused(&segment), ErrorKind::InvalidInput);
    let outside = of(json!({"Key": "../b.mp4", "PresetId": P720}));
    assert_eq!(refused(&outside), ErrorKind::InvalidInput);
    let wrong = SYSTEM.replace("\"5400\"", "\"lots\"");
    assert_eq!(presets(&wrong).unwrap_err().get("field"), Some("Video.BitRate"));
}

#[test]
fn other_formats_are_told() {
    let preset = json!({"Preset": {"Name": "Webm", "Container": "webm",
        "Video": {"Codec": "vp8", "BitRate": "auto", "MaxWidth": "auto", "MaxHeight": "auto",
                  "SizingPolicy": "Fill", "PaddingPolicy": "Pad"},
        "Audio": {"Codec": "vorbis", "Channels": "1", "SampleRate": "auto"}}});
    let read = presets(&preset.to_string()).unwrap();
    let read = &read["Webm"];
    assert_eq!(
        fields(&read.lost),
        [
            "Audio.Codec",
            "Audio.Channels",
            "Video.SizingPolicy",
            "Video.PaddingPolicy",
            "Video.Codec",
            "Container",
        ]
    );
    let OutputSpec::Proxy(spec) = &read.profile.outputs[0] else { panic!("{read:?}") };
    assert_eq!((spec.max_width, spec.max_height, spec.crf), (0, 0, 23));
}
