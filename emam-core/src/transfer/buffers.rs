//! Memory for parts that is used again: the first touch of fresh memory costs as much as a checksum.

use std::fs::File;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;

/// Memory that parts have been in and others will be.
#[derive(Debug, Default)]
pub struct Buffers(Arc<Mutex<Vec<Vec<u8>>>>);

impl Buffers {
    /// Reads `size` bytes of a file, fewer where it ends, and hands on each piece as it comes, while
    /// the processor still has it at hand.
    ///
    /// # Errors
    /// What reading gives.
    pub fn read(
        &self,
        mut file: &File,
        size: usize,
        mut piece: impl FnMut(&[u8]),
    ) -> io::Result<Bytes> {
        const PIECE: usize = 512 << 10;
        let free = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut buffer = free.unwrap_or_default();
        if buffer.len() < size {
            buffer.resize(size, 0);
        }
        let mut filled = 0;
        while filled < size {
            let end = size.min(filled + PIECE);
            match file.read(&mut buffer[filled..end]) {
                Ok(0) => break,
                Ok(count) => {
                    piece(&buffer[filled..filled + count]);
                    filled += count;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(Bytes::from_owner(Lent { buffer, filled, home: Arc::downgrade(&self.0) }))
    }
}

/// A buffer that goes home when nobody needs it any more.
struct Lent {
    buffer: Vec<u8>,
    filled: usize,
    home: Weak<Mutex<Vec<Vec<u8>>>>,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.buffer[..self.filled]
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(home) = self.home.upgrade() {
            let buffer = std::mem::take(&mut self.buffer);
            home.lock().unwrap_or_else(PoisonError::into_inner).push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use super::*;

    #[test]
    fn memory_is_used_again_and_holds_only_what_was_read() {
        let mut file = tempfile::tempfile().unwrap();
        let body: Vec<u8> = (0..1_000_000_u32).map(|i| (i % 251) as u8).collect();
        file.write_all(&body).unwrap();
        file.rewind().unwrap();
        let buffers = Buffers::default();
        let mut pieces = Vec::new();
        let first = buffers.read(&file, 700_000, |piece| pieces.extend_from_slice(piece)).unwrap();
        assert!(first == body[..700_000] && pieces == body[..700_000]);
        let place = first.as_ptr();
        let half = first.slice(..10);
        drop(first);
        assert!(buffers.0.lock().unwrap().is_empty(), "a slice of it is in use");
        drop(half);
        let rest = buffers.read(&file, 700_000, |_| {}).unwrap();
        assert_eq!(rest.as_ptr(), place);
        assert!(rest == body[700_000..], "no more than there was");
        drop(buffers);
        assert_eq!(rest.len(), 300_000, "parts outlive their buffers");
    }
}
