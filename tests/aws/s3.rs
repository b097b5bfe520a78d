//! Buckets, held to the contract of [`Storage`].

// This is test code: a panic is how it speaks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use emam_tests::aws as account;
use std::sync::Arc;

use async_trait::async_trait;
use emam_aws::s3::{Checksums, S3Options, S3Storage};
use emam_core::ErrorKind;
use emam_core::backend::{CopyOptions, Key, PutOptions, Storage};
use emam_core::clock::{Clock, SystemClock};
use emam_core::memory::MemoryStorage;
use emam_core::testkit::{FaultyStorage, StorageCall, StorageFixture};
use emam_core::transfer::{CopyIn, copy_in, hash_file, verify};
use emam_core::{conformance_cases, storage_conformance};

/// Each storage is a folder of its own in one bucket.
struct Bucket {
    address: Option<String>,
    checksums: Checksums,
}

impl Bucket {
    fn new(variable: &str, checksums: Checksums) -> Self {
        Self { address: account::address(variable), checksums }
    }
}

#[async_trait]
impl StorageFixture for Bucket {
    async fn fresh(&self) -> Arc<dyn Storage> {
        let Some(address) = &self.address else {
            // The skip was said aloud; the case passes on a storage that is there.
            return Arc::new(MemoryStorage::new());
        };
        let client = account::s3(address).await;
        account::bucket(&client, "emam-storage").await;
        let options = S3Options {
            prefix: Some(format!("tests/{}", SystemClock.new_uuid())),
            checksums: self.checksums,
            ..S3Options::new("emam-storage")
        };
        Arc::new(S3Storage::new(client, options).expect("the options are good"))
    }
}

/// What SeaweedFS keeps of the contract. It lists what is in a folder before what sorts before the
/// slash after its name, and uploads by their ids.
macro_rules! seaweedfs {
    ($name:ident, $fixture:expr) => {
        conformance_cases! { $name, $fixture, storage:
            stat_missing,
            put_then_get,
            put_replaces,
            create_only_conflicts,
            put_checks_md5,
            put_is_atomic,
            get_range,
            put_file_keeps_or_takes,
            list_hides_uploads,
            copy_copies,
            delete_is_idempotent,
            delete_answers_per_key,
            upload_in_parts,
            upload_resumes,
            part_checksums_tell_parts_apart,
            upload_abort_leaves_nothing,
            keys_hold_any_name,
            presign_as_said,
        }
    };
}

seaweedfs!(plain, Bucket::new("EMAM_AWS_S3_PLAIN", Checksums::Crc64Nvme));
seaweedfs!(plain_md5, Bucket::new("EMAM_AWS_S3_PLAIN", Checksums::ContentMd5));
seaweedfs!(front, Bucket::new("EMAM_AWS_S3", Checksums::Crc64Nvme));
// Its CRC64NVME of parts put together is another than everybody's.
storage_conformance!(ministack, Bucket::new("EMAM_AWS_MINISTACK", Checksums::ContentMd5));

#[tokio::test]
async fn a_large_object_is_copied_in_parts_with_what_is_known_of_it() {
    let bucket = Bucket::new("EMAM_AWS_S3_PLAIN", Checksums::Crc64Nvme);
    let Some(address) = &bucket.address else { return };
    let client = account::s3(address).await;
    account::bucket(&client, "emam-storage").await;
    let options = S3Options {
        prefix: Some(format!("tests/{}", SystemClock.new_uuid())),
        copy_in_parts_above: 16 << 20,
        ..S3Options::new("emam-storage")
    };
    let storage = S3Storage::new(client.clone(), options).expect("the options are good");
    let (from, to): (Key, Key) = ("a/from 🎬".parse().unwrap(), "b/to".parse().unwrap());
    let body: Vec<u8> = (0..40_u32 << 18).flat_map(u32::to_le_bytes).collect();
    let md5 = "1f4d7cbb1e1f8d8a3a8dd1d6b3a66ad8".to_owned();
    let wrong = PutOptions { md5: Some(md5), ..PutOptions::default() };
    let refused = storage.put(&from, body.clone().into(), wrong).await.expect_err("another MD5");
    assert_eq!(refused.kind(), ErrorKind::Integrity);
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), &body).expect("it can be written");
    let sums = hash_file(file.path(), None).await.expect("sums");
    let media_type = Some("video/quicktime".to_owned());
    let known = PutOptions { md5: Some(sums.md5.clone()), media_type, ..PutOptions::default() };
    storage.put(&from, body.clone().into(), known).await.expect("put");
    let copied = storage.copy(&from, &to, CopyOptions::default()).await.expect("copy");
    assert_eq!((copied.size, copied.md5.as_ref()), (body.len() as u64, Some(&sums.md5)));
    let stat = storage.stat(&to).await.expect("stat");
    assert_eq!(stat.md5, Some(sums.md5), "the metadata came along");
    verify(&storage, &to, stat.size, &sums.xxh3).await.expect("the same bytes");
    let name = storage.uri(&to).expect("an address").replace("s3://emam-storage/", "");
    let head = client.head_object().bucket("emam-storage").key(name).send().await.expect("head");
    assert_eq!(head.content_type(), Some("video/quicktime"));
    assert!(head.e_tag().is_some_and(|etag| etag.ends_with("-3\"")), "{:?}", head.e_tag());
}

#[tokio::test]
async fn an_upload_is_gone_on_with_by_another_process_and_proved() {
    for checksums in [Checksums::Crc64Nvme, Checksums::ContentMd5] {
        let bucket = Bucket::new("EMAM_AWS_S3_PLAIN", checksums);
        let Some(address) = &bucket.address else { return };
        let prefix = Some(format!("tests/{}", SystemClock.new_uuid()));
        let open = async || {
            let client = account::s3(address).await;
            account::bucket(&client, "emam-storage").await;
            let options =
                S3Options { prefix: prefix.clone(), checksums, ..S3Options::new("emam-storage") };
            Arc::new(S3Storage::new(client, options).expect("the options are good"))
        };
        let file = tempfile::NamedTempFile::new().expect("a file");
        let body: Vec<u8> = (0..10_u32 << 20).flat_map(u32::to_le_bytes).collect();
        std::fs::write(file.path(), &body).expect("it can be written");
        let key: Key = "a/b.mov".parse().unwrap();
        let first = FaultyStorage::new(open().await);
        let upload = first.upload_begin(&key, PutOptions::default()).await.expect("begin");
        first.fail(StorageCall::UploadPart, 3, ErrorKind::Unavailable);
        let broken = copy_in(file.path(), &first, &upload, CopyIn::default()).await;
        assert_eq!(broken.expect_err("it breaks off").kind(), ErrorKind::Unavailable);
        drop(first);

        let second = open().await;
        let found = second.uploads(&key).await.expect("uploads");
        assert_eq!(found, [upload]);
        let copied = copy_in(file.path(), &*second, &found[0], CopyIn::default()).await;
        let copied = copied.expect("it is gone on with");
        verify(&*second, &key, copied.size, &copied.xxh3).await.expect("the same bytes");
        assert_eq!(second.uploads(&key).await.expect("uploads"), []);
    }
}
