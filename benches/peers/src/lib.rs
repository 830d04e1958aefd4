//! What both programs of this package have in common: `diurnal-peers`, which measures the engines, and `http`,
//! which measures services over them.
//!
//! Owns nothing itself. The rooms: `machine` (clocks, files, memory), `tables` (SQLite's), `text` (figures).

pub mod machine;
pub mod tables;
pub mod text;
