//! A library's worth of assets, the same every time.
//!
//! Words are drawn by Zipf's law from 20,000, so that a search finds many, some or few assets as
//! it does in a real library: in a million, about 55,000, 2,800 and 280.

use std::time::Duration;

use emam_core::clock::{Clock, ManualClock};
use emam_core::id::AssetId;
use emam_core::model::{Asset, AssetKind, Lifecycle, MediaSummary};
use emam_core::time::{MediaTime, Rate};

const WORDS: usize = 20_000;
const KINDS: [AssetKind; 4] =
    [AssetKind::Video, AssetKind::Audio, AssetKind::Image, AssetKind::Document];
const CODECS: [&str; 6] = ["h264", "prores", "hevc", "dnxhd", "aac", "mjpeg"];
const CONTAINERS: [&str; 5] = ["mov", "mxf", "mp4", "wav", "jpeg"];

/// How often a term is found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Class {
    pub(super) name: &'static str,
    first: usize,
    step: usize,
}

/// By the rank of their words.
pub(super) const CLASSES: [Class; 3] = [
    Class { name: "common", first: 45, step: 1 },
    Class { name: "mid", first: 900, step: 10 },
    Class { name: "rare", first: 9_000, step: 100 },
];

/// Makes assets.
#[derive(Debug)]
pub(super) struct Maker {
    clock: ManualClock,
    /// For each rank, the share of all words that have it or a lower one.
    shares: Vec<f64>,
    state: u64,
}

impl Maker {
    pub(super) fn new(seed: u64) -> Self {
        let mut shares = Vec::with_capacity(WORDS);
        let mut sum = 0.0;
        for rank in 1..=WORDS {
            sum += 1.0 / rank as f64;
            shares.push(sum);
        }
        let start = "2020-01-01T00:00:00Z".parse().unwrap_or_default();
        Self { clock: ManualClock::starting_at(start), shares, state: seed }
    }

    /// The next `count` assets, each a second later than the one before.
    pub(super) fn assets(&mut self, count: usize) -> Vec<Asset> {
        (0..count).map(|_| self.asset()).collect()
    }

    fn asset(&mut self) -> Asset {
        self.clock.advance(Duration::from_secs(1));
        let title = self.words(5);
        let mut asset = Asset::new(AssetId::new(&self.clock), title, self.clock.now());
        asset.description = self.words(20);
        asset.tags = (0..4).map(|_| self.word()).collect();
        asset.kind = KINDS[self.below(4)];
        asset.lifecycle = match self.below(50) {
            0 => Lifecycle::Trashed,
            1..5 => Lifecycle::Processing,
            _ => Lifecycle::Ready,
        };
        asset.rating = u8::try_from(self.below(6)).ok().filter(|rating| *rating > 0);
        asset.file_name = format!("A{:03}_C{:03}.mov", self.below(1000), self.below(1000));
        let seconds = i64::try_from(self.below(3600)).unwrap_or(0);
        asset.media = Some(MediaSummary {
            size: u64::try_from(self.below(1 << 34)).unwrap_or(0),
            container: Some(CONTAINERS[self.below(5)].to_owned()),
            video_codec: Some(CODECS[self.below(6)].to_owned()),
            width: Some(1920),
            height: Some(1080),
            duration: Some(MediaTime::new(seconds * 25, Rate::FPS_25)),
            ..MediaSummary::default()
        });
        let project = self.below(1000);
        asset.external_ids.insert("project".to_owned(), project.to_string());
        asset
    }

    fn words(&mut self, count: usize) -> String {
        let words: Vec<String> = (0..count).map(|_| self.word()).collect();
        words.join(" ")
    }

    fn word(&mut self) -> String {
        let all = self.shares.last().copied().unwrap_or(1.0);
        let share = self.next() as f64 / u64::MAX as f64 * all;
        word(self.shares.partition_point(|sum| *sum < share))
    }

    fn below(&mut self, end: u64) -> usize {
        usize::try_from(self.next() % end).unwrap_or(0)
    }

    /// SplitMix64: quick, even, and the same on every machine.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

/// Some terms of a class.
pub(super) fn terms(class: Class, count: usize) -> Vec<String> {
    (0..count).map(|n| word(class.first + n * class.step)).collect()
}

/// The word of a rank: letters that say its number, so no two are alike.
fn word(rank: usize) -> String {
    const SYLLABLES: [&str; 28] = [
        "ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "qui", "ro", "su",
        "ta", "ve", "wi", "xo", "yu", "za", "bre", "cli", "dro", "flu", "gra", "ple", "tri",
    ];
    let mut word = String::new();
    let mut rest = rank;
    for _ in 0..3 {
        word += SYLLABLES[rest % 28];
        rest /= 28;
    }
    word
}
