//! Goal: damage on disk is told, never answered with something else: each answer is exactly right or
//! an error that names the day.
//!
//! Method: closed stores, one with finished days and one with a day that is being written, are copied
//! afresh for each damage: one flipped bit, a file cut short, emptied, swapped with another's or
//! removed. Every offset of a tiny day's file is flipped, of larger files a seeded sample.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use diurnal::{
    Count, Day, Error, ErrorKind, Event, Filter, GroupBy, Order, Query, Store, TimeRange,
};
use tempfile::TempDir;

use crate::common::{
    Draft, Model, Random, assert_holds, at, copy_store, day, everything, later, noon, small_blocks,
    try_found,
};

/// The clock of every test here; the day before it is finished.
const TODAY: &str = "2026-11-23";

fn open(path: &Path) -> Result<Store, Error> {
    small_blocks().clock(noon(day(TODAY))).open(path)
}

/// A store that was closed, and what it holds.
struct Closed {
    directory: TempDir,
    model: Model,
    truth: Answers,
}

impl Closed {
    /// With so many events on each of these days.
    fn with(days: &[(Day, usize)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = open(directory.path()).unwrap();
        let mut model = Model::default();
        for (day, events) in days {
            let start = day.number() as usize;
            let drafts: Vec<_> = (0..*events)
                .map(|n| Draft::numbered(start + n, at(*day, (n * 7919 % 1000) as i64)))
                .collect();
            model.log(&store, &drafts);
        }
        let truth = Answers::of(&store);
        assert!(truth.all.iter().all(Result::is_ok));
        store.close().unwrap();
        Self { directory, model, truth }
    }

    /// Three finished days.
    fn finished() -> Self {
        let yesterday = Day::from_number(day(TODAY).number() - 3).unwrap();
        Self::with(&[(yesterday, 100), (later(yesterday, 1), 3), (later(yesterday, 2), 40)])
    }

    /// A day that is being written, with blocks and a tail, and one before it.
    fn live() -> Self {
        let yesterday = Day::from_number(day(TODAY).number() - 1).unwrap();
        Self::with(&[(yesterday, 20), (day(TODAY), 75)])
    }

    fn copy(&self) -> TempDir {
        let copy = tempfile::tempdir().unwrap();
        copy_store(self.directory.path(), copy.path());
        copy
    }

    /// The files of the days, named from the store's directory.
    fn day_files(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.directory.path().join("days")).unwrap();
        let mut files: Vec<_> =
            entries.map(|entry| Path::new("days").join(entry.unwrap().file_name())).collect();
        files.sort();
        assert!(!files.is_empty());
        files
    }

    fn len(&self, file: &Path) -> u64 {
        std::fs::metadata(self.directory.path().join(file)).unwrap().len()
    }

    /// What a damaged copy answers, to readers and to a writer, is right or an error of the day.
    fn assert_told(&self, what: &str, days: &[Day], damage: impl Fn(&Path)) {
        let copy = self.copy();
        damage(copy.path());
        // The reader is done before the writer begins, which may mend or tidy up.
        for opener in [|path: &Path| Store::open_read_only(path), |path: &Path| open(path)] {
            let answers = catch_unwind(AssertUnwindSafe(|| match opener(copy.path()) {
                Ok(store) => Answers::of(&store),
                Err(error) => Answers { events: Vec::new(), all: vec![Err(error)] },
            }));
            let answers = answers.unwrap_or_else(|_| panic!("{what}: panic"));
            answers.assert_right_or_told(&self.truth, what, days);
        }
    }
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
        let filters = [
            Filter::session("session 3"),
            Filter::event_type("client_error").and(Filter::tag(1)),
            Filter::DataContains("number 2".to_owned()),
            Filter::BoundingBox(diurnal::BoundingBox {
                west: -90.0,
                south: -40.0,
                east: 90.0,
                north: 40.0,
            }),
            Filter::ServerTime(TimeRange { from: at(day(TODAY), 100), ..TimeRange::ALL }),
            Filter::ClientTime(TimeRange { to: at(day(TODAY), 0), ..TimeRange::ALL }),
        ];
        for filter in filters {
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
        let session = store.session("session 5");
        all.push(session.map(|found| Answer::Session(found.map(|it| it.event_count))));
        Self { events, all }
    }

    fn assert_right_or_told(&self, truth: &Self, what: &str, days: &[Day]) {
        assert!(
            self.events.len() <= truth.events.len()
                && self.events.iter().eq(&truth.events[..self.events.len()]),
            "{what}: a query gave something else before it ended"
        );
        for (answer, right) in self.all.iter().zip(&truth.all) {
            match answer {
                Ok(answer) => {
                    let right = right.as_ref().unwrap();
                    assert!(answer == right, "{what}: found {answer:?}, expected {right:?}");
                }
                Err(error) => assert_names_a_day(error, what, days),
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

fn assert_names_a_day(error: &Error, what: &str, days: &[Day]) {
    let kind = error.kind();
    assert!(matches!(kind, ErrorKind::Corrupt | ErrorKind::Version), "{what}: {error}");
    if days.is_empty() {
        return;
    }
    let named = error.day().unwrap_or_else(|| panic!("{what}: no day named: {error}"));
    assert!(days.contains(&named), "{what}: another day named: {error}");
    assert!(error.to_string().contains(&named.to_string()), "{what}: {error}");
}

fn day_of(file: &Path) -> Day {
    let name = file.file_name().unwrap().to_str().unwrap();
    day(&name[.."2026-11-23".len()])
}

fn flip(path: &Path, offset: u64, bit: u32) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[offset as usize] ^= 1 << bit;
    std::fs::write(path, bytes).unwrap();
}

/// Every offset of a small file; of a larger one both ends and a sample of the rest.
fn offsets(len: u64, most: usize, random: &mut Random) -> Vec<u64> {
    if len <= most as u64 {
        return (0..len).collect();
    }
    let ends = (0..32).chain(len - 32..len);
    let rest = (0..most.saturating_sub(64)).map(|_| random.next() % len);
    ends.chain(rest).collect()
}

fn assert_flips_are_told(store: &Closed, most: usize, seed: u64) {
    let mut random = Random::new(seed);
    for file in store.day_files() {
        for offset in offsets(store.len(&file), most, &mut random) {
            let bit = random.below(8) as u32;
            let what = format!("{} with bit {bit} of byte {offset} flipped", file.display());
            let damage = |path: &Path| flip(&path.join(&file), offset, bit);
            store.assert_told(&what, &[day_of(&file)], damage);
        }
    }
}

#[test]
fn a_flipped_bit_anywhere_in_a_tiny_days_file_is_told() {
    let store = Closed::with(&[(later(day("2026-11-01"), 0), 2)]);
    for file in store.day_files() {
        assert!(store.len(&file) < 4096, "{} is not tiny", file.display());
    }
    assert_flips_are_told(&store, 4096, 1);
}

#[test]
fn a_flipped_bit_in_a_finished_days_file_is_told() {
    assert_flips_are_told(&Closed::finished(), 250, 2);
}

#[test]
fn a_flipped_bit_in_the_files_of_a_day_being_written_is_told() {
    assert_flips_are_told(&Closed::live(), 250, 3);
}

/// The catalog is derived: losing it loses nothing.
fn catalog(store: &Closed) -> PathBuf {
    let file = PathBuf::from("catalog.redb");
    assert!(store.directory.path().join(&file).exists());
    file
}

#[test]
fn a_flipped_bit_in_the_catalog_gives_no_other_answer() {
    let mut random = Random::new(4);
    for store in [Closed::finished(), Closed::live()] {
        let file = catalog(&store);
        for offset in offsets(store.len(&file), 250, &mut random) {
            let bit = random.below(8) as u32;
            let what = format!("the catalog with bit {bit} of byte {offset} flipped");
            store.assert_told(&what, &[], |path| flip(&path.join(&file), offset, bit));
        }
    }
}

fn cut(path: &Path, len: u64) {
    std::fs::OpenOptions::new().write(true).open(path).unwrap().set_len(len).unwrap();
}

#[test]
fn files_cut_short_or_emptied_are_told() {
    let mut random = Random::new(5);
    for store in [Closed::finished(), Closed::live()] {
        let files = store.day_files().into_iter().map(|file| (vec![day_of(&file)], file));
        for (days, file) in files.chain([(Vec::new(), catalog(&store))]) {
            let len = store.len(&file);
            let some = (0..12).map(|_| random.next() % len.max(1));
            for len in [0, 1, len / 2, len.saturating_sub(1)].into_iter().chain(some) {
                let what = format!("{} cut to {len} bytes", file.display());
                store.assert_told(&what, &days, |path| cut(&path.join(&file), len));
            }
        }
    }
}

#[test]
fn files_swapped_between_days_are_told() {
    let store = Closed::finished();
    let files = store.day_files();
    for (number, one) in files.iter().enumerate() {
        for other in &files[number + 1..] {
            let what = format!("{} swapped with {}", one.display(), other.display());
            let days = [day_of(one), day_of(other)];
            store.assert_told(&what, &days, |path| {
                let (one, other) = (path.join(one), path.join(other));
                let bytes = std::fs::read(&one).unwrap();
                std::fs::copy(&other, &one).unwrap();
                std::fs::write(&other, bytes).unwrap();
            });
            let what = format!("{} put in place of {}", one.display(), other.display());
            store.assert_told(&what, &[day_of(other)], |path| {
                std::fs::copy(path.join(one), path.join(other)).unwrap();
            });
        }
    }
}

#[test]
fn the_missing_file_of_a_finished_day_is_told() {
    let store = Closed::finished();
    for file in store.day_files() {
        let what = format!("{} removed", file.display());
        let remove = |path: &Path| std::fs::remove_file(path.join(&file)).unwrap();
        store.assert_told(&what, &[day_of(&file)], remove);
        let copy = store.copy();
        remove(copy.path());
        let store = open(copy.path()).unwrap();
        let error = try_found(&store, &Query::new()).unwrap_err();
        assert_names_a_day(&error, &what, &[day_of(&file)]);
        let report = store.check().unwrap();
        assert!(report.problems.iter().any(|it| it.day == Some(day_of(&file))), "{report:?}");
    }
}

#[test]
fn the_other_days_of_a_damaged_one_are_answered_and_logging_goes_on() {
    let store = Closed::finished();
    let file = &store.day_files()[1];
    let copy = store.copy();
    cut(&copy.path().join(file), 10);
    let damaged = day_of(file);
    let opened = open(copy.path()).unwrap();
    let before = Filter::ServerTime(TimeRange { to: at(damaged, 0), ..TimeRange::ALL });
    let query = Query::from(before.clone());
    let expected = store.model.matching(&before);
    assert!(!expected.is_empty());
    assert_eq!(try_found(&opened, &query).unwrap(), expected);
    let drafts = [Draft::numbered(9, at(day(TODAY), 1))];
    opened.log_events(drafts.iter().map(Draft::event)).unwrap();
    let today = Query::from(Filter::ServerTime(day(TODAY).range()));
    assert_eq!(try_found(&opened, &today).unwrap().len(), 1);
    let report = opened.check().unwrap();
    assert!(report.problems.iter().any(|it| it.day == Some(damaged)), "{report:?}");
}

#[test]
fn a_catalog_that_is_gone_is_made_again_with_the_same_answers() {
    for store in [Closed::finished(), Closed::live()] {
        let file = catalog(&store);
        let copy = store.copy();
        std::fs::remove_file(copy.path().join(&file)).unwrap();
        let reader = Store::open_read_only(copy.path()).unwrap();
        assert!(Answers::of(&reader).are_right(&store.truth), "without a catalog");
        drop(reader);
        let opened = open(copy.path()).unwrap();
        assert!(Answers::of(&opened).are_right(&store.truth));
        assert_holds(&opened, &store.model);
        opened.close().unwrap();
        assert!(copy.path().join(&file).exists());
        assert_holds(&open(copy.path()).unwrap(), &store.model);
    }
}

#[test]
fn rebuild_mends_a_damaged_catalog_whole() {
    let store = Closed::finished();
    let file = catalog(&store);
    let mut random = Random::new(6);
    for _ in 0..10 {
        let copy = store.copy();
        let offset = random.next() % store.len(&file);
        flip(&copy.path().join(&file), offset, 3);
        let opened = match open(copy.path()) {
            Ok(opened) => opened,
            Err(error) => panic!("a store does not need its catalog, byte {offset}: {error}"),
        };
        let report = opened.rebuild().unwrap();
        assert_eq!(report.events_lost, 0, "byte {offset}");
        assert_holds(&opened, &store.model);
    }
}

#[test]
fn rebuild_mends_what_it_can_and_counts_what_is_lost() {
    let store = Closed::finished();
    let mut random = Random::new(7);
    for file in store.day_files() {
        for _ in 0..15 {
            let copy = store.copy();
            let offset = random.next() % store.len(&file);
            flip(&copy.path().join(&file), offset, random.below(8) as u32);
            let what = format!("{} with byte {offset} flipped", file.display());
            let opened = open(copy.path()).unwrap();
            let report = opened.rebuild().unwrap_or_else(|error| panic!("{what}: {error}"));
            let left = everything(&opened);
            let genuine = store.model.matching(&Filter::All);
            assert!(left.iter().all(|event| genuine.contains(event)), "{what}: something else");
            assert!(left.is_sorted_by_key(|event| (event.server_time, event.id)), "{what}");
            let told = left.len() as u64 + report.events_lost;
            assert!(told >= genuine.len() as u64, "{what}: {told} left or told lost");
            // What is lost is remembered, and is no fault any more.
            let check = opened.check().unwrap();
            assert!(check.is_clean(), "{what}: {:?}", check.problems);
            assert_eq!(check.events_lost, report.events_lost, "{what}");
            opened.close().unwrap();
            assert_eq!(everything(&open(copy.path()).unwrap()), left, "{what}, reopened");
        }
    }
}
