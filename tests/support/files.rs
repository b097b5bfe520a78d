//! A folder as a storage, with only what handing files to a backend and taking them back needs.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use emam_core::backend::{
    CopyOptions, GetOptions, Key, MediaSource, Object, Outcome, Part, PresignRequest, Presigned,
    PutFileOptions, PutOptions, Stat, Storage, StorageCapabilities, Upload,
};
use emam_core::model::{Page, PageRequest};
use emam_core::{Error, ErrorKind, Result};

/// A folder whose files have their keys as paths.
#[derive(Debug, Clone)]
pub struct Files {
    root: PathBuf,
}

impl Files {
    /// The files under `root`.
    pub fn new(root: impl Into<PathBuf>) -> Arc<Self> {
        Arc::new(Self { root: root.into() })
    }

    /// The path of a key, whether or not anything is there.
    pub fn path(&self, key: &Key) -> PathBuf {
        self.root.join(key.as_str())
    }
}

/// The file at `path` as a backend is handed it.
pub fn source(path: &Path) -> MediaSource {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = name.unwrap_or_default();
    let root = path.parent().unwrap_or(Path::new("/"));
    // The key of a file with an odd name is odd too; only its path matters to these tests.
    let key = name.parse().unwrap_or_else(|_| panic!("{name:?} is no key"));
    let size = fs::metadata(path).map_or(0, |metadata| metadata.len());
    MediaSource { storage: Files::new(root), key, size, file_name: name }
}

fn missing(key: &Key, cause: std::io::Error) -> Error {
    Error::new(ErrorKind::NotFound, "files.get", "no such file").with("key", key).caused_by(cause)
}

fn unsupported<T>(operation: &'static str) -> Result<T> {
    Err(Error::new(ErrorKind::Unsupported, operation, "not for this test storage"))
}

#[async_trait]
impl Storage for Files {
    fn capabilities(&self) -> StorageCapabilities {
        StorageCapabilities { presign: false, part_size: 1 << 20, local_paths: true }
    }

    async fn put(&self, _: &Key, _: Bytes, _: PutOptions) -> Result<Stat> {
        unsupported("files.put")
    }

    async fn put_file(&self, key: &Key, file: &Path, options: PutFileOptions) -> Result<Stat> {
        let to = self.path(key);
        let put = || -> std::io::Result<u64> {
            if let Some(folder) = to.parent() {
                fs::create_dir_all(folder)?;
            }
            let size = fs::copy(file, &to)?;
            if options.consume {
                fs::remove_file(file)?;
            }
            Ok(size)
        };
        let size = put().map_err(|cause| missing(key, cause))?;
        Ok(Stat { key: key.clone(), size })
    }

    async fn get(&self, _: &Key, _: GetOptions) -> Result<Object> {
        unsupported("files.get")
    }

    async fn stat(&self, key: &Key) -> Result<Stat> {
        let metadata = fs::metadata(self.path(key)).map_err(|cause| missing(key, cause))?;
        Ok(Stat { key: key.clone(), size: metadata.len() })
    }

    async fn list(&self, _: Option<&Key>, _: PageRequest) -> Result<Page<Stat>> {
        unsupported("files.list")
    }

    async fn copy(&self, _: &Key, _: &Key, _: CopyOptions) -> Result<Stat> {
        unsupported("files.copy")
    }

    async fn delete(&self, _: &[Key]) -> Result<Vec<Outcome>> {
        unsupported("files.delete")
    }

    async fn presign(&self, _: PresignRequest) -> Result<Presigned> {
        unsupported("files.presign")
    }

    async fn upload_begin(&self, _: &Key, _: PutOptions) -> Result<Upload> {
        unsupported("files.upload")
    }

    async fn upload_part(&self, _: &Upload, _: u32, _: Bytes) -> Result<Part> {
        unsupported("files.upload")
    }

    async fn uploads(&self, _: &Key) -> Result<Vec<Upload>> {
        unsupported("files.upload")
    }

    async fn upload_parts(&self, _: &Upload) -> Result<Vec<Part>> {
        unsupported("files.upload")
    }

    async fn upload_complete(&self, _: &Upload) -> Result<Stat> {
        unsupported("files.upload")
    }

    async fn upload_abort(&self, _: &Upload) -> Result<()> {
        unsupported("files.upload")
    }

    fn local_path(&self, key: &Key) -> Option<PathBuf> {
        Some(self.path(key))
    }
}
