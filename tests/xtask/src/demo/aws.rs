//! The demonstration on an emulated AWS account.
//!
//! What the demo itself knows of the account is the output `Settings` of the stack. What only an
//! emulator needs is done here: where events go, what Rekognition and Transcribe are to find, and
//! the hours of a restore.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};

use super::verify;
use crate::project::{Project, output};
use crate::setup::account::{self, Account, as_client};
use crate::{media, setup};

/// Of the demo's files the one that a feeder uploads; the others are ingested.
const FED: &str = "bikes.mp4";

/// Longer than the slowest restore the demo asks for.
const RESTORED_AFTER_S: u64 = 13 * 60 * 60;

/// Runs the demo from the beginning of an account to its end.
pub(crate) fn run(project: &Project) -> Result<bool> {
    setup::ffmpeg()?;
    let media = media::fetch_dir(project)?;
    eprintln!("building the demo (the first time takes some minutes)");
    if !account::build_programs(project, &["aws_demo", "emam-awsim"])? {
        return Ok(false);
    }
    let begun = Instant::now();
    let account = Account::start(project)?;
    println!("== An emulated account");
    println!("S3: SeaweedFS at {}, behind a restore clock at {}", account.s3, account.awsim);
    println!("MediaConvert (ffmpeg), Rekognition, Transcribe: at {}", account.awsim);
    println!("CloudFormation, SQS, SNS, DynamoDB: ministack at {}", account.ministack);
    println!("What Rekognition and Transcribe find is given to them here, except for shots: this");
    println!("shows the way of their answers into the library, and nothing of how well they see.");
    let out = project.target.join("demo-aws");
    if out.exists() {
        std::fs::remove_dir_all(&out).with_context(|| format!("removing {}", out.display()))?;
    }
    std::fs::create_dir_all(&out).with_context(|| format!("making {}", out.display()))?;

    let outputs = account.create_stack(project, "emam-demo")?;
    let settings = outputs["Settings"].as_str().context("the stack has no output Settings")?;
    let file = out.join("settings.json");
    std::fs::write(&file, settings).with_context(|| format!("writing {}", file.display()))?;
    println!("stack emam-demo is created; its settings are in {}", project.shown(&file));
    let parsed: Value = serde_json::from_str(settings).context("the output Settings is no JSON")?;
    account.tell("events", &json!({"queue": parsed["events"]["queue_url"]}))?;

    let mut demo = Command::new(account::program(project, "aws_demo"));
    as_client(&mut demo);
    demo.arg("--settings").arg(&file).arg("--out").arg(&out);
    demo.args(["--spoken", "universal", "--fed"]).arg(media.join(FED));
    demo.args(media::DEMO.iter().filter(|name| **name != FED).map(|name| media.join(name)));
    if !follow(&mut demo, &account)? {
        return Ok(false);
    }
    plays(&out)?;
    let verdict = verify(&out)?;
    println!("it took {} s", begun.elapsed().as_secs());
    Ok(verdict)
}

/// Runs the demo, passes on what it prints, and does to the account what the moment asks for.
fn follow(demo: &mut Command, account: &Account) -> Result<bool> {
    let mut child = demo
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start the demo that was built")?;
    let pipe = child.stdout.take().ok_or_else(|| anyhow!("the demo has no output"))?;
    let mut trouble = Ok(());
    for line in BufReader::new(pipe).lines() {
        let line = line.context("reading what the demo prints")?;
        println!("{line}");
        if let Err(error) = act_on(&line, account) {
            trouble = Err(error);
            drop(child.kill());
            break;
        }
    }
    let status = child.wait().context("waiting for the demo")?;
    trouble?;
    Ok(status.success())
}

fn act_on(line: &str, account: &Account) -> Result<()> {
    if let Some((asset, name)) =
        line.strip_prefix("registered ").and_then(|rest| rest.split_once(' '))
    {
        // Keys of renditions begin with the asset.
        return account.tell("truth", &json!({"match": asset, "truth": truth(name)}));
    }
    if line.starts_with("restoring takes") {
        println!("  (the account's clock is moved on by {} hours)", RESTORED_AFTER_S / 3600);
        return account.tell("clock", &json!({"advance_s": RESTORED_AFTER_S}));
    }
    Ok(())
}

/// What the media shows and says.
fn truth(name: &str) -> Value {
    match name {
        "bigbuckbunny.mp4" => json!({
            "labels": [
                {"name": "Rabbit", "confidence": 96, "parents": ["Animal"]},
                {"name": "Meadow", "confidence": 91, "parents": ["Nature"]},
            ],
            "faces": [{"face_id": "bunny", "confidence": 88}],
        }),
        "bikes.mp4" => json!({
            "labels": [
                {"name": "Bicycle", "confidence": 98, "parents": ["Vehicle"]},
                {"name": "Person", "confidence": 97},
            ],
            "faces": [{"face_id": "rider", "confidence": 93, "end_ms": 4000}],
        }),
        "speech.wav" => json!({
            "language": "en-US",
            // The sentence of the recording; the times are about right.
            "speech": [
                {"word": "Debian,", "start_ms": 900, "end_ms": 1700},
                {"word": "the", "start_ms": 2000, "end_ms": 2200},
                {"word": "universal", "start_ms": 2200, "end_ms": 3000},
                {"word": "operating", "start_ms": 3000, "end_ms": 3600},
                {"word": "system.", "start_ms": 3600, "end_ms": 4300},
            ],
        }),
        _ => json!({}),
    }
}

/// ffprobe, which shares no code with emam, says of each proxy of a video that it can be played.
fn plays(out: &Path) -> Result<()> {
    let mut proxies = 0;
    for name in ["bigbuckbunny.mp4", FED] {
        let folder = out.join(name);
        for entry in std::fs::read_dir(&folder)
            .with_context(|| format!("the demo left no {}", folder.display()))?
        {
            let path = entry?.path();
            let is_proxy = path.extension().is_some_and(|extension| extension == "mp4");
            if !is_proxy {
                continue;
            }
            let mut ffprobe = Command::new("ffprobe");
            ffprobe.args([
                "-v",
                "error",
                "-count_frames",
                "-select_streams",
                "v:0",
                "-of",
                "csv=p=0",
            ]);
            ffprobe.args(["-show_entries", "stream=codec_name,width,height,nb_read_frames"]);
            let told = output(ffprobe.arg(&path))?;
            let frames = told.trim().trim_end_matches(',').rsplit(',').next().unwrap_or_default();
            if frames.parse::<u64>().unwrap_or_default() == 0 {
                bail!("{}: ffprobe finds no frame in it: {}", path.display(), told.trim());
            }
            println!("ffprobe: {}: {}", path.display(), told.trim());
            proxies += 1;
        }
    }
    if proxies < 2 {
        bail!("two proxies were to be played, and there are {proxies}");
    }
    Ok(())
}
