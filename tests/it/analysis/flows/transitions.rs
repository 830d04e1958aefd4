//! Goal: `Paths` counts each event of a session and its next one. Method: as `flows` says.

use std::collections::BTreeMap;
use std::time::Duration;

use diurnal::analysis::{Ignored, Paths, Transition};
use diurnal::{Filter, NewEvent, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::common::cases;

fn told(paths: &[Transition]) -> Vec<(&str, &str, u64, u64)> {
    let told = paths.iter();
    told.map(|path| (&*path.from, &*path.to, path.count, path.delay_micros.median)).collect()
}

#[test]
fn each_action_and_the_next_of_its_session_are_a_transition() {
    let store = store_with(&[
        ("a", "start_record", 0),
        ("b", "start_record", 1),
        ("a", "heartbeat", 2),
        ("a", "location_update", 3),
        ("a", "stop_record", 4),
        ("b", "stop_record", 7),
        ("a", "stop_record", 9),
    ]);
    let report = store.ask(&Paths::new()).unwrap();
    assert_eq!(
        told(&report.paths),
        [
            ("start_record", "stop_record", 2, micros(4)),
            ("stop_record", "stop_record", 1, micros(5))
        ]
    );
    assert_eq!(report.paths[0].delay_micros.max, micros(6));
    assert_eq!((report.events, report.sessions, report.visits), (5, 2, 2));
    assert_eq!((report.transitions, report.others), (3, 0));
    assert_eq!(pairs(&report.first_types), [("start_record".to_owned(), 2)]);
    assert_eq!(pairs(&report.last_types), [("stop_record".to_owned(), 2)]);
    let all = store.ask(&Paths::new().ignored(Ignored::new([""; 0]))).unwrap();
    assert_eq!((all.events, all.transitions), (7, 5));
}

#[test]
fn a_pause_longer_than_the_gap_begins_another_visit() {
    let store = store_with(&[("a", "x", 0), ("a", "y", 60), ("a", "x", 121), ("a", "y", 122)]);
    let report = store.ask(&Paths::new().gap(Duration::from_secs(60))).unwrap();
    assert_eq!(told(&report.paths), [("x", "y", 2, micros(1))]);
    assert_eq!((report.sessions, report.visits, report.transitions), (1, 2, 2));
    assert_eq!(pairs(&report.first_types), [("x".to_owned(), 2)]);
}

#[test]
fn an_empty_store_has_no_paths() {
    let report = store_with(&[]).ask(&Paths::new()).unwrap();
    assert_eq!((report.events, report.transitions, report.paths.len()), (0, 0, 0));
}

#[test]
fn pairs_of_very_many_types_are_counted_and_not_listed() {
    let kinds = (0..600).chain(0..600);
    let store =
        store_of(kinds.zip(0..).map(|(kind, second)| {
            NewEvent::new("a", format!("type {kind}")).server_time(at(second))
        }));
    let report = store.ask(&Paths::new().limit(u64::MAX)).unwrap();
    assert_eq!(report.transitions, 1199);
    // Of the first 256 types, each is followed by the next one twice, and the last of all by the first once.
    assert_eq!(report.paths.len(), 255);
    assert_eq!(report.others, 1199 - 2 * 255);
    let few = store.ask(&Paths::new().limit(2)).unwrap();
    assert_eq!((few.paths.len(), few.others, few.first_types.len()), (2, 1195, 1));
}

#[test]
fn the_delays_of_very_many_transitions_are_within_a_128th() {
    let mut second = 0;
    let store = store_of((0..9_000).map(|n| {
        second += n % 977;
        NewEvent::new("a", "x").server_time(at(second))
    }));
    let events = by_session(&store, &Filter::All, Timestamp::MAX);
    let delays: Vec<u64> =
        events["a"].windows(2).map(|two| between(two[0].server_time, two[1].server_time)).collect();
    let report = store.ask(&Paths::new()).unwrap();
    let found = report.paths[0].delay_micros;
    let exact = median(delays.clone()).unwrap();
    assert_eq!((found.count, found.max), (8_999, *delays.iter().max().unwrap()));
    assert!(found.median.abs_diff(exact) <= exact / 128, "{} for {exact}", found.median);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(64)))]
    #[test]
    fn paths_are_those_of_a_loop_over_each_session(
        events in events(),
        filter in some_filter(),
        gap in proptest::option::of(0_u64..400),
    ) {
        let store = store_of(events);
        let mut question = Paths::new().filter(filter.clone());
        if let Some(gap) = gap {
            question = question.gap(Duration::from_secs(gap));
        }
        let report = store.ask(&question).unwrap();
        let mut delays = BTreeMap::<(String, String), Vec<u64>>::new();
        let (mut firsts, mut lasts, mut walked, mut sessions) = (Vec::new(), Vec::new(), 0, 0);
        for mut events in by_session(&store, &filter, Timestamp::MAX).into_values() {
            events.retain(|it| it.event_type != "heartbeat" && it.event_type != "location_update");
            walked += events.len() as u64;
            sessions += u64::from(!events.is_empty());
            for (place, event) in events.iter().enumerate() {
                let pause = |other: &Event| gap.is_some_and(|gap| {
                    between(event.server_time, other.server_time) > micros(gap)
                });
                if place == 0 || pause(&events[place - 1]) {
                    firsts.push(event.event_type.clone());
                }
                match events.get(place + 1) {
                    Some(next) if !pause(next) => {
                        let pair = (event.event_type.clone(), next.event_type.clone());
                        let delay = between(event.server_time, next.server_time);
                        delays.entry(pair).or_default().push(delay);
                    }
                    _ => lasts.push(event.event_type.clone()),
                }
            }
        }
        let mut expected: Vec<_> = delays
            .iter()
            .map(|((from, to), all)| {
                (&**from, &**to, all.len() as u64, median(all.clone()).unwrap())
            })
            .collect();
        expected.sort_by_key(|path| std::cmp::Reverse(path.2));
        prop_assert_eq!(told(&report.paths), expected);
        prop_assert_eq!(report.events, walked);
        prop_assert_eq!(report.sessions, sessions);
        prop_assert_eq!(report.visits, firsts.len() as u64);
        prop_assert_eq!(report.transitions, walked - report.visits);
        prop_assert_eq!(report.others, 0);
        prop_assert_eq!(pairs(&report.first_types), counted(firsts.iter().map(|it| &**it)));
        prop_assert_eq!(pairs(&report.last_types), counted(lasts.iter().map(|it| &**it)));
        assert_kept(&report);
        assert_kept(&question);
    }
}
