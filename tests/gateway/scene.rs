//! A library with a gateway before it, and clients to it: one that behaves, one that need not.

// Each test takes what it needs of this.
#![allow(dead_code)]

use std::path::PathBuf;
use std::time::Duration;

use emam_core::Library;
use emam_core::gateway::{Gateway, GatewayOptions, Server};
use emam_core::model::Asset;
use emam_core::workflow::IngestOptions;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) struct Scene {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) library: Library,
    pub(crate) gateway: Gateway,
    pub(crate) server: Server,
    pub(crate) client: Client,
}

impl Scene {
    pub(crate) async fn open() -> Self {
        Self::with(GatewayOptions::default()).await
    }

    pub(crate) async fn with(options: GatewayOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::over(folder, |_| options).await
    }

    pub(crate) async fn over(
        folder: tempfile::TempDir,
        options: impl FnOnce(&std::path::Path) -> GatewayOptions,
    ) -> Self {
        let library = Library::open(folder.path().join("library")).await.unwrap();
        let gateway = Gateway::new(library.clone(), options(folder.path())).unwrap();
        let server = gateway.serve("127.0.0.1:0").await.unwrap();
        let client = Client::builder().no_proxy().build().unwrap();
        Self { folder, library, gateway, server, client }
    }

    /// Ends as a process that is stopped, and gives back its folder.
    pub(crate) async fn end(self) -> tempfile::TempDir {
        self.server.shutdown().await;
        self.library.close().await;
        self.folder
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        self.client.request(method, format!("{}{path}", self.server.url()))
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.request("GET", path).send().await.unwrap()
    }

    pub(crate) fn call(&self, operation: &str, params: &str) -> RequestBuilder {
        self.request("POST", &format!("/v1/{operation}"))
            .header("content-type", "application/json")
            .body(params.to_owned())
    }

    pub(crate) async fn result(&self, operation: &str, params: &str) -> Value {
        let response = self.call(operation, params).send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        assert_eq!(status, StatusCode::OK, "{operation}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    pub(crate) async fn ingest(&self, file: PathBuf) -> Asset {
        let run = self.library.assets().ingest(file, IngestOptions::default()).await.unwrap();
        run.join().await.unwrap()
    }

    /// A small sound as an asset.
    pub(crate) async fn tone(&self, pitch: u16) -> Asset {
        let file = self.folder.path().join(format!("tone {pitch}.wav"));
        std::fs::write(&file, emam_tests::bytes::wav(100, pitch)).unwrap();
        self.ingest(file).await
    }

    /// A connection on which anything can be said.
    pub(crate) async fn connect(&self) -> Wire {
        Wire(TcpStream::connect(self.server.address()).await.unwrap())
    }
}

/// A connection on which anything can be said.
pub(crate) struct Wire(pub(crate) TcpStream);

impl Wire {
    pub(crate) async fn say(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// All that is said until the other side closes.
    pub(crate) async fn hear(&mut self) -> String {
        let mut heard = Vec::new();
        let reading = self.0.read_to_end(&mut heard);
        // A reset is an end too.
        let _ = tokio::time::timeout(Duration::from_secs(20), reading).await.expect("no end");
        String::from_utf8_lossy(&heard).into_owned()
    }

    /// What is said until `word` was.
    pub(crate) async fn hear_until(&mut self, word: &str) -> String {
        let mut heard = String::new();
        let reading = async {
            let mut bytes = [0; 4096];
            while !heard.contains(word) {
                let count = self.0.read(&mut bytes).await.unwrap();
                assert!(count > 0, "closed after {heard:?}");
                heard += &String::from_utf8_lossy(&bytes[..count]);
            }
        };
        let told = tokio::time::timeout(Duration::from_secs(20), reading).await;
        assert!(told.is_ok(), "{word:?} was not said");
        heard
    }
}

/// The problem of an answer, of this status and kind, whole.
pub(crate) async fn problem(response: Response, status: u16, kind: &str) -> Value {
    let told = response.headers().clone();
    let got = response.status().as_u16();
    let text = response.text().await.unwrap();
    assert_eq!(got, status, "{text}");
    assert_eq!(told["content-type"], "application/problem+json", "{text}");
    let body: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&body["kind"], &body["status"]), (&kind.into(), &status.into()), "{text}");
    assert_eq!(body["type"], format!("urn:emam:error:{kind}"));
    assert_eq!(body["request_id"], told["x-request-id"].to_str().unwrap());
    for field in ["operation", "message", "retryable", "context", "causes", "detail", "title"] {
        assert!(body.get(field).is_some(), "{field}: {text}");
    }
    body
}
