//! Operations over HTTP, what is refused about them, and the document that describes them.

// This is test code: a panic is how it speaks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod scene;

use std::time::{Duration, Instant};

use emam_core::ErrorKind;
use emam_core::gateway::GatewayOptions;
use scene::{Scene, problem};
use serde_json::{Value, json};

#[tokio::test]
async fn what_is_done_over_http_is_done() {
    let scene = Scene::open().await;
    let promo = scene.result("projects.create", r#"{"name": "Promo"}"#).await;
    let all = scene.result("projects.list", "{}").await;
    assert_eq!(all["items"], json!([promo]));
    assert_eq!(
        scene.result("events.last", "").await["seq"].as_i64().map(|seq| seq > 0),
        Some(true)
    );
    let library = &scene.library;
    let direct = library.call_json("projects.list", "{}").await.unwrap();
    assert_eq!(all, serde_json::from_str::<Value>(&direct).unwrap(), "the same as in Rust");
    scene.end().await;
}

#[tokio::test]
async fn nothing_at_all_is_as_good_as_an_empty_record() {
    let scene = Scene::open().await;
    let response = scene.request("POST", "/v1/projects.list").send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.json_value().await["items"], json!([]));
    scene.end().await;
}

trait JsonValue {
    async fn json_value(self) -> Value;
}

impl JsonValue for reqwest::Response {
    async fn json_value(self) -> Value {
        serde_json::from_str(&self.text().await.unwrap()).unwrap()
    }
}

#[tokio::test]
async fn malformed_json_is_refused_and_said_where() {
    let scene = Scene::open().await;
    let bad = [
        "{",
        "{\"name\": NaN}",
        "[1]",
        "[\"Promo\"]",
        "7",
        "{\"name\": \"\\ud800\"}",
        "{\"name\": 1e999}",
        "\u{0}",
    ];
    for params in bad {
        let response = scene.call("projects.create", params).send().await.unwrap();
        let body = problem(response, 400, "invalid_input").await;
        assert_eq!(body["operation"], "projects.create", "{params}");
        assert_eq!(body["retryable"], false);
    }
    let unknown = scene.call("projects.create", r#"{"name": "a", "nam": 1}"#).send().await.unwrap();
    let body = problem(unknown, 400, "invalid_input").await;
    assert!(body["message"].as_str().unwrap().contains("`nam`"), "{body}");
    let not_utf8 = scene
        .request("POST", "/v1/projects.create")
        .header("content-type", "application/json")
        .body(vec![b'"', 0xff, b'"']);
    problem(not_utf8.send().await.unwrap(), 400, "invalid_input").await;
    scene.end().await;
}

#[tokio::test]
async fn addresses_methods_and_types_that_are_none_are_refused() {
    let scene = Scene::open().await;
    let unknown = scene.call("assets.fly", "{}").send().await.unwrap();
    assert_eq!(problem(unknown, 404, "not_found").await["context"][0][1], "assets.fly");
    problem(scene.get("/").await, 404, "not_found").await;
    problem(scene.get("/v2/assets.get").await, 404, "not_found").await;

    let wrong = scene.get("/v1/assets.get").await;
    assert_eq!(wrong.headers()["allow"], "POST");
    problem(wrong, 405, "unsupported").await;
    let wrong = scene.request("DELETE", "/v1/health").send().await.unwrap();
    assert_eq!(wrong.headers()["allow"], "GET,HEAD");
    problem(wrong, 405, "unsupported").await;

    let form = scene.call("projects.list", "{}").header("content-type", "text/plain");
    let form = scene
        .request("POST", "/v1/projects.list")
        .body("{}")
        .header("content-type", "text/plain")
        .send()
        .await
        .map(|response| {
            drop(form);
            response
        })
        .unwrap();
    problem(form, 415, "invalid_input").await;
    let none = scene.request("POST", "/v1/projects.list").body("{}").send().await.unwrap();
    problem(none, 415, "invalid_input").await;
    scene.end().await;
}

#[tokio::test]
async fn errors_of_the_library_arrive_whole() {
    let scene = Scene::open().await;
    let id = "0190f5a2-7c1e-7000-8000-000000000000";
    let asked = scene.call("assets.get", &json!({ "id": id }).to_string()).send().await.unwrap();
    let body = problem(asked, 404, "not_found").await;
    let direct = scene.library.call("assets.get", json!({ "id": id })).await.unwrap_err().to_info();
    for (field, value) in serde_json::to_value(direct).unwrap().as_object().unwrap() {
        assert_eq!(&body[field], value, "{field}");
    }
    scene.library.close().await;
    let closed = scene.call("projects.list", "{}").send().await.unwrap();
    problem(closed, 409, "conflict").await;
    assert_eq!(scene.get("/v1/health").await.json_value().await["library"], "closed");
    scene.end().await;
}

#[tokio::test]
async fn oversize_bodies_are_refused_whether_they_say_so_or_not() {
    let options = GatewayOptions { body_limit: 10_000, ..Default::default() };
    let scene = Scene::with(options).await;
    let large = format!("{{\"name\": \"{}\"}}", "x".repeat(3_000_000));
    let said = scene.call("projects.create", &large).send().await.unwrap();
    problem(said, 413, "invalid_input").await;
    let pieces: Vec<_> = large.as_bytes().chunks(5_000).map(<[u8]>::to_vec).collect();
    let stream = futures_util::stream::iter(pieces.into_iter().map(Ok::<_, std::io::Error>));
    let unsaid = scene
        .request("POST", "/v1/projects.create")
        .header("content-type", "application/json")
        .body(reqwest::Body::wrap_stream(stream));
    problem(unsaid.send().await.unwrap(), 413, "invalid_input").await;
    let fits = format!("{{\"name\": \"{}\"}}", "x".repeat(900));
    scene.result("projects.create", &fits).await;
    scene.end().await;
}

#[tokio::test]
async fn a_request_has_an_id_the_clients_or_one_of_ours() {
    let scene = Scene::open().await;
    let given = scene.call("projects.list", "{}").header("x-request-id", "panel-7").send().await;
    assert_eq!(given.unwrap().headers()["x-request-id"], "panel-7");
    let bad = scene.call("assets.fly", "{}").header("x-request-id", "two words").send().await;
    let bad = problem(bad.unwrap(), 404, "not_found").await;
    assert_eq!(bad["request_id"].as_str().unwrap().len(), 36, "one of ours");
    let health = scene.get("/v1/health").await;
    assert_eq!(health.headers()["x-content-type-options"], "nosniff");
    assert_eq!(health.json_value().await["library"], "open");
    scene.end().await;
}

#[tokio::test]
async fn waiting_is_cut_to_what_a_request_may_take() {
    let options = GatewayOptions { long_poll_ms: 200, ..Default::default() };
    let scene = Scene::with(options).await;
    let started = Instant::now();
    let after = scene.result("events.last", "").await["seq"].clone();
    let params = json!({ "after": after, "wait_ms": 60_000 }).to_string();
    assert_eq!(scene.result("events.list", &params).await, json!([]));
    assert!(started.elapsed() < Duration::from_secs(10));
    // No worker takes it, so that it does not end.
    let idle = emam_core::Library::builder().workers(0);
    let idle = idle.open(scene.folder.path().join("idle")).await.unwrap();
    let file = scene.folder.path().join("tone.wav");
    std::fs::write(&file, emam_tests::bytes::wav(50, 9)).unwrap();
    let run = idle.assets().ingest(&file, Default::default()).await.unwrap();
    let options = GatewayOptions { long_poll_ms: 200, ..Default::default() };
    let gateway = emam_core::gateway::Gateway::new(idle.clone(), options).unwrap();
    let server = gateway.serve("127.0.0.1:0").await.unwrap();
    let join = scene
        .client
        .post(format!("{}/v1/runs.join", server.url()))
        .header("content-type", "application/json")
        .body(json!({ "id": run.id() }).to_string());
    let body = problem(join.send().await.unwrap(), 408, "timeout").await;
    assert_eq!(body["retryable"], true);
    server.shutdown().await;
    idle.close().await;
    scene.end().await;
}

#[tokio::test]
async fn long_polls_end_with_news() {
    let scene = Scene::open().await;
    let after = scene.result("events.last", "").await["seq"].clone();
    let params = json!({ "after": after, "wait_ms": 20_000 }).to_string();
    let waiting = scene.result("events.list", &params);
    let change = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        scene.library.projects().create("Promo").await.unwrap();
    };
    let (events, ()) = tokio::join!(waiting, change);
    assert_eq!(events[0]["topic"], "project.created");
    scene.end().await;
}

#[tokio::test]
async fn operations_can_be_taken_off() {
    let options =
        GatewayOptions { refuse_operations: vec!["assets.path".to_owned()], ..Default::default() };
    let scene = Scene::with(options).await;
    let refused = scene.call("assets.path", "{}").send().await.unwrap();
    problem(refused, 404, "not_found").await;
    let document = scene.get("/v1/openapi.json").await.json_value().await;
    assert!(document["paths"].get("/v1/assets.path").is_none());
    assert!(document["paths"].get("/v1/assets.get").is_some());
    scene.end().await;
}

#[tokio::test]
async fn a_hundred_at_once_are_all_answered() {
    let scene = Scene::open().await;
    let calls = (0..100).map(|n| {
        let params = json!({ "name": format!("Project {n}") }).to_string();
        let request = scene.call("projects.create", &params);
        async move { request.send().await.unwrap().status().as_u16() }
    });
    let statuses = futures_util::future::join_all(calls).await;
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    let page = scene.result("projects.list", r#"{"page": {"limit": 1000}}"#).await;
    assert_eq!(page["items"].as_array().map(Vec::len), Some(100));
    scene.end().await;
}

#[tokio::test]
async fn a_gateway_that_cannot_be_says_why() {
    let scene = Scene::open().await;
    let taken = scene.gateway.serve(&scene.server.address().to_string()).await.unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::Conflict);
    let nowhere = scene.gateway.serve("nowhere").await.unwrap_err();
    assert_eq!((nowhere.kind(), nowhere.get("bind")), (ErrorKind::InvalidInput, Some("nowhere")));
    for everyone in ["0.0.0.0:0", "[::]:0"] {
        let open = scene.gateway.serve(everyone).await.unwrap_err();
        assert_eq!(open.kind(), ErrorKind::PermissionDenied, "{open}");
    }
    scene.end().await;
}

#[tokio::test]
async fn a_client_that_goes_away_ends_its_request() {
    let options = GatewayOptions { max_connections: 1, ..Default::default() };
    let scene = Scene::with(options).await;
    let after = scene.library.events().last().await.unwrap();
    let params = json!({ "after": after, "wait_ms": 29_000 }).to_string();
    let mut wire = scene.connect().await;
    wire.say(&format!(
        "POST /v1/events.list HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{params}",
        params.len()
    ))
    .await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    drop(wire);
    // There is room for one: the other is served once the first is gone.
    let started = Instant::now();
    assert_eq!(scene.get("/v1/health").await.status(), 200);
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    scene.end().await;
}

#[tokio::test]
async fn servers_of_one_gateway_end_each_for_itself() {
    let scene = Scene::open().await;
    let other = scene.gateway.serve("127.0.0.1:0").await.unwrap();
    let health = format!("{}/v1/health", other.url());
    other.shutdown().await;
    assert!(scene.client.get(&health).send().await.is_err());
    assert_eq!(scene.get("/v1/health").await.status(), 200);
    scene.end().await;
}
