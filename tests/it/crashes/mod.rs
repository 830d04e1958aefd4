//! Goal: whenever the power goes, the store opens unaided and has all that it acknowledged, nothing that
//! it was not given, and every batch whole or absent.
//!
//! Method: a script chosen by a seed is run once on a disk that records each operation. From the
//! recording the disk is made that is found when the power goes at any operation, with any seed of
//! what survives; it is opened, compared with what was acknowledged by then, logged to and closed, and
//! that is cut again. `DIURNAL_CRASH_IMAGES` says how many disks to look at, all
//! scripts together; they are spread over all operations, and more seeds are tried where that is more
//! than there are operations.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test says what it expects by failing, and how much it looked at"
)]

pub(crate) mod script;
pub(crate) mod verify;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use diurnal::testing::{FaultyStorage, Recording};
use diurnal::{Clock, NewEvent};

use crate::common::{
    Draft, Model, Random, assert_clean, assert_same, at, day, everything, later, noon,
};
use script::{Moment, Player, Setup, State, script};
use verify::{Found, check_found, recover};

/// Disks that are looked at unless the environment says otherwise.
const IMAGES_DEFAULT: u64 = 9_000;
/// Seeds tried at each operation, at least: nothing, all, all but the end, and a mixture.
const SEEDS_MIN: u64 = 4;
const STEPS: usize = 500;

/// How many disks to look at in one of this many tests.
fn images(tests: u64) -> u64 {
    let wanted = std::env::var("DIURNAL_CRASH_IMAGES").ok();
    wanted.map_or(IMAGES_DEFAULT, |text| text.parse().expect("a number of images")) / tests
}

/// A script that was played.
struct Played {
    seed: u64,
    setup: Setup,
    recording: Recording,
    moments: Vec<Moment>,
    end: diurnal::Timestamp,
}

fn play(seed: u64, setup: Setup) -> Played {
    let mut player = Player::new(setup, FaultyStorage::new());
    player.play(&script(seed, STEPS));
    Played {
        seed,
        setup,
        recording: player.disk.recording(),
        moments: player.moments,
        end: player.clock.now(),
    }
}

impl Played {
    /// What must be there when the power goes at an operation: as before the step that is under way, or
    /// as after it.
    fn allowed(&self, operation: u64) -> (&State, &State, &str) {
        static NOTHING: State = State::new();
        let done = self.moments.partition_point(|moment| moment.operations <= operation);
        let before = done.checked_sub(1).map_or(&NOTHING, |place| &self.moments[place].state);
        match self.moments.get(done) {
            Some(moment) => (before, &moment.state, &moment.step),
            None => (before, before, "the end"),
        }
    }

    /// What is logged after a crash: an event of the day and one of the next.
    fn go_on(&self) -> [NewEvent; 2] {
        let clock = noon(diurnal::Day::of(self.end).unwrap());
        let tomorrow = noon(later(diurnal::Day::of(self.end).unwrap(), 1));
        [script::one_more(&clock), script::one_more(&tomorrow)]
    }

    fn builder(&self) -> diurnal::StoreBuilder {
        // What is pruned when the store is opened would be missed.
        self.setup.builder().retention(diurnal::Retention::KEEP_ALL).clock(noon_at(self.end))
    }

    /// Looks at one disk, cut at an operation, and again while it recovers; how many disks that
    /// were.
    fn look(&self, disk: &FaultyStorage, operation: u64, seed: u64) -> Result<u64, String> {
        let (before, after, _) = self.allowed(operation);
        disk.record();
        let found = recover(
            disk,
            self.builder(),
            |found| check_found(found, before, after),
            &self.go_on(),
        )?;
        let recording = disk.recording();
        let mut random = Random::new(operation ^ seed.rotate_left(40));
        let again = random.below(recording.end() as usize + 1) as u64;
        let mut replay = recording.replay();
        replay.advance_to(again);
        let seed = if seed < 3 { seed } else { 3 + random.next() % 1_000 };
        let second = replay.after_cut(seed);
        let same = |left: &Found| still_there(&found, left);
        recover(&second, self.builder(), same, &self.go_on()).map_err(|error| {
            let trace = around(&recording, again);
            format!("cut again at {again}, seed {seed}: {error}\nrecovering:\n{trace}")
        })?;
        Ok(2)
    }

    /// Looks at about so many disks; how many those were.
    fn explore(&self, images: u64) -> u64 {
        let points = self.recording.end() + 1;
        let seeds = (images / 2 / points).max(SEEDS_MIN);
        let stride = (points * seeds * 2).div_ceil(images.max(1)).max(1);
        let workers = thread::available_parallelism().map_or(1, |count| count.get() as u64);
        let looked = AtomicU64::new(0);
        let (looked_at, offset) = (&looked, self.seed % stride);
        let work = move |worker: u64| {
            let mut replay = self.recording.replay();
            for operation in (offset + worker * stride..points).step_by((stride * workers) as usize)
            {
                replay.advance_to(operation);
                for seed in 0..seeds {
                    // Operations differ in the mixtures that they are given.
                    let seed = if seed < 3 { seed } else { seed + operation * 1_000 };
                    let disk = replay.after_cut(seed);
                    let outcome =
                        catch_unwind(AssertUnwindSafe(|| self.look(&disk, operation, seed)));
                    match outcome.unwrap_or_else(|_| Err("a panic".to_owned())) {
                        Ok(disks) => looked_at.fetch_add(disks, Ordering::Relaxed),
                        Err(error) => panic!("{}", self.complaint(operation, seed, &error)),
                    };
                }
            }
        };
        thread::scope(|scope| {
            for worker in 0..workers {
                scope.spawn(move || work(worker));
            }
        });
        looked.into_inner()
    }

    fn complaint(&self, operation: u64, seed: u64, error: &str) -> String {
        let (.., step) = self.allowed(operation);
        format!(
            "{:?} script {}, cut at operation {operation} ({step}), seed {seed}: {error}\n{}",
            self.setup,
            self.seed,
            around(&self.recording, operation)
        )
    }
}

fn noon_at(time: diurnal::Timestamp) -> std::sync::Arc<diurnal::ManualClock> {
    noon(diurnal::Day::of(time).unwrap())
}

/// Everything found before is found again; what was logged on may be there besides.
fn still_there(before: &Found, found: &Found) -> Result<(), String> {
    for (day, events) in before {
        let again = found.get(day).map_or(&[][..], Vec::as_slice);
        if !again.starts_with(events) {
            return Err(format!("{day} had {} events and has {}", events.len(), again.len()));
        }
    }
    let more = |(day, events): (&diurnal::Day, &Vec<diurnal::Event>)| {
        let known = before.get(day).map_or(0, Vec::len);
        events[known..].iter().all(|event| event.session_id == "one more")
            && events.len() <= known + 1
    };
    match found.iter().all(more) {
        true => Ok(()),
        false => Err("there is what was never given".to_owned()),
    }
}

/// The trace around an operation.
fn around(recording: &Recording, operation: u64) -> String {
    let at = (operation - recording.first()) as usize;
    let trace = recording.trace();
    let range = at.saturating_sub(25)..trace.len().min(at + 10);
    trace[range].join("\n")
}

/// Explores a script; `DIURNAL_CRASH_SEED` chooses another.
fn explore(seed: u64, setup: Setup) {
    let other = std::env::var("DIURNAL_CRASH_SEED").ok();
    let seed = seed + 10 * other.map_or(0, |text| text.parse::<u64>().expect("a number"));
    let begun = Instant::now();
    let played = play(seed, setup);
    let (steps, operations) = (played.moments.len(), played.recording.end());
    let looked = played.explore(images(3));
    println!(
        "{setup:?} script {seed}: {steps} steps, {operations} operations, {looked} disks, {:?}",
        begun.elapsed()
    );
}

#[test]
fn a_store_that_others_read_survives_a_power_cut_at_any_operation() {
    explore(1, Setup::Readers);
}

#[test]
fn a_store_of_one_process_survives_a_power_cut_at_any_operation() {
    explore(2, Setup::Alone);
}

#[test]
fn a_buffered_store_loses_no_more_than_its_window_in_a_power_cut() {
    explore(3, Setup::Buffered);
}

#[test]
fn what_an_interrupted_fold_leaves_is_no_damage() {
    let disk = FaultyStorage::new();
    let store = Setup::Readers.builder().open_on(&disk).unwrap();
    let drafts: Vec<_> =
        (0..40).map(|n| Draft::numbered(n, at(day("2026-11-23"), n as i64))).collect();
    let mut model = Model::default();
    for draft in &drafts[..31] {
        model.log(&store, std::slice::from_ref(draft));
    }
    disk.record();
    store.log_event(drafts[31].event()).unwrap();
    let recording = disk.recording();
    let mut replay = recording.replay();
    for operation in recording.first()..recording.end() {
        replay.advance_to(operation);
        for seed in 0..20 {
            let store = Setup::Readers.builder().open_on(&replay.after_cut(seed)).unwrap();
            assert_same(&everything(&store)[..31], &model.events, "what was acknowledged");
            assert_clean(&store);
        }
    }
}

/// A store of three days with a flipped bit in a block of two of them.
fn damaged() -> FaultyStorage {
    let disk = FaultyStorage::new();
    let days = [day("2026-11-21"), day("2026-11-22"), day("2026-11-23")];
    let clock = noon(days[2]);
    let store = Setup::Readers.builder().clock(clock).open_on(&disk).unwrap();
    for number in 0..150 {
        let draft = Draft::numbered(number, at(days[number % 3], number as i64));
        store.log_event(draft.event()).unwrap();
    }
    store.close().unwrap();
    for day in [days[0], days[2]] {
        assert!(disk.flip(&format!("days/{day}.day"), 1_000, 0x10));
    }
    disk
}

#[test]
fn a_rebuild_that_is_cut_short_loses_nothing_that_could_be_read() {
    let disk = damaged();
    let builder = || Setup::Readers.builder().clock(noon(day("2026-11-23")));
    disk.record();
    let store = builder().open_on(&disk).unwrap();
    let report = store.rebuild().unwrap();
    assert_eq!(report.days_rebuilt.len(), 2, "{report:?}");
    let salvaged = everything(&store);
    assert!((100..150).contains(&salvaged.len()), "{} events", salvaged.len());
    store.close().unwrap();
    let recording = disk.recording();
    let mut replay = recording.replay();
    for operation in recording.first()..=recording.end() {
        replay.advance_to(operation);
        for seed in (0..3).chain(operation * 1_000..operation * 1_000 + 5) {
            let disk = replay.after_cut(seed);
            let store = builder().open_on(&disk).unwrap();
            store.rebuild().unwrap();
            let what = format!(
                "cut at operation {operation}, seed {seed}\n{}",
                around(&recording, operation)
            );
            assert_same(&everything(&store), &salvaged, &what);
            assert_clean(&store);
            let aside = disk.names().iter().filter(|name| name.ends_with(".damaged")).count();
            assert!(aside >= 2, "{what}: the damaged files are kept, in {:?}", disk.names());
        }
    }
}
