//! How a gateway serves, checked before it does.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use axum::http::uri::Uri;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::read_record;
use crate::error::{Error, Result};

const OPERATION: &str = "gateway.options";

/// How a gateway serves. What is absent has a default that works on one machine.
///
/// ```
/// use emam_core::gateway::GatewayOptions;
///
/// let options = GatewayOptions::from_json(r#"{"tokens": ["a-long-random-token"]}"#)?;
/// assert_eq!(options.body_limit, 1024 * 1024);
/// let error = GatewayOptions::from_json(r#"{"token": "x"}"#).unwrap_err();
/// assert!(error.to_string().contains("`token`"));
/// # Ok::<(), emam_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GatewayOptions {
    /// Bearer tokens that are valid as long as the gateway runs, each of 8 characters or more. With
    /// none and no `secret`, whoever reaches the gateway may use it.
    pub tokens: Vec<String>,
    /// What signed tokens and signed media addresses are signed with, 16 bytes or more. Gateways with
    /// the same secret take each other's. Random for the life of the process when absent.
    pub secret: Option<String>,
    /// Origins of web pages that may use the gateway, exactly as browsers send them, for example
    /// `https://mam.example.com`. Every other origin is refused.
    pub allow_origins: Vec<String>,
    /// Names the gateway is reached by besides `localhost`, the loopback addresses and the address
    /// it listens on. A request for any other host is refused.
    pub allow_hosts: Vec<String>,
    /// Where clients find the gateway, for example `https://mam.example.com`, where that is not the
    /// address it listens on: signed media addresses begin with it.
    pub public_url: Option<String>,
    /// Operations that are not served, by name, for example `assets.path`.
    pub refuse_operations: Vec<String>,
    /// The most bytes of the body of an operation; 1 MiB unless told otherwise.
    pub body_limit: u64,
    /// How long a client may take to send the head of a request, in milliseconds, and how long a
    /// connection may lie idle between requests; 15 seconds unless told otherwise.
    pub header_timeout_ms: u64,
    /// How long a client may take to send the body of an operation, and may pause in an upload, in
    /// milliseconds; 30 seconds unless told otherwise.
    pub body_timeout_ms: u64,
    /// How long an operation may take, in milliseconds; 5 minutes unless told otherwise. More than
    /// `long_poll_ms`.
    pub request_timeout_ms: u64,
    /// How long operations that wait (`runs.join`, `events.list`) wait at most before they say that
    /// there is no news, in milliseconds; 30 seconds unless told otherwise.
    pub long_poll_ms: u64,
    /// How often a stream with no news sends a comment, in milliseconds, so that proxies keep it
    /// and dead ones are noticed; 15 seconds unless told otherwise.
    pub heartbeat_ms: u64,
    /// How long requests under way may take to end when the gateway shuts down, in milliseconds;
    /// 10 seconds unless told otherwise.
    pub shutdown_grace_ms: u64,
    /// How many connections are served at once; 512 unless told otherwise. More wait their turn.
    pub max_connections: usize,
    /// Takes resumable uploads; none when absent.
    pub uploads: Option<UploadOptions>,
}

/// How uploads are taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UploadOptions {
    /// Where they lie until they are ingested, best on the disk of the library. Made where there is
    /// none. Nothing else may be in it.
    pub folder: PathBuf,
    /// The most bytes of one upload; 1 TiB unless told otherwise.
    #[serde(default = "most_bytes")]
    pub max_bytes: u64,
    /// How many may be unfinished at once; 100 unless told otherwise.
    #[serde(default = "most_unfinished")]
    pub max_unfinished: usize,
    /// How long after its last change an upload is forgotten, in milliseconds; a day unless told
    /// otherwise.
    #[serde(default = "a_day")]
    pub expire_after_ms: u64,
}

const fn most_bytes() -> u64 {
    1 << 40
}

const fn most_unfinished() -> usize {
    100
}

const fn a_day() -> u64 {
    86_400_000
}

impl UploadOptions {
    /// Uploads into `folder`, with the default limits.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            max_bytes: most_bytes(),
            max_unfinished: most_unfinished(),
            expire_after_ms: a_day(),
        }
    }
}

impl Default for GatewayOptions {
    fn default() -> Self {
        Self {
            tokens: Vec::new(),
            secret: None,
            allow_origins: Vec::new(),
            allow_hosts: Vec::new(),
            public_url: None,
            refuse_operations: Vec::new(),
            body_limit: 1024 * 1024,
            header_timeout_ms: 15_000,
            body_timeout_ms: 30_000,
            request_timeout_ms: 300_000,
            long_poll_ms: 30_000,
            heartbeat_ms: 15_000,
            shutdown_grace_ms: 10_000,
            max_connections: 512,
            uploads: None,
        }
    }
}

// By hand, so that no secret comes into a log.
impl fmt::Debug for GatewayOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatewayOptions")
            .field("tokens", &self.tokens.len())
            .field("secret", &self.secret.is_some())
            .field("allow_origins", &self.allow_origins)
            .field("allow_hosts", &self.allow_hosts)
            .field("uploads", &self.uploads)
            .finish_non_exhaustive()
    }
}

impl GatewayOptions {
    /// Reads options from JSON, as commands and other languages give them.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for unknown or wrong options, named.
    pub fn from_json(text: &str) -> Result<Self> {
        read_record(OPERATION, "the options", text)
    }

    /// Whether whoever reaches the gateway may use it.
    pub(super) fn is_open(&self) -> bool {
        self.tokens.is_empty() && self.secret.is_none()
    }

    pub(super) fn check(&self) -> Result<()> {
        if let Some(token) = self.tokens.iter().find(|token| !is_token(token)) {
            return Err(Error::invalid(
                OPERATION,
                "a token has 8 characters or more of A-Z a-z 0-9 - . _ ~ + / =",
            )
            .with("characters", token.chars().count()));
        }
        if self.secret.as_ref().is_some_and(|secret| secret.len() < 16) {
            return Err(Error::invalid(OPERATION, "a secret has 16 bytes or more"));
        }
        for origin in &self.allow_origins {
            if !is_origin(origin) {
                return Err(Error::invalid(
                    OPERATION,
                    "an origin is a scheme and a host, as https://mam.example.com; \
                     every page can be made to send null or *, so neither is one",
                )
                .with("allow_origins", origin));
            }
        }
        for host in &self.allow_hosts {
            if host.is_empty()
                || host.contains(|c: char| !c.is_ascii_graphic() || "/@*".contains(c))
            {
                return Err(Error::invalid(
                    OPERATION,
                    "a host is a name or an address without scheme and path, as mam.example.com",
                )
                .with("allow_hosts", host));
            }
        }
        if let Some(url) = &self.public_url {
            let uri = url.parse::<Uri>().ok().filter(|uri| {
                uri.authority().is_some() && matches!(uri.scheme_str(), Some("http" | "https"))
            });
            if uri.is_none_or(|uri| uri.query().is_some()) {
                return Err(Error::invalid(
                    OPERATION,
                    "public_url is an address as https://mam.example.com/media",
                )
                .with("public_url", url));
            }
        }
        for name in &self.refuse_operations {
            if crate::api::operation(name).is_none() {
                return Err(Error::invalid(OPERATION, "there is no such operation")
                    .with("refuse_operations", name));
            }
        }
        self.check_numbers()
    }

    fn check_numbers(&self) -> Result<()> {
        // A day at most: nothing here waits longer, and sums of them do not overflow.
        const MOST: u64 = 86_400_000;
        let times = [
            ("header_timeout_ms", self.header_timeout_ms),
            ("body_timeout_ms", self.body_timeout_ms),
            ("request_timeout_ms", self.request_timeout_ms),
            ("long_poll_ms", self.long_poll_ms),
            ("heartbeat_ms", self.heartbeat_ms),
            ("shutdown_grace_ms", self.shutdown_grace_ms),
        ];
        for (name, value) in times {
            if !(1..=MOST).contains(&value) {
                return Err(Error::invalid(
                    OPERATION,
                    "a time is from 1 millisecond to a day (86400000)",
                )
                .with(name, value));
            }
        }
        if self.request_timeout_ms <= self.long_poll_ms {
            return Err(Error::invalid(
                OPERATION,
                "request_timeout_ms is more than long_poll_ms, or waiting would be cut off",
            )
            .with("request_timeout_ms", self.request_timeout_ms)
            .with("long_poll_ms", self.long_poll_ms));
        }
        let sizes = [
            ("body_limit", usize::try_from(self.body_limit).is_ok_and(|limit| limit > 0)),
            ("max_connections", (1..=100_000).contains(&self.max_connections)),
        ];
        if let Some((name, _)) = sizes.iter().find(|(_, fine)| !fine) {
            return Err(Error::invalid(OPERATION, "this number is out of range").with("at", name));
        }
        match &self.uploads {
            Some(uploads) if uploads.folder.as_os_str().is_empty() => {
                Err(Error::invalid(OPERATION, "uploads need a folder").with("at", "uploads.folder"))
            }
            Some(uploads) if uploads.max_bytes == 0 || uploads.expire_after_ms == 0 => {
                Err(Error::invalid(OPERATION, "this number is more than 0")
                    .with("at", "uploads.max_bytes, uploads.expire_after_ms"))
            }
            _ => Ok(()),
        }
    }
}

/// A number of milliseconds as a time.
pub(super) const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// What can stand behind `Bearer` (RFC 6750).
fn is_token(text: &str) -> bool {
    text.len() >= 8 && text.chars().all(|c| c.is_ascii_alphanumeric() || "-._~+/=".contains(c))
}

/// Whether a browser sends this as an origin: no path, no `null`, no wildcard.
fn is_origin(text: &str) -> bool {
    let Some((scheme, host)) = text.split_once("://") else { return false };
    let is_scheme = scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    let is_host = host.chars().all(|c| c.is_ascii_graphic() && !"/?#@*".contains(c));
    // Panels of the Creative Cloud send `file://`.
    !scheme.is_empty() && is_scheme && is_host && (!host.is_empty() || scheme == "file")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut GatewayOptions)) -> Error {
        let mut options = GatewayOptions::default();
        change(&mut options);
        options.check().unwrap_err()
    }

    #[test]
    fn defaults_are_fine_and_survive_json() {
        let options = GatewayOptions::default();
        options.check().unwrap();
        let text = serde_json::to_string(&options).unwrap();
        assert_eq!(GatewayOptions::from_json(&text).unwrap(), options);
        assert_eq!(GatewayOptions::from_json("{}").unwrap(), options);
    }

    #[test]
    fn wrong_options_are_named() {
        for origin in ["null", "*", "https://a.example/path", "a.example", "https://", "://x"] {
            let error = refused(|o| o.allow_origins = vec![origin.to_owned()]);
            assert_eq!(error.get("allow_origins"), Some(origin));
        }
        for origin in ["https://a.example", "http://127.0.0.1:8080", "file://"] {
            let options =
                GatewayOptions { allow_origins: vec![origin.to_owned()], ..Default::default() };
            options.check().unwrap();
        }
        refused(|o| o.allow_hosts = vec!["https://a.example".to_owned()]);
        refused(|o| o.tokens = vec!["short".to_owned()]);
        refused(|o| o.tokens = vec!["with a blank".to_owned()]);
        refused(|o| o.secret = Some("short".to_owned()));
        refused(|o| o.long_poll_ms = o.request_timeout_ms);
        refused(|o| o.heartbeat_ms = 0);
        refused(|o| o.body_limit = 0);
        refused(|o| o.public_url = Some("mam.example.com".to_owned()));
        let error = refused(|o| o.refuse_operations = vec!["assets.fly".to_owned()]);
        assert_eq!(error.get("refuse_operations"), Some("assets.fly"));
        let wrong = GatewayOptions::from_json(r#"{"uploads": {"folder": 5}}"#).unwrap_err();
        assert_eq!(wrong.get("at"), Some("uploads.folder"));
    }

    #[test]
    fn secrets_are_not_shown() {
        let options = GatewayOptions {
            tokens: vec!["open-sesame".to_owned()],
            secret: Some("0123456789abcdef".to_owned()),
            ..Default::default()
        };
        let shown = format!("{options:?}");
        assert!(!shown.contains("sesame") && !shown.contains("0123"), "{shown}");
    }
}
