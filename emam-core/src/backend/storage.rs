//! Bytes by key.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use serde::{Deserialize, Serialize};

use crate::backend::Outcome;
use crate::error::{Error, Result};
use crate::model::{Page, PageRequest};

/// Bytes by key.
///
/// # Contract
/// - `stat_missing`: a key never written is [`NotFound`](crate::ErrorKind::NotFound), for `get`,
///   `stat` and `copy` alike.
/// - `put_then_get`: what was put is what is got, with its size, for empty bodies too.
/// - `put_replaces`: a second put under a key is what is got from then on.
/// - `create_only_conflicts`: `create_only` on a key that exists is
///   [`AlreadyExists`](crate::ErrorKind::AlreadyExists) and changes nothing.
/// - `put_checks_md5`: a body that does not add up to the given MD5 is
///   [`Integrity`](crate::ErrorKind::Integrity) and leaves no object.
/// - `put_is_atomic`: no reader and no list sees part of an object.
/// - `get_range`: a range gives exactly its bytes; an end past the object's is cut; a start at or
///   past the end is [`InvalidInput`](crate::ErrorKind::InvalidInput).
/// - `put_file_keeps_or_takes`: the file stays unless `consume` is set; then it is gone.
/// - `list_is_sorted_and_paged`: keys under a prefix come sorted by their bytes, each once, over
///   pages of any size; a prefix ends at a `/`.
/// - `list_hides_uploads`: an unfinished upload is in no list.
/// - `copy_copies`: the copy is equal and independent; `create_only` holds for it too.
/// - `delete_is_idempotent`: deleting a missing key succeeds.
/// - `delete_answers_per_key`: a batch answers for every key, in order.
/// - `upload_in_parts`: parts sent in any order make one object in the order of their numbers.
/// - `upload_resumes`: the parts sent are listed until the upload ends; a part sent again replaces.
/// - `part_checksums_tell_parts_apart`: where `part_checksum` gives one, it is what `upload_parts`
///   tells of a part with these bytes, and another for other bytes.
/// - `uploads_are_found_by_key`: an unfinished upload is listed for its key and no other.
/// - `upload_abort_leaves_nothing`: an aborted upload leaves no object and cannot be completed:
///   [`NotFound`](crate::ErrorKind::NotFound).
/// - `keys_hold_any_name`: names with spaces, `%`, `#`, `?`, emoji and 255 bytes are kept.
/// - `presign_as_said`: `presign` works where `capabilities().presign`, else it is
///   [`Unsupported`](crate::ErrorKind::Unsupported).
#[async_trait]
pub trait Storage: fmt::Debug + Send + Sync + 'static {
    /// What this storage can do. Constant.
    fn capabilities(&self) -> StorageCapabilities;

    /// Stores `body` under `key`, all of it or nothing, durably.
    async fn put(&self, key: &Key, body: Bytes, options: PutOptions) -> Result<Stat>;

    /// Stores a local file under `key`, all of it or nothing, durably.
    async fn put_file(&self, key: &Key, file: &Path, options: PutFileOptions) -> Result<Stat>;

    /// Opens the bytes under `key`, or a range of them.
    async fn get(&self, key: &Key, options: GetOptions) -> Result<Object>;

    /// Tells the size of what is under `key`.
    async fn stat(&self, key: &Key) -> Result<Stat>;

    /// Lists what is under `prefix`; all there is when it is absent.
    async fn list(&self, prefix: Option<&Key>, page: PageRequest) -> Result<Page<Stat>>;

    /// Copies within this storage.
    async fn copy(&self, from: &Key, to: &Key, options: CopyOptions) -> Result<Stat>;

    /// Deletes each key, answering for each.
    async fn delete(&self, keys: &[Key]) -> Result<Vec<Outcome>>;

    /// Makes an address under which one request works for a while without credentials.
    async fn presign(&self, request: PresignRequest) -> Result<Presigned>;

    /// Bytes of every part but the last of an upload of `size` bytes: always the same for a size, so
    /// that an upload can be gone on with by whoever knows the file.
    fn part_size(&self, size: u64) -> usize;

    /// What [`upload_parts`](Self::upload_parts) tells as the checksum of a part with these bytes;
    /// nothing where this storage keeps none. With it a part sent by a process that died is known
    /// to be right without reading it back.
    fn part_checksum(&self, body: &[u8]) -> Option<String>;

    /// Begins an upload in parts that survives the death of its process.
    async fn upload_begin(&self, key: &Key, options: PutOptions) -> Result<Upload>;

    /// Sends part `number`, counted from 1. Every part but the last has
    /// [`part_size`](Self::part_size) bytes. Parts may be sent at once.
    async fn upload_part(&self, upload: &Upload, number: u32, body: Bytes) -> Result<Part>;

    /// Lists the unfinished uploads to a key, oldest first.
    async fn uploads(&self, key: &Key) -> Result<Vec<Upload>>;

    /// Lists the parts sent so far, by number.
    async fn upload_parts(&self, upload: &Upload) -> Result<Vec<Part>>;

    /// Makes the object out of its parts, durably.
    async fn upload_complete(&self, upload: &Upload) -> Result<Stat>;

    /// Forgets the upload and its parts. An upload that is gone already is fine.
    async fn upload_abort(&self, upload: &Upload) -> Result<()>;

    /// The path of the object on this machine's disk, where it has one: tools read it in place.
    fn local_path(&self, key: &Key) -> Option<PathBuf>;

    /// The address under which services of the same provider read the object, for example
    /// `s3://bucket/key`; nothing where there is none.
    fn uri(&self, key: &Key) -> Option<String>;
}

/// Deletes one object; one that is not there is fine.
///
/// # Errors
/// What the storage gives.
pub async fn delete_one(storage: &dyn Storage, key: &Key) -> Result<()> {
    let outcomes = storage.delete(std::slice::from_ref(key)).await?;
    outcomes.into_iter().try_for_each(|outcome| outcome.result.map_err(Error::from))
}

/// What a storage can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StorageCapabilities {
    /// Whether [`Storage::presign`] works.
    pub presign: bool,
    /// How many parts of an upload are best sent at once.
    pub parts_at_once: usize,
    /// Whether what is put or uploaded is known to have arrived as it was sent, because the storage
    /// compares checksums of all of it; what other storages hold is read back to be proved.
    pub verifies: bool,
    /// Whether [`Storage::local_path`] gives paths.
    pub local_paths: bool,
}

/// The name of an object: segments joined by `/`, the same on every storage.
///
/// A segment is 1 to 255 bytes of UTF-8 other than `.` and `..`, without control characters and
/// backslashes; a key is at most 1,024 bytes (the limit of S3).
///
/// ```
/// use emam_core::backend::Key;
///
/// let key: Key = "assets/0190/Take 1 🎬.mov".parse()?;
/// assert_eq!(key.name(), "Take 1 🎬.mov");
/// assert!("../etc/passwd".parse::<Key>().is_err());
/// # Ok::<(), emam_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Key(String);

impl Key {
    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last segment.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The key of `name` under this one.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) where `name` is no key.
    pub fn join(&self, name: &str) -> Result<Self> {
        format!("{}/{name}", self.0).parse()
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Key {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let fault = if text.is_empty() {
            "a key must not be empty"
        } else if text.len() > 1024 {
            "a key has at most 1024 bytes"
        } else if text.chars().any(|c| c.is_control() || c == '\\') {
            "a key has no control characters and no backslash"
        } else if text.split('/').any(|s| s.is_empty() || s == "." || s == ".." || s.len() > 255) {
            "each part of a key between slashes has 1 to 255 bytes and is not . or .."
        } else {
            return Ok(Self(text.to_owned()));
        };
        Err(Error::invalid("storage.key", fault).with("key", text.escape_debug()))
    }
}

impl TryFrom<String> for Key {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.0
    }
}

/// What is known of an object without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    /// Its key.
    pub key: Key,
    /// Its size in bytes.
    pub size: u64,
    /// The MD5 of its bytes as 32 hexadecimal digits, where the storage itself vouches for it.
    pub md5: Option<String>,
}

impl Stat {
    /// What is known of an object whose MD5 the storage does not tell.
    pub const fn new(key: Key, size: u64) -> Self {
        Self { key, size, md5: None }
    }
}

/// How to store an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PutOptions {
    /// Refuse to replace an object.
    pub create_only: bool,
    /// The MD5 the body must add up to, as 32 hexadecimal digits.
    pub md5: Option<String>,
    /// The media type, for storages that serve objects themselves.
    pub media_type: Option<String>,
}

/// How to store a local file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PutFileOptions {
    /// Refuse to replace an object.
    pub create_only: bool,
    /// The file is not needed afterwards: a folder on the same disk takes it without copying.
    pub consume: bool,
    /// The media type, for storages that serve objects themselves.
    pub media_type: Option<String>,
}

/// How to copy an object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CopyOptions {
    /// Refuse to replace an object.
    pub create_only: bool,
}

/// How to read an object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GetOptions {
    /// The bytes wanted; all of them when absent.
    pub range: Option<ByteRange>,
}

/// Bytes from `start` up to `end`, which is not among them; to the last byte when absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteRange {
    /// The first byte, from 0.
    pub start: u64,
    /// The byte after the last.
    pub end: Option<u64>,
}

impl ByteRange {
    /// The range cut to an object of `size` bytes.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) where it is empty or starts past the end.
    pub fn within(self, size: u64, key: &Key) -> Result<std::ops::Range<u64>> {
        let end = self.end.unwrap_or(size).min(size);
        if self.start >= end {
            return Err(Error::invalid("storage.get", "the range holds no byte of the object")
                .with("key", key)
                .with("size", size)
                .with("start", self.start));
        }
        Ok(self.start..end)
    }
}

/// An object opened for reading.
pub struct Object {
    /// The object as a whole.
    pub stat: Stat,
    /// The bytes that `body` gives.
    pub range: std::ops::Range<u64>,
    /// The bytes, in order.
    pub body: BoxStream<'static, Result<Bytes>>,
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Object")
            .field("stat", &self.stat)
            .field("range", &self.range)
            .finish_non_exhaustive()
    }
}

impl Object {
    /// Reads all of the body into memory; for small objects.
    ///
    /// # Errors
    /// What reading gives.
    pub async fn bytes(mut self) -> Result<Bytes> {
        use futures_util::StreamExt;
        let mut all = bytes::BytesMut::new();
        while let Some(chunk) = self.body.next().await {
            all.extend_from_slice(&chunk?);
        }
        Ok(all.freeze())
    }
}

/// An upload in parts. Plain data, so that it can be kept and gone on with by another process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// The storage's own name for it.
    pub id: String,
    /// The key the object will have.
    pub key: Key,
}

/// One part of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its number, from 1.
    pub number: u32,
    /// Its size in bytes.
    pub size: u64,
    /// Its checksum, in the storage's own words; see [`Storage::part_checksum`].
    pub checksum: Option<String>,
}

/// What a presigned address is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresignRequest {
    /// Which object.
    pub key: Key,
    /// What may be done.
    pub method: PresignMethod,
    /// For how long.
    pub expires_in: Duration,
}

/// What may be done with a presigned address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PresignMethod {
    /// Read the object.
    Get,
    /// Write the object.
    Put,
    /// Send one part of an upload.
    Part {
        /// The upload's id.
        upload: String,
        /// The part's number, from 1.
        number: u32,
    },
}

/// A presigned address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presigned {
    /// Where the request goes.
    pub url: String,
    /// Headers the request must carry.
    pub headers: Vec<(String, String)>,
}
