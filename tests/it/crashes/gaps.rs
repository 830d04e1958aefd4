//! Goal: damaged days that go on after a gap, and are rebuilt, lose nothing more and give no id again,
//! whenever the power goes.
//!
//! Method: a store of three days, of which one sealed and the one that is being written are damaged, is
//! logged to, rebuilt, and logged to again, recorded. The power is cut at each operation. What is found is
//! compared with what was acknowledged by then, logged to, rebuilt, and compared again.
//! `DIURNAL_CRASH_CUTS`, divided by 25,000, is how often the power is cut at each operation: 3 to 24 times.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test says what it expects by failing, and how much it looked at"
)]

use std::collections::BTreeSet;

use diurnal::testing::FaultyStorage;
use diurnal::{Day, Event, EventId, NewEvent, Query, Store, StoreBuilder};

use super::explore::around;
use super::script::Setup;
use crate::common::{Draft, assert_clean, at, day, everything, noon, number_from};

const DAYS: [&str; 3] = ["2026-11-21", "2026-11-22", "2026-11-23"];
const EVENTS_BEFORE: usize = 150;

fn builder() -> StoreBuilder {
    Setup::Readers.builder().clock(noon(day(DAYS[2])))
}

/// The list of the first day is damaged, and the log of the last; what was logged before.
fn damaged() -> (FaultyStorage, Vec<Event>) {
    let disk = FaultyStorage::new();
    let store = builder().open_on(&disk).unwrap();
    for number in 0..EVENTS_BEFORE {
        let draft = Draft::numbered(number, at(day(DAYS[number % 3]), number as i64));
        store.log_event(draft.event()).unwrap();
    }
    let before = everything(&store);
    store.close().unwrap();
    let list = format!("days/{}.day", DAYS[0]);
    let end = disk.read(&list).unwrap().len();
    assert!(disk.flip(&list, end - 1, 0x10));
    assert!(disk.truncate(&format!("days/{}.log.redb", DAYS[2]), 5_000));
    (disk, before)
}

fn fresh(number: usize, of: Day) -> NewEvent {
    NewEvent::new("fresh", "heartbeat").server_time(at(of, number as i64)).data(number.to_string())
}

/// What a store was made to do, and what it had acknowledged before each operation.
struct Run {
    before: Vec<Event>,
    /// Numbers of the next operations, and the ids of the batch that was acknowledged by then.
    acknowledged: Vec<(u64, Vec<EventId>)>,
    /// What is left of the events from before, once they are rebuilt.
    salvaged: Vec<Event>,
}

impl Run {
    fn log_round(&mut self, disk: &FaultyStorage, store: &Store, round: usize) {
        for of in DAYS.map(day) {
            for number in [round * 10, round * 10 + 1] {
                let batch = (0..=number % 10).map(|n| fresh(number + n, of));
                let ids = store.log_events(batch).unwrap();
                self.acknowledged.push((disk.operations(), ids));
            }
        }
    }

    fn of(disk: &FaultyStorage, before: Vec<Event>) -> Self {
        let mut run = Self { before, acknowledged: Vec::new(), salvaged: Vec::new() };
        disk.record();
        let store = builder().open_on(disk).unwrap();
        run.log_round(disk, &store, 0);
        store.rebuild().unwrap();
        run.salvaged = everything(&store);
        run.salvaged.retain(|event| event.session_id != "fresh");
        run.log_round(disk, &store, 1);
        store.close().unwrap();
        run
    }

    /// The ids that were acknowledged before an operation, and those of the batch under way, if any.
    fn given(&self, operation: u64) -> (BTreeSet<EventId>, BTreeSet<EventId>) {
        let done = self.acknowledged.partition_point(|(next, _)| *next <= operation);
        let (done, left) = self.acknowledged.split_at(done);
        let ids = |batches: &[(u64, Vec<EventId>)]| {
            batches.iter().flat_map(|(_, ids)| ids.iter().copied()).collect()
        };
        (ids(done), ids(&left[..left.len().min(1)]))
    }

    /// Everything acknowledged is there, the batch under way whole or absent, and nothing else but what was
    /// logged before.
    fn check(&self, found: &[Event], operation: u64, what: &str) {
        let (acknowledged, under_way) = self.given(operation);
        let (fresh, old): (Vec<&Event>, Vec<&Event>) =
            found.iter().partition(|event| event.session_id == "fresh");
        assert!(old.iter().all(|event| self.before.contains(event)), "{what}: something else");
        let fresh: BTreeSet<EventId> = fresh.iter().map(|event| event.id).collect();
        let both: BTreeSet<EventId> = acknowledged.union(&under_way).copied().collect();
        assert!(fresh == acknowledged || fresh == both, "{what}: {fresh:?}, not {acknowledged:?}");
        let sound = |event: &&Event| event.id.day() == day(DAYS[1]);
        let lost = self.before.iter().filter(sound).find(|event| !old.contains(event));
        assert!(lost.is_none(), "{what}: the sound day has lost {lost:?}");
    }
}

/// Logs on each day; no id is one of those that are known, and is known afterwards.
fn log_on(store: &Store, known: &mut BTreeSet<EventId>, what: &str) {
    for of in DAYS.map(day) {
        let event = NewEvent::new("one more", "heartbeat").server_time(at(of, 9_999));
        let id = store.log_event(event).unwrap_or_else(|error| panic!("{what}: on {of}: {error}"));
        assert!(known.insert(id), "{what}: {id} was given before");
    }
}

fn look(run: &Run, disk: &FaultyStorage, operation: u64, what: &str) {
    let store = builder().open_on(disk).unwrap_or_else(|error| panic!("{what}: {error}"));
    let found = store.allow_gaps().query(&Query::new()).unwrap();
    let found: Vec<Event> = found.map(Result::unwrap).collect();
    run.check(&found, operation, what);
    let mut known: BTreeSet<EventId> = run.before.iter().map(|event| event.id).collect();
    known.extend(found.iter().map(|event| event.id));
    known.extend(run.given(operation).0);
    log_on(&store, &mut known, what);
    store.rebuild().unwrap_or_else(|error| panic!("{what}: rebuilding: {error}"));
    let mut rebuilt = everything(&store);
    assert_eq!(rebuilt.iter().filter(|event| event.session_id == "one more").count(), 3, "{what}");
    rebuilt.retain(|event| event.session_id != "one more");
    run.check(&rebuilt, operation, what);
    let lost = run.salvaged.iter().find(|event| !rebuilt.contains(event));
    assert!(lost.is_none(), "{what}: it could be read, and is lost: {lost:?}");
    log_on(&store, &mut known, what);
    assert_clean(&store);
}

#[test]
fn damaged_days_that_go_on_and_are_rebuilt_survive_a_power_cut_at_any_operation() {
    let (disk, before) = damaged();
    let run = Run::of(&disk, before);
    assert!(run.salvaged.len() > 120, "{} events are salvaged", run.salvaged.len());
    let recording = disk.recording();
    let seeds = (number_from("DIURNAL_CRASH_CUTS", 0) / 25_000).clamp(3, 24);
    let mut replay = recording.replay();
    let mut looked = 0;
    for operation in recording.first()..=recording.end() {
        replay.advance_to(operation);
        for seed in 0..seeds {
            let seed = if seed == 0 { operation % 3 } else { operation * 1_000 + seed };
            let around = around(&recording, operation);
            let what = format!("cut at operation {operation}, seed {seed}\n{around}");
            look(&run, &replay.after_cut(seed), operation, &what);
            looked += 1;
        }
    }
    println!("{looked} disks with damaged days");
}
