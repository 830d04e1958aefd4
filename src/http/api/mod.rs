//! The calls under `/v1`.
//!
//! Owns: which calls there are, and who may make them. The rooms below: `given` (bodies and parameters, and answers
//! as JSON), `ingest` (batches) and `keys` (of batches that come again), `ask` (questions of `analysis`), `query`
//! (events as a stream), `count`, `events` (one of them), `live` (as they are logged), `store` (its figures),
//! `openapi` (what describes them all).
//!
//! Invariants: an answer is that of the library's call of the same name, in its serde form; what is held for a client
//! is bounded, whatever it asks and however slowly it takes the answer.

mod ask;
mod count;
mod events;
mod given;
mod ingest;
mod keys;
mod live;
mod openapi;
mod query;
mod store;

use std::sync::Arc;

use axum::routing::{MethodRouter, get, post};
use axum::{Router, middleware};

use super::access;
use super::state::Shared;
use crate::analysis;
use ask::ask;

pub(super) use keys::Keys;

/// A path, and what is called there.
type Call = (&'static str, MethodRouter<Shared>);

pub(super) fn routes(state: &Shared) -> Router<Shared> {
    let reading = middleware::from_fn_with_state(Arc::clone(state), access::reading);
    let router = |calls: Vec<Call>| {
        calls.into_iter().fold(Router::new(), |router, (path, call)| router.route(path, call))
    };
    let writing = middleware::from_fn_with_state(Arc::clone(state), access::writing);
    router(reads())
        .route_layer(reading)
        .merge(router(writes()).route_layer(writing))
        .merge(router(for_all()))
}

/// Where batches are sent, which may take longer than other calls.
pub(super) const BATCHES: &str = "/v1/events";

/// Calls that log.
fn writes() -> Vec<Call> {
    vec![(BATCHES, post(ingest::log))]
}

/// Calls that need no token.
fn for_all() -> Vec<Call> {
    vec![("/v1/openapi.json", get(openapi::description))]
}

/// Calls that read.
fn reads() -> Vec<Call> {
    vec![
        ("/v1/query", post(query::query)),
        ("/v1/count", post(count::count)),
        ("/v1/events/{id}", get(events::event)),
        ("/v1/live", get(live::live)),
        ("/v1/store", get(store::store)),
        ("/v1/questions/session", post(ask::<analysis::Session>)),
        ("/v1/questions/sessions", post(ask::<analysis::Sessions>)),
        ("/v1/questions/tags", post(ask::<analysis::Tags>)),
        ("/v1/questions/paths", post(ask::<analysis::Paths>)),
        ("/v1/questions/funnel", post(ask::<analysis::Funnel>)),
        ("/v1/questions/health", post(ask::<analysis::Health>)),
        ("/v1/questions/silent", post(ask::<analysis::Silence>)),
        ("/v1/questions/errors", post(ask::<analysis::ClientErrors>)),
        ("/v1/questions/skew", post(ask::<analysis::ClockSkew>)),
        ("/v1/questions/histogram", post(ask::<analysis::Histogram>)),
        ("/v1/questions/heatmap", post(ask::<analysis::Heatmap>)),
        ("/v1/questions/tracks", post(ask::<analysis::Tracks>)),
    ]
}
