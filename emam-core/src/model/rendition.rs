//! Rendition and instance: one form of a version, and the files that hold it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{AssetId, InstanceId, RenditionId, RunId, VersionId};
use crate::model::Technical;
use crate::time::{Rate, Timecode};

/// What a rendition is for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Role {
    /// The bytes as they came.
    Original,
    /// A small copy for browsing and playing.
    Proxy,
    /// A copy for editing that an editing program can attach in place of the original.
    EditProxy,
    /// A high-quality copy made for further work.
    Mezzanine,
    /// A small copy of the sound.
    AudioProxy,
    /// Small pictures at even intervals, one file each.
    Thumbnail,
    /// The picture that stands for the asset.
    Poster,
    /// Thumbnails on one sheet (part 0) with a WebVTT index (part 1).
    Storyboard,
    /// Peaks of the sound, in the audiowaveform binary format version 2.
    Waveform,
    /// Timed text for showing.
    Captions,
    /// What is said, with times.
    Transcript,
    /// Playlists and segments for adaptive streaming; part 0 is the master playlist.
    Hls,
}

impl Role {
    /// The name used in JSON, storage keys and every binding, for example `audio_proxy`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Original => "original",
            Self::Proxy => "proxy",
            Self::EditProxy => "edit_proxy",
            Self::Mezzanine => "mezzanine",
            Self::AudioProxy => "audio_proxy",
            Self::Thumbnail => "thumbnail",
            Self::Poster => "poster",
            Self::Storyboard => "storyboard",
            Self::Waveform => "waveform",
            Self::Captions => "captions",
            Self::Transcript => "transcript",
            Self::Hls => "hls",
        }
    }
}

/// One form of a version: its original, its proxy, its poster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rendition {
    /// Its id.
    pub id: RenditionId,
    /// The asset it belongs to.
    pub asset: AssetId,
    /// The version it is a form of.
    pub version: VersionId,
    /// What it is for.
    pub role: Role,
    /// Its media type, for example `video/mp4`.
    #[serde(default)]
    pub media_type: String,
    /// What its prober found; present for originals and proxies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub technical: Option<Technical>,
    /// How its frames map to the original's; present for proxies once checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame_map: Option<FrameMap>,
    /// How it was made; absent for originals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub derivation: Option<Derivation>,
    /// The files that hold it, by part and then by storage.
    #[serde(default)]
    pub instances: Vec<Instance>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// How the frames of a proxy map to those of its original: frame `n` of the one is frame `n` of
/// the other, at the same rate and the same start timecode. Checked after each transcode; without
/// it an edit made on the proxy cannot be relinked to the original.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FrameMap {
    /// Frames a second of both.
    pub rate: Rate,
    /// Frames of the original.
    pub frames: i64,
    /// The timecode of frame 0 of both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_timecode: Option<Timecode>,
    /// Sound channels of the original and the proxy channel each is heard in, counted from 0.
    #[serde(default)]
    pub audio_channels: Vec<u32>,
}

/// How a rendition was made, so that it can be made again and a stale one can be found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Derivation {
    /// The profile it was made by.
    pub profile: String,
    /// The tool and its version.
    pub tool: String,
    /// The tool's arguments.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// The run that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
}

/// One stored file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Instance {
    /// Its id.
    pub id: InstanceId,
    /// Its place among the files of its rendition, from 0.
    #[serde(default)]
    pub part: u32,
    /// The name of the storage it is in, for example `originals`.
    pub storage: String,
    /// Its key in that storage.
    pub key: String,
    /// Its size in bytes.
    pub size: u64,
    /// What its bytes add up to.
    #[serde(default)]
    pub checksums: Checksums,
    /// What its bytes can be used for now.
    #[serde(flatten)]
    pub state: InstanceState,
}

/// Checksums of a stored file, as lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Checksums {
    /// MD5, 32 digits: what the field exchanges.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub md5: Option<String>,
    /// XXH3-128, 32 digits: what verifying uses, at the speed of the disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xxh3: Option<String>,
}

/// The class of storage bytes lie in: how cheap they are to keep and how long they take to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StorageClass {
    /// Read at once.
    Standard,
    /// Restored within minutes to hours before it can be read.
    Archive,
    /// Restored within hours to days; the cheapest to keep.
    DeepArchive,
}

/// What the bytes of a stored file can be used for now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
#[non_exhaustive]
pub enum InstanceState {
    /// Being written; not to be read.
    Uploading,
    /// Written, not yet read back.
    Stored,
    /// Written, read back and found to be what was sent.
    Verified {
        /// When it was read back.
        verified_at: Timestamp,
    },
    /// On its way into the archive; may or may not be readable.
    Archiving {
        /// The class it goes to.
        #[serde(alias = "class")]
        storage_class: StorageClass,
    },
    /// In the archive; restore it before reading.
    Archived {
        /// The class it lies in.
        #[serde(alias = "class")]
        storage_class: StorageClass,
    },
    /// Asked back from the archive.
    Restoring {
        /// The class it lies in.
        #[serde(alias = "class")]
        storage_class: StorageClass,
        /// When it is expected to be readable.
        eta: Timestamp,
    },
    /// Readable again for a time; the archive keeps its own copy.
    Restored {
        /// The class the archive's own copy lies in.
        #[serde(alias = "class")]
        storage_class: StorageClass,
        /// When the readable copy goes away.
        expires_at: Timestamp,
    },
    /// Not where it should be.
    Missing,
    /// There, but not what was stored.
    Corrupt,
}

impl InstanceState {
    /// Whether the bytes can be read at `now`.
    pub fn is_readable(&self, now: Timestamp) -> bool {
        match self {
            Self::Stored | Self::Verified { .. } => true,
            Self::Restored { expires_at, .. } => now < *expires_at,
            _ => false,
        }
    }

    /// The name used in JSON, for example `archived`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Uploading => "uploading",
            Self::Stored => "stored",
            Self::Verified { .. } => "verified",
            Self::Archiving { .. } => "archiving",
            Self::Archived { .. } => "archived",
            Self::Restoring { .. } => "restoring",
            Self::Restored { .. } => "restored",
            Self::Missing => "missing",
            Self::Corrupt => "corrupt",
        }
    }
}
