//! The calls to the vault: an object into it, and out of it again.

use aws_sdk_glacier::Client;
use aws_sdk_glacier::primitives::ByteStream;
use aws_sdk_glacier::types::{JobParameters, StatusCode};
use bytes::{Bytes, BytesMut};
use emam_core::backend::{GetOptions, Key, Object, PutOptions, RestoreSpeed, Storage};
use emam_core::{Error, ErrorKind, Result, Retry};
use futures_util::StreamExt;
use jiff::{SignedDuration, Timestamp};
use md5::{Digest, Md5};

use super::tree_hash::{TreeHash, tree_hash};
use crate::error::error;

/// Bytes of the smallest part. Parts are 1 MiB times a power of two (API reference of
/// InitiateMultipartUpload), at most 10,000 of them.
const SMALLEST_PART: u64 = 16 << 20;
const MOST_PARTS: u64 = 10_000;

/// Bytes asked for at once on the way back: whole MiB times a power of two, so that the service
/// tells the tree hash of each.
const RANGE: u64 = 16 << 20;

/// A vault of an account.
#[derive(Clone)]
pub(super) struct Vault {
    pub(super) client: Client,
    pub(super) account: String,
    pub(super) name: String,
}

/// What the vault has taken.
pub(super) struct Taken {
    pub(super) archive_id: String,
    pub(super) size: u64,
    pub(super) md5: String,
    pub(super) tree_hash: String,
}

/// What a job is at.
pub(super) enum JobState {
    Running,
    /// It has ended, and took so long.
    Done(Option<SignedDuration>),
    Failed(String),
    /// The vault knows nothing of it any more: what it brought is gone after a day.
    Gone,
}

/// Bytes of each part but the last of an archive of `size` bytes.
fn part_size(size: u64) -> u64 {
    let mut part = SMALLEST_PART;
    while part * MOST_PARTS < size {
        part *= 2;
    }
    part
}

impl Vault {
    /// Reads an object once and puts it into the vault; gives what the vault has confirmed.
    pub(super) async fn take(
        &self,
        operation: &'static str,
        storage: &dyn Storage,
        key: &Key,
    ) -> Result<Taken> {
        let object = storage.get(key, GetOptions::default()).await?;
        let size = object.stat.size;
        if size == 0 {
            let message = "a vault keeps no empty objects; leave it where it is";
            return Err(Error::new(ErrorKind::Unsupported, operation, message).with("key", key));
        }
        let part = part_size(size);
        let mut bytes = Parts::of(object, part);
        // An archive that lost its marker is found by this in the vault's inventory.
        let name: String = key.as_str().escape_default().take(1000).collect();
        let description = format!("emam {name}");
        if size <= part {
            let Some(body) = bytes.next().await? else { return Err(cut_short(operation, key)) };
            return self.take_whole(operation, key, size, body, description).await;
        }
        let begin = self.client.initiate_multipart_upload().account_id(&self.account);
        let begin = begin.vault_name(&self.name).archive_description(description);
        let begun = begin.part_size(part.to_string()).send().await;
        let upload = begun.map_err(|cause| error(operation, cause))?.upload_id.unwrap_or_default();
        let taken = self.take_parts(operation, key, size, &upload, &mut bytes).await;
        if taken.is_err() {
            let abort = self.client.abort_multipart_upload().account_id(&self.account);
            // What cannot be aborted now goes by itself after a day.
            drop(abort.vault_name(&self.name).upload_id(upload).send().await);
        }
        taken
    }

    async fn take_whole(
        &self,
        operation: &'static str,
        key: &Key,
        size: u64,
        body: Bytes,
        description: String,
    ) -> Result<Taken> {
        if body.len() as u64 != size {
            return Err(cut_short(operation, key));
        }
        let ours = tree_hash(&body);
        let md5 = data_encoding::HEXLOWER.encode(&Md5::digest(&body));
        let upload = self.client.upload_archive().account_id(&self.account).vault_name(&self.name);
        let upload = upload.archive_description(description).checksum(&ours);
        let sent = upload.body(ByteStream::from(body)).send().await;
        let sent = sent.map_err(|cause| error(operation, cause))?;
        proved(operation, key, &ours, sent.checksum.as_deref())?;
        let archive_id = named(operation, sent.archive_id)?;
        Ok(Taken { archive_id, size, md5, tree_hash: ours })
    }

    async fn take_parts(
        &self,
        operation: &'static str,
        key: &Key,
        size: u64,
        upload: &str,
        bytes: &mut Parts,
    ) -> Result<Taken> {
        let (mut whole, mut md5, mut sent) = (TreeHash::new(), Md5::new(), 0_u64);
        while let Some(body) = bytes.next().await? {
            whole.update(&body);
            md5.update(&body);
            let end = sent + body.len() as u64;
            let part = self.client.upload_multipart_part().account_id(&self.account);
            let part = part.vault_name(&self.name).upload_id(upload).checksum(tree_hash(&body));
            let part = part.range(format!("bytes {sent}-{}/*", end - 1));
            let part = part.body(ByteStream::from(body)).send().await;
            part.map_err(|cause| error(operation, cause))?;
            sent = end;
        }
        if sent != size {
            return Err(cut_short(operation, key));
        }
        let ours = whole.finish();
        let complete = self.client.complete_multipart_upload().account_id(&self.account);
        let complete = complete.vault_name(&self.name).upload_id(upload).checksum(&ours);
        let done = complete.archive_size(size.to_string()).send().await;
        let done = done.map_err(|cause| error(operation, cause))?;
        proved(operation, key, &ours, done.checksum.as_deref())?;
        let archive_id = named(operation, done.archive_id)?;
        let md5 = data_encoding::HEXLOWER.encode(&md5.finalize());
        Ok(Taken { archive_id, size, md5, tree_hash: ours })
    }

    /// Orders an archive; gives the job.
    pub(super) async fn order(
        &self,
        operation: &'static str,
        archive_id: &str,
        speed: RestoreSpeed,
    ) -> Result<String> {
        let tier = match speed {
            RestoreSpeed::Expedited => "Expedited",
            RestoreSpeed::Standard => "Standard",
            RestoreSpeed::Bulk => "Bulk",
        };
        let parameters =
            JobParameters::builder().r#type("archive-retrieval").archive_id(archive_id).tier(tier);
        let order = self.client.initiate_job().account_id(&self.account).vault_name(&self.name);
        let ordered = order.job_parameters(parameters.build()).send().await;
        named(operation, ordered.map_err(|cause| error(operation, cause))?.job_id)
    }

    pub(super) async fn job(&self, operation: &'static str, id: &str) -> Result<JobState> {
        let ask = self.client.describe_job().account_id(&self.account).vault_name(&self.name);
        let job = match ask.job_id(id).send().await {
            Ok(job) => job,
            Err(cause)
                if cause
                    .as_service_error()
                    .is_some_and(|e| e.is_resource_not_found_exception()) =>
            {
                return Ok(JobState::Gone);
            }
            Err(cause) => return Err(error(operation, cause)),
        };
        Ok(match job.status_code {
            Some(StatusCode::Failed) => JobState::Failed(job.status_message.unwrap_or_default()),
            _ if job.completed => {
                let at = |text: Option<String>| text?.parse::<Timestamp>().ok();
                let times = at(job.creation_date).zip(at(job.completion_date));
                JobState::Done(times.map(|(begun, ended)| ended.duration_since(begun)))
            }
            _ => JobState::Running,
        })
    }

    /// Puts what a job has brought under `key` of a storage where nothing is; it is seen there only
    /// once all of it is proved.
    pub(super) async fn bring(
        &self,
        operation: &'static str,
        job: &str,
        storage: &dyn Storage,
        key: &Key,
        (size, expected): (u64, &str),
    ) -> Result<()> {
        let options = PutOptions { create_only: true, ..PutOptions::default() };
        let part = storage.part_size(size) as u64;
        if size <= part {
            let mut whole = BytesMut::new();
            let mut hash = TreeHash::new();
            while (whole.len() as u64) < size {
                let bytes = self.range(operation, job, whole.len() as u64, size).await?;
                hash.update(&bytes);
                whole.extend_from_slice(&bytes);
            }
            proved(operation, key, expected, Some(&hash.finish()))?;
            return storage.put(key, whole.freeze(), options).await.map(drop);
        }
        let upload = storage.upload_begin(key, options).await?;
        let brought = async {
            let (mut hash, mut buffer) = (TreeHash::new(), BytesMut::new());
            let (mut got, mut number) = (0, 0);
            while got < size {
                let bytes = self.range(operation, job, got, size).await?;
                hash.update(&bytes);
                got += bytes.len() as u64;
                buffer.extend_from_slice(&bytes);
                while buffer.len() as u64 >= part || (got >= size && !buffer.is_empty()) {
                    let body = buffer.split_to(buffer.len().min(part as usize)).freeze();
                    number += 1;
                    storage.upload_part(&upload, number, body).await?;
                }
            }
            proved(operation, key, expected, Some(&hash.finish()))?;
            storage.upload_complete(&upload).await.map(drop)
        };
        let brought = brought.await;
        if brought.is_err() {
            drop(storage.upload_abort(&upload).await);
        }
        brought
    }

    /// The bytes of a job's output from `start` on, as many as are asked for at once.
    async fn range(
        &self,
        operation: &'static str,
        job: &str,
        start: u64,
        size: u64,
    ) -> Result<Bytes> {
        let end = (start + RANGE).min(size);
        let get = self.client.get_job_output().account_id(&self.account).vault_name(&self.name);
        let get = get.job_id(job).range(format!("bytes={start}-{}", end - 1)).send().await;
        let output = get.map_err(|cause| error(operation, cause))?;
        let bytes = output.body.collect().await.map_err(|cause| {
            let message = "the vault's bytes stopped coming";
            Error::new(ErrorKind::Unavailable, operation, message).with("job", job).caused_by(cause)
        })?;
        let bytes = bytes.into_bytes();
        if bytes.len() as u64 != end - start {
            let message = "the vault gave another number of bytes than was asked for";
            return Err(Error::new(ErrorKind::Unavailable, operation, message)
                .with("job", job)
                .with("bytes", bytes.len())
                .with("asked", end - start));
        }
        Ok(bytes)
    }

    /// Deletes an archive; one that is gone is fine.
    pub(super) async fn forget(&self, operation: &'static str, archive_id: &str) -> Result<()> {
        let delete = self.client.delete_archive().account_id(&self.account).vault_name(&self.name);
        match delete.archive_id(archive_id).send().await {
            Ok(_) => Ok(()),
            Err(cause)
                if cause
                    .as_service_error()
                    .is_some_and(|e| e.is_resource_not_found_exception()) =>
            {
                Ok(())
            }
            Err(cause) => Err(error(operation, cause)),
        }
    }
}

/// An object's bytes in parts of one size.
struct Parts {
    object: Object,
    part: usize,
    buffer: BytesMut,
    ended: bool,
}

impl Parts {
    fn of(object: Object, part: u64) -> Self {
        let part = usize::try_from(part).unwrap_or(usize::MAX);
        Self { object, part, buffer: BytesMut::new(), ended: false }
    }

    async fn next(&mut self) -> Result<Option<Bytes>> {
        while !self.ended && self.buffer.len() < self.part {
            match self.object.body.next().await {
                Some(chunk) => self.buffer.extend_from_slice(&chunk?),
                None => self.ended = true,
            }
        }
        let length = self.buffer.len().min(self.part);
        Ok((length > 0).then(|| self.buffer.split_to(length).freeze()))
    }
}

/// Checks that the vault says of the bytes what we say of them.
fn proved(operation: &'static str, key: &Key, ours: &str, theirs: Option<&str>) -> Result<()> {
    if theirs == Some(ours) {
        return Ok(());
    }
    let message = "the vault's checksum is not that of the bytes; nothing was deleted";
    Err(Error::new(ErrorKind::Integrity, operation, message)
        .with("key", key)
        .with("expected", ours)
        .with("found", theirs.unwrap_or("none"))
        .retry(Retry::Yes))
}

fn cut_short(operation: &'static str, key: &Key) -> Error {
    let message = "the object has changed while it was read; archive it again";
    Error::new(ErrorKind::Conflict, operation, message).with("key", key).retry(Retry::Yes)
}

fn named(operation: &'static str, id: Option<String>) -> Result<String> {
    id.filter(|id| !id.is_empty()).ok_or_else(|| {
        Error::new(ErrorKind::Unavailable, operation, "the vault gave no id in its answer")
    })
}

/// The tree hash of an object of a storage.
pub(super) async fn tree_hash_of(storage: &dyn Storage, key: &Key) -> Result<String> {
    let mut object = storage.get(key, GetOptions::default()).await?;
    let mut hash = TreeHash::new();
    while let Some(chunk) = object.body.next().await {
        hash.update(&chunk?);
    }
    Ok(hash.finish())
}

#[cfg(test)]
mod tests {
    use super::super::tree_hash::MIB;
    use super::*;

    #[test]
    fn parts_are_as_many_as_may_be() {
        assert_eq!(part_size(1), SMALLEST_PART);
        assert_eq!(part_size(SMALLEST_PART * MOST_PARTS), SMALLEST_PART);
        assert_eq!(part_size(SMALLEST_PART * MOST_PARTS + 1), 2 * SMALLEST_PART);
        // 40,000 GB, the largest archive.
        let part = part_size(40_000_000_000_000);
        assert!(part <= 4 << 30 && (part / MIB as u64).is_power_of_two());
    }
}
