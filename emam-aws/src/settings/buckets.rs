//! Where things are kept.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The buckets, by role. Two roles may share a bucket under different prefixes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Buckets {
    /// What was ingested, as it came.
    pub originals: Bucket,
    /// What is made of it: proxies, pictures, transcripts.
    pub proxies: Bucket,
    /// Job descriptions: each starts an ingest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ingest: Option<Bucket>,
    /// Where archived originals go; they stay in their bucket when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<Bucket>,
}

impl Buckets {
    /// The buckets there are, each with the name of its role.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Bucket)> {
        [("originals", Some(&self.originals)), ("proxies", Some(&self.proxies))]
            .into_iter()
            .chain([("ingest", self.ingest.as_ref()), ("archive", self.archive.as_ref())])
            .filter_map(|(role, bucket)| Some((role, bucket?)))
    }
}

/// One bucket, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// The place in it that all keys are under, without a slash at either end; empty for the whole
    /// bucket.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
    /// The encryption asked for with every object.
    #[serde(default)]
    pub encryption: Encryption,
}

/// Encryption at rest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Encryption {
    /// None is asked for, so the bucket's own default applies.
    #[default]
    None,
    /// With keys of S3 (`AES256`).
    SseS3,
    /// With a key of KMS. The ETag of such an object is no MD5.
    SseKms {
        /// The key: its ARN, its id or `alias/NAME`.
        key_id: String,
    },
}
