//! Strategies for events, and for what they are made of.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::event::NewEvent;
use crate::time::{DAY, Day, SECOND, Timestamp};

pub(super) const SESSIONS: [&str; 9] = [
    "1",
    "-7",
    "007",
    "e\u{301}",
    "\u{e9}",
    "two words",
    "\u{202e}\u{1d4ae}\u{1f469}\u{200d}\u{1f680}",
    "a session whose id is as long as ids may be: 128 bytes, every one of them counted and each of them kept, to the very last of all",
    "%",
];
pub(super) const TYPES: [&str; 5] =
    ["heartbeat", "modify_stream", "client_error", "Ünïcode type", "\u{feff}"];
pub(super) const TAGS: [&str; 7] = ["1", "2", "3", "01", "a,b", " padded ", "\u{1f333}"];
const WORDS: [&str; 6] =
    ["timeout", "time", "\"quoted\"", "line\nbreak\0nul", "Größe", "\u{1f333}"];
const LATITUDES: [f64; 8] = [0.0, 1.0, 40.0, 40.25, -45.5, -0.0, -90.0, 90.0];
const LONGITUDES: [f64; 9] = [0.0, 1.0, 116.25, 116.5, -179.5, -0.0, -180.0, 179.5, 180.0];

/// 2026-11-23 and its neighbours, the days that most events fall on.
const NEAR_DAYS: [u32; 3] = [20_780, 20_779, 20_781];
/// 2026-11-25, 2027-03-01, 1970-01-01, and 2106-02-07, when 32 bits of seconds run out.
const FAR_DAYS: [u32; 4] = [20_782, 20_878, 0, 49_710];

pub(super) fn texts(of: &'static [&'static str]) -> impl Strategy<Value = String> + Clone {
    select(of).prop_map(str::to_owned)
}

/// A day: most often one of three in a row, sometimes one far off.
pub fn day() -> impl Strategy<Value = Day> + Clone {
    let number = prop_oneof![4 => select(&NEAR_DAYS[..]), 1 => select(&FAR_DAYS[..])];
    number.prop_map(|number| Day::from_number(number).unwrap_or(Day::MIN))
}

/// An instant of such a day, often equal to others, often at the day's very ends.
pub fn timestamp() -> impl Strategy<Value = Timestamp> + Clone {
    let micros = prop_oneof![
        1 => select(vec![0, 1, DAY - 1]),
        2 => (0_i64..8).prop_map(|n| n * 3 * 3_600 * SECOND),
        2 => (0_i64..40).prop_map(|n| DAY / 2 + n * 250_000),
        2 => 0..DAY,
    ];
    (day(), micros)
        .prop_map(|(day, micros)| Timestamp::from_micros(day.start().as_micros() + micros))
}

/// A client's time as text, in each of the forms that are read, or in none.
fn client_time() -> impl Strategy<Value = String> + Clone {
    let written = (timestamp(), 0..7).prop_map(|(time, form)| {
        let time = time.to_chrono().unwrap_or_default();
        match form {
            0 => time.to_rfc3339(),
            1 => time.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
            2 => time.format("%Y-%m-%d %H:%M:%S").to_string(),
            3 => time.format("%Y-%m-%dT%H:%M:%S%.3f+0200").to_string(),
            4 => time.to_rfc2822(),
            5 => time.timestamp().to_string(),
            _ => time.timestamp_millis().to_string(),
        }
    });
    let unreadable = texts(&["yesterday", "0000-00-00 00:00:00", " ", "12:30 ☕", "\n", "NaN"]);
    prop_oneof![4 => written, 1 => unreadable]
}

/// A latitude and a longitude: on edges, in a city, anywhere.
pub fn place() -> impl Strategy<Value = (f64, f64)> + Clone {
    prop_oneof![
        3 => (select(&LATITUDES[..]), select(&LONGITUDES[..])),
        2 => (39.9_f64..40.3, 116.2_f64..116.6),
        1 => (-90.0_f64..=90.0, -180.0_f64..=180.0),
    ]
}

fn data() -> impl Strategy<Value = String> + Clone {
    let long = (vec(texts(&WORDS), 0..6), select(vec!["", " ", "x"]));
    prop_oneof![1 => Just(String::new()), 4 => long.prop_map(|(words, by)| words.join(by))]
}

/// An event that a store accepts; the clock gives one in five its time.
pub fn event() -> impl Strategy<Value = NewEvent> + Clone {
    let names = (texts(&SESSIONS), texts(&TYPES), vec(texts(&TAGS), 0..5));
    let times = (option::weighted(0.8, timestamp()), option::of(client_time()));
    let rest = (option::of(place()), option::of(data()));
    (names, times, rest).prop_map(|((session, kind, tags), (server_time, client_time), rest)| {
        let (place, data) = rest;
        let mut event = NewEvent::new(session, kind).tags(tags);
        event.server_time = server_time;
        event.client_time = client_time;
        event.data = data;
        match place {
            Some((latitude, longitude)) => event.location(latitude, longitude),
            None => event,
        }
    })
}

/// Events to be logged at once: 1 to 49, enough to fill a block of 16 rows or not.
pub fn batch() -> impl Strategy<Value = Vec<NewEvent>> + Clone {
    vec(event(), 1..50)
}
