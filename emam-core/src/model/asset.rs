//! Asset and version: what a person means by "that clip".

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::ErrorInfo;
use crate::id::{AssetId, CategoryId, VersionId};
use crate::time::{MediaTime, Rate, Timecode};

/// What sort of media an asset is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AssetKind {
    /// Moving pictures, with or without sound.
    Video,
    /// Sound without moving pictures; a cover picture does not make it video.
    Audio,
    /// One still picture.
    Image,
    /// Text, office documents, PDF.
    Document,
    /// A project file of an editing or design program.
    ProjectFile,
    /// Numbered pictures that are one moving picture.
    ImageSequence,
    /// Anything else, and anything not yet looked into.
    Other,
}

/// Where an asset is on its way through the library.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Lifecycle {
    /// Described before its media is there.
    Placeholder,
    /// Its bytes are being stored.
    Uploading,
    /// Its bytes are stored and verified.
    Added,
    /// Its renditions are being made.
    Processing,
    /// Everything its ingest was to make is there.
    Ready,
    /// Its ingest gave up; `failure` says why. The original, if stored, is kept.
    Failed,
    /// Put aside for deletion.
    Trashed,
}

/// What can be read of an asset now; derived from the state of its stored files, never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    /// The original can be read.
    Online,
    /// The original is archived or being restored, a proxy can be read.
    ProxyOnly,
    /// The original is archived or being restored, and there is no proxy.
    Archived,
    /// Nothing can be read.
    Offline,
}

/// What ingest does with content the library already holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KnownContent {
    /// The asset that holds it is the result; nothing is stored twice.
    #[default]
    Reuse,
    /// The content becomes a new version of the asset that holds it.
    NewVersion,
    /// The ingest fails with [`AlreadyExists`](crate::ErrorKind::AlreadyExists).
    Reject,
    /// A second asset with the same content is made.
    Allow,
}

/// A thing of value in the library: identity, description and place, whatever its bytes do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Asset {
    /// Its id, never reused.
    pub id: AssetId,
    /// Counts its changes; a write names the revision it read.
    pub revision: u64,
    /// What sort of media it is.
    pub kind: AssetKind,
    /// Where it is on its way through the library.
    pub lifecycle: Lifecycle,
    /// Its name for people; the file name without extension unless told otherwise.
    pub title: String,
    /// What is to be said about it.
    #[serde(default)]
    pub description: String,
    /// Words for finding it. A tag may hold any character, commas included.
    #[serde(default)]
    pub tags: Vec<String>,
    /// From 1 to 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating: Option<u8>,
    /// The categories it is filed under.
    #[serde(default)]
    pub categories: Vec<CategoryId>,
    /// Custom metadata by field key.
    #[serde(default)]
    pub metadata: BTreeMap<String, serde_json::Value>,
    /// Its ids in other systems, by system.
    #[serde(default)]
    pub external_ids: BTreeMap<String, String>,
    /// The name of the file it came as; undecodable bytes are shown as U+FFFD.
    #[serde(default)]
    pub file_name: String,
    /// The version people see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub face_version: Option<VersionId>,
    /// The facts of the face version's original that lists and searches need.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media: Option<MediaSummary>,
    /// Why its ingest gave up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<ErrorInfo>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Asset {
    /// A new asset that nothing is known about but its title.
    pub fn new(id: AssetId, title: impl Into<String>, now: Timestamp) -> Self {
        Self {
            id,
            revision: 1,
            kind: AssetKind::Other,
            lifecycle: Lifecycle::Placeholder,
            title: title.into(),
            description: String::new(),
            tags: Vec::new(),
            rating: None,
            categories: Vec::new(),
            metadata: BTreeMap::new(),
            external_ids: BTreeMap::new(),
            file_name: String::new(),
            face_version: None,
            media: None,
            failure: None,
            created_at: now,
            updated_at: now,
        }
    }
}

/// The facts of an original that lists, searches and timelines need at hand.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct MediaSummary {
    /// Size of the original in bytes.
    pub size: u64,
    /// MD5 of the original, 32 lower-case hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub md5: Option<String>,
    /// The container's name, for example `mov` or `jpeg`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// The codec of the first video stream, or of the picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub video_codec: Option<String>,
    /// The codec of the first audio stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_codec: Option<String>,
    /// Width in pixels as shown, after rotation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Height in pixels as shown, after rotation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Frames a second of the first video stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// Its length: in frames where there is video, in samples where there is only sound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<MediaTime>,
    /// The timecode of its first frame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_timecode: Option<Timecode>,
    /// Sound channels in all its audio streams together.
    #[serde(default)]
    pub audio_channels: u32,
}

/// One state of an asset's content; an edit of the media is a new version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Version {
    /// Its id.
    pub id: VersionId,
    /// The asset it is a version of.
    pub asset: AssetId,
    /// Counts from 1.
    pub number: u32,
    /// A name for people, for example `graded`.
    #[serde(default)]
    pub label: String,
    /// The name of the file it came as.
    #[serde(default)]
    pub file_name: String,
    /// When it was made.
    pub created_at: Timestamp,
}
