//! How sessions went.
//!
//! Owns: the question of one session ([`Session`]), that of all of them ([`Sessions`]), and their settings.
//! Both are answered by the same `tracker`, fed row by row: each of the [`SessionFigures`] is defined there,
//! once.
//!
//! A session is all events of one id that the filter lets through, in order of server time. What a filter
//! leaves out is not seen: a filter by type gives the figures of these types' events. A range of time is
//! what one most often wants.

mod all;
mod figures;
mod one;
mod tracker;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::analysis::distance::NoFix;
use crate::analysis::gap;
use crate::analysis::listening;
use crate::analysis::meaning::PASSIVE;
use crate::analysis::micros_of;
use crate::error::{Error, Result};
use crate::event::check_name;
use crate::limits::{EVENT_TYPE_BYTES_MAX, FILTER_TERMS_MAX};
use crate::time::SECOND;

pub use all::{SessionSort, Sessions, SessionsReport, SessionsTotals};
pub use figures::SessionFigures;
pub use one::{Session, SessionReport, TagHeard};

/// What the words of a session's figures mean.
///
/// ```
/// use std::time::Duration;
///
/// use diurnal::analysis::SessionSettings;
///
/// let settings = SessionSettings::default().active_gap(Duration::from_secs(120)).cut_idle(true);
/// # let _ = settings;
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct SessionSettings {
    /// The longest silence between two events that still counts as active time, in microseconds, at least
    /// one; those of 5 minutes unless given.
    pub active_gap_micros: u64,
    /// How much of a silence between two events counts as listening at most, in microseconds, at least one;
    /// those of 5 minutes unless given, some missed heartbeats. With `None` (`null`) every silence counts,
    /// however long.
    pub listening_gap_micros: Option<u64>,
    /// Whether what comes before the first action (an attract loop) and after the last one (the idle
    /// tail) is cut off; not so unless given. Of a session without an action nothing is left.
    pub cut_idle: bool,
    /// Types whose events are no actions: `start_session`, `cleanup_session`, `heartbeat`, `client_error`,
    /// `location_update`, `start_asset` and `stop_asset` unless given; at most 9,000. Any other event is an
    /// action.
    pub passive: Vec<String>,
    /// Places that stand for none, left out of the path.
    pub no_fix: NoFix,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            active_gap_micros: 300 * SECOND.unsigned_abs(),
            listening_gap_micros: Some(listening::GAP_MICROS),
            cut_idle: false,
            passive: PASSIVE.map(str::to_owned).into(),
            no_fix: NoFix::default(),
        }
    }
}

impl SessionSettings {
    /// The longest silence that still counts as active time.
    #[must_use]
    pub fn active_gap(mut self, gap: Duration) -> Self {
        self.active_gap_micros = micros_of(gap);
        self
    }

    /// How much of a silence counts as listening at most; all of it with `None`.
    #[must_use]
    pub fn listening_gap(mut self, gap: impl Into<Option<Duration>>) -> Self {
        self.listening_gap_micros = gap.into().map(micros_of);
        self
    }

    /// Whether what comes before the first and after the last action is cut off.
    #[must_use]
    pub fn cut_idle(mut self, cut: bool) -> Self {
        self.cut_idle = cut;
        self
    }

    /// The types whose events are no actions.
    #[must_use]
    pub fn passive<T: ToString>(mut self, types: impl IntoIterator<Item = T>) -> Self {
        self.passive = types.into_iter().map(|name| name.to_string()).collect();
        self
    }

    /// Places that stand for none.
    #[must_use]
    pub fn no_fix(mut self, no_fix: NoFix) -> Self {
        self.no_fix = no_fix;
        self
    }

    fn validate(&self) -> Result<()> {
        gap::check("active_gap", Some(self.active_gap_micros))?;
        gap::check("listening_gap", self.listening_gap_micros)?;
        if self.passive.len() > PASSIVE_MAX {
            let rule = format!("must be at most {PASSIVE_MAX} types");
            return Err(Error::invalid("passive", rule, self.passive.len()));
        }
        let mut types = self.passive.iter();
        types.try_for_each(|name| check_name("passive", name, EVENT_TYPE_BYTES_MAX))
    }
}

/// Passive types: they become part of a filter, beside the one that was asked with.
const PASSIVE_MAX: usize = FILTER_TERMS_MAX / 10 * 9;
