//! Between Python's threads and Tokio's: one runtime, calls that block or await, errors that raise.
//!
//! A blocking call polls its future on the caller's own thread for as long as most calls take. What
//! takes longer goes on inside the runtime while the caller looks for signals: so Ctrl-C is heard,
//! and a signal handler may itself call into the library and wait for what the first call holds.

use std::ffi::OsString;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{OnceLock, PoisonError, RwLock};
use std::thread::{self, ThreadId};
use std::time::Duration;

use emam_core::library::ProcessGuard;
use emam_core::{Error, ErrorKind, Library, Result};
use futures_util::{FutureExt, future::join_all};
use pyo3::prelude::*;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

/// How long a signal goes unheard at most.
const LOOK_FOR_SIGNALS: Duration = Duration::from_millis(50);
/// How long work that cannot be cut short may hold up the end of the process.
const LAST_WORK: Duration = Duration::from_secs(5);

/// The process the runtime lives in: asked before the lock, which a fork may have copied held.
static PROCESS: OnceLock<ProcessGuard> = OnceLock::new();
/// The thread in which the interpreter ends.
static ENDS_IN: OnceLock<ThreadId> = OnceLock::new();
static RUNTIME: RwLock<State> = RwLock::new(State::Unused);

enum State {
    Unused,
    Running(Runtime),
    ShutDown,
}

/// An error on its way to Python: raised as the class of its kind in `emam.errors`.
pub(crate) struct Raise(Error);

impl From<Raise> for PyErr {
    fn from(Raise(error): Raise) -> Self {
        Python::attach(|py| {
            let made = serde_json::to_string(&error.to_info())
                .map_err(|_| pyo3::exceptions::PyRuntimeError::new_err(error.to_string()))
                .and_then(|info| py.import("emam.errors")?.call_method1("from_json", (info,)));
            made.map_or_else(|failure| failure, PyErr::from_value)
        })
    }
}

/// Refuses a fork of the process the runtime lives in.
pub(crate) fn check_process(operation: &str) -> Result<()> {
    PROCESS.get_or_init(ProcessGuard::new).check(operation)
}

/// Does something with the runtime, which is not shut down meanwhile.
fn with_runtime<T>(operation: &str, act: impl FnOnce(&Runtime) -> T) -> Result<T> {
    check_process(operation)?;
    let state = RUNTIME.read().unwrap_or_else(PoisonError::into_inner);
    match &*state {
        State::Running(runtime) => return Ok(act(runtime)),
        State::ShutDown => {
            let message = "Python is shutting down, and nothing can be done any more";
            return Err(Error::new(ErrorKind::Conflict, operation.to_owned(), message));
        }
        State::Unused => drop(state),
    }
    let mut state = RUNTIME.write().unwrap_or_else(PoisonError::into_inner);
    if let State::Unused = &*state {
        *state = State::Running(build(operation)?);
    }
    drop(state);
    with_runtime(operation, act)
}

/// Waits for `work` with the interpreter let go of, and looks for signals meanwhile. A signal whose
/// handler raises drops the work.
pub(crate) fn block<T: Send + 'static>(
    py: Python<'_>,
    operation: &str,
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> PyResult<T> {
    let done = wait(py, operation, guarded(operation.to_owned(), work))?;
    if done.is_err() && ENDS_IN.get().is_some_and(|thread| *thread != thread::current().id()) {
        // A daemon thread when the interpreter ends, whose last words nobody wants to read.
        py.detach(|| thread::park_timeout(LAST_WORK));
    }
    Ok(done.map_err(Raise)?)
}

/// The outer result is that of Python's signal handlers.
fn wait<T: Send + 'static>(
    py: Python<'_>,
    operation: &str,
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> PyResult<Result<T>> {
    let mut work = Box::pin(work);
    let at_once = async { tokio::time::timeout(LOOK_FOR_SIGNALS, &mut work).await.ok() };
    let first = py.detach(|| with_runtime(operation, |runtime| runtime.block_on(at_once)));
    if let Some(done) = first.transpose() {
        return Ok(done.and_then(|done| done));
    }
    let (done, mut waits) = sync_channel(1);
    let going_on = async move {
        let _ = done.send(work.await);
    };
    // Dropping the set, for example because a handler raises, aborts what is in it.
    let mut tasks = JoinSet::new();
    if let Err(refused) = with_runtime(operation, |it| tasks.spawn_on(going_on, it.handle())) {
        return Ok(Err(refused));
    }
    loop {
        py.check_signals()?;
        let waited;
        (waits, waited) = py.detach(move || {
            let waited = waits.recv_timeout(LOOK_FOR_SIGNALS);
            (waits, waited)
        });
        match waited {
            Ok(done) => return Ok(done),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(Err(cut_short(operation))),
        }
    }
}

/// Waits for `work` inside an `async fn` that Python awaits. Dropping the future, which is what
/// cancelling its task does, drops the work.
pub(crate) async fn join<T: Send + 'static>(
    operation: String,
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> PyResult<T> {
    let mut work = Box::pin(guarded(operation.clone(), work));
    // What lies ready is had without the way to another thread and back.
    let first = with_runtime(&operation, |it| {
        let _inside = it.enter();
        work.as_mut().now_or_never()
    });
    if let Some(done) = first.map_err(Raise)? {
        return Ok(done.map_err(Raise)?);
    }
    let mut tasks = JoinSet::new();
    with_runtime(&operation, |it| tasks.spawn_on(work, it.handle())).map_err(Raise)?;
    let done = tasks.join_next().await.and_then(|ended| ended.ok());
    Ok(done.unwrap_or_else(|| Err(cut_short(&operation))).map_err(Raise)?)
}

/// Does what a command line says, on threads of its own that nothing waits for afterwards: one may
/// be reading from the terminal.
pub(crate) fn command(py: Python<'_>, arguments: Vec<OsString>) -> PyResult<u8> {
    let runtime = build("command").map_err(Raise)?;
    Ok(py.detach(|| {
        let code = runtime.block_on(crate::cli::main(arguments));
        runtime.shutdown_background();
        code
    }))
}

fn build(operation: &str) -> Result<Runtime> {
    let threads = std::thread::available_parallelism().map_or(2, |n| n.get().max(2));
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(threads).thread_name("emam").enable_all().build().map_err(|cause| {
        let message = "the threads of the library cannot be started";
        Error::new(ErrorKind::Unavailable, operation.to_owned(), message).caused_by(cause)
    })
}

/// Closes the libraries and ends the runtime: for the end of the interpreter.
pub(crate) fn shut_down(py: Python<'_>, libraries: Vec<Library>) {
    if check_process("library.close").is_err() || ENDS_IN.set(thread::current().id()).is_err() {
        return;
    }
    py.detach(|| {
        let all = join_all(libraries.iter().map(Library::close));
        let mut state = RUNTIME.write().unwrap_or_else(PoisonError::into_inner);
        let last = std::mem::replace(&mut *state, State::ShutDown);
        drop(state);
        if let State::Running(runtime) = last {
            let _ = runtime.block_on(async { tokio::time::timeout(LAST_WORK, all).await });
            runtime.shutdown_timeout(LAST_WORK);
        }
    });
}

/// The same work, whose panic is an error: Python's own for panics is caught by no `except
/// Exception`.
async fn guarded<T>(operation: String, work: impl Future<Output = Result<T>>) -> Result<T> {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_| {
        let message = "the library has panicked; what it said is on standard error";
        Err(Error::new(ErrorKind::Unexpected, operation, message))
    })
}

fn cut_short(operation: &str) -> Error {
    let message = "Python is shutting down, and the call was cut short";
    Error::new(ErrorKind::Cancelled, operation.to_owned(), message)
}
