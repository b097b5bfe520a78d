//! Which sound of the original is heard in which track of an output.
//!
//! Every track of the original is in the proxy, in tracks of one or two channels:
//!
//! - Only mono tracks, two or more: the tracks of a recorder, two by two.
//! - Otherwise each track becomes one. One or two channels stay as they are; more are mixed to
//!   stereo, by ITU-R BS.775 where the layout is known, else odd-numbered channels left and
//!   even-numbered ones right.

use aws_sdk_mediaconvert::types::{
    AacCodecProfile, AacCodingMode, AacRateControlMode, AacSettings, AudioCodec,
    AudioCodecSettings, AudioDefaultSelection, AudioDescription, AudioLanguageCodeControl,
    AudioSelector, AudioSelectorType, ChannelMapping, OutputChannelMapping, RemixSettings,
    WavSettings,
};
use emam_core::model::{AudioStream, Technical};

/// The most tracks an output has here.
const MAX_TRACKS: usize = 16;

/// What is not heard, in decibels: the lowest value of `InputChannels`.
const SILENT: i32 = -60;

/// Bits a second AAC takes at 48 kHz, of the values the API lists.
const AAC_BIT_RATES: [i32; 8] =
    [64_000, 80_000, 96_000, 112_000, 128_000, 160_000, 192_000, 256_000];

/// Samples a second of every AAC track: it takes all bit rates above.
const AAC_SAMPLE_RATE: i32 = 48_000;

/// One track of an output.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Track {
    /// The tracks of the original it is made of, from 1: their channels one after the other.
    tracks: Vec<i32>,
    /// Channels that come in.
    channels: u32,
    /// For each channel that goes out, how much of each that comes in, in decibels; as they are
    /// without.
    mix: Option<[Vec<i32>; 2]>,
    sample_rate: u32,
}

/// The tracks of a proxy.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Sound {
    pub(super) tracks: Vec<Track>,
    /// For each channel of the original, over all its tracks, the channel of the proxy it is heard
    /// in, over all its tracks.
    pub(super) channels: Vec<u32>,
}

/// All the sound, in tracks of at most two channels.
pub(super) fn all(technical: &Technical) -> Sound {
    let streams = streams(technical);
    let mut sound = Sound::default();
    if is_recorder(&streams) {
        for pair in streams.chunks(2).take(MAX_TRACKS) {
            let first = u32::try_from(sound.channels.len()).unwrap_or(0);
            sound.channels.extend(first..first + u32::try_from(pair.len()).unwrap_or(0));
            sound.tracks.push(joined(pair, (pair.len() == 2).then(alternating_pair)));
        }
        return sound;
    }
    let mut first = 0;
    for one in streams.iter().take(MAX_TRACKS) {
        let (track, channels) = stereo(one);
        sound.channels.extend(channels.iter().map(|channel| first + channel));
        first += one.1.channels.min(2);
        sound.tracks.push(track);
    }
    sound
}

/// One track in which the original is heard: of a recorder all its tracks, else the first.
pub(super) fn one(technical: &Technical) -> Option<Sound> {
    let streams = streams(technical);
    if is_recorder(&streams) {
        let count = u32::try_from(streams.len()).unwrap_or(u32::MAX);
        let track = joined(&streams, Some(alternating(count)));
        return Some(Sound {
            tracks: vec![track],
            channels: (0..count).map(|channel| channel % 2).collect(),
        });
    }
    let (track, channels) = stereo(streams.first()?);
    Some(Sound { tracks: vec![track], channels })
}

/// The sound as it is.
pub(super) fn untouched(technical: &Technical) -> Vec<Track> {
    let streams = streams(technical);
    streams.iter().take(MAX_TRACKS).map(|one| joined(std::slice::from_ref(one), None)).collect()
}

type Numbered<'a> = (i32, &'a AudioStream);

fn streams(technical: &Technical) -> Vec<Numbered<'_>> {
    let audible = |stream: &AudioStream| stream.channels > 0 && stream.sample_rate > 0;
    (1..).zip(&technical.audio).filter(|(_, stream)| audible(stream)).collect()
}

fn is_recorder(streams: &[Numbered<'_>]) -> bool {
    streams.len() > 1 && streams.iter().all(|(_, stream)| stream.channels == 1)
}

fn joined(streams: &[Numbered<'_>], mix: Option<[Vec<i32>; 2]>) -> Track {
    Track {
        tracks: streams.iter().map(|(number, _)| *number).collect(),
        channels: streams.iter().map(|(_, stream)| stream.channels).sum(),
        mix,
        sample_rate: streams.iter().map(|(_, stream)| stream.sample_rate).max().unwrap_or(0),
    }
}

/// A track brought to at most two channels, and the channel each of its own is heard in.
fn stereo(one: &Numbered<'_>) -> (Track, Vec<u32>) {
    let stream = one.1;
    let only = std::slice::from_ref(one);
    if stream.channels <= 2 {
        return (joined(only, None), (0..stream.channels).collect());
    }
    let mix = known(stream).unwrap_or_else(|| alternating(stream.channels));
    let right = |(left, right): (&i32, &i32)| u32::from(right > left);
    let channels = mix[0].iter().zip(&mix[1]).map(right).collect();
    (joined(only, Some(mix)), channels)
}

/// Coefficients of ITU-R BS.775-3, annex 4, table 2; the low-frequency channel is left out.
fn known(stream: &AudioStream) -> Option<[Vec<i32>; 2]> {
    let layout = stream.layout.as_deref()?;
    let layout = layout.split('(').next().unwrap_or(layout);
    let (x, m) = (SILENT, -3);
    Some(match (layout, stream.channels) {
        ("3.0", 3) => [vec![0, x, m], vec![x, 0, m]],
        ("quad", 4) => [vec![0, x, m, x], vec![x, 0, x, m]],
        ("5.0", 5) => [vec![0, x, m, m, x], vec![x, 0, m, x, m]],
        ("5.1", 6) => [vec![0, x, m, x, m, x], vec![x, 0, m, x, x, m]],
        ("7.1", 8) => [vec![0, x, m, x, m, x, m, x], vec![x, 0, m, x, x, m, x, m]],
        _ => return None,
    })
}

fn alternating_pair() -> [Vec<i32>; 2] {
    alternating(2)
}

/// Odd-numbered channels left, even-numbered ones right, each so much lower that their sum cannot
/// clip.
fn alternating(channels: u32) -> [Vec<i32>; 2] {
    let lower = |side: u32| (-20.0 * f64::from(side.max(1)).log10()).floor() as i32;
    let (left, right) = (lower(channels.div_ceil(2)), lower(channels / 2));
    let even = |channel: u32| channel.is_multiple_of(2);
    [
        (0..channels).map(|channel| if even(channel) { left } else { SILENT }).collect(),
        (0..channels).map(|channel| if even(channel) { SILENT } else { right }).collect(),
    ]
}

impl Track {
    /// The name of its selector: equal for tracks made of the same.
    pub(super) fn name(&self) -> String {
        let numbers: Vec<String> = self.tracks.iter().map(i32::to_string).collect();
        format!("Audio {}", numbers.join("+"))
    }

    pub(super) fn selector(&self) -> AudioSelector {
        let first = self.tracks.first() == Some(&1);
        let default =
            if first { AudioDefaultSelection::Default } else { AudioDefaultSelection::NotDefault };
        AudioSelector::builder()
            .selector_type(AudioSelectorType::Track)
            .set_tracks(Some(self.tracks.clone()))
            .default_selection(default)
            .build()
    }

    /// The track as AAC of `bit_rate` a second.
    pub(super) fn aac(&self, bit_rate: u32) -> AudioDescription {
        let wanted = i32::try_from(bit_rate).unwrap_or(i32::MAX);
        let nearest = AAC_BIT_RATES.iter().min_by_key(|rate| rate.abs_diff(wanted));
        let mode = if self.mix.is_none() && self.channels == 1 {
            AacCodingMode::CodingMode10
        } else {
            AacCodingMode::CodingMode20
        };
        let aac = AacSettings::builder()
            .codec_profile(AacCodecProfile::Lc)
            .rate_control_mode(AacRateControlMode::Cbr)
            .set_bitrate(nearest.copied())
            .coding_mode(mode)
            .sample_rate(AAC_SAMPLE_RATE)
            .build();
        let codec = AudioCodecSettings::builder().codec(AudioCodec::Aac).aac_settings(aac).build();
        self.description(codec)
    }

    /// The track as it is, uncompressed with 24 bits.
    pub(super) fn pcm(&self) -> AudioDescription {
        let wav = WavSettings::builder()
            .bit_depth(24)
            // As many channels as come in.
            .channels(0)
            .sample_rate(i32::try_from(self.sample_rate).unwrap_or(48_000).clamp(8_000, 192_000))
            .build();
        let codec = AudioCodecSettings::builder().codec(AudioCodec::Wav).wav_settings(wav).build();
        self.description(codec)
    }

    fn description(&self, codec: AudioCodecSettings) -> AudioDescription {
        let mapping = |mix: &[Vec<i32>; 2]| {
            let channel = |gains: &Vec<i32>| {
                OutputChannelMapping::builder().set_input_channels(Some(gains.clone())).build()
            };
            ChannelMapping::builder()
                .set_output_channels(Some(mix.iter().map(channel).collect()))
                .build()
        };
        let remix = self.mix.as_ref().map(|mix| {
            RemixSettings::builder()
                .channels_in(i32::try_from(self.channels).unwrap_or(i32::MAX))
                .channels_out(2)
                .channel_mapping(mapping(mix))
                .build()
        });
        AudioDescription::builder()
            .audio_source_name(self.name())
            .language_code_control(AudioLanguageCodeControl::FollowInput)
            .codec_settings(codec)
            .set_remix_settings(remix)
            .build()
    }
}

/// The track of a template, which is made before any media is known: the first, as stereo.
pub(super) fn unknown() -> Track {
    Track { tracks: vec![1], channels: 2, mix: None, sample_rate: 48_000 }
}

#[cfg(test)]
mod tests {
    use super::super::settings::tests::{stream, video};
    use super::*;

    fn of(audio: Vec<AudioStream>) -> Technical {
        Technical { audio, ..video() }
    }

    #[test]
    fn surround_becomes_stereo_and_other_tracks_stay() {
        let technical = of(vec![stream(1, 6, Some("5.1(side)")), stream(2, 2, None)]);
        let sound = all(&technical);
        assert_eq!(sound.channels, [0, 1, 0, 0, 0, 1, 2, 3]);
        let [left, right] = sound.tracks[0].mix.clone().unwrap();
        assert_eq!(left, [0, -60, -3, -60, -3, -60]);
        assert_eq!(right, [-60, 0, -3, -60, -60, -3]);
        assert_eq!((sound.tracks[1].name().as_str(), &sound.tracks[1].mix), ("Audio 2", &None));
        assert_eq!(one(&technical).unwrap().channels, [0, 1, 0, 0, 0, 1]);
    }

    #[test]
    fn the_tracks_of_a_recorder_are_paired() {
        let technical = of((1..=5).map(|index| stream(index, 1, None)).collect());
        let sound = all(&technical);
        let names: Vec<_> = sound.tracks.iter().map(Track::name).collect();
        assert_eq!(names, ["Audio 1+2", "Audio 3+4", "Audio 5"]);
        assert_eq!(sound.channels, [0, 1, 2, 3, 4]);
        let mixed = one(&technical).unwrap();
        assert_eq!((mixed.tracks.len(), mixed.channels), (1, vec![0, 1, 0, 1, 0]));
        // Three channels at most a third each, two at most a half.
        let [left, right] = mixed.tracks[0].mix.clone().unwrap();
        assert_eq!((left, right), (vec![-10, -60, -10, -60, -10], vec![-60, -7, -60, -7, -60]));
    }

    #[test]
    fn one_or_two_channels_stay_and_silence_is_nothing() {
        assert_eq!(all(&of(vec![])), Sound::default());
        assert_eq!(one(&of(vec![stream(1, 0, None)])), None);
        let mono = all(&of(vec![stream(1, 1, None)]));
        assert_eq!((mono.channels, mono.tracks[0].mix.clone()), (vec![0], None));
        let four = all(&of(vec![stream(1, 4, None)]));
        assert_eq!(four.channels, [0, 1, 0, 1]);
    }
}
