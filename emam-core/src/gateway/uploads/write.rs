//! Writing what comes.

use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use futures_util::StreamExt;
use tokio::io::{AsyncSeekExt, AsyncWriteExt, BufWriter};
use tokio::time::timeout;

use super::record::Record;
use super::store::Store;
use super::tus::Checksum;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::gateway::body;
use crate::gateway::problem::Problem;
use crate::io::io_error;

/// So many bytes are synced and put on record at a time, so that a process that dies loses no more.
const CHECKPOINT: u64 = 64 * 1024 * 1024;

/// Appends what comes to the file of an upload. The record says what is safe, also after an error.
pub(super) async fn append(
    store: &Store,
    clock: &dyn Clock,
    record: &mut Record,
    content: Body,
    mut checksum: Option<Checksum>,
    patience: Duration,
) -> Result<(), Problem> {
    let begin = record.offset;
    let mut file = open(store, record).await?;
    let came = receive(store, clock, record, &mut file, content, &mut checksum, patience).await;
    // What was promised as a whole is taken as a whole or not at all.
    let kept = match (&came, checksum) {
        (Ok(end), Some(checksum)) => checksum.verify().map(|()| *end),
        (Err(_), Some(_)) => Ok(begin),
        (Ok(end) | Err((end, _)), None) => Ok(*end),
    };
    let end = *kept.as_ref().unwrap_or(&begin);
    settle(store, clock, record, &mut file, end).await?;
    came.map_err(|(_, problem)| problem)?;
    kept.map(drop)
}

/// The file, cut to what is on record: what a process that died has written after is written again.
async fn open(store: &Store, record: &Record) -> Result<BufWriter<tokio::fs::File>> {
    let path = store.file(record);
    let open = async {
        let mut file = tokio::fs::File::options().write(true).open(&path).await?;
        file.set_len(record.offset).await?;
        file.seek(std::io::SeekFrom::Start(record.offset)).await?;
        Ok(BufWriter::with_capacity(1024 * 1024, file))
    };
    open.await.map_err(|cause| io_error("uploads", &path, cause))
}

/// Where it ended, or where it stopped and why.
type Came = Result<u64, (u64, Problem)>;

async fn receive(
    store: &Store,
    clock: &dyn Clock,
    record: &mut Record,
    file: &mut BufWriter<tokio::fs::File>,
    content: Body,
    checksum: &mut Option<Checksum>,
    patience: Duration,
) -> Came {
    let mut stream = content.into_data_stream();
    let mut end = record.offset;
    loop {
        let chunk = match timeout(patience, stream.next()).await {
            Ok(Some(Ok(chunk))) => chunk,
            Ok(Some(Err(cause))) => return Err((end, body::broken(cause))),
            Ok(None) => return Ok(end),
            Err(_) => return Err((end, body::too_slow())),
        };
        let after = end + chunk.len() as u64;
        if after > record.length {
            return Err((end, too_long(record)));
        }
        if let Err(cause) = file.write_all(&chunk).await {
            let error = io_error("uploads", &store.file(record), cause);
            return Err((record.offset, error.into()));
        }
        if let Some(checksum) = checksum {
            checksum.update(&chunk);
        }
        end = after;
        if checksum.is_none()
            && end - record.offset >= CHECKPOINT
            && let Err(error) = settle(store, clock, record, file, end).await
        {
            return Err((record.offset, error.into()));
        }
    }
}

/// Makes what was written up to `end` safe, and says so on record.
async fn settle(
    store: &Store,
    clock: &dyn Clock,
    record: &mut Record,
    file: &mut BufWriter<tokio::fs::File>,
    end: u64,
) -> Result<()> {
    let sync = async {
        file.flush().await?;
        file.get_ref().sync_data().await
    };
    sync.await.map_err(|cause| io_error("uploads", &store.file(record), cause))?;
    record.offset = end;
    record.touched_at = clock.now();
    let saved = record.clone();
    store.run(move |store| store.save(&saved)).await
}

pub(super) fn too_long(record: &Record) -> Problem {
    let message = "more was sent than the upload was said to have";
    let error = Error::invalid("uploads", message).with("length", record.length);
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, error)
}
