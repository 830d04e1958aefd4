//! Goal: `Funnel` finds how far the best attempt of each session gets. Method: as `flows` says; the loop
//! tries from each first step.

use std::time::Duration;

use diurnal::analysis::{Funnel, FunnelReport, FunnelStep};
use diurnal::{ErrorKind, Filter, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::common::cases;

fn reached(report: &FunnelReport) -> Vec<u64> {
    report.steps.iter().map(|step| step.sessions).collect()
}

#[test]
fn steps_are_reached_in_order_with_anything_between() {
    let store = store_with(&[
        ("whole", "a", 0),
        ("whole", "x", 1),
        ("whole", "b", 2),
        ("whole", "heartbeat", 3),
        ("whole", "c", 9),
        ("half", "a", 0),
        ("half", "b", 5),
        ("half", "x", 6),
        ("half", "heartbeat", 7),
        ("turned", "c", 0),
        ("turned", "b", 1),
        ("turned", "a", 2),
        ("none", "x", 0),
    ]);
    let report = store.ask(&Funnel::new(["a", "b", "c"])).unwrap();
    assert_eq!((report.sessions, reached(&report)), (4, vec![3, 2, 1]));
    let [a, b, c] = &report.steps[..] else { panic!("three steps") };
    assert_eq!((a.dropped, pairs(&a.last_types)), (1, vec![("a".to_owned(), 1)]));
    assert_eq!((b.dropped, pairs(&b.last_types)), (1, vec![("x".to_owned(), 1)]));
    assert_eq!((c.dropped, pairs(&c.last_types)), (0, vec![]));
    assert_eq!(b.delay_micros.map(|delay| (delay.min, delay.max)), Some((micros(2), micros(5))));
    assert_eq!(c.delay_micros.map(|delay| delay.median), Some(micros(9)));
}

#[test]
fn one_event_is_one_step_and_a_step_may_be_any_of_several_types() {
    let store = store_with(&[("once", "a", 0), ("twice", "a", 0), ("twice", "b", 1)]);
    let report = store.ask(&Funnel::new(["a", "a"])).unwrap();
    assert_eq!(reached(&report), [2, 0]);
    let any = FunnelStep::any_of(["a", "b"]);
    let report = store.ask(&Funnel::new([any.clone(), any])).unwrap();
    assert_eq!(reached(&report), [2, 1]);
}

#[test]
fn a_session_that_was_too_slow_may_try_again() {
    let store = store_with(&[
        ("again", "a", 0),
        ("again", "b", 61),
        ("again", "a", 100),
        ("again", "b", 160),
        ("late", "a", 0),
        ("late", "b", 61),
        // The later first step is what counts, though the earlier one came in time, too.
        ("both", "a", 0),
        ("both", "a", 40),
        ("both", "b", 50),
    ]);
    let report = store.ask(&Funnel::new(["a", "b"]).within(Duration::from_secs(60))).unwrap();
    assert_eq!(reached(&report), [3, 2]);
    let delay = report.steps[1].delay_micros.unwrap();
    assert_eq!((delay.min, delay.max), (micros(10), micros(60)));
    assert_eq!(reached(&store.ask(&Funnel::new(["a", "b"])).unwrap()), [3, 3]);
}

#[test]
fn a_step_is_not_ignored() {
    let store = store_with(&[("a", "heartbeat", 0), ("a", "x", 1), ("b", "location_update", 0)]);
    let report = store.ask(&Funnel::new(["heartbeat", "x"])).unwrap();
    assert_eq!((report.sessions, reached(&report)), (1, vec![1, 1]));
}

#[test]
fn steps_that_are_none_or_too_many_are_refused() {
    let store = store_with(&[]);
    let refused = |steps: Vec<FunnelStep>| {
        let error = store.ask(&Funnel::new(steps)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("steps"), "{error}");
    };
    refused(vec![]);
    refused(vec!["a".into(); 17]);
    refused(vec![FunnelStep::any_of([""; 0])]);
    refused(vec!["".into()]);
    refused(vec!["a\nb".into()]);
    assert_eq!(reached(&store.ask(&Funnel::new(vec!["a"; 16])).unwrap()), [0; 16]);
}

/// The places of the steps that are reached from a first one, each as soon as can be.
fn attempt(events: &[Event], steps: &[Vec<&str>], first: usize, within: Option<u64>) -> Vec<usize> {
    let mut reached = Vec::new();
    for (place, event) in events.iter().enumerate().skip(first) {
        let late = within.is_some_and(|within| {
            between(events[first].server_time, event.server_time) > micros(within)
        });
        if late || reached.len() == steps.len() {
            break;
        }
        if steps[reached.len()].contains(&&*event.event_type) {
            reached.push(place);
        }
    }
    reached
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(96)))]
    #[test]
    fn a_funnel_is_what_trying_from_each_first_step_finds(
        events in events(),
        filter in some_filter(),
        steps in vec(vec(select(&TYPES[2..]), 1..3), 1..5),
        within in proptest::option::of(0_u64..2_000),
    ) {
        let store = store_of(events);
        let mut question =
            Funnel::new(steps.iter().map(FunnelStep::any_of)).filter(filter.clone());
        if let Some(within) = within {
            question = question.within(Duration::from_secs(within));
        }
        let report = store.ask(&question).unwrap();
        let is_step = |kind: &str| steps.iter().flatten().any(|step| *step == kind);
        let mut sessions = 0;
        let mut counts = vec![0; steps.len()];
        let mut delays = vec![Vec::new(); steps.len()];
        let mut lasts = vec![Vec::new(); steps.len()];
        for mut events in by_session(&store, &filter, Timestamp::MAX).into_values() {
            events.retain(|it| {
                is_step(&it.event_type)
                    || (it.event_type != "heartbeat" && it.event_type != "location_update")
            });
            sessions += u64::from(!events.is_empty());
            let attempts: Vec<_> = (0..events.len())
                .filter(|first| steps[0].contains(&&*events[*first].event_type))
                .map(|first| (first, attempt(&events, &steps, first, within)))
                .collect();
            let best = attempts.iter().map(|(_, reached)| reached.len()).max().unwrap_or(0);
            for step in 0..best {
                counts[step] += 1;
                let here = attempts.iter().filter_map(|(first, reached)| {
                    Some((*reached.get(step)?, std::cmp::Reverse(*first)))
                });
                let (place, first) = here.min().unwrap();
                delays[step].push(between(events[first.0].server_time, events[place].server_time));
            }
            if (1..steps.len()).contains(&best) {
                lasts[best - 1].push(events.last().unwrap().event_type.clone());
            }
        }
        prop_assert_eq!(report.sessions, sessions);
        prop_assert_eq!(reached(&report), counts);
        for (step, found) in report.steps.iter().enumerate() {
            prop_assert_eq!(found.delay_micros.map(|it| it.median), median(delays[step].clone()));
            prop_assert_eq!(found.dropped, lasts[step].len() as u64);
            prop_assert_eq!(pairs(&found.last_types), counted(lasts[step].iter().map(|it| &**it)));
        }
        assert_kept(&report);
        assert_kept(&question);
    }
}

#[test]
fn a_filter_leaves_events_out() {
    let store = store_with(&[("a", "a", 0), ("a", "b", 1), ("b", "a", 0)]);
    let report = store.ask(&Funnel::new(["a", "b"]).filter(Filter::session("b"))).unwrap();
    assert_eq!((report.sessions, reached(&report)), (1, vec![1, 0]));
}
