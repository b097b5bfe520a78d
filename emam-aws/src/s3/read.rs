//! Reading an object, and going on where a connection broke off.

use std::ops::Range;

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use emam_core::backend::{ByteRange, GetOptions, Key, Object, Stat};
use emam_core::{Error, ErrorKind, Result, Retry};
use futures_util::{StreamExt, stream};

use super::objects::{missing, vouched_md5};
use super::{S3Storage, status, unsigned};

/// How often a body that breaks off is asked for again from where it stopped.
const RESUMED_AT_MOST: u32 = 3;

const OPERATION: &str = "storage.get";

impl S3Storage {
    pub(super) async fn open(&self, key: &Key, options: GetOptions) -> Result<Object> {
        if let Some(range) = options.range {
            // S3 takes a range that ends before it starts for none and gives everything.
            range.within(u64::MAX, key)?;
        }
        let answer = self.fetch(key, options.range, None).await?;
        let length = unsigned(answer.content_length());
        let (range, size) = match (options.range, answer.content_range()) {
            (None, _) => (0..length, length),
            (Some(_), Some(told)) => parse_content_range(told).ok_or_else(|| {
                Error::new(ErrorKind::Unexpected, OPERATION, "the store tells no range of the body")
                    .with("key", key)
                    .with("content_range", told.escape_debug())
            })?,
            // The whole object came although a range was wanted, as some stores do for one that
            // holds all of it.
            (Some(wanted), None) => {
                let range = wanted.within(length, key)?;
                if range != (0..length) {
                    let message = "the store does not give ranges of objects";
                    return Err(
                        Error::new(ErrorKind::Unsupported, OPERATION, message).with("key", key)
                    );
                }
                (range, length)
            }
        };
        let md5 = vouched_md5(
            answer.metadata(),
            answer.e_tag(),
            answer.server_side_encryption(),
            answer.sse_customer_algorithm(),
        );
        let stat = Stat { md5, ..Stat::new(key.clone(), size) };
        let reading = Reading {
            storage: self.clone(),
            key: key.clone(),
            etag: answer.e_tag().map(str::to_owned),
            body: answer.body,
            left: range.clone(),
            resumed: 0,
        };
        Ok(Object { stat, range, body: stream::try_unfold(reading, Reading::next).boxed() })
    }

    /// Asks for the bytes of a range, of the object as it was where `etag` is given.
    async fn fetch(
        &self,
        key: &Key,
        range: Option<ByteRange>,
        etag: Option<String>,
    ) -> Result<GetObjectOutput> {
        let resumes = etag.is_some();
        self.client()
            .get_object()
            .bucket(self.bucket())
            .key(self.name(key))
            .set_range(range.map(range_header))
            .set_if_match(etag)
            .send()
            .await
            .map_err(|cause| match status(&cause) {
                Some(416) => Error::invalid(OPERATION, "the range holds no byte of the object")
                    .with("key", key)
                    .with("start", range.map_or(0, |range| range.start)),
                Some(412) if resumes => replaced(key),
                Some(404) if resumes => replaced(key),
                Some(404) if cause_is_key(&cause) => missing(OPERATION, key, self.bucket()),
                _ => self.fail(OPERATION, key, cause),
            })
    }
}

fn cause_is_key<E: aws_smithy_types::error::metadata::ProvideErrorMetadata>(cause: &E) -> bool {
    cause.code() == Some("NoSuchKey")
}

fn replaced(key: &Key) -> Error {
    Error::new(
        ErrorKind::Conflict,
        OPERATION,
        "the object was replaced or deleted while it was read; read it again from its start",
    )
    .with("key", key)
}

/// A range as HTTP writes it. Servers count in 63 bits.
fn range_header(range: ByteRange) -> String {
    let most = i64::MAX as u64;
    let start = range.start.min(most);
    match range.end {
        Some(end) if end <= most => format!("bytes={start}-{}", end - 1),
        _ => format!("bytes={start}-"),
    }
}

/// The bytes that come and of how many, by `bytes 0-9/100`.
fn parse_content_range(told: &str) -> Option<(Range<u64>, u64)> {
    let (range, size) = told.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last).then_some((first..last + 1, size.parse().ok()?))
}

/// A body on its way.
struct Reading {
    storage: S3Storage,
    key: Key,
    /// Of which state of the object.
    etag: Option<String>,
    body: ByteStream,
    /// The bytes that have not come yet.
    left: Range<u64>,
    resumed: u32,
}

impl Reading {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>> {
        loop {
            let cause = match self.body.next().await {
                Some(Ok(bytes)) => {
                    self.left.start += bytes.len() as u64;
                    return Ok(Some((bytes, self)));
                }
                None if self.left.is_empty() => return Ok(None),
                // All bytes came and yet there is a fault: they do not add up.
                Some(Err(cause)) if self.left.is_empty() => {
                    let message = "the bytes do not add up to the checksum the store has of them";
                    return Err(Error::new(ErrorKind::Integrity, OPERATION, message)
                        .with("key", &self.key)
                        .retry(Retry::Yes)
                        .caused_by(cause));
                }
                Some(Err(cause)) => Some(cause),
                None => None,
            };
            self.resume(cause).await?;
        }
    }

    /// Asks for the rest.
    async fn resume(
        &mut self,
        cause: Option<aws_sdk_s3::primitives::ByteStreamError>,
    ) -> Result<()> {
        if self.resumed == RESUMED_AT_MOST || self.etag.is_none() {
            let error = Error::new(ErrorKind::Unavailable, OPERATION, "the connection breaks off")
                .with("key", &self.key)
                .with("missing_from", self.left.start);
            return Err(match cause {
                Some(cause) => error.caused_by(cause),
                None => error,
            });
        }
        self.resumed += 1;
        let range = ByteRange { start: self.left.start, end: Some(self.left.end) };
        let answer = self.storage.fetch(&self.key, Some(range), self.etag.clone()).await?;
        self.body = answer.body;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_written_and_read_as_http_has_them() {
        assert_eq!(range_header(ByteRange { start: 0, end: None }), "bytes=0-");
        assert_eq!(range_header(ByteRange { start: 5, end: Some(6) }), "bytes=5-5");
        assert_eq!(range_header(ByteRange { start: 5, end: Some(u64::MAX) }), "bytes=5-");
        assert_eq!(parse_content_range("bytes 5-9/100"), Some((5..10, 100)));
        for wrong in ["", "bytes */100", "bytes 9-5/100", "5-9/100", "bytes 5-9/*"] {
            assert_eq!(parse_content_range(wrong), None, "{wrong}");
        }
    }
}
