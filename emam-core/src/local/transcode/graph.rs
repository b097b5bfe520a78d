//! The filter graph: one decode, split once, scaled to the proxy's size once; everything small is
//! taken from the proxy's picture.
//!
//! Detectors are filters that pass their input on, so they sit in the chains that are there
//! anyway. They write one file each, into the folder ffmpeg runs in.

use crate::model::{AnnotationKind, WaveformSpec};
use crate::time::Rate;

use super::sound::Sound;

/// The settings of the detectors; each is the `model` of what it finds.
pub(crate) const SHOTS: &str = "scdet=t=10";
pub(crate) const BLACK: &str = "blackdetect=d=0.5:pix_th=0.10";
pub(crate) const SILENCE: &str = "silencedetect=n=-35dB:d=0.4";
/// `quiet` for `framelog` is not known to ffmpeg 5.1; at `verbose` its lines are hidden as well.
pub(crate) const LOUDNESS: &str = "ebur128=framelog=verbose";

/// What the detectors write.
pub(crate) const SHOTS_FILE: &str = "shots.txt";
pub(crate) const BLACK_START_FILE: &str = "black-start.txt";
pub(crate) const BLACK_END_FILE: &str = "black-end.txt";
pub(crate) const SILENCE_START_FILE: &str = "silence-start.txt";
pub(crate) const SILENCE_END_FILE: &str = "silence-end.txt";

/// What is to be made of the picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PictureGraph {
    /// Index of the stream.
    pub(crate) stream: u32,
    /// Frames a second of everything that is made.
    pub(crate) rate: Rate,
    pub(crate) deinterlace: bool,
    pub(crate) proxy: Option<(u32, u32)>,
    /// Size, and the frame it is.
    pub(crate) poster: Option<((u32, u32), i64)>,
    /// Size, and how many frames lie from one to the next.
    pub(crate) thumbs: Option<((u32, u32), i64)>,
    /// Size of the picture shots and black are looked for in.
    pub(crate) small: (u32, u32),
    pub(crate) shots: bool,
    pub(crate) black: bool,
}

/// What is to be made of the sound.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SoundGraph {
    pub(crate) sound: Sound,
    /// Whether it is encoded.
    pub(crate) encoded: bool,
    pub(crate) waveform: Option<WaveformSpec>,
    pub(crate) silence: bool,
    pub(crate) loudness: bool,
}

/// A graph and the labels that come out of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Graph {
    pub(crate) chains: Vec<String>,
    /// Labels that no file is made of, and that must be run to their end all the same.
    pub(crate) unheard: Vec<&'static str>,
}

impl Graph {
    pub(crate) fn text(&self) -> String {
        self.chains.join(";")
    }

    /// Adds the picture's chains, which end in `[v]` (proxy), `[p]` (poster) and `[t]` (thumbs).
    pub(crate) fn add_picture(&mut self, wanted: &PictureGraph) {
        let small = wanted.thumbs.is_some() || wanted.shots || wanted.black;
        let mut source = format!("[0:{}]", wanted.stream);
        if wanted.deinterlace {
            source += "yadif=mode=send_frame:deint=interlaced,";
        }
        // By time, not by count: what cannot be decoded is filled, what varies becomes constant,
        // and a constant rate passes frame by frame.
        source += &format!("fps=fps={}:round=near", wanted.rate);

        let full = Self::split(
            "",
            [
                (wanted.proxy.is_some(), "f"),
                (wanted.poster.is_some(), "q"),
                (wanted.proxy.is_none() && small, "s"),
            ],
        );
        let Some(full) = full else { return };
        self.chains.push(source + &full);
        if let Some((width, height)) = wanted.proxy {
            let scaled = format!("[f]{},format=yuv420p", scale((width, height)));
            let ends =
                Self::split("", [(true, "v"), (small, "s"), (false, "")]).unwrap_or_default();
            self.chains.push(scaled + &ends);
        }
        if let Some((size, frame)) = wanted.poster {
            // The first frame too: it is there even when the file ends before the wanted one.
            self.chains.push(format!(
                "[q]select='eq(n,0)+eq(n,{frame})',{},format=yuvj420p[p]",
                scale(size)
            ));
        }
        if !small {
            return;
        }
        let mut chain = format!("[s]{}", scale(wanted.small));
        if wanted.shots {
            chain += &format!(",{SHOTS},{}", printed("metadata", "scd.time", SHOTS_FILE));
        }
        if wanted.black {
            let start = printed("metadata", "black_start", BLACK_START_FILE);
            let end = printed("metadata", "black_end", BLACK_END_FILE);
            chain += &format!(",{BLACK},{start},{end}");
        }
        match wanted.thumbs {
            Some((size, every)) => {
                chain += &format!(",select='not(mod(n,{every}))'");
                if size != wanted.small {
                    chain += &format!(",{}", scale(size));
                }
                chain += ",format=yuvj420p[t]";
            }
            None if wanted.proxy.is_some() => chain += ",nullsink",
            None => {
                chain += "[vn]";
                self.unheard.push("[vn]");
            }
        }
        self.chains.push(chain);
    }

    /// Adds the sound's chains, which end in `[a]` (encoder) and `[w]` (waveform).
    pub(crate) fn add_sound(&mut self, wanted: &SoundGraph) {
        let measured = wanted.silence || wanted.loudness;
        let ends = [(wanted.encoded, "ae"), (measured, "am"), (wanted.waveform.is_some(), "aw")];
        let Some(split) = Self::split("a", ends) else { return };
        self.chains.push(wanted.sound.source.clone() + &split);
        if wanted.encoded {
            let mut chain = wanted.sound.mix.unwrap_or("anull").to_owned();
            if wanted.sound.sample_rate > 48_000 {
                chain += ",aresample=48000";
            }
            self.chains.push(format!("[ae]{chain}[a]"));
        }
        if let Some(waveform) = &wanted.waveform {
            self.chains.push(format!(
                "[aw]aformat=sample_fmts=s16:sample_rates={}:channel_layouts=mono[w]",
                waveform.sample_rate
            ));
        }
        if measured {
            let mut filters = Vec::new();
            if wanted.silence {
                filters.push(SILENCE.to_owned());
                filters.push(printed("ametadata", "silence_start", SILENCE_START_FILE));
                filters.push(printed("ametadata", "silence_end", SILENCE_END_FILE));
            }
            if wanted.loudness {
                filters.push(LOUDNESS.to_owned());
            }
            let end = if wanted.encoded || wanted.waveform.is_some() {
                ",anullsink"
            } else {
                self.unheard.push("[an]");
                "[an]"
            };
            self.chains.push(format!("[am]{}{end}", filters.join(",")));
        }
    }

    /// The end of a chain that goes on in each wanted label; nothing where none is wanted.
    fn split(prefix: &str, ends: [(bool, &str); 3]) -> Option<String> {
        let labels: Vec<String> = ends
            .iter()
            .filter(|(wanted, _)| *wanted)
            .map(|(_, label)| format!("[{label}]"))
            .collect();
        match labels.as_slice() {
            [] => None,
            [only] => Some(only.clone()),
            more => Some(format!(",{prefix}split={}{}", more.len(), more.concat())),
        }
    }
}

/// The filter that brings a picture to a size in square pixels.
///
/// Bilinear, because swscale widens its filter by the ratio when it makes a picture smaller, so
/// nothing is passed over; bicubic costs a twentieth of a whole ingest more and shows no difference
/// at browsing size.
fn scale((width, height): (u32, u32)) -> String {
    format!("scale={width}:{height}:flags=bilinear,setsar=1")
}

/// The filter that writes one detector's finds into a file.
fn printed(filter: &str, key: &str, file: &str) -> String {
    format!("{filter}=mode=print:key=lavfi.{key}:file={file}")
}

/// The name of a detector's settings as provenance, for example `scdet t=10`.
pub(crate) fn model(kind: AnnotationKind) -> String {
    let filter = match kind {
        AnnotationKind::Shot => SHOTS,
        AnnotationKind::Black => BLACK,
        AnnotationKind::Silence => SILENCE,
        // How it logs is no setting of the measurement.
        AnnotationKind::Loudness => "ebur128",
        _ => "",
    };
    filter.replacen('=', " ", 1)
}
