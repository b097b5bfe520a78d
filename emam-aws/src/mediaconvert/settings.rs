//! From a profile to the settings of a job: a pure function, so that what will be asked can be
//! printed and tested without asking it.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use aws_sdk_mediaconvert::types::{
    AudioDescription, CaptionDescription, CaptionDestinationSettings, CaptionDestinationType,
    CaptionSelector, CaptionSourceSettings, CaptionSourceType, ColorSpace, ContainerSettings,
    ContainerType, EmbeddedConvert608To708, EmbeddedSourceSettings, FileGroupSettings,
    HlsGroupSettings, HlsSegmentControl, Input, InputRotate, InputTimecodeSource, JobSettings,
    LanguageCode, Mp4MoovPlacement, Mp4Settings, Output, OutputGroup, OutputGroupSettings,
    OutputGroupType, TimecodeConfig, TimecodeSource, VideoDescription, VideoSelector,
};
use emam_core::backend::{Storage, TranscodeJob};
use emam_core::geometry::{fit, fit_even};
use emam_core::model::{
    AssetKind, CaptionsSpec, HlsSpec, MezzanineSpec, OutputSpec, PosterSpec, Profile, ProxySpec,
    Role, Technical, ThumbnailSpec, Watermark,
};
use emam_core::{Error, ErrorKind, Result};

use super::Options;
use super::names::{self, Name};
use super::sound::{self, Track};
use super::video::{self, Frames, Overlay, Size};

const OPERATION: &str = "transcoder.submit";

/// The roles MediaConvert makes here.
pub(super) const ROLES: [Role; 7] = [
    Role::Proxy,
    Role::AudioProxy,
    Role::Poster,
    Role::Thumbnail,
    Role::Mezzanine,
    Role::Hls,
    Role::Captions,
];

/// The captions of the media, as outputs name them.
const CAPTIONS: &str = "Captions 1";

/// What a job is asked for, and what of it only we know.
#[derive(Debug, Clone)]
pub(super) struct Compiled {
    pub(super) settings: JobSettings,
    /// For each sound channel of the original the one of the proxy it is heard in.
    pub(super) channels: Vec<u32>,
    /// Whether the job is long enough to be worth splitting among machines.
    pub(super) accelerated: bool,
}

impl Compiled {
    /// Whether the media has anything the profile makes something of.
    pub(super) fn makes_something(&self) -> bool {
        !self.settings.output_groups().is_empty()
    }
}

/// Compiles a profile for one file.
///
/// # Errors
/// [`Unsupported`](ErrorKind::Unsupported) for what MediaConvert does not make or cannot reach,
/// [`InvalidInput`](ErrorKind::InvalidInput) for settings no encoder takes.
pub(super) fn compile(
    job: &TranscodeJob,
    options: &Options,
    overlays: &BTreeMap<String, Overlay>,
) -> Result<Compiled> {
    check(&job.profile)?;
    if job.technical.kind == AssetKind::Image {
        let message = "MediaConvert makes nothing of still pictures; use another transcoder";
        return Err(Error::new(ErrorKind::Unsupported, OPERATION, message)
            .with("file", job.source.file_name.escape_debug()));
    }
    let mut made = Groups {
        technical: Some(&job.technical),
        options,
        overlays,
        groups: Vec::new(),
        tracks: Vec::new(),
        captions: None,
        channels: Vec::new(),
    };
    for output in &job.profile.outputs {
        made.add(output)?;
    }
    let pictures_alone = made.groups.iter().all(|(name, _)| name.is_frames());
    if pictures_alone && !made.groups.is_empty() {
        let message = "MediaConvert makes pictures only beside a proxy; add one to the profile";
        return Err(Error::new(ErrorKind::Unsupported, OPERATION, message)
            .with("profile", &job.profile.name));
    }
    let mut groups = Vec::with_capacity(made.groups.len());
    for (name, group) in made.groups {
        groups.push(names::placed(group, &address(job.destination.as_ref(), job, name)?));
    }
    let accelerated = long(&job.technical, options.accelerate_above);
    let start = job.technical.video.first().and_then(video::start);
    // Accelerated jobs want every timecode from zero. Relinking wants the original's, so media
    // that has one is not accelerated.
    let accelerated = accelerated && start.is_none();
    let timecode = match start {
        Some(start) => TimecodeConfig::builder()
            .source(TimecodeSource::Specifiedstart)
            .start(start.wrapped().to_string()),
        None => TimecodeConfig::builder().source(TimecodeSource::Zerobased),
    };
    let selectors: HashMap<_, _> =
        made.tracks.iter().map(|track| (track.name(), track.selector())).collect();
    let captions = made.captions.map(|spec| HashMap::from([(CAPTIONS.to_owned(), spec)]));
    let source = job.source.storage.uri(&job.source.key).ok_or_else(|| unreachable("source"))?;
    let input = Input::builder()
        .file_input(source)
        .timecode_source(InputTimecodeSource::Zerobased)
        .set_video_selector(job.technical.video.first().map(|_| selector()))
        .set_audio_selectors((!selectors.is_empty()).then_some(selectors))
        .set_caption_selectors(captions)
        .build();
    let settings = JobSettings::builder()
        .timecode_config(timecode.build())
        .inputs(input)
        .set_output_groups(Some(groups))
        .build();
    Ok(Compiled { settings, channels: made.channels, accelerated })
}

/// The groups of a template: what is made of media nobody knows yet.
pub(super) fn template(profile: &Profile, options: &Options) -> Result<Vec<OutputGroup>> {
    check(profile)?;
    let mut made = Groups {
        technical: None,
        options,
        overlays: &BTreeMap::new(),
        groups: Vec::new(),
        tracks: Vec::new(),
        captions: None,
        channels: Vec::new(),
    };
    for output in &profile.outputs {
        if watermark(output).is_some() {
            let message = "a template cannot have a watermark, whose size depends on the media";
            return Err(Error::new(ErrorKind::Unsupported, "transcoder.put_template", message));
        }
        made.add(output)?;
    }
    Ok(made.groups.into_iter().map(|(_, group)| group).collect())
}

/// The watermark of an output.
pub(super) fn watermark(output: &OutputSpec) -> Option<&Watermark> {
    match output {
        OutputSpec::Proxy(spec) => spec.watermark.as_ref(),
        OutputSpec::Hls(spec) => spec.watermark.as_ref(),
        _ => None,
    }
}

fn check(profile: &Profile) -> Result<()> {
    let unmade = profile.outputs.iter().map(OutputSpec::role).find(|role| !ROLES.contains(role));
    if let Some(role) = unmade {
        let message = "MediaConvert does not make this; take it out of the profile";
        return Err(
            Error::new(ErrorKind::Unsupported, OPERATION, message).with("output", role.as_str())
        );
    }
    if let Some(kind) = profile.findings.first() {
        let message = "MediaConvert finds nothing in media; take this out of the profile";
        return Err(
            Error::new(ErrorKind::Unsupported, OPERATION, message).with("kind", kind.as_str())
        );
    }
    let crf = profile.outputs.iter().find_map(|output| match output {
        OutputSpec::Proxy(spec) if spec.crf > 51 => Some(spec.crf),
        _ => None,
    });
    match crf {
        Some(crf) => {
            let message = "the constant rate factor is from 0 to 51";
            Err(Error::invalid(OPERATION, message).with("crf", crf))
        }
        None => Ok(()),
    }
}

fn long(technical: &Technical, above: Option<Duration>) -> bool {
    let micros = technical.container.duration.and_then(|length| length.to_micros().ok());
    let micros = micros.and_then(|micros| u64::try_from(micros).ok());
    above.zip(micros).is_some_and(|(above, micros)| Duration::from_micros(micros) > above)
}

/// The error of what MediaConvert cannot reach.
pub(super) fn unreachable(what: &'static str) -> Error {
    let message = "MediaConvert reads and writes S3 alone; use a storage that is in S3";
    Error::new(ErrorKind::Unsupported, OPERATION, message).with("what", what)
}

/// The address of a file, without its ending.
fn address(storage: &dyn Storage, job: &TranscodeJob, name: Name) -> Result<String> {
    let key = job.prefix.join(name.path)?;
    // `$dt$` and the like would be replaced by the service.
    if key.as_str().contains('$') {
        let message = "MediaConvert takes a $ in a destination for a variable; use another key";
        return Err(Error::invalid(OPERATION, message).with("key", &key));
    }
    storage.uri(&key).ok_or_else(|| unreachable("destination"))
}

fn selector() -> VideoSelector {
    VideoSelector::builder().rotate(InputRotate::Auto).color_space(ColorSpace::Follow).build()
}

/// The groups of a job as they are made: one for each output, so that each can have a name that
/// does not depend on the name of what was uploaded.
struct Groups<'a> {
    /// Absent for a template.
    technical: Option<&'a Technical>,
    options: &'a Options,
    overlays: &'a BTreeMap<String, Overlay>,
    groups: Vec<(Name, OutputGroup)>,
    tracks: Vec<Track>,
    captions: Option<CaptionSelector>,
    channels: Vec<u32>,
}

impl Groups<'_> {
    fn add(&mut self, output: &OutputSpec) -> Result<()> {
        let moving = self.technical.is_none_or(|technical| !technical.video.is_empty());
        match output {
            OutputSpec::Proxy(spec) if moving => self.proxy(spec),
            OutputSpec::AudioProxy(spec) if !moving || spec.of_video => self.audio(spec.bit_rate),
            OutputSpec::Poster(spec) if moving => self.poster(spec),
            OutputSpec::Thumbnail(spec) if moving => self.thumbnails(spec),
            OutputSpec::Mezzanine(spec) if moving => self.mezzanine(spec),
            OutputSpec::Hls(spec) if moving => self.hls(spec)?,
            OutputSpec::Captions(spec) if moving => self.caption(spec)?,
            _ => {}
        }
        Ok(())
    }

    fn frames(&self) -> Frames {
        self.technical
            .and_then(|technical| technical.video.first())
            .map(Frames::of)
            .unwrap_or_default()
    }

    /// The size within limits, even where it is for video; of a template the limits.
    fn size(&self, most: (u32, u32), even: bool) -> Size {
        let video = self.technical.and_then(|technical| technical.video.first());
        match video {
            Some(video) if even => Size::exact(fit_even(video.shown_size(), most)),
            Some(video) => Size::exact(fit(video.shown_size(), most)),
            None => Size::within(most),
        }
    }

    /// All the sound in tracks for playing.
    fn sound(&mut self) -> Vec<Track> {
        let Some(technical) = self.technical else { return vec![sound::unknown()] };
        let sound = sound::all(technical);
        self.tracks.extend(sound.tracks.iter().cloned());
        self.channels = sound.channels;
        sound.tracks
    }

    /// The sound in one track; whether it is what the proxy is heard by.
    fn one_track(&mut self) -> Option<Track> {
        let Some(technical) = self.technical else { return Some(sound::unknown()) };
        let mut sound = sound::one(technical)?;
        if technical.video.is_empty() {
            self.channels = std::mem::take(&mut sound.channels);
        }
        self.tracks.extend(sound.tracks.iter().cloned());
        sound.tracks.pop()
    }

    fn proxy(&mut self, spec: &ProxySpec) {
        let (frames, size) = (self.frames(), self.size((spec.max_width, spec.max_height), true));
        let overlay = spec.watermark.as_ref().and_then(|mark| self.overlays.get(&mark.image));
        let picture = video::h264(&frames, size, spec.crf, &spec.preset, 2);
        let picture = video::prepared(picture, &frames, size, overlay.zip(spec.watermark.as_ref()));
        let picture = video::stamped(picture, &frames, true);
        let sound = self.sound();
        let output = Output::builder().container_settings(mp4());
        let sound = sound.iter().map(|track| track.aac(spec.audio_bit_rate)).collect();
        self.file(names::PROXY, output, Some(picture.build()), sound);
    }

    fn audio(&mut self, bit_rate: u32) {
        if let Some(track) = self.one_track() {
            let output = Output::builder().container_settings(mp4());
            self.file(names::AUDIO_PROXY, output, None, vec![track.aac(bit_rate)]);
        }
    }

    fn poster(&mut self, spec: &PosterSpec) {
        let capture = self.frames().poster(spec.at_per_mille);
        let size = self.size((spec.max_width, spec.max_height), false);
        self.pictures(names::POSTER, size, capture, 90);
    }

    fn thumbnails(&mut self, spec: &ThumbnailSpec) {
        let capture = self.frames().thumbnails(spec);
        let size = self.size((spec.max_width, spec.max_height), false);
        self.pictures(names::THUMBNAIL, size, capture, 80);
    }

    fn pictures(&mut self, name: Name, size: Size, capture: video::Capture, quality: i32) {
        let frames = self.frames();
        let picture = video::jpeg(&frames, size, capture, quality);
        let output = Output::builder().container_settings(container(ContainerType::Raw));
        self.file(name, output, Some(picture.build()), Vec::new());
    }

    fn mezzanine(&mut self, spec: &MezzanineSpec) {
        let frames = self.frames();
        let picture = video::stamped(video::prores(&frames, spec.flavor), &frames, false);
        let tracks = match self.technical {
            Some(technical) => sound::untouched(technical),
            None => vec![sound::unknown()],
        };
        if self.technical.is_some() {
            self.tracks.extend(tracks.iter().cloned());
        }
        let output = Output::builder().container_settings(container(ContainerType::Mov));
        let sound = tracks.iter().map(Track::pcm).collect();
        self.file(names::MEZZANINE, output, Some(picture.build()), sound);
    }

    fn hls(&mut self, spec: &HlsSpec) -> Result<()> {
        if spec.segment_s == 0 || spec.heights.is_empty() {
            let message = "adaptive streaming has at least one height, and segments of a second or \
                           more";
            return Err(Error::invalid(OPERATION, message));
        }
        let frames = self.frames();
        let shown = self.technical.and_then(|technical| technical.video.first());
        let shown = shown.map(|video| video.shown_size());
        let track = self.one_track();
        // Segments end where groups of pictures do.
        let group_s = if spec.segment_s.is_multiple_of(2) { 2 } else { 1 };
        let overlay = spec.watermark.as_ref().and_then(|mark| self.overlays.get(&mark.image));
        let outputs = rungs(&spec.heights, shown).into_iter().map(|height| {
            let size = match shown {
                Some(shown) => Size::exact(fit_even(shown, (0, height))),
                None => Size::within((0, height)),
            };
            let picture = video::h264(&frames, size, 23, "medium", group_s);
            let mark = overlay.zip(spec.watermark.as_ref());
            let picture = video::prepared(picture, &frames, size, mark);
            Output::builder()
                .name_modifier(format!("_{height}"))
                .container_settings(container(ContainerType::M3U8))
                .video_description(picture.build())
                .set_audio_descriptions(track.as_ref().map(|track| vec![track.aac(128_000)]))
                .build()
        });
        let settings = HlsGroupSettings::builder()
            .segment_length(i32::try_from(spec.segment_s).unwrap_or(i32::MAX))
            .min_segment_length(0)
            .segment_control(HlsSegmentControl::SegmentedFiles)
            .build();
        let settings = OutputGroupSettings::builder()
            .r#type(OutputGroupType::HlsGroupSettings)
            .hls_group_settings(settings)
            .build();
        self.group(names::HLS, settings, outputs.collect());
        Ok(())
    }

    fn caption(&mut self, spec: &CaptionsSpec) -> Result<()> {
        let language = match &spec.language {
            None => None,
            Some(code) => match LanguageCode::try_parse(&code.to_ascii_uppercase()) {
                Ok(language) => Some(language),
                Err(_) => {
                    let message = "a language is its code in ISO 639-2, for example eng";
                    return Err(
                        Error::invalid(OPERATION, message).with("language", code.escape_debug())
                    );
                }
            },
        };
        let embedded = EmbeddedSourceSettings::builder()
            .convert608_to708(EmbeddedConvert608To708::Disabled)
            .source608_channel_number(1)
            .source608_track_number(1)
            .build();
        let source = CaptionSourceSettings::builder()
            .source_type(CaptionSourceType::Embedded)
            .embedded_source_settings(embedded)
            .build();
        self.captions = Some(CaptionSelector::builder().source_settings(source).build());
        let destination = CaptionDestinationSettings::builder()
            .destination_type(CaptionDestinationType::Webvtt)
            .build();
        let description = CaptionDescription::builder()
            .caption_selector_name(CAPTIONS)
            .set_language_code(language)
            .destination_settings(destination)
            .build();
        let output = Output::builder()
            .container_settings(container(ContainerType::Raw))
            .caption_descriptions(description);
        self.file(names::CAPTIONS, output, None, Vec::new());
        Ok(())
    }

    fn file(
        &mut self,
        name: Name,
        output: aws_sdk_mediaconvert::types::builders::OutputBuilder,
        picture: Option<VideoDescription>,
        sound: Vec<AudioDescription>,
    ) {
        let output = match self.options.presets.get(&name.role) {
            // A preset says all but the ending of the file.
            Some(preset) => Output::builder().preset(preset),
            None => output
                .set_video_description(picture)
                .set_audio_descriptions((!sound.is_empty()).then_some(sound)),
        };
        let settings = OutputGroupSettings::builder()
            .r#type(OutputGroupType::FileGroupSettings)
            .file_group_settings(FileGroupSettings::builder().build())
            .build();
        self.group(name, settings, vec![output.extension(name.extension).build()]);
    }

    fn group(&mut self, name: Name, settings: OutputGroupSettings, outputs: Vec<Output>) {
        // Of two of the same role the last counts.
        self.groups.retain(|(other, _)| other.role != name.role);
        // What the console shows.
        let kind = if name.role == Role::Hls { "Apple HLS" } else { "File Group" };
        let group = OutputGroup::builder()
            .name(kind)
            .custom_name(name.role.as_str())
            .output_group_settings(settings)
            .set_outputs(Some(outputs))
            .build();
        self.groups.push((name, group));
    }
}

/// The heights that are not above the original's, and the smallest in any case.
fn rungs(heights: &[u32], shown: Option<(u32, u32)>) -> Vec<u32> {
    let mut heights = heights.to_vec();
    heights.sort_unstable();
    heights.dedup();
    let least = heights.first().copied();
    let fits =
        |height: &u32| shown.is_none_or(|(_, shown)| *height <= shown) || Some(*height) == least;
    heights.into_iter().filter(fits).collect()
}

fn container(kind: ContainerType) -> ContainerSettings {
    ContainerSettings::builder().container(kind).build()
}

fn mp4() -> ContainerSettings {
    let fast_start =
        Mp4Settings::builder().moov_placement(Mp4MoovPlacement::ProgressiveDownload).build();
    ContainerSettings::builder().container(ContainerType::Mp4).mp4_settings(fast_start).build()
}

#[cfg(test)]
#[path = "settings_tests.rs"]
pub(super) mod tests;
