//! The events of version 2.
//!
//! Owns: `/api/2/events/`: an event that is logged, one that is asked for by its id, and the list with its pages. Does not
//! own the conditions of the list (`listing`) nor the fields of an event (`shape`).

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::fields::{self, Parameters};
use super::listing::Wanted;
use super::shape::Resource;
use super::{Detail, NO_SESSION, NO_TYPE, find, log};
use crate::error::{Error, Result};
use crate::event::{Event, EventId, NewEvent};
use crate::http::access;
use crate::http::answer::Failure;
use crate::http::state::Shared;
use crate::query::Cursor;
use crate::time::Timestamp;

const LIMIT_DEFAULT: u64 = 1000;
const LIMIT_MAX: u64 = 10_000;

/// `POST /api/2/events/`.
pub(super) async fn create(
    State(state): State<Shared>,
    request: Request,
) -> Result<Response, Detail> {
    access::check_write(&state, request.headers())?;
    let event = event_of(fields::object(request).await?)?;
    let id = log(&state, event.clone()).await?;
    // It is logged: that it cannot be read now must not have the client log it again.
    let answer = match find(&state, id).await {
        Ok(Some(event)) => Json(Resource::from(&event)).into_response(),
        _ => Json(Resource::from(&unread(id, event)).without_time()).into_response(),
    };
    Ok(answer)
}

fn unread(id: EventId, event: NewEvent) -> Event {
    Event {
        id,
        server_time: Timestamp::default(),
        session_id: event.session_id,
        event_type: event.event_type,
        client_time: event.client_time,
        latitude: event.location.map(|location| location.latitude),
        longitude: event.location.map(|location| location.longitude),
        tags: event.tags,
        data: event.data,
    }
}

/// Reads an event from what a client has posted.
fn event_of(mut fields: Map<String, Value>) -> Result<NewEvent, Failure> {
    let is_missing = |value: Option<&Value>| match value {
        None | Some(Value::Null) => true,
        Some(value) => value.as_str().is_some_and(str::is_empty),
    };
    for (field, words) in [("session_id", NO_SESSION), ("event_type", NO_TYPE)] {
        if is_missing(fields.get(field)) {
            return Err(Failure::invalid(words));
        }
    }
    // When the server receives it is not for a client to say.
    fields.remove("server_time");
    for field in ["client_time", "latitude", "longitude"] {
        if is_missing(fields.get(field)) {
            fields.remove(field);
        }
    }
    if let Some(data) = fields.get_mut("data").filter(|data| data.is_number()) {
        *data = Value::String(data.to_string());
    }
    NewEvent::deserialize(Value::Object(fields))
        .map_err(|error| Failure::invalid(error.to_string()))
}

/// `GET /api/2/events/ID/`.
pub(super) async fn retrieve(
    State(state): State<Shared>,
    headers: HeaderMap,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Detail> {
    access::check_read(&state, &headers)?;
    let event = match id.ok().and_then(|Path(id)| id.parse().ok()) {
        Some(id) => find(&state, id).await?,
        None => None,
    };
    let event = event.ok_or_else(|| Failure::not_found("Event not found"))?;
    Ok(Json(Resource::from(&event)).into_response())
}

/// `GET /api/2/events/`: a bare list; where it goes on is a link beside it, relative to this address.
pub(super) async fn list(
    State(state): State<Shared>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Detail> {
    access::check_read(&state, &headers)?;
    let fields = Parameters::parse(query.as_deref().unwrap_or_default());
    let limit = match fields.number("limit")?.unwrap_or(LIMIT_DEFAULT) {
        0 => return Err(Error::invalid("limit", "must be at least 1", 0).into()),
        limit => limit.min(LIMIT_MAX),
    };
    let after: Option<Cursor> = fields.get("cursor").map(str::parse).transpose()?;
    let wanted = Wanted::parse(&fields)?;
    let page = state.read(move |store| wanted.page(store, after, limit as usize)).await?;
    let events: Vec<Resource<'_>> = page.events.iter().map(Resource::from).collect();
    let mut answer = Json(events).into_response();
    if let Some(next) = page.next {
        let query = fields.with(&[("cursor", next.to_string())]);
        // What is escaped for a query is visible ASCII.
        if let Ok(link) = HeaderValue::from_str(&format!("<?{query}>; rel=\"next\"")) {
            answer.headers_mut().insert(header::LINK, link);
        }
    }
    Ok(answer)
}
