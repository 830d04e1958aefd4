//! The commands that ask what the log is for.
//!
//! Owns: one room for each family of questions: how answers are printed. Does not own the answers, which are the
//! library's (`diurnal::analysis`).

pub(crate) mod sessions;
pub(crate) mod tags;
