//! Project files of other programs: what they use, and taking them in when they are done.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::id::{AssetId, ProjectId};
use crate::library::Projects;
use crate::library::sequences::IngestedFile;
use crate::model::{Asset, Bin, BinTarget};
use crate::time::Rate;
use crate::timeline::relink::{self, MatchOptions, RelinkPlan};
use crate::timeline::usage::{self, Program, ScanOptions, UsedFile};
use crate::timeline::{Issue, IssueKind};
use crate::workflow::IngestOptions;

/// Where the record of a check-in stands among the custom metadata of the project file.
const RECORD: &str = "check_in";

/// How to look for the media of a project file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ProjectScanOptions {
    /// Frames a second, for timelines that do not say.
    pub rate: Option<Rate>,
    /// What is taken for certain.
    pub matching: MatchOptions,
}

/// The media of a project file, and what of it the library has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProjectMedia {
    /// The program the file is of.
    pub program: Program,
    /// The media, each once, in the order of the file.
    pub files: Vec<UsedFile>,
    /// What each is taken for, by the `source` of the file.
    pub plan: RelinkPlan,
    /// What names no file, and what was not understood.
    pub issues: Vec<Issue>,
}

/// How to check a project file in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CheckInOptions {
    /// Its name for people; the file name without extension when absent.
    pub title: Option<String>,
    /// Ingests media the library does not have, where its file is found. It does unless told
    /// otherwise.
    pub ingest_missing: bool,
    /// What is taken for certain.
    pub matching: MatchOptions,
    /// Says what would be done, and does nothing.
    pub dry_run: bool,
}

impl Default for CheckInOptions {
    fn default() -> Self {
        let matching = MatchOptions::default();
        Self { title: None, ingest_missing: true, matching, dry_run: false }
    }
}

/// What came of a check-in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckedIn {
    /// The project file as an asset; absent in a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset: Option<Asset>,
    /// The bin with the project file and the media it uses; absent in a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bin: Option<Bin>,
    /// What each media it uses is taken for.
    pub plan: RelinkPlan,
    /// The media that were ingested, or would be.
    pub ingested: Vec<IngestedFile>,
    /// What was not understood, and what is missing.
    pub issues: Vec<Issue>,
    /// Whether it was done; false for a dry run.
    pub done: bool,
}

/// What a check-in notes with the project file, as its metadata `check_in`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CheckInRecord {
    /// The project it was checked in to.
    pub(super) project: ProjectId,
    /// Counts the check-ins of files of this name in this project, from 1.
    pub(super) number: u32,
    /// The project file of the check-in before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) previous: Option<AssetId>,
    /// The assets it uses.
    pub(super) uses: Vec<AssetId>,
    /// What it uses that the library does not have, by name.
    #[serde(default)]
    pub(super) missing: Vec<String>,
}

impl CheckInRecord {
    pub(super) fn of(asset: &Asset) -> Option<Self> {
        serde_json::from_value(asset.metadata.get(RECORD)?.clone()).ok()
    }
}

impl Projects {
    /// Tells which media a project file of another program uses, and which assets these are. Read
    /// are `.prproj`, `.aep`, `.aepx` and every timeline format; see
    /// [`usage`](crate::timeline::usage).
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) where there is no such file;
    /// [`InvalidInput`](ErrorKind::InvalidInput) where it is not what its extension says;
    /// [`Unsupported`](ErrorKind::Unsupported) for programs whose format is not documented.
    pub async fn scan(
        &self,
        path: impl AsRef<Path>,
        options: ProjectScanOptions,
    ) -> Result<ProjectMedia> {
        let path = path.as_ref().to_owned();
        let scan = ScanOptions { rate: options.rate, ..ScanOptions::default() };
        let clock = Arc::clone(&self.library.backends().clock);
        let work = tokio::task::spawn_blocking(move || usage::scan(&path, &scan, clock.as_ref()));
        let used = work.await.map_err(|cause| {
            Error::new(ErrorKind::Unexpected, "projects.scan", "scanning has broken off")
                .caused_by(cause)
        })??;
        let document = used.document();
        let candidates = self.library.sequences().candidates(&document).await?;
        let plan = relink::plan(&document, &candidates, &options.matching);
        Ok(ProjectMedia { program: used.program, files: used.files, plan, issues: used.issues })
    }

    /// Takes a finished project file of another program in: as an asset, with the list of the media
    /// it uses as its metadata `check_in` and as a bin `Media of …` of the project. Media that is
    /// on this machine and not in the library is ingested; runs that fail are told of and hold up
    /// no other.
    ///
    /// Checking a file of the same name in again makes another asset that names the one before, and
    /// brings the bin up to date. A file whose media cannot be told is taken in without.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for an unknown project or file;
    /// [`InvalidInput`](ErrorKind::InvalidInput) where the file is not what its extension says.
    pub async fn check_in(
        &self,
        project: ProjectId,
        path: impl AsRef<Path>,
        options: CheckInOptions,
    ) -> Result<CheckedIn> {
        let path = path.as_ref();
        let root = self.catalog().project(project).await?.root_bin;
        let scan = ProjectScanOptions { rate: None, matching: options.matching };
        let (mut plan, mut issues, document) = match self.scan(path, scan).await {
            Ok(ProjectMedia { program, files, plan, issues }) => {
                let used = usage::UsedMedia { program, files, issues: Vec::new() };
                (plan, issues, used.document())
            }
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                let issue = Issue::new(IssueKind::NotUnderstood, error.message());
                (RelinkPlan::default(), vec![issue], Default::default())
            }
            Err(error) => return Err(error),
        };
        let mut ingested = Vec::new();
        if options.ingest_missing {
            let folder = path.parent().unwrap_or(Path::new("")).to_owned();
            let sequences = self.library.sequences();
            let dry_run = options.dry_run;
            ingested = sequences
                .ingest_missing(&document, &mut plan, folder, dry_run, &mut issues)
                .await?;
        }
        for media in plan.missing() {
            let why = media.warnings.first().map_or("", |issue| issue.message.as_str());
            let message = format!("{:?} is not in the library: {why}", media.name);
            issues.push(Issue::new(IssueKind::UnknownMedia, message));
        }
        if options.dry_run {
            return Ok(CheckedIn { asset: None, bin: None, plan, ingested, issues, done: false });
        }
        let ingest = IngestOptions { title: options.title, ..IngestOptions::default() };
        let file = self.library.assets().ingest(path, ingest).await?.join().await?;
        let name = path.file_name().map(PathBuf::from).unwrap_or_default();
        let (asset, bin) = self.note(project, root, &name.to_string_lossy(), file, &plan).await?;
        Ok(CheckedIn { asset: Some(asset), bin: Some(bin), plan, ingested, issues, done: true })
    }

    /// Notes what a project file uses, with the file and as a bin.
    async fn note(
        &self,
        project: ProjectId,
        root: crate::id::BinId,
        name: &str,
        file: Asset,
        plan: &RelinkPlan,
    ) -> Result<(Asset, Bin)> {
        let mut uses: Vec<AssetId> = Vec::new();
        let mut missing = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for media in &plan.matches {
            match &media.found {
                Some(found) if seen.insert(found.source.asset) => uses.push(found.source.asset),
                Some(_) => {}
                None => missing.push(media.name.clone()),
            }
        }
        let title = format!("Media of {name}");
        let known = self.catalog().bins(project).await?;
        let known = known.into_iter().find(|bin| bin.parent == Some(root) && bin.name == title);
        let bin = match known {
            Some(bin) => bin,
            None => self.library.bins().create(root, &title).await?,
        };
        let before = match bin.items.first().map(|item| item.target) {
            Some(BinTarget::Asset { asset }) => self.catalog().asset(asset).await.ok(),
            _ => None,
        };
        let before = before.and_then(|asset| Some((asset.id, CheckInRecord::of(&asset)?)));
        let (number, previous) = match before {
            // The same content again is the same asset: it was not changed.
            Some((asset, record)) if asset == file.id => (record.number, record.previous),
            Some((asset, record)) => (record.number.saturating_add(1), Some(asset)),
            None => (1, None),
        };
        let record = CheckInRecord { project, number, previous, uses: uses.clone(), missing };
        let record = serde_json::to_value(record).map_err(|cause| {
            let message = "the record of the check-in has no JSON";
            Error::new(ErrorKind::Unexpected, "projects.check_in", message).caused_by(cause)
        })?;
        let metadata = BTreeMap::from([(RECORD.to_owned(), record)]);
        let patch = crate::library::AssetPatch { metadata, ..Default::default() };
        let asset = self.library.assets().update(file.id, patch).await?;
        let targets = std::iter::once(asset.id).chain(uses);
        let targets = targets.map(|asset| BinTarget::Asset { asset }).collect();
        let bin = self.library.sequences().filled(bin, targets).await?;
        Ok((asset, bin))
    }
}
