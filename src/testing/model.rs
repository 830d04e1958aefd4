//! The reference: what a store should hold, kept in a plain `Vec`.
//!
//! Owns: [`Model`]: the ids that events get, what is durable, and what may be lost. The rooms below it: `answers`
//! (every kind of answer, by looking at every event) and `compare` (whether a store agrees).
//!
//! Invariants: nothing here calls the code that a store answers with, the rules of an event aside; what
//! waits of a day comes after what is durable of it.

mod answers;
mod compare;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::error::{Error, Result};
use crate::event::{Event, EventId, NewEvent};
use crate::limits::{DATA_BYTES_DEFAULT, OPEN_DAYS_MAX};
use crate::settings::Durability;
use crate::testing::workload::as_logged;
use crate::time::{Day, Timestamp};
use crate::upkeep::retention::PruneReport;

pub use answers::matches;
pub(crate) use answers::metres;
pub use compare::Disagreement;

/// What a store should hold and answer: the plain reference to compare one with.
///
/// It keeps events in a `Vec`, looks at each of them for each answer, and follows the rules that the
/// store promises: ordinals are dense and begin anew where a day was dropped, a batch is whole or absent
/// on each day, and a crash loses nothing but what `Durability::Buffered` leaves open. Give it the events
/// that the store is given; it says which ids they get.
///
/// Not modelled: retention that acts by itself, a limit of data other than the default, and damage.
///
/// ```
/// use diurnal::testing::Model;
/// use diurnal::{Durability, Filter, NewEvent, Query, Store, Timestamp};
///
/// let store = Store::in_memory()?;
/// let mut model = Model::new(Durability::Sync);
/// let event = NewEvent::new(7, "heartbeat").server_time("2026-11-23".parse()?);
/// let id = store.log_event(event.clone())?;
/// assert_eq!(model.log_events([event], Timestamp::default())?, [id]);
/// model.compare(&store, &Query::from(Filter::session(7)))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Model {
    /// Everything that is held, in the order in which it came.
    pub events: Vec<Event>,
    durability: Durability,
    /// The ordinal that the next event of each day gets.
    next: BTreeMap<Day, u32>,
    /// Batches that are held and not known to be durable, in order.
    waiting: Vec<Batch>,
    /// Events of one call and one day that may have been logged, in order.
    in_doubt: Vec<(Day, Vec<Event>)>,
}

/// Events of one call and one day.
#[derive(Debug, Clone, Copy)]
struct Batch {
    day: Day,
    events: usize,
}

/// What came of a call, by day, with the place of each event in the call.
type ByDay = BTreeMap<Day, Vec<(usize, Event)>>;

impl Model {
    /// The model of an empty store with this durability.
    #[must_use]
    pub fn new(durability: Durability) -> Self {
        Self { durability, ..Self::default() }
    }

    /// Logs events as one batch; the ids that a store gives them. `now` is what the store's clock
    /// shows, for events without a server time.
    ///
    /// # Errors
    ///
    /// `InvalidInput` where an event breaks a rule; nothing is logged then.
    pub fn log_events(
        &mut self,
        events: impl IntoIterator<Item = NewEvent>,
        now: Timestamp,
    ) -> Result<Vec<EventId>> {
        let (ids, writes) = self.take(events, now)?;
        if writes > 0 {
            self.flush();
        }
        Ok(ids)
    }

    /// Logs events as [`Model::log_events`] by a call that has succeeded though the power was cut amid it,
    /// so that [`Model::recover`] is next. Where it filled the window of a buffered store, its own days are
    /// durable, and what waited for others goes on being at risk.
    ///
    /// # Errors
    ///
    /// As [`Model::log_events`].
    pub fn log_events_amid_cut(
        &mut self,
        events: impl IntoIterator<Item = NewEvent>,
        now: Timestamp,
    ) -> Result<Vec<EventId>> {
        let (ids, writes) = self.take(events, now)?;
        let days: BTreeSet<Day> = ids.iter().map(|id| id.day()).collect();
        match writes {
            0 => {}
            1 => self.waiting.retain(|batch| !days.contains(&batch.day)),
            // After a write that had failed there would have been no other.
            _ => self.flush(),
        }
        Ok(ids)
    }

    /// Notes events that a store has acknowledged with ids of its own choice, as from many threads at
    /// once, where nobody can tell the order beforehand.
    ///
    /// # Errors
    ///
    /// Where an id was given before, or its day is not that of the server time.
    pub fn acknowledge(
        &mut self,
        events: impl IntoIterator<Item = Event>,
    ) -> Result<(), Disagreement> {
        let mut ids: HashSet<EventId> = self.events.iter().map(|event| event.id).collect();
        for event in events {
            let day = event.id.day();
            if Day::of(event.server_time) != Some(day) {
                return Err(Disagreement::new(format!("an id of another day: {event:?}")));
            }
            if !ids.insert(event.id) {
                return Err(Disagreement::new(format!("an id given twice: {event:?}")));
            }
            let next = self.next_ordinal(day).max(event.id.ordinal() + 1);
            if self.hold(day, vec![event]) {
                self.flush();
            }
            self.next.insert(day, next);
        }
        Ok(())
    }

    /// Notes a batch that a store may have logged: a call that failed with `OutcomeUnknown`, or that the
    /// power was cut during. The events are held from [`Model::recover`] on, if the store has them.
    ///
    /// # Errors
    ///
    /// As [`Model::log_events`].
    pub fn doubt(
        &mut self,
        events: impl IntoIterator<Item = NewEvent>,
        now: Timestamp,
    ) -> Result<()> {
        for (day, events) in self.stamp(events, now)? {
            self.in_doubt.push((day, events.into_iter().map(|(_, event)| event).collect()));
        }
        Ok(())
    }

    /// Everything that is held is durable: a flush, a rebuild, or a close that succeeded.
    pub fn flush(&mut self) {
        self.waiting.clear();
    }

    /// Whether events of a day wait to be written: dropping it is refused as `Locked` meanwhile.
    #[must_use]
    pub fn waits(&self, day: Day) -> bool {
        self.waiting.iter().any(|batch| batch.day == day)
    }

    /// How many events a crash may lose now.
    #[must_use]
    pub fn at_risk(&self) -> usize {
        self.waiting.iter().map(|batch| batch.events).sum()
    }

    /// Removes a day and everything in it; whether there was anything. Its ids begin anew.
    pub fn drop_day(&mut self, day: Day) -> bool {
        let before = self.events.len();
        self.events.retain(|event| event.id.day() != day);
        self.waiting.retain(|batch| batch.day != day);
        self.in_doubt.retain(|(of, _)| *of != day);
        self.next.remove(&day);
        self.events.len() < before
    }

    /// Removes the days that a prune has dropped.
    pub fn prune(&mut self, report: &PruneReport) {
        for info in &report.dropped {
            self.drop_day(info.day);
        }
    }

    /// Loses everything that a crash loses while no call is under way: what waits.
    pub fn crash(&mut self) {
        for batch in std::mem::take(&mut self.waiting).into_iter().rev() {
            let mut left = batch.events;
            while left > 0 {
                let last = self.events.iter().rposition(|event| event.id.day() == batch.day);
                let Some(last) = last else { break };
                self.events.remove(last);
                left -= 1;
            }
        }
        self.in_doubt.clear();
        self.count_anew();
    }

    /// Takes over what a store holds after a crash, if it may: on each day everything that was durable, then
    /// the first of the batches that waited or are in doubt, each whole. All that is held is
    /// durable afterwards.
    ///
    /// # Errors
    ///
    /// Where a durable event is missing or changed, a batch is there in part, or an event is there that
    /// nobody logged.
    pub fn recover(&mut self, found: impl IntoIterator<Item = Event>) -> Result<(), Disagreement> {
        let mut found_by_day = BTreeMap::<Day, Vec<Event>>::new();
        for event in found {
            found_by_day.entry(event.id.day()).or_default().push(event);
        }
        let mut days: BTreeSet<Day> = self.next.keys().copied().collect();
        days.extend(found_by_day.keys().copied());
        days.extend(self.in_doubt.iter().map(|(day, _)| *day));
        for day in days {
            let found = found_by_day.entry(day).or_default();
            found.sort_by_key(|event| event.id);
            self.check_recovered(day, found)?;
        }
        self.events = found_by_day.into_values().flatten().collect();
        self.waiting.clear();
        self.in_doubt.clear();
        self.count_anew();
        Ok(())
    }

    /// Whether a day may hold these events after a crash.
    fn check_recovered(&self, day: Day, found: &[Event]) -> Result<(), Disagreement> {
        let mut expected: Vec<&Event> =
            self.events.iter().filter(|event| event.id.day() == day).collect();
        expected.sort_by_key(|event| event.id);
        let waiting = self.waiting.iter().filter(|batch| batch.day == day);
        let waiting: Vec<usize> = waiting.map(|batch| batch.events).collect();
        let mut whole = expected.len() - waiting.iter().sum::<usize>();
        let mut allowed = vec![whole];
        let doubted = self.in_doubt.iter().filter(|(of, _)| *of == day);
        let doubted: Vec<&Vec<Event>> = doubted.map(|(_, events)| events).collect();
        for events in waiting.into_iter().chain(doubted.iter().map(|events| events.len())) {
            whole += events;
            allowed.push(whole);
        }
        expected.extend(doubted.into_iter().flatten());
        let same =
            found.iter().zip(&expected).all(|(a, b)| compare::exactly(a) == compare::exactly(b));
        if same && allowed.contains(&found.len()) {
            return Ok(());
        }
        let what = if same { "a batch in part" } else { "other events" };
        Err(Disagreement::new(format!(
            "{day} came back with {} events, which is none of {allowed:?}, or with {what}",
            found.len()
        )))
    }

    /// The events with the ids that they get.
    fn stamp(&self, events: impl IntoIterator<Item = NewEvent>, now: Timestamp) -> Result<ByDay> {
        let mut by_day = ByDay::new();
        for (place, event) in events.into_iter().enumerate() {
            event.validate(DATA_BYTES_DEFAULT)?;
            let time = event.server_time.unwrap_or(now);
            let day = Day::of(time).ok_or_else(|| {
                Error::invalid("server_time", "must lie on a day that ids can name", time)
            })?;
            let events = by_day.entry(day).or_default();
            let before = self.in_doubt.iter().filter(|(of, _)| *of == day);
            let before: usize = before.map(|(_, doubted)| doubted.len()).sum();
            let after = u32::try_from(before + events.len()).unwrap_or(u32::MAX);
            let id = EventId::new(day, self.next_ordinal(day).saturating_add(after));
            events.push((place, as_logged(event, id, time)));
        }
        Ok(by_day)
    }

    fn next_ordinal(&self, day: Day) -> u32 {
        self.next.get(&day).copied().unwrap_or(0)
    }

    /// Holds the events of a call; their ids, and how often it has everything written that waits.
    fn take(
        &mut self,
        events: impl IntoIterator<Item = NewEvent>,
        now: Timestamp,
    ) -> Result<(Vec<EventId>, usize)> {
        let by_day = self.stamp(events, now)?;
        let mut settled = by_day.len() > OPEN_DAYS_MAX;
        let (mut ids, mut writes) = (Vec::new(), 0);
        for (day, events) in by_day {
            ids.extend(events.iter().map(|(place, event)| (*place, event.id)));
            settled |= self.hold(day, events.into_iter().map(|(_, event)| event).collect());
            writes += usize::from(settled);
        }
        ids.sort_unstable_by_key(|(place, _)| *place);
        Ok((ids.into_iter().map(|(_, id)| id).collect(), writes))
    }

    /// Holds a batch; whether as much waits as may.
    fn hold(&mut self, day: Day, events: Vec<Event>) -> bool {
        let count = u32::try_from(events.len()).unwrap_or(u32::MAX);
        *self.next.entry(day).or_default() += count;
        let batch = Batch { day, events: events.len() };
        self.events.extend(events);
        let Durability::Buffered { max_events, .. } = self.durability else { return false };
        self.waiting.push(batch);
        self.at_risk() >= max_events
    }

    /// Ids of events that were lost are given again.
    fn count_anew(&mut self) {
        self.next.clear();
        for event in &self.events {
            let next = self.next.entry(event.id.day()).or_default();
            *next = (*next).max(event.id.ordinal() + 1);
        }
    }
}
