//! Ingest: from a file to a verified, playable, searchable asset.
//!
//! `register` → `identify` → `store` → `claim` → `add` → `probe` → `transcode` → `analyze.…` →
//! `finish`. The row is there before the bytes; the asset can be found and looked at as soon as its
//! first rendition is. Bytes that somebody else puts into the storage of originals are waited for
//! (`arrive`) and read where they are (`read`), in the place of `identify` and `store`.

mod params;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use params::{IngestOptions, IngestResult};
pub(crate) use params::{IngestParams, IngestSource, key_name};

use crate::backend::catalog::ContentMatch;
use crate::backend::{Backends, Key, TranscodeJob, delete_one};
use crate::clock::{after, until};
use crate::error::{Error, ErrorInfo, ErrorKind, Result};
use crate::id::{AssetId, RenditionId, VersionId};
use crate::model::{
    Asset, AssetKind, Checksums, Instance, InstanceState, KnownContent, Lifecycle, MediaSummary,
    Rendition, Role, RunKind, Technical, Version,
};
use crate::transfer::{self, Copied};
use crate::workflow::analyze::{Looked, look_all, possible, share_out};
use crate::workflow::frame_map::frame_map;
use crate::workflow::job::{TRANSCODE, Transcoding, abandon, drive};
use crate::workflow::renditions::{amend, annotations, original, record, source, summary};
use crate::workflow::store::{Storing, check_expected};
use crate::workflow::{End, RunContext, StepContext, Stop, Workflow};
use params::title;

/// How often to look whether bytes that were announced are there, where no event tells.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// How long bytes that were announced are waited for.
const LONGEST_UPLOAD: Duration = Duration::from_secs(7 * 24 * 60 * 60);

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
        abandon(cx).await?;
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

        let mut decision = Decision::Store;
        let copied: Copied = match &self.params.source {
            IngestSource::Stored { stored } => {
                self.cx.step("arrive", |_| self.arrive(stored)).await?;
                self.cx.step("read", |step| self.read(stored, step)).await?
            }
            _ => {
                decision = self.cx.step("identify", |step| self.identify(step)).await?;
                if let Decision::Reuse(asset, version) = decision {
                    return self.reuse(asset, version).await;
                }
                self.cx.step("store", |step| self.store(step)).await?
            }
        };
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
        let not_analyzed = self.make(asset, version).await?;
        Ok(IngestResult { asset, version, reused: false, not_analyzed })
    }

    /// Makes of stored content what it can be: known, playable, searchable. Tells what could not be
    /// looked for.
    async fn make(&self, asset: AssetId, version: VersionId) -> Result<Vec<ErrorInfo>, Stop> {
        self.cx.step("probe", |_| async { Ok(self.probe(asset, version).await?) }).await?;
        self.cx.step(TRANSCODE, |step| self.transcode(asset, version, step)).await?;
        let looked = Box::pin(self.analyze(asset, version)).await?;
        self.cx.step("finish", |_| async { Ok(self.finish(asset).await?) }).await?;
        Ok(looked.into_iter().filter_map(|looked| looked.failed).collect())
    }

    /// Has the services look that are asked for, for what media like this can hold.
    async fn analyze(&self, asset: AssetId, version: VersionId) -> Result<Vec<Looked>, Stop> {
        let wanted = match &self.params.options.analyze {
            Some(kinds) => kinds,
            None => &self.cx.options().analyze,
        };
        let Some(technical) = original(self.backends, asset, version).await?.technical else {
            return Ok(Vec::new());
        };
        let kinds = possible(wanted, &technical);
        look_all(self.cx, asset, version, share_out(self.backends, &kinds)?).await
    }

    fn key(&self) -> Result<Key> {
        match &self.params.source {
            IngestSource::Stored { stored } => Ok(stored.clone()),
            _ => own_key(self.params.asset, self.params.version, &self.params.file_name),
        }
    }

    /// Waits until somebody has put the bytes where they were promised.
    async fn arrive(&self, key: &Key) -> Result<(), Stop> {
        match self.backends.originals.stat(key).await {
            Ok(stat) if self.params.size > 0 && stat.size != self.params.size => Err(Error::new(
                ErrorKind::Integrity,
                "assets.ingest",
                "what was uploaded has another size than was announced; upload it again",
            )
            .with("key", key)
            .with("announced", self.params.size)
            .with("found", stat.size)
            .into()),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if until(self.cx.run().created_at, self.cx.now()) > LONGEST_UPLOAD {
                    return Err(Error::new(
                        ErrorKind::NotFound,
                        "assets.ingest",
                        "what was announced was not uploaded within a week; announce it again",
                    )
                    .with("key", key)
                    .into());
                }
                Err(Stop::Wait(after(self.cx.now(), LOOK_AGAIN)))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Reads the bytes where they are, to know what they add up to.
    async fn read(&self, key: &Key, step: StepContext) -> Result<Copied, Stop> {
        let _room = self.cx.lane("store").await;
        let copied = transfer::hash_object(
            self.backends.originals.as_ref(),
            key,
            Some(Box::new(step.meter())),
        )
        .await?;
        let expected = self.params.options.expected_md5.as_deref();
        check_expected(expected, &copied, &self.params.file_name)?;
        Ok(copied)
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
            key: self.key()?.to_string(),
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
        let path = self.params.source.path()?;
        let found = transfer::hash_file(&path, Some(Box::new(step.meter()))).await?;
        check_expected(
            self.params.options.expected_md5.as_deref(),
            &found,
            &self.params.file_name,
        )?;
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

    async fn store(&self, step: StepContext) -> Result<Copied, Stop> {
        let _room = self.cx.lane("store").await;
        let storing = Storing {
            storage: self.backends.originals.as_ref(),
            source: &self.params.source.path()?,
            key: &self.key()?,
            expected_md5: self.params.options.expected_md5.as_deref(),
        };
        Ok(storing.store(&step).await?)
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

    /// Leaves the content to the asset that holds it. Where that one's ingest had failed, this one
    /// makes up for it, or fails for the same reason.
    async fn reuse(&self, asset: AssetId, version: VersionId) -> Result<IngestResult, Stop> {
        let failed = self
            .cx
            .step("reuse", |_| async {
                self.discard().await?;
                let holder = self.backends.catalog.asset(asset).await?;
                Ok(holder.lifecycle == Lifecycle::Failed)
            })
            .await?;
        let not_analyzed = match failed {
            true => self.make(asset, version).await?,
            false => Vec::new(),
        };
        Ok(IngestResult { asset, version, reused: true, not_analyzed })
    }

    /// Takes back what was registered and stored.
    async fn discard(&self) -> Result<()> {
        let key = self.key()?;
        let storage = &self.backends.originals;
        // What lay there before us, under a key that is not ours, is not ours to delete.
        if key == own_key(self.params.asset, self.params.version, &self.params.file_name)? {
            for upload in storage.uploads(&key).await? {
                storage.upload_abort(&upload).await?;
            }
            delete_one(storage.as_ref(), &key).await?;
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

    async fn probe(&self, asset: AssetId, version: VersionId) -> Result<()> {
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
    async fn transcode(
        &self,
        asset: AssetId,
        version: VersionId,
        step: StepContext,
    ) -> Result<(), Stop> {
        let original = original(self.backends, asset, version).await?;
        let Some(technical) = original.technical.clone() else { return Ok(()) };
        if !matches!(technical.kind, AssetKind::Video | AssetKind::Audio | AssetKind::Image) {
            return Ok(());
        }
        let job = TranscodeJob {
            source: source(self.backends, &original, &self.params.file_name)?,
            technical,
            profile: match &self.params.options.profile {
                Some(profile) => profile.clone(),
                None => self.backends.transcoder.capabilities().profile,
            },
            destination: Arc::clone(&self.backends.proxies),
            prefix: format!("{asset}/{version}").parse()?,
        };
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

/// The key of an original that we store.
pub(crate) fn own_key(asset: AssetId, version: VersionId, file_name: &str) -> Result<Key> {
    format!("{asset}/{version}/{}", key_name(file_name)).parse()
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
