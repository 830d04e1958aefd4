//! What events are found by.
//!
//! Owns: terms, postings, zones and cells, and how they are kept as bytes. Does not own where those
//! bytes lie (`day`), nor what is asked of them (`query`).

pub(crate) mod cells;
pub(crate) mod postings;
pub(crate) mod term;
pub(crate) mod zones;
