//! What the header of a picture says, without decoding it.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use image::{ImageDecoder, ImageFormat};

use super::{check_size, open, refused};
use crate::error::{Error, ErrorKind, Result};

/// The header of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    /// Short name of the format.
    pub(crate) format: &'static str,
    /// Its name for people.
    pub(crate) long_name: &'static str,
    pub(crate) media_type: &'static str,
    /// Size in pixels as stored.
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) bit_depth: u32,
    pub(crate) alpha: bool,
    /// EXIF orientation, 1 to 8.
    pub(crate) orientation: u8,
}

/// Reads the header of a JPEG, PNG, WebP, TIFF or GIF, and makes sure that a JPEG is whole.
///
/// # Errors
/// [`InvalidMedia`](ErrorKind::InvalidMedia) if it is damaged, cut off or too large,
/// [`Unsupported`](ErrorKind::Unsupported) for other formats.
pub(crate) fn header(path: &Path, operation: &'static str) -> Result<Header> {
    let reader = open(path, operation)?;
    let (format, long_name, media_type) = match reader.format() {
        Some(ImageFormat::Jpeg) => ("jpeg", "JPEG", "image/jpeg"),
        Some(ImageFormat::Png) => ("png", "Portable Network Graphics", "image/png"),
        Some(ImageFormat::WebP) => ("webp", "WebP", "image/webp"),
        Some(ImageFormat::Tiff) => ("tiff", "Tagged Image File Format", "image/tiff"),
        Some(ImageFormat::Gif) => ("gif", "Graphics Interchange Format", "image/gif"),
        _ => {
            return Err(Error::new(
                ErrorKind::Unsupported,
                operation,
                "pictures of this format are kept but not read here",
            ));
        }
    };
    let mut decoder = match reader.into_decoder() {
        Ok(decoder) => decoder,
        // The limits speak of sizes without saying which; the header alone says it.
        Err(image::ImageError::Limits(cause)) => {
            let mut unlimited = open(path, operation)?;
            unlimited.no_limits();
            if let Ok((width, height)) = unlimited.into_dimensions() {
                check_size(operation, width, height)?;
            }
            return Err(refused(operation, image::ImageError::Limits(cause)));
        }
        Err(cause) => return Err(refused(operation, cause)),
    };
    let (width, height) = decoder.dimensions();
    check_size(operation, width, height)?;
    if format == "jpeg" && !jpeg_is_whole(path).unwrap_or(false) {
        return Err(Error::new(
            ErrorKind::InvalidMedia,
            operation,
            "this JPEG is cut off: its data does not end",
        ));
    }
    let color = decoder.color_type();
    let bit_depth = u32::from(color.bits_per_pixel() / u16::from(color.channel_count().max(1)));
    Ok(Header {
        format,
        long_name,
        media_type,
        width,
        height,
        bit_depth,
        alpha: color.has_alpha(),
        orientation: decoder.orientation().map_or(1, image::metadata::Orientation::to_exif),
    })
}

/// Whether a JPEG's data ends with the mark it must end with.
///
/// The decoder fills what is missing with grey and says nothing. Within the data the byte 0xFF is
/// always followed by zero or a restart mark, so the end mark cannot be mistaken; before the data
/// come segments that tell their length, and a preview in one of them is passed over.
fn jpeg_is_whole(path: &Path) -> std::io::Result<bool> {
    const END: u8 = 0xd9;
    let mut file = BufReader::new(File::open(path)?);
    let mut marker = false;
    loop {
        let buffer = file.fill_buf()?;
        if buffer.is_empty() {
            return Ok(false);
        }
        let mut used = 0;
        let mut segment = false;
        for byte in buffer {
            used += 1;
            if !marker {
                marker = *byte == 0xff;
                continue;
            }
            marker = *byte == 0xff;
            match *byte {
                END => return Ok(true),
                // No mark, padding, restart marks and the start of the file have no length.
                0x00 | 0x01 | 0xff | 0xd0..=0xd8 => {}
                _ => {
                    segment = true;
                    break;
                }
            }
        }
        file.consume(used);
        if segment {
            marker = false;
            let mut length = [0; 2];
            if std::io::Read::read_exact(&mut file, &mut length).is_err() {
                return Ok(false);
            }
            let length = u16::from_be_bytes(length).saturating_sub(2);
            file.seek_relative(i64::from(length))?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{DynamicImage, RgbImage};

    /// A PNG that claims a size and has no pixels.
    fn png_claiming(width: u32, height: u32) -> Vec<u8> {
        let mut head = b"IHDR".to_vec();
        head.extend(width.to_be_bytes());
        head.extend(height.to_be_bytes());
        head.extend([8, 2, 0, 0, 0]);
        let mut crc = u32::MAX;
        for byte in &head {
            crc ^= u32::from(*byte);
            for _ in 0..8 {
                crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
            }
        }
        let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
        png.extend(head);
        png.extend((!crc).to_be_bytes());
        png.extend(b"\0\0\0\x04IDAT\0\0\0\0");
        png
    }

    #[test]
    fn a_huge_picture_is_refused_by_its_header() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("huge.png");
        std::fs::write(&path, png_claiming(60_000, 60_000)).unwrap();
        let error = header(&path, "prober.probe").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidMedia);
        assert_eq!((error.get("width"), error.get("limit")), (Some("60000"), Some("20000")));
    }

    #[test]
    fn a_cut_off_jpeg_is_told_from_a_whole_one_with_a_trailer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jpg");
        let noise = RgbImage::from_fn(97, 61, |x, y| {
            image::Rgb([(x * 7 + y * 13) as u8, (x * y) as u8, (x ^ y) as u8])
        });
        DynamicImage::ImageRgb8(noise).save(&path).unwrap();
        let found = header(&path, "prober.probe").unwrap();
        assert_eq!(
            (found.format, found.width, found.height, found.orientation),
            ("jpeg", 97, 61, 1)
        );
        assert_eq!((found.bit_depth, found.alpha), (8, false));

        let mut bytes = std::fs::read(&path).unwrap();
        bytes.extend(b"\0\0\0\x18ftypmp42 a motion photo");
        std::fs::write(&path, &bytes).unwrap();
        assert!(header(&path, "prober.probe").is_ok());

        bytes.truncate(bytes.len() / 2);
        std::fs::write(&path, &bytes).unwrap();
        let error = header(&path, "prober.probe").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidMedia);
        assert!(error.message().contains("cut off"), "{error}");
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        std::fs::write(&path, b"\x89PNG\r\n\x1a\nrubbish").unwrap();
        assert_eq!(header(&path, "t").unwrap_err().kind(), ErrorKind::InvalidMedia);
        std::fs::write(&path, b"BMrubbish").unwrap();
        assert_eq!(header(&path, "t").unwrap_err().kind(), ErrorKind::Unsupported);
        assert_eq!(header(&path.join("x"), "t").unwrap_err().kind(), ErrorKind::Unavailable);
    }
}
