//! Archive: originals that are cheap to keep and slow to read.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::backend::{ArchiveItem, Quote, QuoteRequest, RestoreSpeed};
use crate::error::{Error, ErrorKind, Result};
use crate::id::AssetId;
use crate::library::{RunHandle, handle};
use crate::model::{Instance, InstanceState, RunKind, StorageClass};
use crate::workflow::{ArchiveParams, RestoreParams, originals};

handle! {
    /// Originals that are cheap to keep and slow to read. Proxies stay where they are, so that
    /// archived assets can be found, watched and cut.
    Archive
}

/// What is to be archived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArchiveRequest {
    /// The assets.
    pub assets: Vec<AssetId>,
    /// The class their originals go into.
    pub storage_class: StorageClass,
}

/// What is to be restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestoreRequest {
    /// The assets.
    pub assets: Vec<AssetId>,
    /// How fast.
    #[serde(default)]
    pub speed: RestoreSpeed,
    /// How long the readable copies stay, in milliseconds; a week unless told otherwise.
    #[serde(default = "a_week")]
    pub keep_for_ms: u64,
}

fn a_week() -> u64 {
    7 * 24 * 60 * 60 * 1000
}

impl RestoreRequest {
    /// Restores one asset the usual way for a week.
    pub fn new(asset: AssetId) -> Self {
        Self { assets: vec![asset], speed: RestoreSpeed::default(), keep_for_ms: a_week() }
    }
}

/// What would be moved, and what would not and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ArchivePlan {
    /// What it takes, all of it together.
    pub quote: Quote,
    /// Each asset.
    pub items: Vec<PlanItem>,
}

/// What a plan says of one asset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlanItem {
    /// The asset.
    pub asset: AssetId,
    /// How many bytes of it would be moved.
    pub bytes: u64,
    /// Why nothing of it would be moved; absent where something would.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed_over: Option<String>,
}

impl Archive {
    /// Says what archiving would take, without doing it.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for an unknown asset;
    /// [`Unsupported`](ErrorKind::Unsupported) for a class the archive does not have.
    pub async fn plan_store(&self, request: &ArchiveRequest) -> Result<ArchivePlan> {
        self.check_class(request.storage_class)?;
        let movable = ["stored", "verified", "restored"];
        self.plan(&request.assets, &movable, "nothing of it is online", |_| {
            Ok(QuoteRequest::Archive(request.storage_class))
        })
        .await
    }

    /// Says what restoring would take, without doing it.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for an unknown asset;
    /// [`Unsupported`](ErrorKind::Unsupported) for a speed the class does not have.
    pub async fn plan_restore(&self, request: &RestoreRequest) -> Result<ArchivePlan> {
        // One that is under way can be made faster, one that is done kept for longer.
        let movable = ["archived", "restoring", "restored"];
        self.plan(&request.assets, &movable, "nothing of it is archived", |instance| {
            let class = class_of(&instance.state).unwrap_or(StorageClass::Archive);
            self.check_speed(class, request.speed)?;
            Ok(QuoteRequest::Restore(class, request.speed))
        })
        .await
    }

    async fn plan(
        &self,
        assets: &[AssetId],
        movable: &[&str],
        otherwise: &str,
        request: impl Fn(&Instance) -> Result<QuoteRequest>,
    ) -> Result<ArchivePlan> {
        let archive = &self.library.backends().archive;
        let mut quote = Quote { items: 0, bytes: 0, eta_ms: 0, cost_usd: None };
        let mut items = Vec::new();
        for asset in assets {
            let mut bytes = 0;
            for instance in self.originals(*asset).await? {
                if !movable.contains(&instance.state.as_str()) {
                    continue;
                }
                let item = ArchiveItem { key: instance.key.parse()?, size: instance.size };
                let one = archive.quote(&[item], request(&instance)?).await?;
                bytes += one.bytes;
                quote.items += one.items;
                quote.bytes += one.bytes;
                quote.eta_ms = quote.eta_ms.max(one.eta_ms);
                quote.cost_usd = match (quote.cost_usd, one.cost_usd) {
                    (Some(all), Some(one)) => Some(all + one),
                    (all, one) => all.or(one),
                };
            }
            items.push(PlanItem {
                asset: *asset,
                bytes,
                passed_over: (bytes == 0).then(|| otherwise.to_owned()),
            });
        }
        Ok(ArchivePlan { quote, items })
    }

    /// Puts the originals of assets into the archive: one run for each asset.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for an unknown asset, then no run is started;
    /// [`Conflict`](ErrorKind::Conflict) where nothing of an asset is online;
    /// [`Unsupported`](ErrorKind::Unsupported) for a class the archive does not have.
    pub async fn store(&self, request: &ArchiveRequest) -> Result<Vec<RunHandle>> {
        let plan = self.plan_store(request).await?;
        refuse_passed_over("archive.store", &plan)?;
        let mut runs = Vec::new();
        for asset in &request.assets {
            let params = ArchiveParams { asset: *asset, class: request.storage_class };
            let all = self.library.runs();
            runs.push(all.start(RunKind::Archive, Some(*asset), &params, 0, None).await?);
        }
        Ok(runs)
    }

    /// Gets the originals of assets back for a time: one run for each asset, which ends when they
    /// can be read.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for an unknown asset, then no run is started;
    /// [`Conflict`](ErrorKind::Conflict) where nothing of an asset is archived;
    /// [`Unsupported`](ErrorKind::Unsupported) for a speed the class does not have.
    pub async fn restore(&self, request: &RestoreRequest) -> Result<Vec<RunHandle>> {
        let plan = self.plan_restore(request).await?;
        refuse_passed_over("archive.restore", &plan)?;
        let mut runs = Vec::new();
        for asset in &request.assets {
            let params = RestoreParams {
                asset: *asset,
                speed: request.speed,
                keep_for_ms: request.keep_for_ms,
            };
            let all = self.library.runs();
            runs.push(all.start(RunKind::Restore, Some(*asset), &params, 0, None).await?);
        }
        Ok(runs)
    }

    /// How long restoring from a class takes at the usual speed.
    pub(super) fn time_of(&self, class: StorageClass) -> Option<Duration> {
        let times = self.library.backends().archive.capabilities().restore_times;
        let usual = |(of, speed, _): &&(_, _, _)| *of == class && *speed == RestoreSpeed::Standard;
        times.iter().find(usual).map(|(_, _, time)| *time)
    }

    fn check_class(&self, class: StorageClass) -> Result<()> {
        let classes = self.library.backends().archive.capabilities().classes;
        match classes.contains(&class) {
            true => Ok(()),
            false => Err(Error::new(
                ErrorKind::Unsupported,
                "archive.store",
                "the archive of this library does not have this class",
            )
            .with("class", format!("{class:?}"))),
        }
    }

    fn check_speed(&self, class: StorageClass, speed: RestoreSpeed) -> Result<()> {
        let times = self.library.backends().archive.capabilities().restore_times;
        match times.iter().any(|(of, at, _)| *of == class && *at == speed) {
            true => Ok(()),
            false => Err(Error::new(
                ErrorKind::Unsupported,
                "archive.restore",
                "this class cannot be restored at this speed; ask for a slower one",
            )
            .with("class", format!("{class:?}"))
            .with("speed", format!("{speed:?}"))),
        }
    }

    async fn originals(&self, asset: AssetId) -> Result<Vec<Instance>> {
        self.catalog().asset(asset).await?;
        originals(self.library.backends(), asset).await
    }
}

fn class_of(state: &InstanceState) -> Option<StorageClass> {
    match state {
        InstanceState::Archived { storage_class: class }
        | InstanceState::Archiving { storage_class: class }
        | InstanceState::Restoring { storage_class: class, .. }
        | InstanceState::Restored { storage_class: class, .. } => Some(*class),
        _ => None,
    }
}

fn refuse_passed_over(operation: &'static str, plan: &ArchivePlan) -> Result<()> {
    let passed_over = plan
        .items
        .iter()
        .find_map(|item| item.passed_over.as_ref().map(|reason| (item.asset, reason.clone())));
    match passed_over {
        None => Ok(()),
        Some((asset, reason)) => {
            Err(Error::new(ErrorKind::Conflict, operation, reason).with("asset", asset))
        }
    }
}
