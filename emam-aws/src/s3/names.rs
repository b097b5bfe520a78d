//! Keys of the library and of the bucket.

use aws_sdk_s3::types::EncodingType;
use emam_core::backend::Key;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::S3Storage;

/// What may stand in the header that names the source of a copy.
const SOURCE: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

impl S3Storage {
    /// The bucket's name of `key`.
    pub(super) fn name(&self, key: &Key) -> String {
        match &self.inner.options.prefix {
            Some(prefix) => format!("{prefix}/{key}"),
            None => key.to_string(),
        }
    }

    /// What the bucket's names of all keys under `folder` begin with.
    pub(super) fn names_under(&self, folder: Option<&Key>) -> Option<String> {
        match (&self.inner.options.prefix, folder) {
            (_, Some(folder)) => Some(format!("{}/", self.name(folder))),
            (Some(prefix), None) => Some(format!("{prefix}/")),
            (None, None) => None,
        }
    }

    /// The key of a name of the bucket; nothing where no key of this storage has it.
    pub(super) fn key(&self, name: &str) -> Option<Key> {
        match &self.inner.options.prefix {
            Some(prefix) => name.strip_prefix(prefix.as_str())?.strip_prefix('/')?.parse().ok(),
            None => name.parse().ok(),
        }
    }

    /// The header that names the source of a copy.
    pub(super) fn copy_source(&self, key: &Key) -> String {
        let name = self.name(key);
        format!("{}/{}", self.inner.options.bucket, utf8_percent_encode(&name, SOURCE))
    }
}

/// A name as a list gives it: encoded, because XML cannot hold every character a name may have.
pub(super) fn listed_name(name: &str, encoding: Option<&EncodingType>) -> Option<String> {
    if encoding != Some(&EncodingType::Url) {
        return Some(name.to_owned());
    }
    let spaced = name.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listed_names_are_decoded_where_they_are_encoded() {
        let listed = |name| listed_name(name, Some(&EncodingType::Url));
        assert_eq!(listed("a/b+c%2B%25%F0%9F%8E%AC").as_deref(), Some("a/b c+%🎬"));
        assert_eq!(listed("%FF"), None, "no UTF-8");
        assert_eq!(listed_name("a+b%20", None).as_deref(), Some("a+b%20"));
    }
}
