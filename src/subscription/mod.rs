//! Events as they are logged.
//!
//! Owns: [`Subscription`], [`Start`] and [`Batch`]: when a subscriber waits, looks and is answered. The
//! rooms below: `position` (where it is, as a value), `progress` (where it is, day by day), `delivery` (what
//! is new), `watch` (whether another process has written).
//!
//! Invariants: only what is durable is delivered; a look is over, with its snapshot and its files, before
//! its batch is given; no thread is started, and a writer is never waited for or made to wait.

mod delivery;
pub(crate) mod position;
mod progress;
mod watch;

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::Result;
use crate::event::{Event, EventId};
use crate::limits::{
    SUBSCRIPTION_BATCH_DEFAULT, SUBSCRIPTION_BATCH_MAX, SUBSCRIPTION_POLL_DEFAULT,
    SUBSCRIPTION_POLL_MIN,
};
use crate::query::Filter;
use crate::query::plan::Plan;
use crate::store::Store;
use delivery::Turn;
use position::Position;
use progress::Progress;
use watch::Watch;

/// Where a subscription begins.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Start {
    /// With the first event that the store has.
    Beginning,
    /// With the first event that becomes durable from now on.
    #[default]
    Now,
    /// Where another subscription had come to.
    After(Position),
}

/// Events of a subscription, and how far it has come with them.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Batch {
    /// The events, in order of arrival within each day; none where the time was over.
    pub events: Vec<Event>,
    /// Where to go on once they are done with.
    pub position: Position,
}

/// The matching events of a store as they are logged: see [`Store::subscribe`].
///
/// # What is delivered
///
/// Every matching event that is durable, late ones of days long over too, in order of id within each
/// day. Across days there is no order but that of the looks: of what has come since the last one, older
/// days are first. One subscription delivers an event once; another one that goes on from a position
/// repeats at most what was delivered after it, with two exceptions:
///
/// - A position lists 32 days that its subscription has gone on with last and the 16 oldest, and
///   has 24 digests for the others. Where two days of one digest change while nothing is subscribed, or one of
///   them is dropped, the days of that digest are delivered again from their beginnings.
/// - A day that is begun again after it was dropped, or that a restored backup has set back, is delivered
///   from its beginning. A day that is listed is told from its successor by its last event that was gone
///   past; one that is not, where it has become shorter.
///
/// Events that are erased, or dropped with their day, before their turn are not delivered.
///
/// # Damage
///
/// What cannot be read is told once, by an error that names the day; the next call goes on without it: past
/// the block or index that is damaged, or with the other days. It stays owed, and is delivered where a
/// rebuild makes it readable, to a subscription that goes on from a later position too.
///
/// # What it costs
///
/// A subscriber in the writing process is woken by commits. Beside another process it looks at the store
/// every 200 ms, see [`poll_interval`](Self::poll_interval): idle, that is a stat of a folder and 320 bytes of
/// the catalog and of each day that is being written, whatever the number of days. With news, each look lists
/// the days and reads the logs of those that are being written. The writer takes no notice of subscribers,
/// and a slow one holds nothing but its place. A subscription keeps a store open as a clone of it does.
#[derive(Debug)]
pub struct Subscription {
    store: Store,
    plan: Plan,
    progress: Progress,
    batch_events: usize,
    poll_interval: Duration,
    watch: Watch,
    /// News of this process's writer that has been looked at.
    seen: Option<u64>,
    /// Whether the last look may not have given all there is.
    more: bool,
}

impl Subscription {
    pub(crate) fn new(store: Store, filter: &Filter, start: &Start) -> Result<Self> {
        let plan = Plan::new(filter)?;
        let snapshot = store.committed()?;
        let progress = match start {
            Start::Beginning => Progress::default(),
            Start::Now => Progress::at_end_of(&snapshot),
            Start::After(position) => Progress::after(position, &snapshot),
        };
        let progress = progress.with_marks(&snapshot);
        Ok(Self {
            store,
            plan,
            progress,
            batch_events: SUBSCRIPTION_BATCH_DEFAULT,
            poll_interval: SUBSCRIPTION_POLL_DEFAULT,
            watch: Watch::default(),
            seen: None,
            more: true,
        })
    }

    /// Gives at most so many events at a time, 1 to 65,536; 1,024 by default.
    #[must_use]
    pub fn batch_events(mut self, events: usize) -> Self {
        self.batch_events = events.clamp(1, SUBSCRIPTION_BATCH_MAX);
        self
    }

    /// How long to wait before looking again at a store that another process writes, at least 10 ms; 200
    /// ms by default. In the writing process nothing is waited for but news.
    #[must_use]
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = interval.max(SUBSCRIPTION_POLL_MIN);
        self
    }

    /// The next events: as soon as there are any, or none once `timeout` is over. The timeout bounds the
    /// waiting, not the reading of what there is. With a timeout of zero it looks and does not wait.
    ///
    /// # Errors
    ///
    /// `Corrupt` and `Version` once for what cannot be read, and then it goes on without it; `Poisoned` where this
    /// process's writer has failed or was closed and all is delivered; `Locked` and `Io` where the store
    /// cannot be looked at. After any error it can be called again: nothing is lost by it.
    pub fn next_batch(&mut self, timeout: Duration) -> Result<Batch> {
        let deadline = Instant::now().checked_add(timeout);
        loop {
            // Asked before the look, which sees all that was written until then.
            let going_on = self.store.origin().map_or(Ok(()), |writer| writer.check_going_on());
            let events = self.look()?;
            if events.is_empty() {
                going_on?;
            }
            let over = deadline.is_some_and(|deadline| deadline <= Instant::now());
            if over || !events.is_empty() {
                return Ok(Batch { events, position: self.position() });
            }
            self.wait(deadline);
        }
    }

    /// Where another subscription can go on: after what was delivered so far, and what did not match.
    #[must_use]
    pub fn position(&self) -> Position {
        self.progress.position()
    }

    /// Whether an event lies behind: it was delivered, did not match, or was there before the start.
    #[must_use]
    pub fn is_past(&self, id: EventId) -> bool {
        self.progress.is_past(id)
    }

    /// What is new, where there is news.
    fn look(&mut self) -> Result<Vec<Event>> {
        let news = match self.store.origin() {
            Ok(writer) => self.seen.replace(writer.days.arrivals().count()) != self.seen,
            Err(shelf) => self.watch.glance(shelf, self.poll_interval)?,
        };
        if !news && !self.more {
            return Ok(Vec::new());
        }
        // Whatever fails is tried again.
        self.more = true;
        let snapshot = self.store.committed()?;
        self.watch.looked(&snapshot);
        let (plan, events_max) = (&self.plan, self.batch_events);
        let mut turn = Turn { snapshot, plan, events_max, events: Vec::new() };
        self.more = turn.gather(&mut self.progress)?;
        Ok(turn.events)
    }

    /// Waits for news, or until it is time to look for it.
    fn wait(&self, deadline: Option<Instant>) {
        match (self.store.origin(), self.seen) {
            (Ok(writer), Some(seen)) => writer.days.arrivals().wait_past(seen, deadline),
            _ => {
                let left = deadline.map(|it| it.saturating_duration_since(Instant::now()));
                pause(left.unwrap_or(Duration::MAX).min(self.poll_interval));
            }
        }
    }
}

/// Lets time pass: another process wakes nobody.
fn pause(duration: Duration) {
    let nobody = Mutex::new(());
    let waiting = nobody.lock().unwrap_or_else(PoisonError::into_inner);
    // It may end early, and then the next look comes early.
    let _ = Condvar::new().wait_timeout(waiting, duration);
}
