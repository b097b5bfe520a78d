//! Analyze: looks into an asset again, sparing what people have edited.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::backend::{AnalysisRequest, Analyzer};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{AssetId, VersionId};
use crate::model::{AnnotationKind, RunKind};
use crate::workflow::job::{Analyzing, drive};
use crate::workflow::renditions::{annotations, original, source};
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
        let mut found = 0;
        for (i, (analyzer, kinds)) in share_out(cx, &params.kinds)?.into_iter().enumerate() {
            let step = format!("analyze.{i}");
            found +=
                cx.step(&step, |step| look(cx, step, &params, analyzer.as_ref(), &kinds)).await?;
        }
        Ok(json!({ "asset": params.asset, "annotations": found }))
    }

    async fn stopped(&self, _: &RunContext, _: &End) -> Result<()> {
        // Findings are replaced in one transaction at the end: there is nothing half-done.
        Ok(())
    }
}

/// An analyzer and what it is to find.
type Share = (Arc<dyn Analyzer>, Vec<AnnotationKind>);

/// Which analyzer does which kinds: the first that can.
fn share_out(cx: &RunContext, kinds: &[AnnotationKind]) -> Result<Vec<Share>> {
    let mut left = kinds.to_vec();
    let mut shares = Vec::new();
    for analyzer in &cx.backends().analyzers {
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

async fn look(
    cx: &RunContext,
    step: StepContext,
    params: &AnalyzeParams,
    analyzer: &dyn Analyzer,
    kinds: &[AnnotationKind],
) -> Result<usize, Stop> {
    let backends = cx.backends();
    let original = original(backends, params.asset, params.version).await?;
    let Some(technical) = original.technical.clone() else {
        return Err(Error::new(
            ErrorKind::Conflict,
            "assets.analyze",
            "the asset has not been probed; let its ingest finish first",
        )
        .with("asset", params.asset)
        .into());
    };
    let asset = backends.catalog.asset(params.asset).await?;
    let request = AnalysisRequest {
        source: source(backends, &original, &asset.file_name)?,
        technical,
        kinds: kinds.to_vec(),
        destination: Arc::clone(&backends.proxies),
        prefix: format!("{}/{}", params.asset, params.version).parse()?,
    };
    let _room = cx.lane("transcode").await;
    let id = drive(cx, &step, &Analyzing(analyzer, &request), |_| async { Ok(()) }).await?;
    let findings = analyzer.findings(&id).await?;
    let found =
        annotations(backends, params.asset, params.version, cx.run().id, findings.annotations);
    let service = analyzer.capabilities().service;
    backends.catalog.replace_findings(params.asset, &service, kinds, &found).await?;
    Ok(found.len())
}
