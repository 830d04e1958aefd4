//! The calls of Roundware's clients, as its servers answer them.
//!
//! Owns: where these calls are, with and without a slash at the end, and how a call that is not carried out is
//! answered: version 1 says `{"error_message": …}`, version 2 `{"detail": …}`. The rooms below: `v1` (the calls by
//! `operation`), `rest` (the list of version 1), `v2` (events), `clients` (users, sessions and what is heard), `fields` (what
//! a request holds), `listing` (what a list is asked for, and its pages), `shape` (events as these clients read them).
//!
//! Invariants: what is not durable is not called a success, whatever the status; `HEAD` logs nothing; the time of an
//! event is the store's, not what a client says.

mod clients;
mod fields;
mod listing;
mod rest;
mod shape;
mod v1;
mod v2;

use axum::Router;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, get, on, patch, post};

use super::answer::Failure;
use super::state::{self, Shared};
use crate::error::{Error, Result};
use crate::event::{Event, EventId, NewEvent};
use crate::http::recorder::Room;

/// Media type of the answers.
const JSON: [(header::HeaderName, &str); 1] = [(header::CONTENT_TYPE, "application/json")];

pub(super) fn routes() -> Router<Shared> {
    let methods = MethodFilter::GET.or(MethodFilter::POST).or(MethodFilter::HEAD);
    let root = Router::new().route("/", on(methods, v1::call_or_page));
    calls().into_iter().fold(root, |router, (path, call)| both(router, path, call))
}

/// The calls by their paths, `/` aside.
pub(super) fn calls() -> Vec<(&'static str, MethodRouter<Shared>)> {
    let methods = MethodFilter::GET.or(MethodFilter::POST).or(MethodFilter::HEAD);
    vec![
        ("/roundware", on(methods, v1::call)),
        ("/api/1", on(methods, v1::call)),
        ("/api/1/rest/event", get(rest::list)),
        ("/api/2/events", get(v2::list).post(v2::create)),
        ("/api/2/events/{id}", get(v2::retrieve)),
        ("/api/2/sessions", post(clients::start_session)),
        ("/api/2/users", post(clients::make_user)),
        ("/api/2/listenevents", post(clients::start_asset)),
        ("/api/2/listenevents/{id}", patch(clients::stop_asset).put(clients::stop_asset)),
        // What the JavaScript client asks for when it starts, which is no part of a log.
        ("/api/2/projects/{id}/uiconfig", get(clients::no_choices)),
        ("/api/2/assets", get(clients::nothing)),
        ("/api/2/audiotracks", get(clients::nothing)),
        ("/api/2/speakers", get(clients::nothing)),
        ("/api/2/timedassets", get(clients::nothing)),
    ]
}

/// Adds a call with and without a slash at its end.
fn both(router: Router<Shared>, path: &str, call: MethodRouter<Shared>) -> Router<Shared> {
    router.route(path, call.clone()).route(&format!("{path}/"), call)
}

/// What Roundware's server says where a call lacks its session or its type.
const NO_SESSION: &str = "a session_id is required for this operation";
const NO_TYPE: &str = "an event_type is required for this operation";

/// Logs an event that has kept the rules; its id once it is durable.
async fn log(state: &state::State, event: NewEvent) -> Result<EventId, Failure> {
    state.store.validate(&event)?;
    let ids = state.recorder.log(vec![event], Room::Now).await?;
    ids.first().copied().ok_or_else(state::broken)
}

/// The event of this id. It waits for no turn to read: one block is read, and a client that logs waits for it.
async fn find(state: &Shared, id: EventId) -> Result<Option<Event>, Failure> {
    let store = state.store.clone();
    let found = tokio::task::spawn_blocking(move || store.event(id)).await;
    found.map_err(|_| state::broken())?.map_err(Failure::from)
}

/// A call of version 1 by `operation` that was not carried out. What a request has wrong is answered with status 200, as
/// its clients expect; what the service cannot do has its status, so that no client takes it for a success.
struct ErrorMessage(Failure);

/// A call of version 2 that was not carried out.
struct Detail(Failure);

impl From<Failure> for ErrorMessage {
    fn from(failure: Failure) -> Self {
        Self(failure)
    }
}

impl From<Error> for ErrorMessage {
    fn from(error: Error) -> Self {
        Self(error.into())
    }
}

impl From<Failure> for Detail {
    fn from(failure: Failure) -> Self {
        Self(failure)
    }
}

impl From<Error> for Detail {
    fn from(error: Error) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for ErrorMessage {
    fn into_response(self) -> Response {
        let status = match self.0.status {
            StatusCode::BAD_REQUEST => StatusCode::OK,
            status => status,
        };
        refused("error_message", status, &self.0)
    }
}

impl IntoResponse for Detail {
    fn into_response(self) -> Response {
        refused("detail", self.0.status, &self.0)
    }
}

/// An object with the message under this key, written as Python writes it.
fn refused(key: &str, status: StatusCode, failure: &Failure) -> Response {
    let message = serde_json::Value::from(failure.message.as_str());
    let body = format!("{{\"{key}\": {message}}}");
    let mut response = (status, JSON, body).into_response();
    if let Some(seconds) = failure.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if status == StatusCode::UNAUTHORIZED {
        let scheme = HeaderValue::from_static("Token");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
    }
    response
}
