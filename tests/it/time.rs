//! Goal: no clock is trusted, and none can hurt the store: at 1970, in 2106, at the ends of time, jumping
//! either way, across midnight between two steps of one call.
//!
//! Method: clocks that the test sets, or that tick each time they are read; what was logged is compared with
//! the model. A property test draws jumps of the clock of any size under automatic retention
//! (`DIURNAL_PROPTEST_CASES`, 200 by default).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;
use std::time::Duration;

use diurnal::testing::{FaultyStorage, ManualClock, Model};
use diurnal::{
    Clock, Cursor, Day, Durability, ErrorKind, Event, Filter, NewEvent, Order, Query, Retention,
    Store, Timestamp,
};
use proptest::prelude::*;

use crate::common::{DAY, SECOND, at, cases, day, everything, later, noon, small_blocks};

/// A clock that moves each time it is read.
#[derive(Debug)]
struct Ticking {
    micros: AtomicI64,
    by: i64,
}

impl Ticking {
    fn new(from: Timestamp, by: i64) -> Self {
        Self { micros: AtomicI64::new(from.as_micros()), by }
    }
}

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.micros.fetch_add(self.by, Ordering::SeqCst))
    }
}

fn heartbeat(session: impl ToString) -> NewEvent {
    NewEvent::new(session, "heartbeat")
}

#[test]
fn events_logged_while_midnight_passes_are_on_the_day_of_their_own_time() {
    // Every read of the clock is 100 ms on: each threads' events lie on both sides of a midnight.
    const THREADS: usize = 8;
    const EVENTS: usize = 100;
    let midnight = day("2026-11-24").start();
    let clock =
        Ticking::new(Timestamp::from_micros(midnight.as_micros() - SECOND * 40), SECOND / 10);
    let store = small_blocks().clock(clock).in_memory().unwrap();
    let log = |thread: usize| -> Vec<_> {
        (0..EVENTS).map(|_| store.log_event(heartbeat(thread)).unwrap()).collect()
    };
    let ids: Vec<Vec<_>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|n| scope.spawn(move || log(n))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let events = everything(&store);
    let mut model = Model::default();
    // The model sees to it that an id's day is that of its event's time, and that none is given twice.
    model.acknowledge(events).unwrap();
    model.compare_all(&store).unwrap();
    for (thread, ids) in ids.iter().enumerate() {
        assert!(ids.is_sorted(), "thread {thread} logged in this order");
        let found = model.matching(&Filter::session(thread));
        assert!(found.iter().map(|event| &event.id).eq(ids), "events of thread {thread}");
    }
    let of = |date: &str| model.count(&Filter::ServerTime(day(date).range()));
    let (before, after) = (of("2026-11-23"), of("2026-11-24"));
    assert!(before > 100 && after > 100, "{before} events before midnight, {after} after");
    assert_eq!(before + after, (THREADS * EVENTS) as u64);
}

#[test]
fn events_that_wait_while_midnight_passes_keep_their_day() {
    let disk = FaultyStorage::new();
    let durability =
        Durability::Buffered { max_delay: Duration::from_secs(86_400), max_events: 1_000 };
    let clock = Arc::new(ManualClock::new(at(day("2026-11-23"), DAY - 1)));
    let open = || small_blocks().durability(durability).clock(clock.clone()).open_on(&disk);
    let store = open().unwrap();
    let mut model = Model::new(durability);
    let log = |model: &mut Model, session: usize| {
        let ids = model.log_events([heartbeat(session)], clock.now()).unwrap();
        assert_eq!(store.log_event(heartbeat(session)).unwrap(), ids[0]);
    };
    for session in 0..40 {
        log(&mut model, session);
        // Midnight comes after the twentieth, and the clock is set back after the thirtieth.
        match session {
            20 => clock.advance(Duration::from_micros(1)),
            30 => clock.set(at(day("2026-11-23"), DAY - 1)),
            _ => {}
        }
    }
    assert_eq!(model.at_risk(), 40, "nothing is written yet");
    model.compare_all(&store).unwrap();
    // Two days on, both days are over when the store is closed.
    clock.set(day("2026-11-25").start());
    store.close().unwrap();
    let store = open().unwrap();
    assert!(store.days().unwrap().iter().all(|info| info.sealed));
    model.compare_all(&store).unwrap();
}

#[test]
fn events_of_one_microsecond_keep_their_order_of_arrival() {
    let store = small_blocks().clock(noon(day("2026-11-23"))).in_memory().unwrap();
    let now = at(day("2026-11-23"), DAY / 2);
    let mut model = Model::default();
    for session in 0..150 {
        let ids = model.log_events([heartbeat(session)], now).unwrap();
        assert_eq!(store.log_event(heartbeat(session)).unwrap(), ids[0]);
    }
    for order in [Order::Ascending, Order::Descending] {
        for page in [1, 7, 16, 149] {
            let mut query = Query::new().order(order).limit(page);
            let mut sessions = Vec::new();
            while let Some(cursor) = page_of(&store, &model, &query, &mut sessions) {
                query = query.after(cursor);
            }
            let mut expected: Vec<_> = (0..150).map(|session| session.to_string()).collect();
            if order == Order::Descending {
                expected.reverse();
            }
            assert_eq!(sessions, expected, "pages of {page}, {order:?}");
        }
    }
}

/// Reads a page, which is that of the model, and gives the cursor of its last event.
fn page_of(
    store: &Store,
    model: &Model,
    query: &Query,
    sessions: &mut Vec<String>,
) -> Option<Cursor> {
    model.compare_events(store, query).unwrap();
    let page: Vec<Event> = store.query(query).unwrap().map(Result::unwrap).collect();
    sessions.extend(page.iter().map(|event| event.session_id.clone()));
    page.last().map(Cursor::from)
}

#[test]
fn a_clock_at_any_end_of_time_hurts_nothing() {
    let last_of_all = Timestamp::from_micros(Day::MAX.range().to.as_micros() - 1);
    let beyond = Day::MAX.range().to;
    let instants = [
        Timestamp::MIN,
        Timestamp::from_micros(-1),
        Timestamp::default(),
        "2106-02-07T06:28:15.999999Z".parse().unwrap(),
        "2106-02-07T06:28:16Z".parse().unwrap(),
        last_of_all,
        beyond,
        Timestamp::MAX,
    ];
    let disk = FaultyStorage::new();
    let clock = noon(day("2026-11-23"));
    let retention = Retention::KEEP_ALL.max_age_days(1);
    let open = || small_blocks().clock(clock.clone()).retention(retention).open_on(&disk);
    let mut model = Model::default();
    // A week of days, so that they count as confirmed.
    let store = open().unwrap();
    for number in 0..7 {
        clock.set(at(later(day("2026-11-23"), number), 5));
        store.log_event(heartbeat(number)).unwrap();
    }
    model.acknowledge(everything(&store)).unwrap();
    store.close().unwrap();
    for now in instants {
        clock.set(now);
        let store = open().unwrap();
        let given = model.log_events([heartbeat("at an end")], now);
        match (store.log_event(heartbeat("at an end")), given) {
            (Ok(id), Ok(ids)) => assert_eq!(ids, [id], "at {now}"),
            (Err(error), Err(expected)) => {
                assert_eq!(error.kind(), ErrorKind::InvalidInput, "at {now}: {error}");
                assert_eq!(error.kind(), expected.kind());
            }
            (found, expected) => panic!("at {now}: {found:?}, expected {expected:?}"),
        }
        assert!(store.prune_plan(&retention).is_ok(), "at {now}");
        model.compare_all(&store).unwrap_or_else(|error| panic!("at {now}: {error}"));
        store.close().unwrap_or_else(|error| panic!("at {now}: {error}"));
    }
    assert_eq!(model.count(&Filter::session("at an end")), 4);
}

#[test]
fn leap_seconds_and_the_hours_of_summer_time_are_read_as_instants() {
    let store = Store::in_memory().unwrap();
    let log = |session: &str, key: &str, text: &str| {
        let json = serde_json::json!({
            "session_id": session, "event_type": "heartbeat", "server_time": "2026-11-23T00:00:00Z", key: text,
        });
        let event: NewEvent = serde_json::from_value(json).unwrap();
        let id = store.log_event(event).unwrap();
        let query = Query::from(Filter::session(session));
        let event = store.query(&query).unwrap().next().unwrap().unwrap();
        assert_eq!(event.id, id);
        event
    };
    // As the store receives them: a leap second is the first second of the next day.
    let event = log("leap", "server_time", "2016-12-31T23:59:60Z");
    assert_eq!(event.server_time.to_string(), "2017-01-01T00:00:00.000000Z");
    assert_eq!(event.id.day(), day("2017-01-01"));
    // Half past two comes twice on the night that summer time ends, and its zone tells which it is.
    let summer = log("summer", "server_time", "2026-10-25T02:30:00+02:00");
    let winter = log("winter", "server_time", "2026-10-25T02:30:00+01:00");
    let hour = winter.server_time.as_micros() - summer.server_time.as_micros();
    assert_eq!(hour, 3_600 * SECOND);
    // Local midnight is not where a day ends.
    let local = log("local", "server_time", "2026-03-29T00:30:00+01:00");
    assert_eq!(local.id.day(), day("2026-03-28"));
    // As a client wrote them: kept to the byte, and found by the instants that they mean.
    for (session, text, instant) in [
        ("client leap", "2016-12-31T23:59:60.5Z", "2017-01-01T00:00:00.500000Z"),
        ("client summer", "2026-10-25T02:30:00+02:00", "2026-10-25T00:30:00.000000Z"),
        ("client winter", "2026-10-25T02:30:00+01:00", "2026-10-25T01:30:00.000000Z"),
        ("client gap", "2026-03-29T02:30:00+01:00", "2026-03-29T01:30:00.000000Z"),
    ] {
        let event = log(session, "client_time", text);
        assert_eq!(event.client_time.as_deref(), Some(text));
        assert_eq!(event.client_instant().unwrap().to_string(), instant, "{text}");
        let from = instant.parse::<Timestamp>().unwrap();
        let range = diurnal::TimeRange { from, to: Timestamp::from_micros(from.as_micros() + 1) };
        let filter = Filter::session(session).and(Filter::ClientTime(range));
        assert_eq!(store.count(&filter).unwrap(), 1, "{text}");
    }
}

/// A kiosk that logs once a day, and whose clock is off by so many days for some of them.
#[derive(Debug, Clone)]
struct Years {
    age: u32,
    right_before: u32,
    off_by: i64,
    wrong: u32,
    right_after: u32,
    reopened_daily: bool,
}

fn years() -> impl Strategy<Value = Years> {
    let off_by = prop_oneof![
        3 => -40_i64..=40,
        2 => -20_000_i64..=30_000,
        1 => Just(-20_400_i64),
        1 => Just(2_000_000_i64),
    ];
    // Seven days in a row are believed.
    (2_u32..50, 1_u32..60, off_by, 1_u32..=6, 0_u32..30, any::<bool>()).prop_map(
        |(age, right_before, off_by, wrong, right_after, reopened_daily)| Years {
            age,
            right_before,
            off_by,
            wrong,
            right_after,
            reopened_daily,
        },
    )
}

/// Lives through the years; the days that were logged by a right clock and are young must be there.
fn live_through(years: &Years) {
    let first = 20_400_u32;
    let disk = FaultyStorage::new();
    let clock = noon(day("2026-11-23"));
    let retention = Retention::KEEP_ALL.max_age_days(years.age);
    let open = || small_blocks().clock(clock.clone()).retention(retention).open_on(&disk).unwrap();
    let mut store = open();
    // A jump of less than this cannot be told from a pause.
    let gap = (years.age / 2).clamp(1, 7);
    let mut right = BTreeSet::new();
    for passed in 0..years.right_before + years.wrong + years.right_after {
        let today = first + passed;
        let is_wrong = (years.right_before..years.right_before + years.wrong).contains(&passed);
        let shown = match is_wrong {
            true => u32::try_from(i64::from(today) + years.off_by).unwrap_or(0),
            false => today,
        };
        clock.set(at(Day::from_number(shown).unwrap(), DAY / 2));
        if years.reopened_daily {
            store.close().unwrap();
            store = open();
        }
        store.log_event(heartbeat(passed)).unwrap();
        if !is_wrong {
            right.insert(today);
        }
        let days: BTreeSet<u32> =
            store.days().unwrap().iter().map(|info| info.day.number()).collect();
        let young = |number: &&u32| today - **number + gap < years.age;
        for number in right.iter().filter(young) {
            assert!(days.contains(number), "on day {passed}, {number} is gone: {days:?}");
        }
        assert!(days.contains(&shown), "the day of the event that was just logged");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(200), ..ProptestConfig::default() })]

    #[test]
    fn retention_never_trusts_one_jump_of_the_clock(years in years()) {
        live_through(&years);
    }
}
