//! Premiere's projects: XML, packed by gzip.
//!
//! The format is not published. What is read was seen in projects of versions from 2014 to 2026:
//! below `PremiereData` lie all objects side by side; a `Media` names its file in
//! `ActualMediaFilePath`, `FilePath` and `RelativePath` and refers to a `VideoStream` and an
//! `AudioStream` by number, which hold the length in ticks and, in ticks a frame, the rate.

use std::collections::HashMap;
use std::io::Read;

use quick_xml::events::{BytesStart, Event};

use super::bounded::{broken, for_each};
use super::{Issue, IssueKind, Used};
use crate::error::Result;
use crate::time::{MediaTime, Rate};

/// Ticks a second in Premiere.
const TICKS: u64 = 254_016_000_000;

/// The longest text kept; paths are shorter.
const LONGEST: usize = 64 * 1024;

/// A `Media` being read.
#[derive(Default)]
struct Media {
    actual: String,
    file: String,
    relative: String,
    title: String,
    video: Option<String>,
}

/// What a `VideoStream` says of time, in ticks.
#[derive(Default)]
struct Stream {
    duration: String,
    frame: String,
}

enum Object {
    Media(Media),
    Stream(String, Stream),
}

struct Project<'u, 'a> {
    used: &'u mut Used<'a>,
    object: Option<Object>,
    /// The text of the element of the object that is open.
    text: Option<String>,
    streams: HashMap<String, Stream>,
    /// Which stream each file refers to.
    timed: Vec<(usize, String)>,
    is_project: bool,
}

/// Reads the media of a project.
pub(super) fn read(file: impl Read, used: &mut Used<'_>) -> Result<()> {
    let max = used.options.max_unpacked;
    let mut project = Project {
        used,
        object: None,
        text: None,
        streams: HashMap::new(),
        timed: Vec::new(),
        is_project: false,
    };
    for_each(file, max, |event, depth| project.take(event, depth))?;
    if !project.is_project {
        return Err(broken("it has no element PremiereData"));
    }
    project.finish();
    Ok(())
}

impl Project<'_, '_> {
    fn take(&mut self, event: &Event<'_>, depth: usize) -> Result<()> {
        match (event, depth) {
            (Event::Start(tag), 1) => {
                if tag.name().as_ref() != "PremiereData" {
                    return Err(broken("its first element is not PremiereData"));
                }
                self.is_project = true;
            }
            // Objects are named by an attribute; elements of the same name elsewhere refer to them.
            (Event::Start(tag), 2) => self.object = object(tag),
            (Event::Start(tag), 3) if self.object.is_some() => {
                self.text = Some(String::new());
                if let Some(Object::Media(media)) = &mut self.object
                    && tag.name().as_ref() == "VideoStream"
                {
                    media.video = attribute(tag, "ObjectRef");
                }
            }
            (Event::Text(text), 3) => self.add(text),
            (Event::CData(text), 3) => self.add(text),
            (Event::GeneralRef(entity), 3) => {
                let character = entity.resolve_char_ref().ok().flatten();
                let predefined = quick_xml::escape::resolve_predefined_entity(entity);
                match (character, predefined) {
                    (Some(character), _) => self.add(character.encode_utf8(&mut [0; 4])),
                    (None, Some(text)) => self.add(text),
                    // No entity is declared in a project.
                    (None, None) => return Err(broken("it has an entity that is not of XML")),
                }
            }
            (Event::End(tag), 3) => self.close_field(tag.name().as_ref()),
            (Event::End(_), 2) => self.close_object()?,
            _ => {}
        }
        Ok(())
    }

    fn add(&mut self, part: &str) {
        if let Some(text) = &mut self.text
            && text.len() + part.len() <= LONGEST
        {
            text.push_str(part);
        }
    }

    fn close_field(&mut self, name: &str) {
        let Some(text) = self.text.take() else { return };
        let field = match (&mut self.object, name) {
            (Some(Object::Media(media)), "ActualMediaFilePath") => &mut media.actual,
            (Some(Object::Media(media)), "FilePath") => &mut media.file,
            (Some(Object::Media(media)), "RelativePath") => &mut media.relative,
            (Some(Object::Media(media)), "Title") => &mut media.title,
            (Some(Object::Stream(_, stream)), "Duration") => &mut stream.duration,
            (Some(Object::Stream(_, stream)), "FrameRate") => &mut stream.frame,
            _ => return,
        };
        // Premiere pads no path, and a name may end with a blank.
        *field = text;
    }

    fn close_object(&mut self) -> Result<()> {
        match self.object.take() {
            Some(Object::Media(media)) => self.media(media),
            Some(Object::Stream(id, stream)) => {
                // As many as there may be files: their number is not told beforehand.
                let most = usize::try_from(self.used.options.max_files).unwrap_or(usize::MAX);
                if self.streams.len() < most {
                    self.streams.insert(id, stream);
                }
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn media(&mut self, media: Media) -> Result<()> {
        let Media { actual, file, relative, title, video } = media;
        let mut paths = Vec::new();
        for path in [actual, file, relative] {
            // What Premiere makes itself, as black and bars, has a number there.
            let is_path = path.contains(['/', '\\', '.']);
            if is_path && !paths.contains(&path) {
                paths.push(path);
            }
        }
        if paths.is_empty() {
            let message = format!("media {title:?} is in no file; Premiere makes it by itself");
            self.used.note(Issue::new(IssueKind::NotCarried, message));
            return Ok(());
        }
        let title = Some(title).filter(|title| !title.is_empty());
        let before = self.used.files.len();
        if let Some(place) = self.used.add(title, paths)?
            && place >= before
            && let Some(video) = video
        {
            self.timed.push((place, video));
        }
        Ok(())
    }

    /// Gives the files the times of their streams, which may stand anywhere.
    fn finish(self) {
        for (place, stream) in self.timed {
            let Some(stream) = self.streams.get(&stream) else { continue };
            let Some(file) = self.used.files.get_mut(place) else { continue };
            let Some(rate) = rate(&stream.frame) else { continue };
            file.rate = Some(rate);
            let ticks = stream.duration.trim().parse().ok().filter(|ticks| *ticks > 0);
            file.duration =
                ticks.and_then(|ticks| MediaTime::from_premiere_ticks_nearest(ticks, rate).ok());
        }
    }
}

/// The object an element is, if it is one whose fields matter.
fn object(tag: &BytesStart<'_>) -> Option<Object> {
    match tag.name().as_ref() {
        "Media" => {
            let named = attribute(tag, "ObjectUID").or_else(|| attribute(tag, "ObjectID"));
            named.map(|_| Object::Media(Media::default()))
        }
        "VideoStream" => Some(Object::Stream(attribute(tag, "ObjectID")?, Stream::default())),
        _ => None,
    }
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = tag.attributes().flatten().find(|a| a.key.as_ref() == name)?;
    (attribute.value.len() <= 256).then(|| attribute.value.into_owned())
}

/// The rate of so many ticks a frame.
fn rate(ticks: &str) -> Option<Rate> {
    let ticks: u64 = ticks.trim().parse().ok().filter(|ticks| *ticks > 0)?;
    let (mut common, mut rest) = (TICKS, ticks);
    while rest > 0 {
        (common, rest) = (rest, common % rest);
    }
    let num = u32::try_from(TICKS / common).ok()?;
    let den = u32::try_from(ticks / common).ok()?;
    Rate::new(num, den).ok()
}
