//! Goal: questions about flows are answered as their words are defined. Method: one module for each family of
//! questions: sessions made by hand whose answers are known, and random events whose answers a plain loop over
//! `Store::query` gives again; answers come back from JSON as they were.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

#[cfg(feature = "cli")]
mod cli;
mod errors;
mod funnel;
mod health;
mod silence;
mod transitions;

use std::collections::BTreeMap;

use diurnal::{Event, Filter, NewEvent, Query, Store, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::common::{DAY, SECOND, day, found, small_blocks};

/// So many seconds after noon of a day.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(day("2026-11-23").start().as_micros() + DAY / 2 + seconds * SECOND)
}

fn micros(seconds: u64) -> u64 {
    seconds * SECOND.unsigned_abs()
}

/// A store with events given as session, type and seconds after noon.
fn store_with(events: &[(&str, &str, i64)]) -> Store {
    store_of(
        events
            .iter()
            .map(|(session, kind, seconds)| NewEvent::new(session, kind).server_time(at(*seconds))),
    )
}

fn store_of(events: impl IntoIterator<Item = NewEvent>) -> Store {
    let store = small_blocks().in_memory().unwrap();
    store.log_events(events).unwrap();
    store
}

const TYPES: [&str; 12] = [
    "heartbeat",
    "heartbeat",
    "location_update",
    "start_session",
    "cleanup_session",
    "start_stream",
    "stop_listen",
    "modify_stream",
    "start_upload",
    "stop_upload",
    "client_error",
    "vote_asset",
];

const MESSAGES: [&str; 7] =
    ["", "timeout 5", "timeout 17.5", "no asset 'a1'", "no", "a\n b", "a b"];

/// Events of few sessions, types, times and tags, so that they meet.
fn events() -> impl Strategy<Value = Vec<NewEvent>> {
    let time = (0_i64..3, 0_i64..60).prop_map(|(day, n)| at(day * 86_400 + n * 70));
    let tags = vec(select(vec!["kiosk:a", "kiosk:b", "kiosk:", "3"]), 0..3);
    let data = proptest::option::weighted(0.8, select(&MESSAGES[..]));
    let event = (0..5, select(&TYPES[..]), time, tags, data);
    let event = event.prop_map(|(session, kind, time, tags, data)| {
        let event = NewEvent::new(session, kind).server_time(time).tags(tags);
        if let Some(data) = data { event.data(data) } else { event }
    });
    vec(event, 0..120)
}

fn some_filter() -> impl Strategy<Value = Filter> {
    prop_oneof![
        3 => Just(Filter::All),
        1 => Just(Filter::sessions([0, 3])),
        1 => Just(Filter::any_tag(["kiosk:a", "3"])),
        1 => Just(Filter::not(Filter::event_type("vote_asset"))),
    ]
}

/// The events that match up to a time, by session, each in order.
fn by_session(store: &Store, filter: &Filter, to: Timestamp) -> BTreeMap<String, Vec<Event>> {
    let mut sessions = BTreeMap::<String, Vec<Event>>::new();
    for event in found(store, &Query::from(filter.clone())) {
        if event.server_time <= to {
            sessions.entry(event.session_id.clone()).or_default().push(event);
        }
    }
    sessions
}

fn between(from: Timestamp, to: Timestamp) -> u64 {
    (to.as_micros() - from.as_micros()).unsigned_abs()
}

/// The least value that half of all are not greater than.
fn median(mut values: Vec<u64>) -> Option<u64> {
    values.sort_unstable();
    values.get(values.len().div_ceil(2).checked_sub(1)?).copied()
}

/// Keys with how often each occurs, the most frequent first.
fn counted<'a>(keys: impl Iterator<Item = &'a str>) -> Vec<(String, u64)> {
    let mut counts = BTreeMap::<String, u64>::new();
    keys.for_each(|key| *counts.entry(key.to_owned()).or_default() += 1);
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|count| std::cmp::Reverse(count.1));
    counts
}

fn pairs(counts: &[diurnal::Count]) -> Vec<(String, u64)> {
    counts.iter().map(|count| (count.key.clone(), count.count)).collect()
}

/// What is written as JSON is read as the same.
fn assert_kept<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(answer: &T) {
    let text = serde_json::to_string(answer).unwrap();
    let again: T = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(&again, answer, "{text}");
}
