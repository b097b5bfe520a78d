//! ffprobe's reply as it comes: JSON in which most numbers are text.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::time::{MediaTime, Rate};

/// One microsecond is one frame of this rate; ffprobe tells seconds with six digits.
pub(super) const MICROSECONDS: u32 = 1_000_000;

/// All that is asked for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Reply {
    pub(super) streams: Vec<Stream>,
    pub(super) format: Format,
}

/// The file as a whole.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Format {
    pub(super) format_name: String,
    pub(super) format_long_name: String,
    pub(super) duration: Option<String>,
    pub(super) bit_rate: Option<String>,
    pub(super) probe_score: i64,
    pub(super) tags: BTreeMap<String, String>,
}

/// One stream of any kind.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Stream {
    pub(super) index: u32,
    pub(super) codec_type: String,
    pub(super) codec_name: String,
    pub(super) codec_tag_string: String,
    pub(super) profile: Option<String>,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) sample_aspect_ratio: Option<String>,
    pub(super) pix_fmt: Option<String>,
    pub(super) bits_per_raw_sample: Option<String>,
    pub(super) bits_per_sample: u32,
    pub(super) color_range: Option<String>,
    pub(super) color_space: Option<String>,
    pub(super) color_transfer: Option<String>,
    pub(super) color_primaries: Option<String>,
    pub(super) field_order: Option<String>,
    pub(super) r_frame_rate: Option<String>,
    pub(super) avg_frame_rate: Option<String>,
    pub(super) time_base: Option<String>,
    pub(super) duration_ts: Option<i64>,
    pub(super) duration: Option<String>,
    pub(super) bit_rate: Option<String>,
    pub(super) nb_frames: Option<String>,
    pub(super) nb_read_packets: Option<String>,
    pub(super) sample_rate: Option<String>,
    pub(super) channels: u32,
    pub(super) channel_layout: Option<String>,
    pub(super) disposition: BTreeMap<String, i64>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) side_data_list: Vec<SideData>,
}

/// What comes with a stream beside its packets.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct SideData {
    pub(super) side_data_type: String,
    pub(super) rotation: Option<f64>,
}

impl Stream {
    /// A tag, whatever the case of its key: QuickTime writes lower case, Matroska upper.
    pub(super) fn tag(&self, key: &str) -> Option<&str> {
        tag(&self.tags, key)
    }

    /// The stream's own length, exactly.
    pub(super) fn length(&self) -> Option<MediaTime> {
        let ticks = self.duration_ts.filter(|ticks| *ticks > 0);
        if let (Some(ticks), Some((1, ticks_a_second))) =
            (ticks, self.time_base.as_deref().and_then(fraction))
            && let Ok(rate) = Rate::new(ticks_a_second, 1)
        {
            return Some(MediaTime::new(ticks, rate));
        }
        // Time bases of more than a tick per numerator are rare; the decimal will do for them.
        let text = self.duration.as_deref();
        text.and_then(microseconds).or_else(|| self.tag("DURATION").and_then(clock_time))
    }

    /// Whether this is a picture that stands for the file and no moving picture.
    pub(super) fn is_cover(&self) -> bool {
        ["attached_pic", "timed_thumbnails", "still_image"]
            .iter()
            .any(|flag| self.disposition.get(*flag).is_some_and(|set| *set != 0))
    }
}

/// A tag, whatever the case of its key.
pub(super) fn tag<'a>(tags: &'a BTreeMap<String, String>, key: &str) -> Option<&'a str> {
    let found = tags.iter().find(|(name, _)| name.eq_ignore_ascii_case(key));
    found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
}

/// Reads `num/den` (or `num:den`), both positive.
pub(super) fn fraction(text: &str) -> Option<(u32, u32)> {
    let (num, den) = text.split_once(['/', ':'])?;
    let (num, den) = (num.parse().ok()?, den.parse().ok()?);
    (num > 0 && den > 0).then_some((num, den))
}

/// Reads seconds as microseconds; what is not positive is no length.
pub(super) fn microseconds(text: &str) -> Option<MediaTime> {
    let rate = Rate::new(MICROSECONDS, 1).ok()?;
    MediaTime::from_decimal_seconds(text, rate).ok().filter(|time| time.value() > 0)
}

/// Reads `HH:MM:SS.nnnnnnnnn`, as Matroska's statistics tags have it.
fn clock_time(text: &str) -> Option<MediaTime> {
    let mut parts = text.split(':');
    let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next()?);
    let whole = hours.parse::<i64>().ok()?.checked_mul(3600)?;
    let whole = whole.checked_add(minutes.parse::<i64>().ok()?.checked_mul(60)?)?;
    let seconds = microseconds(seconds).map_or(0, MediaTime::value);
    let total = whole.checked_mul(i64::from(MICROSECONDS))?.checked_add(seconds)?;
    (total > 0).then_some(MediaTime::new(total, Rate::new(MICROSECONDS, 1).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_exact_where_the_file_is() {
        let stream = Stream {
            duration_ts: Some(90_090),
            time_base: Some("1/30000".into()),
            duration: Some("3.003000".into()),
            ..Stream::default()
        };
        let length = stream.length().unwrap();
        assert_eq!(length.rescale(Rate::FPS_29_97).unwrap().exact(), Some(90));

        let tagged = Stream {
            tags: [("DURATION".to_owned(), "00:01:03.933000000".to_owned())].into(),
            ..Stream::default()
        };
        assert_eq!(tagged.length().unwrap().to_micros().unwrap(), 63_933_000);
        assert_eq!(Stream::default().length(), None);
    }

    #[test]
    fn odd_numbers_are_none() {
        assert_eq!(fraction("0/0"), None);
        assert_eq!(fraction("16:9"), Some((16, 9)));
        assert_eq!(fraction("N/A"), None);
        assert_eq!(microseconds("N/A"), None);
        assert_eq!(microseconds("-1"), None);
    }
}
