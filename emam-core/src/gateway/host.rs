//! Only requests for a host we are are answered.
//!
//! Against DNS rebinding: a page of `evil.example` may point that name at 127.0.0.1 and then talk
//! to us as its own origin. Its requests still name `evil.example`.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Shared;
use super::problem::Problem;
use crate::error::{Error, ErrorKind};

/// The address of this side of the connection, where the gateway itself listens.
#[derive(Debug, Clone, Copy)]
pub(super) struct LocalAddress(pub(super) SocketAddr);

/// Refuses requests for other hosts.
pub(super) async fn layer(
    State(shared): State<Arc<Shared>>,
    request: Request,
    next: Next,
) -> Response {
    let local = request.extensions().get::<LocalAddress>().map(|local| local.0.ip());
    match authority(&request) {
        Some(host) if is_ours(host.host(), local, &shared.options.allow_hosts) => {
            next.run(request).await
        }
        Some(host) => {
            let error = Error::new(
                ErrorKind::PermissionDenied,
                "http",
                "this gateway is not that host; use localhost, or add the name to allow_hosts",
            )
            .with("host", host);
            Problem::new(StatusCode::MISDIRECTED_REQUEST, error).into_response()
        }
        None => Problem::from(Error::invalid("http", "the request needs one valid Host header"))
            .into_response(),
    }
}

/// The host a request is for.
pub(super) fn authority(request: &Request) -> Option<Authority> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let header = hosts.next().map(|host| host.to_str().ok()?.parse::<Authority>().ok());
    let header = match (header, hosts.next()) {
        (_, Some(_)) | (Some(None), _) => return None,
        (header, None) => header.flatten(),
    };
    let host = match (request.uri().authority().cloned(), header) {
        (Some(uri), Some(header)) if uri != header => return None,
        (uri, header) => uri.or(header)?,
    };
    (!host.as_str().contains('@')).then_some(host)
}

fn is_ours(host: &str, local: Option<IpAddr>, allowed: &[String]) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    if host.eq_ignore_ascii_case("localhost")
        || allowed.iter().any(|name| name.eq_ignore_ascii_case(host))
    {
        return true;
    }
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    address.is_ok_and(|address| address.is_loopback() || Some(address) == local)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host_of(uri: &str, hosts: &[&str]) -> Option<String> {
        let mut request = Request::builder().uri(uri);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        let request = request.body(axum::body::Body::empty()).unwrap();
        authority(&request).map(|host| host.to_string())
    }

    #[test]
    fn one_host_is_named_and_named_once() {
        assert_eq!(host_of("/", &["localhost:4700"]).as_deref(), Some("localhost:4700"));
        assert_eq!(host_of("http://a.example/", &[]).as_deref(), Some("a.example"));
        assert_eq!(host_of("http://evil.example/", &["localhost"]), None, "they differ");
        assert_eq!(host_of("/", &[]), None);
        assert_eq!(host_of("/", &["localhost", "localhost"]), None);
        assert_eq!(host_of("/", &["a b"]), None);
        assert_eq!(host_of("/", &["me@localhost"]), None);
    }

    #[test]
    fn names_are_listed_and_addresses_are_our_own() {
        let allowed = ["MAM.example.com".to_owned()];
        let local = "192.168.1.5".parse().ok();
        for host in ["localhost", "LOCALHOST.", "127.0.0.1", "127.1.2.3", "[::1]", "192.168.1.5"] {
            assert!(is_ours(host, local, &allowed), "{host}");
        }
        assert!(is_ours("mam.example.com", None, &allowed));
        for host in ["evil.example", "192.168.1.6", "localhost.evil.example", "", "[::2]"] {
            assert!(!is_ours(host, local, &allowed), "{host}");
        }
        assert!(!is_ours("192.168.1.5", None, &[]));
    }
}
