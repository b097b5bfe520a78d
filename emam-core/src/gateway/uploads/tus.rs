//! What tus 1.0.0 says in headers.

use axum::http::{HeaderMap, HeaderName, StatusCode};
use data_encoding::BASE64;
use hmac::digest::{Digest, DynDigest};

use crate::api::read_record;
use crate::error::{Error, ErrorKind};
use crate::gateway::problem::Problem;
use crate::workflow::{IngestOptions, key_name};

pub(super) const VERSION: &str = "1.0.0";
pub(super) const EXTENSIONS: &str = "creation,creation-with-upload,termination,expiration,checksum";
pub(super) const ALGORITHMS: &str = "sha1,sha256,md5";
pub(super) const CHUNK_TYPE: &str = "application/offset+octet-stream";

pub(super) const RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
pub(super) const OFFSET: HeaderName = HeaderName::from_static("upload-offset");
pub(super) const LENGTH: HeaderName = HeaderName::from_static("upload-length");
pub(super) const METADATA: HeaderName = HeaderName::from_static("upload-metadata");
pub(super) const CHECKSUM: HeaderName = HeaderName::from_static("upload-checksum");
pub(super) const EXPIRES: HeaderName = HeaderName::from_static("upload-expires");

pub(super) fn wrong(message: &'static str) -> Error {
    Error::invalid("uploads", message)
}

/// A header that is a number of bytes.
pub(super) fn number(headers: &HeaderMap, name: &HeaderName) -> Result<u64, Problem> {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    let number = value.filter(|value| value.bytes().all(|byte| byte.is_ascii_digit()));
    number.and_then(|number| number.parse().ok()).ok_or_else(|| {
        wrong("this header is needed, and is a number of bytes")
            .with("header", name)
            .with("value", value.unwrap_or("(absent)").escape_debug())
            .into()
    })
}

/// What an upload is to become: `filename`, and `options` as of `assets.ingest` in JSON.
#[derive(Debug)]
pub(super) struct Intent {
    pub(super) file_name: String,
    pub(super) options: IngestOptions,
}

/// Reads `Upload-Metadata`: pairs of a key and a value in Base64, with commas between. Keys that
/// other clients send along are passed over.
pub(super) fn intent(metadata: &str) -> Result<Intent, Error> {
    let mut file_name = None;
    let mut options = IngestOptions::default();
    for pair in metadata.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
        if !["filename", "name", "options"].contains(&key) {
            continue;
        }
        let value = BASE64.decode(value.trim().as_bytes()).ok();
        let value = value.and_then(|value| String::from_utf8(value).ok()).ok_or_else(|| {
            wrong("a value of Upload-Metadata is text in Base64").with("key", key)
        })?;
        match key {
            "filename" => file_name = Some(value),
            "name" => file_name = file_name.or(Some(value)),
            _ => options = read_record("uploads", "the options in Upload-Metadata", &value)?,
        }
    }
    let file_name = file_name.filter(|name| !name.trim().is_empty()).ok_or_else(|| {
        wrong("Upload-Metadata needs a filename: the file is ingested under that name")
    })?;
    if options.idempotency_key.is_some() {
        return Err(wrong("the idempotency_key of an upload is its id; leave it out of options"));
    }
    // What cannot be part of a key is not to be part of a path.
    Ok(Intent { file_name: key_name(&file_name), options })
}

/// What a chunk must add up to.
pub(super) struct Checksum {
    sum: Box<dyn DynDigest + Send>,
    expected: Vec<u8>,
}

impl std::fmt::Debug for Checksum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checksum").finish_non_exhaustive()
    }
}

impl Checksum {
    /// Reads `Upload-Checksum`: the name of an algorithm and a sum in Base64.
    pub(super) fn given(headers: &HeaderMap) -> Result<Option<Self>, Problem> {
        let Some(given) = headers.get(CHECKSUM) else { return Ok(None) };
        let parts = given.to_str().ok().and_then(|given| given.split_once(' '));
        let read = parts.and_then(|(name, sum)| {
            let expected = BASE64.decode(sum.trim().as_bytes()).ok()?;
            let sum: Box<dyn DynDigest + Send> = match name {
                "sha1" => Box::new(sha1::Sha1::new()),
                "sha256" => Box::new(sha2::Sha256::new()),
                "md5" => Box::new(md5::Md5::new()),
                _ => return None,
            };
            Some(Self { sum, expected })
        });
        read.map(Some).ok_or_else(|| {
            wrong("Upload-Checksum is sha1, sha256 or md5, a blank, and the sum in Base64").into()
        })
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.sum.update(bytes);
    }

    pub(super) fn verify(self) -> Result<(), Problem> {
        if *self.sum.finalize() == *self.expected {
            return Ok(());
        }
        let message = "the chunk is not what its checksum says; it was dropped, send it again";
        let error = Error::new(ErrorKind::Integrity, "uploads", message);
        // The status of tus for this.
        let status = StatusCode::from_u16(460).unwrap_or(StatusCode::BAD_REQUEST);
        Err(Problem::new(status, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(key: &str, value: &str) -> String {
        format!("{key} {}", BASE64.encode(value.as_bytes()))
    }

    #[test]
    fn metadata_of_common_clients_is_understood() {
        let options = pair("options", r#"{"tags": ["rain"]}"#);
        let name = pair("filename", "Regen über London.mov");
        let intent =
            intent(&format!("{name},relativePath bnVsbA==,is_private, {options}")).unwrap();
        assert_eq!(intent.file_name, "Regen über London.mov");
        assert_eq!(intent.options.tags, ["rain"]);
        assert_eq!(super::intent(&pair("name", "a.mov")).unwrap().file_name, "a.mov");
    }

    #[test]
    fn a_name_cannot_lead_out_of_its_folder() {
        for (name, kept) in [("../../etc/passwd", ".._.._etc_passwd"), ("..", "original")] {
            assert_eq!(intent(&pair("filename", name)).unwrap().file_name, kept);
        }
    }

    #[test]
    fn wrong_metadata_says_what_is_wrong() {
        let of = |metadata: &str| intent(metadata).unwrap_err().to_string();
        assert!(of("").contains("filename"));
        assert!(of("filename ???").contains("Base64"));
        let name = pair("filename", "a.mov");
        assert!(of(&format!("{name},{}", pair("options", r#"{"tag": 1}"#))).contains("options"));
        let key = pair("options", r#"{"idempotency_key": "k"}"#);
        assert!(of(&format!("{name},{key}")).contains("idempotency_key"));
    }
}
