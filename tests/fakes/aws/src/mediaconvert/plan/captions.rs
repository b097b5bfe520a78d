//! Captions: from a file beside the media or from the picture, to WebVTT.

use super::super::settings::{Node, Wrong};
use super::Address;
use super::input::Input;

/// Where captions come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum CaptionSource {
    /// A file beside the media.
    File(Address),
    /// CEA-608 in the picture.
    Embedded,
    /// A subtitle track of the file, from 1.
    Track(usize),
}

/// Captions of an output, always as WebVTT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Captions {
    pub(in super::super) source: CaptionSource,
    pub(in super::super) srt: bool,
}

impl CaptionSource {
    pub(super) fn read(node: &Node<'_>) -> Result<Self, Wrong> {
        node.ignore(&["languageCode", "customLanguageCode"]);
        let Some(source) = node.get("sourceSettings") else {
            return Err(node.invalid("sourceSettings", "is a required property"));
        };
        match source.text("sourceType") {
            Some("SRT" | "WEBVTT") => {
                let Some(file) = source.get("fileSourceSettings") else {
                    return Err(source.invalid("fileSourceSettings", "is a required property"));
                };
                if file.int("timeDelta").is_some_and(|delta| delta != 0) {
                    return Err(file.not_emulated("timeDelta"));
                }
                match file.text("sourceFile").and_then(Address::read) {
                    Some(address) => Ok(Self::File(address)),
                    None => Err(file.not_emulated("sourceFile")),
                }
            }
            Some("EMBEDDED") => {
                if let Some(embedded) = source.get("embeddedSourceSettings") {
                    let fields = ["source608ChannelNumber", "source608TrackNumber"];
                    embedded.ignore(&fields);
                    embedded.only("convert608To708", &["DISABLED"])?;
                    embedded.only("terminateCaptions", &["DISABLED", "END_OF_INPUT"])?;
                }
                Ok(Self::Embedded)
            }
            Some("TRACK") => {
                let track = source.get("trackSourceSettings").and_then(|to| to.int("trackNumber"));
                Ok(Self::Track(track.and_then(|track| usize::try_from(track).ok()).unwrap_or(1)))
            }
            _ => Err(source.not_emulated("sourceType")),
        }
    }
}

impl Captions {
    pub(super) fn read(node: &Node<'_>, input: &Input) -> Result<Self, Wrong> {
        node.ignore(&["languageCode", "languageDescription", "customLanguageCode"]);
        let name = node.text("captionSelectorName").unwrap_or_default();
        let Some(source) = input.captions.get(name).cloned() else {
            let why = format!("names the captions selector {name:?}, which no input has");
            return Err(node.invalid("captionSelectorName", &why));
        };
        let Some(destination) = node.get("destinationSettings") else {
            return Err(node.invalid("destinationSettings", "is a required property"));
        };
        if let Some(webvtt) = destination.get("webvttDestinationSettings") {
            webvtt.only("stylePassthrough", &["DISABLED", "ENABLED", "STRICT", "MERGE"])?;
            webvtt.only("accessibility", &["DISABLED"])?;
        }
        match destination.text("destinationType") {
            Some("WEBVTT") => Ok(Self { source, srt: false }),
            Some("SRT") => Ok(Self { source, srt: true }),
            _ => Err(destination.not_emulated("destinationType")),
        }
    }
}
