//! Tells notifiers of runs that have ended: each at least once, also after a crash.

use std::sync::Arc;
use std::time::Duration;

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

/// Follows the log for one notifier until the engine closes.
pub(super) async fn tell(shared: Arc<Shared>, notifier: Arc<dyn Notifier>) {
    let reader = format!("notifier:{}", notifier.capabilities().service);
    let mut from_the_first = false;
    while !shared.is_closing() {
        match tell_news(&shared, notifier.as_ref(), &reader, &mut from_the_first).await {
            Ok(true) => {}
            Ok(false) => shared.rest_undisturbed(INTERVAL).await,
            Err(error) => {
                tracing::warn!(reader, error = %error.report(), "a notice was not taken");
                shared.rest_undisturbed(shared.options.retry.longest_wait).await;
            }
        }
    }
}

/// Tells one page of news; whether there may be more.
async fn tell_news(
    shared: &Shared,
    notifier: &dyn Notifier,
    reader: &str,
    from_the_first: &mut bool,
) -> Result<bool> {
    let catalog = &shared.backends.catalog;
    let mut place = catalog.reader(reader).await?;
    if place == 0 && !*from_the_first {
        // One that is new hears of what happens from now on, not of all that ever happened.
        let last = catalog.last_event().await?;
        *from_the_first = last == 0;
        return Ok(last > 0 && catalog.advance_reader(reader, 0, last).await?);
    }
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
