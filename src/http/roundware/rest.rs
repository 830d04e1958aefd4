//! The list of version 1.
//!
//! Owns: `GET /api/1/rest/event/`, with pages by offset. Does not own the conditions on time (`listing`).
//!
//! Invariant: a page tells how many events there are in all; the offset is bounded, since what it leaves out is gone
//! through.

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::fields::Parameters;
use super::shape::Object;
use super::{Detail, JSON, listing};
use crate::error::{Error, Result};
use crate::http::access;
use crate::http::state::Shared;
use crate::query::{Filter, Query};

const LIMIT_DEFAULT: u64 = 20;
const LIMIT_MAX: u64 = 1000;
const OFFSET_MAX: u64 = 100_000;

#[derive(Debug, Serialize)]
struct Meta {
    limit: u64,
    next: Option<String>,
    offset: u64,
    previous: Option<String>,
    total_count: u64,
}

/// `GET /api/1/rest/event/`.
pub(super) async fn list(
    State(state): State<Shared>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Detail> {
    access::check_read(&state, &headers)?;
    let fields = Parameters::parse(query.as_deref().unwrap_or_default());
    let limit = match fields.number("limit")?.unwrap_or(LIMIT_DEFAULT) {
        0 => LIMIT_MAX,
        limit => limit.min(LIMIT_MAX),
    };
    let offset = fields.number("offset")?.unwrap_or(0);
    if offset > OFFSET_MAX {
        let rule = format!("must be at most {OFFSET_MAX}; ask by server_time__gte");
        return Err(Error::invalid("offset", rule, offset).into());
    }
    let filter = filter(&fields)?;
    let asked = filter.clone();
    let (total, query) = state
        .read(move |store| {
            let total = store.count(&asked)?;
            Ok((total, listing::skip(store, Query::from(asked), offset)?))
        })
        .await?;
    let page = |offset: u64| {
        format!("?{}", fields.with(&[("limit", limit.to_string()), ("offset", offset.to_string())]))
    };
    let meta = Meta {
        limit,
        next: (offset + limit < total).then(|| page(offset + limit)),
        offset,
        previous: (offset > 0).then(|| page(offset.saturating_sub(limit))),
        total_count: total,
    };
    let meta = serde_json::to_string(&meta).map_err(|_| crate::http::state::broken())?;
    let events = query.as_ref().map_or(0, |_| total.saturating_sub(offset).min(limit));
    let around = (format!("{{\"meta\": {meta}, \"objects\": ["), "]}");
    let body = listing::stream(&state, query.unwrap_or_default(), events, around, |event, text| {
        listing::write_json(&Object::from(event), text)
    });
    Ok((JSON, body.await?).into_response())
}

fn filter(fields: &Parameters<'_>) -> Result<Filter> {
    let mut filter = Filter::ServerTime(listing::times(fields)?);
    if let Some(session) = fields.get("session") {
        filter = filter.and(Filter::session(session));
    }
    if let Some(name) = fields.get("event_type") {
        filter = filter.and(Filter::event_type(name));
    }
    Ok(filter)
}
