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
use crate::clock::Clock;
use crate::events::Events;
use crate::faults::Faults;
use crate::mediaconvert::MediaConvert;
use crate::model::Models;
use crate::server::{Server, Services};
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
    let services = Services { mediaconvert: Some(Arc::new(mediaconvert)), ..Services::default() };
    let models = Models::load()?;
    let calls = Arc::default();
    let server = Arc::new(Server { world, faults, events, calls, services, models });
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
    Ok(Handle { url, server, task, _scratch: scratch })
}
