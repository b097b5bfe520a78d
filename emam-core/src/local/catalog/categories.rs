//! Categories.

use async_trait::async_trait;
use rusqlite::ToSql;
use uuid::Uuid;

use crate::backend::catalog::Categories;
use crate::error::{Error, ErrorKind, Result};
use crate::id::CategoryId;
use crate::model::{Asset, Category};

use super::error::{Fault, Sql};
use super::records::{Record, Revised, Tx, fetch, from_doc, seq_of};
use super::{SqliteCatalog, assets, tree};

impl Record for Category {
    const TABLE: &'static str = "category";

    fn uuid(&self) -> Uuid {
        self.id.uuid()
    }
}

impl Revised for Category {
    fn revision(&self) -> u64 {
        self.revision
    }

    fn set_revision(&mut self, revision: u64) {
        self.revision = revision;
    }
}

fn parent_of(tx: &Tx<'_>, category: &Category) -> Sql<Option<i64>> {
    let seq = |id: CategoryId| seq_of(tx, tx.operation, Category::TABLE, id.uuid());
    category.parent.map(seq).transpose()
}

/// Names the sibling rule where it was broken.
fn named_apart<T>(tx: &Tx<'_>, category: &Category, written: Sql<T>) -> Sql<T> {
    written.map_err(|fault| {
        if !fault.breaks_unique("category_by_name") {
            return fault;
        }
        let message = "there is a category of this name here already; choose another name";
        let error = Error::new(ErrorKind::AlreadyExists, tx.operation, message)
            .with("name", &category.name);
        Fault::from(match category.parent {
            Some(parent) => error.with("parent", parent),
            None => error,
        })
    })
}

fn insert(tx: &Tx<'_>, category: &Category) -> Sql<()> {
    let parent = parent_of(tx, category)?;
    let columns: &[(_, &dyn ToSql)] = &[("parent_seq", &parent), ("name", &category.name)];
    named_apart(tx, category, tx.insert(category, columns))?;
    Ok(())
}

fn update(tx: &Tx<'_>, category: &Category) -> Sql<Category> {
    let (seq, _): (_, Category) = tx.present(category.uuid(), category.revision)?;
    let parent = parent_of(tx, category)?;
    if let Some(parent) = parent
        && tree::is_within(tx, Category::TABLE, parent, seq)?
    {
        let message = "a category cannot be moved into itself or below itself";
        let error = Error::invalid(tx.operation, message).with("category", category.id);
        return Err(match category.parent {
            Some(parent) => error.with("parent", parent),
            None => error,
        }
        .into());
    }
    let columns: &[(_, &dyn ToSql)] = &[("parent_seq", &parent), ("name", &category.name)];
    named_apart(tx, category, tx.replace(seq, category, columns))
}

fn delete(tx: &Tx<'_>, id: CategoryId) -> Sql<()> {
    let (seq, category): (_, Category) = fetch(tx, tx.operation, id.uuid())?;
    let children: i64 = tx
        .prepare_cached("SELECT count(*) FROM category WHERE parent_seq = ?1")?
        .query_row([seq], |row| row.get(0))?;
    if children > 0 {
        let message = "there are categories below this one; move or delete them first";
        return Err(Error::new(ErrorKind::Conflict, tx.operation, message)
            .with("category", id)
            .with("children", children)
            .into());
    }
    // Each asset changes, so each gets its next revision and its event: who holds an older copy
    // must not write the category back.
    let filed: Vec<i64> = tx
        .prepare_cached("SELECT seq FROM asset_category WHERE category_seq = ?1 ORDER BY seq")?
        .query_map([seq], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for asset in filed {
        let doc: String = tx
            .prepare_cached("SELECT doc FROM asset WHERE seq = ?1")?
            .query_row([asset], |row| row.get(0))?;
        let mut asset: Asset = from_doc(tx.operation, &doc)?;
        asset.categories.retain(|category| *category != id);
        assets::update(tx, &asset)?;
    }
    tx.delete(seq, &category)
}

#[async_trait]
impl Categories for SqliteCatalog {
    async fn insert_category(&self, category: &Category) -> Result<()> {
        let category = category.clone();
        self.write("categories.insert", move |tx| insert(tx, &category)).await
    }

    async fn category(&self, id: CategoryId) -> Result<Category> {
        const OPERATION: &str = "categories.get";
        self.find(OPERATION, move |conn| Ok(fetch(conn, OPERATION, id.uuid())?.1)).await
    }

    async fn update_category(&self, category: &Category) -> Result<Category> {
        let category = category.clone();
        self.write("categories.update", move |tx| update(tx, &category)).await
    }

    async fn delete_category(&self, id: CategoryId) -> Result<()> {
        self.write("categories.delete", move |tx| delete(tx, id)).await
    }

    async fn categories(&self) -> Result<Vec<Category>> {
        const OPERATION: &str = "categories.list";
        self.read(OPERATION, |conn| {
            let sql = "SELECT doc, seq, parent_seq FROM category ORDER BY name, seq";
            tree::listed(conn, OPERATION, sql, &[])
        })
        .await
    }
}
