//! A sequence as an element.

use super::super::dom::{Dom, Element};
use super::super::forms;
use super::super::frames::is_sayable;
use super::super::text::number;
use super::super::{ASSUMED_SAMPLE_RATE, ASSUMED_SIZE};
use super::layout::Layout;
use super::track::least_width;
use super::{MAX_NESTED, Writer};
use crate::error::Result;
use crate::id::SequenceId;
use crate::model::{Sequence, TrackKind};
use crate::time::Timecode;
use crate::timeline::{IssueKind, length};

impl Writer<'_> {
    /// The sequence a clip shows: in full where it is first used, else by reference.
    pub(super) fn nested_sequence(&mut self, id: SequenceId) -> Result<()> {
        let document = self.document;
        let Some((index, written)) = self.sequences.get(&id).copied() else {
            return Ok(());
        };
        match document.sequences.get(index) {
            Some(sequence) if !written && self.nested < MAX_NESTED => {
                self.nested += 1;
                self.sequence(sequence)?;
                self.nested -= 1;
            }
            _ => {
                self.xml.tag("sequence");
                self.xml.attribute("id", format_args!("sequence-{}", index + 1));
                self.xml.shut();
            }
        }
        Ok(())
    }

    /// A sequence in full.
    pub(super) fn sequence(&mut self, sequence: &Sequence) -> Result<()> {
        let mut number = 1;
        if let Some((index, written)) = self.sequences.get_mut(&sequence.id) {
            (number, *written) = (*index + 1, true);
        }
        if !is_sayable(sequence.rate) {
            let message = format!(
                "sequence {:?} has {} frames a second, which the format cannot say; other programs \
                 take it for {}",
                sequence.name,
                sequence.rate,
                sequence.rate.nominal()
            );
            self.issue(IssueKind::NonStandardRate, message);
        }
        let kept = self.kept(&sequence.foreign, "sequence");
        let kept = kept.as_ref().and_then(Dom::root);
        self.sequence_tag(sequence, number, kept);
        if kept.and_then(|kept| kept.child("uuid")).is_none() {
            self.xml.leaf("uuid", &sequence.id.to_string());
        }
        self.xml.number("duration", length(sequence));
        self.xml.rate(sequence.rate);
        self.xml.leaf("name", &sequence.name);
        self.media(sequence, kept.and_then(|kept| kept.child("media")))?;
        let start = Timecode::new(sequence.start, sequence.rate, sequence.drop_frame)?;
        self.timecode(Some(start), None, kept.and_then(|kept| kept.child("timecode")));
        self.markers(&sequence.markers, sequence.rate, sequence.rate)?;
        self.xml.others(kept, &["media", "timecode"]);
        self.xml.close("sequence");
        Ok(())
    }

    fn sequence_tag(&mut self, sequence: &Sequence, number: usize, kept: Option<Element<'_>>) {
        self.xml.tag("sequence");
        self.xml.attribute("id", format_args!("sequence-{number}"));
        self.xml.other_attributes(kept, &["id", "explodedTracks"]);
        self.xml.attribute("explodedTracks", "true");
        self.xml.own("id", sequence.id);
        self.xml.own("project", sequence.project);
        self.xml.own("revision", sequence.revision);
        if self.document.sequences.len() > 1 {
            self.xml.own("order", number);
        }
        let assumed = [
            sequence.width.is_none().then_some("width"),
            sequence.height.is_none().then_some("height"),
            sequence.sample_rate.is_none().then_some("sample_rate"),
        ];
        let assumed: Vec<_> = assumed.into_iter().flatten().collect();
        if !assumed.is_empty() {
            self.xml.own("assumed", assumed.join(" "));
        }
        if !sequence.metadata.is_empty() {
            self.metadata(&sequence.metadata);
        }
        self.xml.enter();
    }

    /// The tracks, and the form of picture and sound.
    fn media(&mut self, sequence: &Sequence, kept: Option<Element<'_>>) -> Result<()> {
        let layout = Layout::of(sequence, &self.document.media, least_width, &mut self.next_clip);
        let of_kind = |name| kept.and_then(|kept| kept.child(name));
        self.xml.open("media");
        self.xml.open("video");
        self.video_format(sequence, of_kind("video"));
        self.tracks(sequence, &layout, TrackKind::Video)?;
        self.xml.others(of_kind("video"), &["format", "track"]);
        self.xml.close("video");
        self.xml.tag("audio");
        self.xml.other_attributes(of_kind("audio"), &[]);
        self.xml.enter();
        self.audio_format(sequence, of_kind("audio"));
        self.tracks(sequence, &layout, TrackKind::Audio)?;
        self.xml.others(of_kind("audio"), &["numOutputChannels", "format", "outputs", "track"]);
        self.xml.close("audio");
        self.xml.others(kept, &["video", "audio"]);
        self.xml.close("media");
        for track in sequence.tracks.iter().filter(|track| track.kind == TrackKind::Caption) {
            let message = format!(
                "the captions of track {:?} are not in the file; write them as .srt or .vtt",
                track.name
            );
            self.issue(IssueKind::NotCarried, message);
        }
        Ok(())
    }

    /// The form of the picture; as it was kept, if that still holds.
    fn video_format(&mut self, sequence: &Sequence, kept: Option<Element<'_>>) {
        let size = [
            ("width", sequence.width.unwrap_or(ASSUMED_SIZE.0)),
            ("height", sequence.height.unwrap_or(ASSUMED_SIZE.1)),
        ];
        let format = kept.and_then(|kept| kept.child("format"));
        let form = format.and_then(|format| format.child("samplecharacteristics"));
        let holds = form.is_some_and(|form| {
            size.iter().all(|(name, want)| {
                form.child_text(name).and_then(|text| number(&text)).map(|n| n.value)
                    == Some(i64::from(*want))
            })
        });
        if let Some(format) = format.filter(|_| holds) {
            return self.xml.raw(format.raw());
        }
        let [width, height] = size.map(|(_, pixels)| pixels);
        self.xml.raw(&forms::picture_format(sequence.rate, width, height));
    }

    /// The form of the sound, and the stereo output without which Premiere drops stereo tracks.
    fn audio_format(&mut self, sequence: &Sequence, kept: Option<Element<'_>>) {
        let kept_child = |name| kept.and_then(|kept: Element<'_>| kept.child(name));
        match kept_child("numOutputChannels") {
            Some(channels) => self.xml.raw(channels.raw()),
            None => self.xml.raw(forms::OUTPUT_COUNT),
        }
        let rate = sequence.sample_rate.unwrap_or(ASSUMED_SAMPLE_RATE);
        let format = kept_child("format").filter(|format| {
            let said = format.at(&["samplecharacteristics", "samplerate"]).map(Element::text);
            said.and_then(|text| number(&text)).map(|n| n.value) == Some(i64::from(rate))
        });
        match format {
            Some(format) => self.xml.raw(format.raw()),
            None => self.xml.raw(&forms::sound_format(rate)),
        }
        if let Some(outputs) = kept_child("outputs") {
            return self.xml.raw(outputs.raw());
        }
        self.xml.raw(forms::OUTPUTS);
    }
}
