//! Opening a library by JSON, as every other language does.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::read;
use crate::Library;
use crate::config::Config;
use crate::error::Result;
use crate::library::Provider;

/// Which library to open, and how. What is absent is taken from the environment, and else has a
/// default that works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenLibrary {
    /// The library's folder, made where there is none.
    #[schemars(extend("x-path" = true))]
    pub folder: PathBuf,
    /// How many runs are executed at once (`EMAM_WORKERS`); 4 unless told otherwise, 0 leaves them
    /// to other processes.
    #[serde(default)]
    pub workers: Option<usize>,
    /// How many may be in a lane at once, by lane (`EMAM_LANES`): `transcode` (1), `store` (2).
    #[serde(default)]
    pub lanes: Option<BTreeMap<String, usize>>,
    /// The ffmpeg program (`EMAM_FFMPEG`); looked for on the PATH and in installed packages when
    /// absent.
    #[schemars(extend("x-path" = true))]
    #[serde(default)]
    pub ffmpeg: Option<PathBuf>,
    /// The ffprobe program (`EMAM_FFPROBE`); the one beside ffmpeg when absent.
    #[schemars(extend("x-path" = true))]
    #[serde(default)]
    pub ffprobe: Option<PathBuf>,
    /// Folders of installed Python packages that may carry ffmpeg; those of the active virtual
    /// environment (`VIRTUAL_ENV`) when absent.
    #[schemars(extend("x-path" = true))]
    #[serde(default)]
    pub packages: Option<Vec<PathBuf>>,
    /// Where archived originals go (`EMAM_COLD_FOLDER`); `archive/` in the library's folder when
    /// absent.
    #[schemars(extend("x-path" = true))]
    #[serde(default)]
    pub cold_folder: Option<PathBuf>,
    /// The settings file of an AWS account (`EMAM_AWS`): originals, renditions and work are there,
    /// and only the catalog is in the library's folder. Only in builds with AWS.
    #[schemars(extend("x-path" = true))]
    #[serde(default)]
    pub aws: Option<PathBuf>,
}

/// Opens the library that `params`, an [`OpenLibrary`] as JSON, describes.
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) for parameters or variables that cannot be
/// understood, named; else as [`Library::open`].
pub async fn open(params: &str) -> Result<Library> {
    open_with(params, None).await
}

/// Opens the library that `params` describes, with backends of a provider this crate does not know
/// where they ask for them.
///
/// # Errors
/// As [`open`].
pub async fn open_with(params: &str, provider: Option<&dyn Provider>) -> Result<Library> {
    let wanted: OpenLibrary = read("library.open", params)?;
    let known = Config::from_env()?;
    let config = Config {
        workers: wanted.workers.or(known.workers),
        lanes: wanted.lanes.unwrap_or(known.lanes),
        ffmpeg: wanted.ffmpeg.or(known.ffmpeg),
        ffprobe: wanted.ffprobe.or(known.ffprobe),
        packages: wanted.packages.or(known.packages),
        cold_folder: wanted.cold_folder.or(known.cold_folder),
        aws: wanted.aws.or(known.aws),
    };
    Library::builder().config(config).open_with(wanted.folder, provider).await
}

#[cfg(test)]
mod tests {
    use crate::ErrorKind;

    #[tokio::test]
    async fn a_library_is_opened_by_json_and_wrong_settings_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let params = serde_json::json!({ "folder": folder.path(), "workers": 0 });
        let library = super::open(&params.to_string()).await.unwrap();
        assert_eq!(library.call_json("events.last", "").await.unwrap(), r#"{"seq":0}"#);
        library.close().await;
        let error = library.call_json("events.last", "").await.unwrap_err();
        assert_eq!((error.kind(), error.operation()), (ErrorKind::Conflict, "events.last"));

        let error = super::open(r#"{"folder": "x", "worker": 4}"#).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.message().contains("`worker`"), "{error}");
    }
}
