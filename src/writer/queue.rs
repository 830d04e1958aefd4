//! Events that have an id and wait to be written.
//!
//! Owns: the order of events before they are durable, the ids they are given, and the group commit:
//! whoever finds nobody writing writes everything that waits. Does not own the writing itself
//! (`days`).
//!
//! Those who wait are parked, each on its own, and a write that ends first wakes one whose rows are to
//! be written next: were all to wait for the lock instead, they would pass it from one to the other at
//! the price of two switches each, and the disk would wait for them.
//!
//! Invariants: the ordinals of a day's waiting rows follow its durable ones without a gap; one thread
//! writes at a time; an event is acknowledged only after the write that covers it; after a write that
//! failed nothing more is accepted, and after one that was refused everything that waited is. Rows that
//! are being written count among those that may be lost until the write has ended.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::codec::row::Row;
use crate::error::{Error, ErrorKind, Result};
use crate::event::EventId;
use crate::limits::DAY_EVENTS_MAX;
use crate::time::Day;

// The neighbour's, so that the tests can put others in their place.
use super::threads::{self, Condvar, Mutex, MutexGuard, Thread};

/// How often whoever writes lets others run first: 64 threads on two processors are through with two.
const GATHERING_TURNS: usize = 4;

/// Rows of one call for one day.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    pub(crate) day: Day,
    /// Ordinal of the first row.
    pub(crate) first: u32,
    pub(crate) rows: Arc<Vec<Row>>,
    ticket: Arc<Ticket>,
}

/// What became of the rows of one call, for the thread that made it.
#[derive(Debug)]
pub(crate) struct Ticket {
    outcome: OnceLock<Result<()>>,
    /// Who waits for it. It changes only under the queue's lock.
    waiter: OnceLock<Thread>,
}

/// What a write of everything that waited came to.
pub(crate) enum Outcome {
    Written,
    /// Nothing was written, and the writer is sound.
    Refused(Error),
    /// Something may have been written, and the writer is not to be used again.
    Failed(Error),
}

/// The queue.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    /// Tells the flusher that rows begin to wait, or that the queue is closed.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The ordinal that the next row of each open day gets.
    next: HashMap<Day, u32>,
    waiting: Vec<Waiting>,
    /// Whether somebody writes, or is about to.
    writing: bool,
    /// What is being written.
    in_flight: Arc<Vec<Waiting>>,
    /// Who waits for the write under way to end, whatever it writes.
    onlookers: Vec<Thread>,
    /// Calls whose rows the last write took.
    calls_written: usize,
    waiting_rows: usize,
    in_flight_rows: usize,
    oldest: Option<Instant>,
    broken: Option<Error>,
    /// Whether events are acknowledged before they are written.
    unattended: bool,
    /// What events were lost for that nobody waited for, until somebody is told.
    lost: Option<Error>,
    closed: bool,
}

/// What `enqueue` found.
pub(crate) enum Enqueued {
    Accepted {
        first: EventId,
        ticket: Arc<Ticket>,
        /// Rows that are not known to be durable, these included.
        unwritten_rows: usize,
    },
    /// The day must be opened first.
    DayNotOpen(Arc<Vec<Row>>),
}

impl Queue {
    /// A queue; `unattended` where events are acknowledged before they are written.
    pub(crate) fn new(unattended: bool) -> Self {
        let queue = Self::default();
        queue.state().unattended = unattended;
        queue
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives rows of one day their ids.
    pub(crate) fn enqueue(&self, day: Day, rows: Arc<Vec<Row>>) -> Result<Enqueued> {
        let ticket = Arc::new(Ticket::default());
        let mut state = self.state();
        state.check_usable()?;
        let Some(next) = state.next.get_mut(&day) else {
            return Ok(Enqueued::DayNotOpen(rows));
        };
        let first = *next;
        let after = u64::from(first) + rows.len() as u64;
        let Some(after) = u32::try_from(after).ok().filter(|_| after <= DAY_EVENTS_MAX) else {
            let rule = format!("a day holds at most {DAY_EVENTS_MAX} events");
            return Err(Error::invalid("server_time", rule, day));
        };
        *next = after;
        state.waiting_rows += rows.len();
        state.oldest.get_or_insert_with(Instant::now);
        state.waiting.push(Waiting { day, first, rows, ticket: ticket.clone() });
        let unwritten_rows = state.waiting_rows + state.in_flight_rows;
        let flusher_counts = state.unattended && state.waiting.len() == 1;
        drop(state);
        if flusher_counts {
            self.changed.notify_all();
        }
        Ok(Enqueued::Accepted { first: EventId::new(day, first), ticket, unwritten_rows })
    }

    /// Returns once the ticket's rows are durable or lost, writing whatever waits if nobody does.
    pub(crate) fn settle(
        &self,
        ticket: &Ticket,
        write: impl Fn(&[Waiting]) -> Outcome,
    ) -> Result<()> {
        loop {
            // Whoever is woken by an outcome returns with it, and never queues for the lock.
            if let Some(outcome) = ticket.outcome.get() {
                return outcome.clone();
            }
            let state = self.state();
            if ticket.outcome.get().is_some() {
                // The write that covers it ended before the lock was had, and wakes nobody any more.
                continue;
            }
            if state.writing {
                ticket.waiter.get_or_init(threads::current);
                drop(state);
                threads::park();
            } else {
                self.write_waiting(state, &write);
            }
        }
    }

    /// Writes whatever waits, and returns once nothing does.
    pub(crate) fn flush(&self, write: impl Fn(&[Waiting]) -> Outcome) -> Result<()> {
        loop {
            let mut state = self.state();
            if state.writing {
                state.onlookers.push(threads::current());
                drop(state);
                threads::park();
            } else if state.waiting.is_empty() {
                return match state.lost.take() {
                    Some(lost) => Err(lost),
                    None => state.check_unbroken(),
                };
            } else {
                self.write_waiting(state, &write);
            }
        }
    }

    /// Writes what waits, unless another thread does.
    pub(crate) fn write_once(&self, write: impl Fn(&[Waiting]) -> Outcome) {
        let state = self.state();
        if !state.writing {
            self.write_waiting(state, &write);
        }
    }

    fn write_waiting<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        write: &impl Fn(&[Waiting]) -> Outcome,
    ) {
        if state.waiting.is_empty() {
            return;
        }
        state.writing = true;
        if state.calls_written > 1 {
            state = self.gather(state);
        }
        let taken = Arc::new(std::mem::take(&mut state.waiting));
        state.in_flight = taken.clone();
        state.calls_written = taken.len();
        state.in_flight_rows = std::mem::take(&mut state.waiting_rows);
        state.oldest = None;
        drop(state);
        let writing = Writing { queue: self, taken, finished: false };
        let outcome = write(&writing.taken);
        writing.finish(outcome);
    }

    /// Lets threads run that are ready to, as long as they bring rows: those whom the last write woke
    /// come with their next, and one sync more covers all of them instead of half.
    fn gather<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        for _ in 0..GATHERING_TURNS {
            let before = state.waiting.len();
            drop(state);
            threads::yield_now();
            state = self.state();
            if state.waiting.len() == before {
                break;
            }
        }
        state
    }

    /// Rows that have ids and are not yet known to be durable, in order.
    pub(crate) fn pending(&self) -> Vec<Waiting> {
        self.state().unwritten().cloned().collect()
    }

    /// Says that a day is open and which ordinal is the first that is not durable. Where the day
    /// is open already, rows may wait, and they are counted here alone.
    pub(crate) fn open_day(&self, day: Day, next: u32) {
        self.state().next.entry(day).or_insert(next);
    }

    /// Takes a day from those that are open, unless rows of it wait.
    pub(crate) fn close_day(&self, day: Day) -> bool {
        let mut state = self.state();
        let busy = state.unwritten().any(|rows| rows.day == day);
        if !busy {
            state.next.remove(&day);
        }
        !busy
    }

    /// Accepts nothing more; whether it did until now.
    pub(crate) fn close(&self) -> bool {
        let was_closed = std::mem::replace(&mut self.state().closed, true);
        self.changed.notify_all();
        !was_closed
    }

    /// Whether a write has failed.
    pub(crate) fn is_broken(&self) -> bool {
        self.state().broken.is_some()
    }

    /// Whether everything is refused, as an error.
    pub(crate) fn check_usable(&self) -> Result<()> {
        self.state().check_usable()
    }

    /// Waits until something has waited for `max_delay`, for at most `patience`; false once the
    /// queue is closed.
    pub(crate) fn wait_until_due(&self, max_delay: Duration, patience: Duration) -> bool {
        let state = self.state();
        if state.closed {
            return false;
        }
        let wait = match state.oldest {
            Some(oldest) => max_delay.saturating_sub(oldest.elapsed()),
            None => patience,
        };
        let state = self.changed.wait_timeout(state, wait.min(patience));
        let (state, _) = state.unwrap_or_else(PoisonError::into_inner);
        !state.closed
    }

    /// Whether something has waited for `max_delay`.
    pub(crate) fn is_due(&self, max_delay: Duration) -> bool {
        self.state().oldest.is_some_and(|oldest| oldest.elapsed() >= max_delay)
    }
}

impl State {
    /// What is being written, and what waits.
    fn unwritten(&self) -> impl Iterator<Item = &Waiting> {
        self.in_flight.iter().chain(&self.waiting)
    }

    fn check_unbroken(&self) -> Result<()> {
        match &self.broken {
            Some(error) => {
                let message = "an earlier write failed, open the store again";
                Err(Error::new(ErrorKind::Poisoned, message).caused_by(error.clone()))
            }
            None => Ok(()),
        }
    }

    fn check_usable(&self) -> Result<()> {
        self.check_unbroken()?;
        match self.closed {
            true => Err(Error::new(ErrorKind::Poisoned, "the store has been closed")),
            false => Ok(()),
        }
    }

    /// Gives up everything that waits; ordinals go back to what is durable. What only waited, for
    /// whoever is to be told.
    fn give_up(&mut self, taken: &[Waiting], failure: &Error) -> Vec<Waiting> {
        let waiting = std::mem::take(&mut self.waiting);
        for lost in taken.iter().chain(&waiting) {
            if lost.ticket.outcome.get().is_some() {
                continue;
            }
            if let Some(next) = self.next.get_mut(&lost.day) {
                *next -= u32::try_from(lost.rows.len()).unwrap_or(0);
            }
            lost.ticket.set(Err(failure.clone()));
        }
        self.waiting_rows = 0;
        self.oldest = None;
        if self.unattended {
            self.lost = Some(failure.clone());
        }
        waiting
    }
}

impl Default for Ticket {
    fn default() -> Self {
        Self { outcome: OnceLock::new(), waiter: OnceLock::new() }
    }
}

impl Ticket {
    fn set(&self, outcome: Result<()>) {
        // A ticket is settled once, by whoever writes its rows.
        let _ = self.outcome.set(outcome);
    }

    /// Why its rows were given up, where they were.
    pub(crate) fn failure(&self) -> Option<Error> {
        self.outcome.get().and_then(|outcome| outcome.clone().err())
    }

    fn wake(&self) {
        self.waiter.get().inspect(|waiter| waiter.unpark());
    }
}

impl Waiting {
    /// Says that these rows are durable; who waits for them is woken when the write ends.
    pub(crate) fn acknowledge(&self) {
        self.ticket.set(Ok(()));
    }
}

/// A write under way; should it panic, nobody waits for it for ever.
struct Writing<'a> {
    queue: &'a Queue,
    taken: Arc<Vec<Waiting>>,
    finished: bool,
}

impl Writing<'_> {
    fn finish(mut self, outcome: Outcome) {
        self.finished = true;
        self.end(outcome);
    }

    fn end(&self, outcome: Outcome) {
        if matches!(outcome, Outcome::Written) {
            self.taken.iter().for_each(Waiting::acknowledge);
        }
        let mut state = self.queue.state();
        let given_up = match outcome {
            Outcome::Written => Vec::new(),
            Outcome::Refused(error) => state.give_up(&self.taken, &error),
            Outcome::Failed(error) => {
                let given_up = state.give_up(&self.taken, &error);
                state.broken = Some(error);
                given_up
            }
        };
        state.writing = false;
        state.in_flight = Arc::default();
        state.in_flight_rows = 0;
        // One of those who wait for their rows to be written next writes them.
        let next = state.waiting.iter().find_map(|rows| rows.ticket.waiter.get().cloned());
        let onlookers = std::mem::take(&mut state.onlookers);
        drop(state);
        next.iter().chain(&onlookers).for_each(Thread::unpark);
        self.taken.iter().chain(&given_up).for_each(|rows| rows.ticket.wake());
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        if !self.finished {
            let message = "a write was interrupted by a panic";
            self.end(Outcome::Failed(Error::new(ErrorKind::OutcomeUnknown, message)));
        }
    }
}
