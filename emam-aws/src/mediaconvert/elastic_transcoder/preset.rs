//! From a preset to a profile.

use emam_core::Result;
use emam_core::model::{
    AudioProxySpec, HlsSpec, MezzanineSpec, OutputSpec, Profile, ProxySpec, ThumbnailSpec,
};

use super::document::{Audio, Preset, Thumbnails, Video, tell_rest};
use super::{Lost, ReadPreset, lost, wrong};

/// The rate a preset without one is taken to be used at, for judging its bit rate.
const USUAL_RATE: f64 = 30.0;

/// Bits for each pixel of each frame at which H.264 of a constant rate factor of 23 arrives: those
/// of the service's own "Generic" presets.
const USUAL_BITS: f64 = 0.087;

/// What pictures are captured at most: there is no limit in a preset.
const MANY: u32 = 100_000;

/// Reads a preset.
pub(super) fn read(preset: Preset) -> Result<ReadPreset> {
    let mut told = Vec::new();
    tell_rest(&preset.rest, "", &["Arn", "Description", "Type"], &mut told);
    let mut outputs = Vec::new();
    let audio_bit_rate = match &preset.audio {
        Some(audio) => sound(audio, &mut told)?,
        None => None,
    };
    match &preset.video {
        Some(video) => outputs.push(picture(&preset, video, audio_bit_rate, &mut told)?),
        None if preset.audio.is_some() => {
            if preset.container != "mp4" {
                let instead = "AAC in MP4 is made";
                told.push(lost("Container", &preset.container, instead));
            }
            let usual = AudioProxySpec::default().bit_rate;
            let bit_rate = audio_bit_rate.unwrap_or(usual);
            outputs.push(OutputSpec::AudioProxy(AudioProxySpec { bit_rate, of_video: true }));
        }
        None => return Err(wrong("Video", "neither video nor audio")),
    }
    if let Some(spec) = preset.thumbnails.as_ref().filter(|_| preset.video.is_some()) {
        outputs.push(OutputSpec::Thumbnail(thumbnails(spec, &mut told)?));
    }
    let profile = Profile { name: preset.name.clone(), outputs, findings: Vec::new() };
    Ok(ReadPreset { profile, lost: told, preset })
}

fn picture(
    preset: &Preset,
    video: &Video,
    audio_bit_rate: Option<u32>,
    told: &mut Vec<Lost>,
) -> Result<OutputSpec> {
    let (width, height) = size("Video", (&video.max_width, &video.max_height, &video.resolution))?;
    limits("Video", &video.sizing_policy, &video.padding_policy, told);
    codec(video, told);
    tell_rest(&video.rest, "Video.", &[], told);
    let bit_rate = match video.bit_rate.as_deref() {
        None | Some("auto") => None,
        Some(text) => Some(text.parse::<u32>().map_err(|_| wrong("Video.BitRate", text))?),
    };
    match preset.container.as_str() {
        "ts" => {
            if let Some(bit_rate) = bit_rate {
                let instead = "streams are of a constant quality";
                told.push(lost("Video.BitRate", bit_rate.to_string(), instead));
            }
            let heights = vec![if height == 0 { 1_080 } else { height }];
            return Ok(OutputSpec::Hls(HlsSpec { heights, ..HlsSpec::default() }));
        }
        "mxf" => {
            told.push(lost("Container", "mxf", "ProRes 422 in QuickTime is made"));
            return Ok(OutputSpec::Mezzanine(MezzanineSpec::default()));
        }
        "mp4" => {}
        other => told.push(lost("Container", other, "H.264 and AAC in MP4 are made")),
    }
    let usual = ProxySpec::default();
    let crf = bit_rate.map_or(usual.crf, |bit_rate| {
        let crf = quality(bit_rate, (width, height), video.frame_rate.as_deref());
        let instead = format!("constant quality: a rate factor of {crf}");
        told.push(lost("Video.BitRate", bit_rate.to_string(), instead));
        crf
    });
    Ok(OutputSpec::Proxy(ProxySpec {
        max_width: width,
        max_height: height,
        crf,
        preset: "medium".to_owned(),
        audio_bit_rate: audio_bit_rate.unwrap_or(usual.audio_bit_rate),
        watermark: None,
    }))
}

fn codec(video: &Video, told: &mut Vec<Lost>) {
    if let Some(codec) = video.codec.as_deref().filter(|codec| *codec != "H.264") {
        told.push(lost("Video.Codec", codec, "H.264 is made"));
    }
    if !video.codec_options.is_empty() {
        let options: Vec<String> =
            video.codec_options.iter().map(|(name, value)| format!("{name} {value}")).collect();
        let instead = "High profile, progressive, the level the picture needs";
        told.push(lost("Video.CodecOptions", options.join(", "), instead));
    }
    let rates = [("FrameRate", &video.frame_rate), ("MaxFrameRate", &video.max_frame_rate)];
    for (name, rate) in rates {
        if let Some(rate) = rate.as_deref().filter(|rate| *rate != "auto") {
            let instead =
                "the rate of the original is kept, for without it edits cannot be relinked";
            told.push(lost(format!("Video.{name}"), rate, instead));
        }
    }
    if let Some(frames) = &video.keyframes_max_dist {
        let fixed = video.fixed_gop.as_deref().unwrap_or("false");
        let instead = "closed groups of 2 s";
        told.push(lost("Video.KeyframesMaxDist", format!("{frames}, fixed {fixed}"), instead));
    }
}

/// The constant rate factor that takes about `kilobits` a second: 6 less is twice the bits.
fn quality(kilobits: u32, (width, height): (u32, u32), rate: Option<&str>) -> u32 {
    let rate = rate.and_then(|rate| rate.parse::<f64>().ok()).unwrap_or(USUAL_RATE);
    let (width, height) = if width == 0 || height == 0 { (1_920, 1_080) } else { (width, height) };
    let pixels = f64::from(width) * f64::from(height) * rate;
    let bits = f64::from(kilobits) * 1_000.0 / pixels.max(1.0);
    let crf = 23.0 - 6.0 * (bits / USUAL_BITS).log2();
    if crf.is_finite() { crf.round().clamp(16.0, 35.0) as u32 } else { 23 }
}

/// Bits a second of the sound.
fn sound(audio: &Audio, told: &mut Vec<Lost>) -> Result<Option<u32>> {
    let codec = audio.codec.as_deref().unwrap_or("AAC");
    if codec != "AAC" {
        told.push(lost("Audio.Codec", codec, "AAC is made"));
    }
    if let Some(options) = &audio.codec_options {
        let plain = options.get("Profile").and_then(|profile| profile.as_str());
        if !matches!(plain, Some("AAC-LC" | "auto")) {
            told.push(lost("Audio.CodecOptions", options.to_string(), "AAC-LC is made"));
        }
    }
    if let Some(rate) =
        audio.sample_rate.as_deref().filter(|rate| !["auto", "48000"].contains(rate))
    {
        told.push(lost("Audio.SampleRate", rate, "48000, or as the transcoder says"));
    }
    if let Some(channels) = audio.channels.as_deref().filter(|count| !["auto", "2"].contains(count))
    {
        let instead = "the channels of the original, as the library hears them";
        told.push(lost("Audio.Channels", channels, instead));
    }
    tell_rest(&audio.rest, "Audio.", &[], told);
    match audio.bit_rate.as_deref() {
        None | Some("") => Ok(None),
        Some(text) => {
            let kilobits: u32 = text.parse().map_err(|_| wrong("Audio.BitRate", text))?;
            Ok(Some(kilobits.saturating_mul(1_000)))
        }
    }
}

fn thumbnails(spec: &Thumbnails, told: &mut Vec<Lost>) -> Result<ThumbnailSpec> {
    let (max_width, max_height) =
        size("Thumbnails", (&spec.max_width, &spec.max_height, &spec.resolution))?;
    limits("Thumbnails", &spec.sizing_policy, &spec.padding_policy, told);
    if let Some(format) = spec.format.as_deref().filter(|format| *format != "jpg") {
        told.push(lost("Thumbnails.Format", format, "JPEG is made"));
    }
    tell_rest(&spec.rest, "Thumbnails.", &[], told);
    let interval_ms = match spec.interval.as_deref() {
        None => ThumbnailSpec::default().interval_ms,
        Some(text) => {
            let seconds: u32 = text.parse().map_err(|_| wrong("Thumbnails.Interval", text))?;
            seconds.saturating_mul(1_000)
        }
    };
    Ok(ThumbnailSpec { max_width, max_height, interval_ms, max_count: MANY })
}

type Sides<'a> = (&'a Option<String>, &'a Option<String>, &'a Option<String>);

/// The largest size, 0 where there is no limit: by the newer fields, else by the older one.
fn size(place: &str, (width, height, resolution): Sides<'_>) -> Result<(u32, u32)> {
    let side = |name: &str, text: &str| match text {
        "auto" => Ok(0),
        text => text.parse().map_err(|_| wrong(&format!("{place}.{name}"), text)),
    };
    let older = resolution.as_deref().filter(|text| *text != "auto");
    if let (None, None, Some(text)) = (width, height, older) {
        let (width, height) =
            text.split_once('x').ok_or_else(|| wrong(&format!("{place}.Resolution"), text))?;
        return Ok((side("Resolution", width)?, side("Resolution", height)?));
    }
    let limit = |name: &str, text: &Option<String>| match text {
        Some(text) => side(name, text),
        None => Ok(0),
    };
    Ok((limit("MaxWidth", width)?, limit("MaxHeight", height)?))
}

fn limits(place: &str, sizing: &Option<String>, padding: &Option<String>, told: &mut Vec<Lost>) {
    let fitted = "pictures keep their shape and are never enlarged";
    if let Some(policy) = sizing.as_deref().filter(|policy| *policy != "ShrinkToFit") {
        told.push(lost(format!("{place}.SizingPolicy"), policy, fitted));
    }
    if let Some(policy) = padding.as_deref().filter(|policy| *policy != "NoPad") {
        told.push(lost(format!("{place}.PaddingPolicy"), policy, "no bars are added"));
    }
}
