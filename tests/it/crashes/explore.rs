//! The disks that a script may leave behind, and how many of them were looked at.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use std::collections::HashSet;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use diurnal::testing::{FaultyStorage, Recording, Replay};
use diurnal::{Day, Event, Retention, StoreBuilder};

use super::script::{Moment, Player, Setup, State, one_more, script, with_upkeep};
use super::verify::{Ends, Found, Look, check_clean, check_found, found_in, recover};
use crate::common::{Random, day, later, noon};

/// Seeds tried at each operation: nothing, all, all but the end, and mixtures.
const VARIANTS_MIN: u64 = 4;
const VARIANTS_MAX: u64 = 12;
/// One disk in so many is closed as well, and cut again so often on the way there.
const THOROUGH_EVERY: u64 = 8;
const CUTS_AGAIN: u64 = 4;

/// How much was looked at.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    cuts: AtomicU64,
    looked_at: AtomicU64,
    again: AtomicU64,
    again_looked_at: AtomicU64,
    seen: Mutex<HashSet<(u64, usize)>>,
    /// Set once a disk was not as it must be.
    failed: AtomicBool,
}

impl Counts {
    /// Whether this disk, after so many steps, has not been seen yet.
    fn is_new(&self, disk: &FaultyStorage, steps: usize) -> bool {
        self.seen.lock().unwrap().insert((disk.fingerprint(), steps))
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (cuts, looked_at) = (of(&self.cuts), of(&self.looked_at));
        let (again, again_looked_at) = (of(&self.again), of(&self.again_looked_at));
        write!(
            f,
            "{cuts} power cuts, {looked_at} disks that differ; \
             {again} cuts in recovery, {again_looked_at} disks that differ"
        )
    }
}

/// A script that was played.
pub(crate) struct Played {
    seed: u64,
    setup: Setup,
    pub(crate) recording: Recording,
    pub(crate) moments: Vec<Moment>,
}

/// Plays a script of so many steps.
pub(crate) fn play(seed: u64, setup: Setup, steps: usize) -> Played {
    let mut player = Player::new(setup, FaultyStorage::new());
    player.play(&with_upkeep(seed, script(seed, steps)));
    Played { seed, setup, recording: player.disk.recording(), moments: player.moments }
}

/// What must be there when the power goes: as before the step that is under way, or as after it.
struct Allowed<'a> {
    steps: usize,
    before: &'a State,
    after: &'a State,
    today: Day,
    step: &'a str,
    /// The session that the step erases: of all days or of none.
    erased: Option<&'a str>,
}

impl Allowed<'_> {
    fn check(&self, found: &Found) -> Result<Ends, String> {
        match self.erased {
            None => check_found(found, &[self.before, self.after]),
            Some(_) => check_found(found, &[self.after]).or_else(|after| {
                let checked = check_found(found, &[self.before]);
                checked.map_err(|before| format!("before the erasure {before}; after it {after}"))
            }),
        }
    }
}

impl Played {
    fn allowed(&self, operation: u64) -> Allowed<'_> {
        static NOTHING: State = State::new();
        let steps = self.moments.partition_point(|moment| moment.operations <= operation);
        let last = steps.checked_sub(1).map(|place| &self.moments[place]);
        let before = last.map_or(&NOTHING, |moment| &moment.state);
        let today = last.map_or(day("2026-11-23"), |moment| moment.today);
        let (after, step, erased) = match self.moments.get(steps) {
            Some(moment) => (&moment.state, moment.step.as_str(), moment.erased.as_deref()),
            None => (before, "the end", None),
        };
        Allowed { steps, before, after, today, step, erased }
    }

    fn builder(&self, today: Day) -> StoreBuilder {
        // What is pruned when the store is opened would be missed.
        self.setup.builder().retention(Retention::KEEP_ALL).clock(noon(today))
    }

    /// Looks at one disk, cut at an operation, and at some again while it recovers.
    fn look(
        &self,
        disk: &FaultyStorage,
        operation: u64,
        seed: u64,
        counts: &Counts,
    ) -> Result<(), String> {
        let allowed = self.allowed(operation);
        count(&counts.cuts);
        if !counts.is_new(disk, allowed.steps) {
            return Ok(());
        }
        count(&counts.looked_at);
        let mut random = Random::new(operation ^ seed.rotate_left(40));
        let thorough = random.next().is_multiple_of(THOROUGH_EVERY);
        let check = |found: &Found| allowed.check(found);
        let builder = || self.builder(allowed.today);
        let today = [one_more(allowed.today)];
        if !thorough {
            let look = if random.below(2) == 0 { Look::Short } else { Look::Checked };
            if let (Some(session), Look::Checked) = (allowed.erased, look) {
                erase_again(&disk.after_cut(1), builder(), session, &allowed)?;
            }
            return recover(disk, builder(), check, &today, look).map(|_| ());
        }
        let go_on = [one_more(allowed.today), one_more(later(allowed.today, 1))];
        disk.record();
        let (found, ends) = recover(disk, builder(), check, &go_on, Look::Closed)?;
        let recording = disk.recording();
        for _ in 0..CUTS_AGAIN {
            let again = random.below(recording.end() as usize + 1) as u64;
            let seed = random.next() % 1_000;
            let mut replay = recording.replay();
            replay.advance_to(again);
            let second = replay.after_cut(if seed < 300 { seed % 3 } else { seed });
            count(&counts.again);
            if !counts.is_new(&second, usize::MAX - allowed.steps) {
                continue;
            }
            count(&counts.again_looked_at);
            let same = |left: &Found| still_there(&found, &ends, left);
            recover(&second, builder(), same, &today, Look::Checked).map_err(|error| {
                let trace = around(&recording, again);
                format!("cut again at {again}, seed {seed}: {error}\nrecovering:\n{trace}")
            })?;
        }
        Ok(())
    }

    /// Cuts the power about so often.
    pub(crate) fn explore(&self, cuts: u64, counts: &Counts) {
        let points = self.recording.end() + 1;
        let variants = (cuts / points).clamp(VARIANTS_MIN, VARIANTS_MAX);
        let stride = (points * variants).div_ceil(cuts.max(1)).max(1);
        let workers = thread::available_parallelism().map_or(1, |count| count.get() as u64);
        let offset = self.seed % stride;
        let work = |worker: u64| {
            let mut replay = self.recording.replay();
            for operation in (offset + worker * stride..points).step_by((stride * workers) as usize)
            {
                if counts.failed.load(Ordering::Relaxed) {
                    return;
                }
                replay.advance_to(operation);
                self.explore_at(operation, variants, &replay, counts);
            }
        };
        thread::scope(|scope| {
            for worker in 0..workers {
                let work = &work;
                scope.spawn(move || work(worker));
            }
        });
    }

    fn explore_at(&self, operation: u64, variants: u64, replay: &Replay<'_>, counts: &Counts) {
        for seed in 0..variants {
            // Operations differ in the mixtures that they are given.
            let seed = if seed < 3 { seed } else { seed + operation * 1_000 };
            let disk = replay.after_cut(seed);
            let look = || self.look(&disk, operation, seed, counts);
            let outcome = catch_unwind(AssertUnwindSafe(look));
            if let Err(error) = outcome.unwrap_or_else(|_| Err("a panic".to_owned())) {
                counts.failed.store(true, Ordering::Relaxed);
                panic!("{}", self.complaint(operation, seed, &error));
            }
        }
    }

    fn complaint(&self, operation: u64, seed: u64, error: &str) -> String {
        let step = self.allowed(operation).step;
        format!(
            "{:?} script {}, cut at operation {operation} ({step}), seed {seed}: {error}\n{}",
            self.setup,
            self.seed,
            around(&self.recording, operation)
        )
    }
}

/// Everything found before is found again; what was logged on may be there besides.
pub(crate) fn still_there(before: &Found, ends: &Ends, found: &Found) -> Result<Ends, String> {
    for (day, events) in before {
        let again = found.get(day).map_or(&[][..], Vec::as_slice);
        if !again.starts_with(events) {
            return Err(format!("{day} had {} events and has {}", events.len(), again.len()));
        }
    }
    let more = |(day, events): (&Day, &Vec<Event>)| {
        let known = before.get(day).map_or(0, Vec::len);
        events[known..].iter().all(|event| event.session_id == "one more")
            && events.len() <= known + 1
    };
    if !found.iter().all(more) {
        return Err("there is what was never given".to_owned());
    }
    let mut ends = ends.clone();
    for (day, events) in found {
        if let Some(last) = events.get(before.get(day).map_or(0, Vec::len)) {
            ends.insert(*day, vec![last.id.ordinal() + 1]);
        }
    }
    Ok(ends)
}

/// Asks for an erasure that was cut, whether it is ended by now or not: it is whole afterwards.
fn erase_again(
    disk: &FaultyStorage,
    builder: StoreBuilder,
    session: &str,
    allowed: &Allowed<'_>,
) -> Result<(), String> {
    let store = builder.open_on(disk).map_err(|error| format!("opening to erase: {error}"))?;
    let report = store.erase_session(session).map_err(|error| format!("erasing again: {error}"))?;
    let mut after = allowed.after.clone();
    for (day, expected) in &mut after {
        // What waited may be lost to the cut.
        expected.durable = allowed.before.get(day).map_or(0, |before| before.durable);
    }
    check_found(&found_in(&store)?, &[&after]).map_err(|error| format!("erased again: {error}"))?;
    check_clean(&store)?;
    match report.verified {
        true => Ok(()),
        false => Err(format!("erased again: {report:?}")),
    }
}

/// The trace around an operation.
pub(crate) fn around(recording: &Recording, operation: u64) -> String {
    let at = (operation - recording.first()) as usize;
    let trace = recording.trace();
    let range = at.saturating_sub(25)..trace.len().min(at + 10);
    trace[range].join("\n")
}
