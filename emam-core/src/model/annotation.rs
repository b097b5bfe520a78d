//! Annotation: one record for everything said about an asset or a range of its time.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::id::{AnnotationId, AssetId, RunId, VersionId};
use crate::time::TimeRange;

/// What an annotation is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AnnotationKind {
    /// A point or range worth finding again.
    Marker,
    /// A named range that is used like a clip of its own.
    Subclip,
    /// Something a person says about it.
    Comment,
    /// A thing or scene that is seen.
    Label,
    /// A face that is seen.
    Face,
    /// A well-known person who is seen.
    Celebrity,
    /// Text that is seen.
    Text,
    /// Content some audiences must not see.
    Moderation,
    /// A range without a cut.
    Shot,
    /// Words that are said.
    Speech,
    /// A range that is black.
    Black,
    /// A range without sound.
    Silence,
    /// How loud it is as a whole (EBU R 128).
    Loudness,
}

impl AnnotationKind {
    /// The name used in JSON and every binding, for example `subclip`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Marker => "marker",
            Self::Subclip => "subclip",
            Self::Comment => "comment",
            Self::Label => "label",
            Self::Face => "face",
            Self::Celebrity => "celebrity",
            Self::Text => "text",
            Self::Moderation => "moderation",
            Self::Shot => "shot",
            Self::Speech => "speech",
            Self::Black => "black",
            Self::Silence => "silence",
            Self::Loudness => "loudness",
        }
    }
}

/// Who or what said it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Source {
    /// A person, or a program on a person's behalf.
    Person {
        /// The name they go by, where it is known.
        #[serde(default)]
        name: String,
    },
    /// A service or program.
    Service {
        /// Its name, for example `ffmpeg`.
        name: String,
        /// The model or filter and its settings, for example `scdet t=10`.
        #[serde(default)]
        model: String,
        /// The run that asked it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        run: Option<RunId>,
    },
}

impl Default for Source {
    fn default() -> Self {
        Self::Person { name: String::new() }
    }
}

/// A place in the picture, as fractions of its shown width and height, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Region {
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

/// Something said about an asset, or about a range of its time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Annotation {
    /// Its id.
    pub id: AnnotationId,
    /// The asset it is about.
    pub asset: AssetId,
    /// The version it is about; absent when it is about all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<VersionId>,
    /// Counts its changes; a write names the revision it read.
    pub revision: u64,
    /// What it is.
    pub kind: AnnotationKind,
    /// The time it is about, counted from the first frame (0) of the media, whatever the start
    /// timecode; absent when it is about all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<TimeRange>,
    /// A short name: the subclip's, the label's, the person's.
    #[serde(default)]
    pub name: String,
    /// Longer words: the comment, the speech, the text seen.
    #[serde(default)]
    pub text: String,
    /// A colour by name, for example `red`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub color: Option<String>,
    /// Who or what said it.
    pub source: Source,
    /// How sure the service is, from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// Where in the picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// The annotation this one answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<AnnotationId>,
    /// Whether a person made it or changed it. Analysis never overwrites what a person touched.
    #[serde(default)]
    pub edited: bool,
    /// Whether what it asks for is done.
    #[serde(default)]
    pub resolved: bool,
    /// Figures of its own, for example the loudness in LUFS.
    #[serde(default)]
    pub data: serde_json::Value,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// An annotation to be made: what a person gives, or what an analyzer found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAnnotation {
    /// What it is.
    pub kind: AnnotationKind,
    /// The time it is about, from the first frame (0) of the media; absent for all of it.
    #[serde(default)]
    pub range: Option<TimeRange>,
    /// A short name.
    #[serde(default)]
    pub name: String,
    /// Longer words.
    #[serde(default)]
    pub text: String,
    /// A colour by name.
    #[serde(default)]
    pub color: Option<String>,
    /// Who or what says it; a nameless person unless told otherwise.
    #[serde(default)]
    pub source: Source,
    /// How sure the service is, from 0 to 1.
    #[serde(default)]
    pub confidence: Option<f64>,
    /// Where in the picture.
    #[serde(default)]
    pub region: Option<Region>,
    /// The annotation this one answers.
    #[serde(default)]
    pub parent: Option<AnnotationId>,
    /// Figures of its own.
    #[serde(default)]
    pub data: serde_json::Value,
}

impl NewAnnotation {
    /// An annotation of `kind` about all of the asset, with nothing said yet.
    pub fn new(kind: AnnotationKind) -> Self {
        Self {
            kind,
            range: None,
            name: String::new(),
            text: String::new(),
            color: None,
            source: Source::default(),
            confidence: None,
            region: None,
            parent: None,
            data: serde_json::Value::Null,
        }
    }

    /// The annotation of `asset` this makes, with a new id.
    pub fn into_annotation(self, asset: AssetId, clock: &dyn Clock) -> Annotation {
        let now = clock.now();
        Annotation {
            id: AnnotationId::new(clock),
            asset,
            version: None,
            revision: 1,
            kind: self.kind,
            range: self.range,
            name: self.name,
            text: self.text,
            color: self.color,
            edited: matches!(self.source, Source::Person { .. }),
            source: self.source,
            confidence: self.confidence,
            region: self.region,
            parent: self.parent,
            resolved: false,
            data: self.data,
            created_at: now,
            updated_at: now,
        }
    }

    /// The same about `range` only.
    #[must_use]
    pub fn at(mut self, range: TimeRange) -> Self {
        self.range = Some(range);
        self
    }

    /// The same with a short name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The same with longer words.
    #[must_use]
    pub fn saying(mut self, text: impl Into<String>) -> Self {
        self.text = text.into();
        self
    }
}
