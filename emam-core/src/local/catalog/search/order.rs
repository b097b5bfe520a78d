//! The order of hits, and the best few of many.

use std::collections::BinaryHeap;

use serde::{Deserialize, Serialize};

use crate::backend::catalog::Sort;

/// The place of a hit in the order: less is earlier.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Place {
    by: By,
    /// The `seq`, or minus the `seq` where the newest of equals comes first.
    tie: i64,
}

/// What hits are ordered by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum By {
    Number(i64),
    Text(String),
}

impl Place {
    /// The place of the asset `seq` where nothing but age counts.
    pub(super) fn by_age(sort: Sort, seq: i64) -> Self {
        let tie = if sort == Sort::Oldest { seq } else { -seq };
        Self { by: By::Number(0), tie }
    }

    /// The place of an asset that is this large or this long: the largest first.
    pub(super) fn by_size(size: i64, seq: i64) -> Self {
        Self { by: By::Number(-size), tie: -seq }
    }

    /// The place of an asset with this folded title.
    pub(super) fn by_title(title: &str, seq: i64) -> Self {
        Self { by: By::Text(title.to_owned()), tie: -seq }
    }

    /// The place of an asset with this bm25 score: the least is the best.
    pub(super) fn by_score(score: f64, seq: i64) -> Self {
        // The bits of a float sort as the floats do once those of negative ones are turned round.
        let bits = score.to_bits().cast_signed();
        let sorted = if bits < 0 { bits ^ i64::MAX } else { bits };
        Self { by: By::Number(sorted), tie: -seq }
    }

    /// The asset.
    pub(super) fn seq(&self, sort: Sort) -> i64 {
        if sort == Sort::Oldest { self.tie } else { -self.tie }
    }

    /// The size or length of [`by_size`](Self::by_size); 0 for another place.
    pub(super) fn size(&self) -> i64 {
        match self.by {
            By::Number(number) => -number,
            By::Text(_) => 0,
        }
    }

    /// The title of [`by_title`](Self::by_title); empty for another place.
    pub(super) fn title(&self) -> &str {
        match &self.by {
            By::Number(_) => "",
            By::Text(title) => title,
        }
    }
}

/// Keeps the earliest places after a given one.
#[derive(Debug)]
pub(super) struct Best {
    after: Option<Place>,
    most: usize,
    heap: BinaryHeap<Place>,
}

impl Best {
    /// Keeps at most `most` places after `after`.
    pub(super) fn new(after: Option<Place>, most: usize) -> Self {
        Self { after, most, heap: BinaryHeap::with_capacity(most + 1) }
    }

    pub(super) fn offer(&mut self, place: Place) {
        if self.after.as_ref().is_some_and(|after| place <= *after) {
            return;
        }
        if self.heap.len() < self.most {
            self.heap.push(place);
        } else if let Some(mut last) = self.heap.peek_mut()
            && place < *last
        {
            *last = place;
        }
    }

    /// The places kept, the earliest first.
    pub(super) fn into_places(self) -> Vec<Place> {
        self.heap.into_sorted_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_keep_their_order_as_numbers() {
        let scores = [f64::NEG_INFINITY, -12.5, -1e-6, -0.0, 0.0, 1e-300, 3.0, f64::INFINITY];
        let places: Vec<Place> = scores.iter().map(|score| Place::by_score(*score, 1)).collect();
        assert!(places.is_sorted());
        assert!(Place::by_score(-2.0, 5) < Place::by_score(-2.0, 4));
    }

    #[test]
    fn the_best_after_a_place_are_kept() {
        let mut best = Best::new(Some(Place::by_age(Sort::Newest, 8)), 3);
        for seq in [3, 9, 1, 8, 7, 5, 6, 2] {
            best.offer(Place::by_age(Sort::Newest, seq));
        }
        let seqs: Vec<i64> =
            best.into_places().iter().map(|place| place.seq(Sort::Newest)).collect();
        assert_eq!(seqs, [7, 6, 5]);
    }
}
