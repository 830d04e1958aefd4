//! Goal: buckets, their counts and the sessions alive agree with a recomputation that shares nothing with
//! theirs, where clocks are set, too. Method: each event that `Store::query` gives is put under what a clock of
//! the zone shows, by `chrono-tz` itself; a bucket must begin and end where that changes. Who is alive is looked
//! up for each instant by pairs of neighbouring events.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{NaiveDate, Offset, TimeDelta, TimeZone};
use chrono_tz::Tz;
use diurnal::analysis::{Activity, Bucket, Histogram};
use diurnal::{Event, Filter, Query, Store, Timestamp};

use super::{event, random_events, second, store_of};
use crate::common::{Draft, Random, SECOND, found};

/// What tells the bucket of an instant: how many lengths clocks show since a Monday, and for a short one the
/// offset.
type Key = (i64, i32);

fn key(zone: Tz, bucket: Duration, at: Timestamp) -> Key {
    let local = zone.from_utc_datetime(&at.to_chrono().unwrap().naive_utc());
    let monday = NaiveDate::from_ymd_opt(1970, 1, 5).unwrap().and_hms_opt(0, 0, 0).unwrap();
    let shown: TimeDelta = local.naive_local() - monday;
    let length = bucket.as_micros() as i64;
    let number = shown.num_microseconds().unwrap().div_euclid(length);
    let short = bucket <= Duration::from_secs(3_600);
    (number, if short { local.offset().fix().local_minus_utc() } else { 0 })
}

fn micros(time: Timestamp, more: i64) -> Timestamp {
    Timestamp::from_micros(time.as_micros() + more)
}

/// The sessions alive at an instant.
fn alive(sessions: &BTreeMap<&str, Vec<&Event>>, gap: Duration, at: Timestamp) -> u64 {
    let lives = |events: &&Vec<&Event>| {
        events.iter().any(|event| event.server_time == at)
            || events.windows(2).any(|pair| {
                let silence = pair[1].server_time.as_micros() - pair[0].server_time.as_micros();
                (pair[0].server_time..=pair[1].server_time).contains(&at)
                    && silence as u128 <= gap.as_micros()
                    && pair[0].event_type != "cleanup_session"
            })
    };
    sessions.values().filter(lives).count() as u64
}

fn assert_buckets(question: &Histogram, zone: Tz, activity: &Activity, events: &[Event]) {
    let of = |at| key(zone, Duration::from_micros(question.bucket_micros), at);
    let mut buckets = activity.buckets.iter();
    for group in events.chunk_by(|a, b| of(a.server_time) == of(b.server_time)) {
        let bucket = buckets.next().unwrap();
        let own = of(group[0].server_time);
        assert_eq!((of(bucket.start), of(micros(bucket.end, -1))), (own, own), "{bucket:?}");
        assert_ne!(of(micros(bucket.start, -1)), own, "{bucket:?} begins late");
        assert_ne!(of(bucket.end), own, "{bucket:?} ends early");
        assert_eq!(bucket.local.parse::<Timestamp>().unwrap(), bucket.start);
        let utc = bucket.start.to_chrono().unwrap().naive_utc();
        let shown = zone.from_utc_datetime(&utc).format("%FT%T").to_string();
        assert!(bucket.local.starts_with(&shown), "{} is {shown}", bucket.local);
        let sessions: BTreeSet<_> = group.iter().map(|event| &event.session_id).collect();
        assert_eq!((bucket.events, bucket.sessions), (group.len() as u64, sessions.len() as u64));
        let mut types = BTreeMap::<&str, u64>::new();
        group.iter().for_each(|event| *types.entry(&event.event_type).or_default() += 1);
        let told = bucket.by_type.iter().map(|count| (count.key.as_str(), count.count));
        assert_eq!(told.collect::<BTreeMap<_, _>>(), types);
        assert!(bucket.by_type.is_sorted_by(|a, b| (b.count, &a.key) < (a.count, &b.key)));
    }
    assert_eq!(buckets.next(), None);
}

fn assert_agrees(store: &Store, filter: &Filter, zone: Tz, bucket: Duration, gap: Duration) {
    let question = Histogram::new(bucket)
        .filter(filter.clone())
        .zone(zone.name().parse().unwrap())
        .by_type(true)
        .gap(gap);
    let activity = store.ask(&question).unwrap();
    let events = found(store, &Query::from(filter.clone()));
    assert_buckets(&question, zone, &activity, &events);
    let mut sessions = BTreeMap::<&str, Vec<&Event>>::new();
    events.iter().for_each(|event| sessions.entry(&event.session_id).or_default().push(event));
    assert_eq!((activity.events, activity.sessions), (events.len() as u64, sessions.len() as u64));
    let at_events: Vec<_> = events
        .iter()
        .map(|event| (event.server_time, alive(&sessions, gap, event.server_time)))
        .collect();
    for bucket in &activity.buckets {
        let inside = at_events.iter().filter(|(at, _)| (bucket.start..bucket.end).contains(at));
        let most = inside.map(|(_, alive)| *alive).max().unwrap();
        let most = most.max(alive(&sessions, gap, bucket.start));
        assert_eq!(bucket.alive_max, most, "{bucket:?}");
    }
    let most = at_events.iter().map(|(_, alive)| *alive).max();
    let first = at_events.iter().find(|(_, alive)| Some(*alive) == most);
    let peak = activity.peak.as_ref().map(|peak| (peak.at, peak.sessions));
    assert_eq!(peak, first.copied());
}

const ZONES: [Tz; 6] = [
    Tz::UTC,
    Tz::Europe__Vienna,
    Tz::America__New_York,
    Tz::Australia__Lord_Howe,
    Tz::America__Sao_Paulo,
    Tz::Asia__Kathmandu,
];

/// Seconds of a bucket: short, long, of days and of a week.
const BUCKETS: [u64; 7] = [900, 1_800, 3_600, 14_400, 86_400, 172_800, 604_800];

/// Days on which some of the clocks are set, and one without.
const DAYS: [&str; 7] = [
    "2026-03-29T00:00:00Z",
    "2026-10-25T00:00:00Z",
    "2026-03-08T00:00:00Z",
    "2026-04-04T12:00:00Z",
    "2026-10-03T12:00:00Z",
    "2018-11-03T20:00:00Z",
    "2026-07-01T00:00:00Z",
];

/// Random events, which begin an hour before `second(0)`, moved to another day.
fn moved(drafts: Vec<Draft>, day: &str) -> Vec<Draft> {
    let to: Timestamp = day.parse().unwrap();
    let by = to.as_micros() - second(0).as_micros();
    let move_one = |draft: Draft| Draft { time: micros(draft.time, by), ..draft };
    drafts.into_iter().map(move_one).collect()
}

#[test]
fn buckets_and_lives_agree_where_clocks_are_set() {
    let mut random = Random::new(5);
    for round in 0..42 {
        let count = random.below(160);
        let drafts = moved(random_events(&mut random, count), DAYS[round % DAYS.len()]);
        let store = store_of(&drafts);
        let bucket = Duration::from_secs(*random.pick(&BUCKETS));
        let gap = Duration::from_secs([0, 30, 100, 600, 3_600][random.below(5)]);
        for zone in [ZONES[round % ZONES.len()], *random.pick(&ZONES)] {
            assert_agrees(&store, &Filter::All, zone, bucket, gap);
        }
        assert_agrees(&store, &Filter::session(1), Tz::UTC, bucket, gap);
    }
}

fn of_session(session: &str, kind: &str, seconds: i64) -> Draft {
    Draft { session: session.to_owned(), ..event(kind, seconds) }
}

#[test]
fn a_session_is_alive_through_gaps_that_are_not_longer_and_until_its_cleanup() {
    let store = store_of(&[
        event("heartbeat", 0),
        of_session("t", "heartbeat", 60),
        event("heartbeat", 100),
        of_session("t", "cleanup_session", 120),
        of_session("u", "heartbeat", 130),
        event("heartbeat", 201),
        event("heartbeat", 250),
    ]);
    let ask = |gap| {
        let question = Histogram::new(Duration::from_secs(60)).gap(Duration::from_secs(gap));
        let activity = store.ask(&question).unwrap();
        let peak = activity.peak.unwrap();
        let most = |bucket: &Bucket| bucket.alive_max;
        let most: Vec<_> = activity.buckets.iter().map(most).collect();
        (most, peak.sessions, (peak.at.as_micros() - second(0).as_micros()) / SECOND)
    };
    assert_eq!(ask(100), (vec![1, 2, 1, 1, 1], 2, 60));
    assert_eq!(ask(101), (vec![1, 2, 2, 1, 1], 2, 60));
    assert_eq!(ask(99), (vec![1, 2, 1, 1, 1], 2, 100));
}

#[test]
fn an_event_in_the_instant_of_a_cleanup_is_no_second_life() {
    let store = store_of(&[
        event("heartbeat", 0),
        event("cleanup_session", 10),
        event("heartbeat", 10),
        event("heartbeat", 20),
    ]);
    let peak = store.ask(&Histogram::new(Duration::from_secs(60))).unwrap().peak.unwrap();
    assert_eq!((peak.sessions, peak.at), (1, second(0)));
}
