//! Goal: a disk that fails or is full costs nothing that was acknowledged, and every error is one that
//! the caller can act on. Method: a fault at one storage operation after another.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use diurnal::testing::{Fault, FaultyStorage};
use diurnal::ErrorKind;

use crate::common::{Draft, at, day, small_blocks};

#[test]
fn a_day_whose_log_could_not_be_named_is_begun_by_the_next_event() {
    let event = |n| Draft::numbered(n, at(day("2026-11-23"), 1)).event();
    let whole = FaultyStorage::new();
    let store = small_blocks().open_on(&whole).unwrap();
    let opened = whole.operations();
    store.log_event(event(0)).unwrap();
    for operation in opened..whole.operations() {
        let disk = FaultyStorage::new();
        let store = small_blocks().open_on(&disk).unwrap();
        disk.fail(Fault::io(operation));
        let error = store.log_event(event(0)).unwrap_err();
        match error.kind() {
            ErrorKind::Io => assert_eq!(store.log_event(event(1)).unwrap().ordinal(), 0),
            kind => assert_eq!(kind, ErrorKind::OutcomeUnknown, "at {operation}: {error}"),
        }
    }
}
