//! The parameters of operations that take more than a record of their own, and the results that
//! are no record.
//!
//! A field marked `x-spread` is a record of options: clients take its fields as arguments of their
//! own and put them back into it. A field marked `x-positional` may be left out and still be given
//! by position. One marked `x-path` is a path, or several, on the machine of the library.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::backend::catalog::{AnnotationFilter, RunFilter};
use crate::id::*;
use crate::library::{
    AnnotationPatch, AssetPatch, BinPatch, CaptionOptions, CategoryPatch, CheckInOptions,
    ClipRequest, ExportOptions, ImportOptions, ProjectPatch, ProjectScanOptions, Refused,
    RelinkOptions, SequencePatch,
};
use crate::model::*;
use crate::time::Rate;
use crate::timeline::{Change, Edit};
use crate::workflow::{ConsolidateOptions, IngestOptions, RenderOptions};

/// Defines parameter records: strict about what they do not know.
macro_rules! params {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
        }
    )*};
}

params! {
    /// No parameters.
    Nothing {}
    /// Which asset.
    WhichAsset {
        /// The asset.
        id: AssetId,
    }
    /// Which annotation.
    WhichAnnotation {
        /// The annotation.
        id: AnnotationId,
    }
    /// Which category.
    WhichCategory {
        /// The category.
        id: CategoryId,
    }
    /// Which project.
    WhichProject {
        /// The project.
        id: ProjectId,
    }
    /// Which bin.
    WhichBin {
        /// The bin.
        id: BinId,
    }
    /// Which sequence.
    WhichSequence {
        /// The sequence.
        id: SequenceId,
    }
    /// Which run.
    WhichRun {
        /// The run.
        id: RunId,
    }
    /// Which run to wait for.
    WaitForRun {
        /// The run.
        id: RunId,
        /// How long to wait at most, in milliseconds; until it has ended when absent.
        #[serde(default)]
        timeout_ms: Option<u64>,
    }
    /// Which run to watch.
    WatchRun {
        /// The run.
        id: RunId,
        /// What was seen of it; what it does now comes at once when absent.
        #[serde(default)]
        seen: Option<Progress>,
        /// How long to wait at most, in milliseconds; until there is something new when absent.
        #[serde(default)]
        timeout_ms: Option<u64>,
    }
    /// Which page.
    WhichPage {
        /// The page.
        #[schemars(extend("x-spread" = true))]
        #[serde(default)]
        page: PageRequest,
    }
    /// What to ingest.
    IngestFile {
        /// The file.
        #[schemars(extend("x-path" = true))]
        path: PathBuf,
        /// How to ingest it.
        #[schemars(extend("x-spread" = true))]
        #[serde(default)]
        options: IngestOptions,
    }
    /// What to take from the storage of originals.
    AdoptObject {
        /// Its key there.
        key: String,
        /// How to ingest it.
        #[schemars(extend("x-spread" = true))]
        #[serde(default)]
        options: IngestOptions,
    }
    /// What to ingest.
    IngestFiles {
        /// The files and folders.
        #[schemars(extend("x-path" = true))]
        paths: Vec<PathBuf>,
        /// How to ingest each of them.
        #[schemars(extend("x-spread" = true))]
        #[serde(default)]
        options: IngestOptions,
    }
    /// A change to an asset.
    UpdateAsset {
        /// The asset.
        id: AssetId,
        /// The change.
        #[schemars(extend("x-spread" = true))]
        patch: AssetPatch,
    }
    /// What to delete.
    DeleteAsset {
        /// The asset.
        id: AssetId,
        /// Says what would go, and does nothing.
        #[serde(default)]
        dry_run: bool,
    }
    /// Which rendition.
    WhichRendition {
        /// The asset.
        id: AssetId,
        /// What the rendition is for.
        role: Role,
        /// The file of it, from 0.
        #[serde(default)]
        part: u32,
    }
    /// What to look for.
    AnalyzeAsset {
        /// The asset.
        id: AssetId,
        /// What to look for; all that can be found when empty.
        #[serde(default)]
        kinds: Vec<AnnotationKind>,
    }
    /// What to explain.
    ExplainAsset {
        /// The asset.
        id: AssetId,
        /// What is to be made; everything that browsing, searching and cutting need when absent.
        #[serde(default)]
        profile: Option<Profile>,
    }
    /// What to say about an asset.
    AddAnnotation {
        /// The asset.
        asset: AssetId,
        /// What is said.
        #[schemars(extend("x-spread" = true))]
        annotation: NewAnnotation,
    }
    /// Which annotations.
    ListAnnotations {
        /// The asset.
        asset: AssetId,
        /// Which of them.
        #[schemars(extend("x-spread" = true))]
        #[serde(default)]
        filter: AnnotationFilter,
        /// The page.
        #[schemars(extend("x-spread" = true))]
        #[serde(default)]
        page: PageRequest,
    }
    /// A change to an annotation.
    UpdateAnnotation {
        /// The annotation.
        id: AnnotationId,
        /// The change.
        #[schemars(extend("x-spread" = true))]
        patch: AnnotationPatch,
    }
    /// A category to be made.
    CreateCategory {
        /// Its name.
        name: String,
        /// The category above it; at the top when absent.
        #[serde(default)]
        parent: Option<CategoryId>,
    }
    /// A change to a category.
    UpdateCategory {
        /// The category.
        id: CategoryId,
        /// The change.
        #[schemars(extend("x-spread" = true))]
        patch: CategoryPatch,
    }
    /// A project to be made.
    CreateProject {
        /// Its name.
        name: String,
    }
    /// A change to a project.
    UpdateProject {
        /// The project.
        id: ProjectId,
        /// The change.
        #[schemars(extend("x-spread" = true))]
        patch: ProjectPatch,
    }
    /// A bin to be made.
    CreateBin {
        /// The bin it is in.
        parent: BinId,
        /// Its name.
        name: String,
    }
    /// Which project.
    OfProject {
        /// The project.
        project: ProjectId,
    }
    /// What to put into a bin.
    AddToBin {
        /// The bin.
        bin: BinId,
        /// What is put into it.
        target: BinTarget,
    }
    /// What to take out of a bin.
    RemoveFromBin {
        /// The bin.
        bin: BinId,
        /// The item.
        item: BinItemId,
    }
    /// A change to a bin.
    UpdateBin {
        /// The bin.
        id: BinId,
        /// The change.
        #[schemars(extend("x-spread" = true))]
        patch: BinPatch,
    }
    /// A sequence to be made.
    CreateSequence {
        /// The project it belongs to.
        project: ProjectId,
        /// Its name.
        name: String,
        /// Frames a second.
        rate: Rate,
    }
    /// A change to a sequence as a whole.
    UpdateSequence {
        /// The sequence.
        id: SequenceId,
        /// The change.
        #[schemars(extend("x-spread" = true))]
        patch: SequencePatch,
    }
    /// What to put at the end of a sequence.
    AppendClip {
        /// The sequence.
        id: SequenceId,
        /// The piece.
        #[schemars(extend("x-spread" = true))]
        clip: ClipRequest,
    }
    /// What to put into a sequence.
    InsertClip {
        /// The sequence.
        id: SequenceId,
        /// The frame of the sequence, from 0.
        at: i64,
        /// The piece.
        #[schemars(extend("x-spread" = true))]
        clip: ClipRequest,
    }
    /// What to take out of a sequence.
    RemoveClip {
        /// The sequence.
        id: SequenceId,
        /// The clip.
        clip: ClipId,
        /// Whether what comes after it moves up.
        #[serde(default)]
        ripple: bool,
    }
    /// What to edit.
    EditSequence {
        /// The sequence.
        id: SequenceId,
        /// The edits, made one after the other: all or none.
        edits: Vec<Edit<ClipRequest>>,
        /// The revision that was read; without it, whatever the present one is.
        #[serde(default)]
        revision: Option<u64>,
    }
    /// What to undo.
    UndoEdits {
        /// The sequence.
        id: SequenceId,
        /// What came with the edits as `undo`.
        change: Change,
    }
    /// What to caption.
    CaptionSequence {
        /// The sequence.
        id: SequenceId,
        /// How to caption it.
        #[schemars(extend("x-spread" = true))]
        #[serde(default)]
        options: CaptionOptions,
    }
    /// What to export.
    ExportSequence {
        /// The sequence.
        id: SequenceId,
        /// The file to be written; its extension names the format.
        #[schemars(extend("x-path" = true))]
        path: PathBuf,
        /// How to export it.
        #[schemars(extend("x-spread" = true))]
        #[serde(default)]
        options: ExportOptions,
    }
    /// What to import.
    ImportSequences {
        /// The project the sequences are to be in.
        project: ProjectId,
        /// The file to be read; its extension names the format.
        #[schemars(extend("x-path" = true))]
        path: PathBuf,
        /// How to import it.
        #[schemars(extend("x-spread" = true))]
        #[serde(default)]
        options: ImportOptions,
    }
    /// What to relink.
    RelinkSequence {
        /// The sequence.
        id: SequenceId,
        /// How to relink it.
        #[schemars(extend("x-spread" = true))]
        #[serde(default)]
        options: RelinkOptions,
    }
    /// Which project file to look into.
    ScanProjectFile {
        /// The file.
        #[schemars(extend("x-path" = true))]
        path: PathBuf,
        /// How to look for its media.
        #[schemars(extend("x-spread" = true))]
        #[serde(default)]
        options: ProjectScanOptions,
    }
    /// What to check in.
    CheckInProjectFile {
        /// The project it belongs to.
        project: ProjectId,
        /// The file.
        #[schemars(extend("x-path" = true))]
        path: PathBuf,
        /// How to check it in.
        #[schemars(extend("x-spread" = true))]
        #[serde(default)]
        options: CheckInOptions,
    }
    /// What to render.
    RenderSequence {
        /// The sequence.
        id: SequenceId,
        /// The file to be made; its extension names the container.
        #[schemars(extend("x-path" = true))]
        path: PathBuf,
        /// How to render it.
        #[schemars(extend("x-spread" = true))]
        #[serde(default)]
        options: RenderOptions,
    }
    /// What to consolidate.
    ConsolidateSequence {
        /// The sequence.
        id: SequenceId,
        /// The folder to be made.
        #[schemars(extend("x-path" = true))]
        folder: PathBuf,
        /// How to do it.
        #[schemars(extend("x-spread" = true))]
        #[serde(default)]
        options: ConsolidateOptions,
    }
    /// What is to be consolidated.
    PlanConsolidation {
        /// The sequence.
        id: SequenceId,
        /// How it would be done.
        #[schemars(extend("x-spread" = true))]
        #[serde(default)]
        options: ConsolidateOptions,
    }
    /// Which runs.
    ListRuns {
        /// Which of them.
        #[schemars(extend("x-spread" = true))]
        #[serde(default)]
        filter: RunFilter,
        /// The page.
        #[schemars(extend("x-spread" = true))]
        #[serde(default)]
        page: PageRequest,
    }
    /// Which events.
    ListEvents {
        /// The number of the event before the first one wanted; 0 for the first of all.
        #[serde(default)]
        after: i64,
        /// How many at most, from 1 to 1,000.
        #[serde(default = "hundred")]
        limit: i64,
        /// How long to wait for the first, in milliseconds; 0 does not wait.
        #[serde(default)]
        wait_ms: u64,
    }
}

fn hundred() -> i64 {
    100
}

/// Nothing to tell: it is done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Done {}

/// A run that was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Started {
    /// The run.
    pub run: RunId,
    /// The asset it is about, where it is about one.
    pub asset: Option<AssetId>,
}

/// Runs that were started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StartedMany {
    /// The runs, in the order of what was asked for.
    pub runs: Vec<Started>,
    /// The files that were not taken, and why.
    pub refused: Vec<Refused>,
}

/// Where a file is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Located {
    /// Its path on this machine.
    pub path: PathBuf,
}

/// Text for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Explained {
    /// The text.
    pub text: String,
}

/// What can be read of an asset now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Available {
    /// What can be read.
    pub availability: Availability,
}

/// The number of the last event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LastEvent {
    /// The number; 0 when there is none.
    pub seq: i64,
}
