//! Goal: `ClientErrors` groups what clients report by what it says. Method: as `flows` says; the patterns
//! themselves are tested beside their rules.

use std::collections::{BTreeMap, BTreeSet};

use diurnal::analysis::{ClientErrors, ClientErrorsReport, message_pattern};
use diurnal::{Filter, NewEvent, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::common::cases;

fn error(session: u32, seconds: i64, message: &str) -> NewEvent {
    NewEvent::new(session, "client_error").server_time(at(seconds)).data(message)
}

fn told(report: &ClientErrorsReport) -> Vec<(Option<&str>, u64, u64)> {
    let groups = report.groups.iter();
    groups.map(|group| (group.pattern.as_deref(), group.count, group.sessions)).collect()
}

#[test]
fn errors_that_say_the_same_are_one_group() {
    let without = NewEvent::new(1, "client_error").server_time(at(9));
    let store = store_of([
        error(2, 5, "got 404"),
        error(1, 3, "got 500"),
        error(1, 4, "got 404 "),
        error(1, 8, ""),
        without,
        NewEvent::new(1, "server_error").server_time(at(0)).data("got 1"),
    ]);
    let report = store.ask(&ClientErrors::new()).unwrap();
    assert_eq!(told(&report), [(Some("got <n>"), 3, 2), (None, 1, 1), (Some(""), 1, 1)]);
    let first = &report.groups[0];
    assert_eq!((first.first, first.last), (at(3), at(5)));
    assert_eq!(first.example.as_deref(), Some("got 500"));
    assert_eq!(store.event(first.example_id).unwrap().unwrap().data, first.example);
    assert_eq!((report.count, report.sessions, report.groups_found), (5, 2, 3));
    assert_eq!(report.others, None);
    let both = ClientErrors::new().types(["client_error", "server_error"]);
    assert_eq!(told(&store.ask(&both).unwrap())[0], (Some("got <n>"), 4, 2));
    assert_eq!(store.ask(&ClientErrors::new().types([""; 0])).unwrap().count, 0);
}

#[test]
fn what_is_not_listed_is_counted() {
    let store = store_of([
        error(1, 0, "a"),
        error(2, 1, "a"),
        error(1, 2, "b"),
        error(1, 3, "c"),
        error(3, 4, "c"),
        error(1, 5, "d"),
    ]);
    let report = store.ask(&ClientErrors::new().limit(1)).unwrap();
    assert_eq!((told(&report), report.groups_found), (vec![(Some("a"), 2, 2)], 4));
    let others = report.others.unwrap();
    assert_eq!((others.count, others.sessions), (4, 2));
    assert_eq!((others.first, others.last), (at(2), at(5)));
    assert_eq!((report.count, report.sessions), (6, 3));
    let none = store.ask(&ClientErrors::new().limit(0)).unwrap();
    assert_eq!((none.count, none.others.unwrap().count), (6, 6));
}

#[test]
fn groups_beyond_their_bound_are_counted_together() {
    let letters = |mut n: u32| -> String {
        let mut word = String::new();
        for _ in 0..4 {
            word.push(char::from(b'g' + (n % 16) as u8));
            n /= 16;
        }
        word
    };
    let again = (0..5).map(|n| error(7, 20_000, &letters(n)));
    let store = store_of((0..10_050).map(|n| error(n % 9, n.into(), &letters(n))).chain(again));
    let report = store.ask(&ClientErrors::new().limit(u64::MAX)).unwrap();
    assert_eq!((report.count, report.groups_found, report.groups.len()), (10_055, 10_000, 10_000));
    assert_eq!(report.groups[4].count, 2);
    let others = report.others.unwrap();
    assert_eq!((others.count, others.sessions, others.first), (50, 9, at(10_000)));
}

#[test]
fn hostile_messages_are_cut_and_kept_apart_from_their_examples() {
    let long = format!("{}€{}", "x".repeat(1_023), "y".repeat(30_000));
    let report = store_of([error(1, 0, &long), error(1, 1, "\u{1b}[2J\0 5")])
        .ask(&ClientErrors::new())
        .unwrap();
    let examples: Vec<_> =
        report.groups.iter().map(|group| group.example.clone().unwrap()).collect();
    assert_eq!(examples[0], "\u{1b}[2J\0 5");
    assert_eq!(examples[1], format!("{}…", "x".repeat(1_023)), "cut between characters");
    assert!(report.groups.iter().all(|it| it.pattern.as_ref().unwrap().len() <= 512));
    assert_kept(&report);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(64)))]
    #[test]
    fn errors_are_those_of_a_loop_over_all(
        events in events(),
        filter in some_filter(),
        limit in 0_u64..8,
    ) {
        let store = store_of(events);
        let question = ClientErrors::new()
            .filter(filter.clone())
            .types(["client_error", "vote_asset", "heartbeat"])
            .limit(limit);
        let report = store.ask(&question).unwrap();
        let wanted = filter.and(Filter::event_types(&question.types));
        let mut groups = BTreeMap::<Option<String>, Vec<Event>>::new();
        for events in by_session(&store, &wanted, Timestamp::MAX).into_values() {
            for event in events {
                groups.entry(event.data.as_deref().map(message_pattern)).or_default().push(event);
            }
        }
        let mut groups: Vec<_> = groups.into_iter().collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.1.len()));
        let sessions = |events: &[&Event]| {
            events.iter().map(|event| event.session_id.clone()).collect::<BTreeSet<_>>().len() as u64
        };
        let all: Vec<&Event> = groups.iter().flat_map(|group| &group.1).collect();
        prop_assert_eq!((report.count, report.sessions), (all.len() as u64, sessions(&all)));
        prop_assert_eq!(report.groups_found, groups.len() as u64);
        prop_assert_eq!(report.groups.len() as u64, limit.min(groups.len() as u64));
        for (found, (pattern, events)) in report.groups.iter().zip(&groups) {
            let first = events.iter().min_by_key(|it| (it.server_time, it.id)).unwrap();
            let last = events.iter().map(|it| it.server_time).max().unwrap();
            prop_assert_eq!(&found.pattern, pattern);
            prop_assert_eq!(found.count, events.len() as u64);
            prop_assert_eq!(found.sessions, sessions(&events.iter().collect::<Vec<_>>()));
            prop_assert_eq!((found.first, found.last), (first.server_time, last));
            prop_assert_eq!((&found.example, found.example_id), (&first.data, first.id));
        }
        let rest: Vec<&Event> =
            groups.iter().skip(report.groups.len()).flat_map(|group| &group.1).collect();
        let others = report.others.map(|it| (it.count, it.sessions, it.first, it.last));
        let times = || rest.iter().map(|it| it.server_time);
        let expected = (!rest.is_empty()).then(|| {
            (rest.len() as u64, sessions(&rest), times().min().unwrap(), times().max().unwrap())
        });
        prop_assert_eq!(others, expected);
        assert_kept(&report);
        assert_kept(&question);
    }
}
