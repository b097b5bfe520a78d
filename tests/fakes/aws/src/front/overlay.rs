//! What the real S3 server behind does not keep: class, lifecycle and restores of each object.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::call::Call;
use super::class::{Class, Depth, Tier, expiry, retrieval};

/// One version of one object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) bucket: String,
    pub(super) key: String,
    /// Absent where the bucket keeps no versions.
    pub(super) version: Option<String>,
}

impl Place {
    /// Whether this is the object a request names, in whatever version.
    pub(super) fn is_named(&self, call: &Call) -> bool {
        self.bucket == call.bucket && self.key == call.key
    }
}

/// What events tell of an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) size: u64,
    /// Without quotes.
    pub(super) etag: String,
}

/// Where an object lies, as S3 would know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) facts: Facts,
    pub(super) class: Class,
    /// The archive tier of an object in Intelligent-Tiering.
    pub(super) access: Option<Depth>,
    pub(super) restore: Option<Restore>,
    /// What the lifecycle will do, the next first.
    pub(super) transitions: Vec<Transition>,
}

/// A restore that runs or has been done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Restore {
    Running { tier: Tier, ready: Timestamp, days: u32 },
    Ready { expires: Timestamp },
}

/// A move to another class that the lifecycle will make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Transition {
    pub(super) at: Timestamp,
    pub(super) to: Target,
}

/// Where a lifecycle moves an object to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Class(Class),
    /// An archive tier of Intelligent-Tiering.
    Access(Depth),
}

/// What happened to an object as time went on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    ClassChanged {
        to: Class,
    },
    AccessChanged {
        to: Depth,
    },
    /// The restore of an object is done; Intelligent-Tiering keeps the copy for good.
    Restored {
        from: Class,
        expires: Option<Timestamp>,
    },
    Expired,
}

/// What RestoreObject answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// 202: a restore was started.
    Started,
    /// 202: the restore that ran was made faster.
    Upgraded,
    /// 200: it was restored already; the copy's life was changed.
    Extended,
    /// 409.
    InProgress,
    /// 403: there is nothing to restore.
    NotArchived,
    /// 403: Intelligent-Tiering has it in an active tier.
    AlreadyActive,
    /// 400: this depth has no such tier.
    TierNotOffered,
}

impl Entry {
    pub(super) fn new(class: Class, facts: Facts) -> Self {
        Self { facts, class, access: None, restore: None, transitions: Vec::new() }
    }

    /// How deep it is archived; a restored copy does not change that.
    pub(super) fn depth(&self) -> Option<Depth> {
        match self.class {
            Class::Glacier => Some(Depth::Archive),
            Class::DeepArchive => Some(Depth::DeepArchive),
            Class::IntelligentTiering => self.access,
            _ => None,
        }
    }

    /// Whether it can be read.
    pub(super) fn readable(&self) -> bool {
        self.depth().is_none() || matches!(self.restore, Some(Restore::Ready { .. }))
    }

    /// Asks for a restore. `days` does not matter for Intelligent-Tiering.
    pub(super) fn restore(&mut self, tier: Tier, days: u32, now: Timestamp) -> Answer {
        let Some(depth) = self.depth() else {
            return match self.class {
                Class::IntelligentTiering => Answer::AlreadyActive,
                _ => Answer::NotArchived,
            };
        };
        let Some(takes) = retrieval(depth, tier) else { return Answer::TierNotOffered };
        let ready = now.saturating_add(takes).unwrap_or(Timestamp::MAX);
        match self.restore {
            None => {
                self.restore = Some(Restore::Running { tier, ready, days });
                Answer::Started
            }
            Some(Restore::Running { tier: before, ready: soon, days }) if tier > before => {
                self.restore = Some(Restore::Running { tier, ready: ready.min(soon), days });
                Answer::Upgraded
            }
            Some(Restore::Running { .. }) => Answer::InProgress,
            Some(Restore::Ready { .. }) => {
                self.restore = Some(Restore::Ready { expires: expiry(now, days) });
                Answer::Extended
            }
        }
    }

    /// Does what fell due up to `now`, in the order it fell due.
    pub(super) fn settle(&mut self, now: Timestamp) -> Vec<Change> {
        let mut changes = Vec::new();
        while let Some(change) = self.next_due(now) {
            changes.push(change);
        }
        changes
    }

    fn next_due(&mut self, now: Timestamp) -> Option<Change> {
        let moves = self.transitions.first().copied().filter(|moves| moves.at <= now);
        let restore = self.restore.filter(|restore| restore.due() <= now);
        match (moves, restore) {
            (Some(moves), Some(restore)) if moves.at <= restore.due() => Some(self.moved(moves.to)),
            (Some(moves), None) => Some(self.moved(moves.to)),
            (_, Some(restore)) => Some(self.restored(restore)),
            (None, None) => None,
        }
    }

    fn moved(&mut self, to: Target) -> Change {
        self.transitions.remove(0);
        self.restore = None;
        match to {
            Target::Class(class) => {
                self.class = class;
                self.access = None;
                Change::ClassChanged { to: class }
            }
            Target::Access(depth) => {
                self.access = Some(depth);
                Change::AccessChanged { to: depth }
            }
        }
    }

    fn restored(&mut self, restore: Restore) -> Change {
        let Restore::Running { ready, days, .. } = restore else {
            self.restore = None;
            return Change::Expired;
        };
        if self.class == Class::IntelligentTiering {
            self.restore = None;
            self.access = None;
            return Change::Restored { from: self.class, expires: None };
        }
        let expires = expiry(ready, days);
        self.restore = Some(Restore::Ready { expires });
        Change::Restored { from: self.class, expires: Some(expires) }
    }
}

impl Restore {
    fn due(self) -> Timestamp {
        match self {
            Self::Running { ready, .. } => ready,
            Self::Ready { expires } => expires,
        }
    }
}

/// All that is known of the objects; in memory only.
#[derive(Debug, Default)]
pub(super) struct Overlay {
    entries: BTreeMap<Place, Entry>,
    /// The version that a key without one means, in buckets that keep versions.
    latest: BTreeMap<(String, String), Option<String>>,
    /// The class, tags and bucket of multipart uploads under way.
    uploads: BTreeMap<String, Upload>,
}

/// What CreateMultipartUpload said of the object to come.
#[derive(Debug, Clone, Default)]
pub(super) struct Upload {
    pub(super) class: Option<Class>,
    pub(super) tags: Vec<(String, String)>,
}

impl Overlay {
    pub(super) fn get(&self, place: &Place) -> Option<&Entry> {
        self.entries.get(place)
    }

    /// An object was written. What is as S3 would have it by default needs no entry.
    pub(super) fn wrote(&mut self, place: Place, entry: Entry) {
        if place.version.is_some() {
            let name = (place.bucket.clone(), place.key.clone());
            self.latest.insert(name, place.version.clone());
        }
        if entry.class == Class::Standard && entry.transitions.is_empty() {
            self.entries.remove(&place);
        } else {
            self.entries.insert(place, entry);
        }
    }

    /// Plans other moves for an object that is known.
    pub(super) fn replan(&mut self, place: &Place, transitions: Vec<Transition>) {
        if let Some(entry) = self.entries.get_mut(place) {
            entry.transitions = transitions;
        }
    }

    /// What is known of a version; where nothing is, what the server behind says.
    pub(super) fn look(&self, place: &Place, class: Class, facts: &Facts) -> Entry {
        self.entries.get(place).cloned().unwrap_or_else(|| Entry::new(class, facts.clone()))
    }

    /// Keeps what became of a version.
    pub(super) fn keep(&mut self, place: Place, entry: Entry) {
        self.entries.insert(place, entry);
    }

    /// The entry of the version that a key without one means.
    pub(super) fn newest(&self, bucket: &str, key: &str) -> Option<&Entry> {
        let name = (bucket.to_owned(), key.to_owned());
        let version = self.latest.get(&name).cloned().flatten();
        self.entries.get(&Place { bucket: name.0, key: name.1, version })
    }

    pub(super) fn forget(&mut self, place: &Place) {
        self.entries.remove(place);
    }

    pub(super) fn begin_upload(&mut self, id: String, upload: Upload) {
        self.uploads.insert(id, upload);
    }

    /// What the upload said; it is kept, because completing may be tried again.
    pub(super) fn upload(&self, id: &str) -> Upload {
        self.uploads.get(id).cloned().unwrap_or_default()
    }

    pub(super) fn end_upload(&mut self, id: &str) {
        self.uploads.remove(id);
    }

    /// Does what fell due up to `now`.
    pub(super) fn settle(&mut self, now: Timestamp) -> Vec<(Place, Facts, Change)> {
        let mut all = Vec::new();
        for (place, entry) in &mut self.entries {
            for change in entry.settle(now) {
                all.push((place.clone(), entry.facts.clone(), change));
            }
        }
        all
    }

    /// Whether a key has versions.
    pub(super) fn is_versioned(&self, bucket: &str, key: &str) -> bool {
        self.latest.contains_key(&(bucket.to_owned(), key.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_second(hours * 3600).unwrap()
    }

    fn entry(class: Class) -> Entry {
        Entry::new(class, Facts::default())
    }

    #[test]
    fn a_restore_runs_is_ready_and_expires() {
        let mut entry = entry(Class::Glacier);
        assert!(!entry.readable());
        assert_eq!(entry.restore(Tier::Standard, 1, at(0)), Answer::Started);
        assert_eq!(entry.settle(at(3)), []);
        assert!(!entry.readable());
        let expires = at(48);
        let restored = Change::Restored { from: Class::Glacier, expires: Some(expires) };
        assert_eq!(entry.settle(at(4)), [restored]);
        assert!(entry.readable());
        assert_eq!(entry.settle(at(47)), []);
        assert_eq!(entry.settle(at(48)), [Change::Expired]);
        assert!(!entry.readable());
        assert_eq!(entry.class, Class::Glacier);
    }

    #[test]
    fn a_jump_of_the_clock_skips_nothing() {
        let mut entry = entry(Class::DeepArchive);
        assert_eq!(entry.restore(Tier::Bulk, 2, at(0)), Answer::Started);
        let restored = Change::Restored { from: Class::DeepArchive, expires: Some(at(120)) };
        assert_eq!(entry.settle(at(1000)), [restored, Change::Expired]);
    }

    #[test]
    fn a_running_restore_takes_only_a_faster_tier() {
        let mut entry = entry(Class::Glacier);
        assert_eq!(entry.restore(Tier::Standard, 1, at(0)), Answer::Started);
        assert_eq!(entry.restore(Tier::Standard, 1, at(1)), Answer::InProgress);
        assert_eq!(entry.restore(Tier::Bulk, 1, at(1)), Answer::InProgress);
        assert_eq!(entry.restore(Tier::Expedited, 1, at(1)), Answer::Upgraded);
        let soon = at(1) + jiff::SignedDuration::from_mins(3);
        assert_eq!(entry.settle(soon).len(), 1);
        assert!(entry.readable());
    }

    #[test]
    fn a_late_upgrade_does_not_make_it_slower() {
        let mut entry = entry(Class::Glacier);
        assert_eq!(entry.restore(Tier::Bulk, 1, at(0)), Answer::Started);
        assert_eq!(entry.restore(Tier::Standard, 1, at(7)), Answer::Upgraded);
        assert_eq!(entry.settle(at(8)).len(), 1);
    }

    #[test]
    fn a_restored_copy_lives_longer_when_asked_again() {
        let mut entry = entry(Class::Glacier);
        entry.restore(Tier::Standard, 1, at(0));
        entry.settle(at(4));
        assert_eq!(entry.restore(Tier::Bulk, 3, at(24)), Answer::Extended);
        assert_eq!(entry.restore, Some(Restore::Ready { expires: at(120) }));
        assert_eq!(entry.settle(at(100)), []);
    }

    #[test]
    fn what_cannot_be_restored_is_refused() {
        let mut standard = entry(Class::Standard);
        assert_eq!(standard.restore(Tier::Bulk, 1, at(0)), Answer::NotArchived);
        let mut instant = entry(Class::GlacierIr);
        assert!(instant.readable());
        assert_eq!(instant.restore(Tier::Bulk, 1, at(0)), Answer::NotArchived);
        let mut deep = entry(Class::DeepArchive);
        assert_eq!(deep.restore(Tier::Expedited, 1, at(0)), Answer::TierNotOffered);
        assert_eq!(deep.restore, None);
    }

    #[test]
    fn intelligent_tiering_archives_by_access_and_restores_for_good() {
        let mut entry = entry(Class::IntelligentTiering);
        assert!(entry.readable());
        assert_eq!(entry.restore(Tier::Standard, 0, at(0)), Answer::AlreadyActive);
        let to = Target::Access(Depth::DeepArchive);
        entry.transitions.push(Transition { at: at(10), to });
        assert_eq!(entry.settle(at(10)), [Change::AccessChanged { to: Depth::DeepArchive }]);
        assert!(!entry.readable());
        assert_eq!(entry.restore(Tier::Expedited, 0, at(11)), Answer::TierNotOffered);
        assert_eq!(entry.restore(Tier::Standard, 0, at(11)), Answer::Started);
        let restored = Change::Restored { from: Class::IntelligentTiering, expires: None };
        assert_eq!(entry.settle(at(1000)), [restored]);
        assert!(entry.readable());
    }

    #[test]
    fn an_overwritten_object_is_a_new_one() {
        let mut overlay = Overlay::default();
        let place = |version: Option<&str>| Place {
            bucket: "b".into(),
            key: "k".into(),
            version: version.map(str::to_owned),
        };
        overlay.wrote(place(None), entry(Class::Glacier));
        assert_eq!(overlay.newest("b", "k").map(|entry| entry.class), Some(Class::Glacier));
        overlay.wrote(place(None), entry(Class::Standard));
        assert_eq!(overlay.newest("b", "k"), None);
        overlay.wrote(place(Some("1")), entry(Class::Glacier));
        overlay.wrote(place(Some("2")), entry(Class::DeepArchive));
        assert_eq!(overlay.newest("b", "k").map(|entry| entry.class), Some(Class::DeepArchive));
        assert!(overlay.get(&place(Some("1"))).is_some());
    }
}
