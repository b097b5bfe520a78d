//! A storage of your own, in one file, with its certificate.
//!
//! [`TenantStorage`] keeps the objects of one tenant under a prefix of a storage that many share.
//! All of [`Storage`] is here; the tests below run its conformance suite:
//!
//! ```text
//! cargo run --bin custom_storage
//! cargo test --bin custom_storage
//! ```

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use emam_core::Result;
use emam_core::backend::{
    CopyOptions, GetOptions, Key, Object, Outcome, Part, PresignRequest, Presigned, PutFileOptions,
    PutOptions, Stat, Storage, StorageCapabilities, Upload,
};
use emam_core::memory::MemoryStorage;
use emam_core::model::{Page, PageRequest};

/// One tenant's part of a shared storage.
#[derive(Debug)]
pub struct TenantStorage {
    shared: Arc<dyn Storage>,
    tenant: Key,
}

impl TenantStorage {
    /// The part of `shared` that belongs to `tenant`.
    pub fn new(shared: Arc<dyn Storage>, tenant: Key) -> Self {
        Self { shared, tenant }
    }

    /// The shared storage's key of one of ours.
    fn theirs(&self, key: &Key) -> Result<Key> {
        self.tenant.join(key.as_str())
    }

    /// Our key of one of the shared storage's.
    fn ours(&self, key: &Key) -> Result<Key> {
        let key = key.as_str();
        key.strip_prefix(&format!("{}/", self.tenant)).unwrap_or(key).parse()
    }

    fn our_stat(&self, stat: Stat) -> Result<Stat> {
        Ok(Stat { key: self.ours(&stat.key)?, ..stat })
    }

    fn their_upload(&self, upload: &Upload) -> Result<Upload> {
        Ok(Upload { id: upload.id.clone(), key: self.theirs(&upload.key)? })
    }
}

#[async_trait]
impl Storage for TenantStorage {
    fn capabilities(&self) -> StorageCapabilities {
        self.shared.capabilities()
    }

    fn part_size(&self, size: u64) -> usize {
        self.shared.part_size(size)
    }

    fn part_checksum(&self, body: &[u8]) -> Option<String> {
        self.shared.part_checksum(body)
    }

    async fn put(&self, key: &Key, body: Bytes, options: PutOptions) -> Result<Stat> {
        self.our_stat(self.shared.put(&self.theirs(key)?, body, options).await?)
    }

    async fn put_file(&self, key: &Key, file: &Path, options: PutFileOptions) -> Result<Stat> {
        self.our_stat(self.shared.put_file(&self.theirs(key)?, file, options).await?)
    }

    async fn get(&self, key: &Key, options: GetOptions) -> Result<Object> {
        let object = self.shared.get(&self.theirs(key)?, options).await?;
        Ok(Object { stat: self.our_stat(object.stat)?, ..object })
    }

    async fn stat(&self, key: &Key) -> Result<Stat> {
        self.our_stat(self.shared.stat(&self.theirs(key)?).await?)
    }

    async fn list(&self, prefix: Option<&Key>, page: PageRequest) -> Result<Page<Stat>> {
        let prefix = prefix.map_or(Ok(self.tenant.clone()), |prefix| self.theirs(prefix))?;
        let page = self.shared.list(Some(&prefix), page).await?;
        let items = page.items.into_iter().map(|stat| self.our_stat(stat)).collect::<Result<_>>();
        Ok(Page { items: items?, next: page.next })
    }

    async fn copy(&self, from: &Key, to: &Key, options: CopyOptions) -> Result<Stat> {
        let (from, to) = (self.theirs(from)?, self.theirs(to)?);
        self.our_stat(self.shared.copy(&from, &to, options).await?)
    }

    async fn delete(&self, keys: &[Key]) -> Result<Vec<Outcome>> {
        let theirs = keys.iter().map(|key| self.theirs(key)).collect::<Result<Vec<_>>>()?;
        let outcomes = self.shared.delete(&theirs).await?;
        let named = outcomes.into_iter().zip(keys);
        Ok(named.map(|(outcome, key)| Outcome { item: key.to_string(), ..outcome }).collect())
    }

    async fn presign(&self, request: PresignRequest) -> Result<Presigned> {
        let key = self.theirs(&request.key)?;
        self.shared.presign(PresignRequest { key, ..request }).await
    }

    async fn upload_begin(&self, key: &Key, options: PutOptions) -> Result<Upload> {
        let upload = self.shared.upload_begin(&self.theirs(key)?, options).await?;
        Ok(Upload { id: upload.id, key: key.clone() })
    }

    async fn upload_part(&self, upload: &Upload, number: u32, body: Bytes) -> Result<Part> {
        self.shared.upload_part(&self.their_upload(upload)?, number, body).await
    }

    async fn uploads(&self, key: &Key) -> Result<Vec<Upload>> {
        let uploads = self.shared.uploads(&self.theirs(key)?).await?;
        Ok(uploads.into_iter().map(|upload| Upload { key: key.clone(), ..upload }).collect())
    }

    async fn upload_parts(&self, upload: &Upload) -> Result<Vec<Part>> {
        self.shared.upload_parts(&self.their_upload(upload)?).await
    }

    async fn upload_complete(&self, upload: &Upload) -> Result<Stat> {
        self.our_stat(self.shared.upload_complete(&self.their_upload(upload)?).await?)
    }

    async fn upload_abort(&self, upload: &Upload) -> Result<()> {
        self.shared.upload_abort(&self.their_upload(upload)?).await
    }

    fn local_path(&self, key: &Key) -> Option<PathBuf> {
        self.shared.local_path(&self.theirs(key).ok()?)
    }

    fn uri(&self, key: &Key) -> Option<String> {
        self.shared.uri(&self.theirs(key).ok()?)
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let shared: Arc<dyn Storage> = Arc::new(MemoryStorage::new());
    for tenant in ["north", "south"] {
        let storage = TenantStorage::new(Arc::clone(&shared), tenant.parse()?);
        let key = "rushes/A001.mov".parse()?;
        storage.put(&key, format!("shot by {tenant}").into(), PutOptions::default()).await?;
        let page = storage.list(None, PageRequest::default()).await?;
        println!("{tenant} sees {} object: {}", page.items.len(), page.items[0].key);
    }
    for stat in shared.list(None, PageRequest::default()).await?.items {
        println!("the shared storage holds {} ({} bytes)", stat.key, stat.size);
    }
    Ok(())
}

/// The certificate: every promise of [`Storage`], one test each.
#[cfg(test)]
#[allow(clippy::expect_used)]
mod certificate {
    use super::*;
    use emam_core::testkit::StorageFixture;

    struct Fresh;

    #[async_trait]
    impl StorageFixture for Fresh {
        async fn fresh(&self) -> Arc<dyn Storage> {
            let tenant = "tenants/north".parse().expect("a key");
            Arc::new(TenantStorage::new(Arc::new(MemoryStorage::new()), tenant))
        }
    }

    emam_core::storage_conformance!(tenant_storage, Fresh);
}
