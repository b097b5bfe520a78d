//! Retrieval jobs: an archive or the inventory is ordered, and comes hours later.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use axum::http::Response;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::tree_hash::{MIB, aligned, tree_hash};
use super::{ACCOUNT, Call, Shared, Vault, arn, date, invalid, missing_parameter, no_archive};
use super::{not_found, page, reply, told};
use crate::completion::GlacierDone;
use crate::jobs::{hangs, hex_id, not_emulated, text};
use crate::service::Fault;

/// How long what was retrieved stays, in hours.
const STAYS_HOURS: i64 = 24;
/// How often a job that tells a topic looks at the account's clock, in real time.
const LOOK: Duration = Duration::from_millis(5);

/// A retrieval.
#[derive(Debug, Clone)]
pub(super) struct Job {
    /// As the service tells it while it runs.
    told: Value,
    created: Timestamp,
    /// When it ends; never, when it hangs.
    done_at: Option<Timestamp>,
    output: Bytes,
    content_type: &'static str,
    description: Option<String>,
}

impl Job {
    fn done(&self, now: Timestamp) -> Option<Timestamp> {
        self.done_at.filter(|done_at| now >= *done_at)
    }

    fn gone(&self, now: Timestamp) -> bool {
        let stays = SignedDuration::from_hours(STAYS_HOURS);
        self.done(now).is_some_and(|done_at| now.duration_since(done_at) > stays)
    }

    fn told(&self, now: Timestamp) -> Value {
        let mut told = self.told.clone();
        let done = self.done(now);
        told["Completed"] = json!(done.is_some());
        told["CompletionDate"] = json!(done.map(date));
        let (code, message) = if done.is_some() {
            ("Succeeded", json!("Succeeded"))
        } else {
            ("InProgress", json!(null))
        };
        told["StatusCode"] = json!(code);
        told["StatusMessage"] = message;
        if told["Action"] == "InventoryRetrieval" && done.is_some() {
            told["InventorySizeInBytes"] = json!(self.output.len());
        }
        told
    }
}

/// How long a retrieval takes, in minutes: the middle of what the service's reference gives for
/// each tier (1 to 5 minutes, 3 to 5 hours, 5 to 12 hours).
fn minutes(tier: &str) -> Option<i64> {
    match tier {
        "Expedited" => Some(3),
        "Standard" => Some(4 * 60),
        "Bulk" => Some(8 * 60),
        _ => None,
    }
}

pub(super) fn initiate(shared: &Arc<Shared>, call: &Call<'_>) -> Result<Response<Bytes>, Fault> {
    let asked: Value = serde_json::from_slice(&call.body)
        .map_err(|error| invalid(format!("Invalid job parameters: {error}")))?;
    let kind = text(&asked, "/Type")
        .ok_or_else(|| missing_parameter("Required parameter missing: Type"))?;
    let tier = text(&asked, "/Tier").unwrap_or("Standard");
    let minutes =
        minutes(tier).ok_or_else(|| invalid(format!("Invalid Tier parameter value: {tier}")))?;
    let now = shared.world.clock.now();
    let mut state = shared.state();
    let count = state.next();
    let hangs = hangs(&shared.world.switches(), "glacier", state.count);
    let vault = state.vault(call.vault)?;
    let mut job = match kind {
        "archive-retrieval" => archive_retrieval(vault, &asked, tier, now)?,
        "inventory-retrieval" => inventory_retrieval(vault, call.vault, &asked, now)?,
        "select" => return Err(not_emulated("Glacier", "InitiateJob of type select")),
        other => return Err(invalid(format!("Invalid Type parameter value: {other}"))),
    };
    let id = hex_id(&["job", call.vault, &count]);
    let takes = SignedDuration::from_mins(minutes);
    job.done_at = if hangs { None } else { now.saturating_add(takes).ok() };
    job.told["JobId"] = json!(id);
    job.told["VaultARN"] = json!(arn(call.vault));
    job.told["CreationDate"] = json!(date(now));
    job.told["JobDescription"] = asked["Description"].clone();
    job.told["SNSTopic"] = asked["SNSTopic"].clone();
    vault.jobs.insert(id.clone(), job.clone());
    drop(state);
    if let (Some(topic), Some(done_at)) = (text(&asked, "/SNSTopic"), job.done_at) {
        tokio::spawn(announce(Arc::clone(shared), job.clone(), done_at, topic.to_owned()));
    }
    let location = format!("/{ACCOUNT}/vaults/{}/jobs/{id}", call.vault);
    Ok(reply(202, [("location", location), ("x-amz-job-id", id)], ""))
}

async fn announce(shared: Arc<Shared>, job: Job, done_at: Timestamp, topic_arn: String) {
    while shared.world.clock.now() < done_at {
        tokio::time::sleep(LOOK).await;
    }
    let done = GlacierDone { topic_arn, message: job.told(shared.world.clock.now()) };
    shared.completion.glacier_done(&done).await;
}

fn archive_retrieval(
    vault: &Vault,
    asked: &Value,
    tier: &str,
    now: Timestamp,
) -> Result<Job, Fault> {
    let id = text(asked, "/ArchiveId")
        .ok_or_else(|| missing_parameter("Required parameter missing: ArchiveId"))?;
    let archive = vault.archives.get(id).ok_or_else(|| no_archive(id))?;
    let whole = archive.body.len();
    let range = match text(asked, "/RetrievalByteRange") {
        None => 0..whole,
        Some(text) => retrieval_range(text, whole)
            .ok_or_else(|| invalid(format!("Invalid retrieval byte range: {text}")))?,
    };
    let hash = aligned(&range, whole).then(|| tree_hash(&archive.body[range.clone()]));
    let told = json!({
        "Action": "ArchiveRetrieval",
        "ArchiveId": id,
        "ArchiveSizeInBytes": whole,
        "ArchiveSHA256TreeHash": archive.tree_hash,
        "SHA256TreeHash": hash,
        "RetrievalByteRange": format!("{}-{}", range.start, range.end - 1),
        "Tier": tier,
    });
    Ok(Job {
        told,
        created: now,
        done_at: None,
        output: archive.body.slice(range),
        content_type: "application/octet-stream",
        description: Some(archive.description.clone()),
    })
}

/// `FIRST-LAST`: from a whole MiB to the end of one or of the archive.
fn retrieval_range(text: &str, whole: usize) -> Option<Range<usize>> {
    let (first, last) = text.split_once('-')?;
    let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
    let end = last + 1;
    let placed = first.is_multiple_of(MIB) && (end.is_multiple_of(MIB) || end == whole);
    (first <= last && end <= whole && placed).then_some(first..end)
}

fn inventory_retrieval(
    vault: &mut Vault,
    name: &str,
    asked: &Value,
    now: Timestamp,
) -> Result<Job, Fault> {
    if !asked["InventoryRetrievalParameters"].is_null() {
        return Err(not_emulated("Glacier", "InventoryRetrievalParameters"));
    }
    let format = text(asked, "/Format").unwrap_or("JSON");
    vault.last_inventory = Some(now);
    let (output, content_type) = match format {
        "JSON" => (inventory_json(vault, name, now), "application/json"),
        "CSV" => (inventory_csv(vault), "text/csv"),
        other => return Err(invalid(format!("Invalid Format parameter value: {other}"))),
    };
    let told = json!({
        "Action": "InventoryRetrieval",
        "InventoryRetrievalParameters": {"Format": format},
    });
    let output = output.into();
    Ok(Job { told, created: now, done_at: None, output, content_type, description: None })
}

fn inventory_json(vault: &Vault, name: &str, now: Timestamp) -> String {
    let archives = vault.archives.iter().map(|(id, archive)| {
        json!({
            "ArchiveId": id,
            "ArchiveDescription": archive.description,
            "CreationDate": date(archive.created),
            "Size": archive.body.len(),
            "SHA256TreeHash": archive.tree_hash,
        })
    });
    let archives: Vec<_> = archives.collect();
    json!({"VaultARN": arn(name), "InventoryDate": date(now), "ArchiveList": archives}).to_string()
}

fn inventory_csv(vault: &Vault) -> String {
    let mut out = "ArchiveId,ArchiveDescription,CreationDate,Size,SHA256TreeHash\n".to_owned();
    for (id, archive) in &vault.archives {
        let description = archive.description.replace('"', "\"\"");
        let (created, size) = (date(archive.created), archive.body.len());
        out.push_str(&format!("{id},\"{description}\",{created},{size},{}\n", archive.tree_hash));
    }
    out
}

fn no_job(id: &str) -> Fault {
    not_found(format!("The job ID was not found: {id}"))
}

fn find(shared: &Shared, call: &Call<'_>, id: &str, now: Timestamp) -> Result<Job, Fault> {
    let mut state = shared.state();
    let job = state.vault(call.vault)?.jobs.get(id).filter(|job| !job.gone(now));
    job.cloned().ok_or_else(|| no_job(id))
}

pub(super) fn describe(
    shared: &Shared,
    call: &Call<'_>,
    id: &str,
) -> Result<Response<Bytes>, Fault> {
    let now = shared.world.clock.now();
    Ok(told(&find(shared, call, id, now)?.told(now)))
}

pub(super) fn list(shared: &Shared, call: &Call<'_>) -> Result<Response<Bytes>, Fault> {
    let now = shared.world.clock.now();
    let mut state = shared.state();
    let mut jobs: Vec<_> = state.vault(call.vault)?.jobs.values().collect();
    jobs.retain(|job| !job.gone(now));
    jobs.sort_by_key(|job| job.created);
    let (status, completed) = (call.query("statuscode"), call.query("completed"));
    let fits = |job: &Value| {
        status.is_none_or(|status| job["StatusCode"] == status)
            && completed.is_none_or(|completed| job["Completed"] == json!(completed == "true"))
    };
    let jobs = jobs.into_iter().map(|job| job.told(now)).filter(fits).collect();
    Ok(told(&page(call, "JobList", jobs)?))
}

/// The bytes of `bytes=FIRST-LAST`.
fn range(text: &str, whole: usize) -> Option<Range<usize>> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let first: usize = first.parse().ok()?;
    let end = if last.is_empty() { whole } else { last.parse::<usize>().ok()?.checked_add(1)? };
    (first < end && end <= whole).then_some(first..end)
}

pub(super) fn output(shared: &Shared, call: &Call<'_>, id: &str) -> Result<Response<Bytes>, Fault> {
    let now = shared.world.clock.now();
    let job = find(shared, call, id, now)?;
    if job.done(now).is_none() {
        let said = format!("The job is not currently available for download: {id}");
        return Err(invalid(said));
    }
    let whole = job.output.len();
    let (status, part) = match call.header("range") {
        None => (200, 0..whole),
        Some(text) => {
            let part = range(text, whole);
            (206, part.ok_or_else(|| invalid(format!("Invalid range: {text}")))?)
        }
    };
    let headers = [("accept-ranges", "bytes".to_owned())];
    let mut response = reply(status, headers, job.output.slice(part.clone()));
    let map = response.headers_mut();
    let mut set = |name: &'static str, value: String| {
        if let Ok(value) = value.parse() {
            map.insert(name, value);
        }
    };
    set("content-type", job.content_type.to_owned());
    if let Some(description) = job.description {
        set("x-amz-archive-description", description);
        if aligned(&part, whole) {
            set("x-amz-sha256-tree-hash", tree_hash(&job.output[part.clone()]));
        }
    }
    if status == 206 {
        set("content-range", format!("bytes {}-{}/{whole}", part.start, part.end - 1));
    }
    Ok(response)
}
