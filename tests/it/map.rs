//! Goal: maps and plots show what was answered, are well formed whatever clients sent, and stay of a size that can
//! be used. Method: stores of hand-made events; the JSON in a page and the GeoJSON are read back, pictures are drawn,
//! which parses them, and the program writes each kind of file.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use diurnal::analysis::{Heatmap, NoFix, Tracks};
use diurnal::map::plot::{BarPlot, Panel, Series, TimePlot};
use diurnal::map::{MapData, MapSettings, Tiles, geojson, html, png, svg};
use diurnal::{Store, Timestamp, Zone};
use serde_json::{Value, json};

use crate::common::{Draft, Random, SECOND, at, day, small_blocks};

/// What a client may send to break a page or a picture.
const HOSTILE: [&str; 8] = [
    "</script><script>alert(1)</script>",
    "<!-- <script>",
    "]]>&amp;\"'<img src=x onerror=alert(1)>",
    "/*data*//*page.js*/",
    "\u{0}\u{1b}[2J\u{2028}\u{2029}\u{ffff}",
    "\u{202e}txt.exe",
    "日本語 ελληνικά \u{1f600}",
    "\\u003c\"",
];

fn time(seconds: i64) -> Timestamp {
    at(day("2026-11-23"), seconds * SECOND)
}

fn placed(session: &str, kind: &str, seconds: i64, place: (f64, f64)) -> Draft {
    Draft { place: Some(place), ..Draft::new(session, kind, time(seconds)) }
}

fn store_of(drafts: &[Draft]) -> Store {
    let store = small_blocks().in_memory().unwrap();
    store.log_events(drafts.iter().map(Draft::event)).unwrap();
    store
}

fn paths(drafts: &[Draft]) -> MapData {
    MapData::Paths(store_of(drafts).ask(&Tracks::new()).unwrap())
}

fn settings() -> MapSettings {
    MapSettings::new("A map")
}

/// The text without what no session, type or tag may hold.
fn name(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

fn hostile() -> MapData {
    let draft = |(number, text): (usize, &&str)| {
        let name = name(text);
        Draft {
            tags: vec![name.clone(), "3".to_owned()],
            data: Some((*text).to_owned()),
            ..placed(&name, &name, number as i64, (42.0 + number as f64 / 1_000.0, -71.0))
        }
    };
    paths(&HOSTILE.iter().enumerate().map(draft).collect::<Vec<_>>())
}

/// The JSON in a page.
fn data_of(page: &str) -> Value {
    let (_, rest) = page.split_once("type=\"application/json\">").unwrap();
    let (json, _) = rest.split_once("</script>").unwrap();
    serde_json::from_str(json).unwrap()
}

/// Width and height of a PNG.
fn sides(png: &[u8]) -> (u32, u32) {
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
    let number = |from: usize| u32::from_be_bytes(png[from..from + 4].try_into().unwrap());
    (number(16), number(20))
}

#[test]
fn what_clients_send_stays_text_in_a_page() {
    let empty = html(&paths(&[]), &settings(), None);
    let title = HOSTILE.concat();
    let page = html(&hostile(), &MapSettings::new(&title), None);
    for mark in ["<script", "</script", "<!--", "<img", "<!DOCTYPE", "</style", "<"] {
        assert_eq!(page.matches(mark).count(), empty.matches(mark).count(), "{mark}");
    }
    let data = data_of(&page);
    assert_eq!(data["title"], title);
    let mut ids: Vec<_> = data["sessions"].as_array().unwrap().iter().collect();
    ids.sort_by_key(|session| session["events"][0][1].as_u64());
    for (session, text) in ids.into_iter().zip(HOSTILE) {
        assert_eq!(session["id"], name(text));
        assert_eq!(session["events"][0][3], name(text));
        assert_eq!(session["events"][0][4], format!("{}, 3", name(text)));
        assert_eq!(session["events"][0][5], text);
    }
}

#[test]
fn what_clients_send_stays_text_in_a_picture() {
    let picture = svg(&hostile(), &MapSettings::new(HOSTILE.concat()));
    assert!(
        !picture.contains("<script") && !picture.contains("<img") && !picture.contains('\u{0}')
    );
    assert!(picture.contains("&lt;/script&gt;"));
    assert_eq!(sides(&png(&picture, 600).unwrap()), (600, 400));
}

#[test]
fn a_page_loads_nothing_but_the_base_map_that_was_asked_for() {
    let data = paths(&[placed("s", "heartbeat", 0, (42.0, -71.0))]);
    let page = html(&data, &settings(), None);
    assert!(page.contains("default-src 'none'") && page.contains("img-src data:\""));
    assert_eq!(data_of(&page)["tiles"], Value::Null);
    let url = "https://tile.example.org/{z}/{x}/{y}.png";
    let tiles = Tiles::new(url, "© them & <others>").unwrap();
    let page = html(&data, &settings(), Some(&tiles));
    assert!(page.contains("img-src data: http: https:\""));
    assert_eq!(data_of(&page)["tiles"], json!({"url": url, "attribution": "© them & <others>"}));
}

#[test]
fn nothing_and_a_single_point_are_maps() {
    let nowhere =
        Draft { data: Some("no fix".to_owned()), ..Draft::new("s", "client_error", time(5)) };
    let point = placed("s", "heartbeat", 0, (-33.8, 151.2));
    for drafts in [vec![], vec![nowhere.clone()], vec![point.clone()], vec![point, nowhere]] {
        let data = paths(&drafts);
        let picture = svg(&data, &settings());
        assert_eq!(
            picture.contains("No event has a place."),
            drafts.iter().all(|it| it.place.is_none())
        );
        assert_eq!(picture.contains("no fix"), drafts.iter().any(|it| it.data.is_some()));
        assert_eq!(sides(&png(&picture, 1_200).unwrap()), (1_200, 800));
        let sessions = data_of(&html(&data, &settings(), None))["sessions"].clone();
        assert_eq!(sessions.as_array().unwrap().len(), usize::from(!drafts.is_empty()));
        let store = store_of(&drafts);
        let heat = MapData::Density(store.ask(&Heatmap::new(100.0)).unwrap());
        assert_eq!(sides(&png(&svg(&heat, &settings()), 1_200).unwrap()), (1_200, 800));
        data_of(&html(&heat, &settings(), None));
    }
}

#[test]
fn a_way_over_the_antimeridian_is_short_and_cut_in_geojson() {
    let data = paths(&[
        placed("s", "heartbeat", 0, (-16.5, 179.99)),
        placed("s", "heartbeat", 10, (-16.5, -179.99)),
    ]);
    let features: Value = serde_json::from_str(&geojson(&data)).unwrap();
    let line = &features["features"][0];
    assert_eq!(line["geometry"]["type"], "MultiLineString");
    let pieces = &line["geometry"]["coordinates"];
    assert_eq!(pieces[0], json!([[179.99, -16.5], [180.0, -16.5]]));
    assert_eq!(pieces[1], json!([[-180.0, -16.5], [-179.99, -16.5]]));
    assert_eq!(line["properties"]["times"].as_array().unwrap().len(), 4);
    assert_eq!(line["properties"]["times"][1], Value::Null);
    assert_eq!(features["features"].as_array().unwrap().len(), 3);
    let events = data_of(&html(&data, &settings(), None))["sessions"][0]["events"].clone();
    let longitude = |event: usize| events[event][7].as_f64().unwrap();
    assert!((longitude(1) - longitude(0) - 0.02).abs() < 1e-9, "{events}");
}

#[test]
fn points_that_are_no_places_and_silent_heartbeats_are_left_out() {
    let store = store_of(&[
        placed("s", "heartbeat", 0, (1.0, 1.0)),
        placed("s", "client_error", 1, (1.0, 1.0)),
        placed("s", "heartbeat", 2, (42.0, -71.0)),
    ]);
    let report = store.ask(&Tracks::new()).unwrap();
    assert_eq!((report.events, report.nowhere, report.left_out), (3, 2, 0));
    let events = &report.tracks[0].events;
    assert_eq!(events.iter().map(|it| it.latitude).collect::<Vec<_>>(), [None, Some(42.0)]);
    let kept = store.ask(&Tracks::new().no_fix(NoFix::new([])).events_max(2)).unwrap();
    assert_eq!((kept.nowhere, kept.left_out, kept.tracks[0].events.len()), (0, 1, 2));
}

#[test]
fn a_hundred_thousand_points_are_files_of_some_megabytes() {
    let mut random = Random::new(3);
    let (mut latitude, mut longitude) = (42.0, -71.0);
    let step = |number| {
        latitude += (random.unit() - 0.5) / 5_000.0;
        longitude += (random.unit() - 0.5) / 5_000.0;
        let kind = ["heartbeat", "heartbeat", "heartbeat", "modify_stream"][random.below(4)];
        placed("s", kind, number, (latitude, longitude))
    };
    let drafts: Vec<_> = (0..100_000).map(step).collect();
    let store = Store::in_memory().unwrap();
    store.log_events(drafts.iter().map(Draft::event)).unwrap();
    let data = MapData::Paths(store.ask(&Tracks::new()).unwrap());
    let picture = svg(&data, &settings());
    assert!(picture.len() < 6_000_000, "{} bytes", picture.len());
    let page = html(&data, &settings(), None);
    assert!(page.len() < 12_000_000, "{} bytes", page.len());
    assert_eq!(data_of(&page)["sessions"][0]["events"].as_array().unwrap().len(), 100_000);
}

#[test]
fn plots_are_drawn_whatever_their_figures_are() {
    let spans = |count: i64| (0..count).map(|it| (time(it * 60), time(it * 60 + 60))).collect();
    let panel = |values: Vec<f64>| Panel {
        title: "Events".to_owned(),
        series: (0..8).map(|it| Series::new(HOSTILE[it], values.clone())).collect(),
    };
    let values = [f64::NAN, -1.0, 0.0, 1e300, f64::INFINITY, 3.5];
    for count in [0, 1, 6, 20_000] {
        let values: Vec<_> = values.iter().copied().cycle().take(count as usize).collect();
        let plot = TimePlot {
            title: HOSTILE.concat(),
            note: String::new(),
            zone: Zone::UTC,
            spans: spans(count),
            panels: vec![panel(values.clone()), panel(vec![])],
        };
        let picture = plot.svg();
        assert!(picture.len() < 2_000_000, "{} bytes", picture.len());
        assert_eq!(sides(&png(&picture, 300).unwrap()), (300, 200));
        let plot = BarPlot {
            title: HOSTILE.concat(),
            note: String::new(),
            names: (0..count).map(|it| HOSTILE[it as usize % 8].to_owned()).collect(),
            series: vec![Series::new("a", values.clone()), Series::new("b", vec![1.0])],
        };
        assert_eq!(sides(&png(&plot.svg(), 300).unwrap()), (300, 200));
    }
    assert!(png("<svg", 100).is_err() && png(&svg(&paths(&[]), &settings()), 0).is_err());
}

#[cfg(feature = "cli")]
mod program {
    use super::*;
    use crate::cli::Place;

    fn written(name: &str, options: &[&str]) -> Vec<u8> {
        let place = Place::with_events();
        let file = place.write(name, "");
        assert_eq!(place.prints("map", &[options, &["-o", &file]].concat()), "");
        std::fs::read(file).unwrap()
    }

    #[test]
    fn a_map_is_what_its_file_is_called() {
        let page = String::from_utf8(written("m.html", &["--session-id", "b"])).unwrap();
        let data = data_of(&page);
        assert_eq!((&data["title"], data["tiles"].is_null()), (&json!("Session b"), true));
        assert_eq!(data["sessions"][0]["events"].as_array().unwrap().len(), 2);
        assert_eq!(sides(&written("m.PNG", &[])), (2_400, 1_600));
        let zone = ["--tz", "Asia/Kolkata", "--title", "Two <b>"];
        let picture = String::from_utf8(written("m.svg", &zone)).unwrap();
        assert!(picture.contains("Two &lt;b&gt;") && picture.contains("15:30:00"), "{picture}");
        let density = String::from_utf8(written("m.svg", &["--style", "density"])).unwrap();
        assert!(density.contains("Events in a cell"));
        let features: Value = serde_json::from_slice(&written("m.geojson", &[])).unwrap();
        assert_eq!(features["features"].as_array().unwrap().len(), 4);
    }

    #[test]
    fn many_sessions_are_a_density() {
        let place = Place::new();
        let line = |session| {
            format!(
                "{{\"session_id\":{session},\"event_type\":\"heartbeat\",\"latitude\":42,\"longitude\":-71}}\n"
            )
        };
        let file = place.write("log.jsonl", (0..25).map(line).collect::<String>());
        place.prints("import", &[&file]);
        let map = |options: &[&str]| {
            place.prints("map", &[&["-o", "-", "--format", "svg"], options].concat())
        };
        assert!(map(&[]).contains("Events in a cell"));
        assert!(!map(&["--style", "paths"]).contains("Events in a cell"));
        assert!(!map(&["--session-id", "3"]).contains("Events in a cell"));
    }

    #[test]
    fn what_cannot_be_written_is_said() {
        let place = Place::with_events();
        for (options, said) in [
            (&["-o", "m.gif"][..], "m.gif: must end with .html, .svg, .png or .geojson"),
            (&["-o", "/nowhere/m.svg"], "/nowhere/m.svg"),
            (&["-o", "-", "--format", "svg", "--tiles", "https://e.org/{z}/{x}/{y}"], "only html"),
            (&["-o", "-", "--format", "html", "--tiles", "https://e.org/"], "tiles"),
            (&[], "--output"),
        ] {
            let (status, out, err) = place.run("map", options);
            assert!(status > 0 && out.is_empty() && err.contains(said), "{options:?}: {err}");
        }
    }

    #[test]
    fn tags_are_a_plot() {
        let place = Place::with_events();
        let file = place.write("tags.svg", "");
        assert_eq!(place.prints("tags", &["-o", &file]), "");
        let plot = std::fs::read_to_string(&file).unwrap();
        assert!(
            plot.contains("Hours heard") && plot.contains("3 tags in 1 choice of 1 session"),
            "{plot}"
        );
    }

    #[test]
    fn clock_skew_is_a_plot() {
        let place = Place::with_events();
        let file = place.write("skew.svg", "");
        assert_eq!(place.prints("skew", &["-o", &file]), "");
        let plot = std::fs::read_to_string(&file).unwrap();
        for said in ["100 ms to 1 s slow", "1 client time of 1 session", "Client times"] {
            assert!(plot.contains(said), "{said}: {plot}");
        }
        let none = place.write("none.PNG", "");
        place.prints("skew", &["--session-id", "b", "-o", &none]);
        assert_eq!(sides(&std::fs::read(&none).unwrap()), (2_400, 1_600));
        let (status, _, err) = place.run("skew", &["-o", "skew.pdf"]);
        assert!(status == 2 && err.contains("must end with .svg or .png"), "{err}");
    }

    #[test]
    fn a_histogram_is_a_plot() {
        let place = Place::with_events();
        let file = place.write("plot.svg", "");
        assert_eq!(place.prints("histogram", &["--by-type", "-o", &file]), "");
        let plot = std::fs::read_to_string(&file).unwrap();
        assert!(plot.contains("Sessions alive at once") && plot.contains("modify_stream"));
        let file = place.write("plot.png", "");
        place.prints("histogram", &["--bucket", "1d", "-o", &file]);
        assert_eq!(sides(&std::fs::read(&file).unwrap()), (2_400, 1_600));
        let (status, _, err) = place.run("histogram", &["-o", "plot.txt"]);
        assert!(status == 2 && err.contains("must end with .svg or .png"), "{err}");
    }
}
