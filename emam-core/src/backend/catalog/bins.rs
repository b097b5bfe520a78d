//! The bins of projects.

use std::fmt::Debug;

use async_trait::async_trait;

use crate::error::Result;
use crate::id::{AssetId, BinId, ProjectId};
use crate::model::Bin;

/// Keeps bins.
///
/// # Contract
/// - `bin_items_keep_their_order`: items read back in the order they were given.
/// - `bin_needs_its_parent`: a parent that is unknown is `NotFound`; one of another project is
///   `InvalidInput`.
/// - `bin_cycle`: a parent that is the bin itself or below it is `InvalidInput` and changes
///   nothing.
/// - `bin_delete_takes_its_bins`: the bins in a deleted bin go with it; assets stay.
/// - `bin_root_stays`: deleting or moving a root bin is `Conflict`.
/// - `bin_stale_update_conflicts`: a stale revision is `Conflict` and changes nothing.
/// - `bins_that_hold_an_asset`: every bin that has the asset, a version or a subclip of it now,
///   oldest first.
#[async_trait]
pub trait Bins: Debug + Send + Sync + 'static {
    /// Inserts a bin.
    async fn insert_bin(&self, bin: &Bin) -> Result<()>;

    /// Reads one bin.
    async fn bin(&self, id: BinId) -> Result<Bin>;

    /// Replaces a bin; another parent moves it with all in it.
    async fn update_bin(&self, bin: &Bin) -> Result<Bin>;

    /// Deletes a bin with the bins in it.
    async fn delete_bin(&self, id: BinId) -> Result<()>;

    /// Lists the bins of a project, each after its parent, siblings by position.
    async fn bins(&self, project: ProjectId) -> Result<Vec<Bin>>;

    /// Lists the bins that have an asset, a version or a subclip of it in them.
    async fn bins_with_asset(&self, asset: AssetId) -> Result<Vec<Bin>>;
}
