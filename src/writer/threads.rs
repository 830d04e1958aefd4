//! What the queue needs of threads.
//!
//! Owns: the names alone. `schedules` gives the queue others under the same names, and with them runs it
//! through schedules of its own choice.

pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};
pub(crate) use std::thread::{Thread, current, park, yield_now};
