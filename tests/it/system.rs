//! Goal: what the operating system refuses is told by its kind, loses nothing, and is over when it is over:
//! too few file descriptors, a file system that is read-only, one without locks.
//!
//! Method: a child process with few descriptors logs over many days and is asked about them; a disk in
//! memory is made read-only or loses its locks. `DIURNAL_SEALED_DAYS` says over how many finished days
//! descriptors are counted, 3,650 for a decade.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use diurnal::testing::FaultyStorage;
use diurnal::{Day, ErrorKind, Filter, NewEvent, Query, Store};

use crate::common::{Draft, Model, assert_clean, assert_holds, at, day, later, noon, small_blocks};

const TODAY: &str = "2026-11-23";

fn drafts(day: Day, events: usize) -> Vec<Draft> {
    (0..events).map(|n| Draft::numbered(n, at(day, n as i64))).collect()
}

#[test]
fn a_read_only_disk_is_read_and_not_written() {
    let disk = FaultyStorage::new();
    let store = small_blocks().clock(noon(day(TODAY))).open_on(&disk).unwrap();
    let mut model = Model::default();
    model.log(&store, &drafts(later(day("2026-11-20"), 0), 30));
    model.log(&store, &drafts(day(TODAY), 40));
    // As after a power cut, with a log that needs recovery.
    let disk = disk.after_cut(0);
    drop(store);
    disk.set_read_only(true);
    let reader = Store::builder().open_read_only_on(&disk).unwrap();
    assert_holds(&reader, &model);
    assert_clean(&reader);
    let error = reader.log_event(NewEvent::new(1, "x")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnly, "{error}");
    drop(reader);
    let error = small_blocks().open_on(&disk).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnly, "{error}");
    assert_eq!(disk.operations(), 0, "nothing was done to it");
    disk.set_read_only(false);
    assert_holds(&small_blocks().clock(noon(day(TODAY))).open_on(&disk).unwrap(), &model);
}

#[test]
fn a_disk_that_becomes_read_only_refuses_and_goes_on_reading() {
    let disk = FaultyStorage::new();
    let store = small_blocks().clock(noon(day(TODAY))).open_on(&disk).unwrap();
    let mut model = Model::default();
    model.log(&store, &drafts(day(TODAY), 40));
    disk.set_read_only(true);
    let other = NewEvent::new(1, "x").server_time(at(later(day(TODAY), 1), 0));
    let error = store.log_event(other).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnly, "{error}");
    assert_holds(&store, &model);
    drop(store);
    disk.set_read_only(false);
    assert_holds(&small_blocks().clock(noon(day(TODAY))).open_on(&disk).unwrap(), &model);
}

#[test]
fn a_disk_without_locks_is_refused_unless_it_is_allowed() {
    let disk = FaultyStorage::new();
    disk.set_lockless(true);
    let error = small_blocks().open_on(&disk).unwrap_err();
    assert!(error.to_string().contains("allow_no_locks"), "{error}");
    assert!(disk.names().is_empty(), "nothing was made");
    let open = || small_blocks().clock(noon(day(TODAY))).allow_no_locks(true).open_on(&disk);
    let store = open().unwrap();
    let mut model = Model::default();
    model.log(&store, &drafts(day(TODAY), 40));
    assert_holds(&store, &model);
    store.close().unwrap();
    assert_holds(&Store::builder().open_read_only_on(&disk).unwrap(), &model);
    assert_holds(&open().unwrap(), &model);
    // Where there are locks they are used.
    disk.set_lockless(false);
    let held = open().unwrap();
    assert_eq!(open().unwrap_err().kind(), ErrorKind::Locked);
    drop(held);
}

#[cfg(target_os = "linux")]
mod descriptors {
    use std::fs::File;
    use std::path::Path;

    use super::*;
    use crate::child::{self, Other};

    const CHILD: &str = "system::descriptors::child_with_few_descriptors";

    fn open(path: &Path) -> Store {
        small_blocks().clock(noon(day(TODAY))).open(path).unwrap()
    }

    /// How many descriptors the store and its files take.
    fn descriptors(path: &Path) -> usize {
        let entries = std::fs::read_dir("/proc/self/fd").unwrap();
        let targets = entries.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
        targets.filter(|target| target.starts_with(path)).count()
    }

    #[test]
    fn many_days_and_four_open_ones_take_at_most_24_descriptors() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().canonicalize().unwrap();
        let store = open(&path);
        let days = std::env::var("DIURNAL_SEALED_DAYS").map_or(150, |text| text.parse().unwrap());
        let first = Day::from_number(day(TODAY).number() - days).unwrap();
        let event = |n: u32| NewEvent::new(n % 7, "x").server_time(at(later(first, n), 0));
        // A sealed day for each, as an import of old events makes them.
        store.log_events((0..days - 4).map(event)).unwrap();
        let mut most = 0;
        for back in 0..4_u32 {
            let today = Day::from_number(day(TODAY).number() - back).unwrap();
            for _ in 0..3 {
                store.log_events(drafts(today, 30).iter().map(Draft::event)).unwrap();
            }
            most = most.max(descriptors(&path));
        }
        let mut results = store.query(&Query::from(Filter::session(3))).unwrap();
        while results.next().transpose().unwrap().is_some() {
            most = most.max(descriptors(&path));
        }
        let count = store.count(&Filter::HasLocation(false)).unwrap();
        assert_eq!(count, u64::from(days) - 4 + 12 * 10);
        most = most.max(descriptors(&path));
        assert!(most <= 24, "{most} descriptors");
        assert!(most >= 9, "{most} descriptors: they were not seen");
    }

    #[test]
    fn without_descriptors_nothing_is_lost_and_all_is_well_afterwards() {
        let directory = tempfile::tempdir().unwrap();
        let mut child = Other::start(CHILD, directory.path(), "");
        let said = child.heard().expect("the child's count");
        let acknowledged: u64 = said.parse().unwrap();
        child.kill();
        let store = open(directory.path());
        assert_eq!(store.count(&Filter::All).unwrap(), acknowledged);
        assert_clean(&store);
    }

    /// Holds all descriptors but a few, and logs and asks while more and more are let go.
    #[test]
    #[ignore = "the child's part of without_descriptors_nothing_is_lost_and_all_is_well_afterwards"]
    fn child_with_few_descriptors() {
        let Some((path, _)) = child::part() else { return };
        let few = rustix::process::Rlimit { current: Some(80), maximum: Some(80) };
        rustix::process::setrlimit(rustix::process::Resource::Nofile, few).unwrap();
        let store = open(&path);
        let (mut acknowledged, mut refused, mut days) = (0, 0, 0);
        for left in 0..12 {
            let mut held = Vec::new();
            while let Ok(file) = File::open("/dev/null") {
                held.push(file);
            }
            held.truncate(held.len().saturating_sub(left));
            for _ in 0..8 {
                days += 1;
                let day = later(day("2020-01-01"), days);
                match store.log_events(drafts(day, 40).iter().map(Draft::event)) {
                    Ok(ids) => acknowledged += ids.len(),
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::TooManyFiles, "{error}");
                        refused += 1;
                    }
                }
                match store.count(&Filter::HasLocation(true).and(Filter::tag(1))) {
                    Ok(count) => assert!(count <= acknowledged as u64),
                    Err(error) => assert_eq!(error.kind(), ErrorKind::TooManyFiles, "{error}"),
                }
            }
            drop(held);
            // A batch of one day is logged whole or not at all.
            assert_eq!(store.count(&Filter::All).unwrap(), acknowledged as u64);
            let ids = store.ids(&Query::new()).unwrap().map(Result::unwrap).count();
            assert_eq!(ids, acknowledged);
        }
        assert!(refused > 3, "{refused} were refused");
        let late = store.log_event(NewEvent::new(1, "x").server_time(at(day(TODAY), 0)));
        assert!(late.is_ok(), "{late:?}");
        store.close().unwrap();
        child::say(&[(acknowledged + 1).to_string()]);
        child::wait_to_be_killed();
    }
}
