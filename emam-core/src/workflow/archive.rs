//! Archive and restore: originals go where they are cheap to keep, and come back for a time.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::backend::{ArchiveStatus, Backends, Key, RestoreOptions, RestoreSpeed};
use crate::clock::after;
use crate::error::{Error, ErrorKind, Result};
use crate::id::AssetId;
use crate::model::{Instance, InstanceState, Role, RunKind, StorageClass};
use crate::workflow::{End, RunContext, StepContext, Stop, Workflow};

/// How long to wait for an archive that does not say how long it will take.
const ASK_AGAIN: Duration = Duration::from_secs(60);

/// What an archive run is asked to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ArchiveParams {
    pub(crate) asset: AssetId,
    pub(crate) class: StorageClass,
}

/// What a restore run is asked to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RestoreParams {
    pub(crate) asset: AssetId,
    pub(crate) speed: RestoreSpeed,
    pub(crate) keep_for_ms: u64,
}

/// Executes archive runs.
#[derive(Debug)]
pub(crate) struct ArchiveAssets;

#[async_trait]
impl Workflow for ArchiveAssets {
    fn kind(&self) -> RunKind {
        RunKind::Archive
    }

    async fn run(&self, cx: &RunContext) -> Result<Value, Stop> {
        let ArchiveParams { asset, class } = cx.params()?;
        // The intent is recorded before the call: whoever finds the bytes gone knows why.
        cx.step("intend", |_| async { Ok(intend(cx, asset, class).await?) }).await?;
        cx.step("archive", |_| async {
            let keys = keys(cx.backends(), asset, &["archiving"]).await?;
            for outcome in cx.backends().archive.archive(&keys, class).await? {
                outcome.result.map_err(Error::from)?;
            }
            Ok(())
        })
        .await?;
        cx.step("confirm", |_| confirm(cx, asset)).await?;
        Ok(json!({ "asset": asset }))
    }

    async fn stopped(&self, cx: &RunContext, _: &End) -> Result<()> {
        let ArchiveParams { asset, .. } = cx.params()?;
        settle_states(cx.backends(), asset).await
    }
}

/// Executes restore runs.
#[derive(Debug)]
pub(crate) struct RestoreAssets;

#[async_trait]
impl Workflow for RestoreAssets {
    fn kind(&self) -> RunKind {
        RunKind::Restore
    }

    async fn run(&self, cx: &RunContext) -> Result<Value, Stop> {
        let params: RestoreParams = cx.params()?;
        cx.step("request", |_| async { Ok(request(cx, &params).await?) }).await?;
        let expires_at = cx.step("wait", |step| arrive(cx, params.asset, step)).await?;
        Ok(json!({ "asset": params.asset, "expires_at": expires_at }))
    }

    async fn stopped(&self, cx: &RunContext, _: &End) -> Result<()> {
        let params: RestoreParams = cx.params()?;
        settle_states(cx.backends(), params.asset).await
    }
}

/// The files of the originals of an asset, all versions.
pub(crate) async fn originals(backends: &Backends, asset: AssetId) -> Result<Vec<Instance>> {
    let renditions = backends.catalog.renditions(asset).await?;
    Ok(renditions
        .into_iter()
        .filter(|rendition| rendition.role == Role::Original)
        .flat_map(|rendition| rendition.instances)
        .filter(|instance| instance.storage == Backends::ORIGINALS)
        .collect())
}

async fn keys(backends: &Backends, asset: AssetId, states: &[&str]) -> Result<Vec<Key>> {
    originals(backends, asset)
        .await?
        .into_iter()
        .filter(|instance| states.contains(&instance.state.as_str()))
        .map(|instance| instance.key.parse())
        .collect()
}

async fn intend(cx: &RunContext, asset: AssetId, class: StorageClass) -> Result<()> {
    let catalog = &cx.backends().catalog;
    for instance in originals(cx.backends(), asset).await? {
        let from = ["stored", "verified", "restored", "archiving"];
        catalog
            .set_instance_state(
                instance.id,
                &from,
                &InstanceState::Archiving { storage_class: class },
            )
            .await?;
    }
    Ok(())
}

/// Waits until the archive has all of it.
async fn confirm(cx: &RunContext, asset: AssetId) -> Result<(), Stop> {
    for instance in originals(cx.backends(), asset).await? {
        if instance.state.as_str() != "archiving" {
            continue;
        }
        match cx.backends().archive.status(&instance.key.parse()?).await? {
            ArchiveStatus::Archived(class) => {
                let archived = InstanceState::Archived { storage_class: class };
                let catalog = &cx.backends().catalog;
                catalog.set_instance_state(instance.id, &["archiving"], &archived).await?;
            }
            _ => return Err(Stop::Wait(after(cx.now(), ASK_AGAIN))),
        }
    }
    Ok(())
}

async fn request(cx: &RunContext, params: &RestoreParams) -> Result<()> {
    let backends = cx.backends();
    let options =
        RestoreOptions { speed: params.speed, keep_for: Duration::from_millis(params.keep_for_ms) };
    let from = ["archived", "restoring", "restored"];
    for instance in originals(backends, params.asset).await? {
        let class = match instance.state {
            InstanceState::Archived { storage_class: class }
            | InstanceState::Restoring { storage_class: class, .. }
            | InstanceState::Restored { storage_class: class, .. } => class,
            _ => continue,
        };
        let intent = InstanceState::Restoring { storage_class: class, eta: cx.now() };
        backends.catalog.set_instance_state(instance.id, &from, &intent).await?;
        let outcomes = backends.archive.restore(&[instance.key.parse()?], options).await?;
        for outcome in outcomes {
            let eta = outcome.result.map_err(Error::from)?;
            let restoring = InstanceState::Restoring { storage_class: class, eta };
            backends.catalog.set_instance_state(instance.id, &["restoring"], &restoring).await?;
        }
    }
    Ok(())
}

/// Waits until all of it can be read; gives the time the first of it goes away again.
async fn arrive(
    cx: &RunContext,
    asset: AssetId,
    step: StepContext,
) -> Result<Option<Timestamp>, Stop> {
    let backends = cx.backends();
    let mut first = None;
    for instance in originals(backends, asset).await? {
        if !matches!(instance.state.as_str(), "restoring" | "restored") {
            continue;
        }
        match backends.archive.status(&instance.key.parse()?).await? {
            ArchiveStatus::Restored { class, expires_at } => {
                let restored = InstanceState::Restored { storage_class: class, expires_at };
                let from = ["restoring", "restored"];
                backends.catalog.set_instance_state(instance.id, &from, &restored).await?;
                first = Some(first.map_or(expires_at, |first: Timestamp| first.min(expires_at)));
            }
            ArchiveStatus::Restoring { eta, .. } => {
                step.progress(
                    0.0,
                    u64::try_from(crate::clock::until(cx.now(), eta).as_millis()).ok(),
                );
                let soon = after(cx.now(), Duration::from_millis(50));
                return Err(Stop::Wait(eta.max(soon)));
            }
            _ => {
                return Err(Error::new(
                    ErrorKind::Unavailable,
                    "archive.restore",
                    "the archive has forgotten the request; ask for it again",
                )
                .with("key", instance.key)
                .into());
            }
        }
    }
    Ok(first)
}

/// Makes the states in the catalog those the archive tells.
pub(super) async fn settle_states(backends: &Backends, asset: AssetId) -> Result<()> {
    for instance in originals(backends, asset).await? {
        settle_state(backends, &instance).await?;
    }
    Ok(())
}

/// Makes the state of one file in the catalog the one its archive tells.
pub(crate) async fn settle_state(backends: &Backends, instance: &Instance) -> Result<()> {
    let state = match backends.archive.status(&instance.key.parse()?).await? {
        ArchiveStatus::Online => InstanceState::Stored,
        ArchiveStatus::Archiving(class) => InstanceState::Archiving { storage_class: class },
        ArchiveStatus::Archived(class) => InstanceState::Archived { storage_class: class },
        ArchiveStatus::Restoring { class, eta } => {
            InstanceState::Restoring { storage_class: class, eta }
        }
        ArchiveStatus::Restored { class, expires_at } => {
            InstanceState::Restored { storage_class: class, expires_at }
        }
    };
    if state.as_str() != instance.state.as_str() {
        let from = ["archiving", "archived", "restoring", "restored"];
        backends.catalog.set_instance_state(instance.id, &from, &state).await?;
    }
    Ok(())
}
