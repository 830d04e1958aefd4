//! The single writer of a store.
//!
//! Owns: what happens between `log_event` and an acknowledgement: rules, stamp, queue, commit; flushing,
//! roll-over and retention. The rooms below: `queue` (order and group commit), `days` (the open days).
//!
//! Invariants: an event is checked before it is queued; a batch is whole or absent per day; nothing
//! is acknowledged before it is as safe as the durability promises.

pub(crate) mod days;
pub(crate) mod queue;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::clock::Clock;
use crate::codec::row::Row;
use crate::day::live::DayContext;
use crate::error::{Error, Result};
use crate::event::{EventId, NewEvent};
use crate::limits::OPEN_DAYS_MAX;
use crate::settings::{Durability, Settings};
use crate::snapshot::{Shelf, Snapshot};
use crate::storage::LockGuard;
use crate::time::Day;
use crate::upkeep::backup::identity::{self, Identity};
use crate::upkeep::erase::{self, ErasureReport};
use crate::upkeep::retention::{self, Trigger};
use crate::writer::days::OpenDays;
use crate::writer::queue::{Enqueued, Outcome, Queue, Ticket, Waiting};

/// How often the thread of a buffered store looks whether it is still wanted.
const PATIENCE: Duration = Duration::from_millis(500);

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
        retention::enforce(&days, &settings.retention, automatic)?;
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
            true => Some(self.clock.now()),
            false => None,
        };
        let mut by_day = BTreeMap::<Day, (Vec<usize>, Vec<Row>)>::new();
        for (place, event) in events.into_iter().enumerate() {
            let (day, row) = self.stamp(event, now).map_err(|error| match count {
                1 => error,
                _ => error.at(format_args!("event {place} of the batch")),
            })?;
            let (places, rows) = by_day.entry(day).or_default();
            places.push(place);
            rows.push(row);
        }
        let mut ids = vec![None; count];
        // Rows that wait keep their day open, and only so many may be.
        let settled = self.settings.durability == Durability::Sync || by_day.len() > OPEN_DAYS_MAX;
        let mut rolled_over = false;
        for (day, (places, rows)) in by_day {
            let (first, ticket) = self.enqueue(day, rows, &mut rolled_over)?;
            for (after, place) in (0..).zip(places) {
                ids[place] = Some(EventId::new(day, first.ordinal() + after));
            }
            if settled {
                self.settle(&ticket)?;
            }
        }
        if rolled_over {
            self.days.flush_catalog();
        }
        Ok(ids.into_iter().flatten().collect())
    }

    fn stamp(&self, event: NewEvent, now: Option<crate::Timestamp>) -> Result<(Day, Row)> {
        event.validate(self.settings.data_bytes_max)?;
        let time = event.server_time.or(now).unwrap_or_default();
        let row = Row {
            session_id: event.session_id,
            event_type: event.event_type,
            server_time: time,
            client_time: event.client_time,
            location: event.location,
            tags: event.tags,
            data: event.data,
        };
        Ok((day_of(time)?, row))
    }

    fn enqueue(
        &self,
        day: Day,
        rows: Vec<Row>,
        rolled_over: &mut bool,
    ) -> Result<(EventId, Arc<Ticket>)> {
        let mut rows = Arc::new(rows);
        loop {
            match self.queue.enqueue(day, rows)? {
                Enqueued::Accepted { first, ticket, waiting_rows } => {
                    match self.settings.durability {
                        Durability::Buffered { max_events, .. } if waiting_rows >= max_events => {
                            self.settle(&ticket)?;
                        }
                        _ => {}
                    }
                    return Ok((first, ticket));
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
            let _ = retention::enforce(&self.days, &self.settings.retention, automatic);
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
    pub(crate) fn erase(&self, session_id: &str) -> Result<ErasureReport> {
        let _one_at_a_time = self.erasing.lock().unwrap_or_else(PoisonError::into_inner);
        self.check_usable()?;
        self.flush()?;
        erase::erase(&self.days, session_id, || self.clock.now())
    }

    /// What is durable, everything that was accepted until now included, and whose it is.
    pub(crate) fn durable(&self) -> Result<(Snapshot, Identity)> {
        // After a failed write there is what was acknowledged.
        if !self.queue.is_broken() {
            self.flush()?;
        }
        let identity = identity::of_writer(&self.days.shelf().directory)?;
        Ok((self.days.snapshot(&[])?, identity))
    }

    /// Today by the store's clock.
    pub(crate) fn today(&self) -> Option<Day> {
        Day::of(self.clock.now())
    }

    /// Whether the writer still accepts events.
    pub(crate) fn check_usable(&self) -> Result<()> {
        self.queue.check_usable()
    }

    /// The days as a query sees them: what is durable, or, buffered, what was accepted.
    pub(crate) fn snapshot(&self) -> Result<Snapshot> {
        let pending = match self.settings.durability {
            Durability::Sync => Vec::new(),
            Durability::Buffered { .. } => self.queue.pending(),
        };
        self.days.snapshot(&pending)
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
