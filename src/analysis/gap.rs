//! The longest silence that a setting allows.
//!
//! Owns: how such a setting is checked, and its length as rows have it.

use crate::error::{Error, Result};

/// In microseconds; what is longer than can be said is as long as can be.
pub(super) fn micros(gap_micros: u64) -> i64 {
    i64::try_from(gap_micros).unwrap_or(i64::MAX)
}

/// A silence of no length would cut everything.
pub(super) fn check(setting: &str, gap_micros: Option<u64>) -> Result<()> {
    match gap_micros {
        Some(0) => Err(Error::invalid(setting, "must be at least a microsecond", 0)),
        _ => Ok(()),
    }
}
