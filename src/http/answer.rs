//! What is answered where a call fails.
//!
//! Owns: [`Failure`]: its kinds, their statuses, and its form under `/v1`. Does not own the forms that Roundware's
//! clients expect (`roundware`).
//!
//! Invariant: of what the machine or the store say of themselves nothing is answered but the kind; it is logged.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::error::{Error, ErrorKind};

/// Seconds after which a client may come again where nothing says more.
const RETRY_AFTER_SECONDS: u64 = 1;

/// Why a call was not carried out.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) status: StatusCode,
    pub(super) kind: &'static str,
    pub(super) message: String,
    /// Seconds to wait before the call is made again.
    pub(super) retry_after: Option<u64>,
}

impl Failure {
    pub(super) fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, message: message.into(), retry_after: None }
    }

    /// What was given breaks a rule.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_input", message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    pub(super) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", message)
    }

    pub(super) fn too_large(message: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
    }

    /// There is no room for the call now.
    pub(super) fn busy(message: impl Into<String>) -> Self {
        Self {
            retry_after: Some(RETRY_AFTER_SECONDS),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message)
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (status, kind, text) = described(error.kind());
        let message = match error.kind() {
            ErrorKind::InvalidInput | ErrorKind::NotFound => error.detail().to_owned(),
            _ => {
                tracing::error!(%error, "a call has failed");
                text.to_owned()
            }
        };
        let later = status == StatusCode::SERVICE_UNAVAILABLE;
        Self { status, kind, message, retry_after: later.then_some(RETRY_AFTER_SECONDS) }
    }
}

/// The status of a kind of error, its name, and what is said of it where its own words stay here.
fn described(kind: ErrorKind) -> (StatusCode, &'static str, &'static str) {
    use StatusCode as Status;

    match kind {
        ErrorKind::InvalidInput => (Status::BAD_REQUEST, "invalid_input", ""),
        ErrorKind::NotFound => (Status::NOT_FOUND, "not_found", ""),
        ErrorKind::ReadOnly => {
            (Status::FORBIDDEN, "read_only", "the store is open for reading only")
        }
        ErrorKind::Locked => {
            (Status::SERVICE_UNAVAILABLE, "locked", "the store is held by another process")
        }
        ErrorKind::DiskFull => (
            Status::INSUFFICIENT_STORAGE,
            "disk_full",
            "there is no room; the event was not logged",
        ),
        ErrorKind::OutcomeUnknown => (
            Status::SERVICE_UNAVAILABLE,
            "outcome_unknown",
            "a write has failed; the event may have been logged or not",
        ),
        ErrorKind::Poisoned => (
            Status::SERVICE_UNAVAILABLE,
            "poisoned",
            "an earlier write has failed; nothing is logged until the store is opened again",
        ),
        ErrorKind::TooManyFiles => {
            (Status::SERVICE_UNAVAILABLE, "too_many_files", "the service has too many files open")
        }
        ErrorKind::Corrupt => {
            (Status::INTERNAL_SERVER_ERROR, "corrupt", "a day that was asked for is damaged")
        }
        ErrorKind::Version => (
            Status::INTERNAL_SERVER_ERROR,
            "version",
            "a day that was asked for was written by a newer version",
        ),
        ErrorKind::Io => {
            (Status::INTERNAL_SERVER_ERROR, "io", "the store could not be read or written")
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let body = json!({ "error": { "kind": self.kind, "message": self.message } });
        let mut response = (self.status, Json(body)).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
