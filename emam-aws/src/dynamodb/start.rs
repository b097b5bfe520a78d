//! Starting a run: its item, its idempotency key and its asset's pointer to it, all or nothing.

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use emam_core::backend::catalog::run_rules;
use emam_core::id::{AssetId, RunId};
use emam_core::model::Run;
use emam_core::{Error, ErrorKind, Result};
use md5::{Digest, Md5};

use super::item::{self, Item, Row, key_of, text};
use super::table::unbuilt;
use super::{DynamoRuns, ROUNDS, crowded};
use crate::error::error;

/// Bytes of an idempotency key that is kept as it is; a key of a table has at most 2,048.
const LONGEST_KEY: usize = 1024;

/// The partition of an asset's pointers to its runs.
pub(super) fn asset_pk(asset: AssetId) -> String {
    format!("asset#{asset}")
}

/// Where the run of an idempotency key is remembered.
fn idempotency_key(key: &str) -> Item {
    let pk = if key.len() > LONGEST_KEY {
        let digest = data_encoding::HEXLOWER.encode(&Md5::digest(key.as_bytes()));
        format!("long-key#{digest}")
    } else {
        format!("key#{key}")
    };
    key_of(pk, "key")
}

impl DynamoRuns {
    /// Stores a queued run, or gives the one that has its idempotency key; tells whether it is new.
    pub(super) async fn start(&self, operation: &'static str, run: &Run) -> Result<(Run, bool)> {
        for _ in 0..ROUNDS {
            let mut stale = None;
            if let Some(key) = &run.idempotency_key {
                // One table holds the keys of both, so that a key names one run.
                let item = self.item(operation, &self.tables.ingest, idempotency_key(key)).await?;
                if let Some(started) = item.as_ref().and_then(started) {
                    match self.load(operation, started).await {
                        Ok(row) => return Ok((row.run, false)),
                        // It has expired: the key is free again.
                        Err(gone) if gone.kind() == ErrorKind::NotFound => stale = Some(started),
                        Err(other) => return Err(other),
                    }
                }
            }
            run_rules::check_start(operation, run)?;
            match self.insert(operation, run, stale).await? {
                Inserted::Yes => return Ok((run.clone(), true)),
                Inserted::KnownId => {
                    let message = "a run with this id exists already";
                    return Err(
                        Error::new(ErrorKind::AlreadyExists, operation, message).with("id", run.id)
                    );
                }
                Inserted::Raced => {}
            }
        }
        Err(crowded(operation).with("run", run.id))
    }

    async fn insert(
        &self,
        operation: &'static str,
        run: &Run,
        stale: Option<RunId>,
    ) -> Result<Inserted> {
        let row = Row { run: run.clone(), epoch: 0, rev: 1, until: None, worker: None };
        let table = self.tables.of(run.kind);
        let put = |table: &str, item: Item| Put::builder().table_name(table).set_item(Some(item));
        let mut puts = vec![
            put(table, item::write(operation, &row, None)?)
                .condition_expression("attribute_not_exists(pk)"),
        ];
        if let Some(key) = &run.idempotency_key {
            let mut item = idempotency_key(key);
            item.insert("run".into(), text(run.id.to_string()));
            let put = put(&self.tables.ingest, item);
            puts.push(match stale {
                None => put.condition_expression("attribute_not_exists(pk)"),
                Some(stale) => put
                    .condition_expression("run = :stale")
                    .expression_attribute_values(":stale", text(stale.to_string())),
            });
        }
        if let Some(asset) = run.asset {
            puts.push(put(table, key_of(asset_pk(asset), run.id.to_string())));
        }
        let mut write = self.client.transact_write_items();
        for put in puts {
            let put = put.build().map_err(|cause| unbuilt(operation, cause))?;
            write = write.transact_items(TransactWriteItem::builder().put(put).build());
        }
        let cause = match write.send().await {
            Ok(_) => return Ok(Inserted::Yes),
            Err(cause) => cause,
        };
        let codes: Vec<&str> = match cause.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(why)) => {
                why.cancellation_reasons().iter().filter_map(|reason| reason.code()).collect()
            }
            _ => Vec::new(),
        };
        let failed = |at: usize| codes.get(at) == Some(&"ConditionalCheckFailed");
        if failed(0) && !(run.idempotency_key.is_some() && failed(1)) {
            return Ok(Inserted::KnownId);
        }
        // Somebody else has taken the key, or was at one of the items, at the same time.
        if failed(0) || failed(1) || codes.contains(&"TransactionConflict") {
            return Ok(Inserted::Raced);
        }
        Err(error(operation, cause))
    }
}

enum Inserted {
    Yes,
    KnownId,
    Raced,
}

fn started(item: &Item) -> Option<RunId> {
    item.get("run")?.as_s().ok()?.parse().ok()
}
