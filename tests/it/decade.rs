//! Goal: ten years of a kiosk that loses power, whose disk fails now and then, whose clock jumps and whose
//! old days expire: nothing that was acknowledged is lost but by retention, and nothing grows with the years.
//!
//! Method: days are simulated from a seed on a disk in memory, with restarts, power cuts, faults and
//! jumps of the clock. What is left is written to real files, which a child opens that tells its
//! memory, its open files and how long it took. A catalog that is lost costs one look at each day, however
//! many there are. `DIURNAL_DECADE_DAYS` says how many days,
//! `DIURNAL_DECADE_SEED` chooses another decade, and `DIURNAL_DECADE_UNCLEAN_BYTES` says how much is
//! written to the day that the child is killed in.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test says what it expects by failing, and how much it looked at"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use diurnal::limits::RETENTION_GAP_DAYS;
use diurnal::testing::{Fault, FaultyStorage};
use diurnal::{
    Day, ErrorKind, EventId, Filter, GroupBy, ManualClock, NewEvent, Query, Retention, Store,
    StoreBuilder, TimeRange,
};

use crate::child::{self, Other};
use crate::common::{
    Random, assert_clean, at, day, everything, later, noon, number_from, small_blocks,
};

const DAYS_DEFAULT: u64 = 3_650;
const UNCLEAN_BYTES_DEFAULT: u64 = 2_000_000;
const AGE_DAYS_MAX: u32 = 1_200;
/// What a store may have open at once.
const OPEN_FILES_MAX: u64 = 24;
/// Finished days that may be opened after a crash: those that the catalog had no time to note.
const DAYS_OPENED_MAX: usize = 4;
const FIRST_WRITE_MAX: Duration = Duration::from_secs(1);
const FIRST_DAY: &str = "2026-11-23";

fn builder(clock: &Arc<ManualClock>) -> StoreBuilder {
    let retention = Retention::KEEP_ALL.max_age_days(AGE_DAYS_MAX);
    small_blocks().retention(retention).clock(clock.clone())
}

/// A kiosk, and what it was told is safe.
struct Kiosk {
    random: Random,
    disk: FaultyStorage,
    clock: Arc<ManualClock>,
    store: Store,
    /// The day that it is, whatever the clock says.
    today: Day,
    acknowledged: BTreeMap<EventId, u64>,
    number: u64,
    seen: Seen,
}

/// What happened.
#[derive(Debug, Default)]
struct Seen {
    events: u64,
    crashes: u64,
    faults: u64,
    restarts: u64,
    jumps: u64,
    expired_days: u64,
    open_files_max: u64,
    days_opened_max: usize,
    first_write_max: Duration,
}

impl Kiosk {
    fn new(seed: u64) -> Self {
        let (disk, clock) = (FaultyStorage::new(), noon(day(FIRST_DAY)));
        let store = builder(&clock).open_on(&disk).unwrap();
        let (random, today) = (Random::new(seed), day(FIRST_DAY));
        let (acknowledged, number) = (BTreeMap::new(), 0);
        Self { random, disk, clock, store, today, acknowledged, number, seen: Seen::default() }
    }

    /// Logs a few events as one batch; whether that went well.
    fn log(&mut self, count: u64) -> bool {
        let first = self.number;
        self.number += count;
        let events = (first..self.number).map(|number| {
            NewEvent::new(format!("session {}", number / 20), "heartbeat")
                .tags([number % 7, number % 3])
                .data(number.to_string())
        });
        match self.store.log_events(events) {
            Ok(ids) => {
                self.seen.events += count;
                for (id, number) in ids.into_iter().zip(first..) {
                    let before = self.acknowledged.insert(id, number);
                    assert_eq!(before, None, "{id} is given twice");
                }
                true
            }
            Err(error) => {
                let kinds = [ErrorKind::OutcomeUnknown, ErrorKind::DiskFull, ErrorKind::Io];
                let off = error.kind() == ErrorKind::Poisoned;
                assert!(off || kinds.contains(&error.kind()), "{error}");
                false
            }
        }
    }

    /// Opens the store again, logs, and sees that finished days were left alone.
    fn open_again(&mut self) {
        self.disk.reset_counts();
        let begun = Instant::now();
        self.store = builder(&self.clock).open_on(&self.disk).unwrap();
        assert!(self.log(1), "the store takes events as soon as it is open");
        self.seen.first_write_max = self.seen.first_write_max.max(begun.elapsed());
        let opened = self.disk.opened();
        let days: BTreeSet<_> = opened.iter().filter(|name| name.ends_with(".day")).collect();
        self.seen.days_opened_max = self.seen.days_opened_max.max(days.len());
        self.expire();
    }

    /// Forgets the days that the store has dropped, which must be old. A day that a wrong clock has begun is
    /// believed once those before it come as near as a pause may be long.
    fn expire(&mut self) {
        let there: BTreeSet<Day> = self.store.days().unwrap().iter().map(|it| it.day).collect();
        let known: BTreeSet<Day> = self.acknowledged.keys().map(|id| id.day()).collect();
        let believed = there.range(self.today..).fold(self.today, |newest, day| {
            if day.number() - newest.number() <= RETENTION_GAP_DAYS { *day } else { newest }
        });
        for gone in known.difference(&there) {
            let old = gone.number() + AGE_DAYS_MAX <= believed.number();
            assert!(old, "{gone} is gone on {}", self.today);
            self.seen.expired_days += 1;
        }
        self.acknowledged.retain(|id, _| there.contains(&id.day()));
    }

    /// Everything acknowledged from this day on is there.
    fn look(&self, from: Day) {
        let range = TimeRange { from: from.start(), to: Day::MAX.start() };
        let query = Query::from(Filter::ServerTime(range));
        let found: BTreeMap<EventId, String> = (self.store.query(&query).unwrap())
            .map(Result::unwrap)
            .map(|event| (event.id, event.data.unwrap_or_default()))
            .collect();
        for (id, number) in self.acknowledged.range(EventId::new(from, 0)..) {
            assert_eq!(found.get(id), Some(&number.to_string()), "{id} on {}", self.today);
        }
    }

    /// What a day brings besides its events.
    fn live_a_day(&mut self) {
        self.clock.set(at(self.today, 1_000_000));
        match self.random.below(60) {
            0..=4 => self.crash(),
            5..=6 => self.fail(),
            7..=8 => {
                self.seen.restarts += 1;
                self.store.clone().close().unwrap();
                self.open_again();
            }
            9 => self.jump(),
            _ => {}
        }
        for _ in 0..4 {
            let count = 1 + self.random.below(3) as u64;
            assert!(self.log(count));
        }
    }

    fn crash(&mut self) {
        self.seen.crashes += 1;
        let after = self.random.below(60) as u64;
        self.disk.cut_at(self.disk.operations() + after);
        while self.log(1) {}
        self.cut_power();
        // Every third time it goes again while the store recovers.
        if self.random.below(3) == 0 {
            self.disk.cut_at(self.disk.operations() + self.random.below(30) as u64);
            if let Ok(store) = builder(&self.clock).open_on(&self.disk) {
                self.store = store;
                while self.log(1) {}
            }
            self.cut_power();
        }
        self.open_again();
        self.look(Day::from_number(self.today.number() - 2).unwrap());
    }

    fn cut_power(&mut self) {
        self.seen.open_files_max = self.seen.open_files_max.max(self.disk.counts().open_files_max);
        let seed = self.random.next() % 1_000;
        self.disk = self.disk.after_cut(seed);
    }

    fn fail(&mut self) {
        self.seen.faults += 1;
        let at = self.disk.operations() + self.random.below(40) as u64;
        let fault = if self.random.below(2) == 0 { Fault::io(at) } else { Fault::full(at) };
        self.disk.fail(fault);
        // Some failures are none of the caller's business, such as those of the catalog.
        (0..12).take_while(|_| self.log(1)).count();
        self.disk.mend();
        self.store = Store::in_memory().unwrap();
        self.open_again();
        self.look(Day::from_number(self.today.number() - 2).unwrap());
    }

    /// A clock that is wrong for a while.
    fn jump(&mut self) {
        self.seen.jumps += 1;
        self.expire();
        let wrong = match self.random.below(2) {
            0 => Day::from_number(self.random.below(100) as u32).unwrap(),
            _ => later(self.today, 2_000 + self.random.below(3_000) as u32),
        };
        self.clock.set(at(wrong, self.random.below(1_000_000) as i64));
        for _ in 0..3 {
            assert!(self.log(2));
        }
        self.expire();
        self.clock.set(at(self.today, 2_000_000));
    }
}

/// A store of so many finished days, and the clock of the day after.
fn finished_days(days: u32) -> (FaultyStorage, Arc<ManualClock>) {
    let (disk, first) = (FaultyStorage::new(), day(FIRST_DAY));
    let clock = noon(later(first, days));
    let store = small_blocks().clock(clock.clone()).open_on(&disk).unwrap();
    for number in 0..days {
        let events = (0..10).map(|event| {
            NewEvent::new(number, "heartbeat").server_time(at(later(first, number), event))
        });
        store.log_events(events).unwrap();
    }
    store.close().unwrap();
    (disk, clock)
}

/// Writes what is on a disk to real files.
fn write_out(disk: &FaultyStorage, path: &Path) {
    std::fs::create_dir_all(path.join("days")).unwrap();
    for name in disk.names() {
        std::fs::write(path.join(&name), disk.read(&name).unwrap()).unwrap();
    }
}

/// What the child that plays this part says.
fn told(path: &Path, part: &str) -> Vec<u64> {
    let mut child = Other::start("decade::child_that_opens_a_decade", path, part);
    let said = child.ask("begin");
    child.kill();
    said.split(' ').map(|word| word.parse().unwrap_or_else(|_| panic!("{said}"))).collect()
}

#[test]
fn a_decade_loses_nothing_but_what_expires_and_needs_no_more_than_a_year() {
    let days = number_from("DIURNAL_DECADE_DAYS", DAYS_DEFAULT);
    let begun = Instant::now();
    let mut kiosk = Kiosk::new(number_from("DIURNAL_DECADE_SEED", 1));
    for number in 0..days {
        kiosk.live_a_day();
        if number % 500 == 499 {
            kiosk.expire();
            kiosk.look(Day::MIN);
        }
        kiosk.today = later(kiosk.today, 1);
    }
    kiosk.expire();
    kiosk.look(Day::MIN);
    assert_clean(&kiosk.store);
    kiosk.cut_power();
    let seen = &kiosk.seen;
    println!("{days} days in {:?}: {seen:?}", begun.elapsed());
    assert!(seen.open_files_max <= OPEN_FILES_MAX && seen.first_write_max <= FIRST_WRITE_MAX);
    assert!(seen.days_opened_max <= DAYS_OPENED_MAX);
    let directory = tempfile::tempdir().unwrap();
    write_out(&kiosk.disk, directory.path());
    let [memory, files, write, catalog] = told(directory.path(), "measure")[..] else {
        panic!("four figures")
    };
    println!(
        "{memory} KiB of memory, {files} open files, first write after {write} ms, catalog \
         made again and first write after {catalog} ms"
    );
    assert!(memory <= 64 * 1024 && files <= OPEN_FILES_MAX, "{memory} KiB, {files} files");
}

#[test]
fn a_day_that_was_not_closed_is_taken_up_without_a_look_at_the_years_before() {
    let days = number_from("DIURNAL_DECADE_DAYS", 200) as u32;
    let unclean = number_from("DIURNAL_DECADE_UNCLEAN_BYTES", UNCLEAN_BYTES_DEFAULT);
    let (disk, _) = finished_days(days);
    let directory = tempfile::tempdir().unwrap();
    write_out(&disk, directory.path());
    let written = told(directory.path(), &format!("fill {unclean}"))[0];
    let [write, sealed, catalog] = told(directory.path(), "take-up")[..] else {
        panic!("three figures")
    };
    println!(
        "{days} days and one of {written} bytes: first write after {write} ms; \
         after {catalog} ms where the catalog was made again"
    );
    assert!(written >= unclean);
    assert_eq!(sealed, u64::from(days));
}

#[test]
fn a_lost_catalog_is_made_again_from_one_look_at_each_day() {
    let days = number_from("DIURNAL_DECADE_DAYS", 400) as u32;
    let (disk, clock) = finished_days(days);
    let open = || small_blocks().clock(clock.clone()).open_on(&disk).unwrap();
    let store = open();
    let listed = store.days().unwrap();
    let sessions = store.count_by(&Filter::All, GroupBy::Session).unwrap();
    store.close().unwrap();
    disk.remove("catalog.redb");
    disk.reset_counts();
    let begun = Instant::now();
    let store = open();
    println!("a catalog of {days} days is made again in {:?}", begun.elapsed());
    let files = |disk: &FaultyStorage| {
        disk.opened().into_iter().filter(|name| name.ends_with(".day")).collect::<Vec<_>>()
    };
    let opened = files(&disk);
    let distinct: BTreeSet<_> = opened.iter().collect();
    assert_eq!((opened.len(), distinct.len()), (days as usize, days as usize), "once each");
    assert!(disk.counts().open_files_max <= OPEN_FILES_MAX, "{:?}", disk.counts());
    assert_eq!(store.days().unwrap(), listed);
    assert_eq!(store.count_by(&Filter::All, GroupBy::Session).unwrap(), sessions);
    store.close().unwrap();
    // And not again the next time.
    disk.reset_counts();
    let store = open();
    assert_eq!((files(&disk), store.days().unwrap()), (Vec::new(), listed));
}

#[test]
#[ignore = "a part of other tests, which start it as a process"]
fn child_that_opens_a_decade() {
    let Some((path, part)) = child::part() else { return };
    if child::asked().is_none() {
        return;
    }
    let figures = match part.split_once(' ') {
        None if part == "measure" => measure(&path),
        None => take_up(&path),
        Some((_, bytes)) => vec![fill(&path, bytes.parse().unwrap())],
    };
    let words: Vec<_> = figures.iter().map(u64::to_string).collect();
    child::say(&[words.join(" ")]);
    child::wait_to_be_killed();
}

fn millis_to_first_write(path: &Path) -> (u64, Store) {
    let begun = Instant::now();
    let store = Store::open(path).unwrap();
    store.log_event(NewEvent::new("first", "heartbeat")).unwrap();
    (begun.elapsed().as_millis() as u64, store)
}

/// Memory in KiB, open files, and the milliseconds to a first write, with the catalog and without it.
fn measure(path: &Path) -> Vec<u64> {
    let open_files = || std::fs::read_dir("/proc/self/fd").unwrap().count() as u64;
    let before = open_files();
    let (write, store) = millis_to_first_write(path);
    let mut most = 0;
    for (number, event) in store.query(&Query::new()).unwrap().enumerate() {
        event.unwrap();
        if number % 1_000 == 0 {
            most = most.max(open_files() - before);
        }
    }
    store.count_by(&Filter::All, GroupBy::Tag).unwrap();
    store.sessions(&Filter::DataContains("7".to_owned())).unwrap();
    assert_clean(&store);
    most = most.max(open_files() - before);
    store.close().unwrap();
    std::fs::remove_file(path.join("catalog.redb")).unwrap();
    let (catalog, store) = millis_to_first_write(path);
    assert!(!everything(&store).is_empty());
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let memory = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let memory = memory.trim().trim_end_matches(" kB").parse().unwrap();
    vec![memory, most, write, catalog]
}

/// Logs so many bytes that do not compress on one day; how many its files hold.
fn fill(path: &Path, bytes: u64) -> u64 {
    let store = Store::open(path).unwrap();
    let today = store.info().unwrap().last_day.unwrap();
    let next = later(today, 1);
    let mut random = Random::new(1);
    loop {
        let mut text = || (0..60).map(|_| format!("{:016x}", random.next())).collect::<String>();
        let events = (0..500)
            .map(|number| NewEvent::new("filling", "t").server_time(at(next, number)).data(text()));
        store.log_events(events).unwrap();
        let held: u64 = (store.days().unwrap().iter())
            .filter(|info| info.day == next)
            .map(|info| info.bytes)
            .sum();
        if held >= bytes {
            return held;
        }
    }
}

/// The milliseconds to a first write, the days that are finished, and the milliseconds to a first
/// write where the catalog is gone.
fn take_up(path: &Path) -> Vec<u64> {
    let (write, store) = millis_to_first_write(path);
    let sealed = store.days().unwrap().iter().filter(|info| info.sealed).count();
    store.close().unwrap();
    std::fs::remove_file(path.join("catalog.redb")).unwrap();
    vec![write, sealed as u64, millis_to_first_write(path).0]
}
