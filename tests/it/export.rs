//! Goal: what is exported and imported again is every event with every field, in each format; a bad file
//! is a clear error. Method: events drawn by the public strategies, and the logs of `examples/data/` (or
//! of the directory that `DIURNAL_DATA` names), go out and come back, through the library and through the
//! program. Small files are compared to the byte beside their writers.
//!
//! Files are damaged from a seed; `DIURNAL_EXPORT_FLIPS` says how often, 400 times unless set. Where
//! `DIURNAL_READERS_PYTHON` names a Python with pyarrow and duckdb, `tests/readers/read.py` reads every
//! format by readers that are not ours; `.ci/run` sets it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;

use diurnal::export::{self, EventWriter, Row, geojson, jsonl};
use diurnal::testing::strategies;
use diurnal::testing::workload::Workload;
use diurnal::{Error, ErrorKind, NewEvent, Query, Store, Timestamp};
use proptest::prelude::*;

use crate::common::{Random, number_from};

/// An event as text that differs where any bit of it does, -0.0 from 0.0 among them.
fn exact(event: &NewEvent) -> String {
    format!("{event:?}")
}

fn held(store: &Store) -> Vec<String> {
    let events = store.query(&Query::new()).unwrap();
    events.map(|event| exact(&event.unwrap().into())).collect()
}

/// A store of these events, and of some that a spreadsheet or a database might change.
fn filled(events: impl IntoIterator<Item = NewEvent>) -> Store {
    let store = Store::in_memory().unwrap();
    let odd = ["=1+1", "'=1", "-1", "@", "\t", "a\0b", "NULL", "1e5", "\u{feff}", "a\r\nb\"", ""];
    let odd = odd.into_iter().map(|text| {
        let event = NewEvent::new("-1", "-x").location(-0.0, 1e-300).data(text);
        event.tags(["-1", "=b", "-1"]).client_time("+1")
    });
    store.log_events(events.into_iter().chain(odd)).unwrap();
    store
}

fn write(store: &Store, writer: &mut dyn EventWriter) {
    let events = store.query(&Query::new()).unwrap();
    let mut told = 0;
    let count = export::write_all(events, writer, |count| told = count).unwrap();
    assert_eq!(count, told);
}

/// The rows of a file that all are good.
fn good(into: &mut Vec<String>) -> impl FnMut(Row) -> ControlFlow<()> {
    |row| {
        into.push(exact(&row.event.unwrap()));
        assert_eq!(row.number, into.len() as u64);
        ControlFlow::Continue(())
    }
}

fn files() -> Vec<PathBuf> {
    let directory = std::env::var_os("DIURNAL_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data"), PathBuf::from);
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|it| it == "jsonl")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn lines_and_features_come_back_the_same(events in strategies::batch()) {
        let store = filled(events);
        let (mut lines, mut features) = (Vec::new(), Vec::new());
        write(&store, &mut jsonl::Writer::new(&mut lines));
        write(&store, &mut geojson::Writer::new(&mut features));
        let lines = String::from_utf8(lines).unwrap();
        let read = lines.lines().map(|line| exact(&serde_json::from_str(line).unwrap()));
        prop_assert_eq!(read.collect::<Vec<_>>(), held(&store));
        let mut read = Vec::new();
        geojson::read(&features[..], good(&mut read)).unwrap();
        prop_assert_eq!(read, held(&store));
    }
}

/// Runs the program; what it prints, where it ends well.
fn diurnal(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_diurnal")).args(arguments).output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{arguments:?}: {err}");
    String::from_utf8(output.stdout).unwrap()
}

/// Runs the program with what it must refuse as wrong usage; its words.
fn refused(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_diurnal")).args(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// Every event of a store as JSON lines without their ids, sorted.
fn lines_of(store: &str) -> Vec<String> {
    let lines = diurnal(&["query", store, "--format", "jsonl"]);
    let without_id = |line: &str| line.split_once(',').unwrap().1.to_owned();
    let mut lines: Vec<String> = lines.lines().map(without_id).collect();
    lines.sort();
    lines
}

/// The formats that the program was built with.
fn formats() -> impl Iterator<Item = &'static str> {
    let built = |format: &&str| match *format {
        "parquet" => cfg!(feature = "parquet"),
        "sqlite" => cfg!(feature = "sqlite"),
        _ => true,
    };
    ["jsonl", "csv", "geojson", "parquet", "sqlite"].into_iter().filter(built)
}

#[test]
fn every_format_brings_real_and_hostile_logs_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let store = path("store");
    for file in files() {
        diurnal(&["import", &store, file.to_str().unwrap()]);
    }
    let hostile = Store::open(&store).unwrap();
    let events = Workload::hostile().events(3_000).iter();
    hostile.log_events(events).unwrap();
    hostile
        .log_events(filled([]).query(&Query::new()).unwrap().map(|it| it.unwrap().into()))
        .unwrap();
    hostile.close().unwrap();
    let held = lines_of(&store);
    for format in formats() {
        let (file, again) = (path(&format!("out.{format}")), path(&format!("again-{format}")));
        let printed = diurnal(&["export", &store, "-o", &file]);
        assert_eq!(printed, format!("{{\"exported\":{}}}\n", held.len()));
        let printed = diurnal(&["import", &again, &file, "--strict"]);
        let all = held.len();
        assert_eq!(printed, format!("{{\"read\":{all},\"imported\":{all},\"rejected\":0}}\n"));
        assert!(lines_of(&again) == held, "{format} changed an event");
        assert!(!Path::new(&format!("{file}.tmp")).exists());
        let printed = diurnal(&["import", &again, &file, "--skip-existing"]);
        assert!(printed.contains("\"imported\":0,"), "{format}: {printed}");
    }
    if let Some(python) = std::env::var_os("DIURNAL_READERS_PYTHON") {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/readers/read.py");
        let output = Command::new(python).arg(script).arg(directory.path()).output().unwrap();
        let (out, err) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{out}{err}");
        println!("{out}");
    } else {
        println!("other readers: skipped, DIURNAL_READERS_PYTHON names no Python");
    }
}

#[test]
fn an_export_takes_filters_and_a_name_that_is_free() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (store, file) = (path("store"), path("out.csv"));
    for (session, second) in [("1", 0), ("-1", 1), ("1", 2)] {
        let time = format!("2026-11-23T10:00:0{second}Z");
        let event = ["--session-id", session, "--event-type", "x", "--server-time", &time];
        diurnal(&[&["log", store.as_str()], &event[..]].concat());
    }
    diurnal(&["export", &store, "-o", &file, "--session-id", "-1"]);
    let expected = std::fs::read_to_string(&file).unwrap();
    assert!(expected.ends_with("T10:00:01.000000Z,-1,x,,,,,\r\n"), "{expected}");
    let csv = diurnal(&["query", &store, "--format", "csv", "--session-id", "-1"]);
    assert_eq!(csv, expected, "one writer writes both");
    assert_eq!(diurnal(&["export", &store, "--format", "csv", "--session-id", "-1"]), expected);
    assert!(refused(&["export", &store, "-o", &file]).contains("exists"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), expected);
    diurnal(&["export", &store, "-o", &file, "--force"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 4);
    assert!(refused(&["export", &store, "--format", "sqlite"]).contains("-o"));
    assert!(refused(&["export", &store, "--format", "csv", "--lines"]).contains("geojson"));
    let lines = diurnal(&["export", &store, "--lines", "--session-id", "1"]);
    assert!(
        lines.contains("\"session_id\":\"1\"") && lines.contains("\"geometry\":null"),
        "{lines}"
    );
    let left: Vec<_> = std::fs::read_dir(directory.path()).unwrap().collect();
    assert_eq!(left.len(), 2, "the store and one file");
}

#[test]
fn a_limit_leaves_the_first_events_in_every_format() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let store = path("store");
    let at = |second: i64| Timestamp::from_micros(1_800_000_000_000_000 + second * 1_000_000);
    let events = Store::open(&store).unwrap();
    events.log_events((0..5).map(|n| NewEvent::new(n, "x").server_time(at(n)))).unwrap();
    events.close().unwrap();
    for format in formats() {
        let (file, again) = (path(&format!("few.{format}")), path(&format!("again-{format}")));
        let limited = ["export", &store, "-o", &file, "--limit", "2"];
        assert_eq!(diurnal(&limited), "{\"exported\":2}\n", "{format}");
        diurnal(&["import", &again, &file]);
        assert_eq!(lines_of(&again), lines_of(&store)[..2], "{format}");
    }
    let export = |arguments: &[&str]| diurnal(&[&["export", &store], arguments].concat());
    assert_eq!(export(&["--limit", "0"]), "");
    assert_eq!(export(&["--limit", "9"]), export(&[]));
    assert_eq!(export(&["--limit", "1", "--session-id", "3"]), export(&["--session-id", "3"]));
    // A session's line has all its events or is not the session's.
    assert!(refused(&["export", &store, "--lines", "--limit", "1"]).contains("--limit"));
}

/// Bytes with a few of them changed, cut short now and then.
fn damaged(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=random.below(3) {
        let place = random.below(bytes.len());
        bytes[place] = match random.below(3) {
            0 => 0xff,
            1 => bytes[place] ^ (1 << random.below(8)),
            _ => random.next() as u8,
        };
    }
    if random.below(8) == 0 {
        bytes.truncate(random.below(bytes.len()));
    }
    bytes
}

/// Damages a file again and again; how often that was an error of the file.
fn damage(bytes: &[u8], read: impl Fn(&[u8]) -> Result<(), Error>) -> u64 {
    let mut random = Random::new(number_from("DIURNAL_EXPORT_SEED", 1));
    let mut errors = 0;
    for _ in 0..number_from("DIURNAL_EXPORT_FLIPS", 400) {
        if let Err(error) = read(&damaged(bytes, &mut random)) {
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
            errors += 1;
        }
    }
    errors
}

fn count(_: Row) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

#[test]
fn damaged_features_are_errors_and_no_panic() {
    let mut bytes = Vec::new();
    write(&filled(Workload::realistic().events(50).iter()), &mut geojson::Writer::new(&mut bytes));
    assert!(damage(&bytes, |bytes| geojson::read(bytes, count)) > 50);
}

#[cfg(feature = "parquet")]
mod parquet_files {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
    use diurnal::Filter;
    use diurnal::export::parquet::{Writer, read};
    use parquet::arrow::ArrowWriter;
    use parquet::file::reader::{FileReader, SerializedFileReader};

    use super::*;

    fn written(store: &Store) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(store, &mut Writer::new(&mut bytes).unwrap());
        bytes
    }

    fn read_bytes(bytes: &[u8], on_row: impl FnMut(Row) -> ControlFlow<()>) -> Result<(), Error> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        read(file.path(), on_row)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn rows_come_back_the_same(events in strategies::batch()) {
            let store = filled(events);
            let mut rows = Vec::new();
            read_bytes(&written(&store), good(&mut rows)).unwrap();
            prop_assert_eq!(rows, held(&store));
        }
    }

    #[test]
    fn the_file_has_proper_types_and_points() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), written(&filled([]))).unwrap();
        let reader = SerializedFileReader::new(file.reopen().unwrap()).unwrap();
        let file = reader.metadata().file_metadata();
        let mut schema = Vec::new();
        parquet::schema::printer::print_schema(&mut schema, file.schema());
        let expected = "message arrow_schema {\n  REQUIRED INT64 id;\n  \
            REQUIRED INT64 server_time (TIMESTAMP(MICROS,true));\n  \
            REQUIRED BYTE_ARRAY session_id (STRING);\n  REQUIRED BYTE_ARRAY event_type (STRING);\n  \
            OPTIONAL BYTE_ARRAY client_time (STRING);\n  \
            OPTIONAL INT64 client_instant (TIMESTAMP(MICROS,true));\n  OPTIONAL DOUBLE latitude;\n  \
            OPTIONAL DOUBLE longitude;\n  REQUIRED group tags (LIST) {\n    REPEATED group list {\n      \
            REQUIRED BYTE_ARRAY element (STRING);\n    }\n  }\n  OPTIONAL BYTE_ARRAY data (STRING);\n  \
            OPTIONAL BYTE_ARRAY geometry;\n}\n";
        assert_eq!(String::from_utf8(schema).unwrap(), expected);
        let pairs = file.key_value_metadata().unwrap();
        let geo = pairs.iter().find(|pair| pair.key == "geo").unwrap().value.clone().unwrap();
        let geo: serde_json::Value = serde_json::from_str(&geo).unwrap();
        assert_eq!(geo["version"], "1.1.0");
        assert_eq!(geo["columns"]["geometry"]["encoding"], "WKB");
        assert_eq!(geo["columns"]["geometry"]["bbox"][0], 1e-300);
        let compression = reader.metadata().row_group(0).column(0).compression();
        assert!(format!("{compression:?}").starts_with("ZSTD"), "{compression:?}");
    }

    #[test]
    fn groups_and_batches_end_by_bytes() {
        let store = Store::in_memory().unwrap();
        let mut random = Random::new(7);
        let mut noise = || -> String {
            (0..60_000).map(|_| char::from(b' ' + (random.next() % 94) as u8)).collect()
        };
        let events: Vec<_> = (0..1_000).map(|_| NewEvent::new(1, "x").data(noise())).collect();
        store.log_events(events).unwrap();
        let rows = store.record_batches(&Query::new(), 100_000).unwrap();
        let rows: Vec<_> = rows.map(|batch| batch.unwrap().num_rows()).collect();
        assert_eq!((rows.iter().sum::<usize>(), rows[0]), (1_000, 70), "4 MiB of text a batch");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), written(&store)).unwrap();
        let reader = SerializedFileReader::new(file.reopen().unwrap()).unwrap();
        let groups = reader.metadata().row_groups();
        assert!(groups.len() > 1, "60 MB in groups of 32 MiB");
        for group in groups {
            assert!(group.compressed_size() < 40 << 20, "{}", group.compressed_size());
        }
    }

    #[test]
    fn batches_hold_what_the_filter_lets_through() {
        let store = filled(Workload::realistic().events(5_000).iter());
        let query = Query::from(Filter::event_type("heartbeat"));
        let expected: Vec<i64> =
            store.ids(&query).unwrap().map(|id| id.unwrap().as_u64() as i64).collect();
        let mut found = Vec::new();
        for batch in store.record_batches(&query, 999).unwrap() {
            let batch = batch.unwrap();
            assert!(batch.num_rows() <= 999);
            let ids = batch.column_by_name("id").unwrap().as_any();
            found.extend(ids.downcast_ref::<Int64Array>().unwrap().values().iter().copied());
        }
        assert_eq!(found, expected);
        assert!(found.len() > 999);
    }

    /// A file of text columns by another writer.
    fn foreign(columns: &[(&str, ArrayRef)]) -> Vec<u8> {
        let batch =
            RecordBatch::try_from_iter(columns.iter().map(|(n, c)| (*n, c.clone()))).unwrap();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        bytes
    }

    #[test]
    fn a_file_of_another_writer_is_read_by_its_columns_names() {
        let text = |texts: [Option<&str>; 2]| Arc::new(StringArray::from_iter(texts)) as ArrayRef;
        let session = ("session_id", text([Some("a"), None]));
        let kind = ("event_type", text([Some("x"), Some("y")]));
        let bytes = foreign(&[kind.clone(), ("more", kind.1.clone()), session.clone()]);
        let mut rows = Vec::new();
        let take = |row: Row| {
            rows.push(row.event.map_err(|error| error.to_string()));
            ControlFlow::Continue(())
        };
        read_bytes(&bytes, take).unwrap();
        assert_eq!(rows[0], Ok(NewEvent::new("a", "x")));
        assert!(rows[1].as_ref().is_err_and(|reason| reason.contains("session_id")));
        let lacks = read_bytes(&foreign(std::slice::from_ref(&session)), count).unwrap_err();
        assert!(lacks.to_string().contains("no column event_type"), "{lacks}");
        let wrong = foreign(&[session, kind.clone(), ("server_time", kind.1)]);
        let wrong = read_bytes(&wrong, count).unwrap_err();
        assert!(wrong.to_string().contains("server_time: must be a timestamp in UTC"), "{wrong}");
    }

    /// A file with more before the end of a header's field: that of the first page of its last column.
    fn forged(forge: impl Fn(&mut Vec<u8>, usize)) -> String {
        let text = |word| Arc::new(StringArray::from_iter([Some(word)])) as ArrayRef;
        let mut bytes = foreign(&[("session_id", text("a")), ("event_type", text("x"))]);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &bytes).unwrap();
        let reader = SerializedFileReader::new(file.reopen().unwrap()).unwrap();
        let (at, _) = reader.metadata().row_group(0).column(1).byte_range();
        read_bytes(&bytes, count).unwrap();
        // A type and two lengths, each of one byte.
        let head = &bytes[at as usize..][..6];
        assert!(head.iter().step_by(2).all(|byte| *byte == 0x15), "{head:?}");
        assert!(head.iter().skip(1).step_by(2).all(|byte| *byte < 0x80), "{head:?}");
        forge(&mut bytes, at as usize);
        let error = read_bytes(&bytes, count).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        error.to_string()
    }

    #[test]
    fn a_page_that_claims_too_much_is_refused_before_memory_is_taken_for_it() {
        // 2 GiB, 64 MiB and one byte, and less than nothing; each as a zigzag number.
        for claim in [&[0xfe, 0xff, 0xff, 0xff, 0xf][..], &[0x82, 0x80, 0x80, 0x40], &[1]] {
            let error = forged(|bytes, at| drop(bytes.splice(at + 3..at + 4, claim.to_vec())));
            assert!(error.contains("a page claims to hold more than 67108864 bytes"), "{error}");
        }
        let error = forged(|bytes, at| {
            // After the struct's type comes the number of its values.
            let place = at + 6 + bytes[at + 6..].iter().position(|byte| *byte == 0x15).unwrap();
            drop(bytes.splice(place + 1..place + 2, [0xfe, 0xff, 0xff, 0xff, 0xf]));
        });
        assert!(error.contains("a page claims to hold more than 16777216 values"), "{error}");
    }

    #[test]
    fn a_page_whose_header_says_a_thing_twice_or_with_another_type_is_refused() {
        // The length again, with its number written out, and as 64 bits.
        let again = [0x05, 4, 0xfe, 0xff, 0xff, 0xff, 0xf];
        let error = forged(|bytes, at| drop(bytes.splice(at + 4..at + 4, again)));
        assert!(error.contains("of no form that is known"), "{error}");
        let error = forged(|bytes, at| bytes[at + 2] = 0x16);
        assert!(error.contains("of no form that is known"), "{error}");
        let error = forged(|bytes, at| drop(bytes.splice(at + 3..at + 4, [0x80; 12])));
        assert!(error.contains("of no form that is known"), "{error}");
    }

    #[test]
    fn damaged_files_are_errors_and_no_panic() {
        let bytes = written(&filled(Workload::realistic().events(50).iter()));
        assert!(damage(&bytes, |bytes| read_bytes(bytes, count)) > 50);
        assert!(read("no such file", count).is_err_and(|it| it.kind() != ErrorKind::InvalidInput));
    }
}

#[cfg(feature = "sqlite")]
mod sqlite_files {
    use diurnal::export::sqlite::{Writer, read};
    use rusqlite::Connection;

    use super::*;

    /// The file that is written of a store.
    fn written(store: &Store) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("events.sqlite");
        let mut writer = Writer::create(&path).unwrap();
        write(store, &mut writer);
        (directory, path)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn rows_come_back_the_same(events in strategies::batch()) {
            let store = filled(events);
            let (_directory, path) = written(&store);
            let mut rows = Vec::new();
            read(&path, good(&mut rows)).unwrap();
            let mut held = held(&store);
            rows.sort();
            held.sort();
            prop_assert_eq!(rows, held);
        }
    }

    #[test]
    fn the_file_is_sound_and_its_indexes_are_used() {
        let (_directory, path) = written(&filled(Workload::realistic().events(2_000).iter()));
        let file = Connection::open(path).unwrap();
        let text = |sql: &str| file.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
        assert_eq!(text("PRAGMA integrity_check"), "ok");
        let none = file.query_row("PRAGMA foreign_key_check", [], |_| Ok(())).is_err();
        assert!(none, "every tag has its event");
        let plan = |sql: &str| {
            let sql = format!("EXPLAIN QUERY PLAN {sql}");
            file.query_row(&sql, [], |row| row.get::<_, String>(3)).unwrap()
        };
        for (condition, index) in [
            ("FROM events WHERE session_id = '1'", "events_by_session"),
            ("FROM events WHERE event_type = 'x' AND server_time > 0", "events_by_type"),
            ("FROM events WHERE server_time BETWEEN 1 AND 2", "events_by_time"),
            ("FROM tags WHERE tag = '3'", "tags_by_tag"),
        ] {
            let plan = plan(&format!("SELECT * {condition}"));
            assert!(plan.contains(index), "{condition}: {plan}");
        }
        let sum = "SELECT CAST(sum(events) AS TEXT) FROM sessions";
        assert_eq!(text(sum), text("SELECT CAST(count(*) AS TEXT) FROM events"));
        let time = text("SELECT server_time FROM readable ORDER BY id LIMIT 1");
        assert!(time.parse::<diurnal::Timestamp>().is_ok(), "{time}");
    }

    fn made(sql: &str) -> Result<(), Error> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("made.sqlite");
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        read(path, count)
    }

    #[test]
    fn what_a_stranger_defines_is_not_run() {
        let endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
            SELECT i AS id, i AS server_time, i AS session_id, i AS event_type, i AS client_time,
            0.0 AS latitude, 0.0 AS longitude, i AS data FROM n";
        let tags = "CREATE TABLE tags (event_id, position, tag);";
        let failed = made(&format!("{tags} CREATE VIEW events AS {endless};")).unwrap_err();
        assert!(failed.to_string().contains("no table events"), "{failed}");
        let failed = made("CREATE TABLE events (id INTEGER PRIMARY KEY); CREATE TABLE tags (tag);");
        assert_eq!(failed.unwrap_err().kind(), ErrorKind::InvalidInput);
    }

    #[test]
    fn damaged_files_are_errors_and_no_panic() {
        let (_directory, path) = written(&filled(Workload::realistic().events(50).iter()));
        let bytes = std::fs::read(&path).unwrap();
        let read_bytes = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            read(&path, count)
        };
        assert!(damage(&bytes, read_bytes) > 0);
        assert!(read("no such file", count).is_err_and(|it| it.kind() != ErrorKind::InvalidInput));
        assert!(read_bytes(b"no database").is_err_and(|it| it.kind() == ErrorKind::InvalidInput));
    }
}
