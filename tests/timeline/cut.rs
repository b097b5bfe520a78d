//! Sequences with their media, made for a test.

use std::path::Path;

use emam_core::clock::ManualClock;
use emam_core::id::{AssetId, ProjectId};
use emam_core::model::{AssetSource, Clip, Item, MediaSummary, Role, Sequence, Track, TrackKind};
use emam_core::time::{MediaTime, Rate, Timecode};
use emam_core::timeline::format::{
    ClipMedia, Document, Format, MediaMap, Target, WriteOptions, file_url,
};

/// A sequence and the media of its clips.
#[derive(Debug)]
pub struct Cut {
    /// Where new ids come from.
    pub clock: ManualClock,
    /// The sequence.
    pub sequence: Sequence,
    /// The media of its clips.
    pub media: MediaMap,
}

impl Cut {
    /// A sequence without tracks.
    pub fn new(rate: Rate) -> Self {
        let clock = ManualClock::starting_at("2026-01-01T00:00:00Z".parse().unwrap());
        let mut sequence = Sequence::new(&clock, ProjectId::new(&clock), "Rough cut", rate);
        (sequence.width, sequence.height) = (Some(1920), Some(1080));
        Self { clock, sequence, media: MediaMap::new() }
    }

    /// Makes an asset with an original and a proxy.
    pub fn asset(&mut self, name: &str, summary: MediaSummary) -> AssetSource {
        let source = AssetSource::new(AssetId::new(&self.clock));
        let url = |folder: &str| file_url(&Path::new("/media").join(folder).join(name)).unwrap();
        let urls = [(Role::Original, url("originals")), (Role::Proxy, url("proxies"))];
        let media =
            ClipMedia { name: name.into(), summary, urls: urls.into(), ..ClipMedia::default() };
        self.media.insert(&source, media);
        source
    }

    /// Adds a track.
    pub fn track(&mut self, kind: TrackKind, items: Vec<Item>) {
        let track = Track::new(&self.clock, kind, "V1");
        self.sequence.tracks.push(Track { items, ..track });
    }

    /// A clip of an asset.
    pub fn clip(&self, name: &str, source: AssetSource, start: MediaTime, duration: i64) -> Item {
        Item::Clip(Clip::new(&self.clock, name, source, start, duration))
    }

    /// The sequence as a document.
    pub fn document(&self) -> Document {
        Document::new(self.sequence.clone(), self.media.clone())
    }

    /// The text of its `.otio` file.
    pub fn text(&self, target: Target) -> String {
        let options = WriteOptions::default().with_target(target);
        Format::Otio.write(&self.document(), &options).unwrap().text().to_owned()
    }
}

/// A film with stereo sound.
pub fn film(rate: Rate, frames: i64, start: &str) -> MediaSummary {
    MediaSummary {
        size: 5_000_000_000,
        md5: Some("d41d8cd98f00b204e9800998ecf8427e".into()),
        width: Some(1920),
        height: Some(1080),
        rate: Some(rate),
        duration: Some(MediaTime::new(frames, rate)),
        start_timecode: Some(Timecode::parse(start, rate).unwrap()),
        audio_channels: 2,
        ..MediaSummary::default()
    }
}
