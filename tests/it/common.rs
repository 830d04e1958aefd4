//! Goal: what the modules share. Method: a [`Draft`] is an event that a test means to log; a [`Model`]
//! is the public one of `diurnal::testing`, which takes drafts, and fails the test where a store disagrees
//! with it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::Arc;

use diurnal::testing::{self, strategies};
use diurnal::{
    Cursor, Day, Error, Event, EventId, Filter, GroupBy, ManualClock, NewEvent, Order, Query,
    Store, StoreBuilder, Timestamp, analysis,
};
use geo::{Distance, Haversine, Point};
use proptest::prelude::*;

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

/// What a store should hold: the public model, which takes drafts here.
#[derive(Debug, Clone, Default)]
pub(crate) struct Model(testing::Model);

impl Deref for Model {
    type Target = testing::Model;

    fn deref(&self) -> &testing::Model {
        &self.0
    }
}

impl DerefMut for Model {
    fn deref_mut(&mut self) -> &mut testing::Model {
        &mut self.0
    }
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
        let logged = drafts.iter().zip(ids).map(|(draft, id)| draft.logged(*id));
        self.acknowledge(logged).unwrap_or_else(|error| panic!("{error}"));
    }

    pub(crate) fn drop_day(&mut self, day: Day) {
        self.0.drop_day(day);
    }
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
    model.compare_all(store).unwrap_or_else(|error| panic!("{error}"));
}

pub(crate) fn assert_clean(store: &Store) {
    let report = store.check().unwrap();
    assert!(report.is_clean(), "{:#?}", report.problems);
}

/// Every kind of answer to a filter is the naive one.
pub(crate) fn assert_agrees(store: &Store, model: &Model, filter: &Filter) {
    let query = Query::from(filter.clone());
    let agreed = model.compare(store, &query);
    agreed.unwrap_or_else(|error| panic!("{error}"));
    let agreed = model.compare_events(store, &query.order(Order::Descending));
    agreed.unwrap_or_else(|error| panic!("{error}"));
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

/// The question of one session tells of each what the model has, and nothing of one that is not there.
pub(crate) fn assert_sessions(store: &Store, model: &Model) {
    for summary in model.sessions(&Filter::All) {
        let id = &summary.id;
        let question = analysis::Session::new(id);
        let report = store.ask(&question).unwrap().unwrap_or_else(|| panic!("session {id:?}"));
        let filter = Filter::session(id);
        let figures = &report.figures;
        assert_eq!(&figures.id, id);
        assert_eq!(
            (figures.first, figures.last, figures.events),
            (summary.first_seen, summary.last_seen, summary.events),
            "session {id:?}"
        );
        assert_eq!(report.by_type, model.count_by(&filter, GroupBy::EventType));
        let timeline = found(store, &question.timeline(&report));
        assert_same(&timeline, &model.matching(&filter), &format!("events of session {id:?}"));
    }
    assert_eq!(store.ask(&analysis::Session::new("nobody's session")).unwrap(), None);
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

/// An event to log that says when it was received.
pub(crate) fn draft() -> impl Strategy<Value = Draft> {
    (strategies::event(), strategies::timestamp()).prop_map(|(event, time)| {
        let mut model = testing::Model::default();
        model.log_events([event.server_time(time)], time).unwrap();
        let event = model.events.remove(0);
        Draft {
            session: event.session_id,
            kind: event.event_type,
            time,
            client_time: event.client_time,
            place: event.latitude.zip(event.longitude),
            tags: event.tags,
            data: event.data,
        }
    })
}

/// How many cases of a property test: `DIURNAL_PROPTEST_CASES`, or so many.
pub(crate) fn cases(unless_told: u32) -> u32 {
    let told = std::env::var("DIURNAL_PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    told.unwrap_or(unless_told)
}

pub(crate) use strategies::filter;
