//! Ingest: from a file to a verified, playable, searchable asset.
//!
//! `register` → `identify` → `store` → `verify` → `add` → `probe` → `transcode` → `record` →
//! `finish`. The row is there before the bytes; the asset can be found and looked at as soon as
//! its first rendition is.

use std::collections::BTreeMap;
use std::path::PathBuf;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::backend::catalog::ContentMatch;
use crate::backend::{Backends, Key, PutOptions, TranscodeJob, Upload};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{AssetId, CategoryId, InstanceId, RenditionId, RunId, VersionId};
use crate::model::{
    Annotation, Asset, AssetKind, Checksums, Instance, InstanceState, KnownContent, Lifecycle,
    MediaSummary, NewAnnotation, Profile, Rendition, Role, RunKind, Source, Technical, Version,
};
use crate::transfer::{self, Copied};
use crate::workflow::frame_map::frame_map;
use crate::workflow::job::{Transcoding, drive};
use crate::workflow::renditions::{amend, original, record, source, summary};
use crate::workflow::{End, RunContext, StepContext, Stop, Workflow};

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
}

/// What an ingest run is asked to do. All its ids are made beforehand, so that doing a step again
/// makes nothing twice.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct IngestParams {
    pub(crate) path: SourcePath,
    pub(crate) file_name: String,
    pub(crate) size: u64,
    pub(crate) asset: AssetId,
    pub(crate) version: VersionId,
    pub(crate) rendition: RenditionId,
    pub(crate) instance: InstanceId,
    pub(crate) options: IngestOptions,
}

/// A path of this machine, kept exactly even where it is not UTF-8.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum SourcePath {
    Text(String),
    Bytes { hex: String },
}

impl SourcePath {
    pub(crate) fn new(path: &std::path::Path) -> Self {
        match path.to_str() {
            Some(text) => Self::Text(text.to_owned()),
            None => Self::Bytes {
                hex: data_encoding::HEXLOWER.encode(path.as_os_str().as_encoded_bytes()),
            },
        }
    }

    fn path(&self) -> Result<PathBuf> {
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
            #[cfg(not(unix))]
            Self::Bytes { .. } => Err(Error::new(
                ErrorKind::Unsupported,
                "assets.ingest",
                "the path is of another operating system",
            )),
        }
    }
}

/// Executes ingest runs.
#[derive(Debug)]
pub(crate) struct Ingest;

#[async_trait]
impl Workflow for Ingest {
    fn kind(&self) -> RunKind {
        RunKind::Ingest
    }

    async fn run(&self, cx: &RunContext) -> Result<Value, Stop> {
        let params: IngestParams = cx.params()?;
        let ingest = Run { cx, backends: cx.backends(), params: &params };
        let result = ingest.execute().await?;
        Ok(serde_json::to_value(result).map_err(|cause| {
            Error::new(ErrorKind::Unexpected, "assets.ingest", "the result has no JSON")
                .caused_by(cause)
        })?)
    }

    async fn stopped(&self, cx: &RunContext, end: &End) -> Result<()> {
        let params: IngestParams = cx.params()?;
        let ingest = Run { cx, backends: cx.backends(), params: &params };
        ingest.tidy(end).await
    }
}

/// One execution of one ingest run.
struct Run<'a> {
    cx: &'a RunContext,
    backends: &'a Backends,
    params: &'a IngestParams,
}

/// What is to be done with the content, once that is known.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum Decision {
    /// It is new, or wanted twice.
    Store,
    /// It is a new version of this asset.
    StoreAsVersion(AssetId),
    /// This asset holds it.
    Reuse(AssetId, VersionId),
}

impl Run<'_> {
    async fn execute(&self) -> Result<IngestResult, Stop> {
        let IngestParams { version, .. } = *self.params;
        self.cx.step("register", |_| async { Ok(self.register().await?) }).await?;

        let mut decision = self.cx.step("identify", |step| self.identify(step)).await?;
        if let Decision::Reuse(asset, version) = decision {
            return self.reuse(asset, version).await;
        }
        let copied: Copied = self.cx.step("store", |step| self.store(step)).await?;
        self.cx.step("verify", |_| self.verify(&copied)).await?;
        if let Decision::Store = decision {
            // Two ingests of one content may both have found it new: only one becomes its owner.
            decision = self.cx.step("claim", |_| async { Ok(self.claim(&copied).await?) }).await?;
        }
        if let Decision::Reuse(asset, version) = decision {
            return self.reuse(asset, version).await;
        }
        let asset = match decision {
            Decision::StoreAsVersion(asset) => asset,
            _ => self.params.asset,
        };
        self.cx.step("add", |_| async { Ok(self.add(asset, &copied).await?) }).await?;
        self.cx.step("probe", |_| async { Ok(self.probe(asset).await?) }).await?;
        self.cx.step("transcode", |step| self.transcode(asset, step)).await?;
        self.cx.step("finish", |_| async { Ok(self.finish(asset).await?) }).await?;
        Ok(IngestResult { asset, version, reused: false })
    }

    fn key(&self, asset: AssetId) -> Result<Key> {
        format!("{asset}/{}/{}", self.params.version, key_name(&self.params.file_name)).parse()
    }

    async fn register(&self) -> Result<()> {
        let IngestParams { asset: id, version, rendition, ref options, .. } = *self.params;
        let now = self.cx.now();
        let mut asset = Asset::new(id, title(self.params), now);
        asset.lifecycle = Lifecycle::Uploading;
        asset.file_name.clone_from(&self.params.file_name);
        asset.description.clone_from(&options.description);
        asset.tags.clone_from(&options.tags);
        asset.categories.clone_from(&options.categories);
        asset.metadata.clone_from(&options.metadata);
        asset.external_ids.clone_from(&options.external_ids);
        asset.face_version = Some(version);
        asset.media = Some(MediaSummary { size: self.params.size, ..MediaSummary::default() });
        let catalog = &self.backends.catalog;
        unless_there(catalog.insert_assets(&[asset]).await)?;
        self.insert_version(id, 1).await?;
        catalog.put_rendition(&self.original(id, rendition, None)?).await
    }

    async fn insert_version(&self, asset: AssetId, number: u32) -> Result<()> {
        let version = Version {
            id: self.params.version,
            asset,
            number,
            label: String::new(),
            file_name: self.params.file_name.clone(),
            created_at: self.cx.now(),
        };
        unless_there(self.backends.catalog.insert_version(&version).await)
    }

    fn original(
        &self,
        asset: AssetId,
        id: RenditionId,
        copied: Option<&Copied>,
    ) -> Result<Rendition> {
        let now = self.cx.now();
        let instance = Instance {
            id: self.params.instance,
            part: 0,
            storage: Backends::ORIGINALS.to_owned(),
            key: self.key(self.params.asset)?.to_string(),
            size: copied.map_or(self.params.size, |copied| copied.size),
            checksums: copied.map_or_else(Checksums::default, |copied| Checksums {
                md5: Some(copied.md5.clone()),
                xxh3: Some(copied.xxh3.clone()),
            }),
            state: match copied {
                Some(_) => InstanceState::Verified { verified_at: now },
                None => InstanceState::Uploading,
            },
        };
        Ok(Rendition {
            id,
            asset,
            version: self.params.version,
            role: Role::Original,
            media_type: String::new(),
            technical: None,
            frame_map: None,
            derivation: None,
            instances: vec![instance],
            created_at: now,
        })
    }

    /// Decides, where that takes no more than reading the file, what is to be done with it before
    /// any byte is stored.
    async fn identify(&self, step: StepContext) -> Result<Decision, Stop> {
        let policy = self.params.options.known_content;
        if policy == KnownContent::Allow
            || !self.backends.catalog.size_is_known(self.params.size).await?
        {
            return Ok(Decision::Store);
        }
        let path = self.params.path.path()?;
        let found = transfer::hash_file(&path, Some(Box::new(step.meter()))).await?;
        self.check_expected(&found)?;
        let known = self.backends.catalog.find_content(&found.md5, found.size).await?;
        Ok(match known.into_iter().find(|known| known.asset != self.params.asset) {
            Some(known) => self.decide(known, &found.md5)?,
            None => Decision::Store,
        })
    }

    fn decide(&self, known: ContentMatch, md5: &str) -> Result<Decision> {
        match self.params.options.known_content {
            KnownContent::Allow => Ok(Decision::Store),
            KnownContent::Reuse => Ok(Decision::Reuse(known.asset, known.version)),
            KnownContent::NewVersion => Ok(Decision::StoreAsVersion(known.asset)),
            KnownContent::Reject => Err(Error::new(
                ErrorKind::AlreadyExists,
                "assets.ingest",
                "the library holds this content already",
            )
            .with("file", &self.params.file_name)
            .with("asset", known.asset)
            .with("md5", md5)),
        }
    }

    fn check_expected(&self, found: &Copied) -> Result<()> {
        match &self.params.options.expected_md5 {
            Some(expected) if !expected.eq_ignore_ascii_case(&found.md5) => Err(Error::new(
                ErrorKind::Integrity,
                "assets.ingest",
                "the file does not add up to the MD5 it was said to have; get it again",
            )
            .with("file", &self.params.file_name)
            .with("expected_md5", expected)
            .with("md5", &found.md5)),
            _ => Ok(()),
        }
    }

    async fn store(&self, step: StepContext) -> Result<Copied, Stop> {
        let _room = self.cx.lane("store").await;
        let storage = &self.backends.originals;
        let key = self.key(self.params.asset)?;
        let path = self.params.path.path()?;
        // An upload begun by a process that died before it could note it is found by its key.
        let unfinished = storage.uploads(&key).await?.into_iter().next();
        let upload = match step.kept::<Upload>().or(unfinished) {
            Some(upload) if storage.upload_parts(&upload).await.is_ok() => upload,
            // Completed by a process that died before it could say so: what is there is checked
            // against the source by reading both, and kept if it is the same.
            Some(_) if storage.stat(&key).await.is_ok() => {
                let found = transfer::hash_file(&path, Some(Box::new(step.meter()))).await?;
                self.check_expected(&found)?;
                if transfer::verify(storage.as_ref(), &key, found.size, &found.xxh3).await.is_ok() {
                    return Ok(found);
                }
                storage.upload_begin(&key, PutOptions::default()).await?
            }
            _ => storage.upload_begin(&key, PutOptions::default()).await?,
        };
        step.keep(&upload).await?;
        let options = transfer::CopyIn {
            expected_md5: self.params.options.expected_md5.clone(),
            progress: Some(Box::new(step.meter())),
        };
        Ok(transfer::copy_in(&path, storage.as_ref(), &upload, options).await?)
    }

    async fn verify(&self, copied: &Copied) -> Result<(), Stop> {
        let key = self.key(self.params.asset)?;
        let storage = self.backends.originals.as_ref();
        transfer::verify(storage, &key, copied.size, &copied.xxh3).await?;
        Ok(())
    }

    /// Makes this asset the owner of its content, or finds out who is.
    async fn claim(&self, copied: &Copied) -> Result<Decision> {
        let ours = ContentMatch {
            asset: self.params.asset,
            version: self.params.version,
            rendition: self.params.rendition,
        };
        let owner = self.backends.catalog.claim_content(&copied.md5, copied.size, &ours).await?;
        if owner == ours { Ok(Decision::Store) } else { self.decide(owner, &copied.md5) }
    }

    /// Leaves the content to the asset that holds it.
    async fn reuse(&self, asset: AssetId, version: VersionId) -> Result<IngestResult, Stop> {
        self.cx
            .step("reuse", |_| async {
                self.discard().await?;
                Ok(())
            })
            .await?;
        Ok(IngestResult { asset, version, reused: true })
    }

    /// Takes back what was registered and stored.
    async fn discard(&self) -> Result<()> {
        let key = self.key(self.params.asset)?;
        let storage = &self.backends.originals;
        for upload in storage.uploads(&key).await? {
            storage.upload_abort(&upload).await?;
        }
        for outcome in storage.delete(&[key]).await? {
            outcome.result.map_err(Error::from)?;
        }
        unless_gone(self.backends.catalog.delete_asset(self.params.asset).await)
    }

    async fn add(&self, asset: AssetId, copied: &Copied) -> Result<()> {
        let catalog = &self.backends.catalog;
        if asset != self.params.asset {
            // The content becomes a version of another asset; the one registered for it goes.
            unless_gone(catalog.delete_asset(self.params.asset).await)?;
            let versions = catalog.versions(asset).await?;
            let number = versions.iter().map(|version| version.number).max().unwrap_or(0) + 1;
            self.insert_version(asset, number).await?;
        }
        catalog.put_rendition(&self.original(asset, self.params.rendition, Some(copied))?).await?;
        let version = self.params.version;
        amend(self.backends, asset, |asset| {
            asset.lifecycle = Lifecycle::Added;
            asset.face_version = Some(version);
            asset.failure = None;
            asset.media = Some(MediaSummary {
                size: copied.size,
                md5: Some(copied.md5.clone()),
                ..MediaSummary::default()
            });
        })
        .await?;
        Ok(())
    }

    async fn probe(&self, asset: AssetId) -> Result<()> {
        let version = self.params.version;
        let mut original = original(self.backends, asset, version).await?;
        let source = source(self.backends, &original, &self.params.file_name)?;
        let technical = self.backends.prober.probe(&source).await?;
        original.media_type.clone_from(&technical.container.media_type);
        let instance = original.instances.first();
        let md5 = instance.and_then(|instance| instance.checksums.md5.clone());
        let media = summary(&technical, source.size, md5);
        let kind = technical.kind;
        original.technical = Some(technical);
        self.backends.catalog.put_rendition(&original).await?;
        amend(self.backends, asset, |asset| {
            asset.lifecycle = Lifecycle::Processing;
            asset.kind = kind;
            asset.media = Some(media.clone());
        })
        .await?;
        Ok(())
    }

    /// Makes the renditions and finds what can be found in the same pass, and records both.
    async fn transcode(&self, asset: AssetId, step: StepContext) -> Result<(), Stop> {
        let version = self.params.version;
        let original = original(self.backends, asset, version).await?;
        let Some(technical) = original.technical.clone() else { return Ok(()) };
        if !matches!(technical.kind, AssetKind::Video | AssetKind::Audio | AssetKind::Image) {
            return Ok(());
        }
        let job = TranscodeJob {
            source: source(self.backends, &original, &self.params.file_name)?,
            technical,
            profile: self.params.options.profile.clone().unwrap_or_default(),
            destination: std::sync::Arc::clone(&self.backends.proxies),
            prefix: format!("{asset}/{version}").parse()?,
        };
        let _room = self.cx.lane("transcode").await;
        let transcoder = self.backends.transcoder.as_ref();
        let id = drive(self.cx, &step, &Transcoding(transcoder, &job), |files| async move {
            record(self.backends, asset, version, files, None).await?;
            Ok(())
        })
        .await?;
        let outputs = transcoder.outputs(&id).await?;
        let mut derivation = outputs.derivation;
        if let Some(derivation) = &mut derivation {
            derivation.run = Some(self.cx.run().id);
        }
        let renditions =
            record(self.backends, asset, version, outputs.files.clone(), derivation.as_ref())
                .await?;
        for mut rendition in renditions {
            if rendition.role == Role::Proxy && job.technical.kind == AssetKind::Video {
                let proxy = source(self.backends, &rendition, "proxy.mp4")?;
                let proxy = self.backends.prober.probe(&proxy).await?;
                rendition.frame_map =
                    Some(frame_map(&job.technical, &proxy, &outputs.audio_channels)?);
                rendition.technical = Some(Technical { raw: Value::Null, ..proxy });
                self.backends.catalog.put_rendition(&rendition).await?;
            }
        }
        let findings =
            annotations(self.backends, asset, version, self.cx.run().id, outputs.findings);
        let searched = &outputs.searched;
        self.backends.catalog.replace_findings(asset, "ffmpeg", searched, &findings).await?;
        Ok(())
    }

    async fn finish(&self, asset: AssetId) -> Result<()> {
        amend(self.backends, asset, |asset| {
            asset.lifecycle = Lifecycle::Ready;
            asset.failure = None;
        })
        .await?;
        Ok(())
    }

    /// Leaves the asset saying what became of it. One whose bytes were never stored and that was
    /// cancelled or refused goes as if it had never been.
    async fn tidy(&self, end: &End) -> Result<()> {
        let catalog = &self.backends.catalog;
        // The version may have gone to an asset that was there before.
        let holder = match catalog.rendition(self.params.rendition).await {
            Ok(rendition) => rendition.asset,
            Err(error) if error.kind() == ErrorKind::NotFound => self.params.asset,
            Err(error) => return Err(error),
        };
        let asset = match catalog.asset(holder).await {
            Ok(asset) => asset,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let stored = !matches!(asset.lifecycle, Lifecycle::Uploading);
        match end {
            End::Cancelled if !stored => self.discard().await,
            End::Failed(failure) if !stored && failure.error.kind == ErrorKind::AlreadyExists => {
                self.discard().await
            }
            End::Cancelled => {
                amend(self.backends, asset.id, |asset| asset.lifecycle = Lifecycle::Added).await?;
                Ok(())
            }
            End::Failed(failure) => {
                amend(self.backends, asset.id, |asset| {
                    asset.lifecycle = Lifecycle::Failed;
                    asset.failure = Some(failure.error.clone());
                })
                .await?;
                Ok(())
            }
        }
    }
}

/// Findings as annotations of `asset`, said by `run`.
pub(super) fn annotations(
    backends: &Backends,
    asset: AssetId,
    version: VersionId,
    run: RunId,
    findings: Vec<NewAnnotation>,
) -> Vec<Annotation> {
    let clock = backends.clock.as_ref();
    findings
        .into_iter()
        .map(|finding| {
            let mut annotation = finding.into_annotation(asset, clock);
            annotation.version = Some(version);
            annotation.edited = false;
            if let Source::Service { run: by, .. } = &mut annotation.source {
                *by = Some(run);
            }
            annotation
        })
        .collect()
}

fn title(params: &IngestParams) -> String {
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
fn key_name(file_name: &str) -> String {
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

fn unless_there(result: Result<()>) -> Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        result => result,
    }
}

fn unless_gone(result: Result<()>) -> Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        result => result,
    }
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
    #[cfg(unix)]
    fn a_path_that_is_no_text_is_kept() {
        use std::os::unix::ffi::OsStrExt;
        let path = std::path::Path::new(std::ffi::OsStr::from_bytes(b"/media/caf\xe9.mov"));
        let json = serde_json::to_string(&SourcePath::new(path)).unwrap();
        let again: SourcePath = serde_json::from_str(&json).unwrap();
        assert_eq!(again.path().unwrap(), path);
    }
}
