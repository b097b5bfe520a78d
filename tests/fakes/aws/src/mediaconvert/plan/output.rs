//! Groups of outputs: which files, where, in which container.

use super::super::settings::{Node, Wrong};
use super::Address;
use super::audio::Audio;
use super::captions::Captions;
use super::input::Input;
use super::video::{Video, VideoCodec};

/// Outputs that belong together.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct Group {
    /// What the outputs' keys begin with: a folder with a slash at the end, or a whole name.
    pub(in super::super) destination: Address,
    /// The settings of an HLS group; a group of plain files without.
    pub(in super::super) hls: Option<Hls>,
    pub(in super::super) outputs: Vec<Output>,
}

/// What an HLS group asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Hls {
    /// In seconds.
    pub(in super::super) segment: i64,
    /// Whether the playlists tell durations in whole seconds.
    pub(in super::super) whole_seconds: bool,
}

/// One output.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct Output {
    pub(in super::super) modifier: String,
    pub(in super::super) extension: Option<String>,
    pub(in super::super) container: Container,
    pub(in super::super) video: Option<Video>,
    pub(in super::super) audio: Vec<Audio>,
    pub(in super::super) captions: Vec<Captions>,
    /// In an HLS group: what follows the name in those of the segments; `$dt$` stands for the time.
    pub(in super::super) segment_modifier: String,
    /// In an HLS group: the audio group it belongs to.
    pub(in super::super) audio_group: Option<String>,
}

/// The form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Container {
    Mp4,
    Mov,
    M2ts,
    Mxf,
    /// No container: the codec's own form.
    Raw,
    /// A playlist and its segments.
    M3u8,
}

impl Group {
    pub(super) fn read(node: &Node<'_>, input: &Input) -> Result<Self, Wrong> {
        node.ignore(&["name", "customName"]);
        let Some(settings) = node.get("outputGroupSettings") else {
            return Err(node.invalid("outputGroupSettings", "is a required property"));
        };
        let (inside, is_hls) = match settings.text("type") {
            Some("FILE_GROUP_SETTINGS") => ("fileGroupSettings", false),
            Some("HLS_GROUP_SETTINGS") => ("hlsGroupSettings", true),
            Some(_) => return Err(settings.not_emulated("type")),
            None => return Err(settings.invalid("type", "is a required property")),
        };
        let Some(group) = settings.get(inside) else {
            return Err(settings.invalid(inside, "is a required property"));
        };
        let Some(destination) = group.text("destination") else {
            return Err(group.invalid("destination", "is a required property"));
        };
        let Some(destination) = Address::read(destination) else {
            return Err(group.invalid("destination", "should be s3://bucket/key"));
        };
        if let Some(s3) = group.get("destinationSettings").and_then(|to| to.get("s3Settings")) {
            // Who may read it and how the store encrypts it is the account's own affair.
            s3.ignore(&["accessControl", "encryption", "storageClass"]);
        }
        let hls = if is_hls { Some(Hls::read(&group)?) } else { None };
        let outputs = node.items("outputs");
        if outputs.is_empty() {
            return Err(node.invalid("outputs", "should not be empty"));
        }
        let outputs = outputs
            .iter()
            .map(|output| Output::read(output, input, is_hls))
            .collect::<Result<_, _>>()?;
        Ok(Self { destination, hls, outputs })
    }

    /// What the names of the group's files begin with: the last part of the destination, or the
    /// name of the input.
    pub(in super::super) fn base(&self, input: &Address) -> Address {
        if !self.destination.key.is_empty() && !self.destination.key.ends_with('/') {
            return self.destination.clone();
        }
        let name = input.key.rsplit('/').next().unwrap_or_default();
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        self.destination.with_key(format!("{}{stem}", self.destination.key))
    }
}

impl Hls {
    fn read(node: &Node<'_>) -> Result<Self, Wrong> {
        node.only("directoryStructure", &["SINGLE_DIRECTORY"])?;
        node.only("segmentControl", &["SEGMENTED_FILES"])?;
        node.only("manifestCompression", &["NONE"])?;
        node.only("outputSelection", &["MANIFESTS_AND_SEGMENTS"])?;
        node.only("captionLanguageSetting", &["OMIT"])?;
        node.only("imageBasedTrickPlay", &["NONE"])?;
        node.only("programDateTime", &["EXCLUDE"])?;
        node.only("streamInfResolution", &["INCLUDE"])?;
        node.only("segmentLengthControl", &["EXACT", "GOP_MULTIPLE"])?;
        // Metadata and hints nobody sees in a file at rest.
        node.ignore(&[
            "timedMetadataId3Period",
            "timedMetadataId3Frame",
            "codecSpecification",
            "clientCache",
            "minSegmentLength",
            "minFinalSegmentLength",
            "programDateTimePeriod",
            "timestampDeltaMilliseconds",
            "targetDurationCompatibilityMode",
            "audioOnlyHeader",
        ]);
        let whole_seconds = node.text("manifestDurationFormat") == Some("INTEGER");
        Ok(Self { segment: node.required("segmentLength")?, whole_seconds })
    }
}

impl Output {
    fn read(node: &Node<'_>, input: &Input, hls: bool) -> Result<Self, Wrong> {
        let modifier = node.text("nameModifier").unwrap_or_default().to_owned();
        if modifier.contains('$') {
            return Err(node.not_emulated("nameModifier"));
        }
        let extension = node.text("extension").map(str::to_owned);
        let video = node.get("videoDescription").map(|video| Video::read(&video)).transpose()?;
        let audio = node.items("audioDescriptions");
        let audio: Vec<_> =
            audio.iter().map(|audio| Audio::read(audio, input)).collect::<Result<_, _>>()?;
        let captions = node.items("captionDescriptions");
        let captions: Vec<_> =
            captions.iter().map(|one| Captions::read(one, input)).collect::<Result<_, _>>()?;
        let container = container(node)?;
        if hls && container != Container::M3u8 {
            return Err(
                node.invalid("containerSettings/container", "should be M3U8 in an HLS group")
            );
        }
        if !captions.is_empty() && (container != Container::Raw || captions.len() > 1) {
            return Err(node.not_emulated("captionDescriptions"));
        }
        if video.is_none() && audio.is_empty() && captions.is_empty() {
            return Err(node.invalid("", "should have video, audio or captions"));
        }
        let frames = video.as_ref().map(|video| matches!(video.codec, VideoCodec::Frames { .. }));
        if frames == Some(true) && (container != Container::Raw || !audio.is_empty()) {
            return Err(
                node.invalid("containerSettings/container", "should be RAW for FRAME_CAPTURE")
            );
        }
        let (mut audio_group, mut segment_modifier) = (None, String::new());
        if let Some(settings) = node.get("outputSettings").and_then(|of| of.get("hlsSettings")) {
            settings.only("iFrameOnlyManifest", &["EXCLUDE"])?;
            settings.only("audioOnlyContainer", &["AUTOMATIC", "M2TS"])?;
            settings.only("descriptiveVideoServiceFlag", &["DONT_FLAG"])?;
            settings.ignore(&["audioTrackType", "audioRenditionSets"]);
            settings.text("segmentModifier").unwrap_or_default().clone_into(&mut segment_modifier);
            if segment_modifier.replace("$dt$", "").contains('$') {
                return Err(settings.not_emulated("segmentModifier"));
            }
            audio_group = settings.text("audioGroupId").map(str::to_owned);
        }
        Ok(Self {
            modifier,
            extension,
            container,
            video,
            audio,
            captions,
            segment_modifier,
            audio_group,
        })
    }
}

fn container(node: &Node<'_>) -> Result<Container, Wrong> {
    let Some(settings) = node.get("containerSettings") else {
        return Err(node.invalid("containerSettings", "is a required property"));
    };
    if let Some(mp4) = settings.get("mp4Settings") {
        mp4.only("moovPlacement", &["PROGRESSIVE_DOWNLOAD"])?;
        mp4.ignore(&["cslgAtom", "freeSpaceBox", "ctVersion", "mp4MajorBrand", "audioDuration"]);
    }
    if let Some(mov) = settings.get("movSettings") {
        mov.ignore(&["clapAtom", "cslgAtom", "mpeg2FourCCControl", "paddingControl", "reference"]);
    }
    if let Some(mxf) = settings.get("mxfSettings") {
        mxf.only("profile", &["OP1A"])?;
        mxf.ignore(&["afdSignaling"]);
    }
    for name in ["m3u8Settings", "m2tsSettings"] {
        // The tables of the transport stream; ffmpeg chooses its own.
        settings.ignore(&[name]);
    }
    match settings.text("container") {
        Some("MP4") => Ok(Container::Mp4),
        Some("MOV") => Ok(Container::Mov),
        Some("M2TS") => Ok(Container::M2ts),
        Some("MXF") => Ok(Container::Mxf),
        Some("RAW") => Ok(Container::Raw),
        Some("M3U8") => Ok(Container::M3u8),
        Some(_) => Err(settings.not_emulated("container")),
        None => Err(settings.invalid("container", "is a required property")),
    }
}
