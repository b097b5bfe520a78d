//! The colder classes of a bucket, held to the contract of Archive in an account of this process
//! whose time is the test's.

// This is test code: a panic is how it speaks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "in_step.rs"]
mod in_step;

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::extract::Request;
use emam_aws::s3::{ArchiveBy, S3Archive, S3Options, S3Storage};
use emam_awsim::clock::Clock as AccountClock;
use emam_awsim::front::{Announce, Front, Trouble};
use emam_awsim::service::Fault;
use emam_awsim::world::{Parts, World};
use emam_core::archive_conformance;
use emam_core::clock::{Clock, ManualClock, SystemClock};
use emam_core::local::{ColdFolder, FolderStorage, RestoreTimes};
use emam_core::testkit::{ArchiveFixture, ArchiveUnderTest, Punctuality};
use emam_tests::aws::{account, address, bucket, s3};
use in_step::InStep;
use serde_json::Value;

const BUCKET: &str = "emam-archive-suite";

/// Nobody hears of what happens, and nothing goes wrong.
#[derive(Debug)]
struct Quiet;

#[async_trait]
impl Announce for Quiet {
    async fn s3_event(&self, _: &str, _: Value) {}
}

impl Trouble for Quiet {
    fn before(&self, _: &str, _: &str) -> Option<Fault> {
        None
    }

    fn after(&self, _: &str, _: &str) -> bool {
        false
    }

    fn chance(&self, _: f64) -> bool {
        false
    }
}

/// The classes of S3 in front of the S3 server at this address.
struct Classes(Option<String>);

#[async_trait]
impl ArchiveFixture for Classes {
    async fn fresh(&self) -> ArchiveUnderTest {
        let Some(address) = &self.0 else {
            // The skip was said aloud; the case passes on an archive that is there.
            return cold_folder().await;
        };
        let (plain, nowhere) = (s3(address).await, account("http://127.0.0.1:9").await);
        let world = Arc::new(World::new(Parts {
            clock: AccountClock::new(0.0),
            s3: plain,
            sqs: aws_sdk_sqs::Client::new(&nowhere),
            events_queue: None,
            ffmpeg: "ffmpeg".into(),
            ffprobe: "ffprobe".into(),
            scratch: std::env::temp_dir(),
        }));
        let quiet = Arc::new(Quiet);
        let front = Front::new(Arc::clone(&world), address, Arc::clone(&quiet) as _, quiet as _);
        let front = Arc::new(front.expect("a front"));
        let router = Router::new().fallback(move |request: Request| {
            let front = Arc::clone(&front);
            async move { front.handle(request).await }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, router).await });

        let client = s3(&url).await;
        bucket(&client, BUCKET).await;
        let prefix = Some(format!("tests/{}", SystemClock.new_uuid()));
        let options = S3Options { prefix, ..S3Options::new(BUCKET) };
        let storage = S3Storage::new(client, options).expect("a storage");
        let clock = Arc::new(ManualClock::starting_at(world.clock.now()));
        let archive =
            S3Archive::new(storage.clone(), ArchiveBy::Copy, Arc::clone(&clock) as Arc<dyn Clock>);
        let archive = Arc::new(InStep::new(archive, world, Arc::clone(&clock)));
        ArchiveUnderTest {
            storage: Arc::new(storage),
            archive,
            clock,
            punctuality: Punctuality::Service,
        }
    }
}

/// An archive on this machine's disk.
async fn cold_folder() -> ArchiveUnderTest {
    let dir = tempfile::tempdir().expect("a folder").keep();
    let clock = Arc::new(ManualClock::starting_at(SystemClock.now()));
    let ticking = || -> Arc<dyn Clock> { Arc::clone(&clock) as _ };
    let folder = FolderStorage::open(dir.join("hot"), ticking()).await;
    let storage: Arc<dyn emam_core::backend::Storage> = Arc::new(folder.expect("a folder"));
    let (cold, times) = (dir.join("cold"), RestoreTimes::default());
    let archive = ColdFolder::open(Arc::clone(&storage), cold, ticking(), times).await;
    let archive = Arc::new(archive.expect("an archive"));
    ArchiveUnderTest { storage, archive, clock, punctuality: Punctuality::Exact }
}

archive_conformance!(classes, Classes(address("EMAM_AWS_S3_PLAIN")));
