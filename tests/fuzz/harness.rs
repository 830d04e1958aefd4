//! What is done with each input: the same under a fuzzer and in a seeded test.
//!
//! Owns: the texts that people and programs hand in. Bytes from disk are read by the harnesses of
//! `diurnal::testing::fuzzing`. Whoever includes this file has the program's modules at its root.
//!
//! Invariant: a harness returns, whatever it is given, and panics only where something is wrong.

use diurnal::{Event, Filter, NewEvent, Query, Store};

use crate::decode::{Decoded, Decoder, Records};
use crate::records::{Piece, Splitter};

/// What is read of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Text {
    QueryString,
    Json,
    Csv,
    FilterJson,
    GeoJson,
}

pub(crate) fn read(text: Text, bytes: &[u8]) {
    match text {
        Text::QueryString => read_query_string(bytes),
        Text::Json => read_json(bytes),
        Text::Csv => read_csv(bytes),
        Text::FilterJson => read_filter(bytes),
        Text::GeoJson => read_polygons(bytes),
    }
}

/// An event that is valid is stored, and found as it was given.
fn store_and_find(event: NewEvent) {
    let store = Store::in_memory().expect("a store in memory");
    if store.validate(&event).is_err() {
        return;
    }
    let Ok(id) = store.log_event(event.clone()) else { return };
    let found: Vec<Event> =
        store.query(&Query::new()).expect("a sound store").map(Result::unwrap).collect();
    assert_eq!((found.len(), found[0].id), (1, id));
    let time = found[0].server_time;
    let text = serde_json::to_string(&found[0]).expect("an event as JSON");
    let again: NewEvent = serde_json::from_str(&text).expect("what was written is read");
    assert_eq!(again, event.clone().server_time(time));
    assert_eq!(NewEvent::from(found[0].clone()), again);
}

fn read_query_string(bytes: &[u8]) {
    if let Ok(event) = NewEvent::from_query(&String::from_utf8_lossy(bytes)) {
        store_and_find(event);
    }
}

fn read_json(bytes: &[u8]) {
    if let Ok(event) = serde_json::from_slice::<NewEvent>(bytes) {
        store_and_find(event);
    }
    let _ = serde_json::from_slice::<Event>(bytes);
    // As a line of an import, too.
    import(Records::Jsonl, bytes);
}

fn read_csv(bytes: &[u8]) {
    import(Records::Csv, bytes);
    import(Records::Query, bytes);
}

/// However an input is cut by its reads, its records are the same; none of its bytes is lost.
fn import(format: Records, bytes: &[u8]) {
    let split = |step: usize| {
        let mut splitter = Splitter::new(format == Records::Csv);
        let mut pieces: Vec<Piece> =
            bytes.chunks(step).flat_map(|chunk| splitter.push(chunk)).collect();
        pieces.append(&mut splitter.finish());
        pieces
    };
    let pieces = split(1 << 16);
    assert_eq!(pieces, split(1), "records do not depend on reads");
    let mut decoder = Decoder::new(format);
    for piece in pieces {
        let Piece::Record { raw, .. } = piece else { continue };
        let awaits_header = decoder.awaits_header();
        match decoder.decode(&raw) {
            Ok(Decoded::Event(event)) => {
                let store = Store::in_memory().expect("a store in memory");
                let _ = store.validate(&event);
            }
            Ok(Decoded::Nothing) => {}
            Err(reason) => assert!(!reason.is_empty()),
        }
        if awaits_header && decoder.awaits_header() {
            break;
        }
    }
}

fn sample() -> Store {
    let store = Store::in_memory().expect("a store in memory");
    let event = |n: u32| {
        let event = NewEvent::new(n % 3, "heartbeat").tag(n % 4).data(format!("number {n}"));
        match n % 5 {
            0 => event,
            _ => event.location(f64::from(n * 7 % 180) - 90.0, f64::from(n * 11 % 360) - 180.0),
        }
    };
    store.log_events((0..60).map(event)).expect("a sound store");
    store
}

/// A filter that is read is the same when it is written and read again, and all three ways of asking
/// agree about it.
fn ask(filter: &Filter) {
    let store = sample();
    let query = Query::from(filter.clone());
    let Ok(count) = store.count(filter) else {
        assert!(store.query(&query).is_err(), "refused once, refused always");
        return;
    };
    let found = store.query(&query).expect("accepted once").map(Result::unwrap).count();
    let ids = store.ids(&query).expect("accepted once").map(Result::unwrap).count();
    assert_eq!((count, count), (found as u64, ids as u64));
    let rest = store.count(&Filter::not(filter.clone()));
    assert!(rest.is_err() || rest.is_ok_and(|rest| rest + count == 60));
}

fn read_filter(bytes: &[u8]) {
    let _ = serde_json::from_slice::<Query>(bytes);
    let Ok(filter) = serde_json::from_slice::<Filter>(bytes) else { return };
    if let Ok(text) = serde_json::to_string(&filter) {
        let again = serde_json::from_str::<Filter>(&text);
        assert!(again.is_ok_and(|again| again == filter), "{text}");
    }
    ask(&filter);
}

fn read_polygons(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(polygons) = crate::filters::parse_polygons(text) {
        ask(&Filter::Polygon(polygons));
    }
}
