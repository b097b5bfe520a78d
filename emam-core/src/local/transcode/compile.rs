//! From a profile to one ffmpeg command: a pure function, so that what will be run can be printed
//! and tested without running it.

use std::ffi::OsString;
use std::path::Path;

use crate::error::{Error, ErrorKind, Result};
use crate::local::probe;
use crate::local::tools::{MAX_VIDEO_PIXELS, ToolVersion, media_input};
use crate::model::{
    AnnotationKind, AudioProxySpec, FieldOrder, OutputSpec, PosterSpec, Profile, ProxySpec,
    StoryboardSpec, Technical, ThumbnailSpec, VideoStream, WaveformSpec,
};
use crate::time::{MediaTime, Rate};

use super::graph::{Graph, PictureGraph, SoundGraph};
use super::sound::{Sound, sound};
use crate::geometry::{fit, fit_even};

/// What the files are called while ffmpeg writes them, and in the destination.
pub(crate) const PROXY: &str = "proxy.mp4";
pub(crate) const AUDIO_PROXY: &str = "audio.m4a";
const POSTERS: &str = "poster-%d.jpg";
pub(crate) const WAVEFORM_SAMPLES: &str = "waveform.pcm";
const THUMBS: &str = "thumb-%05d.jpg";

/// The name of the picture of the wanted frame (1) or of the first frame (0) while ffmpeg writes it.
pub(crate) fn poster(number: u32) -> String {
    format!("poster-{number}.jpg")
}

/// The name of a thumbnail.
pub(crate) fn thumb(part: u32) -> String {
    format!("thumb-{part:05}.jpg")
}

/// Pictures shots and black are looked for in are no larger: as good, and far cheaper.
const SMALL: (u32, u32) = (320, 180);

/// The rate of a stream that tells none.
const FALLBACK_RATE: Rate = Rate::FPS_25;

/// One command and what comes out of it.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// The arguments of ffmpeg, to be run in a folder of its own.
    pub(crate) arguments: Vec<OsString>,
    pub(crate) proxy: bool,
    pub(crate) audio_proxy: bool,
    /// The frame the poster is made of.
    pub(crate) poster: Option<i64>,
    pub(crate) thumbs: Option<Thumbs>,
    pub(crate) storyboard: Option<StoryboardSpec>,
    pub(crate) waveform: Option<WaveformSpec>,
    /// For each sound channel of the original the one of the proxy it is heard in.
    pub(crate) audio_channels: Vec<u32>,
    /// What is looked for.
    pub(crate) findings: Vec<AnnotationKind>,
    /// How long the media is, for telling progress.
    pub(crate) length: Option<MediaTime>,
    /// The rate and count of frames of the picture.
    pub(crate) picture: Option<(Rate, Option<i64>)>,
    /// Whether anything of this is made by ffmpeg.
    pub(crate) runs: bool,
}

impl Plan {
    /// The rate of the picture and its frames: as probed, else by its length, else as counted.
    pub(crate) fn picture(&self, counted: Option<i64>) -> Option<(Rate, i64)> {
        let (rate, frames) = self.picture?;
        let by_length = || self.length.and_then(|length| length.rescale_nearest(rate).ok());
        let frames = frames.or_else(|| by_length().map(MediaTime::value)).or(counted);
        Some((rate, frames.unwrap_or(0)))
    }
}

/// Which frames thumbnails are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Thumbs {
    /// Frames from one to the next.
    pub(crate) every: i64,
    pub(crate) rate: Rate,
    /// Whether they are an output or only the material of a storyboard.
    pub(crate) stored: bool,
}

/// What a profile asks for, sorted by role. Of two of the same role the last counts.
#[derive(Debug, Default)]
struct Wanted<'a> {
    proxy: Option<&'a ProxySpec>,
    audio_proxy: Option<&'a AudioProxySpec>,
    poster: Option<&'a PosterSpec>,
    thumbnail: Option<&'a ThumbnailSpec>,
    storyboard: Option<&'a StoryboardSpec>,
    waveform: Option<&'a WaveformSpec>,
}

impl<'a> Wanted<'a> {
    fn of(profile: &'a Profile) -> Self {
        let mut wanted = Self::default();
        for output in &profile.outputs {
            match output {
                OutputSpec::Proxy(spec) => wanted.proxy = Some(spec),
                OutputSpec::AudioProxy(spec) => wanted.audio_proxy = Some(spec),
                OutputSpec::Poster(spec) => wanted.poster = Some(spec),
                OutputSpec::Thumbnail(spec) => wanted.thumbnail = Some(spec),
                OutputSpec::Storyboard(spec) => wanted.storyboard = Some(spec),
                OutputSpec::Waveform(spec) => wanted.waveform = Some(spec),
                // Refused before: see `capabilities`.
                OutputSpec::Mezzanine(_) | OutputSpec::Hls(_) | OutputSpec::Captions(_) => {}
            }
        }
        wanted
    }
}

/// Compiles a profile for one file.
///
/// High dynamic range keeps its transfer function and is tagged so; it is not mapped to standard
/// range, for which ffmpeg needs a library that many builds lack.
///
/// # Errors
/// [`InvalidInput`](ErrorKind::InvalidInput) for settings no encoder takes,
/// [`InvalidMedia`](ErrorKind::InvalidMedia) for pictures past the limit.
pub(crate) fn compile(
    profile: &Profile,
    technical: &Technical,
    version: &ToolVersion,
    input: &Path,
) -> Result<Plan> {
    let wanted = Wanted::of(profile);
    let video = technical.video.first();
    let sound = sound(technical);
    check(&wanted, video)?;

    let rate = video.map(|video| video.rate.unwrap_or(FALLBACK_RATE));
    let frames = video.and_then(|video| video.frames);
    let found = |kind: AnnotationKind| {
        let there = match kind {
            AnnotationKind::Shot | AnnotationKind::Black => video.is_some(),
            AnnotationKind::Silence | AnnotationKind::Loudness => sound.is_some(),
            _ => false,
        };
        there && profile.findings.contains(&kind)
    };
    let thumbs = rate.and_then(|rate| thumbs(&wanted, rate, frames));
    let mut plan = Plan {
        arguments: Vec::new(),
        proxy: wanted.proxy.is_some() && video.is_some(),
        audio_proxy: wanted.audio_proxy.is_some() && video.is_none() && sound.is_some(),
        poster: wanted.poster.filter(|_| video.is_some()).map(|spec| poster_frame(spec, frames)),
        thumbs,
        storyboard: wanted.storyboard.filter(|_| thumbs.is_some()).cloned(),
        waveform: wanted.waveform.filter(|_| sound.is_some()).cloned(),
        findings: [
            AnnotationKind::Shot,
            AnnotationKind::Black,
            AnnotationKind::Silence,
            AnnotationKind::Loudness,
        ]
        .into_iter()
        .filter(|kind| found(*kind))
        .collect(),
        audio_channels: Vec::new(),
        length: probe::length(technical),
        picture: rate.map(|rate| (rate, frames)),
        runs: false,
    };

    let mut graph = Graph::default();
    if let (Some(video), Some(rate)) = (video, rate) {
        graph.add_picture(&picture_graph(&wanted, &plan, video, rate));
    }
    if let Some(sound) = &sound {
        graph.add_sound(&SoundGraph {
            sound: sound.clone(),
            encoded: plan.proxy || plan.audio_proxy,
            waveform: plan.waveform.clone(),
            silence: found(AnnotationKind::Silence),
            loudness: found(AnnotationKind::Loudness),
        });
    }
    if plan.proxy || plan.audio_proxy {
        plan.audio_channels = sound.as_ref().map(|sound| sound.map.clone()).unwrap_or_default();
    }
    plan.runs = !graph.chains.is_empty();
    plan.arguments = arguments(&plan, &wanted, &graph, technical, sound.as_ref(), version, input);
    Ok(plan)
}

fn check(wanted: &Wanted<'_>, video: Option<&VideoStream>) -> Result<()> {
    const OPERATION: &str = "transcoder.submit";
    if let Some(proxy) = wanted.proxy {
        let name = &proxy.preset;
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_lowercase()) {
            let message = "a preset is the name x264 has for it, for example veryfast";
            return Err(Error::invalid(OPERATION, message).with("preset", name.escape_debug()));
        }
        if proxy.crf > 51 {
            let message = "the constant rate factor is from 0 to 51";
            return Err(Error::invalid(OPERATION, message).with("crf", proxy.crf));
        }
    }
    if let Some(waveform) = wanted.waveform
        && !((1_000..=192_000).contains(&waveform.sample_rate) && waveform.samples_per_peak > 0)
    {
        let message = "a waveform has 1000 to 192000 samples a second and at least one a peak";
        return Err(Error::invalid(OPERATION, message)
            .with("sample_rate", waveform.sample_rate)
            .with("samples_per_peak", waveform.samples_per_peak));
    }
    if let Some(video) = video
        && u64::from(video.width) * u64::from(video.height) > MAX_VIDEO_PIXELS
    {
        let message = "the picture has more pixels than are decoded here";
        return Err(Error::new(ErrorKind::InvalidMedia, OPERATION, message)
            .with("width", video.width)
            .with("height", video.height)
            .with("limit", MAX_VIDEO_PIXELS));
    }
    Ok(())
}

/// The frames thumbnails are made of: at even intervals, from the first, no more than asked.
fn thumbs(wanted: &Wanted<'_>, rate: Rate, frames: Option<i64>) -> Option<Thumbs> {
    let stored = wanted.thumbnail.is_some();
    if !stored && wanted.storyboard.is_none() {
        return None;
    }
    let usual = ThumbnailSpec::default();
    let spec = wanted.thumbnail.unwrap_or(&usual);
    let interval = MediaTime::from_micros(i64::from(spec.interval_ms) * 1_000, rate);
    let interval = interval.map_or(1, MediaTime::value).max(1);
    let count = i64::from(spec.max_count.max(1));
    let least = frames.map_or(1, |frames| (frames + count - 1) / count);
    Some(Thumbs { every: interval.max(least), rate, stored })
}

/// The frame a poster is made of; the first where it is not known how many there are.
fn poster_frame(spec: &PosterSpec, frames: Option<i64>) -> i64 {
    let frames = frames.unwrap_or(0).max(1);
    // In 128 bits, for a frame count is whatever a file claims.
    let frame = i128::from(frames) * i128::from(spec.at_per_mille.min(1_000)) / 1_000;
    i64::try_from(frame).unwrap_or(0).min(frames - 1)
}

fn picture_graph(
    wanted: &Wanted<'_>,
    plan: &Plan,
    video: &VideoStream,
    rate: Rate,
) -> PictureGraph {
    let shown = video.shown_size();
    let found = |kind| plan.findings.contains(&kind);
    let usual = ThumbnailSpec::default();
    let spec = wanted.thumbnail.unwrap_or(&usual);
    let thumb = fit(shown, (spec.max_width, spec.max_height));
    let small = fit(shown, SMALL);
    // One scaling serves both where the thumbnails are about as small as the detectors need.
    let small = if plan.thumbs.is_some() && thumb.0 <= 2 * SMALL.0 { thumb } else { small };
    PictureGraph {
        stream: video.index,
        rate,
        deinterlace: matches!(video.field_order, FieldOrder::TopFirst | FieldOrder::BottomFirst),
        proxy: wanted.proxy.map(|proxy| fit_even(shown, (proxy.max_width, proxy.max_height))),
        poster: wanted
            .poster
            .zip(plan.poster)
            .map(|(poster, frame)| (fit(shown, (poster.max_width, poster.max_height)), frame)),
        thumbs: plan.thumbs.map(|thumbs| (thumb, thumbs.every)),
        small,
        shots: found(AnnotationKind::Shot),
        black: found(AnnotationKind::Black),
    }
}

/// Collects arguments.
struct Arguments(Vec<OsString>);

impl Arguments {
    fn add<const N: usize>(&mut self, arguments: [&str; N]) {
        self.0.extend(arguments.into_iter().map(OsString::from));
    }
}

fn arguments(
    plan: &Plan,
    wanted: &Wanted<'_>,
    graph: &Graph,
    technical: &Technical,
    sound: Option<&Sound>,
    version: &ToolVersion,
    input: &Path,
) -> Vec<OsString> {
    let mut command = Arguments(Vec::new());
    // The loudness is told at the level `info`; levels in the lines let the reasons be found.
    command.add(["-hide_banner", "-nostdin", "-y", "-loglevel", "level+info"]);
    command.add(["-nostats", "-progress", "pipe:1", "-stats_period", "0.25"]);
    // Small pictures gain nothing from threads within a filter, and lose to their hand-overs.
    command.add(["-filter_complex_threads", "1"]);
    command.0.extend(media_input(input));
    command.add(["-filter_complex", &graph.text()]);

    // Frames are placed by the graph; the output is to take them as they are.
    let passthrough: [&str; 2] =
        if version.at_least(5, 1) { ["-fps_mode:v", "passthrough"] } else { ["-vsync", "0"] };
    // What the original says about itself, places included, is not repeated in every copy.
    let clean = ["-map_metadata", "-1", "-map_chapters", "-1"];
    let jpeg = |command: &mut Arguments, label: &str, quality: &str| {
        command.add(["-map", label]);
        command.add(clean);
        command.add(passthrough);
        // Without threads a picture is written when it is there, not some pictures later.
        command.add(["-c:v", "mjpeg", "-threads:v", "1", "-q:v", quality, "-f", "image2"]);
    };

    if let Some(proxy) = wanted.proxy.filter(|_| plan.proxy) {
        command.add(["-map", "[v]"]);
        if sound.is_some() {
            command.add(["-map", "[a]"]);
        }
        command.add(clean);
        command.add(passthrough);
        let second = plan.picture.map_or(25, |(rate, _)| rate.nominal()).to_string();
        command.add(["-c:v", "libx264", "-preset", &proxy.preset, "-crf", &proxy.crf.to_string()]);
        command.add(["-g", &second, "-keyint_min", &second, "-sc_threshold", "0"]);
        command.add(["-flags:v", "+cgop"]);
        if let Some(sound) = sound {
            let bits = proxy.audio_bit_rate.saturating_mul(sound.channels.div_ceil(2));
            command.add(["-c:a", "aac", "-b:a", &bits.to_string()]);
        }
        if let Some(start) = technical.video.first().and_then(|video| video.start_timecode) {
            command.add(["-timecode", &start.wrapped().to_string()]);
        }
        command.add(["-movflags", "+faststart", "-f", "mp4", PROXY]);
    }
    if let (Some(spec), Some(sound), true) = (wanted.audio_proxy, sound, plan.audio_proxy) {
        let bits = spec.bit_rate.saturating_mul(sound.channels.div_ceil(2));
        command.add(["-map", "[a]"]);
        command.add(clean);
        command.add(["-c:a", "aac", "-b:a", &bits.to_string()]);
        command.add(["-movflags", "+faststart", "-f", "mp4", AUDIO_PROXY]);
    }
    if let Some(frame) = plan.poster {
        jpeg(&mut command, "[p]", "3");
        // Renamed into place, so that it can be taken while the rest is being made.
        command.add(["-frames:v", if frame == 0 { "1" } else { "2" }]);
        command.add(["-start_number", "0", "-atomic_writing", "1", POSTERS]);
    }
    if plan.thumbs.is_some() {
        jpeg(&mut command, "[t]", "4");
        let most =
            wanted.thumbnail.map_or(ThumbnailSpec::default().max_count, |spec| spec.max_count);
        // A file that does not say how long it is must not make more than asked.
        if plan.picture.is_some_and(|(_, frames)| frames.is_none()) {
            command.add(["-frames:v", &most.max(1).to_string()]);
        }
        command.add(["-start_number", "0", THUMBS]);
    }
    if plan.waveform.is_some() {
        command.add(["-map", "[w]", "-c:a", "pcm_s16le", "-f", "s16le", WAVEFORM_SAMPLES]);
    }
    for label in &graph.unheard {
        command.add(["-map", label]);
        if label.starts_with("[v") {
            command.add(passthrough);
        }
        command.add(["-f", "null", "-"]);
    }
    command.0
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::{AspectRatio, AssetKind, Color, Container, TimecodeSource};
    use crate::time::Timecode;

    /// Technical metadata of a 1080p film with stereo sound.
    pub(crate) fn video(fps: u32, frames: i64) -> Technical {
        Technical {
            kind: AssetKind::Video,
            container: Container::default(),
            video: vec![VideoStream {
                index: 0,
                codec: "h264".into(),
                profile: None,
                width: 1920,
                height: 1080,
                pixel_aspect: AspectRatio::SQUARE,
                rotation: 0,
                rate: Some(Rate::new(fps, 1).unwrap()),
                average_rate: None,
                variable_rate: false,
                frames: Some(frames),
                start_timecode: None,
                timecode_source: TimecodeSource::None,
                bit_depth: Some(8),
                chroma: None,
                color: Color::default(),
                hdr: None,
                field_order: FieldOrder::Progressive,
                alpha: false,
                bit_rate: None,
            }],
            audio: vec![crate::local::transcode::sound::tests::stream(1, 2, Some("stereo"))],
            other: Vec::new(),
            picture: None,
            exif: None,
            prober: String::new(),
            raw: serde_json::Value::Null,
        }
    }

    fn version() -> ToolVersion {
        ToolVersion { text: "5.1.9".into(), number: (5, 1) }
    }

    fn text(profile: &Profile, technical: &Technical) -> String {
        let plan = compile(profile, technical, &version(), Path::new("/in/a b.mov")).unwrap();
        let words: Vec<_> =
            plan.arguments.iter().map(|argument| argument.to_string_lossy()).collect();
        words.join(" ")
    }

    #[test]
    fn one_decode_serves_everything() {
        let text = text(&Profile::browse(), &video(25, 1500));
        assert_eq!(text.matches(" -i ").count(), 1);
        assert_eq!(text.matches("[0:0]").count(), 1);
        assert_eq!(text.matches("[0:1]").count(), 1);
        for part in [
            "-protocol_whitelist file",
            "-i file:/in/a b.mov",
            "[0:0]fps=fps=25:round=near,split=2[f][q]",
            "[f]scale=960:540:flags=bilinear,setsar=1,format=yuv420p,split=2[v][s]",
            "select='eq(n,0)+eq(n,30)',scale=1280:720",
            "[s]scale=320:180:flags=bilinear,setsar=1,scdet=t=10,",
            "select='not(mod(n,50))'",
            "[0:1]anull,asplit=3[ae][am][aw]",
            "-g 25 -keyint_min 25 -sc_threshold 0 -flags:v +cgop",
            "-c:a aac -b:a 128000",
            "-movflags +faststart -f mp4 proxy.mp4",
            "-frames:v 2 -start_number 0 -atomic_writing 1 poster-%d.jpg",
            "-map_metadata -1",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert!(!text.contains("audio.m4a") && !text.contains("-timecode"));
    }

    #[test]
    fn thumbnails_are_as_many_as_asked_and_no_more() {
        let spec = ThumbnailSpec { max_count: 10, ..ThumbnailSpec::default() };
        let profile = Profile {
            name: "t".into(),
            outputs: vec![OutputSpec::Thumbnail(spec)],
            findings: vec![],
        };
        for (frames, every) in [(1, 50), (500, 50), (501, 51), (100_000, 10_000)] {
            let found = compile(&profile, &video(25, frames), &version(), Path::new("/a")).unwrap();
            assert_eq!(found.thumbs.unwrap().every, every, "{frames} frames");
        }
        let mut unknown = video(25, 1);
        unknown.video[0].frames = None;
        assert!(text(&profile, &unknown).contains("-frames:v 10 -start_number 0"));
    }

    #[test]
    fn a_proxy_keeps_timecode_rate_and_shape() {
        let mut technical = video(25, 90);
        let stream = &mut technical.video[0];
        stream.rate = Some(Rate::FPS_29_97);
        stream.start_timecode = Some(Timecode::parse("01:00:00;00", Rate::FPS_29_97).unwrap());
        (stream.width, stream.height) = (720, 576);
        stream.pixel_aspect = AspectRatio { num: 64, den: 45 };
        stream.field_order = FieldOrder::TopFirst;
        let text = text(&Profile::browse(), &technical);
        for part in [
            "-timecode 01:00:00;00",
            "[0:0]yadif=mode=send_frame:deint=interlaced,fps=fps=30000/1001:round=near",
            "scale=960:540:",
            "-g 30 ",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }

    #[test]
    fn sound_alone_becomes_an_audio_proxy() {
        let mut technical = video(25, 1);
        technical.video.clear();
        let text = text(&Profile::browse(), &technical);
        assert!(text.contains("-f mp4 audio.m4a") && text.contains("waveform.pcm"), "{text}");
        assert!(!text.contains("[v]") && !text.contains("poster"), "{text}");
    }

    #[test]
    fn findings_alone_run_to_the_end() {
        let profile = Profile {
            name: "look".into(),
            outputs: vec![OutputSpec::Poster(PosterSpec::default())],
            findings: vec![AnnotationKind::Shot, AnnotationKind::Loudness],
        };
        let text = text(&profile, &video(25, 100));
        assert!(text.contains("-map [vn] -fps_mode:v passthrough -f null -"), "{text}");
        assert!(text.contains("-map [an] -f null -"), "{text}");
    }

    #[test]
    fn nothing_to_do_runs_nothing() {
        let mut technical = video(25, 1);
        technical.video.clear();
        technical.audio.clear();
        let plan = compile(&Profile::browse(), &technical, &version(), Path::new("/a")).unwrap();
        assert!(!plan.runs);
    }

    #[test]
    fn settings_that_are_no_settings_are_refused() {
        let proxy = ProxySpec { preset: "fast -i /etc/passwd".into(), ..ProxySpec::default() };
        let profile =
            Profile { name: "p".into(), outputs: vec![OutputSpec::Proxy(proxy)], findings: vec![] };
        let error = compile(&profile, &video(25, 1), &version(), Path::new("/a")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let mut huge = video(25, 1);
        huge.video[0].width = 60_000;
        huge.video[0].height = 60_000;
        let error = compile(&Profile::browse(), &huge, &version(), Path::new("/a")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidMedia);
    }

    #[test]
    fn older_versions_get_the_older_option() {
        let old = ToolVersion { text: "4.4".into(), number: (4, 4) };
        let plan = compile(&Profile::browse(), &video(25, 9), &old, Path::new("/a")).unwrap();
        assert!(plan.arguments.iter().any(|argument| argument == "-vsync"));
    }
}
