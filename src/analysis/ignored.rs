//! Event types that tell of no action.
//!
//! Owns: [`Ignored`], the types that a question about actions leaves out.

use serde::{Deserialize, Serialize};

use crate::event::event_type;
use crate::query::Filter;

/// Event types that a question about actions leaves out: clients send them by themselves, many times a
/// minute, and between any two actions there would be one.
///
/// They are left out by a condition beside the question's filter, which may therefore nest two less deep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ignored(Vec<String>);

impl Default for Ignored {
    /// `heartbeat` and `location_update`.
    fn default() -> Self {
        Self::new([event_type::HEARTBEAT, "location_update"])
    }
}

impl Ignored {
    /// These types; with none of them, every event is an action.
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
