//! What is said about assets.

use std::fmt::Debug;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::id::{AnnotationId, AssetId};
use crate::model::{Annotation, AnnotationKind, Page, PageRequest};

/// Keeps annotations.
///
/// # Contract
/// - `annotation_round_trip`: an annotation reads back as it was inserted, every field.
/// - `annotation_needs_its_asset`: inserting for an unknown asset is `NotFound`, nothing inserted.
/// - `annotations_come_in_time_order`: a list is ordered by start time across rates, those about
///   all of the asset first, then by id; each comes once over pages of any size.
/// - `annotations_filter_by_kind`: a filter gives exactly the kinds asked for.
/// - `findings_replace_findings`: `replace_findings` removes the service's earlier annotations of
///   those kinds and inserts the new, in one transaction.
/// - `findings_spare_human_edits`: what a person made or edited stays through `replace_findings`.
/// - `annotation_stale_update_conflicts`: a stale revision is `Conflict` and changes nothing.
#[async_trait]
pub trait Annotations: Debug + Send + Sync + 'static {
    /// Inserts annotations.
    async fn insert_annotations(&self, annotations: &[Annotation]) -> Result<()>;

    /// Reads one annotation.
    async fn annotation(&self, id: AnnotationId) -> Result<Annotation>;

    /// Replaces an annotation.
    async fn update_annotation(&self, annotation: &Annotation) -> Result<Annotation>;

    /// Deletes an annotation.
    async fn delete_annotation(&self, id: AnnotationId) -> Result<()>;

    /// Lists the annotations of an asset.
    async fn annotations(
        &self,
        asset: AssetId,
        filter: &AnnotationFilter,
        page: &PageRequest,
    ) -> Result<Page<Annotation>>;

    /// Puts `findings` in place of what `service` found of `kinds` in `asset` before, sparing what
    /// a person edited.
    async fn replace_findings(
        &self,
        asset: AssetId,
        service: &str,
        kinds: &[AnnotationKind],
        findings: &[Annotation],
    ) -> Result<()>;
}

/// Which annotations are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AnnotationFilter {
    /// Of these kinds; of every kind when empty.
    pub kinds: Vec<AnnotationKind>,
}
