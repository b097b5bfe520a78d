//! The sound of an output.

use super::super::settings::{Node, Wrong};
use super::input::{Input, Selector};

/// One track of sound.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct Audio {
    /// What it is made of.
    pub(in super::super) chosen: Selector,
    pub(in super::super) codec: AudioCodec,
    pub(in super::super) remix: Option<Remix>,
    /// ISO 639-2, where the job names one.
    pub(in super::super) language: Option<String>,
    /// Brought to this loudness, in LKFS.
    pub(in super::super) loudness: Option<f64>,
}

/// How sound is encoded. Rates in hertz, bit rates in bits per second; absent means the source's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum AudioCodec {
    Aac { bitrate: i64, channels: i64, rate: i64 },
    Wav { bits: i64, channels: Option<i64>, rate: Option<i64> },
    Mp3 { bitrate: i64, channels: i64, rate: i64 },
    Flac { bits: i64, channels: Option<i64>, rate: Option<i64> },
}

/// For each channel of the output, the gain in decibels of each channel of the input; -60 is
/// silence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Remix {
    /// In tenths of a decibel, so that a plan can be compared.
    pub(in super::super) gains: Vec<Vec<i64>>,
}

impl Remix {
    pub(super) fn read(node: &Node<'_>) -> Result<Self, Wrong> {
        let Some(mapping) = node.get("channelMapping") else {
            return Err(node.invalid("channelMapping", "is a required property"));
        };
        let gains: Vec<Vec<i64>> = mapping
            .items("outputChannels")
            .iter()
            .map(|channel| {
                let coarse = channel.numbers("inputChannels");
                let fine = channel.numbers("inputChannelsFineTune");
                let gains = fine.or(coarse).unwrap_or_default();
                gains.into_iter().map(|gain| (gain * 10.0).round() as i64).collect()
            })
            .collect();
        for (name, there) in
            [("channelsOut", gains.len()), ("channelsIn", gains.first().map_or(0, Vec::len))]
        {
            if node.int(name).is_some_and(|count| usize::try_from(count) != Ok(there)) {
                return Err(node.invalid(name, "does not match the channel mapping"));
            }
        }
        Ok(Self { gains })
    }
}

impl Audio {
    pub(super) fn read(node: &Node<'_>, input: &Input) -> Result<Self, Wrong> {
        let name = node.text("audioSourceName").unwrap_or("Audio Selector 1");
        let Some(chosen) = input.audio.get(name).cloned() else {
            let why = format!("names the audio selector {name:?}, which no input has");
            return Err(node.invalid("audioSourceName", &why));
        };
        node.only("audioTypeControl", &["FOLLOW_INPUT"])?;
        node.only("languageCodeControl", &["FOLLOW_INPUT", "USE_CONFIGURED"])?;
        node.ignore(&["audioType", "streamName"]);
        let language = node.text("languageCode").map(str::to_ascii_lowercase);
        let language = language.or_else(|| node.text("customLanguageCode").map(str::to_owned));
        let remix = node.get("remixSettings").map(|remix| Remix::read(&remix)).transpose()?;
        let loudness = match node.get("audioNormalizationSettings") {
            Some(normalise) => {
                let algorithms =
                    ["ITU_BS_1770_1", "ITU_BS_1770_2", "ITU_BS_1770_3", "ITU_BS_1770_4"];
                normalise.only("algorithm", &algorithms)?;
                normalise.only("loudnessLogging", &["DONT_LOG"])?;
                normalise.only("peakCalculation", &["NONE", "TRUE_PEAK"])?;
                normalise.ignore(&["correctionGateLevel", "truePeakLimiterThreshold"]);
                let target = normalise.number("targetLkfs").unwrap_or(-24.0);
                (normalise.text("algorithmControl") != Some("MEASURE_ONLY")).then_some(target)
            }
            None => None,
        };
        let Some(settings) = node.get("codecSettings") else {
            return Err(node.invalid("codecSettings", "is a required property"));
        };
        let codec = AudioCodec::read(&settings)?;
        Ok(Self { chosen, codec, remix, language, loudness })
    }
}

impl AudioCodec {
    fn read(node: &Node<'_>) -> Result<Self, Wrong> {
        let inside =
            |name: &str| node.get(name).ok_or_else(|| node.invalid(name, "is a required property"));
        match node.text("codec") {
            Some("AAC") => {
                let aac = inside("aacSettings")?;
                aac.only("codecProfile", &["LC"])?;
                aac.only("rateControlMode", &["CBR"])?;
                aac.only("rawFormat", &["NONE"])?;
                aac.only("audioDescriptionBroadcasterMix", &["NORMAL"])?;
                aac.ignore(&["specification"]);
                let channels = match aac.text("codingMode") {
                    Some("CODING_MODE_1_0") => 1,
                    Some("CODING_MODE_2_0") => 2,
                    Some("CODING_MODE_5_1") => 6,
                    Some(_) => return Err(aac.not_emulated("codingMode")),
                    None => return Err(aac.invalid("codingMode", "is a required property")),
                };
                let (bitrate, rate) = (aac.required("bitrate")?, aac.required("sampleRate")?);
                Ok(Self::Aac { bitrate, channels, rate })
            }
            Some("WAV") => {
                let wav = node.get("wavSettings");
                let wav = wav.as_ref();
                if let Some(wav) = wav {
                    wav.only("format", &["RIFF", "RF64", "EXTENSIBLE"])?;
                }
                let of = |name| wav.and_then(|wav| wav.int(name));
                let bits = of("bitDepth").unwrap_or(16);
                Ok(Self::Wav { bits, channels: of("channels"), rate: of("sampleRate") })
            }
            Some("MP3") => {
                let mp3 = inside("mp3Settings")?;
                mp3.only("rateControlMode", &["CBR"])?;
                let (bitrate, rate) = (mp3.required("bitrate")?, mp3.required("sampleRate")?);
                Ok(Self::Mp3 { bitrate, channels: mp3.int("channels").unwrap_or(2), rate })
            }
            Some("FLAC") => {
                let flac = inside("flacSettings")?;
                let bits = flac.int("bitDepth").unwrap_or(16);
                Ok(Self::Flac {
                    bits,
                    channels: flac.int("channels"),
                    rate: flac.int("sampleRate"),
                })
            }
            Some(_) => Err(node.not_emulated("codec")),
            None => Err(node.invalid("codec", "is a required property")),
        }
    }
}
