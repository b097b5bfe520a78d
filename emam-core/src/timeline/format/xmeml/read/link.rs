//! Which clips of a sequence are linked.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

/// The clips of a sequence, by number, and what links them.
#[derive(Default)]
pub(super) struct Links<'d> {
    /// The clip each clip leads to that is linked with it; itself at the end.
    leads: Vec<usize>,
    /// Whether it is a clip of its own, not one more channel of another.
    alive: Vec<bool>,
    /// The group each claims.
    claims: Vec<Option<u32>>,
    by_id: HashMap<Cow<'d, str>, usize>,
    said: Vec<(usize, Cow<'d, str>)>,
}

impl<'d> Links<'d> {
    /// Adds a clip, its id and the ids it is linked to; returns its number.
    pub(super) fn add(
        &mut self,
        id: Option<Cow<'d, str>>,
        claim: Option<u32>,
        links: impl Iterator<Item = Cow<'d, str>>,
    ) -> usize {
        let clip = self.leads.len();
        self.leads.push(clip);
        self.alive.push(true);
        self.claims.push(claim);
        if let Some(id) = id {
            self.by_id.entry(id).or_insert(clip);
        }
        self.said.extend(links.map(|link| (clip, link)));
        clip
    }

    /// Says that one clip is another channel of one that is there.
    pub(super) fn is_part(&mut self, part: usize, of: usize) {
        if let Some(alive) = self.alive.get_mut(part) {
            *alive = false;
        }
        self.join(part, of);
    }

    /// The group of each clip, by its number, and how many links lead nowhere.
    pub(super) fn groups(mut self) -> (Vec<Option<u32>>, usize) {
        let mut dangling = 0;
        for (clip, link) in std::mem::take(&mut self.said) {
            match self.by_id.get(&link).copied() {
                Some(other) => self.join(clip, other),
                None => dangling += 1,
            }
        }
        let roots: Vec<usize> = (0..self.leads.len()).map(|clip| self.root(clip)).collect();
        let mut sizes: HashMap<usize, usize> = HashMap::new();
        for (root, _) in roots.iter().zip(&self.alive).filter(|(_, alive)| **alive) {
            *sizes.entry(*root).or_default() += 1;
        }
        let mut numbers: HashMap<usize, u32> = HashMap::new();
        let mut taken = BTreeSet::new();
        for (root, claim) in roots.iter().zip(&self.claims) {
            if let Some(claim) = claim
                && !numbers.contains_key(root)
                && taken.insert(*claim)
            {
                numbers.insert(*root, *claim);
            }
        }
        let mut next = 1;
        let groups = roots.iter().zip(&self.alive).map(|(root, alive)| {
            if !alive {
                return None;
            }
            if let Some(number) = numbers.get(root) {
                return Some(*number);
            }
            if sizes.get(root).is_none_or(|size| *size < 2) {
                return None;
            }
            while !taken.insert(next) {
                next += 1;
            }
            numbers.insert(*root, next);
            Some(next)
        });
        (groups.collect(), dangling)
    }

    fn root(&mut self, clip: usize) -> usize {
        let mut at = clip;
        while let Some(lead) = self.leads.get(at).copied().filter(|lead| *lead != at) {
            // Each step shortens the way for the next.
            let further = self.leads.get(lead).copied().unwrap_or(lead);
            if let Some(way) = self.leads.get_mut(at) {
                *way = further;
            }
            at = further;
        }
        at
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        if let Some(lead) = self.leads.get_mut(a.max(b)) {
            *lead = a.min(b);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clips_that_lead_to_each_other_are_a_group() {
        let mut links = Links::default();
        let mut add = |id: &'static str, claim, to: &'static [&'static str]| {
            links.add(Some(id.into()), claim, to.iter().map(|link| (*link).into()))
        };
        add("v", None, &["v", "l"]);
        let left = add("l", None, &["r"]);
        let right = add("r", None, &["r"]);
        add("alone", None, &["alone", "gone"]);
        add("claims", Some(1), &[]);
        links.is_part(right, left);
        assert_eq!(links.groups(), (vec![Some(2), Some(2), None, None, Some(1)], 1));
    }
}
