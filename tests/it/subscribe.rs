//! Goal: a subscription delivers every matching event that is acknowledged, once, in order of arrival within
//! each day, whatever is done to the store meanwhile; one that goes on from a position repeats nothing
//! that came before it and misses nothing that came after; damage is told once and keeps back nothing else.
//!
//! Method: a store on a disk under the test's control lives a random life: events of today, of days long
//! over and of 1970, folds, days that roll over, are dropped and begun again, sessions erased, stores
//! reopened and rebuilt. Subscriptions in the writing process and beside it look on, each with a filter and a
//! batch size of its own, and what they were given is compared with the model. Their positions are saved
//! as text and gone on from. `DIURNAL_SUBSCRIBED_LIVES` says how many lives there are, and
//! `DIURNAL_SUBSCRIBED_SEED` begins elsewhere. Other processes play the writer where it has to be one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use diurnal::testing::FaultyStorage;
use diurnal::{
    Batch, Clock, Day, Durability, ErrorKind, Event, EventId, Filter, ManualClock, NewEvent,
    Position, Start, Store, Subscription, TimeRange, Timestamp,
};

use crate::child::{self, Other};
use crate::common::{DAY, Draft, Model, Random, at, day, later, noon, number_from, small_blocks};

const LIVES_DEFAULT: u64 = 24;
const STEPS: usize = 70;
const TODAY: &str = "2026-11-23";

/// Longer than anything takes that is waited for here: a test that waits for it has failed.
const PATIENCE: Duration = Duration::from_secs(300);

/// What tells an event from every other one of a life.
type Key = (EventId, Timestamp);

fn key(event: &Event) -> Key {
    (event.id, event.server_time)
}

fn filters() -> Vec<Filter> {
    let old = TimeRange { from: Timestamp::from_micros(0), to: day(TODAY).start() };
    vec![
        Filter::All,
        Filter::event_type("modify_stream"),
        Filter::session("session 3"),
        Filter::any_tag([1, 2]),
        Filter::ServerTime(old),
    ]
}

/// Everything there is for a subscription now; within a day in order of arrival.
fn drained(subscription: &mut Subscription) -> Vec<Event> {
    let mut events = Vec::new();
    loop {
        let batch = subscription.next_batch(Duration::ZERO).unwrap();
        assert_eq!(batch.position, subscription.position());
        if batch.events.is_empty() {
            return events;
        }
        let mut last = HashMap::<Day, u32>::new();
        for event in &batch.events {
            let before = last.insert(event.id.day(), event.id.ordinal());
            assert!(before < Some(event.id.ordinal()), "{} comes after {before:?}", event.id);
            assert!(subscription.is_past(event.id), "{} is past", event.id);
        }
        events.extend(batch.events);
    }
}

/// A subscriber, and all that it was given.
struct Subscriber {
    subscription: Subscription,
    filter: Filter,
    batch_events: usize,
    beside: bool,
    given: Vec<Event>,
}

impl Subscriber {
    fn look(&mut self) {
        self.given.extend(drained(&mut self.subscription));
    }

    /// It was given everything that matches, nothing twice, and nothing that never was.
    fn assert_whole(&self, life: &Life, what: &str) {
        let keys: BTreeSet<Key> = self.given.iter().map(key).collect();
        assert_eq!(keys.len(), self.given.len(), "{what}: nothing is given twice");
        for event in life.model.matching(&self.filter) {
            assert!(keys.contains(&key(&event)), "{what}, {:?}: {event:?} is missing", self.filter);
        }
        for event in &self.given {
            assert_eq!(life.ever.get(&key(event)), Some(event), "{what}: as it was logged");
        }
    }
}

/// A position, and what was given until it was taken.
struct Saved {
    position: String,
    filter: Filter,
    given: Vec<Event>,
}

struct Life {
    disk: FaultyStorage,
    clock: Arc<ManualClock>,
    store: Store,
    model: Model,
    ever: HashMap<Key, Event>,
    subscribers: Vec<Subscriber>,
    saved: Vec<Saved>,
    random: Random,
    logged: usize,
}

fn open(disk: &FaultyStorage, clock: &Arc<ManualClock>) -> Store {
    small_blocks().clock(clock.clone()).open_on(disk).unwrap()
}

impl Life {
    fn new(seed: u64) -> Self {
        let (disk, clock) = (FaultyStorage::new(), noon(day(TODAY)));
        let store = open(&disk, &clock);
        let mut life = Self {
            disk,
            clock,
            store,
            model: Model::default(),
            ever: HashMap::new(),
            subscribers: Vec::new(),
            saved: Vec::new(),
            random: Random::new(seed),
            logged: 0,
        };
        for (number, filter) in filters().into_iter().enumerate() {
            for beside in [false, true] {
                if beside && number > 1 {
                    continue;
                }
                let batch_events = 1 + life.random.below(40);
                let subscription = life.subscribe(&filter, &Start::Beginning, beside, batch_events);
                let filter = filter.clone();
                let given = Vec::new();
                life.subscribers.push(Subscriber {
                    subscription,
                    filter,
                    batch_events,
                    beside,
                    given,
                });
            }
        }
        life
    }

    fn subscribe(
        &self,
        filter: &Filter,
        start: &Start,
        beside: bool,
        batch_events: usize,
    ) -> Subscription {
        let subscribed = match beside {
            true => Store::builder()
                .open_read_only_on(&self.disk)
                .unwrap()
                .subscribe_from(filter, start),
            false => self.store.subscribe_from(filter, start),
        };
        subscribed.unwrap().batch_events(batch_events)
    }

    fn some_day(&mut self) -> Day {
        let today = Day::of(self.clock.now()).unwrap();
        match self.random.below(8) {
            0 => Day::MIN,
            1 => later(today, 1),
            back @ 2..=4 => Day::from_number(today.number() - back as u32).unwrap(),
            _ => today,
        }
    }

    fn log(&mut self) {
        let day = self.some_day();
        let draft = |number: usize| Draft::numbered(number, at(day, number as i64));
        let count = 1 + self.random.below(40);
        let drafts: Vec<Draft> = (self.logged..).take(count).map(draft).collect();
        self.logged += count;
        let ids = self.model.log(&self.store, &drafts);
        let logged = drafts.iter().zip(ids).map(|(draft, id)| draft.logged(id));
        self.ever.extend(logged.map(|event| (key(&event), event)));
    }

    fn step(&mut self) {
        match self.random.below(20) {
            0..=7 => self.log(),
            8 => {
                let today = Day::of(self.clock.now()).unwrap();
                self.clock.set(Timestamp::from_micros(today.start().as_micros() + DAY));
            }
            9 => {
                let days: Vec<Day> = self.model.events.iter().map(|event| event.id.day()).collect();
                if !days.is_empty() {
                    let day = *self.random.pick(&days);
                    self.store.drop_day(day).unwrap();
                    self.model.drop_day(day);
                }
            }
            10 => {
                let session = format!("session {}", self.random.below(7));
                self.store.erase_session(&session).unwrap();
                self.model.events.retain(|event| event.session_id != session);
            }
            11 => self.reopen(),
            12 => drop(self.store.rebuild().unwrap()),
            13 | 14 => {
                let place = self.random.below(self.subscribers.len());
                let Subscriber { subscription, filter, given, .. } = &self.subscribers[place];
                let position = subscription.position().to_string();
                assert!(position.len() < 2_200, "{position}");
                let (filter, given) = (filter.clone(), given.clone());
                self.saved.push(Saved { position, filter, given });
            }
            15 => self.go_on(),
            _ => {
                let place = self.random.below(self.subscribers.len());
                self.subscribers[place].look();
            }
        }
    }

    /// Closes the store and opens it again; subscriptions in its process go on from their positions.
    fn reopen(&mut self) {
        let ended: Vec<Option<Position>> = self
            .subscribers
            .iter()
            .map(|it| (!it.beside).then(|| it.subscription.position()))
            .collect();
        self.store.clone().close().unwrap();
        self.store = open(&self.disk, &self.clock);
        for (place, position) in ended.into_iter().enumerate() {
            let Some(position) = position else { continue };
            let Subscriber { filter, batch_events, .. } = &self.subscribers[place];
            let start = Start::After(position.to_string().parse().unwrap());
            let subscription = self.subscribe(filter, &start, false, *batch_events);
            self.subscribers[place].subscription = subscription;
        }
    }

    /// Goes on from a position that was saved: all that came later is given, and nothing else.
    fn go_on(&mut self) {
        if self.saved.is_empty() {
            return;
        }
        let place = self.random.below(self.saved.len());
        let beside = self.random.below(2) == 0;
        let Saved { position, filter, given } = &self.saved[place];
        let start = Start::After(position.parse().unwrap());
        let subscription = self.subscribe(filter, &start, beside, 17);
        let (filter, given, batch_events) = (filter.clone(), given.clone(), 17);
        let mut subscriber = Subscriber { subscription, filter, batch_events, beside, given };
        subscriber.look();
        subscriber.assert_whole(self, &format!("from {}", self.saved[place].position));
    }
}

#[test]
fn whatever_is_done_to_a_store_each_event_is_delivered_once_and_in_order_of_arrival() {
    let first = number_from("DIURNAL_SUBSCRIBED_SEED", 0);
    for seed in first..first + number_from("DIURNAL_SUBSCRIBED_LIVES", LIVES_DEFAULT) {
        let mut life = Life::new(seed);
        for step in 0..STEPS {
            life.step();
            if step % 10 == 9 {
                let mut subscribers = std::mem::take(&mut life.subscribers);
                for subscriber in &mut subscribers {
                    subscriber.look();
                    let what = format!("seed {seed}, step {step}, beside: {}", subscriber.beside);
                    subscriber.assert_whole(&life, &what);
                }
                life.subscribers = subscribers;
            }
        }
    }
}

/// A store in memory with so many days, two events each, of which the last is yesterday.
fn days_of_two(days: u32) -> (Store, Vec<Day>) {
    let store = small_blocks().clock(noon(day(TODAY))).in_memory().unwrap();
    let first = day(TODAY).number() - days;
    let days: Vec<Day> =
        (first..day(TODAY).number()).map(|number| Day::from_number(number).unwrap()).collect();
    let two = |day: &Day| [0, 1].map(|n| Draft::numbered(n, at(*day, n as i64)).event());
    store.log_events(days.iter().flat_map(two)).unwrap();
    (store, days)
}

fn late(store: &Store, day: Day) -> EventId {
    store.log_event(Draft::numbered(7, at(day, DAY / 2)).event()).unwrap()
}

fn ids(events: &[Event]) -> Vec<EventId> {
    events.iter().map(|event| event.id).collect()
}

#[test]
fn late_events_of_days_that_a_position_does_not_list_are_delivered_after_it() {
    let (store, days) = days_of_two(120);
    let mut live = store.subscribe(&Filter::All).unwrap();
    assert_eq!(drained(&mut live), []);
    let position: Position = live.position().to_string().parse().unwrap();
    let go_on = || store.subscribe_from(&Filter::All, &Start::After(position.clone())).unwrap();
    // 32 of the newest and 16 of the oldest days are listed, and 72 are not, three in each digest.
    let middle = days[16 + 30];
    let one = late(&store, middle);
    assert_eq!(ids(&drained(&mut go_on())), [one], "one day of a digest has grown");
    let listed = [late(&store, days[3]), late(&store, days[119])];
    assert_eq!(ids(&drained(&mut go_on())), [listed[0], one, listed[1]]);
    let another = late(&store, later(middle, 1));
    let given = drained(&mut go_on());
    let repeated: BTreeSet<Day> = given.iter().map(|event| event.id.day()).collect();
    assert_eq!(repeated.len(), 5, "the days of the digest, and the two that are listed");
    assert!(ids(&given).contains(&another) && ids(&given).contains(&one));
    assert_eq!(given.len(), 2 + 3 * 2 + 2, "each of its events, and nothing else again");
    assert_eq!(ids(&drained(&mut live)), [listed[0], one, another, listed[1]], "live, each once");
    let new = late(&store, day("2001-01-01"));
    assert_eq!(ids(&drained(&mut live)), [new], "a day before all others");
}

#[test]
fn days_that_retention_drops_while_nobody_looks_repeat_nothing() {
    let (store, days) = days_of_two(120);
    let position = store.subscribe(&Filter::All).unwrap().position();
    days[..10].iter().for_each(|day| store.drop_day(*day).unwrap());
    let again = late(&store, days[0]);
    let mut go_on = store.subscribe_from(&Filter::All, &Start::After(position)).unwrap();
    assert_eq!(ids(&drained(&mut go_on)), [again], "a day that was dropped and begun again");
}

fn log_to_the_first_day(store: &Store, number: usize) -> EventId {
    store.log_event(Draft::numbered(number, at(Day::MIN, number as i64)).event()).unwrap()
}

#[test]
fn a_day_that_was_begun_again_and_has_outgrown_itself_is_delivered_from_its_beginning() {
    let store = small_blocks().clock(noon(day(TODAY))).in_memory().unwrap();
    let log = |number| log_to_the_first_day(&store, number);
    for number in 0..3 {
        log(number);
    }
    let mut live = store.subscribe(&Filter::All).unwrap();
    let position = live.position();
    store.drop_day(Day::MIN).unwrap();
    let fresh: Vec<EventId> = (10..15).map(log).collect();
    assert_eq!(ids(&drained(&mut live)), fresh);
    let mut go_on = store.subscribe_from(&Filter::All, &Start::After(position)).unwrap();
    assert_eq!(ids(&drained(&mut go_on)), fresh);
}

#[test]
fn a_day_that_was_begun_again_with_the_same_events_is_delivered_from_its_beginning() {
    let store = small_blocks().clock(noon(day(TODAY))).in_memory().unwrap();
    let log = |number| log_to_the_first_day(&store, number);
    for number in 0..3 {
        log(number);
    }
    let mut live = store.subscribe(&Filter::All).unwrap();
    store.drop_day(Day::MIN).unwrap();
    let fresh: Vec<EventId> = (0..4).map(log).collect();
    assert_eq!(ids(&drained(&mut live)), fresh);
}

#[test]
fn a_subscriber_is_woken_by_commits_and_by_the_end() {
    let store = Store::in_memory().unwrap();
    let mut subscription = store.subscribe(&Filter::session(7)).unwrap();
    let subscriber = std::thread::spawn(move || {
        let batch = subscription.next_batch(Duration::MAX).unwrap();
        let ended = subscription.next_batch(Duration::MAX).unwrap_err();
        (batch.events, ended.kind())
    });
    store.log_event(NewEvent::new(1, "heartbeat")).unwrap();
    let id = store.log_event(NewEvent::new(7, "heartbeat")).unwrap();
    // The first call has all it needs, whenever it is made; the second one has none.
    store.close().unwrap();
    let (events, ended) = subscriber.join().unwrap();
    assert_eq!((ids(&events), ended), (vec![id], ErrorKind::Poisoned));
}

#[test]
fn what_waits_to_be_written_is_not_delivered_before_it_is() {
    let durability =
        Durability::Buffered { max_delay: Duration::from_secs(3600), max_events: 1000 };
    let store = Store::builder().durability(durability).in_memory().unwrap();
    let mut subscription = store.subscribe(&Filter::All).unwrap();
    let id = store.log_event(NewEvent::new(1, "heartbeat")).unwrap();
    assert_eq!(store.count(&Filter::All).unwrap(), 1, "queries see it");
    assert_eq!(drained(&mut subscription), []);
    store.flush().unwrap();
    assert_eq!(ids(&drained(&mut subscription)), [id]);
    let last = store.log_event(NewEvent::new(1, "heartbeat")).unwrap();
    store.close().unwrap();
    let batch = subscription.next_batch(Duration::ZERO).unwrap();
    assert_eq!(ids(&batch.events), [last], "what closing wrote");
    let ended = subscription.next_batch(Duration::ZERO).unwrap_err();
    assert_eq!(ended.kind(), ErrorKind::Poisoned);
}

/// Calls until all is given; the errors that were told meanwhile.
fn drained_past_errors(subscription: &mut Subscription) -> (Vec<Event>, Vec<Day>) {
    let (mut events, mut told) = (Vec::new(), Vec::new());
    loop {
        match subscription.next_batch(Duration::ZERO) {
            Ok(Batch { events: some, .. }) if some.is_empty() => return (events, told),
            Ok(batch) => events.extend(batch.events),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
                told.push(error.day().expect("a day"));
                assert!(told.len() < 10, "no error is told for ever: {error}");
            }
        }
    }
}

#[test]
fn damage_is_told_once_and_what_a_rebuild_salvages_is_delivered() {
    let disk = FaultyStorage::new();
    let clock = noon(day(TODAY));
    let store = open(&disk, &clock);
    let days = [-3, -2, -1]
        .map(|n| Day::from_number((i64::from(day(TODAY).number()) + n) as u32).unwrap());
    let mut model = Model::default();
    for day in days {
        let drafts: Vec<Draft> = (0..70).map(|n| Draft::numbered(n, at(day, n as i64))).collect();
        drafts.chunks(9).for_each(|drafts| drop(model.log(&store, drafts)));
    }
    store.close().unwrap();
    // The footer of one day, and a block of another.
    let footer = format!("days/{}.day", days[1]);
    disk.truncate(&footer, disk.read(&footer).unwrap().len() - 5);
    let block = format!("days/{}.day", days[2]);
    assert!(disk.flip(&block, disk.read(&block).unwrap().len() / 4, 0x10));

    let mut beside = Store::builder()
        .open_read_only_on(&disk)
        .unwrap()
        .subscribe_from(&Filter::All, &Start::Beginning)
        .unwrap();
    let (seen, told) = drained_past_errors(&mut beside);
    assert_eq!(BTreeSet::from_iter(told), BTreeSet::from([days[1], days[2]]));
    let of = |events: &[Event], day: Day| events.iter().filter(|it| it.id.day() == day).count();
    assert_eq!((of(&seen, days[0]), of(&seen, days[1])), (70, 0));
    assert!(of(&seen, days[2]) >= 70 - 32, "what can be read of a damaged day");
    let position: Position = beside.position().to_string().parse().unwrap();

    let store = open(&disk, &clock);
    // The day without a footer goes on after a gap.
    let after_gap = late(&store, days[1]);
    let mut live = store.subscribe_from(&Filter::All, &Start::After(position)).unwrap();
    let (more, told) = drained_past_errors(&mut live);
    assert_eq!(ids(&more), [after_gap]);
    assert!(told.contains(&days[1]), "{told:?}");
    assert_eq!(drained_past_errors(&mut beside).0, more);
    store.rebuild().unwrap();
    let mut since_rebuild = Vec::new();
    for subscription in [&mut live, &mut beside] {
        let (delivered, told) = drained_past_errors(subscription);
        let (salvaged, others): (Vec<Event>, Vec<Event>) =
            delivered.into_iter().partition(|event| model.events.contains(event));
        assert_eq!(of(&salvaged, days[1]), 70, "{told:?}");
        assert_eq!(ids(&others), since_rebuild);
        let last = late(&store, days[1]);
        since_rebuild.push(last);
        assert_eq!(ids(&drained(subscription)).last(), Some(&last));
    }
}

const WRITER: &str = "subscribe::child_that_writes";

#[test]
#[ignore = "a part of other tests, which start it as a process"]
fn child_that_writes() {
    let Some((path, part)) = child::part() else { return };
    let clock = noon(day(TODAY));
    let store = small_blocks().clock(clock).open(&path).unwrap();
    let first: usize = part.parse().unwrap();
    child::say(&["open".to_owned()]);
    for number in first.. {
        // Days in turn, so that one is sealed for another, and then begun again.
        let day = Day::from_number(day(TODAY).number() - (number / 5 % 7) as u32).unwrap();
        let id = store.log_event(Draft::numbered(number, at(day, number as i64)).event()).unwrap();
        child::say(&[id.to_string()]);
        if number % 50 == 49 && child::asked().is_none() {
            std::process::abort();
        }
    }
}

#[test]
fn a_subscriber_follows_a_writer_process_that_is_killed_and_its_successor() {
    let directory = tempfile::tempdir().unwrap();
    drop(Store::open(directory.path()).unwrap());
    let reader = Store::open_read_only(directory.path()).unwrap();
    let subscribe = |start: &Start| {
        let subscribed = reader.subscribe_from(&Filter::All, start).unwrap();
        subscribed.poll_interval(Duration::from_millis(10))
    };
    let mut subscription = subscribe(&Start::Now);
    let (mut given, mut acknowledged) = (Vec::<EventId>::new(), BTreeSet::<EventId>::new());
    for first in [0, 1000] {
        let mut writer = Other::start(WRITER, directory.path(), &first.to_string());
        assert_eq!(writer.heard().unwrap(), "open");
        let begun = acknowledged.len();
        for round in 1..=2 {
            while acknowledged.len() < begun + round * 50 {
                acknowledged.insert(writer.heard().unwrap().parse().unwrap());
            }
            // The writer waits now, and everything it has acknowledged comes.
            while given.len() < acknowledged.len() {
                let batch = subscription.next_batch(PATIENCE).unwrap();
                assert!(!batch.events.is_empty(), "{} given of {acknowledged:?}", given.len());
                given.extend(ids(&batch.events));
            }
            assert_eq!(BTreeSet::from_iter(given.iter().copied()), acknowledged);
            assert_eq!(given.len(), acknowledged.len(), "each once");
            let position = subscription.position().to_string().parse().unwrap();
            subscription = subscribe(&Start::After(position));
            assert!(
                writer.ask("more").parse::<EventId>().map(|id| acknowledged.insert(id)).is_ok()
            );
        }
        writer.kill();
        while let Some(id) = writer.heard() {
            acknowledged.insert(id.parse().unwrap());
        }
    }
    // Of what was killed in mid-commit, more may be there than was acknowledged.
    drop(Store::open(directory.path()).unwrap());
    while !acknowledged.iter().all(|id| given.contains(id)) {
        let batch = subscription.next_batch(PATIENCE).unwrap();
        assert!(!batch.events.is_empty(), "{} given of {acknowledged:?}", given.len());
        given.extend(ids(&batch.events));
    }
    assert_eq!(BTreeSet::from_iter(given.iter().copied()).len(), given.len(), "each once");
}
