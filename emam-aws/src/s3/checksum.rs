//! What S3 compares: CRC64NVME of a body and of parts put together, MD5 of parts put together.

use crc_fast::{CrcAlgorithm, checksum, checksum_combine};
use data_encoding::{BASE64, HEXLOWER};
use emam_core::backend::storage_rules::hex;
use emam_core::{Error, Result};
use md5::{Digest, Md5};

/// The CRC64NVME of a body as S3 writes it: its eight bytes, the highest first, in base64.
pub(super) fn crc64(body: &[u8]) -> String {
    crc64_text(checksum(CrcAlgorithm::Crc64Nvme, body))
}

fn crc64_text(sum: u64) -> String {
    BASE64.encode(&sum.to_be_bytes())
}

fn crc64_value(text: &str) -> Option<u64> {
    Some(u64::from_be_bytes(BASE64.decode(text.as_bytes()).ok()?.try_into().ok()?))
}

/// The CRC64NVME of what parts make, of each of which text and size are given; nothing where one is
/// none.
pub(super) fn crc64_of_parts<'a>(parts: impl Iterator<Item = (&'a str, u64)>) -> Option<String> {
    let mut whole = 0;
    for (text, size) in parts {
        // The CRC of nothing is 0, so that this is right for the first part too.
        whole = checksum_combine(CrcAlgorithm::Crc64Nvme, whole, crc64_value(text)?, size);
    }
    Some(crc64_text(whole))
}

/// Whether this is a checksum of checksums, which says nothing of the bytes to one who has not made
/// the parts.
pub(super) fn is_composite(text: &str) -> bool {
    text.contains('-')
}

/// The MD5 of a body as the header Content-MD5 has it.
pub(super) fn content_md5(body: &[u8]) -> String {
    BASE64.encode(&Md5::digest(body))
}

/// The same, of an MD5 written in hexadecimal digits.
pub(super) fn content_md5_of(operation: &'static str, digits: &str) -> Result<String> {
    let bytes = HEXLOWER.decode(digits.as_bytes()).map_err(|cause| {
        Error::invalid(operation, "an MD5 is written as 32 hexadecimal digits").caused_by(cause)
    })?;
    Ok(BASE64.encode(&bytes))
}

/// The ETag S3 gives an object of parts with these MD5s: the MD5 of their MD5s and their number;
/// nothing where one is no MD5.
pub(super) fn etag_of_parts<'a>(parts: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut whole = Md5::new();
    let mut count = 0;
    for digits in parts {
        whole.update(HEXLOWER.decode(digits.as_bytes()).ok()?);
        count += 1;
    }
    Some(format!("{}-{count}", hex(&whole.finalize())))
}

/// An ETag without its quotes.
pub(super) fn unquoted(etag: &str) -> &str {
    etag.trim_matches('"')
}

/// The ETag where it is an MD5: 32 hexadecimal digits.
pub(super) fn md5_of_etag(etag: &str) -> Option<&str> {
    let digits = unquoted(etag);
    let is_md5 = digits.len() == 32
        && digits.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    is_md5.then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_of_parts_is_the_sum_of_the_whole() {
        // The check value of CRC-64/NVME in the catalogue of parametrised CRC algorithms.
        assert_eq!(crc64(b"123456789"), BASE64.encode(&0xAE8B_1486_0A79_9888_u64.to_be_bytes()));
        let body: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        for size in [1000, 65_536, 399_999, 400_000] {
            let parts: Vec<_> =
                body.chunks(size).map(|part| (crc64(part), part.len() as u64)).collect();
            let parts = parts.iter().map(|(text, size)| (text.as_str(), *size));
            assert_eq!(crc64_of_parts(parts), Some(crc64(&body)), "parts of {size}");
        }
        assert_eq!(crc64_of_parts([(crc64(b"").as_str(), 0)].into_iter()), Some(crc64(b"")));
        assert_eq!(crc64_of_parts([("AAAA", 1)].into_iter()), None);
        assert_eq!(crc64_of_parts([("AAAAAAAAAAA=-2", 1)].into_iter()), None);
    }

    #[test]
    fn etags_are_md5s_only_where_they_look_like_one() {
        let md5 = "900150983cd24fb0d6963f7d28e17f72";
        assert_eq!(md5_of_etag(&format!("\"{md5}\"")), Some(md5));
        for not in ["", "\"\"", "\"900150983cd24fb0d6963f7d28e17f72-1\"", "\"9001\""] {
            assert_eq!(md5_of_etag(not), None);
        }
        // `printf abc | md5sum | xxd -r -p | md5sum`.
        let one = etag_of_parts([md5].into_iter()).unwrap();
        assert_eq!(
            one,
            format!("{}-1", hex(&Md5::digest(HEXLOWER.decode(md5.as_bytes()).unwrap())))
        );
        assert_eq!(etag_of_parts(["x"].into_iter()), None);
    }
}
