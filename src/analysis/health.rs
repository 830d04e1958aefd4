//! Who comes back, and do sessions end well?
//!
//! Owns: [`Health`], figures of sessions, heartbeats and uploads for each UTC day of the server time.
//!
//! - A session is *returning* on a day where it has an event on an earlier one.
//! - A session *ends* on the day of its last event. It is *open*, and not ended, where that event is at most the
//!   setting `open` before now and is no `cleanup_session`: nobody knows yet how it will end.
//! - It ended *without cleanup* where none of its events is a `cleanup_session`; it went on *after cleanup* where
//!   another event follows one without a `start_session` between.
//! - A *heartbeat gap* is a pause longer than the setting `gap` between a heartbeat and the session's next one,
//!   unless a `start_session` or `cleanup_session` lies between. It belongs to the day of the earlier one.
//! - Each `stop_upload` stops the earliest upload of its session that is still under way. What is under way at
//!   the end of a session *never stopped*; it belongs to the day of its start. A session that is open may still
//!   stop its uploads.
//! - *Now* is the newest event of the store unless a setting says otherwise; later events are left out.
//!
//! All of it is told of the events that the filter lets through: a filter by time cuts sessions.
//!
//! Bounds: 56 bytes a session, 120 a day, and 16 for each session and day with an upload that has not
//! stopped.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::analysis::builder::{filter_method, limit_method, new_method};
use crate::analysis::delays::micros_between;
use crate::analysis::meaning::{Meaning, Meanings};
use crate::analysis::sealed::Answered;
use crate::analysis::{LIMIT, Moment, micros_of, places, until};
use crate::error::Result;
use crate::query::Filter;
use crate::query::scan::{Row, Symbol, Words, scan};
use crate::time::{Day, SECOND, Timestamp};

/// Who comes back, and do sessions end well? Asks for each day how many sessions there were and came
/// back, how many ended without `cleanup_session`, where heartbeats paused, and which uploads never stopped; see
/// [`Store::ask`](crate::Store::ask).
///
/// ```
/// use diurnal::analysis::Health;
/// use diurnal::{NewEvent, Store, Timestamp};
///
/// let store = Store::in_memory()?;
/// let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
/// store.log_events([
///     NewEvent::new("kiosk", "heartbeat").server_time(at(0)),
///     NewEvent::new("kiosk", "heartbeat").server_time(at(600)),
///     NewEvent::new("kiosk", "start_upload").server_time(at(610)),
///     NewEvent::new("visitor", "cleanup_session").server_time(at(7_200)),
/// ])?;
/// let answer = store.ask(&Health::new())?;
/// assert_eq!(answer.days.len(), 1);
/// assert_eq!((answer.total.sessions, answer.total.without_cleanup), (2, 1));
/// assert_eq!((answer.total.heartbeat_gaps, answer.total.uploads_unstopped), (1, 1));
/// # Ok::<(), diurnal::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Health {
    /// Which events; by default all.
    pub filter: Filter,
    /// Microseconds between two heartbeats that are no gap yet; by default those of 3 minutes.
    pub gap_micros: u64,
    /// Microseconds after its last event in which a session is still open; by default those of 10 minutes.
    pub open_micros: u64,
    /// Now; by default the server time of the store's newest event.
    pub at: Option<Timestamp>,
    /// How many sessions without cleanup are listed; by default 100.
    pub limit: u64,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            filter: Filter::All,
            gap_micros: 180 * SECOND.unsigned_abs(),
            open_micros: 600 * SECOND.unsigned_abs(),
            at: None,
            limit: LIMIT,
        }
    }
}

impl Health {
    new_method!();

    filter_method!();

    /// A longer pause between heartbeats is a gap.
    #[must_use]
    pub fn gap(mut self, gap: Duration) -> Self {
        self.gap_micros = micros_of(gap);
        self
    }

    /// So long after its last event a session is still open.
    #[must_use]
    pub fn open(mut self, open: Duration) -> Self {
        self.open_micros = micros_of(open);
        self
    }

    /// What now is; later events are left out.
    #[must_use]
    pub fn at(mut self, now: Timestamp) -> Self {
        self.at = Some(now);
        self
    }

    limit_method!("How many sessions without cleanup are listed.");
}

/// What [`Health`] found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HealthReport {
    /// Now; `None` in an empty store.
    pub at: Option<Timestamp>,
    /// Of all days together. Each session counts once, and is returning where it has events on two days.
    pub total: HealthFigures,
    /// The days with events, in order.
    pub days: Vec<HealthDay>,
    /// Sessions that ended without cleanup, the latest first; no more than the limit.
    pub unended: Vec<UnendedSession>,
}

/// One day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HealthDay {
    /// The UTC day.
    pub day: Day,
    /// Its figures.
    #[serde(flatten)]
    pub figures: HealthFigures,
}

/// The figures of a day, or of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HealthFigures {
    /// Events.
    pub events: u64,
    /// Sessions with an event on the day.
    pub sessions: u64,
    /// Of them, those with an event on an earlier day.
    pub returning: u64,
    /// Sessions whose last event lies on the day, those that are open left out.
    pub ended: u64,
    /// Of those that ended, the ones without `cleanup_session`.
    pub without_cleanup: u64,
    /// Of those that ended, the ones that went on after a `cleanup_session`.
    pub after_cleanup: u64,
    /// Sessions whose last event lies on the day and is so fresh that they may go on.
    pub open: u64,
    /// Pauses between heartbeats that begin on the day.
    pub heartbeat_gaps: u64,
    /// The longest of them in microseconds; 0 where there is none.
    pub longest_gap_micros: u64,
    /// Uploads that were started on the day.
    pub uploads: u64,
    /// Of them, those that never stopped.
    pub uploads_unstopped: u64,
}

/// A session that ended without `cleanup_session`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UnendedSession {
    /// The session's id.
    pub id: String,
    /// The server time of its last event.
    pub last: Timestamp,
    /// The type of its last event.
    pub last_type: String,
}

impl Answered for Health {
    type Answer = HealthReport;

    fn answer(&self, moment: &Moment<'_>) -> Result<HealthReport> {
        let at = moment.now(self.at)?;
        let mut words = Words::default();
        let mut walk = Walk::new(self, Meanings::new(&mut words));
        if let Some(now) = at {
            scan(moment.snapshot, &until(&self.filter, now), &[], &mut words, |row| {
                walk.step(row);
                Ok(())
            })?;
        }
        Ok(walk.report(at, &words))
    }
}

/// What is known midway.
struct Walk<'a> {
    question: &'a Health,
    meanings: Meanings,
    days: Vec<HealthDay>,
    sessions: Vec<Option<Session>>,
    /// Of a session with uploads under way, the places of the days on which they started, the earliest
    /// first, each with how many.
    uploads: HashMap<Symbol, VecDeque<(usize, u64)>>,
    returned: u64,
}

/// One session so far.
#[derive(Clone, Copy)]
struct Session {
    last: (Timestamp, Symbol),
    /// The last heartbeat, unless the session has begun or been cleared away since.
    heartbeat: Option<Timestamp>,
    /// The place of the last event's day.
    day: u32,
    /// The place of the last heartbeat's day.
    heartbeat_day: u32,
    cleanup: Cleanup,
    has_returned: bool,
}

/// What is known of a session's end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cleanup {
    No,
    /// And nothing since, or it has begun again.
    Yes {
        begun_again: bool,
    },
    /// Something followed it.
    WentOn,
}

impl<'a> Walk<'a> {
    fn new(question: &'a Health, meanings: Meanings) -> Self {
        Self {
            question,
            meanings,
            days: Vec::new(),
            sessions: Vec::new(),
            uploads: HashMap::new(),
            returned: 0,
        }
    }

    fn step(&mut self, row: &Row<'_>) {
        let day = row.id.day();
        if self.days.last().is_none_or(|last| last.day != day) {
            self.days.push(HealthDay { day, figures: HealthFigures::default() });
        }
        let place = self.days.len() - 1;
        let meaning = self.meanings.of(row.event_type);
        self.days[place].figures.events += 1;
        self.note_session(row, place);
        if matches!(meaning, Meaning::StartUpload | Meaning::StopUpload) {
            self.note_upload(row.session, meaning, place);
        }
        let Some(session) = &mut self.sessions[row.session.index()] else { return };
        session.cleanup = session.cleanup.after(meaning);
        match meaning {
            Meaning::StartSession | Meaning::CleanupSession => session.heartbeat = None,
            Meaning::Heartbeat => {
                if let Some(before) = session.heartbeat.replace(row.server_time) {
                    let pause = micros_between(before, row.server_time);
                    if pause > self.question.gap_micros {
                        let figures = &mut self.days[session.heartbeat_day as usize].figures;
                        figures.heartbeat_gaps += 1;
                        figures.longest_gap_micros = figures.longest_gap_micros.max(pause);
                    }
                }
                session.heartbeat_day = place as u32;
            }
            _ => {}
        }
    }

    /// Counts the session on its day, and keeps the event as its last.
    fn note_session(&mut self, row: &Row<'_>, place: usize) {
        let number = row.session.index();
        if number >= self.sessions.len() {
            self.sessions.resize(number + 1, None);
        }
        let figures = &mut self.days[place].figures;
        let last = (row.server_time, row.event_type);
        match &mut self.sessions[number] {
            Some(session) => {
                if session.day as usize != place {
                    figures.sessions += 1;
                    figures.returning += 1;
                    self.returned += u64::from(!session.has_returned);
                    session.has_returned = true;
                    session.day = place as u32;
                }
                session.last = last;
            }
            none => {
                figures.sessions += 1;
                *none = Some(Session {
                    last,
                    heartbeat: None,
                    day: place as u32,
                    heartbeat_day: 0,
                    cleanup: Cleanup::No,
                    has_returned: false,
                });
            }
        }
    }

    fn note_upload(&mut self, session: Symbol, meaning: Meaning, place: usize) {
        if meaning == Meaning::StartUpload {
            self.days[place].figures.uploads += 1;
            let starts = self.uploads.entry(session).or_default();
            match starts.back_mut() {
                Some((day, count)) if *day == place => *count += 1,
                _ => starts.push_back((place, 1)),
            }
            return;
        }
        let Some(starts) = self.uploads.get_mut(&session) else { return };
        if let Some((_, count)) = starts.front_mut() {
            *count -= 1;
            if *count == 0 {
                starts.pop_front();
            }
        }
        if starts.is_empty() {
            self.uploads.remove(&session);
        }
    }

    fn report(mut self, at: Option<Timestamp>, words: &Words) -> HealthReport {
        let mut unended = Vec::new();
        let mut total = HealthFigures { returning: self.returned, ..HealthFigures::default() };
        let sessions = std::mem::take(&mut self.sessions);
        for (number, session) in sessions.iter().enumerate() {
            let Some(session) = session else { continue };
            total.sessions += 1;
            let figures = &mut self.days[session.day as usize].figures;
            if self.question.is_open(session, at, &self.meanings) {
                figures.open += 1;
                continue;
            }
            figures.ended += 1;
            figures.after_cleanup += u64::from(session.cleanup == Cleanup::WentOn);
            if session.cleanup == Cleanup::No {
                figures.without_cleanup += 1;
                unended.push((number, session.last));
            }
        }
        for (session, starts) in &self.uploads {
            let open = sessions[session.index()]
                .is_some_and(|session| self.question.is_open(&session, at, &self.meanings));
            for (day, count) in starts.iter().filter(|_| !open) {
                self.days[*day].figures.uploads_unstopped += count;
            }
        }
        self.days.iter().for_each(|day| total.add(&day.figures));
        HealthReport { at, total, unended: self.question.listed(unended, words), days: self.days }
    }
}

impl Health {
    fn is_open(&self, session: &Session, at: Option<Timestamp>, meanings: &Meanings) -> bool {
        let (last, last_type) = session.last;
        let fresh = at.is_some_and(|now| micros_between(last, now) <= self.open_micros);
        fresh && meanings.of(last_type) != Meaning::CleanupSession
    }

    /// Of sessions by their number, each with its last event.
    fn listed(
        &self,
        mut unended: Vec<(usize, (Timestamp, Symbol))>,
        words: &Words,
    ) -> Vec<UnendedSession> {
        let id = |number: usize| words.sessions.word_at(number);
        unended.sort_by(|a, b| b.1.0.cmp(&a.1.0).then_with(|| id(a.0).cmp(id(b.0))));
        unended.truncate(places(self.limit));
        let listed = unended.into_iter().map(|(number, (last, last_type))| UnendedSession {
            id: id(number).to_owned(),
            last,
            last_type: words.types.word(last_type).to_owned(),
        });
        listed.collect()
    }
}

impl HealthFigures {
    /// Adds what sums up; sessions and those that return do not.
    fn add(&mut self, day: &Self) {
        self.events += day.events;
        self.ended += day.ended;
        self.without_cleanup += day.without_cleanup;
        self.after_cleanup += day.after_cleanup;
        self.open += day.open;
        self.heartbeat_gaps += day.heartbeat_gaps;
        self.longest_gap_micros = self.longest_gap_micros.max(day.longest_gap_micros);
        self.uploads += day.uploads;
        self.uploads_unstopped += day.uploads_unstopped;
    }
}

impl Cleanup {
    fn after(self, meaning: Meaning) -> Self {
        match (self, meaning) {
            (Self::WentOn, _) => Self::WentOn,
            (_, Meaning::CleanupSession) => Self::Yes { begun_again: false },
            (Self::Yes { .. }, Meaning::StartSession) => Self::Yes { begun_again: true },
            (Self::Yes { begun_again: false }, _) => Self::WentOn,
            (before, _) => before,
        }
    }
}
