//! Goal: a disk that fails or is full costs nothing that was acknowledged, and every error is one that
//! the caller can act on.
//!
//! Method: scripts chosen by a seed are run with a fault at one storage operation after another: input/output
//! errors, a full disk and short writes, once and for good. A run begins where the script opens the
//! store last before its fault. What was acknowledged is compared in the same handle; after opening the disk
//! again without the fault, or after a power cut; and once more after another power cut. What failed is
//! asked for by the ids that the error tells, and logged again. `DIURNAL_FAULT_RUNS` says how many runs
//! there are, over as many scripts as that takes; `DIURNAL_FAULT_SEED` chooses other scripts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test says what it expects by failing, and how much it looked at"
)]

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use diurnal::testing::{Fault, FaultyStorage, Recording};
use diurnal::{Day, Error, ErrorKind, Event, EventId, Filter, NewEvent, Query, Retention, Store};

use crate::common::{DAY, Draft, assert_clean, at, day, later, noon, number_from, small_blocks};
use crate::crashes::explore::still_there;
use crate::crashes::script::{Expected, Player, Setup, Start, Step, one_more, script};
use crate::crashes::verify::{Ends, Found, Look, allowed_ends, found_in, recover};

/// Runs unless the environment says otherwise.
const RUNS_DEFAULT: u64 = 9_000;
const STEPS: usize = 90;
/// Steps from one opening of the store to the next.
const STEPS_OPEN: usize = 10;
/// Steps that are tried after one has failed.
const STEPS_AFTER: usize = 5;

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

/// Notes what a step that failed has done, or may have done, all the same.
fn doubt(player: &mut Player, step: &Step, error: &Error) {
    match step {
        // The first days of a batch are logged before the next is begun.
        Step::Log(drafts) if error.kind() != ErrorKind::OutcomeUnknown => {
            let logged = drafts.iter().zip(error.event_ids());
            player.accepted(logged.filter_map(|(draft, id)| Some((draft, (*id)?))));
        }
        Step::Log(drafts) => {
            let mut by_day = BTreeMap::<Day, Vec<&Draft>>::new();
            for draft in drafts {
                by_day.entry(Day::of(draft.time).unwrap()).or_default().push(draft);
            }
            for (day, drafts) in by_day {
                let mut expected = player.state.get(&day).cloned().unwrap_or_default();
                let ids = (expected.end()..).map(|ordinal| EventId::new(day, ordinal));
                let events = drafts.iter().zip(ids).map(|(draft, id)| draft.logged(id));
                expected.push(events.collect());
                player.may_be.entry(day).or_default().push(expected);
            }
        }
        Step::Drop(_) | Step::Prune(_) => {
            for day in player.state.keys() {
                player.may_be.entry(*day).or_default().push(Expected::default());
            }
        }
        Step::Reopen => doubt_old_days(player),
        _ => {}
    }
}

/// Days that retention takes when the store is opened may be gone.
fn doubt_old_days(player: &mut Player) {
    let Some(age) = player.setup.max_age_days() else { return };
    let today = player.today();
    for day in player.state.keys().filter(|day| day.number() + age <= today.number()) {
        player.may_be.entry(*day).or_default().push(Expected::default());
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
fn check_days(player: &Player, found: &Found) -> Result<Ends, String> {
    let mut ends = Ends::new();
    for day in found.keys().chain(player.state.keys()) {
        let events = found.get(day).map_or(&[][..], Vec::as_slice);
        let others = player.may_be.get(day).into_iter().flatten();
        let expected = player.state.get(day);
        let mut allowed = allowed_ends(events, expected);
        allowed.extend(others.flat_map(|other| allowed_ends(events, Some(other))));
        if allowed.is_empty() {
            let (count, sizes) = (events.len(), expected.map(Expected::sizes));
            return Err(format!("{day} has {count} events of the batches {sizes:?}"));
        }
        ends.insert(*day, allowed);
    }
    Ok(ends)
}

/// A failure is of a kind that its cause allows.
fn check_kind(error: &Error, full: bool, poisoned: bool) -> Result<(), String> {
    let expected = match error.kind() {
        ErrorKind::OutcomeUnknown => true,
        ErrorKind::DiskFull => full,
        ErrorKind::Io => !full,
        ErrorKind::Poisoned => poisoned,
        _ => false,
    };
    if expected { Ok(()) } else { Err(format!("an error of another kind: {error}")) }
}

/// Events of the call that failed first, and what the error told of each.
type Unsure = Vec<(Draft, Option<EventId>)>;

fn unsure(step: &Step, error: &Error) -> Unsure {
    let Step::Log(drafts) = step else { return Unsure::new() };
    let ids = error.event_ids().iter().copied().chain(std::iter::repeat(None));
    drafts.iter().cloned().zip(ids).collect()
}

/// Plays a script on a disk that fails, and on when it has.
fn play(player: &mut Player, script: &[Step], full: bool) -> Result<Unsure, String> {
    if let Err(error) = player.open() {
        check_kind(&error, full, false)?;
        doubt_old_days(player);
        return Ok(Unsure::new());
    }
    player.fails = true;
    // A buffered event that is lost may be told of by the next refusal.
    let mut failed = player.setup == Setup::Buffered;
    let mut first = None;
    let mut left = script.len();
    for step in script {
        if left == 0 {
            break;
        }
        left -= 1;
        let outcome = player.step(step);
        note_gone(player);
        let Err(error) = outcome else { continue };
        let what = |problem: String| format!("{problem}, after {step:?} failed with {error}");
        check_kind(&error, full, failed).map_err(what)?;
        doubt(player, step, &error);
        failed = true;
        if first.is_none() {
            first = Some(unsure(step, &error));
            left = left.min(STEPS_AFTER);
        }
        let Some(store) = &player.store else { break };
        check_days(player, &found_in(store).map_err(what)?).map_err(what)?;
        if player.setup == Setup::Buffered {
            break;
        }
    }
    Ok(first.unwrap_or_default())
}

/// Asks for what was not acknowledged, and logs again what is not there: then each is there once.
fn check_retry(player: &Player, disk: &FaultyStorage, unsure: &Unsure) -> Result<(), String> {
    let builder = player.setup.builder().retention(Retention::KEEP_ALL);
    let opened = builder.clock(player.clock.clone()).open_on(disk);
    let store = opened.map_err(|error| format!("opening to ask: {error}"))?;
    let before = found_in(&store)?;
    let is = |draft: &Draft, event: &Event| draft.logged(event.id) == *event;
    let mut again = Vec::new();
    for (draft, id) in unsure {
        let found = match id {
            Some(id) => store.event(*id).map_err(|error| format!("asking: {error}"))?,
            None => None,
        };
        match found {
            Some(event) if is(draft, &event) => {}
            None if before.values().flatten().all(|event| !is(draft, event)) => again.push(draft),
            found => return Err(format!("{id:?} was to be {draft:?}, and is {found:?}")),
        }
    }
    let logged = store.log_events(again.into_iter().map(Draft::event));
    logged.map_err(|error| format!("logging again: {error}"))?;
    let after = found_in(&store)?;
    for (draft, id) in unsure {
        let count = after.values().flatten().filter(|event| is(draft, event)).count();
        if count != 1 {
            return Err(format!("{draft:?} ({id:?}) is there {count} times"));
        }
    }
    Ok(())
}

/// A file whose sync failed is not synced again by whoever has it open.
fn check_not_synced_again(trace: &[String]) -> Result<(), String> {
    let mut failed = Vec::new();
    for line in trace {
        let words: Vec<&str> = line.split_whitespace().skip(1).collect();
        match words[..] {
            ["sync", name, "failed"] if name.starts_with("days/") => {
                failed.push(name.trim_end_matches(':'));
            }
            ["sync", name] if failed.contains(&name) => {
                return Err(format!("{name} is synced again"));
            }
            ["create", name] | ["rename", _, "to", name] => failed.retain(|other| *other != name),
            // Everything that was not synced is cut off, to be written again.
            ["set", "length", name, _] if name.ends_with(".day:") => {
                failed.retain(|other| *other != name.trim_end_matches(':'));
            }
            _ => {}
        }
    }
    Ok(())
}

/// A script, and what it does on a sound disk.
struct Sound {
    setup: Setup,
    seed: u64,
    script: Vec<Step>,
    recording: Recording,
    starts: Vec<Start>,
}

impl Sound {
    fn play(setup: Setup, seed: u64) -> Self {
        let mut script = script(seed, STEPS);
        for place in (STEPS_OPEN..STEPS).step_by(STEPS_OPEN) {
            script[place] = Step::Reopen;
        }
        let mut player = Player::new(setup, FaultyStorage::new());
        player.play(&script);
        let (recording, starts) = (player.disk.recording(), player.starts);
        Self { setup, seed, script, recording, starts }
    }

    /// Runs the script with the fault of this number.
    fn run(&self, number: u64) -> Result<(), String> {
        let kinds = faults(0).len() as u64;
        let operation = number / kinds;
        let kind = (number % kinds) as usize;
        let (fault, full) = (faults(operation)[kind], kind >= 3);
        let before = self.starts.partition_point(|start| start.operations <= operation);
        let start = &self.starts[before - 1];
        let mut replay = self.recording.replay();
        replay.advance_to(start.operations);
        let disk = replay.now();
        disk.record();
        disk.fail(fault);
        let mut player = Player::from_start(self.setup, disk.clone(), start);
        let script = &self.script[start.steps..];
        let played = catch_unwind(AssertUnwindSafe(|| play(&mut player, script, full)));
        let played = played.unwrap_or_else(|_| Err("a panic".to_owned()));
        let outcome = played.and_then(|unsure| {
            player.store = None;
            check_not_synced_again(&disk.trace())?;
            disk.mend();
            check_found_again(&player, &unsure, number)
        });
        outcome.map_err(|error| {
            let (setup, seed, trace) = (self.setup, self.seed, disk.trace());
            let first = trace.iter().position(|line| line.ends_with("failed"));
            let first = first.unwrap_or(trace.len());
            let near = &trace[first.saturating_sub(15)..trace.len().min(first + 15)];
            format!("{setup:?} script {seed}, {fault:?}: {error}\n{}", near.join("\n"))
        })
    }

    /// How many operations it has.
    fn operations(&self) -> u64 {
        self.recording.end()
    }
}

fn check_found_again(player: &Player, unsure: &Unsure, number: u64) -> Result<(), String> {
    if player.setup != Setup::Buffered && !unsure.is_empty() {
        check_retry(player, &player.disk.after_cut(1), unsure)?;
    }
    // Every other time the power goes as well.
    let disk = match number % 4 {
        0 | 1 => player.disk.clone(),
        seed => player.disk.after_cut(seed - 2),
    };
    let builder = || {
        let builder = player.setup.builder().retention(Retention::KEEP_ALL);
        builder.clock(player.clock.clone())
    };
    let today = [one_more(player.today())];
    let allowed = |found: &Found| check_days(player, found);
    let (found, ends) = recover(&disk, builder(), allowed, &today, Look::Checked)?;
    // What was found was to last.
    let same = |left: &Found| still_there(&found, &ends, left);
    let left = disk.after_cut(0);
    let again = recover(&left, builder(), same, &today, Look::Short);
    again.map_err(|error| format!("opened, and cut off: {error}")).map(|_| ())
}

fn explore(setup: Setup, seed: u64) {
    let mut seed = seed + 1_000 * number_from("DIURNAL_FAULT_SEED", 0);
    let mut left = number_from("DIURNAL_FAULT_RUNS", RUNS_DEFAULT) / 3;
    while left > 0 {
        let begun = Instant::now();
        let sound = Sound::play(setup, seed);
        let faults = sound.operations() * faults(0).len() as u64;
        // Faults of every kind, and operations of every step.
        let stride = (faults / left).max(1) | 1;
        let workers = thread::available_parallelism().map_or(1, |count| count.get() as u64);
        let (done, failed) = (AtomicU64::new(0), AtomicBool::new(false));
        let (shared, count, failed) = (&sound, &done, &failed);
        thread::scope(|scope| {
            for worker in 0..workers {
                scope.spawn(move || {
                    let first = seed % stride + worker * stride;
                    for number in (first..faults).step_by((stride * workers) as usize) {
                        if failed.load(Ordering::Relaxed) {
                            return;
                        }
                        let outcome = catch_unwind(AssertUnwindSafe(|| shared.run(number)));
                        match outcome.unwrap_or_else(|_| Err(format!("a panic at {number}"))) {
                            Ok(()) => count.fetch_add(1, Ordering::Relaxed),
                            Err(error) => {
                                failed.store(true, Ordering::Relaxed);
                                panic!("{error}")
                            }
                        };
                    }
                });
            }
        });
        let (operations, done) = (sound.operations(), done.into_inner());
        println!(
            "{setup:?} script {seed}: {operations} operations, {done} runs, {:?}",
            begun.elapsed()
        );
        left = left.saturating_sub(done.max(1));
        seed += 10;
    }
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
fn below_the_floor_of_free_space_nothing_is_written_and_at_it_everything_is() {
    const FLOOR: u64 = 1_000_000;
    let disk = FaultyStorage::new();
    let store = small_blocks().free_bytes_min(FLOOR).open_on(&disk).unwrap();
    let log = |days: u32, number: i64| {
        let time = at(later(day("2026-11-23"), days), number);
        store.log_event(NewEvent::new(number, "t").server_time(time))
    };
    log(0, 0).unwrap();
    // A day that is open, and one that would be begun.
    for days in [0, 1] {
        disk.set_capacity_bytes(Some(disk.used_bytes() + FLOOR - 1));
        let before = disk.operations();
        let error = log(days, 1).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DiskFull, "{error}");
        assert!(error.to_string().contains("below the floor of 1000000"), "{error}");
        assert_eq!(disk.operations(), before, "the disk was written to");
        disk.set_capacity_bytes(Some(disk.used_bytes() + FLOOR));
        // Of a day that is begun, the files come first.
        let logged = log(days, 1);
        assert_eq!(logged.is_ok(), days == 0, "{logged:?}");
        disk.set_capacity_bytes(None);
        log(days, 2).unwrap();
    }
}

#[test]
fn a_day_that_was_begun_and_got_no_event_leaves_nothing_behind() {
    const FLOOR: u64 = 1_000_000;
    let disk = FaultyStorage::new();
    let builder = small_blocks().free_bytes_min(FLOOR).clock(noon(day("2026-11-24")));
    let store = builder.open_on(&disk).unwrap();
    let event = |date| NewEvent::new("a", "t").server_time(day(date).start());
    store.log_event(event("2026-11-24")).unwrap();
    // The files of the day take what its event would have needed.
    disk.set_capacity_bytes(Some(disk.used_bytes() + FLOOR));
    assert_eq!(store.log_event(event("2026-11-23")).unwrap_err().kind(), ErrorKind::DiskFull);
    assert!(disk.names().iter().any(|name| name.contains("2026-11-23")));
    disk.set_capacity_bytes(None);
    store.close().unwrap();
    assert!(!disk.names().iter().any(|name| name.contains("2026-11-23")), "{:?}", disk.names());
    assert_eq!(found_in(&small_blocks().open_on(&disk).unwrap()).unwrap().len(), 1);
}

#[test]
fn a_store_that_is_closed_after_a_failed_write_can_be_opened_while_a_clone_of_it_is_kept() {
    let disk = FaultyStorage::new();
    let event = |number| NewEvent::new(number, "t").server_time(at(day("2026-11-23"), number));
    let store = small_blocks().open_on(&disk).unwrap();
    store.log_event(event(0)).unwrap();
    disk.fail(Fault::io(disk.operations()));
    assert_eq!(store.log_event(event(1)).unwrap_err().kind(), ErrorKind::OutcomeUnknown);
    let kept = store.clone();
    for refused in [
        store.drop_day(day("2026-11-23")).err(),
        store.prune(&Retention::KEEP_ALL).err(),
        store.erase_session("0").err(),
        store.rebuild().err(),
    ] {
        assert_eq!(refused.map(|error| error.kind()), Some(ErrorKind::Poisoned));
    }
    assert_eq!(store.close().unwrap_err().kind(), ErrorKind::Poisoned);
    let again = small_blocks().open_on(&disk).unwrap();
    again.log_event(event(2)).unwrap();
    assert_eq!(kept.log_event(event(3)).unwrap_err().kind(), ErrorKind::Poisoned);
    assert_clean(&again);
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

#[test]
fn a_session_is_erased_from_a_day_whose_sealing_failed_too() {
    let first = day("2026-11-20");
    let mut not_sealed = 0;
    for operation in 0..60 {
        let disk = FaultyStorage::new();
        let store = small_blocks().clock(noon(first)).open_on(&disk).unwrap();
        let log = |days: u32| {
            let event = NewEvent::new("a session", "t").server_time(later(first, days).start());
            store.log_event(event)
        };
        (0..4).for_each(|days| assert!(log(days).is_ok()));
        disk.fail(Fault::io(disk.operations() + operation));
        let failed = log(4).err();
        disk.mend();
        match store.erase_session("a session") {
            Ok(report) => {
                let left = store.count(&Filter::session("a session")).unwrap();
                assert_eq!(
                    (left, report.verified),
                    (0, true),
                    "{operation}: {failed:?}, {report:?}"
                );
                not_sealed += u32::from(failed.is_some());
                assert_clean(&store);
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::Poisoned, "{operation}: {error}"),
        }
    }
    assert!(not_sealed > 0, "no sealing failed");
}

#[test]
fn a_log_that_has_events_and_comes_to_a_finished_day_from_elsewhere_is_left_alone() {
    let (first, disk) = (day("2026-11-22"), FaultyStorage::new());
    drop(two_days(&disk));
    let log = format!("days/{first}.log.redb");
    assert_eq!(disk.read(&log), None, "the day is finished");
    let late = || NewEvent::new("late", "t").server_time(first.start());
    let elsewhere = disk.after_cut(1);
    let store = small_blocks().clock(noon(first)).open_on(&elsewhere).unwrap();
    store.log_event(late()).unwrap();
    store.close().unwrap();
    let bytes = elsewhere.read(&log).unwrap();
    let store = small_blocks().clock(noon(first)).open_on(&disk).unwrap();
    disk.replace(&log, bytes);
    let refused = store.log_event(late()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Poisoned, "{refused}");
    drop(store);
    let store = small_blocks().clock(noon(first)).open_on(&disk).unwrap();
    assert_eq!(store.count(&Filter::session("late")).unwrap(), 1, "its event is there");
}

#[test]
fn a_store_that_fails_to_open_is_whole_when_it_is_opened_again() {
    let open = |disk: &FaultyStorage| small_blocks().clock(noon(day("2026-11-23"))).open_on(disk);
    let left = FaultyStorage::new();
    let store = two_days(&left);
    let (whole, left) = (found_in(&store).unwrap(), left.after_cut(0));
    drop(store);
    for fault in [Fault::io, Fault::full] {
        for operation in 0.. {
            let disk = left.after_cut(0);
            let failing = disk.operations() + operation;
            disk.fail(fault(failing));
            let opened = open(&disk);
            let ended = disk.operations() <= failing;
            drop(opened);
            disk.mend();
            let again = open(&disk).unwrap();
            assert_eq!(found_in(&again).unwrap(), whole, "operation {operation}");
            if ended {
                break;
            }
        }
    }
}
