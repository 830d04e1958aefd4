//! Goal: threads and processes on one store do each other no harm: many writers, readers, a pruner and a
//! closer at once; days that go while they are read; panics in the caller's own code.
//!
//! Method: threads that check themselves what they see, with a clock that the test sets; what was acknowledged
//! is compared with what is there after reopening. `DIURNAL_CONCURRENCY_ROUNDS` asks for more rounds of
//! the mixed tests than 2. Processes are in `readers` and `durability`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use diurnal::limits::CACHE_BYTES_DEFAULT;
use diurnal::testing::{FaultyStorage, ManualClock, Model};
use diurnal::{
    Clock, Day, Durability, ErrorKind, Event, EventId, Filter, NewEvent, Query, Retention, Store,
    StoreBuilder, Timestamp,
};

use crate::child::{self, Other};
use crate::common::{DAY, at, day, everything, found, later, noon, small_blocks};

const FIRST: &str = "2026-11-01";
/// Days that are pruned while others are written to.
const OLD_DAYS: u32 = 20;
const WRITERS: usize = 8;
/// What each writer logs before the store is closed under it.
const EVENTS: usize = 150;

fn numbered(writer: usize, number: usize, time: Timestamp) -> NewEvent {
    NewEvent::new(writer, "heartbeat").data(number.to_string()).server_time(time)
}

fn number_of(event: &Event) -> usize {
    event.data.as_ref().unwrap().parse().unwrap()
}

/// Of each writer, what is there is a beginning of what it logged, each event once and on each day in order;
/// how many of each.
fn assert_beginnings(events: &[Event]) -> BTreeMap<String, usize> {
    let mut of_writers = BTreeMap::<String, Vec<&Event>>::new();
    for event in events.iter().filter(|event| event.session_id != "old") {
        of_writers.entry(event.session_id.clone()).or_default().push(event);
    }
    let mut counts = BTreeMap::new();
    for (writer, mut events) in of_writers {
        events.sort_by_key(|event| number_of(event));
        let numbers = events.iter().map(|event| number_of(event));
        assert!(numbers.eq(0..events.len()), "writer {writer} has gaps, or an event twice");
        let days: BTreeSet<Day> = events.iter().map(|event| event.id.day()).collect();
        for days in days {
            let of_day = |event: &&&Event| event.id.day() == days;
            let ids: Vec<_> = events.iter().filter(of_day).map(|event| event.id).collect();
            assert!(ids.is_sorted(), "writer {writer} is out of order on {days}");
        }
        counts.insert(writer, events.len());
    }
    counts
}

fn late(days: usize) -> Day {
    later(day(FIRST), OLD_DAYS + days as u32)
}

/// Logs until the store is closed; the ids in order.
fn write(store: &Store, writer: usize, logged: &AtomicUsize) -> Vec<EventId> {
    let mut ids = Vec::new();
    loop {
        let time = at(late(ids.len() % 2), ids.len() as i64);
        match store.log_event(numbered(writer, ids.len(), time)) {
            Ok(id) => ids.push(id),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Poisoned, "{error}");
                return ids;
            }
        }
        logged.fetch_add(1, Ordering::SeqCst);
    }
}

/// Reads until told to stop: nothing that was seen goes, and every look is at one moment.
fn read(store: &Store, stopped: &AtomicBool) -> usize {
    let mut before = BTreeMap::new();
    let mut looks = 0;
    while !stopped.load(Ordering::SeqCst) {
        let events = everything(store);
        let counts = assert_beginnings(&events);
        for (writer, count) in &before {
            assert!(counts.get(writer) >= Some(count), "events of writer {writer} have gone");
        }
        let old: BTreeMap<Day, usize> = events
            .iter()
            .filter(|event| event.session_id == "old")
            .fold(BTreeMap::new(), |mut days, event| {
                *days.entry(event.id.day()).or_default() += 1;
                days
            });
        assert!(old.values().all(|count| *count == 40), "an old day is there in part: {old:?}");
        before = counts;
        looks += 1;
    }
    looks
}

/// Drops old days one after the other, by hand and by age.
fn prune(store: &Store, logged: &AtomicUsize) {
    for kept in (2..OLD_DAYS).rev() {
        // A step each time that the writers have logged some more.
        let share = WRITERS * EVENTS * (OLD_DAYS - kept) as usize / OLD_DAYS as usize;
        while logged.load(Ordering::SeqCst) < share / 2 {
            thread::yield_now();
        }
        let old = later(day(FIRST), OLD_DAYS - kept - 1);
        match kept % 2 {
            0 => store.drop_day(old).unwrap(),
            _ => {
                let report = store.prune(&Retention::KEEP_ALL.max_age_days(kept + 2)).unwrap();
                assert!(report.dropped.iter().all(|info| info.day <= old), "{report:?}");
            }
        }
    }
}

fn fill_old_days(store: &Store, clock: &ManualClock) {
    for number in 0..OLD_DAYS {
        let of = later(day(FIRST), number);
        clock.set(at(of, DAY / 2));
        let events = (0..40)
            .map(|n| NewEvent::new("old", "heartbeat").data(n.to_string()).server_time(at(of, n)));
        store.log_events(events).unwrap();
    }
    clock.set(at(late(1), DAY / 2));
}

fn everybody_at_once(open: impl Fn(&Arc<ManualClock>) -> Store) {
    let clock = noon(day(FIRST));
    let store = open(&clock);
    fill_old_days(&store, &clock);
    let (stopped, logged) = (AtomicBool::new(false), AtomicUsize::new(0));
    let acknowledged: Vec<Vec<EventId>> = thread::scope(|scope| {
        let (store, stopped, logged) = (&store, &stopped, &logged);
        let readers: Vec<_> = (0..2).map(|_| scope.spawn(|| read(store, stopped))).collect();
        let writers: Vec<_> =
            (0..WRITERS).map(|n| scope.spawn(move || write(store, n, logged))).collect();
        let pruner = scope.spawn(|| prune(store, logged));
        let closer = scope.spawn(|| {
            while logged.load(Ordering::SeqCst) < WRITERS * EVENTS {
                thread::yield_now();
            }
            pruner.join().unwrap();
            store.clone().close()
        });
        let ids = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
        closer.join().unwrap().unwrap();
        stopped.store(true, Ordering::SeqCst);
        for reader in readers {
            assert!(reader.join().unwrap() > 0);
        }
        ids
    });
    drop(store);
    let store = open(&clock);
    let events = everything(&store);
    let counts = assert_beginnings(&events);
    for (writer, ids) in acknowledged.iter().enumerate() {
        // What was refused was not logged: as many are there as were acknowledged, with those ids.
        assert_eq!(counts.get(&writer.to_string()), Some(&ids.len()), "writer {writer}");
        let of_writer = events.iter().filter(|event| event.session_id == writer.to_string());
        let found: BTreeMap<usize, EventId> =
            of_writer.map(|event| (number_of(event), event.id)).collect();
        assert!(found.values().eq(ids), "ids of writer {writer}");
    }
    let mut model = Model::default();
    model.acknowledge(events).unwrap();
    model.compare_all(&store).unwrap();
    assert!(store.days().unwrap()[0].day > later(day(FIRST), OLD_DAYS - 4), "old days were pruned");
}

fn rounds() -> usize {
    let told = std::env::var("DIURNAL_CONCURRENCY_ROUNDS").ok().and_then(|it| it.parse().ok());
    told.unwrap_or(2)
}

#[test]
fn writers_readers_a_pruner_and_a_closer_do_each_other_no_harm() {
    for _ in 0..rounds() {
        let directory = tempfile::tempdir().unwrap();
        everybody_at_once(|clock| {
            small_blocks().clock(clock.clone()).open(directory.path()).unwrap()
        });
    }
}

#[test]
fn writers_readers_a_pruner_and_a_closer_do_a_buffered_store_no_harm() {
    for _ in 0..rounds() {
        let disk = FaultyStorage::new();
        let durability =
            Durability::Buffered { max_delay: Duration::from_millis(5), max_events: 50 };
        everybody_at_once(|clock| {
            let builder = small_blocks().durability(durability).clock(clock.clone());
            builder.open_on(&disk).unwrap()
        });
    }
}

#[test]
fn a_look_at_several_days_is_of_one_moment() {
    for durability in [
        Durability::Sync,
        Durability::Buffered { max_delay: Duration::from_millis(1), max_events: 7 },
    ] {
        let store = small_blocks().durability(durability).in_memory().unwrap();
        let stopped = AtomicBool::new(false);
        thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut looks = 0;
                while !stopped.load(Ordering::SeqCst) {
                    // An event is seen only with all that the same thread has logged before it.
                    assert_beginnings(&everything(&store));
                    looks += 1;
                }
                looks
            });
            for number in 0..1_500 {
                let time = at(later(day(FIRST), number as u32 % 3), number as i64);
                store.log_event(numbered(0, number, time)).unwrap();
            }
            stopped.store(true, Ordering::SeqCst);
            assert!(reader.join().unwrap() > 0);
        });
    }
}

/// Two days are dropped amid a reading: one that was sealed long ago, and one that is still open.
fn drop_while_reading(cache_bytes: usize, open: impl Fn(StoreBuilder) -> Store) {
    let clock = noon(day("2026-11-16"));
    let store = open(small_blocks().clock(clock.clone()).cache_bytes(cache_bytes));
    let mut model = Model::default();
    for number in 0..8 {
        clock.set(at(later(day("2026-11-16"), number), 1));
        let events: Vec<_> = (0..100).map(|n| NewEvent::new(n, "heartbeat")).collect();
        store.log_events(events.clone()).unwrap();
        model.log_events(events, clock.now()).unwrap();
    }
    let infos = store.days().unwrap();
    assert!(infos[0].sealed && !infos[6].sealed, "{infos:?}");
    for dropped in [infos[0].day, infos[6].day] {
        let expected = model.matching(&Filter::All);
        let before = |event: &&Event| event.id.day() < dropped;
        let mut events = store.query(&Query::new()).unwrap();
        let started = expected.iter().filter(before).count() + 1;
        let mut found: Vec<Event> = events.by_ref().take(started).map(Result::unwrap).collect();
        store.drop_day(dropped).unwrap();
        model.drop_day(dropped);
        model.compare_all(&store).unwrap();
        found.extend(events.map(|event| event.unwrap_or_else(|error| panic!("{error}"))));
        assert_eq!(found, expected, "{dropped} is dropped while it is read");
    }
}

#[test]
fn a_reader_keeps_its_snapshot_while_its_days_are_dropped() {
    for cache_bytes in [0, CACHE_BYTES_DEFAULT] {
        let directory = tempfile::tempdir().unwrap();
        drop_while_reading(cache_bytes, |builder| builder.open(directory.path()).unwrap());
        drop_while_reading(cache_bytes, |builder| builder.in_memory().unwrap());
        let disk = FaultyStorage::new();
        drop_while_reading(cache_bytes, |builder| builder.open_on(&disk).unwrap());
    }
}

/// A query comes to its second day after that was dropped, begun again and sealed; how many bytes longer the
/// day is than it was.
fn begin_again_while_reading(session: &str, events: i64) -> u64 {
    let [first, second] = [0, 1].map(|number| later(day(FIRST), number));
    let store = small_blocks().clock(noon(later(first, 9))).in_memory().unwrap();
    let log = |day, session: &str, events| {
        let event = |n| NewEvent::new(session, "heartbeat").server_time(at(day, n));
        store.log_events((0..events).map(event)).unwrap();
    };
    let log_elsewhere = || (2..10).for_each(|number| log(later(first, number), "a", 5));
    let sealed_bytes = || {
        let info = store.days().unwrap().remove(1);
        assert!(info.day == second && info.sealed, "{info:?}");
        info.bytes
    };
    log(first, "a", 5);
    log(second, "a", 5);
    log_elsewhere();
    let before = sealed_bytes();
    let mut expected = everything(&store);
    expected.retain(|event| event.id.day() != second);
    let mut query = store.query(&Query::new()).unwrap();
    let mut events_found = vec![query.next().unwrap().unwrap()];

    store.drop_day(second).unwrap();
    log(second, session, events);
    log_elsewhere();
    let after = sealed_bytes();
    events_found.extend(query.map(Result::unwrap));
    assert_eq!(events_found, expected);
    let of_second = Query::from(Filter::ServerTime(second.range()));
    let now = found(&store, &of_second);
    assert_eq!(now.len(), events as usize, "whoever asks now sees it");
    assert!(now.iter().all(|event| event.session_id == session));
    after - before
}

#[test]
fn a_day_that_is_dropped_and_begun_again_before_a_query_comes_to_it_is_left_out() {
    assert!(begin_again_while_reading("a longer one", 20) > 0);
    assert_eq!(begin_again_while_reading("b", 5), 0, "what tells them apart is not their length");
}

/// A clock that panics when it is told to.
#[derive(Debug)]
struct Panicking {
    time: ManualClock,
    panics: AtomicBool,
}

impl Clock for Panicking {
    fn now(&self) -> Timestamp {
        assert!(!self.panics.swap(false, Ordering::SeqCst), "the clock panics");
        self.time.now()
    }
}

/// Whether a call panics.
fn panics<T>(call: impl FnOnce() -> T) -> bool {
    catch_unwind(AssertUnwindSafe(call)).is_err()
}

#[test]
fn a_panic_in_the_callers_iterator_logs_nothing_and_breaks_nothing() {
    let disk = FaultyStorage::new();
    let store = small_blocks().clock(noon(day("2026-11-23"))).open_on(&disk).unwrap();
    let mut model = Model::default();
    let now = at(day("2026-11-23"), DAY / 2);
    for at in [0, 1, 40] {
        let batch = (0..100).map(|n| {
            assert!(n != at, "the iterator panics");
            NewEvent::new("never", "heartbeat")
        });
        assert!(panics(|| store.log_events(batch)));
        let ids = store.log_events((0..20).map(|n| NewEvent::new(n, "t"))).unwrap();
        let expected = model.log_events((0..20).map(|n| NewEvent::new(n, "t")), now).unwrap();
        assert_eq!(ids, expected);
        model.compare_all(&store).unwrap();
    }
    // A thread that panics with results half read, another that goes on.
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut events = store.query(&Query::new()).unwrap();
            events.next().unwrap().unwrap();
            panic!("a reader panics");
        });
        assert!(reader.join().is_err());
    });
    model.compare_all(&store).unwrap();
    store.close().unwrap();
    model.compare_all(&Store::builder().open_on(&disk).unwrap()).unwrap();
}

#[test]
fn a_panic_in_the_clock_logs_nothing_and_breaks_nothing() {
    for durability in [
        Durability::Sync,
        Durability::Buffered { max_delay: Duration::from_secs(86_400), max_events: 5 },
    ] {
        let disk = FaultyStorage::new();
        let time = ManualClock::new(at(day("2026-11-23"), DAY / 2));
        let clock = Arc::new(Panicking { time, panics: AtomicBool::new(false) });
        let builder = || {
            let retention = Retention::KEEP_ALL.max_age_days(30);
            small_blocks().durability(durability).retention(retention).clock(clock.clone())
        };
        let store = builder().open_on(&disk).unwrap();
        let mut model = Model::new(durability);
        for number in 0..30_u32 {
            clock.panics.store(true, Ordering::SeqCst);
            // The clock is asked for the time of an event, or, where that is given, for a new day's retention.
            let given = at(later(day("2026-11-23"), number / 4), i64::from(number));
            let event = NewEvent::new(number, "heartbeat");
            let event = if number % 2 == 0 { event.server_time(given) } else { event };
            let panicked = panics(|| store.log_event(event.clone()).unwrap());
            if !panicked {
                model.log_events([event.clone()], clock.time.now()).unwrap();
            }
            clock.panics.store(false, Ordering::SeqCst);
            let ids = model.log_events([event.clone()], clock.time.now()).unwrap();
            assert_eq!(store.log_event(event).unwrap(), ids[0]);
            model.compare_all(&store).unwrap();
        }
        // Closing panics, and what was acknowledged is there all the same.
        store.flush().unwrap();
        clock.panics.store(true, Ordering::SeqCst);
        assert!(panics(|| store.clone().close()));
        drop(store);
        model.compare_all(&builder().open_on(&disk).unwrap()).unwrap();
        // So does opening, and the store is not locked for ever.
        clock.panics.store(true, Ordering::SeqCst);
        assert!(panics(|| builder().open_on(&disk)));
        model.compare_all(&builder().open_on(&disk).unwrap()).unwrap();
    }
}

const WRITER: &str = "concurrency::child_that_tries_to_write";

#[test]
#[ignore = "a part of other tests, which start it as a process"]
fn child_that_tries_to_write() {
    let Some((path, _)) = child::part() else { return };
    while child::asked().is_some() {
        let refused = Store::open(&path).map(|_| ()).unwrap_err();
        child::say(&[format!("{:?} {refused}", refused.kind())]);
    }
}

#[test]
fn a_second_writing_process_is_refused_at_once_while_the_first_is_busy() {
    let directory = tempfile::tempdir().unwrap();
    let store = small_blocks().open(directory.path()).unwrap();
    let (stopped, logged) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let busy = scope.spawn(|| {
            while !stopped.load(Ordering::SeqCst) {
                // Days are begun and sealed all the while.
                let number = logged.load(Ordering::SeqCst);
                let time = at(later(day(FIRST), number as u32 / 8), number as i64);
                store.log_event(numbered(0, number, time)).unwrap();
                logged.fetch_add(1, Ordering::SeqCst);
            }
        });
        let mut other = Other::start(WRITER, directory.path(), "write");
        let mut slowest = Duration::ZERO;
        let mut asked = 0;
        while asked < 20 || logged.load(Ordering::SeqCst) < 50 {
            let begun = Instant::now();
            let answer = other.ask("write");
            slowest = slowest.max(begun.elapsed());
            asked += 1;
            assert!(answer.starts_with("Locked"), "{answer}");
            assert!(answer.contains(&std::process::id().to_string()), "{answer}");
        }
        stopped.store(true, Ordering::SeqCst);
        busy.join().unwrap();
        assert!(slowest < Duration::from_secs(2), "refused after {slowest:?}");
    });
    let mut model = Model::default();
    model.acknowledge(everything(&store)).unwrap();
    model.compare_all(&store).unwrap();
}
