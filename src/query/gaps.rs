//! Days that a question leaves out, since they cannot be read.
//!
//! Owns: [`Gap`] and [`WithGaps`], and which errors are a gap. Does not own who asks for that (`store`).
//!
//! Invariant: a day is left out whole, or, where its damaged files were set aside, all that lies before
//! the gap is.

use crate::error::{Error, ErrorKind, Result};
use crate::snapshot::Snapshot;
use crate::time::Day;

/// A day that a question met and could not read, or not all of it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Gap {
    /// The day.
    pub day: Day,
    /// Why it could not be read.
    pub error: Error,
}

/// An answer from the days that can be read.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WithGaps<T> {
    /// What was found.
    pub found: T,
    /// The days that were left out, in order; empty where the answer is the whole one.
    pub gaps: Vec<Gap>,
}

/// Leaves out of a snapshot what an error tells of; whether part of that day is still to be read. Any
/// other error is given back.
pub(crate) fn leave_out(
    snapshot: &mut Snapshot,
    gaps: &mut Vec<Gap>,
    error: Error,
) -> Result<(Day, bool)> {
    let damage = matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Version);
    let Some(day) = error.day().filter(|day| damage && !snapshot.is_left_out(*day)) else {
        return Err(error);
    };
    if !gaps.iter().any(|gap| gap.day == day) {
        gaps.push(Gap { day, error });
        gaps.sort_by_key(|gap| gap.day);
    }
    Ok((day, snapshot.leave_out(day)))
}

/// Asks a question again for each day that cannot be read, without it.
pub(crate) fn ask_past_gaps<T>(
    snapshot: &Snapshot,
    question: impl Fn(&Snapshot) -> Result<T>,
) -> Result<WithGaps<T>> {
    let mut snapshot = snapshot.clone();
    let mut gaps = Vec::new();
    loop {
        match question(&snapshot) {
            Ok(found) => return Ok(WithGaps { found, gaps }),
            Err(error) => drop(leave_out(&mut snapshot, &mut gaps, error)?),
        }
    }
}
