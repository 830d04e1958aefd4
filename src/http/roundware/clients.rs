//! What a client is given when it starts, and what it tells of the recordings it plays.
//!
//! Owns: users, sessions and listen events of version 2, and which events they become. Does not own the events resource
//! (`v2`).
//!
//! A recording that is heard is a `start_asset` event, and its end a `stop_asset` event: to `analysis` no actions, since
//! the client logs them by itself. They are not `start_listen` and `stop_listen`, which open and close the stream: the
//! stream goes on with the next recording.
//!
//! Invariants: nothing is kept of a user. A session's number is new, and its `start_session` event durable before it is
//! answered. Events are appended; none is rewritten.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::shape::{SAFE_INTEGER_MAX, Session};
use super::{Detail, NO_SESSION, fields, find, log};
use crate::error::{Error, Result};
use crate::event::{Event, EventId, NewEvent, event_type};
use crate::http::access;
use crate::http::answer::Failure;
use crate::http::state::{self, Shared};
use crate::query::Filter;

/// What is kept of what a client says of itself when its session starts: nothing that tells who it is.
const SESSION_FIELDS: [&str; 6] =
    ["project_id", "geo_listen_enabled", "client_type", "client_system", "language", "timezone"];

/// Bytes of a token that is made: as many as those of Roundware's server.
const TOKEN_BYTES: usize = 20;
const NAME_BYTES: usize = 8;
/// Numbers that are tried for a session: one in 2^53 is taken.
const NUMBERS_TRIED: usize = 4;

/// `POST /api/2/users/`. Where a token is needed to log, it is the one that was sent: a client goes on with what it is
/// answered. Elsewhere it is random and opens nothing, since nothing is closed.
pub(super) async fn make_user(
    State(state): State<Shared>,
    request: Request,
) -> Result<Response, Detail> {
    access::check_write(&state, request.headers())?;
    let sent = access::token(request.headers()).filter(|_| state.settings.write_tokens.is_some());
    let token = match sent {
        Some(token) => String::from_utf8_lossy(token).into_owned(),
        None => hex(&random::<TOKEN_BYTES>()?),
    };
    fields::object(request).await?;
    let username = hex(&random::<NAME_BYTES>()?);
    Ok(Json(json!({ "username": username, "token": token })).into_response())
}

/// `POST /api/2/sessions/`.
pub(super) async fn start_session(
    State(state): State<Shared>,
    request: Request,
) -> Result<Response, Detail> {
    access::check_write(&state, request.headers())?;
    let said = fields::object(request).await?;
    let is_kept = |key: &str, value: &Value| {
        SESSION_FIELDS.contains(&key) && !value.is_null() && !value.is_array() && !value.is_object()
    };
    let mut session: Map<String, Value> =
        said.into_iter().filter(|(key, value)| is_kept(key, value)).collect();
    let id = new_session(&state).await?;
    let mut event = NewEvent::new(id, event_type::START_SESSION);
    if !session.is_empty() {
        event = event.data(Value::Object(session.clone()).to_string());
    }
    log(&state, event).await?;
    session.insert("id".to_owned(), id.into());
    Ok(Json(session).into_response())
}

/// A number that no session has, and that JavaScript keeps exactly. Where days cannot be read, it is new all the same,
/// but for a chance of one in 2^53.
async fn new_session(state: &Shared) -> Result<u64, Failure> {
    for _ in 0..NUMBERS_TRIED {
        let id = u64::from_le_bytes(random()?) & SAFE_INTEGER_MAX;
        let store = state.store.clone();
        let count = move || store.allow_gaps().count(&Filter::session(id));
        let count = tokio::task::spawn_blocking(count).await.map_err(|_| state::broken())?;
        if id > 0 && count.is_ok_and(|count| count.found == 0) {
            return Ok(id);
        }
    }
    Err(Failure::busy("a new session could not be made"))
}

/// `POST /api/2/listenevents/`.
pub(super) async fn start_asset(
    State(state): State<Shared>,
    request: Request,
) -> Result<Response, Detail> {
    access::check_write(&state, request.headers())?;
    let said = fields::object(request).await?;
    let either = |names: [&str; 2]| names.iter().find_map(|name| said.get(*name));
    let session = either(["session", "session_id"]).and_then(name);
    let session = session.ok_or_else(|| Failure::invalid(NO_SESSION))?;
    let asset = either(["asset", "asset_id"]).filter(|asset| name(asset).is_some());
    let asset =
        asset.ok_or_else(|| Failure::invalid("an asset_id is required for this operation"))?;
    let time = either(["starttime", "start_time"]).and_then(name);
    let mut event = NewEvent::new(&session, event_type::START_ASSET)
        .data(json!({ "asset_id": asset }).to_string());
    if let Some(time) = &time {
        event = event.client_time(time);
    }
    let id = log(&state, event).await?;
    Ok(Json(listened(id, time.as_deref(), &session, asset, None)).into_response())
}

/// `PATCH /api/2/listenevents/ID`.
pub(super) async fn stop_asset(
    State(state): State<Shared>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Detail> {
    access::check_write(&state, request.headers())?;
    let said = fields::object(request).await?;
    let seconds = said.get("duration_in_seconds").map(seconds).transpose()?;
    let rule = "duration_in_seconds: is required for this operation";
    let seconds = seconds.ok_or_else(|| Failure::invalid(rule))?;
    let started = match id.ok().and_then(|Path(id)| id.parse().ok()) {
        Some(id) => find(&state, id).await?,
        None => None,
    };
    let started = started.filter(|event| event.event_type == event_type::START_ASSET);
    let started = started.ok_or_else(|| Failure::not_found("ListenEvent not found"))?;
    let asset = asset_of(&started);
    let data = json!({
        "asset_id": asset,
        "duration_in_seconds": seconds,
        "listenevent_id": started.id,
    });
    let event = NewEvent::new(&started.session_id, event_type::STOP_ASSET).data(data.to_string());
    log(&state, event).await?;
    let time = started.client_time.as_deref();
    let answer = listened(started.id, time, &started.session_id, &asset, Some(seconds));
    Ok(Json(answer).into_response())
}

/// A listen event as it is answered.
fn listened(
    id: EventId,
    start_time: Option<&str>,
    session: &str,
    asset: &Value,
    seconds: Option<f64>,
) -> Value {
    json!({
        "id": id,
        "start_time": start_time,
        "session_id": Session::from(session),
        "asset_id": asset,
        "duration_in_seconds": seconds,
    })
}

/// The recording of an event; `null` where a client has logged one by itself, in other words.
fn asset_of(started: &Event) -> Value {
    let data: Option<Value> =
        started.data.as_deref().and_then(|data| serde_json::from_str(data).ok());
    data.and_then(|mut data| data.get_mut("asset_id").map(Value::take)).unwrap_or_default()
}

/// A name as its text: it may be an integer.
fn name(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}

fn seconds(value: &Value) -> Result<f64, Failure> {
    let seconds = value.as_f64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
    seconds.filter(|seconds| seconds.is_finite() && *seconds >= 0.0).ok_or_else(|| {
        let rule = "must be a number of seconds of at least 0";
        Error::invalid("duration_in_seconds", rule, value).into()
    })
}

/// What a project offers to choose from: nothing, since that is not kept here.
pub(super) async fn no_choices() -> Json<Value> {
    Json(json!({ "listen": [], "speak": [] }))
}

/// A list of what is not kept here.
pub(super) async fn nothing() -> Json<Value> {
    Json(json!([]))
}

fn random<const BYTES: usize>() -> Result<[u8; BYTES], Failure> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).map_err(|error| {
        tracing::error!(%error, "the system gives no random bytes");
        state::broken()
    })?;
    Ok(bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
