//! Every kind of answer, by looking at every event.
//!
//! Owns: [`matches`], the definition of each filter in a line, and the model's answers. Does not own the comparison
//! with a store's (`compare`).
//!
//! Invariant: nothing is shared with the code that a store answers with.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::SecondsFormat;
use geo::{Distance, Haversine, Intersects, Point};

use crate::event::Event;
use crate::query::aggregate::SessionSummary;
use crate::query::{BoundingBox, Circle, Count, Cursor, Filter, GroupBy, Order, Query};
use crate::testing::model::Model;
use crate::time::{TimeRange, Timestamp};

impl Model {
    /// The events that match, oldest first.
    #[must_use]
    pub fn matching(&self, filter: &Filter) -> Vec<Event> {
        let events = self.events.iter().filter(|event| matches(filter, event));
        let mut events: Vec<Event> = events.cloned().collect();
        events.sort_by_key(|event| (event.server_time, event.id));
        events
    }

    /// What `Store::query` gives.
    #[must_use]
    pub fn answer(&self, query: &Query) -> Vec<Event> {
        let mut events = self.matching(&query.filter);
        if query.order == Order::Descending {
            events.reverse();
        }
        if let Some(after) = query.after {
            events.retain(|event| match query.order {
                Order::Ascending => Cursor::from(event) > after,
                Order::Descending => Cursor::from(event) < after,
            });
        }
        let limit = query.limit.and_then(|limit| usize::try_from(limit).ok());
        events.truncate(limit.unwrap_or(usize::MAX));
        events
    }

    /// What `Store::count` gives.
    #[must_use]
    pub fn count(&self, filter: &Filter) -> u64 {
        self.events.iter().filter(|event| matches(filter, event)).count() as u64
    }

    /// What `Store::count_by` gives; nothing for a bucket of no length.
    #[must_use]
    pub fn count_by(&self, filter: &Filter, by: GroupBy) -> Vec<Count> {
        let events = self.matching(filter);
        let one = |text: &String| vec![text.clone()];
        match by {
            GroupBy::Session => largest_first(&events, |event| one(&event.session_id)),
            GroupBy::EventType => largest_first(&events, |event| one(&event.event_type)),
            GroupBy::Tag => largest_first(&events, |event| {
                event.tags.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect()
            }),
            GroupBy::Day => by_bucket(&events, 86_400_000_000, |text| text[..10].to_owned()),
            GroupBy::Hour => by_bucket(&events, 3_600_000_000, |text| text),
            GroupBy::Bucket(length) => match micros(length) {
                Some(length) => by_bucket(&events, length, |text| text),
                None => Vec::new(),
            },
        }
    }

    /// What `Store::sessions` gives.
    #[must_use]
    pub fn sessions(&self, filter: &Filter) -> Vec<SessionSummary> {
        let mut sessions = BTreeMap::<String, (Timestamp, Timestamp, u64)>::new();
        for event in self.matching(filter) {
            let time = event.server_time;
            let entry = sessions.entry(event.session_id).or_insert((time, time, 0));
            *entry = (entry.0.min(time), entry.1.max(time), entry.2 + 1);
        }
        let summary = |(id, (first_seen, last_seen, events))| SessionSummary {
            id,
            first_seen,
            last_seen,
            events,
        };
        let mut sessions: Vec<_> = sessions.into_iter().map(summary).collect();
        sessions.sort_by(|a, b| (a.first_seen, &a.id).cmp(&(b.first_seen, &b.id)));
        sessions
    }
}

/// Whether an event meets a filter, by the filter's definition.
#[must_use]
pub fn matches(filter: &Filter, event: &Event) -> bool {
    let within = |range: &TimeRange, time: Timestamp| range.from <= time && time < range.to;
    let place = event.latitude.zip(event.longitude);
    match filter {
        Filter::All => true,
        Filter::And(filters) => filters.iter().all(|filter| matches(filter, event)),
        Filter::Or(filters) => filters.iter().any(|filter| matches(filter, event)),
        Filter::Not(filter) => !matches(filter, event),
        Filter::Session(ids) => ids.contains(&event.session_id),
        Filter::EventType(names) => names.contains(&event.event_type),
        Filter::AnyTag(tags) => tags.iter().any(|tag| event.tags.contains(tag)),
        Filter::AllTags(tags) => tags.iter().all(|tag| event.tags.contains(tag)),
        Filter::ServerTime(range) => within(range, event.server_time),
        Filter::ClientTime(range) => event.client_instant().is_some_and(|time| within(range, time)),
        Filter::BoundingBox(bounds) => place.is_some_and(|place| in_box(bounds, place)),
        Filter::Polygon(polygons) => place.is_some_and(|(latitude, longitude)| {
            polygons.intersects(&Point::new(longitude, latitude))
        }),
        Filter::Circle(circle) => place.is_some_and(|place| in_circle(circle, place)),
        Filter::HasLocation(wanted) => place.is_some() == *wanted,
        Filter::DataContains(text) => event.data.as_ref().is_some_and(|data| data.contains(text)),
    }
}

/// Edges are inside, and 180 and -180 name one meridian.
fn in_box(bounds: &BoundingBox, (latitude, longitude): (f64, f64)) -> bool {
    let between = |longitude: f64| match bounds.west <= bounds.east {
        true => bounds.west <= longitude && longitude <= bounds.east,
        false => bounds.west <= longitude || longitude <= bounds.east,
    };
    let other_name = if longitude.abs() == 180.0 { -longitude } else { longitude };
    bounds.south <= latitude
        && latitude <= bounds.north
        && (between(longitude) || between(other_name))
}

fn in_circle(circle: &Circle, place: (f64, f64)) -> bool {
    metres((circle.latitude, circle.longitude), place) <= circle.metres
}

/// The great circle between two places, each a latitude and a longitude.
pub(crate) fn metres(a: (f64, f64), b: (f64, f64)) -> f64 {
    let metres = Haversine.distance(Point::new(a.1, a.0), Point::new(b.1, b.0));
    // Rounding at the antipode.
    if metres.is_nan() { std::f64::consts::PI * Haversine.radius() } else { metres }
}

/// Counts of the keys that events have, the largest first, ties by key.
fn largest_first(events: &[Event], keys: impl Fn(&Event) -> Vec<String>) -> Vec<Count> {
    let mut counts = BTreeMap::<String, u64>::new();
    for key in events.iter().flat_map(keys) {
        *counts.entry(key).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().map(|(key, count)| Count { key, count }).collect();
    counts.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.key.cmp(&b.key)));
    counts
}

/// Counts of stretches of so many microseconds, in order of time.
fn by_bucket(events: &[Event], micros: i64, name: impl Fn(String) -> String) -> Vec<Count> {
    let mut counts = BTreeMap::<i64, u64>::new();
    for event in events {
        *counts.entry(event.server_time.as_micros().div_euclid(micros)).or_default() += 1;
    }
    let count = |(bucket, count): (i64, u64)| {
        let start = Timestamp::from_micros(bucket * micros);
        let text = start.to_chrono().map(|time| time.to_rfc3339_opts(SecondsFormat::AutoSi, true));
        Count { key: name(text.unwrap_or_default()), count }
    };
    counts.into_iter().map(count).collect()
}

fn micros(length: Duration) -> Option<i64> {
    i64::try_from(length.as_micros()).ok().filter(|micros| *micros > 0)
}
