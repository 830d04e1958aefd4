//! Goal: the program prints exactly what is promised, to the right stream, with the right status.
//! Method: the built binary is run on stores in temporary directories, and its output is compared to
//! the byte; server times are given, so that nothing depends on the clock.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::time::{Duration, Instant};

use diurnal::{Day, EventId};
use tempfile::TempDir;

/// A directory for one test, with a store that may not be there yet.
pub(crate) struct Place {
    directory: TempDir,
}

/// What a run of the program left: status, standard output, standard error.
pub(crate) type Ended = (i32, String, String);

impl Place {
    pub(crate) fn new() -> Self {
        Self { directory: TempDir::new().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        std::fs::write(self.path(name), content).unwrap();
        self.path(name).to_str().unwrap().to_owned()
    }

    /// Runs a command on the store.
    pub(crate) fn run(&self, command: &str, arguments: &[&str]) -> Ended {
        self.run_on("store", command, arguments)
    }

    fn run_on(&self, store: &str, command: &str, arguments: &[&str]) -> Ended {
        ended(self.command(store, command, arguments).output().unwrap())
    }

    /// Runs a command on the store, and expects nothing but its output.
    pub(crate) fn prints(&self, command: &str, arguments: &[&str]) -> String {
        let (status, out, err) = self.run(command, arguments);
        assert_eq!((status, err.as_str()), (0, ""), "{command} {arguments:?} printed {out}");
        out
    }

    pub(crate) fn command(&self, store: &str, command: &str, arguments: &[&str]) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_diurnal"));
        program.arg(command).arg(self.path(store)).args(arguments).stdin(Stdio::null());
        program
    }

    /// The store with the six events of [`EVENTS`].
    pub(crate) fn with_events() -> Self {
        let place = Self::new();
        let file = place.write("events.jsonl", EVENTS);
        let printed = place.prints("import", &[&file]);
        assert_eq!(printed, "{\"read\":6,\"imported\":6,\"rejected\":0}\n");
        place
    }

    /// An `import` from a pipe that the test holds open.
    fn import_from_pipe(&self) -> (Child, ChildStdin) {
        let mut child = self
            .command("store", "import", &["-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let pipe = child.stdin.take().unwrap();
        (child, pipe)
    }

    /// Waits until so many events are to be seen by another process.
    fn await_count(&self, events: u64, patience: Duration) {
        let expected = format!("{{\"count\":{events}}}\n");
        let begun = Instant::now();
        loop {
            let (status, out, err) = self.run("count", &[]);
            if (status, &out) == (0, &expected) {
                return;
            }
            assert!(begun.elapsed() < patience, "{events} events awaited, seen: {out}{err}");
            // Another process tells nobody when it has committed.
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }
}

pub(crate) fn ended(output: Output) -> Ended {
    let status = output.status.code().expect("the program ends by itself");
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status, text(output.stdout), text(output.stderr))
}

/// The id of an event by its day and place in it.
fn id(day: &str, ordinal: u32) -> u64 {
    EventId::new(day.parse::<Day>().unwrap(), ordinal).as_u64()
}

const EVENTS: &str = concat!(
    r#"{"server_time":"2026-11-22T23:59:59.5Z","session_id":1,"event_type":"start_session"}"#,
    "\n",
    r#"{"server_time":"2026-11-23T10:00:00.123456Z","session_id":"1","event_type":"modify_stream","client_time":"2026-11-23 10:00:00","latitude":1,"longitude":-1.5,"tags":"1, 2,3"}"#,
    "\n",
    r#"{"server_time":"2026-11-23T10:00:01Z","session_id":-1,"event_type":"client_error","data":"no \"signal\",\nat all","tags":[]}"#,
    "\n",
    r#"{"server_time":"2026-11-23T11:00:00Z","session_id":"b","event_type":"heartbeat","latitude":42.35,"longitude":-71.06,"tags":[3,"x y"],"data":""}"#,
    "\n",
    r#"{"server_time":"2026-11-24T00:00:00Z","session_id":"b","event_type":"heartbeat","latitude":-33.8,"longitude":151.2}"#,
    "\n",
    r#"{"server_time":"2026-11-24T00:00:00Z","session_id":"1","event_type":"heartbeat","tags":["2"]}"#,
    "\n",
);

/// The lines that [`EVENTS`] are printed as.
pub(crate) fn lines() -> Vec<String> {
    let days = ["2026-11-22", "2026-11-23", "2026-11-23", "2026-11-23", "2026-11-24", "2026-11-24"];
    let ordinals = [0, 0, 1, 2, 0, 1];
    let rests = [
        r#""server_time":"2026-11-22T23:59:59.500000Z","session_id":"1","event_type":"start_session"}"#,
        r#""server_time":"2026-11-23T10:00:00.123456Z","session_id":"1","event_type":"modify_stream","client_time":"2026-11-23 10:00:00","latitude":1.0,"longitude":-1.5,"tags":["1","2","3"]}"#,
        r#""server_time":"2026-11-23T10:00:01.000000Z","session_id":"-1","event_type":"client_error","data":"no \"signal\",\nat all"}"#,
        r#""server_time":"2026-11-23T11:00:00.000000Z","session_id":"b","event_type":"heartbeat","latitude":42.35,"longitude":-71.06,"tags":["3","x y"],"data":""}"#,
        r#""server_time":"2026-11-24T00:00:00.000000Z","session_id":"b","event_type":"heartbeat","latitude":-33.8,"longitude":151.2}"#,
        r#""server_time":"2026-11-24T00:00:00.000000Z","session_id":"1","event_type":"heartbeat","tags":["2"]}"#,
    ];
    (0..6).map(|i| format!("{{\"id\":{},{}", id(days[i], ordinals[i]), rests[i])).collect()
}

/// These of [`lines`], as printed.
fn these(places: &[usize]) -> String {
    let lines = lines();
    places.iter().map(|place| format!("{}\n", lines[*place])).collect()
}

#[test]
fn log_prints_the_id_of_the_event() {
    let place = Place::new();
    let options = "--session-id 1 --event-type modify_stream --latitude 1 --longitude -1 \
                   --tags 1,2,3 --client-time 10:00 --server-time 2026-11-23T10:00:00Z";
    let mut options = options.split_whitespace().collect::<Vec<_>>();
    options.extend(["--data", "-x y"]);
    let first = id("2026-11-23", 0);
    assert_eq!(place.prints("log", &options), format!("{{\"success\":true,\"id\":{first}}}\n"));
    let url = "https://host/roundware/?operation=log_event&session_id=-1&event_type=heart%20beat\
               &server_time=2026-11-23T10:00:01Z&tag_ids=4";
    let second = id("2026-11-23", 1);
    assert_eq!(place.prints("log", &[url]), format!("{{\"success\":true,\"id\":{second}}}\n"));
    assert_eq!(
        place.prints("query", &[]),
        format!(
            "{{\"id\":{first},\"server_time\":\"2026-11-23T10:00:00.000000Z\",\"session_id\":\"1\",\
             \"event_type\":\"modify_stream\",\"client_time\":\"10:00\",\"latitude\":1.0,\
             \"longitude\":-1.0,\"tags\":[\"1\",\"2\",\"3\"],\"data\":\"-x y\"}}\n\
             {{\"id\":{second},\"server_time\":\"2026-11-23T10:00:01.000000Z\",\
             \"session_id\":\"-1\",\"event_type\":\"heart beat\",\"tags\":[\"4\"]}}\n"
        )
    );
}

#[test]
fn a_bad_event_is_one_line_and_status_2() {
    let place = Place::new();
    for options in
        [["--session-id", "", "--event-type", "x"], ["--session-id", "1", "--event-type", "a\nb"]]
    {
        let (status, out, err) = place.run("log", &options);
        assert_eq!((status, out.as_str()), (2, ""));
        assert!(err.starts_with("diurnal: invalid input: "), "{err}");
        assert_eq!(err.lines().count(), 1, "{err}");
    }
    let (status, _, err) = place.run("log", &["event_type=x"]);
    assert!(status == 2 && err.contains("session_id"), "{err}");
}

#[test]
fn wrong_usage_is_status_2() {
    let place = Place::new();
    let wrong: [(&str, &[&str]); 12] = [
        ("log", &[]),
        ("log", &["--session-id", "1", "--event-type", "x", "--latitude", "1"]),
        ("query", &["--order", "sideways"]),
        ("query", &["--bbox", "1,2,3"]),
        ("query", &["--near", "1,2,many"]),
        ("query", &["--from", "tomorrow"]),
        ("query", &["--tz", "Mars/Olympus"]),
        ("count", &["--by", "weather"]),
        ("prune", &[]),
        ("erase", &[]),
        ("backup", &[]),
        ("import", &["-", "--strict"]),
    ];
    for (command, arguments) in wrong {
        let (status, out, err) = place.run(command, arguments);
        assert_eq!((status, out.as_str()), (2, ""), "{command} {arguments:?}: {err}");
        assert!(!err.is_empty());
        assert!(err.matches("invalid").count() <= 1, "said twice: {err}");
    }
    assert!(!place.path("store").exists());
    let place = Place::with_events();
    for (command, arguments) in [
        ("query", ["--near", "91,0,1"].as_slice()),
        ("count", &["--bbox", "0,-91,1,1"]),
        (
            "log",
            &["--session-id", "1", "--event-type", "x", "--latitude", "93", "--longitude", "0"],
        ),
    ] {
        let (status, out, err) = place.run(command, arguments);
        assert_eq!((status, out.as_str()), (2, ""), "{command} {arguments:?}: {err}");
        assert!(err.contains("must be a number within"), "{err}");
    }
}

#[test]
fn reading_makes_no_store() {
    let place = Place::new();
    let session: &[&str] = &["1"];
    let none: &[&str] = &[];
    let prune: &[&str] = &["--keep-days", "1"];
    for (command, arguments) in [
        ("query", none),
        ("count", none),
        ("session", session),
        ("sessions", none),
        ("tags", none),
        ("days", none),
        ("info", none),
        ("check", none),
        ("check", &["--rebuild"]),
        ("prune", prune),
        ("erase", &["--session-id", "1"]),
        ("erase", &["--session-id", "1", "--yes"]),
        ("backup", &["never made"]),
    ] {
        let (status, out, err) = place.run(command, arguments);
        assert_eq!((status, out.as_str()), (1, ""), "{command}");
        assert!(err.starts_with("diurnal: not found: "), "{command}: {err}");
        assert!(!place.path("store").exists(), "{command}");
    }
    let (status, ..) = place.run("import", &["no-such-file"]);
    assert_eq!(status, 1);
    assert!(!place.path("store").exists());
}

#[test]
fn query_prints_events_in_order() {
    let place = Place::with_events();
    assert_eq!(place.prints("query", &[]), these(&[0, 1, 2, 3, 4, 5]));
    assert_eq!(place.prints("query", &["--order", "desc"]), these(&[5, 4, 3, 2, 1, 0]));
    assert_eq!(place.prints("query", &["--order", "desc", "--limit", "2"]), these(&[5, 4]));
    let after = format!("2026-11-23T10:00:01.000000Z:{}", id("2026-11-23", 1));
    assert_eq!(place.prints("query", &["--after", &after]), these(&[3, 4, 5]));
    let after = format!("2026-11-24T00:00:00.000000Z:{}", id("2026-11-24", 1));
    let back = place.prints("query", &["--after", &after, "--order", "desc", "--limit", "1"]);
    assert_eq!(back, these(&[4]));
}

#[test]
fn filters_of_one_kind_widen_and_of_different_kinds_narrow() {
    let place = Place::with_events();
    let polygon = r#"{"type":"Feature","properties":null,"geometry":{"type":"MultiPolygon",
        "coordinates":[[[[-72,42],[-71,42],[-71,43],[-72,43],[-72,42]]],[[[-2,0],[-1,0],[-1,2],[-2,0]]]]}}"#;
    let polygon = place.write("area.geojson", polygon);
    let cases: [(&[&str], &[usize]); 20] = [
        (&["--session-id", "-1"], &[2]),
        (&["--session-id", "-1", "--session-id", "b"], &[2, 3, 4]),
        (&["--session-id", "b", "--tag", "3"], &[3]),
        (&["--event-type", "client_error", "--event-type", "start_session"], &[0, 2]),
        (&["--any-tag", "3", "--any-tag", "2"], &[1, 3, 5]),
        (&["--tag", "3", "--tag", "2"], &[1]),
        (&["--tag", "-1"], &[]),
        (&["--not-tag", "3", "--not-tag", "2"], &[0, 2, 4]),
        (&["--from", "2026-11-23"], &[1, 2, 3, 4, 5]),
        (&["--to", "2026-11-24"], &[0, 1, 2, 3]),
        (&["--from", "2026-11-23T10:00:01Z", "--to", "2026-11-23T12:00:00+01:00"], &[2]),
        (&["--from", "2026-11-24", "--to", "2026-11-24"], &[]),
        (&["--bbox", "-180,0,0,90"], &[1, 3]),
        (&["--bbox", "150,-90,-70,90"], &[3, 4]),
        (&["--near", "-33.8,151.2,500"], &[4]),
        (&["--near", "-33.81,151.2,1200"], &[4]),
        (&["--polygon", &polygon], &[1, 3]),
        (&["--has-location", "--event-type", "heartbeat"], &[3, 4]),
        (&["--data-contains", "\"signal\""], &[2]),
        (&["--session-id", "nobody"], &[]),
    ];
    for (arguments, expected) in cases {
        assert_eq!(place.prints("query", arguments), these(expected), "{arguments:?}");
        let count = format!("{{\"count\":{}}}\n", expected.len());
        assert_eq!(place.prints("count", arguments), count, "{arguments:?}");
    }
}

#[test]
fn an_unusable_polygon_file_is_an_error() {
    let place = Place::with_events();
    let point = place.write("point.geojson", r#"{"type":"Point","coordinates":[1,2]}"#);
    for file in [point.as_str(), "no-such-file.geojson"] {
        let (status, out, err) = place.run("query", &["--polygon", file]);
        assert_eq!((status, out.as_str()), (1, ""));
        assert!(err.starts_with("diurnal: ") && err.contains(file), "{err}");
    }
}

#[test]
fn counts_are_exact_by_every_key() {
    let place = Place::with_events();
    let cases: [(&str, &[(&str, u64)]); 5] = [
        ("session", &[("1", 3), ("b", 2), ("-1", 1)]),
        (
            "type",
            &[("heartbeat", 3), ("client_error", 1), ("modify_stream", 1), ("start_session", 1)],
        ),
        ("tag", &[("2", 2), ("3", 2), ("1", 1), ("x y", 1)]),
        (
            "hour",
            &[
                ("2026-11-22T23:00:00Z", 1),
                ("2026-11-23T10:00:00Z", 2),
                ("2026-11-23T11:00:00Z", 1),
                ("2026-11-24T00:00:00Z", 2),
            ],
        ),
        ("day", &[("2026-11-22", 1), ("2026-11-23", 3), ("2026-11-24", 2)]),
    ];
    for (by, counts) in cases {
        let line =
            |(key, count): &(&str, u64)| format!("{{\"key\":\"{key}\",\"count\":{count}}}\n");
        let expected = counts.iter().map(line).collect::<String>();
        assert_eq!(place.prints("count", &["--by", by]), expected, "{by}");
    }
    assert_eq!(
        place.prints("count", &["--by", "day", "--event-type", "heartbeat", "--format", "table"]),
        "DAY         COUNT\n2026-11-23      1\n2026-11-24      2\n"
    );
    assert_eq!(place.prints("count", &["--format", "table"]), "COUNT\n    6\n");
}

#[test]
fn explain_takes_the_place_of_the_answer() {
    let place = Place::with_events();
    for command in ["query", "count", "sessions", "tags"] {
        let explained = place.prints(command, &["--session-id", "b", "--explain"]);
        assert!(!explained.is_empty() && !explained.contains("\"id\""), "{command}: {explained}");
        let json = place.prints(command, &["--explain", "--format", "jsonl"]);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["days_considered"], 3, "{command}");
    }
}

#[test]
fn days_and_the_store_are_described() {
    let place = Place::with_events();
    let json = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
    let days = place.prints("days", &[]);
    let days = days.lines().map(json).collect::<Vec<_>>();
    let counts = days.iter().map(|day| (day["day"].as_str().unwrap(), day["events"].as_u64()));
    assert_eq!(
        counts.collect::<Vec<_>>(),
        [("2026-11-22", Some(1)), ("2026-11-23", Some(3)), ("2026-11-24", Some(2))]
    );
    let info = json(&place.prints("info", &[]));
    assert_eq!((&info["events"], &info["days"]), (&6.into(), &3.into()));
    assert_eq!(info["last_day"], "2026-11-24");
    assert!(place.prints("info", &["--format", "table"]).contains("\nevents     6\n"));
    let table = place.prints("days", &["--format", "table"]);
    assert_eq!(table.lines().count(), 4, "{table}");
}

#[test]
fn a_sound_store_is_checked_and_rebuilt_without_complaint() {
    let place = Place::with_events();
    let clean = "{\"days\":3,\"events\":6,\"events_lost\":0,\"problems\":0}\n";
    assert_eq!(place.prints("check", &[]), clean);
    assert_eq!(
        place.prints("check", &["--format", "table"]),
        "checked 3 days with 6 events: no damage\n"
    );
    assert!(place.prints("check", &["--rebuild"]).ends_with(clean));
    assert_eq!(place.prints("query", &[]), these(&[0, 1, 2, 3, 4, 5]));
}

#[test]
fn damage_is_reported_with_status_3() {
    let place = Place::with_events();
    let mut files = Vec::new();
    gather_files(&place.path("store"), &mut files);
    files.retain(|file| file.to_string_lossy().contains("2026-11-22"));
    let file = files.iter().max_by_key(|file| file.metadata().unwrap().len()).expect("a day file");
    let mut bytes = std::fs::read(file).unwrap();
    let place_of = bytes.windows(13).position(|part| part == b"start_session");
    let middle = place_of.unwrap_or(bytes.len() / 2);
    bytes[middle] ^= 1;
    std::fs::write(file, bytes).unwrap();
    let (status, out, err) = place.run("check", &[]);
    assert_eq!(status, 3, "{out}{err}");
    assert!(format!("{out}{err}").contains("2026-11-22"), "{out}{err}");
    let (status, ..) = place.run("query", &[]);
    assert_eq!(status, 3, "a query that touches the day");
    let copy = place.path("copy").to_str().unwrap().to_owned();
    let (status, out, err) = place.run("backup", &[&copy]);
    assert_eq!((status, err.as_str()), (3, ""), "the other days are copied: {out}");
    assert!(out.contains("\"days_copied\":2,") && out.contains("2026-11-22"), "{out}");
    let (status, out, _) = place.run("check", &["--rebuild"]);
    assert_eq!(status, 3, "the event is lost: {out}");
    for arguments in [[].as_slice(), &["--rebuild"]] {
        let out = place.prints("check", arguments);
        assert!(
            out.contains("\"events_lost\":1,"),
            "what is past is told, and is no damage: {out}"
        );
    }
}

#[test]
fn gaps_are_allowed_and_named_where_that_is_asked_for() {
    let place = Place::with_events();
    std::fs::write(place.path("store/days/2026-11-22.day"), "no day").unwrap();
    let commands: [(&str, &[&str]); 6] = [
        ("query", &[]),
        ("tags", &[]),
        ("count", &["--data-contains", "a"]),
        ("count", &["--by", "type"]),
        ("sessions", &[]),
        ("session", &["1"]),
    ];
    for (command, arguments) in commands {
        let (status, _, err) = place.run(command, arguments);
        assert!(status == 3 && err.contains("2026-11-22"), "{command}: {err}");
        let allowed = [arguments, &["--allow-gaps"]].concat();
        let (status, out, err) = place.run(command, &allowed);
        assert_eq!(status, 3, "{command}: {err}");
        assert!(err.starts_with("diurnal: gap: corrupt: day 2026-11-22: "), "{command}: {err}");
        assert_eq!(err.lines().count(), 1);
        assert!(!out.is_empty(), "{command}");
    }
    let other_days = ["--from", "2026-11-23"];
    let whole = place.prints("query", &other_days);
    assert_eq!(place.prints("query", &[&other_days[..], &["--allow-gaps"]].concat()), whole);
    assert!(!whole.is_empty());
}

#[test]
fn a_locked_store_is_status_4() {
    let place = Place::with_events();
    let held = diurnal::Store::open(place.path("store")).unwrap();
    let (status, _, err) = place.run("log", &["session_id=1&event_type=x"]);
    assert!(status == 4 && err.contains(&std::process::id().to_string()), "{status}: {err}");
    let file = place.path("events.jsonl");
    let (status, _, err) = place.run("import", &[file.to_str().unwrap()]);
    assert_eq!(status, 4, "{err}");
    drop(held);
}

#[test]
fn a_strict_import_takes_all_lines_or_none() {
    let place = Place::new();
    let good = "{\"session_id\":1,\"event_type\":\"x\",\"server_time\":\"2026-11-23T10:00:00Z\"}\n";
    let deep = format!(
        "{{\"session_id\":1,\"event_type\":\"x\",\"a\":{}1{}}}\n",
        "[".repeat(60),
        "]".repeat(60)
    );
    let nan = "{\"session_id\":1,\"event_type\":\"x\",\"latitude\":NaN,\"longitude\":1}\n";
    let mut bytes = [good, &deep, nan, good].concat().into_bytes();
    bytes.extend_from_slice(b"{\"session_id\":\"\xff\",\"event_type\":\"x\"}\n");
    let file = place.write("bad.jsonl", bytes);
    let (status, out, err) = place.run("import", &["--strict", &file]);
    assert_eq!((status, out.as_str()), (1, "{\"read\":5,\"imported\":0,\"rejected\":3}\n"));
    for reason in ["line 2: nests deeper", "line 3: is not JSON", "line 5: is not UTF-8"] {
        assert!(err.contains(reason), "{err}");
    }
    assert!(!place.path("store").exists(), "no store was made");
    let (status, out, _) = place.run("import", &[&file]);
    assert_eq!((status, out.as_str()), (1, "{\"read\":5,\"imported\":2,\"rejected\":3}\n"));
    let file = place.write("good.jsonl", good);
    assert!(place.prints("import", &["--strict", &file]).contains("\"imported\":1"));
    let (status, _, err) = place.run("import", &["--strict", "-"]);
    assert!(status == 2 && err.contains("--strict"), "{err}");
}

#[test]
fn an_import_is_run_again_without_doubling_where_that_is_asked_for() {
    let place = Place::with_events();
    let file = place.path("events.jsonl");
    let file = file.to_str().unwrap();
    let before = place.prints("query", &[]);
    let again = place.prints("import", &["--skip-existing", file]);
    assert_eq!(again, "{\"read\":6,\"imported\":0,\"skipped\":6,\"rejected\":0}\n");
    assert_eq!(place.prints("query", &[]), before);
    // Of one that was broken off, the rest.
    let (status, out, _) = place.run_on("second", "import", &["--skip-existing", file]);
    assert_eq!(
        (status, out.as_str()),
        (0, "{\"read\":6,\"imported\":6,\"skipped\":0,\"rejected\":0}\n")
    );
    let timeless = place.write("timeless.jsonl", "{\"session_id\":1,\"event_type\":\"x\"}\n");
    let (status, _, err) = place.run("import", &["--skip-existing", &timeless]);
    assert!(status == 1 && err.contains("line 1: server_time"), "{err}");
}

fn gather_files(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { gather_files(&path, files) } else { files.push(path) }
    }
}

#[test]
fn prune_drops_the_oldest_days() {
    let place = Place::with_events();
    let planned = place.prints("prune", &["--max-bytes", "1", "--dry-run"]);
    assert!(planned.ends_with("\"dry_run\":true}\n"), "{planned}");
    assert_eq!(place.prints("count", &[]), "{\"count\":6}\n");
    let dropped = place.prints("prune", &["--max-bytes", "1"]);
    assert!(
        dropped.starts_with("{\"dropped\":\"2026-11-22\",\"events\":1,\"bytes\":"),
        "{dropped}"
    );
    assert!(dropped.ends_with("\"dry_run\":false}\n"), "{dropped}");
    assert_eq!(place.prints("query", &["--to", "2026-11-23"]), "");
    let table = place.prints("prune", &["--keep-days", "3000000", "--format", "table"]);
    assert_eq!(table, "dropped 0 days in all: 0 events, 0 B\n");
}

#[test]
fn erase_says_what_would_go_and_does_it_when_told() {
    let place = Place::with_events();
    let days =
        "{\"erased\":\"2026-11-23\",\"events\":1}\n{\"erased\":\"2026-11-24\",\"events\":1}\n";
    let total = "{\"session_id\":\"b\",\"days\":2,\"events\":2,\"remains\":0,";
    let planned = place.prints("erase", &["--session-id", "b"]);
    assert_eq!(planned, format!("{days}{total}\"verified\":false,\"dry_run\":true}}\n"));
    assert_eq!(place.prints("query", &[]), these(&[0, 1, 2, 3, 4, 5]));
    let erased = place.prints("erase", &["--session-id", "b", "--yes"]);
    assert!(erased.starts_with(&format!("{days}{total}\"erased_at\":\"20")), "{erased}");
    assert!(erased.ends_with("\"verified\":true,\"dry_run\":false}\n"), "{erased}");
    assert_eq!(place.prints("query", &[]), these(&[0, 1, 2, 5]), "ids stay as they were");
    let table = place.prints("erase", &["--session-id", "-1", "--format", "table"]);
    assert_eq!(
        table,
        "would erase 2026-11-23: 1 event\n\
         would erase session -1: 1 event of 1 day; --yes does it\n"
    );
    std::fs::write(place.path("store/days/2026-11-22.day.damaged"), "?").unwrap();
    let (status, out, err) =
        place.run("erase", &["--session-id", "-1", "--yes", "--format", "table"]);
    assert_eq!((status, err.as_str()), (1, ""));
    assert!(out.contains("\nmay remain in days/2026-11-22.day.damaged: "), "{out}");
    assert!(out.ends_with("; something may remain\n"), "{out}");
    let (status, _, err) = place.run("erase", &["--session-id", "", "--yes"]);
    assert!(status == 2 && err.starts_with("diurnal: invalid input: session_id"), "{err}");
    place.prints("check", &[]);
}

#[test]
fn backup_makes_a_store_with_the_same_events_and_brings_it_up_to_date() {
    let place = Place::with_events();
    let copy = place.path("copy").to_str().unwrap().to_owned();
    let printed = place.prints("backup", &[&copy]);
    let (lines, total) = printed.split_at(printed.find("{\"days_copied").unwrap());
    assert_eq!(
        lines,
        "{\"copied\":\"2026-11-22\"}\n{\"copied\":\"2026-11-23\"}\n{\"copied\":\"2026-11-24\"}\n"
    );
    assert!(total.starts_with("{\"days_copied\":3,\"days_kept\":0,\"bytes_copied\":"), "{total}");
    let (status, out, _) = place.run_on("copy", "query", &[]);
    assert_eq!((status, out), (0, these(&[0, 1, 2, 3, 4, 5])));
    place.prints("log", &["session_id=1&event_type=x&server_time=2026-11-22T10:00:00Z"]);
    let table = place.prints("backup", &[&copy, "--format", "table"]);
    // A day that is today is being written, and copied each time.
    assert!(table.starts_with("copied 2026-11-22\ncopied "), "{table}");
    assert!(!table.contains("2026-11-23") && table.ends_with(" there already\n"), "{table}");
    let (status, _, err) = place.run("backup", &[place.path("store").to_str().unwrap()]);
    assert!(status == 2 && err.starts_with("diurnal: invalid input: "), "{err}");
}

#[test]
fn bad_lines_are_named_and_kept_and_the_others_imported() {
    let place = Place::new();
    let good = |n| format!("{{\"session_id\":{n},\"event_type\":\"x\"}}\n").into_bytes();
    let long_tag =
        format!("{{\"session_id\":1,\"event_type\":\"x\",\"tags\":[\"{}\"]}}\n", "y".repeat(65));
    let bad: [Vec<u8>; 6] = [
        b"{\"session_id\":1\n".to_vec(),
        b"{\"event_type\":\"x\"}\r\n".to_vec(),
        b"{\"session_id\":1,\"event_type\":\"x\",\"data\":\"\xff\"}\n".to_vec(),
        long_tag.into_bytes(),
        b"{\"session_id\":1,\"event_type\":\"x\",\"server_time\":\"1969-12-31T00:00:00Z\"}\n"
            .to_vec(),
        b"{\"session_id\":1,\"event_type\":\"x\",\"latitude\":91,\"longitude\":0}".to_vec(),
    ];
    let mut input = b"\xef\xbb\xbf".to_vec();
    for (n, bad) in bad.iter().enumerate() {
        input.extend(good(n));
        input.extend(b"  \n");
        input.extend(bad);
    }
    let file = place.write("mixed.jsonl", input);
    let rejects = place.path("rejects.jsonl");
    let (status, out, err) = place.run("import", &[&file, "--rejects", rejects.to_str().unwrap()]);
    assert_eq!((status, out.as_str()), (1, "{\"read\":12,\"imported\":6,\"rejected\":6}\n"));
    // What only the store can refuse is found when a batch is committed, after later lines.
    let mut numbers = err.lines().map(line_number).collect::<Vec<_>>();
    numbers.sort_unstable();
    assert_eq!(numbers, [3, 6, 9, 12, 15, 18], "{err}");
    let mut kept = lines_of(&std::fs::read(rejects).unwrap());
    let mut expected = bad.to_vec();
    expected[5].push(b'\n');
    kept.sort();
    expected.sort();
    assert_eq!(kept, expected);
    assert_eq!(place.prints("count", &[]), "{\"count\":6}\n");
}

/// The line that `line N: reason` names.
fn line_number(report: &str) -> u64 {
    let (line, reason) = report.split_once(": ").unwrap();
    assert!(!reason.is_empty());
    line.strip_prefix("line ").unwrap().parse().unwrap()
}

/// Lines with their ends.
fn lines_of(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

#[test]
fn without_a_rejected_line_there_is_no_rejects_file() {
    let place = Place::new();
    let file = place.write("events.jsonl", EVENTS);
    let rejects = place.path("rejects");
    place.prints("import", &[&file, "--rejects", rejects.to_str().unwrap()]);
    assert!(!rejects.exists());
    let (status, _, err) = place.run("import", &[&file, "--rejects", &file]);
    assert_eq!(status, 1, "{err}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), EVENTS, "the input is not cut");
}

#[test]
fn a_line_of_any_length_costs_only_itself() {
    let place = Place::new();
    let good = "{\"session_id\":1,\"event_type\":\"x\"}\n";
    let long = format!("{{\"session_id\":1,\"data\":\"{}\"}}\n", "y".repeat(9 << 20));
    let file = place.write("long.jsonl", format!("{good}{long}{good}"));
    let rejects = place.path("rejects");
    let (status, out, err) = place.run("import", &[&file, "--rejects", rejects.to_str().unwrap()]);
    assert_eq!((status, out.as_str()), (1, "{\"read\":3,\"imported\":2,\"rejected\":1}\n"));
    assert_eq!(err, "line 2: must be at most 8388608 bytes long\n");
    assert!(std::fs::read_to_string(rejects).unwrap() == long, "kept to the byte");
}

#[test]
fn a_line_of_control_characters_is_named_and_costs_only_itself() {
    let place = Place::new();
    let good = |format: &str| match format {
        "csv" => "1,x\n".to_owned(),
        "query" => "session_id=1&event_type=x\n".to_owned(),
        _ => "{\"session_id\":1,\"event_type\":\"x\"}\n".to_owned(),
    };
    // All of them but the line's end, and the quote that CSV would go on after.
    let control: Vec<u8> = (0..32).chain([127]).filter(|byte| *byte != b'\n').collect();
    let long: Vec<u8> = control.into_iter().cycle().take(1 << 20).chain([b'\n']).collect();
    for format in ["jsonl", "csv", "query"] {
        let head = if format == "csv" { "session_id,event_type\n" } else { "" };
        let good = good(format);
        let parts = [head.as_bytes(), good.as_bytes(), &long, good.as_bytes()];
        let file = place.write(&format!("control.{format}"), parts.concat());
        let rejects = place.path(&format!("rejects.{format}"));
        let arguments = [&file, "--format", format, "--rejects", rejects.to_str().unwrap()];
        let (status, out, err) = place.run("import", &arguments);
        assert_eq!((status, out.as_str()), (1, "{\"read\":3,\"imported\":2,\"rejected\":1}\n"));
        let line = if head.is_empty() { 2 } else { 3 };
        assert!(err.starts_with(&format!("line {line}: ")), "{format}: {err:.200}");
        assert_eq!(err.lines().count(), 1, "{format}: {err:.200}");
        assert!(err.len() < 1_000, "{format}: {} bytes are said of it", err.len());
        assert!(!err.trim_end().contains(char::is_control), "{format}: {err:?}");
        let kept = std::fs::read(&rejects).unwrap();
        assert!(kept == [head.as_bytes(), &long].concat(), "{format}: kept to the byte");
    }
}

#[test]
fn json_lines_come_back_the_same() {
    let place = Place::with_events();
    let odd = r#"{"session_id":"s","event_type":"e","server_time":"2026-11-23T10:00:00Z","latitude":-0.0,"longitude":100.12345678901234,"tags":["a,b"," c ","a,b"],"data":"\u0000\u001b\u2028é"}"#;
    place.prints("import", &[&place.write("odd.jsonl", odd)]);
    let exported = place.prints("query", &["--format", "jsonl"]);
    assert!(exported.contains("\"latitude\":-0.0,\"longitude\":100.12345678901234"), "{exported}");
    let file = place.write("exported.jsonl", &exported);
    let (status, out, _) = place.run_on("second", "import", &[&file]);
    assert_eq!((status, out.as_str()), (0, "{\"read\":7,\"imported\":7,\"rejected\":0}\n"));
    let (_, again, _) = place.run_on("second", "query", &[]);
    // Ids are given in the order of import, and this one was imported in the order of time.
    assert_eq!(without_ids(&again), without_ids(&exported));
    let file = place.write("again.jsonl", &again);
    place.run_on("third", "import", &[&file]);
    assert_eq!(place.run_on("third", "query", &[]).1, again);
}

fn without_ids(lines: &str) -> Vec<&str> {
    lines.lines().map(|line| line.split_once(',').unwrap().1).collect()
}

#[test]
fn csv_comes_back_the_same() {
    let place = Place::with_events();
    let odd = r#"{"session_id":"s,\"t\"","event_type":" e ","server_time":"2026-11-25T10:00:00Z","tags":["a,b"," c ","[d]"],"data":"one\r\ntwo\n"}"#;
    place.prints("import", &[&place.write("odd.jsonl", odd)]);
    let exported = place.prints("query", &["--format", "csv"]);
    let mut records = exported.lines();
    assert_eq!(
        records.next(),
        Some("id,server_time,session_id,event_type,client_time,latitude,longitude,tags,data")
    );
    let first = id("2026-11-22", 0);
    let expected = format!("{first},2026-11-22T23:59:59.500000Z,1,start_session,,,,,");
    assert_eq!(records.next(), Some(expected.as_str()));
    let file = place.write("exported.csv", &exported);
    let (status, out, err) = place.run_on("second", "import", &[&file]);
    assert_eq!((status, err.as_str()), (0, ""));
    assert_eq!(out, "{\"read\":7,\"imported\":7,\"rejected\":0}\n");
    assert_eq!(place.run_on("second", "query", &[]).1, place.prints("query", &[]));
}

#[test]
fn bad_csv_records_are_kept_under_the_header() {
    let place = Place::new();
    let bad = ["1,x,short\r\n", ",x,,\r\n", "\"1\"2,x,,\r\n", "1,x,\"two\nlines\",91\r\n"];
    let header = "session_id,event_type,data,latitude\r\n";
    let input = format!("{header}1,x,,\r\n{}\r\n2,x,\"a\r\nb\",\r\n", bad.concat());
    let file = place.write("mixed.csv", input);
    let rejects = place.path("rejects.csv");
    let (status, out, err) = place.run("import", &[&file, "--rejects", rejects.to_str().unwrap()]);
    assert_eq!((status, out.as_str()), (1, "{\"read\":6,\"imported\":2,\"rejected\":4}\n"));
    assert_eq!(err.lines().map(line_number).collect::<Vec<_>>(), [3, 4, 5, 6], "{err}");
    assert_eq!(std::fs::read_to_string(rejects).unwrap(), format!("{header}{}", bad.concat()));
    let (status, _, err) = place.run("import", &[&place.write("odd.csv", "a,b\n1,2\n")]);
    assert!(status == 1 && err.contains("session_id"), "{err}");
}

#[test]
fn query_strings_are_imported_line_by_line() {
    let place = Place::new();
    let time = "server_time=2026-11-23T10:00:00Z";
    let input = format!(
        "/roundware/?operation=log_event&session_id=1&event_type=x&tags=1,2&{time}\n\n\
         event_type=x\nsession_id=2&event_type=y&data=a+b%21&{time}\n"
    );
    let file = place.write("calls.txt", input);
    let (status, out, err) = place.run("import", &[&file]);
    assert_eq!((status, out.as_str()), (1, "{\"read\":3,\"imported\":2,\"rejected\":1}\n"));
    assert!(err.starts_with("line 3: ") && err.contains("session_id"), "{err}");
    assert_eq!(
        place.prints("query", &["--session-id", "2"]),
        format!(
            "{{\"id\":{},\"server_time\":\"2026-11-23T10:00:00.000000Z\",\"session_id\":\"2\",\
             \"event_type\":\"y\",\"data\":\"a b!\"}}\n",
            id("2026-11-23", 1)
        )
    );
}

#[test]
fn a_table_cannot_drive_a_terminal() {
    let place = Place::new();
    place.prints("log", &["--session-id", "1", "--event-type", "x", "--data", "\u{1b}[2J\u{9b}"]);
    let table = place.prints("query", &["--format", "table"]);
    assert!(table.contains("\\x1b[2J\\u{9b}"), "{table}");
    assert!(!table.chars().any(|c| c.is_control() && c != '\n'));
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let place = Place::new();
    let line = "{\"session_id\":1,\"event_type\":\"x\",\"data\":\"some data to fill a pipe\"}\n";
    place.prints("import", &[&place.write("many.jsonl", line.repeat(5000))]);
    for format in ["jsonl", "csv", "table"] {
        let mut child = place
            .command("store", "query", &["--format", format])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = [0];
        let mut pipe = child.stdout.take().unwrap();
        pipe.read_exact(&mut first).unwrap();
        drop(pipe);
        let (status, _, err) = ended(child.wait_with_output().unwrap());
        assert_eq!((status, err.as_str()), (0, ""), "{format}");
    }
}

#[test]
fn what_comes_through_a_pipe_is_seen_while_it_stays_open() {
    let place = Place::new();
    let (child, mut pipe) = place.import_from_pipe();
    let line = "{\"session_id\":1,\"event_type\":\"x\"}\n";
    pipe.write_all(line.as_bytes()).unwrap();
    // The promise is a second; a slow machine starts processes slowly.
    place.await_count(1, Duration::from_secs(10));
    pipe.write_all(line.repeat(3).as_bytes()).unwrap();
    // Half a line waits for its end.
    pipe.write_all(&line.as_bytes()[..10]).unwrap();
    place.await_count(4, Duration::from_secs(5));
    pipe.write_all(&line.as_bytes()[10..]).unwrap();
    drop(pipe);
    let (status, out, err) = ended(child.wait_with_output().unwrap());
    assert_eq!((status, err.as_str()), (0, ""));
    assert_eq!(out, "{\"read\":5,\"imported\":5,\"rejected\":0}\n");
    assert_eq!(place.prints("count", &[]), "{\"count\":5}\n");
}

#[test]
fn readers_run_beside_a_writer_and_a_second_writer_is_refused() {
    let place = Place::with_events();
    let (child, mut pipe) = place.import_from_pipe();
    pipe.write_all(b"{\"session_id\":9,\"event_type\":\"x\"}\n").unwrap();
    place.await_count(7, Duration::from_secs(10));
    let one: &[&str] = &["1"];
    for (command, arguments) in [
        ("query", &[] as &[&str]),
        ("session", one),
        ("sessions", &[]),
        ("days", &[]),
        ("info", &[]),
        ("check", &[]),
        ("prune", &["--keep-days", "100000", "--dry-run"]),
    ] {
        place.prints(command, arguments);
    }
    let (status, out, err) = place.run("log", &["session_id=1&event_type=x"]);
    assert_eq!((status, out.as_str()), (4, ""));
    assert!(err.starts_with("diurnal: locked: "), "{err}");
    assert_eq!(err.lines().count(), 1);
    assert!(err.contains(&child.id().to_string()), "who holds it: {err}");
    drop(pipe);
    assert_eq!(ended(child.wait_with_output().unwrap()).0, 0);
    place.prints("log", &["session_id=1&event_type=x"]);
}

#[test]
fn help_teaches_every_command_and_option() {
    let help = |arguments: &[&str]| {
        let program = Command::new(env!("CARGO_BIN_EXE_diurnal")).args(arguments).output();
        let (status, out, _) = ended(program.unwrap());
        assert_eq!(status, 0, "{arguments:?}");
        out
    };
    let top = help(&["--help"]);
    let commands = [
        "log", "import", "query", "count", "session", "sessions", "days", "info", "check", "prune",
        "erase", "backup",
    ];
    for command in commands {
        assert!(top.contains(&format!("\n  {command} ")), "{command}: {top}");
        let page = help(&[command, "--help"]);
        assert!(page.contains("STORE") || page.contains("<STORE>"), "{page}");
    }
    assert!(help(&["query", "--help"]).contains("--near <LAT,LON,METRES>"));
}
