//! Goal: a disk that fails or is full costs nothing that was acknowledged, and every error is one that
//! the caller can act on.
//!
//! Method: scripts chosen by a seed are run with a fault at one storage operation after another: input/output
//! errors, a full disk and short writes, once and for good. What was acknowledged is compared in
//! the same handle and after opening the disk again without the fault. `DIURNAL_FAULT_RUNS` says how
//! many runs there are.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test says what it expects by failing, and how much it looked at"
)]

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use diurnal::testing::{Fault, FaultyStorage};
use diurnal::{Day, Error, ErrorKind, EventId, NewEvent, Query, Retention, Store};

use crate::common::{DAY, Draft, assert_clean, at, day, later, noon, small_blocks};
use crate::crashes::script::{Expected, Player, Setup, Step, one_more, script};
use crate::crashes::verify::{Found, found_in, is_allowed, recover};

/// Runs unless the environment says otherwise.
const RUNS_DEFAULT: u64 = 1_500;
const STEPS: usize = 80;

fn runs() -> u64 {
    let wanted = std::env::var("DIURNAL_FAULT_RUNS").ok();
    wanted.map_or(RUNS_DEFAULT, |text| text.parse().expect("a number of runs"))
}

fn faults(operation: u64) -> [Fault; 6] {
    [
        Fault::io(operation),
        Fault::io(operation).for_good(),
        Fault::io(operation).after(100),
        Fault::full(operation),
        Fault::full(operation).for_good(),
        Fault::full(operation).after(3_000).for_good(),
    ]
}

/// Notes what a step that failed may have done all the same.
fn doubt(player: &mut Player, step: &Step) {
    match step {
        Step::Log(drafts) => {
            let mut by_day = BTreeMap::<Day, Vec<&Draft>>::new();
            for draft in drafts {
                by_day.entry(Day::of(draft.time).unwrap()).or_default().push(draft);
            }
            for (day, drafts) in by_day {
                let mut expected = player.state.get(&day).cloned().unwrap_or_default();
                let next: usize = expected.batches.iter().map(|batch| batch.len()).sum();
                let ids = (next as u32..).map(|ordinal| EventId::new(day, ordinal));
                let events = drafts.iter().zip(ids).map(|(draft, id)| draft.logged(id));
                expected.batches.push(Arc::new(events.collect()));
                player.may_be.entry(day).or_default().push(expected);
            }
        }
        Step::Drop(_) | Step::Prune(_) => {
            for day in player.state.keys() {
                player.may_be.entry(*day).or_default().push(Expected::default());
            }
        }
        _ => {}
    }
}

/// Days that retention has taken may come back where that failed.
fn note_gone(player: &mut Player) {
    let Some(store) = &player.store else { return };
    let there: Vec<Day> = store.days().unwrap().iter().map(|info| info.day).collect();
    let gone: Vec<Day> = player.state.keys().filter(|day| !there.contains(day)).copied().collect();
    for day in gone {
        let expected = player.state.remove(&day).unwrap();
        player.may_be.entry(day).or_default().push(expected);
    }
}

/// Each day is what was acknowledged, or what it may be since something failed.
fn check_days(player: &Player, found: &Found) -> Result<(), String> {
    let days = found.keys().chain(player.state.keys());
    for day in days {
        let events = found.get(day).map_or(&[][..], Vec::as_slice);
        let mut others = player.may_be.get(day).into_iter().flatten();
        let expected = player.state.get(day);
        if !is_allowed(events, expected) && !others.any(|other| is_allowed(events, Some(other))) {
            let sizes = |expected: &Expected| {
                expected.batches.iter().map(|batch| batch.len()).collect::<Vec<_>>()
            };
            let (count, sizes) = (events.len(), expected.map(sizes));
            return Err(format!("{day} has {count} events of the batches {sizes:?}"));
        }
    }
    Ok(())
}

fn check_kind(error: &Error, poisoned: bool) -> Result<(), String> {
    let expected = match error.kind() {
        ErrorKind::OutcomeUnknown | ErrorKind::DiskFull | ErrorKind::Io => true,
        ErrorKind::Poisoned => poisoned,
        _ => false,
    };
    if expected { Ok(()) } else { Err(format!("an error of another kind: {error}")) }
}

/// Plays a script on a disk that fails, and on when it has.
fn play(player: &mut Player, script: &[Step]) -> Result<(), String> {
    if let Err(error) = player.open() {
        return check_kind(&error, false);
    }
    player.fails = true;
    // A buffered event that is lost may be told of by the next refusal.
    let mut failed = player.setup == Setup::Buffered;
    for step in script {
        let outcome = player.step(step);
        note_gone(player);
        let Err(error) = outcome else { continue };
        let what = |problem: String| format!("{problem}, after {step:?} failed with {error}");
        check_kind(&error, failed).map_err(what)?;
        doubt(player, step);
        failed = true;
        let Some(store) = &player.store else { break };
        check_days(player, &found_in(store).map_err(what)?).map_err(what)?;
        if player.setup == Setup::Buffered {
            break;
        }
    }
    Ok(())
}

fn run(setup: Setup, seed: u64, script: &[Step], fault: Fault) -> Result<(), String> {
    let disk = FaultyStorage::new();
    disk.record();
    disk.fail(fault);
    let mut player = Player::new(setup, disk.clone());
    let outcome = try_run(&mut player, script);
    outcome.map_err(|error| {
        let trace = disk.trace();
        let first = trace.iter().position(|line| line.ends_with("failed")).unwrap_or(trace.len());
        let near = &trace[first.saturating_sub(15)..trace.len().min(first + 15)];
        format!("{setup:?} script {seed}, {fault:?}: {error}\n{}", near.join("\n"))
    })
}

fn try_run(player: &mut Player, script: &[Step]) -> Result<(), String> {
    play(player, script)?;
    player.store = None;
    player.disk.mend();
    let builder = player.setup.builder().retention(Retention::KEEP_ALL);
    let builder = builder.clock(player.clock.clone());
    let allowed = |found: &Found| check_days(player, found);
    recover(&player.disk, builder, allowed, &[one_more(&player.clock)])?;
    Ok(())
}

fn explore(setup: Setup, seed: u64) {
    let begun = Instant::now();
    let script = script(seed, STEPS);
    let disk = FaultyStorage::new();
    Player::new(setup, disk.clone()).play(&script);
    let operations = disk.operations();
    let kinds = faults(0).len() as u64;
    let stride = (operations * kinds * 3).div_ceil(runs()).max(1);
    let workers = thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let done = AtomicU64::new(0);
    let (script, done_by_all) = (&script, &done);
    thread::scope(|scope| {
        for worker in 0..workers {
            scope.spawn(move || {
                let first = seed % stride + worker * stride;
                for number in (first..operations * kinds).step_by((stride * workers) as usize) {
                    let fault = faults(number / kinds)[(number % kinds) as usize];
                    let outcome =
                        catch_unwind(AssertUnwindSafe(|| run(setup, seed, script, fault)));
                    match outcome {
                        Ok(Ok(())) => done_by_all.fetch_add(1, Ordering::Relaxed),
                        Ok(Err(error)) => panic!("{error}"),
                        Err(_) => panic!("a panic: {setup:?} script {seed}, {fault:?}"),
                    };
                }
            });
        }
    });
    let done = done.into_inner();
    println!(
        "{setup:?} script {seed}: {operations} operations, {done} runs, {:?}",
        begun.elapsed()
    );
}

#[test]
fn a_store_that_others_read_loses_nothing_to_a_failing_disk() {
    explore(Setup::Readers, 21);
}

#[test]
fn a_store_of_one_process_loses_nothing_to_a_failing_disk() {
    explore(Setup::Alone, 22);
}

#[test]
fn a_buffered_store_loses_nothing_that_was_flushed_to_a_failing_disk() {
    explore(Setup::Buffered, 23);
}

#[test]
fn a_full_disk_can_be_pruned_and_logged_to_again() {
    for free_bytes_min in [0, 40_000] {
        for capacity in (250_000..900_000).step_by(13_001) {
            fill_and_prune(free_bytes_min, capacity);
        }
    }
}

fn fill_and_prune(free_bytes_min: u64, capacity: u64) {
    let what = format!("{capacity} bytes, {free_bytes_min} kept free");
    let disk = FaultyStorage::new();
    disk.set_capacity_bytes(Some(capacity));
    let first = day("2026-11-01");
    let builder = || small_blocks().free_bytes_min(free_bytes_min);
    let mut store = builder().clock(noon(first)).open_on(&disk).unwrap();
    let mut acknowledged = 0;
    let filled = (0..100_000).find_map(|number: usize| {
        let time = at(later(first, (number / 200) as u32), number as i64 % DAY);
        let event = Draft::numbered(number, time).event().data("x".repeat(number % 1_000));
        let logged = store.log_event(event);
        acknowledged += u64::from(logged.is_ok());
        logged.err()
    });
    let error = filled.expect("the disk fills up");
    assert_eq!(error.kind(), ErrorKind::DiskFull, "{what}: {error}");
    assert_eq!(found_in(&store).unwrap().values().flatten().count() as u64, acknowledged, "{what}");
    if store.prune(&Retention::KEEP_ALL.max_age_days(400)).is_err() {
        drop(store);
        let opened = builder().clock(noon(first)).open_on(&disk);
        store = opened.unwrap_or_else(|error| panic!("{what}: opening: {error}"));
    }
    let days = store.days().unwrap();
    if days.len() < 3 {
        return;
    }
    let pruned = store.prune(&Retention::KEEP_ALL.max_age_days(2));
    let pruned = pruned.unwrap_or_else(|error| panic!("{what}: pruning: {error}"));
    assert!(!pruned.dropped.is_empty() && pruned.bytes_freed > 0, "{what}: {pruned:?}");
    let today = days.last().unwrap().day;
    let event = || NewEvent::new("after", "t").server_time(today.start());
    if let Err(error) = store.log_event(event()) {
        assert_eq!(error.kind(), ErrorKind::DiskFull, "{what}: {error}");
        assert!(disk.used_bytes() + free_bytes_min + 100_000 > capacity, "{what}: {error}");
    }
    assert_clean(&store);
}

#[test]
fn a_day_whose_log_could_not_be_named_is_begun_by_the_next_event() {
    let event = |n| Draft::numbered(n, at(day("2026-11-23"), 1)).event();
    let whole = FaultyStorage::new();
    let store = small_blocks().open_on(&whole).unwrap();
    let opened = whole.operations();
    store.log_event(event(0)).unwrap();
    for operation in opened..whole.operations() {
        // What cannot be named for good cannot be removed either where the fault lasts.
        for fault in [Fault::io(operation), Fault::io(operation).for_good()] {
            let disk = FaultyStorage::new();
            let store = small_blocks().open_on(&disk).unwrap();
            disk.fail(fault);
            let error = store.log_event(event(0)).unwrap_err();
            if error.kind() != ErrorKind::Io {
                assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{fault:?}: {error}");
                continue;
            }
            if let Err(again) = store.log_event(event(0)) {
                assert_eq!(again.kind(), ErrorKind::Io, "{fault:?}: {again}");
            }
            disk.mend();
            let id = store.log_event(event(1)).unwrap();
            assert_eq!(store.ids(&Query::new()).unwrap().map(Result::unwrap).last(), Some(id));
            assert_clean(&store);
        }
    }
}

/// A store with a sealed day and one that is being written.
fn two_days(disk: &FaultyStorage) -> Store {
    let (first, second) = (day("2026-11-22"), day("2026-11-23"));
    let store = small_blocks().clock(noon(second)).open_on(disk).unwrap();
    for number in 0..40 {
        let time = at(if number < 20 { first } else { second }, number as i64);
        store.log_event(Draft::numbered(number, time).event()).unwrap();
    }
    store.close().unwrap();
    small_blocks().clock(noon(second)).open_on(disk).unwrap()
}

#[test]
fn a_day_whose_drop_failed_is_whole_or_gone_and_is_logged_to_again() {
    for target in [day("2026-11-22"), day("2026-11-23")] {
        for (step, kind) in (0..25).flat_map(|step| (0..6).map(move |kind| (step, kind))) {
            let disk = FaultyStorage::new();
            let store = two_days(&disk);
            let fault = faults(disk.operations() + step)[kind];
            disk.fail(fault);
            let dropped = store.drop_day(target);
            disk.mend();
            let what = format!("{target}, {fault:?}: {dropped:?}");
            let event = NewEvent::new("again", "t").server_time(target.start());
            let logged = store.log_event(event);
            for seed in 0..6 {
                let found = small_blocks().open_on(&disk.after_cut(seed)).unwrap();
                let events = found_in(&found).unwrap_or_else(|error| panic!("{what}: {error}"));
                let of_day = events.get(&target).map_or(&[][..], Vec::as_slice);
                let again = of_day.iter().find(|event| event.session_id == "again");
                assert!([0, 1, 20, 21].contains(&of_day.len()), "{what}: {}", of_day.len());
                assert!(dropped.is_err() || of_day.len() < 2, "{what}: {}", of_day.len());
                if let Ok(id) = &logged {
                    assert_eq!(again.map(|event| event.id), Some(*id), "{what}, seed {seed}");
                }
                assert_clean(&found);
            }
        }
    }
}

#[test]
fn a_day_whose_sealing_failed_takes_events_again() {
    let first = day("2026-11-20");
    let log = |store: &Store, days: u32| {
        let event = NewEvent::new("a session", "t").server_time(later(first, days).start());
        store.log_event(event)
    };
    let begin = |disk: &FaultyStorage| {
        let store = small_blocks().clock(noon(first)).open_on(disk).unwrap();
        (0..4).for_each(|days| assert!(log(&store, days).is_ok()));
        store
    };
    for operation in 0..60 {
        let disk = FaultyStorage::new();
        let store = begin(&disk);
        disk.fail(Fault::io(disk.operations() + operation));
        let mut failed = log(&store, 4).err();
        for attempt in 0..2 {
            let again = log(&store, 0);
            let what = format!("{operation}, attempt {attempt}: {failed:?}, then {again:?}");
            match again {
                Ok(id) => assert!([1, 2].contains(&id.ordinal()), "{what}"),
                // The operation that fails is one of this call's.
                Err(error) if failed.is_none() => failed = Some(error),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Poisoned, "{what}"),
            }
        }
        assert_eq!(found_in(&store).unwrap()[&first][0].id.ordinal(), 0);
    }
}
