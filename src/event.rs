//! An event, before and after it is logged.
//!
//! Owns: [`NewEvent`] and the rules that an event must keep, [`Event`], [`EventId`], and the names of
//! the primary event types. Does not own how events are written as JSON lines, CSV or query strings
//! (`wire`), nor as bytes (`codec`).
//!
//! Invariant: what passes [`NewEvent::validate`] can be stored, indexed and read back unchanged.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::client_time;
use crate::error::{Error, Result};
use crate::limits::{
    CLIENT_TIME_BYTES_MAX, EVENT_TYPE_BYTES_MAX, SESSION_ID_BYTES_MAX, TAG_BYTES_MAX, TAGS_MAX,
};
use crate::time::{Day, Timestamp};

/// The primary event types of Roundware; any other name is as welcome.
pub mod event_type {
    /// A participant begins to record.
    pub const START_RECORD: &str = "start_record";
    /// A participant stops recording.
    pub const STOP_RECORD: &str = "stop_record";
    /// A participant begins to listen.
    pub const START_STREAM: &str = "start_stream";
    /// A participant stops listening.
    pub const STOP_STREAM: &str = "stop_stream";
    /// A recording begins to be sent.
    pub const START_UPLOAD: &str = "start_upload";
    /// A recording has been sent.
    pub const STOP_UPLOAD: &str = "stop_upload";
    /// Something went wrong at the client; the data is most often its message.
    pub const CLIENT_ERROR: &str = "client_error";
    /// The session has been cleared away.
    pub const CLEANUP_SESSION: &str = "cleanup_session";
    /// The client is still there.
    pub const HEARTBEAT: &str = "heartbeat";
    /// A participant chooses what to hear; the tags are the choice.
    pub const MODIFY_STREAM: &str = "modify_stream";
    /// A session begins.
    pub const START_SESSION: &str = "start_session";

    /// A recording begins to be heard: the client plays it, the participant has not asked for it.
    pub const START_ASSET: &str = "start_asset";
    /// A recording has been heard.
    pub const STOP_ASSET: &str = "stop_asset";

    /// Roundware's own: all but those of recordings that are heard.
    pub const PRIMARY: [&str; 11] = [
        START_RECORD,
        STOP_RECORD,
        START_STREAM,
        STOP_STREAM,
        START_UPLOAD,
        STOP_UPLOAD,
        CLIENT_ERROR,
        CLEANUP_SESSION,
        HEARTBEAT,
        MODIFY_STREAM,
        START_SESSION,
    ];
}

/// The number of an event: its UTC day and its place in that day's order of arrival.
///
/// As an integer it is the day's number shifted left by 32, or-ed with the ordinal. Ids sort by day,
/// stay below 2^53, and are never given twice once acknowledged.
///
/// ```
/// use diurnal::{Day, EventId};
///
/// let day: Day = "1970-01-02".parse()?;
/// let id = EventId::new(day, 7);
/// assert_eq!(id.as_u64(), (1 << 32) + 7);
/// assert_eq!(EventId::from_u64(id.as_u64()), Some(id));
/// # Ok::<(), diurnal::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    day: Day,
    ordinal: u32,
}

impl EventId {
    /// The id of the event with this ordinal on this day.
    #[must_use]
    pub const fn new(day: Day, ordinal: u32) -> Self {
        Self { day, ordinal }
    }

    /// From an integer; `None` where its day is past [`Day::MAX`].
    #[must_use]
    pub const fn from_u64(id: u64) -> Option<Self> {
        if id >> 32 > Day::MAX.number() as u64 {
            return None;
        }
        match Day::from_number((id >> 32) as u32) {
            Some(day) => Some(Self { day, ordinal: id as u32 }),
            None => None,
        }
    }

    /// As an integer.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        (self.day.number() as u64) << 32 | self.ordinal as u64
    }

    /// The UTC day of the event's server time.
    #[must_use]
    pub const fn day(self) -> Day {
        self.day
    }

    /// The event's place in the day's order of arrival, from 0.
    #[must_use]
    pub const fn ordinal(self) -> u32 {
        self.ordinal
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_u64().fmt(f)
    }
}

impl FromStr for EventId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        text.parse().ok().and_then(Self::from_u64).ok_or_else(|| {
            Error::invalid("id", "must be an event id, a number such as 89249420410880", text)
        })
    }
}

impl Serialize for EventId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.as_u64())
    }
}

impl<'de> Deserialize<'de> for EventId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let id = u64::deserialize(deserializer)?;
        Self::from_u64(id).ok_or_else(|| serde::de::Error::custom("no event has this id"))
    }
}

/// An event to be logged: a builder, and the value that `Store::log_event` takes.
///
/// ```
/// use diurnal::{NewEvent, event_type};
///
/// let event = NewEvent::new(1, event_type::MODIFY_STREAM)
///     .location(1.0, 1.0)
///     .tags([1, 2, 3])
///     .client_time("2026-11-23T10:00:00Z");
/// # let _ = event;
/// ```
///
/// Rules are checked when the event is logged: see the fields' methods. With serde it is read from
/// the same keys as [`Event`] is written with; `session_id` and tags may be numbers, tags may be
/// comma text, `tag_ids` is another name of `tags`, `null` is absent, unknown keys are ignored.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    pub(crate) session_id: String,
    pub(crate) event_type: String,
    pub(crate) server_time: Option<Timestamp>,
    pub(crate) client_time: Option<String>,
    pub(crate) location: Option<Location>,
    pub(crate) tags: Vec<String>,
    pub(crate) data: Option<String>,
}

/// A place in WGS 84 degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Location {
    pub(crate) latitude: f64,
    pub(crate) longitude: f64,
}

impl NewEvent {
    /// An event of this session, 1 to 128 bytes, and of this type, 1 to 64 bytes, neither with
    /// control characters. Integers are as good as strings.
    #[must_use]
    pub fn new(session_id: impl ToString, event_type: impl ToString) -> Self {
        Self {
            session_id: session_id.to_string(),
            event_type: event_type.to_string(),
            server_time: None,
            client_time: None,
            location: None,
            tags: Vec::new(),
            data: None,
        }
    }

    /// When the store received it, 1970 to 7711: for an import or a replay. Without it the store's
    /// clock says.
    #[must_use]
    pub fn server_time(mut self, time: Timestamp) -> Self {
        self.server_time = Some(time);
        self
    }

    /// The client's clock, 1 to 64 bytes, kept as given. What can be read from it is in
    /// [`Event::client_instant`].
    #[must_use]
    pub fn client_time(mut self, text: impl Into<String>) -> Self {
        self.client_time = Some(text.into());
        self
    }

    /// Where, in WGS 84 degrees: finite, latitude within ±90, longitude within ±180. Kept bit for
    /// bit.
    #[must_use]
    pub fn location(mut self, latitude: f64, longitude: f64) -> Self {
        self.location = Some(Location { latitude, longitude });
        self
    }

    /// One more tag, 1 to 64 bytes without control characters.
    #[must_use]
    pub fn tag(mut self, tag: impl ToString) -> Self {
        self.tags.push(tag.to_string());
        self
    }

    /// More tags, at most 256 in all. Order and repeats are kept.
    #[must_use]
    pub fn tags<T: ToString>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.tags.extend(tags.into_iter().map(|tag| tag.to_string()));
        self
    }

    /// Anything more, often an error's message: at most 64 KiB unless the store's setting says
    /// otherwise. The empty text is not the same as none.
    #[must_use]
    pub fn data(mut self, text: impl Into<String>) -> Self {
        self.data = Some(text.into());
        self
    }

    /// Checks every rule but the one of server time, which the store stamps.
    pub(crate) fn validate(&self, data_bytes_max: usize) -> Result<()> {
        check_name("session_id", &self.session_id, SESSION_ID_BYTES_MAX)?;
        check_name("event_type", &self.event_type, EVENT_TYPE_BYTES_MAX)?;
        if let Some(text) = &self.client_time {
            check_length("client_time", text, CLIENT_TIME_BYTES_MAX)?;
        }
        if let Some(Location { latitude, longitude }) = self.location {
            check_degrees("latitude", latitude, 90.0)?;
            check_degrees("longitude", longitude, 180.0)?;
        }
        if self.tags.len() > TAGS_MAX {
            let rule = format_args!("must be at most {TAGS_MAX}").to_string();
            return Err(Error::invalid("tags", rule, format_args!("{} tags", self.tags.len())));
        }
        for tag in &self.tags {
            check_name("tags", tag, TAG_BYTES_MAX)?;
        }
        match &self.data {
            Some(data) if data.len() > data_bytes_max => Err(Error::invalid(
                "data",
                format_args!("must be at most {data_bytes_max} bytes, is {}", data.len()),
                data,
            )),
            _ => Ok(()),
        }
    }
}

/// Checks a key that is indexed: a session id, an event type, a tag.
pub(crate) fn check_name(field: &str, text: &str, bytes_max: usize) -> Result<()> {
    check_length(field, text, bytes_max)?;
    let printable = |byte: u8| (b' '..=b'~').contains(&byte);
    if !text.bytes().all(printable) && text.chars().any(char::is_control) {
        return Err(Error::invalid(field, "must not hold control characters", text));
    }
    Ok(())
}

fn check_length(field: &str, text: &str, bytes_max: usize) -> Result<()> {
    if text.is_empty() || text.len() > bytes_max {
        let rule = format_args!("must be 1 to {bytes_max} bytes, is {}", text.len()).to_string();
        return Err(Error::invalid(field, rule, text));
    }
    Ok(())
}

fn check_degrees(field: &str, degrees: f64, bound: f64) -> Result<()> {
    // A comparison that NaN fails, too.
    if degrees.abs() <= bound {
        return Ok(());
    }
    Err(Error::invalid(field, format_args!("must be a number within ±{bound}"), degrees))
}

/// A logged event, as queries return it.
///
/// Its serde form has the keys in this order, absent fields left out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    /// Given by the store.
    pub id: EventId,
    /// When the store received it.
    pub server_time: Timestamp,
    /// The session it belongs to.
    pub session_id: String,
    /// What happened.
    pub event_type: String,
    /// The client's clock, as the client wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_time: Option<String>,
    /// Degrees north, WGS 84; present exactly where `longitude` is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latitude: Option<f64>,
    /// Degrees east, WGS 84; present exactly where `latitude` is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longitude: Option<f64>,
    /// In the order given, repeats included.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Anything more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
}

impl Event {
    /// The instant that the client's clock showed, where its text can be read: RFC 3339, ISO 8601
    /// without a zone (read as UTC), RFC 2822 or 822, or Unix seconds or milliseconds; a blank in
    /// the place of a zone's `+` is read as that `+`.
    #[must_use]
    pub fn client_instant(&self) -> Option<Timestamp> {
        self.client_time.as_deref().and_then(client_time::instant)
    }
}

impl From<Event> for NewEvent {
    /// The same event without its id, to be logged in another store at the same time.
    fn from(event: Event) -> Self {
        Self {
            session_id: event.session_id,
            event_type: event.event_type,
            server_time: Some(event.server_time),
            client_time: event.client_time,
            location: event
                .latitude
                .zip(event.longitude)
                .map(|(latitude, longitude)| Location { latitude, longitude }),
            tags: event.tags,
            data: event.data,
        }
    }
}
