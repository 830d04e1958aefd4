//! `GET /v1/store`: the store in figures.

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};

use super::super::answer::Failure;
use super::super::state::Shared;
use super::given::{answered, to_json};
use crate::settings::Retention;

pub(super) async fn store(State(state): State<Shared>) -> Result<Response, Failure> {
    let retention = retention_json(&state.settings.retention);
    let has_failed = state.recorder.failure().is_some();
    let answer = state.read(move |store| {
        let mut info = store.info()?;
        // Where the files are is nobody's business.
        info.path = None;
        let writable = info.commits.is_some() && !has_failed;
        to_json(&json!({
            "info": info,
            "days": store.days()?,
            "retention": retention,
            "version": env!("CARGO_PKG_VERSION"),
            "now": store.now(),
            "writable": writable,
        }))
    });
    answer.await.map(answered)
}

/// What is kept; `null` where that is everything.
fn retention_json(retention: &Retention) -> Value {
    match *retention {
        Retention::KEEP_ALL => Value::Null,
        Retention { max_age_days, max_bytes } => {
            json!({ "max_age_days": max_age_days, "max_bytes": max_bytes })
        }
    }
}
