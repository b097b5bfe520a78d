//! What a job's settings ask for, in our own terms.

mod audio;
mod captions;
mod input;
mod output;
mod video;

use serde_json::Value;

pub(super) use audio::{Audio, AudioCodec, Remix};
pub(super) use captions::CaptionSource;
pub(super) use input::{Input, TimecodeSource};
pub(super) use output::{Container, Group, Output};
pub(super) use video::{Gop, H26x, Quality, Scaling, Video, VideoCodec};

use super::settings::{Settings, Wrong};

/// What a job is to do.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    pub(super) input: Input,
    /// Where the outputs' timecode begins.
    pub(super) timecode: TimecodeSource,
    pub(super) groups: Vec<Group>,
}

/// A place in S3.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Address {
    pub(super) bucket: String,
    pub(super) key: String,
}

impl Address {
    /// Reads `s3://bucket/key`; the key may be empty.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (bucket, key) = text.strip_prefix("s3://")?.split_once('/')?;
        (!bucket.is_empty()).then(|| Self { bucket: bucket.to_owned(), key: key.to_owned() })
    }

    pub(super) fn with_key(&self, key: String) -> Self {
        Self { bucket: self.bucket.clone(), key }
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}

impl Plan {
    /// Reads the settings of a job.
    pub(super) fn read(settings: &Value) -> Result<Self, Wrong> {
        let settings = Settings::new(settings);
        let root = settings.root();
        let mut inputs = root.items("inputs");
        if inputs.is_empty() {
            return Err(root.invalid("inputs", "should not be empty"));
        }
        if inputs.len() > 1 {
            return Err(root.not_emulated("inputs/1"));
        }
        let input = Input::read(&inputs.remove(0))?;
        let groups = root.items("outputGroups");
        if groups.is_empty() {
            return Err(root.invalid("outputGroups", "should not be empty"));
        }
        let groups: Vec<Group> =
            groups.iter().map(|group| Group::read(group, &input)).collect::<Result<_, _>>()?;
        let timecode = match root.get("timecodeConfig") {
            Some(config) => TimecodeSource::read(&config, "source", "start")?,
            None => TimecodeSource::Embedded,
        };
        // Zero is what the console writes without being asked.
        if root.int("adAvailOffset").is_some_and(|offset| offset != 0) {
            return Err(root.not_emulated("adAvailOffset"));
        }
        match settings.unread().into_iter().next() {
            Some(path) => Err(Wrong::NotEmulated(path)),
            None => Ok(Self { input, timecode, groups }),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    /// A job of one output, with these members of the output.
    pub(in super::super) fn job(output: Value) -> Value {
        let selector = json!({"defaultSelection": "DEFAULT", "tracks": [1]});
        json!({
            "timecodeConfig": {"source": "ZEROBASED"},
            "inputs": [{
                "fileInput": "s3://in/a b.mov",
                "timecodeSource": "ZEROBASED",
                "audioSelectors": {"Audio Selector 1": selector},
            }],
            "outputGroups": [{
                "name": "File Group",
                "outputGroupSettings": {
                    "type": "FILE_GROUP_SETTINGS",
                    "fileGroupSettings": {"destination": "s3://out/x/proxy"},
                },
                "outputs": [output],
            }],
        })
    }

    pub(in super::super) fn qvbr() -> Value {
        json!({"codec": "H_264", "h264Settings": {
            "rateControlMode": "QVBR",
            "qvbrSettings": {"qvbrQualityLevel": 7},
            "maxBitrate": 2_000_000,
            "gopSize": 2.0,
            "gopSizeUnits": "SECONDS",
        }})
    }

    fn mp4(video: Value) -> Value {
        json!({
            "nameModifier": "_p",
            "containerSettings": {"container": "MP4"},
            "videoDescription": {"width": 640, "height": 360, "codecSettings": video},
        })
    }

    #[test]
    fn a_proxy_is_understood() {
        let plan = Plan::read(&job(mp4(qvbr()))).expect("a plan");
        let output = &plan.groups[0].outputs[0];
        assert_eq!(plan.input.file.to_string(), "s3://in/a b.mov");
        assert_eq!((output.modifier.as_str(), output.container), ("_p", Container::Mp4));
        let video = output.video.as_ref().expect("video");
        assert_eq!((video.width, video.height), (Some(640), Some(360)));
        let VideoCodec::H264(codec) = &video.codec else { panic!("{:?}", video.codec) };
        assert_eq!(codec.quality, Quality::Level { level: 7.0, max: 2_000_000 });
        assert_eq!(codec.gop, Some(Gop::Seconds(2.0)));
    }

    #[test]
    fn quality_needs_a_bound() {
        let mut codec = qvbr();
        codec["h264Settings"]["maxBitrate"].take();
        let path =
            "/outputGroups/0/outputs/0/videoDescription/codecSettings/h264Settings/maxBitrate";
        let wrong = Wrong::Invalid(path.to_owned(), "is a required property".to_owned());
        assert_eq!(Plan::read(&job(mp4(codec))), Err(wrong));
    }

    #[test]
    fn a_setting_nobody_reads_is_refused() {
        let mut codec = qvbr();
        codec["h264Settings"]["telecine"] = json!("HARD");
        let wrong = Plan::read(&job(mp4(codec)));
        assert!(
            matches!(&wrong, Err(Wrong::NotEmulated(path)) if path.contains("telecine")),
            "{wrong:?}"
        );
        let mut whole = job(mp4(qvbr()));
        whole["nielsenConfiguration"] = json!({"breakoutCode": 3});
        let wrong = Plan::read(&whole);
        assert_eq!(wrong, Err(Wrong::NotEmulated("/nielsenConfiguration/breakoutCode".to_owned())));
    }

    #[test]
    fn an_audio_source_must_exist() {
        let mut output = mp4(qvbr());
        let aac = json!({"codec": "AAC", "aacSettings": {
            "bitrate": 96000, "codingMode": "CODING_MODE_2_0", "sampleRate": 48000}});
        output["audioDescriptions"] =
            json!([{"audioSourceName": "Audio Selector 9", "codecSettings": aac}]);
        let wrong = Plan::read(&job(output));
        assert!(
            matches!(&wrong, Err(Wrong::Invalid(path, _)) if path.ends_with("audioSourceName"))
        );
    }

    #[test]
    fn a_job_without_inputs_or_outputs_is_refused() {
        let mut whole = job(mp4(qvbr()));
        whole["outputGroups"] = json!([]);
        assert!(
            matches!(Plan::read(&whole), Err(Wrong::Invalid(path, _)) if path == "/outputGroups")
        );
        whole["inputs"] = json!([]);
        assert!(matches!(Plan::read(&whole), Err(Wrong::Invalid(path, _)) if path == "/inputs"));
    }
}
