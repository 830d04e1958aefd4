//! What each question is answered with, as the program shows it.
//!
#![doc = include_str!("questions.md")]
