//! The table itself: one row an operation.

use std::time::Duration;

use schemars::schema_for;

use super::params::*;
use super::{Operation, Shape, read, write};
use crate::backend::catalog::{Query, SearchPage};
use crate::library::{
    Announcement, ArchivePlan, ArchiveRequest, CheckedIn, Deletion, Edited, Expected, Exported,
    Imported, Intake, ProjectMedia, Relinked, RestoreRequest, RunHandle, RunResult, UsedIn,
};
use crate::model::*;
use crate::timeline::Issue;
use crate::workflow::{Consolidated, ConsolidationPlan, Rendered};

/// The nouns operations are about, each with its words, in the order people meet them.
pub const NOUNS: [(&str, &str); 9] = [
    ("assets", "Assets: ingest, find, change, open."),
    ("annotations", "Annotations: markers, subclips, comments, findings."),
    ("categories", "Categories: the tree assets are filed under."),
    ("projects", "Projects: pieces of work."),
    ("bins", "Bins: ordered lists of what a project uses."),
    ("sequences", "Sequences: edits."),
    ("archive", "Archive: originals that are cheap to keep and slow to read."),
    ("runs", "Runs: work under way and done."),
    ("events", "Events: the ordered log of what happened."),
];

/// Defines the rows. A handler gets the library and the parameters and gives the result.
macro_rules! operations {
    ($(
        $(#[doc = $doc:literal])+
        $name:literal $shape:ident $(<$outcome:ty>)? ($params:ty) -> $result:ty: |$library:ident, $p:pat_param| $body:expr;
    )*) => {
        /// Every operation, by noun.
        pub fn operations() -> &'static [Operation] {
            const OPERATIONS: &[Operation] = &[$(
                Operation {
                    name: $name,
                    doc: concat!($($doc, "\n"),+),
                    shape: Shape::$shape,
                    params: || schema_for!($params),
                    result: || schema_for!($result),
                    outcome: outcome!($($outcome)?),
                    handler: |$library, params| {
                        let params = read($name, params);
                        Box::pin(async move {
                            let $p: $params = params?;
                            let result: $result = $body;
                            write($name, &result)
                        })
                    },
                },
            )*];
            OPERATIONS
        }
    };
}

/// The schema of what the runs of a row result in.
macro_rules! outcome {
    () => {
        None
    };
    ($outcome:ty) => {
        Some(|| schema_for!($outcome))
    };
}

operations! {
    /// Takes a file into the library: copied, checked, probed, made playable and searchable.
    "assets.ingest" Run<Asset> (IngestFile) -> Started: |library, p|
        started(&library.assets().ingest(p.path, p.options).await?);

    /// Takes many files, and folders with all that is in them. A file that cannot be taken is told
    /// of and holds up no other.
    "assets.ingest_all" Run<Asset> (IngestFiles) -> StartedMany: |library, p|
        taken(library.assets().ingest_all(&p.paths, p.options).await?);

    /// Announces a file that somebody will upload straight to the storage of originals: the asset
    /// is there at once, `uploading`, and becomes what an ingest makes of it once the bytes are.
    "assets.expect" Value (Announcement) -> Expected: |library, p|
        library.assets().expect(p).await?;

    /// Takes an object into the library that is in the storage of originals already. It stays where
    /// it is.
    "assets.adopt" Run<Asset> (AdoptObject) -> Started: |library, p|
        started(&library.assets().adopt(&p.key, p.options).await?);

    /// Tells where an asset is used: in sequences, in project files that were checked in, in bins.
    "assets.used_in" Value (WhichAsset) -> UsedIn: |library, p|
        library.assets().used_in(p.id).await?;

    /// Reads one asset.
    "assets.get" Value (WhichAsset) -> Asset: |library, p| library.assets().get(p.id).await?;

    /// Finds assets, with moments, facets and the number of all matches.
    "assets.search" Page (Query) -> SearchPage: |library, p| library.assets().search(p).await?;

    /// Changes an asset.
    "assets.update" Value (UpdateAsset) -> Asset: |library, p|
        library.assets().update(p.id, p.patch).await?;

    /// Deletes an asset with its versions, renditions, annotations and stored files, archived ones
    /// included. A dry run says what would go.
    "assets.delete" Value (DeleteAsset) -> Deletion: |library, p|
        library.assets().delete(p.id, p.dry_run).await?;

    /// Lists the versions of an asset by number.
    "assets.versions" Value (WhichAsset) -> Vec<Version>: |library, p|
        library.assets().versions(p.id).await?;

    /// Lists the renditions of an asset, with the state of each stored file.
    "assets.renditions" Value (WhichAsset) -> Vec<Rendition>: |library, p|
        library.assets().renditions(p.id).await?;

    /// Tells what can be read of an asset now.
    "assets.availability" Value (WhichAsset) -> Available: |library, p|
        Available { availability: library.assets().availability(p.id).await? };

    /// Tells the path of a rendition on this machine's disk, for tools that read in place.
    "assets.path" Value (WhichRendition) -> Located: |library, p|
        Located { path: library.assets().path(p.id, p.role, p.part).await? };

    /// Looks into an asset again. What people have edited is spared.
    "assets.analyze" Run<serde_json::Value> (AnalyzeAsset) -> Started: |library, p|
        started(&library.assets().analyze(p.id, p.kinds).await?);

    /// Prints what would be asked of the transcoder for an asset. Does nothing.
    "assets.explain" Value (ExplainAsset) -> Explained: |library, p|
        Explained { text: library.assets().explain(p.id, p.profile).await? };

    /// Says something about an asset or a range of its time: a marker, a subclip, a comment.
    "annotations.add" Value (AddAnnotation) -> Annotation: |library, p|
        library.annotations().add(p.asset, p.annotation).await?;

    /// Reads one annotation.
    "annotations.get" Value (WhichAnnotation) -> Annotation: |library, p|
        library.annotations().get(p.id).await?;

    /// Lists the annotations of an asset in time order, those about all of it first.
    "annotations.list" Page (ListAnnotations) -> Page<Annotation>: |library, p|
        library.annotations().list(p.asset, p.filter, p.page).await?;

    /// Changes an annotation. From then on it is a person's: analysis spares it.
    "annotations.update" Value (UpdateAnnotation) -> Annotation: |library, p|
        library.annotations().update(p.id, p.patch).await?;

    /// Deletes an annotation.
    "annotations.delete" Value (WhichAnnotation) -> Done: |library, p| {
        library.annotations().delete(p.id).await?;
        Done {}
    };

    /// Makes a category.
    "categories.create" Value (CreateCategory) -> Category: |library, p|
        library.categories().create(&p.name, p.parent).await?;

    /// Reads one category.
    "categories.get" Value (WhichCategory) -> Category: |library, p|
        library.categories().get(p.id).await?;

    /// Lists all categories, each after its parent, siblings by name.
    "categories.list" Value (Nothing) -> Vec<Category>: |library, _|
        library.categories().list().await?;

    /// Renames or moves a category.
    "categories.update" Value (UpdateCategory) -> Category: |library, p|
        library.categories().update(p.id, p.patch).await?;

    /// Deletes a category without children; assets filed under it stay.
    "categories.delete" Value (WhichCategory) -> Done: |library, p| {
        library.categories().delete(p.id).await?;
        Done {}
    };

    /// Makes a project with an empty root bin.
    "projects.create" Value (CreateProject) -> Project: |library, p|
        library.projects().create(&p.name).await?;

    /// Reads one project.
    "projects.get" Value (WhichProject) -> Project: |library, p|
        library.projects().get(p.id).await?;

    /// Lists projects, newest first.
    "projects.list" Page (WhichPage) -> Page<Project>: |library, p|
        library.projects().list(p.page).await?;

    /// Changes a project.
    "projects.update" Value (UpdateProject) -> Project: |library, p|
        library.projects().update(p.id, p.patch).await?;

    /// Deletes a project with its bins and sequences; assets stay.
    "projects.delete" Value (WhichProject) -> Done: |library, p| {
        library.projects().delete(p.id).await?;
        Done {}
    };

    /// Tells which media a project file of another program uses, and which assets these are.
    "projects.scan" Value (ScanProjectFile) -> ProjectMedia: |library, p|
        library.projects().scan(p.path, p.options).await?;

    /// Takes a finished project file of another program in, with the list of its media; new media
    /// it uses is ingested.
    "projects.check_in" Value (CheckInProjectFile) -> CheckedIn: |library, p|
        library.projects().check_in(p.project, p.path, p.options).await?;

    /// Makes a bin in another one, after its siblings.
    "bins.create" Value (CreateBin) -> Bin: |library, p|
        library.bins().create(p.parent, &p.name).await?;

    /// Reads one bin.
    "bins.get" Value (WhichBin) -> Bin: |library, p| library.bins().get(p.id).await?;

    /// Lists the bins of a project, each after its parent, siblings by position.
    "bins.list" Value (OfProject) -> Vec<Bin>: |library, p|
        library.bins().list(p.project).await?;

    /// Puts something into a bin, after what is in it.
    "bins.add" Value (AddToBin) -> Bin: |library, p|
        library.bins().add(p.bin, p.target).await?;

    /// Takes one item out of a bin.
    "bins.remove" Value (RemoveFromBin) -> Bin: |library, p|
        library.bins().remove(p.bin, p.item).await?;

    /// Renames, moves or reorders a bin.
    "bins.update" Value (UpdateBin) -> Bin: |library, p|
        library.bins().update(p.id, p.patch).await?;

    /// Deletes a bin with the bins in it; assets stay.
    "bins.delete" Value (WhichBin) -> Done: |library, p| {
        library.bins().delete(p.id).await?;
        Done {}
    };

    /// Makes an empty sequence.
    "sequences.create" Value (CreateSequence) -> Sequence: |library, p|
        library.sequences().create(p.project, &p.name, p.rate).await?;

    /// Reads one sequence.
    "sequences.get" Value (WhichSequence) -> Sequence: |library, p|
        library.sequences().get(p.id).await?;

    /// Lists the sequences of a project, oldest first.
    "sequences.list" Value (OfProject) -> Vec<Sequence>: |library, p|
        library.sequences().list(p.project).await?;

    /// Changes a sequence as a whole.
    "sequences.update" Value (UpdateSequence) -> Sequence: |library, p|
        library.sequences().update(p.id, p.patch).await?;

    /// Puts a piece of an asset at the end of a sequence.
    "sequences.append" Value (AppendClip) -> Sequence: |library, p|
        library.sequences().append(p.id, p.clip).await?;

    /// Puts a piece of an asset into a sequence; what is there and after it moves back.
    "sequences.insert" Value (InsertClip) -> Sequence: |library, p|
        library.sequences().insert(p.id, p.at, p.clip).await?;

    /// Takes a clip out of a sequence, with those linked to it.
    "sequences.remove" Value (RemoveClip) -> Sequence: |library, p|
        library.sequences().remove(p.id, p.clip, p.ripple).await?;

    /// Makes edits to a sequence as one, all or none, and gives what undoes them.
    "sequences.edit" Value (EditSequence) -> Edited: |library, p|
        library.sequences().edit(p.id, p.edits, p.revision).await?;

    /// Undoes edits, unless something else was changed at the same place since.
    "sequences.undo" Value (UndoEdits) -> Edited: |library, p|
        library.sequences().undo(p.id, &p.change).await?;

    /// Finds what is wrong with a sequence and those nested in it.
    "sequences.check" Value (WhichSequence) -> Vec<Issue>: |library, p|
        library.sequences().check(p.id).await?;

    /// Makes the caption track of a sequence from what is said in the media of its clips.
    "sequences.caption" Value (CaptionSequence) -> Sequence: |library, p|
        library.sequences().caption(p.id, p.options).await?;

    /// Deletes a sequence; assets stay.
    "sequences.delete" Value (WhichSequence) -> Done: |library, p| {
        library.sequences().delete(p.id).await?;
        Done {}
    };

    /// Writes a sequence to a file; its extension names the format.
    "sequences.export" Value (ExportSequence) -> Exported: |library, p|
        library.sequences().export(p.id, p.path, p.options).await?;

    /// Reads a timeline file into a project; its extension names the format. Its media is looked
    /// for in the library.
    "sequences.import" Value (ImportSequences) -> Imported: |library, p|
        library.sequences().import(p.project, p.path, p.options).await?;

    /// Puts the clips of a sequence on media that is there, where theirs was deleted or has
    /// changed.
    "sequences.relink" Value (RelinkSequence) -> Relinked: |library, p|
        library.sequences().relink(p.id, p.options).await?;

    /// Renders a sequence to one media file, exact by frame and by sample.
    "sequences.render" Run<Rendered> (RenderSequence) -> Started: |library, p|
        started(&library.sequences().render(p.id, p.path, p.options).await?);

    /// Says what consolidating a sequence would copy, without doing it.
    "sequences.plan_consolidate" Value (PlanConsolidation) -> ConsolidationPlan: |library, p|
        library.sequences().plan_consolidate(p.id, p.options).await?;

    /// Copies the media of a sequence into a new folder, with the sequence beside it.
    "sequences.consolidate" Run<Consolidated> (ConsolidateSequence) -> Started: |library, p|
        started(&library.sequences().consolidate(p.id, p.folder, p.options).await?);

    /// Says what archiving would take, without doing it.
    "archive.plan_store" Value (ArchiveRequest) -> ArchivePlan: |library, p|
        library.archive().plan_store(&p).await?;

    /// Says what restoring would take, without doing it.
    "archive.plan_restore" Value (RestoreRequest) -> ArchivePlan: |library, p|
        library.archive().plan_restore(&p).await?;

    /// Puts the originals of assets into the archive.
    "archive.store" Run<serde_json::Value> (ArchiveRequest) -> StartedMany: |library, p|
        started_many(&library.archive().store(&p).await?);

    /// Gets the originals of assets back for a time.
    "archive.restore" Run<serde_json::Value> (RestoreRequest) -> StartedMany: |library, p|
        started_many(&library.archive().restore(&p).await?);

    /// Reads one run, with its progress.
    "runs.get" Value (WhichRun) -> crate::model::Run: |library, p| library.runs().get(p.id).await?;

    /// Lists runs, newest first.
    "runs.list" Page (ListRuns) -> Page<crate::model::Run>: |library, p|
        library.runs().list(p.filter, p.page).await?;

    /// Waits until a run has ended, one way or the other.
    "runs.wait" Value (WaitForRun) -> crate::model::Run: |library, p|
        library.runs().wait(p.id, millis(p.timeout_ms)).await?;

    /// Waits until a run has succeeded and gives its result: of an ingest, the asset. A run that
    /// has failed gives the error it was given up for.
    "runs.join" Value (WaitForRun) -> serde_json::Value: |library, p|
        library.runs().join(p.id, millis(p.timeout_ms)).await?;

    /// Waits until a run does something else than what was seen of it, or has ended. When the time
    /// is over, nothing is new.
    "runs.progress" Value (WatchRun) -> RunProgress: |library, p|
        library.runs().progress(p.id, p.seen, millis(p.timeout_ms)).await?;

    /// Asks a run to stop.
    "runs.cancel" Value (WhichRun) -> crate::model::Run: |library, p|
        library.runs().cancel(p.id).await?;

    /// Takes up a failed or cancelled run again, from its first step that is not done.
    "runs.retry" Value (WhichRun) -> crate::model::Run: |library, p|
        library.runs().retry(p.id).await?;

    /// Reads the event log after an event. Where there is none yet, it may wait for one.
    "events.list" Value (ListEvents) -> Vec<Event>: |library, p|
        library.events().list(p.after, p.limit, Duration::from_millis(p.wait_ms)).await?;

    /// Tells the number of the last event.
    "events.last" Value (Nothing) -> LastEvent: |library, _|
        LastEvent { seq: library.events().last().await? };
}

fn millis(time: Option<u64>) -> Option<Duration> {
    time.map(Duration::from_millis)
}

fn started<T: RunResult>(run: &RunHandle<T>) -> Started {
    Started { run: run.id(), asset: run.asset_id() }
}

fn started_many<T: RunResult>(runs: &[RunHandle<T>]) -> StartedMany {
    StartedMany { runs: runs.iter().map(started).collect(), refused: Vec::new() }
}

fn taken(intake: Intake) -> StartedMany {
    StartedMany { refused: intake.refused, ..started_many(&intake.runs) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The source of each handle, by noun. Not `news.rs`: what it has is for those who hear the
    /// events of services.
    const HANDLES: &[(&str, &str)] = &[
        ("assets", include_str!("../library/assets.rs")),
        ("assets", include_str!("../library/direct.rs")),
        ("assets", include_str!("../library/used_in.rs")),
        ("annotations", include_str!("../library/annotations.rs")),
        ("categories", include_str!("../library/categories.rs")),
        ("projects", include_str!("../library/projects.rs")),
        ("projects", include_str!("../library/check_in.rs")),
        ("bins", include_str!("../library/bins.rs")),
        ("sequences", include_str!("../library/sequences/mod.rs")),
        ("sequences", include_str!("../library/sequences/edit.rs")),
        ("sequences", include_str!("../library/sequences/caption.rs")),
        ("sequences", include_str!("../library/sequences/export.rs")),
        ("sequences", include_str!("../library/sequences/import.rs")),
        ("sequences", include_str!("../library/sequences/relink.rs")),
        ("sequences", include_str!("../library/sequences/consolidate.rs")),
        ("sequences", include_str!("../library/sequences/export.rs")),
        ("sequences", include_str!("../library/sequences/render.rs")),
        ("archive", include_str!("../library/archive.rs")),
        ("runs", include_str!("../library/runs.rs")),
        ("events", include_str!("../library/events.rs")),
    ];

    /// What only Rust has, and why: bytes and open handles do not cross languages as JSON.
    const RUST_ONLY: [&str; 3] = ["assets.open", "runs.handle", "events.follow"];

    #[test]
    fn every_method_of_a_handle_has_its_row_and_every_row_its_method() {
        let mut methods = BTreeSet::new();
        for (noun, source) in HANDLES {
            for line in source.lines() {
                let line =
                    line.strip_prefix("    pub async fn ").or(line.strip_prefix("    pub fn "));
                if let Some(name) = line.and_then(|line| line.split(['(', '<']).next()) {
                    methods.insert(format!("{noun}.{name}"));
                }
            }
        }
        // Methods of the types beside the handle, not of the handle.
        for other in ["events.next", "archive.new"] {
            methods.remove(other);
        }
        for method in RUST_ONLY {
            assert!(methods.remove(method), "{method} is gone: take it off the list");
        }
        let rows: BTreeSet<_> = operations().iter().map(|row| row.name.to_owned()).collect();
        assert_eq!(methods, rows);
        assert_eq!(rows.len(), operations().len(), "a name stands twice");
    }

    #[test]
    fn every_row_has_words_and_schemas() {
        for row in operations() {
            assert!(row.doc.trim().ends_with('.'), "{}: a sentence, please", row.name);
            let noun = row.name.split('.').next();
            assert!(NOUNS.iter().any(|(name, _)| Some(*name) == noun), "{}", row.name);
            let params = (row.params)();
            assert_eq!(params.get("additionalProperties"), Some(&false.into()), "{}", row.name);
            assert!((row.result)().as_object().is_some());
        }
    }
}
