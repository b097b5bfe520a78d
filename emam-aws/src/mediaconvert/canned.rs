//! A server that answers as it is told and remembers what it was asked, for tests.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What was asked: `METHOD /path`, and the body.
pub(crate) type Asked = (String, Value);

/// The server.
#[derive(Debug, Clone)]
pub(crate) struct Canned {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Canned {
    /// Answers requests in their order with status, error code and body.
    pub(crate) async fn answering(answers: Vec<(u16, &'static str, Value)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let canned = Self { url, asked: Arc::default() };
        let (asked, mut answers) = (Arc::clone(&canned.asked), VecDeque::from(answers));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let Some(request) = request(&mut stream).await else { continue };
                asked.lock().unwrap().push(request);
                let (status, code, body) =
                    answers.pop_front().unwrap_or((500, "OutOfAnswers", Value::Null));
                let body = body.to_string();
                let code = if code.is_empty() {
                    String::new()
                } else {
                    format!("x-amzn-errortype: {code}\r\n")
                };
                let answer = format!(
                    "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\n{code}connection: \
                     close\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                );
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        canned
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn request(stream: &mut TcpStream) -> Option<Asked> {
    let mut bytes = Vec::new();
    let (head, length) = loop {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
            });
            break (head, end + 4 + length.unwrap_or(0_usize));
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    while bytes.len() < length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let start = head.find("\r\n").unwrap_or(head.len());
    let line = head[..start].trim_end_matches(" HTTP/1.1").to_owned();
    let body = &bytes[head.len() + 4..length];
    Some((line, serde_json::from_slice(body).unwrap_or(Value::Null)))
}
