//! A sequence with its tracks.

use super::super::dom::Element;
use super::super::foreign::{kept, ordered, rest};
use super::super::forms;
use super::super::text::number;
use super::super::{ASSUMED_SAMPLE_RATE, ASSUMED_SIZE};
use super::file::timecode_rest;
use super::link::Links;
use super::{Reader, metadata, own};
use crate::id::SequenceId;
use crate::model::{Item, Sequence};
use crate::time::{Rate, Timecode};
use crate::timeline::IssueKind;

impl<'d> Reader<'_, 'd> {
    pub(super) fn sequence(&mut self, element: Element<'d>, id: SequenceId) -> Sequence {
        let media = element.child("media");
        let [video, audio] = ["video", "audio"].map(|kind| media.and_then(|m| m.child(kind)));
        let form = video.and_then(|video| video.at(&["format", "samplecharacteristics"]));
        let rate = self.sequence_rate(element, form);
        let mut sequence =
            Sequence::new(self.reading.clock, self.project, self.sequence_name(element), rate);
        sequence.id = id;
        if let Some(project) = own(element, "project").and_then(|id| id.parse().ok()) {
            sequence.project = project;
        }
        if let Some(revision) = own(element, "revision").and_then(|number| number.parse().ok()) {
            sequence.revision = revision;
        }
        if let Some(start) = element.child("timecode").and_then(|tc| self.timecode(tc, Some(rate)))
        {
            self.start(element, &mut sequence, start);
        }
        let size = |name| {
            let text = form.and_then(|form| form.child_text(name))?;
            u32::try_from(number(&text)?.value).ok()
        };
        let sampled = audio
            .and_then(|audio| audio.at(&["format", "samplecharacteristics", "samplerate"]))
            .and_then(|rate| u32::try_from(number(&rate.text())?.value).ok());
        let assumed = own(element, "assumed").unwrap_or_default();
        let said = |name, value: Option<u32>, default| {
            let is_assumed = assumed.split(' ').any(|a| a == name) && value == Some(default);
            value.filter(|value| !is_assumed && *value > 0)
        };
        sequence.width = said("width", size("width"), ASSUMED_SIZE.0);
        sequence.height = said("height", size("height"), ASSUMED_SIZE.1);
        sequence.sample_rate = said("sample_rate", sampled, ASSUMED_SAMPLE_RATE);
        let size = (size("width").unwrap_or(0), size("height").unwrap_or(0));
        sequence.metadata = metadata(element);
        sequence.markers = self.markers(element, rate, rate);
        for marker in &mut sequence.markers {
            if marker.start < 0 {
                let message = format!("a marker at {} is before the sequence; 0 now", marker.start);
                self.reading.issue_at(element.line(), IssueKind::Corrected, message);
                marker.start = 0;
            }
        }
        let mut links = Links::default();
        let mut tracks = self.tracks(video, true, rate, &mut links);
        tracks.extend(self.tracks(audio, false, rate, &mut links));
        let (groups, dangling) = links.groups();
        if dangling > 0 {
            let message = format!("{dangling} links lead to clips that are not in the sequence");
            self.note(element, IssueKind::NotUnderstood, message);
        }
        for numbered in tracks {
            let mut track = numbered.track;
            for (item, number) in track.items.iter_mut().zip(numbered.numbers) {
                if let Item::Clip(clip) = item {
                    clip.link = number.and_then(|number| groups.get(number).copied().flatten());
                }
            }
            sequence.tracks.push(track);
        }
        let own_id = sequence.id.to_string();
        let rest = sequence_rest(element, rate, size, sampled.unwrap_or(0), &own_id);
        sequence.foreign = kept(rest);
        sequence
    }

    fn sequence_name(&self, element: Element<'d>) -> String {
        let name = element.child_text("name").map(|name| name.into_owned());
        name.or_else(|| self.reading.options.name.clone()).unwrap_or_default()
    }

    fn sequence_rate(&mut self, element: Element<'d>, form: Option<Element<'d>>) -> Rate {
        let rate = match element.child("rate") {
            Some(_) => self.rate(element, None),
            None => None,
        };
        let elsewhere = element.child("timecode").into_iter().chain(form);
        let rate = elsewhere.fold(rate, |rate, at| match rate {
            Some(rate) => Some(rate),
            None => self.rate(at, None),
        });
        rate.unwrap_or_else(|| {
            let rate = self.reading.options.rate.unwrap_or(Rate::FPS_25);
            let message = format!("the sequence does not say its rate; {rate} is taken");
            self.note(element, IssueKind::Guessed, message);
            rate
        })
    }

    /// The timecode of the first frame, which may count at another rate than the sequence.
    fn start(&mut self, element: Element<'d>, sequence: &mut Sequence, start: Timecode) {
        let Ok(at_rate) = start.time().rescale(sequence.rate) else { return };
        if at_rate.exact().is_none() {
            let message = format!(
                "the timecode starts at {start} ({}), between two frames of the sequence",
                start.rate()
            );
            self.note(element, IssueKind::Rounded, message);
        }
        sequence.start = at_rate.nearest();
        sequence.drop_frame = start.drop_frame() && sequence.rate.can_drop();
    }
}

fn sequence_rest(
    element: Element<'_>,
    rate: Rate,
    (width, height): (u32, u32),
    sample_rate: u32,
    id: &str,
) -> Option<String> {
    let mut inner = String::new();
    for child in ordered(element, &["media", "timecode"]) {
        match child.name() {
            "duration" | "rate" | "name" | "marker" => {}
            "uuid" if child.text() == id => {}
            "timecode" => inner.extend(timecode_rest(child)),
            "media" => {
                let mut kinds = String::new();
                for kind in ordered(child, &["video", "audio"]) {
                    if !matches!(kind.name(), "video" | "audio") {
                        kinds.push_str(kind.raw());
                        continue;
                    }
                    let mut parts = String::new();
                    let order = ["numOutputChannels", "format", "outputs"];
                    for part in ordered(kind, &order) {
                        if part.name() == "track" {
                            continue;
                        }
                        let raw = part.raw();
                        let ours = raw == forms::OUTPUT_COUNT
                            || raw == forms::OUTPUTS
                            || raw == forms::picture_format(rate, width, height)
                            || raw == forms::sound_format(sample_rate);
                        if !ours {
                            parts.push_str(raw);
                        }
                    }
                    kinds.extend(rest(kind, |_| false, &parts));
                }
                inner.extend(rest(child, |_| false, &kinds));
            }
            _ => inner.push_str(child.raw()),
        }
    }
    rest(element, |name| matches!(name, "id" | "explodedTracks"), &inner)
}
