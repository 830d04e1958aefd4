//! Goal: `histogram` and `heatmap` print what the library answers, as tables for people, as exact JSON and as
//! GeoJSON that others read. Method: the built program is run on a store of six events.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use serde_json::{Value, json};

use crate::cli::Place;

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_histogram_is_a_table_with_bars() {
    let place = Place::with_events();
    let options = ["--bucket", "1d", "--tz", "Asia/Kolkata", "--by-type", "--format", "table"];
    let expected = "\
START                      EVENTS  SESSIONS  ALIVE                            BY TYPE
2026-11-23T00:00:00+05:30       4         3      1  ████████████████████████  client_error 1, heartbeat 1, modify_stream 1, start_session 1
2026-11-24T00:00:00+05:30       2         2      2  ████████████              heartbeat 2

6 events of 3 sessions; most alive at once: 2, at 2026-11-24T05:30:00+05:30
";
    let printed = place.prints("histogram", &options);
    assert_eq!(printed.lines().count(), expected.lines().count(), "{printed}");
    for (line, expected) in printed.lines().zip(expected.lines()) {
        assert_eq!(line, expected, "{printed}");
    }
}

#[test]
fn a_histogram_is_one_object() {
    let place = Place::with_events();
    let object = parsed(&place.prints("histogram", &["--session-id", "b"]));
    assert_eq!((&object["events"], &object["sessions"]), (&json!(2), &json!(1)));
    assert_eq!(object["peak"], json!({"sessions": 1, "at": "2026-11-23T11:00:00.000000Z"}));
    assert_eq!(object["buckets"].as_array().unwrap().len(), 2);
    assert_eq!(object["buckets"][1]["local"], "2026-11-24T00:00:00Z");
    let joined = parsed(&place.prints("histogram", &["--session-id", "b", "--gap", "1d"]));
    assert_eq!(joined["buckets"][1]["alive_max"], 1);
    for wrong in [&["--bucket", "7m"][..], &["--tz", "Mars/Olympus"], &["--gap", "soon"]] {
        let (status, out, err) = place.run("histogram", wrong);
        assert!(status > 0 && out.is_empty() && !err.is_empty(), "{wrong:?}: {err}");
    }
}

#[test]
fn a_heatmap_is_a_table_an_object_or_polygons() {
    let place = Place::with_events();
    let table = place.prints("heatmap", &["--cell", "1000", "--format", "table"]);
    assert_eq!(table.lines().count(), 6, "{table}");
    assert!(table.ends_with("\n3 of 3 cells; 3 events with a place, 3 without\n"), "{table}");
    let object = parsed(&place.prints("heatmap", &["--cell", "1000", "--limit", "1"]));
    assert_eq!((&object["events"], &object["nowhere"]), (&json!(3), &json!(3)));
    assert_eq!(object["cells"].as_array().unwrap().len(), 1);
    let file = place.write("cells.geojson", "");
    let options = ["--cell", "1000", "--session-id", "b", "--format", "geojson", "-o", &file];
    assert_eq!(place.prints("heatmap", &options), "");
    let polygons = parsed(&std::fs::read_to_string(&file).unwrap());
    let features = polygons["features"].as_array().unwrap();
    assert_eq!(features.len(), 2);
    assert_eq!(features[0]["properties"], json!({"events": 1, "sessions": 1}));
    // What was written is a filter that finds the events again.
    let count = place.prints("count", &["--polygon", &file]);
    assert_eq!(parsed(&count)["count"], 2);
}

#[test]
fn points_that_are_no_places_are_named_by_options() {
    let place = Place::with_events();
    let nowhere =
        |options: &[&str]| parsed(&place.prints("heatmap", options))["nowhere"].as_u64().unwrap();
    assert_eq!(nowhere(&["--no-fix", "1,-1.5"]), 4);
    assert_eq!(nowhere(&["--no-fix", "none"]), 3);
    assert_eq!(nowhere(&["--keep-no-fix"]), 3);
    let (status, _, err) = place.run("heatmap", &["--cell", "0"]);
    assert!(status > 0 && err.contains("cell_metres"), "{err}");
    let (status, _, err) = place.run("heatmap", &["-o", "/nowhere/cells.json"]);
    assert!(status == 1 && err.contains("/nowhere/cells.json"), "{err}");
}
