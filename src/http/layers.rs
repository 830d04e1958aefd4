//! What holds for every request.
//!
//! Owns: headers that every answer has, the time a call may take, panics, other origins and names, paces, and what is
//! counted and traced of a request. Does not own connections (`server`) nor tokens (`access`).
//!
//! Invariant: a client's address leaves the request nowhere: it is neither logged nor counted by.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{ConnectInfo, DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::answer::Failure;
use super::api::BATCHES;
use super::metrics::Call;
use super::pace::Pace;
use super::recorder;
use super::state::{self, Shared};

/// Bytes of a request that is no batch: an event whose data is the largest and wholly escaped.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// How long a browser may remember what another origin may do.
const CORS_AGE: Duration = Duration::from_secs(3600);

/// Headers of every answer that has not said otherwise.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Calls with what holds for all of them around, in one layer: axum copies what is under a layer for each request.
pub(super) fn around(calls: Router<Shared>, state: &Shared) -> Router<Shared> {
    let answered = middleware::from_fn_with_state(Arc::clone(state), answer);
    let calls = calls
        .method_not_allowed_fallback(wrong_method)
        .fallback(nothing_here)
        .layer((answered, DefaultBodyLimit::max(BODY_BYTES_MAX)));
    match &state.settings.origins[..] {
        [] => calls,
        origins => calls.layer(cors(origins)),
    }
}

/// Answers a request that is admitted, and says why where it is not.
async fn answer(State(state): State<Shared>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let call = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let call = call.unwrap_or_else(|| "none".to_owned());
    let method = request.method().clone();
    let answered = match admit(&state, &request) {
        Ok(()) => in_time(&state, &call, without_panic(next.run(request))).await,
        Err(failure) => Err(failure),
    };
    let mut response = answered.into_response();
    add_headers(&mut response);
    let (status, took) = (response.status().as_u16(), began.elapsed());
    tracing::debug!(%method, call, status, micros = took.as_micros() as u64, "answered");
    state.metrics.request_seconds.observe(took.as_secs_f64());
    state.metrics.requests.get_or_create(&Call { call, status }).inc();
    response
}

/// Refuses a request that calls the service by a name that is not its own, or a client that asks too much.
fn admit(state: &state::State, request: &Request) -> Result<(), Failure> {
    check_name(&state.settings.hosts, request)?;
    check_pace(state.pace.as_ref(), request)
}

async fn nothing_here() -> Failure {
    Failure::not_found("there is no such call")
}

async fn wrong_method() -> Failure {
    let message = "the call is there, but not with this method";
    Failure::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
}

/// The answer of a call, also where it panics.
async fn without_panic(call: impl Future<Output = Response>) -> Response {
    AssertUnwindSafe(call).catch_unwind().await.unwrap_or_else(|_words| {
        tracing::error!("a call has panicked");
        state::broken().into_response()
    })
}

/// Refuses what takes too long before its answer begins; a batch may take twice as long, since it is large.
async fn in_time(
    state: &state::State,
    path: &str,
    call: impl Future<Output = Response>,
) -> Result<Response, Failure> {
    // Where the service is nested, the path begins with that of the others.
    let times = if path.ends_with(BATCHES) { 2 } else { 1 };
    let patience = state.settings.patience.saturating_mul(times);
    let brought = Arc::new(AtomicBool::new(false));
    let call = recorder::noting(Arc::clone(&brought), call);
    let answered = tokio::time::timeout(patience, call).await;
    answered.map_err(|_| match brought.load(Ordering::Relaxed) {
        // It waits to be logged, and is.
        true => state::outcome_unknown(),
        false => Failure::new(StatusCode::REQUEST_TIMEOUT, "timeout", "the call took too long"),
    })
}

fn check_pace(pace: Option<&Pace>, request: &Request) -> Result<(), Failure> {
    let address = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let (Some(pace), Some(address)) = (pace, address) else { return Ok(()) };
    pace.check(address).map_err(|wait| {
        let message = "this client asks more often than it may";
        Failure {
            retry_after: Some(wait.as_secs() + 1),
            ..Failure::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", message)
        }
    })
}

fn check_name(known: &[String], request: &Request) -> Result<(), Failure> {
    if known.is_empty() {
        return Ok(());
    }
    // A whole address goes before the header.
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let host = request.uri().host().or(host).map(without_port);
    let is_known = |host: &str| known.iter().any(|known| known.eq_ignore_ascii_case(host));
    if host.is_some_and(is_known) {
        return Ok(());
    }
    let message = "the service is not called by this name";
    Err(Failure::new(StatusCode::MISDIRECTED_REQUEST, "misdirected", message))
}

/// The name in a `Host`, of which an address of version 6 keeps its brackets.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

fn add_headers(response: &mut Response) {
    let headers = response.headers_mut();
    headers.reserve(HEADERS.len());
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

/// Has pages of these origins call.
fn cors(origins: &[String]) -> CorsLayer {
    let layer = CorsLayer::new()
        .allow_methods([Method::GET, Method::POST, Method::PATCH, Method::PUT])
        .allow_headers([
            header::ACCEPT,
            header::AUTHORIZATION,
            header::CONTENT_ENCODING,
            header::CONTENT_TYPE,
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static("last-event-id"),
        ])
        .expose_headers([header::LINK, header::RETRY_AFTER])
        .max_age(CORS_AGE);
    if origins.iter().any(|origin| origin == "*") {
        return layer.allow_origin(tower_http::cors::Any);
    }
    let origins = origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
    layer.allow_origin(AllowOrigin::list(origins))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a failed test says where")]
mod tests {
    use axum::body::Body;
    use axum::routing::get;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;
    use crate::http::settings::Settings;
    use crate::store::Store;

    #[test]
    fn a_call_that_panics_is_answered_without_its_words() {
        let state = state::State::new(Store::in_memory().unwrap(), Settings::new()).unwrap();
        let state = Arc::new(state);
        async fn broken() -> &'static str {
            panic!("secret words")
        }
        let calls = around(Router::new().route("/broken", get(broken)), &state);
        let calls = calls.with_state(Arc::clone(&state));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let request = Request::get("/broken").body(Body::empty()).unwrap();
            let response = calls.oneshot(request).await.unwrap();
            assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
            assert_eq!(response.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
            let body = response.into_body().collect().await.unwrap().to_bytes();
            let body = String::from_utf8(body.to_vec()).unwrap();
            assert!(body.contains("\"internal\"") && !body.contains("secret"), "{body}");
        });
        let call = Call { call: "/broken".to_owned(), status: 500 };
        assert_eq!(state.metrics.requests.get_or_create(&call).get(), 1);
    }

    #[test]
    fn a_name_is_told_from_its_port() {
        for (host, name) in [
            ("kiosk", "kiosk"),
            ("kiosk:80", "kiosk"),
            ("[::1]", "[::1]"),
            ("[::1]:80", "[::1]"),
            ("kiosk:", "kiosk"),
        ] {
            assert_eq!(without_port(host), name);
        }
    }
}
