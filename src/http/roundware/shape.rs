//! Events as Roundware's clients read them.
//!
//! Owns: the fields of an event in each version, and how their values are written. Does not own what a client writes
//! (`wire`).
//!
//! Invariants: an absent field is `null`; coordinates are strings, which keep every digit; times are UTC without a zone
//! and with six decimals, so that their order is that of their texts.

use serde::Serialize;

use crate::event::{Event, EventId};
use crate::time::Timestamp;

/// The largest integer that JavaScript keeps exactly.
pub(super) const SAFE_INTEGER_MAX: u64 = (1 << 53) - 1;

/// An event of `get_events`.
#[derive(Debug, Serialize)]
pub(super) struct Operation<'a> {
    event_id: EventId,
    session_id: Session<'a>,
    event_type: &'a str,
    latitude: Option<String>,
    longitude: Option<String>,
    data: Option<&'a str>,
    tags: Option<String>,
    server_time: String,
}

/// An event of the list of version 1.
#[derive(Debug, Serialize)]
pub(super) struct Object<'a> {
    id: EventId,
    session: Session<'a>,
    event_type: &'a str,
    server_time: String,
    client_time: Option<&'a str>,
    latitude: Option<String>,
    longitude: Option<String>,
    tags: Option<String>,
    data: Option<&'a str>,
}

/// An event of version 2.
#[derive(Debug, Serialize)]
pub(super) struct Resource<'a> {
    id: EventId,
    server_time: Option<String>,
    client_time: Option<&'a str>,
    event_type: &'a str,
    data: Option<&'a str>,
    latitude: Option<String>,
    longitude: Option<String>,
    session_id: Session<'a>,
    tag_ids: Option<String>,
}

/// A session id: an integer where it was one, since a text that reads as one is the same session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(super) enum Session<'a> {
    Integer(i64),
    Text(&'a str),
}

impl<'a> From<&'a str> for Session<'a> {
    fn from(id: &'a str) -> Self {
        match id.parse::<i64>() {
            Ok(number) if number.unsigned_abs() <= SAFE_INTEGER_MAX && number.to_string() == id => {
                Self::Integer(number)
            }
            _ => Self::Text(id),
        }
    }
}

impl<'a> From<&'a Event> for Operation<'a> {
    fn from(event: &'a Event) -> Self {
        Self {
            event_id: event.id,
            session_id: event.session_id.as_str().into(),
            event_type: &event.event_type,
            latitude: event.latitude.map(degrees),
            longitude: event.longitude.map(degrees),
            data: event.data.as_deref(),
            tags: comma_text(&event.tags),
            server_time: time(event.server_time),
        }
    }
}

impl<'a> From<&'a Event> for Object<'a> {
    fn from(event: &'a Event) -> Self {
        Self {
            id: event.id,
            session: event.session_id.as_str().into(),
            event_type: &event.event_type,
            server_time: time(event.server_time),
            client_time: event.client_time.as_deref(),
            latitude: event.latitude.map(degrees),
            longitude: event.longitude.map(degrees),
            tags: comma_text(&event.tags),
            data: event.data.as_deref(),
        }
    }
}

impl<'a> From<&'a Event> for Resource<'a> {
    fn from(event: &'a Event) -> Self {
        Self {
            id: event.id,
            server_time: Some(time(event.server_time)),
            client_time: event.client_time.as_deref(),
            event_type: &event.event_type,
            data: event.data.as_deref(),
            latitude: event.latitude.map(degrees),
            longitude: event.longitude.map(degrees),
            session_id: event.session_id.as_str().into(),
            tag_ids: comma_text(&event.tags),
        }
    }
}

impl Resource<'_> {
    /// As of an event whose time is not known yet.
    pub(super) fn without_time(mut self) -> Self {
        self.server_time = None;
        self
    }
}

/// An instant, as `2017-06-07T22:41:50.556694`.
pub(super) fn time(time: Timestamp) -> String {
    let mut text = time.to_string();
    text.truncate(text.trim_end_matches('Z').len());
    text
}

/// Degrees as the shortest text that reads as the same number.
pub(super) fn degrees(degrees: f64) -> String {
    degrees.to_string()
}

fn comma_text(tags: &[String]) -> Option<String> {
    (!tags.is_empty()).then(|| tags.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_text_that_is_an_integers_own_is_one() {
        let cases = [("1", 1), ("-1", -1), ("0", 0), ("9007199254740991", 9_007_199_254_740_991)];
        for (text, number) in cases {
            assert_eq!(Session::from(text), Session::Integer(number));
        }
        for text in ["", "01", "+1", "-0", "1.0", "1e3", " 1", "9007199254740992", "kiosk 1"] {
            assert_eq!(Session::from(text), Session::Text(text));
        }
    }

    #[test]
    fn times_have_six_decimals_and_no_zone() {
        assert_eq!(time(Timestamp::from_micros(0)), "1970-01-01T00:00:00.000000");
        let micros = 1_496_875_310_556_694;
        assert_eq!(time(Timestamp::from_micros(micros)), "2017-06-07T22:41:50.556694");
        assert_eq!((degrees(1.0), degrees(-0.00001)), ("1".to_owned(), "-0.00001".to_owned()));
    }
}
