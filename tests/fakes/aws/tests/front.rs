//! The S3 front before a real S3 server, driven by the AWS SDK. Runs where `EMAM_AWSIM_S3` names
//! the server (access key `test`, secret `testsecret`).

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use aws_config::BehaviorVersion;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Credentials, Region};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    ChecksumAlgorithm, ChecksumMode, ChecksumType, CompletedMultipartUpload, CompletedPart,
    GlacierJobParameters, RestoreRequest, StorageClass, Tag, Tagging, Tier,
};
use emam_awsim::clock::Clock;
use emam_awsim::front::{Announce, Front, Trouble};
use emam_awsim::service::Fault;
use emam_awsim::switches::Switches;
use emam_awsim::world::{Parts, World};
use serde_json::Value;

/// What was told.
#[derive(Debug, Default)]
struct Ear(Mutex<Vec<(String, Value)>>);

#[async_trait]
impl Announce for Ear {
    async fn s3_event(&self, detail_type: &str, detail: Value) {
        self.0.lock().unwrap().push((detail_type.to_owned(), detail));
    }
}

impl Ear {
    fn of(&self, key: &str) -> Vec<String> {
        let all = self.0.lock().unwrap();
        let mine = all.iter().filter(|event| event.1["object"]["key"] == key);
        mine.map(|event| event.0.clone()).collect()
    }

    fn last(&self, kind: &str) -> Value {
        let all = self.0.lock().unwrap();
        let last = all.iter().rev().find(|event| event.0 == kind);
        last.map(|event| event.1.clone()).unwrap_or_default()
    }
}

/// One fault for one operation, and one connection cut.
#[derive(Debug, Default)]
struct Imp {
    fault: Mutex<Option<(String, Fault)>>,
    cut: Mutex<Option<String>>,
}

impl Trouble for Imp {
    fn before(&self, _: &str, operation: &str) -> Option<Fault> {
        let mut fault = self.fault.lock().unwrap();
        let mine = fault.as_ref().is_some_and(|fault| fault.0 == operation);
        if mine { fault.take().map(|fault| fault.1) } else { None }
    }

    fn after(&self, _: &str, operation: &str) -> bool {
        let mut cut = self.cut.lock().unwrap();
        let mine = cut.as_deref() == Some(operation);
        if mine {
            *cut = None;
        }
        mine
    }
}

impl Imp {
    fn fault(&self, operation: &str, status: u16, code: &str) {
        let fault = Fault::new(status, code, "on purpose");
        *self.fault.lock().unwrap() = Some((operation.to_owned(), fault));
    }
}

struct Account {
    url: String,
    bucket: String,
    world: Arc<World>,
    front: Arc<Front>,
    ear: Arc<Ear>,
    imp: Arc<Imp>,
    s3: Client,
}

fn client(url: &str, key: &str, secret: &str, region: &'static str) -> Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(url)
        .force_path_style(true)
        .region(Region::new(region))
        .credentials_provider(Credentials::new(key, secret, None, None, "test"))
        .retry_config(aws_sdk_s3::config::retry::RetryConfig::disabled());
    Client::from_conf(config.build())
}

/// An account with a bucket of its own; `None` where there is no server to be before.
async fn account(test: &str) -> Option<Account> {
    let Ok(backing) = std::env::var("EMAM_AWSIM_S3") else {
        let line = format!("skipped: front::{test}: EMAM_AWSIM_S3 names no S3 server");
        eprintln!("{line}");
        if let Some(log) = std::env::var_os("EMAM_SKIP_LOG") {
            let mut log = std::fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
            writeln!(log, "{line}").unwrap();
        }
        return None;
    };
    let sqs = aws_sdk_sqs::Config::builder().behavior_version_latest().build();
    let world = Arc::new(World::new(Parts {
        clock: Clock::new(1.0),
        s3: client(&backing, "test", "testsecret", "us-east-1"),
        sqs: aws_sdk_sqs::Client::from_conf(sqs),
        events_queue: None,
        ffmpeg: "ffmpeg".into(),
        ffprobe: "ffprobe".into(),
        scratch: std::env::temp_dir(),
    }));
    let (ear, imp) = (Arc::new(Ear::default()), Arc::new(Imp::default()));
    let (told, caused): (Arc<dyn Announce>, Arc<dyn Trouble>) =
        (Arc::<Ear>::clone(&ear), Arc::<Imp>::clone(&imp));
    let front = Arc::new(Front::new(Arc::clone(&world), &backing, told, caused).unwrap());
    let answers = Arc::clone(&front);
    let router = axum::Router::new().fallback(move |request: axum::extract::Request| {
        let front = Arc::clone(&answers);
        async move { front.handle(request).await }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let s3 = client(&url, "test", "testsecret", "us-east-1");
    let moment = jiff::Timestamp::now().as_millisecond();
    let bucket = format!("front-{}-{moment}", test.replace('_', "-"));
    s3.create_bucket().bucket(&bucket).send().await.unwrap();
    Some(Account { url, bucket, world, front, ear, imp, s3 })
}

impl Account {
    async fn put(&self, key: &str, body: &[u8], class: Option<StorageClass>) {
        let put = self.s3.put_object().bucket(&self.bucket).key(key).set_storage_class(class);
        put.body(ByteStream::from(body.to_vec())).send().await.unwrap();
    }

    async fn get(&self, key: &str) -> Result<Vec<u8>, String> {
        let get = self.s3.get_object().bucket(&self.bucket).key(key);
        let answer = get.checksum_mode(ChecksumMode::Enabled).send().await.map_err(code)?;
        let body = answer.body.collect().await.map_err(|why| why.to_string())?;
        Ok(body.into_bytes().to_vec())
    }

    async fn restore(&self, key: &str, tier: Tier, days: Option<i32>) -> Result<(), String> {
        let parameters = GlacierJobParameters::builder().tier(tier).build().unwrap();
        let request =
            RestoreRequest::builder().set_days(days).glacier_job_parameters(parameters).build();
        let restore = self.s3.restore_object().bucket(&self.bucket).key(key);
        restore.restore_request(request).send().await.map(|_| ()).map_err(code)
    }

    /// Storage class and restore header.
    async fn head(&self, key: &str) -> (Option<String>, Option<String>) {
        let head = self.s3.head_object().bucket(&self.bucket).key(key).send().await.unwrap();
        (head.storage_class().map(|class| class.to_string()), head.restore().map(str::to_owned))
    }

    async fn listed(&self) -> Vec<(String, String)> {
        let list = self.s3.list_objects_v2().bucket(&self.bucket).send().await.unwrap();
        let row = |object: &aws_sdk_s3::types::Object| {
            let class = object.storage_class().map(|class| class.to_string());
            (object.key().unwrap_or_default().to_owned(), class.unwrap_or_default())
        };
        list.contents().iter().map(row).collect()
    }

    fn pass(&self, hours: u64) {
        self.world.clock.advance(Duration::from_secs(hours * 3600));
    }

    fn switch(&self, set: impl FnOnce(&mut Switches)) {
        let mut switches = Switches::default();
        set(&mut switches);
        self.world.set_switches(switches);
    }
}

fn code<E, R>(failed: SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata + std::fmt::Debug,
    R: std::fmt::Debug,
{
    match failed.code() {
        Some(code) => code.to_owned(),
        None => format!("{failed:?}").chars().take(300).collect(),
    }
}

macro_rules! account {
    ($name:literal) => {
        match account($name).await {
            Some(account) => account,
            None => return,
        }
    };
}

#[tokio::test]
async fn archived_objects_are_restored_by_the_clock() {
    let it = account!("restore");
    let key = "a b/ü&+%.mov";
    it.put(key, b"hello", Some(StorageClass::Glacier)).await;
    assert_eq!(it.head(key).await, (Some("GLACIER".into()), None));
    assert_eq!(it.listed().await, [(key.to_owned(), "GLACIER".to_owned())]);
    assert_eq!(it.get(key).await, Err("InvalidObjectState".to_owned()));

    it.restore(key, Tier::Bulk, Some(1)).await.unwrap();
    assert_eq!(it.restore(key, Tier::Bulk, Some(1)).await, Err("RestoreAlreadyInProgress".into()));
    it.restore(key, Tier::Expedited, Some(1)).await.unwrap();
    assert_eq!(it.head(key).await.1.as_deref(), Some("ongoing-request=\"true\""));
    assert_eq!(it.get(key).await, Err("InvalidObjectState".to_owned()));

    it.world.clock.advance(Duration::from_secs(181));
    assert_eq!(it.get(key).await.as_deref(), Ok(&b"hello"[..]));
    let restored = it.head(key).await.1.unwrap();
    assert!(restored.starts_with("ongoing-request=\"false\", expiry-date=\""), "{restored}");
    assert!(restored.ends_with("00:00:00 GMT\""), "{restored}");
    it.restore(key, Tier::Standard, Some(9)).await.unwrap();
    assert_ne!(it.head(key).await.1.unwrap(), restored);

    it.pass(24 * 11);
    it.front.tick().await;
    assert_eq!(it.get(key).await, Err("InvalidObjectState".to_owned()));
    let told = [
        "Object Created",
        "Object Restore Initiated",
        "Object Restore Initiated",
        "Object Restore Completed",
        "Object Restore Expired",
    ];
    assert_eq!(it.ear.of(key), told);
    let completed = it.ear.last("Object Restore Completed");
    assert_eq!(completed["source-storage-class"], "GLACIER");
    assert_eq!(completed["object"]["size"], 5);
    assert_eq!(completed["bucket"]["name"], *it.bucket);
}

#[tokio::test]
async fn what_cannot_be_restored_is_refused_as_s3_refuses_it() {
    let it = account!("refused");
    it.put("standard", b"1", None).await;
    it.put("deep", b"1", Some(StorageClass::DeepArchive)).await;
    it.put("instant", b"1", Some(StorageClass::GlacierIr)).await;
    it.put("clever", b"1", Some(StorageClass::IntelligentTiering)).await;
    let refused = |key, tier, days| it.restore(key, tier, days);
    let state = Err("InvalidObjectState".to_owned());
    assert_eq!(refused("standard", Tier::Bulk, Some(1)).await, state);
    assert_eq!(refused("instant", Tier::Bulk, Some(1)).await, state);
    assert_eq!(it.get("instant").await.as_deref(), Ok(&b"1"[..]));
    assert_eq!(refused("nothing", Tier::Bulk, Some(1)).await, Err("NoSuchKey".into()));
    let invalid = Err("InvalidArgument".to_owned());
    assert_eq!(refused("deep", Tier::Expedited, Some(1)).await, invalid);
    assert_eq!(refused("deep", Tier::Standard, Some(0)).await, invalid);
    let malformed = Err("MalformedXML".to_owned());
    assert_eq!(refused("deep", Tier::Standard, None).await, malformed);
    assert_eq!(refused("deep", Tier::from("Slow"), Some(1)).await, malformed);
    let active = Err("ObjectAlreadyInActiveTierError".to_owned());
    assert_eq!(refused("clever", Tier::Standard, None).await, active);

    let never = "GlacierExpeditedRetrievalNotAvailable";
    it.put("cold", b"1", Some(StorageClass::Glacier)).await;
    it.imp.fault("RestoreObject", 503, never);
    assert_eq!(refused("cold", Tier::Expedited, Some(1)).await, Err(never.to_owned()));
    it.imp.fault("RestoreObject", 503, never);
    assert_eq!(refused("cold", Tier::Standard, Some(1)).await, Ok(()));
}

#[tokio::test]
async fn a_copy_onto_itself_changes_the_class_and_keeps_the_rest() {
    let it = account!("copy");
    let put = it.s3.put_object().bucket(&it.bucket).key("k").body(ByteStream::from_static(b"x"));
    put.metadata("emam-md5", "m").content_type("video/mp4").send().await.unwrap();
    let copy = |to: &'static str, class| {
        let source = format!("{}/k", it.bucket);
        let copy = it.s3.copy_object().bucket(&it.bucket).key(to).copy_source(source);
        copy.storage_class(class).send()
    };
    let copied = copy("k", StorageClass::DeepArchive).await.unwrap();
    assert!(copied.copy_object_result().and_then(|result| result.e_tag()).is_some());
    let head = it.s3.head_object().bucket(&it.bucket).key("k").send().await.unwrap();
    assert_eq!(head.storage_class(), Some(&StorageClass::DeepArchive));
    assert_eq!(head.content_type(), Some("video/mp4"));
    assert_eq!(head.metadata().and_then(|all| all.get("emam-md5")).unwrap(), "m");
    assert_eq!(it.get("k").await, Err("InvalidObjectState".into()));
    let refused = copy("other", StorageClass::Standard).await.map(|_| ()).map_err(code);
    assert_eq!(refused, Err("ObjectNotInActiveTierError".into()));

    it.restore("k", Tier::Standard, Some(1)).await.unwrap();
    it.pass(13);
    copy("other", StorageClass::Standard).await.unwrap();
    copy("k", StorageClass::Standard).await.unwrap();
    assert_eq!(it.head("k").await, (None, None));
    assert_eq!(it.get("other").await.as_deref(), Ok(&b"x"[..]));
    assert_eq!(it.ear.last("Object Created")["reason"], "CopyObject");
    it.pass(1000);
    assert_eq!(it.get("k").await.as_deref(), Ok(&b"x"[..]));
}

#[tokio::test]
async fn the_archive_tag_moves_an_object_after_a_day() {
    let it = account!("tag");
    it.put("k", b"x", None).await;
    let tag = |value: &str| {
        let tag = Tag::builder().key("emam:archive").value(value).build().unwrap();
        let tagging = Tagging::builder().tag_set(tag).build().unwrap();
        it.s3.put_object_tagging().bucket(&it.bucket).key("k").tagging(tagging).send()
    };
    tag("DEEP_ARCHIVE").await.unwrap();
    it.s3.delete_object_tagging().bucket(&it.bucket).key("k").send().await.unwrap();
    it.pass(25);
    assert_eq!(it.head("k").await.0, None, "the tag was taken away in time");
    tag("true").await.unwrap();
    it.pass(23);
    assert_eq!(it.get("k").await.as_deref(), Ok(&b"x"[..]));
    it.pass(2);
    it.front.tick().await;
    assert_eq!(it.head("k").await.0.as_deref(), Some("GLACIER"));
    assert_eq!(it.listed().await, [("k".to_owned(), "GLACIER".to_owned())]);
    assert_eq!(it.get("k").await, Err("InvalidObjectState".into()));
    let told = it.ear.last("Object Storage Class Changed");
    assert_eq!(told["destination-storage-class"], "GLACIER");

    it.s3.delete_object().bucket(&it.bucket).key("k").send().await.unwrap();
    it.put("k", b"new", None).await;
    assert_eq!(it.get("k").await.as_deref(), Ok(&b"new"[..]));
    assert_eq!(it.ear.of("k").iter().filter(|kind| *kind == "Object Deleted").count(), 1);
}

#[tokio::test]
async fn versions_have_classes_of_their_own() {
    let it = account!("versions");
    use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
    let on = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    let ask = it.s3.put_bucket_versioning().bucket(&it.bucket);
    ask.versioning_configuration(on).send().await.unwrap();
    it.put("k", b"one", Some(StorageClass::Glacier)).await;
    it.put("k", b"two", None).await;
    assert_eq!(it.get("k").await.as_deref(), Ok(&b"two"[..]));
    let list = it.s3.list_object_versions().bucket(&it.bucket).send().await.unwrap();
    let old = list.versions().iter().find(|version| version.is_latest() != Some(true)).unwrap();
    let get = it
        .s3
        .get_object()
        .bucket(&it.bucket)
        .key("k")
        .set_version_id(old.version_id().map(str::to_owned));
    let refused = get.send().await.map(|_| ()).map_err(code);
    assert_eq!(refused, Err("InvalidObjectState".into()));
    it.s3.delete_object().bucket(&it.bucket).key("k").send().await.unwrap();
    assert_eq!(it.ear.last("Object Deleted")["deletion-type"], "Delete Marker Created");
}

#[tokio::test]
async fn large_uploads_stream_through_with_their_checksums() {
    let it = account!("multipart");
    let bytes: Vec<u8> =
        (0..6 << 20_u32).map(|n: u32| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let create = it.s3.create_multipart_upload().bucket(&it.bucket).key("big");
    let create = create.checksum_algorithm(ChecksumAlgorithm::Crc64Nvme);
    let create = create.checksum_type(ChecksumType::FullObject);
    let created = create.storage_class(StorageClass::Glacier).send().await.unwrap();
    let id = created.upload_id().unwrap();
    let mut parts = Vec::new();
    for (number, part) in [(1, &bytes[..5 << 20]), (2, &bytes[5 << 20..])] {
        let path = std::env::temp_dir().join(format!("{}-{number}", it.bucket));
        std::fs::write(&path, part).unwrap();
        // A body from a file goes out as aws-chunked with a checksum in the trailer.
        let body = ByteStream::from_path(&path).await.unwrap();
        let send = it.s3.upload_part().bucket(&it.bucket).key("big").upload_id(id);
        let send = send.checksum_algorithm(ChecksumAlgorithm::Crc64Nvme).part_number(number);
        let sent = send.body(body).send().await.unwrap();
        std::fs::remove_file(&path).unwrap();
        let part = CompletedPart::builder().part_number(number);
        let part = part.set_e_tag(sent.e_tag().map(str::to_owned));
        let sum = sent.checksum_crc64_nvme().map(str::to_owned);
        parts.push(part.set_checksum_crc64_nvme(sum).build());
    }
    let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
    let complete = || {
        let ask = it.s3.complete_multipart_upload().bucket(&it.bucket).key("big").upload_id(id);
        ask.checksum_type(ChecksumType::FullObject).multipart_upload(parts.clone()).send()
    };
    it.imp.fault("CompleteMultipartUpload", 200, "InternalError");
    let failed = complete().await.map(|_| ()).map_err(code);
    assert_eq!(failed, Err("InternalError".into()));
    let done = complete().await.unwrap();
    assert!(done.checksum_crc64_nvme().is_some());
    assert_eq!(it.head("big").await.0.as_deref(), Some("GLACIER"));
    let told = it.ear.last("Object Created");
    assert_eq!(told["reason"], "CompleteMultipartUpload");
    assert_eq!(told["object"]["size"], bytes.len());
    it.restore("big", Tier::Expedited, Some(1)).await.unwrap();
    it.pass(1);
    assert!(it.get("big").await.unwrap() == bytes);
}

#[tokio::test]
async fn trouble_arrives_as_asked() {
    let it = account!("trouble");
    it.put("k", &[7; 100_000], None).await;
    it.imp.fault("GetObject", 400, "ThrottlingException");
    assert_eq!(it.get("k").await, Err("SlowDown".into()));
    it.imp.fault("PutObject", 403, "AccessDenied");
    let put = || {
        let put = it.s3.put_object().bucket(&it.bucket).key("n");
        put.body(ByteStream::from_static(b"1")).send()
    };
    assert_eq!(put().await.map(|_| ()).map_err(code), Err("AccessDenied".into()));

    *it.imp.cut.lock().unwrap() = Some("PutObject".into());
    let cut = put().await.unwrap_err();
    assert!(matches!(cut, SdkError::DispatchFailure(_)), "no byte of an answer: {cut:?}");
    assert_eq!(it.get("n").await.as_deref(), Ok(&b"1"[..]), "the work was done");

    it.switch(|switches| switches.cut_gets = 1.0);
    let get = it.s3.get_object().bucket(&it.bucket).key("k").send().await.unwrap();
    assert!(get.body.collect().await.is_err());
    it.switch(|switches| switches.corrupt_gets = 1.0);
    let wrong = it.get("k").await.unwrap_err();
    assert!(!wrong.is_empty(), "the SDK sees the checksum: {wrong}");
    it.switch(|switches| switches.corrupt_puts = 1.0);
    let put =
        it.s3.put_object().bucket(&it.bucket).key("bad").content_md5("1B2M2Y8AsgTpgAmY7PhCfg==");
    assert!(put.body(ByteStream::from_static(b"x")).send().await.is_err());
    it.switch(|switches| {
        switches.corrupt_gets = 1.0;
        switches.services = vec!["glacier".into()];
    });
    assert_eq!(it.get("k").await.unwrap().len(), 100_000);

    it.switch(|switches| switches.slow_bytes_s = 200_000);
    let begin = std::time::Instant::now();
    assert_eq!(it.get("k").await.unwrap().len(), 100_000);
    assert!(begin.elapsed() >= Duration::from_millis(450), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn wrong_settings_are_told_apart() {
    let it = account!("settings");
    let list = |client: Client, bucket: String| async move {
        client.list_objects_v2().bucket(bucket).send().await.map(|_| ()).map_err(code)
    };
    let bucket = it.bucket.clone();
    assert_eq!(list(it.s3.clone(), "other-region".into()).await, Err("PermanentRedirect".into()));
    assert_eq!(list(it.s3.clone(), "not-ours".into()).await, Err("AccessDenied".into()));
    assert_eq!(list(it.s3.clone(), "nowhere".into()).await, Err("NoSuchBucket".into()));
    for (key, secret, told) in [
        ("EXPIRED", "x", "ExpiredToken"),
        ("SKEWED", "x", "RequestTimeTooSkewed"),
        ("test", "wrong", "SignatureDoesNotMatch"),
    ] {
        let other = client(&it.url, key, secret, "us-east-1");
        assert_eq!(list(other, bucket.clone()).await, Err(told.into()), "{key}");
    }
    let moved = it.s3.head_bucket().bucket("other-region").send().await.unwrap_err();
    let raw = moved.raw_response().unwrap();
    assert_eq!(raw.status().as_u16(), 301);
    assert_eq!(raw.headers().get("x-amz-bucket-region"), Some("eu-west-1"));
}
