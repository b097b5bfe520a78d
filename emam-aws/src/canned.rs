//! A service with canned answers, for tests of what we send and how we take what comes back.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use bytes::Bytes;
use emam_core::Result;
use emam_core::backend::{
    AnalysisRequest, CopyOptions, GetOptions, Key, MediaSource, Object, Outcome, Part,
    PresignRequest, Presigned, PutFileOptions, PutOptions, Stat, Storage, StorageCapabilities,
    Upload,
};
use emam_core::memory::MemoryStorage;
use emam_core::model::{AnnotationKind, AssetKind, Page, PageRequest, Technical};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What the service was asked: operation and input. Where a service has no names of operations on the
/// wire it is the method and the path.
pub(crate) type Call = (String, Value);

/// What is answered: a reply, or a status and a code, with `: ` and a message where it matters.
pub(crate) type Answered = std::result::Result<Value, (u16, &'static str)>;

type Answer = dyn Fn(&str, &Value, usize) -> Answered + Send + Sync;

/// A service that answers by a function of the operation, its input and how many calls there were
/// before.
pub(crate) struct Canned {
    url: String,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Canned {
    pub(crate) async fn start(
        answer: impl Fn(&str, &Value, usize) -> Answered + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (calls, answer) = (Arc::<Mutex<Vec<Call>>>::default(), Arc::new(answer));
        let seen = Arc::clone(&calls);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
                tokio::spawn(async move { serve(stream, &*answer, &seen).await });
            }
        });
        Self { url, calls }
    }

    /// The way to this service.
    pub(crate) async fn config(&self) -> SdkConfig {
        aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("test", "testsecret", None, None, "test"))
            .endpoint_url(&self.url)
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .load()
            .await
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    /// The names of the operations that were called, in order.
    pub(crate) fn operations(&self) -> Vec<String> {
        self.calls().into_iter().map(|(operation, _)| operation).collect()
    }
}

async fn serve(stream: TcpStream, answer: &Answer, seen: &Mutex<Vec<Call>>) {
    let mut stream = BufReader::new(stream);
    loop {
        let (mut operation, mut length, mut line) = (String::new(), 0, String::new());
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        // Services without targets are called by method and path.
        if let Some((call, _)) = line.rsplit_once(' ') {
            call.split('?').next().unwrap_or_default().clone_into(&mut operation);
        }
        loop {
            line.clear();
            if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                return;
            }
            let Some((name, value)) = line.trim().split_once(": ") else {
                if line.trim().is_empty() {
                    break;
                }
                continue;
            };
            match name.to_lowercase().as_str() {
                "x-amz-target" => value.rsplit('.').next().unwrap().clone_into(&mut operation),
                "content-length" => length = value.parse().unwrap(),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        let input: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let before = {
            let mut seen = seen.lock().unwrap();
            seen.push((operation.clone(), input.clone()));
            seen.len() - 1
        };
        let mut fault = String::new();
        let (status, body) = match answer(&operation, &input, before) {
            Ok(body) => (200, body),
            Err((status, refused)) => {
                let (code, said) =
                    refused.split_once(": ").unwrap_or((refused, "as the service says"));
                fault = format!("x-amzn-errortype: {code}\r\n");
                (status, json!({ "__type": code, "message": said }))
            }
        };
        let body = body.to_string();
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/x-amz-json-1.1\r\n\
             {fault}content-length: {}\r\n\r\n",
            body.len()
        );
        let all = head + &body;
        if stream.write_all(all.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// A storage in memory that says it is a bucket.
#[derive(Debug, Default)]
pub(crate) struct Bucket(MemoryStorage);

#[async_trait]
impl Storage for Bucket {
    fn capabilities(&self) -> StorageCapabilities {
        self.0.capabilities()
    }
    async fn put(&self, key: &Key, body: Bytes, options: PutOptions) -> Result<Stat> {
        self.0.put(key, body, options).await
    }
    async fn put_file(&self, key: &Key, file: &Path, options: PutFileOptions) -> Result<Stat> {
        self.0.put_file(key, file, options).await
    }
    async fn get(&self, key: &Key, options: GetOptions) -> Result<Object> {
        self.0.get(key, options).await
    }
    async fn stat(&self, key: &Key) -> Result<Stat> {
        self.0.stat(key).await
    }
    async fn list(&self, prefix: Option<&Key>, page: PageRequest) -> Result<Page<Stat>> {
        self.0.list(prefix, page).await
    }
    async fn copy(&self, from: &Key, to: &Key, options: CopyOptions) -> Result<Stat> {
        self.0.copy(from, to, options).await
    }
    async fn delete(&self, keys: &[Key]) -> Result<Vec<Outcome>> {
        self.0.delete(keys).await
    }
    async fn presign(&self, request: PresignRequest) -> Result<Presigned> {
        self.0.presign(request).await
    }
    fn part_size(&self, size: u64) -> usize {
        self.0.part_size(size)
    }
    fn part_checksum(&self, body: &[u8]) -> Option<String> {
        self.0.part_checksum(body)
    }
    async fn upload_begin(&self, key: &Key, options: PutOptions) -> Result<Upload> {
        self.0.upload_begin(key, options).await
    }
    async fn upload_part(&self, upload: &Upload, number: u32, body: Bytes) -> Result<Part> {
        self.0.upload_part(upload, number, body).await
    }
    async fn uploads(&self, key: &Key) -> Result<Vec<Upload>> {
        self.0.uploads(key).await
    }
    async fn upload_parts(&self, upload: &Upload) -> Result<Vec<Part>> {
        self.0.upload_parts(upload).await
    }
    async fn upload_complete(&self, upload: &Upload) -> Result<Stat> {
        self.0.upload_complete(upload).await
    }
    async fn upload_abort(&self, upload: &Upload) -> Result<()> {
        self.0.upload_abort(upload).await
    }
    fn local_path(&self, _: &Key) -> Option<PathBuf> {
        None
    }
    fn uri(&self, key: &Key) -> Option<String> {
        Some(format!("s3://bucket/{key}"))
    }
}

/// A request about `key` of a bucket, which is as `technical` says.
pub(crate) fn request(
    bucket: &Arc<Bucket>,
    key: &str,
    technical: Technical,
    kinds: &[AnnotationKind],
) -> AnalysisRequest {
    let storage: Arc<dyn Storage> = Arc::<Bucket>::clone(bucket);
    AnalysisRequest {
        source: MediaSource {
            storage: Arc::clone(&storage),
            key: key.parse().unwrap(),
            size: 1_000_000,
            file_name: "A001.mov".to_owned(),
        },
        technical,
        kinds: kinds.to_vec(),
        destination: storage,
        prefix: "asset/version".parse().unwrap(),
    }
}

/// Media of `kind` that lasts `seconds`: with sound at 48 kHz, and for a video with frames at 25 a
/// second.
pub(crate) fn technical(kind: AssetKind, seconds: i64) -> Technical {
    let video = json!([{
        "index": 0, "codec": "h264", "width": 640, "height": 360,
        "pixel_aspect": { "num": 1, "den": 1 }, "rate": "25", "frames": seconds * 25,
    }]);
    let audio = json!([{ "index": 1, "codec": "aac", "sample_rate": 48_000, "channels": 2 }]);
    let none = json!([]);
    serde_json::from_value(json!({
        "kind": kind,
        "container": {
            "format": "mov",
            "size": 2_000_000,
            "duration": { "value": seconds * 1_000_000, "rate": "1000000" },
        },
        "video": if kind == AssetKind::Video { video } else { none.clone() },
        "audio": if kind == AssetKind::Image { none } else { audio },
    }))
    .unwrap()
}
