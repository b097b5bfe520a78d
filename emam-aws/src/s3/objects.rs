//! Whole objects: put, told of, listed, deleted, addressed.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    ChecksumMode, Delete, EncodingType, ObjectIdentifier, ServerSideEncryption,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use bytes::Bytes;
use emam_core::backend::storage_rules::{given_md5, io_error, parse_cursor};
use emam_core::backend::{
    Key, Outcome, PresignMethod, PresignRequest, Presigned, PutFileOptions, PutOptions, Stat,
};
use emam_core::model::{Page, PageRequest};
use emam_core::transfer::Buffers;
use emam_core::{Error, ErrorKind, Result, Retry};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::checksum::{content_md5, content_md5_of, crc64, md5_of_etag};
use super::names::listed_name;
use super::uploads::UploadId;
use super::{Checksums, PARTS_AT_ONCE, S3Storage, exists, part_size, status, unsigned};
use crate::error::{error, refused};

/// Metadata of an object: its MD5 as 32 hexadecimal digits, as we knew it when it was sent.
pub(super) const MD5: &str = "emam-md5";

/// Keys one request deletes at most.
const DELETED_AT_ONCE: usize = 1000;

/// Bytes the MD5 of which is added up without leaving the thread.
const ADDED_UP_AT_ONCE: usize = 1 << 20;

/// The checksums a body is sent with.
pub(super) struct Sums {
    pub(super) crc64: Option<String>,
    pub(super) content_md5: Option<String>,
}

impl S3Storage {
    pub(super) async fn put_body(
        &self,
        operation: &'static str,
        key: &Key,
        body: Bytes,
        options: PutOptions,
    ) -> Result<Stat> {
        let md5 = options.md5.as_deref().map(|md5| given_md5(operation, md5)).transpose()?;
        let sums = self.sums(operation, &body, md5.as_deref()).await?;
        let size = body.len() as u64;
        let sent = self
            .client()
            .put_object()
            .bucket(self.bucket())
            .key(self.name(key))
            .body(ByteStream::from(body))
            .set_content_type(options.media_type)
            .set_metadata(md5.as_ref().map(|md5| HashMap::from([(MD5.into(), md5.clone())])))
            .set_checksum_crc64_nvme(sums.crc64)
            .set_content_md5(sums.content_md5)
            .set_server_side_encryption(self.options().encryption.algorithm())
            .set_ssekms_key_id(self.options().encryption.key_id())
            .set_storage_class(self.options().class())
            .set_if_none_match(options.create_only.then(|| "*".into()))
            .customize()
            // A checksum covers the body; the signature need not add it up once more.
            .disable_payload_signing()
            .send()
            .await;
        match sent {
            Ok(answer) => {
                let encryption = answer.server_side_encryption();
                let md5 = md5.or_else(|| vouched_md5(None, answer.e_tag(), encryption, None));
                Ok(Stat { md5, ..Stat::new(key.clone(), size) })
            }
            Err(cause) if options.create_only && is_condition(&cause) => {
                Err(self.condition(operation, key, cause).await)
            }
            Err(cause) => {
                let error = self.fail(operation, key, cause);
                // Without an MD5 of the caller's it was the way that spoilt the bytes.
                let spoilt = error.kind() == ErrorKind::Integrity && md5.is_none();
                Err(if spoilt { error.retry(Retry::Yes) } else { error })
            }
        }
    }

    /// The checksums to send `body` with, of which the MD5 may be known.
    pub(super) async fn sums(
        &self,
        operation: &'static str,
        body: &Bytes,
        md5: Option<&str>,
    ) -> Result<Sums> {
        let known = md5.map(|md5| content_md5_of(operation, md5)).transpose()?;
        Ok(match self.options().checksums {
            Checksums::Crc64Nvme => Sums { crc64: Some(crc64(body)), content_md5: known },
            Checksums::ContentMd5 => {
                let content_md5 = match known {
                    Some(known) => known,
                    None if body.len() <= ADDED_UP_AT_ONCE => content_md5(body),
                    None => {
                        let body = body.clone();
                        blocking(operation, move || Ok(content_md5(&body))).await?
                    }
                };
                Sums { crc64: None, content_md5: Some(content_md5) }
            }
        })
    }

    /// What a condition means that S3 has refused to write under.
    pub(super) async fn condition<E>(
        &self,
        operation: &'static str,
        key: &Key,
        cause: SdkError<E, HttpResponse>,
    ) -> Error
    where
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        if status(&cause) == Some(412) || self.head(operation, key).await.is_ok() {
            return exists(operation, key);
        }
        // Another write is under way, and whether it will succeed nobody knows.
        self.fail(operation, key, cause).retry(Retry::Yes)
    }

    pub(super) async fn put_local(
        &self,
        key: &Key,
        path: &Path,
        options: PutFileOptions,
    ) -> Result<Stat> {
        let operation = "storage.put_file";
        let consume = options.consume;
        let source = path.to_owned();
        let (file, size, whole) = blocking(operation, move || {
            let fail = |e| io_error(operation, &source, e);
            // Asked before opening: opening a pipe would wait for its other end.
            if !std::fs::metadata(&source).map_err(fail)?.is_file() {
                return Err(Error::invalid(operation, "only plain files can be stored")
                    .with("path", source.display()));
            }
            let file = File::open(&source).map_err(fail)?;
            let size = file.metadata().map_err(fail)?.len();
            // What is small is read here and now: another way to a thread would cost more.
            let fits = size <= part_size(size);
            let whole = fits.then(|| read(operation, &Buffers::default(), &file, &source, size));
            Ok((Arc::new(file), size, whole.transpose()?))
        })
        .await?;
        let options = PutOptions {
            create_only: options.create_only,
            md5: None,
            media_type: options.media_type,
        };
        let stat = if let Some(body) = whole {
            self.put_body(operation, key, body, options).await?
        } else {
            let upload = self.begin(key, options).await?;
            let sent = self.put_parts(operation, &upload, &file, path, size).await;
            match sent {
                Ok(stat) => stat,
                Err(error) => {
                    return match self.abort(&upload).await {
                        Ok(()) => Err(error),
                        Err(abort) => Err(error.with("upload not aborted", abort)),
                    };
                }
            }
        };
        if consume {
            let path = path.to_owned();
            blocking(operation, move || {
                std::fs::remove_file(&path).map_err(|e| io_error(operation, &path, e))
            })
            .await?;
        }
        Ok(stat)
    }

    async fn put_parts(
        &self,
        operation: &'static str,
        upload: &emam_core::backend::Upload,
        file: &Arc<File>,
        path: &Path,
        size: u64,
    ) -> Result<Stat> {
        let mut sending = FuturesUnordered::new();
        let buffers = Arc::new(Buffers::default());
        let mut left = size;
        for number in 1.. {
            let part = left.min(part_size(size));
            let body = read_part(operation, &buffers, file, path, part).await?;
            left -= part;
            sending.push(self.send_part(upload, number, body));
            while left == 0 || sending.len() >= PARTS_AT_ONCE {
                let Some(sent) = sending.next().await else { break };
                sent?;
            }
            if left == 0 {
                break;
            }
        }
        drop(sending);
        self.complete(upload).await
    }

    /// What the service tells of an object.
    pub(super) async fn head(
        &self,
        operation: &'static str,
        key: &Key,
    ) -> Result<HeadObjectOutput> {
        let wants_sums = self.options().checksums == Checksums::Crc64Nvme;
        self.client()
            .head_object()
            .bucket(self.bucket())
            .key(self.name(key))
            .set_checksum_mode(wants_sums.then_some(ChecksumMode::Enabled))
            .send()
            .await
            .map_err(|cause| match status(&cause) {
                // An answer without a body has no code, so this may be a missing bucket too.
                Some(404) => missing(operation, key, self.bucket()),
                _ => self.fail(operation, key, cause),
            })
    }

    pub(super) fn stat_of(&self, key: &Key, head: &HeadObjectOutput) -> Stat {
        let md5 = vouched_md5(
            head.metadata(),
            head.e_tag(),
            head.server_side_encryption(),
            head.sse_customer_algorithm(),
        );
        Stat { md5, ..Stat::new(key.clone(), unsigned(head.content_length())) }
    }

    pub(super) async fn list_page(
        &self,
        folder: Option<&Key>,
        page: PageRequest,
    ) -> Result<Page<Stat>> {
        let operation = "storage.list";
        let limit = page.checked_limit(operation)?;
        let mut after = match &page.cursor {
            Some(cursor) => Some(self.name(&parse_cursor(cursor)?)),
            None => None,
        };
        let mut items: Vec<Stat> = Vec::new();
        loop {
            let listed = self
                .client()
                .list_objects_v2()
                .bucket(self.bucket())
                .set_prefix(self.names_under(folder))
                .set_start_after(after.take())
                .max_keys(i32::try_from(limit - items.len()).unwrap_or(1000))
                .encoding_type(EncodingType::Url)
                .send()
                .await
                .map_err(|cause| error(operation, cause).with("bucket", self.bucket()))?;
            let encoding = listed.encoding_type();
            let named = |name: &str| listed_name(name, encoding);
            for object in listed.contents() {
                let name = object.key().and_then(named);
                // Others may have put objects there whose names are no keys: folders that the
                // console makes, for example.
                if let Some(key) = name.as_deref().and_then(|name| self.key(name)) {
                    items.push(Stat::new(key, unsigned(object.size())));
                }
                after = name.or(after);
            }
            let more = listed.is_truncated() == Some(true);
            if !more || items.len() >= limit || after.is_none() {
                let next = items.last().filter(|_| more).map(|last| last.key.to_string());
                return Ok(Page { items, next });
            }
        }
    }

    pub(super) async fn delete_all(&self, keys: &[Key]) -> Result<Vec<Outcome>> {
        let mut outcomes = Vec::with_capacity(keys.len());
        for keys in keys.chunks(DELETED_AT_ONCE) {
            let deleted = self.delete_some(keys).await;
            for key in keys {
                let result = match &deleted {
                    Ok(faults) => faults.get(&self.name(key)).cloned().map_or(Ok(()), Err),
                    Err(fault) => Err(fault.to_info()),
                };
                outcomes.push(Outcome { item: key.to_string(), result });
            }
        }
        Ok(outcomes)
    }

    /// Deletes what one request can, and tells what was not deleted.
    async fn delete_some(&self, keys: &[Key]) -> Result<HashMap<String, emam_core::ErrorInfo>> {
        let operation = "storage.delete";
        let broken = |cause| {
            Error::new(ErrorKind::Unexpected, operation, "a key was not named").caused_by(cause)
        };
        let objects = keys
            .iter()
            .map(|key| ObjectIdentifier::builder().key(self.name(key)).build())
            .collect::<Result<Vec<_>, _>>()
            .map_err(broken)?;
        let delete =
            Delete::builder().set_objects(Some(objects)).quiet(true).build().map_err(broken)?;
        let request = self.client().delete_objects().bucket(self.bucket()).delete(delete);
        let wants_md5 = self.options().checksums == Checksums::ContentMd5;
        let answer = request
            .customize()
            .mutate_request(move |request| {
                let md5 = request.body().bytes().filter(|_| wants_md5).map(content_md5);
                if let Some(md5) = md5 {
                    request.headers_mut().insert("content-md5", md5);
                }
            })
            .send()
            .await
            .map_err(|cause| error(operation, cause).with("bucket", self.bucket()))?;
        let faults = answer.errors().iter().filter(|fault| fault.code() != Some("NoSuchKey"));
        let told = faults.filter_map(|fault| {
            let status = if fault.code() == Some("InternalError") { 500 } else { 400 };
            let error = refused(operation, status, fault.code(), fault.message());
            Some((fault.key()?.to_owned(), error.with("key", fault.key()?).to_info()))
        });
        Ok(told.collect())
    }

    pub(super) async fn sign(&self, request: PresignRequest) -> Result<Presigned> {
        let operation = "storage.presign";
        let key = &request.key;
        let config = PresigningConfig::expires_in(request.expires_in).map_err(|cause| {
            Error::invalid(operation, "a signed address of S3 works for a week at most")
                .with("expires_in_s", request.expires_in.as_secs())
                .caused_by(cause)
        })?;
        let (bucket, name) = (self.bucket(), self.name(key));
        let signed = match &request.method {
            PresignMethod::Get => {
                let get = self.client().get_object().bucket(bucket).key(name);
                get.presigned(config).await.map_err(|cause| self.fail(operation, key, cause))
            }
            PresignMethod::Put => {
                let put = self.client().put_object().bucket(bucket).key(name);
                put.set_server_side_encryption(self.options().encryption.algorithm())
                    .set_ssekms_key_id(self.options().encryption.key_id())
                    .presigned(config)
                    .await
                    .map_err(|cause| self.fail(operation, key, cause))
            }
            PresignMethod::Part { upload, number } => {
                let part = self.client().upload_part().bucket(bucket).key(name);
                part.upload_id(UploadId::parse(upload).id)
                    .part_number(i32::try_from(*number).unwrap_or(i32::MAX))
                    .presigned(config)
                    .await
                    .map_err(|cause| self.fail(operation, key, cause))
            }
        }?;
        let headers = signed.headers().map(|(name, value)| (name.to_owned(), value.to_owned()));
        Ok(Presigned { url: signed.uri().to_owned(), headers: headers.collect() })
    }
}

/// Whether a write was refused because of its condition.
pub(super) fn is_condition<E>(cause: &SdkError<E, HttpResponse>) -> bool {
    matches!(status(cause), Some(409 | 412))
}

pub(super) fn missing(operation: &'static str, key: &Key, bucket: &str) -> Error {
    Error::new(ErrorKind::NotFound, operation, "the bucket has no object of this key")
        .with("key", key)
        .with("bucket", bucket)
}

/// The MD5 of an object where somebody vouches for it: we when we sent it, or S3 by an ETag that is
/// one, which it is for what was sent in one request and is not encrypted with other keys than S3's.
pub(super) fn vouched_md5(
    metadata: Option<&HashMap<String, String>>,
    etag: Option<&str>,
    encryption: Option<&ServerSideEncryption>,
    customer_key: Option<&str>,
) -> Option<String> {
    let told = metadata.and_then(|metadata| metadata.get(MD5));
    if let Some(md5) = told.and_then(|md5| given_md5("storage.stat", md5).ok()) {
        return Some(md5);
    }
    let plain = matches!(encryption, None | Some(ServerSideEncryption::Aes256));
    etag.filter(|_| plain && customer_key.is_none()).and_then(md5_of_etag).map(str::to_owned)
}

/// Does what waits for the disk or the processor where nothing else waits for it.
pub(super) async fn blocking<T: Send + 'static>(
    operation: &'static str,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|cause| {
        Error::new(ErrorKind::Unexpected, operation, "work on another thread broke off")
            .caused_by(cause)
    })?
}

/// The next `size` bytes of a file.
async fn read_part(
    operation: &'static str,
    buffers: &Arc<Buffers>,
    file: &Arc<File>,
    path: &Path,
    size: u64,
) -> Result<Bytes> {
    let (buffers, file, path) = (Arc::clone(buffers), Arc::clone(file), path.to_owned());
    blocking(operation, move || read(operation, &buffers, &file, &path, size)).await
}

fn read(
    operation: &'static str,
    buffers: &Buffers,
    file: &File,
    path: &Path,
    size: u64,
) -> Result<Bytes> {
    let length = usize::try_from(size).unwrap_or(usize::MAX);
    let part = buffers.read(file, length, |_| {}).map_err(|e| io_error(operation, path, e))?;
    if part.len() as u64 == size {
        return Ok(part);
    }
    Err(Error::new(ErrorKind::Integrity, operation, "the file changed while it was read")
        .with("path", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_md5_is_told_only_where_somebody_vouches_for_it() {
        let md5 = "900150983cd24fb0d6963f7d28e17f72";
        let etag = format!("\"{md5}\"");
        let of = |metadata: Option<&str>, etag: &str, encryption: Option<&str>| {
            let metadata = metadata.map(|md5| HashMap::from([(MD5.to_owned(), md5.to_owned())]));
            let encryption = encryption.map(ServerSideEncryption::from);
            vouched_md5(metadata.as_ref(), Some(etag), encryption.as_ref(), None)
        };
        assert_eq!(of(None, &etag, None).as_deref(), Some(md5));
        assert_eq!(of(None, &etag, Some("AES256")).as_deref(), Some(md5));
        for kms in ["aws:kms", "aws:kms:dsse", "aws:fsx"] {
            assert_eq!(of(None, &etag, Some(kms)), None, "{kms}");
            assert_eq!(of(Some(md5), &etag, Some(kms)).as_deref(), Some(md5), "ours, {kms}");
        }
        assert_eq!(of(None, "\"900150983cd24fb0d6963f7d28e17f72-1\"", None), None);
        assert_eq!(of(Some("no md5"), "\"x-2\"", None), None);
        assert_eq!(vouched_md5(None, Some(&etag), None, Some("AES256")), None, "a customer's key");
    }
}
