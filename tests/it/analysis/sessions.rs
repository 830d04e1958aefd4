//! Goal: each figure of a session means what it says. Method: a hand-made session for each rule.

use std::time::Duration;

use diurnal::analysis::{
    NoFix, Session, SessionFigures, SessionReport, SessionSettings, SessionSort, Sessions,
    SessionsReport,
};
use diurnal::{BoundingBox, ErrorKind, Filter, Order, Query, Store};

use super::{choice, event, second, skewed, store_of};
use crate::common::{Draft, SECOND, found};

fn asked(drafts: &[Draft], settings: SessionSettings) -> SessionReport {
    store_of(drafts).ask(&Session::new("s").settings(settings)).unwrap().expect("it has events")
}

fn figures(drafts: &[Draft]) -> SessionFigures {
    asked(drafts, SessionSettings::default()).figures
}

fn at(kind: &str, seconds: i64, latitude: f64, longitude: f64) -> Draft {
    Draft { place: Some((latitude, longitude)), ..event(kind, seconds) }
}

#[test]
fn a_silence_over_the_gap_is_not_active() {
    let beats = [0, 60, 360, 661].map(|seconds| event("heartbeat", seconds));
    let found = figures(&beats);
    assert_eq!(found.duration_micros, 661 * SECOND);
    assert_eq!(found.active_micros, (60 + 300) * SECOND, "301 s are over 5 minutes");
    let gap = SessionSettings::default().active_gap(Duration::from_secs(60));
    assert_eq!(asked(&beats, gap).figures.active_micros, 60 * SECOND);
}

#[test]
fn a_clock_that_jumps_makes_a_long_session_and_no_active_time() {
    let booted = Draft::new("s", "heartbeat", "1970-01-01T00:00:05Z".parse().unwrap());
    let late = Draft::new("s", "heartbeat", "7711-01-01T00:00:00Z".parse().unwrap());
    let found = figures(&[event("heartbeat", 0), booted, event("heartbeat", 2), late]);
    assert_eq!(found.first.to_string(), "1970-01-01T00:00:05.000000Z");
    assert_eq!(found.duration_micros, found.last.as_micros() - 5 * SECOND);
    assert_eq!(found.active_micros, 2 * SECOND);
}

#[test]
fn a_path_is_a_geodesic_through_the_points_that_are_places() {
    let path = [
        at("start_session", 0, 1.0, 1.0),
        at("location_update", 1, 0.0, 10.0),
        at("location_update", 2, 0.0, 0.0),
        event("heartbeat", 3),
        at("location_update", 4, 0.0, 11.0),
    ];
    let found = figures(&path);
    assert_eq!(found.points, 2);
    // A degree of the equator of WGS 84.
    assert!((found.metres - 111_319.490_793).abs() < 0.001, "{}", found.metres);
    assert_eq!(found.bounds, Some(BoundingBox { west: 10.0, south: 0.0, east: 11.0, north: 0.0 }));
    let every = SessionSettings::default().no_fix(NoFix::new([]));
    assert_eq!(asked(&path, every).figures.points, 4);
    let nowhere = figures(&path[..1]);
    assert_eq!((nowhere.points, nowhere.metres, nowhere.bounds), (0, 0.0, None));
}

#[test]
fn a_walk_over_the_antimeridian_has_a_narrow_box() {
    let found = figures(&[
        at("location_update", 0, -16.0, 179.75),
        at("location_update", 1, -17.0, -179.5),
        at("location_update", 2, -16.5, 180.0),
    ]);
    assert_eq!(
        found.bounds,
        Some(BoundingBox { west: 179.75, south: -17.0, east: -179.5, north: -16.0 })
    );
    assert!(found.metres < 250_000.0);
}

#[test]
fn each_upload_that_stops_is_the_arrival_of_one_recording() {
    let story = |kinds: &[&str]| {
        let drafts: Vec<_> =
            kinds.iter().enumerate().map(|(at, kind)| event(kind, at as i64)).collect();
        let it = figures(&drafts);
        [it.recordings_started, it.recordings_stopped, it.uploads_stopped, it.abandoned]
    };
    let (record, stop, upload, sent) =
        ("start_record", "stop_record", "start_upload", "stop_upload");
    assert_eq!(story(&[record, stop, upload, sent]), [1, 1, 1, 0]);
    assert_eq!(story(&[record, stop]), [1, 1, 0, 1], "never sent");
    assert_eq!(story(&[record, record, stop, upload, sent]), [2, 1, 1, 1], "made anew");
    assert_eq!(story(&[record, stop, upload, record, sent, stop, sent]), [2, 2, 2, 0], "sent late");
    assert_eq!(story(&[sent, record]), [1, 0, 1, 1], "what arrived before is another one");
    assert_eq!(story(&[sent, sent]), [0, 0, 2, 0]);
}

#[test]
fn idle_stretches_are_cut_before_the_first_and_after_the_last_action() {
    let visit = [
        at("heartbeat", 0, 10.0, 10.0),
        event("start_session", 10),
        event("client_error", 15),
        event("start_stream", 20),
        at("heartbeat", 30, 20.0, 20.0),
        event("vote_asset", 40),
        event("heartbeat", 40),
        event("heartbeat", 50),
        event("cleanup_session", 60),
    ];
    let whole = figures(&visit);
    assert_eq!((whole.events, whole.actions, whole.cut_events, whole.points), (9, 2, 0, 2));
    let cut = SessionSettings::default().cut_idle(true);
    let store = store_of(&visit);
    let question = Session::new("s").settings(cut.clone());
    let report = store.ask(&question).unwrap().unwrap();
    let it = &report.figures;
    assert_eq!((it.first, it.last), (second(20), second(40)));
    assert_eq!((it.events, it.actions, it.cut_events, it.points, it.errors), (4, 2, 5, 1, 0));
    let timeline = found(&store, &question.timeline(&report));
    assert_eq!(timeline.len(), 4);
    let passive = cut.clone().passive(["heartbeat", "start_stream", "vote_asset"]);
    let other = asked(&visit, passive).figures;
    assert_eq!((other.first, other.last, other.actions), (second(10), second(60), 3));
    // A kiosk with nobody before it.
    let beats = [event("heartbeat", 7), event("heartbeat", 9)];
    let store = store_of(&beats);
    let report = store.ask(&question).unwrap().unwrap();
    let it = &report.figures;
    assert_eq!((it.events, it.cut_events, it.duration_micros), (0, 2, 0));
    assert_eq!((it.first, it.last), (second(7), second(7)));
    assert_eq!(found(&store, &question.timeline(&report)), []);
    let all = store.ask(&Sessions::new().settings(cut)).unwrap();
    assert_eq!((all.totals.sessions, all.totals.sessions_without_action), (0, 1));
    assert!(all.sessions.is_empty() && all.duration_micros.is_none());
}

/// Microseconds, as seconds, that each tag was heard.
fn heard(drafts: &[Draft], settings: SessionSettings) -> Vec<(String, i64)> {
    let report = asked(drafts, settings);
    report.tags.into_iter().map(|it| (it.tag, it.listening_micros / SECOND)).collect()
}

#[test]
fn a_choice_is_heard_until_the_next_one_or_an_end() {
    let told = |drafts: &[Draft]| heard(drafts, SessionSettings::default());
    let tags = |all: &[(&str, i64)]| -> Vec<(String, i64)> {
        all.iter().map(|(tag, seconds)| ((*tag).to_owned(), *seconds)).collect()
    };
    let first = choice(0, &["3", "8", "3"]);
    let next = choice(10, &["8"]);
    assert_eq!(
        told(&[first.clone(), next.clone(), event("heartbeat", 25)]),
        tags(&[("8", 25), ("3", 10)]),
        "until the next, and until the session's end"
    );
    for end in ["stop_stream", "stop_listen", "cleanup_session"] {
        let all = [first.clone(), next.clone(), event(end, 13), event("heartbeat", 99)];
        assert_eq!(told(&all), tags(&[("8", 13), ("3", 10)]), "{end}");
    }
    let nothing = [first.clone(), choice(4, &[]), event("heartbeat", 99)];
    assert_eq!(told(&nothing), tags(&[("3", 4), ("8", 4)]), "a choice without tags");
    let pause = [
        first.clone(),
        event("pause_stream", 5),
        event("heartbeat", 50),
        event("play_stream", 100),
        event("stop_stream", 103),
        event("start_stream", 200),
        event("heartbeat", 300),
    ];
    assert_eq!(told(&pause), tags(&[("3", 8), ("8", 8)]), "paused, played, and over");
    let silence = [first, event("heartbeat", 20), event("heartbeat", 1_000)];
    assert_eq!(told(&silence), tags(&[("3", 320), ("8", 320)]));
    let settings = SessionSettings::default();
    let gap = settings.clone().listening_gap(Duration::from_secs(15));
    assert_eq!(heard(&silence, gap), tags(&[("3", 30), ("8", 30)]));
    let plain = settings.listening_gap(None);
    assert_eq!(heard(&silence, plain), tags(&[("3", 1_000), ("8", 1_000)]));
}

#[test]
fn what_is_heard_of_a_session_counts_tags_of_one_choice_once() {
    let report = asked(
        &[choice(0, &["3", "8"]), choice(5, &["3"]), event("heartbeat", 7)],
        SessionSettings::default(),
    );
    let it = &report.figures;
    assert_eq!((it.choices, it.tags_chosen, it.listening_micros), (2, 2, 7 * SECOND));
    assert_eq!(report.tags[0].choices, 2);
}

#[test]
fn the_skew_is_the_median_of_client_minus_server() {
    let client = |seconds: i64, text: &str| Draft {
        client_time: Some(text.to_owned()),
        ..event("heartbeat", seconds)
    };
    let drafts = [
        // The plus of a zone that became a blank.
        client(0, "2026-11-22 23:59:46  0000"),
        client(10, &skewed(second(10).as_micros(), 2 * SECOND)),
        client(20, &skewed(second(20).as_micros(), -SECOND)),
        client(30, "half past"),
        event("heartbeat", 40),
    ];
    let report = asked(&drafts, SessionSettings::default());
    assert_eq!((report.figures.client_times, report.figures.skew_micros), (3, Some(-SECOND)));
    let skew = report.skew.unwrap();
    assert_eq!((skew.count, skew.min, skew.max), (3, -14 * SECOND, 2 * SECOND));
    assert_eq!(figures(&drafts[3..]).skew_micros, None);
}

/// Three sessions: `a` walks, `b` beats, `c` records.
fn three() -> Store {
    let of = |session: &str, draft: Draft| Draft { session: session.to_owned(), ..draft };
    store_of(&[
        of("b", event("heartbeat", 0)),
        of("a", at("location_update", 5, 0.0, 10.0)),
        of("c", event("start_record", 5)),
        of("a", at("location_update", 6, 0.0, 11.0)),
        of("b", event("heartbeat", 100)),
        of("b", event("client_error", 110)),
    ])
}

fn listed(question: &Sessions) -> Vec<String> {
    let report = three().ask(question).unwrap();
    report.sessions.into_iter().map(|session| session.id).collect()
}

#[test]
fn sessions_are_listed_by_any_figure() {
    let by = |sort| listed(&Sessions::new().sort(sort).order(Order::Descending));
    assert_eq!(listed(&Sessions::new()), ["b", "a", "c"], "ties by id");
    assert_eq!(by(SessionSort::Id), ["c", "b", "a"]);
    assert_eq!(by(SessionSort::First), ["a", "c", "b"]);
    assert_eq!(by(SessionSort::Duration), ["b", "a", "c"]);
    assert_eq!(by(SessionSort::Metres), ["a", "b", "c"]);
    assert_eq!(by(SessionSort::Abandoned), ["c", "b", "a"]);
    assert_eq!(by(SessionSort::Errors), ["b", "a", "c"]);
    assert_eq!(listed(&Sessions::new().sort(SessionSort::Events)), ["c", "a", "b"]);
}

#[test]
fn totals_and_spreads_are_of_all_sessions_whatever_is_listed() {
    let report = three().ask(&Sessions::new().limit(1)).unwrap();
    assert_eq!(report.sessions.len(), 1);
    let totals = &report.totals;
    assert_eq!((totals.sessions, totals.events, totals.abandoned, totals.errors), (3, 6, 1, 1));
    assert_eq!(totals.duration_micros, 111 * SECOND);
    let durations = report.duration_micros.unwrap();
    assert_eq!(
        (durations.median, durations.p90, durations.p99),
        (SECOND, 110 * SECOND, 110 * SECOND)
    );
    assert_eq!(report.events.unwrap().median, 2);
    let metres = report.metres.unwrap();
    assert_eq!(metres.count, 1, "sessions with a point");
    let range = Filter::session("b").or(Filter::session("c"));
    assert_eq!(three().ask(&Sessions::new().filter(range)).unwrap().totals.events, 4);
    let none = three().ask(&Sessions::new().filter(Filter::session("d"))).unwrap();
    assert_eq!((none.totals.sessions, none.events, none.metres), (0, None, None));
}

#[test]
fn a_session_is_asked_about_within_a_filter() {
    let store = three();
    let question = Session::new("b").filter(Filter::event_type("heartbeat"));
    let report = store.ask(&question).unwrap().unwrap();
    assert_eq!((report.figures.events, report.by_type.len()), (2, 1));
    assert_eq!(store.query(&question.timeline(&report)).unwrap().count(), 2);
    assert_eq!(store.ask(&Session::new("d")).unwrap(), None);
    assert_eq!(store.ask(&Session::new("a").filter(Filter::event_type("x"))).unwrap(), None);
}

#[test]
fn settings_out_of_range_are_refused_by_name() {
    let store = three();
    let settings = SessionSettings::default;
    for (settings, name) in [
        (settings().active_gap(Duration::ZERO), "active_gap"),
        (settings().listening_gap(Duration::ZERO), "listening_gap"),
        (settings().passive(["a\nb"]), "passive"),
        (settings().passive(0..9_001), "passive"),
    ] {
        let error = store.ask(&Sessions::new().settings(settings.clone())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains(name), "{error}");
        assert!(store.ask(&Session::new("a").settings(settings)).is_err());
    }
    let most = settings().passive(0..9_000).cut_idle(true).active_gap(Duration::MAX);
    assert_eq!(store.ask(&Sessions::new().settings(most)).unwrap().totals.sessions, 3);
    assert!(store.ask(&Session::new("")).is_err(), "no session id");
}

#[test]
fn questions_and_answers_are_plain_values() {
    let question = Session::new(7)
        .filter(Filter::tag(3))
        .settings(SessionSettings::default().listening_gap(Duration::from_secs(9)));
    let json = serde_json::to_string(&question).unwrap();
    assert_eq!(serde_json::from_str::<Session>(&json).unwrap(), question);
    assert_eq!(serde_json::from_str::<Session>(r#"{"id":"7"}"#).unwrap(), Session::new(7));
    assert_eq!(serde_json::from_str::<Sessions>("{}").unwrap(), Sessions::new());
    let store = three();
    let report = store.ask(&Session::new("b")).unwrap().unwrap();
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<SessionReport>(&json).unwrap(), report);
    let question = Sessions::new().filter(Filter::not(Filter::session("a")));
    let report = store.ask(&question).unwrap();
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<SessionsReport>(&json).unwrap(), report);
}

#[test]
fn a_timeline_does_not_show_what_came_after_the_report() {
    let store = three();
    let question = Session::new("b");
    let report = store.ask(&question).unwrap().unwrap();
    store.log_event(event("heartbeat", 500).event()).unwrap();
    let late = Draft { session: "b".to_owned(), ..event("heartbeat", 500) };
    store.log_event(late.event()).unwrap();
    assert_eq!(found(&store, &question.timeline(&report)).len(), 3);
    assert_eq!(found(&store, &Query::from(Filter::session("b"))).len(), 4);
}
