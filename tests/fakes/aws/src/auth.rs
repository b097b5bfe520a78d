//! Who asks: the parts of Signature Version 4 that decide which service a request is for, and the
//! refusals of callers with bad credentials. The signature itself is not verified.

use axum::http::HeaderMap;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::model::Protocol;
use crate::service::Fault;

/// How far a caller's clock may be off. Source: IAM User Guide, "Elements of an AWS API request
/// signature".
const SKEW: SignedDuration = SignedDuration::from_mins(15);

/// Who signed a request, and for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The access key's id.
    pub key_id: String,
    /// The region signed for.
    pub region: String,
    /// The service signed for, for example `mediaconvert`.
    pub service: String,
}

/// Reads the scope of `Authorization: AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/…`.
pub fn caller(headers: &HeaderMap) -> Option<Caller> {
    let text = headers.get("authorization")?.to_str().ok()?;
    let (_, rest) = text.split_once("Credential=")?;
    let mut parts = rest.split([',', ' ']).next()?.rsplitn(5, '/');
    let ("aws4_request", service, region, _date, key_id) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?)
    else {
        return None;
    };
    let (key_id, region, service) = (key_id.to_owned(), region.to_owned(), service.to_owned());
    Some(Caller { key_id, region, service })
}

/// The refusal of a request that is not signed.
pub fn unsigned(protocol: Protocol) -> Fault {
    refusal(protocol, "MissingAuthenticationTokenException", "Missing Authentication Token")
}

/// The refusal this caller gets, if any. The key ids `EXPIRED` and `DENIED` stand for credentials
/// of that kind.
pub fn refused(
    caller: &Caller,
    headers: &HeaderMap,
    protocol: Protocol,
    operation: &str,
    now: Timestamp,
) -> Option<Fault> {
    match caller.key_id.as_str() {
        "EXPIRED" => {
            let message = "The security token included in the request is expired";
            return Some(refusal(protocol, "ExpiredTokenException", message));
        }
        "DENIED" => {
            let message = format!(
                "User: arn:aws:iam::{}:user/denied is not authorized to perform: {}:{operation} \
                 because no identity-based policy allows the {}:{operation} action",
                crate::account::ACCOUNT,
                caller.service,
                caller.service
            );
            return Some(refusal(protocol, "AccessDeniedException", &message));
        }
        _ => {}
    }
    let date = headers.get("x-amz-date").and_then(|date| date.to_str().ok()).unwrap_or_default();
    let Some(signed) = instant(date) else {
        let message = format!("Date must be in ISO-8601 'basic format'. Got '{date}'.");
        return Some(refusal(protocol, "IncompleteSignatureException", &message));
    };
    let off = now.duration_since(signed);
    if off.abs() <= SKEW {
        return None;
    }
    let stamp = |at: Timestamp| at.strftime("%Y%m%dT%H%M%SZ").to_string();
    let message = if off.is_positive() {
        let limit = stamp(now.saturating_sub(SKEW).unwrap_or(now));
        format!("Signature expired: {date} is now earlier than {limit} ({} - 15 min.)", stamp(now))
    } else {
        let limit = stamp(now.saturating_add(SKEW).unwrap_or(now));
        format!(
            "Signature not yet current: {date} is still later than {limit} ({} + 15 min.)",
            stamp(now)
        )
    };
    Some(refusal(protocol, "InvalidSignatureException", &message))
}

/// The services of JSON 1.1 refuse callers with 400, those of REST with 403.
fn refusal(protocol: Protocol, code: &str, message: &str) -> Fault {
    let status = match protocol {
        Protocol::RestJson => 403,
        Protocol::Json11 => 400,
    };
    Fault::new(status, code, message)
}

fn instant(date: &str) -> Option<Timestamp> {
    let civil = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", date).ok()?;
    Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(key: &str, date: &str) -> HeaderMap {
        let scope = format!(
            "AWS4-HMAC-SHA256 Credential={key}/20260102/eu-west-1/mediaconvert/aws4_request, \
             SignedHeaders=host, Signature=00"
        );
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_str(&scope).expect("a header"));
        headers.insert("x-amz-date", HeaderValue::from_str(date).expect("a header"));
        headers
    }

    fn code(key: &str, date: &str) -> Option<String> {
        let headers = headers(key, date);
        let caller = caller(&headers).expect("a caller");
        let now = "2026-01-02T03:04:05Z".parse().expect("an instant");
        refused(&caller, &headers, Protocol::RestJson, "GetJob", now).map(|fault| fault.code)
    }

    #[test]
    fn the_scope_tells_the_service() {
        let caller = caller(&headers("test", "20260102T030405Z")).expect("a caller");
        let expected = ("test", "eu-west-1", "mediaconvert");
        assert_eq!((&*caller.key_id, &*caller.region, &*caller.service), expected);
    }

    #[test]
    fn bad_callers_are_refused() {
        assert_eq!(code("test", "20260102T030405Z"), None);
        assert_eq!(code("test", "20260102T025005Z"), None);
        assert_eq!(code("test", "20260102T024904Z").as_deref(), Some("InvalidSignatureException"));
        assert_eq!(code("test", "20260102T031906Z").as_deref(), Some("InvalidSignatureException"));
        assert_eq!(code("test", "yesterday").as_deref(), Some("IncompleteSignatureException"));
        assert_eq!(code("EXPIRED", "20260102T030405Z").as_deref(), Some("ExpiredTokenException"));
        assert_eq!(code("DENIED", "20260102T030405Z").as_deref(), Some("AccessDeniedException"));
    }
}
