//! What the gateway gives out and recognises again: tokens and media addresses that expire.
//!
//! HMAC-SHA256 over what is allowed and until when. Comparing takes the same time whatever differs.

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, Mac};
use jiff::Timestamp;
use sha2::Sha256;

use crate::clock;
use crate::error::{Error, ErrorKind, Result};
use crate::id::AssetId;
use crate::model::Role;

/// How a signed token begins, which tells it from a static one.
const PREFIX: &str = "emam1";

#[derive(Clone)]
pub(super) struct Signer {
    keyed: Hmac<Sha256>,
    /// Static tokens as what they add up to, so that all are of one length.
    tokens: Vec<Vec<u8>>,
}

// By hand: the key stays out of logs.
impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("tokens", &self.tokens.len()).finish_non_exhaustive()
    }
}

impl Signer {
    pub(super) fn new(secret: Option<&str>, tokens: &[String]) -> Result<Self> {
        let random = clock::random_secret();
        let key = secret.map_or(&random[..], str::as_bytes);
        let keyed = Hmac::<Sha256>::new_from_slice(key).map_err(|cause| {
            Error::invalid("gateway.options", "the secret cannot be used").caused_by(cause)
        })?;
        let mut signer = Self { keyed, tokens: Vec::new() };
        signer.tokens = tokens
            .iter()
            .map(|token| signer.sum(&["static", token]).finalize())
            .map(to_vec)
            .collect();
        Ok(signer)
    }

    fn sum(&self, parts: &[&str]) -> Hmac<Sha256> {
        let mut sum = self.keyed.clone();
        for part in parts {
            // No part holds a line feed, so two lists never give the same bytes.
            sum.update(part.as_bytes());
            sum.update(b"\n");
        }
        sum
    }

    fn sign(&self, parts: &[&str]) -> String {
        BASE64URL_NOPAD.encode(&to_vec(self.sum(parts).finalize()))
    }

    fn is_signed(&self, parts: &[&str], signature: &str) -> bool {
        let signature = BASE64URL_NOPAD.decode(signature.as_bytes());
        signature.is_ok_and(|signature| self.sum(parts).verify_slice(&signature).is_ok())
    }

    /// A token that is valid until `ttl` from `now`.
    pub(super) fn token(&self, now: Timestamp, ttl: Duration) -> String {
        let expires = clock::after(now, ttl).as_second().to_string();
        format!("{PREFIX}.{expires}.{}", self.sign(&["token", &expires]))
    }

    /// Whether a bearer token is one of ours and still valid.
    pub(super) fn check_token(&self, now: Timestamp, token: &str) -> Result<()> {
        // All of them, so that the time taken does not tell which one was nearly right.
        let known = self.tokens.iter().fold(false, |known, expected| {
            known | self.sum(&["static", token]).verify_slice(expected).is_ok()
        });
        if known {
            return Ok(());
        }
        let mut parts = token.splitn(3, '.');
        if let (Some(PREFIX), Some(expires), Some(signature)) =
            (parts.next(), parts.next(), parts.next())
            && self.is_signed(&["token", expires], signature)
        {
            return not_before(now, expires, "the token has expired; ask for a new one");
        }
        Err(unauthenticated("the token is not valid here"))
    }

    /// The signature of a media address that is valid until `expires`, in seconds since 1970.
    pub(super) fn media(&self, asset: AssetId, role: Role, part: u32, expires: i64) -> String {
        let (asset, part, expires) = (asset.to_string(), part.to_string(), expires.to_string());
        self.sign(&["media", &asset, role.as_str(), &part, &expires])
    }

    /// Whether a media address is one of ours and still valid.
    pub(super) fn check_media(
        &self,
        now: Timestamp,
        (asset, role, part): (AssetId, Role, u32),
        expires: &str,
        signature: &str,
    ) -> Result<()> {
        let (asset, part) = (asset.to_string(), part.to_string());
        let parts = ["media", &asset, role.as_str(), &part, expires];
        if !self.is_signed(&parts, signature) {
            return Err(unauthenticated("the signature is not of this address"));
        }
        not_before(now, expires, "the signed address has expired; ask for a new one")
    }
}

fn to_vec(sum: hmac::digest::CtOutput<Hmac<Sha256>>) -> Vec<u8> {
    sum.into_bytes().to_vec()
}

fn not_before(now: Timestamp, expires: &str, message: &'static str) -> Result<()> {
    match expires.parse::<i64>() {
        Ok(expires) if now.as_second() < expires => Ok(()),
        _ => Err(unauthenticated(message)),
    }
}

pub(super) fn unauthenticated(message: &'static str) -> Error {
    Error::new(ErrorKind::Unauthenticated, "http", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

    fn signer() -> Signer {
        Signer::new(Some("0123456789abcdef"), &["open-sesame".to_owned()]).unwrap()
    }

    fn later(seconds: u64) -> Timestamp {
        clock::after(NOW, Duration::from_secs(seconds))
    }

    #[test]
    fn tokens_are_known_expire_and_cannot_be_made_up() {
        let signer = signer();
        signer.check_token(NOW, "open-sesame").unwrap();
        let token = signer.token(NOW, Duration::from_secs(60));
        signer.check_token(later(59), &token).unwrap();
        let expired = signer.check_token(later(60), &token).unwrap_err();
        assert!(expired.message().contains("expired"), "{expired}");

        let longer = token.replace("1800000060", "1900000060");
        assert_ne!(longer, token);
        let other = Signer::new(None, &[]).unwrap().token(NOW, Duration::from_secs(60));
        let cut = &token[..token.len() - 1];
        for forged in [longer.as_str(), &other, cut, "emam1", "emam1..", "", "open-sesam"] {
            let error = signer.check_token(NOW, forged).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{forged}");
            assert!(!error.message().contains("expired"), "{forged}");
        }
    }

    #[test]
    fn a_signature_is_for_one_file_and_a_time() {
        let signer = signer();
        let asset = AssetId::new(&clock::SystemClock);
        let expires = NOW.as_second() + 60;
        let signature = signer.media(asset, Role::Proxy, 0, expires);
        let of = |role, part| (asset, role, part);
        let text = expires.to_string();
        signer.check_media(NOW, of(Role::Proxy, 0), &text, &signature).unwrap();
        for wrong in [of(Role::Original, 0), of(Role::Proxy, 1)] {
            signer.check_media(NOW, wrong, &text, &signature).unwrap_err();
        }
        signer.check_media(NOW, of(Role::Proxy, 0), "1900000000", &signature).unwrap_err();
        signer.check_media(later(60), of(Role::Proxy, 0), &text, &signature).unwrap_err();
        // A token is no media signature, though both are signed alike.
        let token = signer.token(NOW, Duration::from_secs(60));
        let of_token = token.rsplit('.').next().unwrap();
        signer.check_media(NOW, of(Role::Proxy, 0), &text, of_token).unwrap_err();
    }
}
