//! Categories: the tree assets are filed under.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::id::CategoryId;
use crate::library::handle;
use crate::model::Category;

handle! {
    /// The tree assets are filed under.
    Categories
}

/// A change to a category: what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CategoryPatch {
    /// The revision that was read; without it, whatever the present one is.
    pub revision: Option<u64>,
    /// Its name.
    pub name: Option<String>,
    /// The category it moves under, with all below it.
    pub parent: Option<CategoryId>,
    /// Whether it moves to the top.
    pub to_top: bool,
}

impl Categories {
    /// Makes a category under `parent`, or at the top.
    ///
    /// # Errors
    /// [`AlreadyExists`](crate::ErrorKind::AlreadyExists) where a sibling has the name;
    /// [`NotFound`](crate::ErrorKind::NotFound) for an unknown parent.
    pub async fn create(&self, name: &str, parent: Option<CategoryId>) -> Result<Category> {
        let now = self.clock().now();
        let category = Category {
            id: CategoryId::new(self.clock()),
            revision: 1,
            parent,
            name: super::named("categories.create", name)?,
            created_at: now,
            updated_at: now,
        };
        self.catalog().insert_category(&category).await?;
        Ok(category)
    }

    /// Reads one category.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for an unknown id.
    pub async fn get(&self, id: CategoryId) -> Result<Category> {
        self.catalog().category(id).await
    }

    /// Lists all categories, each after its parent, siblings by name.
    ///
    /// # Errors
    /// What reading the catalog gives.
    pub async fn list(&self) -> Result<Vec<Category>> {
        self.catalog().categories().await
    }

    /// Renames or moves a category.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) where it would be under itself;
    /// [`Conflict`](crate::ErrorKind::Conflict) for a stale revision;
    /// [`AlreadyExists`](crate::ErrorKind::AlreadyExists) where a sibling has the name.
    pub async fn update(&self, id: CategoryId, patch: CategoryPatch) -> Result<Category> {
        let mut category = self.catalog().category(id).await?;
        if let Some(name) = patch.name {
            category.name = super::named("categories.update", &name)?;
        }
        if patch.to_top {
            category.parent = None;
        } else if patch.parent.is_some() {
            category.parent = patch.parent;
        }
        category.revision = patch.revision.unwrap_or(category.revision);
        category.updated_at = self.clock().now();
        self.catalog().update_category(&category).await
    }

    /// Deletes a category without children; assets filed under it stay.
    ///
    /// # Errors
    /// [`Conflict`](crate::ErrorKind::Conflict) where it has children.
    pub async fn delete(&self, id: CategoryId) -> Result<()> {
        self.catalog().delete_category(id).await
    }
}
