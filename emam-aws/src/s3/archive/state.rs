//! What S3 tells of an object's class and of its restoring.

use std::time::Duration;

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use emam_core::backend::{ArchiveStatus, RestoreSpeed};
use emam_core::model::StorageClass;
use emam_core::{Error, ErrorKind, Result};
use jiff::fmt::rfc2822;
use jiff::{SignedDuration, Timestamp};

use super::tiers::{class_of_s3, class_of_tier, longest_wait, wait};

/// What the header `x-amz-restore` tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Restore {
    /// Nothing was asked for.
    None,
    /// Under way.
    Ongoing,
    /// There until then.
    Until(Timestamp),
}

/// Reads `ongoing-request="false", expiry-date="Fri, 21 Dec 2012 00:00:00 GMT"`.
pub(super) fn parse_restore(header: Option<&str>) -> Result<Restore> {
    let Some(header) = header else { return Ok(Restore::None) };
    let field = |name: &str| {
        let rest = header.split_once(&format!("{name}=\""))?.1;
        Some(rest.split_once('"')?.0)
    };
    let expires = || rfc2822::DateTimeParser::new().parse_timestamp(field("expiry-date")?).ok();
    match field("ongoing-request") {
        Some("true") => Ok(Restore::Ongoing),
        Some("false") => Ok(expires().map_or(Restore::None, Restore::Until)),
        _ => Err(Error::new(
            ErrorKind::Unexpected,
            "archive.status",
            "S3 tells of a restore in words that are not known",
        )
        .with("x-amz-restore", header.escape_debug())),
    }
}

/// The class an object is archived in; nothing where it can be read at any time.
pub(super) fn archived_class(head: &HeadObjectOutput) -> Option<StorageClass> {
    class_of_s3(head.storage_class()).or_else(|| head.archive_status().and_then(class_of_tier))
}

/// A restore that was asked for: how fast and when. S3 tells neither, so it is kept as a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) speed: RestoreSpeed,
    pub(super) at: Timestamp,
}

impl Asked {
    /// When what was asked for will be there.
    pub(super) fn eta(self, class: StorageClass) -> Timestamp {
        after(self.at, wait(class, self.speed).unwrap_or_else(|| longest_wait(class)))
    }

    /// As the value of a tag.
    pub(super) fn to_tag(self) -> String {
        let speed = match self.speed {
            RestoreSpeed::Expedited => "expedited",
            RestoreSpeed::Standard => "standard",
            RestoreSpeed::Bulk => "bulk",
        };
        format!("{speed} {}", self.at)
    }

    pub(super) fn from_tag(value: &str) -> Option<Self> {
        let (speed, at) = value.split_once(' ')?;
        let speed = match speed {
            "expedited" => RestoreSpeed::Expedited,
            "standard" => RestoreSpeed::Standard,
            "bulk" => RestoreSpeed::Bulk,
            _ => return None,
        };
        Some(Self { speed, at: at.parse().ok()? })
    }
}

/// What an object is at that is archived in `class`.
pub(super) fn status(
    class: StorageClass,
    restore: Restore,
    asked: Option<Asked>,
    now: Timestamp,
) -> ArchiveStatus {
    match restore {
        Restore::Ongoing => ArchiveStatus::Restoring { class, eta: eta(class, asked, now) },
        Restore::Until(expires_at) if now < expires_at => {
            ArchiveStatus::Restored { class, expires_at }
        }
        _ => ArchiveStatus::Archived(class),
    }
}

/// When a restore that is under way will be done: as it was asked for, and where that is not known
/// or has passed the longest S3 takes, counted from now.
pub(super) fn eta(class: StorageClass, asked: Option<Asked>, now: Timestamp) -> Timestamp {
    let longest = after(now, longest_wait(class));
    match asked.map(|asked| asked.eta(class)) {
        // What was asked for before the one that is under way is no answer.
        Some(eta) if eta > now => eta.min(longest),
        _ => longest,
    }
}

/// The instant `wait` after `now`.
pub(super) fn after(now: Timestamp, wait: Duration) -> Timestamp {
    let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_header_of_a_restore_is_read() {
        assert_eq!(parse_restore(None).unwrap(), Restore::None);
        assert_eq!(parse_restore(Some(r#"ongoing-request="true""#)).unwrap(), Restore::Ongoing);
        let done = r#"ongoing-request="false", expiry-date="Fri, 21 Dec 2012 00:00:00 GMT""#;
        let until = Restore::Until(at("2012-12-21T00:00:00Z"));
        assert_eq!(parse_restore(Some(done)).unwrap(), until);
        assert_eq!(parse_restore(Some(r#"ongoing-request="false""#)).unwrap(), Restore::None);
        for wrong in ["", "ongoing-request", r#"ongoing-request="maybe""#] {
            assert!(parse_restore(Some(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_was_asked_for_survives_as_a_tag_that_s3_takes() {
        let asked = Asked { speed: RestoreSpeed::Bulk, at: at("2026-01-01T12:00:00.5Z") };
        let tag = asked.to_tag();
        assert_eq!(Asked::from_tag(&tag), Some(asked));
        assert!(tag.chars().all(|c| c.is_ascii_alphanumeric() || " +-=._:/@".contains(c)), "{tag}");
        for wrong in ["", "bulk", "soon 2026-01-01T00:00:00Z", "bulk soon"] {
            assert_eq!(Asked::from_tag(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_object_is_what_class_restore_and_clock_make_it() {
        let class = StorageClass::Archive;
        let (now, later) = (at("2026-01-01T00:00:00Z"), at("2026-01-02T00:00:00Z"));
        let of = |restore, asked| status(class, restore, asked, now);
        assert_eq!(of(Restore::None, None), ArchiveStatus::Archived(class));
        assert_eq!(
            of(Restore::Until(later), None),
            ArchiveStatus::Restored { class, expires_at: later }
        );
        assert_eq!(of(Restore::Until(now), None), ArchiveStatus::Archived(class), "it is over");
        let eta = |asked| match of(Restore::Ongoing, asked) {
            ArchiveStatus::Restoring { eta, .. } => eta.to_string(),
            other => panic!("{other:?}"),
        };
        assert_eq!(eta(None), "2026-01-01T12:00:00Z", "the longest, as nothing is known");
        let asked = |speed, at| Some(Asked { speed, at });
        let since = at("2025-12-31T23:00:00Z");
        assert_eq!(eta(asked(RestoreSpeed::Standard, since)), "2026-01-01T04:00:00Z");
        let stale = asked(RestoreSpeed::Expedited, since);
        assert_eq!(eta(stale), "2026-01-01T12:00:00Z", "it should be there long since");
    }
}
