//! The storyboard: thumbnails on one sheet with a WebVTT index.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use image::RgbImage;

use super::render::{resized, write_jpeg};
use super::{open, refused};
use crate::error::Result;
use crate::geometry::fit;
use crate::local::work::disk;
use crate::model::StoryboardSpec;
use crate::time::MediaTime;

const OPERATION: &str = "transcoder.storyboard";

/// One thumbnail and when the next one comes.
#[derive(Debug)]
pub(crate) struct Cell {
    pub(crate) file: PathBuf,
    pub(crate) start: MediaTime,
    pub(crate) end: MediaTime,
}

/// Where the storyboard goes.
#[derive(Debug)]
pub(crate) struct Sheet<'a> {
    pub(crate) picture: &'a Path,
    pub(crate) index: &'a Path,
    /// The name by which the index refers to the picture.
    pub(crate) name: &'a str,
}

/// Lays the thumbnails out in rows on one JPEG, and writes a WebVTT index whose cues name the
/// place of each (`sheet.jpg#xywh=x,y,width,height`, the form that players read).
///
/// # Errors
/// What reading a thumbnail or writing gives.
pub(crate) fn sheet(cells: &[Cell], spec: &StoryboardSpec, to: &Sheet<'_>) -> Result<()> {
    let mut sheet: Option<(RgbImage, (u32, u32))> = None;
    let count = u32::try_from(cells.len()).unwrap_or(u32::MAX);
    let columns = spec.columns.clamp(1, count.max(1));
    let mut index = String::from("WEBVTT\n");
    for (number, cell) in (0_u32..).zip(cells) {
        let thumb = open(&cell.file, OPERATION)?
            .decode()
            .map_err(|cause| refused(OPERATION, cause))?
            .into_rgb8();
        let (picture, (width, height)) = sheet.get_or_insert_with(|| {
            let size = fit(thumb.dimensions(), (spec.max_width, spec.max_height));
            let rows = count.div_ceil(columns);
            (RgbImage::new(size.0 * columns, size.1 * rows), size)
        });
        let small = resized(&thumb, (*width, *height))?;
        let (x, y) = (number % columns * *width, number / columns * *height);
        image::imageops::replace(picture, &small, i64::from(x), i64::from(y));
        // Writing into a text cannot fail.
        let _ = write!(
            index,
            "\n{} --> {}\n{}#xywh={x},{y},{width},{height}\n",
            clock(cell.start),
            clock(cell.end),
            to.name
        );
    }
    if let Some((picture, _)) = &sheet {
        write_jpeg(picture, to.picture)?;
        std::fs::write(to.index, index).map_err(|cause| disk(OPERATION, cause))?;
    }
    Ok(())
}

/// A time as WebVTT writes it: `HH:MM:SS.mmm`.
fn clock(time: MediaTime) -> String {
    let text = time.to_decimal_seconds(3);
    let (seconds, millis) = text.split_once('.').unwrap_or((&text, "000"));
    let seconds = seconds.parse::<i64>().unwrap_or(0).max(0);
    format!("{:02}:{:02}:{:02}.{millis}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Rate;

    #[test]
    fn each_thumbnail_has_its_place_and_time() {
        let folder = tempfile::tempdir().unwrap();
        let cells: Vec<Cell> = (0..3_u8)
            .map(|number| {
                let file = folder.path().join(format!("{number}.png"));
                RgbImage::from_pixel(320, 180, image::Rgb([number * 100; 3])).save(&file).unwrap();
                let at = |frame| MediaTime::new(frame, Rate::FPS_29_97);
                let start = i64::from(number) * 60;
                Cell { file, start: at(start), end: at(start + 60) }
            })
            .collect();
        let (picture, index) = (folder.path().join("s.jpg"), folder.path().join("s.vtt"));
        let spec = StoryboardSpec { columns: 2, ..StoryboardSpec::default() };
        let to = Sheet { picture: &picture, index: &index, name: "s.jpg" };
        sheet(&cells, &spec, &to).unwrap();
        let sheet = image::open(&picture).unwrap().into_rgb8();
        assert_eq!(sheet.dimensions(), (320, 180));
        for (x, y, level) in [(80, 45, 0), (240, 45, 100), (80, 135, 200)] {
            assert!(sheet.get_pixel(x, y)[0].abs_diff(level) < 4, "{x} {y}");
        }
        assert_eq!(
            std::fs::read_to_string(&index).unwrap(),
            "WEBVTT\n\
             \n00:00:00.000 --> 00:00:02.002\ns.jpg#xywh=0,0,160,90\n\
             \n00:00:02.002 --> 00:00:04.004\ns.jpg#xywh=160,0,160,90\n\
             \n00:00:04.004 --> 00:00:06.006\ns.jpg#xywh=0,90,160,90\n"
        );
    }

    #[test]
    fn hours_are_told() {
        assert_eq!(clock(MediaTime::new(25 * 3_725, Rate::FPS_25)), "01:02:05.000");
    }
}
