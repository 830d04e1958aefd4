//! Whether the service lives and takes events.
//!
//! Owns: `GET /healthz`, `GET /readyz`, and where `GET /metrics` is.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router, middleware};
use serde_json::{Value, json};

use super::access;
use super::answer::Failure;
use super::metrics::metrics;
use super::state::Shared;

pub(super) fn routes(state: &Shared) -> Router<Shared> {
    let reading = middleware::from_fn_with_state(Arc::clone(state), access::reading);
    Router::new()
        .route("/metrics", get(metrics))
        .route_layer(reading)
        .route("/healthz", get(lives))
        .route("/readyz", get(ready))
}

/// The process answers.
async fn lives() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// The store takes events. It is not read: that would wait for those who do.
async fn ready(State(state): State<Shared>) -> Result<Json<Value>, Failure> {
    if state.is_ending() {
        return Err(Failure::busy("the service is ending"));
    }
    if let Some(error) = state.recorder.failure() {
        return Err(error.into());
    }
    Ok(Json(json!({ "status": "ready" })))
}
