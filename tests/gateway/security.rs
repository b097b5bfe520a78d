//! Who is answered and who is not: hosts, origins, tokens, slow and broken clients.

// This is test code: a panic is how it speaks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod scene;

use std::time::{Duration, Instant};

use emam_core::gateway::GatewayOptions;
use scene::{Scene, problem};

const TOKEN: &str = "a-long-random-token";

fn with_token() -> GatewayOptions {
    GatewayOptions { tokens: vec![TOKEN.to_owned()], ..Default::default() }
}

#[tokio::test]
async fn a_foreign_host_is_refused() {
    let options =
        GatewayOptions { allow_hosts: vec!["mam.example.com".to_owned()], ..Default::default() };
    let scene = Scene::with(options).await;
    for host in ["evil.example", "evil.example:4700", "127.0.0.1.evil.example", "10.0.0.1"] {
        let response = scene.request("GET", "/v1/health").header("host", host).send().await;
        problem(response.unwrap(), 421, "permission_denied").await;
        let call = scene.call("projects.list", "{}").header("host", host).send().await.unwrap();
        problem(call, 421, "permission_denied").await;
    }
    for host in ["localhost", "LOCALHOST:99", "127.0.0.1", "[::1]:4700", "mam.example.com"] {
        let response = scene.request("GET", "/v1/health").header("host", host).send().await;
        assert_eq!(response.unwrap().status(), 200, "{host}");
    }
    // The address of the request line counts too, and no or two hosts are none.
    for head in [
        "GET http://evil.example/v1/health HTTP/1.1\r\nHost: localhost\r\n",
        "GET http://evil.example/v1/health HTTP/1.1\r\nHost: evil.example\r\n",
        "GET /v1/health HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n",
        "GET /v1/health HTTP/1.0\r\n",
    ] {
        let mut wire = scene.connect().await;
        wire.say(&format!("{head}Connection: close\r\n\r\n")).await;
        let heard = wire.hear().await;
        assert!(heard.starts_with("HTTP/1.1 4") || heard.starts_with("HTTP/1.0 4"), "{heard}");
        assert!(heard.contains("application/problem+json"), "{heard}");
    }
    scene.end().await;
}

#[tokio::test]
async fn an_origin_that_is_not_allowed_is_refused_in_every_way() {
    let ours = "https://panel.example";
    let options = GatewayOptions { allow_origins: vec![ours.to_owned()], ..with_token() };
    let scene = Scene::with(options).await;
    let bearer = format!("Bearer {TOKEN}");
    let foreign = [
        "https://evil.example",
        "null",
        "https://panel.example.evil.example",
        "http://panel.example",
    ];
    for origin in foreign {
        let simple =
            scene.get_as(&bearer, "/v1/openapi.json").header("origin", origin).send().await;
        let simple = simple.unwrap();
        assert!(simple.headers().get("access-control-allow-origin").is_none());
        problem(simple, 403, "permission_denied").await;
        let call = scene.call("projects.list", "{}").header("authorization", &bearer);
        problem(call.header("origin", origin).send().await.unwrap(), 403, "permission_denied")
            .await;
        let preflight = scene
            .request("OPTIONS", "/v1/projects.list")
            .header("origin", origin)
            .header("access-control-request-method", "POST");
        let preflight = preflight.send().await.unwrap();
        assert!(preflight.headers().get("access-control-allow-origin").is_none());
        problem(preflight, 403, "permission_denied").await;
    }

    let preflight = scene
        .request("OPTIONS", "/v1/uploads/x")
        .header("origin", ours)
        .header("access-control-request-method", "PATCH")
        .header("access-control-request-headers", "authorization,upload-offset,tus-resumable")
        .header("access-control-request-private-network", "true");
    let preflight = preflight.send().await.unwrap();
    let told = preflight.headers();
    assert_eq!(
        (preflight.status().as_u16(), &told["access-control-allow-origin"]),
        (204, &ours.parse().unwrap())
    );
    assert!(told["access-control-allow-methods"].to_str().unwrap().contains("PATCH"));
    let allowed = told["access-control-allow-headers"].to_str().unwrap();
    for header in ["authorization", "upload-offset", "tus-resumable", "content-type", "range"] {
        assert!(allowed.contains(header), "{header}");
    }
    assert_eq!(told["access-control-allow-private-network"], "true");

    let call = scene.call("projects.list", "{}").header("authorization", &bearer);
    let call = call.header("origin", ours).send().await.unwrap();
    assert_eq!(call.status(), 200);
    assert_eq!(call.headers()["access-control-allow-origin"], ours);
    assert_eq!(call.headers()["vary"], "origin");
    assert!(call.headers()["access-control-expose-headers"].to_str().unwrap().contains("emam-run"));
    // A page must be able to read why it was refused, too.
    let no_token = scene.call("projects.list", "{}").header("origin", ours).send().await.unwrap();
    assert_eq!(no_token.headers()["access-control-allow-origin"], ours);
    problem(no_token, 401, "unauthenticated").await;
    scene.end().await;
}

#[tokio::test]
async fn a_page_is_known_by_its_host_or_by_what_the_browser_says() {
    let scene = Scene::open().await;
    let own = scene.call("projects.list", "{}").header("origin", scene.server.url()).send().await;
    assert_eq!(own.unwrap().status(), 200, "a page of this very server");
    let other_port = scene.call("projects.list", "{}").header("origin", "http://127.0.0.1:1");
    problem(other_port.send().await.unwrap(), 403, "permission_denied").await;
    // What an <img> or a <video> of a foreign page asks for carries no Origin.
    let hidden = scene.request("GET", "/v1/health").header("sec-fetch-site", "cross-site");
    problem(hidden.send().await.unwrap(), 403, "permission_denied").await;
    let same = scene.request("GET", "/v1/health").header("sec-fetch-site", "same-origin");
    assert_eq!(same.send().await.unwrap().status(), 200);
    scene.end().await;
}

#[tokio::test]
async fn only_who_has_a_valid_token_is_answered() {
    let scene = Scene::with(with_token()).await;
    let issued = scene.gateway.issue_token(Duration::from_secs(60)).unwrap();
    for token in [TOKEN, issued.as_str()] {
        for scheme in ["Bearer", "bearer"] {
            let call = scene.call("projects.list", "{}");
            let call = call.header("authorization", format!("{scheme} {token}"));
            assert_eq!(call.send().await.unwrap().status(), 200);
        }
    }
    let forged = issued.replace("emam1.1", "emam1.2");
    assert_ne!(forged, issued);
    let bad = [
        "",
        "Bearer",
        "Bearer ",
        "Basic YTpi",
        TOKEN,
        "Bearer a-long-random-toke",
        "Bearer a-long-random-token2",
        &format!("Bearer {forged}"),
        &format!("Bearer {issued}A"),
    ];
    for given in bad {
        let call = scene.call("projects.list", "{}").header("authorization", given);
        let response = call.send().await.unwrap();
        assert!(response.headers()["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
        problem(response, 401, "unauthenticated").await;
    }
    let paths = ["/v1/openapi.json", "/v1/events", "/v1/runs/x/events", "/v1/media/x/proxy"];
    for path in paths {
        let status = scene.get(path).await.status().as_u16();
        assert!(status == 401 || (path.contains("/media/") && status == 400), "{path}: {status}");
    }
    let asset = "0190f5a2-7c1e-7000-8000-000000000000";
    let media = scene.get(&format!("/v1/media/{asset}/proxy")).await;
    problem(media, 401, "unauthenticated").await;
    problem(scene.call("media-url", "{}").send().await.unwrap(), 401, "unauthenticated").await;
    let upload = scene.request("POST", "/v1/uploads").send().await.unwrap();
    problem(upload, 401, "unauthenticated").await;
    assert_eq!(scene.get("/v1/health").await.status(), 200, "for whoever watches the process");
    scene.end().await;
}

#[tokio::test]
async fn a_token_expires() {
    let scene = Scene::with(with_token()).await;
    let token = scene.gateway.issue_token(Duration::from_secs(1)).unwrap();
    let bearer = format!("Bearer {token}");
    let call = || scene.call("projects.list", "{}").header("authorization", &bearer).send();
    assert_eq!(call().await.unwrap().status(), 200);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let expired = problem(call().await.unwrap(), 401, "unauthenticated").await;
    assert!(expired["message"].as_str().unwrap().contains("expired"));
    assert!(scene.gateway.issue_token(Duration::ZERO).is_err());
    scene.end().await;
}

#[tokio::test]
async fn gateways_with_one_secret_take_each_others_tokens() {
    let secret = || GatewayOptions {
        secret: Some("sixteen bytes at least".to_owned()),
        ..Default::default()
    };
    let (one, other) = tokio::join!(Scene::with(secret()), Scene::with(secret()));
    let token = one.gateway.issue_token(Duration::from_secs(60)).unwrap();
    let call = other.call("projects.list", "{}").header("authorization", format!("Bearer {token}"));
    assert_eq!(call.send().await.unwrap().status(), 200);
    let none = other.call("projects.list", "{}").send().await.unwrap();
    problem(none, 401, "unauthenticated").await;
    one.end().await;
    other.end().await;
}

#[tokio::test]
async fn a_slow_head_or_body_ends_its_connection_and_no_other() {
    let options =
        GatewayOptions { header_timeout_ms: 400, body_timeout_ms: 400, ..Default::default() };
    let scene = Scene::with(options).await;
    let started = Instant::now();
    let mut head = scene.connect().await;
    head.say("GET /v1/health HTTP/1.1\r\nHost: localhost\r\nX-Slow: ").await;
    let mut body = scene.connect().await;
    body.say(
        "POST /v1/projects.list HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: 1000\r\n\r\n{",
    )
    .await;
    let mut silent = scene.connect().await;
    let trickle = async {
        // A byte now and then keeps no connection open.
        loop {
            tokio::time::sleep(Duration::from_millis(50)).await;
            tokio::io::AsyncWriteExt::write_all(&mut head.0, b"x").await?;
        }
        #[allow(unreachable_code)]
        Ok::<(), std::io::Error>(())
    };
    let trickled = tokio::time::timeout(Duration::from_secs(10), trickle).await;
    assert!(trickled.is_ok(), "a slow head was heard to the end of time");
    let heard = body.hear().await;
    assert!(heard.starts_with("HTTP/1.1 408") && heard.contains("\"kind\":\"timeout\""), "{heard}");
    silent.hear().await;
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(scene.get("/v1/health").await.status(), 200);
    scene.end().await;
}

#[tokio::test]
async fn connections_beyond_the_most_wait_their_turn() {
    let options = GatewayOptions { max_connections: 2, ..Default::default() };
    let scene = Scene::with(options).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut wire = scene.connect().await;
        wire.say("GET /v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        wire.hear_until("\"open\"").await;
        held.push(wire);
    }
    let waiting = tokio::time::timeout(Duration::from_millis(500), scene.get("/v1/health"));
    assert!(waiting.await.is_err(), "a third was served");
    held.pop();
    assert_eq!(scene.get("/v1/health").await.status(), 200);
    scene.end().await;
}

#[tokio::test]
async fn what_is_no_http_ends_with_its_connection() {
    let scene = Scene::open().await;
    for nonsense in ["\u{0}\u{1}\u{2}\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n"] {
        let mut wire = scene.connect().await;
        wire.say(nonsense).await;
        let heard = wire.hear().await;
        assert!(heard.is_empty() || heard.starts_with("HTTP/1.1 4"), "{heard}");
    }
    let mut wire = scene.connect().await;
    let long = "x".repeat(200_000);
    wire.say("GET /v1/health HTTP/1.1\r\nHost: localhost\r\nX-Long: ").await;
    let _ = tokio::io::AsyncWriteExt::write_all(&mut wire.0, long.as_bytes()).await;
    let _ = tokio::io::AsyncWriteExt::write_all(&mut wire.0, b"\r\n\r\n").await;
    let heard = wire.hear().await;
    assert!(heard.is_empty() || heard.starts_with("HTTP/1.1 431"), "{heard}");
    assert_eq!(scene.get("/v1/health").await.status(), 200);
    scene.end().await;
}

impl Scene {
    fn get_as(&self, bearer: &str, path: &str) -> reqwest::RequestBuilder {
        self.request("GET", path).header("authorization", bearer)
    }
}
