//! The classes of S3 that must be restored before they are read, and how long that takes.

use std::time::Duration;

use aws_sdk_s3::types as s3;
use emam_core::backend::RestoreSpeed;
use emam_core::model::StorageClass;

/// A class of the library, as S3 names it.
pub(super) const CLASSES: [(StorageClass, s3::StorageClass); 2] = [
    (StorageClass::Archive, s3::StorageClass::Glacier),
    (StorageClass::DeepArchive, s3::StorageClass::DeepArchive),
];

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// How long a restore takes at most, by class and speed. What is not listed S3 does not offer.
///
/// Amazon S3 API Reference, RestoreObject, as of 2026: Flexible Retrieval 1 to 5 minutes, 3 to 5
/// hours, 5 to 12 hours; Deep Archive within 12 and 48 hours. The archive tiers of
/// Intelligent-Tiering take as long.
const RESTORES: [(StorageClass, RestoreSpeed, u64); 5] = [
    (StorageClass::Archive, RestoreSpeed::Expedited, 5 * MINUTE),
    (StorageClass::Archive, RestoreSpeed::Standard, 5 * HOUR),
    (StorageClass::Archive, RestoreSpeed::Bulk, 12 * HOUR),
    (StorageClass::DeepArchive, RestoreSpeed::Standard, 12 * HOUR),
    (StorageClass::DeepArchive, RestoreSpeed::Bulk, 48 * HOUR),
];

/// The table of restores, as capabilities tell it.
pub(super) fn restore_times() -> Vec<(StorageClass, RestoreSpeed, Duration)> {
    let rows = RESTORES.iter();
    rows.map(|&(class, speed, seconds)| (class, speed, Duration::from_secs(seconds))).collect()
}

/// How long a restore takes; nothing where S3 does not offer it.
pub(super) fn wait(class: StorageClass, speed: RestoreSpeed) -> Option<Duration> {
    let row = RESTORES.iter().find(|row| (row.0, row.1) == (class, speed))?;
    Some(Duration::from_secs(row.2))
}

/// How long a restore takes of which the speed is not known.
pub(super) fn longest_wait(class: StorageClass) -> Duration {
    let of_class = RESTORES.iter().filter(|row| row.0 == class);
    Duration::from_secs(of_class.map(|row| row.2).max().unwrap_or(0))
}

/// S3's name of a class that is an archive; nothing of one that is not.
pub(super) fn class_of_s3(class: Option<&s3::StorageClass>) -> Option<StorageClass> {
    CLASSES.iter().find(|row| Some(&row.1) == class).map(|row| row.0)
}

/// S3's word for a class.
pub(super) fn class_in_s3(class: StorageClass) -> Option<s3::StorageClass> {
    CLASSES.iter().find(|row| row.0 == class).map(|row| row.1.clone())
}

/// The class that an access tier of Intelligent-Tiering is as slow as.
pub(super) fn class_of_tier(tier: &s3::ArchiveStatus) -> Option<StorageClass> {
    match tier {
        s3::ArchiveStatus::ArchiveAccess => Some(StorageClass::Archive),
        s3::ArchiveStatus::DeepArchiveAccess => Some(StorageClass::DeepArchive),
        _ => None,
    }
}

/// S3's word for a speed.
pub(super) fn tier(speed: RestoreSpeed) -> s3::Tier {
    match speed {
        RestoreSpeed::Expedited => s3::Tier::Expedited,
        RestoreSpeed::Standard => s3::Tier::Standard,
        RestoreSpeed::Bulk => s3::Tier::Bulk,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_offers_what_s3_does() {
        assert_eq!(wait(StorageClass::DeepArchive, RestoreSpeed::Expedited), None);
        assert_eq!(wait(StorageClass::Standard, RestoreSpeed::Standard), None);
        let expedited = wait(StorageClass::Archive, RestoreSpeed::Expedited);
        assert_eq!(expedited, Some(Duration::from_secs(300)));
        assert_eq!(longest_wait(StorageClass::DeepArchive), Duration::from_secs(172_800));
        assert_eq!(class_of_s3(Some(&s3::StorageClass::GlacierIr)), None, "it is read at once");
        assert_eq!(class_of_s3(None), None);
    }
}
