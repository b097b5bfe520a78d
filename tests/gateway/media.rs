//! Media: whole, in part, signed, archived, and addresses that lead nowhere.

// This is test code: a panic is how it speaks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod scene;

use std::time::Duration;

use emam_core::gateway::GatewayOptions;
use emam_core::library::ArchiveRequest;
use emam_core::model::{Asset, Role, StorageClass};
use reqwest::Response;
use scene::{Scene, problem};
use serde_json::{Value, json};

fn path(asset: &Asset, role: &str) -> String {
    format!("/v1/media/{}/{role}", asset.id)
}

async fn ranged(scene: &Scene, path: &str, range: &str) -> Response {
    scene.request("GET", path).header("range", range).send().await.unwrap()
}

#[tokio::test]
async fn a_clip_is_read_whole_and_in_part() {
    let scene = Scene::open().await;
    let clip = emam_tests::media::shots(scene.folder.path());
    let asset = scene.ingest(clip.clone()).await;
    let bytes = std::fs::read(&clip).unwrap();
    let original = path(&asset, "original");

    let whole = scene.get(&original).await;
    let told = whole.headers().clone();
    assert_eq!(
        (whole.status().as_u16(), &told["content-type"]),
        (200, &"video/mp4".parse().unwrap())
    );
    assert_eq!(told["accept-ranges"], "bytes");
    assert_eq!(
        told["content-disposition"],
        "inline; filename=\"shots.mp4\"; filename*=UTF-8''shots.mp4"
    );
    assert!(told["cache-control"].to_str().unwrap().contains("private"));
    assert_eq!(whole.content_length(), Some(bytes.len() as u64));
    assert_eq!(whole.bytes().await.unwrap(), bytes);
    let etag = told["etag"].to_str().unwrap();
    assert!(etag.starts_with('"') && etag.ends_with('"'), "strong: {etag}");

    let size = bytes.len();
    let cases = [
        ("bytes=0-99".to_owned(), 0..100),
        ("bytes=1000-".to_owned(), 1000..size),
        ("bytes=-7".to_owned(), size - 7..size),
        (format!("bytes=10-{}", size * 2), 10..size),
    ];
    for (range, expected) in cases {
        let part = ranged(&scene, &original, &range).await;
        assert_eq!(part.status(), 206, "{range}");
        let shown = format!("bytes {}-{}/{size}", expected.start, expected.end - 1);
        assert_eq!(part.headers()["content-range"], shown.as_str());
        assert_eq!(part.headers()["etag"], etag);
        assert_eq!(part.bytes().await.unwrap(), bytes[expected], "{range}");
    }
    let several = ranged(&scene, &original, "bytes=0-1,5-6").await;
    assert_eq!((several.status().as_u16(), several.content_length()), (200, Some(size as u64)));
    let beyond = ranged(&scene, &original, &format!("bytes={size}-")).await;
    assert_eq!(beyond.headers()["content-range"], format!("bytes */{size}").as_str());
    problem(beyond, 416, "invalid_input").await;

    let head = scene.request("HEAD", &original).send().await.unwrap();
    assert_eq!((head.status().as_u16(), &head.headers()["etag"]), (200, &told["etag"]));
    assert_eq!(head.headers()["content-length"], size.to_string().as_str());

    let known = scene.request("GET", &original).header("if-none-match", format!("\"x\", W/{etag}"));
    let known = known.send().await.unwrap();
    assert_eq!((known.status().as_u16(), &known.headers()["etag"]), (304, &told["etag"]));
    let same =
        scene.request("GET", &original).header("range", "bytes=0-9").header("if-range", etag);
    assert_eq!(same.send().await.unwrap().status(), 206);
    let other =
        scene.request("GET", &original).header("range", "bytes=0-9").header("if-range", "\"x\"");
    assert_eq!(other.send().await.unwrap().status(), 200);

    let proxy = scene.get(&path(&asset, "proxy")).await;
    assert_eq!(proxy.headers()["content-type"], "video/mp4");
    let on_disk = scene.library.assets().path(asset.id, Role::Proxy, 0).await.unwrap();
    assert_eq!(proxy.bytes().await.unwrap(), std::fs::read(on_disk).unwrap());
    let index = scene.get(&format!("{}?part=1", path(&asset, "storyboard"))).await;
    assert!(index.headers()["content-type"].to_str().unwrap().starts_with("text/vtt"));
    assert!(index.text().await.unwrap().starts_with("WEBVTT"));
    scene.end().await;
}

#[tokio::test]
async fn addresses_that_lead_out_lead_nowhere() {
    let scene = Scene::open().await;
    let asset = scene.tone(70).await;
    let id = asset.id;
    let bad = [
        format!("/v1/media/{id}/..%2f..%2fcatalog.db"),
        format!("/v1/media/{id}/%2e%2e/original"),
        format!("/v1/media/{id}%2foriginal/original"),
        "/v1/media/..%2f..%2f..%2fetc%2fpasswd/original".to_owned(),
        "/v1/media/../../etc/passwd".to_owned(),
        "/v1/media/....//....//etc/passwd".to_owned(),
        format!("/v1/media/{id}/original%00"),
        format!("/v1/media/{id}/original/"),
        format!("/v1/media/{id}/ORIGINAL"),
        format!("/v1/media/{id}/%ff"),
        format!("/v1//media/{id}/original"),
        format!("/v1/media/{id}\\original/original"),
        format!("/v1/media/{id}/original?part=-1"),
        format!("/v1/media/{id}/original?part=4294967296"),
        format!("/v1/media/{id}/original?path=/etc/passwd"),
        format!("/v1/media/{id}/original?part=0&part=1"),
    ];
    for path in bad {
        // By hand: clients tidy such addresses up.
        let mut wire = scene.connect().await;
        wire.say(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
            .await;
        let heard = wire.hear().await;
        let status = heard.split(' ').nth(1).unwrap_or_default();
        assert!(status == "400" || status == "404", "{path}: {heard}");
        // What is no address at all is refused before us, without a body.
        assert!(
            heard.contains("application/problem+json") || heard.contains("content-length: 0"),
            "{heard}"
        );
        assert!(!heard.contains("RIFF") && !heard.contains("SQLite"), "{path}");
    }
    problem(scene.get(&path(&asset, "proxy")).await, 404, "not_found").await;
    let part = scene.get(&format!("{}?part=7", path(&asset, "original"))).await;
    problem(part, 404, "not_found").await;
    let unknown = scene.get("/v1/media/0190f5a2-7c1e-7000-8000-000000000000/original").await;
    problem(unknown, 404, "not_found").await;
    scene.end().await;
}

#[tokio::test]
async fn what_came_in_as_a_page_is_not_shown_as_one() {
    let scene = Scene::open().await;
    let file = scene.folder.path().join("evil \"page\".html");
    std::fs::write(&file, "<!doctype html><script>fetch('/v1/assets.search')</script>").unwrap();
    let asset = scene.ingest(file).await;
    let page = scene.get(&path(&asset, "original")).await;
    let told = page.headers();
    assert!(
        told["content-disposition"]
            .to_str()
            .unwrap()
            .starts_with("attachment; filename=\"evil _page_.html\"")
    );
    assert!(told["content-security-policy"].to_str().unwrap().contains("sandbox"));
    assert_eq!(told["x-content-type-options"], "nosniff");
    scene.end().await;
}

#[tokio::test]
async fn archived_bytes_are_not_ready() {
    let scene = Scene::open().await;
    let asset = scene.tone(70).await;
    let store = ArchiveRequest { assets: vec![asset.id], storage_class: StorageClass::Archive };
    for run in scene.library.archive().store(&store).await.unwrap() {
        run.join().await.unwrap();
    }
    let body = problem(scene.get(&path(&asset, "original")).await, 409, "not_ready").await;
    let eta = body["context"].as_array().unwrap().iter().any(|fact| fact[0] == "eta");
    assert!(eta, "{body}");
    scene.end().await;
}

async fn signed(scene: &Scene, params: Value) -> Value {
    let request = scene.call("media-url", &params.to_string());
    let request = request.header("authorization", "Bearer a-long-random-token");
    let response = request.send().await.unwrap();
    let status = response.status();
    let text = response.text().await.unwrap();
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn a_signed_address_opens_one_file_for_a_while() {
    let options =
        GatewayOptions { tokens: vec!["a-long-random-token".to_owned()], ..Default::default() };
    let scene = Scene::with(options).await;
    let (asset, other) = (scene.tone(70).await, scene.tone(71).await);
    let made = signed(&scene, json!({ "asset": asset.id, "role": "original" })).await;
    let url = made["url"].as_str().unwrap();
    assert!(url.starts_with(&scene.server.url()), "{url}");
    assert!(made["expires_at"].is_string());
    let get = |url: String| scene.client.get(url).send();
    // As a <video> of a page elsewhere does: no token, no Origin.
    let request = scene.client.get(url).header("sec-fetch-site", "cross-site");
    let played = request.header("range", "bytes=0-3").send().await.unwrap();
    assert_eq!(played.status(), 206);
    assert_eq!(played.bytes().await.unwrap(), "RIFF");

    let wrong = [
        url.replace(&asset.id.to_string(), &other.id.to_string()),
        url.replace("/original?", "/audio_proxy?"),
        url.replace('?', "?part=1&"),
        url.replace("exp=1", "exp=2"),
        url.replace("exp=", "exp=+"),
        url[..url.len() - 1].to_owned(),
        format!("{url}A"),
        url.split("&sig=").next().unwrap().to_owned(),
        format!("{}/v1/media/{}/original?sig=", scene.server.url(), asset.id),
    ];
    for url in wrong {
        problem(get(url).await.unwrap(), 401, "unauthenticated").await;
    }
    let written = scene.client.post(url).send().await.unwrap();
    problem(written, 405, "unsupported").await;

    let short = signed(&scene, json!({ "asset": asset.id, "role": "original", "ttl_s": 1 })).await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let expired = get(short["url"].as_str().unwrap().to_owned()).await.unwrap();
    let expired = problem(expired, 401, "unauthenticated").await;
    assert!(expired["message"].as_str().unwrap().contains("expired"), "{expired}");

    for params in [
        json!({ "asset": asset.id, "role": "original", "ttl_s": 0 }),
        json!({ "asset": asset.id, "role": "original", "ttl_s": 999_999 }),
        json!({ "asset": asset.id, "role": "film" }),
        json!({ "asset": asset.id }),
    ] {
        let request = scene.call("media-url", &params.to_string());
        let request = request.header("authorization", "Bearer a-long-random-token");
        problem(request.send().await.unwrap(), 400, "invalid_input").await;
    }
    scene.end().await;
}
