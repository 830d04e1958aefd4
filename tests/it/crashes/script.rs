//! Scripts: what a store is made to do, chosen by a seed, and what it must hold at each moment of
//! it, whenever the power goes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use diurnal::testing::FaultyStorage;
use diurnal::{
    Clock, Day, Durability, Error, Event, EventId, ManualClock, NewEvent, Retention, Store,
    StoreBuilder, Timestamp,
};

use super::copies::Copy;
use crate::common::{DAY, Draft, Random, at, day, later, noon, small_blocks};

/// Events that wait in a buffered store, at most.
const WINDOW: usize = 7;

/// Steps from one erasure or backup to the next, where a script has them.
const EVERY: usize = 40;

/// How a store is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setup {
    /// As by default: other processes may read.
    Readers,
    /// One process alone, and days pruned by the store itself.
    Alone,
    Buffered,
}

impl Setup {
    /// The age at which the store drops days by itself.
    pub(crate) fn max_age_days(self) -> Option<u32> {
        (self == Self::Alone).then_some(4)
    }

    pub(crate) fn builder(self) -> StoreBuilder {
        let keep_all = Retention::KEEP_ALL;
        let retention = self.max_age_days().map_or(keep_all, |days| keep_all.max_age_days(days));
        let builder = small_blocks().retention(retention);
        match self {
            Self::Readers => builder,
            Self::Alone => builder.shared_readers(false),
            Self::Buffered => builder.durability(Durability::Buffered {
                max_delay: Duration::from_secs(86_400),
                max_events: WINDOW,
            }),
        }
    }
}

/// One thing that a store is made to do.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Log(Vec<Draft>),
    Tomorrow,
    Flush,
    Prune(u32),
    Drop(Day),
    Rebuild,
    Reopen,
    /// Erases a session.
    Erase(String),
    Backup,
}

/// Events of one call and one day.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    /// Those that were not erased.
    pub(crate) events: Arc<Vec<Event>>,
    /// The ordinal after its last.
    pub(crate) end: u32,
}

/// What a day must hold: its batches in order, of which so many must be there.
#[derive(Debug, Clone, Default)]
pub(crate) struct Expected {
    pub(crate) batches: Vec<Batch>,
    pub(crate) durable: usize,
}

impl Expected {
    /// The ordinal that the next event gets.
    pub(crate) fn end(&self) -> u32 {
        self.batches.last().map_or(0, |batch| batch.end)
    }

    pub(crate) fn push(&mut self, events: Vec<Event>) {
        let end = self.end() + events.len() as u32;
        self.batches.push(Batch { events: Arc::new(events), end });
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.batches.iter().flat_map(|batch| batch.events.iter().cloned()).collect()
    }

    pub(crate) fn sizes(&self) -> Vec<usize> {
        self.batches.iter().map(|batch| batch.events.len()).collect()
    }

    fn erase(&mut self, session: &str) {
        for batch in &mut self.batches {
            if batch.events.iter().any(|event| event.session_id == session) {
                Arc::make_mut(&mut batch.events).retain(|event| event.session_id != session);
            }
        }
    }
}

pub(crate) type State = BTreeMap<Day, Expected>;

/// The moment that a step was done.
#[derive(Debug, Clone)]
pub(crate) struct Moment {
    /// The number of the first operation after it.
    pub(crate) operations: u64,
    pub(crate) state: State,
    pub(crate) today: Day,
    pub(crate) step: String,
    /// The session that the step has erased.
    pub(crate) erased: Option<String>,
}

/// A store that follows a script.
pub(crate) struct Player {
    pub(crate) disk: FaultyStorage,
    pub(crate) setup: Setup,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Option<Store>,
    pub(crate) state: State,
    pub(crate) moments: Vec<Moment>,
    /// What days may be instead, since something failed.
    pub(crate) may_be: BTreeMap<Day, Vec<Expected>>,
    /// Whether writes may fail, which the next flush tells.
    pub(crate) fails: bool,
    waiting: usize,
    copy: Copy,
    /// Where the store was closed and opened again.
    pub(crate) starts: Vec<Start>,
}

/// A moment at which the store is closed: a run can begin there.
#[derive(Debug, Clone)]
pub(crate) struct Start {
    /// Steps done.
    pub(crate) steps: usize,
    /// The number of the next operation.
    pub(crate) operations: u64,
    state: State,
    now: Timestamp,
}

/// A script of so many steps.
pub(crate) fn script(seed: u64, steps: usize) -> Vec<Step> {
    let mut random = Random::new(seed);
    let mut today = day("2026-11-23");
    let mut number = 0;
    let mut drafts = |random: &mut Random, days: &[Day], count: usize| -> Vec<Draft> {
        let draft = |_| {
            number += 1;
            Draft::numbered(number, at(*random.pick(days), random.below(DAY as usize) as i64))
        };
        (0..count).map(draft).collect()
    };
    let mut script = Vec::new();
    while script.len() < steps {
        let before = |days: usize| Day::from_number(today.number() - days as u32).unwrap();
        let step = match random.below(100) {
            0..=49 => Step::Log(drafts(&mut random, &[today], 1)),
            50..=62 => {
                let count = 2 + random.below(9);
                Step::Log(drafts(&mut random, &[today], count))
            }
            63..=65 => {
                let count = 16 + random.below(30);
                Step::Log(drafts(&mut random, &[today], count))
            }
            66..=72 => {
                let count = 2 + random.below(9);
                Step::Log(drafts(&mut random, &[before(1), today], count))
            }
            73..=81 => {
                let late = before(random.below(6));
                Step::Log(drafts(&mut random, &[late], 1))
            }
            82..=88 => {
                today = later(today, 1);
                Step::Tomorrow
            }
            89..=91 => Step::Flush,
            92..=93 => Step::Prune(3),
            94 => Step::Drop(before(random.below(4))),
            95 => Step::Rebuild,
            _ => Step::Reopen,
        };
        script.push(step);
    }
    script
}

/// The script with erasures and backups in the places of some of its events.
pub(crate) fn with_upkeep(seed: u64, mut script: Vec<Step>) -> Vec<Step> {
    let mut random = Random::new(seed);
    for place in (EVERY..script.len()).step_by(EVERY) {
        let near = &mut script[place..];
        let Some(step) = near.iter_mut().find(|step| matches!(step, Step::Log(_))) else { break };
        *step = match random.below(3) {
            0 => Step::Backup,
            _ => Step::Erase(format!("session {}", random.below(7))),
        };
    }
    script
}

impl Player {
    pub(crate) fn new(setup: Setup, disk: FaultyStorage) -> Self {
        Self {
            disk,
            setup,
            clock: noon(day("2026-11-23")),
            store: None,
            state: State::new(),
            moments: Vec::new(),
            may_be: BTreeMap::new(),
            fails: false,
            waiting: 0,
            copy: Copy::new(),
            starts: Vec::new(),
        }
    }

    /// A player who goes on from a start, on the disk as it was then.
    pub(crate) fn from_start(setup: Setup, disk: FaultyStorage, start: &Start) -> Self {
        let player = Self { state: start.state.clone(), ..Self::new(setup, disk) };
        player.clock.set(start.now);
        player
    }

    fn note_start(&mut self, steps: usize) {
        let (operations, state) = (self.disk.operations(), self.state.clone());
        self.starts.push(Start { steps, operations, state, now: self.clock.now() });
    }

    /// Plays a whole script, recorded, and notes what must be there after each step.
    pub(crate) fn play(&mut self, script: &[Step]) {
        self.disk.record();
        self.note_start(0);
        self.open().unwrap();
        self.note("open".to_owned(), None);
        for (number, step) in script.iter().enumerate() {
            let mut words = format!("{step:?}");
            words.truncate(60);
            self.step(step).unwrap_or_else(|error| panic!("{words}: {error}"));
            let erased = match step {
                Step::Erase(session) => Some(session.clone()),
                _ => None,
            };
            self.note(words, erased);
            if let Some(start) = self.starts.last_mut().filter(|start| start.steps == usize::MAX) {
                start.steps = number + 1;
            }
        }
        self.close().unwrap();
        self.note("close".to_owned(), None);
    }

    /// Plays a script until a step fails.
    pub(crate) fn play_until_it_fails(&mut self, script: &[Step]) {
        if self.open().is_ok() {
            // The script ends or the disk does.
            let _ = script.iter().try_for_each(|step| {
                self.step(step)?;
                self.forget_dropped()
            });
        }
        self.store = None;
    }

    /// Today by the store's clock.
    pub(crate) fn today(&self) -> Day {
        Day::of(self.clock.now()).unwrap()
    }

    fn note(&mut self, step: String, erased: Option<String>) {
        self.forget_dropped().unwrap();
        let (operations, state) = (self.disk.operations(), self.state.clone());
        let today = self.today();
        self.moments.push(Moment { operations, state, today, step, erased });
    }

    /// Forgets the days that the store has dropped.
    fn forget_dropped(&mut self) -> Result<(), Error> {
        if let Some(store) = &self.store {
            let days: Vec<_> = store.days()?.iter().map(|info| info.day).collect();
            self.state.retain(|day, _| days.contains(day));
        }
        Ok(())
    }

    pub(crate) fn open(&mut self) -> Result<(), Error> {
        let builder = self.setup.builder().clock(self.clock.clone());
        self.store = Some(builder.open_on(&self.disk)?);
        Ok(())
    }

    pub(crate) fn close(&mut self) -> Result<(), Error> {
        if let Some(store) = self.store.take() {
            store.close()?;
        }
        self.settled();
        Ok(())
    }

    pub(crate) fn step(&mut self, step: &Step) -> Result<(), Error> {
        let store = self.store.clone().unwrap();
        match step {
            Step::Log(drafts) => self.log(&store, drafts)?,
            Step::Tomorrow => self.clock.advance(Duration::from_secs(86_400)),
            Step::Flush => {
                store.flush()?;
                self.settled();
            }
            Step::Prune(days) => {
                store.flush()?;
                self.settled();
                store.prune(&Retention::KEEP_ALL.max_age_days(*days))?;
            }
            Step::Drop(day) => {
                store.flush()?;
                self.settled();
                if self.state.contains_key(day) {
                    store.drop_day(*day)?;
                    self.state.remove(day);
                }
            }
            Step::Rebuild => {
                store.rebuild()?;
                self.settled();
            }
            Step::Reopen => {
                drop(store);
                self.close()?;
                // Its number is known to whoever counts the steps.
                self.note_start(usize::MAX);
                self.open()?;
            }
            Step::Erase(session) => {
                assert!(store.erase_session(session)?.verified);
                self.settled();
                self.state.values_mut().for_each(|expected| expected.erase(session));
            }
            Step::Backup => {
                store.flush()?;
                self.settled();
                self.copy.refresh(self.setup, &store, &self.state);
            }
        }
        Ok(())
    }

    fn log(&mut self, store: &Store, drafts: &[Draft]) -> Result<(), Error> {
        let ids = store.log_events(drafts.iter().map(Draft::event))?;
        self.accepted(drafts.iter().zip(ids));
        Ok(())
    }

    /// Notes what the store has taken, with the ids that it gave.
    pub(crate) fn accepted<'a>(&mut self, logged: impl Iterator<Item = (&'a Draft, EventId)>) {
        let mut by_day = BTreeMap::<Day, Vec<Event>>::new();
        for (draft, id) in logged {
            by_day.entry(id.day()).or_default().push(draft.logged(id));
        }
        let mut written = self.setup != Setup::Buffered;
        for (day, events) in by_day {
            self.waiting += events.len();
            let expected = self.state.entry(day).or_default();
            if events[0].id.ordinal() == 0 && self.may_be.contains_key(&day) {
                // Its drop failed, and succeeded.
                *expected = Expected::default();
            }
            self.may_be.remove(&day);
            let next = expected.end();
            let ordinals = events.iter().map(|event| event.id.ordinal());
            assert!(ordinals.eq(next..next + events.len() as u32), "ordinals of {day} from {next}");
            expected.push(events);
            // A call that fills the window has all its events written.
            written |= self.waiting >= WINDOW && !self.fails;
            if written {
                self.settled();
            }
        }
    }

    /// Everything that was accepted is durable.
    fn settled(&mut self) {
        self.waiting = 0;
        for expected in self.state.values_mut() {
            expected.durable = expected.batches.len();
        }
    }
}

/// An event that tells that logging goes on.
pub(crate) fn one_more(day: Day) -> NewEvent {
    NewEvent::new("one more", "heartbeat").server_time(at(day, DAY / 2))
}
