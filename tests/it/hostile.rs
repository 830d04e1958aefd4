//! Goal: what is far too much or far too odd is refused with a clear error, or answered right, within memory
//! that is bounded and stated here.
//!
//! Method: stores at their limits, and one step beyond each. What costs memory runs in a process of its own,
//! which reports the most that it ever held (`VmHWM`, Linux). `DIURNAL_HOSTILE_SESSIONS` sets how many
//! sessions one day has: 60,000 by default, 1,000,000 for the whole claim.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use std::path::Path;

use diurnal::testing::{FaultyStorage, Model};
use diurnal::{
    BoundingBox, Circle, Count, Error, ErrorKind, Event, Filter, GroupBy, NewEvent, Order, Query,
    Store, Timestamp, analysis, limits,
};
use geo::{LineString, Polygon};
use xxhash_rust::xxh3::xxh3_64;

use crate::child::{self, Other};
use crate::common::{DAY, Random, assert_clean, at, day, everything, noon, small_blocks};

/// The most that a process may hold, whatever is logged and asked: that of a small kiosk.
const MEMORY_KB_MAX: u64 = 64 * 1024;
/// What an answer with a line for each session may hold beside, for each of them.
const SESSION_BYTES_MAX: u64 = 256;

const CHILD: &str = "hostile::child_that_is_measured";
const DATE: &str = "2026-11-23";

fn sessions() -> usize {
    let told = std::env::var("DIURNAL_HOSTILE_SESSIONS").ok().and_then(|it| it.parse().ok());
    told.unwrap_or(60_000)
}

#[test]
#[ignore = "a part of other tests, which start it as a process"]
fn child_that_is_measured() {
    let Some((path, part)) = child::part() else { return };
    match part.as_str() {
        "sessions" => log_and_find_sessions(&path),
        "every session" => list_sessions(&path),
        "large" => log_large_events(&path),
        "polygon" => ask_for_polygons(&path),
        other => panic!("no part {other:?}"),
    }
    child::say(&[peak_kb().to_string()]);
    child::wait_to_be_killed();
}

/// The most memory that this process has held; 0 where the system does not tell as Linux does.
fn peak_kb() -> u64 {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return 0 };
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().trim().parse().unwrap()
}

/// Plays a part in a process of its own; the most memory that it held.
fn peak_of(part: &str, path: &Path) -> u64 {
    let mut other = Other::start(CHILD, path, part);
    let said = other.heard().unwrap_or_else(|| panic!("the child that plays {part:?} died"));
    said.parse().unwrap()
}

fn midnight() -> i64 {
    day(DATE).start().as_micros()
}

fn session_name(number: usize) -> String {
    format!("session {number} of {}", number.wrapping_mul(0x9e37_79b9) % 1_000_003)
}

fn log_and_find_sessions(path: &Path) {
    let count = sessions();
    let store = Store::builder().clock(noon(day(DATE))).open(path).unwrap();
    for first in (0..count).step_by(1_000) {
        let events = (first..count.min(first + 1_000)).map(|number| {
            let time = Timestamp::from_micros(midnight() + number as i64 * 50_000);
            NewEvent::new(session_name(number), "start_session").server_time(time)
        });
        store.log_events(events).unwrap();
    }
    assert_eq!(store.count(&Filter::All).unwrap(), count as u64);
    let mut random = Random::new(5);
    let picked = (0..50).map(|_| random.below(count)).chain([0, count - 1]);
    for number in picked {
        let sessions = store.sessions(&Filter::session(session_name(number))).unwrap();
        let time = midnight() + number as i64 * 50_000;
        assert_eq!((sessions.len(), sessions[0].events), (1, 1));
        assert_eq!(sessions[0].first_seen.as_micros(), time);
    }
    assert!(store.sessions(&Filter::session("session of nobody")).unwrap().is_empty());
    assert_clean(&store);
    store.close().unwrap();
}

fn list_sessions(path: &Path) {
    let store = Store::open_read_only(path).unwrap();
    let sessions = store.sessions(&Filter::All).unwrap();
    let mut numbered = sessions.iter().enumerate();
    assert!(numbered.all(|(number, it)| it.id == session_name(number)));
    drop(sessions);
    let counts = store.count_by(&Filter::All, GroupBy::Session).unwrap();
    assert!(counts.len() == self::sessions() && counts.iter().all(|it| it.count == 1));
}

#[test]
fn a_day_of_very_many_sessions_is_found_in_within_bounded_memory() {
    let directory = tempfile::tempdir().unwrap();
    let peak = peak_of("sessions", directory.path());
    println!("{peak} KB to log, find and check {} sessions", sessions());
    assert!(peak <= MEMORY_KB_MAX, "{peak} KB, {MEMORY_KB_MAX} allowed");
    let peak = peak_of("every session", directory.path());
    let bound = MEMORY_KB_MAX + sessions() as u64 * SESSION_BYTES_MAX / 1024;
    println!("{peak} KB to list {} sessions", sessions());
    assert!(peak <= bound, "{peak} KB, {bound} allowed");
}

/// Text that no codec makes smaller than six bits a byte.
fn noise(seed: usize, bytes: usize) -> String {
    let mut random = Random::new(seed as u64);
    (0..bytes).map(|_| char::from(b'0' + random.below(64) as u8)).collect()
}

fn large_event(number: usize) -> NewEvent {
    let tags = (0..limits::TAGS_MAX).map(|tag| format!("tag {} of {tag}", number % 50 * 1_000));
    let data = noise(number, limits::DATA_BYTES_DEFAULT);
    let time = Timestamp::from_micros(midnight() + number as i64);
    NewEvent::new(number % 7, "client_error").tags(tags).data(data).server_time(time)
}

const LARGE_EVENTS: usize = 300;

fn log_large_events(path: &Path) {
    let store = Store::builder().clock(noon(day(DATE))).open(path).unwrap();
    for first in (0..LARGE_EVENTS).step_by(10) {
        store.log_events((first..first + 10).map(large_event)).unwrap();
    }
    let tag = Filter::tag("tag 13000 of 255");
    for (number, event) in store.query(&Query::new()).unwrap().enumerate() {
        let event = event.unwrap();
        let mut model = Model::default();
        model.log_events([large_event(number)], Timestamp::default()).unwrap();
        model.events[0].id = event.id;
        assert_eq!(event, model.events[0], "event {number}");
    }
    assert_eq!(store.count(&tag).unwrap(), (LARGE_EVENTS / 50) as u64);
    let counts = store.count_by(&Filter::All, GroupBy::Tag).unwrap();
    assert_eq!(counts.len(), 50 * limits::TAGS_MAX);
    assert_clean(&store);
    store.close().unwrap();
}

#[test]
fn events_as_large_as_they_may_be_are_kept_within_bounded_memory() {
    let directory = tempfile::tempdir().unwrap();
    let peak = peak_of("large", directory.path());
    println!("{peak} KB for {LARGE_EVENTS} events of 64 KiB and 256 tags");
    assert!(peak <= MEMORY_KB_MAX, "{peak} KB, {MEMORY_KB_MAX} allowed");
}

/// Ids that look alike, or like nothing at all.
const ODD: [&str; 24] = [
    "e\u{301}",
    "\u{e9}",
    "\u{212b}",
    "\u{c5}",
    "A\u{30a}",
    "\u{fb01}",
    "fi",
    "\u{5d0}\u{5d1}",
    "\u{202e}\u{5d0}\u{5d1}",
    "\u{200f}\u{5d0}\u{5d1}",
    "a",
    "a\u{200b}",
    "\u{200b}a",
    "a\u{200d}",
    "a\u{feff}",
    "\u{feff}a",
    "\u{200b}",
    "\u{430}",
    "\u{ff41}",
    "A",
    "a ",
    " a",
    "\u{1f469}\u{200d}\u{1f680}",
    "\u{1f469}\u{1f680}",
];

#[test]
fn ids_that_look_alike_are_kept_apart_to_the_byte() {
    let disk = FaultyStorage::new();
    let clock = noon(day(DATE));
    let open = || small_blocks().clock(clock.clone()).open_on(&disk).unwrap();
    let mut model = Model::default();
    let mut store = open();
    for round in 0..3 {
        for odd in ODD {
            let event = NewEvent::new(odd, odd).tag(odd).data(odd).client_time(odd);
            store.log_event(event.clone()).unwrap();
            model.log_events([event], at(day(DATE), DAY / 2)).unwrap();
        }
        // In the tail at first, then in blocks, then in a sealed day.
        clock.set(at(day(DATE), DAY / 2 + round * DAY));
        for odd in ODD {
            for filter in [Filter::session(odd), Filter::event_type(odd), Filter::tag(odd)] {
                assert_eq!(store.count(&filter).unwrap(), round as u64 + 1, "{odd:?}");
                model.compare_events(&store, &Query::from(filter)).unwrap();
            }
            let report = store.ask(&analysis::Session::new(odd)).unwrap().unwrap();
            let own = Count { key: odd.to_owned(), count: report.figures.events };
            assert_eq!((report.figures.id.as_str(), report.by_type), (odd, vec![own]));
        }
        model.compare(&store, &Query::new()).unwrap();
        store.close().unwrap();
        store = open();
        clock.set(at(day(DATE), DAY / 2));
    }
    model.compare_all(&store).unwrap();
}

fn few_events() -> (Store, Model) {
    let store = small_blocks().clock(noon(day(DATE))).in_memory().unwrap();
    let mut model = Model::default();
    let events: Vec<_> = (0..120_u32)
        .map(|n| {
            let place = (f64::from(n % 17) * 10.0 - 80.0, f64::from(n % 31) * 11.0 - 170.0);
            NewEvent::new(n, ["heartbeat", "modify_stream"][n as usize % 2])
                .location(place.0, place.1)
                .tags(0..n % 5)
        })
        .collect();
    store.log_events(events.clone()).unwrap();
    model.log_events(events, at(day(DATE), DAY / 2)).unwrap();
    (store, model)
}

fn refused(store: &Store, filter: Filter) -> Error {
    let answers = [
        store.query(&Query::from(filter.clone())).map(|_| ()),
        store.ids(&Query::from(filter.clone())).map(|_| ()),
        store.count(&filter).map(|_| ()),
        store.count_by(&filter, GroupBy::Tag).map(|_| ()),
        store.sessions(&filter).map(|_| ()),
        store.explain(&Query::from(filter.clone())).map(|_| ()),
    ];
    let errors: Vec<_> = answers.into_iter().map(Result::unwrap_err).collect();
    for error in &errors {
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert_eq!(error.to_string(), errors[0].to_string(), "the same words everywhere");
    }
    errors[0].clone()
}

#[test]
fn a_question_of_10_000_terms_is_answered_and_one_of_more_is_refused() {
    let (store, model) = few_events();
    let names = |count: usize| (0..count).map(|n| n.to_string()).collect::<Vec<_>>();
    let many = limits::FILTER_TERMS_MAX - 1;
    let each = |count: usize| (0..count / 2).map(Filter::session).collect::<Vec<_>>();
    for filter in [
        Filter::sessions(names(many)),
        Filter::any_tag(names(many)),
        Filter::all_tags(names(many)),
        Filter::event_types(names(many)),
        Filter::Or(each(many)),
        Filter::And(each(many).into_iter().map(Filter::not).take(many / 3).collect()),
    ] {
        model.compare(&store, &Query::from(filter)).unwrap();
    }
    for filter in [Filter::sessions(names(many + 1)), Filter::Or(each(many + 3))] {
        let error = refused(&store, filter).to_string();
        assert!(error.contains("filter") && error.contains("10000"), "{error}");
    }
}

/// A condition under so many others.
fn nested(levels: usize) -> Filter {
    (1..levels).fold(Filter::session(3), |inner, level| match level % 3 {
        0 => Filter::not(inner),
        1 => Filter::And(vec![inner, Filter::All]),
        _ => Filter::Or(vec![inner]),
    })
}

#[test]
fn filters_nest_32_deep_and_deeper_ones_are_refused_however_deep() {
    let (store, model) = few_events();
    for levels in [1, 2, 31, limits::FILTER_DEPTH_MAX] {
        model.compare(&store, &Query::from(nested(levels))).unwrap();
    }
    for levels in [limits::FILTER_DEPTH_MAX + 1, 100, 5_000] {
        let error = refused(&store, nested(levels)).to_string();
        assert!(error.contains("32"), "{error}");
    }
    // As text it is refused while it is read, before it can take the stack.
    let levels = 100_000;
    let text = format!("{}\"all\"{}", "{\"not\":".repeat(levels), "}".repeat(levels));
    assert!(serde_json::from_str::<Filter>(&text).is_err());
}

/// A star of so many points around 0, 0.
fn star(points: usize) -> Polygon<f64> {
    let corner = |n: usize| {
        let angle = n as f64 / (points - 1) as f64 * std::f64::consts::TAU;
        let radius = if n.is_multiple_of(2) { 80.0 } else { 40.0 };
        (2.0 * radius * angle.cos(), radius * angle.sin())
    };
    let mut ring: Vec<_> = (0..points - 1).map(corner).collect();
    ring.push(ring[0]);
    Polygon::new(LineString::from(ring), Vec::new())
}

fn ask_for_polygons(_: &Path) {
    let (store, model) = few_events();
    let query = Query::from(Filter::polygon(star(limits::POLYGON_POINTS_MAX)));
    let inside = model.count(&query.filter);
    assert!((20..100).contains(&inside), "{inside} events inside the star");
    model.compare_events(&store, &query).unwrap();
    assert_eq!(store.count(&Filter::not(query.filter)).unwrap(), 120 - inside);
}

#[test]
fn a_polygon_of_100_000_points_is_answered_within_bounded_memory() {
    let directory = tempfile::tempdir().unwrap();
    let peak = peak_of("polygon", directory.path());
    println!("{peak} KB for a polygon of 100,000 points");
    assert!(peak <= MEMORY_KB_MAX, "{peak} KB, {MEMORY_KB_MAX} allowed");
}

#[test]
fn areas_that_are_none_are_refused_and_odd_ones_answered() {
    let (store, model) = few_events();
    let polygon = |corners: &[(f64, f64)]| {
        Filter::polygon(Polygon::new(LineString::from(corners.to_vec()), Vec::new()))
    };
    let error = refused(&store, Filter::polygon(star(limits::POLYGON_POINTS_MAX + 1)));
    assert!(error.to_string().contains("100000"), "{error}");
    for wrong in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 180.1, 1e300] {
        let filters = [
            polygon(&[(0.0, 0.0), (wrong, 10.0), (10.0, 10.0)]),
            polygon(&[(0.0, 0.0), (10.0, wrong), (10.0, 10.0)]),
            Filter::BoundingBox(BoundingBox { west: wrong, south: 0.0, east: 1.0, north: 1.0 }),
            Filter::BoundingBox(BoundingBox { west: 0.0, south: 0.0, east: 1.0, north: wrong }),
            Filter::Circle(Circle { latitude: wrong, longitude: 0.0, metres: 1.0 }),
            Filter::Circle(Circle { latitude: 0.0, longitude: wrong, metres: 1.0 }),
        ];
        for filter in filters {
            refused(&store, filter);
        }
        let error = store.log_event(NewEvent::new(1, "t").location(wrong, 0.0)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        let error = store.log_event(NewEvent::new(1, "t").location(0.0, wrong)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    }
    for metres in [f64::NAN, f64::INFINITY, -1.0] {
        refused(&store, Filter::Circle(Circle { latitude: 0.0, longitude: 0.0, metres }));
    }
    // Crossing itself, without an area, along a line, along the edges of the world.
    for corners in [
        &[(-100.0, -70.0), (100.0, 70.0), (100.0, -70.0), (-100.0, 70.0)][..],
        &[(-100.0, 0.0), (100.0, 50.0), (-100.0, 50.0), (100.0, 0.0), (0.0, 80.0), (-100.0, 0.0)],
        &[(0.0, 0.0), (10.0, 10.0), (0.0, 0.0), (10.0, 10.0), (0.0, 0.0)],
        &[(5.0, 5.0), (5.0, 5.0), (5.0, 5.0), (5.0, 5.0)],
        &[(-180.0, -90.0), (180.0, -90.0), (180.0, 90.0), (-180.0, 90.0)],
    ] {
        model.compare(&store, &Query::from(polygon(corners))).unwrap();
    }
    model.compare_all(&store).unwrap();
}

#[test]
fn a_limit_beyond_all_events_is_no_limit() {
    let (store, model) = few_events();
    for order in [Order::Ascending, Order::Descending] {
        for limit in [0, 1, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
            let query = Query::new().order(order).limit(limit);
            model.compare_events(&store, &query).unwrap();
            let some = store.query(&query.clone().limit(7)).unwrap().map(Result::unwrap);
            let cursor = some.last().as_ref().map(diurnal::Cursor::from).unwrap();
            model.compare_events(&store, &query.after(cursor)).unwrap();
        }
    }
}

/// A sealed day, as the guide describes it, whose first `rows` ordinals were lost to damage.
fn day_of_lost_rows(number: u32, rows: u32) -> Vec<u8> {
    let varint = |out: &mut Vec<u8>, mut value: u32| {
        while value >= 0x80 {
            out.push(value as u8 | 0x80);
            value >>= 7;
        }
        out.push(value as u8);
    };
    let checked = |mut bytes: Vec<u8>, turn: u64| {
        let sum = xxh3_64(&bytes) ^ turn;
        bytes.extend(sum.to_le_bytes());
        bytes
    };
    let part_rows = limits::PART_ROWS_MAX as u32;
    let parts = rows.div_ceil(part_rows);
    let mut list = Vec::new();
    varint(&mut list, parts);
    for part in 0..parts {
        let first = part * part_rows;
        for value in [first, part_rows.min(rows - first), 0] {
            varint(&mut list, value);
        }
    }
    let list = checked(list, 0);
    let len = (list.len() as u32).to_le_bytes();
    let header = [&b"DIURNALD"[..], &1_u32.to_le_bytes(), &number.to_le_bytes()].concat();
    let mut file = checked(header, 0);
    let head = [&[3, 0, 0, 0], &len[..], &[0; 4], &rows.to_le_bytes()].concat();
    let offset = file.len() as u64;
    file.extend(checked(head, offset));
    let offset = (file.len() as u64).to_le_bytes();
    file.extend(list);
    file.extend(checked([&offset[..], &len, &1_u32.to_le_bytes()].concat(), 0));
    file.extend(b"DIURNALF");
    file
}

#[test]
fn a_day_whose_ordinals_run_out_takes_no_more_events_and_keeps_what_it_has() {
    const LEFT: u32 = 40;
    let disk = FaultyStorage::new();
    let full = day(DATE);
    let lost = u32::MAX - LEFT;
    disk.replace(&format!("days/{DATE}.day"), day_of_lost_rows(full.number(), lost));
    let open = || small_blocks().clock(noon(full)).open_on(&disk).unwrap();
    let mut store = open();
    let event = |number: u32| NewEvent::new(number, "heartbeat");
    let mut events: Vec<Event> = Vec::new();
    for number in 0..LEFT - 1 {
        let id = store.log_event(event(number)).unwrap();
        assert_eq!((id.day(), id.ordinal()), (full, lost + number));
    }
    events.extend(everything(&store));
    assert_eq!(events.len(), LEFT as usize - 1);
    // A batch that does not fit is refused whole, and a single event still fits.
    let error = store.log_events([event(100), event(101)]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    assert!(error.to_string().contains("4294967295"), "{error}");
    assert_eq!(store.log_event(event(LEFT)).unwrap().ordinal(), u32::MAX - 1);
    for _ in 0..3 {
        let error = store.log_event(event(102)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert_eq!(store.count(&Filter::All).unwrap(), u64::from(LEFT));
        assert_eq!(everything(&store)[..events.len()], events);
        assert_clean(&store);
        // Other days are none the worse.
        let other = event(7).server_time(at(day("2026-11-20"), 1));
        let id = store.log_event(other).unwrap();
        assert_eq!(id.ordinal(), 0);
        store.drop_day(id.day()).unwrap();
        store.close().unwrap();
        store = open();
    }
}
