//! Who may call.
//!
//! Owns: where a request has its token, and what is answered without the right one. Does not own which tokens are
//! right (`settings`).

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use super::answer::Failure;
use super::settings::Tokens;
use super::state::{self, Shared};

/// Whether a request may read.
pub(super) fn check_read(state: &state::State, headers: &HeaderMap) -> Result<(), Failure> {
    check(state.settings.read_tokens.as_ref(), headers)
}

/// Whether a request may log.
pub(super) fn check_write(state: &state::State, headers: &HeaderMap) -> Result<(), Failure> {
    check(state.settings.write_tokens.as_ref(), headers)
}

/// Lets requests pass that may read.
pub(super) async fn reading(
    State(state): State<Shared>,
    request: Request,
    next: Next,
) -> Result<Response, Failure> {
    check_read(&state, request.headers())?;
    Ok(next.run(request).await)
}

/// Lets requests pass that may log.
pub(super) async fn writing(
    State(state): State<Shared>,
    request: Request,
    next: Next,
) -> Result<Response, Failure> {
    check_write(&state, request.headers())?;
    Ok(next.run(request).await)
}

fn check(tokens: Option<&Tokens>, headers: &HeaderMap) -> Result<(), Failure> {
    let Some(tokens) = tokens else { return Ok(()) };
    match token(headers) {
        Some(token) if tokens.contain(token) => Ok(()),
        Some(_) => Err(unauthorized("the token is not one of those that may do this")),
        None => Err(unauthorized("a token is needed, as Authorization: Bearer TOKEN")),
    }
}

/// What follows `Bearer`, or `Token` as Roundware's clients write it, in any case.
fn token(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let at = value.iter().position(|byte| *byte == b' ')?;
    let (scheme, token) = value.split_at(at);
    let known = [&b"bearer"[..], b"token"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    known.then(|| token.trim_ascii())
}

fn unauthorized(message: &str) -> Failure {
    Failure::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
}
