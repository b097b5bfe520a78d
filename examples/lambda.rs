//! Takes the signals of the services in a Lambda, where no worker is to wait for messages.
//!
//! Give the function the events queue as its event source, with `ReportBatchItemFailures`, so that a
//! message that failed comes again alone. The function only takes note: it wakes runs and starts
//! them. The work is done by workers that share the catalog and the runs, because a function is
//! frozen as soon as it has answered.
//!
//! `EMAM_LIBRARY` names the library's folder, `EMAM_ORIGINALS` the bucket of the originals.
//!
//! Build with `cargo lambda build --bin lambda --features lambda`, or plainly with `cargo build`.

use std::sync::Arc;

use anyhow::Context;
use emam_aws::events;
use emam_aws::intake::{Intake, IntakeOptions, Place};
use emam_core::Library;
use emam_core::backend::SignalHandler;
use lambda_runtime::{LambdaEvent, service_fn};
use serde::{Deserialize, Serialize};

/// What SQS hands to a function. Shape: Lambda Developer Guide, "Using Lambda with Amazon SQS".
#[derive(Debug, Deserialize)]
struct Batch {
    #[serde(rename = "Records")]
    records: Vec<Record>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    message_id: String,
    body: String,
}

/// The messages that failed; the others are deleted.
#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    batch_item_failures: Vec<Failure>,
}

#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    item_identifier: String,
}

/// Acts on every message; one that fails holds up no other.
async fn take(handler: &dyn SignalHandler, batch: Batch) -> Answer {
    let mut answer = Answer::default();
    for record in batch.records {
        if let Err(error) = act(handler, &record.body).await {
            // What a function prints is in its log.
            eprintln!("message {} is left: {}", record.message_id, error.report());
            answer.batch_item_failures.push(Failure { item_identifier: record.message_id });
        }
    }
    answer
}

async fn act(handler: &dyn SignalHandler, body: &str) -> emam_core::Result<()> {
    for signal in events::parse(body)? {
        handler.signal(&signal).await?;
    }
    Ok(())
}

// A function has no configuration but its environment.
#[allow(clippy::disallowed_methods)]
fn variable(name: &str) -> anyhow::Result<String> {
    std::env::var(name).with_context(|| format!("set {name} in the function's configuration"))
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let folder = variable("EMAM_LIBRARY")?;
    let originals = Place { bucket: variable("EMAM_ORIGINALS")?, prefix: String::new() };
    let library = Library::builder().workers(0).open(folder).await?;
    let options = IntakeOptions { originals, ingest: None, adopt: true };
    let intake = Arc::new(Intake::new(library, None, options));
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Batch>| {
        let intake = Arc::clone(&intake);
        async move { Ok::<_, lambda_runtime::Error>(take(intake.as_ref(), event.payload).await) }
    }))
    .await
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use emam_core::backend::Signal;

    use super::*;

    #[derive(Debug, Default)]
    struct Seen(Mutex<Vec<Signal>>);

    #[async_trait::async_trait]
    impl SignalHandler for Seen {
        async fn signal(&self, signal: &Signal) -> emam_core::Result<()> {
            self.0.lock().unwrap_or_else(|e| e.into_inner()).push(signal.clone());
            Ok(())
        }
    }

    #[tokio::test]
    async fn one_that_fails_comes_again_alone() -> anyhow::Result<()> {
        let call = events::call("archive.restore", &serde_json::json!({}));
        let batch = serde_json::json!({ "Records": [
            { "messageId": "1", "body": "{ broken", "eventSource": "aws:sqs" },
            { "messageId": "2", "body": call, "eventSource": "aws:sqs" },
        ]});
        let seen = Seen::default();
        let answer = take(&seen, serde_json::from_value(batch)?).await;
        let answer = serde_json::to_string(&answer)?;
        assert_eq!(answer, r#"{"batchItemFailures":[{"itemIdentifier":"1"}]}"#);
        assert_eq!(seen.0.lock().unwrap_or_else(|e| e.into_inner()).len(), 1);
        Ok(())
    }
}
