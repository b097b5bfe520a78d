//! Whether a proxy can stand for its original frame by frame.

use crate::error::{Error, ErrorKind, Result};
use crate::model::{FrameMap, Technical};

const OPERATION: &str = "assets.ingest";

/// Compares a proxy with its original, and gives the map between them.
///
/// Equal must be the rate, the start timecode and the number of frames. One frame more or less is
/// let pass: containers round the length of the last frame. Where either does not tell its frames,
/// they are not compared. `audio_channels` says for each channel of the original in which of the
/// proxy it is heard.
///
/// # Errors
/// [`Integrity`](ErrorKind::Integrity), naming what differs;
/// [`InvalidInput`](ErrorKind::InvalidInput) where one of the two has no picture.
pub(super) fn frame_map(
    original: &Technical,
    proxy: &Technical,
    audio_channels: &[u32],
) -> Result<FrameMap> {
    let (Some(of), Some(by)) = (original.video.first(), proxy.video.first()) else {
        let message = "frames are mapped between two files with moving pictures";
        return Err(Error::invalid(OPERATION, message));
    };
    let differs = |what: &'static str, original: String, proxy: String| {
        let message = "the proxy does not match its original, so edits made with it would be wrong \
                       on the original; transcode again";
        Error::new(ErrorKind::Integrity, OPERATION, message)
            .with("differs", what)
            .with("original", original)
            .with("proxy", proxy)
    };
    let shown = |value: Option<String>| value.unwrap_or_else(|| "none".to_owned());
    let rate = match (of.rate, by.rate) {
        (Some(original), Some(proxy)) if original == proxy => original,
        // An original that tells no rate gets the proxy's.
        (None, Some(proxy)) => proxy,
        (original, proxy) => {
            let text = |rate: Option<crate::time::Rate>| shown(rate.map(|rate| rate.to_string()));
            return Err(differs("rate", text(original), text(proxy)));
        }
    };
    if of.start_timecode != by.start_timecode {
        let text = |timecode: Option<crate::time::Timecode>| {
            shown(timecode.map(|timecode| timecode.to_string()))
        };
        return Err(differs("start_timecode", text(of.start_timecode), text(by.start_timecode)));
    }
    let frames = match (of.frames, by.frames) {
        (Some(original), Some(proxy)) if original.abs_diff(proxy) > 1 => {
            return Err(differs("frames", original.to_string(), proxy.to_string()));
        }
        (Some(frames), _) | (None, Some(frames)) => frames,
        (None, None) => 0,
    };
    let channels = proxy.audio.first().map_or(0, |stream| stream.channels);
    if audio_channels.iter().any(|channel| *channel >= channels) {
        let wanted = audio_channels.iter().max().map_or(0, |most| most.saturating_add(1));
        return Err(differs("audio_channels", wanted.to_string(), channels.to_string()));
    }
    Ok(FrameMap {
        rate,
        frames,
        start_timecode: of.start_timecode,
        audio_channels: audio_channels.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{Rate, Timecode};

    /// A video with stereo sound.
    fn video(rate: u32, frames: i64) -> Technical {
        let rate = Rate::new(rate, 1).unwrap();
        serde_json::from_value(serde_json::json!({
            "kind": "video",
            "container": { "format": "mov", "size": 1 },
            "video": [{
                "index": 0, "codec": "h264", "width": 640, "height": 360,
                "pixel_aspect": { "num": 1, "den": 1 }, "rate": rate, "frames": frames,
            }],
            "audio": [{ "index": 1, "codec": "aac", "sample_rate": 48000, "channels": 2 }],
        }))
        .unwrap()
    }

    #[test]
    fn equal_frames_map() {
        let map = frame_map(&video(25, 100), &video(25, 99), &[0, 1]).unwrap();
        assert_eq!((map.rate, map.frames), (Rate::FPS_25, 100));
        assert_eq!(map.audio_channels, [0, 1]);
    }

    #[test]
    fn what_differs_is_named() {
        let mut other = video(25, 100);
        other.video[0].start_timecode = Some(Timecode::parse("01:00:00:00", Rate::FPS_25).unwrap());
        let mut silent = video(25, 100);
        silent.audio.clear();
        for (proxy, differs) in [
            (video(30, 100), "rate"),
            (video(25, 98), "frames"),
            (other, "start_timecode"),
            (silent, "audio_channels"),
        ] {
            let error = frame_map(&video(25, 100), &proxy, &[0, 1]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Integrity);
            assert_eq!(error.get("differs"), Some(differs));
        }
        let mut sound = video(25, 1);
        sound.video.clear();
        let error = frame_map(&sound, &video(25, 1), &[]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
}
