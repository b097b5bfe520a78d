//! Still pictures, read and written in Rust: no process, and limits that hold before anything is
//! allocated.

mod header;
mod render;
mod sheet;

pub(crate) use header::header;
pub(crate) use render::render;
pub(crate) use sheet::{Cell, Sheet, sheet};

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use image::{ImageError, ImageReader, Limits};

use crate::error::{Error, ErrorKind, Result};

/// The longest side of a picture, in pixels: a 400 megapixel square.
pub(crate) const MAX_SIDE: u32 = 20_000;

/// The most memory decoding one picture may take, in bytes.
pub(crate) const MAX_ALLOCATION: u64 = 1 << 30;

/// The largest JPEG and WebP, in bytes: their decoders read the file whole.
const MAX_FILE: u64 = 1 << 28;

/// JPEG quality of what is made.
const QUALITY: u8 = 85;

/// Opens a picture for decoding under the limits.
fn open(path: &Path, operation: &'static str) -> Result<ImageReader<BufReader<File>>> {
    let unreadable = |cause: std::io::Error| {
        let kind = match cause.kind() {
            std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            std::io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
            _ => ErrorKind::Unavailable,
        };
        Error::new(kind, operation, "the picture cannot be read").caused_by(cause)
    };
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_ALLOCATION);
    let mut reader =
        ImageReader::open(path).and_then(ImageReader::with_guessed_format).map_err(unreadable)?;
    reader.limits(limits);
    let whole =
        matches!(reader.format(), Some(image::ImageFormat::Jpeg | image::ImageFormat::WebP));
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if whole && size > MAX_FILE {
        return Err(Error::new(
            ErrorKind::InvalidMedia,
            operation,
            "this picture is larger than any that is decoded here",
        )
        .with("size", size)
        .with("limit", MAX_FILE));
    }
    Ok(reader)
}

/// Says what is wrong with a picture.
fn refused(operation: &'static str, cause: ImageError) -> Error {
    match cause {
        ImageError::Limits(cause) => Error::new(
            ErrorKind::InvalidMedia,
            operation,
            "decoding this picture would take more memory than is allowed",
        )
        .with("limit", MAX_ALLOCATION)
        .caused_by(cause),
        ImageError::Unsupported(cause) => Error::new(
            ErrorKind::Unsupported,
            operation,
            "pictures of this format are kept but cannot be decoded here",
        )
        .caused_by(cause),
        cause => Error::new(
            ErrorKind::InvalidMedia,
            operation,
            "the picture is damaged or is not what it claims to be",
        )
        .caused_by(cause),
    }
}

/// Refuses sizes past the limit, naming both.
fn check_size(operation: &'static str, width: u32, height: u32) -> Result<()> {
    if width == 0 || height == 0 {
        return Err(Error::new(ErrorKind::InvalidMedia, operation, "the picture has no pixels"));
    }
    if width > MAX_SIDE || height > MAX_SIDE {
        return Err(Error::new(
            ErrorKind::InvalidMedia,
            operation,
            "the picture has more pixels on a side than are decoded here",
        )
        .with("width", width)
        .with("height", height)
        .with("limit", MAX_SIDE));
    }
    Ok(())
}
