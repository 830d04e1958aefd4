//! Goal: upkeep tells how far it has come, truly, and whoever listens can do it no harm; the program shows
//! it to nobody but a person.
//!
//! Method: everything that the calls tell is collected and compared with what they report. A day is dropped
//! by another thread while a call tells something, and a call's listener panics at each moment in turn.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::thread;

use diurnal::{Day, Progress, Retention, Store};
use tempfile::TempDir;

use crate::common::{
    DAY, Draft, Model, assert_clean, assert_holds, at, day, later, noon, small_blocks,
};

const FIRST: &str = "2026-11-20";
const DAYS: u32 = 5;
const EVENTS: u64 = 90;
const ALL: u64 = EVENTS * DAYS as u64;
/// A session with an event on the second and on the last day, of which the last is being written.
const SESSION: &str = "here and there";

struct Place {
    directory: TempDir,
    model: Model,
    store: Store,
}

impl Place {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let clock = noon(day(FIRST));
        let store =
            small_blocks().clock(clock.clone()).open(directory.path().join("store")).unwrap();
        let mut model = Model::default();
        for number in 0..DAYS {
            let today = later(day(FIRST), number);
            clock.set(at(today, DAY / 2));
            let draft = |n: u64| match (n, number) {
                (7, 1 | 4) => Draft::new(SESSION, "heartbeat", at(today, 7)),
                _ => Draft::numbered(n as usize, at(today, n as i64)),
            };
            let drafts: Vec<Draft> = (0..EVENTS).map(draft).collect();
            drafts.chunks(20).for_each(|batch| drop(model.log(&store, batch)));
        }
        store.close().unwrap();
        // Opening seals all but the newest day.
        let store = small_blocks().clock(clock).open(directory.path().join("store")).unwrap();
        Self { directory, model, store }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn day(&self, number: u32) -> Day {
        later(day(FIRST), number)
    }
}

/// What a call tells, and what it gives.
fn listen<T>(
    call: impl FnOnce(&mut dyn FnMut(Progress)) -> diurnal::Result<T>,
) -> (Vec<Progress>, T) {
    let mut told = Vec::new();
    let outcome = call(&mut |progress| told.push(progress)).unwrap();
    assert_eq!(told[0].done, 0);
    for pair in told.windows(2) {
        assert!(pair[0].done <= pair[1].done, "{pair:?}");
    }
    assert!(told.iter().all(|progress| progress.done <= progress.total), "{told:?}");
    let last = told[told.len() - 1];
    assert_eq!(last.done, last.total, "at the end all is done");
    (told, outcome)
}

/// The one total that was told from the beginning to the end.
fn total(told: &[Progress]) -> u64 {
    assert!(told.iter().all(|progress| progress.total == told[0].total), "{told:?}");
    told[0].total
}

#[test]
fn a_check_tells_of_every_event_once() {
    let place = Place::new();
    let (told, report) = listen(|tell| place.store.check_with(tell));
    assert_eq!((total(&told), report.events), (ALL, ALL));
    let done: Vec<u64> = told.iter().map(|progress| progress.done).collect();
    for days in 1..=u64::from(DAYS) {
        assert!(done.contains(&(days * EVENTS)), "after {days} days: {done:?}");
    }
    // The day that is being written has several parts.
    assert!(done.iter().any(|done| done % EVENTS != 0), "within a day: {done:?}");
    assert!(listen(|tell| Store::in_memory().unwrap().check_with(tell)).0.len() == 1);
}

#[test]
fn a_rebuild_tells_of_both_checks_and_of_what_it_writes_anew() {
    let place = Place::new();
    let (sound, _) = listen(|tell| place.store.rebuild_with(tell));
    assert_eq!(total(&sound), 2 * ALL);
    let file = place.path("store").join(format!("days/{}.day", place.day(2)));
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[600] ^= 4;
    std::fs::write(&file, bytes).unwrap();
    let (damaged, report) = listen(|tell| place.store.rebuild_with(tell));
    assert_eq!(report.days_rebuilt, [place.day(2)]);
    assert!(report.events_lost > 0, "{report:?}");
    assert_eq!(damaged[0].total, 2 * ALL);
    assert_eq!(damaged.last().unwrap().total, ALL + EVENTS + report.events);
}

#[test]
fn a_backup_tells_of_every_event_and_of_what_is_there_at_once() {
    let place = Place::new();
    let (first, report) = listen(|tell| place.store.backup_to_with(place.path("copy"), tell));
    assert_eq!((total(&first), report.copied.len()), (ALL, DAYS as usize));
    let sealed = |told: &[Progress]| {
        let all_but_one = ALL - EVENTS;
        told.iter().filter(|progress| progress.done < all_but_one).count()
    };
    // A sealed day is read to be checked and read to be copied.
    assert!(sealed(&first) > 2 * DAYS as usize, "{first:?}");
    let (second, report) = listen(|tell| place.store.backup_to_with(place.path("copy"), tell));
    assert_eq!((total(&second), report.kept.len()), (ALL, DAYS as usize - 1));
    assert_eq!(sealed(&second), DAYS as usize - 1);
}

#[test]
fn an_erasure_tells_of_the_days_that_may_hold_the_session() {
    let place = Place::new();
    let (told, report) = listen(|tell| place.store.erase_session_with(SESSION, tell));
    assert_eq!((report.days.len(), report.verified), (2, true));
    assert_eq!(total(&told), 2 * EVENTS);
}

#[test]
fn a_prune_tells_of_the_days_that_go() {
    let place = Place::new();
    let keep = Retention::KEEP_ALL.max_age_days(2);
    let (told, report) = listen(|tell| place.store.prune_with(&keep, tell));
    assert_eq!(report.dropped.len(), 3);
    let done: Vec<u64> = told.iter().map(|progress| progress.done).collect();
    assert_eq!((total(&told), done), (3 * EVENTS, vec![0, EVENTS, 2 * EVENTS, 3 * EVENTS]));
}

#[test]
fn what_is_done_does_not_fall_where_a_day_is_dropped_meanwhile() {
    let place = Place::new();
    let drop_one = |number: u32| {
        thread::scope(|scope| scope.spawn(|| place.store.drop_day(place.day(number))).join())
    };
    let mut dropped = 0;
    let (_, report) = listen(|tell| {
        place.store.check_with(|progress| {
            if dropped < 2 && progress.done >= u64::from(dropped) * EVENTS {
                // The second one while the first is checked.
                drop_one(dropped + 1).unwrap().unwrap();
                dropped += 1;
            }
            tell(progress);
        })
    });
    assert_eq!(dropped, 2);
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(report.events, ALL - 2 * EVENTS);
}

/// Makes the listener of a call panic at each moment in turn, until the call comes to its end; how often.
fn interrupted(call: impl Fn(&mut dyn FnMut(Progress))) -> u32 {
    let mut moments = 0;
    loop {
        let mut left = moments;
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            call(&mut |_| match left {
                0 => resume_unwind(Box::new("enough")),
                _ => left -= 1,
            });
        }));
        if outcome.is_ok() {
            return moments;
        }
        moments += 1;
    }
}

#[test]
fn a_listener_that_panics_costs_nothing() {
    let mut place = Place::new();
    let log = |place: &mut Place, number: u32| {
        let drafts = [Draft::numbered(number as usize, at(place.day(number % DAYS), 1_000))];
        place.model.log(&place.store, &drafts);
        assert_holds(&place.store, &place.model);
        assert_clean(&place.store);
    };
    let store = place.store.clone();
    assert!(interrupted(|tell| drop(store.check_with(tell).unwrap())) > DAYS);
    log(&mut place, 0);
    assert!(interrupted(|tell| drop(store.rebuild_with(tell).unwrap())) > 2 * DAYS);
    log(&mut place, 1);
    let copy = place.path("copy");
    assert!(interrupted(|tell| drop(store.backup_to_with(&copy, tell).unwrap())) > DAYS);
    assert_holds(&Store::open_read_only(&copy).unwrap(), &place.model);
    log(&mut place, 2);
    assert!(interrupted(|tell| drop(store.erase_session_with(SESSION, tell).unwrap())) > 2);
    assert!(store.erase_session(SESSION).unwrap().verified);
    let mut left = Model::default();
    let others = place.model.events.iter().filter(|event| event.session_id != SESSION);
    left.acknowledge(others.cloned()).unwrap();
    place.model = left;
    log(&mut place, 3);
    let keep = Retention::KEEP_ALL.max_age_days(2);
    assert!(interrupted(|tell| drop(store.prune_with(&keep, tell).unwrap())) > 2);
    (0..3).for_each(|number| place.model.drop_day(place.day(number)));
    assert_holds(&store, &place.model);
    log(&mut place, 4);
    store.close().unwrap();
}

#[cfg(feature = "cli")]
#[test]
fn nobody_but_a_person_is_shown_a_bar() {
    let place = crate::cli::Place::with_events();
    let copy = place.path("copy");
    let output = place.path("out.jsonl");
    // Expects nothing on standard error.
    place.prints("check", &[]);
    place.prints("check", &["--rebuild"]);
    place.prints("backup", &[copy.to_str().unwrap()]);
    place.prints("export", &["-o", output.to_str().unwrap()]);
    place.prints("erase", &["--session-id", "b", "--yes"]);
    place.prints("prune", &["--keep-days", "1"]);
}
