//! The calls of Roundware's clients.

use axum::Router;

use super::state::Shared;

pub(super) fn routes() -> Router<Shared> {
    Router::new()
}
