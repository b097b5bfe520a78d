//! The record of everything: what there is, what is said about it and what is being done.
//!
//! A [`Catalog`] is the sum of small traits, one per noun. Records come in complete, ids and times
//! included: the library makes them, the catalog keeps them. Rules that hold for every trait:
//!
//! - A read of a missing id is [`NotFound`](crate::ErrorKind::NotFound) and names it; inserting an
//!   id that exists is [`AlreadyExists`](crate::ErrorKind::AlreadyExists).
//! - `update_…` takes a record with the revision that was read. If it is not the present one, the
//!   error is [`Conflict`](crate::ErrorKind::Conflict) with both revisions and nothing changes;
//!   else the record is stored with the next revision and given back.
//! - Every change appends one event `noun.created`, `noun.updated` or `noun.deleted` in the same
//!   transaction.
//! - A batch is one transaction: all of it or nothing.
//! - A change is durable when its call returns.

mod annotations;
mod assets;
mod bins;
mod categories;
mod events;
mod projects;
pub mod run_rules;
mod search;
mod sequences;
mod workflows;

pub use annotations::{AnnotationFilter, Annotations};
pub use assets::{Assets, ContentMatch, StoredInstance};
pub use bins::Bins;
pub use categories::Categories;
pub use events::Events;
pub use projects::Projects;
pub use search::{
    Facet, FacetField, FacetValue, Hit, Moment, Query, Search, SearchPage, Sort, Terms, TextTerm,
};
pub use sequences::Sequences;
pub use workflows::{
    Claim, LaneEntry, Lease, Leased, RunFilter, Settlement, StepReport, Workflows,
};

/// The record of everything.
pub trait Catalog:
    Assets + Annotations + Categories + Projects + Bins + Sequences + Workflows + Search + Events
{
}

impl<T> Catalog for T where
    T: Assets
        + Annotations
        + Categories
        + Projects
        + Bins
        + Sequences
        + Workflows
        + Search
        + Events
{
}
