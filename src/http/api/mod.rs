//! The calls under `/v1`.

use axum::Router;

use super::state::Shared;

pub(super) fn routes(_state: &Shared) -> Router<Shared> {
    Router::new()
}
