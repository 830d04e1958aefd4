//! What a store can be made to do.
//!
//! Owns: [`Operation`], a plain value. Does not own how operations are drawn (`strategies`), nor the
//! doing.

use crate::event::{NewEvent, event_type};
use crate::limits::{BLOCK_ROWS_MIN, TAIL_BLOCKS};
use crate::query::Query;
use crate::time::{Day, SECOND, Timestamp};

/// One step in the life of a store, to be done to it and to its [`Model`](crate::testing::Model) alike.
///
/// Each can be done at any time: a day that is dropped need not be there.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Operation {
    /// Logs one event.
    Log(NewEvent),
    /// Logs events as one batch.
    LogBatch(Vec<NewEvent>),
    /// Logs simple events of one day as one batch: so many that a store with blocks of 16 rows folds
    /// the day's tail.
    Fold(Day),
    /// Flushes the store.
    Flush,
    /// Asks for events.
    Ask(Query),
    /// Asks for events and reads none: its answer is what was there now, whenever it is read.
    Hold(Query),
    /// Reads what is held.
    Release,
    /// Sets the clock to the next midnight.
    NextDay,
    /// Sets the clock, forward or back.
    SetClock(Timestamp),
    /// Drops a day.
    DropDay(Day),
    /// Prunes by age.
    Prune {
        /// Days to be kept.
        max_age_days: u32,
    },
    /// Closes the store and opens it again.
    Reopen,
    /// Cuts the power while no call is under way, and opens what is left.
    Crash {
        /// Says what is left of unsynced writes.
        seed: u64,
    },
    /// Cuts the power while a batch is logged, and opens what is left.
    CrashWhileLogging {
        /// The batch.
        events: Vec<NewEvent>,
        /// Operations of the storage before the one that fails.
        after: u64,
        /// Says what is left of unsynced writes.
        seed: u64,
    },
    /// Makes the indexes and the catalog again.
    Rebuild,
}

impl Operation {
    /// The events that it logs, in order.
    #[must_use]
    pub fn events(&self) -> Vec<NewEvent> {
        match self {
            Self::Log(event) => vec![event.clone()],
            Self::LogBatch(events) | Self::CrashWhileLogging { events, .. } => events.clone(),
            Self::Fold(day) => (0..=(BLOCK_ROWS_MIN * TAIL_BLOCKS) as i64)
                .map(|n| {
                    let time = Timestamp::from_micros(day.start().as_micros() + n * SECOND);
                    NewEvent::new(n % 3, event_type::HEARTBEAT).tag(n % 2).server_time(time)
                })
                .collect(),
            _ => Vec::new(),
        }
    }
}
