//! Assets, versions, renditions and the files that hold them.

use std::fmt::Debug;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::error::Result;
use crate::id::{AssetId, InstanceId, RenditionId, VersionId};
use crate::model::{Asset, Instance, InstanceState, Rendition, Version};

/// Keeps assets.
///
/// # Contract
/// - `asset_round_trip`: an asset reads back as it was inserted, every field.
/// - `asset_missing`: reading, updating or deleting an unknown id is `NotFound` with the id.
/// - `asset_insert_twice`: inserting a known id is `AlreadyExists`; a batch with one known id
///   inserts nothing.
/// - `asset_update_bumps_the_revision`: an update gives the next revision and changes only it.
/// - `asset_stale_update_conflicts`: a stale revision is `Conflict` and changes nothing.
/// - `asset_delete_takes_everything`: versions, renditions, annotations and search go with it.
/// - `rendition_put_replaces`: putting a rendition with a known id replaces it and its instances.
/// - `instance_state_is_compared`: `set_instance_state` changes only from a state expected.
/// - `content_is_found_by_md5`: originals stored and verified are found by MD5 and size, in the
///   order of their assets; uploading ones are not.
/// - `originals_are_found_by_place`: an original is found by its storage and key as long as it is
///   there, whatever its state; renditions are not.
/// - `assets_are_found_by_stem`: assets whose file names have that stem, oldest first and at most
///   as many as asked for; trashed ones are not found.
/// - `content_has_one_owner`: of many claims at once on one content, all give the same owner; once
///   the owner is deleted the content can be claimed again.
#[async_trait]
pub trait Assets: Debug + Send + Sync + 'static {
    /// Inserts assets.
    async fn insert_assets(&self, assets: &[Asset]) -> Result<()>;

    /// Reads one asset.
    async fn asset(&self, id: AssetId) -> Result<Asset>;

    /// Replaces an asset.
    async fn update_asset(&self, asset: &Asset) -> Result<Asset>;

    /// Deletes an asset with all that hangs on it. Its stored files are the caller's.
    async fn delete_asset(&self, id: AssetId) -> Result<()>;

    /// Inserts a version.
    async fn insert_version(&self, version: &Version) -> Result<()>;

    /// Lists the versions of an asset by number.
    async fn versions(&self, asset: AssetId) -> Result<Vec<Version>>;

    /// Deletes a version with its renditions. Its stored files are the caller's.
    async fn delete_version(&self, id: VersionId) -> Result<()>;

    /// Inserts a rendition or replaces the one with its id, instances included.
    async fn put_rendition(&self, rendition: &Rendition) -> Result<()>;

    /// Reads one rendition.
    async fn rendition(&self, id: RenditionId) -> Result<Rendition>;

    /// Lists the renditions of an asset, all versions, by role and age.
    async fn renditions(&self, asset: AssetId) -> Result<Vec<Rendition>>;

    /// Deletes a rendition. Its stored files are the caller's.
    async fn delete_rendition(&self, id: RenditionId) -> Result<()>;

    /// Sets the state of a stored file if its present state's name is one of `from`; tells whether
    /// it was.
    async fn set_instance_state(
        &self,
        id: InstanceId,
        from: &[&str],
        to: &InstanceState,
    ) -> Result<bool>;

    /// Finds readable originals with this content.
    async fn find_content(&self, md5: &str, size: u64) -> Result<Vec<ContentMatch>>;

    /// Makes `claimant` the owner of this content unless an asset is already; gives the owner. Two
    /// ingests of one content agree on one owner by it.
    async fn claim_content(
        &self,
        md5: &str,
        size: u64,
        claimant: &ContentMatch,
    ) -> Result<ContentMatch>;

    /// Finds assets by the [`stem`](crate::timeline::relink::stem) of their file name: what
    /// timelines call media by.
    async fn assets_by_stem(&self, stem: &str, limit: usize) -> Result<Vec<Asset>>;

    /// Whether any readable original has this size: if none has, no content can be known.
    async fn size_is_known(&self, size: u64) -> Result<bool>;

    /// Finds the original that is under `key` of `storage`.
    async fn find_instance(&self, storage: &str, key: &str) -> Result<Option<StoredInstance>>;

    /// Lists at most `limit` restored files whose time was over at `now`, oldest first.
    async fn expired_instances(&self, now: Timestamp, limit: usize) -> Result<Vec<StoredInstance>>;
}

/// An original with the content looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentMatch {
    /// The asset it belongs to.
    pub asset: AssetId,
    /// The version it is the original of.
    pub version: VersionId,
    /// The rendition.
    pub rendition: RenditionId,
}

/// A stored file with where it belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredInstance {
    /// The asset it belongs to.
    pub asset: AssetId,
    /// The rendition it holds.
    pub rendition: RenditionId,
    /// The file.
    pub instance: Instance,
}
