//! Buckets, held to the contract of [`Storage`].

// This is test code: a panic is how it speaks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod account;

use std::sync::Arc;

use async_trait::async_trait;
use emam_aws::s3::{Checksums, S3Options, S3Storage};
use emam_core::backend::Storage;
use emam_core::clock::{Clock, SystemClock};
use emam_core::memory::MemoryStorage;
use emam_core::testkit::StorageFixture;
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
