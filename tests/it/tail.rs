//! Goal: `diurnal tail` prints the last events and those that follow, at once, and a script that ships them
//! goes on where it was.
//!
//! Method: the built program is run beside a store that this process writes, and what it prints is
//! waited for; a line that does not come fails the test after minutes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use diurnal::{Event, EventId, Store};

use crate::common::{Draft, at, day, noon, small_blocks};

const TODAY: &str = "2026-11-23";
const PATIENCE: Duration = Duration::from_secs(300);

fn program(store: &Path, arguments: &[&str]) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_diurnal"));
    program.arg("tail").arg(store).args(arguments).stdin(Stdio::null());
    program
}

/// Status, standard output and standard error.
fn tail(store: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = program(store, arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// The ids that a run prints, which must end well.
fn printed(store: &Path, arguments: &[&str]) -> Vec<EventId> {
    let (status, out, err) = tail(store, arguments);
    assert_eq!((status, err.as_str()), (0, ""), "{arguments:?} printed {out}");
    out.lines().map(id_of).collect()
}

fn id_of(line: &str) -> EventId {
    serde_json::from_str::<Event>(line).unwrap_or_else(|error| panic!("{line:?}: {error}")).id
}

fn log(store: &Store, date: &str, number: usize) -> EventId {
    store.log_event(Draft::numbered(number, at(day(date), number as i64)).event()).unwrap()
}

fn open(path: &Path) -> Store {
    small_blocks().clock(noon(day(TODAY))).open(path).unwrap()
}

/// A run that goes on, killed when it is dropped, and the lines that it prints.
struct Following {
    child: Child,
    lines: Option<Receiver<String>>,
}

impl Following {
    fn start(store: &Path, arguments: &[&str]) -> Self {
        let mut child =
            program(store, arguments).arg("--follow").stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            for line in output.lines() {
                // Whoever waits no more closes the pipe.
                if sender.send(line.unwrap()).is_err() {
                    return;
                }
            }
        });
        Self { child, lines: Some(receiver) }
    }

    fn line(&self) -> String {
        self.lines.as_ref().unwrap().recv_timeout(PATIENCE).expect("a line is printed")
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_last_events_are_printed_in_order_and_as_many_as_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let (path, store) = (directory.path(), open(directory.path()));
    let mut ids: Vec<EventId> = (0..13).map(|number| log(&store, TODAY, number)).collect();
    assert_eq!(printed(path, &[]), ids[3..]);
    assert_eq!(printed(path, &["-n", "2"]), ids[11..]);
    assert_eq!(printed(path, &["-n", "0"]), []);
    let heartbeats: Vec<EventId> = ids.iter().copied().step_by(3).collect();
    assert_eq!(printed(path, &["-n", "2", "--event-type", "heartbeat"]), heartbeats[3..]);
    ids.insert(0, log(&store, "2026-11-20", 50));
    assert_eq!(printed(path, &["-n", "+1"]), ids, "all, and each day in order of arrival");
    let (_, csv, _) = tail(path, &["-n", "1", "--format", "csv"]);
    assert_eq!(csv.lines().count(), 2, "one header: {csv}");
    let (status, _, err) = tail(path, &["-n", "+7"]);
    assert_eq!(status, 2, "{err}");
    let (status, out, err) = tail(&path.join("nowhere"), &["--follow"]);
    assert_eq!((status, out.as_str()), (1, ""), "{err}");
}

#[test]
fn events_are_printed_as_another_process_logs_them_until_nobody_reads() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let before = log(&store, TODAY, 0);
    let mut following = Following::start(directory.path(), &["-n", "1", "--format", "jsonl"]);
    assert_eq!(id_of(&following.line()), before);
    for (number, date) in [TODAY, TODAY, "2026-11-01", "1970-01-01", TODAY].iter().enumerate() {
        let id = log(&store, date, number + 1);
        assert_eq!(id_of(&following.line()), id, "number {number}");
    }
    drop(following.lines.take());
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = following.child.try_wait().unwrap() {
            break status;
        }
        assert!(begun.elapsed() < PATIENCE, "it goes on although nobody reads");
        // The end of a pipe is met by writing to it.
        log(&store, TODAY, 100);
        std::thread::park_timeout(Duration::from_millis(50));
    };
    assert_eq!(status.code(), Some(0), "quietly");
}

#[test]
fn a_table_that_follows_has_its_titles_once() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let ids = [log(&store, TODAY, 0), log(&store, TODAY, 1)];
    let following = Following::start(directory.path(), &["--format", "table"]);
    assert!(following.line().contains("SERVER TIME"));
    for id in ids.into_iter().chain([log(&store, TODAY, 2)]) {
        let line = following.line();
        assert!(line.starts_with(&id.to_string()), "{line}");
    }
}

#[test]
fn a_script_goes_on_from_its_position_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let file = directory.path().join("sent.position");
    let ship = ["-n", "+1", "--position-file", file.to_str().unwrap()];
    let store = open(&path);
    let first: Vec<EventId> = (0..50).map(|number| log(&store, TODAY, number)).collect();
    assert_eq!(printed(&path, &ship), first);
    assert_eq!(printed(&path, &ship), []);
    let late = [log(&store, "2026-10-01", 60), log(&store, TODAY, 61)];
    assert_eq!(printed(&path, &ship), late);
    let position = std::fs::read_to_string(&file).unwrap();
    let more = log(&store, TODAY, 62);
    assert_eq!(printed(&path, &["--after", position.trim()]), [more]);
    assert_eq!(printed(&path, &ship), [more]);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 2, "no draft is left");
    std::fs::write(&file, "1,x").unwrap();
    let (status, out, err) = tail(&path, &ship);
    assert_eq!((status, out.as_str()), (1, ""));
    assert!(err.contains("sent.position") && err.lines().count() == 1, "{err}");
}

#[test]
fn a_damaged_day_is_an_error_or_where_that_is_allowed_a_gap() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let store = open(path);
    log(&store, "2026-11-20", 0);
    let after = log(&store, TODAY, 1);
    store.close().unwrap();
    std::fs::write(path.join("days/2026-11-20.day"), "x").unwrap();
    let (status, _, err) = tail(path, &["-n", "+1"]);
    assert_eq!(status, 3);
    assert!(err.contains("2026-11-20") && err.lines().count() == 1, "{err}");
    let (status, out, err) = tail(path, &["-n", "+1", "--allow-gaps"]);
    assert_eq!((status, out.lines().map(id_of).collect()), (3, vec![after]));
    assert!(err.contains("gap") && err.contains("2026-11-20"), "{err}");
}
