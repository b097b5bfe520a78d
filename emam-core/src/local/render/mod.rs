//! Cuts rendered with ffmpeg: exact by frame number and by sample.

mod encode;
mod inspect;
mod picture;
mod sound;

use std::ffi::OsString;
use std::path::Path;

use async_trait::async_trait;

use crate::backend::{CopyJob, Inspected, JoinJob, PieceJob, RenderFormat, Renderer, Told};
use crate::error::{Error, ErrorKind, Result};
use crate::local::process::{self, DEFAULT_STALL, Line, Program};
use crate::local::tools::{Tools, media_input};
use crate::local::transcode::failure;
use crate::local::work::disk;
use crate::time::Rate;

const OPERATION: &str = "sequences.render";

/// Renders with ffmpeg.
#[derive(Debug, Clone)]
pub struct FfRenderer {
    tools: Tools,
}

impl FfRenderer {
    /// A renderer that uses these tools.
    pub fn new(tools: Tools) -> Self {
        Self { tools }
    }

    /// Runs ffmpeg in a folder; `frames` is what it is to write, for telling how far it is.
    async fn run(
        &self,
        folder: &Path,
        arguments: Vec<OsString>,
        frames: i64,
        told: Told<'_>,
    ) -> Result<()> {
        let ffmpeg = self.tools.ffmpeg().await?;
        let program = Program {
            path: ffmpeg.path.clone(),
            arguments,
            work_dir: Some(folder.to_owned()),
            stall: DEFAULT_STALL,
            operation: OPERATION,
        };
        let (mut done, mut reached) = (0, 0);
        let ended = process::run(&program, std::future::pending(), |line| {
            let Line::Out(line) = line else { return false };
            let Some((name, value)) = line.split_once('=') else { return false };
            let Ok(number) = value.trim().parse::<i64>() else { return false };
            match name {
                "frame" if number > done => {
                    done = number;
                    told(done as f64 / frames.max(1) as f64);
                    true
                }
                "out_time_us" | "total_size" if number > reached => {
                    reached = number;
                    true
                }
                _ => false,
            }
        })
        .await?;
        if !ended.status.success() {
            return Err(failure(OPERATION, ffmpeg, &ended, None));
        }
        Ok(())
    }
}

/// What every command begins with.
fn begin() -> Vec<OsString> {
    let arguments = ["-hide_banner", "-nostdin", "-y", "-loglevel", "level+warning", "-nostats"];
    let progress = ["-progress", "pipe:1", "-stats_period", "0.25"];
    arguments.into_iter().chain(progress).map(OsString::from).collect()
}

fn add<const N: usize>(arguments: &mut Vec<OsString>, more: [&str; N]) {
    arguments.extend(more.into_iter().map(OsString::from));
}

/// A fraction of seconds as ffmpeg reads it.
fn seconds(num: i128, den: i128) -> String {
    let micros = (num * 1_000_000).div_euclid(den.max(1));
    let sign = if micros < 0 { "-" } else { "" };
    let micros = micros.unsigned_abs();
    format!("{sign}{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

/// The length of frames in seconds.
fn frames_text(frames: i64, rate: Rate) -> String {
    seconds(i128::from(frames) * i128::from(rate.den()), i128::from(rate.num()))
}

#[async_trait]
impl Renderer for FfRenderer {
    async fn take_over(&self, folder: &Path) -> Result<()> {
        let folder = folder.to_owned();
        let killed = tokio::task::spawn_blocking(move || process::kill_stale(&folder)).await;
        killed.map(drop).map_err(|cause| {
            let message = "looking for programs of a dead process has broken off";
            Error::new(ErrorKind::Unexpected, OPERATION, message).caused_by(cause)
        })
    }

    async fn piece(&self, job: &PieceJob, told: Told<'_>) -> Result<()> {
        let version = &self.tools.ffmpeg().await?.version;
        let mut arguments = begin();
        let mut chains = Vec::new();
        let mut inputs = 0;
        if job.with_pictures {
            let (names, pictures) = picture::graph(job, &mut arguments, &mut inputs)?;
            chains.extend(pictures);
            for (name, text) in names {
                let path = job.folder.join(name);
                tokio::fs::write(&path, text).await.map_err(|cause| disk(OPERATION, cause))?;
            }
        }
        let heard = !job.plan.sounds.is_empty();
        if heard {
            chains.extend(sound::graph(job, &mut arguments, &mut inputs)?);
        }
        add(&mut arguments, ["-filter_complex", &chains.join(";")]);
        if job.with_pictures {
            add(&mut arguments, ["-map", "[v]", "-an"]);
            encode::pictures(&mut arguments, job.settings.format, job.plan.rate, version);
            add(&mut arguments, ["-f", "mov"]);
            arguments.push(file_url(&job.pictures()));
        }
        if heard {
            add(&mut arguments, ["-map", "[a]", "-vn", "-c:a", "pcm_f32le", "-f", "f32le"]);
            arguments.push(file_url(&job.sound()));
        }
        if job.with_pictures || heard {
            self.run(&job.folder, arguments, job.piece.frames, told).await?;
        }
        if heard {
            sound::check(job).await?;
        }
        Ok(())
    }

    async fn copy(&self, job: &CopyJob) -> Result<()> {
        let folder = job.output.parent().unwrap_or(Path::new("."));
        let silent = job.output.with_extension("silent.mov");
        let pictures = if job.with_sound { &silent } else { &job.output };
        let begins = seconds(job.start_us.into(), 1_000_000);
        let mut arguments = begin();
        if job.start_us > 0 {
            add(&mut arguments, ["-ss", &begins]);
        }
        arguments.extend(media_input(&job.input));
        add(&mut arguments, ["-map", "0:V:0", "-c", "copy", "-copyinkf:v"]);
        add(&mut arguments, ["-frames:v", &job.frames.to_string()]);
        finish_copy(&mut arguments, job, pictures);
        self.run(folder, arguments, job.frames, &|_| ()).await?;
        if !job.with_sound {
            return Ok(());
        }
        // Counting pictures ends a file with the last of them, wherever its sound is by then; so
        // the sound comes in a second go.
        let mut arguments = begin();
        arguments.extend(media_input(pictures));
        if job.start_us > 0 {
            add(&mut arguments, ["-ss", &begins]);
        }
        let length = job.end_us.saturating_sub(job.start_us);
        add(&mut arguments, ["-t", &seconds(length.into(), 1_000_000)]);
        arguments.extend(media_input(&job.input));
        add(&mut arguments, ["-map", "0:v", "-map", "1:a?", "-c", "copy"]);
        finish_copy(&mut arguments, job, &job.output);
        let copied = self.run(folder, arguments, job.frames, &|_| ()).await;
        tokio::fs::remove_file(pictures).await.map_err(|cause| disk(OPERATION, cause))?;
        copied
    }

    async fn join(&self, job: &JoinJob, told: Told<'_>) -> Result<()> {
        let mut list = String::from("ffconcat version 1.0\n");
        let mut frames = 0;
        for (name, length) in &job.pieces {
            list += &format!("file '{name}'\nduration {}\n", frames_text(*length, job.rate));
            frames += length;
        }
        let path = job.folder.join("pieces.ffconcat");
        tokio::fs::write(&path, list).await.map_err(|cause| disk(OPERATION, cause))?;

        let mut arguments = begin();
        add(&mut arguments, ["-protocol_whitelist", "file", "-f", "concat", "-safe", "1"]);
        // Packets stay as they are: all pieces are of one kind, so nothing needs to be repeated in
        // front of keyframes.
        add(&mut arguments, ["-auto_convert", "0", "-i"]);
        arguments.push(file_url(&path));
        if let Some(sound) = &job.sound {
            let samples = job.settings.sample_rate.to_string();
            add(&mut arguments, ["-f", "f32le", "-ar", &samples, "-ac", "2", "-i"]);
            arguments.push(file_url(&job.folder.join(sound)));
        }
        add(&mut arguments, ["-map", "0:v", "-c:v", "copy"]);
        if job.sound.is_some() {
            add(&mut arguments, ["-map", "1:a"]);
            encode::sound(&mut arguments, job.settings.format);
        }
        add(&mut arguments, ["-map_metadata", "-1", "-map_chapters", "-1"]);
        let output = job.folder.join(&job.output);
        if let Some(timecode) = job.timecode {
            encode::timecode(&mut arguments, timecode, &output);
        }
        encode::container(&mut arguments, &output, job.rate);
        arguments.push(file_url(&output));
        self.run(&job.folder, arguments, frames, told).await
    }

    async fn inspect(&self, file: &Path) -> Result<Inspected> {
        inspect::inspect(&self.tools, file).await
    }
}

/// What is said of a copy, and where it goes.
fn finish_copy(arguments: &mut Vec<OsString>, job: &CopyJob, output: &Path) {
    add(arguments, ["-map_metadata", "-1", "-map_chapters", "-1"]);
    if let Some(timecode) = job.timecode {
        encode::timecode(arguments, timecode, output);
    }
    arguments.push(file_url(output));
}

fn file_url(path: &Path) -> OsString {
    let mut url = OsString::from("file:");
    url.push(path);
    url
}

impl RenderFormat {
    /// What ffmpeg calls the format of its pixels.
    const fn pixels(self) -> &'static str {
        match self {
            Self::H264 | Self::Proxy => "yuv420p",
            Self::Mezzanine => "yuv422p10le",
        }
    }

    /// As [`pixels`](Self::pixels), of pictures that can be seen through.
    const fn pixels_with_alpha(self) -> &'static str {
        match self {
            Self::H264 | Self::Proxy => "yuva420p",
            Self::Mezzanine => "yuva422p10le",
        }
    }
}
