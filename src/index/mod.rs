//! What an event is found by: the terms of the index.
//!
//! Owns: nothing itself. The rooms below it: `cells` (places as terms).

pub(crate) mod cells;
