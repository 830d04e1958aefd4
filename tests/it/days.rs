//! Goal: days are files of their own, opened only when needed, dropped and expired whole, whatever
//! the clock says.
//!
//! Method: stores of many days under a clock that the test sets; `explain` and, in a process of its
//! own, the count of open files tell what was opened.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use std::path::Path;
use std::sync::Arc;

use diurnal::testing::FaultyStorage;
use diurnal::{Day, DayInfo, ErrorKind, Filter, ManualClock, NewEvent, Query, Retention, Store};

use crate::child::{self, Other};
use crate::common::{
    DAY, Draft, Model, assert_agrees, assert_clean, assert_holds, assert_same, assert_sessions, at,
    day, everything, found, later, noon, small_blocks,
};

const FIRST: &str = "2026-01-01";

fn open(path: &Path, clock: &Arc<ManualClock>) -> Store {
    small_blocks().clock(clock.clone()).open(path).unwrap()
}

/// So many events of a day, of sessions that no other day has and one that all have.
fn of_day(day: Day, events: usize) -> Vec<Draft> {
    let number = day.number() as usize;
    let draft = |n: usize| {
        let draft = Draft::numbered(number + n, at(day, n as i64 * 1000));
        let session = if n == 0 { "every day".to_owned() } else { format!("of {day}") };
        Draft { session, ..draft }
    };
    (0..events).map(draft).collect()
}

/// A store with events on each of so many days in a row, the clock at noon of the last, closed.
fn days_in_a_row(path: &Path, days: u32, events: usize) -> (Arc<ManualClock>, Model) {
    let clock = noon(day(FIRST));
    let store = open(path, &clock);
    let mut model = Model::default();
    for number in 0..days {
        let day = later(day(FIRST), number);
        clock.set(at(day, DAY / 2));
        model.log(&store, &of_day(day, events));
    }
    store.close().unwrap();
    (clock, model)
}

/// Names of the files that are a day's.
fn files_of(path: &Path, day: Day) -> Vec<String> {
    let names = std::fs::read_dir(path.join("days")).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.contains(&day.to_string())).collect()
}

fn names(days: &[DayInfo]) -> Vec<Day> {
    days.iter().map(|info| info.day).collect()
}

#[test]
fn a_query_for_one_session_opens_only_its_days() {
    let directory = tempfile::tempdir().unwrap();
    let (clock, mut model) = days_in_a_row(directory.path(), 400, 3);
    let store = open(directory.path(), &clock);
    assert_eq!(store.info().unwrap().days, 400);
    assert_eq!(store.days().unwrap().len(), 400);
    let once = format!("of {}", later(day(FIRST), 123));
    let late = Draft::new(&once, "heartbeat", at(later(day(FIRST), 300), 77));
    model.log(&store, &[late]);
    // Two days on, every day is finished and none is open.
    clock.set(at(later(day(FIRST), 401), 0));
    store.close().unwrap();
    let store = open(directory.path(), &clock);
    assert!(store.days().unwrap().iter().all(|info| info.sealed));
    let opened = |filter: &Filter| {
        let explain = store.explain(&Query::from(filter.clone())).unwrap();
        assert_eq!(explain.days_considered, 400);
        explain.days_considered - explain.days_pruned
    };
    let filter = Filter::session(&once);
    assert_eq!(opened(&filter), 2, "the session's day, and that of its latecomer");
    assert_agrees(&store, &model, &filter);
    assert_eq!(store.count(&filter).unwrap(), 3);
    assert_eq!(opened(&Filter::session("nobody")), 0);
    let week = Query::new().between(at(later(day(FIRST), 50), 0), at(later(day(FIRST), 57), 0));
    assert_eq!(opened(&week.filter), 7);
    assert_agrees(&store, &model, &week.filter);
    store.close().unwrap();
    if cfg!(target_os = "linux") {
        let mut other = Other::start("days::child_that_counts_files", directory.path(), "count");
        let answer = other.ask("count");
        let most: usize = answer.parse().unwrap_or_else(|_| panic!("{answer}"));
        assert!(most <= 24, "{most} files open at once");
    }
    assert_holds(&Store::open_read_only(directory.path()).unwrap(), &model);
}

/// In a process of its own, for no other test opens files there.
#[test]
#[ignore = "a part of other tests, which start it as a process"]
fn child_that_counts_files() {
    let Some((path, _)) = child::part() else { return };
    if child::asked().is_none() {
        return;
    }
    let count = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let before = count();
    let clock = noon(later(day(FIRST), 399));
    let mut most = 0;
    for store in [Store::open_read_only(&path).unwrap(), open(&path, &clock)] {
        let mut look = || most = most.max(count().saturating_sub(before));
        look();
        for (number, event) in store.query(&Query::new()).unwrap().enumerate() {
            event.unwrap();
            if number % 100 == 0 {
                look();
            }
        }
        for filter in [Filter::session("every day"), Filter::DataContains("number".to_owned())] {
            store.count(&filter).unwrap();
            look();
            store.sessions(&filter).unwrap();
            look();
        }
        assert_clean(&store);
        look();
    }
    child::say(&[most.to_string()]);
}

#[test]
fn a_clock_that_jumps_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let clock = noon(day("2026-11-23"));
    let mut store = open(directory.path(), &clock);
    let mut model = Model::default();
    let times = [
        at(day("2026-11-23"), DAY - 1),
        at(day("2026-11-24"), 0),
        at(day("1970-01-01"), 0),
        at(day("1970-01-01"), 0),
        at(day("2026-11-24"), 5),
        at(day("2106-02-07"), 23_296_000_000),
        at(day("2026-11-23"), 7),
        at(day("1970-01-02"), 1),
        at(day("2000-02-29"), 0),
        at(day("2026-11-25"), 0),
    ];
    for round in 0..8 {
        for (number, time) in times.iter().enumerate() {
            clock.set(*time);
            for copy in 0..=number % 3 {
                let event = NewEvent::new(format!("{round}"), "heartbeat").tag(copy);
                let id = store.log_event(event).unwrap();
                let draft = Draft::new(round, "heartbeat", *time);
                // The model sees to it that no id is given twice.
                model.add(&[Draft { tags: vec![copy.to_string()], ..draft }], &[id]);
            }
            if (round + number) % 7 == 6 {
                store.close().unwrap();
                store = open(directory.path(), &clock);
                assert_clean(&store);
            }
        }
        assert_holds(&store, &model);
    }
    // Before 1970 there is no day; the event is refused, and nothing else is hurt.
    clock.set(diurnal::Timestamp::from_micros(-1));
    let error = store.log_event(NewEvent::new(1, "t")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    store.close().unwrap();
    let store = open(directory.path(), &clock);
    assert_holds(&store, &model);
    assert_sessions(&store, &model);
    assert_agrees(&store, &model, &Filter::tag(1));
}

#[test]
fn late_events_of_a_finished_day_get_the_next_ordinals() {
    let directory = tempfile::tempdir().unwrap();
    let (clock, mut model) = days_in_a_row(directory.path(), 8, 40);
    let finished = later(day(FIRST), 2);
    let mut next = 40;
    for round in 0..5 {
        let store = open(directory.path(), &clock);
        let sealed = |store: &Store| {
            let days = store.days().unwrap();
            days.iter().find(|info| info.day == finished).unwrap().sealed
        };
        assert!(sealed(&store), "a finished day is sealed after reopening");
        for count in [1, 20, 3] {
            let mut late = of_day(finished, count);
            // Before, among and after what is there.
            for (draft, micros) in late.iter_mut().zip([5, 0, DAY - 1, 17_500].iter().cycle()) {
                draft.time = at(finished, *micros);
            }
            let ids = model.log(&store, &late);
            let ordinals: Vec<_> = ids.iter().map(|id| id.ordinal()).collect();
            assert!(ordinals.iter().copied().eq(next..next + count as u32), "{ordinals:?}");
            next += count as u32;
            assert_same(&everything(&store), &model.matching(&Filter::All), "with latecomers");
        }
        for filter in [Filter::session(format!("of {finished}")), Filter::tag(1), Filter::All] {
            assert_agrees(&store, &model, &filter);
        }
        assert_holds(&store, &model);
        // Other days come between, so that the finished one is finished again.
        for number in 3..8 {
            let day = later(day(FIRST), number);
            let draft = Draft::new(round, "t", at(day, DAY / 2 + round));
            model.log(&store, &[draft]);
        }
        assert!(sealed(&store), "a day that is no longer written is sealed");
        assert_holds(&store, &model);
        store.close().unwrap();
    }
    assert_holds(&open(directory.path(), &clock), &model);
}

#[test]
fn drop_day_removes_exactly_that_days_events_and_files() {
    let directory = tempfile::tempdir().unwrap();
    let (clock, mut model) = days_in_a_row(directory.path(), 8, 40);
    let store = open(directory.path(), &clock);
    // A finished day, and the one that is being written.
    model.log(&store, &of_day(later(day(FIRST), 7), 5));
    for number in [3, 7] {
        let gone = later(day(FIRST), number);
        assert!(!files_of(directory.path(), gone).is_empty());
        store.drop_day(gone).unwrap();
        model.drop_day(gone);
        assert_eq!(files_of(directory.path(), gone), Vec::<String>::new());
        assert!(!names(&store.days().unwrap()).contains(&gone));
        assert_eq!(store.count(&Filter::session(format!("of {gone}"))).unwrap(), 0);
        assert_eq!(store.drop_day(gone).unwrap_err().kind(), ErrorKind::NotFound);
        assert_holds(&store, &model);
        assert_sessions(&store, &model);
    }
    assert_eq!(store.drop_day(day("2040-01-01")).unwrap_err().kind(), ErrorKind::NotFound);
    store.close().unwrap();
    let store = open(directory.path(), &clock);
    assert_holds(&store, &model);
    // It may begin again, with what comes now and nothing of what was.
    let again = later(day(FIRST), 3);
    model.log(&store, &of_day(again, 20));
    assert_holds(&store, &model);
    store.close().unwrap();
    let store = open(directory.path(), &clock);
    assert_holds(&store, &model);
    assert_agrees(&store, &model, &Filter::session("every day"));
}

#[test]
fn pruning_by_age_keeps_so_many_days() {
    let directory = tempfile::tempdir().unwrap();
    let (clock, mut model) = days_in_a_row(directory.path(), 20, 5);
    let store = open(directory.path(), &clock);
    let retention = Retention::KEEP_ALL.max_age_days(5);
    let planned = store.prune_plan(&retention).unwrap();
    assert_holds(&store, &model);
    assert_eq!(store.prune(&retention).unwrap(), planned, "the dry run says what happens");
    let expected: Vec<_> = (0..15).map(|number| later(day(FIRST), number)).collect();
    assert_eq!(names(&planned.dropped), expected);
    assert_eq!(planned.bytes_freed, planned.dropped.iter().map(|info| info.bytes).sum::<u64>());
    for day in expected {
        model.drop_day(day);
        assert_eq!(files_of(directory.path(), day), Vec::<String>::new());
    }
    assert_holds(&store, &model);
    assert!(store.prune(&retention).unwrap().dropped.is_empty(), "nothing is left to drop");
    store.close().unwrap();
    assert_holds(&open(directory.path(), &clock), &model);
}

#[test]
fn pruning_by_bytes_drops_the_oldest_days_and_no_more_than_needed() {
    let directory = tempfile::tempdir().unwrap();
    let (clock, mut model) = days_in_a_row(directory.path(), 12, 100);
    let store = open(directory.path(), &clock);
    let bytes: Vec<u64> = store.days().unwrap().iter().map(|info| info.bytes).collect();
    assert!(bytes.iter().all(|bytes| *bytes > 0));
    // Room for today and about half of the rest.
    let limit = bytes[11] + bytes[..11].iter().sum::<u64>() / 2;
    let retention = Retention::KEEP_ALL.max_bytes(limit);
    let planned = store.prune_plan(&retention).unwrap();
    assert_eq!(store.prune(&retention).unwrap(), planned, "the dry run says what happens");
    let count = planned.dropped.len();
    let oldest: Vec<_> = (0..count as u32).map(|number| later(day(FIRST), number)).collect();
    assert!((1..11).contains(&count), "{count} days dropped");
    assert_eq!(names(&planned.dropped), oldest);
    let left: u64 = store.days().unwrap().iter().map(|info| info.bytes).sum();
    assert!(left <= limit, "{left} bytes left, {limit} allowed");
    oldest.iter().for_each(|day| model.drop_day(*day));
    assert_holds(&store, &model);
}

#[test]
fn the_day_written_last_stays_however_little_may_be_kept() {
    let store = small_blocks().in_memory().unwrap();
    let [first, second, third] = [0, 1, 2].map(|number| later(day(FIRST), number));
    for day in [first, third, second] {
        store.log_events(of_day(day, 5).iter().map(Draft::event)).unwrap();
    }
    let retention = Retention::KEEP_ALL.max_bytes(1);
    let planned = store.prune_plan(&retention).unwrap();
    assert_eq!(names(&planned.dropped), [first, third]);
    assert_eq!(store.prune(&retention).unwrap(), planned);
    assert_eq!(names(&store.days().unwrap()), [second]);
}

#[test]
fn a_plan_of_a_reader_keeps_the_day_that_is_being_written() {
    let disk = FaultyStorage::new();
    let [first, second] = [0, 1].map(|number| later(day(FIRST), number));
    let store = small_blocks().clock(noon(second)).open_on(&disk).unwrap();
    for day in [first, second] {
        store.log_events(of_day(day, 5).iter().map(Draft::event)).unwrap();
    }
    store.close().unwrap();
    let reader = Store::builder().open_read_only_on(&disk).unwrap();
    let sealed: Vec<bool> = reader.days().unwrap().iter().map(|info| info.sealed).collect();
    assert_eq!(sealed, [true, false]);
    let planned = reader.prune_plan(&Retention::KEEP_ALL.max_bytes(1)).unwrap();
    assert_eq!(names(&planned.dropped), [first]);
}

#[test]
fn retention_drops_days_as_new_ones_begin() {
    let directory = tempfile::tempdir().unwrap();
    let (clock, _) = days_in_a_row(directory.path(), 20, 2);
    let retention = Retention::KEEP_ALL.max_age_days(10);
    let open =
        || small_blocks().clock(clock.clone()).retention(retention).open(directory.path()).unwrap();
    let store = open();
    let first = |store: &Store| store.days().unwrap()[0].day;
    assert_eq!(first(&store), later(day(FIRST), 10), "when it is opened");
    let next = later(day(FIRST), 20);
    clock.set(at(next, 0));
    store.log_event(NewEvent::new(1, "t")).unwrap();
    assert_eq!(first(&store), later(day(FIRST), 11), "when a day begins");
    assert_clean(&store);
}

#[test]
fn one_jump_of_the_clock_never_expires_the_store() {
    let directory = tempfile::tempdir().unwrap();
    let (clock, mut model) = days_in_a_row(directory.path(), 25, 3);
    let retention = Retention::KEEP_ALL.max_age_days(30);
    let open =
        || small_blocks().clock(clock.clone()).retention(retention).open(directory.path()).unwrap();
    let future = day("2106-02-07");
    for round in 0..3 {
        clock.set(at(future, round * 1000));
        let store = open();
        let drafts: Vec<_> =
            (0..4).map(|n| Draft::new("astray", "t", at(future, round * 1000 + n))).collect();
        model.log(&store, &drafts);
        let plan = store.prune_plan(&retention).unwrap();
        assert!(plan.dropped.is_empty(), "{} days would go", plan.dropped.len());
        let old = 25 + round as usize;
        assert_eq!(plan.held_back.len(), old, "{:?}", plan.held_back);
        assert_holds(&store, &model);
        store.close().unwrap();
        // Back again, a day later.
        let now = later(day(FIRST), 25 + round as u32);
        clock.set(at(now, 0));
        let store = open();
        model.log(&store, &of_day(now, 3));
        assert_holds(&store, &model);
    }
    // A week of days and more beyond the gap: time has passed.
    for number in 0..10 {
        let day = later(future, number);
        clock.set(at(day, DAY / 2));
        let store = open();
        model.log(&store, &of_day(day, 2));
        store.close().unwrap();
    }
    let store = open();
    assert!(store.days().unwrap()[0].day >= future, "the days of long ago have expired");
    let events = found(&store, &Query::new());
    assert!(events.iter().all(|event| event.id.day() >= future));
    assert_clean(&store);
}
