//! Goal: damaged days that go on after a gap, and are rebuilt, lose nothing more and give no id again,
//! whenever the power goes.
//!
//! Method: a store of three days, of which one sealed and the one that is being written are damaged, is
//! logged to, rebuilt, and logged to again, recorded. The power is cut at each operation. What is found is
//! compared with what was acknowledged by then, logged to, rebuilt, and compared again.
//! Then days whose file is as long as the one in whose place it comes, which the catalog knows: noise of
//! the right length makes them so.
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
use diurnal::{Day, ErrorKind, Event, EventId, Filter, NewEvent, Query, Store, StoreBuilder};

use super::explore::around;
use super::script::Setup;
use crate::common::{Draft, Random, assert_clean, at, day, everything, noon, number_from};

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

/// Events of a session on the first day, each with so many bytes that do not compress well.
fn noisy(session: &'static str, events: u64, bytes: usize) -> impl Iterator<Item = NewEvent> {
    let mut random = Random::new(events);
    (0..events).map(move |number| {
        let data: String =
            (0..bytes).map(|_| char::from(b' ' + (random.next() % 94) as u8)).collect();
        let time = at(day(DAYS[0]), number as i64);
        NewEvent::new(session, "heartbeat").server_time(time).data(data)
    })
}

fn open_on_day(disk: &FaultyStorage, today: &str) -> Store {
    Setup::Readers.builder().clock(noon(day(today))).open_on(disk).unwrap()
}

fn first_days_file() -> String {
    format!("days/{}.day", DAYS[0])
}

fn len_of_first(disk: &FaultyStorage) -> usize {
    disk.read(&first_days_file()).unwrap().len()
}

/// The first day, finished, with a block of short events and one of long ones.
fn finished() -> FaultyStorage {
    let disk = FaultyStorage::new();
    let store = open_on_day(&disk, DAYS[1]);
    store.log_events(noisy("short", 16, 1).chain(noisy("long", 16, 100))).unwrap();
    store.close().unwrap();
    disk
}

/// What `make` makes of so much noise that the first day's file comes to this length in the end.
fn of_length<T>(wanted: usize, make: impl Fn(usize) -> (T, usize)) -> T {
    let mut bytes = 1;
    for _ in 0..100 {
        let (made, len) = make(bytes);
        match wanted.checked_sub(len) {
            Some(0) => return made,
            Some(missing) => bytes += missing,
            None => bytes -= 1,
        }
    }
    panic!("no noise makes a file of {wanted} bytes");
}

/// Looks at what is left of the power being cut at each operation of a recording.
fn at_each_cut(disk: &FaultyStorage, look: impl Fn(&Store, u64, &str)) {
    let recording = disk.recording();
    let mut replay = recording.replay();
    for operation in recording.first()..=recording.end() {
        replay.advance_to(operation);
        for seed in 0..4 {
            let store = open_on_day(&replay.after_cut(seed), DAYS[1]);
            let around = around(&recording, operation);
            look(
                &store,
                operation,
                &format!("cut at operation {operation}, seed {seed}\n{around}"),
            );
        }
    }
}

#[test]
fn what_the_catalog_says_of_a_damaged_day_is_not_believed_of_a_rebuilt_one_of_that_length() {
    let known = len_of_first(&finished());
    // A late event waits in the day's log, and the block of long ones cannot be read.
    let damaged = |bytes| {
        let disk = finished();
        let store = open_on_day(&disk, DAYS[0]);
        store.log_events(noisy("late", 1, bytes)).unwrap();
        store.close().unwrap();
        assert!(disk.flip(&first_days_file(), known / 2, 0x10));
        disk
    };
    let rebuilt = |disk: &FaultyStorage| {
        let store = open_on_day(disk, DAYS[0]);
        assert_eq!(store.rebuild().unwrap().events_lost, 16);
        store.close().unwrap();
    };
    let bytes = of_length(known, |bytes| {
        let disk = damaged(bytes);
        rebuilt(&disk);
        (bytes, len_of_first(&disk))
    });
    let disk = damaged(bytes);
    disk.record();
    rebuilt(&disk);
    at_each_cut(&disk, |store, _, what| {
        for (filter, allowed) in [
            (Filter::session("late"), &[1][..]),
            (Filter::session("long"), &[0, 16]),
            (Filter::event_type("heartbeat"), &[17, 33]),
        ] {
            match store.count(&filter) {
                Ok(count) => assert!(allowed.contains(&count), "{count} of {filter:?}, {what}"),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}, {what}"),
            }
        }
    });
}

#[test]
fn what_the_catalog_says_of_a_damaged_day_is_not_believed_of_the_one_that_goes_on_after_a_gap() {
    let known = len_of_first(&finished());
    // The list is damaged, and an event of the day comes.
    let damaged = || {
        let disk = finished();
        assert!(disk.flip(&first_days_file(), known - 1, 0x10));
        disk
    };
    let go_on = |disk: &FaultyStorage, bytes| {
        let store = open_on_day(disk, DAYS[1]);
        store.log_events(noisy("late", 1, bytes)).unwrap();
        let acknowledged = disk.operations();
        store.close().unwrap();
        (acknowledged, len_of_first(disk))
    };
    let bytes = of_length(known, |bytes| (bytes, go_on(&damaged(), bytes).1));
    let disk = damaged();
    disk.record();
    let (acknowledged, _) = go_on(&disk, bytes);
    at_each_cut(&disk, |store, operation, what| {
        let plan = store.erasure_plan("late").unwrap();
        assert!(operation < acknowledged || plan.events == 1, "{plan:?}, {what}");
        let told = store.check().unwrap().problems;
        assert!(told.iter().all(|problem| problem.day == Some(day(DAYS[0]))), "{told:?}, {what}");
    });
}
