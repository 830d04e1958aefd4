//! Tools for tests and benchmarks; feature `testing`.
//!
//! Owns: the rooms below it: [`workload`]. Does not own anything that a store needs.

pub mod workload;
