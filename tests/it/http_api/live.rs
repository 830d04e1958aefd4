//! Goal: who follows `/v1/live` is sent each matching event once it is durable, and goes on after an interruption
//! where it was; those who follow are bounded, and none of them keeps the service from ending.
//!
//! Method: streams are read over sockets while the test logs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use std::io;
use std::time::{Duration, Instant};

use diurnal::http::Settings;
use diurnal::{EventId, Filter, NewEvent, Store};
use serde_json::Value;

use crate::service::{Body, Request, Running};

/// A message of a stream.
#[derive(Debug, Default)]
struct Message {
    id: Option<String>,
    event: String,
    data: Value,
}

impl Message {
    fn ids(&self) -> Vec<u64> {
        assert_eq!(self.event, "events");
        self.data.as_array().unwrap().iter().map(|event| event["id"].as_u64().unwrap()).collect()
    }
}

/// The next message; `None` once the stream has ended.
fn next(body: &mut Body) -> Option<Message> {
    try_next(body).unwrap()
}

/// The next message of a stream that may be broken off.
fn try_next(body: &mut Body) -> io::Result<Option<Message>> {
    let mut message = Message::default();
    loop {
        let Some(line) = body.line()? else { return Ok(None) };
        match line.split_once(": ") {
            Some(("id", id)) => message.id = Some(id.to_owned()),
            Some(("event", event)) => message.event = event.to_owned(),
            Some(("data", data)) => message.data = serde_json::from_str(data).unwrap(),
            Some(("retry", _)) => {}
            None if line.is_empty() && message.event.is_empty() => {}
            None if line.is_empty() => return Ok(Some(message)),
            _ => assert!(line.starts_with(':'), "{line}"),
        }
    }
}

/// Ids of as many events as there are to be.
fn ids(body: &mut Body, count: usize) -> (Vec<u64>, String) {
    let (mut found, mut last) = (Vec::new(), String::new());
    while found.len() < count {
        let message = next(body).expect("more events");
        found.extend(message.ids());
        last = message.id.unwrap();
    }
    (found, last)
}

fn log(store: &Store, session: u64, count: usize) -> Vec<u64> {
    let events = (0..count).map(|_| NewEvent::new(session, "heartbeat"));
    store.log_events(events).unwrap().into_iter().map(EventId::as_u64).collect()
}

fn follow(running: &Running, path: &str) -> Body {
    let (answer, mut body) = running.open(&Request::get(path));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    assert!(next(&mut body).unwrap().ids().is_empty(), "first the position");
    body
}

#[test]
fn events_come_as_they_are_logged_and_who_comes_again_goes_on() {
    let (running, store) = Running::in_memory();
    log(&store, 1, 3);
    let (answer, mut body) = running.open(&Request::get("/v1/live"));
    assert_eq!(answer.status, 200);
    let first = next(&mut body).unwrap();
    assert!(first.ids().is_empty());
    let begin = first.id.unwrap();
    let new = log(&store, 1, 700);
    let (some, position) = ids(&mut body, 1);
    assert_eq!(some, new[..some.len()]);
    drop(body);
    // By the header, which a browser sends, and by the parameter.
    let header = Request::get("/v1/live").header("Last-Event-ID", &position);
    let header = header.clone().header("X-Nothing", "1");
    let (_, mut body) = running.open(&header);
    assert_eq!(ids(&mut body, new.len() - some.len()).0, new[some.len()..]);
    let mut body = follow(&running, &format!("/v1/live?after={position}"));
    assert_eq!(ids(&mut body, new.len() - some.len()).0, new[some.len()..]);
    // The header goes before the parameter.
    let both = Request::get(&format!("/v1/live?after={position}")).header("Last-Event-ID", &begin);
    let (_, mut body) = running.open(&both);
    assert_eq!(ids(&mut body, new.len()).0, new);
}

#[test]
fn only_what_matches_comes() {
    let (running, store) = Running::in_memory();
    let filter = serde_json::to_string(&Filter::session(2)).unwrap();
    let filter: String = form_urlencoded::byte_serialize(filter.as_bytes()).collect();
    let mut body = follow(&running, &format!("/v1/live?filter={filter}"));
    let mut wanted = Vec::new();
    for _ in 0..5 {
        log(&store, 1, 3);
        wanted.extend(log(&store, 2, 2));
    }
    assert_eq!(ids(&mut body, wanted.len()).0, wanted);
    for wrong in ["filter=%7B", "filter=nothing", "after=x", "befor=1", "filter=%22none%22"] {
        let answer = running.get(&format!("/v1/live?{wrong}"));
        assert_eq!(answer.json()["error"]["kind"], "invalid_input", "{wrong}");
    }
    let wrong = Request::get("/v1/live").header("Last-Event-ID", "nothing of ours");
    assert_eq!(running.call(&wrong).status, 400);
}

#[test]
fn as_many_follow_as_may_and_a_place_is_free_once_one_has_gone() {
    let store = Store::in_memory().unwrap();
    let running = Running::start(store, Settings::default().followers(2));
    let bodies = [follow(&running, "/v1/live"), follow(&running, "/v1/live")];
    let busy = running.get("/v1/live").expect(503);
    assert_eq!(busy.json()["error"]["kind"], "busy");
    assert!(busy.header("retry-after").is_some());
    drop(bodies);
    let free = (0..600).find(|_| {
        std::thread::park_timeout(Duration::from_millis(50));
        running.open(&Request::get("/v1/live")).0.status == 200
    });
    assert!(free.is_some());
}

#[test]
fn a_follower_that_takes_nothing_is_let_go_and_others_are_not_held_up() {
    let store = Store::in_memory().unwrap();
    let settings = Settings::default().patience(Duration::from_secs(2));
    let running = Running::start(store.clone(), settings);
    let mut slow = follow(&running, "/v1/live");
    let mut quick = follow(&running, "/v1/live");
    let large = "x".repeat(60_000);
    let mut wanted = 0;
    let begun = Instant::now();
    // More than what sockets hold.
    for _ in 0..20 {
        let events = (0..32).map(|_| NewEvent::new(1, "client_error").data(large.as_str()));
        wanted += store.log_events(events).unwrap().len();
        ids(&mut quick, 32);
    }
    while begun.elapsed() < Duration::from_secs(5) {
        std::thread::park_timeout(Duration::from_millis(100));
    }
    let mut seen = 0;
    while let Ok(Some(message)) = try_next(&mut slow) {
        seen += message.ids().len();
    }
    assert!(seen < wanted, "{seen} of {wanted} came");
}

#[test]
fn streams_end_with_the_service_and_the_store_is_free() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let running = Running::start(store, Settings::default());
    let mut bodies: Vec<Body> = (0..3).map(|_| follow(&running, "/v1/live")).collect();
    let begun = Instant::now();
    let stopped = std::thread::spawn(move || running.stop());
    for body in &mut bodies {
        assert!(next(body).is_none(), "an end, not a broken stream");
    }
    stopped.join().unwrap().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    Store::open(directory.path()).unwrap();
}

#[test]
fn a_store_that_another_process_writes_can_be_followed() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    log(&store, 1, 1);
    let reader = Store::open_read_only(directory.path()).unwrap();
    let running = Running::start(reader, Settings::default());
    let mut body = follow(&running, "/v1/live");
    let logged = log(&store, 1, 5);
    assert_eq!(ids(&mut body, 5).0, logged);
}
