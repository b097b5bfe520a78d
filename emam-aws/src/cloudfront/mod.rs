//! Signed addresses and cookies of a CloudFront distribution.
//!
//! A viewer reaches a private object with an address or with cookies that carry a policy (until
//! when, from when, from where, which objects) and its signature. A *canned* policy says nothing
//! but one object and until when, and is not sent along; any other is *custom*.
//!
//! The policy is signed with SHA-256, which the address says (`Hash-Algorithm=SHA256`) and the
//! cookies too; CloudFront takes it for SHA-1 otherwise. After the CloudFront Developer Guide,
//! [signed URLs](https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-creating-signed-url-canned-policy.html)
//! and [signed cookies](https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-setting-signed-cookie-custom-policy.html).

mod grant;
mod key;
#[cfg(test)]
mod tests;

use std::fmt;

use emam_core::{Error, ErrorKind, Result};
use jiff::Timestamp;

pub use grant::Grant;

use crate::settings::CloudFront;
use grant::Policy;
use key::Key;

const SIGN: &str = "cloudfront.sign";

/// The parameters CloudFront adds to an address; one that has them already is signed already.
const PARAMETERS: [&str; 5] = ["Expires", "Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm"];

/// Signs addresses and cookies of one distribution. Needs no connection.
pub struct Signer {
    domain: String,
    key_pair_id: String,
    key: Key,
}

/// One of the cookies that together let a viewer in.
#[derive(Clone, PartialEq, Eq)]
pub struct Cookie {
    /// Its name.
    pub name: &'static str,
    /// Its value. It is as good as a password until it expires.
    pub value: String,
}

impl Signer {
    /// A signer with the key pair of the settings. Reads the private key's file.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) or [`PermissionDenied`](ErrorKind::PermissionDenied)
    /// where the file cannot be read; as [`from_pem`](Self::from_pem) for what is in it.
    pub fn new(settings: &CloudFront) -> Result<Self> {
        let path = &settings.private_key_file;
        let pem = std::fs::read_to_string(path).map_err(|cause| {
            let kind = match cause.kind() {
                std::io::ErrorKind::NotFound => ErrorKind::NotFound,
                std::io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
                _ => ErrorKind::InvalidInput,
            };
            Error::new(kind, key::READ, "the private key of CloudFront cannot be read")
                .with("path", path.display())
                .caused_by(cause)
        })?;
        Self::from_pem(&settings.domain, &settings.key_pair_id, &pem)
            .map_err(|error| error.with("path", path.display()))
    }

    /// A signer with a private key as PEM: RSA of 2048 bits (PKCS#8 or PKCS#1) or ECDSA P-256
    /// (PKCS#8).
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) for text that is no such key; says what it is
    /// where that can be told.
    pub fn from_pem(domain: &str, key_pair_id: &str, pem: &str) -> Result<Self> {
        let key = Key::from_pem(pem)?;
        Ok(Self { domain: domain.to_owned(), key_pair_id: key_pair_id.to_owned(), key })
    }

    /// An address of the distribution, signed.
    ///
    /// ```no_run
    /// # use emam_aws::{cloudfront::{Grant, Signer}, settings::CloudFront};
    /// # fn show(settings: &CloudFront, now: jiff::Timestamp) -> emam_core::Result<()> {
    /// let signer = Signer::new(settings)?;
    /// let grant = Grant::until(now + jiff::SignedDuration::from_hours(1));
    /// let url = signer.url("https://d111111abcdef8.cloudfront.net/a/proxy.mp4", &grant, now)?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) for an address that is not of the distribution or
    /// signed already, a time that has passed, or a source that is no range of IPv4.
    pub fn url(&self, url: &str, grant: &Grant, now: Timestamp) -> Result<String> {
        self.check(url)?;
        let query = url.split_once('?').map(|(_, query)| query).unwrap_or_default();
        let signed = query
            .split('&')
            .any(|pair| PARAMETERS.contains(&pair.split('=').next().unwrap_or_default()));
        if signed {
            let error = Error::invalid(SIGN, "the address is signed already");
            return Err(error.with("url", without_query(url)));
        }
        let policy = self.policy(url, grant, now)?;
        let signature = encode(&self.key.sign(policy.text.as_bytes())?);
        let first = match policy.canned_until {
            Some(until) => format!("Expires={until}"),
            None => format!("Policy={}", encode(policy.text.as_bytes())),
        };
        let separator = if url.contains('?') { '&' } else { '?' };
        let id = &self.key_pair_id;
        Ok(format!(
            "{url}{separator}{first}&Signature={signature}&Key-Pair-Id={id}&Hash-Algorithm=SHA256"
        ))
    }

    /// Cookies for the objects at an address, in which `*` stands for any text and `?` for any
    /// character.
    ///
    /// Set each with `Secure` and `HttpOnly`, for the distribution's domain.
    ///
    /// # Errors
    /// As [`url`](Self::url).
    pub fn cookies(&self, resource: &str, grant: &Grant, now: Timestamp) -> Result<Vec<Cookie>> {
        self.check(resource)?;
        let policy = self.policy(resource, grant, now)?;
        let signature = encode(&self.key.sign(policy.text.as_bytes())?);
        let first = match policy.canned_until {
            Some(until) => Cookie { name: "CloudFront-Expires", value: until.to_string() },
            None => {
                let value = encode(policy.text.as_bytes());
                Cookie { name: "CloudFront-Policy", value }
            }
        };
        Ok(vec![
            first,
            Cookie { name: "CloudFront-Signature", value: signature },
            Cookie { name: "CloudFront-Key-Pair-Id", value: self.key_pair_id.clone() },
            Cookie { name: "CloudFront-Hash-Algorithm", value: "SHA256".to_owned() },
        ])
    }

    fn policy(&self, url: &str, grant: &Grant, now: Timestamp) -> Result<Policy> {
        if let Some(resource) = &grant.resource {
            self.check(resource)?;
        }
        grant.policy(url, now)
    }

    /// An address of the distribution that can stand in a policy as it is.
    fn check(&self, url: &str) -> Result<()> {
        let wrong = |why: &'static str| {
            let error = Error::invalid(SIGN, why).with("url", without_query(url));
            Err(error.with("domain", &self.domain))
        };
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        let Some(rest) = rest else {
            return wrong("an address begins with `https://` or `http://`");
        };
        if rest.split(['/', '?', '#']).next() != Some(self.domain.as_str()) {
            return wrong("the address is not of the distribution");
        }
        if !url.bytes().all(|byte| byte.is_ascii_graphic()) {
            return wrong("write what is not ASCII, and spaces, as % and their bytes");
        }
        if url.contains('#') {
            return wrong("what follows a # is never sent to a server; leave it out");
        }
        Ok(())
    }
}

/// An address that can be shown: a query may hold a signature.
fn without_query(url: &str) -> &str {
    url.split('?').next().unwrap_or_default()
}

/// CloudFront's own variant of base64.
fn encode(bytes: &[u8]) -> String {
    data_encoding::BASE64.encode(bytes).replace('+', "-").replace('=', "_").replace('/', "~")
}

impl fmt::Debug for Signer {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("domain", &self.domain)
            .field("key_pair_id", &self.key_pair_id)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Cookie {
    /// Without the value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cookie").field("name", &self.name).finish_non_exhaustive()
    }
}
