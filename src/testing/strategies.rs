//! What property tests draw: events, batches, questions, and what is done to a store.
//!
//! Owns: the proptest strategies, and the few names, days and places that they draw from, so that what is asked
//! meets what was logged, on the edges above all. The rooms below it: `events`, `filters`, `steps`.
//!
//! Invariants: every value keeps the rules of the store, so that a refusal is a defect; what a test shrinks to is
//! the first of each list, which is the plainest.
//!
//! ```
//! use diurnal::testing::proptest::prelude::*;
//! use diurnal::testing::strategies;
//! use diurnal::{Filter, Store};
//!
//! proptest!(ProptestConfig::with_cases(16), |(batch in strategies::batch())| {
//!     let store = Store::in_memory()?;
//!     let ids = store.log_events(batch.clone())?;
//!     prop_assert_eq!(ids.len(), batch.len());
//!     prop_assert_eq!(store.count(&Filter::All)?, batch.len() as u64);
//! });
//! ```

mod events;
mod filters;
mod steps;

pub use events::{batch, day, event, place, timestamp};
pub use filters::{cursor, filter, query};
pub use steps::{operation, operations};
