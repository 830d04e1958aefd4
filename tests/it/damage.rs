//! Goal: damage on disk is told, never answered with something else: each answer is exactly right or
//! an error that names the day; the other days are read and written as before, the damaged day goes on
//! without giving an id twice, and a rebuild keeps what can be read.
//!
//! Method: stores on a disk in memory, one with finished days, one with a day that is being written and
//! one with a day that goes on after a gap, are damaged afresh for each trial: a flipped bit, a page of
//! zeros or of another file, a file cut short, emptied, lengthened, removed, or swapped with another
//! day's. What a reader, a reader that allows gaps, a writer and a rebuild say is compared with the
//! model. `DIURNAL_DAMAGES` says how many trials there are; `DIURNAL_DAMAGE_SEED` begins elsewhere.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test says what it expects by failing, and how much it looked at"
)]

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use diurnal::limits::UNKNOWN_ORDINALS;
use diurnal::testing::{Fault, FaultyStorage};
use diurnal::{
    BoundingBox, Count, Day, Error, ErrorKind, Event, EventId, Filter, Gap, GroupBy, NewEvent,
    Order, Query, Store, TimeRange, analysis, limits,
};

use crate::common::{
    Draft, Model, Random, assert_clean, assert_holds, at, day, everything, noon, small_blocks,
    try_found,
};

/// Trials unless the environment says otherwise.
const TRIALS_DEFAULT: u64 = 3_000;

/// The clock of every test here; the day before it is finished.
const TODAY: &str = "2026-11-23";

const CATALOG: &str = "catalog.redb";

fn number_from(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number"))
}

fn open(disk: &FaultyStorage) -> Result<Store, Error> {
    small_blocks().clock(noon(day(TODAY))).open_on(disk)
}

fn open_to_read(disk: &FaultyStorage) -> Store {
    Store::builder().open_read_only_on(disk).unwrap()
}

/// The day so many days before today.
fn ago(days: u32) -> Day {
    Day::from_number(day(TODAY).number() - days).unwrap()
}

fn drafts(day: Day, events: usize) -> Vec<Draft> {
    let start = day.number() as usize;
    (0..events).map(|n| Draft::numbered(start + n, at(day, (n * 7919 % 1000) as i64))).collect()
}

/// A store that was closed, and what it holds.
struct Closed {
    name: &'static str,
    files: Vec<(String, Vec<u8>)>,
    model: Model,
    /// All that was ever logged, what lies before a gap too.
    genuine: Model,
    truth: Answers,
    /// A day that goes on after a gap.
    gap: Option<Day>,
}

impl Closed {
    /// With so many events on each of these days, in batches of at most seven.
    fn with(name: &'static str, days: &[(Day, usize)]) -> Self {
        let disk = FaultyStorage::new();
        let store = open(&disk).unwrap();
        let mut model = Model::default();
        for (day, events) in days {
            for batch in drafts(*day, *events).chunks(7) {
                model.log(&store, batch);
            }
        }
        let truth = Answers::of(&store);
        assert!(truth.all.iter().all(Result::is_ok));
        store.close().unwrap();
        let genuine = model.clone();
        Self { name, files: files_of(&disk), model, genuine, truth, gap: None }
    }

    /// Three finished days.
    fn finished() -> Self {
        Self::with("finished", &[(ago(3), 100), (ago(2), 3), (ago(1), 40)])
    }

    /// A day that is being written, with blocks and a tail, and one before it.
    fn live() -> Self {
        Self::with("live", &[(ago(1), 20), (day(TODAY), 75)])
    }

    /// A day that was damaged and goes on, and one before it. Its truth is what allows gaps.
    fn after_gap() -> Self {
        let whole = Self::live();
        let disk = whole.disk();
        disk.truncate(&format!("days/{TODAY}.day"), 10);
        let store = open(&disk).unwrap();
        let mut model = Model::default();
        let yesterday = whole.model.events.iter().filter(|event| event.id.day() == ago(1));
        model.events.extend(yesterday.cloned());
        for batch in drafts(day(TODAY), 40).chunks(7) {
            model.log(&store, batch);
        }
        store.close().unwrap();
        let truth = Answers { events: Vec::new(), all: Vec::new() };
        let mut genuine = model.clone();
        let today = whole.model.events.iter().filter(|event| event.id.day() == day(TODAY));
        genuine.events.extend(today.cloned());
        let gap = Some(day(TODAY));
        Self { name: "after a gap", files: files_of(&disk), model, genuine, truth, gap }
    }

    fn disk(&self) -> FaultyStorage {
        let disk = FaultyStorage::new();
        for (name, bytes) in &self.files {
            disk.replace(name, bytes.clone());
        }
        disk
    }

    fn names(&self) -> Vec<&str> {
        self.files.iter().map(|(name, _)| name.as_str()).collect()
    }

    fn bytes(&self, name: &str) -> &[u8] {
        &self.files.iter().find(|(known, _)| known == name).unwrap().1
    }
}

fn files_of(disk: &FaultyStorage) -> Vec<(String, Vec<u8>)> {
    disk.names().into_iter().map(|name| (name.clone(), disk.read(&name).unwrap())).collect()
}

/// What is done to a closed store.
#[derive(Clone)]
enum Damage {
    Flip {
        name: String,
        offset: usize,
        bit: u32,
    },
    /// A page of this one's bytes.
    Page {
        name: String,
        page: usize,
        of: Option<String>,
    },
    Cut {
        name: String,
        len: usize,
    },
    Lengthened {
        name: String,
        bytes: usize,
    },
    Missing {
        name: String,
    },
    Swapped {
        one: String,
        other: String,
    },
    InPlaceOf {
        one: String,
        other: String,
    },
}

impl fmt::Debug for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flip { name, offset, bit } => write!(f, "bit {bit} of byte {offset} of {name}"),
            Self::Page { name, page, of } => write!(f, "page {page} of {name}, now {of:?}"),
            Self::Cut { name, len } => write!(f, "{name} cut to {len} bytes"),
            Self::Lengthened { name, bytes } => write!(f, "{name} longer by {bytes}"),
            Self::Missing { name } => write!(f, "{name} missing"),
            Self::Swapped { one, other } => write!(f, "{one} swapped with {other}"),
            Self::InPlaceOf { one, other } => write!(f, "{one} in place of {other}"),
        }
    }
}

const PAGE: usize = 512;

impl Damage {
    fn any(store: &Closed, random: &mut Random) -> Self {
        let pick = |random: &mut Random| (*random.pick(&store.names())).to_owned();
        let name = pick(random);
        let len = store.bytes(&name).len();
        match random.below(20) {
            0..12 => Self::Flip { offset: random.below(len), bit: random.below(8) as u32, name },
            12..14 => Self::Page { page: random.below(len / PAGE + 1), of: None, name },
            14 => {
                let of = Some(pick(random));
                Self::Page { page: random.below(len / PAGE + 1), of, name }
            }
            15 | 16 => Self::Cut {
                len: {
                    let at = random.below(len);
                    *random.pick(&[0, 1, len / 2, len - 1, at])
                },
                name,
            },
            17 => match random.below(3) {
                0 => Self::Missing { name },
                _ => Self::Lengthened { bytes: 1 + random.below(5000), name },
            },
            18 => Self::Swapped { other: Self::like(store, &name, random), one: name },
            _ => Self::InPlaceOf { other: Self::like(store, &name, random), one: name },
        }
    }

    /// Another file of the same kind, where there is one.
    fn like(store: &Closed, name: &str, random: &mut Random) -> String {
        let kind = |name: &str| name.split_once('.').map(|(_, kind)| kind.to_owned());
        let names = store.names();
        let others: Vec<_> = names.iter().filter(|other| kind(other) == kind(name)).collect();
        (**random.pick(&others)).to_owned()
    }

    /// Does it; whether anything changed.
    fn apply(&self, disk: &FaultyStorage) -> bool {
        let read = |name: &str| disk.read(name).unwrap();
        match self {
            Self::Flip { name, offset, bit } => disk.flip(name, *offset, 1 << bit),
            Self::Page { name, page, of } => {
                let before = read(name);
                let mut bytes = before.clone();
                let range = (page * PAGE).min(bytes.len())..((page + 1) * PAGE).min(bytes.len());
                let from = of.as_ref().map(|of| read(of)).unwrap_or_default();
                for at in range {
                    bytes[at] = from.get(at).copied().unwrap_or_default();
                }
                let changed = bytes != before;
                disk.replace(name, bytes);
                changed
            }
            Self::Cut { name, len } => disk.truncate(name, *len),
            Self::Lengthened { name, bytes } => {
                let mut longer = read(name);
                longer.resize(longer.len() + bytes, 0);
                disk.replace(name, longer);
                true
            }
            Self::Missing { name } => {
                disk.remove(name);
                true
            }
            Self::Swapped { one, other } => {
                let (a, b) = (read(one), read(other));
                let changed = a != b;
                disk.replace(one, b);
                disk.replace(other, a);
                changed
            }
            Self::InPlaceOf { one, other } => {
                let (a, b) = (read(one), read(other));
                let changed = a != b;
                disk.replace(other, a);
                changed
            }
        }
    }

    /// The days whose files it touches.
    fn days(&self) -> Vec<Day> {
        let names = match self {
            Self::Flip { name, .. }
            | Self::Page { name, .. }
            | Self::Cut { name, .. }
            | Self::Lengthened { name, .. }
            | Self::Missing { name } => vec![name],
            Self::Swapped { one, other } => vec![one, other],
            Self::InPlaceOf { other, .. } => vec![other],
        };
        names.into_iter().filter_map(|name| day_of(name)).collect()
    }

    /// Whether a whole log is gone: then nothing tells that there was more than what was sealed.
    fn takes_a_log(&self) -> bool {
        matches!(self, Self::Missing { name } if name.ends_with(".log.redb"))
    }
}

fn day_of(name: &str) -> Option<Day> {
    name.strip_prefix("days/")?.get(..TODAY.len())?.parse().ok()
}

/// All that a store says, each answer by itself.
#[derive(Debug)]
struct Answers {
    /// What a query gave before it ended or failed.
    events: Vec<Event>,
    all: Vec<Result<Answer, Error>>,
}

#[derive(Debug, PartialEq)]
enum Answer {
    Events(Vec<Event>),
    Counts(Vec<Count>),
    Sessions(Vec<String>),
    Session(Option<u64>),
}

fn filters() -> [Filter; 6] {
    let (west, south, east, north) = (-90.0, -40.0, 90.0, 40.0);
    [
        Filter::session("session 3"),
        Filter::event_type("client_error").and(Filter::tag(1)),
        Filter::DataContains("number 2".to_owned()),
        Filter::BoundingBox(BoundingBox { west, south, east, north }),
        Filter::ServerTime(TimeRange { from: at(day(TODAY), 100), ..TimeRange::ALL }),
        Filter::ClientTime(TimeRange { to: at(day(TODAY), 0), ..TimeRange::ALL }),
    ]
}

impl Answers {
    fn of(store: &Store) -> Self {
        let mut all = Vec::new();
        let mut events = Vec::new();
        let every = store.query(&Query::new()).and_then(|found| {
            for event in found {
                events.push(event?);
            }
            Ok(Answer::Events(events.clone()))
        });
        all.push(every);
        for filter in filters() {
            let query = Query::from(filter).order(Order::Descending);
            all.push(try_found(store, &query).map(Answer::Events));
        }
        for by in [GroupBy::Session, GroupBy::Tag, GroupBy::Hour, GroupBy::Day] {
            all.push(store.count_by(&Filter::All, by).map(Answer::Counts));
        }
        let lines = store.sessions(&Filter::All).map(|sessions| {
            Answer::Sessions(sessions.iter().map(|line| format!("{line:?}")).collect())
        });
        all.push(lines);
        let session = store.ask(&analysis::Session::new("session 5"));
        all.push(session.map(|found| Answer::Session(found.map(|it| it.figures.events))));
        Self { events, all }
    }

    fn assert_right_or_told(&self, truth: &Self, days: &[Day]) {
        assert!(
            self.events.len() <= truth.events.len()
                && self.events.iter().eq(&truth.events[..self.events.len()]),
            "a query gave something else before it ended"
        );
        for (answer, right) in self.all.iter().zip(&truth.all) {
            match answer {
                Ok(answer) => {
                    let right = right.as_ref().unwrap();
                    assert!(answer == right, "found {answer:?}, expected {right:?}");
                }
                Err(error) => assert_names_a_day(error, days),
            }
        }
    }

    fn are_right(&self, truth: &Self) -> bool {
        let same = |(a, b): (&Result<Answer, Error>, &Result<Answer, Error>)| {
            a.as_ref().is_ok_and(|a| b.as_ref().is_ok_and(|b| a == b))
        };
        self.all.len() == truth.all.len() && self.all.iter().zip(&truth.all).all(same)
    }
}

fn assert_names_a_day(error: &Error, days: &[Day]) {
    assert!(matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Version), "{error}");
    let named = error.day().unwrap_or_else(|| panic!("no day named: {error}"));
    assert!(days.contains(&named), "another day named: {error}");
    assert!(error.to_string().contains(&named.to_string()), "{error}");
}

/// Asked past gaps, every answer is that of the days which are not listed as one.
fn assert_right_past_gaps(store: &Store, model: &Model, days: &[Day], gap: Option<Day>) {
    let without = |gaps: &[Gap]| {
        for gap in gaps {
            assert_names_a_day(&gap.error, days);
            assert_eq!(gap.error.day(), Some(gap.day));
        }
        let left_out: BTreeSet<Day> = gaps.iter().map(|gap| gap.day).collect();
        assert_eq!(left_out.len(), gaps.len(), "each day is listed once");
        // A day that goes on after its gap is listed, and what came later is there.
        let keeping = |kept: Option<Day>| {
            let mut rest = model.clone();
            let there = |day: &Day| !left_out.contains(day) || Some(*day) == kept;
            rest.events.retain(|event| there(&event.id.day()));
            rest
        };
        [keeping(None), keeping(gap)]
    };
    let sums = |gaps: &[Gap]| without(gaps).map(|rest| rest.events.len() as u64);
    for filter in std::iter::once(Filter::All).chain(filters()) {
        let count = store.allow_gaps().count(&filter).unwrap();
        let expected = without(&count.gaps).map(|rest| rest.matching(&filter).len() as u64);
        assert!(expected.contains(&count.found), "count of {filter:?}: {count:?}, {expected:?}");
        let mut events = store.allow_gaps().query(&Query::from(filter.clone())).unwrap();
        let found: Vec<_> = events.by_ref().map(Result::unwrap).collect();
        let gaps: Vec<Day> = events.gaps().iter().map(|gap| gap.day).collect();
        let [rest, _] = without(events.gaps()).map(|rest| rest.matching(&filter));
        let others = found.iter().filter(|event| !gaps.contains(&event.id.day()));
        assert!(others.eq(&rest), "events of {filter:?}");
        // What a day gave before its damage was met is genuine.
        let known = model.matching(&filter);
        assert!(found.iter().all(|event| known.contains(event)), "events of {filter:?}");
        let mut ids = store.allow_gaps().ids(&Query::from(filter.clone())).unwrap();
        let found: Vec<EventId> = ids.by_ref().map(Result::unwrap).collect();
        let gaps: Vec<Day> = ids.gaps().iter().map(|gap| gap.day).collect();
        let [rest, _] = without(ids.gaps()).map(|rest| rest.matching(&filter));
        let rest = rest.into_iter().map(|event| event.id);
        assert!(found.into_iter().filter(|id| !gaps.contains(&id.day())).eq(rest));
    }
    let counts = store.allow_gaps().count_by(&Filter::All, GroupBy::Day).unwrap();
    let sum: u64 = counts.found.iter().map(|count| count.count).sum();
    assert!(sums(&counts.gaps).contains(&sum), "{counts:?}");
    let sessions = store.allow_gaps().sessions(&Filter::All).unwrap();
    let sum: u64 = sessions.found.iter().map(|session| session.events).sum();
    assert!(sums(&sessions.gaps).contains(&sum), "{sessions:?}");
    let session = store.allow_gaps().ask(&analysis::Session::new("session 5")).unwrap();
    let of_session = |rest: Model| rest.matching(&Filter::session("session 5")).len() as u64;
    let expected = without(&session.gaps).map(of_session);
    assert!(expected.contains(&session.found.map_or(0, |it| it.figures.events)));
}

/// Logs on each day, and sees that no id of the model is given again and that others are served.
fn assert_goes_on(store: &Store, model: &Model, days: &[Day]) -> Vec<EventId> {
    let mut given: BTreeSet<EventId> = model.events.iter().map(|event| event.id).collect();
    let mut fresh = Vec::new();
    for day in days.iter().copied().chain([ago(9), day(TODAY)]) {
        let event = || NewEvent::new("new", "heartbeat").server_time(at(day, 5));
        let id = match store.log_event(event()) {
            Ok(id) => id,
            // The mark of a gap is what tells where ids go on.
            Err(error) => {
                assert_names_a_day(&error, days);
                continue;
            }
        };
        assert!(given.insert(id), "{id} was given again");
        fresh.push(id);
    }
    let query = Query::from(Filter::session("new"));
    let ids = store.allow_gaps().ids(&query).unwrap().map(Result::unwrap);
    let found: BTreeSet<EventId> = ids.collect();
    assert!(fresh.iter().all(|id| found.contains(id)), "{fresh:?}, and found {found:?}");
    fresh
}

fn assert_rebuilds(disk: &FaultyStorage, store: Store, model: &Model, fresh: &[EventId]) {
    let report = store.rebuild().unwrap();
    assert_clean(&store);
    let left: Vec<_> =
        everything(&store).into_iter().filter(|event| event.session_id != "new").collect();
    let genuine = model.matching(&Filter::All);
    assert!(left.iter().all(|event| genuine.contains(event)), "something else");
    let told = left.len() as u64 + report.events_lost;
    let may_be_more = !report.days_cut_short.is_empty();
    assert!(told >= genuine.len() as u64 || may_be_more, "{told} left or told lost: {report:?}");
    let found: BTreeSet<EventId> = everything(&store).iter().map(|event| event.id).collect();
    assert!(fresh.iter().all(|id| found.contains(id)), "what was logged after the damage is kept");
    let check = store.check().unwrap();
    assert_eq!(check.events_lost, report.events_lost, "it is remembered");
    let all = everything(&store);
    store.close().unwrap();
    assert_eq!(everything(&open(disk).unwrap()), all, "reopened");
}

fn trial(store: &Closed, damage: &Damage, rebuild: bool) {
    let disk = store.disk();
    if !damage.apply(&disk) {
        return;
    }
    let mut days = damage.days();
    days.extend(store.gap);
    // The readers are done before the writer begins, which may mend or tidy up.
    let reader = open_to_read(&disk);
    if store.gap.is_none() {
        Answers::of(&reader).assert_right_or_told(&store.truth, &days);
    }
    assert_right_past_gaps(&reader, &store.model, &days, store.gap);
    drop(reader);
    let writer = open(&disk).unwrap();
    if store.gap.is_none() {
        Answers::of(&writer).assert_right_or_told(&store.truth, &days);
    }
    assert_right_past_gaps(&writer, &store.model, &days, store.gap);
    let fresh = assert_goes_on(&writer, &store.genuine, &days);
    if rebuild {
        assert_rebuilds(&disk, writer, &store.genuine, &fresh);
    } else {
        writer.close().unwrap();
    }
}

fn assert_trial(store: &Closed, damage: &Damage, rebuild: bool) {
    let outcome = catch_unwind(AssertUnwindSafe(|| trial(store, damage, rebuild)));
    if let Err(panic) = outcome {
        println!("the store {:?} with {damage:?}, rebuilt: {rebuild}", store.name);
        std::panic::resume_unwind(panic);
    }
}

#[test]
fn damage_anywhere_is_told_and_costs_no_other_day() {
    let trials = number_from("DIURNAL_DAMAGES", TRIALS_DEFAULT);
    let mut random = Random::new(number_from("DIURNAL_DAMAGE_SEED", 1));
    let stores = [Closed::finished(), Closed::live(), Closed::after_gap()];
    let mut tried = 0;
    while tried < trials {
        for store in &stores {
            let damage = Damage::any(store, &mut random);
            // A log that is gone leaves no trace where its day was not folded yet.
            if damage.takes_a_log() {
                continue;
            }
            assert_trial(store, &damage, random.below(4) == 0);
            tried += 1;
        }
    }
    println!("{tried} damages were told");
}

#[test]
fn a_flipped_bit_anywhere_in_a_tiny_days_file_is_told() {
    let store = Closed::with("tiny", &[(ago(20), 2)]);
    let name = format!("days/{}.day", ago(20));
    let len = store.bytes(&name).len();
    assert!(len < 4096, "{name} is not tiny");
    let mut random = Random::new(2);
    for offset in 0..len {
        let bit = random.below(8) as u32;
        assert_trial(&store, &Damage::Flip { name: name.clone(), offset, bit }, offset % 8 == 0);
    }
}

#[test]
fn a_catalog_that_is_gone_or_damaged_is_made_again_with_the_same_answers() {
    let mut random = Random::new(4);
    for store in [Closed::finished(), Closed::live()] {
        let name = || CATALOG.to_owned();
        let len = store.bytes(CATALOG).len();
        let mut damages = vec![Damage::Missing { name: name() }];
        damages.extend([0, 1, len / 2, len - 1].map(|len| Damage::Cut { name: name(), len }));
        damages.extend((0..64).map(|offset| Damage::Flip { name: name(), offset, bit: 1 }));
        damages.extend((0..60).map(|_| Damage::Flip {
            name: name(),
            offset: random.below(len),
            bit: random.below(8) as u32,
        }));
        for damage in damages {
            let disk = store.disk();
            damage.apply(&disk);
            assert!(Answers::of(&open_to_read(&disk)).are_right(&store.truth), "{damage:?}");
            let opened = open(&disk).unwrap_or_else(|error| panic!("{damage:?}: {error}"));
            assert!(Answers::of(&opened).are_right(&store.truth), "{damage:?}");
            assert_holds(&opened, &store.model);
            opened.close().unwrap();
            assert!(disk.read(CATALOG).is_some());
            assert_holds(&open(&disk).unwrap(), &store.model);
        }
    }
}

#[test]
fn a_missing_day_is_told_and_goes_on_after_what_the_catalog_knows() {
    let store = Closed::finished();
    let disk = store.disk();
    disk.remove(&format!("days/{}.day", ago(2)));
    let opened = open(&disk).unwrap();
    let error = try_found(&opened, &Query::new()).unwrap_err();
    assert_names_a_day(&error, &[ago(2)]);
    let report = opened.check().unwrap();
    assert!(report.problems.iter().any(|it| it.day == Some(ago(2))), "{report:?}");
    let fresh = assert_goes_on(&opened, &store.model, &[ago(2)]);
    let error = try_found(&opened, &Query::new()).unwrap_err();
    assert_names_a_day(&error, &[ago(2)]);
    assert_rebuilds(&disk, opened, &store.model, &fresh);
}

#[test]
fn a_reader_of_a_store_whose_only_day_is_missing_is_told() {
    let disk = Closed::with("one day", &[(ago(1), 5)]).disk();
    disk.remove(&format!("days/{}.day", ago(1)));
    let error = open_to_read(&disk).count(&Filter::All).unwrap_err();
    assert_names_a_day(&error, &[ago(1)]);
}

#[test]
fn a_reader_finds_nothing_of_a_day_whose_drop_was_cut_short() {
    let disk = Closed::finished().disk();
    disk.replace(&format!("days/{}.dropped", ago(3)), Vec::new());
    let reader = open_to_read(&disk);
    assert_eq!(reader.count(&Filter::All).unwrap(), 43);
    assert!(everything(&reader).iter().all(|event| event.id.day() != ago(3)));
    assert_eq!(reader.days().unwrap().len(), 2);
}

#[test]
fn a_sealed_day_whose_list_is_damaged_goes_on_where_the_catalog_knows_it_to_end() {
    let store = Closed::finished();
    let file = format!("days/{}.day", ago(3));
    let end = store.bytes(&file).len();
    for rebuild_first in [false, true] {
        let disk = store.disk();
        assert!(disk.flip(&file, end - 1, 0x10), "the footer's mark");
        let opened = open(&disk).unwrap();
        if rebuild_first {
            let report = opened.rebuild().unwrap();
            assert_eq!((report.events_lost, report.days_cut_short.len()), (0, 0), "{report:?}");
        }
        let event = NewEvent::new("new", "heartbeat").server_time(at(ago(3), 5));
        let id = opened.log_event(event).unwrap();
        assert_eq!(id, EventId::new(ago(3), 100), "no ordinal is left out");
        assert_rebuilds(&disk, opened, &store.model, &[id]);
        assert_eq!(everything(&open(&disk).unwrap()).len(), store.model.events.len() + 1);
    }
    // Where the catalog is lost too, nobody knows.
    let disk = store.disk();
    assert!(disk.flip(&file, end - 1, 0x10));
    disk.remove(CATALOG);
    let event = NewEvent::new("new", "heartbeat").server_time(at(ago(3), 5));
    let id = open(&disk).unwrap().log_event(event).unwrap();
    assert_eq!(id.ordinal(), 100 + UNKNOWN_ORDINALS, "there is room after what was found");
}

/// Where the bodies of a day's file lie that are the contents of parts.
fn contents_of_parts(file: &[u8]) -> Vec<Range<usize>> {
    const HEADER: usize = 24;
    const HEAD: usize = 24;
    const TRAILER: usize = 32;
    let (mut offset, mut found) = (HEADER, Vec::new());
    while offset + HEAD < file.len() - TRAILER {
        let len = u32::from_le_bytes(file[offset + 4..offset + 8].try_into().unwrap()) as usize;
        let body = offset + HEAD..offset + HEAD + len;
        offset = body.end;
        found.extend(Some(body).filter(|_| file[offset - len - HEAD] == 4));
    }
    found
}

#[test]
fn a_part_of_which_nothing_says_what_it_holds_is_told_and_rebuilt_without_a_loss() {
    let store = Closed::finished();
    let file = format!("days/{}.day", ago(3));
    let contents = contents_of_parts(store.bytes(&file));
    assert!(!contents.is_empty());
    for body in contents {
        let disk = store.disk();
        assert!(disk.flip(&file, body.start + body.len() / 2, 0x10));
        let reader = open_to_read(&disk);
        assert_names_a_day(&reader.count(&Filter::session("session 5")).unwrap_err(), &[ago(3)]);
        let problems = reader.check().unwrap().problems;
        let places: Vec<&str> = problems.iter().map(|problem| problem.place.as_str()).collect();
        assert!(places.contains(&"contents at ordinal 0"), "{places:?}");
        drop(reader);
        let opened = open(&disk).unwrap();
        let report = opened.rebuild().unwrap();
        assert_eq!((report.events_lost, report.days_cut_short.len()), (0, 0), "{report:?}");
        assert_clean(&opened);
        assert_eq!(everything(&opened), store.model.matching(&Filter::All));
    }
}

#[test]
fn a_day_that_was_taken_up_again_and_has_lost_its_log_goes_on_past_what_that_may_have_held() {
    let disk = Closed::finished().disk();
    let late = || NewEvent::new("new", "heartbeat").server_time(at(ago(3), 5));
    let opened = open(&disk).unwrap();
    assert_eq!(opened.log_event(late()).unwrap(), EventId::new(ago(3), 100));
    let taken = disk.after_cut(1);
    drop(opened);
    assert!(taken.truncate(&format!("days/{}.log.redb", ago(3)), 5_000));
    for rebuild_first in [false, true] {
        let disk = taken.after_cut(1);
        let opened = open(&disk).unwrap();
        if rebuild_first {
            assert_eq!(opened.rebuild().unwrap().days_cut_short, [ago(3)]);
        }
        let id = opened.log_event(late()).unwrap();
        assert_eq!(id, EventId::new(ago(3), 100 + UNKNOWN_ORDINALS));
    }
}

#[test]
fn a_damaged_day_that_the_catalog_lacks_ends_where_its_list_says() {
    let store = Closed::finished();
    let file = format!("days/{}.day", ago(3));
    let disk = store.disk();
    disk.remove(CATALOG);
    // Page after page of the indexes, until one is hit that a summary needs.
    for offset in (100..store.bytes(&file).len()).step_by(100) {
        assert!(disk.flip(&file, offset, 1));
        let opened = open(&disk).unwrap();
        if opened.days().unwrap().iter().all(|info| info.day != ago(3) || info.first.is_some()) {
            opened.close().unwrap();
            disk.remove(CATALOG);
            continue;
        }
        assert!(opened.rebuild().unwrap().days_cut_short.is_empty());
        let event = NewEvent::new("new", "heartbeat").server_time(at(ago(3), 5));
        assert_eq!(opened.log_event(event).unwrap(), EventId::new(ago(3), 100));
        return;
    }
    panic!("no page is needed");
}

#[test]
fn a_gap_after_which_nothing_was_written_is_rebuilt_to_end_where_it_ends() {
    let disk = Closed::finished().disk();
    let [list, log] = ["day", "log.redb"].map(|kind| format!("days/{}.{kind}", ago(3)));
    let end = disk.read(&list).unwrap().len();
    assert!(disk.flip(&list, end - 1, 0x10));
    let late = || NewEvent::new("new", "heartbeat").server_time(at(ago(3), 5));
    let opened = open(&disk).unwrap();
    let first = opened.log_event(late()).unwrap();
    opened.close().unwrap();
    // As if the power had been cut before it was logged.
    for name in [&*list, &*log, CATALOG] {
        disk.remove(name);
    }
    let opened = open(&disk).unwrap();
    opened.rebuild().unwrap();
    assert_eq!(opened.log_event(late()).unwrap(), first);
}

#[test]
fn a_log_that_cannot_be_opened_for_once_is_not_taken_for_a_lost_one() {
    let disk = Closed::live().disk();
    let (columns, log) = (format!("days/{TODAY}.day"), format!("days/{TODAY}.log.redb"));
    assert!(disk.flip(&columns, 3, 1));
    let opened = open(&disk).unwrap();
    let event = || NewEvent::new("new", "heartbeat").server_time(at(day(TODAY), 5));
    disk.fail_open(&log);
    assert_eq!(opened.log_event(event()).unwrap_err().kind(), ErrorKind::Io);
    assert_eq!(opened.log_event(event()).unwrap(), EventId::new(day(TODAY), 75));
}

#[test]
fn a_gap_is_remembered_until_a_rebuild_salvages_what_was_set_aside() {
    let store = Closed::live();
    let disk = store.disk();
    let (log, columns) = (format!("days/{TODAY}.log.redb"), format!("days/{TODAY}.day"));
    disk.flip(&columns, 3, 1);
    let damaged = disk.read(&columns).unwrap();
    let opened = open(&disk).unwrap();
    assert!(!disk.names().iter().any(|name| name.ends_with(".gap")), "nothing was asked of it yet");
    let fresh = assert_goes_on(&opened, &store.model, &[day(TODAY)]);
    assert_eq!(disk.read(&format!("{columns}.quarantined")), Some(damaged.clone()));
    assert!(disk.read(&format!("{log}.quarantined")).is_some());
    opened.close().unwrap();
    for _ in 0..2 {
        let opened = open(&disk).unwrap();
        let error = opened.count(&Filter::All).unwrap_err();
        assert_names_a_day(&error, &[day(TODAY)]);
        assert_eq!(opened.count(&Filter::ServerTime(ago(1).range())).unwrap(), 20);
        let with_gaps = opened.allow_gaps().count(&Filter::All).unwrap();
        let on_today = fresh.iter().filter(|id| id.day() == day(TODAY)).count() as u64;
        assert_eq!((with_gaps.found, with_gaps.gaps.len()), (20 + 1 + on_today, 1));
        opened.close().unwrap();
    }
    let opened = open(&disk).unwrap();
    let report = opened.rebuild().unwrap();
    assert_eq!((report.events_lost, report.days_cut_short.len()), (0, 0), "the header was all");
    assert_eq!(everything(&opened).len(), store.model.events.len() + fresh.len());
    assert_clean(&opened);
    assert!(!disk.names().iter().any(|name| name.ends_with(".gap")));
    assert_eq!(disk.read(&format!("{columns}.quarantined.damaged")), Some(damaged), "it is kept");
}

#[test]
fn a_dropped_day_takes_its_gap_with_it() {
    let store = Closed::after_gap();
    let disk = store.disk();
    let opened = open(&disk).unwrap();
    opened.drop_day(day(TODAY)).unwrap();
    assert_eq!(opened.count(&Filter::All).unwrap(), 20);
    opened.close().unwrap();
    assert!(!disk.names().iter().any(|name| name.contains(TODAY)), "{:?}", disk.names());
    assert_eq!(open(&disk).unwrap().count(&Filter::All).unwrap(), 20);
}

#[test]
fn a_day_that_cannot_be_read_or_has_but_a_gap_can_be_dropped() {
    let log = format!("days/{TODAY}.log.redb");
    let unreadable = Closed::live().disk();
    unreadable.truncate(&log, 5000);
    let gap = Closed::after_gap().disk();
    gap.remove(&log);
    gap.remove(&format!("days/{TODAY}.day"));
    for disk in [unreadable, gap] {
        let opened = open(&disk).unwrap();
        assert_names_a_day(&opened.count(&Filter::All).unwrap_err(), &[day(TODAY)]);
        opened.drop_day(day(TODAY)).unwrap();
        assert_eq!(opened.count(&Filter::All).unwrap(), 20);
        let again = opened.drop_day(day(TODAY)).unwrap_err();
        assert_eq!(again.kind(), ErrorKind::NotFound, "{again}");
    }
}

#[test]
fn a_day_may_be_damaged_again_and_again() {
    let store = Closed::live();
    let disk = store.disk();
    let mut known = store.model.clone();
    for round in 0..4 {
        let log = format!("days/{TODAY}.log.redb");
        disk.truncate(&log, 5000);
        let opened = open(&disk).unwrap();
        let batch = drafts(day(TODAY), 20 + round);
        let ids = opened.log_events(batch.iter().map(Draft::event)).unwrap();
        known.add(&batch, &ids);
        opened.close().unwrap();
    }
    let opened = open(&disk).unwrap();
    opened.rebuild().unwrap();
    assert_clean(&opened);
    let left = everything(&opened);
    assert!(left.iter().all(|event| known.events.contains(event)));
    // The blocks of the first and the last round are whole.
    assert!(left.len() >= 20 + 64 + 23, "{} are left", left.len());
    let kept = disk.names().iter().filter(|name| name.ends_with(".damaged")).count();
    assert!(kept >= 4, "{:?}", disk.names());
}

#[test]
fn the_batches_of_a_log_that_redb_does_not_open_are_salvaged() {
    let store = Closed::live();
    let log = format!("days/{TODAY}.log.redb");
    let bytes = store.bytes(&log);
    // A page that no batch lies in, and whose damage keeps redb from opening the file.
    let disk = store.disk();
    let keeps_shut = |page: &usize| {
        let copy = store.disk();
        copy.flip(&log, page * 4096 + 40, 1);
        open(&copy).unwrap().count(&Filter::All).is_err()
    };
    let page = (1..bytes.len() / 4096).find(keeps_shut).expect("some page is needed");
    disk.flip(&log, page * 4096 + 40, 1);
    let opened = open(&disk).unwrap();
    let report = opened.rebuild().unwrap();
    assert_eq!(report.days_cut_short, [day(TODAY)], "a newer batch may have been there");
    let left = everything(&opened);
    let tail = left.iter().filter(|event| event.id.day() == day(TODAY) && event.id.ordinal() >= 64);
    assert!(tail.count() > 0, "rows of the tail were read: {report:?}");
    assert!(left.iter().all(|event| store.model.events.contains(event)));
    let event = NewEvent::new("new", "heartbeat").server_time(at(day(TODAY), 5));
    let id = opened.log_event(event).unwrap();
    let last = left.iter().map(|event| event.id).max().unwrap();
    assert_eq!(id.ordinal(), last.ordinal() + 1 + UNKNOWN_ORDINALS, "there is room for that batch");
}

#[test]
fn rows_larger_than_a_block_together_are_salvaged_as_several() {
    let large = |numbers: Range<i64>| -> Vec<NewEvent> {
        let data = "d".repeat(limits::DATA_BYTES_DEFAULT);
        let event = |n| NewEvent::new(n, "client_error").server_time(at(day(TODAY), n));
        numbers.map(|n| event(n).data(data.as_str())).collect()
    };
    let disk = FaultyStorage::new();
    let open = || Store::builder().clock(noon(day(TODAY))).open_on(&disk).unwrap();
    let store = open();
    // Folded at once, and then as much as waits in a log before it is.
    store.log_events(large(0..64)).unwrap();
    store.log_events(large(64..124)).unwrap();
    let all = everything(&store);
    store.close().unwrap();
    disk.flip(&format!("days/{TODAY}.day"), 3, 1);
    let store = open();
    assert!(store.count(&Filter::All).is_err());
    let report = store.rebuild().unwrap();
    assert_eq!((report.events_lost, report.days_rebuilt.len()), (0, 1));
    assert_eq!(everything(&store), all);
    assert_clean(&store);
}

#[test]
fn every_damaged_file_that_was_set_aside_is_kept() {
    let store = Closed::finished();
    let disk = store.disk();
    let name = format!("days/{}.day", ago(3));
    let mut kept = Vec::new();
    for round in 0..3 {
        disk.flip(&name, 100 + 7 * round, 4);
        kept.push(disk.read(&name));
        let opened = open(&disk).unwrap();
        opened.rebuild().unwrap();
        opened.close().unwrap();
    }
    let aside: Vec<_> = ["damaged", "damaged-2", "damaged-3"]
        .map(|word| disk.read(&format!("{name}.{word}")))
        .into_iter()
        .filter(Option::is_some)
        .collect();
    let told = kept.len() - kept.iter().filter(|bytes| !aside.contains(bytes)).count();
    assert_eq!(aside.len(), told, "what was set aside is what was damaged");
    assert!(!aside.is_empty());
}

#[test]
fn a_directory_in_the_place_of_a_file_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let store = Closed::live();
    let restore = || {
        for (name, bytes) in &store.files {
            std::fs::create_dir_all(path.join(name).parent().unwrap()).unwrap();
            std::fs::write(path.join(name), bytes).unwrap();
        }
    };
    for name in store.names() {
        restore();
        std::fs::remove_file(path.join(name)).unwrap();
        std::fs::create_dir(path.join(name)).unwrap();
        let days: Vec<Day> = day_of(name).into_iter().collect();
        let reader = Store::open_read_only(path).unwrap();
        Answers::of(&reader).assert_right_or_told(&store.truth, &days);
        let opened = small_blocks().clock(noon(day(TODAY))).open(path).unwrap();
        Answers::of(&opened).assert_right_or_told(&store.truth, &days);
        let fresh = assert_goes_on(&opened, &store.model, &days);
        opened.rebuild().unwrap();
        assert_clean(&opened);
        let found = everything(&opened);
        assert!(fresh.iter().all(|id| found.iter().any(|event| event.id == *id)), "{name}");
        opened.close().unwrap();
        std::fs::remove_dir_all(path).unwrap();
    }
}

#[test]
fn a_sound_day_that_cannot_be_opened_for_once_is_not_set_aside() {
    let store = Closed::finished();
    let disk = store.disk();
    let opened = open(&disk).unwrap();
    let name = format!("days/{}.day", ago(3));
    disk.fail_open(&name);
    let late = || NewEvent::new("new", "heartbeat").server_time(at(ago(3), 5));
    let error = opened.log_event(late()).unwrap_err();
    assert_eq!((error.kind(), error.day()), (ErrorKind::Io, Some(ago(3))), "{error}");
    let id = opened.log_event(late()).unwrap();
    assert_eq!(id, EventId::new(ago(3), 100));
    assert_eq!(disk.read(&name).unwrap()[..store.bytes(&name).len()], *store.bytes(&name));
    assert_eq!(opened.count(&Filter::All).unwrap(), store.model.events.len() as u64 + 1);
    assert_clean(&opened);
}

#[test]
fn a_day_of_which_only_the_damaged_mark_of_its_gap_is_left_goes_on() {
    let store = Closed::after_gap();
    let disk = store.disk();
    for kind in ["day", "log.redb"] {
        disk.remove(&format!("days/{TODAY}.{kind}"));
    }
    let mark = format!("days/{TODAY}.gap");
    assert!(disk.flip(&mark, 16, 1), "the ordinal at which it goes on");
    let damaged = disk.read(&mark).unwrap();
    let opened = open(&disk).unwrap();
    let event = || NewEvent::new("new", "heartbeat").server_time(at(day(TODAY), 5));
    disk.fail_open(&mark);
    assert_eq!(opened.log_event(event()).unwrap_err().kind(), ErrorKind::Io);
    assert_eq!(disk.read(&mark), Some(damaged), "what cannot be opened is not known to be damaged");
    let id = opened.log_event(event()).unwrap();
    assert!(id.ordinal() >= UNKNOWN_ORDINALS, "{id}");
    assert_eq!(opened.allow_gaps().count(&Filter::session("new")).unwrap().found, 1);
}

#[test]
fn a_rebuild_that_fails_at_a_later_day_leaves_the_others_told_and_readable() {
    let store = Closed::finished();
    let damaged = || {
        let disk = store.disk();
        // A block of the first day, the list of the second; the third is gone.
        assert!(disk.flip(&format!("days/{}.day", ago(3)), 60, 1));
        let second = format!("days/{}.day", ago(2));
        assert!(disk.flip(&second, store.bytes(&second).len() - 1, 1));
        disk.remove(&format!("days/{}.day", ago(1)));
        disk
    };
    let whole = damaged();
    let opened = open(&whole).unwrap();
    let first = whole.operations();
    assert_eq!(opened.rebuild().unwrap().days_rebuilt, [ago(3), ago(2), ago(1)]);
    let of_first = opened.count(&Filter::ServerTime(ago(3).range())).unwrap();
    assert!(of_first > 0);
    let mut failed_at_second = 0;
    for operation in first..whole.operations() {
        let disk = damaged();
        let opened = open(&disk).unwrap();
        disk.fail(Fault::io(operation));
        let error = match opened.rebuild() {
            Err(error) if error.day() == Some(ago(2)) => error,
            _ => continue,
        };
        failed_at_second += 1;
        let count = |days: u32| opened.count(&Filter::ServerTime(ago(days).range()));
        assert_eq!(count(3).unwrap(), of_first, "{operation}: {error}");
        assert_names_a_day(&count(1).unwrap_err(), &[ago(1)]);
    }
    assert!(failed_at_second > 0, "no rebuild failed at the second day");
}

#[test]
fn a_rebuild_or_a_drop_that_is_cut_short_at_any_operation_is_ended_when_the_store_is_opened() {
    let store = Closed::finished();
    let name = format!("days/{}.day", ago(3));
    let damaged = || {
        let disk = store.disk();
        // A block, of which the rows are lost.
        assert!(disk.flip(&name, 60, 1));
        let opened = open(&disk).unwrap();
        (disk, opened)
    };
    let count = |opened: &Store| opened.count(&Filter::ServerTime(ago(3).range()));
    let (_, opened) = damaged();
    opened.rebuild().unwrap();
    let left = count(&opened).unwrap();
    assert!(left > 0);
    for drop_it in [false, true] {
        for operation in 0.. {
            let (disk, opened) = damaged();
            disk.cut_at(disk.operations() + operation);
            let ended = match drop_it {
                true => opened.drop_day(ago(3)).is_ok(),
                false => opened.rebuild().is_ok(),
            };
            if ended {
                assert!(operation > 3, "it takes some operations");
                break;
            }
            for seed in 0..4 {
                let disk = disk.after_cut(seed);
                let what = format!("dropped: {drop_it}, cut at {operation}, seed {seed}");
                let opened = open(&disk).unwrap_or_else(|error| panic!("{what}: {error}"));
                let names: Vec<String> = disk.names();
                let there = names.contains(&name);
                assert!(there || drop_it, "{what}: {names:?}");
                let of_day = |it: &&String| it.contains(&ago(3).to_string());
                assert!(there || !names.iter().any(|it| of_day(&it)), "{what}: {names:?}");
                assert!(!names.iter().any(|it| it.ends_with(".rebuilt")), "{what}: {names:?}");
                // Damage is told, or what was left is there.
                let report = opened.rebuild().unwrap();
                let expected = if there { left } else { 0 };
                assert_eq!(count(&opened).unwrap(), expected, "{what}: {report:?}");
            }
        }
    }
}

#[test]
fn a_day_that_is_dropped_while_its_rebuild_waits_is_gone_for_good() {
    let store = Closed::finished();
    let name = format!("days/{}.day", ago(3));
    let mut waited = 0;
    for operation in 0.. {
        let disk = store.disk();
        assert!(disk.flip(&name, 60, 1));
        let opened = open(&disk).unwrap();
        disk.fail(Fault::io(disk.operations() + operation).for_good());
        let ended = opened.rebuild().is_ok();
        disk.mend();
        if ended {
            break;
        }
        waited += u64::from(disk.names().iter().any(|name| name.ends_with(".rebuilt")));
        let what = format!("a rebuild that failed at operation {operation}");
        let there: Vec<Day> = opened.days().unwrap().iter().map(|info| info.day).collect();
        assert!(there.contains(&ago(3)), "{what}: no answer leaves the day out");
        opened.drop_day(ago(3)).unwrap_or_else(|error| panic!("{what}: {error}"));
        drop(opened);
        let opened = open(&disk).unwrap();
        let there: Vec<Day> = opened.days().unwrap().iter().map(|info| info.day).collect();
        assert_eq!(there, [ago(2), ago(1)], "{what}: {:?}", disk.names());
        let event = NewEvent::new("new", "t").server_time(ago(3).start());
        assert_eq!(opened.log_event(event).unwrap(), EventId::new(ago(3), 0), "{what}");
    }
    assert!(waited > 0, "no rebuild waited for its place");
}

#[test]
fn a_rebuild_that_waits_keeps_no_full_disk_from_being_opened() {
    let store = Closed::finished();
    let waiting = |operation: u64| {
        let disk = store.disk();
        assert!(disk.flip(&format!("days/{}.day", ago(3)), 60, 1));
        let opened = open(&disk).unwrap();
        disk.fail(Fault::io(disk.operations() + operation).for_good());
        opened.rebuild().unwrap_err();
        disk.mend();
        disk
    };
    let waits = |disk: &FaultyStorage| disk.names().iter().any(|name| name.ends_with(".rebuilt"));
    let operation = (0..).find(|operation| waits(&waiting(*operation))).unwrap();
    let of_day = |opened: &Store| opened.count(&Filter::ServerTime(ago(3).range()));
    let mut waited = 0;
    for full in 0.. {
        let disk = waiting(operation);
        let first = disk.operations();
        disk.fail(Fault::full(first + full).for_good());
        let opened = open(&disk);
        let ended = disk.operations() <= first + full;
        disk.mend();
        match opened {
            Ok(opened) if waits(&disk) => {
                waited += 1;
                assert!(!opened.check().unwrap().is_clean(), "the day is as it was");
            }
            Ok(opened) => drop(opened),
            Err(error) => assert_eq!(error.kind(), ErrorKind::DiskFull, "{error}"),
        }
        let opened = open(&disk).unwrap();
        assert!(!waits(&disk), "it is ended once there is room");
        assert!(of_day(&opened).unwrap() > 0);
        if ended {
            break;
        }
    }
    assert!(waited > 0, "the disk was not full when the catalog was told");
}

#[test]
fn a_day_that_the_catalog_lacks_keeps_no_full_disk_from_being_opened() {
    let store = Closed::finished();
    let behind = || {
        let disk = store.disk();
        let before = disk.read("catalog.redb").unwrap();
        let opened = open(&disk).unwrap();
        opened.log_event(Draft::numbered(0, at(ago(9), 0)).event()).unwrap();
        opened.close().unwrap();
        disk.replace("catalog.redb", before);
        disk
    };
    let mut opened_full = 0;
    for full in 0.. {
        let disk = behind();
        let first = disk.operations();
        disk.fail(Fault::full(first + full).for_good());
        let opened = open(&disk);
        let ended = disk.operations() <= first + full;
        match opened {
            Ok(opened) => {
                let found = opened.count(&Filter::ServerTime(ago(9).range())).unwrap();
                assert_eq!(found, 1, "the day is found without the catalog");
                opened_full += u32::from(!ended);
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::DiskFull, "{error}"),
        }
        if ended {
            break;
        }
    }
    assert!(opened_full > 0, "the disk was not full when the catalog was told");
}
