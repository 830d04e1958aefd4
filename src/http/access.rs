//! Who may call.
//!
//! Owns: where a request has its token, what is answered without the right one, and which pages may have a browser log.
//! Does not own which tokens are right (`settings`), nor which pages may read an answer (`layers`).

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use super::answer::Failure;
use super::settings::Tokens;
use super::state::{self, Shared};

/// From where a page comes that has a browser ask, as the browser says.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether a request may read.
pub(super) fn check_read(state: &state::State, headers: &HeaderMap) -> Result<(), Failure> {
    check(state.settings.read_tokens.as_ref(), headers)
}

/// Whether a request may log.
pub(super) fn check_write(state: &state::State, headers: &HeaderMap) -> Result<(), Failure> {
    check_origin(&state.settings.origins, headers)?;
    check(state.settings.write_tokens.as_ref(), headers)
}

/// Refuses what a browser sends for a page of another origin that has not been allowed: it asks nobody before it sends
/// a plain form or the address of a picture.
fn check_origin(allowed: &[String], headers: &HeaderMap) -> Result<(), Failure> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let is_allowed =
        |origin: &str| allowed.iter().any(|allowed| allowed == "*" || allowed == origin);
    let own = |origin: &str| {
        let host = origin.split_once("://").map(|(_scheme, host)| host);
        host.is_some() && host == text(header::HOST)
    };
    let passes = match text(header::ORIGIN) {
        Some(origin) => is_allowed(origin) || own(origin),
        None => match text(SEC_FETCH_SITE) {
            Some("cross-site" | "same-site") => is_allowed("*"),
            _ => true,
        },
    };
    match passes {
        true => Ok(()),
        false => Err(Failure::forbidden("pages of this origin may not log; see --allow-origin")),
    }
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
pub(super) fn token(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let at = value.iter().position(|byte| *byte == b' ')?;
    let (scheme, token) = value.split_at(at);
    let known = [&b"bearer"[..], b"token"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    known.then(|| token.trim_ascii())
}

fn unauthorized(message: &str) -> Failure {
    Failure::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test says where")]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs =
            pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        pairs.collect()
    }

    #[test]
    fn a_page_of_another_origin_has_no_browser_log() {
        let allowed = ["https://walk.example".to_owned()];
        let passes = |pairs: &[_]| check_origin(&allowed, &headers(pairs)).is_ok();
        let host = ("host", "127.0.0.1:8888");
        assert!(passes(&[host]), "no browser");
        assert!(passes(&[host, ("origin", "http://127.0.0.1:8888")]), "its own page");
        assert!(passes(&[host, ("sec-fetch-site", "same-origin")]));
        assert!(passes(&[host, ("sec-fetch-site", "none")]), "typed by a person");
        let walk = [host, ("origin", "https://walk.example"), ("sec-fetch-site", "cross-site")];
        assert!(passes(&walk));
        for origin in ["https://other.example", "http://127.0.0.1:9999", "null", ""] {
            assert!(!passes(&[host, ("origin", origin)]), "{origin}");
        }
        assert!(!passes(&[host, ("sec-fetch-site", "cross-site")]), "a picture's address");
        let open = ["*".to_owned()];
        let picture = headers(&[host, ("sec-fetch-site", "cross-site")]);
        assert!(check_origin(&open, &picture).is_ok());
    }

    #[test]
    fn a_token_is_found_in_either_form() {
        let found = |value| token(&headers(&[("authorization", value)])).map(<[u8]>::to_vec);
        for value in ["Bearer abc", "bearer  abc ", "Token abc", "TOKEN abc"] {
            assert_eq!(found(value).as_deref(), Some(&b"abc"[..]), "{value}");
        }
        for value in ["abc", "Basic abc", "Bearer"] {
            assert_eq!(found(value), None, "{value}");
        }
    }
}
