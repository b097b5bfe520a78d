//! Bytes by key, in memory.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream};

use crate::backend::storage_rules::{check_part, parse_cursor, whole_size};
use crate::backend::{
    ByteRange, CopyOptions, GetOptions, Key, Object, Outcome, Part, PresignRequest, Presigned,
    PutFileOptions, PutOptions, Stat, Storage, StorageCapabilities, Upload,
};
use crate::checksum::{check_md5, given_md5, md5_of};
use crate::error::{Error, ErrorKind, Result};
use crate::io::io_error;
use crate::model::{Page, PageRequest};

/// Bytes a part of an upload has, and bytes a read gives at once.
const PART_SIZE: usize = 8 << 20;

/// Parts on their way at once.
const PARTS_AT_ONCE: usize = 2;
const CHUNK_SIZE: usize = 1 << 20;

/// A storage that lives as long as its process.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use emam_core::backend::{GetOptions, PutOptions, Storage};
/// use emam_core::memory::MemoryStorage;
///
/// let storage = MemoryStorage::new();
/// let key = "notes/rain.txt".parse()?;
/// storage.put(&key, "It rains.".into(), PutOptions::default()).await?;
/// let body = storage.get(&key, GetOptions::default()).await?.bytes().await?;
/// assert_eq!(body, "It rains.");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Default)]
pub struct MemoryStorage {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<Key, Bytes>,
    uploads: BTreeMap<String, PartialObject>,
    uploads_begun: u64,
}

struct PartialObject {
    key: Key,
    options: PutOptions,
    parts: BTreeMap<u32, Bytes>,
}

impl MemoryStorage {
    /// An empty storage.
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The bytes themselves would fill the screen.
        let state = self.lock();
        f.debug_struct("MemoryStorage")
            .field("objects", &state.objects.len())
            .field("uploads", &state.uploads.len())
            .finish()
    }
}

impl State {
    fn object(&self, operation: &'static str, key: &Key) -> Result<&Bytes> {
        self.objects.get(key).ok_or_else(|| {
            Error::new(ErrorKind::NotFound, operation, "no object has this key").with("key", key)
        })
    }

    fn insert(
        &mut self,
        operation: &'static str,
        key: &Key,
        body: Bytes,
        create_only: bool,
    ) -> Result<Stat> {
        if create_only && self.objects.contains_key(key) {
            return Err(exists(operation, key));
        }
        let size = body.len() as u64;
        self.objects.insert(key.clone(), body);
        Ok(Stat::new(key.clone(), size))
    }

    fn upload(&mut self, operation: &'static str, upload: &Upload) -> Result<&mut PartialObject> {
        self.uploads.get_mut(&upload.id).filter(|known| known.key == upload.key).ok_or_else(|| {
            Error::new(
                ErrorKind::NotFound,
                operation,
                "no such upload: it is completed or aborted, or was never begun",
            )
            .with("upload", &upload.id)
            .with("key", &upload.key)
        })
    }
}

fn exists(operation: &'static str, key: &Key) -> Error {
    Error::new(ErrorKind::AlreadyExists, operation, "an object has this key already")
        .with("key", key)
}

fn check_body(operation: &'static str, body: &[u8], options: &PutOptions) -> Result<()> {
    match &options.md5 {
        Some(md5) => check_md5(operation, &given_md5(operation, md5)?, &md5_of(body)),
        None => Ok(()),
    }
}

#[async_trait]
impl Storage for MemoryStorage {
    fn capabilities(&self) -> StorageCapabilities {
        StorageCapabilities {
            presign: false,
            parts_at_once: PARTS_AT_ONCE,
            verifies: false,
            local_paths: false,
        }
    }

    fn part_size(&self, _size: u64) -> usize {
        PART_SIZE
    }

    fn part_checksum(&self, _body: &[u8]) -> Option<String> {
        None
    }

    async fn put(&self, key: &Key, body: Bytes, options: PutOptions) -> Result<Stat> {
        check_body("storage.put", &body, &options)?;
        self.lock().insert("storage.put", key, body, options.create_only)
    }

    async fn put_file(&self, key: &Key, file: &Path, options: PutFileOptions) -> Result<Stat> {
        let operation = "storage.put_file";
        let body = tokio::fs::read(file).await.map_err(|e| io_error(operation, file, e))?;
        let stat = self.lock().insert(operation, key, body.into(), options.create_only)?;
        if options.consume {
            tokio::fs::remove_file(file).await.map_err(|e| io_error(operation, file, e))?;
        }
        Ok(stat)
    }

    async fn get(&self, key: &Key, options: GetOptions) -> Result<Object> {
        let body = self.lock().object("storage.get", key)?.clone();
        let size = body.len() as u64;
        let range =
            options.range.map_or(Ok(0..size), |range: ByteRange| range.within(size, key))?;
        // Both ends are at most the length of bytes in memory.
        let wanted = body.slice(range.start as usize..range.end as usize);
        let chunks = stream::unfold(wanted, |mut rest| async move {
            let next = rest.split_to(rest.len().min(CHUNK_SIZE));
            (!next.is_empty()).then_some((Ok(next), rest))
        });
        Ok(Object { stat: Stat::new(key.clone(), size), range, body: chunks.boxed() })
    }

    async fn stat(&self, key: &Key) -> Result<Stat> {
        let size = self.lock().object("storage.stat", key)?.len() as u64;
        Ok(Stat::new(key.clone(), size))
    }

    async fn list(&self, prefix: Option<&Key>, page: PageRequest) -> Result<Page<Stat>> {
        let limit = page.checked_limit("storage.list")?;
        let after = page.cursor.as_deref().map(parse_cursor).transpose()?;
        let folder = prefix.map(|prefix| format!("{prefix}/"));
        let state = self.lock();
        let start = after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        let mut items: Vec<Stat> = state
            .objects
            .range::<Key, _>((start, Bound::Unbounded))
            .filter(|(key, _)| folder.as_ref().is_none_or(|f| key.as_str().starts_with(f)))
            .take(limit + 1)
            .map(|(key, body)| Stat::new(key.clone(), body.len() as u64))
            .collect();
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|last| last.key.to_string());
        Ok(Page { items, next })
    }

    async fn copy(&self, from: &Key, to: &Key, options: CopyOptions) -> Result<Stat> {
        let mut state = self.lock();
        let body = state.object("storage.copy", from)?.clone();
        state.insert("storage.copy", to, body, options.create_only)
    }

    async fn delete(&self, keys: &[Key]) -> Result<Vec<Outcome>> {
        let mut state = self.lock();
        let delete = |key: &Key| {
            state.objects.remove(key);
            Outcome { item: key.to_string(), result: Ok(()) }
        };
        Ok(keys.iter().map(delete).collect())
    }

    async fn presign(&self, request: PresignRequest) -> Result<Presigned> {
        Err(Error::new(
            ErrorKind::Unsupported,
            "storage.presign",
            "a storage in memory has no addresses; read through the library",
        )
        .with("key", &request.key))
    }

    async fn upload_begin(&self, key: &Key, options: PutOptions) -> Result<Upload> {
        let operation = "storage.upload_begin";
        if let Some(md5) = &options.md5 {
            given_md5(operation, md5)?;
        }
        let mut state = self.lock();
        if options.create_only && state.objects.contains_key(key) {
            return Err(exists(operation, key));
        }
        state.uploads_begun += 1;
        // As wide as any, so that the oldest sorts first.
        let id = format!("{:020}", state.uploads_begun);
        let partial = PartialObject { key: key.clone(), options, parts: BTreeMap::new() };
        state.uploads.insert(id.clone(), partial);
        Ok(Upload { id, key: key.clone() })
    }

    async fn upload_part(&self, upload: &Upload, number: u32, body: Bytes) -> Result<Part> {
        let operation = "storage.upload_part";
        let size = body.len() as u64;
        check_part(operation, upload, number, size, PART_SIZE as u64)?;
        self.lock().upload(operation, upload)?.parts.insert(number, body);
        Ok(Part { number, size, checksum: None })
    }

    async fn uploads(&self, key: &Key) -> Result<Vec<Upload>> {
        let state = self.lock();
        let of_key = state.uploads.iter().filter(|(_, partial)| partial.key == *key);
        Ok(of_key.map(|(id, _)| Upload { id: id.clone(), key: key.clone() }).collect())
    }

    async fn upload_parts(&self, upload: &Upload) -> Result<Vec<Part>> {
        let mut state = self.lock();
        let parts = &state.upload("storage.upload_parts", upload)?.parts;
        Ok(parts
            .iter()
            .map(|(&number, b)| Part { number, size: b.len() as u64, checksum: None })
            .collect())
    }

    async fn upload_complete(&self, upload: &Upload) -> Result<Stat> {
        let operation = "storage.upload_complete";
        let mut state = self.lock();
        let partial = state.upload(operation, upload)?;
        let sizes = partial.parts.iter().map(|(&number, body)| (number, body.len() as u64));
        whole_size(operation, upload, PART_SIZE as u64, sizes)?;
        let mut body = BytesMut::new();
        partial.parts.values().for_each(|part| body.extend_from_slice(part));
        check_body(operation, &body, &partial.options)?;
        let create_only = partial.options.create_only;
        let stat = state.insert(operation, &upload.key, body.freeze(), create_only)?;
        state.uploads.remove(&upload.id);
        Ok(stat)
    }

    async fn upload_abort(&self, upload: &Upload) -> Result<()> {
        self.lock().uploads.remove(&upload.id);
        Ok(())
    }

    fn local_path(&self, _key: &Key) -> Option<PathBuf> {
        None
    }

    fn uri(&self, _key: &Key) -> Option<String> {
        None
    }
}
