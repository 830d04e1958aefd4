//! Days that a command leaves out, where that is allowed.
//!
//! Owns: the option's two ways of asking a store, and how gaps are told. Does not own what a gap is, which
//! is the library's.

use diurnal::{AllowGaps, Gap, Store, WithGaps};

use crate::failure::{Failure, Outcome};
use crate::text;

/// An answer, with the days that were left out where that is allowed.
pub(crate) fn ask<T>(
    store: &Store,
    allowed: bool,
    strict: impl FnOnce(&Store) -> diurnal::Result<T>,
    lenient: impl FnOnce(AllowGaps<'_>) -> diurnal::Result<WithGaps<T>>,
) -> Result<(T, Outcome), Failure> {
    if !allowed {
        return Ok((strict(store)?, Outcome::Done));
    }
    let WithGaps { found, gaps, .. } = lenient(store.allow_gaps())?;
    Ok((found, tell(&gaps)))
}

/// Names the days that were left out on standard error; how the command then ends.
pub(crate) fn tell(gaps: &[Gap]) -> Outcome {
    for Gap { error, .. } in gaps {
        text::warning("diurnal: gap:", &error.to_string());
    }
    if gaps.is_empty() { Outcome::Done } else { Outcome::Damaged }
}
