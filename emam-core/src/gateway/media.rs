//! Media: the bytes of renditions, whole or in part, and signed addresses of them.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{OriginalUri, Path, Query, Request, State};
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE,
    ETAG, IF_NONE_MATCH,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use schemars::JsonSchema;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as NoValue, StrDeserializer};
use serde::{Deserialize, Serialize};

use super::options::ms;
use super::problem::Problem;
use super::range::{Wanted, wanted};
use super::signing::unauthenticated;
use super::{Shared, auth, body, host};
use crate::backend::{ByteRange, GetOptions};
use crate::error::{Error, Result};
use crate::id::AssetId;
use crate::library::Found;
use crate::model::{Instance, Role};

/// What an address of media may say after its `?`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    #[serde(default)]
    part: u32,
    exp: Option<String>,
    sig: Option<String>,
}

/// `GET` and `HEAD /v1/media/{asset}/{role}`.
pub(super) async fn media(
    State(shared): State<Arc<Shared>>,
    path: Result<Path<(String, String)>, PathRejection>,
    query: Result<Query<Asked>, QueryRejection>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Path((asset, role)) = path?;
    let Query(asked) = query?;
    let (asset, role) = (asset.parse::<AssetId>()?, role_of(&role)?);
    match (&asked.exp, &asked.sig) {
        (None, None) => auth::check(&shared, &headers)?,
        (Some(expires), Some(signature)) => {
            let now = shared.clock().now();
            shared.signer.check_media(now, (asset, role, asked.part), expires, signature)?;
        }
        _ => return Err(unauthenticated("a signed address has both exp and sig").into()),
    }
    let found = shared.library.assets().find(asset, role, asked.part).await?;
    let (size, etag) = (found.instance.size, etag(&found.instance));
    let mut head = described(&found, &etag)?;

    if is_known(&headers, &etag) {
        head.remove(CONTENT_TYPE);
        return Ok((StatusCode::NOT_MODIFIED, head).into_response());
    }
    let range = match wanted(&headers, &etag, size) {
        // Ranges are defined for GET alone (RFC 9110, 14.2).
        Wanted::All => None,
        _ if method == Method::HEAD => None,
        Wanted::Part(range) => Some(range),
        Wanted::Nothing => {
            let error = Error::invalid("http", "the file has no such bytes").with("size", size);
            let problem = Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, error);
            return Err(problem.header(CONTENT_RANGE, value(&format!("bytes */{size}"))?));
        }
    };
    let storage = shared.library.backends().storage(&found.instance.storage)?;
    let key = found.instance.key.parse()?;
    let bytes = range.clone().unwrap_or(0..size);
    head.insert(CONTENT_LENGTH, HeaderValue::from(bytes.end - bytes.start));
    if method == Method::HEAD {
        storage.stat(&key).await?;
        return Ok((head, Body::empty()).into_response());
    }
    let wanted = range.as_ref().map(|r| ByteRange { start: r.start, end: Some(r.end) });
    let object = storage.get(&key, GetOptions { range: wanted }).await?;
    let status = match range {
        Some(range) => {
            let shown = format!("bytes {}-{}/{size}", range.start, range.end - 1);
            head.insert(CONTENT_RANGE, value(&shown)?);
            StatusCode::PARTIAL_CONTENT
        }
        None => StatusCode::OK,
    };
    Ok((status, head, Body::from_stream(object.body)).into_response())
}

fn role_of(text: &str) -> Result<Role> {
    let text_of: StrDeserializer<'_, NoValue> = text.into_deserializer();
    Role::deserialize(text_of).map_err(|cause| {
        Error::invalid("http", "this is no role of a rendition").with("role", text).caused_by(cause)
    })
}

/// A stored file never changes, so what it adds up to names its bytes for ever.
fn etag(instance: &Instance) -> String {
    let sums = &instance.checksums;
    match (&sums.xxh3, &sums.md5) {
        (Some(sum), _) => format!("\"xxh3-{sum}\""),
        (None, Some(sum)) => format!("\"md5-{sum}\""),
        (None, None) => format!("\"id-{}-{}\"", instance.id, instance.size),
    }
}

fn described(found: &Found, etag: &str) -> Result<HeaderMap> {
    let extension = found.instance.key.rsplit_once('.').map_or("", |(_, extension)| extension);
    let media_type = match (extension, found.rendition.media_type.as_str()) {
        ("vtt", _) => "text/vtt; charset=utf-8",
        (_, "") => "application/octet-stream",
        (_, media_type) => media_type,
    };
    let mut head = HeaderMap::new();
    head.insert(CONTENT_TYPE, value(media_type)?);
    head.insert(ETAG, value(etag)?);
    head.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    head.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    let name = file_name(found, extension);
    head.insert(CONTENT_DISPOSITION, value(&disposition(media_type, &name))?);
    Ok(head)
}

fn file_name(found: &Found, extension: &str) -> String {
    if found.rendition.role == Role::Original {
        return found.asset.file_name.clone();
    }
    let stem = found.asset.file_name.rsplit_once('.').map_or("", |(stem, _)| stem);
    let stem = if stem.is_empty() { &found.asset.file_name } else { stem };
    let part = found.instance.part;
    let part = if part > 0 { format!(" {part}") } else { String::new() };
    format!("{stem} {}{part}.{extension}", found.rendition.role.as_str())
}

/// Shown in place where it is media; everything else is for saving, so that nothing that came in as
/// a page is ever shown as one of ours.
fn disposition(media_type: &str, name: &str) -> String {
    /// All but what RFC 8187 lets stand.
    const ENCODED: &AsciiSet =
        &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    let is_shown = ["video/", "audio/", "image/"].iter().any(|kind| media_type.starts_with(kind))
        && !media_type.contains("svg");
    let how = if is_shown { "inline" } else { "attachment" };
    let plain = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '_' };
    let ascii: String =
        name.chars().map(plain).map(|c| if "\"\\/%".contains(c) { '_' } else { c }).collect();
    format!("{how}; filename=\"{ascii}\"; filename*=UTF-8''{}", utf8_percent_encode(name, ENCODED))
}

/// Whether the client has these bytes already (RFC 9110, 13.1.2).
fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let known = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    known
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == etag)
}

fn value(text: &str) -> Result<HeaderValue> {
    HeaderValue::from_str(text).map_err(|cause| {
        Error::new(crate::ErrorKind::Unexpected, "http", "a header cannot be sent")
            .with("header", text.escape_debug())
            .caused_by(cause)
    })
}

/// What to sign an address of.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MediaUrlRequest {
    /// The asset.
    asset: AssetId,
    /// What the rendition is for.
    role: Role,
    /// The file of it, from 0.
    #[serde(default)]
    part: u32,
    /// For how many seconds, from 1 to 604800 (a week); 15 minutes unless told otherwise.
    #[serde(default = "quarter_hour")]
    #[schemars(range(min = 1, max = 604_800))]
    ttl_s: u64,
}

const fn quarter_hour() -> u64 {
    900
}

/// A signed address of media: whoever has it may read that file until it expires, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignedMedia {
    /// The address.
    pub url: String,
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// `POST /v1/media-url`.
pub(super) async fn media_url(
    State(shared): State<Arc<Shared>>,
    OriginalUri(uri): OriginalUri,
    request: Request,
) -> Result<Response, Problem> {
    let host = host::authority(&request);
    let (parts, content) = request.into_parts();
    let patience = ms(shared.options.body_timeout_ms);
    let asked: MediaUrlRequest =
        body::json(&parts.headers, content, "media.sign", patience).await?;
    shared.library.assets().get(asked.asset).await?;
    let ttl = std::time::Duration::from_secs(asked.ttl_s);
    let mut signed = shared.sign_media(asked.asset, asked.role, asked.part, ttl)?;
    if shared.options.public_url.is_none() {
        // Where the client has reached us is where its player will.
        let before = uri.path().strip_suffix("/v1/media-url").unwrap_or_default();
        let host = host.map(|host| format!("http://{host}")).unwrap_or_default();
        signed.url = format!("{host}{before}{}", signed.url);
    }
    Ok(super::json(&signed)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_cannot_leave_its_header() {
        let shown = disposition("video/mp4", "Tak\"e 1\r\nX: y/ü.mp4");
        assert_eq!(
            shown,
            "inline; filename=\"Tak_e 1__X: y__.mp4\"; \
             filename*=UTF-8''Tak%22e%201%0D%0AX%3A%20y%2F%C3%BC.mp4"
        );
        assert!(HeaderValue::from_str(&shown).is_ok());
    }

    #[test]
    fn only_media_is_shown_in_place() {
        assert!(disposition("image/jpeg", "a.jpg").starts_with("inline"));
        for page in ["text/html", "image/svg+xml", "application/pdf", "application/octet-stream"] {
            assert!(disposition(page, "a").starts_with("attachment"), "{page}");
        }
    }
}
