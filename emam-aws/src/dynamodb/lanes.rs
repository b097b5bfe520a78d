//! Lanes: one item each, with who is in it and until when.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use emam_core::Result;
use emam_core::backend::catalog::LaneEntry;
use jiff::Timestamp;

use super::item::{Item, key_of, number};
use super::table::is_condition;
use super::{DynamoRuns, ROUNDS, crowded};
use crate::error::error;

fn key(lane: &str) -> Item {
    key_of(format!("lane#{lane}"), "lane")
}

impl DynamoRuns {
    pub(super) async fn enter(
        &self,
        operation: &'static str,
        entry: &LaneEntry,
        now: Timestamp,
    ) -> Result<bool> {
        for _ in 0..ROUNDS {
            let found = self.item(operation, &self.tables.ingest, key(&entry.lane)).await?;
            let mut holders = found.as_ref().map(holders).unwrap_or_default();
            let now = now.as_microsecond();
            holders.retain(|_, until| micros(until).is_some_and(|until| until > now));
            holders.remove(&entry.holder);
            if holders.len() >= entry.room {
                return Ok(false);
            }
            holders.insert(entry.holder.clone(), number(entry.until.as_microsecond()));
            let rev: u64 = found.as_ref().and_then(rev).unwrap_or(0);
            let mut item = key(&entry.lane);
            item.insert("holders".into(), AttributeValue::M(holders));
            item.insert("rev".into(), number(rev + 1));
            let put = self.client.put_item().table_name(&self.tables.ingest).set_item(Some(item));
            let put = match found {
                None => put.condition_expression("attribute_not_exists(pk)"),
                Some(_) => put
                    .condition_expression("rev = :rev")
                    .expression_attribute_values(":rev", number(rev)),
            };
            match put.send().await {
                Ok(_) => return Ok(true),
                Err(cause)
                    if is_condition(&cause, |e| e.is_conditional_check_failed_exception()) => {}
                Err(cause) => return Err(error(operation, cause)),
            }
        }
        Err(crowded(operation).with("lane", &entry.lane))
    }

    pub(super) async fn leave(
        &self,
        operation: &'static str,
        lane: &str,
        holder: &str,
    ) -> Result<()> {
        let update = self
            .client
            .update_item()
            .table_name(&self.tables.ingest)
            .set_key(Some(key(lane)))
            .update_expression("REMOVE holders.#holder SET rev = rev + :one")
            .condition_expression("attribute_exists(holders.#holder)")
            .expression_attribute_names("#holder", holder)
            .expression_attribute_values(":one", number(1));
        match update.send().await {
            Ok(_) => Ok(()),
            // It was not in.
            Err(cause) if is_condition(&cause, |e| e.is_conditional_check_failed_exception()) => {
                Ok(())
            }
            Err(cause) => Err(error(operation, cause)),
        }
    }
}

fn holders(item: &Item) -> HashMap<String, AttributeValue> {
    item.get("holders").and_then(|value| value.as_m().ok()).cloned().unwrap_or_default()
}

fn rev(item: &Item) -> Option<u64> {
    item.get("rev")?.as_n().ok()?.parse().ok()
}

fn micros(until: &AttributeValue) -> Option<i64> {
    until.as_n().ok()?.parse().ok()
}
