//! Where the time comes from.
//!
//! Owns: [`Clock`] and its two kinds. This is the one file that asks the operating system for the
//! time of day.
//!
//! Nothing here is trusted: the store files an event under whatever day the clock names.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::time::Timestamp;

/// Tells the store what time it is.
///
/// Give the store one of your own with `StoreBuilder::clock`, for tests or for a clock disciplined
/// by other means than the operating system's.
pub trait Clock: Send + Sync + 'static {
    /// The time now. It may stand still, jump forward or jump back.
    fn now(&self) -> Timestamp;
}

/// The operating system's clock. A time before 1970 reads as 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that the others are told to use"
    )]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
    }
}

/// A clock that stands still until it is set: for tests.
///
/// ```
/// use diurnal::{Clock, ManualClock, Timestamp};
///
/// let clock = ManualClock::new("2026-11-23T23:59:59Z".parse()?);
/// clock.advance(std::time::Duration::from_secs(2));
/// assert_eq!(clock.now().to_string(), "2026-11-24T00:00:01.000000Z");
/// # Ok::<(), diurnal::Error>(())
/// ```
#[derive(Debug)]
pub struct ManualClock {
    micros: AtomicI64,
}

impl ManualClock {
    /// A clock that shows `now`.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self { micros: AtomicI64::new(now.as_micros()) }
    }

    /// Sets the clock, forward or back.
    pub fn set(&self, now: Timestamp) {
        self.micros.store(now.as_micros(), Ordering::SeqCst);
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: std::time::Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.micros.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.micros.load(Ordering::SeqCst))
    }
}

impl<C: Clock + ?Sized> Clock for std::sync::Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
}
