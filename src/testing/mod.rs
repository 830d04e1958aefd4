//! Tools for tests and benchmarks of the store, and of programs that use it.
//!
//! Owns: the rooms below: `faults` (a disk under a test's control) and [`workload`] (events from a
//! seed), and `fuzzing`, which is not for use. Does not own anything that the store itself needs.

mod faults;
#[doc(hidden)]
pub mod fuzzing;
pub mod workload;

pub use faults::{Fault, FaultyStorage, Recording, Replay, StorageCounts};
