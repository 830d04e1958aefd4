//! The single writer of a store.
//!
//! Owns: what happens between `log_event` and an acknowledgement: rules, stamp, queue, commit; flushing,
//! roll-over and retention. The rooms below: `queue` (order and group commit), `days` (the open days),
//! `arrivals` (who is told of what was committed).
//!
//! Invariants: an event is checked before it is queued; a batch is whole or absent per day; nothing
//! is acknowledged before it is as safe as the durability promises.

pub(crate) mod arrivals;
pub(crate) mod days;
pub(crate) mod queue;
#[cfg(test)]
mod schedules;
mod threads;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::clock::Clock;
use crate::codec::row::Row;
use crate::day::live::DayContext;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{EventId, NewEvent};
use crate::limits::OPEN_DAYS_MAX;
use crate::settings::{Durability, Settings};
use crate::snapshot::{Shelf, Snapshot};
use crate::storage::LockGuard;
use crate::time::Day;
use crate::upkeep::backup::identity::{self, Identity};
use crate::upkeep::erase::{self, ErasureReport};
use crate::upkeep::progress::Meter;
use crate::upkeep::retention::{self, Trigger};
use crate::writer::days::OpenDays;
use crate::writer::queue::{Enqueued, Outcome, Queue, Ticket, Waiting};

/// How often the thread of a buffered store looks whether it is still wanted.
const PATIENCE: Duration = Duration::from_millis(500);

/// Rows of one call for one day, once they have ids.
struct Queued {
    first: EventId,
    ticket: Arc<Ticket>,
    unwritten_rows: usize,
}

impl Queued {
    /// Whether the rows are not surely lost.
    fn may_be_logged(&self) -> bool {
        self.ticket.failure().is_none_or(|error| error.kind() == ErrorKind::OutcomeUnknown)
    }
}

/// The writer.
pub(crate) struct Writer {
    settings: Settings,
    clock: Box<dyn Clock>,
    queue: Arc<Queue>,
    pub(crate) days: OpenDays,
    /// One erasure at a time.
    erasing: Mutex<()>,
    flusher: Mutex<Option<JoinHandle<()>>>,
    lock: Mutex<Option<LockGuard>>,
}

impl Writer {
    /// Takes over a directory whose lock is held.
    pub(crate) fn open(
        settings: Settings,
        clock: Box<dyn Clock>,
        shelf: Arc<Shelf>,
        context: DayContext,
        lock: LockGuard,
    ) -> Result<Arc<Self>> {
        let buffered = matches!(settings.durability, Durability::Buffered { .. });
        let queue = Arc::new(Queue::new(buffered));
        let days = OpenDays::open(context, shelf, queue.clone())?;
        let lock = Mutex::new(Some(lock));
        // Where it fails, what is to be erased is still on disk, and tried again.
        let _ = erase::resume(&days);
        // Only a backup asks for it, and makes it where it could not be made here.
        let _ = identity::of_writer(&days.shelf().directory);
        let automatic = Trigger::Automatic { today: Day::of(clock.now()) };
        retention::enforce(&days, &settings.retention, automatic, &mut Meter::silent())?;
        let flusher = Mutex::new(None);
        let erasing = Mutex::default();
        let writer = Arc::new(Self { settings, clock, queue, days, erasing, flusher, lock });
        if let Durability::Buffered { max_delay, .. } = settings.durability {
            let weak = Arc::downgrade(&writer);
            let queue = writer.queue.clone();
            let started = std::thread::Builder::new()
                .name("diurnal-flush".to_owned())
                .spawn(move || flush_when_due(&weak, &queue, max_delay));
            let started = started.map_err(|error| Error::io("starting the flusher", error))?;
            *writer.flusher.lock().unwrap_or_else(PoisonError::into_inner) = Some(started);
        }
        Ok(writer)
    }

    /// Checks an event against every rule but that of the time which the clock would give it.
    pub(crate) fn validate(&self, event: &NewEvent) -> Result<()> {
        event.validate(self.settings.data_bytes_max)?;
        event.server_time.map_or(Ok(()), |time| day_of(time).map(|_| ()))
    }

    /// Logs events; their ids, in the order given.
    pub(crate) fn log(&self, events: Vec<NewEvent>) -> Result<Vec<EventId>> {
        let count = events.len();
        let now = match events.iter().any(|event| event.server_time.is_none()) {
            true => self.clock.now(),
            false => crate::Timestamp::default(),
        };
        let stamp = |(place, event)| {
            self.stamp(event, now).map_err(|error| match count {
                1 => error,
                _ => error.at(format_args!("event {place} of the batch")),
            })
        };
        // Rows take the place of their events: this moves none of them to other memory.
        let rows: Vec<Row> = events.into_iter().enumerate().map(stamp).collect::<Result<_>>()?;
        let days = rows.iter().map(|row| day_of(row.server_time)).collect::<Result<Vec<Day>>>()?;
        let by_day = split(rows, &days);
        // Rows that wait keep their day open, and only so many may be.
        let mut settled =
            self.settings.durability == Durability::Sync || by_day.len() > OPEN_DAYS_MAX;
        let mut rolled_over = false;
        let mut queued = BTreeMap::<Day, Queued>::new();
        let mut logged = by_day.into_iter().try_for_each(|(day, rows)| {
            let rows = self.enqueue(day, rows, &mut rolled_over)?;
            settled |= self.is_full(rows.unwritten_rows);
            let rows = queued.entry(day).or_insert(rows);
            if settled { self.settle(&rows.ticket) } else { Ok(()) }
        });
        // Rows of this call that only waited may be lost to a write that kept the others.
        let lost = queued.values().find_map(|rows| rows.ticket.failure());
        logged = logged.and(lost.map_or(Ok(()), Err));
        if logged.is_err() {
            queued.retain(|_, rows| rows.may_be_logged());
        }
        let ids = ids(&days, queued.iter().map(|(day, rows)| (*day, rows.first)).collect());
        logged.map_err(|error| error.with_event_ids(&ids))?;
        if rolled_over {
            self.days.flush_catalog();
        }
        Ok(ids.into_iter().flatten().collect())
    }

    /// Whether so many rows are too many to be acknowledged before they are written.
    fn is_full(&self, unwritten_rows: usize) -> bool {
        match self.settings.durability {
            Durability::Buffered { max_events, .. } => unwritten_rows >= max_events,
            Durability::Sync => false,
        }
    }

    fn stamp(&self, event: NewEvent, now: crate::Timestamp) -> Result<Row> {
        event.validate(self.settings.data_bytes_max)?;
        let server_time = event.server_time.unwrap_or(now);
        day_of(server_time)?;
        Ok(Row {
            session_id: event.session_id,
            event_type: event.event_type,
            server_time,
            client_time: event.client_time,
            location: event.location,
            tags: event.tags,
            data: event.data,
        })
    }

    fn enqueue(&self, day: Day, rows: Vec<Row>, rolled_over: &mut bool) -> Result<Queued> {
        let mut rows = Arc::new(rows);
        loop {
            match self.queue.enqueue(day, rows)? {
                Enqueued::Accepted { first, ticket, unwritten_rows } => {
                    return Ok(Queued { first, ticket, unwritten_rows });
                }
                Enqueued::DayNotOpen(given_back) => {
                    rows = given_back;
                    self.roll_over(day)?;
                    *rolled_over = true;
                }
            }
        }
    }

    /// Opens a day; where it is a new one, retention has its say.
    fn roll_over(&self, day: Day) -> Result<()> {
        self.days.check_free_space(self.settings.free_bytes_min)?;
        if self.days.open_day(day)? {
            // What retention fails at is no fault of the event; the next new day tries again.
            let automatic = Trigger::Automatic { today: self.today() };
            let _ = retention::enforce(
                &self.days,
                &self.settings.retention,
                automatic,
                &mut Meter::silent(),
            );
        }
        Ok(())
    }

    fn write(&self, waiting: &[Waiting]) -> Outcome {
        self.days.write(waiting, self.settings.free_bytes_min)
    }

    fn settle(&self, ticket: &Ticket) -> Result<()> {
        self.queue.settle(ticket, |waiting| self.write(waiting))
    }

    pub(crate) fn flush(&self) -> Result<()> {
        self.queue.flush(|waiting| self.write(waiting))
    }

    /// Erases a session, rows of it that wait included.
    pub(crate) fn erase(&self, session_id: &str, meter: &mut Meter<'_>) -> Result<ErasureReport> {
        let _one_at_a_time = self.erasing.lock().unwrap_or_else(PoisonError::into_inner);
        self.check_usable()?;
        self.flush()?;
        erase::erase(&self.days, session_id, || self.clock.now(), meter)
    }

    /// What is durable, everything that was accepted until now included, and whose it is.
    pub(crate) fn durable(&self) -> Result<(Snapshot, Identity)> {
        // After a failed write there is what was acknowledged.
        if !self.queue.is_broken() {
            self.flush()?;
        }
        let identity = identity::of_writer(&self.days.shelf().directory)?;
        Ok((self.days.snapshot(Vec::new)?, identity))
    }

    /// The time by the store's clock.
    #[cfg(feature = "http")]
    pub(crate) fn now(&self) -> crate::Timestamp {
        self.clock.now()
    }

    /// Today by the store's clock.
    pub(crate) fn today(&self) -> Option<Day> {
        Day::of(self.clock.now())
    }

    /// Whether the writer still accepts events.
    pub(crate) fn check_usable(&self) -> Result<()> {
        self.queue.check_usable()
    }

    /// Whether there may be more to see: an error once it has failed, or is closed and all is written.
    pub(crate) fn check_going_on(&self) -> Result<()> {
        match self.days.arrivals().has_ended() || self.queue.is_broken() {
            true => self.check_usable(),
            false => Ok(()),
        }
    }

    /// The days as a query sees them: what is durable, or, buffered, what was accepted.
    pub(crate) fn snapshot(&self) -> Result<Snapshot> {
        self.days.snapshot(|| match self.settings.durability {
            Durability::Sync => Vec::new(),
            Durability::Buffered { .. } => self.queue.pending(),
        })
    }

    /// Writes what waits and closes every file; nothing is accepted afterwards.
    pub(crate) fn close(&self) -> Result<()> {
        if !self.queue.close() {
            return Ok(());
        }
        let flushed = self.flush();
        let flusher = self.flusher.lock().unwrap_or_else(PoisonError::into_inner).take();
        // The flusher itself may be the last to hold the writer, and cannot wait for itself.
        if let Some(flusher) = flusher.filter(|it| it.thread().id() != std::thread::current().id())
        {
            // A flusher that panicked has broken the queue off, which `flushed` tells.
            let _ = flusher.join();
        }
        let closed = match self.queue.is_broken() {
            // After a failed write its files are let go of as they are: they recover when opened.
            true => {
                self.days.abandon();
                flushed
            }
            false => flushed.and(self.days.close(self.today())),
        };
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.days.arrivals().end();
        closed
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Whoever wants to know calls `close`.
        let _ = self.close();
    }
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// The rows of each day, in order.
fn split(rows: Vec<Row>, days: &[Day]) -> BTreeMap<Day, Vec<Row>> {
    let mut counts = BTreeMap::<Day, usize>::new();
    for day in days {
        *counts.entry(*day).or_default() += 1;
    }
    if let (1, Some(day)) = (counts.len(), days.first()) {
        return BTreeMap::from([(*day, rows)]);
    }
    let mut by_day: BTreeMap<Day, Vec<Row>> =
        counts.into_iter().map(|(day, count)| (day, Vec::with_capacity(count))).collect();
    for (row, day) in rows.into_iter().zip(days) {
        by_day.entry(*day).or_default().push(row);
    }
    by_day
}

/// The ids of events of these days, in their order, each day's from the one given; none of those of
/// a day that has none.
fn ids(days: &[Day], mut next: BTreeMap<Day, EventId>) -> Vec<Option<EventId>> {
    let take = |next: &mut EventId| {
        let after = EventId::new(next.day(), next.ordinal().saturating_add(1));
        std::mem::replace(next, after)
    };
    days.iter().map(|day| next.get_mut(day).map(take)).collect()
}

fn day_of(time: crate::Timestamp) -> Result<Day> {
    Day::of(time).ok_or_else(|| {
        let rule = format!("must lie between {} and {}", Day::MIN, Day::MAX);
        Error::invalid("server_time", rule, time)
    })
}

fn flush_when_due(writer: &Weak<Writer>, queue: &Queue, max_delay: Duration) {
    while queue.wait_until_due(max_delay, PATIENCE) {
        if queue.is_due(max_delay) {
            match writer.upgrade() {
                // What could not be written is told by the next flush.
                Some(writer) => queue.write_once(|waiting| writer.write(waiting)),
                None => return,
            }
        }
    }
}
