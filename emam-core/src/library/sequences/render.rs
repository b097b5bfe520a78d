//! Sequences as media files.

use std::path::{Path, PathBuf};

use super::Sequences;
use crate::backend::RenderFormat;
use crate::error::{Error, ErrorKind, Result};
use crate::id::SequenceId;
use crate::library::RunHandle;
use crate::model::RunKind;
use crate::workflow::{RenderOptions, RenderParams, Rendered};

const OPERATION: &str = "sequences.render";

impl Sequences {
    /// Renders a sequence to one media file, exact by frame and by sample. The file is there whole
    /// when the run has succeeded, and not at all before.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for an unknown sequence or a folder that is not there;
    /// [`AlreadyExists`](ErrorKind::AlreadyExists) for a file that is there, unless it is to be
    /// overwritten; [`InvalidInput`](ErrorKind::InvalidInput) for an empty sequence and an
    /// extension the format has not. What is found later fails the run: media that is gone
    /// ([`NotFound`](ErrorKind::NotFound)) or archived ([`NotReady`](ErrorKind::NotReady)), each
    /// naming the clip.
    pub async fn render(
        &self,
        id: SequenceId,
        path: impl AsRef<Path>,
        options: RenderOptions,
    ) -> Result<RunHandle<Rendered>> {
        let path = wanted_file(path.as_ref(), &options)?;
        let sequence = self.catalog().sequence(id).await?;
        if crate::timeline::length(&sequence) < 1 {
            let message = "the sequence is empty, so there is nothing to render";
            return Err(Error::invalid(OPERATION, message).with("sequence", id));
        }
        let (priority, key) = (options.priority, options.idempotency_key.clone());
        let params = RenderParams { sequence: id, path, options };
        self.library.runs().start(RunKind::Render, None, &params, priority, key).await
    }
}

/// The absolute path of the file to be.
fn wanted_file(path: &Path, options: &RenderOptions) -> Result<PathBuf> {
    let extensions: &[&str] = match options.format {
        RenderFormat::H264 | RenderFormat::Proxy => &["mp4", "mov", "mkv"],
        RenderFormat::Mezzanine => &["mov", "mkv"],
    };
    let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
    if !extensions.iter().any(|known| extension == *known) {
        let message = "this format has no files of that extension; use a supported one";
        return Err(Error::invalid(OPERATION, message)
            .with("path", path.display())
            .with("supported", extensions.join(" ")));
    }
    let path = std::path::absolute(path)
        .map_err(|cause| Error::invalid(OPERATION, "the path cannot be told").caused_by(cause))?;
    if !path.parent().is_some_and(Path::is_dir) {
        let message = "the folder the file is to be in is not there; make it";
        return Err(
            Error::new(ErrorKind::NotFound, OPERATION, message).with("path", path.display())
        );
    }
    if path.exists() && !options.overwrite {
        let message = "there is a file of that name; name another or overwrite it";
        return Err(
            Error::new(ErrorKind::AlreadyExists, OPERATION, message).with("path", path.display())
        );
    }
    Ok(path)
}
