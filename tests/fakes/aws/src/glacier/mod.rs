//! Glacier vaults: archives that must be ordered back and take hours to come.
//!
//! The wire form is its own: archive bytes are bodies, most answers are headers. Unlike the real
//! service, a vault's counts and its inventory are always those of this moment, not of a day ago.

mod jobs;
#[cfg(test)]
mod tests;
mod tree_hash;
mod upload;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use bytes::Bytes;
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

pub use self::tree_hash::tree_hash;
use crate::completion::Completion;
use crate::jobs::not_emulated;
use crate::service::Fault;
use crate::world::World;

/// The account that `-` stands for.
const ACCOUNT: &str = "000000000000";
/// The name of a vault or account for which the service is closed.
const NEW_CUSTOMER: &str = "new-customer";

/// The service.
#[derive(Debug, Clone)]
pub struct Glacier {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    world: Arc<World>,
    completion: Arc<dyn Completion>,
    state: Mutex<State>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct State {
    vaults: BTreeMap<String, Vault>,
    /// How many ids were given out.
    count: u64,
}

impl State {
    fn vault(&mut self, name: &str) -> Result<&mut Vault, Fault> {
        self.vaults
            .get_mut(name)
            .ok_or_else(|| not_found(format!("Vault not found for ARN: {}", arn(name))))
    }

    fn next(&mut self) -> String {
        self.count += 1;
        self.count.to_string()
    }
}

#[derive(Debug)]
struct Vault {
    created: Timestamp,
    archives: BTreeMap<String, Archive>,
    uploads: BTreeMap<String, upload::Upload>,
    jobs: BTreeMap<String, jobs::Job>,
    last_inventory: Option<Timestamp>,
}

#[derive(Debug, Clone)]
struct Archive {
    created: Timestamp,
    description: String,
    body: Bytes,
    tree_hash: String,
}

/// A request after its account and vault were read.
struct Call<'a> {
    vault: &'a str,
    query: &'a [(String, String)],
    headers: &'a HeaderMap,
    body: Bytes,
}

impl Call<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Glacier {
    /// The service, without vaults.
    pub fn new(world: Arc<World>, completion: Arc<dyn Completion>) -> Self {
        Self { shared: Arc::new(Shared { world, completion, state: Mutex::default() }) }
    }

    /// Answers one request. `path` is as sent, from `/{account}/vaults` on; `query` is decoded.
    pub async fn handle(
        &self,
        method: &Method,
        path: &str,
        query: &[(String, String)],
        headers: &HeaderMap,
        body: Bytes,
    ) -> Response<Bytes> {
        let answer = self.answer(method, path, query, headers, body);
        answer.unwrap_or_else(|fault| refusal(&fault))
    }

    fn answer(
        &self,
        method: &Method,
        path: &str,
        query: &[(String, String)],
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Response<Bytes>, Fault> {
        let decode = |part| percent_decode_str(part).decode_utf8_lossy().into_owned();
        let parts: Vec<String> = path.trim_matches('/').split('/').map(decode).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        if parts.contains(&NEW_CUSTOMER) {
            let said = "The request is denied as the API is no longer supported for new \
                        customers. Please use Amazon S3 Glacier storage classes instead.";
            return Err(Fault::new(400, "NoLongerSupportedException", said));
        }
        if headers.get("x-amz-glacier-version").is_none() {
            return Err(missing_parameter("Required parameter missing: API version"));
        }
        let shared = &self.shared;
        let vault = parts.get(2).copied().unwrap_or_default();
        let call = Call { vault, query, headers, body };
        match (method.as_str(), parts.as_slice()) {
            ("GET", [_, "vaults"]) => list_vaults(shared, &call),
            ("PUT", [_, "vaults", _]) => create_vault(shared, &call),
            ("GET", [_, "vaults", _]) => describe_vault(shared, &call),
            ("DELETE", [_, "vaults", _]) => delete_vault(shared, &call),
            ("POST", [_, "vaults", _, "archives"]) => upload::archive(shared, &call),
            ("DELETE", [_, "vaults", _, "archives", id]) => delete_archive(shared, &call, id),
            ("POST", [_, "vaults", _, "multipart-uploads"]) => upload::initiate(shared, &call),
            ("GET", [_, "vaults", _, "multipart-uploads"]) => upload::list(shared, &call),
            ("PUT", [_, "vaults", _, "multipart-uploads", id]) => upload::part(shared, &call, id),
            ("GET", [_, "vaults", _, "multipart-uploads", id]) => upload::parts(shared, &call, id),
            ("POST", [_, "vaults", _, "multipart-uploads", id]) => {
                upload::complete(shared, &call, id)
            }
            ("DELETE", [_, "vaults", _, "multipart-uploads", id]) => {
                upload::abort(shared, &call, id)
            }
            ("POST", [_, "vaults", _, "jobs"]) => jobs::initiate(shared, &call),
            ("GET", [_, "vaults", _, "jobs"]) => jobs::list(shared, &call),
            ("GET", [_, "vaults", _, "jobs", id]) => jobs::describe(shared, &call, id),
            ("GET", [_, "vaults", _, "jobs", id, "output"]) => jobs::output(shared, &call, id),
            (method, _) => Err(not_emulated("Glacier", &format!("{method} {path}"))),
        }
    }
}

fn refusal(fault: &Fault) -> Response<Bytes> {
    let kind = if fault.status < 500 { "Client" } else { "Server" };
    let body = json!({"code": fault.code, "message": fault.message, "type": kind});
    let headers = [("x-amzn-errortype", fault.code.clone())];
    reply(fault.status, headers, body.to_string())
}

fn reply<const N: usize>(
    status: u16,
    headers: [(&'static str, String); N],
    body: impl Into<Bytes>,
) -> Response<Bytes> {
    let body = body.into();
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    let map = response.headers_mut();
    map.insert("content-type", HeaderValue::from_static("application/json"));
    for (name, value) in headers {
        // A description in other than ASCII cannot be told in a header; the service refuses it.
        if let Ok(value) = HeaderValue::from_str(&value) {
            map.insert(name, value);
        }
    }
    response
}

fn told(value: &Value) -> Response<Bytes> {
    reply(200, [], value.to_string())
}

fn invalid(message: impl fmt::Display) -> Fault {
    Fault::new(400, "InvalidParameterValueException", message)
}

fn missing_parameter(message: impl fmt::Display) -> Fault {
    Fault::new(400, "MissingParameterValueException", message)
}

fn not_found(message: impl fmt::Display) -> Fault {
    Fault::new(404, "ResourceNotFoundException", message)
}

fn arn(vault: &str) -> String {
    format!("arn:aws:glacier:us-east-1:{ACCOUNT}:vaults/{vault}")
}

fn date(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// A page of a list, under `name` beside its `Marker`: the number of the first that did not fit.
fn page(call: &Call<'_>, name: &str, items: Vec<Value>) -> Result<Value, Fault> {
    let number = |name: &str| {
        let text = call.query(name);
        let read = |text: &str| text.parse::<usize>();
        text.map(read).transpose().map_err(|_| invalid(format!("Invalid {name}: {text:?}")))
    };
    let from = number("marker")?.unwrap_or(0);
    let end = from.saturating_add(number("limit")?.unwrap_or(50));
    let marker = (end < items.len()).then(|| end.to_string());
    let items: Vec<_> = items.into_iter().skip(from).take(end - from).collect();
    Ok(json!({name: items, "Marker": marker}))
}

fn create_vault(shared: &Shared, call: &Call<'_>) -> Result<Response<Bytes>, Fault> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let name = call.vault;
    if name.is_empty() || name.len() > 255 || !name.chars().all(plain) {
        return Err(invalid(format!("Invalid vault name: {name}")));
    }
    let vault = Vault {
        created: shared.world.clock.now(),
        archives: BTreeMap::new(),
        uploads: BTreeMap::new(),
        jobs: BTreeMap::new(),
        last_inventory: None,
    };
    // A vault that is there already is success and stays as it is.
    shared.state().vaults.entry(name.to_owned()).or_insert(vault);
    Ok(reply(201, [("location", format!("/{ACCOUNT}/vaults/{name}"))], ""))
}

fn vault_told(name: &str, vault: &Vault) -> Value {
    let size: usize = vault.archives.values().map(|archive| archive.body.len()).sum();
    json!({
        "VaultARN": arn(name),
        "VaultName": name,
        "CreationDate": date(vault.created),
        "LastInventoryDate": vault.last_inventory.map(date),
        "NumberOfArchives": vault.archives.len(),
        "SizeInBytes": size,
    })
}

fn describe_vault(shared: &Shared, call: &Call<'_>) -> Result<Response<Bytes>, Fault> {
    let mut state = shared.state();
    Ok(told(&vault_told(call.vault, state.vault(call.vault)?)))
}

fn list_vaults(shared: &Shared, call: &Call<'_>) -> Result<Response<Bytes>, Fault> {
    let state = shared.state();
    let vaults = state.vaults.iter().map(|(name, vault)| vault_told(name, vault)).collect();
    Ok(told(&page(call, "VaultList", vaults)?))
}

fn delete_vault(shared: &Shared, call: &Call<'_>) -> Result<Response<Bytes>, Fault> {
    let mut state = shared.state();
    if !state.vault(call.vault)?.archives.is_empty() {
        let said = format!("Vault not empty or recently written to: {}", arn(call.vault));
        return Err(invalid(said));
    }
    state.vaults.remove(call.vault);
    Ok(reply(204, [], ""))
}

fn delete_archive(shared: &Shared, call: &Call<'_>, id: &str) -> Result<Response<Bytes>, Fault> {
    let mut state = shared.state();
    match state.vault(call.vault)?.archives.remove(id) {
        Some(_) => Ok(reply(204, [], "")),
        None => Err(no_archive(id)),
    }
}

fn no_archive(id: &str) -> Fault {
    not_found(format!("The archive ID was not found: {id}"))
}
