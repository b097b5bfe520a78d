//! Storage classes, and how long it takes to get at what lies in the cold ones.

use jiff::{SignedDuration, Timestamp};

/// A storage class of S3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// `STANDARD`, which answers never name.
    Standard,
    /// `REDUCED_REDUNDANCY`.
    ReducedRedundancy,
    /// `STANDARD_IA`.
    StandardIa,
    /// `ONEZONE_IA`.
    OnezoneIa,
    /// `INTELLIGENT_TIERING`; whether it must be restored depends on its access tier.
    IntelligentTiering,
    /// `GLACIER_IR`, which is read at once.
    GlacierIr,
    /// `GLACIER`: Glacier Flexible Retrieval.
    Glacier,
    /// `DEEP_ARCHIVE`.
    DeepArchive,
}

const CLASSES: [(Class, &str); 8] = [
    (Class::Standard, "STANDARD"),
    (Class::ReducedRedundancy, "REDUCED_REDUNDANCY"),
    (Class::StandardIa, "STANDARD_IA"),
    (Class::OnezoneIa, "ONEZONE_IA"),
    (Class::IntelligentTiering, "INTELLIGENT_TIERING"),
    (Class::GlacierIr, "GLACIER_IR"),
    (Class::Glacier, "GLACIER"),
    (Class::DeepArchive, "DEEP_ARCHIVE"),
];

impl Class {
    /// The class of this name.
    pub fn parse(name: &str) -> Option<Self> {
        CLASSES.iter().find(|row| row.1 == name).map(|row| row.0)
    }

    /// The name S3 writes.
    pub fn name(self) -> &'static str {
        CLASSES.iter().find(|row| row.0 == self).map_or("STANDARD", |row| row.1)
    }
}

/// How deep something is archived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Glacier Flexible Retrieval, and the Archive Access tier of Intelligent-Tiering.
    Archive,
    /// Glacier Deep Archive, and the Deep Archive Access tier of Intelligent-Tiering.
    DeepArchive,
}

impl Depth {
    /// The access tier of Intelligent-Tiering, as `x-amz-archive-status` names it.
    pub fn access_tier(self) -> &'static str {
        match self {
            Self::Archive => "ARCHIVE_ACCESS",
            Self::DeepArchive => "DEEP_ARCHIVE_ACCESS",
        }
    }

    /// The depth of an access tier of this name.
    pub fn of_access_tier(name: &str) -> Option<Self> {
        [Self::Archive, Self::DeepArchive].into_iter().find(|depth| depth.access_tier() == name)
    }
}

/// How fast a restore is asked to be; the faster is the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// The cheapest.
    Bulk,
    /// What a request means that names none.
    Standard,
    /// Minutes.
    Expedited,
}

impl Tier {
    /// The tier of this name.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "Bulk" => Some(Self::Bulk),
            "Standard" => Some(Self::Standard),
            "Expedited" => Some(Self::Expedited),
            _ => None,
        }
    }
}

/// How long a restore takes; `None` where the tier is not offered.
///
/// A time within the ranges of the user guide ("Understanding archive retrieval options"):
/// 1-5 minutes, 3-5 hours and 5-12 hours; 12 and 48 hours for the deep archive.
pub fn retrieval(depth: Depth, tier: Tier) -> Option<SignedDuration> {
    match (depth, tier) {
        (Depth::Archive, Tier::Expedited) => Some(SignedDuration::from_mins(3)),
        (Depth::Archive, Tier::Standard) => Some(SignedDuration::from_hours(4)),
        (Depth::Archive, Tier::Bulk) => Some(SignedDuration::from_hours(8)),
        (Depth::DeepArchive, Tier::Expedited) => None,
        (Depth::DeepArchive, Tier::Standard) => Some(SignedDuration::from_hours(12)),
        (Depth::DeepArchive, Tier::Bulk) => Some(SignedDuration::from_hours(48)),
    }
}

/// When a copy restored at `from` for so many days goes away: S3 rounds up to midnight UTC.
pub fn expiry(from: Timestamp, days: u32) -> Timestamp {
    const DAY: i64 = 86_400;
    let end = from.as_second().saturating_add(i64::from(days).saturating_mul(DAY));
    Timestamp::from_second(end.div_euclid(DAY).saturating_add(1).saturating_mul(DAY))
        .unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_one_name() {
        for (class, name) in CLASSES {
            assert_eq!(Class::parse(name), Some(class));
            assert_eq!(class.name(), name);
        }
        assert_eq!(Class::parse("glacier"), None);
    }

    #[test]
    fn the_deep_archive_is_slower_and_has_no_expedited() {
        assert_eq!(retrieval(Depth::DeepArchive, Tier::Expedited), None);
        for tier in [Tier::Standard, Tier::Bulk] {
            assert!(retrieval(Depth::DeepArchive, tier) > retrieval(Depth::Archive, tier));
        }
        assert!(Tier::Expedited > Tier::Standard && Tier::Standard > Tier::Bulk);
    }

    #[test]
    fn a_restored_copy_lasts_to_the_midnight_after_its_days() {
        // The user guide's example: three days from 15 October, 10:30 UTC.
        let from: Timestamp = "2012-10-15T10:30:00Z".parse().unwrap();
        assert_eq!(expiry(from, 3).to_string(), "2012-10-19T00:00:00Z");
    }
}
