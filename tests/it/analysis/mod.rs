//! Goal: the questions about what the log is for have right answers. Method: hand-made sessions whose
//! answers are known, one for each rule; and `naive`, which computes the same figures from the events
//! that `Store::query` gives with plain loops.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

#[cfg(feature = "cli")]
mod cli_activity;
#[cfg(feature = "cli")]
mod cli_sessions;
mod flows;
mod heatmap;
#[cfg(feature = "tz")]
mod histogram;
mod naive;
mod sessions;
mod skew;
mod tags;

use diurnal::{Store, Timestamp};

use crate::common::{Draft, Model, Random, SECOND, at, day, small_blocks};

/// An instant so many seconds after some midnight.
pub(crate) fn second(seconds: i64) -> Timestamp {
    at(day("2026-11-23"), seconds * SECOND)
}

/// An event of session `s` so many seconds after that midnight.
pub(crate) fn event(kind: &str, seconds: i64) -> Draft {
    Draft::new("s", kind, second(seconds))
}

/// One with tags.
pub(crate) fn choice(seconds: i64, tags: &[&str]) -> Draft {
    let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
    Draft { tags, ..event("modify_stream", seconds) }
}

pub(crate) fn store_of(drafts: &[Draft]) -> Store {
    let store = small_blocks().in_memory().unwrap();
    Model::default().log(&store, drafts);
    store
}

const TYPES: [&str; 18] = [
    "start_session",
    "cleanup_session",
    "heartbeat",
    "heartbeat",
    "heartbeat",
    "location_update",
    "start_stream",
    "stop_stream",
    "pause_stream",
    "play_stream",
    "modify_stream",
    "modify_stream",
    "modify_stream",
    "start_record",
    "stop_record",
    "start_upload",
    "stop_upload",
    "client_error",
];

/// Events of four sessions over three days, out of order now and then: every type with a meaning, silences
/// of seconds to hours, places near the antimeridian, in a city, without a fix or none.
pub(crate) fn random_events(random: &mut Random, count: usize) -> Vec<Draft> {
    let mut time = second(0).as_micros() - 3_600 * SECOND;
    let draft = |_| {
        time += match random.below(8) {
            0 => 0,
            1 => random.below(4_000_000_000) as i64 * 2,
            _ => random.below(200_000_000) as i64,
        };
        let early = if random.below(10) == 0 { random.below(600) as i64 * SECOND } else { 0 };
        let client_time = match random.below(4) {
            0 => None,
            1 => Some("yesterday".to_owned()),
            _ => Some(skewed(time, random.below(9_000_000) as i64 - 7_000_000)),
        };
        let place = match random.below(6) {
            0 => None,
            1 => Some((1.0, 1.0)),
            2 => Some((0.0, -0.0)),
            3 => Some((-16.5 + random.unit(), [179.9, -179.9, 180.0][random.below(3)])),
            _ => Some((42.3 + random.unit() / 50.0, -71.1 + random.unit() / 50.0)),
        };
        Draft {
            client_time,
            place,
            tags: (0..random.below(5)).map(|_| random.below(6).to_string()).collect(),
            ..Draft::new(
                ["1", "-1", "2", "x y"][random.below(4)],
                random.pick(&TYPES),
                Timestamp::from_micros(time - early),
            )
        }
    };
    (0..count).map(draft).collect()
}

/// What a client's clock shows that is so many microseconds fast.
fn skewed(server_micros: i64, fast_micros: i64) -> String {
    Timestamp::from_micros(server_micros + fast_micros).to_string()
}
