//! From moments at which something is seen to ranges of time.

use std::collections::BTreeMap;

use emam_core::model::{AnnotationKind, NewAnnotation, Region, Source};
use emam_core::{Error, Result};
use serde_json::Value;

use super::SERVICE;
use crate::scale::Scale;

/// Moments of the same thing that are closer than this are one range, in milliseconds.
const CLOSE_MS: i64 = 2_000;

/// How much later than itself a moment is said to last where the service's own pace is not seen.
const DEFAULT_PACE_MS: i64 = 500;

/// How much two faces must overlap, as the share of what both cover, to be taken for one that has
/// moved a little.
const SAME_FACE: f64 = 0.3;

/// Something seen at a moment.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Hit {
    pub(super) kind: AnnotationKind,
    /// When, in milliseconds from the first frame; absent for stills.
    pub(super) at_ms: Option<i64>,
    /// What it is the same as: hits with the same are merged.
    pub(super) same: String,
    pub(super) name: String,
    pub(super) text: String,
    /// From 0 to 1.
    pub(super) confidence: Option<f64>,
    /// Where, when it is in one place.
    pub(super) region: Option<Region>,
    pub(super) data: Value,
    /// The model that saw it.
    pub(super) model: String,
}

impl Hit {
    /// What is seen of `kind` and known as `name`, as sure as the service says in percent.
    pub(super) fn new(kind: AnnotationKind, name: &str, percent: Option<f32>) -> Self {
        Self {
            kind,
            at_ms: None,
            same: name.to_owned(),
            name: name.to_owned(),
            text: String::new(),
            confidence: percent.map(share),
            region: None,
            data: Value::Null,
            model: String::new(),
        }
    }

    fn annotation(self) -> NewAnnotation {
        let mut made = NewAnnotation::new(self.kind).named(self.name).saying(self.text);
        made.source = Source::Service { name: SERVICE.to_owned(), model: self.model, run: None };
        made.confidence = self.confidence;
        made.region = self.region;
        made.data = self.data;
        made
    }
}

/// Percent as a share, with the six digits a 32-bit number has.
pub(super) fn share(percent: f32) -> f64 {
    ((f64::from(percent) * 10_000.0).round() / 1_000_000.0).clamp(0.0, 1.0)
}

/// The annotations of hits: those of the same thing close together are one, over all of its time,
/// as sure as the surest, and looking as it did then.
///
/// # Errors
/// Times that no frame number holds.
pub(super) fn annotations(hits: Vec<Hit>, scale: &Scale) -> Result<Vec<NewAnnotation>> {
    let mut things: BTreeMap<(AnnotationKind, String), Vec<Hit>> = BTreeMap::new();
    let mut found = Vec::new();
    for hit in hits {
        match hit.at_ms {
            Some(_) => things.entry((hit.kind, hit.same.clone())).or_default().push(hit),
            None => found.push((None, hit)),
        }
    }
    for mut hits in things.into_values() {
        hits.sort_by_key(|hit| hit.at_ms);
        let pace = pace(&hits);
        let close = CLOSE_MS.max(2 * pace);
        let mut group: Option<(i64, i64, Hit)> = None;
        for hit in hits {
            let at = hit.at_ms.unwrap_or_default();
            group = Some(match group.take() {
                Some((start, last, best)) if at - last < close => (start, at, surer(best, hit)),
                Some((start, last, best)) => {
                    found.push((Some((start, last + pace)), best));
                    (at, at, hit)
                }
                None => (at, at, hit),
            });
        }
        if let Some((start, last, best)) = group {
            found.push((Some((start, last + pace)), best));
        }
    }
    found.sort_by_key(|(span, hit)| (*span, hit.kind));
    let made = found.into_iter().map(|(span, hit)| {
        let made = hit.annotation();
        Ok::<_, Error>(match span {
            Some((start, end)) => made.at(scale.span(start, end)?),
            None => made,
        })
    });
    made.collect()
}

/// How far apart the service looks at the video: the least there is between two moments.
fn pace(hits: &[Hit]) -> i64 {
    let moments = hits.iter().filter_map(|hit| hit.at_ms);
    let gaps = moments.clone().skip(1).zip(moments).map(|(next, this)| next - this);
    gaps.filter(|gap| *gap > 0).min().unwrap_or(DEFAULT_PACE_MS).min(DEFAULT_PACE_MS)
}

/// The surer of two; one whose face is known before one whose face is not.
fn surer(one: Hit, other: Hit) -> Hit {
    let rank = |hit: &Hit| (hit.data.get("face_id").is_some(), hit.confidence);
    if rank(&other) > rank(&one) { other } else { one }
}

/// Tells faces apart that the service does not: one that is where another was a moment before is
/// the same. The hits come in order of time.
pub(super) fn follow(hits: &mut [Hit]) {
    let mut tracks: Vec<(usize, i64, Region)> = Vec::new();
    let mut count = 0;
    for hit in hits {
        let (Some(at), Some(region)) = (hit.at_ms, hit.region) else { continue };
        tracks.retain(|(_, last, _)| at - last < CLOSE_MS);
        let near = tracks
            .iter_mut()
            .filter(|(_, last, _)| *last < at)
            .map(|track| (overlap(track.2, region), track))
            .filter(|(overlap, _)| *overlap >= SAME_FACE)
            .max_by(|(one, _), (other, _)| one.total_cmp(other));
        let number = match near {
            Some((_, track)) => {
                (track.1, track.2) = (at, region);
                track.0
            }
            None => {
                count += 1;
                tracks.push((count, at, region));
                count
            }
        };
        hit.same = format!("face {number}");
    }
}

/// The share of what both cover that is covered by both.
fn overlap(one: Region, other: Region) -> f64 {
    let along = |start: f64, length: f64, other_start: f64, other_length: f64| {
        ((start + length).min(other_start + other_length) - start.max(other_start)).max(0.0)
    };
    let both = along(one.x, one.width, other.x, other.width)
        * along(one.y, one.height, other.y, other.height);
    let all = one.width * one.height + other.width * other.height - both;
    if all > 0.0 { both / all } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use emam_core::time::Rate;
    use serde_json::json;

    use super::*;

    const SCALE: Scale = Scale { rate: Rate::FPS_29_97, length: Some(900) };

    fn label(at_ms: i64, name: &str, percent: f32) -> Hit {
        let mut hit = Hit::new(AnnotationKind::Label, name, Some(percent));
        hit.at_ms = Some(at_ms);
        hit.data = json!({ "at_ms": at_ms });
        hit
    }

    fn ranges(hits: Vec<Hit>) -> Vec<(String, i64, i64)> {
        let found = annotations(hits, &SCALE).unwrap();
        let each = found.into_iter().map(|one| {
            let range = one.range.unwrap();
            (one.name, range.start(), range.end())
        });
        each.collect()
    }

    #[test]
    fn moments_close_together_are_one_range_at_exact_frames() {
        let hits = vec![
            label(0, "Rain", 90.0),
            label(500, "Rain", 99.5),
            label(1_000, "Rain", 80.0),
            label(500, "Car", 70.0),
            label(20_000, "Rain", 60.0),
        ];
        let found = annotations(hits.clone(), &SCALE).unwrap();
        // 1500 ms are 44.96 frames of 30000/1001, 20500 ms are 614.4.
        let rain = ("Rain".to_owned(), 0, 45);
        let car = ("Car".to_owned(), 15, 30);
        assert_eq!(ranges(hits), [rain, car, ("Rain".to_owned(), 599, 614)]);
        assert_eq!(found[0].confidence, Some(0.995), "that of the surest moment");
        assert_eq!(found[0].data["at_ms"], 500, "and its particulars");
        let Source::Service { name, run: None, .. } = &found[0].source else { panic!() };
        assert_eq!(name, "rekognition");
    }

    #[test]
    fn order_and_duplicates_do_not_matter_and_the_end_is_the_media_s() {
        let mut hits: Vec<Hit> =
            (0..60).map(|i| label(i * 500, "Sky", 50.0 + i as f32 / 2.0)).collect();
        hits.reverse();
        hits.extend(hits.clone());
        assert_eq!(ranges(hits), [("Sky".to_owned(), 0, 899)]);
        assert_eq!(ranges(vec![label(30_100, "End", 50.0)]), [("End".to_owned(), 899, 900)]);
    }

    #[test]
    fn two_seconds_apart_are_two() {
        let two = ranges(vec![label(0, "Dog", 50.0), label(2_000, "Dog", 50.0)]);
        assert_eq!(two.len(), 2, "{two:?}");
        let one = ranges(vec![label(0, "Dog", 50.0), label(1_999, "Dog", 50.0)]);
        assert_eq!(one.len(), 1, "{one:?}");
    }

    #[test]
    fn a_face_that_moves_is_one_and_another_is_another() {
        let face = |at_ms, x| {
            let mut hit = Hit::new(AnnotationKind::Face, "Face", Some(99.0));
            hit.at_ms = Some(at_ms);
            hit.region = Some(Region { x, y: 0.2, width: 0.2, height: 0.2 });
            hit
        };
        let mut hits =
            vec![face(0, 0.1), face(0, 0.7), face(500, 0.15), face(500, 0.7), face(9_000, 0.15)];
        follow(&mut hits);
        let same: Vec<&str> = hits.iter().map(|hit| hit.same.as_str()).collect();
        assert_eq!(same, ["face 1", "face 2", "face 1", "face 2", "face 3"]);
        assert_eq!(annotations(hits, &SCALE).unwrap().len(), 3);
    }
}
