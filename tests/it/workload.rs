//! Goal: what is promised of workloads. Method: each claim is counted over all events of one that is
//! small enough to be made often and large enough for its shares to be steady.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::collections::{BTreeMap, HashMap, HashSet};

use diurnal::testing::workload::{Workload, logged};
use diurnal::{Event, Query, Store};

use crate::common::{DAY, day, later};

const EVENTS: u64 = 60_000;
const DAYS: u32 = 3;

fn realistic() -> Workload {
    Workload::realistic().events(EVENTS).days(DAYS)
}

fn events(workload: &Workload) -> Vec<Event> {
    logged(workload).collect()
}

/// Events with what the closure counts, per event of the workload.
fn share(events: &[Event], counts: impl Fn(&Event) -> bool) -> f64 {
    events.iter().filter(|event| counts(event)).count() as f64 / events.len() as f64
}

#[test]
fn a_seed_always_gives_the_same_events_and_another_seed_others() {
    for workload in [realistic(), Workload::hostile().events(500)] {
        assert!(workload.iter().eq(workload.iter()));
        assert!(workload.clone().seed(2).iter().ne(workload.iter()));
    }
}

#[test]
fn some_events_of_a_seed_are_these() {
    let lines: Vec<_> = events(&Workload::realistic().events(1_000).days(1))
        .iter()
        .skip(400)
        .take(3)
        .map(|event| serde_json::to_string(event).unwrap())
        .collect();
    assert_eq!(
        lines,
        [
            r#"{"id":84709639979408,"server_time":"2024-01-01T14:27:15.636085Z","session_id":"4007","event_type":"heartbeat","client_time":"2024-01-01T15:27:10+01:00","latitude":48.21023,"longitude":16.358805}"#,
            r#"{"id":84709639979409,"server_time":"2024-01-01T14:27:32.579877Z","session_id":"4007","event_type":"heartbeat","client_time":"2024-01-01T15:27:27+01:00","latitude":48.210211,"longitude":16.358887}"#,
            r#"{"id":84709639979410,"server_time":"2024-01-01T14:27:35.731683Z","session_id":"4007","event_type":"modify_stream","client_time":"2024-01-01T15:27:30+01:00","latitude":48.210182,"longitude":16.358797,"tags":["21","14"]}"#,
        ]
    );
}

#[test]
fn there_are_as_many_events_and_days_as_were_asked_for() {
    let first = day("2020-02-28");
    for workload in [Workload::realistic(), Workload::hostile()] {
        for (events, days) in [(0, 1), (1, 1), (7, 400), (5_000, 1), (20_000, 40)] {
            let workload = workload.clone().events(events).days(days).first_day(first);
            assert_eq!(workload.iter().size_hint(), (events as usize, Some(events as usize)));
            let of_day: HashSet<_> = logged(&workload).map(|event| event.id.day()).collect();
            assert_eq!(workload.iter().count() as u64, events);
            assert!(of_day.iter().all(|day| (first..later(first, days)).contains(day)));
            if events == 20_000 {
                assert_eq!(of_day.len() as u32, days);
            }
        }
    }
}

#[test]
fn times_ascend_but_for_one_event_in_a_hundred() {
    let events = events(&realistic());
    let falls = events.windows(2).filter(|pair| pair[1].server_time < pair[0].server_time);
    let share = falls.count() as f64 / EVENTS as f64;
    assert!((0.005..0.012).contains(&share), "{share}");
    let mut newest = events[0].server_time;
    for event in &events {
        newest = newest.max(event.server_time);
        assert!(newest.as_micros() - event.server_time.as_micros() < DAY / 100);
    }
}

#[test]
fn every_event_is_taken_and_returned_as_it_was_foretold() {
    for workload in [realistic().events(20_000), Workload::hostile().events(300)] {
        let store = Store::in_memory().unwrap();
        for event in &workload {
            store.validate(&event).unwrap();
        }
        store.log_events(&workload).unwrap();
        let stored: Vec<_> =
            store.query(&Query::new()).unwrap().collect::<diurnal::Result<_>>().unwrap();
        let mut foretold = events(&workload);
        foretold.sort_by_key(|event| (event.server_time, event.id));
        assert_eq!(stored, foretold);
    }
}

#[test]
fn realistic_events_have_the_shares_of_a_real_log() {
    let events = events(&realistic());
    let of_type = |name: &str| share(&events, |event| event.event_type == name);
    let shares = [
        ("heartbeat", 0.55, 0.80),
        ("modify_stream", 0.10, 0.25),
        ("client_error", 0.01, 0.06),
        ("start_record", 0.01, 0.06),
        ("start_session", 0.011, 0.014),
        ("start_stream", 0.011, 0.014),
        ("stop_stream", 0.010, 0.014),
        ("cleanup_session", 0.009, 0.013),
    ];
    for (name, least, most) in shares {
        let share = of_type(name);
        assert!((least..most).contains(&share), "{name}: {share}");
    }
    for (first, then) in [
        ("start_record", "stop_record"),
        ("stop_record", "start_upload"),
        ("start_upload", "stop_upload"),
        ("start_session", "stop_stream"),
        ("stop_stream", "cleanup_session"),
    ] {
        assert!(of_type(first) > of_type(then), "every {first} was followed by {then}");
    }
    assert!(share(&events, |event| event.data.is_some()) < 0.15);
    assert!(share(&events, |event| event.latitude.is_some()) > 0.95);
    let read = share(&events, |event| event.client_instant().is_some());
    assert_eq!(read, share(&events, |event| event.client_time.is_some()));
}

#[test]
fn some_tags_are_far_more_wanted_than_others() {
    let mut counts = HashMap::<_, u64>::new();
    let events = events(&realistic());
    for event in &events {
        let distinct: HashSet<_> = event.tags.iter().collect();
        assert_eq!(distinct.len(), event.tags.len());
        assert!(event.tags.len() <= 4);
        for tag in &event.tags {
            *counts.entry(tag).or_default() += 1;
        }
    }
    let mut counts: Vec<_> = counts.into_values().collect();
    counts.sort_unstable();
    assert_eq!(counts.len(), 40);
    assert!(counts[39] > counts[38] && counts[39] > counts[0] * 10, "{counts:?}");
}

#[test]
fn sessions_keep_their_own_pace_and_walk_on_foot() {
    let mut sessions = BTreeMap::<u64, Vec<Event>>::new();
    for event in events(&realistic()) {
        sessions.entry(event.session_id.parse().unwrap()).or_default().push(event);
    }
    let mean = EVENTS as f64 / sessions.len() as f64;
    assert!((70.0..90.0).contains(&mean), "{mean}");
    let opened: Vec<_> = sessions.values().map(|events| events[0].server_time).collect();
    assert!(opened.windows(2).filter(|pair| pair[1] < pair[0]).count() < opened.len() / 20);
    for events in sessions.values() {
        assert_eq!(events[0].event_type, "start_session");
        let walked: Vec<_> = events.iter().filter_map(|it| it.latitude.zip(it.longitude)).collect();
        for pair in walked.windows(2) {
            // 21 s at 2 m/s, and two fixes that are off by as much as they can be.
            assert!((pair[1].0 - pair[0].0).abs() < 70.0 / 111_195.0);
            assert!((pair[1].1 - pair[0].1).abs() < 70.0 / 55_000.0);
        }
    }
}

#[test]
fn nothing_repeats_in_hostile_events() {
    let events = events(&Workload::hostile().events(2_000));
    let distinct = |of: fn(&Event) -> &str| events.iter().map(of).collect::<HashSet<_>>().len();
    assert_eq!(distinct(|event| &event.session_id), 2_000);
    assert_eq!(distinct(|event| event.data.as_deref().unwrap()), 2_000);
    assert_eq!(distinct(|event| &event.event_type), 50);
    assert!(events.iter().all(|event| event.data.as_ref().unwrap().len() == 1_000));
    let tags: HashSet<_> = events.iter().flat_map(|event| &event.tags).collect();
    assert!(tags.len() > 4_000, "{}", tags.len());
}
