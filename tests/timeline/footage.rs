//! Footage whose frames spell their numbers, cut, rendered and read back.

use std::path::{Path, PathBuf};
use std::process::Command;

use emam_core::Library;
use emam_core::clock::SystemClock;
use emam_core::error::Result;

use emam_core::model::{
    Asset, AssetSource, Clip, Gap, Item, Sequence, Track, TrackKind, Transition,
};
use emam_core::time::{MediaTime, Rate, Speed};
use emam_core::workflow::{CopyMode, IngestOptions, RenderOptions, Rendered};
use emam_test_support::media::{make, toolset};

pub(crate) const WIDTH: usize = 160;
pub(crate) const HEIGHT: usize = 64;
pub(crate) const BAR: usize = 16;
pub(crate) const BARS: usize = WIDTH / BAR;

pub(crate) struct Bench {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) library: Library,
}

/// What is seen in a frame: parts of frames of films, as film, frame and share.
pub(crate) type Seen = Vec<(i64, i64, f64)>;

pub(crate) fn one(film: i64, frame: i64) -> Seen {
    vec![(film, frame, 1.0)]
}

impl Bench {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let library = Library::open(folder.path().join("library")).await.unwrap();
        Self { folder, library }
    }

    /// Takes in a film whose frames spell their number and `film`; its sound is a tone of 1 kHz in
    /// every second second, beginning with silence.
    pub(crate) async fn film(
        &self,
        film: i64,
        rate: &str,
        frames: i64,
        more: &[&str],
    ) -> AssetSource {
        let name = format!("film{film}.mov");
        let path = self.make(&name, film, rate, frames, more);
        self.ingest(&path).await
    }

    pub(crate) fn make(
        &self,
        name: &str,
        film: i64,
        rate: &str,
        frames: i64,
        more: &[&str],
    ) -> PathBuf {
        let bars = format!(
            "nullsrc=s={WIDTH}x{HEIGHT}:r={rate},geq=lum='if(mod(floor(if(lt(Y,32),N,{film})\
             /pow(2,floor(X/{BAR}))),2),235,16)':cb=128:cr=128,format=yuv420p"
        );
        let tone = "aevalsrc=exprs='0.5*sin(2*PI*1000*t)*mod(floor(t),2)|\
                    0.25*sin(2*PI*1000*t)*mod(floor(t),2)':s=48000:c=stereo";
        let count = frames.to_string();
        let mut arguments = vec!["-f", "lavfi", "-i", &bars, "-f", "lavfi", "-i", tone];
        arguments.extend(["-frames:v", &count, "-c:v", "libx264", "-crf", "10", "-g", "25"]);
        arguments.extend(["-bf", "2", "-sc_threshold", "0", "-c:a", "pcm_s16le", "-shortest"]);
        arguments.extend(more);
        make(self.folder.path(), name, &arguments)
    }

    pub(crate) async fn ingest(&self, path: &Path) -> AssetSource {
        let run = self.library.assets().ingest(path, IngestOptions::default()).await.unwrap();
        let asset: Asset = run.join().await.unwrap();
        AssetSource { version: asset.face_version, ..AssetSource::new(asset.id) }
    }

    pub(crate) async fn cut(&self, rate: Rate, tracks: Vec<(TrackKind, Vec<Item>)>) -> Sequence {
        let project = self.library.projects().create("Promo").await.unwrap();
        let mut cut = Sequence::new(&SystemClock, project.id, "Rough cut", rate);
        (cut.width, cut.height) = (Some(WIDTH as u32), Some(HEIGHT as u32));
        cut.drop_frame = rate.can_drop();
        for (kind, items) in tracks {
            cut.tracks.push(Track { items, ..Track::new(&SystemClock, kind, "T") });
        }
        self.library.backends().catalog.insert_sequence(&cut).await.unwrap();
        cut
    }

    pub(crate) async fn save(&self, cut: &Sequence) {
        self.library.backends().catalog.insert_sequence(cut).await.unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) async fn render(
        &self,
        cut: &Sequence,
        name: &str,
        options: RenderOptions,
    ) -> Result<Rendered> {
        let run = self.library.sequences().render(cut.id, self.path(name), options).await?;
        run.join().await
    }

    /// Renders all of it, encoded, and compares every frame.
    pub(crate) async fn expect(
        &self,
        cut: &Sequence,
        name: &str,
        want: impl Fn(i64) -> Seen,
    ) -> Rendered {
        let options = RenderOptions::default().with_copy(CopyMode::Never);
        let rendered = self.render(cut, name, options).await.unwrap();
        compare(&self.path(name), rendered.frames, want);
        let names = std::fs::read_dir(self.folder.path()).unwrap();
        let left: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
        let left: Vec<_> = left.iter().filter(|n| n.to_string_lossy().starts_with('.')).collect();
        assert!(left.is_empty(), "left behind: {left:?}");
        rendered
    }
}

pub(crate) fn clip(source: AssetSource, start: i64, rate: Rate, duration: i64) -> Clip {
    Clip::new(&SystemClock, "shot", source, MediaTime::new(start, rate), duration)
}

pub(crate) fn item(source: AssetSource, start: i64, duration: i64) -> Item {
    Item::Clip(clip(source, start, Rate::FPS_25, duration))
}

pub(crate) fn fast(source: AssetSource, start: i64, duration: i64, speed: (i32, u32)) -> Item {
    let speed = Speed::new(speed.0, speed.1).unwrap();
    Item::Clip(Clip { speed, ..clip(source, start, Rate::FPS_25, duration) })
}

pub(crate) fn dissolve(before: i64, after: i64) -> Item {
    Item::Transition(Transition::new(Transition::DISSOLVE, before, after))
}

pub(crate) fn gap(duration: i64) -> Item {
    Item::Gap(Gap::new(duration))
}

pub(crate) fn ffmpeg(arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(toolset().ffmpeg.path)
        .args(["-v", "error", "-nostdin"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// What ffprobe says of a file, line by line.
pub(crate) fn ffprobe(path: &Path, asked: &[&str]) -> String {
    let output = Command::new(toolset().ffprobe.unwrap().path)
        .args(["-v", "error", "-of", "csv=p=0"])
        .args(asked)
        .arg(path)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The brightness of each bar of each frame: above the numbers of frames, below those of films.
pub(crate) fn bars(path: &Path) -> Vec<[[f64; BARS]; 2]> {
    let filter = "format=yuv420p";
    let path = path.to_str().unwrap();
    let raw = ffmpeg(&["-i", path, "-an", "-vsync", "0", "-vf", filter, "-f", "rawvideo", "-"]);
    let frame = WIDTH * HEIGHT * 3 / 2;
    assert_eq!(raw.len() % frame, 0);
    let bar = |picture: &[u8], row: usize, bar: usize| {
        let mut sum = 0.0;
        for y in row * 32 + 12..row * 32 + 20 {
            for x in bar * BAR + 4..bar * BAR + 12 {
                sum += f64::from(picture[y * WIDTH + x]);
            }
        }
        sum / 64.0
    };
    raw.chunks(frame)
        .map(|picture| [0, 1].map(|row| std::array::from_fn(|at| bar(picture, row, at))))
        .collect()
}

pub(crate) fn compare(path: &Path, frames: i64, want: impl Fn(i64) -> Seen) {
    let found = bars(path);
    assert_eq!(found.len() as i64, frames, "{}", path.display());
    for (index, found) in found.iter().enumerate() {
        let want = want(index as i64);
        let all: f64 = want.iter().map(|(_, _, share)| share).sum();
        for (row, found) in found.iter().enumerate() {
            for (bar, found) in found.iter().enumerate() {
                let lit = |(film, frame, share): &(i64, i64, f64)| {
                    let number = if row == 0 { frame } else { film };
                    share * if number >> bar & 1 == 1 { 235.0 } else { 16.0 }
                };
                let wanted: f64 = want.iter().map(lit).sum::<f64>() + (1.0 - all) * 16.0;
                assert!(
                    (wanted - found).abs() < 9.0,
                    "frame {index} of {}: bar {bar} of row {row} is {found}, not {wanted}; {want:?}",
                    path.display()
                );
            }
        }
    }
}

/// The left and right samples of the sound.
pub(crate) fn samples(path: &Path) -> Vec<[f32; 2]> {
    let raw = ffmpeg(&["-i", path.to_str().unwrap(), "-vn", "-f", "f32le", "-ar", "48000", "-"]);
    let number = |bytes: &[u8]| f32::from_le_bytes(bytes.try_into().unwrap());
    raw.chunks_exact(8).map(|pair| [number(&pair[..4]), number(&pair[4..])]).collect()
}

/// How loud a channel is in 10 ms from a time on: the highest sample.
pub(crate) fn loudness(sound: &[[f32; 2]], channel: usize, at: f64) -> f32 {
    let first = (at * 48_000.0) as usize;
    let part = &sound[first.min(sound.len())..(first + 480).min(sound.len())];
    part.iter().map(|pair| pair[channel].abs()).fold(0.0, f32::max)
}

/// When the sound first gets loud after a time.
pub(crate) fn onset(sound: &[[f32; 2]], after: f64) -> f64 {
    let first = (after * 48_000.0) as usize;
    let at = sound.iter().skip(first).position(|pair| pair[0].abs() > 0.05).unwrap();
    (first + at) as f64 / 48_000.0
}

pub(crate) fn bars_of(bench: &Bench, name: &str) -> Vec<[[f64; BARS]; 2]> {
    bars(&bench.path(name))
}
