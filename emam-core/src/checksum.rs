//! Checksums as the text that records carry.

use md5::{Digest, Md5};

use crate::error::{Error, ErrorKind, Result};

/// The MD5 of bytes at hand, as records carry it.
pub fn md5_of(bytes: &[u8]) -> String {
    hex(&Md5::digest(bytes))
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// An XXH3-128 as `xxhsum` prints it: the high half first.
pub(crate) fn xxh3_text(sum: u128) -> String {
    format!("{sum:032x}")
}

/// An MD5 that somebody has given, in the form that records carry.
///
/// # Errors
/// [`InvalidInput`](ErrorKind::InvalidInput) where it is not 32 hexadecimal digits.
pub fn given_md5(operation: &'static str, text: &str) -> Result<String> {
    if text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(text.to_ascii_lowercase());
    }
    Err(Error::invalid(operation, "an MD5 is written as 32 hexadecimal digits")
        .with("md5", text.escape_debug()))
}

/// Compares an MD5 that was promised with the one found.
///
/// # Errors
/// [`Integrity`](ErrorKind::Integrity) with both where they differ.
pub fn check_md5(operation: &'static str, expected: &str, found: &str) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Integrity,
        operation,
        "the bytes do not add up to the expected MD5; get them again from where they came",
    )
    .with("expected", expected)
    .with("found", found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_written_as_the_usual_tools_write_them() {
        // `printf abc | md5sum` and `printf abc | xxhsum -H2`.
        assert_eq!(md5_of(b"abc"), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(
            xxh3_text(xxhash_rust::xxh3::xxh3_128(b"abc")),
            "06b05ab6733a618578af5f94892f3950"
        );
    }

    #[test]
    fn a_given_md5_may_be_upper_case_but_not_something_else() {
        let md5 = given_md5("t.t", "900150983CD24FB0D6963F7D28E17F72").unwrap();
        assert_eq!(md5, "900150983cd24fb0d6963f7d28e17f72");
        for wrong in ["", "9001", "900150983CD24FB0D6963F7D28E17F7g", "é".repeat(16).as_str()] {
            assert_eq!(given_md5("t.t", wrong).unwrap_err().kind(), ErrorKind::InvalidInput);
        }
    }
}
