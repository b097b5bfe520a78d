//! Sound: what is chosen, mixed and encoded.

use super::super::facts::Facts;
use super::super::plan::{Audio, AudioCodec, Remix};
use super::super::run::Failed;

/// The filters from the chosen tracks to the label `aID`.
pub(super) fn graph(audio: &Audio, facts: &Facts, id: &str) -> Result<String, Failed> {
    let chosen = &audio.chosen;
    let mut graph = String::new();
    for track in &chosen.tracks {
        graph += &format!("[0:a:{}]", track.saturating_sub(1));
    }
    let mut filters = Vec::new();
    let mut channels: i64 = chosen.tracks.iter().filter_map(|track| facts.channels(*track)).sum();
    if chosen.tracks.len() > 1 {
        filters.push(format!("amerge=inputs={}", chosen.tracks.len()));
    }
    match chosen.offset_ms {
        0 => {}
        later if later > 0 => filters.push(format!("adelay=delays={later}:all=1")),
        earlier => {
            let seconds = -earlier as f64 / 1000.0;
            filters.push(format!("atrim=start={seconds:.3},asetpts=PTS-STARTPTS"));
        }
    }
    for remix in [&chosen.remix, &audio.remix].into_iter().flatten() {
        filters.push(pan(remix, channels)?);
        channels = remix.gains.len() as i64;
    }
    if let Some(loudness) = audio.loudness {
        filters.push(format!("loudnorm=I={loudness}"));
    }
    if filters.is_empty() {
        filters.push("anull".to_owned());
    }
    Ok(format!("{graph}{}[a{id}]", filters.join(",")))
}

/// The mix of channels as ffmpeg's `pan` has it.
fn pan(remix: &Remix, channels: i64) -> Result<String, Failed> {
    let mut outputs = Vec::new();
    for (at, gains) in remix.gains.iter().enumerate() {
        if usize::try_from(channels) != Ok(gains.len()) {
            let why = format!(
                "the remix is of {} channels, the selected sound has {channels}",
                gains.len()
            );
            return Err(Failed::new(1010, why));
        }
        // -60 dB is silence, says the API reference of `InputChannels`.
        let heard = gains.iter().enumerate().filter(|(_, gain)| **gain > -600);
        let parts: Vec<String> = heard
            .map(|(channel, gain)| {
                let factor = 10_f64.powf(*gain as f64 / 200.0);
                format!("{factor:.6}*c{channel}")
            })
            .collect();
        let mix = if parts.is_empty() { "0*c0".to_owned() } else { parts.join("+") };
        outputs.push(format!("c{at}={mix}"));
    }
    Ok(format!("pan={}c|{}", remix.gains.len(), outputs.join("|")))
}

/// How track `number` of the output is encoded.
pub(super) fn codec(audio: &Audio, facts: &Facts, number: usize, in_mxf: bool) -> Vec<String> {
    let mut arguments = Vec::new();
    let mut put = |name: &str, value: String| {
        arguments.extend([format!("-{name}:a:{number}"), value]);
    };
    let mut form = |channels: Option<i64>, rate: Option<i64>| {
        if let Some(channels) = channels {
            put("ac", channels.to_string());
        }
        if let Some(rate) = rate {
            put("ar", rate.to_string());
        }
    };
    match &audio.codec {
        AudioCodec::Aac { bitrate, channels, rate } => {
            form(Some(*channels), Some(*rate));
            put("c", "aac".to_owned());
            put("b", bitrate.to_string());
        }
        AudioCodec::Mp3 { bitrate, channels, rate } => {
            form(Some(*channels), Some(*rate));
            put("c", "libmp3lame".to_owned());
            put("b", bitrate.to_string());
        }
        AudioCodec::Wav { bits, channels, rate } => {
            form(*channels, *rate);
            let bits = if in_mxf && *bits > 24 { 24 } else { *bits };
            put("c", format!("pcm_s{bits}le"));
        }
        AudioCodec::Flac { bits, channels, rate } => {
            form(*channels, *rate);
            put("c", "flac".to_owned());
            put("sample_fmt", if *bits > 16 { "s32" } else { "s16" }.to_owned());
        }
    }
    let first = audio.chosen.tracks.first().and_then(|track| track.checked_sub(1));
    let own = first.and_then(|at| facts.sound().get(at)?.pointer("/tags/language")?.as_str());
    if let Some(language) = audio.language.as_deref().or(own) {
        arguments.extend([format!("-metadata:s:a:{number}"), format!("language={language}")]);
    }
    arguments
}
