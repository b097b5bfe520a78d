//! Bytes that come another way than through this process: announced and uploaded to the storage of
//! originals by a feeder anywhere, or found there.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::backend::{Backends, Key, PresignMethod, PresignRequest};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{AssetId, InstanceId, RenditionId, RunId, VersionId};
use crate::library::{Assets, RunHandle};
use crate::model::{Asset, RunKind};
use crate::workflow::{IngestOptions, IngestParams, IngestSource, own_key};

/// How long the address of an announced upload works.
const UPLOAD_TIME: Duration = Duration::from_secs(12 * 60 * 60);

/// What is going to be uploaded.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Announcement {
    /// The name of the file.
    pub file_name: String,
    /// Its size in bytes, where it is known; what arrives must have it.
    #[serde(default)]
    pub size: Option<u64>,
    /// How to ingest it.
    #[schemars(extend("x-spread" = true))]
    #[serde(default)]
    pub options: IngestOptions,
}

/// Where an announced file is to be uploaded to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Expected {
    /// The asset it will be; `uploading` until the bytes are there.
    pub asset: AssetId,
    /// The run that waits for the bytes.
    pub run: RunId,
    /// The key to upload to, in the storage of originals.
    pub key: String,
    /// The object's address for whoever has credentials of the storage, for example
    /// `s3://bucket/key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// The address to which one PUT of all of the file works without credentials, where the storage
    /// gives such.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<UploadAddress>,
}

/// An address to which one request works without credentials. Whoever has it can write: treat it as
/// a secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UploadAddress {
    /// Where the PUT goes.
    pub url: String,
    /// Headers it must carry.
    pub headers: Vec<(String, String)>,
    /// For how long it works, in milliseconds.
    pub expires_in_ms: u64,
}

impl std::fmt::Debug for UploadAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UploadAddress").finish_non_exhaustive()
    }
}

impl Assets {
    /// Announces a file that somebody will upload straight to the storage of originals: the asset
    /// is there at once, `uploading`, and becomes what an ingest makes of it once the bytes are.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) for a blank name or wrong options;
    /// [`InvalidMedia`](ErrorKind::InvalidMedia) for a size of 0.
    pub async fn expect(&self, announced: Announcement) -> Result<Expected> {
        let operation = "assets.expect";
        let Announcement { file_name, size, options } = announced;
        super::named(operation, &file_name)?;
        self.check_options(&options).await?;
        if size == Some(0) {
            let message = "an empty file is no media; announce it once it is written";
            return Err(Error::new(ErrorKind::InvalidMedia, operation, message)
                .with("file_name", file_name));
        }
        let (asset, version) = (AssetId::new(self.clock()), VersionId::new(self.clock()));
        let key = own_key(asset, version, &file_name)?;
        let run = self
            .take_stored(key, (asset, version), file_name, size.unwrap_or(0), options, None)
            .await?;
        // Announced before with the same idempotency key: it is that run's, with its key.
        let params: IngestParams = serde_json::from_value(
            self.library.runs().get(run.id()).await?.params,
        )
        .map_err(|cause| {
            Error::new(ErrorKind::Unexpected, operation, "the run's parameters are damaged")
                .caused_by(cause)
        })?;
        let IngestSource::Stored { stored: key } = params.source else {
            let message = "this idempotency key was used for a file of this machine; use another";
            return Err(Error::new(ErrorKind::Conflict, operation, message));
        };
        let originals = &self.library.backends().originals;
        let upload = match originals.capabilities().presign {
            true => {
                let request = PresignRequest {
                    key: key.clone(),
                    method: PresignMethod::Put,
                    expires_in: UPLOAD_TIME,
                };
                let signed = originals.presign(request).await?;
                let expires_in_ms = u64::try_from(UPLOAD_TIME.as_millis()).unwrap_or(u64::MAX);
                Some(UploadAddress { url: signed.url, headers: signed.headers, expires_in_ms })
            }
            false => None,
        };
        Ok(Expected {
            asset: params.asset,
            run: run.id(),
            uri: originals.uri(&key),
            key: key.into(),
            upload,
        })
    }

    /// Takes an object into the library that is in the storage of originals already. It stays where
    /// it is, and is never deleted unless its asset is.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) for what is no key or wrong options;
    /// [`NotFound`](ErrorKind::NotFound) where there is no such object;
    /// [`InvalidMedia`](ErrorKind::InvalidMedia) for an empty one;
    /// [`AlreadyExists`](ErrorKind::AlreadyExists) where an asset holds it.
    pub async fn adopt(&self, key: &str, options: IngestOptions) -> Result<RunHandle<Asset>> {
        let operation = "assets.adopt";
        let key: Key = key.parse()?;
        self.check_options(&options).await?;
        let backends = self.library.backends();
        if let Some(known) = self.catalog().find_instance(Backends::ORIGINALS, key.as_str()).await?
        {
            let message = "an asset of this library holds this object already";
            return Err(Error::new(ErrorKind::AlreadyExists, operation, message)
                .with("key", key)
                .with("asset", known.asset));
        }
        let stat = backends.originals.stat(&key).await?;
        if stat.size == 0 {
            let message = "the object is empty; an empty file is no media";
            return Err(Error::new(ErrorKind::InvalidMedia, operation, message).with("key", key));
        }
        let ids = (AssetId::new(self.clock()), VersionId::new(self.clock()));
        let name = key.name().to_owned();
        // Told twice of an object, by an event that came twice, it is adopted once.
        let once = format!("adopt:{key}");
        self.take_stored(key, ids, name, stat.size, options, Some(once)).await
    }

    async fn take_stored(
        &self,
        key: Key,
        (asset, version): (AssetId, VersionId),
        file_name: String,
        size: u64,
        options: IngestOptions,
        idempotency_key: Option<String>,
    ) -> Result<RunHandle<Asset>> {
        let clock = self.clock();
        let idempotency_key = options.idempotency_key.clone().or(idempotency_key);
        let priority = options.priority;
        let params = IngestParams {
            source: IngestSource::Stored { stored: key },
            file_name,
            size,
            asset,
            version,
            rendition: RenditionId::new(clock),
            instance: InstanceId::new(clock),
            options,
        };
        let runs = self.library.runs();
        runs.start(RunKind::Ingest, Some(asset), &params, priority, idempotency_key).await
    }
}
