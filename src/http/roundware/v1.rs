//! The calls of version 1, by `operation`.
//!
//! Owns: `log_event` and `get_events`, as `GET` or as `POST` of a query or a form, and the words of their errors. Does not
//! own how an event is read (`wire`).
//!
//! Invariant: `HEAD` logs nothing.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::fields::{self, Parameters};
use super::shape::Operation;
use super::{ErrorMessage, JSON, NO_SESSION, NO_TYPE, listing, log};
use crate::event::NewEvent;
use crate::http::answer::Failure;
use crate::http::state::Shared;
use crate::http::{access, page};
use crate::query::{Filter, Query};

/// Spelled as Roundware's server spells it, for clients that look for this text.
const SUCCESS: &str = "{\"success\": true}";

/// What a call of version 1 says.
struct Asked {
    method: Method,
    headers: HeaderMap,
    /// The query and then the form, which goes before it where both have a key.
    text: String,
}

impl Asked {
    async fn read(mut request: Request) -> Result<Self, Failure> {
        let headers = std::mem::take(request.headers_mut());
        let method = request.method().clone();
        let mut text = request.uri().query().unwrap_or_default().to_owned();
        if method == Method::POST {
            text = format!("{text}&{}", fields::form(&headers, request).await?);
        }
        Ok(Self { method, headers, text })
    }
}

/// `/`: a call where there is an operation, else the page.
pub(super) async fn call_or_page(state: State<Shared>, request: Request) -> Response {
    let query = request.uri().query().unwrap_or_default();
    if request.method() != Method::POST && !Parameters::parse(query).has("operation") {
        return page::index(&request);
    }
    call(state, request).await.into_response()
}

/// `/roundware/` and `/api/1/`.
pub(super) async fn call(
    State(state): State<Shared>,
    request: Request,
) -> Result<Response, ErrorMessage> {
    let asked = Asked::read(request).await?;
    let fields = Parameters::parse(&asked.text);
    let operation = fields.get("operation").unwrap_or_default();
    match operation.to_ascii_lowercase().as_str() {
        "log_event" => log_event(&state, &asked, &fields).await,
        "get_events" => get_events(&state, &asked, &fields).await,
        "" => Err(Failure::invalid("Operation is required").into()),
        _ => Err(Failure::invalid(format!("Invalid operation, {operation}")).into()),
    }
}

async fn log_event(
    state: &Shared,
    asked: &Asked,
    fields: &Parameters<'_>,
) -> Result<Response, ErrorMessage> {
    if asked.method == Method::HEAD {
        let allowed = [(header::ALLOW, HeaderValue::from_static("GET, POST"))];
        return Ok((StatusCode::METHOD_NOT_ALLOWED, allowed).into_response());
    }
    access::check_write(state, &asked.headers)?;
    for (field, words) in [("session_id", NO_SESSION), ("event_type", NO_TYPE)] {
        if fields.get(field).is_none() {
            return Err(Failure::invalid(words).into());
        }
    }
    log(state, NewEvent::from_client_query(&asked.text)?).await?;
    Ok((JSON, SUCCESS).into_response())
}

async fn get_events(
    state: &Shared,
    asked: &Asked,
    fields: &Parameters<'_>,
) -> Result<Response, ErrorMessage> {
    access::check_read(state, &asked.headers)?;
    let Some(session) = fields.get("session_id") else {
        return Ok((JSON, "{\"error\": \"no session_id\"}").into_response());
    };
    let filter = Filter::session(session);
    let counted = filter.clone();
    let events = state.read(move |store| store.count(&counted)).await?;
    let around = (format!("{{\"number_of_events\": {events}, \"events\": ["), "]}");
    let body = listing::stream(state, Query::from(filter), events, around, |event, text| {
        listing::write_json(&Operation::from(event), text)
    });
    Ok((JSON, body.await?).into_response())
}
