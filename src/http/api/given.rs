//! What a call is given, and what it gives back.
//!
//! Owns: bodies, parameters and answers as JSON, and what is refused of them. Does not own what they mean.
//!
//! Invariants: what is not understood is refused and named, not passed over; a refusal repeats little of what was
//! given.

use std::borrow::Cow;
use std::collections::HashMap;

use axum::body::{Body, Bytes};
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::de::{DeserializeOwned, Deserializer, Error as _, IgnoredAny, Visitor, value};
use serde::{Deserialize, Serialize, forward_to_deserialize_any};
use serde_json::{Value, json};

use super::super::answer::Failure;
use crate::error::Error;
use crate::query::gaps::{Gap, WithGaps};
use crate::store::Store;

pub(super) const JSON: &str = "application/json";
/// Characters of a message about a body, which may hold what was given.
const MESSAGE_CHARS_MAX: usize = 300;

/// A body of JSON.
pub(super) struct Given<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Given<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        check_type(request.headers(), &[JSON])?;
        let body = Bytes::from_request(request, state).await.map_err(unreadable)?;
        parse("body", &body).map(Self)
    }
}

/// Parameters of the address.
pub(super) struct Parameters<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Parameters<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(parameters)) => Ok(Self(parameters)),
            Err(rejection) => Err(invalid("parameters", &rejection.body_text())),
        }
    }
}

/// Whether an answer may leave out days that cannot be read.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Gaps {
    pub(super) allow_gaps: bool,
}

/// Refuses a body that is not said to be of a type, which is also what keeps pages of other origins from sending one
/// unasked.
pub(super) fn check_type(headers: &HeaderMap, types: &[&str]) -> Result<(), Failure> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|given| given.to_str().ok());
    let given = given.map(|given| given.split(';').next().unwrap_or_default().trim());
    match given.is_some_and(|given| types.iter().any(|it| it.eq_ignore_ascii_case(given))) {
        true => Ok(()),
        false => Err(Failure::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            format!("the body must be of the Content-Type {}", types.join(" or ")),
        )),
    }
}

fn unreadable(rejection: BytesRejection) -> Failure {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Failure::too_large("the body is larger than such a call may bring")
        }
        _ => Failure::invalid("body: could not be read to its end"),
    }
}

/// Reads a value, the keys of an object checked; a mistake is named with its place.
pub(super) fn parse<T: DeserializeOwned>(name: &str, text: &[u8]) -> Result<T, Failure> {
    check_keys::<T>(name, text)?;
    let mut json = serde_json::Deserializer::from_slice(text);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let place = error.path().to_string();
        let said = error.inner();
        match place.as_str() {
            "." | "?" => invalid(name, &said.to_string()),
            _ => invalid(name, &format!("{place}: {said}")),
        }
    })?;
    json.end().map_err(|error| invalid(name, &error.to_string()))?;
    Ok(value)
}

fn invalid(name: &str, message: &str) -> Failure {
    let message: String = message.chars().take(MESSAGE_CHARS_MAX).collect();
    Failure::invalid(format!("{name}: {message}"))
}

/// Refuses what is no object, and keys that it has none for: a mistyped filter would let every event through.
fn check_keys<T: DeserializeOwned>(name: &str, text: &[u8]) -> Result<(), Failure> {
    let mut known = None;
    // It fails in any case, once it was asked.
    let _ = T::deserialize(Names(&mut known));
    let Some(known) = known else { return Ok(()) };
    let keys: HashMap<Cow<'_, str>, IgnoredAny> =
        serde_json::from_slice(text).map_err(|error| invalid(name, &error.to_string()))?;
    match keys.keys().find(|key| !known.contains(&key.as_ref())) {
        None => Ok(()),
        Some(key) => {
            let key: String = key.chars().take(40).collect();
            Err(invalid(name, &format!("{key:?} is none of its keys: {}", known.join(", "))))
        }
    }
}

/// Takes note of the keys that a type has.
struct Names<'a>(&'a mut Option<&'static [&'static str]>);

impl<'de> Deserializer<'de> for Names<'_> {
    type Error = value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, value::Error> {
        Err(value::Error::custom("there is nothing to read"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, value::Error> {
        *self.0 = Some(fields);
        self.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// An answer that is JSON already.
pub(super) fn answered(json: Vec<u8>) -> Response {
    with_type(Body::from(json), JSON)
}

/// An answer of a type.
pub(super) fn with_type(body: Body, content_type: &'static str) -> Response {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// The answer to a question, as JSON; with the days that were left out, where that is allowed.
pub(super) fn answer_json<T: Serialize>(
    store: &Store,
    Gaps { allow_gaps }: Gaps,
    whole: impl FnOnce(&Store) -> Result<T, Error>,
    with_gaps: impl FnOnce(&Store) -> Result<WithGaps<T>, Error>,
) -> Result<Vec<u8>, Error> {
    #[derive(Serialize)]
    struct Found<T> {
        found: T,
        gaps: Vec<Value>,
    }
    match allow_gaps {
        false => to_json(&whole(store)?),
        true => {
            let WithGaps { found, gaps } = with_gaps(store)?;
            to_json(&Found { found, gaps: gaps_json(&gaps) })
        }
    }
}

pub(super) fn to_json(value: &impl Serialize) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(value).map_err(|error| Error::io("writing an answer", error.into()))
}

/// Days that were left out.
pub(super) fn gaps_json(gaps: &[Gap]) -> Vec<Value> {
    let gap = |gap: &Gap| json!({ "day": gap.day, "error": error_json(&gap.error) });
    gaps.iter().map(gap).collect()
}

/// An error as it is answered.
pub(super) fn error_json(error: &Error) -> Value {
    failure_json(&Failure::from(error.clone()))
}

pub(super) fn failure_json(failure: &Failure) -> Value {
    json!({ "kind": failure.kind, "message": failure.message })
}
