//! Goal: `Silence` finds who stopped its heartbeats without an end. Method: as `flows` says.

use std::collections::BTreeMap;
use std::time::Duration;

use diurnal::analysis::{Silence, SilenceReport};
use diurnal::{ErrorKind, NewEvent, Query, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::common::{cases, everything, found};

fn ids(report: &SilenceReport) -> Vec<&str> {
    report.list.iter().map(|silent| &*silent.id).collect()
}

#[test]
fn silent_is_who_has_paused_longer_than_the_setting() {
    let store = store_with(&[
        ("gone", "heartbeat", 0),
        ("gone", "vote_asset", 500),
        ("gone first", "heartbeat", -60),
        ("there", "heartbeat", 1),
        ("mute", "vote_asset", 0),
        ("now", "heartbeat", 601),
    ]);
    let report = store.ask(&Silence::new()).unwrap();
    assert_eq!(ids(&report), ["gone", "gone first"], "who fell silent last comes first");
    assert_eq!((report.sources, report.without_heartbeat, report.silent), (4, 1, 2));
    let gone = &report.list[0];
    assert_eq!((gone.since, gone.silent_micros), (at(0), micros(601)));
    assert_eq!((gone.last, &*gone.last_type, gone.ended), (at(500), "vote_asset", false));
    let one = store.ask(&Silence::new().limit(1)).unwrap();
    assert_eq!((ids(&one), one.silent), (vec!["gone"], 2));
    assert_eq!(
        ids(&store.ask(&Silence::new().after(Duration::from_secs(660))).unwrap()),
        ["gone first"]
    );
}

#[test]
fn who_has_ended_is_not_silent_until_a_sign_of_life() {
    for (kinds, silent) in [
        (vec!["heartbeat"], true),
        (vec!["heartbeat", "cleanup_session"], false),
        (vec!["heartbeat", "stop_stream"], false),
        (vec!["heartbeat", "stop_listen"], false),
        (vec!["heartbeat", "pause_stream"], true),
        (vec!["heartbeat", "stop_upload"], true),
        (vec!["heartbeat", "cleanup_session", "vote_asset"], false),
        (vec!["heartbeat", "cleanup_session", "heartbeat"], true),
        (vec!["heartbeat", "stop_stream", "start_stream"], true),
        (vec!["heartbeat", "cleanup_session", "start_session"], true),
    ] {
        let mut events: Vec<_> = kinds.iter().zip(0..).map(|(kind, at)| ("a", *kind, at)).collect();
        events.push(("b", "cleanup_session", 9_999));
        let store = store_with(&events);
        let report = store.ask(&Silence::new()).unwrap();
        assert_eq!(report.silent, u64::from(silent), "{kinds:?}");
        let all = store.ask(&Silence::new().ended(true)).unwrap();
        assert_eq!((all.silent, all.list[0].ended), (1, !silent), "{kinds:?}");
    }
}

#[test]
fn now_is_the_newest_event_unless_it_is_said() {
    let store =
        store_with(&[("a", "heartbeat", 0), ("b", "vote_asset", 700), ("a", "heartbeat", 650)]);
    assert_eq!(store.ask(&Silence::new()).unwrap().silent, 0);
    let only = store.ask(&Silence::new().filter(Filter::session("a"))).unwrap();
    assert_eq!(only.at, Some(at(700)), "of the store, whatever the filter");
    let then = store.ask(&Silence::new().at(at(640))).unwrap();
    assert_eq!((then.at, then.list[0].since), (Some(at(640)), at(0)), "later events are left out");
    assert_eq!(store.ask(&Silence::new().at(at(1_251))).unwrap().silent, 1);
    assert_eq!(store.ask(&Silence::new().at(Timestamp::MAX)).unwrap().silent, 1);
    assert_eq!(store.ask(&Silence::new().at(Timestamp::MIN)).unwrap().sources, 0);
    assert_eq!(store_with(&[]).ask(&Silence::new()).unwrap().at, None);
}

#[test]
fn other_types_may_be_heartbeats() {
    let store = store_with(&[
        ("walk", "location_update", 0),
        ("walk", "stop_stream", 1),
        ("walk", "location_update", 2),
        ("beat", "heartbeat", 0),
        ("now", "vote_asset", 9_999),
    ]);
    let question = Silence::new().heartbeat_types(["location_update", "start_session"]);
    let report = store.ask(&question).unwrap();
    assert_eq!((ids(&report), report.list[0].since), (vec!["walk"], at(2)));
    assert_eq!((report.sources, report.without_heartbeat), (1, 2));
}

#[test]
fn a_device_has_the_events_with_its_tag_and_those_of_the_sessions_that_named_it() {
    let event = |session: i32, kind: &str, seconds: i64| {
        NewEvent::new(session, kind).server_time(at(seconds))
    };
    let store = store_of([
        event(1, "heartbeat", 0),
        event(1, "start_session", 1).tag("kiosk:lobby").tag("3"),
        event(1, "heartbeat", 2),
        event(1, "heartbeat", 3).tag("kiosk:stairs"),
        event(1, "heartbeat", 4),
        event(2, "vote_asset", 5).tag("kiosk:door"),
        event(3, "heartbeat", 9_999).tag("4"),
    ]);
    let report = store.ask(&Silence::new().by_tag("kiosk:")).unwrap();
    assert_eq!(ids(&report), ["kiosk:stairs", "kiosk:lobby"]);
    assert_eq!((report.list[0].since, report.list[1].since), (at(4), at(2)));
    assert_eq!((report.sources, report.without_heartbeat), (2, 1));
    assert_eq!(store.ask(&Silence::new().by_tag("none")).unwrap().sources, 0);
    let error = store.ask(&Silence::new().by_tag("")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("by_tag"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(96)))]
    #[test]
    fn silence_is_that_of_a_loop_over_each_source(
        events in events(),
        filter in some_filter(),
        after in 0_u64..100_000,
        until in proptest::option::of(0_i64..260_000),
        ended in any::<bool>(),
        by_tag in any::<bool>(),
    ) {
        let store = store_of(events);
        let mut question = Silence::new()
            .filter(filter.clone())
            .after(Duration::from_secs(after))
            .ended(ended);
        question.at = until.map(at);
        question.by_tag = by_tag.then(|| "kiosk:".to_owned());
        let report = store.ask(&question).unwrap();
        let newest = everything(&store).last().map(|event| event.server_time);
        let now = until.map(at).or(newest).unwrap_or_default();
        // Each source's events, in order.
        let mut sources = BTreeMap::<String, Vec<Event>>::new();
        let mut named = BTreeMap::<String, String>::new();
        for event in found(&store, &Query::from(filter)) {
            if event.server_time > now {
                continue;
            }
            let own: Vec<_> =
                event.tags.iter().filter(|tag| tag.starts_with("kiosk:")).cloned().collect();
            if let Some(last) = own.last() {
                named.insert(event.session_id.clone(), last.clone());
            }
            let of = match by_tag {
                false => vec![event.session_id.clone()],
                true if own.is_empty() => named.get(&event.session_id).cloned().into_iter().collect(),
                true => own,
            };
            of.into_iter().for_each(|of| sources.entry(of).or_default().push(event.clone()));
        }
        let mut expected = Vec::new();
        let mut with_heartbeat = 0;
        for (id, events) in &sources {
            let heartbeat = events.iter().rev().find(|it| it.event_type == "heartbeat");
            let Some(heartbeat) = heartbeat else { continue };
            with_heartbeat += 1;
            let telling = ["heartbeat", "start_session", "start_stream", "cleanup_session", "stop_listen"];
            let last = events.iter().rev().find(|it| telling.contains(&&*it.event_type)).unwrap();
            let has_ended = telling[3..].contains(&&*last.event_type);
            let since = heartbeat.server_time;
            if between(since, now) > micros(after) && (ended || !has_ended) {
                expected.push((since, id.clone(), has_ended, events.last().unwrap().server_time));
            }
        }
        expected.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        let listed: Vec<_> =
            report.list.iter().map(|it| (it.since, it.id.clone(), it.ended, it.last)).collect();
        prop_assert_eq!(listed, expected);
        prop_assert_eq!(report.sources, with_heartbeat);
        prop_assert_eq!(report.without_heartbeat, sources.len() as u64 - with_heartbeat);
        assert_kept(&report);
        assert_kept(&question);
    }
}
