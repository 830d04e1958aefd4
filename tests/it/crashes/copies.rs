//! A backup that is brought up to date by the steps of a script.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use diurnal::Store;
use diurnal::testing::FaultyStorage;

use super::script::{Setup, State};
use super::verify::{Found, check_clean, found_in};

/// Disks of a backup that are looked at in a step, at most; each takes opening it and a second run.
const LOOKS: u64 = 24;

/// A backup, and what it holds: days that the store has dropped too.
#[derive(Debug)]
pub(crate) struct Copy {
    disk: FaultyStorage,
    holds: Found,
}

impl Copy {
    pub(crate) fn new() -> Self {
        Self { disk: FaultyStorage::new(), holds: Found::new() }
    }

    /// Brings it up to date with a store that holds this. Where the power of its disk is cut amid that,
    /// each of its days is whole, as it was or as it is to be, and the next run finishes what was begun.
    pub(crate) fn refresh(&mut self, setup: Setup, store: &Store, state: &State) {
        let mut fresh = self.holds.clone();
        fresh.extend(state.iter().map(|(day, expected)| (*day, expected.events())));
        // A day of which everything was erased is found as one without events is: not at all.
        fresh.retain(|_, events| !events.is_empty());
        self.disk.record();
        let report = store.backup_on(&self.disk).unwrap();
        assert_eq!(report.problems, []);
        let recording = self.disk.recording();
        let mut replay = recording.replay();
        let stride = (recording.end() - recording.first()).div_ceil(LOOKS).max(1) as usize;
        for operation in (recording.first()..=recording.end()).step_by(stride) {
            replay.advance_to(operation);
            let what = format!("a backup cut short at operation {operation}");
            let disk = replay.after_cut(operation);
            for (day, events) in holds(setup, &disk, &what) {
                let is = |holds: &Found| holds.get(&day) == Some(&events);
                assert!(is(&self.holds) || is(&fresh), "{what}: {day} is neither old nor new");
            }
            store.backup_on(&disk).unwrap_or_else(|error| panic!("{what}: again: {error}"));
            assert_eq!(holds(setup, &disk, &what), fresh, "{what}, and finished by the next");
        }
        self.holds = fresh;
    }
}

/// What a backup holds, found by opening a copy of it, which is without fault.
fn holds(setup: Setup, backup: &FaultyStorage, what: &str) -> Found {
    let store = setup.builder().retention(diurnal::Retention::KEEP_ALL);
    let store = store.open_on(&backup.after_cut(1));
    let store = store.unwrap_or_else(|error| panic!("{what}: opening: {error}"));
    let found = found_in(&store).unwrap_or_else(|error| panic!("{what}: {error}"));
    check_clean(&store).unwrap_or_else(|error| panic!("{what}: {error}"));
    found
}
