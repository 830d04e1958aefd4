//! What the log is for: questions about how people take part, and their answers.
//!
//! A question is a plain value with its settings; [`Store::ask`] answers it, and
//! [`AllowGaps::ask`](crate::AllowGaps::ask) answers it without the days that cannot be read.
//!
//! Owns: what a question is. Its rooms own one family of questions each, and write down what
//! their words mean: what ends a stream, what a gap is. Shared by them: `builder` (methods that all questions
//! have), `meaning` (what event types stand for), `ignored` (types that are left out), `distance` (metres, and
//! places that are none), `bounds`, `listening` (what is heard, and for how long), `skew` and `skew_buckets`
//! (clients' clocks), `quantiles`, `delays` (quantiles of durations in bounded memory). Does not own the reading
//! of rows (`query`).
//!
//! Invariants: a question reads only the columns that it needs, of rows that bitmaps have chosen, once, in
//! order of time; its memory grows with sessions, tags and buckets, not with events, unless it says so.

mod bounds;
mod builder;
mod clocks;
mod delays;
mod distance;
mod errors;
mod funnel;
mod gap;
mod health;
mod heatmap;
mod histogram;
mod ignored;
mod listening;
pub(crate) mod meaning;
mod pattern;
mod quantiles;
mod session;
mod silence;
mod skew;
mod skew_buckets;
mod tags;
mod tracks;
mod transitions;

use std::time::Duration;

use crate::error::Result;
use crate::query::gaps::WithGaps;
use crate::query::rows::Events;
use crate::query::scan::Symbols;
use crate::query::{Count, Filter, Order, Query};
use crate::snapshot::Snapshot;
use crate::store::{AllowGaps, Store};
use crate::time::{TimeRange, Timestamp};

pub use clocks::{ClockSkew, ClockSkewReport, ServerJump, SessionSkew};
pub use distance::NoFix;
pub use errors::{ClientErrors, ClientErrorsReport, ErrorGroup, OtherErrors};
pub use funnel::{Funnel, FunnelReport, FunnelStep, StepReport};
pub use health::{Health, HealthDay, HealthFigures, HealthReport, UnendedSession};
pub use heatmap::{Cell, Heat, Heatmap};
pub use histogram::{Activity, Bucket, Histogram, Peak};
pub use ignored::Ignored;
pub use pattern::message_pattern;
pub use quantiles::Quantiles;
pub use session::{
    Session, SessionFigures, SessionReport, SessionSettings, SessionSort, Sessions, SessionsReport,
    SessionsTotals, TagHeard,
};
pub use silence::{Silence, SilenceReport, Silent};
pub use skew_buckets::SkewBucket;
pub use tags::{TagFigures, TagSort, Tags, TagsReport};
pub use tracks::{Track, TrackEvent, Tracks, TracksReport};
pub use transitions::{Paths, PathsReport, Transition};

/// Rows of an answer's list unless the question says otherwise.
const LIMIT: u64 = 100;

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

impl Moment<'_> {
    /// What `now` is for a question that has one: what it says, or the server time of the newest event. A clock
    /// that is not set at boot then does no harm. `None` in an empty store.
    fn now(&self, said: Option<Timestamp>) -> Result<Option<Timestamp>> {
        if said.is_some() {
            return Ok(said);
        }
        let newest = Query::new().order(Order::Descending).limit(1);
        let newest = Events::new(self.snapshot.clone(), &newest)?.next().transpose()?;
        Ok(newest.map(|event| event.server_time))
    }
}

/// The filter, without events later than this.
fn until(filter: &Filter, now: Timestamp) -> Filter {
    let to = Timestamp::from_micros(now.as_micros().saturating_add(1));
    filter.clone().and(Filter::ServerTime(TimeRange { from: Timestamp::MIN, to }))
}

/// Microseconds of a duration, which end where those of a `u64` do.
fn micros_of(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// How long a list may be.
fn places(limit: u64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

/// Counts by the numbers of words, the largest first, then by word; those of 0 left out.
fn sorted_counts(symbols: &Symbols, counts: &[u64], limit: u64) -> Vec<Count> {
    let some = symbols.words().zip(counts).filter(|(_, count)| **count > 0);
    let mut some: Vec<_> = some.collect();
    some.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
    some.truncate(places(limit));
    some.into_iter().map(|(key, count)| Count { key: key.to_owned(), count: *count }).collect()
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
