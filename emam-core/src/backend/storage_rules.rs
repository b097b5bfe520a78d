//! What every storage refuses in the same words, for those who write one.

use crate::backend::{Key, Upload};
use crate::error::{Error, Result};

pub use crate::checksum::{check_md5, given_md5, hex, md5_of};
pub use crate::io::io_error;

/// The key a page goes on after.
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) where no list gave this cursor.
pub fn parse_cursor(cursor: &str) -> Result<Key> {
    cursor.parse().map_err(|cause: Error| {
        Error::invalid("storage.list", "not a cursor of this list; begin again without one")
            .with("cursor", cursor.escape_debug())
            .caused_by(cause)
    })
}

/// The size of the object that `parts`, in the order of their numbers, make.
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) where one is missing or has a wrong size.
pub fn whole_size(
    operation: &'static str,
    upload: &Upload,
    part_size: u64,
    parts: impl Iterator<Item = (u32, u64)>,
) -> Result<u64> {
    let mut parts = parts.peekable();
    let wrong = |message: &'static str, number: u32| {
        Error::invalid(operation, message).with("key", &upload.key).with("part", number)
    };
    let mut whole = 0;
    let mut expected = 1;
    if parts.peek().is_none() {
        return Err(wrong("the upload has no parts yet; send them first", 1));
    }
    while let Some((number, size)) = parts.next() {
        if number != expected {
            return Err(wrong("a part is missing; send it first", expected));
        }
        if size != part_size && parts.peek().is_some() {
            return Err(wrong("a part before the last is not of part_size bytes", number));
        }
        whole += size;
        expected += 1;
    }
    Ok(whole)
}

/// Checks one part before it is stored.
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) where its number or size is none of a part.
pub fn check_part(
    operation: &'static str,
    upload: &Upload,
    number: u32,
    size: u64,
    part_size: u64,
) -> Result<()> {
    if number > 0 && size <= part_size {
        return Ok(());
    }
    Err(Error::invalid(operation, "parts are numbered from 1 and have at most part_size bytes")
        .with("key", &upload.key)
        .with("number", number)
        .with("size", size)
        .with("part_size", part_size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_must_be_there_from_the_first_and_full_but_for_the_last() {
        let upload = Upload { id: "1".into(), key: "a".parse().unwrap() };
        let whole = |parts: &[(u32, u64)]| whole_size("t.t", &upload, 8, parts.iter().copied());
        assert_eq!(whole(&[(1, 8), (2, 8), (3, 1)]).unwrap(), 17);
        assert_eq!(whole(&[(1, 0)]).unwrap(), 0);
        for (parts, at) in
            [(&[][..], "1"), (&[(2, 8)], "1"), (&[(1, 8), (3, 8)], "2"), (&[(1, 7), (2, 8)], "1")]
        {
            assert_eq!(whole(parts).unwrap_err().get("part"), Some(at));
        }
        assert!(check_part("t.t", &upload, 0, 8, 8).is_err());
        assert!(check_part("t.t", &upload, 1, 9, 8).is_err());
        check_part("t.t", &upload, 1, 8, 8).unwrap();
    }
}
