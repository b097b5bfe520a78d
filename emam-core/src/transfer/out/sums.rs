//! What a file adds up to, behind those who write it.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use md5::{Digest, Md5};
use tokio::sync::oneshot;
use xxhash_rust::xxh3::Xxh3Default;

use super::place::read_at;
use super::{CopiedOut, OPERATION};
use crate::checksum::{hex, xxh3_text};
use crate::error::{Error, ErrorKind, Result};
use crate::io::io_error;
use crate::transfer::source::spawn;

/// Bytes read back at once: they are in the memory of the operating system still.
const CHUNK: usize = 512 << 10;

/// A file that is added up in its order while it is written in any. Dropping it stops it at the next
/// chunk.
pub(super) struct Sums {
    ready: Sender<u64>,
    sums: oneshot::Receiver<io::Result<CopiedOut>>,
}

impl Sums {
    pub(super) fn begin(file: Arc<File>, size: u64, with_md5: bool) -> Result<Self> {
        let (ready, until) = channel();
        let (end, sums) = oneshot::channel();
        spawn(OPERATION, "emam-sums", move || {
            // Where nobody waits for the end any more nobody misses it.
            let _ = end.send(add_up(&file, size, &until, with_md5));
        })?;
        Ok(Self { ready, sums })
    }

    /// Says that everything before `end` is written.
    pub(super) fn ready(&self, end: u64) {
        // Where the thread has ended it has told why.
        let _ = self.ready.send(end);
    }

    /// What the file adds up to, once all of it is ready.
    pub(super) async fn finish(self) -> Result<CopiedOut> {
        drop(self.ready);
        match self.sums.await {
            Ok(sums) => sums.map_err(|e| io_error(OPERATION, Path::new("the file written"), e)),
            Err(cause) => {
                let message = "the adding up of the file broke off";
                Err(Error::new(ErrorKind::Unexpected, OPERATION, message).caused_by(cause))
            }
        }
    }
}

fn add_up(file: &File, size: u64, until: &Receiver<u64>, with_md5: bool) -> io::Result<CopiedOut> {
    let mut xxh3 = Xxh3Default::new();
    let mut md5 = with_md5.then(Md5::new);
    let mut buffer = vec![0; CHUNK];
    let mut at = 0;
    for end in until {
        while at < end {
            let wanted = (end - at).min(CHUNK as u64) as usize;
            let count = read_at(file, &mut buffer[..wanted], at)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            xxh3.update(&buffer[..count]);
            if let Some(md5) = &mut md5 {
                md5.update(&buffer[..count]);
            }
            at += count as u64;
        }
    }
    if at != size {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let md5 = md5.map(|md5| hex(&md5.finalize()));
    Ok(CopiedOut { size, xxh3: xxh3_text(xxh3.digest128()), md5 })
}
