//! Goal: `paths`, `funnel`, `health`, `silent` and `errors` print what they promise. Method: the built program is
//! run on one small store; tables are compared whole, JSON is read as the library's answers.

use std::process::{Command, Stdio};

use diurnal::analysis::{
    ClientErrors, ClientErrorsReport, Funnel, FunnelReport, Health, HealthReport, Paths,
    PathsReport, Silence, SilenceReport, Transition,
};
use diurnal::{Clock, NewEvent, Store, SystemClock};
use tempfile::TempDir;

use super::at;

/// A store in a directory.
struct Place {
    directory: TempDir,
}

impl Place {
    fn new() -> Self {
        let events = [
            NewEvent::new("a", "start_session").server_time(at(0)).tag("kiosk:lobby"),
            NewEvent::new("a", "heartbeat").server_time(at(1)),
            NewEvent::new("a", "start_record").server_time(at(10)),
            NewEvent::new("a", "stop_record").server_time(at(75)),
            NewEvent::new("a", "client_error").server_time(at(80)).data("no \u{1b}[31m 17"),
            NewEvent::new("b", "start_session").server_time(at(90)),
            NewEvent::new("b", "client_error").server_time(at(95)).data("no \u{1b}[31m 4"),
            NewEvent::new("b", "heartbeat").server_time(at(7_200)),
            NewEvent::new("b", "cleanup_session").server_time(at(7_300)),
        ];
        let place = Self { directory: TempDir::new().unwrap() };
        let store = Store::open(place.directory.path()).unwrap();
        store.log_events(events).unwrap();
        store.close().unwrap();
        place
    }

    fn run(&self, command: &str, arguments: &[&str]) -> (i32, String, String) {
        let mut program = Command::new(env!("CARGO_BIN_EXE_diurnal"));
        program.arg(command).arg(self.directory.path()).args(arguments).stdin(Stdio::null());
        let output = program.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    fn prints(&self, command: &str, arguments: &[&str]) -> String {
        let (status, out, err) = self.run(command, arguments);
        assert_eq!((status, &*err), (0, ""), "{command} {arguments:?}: {out}");
        out
    }

    fn table(&self, command: &str, arguments: &[&str]) -> String {
        self.prints(command, &[arguments, &["--format", "table"]].concat())
    }

    fn json<T: serde::de::DeserializeOwned>(&self, command: &str, arguments: &[&str]) -> T {
        let out = self.prints(command, &[arguments, &["--format", "json"]].concat());
        assert_eq!(out.lines().count(), 1, "{out}");
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{out}: {error}"))
    }

    fn store(&self) -> Store {
        Store::open_read_only(self.directory.path()).unwrap()
    }
}

#[test]
fn paths_are_printed() {
    let place = Place::new();
    assert_eq!(
        place.table("paths", &["--limit", "2"]),
        "\
FROM          TO               COUNT   SHARE  MEDIAN DELAY        P90
client_error  cleanup_session      1  20.0 %     2 h 0 min  2 h 0 min
start_record  stop_record          1  20.0 %     1 min 5 s  1 min 5 s

5 transitions, 3 of them not listed; 7 events, 2 sessions, 2 visits
first: start_session 2
last:  cleanup_session 1, client_error 1
"
    );
    let report: PathsReport = place.json("paths", &["--limit", "2"]);
    assert_eq!(report, place.store().ask(&Paths::new().limit(2)).unwrap());
    let lines = place.prints("paths", &["--gap", "1m"]);
    let first: Transition = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!((&*first.from, &*first.to, first.count), ("start_session", "client_error", 1));
    let all: PathsReport = place.json("paths", &["--ignore-none", "--session-id", "a"]);
    assert_eq!((all.events, all.sessions), (5, 1));
    let some: PathsReport = place.json("paths", &["--ignore", "client_error"]);
    assert_eq!(some.events, 7);
}

#[test]
fn a_funnel_is_printed() {
    let place = Place::new();
    let steps = "start_session,start_record|modify_stream,stop_upload";
    assert_eq!(
        place.table("funnel", &[steps]),
        "\
STEP  TYPE                        SESSIONS   OF ALL  OF STEP BEFORE  MEDIAN DELAY   P90  DROPPED  LAST
   1  start_session                      2  100.0 %         100.0 %           0 s   0 s        1  cleanup_session 1
   2  start_record|modify_stream         1   50.0 %          50.0 %          10 s  10 s        1  client_error 1
   3  stop_upload                        0    0.0 %           0.0 %             -     -        0  -

2 sessions
"
    );
    let report: FunnelReport =
        place.json("funnel", &["start_session,client_error", "--within", "1m"]);
    let question = Funnel::new(["start_session", "client_error"]).limit(3);
    let question = question.within(std::time::Duration::from_secs(60));
    assert_eq!(report, place.store().ask(&question).unwrap());
    assert_eq!(report.steps[1].sessions, 1);
    assert_eq!(place.prints("funnel", &[steps]).lines().count(), 3);
    let cut = place.table("funnel", &["start_session,stop_record", "--limit", "0"]);
    assert!(cut.contains("  1  …\n"), "{cut}");
    let (status, out, err) = place.run("funnel", &["start_session,,stop_upload"]);
    assert_eq!((status, &*out), (2, ""));
    assert!(err.contains("must be an event type"), "{err}");
}

#[test]
fn health_is_printed() {
    let place = Place::new();
    assert_eq!(
        place.table("health", &[]),
        "\
DAY         EVENTS  SESSIONS  RETURNING  ENDED  NO CLEANUP  WENT ON  OPEN  GAPS  LONGEST GAP  UPLOADS  UNSTOPPED
2026-11-23       9         2          0      2           1        0     0     0            -        0          0
all              9         2          0      2           1        0     0     0            -        0          0

as of 2026-11-23T14:01:40Z
1 of 1 session that ended without cleanup_session:
SESSION  LAST EVENT            LAST TYPE
a        2026-11-23T12:01:20Z  client_error
"
    );
    let report: HealthReport = place.json("health", &["--open", "3h"]);
    let question = Health::new().open(std::time::Duration::from_secs(10_800)).limit(10);
    assert_eq!(report, place.store().ask(&question).unwrap());
    assert_eq!(report.total.open, 1);
    assert_eq!(place.prints("health", &["--at", "2026-11-23"]), "");
    assert!(place.prints("health", &[]).starts_with("{\"day\":\"2026-11-23\",\"events\":9,"));
}

#[test]
fn the_silent_are_printed() {
    let place = Place::new();
    assert_eq!(
        place.table("silent", &["--after", "10m"]),
        "\
SESSION  SINCE                       FOR  LAST EVENT            LAST TYPE
a        2026-11-23T12:00:01Z  2 h 1 min  2026-11-23T12:01:20Z  client_error

silent: 1 of 2 sessions with heartbeats; 0 sessions without
as of 2026-11-23T14:01:40Z
"
    );
    let device = place.table("silent", &["--by-tag", "kiosk:", "--ended"]);
    assert!(device.starts_with("DEVICE       SINCE "), "{device}");
    assert!(device.contains("client_error  no\n"), "{device}");
    let arguments = ["--at", "2026-11-23T12:00:12Z", "--after", "10s", "--ended"];
    let report: SilenceReport = place.json("silent", &arguments);
    let question = Silence::new().at(at(12)).after(std::time::Duration::from_secs(10)).ended(true);
    assert_eq!(report, place.store().ask(&question).unwrap());
    assert_eq!(report.silent, 1);
    assert_eq!(place.prints("silent", &[]).lines().count(), 1);
    let (status, _, err) = place.run("silent", &["--after", "soon"]);
    assert_eq!(status, 2, "{err}");
}

#[test]
fn the_moment_of_an_answer_is_named_as_those_of_filters() {
    let place = Place::new();
    for command in ["health", "silent"] {
        let at = |arguments: &[&str]| place.prints(command, arguments);
        let exact = at(&["--at", "2026-11-23T12:00:12Z", "--format", "json"]);
        assert!(exact.starts_with("{\"at\":\"2026-11-23T12:00:12.000000Z\""), "{exact}");
        for named in ["2026-11-23 17:30:12", "2026-11-23T17:30:12", "2026-11-23T14:00:12+02:00"] {
            let zoned = at(&["--at", named, "--tz", "Asia/Kolkata", "--format", "json"]);
            assert_eq!(zoned, exact, "{command} --at {named}");
        }
        // Before all events.
        assert_eq!(at(&["--at", "1000w"]), "", "{command}");
        let (status, _, err) = place.run(command, &["--at", "soon"]);
        assert!(status == 2 && err.contains("yesterday"), "{err}");
    }
    let before = SystemClock.now();
    let report: SilenceReport = place.json("silent", &["--at", "now"]);
    assert!(report.at.is_some_and(|at| before <= at && at <= SystemClock.now()), "{report:?}");
}

#[test]
fn errors_are_printed_and_drive_no_terminal() {
    let place = Place::new();
    assert_eq!(
        place.table("errors", &[]),
        "\
COUNT  SESSIONS  FIRST                 LAST                  MESSAGE
    2         2  2026-11-23T12:01:20Z  2026-11-23T12:01:35Z  no \\x1b[<n>m <n>

2 errors in 1 group, in 2 sessions
"
    );
    let report: ClientErrorsReport = place.json("errors", &["--session-id", "b"]);
    let question = ClientErrors::new().filter(diurnal::Filter::session("b"));
    assert_eq!(report, place.store().ask(&question).unwrap());
    assert_eq!(place.prints("errors", &[]).lines().count(), 1);
    let none = place.table("errors", &["--error-type", "server_error"]);
    assert!(none.ends_with("0 errors in 0 groups, in 0 sessions\n"), "{none}");
    let others = place.table("errors", &["--limit", "0"]);
    assert!(others.contains("(others)"), "{others}");
}

#[test]
fn explain_says_how_the_events_are_found() {
    let place = Place::new();
    for command in ["paths", "health", "silent", "errors"] {
        let told = place.prints(command, &["--explain", "--session-id", "a"]);
        assert!(told.contains("left after"), "{command}: {told}");
    }
}

#[test]
fn a_damaged_day_is_an_error_or_a_gap() {
    let place = Place::new();
    let day = place.directory.path().join("days/2026-11-23.day");
    let mut bytes = std::fs::read(&day).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..].fill(0);
    std::fs::write(&day, bytes).unwrap();
    for (command, arguments) in
        [("paths", &[][..]), ("funnel", &["a"]), ("health", &[]), ("silent", &[]), ("errors", &[])]
    {
        let (status, out, err) = place.run(command, arguments);
        assert_eq!((status, &*out), (3, ""), "{command}: {err}");
        assert!(err.contains("2026-11-23"), "{command}: {err}");
        let allowed = [arguments, &["--allow-gaps", "--format", "json"]].concat();
        let (status, out, err) = place.run(command, &allowed);
        assert!(status == 3 && out.starts_with('{'), "{command}: {out}");
        assert!(err.contains("gap") && err.contains("2026-11-23"), "{command}: {err}");
    }
}
