//! What the prober says about files, good and bad.

use std::path::Path;
use std::time::{Duration, Instant};

use emam_core::backend::Prober;
use emam_core::local::FfProber;
use emam_core::model::{AssetKind, FieldOrder, Technical, TimecodeSource};
use emam_core::time::{MediaTime, Rate};
use emam_core::{Error, ErrorKind, Result};
use emam_tests::media;

async fn probe(path: &Path) -> Result<Technical> {
    let folder = tempfile::tempdir().unwrap();
    let source = media::source(folder.path(), path).await;
    FfProber::new(media::tools()).probe(&source).await
}

async fn refused(path: &Path) -> Error {
    let error = probe(path).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidMedia, "{}", error.report());
    assert!(error.get("file").is_some(), "{error}");
    error
}

fn write(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) -> std::path::PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

#[tokio::test]
async fn big_buck_bunny_is_known_exactly() {
    let Some(path) = media::real("bigbuckbunny.mp4") else { return };
    let found = probe(&path).await.unwrap();
    assert_eq!(found.kind, AssetKind::Video);
    assert_eq!(found.container.format, "mp4");
    assert_eq!(found.container.media_type, "video/mp4");
    assert_eq!(found.container.size, 1_055_736);
    let micros = Rate::new(1_000_000, 1).unwrap();
    assert_eq!(found.container.duration, Some(MediaTime::new(5_312_000, micros)));
    assert_eq!(found.container.bit_rate, Some(1_589_963));
    let video = &found.video[0];
    assert_eq!((video.codec.as_str(), video.profile.as_deref()), ("h264", Some("Main")));
    assert_eq!((video.width, video.height, video.rotation), (1280, 720, 0));
    assert_eq!((video.rate, video.frames), (Some(Rate::FPS_25), Some(132)));
    assert!(!video.variable_rate && !video.alpha && video.hdr.is_none());
    assert_eq!((video.bit_depth, video.chroma.as_deref()), (Some(8), Some("4:2:0")));
    assert_eq!(video.field_order, FieldOrder::Progressive);
    assert_eq!(video.start_timecode, None);
    let audio = &found.audio[0];
    assert_eq!((audio.codec.as_str(), audio.channels), ("aac", 6));
    assert_eq!((audio.layout.as_deref(), audio.sample_rate), (Some("5.1"), 48_000));
    assert_eq!(audio.samples, Some(254_976));
    assert!(found.raw["streams"].is_array(), "the reply is kept");
    assert!(found.prober.starts_with("ffprobe "));
}

#[tokio::test]
async fn a_phone_video_varies_and_tells_its_place() {
    let Some(path) = media::real("phone-video.mp4") else { return };
    let found = probe(&path).await.unwrap();
    let video = &found.video[0];
    assert!(video.variable_rate);
    assert_eq!(video.rate, Some(Rate::FPS_30));
    assert_eq!(video.average_rate, Some(Rate::new(369_000, 13_657).unwrap()));
    assert_eq!(video.color.matrix.as_deref(), Some("bt709"));
    let exif = found.exif.unwrap();
    assert_eq!((exif.latitude, exif.longitude), (Some(-15.8355), Some(-48.0153)));
    let made = found.container.created_at.unwrap();
    assert_eq!(made.to_string(), "2019-12-20T20:08:34Z");
}

#[tokio::test]
async fn a_phone_picture_tells_camera_time_and_place() {
    let Some(path) = media::real("phone.jpg") else { return };
    let found = probe(&path).await.unwrap();
    assert_eq!((found.kind, found.container.format.as_str()), (AssetKind::Image, "jpeg"));
    let picture = found.picture.unwrap();
    assert_eq!((picture.width, picture.height, picture.orientation), (4000, 3000, 3));
    assert_eq!((picture.bit_depth, picture.alpha), (Some(8), false));
    let exif = found.exif.unwrap();
    assert_eq!((exif.make.as_deref(), exif.model.as_deref()), (Some("Xiaomi"), Some("Mi A3")));
    assert_eq!(exif.taken_at.as_deref(), Some("2020-01-24T23:11:53"));
    assert!((exif.latitude.unwrap() - -15.835_67).abs() < 1e-5, "{exif:?}");
    assert!((exif.longitude.unwrap() - -48.015_564).abs() < 1e-5, "{exif:?}");
    assert!((exif.altitude.unwrap() - 1134.113).abs() < 1e-3, "{exif:?}");
    assert!(found.raw["exif"].is_object(), "the camera's words are kept");
}

#[tokio::test]
async fn speech_is_counted_in_samples() {
    let Some(path) = media::real("speech.wav") else { return };
    let found = probe(&path).await.unwrap();
    assert_eq!((found.kind, found.container.format.as_str()), (AssetKind::Audio, "wav"));
    let audio = &found.audio[0];
    assert_eq!((audio.codec.as_str(), audio.bits), ("pcm_s16le", Some(16)));
    assert_eq!((audio.channels, audio.sample_rate), (1, 44_100));
    assert_eq!(audio.samples, Some(238_447));
}

#[tokio::test]
async fn drop_frame_prores_keeps_its_timecode_and_tracks() {
    let folder = tempfile::tempdir().unwrap();
    let found = probe(&media::drop_frame(folder.path())).await.unwrap();
    assert_eq!(found.container.format, "mov");
    let video = &found.video[0];
    assert_eq!((video.codec.as_str(), video.bit_depth), ("prores", Some(10)));
    assert_eq!((video.rate, video.frames), (Some(Rate::FPS_29_97), Some(90)));
    let timecode = video.start_timecode.unwrap();
    assert!(timecode.drop_frame());
    assert_eq!(timecode.to_string(), "01:00:00;00");
    assert_eq!(video.timecode_source, TimecodeSource::TimecodeTrack);
    assert_eq!(found.audio.len(), 2);
    assert_eq!((found.audio[0].channels, found.audio[0].bits), (1, Some(24)));
    assert_eq!(found.other[0].codec, "tmcd");
}

#[tokio::test]
async fn matroska_is_counted_although_it_tells_no_frames() {
    let folder = tempfile::tempdir().unwrap();
    let film = probe(&media::film_matroska(folder.path())).await.unwrap();
    assert_eq!(film.container.format, "matroska");
    let video = &film.video[0];
    assert_eq!((video.rate, video.frames), (Some(Rate::FPS_23_976), Some(48)));
    assert!(!video.variable_rate);

    let variable = probe(&media::variable(folder.path())).await.unwrap();
    let video = &variable.video[0];
    assert!(video.variable_rate, "{video:?}");
    assert_eq!(video.rate, Some(Rate::FPS_30));
}

#[tokio::test]
async fn rotation_pixel_shape_and_fields_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let rotated = probe(&media::rotated(folder.path())).await.unwrap();
    assert_eq!(rotated.video[0].rotation, 90);
    assert_eq!(rotated.video[0].shown_size(), (180, 320));

    let wide = probe(&media::interlaced(folder.path())).await.unwrap();
    let video = &wide.video[0];
    assert_eq!((video.pixel_aspect.num, video.pixel_aspect.den), (64, 45));
    assert_eq!(video.shown_size(), (1024, 576));
    assert_eq!(video.field_order, FieldOrder::TopFirst);
    assert_eq!((video.rate, video.frames), (Some(Rate::FPS_25), Some(50)));
}

#[tokio::test]
async fn playlists_named_like_media_read_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let secret = write(folder.path(), "secret.ts", "the secret");
    // A pipe that is opened by nobody shows that nobody followed the list.
    let hls = format!("#EXTM3U\n#EXTINF:1,\nfile://{}\n#EXT-X-ENDLIST\n", secret.display());
    let concat = format!("ffconcat version 1.0\nfile '{}'\n", secret.display());
    let dash = "<?xml version=\"1.0\"?><MPD><BaseURL>http://127.0.0.1:9/</BaseURL></MPD>";
    for (name, text) in [
        ("hls.mov", hls.as_str()),
        ("concat.mp4", concat.as_str()),
        ("dash.mkv", dash),
        ("passwd.mov", "#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"),
    ] {
        let error = refused(&write(folder.path(), name, text)).await;
        assert!(!error.report().to_string().contains("root:"), "{error}");
    }
    // Without the first look at the bytes, ffprobe itself must refuse them.
    for text in [&hls, &concat] {
        let mut binary = text.clone().into_bytes();
        binary.extend([0, 1, 2, 0xff]);
        let error = refused(&write(folder.path(), "binary.mov", binary)).await;
        let reason = error.get("reason").unwrap_or_default();
        assert!(reason.contains("not on whitelist") || reason.contains("Invalid data"), "{error}");
    }
}

#[tokio::test]
async fn bad_files_are_named_in_typed_errors() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    assert!(refused(&write(folder, "empty.mov", "")).await.message().contains("empty"));
    refused(&write(folder, "text.mov", "Dear diary, this is no film.\n")).await;
    refused(&write(folder, "zip.mp4", b"PK\x03\x04aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")).await;
    refused(&write(folder, "noise.mxf", [7, 0, 255, 3, 9, 128].repeat(500))).await;

    let missing = probe(&folder.join("missing.mov")).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);

    let whole = std::fs::read(media::shots(folder)).unwrap();
    let moov = whole.windows(4).position(|four| four == b"moov").unwrap();
    let cut = refused(&write(folder, "no moov.mp4", &whole[..moov])).await;
    assert!(cut.get("reason").unwrap().contains("moov atom not found"), "{cut}");
}

#[tokio::test]
async fn what_claims_to_be_no_media_is_welcome() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes, kind, format) in [
        ("notes.txt", b"a note".as_slice(), AssetKind::Document, "text"),
        ("list.m3u8", b"#EXTM3U\nhttp://127.0.0.1:9/x.ts\n", AssetKind::Document, "text"),
        ("paper.pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", AssetKind::Document, "pdf"),
        ("cut.prproj", b"\x1f\x8b\x08\0\0\0\0\0\0\x03abc", AssetKind::ProjectFile, "prproj"),
        ("cut.fcpxml", b"<?xml version=\"1.0\"?><fcpxml/>", AssetKind::ProjectFile, "fcpxml"),
        ("pack.zip", b"PK\x03\x04aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", AssetKind::Other, "zip"),
        ("data.bin", &[0, 1, 2, 3, 254, 255, 0, 9], AssetKind::Other, ""),
    ] {
        let found = probe(&write(folder.path(), name, bytes)).await.unwrap();
        assert_eq!((found.kind, found.container.format.as_str()), (kind, format), "{name}");
    }
}

#[tokio::test]
async fn hostile_samples_end_soon_in_an_answer_or_a_typed_error() {
    for folder in ["exif", "mp4"] {
        let Some(folder) = media::samples(folder) else { continue };
        let mut seen = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if !path.is_file() || path.extension().is_some_and(|extension| extension == "txt") {
                continue;
            }
            let began = Instant::now();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            match probe(&path).await {
                Ok(found) => println!("{name}: {:?} {}", found.kind, found.container.format),
                Err(error) => {
                    println!("{name}: {error}");
                    assert!(
                        matches!(error.kind(), ErrorKind::InvalidMedia | ErrorKind::Unsupported),
                        "{name}: {}",
                        error.report()
                    );
                }
            }
            assert!(began.elapsed() < Duration::from_secs(10), "{name} took too long");
            seen += 1;
        }
        assert!(seen > 5, "the sample folder is nearly empty");
    }
}
