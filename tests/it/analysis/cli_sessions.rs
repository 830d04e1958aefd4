//! Goal: `session`, `sessions` and `tags` print what the library answers, as tables for people and as exact
//! JSON. Method: the built program is run on a store of six events, and its output compared to the byte.

use serde_json::{Value, json};

use crate::cli::{Place, lines};

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_session_is_one_object() {
    let place = Place::with_events();
    let printed = place.prints("session", &["1"]);
    let lines = lines();
    let timeline = format!(",\"timeline\":[{},{},{}]}}\n", lines[0], lines[1], lines[5]);
    assert!(printed.ends_with(&timeline), "{printed}");
    let report = &parsed(&printed)["report"];
    assert_eq!(report["first"], "2026-11-22T23:59:59.500000Z");
    assert_eq!(report["last"], "2026-11-24T00:00:00.000000Z");
    assert_eq!(report["duration_micros"], 86_400_500_000_u64);
    assert_eq!(report["bounds"], json!({"west": -1.5, "south": 1.0, "east": -1.5, "north": 1.0}));
    assert_eq!(report["skew_micros"], -123_456);
    assert_eq!(report["by_type"][0], json!({"key": "heartbeat", "count": 1}));
    assert_eq!(report["tags"].as_array().unwrap().len(), 3);
    let (status, out, err) = place.run("session", &["-2"]);
    assert_eq!((status, out.as_str()), (1, ""));
    assert_eq!(err, "diurnal: not found: no session \"-2\"\n");
}

#[test]
fn a_timeline_is_as_long_as_asked_for() {
    let place = Place::with_events();
    let shown = |arguments: &[&str]| {
        let printed = place.prints("session", &[&["1"], arguments].concat());
        parsed(&printed)["timeline"].as_array().unwrap().len()
    };
    assert_eq!(shown(&["--limit", "2"]), 2);
    assert_eq!(shown(&["--limit", "0"]), 0);
    assert_eq!(shown(&["--from", "2026-11-23"]), 2);
    assert_eq!(shown(&["--cut-idle"]), 1);
    assert_eq!(shown(&["--cut-idle", "--passive", "modify_stream", "--passive", "heartbeat"]), 1);
    let explained = place.prints("session", &["1", "--explain", "--format", "json"]);
    assert_eq!(parsed(&explained)["days_considered"], 3);
}

#[test]
fn a_session_is_a_page() {
    let place = Place::with_events();
    let page = place.prints("session", &["1", "--format", "table"]);
    let expected = "\
session     1
first       2026-11-22T23:59:59Z
last        2026-11-24T00:00:00Z
duration    1 d 0 h, 0 s active
events      3, 1 action
path        1 point, 0 m, within W,S,E,N -1.5,1,-1.5,1
listening   5 min 0 s, 1 choice of 3 tags
recordings  0 started, 0 stopped, 0 abandoned; uploads 0 started, 0 stopped
errors      0
clock       client minus server -123 ms in the median, -123 ms to -123 ms, of 1 client time

TYPE           COUNT
heartbeat          1
modify_stream      1
start_session      1

TAG  CHOICES      HEARD
1          1  5 min 0 s
2          1  5 min 0 s
3          1  5 min 0 s

";
    assert!(page.starts_with(expected), "{page}");
    assert_eq!(page[expected.len()..].lines().count(), 4, "{page}");
    let page = place.prints("session", &["-1", "--format", "table"]);
    assert!(page.contains("\npath        no points\n"), "{page}");
    assert!(page.contains("\nclock       no client time that can be read\n"), "{page}");
}

#[test]
fn sessions_are_listed_by_their_first_event_or_by_a_figure() {
    let place = Place::with_events();
    let ids = |arguments: &[&str]| -> Vec<String> {
        let printed = place.prints("sessions", arguments);
        printed.lines().map(|line| parsed(line)["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&[]), ["1", "-1", "b"]);
    assert_eq!(ids(&["--from", "2026-11-24"]), ["1", "b"]);
    assert_eq!(ids(&["--sort", "events"]), ["1", "b", "-1"]);
    assert_eq!(ids(&["--sort", "events", "--order", "asc"]), ["-1", "b", "1"]);
    assert_eq!(ids(&["--sort", "metres", "--limit", "1"]), ["b"]);
    let object = parsed(&place.prints("sessions", &["--format", "json", "--limit", "1"]));
    assert_eq!((&object["totals"]["sessions"], &object["events"]["max"]), (&json!(3), &json!(3)));
    assert_eq!(object["sessions"].as_array().unwrap().len(), 1);
    let (status, _, err) = place.run("sessions", &["--sort", "length"]);
    assert!(status == 2 && err.contains("`cut-events`"), "{err}");
}

#[test]
fn sessions_are_a_table_with_totals() {
    let place = Place::with_events();
    let table =
        place.prints("sessions", &["--format", "table", "--sort", "errors", "--limit", "1"]);
    let expected = "\
SESSION  FIRST                 DURATION  ACTIVE  EVENTS  ACTIONS  POINTS  WAY  TAGS  HEARD  \
RECORDED  UPLOADED  ABANDONED  ERRORS  SKEW
-1       2026-11-23T10:00:01Z       0 s     0 s       1        0       0  0 m     0    0 s  \
       0         0          0       1     -

3 sessions, 2 of them not listed
1 choice of tags; 0 recordings, 0 uploads, 0 abandoned; 1 error

             TOTAL       MEDIAN       P90       P99       MAX
duration  1 d 13 h  13 h 0 min   1 d 0 h   1 d 0 h   1 d 0 h
";
    let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(squeezed(&table).starts_with(&squeezed(expected)), "{table}");
    assert_eq!(table.lines().next(), expected.lines().next());
}

#[test]
fn tags_are_a_table_and_json() {
    let place = Place::with_events();
    assert_eq!(
        place.prints("tags", &["--format", "table", "--limit", "2"]),
        "\
TAG  CHOICES  SESSIONS      HEARD  TOGETHER WITH
1          1         1  5 min 0 s  2 (1), 3 (1)
2          1         1  5 min 0 s  1 (1), 3 (1)

3 tags in 1 choice of 1 session, heard for 5 min 0 s
"
    );
    let line = place.prints("tags", &["--sort", "listening", "--limit", "1", "--together", "1"]);
    assert_eq!(
        line,
        "{\"tag\":\"1\",\"choices\":1,\"sessions\":1,\"listening_micros\":300000000,\
         \"together\":[{\"key\":\"2\",\"count\":1}]}\n"
    );
    let heard = |gap| {
        let object = parsed(&place.prints("tags", &["--format", "json", "--listening-gap", gap]));
        (object["tags_chosen"].clone(), object["listening_micros"].clone())
    };
    assert_eq!(heard("1h"), (json!(3), json!(3_600_000_000_u64)));
    assert_eq!(heard("none"), (json!(3), json!(50_399_876_544_u64)));
    let (status, _, err) = place.run("tags", &["--limit", "0"]);
    assert!(status == 2 && err.contains("limit"), "{err}");
}

#[test]
fn no_name_drives_the_terminal() {
    let place = Place::new();
    let line = "{\"session_id\":\"\u{202e}s\",\"event_type\":\"modify_stream\",\
                \"tags\":[\"\u{202e}t\"],\"server_time\":\"2026-11-23T10:00:00Z\"}\n";
    let file = place.write("events.jsonl", line);
    place.prints("import", &[&file]);
    for (command, arguments) in
        [("sessions", vec![]), ("tags", vec![]), ("session", vec!["\u{202e}s"])]
    {
        let table = place.prints(command, &[&arguments[..], &["--format", "table"]].concat());
        assert!(!table.contains('\u{202e}') && table.contains("\\u{202e}"), "{command}: {table}");
    }
}
