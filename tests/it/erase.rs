//! Goal: an erased session is gone from every byte of the store, whatever happens meanwhile, and nothing
//! else is.
//!
//! Method: what is logged is kept in a model, from which the session is taken when it is erased; every
//! answer must then be the model's. What the session alone has said is looked for in the bytes of all
//! files. The power is cut at each operation of an erasure, and again while that is ended;
//! `DIURNAL_ERASE_SEEDS` says how many seeds of what survives are tried at each.

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
use std::time::Duration;

use diurnal::limits::UNKNOWN_ORDINALS;
use diurnal::testing::{Fault, FaultyStorage};
use diurnal::{
    Clock, Day, Durability, ErrorKind, Filter, ManualClock, NewEvent, Query, Retention, Store,
    StoreBuilder,
};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::common::{
    DAY, Draft, Model, Random, assert_agrees, assert_clean, assert_holds, assert_same,
    assert_sessions, at, day, draft, everything, filter, later, noon, small_blocks,
};
use crate::crashes::verify::check_clean;

/// Words that the session to be erased alone has said.
const MARKER: &str = "MARKER-5c1f";
/// Seeds tried at each operation, at least: nothing, all, all but the end, and mixtures.
const SEEDS_DEFAULT: u64 = 4;

fn seeds() -> u64 {
    let wanted = std::env::var("DIURNAL_ERASE_SEEDS").ok();
    wanted.map_or(SEEDS_DEFAULT, |text| text.parse().expect("a number of seeds"))
}

/// The files whose bytes hold the marker.
fn marked(disk: &FaultyStorage) -> Vec<String> {
    let holds = |name: &String| {
        let bytes = disk.read(name).unwrap();
        bytes.windows(MARKER.len()).any(|window| window == MARKER.as_bytes())
    };
    disk.names().into_iter().filter(holds).collect()
}

/// An event of the session to be erased: the marker is all over it.
fn marked_draft(number: usize, time: diurnal::Timestamp) -> Draft {
    Draft {
        session: MARKER.to_owned(),
        kind: format!("{MARKER} type"),
        client_time: Some(format!("{MARKER} time")),
        tags: vec![format!("{MARKER} tag")],
        data: Some(format!("{MARKER} {number}")),
        ..Draft::numbered(number, time)
    }
}

/// A store of three days, of which the last is being written, with a marked event among every five; one
/// day more has none.
struct Marked {
    disk: FaultyStorage,
    clock: Arc<ManualClock>,
    model: Model,
}

const FIRST: &str = "2026-11-20";

impl Marked {
    fn new() -> Self {
        Self::of(40)
    }

    fn of(events: usize) -> Self {
        let disk = FaultyStorage::new();
        let clock = noon(day(FIRST));
        let store = small_blocks().clock(clock.clone()).open_on(&disk).unwrap();
        let mut model = Model::default();
        for number in 0..4 {
            let today = later(day(FIRST), number);
            clock.set(at(today, DAY / 2));
            let draft = |n: usize| match (n % 5, number) {
                (2, 0 | 2 | 3) => marked_draft(n, at(today, n as i64)),
                _ => Draft::numbered(n, at(today, n as i64)),
            };
            let drafts: Vec<_> = (0..events).map(draft).collect();
            drafts.chunks(3).for_each(|batch| drop(model.log(&store, batch)));
        }
        store.close().unwrap();
        Self { disk, clock, model }
    }

    fn builder(&self) -> StoreBuilder {
        small_blocks().clock(self.clock.clone())
    }

    fn open(&self) -> Store {
        self.builder().open_on(&self.disk).unwrap()
    }

    /// What must be left.
    fn without(&self) -> Model {
        without(&self.model, MARKER)
    }
}

fn without(model: &Model, session: &str) -> Model {
    let mut left = Model::default();
    let others = model.events.iter().filter(|event| event.session_id != session);
    left.acknowledge(others.cloned()).unwrap();
    left
}

#[test]
fn an_erased_session_is_in_no_byte_of_the_store() {
    let Marked { disk, clock, model } = Marked::new();
    let store = small_blocks().clock(clock.clone()).open_on(&disk).unwrap();
    assert!(!marked(&disk).is_empty(), "or it could not be told that it is gone");
    let plan = store.erasure_plan(MARKER).unwrap();
    assert_eq!((plan.events, plan.days.len(), plan.erased_at), (24, 3, None));
    assert_holds(&store, &model);
    let report = store.erase_session(MARKER).unwrap();
    assert_eq!((report.events, &report.days), (24, &plan.days));
    assert_eq!((report.verified, report.erased_at), (true, Some(clock.now())));
    assert_eq!(report.remains, []);
    assert_eq!(marked(&disk), [""; 0]);
    let left = without(&model, MARKER);
    assert_holds(&store, &left);
    assert_agrees(&store, &left, &Filter::All);
    assert_eq!(store.count(&Filter::session(MARKER)).unwrap(), 0);
    assert_eq!(store.check().unwrap().events_erased, 24);
    store.close().unwrap();
    assert_eq!(marked(&disk), [""; 0]);
    let again = small_blocks().clock(clock).open_on(&disk).unwrap();
    assert_holds(&again, &left);
    assert_eq!(again.erase_session(MARKER).unwrap().events, 0, "it is done once");
}

#[test]
fn sessions_whose_ids_begin_alike_stay() {
    let store = small_blocks().in_memory().unwrap();
    let mut model = Model::default();
    let ids = ["a", "ab", "abc", "A", "a ", "ä"];
    for number in 0..60 {
        let time = at(day(FIRST), number as i64);
        model.log(
            &store,
            &[Draft { session: ids[number % 6].to_owned(), ..Draft::numbered(number, time) }],
        );
    }
    store.erase_session("ab").unwrap();
    let left = without(&model, "ab");
    assert_holds(&store, &left);
    assert_sessions(&store, &left);
}

#[test]
fn what_can_be_no_session_is_refused_and_what_is_none_costs_nothing() {
    let marked = Marked::new();
    let store = marked.open();
    for wrong in [String::new(), "x".repeat(129), "a\nb".to_owned()] {
        for refused in [store.erase_session(&wrong), store.erasure_plan(&wrong)] {
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidInput);
        }
    }
    let report = store.erase_session("nobody").unwrap();
    assert_eq!((report.events, report.verified), (0, true));
    assert_holds(&store, &marked.model);
}

#[test]
fn ordinals_of_erased_events_are_not_given_again() {
    let marked = Marked::new();
    let store = marked.open();
    let today = later(day(FIRST), 3);
    // The day's last events, some of them in its tail, and all events of another day.
    for n in 40..60 {
        store.log_event(marked_draft(n, at(today, n as i64)).event()).unwrap();
    }
    let other = later(day(FIRST), 9);
    store.log_events((0..20).map(|n| marked_draft(n, at(other, n as i64)).event())).unwrap();
    store.erase_session(MARKER).unwrap();
    let id = store.log_event(Draft::numbered(1, at(today, 99)).event()).unwrap();
    assert_eq!(id.ordinal(), 60);
    store.close().unwrap();
    let store = marked.open();
    let id = store.log_event(Draft::numbered(1, at(other, 99)).event()).unwrap();
    assert_eq!(id.ordinal(), 20);
    assert_clean(&store);
    store.close().unwrap();
    // Nor where the file of the day is gone, and only the catalog knows of it.
    let quiet = day(FIRST);
    let store = marked.open();
    store.log_events((40..50).map(|n| marked_draft(n, at(quiet, n as i64)).event())).unwrap();
    store.erase_session(MARKER).unwrap();
    store.close().unwrap();
    marked.disk.remove(&format!("days/{quiet}.day"));
    let store = marked.open();
    store.rebuild().unwrap();
    let id = store.log_event(Draft::numbered(1, at(quiet, 99)).event()).unwrap();
    assert_eq!(id.ordinal(), 50 + UNKNOWN_ORDINALS, "it may have grown unseen");
}

#[test]
fn holes_stay_holes_when_a_day_goes_on_and_when_it_is_rebuilt() {
    let marked = Marked::new();
    let mut left = marked.without();
    let store = marked.open();
    store.erase_session(MARKER).unwrap();
    // Late events are folded together with the small blocks that the day ended with.
    for number in 0..3 {
        let date = later(day(FIRST), number);
        let drafts: Vec<_> = (100..107).map(|n| Draft::numbered(n, at(date, n as i64))).collect();
        left.log(&store, &drafts);
    }
    store.close().unwrap();
    let store = marked.open();
    assert_holds(&store, &left);
    store.close().unwrap();
    let damaged = day(FIRST);
    let name = format!("days/{damaged}.day");
    let len = marked.disk.read(&name).unwrap().len();
    assert!(marked.disk.flip(&name, len - 5, 1), "the trailer is damaged, every block can be read");
    marked.disk.remove("catalog.redb");
    let store = marked.open();
    let report = store.rebuild().unwrap();
    assert_eq!((report.days_rebuilt, report.events_lost), (vec![damaged], 0));
    assert_holds(&store, &left);
    assert_eq!(store.check().unwrap().events_erased, 24);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn every_answer_is_that_of_a_store_without_the_session(
        batches in vec(vec(draft(), 1..25), 1..12),
        erased in vec((0..12_usize, any::<prop::sample::Index>(), any::<bool>()), 1..4),
        filters in vec(filter(), 6),
    ) {
        let disk = FaultyStorage::new();
        let open = || small_blocks().open_on(&disk).unwrap();
        let mut store = open();
        let mut model = Model::default();
        let mut ends = BTreeMap::<Day, u32>::new();
        for (place, batch) in batches.iter().enumerate() {
            for id in model.log(&store, batch) {
                let end = ends.entry(id.day()).or_default();
                prop_assert_eq!(id.ordinal(), *end, "ordinals go on");
                *end += 1;
            }
            for (_, session, reopen) in erased.iter().filter(|(after, ..)| *after == place) {
                if model.events.is_empty() {
                    continue;
                }
                let session = session.get(&model.events).session_id.clone();
                let report = store.erase_session(&session).unwrap();
                let left = without(&model, &session);
                prop_assert_eq!(report.events as usize, model.events.len() - left.events.len());
                prop_assert!(report.verified);
                model = left;
                if *reopen {
                    store.close().unwrap();
                    store = open();
                }
                assert_holds(&store, &model);
            }
        }
        for filter in &filters {
            assert_agrees(&store, &model, filter);
        }
        assert_sessions(&store, &model);
        store.close().unwrap();
        assert_holds(&open(), &model);
    }
}

/// What was found after a cut: all that was acknowledged, or all but the session, and in no byte of it.
fn found_whole(marked_store: &Marked, disk: &FaultyStorage, done: bool) -> Result<bool, String> {
    let store =
        marked_store.builder().open_on(disk).map_err(|error| format!("opening: {error}"))?;
    if store.info().unwrap().erasure_pending {
        return Err("the erasure was not ended".to_owned());
    }
    let found = everything(&store);
    let erased = !found.iter().any(|event| event.session_id == MARKER);
    let expected = if erased { marked_store.without() } else { marked_store.model.clone() };
    if !found.iter().eq(&expected.matching(&Filter::All)) {
        return Err(format!("{} events found, erased: {erased}", found.len()));
    }
    if done && !erased {
        return Err("it was erased, and is there".to_owned());
    }
    let marked = marked(disk);
    if erased && !marked.is_empty() {
        return Err(format!("the marker is in {marked:?}"));
    }
    check_clean(&store)?;
    for date in 0..4 {
        let date = later(day(FIRST), date);
        let event = NewEvent::new("one more", "heartbeat").server_time(at(date, 0));
        let id = store.log_event(event).map_err(|error| format!("logging on: {error}"))?;
        if id.ordinal() != 40 {
            return Err(format!("{id} is given after 40 events"));
        }
    }
    check_clean(&store)?;
    store.close().map_err(|error| format!("closing: {error}"))?;
    Ok(erased)
}

#[test]
fn an_erasure_that_is_cut_short_at_any_operation_is_ended_when_the_store_is_opened() {
    let marked_store = Marked::new();
    let disk = marked_store.disk.clone();
    let store = marked_store.open();
    // The last day is open, with rows in its tail.
    disk.record();
    store.erase_session(MARKER).unwrap();
    let end = disk.operations();
    store.close().unwrap();
    let recording = disk.recording();
    let (mut looked, mut ended, mut random) = (0, 0, Random::new(7));
    let mut replay = recording.replay();
    for operation in recording.first()..=end {
        replay.advance_to(operation);
        for seed in 0..seeds() {
            let seed = if seed < 3 { seed } else { seed + operation * 1_000 };
            let what = |error: String| {
                let trace = recording.trace();
                let at = (operation - recording.first()) as usize;
                let near = &trace[at.saturating_sub(15)..trace.len().min(at + 5)];
                panic!("cut at operation {operation}, seed {seed}: {error}\n{}", near.join("\n"))
            };
            let found = replay.after_cut(seed);
            found.record();
            ended += u64::from(
                found_whole(&marked_store, &found, operation == end).unwrap_or_else(what),
            );
            looked += 1;
            // Cut once more, while it is ended.
            let again = found.recording();
            let mut replay = again.replay();
            replay.advance_to(random.below(again.end() as usize + 1) as u64);
            let second = replay.after_cut(if seed < 3 { seed } else { random.next() % 1_000 });
            let store = marked_store.builder().open_on(&second).unwrap();
            let mut events = everything(&store);
            events.retain(|event| event.session_id != "one more");
            let erased = !events.iter().any(|event| event.session_id == MARKER);
            let expected = if erased { marked_store.without() } else { marked_store.model.clone() };
            assert_same(&events, &expected.matching(&Filter::All), "after a second cut");
            if erased {
                assert_eq!(marked(&second), [""; 0], "cut at {operation}, seed {seed}, and again");
            }
            assert_clean(&store);
            looked += 1;
        }
    }
    let operations = end - recording.first();
    println!("{operations} operations, {looked} disks, {ended} with the session erased");
    assert!(ended > looked / 4, "most cuts come after the wish is durable");
}

#[test]
fn an_erasure_on_a_disk_that_fails_loses_nothing_else_and_is_ended_later() {
    let operations = {
        let marked = Marked::new();
        let store = marked.open();
        let first = marked.disk.operations();
        store.erase_session(MARKER).unwrap();
        marked.disk.operations() - first
    };
    for number in 0..operations {
        for kind in 0..3 {
            let marked_store = Marked::new();
            let disk = &marked_store.disk;
            let store = marked_store.open();
            let at = disk.operations() + number;
            let fault = [Fault::io(at), Fault::full(at), Fault::full(at).for_good()][kind];
            disk.fail(fault);
            let outcome = store.erase_session(MARKER);
            disk.mend();
            let what = format!("{fault:?}, operation {number} of {operations}: {outcome:?}");
            if let Err(error) = &outcome {
                let allowed = [ErrorKind::Io, ErrorKind::DiskFull, ErrorKind::Poisoned];
                assert!(allowed.contains(&error.kind()), "{what}");
            }
            let rest = Query::new().filter(Filter::not(Filter::session(MARKER)));
            let left: Result<Vec<_>, _> = store.query(&rest).unwrap().collect();
            assert_same(&left.unwrap(), &marked_store.without().matching(&Filter::All), &what);
            let logged = store.log_event(NewEvent::new("one more", "heartbeat"));
            let id = logged.unwrap_or_else(|error| panic!("{what}, then {error}"));
            assert_eq!(id.ordinal(), 40, "{what}");
            let report =
                store.erase_session(MARKER).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert!(report.verified, "{what}");
            assert_eq!(marked(disk), [""; 0], "{what}");
            assert_clean(&store);
            store.close().unwrap();
        }
    }
    println!("{operations} operations, {} runs", operations * 3);
}

#[test]
fn a_full_disk_can_still_be_pruned_and_erased_from_once_there_is_room() {
    let marked_store = Marked::of(400);
    let disk = &marked_store.disk;
    let open = || marked_store.builder().free_bytes_min(0).open_on(disk).unwrap();
    let store = open();
    // Nothing but removing is possible, then less than the largest day, then all that is needed.
    for spare in [0, 600, 3_000] {
        disk.set_capacity_bytes(Some(disk.used_bytes() + spare));
        let error = store.erase_session(MARKER).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DiskFull, "{spare} bytes: {error}");
        let rest = Query::new().filter(Filter::not(Filter::session(MARKER)));
        let left: Result<Vec<_>, _> = store.query(&rest).unwrap().collect();
        assert_same(&left.unwrap(), &marked_store.without().matching(&Filter::All), "the others");
        assert_clean(&store);
    }
    // The wish waits, through a restart too.
    assert!(store.info().unwrap().erasure_pending);
    store.close().unwrap();
    let store = open();
    assert!(store.info().unwrap().erasure_pending);
    disk.set_capacity_bytes(Some(disk.used_bytes()));
    let dropped = later(day(FIRST), 1);
    store.drop_day(dropped).unwrap();
    let report = store.prune(&Retention::KEEP_ALL.max_age_days(3)).unwrap();
    assert_eq!(report.dropped.len(), 1, "{report:?}");
    disk.set_capacity_bytes(Some(disk.used_bytes() + 1_000_000));
    store.close().unwrap();
    let store = open();
    assert!(!store.info().unwrap().erasure_pending);
    assert_eq!(marked(disk), [""; 0], "it is ended when the store is opened with room");
    let mut left = marked_store.without();
    left.drop_day(dropped);
    left.drop_day(day(FIRST));
    assert_holds(&store, &left);
}

#[test]
fn what_waits_to_be_written_is_erased_too() {
    let disk = FaultyStorage::new();
    let buffered =
        Durability::Buffered { max_delay: Duration::from_secs(3_600), max_events: 1_000 };
    let store = small_blocks().durability(buffered).open_on(&disk).unwrap();
    let mut model = Model::default();
    let time = |n: usize| at(day(FIRST), n as i64);
    let drafts: Vec<_> = (0..50)
        .map(|n| if n % 3 == 0 { marked_draft(n, time(n)) } else { Draft::numbered(n, time(n)) })
        .collect();
    model.log(&store, &drafts);
    assert_eq!(store.erase_session(MARKER).unwrap().events, 17);
    assert_eq!(marked(&disk), [""; 0]);
    let mut left = without(&model, MARKER);
    let ids = left.log(&store, &[Draft::numbered(1, time(99))]);
    assert_eq!(ids[0].ordinal(), 50);
    assert_holds(&store, &left);
}

#[test]
fn a_query_that_has_begun_gives_every_other_event_once() {
    let marked_store = Marked::new();
    let store = marked_store.open();
    for consumed in [1, 30, 45, 90, 130] {
        let before = everything(&store);
        let mut events = store.query(&Query::new()).unwrap();
        let mut found: Vec<_> = events.by_ref().take(consumed).map(Result::unwrap).collect();
        let erased = found.iter().find(|event| event.session_id != "late").unwrap();
        let session = erased.session_id.clone();
        store.erase_session(&session).unwrap();
        // The days go on, which the query does not see.
        for number in 0..4 {
            let date = later(day(FIRST), number);
            store.log_event(NewEvent::new("late", "x").server_time(at(date, DAY - 1))).unwrap();
        }
        found.extend(events.map(Result::unwrap));
        let others = |events: Vec<diurnal::Event>| -> Vec<_> {
            events.into_iter().filter(|event| event.session_id != session).collect()
        };
        assert_same(&others(found), &others(before), &format!("after {consumed} events"));
    }
    assert_clean(&store);
}

#[test]
fn files_that_cannot_be_cleaned_are_named() {
    let marked_store = Marked::new();
    let disk = &marked_store.disk;
    let damaged = day(FIRST);
    let name = format!("days/{damaged}.day");
    assert!(disk.flip(&name, 300, 0x40));
    let store = marked_store.open();
    let report = store.erase_session(MARKER).unwrap();
    assert_eq!((report.events, report.verified), (16, false));
    let remains: Vec<_> =
        report.remains.iter().map(|remains| (remains.file.as_str(), remains.day)).collect();
    assert_eq!(remains, [(name.as_str(), Some(damaged))]);
    assert_eq!(store.erasure_plan(MARKER).unwrap().days.len(), 1, "its postings are sound");
    // Rebuilt, what was damaged is set aside.
    store.rebuild().unwrap();
    let report = store.erase_session(MARKER).unwrap();
    assert!(report.events > 0 && !report.verified);
    let aside = format!("{name}.damaged");
    assert_eq!(report.remains[0].file, aside);
    assert!(marked(disk).iter().all(|file| *file == aside), "{:?}", marked(disk));
    disk.remove(&aside);
    assert!(store.erase_session(MARKER).unwrap().verified);
    assert_eq!(marked(disk), [""; 0]);
    assert_clean(&store);
}

#[test]
fn threads_log_and_ask_while_sessions_are_erased() {
    const KEPT: u64 = 60;
    let directory = tempfile::tempdir().unwrap();
    let store = small_blocks().open(directory.path()).unwrap();
    let time = |n: u64| at(later(day(FIRST), (n % 3) as u32), n as i64);
    for n in 0..KEPT {
        store.log_event(NewEvent::new("kept", "x").server_time(time(n))).unwrap();
        store
            .log_event(NewEvent::new(format!("gone {}", n % 6), "x").server_time(time(n)))
            .unwrap();
    }
    let done = AtomicBool::new(false);
    let kept = Filter::session("kept");
    let (logged, asked) = std::thread::scope(|scope| {
        let (store, done, kept) = (&store, &done, &kept);
        let logging = scope.spawn(move || {
            let mut ids = Vec::new();
            while !done.load(Ordering::Relaxed) && ids.len() < 5_000 {
                let n = ids.len() as u64;
                ids.push(store.log_event(NewEvent::new("new", "x").server_time(time(n))).unwrap());
            }
            ids
        });
        let reader = Store::open_read_only(directory.path()).unwrap();
        let asking = scope.spawn(move || {
            let mut asked = 0;
            while !done.load(Ordering::Relaxed) {
                for store in [store, &reader] {
                    assert_eq!(store.count(kept).unwrap(), KEPT);
                    let query = Query::new().filter(kept.clone());
                    assert_eq!(
                        store.query(&query).unwrap().map(Result::unwrap).count() as u64,
                        KEPT
                    );
                }
                asked += 1;
            }
            asked
        });
        for n in 0..6 {
            let report = store.erase_session(format!("gone {n}")).unwrap();
            assert_eq!((report.events, report.verified), (KEPT / 6, true));
        }
        done.store(true, Ordering::Relaxed);
        (logging.join().unwrap(), asking.join().unwrap())
    });
    println!("{} events logged and {asked} rounds asked meanwhile", logged.len());
    assert_clean(&store);
    let query = Query::new().filter(Filter::session("new"));
    let mut found: Vec<_> = store.ids(&query).unwrap().map(Result::unwrap).collect();
    let mut logged = logged;
    found.sort_unstable();
    logged.sort_unstable();
    assert_eq!(found, logged, "nothing that was acknowledged is lost, and no id is given twice");
    assert_eq!(store.count(&Filter::All).unwrap(), KEPT + found.len() as u64);
    store.close().unwrap();
    for folder in ["", "days"] {
        for entry in std::fs::read_dir(directory.path().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let bytes = if path.is_file() { std::fs::read(&path).unwrap() } else { Vec::new() };
            assert!(!bytes.windows(5).any(|window| window == b"gone "), "{}", path.display());
        }
    }
}

#[test]
fn rows_that_wait_are_seen_while_their_day_is_written_anew() {
    let buffered =
        Durability::Buffered { max_delay: Duration::from_secs(3_600), max_events: 1_000_000 };
    let store = small_blocks().durability(buffered).open_on(&FaultyStorage::new()).unwrap();
    let event =
        |session: &str, n: u64| NewEvent::new(session, "x").server_time(at(day(FIRST), n as i64));
    for n in 0..300 {
        store.log_event(event(&format!("gone {}", n % 10), n)).unwrap();
    }
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (store, done) = (&store, &done);
        scope.spawn(move || {
            let mut logged = 0;
            while !done.load(Ordering::Relaxed) && logged < 2_000 {
                store.log_event(event("new", logged)).unwrap();
                logged += 1;
                assert_eq!(store.count(&Filter::session("new")).unwrap(), logged);
            }
        });
        for n in 0..10 {
            assert_eq!(store.erase_session(format!("gone {n}")).unwrap().events, 30);
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_clean(&store);
}

#[test]
fn a_day_whose_file_is_missing_is_still_missed_after_an_erasure() {
    let marked_store = Marked::new();
    let missing = later(day(FIRST), 1);
    marked_store.disk.remove(&format!("days/{missing}.day"));
    let store = marked_store.open();
    assert!(store.erase_session(MARKER).unwrap().verified);
    store.close().unwrap();
    let store = marked_store.open();
    let error = store.count(&Filter::session("session 1")).unwrap_err();
    assert_eq!((error.kind(), error.day()), (ErrorKind::Corrupt, Some(missing)));
    store.rebuild().unwrap();
    let id = store.log_event(Draft::numbered(1, at(missing, 99)).event()).unwrap();
    assert_eq!(id.ordinal(), 40 + UNKNOWN_ORDINALS, "its ordinals are not given again");
}

#[test]
fn what_failures_have_left_under_a_temporary_name_is_gone_after_an_erasure() {
    let marked_store = Marked::of(200);
    let target = later(day(FIRST), 2);
    let damaged = format!("days/{target}.day");
    let files: Vec<_> = marked_store.disk.names();
    let bytes: Vec<_> = files.iter().map(|name| marked_store.disk.read(name).unwrap()).collect();
    let mut left_behind = 0;
    for operation in 0.. {
        let disk = FaultyStorage::new();
        files.iter().zip(&bytes).for_each(|(name, bytes)| disk.replace(name, bytes.clone()));
        assert!(disk.flip(&damaged, 100, 1));
        let store = marked_store.builder().open_on(&disk).unwrap();
        // A rebuild copies what can be read of a day, and the day goes before it is done.
        disk.fail(Fault::io(disk.operations() + operation));
        if store.rebuild().is_ok() {
            break;
        }
        disk.mend();
        store.drop_day(target).unwrap();
        let unfinished = |name: &String| name.ends_with(".tmp");
        left_behind += u64::from(marked(&disk).iter().any(unfinished));
        let report = store.erase_session(MARKER).unwrap();
        let names = disk.names();
        assert!(!names.iter().any(unfinished), "operation {operation}: {names:?}, {report:?}");
    }
    assert!(left_behind > 0, "no failure has left bytes of the session");
}
