//! MediaConvert, held to the contracts of [`Transcoder`] and [`Prober`] with media that is really
//! transcoded, and what it makes of media that is easily got wrong.

// This is test code: a panic is how it speaks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use emam_tests::aws as account;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::config::Credentials;
use emam_aws::AwsContext;
use emam_aws::context::Access;
use emam_aws::mediaconvert::elastic_transcoder;
use emam_aws::mediaconvert::{MediaConvert, MediaConvertProber, Options};
use emam_aws::s3::{S3Options, S3Storage};
use emam_core::backend::{
    GetOptions, JobStatus, Key, MediaSource, Outputs, Prober, PutFileOptions, Storage,
    TranscodeJob, Transcoder,
};
use emam_core::clock::{Clock, SystemClock};
use emam_core::local::FfProber;
use emam_core::model::{
    HlsSpec, MezzanineSpec, OutputSpec, Profile, ProxySpec, Role, Technical, ThumbnailSpec,
    Watermark,
};
use emam_core::testkit::{
    self, KnownAudio, KnownMedia, KnownVideo, MediaFixture, ProberFixture, TranscoderFixture,
    TranscoderUnderTest,
};
use emam_core::time::{MediaTime, Rate};
use emam_tests::media;
use tempfile::TempDir;

/// The account, with two folders of its own in a bucket.
struct Account {
    dir: TempDir,
    client: aws_sdk_mediaconvert::Client,
    originals: Arc<dyn Storage>,
    proxies: Arc<dyn Storage>,
}

impl Account {
    /// The account, or a loud skip.
    async fn find() -> Option<Self> {
        let (s3, endpoint) =
            (account::address("EMAM_AWS_S3")?, account::address("EMAM_AWS_ENDPOINT")?);
        let s3 = account::s3(&s3).await;
        account::bucket(&s3, "emam-media").await;
        let access = Access {
            region: Some("us-east-1".into()),
            endpoint_url: Some(endpoint),
            ..Access::default()
        };
        let config = AwsContext::connect(access).await.of("mediaconvert");
        let credentials = Credentials::new("test", "testsecret", None, None, "tests");
        let config = aws_sdk_mediaconvert::config::Builder::from(&config)
            .credentials_provider(credentials)
            .build();
        let mine = SystemClock.new_uuid();
        let folder = |name: &str| -> Arc<dyn Storage> {
            let prefix = Some(format!("tests/{mine}/{name}"));
            let options = S3Options { prefix, ..S3Options::new("emam-media") };
            Arc::new(S3Storage::new(s3.clone(), options).expect("the options are good"))
        };
        Some(Self {
            dir: tempfile::tempdir().expect("a folder for temporary files"),
            client: aws_sdk_mediaconvert::Client::from_conf(config),
            originals: folder("originals"),
            proxies: folder("proxies"),
        })
    }

    fn transcoder_to(&self, proxies: Arc<dyn Storage>) -> MediaConvert {
        // The tokens of the suite come again in each case, the stack does not.
        let stack = format!("tests-{}", SystemClock.new_uuid());
        let options =
            Options { poll_interval_ms: 300, ..Options::new("arn:aws:iam::1:role/emam", stack) };
        MediaConvert::new(self.client.clone(), proxies, Arc::new(SystemClock), options)
    }

    async fn source(&self, path: &Path) -> MediaSource {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let key: Key = name.parse().expect("a key");
        let options = PutFileOptions::default();
        let stat = self.originals.put_file(&key, path, options).await.expect("the media is stored");
        let storage = Arc::clone(&self.originals);
        MediaSource { storage, key, size: stat.size, file_name: name }
    }

    /// What the local prober says of a file of this machine.
    async fn truth(&self, path: &Path) -> Technical {
        let folder = self.dir.path().join("truth");
        let source = media::source(&folder, path).await;
        FfProber::new(media::tools()).probe(&source).await.expect("the truth")
    }

    /// Makes `outputs` of the file at `path`.
    async fn made(&self, path: &Path, outputs: Vec<OutputSpec>) -> Outputs {
        let proxies = Arc::clone(&self.proxies);
        let transcoder = self.transcoder_to(Arc::clone(&proxies));
        let job = TranscodeJob {
            source: self.source(path).await,
            technical: self.truth(path).await,
            profile: Profile { name: "test".into(), outputs, findings: Vec::new() },
            destination: proxies,
            prefix: "made/here".parse().expect("a key"),
        };
        let id = transcoder.submit(&job, "made").await.expect("submit");
        for _ in 0..400 {
            match transcoder.poll(&id).await.expect("poll") {
                JobStatus::Running { .. } => tokio::time::sleep(Duration::from_millis(300)).await,
                JobStatus::Succeeded => return transcoder.outputs(&id).await.expect("outputs"),
                end => panic!("the job ends in {end:?}"),
            }
        }
        panic!("the job does not end");
    }

    /// The file of a role, fetched.
    async fn fetched(&self, outputs: &Outputs, role: Role, name: &str) -> PathBuf {
        let file = outputs.files.iter().find(|file| file.role == role).expect("the file is told");
        let object = self.proxies.get(&file.key, GetOptions::default()).await.expect("it is there");
        let path = self.dir.path().join(name);
        std::fs::write(&path, object.bytes().await.expect("its bytes")).expect("it is written");
        path
    }

    fn shots(&self) -> PathBuf {
        media::shots(self.dir.path())
    }
}

#[async_trait]
impl MediaFixture for Account {
    async fn known(&self) -> KnownMedia {
        let path = self.dir.path().join("shots.mp4");
        let path = if path.exists() { path } else { self.shots() };
        let rate = Rate::FPS_25;
        let video = KnownVideo { codec: "h264".into(), width: 640, height: 360, rate, frames: 188 };
        let audio = KnownAudio { codec: "aac".into(), sample_rate: 48_000, channels: 1 };
        KnownMedia {
            video: Some(video),
            audio: vec![audio],
            ..KnownMedia::new(self.source(&path).await, MediaTime::new(188, rate))
        }
    }

    async fn bad(&self) -> MediaSource {
        let path = self.dir.path().join("no media.mov");
        std::fs::write(&path, b"no media at all\n".repeat(512)).expect("it is written");
        self.source(&path).await
    }

    async fn wait(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

#[async_trait]
impl TranscoderFixture for Account {
    async fn fresh(&self) -> TranscoderUnderTest {
        let proxies = Arc::clone(&self.proxies);
        let transcoder = self.transcoder_to(Arc::clone(&proxies));
        TranscoderUnderTest { transcoder: Arc::new(transcoder), destination: proxies }
    }
}

#[async_trait]
impl ProberFixture for Account {
    async fn fresh(&self) -> Arc<dyn Prober> {
        Arc::new(MediaConvertProber::new(self.client.clone(), None))
    }
}

/// One test for each case of a suite; without an account each is skipped aloud.
macro_rules! cases {
    ($suite:ident: $($case:ident,)+) => {
        mod $suite {
            use super::*;

            $(
                #[test]
                fn $case() {
                    testkit::run(async {
                        if let Some(account) = Account::find().await {
                            testkit::$suite::$case(&account).await;
                        }
                    });
                }
            )+
        }
    };
}

cases! { transcoder:
    submit_is_idempotent,
    poll_unknown,
    outputs_are_stored,
    cancel_is_final,
    bad_media_fails_the_job,
}

cases! { prober:
    probe_tells_the_truth,
    probe_refuses_what_is_no_media,
    probe_missing,
}

#[test]
fn a_proxy_maps_frame_to_frame() {
    testkit::run(async {
        let Some(account) = Account::find().await else { return };
        let path = media::drop_frame(account.dir.path());
        let outputs = account.made(&path, vec![OutputSpec::Proxy(ProxySpec::default())]).await;
        assert_eq!(outputs.audio_channels, [0, 1], "two mono tracks are one pair");
        let original = account.truth(&path).await;
        let proxy = account.fetched(&outputs, Role::Proxy, "proxy.mp4").await;
        let proxy = account.truth(&proxy).await;
        let (of, made) = (&original.video[0], &proxy.video[0]);
        assert_eq!((made.rate, made.frames), (of.rate, of.frames));
        assert_eq!(made.start_timecode, of.start_timecode);
        assert_eq!((made.width, made.height), (640, 360), "it is not enlarged");
        assert_eq!((proxy.audio.len(), proxy.audio[0].channels), (1, 2));
    });
}

#[test]
fn turned_and_wide_pictures_are_shown_right() {
    testkit::run(async {
        let Some(account) = Account::find().await else { return };
        let spec = ProxySpec { max_width: 160, max_height: 160, ..ProxySpec::default() };
        for (path, size) in [
            (media::rotated(account.dir.path()), (90, 160)),
            (media::interlaced(account.dir.path()), (160, 90)),
        ] {
            let outputs = account.made(&path, vec![OutputSpec::Proxy(spec.clone())]).await;
            let proxy = account.fetched(&outputs, Role::Proxy, "proxy.mp4").await;
            let proxy = account.truth(&proxy).await;
            assert_eq!(proxy.video[0].shown_size(), size, "{}", path.display());
            assert!(proxy.audio.is_empty());
        }
    });
}

#[test]
fn streaming_pictures_mezzanine_and_watermark_are_made() {
    testkit::run(async {
        let Some(account) = Account::find().await else { return };
        let mark = media::make(
            account.dir.path(),
            "logo.png",
            &["-f", "lavfi", "-i", "color=white:s=64x32", "-frames:v", "1"],
        );
        let key: Key = "marks/logo.png".parse().unwrap();
        account.proxies.put_file(&key, &mark, PutFileOptions::default()).await.unwrap();
        let watermark = Watermark {
            image: key.to_string(),
            corner: Default::default(),
            opacity: 80,
            width: 20,
        };
        let outputs = vec![
            OutputSpec::Proxy(ProxySpec { watermark: Some(watermark), ..ProxySpec::default() }),
            OutputSpec::Hls(HlsSpec { heights: vec![180, 360, 720], ..HlsSpec::default() }),
            OutputSpec::Mezzanine(MezzanineSpec::default()),
            OutputSpec::Thumbnail(ThumbnailSpec { max_count: 3, ..ThumbnailSpec::default() }),
        ];
        let outputs = account.made(&account.shots(), outputs).await;
        let of = |role: Role| outputs.files.iter().filter(move |file| file.role == role);
        assert_eq!(of(Role::Thumbnail).count(), 3);
        let streams: Vec<_> = of(Role::Hls).map(|file| file.key.name().to_owned()).collect();
        assert_eq!(streams[0], "master.m3u8");
        let lists = streams.iter().filter(|name| name.ends_with(".m3u8")).count();
        assert_eq!(lists, 3, "a master and two heights, for nothing is enlarged: {streams:?}");
        assert!(streams.iter().any(|name| name.ends_with(".ts")), "{streams:?}");
        let mezzanine = account.fetched(&outputs, Role::Mezzanine, "mezzanine.mov").await;
        let mezzanine = account.truth(&mezzanine).await;
        assert_eq!(mezzanine.video[0].codec, "prores");
        assert_eq!(mezzanine.video[0].frames, Some(188));
        assert_eq!(
            (mezzanine.audio[0].codec.as_str(), mezzanine.audio[0].channels),
            ("pcm_s24le", 1)
        );
    });
}

#[test]
fn a_profile_kept_as_a_template_is_used_by_name() {
    testkit::run(async {
        let Some(account) = Account::find().await else { return };
        let proxies = Arc::clone(&account.proxies);
        let transcoder = account.transcoder_to(Arc::clone(&proxies));
        let name = format!("Browse {}", SystemClock.new_uuid());
        for _ in 0..2 {
            transcoder.put_template(&name, &MediaConvert::profile()).await.expect("it is kept");
        }
        let listed = transcoder.templates().await.expect("templates");
        assert_eq!(listed.iter().filter(|template| template.name == name).count(), 1);
        let path = account.shots();
        let job = TranscodeJob {
            source: account.source(&path).await,
            technical: account.truth(&path).await,
            profile: Profile {
                name: format!("template:{name}"),
                outputs: Vec::new(),
                findings: Vec::new(),
            },
            destination: proxies,
            prefix: "from/template".parse().unwrap(),
        };
        let id = transcoder.submit(&job, "template").await.expect("submit");
        let end = loop {
            match transcoder.poll(&id).await.expect("poll") {
                JobStatus::Running { .. } => tokio::time::sleep(Duration::from_millis(300)).await,
                end => break end,
            }
        };
        assert!(matches!(end, JobStatus::Succeeded), "{end:?}");
        let outputs = transcoder.outputs(&id).await.expect("outputs");
        let mut roles: Vec<_> = outputs.files.iter().map(|file| file.role).collect();
        roles.dedup();
        assert_eq!(roles, [Role::Proxy, Role::AudioProxy, Role::Thumbnail, Role::Poster]);
    });
}

#[test]
fn a_job_of_elastic_transcoder_runs() {
    testkit::run(async {
        let Some(account) = Account::find().await else { return };
        let preset = r#"{"Preset": {"Id": "1351620000001-000040", "Name": "Generic 360p 16:9",
            "Container": "mp4",
            "Video": {"Codec": "H.264", "BitRate": "720", "FrameRate": "29.97", "MaxWidth": "640",
                      "MaxHeight": "360", "SizingPolicy": "ShrinkToFit", "PaddingPolicy": "NoPad"},
            "Audio": {"Codec": "AAC", "BitRate": "128", "SampleRate": "44100", "Channels": "2"},
            "Thumbnails": {"Format": "png", "Interval": "5", "MaxWidth": "192",
                           "MaxHeight": "108"}}}"#;
        let job = r#"{"Input": {"Key": "shots.mp4"}, "OutputKeyPrefix": "old/",
            "Outputs": [{"Key": "shots-360p.mp4", "PresetId": "1351620000001-000040",
                         "ThumbnailPattern": "t-{count}"}]}"#;
        let presets = elastic_transcoder::presets(preset).expect("a preset");
        let task = elastic_transcoder::jobs(job, &presets).expect("a job").remove(0);
        let path = account.shots();
        assert_eq!(account.source(&path).await.key, task.input);
        let outputs = account.made(&path, task.profile.outputs).await;
        let proxy = account.fetched(&outputs, Role::Proxy, "old.mp4").await;
        assert_eq!(account.truth(&proxy).await.video[0].shown_size(), (640, 360));
        assert_eq!(outputs.files.iter().filter(|f| f.role == Role::Thumbnail).count(), 2);
    });
}
