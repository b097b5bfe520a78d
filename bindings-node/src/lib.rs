//! The native core of the npm package `emam`: opens a library and passes operations to it as JSON.
//!
//! Nothing is decided here. What an operation takes, gives and refuses is the table's of
//! `emam_core::api`; the typed client in `client/` is generated from the same table.
//!
//! No future here borrows from a JavaScript object: the objects of a thread are freed when it ends,
//! while the runtime, which is the process's, still polls what the thread has begun. So every
//! method hands its future what it needs (`async fn` with `&self` would borrow).

use std::sync::Arc;

#[cfg(feature = "aws")]
use emam_aws::{api, cli};
use emam_core::{Error, ErrorKind, Library};
#[cfg(not(feature = "aws"))]
use emam_core::{api, cli};
use futures_util::FutureExt;
use napi::Env;
use napi::bindgen_prelude::{Either, PromiseRaw, within_runtime_if_available};
use napi_derive::napi;
use tokio::sync::Notify;

/// Opens a library. `params` is the JSON of the record `OpenLibrary`.
#[napi]
pub async fn open(params: String) -> napi::Result<Native> {
    let library = api::open(&params).await.map_err(as_data)?;
    Ok(Native { library })
}

/// Does what a command line says and gives the code to exit with. `arguments` are those after the
/// program's name.
#[napi]
pub async fn main(arguments: Vec<String>) -> u32 {
    let arguments = arguments.into_iter().map(Into::into).collect();
    u32::from(cli::main(arguments).await)
}

/// A library that is open. Dropping the last one lets go of its work without waiting.
#[napi]
#[derive(Debug)]
pub struct Native {
    library: Library,
}

#[napi]
impl Native {
    /// Does an operation: JSON in, JSON out. What lies ready is given at once, without the way to
    /// another thread and back.
    #[napi(catch_unwind)]
    pub fn call<'env>(
        &self,
        env: &'env Env,
        operation: String,
        params: String,
    ) -> napi::Result<Either<String, PromiseRaw<'env, String>>> {
        let library = self.library.clone();
        let mut work =
            Box::pin(async move { library.call_json(&operation, &params).await.map_err(as_data) });
        match within_runtime_if_available(|| work.as_mut().now_or_never()) {
            Some(done) => done.map(Either::A),
            None => env.spawn_future(work).map(Either::B),
        }
    }

    /// Prepares an operation that can be broken off.
    #[napi]
    pub fn prepare(&self, operation: String, params: String) -> Call {
        Call { library: self.library.clone(), operation, params, stop: Arc::default() }
    }

    /// Stops working and waits until all work under way is let go of.
    #[napi]
    pub fn close<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, ()>> {
        let library = self.library.clone();
        env.spawn_future(async move {
            library.close().await;
            Ok(())
        })
    }
}

/// An operation that can be broken off.
#[napi]
#[derive(Debug)]
pub struct Call {
    library: Library,
    operation: String,
    params: String,
    stop: Arc<Notify>,
}

#[napi]
impl Call {
    /// Does the operation.
    #[napi]
    pub fn done<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, String>> {
        let Self { library, operation, params, stop } = self;
        let (library, stop) = (library.clone(), Arc::clone(stop));
        let (operation, params) = (operation.clone(), params.clone());
        env.spawn_future(async move {
            tokio::select! {
                biased;
                () = stop.notified() => {
                    let message = "the call was broken off";
                    Err(as_data(Error::new(ErrorKind::Cancelled, operation.clone(), message)))
                }
                answer = library.call_json(&operation, &params) => answer.map_err(as_data),
            }
        })
    }

    /// Breaks the operation off where it is, begun or not; nothing where it has ended.
    #[napi]
    pub fn abort(&self) {
        self.stop.notify_one();
    }
}

/// An error as the JSON of its record; the client makes the real one of it.
fn as_data(error: Error) -> napi::Error {
    let info = serde_json::to_string(&error.to_info());
    napi::Error::from_reason(info.unwrap_or_else(|_| error.to_string()))
}
