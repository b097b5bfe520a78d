//! Bins and the master clips in them.

use super::Writer;
use crate::error::{Error, Result};
use crate::model::{AssetSource, ClipSource, MediaSummary, Sequence};
use crate::timeline::format::{ClipMedia, DocumentBin};
use crate::timeline::placement::has_picture;

/// Deeper than any project has bins, and shallow enough for every reader.
const MAX_BINS: usize = 32;

impl Writer<'_> {
    pub(super) fn bin(&mut self, bin: &DocumentBin, depth: usize) -> Result<()> {
        let document = self.document;
        if depth > MAX_BINS {
            let message = "the bins lie deeper in each other than other programs read; move this \
                           one up";
            return Err(Error::invalid("timeline.write", message).with("bin", &bin.name));
        }
        self.xml.open("bin");
        self.xml.leaf("name", &bin.name);
        self.xml.open("children");
        for inner in &bin.bins {
            self.bin(inner, depth + 1)?;
        }
        for source in &bin.media {
            self.master_clip(source)?;
        }
        for id in &bin.sequences {
            let index = self.sequences.get(id).map(|(index, _)| *index);
            if let Some(sequence) = index.and_then(|index| document.sequences.get(index)) {
                if self.is_written(*id) {
                    self.nested_sequence(*id)?;
                } else {
                    self.sequence(sequence)?;
                }
            }
        }
        self.xml.close("children");
        self.xml.close("bin");
        Ok(())
    }

    /// The clip that stands for a file in a bin.
    fn master_clip(&mut self, source: &AssetSource) -> Result<()> {
        let document = self.document;
        let sequence = document.main()?;
        let unknown = ClipMedia::default();
        let media = document.media.get(source).unwrap_or(&unknown);
        let (number, _) = self.file_number(source);
        self.xml.tag("clip");
        self.xml.attribute("id", format_args!("masterclip-{number}"));
        self.xml.enter();
        self.xml.number("masterclipid", format_args!("masterclip-{number}"));
        self.xml.flag("ismasterclip", true);
        self.xml.leaf("name", &media.name);
        self.xml.open("media");
        let MediaSummary { audio_channels, .. } = media.summary;
        if has_picture(&media.summary) || audio_channels == 0 {
            self.xml.open("video");
            self.master_track(source, &media.name, sequence, None)?;
            self.xml.close("video");
        }
        if audio_channels > 0 {
            self.xml.open("audio");
            for channel in 1..=audio_channels.min(64) {
                self.master_track(source, &media.name, sequence, Some(channel))?;
            }
            self.xml.close("audio");
        }
        self.xml.close("media");
        self.xml.close("clip");
        Ok(())
    }

    fn master_track(
        &mut self,
        source: &AssetSource,
        name: &str,
        sequence: &Sequence,
        channel: Option<u32>,
    ) -> Result<()> {
        self.xml.open("track");
        self.xml.tag("clipitem");
        self.xml.attribute("id", format_args!("clipitem-{}", self.next_clip));
        self.next_clip += 1;
        self.xml.enter();
        self.master_id(&ClipSource::Asset(*source));
        self.xml.leaf("name", name);
        self.file(source, name, sequence)?;
        if let Some(channel) = channel {
            self.xml.open("sourcetrack");
            self.xml.leaf("mediatype", "audio");
            self.xml.number("trackindex", channel);
            self.xml.close("sourcetrack");
        }
        self.xml.close("clipitem");
        self.xml.close("track");
        Ok(())
    }
}
