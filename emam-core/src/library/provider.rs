//! Where backends come from that this crate does not know.

use std::fmt::Debug;
use std::path::Path;

use async_trait::async_trait;

use crate::error::Result;
use crate::library::{Library, LibraryBuilder};

/// Opens libraries on the backends of an account elsewhere: how `emam-aws` is handed to what opens
/// libraries by settings, the command line and the bindings.
#[async_trait]
pub trait Provider: Debug + Send + Sync + 'static {
    /// Opens the library in `folder` on the account that the file `settings` describes. What works
    /// beside the library, such as a queue's reader, ends with it.
    async fn open(
        &self,
        builder: LibraryBuilder,
        folder: &Path,
        settings: &Path,
    ) -> Result<Library>;
}
