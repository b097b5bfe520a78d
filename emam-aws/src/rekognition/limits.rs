//! What the service takes, checked before it is asked: a refused job costs a round trip and says
//! less.

use emam_core::backend::AnalysisRequest;
use emam_core::model::AssetKind;
use emam_core::time::{MediaTime, Rate};
use emam_core::{Error, ErrorKind, Result};

use super::SUBMIT;

/// Bytes of a still read from S3; `Image exceeds size limit` beyond.
/// <https://docs.aws.amazon.com/rekognition/latest/dg/limits.html>
const STILL_BYTES: u64 = 15 * 1024 * 1024;
/// Least pixels of either side of a still.
const STILL_LEAST: u32 = 80;
/// Most pixels of either side of a still.
const STILL_MOST: u32 = 10_000;
/// Bytes of a stored video.
const VIDEO_BYTES: u64 = 10 * 1024 * 1024 * 1024;
/// Length of a stored video in seconds.
const VIDEO_SECONDS: i64 = 6 * 3_600;

/// Whether the media is a still; a typed error where the service would not take it.
pub(super) fn check(request: &AnalysisRequest) -> Result<bool> {
    match request.technical.kind {
        AssetKind::Image => still(request).map(|()| true),
        AssetKind::Video => video(request).map(|()| false),
        _ => Err(Error::new(
            ErrorKind::Unsupported,
            SUBMIT,
            "Rekognition looks at pictures and video, and this media is neither",
        )
        .with("file", &request.source.file_name)),
    }
}

fn extension(request: &AnalysisRequest) -> String {
    let name = request.source.key.name();
    name.rsplit_once('.').map_or_else(String::new, |(_, extension)| extension.to_lowercase())
}

fn refused(request: &AnalysisRequest, message: &'static str) -> Error {
    Error::new(ErrorKind::InvalidMedia, SUBMIT, message)
        .with("file", &request.source.file_name)
        .with("key", &request.source.key)
}

fn still(request: &AnalysisRequest) -> Result<()> {
    if !matches!(extension(request).as_str(), "jpg" | "jpeg" | "png") {
        return Err(refused(
            request,
            "Rekognition reads stills as JPEG and PNG only; make a proxy of this one",
        ));
    }
    if request.source.size > STILL_BYTES {
        return Err(refused(
            request,
            "Rekognition reads stills of at most 15 MB; make a smaller proxy",
        )
        .with("size", request.source.size)
        .with("limit", STILL_BYTES));
    }
    // The dimensions that are known are the original's.
    let is_original = request.source.size == request.technical.container.size;
    if let (true, Some(picture)) = (is_original, &request.technical.picture) {
        let (width, height) = picture.shown_size();
        let sides = STILL_LEAST..=STILL_MOST;
        if !sides.contains(&width) || !sides.contains(&height) {
            return Err(refused(
                request,
                "Rekognition reads stills of 80 to 10000 pixels on each side",
            )
            .with("width", width)
            .with("height", height));
        }
    }
    Ok(())
}

fn video(request: &AnalysisRequest) -> Result<()> {
    if !matches!(extension(request).as_str(), "mp4" | "m4v" | "mov" | "avi") {
        return Err(refused(
            request,
            "Rekognition reads video as MP4, MOV and AVI with H.264 only; make a proxy of this one",
        ));
    }
    if request.source.size > VIDEO_BYTES {
        return Err(refused(request, "Rekognition reads video of at most 10 GB; make a proxy")
            .with("size", request.source.size)
            .with("limit", VIDEO_BYTES));
    }
    let longest = MediaTime::new(VIDEO_SECONDS, Rate::new(1, 1)?);
    let duration = request.technical.container.duration;
    if let Some(duration) = duration.filter(|one| one.cmp_time(&longest).is_gt()) {
        return Err(refused(
            request,
            "Rekognition looks at video of at most 6 hours; cut it before it is ingested",
        )
        .with("seconds", duration.to_decimal_seconds(0)));
    }
    Ok(())
}
