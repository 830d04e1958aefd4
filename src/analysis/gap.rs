//! The longest silence that a setting allows.
//!
//! Owns: how such a setting is checked, and its length as rows have it.

use std::time::Duration;

use crate::error::{Error, Result};

/// In microseconds; what is longer than can be said is as long as can be.
pub(super) fn micros(gap: Duration) -> i64 {
    i64::try_from(gap.as_micros()).unwrap_or(i64::MAX)
}

/// A silence of no length would cut everything.
pub(super) fn check(setting: &str, gap: Option<Duration>) -> Result<()> {
    match gap {
        Some(gap) if micros(gap) == 0 => {
            Err(Error::invalid(setting, "must be at least a microsecond", format!("{gap:?}")))
        }
        _ => Ok(()),
    }
}
