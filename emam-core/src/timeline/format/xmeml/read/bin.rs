//! Projects, bins and the master clips in them.

use super::Reader;
use crate::model::AssetSource;
use crate::timeline::IssueKind;
use crate::timeline::format::DocumentBin;
use crate::timeline::format::xmeml::dom::Element;

/// Deeper than any project has bins.
const MAX_BINS: u32 = 256;

impl<'d> Reader<'_, 'd> {
    pub(super) fn project(&mut self, project: Element<'d>) {
        let mut loose = Vec::new();
        for child in project.child("children").into_iter().flat_map(Element::children) {
            match child.name() {
                "bin" => {
                    let bin = self.bin(child, 0);
                    self.reading.document.bins.extend(bin);
                }
                "sequence" => {
                    self.sequence_id(child);
                }
                "clip" => loose.push(child),
                name => {
                    let message = format!("<{name}> is not understood and left out");
                    self.note(child, IssueKind::NotUnderstood, message);
                }
            }
        }
        self.loose_clips(&loose);
    }

    /// Clips that lie in no bin get one, without a name.
    pub(super) fn loose_clips(&mut self, clips: &[Element<'d>]) {
        let media: Vec<_> = clips.iter().filter_map(|clip| self.master_clip(*clip)).collect();
        if !media.is_empty() {
            self.reading.document.bins.push(DocumentBin { media, ..DocumentBin::default() });
        }
    }

    pub(super) fn bin(&mut self, element: Element<'d>, depth: u32) -> Option<DocumentBin> {
        if depth >= MAX_BINS {
            let message = "the bins lie too deep in each other; those in this one are left out";
            self.note(element, IssueKind::NotUnderstood, message);
            return None;
        }
        let name = element.child_text("name").unwrap_or_default().into_owned();
        let mut bin = DocumentBin { name, ..DocumentBin::default() };
        for child in element.child("children").into_iter().flat_map(Element::children) {
            match child.name() {
                "bin" => bin.bins.extend(self.bin(child, depth + 1)),
                "sequence" => bin.sequences.extend(self.sequence_id(child)),
                "clip" => bin.media.extend(self.master_clip(child)),
                name => {
                    let message = format!("<{name}> in a bin is not understood and left out");
                    self.note(child, IssueKind::NotUnderstood, message);
                }
            }
        }
        Some(bin)
    }

    /// The media of a clip in a bin.
    pub(super) fn master_clip(&mut self, element: Element<'d>) -> Option<AssetSource> {
        let element = self.resolve(element);
        let Some(file) = file_of(element) else {
            let message = "a clip without a file is left out of its bin";
            self.note(element, IssueKind::NotUnderstood, message);
            return None;
        };
        let has = |name: &&str| element.child(name).is_some();
        // Premiere writes these for every clip, mostly with nothing in them.
        let says = |name: &&str| {
            let said = element.child(name).into_iter().flat_map(Element::children);
            said.into_iter().any(|said| !said.text().trim().is_empty())
        };
        if ["marker", "subclipinfo", "filter"].iter().any(has)
            || ["labels", "logginginfo", "comments"].iter().any(says)
        {
            let message =
                "markers, limits, filters, labels and notes of a clip in a bin are left out";
            self.note(element, IssueKind::NotUnderstood, message);
        }
        let rate = self.rate(element, None);
        Some(self.file(file, rate).source)
    }
}

/// The file of a master clip: its own, or that of the first clip in its tracks.
pub(super) fn file_of(element: Element<'_>) -> Option<Element<'_>> {
    if let Some(file) = element.child("file") {
        return Some(file);
    }
    let media = element.child("media")?;
    let tracks = media.children().flat_map(|kind| kind.named("track"));
    let mut clips = tracks.flat_map(|track| track.named("clipitem"));
    clips.find_map(|clip| clip.child("file"))
}
