//! Running ffmpeg, and listening to how far it is.

use std::process::Stdio;

use jiff::SignedDuration;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};

use super::super::args::Command;
use super::super::jobs::Phase;
use super::{Failed, Run};
use crate::world::World;

/// Runs the command of a job.
pub(super) async fn run(job: &Run, command: &Command) -> Result<(), Failed> {
    let ffmpeg = &job.inner.world.ffmpeg;
    let broken =
        |error: std::io::Error| Failed::new(1999, format!("{}: {error}", ffmpeg.display()));
    let mut child = tokio::process::Command::new(ffmpeg)
        .args(&command.arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(broken)?;
    let (progress, complaints) = (child.stdout.take(), child.stderr.take());
    let listening = async {
        let Some(progress) = progress else { return };
        let mut lines = BufReader::new(progress).lines();
        let (mut frames, mut told) = (0, job.inner.now());
        while let Ok(Some(line)) = lines.next_line().await {
            let Some((name, value)) = line.split_once('=') else { continue };
            match name {
                "frame" => frames = value.trim().parse().unwrap_or(frames),
                "out_time_us" => {
                    let Ok(done) = value.trim().parse::<f64>() else { continue };
                    let share = done / 1e6 / command.duration.max(0.001);
                    // The rest is for looking and for storing.
                    let percent = (5.0 + share.clamp(0.0, 1.0) * 90.0) as i64;
                    job.inner.jobs.progress(&job.id, Phase::Transcoding, percent);
                    let now = job.inner.now();
                    if now.duration_since(told) >= SignedDuration::from_secs(job.interval_s) {
                        told = now;
                        update(job, frames, percent).await;
                    }
                }
                _ => {}
            }
        }
    };
    let hearing = async {
        let mut text = String::new();
        if let Some(mut complaints) = complaints {
            // What cannot be read of a complaint is left out; the exit status still counts.
            let _ = complaints.read_to_string(&mut text).await;
        }
        text
    };
    let ((), complaint) = tokio::join!(listening, hearing);
    let status = child.wait().await.map_err(broken)?;
    judged(status.success(), &complaint)
}

/// Runs ffmpeg for something small.
pub(super) async fn simple(world: &World, arguments: &[String]) -> Result<(), Failed> {
    let output = tokio::process::Command::new(&world.ffmpeg)
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| Failed::new(1999, format!("{}: {error}", world.ffmpeg.display())))?;
    judged(output.status.success(), &String::from_utf8_lossy(&output.stderr))
}

/// Complaints about damaged media are no failure while ffmpeg still ends well.
fn judged(succeeded: bool, complaint: &str) -> Result<(), Failed> {
    if succeeded {
        return Ok(());
    }
    let last = complaint.lines().rev().take(3).collect::<Vec<_>>();
    let last = last.into_iter().rev().collect::<Vec<_>>().join("; ");
    Err(Failed::new(1040, format!("Unable to transcode: {last}")))
}

async fn update(job: &Run, frames: i64, percent: i64) {
    let phase = |status: &str, percent: i64| json!({"status": status, "percentComplete": percent});
    let more = json!({
        "framesDecoded": frames,
        "jobProgress": {
            "phaseProgress": {
                "PROBING": phase("COMPLETE", 100),
                "TRANSCODING": phase("PROGRESSING", percent),
                "UPLOADING": phase("PENDING", 0),
            },
            "jobPercentComplete": percent,
            "currentPhase": "TRANSCODING",
            "retryCount": 0,
        },
    });
    job.tell("STATUS_UPDATE", more).await;
}
