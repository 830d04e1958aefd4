//! The hostile events: nothing repeats, nothing is near anything else.
//!
//! Owns: [`Hostile`]. Does not own what every workload promises (`workload`).

use super::Workload;
use super::random::Random;
use crate::event::{Location, NewEvent};
use crate::time::{DAY, Timestamp};

const TAGS: u64 = 100_000;
const TAGS_PER_EVENT_MAX: u64 = 5;
const TYPES: u64 = 50;
const DATA_BYTES: usize = 1_000;

/// One letter for each six bits.
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[derive(Debug, Clone)]
pub(super) struct Hostile {
    random: Random,
    start: Timestamp,
    span_micros: u64,
    events: u64,
    made: u64,
}

impl Hostile {
    pub(super) fn new(workload: &Workload, start: Timestamp, days: u32) -> Self {
        Self {
            random: Random::new(workload.seed),
            start,
            span_micros: u64::from(days) * DAY.unsigned_abs(),
            events: workload.events,
            made: 0,
        }
    }

    pub(super) fn left(&self) -> u64 {
        self.events - self.made
    }

    pub(super) fn next(&mut self) -> Option<NewEvent> {
        if self.left() == 0 {
            return None;
        }
        // Evenly over the days, in order.
        let place = u128::from(self.made) * u128::from(self.span_micros) / u128::from(self.events);
        let session = scrambled(self.made);
        self.made += 1;
        let random = &mut self.random;
        let tags = random.below(TAGS_PER_EVENT_MAX + 1);
        Some(NewEvent {
            session_id: format!("{session:016x}"),
            event_type: format!("type_{}", random.below(TYPES)),
            server_time: Some(Timestamp::from_micros(self.start.as_micros() + place as i64)),
            client_time: Some(random.next().to_string()),
            location: Some(Location {
                latitude: random.unit() * 180.0 - 90.0,
                longitude: random.unit() * 360.0 - 180.0,
            }),
            tags: (0..tags).map(|_| random.below(TAGS).to_string()).collect(),
            data: Some(letters(random, DATA_BYTES)),
        })
    }
}

/// Another number for each number, in no order: the last steps of SplitMix64, each of which can be
/// undone.
fn scrambled(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn letters(random: &mut Random, bytes: usize) -> String {
    let mut text = String::with_capacity(bytes);
    while text.len() < bytes {
        let bits = random.next();
        let more = (bytes - text.len()).min(10);
        text.extend((0..more).map(|at| char::from(LETTERS[(bits >> (at * 6) & 63) as usize])));
    }
    text
}
