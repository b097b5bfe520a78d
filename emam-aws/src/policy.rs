//! The least an IAM principal must be allowed for a configuration to work.
//!
//! Which actions can be bound to which resources is that of the
//! [Service Authorization Reference](https://docs.aws.amazon.com/service-authorization/latest/reference/).
//! An action it gives no resource type for must be allowed on `*`.

use serde_json::{Map, Value, json};

use crate::settings::{AwsSettings, Bucket, Detection, Encryption, Rekognition};

/// What a machine needs that executes runs: storage, the services that are configured, the queue,
/// the tables. A service without settings is absent.
///
/// ```
/// use emam_aws::{policy, settings::AwsSettings};
///
/// let document = policy::policy(&AwsSettings::new("my-originals", "my-proxies"));
/// assert_eq!(document["Version"], "2012-10-17");
/// assert!(document["Statement"][0]["Resource"][0].as_str().unwrap().ends_with("my-originals"));
/// ```
pub fn policy(settings: &AwsSettings) -> Value {
    let arns = Arns::of(settings);
    let mut statements = Statements::default();
    storage(settings, &arns, &mut statements);
    mediaconvert(settings, &arns, &mut statements);
    if let Some(rekognition) = &settings.rekognition {
        self::rekognition(rekognition, &arns, &mut statements);
    }
    transcribe(settings, &arns, &mut statements);
    messages(settings, &arns, &mut statements);
    tables(settings, &arns, &mut statements);
    vault(settings, &arns, &mut statements);
    statements.document()
}

/// What a panel needs that shows proxies and fetches originals, without a gateway between.
pub fn panel(settings: &AwsSettings) -> Value {
    let arns = Arns::of(settings);
    let mut statements = Statements::default();
    let buckets = [&settings.buckets.proxies, &settings.buckets.originals];
    let objects = buckets.map(|bucket| arns.objects(bucket, "")).to_vec();
    statements.allow("Read", &["s3:GetObject"], objects);
    keys(&buckets, &["kms:Decrypt"], &arns, &mut statements);
    statements.document()
}

/// What a [feeder](crate::feeder) needs that uploads originals under `prefix` and then writes the
/// job that starts their ingest. It can read nothing back.
///
/// A feeder that announces nothing writes under `fed/`. One that announces its files first writes
/// where the library says, which can be anywhere among the originals: its `prefix` is empty.
pub fn feeder(settings: &AwsSettings, prefix: &str) -> Value {
    let arns = Arns::of(settings);
    let mut statements = Statements::default();
    let originals = &settings.buckets.originals;
    statements.allow(
        "Upload",
        &["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:PutObject"],
        vec![arns.objects(originals, prefix)],
    );
    // To go on with an upload that was broken off.
    statements.allow(
        "FindUploads",
        &["s3:ListBucketMultipartUploads"],
        vec![arns.bucket(originals)],
    );
    let mut buckets = vec![originals];
    if let Some(ingest) = &settings.buckets.ingest {
        statements.allow("Announce", &["s3:PutObject"], vec![arns.objects(ingest, "jobs/")]);
        buckets.push(ingest);
    }
    // Parts are decrypted to be put together, so a multipart upload needs both.
    keys(&buckets, &["kms:Decrypt", "kms:GenerateDataKey"], &arns, &mut statements);
    statements.document()
}

fn storage(settings: &AwsSettings, arns: &Arns, statements: &mut Statements) {
    let buckets: Vec<_> = settings.buckets.iter().map(|(_, bucket)| bucket).collect();
    let names = buckets.iter().map(|bucket| arns.bucket(bucket)).collect();
    statements.allow(
        "ListBuckets",
        &["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"],
        names,
    );
    let objects = buckets.iter().map(|bucket| arns.objects(bucket, "")).collect();
    statements.allow(
        "ReadAndWriteObjects",
        &[
            "s3:AbortMultipartUpload",
            "s3:DeleteObject",
            "s3:GetObject",
            "s3:GetObjectAttributes",
            "s3:GetObjectTagging",
            "s3:ListMultipartUploadParts",
            "s3:PutObject",
            "s3:PutObjectTagging",
        ],
        objects,
    );
    let archived = std::iter::once(&settings.buckets.originals)
        .chain(&settings.buckets.archive)
        .map(|bucket| arns.objects(bucket, ""));
    statements.allow("Restore", &["s3:RestoreObject"], archived.collect());
    keys(&buckets, &["kms:Decrypt", "kms:GenerateDataKey"], arns, statements);
}

fn keys(buckets: &[&Bucket], actions: &[&str], arns: &Arns, statements: &mut Statements) {
    let mut named = Vec::new();
    let mut aliases = Vec::new();
    for bucket in buckets {
        match &bucket.encryption {
            Encryption::SseKms { key_id } if key_id.starts_with("alias/") => {
                aliases.push(Value::from(key_id.as_str()));
            }
            Encryption::SseKms { key_id } if key_id.starts_with("arn:") => {
                named.push(key_id.clone());
            }
            Encryption::SseKms { key_id } => named.push(arns.one("kms", &format!("key/{key_id}"))),
            Encryption::None | Encryption::SseS3 => {}
        }
    }
    statements.allow("UseKeys", actions, named);
    if !aliases.is_empty() {
        aliases.dedup();
        statements.allow("UseKeysByAlias", actions, vec![arns.one("kms", "key/*")]);
        statements.only_if(json!({"ForAnyValue:StringEquals": {"kms:ResourceAliases": aliases}}));
    }
}

fn mediaconvert(settings: &AwsSettings, arns: &Arns, statements: &mut Statements) {
    let Some(mediaconvert) = &settings.mediaconvert else { return };
    let queue = match mediaconvert.queue.as_deref() {
        Some(arn) if arn.starts_with("arn:") => arn.to_owned(),
        name => arns.one("mediaconvert", &format!("queues/{}", name.unwrap_or("Default"))),
    };
    let jobs = arns.one("mediaconvert", "jobs/*");
    statements.allow(
        "Transcode",
        &["mediaconvert:CreateJob", "mediaconvert:ListJobs"],
        vec![queue.clone()],
    );
    statements.allow(
        "FollowTranscodes",
        &["mediaconvert:CancelJob", "mediaconvert:GetJob", "mediaconvert:TagResource"],
        vec![jobs],
    );
    if let Some(template) = &mediaconvert.template {
        statements.allow(
            "UseTemplate",
            &["mediaconvert:CreateJob", "mediaconvert:GetJobTemplate"],
            vec![arns.one("mediaconvert", &format!("jobTemplates/{}", literal(template)))],
        );
    }
    statements.allow("Probe", &["mediaconvert:Probe"], vec!["*".to_owned()]);
    statements.pass("PassTranscodeRole", &mediaconvert.role_arn, "mediaconvert.amazonaws.com");
}

fn rekognition(rekognition: &Rekognition, arns: &Arns, statements: &mut Statements) {
    let mut actions: Vec<&str> =
        rekognition.kinds.iter().flat_map(|kind| detects(*kind)).copied().collect();
    actions.sort_unstable();
    actions.dedup();
    statements.allow("Look", &actions, vec!["*".to_owned()]);
    if let Some(collection) = &rekognition.collection {
        let faces = arns.one("rekognition", &format!("collection/{}", literal(collection)));
        statements.allow(
            "KnowFaces",
            &[
                "rekognition:DeleteFaces",
                "rekognition:DescribeCollection",
                "rekognition:IndexFaces",
                "rekognition:ListFaces",
                "rekognition:SearchFaces",
                "rekognition:SearchFacesByImage",
                "rekognition:StartFaceSearch",
            ],
            vec![faces],
        );
        statements.allow("MakeCollection", &["rekognition:CreateCollection"], vec!["*".to_owned()]);
    }
    if let Some(role) = &rekognition.role_arn {
        statements.pass("PassLookRole", role, "rekognition.amazonaws.com");
    }
}

/// The actions of a detection that no resource can be named for.
const fn detects(kind: Detection) -> &'static [&'static str] {
    match kind {
        Detection::Labels => &[
            "rekognition:DetectLabels",
            "rekognition:GetLabelDetection",
            "rekognition:StartLabelDetection",
        ],
        Detection::Faces => &[
            "rekognition:DetectFaces",
            "rekognition:GetFaceDetection",
            "rekognition:StartFaceDetection",
        ],
        Detection::Celebrities => &[
            "rekognition:GetCelebrityRecognition",
            "rekognition:RecognizeCelebrities",
            "rekognition:StartCelebrityRecognition",
        ],
        Detection::Text => &[
            "rekognition:DetectText",
            "rekognition:GetTextDetection",
            "rekognition:StartTextDetection",
        ],
        Detection::Moderation => &[
            "rekognition:DetectModerationLabels",
            "rekognition:GetContentModeration",
            "rekognition:StartContentModeration",
        ],
        Detection::Segments => {
            &["rekognition:GetSegmentDetection", "rekognition:StartSegmentDetection"]
        }
        Detection::FaceSearch => &["rekognition:GetFaceSearch"],
    }
}

fn transcribe(settings: &AwsSettings, arns: &Arns, statements: &mut Statements) {
    let Some(transcribe) = &settings.transcribe else { return };
    // Starting a job has no resource; where its result may go can be bound instead.
    statements.allow("Listen", &["transcribe:StartTranscriptionJob"], vec!["*".to_owned()]);
    let bucket = &settings.buckets.proxies.name;
    statements.only_if(json!({"StringEquals": {"transcribe:OutputBucketName": bucket}}));
    let jobs = format!("transcription-job/{}*", literal(&transcribe.name_prefix));
    statements.allow(
        "FollowListening",
        &["transcribe:DeleteTranscriptionJob", "transcribe:GetTranscriptionJob"],
        vec![arns.one("transcribe", &jobs)],
    );
    if let Some(role) = &transcribe.role_arn {
        statements.pass("PassListenRole", role, "transcribe.amazonaws.com");
    }
}

fn messages(settings: &AwsSettings, arns: &Arns, statements: &mut Statements) {
    if let Some(url) = &settings.events.queue_url {
        statements.allow(
            "Events",
            &[
                "sqs:ChangeMessageVisibility",
                "sqs:DeleteMessage",
                "sqs:GetQueueAttributes",
                "sqs:ReceiveMessage",
                "sqs:SendMessage",
            ],
            vec![arns.queue(url)],
        );
    }
    let told = &settings.notifications;
    if let Some(topic) = &told.topic_arn {
        statements.allow("Notify", &["sns:Publish"], vec![topic.clone()]);
    }
    if let Some(from) = &told.mail_from {
        // What SES has verified is the address or its whole domain.
        let domain = from.rsplit('@').next().unwrap_or(from);
        let identities =
            [from, domain].map(|name| arns.one("ses", &format!("identity/{}", literal(name))));
        statements.allow("Mail", &["ses:SendEmail"], identities.to_vec());
        statements.only_if(json!({"StringEquals": {"ses:FromAddress": from}}));
    }
}

fn tables(settings: &AwsSettings, arns: &Arns, statements: &mut Statements) {
    let tables = [&settings.runs.ingest_table, &settings.runs.delivery_table];
    let resources = tables.into_iter().flatten().flat_map(|table| {
        let table = arns.one("dynamodb", &format!("table/{table}"));
        let index = format!("{table}/index/due");
        [table, index]
    });
    statements.allow(
        "Runs",
        &[
            "dynamodb:ConditionCheckItem",
            "dynamodb:DeleteItem",
            "dynamodb:DescribeTable",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:Query",
            "dynamodb:UpdateItem",
        ],
        resources.collect(),
    );
}

fn vault(settings: &AwsSettings, arns: &Arns, statements: &mut Statements) {
    let Some(vault) = &settings.vault else { return };
    statements.allow(
        "Vault",
        &[
            "glacier:AbortMultipartUpload",
            "glacier:CompleteMultipartUpload",
            "glacier:DeleteArchive",
            "glacier:DescribeJob",
            "glacier:DescribeVault",
            "glacier:GetJobOutput",
            "glacier:InitiateJob",
            "glacier:InitiateMultipartUpload",
            "glacier:ListParts",
            "glacier:UploadArchive",
            "glacier:UploadMultipartPart",
        ],
        vec![arns.one("glacier", &format!("vaults/{}", literal(&vault.name)))],
    );
}

/// Text in which nothing is a wildcard or a variable of IAM.
fn literal(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut safe, character| {
        match character {
            '*' | '?' | '$' => {
                safe.push_str("${");
                safe.push(character);
                safe.push('}');
            }
            plain => safe.push(plain),
        }
        safe
    })
}

/// What every ARN of the configuration has in common.
struct Arns {
    partition: &'static str,
    region: String,
    account: String,
}

impl Arns {
    /// The account is that of the roles, topics and queue of the configuration; any where it names
    /// none.
    fn of(settings: &AwsSettings) -> Self {
        let arns = [
            settings.mediaconvert.as_ref().map(|s| s.role_arn.as_str()),
            settings.rekognition.as_ref().and_then(|s| s.role_arn.as_deref()),
            settings.transcribe.as_ref().and_then(|s| s.role_arn.as_deref()),
            settings.notifications.topic_arn.as_deref(),
        ];
        let account = arns.into_iter().flatten().find_map(|arn| arn.split(':').nth(4));
        let account = account.filter(|account| !account.is_empty()).unwrap_or("*").to_owned();
        let region = settings.region.clone().unwrap_or_else(|| "*".to_owned());
        let partition = if region.starts_with("cn-") {
            "aws-cn"
        } else if region.starts_with("us-gov-") {
            "aws-us-gov"
        } else {
            "aws"
        };
        Self { partition, region, account }
    }

    fn one(&self, service: &str, resource: &str) -> String {
        let Self { partition, region, account } = self;
        format!("arn:{partition}:{service}:{region}:{account}:{resource}")
    }

    fn bucket(&self, bucket: &Bucket) -> String {
        format!("arn:{}:s3:::{}", self.partition, bucket.name)
    }

    fn objects(&self, bucket: &Bucket, prefix: &str) -> String {
        let slash = if bucket.prefix.is_empty() { "" } else { "/" };
        let prefix = literal(&format!("{}{slash}{prefix}", bucket.prefix));
        format!("{}/{prefix}*", self.bucket(bucket))
    }

    /// The queue at `https://HOST/ACCOUNT/NAME`.
    fn queue(&self, url: &str) -> String {
        let mut parts = url.rsplit('/');
        let name = parts.next().unwrap_or_default();
        let account = parts.next().filter(|part| part.bytes().all(|b| b.is_ascii_digit()));
        let account = account.filter(|part| !part.is_empty()).unwrap_or(&self.account);
        format!("arn:{}:sqs:{}:{account}:{name}", self.partition, self.region)
    }
}

#[derive(Default)]
struct Statements(Vec<Map<String, Value>>);

impl Statements {
    /// Allows `actions` on `resources`; nothing where there are none of either.
    fn allow(&mut self, sid: &str, actions: &[&str], mut resources: Vec<String>) {
        resources.sort_unstable();
        resources.dedup();
        if actions.is_empty() || resources.is_empty() {
            return;
        }
        let mut statement = Map::new();
        statement.insert("Sid".to_owned(), sid.into());
        statement.insert("Effect".to_owned(), "Allow".into());
        statement.insert("Action".to_owned(), actions.into());
        statement.insert("Resource".to_owned(), resources.into());
        self.0.push(statement);
    }

    /// Binds what was allowed last to a condition.
    fn only_if(&mut self, condition: Value) {
        if let Some(last) = self.0.last_mut() {
            last.insert("Condition".to_owned(), condition);
        }
    }

    /// Allows a role to be handed to a service.
    fn pass(&mut self, sid: &str, role: &str, service: &str) {
        self.allow(sid, &["iam:PassRole"], vec![role.to_owned()]);
        self.only_if(json!({"StringEquals": {"iam:PassedToService": service}}));
    }

    fn document(self) -> Value {
        json!({"Version": "2012-10-17", "Statement": self.0})
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{CloudFront, MediaConvert, Transcribe, Vault};

    /// A configuration in which everything is switched on.
    fn everything() -> AwsSettings {
        let role = |name: &str| format!("arn:aws:iam::123456789012:role/{name}");
        let mut settings = AwsSettings::new("orig", "prox");
        let bucket = |name: &str| Bucket {
            name: name.to_owned(),
            prefix: "in".to_owned(),
            encryption: Encryption::SseS3,
        };
        settings.region = Some("eu-west-1".to_owned());
        settings.buckets.ingest = Some(bucket("ingest"));
        settings.buckets.archive = Some(bucket("cold"));
        settings.buckets.originals.encryption =
            Encryption::SseKms { key_id: "alias/media".to_owned() };
        settings.buckets.proxies.encryption = Encryption::SseKms { key_id: "1234abcd".to_owned() };
        settings.mediaconvert = Some(MediaConvert {
            role_arn: role("convert"),
            queue: Some("emam".to_owned()),
            template: Some("house".to_owned()),
            acceleration: Default::default(),
        });
        settings.rekognition = Some(Rekognition {
            topic_arn: Some("arn:aws:sns:eu-west-1:123456789012:AmazonRekognition-emam".to_owned()),
            role_arn: Some(role("look")),
            collection: Some("people".to_owned()),
            kinds: [&Detection::PLAIN[..], &[Detection::FaceSearch]].concat(),
            ..Rekognition::default()
        });
        settings.transcribe =
            Some(Transcribe { role_arn: Some(role("listen")), ..Transcribe::default() });
        settings.events.queue_url =
            Some("https://sqs.eu-west-1.amazonaws.com/123456789012/emam-events".to_owned());
        settings.notifications.topic_arn =
            Some("arn:aws:sns:eu-west-1:123456789012:emam".to_owned());
        settings.notifications.mail_from = Some("desk@example.org".to_owned());
        settings.runs.ingest_table = Some("emam-ingest".to_owned());
        settings.runs.delivery_table = Some("emam-delivery".to_owned());
        settings.cloudfront = Some(CloudFront {
            domain: "d.example".to_owned(),
            key_pair_id: "K1".to_owned(),
            private_key_file: "key.pem".into(),
        });
        settings.vault = Some(Vault { name: "tapes".to_owned() });
        settings
    }

    fn statements(document: &Value) -> &Vec<Value> {
        document["Statement"].as_array().unwrap()
    }

    fn texts(value: &Value) -> Vec<&str> {
        value.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
    }

    fn services(document: &Value) -> Vec<String> {
        let mut services: Vec<_> = statements(document)
            .iter()
            .flat_map(|statement| texts(&statement["Action"]))
            .map(|action| action.split(':').next().unwrap().to_owned())
            .collect();
        services.sort_unstable();
        services.dedup();
        services
    }

    #[test]
    fn nothing_is_allowed_by_wildcard_that_can_be_named() {
        let settings = everything();
        for document in [policy(&settings), panel(&settings), feeder(&settings, "truck-7/")] {
            for statement in statements(&document) {
                for action in texts(&statement["Action"]) {
                    assert!(!action.contains('*'), "{statement}");
                    let named = action.starts_with("rekognition:")
                        || ["mediaconvert:Probe", "transcribe:StartTranscriptionJob"]
                            .contains(&action);
                    assert!(named || !texts(&statement["Resource"]).contains(&"*"), "{statement}");
                }
                for resource in texts(&statement["Resource"]) {
                    let account = resource.split(':').nth(4);
                    assert!(account != Some("*"), "the account is known: {resource}");
                }
            }
        }
    }

    #[test]
    fn everything_switched_on_is_there_and_what_is_off_is_not() {
        let all = [
            "dynamodb",
            "glacier",
            "iam",
            "kms",
            "mediaconvert",
            "rekognition",
            "s3",
            "ses",
            "sns",
            "sqs",
            "transcribe",
        ];
        assert_eq!(services(&policy(&everything())), all);
        assert_eq!(services(&policy(&AwsSettings::new("orig", "prox"))), ["s3"]);
        let mut one = AwsSettings::new("orig", "prox");
        one.rekognition =
            Some(Rekognition { kinds: vec![Detection::Text], ..Rekognition::default() });
        let document = policy(&one);
        let look = statements(&document).iter().find(|s| s["Sid"] == "Look").unwrap();
        assert_eq!(
            texts(&look["Action"]),
            [
                "rekognition:DetectText",
                "rekognition:GetTextDetection",
                "rekognition:StartTextDetection"
            ],
        );
    }

    #[test]
    fn a_role_is_passed_to_its_service_only() {
        let document = policy(&everything());
        let passed: Vec<_> = statements(&document)
            .iter()
            .filter(|statement| texts(&statement["Action"]).contains(&"iam:PassRole"))
            .map(|s| s["Condition"]["StringEquals"]["iam:PassedToService"].as_str().unwrap())
            .collect();
        assert_eq!(
            passed,
            ["mediaconvert.amazonaws.com", "rekognition.amazonaws.com", "transcribe.amazonaws.com"]
        );
    }

    #[test]
    fn a_feeder_writes_under_its_prefix_and_reads_nothing() {
        let document = feeder(&everything(), "truck*/");
        let found = statements(&document);
        assert_eq!(found[0]["Resource"][0], "arn:aws:s3:::orig/truck${*}/*");
        assert_eq!(texts(&found[2]["Action"]), ["s3:PutObject"]);
        assert_eq!(found[2]["Resource"][0], "arn:aws:s3:::ingest/in/jobs/*");
        assert!(!document.to_string().contains("s3:GetObject"));
    }

    #[test]
    fn the_queue_is_that_of_its_address() {
        let document = policy(&everything());
        let events = statements(&document).iter().find(|s| s["Sid"] == "Events").unwrap();
        assert_eq!(events["Resource"][0], "arn:aws:sqs:eu-west-1:123456789012:emam-events");
    }

    #[test]
    fn a_sid_stands_once() {
        let document = policy(&everything());
        let mut sids: Vec<_> = statements(&document).iter().map(|s| s["Sid"].to_string()).collect();
        let count = sids.len();
        sids.sort_unstable();
        sids.dedup();
        assert_eq!(sids.len(), count);
    }
}
