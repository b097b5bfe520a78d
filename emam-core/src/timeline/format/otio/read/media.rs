//! Media references of clips: media that stands once, whatever clips show it.

use std::collections::{BTreeMap, HashMap};

use xxhash_rust::xxh3::xxh3_64;

use super::super::facts::{Facts, Left, visible};
use super::super::json::{Value, compact};
use super::super::schema::{ORIGINAL, Schema, members, role};
use super::super::time::Time;
use super::super::write::{file_name, first_frame};
use super::clip::References;
use super::{Reader, text, whole};
use crate::error::Result;
use crate::id::AssetId;
use crate::model::{AssetSource, MediaSummary, Role, TrackKind};
use crate::time::{MediaTime, Rate, Timecode};
use crate::timeline::IssueKind;
use crate::timeline::format::ClipMedia;
use crate::timeline::placement::is_still;

/// Samples a second from which on a rate is taken for one of sound.
const SOUND: u32 = 8000;

/// Media met so far.
#[derive(Default)]
pub(super) struct Known<'t> {
    /// By a hash of the text it stands in: most clips say it in the same words.
    by_text: HashMap<u64, Vec<Entry<'t>>>,
    /// By what it says, of media the file gives no id.
    by_content: HashMap<String, AssetSource>,
}

struct Entry<'t> {
    text: &'t str,
    claimed: Option<AssetSource>,
    reel: Option<String>,
    /// The clip that shows it, where nothing else tells it apart.
    clip: Option<String>,
    source: AssetSource,
    /// Whether the file leaves open how many channels of sound it has.
    guessed: bool,
}

/// What a clip says of the media it shows.
pub(super) struct Said<'s, 't> {
    pub(super) clip: &'s str,
    pub(super) claimed: Option<AssetSource>,
    pub(super) reel: Option<&'s str>,
    pub(super) references: &'s References<'t>,
    pub(super) kind: TrackKind,
    /// The rate of the sequence, if its timecode is drop-frame.
    pub(super) drop_rate: Option<Rate>,
}

impl<'t> Reader<'_, 't> {
    /// The media a clip shows, new or known.
    pub(super) fn media(
        &mut self,
        value: Value<'t>,
        said: &Said<'_, 't>,
        left: &mut Left,
    ) -> Result<AssetSource> {
        let references = said.references;
        if role(&references.active).is_none()
            && references.get(ORIGINAL).is_some()
            && references.get(&references.active).is_some()
        {
            left.add(
                "active_media_reference_key",
                &super::super::facts::quoted(&references.active),
            );
        }
        let claimed = said.claimed.map(|claimed| AssetSource { subclip: None, ..claimed });
        let hash = xxh3_64(references.text.as_bytes());
        let found = self.media.by_text.get(&hash).and_then(|entries| {
            entries.iter().find(|entry| {
                entry.text == references.text
                    && entry.claimed == claimed
                    && entry.reel.as_deref() == said.reel
                    && entry.clip.as_deref().is_none_or(|clip| clip == said.clip)
            })
        });
        if let Some(Entry { source, guessed, .. }) = found {
            let source = *source;
            if *guessed && said.kind == TrackKind::Audio {
                self.heard(&source);
            }
            return Ok(source);
        }
        let (source, guessed, by_clip) = self.new_media(value, said, claimed)?;
        if guessed && said.kind == TrackKind::Audio {
            self.heard(&source);
        }
        self.media.by_text.entry(hash).or_default().push(Entry {
            text: references.text,
            claimed,
            reel: said.reel.map(str::to_owned),
            clip: by_clip.then(|| said.clip.to_owned()),
            source,
            guessed,
        });
        Ok(source)
    }

    /// Media that is heard has a channel of sound, whether the file says so or not.
    fn heard(&mut self, source: &AssetSource) {
        if let Some(media) = self.reading.document.media.get_mut(source) {
            media.summary.audio_channels = media.summary.audio_channels.max(1);
        }
    }

    /// Media said in words not met before: its source, whether its channels are not known, and
    /// whether only its clip tells it apart.
    fn new_media(
        &mut self,
        value: Value<'t>,
        said: &Said<'_, 't>,
        claimed: Option<AssetSource>,
    ) -> Result<(AssetSource, bool, bool)> {
        let read = self.clip_media(value, said)?;
        let by_clip = read.media.urls.is_empty();
        let claimed = claimed.or(read.claimed);
        let fresh = AssetSource::new(AssetId::new(self.reading.clock));
        if let Some(source) = claimed {
            let media = &mut self.reading.document.media;
            match media.get(&source) {
                None if read.is_nothing => {}
                None => media.insert(&source, read.media),
                Some(known) if *known == read.media || read.is_nothing => {}
                Some(known) if known.urls == read.media.urls => {
                    let message = format!(
                        "clip {:?} says other facts of its media {:?} than a clip before; those \
                         of the first were taken",
                        said.clip, known.name
                    );
                    self.issue(value, IssueKind::Corrected, message);
                }
                Some(known) => {
                    let message = format!(
                        "clip {:?} claims the same asset as another one, {:?}, and shows other \
                         files; it has an asset of its own now",
                        said.clip, known.name
                    );
                    media.insert(&fresh, read.media);
                    self.issue(value, IssueKind::Corrected, message);
                    return Ok((fresh, read.guessed, by_clip));
                }
            }
            return Ok((source, read.guessed, by_clip));
        }
        let mut content = String::new();
        compact(said.references.text, &mut content);
        content.push_str(said.reel.unwrap_or_default());
        if by_clip {
            content.push('\0');
            content.push_str(said.clip);
        }
        let source = *self.media.by_content.entry(content).or_insert(fresh);
        if source == fresh {
            self.reading.document.media.insert(&fresh, read.media);
        }
        Ok((source, read.guessed, by_clip))
    }

    fn clip_media(&mut self, value: Value<'t>, said: &Said<'_, 't>) -> Result<Read> {
        let references = said.references;
        let original = match references.get(ORIGINAL) {
            Some(_) => ORIGINAL,
            // Files of one reference of another name mean the original by it.
            None => references
                .all
                .iter()
                .map(|(key, _)| key.as_str())
                .find(|key| role(key).is_none() && **key == references.active)
                .or_else(|| {
                    references.all.iter().map(|(key, _)| key.as_str()).find(|k| role(k).is_none())
                })
                .unwrap_or(ORIGINAL),
        };
        let base = references.get(original).or_else(|| references.shown());
        let metadata = base.and_then(|base| base.get("metadata"));
        let facts = Facts::of(metadata);
        let ours = facts.text("role").is_some();
        let shown = base.map(|base| text(base.get("name"))).transpose()?.unwrap_or_default();
        let url = base.and_then(|base| base.get("target_url")?.as_text());
        let name = match facts.text("name") {
            Some(name) => name.into_owned(),
            None if !shown.is_empty() || ours => shown.clone(),
            None => match &url {
                Some(url) if !url.is_empty() => file_name(url).into_owned(),
                _ => said.clip.to_owned(),
            },
        };
        let name = facts.exactly("name", name);
        let available = self.range(base.and_then(|base| base.get("available_range")))?;
        let mut media = ClipMedia {
            summary: self.summary(value, &facts, ours, available, said.drop_rate)?,
            reel: match facts.text("reel") {
                Some(reel) => Some(facts.exactly("reel", reel.into_owned())),
                None if ours => None,
                None => said.reel.map(str::to_owned),
            },
            foreign: facts.foreign(),
            name,
            urls: BTreeMap::new(),
        };
        let claimed = facts.parsed("asset_id").map(|asset| AssetSource {
            asset,
            version: facts.parsed("version_id"),
            subclip: None,
        });
        let mut left = Left::default();
        for (key, reference) in &references.all {
            let role = if key == original { Some(Role::Original) } else { role(key) };
            let mut own = Left::default();
            self.rendition(*reference, role, &mut media, available, &mut own)?;
            left.nest(key, own);
        }
        let is_nothing = !ours
            && media.urls.is_empty()
            && available.is_none()
            && metadata.is_none_or(|metadata| metadata.is_empty() || metadata.is_null())
            && (shown.is_empty() || *shown == *visible(said.clip));
        if original != ORIGINAL {
            left.add("emam:original", &super::super::facts::quoted(original));
        }
        left.into_foreign(&mut media.foreign);
        Ok(Read { media, claimed, guessed: !ours, is_nothing })
    }

    /// One reference: its address, and what is left of it.
    fn rendition(
        &mut self,
        reference: Value<'t>,
        role: Option<Role>,
        media: &mut ClipMedia,
        of_original: Option<(Time, Time)>,
        left: &mut Left,
    ) -> Result<()> {
        let schema = Schema::of(reference)?;
        let names = ["metadata", "name", "available_range", "available_image_bounds", "target_url"];
        let ([metadata, name, available, bounds, url], others) = members(reference, names);
        let address = url.and_then(Value::as_text).filter(|url| !url.is_empty());
        let plain = match schema {
            Schema::ExternalReference => address.is_some(),
            Schema::MissingReference => url.is_none() && role == Some(Role::Original),
            _ => false,
        };
        let facts = Facts::of(metadata);
        let Some(role) = role.filter(|_| plain) else {
            if reference.is_null() {
                return Ok(());
            }
            left.add("emam:thing", reference.raw());
            let address = match schema {
                Schema::ImageSequenceReference => first_image(reference),
                Schema::ExternalReference => address.map(std::borrow::Cow::into_owned),
                _ => None,
            };
            if let (Some(role), Some(address)) = (role, address) {
                left.add("emam:url", &super::super::facts::quoted(&address));
                media.urls.insert(role, address);
            }
            return Ok(());
        };
        let shown = text(name)?;
        let by_file = facts.text("shown").is_some_and(|shown| shown == "file_name");
        if *visible(&media.name) != *shown && !by_file {
            left.add("name", name.map_or("null", Value::raw));
        }
        if role != Role::Original && self.range(available)? != of_original {
            left.add("available_range", available.map_or("null", Value::raw));
        }
        if let Some(address) = address {
            media.urls.insert(role, facts.exactly("url", address.into_owned()));
        }
        // Read from the original, once for all.
        mark(&facts);
        left.keep("available_image_bounds", bounds);
        left.metadata(metadata, &facts, &[])?;
        others.iter().for_each(|(key, value)| left.add(key, value.raw()));
        Ok(())
    }

    /// The facts of media: what emam says, where that is what the range in the file says.
    fn summary(
        &mut self,
        value: Value<'t>,
        facts: &Facts<'t>,
        ours: bool,
        available: Option<(Time, Time)>,
        drop_rate: Option<Rate>,
    ) -> Result<MediaSummary> {
        let mut summary = MediaSummary::default();
        let said: Option<Rate> = facts.parsed("rate");
        if ours {
            let text = |key: &str| facts.text(key).map(|t| facts.exactly(key, t.into_owned()));
            summary.size = whole(facts, "size").unwrap_or(0);
            summary.md5 = text("md5");
            summary.container = text("container");
            summary.video_codec = text("video_codec");
            summary.audio_codec = text("audio_codec");
            summary.width = facts.number("width");
            summary.height = facts.number("height");
            summary.rate = facts.parsed("frame_rate");
            summary.audio_channels = facts.number("audio_channels").unwrap_or(0);
            let length: Option<i64> = facts.number("duration");
            summary.duration = length.zip(said).map(|(value, rate)| MediaTime::new(value, rate));
            let drop = facts.flag("drop").unwrap_or(false);
            let label = facts.text("start_timecode");
            let timecode =
                label.zip(facts.parsed("timecode_rate").or(said)).and_then(|(label, rate)| {
                    let read = Timecode::parse_unbounded(&label, rate).ok()?;
                    Timecode::new(read.frames(), rate, drop).ok()
                });
            summary.start_timecode = timecode;
        }
        let Some((start, length)) = available else { return Ok(summary) };
        let rate = length.exactly(said).rate();
        let frames = self.frames(value, length.exactly(said), rate, "the length of media")?;
        let start = self.frames(value, start.exactly(said), rate, "the start of media")?;
        let agrees = summary.duration == Some(MediaTime::new(frames, rate))
            && first_frame(summary.start_timecode, rate)?.value() == start;
        if agrees || (ours && is_still(&summary)) {
            return Ok(summary);
        }
        summary.duration = (frames > 0).then(|| MediaTime::new(frames, rate));
        let drop = facts.flag("drop").unwrap_or(!ours && drop_rate == Some(rate));
        summary.start_timecode = match start {
            0 => None,
            start => {
                Timecode::new(start, rate, drop).or_else(|_| Timecode::new(start, rate, false)).ok()
            }
        };
        let is_sound = rate.nominal() >= SOUND;
        summary.rate = summary.rate.filter(|_| is_sound).or((!is_sound).then_some(rate));
        Ok(summary)
    }
}

struct Read {
    media: ClipMedia,
    /// The asset its reference names.
    claimed: Option<AssetSource>,
    guessed: bool,
    /// Whether the file says nothing of it.
    is_nothing: bool,
}

/// Marks what emam writes of a rendition as understood.
fn mark(facts: &Facts<'_>) {
    if facts.text("role").is_none() {
        return;
    }
    let _ids: (Option<AssetId>, Option<crate::id::VersionId>) =
        (facts.parsed("asset_id"), facts.parsed("version_id"));
    for key in ["rate", "frame_rate", "timecode_rate"] {
        let _rate: Option<Rate> = facts.parsed(key);
    }
    let texts = [
        "md5",
        "container",
        "video_codec",
        "audio_codec",
        "reel",
        "name",
        "start_timecode",
        "shown",
    ];
    for key in texts {
        let _text = facts.text(key);
    }
    for key in ["audio_channels", "duration", "height", "width"] {
        let _number: Option<i64> = facts.number(key);
    }
    let _rest = (whole(facts, "size"), facts.flag("drop"), facts.foreign());
}

/// The address of the first picture of numbered ones.
fn first_image(reference: Value<'_>) -> Option<String> {
    let part = |key| reference.get(key).and_then(Value::as_text).unwrap_or_default();
    let number = |key| reference.get(key).and_then(Value::as_i64);
    let first = number("start_frame").unwrap_or(1);
    let digits = usize::try_from(number("frame_zero_padding").unwrap_or(0)).ok()?.min(32);
    let base = part("target_url_base");
    let slash = if base.is_empty() || base.ends_with('/') { "" } else { "/" };
    let sign = if first < 0 { "-" } else { "" };
    let number = format!("{sign}{:0digits$}", first.unsigned_abs());
    Some(format!("{base}{slash}{}{number}{}", part("name_prefix"), part("name_suffix")))
}
