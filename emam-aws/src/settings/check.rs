//! What settings must hold beyond their types. Each refusal names the setting and what is allowed.

use emam_core::{Error, Result};

use super::{AwsSettings, Bucket, Detection, Encryption, OPERATION};

impl AwsSettings {
    /// Checks what the types cannot say.
    ///
    /// # Errors
    /// [`InvalidInput`](emam_core::ErrorKind::InvalidInput) for the first wrong setting; the fact
    /// `at` says where.
    pub fn check(&self) -> Result<()> {
        let name_is_plain = |text: &str| {
            text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && text.starts_with(|first: char| first.is_ascii_alphabetic())
        };
        if self.stack.len() > 128 || !name_is_plain(&self.stack) {
            let rule = "a stack's name is up to 128 letters, digits and hyphens, a letter first";
            return Err(wrong("stack", &self.stack, rule));
        }
        if let Some(region) = &self.region {
            let rule = "a region is named like `eu-west-1`";
            let known =
                region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            require(known && region.contains('-'), "region", region, rule)?;
        }
        for (at, url) in self.urls() {
            url_is_plain(&at, url)?;
        }
        for (role, bucket) in self.buckets.iter() {
            bucket.check(&format!("buckets.{role}"))?;
        }
        self.check_mediaconvert()?;
        self.check_rekognition()?;
        self.check_transcribe()?;
        self.check_notifications()?;
        if let Some(cloudfront) = &self.cloudfront {
            let domain = &cloudfront.domain;
            let rule = "a domain is given without `https://` and without a path";
            let bare = !domain.is_empty() && !domain.contains(['/', ':', '@', ' ']);
            require(bare, "cloudfront.domain", domain, rule)?;
            let id = &cloudfront.key_pair_id;
            let rule = "the id of a public key is letters and digits, as `K2JCJMDEHXQW5F`";
            let plain = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
            require(plain, "cloudfront.key_pair_id", id, rule)?;
        }
        let tag = &self.archive.tag;
        let rule = "a tag's key has from 1 to 128 characters";
        require((1..=128).contains(&tag.chars().count()), "archive.tag", tag, rule)?;
        if let Some(vault) = &self.vault {
            let rule = "a vault's name has from 1 to 255 characters";
            require((1..=255).contains(&vault.name.len()), "vault.name", &vault.name, rule)?;
        }
        Ok(())
    }

    fn urls(&self) -> impl Iterator<Item = (String, &str)> {
        let one = |at: &str, url: &'_ Option<String>| url.as_ref().map(|_| at.to_owned());
        let all = one("endpoint_url", &self.endpoint_url).zip(self.endpoint_url.as_deref());
        let queue =
            one("events.queue_url", &self.events.queue_url).zip(self.events.queue_url.as_deref());
        let single = self
            .endpoints
            .iter()
            .map(|(service, url)| (format!("endpoints.{}", service.as_str()), url.as_str()));
        all.into_iter().chain(single).chain(queue)
    }

    fn check_mediaconvert(&self) -> Result<()> {
        let Some(mediaconvert) = &self.mediaconvert else { return Ok(()) };
        let at = "mediaconvert.role_arn";
        let role = &mediaconvert.role_arn;
        arn(at, role, "iam")?;
        // Roles elsewhere are refused with error 1432 when the first job is made.
        let path = role.split_once(":role").map_or("", |(_, path)| path);
        let inner = path.strip_prefix("/service-role/").or_else(|| path.strip_prefix('/'));
        let rule = "MediaConvert takes only roles whose path is `/` or `/service-role/`";
        require(inner.is_some_and(|name| !name.is_empty() && !name.contains('/')), at, role, rule)?;
        if let Some(queue) = mediaconvert.queue.as_ref().filter(|queue| queue.starts_with("arn:")) {
            arn("mediaconvert.queue", queue, "mediaconvert")?;
        }
        Ok(())
    }

    fn check_rekognition(&self) -> Result<()> {
        let Some(rekognition) = &self.rekognition else { return Ok(()) };
        if let Some(topic) = &rekognition.topic_arn {
            arn("rekognition.topic_arn", topic, "sns")?;
        }
        if let Some(role) = &rekognition.role_arn {
            arn("rekognition.role_arn", role, "iam")?;
        }
        if rekognition.topic_arn.is_some() != rekognition.role_arn.is_some() {
            let rule = "`topic_arn` and `role_arn` go together: the role publishes to the topic";
            return Err(wrong("rekognition", "", rule));
        }
        let (at, rule) = ("rekognition.jobs", "from 1 to the quota of the account, 20 by default");
        require((1..=1_000).contains(&rekognition.jobs), at, &rekognition.jobs.to_string(), rule)?;
        let confidence = rekognition.min_confidence;
        let (at, rule) =
            ("rekognition.min_confidence", "a confidence is in percent, from 0 to 100");
        require((0.0..=100.0).contains(&confidence), at, &confidence.to_string(), rule)?;
        let searches = rekognition.kinds.contains(&Detection::FaceSearch);
        let rule = "`face_search` needs a `collection` to search in";
        require(
            !searches || rekognition.collection.is_some(),
            "rekognition.kinds",
            "face_search",
            rule,
        )
    }

    fn check_transcribe(&self) -> Result<()> {
        let Some(transcribe) = &self.transcribe else { return Ok(()) };
        if let Some(role) = &transcribe.role_arn {
            arn("transcribe.role_arn", role, "iam")?;
        }
        if let Some(speakers) = transcribe.speakers {
            let rule = "from 2 to 30 speakers can be told apart";
            require(
                (2..=30).contains(&speakers),
                "transcribe.speakers",
                &speakers.to_string(),
                rule,
            )?;
        }
        let prefix = &transcribe.name_prefix;
        // Job names have up to 200 of these characters; ours ends in an id of 36.
        let plain = prefix.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        let rule = "up to 150 letters, digits, dots, hyphens and underscores, and not none";
        require(plain && (1..=150).contains(&prefix.len()), "transcribe.name_prefix", prefix, rule)
    }

    fn check_notifications(&self) -> Result<()> {
        let told = &self.notifications;
        if let Some(topic) = &told.topic_arn {
            arn("notifications.topic_arn", topic, "sns")?;
        }
        let addresses = told.mail_from.iter().map(|a| ("notifications.mail_from", a));
        for (at, address) in
            addresses.chain(told.mail_to.iter().map(|a| ("notifications.mail_to", a)))
        {
            let whole =
                address.split_once('@').is_some_and(|(who, at)| !who.is_empty() && !at.is_empty());
            let rule = "a mail address is like `desk@example.org`";
            require(whole && !address.contains(char::is_whitespace), at, address, rule)?;
        }
        let rule = "mail needs an address it comes from: `mail_from`";
        require(told.mail_to.is_empty() || told.mail_from.is_some(), "notifications", "", rule)
    }
}

impl Bucket {
    fn check(&self, at: &str) -> Result<()> {
        let name = &self.name;
        let edge =
            |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        let plain = name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.');
        let whole = plain && edge(name.chars().next()) && edge(name.chars().next_back());
        let rule = "a bucket's name has from 3 to 63 lower-case letters, digits, dots and hyphens";
        require(whole && (3..=63).contains(&name.len()), &format!("{at}.name"), name, rule)?;
        let rule = "a prefix has no slash at either end and at most 512 bytes";
        let bare = !self.prefix.starts_with('/') && !self.prefix.ends_with('/');
        let fits = bare && self.prefix.len() <= 512;
        require(fits, &format!("{at}.prefix"), &self.prefix, rule)?;
        if let Encryption::SseKms { key_id } = &self.encryption {
            let rule = "a key is given by its ARN, its id or `alias/NAME`";
            let whole = !key_id.is_empty() && !key_id.contains(char::is_whitespace);
            require(whole, &format!("{at}.encryption.sse_kms.key_id"), key_id, rule)?;
        }
        Ok(())
    }
}

fn wrong(at: &str, value: &str, rule: &'static str) -> Error {
    Error::invalid(OPERATION, rule).with("at", at).with("value", value)
}

fn require(holds: bool, at: &str, value: &str, rule: &'static str) -> Result<()> {
    if holds { Ok(()) } else { Err(wrong(at, value, rule)) }
}

/// An ARN of `service`: `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`.
fn arn(at: &str, value: &str, service: &str) -> Result<()> {
    let parts: Vec<_> = value.splitn(6, ':').collect();
    let whole = parts.len() == 6 && parts[0] == "arn" && parts[1].starts_with("aws");
    if whole && parts[2] == service && !parts[5].is_empty() {
        return Ok(());
    }
    Err(wrong(at, value, "an ARN of another shape or service stands here").with("service", service))
}

/// An address that can be shown: nothing secret stands in it.
fn url_is_plain(at: &str, url: &str) -> Result<()> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split(['/', '?']).next()).unwrap_or_default();
    if host.contains('@') {
        let rule = "an address has no user and password; the SDK finds credentials elsewhere";
        // The value holds a secret, so it is not shown.
        return Err(Error::invalid(OPERATION, rule).with("at", at));
    }
    require(!host.is_empty(), at, url, "an address begins with `https://` or `http://` and a host")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Service, Transcribe};
    use emam_core::ErrorKind;
    use serde_json::{Value, json};

    fn with(name: &str, value: Value) -> Result<AwsSettings> {
        let mut settings = json!({
            "buckets": {"originals": {"name": "orig"}, "proxies": {"name": "prox"}},
        });
        settings[name] = value;
        AwsSettings::from_json(&settings.to_string())
    }

    fn refused(name: &str, value: Value) -> (String, String) {
        let error = with(name, value).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        (error.get("at").unwrap_or_default().to_owned(), error.to_string())
    }

    #[test]
    fn what_is_absent_has_a_default() {
        let settings = with("rekognition", json!({})).unwrap();
        let rekognition = settings.rekognition.as_ref().unwrap();
        assert_eq!((rekognition.jobs, rekognition.kinds.len()), (18, 6));
        assert_eq!(settings.archive.tag, "emam:archive");
        let written = serde_json::to_string(&settings).unwrap();
        assert_eq!(AwsSettings::from_json(&written).unwrap(), settings);
    }

    #[test]
    fn unknown_keys_are_named_where_they_stand() {
        let (at, text) = refused("rekognition", json!({"topics": 1}));
        assert_eq!(at, "rekognition.topics");
        assert!(text.contains("`topics`") && text.contains("`topic_arn`"), "{text}");
        let (at, text) =
            refused("buckets", json!({"originals": {"name": "a-b-c", "encryption": "aes"}}));
        assert!(at.starts_with("buckets.originals.encryption"), "{at}");
        assert!(text.contains("`aes`") && text.contains("sse_kms"), "{text}");
    }

    #[test]
    fn credentials_are_refused_and_not_repeated() {
        let (_, text) = refused("secret_access_key", json!("hunter2hunter2"));
        assert!(text.contains("profile") && !text.contains("hunter2"), "{text}");
        let (at, text) = refused("endpoint_url", json!("http://user:hunter2@127.0.0.1:4566"));
        assert!(at == "endpoint_url" && !text.contains("hunter2"), "{text}");
    }

    #[test]
    fn wrong_values_are_named_with_what_is_allowed() {
        let role = |arn: &str| json!({"role_arn": arn});
        for (name, value, at) in [
            ("stack", json!("my stack"), "stack"),
            ("region", json!("Ireland"), "region"),
            ("endpoint_url", json!("localhost:4566"), "endpoint_url"),
            ("endpoints", json!({"s3": "ftp://x"}), "endpoints.s3"),
            ("events", json!({"queue_url": "emam"}), "events.queue_url"),
            (
                "buckets",
                json!({"originals": {"name": "Orig"}, "proxies": {"name": "prox"}}),
                "buckets.originals.name",
            ),
            (
                "buckets",
                json!({"originals": {"name": "orig"}, "proxies": {"name": "prox", "prefix": "/p"}}),
                "buckets.proxies.prefix",
            ),
            ("mediaconvert", role("arn:aws:sqs:eu-west-1:1:q"), "mediaconvert.role_arn"),
            ("mediaconvert", role("arn:aws:iam::1:role/team/convert"), "mediaconvert.role_arn"),
            ("rekognition", json!({"topic_arn": "arn:aws:sns:eu-west-1:1:t"}), "rekognition"),
            ("rekognition", json!({"min_confidence": 101}), "rekognition.min_confidence"),
            ("rekognition", json!({"jobs": 0}), "rekognition.jobs"),
            ("rekognition", json!({"kinds": ["face_search"]}), "rekognition.kinds"),
            ("transcribe", json!({"speakers": 1}), "transcribe.speakers"),
            ("transcribe", json!({"name_prefix": "a b"}), "transcribe.name_prefix"),
            ("notifications", json!({"mail_to": ["desk@example.org"]}), "notifications"),
            ("notifications", json!({"mail_from": "desk"}), "notifications.mail_from"),
            (
                "cloudfront",
                json!({"domain": "https://d.example", "key_pair_id": "K1", "private_key_file": "k"}),
                "cloudfront.domain",
            ),
            ("archive", json!({"tag": ""}), "archive.tag"),
            ("vault", json!({"name": ""}), "vault.name"),
        ] {
            let (found, text) = refused(name, value);
            assert_eq!(found, at, "{text}");
        }
        with("mediaconvert", role("arn:aws:iam::1:role/service-role/convert")).unwrap();
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("emam-aws.json");
        let error = AwsSettings::from_file(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        std::fs::write(&path, "{}").unwrap();
        let error = AwsSettings::from_file(&path).unwrap_err();
        assert!(error.to_string().contains("missing field `buckets`"), "{error}");
        assert!(error.get("path").unwrap().ends_with("emam-aws.json"));
    }

    #[test]
    fn debug_shows_no_password() {
        let mut settings = AwsSettings::new("orig", "prox");
        settings.endpoint_url = Some("http://user:hunter2@127.0.0.1:1/x".to_owned());
        settings.endpoints.insert(Service::S3, "http://u:hunter2@h".to_owned());
        settings.events.queue_url = Some("http://u:hunter2@h/q".to_owned());
        settings.transcribe = Some(Transcribe::default());
        let shown = format!("{settings:?}");
        assert!(!shown.contains("hunter2") && shown.contains("http://127.0.0.1:1/x"), "{shown}");
    }

    #[test]
    fn single_endpoints_come_before_the_common_one() {
        let mut settings = AwsSettings::new("orig", "prox");
        settings.endpoint_url = Some("http://all".to_owned());
        settings.endpoints.insert(Service::S3, "http://s3".to_owned());
        assert_eq!(settings.endpoint(Service::S3), Some("http://s3"));
        assert_eq!(settings.endpoint(Service::Sqs), Some("http://all"));
        // The name the context knows a service by is the one in the settings.
        for service in [Service::DynamoDb, Service::SesV2, Service::S3, Service::MediaConvert] {
            assert_eq!(serde_json::to_value(service).unwrap(), service.as_str());
        }
        assert_eq!(settings.access().endpoints["s3"], "http://s3");
    }
}
