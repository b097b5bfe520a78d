//! A library on an account, put together as its settings say.

mod listener;
mod services;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use emam_core::backend::Storage;
use emam_core::clock::{Clock, SystemClock};
use emam_core::library::{LibraryBuilder, Provider};
use emam_core::local::{LocalTools, SqliteCatalog, ToolPaths, Tools};
use emam_core::{Error, ErrorKind, Library, Result};

pub use listener::Listener;

use crate::AwsContext;
use crate::feeder::Feeder;
use crate::intake::{Intake, IntakeOptions, Place};
use crate::s3::{Checksums, Encryption, S3Options, S3Storage};
use crate::settings::{self, AwsSettings, Bucket};

/// Opens the library in `folder` on the account that `settings` describe: originals and renditions
/// are in S3, work is done by the services that have settings and else on this machine, and the
/// catalog is in the folder. What the services tell is listened to until the library is closed.
///
/// # Errors
/// As [`Library::open`]; [`Unsupported`](ErrorKind::Unsupported) for a service this build does not
/// have. Wrong names and missing permissions show with the first call that needs them.
pub async fn open(folder: impl AsRef<Path>, settings: AwsSettings) -> Result<Library> {
    // On the heap: what opening needs is large, and callers hold it across their own waits.
    let account = Box::pin(Account::connect(settings)).await?;
    Box::pin(account.open(Library::builder(), folder.as_ref())).await
}

/// Opens libraries on AWS for the command line and the bindings.
#[derive(Debug, Clone, Copy, Default)]
pub struct AwsProvider;

#[async_trait]
impl Provider for AwsProvider {
    async fn open(
        &self,
        builder: LibraryBuilder,
        folder: &Path,
        settings: &Path,
    ) -> Result<Library> {
        let account = Box::pin(Account::connect(AwsSettings::from_file(settings)?)).await?;
        Box::pin(account.open(builder, folder)).await
    }
}

/// An account with what emam uses of it.
#[derive(Debug, Clone)]
pub struct Account {
    context: AwsContext,
    settings: AwsSettings,
    originals: S3Storage,
    proxies: S3Storage,
    jobs: Option<S3Storage>,
    clock: Arc<dyn Clock>,
}

impl Account {
    /// Finds out how to reach the account that `settings` describe. Asks no service.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) for settings that cannot be.
    pub async fn connect(settings: AwsSettings) -> Result<Self> {
        Self::connect_with(settings, Arc::new(SystemClock)).await
    }

    /// As [`connect`](Self::connect), by another clock.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn connect_with(settings: AwsSettings, clock: Arc<dyn Clock>) -> Result<Self> {
        settings.check()?;
        let context = AwsContext::connect(settings.access()).await;
        let storage = |bucket: &Bucket| {
            S3Storage::new(context.s3(), bucket_options(bucket, settings.checksums))
        };
        let originals = storage(&settings.buckets.originals)?;
        let proxies = storage(&settings.buckets.proxies)?;
        let jobs = settings.buckets.ingest.as_ref().map(storage).transpose()?;
        Ok(Self { originals, proxies, jobs, context, settings, clock })
    }

    /// How the account is used.
    pub fn settings(&self) -> &AwsSettings {
        &self.settings
    }

    /// The way to the account.
    pub fn context(&self) -> &AwsContext {
        &self.context
    }

    /// The storage of originals.
    pub fn originals(&self) -> Arc<dyn Storage> {
        Arc::new(self.originals.clone())
    }

    /// The storage of renditions.
    pub fn proxies(&self) -> Arc<dyn Storage> {
        Arc::new(self.proxies.clone())
    }

    /// A feeder into the account.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) where there is no ingest bucket for its jobs.
    pub fn feeder(&self) -> Result<Feeder> {
        let jobs = self.jobs.clone().ok_or_else(|| {
            Error::invalid("feeder.open", "a feeder needs the setting `buckets.ingest`")
        })?;
        Ok(Feeder::new(self.originals(), Arc::new(jobs)))
    }

    /// Opens the library in `folder` with this account's backends, before those of `builder` that
    /// were not given, and listens to what the services tell until the library is closed. What
    /// listens holds the library open: it is to be closed, not only dropped.
    ///
    /// # Errors
    /// As [`open`].
    pub async fn open(&self, builder: LibraryBuilder, folder: &Path) -> Result<Library> {
        let builder = Box::pin(self.equip(builder, folder)).await?;
        let library = Box::pin(builder.open(folder)).await?;
        self.listen(&library)?.until_closed(&library);
        Ok(library)
    }

    /// Gives a builder this account's backends.
    ///
    /// # Errors
    /// As [`open`].
    pub async fn equip(&self, builder: LibraryBuilder, folder: &Path) -> Result<LibraryBuilder> {
        let config = builder.settings();
        let local = LocalTools {
            tools: Tools::new(ToolPaths::of(config)),
            work_dir: folder.join("work"),
            clock: Arc::clone(&self.clock),
        };
        let builder = builder
            .clock(Arc::clone(&self.clock))
            .originals(self.originals())
            .proxies(self.proxies())
            .analyze(self.settings.analyze.clone());
        let builder = self.archive(builder)?;
        let builder = self.mediaconvert(builder, &local)?;
        let builder = self.rekognition(builder)?;
        let builder = self.transcribe(builder)?;
        let builder = self.notifiers(builder)?;
        if self.settings.runs == settings::Runs::default() {
            return Ok(builder);
        }
        tokio::fs::create_dir_all(folder).await.map_err(|cause| {
            Error::new(ErrorKind::Unavailable, "library.open", "the folder cannot be made")
                .with("folder", folder.display())
                .caused_by(cause)
        })?;
        let file = folder.join("catalog.db");
        let catalog = Arc::new(SqliteCatalog::open(file, Arc::clone(&self.clock)).await?);
        self.runs(builder.catalog(Arc::clone(&catalog) as _), catalog)
    }

    /// What listens to the account's services for a library; nothing runs before it is told to.
    ///
    /// # Errors
    /// [`Unsupported`](ErrorKind::Unsupported) where there is a queue and this build has none.
    pub fn listen(&self, library: &Library) -> Result<Listener> {
        let place =
            |bucket: &Bucket| Place { bucket: bucket.name.clone(), prefix: bucket.prefix.clone() };
        let options = IntakeOptions {
            originals: place(&self.settings.buckets.originals),
            ingest: self.settings.buckets.ingest.as_ref().map(place),
            adopt: self.settings.events.adopt,
        };
        let jobs = self.jobs.clone().map(|jobs| Arc::new(jobs) as Arc<dyn Storage>);
        let intake = Arc::new(Intake::new(library.clone(), jobs, options));
        self.listener(intake)
    }
}

fn bucket_options(bucket: &Bucket, checksums: settings::Checksums) -> S3Options {
    let prefix = bucket.prefix.trim_end_matches('/');
    S3Options {
        prefix: (!prefix.is_empty()).then(|| prefix.to_owned()),
        encryption: match &bucket.encryption {
            settings::Encryption::None => Encryption::OfBucket,
            settings::Encryption::SseS3 => Encryption::SseS3,
            settings::Encryption::SseKms { key_id } => {
                Encryption::SseKms { key_id: Some(key_id.clone()) }
            }
        },
        checksums: match checksums {
            settings::Checksums::Crc64nvme => Checksums::Crc64Nvme,
            settings::Checksums::ContentMd5 => Checksums::ContentMd5,
        },
        ..S3Options::new(bucket.name.clone())
    }
}
