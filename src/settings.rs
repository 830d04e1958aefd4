//! How a store behaves, as plain data with defaults.
//!
//! Owns: [`Durability`], [`Retention`] and the settings the builder fills in. Does not own the
//! clock or the storage, which are components, not data.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::limits::{
    BLOCK_ROWS_DEFAULT, BLOCK_ROWS_MIN, CACHE_BYTES_DEFAULT, DATA_BYTES_DEFAULT, DATA_BYTES_MAX,
    FREE_BYTES_MIN_DEFAULT, PART_ROWS_MAX,
};

/// When a logged event is safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// `log_event` returns after the fsync that covers the event: a power cut loses nothing that
    /// was acknowledged. Threads that log at the same time share an fsync.
    #[default]
    Sync,
    /// `log_event` returns at once; a power cut or a kill loses at most what was logged within
    /// `max_delay` or the last `max_events` events, whichever is less. Ids of lost events are given
    /// again. `flush` closes the window.
    ///
    /// The call that fills the window writes it: of each day all that waits, one day after the other. It
    /// returns once its own events are durable, or with an error. Where the write fails at another
    /// day, the events that waited there are lost within the window, and the next `flush` says so.
    Buffered {
        /// The longest that an event waits to be written.
        max_delay: Duration,
        /// The most events that wait.
        max_events: usize,
    },
}

/// What may be thrown away, and when: by age, by bytes, or both. Nothing by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Retention {
    /// Days older than this many days before the newest confirmed one are dropped.
    pub max_age_days: Option<u32>,
    /// The oldest days are dropped until the store's files hold at most this many bytes.
    pub max_bytes: Option<u64>,
}

impl Retention {
    /// Keeps everything.
    pub const KEEP_ALL: Self = Self { max_age_days: None, max_bytes: None };

    /// Keeps this many days, the newest included; at least 1.
    #[must_use]
    pub const fn max_age_days(mut self, days: u32) -> Self {
        self.max_age_days = Some(days);
        self
    }

    /// Keeps the newest days whose files hold at most this many bytes together.
    #[must_use]
    pub const fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = Some(bytes);
        self
    }

    pub(crate) fn validate(&self) -> Result<()> {
        match self.max_age_days {
            Some(0) => Err(Error::invalid("max_age_days", "must be at least 1", 0)),
            _ => Ok(()),
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) durability: Durability,
    pub(crate) cache_bytes: usize,
    pub(crate) block_rows: usize,
    pub(crate) shared_readers: bool,
    pub(crate) retention: Retention,
    pub(crate) data_bytes_max: usize,
    pub(crate) free_bytes_min: u64,
    pub(crate) allow_no_locks: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            durability: Durability::Sync,
            cache_bytes: CACHE_BYTES_DEFAULT,
            block_rows: BLOCK_ROWS_DEFAULT,
            shared_readers: true,
            retention: Retention::KEEP_ALL,
            data_bytes_max: DATA_BYTES_DEFAULT,
            free_bytes_min: FREE_BYTES_MIN_DEFAULT,
            allow_no_locks: false,
        }
    }
}

impl Settings {
    pub(crate) fn validate(&self) -> Result<()> {
        if !(BLOCK_ROWS_MIN..=PART_ROWS_MAX).contains(&self.block_rows) {
            let rule = format!("must be {BLOCK_ROWS_MIN} to {PART_ROWS_MAX}");
            return Err(Error::invalid("block_rows", rule, self.block_rows));
        }
        if self.data_bytes_max > DATA_BYTES_MAX {
            let rule = format!("must be at most {DATA_BYTES_MAX}");
            return Err(Error::invalid("data_bytes_max", rule, self.data_bytes_max));
        }
        self.retention.validate()?;
        match self.durability {
            Durability::Buffered { max_events: 0, .. } => {
                Err(Error::invalid("max_events", "must be at least 1", 0))
            }
            _ => Ok(()),
        }
    }
}
