//! What the log is for: questions about how people take part, and their answers.
//!
//! A question is a plain value with its settings; [`Store::ask`] answers it, and
//! [`AllowGaps::ask`](crate::AllowGaps::ask) answers it without the days that cannot be read.
//!
//! Owns: what a question is. Its rooms own one family of questions each, and write down what
//! their words mean: what ends a stream, what a gap is. Shared by them: `meaning` (what event types stand
//! for), `distance` (metres, and places that are none), `quantiles`. Does not own the reading of rows (`query`).
//!
//! Invariants: a question reads only the columns that it needs, of rows that bitmaps have chosen, once, in
//! order of time; its memory grows with sessions, tags and buckets, not with events, unless it says so.

mod distance;
mod heatmap;
mod histogram;
mod meaning;
mod quantiles;

use crate::error::Result;
use crate::query::gaps::WithGaps;
use crate::snapshot::Snapshot;
use crate::store::{AllowGaps, Store};

pub use distance::NoFix;
pub use heatmap::{Cell, Heat, Heatmap};
pub use histogram::{Activity, Bucket, Histogram, Peak};
pub use quantiles::Quantiles;

/// A question that a store can be asked. It is sealed: the questions are those of this module.
pub trait Question: sealed::Answered {}

impl<Q: sealed::Answered> Question for Q {}

mod sealed {
    use super::Moment;
    use crate::error::Result;

    /// What makes a value a question.
    pub trait Answered {
        /// What is answered.
        type Answer;

        /// The answer at a moment.
        ///
        /// # Errors
        ///
        /// As `Store::query`.
        fn answer(&self, moment: &Moment<'_>) -> Result<Self::Answer>;
    }
}

/// The store as it was when it was asked.
#[derive(Debug)]
pub struct Moment<'a> {
    snapshot: &'a Snapshot,
}

impl Store {
    /// Answers a question of [`analysis`](crate::analysis).
    ///
    /// # Errors
    ///
    /// As [`Store::query`]; `InvalidInput` where a setting of the question breaks its limits.
    pub fn ask<Q: Question>(&self, question: &Q) -> Result<Q::Answer> {
        self.answer(|snapshot| question.answer(&Moment { snapshot }))
    }
}

impl AllowGaps<'_> {
    /// As [`Store::ask`], without the days that cannot be read.
    ///
    /// # Errors
    ///
    /// As [`Store::ask`], damage aside.
    pub fn ask<Q: Question>(&self, question: &Q) -> Result<WithGaps<Q::Answer>> {
        self.answer(|snapshot| question.answer(&Moment { snapshot }))
    }
}
