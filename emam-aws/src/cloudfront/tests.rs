//! The key pairs beside were made for these tests.

use super::*;
use ring::signature::{ECDSA_P256_SHA256_ASN1, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

const RSA: &str = include_str!("testdata/rsa.pem");
const EC: &str = include_str!("testdata/ec.pem");
const FILE: &str = "https://d111111abcdef8.cloudfront.net/a/proxy.mp4";

fn now() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn until() -> Timestamp {
    "2026-01-01T18:00:00Z".parse().unwrap()
}

fn signer(pem: &str) -> Signer {
    Signer::from_pem("d111111abcdef8.cloudfront.net", "K2JCJMDEHXQW5F", pem).unwrap()
}

/// The bytes behind CloudFront's variant of base64.
fn decode(text: &str) -> Vec<u8> {
    let text = text.replace('-', "+").replace('_', "=").replace('~', "/");
    data_encoding::BASE64.decode(text.as_bytes()).unwrap()
}

fn parameter(url: &str, name: &str) -> Option<String> {
    let query = url.split_once('?')?.1;
    query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}="))).map(str::to_owned)
}

fn verify(pem: &str, message: &str, signature: &str) {
    let signature = decode(signature);
    if pem == EC {
        let public = include_bytes!("testdata/ec_public.der");
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, public);
        key.verify(message.as_bytes(), &signature).unwrap();
    } else {
        let public = include_bytes!("testdata/rsa_public.der");
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public);
        key.verify(message.as_bytes(), &signature).unwrap();
    }
}

#[test]
fn a_canned_policy_is_signed_and_not_sent() {
    for pem in [RSA, EC, include_str!("testdata/rsa_pkcs1.pem")] {
        let url = signer(pem).url(&format!("{FILE}?v=2"), &Grant::until(until()), now()).unwrap();
        assert!(url.starts_with(&format!("{FILE}?v=2&Expires=1767290400&Signature=")), "{url}");
        assert!(url.ends_with("&Key-Pair-Id=K2JCJMDEHXQW5F&Hash-Algorithm=SHA256"), "{url}");
        let policy = format!(
            r#"{{"Statement":[{{"Resource":"{FILE}?v=2","Condition":{{"DateLessThan":{{"AWS:EpochTime":1767290400}}}}}}]}}"#
        );
        verify(pem, &policy, &parameter(&url, "Signature").unwrap());
    }
}

#[test]
fn a_custom_policy_is_sent_and_signed() {
    let grant = Grant::until(until())
        .from(now())
        .source("192.0.2.0/24")
        .resource("https://d111111abcdef8.cloudfront.net/a/*");
    for pem in [RSA, EC] {
        let url = signer(pem).url(FILE, &grant, now()).unwrap();
        let policy = String::from_utf8(decode(&parameter(&url, "Policy").unwrap())).unwrap();
        assert_eq!(
            policy,
            r#"{"Statement":[{"Resource":"https://d111111abcdef8.cloudfront.net/a/*","Condition":{"DateLessThan":{"AWS:EpochTime":1767290400},"IpAddress":{"AWS:SourceIp":"192.0.2.0/24"},"DateGreaterThan":{"AWS:EpochTime":1767225600}}}]}"#
        );
        verify(pem, &policy, &parameter(&url, "Signature").unwrap());
        assert_eq!(parameter(&url, "Expires"), None);
    }
    let one = signer(RSA).url(FILE, &Grant::until(until()).source("192.0.2.7"), now()).unwrap();
    let policy = String::from_utf8(decode(&parameter(&one, "Policy").unwrap())).unwrap();
    assert!(policy.contains(r#""AWS:SourceIp":"192.0.2.7/32""#), "{policy}");
}

#[test]
fn cookies_let_a_viewer_in_to_many_objects() {
    let all = "https://d111111abcdef8.cloudfront.net/a/*";
    let cookies = signer(EC).cookies(all, &Grant::until(until()), now()).unwrap();
    let names: Vec<_> = cookies.iter().map(|cookie| cookie.name).collect();
    assert_eq!(
        names,
        [
            "CloudFront-Policy",
            "CloudFront-Signature",
            "CloudFront-Key-Pair-Id",
            "CloudFront-Hash-Algorithm"
        ]
    );
    let policy = String::from_utf8(decode(&cookies[0].value)).unwrap();
    assert!(policy.contains(all), "{policy}");
    verify(EC, &policy, &cookies[1].value);

    let one = signer(RSA).cookies(FILE, &Grant::until(until()), now()).unwrap();
    assert_eq!((one[0].name, one[0].value.as_str()), ("CloudFront-Expires", "1767290400"));
}

#[test]
fn what_cannot_be_signed_is_refused_with_the_reason() {
    let sign = |url: &str, grant: &Grant| signer(RSA).url(url, grant, now()).unwrap_err();
    let grant = Grant::until(until());
    for (url, why) in [
        ("https://other.example/a.mp4", "not of the distribution"),
        ("https://d111111abcdef8.cloudfront.net.evil.example/a", "not of the distribution"),
        ("https://d111111abcdef8.cloudfront.net@evil.example/a", "not of the distribution"),
        ("s3://bucket/a.mp4", "begins with"),
        ("https://d111111abcdef8.cloudfront.net/a b.mp4", "write what is not ASCII"),
        ("https://d111111abcdef8.cloudfront.net/ü.mp4", "write what is not ASCII"),
        ("https://d111111abcdef8.cloudfront.net/a#t=1", "never sent"),
        ("https://d111111abcdef8.cloudfront.net/a?Signature=x", "signed already"),
    ] {
        let error = sign(url, &grant);
        assert!(error.message().contains(why), "{url}: {error}");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(error.get("url"), url.split('?').next(), "the query may hold a signature");
    }
    for (grant, why) in [
        (Grant::until(now()), "has passed"),
        (Grant::until(until()).from(until()), "before it begins"),
        (Grant::until(until()).source("2001:db8::/32"), "no IPv6"),
        (Grant::until(until()).source("192.0.2.0/33"), "no IPv6"),
        (Grant::until(until()).source("192.0.2.0/+8"), "no IPv6"),
        (Grant::until(until()).resource("https://other.example/*"), "not of the distribution"),
    ] {
        assert!(sign(FILE, &grant).message().contains(why), "{grant:?}");
    }
}

#[test]
fn a_wrong_key_is_refused_and_never_shown() {
    let public = "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n";
    let damaged = RSA.replacen("MII", "MIJ", 1);
    let cut = format!("{}\n-----END PRIVATE KEY-----\n", &RSA[..400]);
    for (pem, why) in [
        ("", "no PEM"),
        ("not a key", "no PEM"),
        (public, "no private key"),
        ("-----BEGIN PRIVATE KEY-----\n%%%\n-----END PRIVATE KEY-----", "no base64"),
        (
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMFkw\n-----END ENCRYPTED PRIVATE KEY-----",
            "passphrase",
        ),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMFkw\n-----END RSA PRIVATE KEY-----",
            "passphrase",
        ),
        (include_str!("testdata/ec_sec1.pem"), "openssl pkcs8 -topk8"),
        (include_str!("testdata/ed25519.pem"), "another kind"),
        (include_str!("testdata/rsa_3072.pem"), "another length"),
        (&damaged, "damaged"),
        (&cut, ""),
    ] {
        let error = Signer::from_pem("d.example", "K1", pem).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.message().contains(why), "{error}");
        let shown = format!("{error} {error:?} {}", error.report());
        assert!(
            pem.lines()
                .all(|line| line.len() < 20 || line.starts_with('-') || !shown.contains(line)),
            "{shown}"
        );
    }
}

#[test]
fn a_key_file_that_is_not_there_is_named() {
    let settings = CloudFront {
        domain: "d.example".to_owned(),
        key_pair_id: "K1".to_owned(),
        private_key_file: "/nowhere/cloudfront.pem".into(),
    };
    let error = Signer::new(&settings).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.get("path"), Some("/nowhere/cloudfront.pem"));
}

#[test]
fn debug_shows_neither_key_nor_signature() {
    let signer = signer(RSA);
    assert_eq!(
        format!("{signer:?}"),
        r#"Signer { domain: "d111111abcdef8.cloudfront.net", key_pair_id: "K2JCJMDEHXQW5F", .. }"#
    );
    let cookie = Cookie { name: "CloudFront-Signature", value: "hunter2".to_owned() };
    assert!(!format!("{cookie:?}").contains("hunter2"));
}
