//! What emam needs to know of an AWS account: one JSON record, the output `Settings` of the
//! deployment template.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use emam_core::model::AnnotationKind;
use emam_core::{Error, ErrorKind, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::context::Access;

mod buckets;
mod check;
mod services;
#[cfg(test)]
mod template_test;

pub use buckets::{Bucket, Buckets, Encryption};
pub use services::{
    Acceleration, Archive, ArchiveMode, CloudFront, Detection, Events, MediaConvert, Notifications,
    Rekognition, Runs, Transcribe, Vault,
};

const OPERATION: &str = "aws.settings";

/// Settings of emam on AWS. Only [`buckets`](Self::buckets) must be given; a service without
/// settings is not used.
///
/// There are no credentials among them: those come from the SDK's own chain (environment, profile,
/// container, instance).
///
/// ```
/// use emam_aws::settings::AwsSettings;
///
/// let settings = AwsSettings::from_json(
///     r#"{"buckets": {"originals": {"name": "my-originals"}, "proxies": {"name": "my-proxies"}}}"#,
/// )?;
/// assert_eq!(settings.stack, "emam");
///
/// let error = AwsSettings::from_json(r#"{"bucket": "my-originals"}"#).unwrap_err();
/// assert!(error.message().contains("unknown field `bucket`"));
/// # Ok::<(), emam_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AwsSettings {
    /// The name jobs of this installation carry, so that those of others in the same account are
    /// left alone: up to 128 letters, digits and hyphens; `emam` unless told otherwise.
    #[serde(default = "default_stack")]
    pub stack: String,
    /// The region, for example `eu-west-1`; what the SDK finds when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The profile of the SDK's shared configuration files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Where all services are, for emulators and private endpoints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_url: Option<String>,
    /// Where single services are; before [`endpoint_url`](Self::endpoint_url).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub endpoints: BTreeMap<Service, String>,
    /// Whether buckets are named in the path of an address instead of its host, as most
    /// S3-compatible stores need it.
    #[serde(default)]
    pub path_style: bool,
    /// How uploads are verified.
    #[serde(default)]
    pub checksums: Checksums,
    /// The buckets.
    pub buckets: Buckets,
    /// Probing and transcoding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mediaconvert: Option<MediaConvert>,
    /// Looking at pictures and video.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rekognition: Option<Rekognition>,
    /// Listening to speech.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transcribe: Option<Transcribe>,
    /// How the services tell what has happened.
    #[serde(default)]
    pub events: Events,
    /// Who is told.
    #[serde(default)]
    pub notifications: Notifications,
    /// Where runs are kept that several machines share.
    #[serde(default)]
    pub runs: Runs,
    /// Signed addresses of a distribution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloudfront: Option<CloudFront>,
    /// How originals are moved into a colder storage class.
    #[serde(default)]
    pub archive: Archive,
    /// A vault of the Glacier service, for those who have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vault: Option<Vault>,
    /// How often a job that no event tells of is asked after, in milliseconds; 15,000 unless told
    /// otherwise.
    #[serde(default = "default_poll_ms")]
    pub poll_ms: u64,
    /// What is looked for at every ingest.
    #[serde(default)]
    pub analyze: Vec<AnnotationKind>,
}

fn default_poll_ms() -> u64 {
    15_000
}

fn default_stack() -> String {
    "emam".to_owned()
}

/// A service with an endpoint of its own.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Service {
    /// Runs.
    DynamoDb,
    /// Vaults.
    Glacier,
    /// Probing and transcoding.
    MediaConvert,
    /// Looking at pictures and video.
    Rekognition,
    /// Storage and its archive classes.
    S3,
    /// Mail.
    SesV2,
    /// Notifications.
    Sns,
    /// Events.
    Sqs,
    /// Speech.
    Transcribe,
}

impl Service {
    /// Its short name, as in the settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DynamoDb => "dynamodb",
            Self::Glacier => "glacier",
            Self::MediaConvert => "mediaconvert",
            Self::Rekognition => "rekognition",
            Self::S3 => "s3",
            Self::SesV2 => "sesv2",
            Self::Sns => "sns",
            Self::Sqs => "sqs",
            Self::Transcribe => "transcribe",
        }
    }
}

/// How uploads are verified.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Checksums {
    /// MD5 of each part and CRC64NVME of the whole object. S3 itself, and stores that know
    /// trailing checksums.
    #[default]
    Crc64nvme,
    /// `Content-MD5` of each part and nothing else, for S3-compatible stores that refuse trailers.
    ContentMd5,
}

impl AwsSettings {
    /// Settings with two buckets and nothing else.
    pub fn new(originals: impl Into<String>, proxies: impl Into<String>) -> Self {
        let bucket = |name| Bucket { name, prefix: String::new(), encryption: Encryption::None };
        Self {
            stack: default_stack(),
            region: None,
            profile: None,
            endpoint_url: None,
            endpoints: BTreeMap::new(),
            path_style: false,
            poll_ms: default_poll_ms(),
            checksums: Checksums::default(),
            buckets: Buckets {
                originals: bucket(originals.into()),
                proxies: bucket(proxies.into()),
                ingest: None,
                archive: None,
            },
            mediaconvert: None,
            rekognition: None,
            transcribe: None,
            events: Events::default(),
            notifications: Notifications::default(),
            runs: Runs::default(),
            cloudfront: None,
            archive: Archive::default(),
            vault: None,
            analyze: Vec::new(),
        }
    }

    /// Reads settings from a JSON file.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) where there is no file; otherwise as
    /// [`from_json`](Self::from_json), with the path.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|cause| {
            let message = "the AWS settings cannot be read; write the output `Settings` of the \
                           stack to this file";
            let kind = match cause.kind() {
                std::io::ErrorKind::NotFound => ErrorKind::NotFound,
                std::io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
                _ => ErrorKind::InvalidInput,
            };
            Error::new(kind, OPERATION, message).with("path", path.display()).caused_by(cause)
        })?;
        Self::from_json(&text).map_err(|error| error.with("path", path.display()))
    }

    /// Reads settings from JSON and checks them.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) for an unknown or wrong setting; the fact `at`
    /// says where.
    pub fn from_json(text: &str) -> Result<Self> {
        let mut json = serde_json::Deserializer::from_str(text);
        let settings: Self = serde_path_to_error::deserialize(&mut json).map_err(|cause| {
            let at = cause.path().to_string();
            let mut message = format!("the AWS settings are wrong: {}", cause.inner());
            if names_a_credential(&message) {
                message.push_str(
                    "; credentials do not belong here: the SDK finds them in the environment, \
                     the profile or the instance's role",
                );
            }
            let error = Error::invalid(OPERATION, message);
            if at == "." { error } else { error.with("at", at) }
        })?;
        json.end().map_err(|cause| {
            Error::invalid(OPERATION, format!("the AWS settings are wrong: {cause}"))
        })?;
        settings.check()?;
        Ok(settings)
    }

    /// How the account is reached.
    pub fn access(&self) -> Access {
        let name = |service: &Service| service.as_str().to_owned();
        Access {
            region: self.region.clone(),
            profile: self.profile.clone(),
            endpoint_url: self.endpoint_url.clone(),
            endpoints: self.endpoints.iter().map(|(s, url)| (name(s), url.clone())).collect(),
            path_style: self.path_style,
        }
    }

    /// Where `service` is, unless it is where the SDK looks for it.
    pub fn endpoint(&self, service: Service) -> Option<&str> {
        self.endpoints.get(&service).or(self.endpoint_url.as_ref()).map(String::as_str)
    }
}

fn names_a_credential(message: &str) -> bool {
    let Some(field) = message.split("unknown field `").nth(1).and_then(|f| f.split('`').next())
    else {
        return false;
    };
    let field = field.to_ascii_lowercase();
    ["access_key", "accesskey", "secret", "token", "password"]
        .iter()
        .any(|word| field.contains(word))
}

impl fmt::Debug for AwsSettings {
    /// What identifies the settings; addresses without what stands before an `@`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoints: BTreeMap<_, _> =
            self.endpoints.iter().map(|(service, url)| (service, without_user(url))).collect();
        f.debug_struct("AwsSettings")
            .field("stack", &self.stack)
            .field("region", &self.region)
            .field("profile", &self.profile)
            .field("endpoint_url", &self.endpoint_url.as_deref().map(without_user))
            .field("endpoints", &endpoints)
            .field("path_style", &self.path_style)
            .field("checksums", &self.checksums)
            .field("buckets", &self.buckets)
            .field("mediaconvert", &self.mediaconvert)
            .field("rekognition", &self.rekognition)
            .field("transcribe", &self.transcribe)
            .field("events", &self.events.queue_url.as_deref().map(without_user))
            .field("notifications", &self.notifications)
            .field("runs", &self.runs)
            .field("cloudfront", &self.cloudfront)
            .field("archive", &self.archive)
            .field("vault", &self.vault)
            .field("analyze", &self.analyze)
            .finish()
    }
}

/// An address without the user and password that may stand in it.
fn without_user(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let end = rest.find('/').unwrap_or(rest.len());
            let host = rest[..end].rsplit('@').next().unwrap_or_default();
            format!("{scheme}://{host}{}", &rest[end..])
        }
        None => url.to_owned(),
    }
}
