//! Small forms of a picture, decoded once.

use std::path::{Path, PathBuf};

use fast_image_resize::images::Image;
use fast_image_resize::{PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::codecs::jpeg::JpegEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, RgbImage};

use super::{QUALITY, header, open, refused};
use crate::error::{Error, ErrorKind, Result};
use crate::geometry::fit;
use crate::local::work::disk;
use crate::model::{OutputSpec, Picture, Role};

const OPERATION: &str = "transcoder.picture";

/// A proxy of a still picture may be this many times as large on a side as one of a video: it is
/// looked at closely, and is one picture only.
const PROXY_SCALE: u32 = 2;

/// One picture that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Made {
    pub(crate) role: Role,
    pub(crate) file: PathBuf,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// Makes the proxy, poster and thumbnail of a picture as JPEG files in `folder`, upright, on white
/// where it is transparent. Colour profiles are not applied.
///
/// # Errors
/// [`InvalidMedia`](ErrorKind::InvalidMedia) for a damaged picture or one past the limits,
/// [`Unsupported`](ErrorKind::Unsupported) for a format that is not decoded here.
pub(crate) fn render(
    path: &Path,
    picture: Option<&Picture>,
    outputs: &[OutputSpec],
    folder: &Path,
) -> Result<Vec<Made>> {
    let wanted: Vec<(Role, (u32, u32), &str)> = outputs
        .iter()
        .filter_map(|output| match output {
            OutputSpec::Proxy(spec) => {
                let scaled = |side: u32| side.saturating_mul(PROXY_SCALE);
                Some((Role::Proxy, (scaled(spec.max_width), scaled(spec.max_height)), "proxy.jpg"))
            }
            OutputSpec::Poster(spec) => {
                Some((Role::Poster, (spec.max_width, spec.max_height), "poster.jpg"))
            }
            OutputSpec::Thumbnail(spec) => {
                Some((Role::Thumbnail, (spec.max_width, spec.max_height), "thumb-00000.jpg"))
            }
            _ => None,
        })
        .collect();
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    // Before anything is allocated, and because a decoder fills a cut-off JPEG with grey.
    let header = header(path, OPERATION)?;
    let turn = picture.map_or(header.orientation, |picture| picture.orientation);
    let turn = Orientation::from_exif(turn).unwrap_or(Orientation::NoTransforms);
    let decoded = open(path, OPERATION)?.decode().map_err(|cause| refused(OPERATION, cause))?;
    let full = on_white(decoded);
    let stored = full.dimensions();

    let mut made = Vec::new();
    for (role, most, name) in wanted {
        // Resized as stored and turned when small.
        let most = if turned_aside(turn) { (most.1, most.0) } else { most };
        let small = resized(&full, fit(stored, most))?;
        let mut small = DynamicImage::ImageRgb8(small);
        small.apply_orientation(turn);
        let file = folder.join(name);
        write_jpeg(&small.to_rgb8(), &file)?;
        made.push(Made { role, file, width: small.width(), height: small.height() });
    }
    Ok(made)
}

fn turned_aside(turn: Orientation) -> bool {
    turn.to_exif() >= 5
}

/// The picture in 8 bits without transparency.
fn on_white(picture: DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.into_rgb8();
    }
    let mut picture = picture.into_rgba8();
    for pixel in picture.pixels_mut() {
        let alpha = u16::from(pixel[3]);
        for channel in &mut pixel.0[..3] {
            let mixed = (u16::from(*channel) * alpha + 255 * (255 - alpha)) / 255;
            *channel = u8::try_from(mixed).unwrap_or(u8::MAX);
        }
    }
    DynamicImage::ImageRgba8(picture).into_rgb8()
}

/// The picture at another size.
pub(super) fn resized(picture: &RgbImage, (width, height): (u32, u32)) -> Result<RgbImage> {
    if picture.dimensions() == (width, height) {
        return Ok(picture.clone());
    }
    let failed = |cause: Box<dyn std::error::Error + Send + Sync>| {
        Error::new(ErrorKind::Unexpected, OPERATION, "the picture could not be resized")
            .with("width", width)
            .with("height", height)
            .caused_by(cause)
    };
    let source = fast_image_resize::images::ImageRef::new(
        picture.width(),
        picture.height(),
        picture.as_raw(),
        PixelType::U8x3,
    )
    .map_err(|cause| failed(cause.into()))?;
    let mut target = Image::new(width, height, PixelType::U8x3);
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(fast_image_resize::FilterType::Lanczos3));
    Resizer::new().resize(&source, &mut target, &options).map_err(|cause| failed(cause.into()))?;
    RgbImage::from_raw(width, height, target.into_vec())
        .ok_or_else(|| failed("the size of the result is wrong".into()))
}

/// Writes a JPEG.
pub(super) fn write_jpeg(picture: &RgbImage, file: &Path) -> Result<()> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, QUALITY)
        .encode_image(picture)
        .map_err(|cause| refused(OPERATION, cause))?;
    std::fs::write(file, bytes).map_err(|cause| disk(OPERATION, cause))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Profile;

    fn save(picture: DynamicImage, path: &Path) {
        picture.save(path).unwrap();
    }

    fn quarters() -> RgbImage {
        // Red, green / blue, white: which way it was turned shows.
        RgbImage::from_fn(400, 200, |x, y| match (x < 200, y < 100) {
            (true, true) => image::Rgb([255, 0, 0]),
            (false, true) => image::Rgb([0, 255, 0]),
            (true, false) => image::Rgb([0, 0, 255]),
            (false, false) => image::Rgb([255, 255, 255]),
        })
    }

    #[test]
    fn orientation_is_applied_and_nothing_grows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("in.png");
        save(DynamicImage::ImageRgb8(quarters()), &path);
        let picture =
            Picture { width: 400, height: 200, bit_depth: Some(8), alpha: false, orientation: 6 };
        let made =
            render(&path, Some(&picture), &Profile::browse().outputs, folder.path()).unwrap();
        let sizes: Vec<_> = made.iter().map(|made| (made.role, made.width, made.height)).collect();
        assert_eq!(
            sizes,
            [(Role::Proxy, 200, 400), (Role::Poster, 200, 400), (Role::Thumbnail, 90, 180)]
        );
        // Orientation 6: shown turned clockwise, so the lower left corner comes to the upper left.
        let poster = image::open(&made[1].file).unwrap().into_rgb8();
        let near = |x, y, wanted: [u8; 3]| {
            let found = poster.get_pixel(x, y).0;
            found.iter().zip(wanted).all(|(a, b)| a.abs_diff(b) < 30)
        };
        assert!(near(20, 20, [0, 0, 255]) && near(180, 20, [255, 0, 0]));
        assert!(near(20, 380, [255, 255, 255]) && near(180, 380, [0, 255, 0]));
    }

    #[test]
    fn transparency_becomes_white_and_one_pixel_is_enough() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("in.png");
        let clear = image::RgbaImage::from_pixel(1, 1, image::Rgba([0, 0, 0, 0]));
        save(DynamicImage::ImageRgba8(clear), &path);
        let made = render(&path, None, &Profile::browse().outputs, folder.path()).unwrap();
        let poster = image::open(&made[1].file).unwrap().into_rgb8();
        assert_eq!(poster.get_pixel(0, 0).0, [255, 255, 255]);
    }

    #[test]
    fn a_damaged_picture_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("in.png");
        save(DynamicImage::ImageRgb8(quarters()), &path);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        let out = folder.path().join("out");
        std::fs::create_dir(&out).unwrap();
        let error = render(&path, None, &Profile::browse().outputs, &out).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidMedia);
        assert_eq!(std::fs::read_dir(&out).unwrap().count(), 0);
    }
}
