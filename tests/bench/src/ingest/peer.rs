//! What an engineer would write by hand for the same job: one command, or ten.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

/// Runs a program and takes its word for success.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Result<()> {
    let mut command = Command::new(program);
    if program == "ffmpeg" {
        command.args(["-nostdin", "-y", "-v", "error"]);
    }
    let output = command.args(arguments).stdin(Stdio::null()).output()?;
    if !output.status.success() {
        bail!("{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

fn probe(clip: &str) -> Result<()> {
    run("ffprobe", &["-v", "error", "-show_format", "-show_streams", "-of", "json", clip])
}

const PROXY: [&str; 14] = [
    "-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-g", "25", "-pix_fmt", "yuv420p",
    "-c:a", "aac", "-b:a", "128k",
];

/// The best that can be written by hand: MD5, probe and one ffmpeg that decodes once.
pub(crate) fn one(clip: &Path, out: &Path) -> Result<()> {
    let (clip, file) =
        (clip.to_string_lossy(), |name: &str| out.join(name).to_string_lossy().into_owned());
    run("md5sum", &[&clip])?;
    probe(&clip)?;
    let graph = "[0:v]split=2[full][small];\
                 [small]scale=960:540:force_original_aspect_ratio=decrease:force_divisible_by=2,\
                 split=2[proxy][tiny0];\
                 [tiny0]scale=320:180:force_original_aspect_ratio=decrease,scdet=t=10,\
                 split=2[tiny1][tiny2];\
                 [tiny1]fps=1/2[thumbs];\
                 [tiny2]fps=1/2,scale=160:-2,tile=10x10[sheet];\
                 [full]select='gte(t,1)',select='eq(n,0)'[poster];\
                 [0:a]asplit=3[sound][loud][wave];\
                 [loud]ebur128=framelog=verbose[loudness];\
                 [wave]aresample=8000,aformat=channel_layouts=mono[peaks]";
    let (proxy, thumbs, sheet, poster, peaks) = (
        file("proxy.mp4"),
        file("thumb-%04d.jpg"),
        file("sheet.jpg"),
        file("poster.jpg"),
        file("wave.pcm"),
    );
    let mut arguments =
        vec!["-i", &clip, "-filter_complex", graph, "-map", "[proxy]", "-map", "[sound]"];
    arguments.extend(PROXY);
    arguments.extend(["-movflags", "+faststart", proxy.as_str()]);
    arguments.extend(["-map", "[thumbs]", "-q:v", "4", thumbs.as_str()]);
    arguments.extend(["-map", "[sheet]", "-frames:v", "1", "-q:v", "4", sheet.as_str()]);
    arguments.extend(["-map", "[poster]", "-frames:v", "1", "-q:v", "3", poster.as_str()]);
    arguments.extend(["-map", "[peaks]", "-f", "s16le", peaks.as_str()]);
    arguments.extend(["-map", "[loudness]", "-f", "null", "-"]);
    run("ffmpeg", &arguments)
}

/// What scripts and servers of the field do: a command for each thing.
pub(crate) fn ten(clip: &Path, out: &Path) -> Result<()> {
    let (clip, file) =
        (clip.to_string_lossy(), |name: &str| out.join(name).to_string_lossy().into_owned());
    run("md5sum", &[&clip])?;
    probe(&clip)?;
    let proxy = file("proxy.mp4");
    let fit = "scale=960:540:force_original_aspect_ratio=decrease:force_divisible_by=2";
    let mut arguments = vec!["-i", &clip, "-vf", fit];
    arguments.extend(PROXY);
    arguments.extend(["-movflags", "+faststart", proxy.as_str()]);
    run("ffmpeg", &arguments)?;
    run(
        "ffmpeg",
        &["-i", &clip, "-vf", "fps=1/2,scale=320:-2", "-q:v", "4", &file("thumb-%04d.jpg")],
    )?;
    run(
        "ffmpeg",
        &[
            "-i",
            &clip,
            "-vf",
            "fps=1/2,scale=160:-2,tile=10x10",
            "-frames:v",
            "1",
            &file("sheet.jpg"),
        ],
    )?;
    run("ffmpeg", &["-ss", "1", "-i", &clip, "-frames:v", "1", "-q:v", "3", &file("poster.jpg")])?;
    run(
        "ffmpeg",
        &["-i", &clip, "-vn", "-ar", "8000", "-ac", "1", "-f", "s16le", &file("wave.pcm")],
    )?;
    run("ffmpeg", &["-i", &clip, "-an", "-vf", "scale=320:-2,scdet=t=10", "-f", "null", "-"])?;
    run("ffmpeg", &["-i", &clip, "-vn", "-af", "ebur128=framelog=verbose", "-f", "null", "-"])?;
    run("ffmpeg", &["-i", &clip, "-vn", "-af", "silencedetect=n=-35dB:d=0.4", "-f", "null", "-"])
}
