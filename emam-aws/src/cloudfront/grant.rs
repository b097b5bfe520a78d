//! What a signature allows, and the policy that says so.

use std::net::Ipv4Addr;

use emam_core::{Error, Result};
use jiff::Timestamp;

use super::SIGN;

/// What a signed address or cookie allows. Times are exact to the second, rounded down.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Grant {
    /// Until when.
    pub until: Timestamp,
    /// From when; at once when absent.
    pub from: Option<Timestamp>,
    /// From where: an IPv4 address or range, as `192.0.2.0/24`; from anywhere when absent. The
    /// distribution must not answer on IPv6.
    pub source: Option<String>,
    /// The addresses it is good for, in which `*` stands for any text and `?` for any character;
    /// the signed one when absent.
    pub resource: Option<String>,
}

/// A policy as it is signed.
pub(super) struct Policy {
    pub(super) text: String,
    /// For a canned policy, its end in seconds since 1970.
    pub(super) canned_until: Option<i64>,
}

impl Grant {
    /// Access to the signed address until then.
    pub const fn until(until: Timestamp) -> Self {
        Self { until, from: None, source: None, resource: None }
    }

    /// From when it is good.
    #[must_use]
    pub const fn from(mut self, from: Timestamp) -> Self {
        self.from = Some(from);
        self
    }

    /// From which IPv4 address or range it is good.
    #[must_use]
    pub fn source(mut self, source: impl Into<String>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// For which addresses it is good.
    #[must_use]
    pub fn resource(mut self, resource: impl Into<String>) -> Self {
        self.resource = Some(resource.into());
        self
    }

    pub(super) fn policy(&self, url: &str, now: Timestamp) -> Result<Policy> {
        let until = self.until.as_second();
        if until <= now.as_second() {
            let error = Error::invalid(SIGN, "the time it is to be good until has passed");
            return Err(error.with("until", self.until).with("now", now));
        }
        if let Some(from) = self.from.filter(|from| from.as_second() >= until) {
            let error = Error::invalid(SIGN, "it would end before it begins");
            return Err(error.with("from", from).with("until", self.until));
        }
        let resource = self.resource.as_deref().unwrap_or(url);
        let source = self.source.as_deref().map(range).transpose()?;
        let canned =
            resource == url && !url.contains('*') && self.from.is_none() && source.is_none();

        // The order and the absence of spaces are part of a canned policy: CloudFront builds the
        // same text to check it.
        let mut condition = format!(r#""DateLessThan":{{"AWS:EpochTime":{until}}}"#);
        if let Some(source) = source {
            condition.push_str(&format!(r#","IpAddress":{{"AWS:SourceIp":"{source}"}}"#));
        }
        if let Some(from) = self.from.map(Timestamp::as_second) {
            condition.push_str(&format!(r#","DateGreaterThan":{{"AWS:EpochTime":{from}}}"#));
        }
        let resource = serde_json::Value::from(resource);
        let text =
            format!(r#"{{"Statement":[{{"Resource":{resource},"Condition":{{{condition}}}}}]}}"#);
        Ok(Policy { text, canned_until: canned.then_some(until) })
    }
}

/// A range of IPv4 addresses with its length.
fn range(source: &str) -> Result<String> {
    let (address, bits) = source.split_once('/').unwrap_or((source, "32"));
    let known = address.parse::<Ipv4Addr>().is_ok()
        && bits.parse::<u8>().is_ok_and(|bits| bits <= 32)
        && bits.bytes().all(|byte| byte.is_ascii_digit());
    if known {
        return Ok(format!("{address}/{bits}"));
    }
    let why = "a source is an IPv4 address or range, as `192.0.2.0/24`; CloudFront takes no IPv6";
    Err(Error::invalid(SIGN, why).with("source", source))
}
