//! Render: a sequence as one media file.
//!
//! Pieces are rendered into a folder beside the file to be, joined, verified against the plan and
//! put in place in one go: the file is there whole or not at all. A run that was killed goes on
//! with the piece it was at.

mod bench;
mod copying;
mod options;
mod planning;

use async_trait::async_trait;
use serde_json::Value;

pub(super) use copying::piece as copy_of;
pub(crate) use options::RenderParams;
pub use options::{CopyMode, RenderOptions, Rendered};

use bench::{Bench, Folder, Made};
use planning::Planned;

use crate::error::{Error, ErrorKind, Result};
use crate::model::RunKind;
use crate::workflow::{End, RunContext, Stop, Workflow};

pub(super) const OPERATION: &str = "sequences.render";

/// Executes render runs.
#[derive(Debug)]
pub(crate) struct Render;

#[async_trait]
impl Workflow for Render {
    fn kind(&self) -> RunKind {
        RunKind::Render
    }

    async fn run(&self, cx: &RunContext) -> Result<Value, Stop> {
        let params: RenderParams = cx.params()?;
        let folder = Folder::of(&params.path, cx.run().id);
        cx.backends().renderer.take_over(folder.path()).await?;
        let planned: Planned = cx
            .step("plan", |step| {
                let (params, folder) = (&params, &folder);
                async move { Ok(planning::plan(cx, params, folder, &step).await?) }
            })
            .await?;
        // Read when the first step needs it: when all are done, it is gone.
        let bench = Bench::new(cx, &params, &folder);
        let bench = &bench;

        let mut not_copied = planned.not_copied;
        if not_copied.is_none() {
            not_copied =
                cx.step("copy", |step| async move { Ok(bench.copy(&step).await?) }).await?;
        }
        if let (Some(why), CopyMode::Only) = (&not_copied, params.options.copy) {
            let message = "the pictures of this cut cannot be copied; let them be encoded (copy: \
                           auto) or cut at keyframes";
            let error = Error::new(ErrorKind::Unsupported, OPERATION, message);
            return Err(error.with("why", why).into());
        }
        if not_copied.is_some() {
            for index in 0..planned.pieces {
                let work = |step| async move { Ok(bench.render(index, true, &step).await?) };
                let _: Made = cx.step(&format!("piece.{:05}", index + 1), work).await?;
            }
            let work = |step| async move { Ok(bench.join_rendered(&step).await?) };
            let _: Made = cx.step("join", work).await?;
        }
        let made: Made = cx.step("verify", |_| async move { Ok(bench.verify().await?) }).await?;
        cx.step("finish", |_| async { Ok(bench::finish(&params, &folder, made).await?) }).await?;
        let rendered = Rendered {
            path: params.path.clone(),
            frames: planned.frames,
            size: made.size,
            timecode: planned.timecode,
            copied: not_copied.is_none(),
            not_copied: not_copied.filter(|_| params.options.copy != CopyMode::Never),
            issues: planned.issues,
        };
        serde_json::to_value(rendered).map_err(|cause| {
            let message = "what was rendered has no JSON";
            Error::new(ErrorKind::Unexpected, OPERATION, message).caused_by(cause).into()
        })
    }

    async fn stopped(&self, cx: &RunContext, _: &End) -> Result<()> {
        let params: RenderParams = cx.params()?;
        let folder = Folder::of(&params.path, cx.run().id);
        cx.backends().renderer.take_over(folder.path()).await?;
        folder.remove().await
    }
}
