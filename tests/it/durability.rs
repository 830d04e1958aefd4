//! Goal: what was acknowledged is there, whole and in order, however the process ended.
//!
//! Method: many threads on one store; children of the test that log until they are killed, after
//! which the store is opened again and compared with what they had said was acknowledged.
//! `DIURNAL_KILL_ROUNDS` says how many are killed, `DIURNAL_KILL_SEED` chooses other moments.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test says what it expects by failing, and how much it looked at"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use diurnal::limits::OPEN_DAYS_MAX;
use diurnal::testing::FaultyStorage;
use diurnal::{Durability, ErrorKind, Event, EventId, Filter, NewEvent, Query, Store};

use crate::child::{self, Other};
use crate::common::{
    Draft, Model, Random, assert_clean, assert_holds, assert_same, at, day, everything, later,
    number_from, small_blocks,
};

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn everything_that_32_threads_log_is_there_after_reopening() {
    const THREADS: usize = 32;
    const EVENTS: usize = 1000;
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let start = Barrier::new(THREADS);
    let mut model = Model::default();
    let log = |thread: usize| {
        start.wait();
        let mut logged = Vec::new();
        for number in 0..EVENTS {
            let time = at(day("2026-11-23"), (number * THREADS + thread) as i64);
            let draft = Draft::numbered(thread * EVENTS + number, time);
            let id = store.log_event(draft.event()).unwrap();
            logged.push((draft, id));
        }
        logged
    };
    thread::scope(|scope| {
        let log = &log;
        let threads: Vec<_> = (0..THREADS).map(|n| scope.spawn(move || log(n))).collect();
        for thread in threads {
            let (drafts, ids): (Vec<_>, Vec<_>) = thread.join().unwrap().into_iter().unzip();
            assert!(ids.is_sorted(), "the order of a thread is kept");
            model.add(&drafts, &ids);
        }
    });
    let info = store.info().unwrap();
    assert_eq!(info.events, (THREADS * EVENTS) as u64);
    let commits = info.commits.unwrap();
    assert!(commits * 8 < info.events, "{commits} commits: threads share them");
    store.close().unwrap();
    let store = Store::open(directory.path()).unwrap();
    assert_holds(&store, &model);
    let last = model.events.iter().map(|event| event.id.ordinal()).max();
    assert_eq!(last, Some((THREADS * EVENTS) as u32 - 1), "ordinals are dense");
}

// Children that are killed. An event's number says everything about it: round, thread, and place.

const THREADS: usize = 16;
const PER_THREAD: usize = 1_000_000;
const PER_ROUND: usize = THREADS * PER_THREAD;
const BATCH: usize = 7;

/// Rounds unless the environment says otherwise.
const ROUNDS_DEFAULT: u64 = 100;
/// Rounds on one store: what is there is read after each.
const ROUNDS_PER_STORE: u64 = 20;

/// Whether a thread, of any round, logs batches.
fn batches(thread: usize) -> bool {
    thread % 4 == 3
}

fn numbered(number: usize) -> Draft {
    let step = number % PER_THREAD;
    let of_batch = batches(number / PER_THREAD);
    // A batch lies within one day; single events go from day to day.
    let days = if of_batch { step / BATCH % 3 } else { step % 3 };
    let time = at(later(day("2026-11-22"), days as u32), (number % 86_400_000_000) as i64);
    Draft { data: Some(format!("number {number}")), ..Draft::numbered(number, time) }
}

fn number_of(event: &Event) -> usize {
    event.data.as_ref().unwrap().strip_prefix("number ").unwrap().parse().unwrap()
}

/// Every event is as it was logged.
fn assert_genuine(events: &[Event]) {
    let mut expected: Vec<_> =
        events.iter().map(|event| numbered(number_of(event)).logged(event.id)).collect();
    expected.sort_by_key(|event| (event.server_time, event.id));
    assert_same(events, &expected, "events by their numbers");
}

#[test]
#[ignore = "a part of other tests, which start it as a process"]
fn child_that_logs() {
    let Some((path, part)) = child::part() else { return };
    let (part, argument) = part.split_once(' ').unwrap_or((&part, ""));
    match part {
        "acknowledge" => acknowledge(&path, argument.parse().unwrap()),
        "flush" => flush_then_log_more(&path),
        "window" => fill_the_window(&path, argument.parse().unwrap()),
        other => panic!("no part {other:?}"),
    }
}

/// Logs from several threads for ever, and says each number with its id.
fn acknowledge(path: &Path, round: usize) {
    child::say(&["begun".to_owned()]);
    let store = small_blocks().open(path).unwrap();
    let log = |thread: usize| {
        let first = round * PER_ROUND + thread * PER_THREAD;
        let size = if batches(thread) { BATCH } else { 1 };
        for start in (first..first + PER_THREAD - size).step_by(size) {
            let drafts: Vec<_> = (start..start + size).map(numbered).collect();
            let ids = store.log_events(drafts.iter().map(Draft::event)).unwrap();
            let said: Vec<_> = (start..).zip(ids).map(|(n, id)| format!("{n} {id}")).collect();
            child::say(&said);
        }
    };
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let log = &log;
            scope.spawn(move || log(thread));
        }
    });
}

/// Of each round and thread, what is there is a beginning of what it logged, in order, with every
/// acknowledged event in it and every batch whole.
fn assert_beginnings(events: &[Event], acknowledged: &BTreeMap<usize, EventId>) {
    let there: BTreeMap<usize, EventId> =
        events.iter().map(|event| (number_of(event), event.id)).collect();
    assert_eq!(there.len(), events.len(), "no event twice");
    for (number, id) in acknowledged {
        assert_eq!(there.get(number), Some(id), "acknowledged event {number}");
    }
    let mut threads = BTreeMap::<usize, Vec<usize>>::new();
    for number in there.keys() {
        threads.entry(number / PER_THREAD).or_default().push(number % PER_THREAD);
    }
    for (thread, steps) in threads {
        assert!(steps.iter().copied().eq(0..steps.len()), "thread {thread} has gaps: {steps:?}");
        if batches(thread) {
            assert_eq!(steps.len() % BATCH, 0, "a batch of thread {thread} is not whole");
        }
        for days in 0..3 {
            let first = thread * PER_THREAD;
            let of_day = there.range(first..first + PER_THREAD).map(|(_, id)| *id);
            let ids: Vec<_> =
                of_day.filter(|id| id.day() == later(day("2026-11-22"), days)).collect();
            assert!(ids.is_sorted(), "thread {thread} is out of order on day {days}");
        }
    }
}

/// Starts a child that logs, kills it once it has acknowledged so many events, and keeps those.
fn log_and_kill(
    path: &Path,
    round: u64,
    kill_after: usize,
    acknowledged: &mut BTreeMap<usize, EventId>,
) {
    let mut child =
        Other::start("durability::child_that_logs", path, &format!("acknowledge {round}"));
    assert_eq!(child.heard().as_deref(), Some("begun"));
    let mut keep = |line: Option<String>| {
        let (number, id) = line?.split_once(' ').map(|(n, id)| (n.to_owned(), id.to_owned()))?;
        acknowledged.insert(number.parse::<usize>().unwrap(), id.parse().unwrap());
        Some(())
    };
    for _ in 0..kill_after {
        keep(child.heard()).expect("the child logs until it is killed");
    }
    child.kill();
    while keep(child.heard()).is_some() {}
}

#[test]
fn killed_while_logging_a_store_has_all_that_it_acknowledged() {
    let rounds = number_from("DIURNAL_KILL_ROUNDS", ROUNDS_DEFAULT);
    let mut random = Random::new(11 + number_from("DIURNAL_KILL_SEED", 0));
    let directory = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeMap::new();
    let (mut total, mut waited_for) = (0, 0);
    for round in 0..rounds {
        let path = directory.path().join((round / ROUNDS_PER_STORE).to_string());
        if round % ROUNDS_PER_STORE == 0 {
            total += acknowledged.len();
            acknowledged.clear();
        }
        // The first is killed while it makes the store, or soon after.
        let new = round % ROUNDS_PER_STORE == 0;
        let kill_after = if new { 0 } else { 1 + random.below(250) };
        waited_for += kill_after;
        log_and_kill(&path, round, kill_after, &mut acknowledged);
        // Every other time a reader looks, and the next child finds the store as it was left.
        let store = match round % 2 {
            0 => small_blocks().open(&path).unwrap(),
            _ => Store::open_read_only(&path).unwrap(),
        };
        let events = everything(&store);
        assert_genuine(&events);
        assert_beginnings(&events, &acknowledged);
        assert_eq!(store.count(&Filter::All).unwrap(), events.len() as u64);
        assert_clean(&store);
    }
    total += acknowledged.len();
    println!("{rounds} kills, {total} events acknowledged");
    assert!(total >= waited_for, "{total} acknowledged, and {waited_for} were waited for");
}

const BEFORE_FLUSH: usize = 500;
const AFTER_FLUSH: usize = 200;

fn buffered(max_delay: Duration, max_events: usize) -> Durability {
    Durability::Buffered { max_delay, max_events }
}

fn log_numbers(store: &Store, numbers: Range<usize>) {
    for number in numbers {
        store.log_event(numbered(number).event()).unwrap();
    }
}

fn flush_then_log_more(path: &Path) {
    let store = small_blocks().durability(buffered(HOUR, 1_000_000)).open(path).unwrap();
    log_numbers(&store, 0..BEFORE_FLUSH);
    store.flush().unwrap();
    log_numbers(&store, BEFORE_FLUSH..BEFORE_FLUSH + AFTER_FLUSH);
    child::say(&["logged".to_owned()]);
    child::wait_to_be_killed();
}

fn fill_the_window(path: &Path, events: usize) {
    let store = small_blocks().durability(buffered(HOUR, 10)).open(path).unwrap();
    log_numbers(&store, 0..events);
    child::say(&["logged".to_owned()]);
    child::wait_to_be_killed();
}

/// What is left of numbers from 0 after the child that plays this part has been killed.
fn left_after_kill(part: &str) -> usize {
    let directory = tempfile::tempdir().unwrap();
    let mut child = Other::start("durability::child_that_logs", directory.path(), part);
    assert_eq!(child.heard().as_deref(), Some("logged"));
    child.kill();
    let store = small_blocks().open(directory.path()).unwrap();
    let events = everything(&store);
    assert_genuine(&events);
    assert_clean(&store);
    events.len()
}

#[test]
fn what_was_flushed_survives_a_kill() {
    let left = left_after_kill("flush");
    assert!((BEFORE_FLUSH..=BEFORE_FLUSH + AFTER_FLUSH).contains(&left), "{left} left");
}

#[test]
fn a_kill_loses_no_more_than_the_buffered_window() {
    let left = left_after_kill("window 95");
    assert!((85..=95).contains(&left), "{left} of 95 left, the window is 10");
}

/// Drafts of a day, so many days after the first.
fn on_day(days: u32, numbers: Range<usize>) -> Vec<Draft> {
    let draft = |number| Draft::numbered(number, at(later(day("2026-11-22"), days), number as i64));
    numbers.map(draft).collect()
}

/// Eight events of three days wait, first those of `order`'s first day, and a call with one more for
/// each of the first and the last day meets a power cut; whether it was there to be met, and whether the
/// call was acknowledged though events were lost.
fn fill_amid_cut(order: [u32; 3], operation: u64) -> (bool, bool) {
    const WINDOW: usize = 10;
    let disk = FaultyStorage::new();
    let builder = || small_blocks().durability(buffered(HOUR, WINDOW));
    let store = builder().open_on(&disk).unwrap();
    let log = |drafts: &[Draft]| store.log_events(drafts.iter().map(Draft::event));
    (0..3).for_each(|days| drop(log(&on_day(days, 0..1)).unwrap()));
    store.flush().unwrap();
    let waiting = order.map(|days| log(&on_day(days, 1..if days == 1 { 3 } else { 4 })).unwrap());
    let waiting: BTreeSet<EventId> = waiting.into_iter().flatten().collect();
    let cut = disk.operations() + operation;
    disk.cut_at(cut);
    let logged = log(&[on_day(0, 4..5), on_day(2, 4..5)].concat());
    let was_cut = disk.operations() >= cut;
    if let Err(error) = &logged {
        assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{error}");
        assert!(error.event_ids().iter().all(Option::is_some), "{error}: either may be there");
    }
    let (mut lost_in_all, told) = (false, store.flush().is_err());
    for seed in 0..8 {
        let found = everything(&builder().open_on(&disk.after_cut(seed)).unwrap());
        let found: BTreeSet<EventId> = found.iter().map(|event| event.id).collect();
        let what = format!("waiting {order:?}, cut at {operation}, seed {seed}: {logged:?}");
        let lost: Vec<&EventId> = waiting.difference(&found).collect();
        let mut flushed = (0..3).map(|days| EventId::new(later(day("2026-11-22"), days), 0));
        assert!(flushed.all(|id| found.contains(&id)), "{what}: a flushed event is lost");
        assert!(lost.len() < WINDOW, "{what}: {} are lost", lost.len());
        if let Ok(ids) = &logged {
            assert!(ids.iter().all(|id| found.contains(id)), "{what}: its own event is lost");
            let of_others = |id: &&&EventId| id.day() == later(day("2026-11-22"), 1);
            assert_eq!(lost.iter().filter(of_others).count(), lost.len(), "{what}: lost {lost:?}");
            assert!(lost.is_empty() || told, "{what}: nobody is told of {lost:?}");
        }
        lost_in_all |= logged.is_ok() && !lost.is_empty();
    }
    (was_cut, lost_in_all)
}

#[test]
fn a_call_that_fills_the_window_loses_only_what_waited_for_other_days() {
    let mut lost_besides = 0;
    for order in [[0, 2, 1], [2, 1, 0], [1, 0, 2]] {
        for operation in 0.. {
            let (was_cut, lost) = fill_amid_cut(order, operation);
            lost_besides += usize::from(lost);
            if !was_cut {
                assert!(operation > 10, "each day takes some operations");
                break;
            }
        }
    }
    assert!(lost_besides > 0, "no call was acknowledged while others' events were lost");
}

#[test]
fn the_event_that_fills_the_window_has_what_waits_written() {
    let store = small_blocks().durability(buffered(HOUR, 3)).open_on(&FaultyStorage::new());
    let store = store.unwrap();
    let commits_after = |number| {
        store.log_events(on_day(0, number..number + 1).iter().map(Draft::event)).unwrap();
        store.info().unwrap().commits.unwrap()
    };
    let commits: Vec<u64> = (0..7).map(commits_after).collect();
    assert_eq!(commits, [0, 0, 1, 1, 1, 2, 2]);
}

#[test]
fn buffered_events_that_are_lost_are_told_of_once_by_the_next_flush() {
    let disk = FaultyStorage::new();
    let builder = small_blocks().durability(buffered(HOUR, 1000)).free_bytes_min(1);
    let store = builder.open_on(&disk).unwrap();
    let log = |drafts: &[Draft]| store.log_events(drafts.iter().map(Draft::event)).unwrap();
    let kept = log(&on_day(0, 0..1));
    store.flush().unwrap();
    let lost = log(&on_day(0, 1..3));
    disk.set_capacity_bytes(Some(disk.used_bytes()));
    assert_eq!(store.flush().unwrap_err().kind(), ErrorKind::DiskFull);
    store.flush().expect("it was told, and nothing waits");
    disk.set_capacity_bytes(None);
    let again = log(&on_day(0, 1..3));
    assert_eq!(again, lost, "their ids are given again");
    store.flush().unwrap();
    let found: Vec<EventId> = everything(&store).iter().map(|event| event.id).collect();
    assert_eq!(found, [kept, again].concat());
}

#[test]
fn buffered_events_are_read_at_once_and_written_by_close() {
    let directory = tempfile::tempdir().unwrap();
    let store = small_blocks().durability(buffered(HOUR, 1000)).open(directory.path()).unwrap();
    let mut model = Model::default();
    for number in 0..300 {
        let draft = numbered(number);
        let id = store.log_event(draft.event()).unwrap();
        model.add(&[draft], &[id]);
        if number % 50 == 0 || number < 3 {
            assert_same(&everything(&store), &model.matching(&Filter::All), "at once");
            let other = store.clone();
            let count = thread::scope(|scope| {
                scope.spawn(|| other.count(&Filter::All).unwrap()).join().unwrap()
            });
            assert_eq!(count, number as u64 + 1, "in another thread");
        }
    }
    store.close().unwrap();
    let store = Store::open(directory.path()).unwrap();
    assert_holds(&store, &model);
}

#[test]
fn events_of_more_days_than_are_kept_open_wait_to_be_written() {
    let store = small_blocks().durability(buffered(HOUR, 1000)).in_memory().unwrap();
    let days = 2 * OPEN_DAYS_MAX;
    for number in 0..days {
        let time = at(later(day("2026-11-01"), number as u32), 0);
        store.log_event(Draft::numbered(number, time).event()).unwrap();
    }
    assert_eq!(store.count(&Filter::All).unwrap(), days as u64);
    store.flush().unwrap();
    assert_eq!(store.count(&Filter::All).unwrap(), days as u64);
}

#[test]
fn buffered_events_are_written_when_the_last_clone_of_the_store_is_dropped() {
    let disk = FaultyStorage::new();
    let open = || small_blocks().durability(buffered(HOUR, 1000)).open_on(&disk).unwrap();
    let store = open();
    log_numbers(&store, 0..5);
    let clone = store.clone();
    drop(store);
    log_numbers(&clone, 5..9);
    drop(clone);
    assert_eq!(open().count(&Filter::All).unwrap(), 9);
}

#[test]
fn buffered_events_are_written_after_the_longest_delay() {
    let directory = tempfile::tempdir().unwrap();
    let durability = buffered(Duration::from_millis(20), 1_000_000);
    let store = small_blocks().durability(durability).open(directory.path()).unwrap();
    log_numbers(&store, 0..5);
    let begun = Instant::now();
    let seen = || Store::open_read_only(directory.path())?.count(&Filter::All);
    while seen().unwrap() < 5 {
        assert!(begun.elapsed() < Duration::from_secs(30), "never written");
        thread::park_timeout(Duration::from_millis(5));
    }
}

#[test]
fn an_event_is_read_as_soon_as_it_is_acknowledged() {
    let store = small_blocks().in_memory().unwrap();
    for number in 0..100 {
        let id = store.log_event(NewEvent::new(number, "t")).unwrap();
        let found: Vec<_> =
            store.ids(&Query::from(Filter::session(number))).unwrap().map(Result::unwrap).collect();
        assert_eq!(found, [id]);
    }
}

#[test]
fn a_batch_over_several_days_keeps_its_order_in_each() {
    let directory = tempfile::tempdir().unwrap();
    let store = small_blocks().open(directory.path()).unwrap();
    let mut model = Model::default();
    for start in [0, 60] {
        let drafts: Vec<_> = (start..start + 60).map(numbered).collect();
        let ids = model.log(&store, &drafts);
        for days in 0..3 {
            let of_day = ids.iter().filter(|id| id.day() == later(day("2026-11-22"), days));
            let ordinals: Vec<_> = of_day.map(|id| id.ordinal() as usize).collect();
            let first = start / 3;
            assert!(ordinals.iter().copied().eq(first..first + 20), "{ordinals:?}");
        }
    }
    drop(store);
    assert_holds(&Store::open(directory.path()).unwrap(), &model);
}
