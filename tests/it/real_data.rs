//! Goal: real logs come in whole, and every filter over them is answered as a naive scan answers it.
//!
//! Method: each file of `examples/data/`, or of the directory that `DIURNAL_DATA` names, is read
//! twice: as `NewEvent`s for the store, and as plain JSON values for the model. Filters are drawn
//! from the values in the data by a seeded generator; at least 200 of them in all.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use std::path::{Path, PathBuf};

use diurnal::{
    BoundingBox, Circle, Event, Filter, GroupBy, NewEvent, Query, Store, TimeRange, Timestamp,
};
use geo::{LineString, Polygon};
use serde_json::Value;

use crate::common::{
    DAY, Draft, Model, Random, SECOND, assert_agrees, assert_clean, assert_holds, assert_same,
    assert_sessions, found, metres,
};

const FILTERS_MIN: usize = 240;

/// The logs of the sample, or of the directory that `DIURNAL_DATA` names.
pub(crate) fn files() -> Vec<PathBuf> {
    let directory = match std::env::var_os("DIURNAL_DATA") {
        Some(directory) => PathBuf::from(directory),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data"),
    };
    let mut files: Vec<_> = std::fs::read_dir(&directory)
        .unwrap_or_else(|error| panic!("{}: {error}", directory.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no logs in {}", directory.display());
    files
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// One line, read without the crate's own reading of events.
fn draft(line: &str) -> Draft {
    let value: Value = serde_json::from_str(line).unwrap();
    let field = |name: &str| value.get(name).filter(|value| !value.is_null());
    let number = |name| field(name).map(|value| value.as_f64().unwrap());
    let tags = match field("tags") {
        Some(Value::Array(tags)) => tags.iter().map(text).collect(),
        Some(tags) => text(tags).split(',').map(|tag| tag.trim().to_owned()).collect(),
        None => Vec::new(),
    };
    Draft {
        session: text(field("session_id").unwrap()),
        kind: text(field("event_type").unwrap()),
        time: text(field("server_time").unwrap()).parse().unwrap(),
        client_time: field("client_time").map(text),
        place: number("latitude").zip(number("longitude")),
        tags,
        data: field("data").map(text),
    }
}

/// Logs a whole file, in batches.
fn import(path: &Path, store: &Store) -> Model {
    let lines = std::fs::read_to_string(path).unwrap();
    let lines: Vec<_> = lines.lines().filter(|line| !line.trim().is_empty()).collect();
    let mut model = Model::default();
    for lines in lines.chunks(1000) {
        let events = lines.iter().map(|line| -> NewEvent {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"))
        });
        let ids = store.log_events(events).unwrap();
        let drafts: Vec<_> = lines.iter().map(|line| draft(line)).collect();
        model.add(&drafts, &ids);
    }
    assert_eq!(model.events.len(), lines.len());
    model
}

/// Draws filters from what is in the data.
struct Drawn<'a> {
    events: &'a [Event],
    places: Vec<(f64, f64)>,
    random: Random,
}

impl<'a> Drawn<'a> {
    fn new(events: &'a [Event], seed: u64) -> Self {
        let places = events.iter().filter_map(|event| event.latitude.zip(event.longitude));
        Self { events, places: places.collect(), random: Random::new(seed) }
    }

    fn event(&mut self) -> &'a Event {
        &self.events[self.random.below(self.events.len())]
    }

    /// A place that an event has, or one near it.
    fn place(&mut self) -> (f64, f64) {
        if self.places.is_empty() {
            return (0.0, 0.0);
        }
        let place = self.places[self.random.below(self.places.len())];
        if self.random.below(2) == 0 {
            return place;
        }
        let reach = *self.random.pick(&[0.001, 0.05, 2.0]);
        let nudge = (self.random.unit() * reach - reach / 2.0, self.random.unit() * reach);
        ((place.0 + nudge.0).clamp(-90.0, 90.0), (place.1 + nudge.1).clamp(-180.0, 180.0))
    }

    fn range(&mut self, read: impl Fn(&Event) -> Option<Timestamp>) -> TimeRange {
        let from = read(self.event()).unwrap_or_default();
        let to = match self.random.below(4) {
            0 => Timestamp::from_micros(from.as_micros() + 1),
            1 => Timestamp::from_micros(from.as_micros() + 600 * SECOND),
            2 => Timestamp::from_micros(from.as_micros() + 20 * DAY),
            _ => read(self.event()).unwrap_or(Timestamp::MAX),
        };
        TimeRange { from: from.min(to), to: from.max(to) }
    }

    fn tags(&mut self) -> Vec<String> {
        let tags = &self.event().tags;
        let mut drawn: Vec<String> =
            (0..tags.len().min(2)).map(|_| self.random.pick(tags).clone()).collect();
        if self.random.below(3) == 0 {
            drawn.extend(self.event().tags.first().cloned());
        }
        drawn
    }

    /// A piece of the data of an event.
    fn piece(&mut self) -> Filter {
        let data: Vec<char> = self.event().data.as_deref().unwrap_or_default().chars().collect();
        if data.is_empty() {
            return Filter::not(Filter::DataContains(" ".to_owned()));
        }
        let start = self.random.below(data.len());
        let length = 1 + self.random.below(16);
        Filter::DataContains(data.into_iter().skip(start).take(length).collect())
    }

    fn circle(&mut self) -> Filter {
        let centre = self.place();
        let edge = self.place();
        let metres = match self.random.below(3) {
            0 => metres(centre, edge),
            1 => self.random.unit() * 2_000.0,
            _ => self.random.unit() * 2e6,
        };
        Filter::Circle(Circle { latitude: centre.0, longitude: centre.1, metres })
    }

    fn polygon(&mut self) -> Filter {
        let (latitude, longitude) = self.place();
        let reach = *self.random.pick(&[0.002, 0.1, 10.0]);
        let corners = 3 + self.random.below(6);
        let ring: LineString<f64> = (0..corners)
            .map(|corner| {
                let turn = std::f64::consts::TAU * corner as f64 / corners as f64;
                let far = reach * (0.2 + self.random.unit());
                let x = (longitude + far * turn.cos()).clamp(-180.0, 180.0);
                (x, (latitude + far * turn.sin()).clamp(-90.0, 90.0))
            })
            .collect();
        Filter::polygon(Polygon::new(ring, Vec::new()))
    }

    fn condition(&mut self) -> Filter {
        match self.random.below(12) {
            0 => Filter::session(&self.event().session_id),
            1 => Filter::sessions((0..5).map(|_| self.event().session_id.clone())),
            2 => Filter::event_type(&self.event().event_type),
            3 => Filter::any_tag(self.tags()),
            4 => Filter::all_tags(self.tags()),
            5 => Filter::ServerTime(self.range(|event| Some(event.server_time))),
            6 => Filter::ClientTime(self.range(Event::client_instant)),
            7 => {
                let (a, b) = (self.place(), self.place());
                let (south, north) = (a.0.min(b.0), a.0.max(b.0));
                Filter::BoundingBox(BoundingBox { west: a.1, south, east: b.1, north })
            }
            8 => self.circle(),
            9 => self.polygon(),
            10 => self.piece(),
            _ => Filter::HasLocation(self.random.below(2) == 0),
        }
    }

    fn filter(&mut self, depth: usize) -> Filter {
        let some = |drawn: &mut Self| {
            let count = 2 + drawn.random.below(2);
            (0..count).map(|_| drawn.filter(depth - 1)).collect()
        };
        match self.random.below(if depth == 0 { 4 } else { 8 }) {
            0..4 => self.condition(),
            4 | 5 => Filter::And(some(self)),
            6 => Filter::Or(some(self)),
            _ => Filter::not(self.filter(depth - 1)),
        }
    }
}

fn assert_filters_agree(store: &Store, model: &Model, filters: usize, seed: u64) {
    let mut drawn = Drawn::new(&model.events, seed);
    let mut matched = 0;
    for number in 0..filters {
        let filter = drawn.filter(number % 4);
        let expected = model.matching(&filter);
        let events = found(store, &Query::from(filter.clone()));
        assert_same(&events, &expected, &format!("{filter:?}"));
        assert_eq!(store.count(&filter).unwrap(), expected.len() as u64, "{filter:?}");
        if number % 20 == 0 {
            assert_agrees(store, model, &filter);
        }
        matched += usize::from(!expected.is_empty());
    }
    assert!(matched * 3 > filters, "only {matched} of {filters} filters match anything");
}

#[test]
fn real_logs_are_kept_whole_and_every_filter_agrees_with_a_naive_scan() {
    let files = files();
    let filters = FILTERS_MIN.div_ceil(files.len());
    for (path, seed) in files.iter().zip(1..) {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::builder().block_rows(128).open(directory.path()).unwrap();
        let model = import(path, &store);
        assert_holds(&store, &model);
        assert_filters_agree(&store, &model, filters / 2, seed);
        store.close().unwrap();
        let store = Store::open(directory.path()).unwrap();
        assert_holds(&store, &model);
        assert_sessions(&store, &model);
        assert_filters_agree(&store, &model, filters.div_ceil(2), seed + 1000);
    }
}

#[test]
fn a_real_log_logged_again_from_its_own_answers_is_the_same() {
    let path = &files()[0];
    let first = Store::in_memory().unwrap();
    let model = import(path, &first);
    let second = Store::in_memory().unwrap();
    // In order of arrival the ids come out the same, too.
    let mut events = model.events.clone();
    events.sort_by_key(|event| event.id);
    let ids = second.log_events(events.iter().cloned().map(NewEvent::from)).unwrap();
    assert!(ids.iter().eq(events.iter().map(|event| &event.id)));
    assert_same(&found(&second, &Query::new()), &model.matching(&Filter::All), "the second store");
    let by = GroupBy::Tag;
    assert_eq!(
        second.count_by(&Filter::All, by).unwrap(),
        first.count_by(&Filter::All, by).unwrap()
    );
    assert_clean(&second);
}
