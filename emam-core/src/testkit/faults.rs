//! Backends that fail on purpose.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};

use crate::backend::{
    CopyOptions, GetOptions, Key, Object, Outcome, Part, PresignRequest, Presigned, PutFileOptions,
    PutOptions, Stat, Storage, StorageCapabilities, Upload,
};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Page, PageRequest};

/// Which method of a [`Storage`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // Each is the method of its name.
pub enum StorageCall {
    Put,
    PutFile,
    Get,
    Stat,
    List,
    Copy,
    Delete,
    Presign,
    UploadBegin,
    UploadPart,
    Uploads,
    UploadParts,
    UploadComplete,
    UploadAbort,
}

impl StorageCall {
    const fn operation(self) -> &'static str {
        match self {
            Self::Put => "storage.put",
            Self::PutFile => "storage.put_file",
            Self::Get => "storage.get",
            Self::Stat => "storage.stat",
            Self::List => "storage.list",
            Self::Copy => "storage.copy",
            Self::Delete => "storage.delete",
            Self::Presign => "storage.presign",
            Self::UploadBegin => "storage.upload_begin",
            Self::UploadPart => "storage.upload_part",
            Self::Uploads => "storage.uploads",
            Self::UploadParts => "storage.upload_parts",
            Self::UploadComplete => "storage.upload_complete",
            Self::UploadAbort => "storage.upload_abort",
        }
    }
}

/// What goes wrong with one call.
#[derive(Debug, Clone, Copy)]
enum Fault {
    Fail(ErrorKind),
    LoseAnswer(ErrorKind),
    CutBody(u64),
    Delay(Duration),
}

/// A storage that does as another one, counts the calls, and fails where it is told to.
///
/// Calls of each method are counted from 1. Faults may be set at any time.
///
/// ```
/// # emam_core::testkit::run(async {
/// use std::sync::Arc;
/// use emam_core::ErrorKind;
/// use emam_core::backend::{PutOptions, Storage};
/// use emam_core::memory::MemoryStorage;
/// use emam_core::testkit::{FaultyStorage, StorageCall};
///
/// let storage = FaultyStorage::new(Arc::new(MemoryStorage::new()));
/// storage.fail(StorageCall::Put, 2, ErrorKind::Unavailable);
/// let key = "a".parse().unwrap();
/// storage.put(&key, "1".into(), PutOptions::default()).await.unwrap();
/// let error = storage.put(&key, "2".into(), PutOptions::default()).await.unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Unavailable);
/// assert_eq!(storage.calls(StorageCall::Put), 2);
/// # });
/// ```
pub struct FaultyStorage {
    inner: Arc<dyn Storage>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    calls: HashMap<StorageCall, u64>,
    faults: HashMap<(StorageCall, u64), Fault>,
}

impl fmt::Debug for FaultyStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyStorage").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl FaultyStorage {
    /// Wraps `inner`, without faults.
    pub fn new(inner: Arc<dyn Storage>) -> Self {
        Self { inner, state: Mutex::default() }
    }

    /// How often a method was called.
    pub fn calls(&self, call: StorageCall) -> u64 {
        self.lock().calls.get(&call).copied().unwrap_or(0)
    }

    /// The `nth` call does nothing and fails.
    pub fn fail(&self, call: StorageCall, nth: u64, kind: ErrorKind) {
        self.set(call, nth, Fault::Fail(kind));
    }

    /// The `nth` call is done and yet fails, as when an answer is lost on its way.
    pub fn lose_answer(&self, call: StorageCall, nth: u64, kind: ErrorKind) {
        self.set(call, nth, Fault::LoseAnswer(kind));
    }

    /// The body of the `nth` [`Storage::get`] breaks off after this many bytes.
    pub fn cut_body(&self, nth: u64, after: u64) {
        self.set(StorageCall::Get, nth, Fault::CutBody(after));
    }

    /// The `nth` call takes this much longer.
    pub fn delay(&self, call: StorageCall, nth: u64, by: Duration) {
        self.set(call, nth, Fault::Delay(by));
    }

    fn set(&self, call: StorageCall, nth: u64, fault: Fault) {
        self.lock().faults.insert((call, nth), fault);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, call: StorageCall) -> Option<Fault> {
        let mut state = self.lock();
        let nth = state.calls.entry(call).or_default();
        *nth += 1;
        let nth = *nth;
        state.faults.remove(&(call, nth))
    }

    async fn call<T>(
        &self,
        call: StorageCall,
        inner: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        match self.count(call) {
            Some(Fault::Fail(kind)) => return Err(injected(call, kind)),
            Some(Fault::LoseAnswer(kind)) => {
                inner.await?;
                return Err(injected(call, kind));
            }
            Some(Fault::Delay(by)) => tokio::time::sleep(by).await,
            Some(Fault::CutBody(_)) | None => {}
        }
        inner.await
    }
}

fn injected(call: StorageCall, kind: ErrorKind) -> Error {
    Error::new(kind, call.operation(), "a fault injected by a test")
}

fn cut(object: Object, after: u64) -> Object {
    let Object { stat, range, body } = object;
    let mut left = after;
    let kept = body.map(move |chunk| {
        let mut chunk = chunk?;
        chunk.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        left -= chunk.len() as u64;
        Ok(chunk)
    });
    let kept = kept.take_while(|chunk| {
        let is_empty = chunk.as_ref().is_ok_and(Bytes::is_empty);
        std::future::ready(!is_empty)
    });
    let end = stream::iter([Err(injected(StorageCall::Get, ErrorKind::Unavailable))]);
    Object { stat, range, body: kept.chain(end).boxed() }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Storage for FaultyStorage {
    fn capabilities(&self) -> StorageCapabilities {
        self.inner.capabilities()
    }

    fn part_size(&self, size: u64) -> usize {
        self.inner.part_size(size)
    }

    fn part_checksum(&self, body: &[u8]) -> Option<String> {
        self.inner.part_checksum(body)
    }

    async fn put(&self, key: &Key, body: Bytes, options: PutOptions) -> Result<Stat> {
        self.call(StorageCall::Put, self.inner.put(key, body, options)).await
    }

    async fn put_file(&self, key: &Key, file: &Path, options: PutFileOptions) -> Result<Stat> {
        self.call(StorageCall::PutFile, self.inner.put_file(key, file, options)).await
    }

    async fn get(&self, key: &Key, options: GetOptions) -> Result<Object> {
        let fault = self.count(StorageCall::Get);
        if let Some(Fault::Delay(by)) = fault {
            tokio::time::sleep(by).await;
        }
        let object = match fault {
            Some(Fault::Fail(kind)) => return Err(injected(StorageCall::Get, kind)),
            _ => self.inner.get(key, options).await?,
        };
        match fault {
            Some(Fault::LoseAnswer(kind)) => Err(injected(StorageCall::Get, kind)),
            Some(Fault::CutBody(after)) => Ok(cut(object, after)),
            _ => Ok(object),
        }
    }

    async fn stat(&self, key: &Key) -> Result<Stat> {
        self.call(StorageCall::Stat, self.inner.stat(key)).await
    }

    async fn list(&self, prefix: Option<&Key>, page: PageRequest) -> Result<Page<Stat>> {
        self.call(StorageCall::List, self.inner.list(prefix, page)).await
    }

    async fn copy(&self, from: &Key, to: &Key, options: CopyOptions) -> Result<Stat> {
        self.call(StorageCall::Copy, self.inner.copy(from, to, options)).await
    }

    async fn delete(&self, keys: &[Key]) -> Result<Vec<Outcome>> {
        self.call(StorageCall::Delete, self.inner.delete(keys)).await
    }

    async fn presign(&self, request: PresignRequest) -> Result<Presigned> {
        self.call(StorageCall::Presign, self.inner.presign(request)).await
    }

    async fn upload_begin(&self, key: &Key, options: PutOptions) -> Result<Upload> {
        self.call(StorageCall::UploadBegin, self.inner.upload_begin(key, options)).await
    }

    async fn upload_part(&self, upload: &Upload, number: u32, body: Bytes) -> Result<Part> {
        self.call(StorageCall::UploadPart, self.inner.upload_part(upload, number, body)).await
    }

    async fn uploads(&self, key: &Key) -> Result<Vec<Upload>> {
        self.call(StorageCall::Uploads, self.inner.uploads(key)).await
    }

    async fn upload_parts(&self, upload: &Upload) -> Result<Vec<Part>> {
        self.call(StorageCall::UploadParts, self.inner.upload_parts(upload)).await
    }

    async fn upload_complete(&self, upload: &Upload) -> Result<Stat> {
        self.call(StorageCall::UploadComplete, self.inner.upload_complete(upload)).await
    }

    async fn upload_abort(&self, upload: &Upload) -> Result<()> {
        self.call(StorageCall::UploadAbort, self.inner.upload_abort(upload)).await
    }

    fn local_path(&self, key: &Key) -> Option<PathBuf> {
        self.inner.local_path(key)
    }

    fn uri(&self, key: &Key) -> Option<String> {
        self.inner.uri(key)
    }
}
