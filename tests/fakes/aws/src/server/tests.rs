//! The wire form of JSON 1.1, with a service that answers what it is asked for.

use super::*;
use crate::world::tests::world;

/// Answers by the job tag: rightly, wrongly, or with a fault.
#[derive(Debug)]
struct Echo;

#[async_trait]
impl Service for Echo {
    async fn call(&self, _: &str, input: Value) -> Result<Value, Fault> {
        match input["JobTag"].as_str() {
            Some("wrong") => Ok(json!({"JobIdentifier": "1"})),
            Some("fault") => Err(Fault::new(400, "LimitExceededException", "22 open Jobs")),
            _ => Ok(json!({"JobId": "job-1"})),
        }
    }
}

fn server() -> Server {
    let world = world();
    let faults = Arc::new(Faults::new(Arc::clone(&world)));
    let events = Arc::new(Events::new(Arc::clone(&world), Arc::clone(&faults)));
    let services = Services { rekognition: Some(Arc::new(Echo)), ..Services::default() };
    let models = Models::load().expect("models");
    let (calls, truth) = (Arc::default(), Arc::default());
    Server { world, faults, events, calls, services, models, truth, front: None }
}

async fn ask(server: &Server, target: &str, date: &str, body: Value) -> (u16, HeaderMap, Value) {
    let scope = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/rekognition/aws4_request";
    let request = Request::builder()
        .method("POST")
        .uri("/")
        .header("x-amz-target", format!("RekognitionService.{target}"))
        .header("x-amz-date", date)
        .header("authorization", scope)
        .body(Body::from(body.to_string()))
        .expect("a request");
    let (parts, body) = server.handle(request).await.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
    (parts.status.as_u16(), parts.headers, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

fn now() -> String {
    Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string()
}

fn start(tag: &str) -> Value {
    json!({"Video": {"S3Object": {"Bucket": "bucket", "Name": "k.mp4"}}, "JobTag": tag})
}

#[tokio::test]
async fn the_target_names_the_operation() {
    let server = server();
    let (status, headers, body) = ask(&server, "StartLabelDetection", &now(), start("t")).await;
    assert_eq!((status, body), (200, json!({"JobId": "job-1"})));
    assert_eq!(headers["content-type"], "application/x-amz-json-1.1");
    assert_eq!(headers["x-amzn-requestid"].len(), 36);
    let counted = json!({"rekognition": {"StartLabelDetection": {"calls": 1, "began": 1}}});
    assert_eq!(server.calls.report(), counted);
    let (status, _, body) = ask(&server, "StartPersonTracking", &now(), start("t")).await;
    assert_eq!((status, &body["__type"]), (400, &json!("UnknownOperationException")));
}

#[tokio::test]
async fn what_the_model_does_not_allow_is_refused_in_its_words() {
    let server = server();
    let mut input = start("t");
    input["MinConfidence"] = json!(101);
    let (status, _, body) = ask(&server, "StartLabelDetection", &now(), input).await;
    let message = "1 validation error detected: Value 101 at 'minConfidence' failed to satisfy \
                   constraint: Member must have value less than or equal to 100";
    assert_eq!((status, body), (400, json!({"__type": "ValidationException", "message": message})));
}

#[tokio::test]
async fn faults_of_the_service_are_told_as_its_own() {
    let (status, _, body) = ask(&server(), "StartLabelDetection", &now(), start("fault")).await;
    let expected = json!({"__type": "LimitExceededException", "message": "22 open Jobs"});
    assert_eq!((status, body), (400, expected));
}

#[tokio::test]
async fn an_answer_the_service_never_gives_is_a_failure_of_the_emulator() {
    let (status, _, body) = ask(&server(), "StartLabelDetection", &now(), start("wrong")).await;
    assert_eq!((status, &body["__type"]), (500, &json!("EmulatorError")));
}

#[tokio::test]
async fn a_clock_that_is_off_is_refused() {
    let server = server();
    let (status, _, body) =
        ask(&server, "StartLabelDetection", "20200101T000000Z", start("t")).await;
    assert_eq!((status, &body["__type"]), (400, &json!("InvalidSignatureException")));
    let counted = server.calls.report();
    assert_eq!(counted, json!({}), "a refused caller has asked nothing of the service");
}

#[tokio::test]
async fn a_service_that_is_absent_says_so() {
    let mut server = server();
    server.services.rekognition = None;
    let (status, _, _) = ask(&server, "StartLabelDetection", &now(), start("t")).await;
    assert_eq!(status, 501);
}
