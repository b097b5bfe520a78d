//! The settings text of the deployment template, read as the stack would give it.

use std::collections::{BTreeMap, BTreeSet};

use emam_core::model::AnnotationKind;

use super::{ArchiveMode, AwsSettings, Encryption};
use crate::policy;

const TEMPLATE: &str = include_str!("../../deploy/emam.yaml");

/// The lines of a top-level resource.
fn resource(name: &str) -> Vec<&'static str> {
    let head = format!("  {name}:");
    let lines = TEMPLATE.lines().skip_while(|line| **line != head).skip(1);
    let found: Vec<_> =
        lines.take_while(|line| line.is_empty() || line.starts_with("   ")).collect();
    assert!(!found.is_empty(), "the template has no {name}");
    found
}

/// The settings text with every name filled in, its conditions all true or all false.
fn settings_text(on: bool) -> String {
    let lines = resource("SettingsParameter");
    let begin = lines.iter().position(|line| line.trim() == "- |").expect("the text");
    let end = lines.iter().position(|line| line.contains("- EndpointText:")).expect("its names");
    let mut text = lines[begin + 1..end].join("\n");
    for (name, branches) in conditional_texts(&lines[end..]) {
        let (yes, no) = branches;
        text = text.replace(&format!("${{{name}}}"), if on { &yes } else { &no });
    }
    fill(&text)
}

/// What a name of the text stands for where its condition is true and where it is not.
fn conditional_texts(lines: &[&str]) -> BTreeMap<String, (String, String)> {
    // An entry may go on over more lines.
    let mut entries: Vec<(&str, String)> = Vec::new();
    for line in lines.iter().filter(|line| !line.trim_start().starts_with('#')) {
        match line.trim_start_matches([' ', '-']).split_once(": ") {
            Some((name, value)) if name.ends_with("Text") => entries.push((name, value.to_owned())),
            _ => entries.last_mut().expect("a name").1.push_str(line),
        }
    }
    let mut found = BTreeMap::new();
    for (name, value) in entries {
        // The branches are the texts in quotes; text in `'` holds JSON.
        let mut quoted: Vec<String> = value
            .split('\'')
            .skip(1)
            .step_by(2)
            .map(|text| text.replace("${Names}", "en-US").replace("${Kinds}", "label"))
            .filter(|text| text != "\",\"")
            .collect();
        let no = if quoted.len() > 1 { quoted.pop().unwrap() } else { String::new() };
        found.insert(name.to_owned(), (quoted.remove(0), no));
    }
    assert!(found.len() >= 8, "{found:?}");
    found
}

/// Puts what the resource or pseudo parameter is called in a stack for each name.
fn fill(text: &str) -> String {
    let arn =
        |service: &str, rest: &str| format!("arn:aws:{service}:eu-west-1:123456789012:{rest}");
    let role = |name: &str| format!("arn:aws:iam::123456789012:role/{name}");
    let names = [
        ("AWS::StackName", "emam-one".to_owned()),
        ("AWS::Region", "eu-west-1".to_owned()),
        ("Endpoints", r#"{"transcribe": "http://127.0.0.1:2"}"#.to_owned()),
        ("EndpointUrl", "http://127.0.0.1:1".to_owned()),
        ("KmsKeyArn", arn("kms", "key/1234")),
        ("OriginalsBucket", "emam-one-originals-1".to_owned()),
        ("ProxiesBucket", "emam-one-proxies-1".to_owned()),
        ("IngestBucket", "emam-one-ingest-1".to_owned()),
        ("ArchiveBucket", "emam-one-archive-1".to_owned()),
        ("MediaConvertRole.Arn", role("convert")),
        ("MediaConvertQueue.Arn", arn("mediaconvert", "queues/emam-one")),
        ("RecognitionTopic", arn("sns", "AmazonRekognition-emam-one")),
        ("RekognitionRole.Arn", role("look")),
        ("TranscribeRole.Arn", role("listen")),
        ("EventsQueue", "https://sqs.eu-west-1.amazonaws.com/123456789012/events".to_owned()),
        ("NotificationsTopic", arn("sns", "emam-one-notifications")),
        ("IngestTable", "emam-one-IngestTable-1".to_owned()),
        ("DeliveryTable", "emam-one-DeliveryTable-1".to_owned()),
        ("MailFrom", "desk@example.org".to_owned()),
        ("Distribution.DomainName", "d111111abcdef8.cloudfront.net".to_owned()),
        ("SigningKey", "K2JCJMDEHXQW5F".to_owned()),
        ("CloudFrontPrivateKeyFile", "/etc/emam/cloudfront.pem".to_owned()),
    ];
    let filled = names
        .iter()
        .fold(text.to_owned(), |text, (name, value)| text.replace(&format!("${{{name}}}"), value));
    assert!(!filled.contains("${"), "a name is not filled in: {filled}");
    filled
}

#[test]
fn the_settings_of_the_stack_are_complete() {
    let settings = AwsSettings::from_json(&settings_text(true)).unwrap();
    assert_eq!(settings.stack, "emam-one");
    assert_eq!(settings.endpoint_url.as_deref(), Some("http://127.0.0.1:1"));
    assert!(
        matches!(&settings.buckets.proxies.encryption, Encryption::SseKms { key_id } if key_id.ends_with("key/1234"))
    );
    assert_eq!(settings.buckets.iter().count(), 4);
    let keys = settings.buckets.iter().map(|(_, bucket)| &bucket.encryption);
    assert!(keys.into_iter().all(|key| matches!(key, Encryption::SseKms { .. })));
    assert_eq!(settings.transcribe.as_ref().unwrap().languages, ["en-US"]);
    assert_eq!(settings.cloudfront.as_ref().unwrap().key_pair_id, "K2JCJMDEHXQW5F");
    assert_eq!(settings.notifications.mail_from.as_deref(), Some("desk@example.org"));
    assert_eq!(settings.analyze, [AnnotationKind::Label]);
    assert_eq!(settings.archive.mode, ArchiveMode::Tag);
    // The lifecycle rules move what carries this tag.
    assert!(
        TEMPLATE.contains(&format!(r#"{{Key: "{}", Value: deep_archive}}"#, settings.archive.tag))
    );

    let settings = AwsSettings::from_json(&settings_text(false)).unwrap();
    assert_eq!((settings.endpoint_url.as_ref(), settings.cloudfront.as_ref()), (None, None));
    assert_eq!(settings.buckets.originals.encryption, Encryption::None);
    assert!(settings.analyze.is_empty() && settings.buckets.archive.is_none());
    assert_eq!(settings.archive.mode, ArchiveMode::Immediate);
    assert_eq!(settings.mediaconvert.unwrap().queue, None);
}

/// The actions that stand in some text, as `s3:GetObject`.
fn actions(text: &str) -> BTreeSet<String> {
    let word = |c: char| !(c.is_ascii_alphanumeric() || c == ':' || c == '-');
    text.split(word)
        .filter(|found| {
            let verb = found.split_once(':').map(|(_, verb)| verb).unwrap_or_default();
            verb.starts_with(|c: char| c.is_ascii_uppercase())
                && !verb.contains(':')
                && found.starts_with(|c: char| c.is_ascii_lowercase())
        })
        // Keys of conditions are written alike.
        .filter(|found| {
            !["iam:PassedToService", "ses:FromAddress", "transcribe:OutputBucketName"]
                .contains(found)
        })
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_policies_of_the_stack_allow_what_the_library_needs_and_no_more() {
    let settings = AwsSettings::from_json(&settings_text(true)).unwrap();
    for (name, document) in [
        ("WorkerPolicy", policy::policy(&settings)),
        ("PanelPolicy", policy::panel(&settings)),
        ("FeederPolicy", policy::feeder(&settings, "fed/")),
    ] {
        let mut needed = BTreeSet::new();
        for statement in document["Statement"].as_array().unwrap() {
            needed.extend(
                statement["Action"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|a| a.as_str().unwrap().to_owned()),
            );
            // The statements are called alike, so that one can be held against the other.
            let sid = format!("Sid: {}", statement["Sid"].as_str().unwrap());
            assert!(
                resource(name).iter().any(|line| line.trim_start_matches([' ', '-']) == sid),
                "{name} has no {sid}"
            );
        }
        assert_eq!(actions(&resource(name).join("\n")), needed, "{name}");
    }
}
