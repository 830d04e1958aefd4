//! Events as query strings and as serde data.
//!
//! Owns: the keys and the spellings that events are read from, and which of them are absent. Does
//! not own how an event is written, which its serde derive says (`event`), nor the rules of its
//! values ([`NewEvent::validate`]).
//!
//! Invariants: what is read is what was given, or an error that names the field; nothing is
//! replaced silently. An [`Event`] that was written is read back equal.

use std::fmt;

use chrono::DateTime;
use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, EventId, Location, NewEvent};
use crate::time::Timestamp;

impl NewEvent {
    /// Reads the call that Roundware's clients log with: a query string, with or without its `?`, or
    /// the whole URL.
    ///
    /// The keys are `session_id`, `event_type`, `latitude`, `longitude`, `client_time`, `tags` or
    /// `tag_ids` (as `1,2,3`), `data`, and for an import `server_time`. An empty value is absent,
    /// other keys are ignored, of a repeated key the last value counts, and a fragment is dropped.
    ///
    /// ```
    /// use diurnal::NewEvent;
    ///
    /// let event = NewEvent::from_query(
    ///     "?operation=log_event&session_id=1&event_type=modify_stream&tags=1,2,3",
    /// )?;
    /// assert_eq!(event, NewEvent::new(1, "modify_stream").tags([1, 2, 3]));
    /// # Ok::<(), diurnal::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`], naming the field: where the session or the type is missing, where
    /// only one of latitude and longitude is given, and where a value is not UTF-8, not a number or
    /// not a time. The other rules are checked when the event is logged.
    pub fn from_query(query: &str) -> Result<Self> {
        Self::from_pairs(query_of(query), None)
    }

    /// As [`from_query`](Self::from_query) reads the query of a URL, without the time of the server, which is ignored:
    /// a client does not say it.
    #[cfg(feature = "http")]
    pub(crate) fn from_client_query(query: &str) -> Result<Self> {
        Self::from_pairs(query, Some("server_time"))
    }

    fn from_pairs(pairs: &str, ignored: Option<&str>) -> Result<Self> {
        let mut values = [const { None }; QUERY_KEYS.len()];
        for pair in pairs.split('&') {
            let Some((key, value)) = form_urlencoded::parse(pair.as_bytes()).next() else {
                continue;
            };
            if Some(&*key) == ignored {
                continue;
            }
            if let Some(place) = QUERY_KEYS.iter().position(|known| *known == key) {
                values[place] = Some((pair, value));
            }
        }
        for (key, value) in QUERY_KEYS.iter().zip(&values) {
            if let Some((pair, value)) = value {
                check_decoded(key, pair, value)?;
            }
        }
        let [
            session_id,
            event_type,
            server_time,
            client_time,
            latitude,
            longitude,
            tags,
            tag_ids,
            data,
        ] = values
            .map(|value| value.map(|(_, text)| text.into_owned()).filter(|text| !text.is_empty()));
        let degrees =
            |field, text: Option<String>| text.map(|text| parse_degrees(field, &text)).transpose();
        Fields {
            id: None,
            server_time: server_time.as_deref().map(parse_server_time).transpose()?,
            session_id,
            event_type,
            client_time,
            latitude: degrees("latitude", latitude)?,
            longitude: degrees("longitude", longitude)?,
            tags: tags.as_deref().map(parse_tags).unwrap_or_default(),
            tag_ids: tag_ids.as_deref().map(parse_tags).unwrap_or_default(),
            data,
        }
        .into_new_event()
    }
}

/// The keys of a query string that are not ignored.
const QUERY_KEYS: [&str; 9] = [
    "session_id",
    "event_type",
    "server_time",
    "client_time",
    "latitude",
    "longitude",
    "tags",
    "tag_ids",
    "data",
];

/// The query string in a text that may be a whole URL.
fn query_of(text: &str) -> &str {
    let text = text.split_once('#').map_or(text, |(before, _fragment)| before);
    // A question mark belongs to a value where a pair has begun before it, unless what stands before
    // it is the path of a URL, which may hold such signs.
    let is_url = |before: &str| {
        let scheme = before.split_once("://").map(|(scheme, _)| scheme);
        before.starts_with('/')
            || scheme.is_some_and(|scheme| scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()))
            || !before.contains(['=', '&'])
    };
    match text.split_once('?') {
        Some((before, query)) if is_url(before) => query,
        _ => text,
    }
}

/// Refuses a value in which decoding has put U+FFFD in the place of bytes that are not UTF-8.
fn check_decoded(field: &str, pair: &str, value: &str) -> Result<()> {
    let raw = pair.split_once('=').map_or("", |(_key, raw)| raw);
    let escaped = raw.as_bytes().windows(9).filter(|part| part.eq_ignore_ascii_case(b"%EF%BF%BD"));
    let sent = raw.matches(char::REPLACEMENT_CHARACTER).count() + escaped.count();
    if value.matches(char::REPLACEMENT_CHARACTER).count() > sent {
        return Err(Error::invalid(field, "must be UTF-8 once percent-decoded", raw));
    }
    Ok(())
}

/// Tags from comma text; blanks around them, and commas with nothing between them, do not count.
pub(crate) fn parse_tags(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect()
}

fn parse_degrees(field: &str, text: &str) -> Result<f64> {
    text.trim().parse().map_err(|_| Error::invalid(field, "must be a number", text))
}

/// Stricter than [`Timestamp::from_str`](std::str::FromStr): a date alone says no instant at which
/// a server received something.
fn parse_server_time(text: &str) -> Result<Timestamp> {
    match DateTime::parse_from_rfc3339(text) {
        Ok(time) => Ok(time.to_utc().into()),
        Err(_) => Err(Error::invalid(
            "server_time",
            "must be RFC 3339 with its zone, as 2026-11-23T10:00:00Z",
            text,
        )),
    }
}

fn missing(field: &str, rule: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("{field}: {rule}"))
}

fn required<T>(field: &str, value: Option<T>) -> Result<T> {
    value.ok_or_else(|| missing(field, "is required for an event"))
}

/// What has been read of an event; `None` and the empty list are absent.
#[derive(Default)]
struct Fields {
    id: Option<EventId>,
    server_time: Option<Timestamp>,
    session_id: Option<String>,
    event_type: Option<String>,
    client_time: Option<String>,
    latitude: Option<f64>,
    longitude: Option<f64>,
    tags: Vec<String>,
    tag_ids: Vec<String>,
    data: Option<String>,
}

impl Fields {
    fn into_new_event(self) -> Result<NewEvent> {
        let session_id = required("session_id", self.session_id)?;
        let event_type = required("event_type", self.event_type)?;
        let location = match (self.latitude, self.longitude) {
            (Some(latitude), Some(longitude)) => Some(Location { latitude, longitude }),
            (None, None) => None,
            (Some(_), None) => {
                return Err(missing("longitude", "is required where latitude is given"));
            }
            (None, Some(_)) => {
                return Err(missing("latitude", "is required where longitude is given"));
            }
        };
        Ok(NewEvent {
            session_id,
            event_type,
            server_time: self.server_time,
            client_time: self.client_time,
            location,
            tags: if self.tags.is_empty() { self.tag_ids } else { self.tags },
            data: self.data,
        })
    }

    fn into_event(self) -> Result<Event> {
        let id = required("id", self.id)?;
        let server_time = required("server_time", self.server_time)?;
        let event = self.into_new_event()?;
        Ok(Event {
            id,
            server_time,
            session_id: event.session_id,
            event_type: event.event_type,
            client_time: event.client_time,
            latitude: event.location.map(|location| location.latitude),
            longitude: event.location.map(|location| location.longitude),
            tags: event.tags,
            data: event.data,
        })
    }
}

impl<'de> Deserialize<'de> for NewEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = deserializer.deserialize_map(FieldsVisitor { reads_id: false })?;
        fields.into_new_event().map_err(Error::into_serde)
    }
}

/// Reads what the serde form of [`Event`] is written as, and the spellings that [`NewEvent`] may
/// have; `id` and `server_time` are required.
impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = deserializer.deserialize_map(FieldsVisitor { reads_id: true })?;
        fields.into_event().map_err(Error::into_serde)
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Key {
    Id,
    ServerTime,
    SessionId,
    EventType,
    ClientTime,
    Latitude,
    Longitude,
    Tags,
    TagIds,
    Data,
    #[serde(other)]
    Unknown,
}

struct FieldsVisitor {
    /// Whether the id is read: that of an event yet to be logged says nothing.
    reads_id: bool,
}

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event as a map of its fields")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        use Spelling::{Name, Number, Text};

        let mut fields = Fields::default();
        while let Some(key) = map.next_key()? {
            match key {
                Key::Id if self.reads_id => fields.id = map.next_value()?,
                Key::Id | Key::Unknown => {
                    map.next_value::<IgnoredAny>()?;
                }
                Key::ServerTime => {
                    let text = map.next_value_seed(Value("server_time", Text))?;
                    let time = text.as_deref().map(parse_server_time).transpose();
                    fields.server_time = time.map_err(Error::into_serde)?;
                }
                Key::SessionId => {
                    fields.session_id = map.next_value_seed(Value("session_id", Name))?;
                }
                Key::EventType => {
                    fields.event_type = map.next_value_seed(Value("event_type", Name))?;
                }
                Key::ClientTime => {
                    fields.client_time = map.next_value_seed(Value("client_time", Number))?;
                }
                Key::Latitude => fields.latitude = map.next_value_seed(Angle("latitude"))?,
                Key::Longitude => fields.longitude = map.next_value_seed(Angle("longitude"))?,
                Key::Tags => fields.tags = map.next_value_seed(Tags("tags"))?,
                Key::TagIds => fields.tag_ids = map.next_value_seed(Tags("tag_ids"))?,
                Key::Data => fields.data = map.next_value_seed(Value("data", Text))?,
            }
        }
        Ok(fields)
    }
}

/// What a text may be given as.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spelling {
    Text,
    /// Also as an integer.
    Name,
    /// Also as any number.
    Number,
}

/// Reads a field as its text, or as absent.
#[derive(Clone, Copy)]
struct Value(&'static str, Spelling);

impl<'de> DeserializeSeed<'de> for Value {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)?;
        f.write_str(match self.1 {
            Spelling::Text => " as a string",
            Spelling::Name => " as a string or an integer",
            Spelling::Number => " as a string or a number",
        })
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(text.to_owned()))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Self::Value, E> {
        Ok(Some(text))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
        match self.1 {
            Spelling::Text => Err(E::invalid_type(de::Unexpected::Signed(number), &self)),
            Spelling::Name | Spelling::Number => Ok(Some(number.to_string())),
        }
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
        match self.1 {
            Spelling::Text => Err(E::invalid_type(de::Unexpected::Unsigned(number), &self)),
            Spelling::Name | Spelling::Number => Ok(Some(number.to_string())),
        }
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Self::Value, E> {
        match self.1 {
            Spelling::Text | Spelling::Name => {
                Err(E::invalid_type(de::Unexpected::Float(number), &self))
            }
            Spelling::Number => Ok(Some(number.to_string())),
        }
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_none<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// Reads degrees, which may be in a string, or absent.
struct Angle(&'static str);

impl<'de> DeserializeSeed<'de> for Angle {
    type Value = Option<f64>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Angle {
    type Value = Option<f64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} as a number or a numeric string", self.0)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        parse_degrees(self.0, text).map(Some).map_err(Error::into_serde)
    }

    // Integers too large to be exact are far outside of what degrees may be.
    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Some(number as f64))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Some(number as f64))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Some(number))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_none<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// Reads tags; absent ones are an empty list.
struct Tags(&'static str);

impl<'de> DeserializeSeed<'de> for Tags {
    type Value = Vec<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tags {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} as a list of strings or integers, as comma text, or as an integer", self.0)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(parse_tags(text))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(vec![number.to_string()])
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(vec![number.to_string()])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let item = Value(self.0, Spelling::Name);
        let mut tags = Vec::new();
        while let Some(tag) = list.next_element_seed(item)? {
            tags.push(tag.ok_or_else(|| de::Error::invalid_type(de::Unexpected::Unit, &item))?);
        }
        Ok(tags)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_none<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test says where")]
mod tests;
