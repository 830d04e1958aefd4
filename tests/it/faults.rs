//! Goal: a disk that fails or is full costs nothing that was acknowledged, and every error is one that
//! the caller can act on. Method: a fault at one storage operation after another.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use diurnal::testing::{Fault, FaultyStorage};
use diurnal::{ErrorKind, NewEvent, Store};

use crate::common::{Draft, assert_clean, at, day, noon, small_blocks};
use crate::crashes::verify::found_in;

fn faults(operation: u64) -> [Fault; 6] {
    [
        Fault::io(operation),
        Fault::io(operation).for_good(),
        Fault::io(operation).after(100),
        Fault::full(operation),
        Fault::full(operation).for_good(),
        Fault::full(operation).after(3_000).for_good(),
    ]
}

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

/// A store with a sealed day and one that is being written.
fn two_days(disk: &FaultyStorage) -> Store {
    let (first, second) = (day("2026-11-22"), day("2026-11-23"));
    let store = small_blocks().clock(noon(second)).open_on(disk).unwrap();
    for number in 0..40 {
        let time = at(if number < 20 { first } else { second }, number as i64);
        store.log_event(Draft::numbered(number, time).event()).unwrap();
    }
    store.close().unwrap();
    small_blocks().clock(noon(second)).open_on(disk).unwrap()
}

#[test]
fn a_day_whose_drop_failed_is_whole_or_gone_and_is_logged_to_again() {
    for target in [day("2026-11-22"), day("2026-11-23")] {
        for (step, kind) in (0..25).flat_map(|step| (0..6).map(move |kind| (step, kind))) {
            let disk = FaultyStorage::new();
            let store = two_days(&disk);
            let fault = faults(disk.operations() + step)[kind];
            disk.fail(fault);
            let dropped = store.drop_day(target);
            disk.mend();
            let what = format!("{target}, {fault:?}: {dropped:?}");
            let event = NewEvent::new("again", "t").server_time(target.start());
            let logged = store.log_event(event);
            for seed in 0..6 {
                let found = small_blocks().open_on(&disk.after_cut(seed)).unwrap();
                let events = found_in(&found).unwrap_or_else(|error| panic!("{what}: {error}"));
                let of_day = events.get(&target).map_or(&[][..], Vec::as_slice);
                let again = of_day.iter().find(|event| event.session_id == "again");
                assert!([0, 1, 20, 21].contains(&of_day.len()), "{what}: {}", of_day.len());
                assert!(dropped.is_err() || of_day.len() < 2, "{what}: {}", of_day.len());
                if let Ok(id) = &logged {
                    assert_eq!(again.map(|event| event.id), Some(*id), "{what}, seed {seed}");
                }
                assert_clean(&found);
            }
        }
    }
}
