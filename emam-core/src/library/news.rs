//! Acting on what storages and services tell on their own: a job has ended, an object has changed.

use crate::backend::catalog::RunFilter;
use crate::backend::signal::ObjectChange;
use crate::backend::{Backends, Key};
use crate::error::{ErrorKind, Result};
use crate::id::{AssetId, RunId};
use crate::library::{Assets, Runs};
use crate::model::{InstanceState, PageRequest, RunState};
use crate::workflow::settle_state;

impl Runs {
    /// Has a waiting run look now at what it waits for. Of any other run, and of one that is not
    /// there, nothing comes of it: news may come late, twice, or of somebody else.
    ///
    /// # Errors
    /// What the catalog gives.
    pub async fn wake(&self, id: RunId) -> Result<()> {
        match self.library.backends().runs.wake_run(id, self.clock().now()).await {
            Ok(()) => {
                self.library.engine().wake();
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Wakes the runs of an asset that wait.
    async fn wake_of(&self, asset: AssetId) -> Result<()> {
        let filter =
            RunFilter { states: vec![RunState::Waiting], asset: Some(asset), kinds: vec![] };
        let page = PageRequest::default();
        for run in self.library.backends().runs.runs(&filter, &page).await?.items {
            self.wake(run.id).await?;
        }
        Ok(())
    }
}

impl Assets {
    /// Acts on a change of an object in the storage of originals that somebody tells of: the state
    /// of the file is looked up, and what waits for it goes on. Gives the asset that holds the
    /// object, if one does; acting on the same twice changes nothing.
    ///
    /// # Errors
    /// What the backends give; tell it again later.
    pub async fn original_changed(
        &self,
        key: &Key,
        change: &ObjectChange,
    ) -> Result<Option<AssetId>> {
        let backends = self.library.backends();
        let known = self.catalog().find_instance(Backends::ORIGINALS, key.as_str()).await?;
        let Some(known) = known else { return Ok(None) };
        match change {
            ObjectChange::Created | ObjectChange::RestoreBegun => {}
            ObjectChange::Deleted => self.look_for(&known.instance.id, key).await?,
            ObjectChange::RestoreCompleted { .. }
            | ObjectChange::RestoreExpired
            | ObjectChange::ClassChanged { .. } => {
                match settle_state(backends, &known.instance).await {
                    Err(error) if error.kind() == ErrorKind::NotFound => {
                        self.look_for(&known.instance.id, key).await?;
                    }
                    settled => settled?,
                }
            }
        }
        self.library.runs().wake_of(known.asset).await?;
        Ok(Some(known.asset))
    }

    /// Records that a file is gone, where it is.
    async fn look_for(&self, instance: &crate::id::InstanceId, key: &Key) -> Result<()> {
        match self.library.backends().originals.stat(key).await {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let from = ["stored", "verified", "archiving", "archived", "restoring", "restored"];
                let missing = InstanceState::Missing;
                self.catalog().set_instance_state(*instance, &from, &missing).await?;
                Ok(())
            }
            Err(error) => Err(error),
            Ok(_) => Ok(()),
        }
    }
}
