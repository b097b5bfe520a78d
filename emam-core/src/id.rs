//! Typed ids. Each is a UUIDv7, so ids sort by the time they were made; each noun has its own
//! type, so an asset's id cannot be passed where a project's is meant.
//!
//! Ids are made by [`Clock::new_uuid`], the only source of
//! randomness in the library.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::Clock;
use crate::error::{Error, Result};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $noun:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Makes a new id, later than every id this clock made before.
            pub fn new(clock: &dyn Clock) -> Self {
                Self(clock.new_uuid())
            }

            /// The id as a plain UUID.
            pub const fn uuid(self) -> Uuid {
                self.0
            }

            /// Takes a UUID as an id of this noun.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                // By way of the text, so that the error names what was given.
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(|_| {
                    serde::de::Error::custom(format!(concat!("this is no ", $noun, " id: {:?}"), text))
                })
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self> {
                Uuid::try_parse(text).map(Self).map_err(|cause| {
                    Error::invalid(
                        concat!($noun, ".id"),
                        concat!("this is no ", $noun, " id; ids are UUIDs such as \
                                 0190f5a2-7c1e-7000-8000-000000000000"),
                    )
                    .with("id", text)
                    .caused_by(cause)
                })
            }
        }
    )*};
}

ids! {
    /// Names an [`Asset`](crate::model::Asset).
    AssetId = "asset";
    /// Names a [`Version`](crate::model::Version) of an asset.
    VersionId = "version";
    /// Names a [`Rendition`](crate::model::Rendition) of a version.
    RenditionId = "rendition";
    /// Names one stored file, an [`Instance`](crate::model::Instance).
    InstanceId = "instance";
    /// Names an [`Annotation`](crate::model::Annotation).
    AnnotationId = "annotation";
    /// Names a [`Category`](crate::model::Category).
    CategoryId = "category";
    /// Names a [`Project`](crate::model::Project).
    ProjectId = "project";
    /// Names a [`Bin`](crate::model::Bin).
    BinId = "bin";
    /// Names an item of a bin, a [`BinItem`](crate::model::BinItem).
    BinItemId = "bin_item";
    /// Names a [`Sequence`](crate::model::Sequence).
    SequenceId = "sequence";
    /// Names a [`Track`](crate::model::Track) of a sequence.
    TrackId = "track";
    /// Names a [`Clip`](crate::model::Clip) of a track.
    ClipId = "clip";
    /// Names a [`Run`](crate::model::Run) of a workflow.
    RunId = "run";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn ids_sort_by_creation_and_survive_text() {
        let first = AssetId::new(&SystemClock);
        let second = AssetId::new(&SystemClock);
        assert!(first < second);
        assert_eq!(first.to_string().parse::<AssetId>().unwrap(), first);
    }

    #[test]
    fn a_text_that_is_no_id_is_named_in_the_error() {
        let error = "rough cut".parse::<ProjectId>().unwrap_err();
        assert_eq!(error.get("id"), Some("rough cut"));
    }
}
