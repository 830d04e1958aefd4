//! Goal: what this version has written is read by every later one, and what a newer one has written is
//! refused, its bytes untouched, with an error that says what to do.
//!
//! Method: `tests/fixtures/format-1` is a store as it was written, byte for byte: a sealed day, a day with
//! blocks and a tail, and the catalog. A copy is opened, and everything in it is compared with the events
//! that made it. `DIURNAL_WRITE_FIXTURE=1` writes the fixture anew, which is right only while its format has
//! not been released. Files of a newer version are made of the fixture's, with checksums that hold.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use std::ops::Range;
use std::path::{Path, PathBuf};

use diurnal::{Day, Error, ErrorKind, Filter, Problem, RebuildReport, Store};
use redb::{Database, ReadableTable, TableDefinition};
use tempfile::TempDir;
use xxhash_rust::xxh3::xxh3_64;

use crate::common::{
    Draft, Model, assert_clean, assert_holds, assert_sessions, at, copy_store, day, noon,
    small_blocks,
};

const YESTERDAY: &str = "2026-11-22";
const TODAY: &str = "2026-11-23";

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/format-1")
}

fn open(path: &Path) -> Result<Store, Error> {
    small_blocks().clock(noon(day(TODAY))).open(path)
}

fn drafts(date: &str, events: usize) -> Vec<Draft> {
    (0..events).map(|n| Draft::numbered(n, at(day(date), (n * 7919 % 1000) as i64))).collect()
}

/// Writes the fixture's events in a store, in batches of ten; what it then holds.
fn log_all(store: &Store) -> Model {
    let mut model = Model::default();
    for (date, events) in [(YESTERDAY, 60), (TODAY, 75)] {
        for batch in drafts(date, events).chunks(10) {
            model.log(store, batch);
        }
    }
    model
}

fn copy() -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    copy_store(&fixture(), copy.path());
    copy
}

fn bytes_of(path: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for folder in [path.to_owned(), path.join("days")] {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                files.push((path.clone(), std::fs::read(path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

#[test]
fn a_store_of_format_1_is_read_and_written_on() {
    if std::env::var_os("DIURNAL_WRITE_FIXTURE").is_some() {
        let fresh = tempfile::tempdir().unwrap();
        let store = open(fresh.path()).unwrap();
        log_all(&store);
        store.close().unwrap();
        // Every store has its own.
        for name in ["LOCK", "IDENTITY"] {
            std::fs::remove_file(fresh.path().join(name)).unwrap();
        }
        let _ = std::fs::remove_dir_all(fixture());
        copy_store(fresh.path(), &fixture());
    }
    let model = log_all(&Store::builder().block_rows(16).in_memory().unwrap());
    let files = bytes_of(&fixture());
    let names: Vec<_> =
        files.iter().map(|(path, _)| path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["catalog.redb", "2026-11-22.day", "2026-11-23.day", "2026-11-23.log.redb"]);
    let bytes: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
    assert!(bytes < 200_000, "the fixture takes {bytes} bytes");

    let copy = copy();
    let reader = Store::open_read_only(copy.path()).unwrap();
    assert_holds(&reader, &model);
    assert_sessions(&reader, &model);
    assert_clean(&reader);
    drop(reader);
    let store = open(copy.path()).unwrap();
    assert_holds(&store, &model);
    assert_sessions(&store, &model);
    assert_clean(&store);
    let mut model = model;
    model.log(&store, &drafts(TODAY, 40));
    model.log(&store, &drafts(YESTERDAY, 3));
    assert_holds(&store, &model);
    store.close().unwrap();
    assert_holds(&open(copy.path()).unwrap(), &model);
}

#[test]
fn the_fixture_is_what_this_version_writes() {
    let fresh = tempfile::tempdir().unwrap();
    let store = open(fresh.path()).unwrap();
    log_all(&store);
    store.close().unwrap();
    for date in [YESTERDAY, TODAY] {
        let name = format!("days/{date}.day");
        let written = std::fs::read(fresh.path().join(&name)).unwrap();
        let kept = std::fs::read(fixture().join(&name)).unwrap();
        // Compressed bytes may differ between versions of a compressor; these are of one version.
        assert!(
            written == kept,
            "{name} is written otherwise: is the format's version still right?"
        );
    }
}

/// What opening and asking say of a store; its files, the lock and redb's marks aside, must not change.
fn assert_refused(path: &Path, changed: &str, of_day: Option<Day>) {
    let before = bytes_of(path);
    let asked = |store: Store| store.count(&Filter::HasLocation(true)).map(|_| ());
    for outcome in [Store::open_read_only(path).and_then(asked), open(path).and_then(asked)] {
        let error = outcome.expect_err(changed);
        assert_eq!(error.kind(), ErrorKind::Version, "{changed}: {error}");
        assert_eq!(error.day(), of_day, "{changed}: {error}");
        let text = error.to_string();
        assert!(text.contains("version 2") && text.contains("use a newer diurnal"), "{text}");
    }
    for (path, bytes) in before {
        if path.ends_with(changed) && !changed.ends_with(".redb") {
            assert!(std::fs::read(&path).unwrap() == bytes, "{changed} has changed");
        }
    }
}

fn set_version(bytes: &mut [u8], at: usize, covered: Range<usize>) {
    bytes[at..at + 4].copy_from_slice(&2_u32.to_le_bytes());
    let sum = xxh3_64(&bytes[covered.clone()]).to_le_bytes();
    bytes[covered.end..covered.end + 8].copy_from_slice(&sum);
}

#[test]
fn a_days_file_of_a_newer_version_is_refused_and_left_alone() {
    // A header, and a trailer.
    let len = std::fs::metadata(fixture().join(format!("days/{YESTERDAY}.day"))).unwrap().len();
    let trailer = len as usize - 32;
    for (at, covered) in [(8, 0..16), (trailer + 12, trailer..trailer + 16)] {
        let copy = copy();
        let name = format!("days/{YESTERDAY}.day");
        let mut bytes = std::fs::read(copy.path().join(&name)).unwrap();
        set_version(&mut bytes, at, covered);
        std::fs::write(copy.path().join(&name), bytes).unwrap();
        assert_refused(copy.path(), &name, Some(day(YESTERDAY)));
        // It is not taken for damage, which would be set aside.
        let store = open(copy.path()).unwrap();
        let late = Draft::numbered(1, at_noon(YESTERDAY)).event();
        assert_eq!(store.log_event(late).unwrap_err().kind(), ErrorKind::Version);
        let before = bytes_of(copy.path());
        let report = store.rebuild().unwrap();
        assert!(report.days_rebuilt.is_empty() && !report.problems.is_empty(), "{report:?}");
        let path = copy.path().join(&name);
        let kept = before.iter().find(|(known, _)| known.ends_with(&name)).unwrap();
        assert!(std::fs::read(path).unwrap() == kept.1, "a rebuild leaves it alone");
    }
}

/// Where the first page of postings lies in a day's file.
fn first_page(bytes: &[u8]) -> Range<usize> {
    const HEAD_BYTES: usize = 24;
    let mut at = HEAD_BYTES;
    loop {
        let len = u32::from_le_bytes(bytes[at + 4..at + 8].try_into().unwrap()) as usize;
        let body = at + HEAD_BYTES..at + HEAD_BYTES + len;
        if bytes[at] == 2 {
            return body;
        }
        at = body.end;
    }
}

/// What a check and a rebuild say of a day whose first page of postings was changed; a copy of the store.
fn changed_page(change: impl FnOnce(&mut [u8])) -> (Vec<Problem>, RebuildReport, TempDir) {
    let copy = copy();
    let path = copy.path().join(format!("days/{YESTERDAY}.day"));
    let mut bytes = std::fs::read(&path).unwrap();
    let page = first_page(&bytes);
    change(&mut bytes[page]);
    std::fs::write(&path, bytes).unwrap();
    let store = open(copy.path()).unwrap();
    let problems = store.check().unwrap().problems;
    let report = store.rebuild().unwrap();
    (problems, report, copy)
}

#[test]
fn a_page_of_postings_of_a_newer_version_is_told_as_such_and_left_alone() {
    let (problems, report, copy) = changed_page(|page| {
        let (body, sum) = page.split_last_chunk_mut::<8>().unwrap();
        body[0] = 2;
        *sum = xxh3_64(body).to_le_bytes();
    });
    let newer = |it: &Problem| it.what.contains("version 2") && it.what.contains("newer diurnal");
    assert!(!problems.is_empty() && problems.iter().all(newer), "{problems:?}");
    assert!(problems.iter().any(|it| it.place.contains("postings")), "{problems:?}");
    assert!(report.days_rebuilt.is_empty(), "{report:?}");
    let names = bytes_of(copy.path()).into_iter().map(|(path, _)| path.display().to_string());
    assert!(!names.into_iter().any(|name| name.contains("damaged")), "nothing was set aside");
}

#[test]
fn of_a_page_of_postings_that_cannot_be_read_no_term_is_told_missing() {
    let (problems, report, copy) = changed_page(|page| page[5] ^= 1);
    assert!(problems.iter().any(|it| it.place.contains("postings")), "{problems:?}");
    let unread = |it: &Problem| it.what.contains("checksum");
    assert!(problems.iter().all(unread), "{problems:?}");
    assert_eq!(
        (report.events_lost, report.days_rebuilt.as_slice()),
        (0, [day(YESTERDAY)].as_slice())
    );
    assert_clean(&open(copy.path()).unwrap());
}

fn at_noon(date: &str) -> diurnal::Timestamp {
    at(day(date), crate::common::DAY / 2)
}

#[test]
fn a_log_of_a_newer_version_is_refused() {
    let copy = copy();
    let name = format!("days/{TODAY}.log.redb");
    const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
    let database = Database::open(copy.path().join(&name)).unwrap();
    let change = database.begin_write().unwrap();
    {
        let mut meta = change.open_table(META).unwrap();
        let mut bytes = meta.get("day").unwrap().unwrap().value().to_vec();
        let end = bytes.len() - 8;
        set_version(&mut bytes, 0, 0..end);
        meta.insert("day", bytes.as_slice()).unwrap();
    }
    change.commit().unwrap();
    drop(database);
    assert_refused(copy.path(), &name, Some(day(TODAY)));
}

#[test]
fn a_catalog_of_a_newer_version_is_refused() {
    let copy = copy();
    const DAYS: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("days");
    let database = Database::open(copy.path().join("catalog.redb")).unwrap();
    let change = database.begin_write().unwrap();
    {
        let mut days = change.open_table(DAYS).unwrap();
        let number = day(YESTERDAY).number();
        let mut bytes = days.get(number).unwrap().unwrap().value().to_vec();
        let end = bytes.len() - 8;
        bytes[0] = 2;
        let sum = xxh3_64(&bytes[..end]).to_le_bytes();
        bytes[end..].copy_from_slice(&sum);
        days.insert(number, bytes.as_slice()).unwrap();
    }
    change.commit().unwrap();
    drop(database);
    assert_refused(copy.path(), "catalog.redb", None);
}

#[test]
fn a_store_that_a_newer_version_has_written_is_not_written() {
    let copy = copy();
    let lock = copy.path().join("LOCK");
    std::fs::write(&lock, "process 1\nformat 2\n").unwrap();
    let before = bytes_of(copy.path());
    let error = open(copy.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Version, "{error}");
    assert!(error.to_string().contains("use a newer diurnal"), "{error}");
    assert!(bytes_of(copy.path()) == before, "nothing has changed");
    std::fs::write(&lock, "process 1\n").unwrap();
    drop(open(copy.path()).unwrap());
    let text = std::fs::read_to_string(&lock).unwrap();
    assert_eq!(text, format!("process {}\nformat 1\n", std::process::id()));
}
