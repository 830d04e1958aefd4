//! Which path do actions take?
//!
//! Owns: [`Paths`], which types follow which, how often and how soon.
//!
//! - The events of a session that the filter lets through are walked in the order of (server time, id), without
//!   those of [`Ignored`] types. Each event and the one after it are a *transition* from a type to a type,
//!   which may be the same.
//! - A pause longer than the setting `gap` ends a *visit* and begins another: over it there is no transition.
//!   Without the setting a session is one visit.
//! - The *delay* of a transition is the time between the two events' server times.
//!
//! Bounds: 24 bytes a session. Types are numbered as they are met; transitions from or to a type after the
//! first [`TYPES_MAX`], and those of pairs after the first [`PAIRS_MAX`], are counted and not listed. A listed
//! pair takes at most 32 KiB (`delays`).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::analysis::builder::{filter_method, limit_method, new_method};
use crate::analysis::delays::{Delays, micros_between};
use crate::analysis::sealed::Answered;
use crate::analysis::{Ignored, LIMIT, Moment, Quantiles, micros_of, places, sorted_counts};
use crate::error::Result;
use crate::query::scan::{Row, Symbol, Words, scan};
use crate::query::{Count, Filter};
use crate::time::Timestamp;

/// Types between which transitions are listed.
const TYPES_MAX: usize = 256;

/// Pairs of types that are listed.
const PAIRS_MAX: usize = 4096;

/// Which path do actions take? Asks which event type follows which within a session, how often, and how
/// long it takes; see [`Store::ask`](crate::Store::ask).
///
/// A session's events are taken in order of their server time. Each and its next one are a transition;
/// other sessions' events in between do not matter.
///
/// ```
/// use diurnal::analysis::Paths;
/// use diurnal::{NewEvent, Store, Timestamp};
///
/// let store = Store::in_memory()?;
/// let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
/// store.log_events([
///     NewEvent::new(1, "start_record").server_time(at(10)),
///     NewEvent::new(1, "heartbeat").server_time(at(12)),
///     NewEvent::new(1, "stop_record").server_time(at(15)),
/// ])?;
/// let answer = store.ask(&Paths::new())?;
/// let first = &answer.paths[0];
/// assert_eq!((first.from.as_str(), first.to.as_str()), ("start_record", "stop_record"));
/// assert_eq!((first.count, first.delay_micros.median), (1, 5_000_000));
/// # Ok::<(), diurnal::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Paths {
    /// Which events; by default all.
    pub filter: Filter,
    /// Types that are left out; by default `heartbeat` and `location_update`.
    pub ignored: Ignored,
    /// Microseconds of a pause: over a longer one there is no transition. By default there is none so
    /// long.
    pub gap_micros: Option<u64>,
    /// How many transitions are listed, and how many first and last types; by default 100.
    pub limit: u64,
}

impl Default for Paths {
    fn default() -> Self {
        Self { filter: Filter::All, ignored: Ignored::default(), gap_micros: None, limit: LIMIT }
    }
}

impl Paths {
    new_method!();

    filter_method!();

    /// Types that are left out, in place of the default.
    #[must_use]
    pub fn ignored(mut self, ignored: Ignored) -> Self {
        self.ignored = ignored;
        self
    }

    /// A longer pause ends a visit.
    #[must_use]
    pub fn gap(mut self, gap: Duration) -> Self {
        self.gap_micros = Some(micros_of(gap));
        self
    }

    limit_method!("How many transitions are listed, and how many first and last types.");
}

/// What [`Paths`] found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PathsReport {
    /// Events that were walked.
    pub events: u64,
    /// Sessions that have one.
    pub sessions: u64,
    /// Visits: sessions, and what pauses split off.
    pub visits: u64,
    /// Transitions, listed or not: events less visits.
    pub transitions: u64,
    /// The most frequent transitions first, then by the names of their types.
    pub paths: Vec<Transition>,
    /// Transitions of pairs that are not listed.
    pub others: u64,
    /// The types that visits begin with, the most frequent first; no more than the limit.
    pub first_types: Vec<Count>,
    /// The types that visits end with, the most frequent first; no more than the limit.
    pub last_types: Vec<Count>,
}

/// From one type to the next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Transition {
    /// The type of an event.
    pub from: String,
    /// The type of the session's next event.
    pub to: String,
    /// How often.
    pub count: u64,
    /// Microseconds between the two: exact up to 4,096 transitions; with more of them, quantiles but the
    /// least and the greatest are within 1/128.
    pub delay_micros: Quantiles<u64>,
}

impl Answered for Paths {
    type Answer = PathsReport;

    fn answer(&self, moment: &Moment<'_>) -> Result<PathsReport> {
        let mut words = Words::default();
        let mut walk = Walk::new(self.gap_micros.unwrap_or(u64::MAX));
        let filter = self.ignored.leave_out(&self.filter);
        scan(moment.snapshot, &filter, &[], &mut words, |row| {
            walk.step(row);
            Ok(())
        })?;
        Ok(walk.report(&words, self.limit))
    }
}

/// What is known midway.
struct Walk {
    gap_micros: u64,
    events: u64,
    visits: u64,
    /// By session.
    last: Vec<Option<(Symbol, Timestamp)>>,
    /// By type, visits that begin with it, and visits that have ended with it.
    first_types: Vec<u64>,
    last_types: Vec<u64>,
    pairs: Pairs,
}

/// Pairs of types.
struct Pairs {
    /// By type, its number from 1 in the order of first use; 0 where it has none.
    numbers: Vec<usize>,
    numbered: usize,
    /// By both numbers, the place of a pair from 1; 0 where it has none.
    places: Vec<u32>,
    listed: Vec<(Symbol, Symbol, Delays)>,
}

impl Walk {
    fn new(gap_micros: u64) -> Self {
        let pairs = Pairs {
            numbers: Vec::new(),
            numbered: 0,
            places: vec![0; TYPES_MAX * TYPES_MAX],
            listed: Vec::new(),
        };
        Self {
            gap_micros,
            events: 0,
            visits: 0,
            last: Vec::new(),
            first_types: Vec::new(),
            last_types: Vec::new(),
            pairs,
        }
    }

    fn step(&mut self, row: &Row<'_>) {
        self.events += 1;
        let session = row.session.index();
        if session >= self.last.len() {
            self.last.resize(session + 1, None);
        }
        let now = (row.event_type, row.server_time);
        let before = self.last[session].replace(now);
        if let Some((from, time)) = before {
            let delay = micros_between(time, row.server_time);
            if delay <= self.gap_micros {
                self.pairs.add(from, row.event_type, delay);
                return;
            }
            add_one(&mut self.last_types, from);
        }
        self.visits += 1;
        add_one(&mut self.first_types, row.event_type);
    }

    fn report(mut self, words: &Words, limit: u64) -> PathsReport {
        let lasts = std::mem::take(&mut self.last);
        let mut sessions = 0;
        for (last, _) in lasts.into_iter().flatten() {
            sessions += 1;
            add_one(&mut self.last_types, last);
        }
        let word = |symbol| words.types.word(symbol).to_owned();
        let mut paths: Vec<_> = self.pairs.listed.into_iter().collect();
        let names =
            |pair: &(Symbol, Symbol, Delays)| (words.types.word(pair.0), words.types.word(pair.1));
        paths.sort_by(|a, b| b.2.count().cmp(&a.2.count()).then_with(|| names(a).cmp(&names(b))));
        paths.truncate(places(limit));
        let paths: Vec<Transition> = paths
            .into_iter()
            .filter_map(|(from, to, delays)| {
                let (count, delay_micros) = (delays.count(), delays.quantiles()?);
                Some(Transition { from: word(from), to: word(to), count, delay_micros })
            })
            .collect();
        let transitions = self.events - self.visits;
        let listed: u64 = paths.iter().map(|path| path.count).sum();
        PathsReport {
            events: self.events,
            sessions,
            visits: self.visits,
            transitions,
            paths,
            others: transitions - listed,
            first_types: sorted_counts(&words.types, &self.first_types, limit),
            last_types: sorted_counts(&words.types, &self.last_types, limit),
        }
    }
}

impl Pairs {
    fn add(&mut self, from: Symbol, to: Symbol, delay: u64) {
        let (Some(row), Some(column)) = (self.number(from), self.number(to)) else { return };
        let place = &mut self.places[row * TYPES_MAX + column];
        if *place == 0 {
            if self.listed.len() == PAIRS_MAX {
                return;
            }
            self.listed.push((from, to, Delays::default()));
            *place = self.listed.len() as u32;
        }
        self.listed[*place as usize - 1].2.add(delay);
    }

    /// The type's number, from 0; `None` past the last that is given.
    fn number(&mut self, of: Symbol) -> Option<usize> {
        if of.index() >= self.numbers.len() {
            self.numbers.resize(of.index() + 1, 0);
        }
        let number = &mut self.numbers[of.index()];
        if *number == 0 && self.numbered < TYPES_MAX {
            self.numbered += 1;
            *number = self.numbered;
        }
        number.checked_sub(1)
    }
}

/// One more of this symbol.
fn add_one(counts: &mut Vec<u64>, of: Symbol) {
    if of.index() >= counts.len() {
        counts.resize(of.index() + 1, 0);
    }
    counts[of.index()] += 1;
}
