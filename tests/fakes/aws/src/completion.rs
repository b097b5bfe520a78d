//! What a service tells when one of its jobs has ended.

use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::{Value, json};

/// Takes the news that a job ended to whoever listens.
#[async_trait]
pub trait Completion: fmt::Debug + Send + Sync {
    /// A video job of Rekognition ended, and its caller had named a topic.
    async fn rekognition_done(&self, done: &RekognitionDone);

    /// A job of Transcribe ended.
    async fn transcribe_done(&self, done: &TranscribeDone);

    /// A job of a Glacier vault ended, and its caller had named a topic.
    async fn glacier_done(&self, done: &GlacierDone);
}

/// A [`Completion`] for an account to which nobody listens.
#[derive(Debug, Default)]
pub struct Unheard;

#[async_trait]
impl Completion for Unheard {
    async fn rekognition_done(&self, _done: &RekognitionDone) {}

    async fn transcribe_done(&self, _done: &TranscribeDone) {}

    async fn glacier_done(&self, _done: &GlacierDone) {}
}

/// The end of a video job of Rekognition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RekognitionDone {
    /// The job.
    pub job_id: String,
    /// `SUCCEEDED` or `FAILED`.
    pub status: &'static str,
    /// The operation that started it, for example `StartLabelDetection`.
    pub api: String,
    /// The caller's own name for it.
    pub job_tag: Option<String>,
    /// The bucket of the video.
    pub bucket: String,
    /// The key of the video.
    pub key: String,
    /// The topic its caller had named.
    pub topic_arn: String,
    /// When it ended.
    pub at: Timestamp,
}

impl RekognitionDone {
    /// The message as Rekognition publishes it to the topic.
    pub fn message(&self) -> Value {
        let mut message = json!({
            "JobId": self.job_id,
            "Status": self.status,
            "API": self.api,
            "Timestamp": self.at.as_millisecond(),
            "Video": {"S3ObjectName": self.key, "S3Bucket": self.bucket},
        });
        if let Some(tag) = &self.job_tag {
            message["JobTag"] = json!(tag);
        }
        message
    }
}

/// The end of a job of Transcribe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TranscribeDone {
    /// The job.
    pub job_name: String,
    /// `COMPLETED` or `FAILED`.
    pub status: &'static str,
    /// Why it failed.
    pub failure_reason: Option<String>,
    /// When it ended.
    pub at: Timestamp,
}

impl TranscribeDone {
    /// The `detail` of the event `Transcribe Job State Change` of source `aws.transcribe`.
    pub fn detail(&self) -> Value {
        let mut detail = json!({
            "TranscriptionJobName": self.job_name,
            "TranscriptionJobStatus": self.status,
        });
        if let Some(reason) = &self.failure_reason {
            detail["FailureReason"] = json!(reason);
        }
        detail
    }
}

/// The end of a job of a Glacier vault.
#[derive(Debug, Clone, PartialEq)]
pub struct GlacierDone {
    /// The topic its caller had named.
    pub topic_arn: String,
    /// The message as Glacier publishes it to the topic: the job as `DescribeJob` tells it.
    pub message: Value,
}
