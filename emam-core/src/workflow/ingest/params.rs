//! What an ingest is asked to do, as it is kept with its run.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::backend::Key;
use crate::error::{Error, ErrorInfo, ErrorKind, Result};
use crate::id::{AssetId, CategoryId, InstanceId, RenditionId, VersionId};
use crate::model::{AnnotationKind, KnownContent, Profile};

/// How to ingest.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct IngestOptions {
    /// The asset's name for people; the file name without extension when absent.
    pub title: Option<String>,
    /// What is to be said about it.
    pub description: String,
    /// Words for finding it.
    pub tags: Vec<String>,
    /// The categories it is filed under.
    pub categories: Vec<CategoryId>,
    /// Custom metadata by field key.
    pub metadata: BTreeMap<String, Value>,
    /// Its ids in other systems, by system.
    pub external_ids: BTreeMap<String, String>,
    /// The MD5 the file must add up to, as 32 hexadecimal digits.
    pub expected_md5: Option<String>,
    /// What to do with content the library already holds.
    pub known_content: KnownContent,
    /// What is to be made of it; everything that browsing, searching and cutting need when absent.
    pub profile: Option<Profile>,
    /// What is to be looked for beside what making it playable finds: labels, faces, speech. What
    /// the library's settings say when absent; nothing when empty.
    pub analyze: Option<Vec<AnnotationKind>>,
    /// Runs with a higher priority are taken first.
    pub priority: i32,
    /// Ingesting again with the same key gives the run that was started first.
    pub idempotency_key: Option<String>,
}

/// What came of an ingest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IngestResult {
    /// The asset that holds the content.
    pub asset: AssetId,
    /// The version of it that does.
    pub version: VersionId,
    /// Whether the library held the content already, so that nothing was stored.
    pub reused: bool,
    /// What could not be looked for and never will be, and why; the asset is ready all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_analyzed: Vec<ErrorInfo>,
}

/// What an ingest run is asked to do. All its ids are made beforehand, so that doing a step again
/// makes nothing twice.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct IngestParams {
    #[serde(alias = "path")]
    pub(crate) source: IngestSource,
    pub(crate) file_name: String,
    /// Bytes; 0 where that is not known before the bytes are there.
    pub(crate) size: u64,
    pub(crate) asset: AssetId,
    pub(crate) version: VersionId,
    pub(crate) rendition: RenditionId,
    pub(crate) instance: InstanceId,
    pub(crate) options: IngestOptions,
}

/// Where the bytes come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum IngestSource {
    /// A path of this machine.
    Text(String),
    /// A path of this machine that is not UTF-8, kept exactly.
    Bytes { hex: String },
    /// They are in the storage of originals already, or will be put there by somebody else.
    Stored { stored: Key },
}

impl IngestSource {
    pub(crate) fn file(path: &std::path::Path) -> Self {
        match path.to_str() {
            Some(text) => Self::Text(text.to_owned()),
            None => Self::Bytes {
                hex: data_encoding::HEXLOWER.encode(path.as_os_str().as_encoded_bytes()),
            },
        }
    }

    pub(super) fn path(&self) -> Result<PathBuf> {
        match self {
            Self::Text(text) => Ok(PathBuf::from(text)),
            #[cfg(unix)]
            Self::Bytes { hex } => {
                use std::os::unix::ffi::OsStringExt;
                let bytes = data_encoding::HEXLOWER.decode(hex.as_bytes()).map_err(|cause| {
                    Error::new(ErrorKind::Unexpected, "assets.ingest", "the stored path is damaged")
                        .caused_by(cause)
                })?;
                Ok(PathBuf::from(std::ffi::OsString::from_vec(bytes)))
            }
            Self::Stored { stored } => Err(Error::new(
                ErrorKind::Unexpected,
                "assets.ingest",
                "the bytes come from the storage and not from a file",
            )
            .with("key", stored)),
            #[cfg(not(unix))]
            Self::Bytes { .. } => Err(Error::new(
                ErrorKind::Unsupported,
                "assets.ingest",
                "the path is of another operating system",
            )),
        }
    }
}

pub(super) fn title(params: &IngestParams) -> String {
    params.options.title.clone().unwrap_or_else(|| {
        let name = &params.file_name;
        match name.rsplit_once('.') {
            Some((stem, _)) if !stem.is_empty() => stem.to_owned(),
            _ => name.clone(),
        }
    })
}

/// A file name as the last part of a key: what a key cannot hold is replaced, what is too long is
/// cut before the extension.
pub(crate) fn key_name(file_name: &str) -> String {
    const LONGEST: usize = 255;
    let clean: String = file_name
        .chars()
        .map(|c| if c.is_control() || c == '/' || c == '\\' { '_' } else { c })
        .collect();
    if clean.is_empty() || clean == "." || clean == ".." {
        return "original".to_owned();
    }
    if clean.len() <= LONGEST {
        return clean;
    }
    let extension = clean.rfind('.').map_or("", |dot| &clean[dot..]);
    let extension = if extension.len() <= 16 { extension } else { "" };
    let mut end = LONGEST - extension.len();
    while !clean.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{extension}", &clean[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_name_becomes_a_key() {
        let long = format!("{}.mov", "ä".repeat(300));
        for name in ["a.mov", "a\nb.mov", "..", "", "🎬 take 1.mov", "x\\y", long.as_str()] {
            let key: Key = format!("asset/version/{}", key_name(name)).parse().unwrap();
            assert!(key.name().len() <= 255);
        }
        assert!(key_name(&long).ends_with(".mov"));
        assert_eq!(key_name("A001_C002.mov"), "A001_C002.mov");
    }

    #[test]
    fn a_run_of_an_older_version_is_read() {
        let path: IngestSource = serde_json::from_str("\"/media/a.mov\"").unwrap();
        assert_eq!(path, IngestSource::Text("/media/a.mov".to_owned()));
    }

    #[test]
    #[cfg(unix)]
    fn a_path_that_is_no_text_is_kept() {
        use std::os::unix::ffi::OsStrExt;
        let path = std::path::Path::new(std::ffi::OsStr::from_bytes(b"/media/caf\xe9.mov"));
        let json = serde_json::to_string(&IngestSource::file(path)).unwrap();
        let again: IngestSource = serde_json::from_str(&json).unwrap();
        assert_eq!(again.path().unwrap(), path);
    }
}
