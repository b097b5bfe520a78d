//! Annotations: markers, subclips, comments, findings.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::backend::catalog::AnnotationFilter;
use crate::error::{Error, Result};
use crate::id::{AnnotationId, AssetId};
use crate::library::handle;
use crate::model::{Annotation, AnnotationKind, NewAnnotation, Page, PageRequest};
use crate::time::TimeRange;

handle! {
    /// What is said about assets and ranges of their time.
    Annotations
}

/// A change to an annotation: what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AnnotationPatch {
    /// The revision that was read; without it, whatever the present one is.
    pub revision: Option<u64>,
    /// The time it is about.
    pub range: Option<TimeRange>,
    /// Its short name.
    pub name: Option<String>,
    /// Its longer words.
    pub text: Option<String>,
    /// Its colour by name.
    pub color: Option<String>,
    /// Whether what it asks for is done.
    pub resolved: Option<bool>,
}

impl Annotations {
    /// Says something about an asset.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for an unknown asset or parent;
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a range outside the media, or a
    /// subclip without range or name.
    pub async fn add(&self, asset: AssetId, annotation: NewAnnotation) -> Result<Annotation> {
        let operation = "annotations.add";
        let record = self.catalog().asset(asset).await?;
        if annotation.kind == AnnotationKind::Subclip {
            super::named(operation, &annotation.name)?;
            if annotation.range.is_none() {
                return Err(Error::invalid(operation, "a subclip needs the range it stands for"));
            }
        }
        if let Some(range) = &annotation.range {
            within_media(operation, &record, range)?;
        }
        if let Some(parent) = annotation.parent {
            let parent = self.catalog().annotation(parent).await?;
            if parent.asset != asset {
                return Err(Error::invalid(operation, "the parent is about another asset")
                    .with("parent", parent.id));
            }
        }
        let mut annotation = annotation.into_annotation(asset, self.clock());
        annotation.version = record.face_version;
        self.catalog().insert_annotations(std::slice::from_ref(&annotation)).await?;
        Ok(annotation)
    }

    /// Reads one annotation.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for an unknown id.
    pub async fn get(&self, id: AnnotationId) -> Result<Annotation> {
        self.catalog().annotation(id).await
    }

    /// Lists the annotations of an asset in time order, those about all of it first.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for an unknown asset;
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a wrong limit or cursor.
    pub async fn list(
        &self,
        asset: AssetId,
        filter: AnnotationFilter,
        page: PageRequest,
    ) -> Result<Page<Annotation>> {
        self.catalog().asset(asset).await?;
        self.catalog().annotations(asset, &filter, &page).await
    }

    /// Changes an annotation. From then on it is a person's: analysis spares it.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for an unknown id;
    /// [`Conflict`](crate::ErrorKind::Conflict) for a stale revision;
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a range outside the media.
    pub async fn update(&self, id: AnnotationId, patch: AnnotationPatch) -> Result<Annotation> {
        let mut annotation = self.catalog().annotation(id).await?;
        if let Some(range) = patch.range {
            let asset = self.catalog().asset(annotation.asset).await?;
            within_media("annotations.update", &asset, &range)?;
            annotation.range = Some(range);
        }
        annotation.revision = patch.revision.unwrap_or(annotation.revision);
        annotation.name = patch.name.unwrap_or(annotation.name);
        annotation.text = patch.text.unwrap_or(annotation.text);
        annotation.color = patch.color.or(annotation.color);
        annotation.resolved = patch.resolved.unwrap_or(annotation.resolved);
        annotation.edited = true;
        annotation.updated_at = self.clock().now();
        self.catalog().update_annotation(&annotation).await
    }

    /// Deletes an annotation.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for an unknown id.
    pub async fn delete(&self, id: AnnotationId) -> Result<()> {
        self.catalog().delete_annotation(id).await
    }
}

/// Refuses a range that is not inside the media.
pub(super) fn within_media(
    operation: &'static str,
    asset: &crate::model::Asset,
    range: &TimeRange,
) -> Result<()> {
    use crate::time::MediaTime;
    use std::cmp::Ordering;

    let Some(duration) = asset.media.as_ref().and_then(|media| media.duration) else {
        return Ok(());
    };
    let zero = MediaTime::zero(duration.rate());
    let before = range.start_time().cmp_time(&zero) == Ordering::Less;
    if before || range.end_time().cmp_time(&duration) == Ordering::Greater {
        return Err(Error::invalid(operation, "the range is not inside the media")
            .with("asset", asset.id)
            .with("range", range)
            .with("duration", format!("{} @ {}", duration.value(), duration.rate())));
    }
    Ok(())
}
