//! What a clip of a sequence is a piece of.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::id::{AnnotationId, AssetId, SequenceId, VersionId};

/// What a clip is a piece of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ClipSource {
    /// The media of an asset.
    Asset(AssetSource),
    /// Another sequence, played as if it were media; counted at its own rate from its start (0).
    Sequence(SequenceSource),
    /// A picture or sound an editing program makes by itself: colour, bars, a title.
    Generator(Generator),
    /// Words to be read.
    Caption(Caption),
}

/// The media of an asset, as the source of a clip.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct AssetSource {
    /// Which asset.
    pub asset: AssetId,
    /// Which version of it, for good: a new face version does not change an edit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<VersionId>,
    /// The subclip it was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subclip: Option<AnnotationId>,
}

/// A sequence, as the source of a clip in another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SequenceSource {
    /// Which sequence.
    pub sequence: SequenceId,
}

/// What an editing program makes by itself, as the source of a clip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Generator {
    /// Which generator, by the name the editing program gave, for example `Color`.
    pub generator: String,
    /// Its settings, as the editing program wrote them.
    #[serde(default)]
    pub parameters: BTreeMap<String, serde_json::Value>,
}

/// Words to be read, as the source of a clip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Caption {
    /// What is shown; lines are parted by line feeds.
    pub text: String,
}

impl AssetSource {
    /// The face version of an asset.
    pub const fn new(asset: AssetId) -> Self {
        Self { asset, version: None, subclip: None }
    }
}

impl ClipSource {
    /// The asset, if it is one.
    pub const fn asset(&self) -> Option<&AssetSource> {
        match self {
            Self::Asset(source) => Some(source),
            _ => None,
        }
    }
}

impl From<AssetSource> for ClipSource {
    fn from(source: AssetSource) -> Self {
        Self::Asset(source)
    }
}

impl From<SequenceId> for ClipSource {
    fn from(sequence: SequenceId) -> Self {
        Self::Sequence(SequenceSource { sequence })
    }
}

impl<'de> Deserialize<'de> for ClipSource {
    /// Without a `kind` it is an asset: there was nothing else at first.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(tag = "kind", rename_all = "snake_case")]
        enum Kind {
            Asset(AssetSource),
            Sequence(SequenceSource),
            Generator(Generator),
            Caption(Caption),
        }

        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Known {
            Kind(Kind),
            Asset(AssetSource),
        }

        Ok(match Known::deserialize(deserializer)? {
            Known::Asset(source) | Known::Kind(Kind::Asset(source)) => Self::Asset(source),
            Known::Kind(Kind::Sequence(source)) => Self::Sequence(source),
            Known::Kind(Kind::Generator(source)) => Self::Generator(source),
            Known::Kind(Kind::Caption(source)) => Self::Caption(source),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn every_source_reads_back_and_one_without_a_kind_is_an_asset() {
        let asset = AssetSource::new(AssetId::new(&SystemClock));
        for source in [
            ClipSource::Asset(asset),
            SequenceId::new(&SystemClock).into(),
            ClipSource::Generator(Generator { generator: "Color".into(), parameters: [].into() }),
            ClipSource::Caption(Caption { text: "a\nb".into() }),
        ] {
            let json = serde_json::to_string(&source).unwrap();
            assert_eq!(serde_json::from_str::<ClipSource>(&json).unwrap(), source, "{json}");
        }
        let json = serde_json::to_string(&asset).unwrap();
        assert_eq!(serde_json::from_str::<ClipSource>(&json).unwrap(), ClipSource::Asset(asset));
    }
}
