//! The emulator inside a test of Rust: `start`, use the address, drop.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::Request;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::account;
use crate::calls::Calls;
use crate::clock::Clock;
use crate::events::Events;
use crate::faults::Faults;
use crate::front::Front;
use crate::glacier::Glacier;
use crate::media::S3Media;
use crate::mediaconvert::MediaConvert;
use crate::model::Models;
use crate::rekognition::Rekognition;
use crate::server::{Server, Services};
use crate::transcribe::Transcribe;
use crate::truth::Truth;
use crate::wiring::{FrontTrouble, GlacierDoor, S3Door, Teller};
use crate::world::{Parts, World};

/// How to start the emulator.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The address of the S3 behind the account.
    pub s3: String,
    /// The address of the account's SQS.
    pub sqs: String,
    /// The address of the queue events go to; none are told when absent.
    pub events_queue: Option<String>,
    /// The ffmpeg program.
    pub ffmpeg: PathBuf,
    /// The ffprobe program.
    pub ffprobe: PathBuf,
    /// How many times as fast as real time the account's clock runs.
    pub clock_factor: f64,
}

impl Options {
    /// An account on this S3, listening on a free port of the loopback, with SQS at the same
    /// address and nobody who listens to events.
    pub fn on(s3: impl Into<String>) -> Self {
        let s3 = s3.into();
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            sqs: s3.clone(),
            s3,
            events_queue: None,
            ffmpeg: PathBuf::from("ffmpeg"),
            ffprobe: PathBuf::from("ffprobe"),
            clock_factor: 1.0,
        }
    }
}

/// A running emulator; it ends when this is dropped.
#[derive(Debug)]
pub struct Handle {
    /// Its address, for example `http://127.0.0.1:4566`.
    pub url: String,
    /// The server, for tests that look inside.
    pub server: Arc<Server>,
    task: JoinHandle<()>,
    ticking: JoinHandle<()>,
    /// Work files; removed with the handle.
    _scratch: tempfile::TempDir,
}

impl Handle {
    /// Waits for as long as the emulator runs.
    pub async fn join(&mut self) {
        // The task is never cancelled while somebody waits, and a panic was printed.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.task.abort();
        self.ticking.abort();
    }
}

/// Starts the emulator.
///
/// # Errors
/// When the address cannot be listened at or no work folder can be made.
pub async fn start(options: Options) -> Result<Handle> {
    let listener = TcpListener::bind(options.listen)
        .await
        .with_context(|| format!("listening at {}", options.listen))?;
    let url = format!("http://{}", listener.local_addr().context("finding the own address")?);
    let scratch = tempfile::tempdir().context("making a folder for work files")?;
    let world = Arc::new(World::new(Parts {
        clock: Clock::new(options.clock_factor),
        s3: account::s3(&options.s3),
        sqs: account::sqs(&options.sqs),
        events_queue: options.events_queue,
        ffmpeg: options.ffmpeg,
        ffprobe: options.ffprobe,
        scratch: scratch.path().to_owned(),
    }));
    let faults = Arc::new(Faults::new(Arc::clone(&world)));
    let events = Arc::new(Events::new(Arc::clone(&world), Arc::clone(&faults)));
    let mediaconvert =
        MediaConvert::new(Arc::clone(&world), Arc::clone(&faults), Arc::clone(&events), &url);
    let calls: Arc<Calls> = Arc::default();
    let truth = Arc::new(Truth::default());
    let media = Arc::new(S3Media::new(world.s3.clone()));
    let teller = Arc::new(Teller(Arc::clone(&events)));
    let trouble = FrontTrouble { faults: Arc::clone(&faults), calls: Arc::clone(&calls) };
    let front = Front::new(
        Arc::clone(&world),
        &options.s3,
        Arc::clone(&teller) as _,
        Arc::new(trouble) as _,
    )?;
    let front = Arc::new(front);
    let ticking = front.keep_ticking();
    let parts = || {
        (Arc::clone(&world), Arc::clone(&media) as _, Arc::clone(&truth), Arc::clone(&teller) as _)
    };
    let rekognition = {
        let (world, media, truth, teller) = parts();
        Rekognition::new(world, media, truth, teller)
    };
    let transcribe = {
        let (world, media, truth, teller) = parts();
        Transcribe::new(world, media, truth, teller)
    };
    let glacier = Glacier::new(Arc::clone(&world), Arc::clone(&teller) as _);
    let services = Services {
        mediaconvert: Some(Arc::new(mediaconvert)),
        rekognition: Some(Arc::new(rekognition)),
        transcribe: Some(Arc::new(transcribe)),
        glacier: Some(Arc::new(GlacierDoor(glacier))),
        s3: Some(Arc::new(S3Door(Arc::clone(&front)))),
    };
    let models = Models::load()?;
    let server = Arc::new(Server {
        world,
        faults,
        events,
        calls,
        services,
        models,
        truth,
        front: Some(front),
    });
    let answering = Arc::clone(&server);
    let router = Router::new().fallback(move |request: Request| {
        let server = Arc::clone(&answering);
        async move { server.handle(request).await }
    });
    let task = tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            eprintln!("emam-awsim: the server ended: {error}");
        }
    });
    Ok(Handle { url, server, task, ticking, _scratch: scratch })
}
