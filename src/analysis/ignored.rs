//! Event types that are left out.
//!
//! Owns: [`Ignored`], the types that a question about what follows what leaves out. Does not own which types are
//! passive (`meaning`).

use serde::{Deserialize, Serialize};

use crate::analysis::meaning::BEATS;
use crate::query::Filter;

/// Event types that a question about what follows what leaves out: clients send them by themselves,
/// over and over, and between any two other events there would be one.
///
/// They are some of the types that are [passive](crate::analysis::SessionSettings::passive) in the figures of
/// sessions, not all: where sessions begin and end, and errors, are part of their way.
///
/// They are left out by a condition beside the question's filter, which may therefore nest two less deep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ignored(Vec<String>);

impl Default for Ignored {
    /// `heartbeat` and `location_update`.
    fn default() -> Self {
        Self::new(BEATS)
    }
}

impl Ignored {
    /// These types; with none of them, no event is left out.
    #[must_use]
    pub fn new<T: ToString>(types: impl IntoIterator<Item = T>) -> Self {
        Self(types.into_iter().map(|name| name.to_string()).collect())
    }

    /// These without some.
    pub(crate) fn but<'a>(&self, types: impl Iterator<Item = &'a String> + Clone) -> Self {
        let kept = |name: &&String| !types.clone().any(|but| but == *name);
        Self(self.0.iter().filter(kept).cloned().collect())
    }

    /// The filter, without events of these types.
    pub(crate) fn leave_out(&self, filter: &Filter) -> Filter {
        match self.0.is_empty() {
            true => filter.clone(),
            false => filter.clone().and(Filter::not(Filter::event_types(&self.0))),
        }
    }
}
