//! Goal: a backup of a store in use is a sound store with what was durable, batches whole, whatever
//! interrupts it, and a second run brings it up to date at the price of what has changed.
//!
//! Method: a store is copied onto another disk, which is opened and compared with the model; threads log
//! meanwhile; the power of the other disk is cut at each operation, and the copy is run again.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test says what it expects by failing, and how much it looked at"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use diurnal::testing::{Fault, FaultyStorage};
use diurnal::{
    Day, Durability, ErrorKind, Event, Filter, ManualClock, NewEvent, Store, StoreBuilder,
};

use crate::common::{
    DAY, Draft, Model, assert_agrees, assert_clean, assert_holds, assert_same, at, day, everything,
    later, noon, small_blocks,
};

const FIRST: &str = "2026-11-20";

/// A store of three finished days and one that is being written.
struct Place {
    disk: FaultyStorage,
    clock: Arc<ManualClock>,
    model: Model,
    store: Store,
}

impl Place {
    fn new() -> Self {
        let disk = FaultyStorage::new();
        let clock = noon(day(FIRST));
        let mut model = Model::default();
        for number in 0..4 {
            let today = later(day(FIRST), number);
            clock.set(at(today, DAY / 2));
            let store = small_blocks().clock(clock.clone()).open_on(&disk).unwrap();
            let drafts: Vec<_> = (0..45).map(|n| Draft::numbered(n, at(today, n as i64))).collect();
            drafts.chunks(4).for_each(|batch| drop(model.log(&store, batch)));
            store.close().unwrap();
        }
        // Opening seals all but the newest day.
        let store = small_blocks().clock(clock.clone()).open_on(&disk).unwrap();
        let place = Self { disk, clock, model, store };
        place
            .store
            .log_event(NewEvent::new("sealed", "no more").server_time(at(later(day(FIRST), 4), 0)))
            .unwrap();
        place.store.drop_day(later(day(FIRST), 4)).unwrap();
        place
    }

    fn builder(&self) -> StoreBuilder {
        small_blocks().clock(self.clock.clone())
    }

    fn days(&self) -> Vec<Day> {
        self.store.days().unwrap().iter().map(|info| info.day).collect()
    }

    fn open(&self, disk: &FaultyStorage) -> Store {
        self.builder().open_on(disk).unwrap()
    }
}

#[test]
fn a_backup_is_a_store_with_the_same_answers() {
    let place = Place::new();
    let backup = FaultyStorage::new();
    let report = place.store.backup_on(&backup).unwrap();
    assert_eq!((&report.copied, &report.kept), (&place.days(), &vec![]));
    assert_eq!(report.problems, []);
    let names = backup.names();
    assert!(names.iter().all(|name| name == "BACKUP" || name.ends_with(".day")), "{names:?}");
    let copy = place.open(&backup);
    assert_holds(&copy, &place.model);
    assert_agrees(&copy, &place.model, &Filter::session("session 3"));
    copy.close().unwrap();
    assert_holds(&place.store, &place.model);
}

#[test]
fn a_second_run_copies_what_has_changed() {
    let mut place = Place::new();
    let backup = FaultyStorage::new();
    place.store.backup_on(&backup).unwrap();
    let days = place.days();
    // Opened meanwhile, it has a catalog of what it held.
    place.open(&backup).close().unwrap();
    backup.reset_counts();
    let report = place.store.backup_on(&backup).unwrap();
    let open: Vec<_> = place
        .store
        .days()
        .unwrap()
        .iter()
        .filter(|info| !info.sealed)
        .map(|info| info.day)
        .collect();
    assert_eq!(report.copied, open, "days being written alone");
    assert_eq!(report.kept.len() + open.len(), days.len());
    // A late event, an erasure, a dropped day.
    place.model.log(&place.store, &[Draft::numbered(7, at(days[1], 99))]);
    place.store.erase_session("session 3").unwrap();
    place.model.events.retain(|event| event.session_id != "session 3");
    place.store.drop_day(days[0]).unwrap();
    let report = place.store.backup_on(&backup).unwrap();
    assert_eq!(report.copied, days[1..]);
    let mut store = place.open(&backup);
    let found = everything(&store);
    let (dropped, left): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|event| event.id.day() == days[0]);
    assert_eq!(dropped.len(), 45, "a backup keeps what the store has dropped");
    place.model.drop_day(days[0]);
    assert_same(&left, &place.model.matching(&Filter::All), "the others");
    assert_clean(&store);
    // The backup is the place to forget there too.
    store.erase_session("session 3").unwrap();
    store.close().unwrap();
    place.store.backup_on(&backup).unwrap();
    store = place.open(&backup);
    assert_eq!(store.count(&Filter::session("session 3")).unwrap(), 0);
    assert_clean(&store);
}

#[test]
fn only_an_empty_directory_or_a_backup_of_the_store_is_written_to() {
    let place = Place::new();
    let refused = |disk: &FaultyStorage| {
        let before: Vec<_> = disk.names();
        let error = place.store.backup_on(disk).unwrap_err();
        assert_eq!(disk.names(), before, "nothing is touched");
        error.kind()
    };
    let other_disk = FaultyStorage::new();
    other_disk.set_serial_number(1);
    let other = small_blocks().open_on(&other_disk).unwrap();
    assert_eq!(refused(&other_disk), ErrorKind::InvalidInput, "a store in use");
    let others_backup = FaultyStorage::new();
    other.backup_on(&others_backup).unwrap();
    assert_eq!(refused(&others_backup), ErrorKind::InvalidInput, "a backup of another store");
    other.close().unwrap();
    assert_eq!(refused(&other_disk), ErrorKind::InvalidInput, "a store");
    assert_eq!(refused(&place.disk), ErrorKind::InvalidInput, "itself");
    let foreign = FaultyStorage::new();
    foreign.replace("notes.txt", "mine");
    assert_eq!(refused(&foreign), ErrorKind::InvalidInput, "what somebody keeps there");
    let backup = FaultyStorage::new();
    place.store.backup_on(&backup).unwrap();
    let opened = place.open(&backup);
    assert_eq!(refused(&backup), ErrorKind::Locked);
    opened.close().unwrap();
    place.store.backup_on(&backup).unwrap();
    backup.flip("BACKUP", 15, 1);
    assert_eq!(refused(&backup), ErrorKind::Corrupt);
}

#[test]
fn a_backup_that_was_logged_to_is_a_store_and_the_same_one() {
    let mut place = Place::new();
    let backup = FaultyStorage::new();
    place.store.backup_on(&backup).unwrap();
    let restored = place.open(&backup);
    place.model.log(&restored, &[Draft::numbered(3, at(later(day(FIRST), 2), 77))]);
    restored.close().unwrap();
    let error = place.store.backup_on(&backup).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "its own events would be lost");
    let restored = place.open(&backup);
    let another = FaultyStorage::new();
    place.store.backup_on(&another).unwrap();
    restored.backup_on(&another).unwrap();
    assert_holds(&place.open(&another), &place.model);
}

#[test]
fn a_damaged_day_is_named_and_the_others_are_copied() {
    let place = Place::new();
    let days = place.days();
    let backup = FaultyStorage::new();
    let whole = FaultyStorage::new();
    place.store.backup_on(&whole).unwrap();
    assert!(place.disk.flip(&format!("days/{}.day", days[1]), 600, 4));
    let report = place.store.backup_on(&backup).unwrap();
    let problems: Vec<_> = report.problems.iter().map(|problem| problem.day).collect();
    assert_eq!(problems, [Some(days[1])], "{report:?}");
    assert_eq!(report.copied, [days[0], days[2], days[3]]);
    assert!(!backup.names().iter().any(|name| name.contains(".tmp")));
    let copy = place.open(&backup);
    let mut rest = place.model.clone();
    rest.drop_day(days[1]);
    assert_holds(&copy, &rest);
    // What was copied while it was sound is kept.
    place.store.backup_on(&whole).unwrap();
    assert_holds(&place.open(&whole), &place.model);
}

#[test]
fn what_waits_to_be_written_is_written_first() {
    let disk = FaultyStorage::new();
    let buffered = Durability::Buffered {
        max_delay: std::time::Duration::from_secs(3_600),
        max_events: 1_000,
    };
    let store = small_blocks().durability(buffered).open_on(&disk).unwrap();
    let mut model = Model::default();
    let drafts: Vec<_> = (0..50).map(|n| Draft::numbered(n, at(day(FIRST), n as i64))).collect();
    model.log(&store, &drafts);
    let backup = FaultyStorage::new();
    store.backup_on(&backup).unwrap();
    assert_holds(&small_blocks().open_on(&backup).unwrap(), &model);
}

#[test]
fn a_backup_that_is_cut_short_at_any_operation_is_sound_and_finished_by_the_next() {
    let place = Place::new();
    // From nothing, and over an older backup.
    let older = FaultyStorage::new();
    place.store.backup_on(&older).unwrap();
    let mut model = place.model.clone();
    model.log(&place.store, &[Draft::numbered(7, at(later(day(FIRST), 1), 99))]);
    let mut looked = 0;
    for target in [FaultyStorage::new(), older] {
        target.record();
        place.store.backup_on(&target).unwrap();
        let recording = target.recording();
        let mut replay = recording.replay();
        for operation in recording.first()..=recording.end() {
            replay.advance_to(operation);
            for seed in (0..3).chain(operation * 100..operation * 100 + 2) {
                let disk = replay.after_cut(seed);
                // Each day of it is whole, in its old state or its new one.
                let half = disk.after_cut(1);
                let store = place.open(&half);
                let mut found = BTreeMap::<Day, Vec<Event>>::new();
                for event in everything(&store) {
                    found.entry(event.id.day()).or_default().push(event);
                }
                let all = model.matching(&Filter::All);
                for (day, events) in found {
                    let whole = all.iter().filter(|event| event.id.day() == day);
                    assert!(events.len() >= 45, "{day}: {} events", events.len());
                    assert!(events.iter().eq(whole.take(events.len())), "{day}");
                }
                assert_clean(&store);
                drop(store);
                place.store.backup_on(&disk).unwrap();
                assert_holds(&place.open(&disk), &model);
                looked += 1;
            }
        }
    }
    println!("{looked} disks");
}

#[test]
fn a_backup_that_cannot_be_written_says_so_and_costs_the_store_nothing() {
    let place = Place::new();
    let probe = FaultyStorage::new();
    place.store.backup_on(&probe).unwrap();
    for operation in 0..probe.operations() {
        for (fault, kind) in [
            (Fault::io(operation), ErrorKind::Io),
            (Fault::full(operation).for_good(), ErrorKind::DiskFull),
        ] {
            let target = FaultyStorage::new();
            target.fail(fault);
            let error = place.store.backup_on(&target).unwrap_err();
            assert_eq!(error.kind(), kind, "operation {operation}: {error}");
            target.mend();
            place.store.backup_on(&target).unwrap();
            assert_holds(&place.open(&target), &place.model);
        }
    }
    assert_holds(&place.store, &place.model);
}

#[test]
fn a_backup_made_while_threads_log_has_each_batch_whole_and_none_before_its_elder() {
    const THREADS: usize = 4;
    const BATCH: usize = 3;
    let disk = FaultyStorage::new();
    let store = small_blocks().open_on(&disk).unwrap();
    let done = AtomicBool::new(false);
    let backup = FaultyStorage::new();
    thread::scope(|scope| {
        let logging = |worker: usize| {
            let (store, done) = (&store, &done);
            move || {
                let mut batch = 0;
                while !done.load(Ordering::Relaxed) && batch < 3_000 {
                    let date = later(day(FIRST), (batch / 40 % 3) as u32);
                    let event = |n: usize| {
                        NewEvent::new(worker, "beat")
                            .data(format!("{batch}.{n}"))
                            .server_time(at(date, batch as i64))
                    };
                    store.log_events((0..BATCH).map(event)).unwrap();
                    batch += 1;
                }
            }
        };
        for worker in 0..THREADS {
            scope.spawn(logging(worker));
        }
        for round in 0..8 {
            let target = if round % 2 == 0 { backup.clone() } else { FaultyStorage::new() };
            let durable = store.count(&Filter::All).unwrap();
            let report = store.backup_on(&target).unwrap();
            assert_eq!(report.problems, []);
            let copy = small_blocks().open_on(&target).unwrap();
            assert_clean(&copy);
            let events = everything(&copy);
            assert!(events.len() as u64 >= durable, "what was durable before is there");
            let mut batches = BTreeMap::<(Day, String, usize), usize>::new();
            for event in events {
                let data = event.data.unwrap();
                let batch = data.split_once('.').unwrap().0.parse().unwrap();
                *batches.entry((event.id.day(), event.session_id, batch)).or_default() += 1;
            }
            assert!(batches.values().all(|count| *count == BATCH), "batches are whole");
            copy.close().unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    store.close().unwrap();
}

#[test]
fn a_store_is_copied_by_a_process_that_only_reads_it() {
    let directory = tempfile::tempdir().unwrap();
    let (path, copy) = (directory.path().join("store"), directory.path().join("copy"));
    let store = small_blocks().open(&path).unwrap();
    let mut model = Model::default();
    for number in 0..90 {
        let time = at(later(day(FIRST), number as u32 / 30), number as i64);
        model.log(&store, &[Draft::numbered(number, time)]);
    }
    let reader = Store::open_read_only(&path).unwrap();
    assert_eq!(reader.backup_to(&copy).unwrap().copied.len(), 3);
    assert_holds(&Store::open_read_only(&copy).unwrap(), &model);
    let refused = reader.backup_to(&path).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput, "{refused}");
    store.close().unwrap();
    let notes = directory.path().join("notes");
    std::fs::create_dir(&notes).unwrap();
    std::fs::write(notes.join("a"), "b").unwrap();
    assert_eq!(reader.backup_to(&notes).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(std::fs::read_dir(&notes).unwrap().count(), 1, "nothing is made in it");
}
