//! Goal: one naive answer to every question, shared by the modules. Method: a [`Draft`] is an event
//! that a test means to log; a [`Model`] keeps what was logged in a plain `Vec`, and answers each
//! query by looking at every event of it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use diurnal::{
    BoundingBox, Circle, Count, Cursor, Day, Error, Event, EventId, Filter, GroupBy, ManualClock,
    NewEvent, Order, Query, Store, StoreBuilder, TimeRange, Timestamp,
};
use geo::{Distance, Haversine, Intersects, LineString, MultiPolygon, Point, Polygon};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

pub(crate) const SECOND: i64 = 1_000_000;
pub(crate) const DAY: i64 = 86_400 * SECOND;

/// A day by its date.
pub(crate) fn day(date: &str) -> Day {
    date.parse().unwrap()
}

/// The day so many days later.
pub(crate) fn later(day: Day, days: u32) -> Day {
    Day::from_number(day.number() + days).unwrap()
}

/// An instant of a day, so many microseconds after its midnight.
pub(crate) fn at(day: Day, micros: i64) -> Timestamp {
    Timestamp::from_micros(day.start().as_micros() + micros)
}

/// A clock that stands at noon of a day, to be shared with a store.
pub(crate) fn noon(day: Day) -> Arc<ManualClock> {
    Arc::new(ManualClock::new(at(day, DAY / 2)))
}

/// A number from the environment, or this one.
pub(crate) fn number_from(variable: &str, default: u64) -> u64 {
    let wanted = std::env::var(variable).ok();
    wanted.map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{variable}: {text}")))
}

/// A builder of stores with the smallest blocks, so that few events make many.
pub(crate) fn small_blocks() -> StoreBuilder {
    Store::builder().block_rows(16)
}

/// Numbers that look random and are the same for the same seed (SplitMix64).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    /// A number from 0, inclusive, to 1, exclusive.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// An event that a test means to log.
#[derive(Debug, Clone, Default)]
pub(crate) struct Draft {
    pub(crate) session: String,
    pub(crate) kind: String,
    pub(crate) time: Timestamp,
    pub(crate) client_time: Option<String>,
    pub(crate) place: Option<(f64, f64)>,
    pub(crate) tags: Vec<String>,
    pub(crate) data: Option<String>,
}

impl Draft {
    pub(crate) fn new(session: impl ToString, kind: impl ToString, time: Timestamp) -> Self {
        Self { session: session.to_string(), kind: kind.to_string(), time, ..Self::default() }
    }

    /// One that is told from others by its number, with a bit of everything.
    pub(crate) fn numbered(number: usize, time: Timestamp) -> Self {
        let place = (!number.is_multiple_of(3)).then_some((
            f64::from((number % 170) as u32) - 85.0,
            f64::from((number % 350) as u32) - 175.0,
        ));
        Self {
            session: format!("session {}", number % 7),
            kind: ["heartbeat", "modify_stream", "client_error"][number % 3].to_owned(),
            time,
            client_time: number.is_multiple_of(2).then(|| format!("{}", 1_700_000_000 + number)),
            place,
            tags: (0..number % 4).map(|tag| tag.to_string()).collect(),
            data: (number % 5 != 4).then(|| format!("number {number}")),
        }
    }

    pub(crate) fn event(&self) -> NewEvent {
        let mut event = NewEvent::new(&self.session, &self.kind).server_time(self.time);
        if let Some(text) = &self.client_time {
            event = event.client_time(text);
        }
        if let Some((latitude, longitude)) = self.place {
            event = event.location(latitude, longitude);
        }
        if let Some(data) = &self.data {
            event = event.data(data);
        }
        event.tags(&self.tags)
    }

    pub(crate) fn logged(&self, id: EventId) -> Event {
        Event {
            id,
            server_time: self.time,
            session_id: self.session.clone(),
            event_type: self.kind.clone(),
            client_time: self.client_time.clone(),
            latitude: self.place.map(|place| place.0),
            longitude: self.place.map(|place| place.1),
            tags: self.tags.clone(),
            data: self.data.clone(),
        }
    }
}

/// What a store should hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct Model {
    pub(crate) events: Vec<Event>,
}

impl Model {
    /// Logs the events in the store as one batch and keeps them here.
    pub(crate) fn log(&mut self, store: &Store, drafts: &[Draft]) -> Vec<EventId> {
        let ids = store.log_events(drafts.iter().map(Draft::event)).unwrap();
        self.add(drafts, &ids);
        ids
    }

    pub(crate) fn add(&mut self, drafts: &[Draft], ids: &[EventId]) {
        assert_eq!(ids.len(), drafts.len(), "an id for each event");
        for (draft, id) in drafts.iter().zip(ids) {
            assert_eq!(Some(id.day()), Day::of(draft.time), "the id's day is that of server time");
        }
        let logged = drafts.iter().zip(ids).map(|(draft, id)| draft.logged(*id));
        self.events.extend(logged);
        let different: HashSet<_> = self.events.iter().map(|event| event.id).collect();
        assert_eq!(different.len(), self.events.len(), "no id is given twice");
    }

    pub(crate) fn drop_day(&mut self, day: Day) {
        self.events.retain(|event| event.id.day() != day);
    }

    /// What matches, oldest first.
    pub(crate) fn matching(&self, filter: &Filter) -> Vec<Event> {
        let mut events: Vec<_> =
            self.events.iter().filter(|event| matches(filter, event)).cloned().collect();
        events.sort_by_key(|event| (event.server_time, event.id));
        events
    }

    /// Sessions with their first and last time and number of events, in the order of `sessions()`.
    fn sessions(&self, filter: &Filter) -> Vec<(String, Timestamp, Timestamp, u64)> {
        let mut sessions = BTreeMap::<String, (Timestamp, Timestamp, u64)>::new();
        for event in self.matching(filter) {
            let time = event.server_time;
            let entry = sessions.entry(event.session_id).or_insert((time, time, 0));
            *entry = (entry.0.min(time), entry.1.max(time), entry.2 + 1);
        }
        let mut sessions: Vec<_> =
            sessions.into_iter().map(|(id, (first, last, n))| (id, first, last, n)).collect();
        sessions.sort_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)));
        sessions
    }
}

/// Whether an event meets a filter, by the filter's definition.
pub(crate) fn matches(filter: &Filter, event: &Event) -> bool {
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
        Filter::Circle(circle) => place.is_some_and(|place| {
            metres((circle.latitude, circle.longitude), place) <= circle.metres
        }),
        Filter::HasLocation(wanted) => place.is_some() == *wanted,
        Filter::DataContains(text) => event.data.as_ref().is_some_and(|data| data.contains(text)),
        other => unreachable!("no naive answer to {other:?}"),
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

/// The great circle between two places, each a latitude and a longitude.
pub(crate) fn metres(a: (f64, f64), b: (f64, f64)) -> f64 {
    let metres = Haversine.distance(Point::new(a.1, a.0), Point::new(b.1, b.0));
    // Rounding at the antipode.
    if metres.is_nan() { std::f64::consts::PI * Haversine.radius() } else { metres }
}

/// An event with its coordinates as bits: -0.0 is not 0.0 here.
fn exactly(event: &Event) -> (Event, Option<u64>, Option<u64>) {
    let bits = |degrees: Option<f64>| degrees.map(f64::to_bits);
    (event.clone(), bits(event.latitude), bits(event.longitude))
}

pub(crate) fn assert_same(found: &[Event], expected: &[Event], what: &str) {
    let first = found.iter().zip(expected).position(|(a, b)| exactly(a) != exactly(b));
    if first.is_none() && found.len() == expected.len() {
        return;
    }
    let place = first.unwrap_or(found.len().min(expected.len()));
    panic!(
        "{what}: {} events found, {} expected; at {place} found {:#?}, expected {:#?}",
        found.len(),
        expected.len(),
        found.get(place),
        expected.get(place)
    );
}

/// What a query gives, all of it.
pub(crate) fn found(store: &Store, query: &Query) -> Vec<Event> {
    try_found(store, query).unwrap_or_else(|error| panic!("{query:?}: {error}"))
}

pub(crate) fn try_found(store: &Store, query: &Query) -> Result<Vec<Event>, Error> {
    store.query(query)?.collect()
}

/// Everything in the store, oldest first.
pub(crate) fn everything(store: &Store) -> Vec<Event> {
    found(store, &Query::new())
}

/// The store gives everything that the model has and nothing else, and finds no fault in itself.
pub(crate) fn assert_holds(store: &Store, model: &Model) {
    assert_same(&everything(store), &model.matching(&Filter::All), "everything");
    assert_eq!(store.count(&Filter::All).unwrap(), model.events.len() as u64);
    assert_clean(store);
}

pub(crate) fn assert_clean(store: &Store) {
    let report = store.check().unwrap();
    assert!(report.is_clean(), "{:#?}", report.problems);
}

/// Every kind of answer to a filter is the naive one.
pub(crate) fn assert_agrees(store: &Store, model: &Model, filter: &Filter) {
    let mut expected = model.matching(filter);
    let query = Query::new().filter(filter.clone());
    let what = format!("{filter:?}");
    assert_same(&found(store, &query), &expected, &what);
    let ids: Vec<_> = store.ids(&query).unwrap().map(Result::unwrap).collect();
    assert!(ids.iter().eq(expected.iter().map(|event| &event.id)), "ids of {what}");
    assert_eq!(store.count(filter).unwrap(), expected.len() as u64, "count of {what}");
    for by in [GroupBy::Session, GroupBy::EventType, GroupBy::Tag] {
        let counts = store.count_by(filter, by).unwrap();
        assert_eq!(counts, counts_of_keys(&expected, by), "count by {by:?} of {what}");
    }
    assert_times_agree(store, &expected, filter);
    let sessions = store.sessions(filter).unwrap().into_iter();
    let sessions: Vec<_> =
        sessions.map(|it| (it.id, it.first_seen, it.last_seen, it.events)).collect();
    assert_eq!(sessions, model.sessions(filter), "sessions of {what}");
    expected.reverse();
    let query = query.order(Order::Descending);
    assert_same(&found(store, &query), &expected, &format!("descending, {what}"));
}

/// Counts by stretches of time are the naive ones.
fn assert_times_agree(store: &Store, expected: &[Event], filter: &Filter) {
    let counts = store.count_by(filter, GroupBy::Day).unwrap();
    let days = counts_in_order(expected, |event| event.id.day().to_string());
    assert_eq!(counts, days, "count by day of {filter:?}");
    let counts = store.count_by(filter, GroupBy::Hour).unwrap();
    let hours = counts_in_order(expected, |event| {
        event.server_time.to_chrono().unwrap().format("%Y-%m-%dT%H:00:00Z").to_string()
    });
    assert_eq!(counts, hours, "count by hour of {filter:?}");
    for length in [Duration::from_millis(1500), Duration::from_secs(7 * 86_400)] {
        let counts = store.count_by(filter, GroupBy::Bucket(length)).unwrap().into_iter();
        let counts: Vec<_> =
            counts.map(|it| (it.key.parse::<Timestamp>().unwrap(), it.count)).collect();
        let micros = length.as_micros() as i64;
        let mut buckets = BTreeMap::new();
        for event in expected {
            let bucket = event.server_time.as_micros().div_euclid(micros) * micros;
            *buckets.entry(Timestamp::from_micros(bucket)).or_insert(0_u64) += 1;
        }
        let buckets: Vec<_> = buckets.into_iter().collect();
        assert_eq!(counts, buckets, "count by {length:?} of {filter:?}");
    }
}

/// The largest first, ties by key.
fn counts_of_keys(events: &[Event], by: GroupBy) -> Vec<Count> {
    let mut keys = Vec::new();
    for event in events {
        match by {
            GroupBy::Session => keys.push(event.session_id.clone()),
            GroupBy::EventType => keys.push(event.event_type.clone()),
            _ => keys.extend(event.tags.iter().cloned().collect::<HashSet<_>>()),
        }
    }
    let mut counts = BTreeMap::new();
    for key in keys {
        *counts.entry(key).or_insert(0_u64) += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().map(|(key, count)| Count { key, count }).collect();
    counts.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.key.cmp(&b.key)));
    counts
}

/// In order of time; the keys sort as the times do.
fn counts_in_order(events: &[Event], key: impl Fn(&Event) -> String) -> Vec<Count> {
    let mut counts = BTreeMap::new();
    for event in events {
        *counts.entry(key(event)).or_insert(0_u64) += 1;
    }
    counts.into_iter().map(|(key, count)| Count { key, count }).collect()
}

/// Reading page after page, each from the cursor of the one before, gives the whole in order.
pub(crate) fn assert_pages(store: &Store, model: &Model, query: &Query, page: u64) {
    let mut expected = model.matching(&query.filter);
    if query.order == Order::Descending {
        expected.reverse();
    }
    let mut events = Vec::new();
    let mut next = query.clone().limit(page);
    loop {
        let part = found(store, &next);
        assert!(part.len() as u64 <= page, "at most the limit of {next:?}");
        let Some(last) = part.last() else { break };
        let cursor: Cursor = Cursor::from(last).to_string().parse().unwrap();
        next = next.after(cursor);
        events.extend(part);
    }
    assert_same(&events, &expected, &format!("pages of {page} of {query:?}"));
}

/// `session` tells of each session what the model has, and nothing of one that is not there.
pub(crate) fn assert_sessions(store: &Store, model: &Model) {
    for (id, first, last, count) in model.sessions(&Filter::All) {
        let session = store.session(&id).unwrap().unwrap_or_else(|| panic!("session {id:?}"));
        let events = model.matching(&Filter::session(&id));
        assert_eq!(session.id, id);
        assert_eq!(
            (session.first_seen, session.last_seen, session.event_count),
            (first, last, count),
            "session {id:?}"
        );
        assert_eq!(session.counts_by_type, counts_of_keys(&events, GroupBy::EventType));
        let found: Vec<_> = session.events().unwrap().map(Result::unwrap).collect();
        assert_same(&found, &events, &format!("events of session {id:?}"));
    }
    assert!(store.session("nobody's session").unwrap().is_none());
}

/// A copy of a store's directory that is closed.
pub(crate) fn copy_store(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_store(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

// What follows makes events and filters that meet often, on the edges above all.

const SESSIONS: [&str; 9] = [
    "1",
    "-7",
    "007",
    "e\u{301}",
    "\u{e9}",
    "two words",
    "\u{202e}\u{1d4ae}\u{1f469}\u{200d}\u{1f680}",
    "a session whose id is as long as ids may be: 128 bytes, every one of them counted and each of them kept, to the very last of all",
    "%",
];
const KINDS: [&str; 5] = ["heartbeat", "modify_stream", "client_error", "Ünïcode type", "\u{feff}"];
const TAGS: [&str; 7] = ["1", "2", "3", "01", "a,b", " padded ", "\u{1f333}"];
const WORDS: [&str; 6] =
    ["timeout", "time", "\"quoted\"", "line\nbreak\0nul", "Größe", "\u{1f333}"];
const LATITUDES: [f64; 8] = [-90.0, -45.5, -0.0, 0.0, 1.0, 40.0, 40.25, 90.0];
const LONGITUDES: [f64; 9] = [-180.0, -179.5, -0.0, 0.0, 1.0, 116.25, 116.5, 179.5, 180.0];
const DATES: [&str; 7] = [
    "1970-01-01",
    "2026-11-22",
    "2026-11-23",
    "2026-11-24",
    "2026-11-25",
    "2027-03-01",
    "2106-02-07",
];

fn texts(of: &'static [&'static str]) -> impl Strategy<Value = String> {
    select(of).prop_map(str::to_owned)
}

/// Instants of a few days, often equal, often at a day's very ends.
pub(crate) fn instant() -> impl Strategy<Value = Timestamp> {
    let date = prop_oneof![1 => select(&DATES[..]), 4 => select(&DATES[1..4])];
    let micros = prop_oneof![
        1 => select(vec![0, 1, DAY - 1]),
        2 => (0_i64..8).prop_map(|n| n * 3 * 3_600 * SECOND),
        2 => (0_i64..40).prop_map(|n| DAY / 2 + n * 250_000),
        2 => 0..DAY,
    ];
    (date, micros).prop_map(|(date, micros)| at(day(date), micros))
}

fn client_time() -> impl Strategy<Value = String> {
    let written = (instant(), 0..7).prop_map(|(time, form)| {
        let time = time.to_chrono().unwrap();
        match form {
            0 => time.to_rfc3339(),
            1 => time.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
            2 => time.format("%Y-%m-%d %H:%M:%S").to_string(),
            3 => time.format("%Y-%m-%dT%H:%M:%S%.3f+0200").to_string(),
            4 => time.to_rfc2822(),
            5 => time.timestamp().to_string(),
            _ => time.timestamp_millis().to_string(),
        }
    });
    let unreadable = texts(&["yesterday", "0000-00-00 00:00:00", " ", "12:30 ☕", "\n", "NaN"]);
    prop_oneof![4 => written, 1 => unreadable]
}

/// A latitude and a longitude: on edges, in a city, anywhere.
pub(crate) fn place() -> impl Strategy<Value = (f64, f64)> {
    prop_oneof![
        3 => (select(&LATITUDES[..]), select(&LONGITUDES[..])),
        2 => (39.9_f64..40.3, 116.2_f64..116.6),
        1 => (-90.0_f64..=90.0, -180.0_f64..=180.0),
    ]
}

fn data() -> impl Strategy<Value = String> {
    let long = (vec(texts(&WORDS), 0..6), select(vec!["", " ", "x"]));
    prop_oneof![1 => Just(String::new()), 4 => long.prop_map(|(words, by)| words.join(by))]
}

pub(crate) fn draft() -> impl Strategy<Value = Draft> {
    let names = (texts(&SESSIONS), texts(&KINDS));
    let times = (instant(), option::of(client_time()));
    let rest = (option::of(place()), vec(texts(&TAGS), 0..5), option::of(data()));
    (names, times, rest).prop_map(|((session, kind), (time, client_time), rest)| {
        let (place, tags, data) = rest;
        Draft { session, kind, time, client_time, place, tags, data }
    })
}

fn time_range() -> impl Strategy<Value = TimeRange> {
    let end = || prop_oneof![5 => instant(), 1 => select(vec![Timestamp::MIN, Timestamp::MAX])];
    (end(), end(), 0..10).prop_map(|(a, b, turned)| match turned {
        // Turned about, it holds nothing.
        0 => TimeRange { from: a.max(b), to: a.min(b) },
        _ => TimeRange { from: a.min(b), to: a.max(b) },
    })
}

fn bounding_box() -> impl Strategy<Value = BoundingBox> {
    (place(), place()).prop_map(|(a, b)| BoundingBox {
        west: a.1,
        south: a.0.min(b.0),
        east: b.1,
        north: a.0.max(b.0),
    })
}

/// Circles whose edge often passes through a place that events have.
fn circle() -> impl Strategy<Value = Circle> {
    let radius = prop_oneof![
        2 => place().prop_map(Ok),
        1 => select(vec![0.0, 1.0, 5e3, 2e6, 1.2e7, 3e7]).prop_map(Err),
    ];
    (place(), radius).prop_map(|(centre, radius)| Circle {
        latitude: centre.0,
        longitude: centre.1,
        metres: radius.map_or_else(|metres| metres, |place| metres(centre, place)),
    })
}

fn ring(places: Vec<(f64, f64)>) -> LineString<f64> {
    places.into_iter().map(|(latitude, longitude)| (longitude, latitude)).collect()
}

fn polygon() -> impl Strategy<Value = Polygon<f64>> {
    let corners = |a: (f64, f64), b: (f64, f64)| vec![a, (a.0, b.1), b, (b.0, a.1)];
    let rectangle =
        (place(), place()).prop_map(move |(a, b)| Polygon::new(ring(corners(a, b)), Vec::new()));
    let holed = (place(), place(), 0.0_f64..0.5).prop_map(move |(a, b, part)| {
        let inward = |from: f64, to: f64| from + (to - from) * part;
        let hole =
            corners((inward(a.0, b.0), inward(a.1, b.1)), (inward(b.0, a.0), inward(b.1, a.1)));
        Polygon::new(ring(corners(a, b)), vec![ring(hole)])
    });
    // Often concave, sometimes crossing itself.
    let any = vec(place(), 3..9).prop_map(|places| Polygon::new(ring(places), Vec::new()));
    prop_oneof![rectangle, holed, any]
        // Rings of fewer than four points are refused; those need three different places.
        .prop_filter("a ring needs four points", |polygon| {
            std::iter::once(polygon.exterior())
                .chain(polygon.interiors())
                .all(|ring| ring.0.len() >= 4)
        })
}

/// A condition that does not nest.
fn condition() -> impl Strategy<Value = Filter> {
    let unknown = || Just("never logged".to_owned());
    let sessions = vec(prop_oneof![8 => texts(&SESSIONS), 1 => unknown()], 0..4);
    let kinds = vec(prop_oneof![8 => texts(&KINDS), 1 => unknown()], 0..4);
    let tags = || vec(prop_oneof![8 => texts(&TAGS), 1 => unknown()], 0..4);
    prop_oneof![
        1 => Just(Filter::All),
        3 => sessions.prop_map(Filter::Session),
        3 => kinds.prop_map(Filter::EventType),
        2 => tags().prop_map(Filter::AnyTag),
        2 => tags().prop_map(Filter::AllTags),
        3 => time_range().prop_map(Filter::ServerTime),
        3 => time_range().prop_map(Filter::ClientTime),
        3 => bounding_box().prop_map(Filter::BoundingBox),
        3 => vec(polygon(), 0..3).prop_map(|all| Filter::Polygon(MultiPolygon(all))),
        3 => circle().prop_map(Filter::Circle),
        1 => any::<bool>().prop_map(Filter::HasLocation),
        2 => texts(&["time", "\"", "\0", "ö", "imeoutl", "\u{1f333}", "never"])
            .prop_map(Filter::DataContains),
    ]
}

/// Any filter.
pub(crate) fn filter() -> impl Strategy<Value = Filter> {
    condition().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Filter::And),
            vec(inner.clone(), 0..4).prop_map(Filter::Or),
            inner.prop_map(Filter::not),
        ]
    })
}
