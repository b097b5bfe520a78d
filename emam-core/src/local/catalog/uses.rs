//! Which sequences and bins use an asset.

use std::collections::BTreeSet;

use rusqlite::params;

use crate::id::AssetId;
use crate::model::{Asset, Bin, BinTarget, Sequence};
use crate::timeline::relink::stem;

use super::error::Sql;
use super::records::{Record, Tx, from_doc};

/// A record that uses assets. Its uses are in the table `…_asset`.
pub(super) trait Uses: Record {
    /// The assets it uses.
    fn assets(&self) -> BTreeSet<AssetId>;
}

impl Uses for Sequence {
    fn assets(&self) -> BTreeSet<AssetId> {
        self.clips().filter_map(|clip| Some(clip.source.asset()?.asset)).collect()
    }
}

impl Uses for Bin {
    fn assets(&self) -> BTreeSet<AssetId> {
        let asset = |target| match target {
            BinTarget::Asset { asset }
            | BinTarget::Version { asset, .. }
            | BinTarget::Subclip { asset, .. } => Some(asset),
            BinTarget::Sequence { .. } => None,
        };
        self.items.iter().filter_map(|item| asset(item.target)).collect()
    }
}

/// Notes what the record at `seq` uses, where it used what `old` does.
pub(super) fn change<R: Uses>(tx: &Tx<'_>, seq: i64, old: Option<&R>, new: &R) -> Sql<()> {
    let (before, after) = (old.map(Uses::assets).unwrap_or_default(), new.assets());
    let table = R::TABLE;
    let mut remove =
        tx.prepare_cached(&format!("DELETE FROM {table}_asset WHERE asset = ?1 AND seq = ?2"))?;
    for gone in before.difference(&after) {
        remove.execute(params![gone.uuid().as_bytes(), seq])?;
    }
    insert(tx, table, seq, after.difference(&before))
}

fn insert<'i>(
    conn: &rusqlite::Connection,
    table: &str,
    seq: i64,
    assets: impl Iterator<Item = &'i AssetId>,
) -> Sql<()> {
    let mut insert =
        conn.prepare_cached(&format!("INSERT INTO {table}_asset (asset, seq) VALUES (?1, ?2)"))?;
    for asset in assets {
        insert.execute(params![asset.uuid().as_bytes(), seq])?;
    }
    Ok(())
}

/// The records that use an asset, oldest first: the query for [`docs`](super::records::docs).
pub(super) fn query<R: Uses>() -> String {
    let table = R::TABLE;
    format!(
        "SELECT r.doc FROM {table}_asset u JOIN {table} r ON r.seq = u.seq \
         WHERE u.asset = ?1 ORDER BY u.seq"
    )
}

/// Fills the tables of the third schema out of a file of the second.
pub(super) fn fill(conn: &rusqlite::Connection, operation: &'static str) -> Sql<()> {
    fill_of::<Sequence>(conn, operation)?;
    fill_of::<Bin>(conn, operation)?;
    let mut insert = conn.prepare("INSERT INTO asset_stem (stem, seq) VALUES (?1, ?2)")?;
    let mut assets = conn.prepare("SELECT seq, doc FROM asset ORDER BY seq")?;
    let mut rows = assets.query([])?;
    while let Some(row) = rows.next()? {
        let (seq, doc): (i64, String) = (row.get(0)?, row.get(1)?);
        let asset: Asset = from_doc(operation, &doc)?;
        let stem = stem(&asset.file_name);
        if !stem.is_empty() {
            insert.execute(params![stem, seq])?;
        }
    }
    Ok(())
}

fn fill_of<R: Uses>(conn: &rusqlite::Connection, operation: &'static str) -> Sql<()> {
    let mut records = conn.prepare(&format!("SELECT seq, doc FROM {} ORDER BY seq", R::TABLE))?;
    let mut rows = records.query([])?;
    while let Some(row) = rows.next()? {
        let (seq, doc): (i64, String) = (row.get(0)?, row.get(1)?);
        let record: R = from_doc(operation, &doc)?;
        insert(conn, R::TABLE, seq, record.assets().iter())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::backend::catalog::{Assets, Bins, Projects, Sequences};
    use crate::clock::{Clock, SystemClock};
    use crate::id::{BinId, BinItemId, ProjectId};
    use crate::local::SqliteCatalog;
    use crate::model::{AssetSource, BinItem, Clip, Item, Project, Track, TrackKind};
    use crate::time::{MediaTime, Rate};

    #[tokio::test]
    async fn a_file_of_the_second_schema_is_brought_forward() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog.db");
        let clock = SystemClock;
        let now = clock.now();
        let asset =
            Asset { file_name: "Café 1.MOV".into(), ..Asset::new(AssetId::new(&clock), "a", now) };
        let (project, bin) = (ProjectId::new(&clock), BinId::new(&clock));
        let target = BinTarget::Asset { asset: asset.id };
        let root = Bin {
            id: bin,
            revision: 1,
            project,
            parent: None,
            name: "p".into(),
            position: 0,
            items: vec![BinItem { id: BinItemId::new(&clock), target }],
            created_at: now,
            updated_at: now,
        };
        let record = Project {
            id: project,
            revision: 1,
            name: "p".into(),
            description: String::new(),
            root_bin: bin,
            metadata: [].into(),
            created_at: now,
            updated_at: now,
        };
        let mut sequence = Sequence::new(&clock, project, "cut", Rate::FPS_25);
        let (source, start) = (AssetSource::new(asset.id), MediaTime::zero(Rate::FPS_25));
        let mut track = Track::new(&clock, TrackKind::Video, "V1");
        track.items = vec![Item::Clip(Clip::new(&clock, "a", source, start, 5))];
        sequence.tracks.push(track);
        {
            let catalog = SqliteCatalog::open(&path, Arc::new(SystemClock)).await.unwrap();
            catalog.insert_assets(std::slice::from_ref(&asset)).await.unwrap();
            catalog.insert_project(&record, &root).await.unwrap();
            catalog.insert_sequence(&sequence).await.unwrap();
        }
        let conn = rusqlite::Connection::open(&path).unwrap();
        conn.execute_batch(
            "DROP TABLE asset_stem; DROP TABLE sequence_asset; DROP TABLE bin_asset; \
             PRAGMA user_version = 2;",
        )
        .unwrap();
        drop(conn);
        let catalog = SqliteCatalog::open(&path, Arc::new(SystemClock)).await.unwrap();
        let found = catalog.assets_by_stem("café 1", 9).await.unwrap();
        assert_eq!(found, std::slice::from_ref(&asset));
        assert_eq!(catalog.sequences_with_asset(asset.id).await.unwrap(), [sequence]);
        assert_eq!(catalog.bins_with_asset(asset.id).await.unwrap(), [root]);
    }
}
