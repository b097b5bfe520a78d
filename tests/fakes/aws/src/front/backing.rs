//! The real S3 server behind the front.

use anyhow::Context;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::header::{CONNECTION, TRANSFER_ENCODING};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use futures_util::StreamExt;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use jiff::Timestamp;
use tokio::sync::OnceCell;

use super::answer::Refusal;
use super::class::Class;
use super::overlay::{Facts, Place};
use crate::world::World;

/// The real S3 server behind the front.
#[derive(Debug)]
pub(super) struct Backing {
    origin: Uri,
    http: Client<HttpConnector, Body>,
    /// The account's own access, for what the front must know to answer.
    s3: aws_sdk_s3::Client,
    /// Whether it checks signatures; then nothing of a request may be changed.
    strict: OnceCell<bool>,
}

/// What HeadObject tells.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) place: Place,
    pub(super) facts: Facts,
    pub(super) class: Class,
    pub(super) modified: Timestamp,
}

impl Backing {
    pub(super) fn new(world: &World, origin: &str) -> anyhow::Result<Self> {
        let uri: Uri = origin.parse().with_context(|| format!("the S3 address {origin}"))?;
        anyhow::ensure!(
            uri.scheme_str() == Some("http") && uri.authority().is_some(),
            "the S3 address {origin} must be http://HOST:PORT"
        );
        let config = world.s3.config().to_builder().endpoint_url(origin).force_path_style(true);
        let s3 = aws_sdk_s3::Client::from_conf(config.build());
        let http = Client::builder(TokioExecutor::new()).build_http();
        Ok(Self { origin: uri, http, s3, strict: OnceCell::new() })
    }

    /// Sends a request on as it came: same method, path, query, headers (with the client's own
    /// Host, which is signed) and body, which streams through.
    pub(super) async fn forward(&self, mut request: Request) -> Result<Response, Refusal> {
        if !self.strict().await {
            // Such a server keeps a restore clock of its own, which would contradict ours.
            request.headers_mut().remove("x-amz-storage-class");
        }
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let uri = Uri::builder()
            .scheme("http")
            .authority(self.origin.authority().map_or("", |authority| authority.as_str()))
            .path_and_query(path)
            .build()
            .map_err(|why| Refusal::new(400, "InvalidURI", why))?;
        *request.uri_mut() = uri;
        request.headers_mut().remove(CONNECTION);
        request.extensions_mut().clear();
        let answer = self.http.request(request).await;
        let answer = answer.map_err(|why| {
            let message = format!("the S3 server behind the front does not answer: {why}");
            Refusal::new(503, "ServiceUnavailable", message)
        })?;
        let mut response = answer.map(Body::new);
        response.headers_mut().remove(CONNECTION);
        response.headers_mut().remove(TRANSFER_ENCODING);
        Ok(response)
    }

    /// Whether it refuses a request that nobody signed.
    async fn strict(&self) -> bool {
        let ask = || async {
            let uri = self.origin.clone();
            let request = Request::get(uri).body(Body::empty());
            let Ok(request) = request else { return Err(()) };
            let answer = self.http.request(request).await.map_err(|_| ())?;
            Ok(!answer.status().is_success())
        };
        self.strict.get_or_try_init(ask).await.copied().unwrap_or(true)
    }

    /// What it says of an object; with no version asked for, of the newest.
    pub(super) async fn head(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
    ) -> Result<Head, Refusal> {
        let ask = self.s3.head_object().bucket(bucket).key(key);
        let answer = ask.set_version_id(version.map(str::to_owned)).send().await;
        let answer =
            answer.map_err(|why| match why.raw_response().map(|raw| raw.status().as_u16()) {
                Some(404) => {
                    let message = "The specified key does not exist.";
                    Refusal::new(404, "NoSuchKey", message).detail("Key", key)
                }
                Some(405) => {
                    let message = "The specified method is not allowed against this resource.";
                    Refusal::new(405, "MethodNotAllowed", message)
                }
                _ => Refusal::behind("HeadObject", aws_sdk_s3::error::DisplayErrorContext(why)),
            })?;
        let class = answer.storage_class().and_then(|class| Class::parse(class.as_str()));
        let version = answer.version_id().filter(|version| *version != "null");
        let place = Place {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            version: version.map(str::to_owned),
        };
        let facts = Facts {
            size: answer.content_length().and_then(|size| size.try_into().ok()).unwrap_or(0),
            etag: answer.e_tag().unwrap_or_default().trim_matches('"').to_owned(),
        };
        let modified = answer.last_modified().map_or(0, |time| time.secs());
        let modified = Timestamp::from_second(modified).unwrap_or(Timestamp::UNIX_EPOCH);
        Ok(Head { place, facts, class: class.unwrap_or(Class::Standard), modified })
    }

    /// The tags of an object.
    pub(super) async fn tags(&self, place: &Place) -> Result<Vec<(String, String)>, Refusal> {
        let ask = self.s3.get_object_tagging().bucket(&place.bucket).key(&place.key);
        let answer = ask.set_version_id(place.version.clone()).send().await;
        let answer = answer.map_err(|why| {
            Refusal::behind("GetObjectTagging", aws_sdk_s3::error::DisplayErrorContext(why))
        })?;
        let pair = |tag: &aws_sdk_s3::types::Tag| (tag.key().to_owned(), tag.value().to_owned());
        Ok(answer.tag_set().iter().map(pair).collect())
    }
}

/// Bodies that must be read as a whole are lists and small documents: never more than this.
const MOST: usize = 16 << 20;

/// Reads a document as a whole, and gives the message back with it.
pub(super) async fn document(body: Body) -> Result<Bytes, Refusal> {
    let read = to_bytes(body, MOST).await;
    read.map_err(|why| Refusal::new(400, "IncompleteBody", format!("cannot read the body: {why}")))
}

/// Reads a body that is not wanted: a client that is still sending one may take an early answer
/// for a broken connection, which is not what it was meant to meet.
pub(super) async fn drain(body: Body) {
    let mut stream = body.into_data_stream();
    while let Some(Ok(_)) = stream.next().await {}
}

/// A header's text.
pub(super) fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}
