//! Goal: people at a terminal are met half way: times of their zone, names they mistyped, help, completions,
//! a manual, colour only where it is wanted, and an interrupt that leaves everything sound.
//! Method: the built binary is run as in `cli`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use diurnal::{Clock, SystemClock, Timestamp};

use crate::cli::{Place, ended};

/// The places after the first of a printed line's columns.
fn row(table: &str, of: usize) -> Vec<&str> {
    table.lines().nth(of).unwrap().split_whitespace().collect()
}

#[test]
fn tables_show_the_time_of_the_zone_and_json_stays_exact() {
    let place = Place::with_events();
    let zoned = ["--tz", "Asia/Kolkata", "--format", "table"];
    assert_eq!(
        row(&place.prints("days", &zoned), 2)[2..4],
        ["2026-11-23T15:30:00+05:30", "2026-11-23T16:30:00+05:30"]
    );
    assert_eq!(
        row(&place.prints("sessions", &zoned), 1)[..5],
        ["1", "2026-11-23T05:29:59+05:30", "1", "d", "0"]
    );
    let query = place.prints("query", &zoned);
    assert!(query.contains(" 2026-11-23T15:30:00.123456+05:30 "), "{query}");
    let page = place.prints("session", &["b", "--tz", "Asia/Kolkata", "--format", "table"]);
    assert!(page.contains("\nfirst       2026-11-23T16:30:00+05:30\n"), "{page}");
    assert_eq!(place.prints("query", &["--tz", "Asia/Kolkata"]), place.prints("query", &[]));
}

#[test]
fn times_of_filters_are_of_the_zone() {
    let place = Place::with_events();
    let count = |arguments: &[&str]| place.prints("count", arguments);
    let day = ["--from", "2026-11-23", "--to", "2026-11-24"];
    assert_eq!(count(&day), "{\"count\":3}\n");
    // There the 23rd began at 18:30 of the 22nd in UTC, and ended before it did.
    assert_eq!(count(&[&day[..], &["--tz", "Asia/Kolkata"]].concat()), "{\"count\":4}\n");
    let minute = ["--since", "2026-11-23 15:30", "--until", "2026-11-23T15:30:00.5"];
    assert_eq!(count(&[&minute[..], &["--tz", "+05:30"]].concat()), "{\"count\":1}\n");
    // In what is now the past or the future of the events, one of these finds all.
    let ago = [count(&["--from", "1000w"]), count(&["--to", "1000w"])];
    assert_eq!(ago, ["{\"count\":6}\n", "{\"count\":0}\n"]);
}

#[test]
fn relative_times_count_back_from_now() {
    let place = Place::new();
    let hour_ago = SystemClock.now().as_micros() - 3_600_000_000;
    let time = Timestamp::from_micros(hour_ago).to_string();
    place.prints("log", &["--session-id", "1", "--event-type", "x", "--server-time", &time]);
    assert_eq!(place.prints("count", &["--since", "2h", "--until", "now"]), "{\"count\":1}\n");
    assert_eq!(place.prints("count", &["--since", "30m"]), "{\"count\":0}\n");
    assert_eq!(place.prints("count", &["--since", "yesterday"]), "{\"count\":1}\n");
}

#[test]
fn mistyped_names_are_told_where_nothing_was_found() {
    let place = Place::with_events();
    let (status, out, err) = place.run("query", &["--event-type", "hearbeat"]);
    assert_eq!((status, out.as_str()), (0, ""));
    let type_meant =
        "diurnal: no event of type \"hearbeat\" in this store; did you mean \"heartbeat\"?\n";
    assert_eq!(err, type_meant);
    let (_, out, err) = place.run("count", &["--event-type", "hearbeat", "--tag", "x  y"]);
    assert_eq!(out, "{\"count\":0}\n");
    let tag_meant = "diurnal: no event with tag \"x  y\" in this store; did you mean \"x y\"?\n";
    assert_eq!(err, format!("{type_meant}{tag_meant}"));
    // Nothing is like this one; a session that is not there yet is no mistake.
    place.prints("sessions", &["--session-id", "2894"]);
    // Names that occur found nothing together, and an answer needs no hint.
    place.prints("query", &["--event-type", "heartbeat", "--session-id", "-1"]);
    place.prints("query", &["--event-type", "hearbeat", "--event-type", "heartbeat"]);
}

/// The hint that a name was mistyped.
fn hint(what: &str, name: &str, near: &str) -> String {
    format!("diurnal: no {what} {name:?} in this store; did you mean {near:?}?\n")
}

#[test]
fn questions_that_find_nothing_tell_of_mistyped_names() {
    let place = Place::with_events();
    let map = place.path("map.geojson").to_str().unwrap().to_owned();
    let questions: [(&str, &[&str]); 11] = [
        ("sessions", &[]),
        ("tags", &[]),
        ("histogram", &[]),
        ("heatmap", &[]),
        ("map", &["-o", &map]),
        ("paths", &[]),
        ("funnel", &["start_session"]),
        ("health", &[]),
        ("silent", &[]),
        ("errors", &[]),
        ("skew", &[]),
    ];
    for (command, arguments) in questions {
        let mistyped = ["--event-type", "hearbeat", "--any-tag", "x  y"];
        let (status, _, err) = place.run(command, &[arguments, &mistyped].concat());
        let hints =
            [hint("event of type", "hearbeat", "heartbeat"), hint("event with tag", "x  y", "x y")];
        assert_eq!((status, err), (0, hints.concat()), "{command}");
        // Nothing is like these.
        place.prints(command, &[arguments, &["--tag", "nobody's"]].concat());
    }
}

#[test]
fn types_that_a_question_looks_for_are_told_too_where_none_was_found() {
    let place = Place::with_events();
    let mistyped: [(&str, &[&str], &str, &str); 3] = [
        ("errors", &["--error-type", "client_eror"], "client_eror", "client_error"),
        ("silent", &["--heartbeat", "hearbeat"], "hearbeat", "heartbeat"),
        ("funnel", &["start_session,modify_steam"], "modify_steam", "modify_stream"),
    ];
    for (command, arguments, name, near) in mistyped {
        let (status, _, err) = place.run(command, arguments);
        assert_eq!((status, err), (0, hint("event of type", name, near)), "{command}");
    }
    let both = ["--heartbeat", "hearbeat", "--event-type", "hearbeat"];
    let told_once = hint("event of type", "hearbeat", "heartbeat");
    assert_eq!(place.run("silent", &both).2, told_once);
    // An answer needs no hint.
    place.prints("errors", &["--error-type", "client_eror", "--error-type", "client_error"]);
    place.prints("funnel", &["start_session,modify_stream|modify_steam"]);
}

/// A count of one whose noun has the s of more.
fn one_of_many(text: &str) -> Option<String> {
    let words: Vec<_> = text.split([' ', '\n']).collect();
    let plural = |word: &str| word.len() > 2 && word.ends_with('s');
    let said = |pair: &&[&str]| {
        let noun = pair[1].trim_end_matches(|c: char| !c.is_alphabetic());
        pair[0].trim_start_matches('(') == "1" && plural(noun)
    };
    words.windows(2).find(said).map(|pair| pair.join(" "))
}

#[test]
fn one_of_anything_has_no_plural() {
    assert_eq!(one_of_many("2 events of (1 sessions)").as_deref(), Some("(1 sessions)"));
    let place = Place::new();
    let event = "session_id=a&event_type=modify_stream&tags=3&latitude=42.3&longitude=-71\
                 &client_time=2026-11-23T10:00:01Z&server_time=2026-11-23T10:00:00Z";
    place.prints("log", &[event]);
    let copy = place.path("copy").to_str().unwrap().to_owned();
    let printed = [
        ("session", vec!["a"], "1, 1 action\n"),
        ("sessions", vec![], "\n1 session\n1 choice of tags;"),
        ("tags", vec![], "\n1 tag in 1 choice of 1 session, heard for 0 s\n"),
        ("histogram", vec![], "\n1 event of 1 session;"),
        ("heatmap", vec![], "\n1 of 1 cell; 1 event with a place, 0 without\n"),
        ("paths", vec![], "\n0 transitions; 1 event, 1 session, 1 visit\n"),
        ("funnel", vec!["modify_stream"], "\n1 session\n"),
        ("health", vec!["--at", "2026-11-24"], "\n1 of 1 session that ended without"),
        ("silent", vec!["--heartbeat", "modify_stream"], "silent: 0 of 1 session with heartbeats"),
        ("errors", vec!["--error-type", "modify_stream"], "\n1 error in 1 group, in 1 session\n"),
        ("skew", vec![], "\n1 client time of 1 session;"),
        ("check", vec![], "checked 1 day with 1 event: no damage\n"),
        ("check", vec!["--rebuild"], "rebuilt 0 of 1 day with 1 event, 0 events lost\n"),
        ("backup", vec![&copy], "copied 1 day, "),
        ("erase", vec!["--session-id", "a"], ": 1 event of 1 day; --yes does it\n"),
        ("prune", vec!["--keep-days", "1"], "dropped 0 days in all"),
    ];
    for (command, arguments, expected) in printed {
        let text = place.prints(command, &[&arguments[..], &["--format", "table"]].concat());
        assert!(text.contains(expected), "{command}: {text}");
        assert_eq!(one_of_many(&text), None, "{command}: {text}");
    }
    let short = place.write("short.csv", "session_id,event_type\na,x\nb\n");
    let (status, _, err) = place.run("import", &[&short]);
    assert_eq!(
        (status, err.as_str()),
        (1, "line 3: has 1 cell, and the header has 2\n"),
        "an error has none either"
    );
}

fn program(arguments: &[&str]) -> (i32, String, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_diurnal"));
    ended(program.args(arguments).env_remove("CLICOLOR_FORCE").output().unwrap())
}

#[test]
fn a_mistyped_command_is_answered_with_the_one_that_was_meant() {
    let (status, _, err) = program(&["sesions"]);
    assert!(status == 2 && err.contains("'sessions'"), "{err}");
    let (status, _, err) = program(&["query", "store", "--evnt-type", "x"]);
    assert!(status == 2 && err.contains("'--event-type'"), "{err}");
}

/// The commands as the help lists them.
fn commands() -> Vec<String> {
    let (_, help, _) = program(&["--help"]);
    let listed = help.split("\nCommands:\n").nth(1).unwrap();
    let names = listed.lines().take_while(|line| !line.is_empty());
    let names = names.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let names: Vec<_> =
        names.filter(|name| !name.is_empty() && *name != "help").map(str::to_owned).collect();
    assert!(names.len() > 10, "{help}");
    names
}

#[test]
fn completions_of_every_shell_know_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (status, script, err) = program(&["completions", shell]);
        assert_eq!((status, err.as_str()), (0, ""));
        for command in commands() {
            assert!(script.contains(&command), "{shell}: {command}");
        }
        assert!(script.contains("data-contains"), "{shell}");
    }
}

#[test]
fn the_manual_has_a_page_for_every_command() {
    let place = Place::new();
    let pages = place.path("man");
    assert_eq!(program(&["man", pages.to_str().unwrap()]).0, 0);
    let top = std::fs::read_to_string(pages.join("diurnal.1")).unwrap();
    assert_eq!(program(&["man"]), (0, top.clone(), String::new()));
    for command in commands() {
        let page = std::fs::read_to_string(pages.join(format!("diurnal-{command}.1"))).unwrap();
        assert!(page.starts_with(".ie") && page.contains(&command), "{command}");
        assert!(top.contains(&format!("diurnal\\-{command}(1)")), "{command}: {top}");
    }
}

#[test]
fn colour_is_written_only_where_it_is_wanted() {
    let place = Place::with_events();
    let table = |arguments: &[&str]| {
        let (status, out, _) = place.run("days", &[&["--format", "table"], arguments].concat());
        assert_eq!(status, 0);
        out
    };
    assert!(!table(&[]).contains('\u{1b}'));
    assert!(!table(&["--color", "never"]).contains('\u{1b}'));
    let coloured = table(&["--color", "always"]);
    assert!(coloured.starts_with("\u{1b}[1mDAY"), "{coloured:?}");
    assert_eq!(coloured.matches('\u{1b}').count(), 2, "the titles alone: {coloured:?}");
    let (_, _, err) = place.run("session", &["none", "--color", "always"]);
    assert!(err.starts_with("\u{1b}[1m\u{1b}[31mdiurnal:\u{1b}[0m not found: "), "{err:?}");
    let json = place.prints("query", &["--color", "always"]);
    assert_eq!(json, place.prints("query", &[]), "exact forms have none");
}

#[cfg(unix)]
#[test]
fn an_interrupted_import_has_stored_what_it_says_and_the_store_is_sound() {
    use std::io::Write as _;
    let place = Place::new();
    let mut command = place.command("store", "import", &["-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // Held open: the import would wait for more.
    let mut pipe = child.stdin.take().unwrap();
    for number in 0..20_000 {
        writeln!(pipe, "{{\"session_id\":{number},\"event_type\":\"x\"}}").unwrap();
    }
    pipe.flush().unwrap();
    // Once something can be read, it listens.
    let begun = Instant::now();
    while !place.run("count", &[]).1.starts_with("{\"count\":") {
        assert!(begun.elapsed() < Duration::from_secs(60), "nothing was stored");
        std::thread::park_timeout(Duration::from_millis(20));
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let (status, out, err) = ended(child.wait_with_output().unwrap());
    assert_eq!((status, err.as_str()), (130, ""), "{out}");
    drop(pipe);
    let figures: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&figures["imported"], &figures["rejected"]), (&figures["read"], &0.into()));
    assert_eq!(place.prints("count", &[]), format!("{{\"count\":{}}}\n", figures["imported"]));
    place.prints("check", &[]);
}
