//! Tells notifiers of runs that have ended: each at least once, also after a crash.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use crate::backend::{Notice, Notifier};
use crate::error::{ErrorKind, Result};
use crate::id::RunId;
use crate::model::{Event, Run, RunState};
use crate::workflow::engine::Shared;

/// How often to look for news.
const INTERVAL: Duration = Duration::from_secs(1);

/// How many events are read at once.
const PAGE: usize = 200;

/// Follows the log for one notifier until the engine closes. One that is new hears of what has
/// happened `since` then, not of all that ever happened.
pub(super) async fn tell(shared: Arc<Shared>, notifier: Arc<dyn Notifier>, since: Timestamp) {
    let reader = format!("notifier:{}", notifier.capabilities().service);
    let mut placed = false;
    while !shared.is_closing() {
        let told = async {
            if !placed {
                place_new(&shared, &reader, since).await?;
                placed = true;
            }
            tell_news(&shared, notifier.as_ref(), &reader).await
        };
        match told.await {
            Ok(true) => {}
            Ok(false) => shared.rest_undisturbed(INTERVAL).await,
            Err(error) => {
                tracing::warn!(reader, error = %error.report(), "a notice was not taken");
                shared.rest_undisturbed(shared.options.retry.longest_wait).await;
            }
        }
    }
}

/// Puts a reader that has read nothing yet behind all that happened before `since`.
async fn place_new(shared: &Shared, reader: &str, since: Timestamp) -> Result<()> {
    let catalog = &shared.backends.catalog;
    // A reader that is at 0 may have been put there by a process that told nothing yet.
    let placed = format!("{reader} is placed");
    if catalog.reader(&placed).await? != 0 {
        return Ok(());
    }
    // Events are in the order of their times: the last one before `since` is found by halving.
    let (mut before, mut after) = (0, catalog.last_event().await? + 1);
    while after - before > 1 {
        let middle = before + (after - before) / 2;
        match catalog.events(middle - 1, 1).await?.first() {
            Some(event) if event.at < since => before = event.seq.max(middle),
            _ => after = middle,
        }
    }
    if before > 0 {
        catalog.advance_reader(reader, 0, before).await?;
    }
    catalog.advance_reader(&placed, 0, 1).await?;
    Ok(())
}

/// Tells one page of news; whether there may be more.
async fn tell_news(shared: &Shared, notifier: &dyn Notifier, reader: &str) -> Result<bool> {
    let catalog = &shared.backends.catalog;
    let mut place = catalog.reader(reader).await?;
    let events = catalog.events(place, PAGE).await?;
    for event in &events {
        if let Some(notice) = notice(shared, event).await? {
            match notifier.notify(&notice).await {
                // One that can never be told must not hold up those after it.
                Err(error) if !error.is_retryable() => {
                    tracing::warn!(reader, error = %error.report(), "a notice was passed over");
                }
                told => told?,
            }
            // After each, so that after a crash at most one is told twice.
            if !catalog.advance_reader(reader, place, event.seq).await? {
                return Ok(true);
            }
            place = event.seq;
        }
    }
    if let Some(last) = events.last().filter(|last| last.seq > place) {
        catalog.advance_reader(reader, place, last.seq).await?;
    }
    Ok(events.len() == PAGE)
}

/// What is told of an event, where it is that a run has ended.
async fn notice(shared: &Shared, event: &Event) -> Result<Option<Notice>> {
    let state = event.data.get("state").and_then(|state| state.as_str()).unwrap_or_default();
    let ended = [RunState::Succeeded, RunState::Failed, RunState::Cancelled];
    if event.topic.as_str() != "run.updated" || !ended.iter().any(|end| end.as_str() == state) {
        return Ok(None);
    }
    let run = match shared.backends.runs.run(RunId::from_uuid(event.subject)).await {
        Ok(run) => run,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let title = match run.asset {
        Some(id) => shared.backends.catalog.asset(id).await.map(|asset| asset.title).ok(),
        None => None,
    };
    let subject = match &title {
        Some(title) => format!("{} of {title}: {state}", run.kind.as_str()),
        None => format!("{}: {state}", run.kind.as_str()),
    };
    Ok(Some(Notice {
        id: event.seq.to_string(),
        at: event.at,
        topic: event.topic.clone(),
        text: text(&run, &subject),
        subject,
        data: json!({
            "run": run.id,
            "kind": run.kind,
            "state": state,
            "asset": run.asset,
            "title": title,
            "failure": run.failure,
        }),
    }))
}

fn text(run: &Run, subject: &str) -> String {
    match &run.failure {
        Some(failure) => format!(
            "{subject}\n\n{} ({}), in the step {}.\nRun {}",
            failure.error.message, failure.error.kind, failure.step, run.id
        ),
        None => format!("{subject}\n\nRun {}", run.id),
    }
}
