//! What is read: the file, its clip, its timecode, and what is chosen of its sound and captions.

use std::collections::BTreeMap;

use super::super::settings::{Node, Wrong};
use super::Address;
use super::audio::Remix;
use super::captions::CaptionSource;

/// The input of a job.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct Input {
    pub(in super::super) file: Address,
    pub(in super::super) timecode: TimecodeSource,
    /// The first and the last timecode to use, both inclusive; the whole file without.
    pub(in super::super) clip: Option<(Option<String>, Option<String>)>,
    /// Whether the rotation the file asks for is applied.
    pub(in super::super) rotate: bool,
    /// What of the sound can be used, by name.
    pub(in super::super) audio: BTreeMap<String, Selector>,
    /// The captions that can be used, by name.
    pub(in super::super) captions: BTreeMap<String, CaptionSource>,
}

/// Sound chosen from the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Selector {
    /// The audio tracks, from 1, whose channels follow one another.
    pub(in super::super) tracks: Vec<usize>,
    pub(in super::super) remix: Option<Remix>,
    /// Later by so many milliseconds; may be negative.
    pub(in super::super) offset_ms: i64,
}

/// Where a timecode comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum TimecodeSource {
    /// The file's own.
    Embedded,
    /// 00:00:00:00.
    Zero,
    /// This one.
    Start(String),
}

impl TimecodeSource {
    pub(super) fn read(node: &Node<'_>, source: &str, start: &str) -> Result<Self, Wrong> {
        let start = node.text(start);
        match node.text(source) {
            Some("ZEROBASED") => Ok(Self::Zero),
            Some("SPECIFIEDSTART") => match start {
                Some(start) => Ok(Self::Start(start.to_owned())),
                None => Err(node.invalid("start", "is a required property")),
            },
            _ => Ok(Self::Embedded),
        }
    }
}

impl Input {
    pub(super) fn read(node: &Node<'_>) -> Result<Self, Wrong> {
        let Some(file) = node.text("fileInput") else {
            return Err(node.invalid("fileInput", "is a required property"));
        };
        let Some(file) = Address::read(file) else { return Err(node.not_emulated("fileInput")) };
        node.only("filterEnable", &["AUTO", "DISABLE"])?;
        node.only("deblockFilter", &["DISABLED"])?;
        node.only("denoiseFilter", &["DISABLED"])?;
        node.only("inputScanType", &["AUTO"])?;
        // Which program of a transport stream, and what to do about its tables: there is one.
        node.ignore(&["filterStrength", "psiControl", "programNumber", "dolbyVisionMetadataXml"]);
        let mut rotate = false;
        if let Some(video) = node.get("videoSelector") {
            video.only("colorSpace", &["FOLLOW"])?;
            video.only("colorSpaceUsage", &["FALLBACK"])?;
            video.only("alphaBehavior", &["DISCARD"])?;
            video.only("embeddedTimecodeOverride", &["NONE"])?;
            rotate = match video.text("rotate") {
                Some("AUTO") => true,
                None | Some("DEGREE_0") => false,
                Some(_) => return Err(video.not_emulated("rotate")),
            };
        }
        let mut clips = node.items("inputClippings");
        if clips.len() > 1 {
            return Err(node.not_emulated("inputClippings/1"));
        }
        let text = |clip: &Node<'_>, name: &str| clip.text(name).map(str::to_owned);
        let clip =
            clips.pop().map(|clip| (text(&clip, "startTimecode"), text(&clip, "endTimecode")));
        let audio = node.entries("audioSelectors");
        let audio = audio
            .into_iter()
            .map(|(name, selector)| Ok((name, Selector::read(&selector)?)))
            .collect::<Result<_, Wrong>>()?;
        let captions = node.entries("captionSelectors");
        let captions = captions
            .into_iter()
            .map(|(name, selector)| Ok((name, CaptionSource::read(&selector)?)))
            .collect::<Result<_, Wrong>>()?;
        let timecode = TimecodeSource::read(node, "timecodeSource", "timecodeStart")?;
        Ok(Self { file, timecode, clip, rotate, audio, captions })
    }
}

impl Selector {
    fn read(node: &Node<'_>) -> Result<Self, Wrong> {
        node.only("selectorType", &["TRACK"])?;
        node.only("audioDurationCorrection", &["DISABLED", "AUTO"])?;
        // Of several selectors the default one only matters to outputs that name none.
        node.ignore(&["defaultSelection", "programSelection"]);
        let tracks = node.numbers("tracks").unwrap_or_else(|| vec![1.0]);
        let tracks = tracks.into_iter().map(|track| track as usize).collect();
        let remix = node.get("remixSettings").map(|remix| Remix::read(&remix)).transpose()?;
        let offset_ms = node.int("offset").unwrap_or(0);
        Ok(Self { tracks, remix, offset_ms })
    }
}
