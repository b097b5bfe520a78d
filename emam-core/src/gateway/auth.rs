//! Who asks: bearer tokens (RFC 6750).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Shared;
use super::problem::Problem;
use super::signing::unauthenticated;
use crate::error::Result;

/// Lets only those through who have a valid token, where the gateway asks for one.
pub(super) async fn layer(
    State(shared): State<Arc<Shared>>,
    request: Request,
    next: Next,
) -> Response {
    match check(&shared, request.headers()) {
        Ok(()) => next.run(request).await,
        Err(error) => Problem::from(error).into_response(),
    }
}

/// Whether a request may be answered.
pub(super) fn check(shared: &Shared, headers: &HeaderMap) -> Result<()> {
    if shared.options.is_open() {
        return Ok(());
    }
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let (Some(given), None) = (given.next(), given.next()) else {
        return Err(unauthenticated("send a token: Authorization: Bearer ..."));
    };
    let token = given.to_str().ok().and_then(|given| {
        let (scheme, token) = given.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let token = token.ok_or_else(|| unauthenticated("send a token: Authorization: Bearer ..."))?;
    shared.signer.check_token(shared.clock().now(), token)
}
