//! How the services reach objects in S3, so that their tests need none.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use async_trait::async_trait;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use tokio::io::AsyncWriteExt;

/// The objects of the account, as its services see them.
#[async_trait]
pub trait Media: fmt::Debug + Send + Sync {
    /// The size in bytes; `None` when there is no such object.
    async fn head(&self, bucket: &str, key: &str) -> anyhow::Result<Option<u64>>;

    /// The whole object; `None` when there is no such object.
    async fn get(&self, bucket: &str, key: &str) -> anyhow::Result<Option<Bytes>>;

    /// Writes the whole object into a file; `false` when there is no such object.
    async fn save(&self, bucket: &str, key: &str, path: &Path) -> anyhow::Result<bool>;

    /// Writes an object.
    async fn put(
        &self,
        bucket: &str,
        key: &str,
        content_type: &str,
        body: Bytes,
    ) -> anyhow::Result<()>;
}

/// The account's S3.
#[derive(Debug, Clone)]
pub struct S3Media {
    s3: aws_sdk_s3::Client,
}

impl S3Media {
    /// Reads and writes with this client.
    pub fn new(s3: aws_sdk_s3::Client) -> Self {
        Self { s3 }
    }

    async fn open(&self, bucket: &str, key: &str) -> anyhow::Result<Option<ByteStream>> {
        match self.s3.get_object().bucket(bucket).key(key).send().await {
            Ok(object) => Ok(Some(object.body)),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_no_such_key()) => Ok(None),
            Err(error) => match error.raw_response().map(|r| r.status().as_u16()) {
                Some(404) => Ok(None),
                _ => Err(error).with_context(|| format!("s3://{bucket}/{key} could not be read")),
            },
        }
    }
}

#[async_trait]
impl Media for S3Media {
    async fn head(&self, bucket: &str, key: &str) -> anyhow::Result<Option<u64>> {
        match self.s3.head_object().bucket(bucket).key(key).send().await {
            Ok(head) => Ok(Some(u64::try_from(head.content_length().unwrap_or(0))?)),
            Err(error) => match error.raw_response().map(|r| r.status().as_u16()) {
                Some(404) => Ok(None),
                _ => Err(error)
                    .with_context(|| format!("s3://{bucket}/{key} could not be looked at")),
            },
        }
    }

    async fn get(&self, bucket: &str, key: &str) -> anyhow::Result<Option<Bytes>> {
        let Some(body) = self.open(bucket, key).await? else { return Ok(None) };
        Ok(Some(body.collect().await?.into_bytes()))
    }

    async fn save(&self, bucket: &str, key: &str, path: &Path) -> anyhow::Result<bool> {
        let Some(mut body) = self.open(bucket, key).await? else { return Ok(false) };
        let mut file = tokio::fs::File::create(path).await?;
        while let Some(chunk) = body.try_next().await? {
            file.write_all(&chunk).await?;
        }
        file.flush().await?;
        Ok(true)
    }

    async fn put(
        &self,
        bucket: &str,
        key: &str,
        content_type: &str,
        body: Bytes,
    ) -> anyhow::Result<()> {
        let put = self.s3.put_object().bucket(bucket).key(key).content_type(content_type);
        put.body(ByteStream::from(body))
            .send()
            .await
            .with_context(|| format!("s3://{bucket}/{key} could not be written"))?;
        Ok(())
    }
}

/// Objects in memory. One may claim to be larger than it is, so that limits can be tried.
#[derive(Debug, Default)]
pub struct MemoryMedia {
    objects: Mutex<HashMap<(String, String), (Bytes, u64)>>,
}

impl MemoryMedia {
    /// Keeps an object.
    pub fn insert(&self, bucket: &str, key: &str, body: impl Into<Bytes>) {
        let body = body.into();
        let size = body.len() as u64;
        self.insert_claiming(bucket, key, body, size);
    }

    /// Keeps an object that claims to be `size` bytes large.
    pub fn insert_claiming(&self, bucket: &str, key: &str, body: impl Into<Bytes>, size: u64) {
        let mut objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        objects.insert((bucket.to_owned(), key.to_owned()), (body.into(), size));
    }

    /// The object as it is now.
    pub fn object(&self, bucket: &str, key: &str) -> Option<Bytes> {
        self.find(bucket, key).map(|(body, _)| body)
    }

    fn find(&self, bucket: &str, key: &str) -> Option<(Bytes, u64)> {
        let objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        objects.get(&(bucket.to_owned(), key.to_owned())).cloned()
    }
}

#[async_trait]
impl Media for MemoryMedia {
    async fn head(&self, bucket: &str, key: &str) -> anyhow::Result<Option<u64>> {
        Ok(self.find(bucket, key).map(|(_, size)| size))
    }

    async fn get(&self, bucket: &str, key: &str) -> anyhow::Result<Option<Bytes>> {
        Ok(self.object(bucket, key))
    }

    async fn save(&self, bucket: &str, key: &str, path: &Path) -> anyhow::Result<bool> {
        let Some(body) = self.object(bucket, key) else { return Ok(false) };
        tokio::fs::write(path, body).await?;
        Ok(true)
    }

    async fn put(
        &self,
        bucket: &str,
        key: &str,
        _content_type: &str,
        body: Bytes,
    ) -> anyhow::Result<()> {
        self.insert(bucket, key, body);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Response;

    use super::*;
    use crate::testing::{client, serve};

    /// One object, `b/there`; a bucket `closed`; all else is missing.
    fn answer(method: &str, path: &str) -> Response<Bytes> {
        let code = match path {
            "/b/there" => "",
            "/closed/k" => "AccessDenied",
            _ => "NoSuchKey",
        };
        let status = [("", 200), ("AccessDenied", 403), ("NoSuchKey", 404)];
        let status = status.into_iter().find(|(known, _)| *known == code).unwrap().1;
        let body = match (method, code) {
            ("HEAD" | "PUT", _) => String::new(),
            (_, "") => "bytes".to_owned(),
            (_, code) => format!("<Error><Code>{code}</Code><Message>m</Message></Error>"),
        };
        let answer = Response::builder().status(status);
        let answer = if method == "HEAD" { answer.header("content-length", "5") } else { answer };
        answer.body(body.into()).unwrap()
    }

    #[tokio::test]
    async fn a_missing_object_is_no_error_and_a_closed_one_is() {
        let url = serve(|parts, _| async move { answer(parts.method.as_str(), parts.uri.path()) });
        let s3 = client!(aws_sdk_s3, url.await);
        let s3 = s3.config().to_builder().force_path_style(true).build();
        let media = S3Media::new(aws_sdk_s3::Client::from_conf(s3));
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(media.head("b", "there").await.unwrap(), Some(5));
        assert_eq!(media.get("b", "there").await.unwrap().unwrap(), "bytes");
        assert!(media.save("b", "there", file.path()).await.unwrap());
        assert_eq!(std::fs::read(file.path()).unwrap(), b"bytes");
        media.put("b", "there", "text/plain", "bytes".into()).await.unwrap();
        assert_eq!(media.head("b", "none").await.unwrap(), None);
        assert_eq!(media.get("b", "none").await.unwrap(), None);
        assert!(!media.save("b", "none", file.path()).await.unwrap());
        let error = format!("{:#}", media.head("closed", "k").await.unwrap_err());
        assert!(error.contains("s3://closed/k"), "{error}");
        assert!(media.get("closed", "k").await.is_err());
        assert!(media.put("closed", "k", "text/plain", "x".into()).await.is_err());
    }
}
