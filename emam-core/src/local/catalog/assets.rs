//! Assets.

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::backend::catalog::{Assets, ContentMatch, StoredInstance};
use crate::error::Result;
use crate::id::{AssetId, InstanceId, RenditionId, VersionId};
use crate::model::{Asset, InstanceState, Lifecycle, Rendition, Version};

use super::codes::Code;
use super::error::Sql;
use super::facts::FactsWriter;
use super::records::{Record, Revised, Tx, docs, fetch, seq_of};
use super::{SqliteCatalog, annotations, renditions};

impl Record for Asset {
    const TABLE: &'static str = "asset";

    fn uuid(&self) -> Uuid {
        self.id.uuid()
    }

    fn event_data(&self) -> Value {
        json!({ "kind": self.kind, "lifecycle": self.lifecycle })
    }
}

impl Revised for Asset {
    fn revision(&self) -> u64 {
        self.revision
    }

    fn set_revision(&mut self, revision: u64) {
        self.revision = revision;
    }
}

/// Replaces an asset by one that was read at the revision it names.
pub(super) fn update(tx: &Tx<'_>, asset: &Asset) -> Sql<Asset> {
    let (seq, old): (_, Asset) = tx.present(asset.uuid(), asset.revision)?;
    let mut facts = FactsWriter::new(tx);
    facts.change(seq, &old, asset)?;
    facts.finish()?;
    tx.replace(seq, asset, &[])
}

fn delete(tx: &Tx<'_>, id: AssetId) -> Sql<()> {
    let (seq, asset): (_, Asset) = fetch(tx, tx.operation, id.uuid())?;
    annotations::remove_all(tx, seq)?;
    let mut facts = FactsWriter::new(tx);
    facts.remove(seq, &asset)?;
    facts.finish()?;
    // Versions, renditions and instances go by their foreign keys.
    tx.delete(seq, &asset)
}

#[async_trait]
impl Assets for SqliteCatalog {
    async fn insert_assets(&self, assets: &[Asset]) -> Result<()> {
        let assets = assets.to_vec();
        self.write("assets.insert", move |tx| {
            let mut facts = FactsWriter::new(tx);
            for asset in &assets {
                let seq = tx.insert(asset, &[])?;
                facts.add(seq, asset)?;
            }
            facts.finish()
        })
        .await
    }

    async fn asset(&self, id: AssetId) -> Result<Asset> {
        const OPERATION: &str = "assets.get";
        self.find(OPERATION, move |conn| Ok(fetch(conn, OPERATION, id.uuid())?.1)).await
    }

    async fn update_asset(&self, asset: &Asset) -> Result<Asset> {
        let asset = asset.clone();
        self.write("assets.update", move |tx| update(tx, &asset)).await
    }

    async fn delete_asset(&self, id: AssetId) -> Result<()> {
        self.write("assets.delete", move |tx| delete(tx, id)).await
    }

    async fn insert_version(&self, version: &Version) -> Result<()> {
        let version = version.clone();
        self.write("versions.insert", move |tx| renditions::insert_version(tx, &version)).await
    }

    async fn versions(&self, asset: AssetId) -> Result<Vec<Version>> {
        const OPERATION: &str = "versions.list";
        self.read(OPERATION, move |conn| {
            let asset = seq_of(conn, OPERATION, Asset::TABLE, asset.uuid())?;
            let sql = "SELECT doc FROM version WHERE asset_seq = ?1 ORDER BY number, seq";
            docs(conn, OPERATION, sql, &[&asset])
        })
        .await
    }

    async fn delete_version(&self, id: VersionId) -> Result<()> {
        self.write("versions.delete", move |tx| renditions::delete_version(tx, id)).await
    }

    async fn put_rendition(&self, rendition: &Rendition) -> Result<()> {
        let rendition = rendition.clone();
        self.write("renditions.put", move |tx| renditions::put(tx, &rendition)).await
    }

    async fn rendition(&self, id: RenditionId) -> Result<Rendition> {
        const OPERATION: &str = "renditions.get";
        self.find(OPERATION, move |conn| Ok(fetch(conn, OPERATION, id.uuid())?.1)).await
    }

    async fn renditions(&self, asset: AssetId) -> Result<Vec<Rendition>> {
        const OPERATION: &str = "renditions.list";
        self.read(OPERATION, move |conn| {
            let asset = seq_of(conn, OPERATION, Asset::TABLE, asset.uuid())?;
            let sql = "SELECT doc FROM rendition WHERE asset_seq = ?1 ORDER BY role, seq";
            docs(conn, OPERATION, sql, &[&asset])
        })
        .await
    }

    async fn delete_rendition(&self, id: RenditionId) -> Result<()> {
        self.write("renditions.delete", move |tx| renditions::delete_rendition(tx, id)).await
    }

    async fn set_instance_state(
        &self,
        id: InstanceId,
        from: &[&str],
        to: &InstanceState,
    ) -> Result<bool> {
        let from: Vec<String> = from.iter().map(|state| (*state).to_owned()).collect();
        let to = to.clone();
        self.write("instances.set_state", move |tx| renditions::set_state(tx, id, &from, &to)).await
    }

    async fn find_content(&self, md5: &str, size: u64) -> Result<Vec<ContentMatch>> {
        let md5 = md5.to_ascii_lowercase();
        self.read("assets.find_content", move |conn| renditions::find_content(conn, &md5, size))
            .await
    }

    async fn claim_content(
        &self,
        md5: &str,
        size: u64,
        claimant: &ContentMatch,
    ) -> Result<ContentMatch> {
        let (md5, claimant) = (md5.to_ascii_lowercase(), claimant.clone());
        self.write("assets.claim_content", move |tx| {
            renditions::claim_content(tx, &md5, size, &claimant)
        })
        .await
    }

    async fn assets_by_stem(&self, stem: &str, limit: usize) -> Result<Vec<Asset>> {
        const OPERATION: &str = "assets.find_by_stem";
        let stem = stem.to_owned();
        self.read(OPERATION, move |conn| {
            let sql = "SELECT a.doc FROM asset_stem s JOIN asset a ON a.seq = s.seq \
                       JOIN asset_facts f ON f.seq = s.seq \
                       WHERE s.stem = ?1 AND f.lifecycle <> ?2 ORDER BY s.seq LIMIT ?3";
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            docs(conn, OPERATION, sql, &[&stem, &Lifecycle::Trashed.code(), &limit])
        })
        .await
    }

    async fn size_is_known(&self, size: u64) -> Result<bool> {
        self.read("assets.size_is_known", move |conn| renditions::size_is_known(conn, size)).await
    }

    async fn find_instance(&self, storage: &str, key: &str) -> Result<Option<StoredInstance>> {
        let (storage, key) = (storage.to_owned(), key.to_owned());
        self.find("instances.find", move |conn| renditions::at_place(conn, &storage, &key)).await
    }

    async fn expired_instances(&self, now: Timestamp, limit: usize) -> Result<Vec<StoredInstance>> {
        self.read("instances.expired", move |conn| renditions::expired(conn, now, limit)).await
    }
}
