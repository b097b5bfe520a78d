//! What the transcoder and the analyzer make of files, good and bad.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use emam_core::backend::{
    AnalysisRequest, Analyzer, JobId, JobStatus, Key, MediaSource, OutputFile, Outputs, Prober,
    TranscodeJob, Transcoder,
};
use emam_core::clock::SystemClock;
use emam_core::local::{FfAnalyzer, FfProber, FfTranscoder};
use emam_core::model::{AnnotationKind, NewAnnotation, Profile, Role, Technical};
use emam_core::time::Rate;
use emam_core::{ErrorInfo, ErrorKind};
use emam_tests::media;

/// A transcoder with a folder for its outputs and one for its work.
struct Bench {
    folder: tempfile::TempDir,
    transcoder: FfTranscoder,
    prober: FfProber,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let work = folder.path().join("work");
        Self {
            transcoder: FfTranscoder::new(media::tools(), work, Arc::new(SystemClock)),
            prober: FfProber::new(media::tools()),
            folder,
        }
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn path(&self, file: &OutputFile) -> PathBuf {
        self.folder().join("out").join(file.key.as_str())
    }

    async fn source(&self, path: &Path) -> MediaSource {
        media::source(&self.folder().join("in"), path).await
    }

    async fn probe(&self, path: &Path) -> Technical {
        self.prober.probe(&self.source(path).await).await.unwrap()
    }

    async fn job(&self, path: &Path) -> TranscodeJob {
        let source = self.source(path).await;
        TranscodeJob {
            technical: self.prober.probe(&source).await.unwrap(),
            source,
            profile: Profile::browse(),
            destination: media::storage(&self.folder().join("out")).await,
            prefix: "asset/v1".parse::<Key>().unwrap(),
        }
    }

    async fn end(&self, id: &JobId) -> JobStatus {
        for _ in 0..6_000 {
            match self.transcoder.poll(id).await.unwrap() {
                JobStatus::Running { fraction, .. } => {
                    assert!((0.0..=1.0).contains(&fraction));
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                end => return end,
            }
        }
        panic!("the job does not end");
    }

    async fn make(&self, path: &Path) -> Made {
        let job = self.job(path).await;
        let id = self.transcoder.submit(&job, "token").await.unwrap();
        let end = self.end(&id).await;
        assert!(matches!(end, JobStatus::Succeeded), "{end:?}");
        let outputs = self.transcoder.outputs(&id).await.unwrap();
        for file in &outputs.files {
            let size = std::fs::metadata(self.path(file)).unwrap().len();
            assert_eq!(size, file.size, "{}", file.key);
            assert!(size > 0, "{} is empty", file.key);
        }
        self.work_is_gone();
        let proxy = match one(&outputs, Role::Proxy) {
            Some(file) if file.media_type == "video/mp4" => {
                Some(self.probe(&self.path(file)).await)
            }
            _ => None,
        };
        Made { technical: job.technical, outputs, proxy }
    }

    async fn fails(&self, job: &TranscodeJob) -> ErrorInfo {
        let id = self.transcoder.submit(job, "token").await.unwrap();
        let JobStatus::Failed(error) = self.end(&id).await else { panic!("it should fail") };
        self.work_is_gone();
        error
    }

    fn work_is_gone(&self) {
        let left: Vec<_> = std::fs::read_dir(self.folder().join("work")).unwrap().collect();
        assert!(left.is_empty(), "left behind: {left:?}");
    }
}

struct Made {
    technical: Technical,
    outputs: Outputs,
    proxy: Option<Technical>,
}

impl Made {
    /// Frame `n` of the proxy is frame `n` of the original.
    fn frames_are_the_originals(&self) {
        let (original, proxy) = (&self.technical.video[0], &self.proxy.as_ref().unwrap().video[0]);
        assert_eq!(original.rate, proxy.rate);
        assert_eq!(original.frames, proxy.frames);
        assert_eq!(original.start_timecode, proxy.start_timecode);
        assert!(!proxy.variable_rate);
    }

    fn count(&self, role: Role) -> usize {
        self.outputs.files.iter().filter(|file| file.role == role).count()
    }

    fn found(&self, kind: AnnotationKind) -> Vec<&NewAnnotation> {
        self.outputs.findings.iter().filter(|found| found.kind == kind).collect()
    }

    fn ranges(&self, kind: AnnotationKind) -> Vec<(i64, i64)> {
        ranges(&self.outputs.findings, kind)
    }
}

fn ranges(findings: &[NewAnnotation], kind: AnnotationKind) -> Vec<(i64, i64)> {
    let found = findings.iter().filter(|found| found.kind == kind);
    found.filter_map(|found| found.range).map(|range| (range.start(), range.end())).collect()
}

fn one(outputs: &Outputs, role: Role) -> Option<&OutputFile> {
    outputs.files.iter().find(|file| file.role == role && file.part == 0)
}

/// Width and height in the header of a JPEG.
fn jpeg_size(path: &Path) -> (u16, u16) {
    let bytes = std::fs::read(path).unwrap();
    let mut at = 2;
    loop {
        let (marker, length) = (bytes[at + 1], u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]));
        if (0xc0..=0xc2).contains(&marker) {
            let number = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
            return (number(at + 7), number(at + 5));
        }
        at += 2 + usize::from(length);
    }
}

#[tokio::test]
async fn big_buck_bunny_becomes_everything_in_one_pass() {
    let Some(path) = media::real("bigbuckbunny.mp4") else { return };
    let bench = Bench::new();
    let made = bench.make(&path).await;
    made.frames_are_the_originals();
    let proxy = made.proxy.as_ref().unwrap();
    assert_eq!((proxy.video[0].width, proxy.video[0].height), (960, 540));
    assert_eq!((proxy.audio[0].codec.as_str(), proxy.audio[0].channels), ("aac", 2));
    assert_eq!(proxy.container.created_at, None, "what the original says of itself is not copied");
    assert_eq!(made.outputs.audio_channels, [0, 1, 0, 0, 0, 1]);
    assert_eq!((made.count(Role::Thumbnail), made.count(Role::Storyboard)), (3, 2));

    let poster = bench.path(one(&made.outputs, Role::Poster).unwrap());
    assert_eq!(jpeg_size(&poster), (1280, 720));
    let thumb = bench.path(one(&made.outputs, Role::Thumbnail).unwrap());
    assert_eq!(jpeg_size(&thumb), (320, 180));
    let sheet = bench.path(one(&made.outputs, Role::Storyboard).unwrap());
    assert_eq!(jpeg_size(&sheet), (480, 90));
    let index = std::fs::read_to_string(sheet.with_file_name("storyboard.vtt")).unwrap();
    assert!(index.contains("00:00:04.000 --> 00:00:05.280\nstoryboard.jpg#xywh=320,0,160,90"));

    // 5.312 s at 8000 samples a second, 80 samples a peak, after a header of 24 bytes.
    let waveform = one(&made.outputs, Role::Waveform).unwrap();
    let peaks = std::fs::read(bench.path(waveform)).unwrap();
    let count = u32::from_le_bytes(peaks[16..20].try_into().unwrap());
    assert!((531..=534).contains(&count), "{count} peaks");
    assert_eq!(peaks.len(), 24 + 2 * count as usize);

    assert_eq!(made.outputs.searched.len(), 4);
    assert_eq!(made.ranges(AnnotationKind::Shot), [(0, 132)]);
    let loudness = made.found(AnnotationKind::Loudness)[0];
    assert!(loudness.text.ends_with(" LUFS"), "{loudness:?}");
    let derivation = made.outputs.derivation.unwrap();
    assert!(derivation.tool.starts_with("ffmpeg "));
    assert!(derivation.arguments.contains(&"file:bigbuckbunny.mp4".to_owned()));
    let folder = bench.folder().to_str().unwrap();
    assert!(!derivation.arguments.iter().any(|one| one.contains(folder)), "{derivation:?}");
}

#[tokio::test]
async fn the_cuts_of_bikes_are_found_to_the_frame() {
    let Some(path) = media::real("bikes.mp4") else { return };
    let bench = Bench::new();
    let made = bench.make(&path).await;
    made.frames_are_the_originals();
    assert!(made.proxy.as_ref().unwrap().audio.is_empty(), "no sound where there is none");
    // 1.20, 3.04, 5.48, 7.48 and 9.68 s at 25 frames a second.
    assert_eq!(
        made.ranges(AnnotationKind::Shot),
        [(0, 30), (30, 76), (76, 137), (137, 187), (187, 242), (242, 250)]
    );
    assert_eq!(made.count(Role::Waveform), 0);
}

#[tokio::test]
async fn shots_black_silence_and_loudness_are_found_where_they_are() {
    let bench = Bench::new();
    let path = media::shots(bench.folder());
    let made = bench.make(&path).await;
    made.frames_are_the_originals();
    let shots = [(0, 50), (50, 100), (100, 138), (138, 188)];
    assert_eq!(made.ranges(AnnotationKind::Shot), shots);
    assert_eq!(made.ranges(AnnotationKind::Black), [(100, 138)]);
    let silence = made.ranges(AnnotationKind::Silence);
    assert_eq!(silence.len(), 1, "{silence:?}");
    assert!((99..=102).contains(&silence[0].0) && (137..=139).contains(&silence[0].1));
    let loudness = &made.found(AnnotationKind::Loudness)[0].data["integrated_lufs"];
    // A sine of ffmpeg has an amplitude of 1/8: -18.1 dB, and 3 dB less as effective value.
    let lufs = loudness.as_f64().unwrap();
    assert!((-22.5..=-20.0).contains(&lufs), "{lufs}");

    // The same by the analyzer, alone.
    let work = bench.folder().join("analysis");
    let analyzer = FfAnalyzer::new(media::tools(), &work, Arc::new(SystemClock));
    let mut request = AnalysisRequest {
        source: bench.source(&path).await,
        technical: made.technical.clone(),
        kinds: analyzer.capabilities().kinds,
        destination: Arc::clone(&bench.source(&path).await.storage),
        prefix: "findings".parse().unwrap(),
    };
    let id = analyzer.submit(&request, "again").await.unwrap();
    assert_eq!(analyzer.submit(&request, "again").await.unwrap(), id);
    while matches!(analyzer.poll(&id).await.unwrap(), JobStatus::Running { .. }) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let findings = analyzer.findings(&id).await.unwrap();
    assert_eq!(ranges(&findings.annotations, AnnotationKind::Shot), shots);
    assert_eq!(findings.annotations.len(), made.outputs.findings.len());
    assert_eq!(std::fs::read_dir(&work).unwrap().count(), 0);

    request.kinds = vec![AnnotationKind::Face];
    let error = analyzer.submit(&request, "faces").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let error = analyzer.poll(&JobId("nobody's".into())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn drop_frame_and_mono_tracks_reach_the_proxy() {
    let bench = Bench::new();
    let made = bench.make(&media::drop_frame(bench.folder())).await;
    made.frames_are_the_originals();
    let proxy = made.proxy.unwrap();
    let timecode = proxy.video[0].start_timecode.unwrap();
    assert_eq!(timecode.to_string(), "01:00:00;00");
    assert_eq!((proxy.audio.len(), proxy.audio[0].channels), (1, 2));
    assert_eq!(made.outputs.audio_channels, [0, 1]);
}

#[tokio::test]
async fn odd_media_get_proxies_that_match() {
    let bench = Bench::new();
    let folder = bench.folder();
    for (path, size) in [
        (media::film_matroska(folder), (322, 180)),
        (media::variable(folder), (320, 240)),
        (media::rotated(folder), (180, 320)),
        (media::interlaced(folder), (960, 540)),
    ] {
        let bench = Bench::new();
        let made = bench.make(&path).await;
        println!("{}", path.display());
        made.frames_are_the_originals();
        let video = &made.proxy.as_ref().unwrap().video[0];
        assert_eq!((video.width, video.height, video.rotation), (size.0, size.1, 0));
        assert_eq!(video.pixel_aspect.num, video.pixel_aspect.den);
    }
}

#[tokio::test]
async fn the_smallest_pictures_and_shortest_clips_have_everything() {
    let folder = tempfile::tempdir().unwrap();
    for (width, height, seconds) in [(1, 1, "0.2"), (3, 5, "0.2"), (17, 400, "1"), (64, 64, "0.04")]
    {
        let bench = Bench::new();
        let made = bench.make(&media::sized(folder.path(), width, height, seconds)).await;
        println!("{width}x{height} {seconds}");
        made.frames_are_the_originals();
        assert_eq!(made.count(Role::Poster), 1);
        assert_eq!(made.count(Role::Thumbnail), 1);
        assert_eq!(made.count(Role::Storyboard), 2);
        let shots = made.ranges(AnnotationKind::Shot);
        assert_eq!(shots.last().unwrap().1, made.technical.video[0].frames.unwrap());
    }
}

#[tokio::test]
async fn phone_video_of_varying_rate_becomes_constant() {
    let Some(path) = media::real("phone-video.mp4") else { return };
    let bench = Bench::new();
    let made = bench.make(&path).await;
    let (original, proxy) = (&made.technical.video[0], &made.proxy.as_ref().unwrap().video[0]);
    assert!(original.variable_rate && !proxy.variable_rate);
    assert_eq!(proxy.rate, Some(Rate::FPS_30));
    let (expected, found) = (original.frames.unwrap(), proxy.frames.unwrap());
    assert!(expected.abs_diff(found) <= 1, "{expected} {found}");
}

#[tokio::test]
async fn sound_becomes_an_audio_proxy_with_peaks() {
    let bench = Bench::new();
    let made = bench.make(&media::sound(bench.folder())).await;
    let roles: Vec<Role> = made.outputs.files.iter().map(|file| file.role).collect();
    assert_eq!(roles, [Role::AudioProxy, Role::Waveform]);
    let proxy = bench.path(&made.outputs.files[0]);
    let proxy = bench.probe(&proxy).await;
    assert_eq!((proxy.audio[0].codec.as_str(), proxy.audio[0].channels), ("aac", 2));
    assert!(proxy.video.is_empty());
    assert_eq!(made.outputs.searched, [AnnotationKind::Silence, AnnotationKind::Loudness]);
}

#[tokio::test]
async fn pictures_become_upright_and_small() {
    let Some(path) = media::real("phone.jpg") else { return };
    let bench = Bench::new();
    let made = bench.make(&path).await;
    let sizes: Vec<_> =
        made.outputs.files.iter().map(|file| (file.role, jpeg_size(&bench.path(file)))).collect();
    assert_eq!(
        sizes,
        [(Role::Proxy, (1440, 1080)), (Role::Poster, (1280, 960)), (Role::Thumbnail, (240, 180))]
    );

    let bytes = std::fs::read(&path).unwrap();
    let cut = bench.folder().join("cut.jpg");
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    let mut job = bench.job(&path).await;
    job.source = bench.source(&cut).await;
    let bench = Bench::new();
    assert_eq!(bench.fails(&job).await.kind, ErrorKind::InvalidMedia);
}

#[tokio::test]
async fn damaged_media_fails_the_job_and_leaves_no_work() {
    let bench = Bench::new();
    let path = media::shots(bench.folder());
    let mut job = bench.job(&path).await;
    let bytes = std::fs::read(&path).unwrap();
    let moov = bytes.windows(4).position(|four| four == b"moov").unwrap();
    let cut = bench.folder().join("cut.mp4");
    std::fs::write(&cut, &bytes[..moov]).unwrap();
    job.source = bench.source(&cut).await;
    let error = bench.fails(&job).await;
    assert_eq!(error.kind, ErrorKind::InvalidMedia);
    let fact =
        |key: &str| error.context.iter().find(|(name, _)| name == key).map(|(_, v)| v.clone());
    assert_eq!(fact("file").as_deref(), Some("cut.mp4"));
    assert!(fact("reason").unwrap().contains("moov atom not found"));
}

#[tokio::test]
async fn a_token_is_one_job_and_cancelling_it_is_final() {
    let bench = Bench::new();
    let long = media::make(
        bench.folder(),
        "long.mp4",
        &[
            "-f",
            "lavfi",
            "-i",
            "testsrc2=s=1920x1080:r=25:d=30",
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-g",
            "250",
        ],
    );
    let job = bench.job(&long).await;
    let id = bench.transcoder.submit(&job, "a token").await.unwrap();
    assert_eq!(bench.transcoder.submit(&job, "a token").await.unwrap(), id);
    assert_ne!(bench.transcoder.submit(&job, "another").await.unwrap(), id);

    // The poster is there while the rest is being made.
    let poster = loop {
        match bench.transcoder.poll(&id).await.unwrap() {
            JobStatus::Running { fraction, ready, .. } => {
                if let Some(poster) = ready.first() {
                    assert!(fraction < 0.9, "{fraction}");
                    break poster.clone();
                }
            }
            end => panic!("no poster came early: {end:?}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(poster.role, Role::Poster);
    assert_eq!(jpeg_size(&bench.path(&poster)), (1280, 720));

    bench.transcoder.cancel(&id).await.unwrap();
    bench.transcoder.cancel(&JobId("unknown".into())).await.unwrap();
    assert!(matches!(bench.transcoder.poll(&id).await.unwrap(), JobStatus::Cancelled));
    let error = bench.transcoder.outputs(&id).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    // Dropping the transcoder ends the other one.
    let Bench { folder, transcoder, .. } = bench;
    drop(transcoder);
    let work = folder.path().join("work");
    for _ in 0..500 {
        if std::fs::read_dir(&work).unwrap().count() == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("work stays behind");
}

#[tokio::test]
async fn a_command_can_be_printed_and_run_by_hand() {
    let bench = Bench::new();
    let path = media::shots(bench.folder());
    let job = bench.job(&path).await;
    let text = bench.transcoder.explain(&job).await.unwrap();
    let by_hand = bench.folder().join("by hand");
    std::fs::create_dir(&by_hand).unwrap();
    let output = std::process::Command::new("sh")
        .args(["-c", &text])
        .current_dir(&by_hand)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(by_hand.join("proxy.mp4").is_file());
    assert!(!bench.folder().join("work").exists(), "explaining begins nothing");
}

#[tokio::test]
async fn recorder_tracks_stay_apart() {
    let bench = Bench::new();
    let mut arguments = vec!["-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=1"];
    let tones: Vec<String> =
        (1..=6).map(|number| format!("sine=f={}:d=1:r=48000", number * 500)).collect();
    for tone in &tones {
        arguments.extend(["-f", "lavfi", "-i", tone]);
    }
    let maps: Vec<String> = (0..=6).map(|number| number.to_string()).collect();
    for map in &maps {
        arguments.extend(["-map", map]);
    }
    arguments.extend(["-c:v", "prores_ks", "-c:a", "pcm_s16le"]);
    let path = media::make(bench.folder(), "recorder.mov", &arguments);
    let made = bench.make(&path).await;
    assert_eq!(made.technical.audio.len(), 6);
    assert_eq!(made.outputs.audio_channels, [0, 1, 2, 3, 4, 5]);
    let proxy = bench.path(one(&made.outputs, Role::Proxy).unwrap());
    assert_eq!(made.proxy.unwrap().audio[0].channels, 6);
    // Each channel of the proxy has the tone of its track, highs included.
    for (channel, number) in (0..6).zip(1_u32..) {
        let filter = format!("[0:a]pan=mono|c0=c{channel}");
        let output = std::process::Command::new(&media::toolset().ffmpeg.path)
            .args(["-v", "error", "-i", proxy.to_str().unwrap(), "-filter_complex", &filter])
            .args(["-ar", "48000", "-f", "s16le", "-"])
            .output()
            .unwrap();
        let samples: Vec<i16> =
            output.stdout.chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect();
        let middle = &samples[12_000..36_000];
        let crossings = middle.windows(2).filter(|two| two[0] < 0 && two[1] >= 0).count();
        let expected = number as usize * 250;
        assert!(crossings.abs_diff(expected) < 15, "channel {channel}: {crossings}, {expected}");
    }
}
