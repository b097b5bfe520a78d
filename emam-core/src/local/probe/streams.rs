//! From ffprobe's reply to the library's records.

use std::collections::BTreeMap;

use crate::model::{
    AspectRatio, AudioStream, Color, Container, Exif, FieldOrder, Hdr, OtherStream, TimecodeSource,
    VideoStream,
};
use crate::time::{MediaTime, Rate, Timecode};

use super::pixel::pixel;
use super::rate::{Facts, timing};
use super::reply::{Format, Reply, Stream, fraction, microseconds, tag};

/// The streams of a file by sort.
#[derive(Debug, Default)]
pub(super) struct Streams {
    pub(super) video: Vec<VideoStream>,
    pub(super) audio: Vec<AudioStream>,
    pub(super) other: Vec<OtherStream>,
}

/// Sorts and reads the streams.
pub(super) fn streams(reply: &Reply) -> Streams {
    let mut streams = Streams::default();
    for stream in &reply.streams {
        match stream.codec_type.as_str() {
            "video" if !stream.is_cover() => streams.video.push(video(stream, reply)),
            "audio" => streams.audio.push(audio(stream)),
            other => streams.other.push(OtherStream {
                index: stream.index,
                kind: if other == "video" { "picture" } else { other }.to_owned(),
                codec: codec(stream),
                language: language(stream),
            }),
        }
    }
    streams
}

fn video(stream: &Stream, reply: &Reply) -> VideoStream {
    let rate = |text: &Option<String>| {
        let (num, den) = text.as_deref().and_then(fraction)?;
        Rate::new(num, den).ok()
    };
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<i64>().ok());
    let packets = number(stream.nb_read_packets.as_deref());
    let counted = number(stream.nb_frames.as_deref())
        .or(packets)
        .or_else(|| number(stream.tag("NUMBER_OF_FRAMES")));
    let alone = reply.streams.iter().filter(|other| !other.is_cover()).count() == 1;
    let whole = || reply.format.duration.as_deref().filter(|_| alone).and_then(microseconds);
    let timing = timing(Facts {
        lowest: rate(&stream.r_frame_rate),
        average: rate(&stream.avg_frame_rate),
        counted: counted.filter(|count| *count > 0),
        packets_read: packets.is_some() && stream.nb_frames.is_none(),
        length: stream.length().or_else(whole),
    });
    let pixel = stream.pix_fmt.as_deref().map(pixel).unwrap_or_default();
    let known = |text: &Option<String>| {
        text.clone().filter(|text| !matches!(text.as_str(), "unknown" | "reserved" | "unspecified"))
    };
    let color = Color {
        primaries: known(&stream.color_primaries),
        transfer: known(&stream.color_transfer),
        matrix: known(&stream.color_space),
        range: known(&stream.color_range),
    };
    let (start_timecode, timecode_source) = start_timecode(stream, reply, timing.rate);
    let raw_bits = stream.bits_per_raw_sample.as_deref().and_then(|bits| bits.parse().ok());
    VideoStream {
        index: stream.index,
        codec: codec(stream),
        profile: known(&stream.profile),
        width: stream.width,
        height: stream.height,
        pixel_aspect: stream
            .sample_aspect_ratio
            .as_deref()
            .and_then(fraction)
            .map_or(AspectRatio::SQUARE, |(num, den)| AspectRatio { num, den }),
        rotation: rotation(stream),
        rate: timing.rate,
        average_rate: timing.average,
        variable_rate: timing.variable,
        frames: timing.frames,
        start_timecode,
        timecode_source,
        bit_depth: raw_bits.filter(|bits| *bits > 0).or(pixel.bit_depth),
        chroma: pixel.chroma,
        hdr: hdr(stream, &color),
        color,
        field_order: match stream.field_order.as_deref() {
            Some("progressive") => FieldOrder::Progressive,
            // The first letter alone: `tb`, QuickTime's 9, is written for interleaved lines of
            // which the first is the earlier (TN2162), whatever the second letter seems to say.
            Some("tt" | "tb") => FieldOrder::TopFirst,
            Some("bb" | "bt") => FieldOrder::BottomFirst,
            _ => FieldOrder::Unknown,
        },
        alpha: pixel.alpha || stream.tag("alpha_mode") == Some("1"),
        bit_rate: bits_a_second(stream),
    }
}

fn audio(stream: &Stream) -> AudioStream {
    let sample_rate = stream.sample_rate.as_deref().and_then(|rate| rate.parse().ok()).unwrap_or(0);
    let raw_bits = stream.bits_per_raw_sample.as_deref().and_then(|bits| bits.parse::<u32>().ok());
    let bits = raw_bits.filter(|bits| *bits > 0).unwrap_or(stream.bits_per_sample);
    AudioStream {
        index: stream.index,
        codec: codec(stream),
        profile: stream.profile.clone().filter(|profile| profile != "unknown"),
        sample_rate,
        bits: (bits > 0).then_some(bits),
        channels: stream.channels,
        layout: stream.channel_layout.clone().filter(|layout| layout != "unknown"),
        language: language(stream),
        samples: Rate::new(sample_rate, 1).ok().and_then(|rate| {
            let length = stream.length()?.rescale_nearest(rate).ok()?;
            Some(length.value())
        }),
        bit_rate: bits_a_second(stream),
    }
}

fn codec(stream: &Stream) -> String {
    let tag = stream.codec_tag_string.as_str();
    match stream.codec_name.as_str() {
        "" | "unknown" if !tag.starts_with('[') => tag.to_owned(),
        name => name.to_owned(),
    }
}

fn language(stream: &Stream) -> Option<String> {
    stream.tag("language").filter(|language| *language != "und").map(str::to_owned)
}

fn bits_a_second(stream: &Stream) -> Option<u64> {
    let text = stream.bit_rate.as_deref().or_else(|| stream.tag("BPS"))?;
    text.parse().ok().filter(|rate| *rate > 0)
}

/// Clockwise degrees. The display matrix is told counter-clockwise, the old tag clockwise.
fn rotation(stream: &Stream) -> u16 {
    let matrix = stream.side_data_list.iter().find_map(|data| data.rotation).map(|turn| -turn);
    let tagged = || stream.tag("rotate").and_then(|turn| turn.parse::<f64>().ok());
    let turn = matrix.or_else(tagged).filter(|turn| turn.is_finite()).unwrap_or(0.0);
    // Only quarters can be shown without resampling; ffmpeg turns by these alone too.
    let quarters = (turn / 90.0).round().rem_euclid(4.0);
    [0, 90, 180, 270].into_iter().nth(quarters as usize).unwrap_or(0)
}

fn hdr(stream: &Stream, color: &Color) -> Option<Hdr> {
    let dolby = |data: &super::reply::SideData| data.side_data_type.contains("DOVI");
    if stream.side_data_list.iter().any(dolby) {
        return Some(Hdr::DolbyVision);
    }
    match color.transfer.as_deref() {
        Some("smpte2084") => Some(Hdr::Pq),
        Some("arib-std-b67") => Some(Hdr::Hlg),
        _ => None,
    }
}

/// The timecode of frame 0 and where it was found: a timecode track before a tag of the stream
/// before one of the file.
fn start_timecode(
    stream: &Stream,
    reply: &Reply,
    rate: Option<Rate>,
) -> (Option<Timecode>, TimecodeSource) {
    let Some(rate) = rate else { return (None, TimecodeSource::None) };
    let track = reply.streams.iter().find(|other| other.codec_tag_string == "tmcd");
    let places = [
        (track.and_then(|track| track.tag("timecode")), TimecodeSource::TimecodeTrack),
        (stream.tag("timecode"), TimecodeSource::VideoStream),
        (tag(&reply.format.tags, "timecode"), TimecodeSource::Container),
    ];
    for (label, source) in places {
        // A label that does not exist at this rate stays in the raw reply.
        if let Some(timecode) = label.and_then(|label| Timecode::parse_wrapping(label, rate).ok()) {
            return (Some(timecode), source);
        }
    }
    (None, TimecodeSource::None)
}

/// The file as a whole.
pub(super) fn container(format: &Format, media_type: Option<&str>, size: u64) -> Container {
    let (name, kind) = short_name(format, media_type);
    Container {
        format: name.to_owned(),
        long_name: format.format_long_name.clone(),
        media_type: if kind.is_empty() { media_type.unwrap_or_default() } else { kind }.to_owned(),
        size,
        duration: format.duration.as_deref().and_then(microseconds),
        bit_rate: format.bit_rate.as_deref().and_then(|rate| rate.parse().ok()),
        created_at: created_at(&format.tags),
    }
}

/// When the file says it was made. QuickTime files without a clock say 1904 or 1970.
fn created_at(tags: &BTreeMap<String, String>) -> Option<jiff::Timestamp> {
    let made = tag(tags, "creation_time")?.parse::<jiff::Timestamp>().ok()?;
    (made.as_second() > 0).then_some(made)
}

/// The short name of a container and its media type.
fn short_name<'a>(format: &'a Format, media_type: Option<&str>) -> (&'a str, &'static str) {
    let first = format.format_name.split(',').next().unwrap_or_default();
    match first {
        "mov" => match tag(&format.tags, "major_brand").map(str::trim) {
            None | Some("qt") => ("mov", "video/quicktime"),
            Some("M4A" | "M4B" | "M4P") => ("m4a", "audio/mp4"),
            Some("M4V" | "M4VH" | "M4VP") => ("m4v", "video/x-m4v"),
            Some(brand) if brand.starts_with("3gp") => ("3gp", "video/3gpp"),
            Some(brand) if brand.starts_with("3g2") => ("3g2", "video/3gpp2"),
            Some(_) => ("mp4", "video/mp4"),
        },
        "matroska" if media_type == Some("video/webm") => ("webm", "video/webm"),
        "matroska" => ("matroska", "video/x-matroska"),
        "wav" => ("wav", "audio/wav"),
        "w64" => ("w64", "audio/wav"),
        "aiff" => ("aiff", "audio/aiff"),
        "mp3" => ("mp3", "audio/mpeg"),
        "aac" => ("aac", "audio/aac"),
        "flac" => ("flac", "audio/flac"),
        "ogg" => ("ogg", "application/ogg"),
        "avi" => ("avi", "video/x-msvideo"),
        "mxf" => ("mxf", "application/mxf"),
        "mpegts" => ("mpegts", "video/mp2t"),
        "mpeg" => ("mpeg", "video/mpeg"),
        "asf" => ("asf", "video/x-ms-asf"),
        "flv" => ("flv", "video/x-flv"),
        other => (other, ""),
    }
}

/// What a phone or camera wrote into the tags of a video.
pub(super) fn camera(format: &Format) -> Option<Exif> {
    let text = |keys: &[&str]| {
        keys.iter().find_map(|key| tag(&format.tags, key)).map(|value| value.trim().to_owned())
    };
    let place = text(&["com.apple.quicktime.location.ISO6709", "location"]);
    let (latitude, longitude, altitude) =
        place.as_deref().and_then(iso_6709).unwrap_or((None, None, None));
    let exif = Exif {
        make: text(&["com.apple.quicktime.make", "make", "com.android.manufacturer"]),
        model: text(&["com.apple.quicktime.model", "model", "com.android.model"]),
        taken_at: text(&["com.apple.quicktime.creationdate"]),
        latitude,
        longitude,
        altitude,
        ..Exif::default()
    };
    (exif != Exif::default()).then_some(exif)
}

type Place = (Option<f64>, Option<f64>, Option<f64>);

/// Reads `+48.8584+002.2945+035.0/` (ISO 6709 annex H, in degrees).
fn iso_6709(text: &str) -> Option<Place> {
    let text = text.trim_end_matches('/');
    let starts: Vec<usize> =
        text.char_indices().filter(|(_, c)| matches!(c, '+' | '-')).map(|(at, _)| at).collect();
    let number = |n: usize| {
        let start = *starts.get(n)?;
        let end = starts.get(n + 1).copied().unwrap_or(text.len());
        text.get(start..end)?.parse::<f64>().ok().filter(|value| value.is_finite())
    };
    let (latitude, longitude) = (number(0)?, number(1)?);
    ((-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude)).then_some((
        Some(latitude),
        Some(longitude),
        number(2),
    ))
}

/// The length of the media: of its first video stream, else of its first audio stream, else of
/// the whole.
pub(crate) fn length(technical: &crate::model::Technical) -> Option<MediaTime> {
    if let Some(video) = technical.video.first()
        && let (Some(frames), Some(rate)) = (video.frames, video.rate)
    {
        return Some(MediaTime::new(frames, rate));
    }
    if technical.video.is_empty()
        && let Some(audio) = technical.audio.first()
        && let (Some(samples), Ok(rate)) = (audio.samples, Rate::new(audio.sample_rate, 1))
    {
        return Some(MediaTime::new(samples, rate));
    }
    technical.container.duration
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(json: serde_json::Value) -> Reply {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn drop_frame_comes_from_the_label_and_the_track_comes_first() {
        let reply = reply(serde_json::json!({
            "streams": [
                {"index": 0, "codec_type": "video", "codec_name": "prores", "width": 640,
                 "height": 360, "pix_fmt": "yuv422p10le", "bits_per_raw_sample": "10",
                 "r_frame_rate": "30000/1001", "avg_frame_rate": "30000/1001",
                 "time_base": "1/30000", "duration_ts": 90090, "nb_frames": "90",
                 "field_order": "tb", "tags": {"timecode": "02:00:00:00"}},
                {"index": 1, "codec_type": "audio", "codec_name": "pcm_s24le", "channels": 1,
                 "sample_rate": "48000", "bits_per_sample": 24, "time_base": "1/48000",
                 "duration_ts": 144144, "tags": {"language": "eng"}},
                {"index": 2, "codec_type": "data", "codec_tag_string": "tmcd",
                 "tags": {"timecode": "01:00:00;00"}},
                {"index": 3, "codec_type": "video", "codec_name": "mjpeg",
                 "disposition": {"attached_pic": 1}}
            ],
            "format": {"format_name": "mov,mp4,m4a,3gp,3g2,mj2", "duration": "3.003000",
                       "tags": {"major_brand": "qt  "}}
        }));
        let streams = streams(&reply);
        let video = &streams.video[0];
        let timecode = video.start_timecode.unwrap();
        assert!(timecode.drop_frame());
        assert_eq!(timecode.to_string(), "01:00:00;00");
        assert_eq!(video.timecode_source, TimecodeSource::TimecodeTrack);
        assert_eq!((video.frames, video.rate), (Some(90), Some(Rate::FPS_29_97)));
        assert_eq!((video.bit_depth, video.chroma.as_deref()), (Some(10), Some("4:2:2")));
        assert_eq!(video.field_order, FieldOrder::TopFirst);
        assert_eq!(streams.audio[0].samples, Some(144_144));
        assert_eq!(streams.audio[0].bits, Some(24));
        let kinds: Vec<_> = streams.other.iter().map(|other| other.kind.as_str()).collect();
        assert_eq!(kinds, ["data", "picture"]);
        assert_eq!(streams.other[0].codec, "tmcd");
        let container = container(&reply.format, None, 7);
        assert_eq!((container.format.as_str(), container.size), ("mov", 7));
    }

    #[test]
    fn rotation_is_clockwise() {
        for (counter_clockwise, clockwise) in
            [(-90.0, 90), (90.0, 270), (180.0, 180), (-180.0, 180), (0.0, 0), (-270.0, 270)]
        {
            let side = super::super::reply::SideData {
                rotation: Some(counter_clockwise),
                ..Default::default()
            };
            let stream = Stream { side_data_list: vec![side], ..Stream::default() };
            assert_eq!(rotation(&stream), clockwise, "{counter_clockwise}");
        }
    }

    #[test]
    fn places_of_phones_are_read() {
        assert_eq!(iso_6709("-15.8355-048.0153/"), Some((Some(-15.8355), Some(-48.0153), None)));
        assert_eq!(
            iso_6709("+48.8584+002.2945+035.0/"),
            Some((Some(48.8584), Some(2.2945), Some(35.0)))
        );
        assert_eq!(iso_6709("+91.0+002.0/"), None);
        assert_eq!(iso_6709("Paris"), None);
    }
}
