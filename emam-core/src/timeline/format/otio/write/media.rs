//! Media references of clips.

use std::borrow::Cow;
use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

use super::super::json::{Tape, Value};
use super::super::print::Printer;
use super::super::schema::{ORIGINAL, key};
use super::Writer;
use super::blocks::{self, Block, Exact};
use crate::error::Result;
use crate::model::{AssetSource, Clip, ClipSource, MediaSummary, Role, Sequence};
use crate::time::{MediaTime, Rate, Rescaled, Timecode};
use crate::timeline::format::{ClipMedia, Flavour, Target};
use crate::timeline::placement::is_still;

/// The timecode of the first frame of media, counted at `rate`; zero where it has none.
pub(in crate::timeline::format::otio) fn first_frame(
    start: Option<Timecode>,
    rate: Rate,
) -> Result<MediaTime> {
    match start {
        // Sound may carry a timecode in frames while it counts in samples.
        Some(timecode) => timecode.time().rescale_nearest(rate),
        None => Ok(MediaTime::zero(rate)),
    }
}

/// A reference to be written.
enum Reference<'m> {
    /// A rendition, with its address if it has one.
    Media(Role, Option<&'m str>),
    /// As a file had it.
    Kept(Value<'m>),
}

impl<'a> Writer<'a> {
    /// The members of a clip that say what it shows.
    pub(super) fn references(
        &mut self,
        sequence: &Sequence,
        clip: &'a Clip,
        media: Option<&'a ClipMedia>,
        left: Option<Value<'_>>,
    ) -> Result<()> {
        match (&clip.source, media) {
            (ClipSource::Asset(source), Some(media)) => {
                return self.media(sequence, clip, source, media, left);
            }
            (ClipSource::Generator(generator), _) => {
                let generated = (&*generator.generator, &generator.parameters);
                self.only(left, |writer, left| writer.generator(generated, left));
            }
            (ClipSource::Caption(caption), _) => {
                let text = [("text".to_owned(), caption.text.as_str().into())].into();
                self.only(left, |writer, left| writer.generator(("Caption", &text), left));
            }
            (ClipSource::Asset(_) | ClipSource::Sequence(_), _) => {
                self.only(left, |writer, _| {
                    writer.out.begin("MissingReference.1");
                    writer.out.copy("metadata", "{}");
                    writer.out.member("name", &clip.name);
                    writer.out.copy("available_range", "null");
                    writer.out.copy("available_image_bounds", "null");
                    writer.out.close_object();
                });
            }
        }
        Ok(())
    }

    /// The one reference of a clip that shows no known media.
    fn only(&mut self, left: Option<Value<'_>>, print: impl FnOnce(&mut Self, Option<Value<'_>>)) {
        let left = left.and_then(|left| left.get("emam:reference"));
        if self.options.legacy {
            self.out.key("media_reference");
            return print(self, left);
        }
        self.out.key("media_references");
        self.out.open_object();
        self.out.key(ORIGINAL);
        print(self, left);
        self.out.close_object();
        self.out.member("active_media_reference_key", ORIGINAL);
    }

    fn generator(
        &mut self,
        (kind, parameters): (&str, &BTreeMap<String, serde_json::Value>),
        left: Option<Value<'_>>,
    ) {
        self.out.begin("GeneratorReference.1");
        blocks::metadata(&mut self.out, left, &[]);
        self.or_kept("name", left, |out| out.text(""));
        self.or_kept("available_range", left, Printer::null);
        self.or_kept("available_image_bounds", left, Printer::null);
        self.out.member("generator_kind", kind);
        blocks::json_map(&mut self.out, "parameters", parameters);
        self.rest(left, &["metadata", "name", "available_range", "available_image_bounds"]);
        self.out.close_object();
    }

    fn media(
        &mut self,
        sequence: &Sequence,
        clip: &Clip,
        source: &AssetSource,
        media: &'a ClipMedia,
        clip_left: Option<Value<'_>>,
    ) -> Result<()> {
        let kept = clip_left.and_then(|left| left.get("active_media_reference_key")?.as_text());
        let kept = kept.filter(|_| self.options.target == Target::Original);
        // A cut shows the same media again and again, and says the same of it each time. Of a still
        // it says how much of it the clip shows.
        let place = (source.asset, source.version, self.out.depth());
        let is_alike = kept.is_none() && media.summary.duration.is_some();
        if is_alike && let Some((written, lost)) = self.written.get(&place) {
            self.out.again(written.clone());
            self.references_lost += lost;
            return Ok(());
        }
        let (start, lost) = (self.out.length(), self.references_lost);
        let tape = self.left(&media.foreign, &format!("media {:?}", media.name));
        let left = tape.as_ref().map(Tape::root);
        let original = left.and_then(|left| left.get("emam:original")?.as_text());
        let original = original.unwrap_or(Cow::Borrowed(ORIGINAL));
        let key_of = |role: Role| match role {
            Role::Original => original.clone(),
            role => Cow::Borrowed(key(role)),
        };
        let mut references: BTreeMap<Cow<'_, str>, Reference<'_>> = BTreeMap::new();
        for (key, kept) in left.iter().flat_map(|left| left.members()) {
            if kept.is_object()
                && let Some(thing) = kept.get("emam:thing")
            {
                references.insert(key, Reference::Kept(thing));
            }
        }
        for (role, url) in &media.urls {
            let key = key_of(*role);
            let was = left.and_then(|left| left.get(&key)?.get("emam:url")?.as_text());
            if was.as_deref() != Some(url) {
                references.insert(key, Reference::Media(*role, Some(url)));
            }
        }
        // Without the default key an older reader finds no media at all.
        references.entry(original.clone()).or_insert(Reference::Media(Role::Original, None));
        let active = media.role_for(self.options.target).map_or(original.clone(), key_of);
        let active = kept.filter(|key| references.contains_key(key)).unwrap_or(active);

        let available = self.available(sequence, clip, &media.summary)?;
        if self.options.legacy {
            self.references_lost += references.len() as u64 - 1;
            references.retain(|key, _| *key == active);
            self.out.key("media_reference");
        } else {
            self.out.key("media_references");
            self.out.open_object();
        }
        for (key, reference) in references {
            if !self.options.legacy {
                self.out.key(&key);
            }
            match reference {
                Reference::Kept(thing) => self.out.raw(thing.raw()),
                Reference::Media(role, url) => {
                    let left = left.and_then(|left| left.get(&key));
                    let whole = role == Role::Original || self.options.legacy;
                    let of = Rendition { source, media, role, url, available, whole };
                    self.rendition(&of, left)?;
                }
            }
        }
        if !self.options.legacy {
            self.out.close_object();
            self.out.member("active_media_reference_key", &active);
        }
        if is_alike {
            let lost = self.references_lost - lost;
            self.written.insert(place, (start..self.out.length(), lost));
        }
        Ok(())
    }

    fn rendition(&mut self, of: &Rendition<'_>, left: Option<Value<'_>>) -> Result<()> {
        let name = match (self.options.flavour, of.url) {
            // DaVinci Resolve finds media by the name of its file.
            (Flavour::Resolve, Some(url)) => file_name(url),
            _ => Cow::Borrowed(of.media.name.as_str()),
        };
        let kept = left.is_some_and(|left| left.get("name").is_some());
        let by_file = !kept && *name != *of.media.name;
        let emam = |out: &mut Printer| of.facts(out, kept || by_file, by_file);
        let external = of.url.is_some();
        self.out.begin(if external { "ExternalReference.1" } else { "MissingReference.1" });
        blocks::metadata(&mut self.out, left, &[Block::new("emam", &[], &emam)]);
        self.or_kept("name", left, |out| out.text(&name));
        match of.available {
            _ if left.is_some_and(|left| left.get("available_range").is_some()) => {
                self.or_kept("available_range", left, Printer::null);
            }
            Some((start, duration)) => self.range("available_range", start, duration)?,
            None => self.out.copy("available_range", "null"),
        }
        self.or_kept("available_image_bounds", left, Printer::null);
        if let Some(url) = of.url {
            self.out.member("target_url", url);
        }
        self.rest(left, &["metadata", "name", "available_range", "available_image_bounds"]);
        self.out.close_object();
        Ok(())
    }

    /// The frames the media of a clip has, on its own timecode, if their number is known: where
    /// they start, and how many.
    fn available(
        &self,
        sequence: &Sequence,
        clip: &Clip,
        media: &MediaSummary,
    ) -> Result<Option<(MediaTime, MediaTime)>> {
        let length = match media.duration {
            Some(length) => length,
            // A still has as much as is asked of it, but programs want that said.
            None if is_still(media) => {
                let shown = MediaTime::new(clip.duration, sequence.rate);
                let frames = match shown.rescale(clip.source_start.rate())? {
                    Rescaled::Exact(frames) => frames,
                    Rescaled::Inexact { floor, .. } => floor.saturating_add(1),
                };
                clip.source_start.checked_add(MediaTime::new(frames, clip.source_start.rate()))?
            }
            None => return Ok(None),
        };
        Ok(Some((first_frame(media.start_timecode, length.rate())?, length)))
    }
}

/// One rendition of media.
struct Rendition<'m> {
    source: &'m AssetSource,
    media: &'m ClipMedia,
    role: Role,
    url: Option<&'m str>,
    available: Option<(MediaTime, MediaTime)>,
    /// Whether all that is known of the media stands here.
    whole: bool,
}

impl Rendition<'_> {
    /// What only emam knows of it; what finds the media again stands with the original.
    fn facts(&self, out: &mut Printer, other_name: bool, by_file: bool) {
        let (media, facts) = (self.media, &self.media.summary);
        let mut exact = Exact::default();
        if self.whole {
            exact.text("name", &media.name);
            exact.text("reel", media.reel.as_deref().unwrap_or_default());
            exact.foreign(&media.foreign, false);
            for (key, text) in texts(facts) {
                exact.text(key, text.unwrap_or_default());
            }
            out.member("asset_id", &self.source.asset.to_string());
            out.number("audio_channels", i64::from(facts.audio_channels));
        }
        exact.text("url", self.url.unwrap_or_default());
        let [md5, container, video, audio] = texts(facts);
        let text = |out: &mut Printer, (key, text): (&str, Option<&str>)| {
            if let Some(text) = text.filter(|_| self.whole) {
                out.member(key, text);
            }
        };
        text(out, audio);
        text(out, container);
        if let Some(timecode) = facts.start_timecode {
            out.flag("drop", timecode.drop_frame());
        }
        if let Some(length) = facts.duration {
            out.number("duration", length.value());
        }
        exact.print(out);
        if self.whole {
            blocks::foreign(out, &media.foreign, false);
            if let Some(rate) = facts.rate {
                out.member("frame_rate", &rate.to_string());
            }
            if let Some(height) = facts.height {
                out.number("height", i64::from(height));
            }
        }
        text(out, md5);
        if self.whole && other_name {
            out.member("name", &media.name);
        }
        if let Some(length) = facts.duration {
            out.member("rate", &length.rate().to_string());
        }
        text(out, ("reel", media.reel.as_deref()));
        out.member("role", self.role.as_str());
        if by_file {
            out.member("shown", "file_name");
        }
        if self.whole {
            blocks::whole(out, "size", facts.size);
        }
        if let Some(timecode) = facts.start_timecode {
            out.member("start_timecode", &timecode.to_string());
            if facts.duration.map(MediaTime::rate) != Some(timecode.rate()) {
                out.member("timecode_rate", &timecode.rate().to_string());
            }
        }
        if let Some(version) = self.source.version.filter(|_| self.whole) {
            out.member("version_id", &version.to_string());
        }
        text(out, video);
        if let Some(width) = facts.width.filter(|_| self.whole) {
            out.number("width", i64::from(width));
        }
    }
}

/// The texts of a summary, by the name of their field.
fn texts(facts: &MediaSummary) -> [(&'static str, Option<&str>); 4] {
    [
        ("md5", facts.md5.as_deref()),
        ("container", facts.container.as_deref()),
        ("video_codec", facts.video_codec.as_deref()),
        ("audio_codec", facts.audio_codec.as_deref()),
    ]
}

/// The name of the file an address ends in.
pub(in crate::timeline::format::otio) fn file_name(url: &str) -> Cow<'_, str> {
    let last = url.rsplit(['/', '\\']).next().unwrap_or(url);
    percent_decode_str(last).decode_utf8().unwrap_or(Cow::Borrowed(last))
}
