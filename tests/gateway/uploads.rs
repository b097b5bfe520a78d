//! Resumable uploads: in pieces, broken off, gone on with, given up, two at once.

// This is test code: a panic is how it speaks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod scene;

use std::path::Path;
use std::time::Duration;

use emam_core::gateway::{GatewayOptions, UploadOptions};
use emam_core::id::RunId;
use emam_core::model::{Asset, Role};
use reqwest::{RequestBuilder, Response};
use scene::{Scene, problem};

fn options(folder: &Path) -> GatewayOptions {
    let uploads = UploadOptions::new(folder.join("uploads"));
    GatewayOptions { uploads: Some(uploads), ..Default::default() }
}

async fn scene() -> Scene {
    Scene::over(tempfile::tempdir().unwrap(), options).await
}

/// A WAV of about this size.
fn wav(bytes: u32, pitch: u16) -> Vec<u8> {
    emam_tests::bytes::wav(bytes / 16, pitch)
}

fn metadata(pairs: &[(&str, &str)]) -> String {
    // Base64 by hand, as far as these tests need it.
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let encode = |text: &str| -> String {
        let groups = text.as_bytes().chunks(3).map(|three| {
            let get = |n: usize| u32::from(three.get(n).copied().unwrap_or(0));
            let bits = get(0) << 16 | get(1) << 8 | get(2);
            let digit = |n: usize| match n <= three.len() {
                true => char::from(DIGITS[(bits >> (18 - 6 * n) & 63) as usize]),
                false => '=',
            };
            [digit(0), digit(1), digit(2), digit(3)].iter().collect::<String>()
        });
        groups.collect()
    };
    let pairs = pairs.iter().map(|(key, value)| format!("{key} {}", encode(value)));
    pairs.collect::<Vec<_>>().join(",")
}

impl Scene {
    fn tus(&self, method: &str, path: &str) -> RequestBuilder {
        self.request(method, path).header("tus-resumable", "1.0.0")
    }

    fn create(&self, length: usize, name: &str) -> RequestBuilder {
        let metadata = metadata(&[("filename", name)]);
        self.tus("POST", "/v1/uploads")
            .header("upload-length", length)
            .header("upload-metadata", metadata)
    }

    async fn begun(&self, length: usize, name: &str) -> String {
        let response = self.create(length, name).send().await.unwrap();
        assert_eq!(response.status(), 201);
        response.headers()["location"].to_str().unwrap().to_owned()
    }

    fn patch(&self, at: &str, offset: usize, bytes: &[u8]) -> RequestBuilder {
        self.tus("PATCH", at)
            .header("content-type", "application/offset+octet-stream")
            .header("upload-offset", offset)
            .body(bytes.to_vec())
    }

    async fn offset(&self, at: &str) -> usize {
        let head = self.tus("HEAD", at).send().await.unwrap();
        assert_eq!(head.status(), 200);
        header(&head, "upload-offset").parse().unwrap()
    }

    /// The asset of a finished upload, once it is ready.
    async fn finished(&self, response: &Response) -> Asset {
        let id: RunId = header(response, "emam-run").parse().unwrap();
        let run = self.library.runs().handle::<Asset>(id).await.unwrap();
        let asset = run.join().await.unwrap();
        assert_eq!(header(response, "emam-asset"), asset.id.to_string());
        asset
    }

    async fn original(&self, asset: &Asset) -> Vec<u8> {
        let path = self.library.assets().path(asset.id, Role::Original, 0).await.unwrap();
        std::fs::read(path).unwrap()
    }

    /// The bytes that lie in the folder of uploads.
    fn staged(&self) -> Vec<std::path::PathBuf> {
        let folders = std::fs::read_dir(self.folder.path().join("uploads")).unwrap();
        let files = folders.flatten().filter_map(|upload| {
            std::fs::read_dir(upload.path().join("file")).ok()?.flatten().next()
        });
        files.map(|file| file.path()).collect()
    }

    async fn cleared(&self) {
        for _ in 0..200 {
            if self.staged().is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("left: {:?}", self.staged());
    }
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    let value = response.headers().get(name);
    value.unwrap_or_else(|| panic!("no {name}: {response:?}")).to_str().unwrap()
}

#[tokio::test]
async fn a_file_in_pieces_becomes_an_asset_under_its_name() {
    let scene = scene().await;
    let bytes = wav(300_000, 70);
    let metadata = metadata(&[
        ("filename", "Regen über London.wav"),
        ("filetype", "audio/wav"),
        ("options", r#"{"tags": ["rain"], "title": "Rain"}"#),
    ]);
    let create = scene.tus("POST", "/v1/uploads").header("upload-length", bytes.len());
    let created = create.header("upload-metadata", &metadata).send().await.unwrap();
    assert_eq!(created.status(), 201);
    assert_eq!(header(&created, "tus-resumable"), "1.0.0");
    assert!(header(&created, "upload-expires").ends_with(" GMT"));
    let at = header(&created, "location").to_owned();

    let mut last = None;
    for (n, piece) in bytes.chunks(100_000).enumerate() {
        let sent = scene.patch(&at, n * 100_000, piece).send().await.unwrap();
        assert_eq!(sent.status(), 204);
        let safe = (n * 100_000 + piece.len()).to_string();
        assert_eq!(header(&sent, "upload-offset"), safe);
        last = Some(sent);
    }
    let asset = scene.finished(&last.unwrap()).await;
    assert_eq!((asset.title.as_str(), asset.file_name.as_str()), ("Rain", "Regen über London.wav"));
    assert_eq!(asset.tags, ["rain"]);
    assert_eq!(scene.original(&asset).await, bytes);
    scene.cleared().await;

    // Who missed the last answer asks again, long after too.
    let head = scene.tus("HEAD", &at).send().await.unwrap();
    assert_eq!(header(&head, "emam-asset"), asset.id.to_string());
    assert_eq!(header(&head, "upload-metadata"), metadata);
    assert_eq!(header(&head, "cache-control"), "no-store");
    let again = scene.patch(&at, bytes.len(), b"").send().await.unwrap();
    assert_eq!(
        (again.status().as_u16(), header(&again, "emam-asset")),
        (204, header(&head, "emam-asset"))
    );
    let assets = scene.result("assets.search", "{}").await;
    assert_eq!(assets["total"], 1, "ingested once");
    scene.end().await;
}

#[tokio::test]
async fn a_small_file_comes_with_its_creation() {
    let scene = scene().await;
    let bytes = wav(3_000, 70);
    let create = scene.create(bytes.len(), "a.wav");
    let create = create.header("content-type", "application/offset+octet-stream");
    let created = create.body(bytes.clone()).send().await.unwrap();
    assert_eq!(created.status(), 201);
    let asset = scene.finished(&created).await;
    let body: serde_json::Value = serde_json::from_str(&created.text().await.unwrap()).unwrap();
    assert_eq!(
        (&body["asset"], &body["offset"]),
        (&asset.id.to_string().into(), &bytes.len().into())
    );
    assert_eq!(scene.original(&asset).await, bytes);
    scene.end().await;
}

#[tokio::test]
async fn an_upload_goes_on_after_a_broken_connection_and_a_restart() {
    let first = scene().await;
    let bytes = wav(2_000_000, 70);
    let at = first.begun(bytes.len(), "long.wav").await;
    let mut wire = first.connect().await;
    wire.say(&format!(
        "PATCH {at} HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n\
         Content-Type: application/offset+octet-stream\r\nContent-Length: {}\r\n\r\n",
        bytes.len()
    ))
    .await;
    tokio::io::AsyncWriteExt::write_all(&mut wire.0, &bytes[..700_000]).await.unwrap();
    drop(wire);
    let mut offset = 0;
    for _ in 0..100 {
        offset = first.offset(&at).await;
        if offset > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(offset > 0 && offset <= 700_000, "{offset}");
    let sent = first.patch(&at, offset, &bytes[offset..1_000_000]).send().await.unwrap();
    assert_eq!(sent.status(), 204);

    let second = Scene::over(first.end().await, options).await;
    assert_eq!(second.offset(&at).await, 1_000_000);
    let last = second.patch(&at, 1_000_000, &bytes[1_000_000..]).send().await.unwrap();
    let asset = second.finished(&last).await;
    assert_eq!(second.original(&asset).await, bytes);
    second.cleared().await;
    second.end().await;
}

#[tokio::test]
async fn an_ingest_that_a_crash_kept_from_being_recorded_is_started_once() {
    let first = scene().await;
    let bytes = wav(3_000, 70);
    let at = first.begun(bytes.len(), "a.wav").await;
    let id = at.rsplit('/').next().unwrap().to_owned();
    let folder = first.end().await;
    // As a process leaves it that dies when all bytes are safe and nothing is started yet.
    let upload = folder.path().join("uploads").join(&id);
    std::fs::write(upload.join("file/a.wav"), &bytes).unwrap();
    let path = upload.join("record.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut record: serde_json::Value = serde_json::from_str(&text).unwrap();
    record["offset"] = bytes.len().into();
    std::fs::write(&path, record.to_string()).unwrap();

    let second = Scene::over(folder, options).await;
    let mut head = second.tus("HEAD", &at).send().await.unwrap();
    for _ in 0..100 {
        if head.headers().contains_key("emam-run") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        head = second.tus("HEAD", &at).send().await.unwrap();
    }
    let asset = second.finished(&head).await;
    second.cleared().await;
    let folder = second.end().await;

    // And one that dies after the start and before the record of it: the same run, no second one.
    std::fs::create_dir_all(upload.join("file")).unwrap();
    std::fs::write(upload.join("file/a.wav"), &bytes).unwrap();
    std::fs::write(&path, record.to_string()).unwrap();
    let third = Scene::over(folder, options).await;
    third.cleared().await;
    let head = third.tus("HEAD", &at).send().await.unwrap();
    assert_eq!(third.finished(&head).await.id, asset.id);
    let runs = third.result("runs.list", "{}").await;
    assert_eq!(runs["items"].as_array().map(Vec::len), Some(1), "{runs}");
    third.end().await;
}

#[tokio::test]
async fn two_at_once_are_one_too_many() {
    let scene = scene().await;
    let bytes = wav(100_000, 70);
    let at = scene.begun(bytes.len(), "a.wav").await;
    let mut slow = scene.connect().await;
    slow.say(&format!(
        "PATCH {at} HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n\
         Content-Type: application/offset+octet-stream\r\nContent-Length: 1000\r\n\r\n",
    ))
    .await;
    tokio::io::AsyncWriteExt::write_all(&mut slow.0, &bytes[..10]).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let other = scene.patch(&at, 0, &bytes).send().await.unwrap();
    assert_eq!(problem(other, 423, "conflict").await["retryable"], true);
    let ended = scene.tus("DELETE", &at).send().await.unwrap();
    problem(ended, 423, "conflict").await;
    // The one that came first is not harmed.
    tokio::io::AsyncWriteExt::write_all(&mut slow.0, &bytes[10..1_000]).await.unwrap();
    let heard = slow.hear_until("upload-offset").await;
    assert!(heard.starts_with("HTTP/1.1 204"), "{heard}");
    drop(slow);
    let rest = scene.patch(&at, 1_000, &bytes[1_000..]).send().await.unwrap();
    let asset = scene.finished(&rest).await;
    assert_eq!(scene.original(&asset).await, bytes);
    scene.end().await;
}

#[tokio::test]
async fn wrong_requests_change_nothing() {
    let scene = scene().await;
    let bytes = wav(10_000, 70);
    let at = scene.begun(bytes.len(), "a.wav").await;
    let wrong_place = scene.patch(&at, 5, &bytes).send().await.unwrap();
    assert_eq!(header(&wrong_place, "upload-offset"), "0");
    problem(wrong_place, 409, "conflict").await;
    let long = [bytes.as_slice(), b"more"].concat();
    problem(scene.patch(&at, 0, &long).send().await.unwrap(), 413, "invalid_input").await;
    let untyped = scene.tus("PATCH", &at).header("upload-offset", 0).body(bytes.clone());
    problem(untyped.send().await.unwrap(), 415, "invalid_input").await;
    for offset in ["", "-1", "x", "0x0", "99999999999999999999"] {
        let patch = scene.tus("PATCH", &at).header("upload-offset", offset);
        let patch = patch.header("content-type", "application/offset+octet-stream").body("x");
        problem(patch.send().await.unwrap(), 400, "invalid_input").await;
    }
    let old = scene.request("PATCH", &at).header("tus-resumable", "0.2.2").send().await.unwrap();
    assert_eq!(header(&old, "tus-version"), "1.0.0");
    problem(old, 412, "invalid_input").await;
    let stream = futures_util::stream::iter(vec![Ok::<_, std::io::Error>(long.clone())]);
    let unsaid = scene.patch(&at, 0, b"").body(reqwest::Body::wrap_stream(stream));
    let unsaid = unsaid.send().await.unwrap().status().as_u16();
    assert_eq!(unsaid, 413);
    assert_eq!(scene.offset(&at).await, 0);

    let unknown = "/v1/uploads/0190f5a2-7c1e-7000-8000-000000000000";
    for (method, path) in
        [("PATCH", unknown), ("DELETE", unknown), ("DELETE", "/v1/uploads/..%2f..")]
    {
        let request = match method {
            "PATCH" => scene.patch(path, 0, b"x"),
            _ => scene.tus(method, path),
        };
        problem(request.send().await.unwrap(), 404, "not_found").await;
    }
    assert_eq!(scene.tus("HEAD", unknown).send().await.unwrap().status(), 404);
    scene.end().await;
}

#[tokio::test]
async fn what_cannot_become_an_asset_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let uploads = UploadOptions {
        max_bytes: 1_000,
        max_unfinished: 2,
        ..UploadOptions::new(folder.path().join("uploads"))
    };
    let options = GatewayOptions { uploads: Some(uploads), ..Default::default() };
    let scene = Scene::over(folder, |_| options).await;
    let create = |length: &str, pairs: &[(&str, &str)]| {
        scene
            .tus("POST", "/v1/uploads")
            .header("upload-length", length)
            .header("upload-metadata", metadata(pairs))
            .send()
    };
    let named = [("filename", "a.wav")];
    problem(create("1001", &named).await.unwrap(), 413, "invalid_input").await;
    problem(create("0", &named).await.unwrap(), 422, "invalid_media").await;
    problem(create("x", &named).await.unwrap(), 400, "invalid_input").await;
    problem(create("10", &[]).await.unwrap(), 400, "invalid_input").await;
    let options = [
        r#"{"tag": 1}"#,
        "{",
        r#"{"tags": [""]}"#,
        r#"{"expected_md5": "x"}"#,
        r#"{"idempotency_key": "x"}"#,
    ];
    for options in options {
        let pairs = [("filename", "a.wav"), ("options", options)];
        problem(create("10", &pairs).await.unwrap(), 400, "invalid_input").await;
    }
    let unfiled = r#"{"categories": ["0190f5a2-7c1e-7000-8000-000000000000"]}"#;
    let pairs = [("filename", "a.wav"), ("options", unfiled)];
    problem(create("10", &pairs).await.unwrap(), 404, "not_found").await;
    let bad = scene.tus("POST", "/v1/uploads").header("upload-length", 10);
    let bad = bad.header("upload-metadata", "filename !!!").send().await.unwrap();
    problem(bad, 400, "invalid_input").await;
    for _ in 0..2 {
        assert_eq!(create("10", &named).await.unwrap().status(), 201);
    }
    problem(create("10", &named).await.unwrap(), 429, "rate_limited").await;
    scene.end().await;
}

#[tokio::test]
async fn a_name_cannot_lead_out_of_the_folder() {
    let scene = scene().await;
    let bytes = wav(3_000, 70);
    let at = scene.begun(bytes.len(), "../../../escaped.wav").await;
    let sent = scene.patch(&at, 0, &bytes).send().await.unwrap();
    let asset = scene.finished(&sent).await;
    assert_eq!(asset.file_name, ".._.._.._escaped.wav");
    assert!(!scene.folder.path().join("escaped.wav").exists());
    scene.end().await;
}

#[tokio::test]
async fn what_is_given_up_or_expires_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let uploads =
        UploadOptions { expire_after_ms: 600, ..UploadOptions::new(folder.path().join("uploads")) };
    let options = GatewayOptions { uploads: Some(uploads), ..Default::default() };
    let scene = Scene::over(folder, |_| options).await;
    let at = scene.begun(1_000, "a.wav").await;
    assert_eq!(scene.tus("DELETE", &at).send().await.unwrap().status(), 204);
    assert_eq!(scene.tus("HEAD", &at).send().await.unwrap().status(), 404);
    problem(scene.patch(&at, 0, b"x").send().await.unwrap(), 404, "not_found").await;

    let at = scene.begun(1_000, "a.wav").await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(scene.tus("HEAD", &at).send().await.unwrap().status(), 410);
    problem(scene.patch(&at, 0, b"x").send().await.unwrap(), 410, "not_found").await;
    scene.end().await;
}

#[tokio::test]
async fn a_chunk_that_is_not_what_its_checksum_says_is_dropped() {
    let scene = scene().await;
    let at = scene.begun(5, "a.txt").await;
    // Of "hello", by sha1sum and base64.
    let right = "sha1 qvTGHdzF6KLavt4PO0gs2a6pQ00=";
    let wrong = scene.patch(&at, 0, b"hallo").header("upload-checksum", right);
    problem(wrong.send().await.unwrap(), 460, "integrity").await;
    assert_eq!(scene.offset(&at).await, 0);
    let unknown = scene.patch(&at, 0, b"hello").header("upload-checksum", "crc32 AAAA");
    problem(unknown.send().await.unwrap(), 400, "invalid_input").await;
    let sent = scene.patch(&at, 0, b"hello").header("upload-checksum", right).send().await.unwrap();
    let asset = scene.finished(&sent).await;
    assert_eq!(scene.original(&asset).await, b"hello");
    scene.end().await;
}

#[tokio::test]
async fn capabilities_are_told_and_a_gateway_without_a_folder_has_none() {
    let scene = scene().await;
    let told = scene.request("OPTIONS", "/v1/uploads").send().await.unwrap();
    assert_eq!((told.status().as_u16(), header(&told, "tus-version")), (204, "1.0.0"));
    assert!(header(&told, "tus-extension").contains("creation-with-upload"));
    assert!(header(&told, "tus-checksum-algorithm").contains("sha1"));
    scene.end().await;
    let without = Scene::open().await;
    let refused = without.create(10, "a.wav").send().await.unwrap();
    problem(refused, 422, "unsupported").await;
    without.end().await;
}
