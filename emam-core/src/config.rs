//! Settings of a library, from a file or from the environment. The only place that reads
//! environment variables.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};

/// Settings of a library. What is absent has a default that works.
///
/// As JSON, for example `{"workers": 8, "ffmpeg": "/opt/ffmpeg/bin/ffmpeg"}`.
///
/// | field | environment |
/// |---|---|
/// | `workers` | `EMAM_WORKERS` |
/// | `lanes` | `EMAM_LANES`, as `transcode=2,store=4` |
/// | `ffmpeg` | `EMAM_FFMPEG` |
/// | `ffprobe` | `EMAM_FFPROBE` |
/// | `cold_folder` | `EMAM_COLD_FOLDER` |
/// | `aws` | `EMAM_AWS` |
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How many runs are executed at once; 4 unless told otherwise.
    pub workers: Option<usize>,
    /// How many may be in a lane at once, by lane: `transcode` (1), `store` (2).
    pub lanes: BTreeMap<String, usize>,
    /// The ffmpeg program; looked for on the PATH and in installed packages when absent.
    pub ffmpeg: Option<PathBuf>,
    /// The ffprobe program; the one beside ffmpeg when absent.
    pub ffprobe: Option<PathBuf>,
    /// Folders of installed Python packages that may carry ffmpeg; those of the active virtual
    /// environment when absent.
    pub packages: Option<Vec<PathBuf>>,
    /// Where archived originals go; `archive/` in the library's folder when absent.
    pub cold_folder: Option<PathBuf>,
    /// The settings file of an AWS account: originals, renditions and work are there, and only the
    /// catalog is in the library's folder. Only in builds with AWS.
    pub aws: Option<PathBuf>,
}

impl Config {
    /// Reads settings from a JSON file.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) where there is no file;
    /// [`InvalidInput`](ErrorKind::InvalidInput) for unknown or wrong settings, named.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|cause| {
            Error::new(ErrorKind::NotFound, "config.read", "the settings cannot be read")
                .with("path", path.display())
                .caused_by(cause)
        })?;
        serde_json::from_str(&text).map_err(|cause| {
            Error::invalid("config.read", format!("the settings are wrong: {cause}"))
                .with("path", path.display())
        })
    }

    /// Reads settings from the environment variables named above.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) for a variable that cannot be understood, named.
    pub fn from_env() -> Result<Self> {
        Self::from_variables(|name| variable(name).and_then(|value| value.into_string().ok()))
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let wrong = |name: &str, value: &str| {
            Error::invalid("config.env", "the variable cannot be understood")
                .with("variable", name)
                .with("value", value)
        };
        let number = |name: &str| match variable(name) {
            Some(text) => text.trim().parse().map(Some).map_err(|_| wrong(name, &text)),
            None => Ok(None),
        };
        let mut lanes = BTreeMap::new();
        if let Some(text) = variable("EMAM_LANES") {
            for lane in text.split(',').filter(|lane| !lane.trim().is_empty()) {
                let parsed = lane
                    .split_once('=')
                    .and_then(|(name, room)| Some((name.trim(), room.trim().parse().ok()?)));
                let (name, room) = parsed.ok_or_else(|| wrong("EMAM_LANES", lane))?;
                lanes.insert(name.to_owned(), room);
            }
        }
        Ok(Self {
            workers: number("EMAM_WORKERS")?,
            lanes,
            ffmpeg: variable("EMAM_FFMPEG").map(PathBuf::from),
            ffprobe: variable("EMAM_FFPROBE").map(PathBuf::from),
            packages: None,
            cold_folder: variable("EMAM_COLD_FOLDER").map(PathBuf::from),
            aws: variable("EMAM_AWS").map(PathBuf::from),
        })
    }
}

/// An environment variable, unless it is empty.
#[allow(clippy::disallowed_methods)]
pub(crate) fn variable(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_become_settings_and_wrong_ones_are_named() {
        let env = |name: &str| match name {
            "EMAM_WORKERS" => Some("8".to_owned()),
            "EMAM_LANES" => Some("transcode=2, store=4".to_owned()),
            _ => None,
        };
        let config = Config::from_variables(env).unwrap();
        assert_eq!(config.workers, Some(8));
        assert_eq!(config.lanes["store"], 4);
        let error = Config::from_variables(|n| (n == "EMAM_WORKERS").then(|| "many".to_owned()))
            .unwrap_err();
        assert_eq!(error.get("variable"), Some("EMAM_WORKERS"));
    }

    #[test]
    fn an_unknown_setting_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("emam.json");
        std::fs::write(&path, r#"{"worker": 8}"#).unwrap();
        assert!(Config::from_file(&path).unwrap_err().to_string().contains("`worker`"));
    }
}
