//! Goal: queries, counts, questions and figures over HTTP are those of the library; what cannot be answered is
//! refused in one shape; clients that go away or take their time keep nobody from reading.
//!
//! Method: a workload in memory for answers; a store on disk with a damaged day for gaps.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use diurnal::analysis::{self, Question};
use diurnal::http::{Settings, Tokens};
use diurnal::testing::workload::Workload;
use diurnal::{Cursor, Filter, GroupBy, NewEvent, Order, Query, Store};
use serde::Serialize;
use serde_json::{Value, json};

use crate::common::{at, day, found, noon, small_blocks};
use crate::service::{Answer, Request, Running};

const TODAY: &str = "2026-11-23";

fn walks(events: u64) -> Store {
    let store = Store::in_memory().unwrap();
    store.log_events(Workload::realistic().events(events).days(4).iter()).unwrap();
    store
}

fn value(of: impl Serialize) -> Value {
    serde_json::to_value(of).unwrap()
}

/// The kind of a failure, which must have the shape of all.
#[track_caller]
fn failure(answer: &Answer) -> (u16, String, String) {
    let body = answer.json();
    let error = body["error"].as_object().unwrap_or_else(|| panic!("{body}"));
    assert_eq!((body.as_object().unwrap().len(), error.len()), (1, 2), "{body}");
    let text = |name: &str| error[name].as_str().unwrap().to_owned();
    (answer.status, text("kind"), text("message"))
}

#[track_caller]
fn assert_asks<Q: Question + Serialize>(running: &Running, store: &Store, name: &str, question: &Q)
where
    Q::Answer: Serialize,
{
    let path = format!("/v1/questions/{name}");
    let answer = running.post_json(&path, &value(question)).expect(200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let expected = value(store.ask(question).unwrap());
    assert_eq!(answer.json(), expected, "{name}");
    let path = format!("{path}?allow_gaps=true");
    let answer = running.post_json(&path, &value(question)).expect(200);
    assert_eq!(answer.json(), json!({ "found": expected, "gaps": [] }), "{name}");
}

#[test]
fn each_question_is_answered_as_by_the_library() {
    let store = walks(3_000);
    let running = Running::start(store.clone(), Settings::default());
    let some = || Filter::event_types(["modify_stream", "start_session", "heartbeat"]);
    let session = store.sessions(&Filter::All).unwrap().remove(3).id;
    assert_asks(&running, &store, "session", &analysis::Session::new(&session).filter(some()));
    assert_asks(&running, &store, "session", &analysis::Session::new("nobody's"));
    let sessions = analysis::Sessions::new().sort(analysis::SessionSort::Metres).limit(7);
    assert_asks(&running, &store, "sessions", &sessions.order(Order::Descending));
    assert_asks(&running, &store, "tags", &analysis::Tags::new().filter(some()));
    assert_asks(&running, &store, "paths", &analysis::Paths::new().limit(5));
    let funnel = analysis::Funnel::new(["start_session", "start_record", "stop_upload"]);
    assert_asks(&running, &store, "funnel", &funnel);
    assert_asks(&running, &store, "health", &analysis::Health::new());
    assert_asks(&running, &store, "silent", &analysis::Silence::new().limit(3));
    assert_asks(&running, &store, "errors", &analysis::ClientErrors::new());
    assert_asks(&running, &store, "skew", &analysis::ClockSkew::new());
    let hours = analysis::Histogram::new(Duration::from_secs(3600)).by_type(true);
    assert_asks(&running, &store, "histogram", &hours);
    assert_asks(&running, &store, "heatmap", &analysis::Heatmap::new(250.0));
    assert_asks(&running, &store, "tracks", &analysis::Tracks::new().events_max(500));
}

#[test]
fn a_question_without_settings_has_those_of_the_library_and_no_more_rows_than_may_be() {
    let store = walks(3_000);
    let running = Running::start(store.clone(), Settings::default());
    let ask = |name: &str, body: Value| running.post_json(&format!("/v1/questions/{name}"), &body);
    let sessions = value(store.ask(&analysis::Sessions::new()).unwrap());
    assert_eq!(ask("sessions", json!({})).expect(200).json(), sessions);
    assert_eq!(ask("sessions", json!({ "limit": null })).expect(200).json(), sessions);
    for name in ["tags", "paths", "health", "silent", "errors", "skew", "tracks"] {
        ask(name, json!({})).expect(200);
    }
    for (name, field) in
        [("session", "id"), ("histogram", "bucket_micros"), ("heatmap", "cell_metres")]
    {
        let (status, kind, message) = failure(&ask(name, json!({})));
        assert_eq!((status, kind.as_str()), (400, "invalid_input"));
        assert!(message.contains(field), "{message}");
    }
    let too_many = ["sessions", "tags", "paths", "health", "silent", "errors", "skew"];
    for name in too_many {
        let (status, _, message) = failure(&ask(name, json!({ "limit": 10_001 })));
        assert_eq!((status, message.as_str()), (400, "limit: must be at most 10000, not 10001"));
        ask(name, json!({ "limit": 10_000 })).expect(200);
    }
    let heat = json!({ "cell_metres": 100.0, "limit": 10_001 });
    assert_eq!(failure(&ask("heatmap", heat)).0, 400);
    let tracks = ask("tracks", json!({ "events_max": 4_000_000 })).expect(200).json();
    assert_eq!(tracks, value(store.ask(&analysis::Tracks::new()).unwrap()));
}

#[test]
fn a_query_streams_what_the_library_gives() {
    let store = walks(20_000);
    let running = Running::start(store.clone(), Settings::default());
    let some = Query::from(Filter::event_type("modify_stream")).order(Order::Descending);
    let third = found(&store, &Query::new()).remove(2);
    let queries = [
        Query::new(),
        some.clone(),
        some.limit(17),
        Query::new().after(Cursor::from(&third)).limit(5),
        Query::new().limit(0),
        Query::from(Filter::session("nobody's")),
    ];
    for query in queries {
        let answer = running.post_json("/v1/query", &value(&query)).expect(200);
        assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
        let expected: Vec<Value> = found(&store, &query).into_iter().map(value).collect();
        assert!(answer.lines() == expected, "{query:?}");
        let answer = running.post_json("/v1/query?allow_gaps=true", &value(&query)).expect(200);
        assert!(answer.lines() == expected, "{query:?}, with gaps");
    }
    assert_eq!(running.post_json("/v1/query", &json!({})).expect(200).lines().len(), 20_000);
}

#[test]
fn counts_and_single_events_are_those_of_the_library() {
    let store = walks(2_000);
    let running = Running::start(store.clone(), Settings::default());
    let filter = Filter::event_type("heartbeat");
    let count = |body: Value| running.post_json("/v1/count", &body).expect(200).json();
    assert_eq!(count(json!({})), json!({ "count": 2_000 }));
    let heartbeats = store.count(&filter).unwrap();
    assert_eq!(count(json!({ "filter": filter })), json!({ "count": heartbeats }));
    let bucket = GroupBy::Bucket(Duration::from_secs(900));
    for by in
        [GroupBy::Session, GroupBy::EventType, GroupBy::Tag, GroupBy::Hour, GroupBy::Day, bucket]
    {
        let counts = store.count_by(&filter, by).unwrap();
        let body = json!({ "filter": filter, "by": by, "limit": 10_000 });
        assert_eq!(count(body), json!({ "counts": counts, "more": false }), "{by:?}");
        let body = json!({ "filter": filter, "by": by, "limit": 2 });
        let few = &counts[..counts.len().min(2)];
        assert_eq!(count(body), json!({ "counts": few, "more": counts.len() > 2 }), "{by:?}");
    }
    assert_eq!(failure(&running.post_json("/v1/count", &json!({ "limit": 10_001 }))).0, 400);
    let zero = json!({ "by": { "bucket": { "secs": 0, "nanos": 0 } } });
    assert_eq!(failure(&running.post_json("/v1/count", &zero)).1, "invalid_input");
    let gaps = running.post_json("/v1/count?allow_gaps=true", &json!({})).expect(200);
    assert_eq!(gaps.json(), json!({ "found": { "count": 2_000 }, "gaps": [] }));

    let event = found(&store, &Query::new()).remove(77);
    let answer = running.get(&format!("/v1/events/{}", event.id)).expect(200);
    assert_eq!(answer.json(), value(&event));
    assert_eq!(failure(&running.get("/v1/events/1")).0, 404);
    for id in ["x", "-1", "99999999999999999999", "%ff"] {
        assert_eq!(failure(&running.get(&format!("/v1/events/{id}"))).0, 400, "{id}");
    }
}

#[test]
fn the_store_is_told_in_figures_without_its_path() {
    let directory = tempfile::tempdir().unwrap();
    let clock = noon(day(TODAY));
    let store = Store::builder().clock(clock).open(directory.path()).unwrap();
    store.log_event(NewEvent::new(1, "heartbeat")).unwrap();
    let retention = diurnal::Retention::KEEP_ALL.max_age_days(30);
    let running = Running::start(store.clone(), Settings::default().retention(retention));
    let answer = running.get("/v1/store").expect(200).json();
    let mut info = value(store.info().unwrap());
    info.as_object_mut().unwrap().remove("path");
    let expected = json!({
        "info": info, "days": store.days().unwrap(), "version": env!("CARGO_PKG_VERSION"), "writable": true,
        "retention": { "max_age_days": 30, "max_bytes": null }, "now": at(day(TODAY), 43_200_000_000),
    });
    assert_eq!(answer, expected);
    running.stop().unwrap();
    drop(store);
    let reader = Store::open_read_only(directory.path()).unwrap();
    let running = Running::start(reader, Settings::default());
    let answer = running.get("/v1/store").expect(200).json();
    assert_eq!((&answer["writable"], &answer["retention"]), (&json!(false), &Value::Null));
}

#[test]
fn what_is_not_understood_is_refused_and_its_place_is_named() {
    let (running, _store) = Running::in_memory();
    let send =
        |path: &str, body: &str| running.call(&Request::post(path).body("application/json", body));
    let query = "/v1/query";
    let cases = [
        (query, "", "body: EOF"),
        (query, "[]", "body: invalid type"),
        (query, "{\"limit\":1} {}", "body: trailing"),
        (query, "{\"filtr\":1}", "\"filtr\" is none of its keys: filter, order, limit, after"),
        (query, "{\"limit\":-1}", "limit: invalid value"),
        (query, "{\"after\":\"x\"}", "after: "),
        (query, "{\"filter\":{\"and\":[\"all\",{\"nothing\":1}]}}", "filter.and[1]"),
        (
            query,
            "{\"filter\":{\"circle\":{\"latitude\":91,\"longitude\":0,\"metres\":1}}}",
            "latitude",
        ),
        ("/v1/questions/tags", "{\"sort\":\"x\"}", "sort: unknown variant"),
        ("/v1/questions/funnel", "{}", "steps"),
        ("/v1/questions/sessions", "{\"settings\":{\"active_gap_micros\":0}}", "active_gap"),
        ("/v1/count?allow_gaps=perhaps", "{}", "parameters: "),
        ("/v1/count?alow_gaps=true", "{}", "parameters: "),
    ];
    for (path, body, part) in cases {
        let (status, kind, message) = failure(&send(path, body));
        assert_eq!((status, kind.as_str()), (400, "invalid_input"), "{path} {body}");
        assert!(message.contains(part), "{path} {body}: {message}");
    }
    let deep = format!("{{\"filter\":{}\"all\"{}}}", "{\"not\":".repeat(5_000), "}".repeat(5_000));
    assert_eq!(failure(&send(query, &deep)).0, 400);
    let deep = format!("{{\"filter\":{}\"all\"{}}}", "{\"not\":".repeat(40), "}".repeat(40));
    assert_eq!(failure(&send(query, &deep)).0, 400);
    let large = format!("{{\"x\":\"{}\"}}", "x".repeat(2_000_000));
    let (status, kind, message) = failure(&send(query, &large));
    assert_eq!((status, kind.as_str()), (413, "too_large"), "{message}");
    let large = format!("{{\"{}\":1}}", "x".repeat(500_000));
    assert!(failure(&send(query, &large)).2.len() < 400);
    assert!(!send(query, &String::from_utf8_lossy(&[0xff; 9])).text().is_empty());
    let not_utf8 = Request::post(query).body("application/json", vec![b'{', 0xff, b'}']);
    assert_eq!(failure(&running.call(&not_utf8)).0, 400);
}

#[test]
fn a_call_that_is_not_there_or_not_so_is_told_apart() {
    let (running, _store) = Running::in_memory();
    let plain = Request::post("/v1/query").body("text/plain", "{}");
    assert_eq!(failure(&running.call(&plain)).0, 415);
    assert_eq!(failure(&running.call(&Request::post("/v1/query"))).1, "unsupported_media_type");
    let with_charset = Request::post("/v1/query").body("Application/JSON; charset=utf-8", "{}");
    running.call(&with_charset).expect(200);
    assert_eq!(failure(&running.get("/v1/query")).0, 405);
    assert_eq!(failure(&running.post_json("/v1/questions/everything", &json!({}))).0, 404);
    assert_eq!(failure(&running.get("/v1/nothing")).1, "not_found");
    let answer = running.get("/v1/store");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[test]
fn reading_and_logging_need_their_own_tokens() {
    let (read, write) = ("reads-0123456789", "writes-0123456789");
    let store = Store::in_memory().unwrap();
    let settings = Settings::default()
        .read_tokens(Some(Tokens::parse(read).unwrap()))
        .write_tokens(Some(Tokens::parse(write).unwrap()));
    let running = Running::start(store, settings);
    let line = "{\"session_id\":1,\"event_type\":\"heartbeat\"}";
    let calls = [
        (Request::get("/v1/store"), true),
        (Request::post("/v1/query").json(&json!({})), true),
        (Request::post("/v1/count").json(&json!({})), true),
        (Request::post("/v1/questions/tags").json(&json!({})), true),
        (Request::get("/v1/events/1"), true),
        (Request::post("/v1/events").body("application/x-ndjson", line), false),
    ];
    for (call, reads) in calls {
        let (right, wrong) = if reads { (read, write) } else { (write, read) };
        let answer = running.call(&call);
        assert_eq!(failure(&answer).1, "unauthorized", "{call:?}");
        assert_eq!(running.call(&call.clone().token(wrong)).status, 401, "{call:?}");
        assert_ne!(running.call(&call.clone().token(right)).status, 401, "{call:?}");
    }
    assert_eq!(running.get("/v1/live").status, 401);
}

/// A store of finished days of so many events, of which the one in the middle is damaged.
fn with_a_damaged_day(directory: &Path, events: usize) -> Store {
    let days = ["2026-11-01", "2026-11-02", "2026-11-03"];
    let store = small_blocks().clock(noon(day(TODAY))).open(directory).unwrap();
    for date in days {
        let event =
            |n: usize| NewEvent::new(n % 9, "heartbeat").server_time(at(day(date), n as i64));
        store.log_events((0..events).map(event)).unwrap();
    }
    store.close().unwrap();
    let file = directory.join("days/2026-11-02.day");
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 4..bytes.len() / 4 * 3;
    bytes[middle].iter_mut().for_each(|byte| *byte ^= 0x55);
    std::fs::write(&file, bytes).unwrap();
    small_blocks().clock(noon(day(TODAY))).open(directory).unwrap()
}

#[test]
fn a_damaged_day_is_told_or_left_out_as_asked() {
    let directory = tempfile::tempdir().unwrap();
    let store = with_a_damaged_day(directory.path(), 100);
    let running = Running::start(store, Settings::default());
    let hours = json!({ "bucket_micros": 3_600_000_000_u64 });
    let calls = [("/v1/query", json!({})), ("/v1/questions/histogram", hours.clone())];
    for (path, body) in calls {
        let (status, kind, message) = failure(&running.post_json(path, &body));
        assert_eq!((status, kind.as_str()), (500, "corrupt"), "{path}");
        assert!(!message.contains('/') && !message.contains("2026"), "{message}");
    }
    let error = json!({ "kind": "corrupt", "message": "a day that was asked for is damaged" });
    let gap = json!({ "day": "2026-11-02", "error": error });
    let answer = running.post_json("/v1/questions/histogram?allow_gaps=true", &hours).expect(200);
    assert_eq!(answer.json()["gaps"], json!([gap]));
    assert_eq!(answer.json()["found"]["events"], 200);
    let lines = running.post_json("/v1/query?allow_gaps=true", &json!({})).expect(200).lines();
    let (last, events) = lines.split_last().unwrap();
    assert_eq!(last, &json!({ "gaps": [gap] }));
    assert!(events.len() >= 200 && events.iter().all(|event| event["id"].is_u64()));
}

#[test]
fn a_query_that_fails_half_way_is_cut_off_after_a_line_that_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let store = with_a_damaged_day(directory.path(), 3_000);
    let running = Running::start(store, Settings::default());
    let (answer, mut body) = running.open(&Request::post("/v1/query").json(&json!({})));
    assert_eq!(answer.status, 200, "much was sent before the damage was met");
    let mut lines = Vec::new();
    let cut = loop {
        match body.line() {
            Ok(Some(line)) => lines.push(line),
            other => break other,
        }
    };
    assert!(cut.is_err(), "the connection says that there is more");
    let last: Value = serde_json::from_str(lines.last().unwrap()).unwrap();
    assert_eq!(last["error"]["kind"], "corrupt");
    assert!(lines.len() > 3_000);
}

#[test]
fn clients_that_go_away_or_take_nothing_keep_nobody_from_reading() {
    // More than what sockets hold.
    let store = Store::in_memory().unwrap();
    let large = "x".repeat(60_000);
    let event = |n: usize| NewEvent::new(n % 9, "client_error").data(large.as_str());
    store.log_events((0..600).map(event)).unwrap();
    let patience = Duration::from_secs(5);
    let settings = Settings::default().readers(1).patience(patience);
    let running = Running::start(store, settings);
    let all = Request::post("/v1/query").json(&json!({}));
    for _ in 0..20 {
        let (answer, mut body) = running.open(&all);
        answer.expect(200);
        body.read_exact(&mut [0; 100]).unwrap();
    }
    // These take nothing more, and hold their places until the patience is over.
    let mut slow = Vec::new();
    while slow.len() < 8 {
        let (answer, body) = running.open(&all);
        match answer.status {
            200 => slow.push(body),
            status => assert_eq!((status, answer.header("retry-after")), (503, Some("1"))),
        }
    }
    let busy = running.open(&all).0;
    assert_eq!(busy.status, 503, "as many queries as there are places for");
    running.post_json("/v1/count", &json!({})).expect(200);
    running.post_json("/v1/questions/tags", &json!({})).expect(200);
    let again = (0..600).find(|_| {
        std::thread::park_timeout(Duration::from_millis(100));
        running.open(&all).0.status == 200
    });
    assert!(again.is_some(), "who takes nothing is let go");
    let mut rest = Vec::new();
    assert!(slow.remove(0).read_to_end(&mut rest).is_err(), "and sees that it was");
}
