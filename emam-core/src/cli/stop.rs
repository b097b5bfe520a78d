//! Ctrl-C and SIGTERM: the first asks, the second is obeyed at once.

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::output::Out;

/// Tells when somebody asked the command to stop.
#[derive(Debug)]
pub(super) struct Stop {
    asked: watch::Receiver<bool>,
    listener: Option<JoinHandle<()>>,
}

impl Stop {
    /// Listens from now on. Where the system does not let it, signals end the process as ever.
    pub(super) fn listen(out: &Out) -> Self {
        let note = out.stop_note();
        let (tell, asked) = watch::channel(false);
        // A task of its own: the command may be stuck in writing to a pipe nobody empties.
        let listener = Signals::new().map(|mut signals| {
            tokio::spawn(async move {
                signals.next().await;
                note();
                let _ = tell.send(true);
                signals.next().await;
                quit();
            })
        });
        Self { asked, listener: listener.ok() }
    }

    /// Waits until it was asked.
    pub(super) async fn asked(&self) {
        let mut asked = self.asked.clone();
        if asked.wait_for(|asked| *asked).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Stop {
    fn drop(&mut self) {
        if let Some(listener) = &self.listener {
            listener.abort();
        }
    }
}

/// Ends the process without its farewells: they would take apart what Python's and Node's own
/// threads still use, and those crash.
#[cfg(unix)]
fn quit() -> ! {
    signal_hook::low_level::exit(130)
}

#[cfg(not(unix))]
fn quit() -> ! {
    std::process::exit(130)
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
