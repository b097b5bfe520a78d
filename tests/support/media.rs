//! Media made at test time, each with something about it that goes wrong easily, and the real
//! media that `EMAM_TEST_MEDIA` names.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use emam_core::backend::{Key, MediaSource, PutFileOptions, Storage};
use emam_core::clock::SystemClock;
use emam_core::local::{FolderStorage, ToolPaths, Tools, Toolset};

/// The tools of this machine; a machine without them cannot run these tests at all.
pub fn toolset() -> Toolset {
    match Toolset::find(&ToolPaths::from_env()) {
        Ok(tools) => tools,
        Err(error) => panic!("these tests need ffmpeg: {error}"),
    }
}

/// The same, as the backends take them.
pub fn tools() -> Tools {
    Tools::new(ToolPaths::from_env())
}

/// The storage in `folder`, made where there is none.
pub async fn storage(folder: &Path) -> Arc<FolderStorage> {
    match FolderStorage::open(folder, Arc::new(SystemClock)).await {
        Ok(storage) => Arc::new(storage),
        Err(error) => panic!("{}: {}", folder.display(), error.report()),
    }
}

/// The file at `path` as a backend is handed it: a copy in the storage in `folder`, or the key of
/// nothing where there is no such file.
pub async fn source(folder: &Path, path: &Path) -> MediaSource {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = name.unwrap_or_default();
    let key: Key = name.parse().unwrap_or_else(|_| panic!("{name:?} is no key"));
    let storage = storage(folder).await;
    let mut size = 0;
    if path.exists() {
        match storage.put_file(&key, path, PutFileOptions::default()).await {
            Ok(stat) => size = stat.size,
            Err(error) => panic!("{}: {}", path.display(), error.report()),
        }
    }
    MediaSource { storage, key, size, file_name: name }
}

/// A real file by its name, or a loud skip.
// Tests have no configuration but the environment.
#[allow(clippy::disallowed_methods)]
pub fn real(name: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("EMAM_TEST_MEDIA") else {
        crate::skip(&format!("EMAM_TEST_MEDIA is not set, so {name} is not there"));
        return None;
    };
    let path = Path::new(&folder).join(name);
    assert!(path.is_file(), "{} is not there", path.display());
    Some(path)
}

/// A folder of the sample files, `../shared/data/NAME` beside the project, or a loud skip.
pub fn samples(name: &str) -> Option<PathBuf> {
    beside("data", name)
}

/// A folder of the sample tools, `../shared/tools/NAME` beside the project, or a loud skip.
pub fn sample_tools(name: &str) -> Option<PathBuf> {
    beside("tools", name)
}

fn beside(kind: &str, name: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(kind).join(name);
    if root.is_dir() {
        return Some(root);
    }
    crate::skip(&format!("the folder {kind}/{name} of the samples is not beside the project"));
    None
}

/// Makes `folder/name` with ffmpeg's own sources and gives its path.
pub fn make(folder: &Path, name: &str, arguments: &[&str]) -> PathBuf {
    let path = folder.join(name);
    let output = Command::new(&toolset().ffmpeg.path)
        .args(["-hide_banner", "-nostdin", "-loglevel", "error", "-y"])
        .args(arguments)
        .arg(&path)
        .output();
    match output {
        Ok(output) if output.status.success() => path,
        other => panic!("{name} could not be made: {other:?}"),
    }
}

fn lavfi<'a>(sources: &[&'a str]) -> Vec<&'a str> {
    sources.iter().flat_map(|source| ["-f", "lavfi", "-i", source]).collect()
}

fn made(folder: &Path, name: &str, sources: &[&str], rest: &[&str]) -> PathBuf {
    let mut arguments = lavfi(sources);
    arguments.extend(rest);
    make(folder, name, &arguments)
}

/// 3 s of 29.97 drop-frame ProRes 422 with 24-bit sound in two mono streams and a timecode track
/// from 01:00:00;00: 90 frames.
pub fn drop_frame(folder: &Path) -> PathBuf {
    made(
        folder,
        "drop frame.mov",
        &[
            "testsrc2=s=640x360:r=30000/1001:d=3",
            "sine=f=440:d=3.003:r=48000",
            "sine=f=880:d=3.003:r=48000",
        ],
        &[
            "-map",
            "0",
            "-map",
            "1",
            "-map",
            "2",
            "-c:v",
            "prores_ks",
            "-profile:v",
            "2",
            "-c:a",
            "pcm_s24le",
            "-timecode",
            "01:00:00;00",
        ],
    )
}

/// 2 s of 23.976 H.264 with a stereo AAC sound in Matroska: 48 frames.
pub fn film_matroska(folder: &Path) -> PathBuf {
    made(
        folder,
        "film.mkv",
        &["testsrc2=s=322x180:r=24000/1001:d=2", "sine=f=440:d=2.5"],
        &["-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", "-ac", "2"],
    )
}

/// 4 s at 30 frames a second of which, after the first, two of three are missing.
pub fn variable(folder: &Path) -> PathBuf {
    let newer = toolset().ffmpeg.version.at_least(5, 1);
    made(
        folder,
        "variable.mkv",
        &["testsrc2=s=320x240:r=30:d=4"],
        &[
            "-vf",
            "select=not(mod(n\\,3))+lt(n\\,30)",
            if newer { "-fps_mode" } else { "-vsync" },
            "vfr",
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
        ],
    )
}

/// 1 s of a 320x180 picture that is to be turned by 90 degrees clockwise for showing.
pub fn rotated(folder: &Path) -> PathBuf {
    let plain = made(
        folder,
        "upright.mp4",
        &["testsrc2=s=320x180:r=25:d=1"],
        &["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"],
    );
    // Options for this differ between versions of ffmpeg, the bytes of a track header do not:
    // version and flags (4), times (8), id (4), reserved (4), length (4), reserved (8), layer,
    // group, volume and reserved (8), and then the matrix.
    let mut bytes = std::fs::read(&plain).unwrap_or_default();
    let header = bytes.windows(4).position(|four| four == b"tkhd").unwrap_or(0);
    let matrix = header + 4 + 40;
    let quarter: [i32; 9] = [0, 0x1_0000, 0, -0x1_0000, 0, 0, 180 << 16, 0, 0x4000_0000];
    for (place, value) in bytes[matrix..matrix + 36].chunks_exact_mut(4).zip(quarter) {
        place.copy_from_slice(&value.to_be_bytes());
    }
    let path = folder.join("rotated.mp4");
    std::fs::write(&path, bytes).unwrap_or_else(|error| panic!("{error}"));
    path
}

/// Four shots of 2 s at 25 frames a second: two pictures, 1.52 s of black, another picture; the
/// sound is silent while it is black. 640x360, 188 frames.
pub fn shots(folder: &Path) -> PathBuf {
    made(
        folder,
        "shots.mp4",
        &[
            "color=red:s=640x360:r=25:d=2",
            "color=white:s=640x360:r=25:d=2",
            "color=black:s=640x360:r=25:d=1.52",
            "color=yellow:s=640x360:r=25:d=2",
            "sine=f=1000:d=4:r=48000",
            "anullsrc=r=48000:cl=mono:d=1.52",
            "sine=f=1000:d=2:r=48000",
        ],
        &[
            "-filter_complex",
            "[0][1][2][3]concat=n=4[v];[4][5][6]concat=n=3:v=0:a=1[a]",
            "-map",
            "[v]",
            "-map",
            "[a]",
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-pix_fmt",
            "yuv420p",
            "-c:a",
            "aac",
        ],
    )
}

/// A picture of any size, for `seconds` at 25 frames a second, without sound.
pub fn sized(folder: &Path, width: u32, height: u32, seconds: &str) -> PathBuf {
    made(
        folder,
        &format!("{width}x{height}-{seconds}.mkv"),
        &[&format!("testsrc2=s=320x180:r=25:d={seconds}")],
        &["-vf", &format!("scale={width}:{height}"), "-c:v", "ffv1", "-pix_fmt", "yuv444p"],
    )
}

/// 2 s of stereo sound, and nothing else.
pub fn sound(folder: &Path) -> PathBuf {
    made(folder, "sound.flac", &["sine=f=440:d=2:r=44100"], &["-ac", "2"])
}

/// 2 s of wide pixels (4:3 in 16:9), interlaced, top field first.
pub fn interlaced(folder: &Path) -> PathBuf {
    made(
        folder,
        "interlaced.mov",
        &["testsrc2=s=720x576:r=50:d=2"],
        &[
            "-vf",
            "interlace=scan=tff,setfield=tff,setsar=64/45",
            "-c:v",
            "prores_ks",
            "-profile:v",
            "0",
            "-flags",
            "+ildct",
        ],
    )
}
