//! Goal: a check tells every byte and every entry that is not as it was written, and counts what it looked
//! at; of what is sound it says nothing.
//!
//! Method: stores on a disk in memory are damaged where nothing but a check looks: in sections that no list
//! names any more, in heads, in the catalog. A store that is only read is checked, since a writer tidies up.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use diurnal::testing::FaultyStorage;
use diurnal::{CheckReport, Day, Error, NewEvent, Store};

use crate::common::{Draft, Random, at, day, later, noon, small_blocks};

const FIRST: &str = "2026-11-22";

fn second() -> Day {
    later(day(FIRST), 1)
}

fn name_of(day: Day) -> String {
    format!("days/{day}.day")
}

/// Opens the store on its second day.
fn open(disk: &FaultyStorage) -> Store {
    small_blocks().clock(noon(second())).open_on(disk).unwrap()
}

fn log(store: &Store, day: Day, events: usize) {
    let event = |number| Draft::numbered(number, at(day, number as i64)).event();
    store.log_events((0..events).map(event)).unwrap();
}

/// A finished day, and one that is being written, with blocks and a tail.
fn two_days() -> FaultyStorage {
    let disk = FaultyStorage::new();
    let store = open(&disk);
    log(&store, day(FIRST), 20);
    log(&store, second(), 75);
    store.close().unwrap();
    disk
}

fn try_check(disk: &FaultyStorage) -> Result<CheckReport, Error> {
    Store::builder().open_read_only_on(disk)?.check()
}

fn check(disk: &FaultyStorage) -> CheckReport {
    try_check(disk).unwrap()
}

fn days_of(report: &CheckReport) -> Vec<Day> {
    let mut days: Vec<Day> = report.problems.iter().filter_map(|problem| problem.day).collect();
    days.dedup();
    days
}

#[test]
fn a_flipped_bit_anywhere_in_a_day_that_was_sealed_twice_is_told() {
    let disk = FaultyStorage::new();
    for events in [3, 2] {
        let store = open(&disk);
        log(&store, day(FIRST), events);
        store.close().unwrap();
    }
    assert_every_flip_is_told(&disk);
}

#[test]
fn a_flipped_bit_anywhere_in_a_day_of_which_all_is_lost_is_told() {
    let disk = two_days();
    disk.remove(&name_of(day(FIRST)));
    let store = open(&disk);
    store.rebuild().unwrap();
    store.close().unwrap();
    assert_every_flip_is_told(&disk);
}

/// Flips a bit of each byte of the first day's file in turn.
fn assert_every_flip_is_told(disk: &FaultyStorage) {
    let name = name_of(day(FIRST));
    let bytes = disk.read(&name).unwrap();
    assert!(check(disk).is_clean());
    let mut random = Random::new(5);
    for offset in 0..bytes.len() {
        assert!(disk.flip(&name, offset, 1 << random.below(8)));
        let report = check(disk);
        assert_eq!(days_of(&report), [day(FIRST)], "byte {offset} of {}", bytes.len());
        disk.replace(&name, bytes.clone());
    }
}

#[test]
fn what_an_interrupted_fold_left_behind_is_no_fault_of_its_day() {
    let disk = two_days();
    let name = name_of(second());
    let mut bytes = disk.read(&name).unwrap();
    bytes.extend([7; 100]);
    disk.replace(&name, bytes);
    let report = check(&disk);
    assert!(report.is_clean(), "{report:?}");
    assert_eq!((report.days, report.events), (2, 95));
}

#[test]
fn a_catalog_entry_that_is_another_days_is_told() {
    let with_session = |session: &str| {
        let disk = FaultyStorage::new();
        let store = open(&disk);
        let event = NewEvent::new(session, "heartbeat").server_time(at(day(FIRST), 5));
        store.log_event(event).unwrap();
        store.close().unwrap();
        disk
    };
    let (disk, other) = (with_session("a"), with_session("b"));
    let len = |disk: &FaultyStorage| disk.read(&name_of(day(FIRST))).unwrap().len();
    assert_eq!(len(&disk), len(&other), "an entry of another length would not be believed");
    assert!(check(&disk).is_clean());
    disk.replace("catalog.redb", other.read("catalog.redb").unwrap());
    let report = check(&disk);
    let told: Vec<_> = report.problems.iter().map(|it| (it.day, it.place.as_str())).collect();
    assert_eq!(told, [(Some(day(FIRST)), "the catalog")]);
    let problem = &report.problems[0];
    assert_eq!(problem.to_string(), format!("day {FIRST}: the catalog: {}", problem.what));
}

#[test]
fn days_are_counted_and_those_cut_short_are_named_once_they_are_whole_again() {
    let counts = |report: &CheckReport| (report.days, report.events, report.events_lost);
    let disk = two_days();
    let end = disk.read(&name_of(day(FIRST))).unwrap().len();
    assert!(disk.flip(&name_of(day(FIRST)), end - 1, 1), "its list cannot be found");
    disk.remove("catalog.redb");
    let unread = check(&disk);
    assert_eq!((counts(&unread), days_of(&unread)), ((2, 75, 0), vec![day(FIRST)]));
    assert!(unread.days_cut_short.is_empty(), "a problem tells of it: {unread:?}");

    let store = open(&disk);
    log(&store, day(FIRST), 1);
    store.close().unwrap();
    let after_gap = check(&disk);
    assert_eq!((counts(&after_gap), days_of(&after_gap)), ((2, 76, 0), vec![day(FIRST)]));
    assert!(after_gap.days_cut_short.is_empty(), "the gap tells of it: {after_gap:?}");

    // A gap after which nothing was written.
    let without = disk.after_cut(1);
    without.remove(&name_of(day(FIRST)));
    let report = check(&without);
    assert_eq!((counts(&report), days_of(&report)), ((2, 75, 0), vec![day(FIRST)]));

    let store = open(&disk);
    store.rebuild().unwrap();
    store.close().unwrap();
    let rebuilt = check(&disk);
    assert!(rebuilt.is_clean(), "{rebuilt:?}");
    assert_eq!((counts(&rebuilt), rebuilt.days_cut_short), ((2, 96, 0), vec![day(FIRST)]));
}
