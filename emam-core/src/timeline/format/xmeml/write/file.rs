//! The files of clips, and timecode.

use super::super::dom::{Dom, Element};
use super::super::forms;
use super::super::frames::rescaled;
use super::super::text::number;
use super::clip::file_rate;
use super::{Writer, too_large};
use crate::error::Result;
use crate::model::{AssetSource, ClipSource, MediaSummary, Sequence};
use crate::time::{Rate, Timecode};
use crate::timeline::format::ClipMedia;
use crate::timeline::format::url::pathurl;
use crate::timeline::placement::has_picture;

impl Writer<'_> {
    /// The rate the file of a source counts at, where it has one.
    pub(super) fn file_rate(&self, source: &ClipSource, sequence: &Sequence) -> Option<Rate> {
        file_rate(&self.document.media.of(source)?.summary, sequence)
    }

    pub(super) fn master_id(&mut self, source: &ClipSource) {
        if let ClipSource::Asset(source) = source {
            let (number, _) = self.file_number(source);
            self.xml.number("masterclipid", format_args!("masterclip-{number}"));
        }
    }

    /// The number of a file, and whether it was defined.
    pub(super) fn file_number(&mut self, source: &AssetSource) -> (usize, bool) {
        let key = (source.asset, source.version);
        let next = self.files.len() + 1;
        match self.files.get(&key) {
            Some(number) => (*number, true),
            None => (next, false),
        }
    }

    /// The file of a source: in full where it is first used, else by reference.
    pub(super) fn file(
        &mut self,
        source: &AssetSource,
        clip_name: &str,
        sequence: &Sequence,
    ) -> Result<()> {
        let (number, defined) = self.file_number(source);
        if defined {
            self.xml.tag("file");
            self.xml.attribute("id", format_args!("file-{number}"));
            self.xml.shut();
            return Ok(());
        }
        self.files.insert((source.asset, source.version), number);
        let document = self.document;
        let unknown = ClipMedia { name: clip_name.to_owned(), ..ClipMedia::default() };
        let media = document.media.get(source).unwrap_or(&unknown);
        let kept = self.kept(&media.foreign, "file");
        let kept = kept.as_ref().and_then(Dom::root);
        self.xml.tag("file");
        self.xml.attribute("id", format_args!("file-{number}"));
        self.xml.other_attributes(kept, &["id"]);
        self.xml.own("asset", source.asset);
        if let Some(version) = source.version {
            self.xml.own("version", version);
        }
        if media.summary != MediaSummary::default() {
            self.xml.own("media", serde_json::to_string(&media.summary).unwrap_or_default());
        }
        if !media.urls.is_empty() {
            self.xml.own("urls", serde_json::to_string(&media.urls).unwrap_or_default());
        }
        self.xml.enter();
        self.xml.leaf("name", &media.name);
        if let Some(url) = media.url_for(self.options.target) {
            self.xml.leaf("pathurl", &pathurl(url));
        }
        if let Some(rate) = file_rate(&media.summary, sequence) {
            self.xml.rate(rate);
            if let Some(length) = media.summary.duration {
                let frames = rescaled(length.value(), length.rate(), rate);
                let frames = frames.ok_or_else(|| too_large("media", &media.name))?;
                self.xml.number("duration", frames);
            }
        }
        let reel = media.reel.as_deref();
        let kept_timecode = kept.and_then(|kept| kept.child("timecode"));
        // Editing programs count a file without a timecode from zero, and want that said.
        let zero = || {
            let rate = file_rate(&media.summary, sequence)?;
            Timecode::new(0, rate, false).ok()
        };
        let start = media.summary.start_timecode.or_else(zero);
        self.timecode(start, reel, kept_timecode);
        self.streams(&media.summary, kept.and_then(|kept| kept.child("media")));
        self.xml.others(kept, &["timecode", "media"]);
        self.xml.close("file");
        Ok(())
    }

    /// The picture and the sound of a file; as they were kept, if that still holds.
    fn streams(&mut self, summary: &MediaSummary, kept: Option<Element<'_>>) {
        let picture = has_picture(summary);
        if !picture && summary.audio_channels == 0 && kept.is_none() {
            return;
        }
        self.xml.open("media");
        let kept_video = kept.and_then(|kept| kept.child("video"));
        if picture {
            let holds = |video: &Element<'_>| {
                let said = size_of(*video);
                said == (summary.width, summary.height)
            };
            match kept_video.filter(holds) {
                Some(video) => self.xml.raw(video.raw()),
                None => self.xml.raw(&forms::picture(summary.rate, summary.width, summary.height)),
            }
        }
        let kept_audio: Vec<_> = kept.into_iter().flat_map(|kept| kept.named("audio")).collect();
        if !kept_audio.is_empty() && channels_of(&kept_audio) == summary.audio_channels {
            for audio in kept_audio {
                self.xml.raw(audio.raw());
            }
        } else if summary.audio_channels > 0 {
            self.xml.raw(&forms::sound(summary.audio_channels));
        }
        self.xml.others(kept, &["video", "audio"]);
        self.xml.close("media");
    }

    /// The timecode of a first frame, and the reel it is of.
    pub(super) fn timecode(
        &mut self,
        start: Option<Timecode>,
        reel: Option<&str>,
        kept: Option<Element<'_>>,
    ) {
        if start.is_none() && reel.is_none() && kept.is_none() {
            return;
        }
        self.xml.open("timecode");
        if let Some(start) = start {
            self.xml.rate(start.rate());
            self.xml.leaf("string", &start.to_string());
            self.xml.number("frame", start.frames());
            self.xml.leaf("displayformat", if start.drop_frame() { "DF" } else { "NDF" });
        }
        if let Some(reel) = reel {
            self.xml.open("reel");
            self.xml.leaf("name", reel);
            self.xml.close("reel");
        }
        self.xml.others(kept, &[]);
        self.xml.close("timecode");
    }
}

/// The size a stream of pictures says it has.
pub(in super::super) fn size_of(video: Element<'_>) -> (Option<u32>, Option<u32>) {
    let form = video.child("samplecharacteristics");
    let of = |name| {
        let text = form.and_then(|form| form.child_text(name))?;
        u32::try_from(number(&text)?.value).ok().filter(|pixels| *pixels > 0)
    };
    (of("width"), of("height"))
}

/// The channels that streams of sound say they have; one each where they do not say.
pub(in super::super) fn channels_of(audio: &[Element<'_>]) -> u32 {
    let of = |audio: &Element<'_>| match audio.child_text("channelcount") {
        Some(text) => number(&text).and_then(|n| u32::try_from(n.value).ok()).unwrap_or(0),
        None => 1,
    };
    audio.iter().map(of).fold(0, u32::saturating_add)
}
