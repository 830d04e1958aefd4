//! How far off are the clients' clocks?
//!
//! Owns: [`ClockSkew`]: each session's readings, drift and jumps, and the jumps of the server's own clock. Does
//! not own what a reading is (`skew`).
//!
//! - A session's readings are taken in order of arrival on each day: where the server's clock is set back,
//!   times of before and after it lie among each other, arrivals do not.
//! - Its spread is that of its readings, of at most 64 of them, evenly chosen.
//! - Its *drift* is the slope of the line of least squares through all its readings, in microseconds of
//!   reading per second of server time: a client's clock that gains a second an hour drifts by 277. Readings
//!   must reach over a minute at least. A jump bends the line.
//! - A *jump* is a difference of more than the setting `jump` between two neighbouring readings of a session.
//!   A slow network is one too: an event that was under way for so long.
//! - The server's clock was *set back* where an event arrived after another and has a server time that is
//!   earlier by more than the setting `set_back`. Events that were logged with a server time of their own, as
//!   an import does, tell nothing of the clock, and look the same.
//! - The server's clock *jumped*, or a slow network held up everybody, where several sessions have the
//!   same jump at the same time: the times from their last readings before it to their first ones after it
//!   overlap, and the jumps differ by at most the setting `jump`. A clock that goes ahead makes readings smaller.
//!   A clock that is set back during a silence longer than that is told in this way alone.
//!
//! Memory grows with sessions, about a kilobyte for each with 64 readings, and with jumps up to [`JUMPS_MAX`].

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::sealed::Answered;
use super::skew::{Readings, reading};
use super::skew_buckets::{Buckets, SkewBucket};
use super::{LIMIT, Moment, Quantiles, micros_of, places};
use crate::analysis::builder::{filter_method, limit_method, new_method};
use crate::codec::columns::ColumnKind;
use crate::error::Result;
use crate::event::EventId;
use crate::query::Filter;
use crate::query::scan::{self, Row, Words};
use crate::time::{SECOND, Timestamp};

/// Jumps that are kept to be compared with each other; further ones are counted alone.
const JUMPS_MAX: usize = 100_000;

/// Jumps that are passed over, as others than the one looked for, before no more is looked for.
const JUMPS_PASSED: usize = 64;

/// The least time that readings reach over where a drift is told.
const DRIFT_MICROS_MIN: i64 = 60 * SECOND;

/// How far off are the clients' clocks? See [`Store::ask`](crate::Store::ask).
///
/// ```
/// use diurnal::analysis::ClockSkew;
/// use diurnal::{NewEvent, Store};
///
/// let store = Store::in_memory()?;
/// let event = NewEvent::new(1, "heartbeat").client_time("2026-11-23T10:00:07Z");
/// store.log_event(event.server_time("2026-11-23T10:00:00Z".parse()?))?;
/// let answer = store.ask(&ClockSkew::new())?;
/// assert_eq!(answer.sessions[0].skew_micros.median, 7_000_000);
/// # Ok::<(), diurnal::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ClockSkew {
    /// Which events; by default all.
    pub filter: Filter,
    /// Microseconds of difference between neighbouring readings that are not a jump yet; by default those
    /// of 30 seconds.
    pub jump_micros: u64,
    /// Microseconds by which the server's times may go back from one arrival to the next; by default those of
    /// one second.
    pub set_back_micros: u64,
    /// How many sessions, and how many jumps of the server's clock, are listed; by default 100.
    pub limit: u64,
}

impl Default for ClockSkew {
    fn default() -> Self {
        let seconds = |seconds: u64| seconds * SECOND.unsigned_abs();
        let (jump_micros, set_back_micros) = (seconds(30), seconds(1));
        Self { filter: Filter::All, jump_micros, set_back_micros, limit: LIMIT }
    }
}

impl ClockSkew {
    new_method!();

    filter_method!();

    /// A greater difference between neighbouring readings is a jump.
    #[must_use]
    pub fn jump(mut self, jump: Duration) -> Self {
        self.jump_micros = micros_of(jump);
        self
    }

    /// The server's clock was set back where its times go back by more.
    #[must_use]
    pub fn set_back(mut self, set_back: Duration) -> Self {
        self.set_back_micros = micros_of(set_back);
        self
    }

    limit_method!("How many are listed.");
}

/// What [`ClockSkew`] found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClockSkewReport {
    /// Events with a client time that can be read.
    pub readings: u64,
    /// Events with a client time that cannot be read.
    pub unreadable: u64,
    /// Events without a client time.
    pub without: u64,
    /// Sessions with a reading, listed or not.
    pub sessions_total: u64,
    /// The spread of the sessions' medians: each session counts once. Absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skew_micros: Option<Quantiles<i64>>,
    /// How many are how far off, from those most behind the server to those most ahead: lengths from a hundredth
    /// of a second to a year, those without a reading at either end left out.
    pub buckets: Vec<SkewBucket>,
    /// Jumps of all sessions.
    pub jumps: u64,
    /// Sessions, those that are off most first, then by id.
    pub sessions: Vec<SessionSkew>,
    /// Jumps of the server's clock, listed or not.
    pub server_jumps_total: u64,
    /// Jumps of the server's clock, in order of time.
    pub server_jumps: Vec<ServerJump>,
}

/// How far the clock of a session's client is off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SessionSkew {
    /// The session's id.
    pub id: String,
    /// How many readings it has.
    pub readings: u64,
    /// The spread of its readings: client minus server, so that a clock that is fast is positive.
    pub skew_micros: Quantiles<i64>,
    /// Microseconds that the client's clock gains a second; absent where readings reach over less than a
    /// minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift_micros_per_second: Option<f64>,
    /// How often neighbouring readings differ by more than the setting.
    pub jumps: u64,
}

/// A jump of the server's clock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ServerJump {
    /// The server's time before it.
    pub before: Timestamp,
    /// The server's time after it.
    pub after: Timestamp,
    /// By how many microseconds it jumped, as far as can be told; negative where it was set back.
    pub micros: i64,
    /// The first event after it, where the order of arrival tells of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<EventId>,
    /// Sessions that tell of it by their readings; 0 where the order of arrival does.
    pub sessions: u64,
}

/// What is known of a session so far.
#[derive(Debug, Default)]
struct Client {
    readings: Readings,
    line: Line,
    /// Server time and reading.
    last: Option<(i64, i64)>,
    jumps: u64,
}

/// The line of least squares through points that come one by one (Welford 1962).
#[derive(Debug, Default, Clone, Copy)]
struct Line {
    count: f64,
    /// Of the first point that came, of the earliest and of the latest.
    first: i64,
    min: i64,
    max: i64,
    /// Seconds since the first point, and microseconds.
    mean: (f64, f64),
    spread: f64,
    together: f64,
}

impl Line {
    fn add(&mut self, at: i64, value: i64) {
        if self.count == 0.0 {
            (self.first, self.min, self.max) = (at, at, at);
        }
        (self.min, self.max) = (self.min.min(at), self.max.max(at));
        let seconds = at.saturating_sub(self.first) as f64 / SECOND as f64;
        self.count += 1.0;
        let off = seconds - self.mean.0;
        self.mean.0 += off / self.count;
        self.mean.1 += (value as f64 - self.mean.1) / self.count;
        self.spread += off * (seconds - self.mean.0);
        self.together += off * (value as f64 - self.mean.1);
    }

    fn slope(&self) -> Option<f64> {
        let long = self.max.saturating_sub(self.min) >= DRIFT_MICROS_MIN;
        (long && self.spread > 0.0).then(|| self.together / self.spread)
    }
}

/// A jump of one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Jump {
    after: i64,
    before: i64,
    session: usize,
    micros: i64,
}

/// What was read so far.
#[derive(Default)]
struct Clients {
    clients: Vec<Client>,
    buckets: Buckets,
    jumps: Vec<Jump>,
    jumps_total: u64,
    unreadable: u64,
    without: u64,
}

impl Clients {
    fn add(&mut self, row: &Row<'_>, jump_micros: u64) {
        let Some(client_time) = row.client_instant() else {
            match row.has_client_time() {
                true => self.unreadable += 1,
                false => self.without += 1,
            }
            return;
        };
        let session = row.session.index();
        if session >= self.clients.len() {
            self.clients.resize_with(session + 1, Client::default);
        }
        let client = &mut self.clients[session];
        let (after, reading) = (row.server_time.as_micros(), reading(client_time, row.server_time));
        self.buckets.add_reading(reading);
        client.readings.add(reading);
        client.line.add(after, reading);
        if let Some((before, last)) = client.last.replace((after, reading)) {
            let micros = reading.saturating_sub(last);
            if micros.unsigned_abs() > jump_micros {
                client.jumps += 1;
                self.jumps_total += 1;
                if self.jumps.len() < JUMPS_MAX {
                    self.jumps.push(Jump { after, before, session, micros });
                }
            }
        }
    }

    /// Jumps that several sessions have at the same time, each told once, by its middle size.
    fn shared_jumps(&mut self, jump_micros: u64) -> Vec<ServerJump> {
        // Where times go back, the order of arrival tells of it.
        self.jumps.retain(|jump| jump.before < jump.after);
        self.jumps.sort_unstable();
        let mut taken = vec![false; self.jumps.len()];
        let mut shared = Vec::new();
        for (place, jump) in self.jumps.iter().enumerate() {
            if taken[place] {
                continue;
            }
            let mut alike = vec![*jump];
            let mut passed = 0;
            for (other, taken) in self.jumps[place + 1..].iter().zip(&mut taken[place + 1..]) {
                let same = other.micros.saturating_sub(jump.micros).unsigned_abs() <= jump_micros;
                // It ends no earlier.
                if !*taken && same && other.before < jump.after {
                    *taken = true;
                    alike.push(*other);
                    continue;
                }
                passed += 1;
                if passed == JUMPS_PASSED {
                    break;
                }
            }
            shared.extend(shared_jump(alike));
        }
        shared
    }
}

/// What these jumps tell of the server's clock, all of them at one time, the first to end first; nothing where
/// they are of one session.
fn shared_jump(mut alike: Vec<Jump>) -> Option<ServerJump> {
    let after = alike.first()?.after;
    let before = alike.iter().map(|jump| jump.before).max()?;
    let mut sessions: Vec<usize> = alike.iter().map(|jump| jump.session).collect();
    sessions.sort_unstable();
    sessions.dedup();
    let middle = (alike.len() - 1) / 2;
    let micros = alike.select_nth_unstable_by_key(middle, |jump| jump.micros).1.micros;
    (sessions.len() > 1).then(|| ServerJump {
        before: Timestamp::from_micros(before),
        after: Timestamp::from_micros(after),
        micros: micros.saturating_neg(),
        event: None,
        sessions: sessions.len() as u64,
    })
}

/// Where the server's times go back, as far as that was read.
#[derive(Default)]
struct SetBacks {
    last: Option<(EventId, Timestamp)>,
    total: u64,
    first: Vec<ServerJump>,
}

impl SetBacks {
    /// The next to arrive; of the jumps so many are kept.
    fn add(&mut self, row: &Row<'_>, set_back_micros: u64, limit: u64) {
        let (id, after) = (row.id, row.server_time);
        let last = self.last.replace((id, after)).filter(|(last, _)| last.day() == id.day());
        let Some((_, before)) = last else { return };
        let micros = after.as_micros().saturating_sub(before.as_micros());
        if micros < 0 && micros.unsigned_abs() > set_back_micros {
            self.total += 1;
            if self.total <= limit {
                self.first.push(ServerJump { before, after, micros, event: Some(id), sessions: 0 });
            }
        }
    }
}

impl Answered for ClockSkew {
    type Answer = ClockSkewReport;

    fn answer(&self, moment: &Moment<'_>) -> Result<ClockSkewReport> {
        let mut clients = Clients::default();
        let mut set_backs = SetBacks::default();
        let mut words = Words::default();
        let columns = [ColumnKind::ClientTime];
        scan::arrivals(moment.snapshot, &self.filter, &columns, &mut words, |row| {
            clients.add(row, self.jump_micros);
            set_backs.add(row, self.set_back_micros, self.limit);
            Ok(())
        })?;
        let mut server_jumps = clients.shared_jumps(self.jump_micros);
        let server_jumps_total = server_jumps.len() as u64 + set_backs.total;
        server_jumps.append(&mut set_backs.first);
        server_jumps.sort_by_key(|jump| (jump.before, jump.after, jump.event));
        server_jumps.truncate(places(self.limit));
        Ok(self.report(clients, &words, server_jumps, server_jumps_total))
    }
}

impl ClockSkew {
    fn report(
        &self,
        mut clients: Clients,
        words: &Words,
        server_jumps: Vec<ServerJump>,
        server_jumps_total: u64,
    ) -> ClockSkewReport {
        let read = clients.clients.iter().enumerate();
        let mut medians: Vec<(i64, usize)> =
            read.filter_map(|(place, it)| Some((it.readings.median()?, place))).collect();
        medians.iter().for_each(|(median, _)| clients.buckets.add_session(*median));
        let skew_micros =
            Quantiles::of(medians.iter().map(|(median, _)| *median).collect(), i64::cmp);
        let word = |place: usize| words.sessions.word_at(place);
        medians.sort_by(|a, b| {
            let off = |median: i64| median.unsigned_abs();
            off(b.0).cmp(&off(a.0)).then_with(|| word(a.1).cmp(word(b.1)))
        });
        let sessions_total = medians.len() as u64;
        medians.truncate(places(self.limit));
        let session = |(_, place): &(i64, usize)| {
            let it = &clients.clients[*place];
            Some(SessionSkew {
                id: word(*place).to_owned(),
                readings: it.readings.seen(),
                skew_micros: Quantiles::of(it.readings.kept().to_vec(), i64::cmp)?,
                drift_micros_per_second: it.line.slope(),
                jumps: it.jumps,
            })
        };
        ClockSkewReport {
            readings: clients.clients.iter().map(|it| it.readings.seen()).sum(),
            unreadable: clients.unreadable,
            without: clients.without,
            sessions_total,
            skew_micros,
            buckets: clients.buckets.told(),
            jumps: clients.jumps_total,
            sessions: medians.iter().filter_map(session).collect(),
            server_jumps_total,
            server_jumps,
        }
    }
}
