//! What a render run is going to do.

use serde::{Deserialize, Serialize};

use super::OPERATION;
use super::bench::{Folder, Work, media_of};
use super::copying::copies;
use super::options::{CopyMode, RenderOptions, RenderParams};
use crate::backend::{RenderFormat, RenderSettings};
use crate::error::{Error, Result};
use crate::geometry::fit_even;
use crate::time::Timecode;
use crate::timeline::Issue;
use crate::timeline::conform::{self, Limits, Plan, Wanted};
use crate::workflow::cut::{Cut, complete};
use crate::workflow::{RunContext, StepContext};

/// How long a piece is at most: long enough that starting a program costs nothing beside it, short
/// enough that little is done twice.
const PIECE_FRAMES: i64 = 1_500;

/// How many files are open at once.
const PIECE_SHOTS: usize = 24;

/// Bytes of pictures held in memory to be shown backwards.
const REVERSED_BYTES: u64 = 256 << 20;

/// The picture of a cut that says no size and has none in it.
const USUAL_SIZE: (u32, u32) = (1920, 1080);

/// The rates timecode can be drawn at, nominal: those the tools know.
const TIMECODE_RATES: [u32; 9] = [24, 25, 30, 48, 50, 60, 100, 120, 150];

/// What was planned, short enough for the record of the run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Planned {
    pub(super) frames: i64,
    pub(super) pieces: usize,
    pub(super) timecode: Option<String>,
    pub(super) not_copied: Option<String>,
    pub(super) issues: Vec<Issue>,
}

/// Plans a run and brings the media to this machine.
pub(super) async fn plan(
    cx: &RunContext,
    params: &RenderParams,
    folder: &Folder,
    step: &StepContext,
) -> Result<Planned> {
    let (backends, options) = (cx.backends(), &params.options);
    let cut = Cut::load(backends, params.sequence).await?;
    let wanted = Wanted { ranges: options.ranges.clone(), handles: i64::from(options.handles) };
    let plan = conform::plan(&cut.document, &wanted, &|source| cut.facts(source))?;
    complete(&plan, OPERATION)?;
    let settings = settings(&cut, &plan, options)?;
    if settings.burn_in.timecode && !TIMECODE_RATES.contains(&plan.rate.nominal()) {
        let message = "timecode cannot be drawn at this rate; leave it out";
        return Err(Error::invalid(OPERATION, message).with("rate", plan.rate));
    }
    folder.make().await?;
    let mut sources = Vec::new();
    let all = plan.sources();
    let count = all.len();
    for (index, source) in all.into_iter().enumerate() {
        let file = cut.file(backends, &source, options.target, OPERATION).await?;
        let path = folder.bring(backends, &file).await?;
        sources.push((source, path, file.technical, file.channels));
        step.progress(index as f64 / count.max(1) as f64, None);
    }
    let copies = match options.copy {
        CopyMode::Never => Err("encoding was asked for".to_owned()),
        mode => {
            let media = media_of(&sources);
            copies(backends, &plan, &media, &settings, mode == CopyMode::Only).await?
        }
    };
    let pixel = if settings.format == RenderFormat::Mezzanine { 4 } else { 2 };
    let picture = u64::from(settings.width) * u64::from(settings.height) * pixel;
    let limits = Limits {
        frames: PIECE_FRAMES,
        shots: PIECE_SHOTS,
        reversed: i64::try_from(REVERSED_BYTES / picture.max(1))
            .unwrap_or(1)
            .clamp(2, PIECE_FRAMES),
    };
    let pieces = conform::pieces(&plan, limits);
    let timecode = plan.ranges.first().map(|range| range.timecode);
    let timecode = timecode.and_then(|first| Timecode::new(first, plan.rate, plan.drop_frame).ok());
    let planned = Planned {
        frames: plan.frames,
        pieces: pieces.len(),
        timecode: timecode.map(|timecode| timecode.wrapped().to_string()),
        not_copied: copies.as_ref().err().cloned(),
        issues: plan.issues.clone(),
    };
    folder.keep(&Work { plan, settings, sources, pieces, timecode, copies: copies.ok() }).await?;
    Ok(planned)
}

fn settings(cut: &Cut, plan: &Plan, options: &RenderOptions) -> Result<RenderSettings> {
    let sequence = cut.document.main()?;
    let first_picture = || {
        let mut found = None;
        for segment in &plan.segments {
            conform::shots(&segment.layers, &mut |shot| {
                let facts = cut.facts(&shot.source);
                let size = facts.and_then(|f| Some((f.summary.width?, f.summary.height?)));
                found = found.or(size);
            });
            if found.is_some() {
                break;
            }
        }
        found
    };
    let said = |width: Option<u32>, height: Option<u32>| Some((width?, height?));
    let size = said(options.width, options.height)
        .or_else(|| said(sequence.width, sequence.height))
        .or_else(first_picture)
        .unwrap_or(USUAL_SIZE);
    let (width, height) = match options.format {
        RenderFormat::Proxy => fit_even(size, (960, 540)),
        _ => (size.0 & !1, size.1 & !1),
    };
    if !(2..=16_384).contains(&width) || !(2..=16_384).contains(&height) {
        let message = "a picture has 2 to 16384 pixels on each side";
        return Err(Error::invalid(OPERATION, message).with("width", width).with("height", height));
    }
    let sample_rate = sequence.sample_rate.unwrap_or(48_000);
    if !(8_000..=192_000).contains(&sample_rate) {
        let message = "sound has 8000 to 192000 samples a second";
        return Err(Error::invalid(OPERATION, message).with("sample_rate", sample_rate));
    }
    let (format, burn_in) = (options.format, options.burn_in);
    Ok(RenderSettings { width, height, sample_rate, format, burn_in })
}
