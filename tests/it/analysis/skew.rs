//! Goal: how far clients' clocks are off, and when the server's own clock jumped, is told as the rules say.
//! Method: hand-made sessions, one for each rule; random events, whose readings are looked at again one by one
//! with plain loops, in order of their ids, which is that of arrival; and the built program.

use std::collections::BTreeMap;
use std::time::Duration;

use diurnal::analysis::{ClockSkew, ClockSkewReport, Quantiles, ServerJump, SessionSkew};
use diurnal::{Event, EventId, Filter, Query, Store, TimeRange};

use super::{event, random_events, second, skewed, store_of};
use crate::common::{Draft, Random, SECOND, found};

/// An event of a session whose client's clock shows so many seconds more than the server's.
fn reading(session: &str, seconds: i64, fast_seconds: i64) -> Draft {
    let client_time = Some(skewed(second(seconds).as_micros(), fast_seconds * SECOND));
    Draft { session: session.to_owned(), client_time, ..event("heartbeat", seconds) }
}

fn asked(drafts: &[Draft]) -> ClockSkewReport {
    store_of(drafts).ask(&ClockSkew::new()).unwrap()
}

/// The only session.
fn session(drafts: &[Draft]) -> SessionSkew {
    let mut report = asked(drafts);
    assert_eq!((report.sessions_total, report.sessions.len()), (1, 1));
    report.sessions.remove(0)
}

/// Before and after in seconds, by how many seconds, and who tells.
fn jump(jump: &ServerJump) -> (i64, i64, i64, u64) {
    let seconds = |micros: i64| micros / SECOND;
    let start = second(0).as_micros();
    let [before, after] = [jump.before, jump.after].map(|at| seconds(at.as_micros() - start));
    (before, after, seconds(jump.micros), jump.sessions)
}

fn server_jumps(report: &ClockSkewReport) -> Vec<(i64, i64, i64, u64)> {
    assert_eq!(report.server_jumps_total, report.server_jumps.len() as u64);
    report.server_jumps.iter().map(jump).collect()
}

#[test]
fn a_spread_is_that_of_the_readings_and_a_fast_clock_is_positive() {
    let fast = [4, -3, 10, 0, 7, 1, 2, -8];
    let drafts: Vec<_> = (0..8).map(|it| reading("s", it, fast[it as usize])).collect();
    let it = session(&drafts).skew_micros;
    let seconds = [it.min, it.q1, it.median, it.q3, it.p90, it.max].map(|micros| micros / SECOND);
    // -8 -3 0 1 2 4 7 10, by the nearest rank.
    assert_eq!((it.count, seconds), (8, [-8, -3, 1, 4, 10, 10]));
}

#[test]
fn a_session_of_one_reading_has_a_spread_of_it_and_no_drift() {
    let it = session(&[reading("s", 5, -40)]);
    assert_eq!((it.readings, it.skew_micros.count, it.jumps), (1, 1, 0));
    let spread = it.skew_micros;
    assert_eq!([spread.min, spread.q1, spread.median, spread.max], [-40 * SECOND; 4]);
    assert_eq!(it.drift_micros_per_second, None);
}

#[test]
fn client_times_that_name_no_instant_are_counted_and_give_no_reading() {
    let shown = |text: &str| Draft { client_time: Some(text.to_owned()), ..event("heartbeat", 1) };
    let report = asked(&[
        shown("half past"),
        shown("2026-02-30T00:00:00Z"),
        shown("-"),
        event("heartbeat", 2),
        reading("t", 3, 1),
    ]);
    assert_eq!((report.readings, report.unreadable, report.without), (1, 3, 1));
    assert_eq!((report.sessions_total, report.sessions[0].id.as_str()), (1, "t"));
    let none = asked(&[event("heartbeat", 0), shown("now")]);
    assert_eq!((none.sessions_total, none.skew_micros, none.jumps), (0, None, 0));
    assert_eq!(asked(&[]).server_jumps_total, 0);
}

#[test]
fn each_session_counts_once_in_the_spread_of_all() {
    let mut drafts: Vec<_> = (0..10).map(|it| reading("a", it, 50)).collect();
    drafts.extend([reading("b", 20, 1), reading("c", 21, 2)]);
    let report = asked(&drafts);
    let spread = report.skew_micros.unwrap();
    assert_eq!((spread.count, spread.median, spread.max), (3, 2 * SECOND, 50 * SECOND));
    assert_eq!((report.readings, report.sessions_total), (12, 3));
}

#[test]
fn sessions_that_are_off_most_come_first_on_either_side_and_ties_are_by_id() {
    let store = store_of(&[
        reading("b", 0, 3),
        reading("a", 1, -3),
        reading("slow", 2, -90),
        reading("fast", 3, 80),
    ]);
    let ids = |question: ClockSkew| {
        let report = store.ask(&question).unwrap();
        assert_eq!(report.sessions_total, 4);
        report.sessions.into_iter().map(|session| session.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(ClockSkew::new()), ["slow", "fast", "a", "b"]);
    assert_eq!(ids(ClockSkew::new().limit(2)), ["slow", "fast"]);
    assert!(ids(ClockSkew::new().limit(0)).is_empty());
}

#[test]
fn a_clock_that_gains_a_second_a_minute_drifts_by_so_much() {
    let drafts: Vec<_> = (0..6).map(|minute| reading("s", minute * 60, minute - 3)).collect();
    let drift = session(&drafts).drift_micros_per_second.unwrap();
    assert!((drift - SECOND as f64 / 60.0).abs() < 1e-6, "{drift}");
    let steady = session(&[reading("s", 0, 9), reading("s", 600, 9)]);
    assert_eq!(steady.drift_micros_per_second, Some(0.0));
}

#[test]
fn readings_that_reach_over_less_than_a_minute_tell_no_drift() {
    let of = |seconds| session(&[reading("s", 0, 0), reading("s", seconds, 1)]);
    assert_eq!(of(59).drift_micros_per_second, None);
    assert!(of(60).drift_micros_per_second.is_some());
    // Those that arrived late reach as far.
    let late = session(&[reading("s", 60, 1), reading("s", 0, 0)]);
    assert!(late.drift_micros_per_second.is_some_and(|drift| drift > 0.0));
}

#[test]
fn neighbours_that_differ_by_more_than_the_setting_are_a_jump() {
    let drafts =
        [reading("s", 0, 0), reading("s", 1, 30), reading("s", 2, -1), reading("s", 3, 3_600)];
    let report = asked(&drafts);
    assert_eq!((report.jumps, report.sessions[0].jumps), (2, 2));
    assert_eq!(server_jumps(&report), [], "nobody else tells of it");
    let jumps = |setting| {
        let question = ClockSkew::new().jump(Duration::from_secs(setting));
        store_of(&drafts).ask(&question).unwrap().jumps
    };
    assert_eq!([jumps(29), jumps(31), jumps(3_601)], [3, 1, 0]);
}

#[test]
fn a_jump_that_sessions_share_is_one_of_the_server() {
    // The server goes ten minutes ahead between 12 and 610, so clients look slow from then on.
    let report = asked(&[
        reading("a", 0, 0),
        reading("d", 5, 0),
        reading("b", 10, 5),
        reading("c", 12, -2),
        reading("c", 610, -602),
        reading("a", 615, -600),
        // Another jump at the same time, and below the same at another time.
        reading("d", 620, 900),
        reading("b", 630, -590),
        reading("e", 700, 0),
        reading("e", 1_300, -600),
    ]);
    assert_eq!(server_jumps(&report), [(12, 610, 600, 3)]);
    assert_eq!(report.jumps, 5);
}

#[test]
fn a_jump_of_many_sessions_is_told_once() {
    let sessions: Vec<String> = (0..300).map(|number| format!("session {number}")).collect();
    let mut drafts: Vec<Draft> = sessions.iter().map(|it| reading(it, 0, 0)).collect();
    drafts.extend(sessions.iter().zip(0..).map(|(it, at)| reading(it, 1_000 + at, -900)));
    assert_eq!(server_jumps(&asked(&drafts)), [(0, 1_000, 900, 300)]);
}

#[test]
fn a_clock_set_back_is_told_by_the_order_of_arrival() {
    let drafts =
        [event("heartbeat", 100), event("heartbeat", 99), event("a", 200), event("b", 140)];
    let report = asked(&drafts);
    assert_eq!(server_jumps(&report), [(200, 140, -60, 0)], "one second is not more than one");
    let told = report.server_jumps[0].event.unwrap();
    let events = found(&store_of(&drafts), &Query::new());
    assert_eq!(events.iter().find(|event| event.id == told).unwrap().event_type, "b");
    let set_back = |setting| {
        let question = ClockSkew::new().set_back(Duration::from_secs(setting));
        store_of(&drafts).ask(&question).unwrap().server_jumps_total
    };
    assert_eq!([set_back(0), set_back(59), set_back(60)], [2, 1, 0]);
}

#[test]
fn a_clock_set_back_is_one_jump_of_each_session_though_times_lie_among_each_other() {
    let beats = |from: i64, fast| {
        (from..from + 600).step_by(60).flat_map(move |at| {
            [reading("a", at, fast), reading("b", at + 20, fast), reading("c", at + 40, fast)]
        })
    };
    // At 1600 the server's clock is set back by ten minutes and a half.
    let drafts: Vec<_> = beats(1_000, 0).chain(beats(970, 630)).collect();
    let report = asked(&drafts);
    assert_eq!(server_jumps(&report), [(1_580, 970, -610, 0)]);
    assert_eq!(report.jumps, 3);
}

#[test]
fn a_clock_set_back_in_a_longer_silence_is_told_by_sessions() {
    let report = asked(&[
        reading("a", 0, 0),
        reading("b", 1, 0),
        reading("a", 500, 300),
        reading("b", 510, 300),
    ]);
    assert_eq!(server_jumps(&report), [(1, 500, -300, 2)]);
}

#[test]
fn no_more_jumps_of_the_server_are_listed_than_asked_for() {
    let drafts: Vec<_> =
        (0..40).map(|it| event("heartbeat", 1_000 + it * 10 - it % 2 * 100)).collect();
    let report = store_of(&drafts).ask(&ClockSkew::new().limit(3)).unwrap();
    assert_eq!((report.server_jumps_total, report.server_jumps.len()), (20, 3));
    assert!(report.server_jumps.is_sorted_by_key(|jump| jump.before));
}

#[test]
fn buckets_reach_from_the_slowest_to_the_fastest() {
    let report = asked(&[reading("a", 0, -7_200), reading("a", 1, -59), reading("b", 2, -2)]);
    let seconds = |micros: Option<i64>| micros.map(|micros| micros / SECOND);
    let told: Vec<_> = report
        .buckets
        .iter()
        .map(|it| (seconds(it.from_micros), seconds(it.to_micros), it.sessions, it.readings))
        .collect();
    let between = |from, to, sessions, readings| (Some(from), Some(to), sessions, readings);
    let expected = [
        between(-86_400, -3_600, 1, 1),
        between(-3_600, -600, 0, 0),
        between(-600, -60, 0, 0),
        between(-60, -10, 0, 1),
        between(-10, -1, 1, 1),
    ];
    assert_eq!(told, expected);
    let ever = asked(&[Draft { client_time: Some("1970-01-02".to_owned()), ..event("a", 0) }]);
    assert_eq!((ever.buckets.len(), ever.buckets[0].from_micros), (1, None));
    assert_eq!(asked(&[event("heartbeat", 0)]).buckets, []);
}

#[test]
fn a_filter_is_what_is_seen() {
    let store = store_of(&[reading("a", 0, 0), reading("a", 1, 100), reading("b", 2, 7)]);
    let of = |filter: Filter| store.ask(&ClockSkew::new().filter(filter)).unwrap();
    let report = of(Filter::session("b"));
    assert_eq!((report.readings, report.sessions_total, report.jumps), (1, 1, 0));
    assert_eq!(of(Filter::event_type("start_record")).readings, 0);
}

#[test]
fn questions_and_answers_are_plain_values() {
    assert_eq!(serde_json::from_str::<ClockSkew>("{}").unwrap(), ClockSkew::new());
    let question = ClockSkew::new().jump(Duration::from_millis(1)).set_back(Duration::MAX).limit(7);
    let json = serde_json::to_string(&question).unwrap();
    assert_eq!(serde_json::from_str::<ClockSkew>(&json).unwrap(), question);
    let report = asked(&[reading("a", 61, 0), reading("a", 0, 100), reading("b", 9, -7)]);
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<ClockSkewReport>(&json).unwrap(), report);
}

/// A session's readings: server time and skew, as they arrived.
type Readings = Vec<(i64, i64)>;

/// Where a session's neighbours differ by more: before, after, and by how much.
fn jumps(readings: &Readings, more: i64) -> Vec<(i64, i64, i64)> {
    let pairs = readings.windows(2).map(|pair| (pair[0].0, pair[1].0, pair[1].1 - pair[0].1));
    pairs.filter(|(.., by)| by.abs() > more).collect()
}

/// The slope of the line of least squares, by the textbook.
fn slope(readings: &Readings) -> Option<f64> {
    let first = readings.iter().map(|(at, _)| *at).min()?;
    let last = readings.iter().map(|(at, _)| *at).max()?;
    let x = |at: i64| (at - first) as f64 / SECOND as f64;
    let count = readings.len() as f64;
    let mean_x = readings.iter().map(|(at, _)| x(*at)).sum::<f64>() / count;
    let mean_y = readings.iter().map(|(_, skew)| *skew as f64).sum::<f64>() / count;
    let over = |of: fn(f64, f64) -> f64| -> f64 {
        let off = readings.iter().map(|(at, skew)| of(x(*at) - mean_x, *skew as f64 - mean_y));
        off.sum()
    };
    (last - first >= 60 * SECOND).then(|| over(|x, y| x * y) / over(|x, _| x * x))
}

fn assert_spread(spread: &Quantiles<i64>, mut values: Vec<i64>) {
    values.sort_unstable();
    // The least value that so many percent of all are not larger than.
    let at = |percent: usize| {
        let enough = |value: &&i64| {
            let not_larger = values.iter().filter(|other| *other <= *value).count();
            not_larger * 100 >= values.len() * percent
        };
        *values.iter().find(enough).unwrap()
    };
    assert_eq!(spread.count, values.len() as u64);
    assert_eq!(
        [spread.min, spread.q1, spread.median, spread.q3, spread.p90, spread.p99, spread.max],
        [values[0], at(25), at(50), at(75), at(90), at(99), at(100)]
    );
}

fn assert_agrees(store: &Store, filter: &Filter, jump_micros: i64, set_back_micros: i64) {
    let mut events = found(store, &Query::from(filter.clone()));
    events.sort_by_key(|event| event.id);
    let mut sessions = BTreeMap::<&str, Readings>::new();
    for event in &events {
        let Some(client) = event.client_instant() else { continue };
        let at = event.server_time.as_micros();
        sessions.entry(&event.session_id).or_default().push((at, client.as_micros() - at));
    }
    let micros = |micros: i64| Duration::from_micros(micros as u64);
    let question = ClockSkew::new()
        .filter(filter.clone())
        .jump(micros(jump_micros))
        .set_back(micros(set_back_micros))
        .limit(u64::MAX);
    let report = store.ask(&question).unwrap();
    let readings: usize = sessions.values().map(Vec::len).sum();
    let told = events.iter().filter(|event| event.client_time.is_some()).count();
    let counts = (report.readings, report.unreadable, report.without);
    let expected = (readings, told - readings, events.len() - told);
    assert_eq!(counts, (expected.0 as u64, expected.1 as u64, expected.2 as u64));
    assert_eq!(report.sessions.len(), sessions.len());
    for it in &report.sessions {
        let readings = &sessions[it.id.as_str()];
        assert_eq!(it.readings, readings.len() as u64);
        let kept = readings.len().div_ceil(64).next_power_of_two();
        assert_spread(&it.skew_micros, readings.iter().step_by(kept).map(|it| it.1).collect());
        assert_eq!(it.jumps, jumps(readings, jump_micros).len() as u64);
        match (it.drift_micros_per_second, slope(readings)) {
            (None, None) => {}
            (Some(drift), Some(slope)) => {
                assert!((drift - slope).abs() <= 1e-6 * slope.abs() + 1e-3, "{drift} for {slope}");
            }
            other => panic!("{other:?} of {readings:?}"),
        }
    }
    if !report.sessions.is_empty() {
        let medians = report.sessions.iter().map(|it| it.skew_micros.median).collect();
        assert_spread(&report.skew_micros.unwrap(), medians);
    }
    for bucket in &report.buckets {
        let inside = |micros: i64| {
            bucket.from_micros.is_none_or(|from| from <= micros)
                && bucket.to_micros.is_none_or(|to| micros < to)
        };
        let readings = sessions.values().flatten().filter(|(_, skew)| inside(*skew)).count();
        let medians = report.sessions.iter().filter(|it| inside(it.skew_micros.median)).count();
        assert_eq!((bucket.sessions, bucket.readings), (medians as u64, readings as u64));
    }
    let sums = (
        report.buckets.iter().map(|it| it.sessions).sum(),
        report.buckets.iter().map(|it| it.readings).sum(),
    );
    assert_eq!(sums, (sessions.len() as u64, readings as u64));
    let by = |it: &SessionSkew| (u64::MAX - it.skew_micros.median.unsigned_abs(), it.id.clone());
    assert!(report.sessions.is_sorted_by_key(by));
    let all = sessions.values().map(|readings| jumps(readings, jump_micros)).collect::<Vec<_>>();
    assert_eq!(report.jumps, all.iter().map(Vec::len).sum::<usize>() as u64);
    assert_server_jumps(&report, &events, &all, (jump_micros, set_back_micros));
}

fn assert_server_jumps(
    report: &ClockSkewReport,
    events: &[Event],
    jumps: &[Vec<(i64, i64, i64)>],
    (jump_micros, set_back_micros): (i64, i64),
) {
    let (by_arrival, by_sessions): (Vec<_>, Vec<_>) =
        report.server_jumps.iter().partition(|jump| jump.event.is_some());
    let set_back = |pair: &&[Event]| {
        let by = pair[0].server_time.as_micros() - pair[1].server_time.as_micros();
        pair[0].id.day() == pair[1].id.day() && by > set_back_micros
    };
    let expected = events.windows(2).filter(set_back).map(|pair| Some(pair[1].id));
    let mut told: Vec<_> = by_arrival.iter().map(|jump| jump.event).collect();
    told.sort_unstable();
    assert_eq!(told, expected.collect::<Vec<_>>());
    for told in &by_sessions {
        // Each that is told is had by so many sessions, all at that time and by about so much.
        let (before, after) = (told.before.as_micros(), told.after.as_micros());
        let near = |by: i64| (by + told.micros).abs() <= 2 * jump_micros;
        let has = |own: &&Vec<(i64, i64, i64)>| {
            own.iter().any(|(from, to, by)| *from <= before && after <= *to && near(*by))
        };
        assert!(before < after && told.sessions >= 2, "{told:?}");
        assert!(jumps.iter().filter(has).count() as u64 >= told.sessions, "{told:?}");
    }
    // Where two sessions have a jump at the same time that is the same to the microsecond, one is told.
    for (number, own) in jumps.iter().enumerate() {
        for (from, to, by) in own.iter().filter(|(from, to, _)| from < to) {
            let same = |other: &(i64, i64, i64)| {
                other.0 < other.1 && other.0 < *to && *from < other.1 && other.2 == *by
            };
            if jumps[number + 1..].iter().flatten().any(same) {
                assert!(!by_sessions.is_empty(), "{from} to {to} by {by}");
            }
        }
    }
    let key = |jump: &ServerJump| (jump.before, jump.after, jump.event);
    assert!(report.server_jumps.is_sorted_by_key(key));
}

/// Random events whose server's clock, and now and then a client's, goes wrong.
fn with_jumps(random: &mut Random, count: usize) -> Vec<Draft> {
    let mut drafts = random_events(random, count);
    for place in 0..drafts.len() {
        if random.below(40) == 0 {
            let by = (random.below(7_200) as i64 - 3_600) * SECOND;
            let micros = drafts[place].time.as_micros();
            for draft in &mut drafts[place..] {
                draft.client_time = Some(skewed(micros, by));
            }
        }
        let Some(client_time) = &mut drafts[place].client_time else { continue };
        if random.below(30) == 0 {
            *client_time =
                ["1970-01-01 00:00:00", "2099-01-01 00:00:00", "-"][random.below(3)].to_owned();
        }
    }
    drafts
}

#[test]
fn random_readings_agree() {
    let mut random = Random::new(11);
    for round in 0..40 {
        let count = random.below(400);
        let drafts = match round % 2 {
            0 => random_events(&mut random, count),
            _ => with_jumps(&mut random, count),
        };
        let store = store_of(&drafts);
        let seconds = |of: &[i64], random: &mut Random| random.pick(of) * SECOND;
        let jump = seconds(&[0, 1, 5, 30, 4_000], &mut random);
        let set_back = seconds(&[0, 1, 120], &mut random);
        assert_agrees(&store, &Filter::All, jump, set_back);
        let from = second(random.below(9_000) as i64);
        let range = Filter::ServerTime(TimeRange { from, ..TimeRange::ALL });
        assert_agrees(&store, &range, jump, set_back);
        assert_agrees(&store, &Filter::event_type("heartbeat"), jump, set_back);
    }
}

#[cfg(feature = "cli")]
mod program {
    use serde_json::Value;

    use super::*;
    use crate::cli::Place;
    use crate::common::day;

    fn parsed(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    /// A store of these events, logged by the program.
    fn place_of(drafts: &[Draft]) -> Place {
        let place = Place::new();
        let id = EventId::new(day("2026-11-23"), 0);
        let line = |draft: &Draft| serde_json::to_string(&draft.logged(id)).unwrap() + "\n";
        let file = place.write("log.jsonl", drafts.iter().map(line).collect::<String>());
        place.prints("import", &[&file]);
        place
    }

    fn clients() -> Place {
        place_of(&[
            reading("a", 0, 4),
            reading("b", 10, -3_600),
            event("heartbeat", 20),
            reading("a", 1_220, -596),
            reading("b", 1_230, -4_200),
            event("heartbeat", 1_100),
        ])
    }

    #[test]
    fn the_table_is_for_people() {
        let expected = "\
SESSION  READINGS        MEDIAN            Q1           Q3           MIN          MAX  DRIFT A DAY  JUMPS
b               2  -1 h 10 min   -1 h 10 min    -1 h 0 min  -1 h 10 min   -1 h 0 min  -11 h 48 min      1
a               2  -9 min 56 s   -9 min 56 s         4.0 s  -9 min 56 s        4.0 s  -11 h 48 min      1
";
        let printed = clients().prints("skew", &["--format", "table"]);
        let (table, rest) = printed.split_once("\n\n").unwrap();
        let words = |text: &str| {
            text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
        };
        let (found, expected): (Vec<String>, Vec<String>) = (words(table), words(expected));
        assert_eq!(found, expected, "{printed}");
        for said in [
            "4 client times of 2 sessions; 2 events without one; 2 jumps\n",
            "2 jumps of the server's clock:",
            "2 sessions",
        ] {
            assert!(rest.contains(said), "{said}: {printed}");
        }
        assert!(rest.contains("2026-11-23T00:20:30Z  2026-11-23T00:18:20Z  -2 min 10 s"), "{rest}");
    }

    #[test]
    fn json_is_exact() {
        let place = clients();
        let object = parsed(&place.prints("skew", &["--format", "json"]));
        assert_eq!((&object["readings"], &object["without"]), (&4.into(), &2.into()));
        assert_eq!(object["sessions"][0]["skew_micros"]["median"], -4_200_000_000_i64);
        assert_eq!(object["server_jumps"][0]["micros"], 600_000_000);
        assert_eq!(object["server_jumps"][1]["after"], "2026-11-23T00:18:20.000000Z");
        let lines = place.prints("skew", &["--limit", "1"]);
        assert_eq!((lines.lines().count(), parsed(&lines)["id"].as_str()), (1, Some("b")));
        let strict =
            place.prints("skew", &["--jump", "20m", "--set-back", "1h", "--format", "json"]);
        let strict = parsed(&strict);
        assert_eq!((&strict["jumps"], &strict["server_jumps_total"]), (&0.into(), &0.into()));
        let explained = place.prints("skew", &["--explain", "--format", "json"]);
        assert_eq!(parsed(&explained)["days_considered"], 1);
    }

    #[test]
    fn what_is_not_listed_is_not_denied() {
        let printed = clients().prints("skew", &["--limit", "0", "--format", "table"]);
        assert!(printed.contains("\n2 jumps of the server's clock\n"), "{printed}");
        let none = place_of(&[event("heartbeat", 0)]).prints("skew", &["--format", "table"]);
        assert!(none.contains("\nno jump of the server's clock\n"), "{none}");
    }
}
