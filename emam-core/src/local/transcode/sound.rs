//! Which sound of the original is heard in a proxy.
//!
//! A proxy has one sound stream, by this rule:
//!
//! - No sound stream: no sound.
//! - Only mono streams, two or more: joined in their order into one stream, at most the first
//!   eight. They are the tracks of a recorder, and each stays a channel of its own. Layouts
//!   without a low-frequency channel are used, for encoders cut the treble of that one.
//! - Otherwise the first stream alone: the others are other languages or mixes. One or two
//!   channels stay as they are. More are mixed down to stereo, by the standard coefficients where
//!   the layout is known, else odd-numbered channels left and even-numbered ones right.

use crate::model::{AudioStream, Technical};

/// The most channels a proxy has.
const MAX_CHANNELS: usize = 8;

/// What is done with the sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sound {
    /// The start of a filter chain: its input labels and filters, without an output label. What
    /// comes out is what loudness, silence and waveform are measured on.
    pub(crate) source: String,
    /// The filter between that and the encoder.
    pub(crate) mix: Option<&'static str>,
    /// Channels of the proxy.
    pub(crate) channels: u32,
    /// For each channel of the original, over all its streams in order, the channel of the proxy
    /// it is heard in; where it is heard in several, the first. Channels past the end of the list
    /// are not heard.
    pub(crate) map: Vec<u32>,
    /// Samples a second of the original.
    pub(crate) sample_rate: u32,
}

/// Plans the sound, if there is any.
pub(crate) fn sound(technical: &Technical) -> Option<Sound> {
    let streams: Vec<&AudioStream> = technical
        .audio
        .iter()
        .filter(|stream| stream.channels > 0 && stream.sample_rate > 0)
        .collect();
    let first = *streams.first()?;
    if streams.len() > 1 && streams.iter().all(|stream| stream.channels == 1) {
        return Some(joined(&streams));
    }
    let input = format!("[0:{}]", first.index);
    let plain = |mix, channels, map| Sound {
        source: format!("{input}anull"),
        mix,
        channels,
        map,
        sample_rate: first.sample_rate,
    };
    Some(match (first.channels, channel_names(first)) {
        (channels @ 1..=2, _) => plain(None, channels, (0..channels).collect()),
        (_, Some(names)) => {
            let map = names.iter().map(|name| u32::from(is_right(name))).collect();
            plain(Some("aformat=channel_layouts=stereo"), 2, map)
        }
        (channels, None) => Sound {
            source: format!("{input}{}", alternating(channels)),
            mix: None,
            channels: 2,
            map: (0..channels).map(|channel| channel % 2).collect(),
            sample_rate: first.sample_rate,
        },
    })
}

fn joined(streams: &[&AudioStream]) -> Sound {
    const LAYOUTS: [(&str, &[&str]); 7] = [
        ("stereo", &["FL", "FR"]),
        ("3.0", &["FL", "FR", "FC"]),
        ("4.0", &["FL", "FR", "FC", "BC"]),
        ("5.0", &["FL", "FR", "FC", "BL", "BR"]),
        ("hexagonal", &["FL", "FR", "FC", "BL", "BR", "BC"]),
        ("7.0", &["FL", "FR", "FC", "BL", "BR", "SL", "SR"]),
        ("octagonal", &["FL", "FR", "FC", "BL", "BR", "BC", "SL", "SR"]),
    ];
    let count = streams.len().min(MAX_CHANNELS);
    let (layout, places) = LAYOUTS.get(count.saturating_sub(2)).copied().unwrap_or(LAYOUTS[0]);
    let inputs: String =
        streams.iter().take(count).map(|stream| format!("[0:{}]", stream.index)).collect();
    let map: Vec<String> =
        places.iter().enumerate().map(|(input, place)| format!("{input}.0-{place}")).collect();
    let channels = u32::try_from(count).unwrap_or(2);
    Sound {
        source: format!(
            "{inputs}join=inputs={count}:channel_layout={layout}:map={}",
            map.join("|")
        ),
        mix: None,
        channels,
        map: (0..channels).collect(),
        sample_rate: streams.iter().map(|stream| stream.sample_rate).max().unwrap_or(0),
    }
}

/// The channels of a layout that ffmpeg knows how to mix, in the order of the stream.
fn channel_names(stream: &AudioStream) -> Option<&'static [&'static str]> {
    const KNOWN: [(&str, &[&str]); 16] = [
        ("2.1", &["FL", "FR", "LFE"]),
        ("3.0", &["FL", "FR", "FC"]),
        ("3.0(back)", &["FL", "FR", "BC"]),
        ("3.1", &["FL", "FR", "FC", "LFE"]),
        ("4.0", &["FL", "FR", "FC", "BC"]),
        ("quad", &["FL", "FR", "BL", "BR"]),
        ("quad(side)", &["FL", "FR", "SL", "SR"]),
        ("4.1", &["FL", "FR", "FC", "LFE", "BC"]),
        ("5.0", &["FL", "FR", "FC", "BL", "BR"]),
        ("5.0(side)", &["FL", "FR", "FC", "SL", "SR"]),
        ("5.1", &["FL", "FR", "FC", "LFE", "BL", "BR"]),
        ("5.1(side)", &["FL", "FR", "FC", "LFE", "SL", "SR"]),
        ("6.1", &["FL", "FR", "FC", "LFE", "BC", "SL", "SR"]),
        ("7.0", &["FL", "FR", "FC", "BL", "BR", "SL", "SR"]),
        ("7.1", &["FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR"]),
        ("7.1(wide)", &["FL", "FR", "FC", "LFE", "BL", "BR", "FLC", "FRC"]),
    ];
    let layout = stream.layout.as_deref()?;
    let known = KNOWN.iter().find(|(name, _)| *name == layout).map(|(_, channels)| *channels);
    known.filter(|channels| u32::try_from(channels.len()) == Ok(stream.channels))
}

fn is_right(name: &str) -> bool {
    matches!(name, "FR" | "BR" | "SR" | "FRC")
}

/// Mixes channels of no known place: odd-numbered ones left, even-numbered ones right.
fn alternating(channels: u32) -> String {
    let side = |first: u32| {
        let terms: Vec<String> =
            (first..channels).step_by(2).map(|channel| format!("c{channel}")).collect();
        // `<` scales the sum so that it cannot clip.
        format!("c{first}<{}", terms.join("+"))
    };
    format!("pan=stereo|{}|{}", side(0), side(1))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn stream(index: u32, channels: u32, layout: Option<&str>) -> AudioStream {
        AudioStream {
            index,
            codec: "pcm_s24le".into(),
            profile: None,
            sample_rate: 48_000,
            bits: Some(24),
            channels,
            layout: layout.map(str::to_owned),
            language: None,
            samples: Some(48_000),
            bit_rate: None,
        }
    }

    fn of(audio: Vec<AudioStream>) -> Option<Sound> {
        let mut technical = crate::local::transcode::compile::tests::video(25, 100);
        technical.audio = audio;
        sound(&technical)
    }

    #[test]
    fn one_or_two_channels_stay() {
        assert_eq!(of(vec![]), None);
        let mono = of(vec![stream(1, 1, Some("mono"))]).unwrap();
        assert_eq!((mono.channels, mono.map, mono.mix), (1, vec![0], None));
        let stereo = of(vec![stream(1, 2, Some("stereo")), stream(2, 2, None)]).unwrap();
        assert_eq!((stereo.channels, stereo.map), (2, vec![0, 1]), "the second is not heard");
        assert_eq!(stereo.source, "[0:1]anull");
    }

    #[test]
    fn surround_is_mixed_down() {
        let surround = of(vec![stream(1, 6, Some("5.1"))]).unwrap();
        assert_eq!((surround.channels, surround.map), (2, vec![0, 1, 0, 0, 0, 1]));
        assert_eq!(surround.mix, Some("aformat=channel_layouts=stereo"));
        let unknown = of(vec![stream(1, 4, None)]).unwrap();
        assert_eq!(unknown.source, "[0:1]pan=stereo|c0<c0+c2|c1<c1+c3");
        assert_eq!(unknown.map, [0, 1, 0, 1]);
    }

    #[test]
    fn mono_tracks_become_channels() {
        let pair = of(vec![stream(1, 1, None), stream(3, 1, None)]).unwrap();
        assert_eq!(pair.source, "[0:1][0:3]join=inputs=2:channel_layout=stereo:map=0.0-FL|1.0-FR");
        assert_eq!(pair.map, [0, 1]);
        let many = of((1..=12).map(|index| stream(index, 1, None)).collect()).unwrap();
        assert_eq!((many.channels, many.map.len()), (8, 8), "the ninth is not heard");
        assert!(many.source.contains("octagonal"));
    }
}
