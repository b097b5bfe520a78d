//! HLS playlists: names as MediaConvert gives them, and the master with real rates.

use std::fmt::Write;

use super::facts::Facts;

/// One line of the master playlist.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Variant {
    pub(super) name: String,
    /// Of the largest segment, in bits per second.
    pub(super) peak: u64,
    pub(super) average: u64,
    pub(super) size: Option<(i64, i64)>,
    pub(super) rate: Option<(i64, i64)>,
    /// As in RFC 6381.
    pub(super) codecs: Vec<String>,
    /// Sound alone: the group it can be chosen from.
    pub(super) audio_group: Option<String>,
}

/// A playlist with its segments named `NAME_00001.ts` in place of `00001.ts`.
pub(super) fn renamed(text: &str, name: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let is_segment = !line.starts_with('#') && line.ends_with(".ts");
        let prefix = if is_segment { format!("{name}_") } else { String::new() };
        // Writing to a text cannot fail.
        let _ = writeln!(out, "{prefix}{line}");
    }
    out
}

/// The segments of a playlist and their durations in seconds.
pub(super) fn durations(text: &str) -> Vec<(String, f64)> {
    let mut found = Vec::new();
    let mut seconds = 0.0;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("#EXTINF:") {
            seconds = rest.trim_end_matches(',').parse().unwrap_or(0.0);
        } else if !line.starts_with('#') && !line.is_empty() {
            found.push((line.to_owned(), seconds));
        }
    }
    found
}

/// The rate of the largest segment and of all, in bits per second.
pub(super) fn rates(durations: &[(String, f64)], bytes: &[(String, u64)]) -> (u64, u64) {
    let size =
        |name: &String| bytes.iter().find(|(other, _)| other == name).map_or(0, |(_, size)| *size);
    let rate = |bytes: u64, seconds: f64| (bytes as f64 * 8.0 / seconds.max(0.001)).round() as u64;
    let peak = durations.iter().map(|(name, seconds)| rate(size(name), *seconds)).max();
    let total: u64 = durations.iter().map(|(name, _)| size(name)).sum();
    let seconds: f64 = durations.iter().map(|(_, seconds)| seconds).sum();
    (peak.unwrap_or(0), rate(total, seconds))
}

/// The codecs of a segment, as in RFC 6381.
pub(super) fn codecs(facts: &Facts) -> Vec<String> {
    let mut codecs = Vec::new();
    if let Some(stream) = facts.video() {
        let level = stream["level"].as_i64().unwrap_or(31);
        let profile = match stream["profile"].as_str().unwrap_or_default() {
            "Constrained Baseline" => "42c0",
            "Baseline" => "4200",
            "Main" => "4d40",
            "High" => "6400",
            "High 10" => "6e00",
            _ => "7a00",
        };
        match stream["codec_name"].as_str() {
            Some("hevc") => codecs.push(format!("hvc1.1.6.L{level}.B0")),
            _ => codecs.push(format!("avc1.{profile}{level:02x}")),
        }
    }
    if !facts.sound().is_empty() {
        codecs.push("mp4a.40.2".to_owned());
    }
    codecs
}

/// The master playlist. Sound alone that belongs to an audio group becomes a rendition all pictures
/// can be heard with.
pub(super) fn master(variants: &[Variant]) -> String {
    let mut text = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-INDEPENDENT-SEGMENTS\n".to_owned();
    let (sound, pictures): (Vec<_>, Vec<_>) = variants
        .iter()
        .partition(|variant| variant.size.is_none() && variant.audio_group.is_some());
    // Writing to a text cannot fail.
    for (number, one) in sound.iter().enumerate() {
        let group = one.audio_group.as_deref().unwrap_or_default();
        let default = if number == 0 { "YES" } else { "NO" };
        let _ = writeln!(
            text,
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"{group}\",NAME=\"Audio {}\",AUTOSELECT=YES,\
             DEFAULT={default},URI=\"{}\"",
            number + 1,
            one.name
        );
    }
    let heard = sound.first().map(|one| (one.audio_group.clone(), one.peak, one.average));
    for variant in pictures {
        let (mut peak, mut average, mut audio) = (variant.peak, variant.average, String::new());
        let mut codecs = variant.codecs.clone();
        if let Some((Some(group), more_peak, more_average)) = &heard {
            (peak, average) = (peak + more_peak, average + more_average);
            audio = format!(",AUDIO=\"{group}\"");
            if !codecs.iter().any(|codec| codec.starts_with("mp4a")) {
                codecs.push("mp4a.40.2".to_owned());
            }
        }
        let codecs = codecs.join(",");
        let _ = write!(
            text,
            "#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={average},CODECS=\"{codecs}\""
        );
        if let Some((width, height)) = variant.size {
            let _ = write!(text, ",RESOLUTION={width}x{height}");
        }
        if let Some((numerator, denominator)) = variant.rate {
            let _ = write!(text, ",FRAME-RATE={:.3}", numerator as f64 / denominator as f64);
        }
        let _ = writeln!(text, "{audio}\n{}", variant.name);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4.000000,\n00001.ts\n\
                        #EXTINF:2.000000,\n00002.ts\n#EXT-X-ENDLIST\n";

    #[test]
    fn segments_get_the_names_of_the_service() {
        let text = renamed(LIST, "clip one_720");
        assert!(text.contains("\nclip one_720_00001.ts\n"), "{text}");
        assert!(text.ends_with("#EXT-X-ENDLIST\n"));
    }

    #[test]
    fn rates_are_those_of_the_segments() {
        let bytes = [("00001.ts".to_owned(), 500_000), ("00002.ts".to_owned(), 500_000)];
        assert_eq!(rates(&durations(LIST), &bytes), (2_000_000, 1_333_333));
    }

    #[test]
    fn the_master_names_pictures_and_their_sound() {
        let picture = Variant {
            name: "m_720.m3u8".to_owned(),
            peak: 2_000_000,
            average: 1_000_000,
            size: Some((1280, 720)),
            rate: Some((30000, 1001)),
            codecs: vec!["avc1.4d401f".to_owned()],
            audio_group: None,
        };
        let sound = Variant {
            name: "m_audio.m3u8".to_owned(),
            peak: 100_000,
            average: 90_000,
            size: None,
            rate: None,
            codecs: vec!["mp4a.40.2".to_owned()],
            audio_group: Some("program_audio".to_owned()),
        };
        let expected = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-INDEPENDENT-SEGMENTS\n\
            #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"program_audio\",NAME=\"Audio 1\",AUTOSELECT=YES,\
            DEFAULT=YES,URI=\"m_audio.m3u8\"\n\
            #EXT-X-STREAM-INF:BANDWIDTH=2100000,AVERAGE-BANDWIDTH=1090000,\
            CODECS=\"avc1.4d401f,mp4a.40.2\",RESOLUTION=1280x720,FRAME-RATE=29.970,\
            AUDIO=\"program_audio\"\nm_720.m3u8\n";
        assert_eq!(master(&[picture, sound]), expected);
    }
}
