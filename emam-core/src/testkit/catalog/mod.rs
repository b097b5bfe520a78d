//! What every [`Catalog`] must do.

mod annotations;
mod assets;
mod bins;
mod categories;
mod events;
mod filters;
mod leases;
mod make;
mod projects;
mod properties;
mod renditions;
mod search;
mod sequences;
mod shared_work;
mod workflows;

use std::sync::Arc;

use async_trait::async_trait;

use super::assert_kind;
use crate::backend::Catalog;
use crate::backend::catalog::{Events, Workflows};

pub use annotations::*;
pub use assets::*;
pub use bins::*;
pub use categories::*;
pub use events::*;
pub use filters::*;
pub use leases::*;
pub use projects::*;
pub use properties::*;
pub use renditions::*;
pub use search::*;
pub use sequences::*;
pub use shared_work::*;
pub use workflows::*;

/// Makes catalogs to be tested.
#[async_trait]
pub trait CatalogFixture: Send + Sync {
    /// A catalog that holds nothing and shares nothing with those made before.
    async fn fresh(&self) -> Arc<dyn Catalog>;
}

/// Makes stores of runs to be tested. A fixture of catalogs is one: a catalog keeps runs too.
#[async_trait]
pub trait WorkflowsFixture: Send + Sync {
    /// A store that holds nothing and shares nothing with those made before.
    async fn fresh_runs(&self) -> WorkflowsUnderTest;
}

/// A store of runs with the log its changes are told to.
#[derive(Debug)]
pub struct WorkflowsUnderTest {
    /// The store.
    pub runs: Arc<dyn Workflows>,
    /// The log; it holds nothing yet.
    pub log: Arc<dyn Events>,
}

#[async_trait]
impl<F: CatalogFixture> WorkflowsFixture for F {
    async fn fresh_runs(&self) -> WorkflowsUnderTest {
        let catalog = self.fresh().await;
        WorkflowsUnderTest { runs: Arc::clone(&catalog) as _, log: catalog }
    }
}

/// Makes a module `$name` with one test per promise of
/// [`Workflows`](crate::backend::catalog::Workflows), for stores that keep runs and nothing else.
/// `$fixture` is an expression that gives a
/// [`WorkflowsFixture`](crate::testkit::WorkflowsFixture).
#[macro_export]
macro_rules! workflows_conformance {
    ($name:ident, $fixture:expr) => {
        $crate::conformance_cases! { $name, $fixture, catalog:
            start_is_idempotent,
            claim_by_priority_then_age,
            claim_only_what_is_due,
            claim_filters_by_kind,
            two_workers_never_share_a_run,
            expired_lease_is_taken_over,
            lost_worker_counts_as_an_attempt,
            stale_epoch_is_refused,
            steps_are_kept,
            running_step_keeps_its_note,
            failed_step_keeps_its_note,
            done_step_stays_done,
            settled_run_is_final,
            cancel_of_a_queued_run,
            cancel_of_a_waiting_run,
            cancel_of_a_running_run,
            cancel_of_a_final_run,
            retry_goes_on_where_it_failed,
            woken_run_is_due_at_once,
            a_lane_has_so_much_room,
            a_lane_is_left,
            runs_are_listed_newest_first,
            changes_of_runs_are_logged,
            next_due_is_the_earliest,
        }
    };
}

/// Makes a module `$name` with one test per promise of the traits of
/// [`Catalog`](crate::backend::Catalog). `$fixture` is an expression that gives a
/// [`CatalogFixture`](crate::testkit::CatalogFixture).
#[macro_export]
macro_rules! catalog_conformance {
    ($name:ident, $fixture:expr) => {
        $crate::conformance_cases! { $name, $fixture, catalog:
            asset_round_trip,
            asset_missing,
            asset_insert_twice,
            asset_update_bumps_the_revision,
            asset_stale_update_conflicts,
            asset_delete_takes_everything,
            rendition_put_replaces,
            instance_state_is_compared,
            content_is_found_by_md5,
            assets_are_found_by_stem,
            content_has_one_owner,
            originals_are_found_by_place,
            restored_copies_expire,
            annotation_round_trip,
            annotation_needs_its_asset,
            annotations_come_in_time_order,
            annotations_filter_by_kind,
            findings_replace_findings,
            findings_spare_human_edits,
            annotation_stale_update_conflicts,
            category_names_are_unique_among_siblings,
            category_needs_its_parent,
            category_moved_under_itself,
            category_delete_with_children,
            category_delete_unfiles,
            category_stale_update_conflicts,
            project_comes_with_its_root_bin,
            project_stale_update_conflicts,
            project_delete_takes_bins_and_sequences,
            projects_are_paged_newest_first,
            bin_items_keep_their_order,
            bin_needs_its_parent,
            bin_cycle,
            bin_delete_takes_its_bins,
            bin_root_stays,
            bin_stale_update_conflicts,
            bins_that_hold_an_asset,
            sequence_round_trip,
            sequence_needs_its_project,
            sequence_stale_update_conflicts,
            sequences_of_a_project,
            sequences_that_use_an_asset,
            start_is_idempotent,
            claim_by_priority_then_age,
            claim_only_what_is_due,
            claim_filters_by_kind,
            two_workers_never_share_a_run,
            expired_lease_is_taken_over,
            lost_worker_counts_as_an_attempt,
            stale_epoch_is_refused,
            steps_are_kept,
            running_step_keeps_its_note,
            failed_step_keeps_its_note,
            done_step_stays_done,
            settled_run_is_final,
            cancel_of_a_queued_run,
            cancel_of_a_waiting_run,
            cancel_of_a_running_run,
            cancel_of_a_final_run,
            retry_goes_on_where_it_failed,
            woken_run_is_due_at_once,
            a_lane_has_so_much_room,
            a_lane_is_left,
            runs_are_listed_newest_first,
            changes_of_runs_are_logged,
            next_due_is_the_earliest,
            search_matches_every_text,
            search_needs_all_words,
            search_phrase_prefix_and_exclusion,
            search_takes_any_text,
            search_hits_carry_moments,
            search_filters_narrow,
            search_facets_count_all_matches,
            search_pages_are_complete,
            search_forged_cursor,
            search_sees_changes_at_once,
            search_leaves_out_the_trash,
            every_change_is_an_event,
            failed_change_is_no_event,
            events_after_a_cursor,
            what_happened_elsewhere_is_logged,
            a_reader_moves_on_once,
            cursors_survive_changes,
            limits_are_checked,
            many_writers_lose_nothing,
            one_of_many_stale_writers_wins,
        }
    };
}
