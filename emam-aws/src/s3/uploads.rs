//! Uploads in parts.

use std::collections::HashMap;
use std::fmt;

use aws_sdk_s3::operation::complete_multipart_upload::CompleteMultipartUploadOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart, EncodingType,
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use bytes::Bytes;
use emam_core::backend::storage_rules::{check_md5, check_part, given_md5, hex, whole_size};
use emam_core::backend::{GetOptions, Key, Part, PutOptions, Stat, Storage, Upload};
use emam_core::{Error, ErrorKind, Result, Retry};
use futures_util::StreamExt;
use md5::{Digest, Md5};

use super::checksum::{crc64_of_parts, etag_of_parts, is_composite, md5_of_etag, unquoted};
use super::names::listed_name;
use super::objects::{MD5, is_condition};
use super::{Checksums, Encryption, MOST_PARTS, S3Storage, exists, part_size, unsigned};
use crate::error::error;

/// The most bytes of a part, as S3 sets it.
const LARGEST_PART: u64 = 5 << 30;

/// S3's own id of an upload, with what it was begun with and S3 asks for at its end: without it the
/// upload could not be ended by another process.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct UploadId<'a> {
    pub(super) id: &'a str,
    create_only: bool,
    md5: Option<&'a str>,
}

impl<'a> UploadId<'a> {
    pub(super) fn parse(text: &'a str) -> Self {
        let mut words = text.split(';');
        let mut parsed = Self { id: words.next().unwrap_or_default(), ..Self::default() };
        for word in words {
            match word.split_once('=') {
                Some(("md5", md5)) => parsed.md5 = Some(md5),
                _ if word == "create_only" => parsed.create_only = true,
                _ => {}
            }
        }
        parsed
    }
}

impl fmt::Display for UploadId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id)?;
        if self.create_only {
            f.write_str(";create_only")?;
        }
        match self.md5 {
            Some(md5) => write!(f, ";md5={md5}"),
            None => Ok(()),
        }
    }
}

/// A part as S3 lists it.
pub(super) struct SentPart {
    pub(super) number: u32,
    pub(super) size: u64,
    pub(super) etag: String,
    pub(super) crc64: Option<String>,
}

impl SentPart {
    fn completed(&self) -> CompletedPart {
        CompletedPart::builder()
            .part_number(i32::try_from(self.number).unwrap_or(i32::MAX))
            .e_tag(&self.etag)
            .set_checksum_crc64_nvme(self.crc64.clone())
            .build()
    }
}

impl S3Storage {
    pub(super) async fn begin(&self, key: &Key, options: PutOptions) -> Result<Upload> {
        let operation = "storage.upload_begin";
        let md5 = options.md5.as_deref().map(|md5| given_md5(operation, md5)).transpose()?;
        if options.create_only && self.is_there(operation, key).await? {
            return Err(exists(operation, key));
        }
        let metadata = md5.as_ref().map(|md5| HashMap::from([(MD5.into(), md5.clone())]));
        let id = self.begin_with(operation, key, options.media_type, metadata, None).await?;
        let id = UploadId { id: &id, create_only: options.create_only, md5: md5.as_deref() };
        Ok(Upload { id: id.to_string(), key: key.clone() })
    }

    async fn is_there(&self, operation: &'static str, key: &Key) -> Result<bool> {
        match self.head(operation, key).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Begins an upload and gives S3's id of it.
    pub(super) async fn begin_with(
        &self,
        operation: &'static str,
        key: &Key,
        media_type: Option<String>,
        metadata: Option<HashMap<String, String>>,
        class: Option<aws_sdk_s3::types::StorageClass>,
    ) -> Result<String> {
        let with_crc64 = self.options().checksums == Checksums::Crc64Nvme;
        let begun = self
            .client()
            .create_multipart_upload()
            .bucket(self.bucket())
            .key(self.name(key))
            .set_content_type(media_type)
            .set_metadata(metadata)
            .set_checksum_algorithm(with_crc64.then_some(ChecksumAlgorithm::Crc64Nvme))
            .set_checksum_type(with_crc64.then_some(ChecksumType::FullObject))
            .set_server_side_encryption(self.options().encryption.algorithm())
            .set_ssekms_key_id(self.options().encryption.key_id())
            .set_storage_class(class.or_else(|| self.options().class()))
            .send()
            .await
            .map_err(|cause| self.fail(operation, key, cause))?;
        begun.upload_id.ok_or_else(|| {
            Error::new(ErrorKind::Unexpected, operation, "the store gives the upload no id")
                .with("key", key)
        })
    }

    pub(super) async fn send_part(
        &self,
        upload: &Upload,
        number: u32,
        body: Bytes,
    ) -> Result<Part> {
        let operation = "storage.upload_part";
        let size = body.len() as u64;
        check_part(operation, upload, number, size, LARGEST_PART)?;
        if u64::from(number) > MOST_PARTS {
            return Err(Error::invalid(operation, "S3 takes 10,000 parts at most")
                .with("key", &upload.key)
                .with("number", number));
        }
        let sums = self.sums(operation, &body, None).await?;
        let md5 = sums.content_md5.clone();
        let sent = self
            .client()
            .upload_part()
            .bucket(self.bucket())
            .key(self.name(&upload.key))
            .upload_id(UploadId::parse(&upload.id).id)
            .part_number(i32::try_from(number).unwrap_or(i32::MAX))
            .body(ByteStream::from(body))
            .set_checksum_crc64_nvme(sums.crc64.clone())
            .set_content_md5(sums.content_md5)
            .customize()
            // A checksum covers the body; the signature need not add it up once more.
            .disable_payload_signing()
            .send()
            .await
            .map_err(|cause| {
                let error = self.about_upload(operation, upload, cause);
                // The checksum is ours, so it was the way that spoilt the bytes.
                let spoilt = error.kind() == ErrorKind::Integrity;
                if spoilt { error.with("part", number).retry(Retry::Yes) } else { error }
            })?;
        if let Some(etag) = sent.e_tag() {
            let id = UploadId::parse(&upload.id).id;
            self.sent_parts_here().keep(id, number, etag, sums.crc64.as_deref());
        }
        let md5 = md5.and_then(|_| sent.e_tag().and_then(md5_of_etag).map(str::to_owned));
        Ok(Part { number, size, checksum: sums.crc64.or(md5) })
    }

    fn about_upload<E>(
        &self,
        operation: &'static str,
        upload: &Upload,
        cause: aws_sdk_s3::error::SdkError<
            E,
            aws_smithy_runtime_api::client::orchestrator::HttpResponse,
        >,
    ) -> Error
    where
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        if is_gone(&cause) {
            gone(operation, upload)
        } else {
            self.fail(operation, &upload.key, cause)
        }
    }

    pub(super) async fn unfinished(&self, key: &Key) -> Result<Vec<Upload>> {
        let operation = "storage.uploads";
        let name = self.name(key);
        let mut found = Vec::new();
        let (mut after_key, mut after_id) = (None, None);
        loop {
            let listed = self
                .client()
                .list_multipart_uploads()
                .bucket(self.bucket())
                .prefix(&name)
                .set_key_marker(after_key)
                .set_upload_id_marker(after_id)
                .encoding_type(EncodingType::Url)
                .send()
                .await
                .map_err(|cause| error(operation, cause).with("key", key))?;
            let encoding = listed.encoding_type();
            let named = |text: &str| listed_name(text, encoding);
            for upload in listed.uploads() {
                // Names that only begin like this one are listed too, after it.
                if let Some(id) = upload.upload_id()
                    && upload.key().and_then(named).as_deref() == Some(&name)
                {
                    found.push((upload.initiated().copied(), id.to_owned()));
                }
            }
            after_key = listed.next_key_marker().and_then(named);
            after_id = listed.next_upload_id_marker().map(str::to_owned);
            let past = after_key.as_deref().is_none_or(|after| after > name.as_str());
            if listed.is_truncated() != Some(true) || past {
                break;
            }
        }
        found.sort_by(|(one, _), (other, _)| {
            one.partial_cmp(other).unwrap_or(std::cmp::Ordering::Equal)
        });
        Ok(found.into_iter().map(|(_, id)| Upload { id, key: key.clone() }).collect())
    }

    /// The parts S3 has of an upload, by number.
    pub(super) async fn sent_parts(
        &self,
        operation: &'static str,
        upload: &Upload,
    ) -> Result<Vec<SentPart>> {
        let mut parts = Vec::new();
        let mut after = None;
        loop {
            let listed = self
                .client()
                .list_parts()
                .bucket(self.bucket())
                .key(self.name(&upload.key))
                .upload_id(UploadId::parse(&upload.id).id)
                .set_part_number_marker(after)
                .send()
                .await
                .map_err(|cause| self.about_upload(operation, upload, cause))?;
            parts.extend(listed.parts().iter().map(|part| SentPart {
                number: part.part_number().and_then(|n| u32::try_from(n).ok()).unwrap_or(0),
                size: unsigned(part.size()),
                etag: part.e_tag().unwrap_or_default().to_owned(),
                crc64: part.checksum_crc64_nvme().map(str::to_owned),
            }));
            after = listed.next_part_number_marker().map(str::to_owned);
            if listed.is_truncated() != Some(true) || after.is_none() {
                return Ok(self.sent_parts_here().settle(UploadId::parse(&upload.id).id, parts));
            }
        }
    }

    pub(super) async fn sent(&self, upload: &Upload) -> Result<Vec<Part>> {
        let parts = self.sent_parts("storage.upload_parts", upload).await?;
        let with_crc64 = self.options().checksums == Checksums::Crc64Nvme;
        let told = parts.into_iter().map(|part| Part {
            number: part.number,
            size: part.size,
            checksum: match with_crc64 {
                true => part.crc64,
                false => md5_of_etag(&part.etag).map(str::to_owned),
            },
        });
        // What cannot be compared with the source is taken for not sent, so that it is sent again.
        Ok(told.filter(|part| part.checksum.is_some() || !self.capabilities().verifies).collect())
    }

    pub(super) async fn complete(&self, upload: &Upload) -> Result<Stat> {
        let operation = "storage.upload_complete";
        let id = UploadId::parse(&upload.id);
        let parts = self.sent_parts(operation, upload).await?;
        let sizes = || parts.iter().map(|part| (part.number, part.size));
        let size = sizes().map(|(_, size)| size).sum();
        whole_size(operation, upload, part_size(size), sizes())?;
        let sum = self.sum_of(operation, upload, &parts)?;
        let mut read_back = id.md5;
        if let (Some(md5), [only]) = (id.md5, parts.as_slice())
            && !matches!(self.options().encryption, Encryption::SseKms { .. })
            && let Some(found) = md5_of_etag(&only.etag)
        {
            check_md5(operation, md5, found).map_err(|error| error.with("key", &upload.key))?;
            read_back = None;
        }
        self.complete_of(operation, upload, &parts, &sum).await?;
        self.sent_parts_here().forget(id.id);
        if let Some(md5) = read_back {
            self.check_by_reading(operation, &upload.key, md5).await?;
        }
        let md5 = id.md5.map(str::to_owned);
        Ok(Stat { md5, ..Stat::new(upload.key.clone(), size) })
    }

    /// What the object will be known by: its CRC64NVME, or the ETag made of its parts' MD5s.
    fn sum_of(&self, operation: &'static str, upload: &Upload, parts: &[SentPart]) -> Result<Sum> {
        let sum = match self.options().checksums {
            Checksums::Crc64Nvme => {
                let known = parts.iter().map(|part| (part.crc64.as_deref(), part.size));
                let known: Option<Vec<_>> = known.map(|(sum, size)| Some((sum?, size))).collect();
                known.and_then(|known| crc64_of_parts(known.into_iter())).map(Sum::Crc64)
            }
            Checksums::ContentMd5
                if matches!(self.options().encryption, Encryption::SseKms { .. }) =>
            {
                Some(Sum::Unknown)
            }
            Checksums::ContentMd5 => {
                let known: Option<Vec<_>> =
                    parts.iter().map(|part| md5_of_etag(&part.etag)).collect();
                known.and_then(|known| etag_of_parts(known.into_iter())).map(Sum::Etag)
            }
        };
        sum.ok_or_else(|| {
            Error::new(
                ErrorKind::Unsupported,
                operation,
                "the store does not tell this kind of checksum of the parts; send them again, or set the \
                 other kind of checksums",
            )
            .with("key", &upload.key)
            .with("bucket", self.bucket())
        })
    }

    /// Makes the object of the parts listed, and checks that it is what they make.
    pub(super) async fn complete_of(
        &self,
        operation: &'static str,
        upload: &Upload,
        parts: &[SentPart],
        sum: &Sum,
    ) -> Result<()> {
        let id = UploadId::parse(&upload.id);
        let completed = parts.iter().map(SentPart::completed).collect();
        let full = matches!(sum, Sum::Crc64(_)).then_some(ChecksumType::FullObject);
        let crc64 = match sum {
            Sum::Crc64(crc64) => Some(crc64.clone()),
            _ => None,
        };
        let answer = self
            .client()
            .complete_multipart_upload()
            .bucket(self.bucket())
            .key(self.name(&upload.key))
            .upload_id(id.id)
            .multipart_upload(
                CompletedMultipartUpload::builder().set_parts(Some(completed)).build(),
            )
            .set_checksum_type(full)
            .set_checksum_crc64_nvme(crc64)
            .set_if_none_match(id.create_only.then(|| "*".into()))
            .send()
            .await;
        match answer {
            Ok(answer) => self.check_answer(operation, upload, sum, &answer).await,
            // The SDK asks again where an answer was lost, and then the upload is over already.
            Err(cause)
                if (is_gone(&cause) || is_condition(&cause))
                    && self.was_completed(operation, upload, sum).await =>
            {
                Ok(())
            }
            Err(cause) if id.create_only && is_condition(&cause) => {
                Err(self.condition(operation, &upload.key, cause).await)
            }
            Err(cause) => {
                let error = self.about_upload(operation, upload, cause);
                // Something else writes the key or completes the upload at this moment.
                let conflict = error.kind() == ErrorKind::Conflict;
                Err(if conflict { error.retry(Retry::Yes) } else { error })
            }
        }
    }

    async fn check_answer(
        &self,
        operation: &'static str,
        upload: &Upload,
        sum: &Sum,
        answer: &CompleteMultipartUploadOutput,
    ) -> Result<()> {
        let found = match sum {
            Sum::Unknown => return Ok(()),
            Sum::Etag(_) => answer.e_tag().map(|etag| unquoted(etag).to_owned()),
            Sum::Crc64(_) => match answer.checksum_crc64_nvme() {
                Some(found) => Some(found.to_owned()),
                None => self.head(operation, &upload.key).await?.checksum_crc64_nvme,
            },
        };
        match (sum, found) {
            (Sum::Crc64(wanted) | Sum::Etag(wanted), Some(found)) if *wanted == found => Ok(()),
            // Not of the bytes, but of the checksums of the parts, each of which was compared.
            (Sum::Crc64(_), Some(found)) if is_composite(&found) => Ok(()),
            (Sum::Crc64(wanted) | Sum::Etag(wanted), Some(found)) => Err(Error::new(
                ErrorKind::Integrity,
                operation,
                "the store made another object of the parts than was sent; send it again",
            )
            .with("key", &upload.key)
            .with("expected", wanted)
            .with("found", found)),
            _ => Err(Error::new(
                ErrorKind::Unsupported,
                operation,
                "the store tells no checksum of the object; set the other kind of checksums",
            )
            .with("key", &upload.key)
            .with("bucket", self.bucket())),
        }
    }

    /// Whether the upload has ended and the object is what it makes.
    async fn was_completed(&self, operation: &'static str, upload: &Upload, sum: &Sum) -> bool {
        let listed = self.sent_parts(operation, upload).await;
        if !listed.is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            return false;
        }
        let Ok(head) = self.head(operation, &upload.key).await else { return false };
        match sum {
            Sum::Crc64(wanted) => head.checksum_crc64_nvme() == Some(wanted),
            Sum::Etag(wanted) => head.e_tag().map(unquoted) == Some(wanted),
            Sum::Unknown => false,
        }
    }

    /// Compares an object with an MD5 it was promised to have, and deletes it where it differs: S3
    /// keeps no MD5 of what was sent in parts.
    async fn check_by_reading(
        &self,
        operation: &'static str,
        key: &Key,
        expected: &str,
    ) -> Result<()> {
        let mut object = self.open(key, GetOptions::default()).await?;
        let mut md5 = Md5::new();
        while let Some(chunk) = object.body.next().await {
            md5.update(&chunk?);
        }
        let checked = check_md5(operation, expected, &hex(&md5.finalize()));
        if checked.is_err() {
            for outcome in self.delete_all(std::slice::from_ref(key)).await? {
                outcome.result.map_err(Error::from)?;
            }
        }
        checked.map_err(|error| error.with("key", key))
    }

    pub(super) async fn abort(&self, upload: &Upload) -> Result<()> {
        let aborted = self
            .client()
            .abort_multipart_upload()
            .bucket(self.bucket())
            .key(self.name(&upload.key))
            .upload_id(UploadId::parse(&upload.id).id)
            .send()
            .await;
        self.sent_parts_here().forget(UploadId::parse(&upload.id).id);
        match aborted {
            Err(cause) if !is_gone(&cause) => {
                Err(self.fail("storage.upload_abort", &upload.key, cause))
            }
            _ => Ok(()),
        }
    }
}

/// What an object of parts will be known by.
pub(super) enum Sum {
    /// Its CRC64NVME.
    Crc64(String),
    /// Its ETag.
    Etag(String),
    /// Nothing that can be told beforehand.
    Unknown,
}

fn is_gone<E: ProvideErrorMetadata>(cause: &E) -> bool {
    cause.code() == Some("NoSuchUpload")
}

fn gone(operation: &'static str, upload: &Upload) -> Error {
    Error::new(
        ErrorKind::NotFound,
        operation,
        "no such upload: it is completed or aborted, or was never begun",
    )
    .with("upload", &upload.id)
    .with("key", &upload.key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_upload_was_begun_with_survives_in_its_id() {
        for id in [
            UploadId { id: "2~a.b_c-d", create_only: false, md5: None },
            UploadId { id: "x", create_only: true, md5: None },
            UploadId { id: "x", create_only: true, md5: Some("900150983cd24fb0d6963f7d28e17f72") },
        ] {
            assert_eq!(UploadId::parse(&id.to_string()), id);
        }
        assert_eq!(UploadId { id: "x", ..UploadId::default() }.to_string(), "x", "S3's own id");
    }
}
