//! Bytes by key, in a folder.

mod folder;
mod list;
mod read;
mod staging;
mod upload;
mod write;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use jiff::Timestamp;

use crate::backend::{
    CopyOptions, GetOptions, Key, Object, Outcome, Part, PresignRequest, Presigned, PutFileOptions,
    PutOptions, Stat, Storage, StorageCapabilities, Upload,
};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::local::blocking::blocking;
use crate::model::{Page, PageRequest};
use folder::Folder;

/// Bytes a part of an upload has. Parts lie in one file, so this also is where each begins:
/// changing it makes uploads begun before unreadable.
const PART_SIZE: u64 = 8 << 20;

/// Parts on their way to the disk at once.
const PARTS_AT_ONCE: usize = 2;

/// A storage in a folder: the object `a/b.mov` is the file `a/b.mov` under its root, for any tool
/// to read.
///
/// What is being written lies under `.emam` in the same root until it is whole, is flushed to the
/// disk and only then given its name: no reader, list or crash ever shows part of an object.
///
/// What a folder cannot do:
/// - `a` and `a/b` cannot both be objects: the second is a [`Conflict`](ErrorKind::Conflict).
/// - Keys whose first part is `.emam` are [`InvalidInput`](ErrorKind::InvalidInput).
/// - Symbolic links below the root are not followed and not listed, since they may lead out of it;
///   a key that leads through one is [`PermissionDenied`](ErrorKind::PermissionDenied). This
///   guards against mistakes. It is no fence against a process that changes the folder meanwhile.
/// - Files whose names are no keys (control characters, invalid UTF-8) are not listed.
///
/// Clones share one folder, and so may several processes.
#[derive(Debug, Clone)]
pub struct FolderStorage {
    folder: Arc<Folder>,
}

/// An upload somebody has begun and neither completed nor aborted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnfinishedUpload {
    /// The upload, to be gone on with or aborted.
    pub upload: Upload,
    /// When a part of it was last written, as the disk tells.
    pub touched_at: Timestamp,
}

impl FolderStorage {
    /// Opens the folder `root`, and makes it where there is none. Removes what writers that died
    /// have left behind, but for uploads, which can be gone on with.
    ///
    /// # Errors
    /// [`PermissionDenied`](ErrorKind::PermissionDenied) where the folder cannot be written,
    /// [`InvalidInput`](ErrorKind::InvalidInput) where `root` is no folder, and
    /// [`Unavailable`](ErrorKind::Unavailable) where the disk fails.
    pub async fn open(root: impl AsRef<Path>, clock: Arc<dyn Clock>) -> Result<Self> {
        let root = root.as_ref().to_owned();
        let folder = blocking("storage.open", move |_| Folder::open(root, clock)).await?;
        Ok(Self { folder: Arc::new(folder) })
    }

    /// The folder, without symbolic links on its way.
    pub fn root(&self) -> &Path {
        self.folder.root()
    }

    /// Lists the uploads that are neither completed nor aborted, those of living processes
    /// included: abort only what nobody will go on with.
    ///
    /// # Errors
    /// What reading the disk gives.
    pub async fn unfinished_uploads(&self) -> Result<Vec<UnfinishedUpload>> {
        self.run("storage.uploads", |folder| folder.unfinished_uploads()).await
    }

    async fn run<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Folder) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let folder = Arc::clone(&self.folder);
        blocking(operation, move |_| work(&folder)).await
    }
}

#[async_trait]
impl Storage for FolderStorage {
    fn capabilities(&self) -> StorageCapabilities {
        StorageCapabilities {
            presign: false,
            parts_at_once: PARTS_AT_ONCE,
            verifies: false,
            local_paths: true,
        }
    }

    fn part_size(&self, _size: u64) -> usize {
        PART_SIZE as usize
    }

    fn part_checksum(&self, _body: &[u8]) -> Option<String> {
        None
    }

    async fn put(&self, key: &Key, body: Bytes, options: PutOptions) -> Result<Stat> {
        let key = key.clone();
        self.run("storage.put", move |folder| folder.put(&key, &body, &options)).await
    }

    async fn put_file(&self, key: &Key, file: &Path, options: PutFileOptions) -> Result<Stat> {
        let (folder, key, file) = (Arc::clone(&self.folder), key.clone(), file.to_owned());
        blocking("storage.put_file", move |stop| folder.put_file(&key, &file, &options, stop)).await
    }

    async fn get(&self, key: &Key, options: GetOptions) -> Result<Object> {
        let key = key.clone();
        let reading = self.run("storage.get", move |folder| folder.read(&key, options)).await?;
        let (stat, range) = (reading.stat(), reading.range());
        Ok(Object { stat, range, body: read::chunks(reading).boxed() })
    }

    async fn stat(&self, key: &Key) -> Result<Stat> {
        let key = key.clone();
        self.run("storage.stat", move |folder| folder.stat("storage.stat", &key)).await
    }

    async fn list(&self, prefix: Option<&Key>, page: PageRequest) -> Result<Page<Stat>> {
        let prefix = prefix.cloned();
        self.run("storage.list", move |folder| folder.list(prefix.as_ref(), &page)).await
    }

    async fn copy(&self, from: &Key, to: &Key, options: CopyOptions) -> Result<Stat> {
        let (folder, from, to) = (Arc::clone(&self.folder), from.clone(), to.clone());
        blocking("storage.copy", move |stop| folder.copy(&from, &to, options, stop)).await
    }

    async fn delete(&self, keys: &[Key]) -> Result<Vec<Outcome>> {
        let keys = keys.to_vec();
        self.run("storage.delete", move |folder| folder.delete(&keys)).await
    }

    async fn presign(&self, request: PresignRequest) -> Result<Presigned> {
        Err(Error::new(
            ErrorKind::Unsupported,
            "storage.presign",
            "a folder has no addresses; serve its files through the gateway",
        )
        .with("key", &request.key))
    }

    async fn upload_begin(&self, key: &Key, options: PutOptions) -> Result<Upload> {
        let key = key.clone();
        self.run("storage.upload_begin", move |folder| folder.upload_begin(&key, options)).await
    }

    async fn upload_part(&self, upload: &Upload, number: u32, body: Bytes) -> Result<Part> {
        let upload = upload.clone();
        self.run("storage.upload_part", move |folder| folder.upload_part(&upload, number, &body))
            .await
    }

    async fn uploads(&self, key: &Key) -> Result<Vec<Upload>> {
        let key = key.clone();
        self.run("storage.uploads", move |folder| folder.uploads_to(&key)).await
    }

    async fn upload_parts(&self, upload: &Upload) -> Result<Vec<Part>> {
        let upload = upload.clone();
        self.run("storage.upload_parts", move |folder| folder.upload_parts(&upload)).await
    }

    async fn upload_complete(&self, upload: &Upload) -> Result<Stat> {
        let upload = upload.clone();
        self.run("storage.upload_complete", move |folder| folder.upload_complete(&upload)).await
    }

    async fn upload_abort(&self, upload: &Upload) -> Result<()> {
        let upload = upload.clone();
        self.run("storage.upload_abort", move |folder| folder.upload_abort(&upload)).await
    }

    fn local_path(&self, key: &Key) -> Option<PathBuf> {
        self.folder.path("storage.local_path", key).ok()
    }

    fn uri(&self, _key: &Key) -> Option<String> {
        None
    }
}
