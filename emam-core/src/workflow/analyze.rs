//! Analyze: looks into an asset, each service in a step of its own, sparing what people have edited.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::backend::{AnalysisRequest, Analyzer, Backends};
use crate::error::{Error, ErrorInfo, ErrorKind, Result};
use crate::id::{AssetId, VersionId};
use crate::model::{AnnotationKind, AssetKind, Rendition, Role, RunKind, Technical};
use crate::workflow::job::{Analyzing, abandon, analyze_step, drive};
use crate::workflow::renditions::{annotations, original, record, source};
use crate::workflow::{End, RunContext, StepContext, Stop, Workflow};

/// What an analyze run is asked to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AnalyzeParams {
    pub(crate) asset: AssetId,
    pub(crate) version: VersionId,
    pub(crate) kinds: Vec<AnnotationKind>,
}

/// Executes analyze runs.
#[derive(Debug)]
pub(crate) struct Analyze;

#[async_trait]
impl Workflow for Analyze {
    fn kind(&self) -> RunKind {
        RunKind::Analyze
    }

    async fn run(&self, cx: &RunContext) -> Result<Value, Stop> {
        let params: AnalyzeParams = cx.params()?;
        let shares = share_out(cx.backends(), &params.kinds)?;
        let looked = look_all(cx, params.asset, params.version, shares).await?;
        // Whoever asked for an analysis wants to know that it failed.
        if let Some(failed) = looked.iter().find_map(|looked| looked.failed.clone()) {
            return Err(Error::from(failed).into());
        }
        let found: usize = looked.iter().map(|looked| looked.found).sum();
        Ok(json!({ "asset": params.asset, "annotations": found }))
    }

    async fn stopped(&self, cx: &RunContext, _: &End) -> Result<()> {
        // Findings are replaced in one transaction at the end: there is nothing half-done.
        abandon(cx).await
    }
}

/// An analyzer and what it is to find.
pub(super) type Share = (Arc<dyn Analyzer>, Vec<AnnotationKind>);

/// What came of one service's look.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Looked {
    /// How much it found.
    pub(super) found: usize,
    /// Why it found nothing, where it could not look and never will.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) failed: Option<ErrorInfo>,
}

/// Which analyzer does which kinds: the first that can.
pub(crate) fn share_out(backends: &Backends, kinds: &[AnnotationKind]) -> Result<Vec<Share>> {
    let mut left = kinds.to_vec();
    let mut shares = Vec::new();
    for analyzer in &backends.analyzers {
        let can = analyzer.capabilities().kinds;
        let (its, others): (Vec<_>, Vec<_>) = left.into_iter().partition(|k| can.contains(k));
        left = others;
        if !its.is_empty() {
            shares.push((Arc::clone(analyzer), its));
        }
    }
    match left.first() {
        None => Ok(shares),
        Some(kind) => Err(Error::new(
            ErrorKind::Unsupported,
            "assets.analyze",
            "no analyzer of this library finds this kind",
        )
        .with("kind", kind.as_str())),
    }
}

/// The kinds that media like this can hold at all: nothing is said without sound, and nothing is
/// seen without a picture.
pub(super) fn possible(kinds: &[AnnotationKind], technical: &Technical) -> Vec<AnnotationKind> {
    let seen = !technical.video.is_empty() || technical.picture.is_some();
    let moving = technical.kind == AssetKind::Video;
    kinds
        .iter()
        .copied()
        .filter(|kind| match kind {
            AnnotationKind::Speech | AnnotationKind::Silence | AnnotationKind::Loudness => {
                !technical.audio.is_empty()
            }
            AnnotationKind::Shot | AnnotationKind::Black => moving,
            _ => seen,
        })
        .collect()
}

/// Has all services look at once, each in a step of its own. Where some have to be waited for, what
/// the others have found is recorded before.
pub(super) async fn look_all(
    cx: &RunContext,
    asset: AssetId,
    version: VersionId,
    shares: Vec<Share>,
) -> Result<Vec<Looked>, Stop> {
    let looks = shares.iter().map(|(analyzer, kinds)| {
        let name = analyze_step(&analyzer.capabilities().service);
        async move {
            let look = |step| look(cx, step, asset, version, analyzer.as_ref(), kinds);
            cx.step(&name, look).await
        }
    });
    let mut looked = Vec::new();
    let mut wait = None;
    let mut failed = None;
    for outcome in join_all(looks).await {
        match outcome {
            Ok(one) => looked.push(one),
            Err(Stop::Wait(at)) => {
                wait = Some(wait.map_or(at, |other: jiff::Timestamp| other.min(at)));
            }
            // One that is only busy must not hide that another has failed.
            Err(Stop::Failed(error)) => {
                if failed.is_none() || error.kind() != ErrorKind::RateLimited {
                    failed = Some(error);
                }
            }
        }
    }
    match (failed, wait) {
        (Some(error), Some(at)) if error.kind() == ErrorKind::RateLimited => Err(Stop::Wait(at)),
        (Some(error), _) => Err(error.into()),
        (None, Some(at)) => Err(Stop::Wait(at)),
        (None, None) => Ok(looked),
    }
}

async fn look(
    cx: &RunContext,
    step: StepContext,
    asset: AssetId,
    version: VersionId,
    analyzer: &dyn Analyzer,
    kinds: &[AnnotationKind],
) -> Result<Looked, Stop> {
    match try_look(cx, step, asset, version, analyzer, kinds).await {
        Ok(found) => Ok(Looked { found, failed: None }),
        Err(Stop::Failed(error)) if !error.is_retryable() => {
            Ok(Looked { found: 0, failed: Some(error.to_info()) })
        }
        Err(stop) => Err(stop),
    }
}

async fn try_look(
    cx: &RunContext,
    step: StepContext,
    asset: AssetId,
    version: VersionId,
    analyzer: &dyn Analyzer,
    kinds: &[AnnotationKind],
) -> Result<usize, Stop> {
    let backends = cx.backends();
    let Some(technical) = original(backends, asset, version).await?.technical else {
        return Err(Error::new(
            ErrorKind::Conflict,
            "assets.analyze",
            "the asset has not been probed; let its ingest finish first",
        )
        .with("asset", asset)
        .into());
    };
    let can = analyzer.capabilities();
    let readable = readable(backends, asset, version, &can.reads).await?;
    let file_name = backends.catalog.asset(asset).await?.file_name;
    let request = AnalysisRequest {
        source: source(backends, &readable, &file_name)?,
        technical,
        kinds: kinds.to_vec(),
        destination: Arc::clone(&backends.proxies),
        prefix: format!("{asset}/{version}").parse()?,
    };
    let id = drive(cx, &step, &Analyzing(analyzer, &request), |_| async { Ok(()) }).await?;
    let findings = analyzer.findings(&id).await?;
    record(backends, asset, version, findings.files, None).await?;
    let found = annotations(backends, asset, version, cx.run().id, findings.annotations);
    backends.catalog.replace_findings(asset, &can.service, kinds, &found).await?;
    Ok(found.len())
}

/// The first rendition there is of those an analyzer reads.
async fn readable(
    backends: &Backends,
    asset: AssetId,
    version: VersionId,
    reads: &[Role],
) -> Result<Rendition> {
    let all = backends.catalog.renditions(asset).await?;
    let of = |role: &Role| all.iter().find(|one| one.version == version && one.role == *role);
    reads.iter().find_map(of).cloned().ok_or_else(|| {
        Error::new(
            ErrorKind::Conflict,
            "assets.analyze",
            "the asset has none of the renditions this service reads; transcode it first",
        )
        .with("asset", asset)
        .with("roles", reads.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", "))
    })
}
