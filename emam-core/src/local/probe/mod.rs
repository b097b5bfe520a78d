//! Finds what a file is: pictures in Rust, video and sound through ffprobe.
//!
//! The bytes decide, the name is a hint. A name that claims media on bytes that are none is an
//! error; a name that claims nothing of the kind is a document or an unknown file, and welcome.

mod exif;
mod pixel;
mod rate;
mod reply;
mod sniff;
mod streams;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::backend::{MediaSource, Prober};
use crate::error::{Error, ErrorKind, Result};
use crate::local::picture;
use crate::local::process::{self, Program};
use crate::local::tools::{self, Tools};
use crate::model::{AssetKind, Container, Exif, Picture, Technical};

use reply::Reply;
use sniff::{Claim, Content};

pub(crate) use streams::length;

const OPERATION: &str = "prober.probe";

/// How long ffprobe may take. It reads headers and a few seconds of media.
const PROBE_TIME: Duration = Duration::from_secs(30);

/// How much ffprobe may say.
const MAX_REPLY: usize = 16 << 20;

/// A file without a frame count is read through to count them if it is at most this large: the
/// disk, not the processor, sets the time that takes.
const MAX_COUNTED_SIZE: u64 = 2 << 30;

/// ffmpeg's own mark for a file that it recognises by its content and not by its name.
const SURE_SCORE: i64 = 50;

/// Finds technical metadata of files on this machine.
#[derive(Debug, Clone)]
pub struct FfProber {
    tools: Tools,
}

impl FfProber {
    /// A prober that uses these tools. Without an ffprobe it still knows pictures and documents.
    pub fn new(tools: Tools) -> Self {
        Self { tools }
    }
}

#[async_trait]
impl Prober for FfProber {
    async fn probe(&self, source: &MediaSource) -> Result<Technical> {
        let path = source.local_path(OPERATION)?;
        let name = &source.file_name;
        self.probe_file(&path, name)
            .await
            .map_err(|error| error.with("file", name.escape_debug()).with("key", &source.key))
    }
}

impl FfProber {
    pub(crate) async fn probe_file(&self, path: &Path, file_name: &str) -> Result<Technical> {
        let (size, content) = {
            let path = path.to_owned();
            blocking(move || look(&path)).await?
        };
        let claim = sniff::claim(file_name);
        let extension = sniff::extension(file_name);
        match content {
            Content::Picture(media_type) => {
                let raw = sniff::is_raw_picture(file_name);
                self.picture(path, raw.then_some(&extension), &media_type, size).await
            }
            // Raw pictures of some makers have signatures of their own.
            Content::Unknown if sniff::is_raw_picture(file_name) => {
                self.picture(path, Some(&extension), "", size).await
            }
            Content::Media(media_type) => self.media(path, Some(&media_type), size).await,
            Content::Other { .. } if claim == Claim::Project => {
                Ok(plain(AssetKind::ProjectFile, &extension, "", size))
            }
            Content::Other { format, .. } if matches!(claim, Claim::Media | Claim::Picture) => {
                Err(not_what_it_claims(&format!("its content is of the format {format}")))
            }
            Content::Other { kind, format, media_type } => {
                Ok(plain(kind, &format, &media_type, size))
            }
            Content::Text if matches!(claim, Claim::Media | Claim::Picture) => {
                Err(not_what_it_claims("its content is text"))
            }
            Content::Text if claim == Claim::Project => {
                Ok(plain(AssetKind::ProjectFile, &extension, "text/plain", size))
            }
            Content::Text => Ok(plain(AssetKind::Document, "text", "text/plain", size)),
            Content::Unknown if claim == Claim::Project => {
                Ok(plain(AssetKind::ProjectFile, &extension, "", size))
            }
            Content::Unknown if claim == Claim::Document => {
                Ok(plain(AssetKind::Document, &extension, "", size))
            }
            Content::Unknown if claim == Claim::Picture => self.picture(path, None, "", size).await,
            Content::Unknown => match self.media(path, None, size).await {
                Ok(technical) => Ok(technical),
                Err(error) if claim == Claim::Media => Err(error),
                // Nobody said that it is media.
                Err(error)
                    if matches!(error.kind(), ErrorKind::InvalidMedia | ErrorKind::Unavailable) =>
                {
                    Ok(plain(AssetKind::Other, "", "", size))
                }
                Err(error) => Err(error),
            },
        }
    }

    async fn media(&self, path: &Path, media_type: Option<&str>, size: u64) -> Result<Technical> {
        let (mut raw, mut reply) = self.ask(tools::media_input(path), &[]).await?;
        if media_type.is_none() && reply.format.probe_score < SURE_SCORE {
            return Err(not_what_it_claims("its content fits no format well"));
        }
        if counts_are_missing(&reply) && size <= MAX_COUNTED_SIZE {
            let asked = ["-select_streams", "v", "-count_packets"];
            // A file too slow to be read through keeps what its header says.
            if let Ok((counted, counts)) = self.ask(tools::media_input(path), &asked).await {
                for stream in &mut reply.streams {
                    let found = counts.streams.iter().find(|count| count.index == stream.index);
                    stream.nb_read_packets = found.and_then(|found| found.nb_read_packets.clone());
                }
                raw["counted"] = counted["streams"].clone();
            }
        }
        let streams = streams::streams(&reply);
        let kind = if !streams.video.is_empty() {
            AssetKind::Video
        } else if !streams.audio.is_empty() {
            AssetKind::Audio
        } else {
            return Err(Error::new(
                ErrorKind::InvalidMedia,
                OPERATION,
                "the file holds neither video nor sound",
            )
            .with("format", &reply.format.format_name)
            .with("streams", reply.streams.len()));
        };
        if let Some(video) =
            streams.video.iter().find(|video| video.width == 0 || video.height == 0)
        {
            return Err(Error::new(
                ErrorKind::InvalidMedia,
                OPERATION,
                "the file is damaged: a video stream has no picture size",
            )
            .with("stream", video.index)
            .with("codec", &video.codec));
        }
        Ok(Technical {
            kind,
            container: streams::container(&reply.format, media_type, size),
            video: streams.video,
            audio: streams.audio,
            other: streams.other,
            picture: None,
            exif: streams::camera(&reply.format),
            prober: self.name().await?,
            raw,
        })
    }

    /// A still picture: its header in Rust, or through ffprobe for formats Rust does not read.
    /// `raw` is the extension of a camera's raw file.
    async fn picture(
        &self,
        path: &Path,
        raw: Option<&str>,
        media_type: &str,
        size: u64,
    ) -> Result<Technical> {
        let (owned, is_raw) = (path.to_owned(), raw.is_some());
        let (header, found) = blocking(move || {
            // Raw files that look like TIFFs begin with a preview; its size is not theirs.
            let header = (!is_raw).then(|| picture::header(&owned, OPERATION));
            Ok((header, exif::exif(&owned)))
        })
        .await?;
        let orientation = found.exif.as_ref().and_then(|exif: &Exif| exif.orientation);
        let technical = |picture, container, prober, raw| Technical {
            kind: AssetKind::Image,
            container,
            video: Vec::new(),
            audio: Vec::new(),
            other: Vec::new(),
            picture,
            exif: found.exif.clone(),
            prober,
            raw,
        };
        match header {
            Some(Ok(header)) => Ok(technical(
                Some(Picture {
                    width: header.width,
                    height: header.height,
                    bit_depth: Some(header.bit_depth),
                    alpha: header.alpha,
                    orientation: orientation.unwrap_or(header.orientation),
                }),
                Container {
                    format: header.format.to_owned(),
                    long_name: header.long_name.to_owned(),
                    media_type: header.media_type.to_owned(),
                    size,
                    ..Container::default()
                },
                own_name(),
                json!({ "exif": found.raw }),
            )),
            Some(Err(error)) if error.kind() != ErrorKind::Unsupported => Err(error),
            _ => {
                let (asked, picture) = self.foreign_picture(path, orientation, found.size).await;
                if picture.is_none() && found.exif.is_none() && media_type.is_empty() {
                    return Err(not_what_it_claims("its content is no picture of a known format"));
                }
                let extension = raw.or_else(|| media_type.rsplit(['/', '-', '.']).next());
                Ok(technical(
                    picture,
                    Container {
                        format: extension.unwrap_or_default().to_owned(),
                        media_type: media_type.to_owned(),
                        size,
                        ..Container::default()
                    },
                    own_name(),
                    json!({ "exif": found.raw, "ffprobe": asked }),
                ))
            }
        }
    }

    /// The size of a HEIC, AVIF, PSD or raw picture: by ffprobe, else as the camera wrote it.
    async fn foreign_picture(
        &self,
        path: &Path,
        orientation: Option<u8>,
        written: Option<(u32, u32)>,
    ) -> (Value, Option<Picture>) {
        let asked = self.ask(tools::picture_input(path), &[]).await.ok();
        let stream = asked.as_ref().and_then(|(_, reply)| {
            let sized = reply.streams.iter().filter(|stream| stream.width > 0 && stream.height > 0);
            sized.max_by_key(|stream| u64::from(stream.width) * u64::from(stream.height))
        });
        let pixel = stream
            .and_then(|stream| stream.pix_fmt.as_deref())
            .map(pixel::pixel)
            .unwrap_or_default();
        let size = stream.map(|stream| (stream.width, stream.height)).or(written);
        let picture = size.map(|(width, height)| Picture {
            width,
            height,
            bit_depth: pixel.bit_depth,
            alpha: pixel.alpha,
            orientation: orientation.unwrap_or(1),
        });
        (asked.map_or(Value::Null, |(raw, _)| raw), picture)
    }

    async fn ask(&self, input: Vec<std::ffi::OsString>, asked: &[&str]) -> Result<(Value, Reply)> {
        let options = ["-hide_banner", "-loglevel", "warning", "-print_format", "json"];
        let show = ["-show_format", "-show_streams"];
        let ffprobe = self.tools.ffprobe().await?;
        let program = Program {
            path: ffprobe.path.clone(),
            arguments: options
                .iter()
                .chain(&show)
                .chain(asked)
                .map(std::ffi::OsString::from)
                .chain(input)
                .collect(),
            work_dir: None,
            stall: PROBE_TIME,
            operation: OPERATION,
        };
        let (ended, bytes) = process::capture(&program, MAX_REPLY).await?;
        // A path of this machine is no fact about the media.
        let path = program.arguments.last().map(|url| url.to_string_lossy().into_owned());
        let reason = ended.tail.replace(path.as_deref().unwrap_or("file:"), "the file");
        if reason.contains("Could not open codec") {
            return Err(Error::new(
                ErrorKind::Unsupported,
                OPERATION,
                "this ffmpeg cannot decode the file; a newer one may",
            )
            .with("version", &ffprobe.version.text)
            .with("reason", reason));
        }
        if !ended.status.success() {
            return Err(Error::new(
                ErrorKind::InvalidMedia,
                OPERATION,
                "the file cannot be read as video or sound; it is damaged, cut off, or not what \
                 it claims to be",
            )
            .with("reason", reason));
        }
        let read = || -> serde_json::Result<(Value, Reply)> {
            let mut raw: Value = serde_json::from_slice(&bytes)?;
            if let Some(format) = raw.get_mut("format").and_then(Value::as_object_mut) {
                format.remove("filename");
            }
            Ok((raw.clone(), serde_json::from_value(raw)?))
        };
        read().map_err(|cause| {
            Error::new(ErrorKind::InvalidMedia, OPERATION, "ffprobe's reply about it is no JSON")
                .caused_by(cause)
        })
    }

    async fn name(&self) -> Result<String> {
        Ok(format!("ffprobe {}", self.tools.ffprobe().await?.version.text))
    }
}

/// Whether a video stream leaves its frames to be counted. MXF tells its length exactly.
fn counts_are_missing(reply: &Reply) -> bool {
    reply.format.format_name != "mxf"
        && reply.streams.iter().any(|stream| {
            stream.codec_type == "video" && !stream.is_cover() && stream.nb_frames.is_none()
        })
}

fn own_name() -> String {
    format!("emam {}", env!("CARGO_PKG_VERSION"))
}

fn plain(kind: AssetKind, format: &str, media_type: &str, size: u64) -> Technical {
    Technical {
        kind,
        container: Container {
            format: format.to_owned(),
            media_type: media_type.to_owned(),
            size,
            ..Container::default()
        },
        video: Vec::new(),
        audio: Vec::new(),
        other: Vec::new(),
        picture: None,
        exif: None,
        prober: own_name(),
        raw: Value::Null,
    }
}

fn not_what_it_claims(why: &str) -> Error {
    Error::new(
        ErrorKind::InvalidMedia,
        OPERATION,
        format!("the file is not what its name claims: {why}"),
    )
}

/// The size of a file and what its first bytes say.
fn look(path: &PathBuf) -> Result<(u64, Content)> {
    let unreadable = |cause: std::io::Error| {
        let (kind, message) = match cause.kind() {
            std::io::ErrorKind::NotFound => (ErrorKind::NotFound, "there is no such file"),
            std::io::ErrorKind::PermissionDenied => {
                (ErrorKind::PermissionDenied, "the file may not be read")
            }
            _ => (ErrorKind::Unavailable, "the file cannot be read"),
        };
        Error::new(kind, OPERATION, message).caused_by(cause)
    };
    // Asked before opening: opening a pipe would wait for somebody to write into it.
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(Error::invalid(OPERATION, "this is no file but a folder or device"));
    }
    if metadata.len() == 0 {
        return Err(Error::new(ErrorKind::InvalidMedia, OPERATION, "the file is empty"));
    }
    let mut head = Vec::with_capacity(sniff::HEAD);
    let most = u64::try_from(sniff::HEAD).unwrap_or(u64::MAX);
    std::fs::File::open(path)
        .and_then(|file| file.take(most).read_to_end(&mut head))
        .map_err(unreadable)?;
    Ok((metadata.len(), sniff::content(&head)))
}

/// Runs work that waits for the disk off the async threads. A decoder's panic is the file's fault.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|cause| {
        Error::new(ErrorKind::InvalidMedia, OPERATION, "the file broke its decoder; it is damaged")
            .caused_by(cause)
    })?
}
