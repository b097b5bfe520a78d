//! The native part of the Python package `emam`: opens a library, calls its operations with JSON,
//! closes it. Names, types and iterators are in Python, generated from the same table.

mod bridge;

use std::ffi::OsString;

#[cfg(feature = "aws")]
use emam_aws::{api, cli};
use emam_core::{Library as Core, Result};
#[cfg(not(feature = "aws"))]
use emam_core::{api, cli};
use pyo3::prelude::*;

/// A library of media, and its operations by name.
#[pyclass(frozen, module = "emam._native")]
#[derive(Debug)]
struct Library(Core);

/// Opens the library that parameters in JSON describe.
#[pyfunction]
fn open(py: Python<'_>, params: String) -> PyResult<Library> {
    bridge::block(py, OPEN, async move { Ok(Library(api::open(&params).await?)) })
}

/// Opens the library that parameters in JSON describe.
#[pyfunction]
async fn open_async(params: String) -> PyResult<Library> {
    bridge::join(OPEN.to_owned(), async move { Ok(Library(api::open(&params).await?)) }).await
}

/// Closes the libraries at the end of the interpreter. Nothing can be called afterwards.
#[pyfunction]
fn shutdown(py: Python<'_>, libraries: Vec<PyRef<'_, Library>>) {
    bridge::shut_down(py, libraries.iter().map(|library| library.0.clone()).collect());
}

/// Does what a command line says and gives the code to exit with.
#[pyfunction]
fn main(py: Python<'_>, arguments: Vec<OsString>) -> PyResult<u8> {
    bridge::command(py, arguments)
}

const OPEN: &str = "library.open";
const CLOSE: &str = "library.close";

#[pymethods]
impl Library {
    /// Does an operation: JSON in, JSON out.
    fn call(&self, py: Python<'_>, operation: String, params: String) -> PyResult<Vec<u8>> {
        bridge::block(py, &operation, work(self.0.clone(), operation.clone(), params))
    }

    /// Does an operation: JSON in, JSON out. Cancelling drops the call.
    async fn call_async(&self, operation: String, params: String) -> PyResult<Vec<u8>> {
        let work = work(self.0.clone(), operation.clone(), params);
        bridge::join(operation, work).await
    }

    /// Lets go of all work under way and waits until that is done.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        bridge::block(py, CLOSE, end(self.0.clone()))
    }

    /// Lets go of all work under way and waits until that is done.
    async fn close_async(&self) -> PyResult<()> {
        let work = end(self.0.clone());
        bridge::join(CLOSE.to_owned(), work).await
    }
}

async fn work(library: Core, operation: String, params: String) -> Result<Vec<u8>> {
    Ok(library.call_json(&operation, &params).await?.into_bytes())
}

async fn end(library: Core) -> Result<()> {
    library.close().await;
    Ok(())
}

impl Drop for Library {
    fn drop(&mut self) {
        // A fork holds a copy whose threads are elsewhere: ending it could wait for them forever.
        if bridge::check_process(CLOSE).is_err() {
            std::mem::forget(self.0.clone());
        }
    }
}

#[pymodule(gil_used = false)]
mod _native {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::{Library, main, open, open_async, shutdown};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
