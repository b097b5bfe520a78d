//! The media that files are.

use std::collections::BTreeMap;

use super::super::dom::Element;
use super::super::effects::is_true;
use super::super::foreign::{kept, ordered, rest};
use super::super::forms;
use super::super::frames::{is_sayable, rescaled};
use super::super::write::{channels_of, size_of};
use super::{Reader, own};
use crate::model::{AssetSource, MediaSummary, Role};
use crate::time::{MediaTime, Rate, Timecode};
use crate::timeline::IssueKind;
use crate::timeline::format::ClipMedia;
use crate::timeline::format::url::{file_name, normal_url};

/// The media of a file element.
#[derive(Debug, Clone, Copy)]
pub(super) struct File {
    pub(super) source: AssetSource,
    /// How long it is, counted as its media counts.
    pub(super) duration: Option<MediaTime>,
    /// The rate its media counts at.
    pub(super) rate: Option<Rate>,
    pub(super) channels: u32,
}

impl<'d> Reader<'_, 'd> {
    /// The media of a file. `inherited` is the rate of what it stands in.
    pub(super) fn file(&mut self, element: Element<'d>, inherited: Option<Rate>) -> File {
        let element = self.resolve(element);
        if let Some(file) = self.files.get(&element.index()) {
            return *file;
        }
        if !element.has_children() {
            let message = "this refers to a file that is not in the XML; its media is missing";
            self.note(element, IssueKind::UnknownMedia, message);
        }
        let media = self.clip_media(element, inherited);
        let id = element.attribute("id").map(|id| id.into_owned());
        let claimed = own(element, "asset").and_then(|id| id.parse().ok()).map(|asset| {
            let version = own(element, "version").and_then(|id| id.parse().ok());
            AssetSource { version, ..AssetSource::new(asset) }
        });
        // One file may be told twice, under two ids.
        let key = match (media.urls.values().next(), &id) {
            (Some(url), _) => {
                format!(
                    "{url}\n{:?}\n{:?}\n{claimed:?}",
                    media.summary.rate, media.summary.duration
                )
            }
            (None, Some(id)) => format!("file {id}\n{claimed:?}"),
            (None, None) => format!("element {}\n{claimed:?}", element.index()),
        };
        let MediaSummary { duration, rate, audio_channels, .. } = media.summary;
        let source = self.reading.media(&key, claimed, || media);
        let rate = duration.map(MediaTime::rate).or(rate);
        let file = File { source, duration, rate, channels: audio_channels };
        self.files.insert(element.index(), file);
        file
    }

    /// Media that no file tells of.
    pub(super) fn missing_media(&mut self, key: &str, name: &str) -> File {
        let media = ClipMedia { name: name.to_owned(), ..ClipMedia::default() };
        let source = self.reading.media(&format!("missing {key}"), None, || media);
        File { source, duration: None, rate: None, channels: 0 }
    }

    fn clip_media(&mut self, element: Element<'d>, inherited: Option<Rate>) -> ClipMedia {
        let media = element.child("media");
        let video = media.and_then(|media| media.child("video"));
        let audio: Vec<_> = media.into_iter().flat_map(|media| media.named("audio")).collect();
        let duration = self.number(element, "duration").filter(|frames| *frames > 0);
        let rate = match element.child("rate") {
            None if duration.is_none() => None,
            _ => self.rate(element, inherited),
        };
        let duration = duration.zip(rate).map(|(frames, rate)| MediaTime::new(frames, rate));
        let (width, height) = video.map_or((None, None), size_of);
        // A file that tells of no stream at all is taken for one with a picture.
        let picture = video.is_some() || (audio.is_empty() && rate.is_some());
        let timecode = element.child("timecode");
        let said = MediaSummary {
            width,
            height,
            rate: rate.filter(|_| picture),
            duration,
            start_timecode: timecode.and_then(|timecode| self.timecode(timecode, rate)),
            audio_channels: channels_of(&audio),
            ..MediaSummary::default()
        };
        let known = own(element, "media").and_then(|json| serde_json::from_str(&json).ok());
        let summary = match known {
            Some(known) => agreed(known, said, rate),
            None => said,
        };
        let url = element.child_text("pathurl").filter(|url| !url.trim().is_empty());
        let url = url.map(|url| normal_url(&url));
        let known: Option<BTreeMap<Role, String>> =
            own(element, "urls").and_then(|json| serde_json::from_str(&json).ok());
        let known = known.filter(|known| match &url {
            Some(url) => known.values().any(|known| normal_url(known) == *url),
            None => true,
        });
        let reel = timecode.and_then(|timecode| timecode.at(&["reel", "name"]));
        let reel = reel.map(|reel| reel.text().into_owned()).filter(|reel| !reel.is_empty());
        let name = element.child_text("name").map(|name| name.into_owned());
        ClipMedia {
            name: name.or_else(|| file_name(url.as_deref()?)).unwrap_or_default(),
            foreign: kept(file_rest(element, &summary)),
            summary,
            urls: known
                .unwrap_or_else(|| url.map(|url| (Role::Original, url)).into_iter().collect()),
            reel,
        }
    }

    /// The timecode of a first frame.
    pub(super) fn timecode(
        &mut self,
        element: Element<'d>,
        inherited: Option<Rate>,
    ) -> Option<Timecode> {
        let rate = self.rate(element, inherited)?;
        let drop = element.child_text("displayformat").is_some_and(|form| form.trim() == "DF");
        let text = element.child_text("string").unwrap_or_default();
        let frame = match self.number(element, "frame") {
            Some(frame) => frame,
            None if text.trim().is_empty() => return None,
            None => match Timecode::parse_unbounded(&text, rate) {
                Ok(read) => read.frames(),
                Err(error) => {
                    let message = format!("the timecode {text:?} is wrong: {}", error.message());
                    self.note(element, IssueKind::NotUnderstood, message);
                    return None;
                }
            },
        };
        if drop && !rate.can_drop() {
            let message = format!("there is no drop-frame timecode at {rate}; it is taken as not");
            self.note(element, IssueKind::Corrected, message);
        }
        Timecode::new(frame, rate, drop && rate.can_drop()).ok()
    }
}

/// What emam itself said of media, where the elements beside it still say the same.
fn agreed(known: MediaSummary, said: MediaSummary, rate: Option<Rate>) -> MediaSummary {
    let at_said = |length: MediaTime| rate.and_then(|r| rescaled(length.value(), length.rate(), r));
    let duration = match known.duration {
        Some(length) if at_said(length) == said.duration.map(MediaTime::value) => Some(length),
        _ => said.duration,
    };
    let same_rate = match (known.rate, said.rate) {
        (Some(known), Some(said)) => known == said || !is_sayable(known),
        (known, said) => known.is_none() == said.is_none(),
    };
    MediaSummary {
        rate: if same_rate { known.rate } else { said.rate },
        duration,
        width: said.width,
        height: said.height,
        // Zero is written for what has none.
        start_timecode: said.start_timecode.filter(|start| {
            known.start_timecode.is_some() || start.frames() != 0 || start.drop_frame()
        }),
        audio_channels: said.audio_channels,
        ..known
    }
}

fn file_rest(element: Element<'_>, summary: &MediaSummary) -> Option<String> {
    let mut inner = String::new();
    for child in ordered(element, &["timecode", "media"]) {
        match child.name() {
            "name" | "pathurl" | "rate" | "duration" => {}
            "timecode" => inner.extend(timecode_rest(child)),
            "media" => {
                let picture = forms::picture(summary.rate, summary.width, summary.height);
                let sound = forms::sound(summary.audio_channels);
                let mut streams = String::new();
                let streams_of = ordered(child, &["video", "audio"]);
                for stream in streams_of.into_iter().map(Element::raw) {
                    if stream != picture && stream != sound {
                        streams.push_str(stream);
                    }
                }
                inner.extend(rest(child, |_| false, &streams));
            }
            _ => inner.push_str(child.raw()),
        }
    }
    rest(element, |name| name == "id", &inner)
}

/// What is left of a timecode.
pub(super) fn timecode_rest(element: Element<'_>) -> Option<String> {
    let known = ["rate", "string", "frame", "displayformat", "reel"];
    let inner: String =
        element.children().filter(|c| !known.contains(&c.name())).map(Element::raw).collect();
    rest(element, |_| false, &inner)
}

/// Whether a flag is set; what stands there otherwise.
pub(super) fn flag(element: Element<'_>, name: &str, otherwise: bool) -> bool {
    element.child_text(name).map_or(otherwise, |text| is_true(&text))
}
