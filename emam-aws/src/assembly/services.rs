//! Each service, where it has settings.

use std::sync::Arc;

use emam_core::backend::catalog::Events;
use emam_core::library::LibraryBuilder;
use emam_core::local::LocalTools;
#[allow(unused_imports)]
use emam_core::{Error, ErrorKind, Result};

use super::{Account, Listener};
use crate::intake::Intake;
use crate::s3::{ArchiveBy, S3Archive};
use crate::settings::ArchiveMode;

/// A setting for a service that was left out when this was built.
#[allow(dead_code)]
fn left_out(setting: &'static str, feature: &'static str) -> Error {
    let message = "this build of emam-aws lacks the service; build it with the feature, or take \
                   the setting away";
    Error::new(ErrorKind::Unsupported, "aws.open", message)
        .with("setting", setting)
        .with("feature", feature)
}

impl Account {
    pub(super) fn archive(&self, builder: LibraryBuilder) -> Result<LibraryBuilder> {
        if let Some(vault) = &self.settings.vault {
            #[cfg(feature = "glacier")]
            {
                use crate::glacier::{VaultArchive, VaultOptions};
                let client = aws_sdk_glacier::Client::new(&self.context.of("glacier"));
                let archive = VaultArchive::new(
                    client,
                    VaultOptions::of(&vault.name),
                    self.originals(),
                    self.originals(),
                    Arc::clone(&self.clock),
                );
                return Ok(builder.archive(Arc::new(archive)));
            }
            #[cfg(not(feature = "glacier"))]
            {
                let _ = vault;
                return Err(left_out("vault", "glacier"));
            }
        }
        let by = match self.settings.archive.mode {
            ArchiveMode::Immediate => ArchiveBy::Copy,
            ArchiveMode::Tag => ArchiveBy::Tag { key: self.settings.archive.tag.clone() },
        };
        let archive = S3Archive::new(self.originals.clone(), by, Arc::clone(&self.clock));
        Ok(builder.archive(Arc::new(archive)))
    }

    #[cfg(feature = "mediaconvert")]
    pub(super) fn mediaconvert(
        &self,
        builder: LibraryBuilder,
        local: &LocalTools,
    ) -> Result<LibraryBuilder> {
        use std::time::Duration;

        use emam_core::backend::ByKind;

        use crate::mediaconvert::{MediaConvert, MediaConvertProber, Options};
        use crate::settings::Acceleration;

        let Some(settings) = &self.settings.mediaconvert else {
            return Ok(builder.prober(local.prober()).transcoder(local.transcoder()));
        };
        let client = aws_sdk_mediaconvert::Client::new(&self.context.of("mediaconvert"));
        let options = Options {
            queue: settings.queue.clone(),
            job_template: settings.template.clone(),
            accelerate_above: match settings.acceleration {
                Acceleration::Disabled => None,
                Acceleration::Preferred => Some(Duration::from_secs(10 * 60)),
                Acceleration::Enabled => Some(Duration::ZERO),
            },
            poll_interval_ms: self.settings.poll_ms,
            ..Options::new(&settings.role_arn, &self.settings.stack)
        };
        let transcoder =
            MediaConvert::new(client.clone(), self.proxies(), Arc::clone(&self.clock), options);
        let prober = MediaConvertProber::new(client, Some(local.prober()));
        // MediaConvert takes no stills.
        let transcoder = ByKind::new(local.transcoder(), Arc::new(transcoder));
        Ok(builder.prober(Arc::new(prober)).transcoder(Arc::new(transcoder)))
    }

    #[cfg(not(feature = "mediaconvert"))]
    pub(super) fn mediaconvert(
        &self,
        builder: LibraryBuilder,
        local: &LocalTools,
    ) -> Result<LibraryBuilder> {
        match &self.settings.mediaconvert {
            Some(_) => Err(left_out("mediaconvert", "mediaconvert")),
            None => Ok(builder.prober(local.prober()).transcoder(local.transcoder())),
        }
    }

    #[cfg(feature = "rekognition")]
    pub(super) fn rekognition(&self, builder: LibraryBuilder) -> Result<LibraryBuilder> {
        use crate::rekognition::{Notification, Options, Rekognition};

        let Some(settings) = &self.settings.rekognition else { return Ok(builder) };
        let client = aws_sdk_rekognition::Client::new(&self.context.of("rekognition"));
        let notification = match (&settings.topic_arn, &settings.role_arn) {
            (Some(topic_arn), Some(role_arn)) => {
                Some(Notification { topic_arn: topic_arn.clone(), role_arn: role_arn.clone() })
            }
            _ => None,
        };
        let options = Options {
            notification,
            collection: settings.collection.clone(),
            min_confidence: settings.min_confidence,
            jobs: usize::try_from(settings.jobs).unwrap_or(usize::MAX),
            poll_interval_ms: self.settings.poll_ms,
            ..Options::new(&self.settings.stack)
        };
        Ok(builder.analyzer(Arc::new(Rekognition::new(client, options))))
    }

    #[cfg(not(feature = "rekognition"))]
    pub(super) fn rekognition(&self, builder: LibraryBuilder) -> Result<LibraryBuilder> {
        match &self.settings.rekognition {
            Some(_) => Err(left_out("rekognition", "rekognition")),
            None => Ok(builder),
        }
    }

    #[cfg(feature = "transcribe")]
    pub(super) fn transcribe(&self, builder: LibraryBuilder) -> Result<LibraryBuilder> {
        use crate::transcribe::{Options, Transcribe};

        let Some(settings) = &self.settings.transcribe else { return Ok(builder) };
        let client = aws_sdk_transcribe::Client::new(&self.context.of("transcribe"));
        let options = Options {
            role_arn: settings.role_arn.clone(),
            languages: settings.languages.clone(),
            vocabulary: settings.vocabulary.clone(),
            speakers: settings.speakers,
            poll_interval_ms: self.settings.poll_ms,
            // A job's name is the prefix and its token, with a hyphen between.
            ..Options::new(settings.name_prefix.trim_end_matches('-'))
        };
        let transcribe = Transcribe::new(client, self.proxies(), options);
        #[cfg(feature = "mediaconvert")]
        let transcribe = match &self.settings.mediaconvert {
            Some(settings) => {
                use crate::transcribe::{CutOptions, MediaConvertPieces};
                let client = aws_sdk_mediaconvert::Client::new(&self.context.of("mediaconvert"));
                let options = CutOptions {
                    stack: self.settings.stack.clone(),
                    role_arn: settings.role_arn.clone(),
                    queue: settings.queue.clone(),
                };
                transcribe.cutting_by(Arc::new(MediaConvertPieces::new(client, options)))
            }
            None => transcribe,
        };
        Ok(builder.analyzer(Arc::new(transcribe)))
    }

    #[cfg(not(feature = "transcribe"))]
    pub(super) fn transcribe(&self, builder: LibraryBuilder) -> Result<LibraryBuilder> {
        match &self.settings.transcribe {
            Some(_) => Err(left_out("transcribe", "transcribe")),
            None => Ok(builder),
        }
    }

    #[cfg(feature = "notify")]
    pub(super) fn notifiers(&self, mut builder: LibraryBuilder) -> Result<LibraryBuilder> {
        use crate::notify::{SesNotifier, SnsNotifier};

        let settings = &self.settings.notifications;
        if let Some(topic) = &settings.topic_arn {
            let client = aws_sdk_sns::Client::new(&self.context.of("sns"));
            builder = builder.notifier(Arc::new(SnsNotifier::new(client, topic)));
        }
        if let (Some(from), false) = (&settings.mail_from, settings.mail_to.is_empty()) {
            let client = aws_sdk_sesv2::Client::new(&self.context.of("sesv2"));
            let mail = SesNotifier::new(client, from, settings.mail_to.clone());
            builder = builder.notifier(Arc::new(mail));
        }
        Ok(builder)
    }

    #[cfg(not(feature = "notify"))]
    pub(super) fn notifiers(&self, builder: LibraryBuilder) -> Result<LibraryBuilder> {
        match self.settings.notifications == crate::settings::Notifications::default() {
            true => Ok(builder),
            false => Err(left_out("notifications", "notify")),
        }
    }

    #[cfg(feature = "dynamodb")]
    pub(super) fn runs(
        &self,
        builder: LibraryBuilder,
        log: Arc<dyn Events>,
    ) -> Result<LibraryBuilder> {
        use crate::dynamodb::{DynamoRuns, RunOptions, Tables};

        let settings = &self.settings.runs;
        let Some(ingest) = settings.ingest_table.clone() else { return Ok(builder) };
        let delivery = settings.delivery_table.clone().unwrap_or_else(|| ingest.clone());
        let client = aws_sdk_dynamodb::Client::new(&self.context.of("dynamodb"));
        let tables = Tables { ingest, delivery };
        let runs = DynamoRuns::new(client, tables, RunOptions::default(), log);
        Ok(builder.runs(Arc::new(runs)))
    }

    #[cfg(not(feature = "dynamodb"))]
    pub(super) fn runs(
        &self,
        _builder: LibraryBuilder,
        _log: Arc<dyn Events>,
    ) -> Result<LibraryBuilder> {
        Err(left_out("runs", "dynamodb"))
    }

    #[cfg(feature = "events")]
    pub(super) fn listener(&self, intake: Arc<Intake>) -> Result<Listener> {
        use crate::queue::{Worker, WorkerOptions};

        let worker = self.settings.events.queue_url.as_ref().map(|url| {
            let client = aws_sdk_sqs::Client::new(&self.context.of("sqs"));
            Worker::new(client, url, Arc::clone(&intake) as _, WorkerOptions::default())
        });
        Ok(Listener { intake, worker })
    }

    #[cfg(not(feature = "events"))]
    pub(super) fn listener(&self, intake: Arc<Intake>) -> Result<Listener> {
        match &self.settings.events.queue_url {
            Some(_) => Err(left_out("events.queue_url", "events")),
            None => Ok(Listener { intake }),
        }
    }
}
