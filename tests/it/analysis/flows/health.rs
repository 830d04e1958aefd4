//! Goal: `Health` tells for each day how sessions, heartbeats and uploads went. Method: as `flows` says.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use diurnal::analysis::{Health, HealthFigures};
use diurnal::{Day, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::common::cases;

const HOURS: i64 = 3_600;

/// Long after everything, so that no session is open.
const LATER: (&str, &str, i64) = ("later", "cleanup_session", 100 * HOURS);

fn total(events: &[(&str, &str, i64)]) -> HealthFigures {
    store_with(events).ask(&Health::new()).unwrap().total
}

#[test]
fn a_session_without_cleanup_is_listed_once_it_can_no_longer_go_on() {
    let store = store_with(&[
        ("clean", "start_session", 0),
        ("clean", "cleanup_session", 5),
        ("unclean", "start_session", 0),
        ("unclean", "vote_asset", 600),
        ("open", "heartbeat", 601),
        ("closed", "cleanup_session", 1_201),
    ]);
    let report = store.ask(&Health::new()).unwrap();
    let figures = report.total;
    assert_eq!((figures.sessions, figures.ended, figures.open), (4, 3, 1));
    assert_eq!((figures.without_cleanup, figures.after_cleanup), (1, 0));
    let [listed] = &report.unended[..] else { panic!("{:?}", report.unended) };
    assert_eq!((&*listed.id, &*listed.last_type), ("unclean", "vote_asset"));
    assert_eq!((listed.last, report.at), (at(600), Some(at(1_201))));
    let earlier = store.ask(&Health::new().at(at(600))).unwrap();
    assert_eq!((earlier.total.sessions, earlier.total.open), (2, 1), "later events are left out");
    let all = store.ask(&Health::new().open(Duration::ZERO).limit(1)).unwrap();
    assert_eq!((all.total.without_cleanup, all.unended.len()), (2, 1));
    assert_eq!(all.unended[0].id, "open", "the latest comes first");
}

#[test]
fn a_session_goes_on_after_its_cleanup_unless_it_begins_again() {
    let went_on = |kinds: &[&str]| {
        let events: Vec<_> = kinds.iter().zip(0..).map(|(kind, at)| ("a", *kind, at)).collect();
        total(&[&events[..], &[LATER]].concat()).after_cleanup
    };
    assert_eq!(went_on(&["heartbeat", "cleanup_session", "heartbeat"]), 1);
    assert_eq!(went_on(&["cleanup_session", "cleanup_session"]), 0);
    assert_eq!(went_on(&["cleanup_session", "start_session", "heartbeat"]), 0);
    assert_eq!(went_on(&["cleanup_session", "heartbeat", "cleanup_session"]), 1);
}

#[test]
fn a_gap_is_a_long_pause_between_heartbeats_of_one_life() {
    let gaps = |events: &[(&str, &str, i64)]| {
        let figures = total(events);
        (figures.heartbeat_gaps, figures.longest_gap_micros)
    };
    assert_eq!(gaps(&[("a", "heartbeat", 0), ("a", "heartbeat", 180)]), (0, 0));
    let paused = [("a", "heartbeat", 0), ("a", "vote_asset", 90), ("a", "heartbeat", 181)];
    assert_eq!(gaps(&paused), (1, micros(181)), "other events do not mend it");
    for between in ["start_session", "cleanup_session"] {
        let ended = [("a", "heartbeat", 0), ("a", between, 90), ("a", "heartbeat", 999)];
        assert_eq!(gaps(&ended), (0, 0), "{between}");
    }
    assert_eq!(gaps(&[("a", "heartbeat", 0), ("b", "heartbeat", 999)]), (0, 0));
}

#[test]
fn an_upload_is_lost_where_no_stop_is_left_for_it() {
    let lost = |events: &[(&str, &str, i64)]| {
        let figures = total(&[events, &[LATER]].concat());
        (figures.uploads, figures.uploads_unstopped)
    };
    let (start, stop) = ("start_upload", "stop_upload");
    assert_eq!(lost(&[("a", start, 0), ("a", stop, 1)]), (1, 0));
    assert_eq!(lost(&[("a", stop, 0), ("a", start, 1)]), (1, 1), "a stop waits for no start");
    assert_eq!(lost(&[("a", start, 0), ("a", start, 1), ("a", stop, 2)]), (2, 1));
    assert_eq!(lost(&[("a", start, 0), ("b", stop, 1)]), (1, 1));
    let under_way = total(&[("a", start, 0), ("b", "heartbeat", 600)]);
    assert_eq!((under_way.uploads, under_way.uploads_unstopped), (1, 0), "it may still stop");
}

#[test]
fn figures_belong_to_their_days() {
    let store = store_with(&[
        ("a", "start_upload", 0),
        ("a", "heartbeat", 60),
        // The next day.
        ("a", "heartbeat", 13 * HOURS),
        ("a", "start_upload", 13 * HOURS + 1),
        ("a", "stop_upload", 13 * HOURS + 2),
        ("b", "cleanup_session", 14 * HOURS),
        LATER,
    ]);
    let report = store.ask(&Health::new()).unwrap();
    let days: Vec<_> = report.days.iter().map(|day| day.day.to_string()).collect();
    assert_eq!(days, ["2026-11-23", "2026-11-24", "2026-11-27"]);
    let [first, second, _] = &report.days[..] else { panic!("three days") };
    let (first, second) = (first.figures, second.figures);
    assert_eq!((first.sessions, first.returning, first.ended), (1, 0, 0));
    assert_eq!((first.heartbeat_gaps, second.heartbeat_gaps), (1, 0), "it begins on the first");
    assert_eq!((second.sessions, second.returning, second.ended), (2, 1, 2));
    assert_eq!((first.without_cleanup, second.without_cleanup), (0, 1));
    assert_eq!((first.uploads_unstopped, second.uploads_unstopped), (0, 1), "the earliest stops");
    assert_eq!((report.total.sessions, report.total.returning), (3, 1));
}

#[test]
fn an_empty_store_is_answered() {
    let report = store_with(&[]).ask(&Health::new()).unwrap();
    assert_eq!((report.at, report.days.len(), report.total.sessions), (None, 0, 0));
    assert_kept(&report);
}

/// The figures of each day, the sessions without cleanup, and how many sessions have two days.
fn naive(
    sessions: &BTreeMap<String, Vec<Event>>,
    now: Timestamp,
    gap: u64,
    open: u64,
) -> (BTreeMap<Day, HealthFigures>, Vec<(Timestamp, String)>, u64) {
    let mut days = BTreeMap::<Day, HealthFigures>::new();
    let (mut unended, mut returned) = (Vec::new(), 0);
    for (id, events) in sessions {
        let is = |place: usize, kind: &str| events[place].event_type == kind;
        let mut seen = BTreeSet::new();
        for event in events {
            let figures = days.entry(event.id.day()).or_default();
            figures.events += 1;
            if seen.insert(event.id.day()) {
                figures.sessions += 1;
                figures.returning += u64::from(seen.len() > 1);
            }
        }
        returned += u64::from(seen.len() > 1);
        let last = events.last().unwrap();
        let is_open =
            last.event_type != "cleanup_session" && between(last.server_time, now) <= micros(open);
        let cleanups: Vec<_> =
            (0..events.len()).filter(|place| is(*place, "cleanup_session")).collect();
        let went_on = cleanups.iter().any(|place| {
            let next = events.get(place + 1).map(|next| &*next.event_type);
            next.is_some_and(|next| next != "cleanup_session" && next != "start_session")
        });
        let end = days.get_mut(&last.id.day()).unwrap();
        if is_open {
            end.open += 1;
        } else {
            end.ended += 1;
            end.after_cleanup += u64::from(went_on);
            if cleanups.is_empty() {
                end.without_cleanup += 1;
                unended.push((last.server_time, id.clone()));
            }
        }
        for (place, event) in events.iter().enumerate().filter(|(place, _)| is(*place, "heartbeat"))
        {
            let ends = ["heartbeat", "start_session", "cleanup_session"];
            let next = events[place + 1..].iter().find(|it| ends.contains(&&*it.event_type));
            let Some(next) = next.filter(|next| next.event_type == "heartbeat") else { continue };
            let pause = between(event.server_time, next.server_time);
            if pause > micros(gap) {
                let figures = days.get_mut(&event.id.day()).unwrap();
                figures.heartbeat_gaps += 1;
                figures.longest_gap_micros = figures.longest_gap_micros.max(pause);
            }
        }
        let mut under_way = Vec::new();
        for event in events {
            match &*event.event_type {
                "start_upload" => {
                    days.get_mut(&event.id.day()).unwrap().uploads += 1;
                    under_way.push(event.id.day());
                }
                "stop_upload" if !under_way.is_empty() => drop(under_way.remove(0)),
                _ => {}
            }
        }
        for day in under_way.into_iter().filter(|_| !is_open) {
            days.get_mut(&day).unwrap().uploads_unstopped += 1;
        }
    }
    unended.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    (days, unended, returned)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(96)))]
    #[test]
    fn health_is_that_of_a_loop_over_each_session(
        events in events(),
        filter in some_filter(),
        gap in 0_u64..3_000,
        open in 0_u64..9_000,
        until in proptest::option::of(0_i64..260_000),
    ) {
        let store = store_of(events);
        let mut question = Health::new()
            .filter(filter.clone())
            .gap(Duration::from_secs(gap))
            .open(Duration::from_secs(open));
        question.at = until.map(at);
        let report = store.ask(&question).unwrap();
        let newest = crate::common::everything(&store).last().map(|event| event.server_time);
        prop_assert_eq!(report.at, until.map(at).or(newest));
        let now = report.at.unwrap_or_default();
        let sessions = by_session(&store, &filter, now);
        let (days, unended, returned) = naive(&sessions, now, gap, open);
        let found: BTreeMap<_, _> = report.days.iter().map(|day| (day.day, day.figures)).collect();
        prop_assert_eq!(&found, &days);
        prop_assert!(report.days.is_sorted_by_key(|day| day.day));
        let listed: Vec<_> = report.unended.iter().map(|it| (it.last, it.id.clone())).collect();
        prop_assert_eq!(listed, unended);
        let sum = |of: fn(&HealthFigures) -> u64| days.values().map(of).sum::<u64>();
        let all = report.total;
        prop_assert_eq!((all.sessions, all.returning), (sessions.len() as u64, returned));
        prop_assert_eq!(all.events, sum(|day| day.events));
        prop_assert_eq!((all.ended, all.open), (sum(|day| day.ended), sum(|day| day.open)));
        prop_assert_eq!(all.without_cleanup, sum(|day| day.without_cleanup));
        prop_assert_eq!(all.after_cleanup, sum(|day| day.after_cleanup));
        prop_assert_eq!(all.heartbeat_gaps, sum(|day| day.heartbeat_gaps));
        prop_assert_eq!(
            (all.uploads, all.uploads_unstopped),
            (sum(|day| day.uploads), sum(|day| day.uploads_unstopped))
        );
        assert_kept(&report);
        assert_kept(&question);
    }
}
