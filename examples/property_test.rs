//! How a program that logs is tested with drawn lives: a kiosk notes each visitor exactly once, although
//! its disk fails at any moment and its power is cut at any other.
//!
//! Run it with `cargo run --example property_test --features testing`. In a program of your own the kiosk is
//! your code, and `main` is a test. A life that goes wrong is made as short as possible and printed.

#![allow(clippy::print_stdout, reason = "what it finds is printed")]

use std::cell::Cell;
use std::error::Error;
use std::sync::Arc;

use diurnal::testing::proptest::collection::vec;
use diurnal::testing::proptest::option;
use diurnal::testing::proptest::prelude::*;
use diurnal::testing::proptest::test_runner::TestRunner;
use diurnal::testing::{Fault, FaultyStorage, ManualClock, Model, strategies};
use diurnal::{Clock, Event, Filter, NewEvent, Query, Store, Timestamp, event_type};

const LIVES: u32 = 200;

/// The program under test. It gets its disk and its clock from outside, and holds a store that can be
/// opened again.
struct Kiosk {
    disk: FaultyStorage,
    clock: Arc<ManualClock>,
    store: Option<Store>,
    retries: usize,
}

impl Kiosk {
    /// How often a visit is tried: more often than its disk fails here.
    const ATTEMPTS: usize = 4;

    fn new(disk: FaultyStorage, clock: Arc<ManualClock>) -> Self {
        Self { disk, clock, store: None, retries: 0 }
    }

    fn store(&mut self) -> diurnal::Result<Store> {
        if let Some(store) = &self.store {
            return Ok(store.clone());
        }
        let builder = Store::builder().clock(Arc::clone(&self.clock));
        let store = builder.open_on(&self.disk)?;
        self.store = Some(store.clone());
        Ok(store)
    }

    /// Notes a visit. Its ticket tells it from all others, so that it is never noted twice.
    fn note(&mut self, visit: &NewEvent, ticket: &str) -> diurnal::Result<()> {
        let mut outcome = self.try_note(visit, ticket);
        for _ in 1..Self::ATTEMPTS {
            if outcome.is_ok() {
                break;
            }
            // After a failed write the store wants to be opened again. The visit may be there.
            self.store = None;
            self.retries += 1;
            outcome = self.try_note(visit, ticket);
        }
        outcome
    }

    fn try_note(&mut self, visit: &NewEvent, ticket: &str) -> diurnal::Result<()> {
        let store = self.store()?;
        if store.count(&Filter::DataContains(ticket.to_owned()))? == 0 {
            store.log_event(visit.clone())?;
        }
        Ok(())
    }
}

/// What happens to the disk while a visit is noted, after so many operations of it.
#[derive(Debug, Clone, Copy)]
enum Mishap {
    Fails { after: u64 },
    LosesPower { after: u64, seed: u64 },
}

/// A visitor, the time of the visit, and what happens meanwhile.
type Visit = (u32, Timestamp, Option<Mishap>);

fn mishap() -> impl Strategy<Value = Mishap> {
    prop_oneof![
        (0_u64..12).prop_map(|after| Mishap::Fails { after }),
        (0_u64..12, any::<u64>()).prop_map(|(after, seed)| Mishap::LosesPower { after, seed }),
    ]
}

fn visits() -> impl Strategy<Value = Vec<Visit>> {
    vec((0_u32..5, strategies::timestamp(), option::of(mishap())), 1..12)
}

/// Lives a life twice, in the kiosk and in the model, and compares them after each visit. How often
/// the kiosk tried again.
fn live(visits: Vec<Visit>) -> Result<usize, Box<dyn Error>> {
    let mut disk = FaultyStorage::new();
    let clock = Arc::new(ManualClock::new(Timestamp::default()));
    let mut kiosk = Kiosk::new(disk.clone(), Arc::clone(&clock));
    let mut model = Model::default();
    let mut retries = 0;
    for (number, (visitor, time, mishap)) in visits.into_iter().enumerate() {
        clock.set(time);
        let next = disk.operations();
        match mishap {
            Some(Mishap::Fails { after }) => disk.fail(Fault::io(next + after)),
            Some(Mishap::LosesPower { after, .. }) => disk.cut_at(next + after),
            None => {}
        }
        let ticket = format!("ticket {number}.");
        let visit = NewEvent::new(visitor, event_type::START_SESSION).data(&ticket);
        match (kiosk.note(&visit, &ticket), mishap) {
            (Ok(()), _) => {
                model.log_events([visit], clock.now())?;
            }
            // The power went: the visit may have been noted, and all others were.
            (Err(_), Some(Mishap::LosesPower { seed, .. })) => {
                model.doubt([visit], clock.now())?;
                disk = disk.after_cut(seed);
                retries += kiosk.retries;
                kiosk = Kiosk::new(disk.clone(), Arc::clone(&clock));
                let found = kiosk.store()?.query(&Query::new())?;
                model.recover(found.collect::<diurnal::Result<Vec<Event>>>()?)?;
            }
            (Err(error), _) => return Err(error.into()),
        }
        disk.mend();
        model.compare_all(&kiosk.store()?)?;
    }
    Ok(retries + kiosk.retries)
}

fn main() -> Result<(), Box<dyn Error>> {
    let retries = Cell::new(0);
    // A test keeps the seeds of lives that failed; here nothing is left behind.
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(LIVES) };
    let mut runner = TestRunner::new(config);
    let lived = runner.run(&visits(), |visits| {
        let tried_again = live(visits).map_err(|error| TestCaseError::fail(error.to_string()))?;
        retries.set(retries.get() + tried_again);
        Ok(())
    });
    lived.map_err(|error| error.to_string())?;
    println!("{LIVES} lives, {} visits tried again, each noted exactly once.", retries.get());
    Ok(())
}
