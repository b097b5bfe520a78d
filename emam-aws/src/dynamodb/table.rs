//! The calls to DynamoDB.

use aws_sdk_dynamodb::client::Waiters;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType,
    KeysAndAttributes, Projection, ProjectionType, ReturnValue,
    ReturnValuesOnConditionCheckFailure, ScalarAttributeType, TimeToLiveSpecification,
};
use emam_core::backend::catalog::{Lease, run_rules};
use emam_core::clock::{Clock, SystemClock};
use emam_core::id::RunId;
use emam_core::model::{Progress, RunState};
use emam_core::{Error, ErrorKind, Result};
use jiff::Timestamp;

use super::item::{self, Item, Row, key, number, text};
use super::{DynamoRuns, ROUNDS, crowded};
use crate::error::error;

/// The index of what is due.
const INDEX: &str = "due";

/// Keys one request may ask for (API reference of BatchGetItem).
const BATCH: usize = 100;

/// Which entries of a partition of the index are wanted.
#[derive(Debug, Clone, Default)]
pub(super) struct Range {
    /// Those before this place only.
    pub(super) before: Option<String>,
    /// From the last backwards.
    pub(super) backwards: bool,
    /// At most so many; all of them when absent.
    pub(super) limit: Option<usize>,
}

impl DynamoRuns {
    /// Reads a run, wherever it is, as it is now.
    pub(super) async fn load(&self, operation: &'static str, id: RunId) -> Result<Row> {
        for table in self.tables.each() {
            if let Some(item) = self.item(operation, table, key(id)).await? {
                return item::read(operation, &item);
            }
        }
        Err(Error::new(ErrorKind::NotFound, operation, "no run has this id").with("id", id))
    }

    pub(super) async fn item(
        &self,
        operation: &'static str,
        table: &str,
        key: Item,
    ) -> Result<Option<Item>> {
        let get = self.client.get_item().table_name(table).set_key(Some(key)).consistent_read(true);
        Ok(get.send().await.map_err(|cause| error(operation, cause))?.item)
    }

    /// Writes a run back; false where somebody else has written it since it was read.
    pub(super) async fn store(&self, operation: &'static str, row: &mut Row) -> Result<bool> {
        let read = row.rev;
        row.rev += 1;
        let mut item = item::write(operation, row, self.options.keep_ended)?;
        // The SDK sends a request again whose answer was lost. Then the second one finds what the
        // first has written, and the mark tells that it was ours.
        let mark = text(SystemClock.new_uuid().to_string());
        item.insert("mark".into(), mark.clone());
        let put = self
            .client
            .put_item()
            .table_name(self.tables.of(row.run.kind))
            .set_item(Some(item))
            .condition_expression("rev = :rev")
            .expression_attribute_values(":rev", number(read))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match put.send().await {
            Ok(_) => Ok(true),
            Err(cause) => match cause.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(other)) => {
                    Ok(other.item().is_some_and(|item| item.get("mark") == Some(&mark)))
                }
                _ => Err(error(operation, cause)),
            },
        }
    }

    /// Keeps a lease without reading the run.
    pub(super) async fn extend(
        &self,
        operation: &'static str,
        lease: &Lease,
        until: Timestamp,
        progress: Option<&Progress>,
    ) -> Result<bool> {
        for _ in 0..ROUNDS {
            // Its place in the index holds its priority, which is in the record.
            let mut row = self.load(operation, lease.run).await?;
            run_rules::check_lease(operation, lease, &row.run, row.epoch)?;
            row.until = Some(until);
            let mut set = "SET due_at = :due, #until = :until, rev = rev + :one".to_owned();
            let mut update = self
                .client
                .update_item()
                .table_name(self.tables.of(row.run.kind))
                .set_key(Some(key(lease.run)))
                .condition_expression("epoch = :epoch AND #state = :running")
                .expression_attribute_names("#state", "state")
                .expression_attribute_names("#until", "until")
                .expression_attribute_values(":due", text(item::due_at(&row)))
                .expression_attribute_values(":until", number(until.as_microsecond()))
                .expression_attribute_values(":one", number(1))
                .expression_attribute_values(":epoch", number(lease.epoch))
                .expression_attribute_values(":running", text(RunState::Running.as_str()))
                .return_values(ReturnValue::None);
            if let Some(progress) = progress {
                set += ", progress = :progress";
                let progress = item::json_of(operation, progress)?;
                update = update.expression_attribute_values(":progress", text(progress));
            }
            match update.update_expression(set).send().await {
                Ok(_) => return Ok(row.run.cancel_requested),
                // The lease has just gone to somebody else: the next look tells to whom.
                Err(cause)
                    if is_condition(&cause, |e| e.is_conditional_check_failed_exception()) => {}
                Err(cause) => return Err(error(operation, cause)),
            }
        }
        Err(crowded(operation).with("run", lease.run))
    }

    /// Entries of one partition of the index, in order.
    pub(super) async fn entries(
        &self,
        operation: &'static str,
        table: &str,
        due_pk: String,
        range: Range,
    ) -> Result<Vec<Item>> {
        let mut condition = "due_pk = :pk".to_owned();
        let mut query = self
            .client
            .query()
            .table_name(table)
            .index_name(INDEX)
            .expression_attribute_values(":pk", text(due_pk))
            .projection_expression("pk, sk, due_pk, due_at")
            .scan_index_forward(!range.backwards);
        if let Some(before) = range.before {
            condition += " AND due_at < :before";
            query = query.expression_attribute_values(":before", text(before));
        }
        query = query.key_condition_expression(condition);
        self.pages(operation, query, range.limit).await
    }

    /// Runs a query to its end, or until it has given `limit` items.
    pub(super) async fn pages(
        &self,
        operation: &'static str,
        query: aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder,
        limit: Option<usize>,
    ) -> Result<Vec<Item>> {
        let mut items = Vec::new();
        let mut from = None;
        loop {
            let left = limit.map(|limit| i32::try_from(limit - items.len()).unwrap_or(i32::MAX));
            let page = query.clone().set_limit(left).set_exclusive_start_key(from);
            let page = page.send().await.map_err(|cause| error(operation, cause))?;
            items.extend(page.items.unwrap_or_default());
            from = page.last_evaluated_key;
            if from.is_none() || limit.is_some_and(|limit| items.len() >= limit) {
                return Ok(items);
            }
        }
    }

    /// Reads many runs of one table as they are now, in no order; those that are gone are left out.
    pub(super) async fn load_many(
        &self,
        operation: &'static str,
        table: &str,
        ids: &[RunId],
    ) -> Result<Vec<Row>> {
        let mut rows = Vec::with_capacity(ids.len());
        for ids in ids.chunks(BATCH) {
            let mut keys: Vec<Item> = ids.iter().map(|id| key(*id)).collect();
            while !keys.is_empty() {
                let asked = keys.len();
                let wanted =
                    KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
                let wanted = wanted.map_err(|cause| unbuilt(operation, cause))?;
                let get = self.client.batch_get_item().request_items(table, wanted);
                let answer = get.send().await.map_err(|cause| error(operation, cause))?;
                for items in answer.responses.unwrap_or_default().into_values() {
                    for item in &items {
                        rows.push(item::read(operation, item)?);
                    }
                }
                // An answer holds at most 16 MB; the rest is asked for again.
                let rest = answer.unprocessed_keys.unwrap_or_default();
                keys = rest.into_values().flat_map(|rest| rest.keys).collect();
                if keys.len() == asked {
                    let message = "the table takes no more for now";
                    return Err(Error::new(ErrorKind::RateLimited, operation, message));
                }
            }
        }
        Ok(rows)
    }

    /// Makes the tables where they are missing, with the keys and the index of the template: for
    /// emulators and tests, and for accounts that are not set up by the template.
    ///
    /// # Errors
    /// What DynamoDB says.
    pub async fn create_tables(&self) -> Result<()> {
        for table in self.tables.each() {
            self.create_table("runs.create_tables", table).await?;
        }
        Ok(())
    }

    async fn create_table(&self, operation: &'static str, table: &str) -> Result<()> {
        let schema = |hash: &str, range: &str| -> Result<Vec<KeySchemaElement>> {
            [(hash, KeyType::Hash), (range, KeyType::Range)]
                .into_iter()
                .map(|(name, kind)| {
                    let element = KeySchemaElement::builder().attribute_name(name).key_type(kind);
                    element.build().map_err(|cause| unbuilt(operation, cause))
                })
                .collect()
        };
        let index = GlobalSecondaryIndex::builder()
            .index_name(INDEX)
            .set_key_schema(Some(schema("due_pk", "due_at")?))
            .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
            .build()
            .map_err(|cause| unbuilt(operation, cause))?;
        let mut create = self
            .client
            .create_table()
            .table_name(table)
            .billing_mode(BillingMode::PayPerRequest)
            .set_key_schema(Some(schema("pk", "sk")?))
            .global_secondary_indexes(index);
        for name in ["pk", "sk", "due_pk", "due_at"] {
            let definition = AttributeDefinition::builder()
                .attribute_name(name)
                .attribute_type(ScalarAttributeType::S)
                .build()
                .map_err(|cause| unbuilt(operation, cause))?;
            create = create.attribute_definitions(definition);
        }
        match create.send().await {
            Ok(_) => {}
            Err(cause) if is_condition(&cause, |e| e.is_resource_in_use_exception()) => {
                return Ok(());
            }
            Err(cause) => return Err(error(operation, cause)),
        }
        let wait = self.client.wait_until_table_exists().table_name(table);
        wait.wait(std::time::Duration::from_secs(120)).await.map_err(|cause| {
            let message = "the table is not ready after two minutes; look at it in the console";
            Error::new(ErrorKind::Timeout, operation, message).with("table", table).caused_by(cause)
        })?;
        let expiry = TimeToLiveSpecification::builder().attribute_name("expires").enabled(true);
        let expiry = expiry.build().map_err(|cause| unbuilt(operation, cause))?;
        let update = self.client.update_time_to_live().table_name(table);
        let update = update.time_to_live_specification(expiry);
        update.send().await.map_err(|cause| error(operation, cause)).map(drop)
    }
}

pub(super) fn is_condition<E, R>(cause: &SdkError<E, R>, is: impl Fn(&E) -> bool) -> bool {
    cause.as_service_error().is_some_and(is)
}

pub(super) fn unbuilt(
    operation: &'static str,
    cause: aws_sdk_dynamodb::error::BuildError,
) -> Error {
    Error::new(ErrorKind::Unexpected, operation, "a request could not be made").caused_by(cause)
}
