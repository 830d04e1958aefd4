//! Whether a store agrees with the model.
//!
//! Owns: [`Disagreement`], and the comparisons. Does not own the answers (`answers`).

use std::fmt;
use std::time::Duration;

use crate::error::Result;
use crate::event::Event;
use crate::query::{Filter, GroupBy, Query};
use crate::store::Store;
use crate::testing::model::Model;

/// Where a store and its [`Model`] differ, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disagreement {
    message: String,
}

impl Disagreement {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }

    fn failed(what: &str, error: impl fmt::Display) -> Self {
        Self::new(format!("{what}: {error}"))
    }
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Disagreement {}

/// How the counts of a filter are taken.
const GROUPINGS: [GroupBy; 7] = [
    GroupBy::Session,
    GroupBy::EventType,
    GroupBy::Tag,
    GroupBy::Hour,
    GroupBy::Day,
    GroupBy::Bucket(Duration::from_millis(1500)),
    GroupBy::Bucket(Duration::from_secs(7 * 86_400)),
];

impl Model {
    /// Asks a store a question in every way that there is, its events, their ids, and the counts and sessions
    /// of its filter, and compares each answer.
    ///
    /// # Errors
    ///
    /// The first answer that differs, or that the store failed at.
    pub fn compare(&self, store: &Store, query: &Query) -> Result<(), Disagreement> {
        self.compare_events(store, query)?;
        self.compare_counts(store, &query.filter)
    }

    /// Compares everything that a store holds, and what the store's own check says of it: it must be clean.
    ///
    /// # Errors
    ///
    /// As [`Model::compare`], or the problems that the check found.
    pub fn compare_all(&self, store: &Store) -> Result<(), Disagreement> {
        self.compare_events(store, &Query::new())?;
        let count = store.count(&Filter::All).map_err(|it| Disagreement::failed("count", it))?;
        same("count of everything", &count, &(self.events.len() as u64))?;
        let report = store.check().map_err(|error| Disagreement::failed("check", error))?;
        match report.is_clean() {
            true => Ok(()),
            false => Err(Disagreement::new(format!("not clean: {:#?}", report.problems))),
        }
    }

    /// Compares what `Store::query` and `Store::ids` give.
    ///
    /// # Errors
    ///
    /// As [`Model::compare`].
    pub fn compare_events(&self, store: &Store, query: &Query) -> Result<(), Disagreement> {
        let what = format!("{query:?}");
        let failed = |error| Disagreement::failed(&what, error);
        let expected = self.answer(query);
        let found = store.query(query).and_then(Iterator::collect::<Result<Vec<_>>>);
        same_events(&what, &found.map_err(failed)?, &expected)?;
        let ids = store.ids(query).and_then(Iterator::collect::<Result<Vec<_>>>);
        let expected: Vec<_> = expected.iter().map(|event| event.id).collect();
        same(&format!("ids of {what}"), &ids.map_err(failed)?, &expected)
    }

    fn compare_counts(&self, store: &Store, filter: &Filter) -> Result<(), Disagreement> {
        let what = format!("{filter:?}");
        let failed = |error| Disagreement::failed(&what, error);
        let count = store.count(filter).map_err(failed)?;
        same(&format!("count of {what}"), &count, &self.count(filter))?;
        for by in GROUPINGS {
            let found = store.count_by(filter, by).map_err(failed)?;
            same(&format!("count by {by:?} of {what}"), &found, &self.count_by(filter, by))?;
        }
        let sessions = store.sessions(filter).map_err(failed)?;
        same(&format!("sessions of {what}"), &sessions, &self.sessions(filter))
    }
}

/// An event with its coordinates as bits: -0.0 is not 0.0 here.
pub(super) fn exactly(event: &Event) -> (&Event, Option<u64>, Option<u64>) {
    (event, event.latitude.map(f64::to_bits), event.longitude.map(f64::to_bits))
}

fn same<T: PartialEq + fmt::Debug>(
    what: &str,
    found: &T,
    expected: &T,
) -> Result<(), Disagreement> {
    match found == expected {
        true => Ok(()),
        false => {
            Err(Disagreement::new(format!("{what}: found {found:#?}, expected {expected:#?}")))
        }
    }
}

fn same_events(what: &str, found: &[Event], expected: &[Event]) -> Result<(), Disagreement> {
    let first = found.iter().zip(expected).position(|(a, b)| exactly(a) != exactly(b));
    if first.is_none() && found.len() == expected.len() {
        return Ok(());
    }
    let place = first.unwrap_or(found.len().min(expected.len()));
    Err(Disagreement::new(format!(
        "{what}: {} events found, {} expected; at {place} found {:#?}, expected {:#?}",
        found.len(),
        expected.len(),
        found.get(place),
        expected.get(place)
    )))
}
