//! Tools for tests and benchmarks of the store, and of programs that use it.
//!
//! Owns: the rooms below: `faults` (a disk under a test's control), `model` (what a store should hold),
//! `operation` (what it can be made to do), [`strategies`] (how those are drawn) and [`workload`] (events
//! from a seed), and `fuzzing`, which is not for use. Does not own anything that the store itself needs.
//!
//! # Testing a program against the store
//!
//! A kiosk's own code wraps a store: it decides what to log, what to keep, and what to do when a disk is full.
//! Four tools, with [proptest], find where it goes wrong:
//!
//! - **[`strategies`]** draw events, batches, filters, queries and whole sequences of [`Operation`]s. They
//!   meet often: the same few sessions, tags, days and places, with the edges among them.
//! - **[`Model`]** is given what the store is given, and answers every question by looking at each event.
//!   [`Model::compare`] asks both and says where they differ.
//! - **[`FaultyStorage`]** is a disk in memory. It loses power at a chosen moment and shows what could be left;
//!   it fails, fills up, and counts what is written to it.
//! - **[`ManualClock`]** stands still until the test sets it: to midnight, to 1970, to next year.
//!
//! The program under test must take its builder, or its store, from outside. Then a test draws a life for it,
//! lives it twice, and compares:
//!
//! ```
//! use std::sync::Arc;
//!
//! use diurnal::testing::proptest::prelude::*;
//! use diurnal::testing::{FaultyStorage, ManualClock, Model, strategies};
//! use diurnal::{Clock, Filter, NewEvent, Query, Store, Timestamp};
//!
//! /// The program under test: a kiosk that notes each visitor.
//! struct Kiosk {
//!     store: Store,
//! }
//!
//! impl Kiosk {
//!     fn visit(&self, session: u32) -> diurnal::Result<()> {
//!         self.store.log_event(visit(session)).map(|_| ())
//!     }
//! }
//!
//! fn visit(session: u32) -> NewEvent {
//!     NewEvent::new(session, "start_session")
//! }
//!
//! proptest!(ProptestConfig::with_cases(16), |(
//!     visits in prop::collection::vec((0_u32..5, strategies::timestamp()), 1..20),
//!     survives in any::<u64>(),
//! )| {
//!     let disk = FaultyStorage::new();
//!     let clock = Arc::new(ManualClock::new(Timestamp::default()));
//!     let open = |disk: &FaultyStorage| Store::builder().clock(clock.clone()).open_on(disk);
//!     let kiosk = Kiosk { store: open(&disk)? };
//!     let mut model = Model::default();
//!     for (session, time) in visits {
//!         clock.set(time);
//!         kiosk.visit(session)?;
//!         model.log_events([visit(session)], clock.now())?;
//!     }
//!     // The power goes. Whatever the card kept of unsynced writes, no visit is lost.
//!     let store = open(&disk.after_cut(survives))?;
//!     model.crash();
//!     model.compare_all(&store)?;
//!     model.compare(&store, &Query::from(Filter::session(3)))?;
//! });
//! ```
//!
//! - A power cut *during* a call leaves open whether it happened. Say so with [`Model::doubt`], and let
//!   [`Model::recover`] take over what the store holds, or say why it may not.
//! - A call that fails with `OutcomeUnknown` is the same: open the store again and recover.
//! - With `Durability::Buffered`, give the model the same durability; [`Model::at_risk`] is how many
//!   events a crash may lose. Choose a `max_delay` that no test lives to see: the model knows nothing of
//!   real time.
//! - proptest writes the seeds of failing cases to `proptest-regressions/`. Commit them: they are played again
//!   first, every time.
//!
//! The example `property_test` is a longer one, with a kiosk that retries.
//!
//! [proptest]: https://docs.rs/proptest

mod faults;
#[doc(hidden)]
pub mod fuzzing;
mod model;
mod operation;
pub mod strategies;
pub mod workload;

pub use crate::clock::ManualClock;
pub use faults::{Fault, FaultyStorage, Recording, Replay, StorageCounts};
pub use model::{Disagreement, Model, matches};
pub use operation::Operation;
/// The version of proptest that [`strategies`] are of.
pub use proptest;
