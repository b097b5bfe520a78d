//! The one error of the library.
//!
//! Every fallible function returns [`Error`]: a [`kind`](Error::kind) to branch on, the
//! `noun.verb` operation that failed, one sentence that names the input and what to do, and the
//! facts as key and value. `Display` is that one sentence and never prints the source (a caller
//! that prints the chain would print it twice); [`Error::report`] prints everything.
//!
//! ```
//! use emam_core::{Error, ErrorKind};
//!
//! let error = Error::new(ErrorKind::NotFound, "assets.get", "no asset has this id")
//!     .with("id", "0190");
//! assert_eq!(error.to_string(), "not_found in assets.get: no asset has this id (id: 0190)");
//! assert!(!error.is_retryable());
//! ```

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The result of every fallible function of the library.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type BoxError = Box<dyn StdError + Send + Sync>;

/// What went wrong, and so what a caller can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The thing named does not exist. Check the id, key or path.
    NotFound,
    /// The thing to be created exists already. Use it, or choose another name.
    AlreadyExists,
    /// A parameter is wrong. The message names it and what is allowed; nothing was changed.
    InvalidInput,
    /// The media cannot be read as what it claims to be. The original, if stored, is kept.
    InvalidMedia,
    /// The record was changed by somebody else, or its state does not allow this. Read it again.
    Conflict,
    /// The actor is not allowed to do this.
    PermissionDenied,
    /// No valid credential was presented.
    Unauthenticated,
    /// This backend or build cannot do this. Its capabilities say so beforehand.
    Unsupported,
    /// The bytes are not readable yet, for example because they are archived. Wait or restore.
    NotReady,
    /// Bytes are not what they were said to be: a checksum differs or a file is damaged.
    Integrity,
    /// A service or lane has no free capacity. Try again later.
    RateLimited,
    /// No answer came in time.
    Timeout,
    /// A service, disk or program could not be reached or has failed. Trying again may help.
    Unavailable,
    /// Somebody asked for this work to stop.
    Cancelled,
    /// A fault of the library itself. Please report it with [`Error::report`].
    Unexpected,
}

impl ErrorKind {
    /// Every kind, in the order of its declaration.
    pub const ALL: [ErrorKind; 15] = [
        Self::NotFound,
        Self::AlreadyExists,
        Self::InvalidInput,
        Self::InvalidMedia,
        Self::Conflict,
        Self::PermissionDenied,
        Self::Unauthenticated,
        Self::Unsupported,
        Self::NotReady,
        Self::Integrity,
        Self::RateLimited,
        Self::Timeout,
        Self::Unavailable,
        Self::Cancelled,
        Self::Unexpected,
    ];

    /// The name used in JSON and in every binding, for example `not_found`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::AlreadyExists => "already_exists",
            Self::InvalidInput => "invalid_input",
            Self::InvalidMedia => "invalid_media",
            Self::Conflict => "conflict",
            Self::PermissionDenied => "permission_denied",
            Self::Unauthenticated => "unauthenticated",
            Self::Unsupported => "unsupported",
            Self::NotReady => "not_ready",
            Self::Integrity => "integrity",
            Self::RateLimited => "rate_limited",
            Self::Timeout => "timeout",
            Self::Unavailable => "unavailable",
            Self::Cancelled => "cancelled",
            Self::Unexpected => "unexpected",
        }
    }

    const fn default_retry(self) -> Retry {
        match self {
            Self::RateLimited | Self::Timeout | Self::Unavailable => Retry::Yes,
            _ => Retry::No,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether doing the same again can succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Retry {
    /// The same call fails again.
    No,
    /// The same call may succeed; wait as your retry policy says.
    Yes,
    /// The same call may succeed once this much time has passed.
    After(Duration),
}

/// What failed, where, why, and whether to try again. One pointer wide.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    operation: Cow<'static, str>,
    message: Cow<'static, str>,
    context: Vec<(Cow<'static, str>, String)>,
    retry: Retry,
    source: Option<BoxError>,
}

impl Error {
    /// An error of `kind` in `operation` (`noun.verb`), with one sentence for people.
    pub fn new(
        kind: ErrorKind,
        operation: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self(Box::new(Inner {
            kind,
            operation: operation.into(),
            message: message.into(),
            context: Vec::new(),
            retry: kind.default_retry(),
            source: None,
        }))
    }

    /// Shorthand for an [`ErrorKind::InvalidInput`].
    pub fn invalid(
        operation: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(ErrorKind::InvalidInput, operation, message)
    }

    /// Adds a fact: which file, which id, which limit.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        self.0.context.push((Cow::Borrowed(key), value.to_string()));
        self
    }

    /// Sets the error that caused this one.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Says whether the same call can succeed later, where that differs from what the kind implies.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.0.retry = retry;
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Where: `noun.verb`, the name of the operation in every language.
    pub fn operation(&self) -> &str {
        &self.0.operation
    }

    /// One sentence for people, without the context.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The facts, in the order they were added.
    pub fn context(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.context.iter().map(|(key, value)| (key.as_ref(), value.as_str()))
    }

    /// The value of one fact.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.context().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// Whether, and when, to try again.
    pub fn retry_advice(&self) -> Retry {
        self.0.retry
    }

    /// Whether doing the same again can succeed.
    pub fn is_retryable(&self) -> bool {
        self.0.retry != Retry::No
    }

    /// A view that prints the error, its facts and the chain of its causes on several lines.
    pub fn report(&self) -> Report<'_> {
        Report(self)
    }

    /// The form in which an error crosses languages, processes and the catalog.
    pub fn to_info(&self) -> ErrorInfo {
        let mut causes = Vec::new();
        let mut next = StdError::source(self);
        while let Some(cause) = next {
            causes.push(cause.to_string());
            next = cause.source();
        }
        ErrorInfo {
            kind: self.0.kind,
            operation: self.0.operation.to_string(),
            message: self.0.message.to_string(),
            retryable: self.is_retryable(),
            retry_after_ms: match self.0.retry {
                Retry::After(wait) => Some(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
                _ => None,
            },
            context: self.0.context.iter().map(|(k, v)| (k.to_string(), v.clone())).collect(),
            causes,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}: {}", self.0.kind, self.0.operation, self.0.message)?;
        for (i, (key, value)) in self.context().enumerate() {
            f.write_str(if i == 0 { " (" } else { ", " })?;
            write!(f, "{key}: {value}")?;
        }
        if !self.0.context.is_empty() {
            f.write_str(")")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.report().fmt(f)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// Prints an [`Error`] with its facts and causes; made by [`Error::report`].
pub struct Report<'a>(&'a Error);

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = &self.0.0;
        write!(f, "{} in {}: {}", error.kind, error.operation, error.message)?;
        for (key, value) in self.0.context() {
            write!(f, "\n  {key}: {value}")?;
        }
        let mut next = StdError::source(self.0);
        while let Some(cause) = next {
            write!(f, "\n  caused by: {cause}")?;
            next = cause.source();
        }
        Ok(())
    }
}

impl fmt::Debug for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An [`Error`] as data: what bindings, the gateway and stored runs carry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorInfo {
    /// What went wrong.
    pub kind: ErrorKind,
    /// Where, as `noun.verb`.
    pub operation: String,
    /// One sentence for people.
    pub message: String,
    /// Whether doing the same again can succeed.
    pub retryable: bool,
    /// How long to wait before trying again, in milliseconds, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// The facts, in order.
    #[serde(default)]
    pub context: Vec<(String, String)>,
    /// The causes, outermost first.
    #[serde(default)]
    pub causes: Vec<String>,
}

impl From<ErrorInfo> for Error {
    fn from(info: ErrorInfo) -> Self {
        let retry = match (info.retryable, info.retry_after_ms) {
            (_, Some(ms)) => Retry::After(Duration::from_millis(ms)),
            (true, None) => Retry::Yes,
            (false, None) => Retry::No,
        };
        let mut error = Error::new(info.kind, info.operation, info.message).retry(retry);
        error.0.context =
            info.context.into_iter().map(|(key, value)| (Cow::Owned(key), value)).collect();
        error.0.source =
            info.causes.into_iter().rev().fold(None, |source, message| {
                Some(Box::new(Cause { message, source }) as BoxError)
            });
        error
    }
}

/// A cause that has crossed a boundary and is text now.
#[derive(Debug)]
struct Cause {
    message: String,
    source: Option<BoxError>,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Cause {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_one_name_in_json_and_display() {
        for kind in ErrorKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }

    #[test]
    fn an_error_survives_the_way_through_its_info() {
        let io = std::io::Error::other("disk on fire");
        let error = Error::new(ErrorKind::Unavailable, "storage.put", "the disk failed")
            .with("key", "a/b")
            .retry(Retry::After(Duration::from_secs(2)))
            .caused_by(io);
        let again = Error::from(error.to_info());
        assert_eq!(again.to_info(), error.to_info());
        assert_eq!(again.report().to_string(), error.report().to_string());
        assert!(again.report().to_string().contains("disk on fire"));
        assert!(!again.to_string().contains("disk on fire"));
    }
}
