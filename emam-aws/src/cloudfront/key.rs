//! The private key of a key pair.

use emam_core::{Error, ErrorKind, Result};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair};

use super::SIGN;

pub(super) const READ: &str = "cloudfront.key";

/// CloudFront takes RSA of this many bits and no others.
const RSA_BITS: usize = 2048;

pub(super) enum Key {
    Rsa(Box<RsaKeyPair>),
    Ecdsa(Box<EcdsaKeyPair>),
}

impl Key {
    pub(super) fn from_pem(pem: &str) -> Result<Self> {
        let (label, der) = private_block(pem)?;
        match label {
            "RSA PRIVATE KEY" => rsa(RsaKeyPair::from_der(&der)),
            "PRIVATE KEY" if names(&der, &RSA) => rsa(RsaKeyPair::from_pkcs8(&der)),
            "PRIVATE KEY" if names(&der, &P256) => ecdsa(&der),
            "PRIVATE KEY" => Err(wrong("it is of another kind")),
            "ENCRYPTED PRIVATE KEY" => {
                Err(wrong("it has a passphrase; take it off with `openssl pkcs8 -in KEY`"))
            }
            "EC PRIVATE KEY" => Err(wrong(
                "it is in the SEC1 format; convert it with `openssl pkcs8 -topk8 -nocrypt -in KEY`",
            )),
            _ => Err(wrong("it is no private key")),
        }
    }

    /// The signature with SHA-256: PKCS#1 v1.5 for RSA, ASN.1 for ECDSA.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        // The nonce of an ECDSA signature; an address never depends on it otherwise.
        let random = SystemRandom::new();
        let failed = |_| Error::new(ErrorKind::Unexpected, SIGN, "the key does not sign");
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).map_err(failed)?;
                Ok(signature)
            }
            Self::Ecdsa(key) => Ok(key.sign(&random, message).map_err(failed)?.as_ref().to_vec()),
        }
    }
}

/// The object identifiers of `rsaEncryption` (RFC 8017) and `prime256v1` (RFC 5480), encoded.
const RSA: [u8; 11] = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const P256: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

/// Whether the algorithm at the beginning of a PKCS#8 key is this one.
fn names(der: &[u8], identifier: &[u8]) -> bool {
    let head = &der[..der.len().min(48)];
    head.windows(identifier.len()).any(|window| window == identifier)
}

fn rsa(key: std::result::Result<RsaKeyPair, ring::error::KeyRejected>) -> Result<Key> {
    let key =
        key.map_err(|cause| wrong("it is damaged or too short").caused_by(cause.to_string()))?;
    let bits = key.public().modulus_len() * 8;
    if bits == RSA_BITS {
        Ok(Key::Rsa(Box::new(key)))
    } else {
        Err(wrong("it has another length").with("bits", bits))
    }
}

fn ecdsa(der: &[u8]) -> Result<Key> {
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der, &SystemRandom::new())
        .map(|key| Key::Ecdsa(Box::new(key)))
        .map_err(|cause| wrong("it is damaged").caused_by(cause.to_string()))
}

/// The label and content of the private key in a PEM file; of its first block where there is none.
fn private_block(pem: &str) -> Result<(&str, Vec<u8>)> {
    let mut first = None;
    for block in pem.split("-----BEGIN ").skip(1) {
        let Some((label, rest)) = block.split_once("-----") else { continue };
        if label.ends_with("PRIVATE KEY") {
            let text = rest.split("-----END").next().unwrap_or_default();
            let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
            // Lines of an old, encrypted key stand before its content.
            if text.contains(':') {
                return Ok(("ENCRYPTED PRIVATE KEY", Vec::new()));
            }
            let der = data_encoding::BASE64
                .decode(text.as_bytes())
                .map_err(|_| wrong("its text is no base64"))?;
            return Ok((label, der));
        }
        first.get_or_insert(label);
    }
    match first {
        Some(label) => Ok((label, Vec::new())),
        None => Err(wrong("it is no PEM: no line begins with `-----BEGIN`")),
    }
}

/// Says what is wrong with a key, and never what it is.
fn wrong(why: &str) -> Error {
    let message = format!(
        "the private key cannot be used: {why}; CloudFront takes RSA of {RSA_BITS} bits and ECDSA \
         P-256, as PEM"
    );
    Error::invalid(READ, message)
}
