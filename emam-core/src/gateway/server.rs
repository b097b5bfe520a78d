//! Listening: connections, how many, how slow they may be, and how they end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use super::Shared;
use super::host::LocalAddress;
use super::options::ms;
use crate::error::{Error, ErrorKind, Result};

const OPERATION: &str = "gateway.serve";

/// A gateway that is listening; made by [`Gateway::serve`](super::Gateway::serve). Dropping it ends
/// it at once; [`shutdown`](Self::shutdown) lets requests under way end first.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    ended: watch::Receiver<bool>,
    task: JoinHandle<()>,
}

impl Server {
    pub(super) async fn start(shared: Arc<Shared>, router: Router, bind: &str) -> Result<Self> {
        let listener = listen(&shared, bind).await?;
        let address = listener.local_addr().map_err(|cause| unbindable(bind, cause))?;
        let (tell, ended) = watch::channel(false);
        let serving = serve(Arc::clone(&shared), router, listener);
        let task = tokio::spawn(async move {
            serving.await;
            let _ = tell.send(true);
        });
        tracing::info!(%address, "the gateway is listening");
        Ok(Self { address, shared, ended, task })
    }

    /// The address it listens on: with the port that was free, where port 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL it is reached by from this machine, for example `http://127.0.0.1:4700`.
    pub fn url(&self) -> String {
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip(if address.is_ipv4() {
                [127, 0, 0, 1].into()
            } else {
                std::net::Ipv6Addr::LOCALHOST.into()
            });
        }
        format!("http://{address}")
    }

    /// Stops taking connections, ends streams and waiting requests, and lets what else is under way
    /// end for as long as `shutdown_grace_ms` says; what then is left is cut off. The library stays
    /// open. Calling it again does no harm.
    pub async fn shutdown(&self) {
        self.shared.close();
        self.join().await;
    }

    /// Waits until it has ended.
    pub async fn join(&self) {
        // An error is a sender that is gone: it has ended too.
        let _ = self.ended.clone().wait_for(|ended| *ended).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.close();
        self.task.abort();
    }
}

/// Binds, unless that would open the library to whoever is on the network.
async fn listen(shared: &Shared, bind: &str) -> Result<TcpListener> {
    let wrong = |cause| {
        Error::invalid(OPERATION, "an address to listen on is HOST:PORT, as 127.0.0.1:4700")
            .with("bind", bind.escape_debug())
            .caused_by(cause)
    };
    let addresses: Vec<_> = tokio::net::lookup_host(bind).await.map_err(wrong)?.collect();
    if shared.options.is_open() && addresses.iter().any(|address| !address.ip().is_loopback()) {
        return Err(Error::new(
            ErrorKind::PermissionDenied,
            OPERATION,
            "others could reach this address, and would need no token; set tokens or a secret, or \
             listen on 127.0.0.1",
        )
        .with("bind", bind));
    }
    TcpListener::bind(&addresses[..]).await.map_err(|cause| unbindable(bind, cause))
}

fn unbindable(bind: &str, cause: std::io::Error) -> Error {
    let (kind, message) = match cause.kind() {
        std::io::ErrorKind::AddrInUse => {
            (ErrorKind::Conflict, "another program listens there; take another port, or port 0")
        }
        std::io::ErrorKind::PermissionDenied => {
            (ErrorKind::PermissionDenied, "this process may not listen there")
        }
        _ => (ErrorKind::Unavailable, "this machine cannot listen there"),
    };
    Error::new(kind, OPERATION, message).with("bind", bind).caused_by(cause)
}

/// Takes connections until the gateway closes, then waits for those that are there.
async fn serve(shared: Arc<Shared>, router: Router, listener: TcpListener) {
    let room = Arc::new(Semaphore::new(shared.options.max_connections));
    let mut connections = JoinSet::new();
    loop {
        // Room first: what there is none for waits in the system's queue, which costs us nothing.
        let accepted = async {
            let room = Arc::clone(&room).acquire_owned().await;
            (room, listener.accept().await)
        };
        tokio::select! {
            () = shared.closing() => break,
            accepted = accepted => match accepted {
                (Ok(room), Ok((stream, _))) => {
                    let shared = Arc::clone(&shared);
                    let router = router.clone();
                    connections.spawn(async move {
                        let _room = room;
                        connection(shared, router, stream).await;
                    });
                }
                (_, Err(cause)) => {
                    // Out of handles, mostly: connections that end give some back.
                    tracing::warn!(error = %cause, "a connection could not be taken");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                (Err(_), _) => break,
            },
        }
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    if timeout(ms(shared.options.shutdown_grace_ms), all).await.is_err() {
        tracing::warn!("requests that would not end were cut off");
    }
}

async fn connection(shared: Arc<Shared>, router: Router, stream: TcpStream) {
    // Answers are small and wanted at once.
    let _ = stream.set_nodelay(true);
    let router = match stream.local_addr() {
        Ok(local) => router.layer(Extension(LocalAddress(local))),
        Err(_) => router,
    };
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(ms(shared.options.header_timeout_ms))
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut served = std::pin::pin!(served);
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = shared.closing() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(cause) = ended {
        tracing::debug!(error = %cause, "a connection has broken");
    }
}
