//! What emam asks of ffmpeg, and whether a build of it has that.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::{Error, ErrorKind, Result};

/// The encoders of everything that is made.
const ENCODERS: [&str; 4] = ["libx264", "aac", "mjpeg", "pcm_s16le"];

/// The filters every ingest goes through.
const FILTERS: [&str; 12] = [
    "fps",
    "scale",
    "split",
    "format",
    "select",
    "setsar",
    "aresample",
    "asplit",
    "scdet",
    "blackdetect",
    "silencedetect",
    "ebur128",
];

/// The names of encoders and filters this ffmpeg lacks. Blocks while it is asked.
///
/// # Errors
/// [`Unavailable`](ErrorKind::Unavailable) where it does not run.
pub(crate) fn missing(ffmpeg: &Path) -> Result<Vec<&'static str>> {
    let mut missing = lacking(&listed(ffmpeg, "-encoders")?, &ENCODERS);
    missing.extend(lacking(&listed(ffmpeg, "-filters")?, &FILTERS));
    Ok(missing)
}

fn listed(ffmpeg: &Path, what: &str) -> Result<String> {
    let output =
        Command::new(ffmpeg).args(["-hide_banner", what]).stdin(Stdio::null()).output().map_err(
            |cause| {
                let message = "this program cannot be run; check its path";
                Error::new(ErrorKind::Unavailable, "tools.find", message)
                    .with("path", ffmpeg.display())
                    .caused_by(cause)
            },
        )?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Lists have a name in the second column, after some flags.
fn lacking(list: &str, wanted: &[&'static str]) -> Vec<&'static str> {
    let has = |name: &&str| list.lines().any(|line| line.split_whitespace().nth(1) == Some(name));
    wanted.iter().copied().filter(|name| !has(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_listed_is_missing() {
        let list = "Encoders:\n V..... = Video\n ------\n V....D libx264  H.264 (codec h264)\n \
                    A....D aac  AAC\n VFS..D mjpeg  MJPEG\n";
        assert_eq!(lacking(list, &ENCODERS), ["pcm_s16le"]);
    }

    #[test]
    fn every_encoder_and_detector_in_use_is_asked_for() {
        let source = include_str!("transcode/compile.rs");
        for option in ["\"-c:v\", \"", "\"-c:a\", \""] {
            let mut count = 0;
            for (at, _) in source.match_indices(option) {
                let name = source[at + option.len()..].split('"').next().unwrap();
                assert!(ENCODERS.contains(&name), "{name}");
                count += 1;
            }
            assert!(count > 0, "{option}");
        }
        use crate::local::transcode::graph;
        for detector in [graph::SHOTS, graph::BLACK, graph::SILENCE, graph::LOUDNESS] {
            let name = detector.split('=').next().unwrap();
            assert!(FILTERS.contains(&name), "{name}");
        }
    }
}
