//! Goal: Roundware's clients are answered as its servers answer them, field for field and word for word, and what
//! hostile ones send is refused without harm.
//!
//! Method: a service over a store of its own is asked as a client asks it; what it says is compared with what is in the
//! store, read by other means, and lists with plain loops over all events.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::process::Command;

use diurnal::http::{Settings, Tokens};
use diurnal::{Event, EventId, Filter, NewEvent, Store, analysis};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::common::{at, cases, day, everything, found};
use crate::service::{Answer, Request, Running};

const PATHS: [&str; 5] = ["/", "/roundware", "/roundware/", "/api/1", "/api/1/"];
const SUCCESS: &str = "{\"success\": true}";
/// The call of the documentation.
const CALL: &str =
    "operation=log_event&session_id=1&event_type=modify_stream&latitude=1&longitude=1&tags=1,2,3";

/// As the clients read times.
fn time_of(event: &Event) -> String {
    event.server_time.to_string().trim_end_matches('Z').to_owned()
}

fn session_of(event: &Event) -> Value {
    match event.session_id.parse::<i64>() {
        Ok(number) if number.to_string() == event.session_id => number.into(),
        _ => event.session_id.as_str().into(),
    }
}

fn tags_of(event: &Event) -> Value {
    if event.tags.is_empty() { Value::Null } else { event.tags.join(",").into() }
}

fn degrees(degrees: Option<f64>) -> Value {
    degrees.map_or(Value::Null, |degrees| degrees.to_string().into())
}

/// An event of `get_events`.
fn operation(event: &Event) -> Value {
    json!({
        "event_id": event.id.as_u64(), "session_id": session_of(event), "event_type": event.event_type,
        "latitude": degrees(event.latitude), "longitude": degrees(event.longitude),
        "data": event.data, "tags": tags_of(event), "server_time": time_of(event),
    })
}

/// An event of the list of version 1.
fn object(event: &Event) -> Value {
    json!({
        "id": event.id.as_u64(), "session": session_of(event), "event_type": event.event_type,
        "server_time": time_of(event), "client_time": event.client_time,
        "latitude": degrees(event.latitude), "longitude": degrees(event.longitude),
        "tags": tags_of(event), "data": event.data,
    })
}

/// An event of version 2.
fn resource(event: &Event) -> Value {
    json!({
        "id": event.id.as_u64(), "server_time": time_of(event), "client_time": event.client_time,
        "event_type": event.event_type, "data": event.data,
        "latitude": degrees(event.latitude), "longitude": degrees(event.longitude),
        "session_id": session_of(event), "tag_ids": tags_of(event),
    })
}

fn the_only(store: &Store) -> Event {
    let mut events = everything(store);
    assert_eq!(events.len(), 1, "{events:?}");
    events.remove(0)
}

fn real_log() -> (Running, Store) {
    let (running, store) = Running::in_memory();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/roundware.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    let events = text.lines().map(|line| serde_json::from_str::<NewEvent>(line).unwrap());
    store.log_events(events).unwrap();
    (running, store)
}

/// Every page of a list of version 2, one after the other, and how many pages there were.
fn pages(running: &Running, path: &str, query: &str) -> (Vec<Value>, usize) {
    let (mut events, mut query, mut pages) = (Vec::new(), format!("?{query}"), 0);
    loop {
        let answer = running.get(&format!("{path}{query}")).expect(200);
        events.extend(answer.json().as_array().unwrap().iter().cloned());
        pages += 1;
        let Some(link) = answer.header("link") else { return (events, pages) };
        let next = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\""));
        query = next.unwrap_or_else(|| panic!("{link}")).to_owned();
        assert!(pages < 1000, "it comes to no end: {query}");
    }
}

#[test]
fn the_call_of_version_1_logs_an_event_at_each_address_and_in_each_form() {
    let expected = NewEvent::new(1, "modify_stream").location(1.0, 1.0).tags([1, 2, 3]);
    for path in PATHS {
        for request in [
            Request::get(&format!("{path}?{CALL}")),
            Request::get(&format!("{path}?{}", CALL.replace("log_event", "LOG_Event"))),
            Request::get(&format!("{path}?{}", CALL.replace("tags", "tag_ids"))),
            Request::post(&format!("{path}?{CALL}")),
            Request::post(path).form(CALL),
            Request::post(&format!("{path}?operation=log_event&session_id=7")).form(CALL),
        ] {
            let (running, store) = Running::in_memory();
            let answer = running.call(&request).expect(200);
            assert_eq!(answer.text(), SUCCESS, "{request:?}");
            assert_eq!(answer.header("content-type"), Some("application/json"));
            let event = the_only(&store);
            assert_eq!(
                NewEvent::from(event.clone()),
                expected.clone().server_time(event.server_time)
            );
        }
    }
}

#[test]
fn an_event_is_durable_when_its_call_is_answered() {
    let directory = tempfile::tempdir().unwrap();
    let running = Running::start(Store::open(directory.path()).unwrap(), Settings::default());
    let beside = Store::open_read_only(directory.path()).unwrap();
    for number in 1..=5 {
        let path = format!("/?operation=log_event&session_id={number}&event_type=heartbeat");
        assert_eq!(running.get(&path).text(), SUCCESS);
        assert_eq!(beside.count(&Filter::All).unwrap(), number, "another process sees it");
    }
    running.stop().unwrap();
    assert_eq!(Store::open(directory.path()).unwrap().count(&Filter::All).unwrap(), 5);
}

#[test]
fn a_call_of_version_1_that_is_wrong_says_why_with_status_200_and_logs_nothing() {
    let (running, store) = Running::in_memory();
    let no_session = "a session_id is required for this operation";
    let no_type = "an event_type is required for this operation";
    for (query, words) in [
        ("operation=log_event", no_session),
        ("operation=log_event&event_type=heartbeat", no_session),
        ("operation=log_event&session_id=&event_type=heartbeat", no_session),
        ("operation=log_event&session_id=1", no_type),
        ("operation=log_event&session_id=1&event_type=", no_type),
        ("operation=request_stream", "Invalid operation, request_stream"),
        ("operation=Vote%20%22it%22", "Invalid operation, Vote \"it\""),
        ("operation=", "Operation is required"),
    ] {
        for path in PATHS {
            let get = running.get(&format!("{path}?{query}")).expect(200);
            assert_eq!(
                get.text(),
                json!({ "error_message": words }).to_string().replace("\":", "\": ")
            );
            let post = running.call(&Request::post(path).form(query)).expect(200);
            assert_eq!(post.json(), json!({ "error_message": words }));
        }
    }
    for (fields, word) in [
        ("latitude=1", "longitude"),
        ("latitude=91&longitude=1", "latitude"),
        ("latitude=NaN&longitude=1", "latitude"),
        ("latitude=1&longitude=inf", "longitude"),
        ("latitude=north&longitude=1", "latitude"),
        ("data=%ff", "data"),
        ("tags=%00", "tags"),
    ] {
        let query = format!("operation=log_event&session_id=1&event_type=heartbeat&{fields}");
        let answer = running.get(&format!("/roundware/?{query}")).expect(200).json();
        let message = answer["error_message"].as_str().unwrap();
        assert!(message.starts_with(&format!("{word}: ")), "{fields}: {message}");
    }
    for path in ["/roundware/", "/api/1/"] {
        assert_eq!(running.get(path).expect(200).json()["error_message"], "Operation is required");
    }
    let page = running.get("/").expect(200);
    assert!(page.header("content-type").unwrap().starts_with("text/html"), "{page:?}");
    assert_eq!(everything(&store), []);
}

#[test]
fn head_logs_nothing() {
    let (running, store) = Running::in_memory();
    for path in PATHS {
        let answer = running.call(&Request::new("HEAD", &format!("{path}?{CALL}"))).expect(405);
        assert_eq!((answer.body.as_slice(), answer.header("allow")), (&b""[..], Some("GET, POST")));
        for query in ["", "operation=get_events&session_id=1"] {
            running.call(&Request::new("HEAD", &format!("{path}?{query}"))).expect(200);
        }
    }
    running.call(&Request::new("HEAD", "/api/2/events/")).expect(200);
    assert_eq!(everything(&store), []);
}

#[test]
fn what_a_client_writes_is_kept_as_it_is_and_its_clock_can_be_read() {
    let (running, store) = Running::in_memory();
    let forms = [
        ("2013-01-05%2016:12:13%20+0000", "2013-01-05 16:12:13  0000"),
        ("2013-01-05%2011:12:13%20-0500", "2013-01-05 11:12:13 -0500"),
        ("2013-01-05T16:12:13%2B00:00", "2013-01-05T16:12:13+00:00"),
        ("2013-01-05T16:12:13+00:00", "2013-01-05T16:12:13 00:00"),
        ("2013-01-05T16:12:13", "2013-01-05T16:12:13"),
        ("2013-01-05T16:12:13.000Z", "2013-01-05T16:12:13.000Z"),
        ("Sat,+05+Jan+2013+16:12:13+%2B0000", "Sat, 05 Jan 2013 16:12:13 +0000"),
        ("Sat,%2005%20Jan%202013%2016:12:13%20GMT", "Sat, 05 Jan 2013 16:12:13 GMT"),
    ];
    for (number, (sent, _)) in forms.iter().enumerate() {
        let call =
            format!("/?operation=log_event&session_id={number}&event_type=x&client_time={sent}");
        assert_eq!(running.get(&call).text(), SUCCESS, "{sent}");
    }
    for event in everything(&store) {
        let expected = forms[event.session_id.parse::<usize>().unwrap()].1;
        assert_eq!(event.client_time.as_deref(), Some(expected));
        assert_eq!(
            event.client_instant(),
            Some("2013-01-05T16:12:13Z".parse().unwrap()),
            "{expected}"
        );
    }
    let call =
        "/?operation=log_event&session_id=d&event_type=x&data=&server_time=1999-01-01T00:00:00Z";
    assert_eq!(running.get(call).text(), SUCCESS);
    let event = found(&store, &Filter::session("d").into()).remove(0);
    assert_eq!(event.data, None, "an empty value is absent");
    assert!(event.server_time > "2020-01-01".parse().unwrap(), "its time is not a client's to say");
}

#[test]
fn get_events_gives_the_real_log_session_by_session() {
    let (running, store) = real_log();
    let mut sessions: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let events = everything(&store);
    for event in &events {
        sessions.entry(event.session_id.clone()).or_default().push(operation(event));
    }
    assert_eq!((events.len(), sessions.len()), (1002, 68));
    let mut connection = running.connect();
    for (session, events) in &sessions {
        let path = format!("/roundware/?operation=get_events&session_id={session}");
        let answer = connection.call(&Request::get(&path)).expect(200);
        assert_eq!(answer.json(), json!({ "number_of_events": events.len(), "events": events }));
    }
    assert!(events.iter().any(|event| event.data.as_deref() == Some("")), "the log has empty data");
    let none = connection.call(&Request::get("/?operation=get_events&session_id=nobody")).json();
    assert_eq!(none, json!({ "number_of_events": 0, "events": [] }));
    let unsaid = connection.call(&Request::get("/?operation=get_events"));
    assert_eq!(unsaid.expect(200).text(), "{\"error\": \"no session_id\"}");
}

#[test]
fn a_long_session_is_streamed_whole() {
    let (running, store) = Running::in_memory();
    let event = |number: i64| {
        let time = at(day("2026-11-23"), number);
        NewEvent::new(-1, "heartbeat").data("x".repeat(2000)).server_time(time)
    };
    store.log_events((0..3000).map(event)).unwrap();
    let answer = running.get("/api/1/?operation=get_events&session_id=-1").expect(200).json();
    assert_eq!(answer["number_of_events"], 3000);
    let listed: Vec<Value> = everything(&store).iter().map(operation).collect();
    assert!(answer["events"].as_array() == Some(&listed));
}

#[test]
fn the_list_of_version_1_is_paged_by_offset() {
    let (running, store) = real_log();
    let all: Vec<Value> = everything(&store).iter().map(object).collect();
    let (mut query, mut listed) = ("?limit=300".to_owned(), Vec::new());
    let mut offsets = Vec::new();
    loop {
        let answer = running.get(&format!("/api/1/rest/event/{query}")).expect(200).json();
        let meta = &answer["meta"];
        assert_eq!((&meta["limit"], &meta["total_count"]), (&json!(300), &json!(1002)));
        offsets.push(meta["offset"].as_u64().unwrap());
        let previous =
            offsets.len().checked_sub(2).map(|at| format!("?limit=300&offset={}", offsets[at]));
        assert_eq!(meta["previous"], json!(previous));
        listed.extend(answer["objects"].as_array().unwrap().iter().cloned());
        match meta["next"].as_str() {
            Some(next) => query = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(offsets, [0, 300, 600, 900]);
    assert!(listed == all);
    let get = |query: &str| running.get(&format!("/api/1/rest/event?{query}")).expect(200).json();
    for (query, limit, objects) in
        [("", 20, 20), ("limit=0", 1000, 1000), ("limit=9999", 1000, 1000), ("offset=5000", 20, 0)]
    {
        let answer = get(query);
        assert_eq!(answer["meta"]["limit"], limit, "{query}");
        assert_eq!(answer["objects"].as_array().unwrap().len(), objects, "{query}");
    }
    let (from, to) = ("2013-01-05T16:12:53Z", "2013-01-05T16:13:53Z");
    let query = "server_time__gte=2013-01-05T16:12:53&server_time__lte=2013-01-05T16:13:53\
                 &event_type=heartbeat&session=2894";
    let times = from.parse().unwrap()..=to.parse().unwrap();
    let expected: Vec<Value> = everything(&store)
        .iter()
        .filter(|event| event.session_id == "2894" && event.event_type == "heartbeat")
        .filter(|event| times.contains(&event.server_time))
        .map(object)
        .collect();
    assert_eq!((expected.len(), get(query)["objects"].clone()), (2, json!(expected)));
    for query in ["limit=x", "offset=-1", "offset=100001", "server_time__gte=noon"] {
        let answer = running.get(&format!("/api/1/rest/event/?{query}")).expect(400).json();
        assert!(answer["detail"].as_str().unwrap().starts_with(query.split('=').next().unwrap()));
    }
}

#[test]
fn version_2_answers_the_event_it_has_logged_field_for_field() {
    let (running, store) = Running::in_memory();
    let body = json!({
        "session_id": 1, "event_type": "modify_stream", "client_time": "2017-06-07T22:41:50.123Z",
        "latitude": "1.2345", "longitude": 2.5, "tag_ids": "3,8", "data": "",
    });
    for path in ["/api/2/events/", "/api/2/events"] {
        let answer = running.post_json(path, &body).expect(200).json();
        let id: EventId = answer["id"].to_string().parse().unwrap();
        let event = store.event(id).unwrap().unwrap();
        assert_eq!(answer, resource(&event));
        let said = json!({
            "id": id.as_u64(), "server_time": answer["server_time"], "client_time": "2017-06-07T22:41:50.123Z",
            "event_type": "modify_stream", "data": "", "latitude": "1.2345", "longitude": "2.5",
            "session_id": 1, "tag_ids": "3,8",
        });
        assert_eq!(answer, said);
        let time = answer["server_time"].as_str().unwrap();
        assert_eq!((time.len(), &time[10..11], &time[19..20]), (26, "T", "."));
        for path in [format!("/api/2/events/{id}"), format!("/api/2/events/{id}/")] {
            assert_eq!(running.get(&path).expect(200).json(), answer);
        }
    }
    let bare = running.post_json("/api/2/events/", &json!({ "session_id": "-1", "event_type": 7 }));
    let bare = bare.expect(200).json();
    assert_eq!((&bare["session_id"], &bare["event_type"]), (&json!(-1), &json!("7")));
    for field in ["client_time", "data", "latitude", "longitude", "tag_ids"] {
        assert_eq!(bare[field], Value::Null, "{field}");
    }
    let lists =
        json!({ "session_id": "kiosk 1", "event_type": "x", "tag_ids": [3, "8"], "data": 2.5 });
    let lists = running.post_json("/api/2/events/", &lists).expect(200).json();
    assert_eq!((&lists["tag_ids"], &lists["data"]), (&json!("3,8"), &json!("2.5")));
    assert_eq!(lists["session_id"], "kiosk 1");
    let empty = json!({
        "session_id": "9007199254740993", "event_type": "x", "latitude": "", "longitude": "",
        "client_time": "", "tag_ids": "", "server_time": "1999-01-01T00:00:00Z", "id": 5, "vote": true,
    });
    let empty = running.post_json("/api/2/events/", &empty).expect(200).json();
    assert_eq!(empty["session_id"], "9007199254740993", "JavaScript would round the number");
    assert!(empty["server_time"].as_str() > Some("2020"), "its time is not a client's to say");
}

#[test]
fn version_2_refuses_what_breaks_a_rule_and_says_which() {
    let (running, store) = Running::in_memory();
    let no_session = "a session_id is required for this operation";
    let no_type = "an event_type is required for this operation";
    for (body, words) in [
        ("{}", no_session),
        ("{\"event_type\": \"x\"}", no_session),
        ("{\"session_id\": null, \"event_type\": \"x\"}", no_session),
        ("{\"session_id\": \"\", \"event_type\": \"x\"}", no_session),
        ("{\"session_id\": 1}", no_type),
        ("{\"session_id\": 1, \"event_type\": null}", no_type),
    ] {
        let answer = running.call(&Request::post("/api/2/events/").body("application/json", body));
        assert_eq!(answer.expect(400).json(), json!({ "detail": words }), "{body}");
    }
    let deep =
        format!("{{\"session_id\": 1, \"event_type\": \"x\", \"a\": {}", "[".repeat(100_000));
    let long = |field: &str, bytes: usize| {
        let mut event = json!({ "session_id": 1, "event_type": "x" });
        event[field] = "y".repeat(bytes).into();
        event.to_string()
    };
    let with = |fields: &str| format!("{{\"session_id\": 1, \"event_type\": \"x\", {fields}}}");
    for (body, begins) in [
        (with("\"latitude\": 1"), "longitude: "),
        (with("\"latitude\": 91, \"longitude\": 1"), "latitude: "),
        (with("\"latitude\": \"NaN\", \"longitude\": 1"), "latitude: "),
        (with("\"latitude\": NaN, \"longitude\": 1"), "JSON parse error - "),
        (with("\"latitude\": [1], \"longitude\": 1"), ""),
        (with("\"data\": {}"), ""),
        (with("\"tag_ids\": [null]"), ""),
        (with("\"data\": \"\\ud800\""), "JSON parse error - "),
        (long("data", 64 * 1024 + 1), "data: "),
        (long("client_time", 65), "client_time: "),
        (long("tag_ids", 65), "tags: "),
        (long("session_id", 129), "session_id: "),
        (long("event_type", 65), "event_type: "),
        (deep, "JSON parse error - "),
        (String::new(), "JSON parse error - "),
        ("[]".to_owned(), "JSON parse error - "),
    ] {
        let request = Request::post("/api/2/events/").body("application/json", body.clone());
        let answer = running.call(&request).expect(400).json();
        let detail = answer["detail"].as_str().unwrap();
        assert!(detail.starts_with(begins) && !detail.is_empty(), "{body:.60}: {detail}");
        assert!(!detail.contains("invalid input"), "{detail}");
    }
    let utf8 =
        Request::post("/api/2/events/").body("application/json", b"{\"a\": \"\xff\"}".to_vec());
    running.call(&utf8).expect(400);
    let mut huge = b"{\"data\": \"".to_vec();
    huge.resize(2 * 1024 * 1024, b'x');
    let huge = Request::post("/api/2/events/").body("application/json", huge);
    assert!(running.call(&huge).expect(413).json()["detail"].is_string());
    for kind in ["text/plain", "application/x-www-form-urlencoded", ""] {
        let form = Request::post("/api/2/events/").body(kind, with("\"a\": 1"));
        let answer = running.call(&form).expect(415).json();
        let words = format!("Unsupported media type \"{kind}\" in request.");
        assert_eq!(answer, json!({ "detail": words }), "a page elsewhere could send it");
    }
    for id in ["0", "x", "-1", "%ff", "18446744073709551615", "9007199254740992"] {
        let answer = running.get(&format!("/api/2/events/{id}/")).expect(404).json();
        assert_eq!(answer, json!({ "detail": "Event not found" }), "{id}");
    }
    for query in ["limit=x", "limit=0", "limit=-1", "cursor=1", "server_time__lt=noon"] {
        let answer = running.get(&format!("/api/2/events/?{query}")).expect(400).json();
        assert!(answer["detail"].as_str().unwrap().starts_with(query.split('=').next().unwrap()));
    }
    let long = format!("/api/2/events/?session_id={}", "x".repeat(129));
    assert!(running.get(&long).expect(400).json()["detail"].is_string());
    assert_eq!(everything(&store), []);
}

#[test]
fn a_form_is_taken_whole_and_only_a_form() {
    let (running, store) = Running::in_memory();
    let call = "operation=log_event&session_id=1&event_type=client_error&data=a#b+c?d=e%26";
    assert_eq!(running.call(&Request::post("/").form(call)).text(), SUCCESS);
    assert_eq!(the_only(&store).data.as_deref(), Some("a#b c?d=e&"));
    let utf8 = "operation=log_event&session_id=1&event_type=x&data=Größe";
    assert_eq!(running.call(&Request::post("/").form(utf8)).text(), SUCCESS);
    assert_eq!(everything(&store)[1].data.as_deref(), Some("Größe"));
    let bytes = [&b"operation=log_event&session_id=1&event_type=x&data="[..], b"\xff"].concat();
    let kind = "application/x-www-form-urlencoded; charset=utf-8";
    let answer = running.call(&Request::post("/").body(kind, bytes)).expect(200).json();
    assert!(answer["error_message"].as_str().unwrap().starts_with("data: "), "{answer}");
    let data = "x".repeat(64 * 1024);
    let large = format!("operation=log_event&session_id=1&event_type=x&data={data}");
    assert_eq!(running.call(&Request::post("/").form(&large)).text(), SUCCESS);
    let address =
        format!("/?operation=log_event&session_id=1&event_type=x&data={}", &data[..65_000]);
    assert_eq!(running.get(&address).text(), SUCCESS, "an address may be nearly as long");
    running.get(&format!("/?{large}")).expect(414);
    let larger = running.call(&Request::post("/").form(&format!("{large}y"))).expect(200).json();
    assert!(larger["error_message"].as_str().unwrap().starts_with("data: "));
    let huge = "x".repeat(2 * 1024 * 1024);
    let huge = running.call(&Request::post("/").form(&huge)).expect(413);
    assert!(huge.json()["error_message"].is_string());
    for kind in ["application/json", "multipart/form-data; boundary=x"] {
        let other = running.call(&Request::post(&format!("/?{CALL}")).body(kind, "{}")).expect(415);
        assert!(other.json()["error_message"].is_string());
    }
    assert_eq!(everything(&store).len(), 4);
}

#[test]
fn what_the_service_cannot_do_never_looks_like_a_success() {
    let directory = tempfile::tempdir().unwrap();
    let full = Store::builder().free_bytes_min(u64::MAX).open(directory.path()).unwrap();
    let running = Running::start(full, Settings::default());
    let answer = running.get(&format!("/roundware/?{CALL}")).expect(507).json();
    assert_eq!(answer, json!({ "error_message": "there is no room; the event was not logged" }));
    let event = json!({ "session_id": 1, "event_type": "x" });
    let answer = running.post_json("/api/2/events/", &event).expect(507).json();
    assert_eq!(answer, json!({ "detail": "there is no room; the event was not logged" }));
    running.post_json("/api/2/sessions/", &json!({})).expect(507);
    running.stop().unwrap();

    let reading = Store::open_read_only(directory.path()).unwrap();
    let running = Running::start(reading, Settings::default());
    let answer = running.get(&format!("/?{CALL}")).expect(403).json();
    assert_eq!(answer, json!({ "error_message": "the store is open for reading only" }));
    running.post_json("/api/2/events/", &event).expect(403);
    running.get("/?operation=get_events&session_id=1").expect(200);
}

/// What one list asks for.
#[derive(Debug, Clone, Default)]
struct Asked {
    session: Option<&'static str>,
    event_type: Option<&'static str>,
    begins: Option<&'static str>,
    after: Option<i64>,
    before: Option<i64>,
    latitude: Option<&'static str>,
    longitude: Option<&'static str>,
    tags: Option<&'static str>,
    limit: usize,
}

/// Where the events of the lists begin; they lie 20 s and less apart.
fn moment(number: i64) -> diurnal::Timestamp {
    at(day("2026-11-23"), 86_390_000_000 + number * 250_000)
}

impl Asked {
    fn query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let mut add = |key: &str, value: Option<String>| {
            if let Some(value) = value {
                query.append_pair(key, &value);
            }
        };
        let text = |value: Option<&str>| value.map(str::to_owned);
        let time = |number: Option<i64>| number.map(|number| moment(number).to_string());
        add("session_id", text(self.session));
        add("event_type", text(self.event_type));
        add("server_time", text(self.begins));
        add("server_time__gt", time(self.after));
        add("server_time__lt", time(self.before));
        add("latitude", text(self.latitude));
        add("longitude", text(self.longitude));
        add("tag_ids", text(self.tags));
        add("limit", Some(self.limit.to_string()));
        query.finish()
    }

    fn holds(&self, event: &Event) -> bool {
        let begins = |value: Option<f64>, text: Option<&str>| {
            text.is_none_or(|text| value.is_some_and(|value| value.to_string().starts_with(text)))
        };
        let holds_type =
            |part: &str| event.event_type.to_lowercase().contains(&part.to_lowercase());
        let has = |tag: &str| event.tags.iter().any(|known| known == tag);
        self.session.is_none_or(|session| event.session_id == session)
            && self.event_type.is_none_or(holds_type)
            && self.begins.is_none_or(|text| time_of(event).starts_with(text))
            && self.after.is_none_or(|number| event.server_time > moment(number))
            && self.before.is_none_or(|number| event.server_time < moment(number))
            && begins(event.latitude, self.latitude)
            && begins(event.longitude, self.longitude)
            && self.tags.is_none_or(|tags| tags.split(',').all(has))
    }
}

fn maybe<T: Clone + std::fmt::Debug + 'static>(
    values: &'static [T],
) -> impl Strategy<Value = Option<T>> {
    prop_oneof![2 => Just(None), 1 => proptest::sample::select(values).prop_map(Some)]
}

fn asked() -> impl Strategy<Value = Asked> {
    let times =
        ["2026", "2026-11-2", "2026-11-24", "2026-11-23T23:59:5", "2026-11-24T00:00:00.25", "1999"];
    let times: &'static [&'static str] = Box::leak(Box::new(times));
    let number = || proptest::option::weighted(0.3, -2..90_i64);
    let first = (
        maybe(&["1", "-1", "kiosk 1", "2"]),
        maybe(&["stream", "STREAM", "heart", "größe", "x", "_"]),
        maybe(times),
        number(),
        number(),
    );
    let second = (
        maybe(&["1", "12.5", "-", "0", "-0.0000", "9"]),
        maybe(&["1", "-71.", "180", "0.5"]),
        maybe(&["1", "2,1", "3", "1,4"]),
        1..30_usize,
    );
    (first, second).prop_map(|(first, second)| Asked {
        session: first.0,
        event_type: first.1,
        begins: first.2,
        after: first.3,
        before: first.4,
        latitude: second.0,
        longitude: second.1,
        tags: second.2,
        limit: second.3,
    })
}

fn listed_event() -> impl Strategy<Value = NewEvent> {
    let types = ["heartbeat", "modify_stream", "Start_Stream", "GRÖSSE größe", "ÄÖ"];
    let latitudes = [1.0, 12.5, 12.25, -0.00001, 0.5, -90.0];
    let longitudes = [1.0, -71.25, 180.0, 0.5, 1e-7, 17.0];
    let place = (
        proptest::sample::select(latitudes.to_vec()),
        proptest::sample::select(longitudes.to_vec()),
    );
    (
        proptest::sample::select(vec!["1", "-1", "kiosk 1"]),
        proptest::sample::select(types.to_vec()),
        0..80_i64,
        proptest::option::of(place),
        proptest::sample::subsequence(vec![1, 2, 3], 0..=3),
    )
        .prop_map(|(session, name, number, place, tags)| {
            let event = NewEvent::new(session, name).server_time(moment(number)).tags(tags);
            match place {
                Some((latitude, longitude)) => event.location(latitude, longitude),
                None => event,
            }
        })
}

#[test]
fn lists_of_version_2_are_what_plain_loops_find_page_by_page() {
    let strategy = (
        proptest::collection::vec(listed_event(), 0..120),
        proptest::collection::vec(asked(), 1..8),
    );
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases(64))
    });
    let outcome = runner.run(&strategy, |(events, lists)| {
        let (running, store) = Running::in_memory();
        store.log_events(events).unwrap();
        let all = everything(&store);
        for asked in lists {
            let found: Vec<&Event> = all.iter().filter(|event| asked.holds(event)).collect();
            let expected: Vec<Value> = found.iter().map(|event| resource(event)).collect();
            let (listed, _) = pages(&running, "/api/2/events/", &asked.query());
            prop_assert_eq!(listed, expected, "{:?}", asked);
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn a_list_of_version_2_is_never_longer_than_a_page() {
    let (running, store) = real_log();
    let (listed, count) = pages(&running, "/api/2/events/", "limit=400");
    assert_eq!(count, 3);
    assert!(listed == everything(&store).iter().map(resource).collect::<Vec<_>>());
    let first = running.get("/api/2/events").expect(200);
    assert_eq!(first.json().as_array().unwrap().len(), 1000, "unless it is asked for more");
    let link = first.header("link").unwrap();
    assert!(link.starts_with("<?cursor="), "relative to where it is asked: {link}");
    assert_eq!(pages(&running, "/api/2/events", "limit=99999").1, 1);

    let large = |number: i64| {
        let time = at(day("2026-11-23"), number);
        NewEvent::new(1, "x").data("y".repeat(60_000)).server_time(time)
    };
    store.log_events((0..200).map(large)).unwrap();
    let (listed, count) = pages(&running, "/api/2/events/", "event_type=x&limit=10000");
    assert_eq!(listed.len(), 200, "in {count} pages");
    assert!(count >= 3, "12 MB come in {count} pages");
}

#[test]
fn a_search_without_an_index_stops_and_can_be_gone_on_with() {
    let (running, store) = Running::in_memory();
    let event = |number: i64| {
        let latitude = if number == 69_999 { 42.5 } else { 1.0 };
        NewEvent::new(1, "x").location(latitude, 1.0).server_time(at(day("2026-11-23"), number))
    };
    for first in (0..70_000).step_by(10_000) {
        store.log_events((first..first + 10_000).map(event)).unwrap();
    }
    let answer = running.get("/api/2/events/?latitude=42").expect(200);
    assert_eq!(answer.json(), json!([]));
    assert!(answer.header("link").is_some(), "it has not come to the end");
    let (listed, count) = pages(&running, "/api/2/events/", "latitude=42");
    assert_eq!((listed.len(), count), (1, 2));
    assert_eq!(listed[0]["latitude"], "42.5");
}

#[test]
fn a_session_is_new_and_its_start_is_logged() {
    let directory = tempfile::tempdir().unwrap();
    let mut numbers = HashSet::new();
    for _ in 0..2 {
        let store = Store::open(directory.path()).unwrap();
        let running = Running::start(store.clone(), Settings::default());
        let started: Vec<Answer> = std::thread::scope(|scope| {
            let start = || {
                let body = json!({
                    "project_id": 1, "geo_listen_enabled": true, "client_system": "Kiosk \"7\"",
                    "device_id": "who it is", "language": null, "client_type": { "deep": [] },
                });
                let mut connection = running.connect();
                let request = Request::post("/api/2/sessions/").json(&body);
                (0..10).map(|_| connection.call(&request)).collect::<Vec<_>>()
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        for answer in started {
            let answer = answer.expect(200).json();
            let id = answer["id"].as_u64().unwrap();
            assert!(id > 0 && id < 1 << 53, "{id}");
            assert!(numbers.insert(id), "{id} was given before");
            let kept = json!({ "project_id": 1, "geo_listen_enabled": true, "client_system": "Kiosk \"7\"" });
            let events = found(&store, &Filter::session(id).into());
            assert_eq!((events.len(), events[0].event_type.as_str()), (1, "start_session"));
            let data: Value = serde_json::from_str(events[0].data.as_deref().unwrap()).unwrap();
            assert_eq!(data, kept);
            let mut whole = kept;
            whole["id"] = id.into();
            assert_eq!(answer, whole);
        }
        drop(store);
        running.stop().unwrap();
    }
    assert_eq!(numbers.len(), 160);
}

#[test]
fn a_user_is_given_a_name_and_a_token_and_is_not_kept() {
    let (running, store) = Running::in_memory();
    let body = json!({ "device_id": "00000000000000", "client_type": "web" });
    let user = || running.post_json("/api/2/users/", &body).expect(200).json();
    let (first, second) = (user(), user());
    for key in ["username", "token"] {
        assert!(first[key].as_str().unwrap().bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert_ne!(first[key], second[key]);
    }
    assert_eq!((first["token"].as_str().unwrap().len(), everything(&store).len()), (40, 0));
}

#[test]
fn what_is_heard_is_logged_as_events_of_the_session_and_nothing_is_rewritten() {
    let (running, store) = Running::in_memory();
    let body = json!({ "starttime": "2026-11-23T10:00:00.000Z", "session": 7, "asset": 12 });
    let started = running.post_json("/api/2/listenevents/", &body).expect(200).json();
    let id = started["id"].as_u64().unwrap();
    let expected = json!({
        "id": id, "start_time": "2026-11-23T10:00:00.000Z", "session_id": 7, "asset_id": 12,
        "duration_in_seconds": null,
    });
    assert_eq!(started, expected);
    let first = the_only(&store);
    assert_eq!((first.session_id.as_str(), first.event_type.as_str()), ("7", "start_asset"));
    assert_eq!(first.data.as_deref(), Some("{\"asset_id\":12}"));
    let paths = [format!("/api/2/listenevents/{id}"), format!("/api/2/listenevents/{id}/")];
    for (method, path, seconds) in
        [("PATCH", &paths[0], json!(3.25)), ("PUT", &paths[1], json!("3.25"))]
    {
        let request = Request::new(method, path).json(&json!({ "duration_in_seconds": seconds }));
        let mut ended = expected.clone();
        ended["duration_in_seconds"] = 3.25.into();
        assert_eq!(running.call(&request).expect(200).json(), ended);
    }
    let events = everything(&store);
    assert_eq!((events.len(), &events[0]), (3, &first));
    for event in &events[1..] {
        assert_eq!((event.session_id.as_str(), event.event_type.as_str()), ("7", "stop_asset"));
        let data: Value = serde_json::from_str(event.data.as_deref().unwrap()).unwrap();
        assert_eq!(
            data,
            json!({ "asset_id": 12, "duration_in_seconds": 3.25, "listenevent_id": id })
        );
    }
    let session = store.ask(&analysis::Session::new(7)).unwrap().unwrap();
    assert_eq!(session.figures.actions, 0, "the client plays, the participant does nothing");
    let patch = |id: &str, body: Value| {
        running.call(&Request::new("PATCH", &format!("/api/2/listenevents/{id}")).json(&body))
    };
    let other = events[1].id.to_string();
    for id in ["0", "x", "%ff", "18446744073709551615", &other] {
        let answer = patch(id, json!({ "duration_in_seconds": 1 })).expect(404).json();
        assert_eq!(answer, json!({ "detail": "ListenEvent not found" }));
    }
    for seconds in [json!(null), json!(-1), json!("NaN"), json!("inf"), json!([1]), json!(true)] {
        let answer = patch(&id.to_string(), json!({ "duration_in_seconds": seconds })).expect(400);
        assert!(answer.json()["detail"].as_str().unwrap().starts_with("duration_in_seconds: "));
    }
    patch(&id.to_string(), json!({})).expect(400);
    for (body, words) in [
        (json!({ "asset": 1 }), "a session_id is required for this operation"),
        (json!({ "session": 1 }), "an asset_id is required for this operation"),
        (json!({ "session": 1, "asset": [1] }), "an asset_id is required for this operation"),
    ] {
        let answer = running.post_json("/api/2/listenevents/", &body).expect(400).json();
        assert_eq!(answer, json!({ "detail": words }));
    }
    let long = json!({ "session": 1, "asset": "x".repeat(70_000) });
    running.post_json("/api/2/listenevents/", &long).expect(400);
    assert_eq!(everything(&store).len(), 3);
}

#[test]
fn hearing_a_recording_does_not_end_what_was_chosen_to_be_heard() {
    let (running, store) = Running::in_memory();
    let log = |body: Value| running.post_json("/api/2/events/", &body).expect(200);
    log(json!({ "session_id": 7, "event_type": "modify_stream", "tag_ids": "3" }));
    let heard = json!({ "session": 7, "asset": 12 });
    let id = running.post_json("/api/2/listenevents/", &heard).json()["id"].clone();
    let path = format!("/api/2/listenevents/{id}");
    running
        .call(&Request::new("PATCH", &path).json(&json!({ "duration_in_seconds": 1 })))
        .expect(200);
    log(json!({ "session_id": 7, "event_type": "stop_stream" }));
    let events = everything(&store);
    let micros = |event: &Event| event.server_time.as_micros();
    let whole = micros(events.last().unwrap()) - micros(&events[0]);
    let report = store.ask(&analysis::Tags::new()).unwrap();
    assert_eq!((events.len(), report.listening_micros), (4, whole));
}

#[test]
fn calls_need_the_token_of_what_they_do_and_say_so_in_their_shapes() {
    let (write, read) = ("write-0123456789abcdef", "read-0123456789abcdef");
    let tokens = |token: &str| Some(Tokens::parse(token).unwrap());
    let settings = Settings::new().write_tokens(tokens(write)).read_tokens(tokens(read));
    let store = Store::in_memory().unwrap();
    let running = Running::start(store.clone(), settings);
    let log = Request::get(&format!("/roundware/?{CALL}"));
    let events = Request::get("/?operation=get_events&session_id=1");
    let event = json!({ "session_id": 1, "event_type": "x" });
    let create = Request::post("/api/2/events/").json(&event);
    let calls = [
        (log, write, "error_message"),
        (events, read, "error_message"),
        (create, write, "detail"),
        (Request::get("/api/2/events/"), read, "detail"),
        (Request::get("/api/2/events/1/"), read, "detail"),
        (Request::get("/api/1/rest/event/"), read, "detail"),
        (Request::post("/api/2/sessions/").json(&json!({})), write, "detail"),
        (Request::post("/api/2/users/").json(&json!({})), write, "detail"),
        (Request::post("/api/2/listenevents/").json(&json!({})), write, "detail"),
        (Request::new("PATCH", "/api/2/listenevents/1").json(&json!({})), write, "detail"),
    ];
    for (request, token, key) in calls {
        let other = if token == write { read } else { write };
        for refused in [request.clone(), request.clone().token(other), request.clone().token("x")] {
            let answer = running.call(&refused).expect(401);
            assert!(answer.json()[key].is_string(), "{request:?}");
            assert_eq!(answer.header("www-authenticate"), Some("Token"));
        }
        let allowed = request.clone().header("Authorization", &format!("token {token}"));
        assert_ne!(running.call(&allowed).status, 401, "{request:?}");
    }
    assert_eq!(everything(&store).len(), 3, "an event of each version and a session");
    let user = Request::post("/api/2/users/").json(&json!({})).token(write);
    let user = running.call(&user).expect(200).json();
    assert_eq!(user["token"], write, "a client goes on with what it is answered");
}

#[test]
fn a_page_of_another_origin_cannot_have_a_browser_log() {
    let (running, store) = Running::in_memory();
    let picture = Request::get(&format!("/?{CALL}")).header("Sec-Fetch-Site", "cross-site");
    let form = Request::post("/roundware/").form(CALL).header("Origin", "https://other.example");
    for request in [picture, form] {
        let answer = running.call(&request).expect(403).json();
        assert!(answer["error_message"].is_string(), "{answer}");
    }
    let own = Request::post("/").form(CALL).header("Origin", &running.url(""));
    assert_eq!(running.call(&own).text(), SUCCESS);
    assert_eq!(everything(&store).len(), 1);
}

#[test]
fn what_is_no_part_of_a_log_is_empty_or_not_there() {
    let (running, _store) = Running::in_memory();
    for list in ["assets", "audiotracks", "speakers", "timedassets"] {
        assert_eq!(
            running.get(&format!("/api/2/{list}/?project_id=1")).expect(200).json(),
            json!([])
        );
    }
    let choices = running.get("/api/2/projects/1/uiconfig/?session_id=1").expect(200).json();
    assert_eq!(choices, json!({ "listen": [], "speak": [] }));
    for path in ["/api/2/projects/1/", "/api/2/envelopes/", "/api/2/streams/", "/api/3/events/"] {
        running.get(path).expect(404);
    }
    running.call(&Request::new("DELETE", "/api/2/events/1/")).expect(405);
}

#[test]
fn a_nested_service_answers_below_its_path_with_links_that_hold_there() {
    let store = Store::in_memory().unwrap();
    store.log_events((0..5).map(|number| NewEvent::new(number, "x"))).unwrap();
    let running = Running::nested("/log", store.clone(), Settings::default());
    let answer = running.get("/log/api/2/events/?limit=2").expect(200);
    let link = answer.header("link").unwrap().to_owned();
    let next = link.trim_start_matches('<').split('>').next().unwrap();
    let next = running.get(&format!("/log/api/2/events/{next}")).expect(200).json();
    assert_eq!(next[0]["session_id"], 2);
    let list = running.get("/log/api/1/rest/event/?limit=2").expect(200).json();
    assert_eq!(list["meta"]["next"], "?limit=2&offset=2");
    for path in PATHS.iter().chain(&[""]) {
        let answer = running.get(&format!("/log{path}?{CALL}")).expect(200);
        assert_eq!(answer.text(), SUCCESS, "{path}");
    }
    assert_eq!(everything(&store).len(), 5 + PATHS.len() + 1);
}

/// What `curl` prints.
fn curl(arguments: &[&str]) -> String {
    let output =
        Command::new("curl").args(["--silent", "--show-error"]).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn curl_is_answered_as_the_documentation_of_the_api_says() {
    if Command::new("curl").arg("--version").output().is_err() {
        println!("skipped: curl is not installed");
        return;
    }
    let (running, store) = Running::in_memory();
    let url = |path: &str| running.url(path);
    assert_eq!(curl(&[&url(&format!("/roundware/?{CALL}"))]), SUCCESS);
    assert_eq!(curl(&[&url(&format!("/api/1/?{CALL}"))]), SUCCESS);
    assert_eq!(curl(&["--data", CALL, &url("/roundware/")]), SUCCESS);
    let words = "{\"error_message\": \"a session_id is required for this operation\"}";
    assert_eq!(curl(&[&url("/roundware/?operation=log_event")]), words);
    let listed: Value =
        serde_json::from_str(&curl(&[&url("/roundware/?operation=get_events&session_id=1")]))
            .unwrap();
    let events: Vec<Value> = everything(&store).iter().map(operation).collect();
    assert_eq!(listed, json!({ "number_of_events": 3, "events": events }));
    assert_eq!(curl(&[&url("/roundware/?operation=get_events")]), "{\"error\": \"no session_id\"}");
    let json = "Content-Type: application/json";
    let event = "{\"session_id\": 1, \"event_type\": \"modify_stream\", \"latitude\": 1.2345, \
                 \"longitude\": 1.2345, \"tag_ids\": \"3,8\"}";
    let logged = curl(&["--header", json, "--data", event, &url("/api/2/events/")]);
    let logged: Value = serde_json::from_str(&logged).unwrap();
    assert_eq!((&logged["latitude"], &logged["tag_ids"]), (&json!("1.2345"), &json!("3,8")));
    let one = curl(&[&url(&format!("/api/2/events/{}/", logged["id"]))]);
    assert_eq!(serde_json::from_str::<Value>(&one).unwrap(), logged);
    let all: Value = serde_json::from_str(&curl(&[&url("/api/2/events/?tag_ids=8,3")])).unwrap();
    assert_eq!(all, json!([logged]));
    let missing =
        curl(&["--header", json, "--data", "{\"event_type\": \"x\"}", &url("/api/2/events/")]);
    assert_eq!(missing, "{\"detail\": \"a session_id is required for this operation\"}");
    let list = curl(&[&url(
        "/api/1/rest/event/?server_time__gte=2020-01-01T00:00:00&server_time__lte=2100-01-01T00:00:00\
         &event_type=modify_stream&session=1",
    )]);
    let list: Value = serde_json::from_str(&list).unwrap();
    let meta =
        json!({ "limit": 20, "next": null, "offset": 0, "previous": null, "total_count": 4 });
    assert_eq!((&list["meta"], list["objects"].as_array().map(Vec::len)), (&meta, Some(4)));
    let user = curl(&[
        "--header",
        json,
        "--data",
        "{\"device_id\": \"1\", \"client_type\": \"web\"}",
        &url("/api/2/users/"),
    ]);
    let user: Value = serde_json::from_str(&user).unwrap();
    let token = format!("Authorization: token {}", user["token"].as_str().unwrap());
    let start = "{\"project_id\": 1, \"geo_listen_enabled\": false, \"client_system\": \"curl\"}";
    let session =
        curl(&["--header", json, "--header", &token, "--data", start, &url("/api/2/sessions/")]);
    let session: Value = serde_json::from_str(&session).unwrap();
    let heard = format!(
        "{{\"starttime\": \"2026-11-23T10:00:00Z\", \"session\": {}, \"asset\": 5}}",
        session["id"]
    );
    let heard = curl(&["--header", json, "--data", &heard, &url("/api/2/listenevents/")]);
    let id = serde_json::from_str::<Value>(&heard).unwrap()["id"].clone();
    let path = url(&format!("/api/2/listenevents/{id}"));
    let ended = curl(&[
        "--request",
        "PATCH",
        "--header",
        json,
        "--data",
        "{\"duration_in_seconds\": 2}",
        &path,
    ]);
    assert_eq!(serde_json::from_str::<Value>(&ended).unwrap()["duration_in_seconds"], 2.0);
    assert_eq!(store.count(&Filter::session(session["id"].as_u64().unwrap())).unwrap(), 3);
}
