//! How timeline files are written and read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::time::Rate;

/// Which rendition of the media another program is to open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// The originals.
    #[default]
    Original,
    /// The proxies; where a clip has none, its original.
    Proxy,
    /// The originals; where a clip has none that can be read, its proxy.
    Mixed,
}

/// The program a file is for, where programs differ in how they read a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Flavour {
    /// What the format's own documents say.
    #[default]
    Plain,
    /// Adobe Premiere.
    Premiere,
    /// DaVinci Resolve.
    Resolve,
}

/// How to write a timeline file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct WriteOptions {
    /// Which files the clips point to.
    pub target: Target,
    /// The program the file is for.
    pub flavour: Flavour,
    /// A file for each track, and for each 999 events, where the format holds no more: EDL.
    pub split: bool,
    /// Sound too, beside the first video track, in one file: EDL.
    pub audio: bool,
    /// Reel names of up to 32 characters and event numbers of six digits, as File32 systems take
    /// them: EDL.
    pub long_reels: bool,
    /// `.otio` as readers before OpenTimelineIO 0.15 take it: one media reference a clip.
    pub legacy: bool,
}

impl WriteOptions {
    /// Sets which files the clips point to.
    #[must_use]
    pub fn with_target(mut self, target: Target) -> Self {
        self.target = target;
        self
    }

    /// Sets the program the file is for.
    #[must_use]
    pub fn with_flavour(mut self, flavour: Flavour) -> Self {
        self.flavour = flavour;
        self
    }

    /// Sets whether each track, and each 999 events, get a file.
    #[must_use]
    pub fn with_split(mut self, split: bool) -> Self {
        self.split = split;
        self
    }

    /// Sets whether sound stands beside the first video track.
    #[must_use]
    pub fn with_audio(mut self, audio: bool) -> Self {
        self.audio = audio;
        self
    }

    /// Sets whether reel names may have 32 characters.
    #[must_use]
    pub fn with_long_reels(mut self, long_reels: bool) -> Self {
        self.long_reels = long_reels;
        self
    }
}

/// How to read a timeline file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct ReadOptions {
    /// Frames a second, for formats that do not say: EDL, ALE, captions. Found out from the file
    /// where it can be, 25 otherwise.
    pub rate: Option<Rate>,
    /// Whether timecode is drop-frame, for formats that do not say.
    pub drop_frame: Option<bool>,
    /// What a sequence is called that has no name of its own; usually the name of the file.
    pub name: Option<String>,
    /// The largest file read, in bytes; 1 GiB unless given.
    pub max_bytes: u64,
    /// How deep things may lie in each other; 256 unless given.
    pub max_depth: u32,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self { rate: None, drop_frame: None, name: None, max_bytes: 1 << 30, max_depth: 256 }
    }
}

impl ReadOptions {
    /// Sets the frames a second, for formats that do not say.
    #[must_use]
    pub fn with_rate(mut self, rate: Rate) -> Self {
        self.rate = Some(rate);
        self
    }

    /// Sets what a sequence without a name is called.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}
