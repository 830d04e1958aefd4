//! When do people act: events and sessions by stretch of time.
//!
//! Owns: [`Histogram`], its buckets in a time zone, and how many sessions are alive at once.
//!
//! **Buckets** are cut by the clock on the wall of the zone. Those shorter than a day begin at its midnight,
//! those of several days at Monday, 1970-01-05. Where clocks are set, a bucket of up to an hour keeps its
//! length: an hour that clocks show twice is two buckets, told apart by their offsets. A longer bucket lasts
//! until clocks show its end: a day has 23, 24 or 25 hours. Buckets without an event are left out.
//!
//! A session is **alive** from an event to the next, unless that comes later than the setting `gap`, and ends with
//! `cleanup_session`. With a filter, the events that it lets through are all that is known of a session.
//!
//! Memory grows with buckets, of which there are at most [`BUCKETS_MAX`], with sessions, and with how often
//! these come back after a gap.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::meaning::{Meaning, Meanings};
use super::sealed::Answered;
use super::{Moment, micros_of};
use crate::analysis::builder::filter_method;
use crate::error::{Error, Result};
use crate::query::scan::{self, Row, Symbol, Words};
use crate::query::{Count, Filter};
use crate::time::{DAY, SECOND, Timestamp};
use crate::zone::Zone;

/// Buckets of an answer: a second each, for eleven days; a minute each, for two years.
const BUCKETS_MAX: usize = 1_000_000;

/// A bucket up to this length keeps it where clocks are set.
const SHORT: i64 = 3_600 * SECOND;

/// Monday, 1970-01-05.
const MONDAY: i64 = 4 * DAY;

/// The longest bucket, in days.
const DAYS_MAX: i64 = 366;

/// When do people act?
///
/// ```
/// use std::time::Duration;
///
/// use diurnal::analysis::Histogram;
/// use diurnal::{NewEvent, Store};
///
/// let store = Store::in_memory()?;
/// store.log_event(NewEvent::new(1, "heartbeat").server_time("2026-11-23T10:05:00Z".parse()?))?;
/// let hours = Histogram::new(Duration::from_secs(3600)).zone("+01:00".parse()?);
/// let answer = store.ask(&hours)?;
/// assert_eq!(answer.buckets[0].local, "2026-11-23T11:00:00+01:00");
/// # Ok::<(), diurnal::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Histogram {
    /// Which events.
    #[serde(default)]
    pub filter: Filter,
    /// The length of a bucket in microseconds: whole seconds that divide a day, or whole days, at most 366.
    pub bucket_micros: u64,
    /// Where the clock hangs; UTC unless given.
    #[serde(default)]
    pub zone: Zone,
    /// Whether events are counted by type, too.
    #[serde(default)]
    pub by_type: bool,
    /// Microseconds that a session may be silent and still be alive; those of 10 minutes unless given.
    #[serde(default = "default_gap")]
    pub gap_micros: u64,
    /// Buckets that an answer may have: fewer where it goes over a network.
    #[serde(skip, default = "default_buckets_max")]
    pub(crate) buckets_max: usize,
}

fn default_buckets_max() -> usize {
    BUCKETS_MAX
}

fn default_gap() -> u64 {
    600 * SECOND.unsigned_abs()
}

impl Histogram {
    /// Of every event, by buckets of this length, in UTC.
    #[must_use]
    pub fn new(bucket: Duration) -> Self {
        Self {
            filter: Filter::All,
            bucket_micros: micros_of(bucket),
            zone: Zone::UTC,
            by_type: false,
            gap_micros: default_gap(),
            buckets_max: BUCKETS_MAX,
        }
    }

    filter_method!();

    /// By the clock of this zone.
    #[must_use]
    pub fn zone(mut self, zone: Zone) -> Self {
        self.zone = zone;
        self
    }

    /// With counts by type, or without.
    #[must_use]
    pub fn by_type(mut self, by_type: bool) -> Self {
        self.by_type = by_type;
        self
    }

    /// With sessions that are alive through a silence of this length.
    #[must_use]
    pub fn gap(mut self, gap: Duration) -> Self {
        self.gap_micros = micros_of(gap);
        self
    }
}

/// The answer to a [`Histogram`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Activity {
    /// Events of all buckets.
    pub events: u64,
    /// Sessions of all buckets.
    pub sessions: u64,
    /// When most sessions were alive at once; absent where there is no event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak: Option<Peak>,
    /// The buckets with an event, in order.
    pub buckets: Vec<Bucket>,
}

/// When most sessions were alive at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Peak {
    /// How many.
    pub sessions: u64,
    /// The first instant with so many.
    pub at: Timestamp,
}

/// A stretch of time with events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Bucket {
    /// Its first instant.
    pub start: Timestamp,
    /// The instant after its last.
    pub end: Timestamp,
    /// Its start as the clock of the zone shows it, with the offset.
    pub local: String,
    /// Events in it.
    pub events: u64,
    /// Sessions with an event in it.
    pub sessions: u64,
    /// The most sessions that were alive at once in it.
    pub alive_max: u64,
    /// Events by type, the most frequent first; empty unless asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_type: Vec<Count>,
}

/// Where buckets begin and end.
#[derive(Debug, Clone, Copy)]
struct Cuts {
    length: i64,
    zone: Zone,
}

impl Cuts {
    fn new(bucket_micros: u64, zone: Zone) -> Result<Self> {
        let length = i64::try_from(bucket_micros).unwrap_or(i64::MAX);
        let divides = length % SECOND == 0 && length > 0 && DAY % length == 0;
        let days = length > 0 && length % DAY == 0 && length <= DAYS_MAX * DAY;
        if !divides && !days {
            let rule = "must be whole seconds that divide a day, or 1 to 366 whole days";
            return Err(Error::invalid("bucket", rule, format!("{bucket_micros} µs")));
        }
        Ok(Self { length, zone })
    }

    /// The first instant of the bucket that holds `at`, and the first after it.
    fn bucket(&self, at: i64) -> (i64, i64) {
        let offset = self.zone.offset(at);
        let local = at.saturating_add(offset);
        let start = local - (local - MONDAY).rem_euclid(self.length);
        if self.length > SHORT {
            let end = start.saturating_add(self.length);
            return (self.zone.earliest(start), self.zone.earliest(end));
        }
        let (mut start, mut end) = (start - offset, start - offset + self.length);
        if self.zone.offset(start) != offset {
            start = self.zone.setting_between(start, at);
        }
        if self.zone.offset(end - 1) != offset {
            end = self.zone.setting_between(at, end - 1);
        }
        (start, end)
    }
}

/// A bucket that is being filled.
#[derive(Debug, Clone, Copy)]
struct Filling {
    start: i64,
    end: i64,
    events: u64,
    sessions: u64,
}

/// What is known of a session so far.
#[derive(Debug, Clone, Copy)]
struct Presence {
    /// The bucket that counted it last, from 1.
    bucket: usize,
    alive_since: i64,
    /// Its latest event.
    last: Option<i64>,
    /// Whether that was its end, or as far as is known, the session is alive.
    ended: bool,
}

/// What was counted so far.
struct Counts {
    cuts: Cuts,
    gap: i64,
    buckets: Vec<Filling>,
    buckets_max: usize,
    by_type: Option<TypeCounts>,
    sessions: Vec<Presence>,
    /// When sessions began to be alive, and when they were so last.
    spans: Vec<(i64, i64)>,
}

/// Events of the last bucket by type, and those of the buckets before.
#[derive(Default)]
struct TypeCounts {
    current: Vec<u64>,
    filled: Vec<Vec<(Symbol, u64)>>,
}

impl Counts {
    fn add(&mut self, row: &Row<'_>, ends: bool) -> Result<()> {
        let at = row.server_time.as_micros();
        if self.buckets.last().is_none_or(|bucket| at >= bucket.end) {
            self.begin_bucket(at)?;
        }
        let number = self.buckets.len();
        let Some(bucket) = self.buckets.last_mut() else { return Ok(()) };
        bucket.events += 1;
        let place = row.session.index();
        if place >= self.sessions.len() {
            let unseen = Presence { bucket: 0, alive_since: 0, last: None, ended: false };
            self.sessions.resize(place + 1, unseen);
        }
        let session = &mut self.sessions[place];
        bucket.sessions += u64::from(session.bucket != number);
        session.bucket = number;
        match session.last {
            // What comes in the instant of an end is no second life beside the first.
            Some(last) if at == last => {}
            Some(last) if !session.ended && at.saturating_sub(last) <= self.gap => {}
            before => {
                self.spans.extend(before.map(|last| (session.alive_since, last)));
                session.alive_since = at;
            }
        }
        session.last = Some(at);
        session.ended = ends;
        if let Some(by_type) = &mut self.by_type {
            by_type.add(row.event_type);
        }
        Ok(())
    }

    fn begin_bucket(&mut self, at: i64) -> Result<()> {
        if self.buckets.len() == self.buckets_max {
            let max = self.buckets_max;
            let rule = format!("is too short: there would be more than {max} buckets");
            return Err(Error::invalid("bucket", rule, format!("{} µs", self.cuts.length)));
        }
        if let Some(by_type) = self.by_type.as_mut().filter(|_| !self.buckets.is_empty()) {
            by_type.next_bucket();
        }
        let (start, end) = self.cuts.bucket(at);
        self.buckets.push(Filling { start, end, events: 0, sessions: 0 });
        Ok(())
    }
}

impl TypeCounts {
    fn add(&mut self, event_type: Symbol) {
        let place = event_type.index();
        if place >= self.current.len() {
            self.current.resize(place + 1, 0);
        }
        self.current[place] += 1;
    }

    fn next_bucket(&mut self) {
        let counts = self.current.iter_mut().enumerate().filter(|(_, count)| **count > 0);
        let taken = counts.map(|(place, count)| (Symbol::at(place), std::mem::take(count)));
        self.filled.push(taken.collect());
    }

    /// Of each bucket, the most frequent first.
    fn into_counts(mut self, words: &Words) -> Vec<Vec<Count>> {
        self.next_bucket();
        let sorted = |counts: Vec<(Symbol, u64)>| {
            let count = |(symbol, count)| Count { key: words.types.word(symbol).to_owned(), count };
            let mut counts: Vec<Count> = counts.into_iter().map(count).collect();
            counts.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.key.cmp(&b.key)));
            counts
        };
        self.filled.into_iter().map(sorted).collect()
    }
}

/// How many sessions are alive, as time goes on.
struct Alive {
    starts: Vec<i64>,
    ends: Vec<i64>,
    started: usize,
    ended: usize,
}

impl Alive {
    fn new(spans: &[(i64, i64)]) -> Self {
        let mut starts: Vec<i64> = spans.iter().map(|span| span.0).collect();
        let mut ends: Vec<i64> = spans.iter().map(|span| span.1).collect();
        starts.sort_unstable();
        ends.sort_unstable();
        Self { starts, ends, started: 0, ended: 0 }
    }

    /// Goes to the next instant before `until` at which a session begins to be alive; how many are then.
    fn next_start(&mut self, until: i64) -> Option<(i64, u64)> {
        let at = *self.starts.get(self.started).filter(|start| **start < until)?;
        while self.starts.get(self.started) == Some(&at) {
            self.started += 1;
        }
        Some((at, self.at(at)))
    }

    /// How many that have begun are alive at an instant, their last included.
    fn at(&mut self, at: i64) -> u64 {
        while self.ends.get(self.ended).is_some_and(|end| *end < at) {
            self.ended += 1;
        }
        (self.started - self.ended) as u64
    }
}

impl Answered for Histogram {
    type Answer = Activity;

    fn answer(&self, moment: &Moment<'_>) -> Result<Activity> {
        let mut words = Words::default();
        let meanings = Meanings::new(&mut words);
        let mut counts = Counts {
            cuts: Cuts::new(self.bucket_micros, self.zone)?,
            gap: i64::try_from(self.gap_micros).unwrap_or(i64::MAX),
            buckets: Vec::new(),
            buckets_max: self.buckets_max,
            by_type: self.by_type.then(TypeCounts::default),
            sessions: Vec::new(),
            spans: Vec::new(),
        };
        scan::scan(moment.snapshot, &self.filter, &[], &mut words, |row| {
            counts.add(row, meanings.of(row.event_type) == Meaning::CleanupSession)
        })?;
        let still = counts.sessions.iter().filter_map(|it| Some((it.alive_since, it.last?)));
        counts.spans.extend(still);
        let by_type = counts.by_type.map(|by_type| by_type.into_counts(&words));
        // Words are also those of rows that the filter does not let through.
        let sessions = counts.sessions.iter().filter(|it| it.last.is_some()).count() as u64;
        Ok(self.activity(sessions, &counts.buckets, &counts.spans, by_type.unwrap_or_default()))
    }
}

impl Histogram {
    fn activity(
        &self,
        sessions: u64,
        filled: &[Filling],
        spans: &[(i64, i64)],
        by_type: Vec<Vec<Count>>,
    ) -> Activity {
        let mut alive = Alive::new(spans);
        let mut by_type = by_type.into_iter();
        let mut peak: Option<Peak> = None;
        let mut buckets = Vec::with_capacity(filled.len());
        for bucket in filled {
            let mut alive_max = alive.at(bucket.start);
            while let Some((at, sessions)) = alive.next_start(bucket.end) {
                alive_max = alive_max.max(sessions);
                if peak.as_ref().is_none_or(|peak| sessions > peak.sessions) {
                    peak = Some(Peak { sessions, at: Timestamp::from_micros(at) });
                }
            }
            let start = Timestamp::from_micros(bucket.start);
            buckets.push(Bucket {
                start,
                end: Timestamp::from_micros(bucket.end),
                local: self.zone.text(start),
                events: bucket.events,
                sessions: bucket.sessions,
                alive_max,
                by_type: by_type.next().unwrap_or_default(),
            });
        }
        let events = filled.iter().map(|bucket| bucket.events).sum();
        Activity { events, sessions, peak, buckets }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    fn bucket(zone: &str, seconds: u64, at: &str) -> (String, i64) {
        let zone: Zone = zone.parse().unwrap();
        let cuts = Cuts::new(seconds * 1_000_000, zone).unwrap();
        let at: Timestamp = at.parse().unwrap();
        let (start, end) = cuts.bucket(at.as_micros());
        assert!((start..end).contains(&at.as_micros()));
        (zone.text(Timestamp::from_micros(start)), (end - start) / SECOND)
    }

    #[test]
    fn buckets_are_cut_by_the_clock_on_the_wall() {
        let hour = |at| bucket("+05:30", 3_600, at);
        assert_eq!(hour("2026-01-01T00:10:00Z"), ("2026-01-01T05:00:00+05:30".to_owned(), 3_600));
        let week = |at| bucket("UTC", 7 * 86_400, at);
        assert_eq!(week("2026-11-24T12:00:00Z"), ("2026-11-23T00:00:00Z".to_owned(), 604_800));
        assert_eq!(week("1970-01-01T00:00:00Z"), ("1969-12-29T00:00:00Z".to_owned(), 604_800));
    }

    #[cfg(feature = "tz")]
    #[test]
    fn buckets_keep_to_the_clock_where_it_is_set() {
        let vienna = |seconds, at| bucket("Europe/Vienna", seconds, at);
        let of = |text: &str, seconds| (text.to_owned(), seconds);
        // Days of 23 and of 25 hours.
        assert_eq!(vienna(86_400, "2026-03-29T12:00:00Z"), of("2026-03-29T00:00:00+01:00", 82_800));
        assert_eq!(vienna(86_400, "2026-10-25T12:00:00Z"), of("2026-10-25T00:00:00+02:00", 90_000));
        // The hour that is shown twice is two buckets, or lies in one longer one.
        assert_eq!(vienna(3_600, "2026-10-25T00:30:00Z"), of("2026-10-25T02:00:00+02:00", 3_600));
        assert_eq!(vienna(3_600, "2026-10-25T01:30:00Z"), of("2026-10-25T02:00:00+01:00", 3_600));
        assert_eq!(vienna(14_400, "2026-10-25T01:30:00Z"), of("2026-10-25T00:00:00+02:00", 18_000));
        // Lord Howe sets its clocks by half an hour.
        let howe = |at| bucket("Australia/Lord_Howe", 3_600, at);
        assert_eq!(howe("2026-04-04T14:40:00Z"), of("2026-04-05T01:00:00+11:00", 3_600));
        assert_eq!(howe("2026-04-04T15:10:00Z"), of("2026-04-05T01:30:00+10:30", 1_800));
    }

    #[test]
    fn a_bucket_divides_a_day_or_is_made_of_days() {
        for wrong in [0, 7, 86_401, 367 * 86_400] {
            assert!(Cuts::new(wrong * 1_000_000, Zone::UTC).is_err(), "{wrong}");
        }
        assert!(Cuts::new(500, Zone::UTC).is_err());
        assert!(Cuts::new(u64::MAX, Zone::UTC).is_err());
    }
}
