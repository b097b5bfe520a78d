//! The tree assets are filed under.

use std::fmt::Debug;

use async_trait::async_trait;

use crate::error::Result;
use crate::id::CategoryId;
use crate::model::Category;

/// Keeps categories.
///
/// # Contract
/// - `category_names_are_unique_among_siblings`: a second sibling of a name is `AlreadyExists`.
/// - `category_needs_its_parent`: an unknown parent is `NotFound`.
/// - `category_moved_under_itself`: a parent that is the category itself or below it is
///   `InvalidInput` and changes nothing.
/// - `category_delete_with_children`: deleting a category that has children is `Conflict`.
/// - `category_delete_unfiles`: deleting a category takes it off every asset filed under it.
/// - `category_stale_update_conflicts`: a stale revision is `Conflict` and changes nothing.
#[async_trait]
pub trait Categories: Debug + Send + Sync + 'static {
    /// Inserts a category.
    async fn insert_category(&self, category: &Category) -> Result<()>;

    /// Reads one category.
    async fn category(&self, id: CategoryId) -> Result<Category>;

    /// Replaces a category; another parent moves it with all below it.
    async fn update_category(&self, category: &Category) -> Result<Category>;

    /// Deletes a category.
    async fn delete_category(&self, id: CategoryId) -> Result<()>;

    /// Lists all categories, each after its parent, siblings by name.
    async fn categories(&self) -> Result<Vec<Category>>;
}
