//! Cursors of pages: opaque text that is good for the list or query it was given for, in the
//! library it was given by, and for nothing else.

use data_encoding::BASE64URL_NOPAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use xxhash_rust::xxh3::{xxh3_64_with_seed, xxh3_128};

use crate::error::{Error, Result};

/// The first byte; another layout gets another.
const VERSION: u8 = 1;
const CHECK_LENGTH: usize = 8;

/// Makes and reads cursors.
#[derive(Debug)]
pub(super) struct Cursors {
    seed: u64,
}

impl Cursors {
    pub(super) fn new(secret: u128) -> Self {
        // Both halves count; xxh3 takes 64 bits of seed.
        Self { seed: xxh3_64_with_seed(&secret.to_be_bytes(), 0) }
    }

    /// A cursor for going on after `position` in the list or query described by `scope`.
    pub(super) fn write(&self, scope: &impl Serialize, position: &impl Serialize) -> String {
        let mut bytes = vec![VERSION];
        // What we write ourselves can be written; a broken one would be refused when it comes back.
        bytes.extend(serde_json::to_vec(position).unwrap_or_default());
        let check = self.check(scope, &bytes);
        bytes.extend(check);
        BASE64URL_NOPAD.encode(&bytes)
    }

    /// The position in a cursor that was given for `scope`.
    pub(super) fn read<P: DeserializeOwned>(
        &self,
        operation: &'static str,
        scope: &impl Serialize,
        cursor: &str,
    ) -> Result<P> {
        self.try_read(scope, cursor).ok_or_else(|| {
            let message = "this cursor was not given for this list or query; \
                           take `next` of its page before, or none for the first page";
            let shown: String = cursor.chars().take(40).collect();
            Error::invalid(operation, message).with("cursor", shown)
        })
    }

    fn try_read<P: DeserializeOwned>(&self, scope: &impl Serialize, cursor: &str) -> Option<P> {
        let bytes = BASE64URL_NOPAD.decode(cursor.as_bytes()).ok()?;
        let (body, check) = bytes.split_at_checked(bytes.len().checked_sub(CHECK_LENGTH)?)?;
        if check != self.check(scope, body) || *body.first()? != VERSION {
            return None;
        }
        serde_json::from_slice(&body[1..]).ok()
    }

    fn check(&self, scope: &impl Serialize, body: &[u8]) -> [u8; CHECK_LENGTH] {
        let scope = xxh3_128(&serde_json::to_vec(scope).unwrap_or_default());
        let mut bytes = scope.to_be_bytes().to_vec();
        bytes.extend(body);
        xxh3_64_with_seed(&bytes, self.seed).to_be_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_good_for_its_scope_and_library_only() {
        let (cursors, others) = (Cursors::new(1), Cursors::new(2));
        let cursor = cursors.write(&("runs", 7), &(3, "three"));
        assert_eq!(cursors.try_read::<(i64, String)>(&("runs", 7), &cursor).unwrap().0, 3);
        assert!(cursors.try_read::<(i64, String)>(&("runs", 8), &cursor).is_none());
        assert!(others.try_read::<(i64, String)>(&("runs", 7), &cursor).is_none());
    }

    #[test]
    fn no_changed_byte_goes_unnoticed() {
        let cursors = Cursors::new(1);
        let bytes = BASE64URL_NOPAD.decode(cursors.write(&1, &12345).as_bytes()).unwrap();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut forged = bytes.clone();
                forged[at] ^= 1 << bit;
                let forged = BASE64URL_NOPAD.encode(&forged);
                assert_eq!(cursors.try_read::<i64>(&1, &forged), None);
            }
        }
        for text in ["", "A", "AQ", "not base64!", "\u{1f600}"] {
            assert_eq!(cursors.try_read::<i64>(&1, text), None);
        }
    }
}
