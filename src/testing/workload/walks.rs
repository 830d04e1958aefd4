//! The realistic events: sessions that open, walk and close beside each other.
//!
//! Owns: [`Walks`], which session speaks next, when sessions open, and which events are late. The rooms
//! below it: `walk` (one session), `hours` (when and in which city people come). Does not own what
//! every workload promises (`workload`).
//!
//! Invariants: each session is given its number of events before it opens, and the numbers add up to
//! what was asked for; the share of events given away so far tells when the next session opens. A
//! session is over within an hour, and none opens in the last hour.

mod hours;
mod walk;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use super::Workload;
use super::random::Random;
use crate::event::NewEvent;
use crate::time::{SECOND, Timestamp};

use hours::{Hours, LocalDates};
use walk::Walk;

/// The id of the first session: servers have a past.
const FIRST_SESSION: u64 = 4_000;

/// One event in so many is filed early.
const LATE_ONE_IN: u64 = 100;

/// A late event is at most 2 to the power of this many seconds early; each power is as likely.
const LATE_POWER_MAX: u64 = 9;

#[derive(Debug, Clone)]
pub(super) struct Walks {
    random: Random,
    hours: Hours,
    dates: LocalDates,
    start: Timestamp,
    events: u64,
    made: u64,
    /// Events that were given to sessions.
    given: u64,
    sessions: u64,
    upcoming: Option<Opening>,
    /// When each open session speaks next, and its place in `open`.
    due: BinaryHeap<Reverse<(i64, u32)>>,
    open: Vec<Walk>,
    /// Places in `open` of sessions that are over.
    free: Vec<u32>,
}

/// A session that is to open.
#[derive(Debug, Clone, Copy)]
struct Opening {
    at_micros: i64,
    events: u64,
}

impl Walks {
    pub(super) fn new(workload: &Workload, start: Timestamp, days: u32) -> Self {
        let mut walks = Self {
            random: Random::new(workload.seed),
            hours: Hours::new(days),
            dates: LocalDates::default(),
            start,
            events: workload.events,
            made: 0,
            given: 0,
            sessions: 0,
            upcoming: None,
            due: BinaryHeap::new(),
            open: Vec::new(),
            free: Vec::new(),
        };
        walks.upcoming = walks.next_opening();
        walks
    }

    pub(super) fn left(&self) -> u64 {
        self.events - self.made
    }

    pub(super) fn next(&mut self) -> Option<NewEvent> {
        while let Some(opening) = self.upcoming {
            if self.due.peek().is_some_and(|Reverse((due, _))| *due < opening.at_micros) {
                break;
            }
            self.open(opening);
            self.upcoming = self.next_opening();
        }
        let mut top = self.due.peek_mut()?;
        let Reverse((now, place)) = *top;
        let server_time = filed_at(now, &mut self.random).max(self.start);
        let walk = &mut self.open[place as usize];
        let mut event = walk.event(now, &mut self.random, &mut self.dates);
        match walk.next_due(now, &mut self.random) {
            Some(due) => *top = Reverse((due, place)),
            None => {
                PeekMut::pop(top);
                self.free.push(place);
            }
        }
        event.server_time = Some(server_time);
        self.made += 1;
        Some(event)
    }

    /// The next session, while there are events to be given to it.
    fn next_opening(&mut self) -> Option<Opening> {
        let left = self.events - self.given;
        if left == 0 {
            return None;
        }
        let events = walk::events(&mut self.random).min(left);
        let share = (self.given as f64 + self.random.unit() * events as f64) / self.events as f64;
        self.given += events;
        let at_micros = self.start.as_micros() + self.hours.at(share);
        Some(Opening { at_micros, events })
    }

    fn open(&mut self, opening: Opening) {
        let since_start = opening.at_micros - self.start.as_micros();
        let city = self.hours.city(since_start, &mut self.random);
        let id = FIRST_SESSION + self.sessions;
        let walk = Walk::new(id, city, opening.at_micros, opening.events, &mut self.random);
        self.sessions += 1;
        let place = match self.free.pop() {
            Some(place) => {
                self.open[place as usize] = walk;
                place
            }
            None => {
                self.open.push(walk);
                (self.open.len() - 1) as u32
            }
        };
        self.due.push(Reverse((opening.at_micros, place)));
    }
}

/// The server time of an event that arrives now.
fn filed_at(now: i64, random: &mut Random) -> Timestamp {
    if !random.one_in(LATE_ONE_IN) {
        return Timestamp::from_micros(now);
    }
    let most = SECOND.unsigned_abs() << random.below(LATE_POWER_MAX + 1);
    Timestamp::from_micros(now - random.between(most / 2, most) as i64)
}
