//! Questions that go on past days which cannot be read.
//!
//! Owns: [`AllowGaps`]: the questions of a store, each answered with a list of what was left out. Does
//! not own the questions (`query`).

use crate::error::Result;
use crate::query::aggregate::{self, SessionSummary};
use crate::query::gaps::{WithGaps, ask_past_gaps};
use crate::query::rows::{EventIds, Events};
use crate::query::{Count, Filter, GroupBy, Query};
use crate::snapshot::Snapshot;
use crate::store::Store;

/// A store that is asked without the days that cannot be read: see [`Store::allow_gaps`].
#[derive(Debug, Clone, Copy)]
pub struct AllowGaps<'a>(pub(super) &'a Store);

impl AllowGaps<'_> {
    /// As [`Store::query`]; [`Events::gaps`] tells what was left out. Events of a day that were given
    /// before its damage was met stay given.
    ///
    /// # Errors
    ///
    /// As [`Store::query`], damage aside.
    pub fn query(&self, query: &Query) -> Result<Events> {
        Events::new(self.0.snapshot()?, query).map(Events::allow_gaps)
    }

    /// As [`Store::ids`]; [`EventIds::gaps`] tells what was left out.
    ///
    /// # Errors
    ///
    /// As [`Store::query`], damage aside.
    pub fn ids(&self, query: &Query) -> Result<EventIds> {
        EventIds::new(self.0.snapshot()?, query).map(EventIds::allow_gaps)
    }

    /// As [`Store::count`].
    ///
    /// # Errors
    ///
    /// As [`Store::query`], damage aside.
    pub fn count(&self, filter: &Filter) -> Result<WithGaps<u64>> {
        self.answer(|snapshot| aggregate::count(snapshot, filter))
    }

    /// As [`Store::count_by`].
    ///
    /// # Errors
    ///
    /// As [`Store::count_by`], damage aside.
    pub fn count_by(&self, filter: &Filter, by: GroupBy) -> Result<WithGaps<Vec<Count>>> {
        self.answer(|snapshot| aggregate::count_by(snapshot, filter, by))
    }

    /// As [`Store::sessions`].
    ///
    /// # Errors
    ///
    /// As [`Store::query`], damage aside.
    pub fn sessions(&self, filter: &Filter) -> Result<WithGaps<Vec<SessionSummary>>> {
        self.answer(|snapshot| aggregate::sessions(snapshot, filter))
    }

    pub(crate) fn answer<T>(
        &self,
        question: impl Fn(&Snapshot) -> Result<T>,
    ) -> Result<WithGaps<T>> {
        self.0.answer(|snapshot| ask_past_gaps(snapshot, &question))
    }
}
