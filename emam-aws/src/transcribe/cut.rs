//! Cutting by MediaConvert.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_mediaconvert::Client;
use aws_sdk_mediaconvert::types::{
    AacCodingMode, AacSettings, AudioCodec, AudioCodecSettings, AudioDefaultSelection,
    AudioDescription, AudioSelector, ContainerSettings, ContainerType, FileGroupSettings, Input,
    InputClipping, InputTimecodeSource, Job, JobSettings, JobStatus as State, Order, Output,
    OutputGroup, OutputGroupSettings, OutputGroupType, TimecodeConfig, TimecodeSource,
};
use emam_core::backend::{JobId, JobStatus, MediaSource, Storage};
use emam_core::{Error, ErrorKind, Result};
use md5::{Digest, Md5};

use super::{Piece, Pieces};
use crate::error::error;
use crate::uri::S3Uri;

const BEGIN: &str = "pieces.begin";
const POLL: &str = "pieces.poll";
const CANCEL: &str = "pieces.cancel";

/// The user metadata of the jobs: the same as of others of the library, and which piece it is.
const STACK: &str = "emam-stack";
const TOKEN: &str = "emam-token";
const PIECE: &str = "emam-piece";

/// The selector every description of sound names.
const SELECTOR: &str = "Audio Selector 1";

/// How many pages of 20 jobs, newest first, are looked through for those begun before.
const PAGES: usize = 5;

/// How cutting by MediaConvert is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutOptions {
    /// The name of this deployment, which tells its jobs from those of others.
    pub stack: String,
    /// The ARN of the role MediaConvert reads and writes S3 as.
    pub role_arn: String,
    /// The queue of the jobs; the account's default one when absent.
    pub queue: Option<String>,
}

/// Cuts sound with MediaConvert: a job for each piece, because the pieces overlap.
#[derive(Debug, Clone)]
pub struct MediaConvertPieces {
    client: Client,
    options: CutOptions,
}

impl MediaConvertPieces {
    /// Cuts by the service that `client` reaches.
    pub fn new(client: Client, options: CutOptions) -> Self {
        Self { client, options }
    }

    /// The jobs begun under a token before, by piece. The service remembers a token of its own for
    /// one minute only.
    async fn begun(&self, token: &str) -> Result<BTreeMap<String, String>> {
        let (mut begun, mut next) = (BTreeMap::new(), None);
        for _ in 0..PAGES {
            let asked = self.client.list_jobs().set_queue(self.options.queue.clone());
            let asked = asked.order(Order::Descending).max_results(20).set_next_token(next);
            let page = asked.send().await.map_err(|cause| error(BEGIN, cause))?;
            for job in page.jobs() {
                if let (Some(piece), Some(id)) = (self.piece_of(job, token), job.id()) {
                    begun.entry(piece).or_insert_with(|| id.to_owned());
                }
            }
            next = page.next_token;
            if next.is_none() {
                break;
            }
        }
        Ok(begun)
    }

    fn piece_of(&self, job: &Job, token: &str) -> Option<String> {
        let metadata = job.user_metadata()?;
        let ours = metadata.get(STACK)? == &self.options.stack && metadata.get(TOKEN)? == token;
        metadata.get(PIECE).filter(|_| ours).cloned()
    }
}

#[async_trait]
impl Pieces for MediaConvertPieces {
    async fn begin(
        &self,
        source: &MediaSource,
        pieces: &[Piece],
        destination: &dyn Storage,
        token: &str,
    ) -> Result<JobId> {
        let media = S3Uri::of(BEGIN, source.storage.as_ref(), &source.key)?;
        let mut begun = Box::pin(self.begun(token)).await?;
        let mut ids = Vec::new();
        for (at, piece) in pieces.iter().enumerate() {
            let number = (at + 1).to_string();
            if let Some(id) = begun.remove(&number) {
                ids.push(id);
                continue;
            }
            let output = S3Uri::of(BEGIN, destination, &piece.key)?;
            let digest = Md5::digest(format!("{}/{token}/{number}", self.options.stack));
            let told = self
                .client
                .create_job()
                .role(&self.options.role_arn)
                .set_queue(self.options.queue.clone())
                .client_request_token(data_encoding::HEXLOWER.encode(&digest))
                .user_metadata(STACK, &self.options.stack)
                .user_metadata(TOKEN, token)
                .user_metadata(PIECE, number)
                .settings(settings(&media, clipping(pieces, at), &output))
                .send();
            let told = Box::pin(told).await.map_err(|cause| error(BEGIN, cause))?;
            let id = told.job.and_then(|job| job.id).ok_or_else(|| {
                Error::new(ErrorKind::Unavailable, BEGIN, "MediaConvert has told no id of the job")
            })?;
            ids.push(id);
        }
        Ok(JobId(ids.join(" ")))
    }

    async fn poll(&self, job: &JobId) -> Result<JobStatus> {
        let (mut done, mut all) = (0.0, 0.0);
        for id in job.0.split_whitespace() {
            let told = Box::pin(self.client.get_job().id(id).send()).await;
            let told = told.map_err(|cause| error(POLL, cause).with("job", id))?.job;
            let told = told.unwrap_or_else(|| Job::builder().build());
            all += 1.0;
            match told.status() {
                Some(State::Complete) => done += 1.0,
                Some(State::Canceled) => return Ok(JobStatus::Cancelled),
                Some(State::Error) => {
                    let failed = Error::new(
                        ErrorKind::InvalidMedia,
                        POLL,
                        "MediaConvert cannot cut this media into pieces",
                    );
                    let said = told.error_message().unwrap_or_default();
                    let code = told.error_code().unwrap_or_default();
                    let failed = failed.with("job", id).with("code", code).with("said", said);
                    return Ok(JobStatus::Failed(failed.to_info()));
                }
                _ => {
                    let percent = told.job_percent_complete().unwrap_or(0).clamp(0, 99);
                    done += f64::from(percent) / 100.0;
                }
            }
        }
        if done >= all {
            return Ok(JobStatus::Succeeded);
        }
        Ok(JobStatus::Running { fraction: done / all, eta_ms: None, ready: Vec::new() })
    }

    async fn cancel(&self, job: &JobId) -> Result<()> {
        for id in job.0.split_whitespace() {
            if let Err(cause) = Box::pin(self.client.cancel_job().id(id).send()).await {
                let error = error(CANCEL, cause);
                // It has ended already, or never was.
                let over = ["NotFoundException", "ConflictException", "BadRequestException"];
                if !error.get("code").is_some_and(|code| over.contains(&code)) {
                    return Err(error.with("job", id));
                }
            }
        }
        Ok(())
    }
}

/// The bounds of a piece in whole seconds, which are the same at every rate, and sound has none of
/// its own. The last goes to the end of the media, wherever that is.
fn clipping(pieces: &[Piece], at: usize) -> Option<InputClipping> {
    let piece = pieces.get(at)?;
    let start = (piece.start_s > 0).then(|| timecode(piece.start_s));
    let end = (at + 1 < pieces.len()).then(|| timecode(piece.end_s));
    // One of both is needed.
    (start.is_some() || end.is_some())
        .then(|| InputClipping::builder().set_start_timecode(start).set_end_timecode(end).build())
}

/// What is within the bounds of the sound, or all of it, as AAC in MP4.
fn settings(media: &S3Uri, clipping: Option<InputClipping>, output: &S3Uri) -> JobSettings {
    let default = AudioSelector::builder().default_selection(AudioDefaultSelection::Default);
    let input = Input::builder()
        .file_input(media.to_string())
        .timecode_source(InputTimecodeSource::Zerobased)
        .audio_selectors(SELECTOR, default.build())
        .set_input_clippings(clipping.map(|one| vec![one]));
    let aac = AacSettings::builder()
        .bitrate(96_000)
        .coding_mode(AacCodingMode::CodingMode20)
        .sample_rate(48_000);
    let codec = AudioCodecSettings::builder().codec(AudioCodec::Aac).aac_settings(aac.build());
    let sound =
        AudioDescription::builder().audio_source_name(SELECTOR).codec_settings(codec.build());
    // The base name of the destination and the extension make the key.
    let base = output.key.strip_suffix(".m4a").unwrap_or(&output.key);
    let made = Output::builder()
        .container_settings(ContainerSettings::builder().container(ContainerType::Mp4).build())
        .extension("m4a")
        .audio_descriptions(sound.build());
    let files = FileGroupSettings::builder().destination(format!("s3://{}/{base}", output.bucket));
    let group = OutputGroupSettings::builder()
        .r#type(OutputGroupType::FileGroupSettings)
        .file_group_settings(files.build());
    let group = OutputGroup::builder().output_group_settings(group.build()).outputs(made.build());
    JobSettings::builder()
        .timecode_config(TimecodeConfig::builder().source(TimecodeSource::Zerobased).build())
        .inputs(input.build())
        .output_groups(group.build())
        .build()
}

fn timecode(seconds: u64) -> String {
    format!("{:02}:{:02}:{:02}:00", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use emam_core::model::AssetKind;
    use serde_json::json;

    use super::*;
    use crate::canned::{Bucket, Canned, request, technical};

    fn pieces() -> Vec<Piece> {
        let piece = |start_s, end_s, number| {
            let key = format!("a/transcript/x-{number}.m4a").parse().unwrap();
            Piece { start_s, end_s, key }
        };
        vec![piece(0, 13_800, 1), piece(13_790, 18_061, 2)]
    }

    async fn cutter(service: &Canned) -> MediaConvertPieces {
        let options =
            CutOptions { stack: "media".to_owned(), role_arn: "arn:role".to_owned(), queue: None };
        MediaConvertPieces::new(Client::new(&service.config().await), options)
    }

    #[tokio::test]
    async fn each_piece_is_a_job_and_one_begun_before_is_taken() {
        let service = Canned::start(|operation, input, _| match operation {
            "GET /2017-08-29/jobs" => Ok(json!({ "jobs": [
                { "id": "foreign", "userMetadata": { "emam-stack": "other",
                    "emam-token": "token", "emam-piece": "2" } },
                { "id": "old-1", "userMetadata": { "emam-stack": "media",
                    "emam-token": "token", "emam-piece": "1" } },
            ]})),
            "POST /2017-08-29/jobs" => {
                assert_eq!(input["userMetadata"]["emam-piece"], "2");
                Ok(json!({ "job": { "id": "new-2" } }))
            }
            other => panic!("{other}"),
        })
        .await;
        let bucket: Arc<Bucket> = Arc::default();
        let source = request(&bucket, "a/b.m4a", technical(AssetKind::Audio, 1), &[]).source;
        let cutter = cutter(&service).await;
        let job = cutter.begin(&source, &pieces(), bucket.as_ref(), "token").await.unwrap();
        assert_eq!(job.0, "old-1 new-2");
        let sent = &service.calls()[1].1;
        assert_eq!(
            sent["settings"]["inputs"][0]["inputClippings"],
            json!([{ "startTimecode": "03:49:50:00" }])
        );
        let first = clipping(&pieces(), 0).unwrap();
        assert_eq!((first.start_timecode(), first.end_timecode()), (None, Some("03:50:00:00")));
        assert_eq!(clipping(&pieces()[..1], 0), None);
        let group = &sent["settings"]["outputGroups"][0];
        assert_eq!(
            group["outputGroupSettings"]["fileGroupSettings"]["destination"],
            "s3://bucket/a/transcript/x-2"
        );
        assert_eq!(group["outputs"][0]["extension"], "m4a");
        assert!(group["outputs"][0].get("videoDescription").is_none());
    }

    #[tokio::test]
    async fn it_is_as_far_as_its_jobs() {
        let service = Canned::start(|operation, _, before| match (operation, before) {
            ("GET /2017-08-29/jobs/a", _) => Ok(json!({ "job": { "status": "COMPLETE" } })),
            ("GET /2017-08-29/jobs/b", 1) => {
                Ok(json!({ "job": { "status": "PROGRESSING", "jobPercentComplete": 50 } }))
            }
            ("GET /2017-08-29/jobs/b", _) => Ok(json!({ "job": { "status": "ERROR",
                "errorCode": 1040, "errorMessage": "not decoded" } })),
            ("DELETE /2017-08-29/jobs/a", _) => Err((409, "ConflictException")),
            _ => Ok(json!({})),
        })
        .await;
        let (cutter, job) = (cutter(&service).await, JobId("a b".to_owned()));
        let status = cutter.poll(&job).await.unwrap();
        let JobStatus::Running { fraction, .. } = status else { panic!("{status:?}") };
        assert!((fraction - 0.75).abs() < 1e-9);
        let status = cutter.poll(&job).await.unwrap();
        let JobStatus::Failed(info) = status else { panic!("{status:?}") };
        assert_eq!(info.kind, ErrorKind::InvalidMedia);
        assert!(info.context.contains(&("code".to_owned(), "1040".to_owned())));
        cutter.cancel(&job).await.unwrap();
    }
}
