//! Marks on sequences and clips.

use super::super::dom::Element;
use super::super::effects::marker_color_name;
use super::super::foreign::{kept, rest};
use super::super::frames::rescaled;
use super::{Reader, own};
use crate::model::Marker;
use crate::time::Rate;
use crate::timeline::IssueKind;

impl<'d> Reader<'_, 'd> {
    /// The marks of an element that counts at `written`, counted at `rate`.
    pub(super) fn markers(
        &mut self,
        element: Element<'d>,
        written: Rate,
        rate: Rate,
    ) -> Vec<Marker> {
        let markers = element.named("marker");
        markers.filter_map(|marker| self.marker(marker, written, rate)).collect()
    }

    fn marker(&mut self, element: Element<'d>, written: Rate, rate: Rate) -> Option<Marker> {
        let start = self.number(element, "in")?;
        let end = self.number(element, "out").unwrap_or(-1);
        let duration = if end < 0 { 0 } else { end.saturating_sub(start) };
        if duration < 0 {
            let message =
                format!("a marker ends at {end}, before its start {start}; it is a point");
            self.note(element, IssueKind::Corrected, message);
        }
        let read = (start, duration.max(0));
        let exact = own(element, "at").and_then(|at| {
            let (start, duration) = at.split_once(' ')?;
            Some((start.parse().ok()?, duration.parse().ok()?))
        });
        let to = |frames, from, to| rescaled(frames, from, to);
        let exact = exact.filter(|(start, duration): &(i64, i64)| {
            let length = to(*duration, rate, written).map(|d| d.max(i64::from(*duration > 0)));
            *duration >= 0 && (to(*start, rate, written), length) == (Some(read.0), Some(read.1))
        });
        let (start, duration) = match exact {
            Some(exact) => exact,
            None => (to(read.0, written, rate)?, to(read.1, written, rate)?),
        };
        let number = element.child_text("pproColor").unwrap_or_default();
        let known = marker_color_name(&number);
        let exact_color = own(element, "color").filter(|color| {
            let said = super::super::effects::marker_color(color);
            said.map(|said| said.to_string()).unwrap_or_default() == number.trim()
        });
        let color = exact_color.map(std::borrow::Cow::into_owned);
        let mut inner = String::new();
        for child in element.children() {
            let understood = matches!(child.name(), "comment" | "name" | "in" | "out")
                || (child.name() == "pproColor" && known.is_some());
            if !understood {
                inner.push_str(child.raw());
            }
        }
        let text = |name| element.child_text(name).unwrap_or_default().into_owned();
        Some(Marker {
            start,
            duration,
            name: text("name"),
            comment: text("comment"),
            color: color.or_else(|| known.map(str::to_owned)),
            foreign: kept(rest(element, |_| false, &inner)),
        })
    }
}
