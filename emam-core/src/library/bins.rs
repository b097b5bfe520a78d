//! Bins: ordered lists of what a project uses.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::id::{BinId, BinItemId, ProjectId};
use crate::library::handle;
use crate::model::{AnnotationKind, Bin, BinItem, BinTarget};

handle! {
    /// Ordered lists of what a project uses. Bins nest.
    Bins
}

/// A change to a bin: what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BinPatch {
    /// The revision that was read; without it, whatever the present one is.
    pub revision: Option<u64>,
    /// Its name.
    pub name: Option<String>,
    /// The bin it moves into, with all in it.
    pub parent: Option<BinId>,
    /// Its place among its siblings, from 0.
    pub position: Option<u32>,
    /// The items it has, in this order: all of them, none twice.
    pub order: Option<Vec<BinItemId>>,
}

impl Bins {
    /// Makes a bin in another one, after its siblings.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for an unknown parent;
    /// [`InvalidInput`](ErrorKind::InvalidInput) for a blank name.
    pub async fn create(&self, parent: BinId, name: &str) -> Result<Bin> {
        let now = self.clock().now();
        let name = super::named("bins.create", name)?;
        let parent = self.catalog().bin(parent).await?;
        let siblings = self.catalog().bins(parent.project).await?;
        let siblings = siblings.iter().filter(|bin| bin.parent == Some(parent.id));
        let bin = Bin {
            id: BinId::new(self.clock()),
            revision: 1,
            project: parent.project,
            parent: Some(parent.id),
            name,
            position: siblings.map(|bin| bin.position + 1).max().unwrap_or(0),
            items: Vec::new(),
            created_at: now,
            updated_at: now,
        };
        self.catalog().insert_bin(&bin).await?;
        Ok(bin)
    }

    /// Reads one bin.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for an unknown id.
    pub async fn get(&self, id: BinId) -> Result<Bin> {
        self.catalog().bin(id).await
    }

    /// Lists the bins of a project, each after its parent, siblings by position.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for an unknown project.
    pub async fn list(&self, project: ProjectId) -> Result<Vec<Bin>> {
        self.catalog().project(project).await?;
        self.catalog().bins(project).await
    }

    /// Puts something into a bin, after what is in it.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for an unknown bin or target;
    /// [`InvalidInput`](ErrorKind::InvalidInput) for a sequence of another project or an
    /// annotation that is no subclip of the asset.
    pub async fn add(&self, bin: BinId, target: BinTarget) -> Result<Bin> {
        loop {
            let mut record = self.catalog().bin(bin).await?;
            self.check_target(&record, target).await?;
            record.items.push(BinItem { id: BinItemId::new(self.clock()), target });
            record.updated_at = self.clock().now();
            match self.catalog().update_bin(&record).await {
                // Somebody else put something in at the same time: both are to be in it.
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                result => return result,
            }
        }
    }

    async fn check_target(&self, bin: &Bin, target: BinTarget) -> Result<()> {
        let operation = "bins.add";
        match target {
            BinTarget::Asset { asset } => self.catalog().asset(asset).await.map(drop),
            BinTarget::Version { asset, version } => {
                let versions = self.catalog().versions(asset).await?;
                match versions.iter().any(|known| known.id == version) {
                    true => Ok(()),
                    false => Err(Error::new(
                        ErrorKind::NotFound,
                        operation,
                        "the asset has no such version",
                    )
                    .with("asset", asset)
                    .with("version", version)),
                }
            }
            BinTarget::Subclip { asset, annotation } => {
                let found = self.catalog().annotation(annotation).await?;
                match found.asset == asset && found.kind == AnnotationKind::Subclip {
                    true => Ok(()),
                    false => Err(Error::invalid(operation, "this is no subclip of the asset")
                        .with("asset", asset)
                        .with("annotation", annotation)),
                }
            }
            BinTarget::Sequence { sequence } => {
                let found = self.catalog().sequence(sequence).await?;
                match found.project == bin.project {
                    true => Ok(()),
                    false => Err(Error::invalid(operation, "the sequence is of another project")
                        .with("sequence", sequence)),
                }
            }
        }
    }

    /// Takes one item out of a bin.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) where the bin has no such item.
    pub async fn remove(&self, bin: BinId, item: BinItemId) -> Result<Bin> {
        loop {
            let mut record = self.catalog().bin(bin).await?;
            let before = record.items.len();
            record.items.retain(|known| known.id != item);
            if record.items.len() == before {
                return Err(Error::new(
                    ErrorKind::NotFound,
                    "bins.remove",
                    "the bin has no such item",
                )
                .with("bin", bin)
                .with("item", item));
            }
            record.updated_at = self.clock().now();
            match self.catalog().update_bin(&record).await {
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                result => return result,
            }
        }
    }

    /// Renames, moves or reorders a bin.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) where it would be in itself, or where `order`
    /// does not name exactly its items; [`Conflict`](ErrorKind::Conflict) for a stale revision or
    /// the move of a root bin.
    pub async fn update(&self, id: BinId, patch: BinPatch) -> Result<Bin> {
        let mut bin = self.catalog().bin(id).await?;
        if let Some(name) = patch.name {
            bin.name = super::named("bins.update", &name)?;
        }
        if let Some(order) = patch.order {
            bin.items = reordered(&bin.items, &order)?;
        }
        bin.parent = patch.parent.or(bin.parent);
        bin.position = patch.position.unwrap_or(bin.position);
        bin.revision = patch.revision.unwrap_or(bin.revision);
        bin.updated_at = self.clock().now();
        self.catalog().update_bin(&bin).await
    }

    /// Deletes a bin with the bins in it; assets stay.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) for a project's root bin.
    pub async fn delete(&self, id: BinId) -> Result<()> {
        self.catalog().delete_bin(id).await
    }
}

fn reordered(items: &[BinItem], order: &[BinItemId]) -> Result<Vec<BinItem>> {
    let wrong = || {
        Error::invalid("bins.update", "order must name each item of the bin once")
            .with("items", items.len())
            .with("named", order.len())
    };
    let mut left = items.to_vec();
    let mut ordered = Vec::with_capacity(items.len());
    for id in order {
        let at = left.iter().position(|item| item.id == *id).ok_or_else(wrong)?;
        ordered.push(left.remove(at));
    }
    if left.is_empty() { Ok(ordered) } else { Err(wrong()) }
}
