//! What the tests of the services share.

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::Response;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::clock::Clock;
use crate::completion::{Completion, GlacierDone, RekognitionDone, TranscribeDone};
use crate::service::Service;
use crate::world::{Parts, World};

/// A world whose time runs `factor` times as fast, without S3 and SQS.
pub(crate) fn world(factor: f64) -> Arc<World> {
    let latest = aws_sdk_s3::config::BehaviorVersion::latest();
    let s3 = aws_sdk_s3::Config::builder().behavior_version(latest).build();
    let latest = aws_sdk_sqs::config::BehaviorVersion::latest();
    let sqs = aws_sdk_sqs::Config::builder().behavior_version(latest).build();
    let parts = Parts {
        clock: Clock::new(factor),
        s3: aws_sdk_s3::Client::from_conf(s3),
        sqs: aws_sdk_sqs::Client::from_conf(sqs),
        events_queue: None,
        ffmpeg: "ffmpeg".into(),
        ffprobe: "ffprobe".into(),
        scratch: std::env::temp_dir(),
    };
    Arc::new(World::new(parts))
}

/// Keeps what was told, in order.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    told: Mutex<Vec<Value>>,
}

impl Heard {
    pub(crate) fn told(&self) -> Vec<Value> {
        self.told.lock().unwrap().clone()
    }
}

#[async_trait]
impl Completion for Heard {
    async fn rekognition_done(&self, done: &RekognitionDone) {
        let told = json!({"topic": done.topic_arn, "message": done.message()});
        self.told.lock().unwrap().push(told);
    }

    async fn transcribe_done(&self, done: &TranscribeDone) {
        self.told.lock().unwrap().push(done.detail());
    }

    async fn glacier_done(&self, done: &GlacierDone) {
        let told = json!({"topic": done.topic_arn, "message": done.message});
        self.told.lock().unwrap().push(told);
    }
}

/// Asks again until there is an answer, for at most 20 s.
pub(crate) async fn until<T>(mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..4000 {
        if let Some(answer) = ask().await {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("nothing came within 20 s");
}

/// Media made by ffmpeg; `None`, told aloud, where there is no ffmpeg.
pub(crate) async fn ffmpeg(arguments: &str, name: &str) -> Option<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error"]).args(arguments.split_whitespace()).arg(&file);
    match command.status().await {
        Ok(status) => assert!(status.success(), "ffmpeg {arguments}"),
        Err(error) => {
            eprintln!("skipped: no ffmpeg ({error})");
            return None;
        }
    }
    Some(read(&file))
}

fn read(file: &Path) -> Vec<u8> {
    std::fs::read(file).unwrap()
}

/// Serves a handler on a port of this machine.
pub(crate) async fn serve<F, H>(handler: H) -> String
where
    H: Fn(axum::http::request::Parts, bytes::Bytes) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<bytes::Bytes>> + Send + 'static,
{
    let app = Router::new().fallback(move |request: Request| {
        let handler = handler.clone();
        async move {
            let (parts, body) = request.into_parts();
            let body = to_bytes(body, usize::MAX).await.unwrap();
            handler(parts, body).await.map(Body::from)
        }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}")
}

/// Serves a service in the JSON 1.1 form.
pub(crate) async fn serve_json(service: Arc<dyn Service>) -> String {
    serve(move |parts, body| {
        let service = Arc::clone(&service);
        async move {
            let target = parts.headers["x-amz-target"].to_str().unwrap();
            let operation = target.rsplit('.').next().unwrap();
            let input = serde_json::from_slice(&body).unwrap();
            let (status, body) = match service.call(operation, input).await {
                Ok(answer) => (200, answer),
                Err(fault) => {
                    (fault.status, json!({"__type": fault.code, "message": fault.message}))
                }
            };
            let answer = Response::builder().status(status);
            let answer = answer.header("content-type", "application/x-amz-json-1.1");
            answer.body(body.to_string().into()).unwrap()
        }
    })
    .await
}

/// The settings of an SDK client for a service under `$url`.
macro_rules! client {
    ($sdk:ident, $url:expr) => {{
        let http = aws_smithy_http_client::Builder::new().build_http();
        let credentials =
            aws_credential_types::Credentials::new("test", "test", None, None, "tests");
        let config = $sdk::Config::builder()
            .behavior_version($sdk::config::BehaviorVersion::latest())
            .region($sdk::config::Region::new("us-east-1"))
            .credentials_provider(credentials)
            .retry_config($sdk::config::retry::RetryConfig::disabled())
            .http_client(http)
            .endpoint_url($url)
            .build();
        $sdk::Client::from_conf(config)
    }};
}
pub(crate) use client;
