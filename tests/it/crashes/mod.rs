//! Goal: whenever the power goes, the store opens unaided and has all that it acknowledged, nothing that
//! it was not given, and every batch whole or absent.
//!
//! Method: a script chosen by a seed is run once on a disk that records each operation. From the
//! recording the disk is made that is found when the power goes at any operation, with any seed of
//! what survives; a disk that differs from those seen before is opened, compared with what was
//! acknowledged by then, and logged to, and every other one is checked; one in eight is closed as
//! well, and cut again at four moments of its recovery. Sessions are erased in between: an erasure is whole
//! or absent, and may be asked for again. Backups are made, whose own disk is cut as well (`copies`).
//! Damaged days have a script of their own (`gaps`).
//!
//! `DIURNAL_CRASH_CUTS` says how often the power is cut, all scripts together: up to twelve times at
//! each operation, and where that is not enough at those of further scripts. `DIURNAL_CRASH_SEED`
//! chooses other scripts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test says what it expects by failing, and how much it looked at"
)]

mod copies;
pub(crate) mod explore;
mod gaps;
mod lies;
pub(crate) mod script;
pub(crate) mod verify;

use std::time::Instant;

use diurnal::testing::FaultyStorage;

use crate::common::{
    Draft, Model, assert_clean, assert_same, at, day, everything, noon, number_from,
};
use explore::{Counts, around, play};
use script::Setup;

/// Power cuts unless the environment says otherwise.
const CUTS_DEFAULT: u64 = 75_000;
const STEPS: usize = 500;

/// Explores a script, and further ones until the power was cut often enough.
fn explore(seed: u64, setup: Setup) {
    let mut seed = seed + 1_000 * number_from("DIURNAL_CRASH_SEED", 0);
    let mut left = number_from("DIURNAL_CRASH_CUTS", CUTS_DEFAULT) / 3;
    while left > 0 {
        let begun = Instant::now();
        let played = play(seed, setup, STEPS);
        let counts = Counts::default();
        played.explore(left, &counts);
        let (steps, operations) = (played.moments.len(), played.recording.end());
        println!(
            "{setup:?} script {seed}: {steps} steps, {operations} operations, {counts}, {:?}",
            begun.elapsed()
        );
        left = left.saturating_sub(operations * 12);
        seed += 10;
    }
}

#[test]
fn a_store_that_others_read_survives_a_power_cut_at_any_operation() {
    explore(1, Setup::Readers);
}

#[test]
fn a_store_of_one_process_survives_a_power_cut_at_any_operation() {
    explore(2, Setup::Alone);
}

#[test]
fn a_buffered_store_loses_no_more_than_its_window_in_a_power_cut() {
    explore(3, Setup::Buffered);
}

#[test]
fn what_an_interrupted_fold_leaves_is_no_damage() {
    let disk = FaultyStorage::new();
    let store = Setup::Readers.builder().open_on(&disk).unwrap();
    let drafts: Vec<_> =
        (0..40).map(|n| Draft::numbered(n, at(day("2026-11-23"), n as i64))).collect();
    let mut model = Model::default();
    for draft in &drafts[..31] {
        model.log(&store, std::slice::from_ref(draft));
    }
    disk.record();
    store.log_event(drafts[31].event()).unwrap();
    let recording = disk.recording();
    let mut replay = recording.replay();
    for operation in recording.first()..recording.end() {
        replay.advance_to(operation);
        for seed in 0..20 {
            let store = Setup::Readers.builder().open_on(&replay.after_cut(seed)).unwrap();
            assert_same(&everything(&store)[..31], &model.events, "what was acknowledged");
            assert_clean(&store);
        }
    }
}

/// A store of three days with a flipped bit in a block of two of them.
fn damaged() -> FaultyStorage {
    let disk = FaultyStorage::new();
    let days = [day("2026-11-21"), day("2026-11-22"), day("2026-11-23")];
    let clock = noon(days[2]);
    let store = Setup::Readers.builder().clock(clock).open_on(&disk).unwrap();
    for number in 0..150 {
        let draft = Draft::numbered(number, at(days[number % 3], number as i64));
        store.log_event(draft.event()).unwrap();
    }
    store.close().unwrap();
    for day in [days[0], days[2]] {
        assert!(disk.flip(&format!("days/{day}.day"), 1_000, 0x10));
    }
    disk
}

#[test]
fn a_rebuild_that_is_cut_short_loses_nothing_that_could_be_read() {
    let disk = damaged();
    let builder = || Setup::Readers.builder().clock(noon(day("2026-11-23")));
    disk.record();
    let store = builder().open_on(&disk).unwrap();
    let report = store.rebuild().unwrap();
    assert_eq!(report.days_rebuilt.len(), 2, "{report:?}");
    let salvaged = everything(&store);
    assert!((100..150).contains(&salvaged.len()), "{} events", salvaged.len());
    store.close().unwrap();
    let recording = disk.recording();
    let mut replay = recording.replay();
    for operation in recording.first()..=recording.end() {
        replay.advance_to(operation);
        for seed in (0..3).chain(operation * 1_000..operation * 1_000 + 5) {
            let disk = replay.after_cut(seed);
            let store = builder().open_on(&disk).unwrap();
            store.rebuild().unwrap();
            let what = format!(
                "cut at operation {operation}, seed {seed}\n{}",
                around(&recording, operation)
            );
            assert_same(&everything(&store), &salvaged, &what);
            assert_clean(&store);
            let aside = disk.names().iter().filter(|name| name.ends_with(".damaged")).count();
            assert!(aside >= 2, "{what}: the damaged files are kept, in {:?}", disk.names());
        }
    }
}

#[test]
fn the_same_script_does_the_same_byte_for_byte() {
    for setup in [Setup::Readers, Setup::Alone, Setup::Buffered] {
        let [first, second] = [(); 2].map(|()| play(7, setup, 150));
        assert_eq!(first.recording.fingerprint(), second.recording.fingerprint(), "{setup:?}");
        let other = play(8, setup, 150).recording.fingerprint();
        assert_ne!(first.recording.fingerprint(), other, "{setup:?}");
        let left = |seed| {
            let mut replay = first.recording.replay();
            replay.advance_to(first.recording.end() / 2);
            replay.after_cut(seed).fingerprint()
        };
        assert!((0..50).all(|seed| left(seed) == left(seed)), "{setup:?}");
    }
}
