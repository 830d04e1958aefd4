//! Goal: the figures of sessions and tags agree with a recomputation that shares nothing with theirs.
//! Method: the events that `Store::query` gives are looked at one by one, with loops that look ahead, and
//! `geo`'s geodesic.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use diurnal::analysis::{
    NoFix, Session, SessionFigures, SessionSettings, Sessions, SessionsReport, Tags,
};
use diurnal::testing::workload::Workload;
use diurnal::{Event, Filter, NewEvent, Order, Query, Store, TimeRange};
use geo::{Distance, Geodesic, Point};

use super::{random_events, second, store_of};
use crate::common::{Random, found};
use crate::real_data::files;

fn by_session(events: &[Event]) -> BTreeMap<String, Vec<Event>> {
    let mut sessions = BTreeMap::<String, Vec<Event>>::new();
    for event in events {
        sessions.entry(event.session_id.clone()).or_default().push(event.clone());
    }
    sessions
}

/// What of a session is seen.
fn seen<'a>(events: &'a [Event], settings: &SessionSettings) -> Vec<&'a Event> {
    let is_action = |event: &&Event| !settings.passive.contains(&event.event_type);
    if !settings.cut_idle {
        return events.iter().collect();
    }
    let times: Vec<_> = events.iter().filter(is_action).map(|event| event.server_time).collect();
    let within = |event: &&Event| {
        times.iter().any(|time| *time <= event.server_time)
            && times.iter().any(|time| *time >= event.server_time)
    };
    events.iter().filter(within).collect()
}

/// For each choice, its different tags and for how many microseconds it was heard.
fn heard(events: &[&Event], gap: Option<Duration>) -> Vec<(BTreeSet<String>, i64)> {
    let mut choices = Vec::new();
    for (place, event) in events.iter().enumerate() {
        if event.event_type != "modify_stream" {
            continue;
        }
        let (mut micros, mut playing) = (0, true);
        for pair in events[place..].windows(2) {
            let silence = pair[1].server_time.as_micros() - pair[0].server_time.as_micros();
            if playing {
                micros += gap.map_or(silence, |gap| silence.min(gap.as_micros() as i64));
            }
            match pair[1].event_type.as_str() {
                "modify_stream" | "stop_stream" | "stop_listen" | "cleanup_session" => break,
                "pause_stream" => playing = false,
                "start_stream" | "play_stream" | "start_listen" => playing = true,
                _ => {}
            }
        }
        let tags: BTreeSet<String> = event.tags.iter().cloned().collect();
        let micros = if tags.is_empty() { 0 } else { micros };
        choices.push((tags, micros));
    }
    choices
}

/// The places of these events: a latitude and a longitude each.
fn places(events: &[&Event]) -> Vec<(f64, f64)> {
    let places = events.iter().filter_map(|event| event.latitude.zip(event.longitude));
    places.filter(|place| *place != (1.0, 1.0) && *place != (0.0, 0.0)).collect()
}

fn metres(places: &[(f64, f64)]) -> f64 {
    let point = |place: (f64, f64)| Point::new(place.1, place.0);
    places.windows(2).map(|pair| Geodesic.distance(point(pair[0]), point(pair[1]))).sum()
}

/// West, south, east, north.
fn bounds(places: &[(f64, f64)]) -> Option<[f64; 4]> {
    let least = |all: &mut dyn Iterator<Item = f64>| all.reduce(f64::min);
    let greatest = |all: &mut dyn Iterator<Item = f64>| all.reduce(f64::max);
    let plain = || places.iter().map(|place| place.1);
    let turned = || plain().map(|degrees| if degrees < 0.0 { degrees + 360.0 } else { degrees });
    let back = |degrees: f64| if degrees > 180.0 { degrees - 360.0 } else { degrees };
    let latitudes = || places.iter().map(|place| place.0);
    let (south, north) = (least(&mut latitudes())?, greatest(&mut latitudes())?);
    let (west, east) = (least(&mut plain())?, greatest(&mut plain())?);
    let (turned_west, turned_east) = (least(&mut turned())?, greatest(&mut turned())?);
    let crosses = turned_east - turned_west < east - west - 1e-9;
    let (west, east) = if crosses { (turned_west, back(turned_east)) } else { (west, east) };
    Some([west, south, east, north])
}

/// The median of the readings that are looked at: each of up to 64, or an even sample.
fn skew(events: &[&Event]) -> (u64, Option<i64>) {
    let reading =
        |event: &&Event| Some(event.client_instant()?.as_micros() - event.server_time.as_micros());
    let all: Vec<i64> = events.iter().filter_map(reading).collect();
    let step = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];
    let step = step.into_iter().find(|step| all.len().div_ceil(*step) <= 64).unwrap();
    let mut sample: Vec<i64> = all.iter().step_by(step).copied().collect();
    sample.sort_unstable();
    (all.len() as u64, sample.get(sample.len().saturating_sub(1) / 2).copied())
}

fn abandoned(events: &[&Event]) -> u64 {
    let mut open: i64 = 0;
    for event in events {
        match event.event_type.as_str() {
            "start_record" => open += 1,
            "stop_upload" => open = (open - 1).max(0),
            _ => {}
        }
    }
    open as u64
}

fn assert_near(found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-5 * expected + 1e-6, "{found} for {expected}");
}

fn assert_figures(found: &SessionFigures, events: &[Event], settings: &SessionSettings) {
    let seen = seen(events, settings);
    let of = |kind: &str| seen.iter().filter(|event| event.event_type == kind).count() as u64;
    let is_action = |event: &&&Event| !settings.passive.contains(&event.event_type);
    assert_eq!(found.events, seen.len() as u64, "{found:?}");
    assert_eq!(found.cut_events, (events.len() - seen.len()) as u64);
    assert_eq!(found.actions, seen.iter().filter(is_action).count() as u64);
    let first = seen.first().map_or(events[0].server_time, |event| event.server_time);
    let last = seen.last().map_or(first, |event| event.server_time);
    assert_eq!((found.first, found.last), (first, last));
    assert_eq!(found.duration_micros, last.as_micros() - first.as_micros());
    let silences = seen
        .windows(2)
        .map(|pair| pair[1].server_time.as_micros() - pair[0].server_time.as_micros());
    let active: i64 = silences.filter(|it| *it as u64 <= settings.active_gap_micros).sum();
    assert_eq!(found.active_micros, active);
    let places = places(&seen);
    assert_eq!(found.points, places.len() as u64);
    assert_near(found.metres, metres(&places));
    match (found.bounds, bounds(&places)) {
        (Some(it), Some(expected)) => {
            for (found, expected) in [it.west, it.south, it.east, it.north].iter().zip(expected) {
                assert!((found - expected).abs() < 1e-9, "{it:?} for {expected:?}");
            }
        }
        (found, expected) => assert!(found.is_none() && expected.is_none(), "{found:?}"),
    }
    let heard = heard(&seen, settings.listening_gap_micros.map(Duration::from_micros));
    assert_eq!(found.choices, heard.len() as u64);
    let tags: BTreeSet<_> = heard.iter().flat_map(|(tags, _)| tags).collect();
    assert_eq!(found.tags_chosen, tags.len() as u64);
    assert_eq!(found.listening_micros, heard.iter().map(|(_, micros)| micros).sum::<i64>());
    assert_eq!(
        [found.recordings_started, found.recordings_stopped, found.uploads_started],
        ["start_record", "stop_record", "start_upload"].map(of)
    );
    assert_eq!((found.uploads_stopped, found.errors), (of("stop_upload"), of("client_error")));
    assert_eq!(found.abandoned, abandoned(&seen));
    assert_eq!((found.client_times, found.skew_micros), skew(&seen));
}

fn assert_totals(report: &SessionsReport, all: &[&SessionFigures]) {
    let totals = &report.totals;
    assert_eq!(totals.sessions, all.len() as u64);
    let sum = |figure: fn(&SessionFigures) -> u64| all.iter().map(|it| figure(it)).sum::<u64>();
    assert_eq!(totals.events, sum(|it| it.events));
    assert_eq!(totals.actions, sum(|it| it.actions));
    assert_eq!(totals.abandoned, sum(|it| it.abandoned));
    assert_eq!(totals.points, sum(|it| it.points));
    let sum = |figure: fn(&SessionFigures) -> i64| all.iter().map(|it| figure(it)).sum::<i64>();
    assert_eq!(totals.active_micros, sum(|it| it.active_micros));
    assert_eq!(totals.listening_micros, sum(|it| it.listening_micros));
    let mut durations: Vec<_> = all.iter().map(|it| it.duration_micros).collect();
    durations.sort_unstable();
    assert_eq!(report.duration_micros.map(|it| it.max), durations.last().copied());
    let median = durations.get(durations.len().saturating_sub(1) / 2).copied();
    assert_eq!(report.duration_micros.map(|it| it.median), median);
}

/// Both questions of sessions agree with the loops.
fn assert_sessions_agree(store: &Store, filter: &Filter, settings: &SessionSettings) {
    let events = found(store, &Query::from(filter.clone()));
    let sessions = by_session(&events);
    let question = Sessions::new().filter(filter.clone()).settings(settings.clone());
    let report = store.ask(&question.limit(u64::MAX)).unwrap();
    for listed in &report.sessions {
        assert_figures(listed, &sessions[&listed.id], settings);
    }
    assert_totals(&report, &report.sessions.iter().collect::<Vec<_>>());
    let expected = sessions.values().filter(|events| !seen(events, settings).is_empty()).count();
    assert_eq!(report.sessions.len(), expected);
    assert_eq!(report.totals.sessions_without_action, (sessions.len() - expected) as u64);
    let order: Vec<_> = report.sessions.iter().map(|it| (it.first, it.id.clone())).collect();
    assert!(order.is_sorted(), "{order:?}");
    for (id, events) in sessions.iter().take(20) {
        let question = Session::new(id).filter(filter.clone()).settings(settings.clone());
        let report = store.ask(&question).unwrap().expect("it has events");
        assert_figures(&report.figures, events, settings);
        let seen = seen(events, settings);
        let timeline = found(store, &question.timeline(&report));
        assert_eq!(timeline.iter().collect::<Vec<_>>(), seen);
        let mut by_tag = BTreeMap::<String, (u64, i64)>::new();
        for (tags, micros) in heard(&seen, settings.listening_gap_micros.map(Duration::from_micros))
        {
            for tag in tags {
                let sums = by_tag.entry(tag).or_default();
                *sums = (sums.0 + 1, sums.1 + micros);
            }
        }
        let told = report.tags.iter().map(|it| (it.tag.clone(), (it.choices, it.listening_micros)));
        assert_eq!(told.collect::<BTreeMap<_, _>>(), by_tag);
        let typed: u64 = report.by_type.iter().map(|count| count.count).sum();
        assert_eq!(typed, seen.len() as u64);
    }
}

/// The question of tags agrees with the loops.
fn assert_tags_agree(store: &Store, filter: &Filter, gap: Option<Duration>) {
    let events = found(store, &Query::from(filter.clone()));
    let mut by_tag = BTreeMap::<String, (u64, BTreeSet<String>, i64)>::new();
    let mut pairs = BTreeMap::<(String, String), u64>::new();
    let (mut choices, mut total) = (0, 0);
    for (id, events) in by_session(&events) {
        for (tags, micros) in heard(&events.iter().collect::<Vec<_>>(), gap) {
            choices += 1;
            total += micros;
            for tag in &tags {
                let sums = by_tag.entry(tag.clone()).or_default();
                sums.0 += 1;
                sums.1.insert(id.clone());
                sums.2 += micros;
                for other in tags.iter().filter(|other| *other != tag) {
                    *pairs.entry((tag.clone(), other.clone())).or_default() += 1;
                }
            }
        }
    }
    let mut question = Tags::new().filter(filter.clone()).limit(1_000).together(1_000);
    question.listening_gap_micros = gap.map(|gap| gap.as_micros() as u64);
    let report = store.ask(&question).unwrap();
    assert_eq!((report.choices, report.listening_micros), (choices, total));
    assert_eq!(report.tags_chosen, by_tag.len() as u64);
    let told = report.tags.iter().map(|it| {
        let (choices, sessions, micros) = &by_tag[&it.tag];
        assert_eq!((it.choices, it.sessions), (*choices, sessions.len() as u64), "{it:?}");
        assert_eq!(it.listening_micros, *micros, "{it:?}");
        for other in &it.together {
            assert_eq!(pairs[&(it.tag.clone(), other.key.clone())], other.count);
        }
        it.together.len()
    });
    assert_eq!(told.sum::<usize>(), pairs.len());
}

fn all_settings() -> [SessionSettings; 4] {
    let settings = SessionSettings::default;
    [
        settings(),
        settings().listening_gap(None),
        settings().cut_idle(true).active_gap(Duration::from_secs(60)),
        settings()
            .cut_idle(true)
            .passive(["heartbeat", "start_stream", "never logged"])
            .listening_gap(Duration::from_secs(90))
            .no_fix(NoFix::default()),
    ]
}

fn assert_agrees(store: &Store, filter: &Filter) {
    for settings in all_settings() {
        assert_sessions_agree(store, filter, &settings);
    }
    for gap in [None, Some(1), Some(100_000_000), Some(300_000_000)] {
        assert_tags_agree(store, filter, gap.map(Duration::from_micros));
    }
}

#[test]
fn random_sessions_agree() {
    let mut random = Random::new(7);
    for round in 0..25 {
        let count = 1 + random.below(250);
        let store = store_of(&random_events(&mut random, count));
        assert_agrees(&store, &Filter::All);
        let from = second(random.below(9_000) as i64);
        let to = second(9_000 + random.below(40_000) as i64);
        assert_agrees(&store, &Filter::ServerTime(TimeRange { from, to }));
        if round % 5 == 0 {
            assert_agrees(&store, &Filter::not(Filter::event_type("heartbeat")));
            assert_agrees(&store, &Filter::tag(3));
        }
    }
}

#[test]
fn walkers_agree() {
    let store = Store::builder().block_rows(256).in_memory().unwrap();
    store.log_events(Workload::realistic().events(4_000).days(2).iter()).unwrap();
    assert_agrees(&store, &Filter::All);
}

#[test]
fn real_logs_agree() {
    for file in files() {
        let store = Store::in_memory().unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        let events = text.lines().map(|line| serde_json::from_str::<NewEvent>(line).unwrap());
        store.log_events(events).unwrap();
        assert_agrees(&store, &Filter::All);
        let newest = found(&store, &Query::new().order(Order::Descending).limit(1));
        let to = newest[0].server_time;
        assert_agrees(&store, &Filter::ServerTime(TimeRange { to, ..TimeRange::ALL }));
    }
}
