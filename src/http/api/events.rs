//! `GET /v1/events/{id}`: one event.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;

use super::super::answer::Failure;
use super::super::state::Shared;
use super::given::{answered, to_json};
use crate::event::EventId;

pub(super) async fn event(
    State(state): State<Shared>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Failure> {
    let Path(id) = id.map_err(|_| Failure::invalid("id: must be UTF-8"))?;
    let id: EventId = id.parse()?;
    let event = state.read(move |store| store.event(id)?.map(|event| to_json(&event)).transpose());
    let event = event.await?.ok_or_else(|| Failure::not_found("there is no event of this id"))?;
    Ok(answered(event))
}
