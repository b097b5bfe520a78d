//! Files from and to the account's S3.

use std::path::Path;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use tokio::io::AsyncWriteExt;

use super::super::plan::Address;
use super::Failed;
use crate::world::World;

/// Fetches an object into a file.
///
/// # Errors
/// 1404 when it is not there, 1401 when it may not be read.
pub(in super::super) async fn fetch(
    world: &World,
    from: &Address,
    to: &Path,
) -> Result<(), Failed> {
    let answer = world.s3.get_object().bucket(&from.bucket).key(&from.key).send().await;
    let object = answer.map_err(|error| refused(&error, "open input file", from))?;
    let mut body = object.body.into_async_read();
    let copied = async {
        let mut file = tokio::fs::File::create(to).await?;
        tokio::io::copy(&mut body, &mut file).await?;
        file.flush().await
    };
    copied.await.map_err(|error| {
        Failed::new(1999, format!("Unable to read input file [{from}]: [{error}]"))
    })
}

/// Stores a file as an object.
pub(super) async fn store(world: &World, from: &Path, to: &Address) -> Result<(), Failed> {
    let body = ByteStream::from_path(from)
        .await
        .map_err(|error| Failed::new(1999, format!("an output went missing: {error}")))?;
    let put = world.s3.put_object().bucket(&to.bucket).key(&to.key).body(body);
    let put = put.set_content_type(content_type(&to.key).map(str::to_owned));
    put.send().await.map_err(|error| refused(&error, "write to output file", to))?;
    Ok(())
}

fn refused<E: ProvideErrorMetadata + std::fmt::Debug>(
    error: &SdkError<E>,
    what: &str,
    address: &Address,
) -> Failed {
    let status = error.raw_response().map(|response| response.status().as_u16());
    let code = error.code().unwrap_or("no answer");
    match status {
        Some(404) => {
            let why = format!(
                "Unable to {what} [{address}]: [Failed probe/open: [Failed to read data: HeadObject \
                 failed]]: {code}"
            );
            Failed::new(1404, why)
        }
        Some(403) => {
            let why = format!(
                "Unable to {what} [{address}]: [Failed probe/open: [Failed to read data: Access \
                 Denied]]: {code}"
            );
            Failed::new(1401, why)
        }
        _ => Failed::new(1999, format!("Unable to {what} [{address}]: {code}")),
    }
}

fn content_type(key: &str) -> Option<&'static str> {
    match key.rsplit_once('.')?.1 {
        "mp4" => Some("video/mp4"),
        "mov" => Some("video/quicktime"),
        "ts" | "m2ts" => Some("video/MP2T"),
        "m3u8" => Some("application/vnd.apple.mpegurl"),
        "mxf" => Some("application/mxf"),
        "m4a" => Some("audio/mp4"),
        "wav" => Some("audio/wav"),
        "mp3" => Some("audio/mpeg"),
        "jpg" => Some("image/jpeg"),
        "vtt" => Some("text/vtt"),
        _ => None,
    }
}
