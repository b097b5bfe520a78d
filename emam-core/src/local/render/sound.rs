//! The sound of a piece as a filter graph, exact to the sample.

use std::ffi::OsString;

use super::picture::starts;
use super::{OPERATION, add, seconds};
use crate::backend::{PieceJob, RenderMedia};
use crate::error::{Error, ErrorKind, Result};
use crate::local::tools::media_input;
use crate::local::work::disk;
use crate::timeline::conform::Sound;

/// The chains, which end in `[a]`.
pub(super) fn graph(
    job: &PieceJob,
    arguments: &mut Vec<OsString>,
    inputs: &mut usize,
) -> Result<Vec<String>> {
    let (start, end) = (job.piece.start, job.piece.start + job.piece.frames);
    let mut chains = Vec::new();
    let mut heard = Vec::new();
    for sound in &job.plan.sounds {
        if sound.start >= end || sound.start + sound.frames <= start {
            continue;
        }
        let media = job.sources.get(&sound.source).ok_or_else(|| {
            let message = "the media of this clip is not among the files the cut is rendered from";
            Error::new(ErrorKind::NotFound, OPERATION, message).with("clip", &sound.name)
        })?;
        for (stream, mix) in routes(sound, media) {
            let label = format!("[s{}]", heard.len());
            let rate = media.technical.audio.iter().find(|a| a.index == stream);
            let layer =
                Heard { job, sound, media, stream, rate: rate.map_or(0, |a| a.sample_rate) };
            chains.push(layer.chain(&mix, arguments, *inputs)? + &label);
            *inputs += 1;
            heard.push(label);
        }
    }
    let samples = samples(job);
    let rate = job.settings.sample_rate;
    let all = match heard.as_slice() {
        [] => format!("anullsrc=r={rate}:cl=stereo"),
        [one] => format!("{one}anull"),
        many => format!("{}amix=inputs={}:normalize=0", many.concat(), many.len()),
    };
    chains.push(format!(
        "{all},aformat=sample_fmts=flt:sample_rates={rate}:channel_layouts=stereo,\
         apad=whole_len={samples},atrim=end_sample={samples}[a]"
    ));
    Ok(chains)
}

/// How many samples the piece has.
fn samples(job: &PieceJob) -> i64 {
    let at = |frame| job.settings.sample(frame, job.plan.rate);
    at(job.piece.start + job.piece.frames) - at(job.piece.start)
}

/// Refuses a piece whose sound is not as long as its pictures.
pub(super) async fn check(job: &PieceJob) -> Result<()> {
    let path = job.sound();
    let found = tokio::fs::metadata(&path).await.map_err(|cause| disk(OPERATION, cause))?.len();
    // Two channels of four bytes.
    let wanted = u64::try_from(samples(job)).unwrap_or(0) * 8;
    if found != wanted {
        let message = "ffmpeg has made another number of samples than the cut has";
        return Err(Error::new(ErrorKind::Integrity, OPERATION, message)
            .with("bytes", found)
            .with("wanted", wanted));
    }
    Ok(())
}

/// One stream of a sound.
struct Heard<'a> {
    job: &'a PieceJob,
    sound: &'a Sound,
    media: &'a RenderMedia,
    stream: u32,
    rate: u32,
}

impl Heard<'_> {
    fn chain(&self, mix: &str, arguments: &mut Vec<OsString>, input: usize) -> Result<String> {
        let (job, sound) = (self.job, self.sound);
        let (piece_start, piece_end) = (job.piece.start, job.piece.start + job.piece.frames);
        let begin = sound.start.max(piece_start);
        let end = (sound.start + sound.frames).min(piece_end);
        // A fade that is under way is heard from its beginning, to be where it should be.
        let under_way =
            sound.fades.iter().filter(|f| f.start < begin && begin < f.start + f.frames);
        let from = under_way.map(|fade| fade.start).min().unwrap_or(begin);
        let sample = |frame| job.settings.sample(frame, job.plan.rate);
        let length = sample(end) - sample(from);
        let rate = job.settings.sample_rate;

        // In microseconds of the media.
        let (speed, under) = (i128::from(sound.speed.0), i128::from(sound.speed.1).max(1));
        let at = |frame: i64| {
            let passed = i128::from(frame - sound.start) * i128::from(job.plan.rate.den());
            let passed = passed * 1_000_000 * speed / (i128::from(job.plan.rate.num()) * under);
            i128::from(sound.at.0) * 1_000_000 / i128::from(sound.at.1.max(1)) + passed
        };
        let (low, high) = (at(from).min(at(end)), at(from).max(at(end)));
        // Silence before the first sample of the media.
        let missing = (-low).max(0);
        let offset = self.media.technical.video.first();
        let offset = offset.map_or(0, |video| starts(self.media, video.index).0);
        let start = low.max(0) + i128::from(offset);
        if start > 0 {
            add(arguments, ["-ss", &seconds(start, 1_000_000)]);
        }
        let reading = (high - low.max(0)).max(0);
        add(arguments, ["-t", &seconds(reading + 1_000_000, 1_000_000)]);
        arguments.extend(media_input(&self.media.path));

        let mut chain = format!("[{input}:{}]", self.stream);
        // Whatever begins late begins with silence; whatever lacks samples is silent there.
        chain += &format!("aresample={rate}:async=1:first_pts=0,{mix}");
        if missing > 0 {
            let samples = missing * i128::from(rate) / 1_000_000;
            chain += &format!(",adelay=delays={samples}S:all=1");
        }
        if speed < 0 {
            let samples = (high - low) * i128::from(rate) / 1_000_000;
            chain += &format!(
                ",apad=whole_len={samples},atrim=end_sample={samples},areverse,asetpts=N/SR/TB"
            );
        }
        if speed.abs() != under {
            // As a tape runs: faster is higher.
            let paced = (i128::from(rate) * speed.abs() + under / 2) / under;
            chain += &format!(",asetrate={},aresample={rate}", paced.max(1));
        }
        chain += &format!(",apad=whole_len={length},atrim=end_sample={length},asetpts=N/SR/TB");
        for fade in &sound.fades {
            if fade.start >= end || fade.start + fade.frames <= from {
                continue;
            }
            let start = sample(fade.start) - sample(from);
            let long = sample(fade.start + fade.frames) - sample(fade.start);
            let kind = if fade.out { "out" } else { "in" };
            chain += &format!(",afade=t={kind}:ss={start}:ns={long}:curve=tri");
        }
        if from < begin {
            let ahead = sample(begin) - sample(from);
            chain += &format!(",atrim=start_sample={ahead},asetpts=N/SR/TB");
        }
        let delay = sample(begin) - sample(piece_start);
        if delay > 0 {
            chain += &format!(",adelay=delays={delay}S:all=1");
        }
        if self.rate == 0 {
            let message = "a sound stream of this clip's media tells no sample rate";
            return Err(
                Error::new(ErrorKind::InvalidMedia, OPERATION, message).with("clip", &sound.name)
            );
        }
        Ok(chain)
    }
}

/// Which streams are heard, each with the filter that makes two channels of it.
///
/// One channel is heard on both sides. Of more, odd-numbered ones are heard left and even-numbered
/// ones right, the first as channel 1. All channels of one stream of a known layout are mixed down
/// by the standard coefficients.
fn routes(sound: &Sound, media: &RenderMedia) -> Vec<(u32, String)> {
    let audio: Vec<_> = media.technical.audio.iter().filter(|stream| stream.channels > 0).collect();
    let all_mono = audio.len() > 1 && audio.iter().all(|stream| stream.channels == 1);
    let mut wanted: Vec<usize> = Vec::new();
    if sound.channels.is_empty() {
        let Some(first) = audio.first() else { return Vec::new() };
        if !all_mono && first.channels > 2 && first.layout.is_some() {
            return vec![(first.index, "aformat=channel_layouts=stereo".to_owned())];
        }
        // As proxies are heard: tracks of a recorder together, else the first stream alone.
        let count = if all_mono { audio.len() } else { first.channels as usize };
        wanted.extend(0..count);
    } else {
        for channel in &sound.channels {
            let channel = usize::from(*channel).saturating_sub(1);
            let place = match &media.channels {
                Some(map) => map.get(channel).map(|place| *place as usize),
                None => Some(channel),
            };
            wanted.extend(place);
        }
    }
    let sides = wanted.len().div_ceil(2).max(1);
    let mut first = 0;
    let mut routes = Vec::new();
    for stream in audio {
        let channels = stream.channels as usize;
        let mut side = [Vec::new(), Vec::new()];
        for (place, channel) in wanted.iter().enumerate() {
            let Some(inside) = channel.checked_sub(first).filter(|c| *c < channels) else {
                continue;
            };
            let term = match sides {
                1 => format!("c{inside}"),
                sides => format!("{:.6}*c{inside}", 1.0 / sides as f64),
            };
            let [left, right] = &mut side;
            match (wanted.len(), place % 2) {
                (1, _) => {
                    left.push(term.clone());
                    right.push(term);
                }
                (_, 0) => left.push(term),
                _ => right.push(term),
            }
        }
        first += channels;
        let [left, right] = &side;
        if left.is_empty() && right.is_empty() {
            continue;
        }
        let text = |terms: &[String]| match terms {
            [] => "0*c0".to_owned(),
            terms => terms.join("+"),
        };
        routes.push((stream.index, format!("pan=stereo|c0={}|c1={}", text(left), text(right))));
    }
    routes
}
