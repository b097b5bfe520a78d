//! The media of a sequence, for hand-over.

use std::path::Path;

use super::Sequences;
use crate::error::{Error, ErrorKind, Result};
use crate::id::SequenceId;
use crate::library::RunHandle;
use crate::model::RunKind;
use crate::workflow::{
    ConsolidateOptions, ConsolidateParams, Consolidated, ConsolidationPlan, plan_consolidation,
};

const OPERATION: &str = "sequences.consolidate";

impl Sequences {
    /// Says what consolidating would copy, without doing it.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for an unknown sequence and media that is gone,
    /// [`NotReady`](ErrorKind::NotReady) for media that cannot be read now, naming the clip.
    pub async fn plan_consolidate(
        &self,
        id: SequenceId,
        options: ConsolidateOptions,
    ) -> Result<ConsolidationPlan> {
        plan_consolidation(self.library.backends(), id, &options).await
    }

    /// Copies the media of a sequence, and of those nested in it, into a new folder, each copy read
    /// back and verified; writes the sequence beside it as `.otio` and `.xml` that point to the
    /// copies, and a list of checksums, `media.md5`. The folder is there whole when the run has
    /// succeeded, and not at all before.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for an unknown sequence and where there is no folder for
    /// the new one to be in; [`AlreadyExists`](ErrorKind::AlreadyExists) where something is in it.
    /// What is found later fails the run, as for [`plan_consolidate`](Self::plan_consolidate).
    pub async fn consolidate(
        &self,
        id: SequenceId,
        folder: impl AsRef<Path>,
        options: ConsolidateOptions,
    ) -> Result<RunHandle<Consolidated>> {
        let folder = std::path::absolute(folder.as_ref()).map_err(|cause| {
            Error::invalid(OPERATION, "the path cannot be told").caused_by(cause)
        })?;
        if !folder.parent().is_some_and(Path::is_dir) {
            let message = "the folder the new one is to be in is not there; make it";
            return Err(Error::new(ErrorKind::NotFound, OPERATION, message)
                .with("folder", folder.display()));
        }
        let is_empty = |folder: &Path| {
            std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none())
        };
        if folder.exists() && !is_empty(&folder) {
            let message = "there is something in this folder; name a new or an empty one";
            return Err(Error::new(ErrorKind::AlreadyExists, OPERATION, message)
                .with("folder", folder.display()));
        }
        self.catalog().sequence(id).await?;
        let (priority, key) = (options.priority, options.idempotency_key.clone());
        let params = ConsolidateParams { sequence: id, folder, options };
        self.library.runs().start(RunKind::Consolidate, None, &params, priority, key).await
    }
}
