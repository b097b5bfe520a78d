//! Assets: ingest, find, change, open.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::backend::catalog::{Query, SearchPage};
use crate::backend::{GetOptions, Object, TranscodeJob, delete_one};
use crate::checksum::given_md5;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::id::{AssetId, CategoryId, InstanceId, RenditionId, VersionId};
use crate::library::intake::{Intake, Refused, look, walk};
use crate::library::{RunHandle, handle};
use crate::model::{
    AnnotationKind, Asset, Availability, Instance, InstanceState, Lifecycle, Profile, Rendition,
    Role, RunKind, Version,
};
use crate::workflow::{AnalyzeParams, IngestOptions, IngestParams, IngestSource, share_out};

handle! {
    /// Assets: ingest, find, change, open.
    Assets
}

/// A change to an asset: what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AssetPatch {
    /// The revision that was read; without it, whatever the present one is.
    pub revision: Option<u64>,
    /// Its name for people.
    pub title: Option<String>,
    /// What is to be said about it.
    pub description: Option<String>,
    /// Its tags; replaces what there are.
    pub tags: Option<Vec<String>>,
    /// Tags to be added to those it has.
    pub add_tags: Vec<String>,
    /// Tags to be taken off it.
    pub remove_tags: Vec<String>,
    /// From 1 to 5; 0 takes the rating off.
    pub rating: Option<u8>,
    /// The categories it is filed under; replaces what there are.
    pub categories: Option<Vec<CategoryId>>,
    /// Custom metadata to be set, field by field; a null takes the field off.
    pub metadata: BTreeMap<String, serde_json::Value>,
    /// Ids in other systems to be set, by system; a null takes the id off.
    pub external_ids: BTreeMap<String, Option<String>>,
}

/// What deleting an asset takes away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Deletion {
    /// The asset.
    pub asset: AssetId,
    /// How many stored files.
    pub files: u64,
    /// How many bytes.
    pub bytes: u64,
    /// Whether it was done; false for a dry run.
    pub done: bool,
}

/// A stored file opened for reading.
#[derive(Debug)]
pub struct Opened {
    /// The rendition it holds.
    pub rendition: Rendition,
    /// The file.
    pub instance: Instance,
    /// Its bytes.
    pub object: Object,
}

/// A stored file that can be read now.
#[derive(Debug)]
pub(crate) struct Found {
    #[cfg_attr(not(feature = "gateway"), allow(dead_code))]
    pub(crate) asset: Asset,
    pub(crate) rendition: Rendition,
    pub(crate) instance: Instance,
}

impl Assets {
    /// Takes a file into the library: copied, checked, probed, made playable and searchable. Gives
    /// a run at once; what the file is to become can be waited for.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound), [`PermissionDenied`](ErrorKind::PermissionDenied) or
    /// [`InvalidMedia`](ErrorKind::InvalidMedia) where the file is missing, unreadable or empty;
    /// then nothing is registered. What is found later fails the run.
    pub async fn ingest(
        &self,
        path: impl AsRef<Path>,
        options: IngestOptions,
    ) -> Result<RunHandle<Asset>> {
        self.check_options(&options).await?;
        self.take(path.as_ref(), options).await
    }

    /// Takes many files, and folders with all that is in them. A file that cannot be taken is told
    /// of and holds up no other. Hidden files are passed over, links are followed.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) for options that belong to one file.
    pub async fn ingest_all(&self, paths: &[PathBuf], options: IngestOptions) -> Result<Intake> {
        self.check_options(&options).await?;
        if options.expected_md5.is_some() || options.idempotency_key.is_some() {
            return Err(Error::invalid(
                "assets.ingest_all",
                "expected_md5 and idempotency_key are for one file; use ingest",
            ));
        }
        let paths = paths.to_vec();
        let (files, mut refused) =
            tokio::task::spawn_blocking(move || walk(&paths)).await.map_err(|cause| {
                Error::new(ErrorKind::Unexpected, "assets.ingest_all", "the walk has broken off")
                    .caused_by(cause)
            })?;
        let mut runs = Vec::new();
        for file in files {
            match self.take(&file, options.clone()).await {
                Ok(run) => runs.push(run),
                Err(error) => refused.push(Refused {
                    path: file.to_string_lossy().into_owned(),
                    error: error.to_info(),
                }),
            }
        }
        Ok(Intake { runs, refused })
    }

    async fn take(&self, path: &Path, options: IngestOptions) -> Result<RunHandle<Asset>> {
        let path = path.to_owned();
        let file = tokio::task::spawn_blocking(move || look(&path)).await.map_err(|cause| {
            Error::new(ErrorKind::Unexpected, "assets.ingest", "looking at the file broke off")
                .caused_by(cause)
        })??;
        let clock = self.clock();
        let (priority, key) = (options.priority, options.idempotency_key.clone());
        let params = IngestParams {
            source: IngestSource::file(&file.path),
            file_name: file.file_name,
            size: file.size,
            asset: AssetId::new(clock),
            version: VersionId::new(clock),
            rendition: RenditionId::new(clock),
            instance: InstanceId::new(clock),
            options,
        };
        let asset = Some(params.asset);
        self.library.runs().start(RunKind::Ingest, asset, &params, priority, key).await
    }

    /// Tells options that can be ingested with from others, before there is a file.
    pub(crate) async fn check_options(&self, options: &IngestOptions) -> Result<()> {
        let operation = "assets.ingest";
        if let Some(md5) = &options.expected_md5 {
            given_md5(operation, md5)?;
        }
        if let Some(title) = &options.title {
            super::named(operation, title)?;
        }
        check_tags(operation, &options.tags)?;
        for category in &options.categories {
            self.catalog().category(*category).await?;
        }
        // Before anything is stored: a kind nobody here finds is a mistake of the caller.
        share_out(self.library.backends(), options.analyze.as_deref().unwrap_or_default())?;
        Ok(())
    }

    /// Reads one asset.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for an unknown id.
    pub async fn get(&self, id: AssetId) -> Result<Asset> {
        self.catalog().asset(id).await
    }

    /// Finds one page of assets, with moments, facets and the number of all matches.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) for a wrong limit, a cursor of another query or
    /// a text above 1,000 bytes.
    pub async fn search(&self, query: Query) -> Result<SearchPage> {
        self.catalog().search(&query).await
    }

    /// Changes an asset.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for an unknown id or category;
    /// [`Conflict`](ErrorKind::Conflict) for a stale revision;
    /// [`InvalidInput`](ErrorKind::InvalidInput) for a blank title, a blank tag or a rating above 5.
    pub async fn update(&self, id: AssetId, patch: AssetPatch) -> Result<Asset> {
        for category in patch.categories.iter().flatten() {
            self.catalog().category(*category).await?;
        }
        loop {
            let mut asset = self.catalog().asset(id).await?;
            apply(&mut asset, &patch)?;
            asset.updated_at = self.clock().now();
            match self.catalog().update_asset(&asset).await {
                // Without a revision the change is meant for whatever is there.
                Err(error) if error.kind() == ErrorKind::Conflict && patch.revision.is_none() => {}
                result => return result,
            }
        }
    }

    /// Deletes an asset with its versions, renditions, annotations and stored files, archived ones
    /// included. A dry run says what would go.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for an unknown id;
    /// [`Conflict`](ErrorKind::Conflict) where it is being ingested.
    pub async fn delete(&self, id: AssetId, dry_run: bool) -> Result<Deletion> {
        let asset = self.catalog().asset(id).await?;
        if matches!(asset.lifecycle, Lifecycle::Uploading | Lifecycle::Processing) {
            return Err(Error::new(
                ErrorKind::Conflict,
                "assets.delete",
                "the asset is being ingested; cancel that run first",
            )
            .with("asset", id));
        }
        let renditions = self.catalog().renditions(id).await?;
        let instances: Vec<_> = renditions.into_iter().flat_map(|r| r.instances).collect();
        let deletion = Deletion {
            asset: id,
            files: u64::try_from(instances.len()).unwrap_or(u64::MAX),
            bytes: instances.iter().map(|instance| instance.size).sum(),
            done: !dry_run,
        };
        if dry_run {
            return Ok(deletion);
        }
        // The bytes go first: should this break off, the asset is still there to be deleted again.
        let backends = self.library.backends();
        for instance in instances {
            let key = instance.key.parse()?;
            if instance.storage == crate::backend::Backends::ORIGINALS {
                backends.archive.forget(&key).await?;
            }
            delete_one(backends.storage(&instance.storage)?.as_ref(), &key).await?;
        }
        self.catalog().delete_asset(id).await?;
        Ok(deletion)
    }

    /// Lists the versions of an asset by number.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for an unknown asset.
    pub async fn versions(&self, id: AssetId) -> Result<Vec<Version>> {
        self.catalog().asset(id).await?;
        self.catalog().versions(id).await
    }

    /// Lists the renditions of an asset, all versions, with the state of each stored file.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for an unknown asset.
    pub async fn renditions(&self, id: AssetId) -> Result<Vec<Rendition>> {
        self.catalog().asset(id).await?;
        self.catalog().renditions(id).await
    }

    /// What can be read of an asset now.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for an unknown asset.
    pub async fn availability(&self, id: AssetId) -> Result<Availability> {
        let now = self.clock().now();
        let mut found = Availability::Offline;
        for rendition in self.renditions(id).await? {
            let readable = rendition.instances.iter().any(|i| i.state.is_readable(now));
            found = match (rendition.role, readable) {
                (Role::Original, true) => return Ok(Availability::Online),
                (Role::Proxy | Role::AudioProxy, true) => Availability::ProxyOnly,
                (Role::Original, false)
                    if found == Availability::Offline
                        && rendition.instances.iter().any(|i| is_archived(&i.state)) =>
                {
                    Availability::Archived
                }
                _ => found,
            };
        }
        Ok(found)
    }

    /// Opens the bytes of a rendition of the face version. `part` counts from 0.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) where there is no such rendition or part;
    /// [`NotReady`](ErrorKind::NotReady) where the bytes are archived or being restored, with the
    /// fact `eta` where it is known.
    pub async fn open(
        &self,
        id: AssetId,
        role: Role,
        part: u32,
        options: GetOptions,
    ) -> Result<Opened> {
        let Found { rendition, instance, .. } = self.find(id, role, part).await?;
        let storage = self.library.backends().storage(&instance.storage)?;
        let object = storage.get(&instance.key.parse()?, options).await?;
        Ok(Opened { rendition, instance, object })
    }

    /// The path of a rendition of the face version on this machine's disk, for tools that read in
    /// place. The file is the library's: read it, do not write it. `part` counts from 0.
    ///
    /// # Errors
    /// As [`open`](Self::open); [`Unsupported`](ErrorKind::Unsupported) where its storage has no
    /// files on this machine.
    pub async fn path(&self, id: AssetId, role: Role, part: u32) -> Result<PathBuf> {
        let Found { instance, .. } = self.find(id, role, part).await?;
        let storage = self.library.backends().storage(&instance.storage)?;
        storage.local_path(&instance.key.parse()?).ok_or_else(|| {
            Error::new(
                ErrorKind::Unsupported,
                "assets.path",
                "this rendition is in a storage without files on this machine; open it instead",
            )
            .with("asset", id)
            .with("storage", &instance.storage)
        })
    }

    /// Finds a file that can be read now, without opening it.
    pub(crate) async fn find(&self, id: AssetId, role: Role, part: u32) -> Result<Found> {
        let operation = "assets.open";
        let asset = self.catalog().asset(id).await?;
        let renditions = self.catalog().renditions(id).await?;
        let mut renditions = renditions.into_iter().filter(|r| r.role == role);
        let rendition = renditions
            .find(|r| asset.face_version.is_none_or(|face| face == r.version))
            .ok_or_else(|| {
                Error::new(ErrorKind::NotFound, operation, "the asset has no such rendition")
                    .with("asset", id)
                    .with("role", role.as_str())
            })?;
        let now = self.clock().now();
        let parts: Vec<_> = rendition.instances.iter().filter(|i| i.part == part).collect();
        let instance = parts.iter().find(|i| i.state.is_readable(now)).or(parts.first());
        let Some(instance) = instance.map(|i| (*i).clone()) else {
            return Err(Error::new(ErrorKind::NotFound, operation, "there is no such part")
                .with("asset", id)
                .with("part", part)
                .with("parts", rendition.instances.len()));
        };
        if instance.state.is_readable(now) {
            return Ok(Found { asset, rendition, instance });
        }
        let error = Error::new(
            ErrorKind::NotReady,
            operation,
            match instance.state {
                InstanceState::Archived { .. } | InstanceState::Restored { .. } => {
                    "the bytes are archived; restore them first"
                }
                InstanceState::Restoring { .. } => "the bytes are being restored",
                InstanceState::Uploading => "the bytes are being stored",
                _ => "the bytes cannot be read",
            },
        )
        .with("asset", id)
        .with("state", instance.state.as_str());
        Err(match instance.state {
            InstanceState::Restoring { eta, .. } => {
                error.with("eta", eta).retry(Retry::After(crate::clock::until(now, eta)))
            }
            InstanceState::Archived { storage_class: class } => {
                match self.library.archive().time_of(class) {
                    Some(time) => error.with("eta", crate::clock::after(now, time)),
                    None => error,
                }
            }
            _ => error,
        })
    }

    /// Looks into an asset again for `kinds`; for all that can be found when empty. What people
    /// have edited is spared.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for an unknown asset;
    /// [`Unsupported`](ErrorKind::Unsupported) for a kind nothing here can find.
    pub async fn analyze(
        &self,
        id: AssetId,
        kinds: Vec<AnnotationKind>,
    ) -> Result<RunHandle<serde_json::Value>> {
        let asset = self.catalog().asset(id).await?;
        let version = asset.face_version.ok_or_else(|| {
            Error::new(ErrorKind::Conflict, "assets.analyze", "the asset has no media yet")
                .with("asset", id)
        })?;
        let backends = self.library.backends();
        share_out(backends, &kinds)?;
        let mut can: Vec<_> =
            backends.analyzers.iter().flat_map(|a| a.capabilities().kinds).collect();
        can.sort_unstable();
        can.dedup();
        let kinds = if kinds.is_empty() { can } else { kinds };
        let params = AnalyzeParams { asset: id, version, kinds };
        self.library.runs().start(RunKind::Analyze, Some(id), &params, 0, None).await
    }

    /// Prints what would be asked of the transcoder for an asset: a command line, or the settings
    /// of a job. Does nothing.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for an unknown asset or one that was not probed yet.
    pub async fn explain(&self, id: AssetId, profile: Option<Profile>) -> Result<String> {
        let asset = self.catalog().asset(id).await?;
        let Found { rendition, instance, .. } = self.find(id, Role::Original, 0).await?;
        let backends = self.library.backends();
        let technical = rendition.technical.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "assets.explain", "the asset was not probed yet")
                .with("asset", id)
        })?;
        let job = TranscodeJob {
            source: crate::backend::MediaSource {
                storage: backends.storage(&instance.storage)?,
                key: instance.key.parse()?,
                size: instance.size,
                file_name: asset.file_name,
            },
            technical,
            profile: profile.unwrap_or_default(),
            destination: std::sync::Arc::clone(&backends.proxies),
            prefix: format!("{id}/{}", rendition.version).parse()?,
        };
        backends.transcoder.explain(&job).await
    }
}

fn is_archived(state: &InstanceState) -> bool {
    matches!(state.as_str(), "archiving" | "archived" | "restoring" | "restored")
}

fn check_tags(operation: &'static str, tags: &[String]) -> Result<()> {
    match tags.iter().find(|tag| tag.trim().is_empty() || tag.len() > 1000) {
        Some(tag) => {
            Err(Error::invalid(operation, "a tag is not blank and has at most 1000 bytes")
                .with("tag", tag))
        }
        None => Ok(()),
    }
}

fn apply(asset: &mut Asset, patch: &AssetPatch) -> Result<()> {
    let operation = "assets.update";
    check_tags(operation, patch.tags.as_deref().unwrap_or_default())?;
    check_tags(operation, &patch.add_tags)?;
    if let Some(title) = &patch.title {
        asset.title = super::named(operation, title)?;
    }
    asset.description = patch.description.clone().unwrap_or_else(|| asset.description.clone());
    if let Some(tags) = &patch.tags {
        asset.tags.clone_from(tags);
    }
    asset.tags.retain(|tag| !patch.remove_tags.contains(tag));
    asset.tags.extend(patch.add_tags.iter().cloned());
    let mut seen = std::collections::HashSet::new();
    asset.tags.retain(|tag| seen.insert(tag.clone()));
    match patch.rating {
        Some(0) => asset.rating = None,
        Some(rating @ 1..=5) => asset.rating = Some(rating),
        Some(rating) => {
            return Err(Error::invalid(operation, "a rating is from 1 to 5, or 0 for none")
                .with("rating", rating));
        }
        None => {}
    }
    if let Some(categories) = &patch.categories {
        asset.categories.clone_from(categories);
    }
    for (field, value) in &patch.metadata {
        match value {
            serde_json::Value::Null => asset.metadata.remove(field),
            value => asset.metadata.insert(field.clone(), value.clone()),
        };
    }
    for (system, id) in &patch.external_ids {
        match id {
            None => asset.external_ids.remove(system),
            Some(id) => asset.external_ids.insert(system.clone(), id.clone()),
        };
    }
    asset.revision = patch.revision.unwrap_or(asset.revision);
    Ok(())
}
