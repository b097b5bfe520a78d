//! The clips an ingest is measured on.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::peer::run;

/// A clip with the goals an ingest of it is held to.
#[derive(Debug)]
pub(crate) struct Clip {
    pub(crate) name: &'static str,
    pub(crate) path: PathBuf,
    /// CPU at most, as a multiple of one hand-written command.
    pub(crate) to_one: Option<f64>,
    /// CPU at most, as a multiple of ten separate commands.
    pub(crate) to_ten: f64,
}

/// Makes the clips that are not there yet in `folder`; only those whose name holds `only`.
pub(crate) fn clips(folder: &Path, quick: bool, only: &str) -> Result<Vec<Clip>> {
    std::fs::create_dir_all(folder)?;
    let (hd_seconds, uhd_seconds) = if quick { (10, 2) } else { (60, 10) };
    let mut clips = Vec::new();
    let mut add = |name: &'static str, to_one, to_ten, path: &dyn Fn() -> Result<PathBuf>| {
        if name.contains(only) {
            clips.push(Clip { name, path: path()?, to_one, to_ten });
        }
        anyhow::Ok(())
    };
    add("1080p H.264", Some(1.05), 0.40, &|| hd(folder, hd_seconds))?;
    add("UHD ProRes", None, 0.32, &|| uhd(folder, uhd_seconds))?;
    if let Some(media) = std::env::var_os("EMAM_TEST_MEDIA") {
        add("5 s 720p", Some(1.10), 0.60, &|| Ok(Path::new(&media).join("bigbuckbunny.mp4")))?;
    }
    Ok(clips)
}

/// 1080p25 H.264 at 20 Mb/s with AAC, ten shots; a little noise makes it as dear to decode as a
/// camera's, where decoding is two thirds of the whole.
fn hd(folder: &Path, seconds: u32) -> Result<PathBuf> {
    let path = folder.join(format!("hd-{seconds}.mp4"));
    make(&path, |out| {
        run(
            "ffmpeg",
            &[
                "-f",
                "lavfi",
                "-i",
                &format!(
                    "testsrc2=size=1920x1080:rate=25:duration={seconds},\
                      hue=h='36*floor(10*t/{seconds})',noise=alls=8:allf=t"
                ),
                "-f",
                "lavfi",
                "-i",
                &format!("sine=frequency=440:sample_rate=48000:duration={seconds}"),
                "-c:v",
                "libx264",
                "-preset",
                "veryfast",
                "-b:v",
                "20M",
                "-maxrate",
                "24M",
                "-bufsize",
                "40M",
                "-pix_fmt",
                "yuv420p",
                "-c:a",
                "aac",
                "-b:a",
                "192k",
                "-ac",
                "2",
                out,
            ],
        )
    })
}

/// UHD ProRes 422 HQ with 24-bit PCM.
fn uhd(folder: &Path, seconds: u32) -> Result<PathBuf> {
    let path = folder.join(format!("uhd-{seconds}.mov"));
    make(&path, |out| {
        run(
            "ffmpeg",
            &[
                "-f",
                "lavfi",
                "-i",
                &format!("testsrc2=size=3840x2160:rate=25:duration={seconds},noise=alls=12:allf=t"),
                "-f",
                "lavfi",
                "-i",
                &format!("sine=frequency=440:sample_rate=48000:duration={seconds}"),
                "-c:v",
                "prores_ks",
                "-profile:v",
                "3",
                "-pix_fmt",
                "yuv422p10le",
                "-c:a",
                "pcm_s24le",
                "-ac",
                "2",
                out,
            ],
        )
    })
}

/// Makes a file whole or not at all.
fn make(path: &Path, maker: impl FnOnce(&str) -> Result<()>) -> Result<PathBuf> {
    if !path.exists() {
        eprintln!("making {}", path.display());
        let name = path.file_name().context("a file name")?.to_string_lossy();
        let partial = path.with_file_name(format!("partial-{name}"));
        maker(&partial.to_string_lossy())?;
        std::fs::rename(&partial, path)?;
    }
    Ok(path.to_owned())
}
