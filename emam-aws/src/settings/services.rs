//! The services, each with what it needs to know.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Settings of MediaConvert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MediaConvert {
    /// The role MediaConvert reads and writes the buckets with. MediaConvert accepts only roles
    /// whose path is `/` or `/service-role/` (error 1432).
    pub role_arn: String,
    /// The queue, by name or ARN; the account's default queue when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// A job template used in place of the library's own profile, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// Accelerated transcoding, which costs more a minute.
    #[serde(default)]
    pub acceleration: Acceleration,
}

/// Whether MediaConvert splits a job over several machines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Acceleration {
    /// Never.
    #[default]
    Disabled,
    /// Where the job allows it.
    Preferred,
    /// Always: a job that does not allow it fails.
    Enabled,
}

/// Settings of Rekognition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Rekognition {
    /// The topic finished video jobs are told to; jobs are polled when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic_arn: Option<String>,
    /// The role Rekognition publishes to that topic with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// The collection known faces are in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collection: Option<String>,
    /// How many video jobs may be under way at once. An account is allowed 20; 18 unless told
    /// otherwise, so that others have room.
    pub jobs: u32,
    /// Findings below this confidence, in percent, are dropped.
    pub min_confidence: f32,
    /// What may be asked of it. Each is billed by the minute of video or by the picture.
    pub kinds: Vec<Detection>,
}

impl Default for Rekognition {
    fn default() -> Self {
        Self {
            topic_arn: None,
            role_arn: None,
            collection: None,
            jobs: 18,
            // What Rekognition itself takes for labels of stored video.
            min_confidence: 50.0,
            kinds: Detection::PLAIN.to_vec(),
        }
    }
}

/// What Rekognition can be asked for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Detection {
    /// Things and scenes.
    Labels,
    /// Faces, with age range and emotions.
    Faces,
    /// Famous people.
    Celebrities,
    /// Written text.
    Text,
    /// Content some audiences must not see.
    Moderation,
    /// Shots, black frames, credits.
    Segments,
    /// Faces that are in the collection.
    FaceSearch,
}

impl Detection {
    /// All that need no face collection.
    pub const PLAIN: [Self; 6] = [
        Self::Labels,
        Self::Faces,
        Self::Celebrities,
        Self::Text,
        Self::Moderation,
        Self::Segments,
    ];
}

/// Settings of Transcribe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Transcribe {
    /// The role Transcribe reads media with once a job has waited in its queue. Without it a job
    /// above the quota is refused instead of queued.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// The languages spoken, as `en-US`: identified when empty, taken as given when one, told
    /// apart when more.
    pub languages: Vec<String>,
    /// A custom vocabulary, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vocabulary: Option<String>,
    /// How many speakers to tell apart at most, from 2 to 30; none are when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speakers: Option<u32>,
    /// What every job's name begins with: the only thing its events can be known by.
    pub name_prefix: String,
}

impl Default for Transcribe {
    fn default() -> Self {
        Self {
            role_arn: None,
            languages: Vec::new(),
            vocabulary: None,
            speakers: None,
            name_prefix: "emam-".to_owned(),
        }
    }
}

/// How the services tell what has happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Events {
    /// The SQS queue all events come in by; without it jobs are polled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_url: Option<String>,
    /// Whether an object that somebody puts among the originals without a job is ingested too.
    pub adopt: bool,
}

impl Default for Events {
    fn default() -> Self {
        Self { queue_url: None, adopt: true }
    }
}

/// Who is told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Notifications {
    /// The SNS topic events are published to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic_arn: Option<String>,
    /// The address mail is sent from; SES must have verified it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail_from: Option<String>,
    /// The addresses mail is sent to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mail_to: Vec<String>,
}

/// Where runs are kept that several machines share.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Runs {
    /// The DynamoDB table of ingest, analysis, archive and restore.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingest_table: Option<String>,
    /// The DynamoDB table of deliveries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery_table: Option<String>,
}

/// Signed addresses of a CloudFront distribution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CloudFront {
    /// The distribution's domain name, without `https://`.
    pub domain: String,
    /// The id of the public key in the distribution's key group.
    pub key_pair_id: String,
    /// The file with the private key, as PEM.
    pub private_key_file: PathBuf,
}

/// How originals are moved into a colder storage class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Archive {
    /// By which way.
    pub mode: ArchiveMode,
    /// The key of the tag in mode `tag`. Its value is the class: `archive` or `deep_archive`.
    pub tag: String,
}

impl Default for Archive {
    fn default() -> Self {
        Self { mode: ArchiveMode::default(), tag: "emam:archive".to_owned() }
    }
}

/// The way into a colder storage class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ArchiveMode {
    /// The object is copied onto itself in the new class: done when the call is.
    #[default]
    Immediate,
    /// The object is tagged, and a lifecycle rule of the bucket moves it within a day or two. It
    /// costs no copy; without such a rule nothing is ever moved.
    Tag,
}

/// A vault of the Glacier service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Vault {
    /// Its name.
    pub name: String,
}
