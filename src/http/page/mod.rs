//! The page.

use axum::Router;
use axum::http::HeaderMap;
use axum::response::{Html, IntoResponse, Response};

use super::state::Shared;

pub(super) fn routes() -> Router<Shared> {
    Router::new()
}

/// The page itself.
pub(super) async fn index(_headers: HeaderMap) -> Response {
    Html("<!DOCTYPE html><title>diurnal</title>").into_response()
}
