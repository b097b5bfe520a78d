//! The OpenAPI document.
use std::sync::Arc;
use axum::extract::State;
use axum::response::Response;
use super::Shared;
pub(super) async fn document(State(_shared): State<Arc<Shared>>) -> Response { Response::default() }
