//! Goal: other processes read a store while one writes it, and never see anything that was not so;
//! a second writer is kept out and told by whom.
//!
//! Method: a child process holds the store open for reading and answers questions with the number of
//! events and a digest of all they say, while this process writes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use std::path::Path;
use std::time::Duration;

use diurnal::{
    Durability, Error, ErrorKind, Event, Events, Filter, NewEvent, Query, Retention, Store,
};

use crate::child::{self, Other};
use crate::common::{
    Draft, Model, assert_agrees, assert_holds, assert_same, at, day, everything, later, noon,
    small_blocks,
};

const READER: &str = "readers::child_that_reads";

/// Events as one word: how many, and FNV-1a of all they say.
fn digest(events: impl IntoIterator<Item = Event>) -> String {
    let mut count = 0;
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for event in events {
        count += 1;
        for byte in serde_json::to_vec(&event).unwrap() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    format!("{count}:{hash:016x}")
}

fn said(answer: Result<String, Error>) -> String {
    answer.unwrap_or_else(|error| format!("{:?}: {error}", error.kind()))
}

#[test]
#[ignore = "a part of other tests, which start it as a process"]
fn child_that_reads() {
    let Some((path, _)) = child::part() else { return };
    let mut reader = None;
    let mut begun: Option<(Event, Events)> = None;
    while let Some(question) = child::asked() {
        let answer = match question.as_str() {
            "open" => Store::open_read_only(&path).map(|store| {
                reader = Some(store);
                "open".to_owned()
            }),
            "all" => all(reader.as_ref().unwrap()),
            "begin" => reader.as_ref().unwrap().query(&Query::new()).map(|mut events| {
                let first = events.next().unwrap().unwrap();
                begun = Some((first, events));
                "begun".to_owned()
            }),
            "finish" => {
                let (first, rest) = begun.take().unwrap();
                rest.collect::<Result<Vec<_>, _>>()
                    .map(|rest| digest(std::iter::once(first).chain(rest)))
            }
            "write" => Store::open(&path).map(|_| "written".to_owned()),
            other => panic!("no question {other:?}"),
        };
        child::say(&[said(answer)]);
    }
}

fn all(store: &Store) -> Result<String, Error> {
    let events = store.query(&Query::new())?.collect::<Result<Vec<_>, _>>()?;
    assert_eq!(store.count(&Filter::All)?, events.len() as u64, "count and query agree");
    let days = store.days()?.iter().map(|day| day.events).sum::<u64>();
    assert_eq!(days, events.len() as u64, "days and query agree");
    Ok(digest(events))
}

/// What the child should say of a store that holds the model.
fn all_of(model: &Model) -> String {
    digest(model.matching(&Filter::All))
}

/// Five events of the day that is `days` later, told apart by `number`.
fn five(days: u32, number: usize) -> Vec<Draft> {
    let day = later(day("2026-11-20"), days);
    (number * 5..).take(5).map(|n| Draft::numbered(n, at(day, n as i64))).collect()
}

fn reader(path: &Path) -> Other {
    let mut reader = Other::start(READER, path, "read");
    assert_eq!(reader.ask("open"), "open");
    reader
}

#[test]
fn a_reader_process_follows_a_writer_live() {
    let directory = tempfile::tempdir().unwrap();
    let clock = noon(day("2026-11-20"));
    let store = small_blocks().clock(clock.clone()).open(directory.path()).unwrap();
    let mut reader = reader(directory.path());
    assert_eq!(reader.ask("all"), all_of(&Model::default()));
    let mut model = Model::default();
    // A day in six batches: tails, blocks, and days that are finished while the reader looks on.
    for number in 0..60 {
        let days = number as u32 / 6;
        clock.set(at(later(day("2026-11-20"), days), 0));
        model.log(&store, &five(days, number));
        assert_eq!(reader.ask("all"), all_of(&model), "after batch {number}");
        if number == 20 || number == 40 {
            let gone = later(day("2026-11-20"), number as u32 / 20);
            store.drop_day(gone).unwrap();
            model.drop_day(gone);
            assert_eq!(reader.ask("all"), all_of(&model), "after dropping {gone}");
        }
        // Late, on a day that is finished or about to be.
        if number % 10 == 9 {
            model.log(&store, &five(days.saturating_sub(5).max(3), 1000 + number));
            assert_eq!(reader.ask("all"), all_of(&model), "after latecomers {number}");
        }
    }
    store.close().unwrap();
    assert_eq!(reader.ask("all"), all_of(&model), "after the writer closed");
    let store = small_blocks().clock(clock).open(directory.path()).unwrap();
    model.log(&store, &five(10, 5000));
    assert_eq!(reader.ask("all"), all_of(&model), "with the next writer");
    assert_holds(&store, &model);
}

#[test]
fn a_reader_process_sees_what_was_flushed() {
    let directory = tempfile::tempdir().unwrap();
    let durability =
        Durability::Buffered { max_delay: Duration::from_secs(3600), max_events: 1000 };
    let store = small_blocks().durability(durability).open(directory.path()).unwrap();
    let mut reader = reader(directory.path());
    let mut model = Model::default();
    for number in 0..12 {
        model.log(&store, &five(number as u32 / 4, number));
        store.flush().unwrap();
        assert_eq!(reader.ask("all"), all_of(&model), "after flush {number}");
    }
}

#[test]
fn a_readers_iterator_gives_exactly_its_snapshot() {
    let directory = tempfile::tempdir().unwrap();
    let store = small_blocks().open(directory.path()).unwrap();
    let mut model = Model::default();
    let mut reader = reader(directory.path());
    let mut number = 0;
    for round in 0..6 {
        for _ in 0..5 {
            model.log(&store, &five(round, number));
            number += 1;
        }
        assert_eq!(reader.ask("begin"), "begun");
        let snapshot = all_of(&model);
        for _ in 0..9 {
            // The same day folds, the next begins, an older one gets latecomers.
            for days in [round, round + 1, round.saturating_sub(1)] {
                model.log(&store, &five(days, number));
                number += 1;
            }
        }
        assert_eq!(reader.ask("finish"), snapshot, "round {round}");
        assert_eq!(reader.ask("all"), all_of(&model));
    }
}

#[test]
fn a_reader_in_the_same_process_follows_too() {
    let directory = tempfile::tempdir().unwrap();
    let store = small_blocks().open(directory.path()).unwrap();
    let reader = Store::open_read_only(directory.path()).unwrap();
    let mut model = Model::default();
    for number in 0..30 {
        model.log(&store, &five(number as u32 / 8, number));
        assert_same(&everything(&reader), &model.matching(&Filter::All), "the reader");
        assert_agrees(&reader, &model, &Filter::tag(2));
    }
    store.close().unwrap();
    assert_holds(&reader, &model);
}

#[test]
fn a_second_writer_is_told_which_process_holds_the_store() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let here = std::process::id().to_string();
    let error = Store::open(directory.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked);
    assert!(error.to_string().contains(&here), "{error}");
    let mut other = Other::start(READER, directory.path(), "write");
    assert_ne!(other.pid().to_string(), here);
    let answer = other.ask("write");
    assert!(answer.starts_with("Locked") && answer.contains(&here), "{answer}");
    store.log_event(NewEvent::new(1, "t")).unwrap();
    store.close().unwrap();
    assert_eq!(other.ask("write"), "written", "once it is closed, another may write");
}

#[test]
fn readers_do_not_keep_a_writer_out() {
    let directory = tempfile::tempdir().unwrap();
    let mut model = Model::default();
    let store = small_blocks().open(directory.path()).unwrap();
    model.log(&store, &five(0, 0));
    store.close().unwrap();
    let mut reader = reader(directory.path());
    assert_eq!(reader.ask("all"), all_of(&model));
    let store = small_blocks().open(directory.path()).unwrap();
    model.log(&store, &five(1, 1));
    assert_eq!(reader.ask("all"), all_of(&model));
}

#[test]
fn a_reader_of_a_store_that_is_not_there_is_told_so_and_makes_none() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("none");
    assert_eq!(Store::open_read_only(&path).unwrap_err().kind(), ErrorKind::NotFound);
    assert!(!path.exists());
    let error = Store::open_read_only(directory.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "an empty directory is no store: {error}");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn a_reader_writes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut model = Model::default();
    let store = small_blocks().open(directory.path()).unwrap();
    model.log(&store, &five(0, 0));
    model.log(&store, &five(1, 1));
    store.close().unwrap();
    let reader = Store::open_read_only(directory.path()).unwrap();
    let refused = [
        reader.log_event(NewEvent::new(1, "t")).unwrap_err(),
        reader.log_events([NewEvent::new(1, "t")]).unwrap_err(),
        reader.drop_day(day("2026-11-20")).unwrap_err(),
        reader.prune(&Retention::KEEP_ALL.max_bytes(1)).unwrap_err(),
        reader.rebuild().unwrap_err(),
    ];
    for error in refused {
        assert_eq!(error.kind(), ErrorKind::ReadOnly, "{error}");
    }
    assert_holds(&reader, &model);
}

#[test]
fn a_store_without_shared_readers_answers_its_own_process_alone() {
    let directory = tempfile::tempdir().unwrap();
    let open = || small_blocks().shared_readers(false).open(directory.path()).unwrap();
    let store = open();
    let mut model = Model::default();
    for number in 0..20 {
        model.log(&store, &five(number as u32 / 5, number));
    }
    assert_holds(&store, &model);
    // A reader elsewhere is kept out, or right.
    let mut other = Other::start(READER, directory.path(), "read");
    let mut answer = other.ask("open");
    if answer == "open" {
        answer = other.ask("all");
    }
    assert!(answer.starts_with("Locked") || answer == all_of(&model), "{answer}");
    store.close().unwrap();
    let mut other = reader(directory.path());
    assert_eq!(other.ask("all"), all_of(&model));
    assert_holds(&open(), &model);
}

#[test]
fn a_reader_sees_a_day_that_came_in_the_place_of_a_dropped_one() {
    let directory = tempfile::tempdir().unwrap();
    let date = day("2026-11-20");
    let log = |session: &str| {
        let store = small_blocks().open(directory.path()).unwrap();
        store.log_event(NewEvent::new(session, "t").server_time(at(date, 5))).unwrap();
        store
    };
    log("a").close().unwrap();
    let reader = Store::open_read_only(directory.path()).unwrap();
    assert_eq!(reader.count(&Filter::session("a")).unwrap(), 1);
    let store = small_blocks().open(directory.path()).unwrap();
    store.drop_day(date).unwrap();
    store.close().unwrap();
    // The same number of bytes, and another session.
    log("b").close().unwrap();
    assert_eq!(reader.count(&Filter::session("a")).unwrap(), 0);
    assert_eq!(reader.count(&Filter::session("b")).unwrap(), 1);
}
