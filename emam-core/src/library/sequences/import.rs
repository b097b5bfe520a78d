//! Timeline files as sequences of a project.

use std::collections::{HashMap, VecDeque};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Sequences;
use super::relink::keep;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{AssetId, BinId, BinItemId, ProjectId, SequenceId};
use crate::model::{
    Asset, AssetKind, AssetSource, Bin, BinItem, BinTarget, ClipSource, Item, Sequence,
};
use crate::time::Rate;
use crate::timeline::format::{
    Document, DocumentBin, Format, ReadDocument, ReadOptions, local_path,
};
use crate::timeline::relink::{self, Candidate, MatchOptions, Reason, RelinkPlan};
use crate::timeline::{self, Issue, IssueKind};
use crate::workflow::IngestOptions;

const OPERATION: &str = "sequences.import";

/// How to import a timeline file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ImportOptions {
    /// Frames a second, for formats that do not say: EDL, ALE, captions. Found out from the file
    /// where it can be, 25 otherwise.
    pub rate: Option<Rate>,
    /// Whether timecode is drop-frame, for formats that do not say.
    pub drop_frame: Option<bool>,
    /// What a sequence is called that has no name of its own; the name of the file when absent.
    pub name: Option<String>,
    /// What is taken for certain when the media of the file is looked for in the library.
    pub matching: MatchOptions,
    /// Ingests media the library does not have, where its file is found: where the timeline says,
    /// or beside it. Hidden files are passed over.
    pub ingest_missing: bool,
    /// Makes an asset without media for what is still missing, to be filled later.
    pub create_placeholders: bool,
    /// Says what would be done, and does nothing.
    pub dry_run: bool,
}

/// A file that was ingested because a timeline or a project uses it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IngestedFile {
    /// Its path.
    pub path: PathBuf,
    /// The asset it is now; absent in a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset: Option<AssetId>,
}

/// What came of an import.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Imported {
    /// The sequences: first the one that is meant, then those nested in it or beside it.
    pub sequences: Vec<Sequence>,
    /// What each media of the file is taken for.
    pub plan: RelinkPlan,
    /// What was not understood, guessed or corrected, what no longer fits and what is missing.
    pub issues: Vec<Issue>,
    /// The files that were ingested, or would be.
    #[serde(default)]
    pub ingested: Vec<IngestedFile>,
    /// The assets made for media that is missing.
    #[serde(default)]
    pub placeholders: Vec<AssetId>,
    /// Whether it was done; false for a dry run.
    pub done: bool,
}

impl Sequences {
    /// Reads a timeline file into a project; its extension names the format. Its media is looked
    /// for in the library, and its clips are put on what is found; see
    /// [`relink`](crate::timeline::relink). Clips whose media is missing stay, and can be relinked
    /// later. Bins of the file become bins of the project.
    ///
    /// What the file calls by the id of a sequence that the library has already becomes a sequence
    /// of its own. An import that fails leaves no sequence, bin or placeholder; what was ingested
    /// for it stays.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for an unknown project or file;
    /// [`InvalidInput`](ErrorKind::InvalidInput) for an extension that names no format and for a
    /// file that is not of its format.
    pub async fn import(
        &self,
        project: ProjectId,
        path: impl AsRef<Path>,
        options: ImportOptions,
    ) -> Result<Imported> {
        let path = path.as_ref();
        let root = self.catalog().project(project).await?.root_bin;
        let ReadDocument { mut document, mut issues } = self.read_file(path, &options).await?;
        let candidates = self.candidates(&document).await?;
        let mut plan = relink::plan(&document, &candidates, &options.matching);
        let mut ingested = Vec::new();
        if options.ingest_missing {
            let folder = path.parent().unwrap_or(Path::new("")).to_owned();
            ingested = self
                .ingest_missing(&document, &mut plan, folder, options.dry_run, &mut issues)
                .await?;
        }
        let placeholders = match options.create_placeholders {
            true => self.placeholders(&document, &mut plan),
            false => Vec::new(),
        };
        issues.extend(relink::apply(&mut document, &plan)?);
        for sequence in &document.sequences {
            let broken = timeline::check(sequence, &|_| None).into_iter();
            issues.extend(broken.filter(|issue| issue.kind.is_error()));
        }
        self.name_anew(&mut document, project).await?;
        let made = placeholders.iter().map(|asset| asset.id).collect();
        if !options.dry_run {
            self.store_document(root, &document, &placeholders).await?;
            issues.extend(self.proxies_of(&plan).await?);
        }
        Ok(Imported {
            sequences: document.sequences,
            plan,
            issues,
            ingested,
            placeholders: if options.dry_run { Vec::new() } else { made },
            done: !options.dry_run,
        })
    }

    async fn read_file(&self, path: &Path, options: &ImportOptions) -> Result<ReadDocument> {
        let read = ReadOptions {
            rate: options.rate,
            drop_frame: options.drop_frame,
            name: options.name.clone(),
            ..ReadOptions::default()
        };
        let clock = Arc::clone(&self.library.backends().clock);
        let path = path.to_owned();
        let work =
            tokio::task::spawn_blocking(move || Format::read_file(&path, &read, clock.as_ref()));
        work.await.map_err(|cause| {
            Error::new(ErrorKind::Unexpected, OPERATION, "reading has broken off").caused_by(cause)
        })?
    }

    /// Ingests files that are on this machine and that a plan has found no asset for, and puts the
    /// assets into the plan. In a dry run it says which they would be.
    pub(in crate::library) async fn ingest_missing(
        &self,
        document: &Document,
        plan: &mut RelinkPlan,
        folder: PathBuf,
        dry_run: bool,
        issues: &mut Vec<Issue>,
    ) -> Result<Vec<IngestedFile>> {
        let missing: Vec<(AssetSource, Vec<String>)> = plan
            .missing()
            .filter_map(|media| {
                let said = document.media.get(&media.wanted)?;
                Some((media.wanted, said.urls.values().cloned().collect()))
            })
            .collect();
        let found = tokio::task::spawn_blocking(move || {
            let there = |(wanted, urls): (AssetSource, Vec<String>)| {
                let path = urls.iter().find_map(|url| on_disk(url, &folder))?;
                Some((wanted, path))
            };
            missing.into_iter().filter_map(there).collect::<Vec<_>>()
        });
        let found = found.await.map_err(|cause| {
            Error::new(ErrorKind::Unexpected, OPERATION, "looking at files has broken off")
                .caused_by(cause)
        })?;
        let mut runs = Vec::new();
        let mut ingested = Vec::new();
        for (wanted, path) in found {
            if dry_run {
                ingested.push(IngestedFile { path, asset: None });
                continue;
            }
            match self.library.assets().ingest(&path, IngestOptions::default()).await {
                Ok(run) => runs.push((wanted, path, run)),
                Err(error) => issues.push(not_ingested(&path, &error)),
            }
        }
        for (wanted, path, run) in runs {
            match run.join().await {
                Ok(asset) => {
                    let (id, version) = (asset.id, asset.face_version);
                    let source = AssetSource { asset: id, version, subclip: None };
                    let media = self.clip_media(&source).await?;
                    let candidate = Candidate::new(source, media);
                    plan.choose(document, &wanted, &candidate, Reason::Ingested);
                    ingested.push(IngestedFile { path, asset: Some(id) });
                }
                Err(error) => issues.push(not_ingested(&path, &error)),
            }
        }
        Ok(ingested)
    }

    /// Assets for what is missing, put into the plan; they are not stored yet.
    fn placeholders(&self, document: &Document, plan: &mut RelinkPlan) -> Vec<Asset> {
        let missing: Vec<_> = plan.missing().map(|m| (m.wanted, m.name.clone())).collect();
        let mut assets = Vec::new();
        for (wanted, name) in missing {
            let said = document.media.get(&wanted).cloned().unwrap_or_default();
            let id = AssetId::new(self.clock());
            let title = if name.trim().is_empty() { "missing media" } else { name.trim() };
            let mut asset = Asset::new(id, title, self.clock().now());
            let picture = said.summary.rate.is_some() || said.summary.width.is_some();
            asset.kind = if picture { AssetKind::Video } else { AssetKind::Other };
            asset.file_name.clone_from(&name);
            asset.media = Some(said.summary.clone());
            let source = AssetSource::new(id);
            plan.choose(document, &wanted, &Candidate::new(source, said), Reason::Placeholder);
            assets.push(asset);
        }
        assets
    }

    /// Gives sequences that the library has already ids of their own, and all of them the project.
    async fn name_anew(&self, document: &mut Document, project: ProjectId) -> Result<()> {
        let mut renamed = HashMap::new();
        for sequence in &document.sequences {
            match self.catalog().sequence(sequence.id).await {
                Ok(_) => {
                    renamed.insert(sequence.id, SequenceId::new(self.clock()));
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        let now = self.clock().now();
        let anew = |id: &mut SequenceId| *id = renamed.get(id).copied().unwrap_or(*id);
        for sequence in &mut document.sequences {
            anew(&mut sequence.id);
            sequence.project = project;
            sequence.revision = 1;
            (sequence.created_at, sequence.updated_at) = (now, now);
            for item in sequence.tracks.iter_mut().flat_map(|track| &mut track.items) {
                if let Item::Clip(clip) = item
                    && let ClipSource::Sequence(nested) = &mut clip.source
                {
                    anew(&mut nested.sequence);
                }
            }
            keep(sequence, &document.media);
        }
        let mut bins: Vec<&mut DocumentBin> = document.bins.iter_mut().collect();
        while let Some(bin) = bins.pop() {
            bin.sequences.iter_mut().for_each(anew);
            bins.extend(&mut bin.bins);
        }
        Ok(())
    }

    /// Stores everything, or nothing.
    async fn store_document(
        &self,
        root: BinId,
        document: &Document,
        placeholders: &[Asset],
    ) -> Result<()> {
        let catalog = self.catalog();
        let mut stored = Stored::default();
        let result = async {
            catalog.insert_assets(placeholders).await?;
            stored.assets.extend(placeholders.iter().map(|asset| asset.id));
            for sequence in &document.sequences {
                catalog.insert_sequence(sequence).await?;
                stored.sequences.push(sequence.id);
            }
            self.store_bins(root, document, &mut stored).await
        }
        .await;
        if result.is_err() {
            // Best effort: the error that is told is the one that came first.
            for bin in stored.bins {
                let _ = catalog.delete_bin(bin).await;
            }
            for sequence in stored.sequences {
                let _ = catalog.delete_sequence(sequence).await;
            }
            for asset in stored.assets {
                let _ = catalog.delete_asset(asset).await;
            }
        }
        result
    }

    async fn store_bins(
        &self,
        root: BinId,
        document: &Document,
        stored: &mut Stored,
    ) -> Result<()> {
        let mut waiting: VecDeque<(BinId, &DocumentBin)> =
            document.bins.iter().map(|bin| (root, bin)).collect();
        while let Some((parent, said)) = waiting.pop_front() {
            let name = if said.name.trim().is_empty() { "Bin" } else { &said.name };
            let bin = self.library.bins().create(parent, name).await?;
            if parent == root {
                stored.bins.push(bin.id);
            }
            let mut items = Vec::new();
            for source in &said.media {
                // Media that is missing is in no bin: there is nothing to be opened.
                if self.catalog().asset(source.asset).await.is_ok() {
                    items.push(BinTarget::Asset { asset: source.asset });
                }
            }
            let there = |id: &&SequenceId| document.sequence(**id).is_some();
            let sequences = said.sequences.iter().filter(there);
            items.extend(sequences.map(|id| BinTarget::Sequence { sequence: *id }));
            let bin = self.filled(bin, items).await?;
            waiting.extend(said.bins.iter().map(|said| (bin.id, said)));
        }
        Ok(())
    }

    /// Puts these things into a bin, in place of what is in it.
    pub(in crate::library) async fn filled(
        &self,
        bin: Bin,
        targets: Vec<BinTarget>,
    ) -> Result<Bin> {
        let item = |target| BinItem { id: BinItemId::new(self.clock()), target };
        let items = targets.into_iter().map(item).collect();
        self.catalog().update_bin(&Bin { items, updated_at: self.clock().now(), ..bin }).await
    }
}

/// What an import has stored so far.
#[derive(Default)]
struct Stored {
    assets: Vec<AssetId>,
    sequences: Vec<SequenceId>,
    bins: Vec<BinId>,
}

/// The file of this machine that a URL or path means: where it says, or beside the timeline. Hidden
/// files are nobody's media, whatever a project says.
fn on_disk(url: &str, folder: &Path) -> Option<PathBuf> {
    let path = local_path(url)?;
    let path = match Path::new(&path).is_absolute() {
        true => PathBuf::from(path),
        // Of Windows: with a drive or a share it is none of this machine, else it is beside.
        false if path.contains(':') || path.starts_with('\\') => return None,
        false => folder.join(path.replace('\\', "/")),
    };
    let is_hidden = |part: Component<'_>| match part {
        Component::Normal(name) => name.as_encoded_bytes().starts_with(b"."),
        _ => false,
    };
    // The timeline itself may lie in a hidden folder.
    let shared = path.components().zip(folder.components()).take_while(|(a, b)| a == b).count();
    (!path.components().skip(shared).any(is_hidden) && path.is_file()).then_some(path)
}

fn not_ingested(path: &Path, error: &Error) -> Issue {
    let message = format!("{} was not ingested: {}", path.display(), error.message());
    Issue::new(IssueKind::UnknownMedia, message)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn files_are_where_a_timeline_says_or_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let cuts = root.join("cuts");
        std::fs::create_dir(&cuts).unwrap();
        for name in ["a 1.mov", "cuts/b.mov", ".secret", "C:\\x.mov"] {
            std::fs::write(root.join(name), "x").unwrap();
        }
        let url = format!("file://localhost{}/a%201.mov", root.display());
        assert_eq!(on_disk(&url, &cuts), Some(root.join("a 1.mov")));
        assert_eq!(on_disk("./b.mov", &cuts), Some(cuts.join("./b.mov")));
        assert_eq!(on_disk(r"..\a 1.mov", &cuts), Some(cuts.join("../a 1.mov")));
        let secret = root.join(".secret").display().to_string();
        for gone in [r"C:\x.mov", r"\\nas\x.mov", "s3://b/b.mov", "c.mov", "..", "", &secret] {
            assert_eq!(on_disk(gone, &root), None, "{gone}");
        }
    }
}
