//! What can be asked: a plain value, and the values of its answers.
//!
//! Owns: [`Query`], [`Order`], [`Cursor`], [`GroupBy`] and [`Count`]. The rooms below it: `filter` (the
//! conditions), `region` (geometry), `plan`, `eval` (which rows match), `hits` (in which order), `rows` and
//! `scan` (as events, and as columns), `aggregate` (counts), `gaps` (days that cannot be read).

pub(crate) mod aggregate;
pub(crate) mod eval;
pub(crate) mod filter;
pub(crate) mod gaps;
mod hits;
pub(crate) mod plan;
pub(crate) mod region;
pub(crate) mod rows;
pub(crate) mod scan;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};
use crate::event::{Event, EventId};
use crate::time::{TimeRange, Timestamp};

pub use filter::{BoundingBox, Circle, Filter};

/// Which events, in which order, and how many: a plain value.
///
/// ```
/// use diurnal::{Filter, Order, Query};
///
/// let query = Query::new()
///     .filter(Filter::session(2894))
///     .filter(Filter::event_type("modify_stream"))
///     .order(Order::Descending)
///     .limit(10);
/// # let _ = query;
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Query {
    /// Which events.
    pub filter: Filter,
    /// In which order.
    pub order: Order,
    /// At most so many; all of them where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// Only events after this place in the order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Cursor>,
}

impl Query {
    /// Every event, oldest first.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Only events that also meet this filter.
    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = self.filter.and(filter);
        self
    }

    /// Only events that the store received from `from`, inclusive, to `to`, exclusive.
    #[must_use]
    pub fn between(self, from: Timestamp, to: Timestamp) -> Self {
        self.filter(Filter::ServerTime(TimeRange { from, to }))
    }

    /// In this order.
    #[must_use]
    pub fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// At most so many events.
    #[must_use]
    pub fn limit(mut self, events: u64) -> Self {
        self.limit = Some(events);
        self
    }

    /// Only events after this one in the order: what comes next.
    #[must_use]
    pub fn after(mut self, cursor: Cursor) -> Self {
        self.after = Some(cursor);
        self
    }
}

impl From<Filter> for Query {
    fn from(filter: Filter) -> Self {
        Self { filter, ..Self::default() }
    }
}

/// The order of results: by server time, and by id where that is equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Order {
    /// Oldest first.
    #[default]
    #[serde(rename = "asc")]
    Ascending,
    /// Newest first.
    #[serde(rename = "desc")]
    Descending,
}

/// A place in the order of results: an event that has been seen.
///
/// Resuming after it neither repeats nor skips an event that was there when it was seen, however
/// many arrive meanwhile. As text it is the event's server time in microseconds and its id,
/// `1795428000123456:89249420410880`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cursor {
    pub(crate) server_time: Timestamp,
    pub(crate) id: EventId,
}

impl From<&Event> for Cursor {
    fn from(event: &Event) -> Self {
        Self { server_time: event.server_time, id: event.id }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.server_time.as_micros(), self.id)
    }
}

impl FromStr for Cursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parsed = text.split_once(':').and_then(|(micros, id)| {
            let server_time = Timestamp::from_micros(micros.parse().ok()?);
            Some(Self { server_time, id: id.parse().ok()? })
        });
        parsed.ok_or_else(|| Error::invalid("cursor", "must be a cursor that a query gave", text))
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(Error::into_serde)
    }
}

/// What counts are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GroupBy {
    /// The session.
    Session,
    /// The event type.
    EventType,
    /// Each tag; an event counts once for each different tag it has.
    Tag,
    /// The UTC hour of the server time.
    Hour,
    /// The UTC day of the server time.
    Day,
    /// Buckets of this length of the server time, counted from 1970-01-01T00:00:00Z; at least a
    /// microsecond.
    Bucket(Duration),
}

/// How many events share a key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Count {
    /// A session id, event type or tag as it is; the start of an hour or bucket as
    /// `2026-11-23T10:00:00Z`, with a fraction where it has one; a day as `2026-11-23`.
    pub key: String,
    /// Events with this key.
    pub count: u64,
}
