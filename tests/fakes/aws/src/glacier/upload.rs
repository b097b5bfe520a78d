//! Archives come in whole or in parts; each hash that is claimed is checked.

use std::collections::BTreeMap;
use std::ops::Range;

use axum::http::Response;
use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::tree_hash::{MIB, tree_hash};
use super::{ACCOUNT, Archive, Call, Shared, arn, date, invalid, missing_parameter, not_found};
use super::{page, reply, told};
use crate::jobs::hex_id;
use crate::service::Fault;

/// The largest part in bytes: 4 GiB.
const MAX_PART: usize = 4096 * MIB;

/// An archive that is coming in parts.
#[derive(Debug)]
pub(super) struct Upload {
    created: Timestamp,
    description: String,
    part_size: usize,
    /// By where they begin.
    parts: BTreeMap<usize, Bytes>,
}

fn description(call: &Call<'_>) -> Result<String, Fault> {
    let text = call.header("x-amz-archive-description").unwrap_or_default();
    let plain = text.len() <= 1024 && text.bytes().all(|byte| (32..127).contains(&byte));
    plain.then(|| text.to_owned()).ok_or_else(|| invalid("Invalid archive description"))
}

fn claimed<'a>(call: &'a Call<'_>) -> Result<&'a str, Fault> {
    let name = "x-amz-sha256-tree-hash";
    call.header(name)
        .ok_or_else(|| missing_parameter(format!("Required parameter missing: {name}")))
}

/// Checks the hash that is claimed for some bytes.
fn check(claimed: &str, bytes: &[u8]) -> Result<String, Fault> {
    let actual = tree_hash(bytes);
    if claimed == actual {
        return Ok(actual);
    }
    let said = format!("Checksum mismatch: expected {claimed} but calculated {actual}");
    Err(invalid(said))
}

fn keep(
    shared: &Shared,
    call: &Call<'_>,
    description: String,
    body: Bytes,
    tree_hash: String,
) -> Result<Response<Bytes>, Fault> {
    let now = shared.world.clock.now();
    let mut state = shared.state();
    let count = state.next();
    let vault = state.vault(call.vault)?;
    let id = hex_id(&["archive", call.vault, &count, &tree_hash]).repeat(2);
    let archive = Archive { created: now, description, body, tree_hash: tree_hash.clone() };
    vault.archives.insert(id.clone(), archive);
    let location = format!("/{ACCOUNT}/vaults/{}/archives/{id}", call.vault);
    let headers =
        [("location", location), ("x-amz-sha256-tree-hash", tree_hash), ("x-amz-archive-id", id)];
    Ok(reply(201, headers, ""))
}

pub(super) fn archive(shared: &Shared, call: &Call<'_>) -> Result<Response<Bytes>, Fault> {
    shared.state().vault(call.vault)?;
    if call.body.is_empty() {
        return Err(invalid("Invalid Content-Length: 0"));
    }
    let tree_hash = check(claimed(call)?, &call.body)?;
    keep(shared, call, description(call)?, call.body.clone(), tree_hash)
}

pub(super) fn initiate(shared: &Shared, call: &Call<'_>) -> Result<Response<Bytes>, Fault> {
    let asked = call.header("x-amz-part-size");
    let asked = asked.ok_or_else(|| missing_parameter("Required parameter missing: Part size"))?;
    let fits = |size: &usize| {
        size.is_multiple_of(MIB) && (size / MIB).is_power_of_two() && *size <= MAX_PART
    };
    let part_size = asked.parse().ok().filter(fits).ok_or_else(|| {
        let said = "Part size must be 1 MiB times a power of two, at most 4 GiB";
        invalid(format!("Invalid part size: {asked}. {said}"))
    })?;
    let description = description(call)?;
    let now = shared.world.clock.now();
    let mut state = shared.state();
    let count = state.next();
    let vault = state.vault(call.vault)?;
    let id = hex_id(&["upload", call.vault, &count]);
    let upload = Upload { created: now, description, part_size, parts: BTreeMap::new() };
    vault.uploads.insert(id.clone(), upload);
    let location = format!("/{ACCOUNT}/vaults/{}/multipart-uploads/{id}", call.vault);
    Ok(reply(201, [("location", location), ("x-amz-multipart-upload-id", id)], ""))
}

/// The bytes of `bytes FIRST-LAST/*`.
fn content_range(text: &str) -> Option<Range<usize>> {
    let (first, last) = text.strip_prefix("bytes ")?.split_once('/')?.0.split_once('-')?;
    let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last).then_some(first..last + 1)
}

fn no_upload(id: &str) -> Fault {
    not_found(format!("The upload ID was not found: {id}"))
}

pub(super) fn part(shared: &Shared, call: &Call<'_>, id: &str) -> Result<Response<Bytes>, Fault> {
    let text = call.header("content-range").unwrap_or_default();
    let bad = |why: &str| invalid(format!("Invalid Content-Range: {text}. {why}"));
    let range = content_range(text).ok_or_else(|| bad("It must be bytes FIRST-LAST/*"))?;
    let tree_hash = check(claimed(call)?, &call.body)?;
    let mut state = shared.state();
    let upload = state.vault(call.vault)?.uploads.get_mut(id).ok_or_else(|| no_upload(id))?;
    if range.len() != call.body.len() {
        return Err(bad("The body has another length"));
    }
    if !range.start.is_multiple_of(upload.part_size) || range.len() > upload.part_size {
        return Err(bad("It does not fit the part size"));
    }
    upload.parts.insert(range.start, call.body.clone());
    Ok(reply(204, [("x-amz-sha256-tree-hash", tree_hash)], ""))
}

fn upload_told(vault: &str, id: &str, upload: &Upload) -> Value {
    json!({
        "MultipartUploadId": id,
        "VaultARN": arn(vault),
        "ArchiveDescription": upload.description,
        "PartSizeInBytes": upload.part_size,
        "CreationDate": date(upload.created),
    })
}

pub(super) fn list(shared: &Shared, call: &Call<'_>) -> Result<Response<Bytes>, Fault> {
    let mut state = shared.state();
    let uploads = state.vault(call.vault)?.uploads.iter();
    let uploads = uploads.map(|(id, upload)| upload_told(call.vault, id, upload)).collect();
    Ok(told(&page(call, "UploadsList", uploads)?))
}

pub(super) fn parts(shared: &Shared, call: &Call<'_>, id: &str) -> Result<Response<Bytes>, Fault> {
    let mut state = shared.state();
    let upload = state.vault(call.vault)?.uploads.get(id).ok_or_else(|| no_upload(id))?;
    let parts = upload.parts.iter().map(|(start, body)| {
        json!({
            "RangeInBytes": format!("{start}-{}", start + body.len() - 1),
            "SHA256TreeHash": tree_hash(body),
        })
    });
    let mut answer = upload_told(call.vault, id, upload);
    let page = page(call, "Parts", parts.collect())?;
    answer["Parts"] = page["Parts"].clone();
    answer["Marker"] = page["Marker"].clone();
    Ok(told(&answer))
}

pub(super) fn complete(
    shared: &Shared,
    call: &Call<'_>,
    id: &str,
) -> Result<Response<Bytes>, Fault> {
    let size = call.header("x-amz-archive-size").and_then(|text| text.parse::<usize>().ok());
    let size = size.ok_or_else(|| missing_parameter("Required parameter missing: Archive size"))?;
    let claimed = claimed(call)?;
    let mut state = shared.state();
    let vault = state.vault(call.vault)?;
    let upload = vault.uploads.get(id).ok_or_else(|| no_upload(id))?;
    let mut whole = Vec::new();
    for (start, part) in &upload.parts {
        // Only the last part may be shorter, so a part that follows a shorter one leaves a gap.
        if *start != whole.len() {
            return Err(invalid(format!("The uploaded parts leave a gap at byte {}", whole.len())));
        }
        whole.extend_from_slice(part);
    }
    if whole.len() != size {
        let said = format!("Archive size {size} does not match the {} bytes uploaded", whole.len());
        return Err(invalid(said));
    }
    let tree_hash = check(claimed, &whole)?;
    let description = upload.description.clone();
    vault.uploads.remove(id);
    drop(state);
    keep(shared, call, description, whole.into(), tree_hash)
}

pub(super) fn abort(shared: &Shared, call: &Call<'_>, id: &str) -> Result<Response<Bytes>, Fault> {
    let mut state = shared.state();
    match state.vault(call.vault)?.uploads.remove(id) {
        Some(_) => Ok(reply(204, [], "")),
        None => Err(no_upload(id)),
    }
}
