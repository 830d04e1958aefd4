//! Workloads: events in any number, the same ones for the same seed.
//!
//! Owns: [`Workload`], what is asked for; [`NewEvents`], the events; and [`logged`], how a store returns
//! them. The rooms below it: `walks` (the realistic events), `hostile`, `random` (numbers from a seed).
//!
//! Invariants: the same workload gives the same events on every computer: numbers are drawn from one
//! generator in one order, and computed with `+ - * /`, square roots and rounding alone, which IEEE 754
//! fixes to the bit. There are exactly as many events as were asked for, all within the days asked
//! for. Memory is bounded by the sessions that are open at once.

mod hostile;
mod random;
mod walks;

use std::collections::HashMap;

use crate::event::{Event, EventId, NewEvent};
use crate::limits::DAY_MAX;
use crate::time::{Day, Timestamp};

use hostile::Hostile;
use walks::Walks;

/// The seed unless one is given.
const SEED: u64 = 1;

/// Events unless a number is given.
const EVENTS: u64 = 1_000_000;

/// Days unless a number is given.
const DAYS: u32 = 30;

/// 2024-01-01: any store that is opened today seals the days of a workload when it is closed.
const FIRST_DAY: u32 = 19_723;

/// Events to be made: a plain value.
///
/// A seed means the same events in all versions of diurnal that say nothing else in their changelog.
///
/// ```
/// use diurnal::Store;
/// use diurnal::testing::workload::Workload;
///
/// let store = Store::in_memory()?;
/// store.log_events(Workload::realistic().events(1_000).days(2).iter())?;
/// assert_eq!(store.info()?.events, 1_000);
/// # Ok::<(), diurnal::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    kind: Kind,
    seed: u64,
    events: u64,
    days: u32,
    first_day: Day,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Realistic,
    Hostile,
}

impl Workload {
    /// People who walk through cities with a phone and listen, during the hours in which museums are
    /// open, as a Roundware server logs them.
    ///
    /// A session has some 80 events: heartbeats every 10 to 20 seconds at its own pace, changes of tags
    /// with a few favourites among 40 tags, recordings and uploads, some of them given up, errors
    /// with repeating messages, and most often an end. How many sessions are open at once follows from
    /// the number of events and days. Clients' clocks are off by seconds to minutes, a few by hours.
    /// Server times ascend, but for one event in a hundred that is filed up to some minutes early,
    /// just after midnight on the day before.
    #[must_use]
    pub fn realistic() -> Self {
        Self::of(Kind::Realistic)
    }

    /// What indexes and codecs like least: each event a session of its own, with up to five of 100,000
    /// tags, one of 50 types, a place anywhere on the globe and 1 KB of data that is nowhere twice.
    #[must_use]
    pub fn hostile() -> Self {
        Self::of(Kind::Hostile)
    }

    fn of(kind: Kind) -> Self {
        let first_day = Day::from_number(FIRST_DAY).unwrap_or(Day::MIN);
        Self { kind, seed: SEED, events: EVENTS, days: DAYS, first_day }
    }

    /// Another seed, another world; 1 unless given.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// So many events, 1,000,000 unless given.
    #[must_use]
    pub fn events(mut self, events: u64) -> Self {
        self.events = events;
        self
    }

    /// Spread over so many days, at least one; 30 unless given.
    #[must_use]
    pub fn days(mut self, days: u32) -> Self {
        self.days = days;
        self
    }

    /// From this day on; 2024-01-01 unless given. Where the days asked for would go past
    /// [`Day::MAX`], they begin earlier.
    #[must_use]
    pub fn first_day(mut self, day: Day) -> Self {
        self.first_day = day;
        self
    }

    /// The events, in order of arrival, made as they are asked for.
    #[must_use]
    pub fn iter(&self) -> NewEvents {
        let days = self.days.clamp(1, DAY_MAX);
        let first = self.first_day.number().min(DAY_MAX - days);
        let start = Day::from_number(first).unwrap_or(Day::MIN).start();
        NewEvents(match self.kind {
            Kind::Realistic => Source::Walks(Box::new(Walks::new(self, start, days))),
            Kind::Hostile => Source::Hostile(Hostile::new(self, start, days)),
        })
    }
}

impl IntoIterator for &Workload {
    type Item = NewEvent;
    type IntoIter = NewEvents;

    fn into_iter(self) -> NewEvents {
        self.iter()
    }
}

/// The events of a [`Workload`]; each has a server time.
#[derive(Debug, Clone)]
pub struct NewEvents(Source);

#[derive(Debug, Clone)]
enum Source {
    Walks(Box<Walks>),
    Hostile(Hostile),
}

impl Iterator for NewEvents {
    type Item = NewEvent;

    fn next(&mut self) -> Option<NewEvent> {
        match &mut self.0 {
            Source::Walks(walks) => walks.next(),
            Source::Hostile(hostile) => hostile.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = match &self.0 {
            Source::Walks(walks) => walks.left(),
            Source::Hostile(hostile) => hostile.left(),
        };
        (usize::try_from(left).unwrap_or(usize::MAX), usize::try_from(left).ok())
    }
}

/// The events as an empty store returns them once it has logged them in this order: with their ids.
///
/// An event without a server time is taken for one of 1970-01-01T00:00:00Z; one that lies outside the
/// days that a store can file is left out.
///
/// ```
/// use diurnal::testing::workload::{Workload, logged};
/// use diurnal::{Query, Store};
///
/// let workload = Workload::hostile().events(10);
/// let store = Store::in_memory()?;
/// store.log_events(&workload)?;
/// let stored: Vec<_> = store.query(&Query::new())?.collect::<diurnal::Result<_>>()?;
/// assert_eq!(stored, logged(workload.iter()).collect::<Vec<_>>());
/// # Ok::<(), diurnal::Error>(())
/// ```
pub fn logged(events: impl IntoIterator<Item = NewEvent>) -> impl Iterator<Item = Event> {
    let mut ordinals = HashMap::<Day, u32>::new();
    events.into_iter().filter_map(move |event| {
        let server_time = event.server_time.unwrap_or_default();
        let day = Day::of(server_time)?;
        let ordinal = ordinals.entry(day).or_default();
        let id = EventId::new(day, *ordinal);
        *ordinal += 1;
        Some(as_logged(event, id, server_time))
    })
}

/// An event as a store returns it.
pub(crate) fn as_logged(event: NewEvent, id: EventId, server_time: Timestamp) -> Event {
    Event {
        id,
        server_time,
        session_id: event.session_id,
        event_type: event.event_type,
        client_time: event.client_time,
        latitude: event.location.map(|location| location.latitude),
        longitude: event.location.map(|location| location.longitude),
        tags: event.tags,
        data: event.data,
    }
}
