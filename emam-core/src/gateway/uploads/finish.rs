//! What becomes of an upload that is complete, and of one that nobody goes on with.

use std::sync::{Arc, Weak};
use std::time::Duration;

use uuid::Uuid;

use super::record::Record;
use super::store::Store;
use crate::clock;
use crate::error::{ErrorKind, Result};
use crate::gateway::Shared;
use crate::library::RunHandle;
use crate::model::{Asset, RunState};
use crate::workflow::IngestOptions;

/// Starts the ingest of a complete upload, once: its key is the upload's id, so that doing this
/// again after a crash gives the same run.
pub(super) async fn ingest(shared: &Arc<Shared>, store: &Store, record: &mut Record) -> Result<()> {
    let options =
        IngestOptions { idempotency_key: Some(record.id.to_string()), ..record.options.clone() };
    let path = store.file(record);
    let run: RunHandle<Asset> = shared.library.assets().ingest(path, options).await?;
    record.run = Some(run.id());
    record.asset = run.asset_id();
    let saved = record.clone();
    store.run(move |store| store.save(&saved)).await?;
    watch(shared, store, record.id);
    Ok(())
}

/// Takes the bytes away once the ingest has them.
fn watch(shared: &Arc<Shared>, store: &Store, id: Uuid) {
    let (shared, store) = (Arc::downgrade(shared), store.clone());
    tokio::spawn(async move {
        if let Err(error) = clear_after_run(&shared, &store, id).await {
            // Shutting down, mostly; the next sweep looks again.
            tracing::debug!(error = %error, upload = %id, "the bytes of an upload were left");
        }
    });
}

async fn clear_after_run(shared: &Weak<Shared>, store: &Store, id: Uuid) -> Result<()> {
    let record = store.run(move |store| store.read(id)).await?;
    let (Some(run), Some(shared)) = (record.run, shared.upgrade()) else { return Ok(()) };
    let runs = shared.library.runs();
    // A gateway nobody holds any more is not kept alive by this.
    drop(shared);
    let run = runs.wait(run, None).await?;
    // A failed run can be retried, and then needs them; they go when the upload expires.
    if run.state == RunState::Failed {
        return Ok(());
    }
    store
        .run(move |store| {
            let _held = store.hold(id)?;
            store.clear(&mut store.read(id)?)
        })
        .await
}

/// Goes over all uploads now and then: at the start, to go on with what a process left that died,
/// and then for those that have expired. Ends with the gateway.
pub(super) async fn sweep(shared: Weak<Shared>, store: Store) {
    const EVERY: Duration = Duration::from_secs(60);
    let mut first = true;
    loop {
        let Some(strong) = shared.upgrade() else { return };
        if let Err(error) = sweep_once(&strong, &store, first).await {
            tracing::warn!(error = %error.report(), "uploads could not be swept");
        }
        first = false;
        let closing = strong.closing();
        drop(strong);
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = closing => return,
        }
    }
}

async fn sweep_once(shared: &Arc<Shared>, store: &Store, first: bool) -> Result<()> {
    let now = shared.clock().now();
    let an_hour_ago = now.checked_sub(jiff::SignedDuration::from_hours(1)).unwrap_or(now);
    store.run(move |store| store.remove_unmade(an_hour_ago)).await?;
    for id in store.run(Store::list).await? {
        // One that is damaged or in use holds up no other.
        match look(shared, store, id, first).await {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                tracing::warn!(error = %error.report(), upload = %id, "an upload was passed over");
            }
            _ => {}
        }
    }
    Ok(())
}

async fn look(shared: &Arc<Shared>, store: &Store, id: Uuid, first: bool) -> Result<()> {
    let (held, mut record) = store.run(move |store| Ok((store.hold(id)?, store.read(id)?))).await?;
    let Some(_held) = held else { return Ok(()) };
    let now = shared.clock().now();
    let expired = now >= record.expires_at();
    // The record outlives the bytes by as long again, so that what became of it can be told.
    let forgotten =
        clock::after(record.expires_at(), Duration::from_millis(record.expire_after_ms));
    let is_running = match record.run {
        Some(run) => match shared.library.runs().get(run).await {
            Ok(run) => !run.state.is_final(),
            Err(error) if error.kind() == ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        },
        None => false,
    };
    if is_running {
        if first {
            watch(shared, store, id);
        }
        return Ok(());
    }
    if now >= forgotten {
        return store.run(move |store| store.remove(id)).await;
    }
    if record.is_complete() && record.run.is_none() && !record.cleared && !expired {
        return ingest(shared, store, &mut record).await;
    }
    if record.run.is_some() && !record.cleared && !expired {
        if first {
            watch(shared, store, id);
        }
        return Ok(());
    }
    if expired && !record.cleared {
        return store.run(move |store| store.clear(&mut record)).await;
    }
    Ok(())
}
