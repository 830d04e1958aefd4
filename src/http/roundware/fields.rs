//! What a request holds.
//!
//! Owns: [`Parameters`], the fields of a query or a form; and the body of a request as a form or as a JSON object. Does
//! not own how an event is read from them (`wire`).

use std::borrow::Cow;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use form_urlencoded::Serializer;
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::http::answer::Failure;

/// Pairs in the order given. An empty value is absent, and of a repeated key the last value counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Parameters<'t>(Vec<(Cow<'t, str>, Cow<'t, str>)>);

impl<'t> Parameters<'t> {
    pub(super) fn parse(text: &'t str) -> Self {
        Self(form_urlencoded::parse(text.as_bytes()).collect())
    }

    /// Whether the key is there, though its value may be empty.
    pub(super) fn has(&self, key: &str) -> bool {
        self.0.iter().any(|(known, _)| known == key)
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        let value = self.0.iter().rev().find(|(known, _)| known == key);
        value.map(|(_, value)| value.as_ref()).filter(|value| !value.is_empty())
    }

    /// The value as a whole number of at least 0.
    pub(super) fn number(&self, key: &str) -> Result<Option<u64>> {
        let parse = |text: &str| {
            text.parse().map_err(|_| Error::invalid(key, "must be a number of at least 0", text))
        };
        self.get(key).map(parse).transpose()
    }

    /// As a query with other values for some keys.
    pub(super) fn with(&self, values: &[(&str, String)]) -> String {
        let others = |key: &str| !values.iter().any(|(other, _)| *other == key);
        let mut query = Serializer::new(String::new());
        query.extend_pairs(self.0.iter().filter(|(key, _)| others(key)));
        query.extend_pairs(values);
        query.finish()
    }
}

/// The form in the body of a request with these headers as the text of a query; empty where there is no body.
pub(super) async fn form(headers: &HeaderMap, request: Request) -> Result<String, Failure> {
    let body = body(request).await?;
    if body.is_empty() {
        return Ok(String::new());
    }
    match media_type(headers) {
        None | Some("application/x-www-form-urlencoded") => Ok(escaped(&body)),
        Some(other) => Err(unsupported(other)),
    }
}

/// The JSON object in the body of a request. Other media types are refused: a browser sends some of them from any
/// page without asking.
pub(super) async fn object(mut request: Request) -> Result<Map<String, Value>, Failure> {
    let headers = std::mem::take(request.headers_mut());
    let body = body(request).await?;
    match media_type(&headers) {
        Some(kind) if kind.eq_ignore_ascii_case("application/json") => {}
        other => return Err(unsupported(other.unwrap_or_default())),
    }
    serde_json::from_slice(&body)
        .map_err(|error| Failure::invalid(format!("JSON parse error - {error}")))
}

async fn body(request: Request) -> Result<Bytes, Failure> {
    Bytes::from_request(request, &()).await.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Failure::too_large("the body is larger than 1 MiB"),
        _ => Failure::invalid("the body could not be read"),
    })
}

/// The media type without its parameters.
fn media_type(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    value.split(';').next().map(str::trim)
}

fn unsupported(media_type: &str) -> Failure {
    let message = format!("Unsupported media type {media_type:?} in request.");
    Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message)
}

/// A form as a client may send it, with what a query cannot hold escaped, so that nothing of it is cut off.
fn escaped(form: &[u8]) -> String {
    form.iter().fold(String::with_capacity(form.len()), |mut text, byte| {
        match byte {
            b'#' | 0x80.. => text += &format!("%{byte:02X}"),
            byte => text.push(char::from(*byte)),
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_counts_and_an_empty_one_is_absent() {
        let fields = Parameters::parse("a=1&b=&a=2&c=x%20y&d=7&d=");
        assert_eq!(fields.get("a"), Some("2"));
        assert_eq!((fields.get("b"), fields.has("b")), (None, true));
        assert_eq!((fields.get("d"), fields.has("e")), (None, false));
        assert_eq!(fields.with(&[("a", "3&".to_owned())]), "b=&c=x+y&d=7&d=&a=3%26");
    }

    #[test]
    fn a_form_keeps_what_a_query_would_lose() {
        assert_eq!(escaped("data=a#b&x=é".as_bytes()), "data=a%23b&x=%C3%A9");
        assert_eq!(escaped(b"data=\xff"), "data=%FF");
    }
}
