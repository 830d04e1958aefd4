//! Goal: whatever clients and the disk do, the service answers the others, takes no more memory than it may, says
//! what has become of what it was given, and loses nothing that it has answered for.
//!
//! Method: a service on a port of its own is asked over plain sockets, by clients that are slow, silent, gone, many or
//! strangers. Commits are held up by a clock that stands until it is let go, which the writer asks before it writes;
//! disks fail as `FaultyStorage` does.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::num::NonZeroU32;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use diurnal::http::{Settings, Tokens};
use diurnal::testing::{Fault, FaultyStorage};
use diurnal::{Clock, ErrorKind, Filter, Query, Store, Timestamp};

use serde_json::json;

use crate::common::{at, day, everything};
use crate::service::{Answer, Connection, Request, Running};

/// Patience of a service whose clients try it.
const SHORT: Duration = Duration::from_millis(500);
/// What an answer to somebody else may take meanwhile, on a busy machine.
const PROMPT: Duration = Duration::from_secs(10);
const WRITER: &str = "0123456789abcdef";
const READER: &str = "fedcba9876543210";

/// A clock whose hands can be held: who asks the time waits until they are let go.
#[derive(Clone, Default)]
struct Gate {
    held: Arc<(Mutex<bool>, Condvar)>,
}

impl Gate {
    fn hold(&self, held: bool) {
        *self.held.0.lock().unwrap() = held;
        self.held.1.notify_all();
    }
}

impl Clock for Gate {
    fn now(&self) -> Timestamp {
        let held = self.held.0.lock().unwrap();
        drop(self.held.1.wait_while(held, |held| *held).unwrap());
        at(day("2026-11-23"), 0)
    }
}

/// Lets go when a test ends early, so that the service can.
impl Drop for Gate {
    fn drop(&mut self) {
        if std::thread::panicking() {
            *self.held.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = false;
            self.held.1.notify_all();
        }
    }
}

fn gated(settings: Settings) -> (Running, Store, Gate) {
    let gate = Gate::default();
    let store = Store::builder().clock(gate.clone()).in_memory().unwrap();
    (Running::start(store.clone(), settings), store, gate)
}

fn short() -> (Running, Store) {
    let store = Store::in_memory().unwrap();
    (Running::start(store.clone(), Settings::new().patience(SHORT)), store)
}

fn log_call(data: &str) -> Request {
    let form = format!("operation=log_event&session_id=1&event_type=heartbeat&data={data}");
    Request::post("/").form(&form)
}

/// Somebody else is answered, promptly.
#[track_caller]
fn assert_prompt(running: &Running) {
    let began = Instant::now();
    running.call(&log_call("prompt")).expect(200);
    assert!(began.elapsed() < PROMPT, "{:?}", began.elapsed());
}

fn stream_to(running: &Running) -> TcpStream {
    let stream = TcpStream::connect(running.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(300))).unwrap();
    stream
}

/// What is still said until the other end closes.
fn last_words(stream: &mut TcpStream) -> String {
    let mut said = Vec::new();
    // A reset is an end as well.
    let _ = stream.read_to_end(&mut said);
    String::from_utf8_lossy(&said).into_owned()
}

/// A number of the metrics.
fn metric(running: &Running, name: &str) -> f64 {
    let metrics = running.get("/metrics").expect(200);
    let line = metrics.text().lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
    line.unwrap_or_else(|| panic!("no {name} in {}", metrics.text())).parse().unwrap()
}

/// Waits until no connection is left but the one that asks.
fn wait_until_alone(running: &Running) {
    let began = Instant::now();
    while metric(running, "diurnal_connections") > 1.0 {
        assert!(began.elapsed() < Duration::from_secs(120), "connections are left");
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

#[test]
fn slow_heads_and_slow_bodies_end_and_keep_nobody_waiting() {
    let (running, store) = short();
    let heads = (0..50).map(|_| (stream_to(&running), "GET /healthz HTTP/1.1\r\nHost: x\r\nA: b"));
    let body = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\
                Content-Type: application/x-www-form-urlencoded\r\n\r\noperation=log_event&data=";
    let bodies = (0..50).map(|_| (stream_to(&running), body));
    let mut slow: Vec<_> = heads.chain(bodies).collect();
    for (stream, opening) in &mut slow {
        stream.write_all(opening.as_bytes()).unwrap();
    }
    for _ in 0..10 {
        assert_prompt(&running);
        for (stream, _) in &mut slow {
            // Once the service has closed it, this fails.
            let _ = stream.write_all(b"x");
        }
        std::thread::park_timeout(SHORT / 5);
    }
    for (mut stream, opening) in slow {
        let said = last_words(&mut stream);
        let is_body = opening.starts_with("POST");
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 408"), "{is_body}: {said}");
    }
    wait_until_alone(&running);
    assert_eq!(store.count(&Filter::All).unwrap(), 10, "what came whole, and nothing else");
}

#[test]
fn silent_connections_are_closed_and_those_over_the_limit_wait_their_turn() {
    let settings = Settings::new().patience(SHORT).connections(4);
    let running = Running::start(Store::in_memory().unwrap(), settings);
    let mut silent: Vec<_> = (0..4).map(|_| stream_to(&running)).collect();
    let mut kept = running.connect();
    let began = Instant::now();
    kept.call(&Request::get("/healthz")).expect(200);
    assert!(began.elapsed() >= SHORT / 2, "it was answered before its turn: {:?}", began.elapsed());
    assert!(silent.iter_mut().all(|stream| last_words(stream).is_empty()));
    std::thread::park_timeout(SHORT * 3);
    assert!(last_words(&mut stream_to(&running)).is_empty(), "one that asks nothing is closed");
    wait_until_alone(&running);
}

#[test]
fn one_that_is_answered_makes_way_for_one_that_waits() {
    let settings = Settings::new().patience(Duration::from_secs(120)).connections(2);
    let running = Running::start(Store::in_memory().unwrap(), settings);
    let health = Request::get("/healthz");
    let mut kept = [running.connect(), running.connect()];
    for connection in &mut kept {
        assert_eq!(connection.call(&health).expect(200).header("connection"), None);
    }
    let mut waiting = running.connect();
    waiting.send(&health);
    let [first, second] = &mut kept;
    let asked_to_go = (0..100).any(|_| {
        std::thread::park_timeout(SHORT / 100);
        first.call(&health).expect(200).header("connection") == Some("close")
    });
    assert!(asked_to_go, "the one that waits was not noticed");
    waiting.answer(true).expect(200);
    for connection in [second, &mut waiting] {
        let answer = connection.call(&health).expect(200);
        assert_eq!(answer.header("connection"), None, "nobody waits any more");
    }
}

#[test]
fn a_reader_that_stops_is_let_go_and_keeps_nobody_waiting() {
    let (running, _store) = short();
    let readers: Vec<_> = (0..4).map(|_| stream_to(&running)).collect();
    let threads: Vec<_> = readers
        .into_iter()
        .map(|mut stream| {
            std::thread::spawn(move || {
                let call = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".repeat(500);
                // It asks and asks and reads nothing, until the service has had enough.
                while stream.write_all(call.as_bytes()).is_ok() {}
            })
        })
        .collect();
    for _ in 0..5 {
        assert_prompt(&running);
        std::thread::park_timeout(SHORT / 5);
    }
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    wait_until_alone(&running);
}

#[test]
fn a_client_that_dies_in_the_middle_harms_nobody() {
    let (running, store) = short();
    let whole = log_call("whole").bytes(running.address);
    for end in (0..whole.len()).step_by(7) {
        let mut stream = stream_to(&running);
        stream.write_all(&whole[..end]).unwrap();
        if end % 2 == 0 {
            stream.shutdown(Shutdown::Both).unwrap();
        }
        // The other half hangs up without a word, as a process that is killed does.
        drop(stream);
    }
    let mut gone = stream_to(&running);
    gone.write_all(&whole).unwrap();
    drop(gone);
    assert_prompt(&running);
    wait_until_alone(&running);
    let count = store.count(&Filter::All).unwrap();
    assert!((1..=2).contains(&count), "whole requests alone are logged: {count}");
}

#[test]
fn what_is_too_large_is_refused_with_the_right_words() {
    let (running, store) = Running::in_memory();
    let data = "x".repeat(2 * 1024 * 1024);
    running.call(&log_call(&data)).expect(413);
    let status = |head: &str| {
        let mut stream = stream_to(&running);
        // It may be refused before all of it is sent.
        let _ = stream.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes());
        let said = last_words(&mut stream);
        said.split(' ').nth(1).unwrap_or_default().to_owned()
    };
    let data = "x".repeat(70_000);
    let address = format!("/?operation=log_event&session_id=1&event_type=e&data={data}");
    assert_eq!(status(&format!("GET {address} HTTP/1.1\r\nHost: x\r\n")), "414");
    let large = format!("GET /healthz HTTP/1.1\r\nHost: x\r\nA: {}\r\n", "x".repeat(200_000));
    assert_eq!(status(&large), "431");
    let many = "A: b\r\n".repeat(200);
    assert_eq!(status(&format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{many}")), "431");
    assert_eq!(status("GET /healthz HTTP/1.1\r\nHost x\r\n"), "400");
    assert_eq!(status("GET /healthz HTTP/1.1\r\nHost: x\r\n"), "200");
    assert_eq!(store.count(&Filter::All).unwrap(), 0);
    assert_prompt(&running);
}

#[test]
fn a_client_that_asks_too_often_is_told_when_to_come_again() {
    let settings = Settings::new().requests_per_second(NonZeroU32::new(2));
    let running = Running::start(Store::in_memory().unwrap(), settings);
    let mut connection = running.connect();
    let call = Request::get("/healthz");
    let refused = (0..20).map(|_| connection.call(&call)).find(|answer| answer.status == 429);
    let refused = refused.expect("20 requests in no time are too many");
    let seconds: u64 = refused.header("Retry-After").unwrap().parse().unwrap();
    assert!((1..=2).contains(&seconds), "{seconds}");
    assert_eq!(refused.json()["error"]["kind"], "too_many_requests");
    std::thread::park_timeout(Duration::from_secs(seconds));
    connection.call(&call).expect(200);
}

#[test]
fn tokens_of_one_kind_do_not_open_the_other_door() {
    let tokens = |token| Some(Tokens::parse(token).unwrap());
    let settings = Settings::new().write_tokens(tokens(WRITER)).read_tokens(tokens(READER));
    let running = Running::start(Store::in_memory().unwrap(), settings);
    let metrics = Request::get("/metrics");
    for token in [None, Some(WRITER), Some("0123456789abcdeg"), Some("")] {
        let with = |call: &Request| token.map_or(call.clone(), |token| call.clone().token(token));
        running.call(&with(&metrics)).expect(401);
        let logged = running.call(&with(&log_call("x")));
        assert_eq!(logged.status, if token == Some(WRITER) { 200 } else { 401 }, "{token:?}");
    }
    running.call(&metrics.clone().token(READER)).expect(200);
    running.call(&log_call("x").token(READER)).expect(401);
    running.call(&log_call("x").header("Authorization", &format!("token {WRITER}"))).expect(200);
    running.call(&log_call("x").header("Authorization", &format!("Basic {WRITER}"))).expect(401);
    running.get("/healthz").expect(200);
    running.get("/readyz").expect(200);
}

#[test]
fn pages_elsewhere_may_call_only_where_they_are_allowed() {
    let settings = Settings::new().origins(vec!["https://walk.example".to_owned()]);
    let store = Store::in_memory().unwrap();
    let running = Running::start(store.clone(), settings);
    let preflight = |origin: &str| {
        let call = Request::new("OPTIONS", "/api/2/events/").header("Origin", origin);
        running.call(&call.header("Access-Control-Request-Method", "POST"))
    };
    let allowed = |answer: &Answer| answer.header("Access-Control-Allow-Origin").map(str::to_owned);
    assert_eq!(allowed(&preflight("https://walk.example")).unwrap(), "https://walk.example");
    assert_eq!(allowed(&preflight("https://evil.example")), None);
    let from = |origin: &str| running.call(&log_call("x").header("Origin", origin));
    assert_eq!(allowed(&from("https://walk.example").expect(200)).unwrap(), "https://walk.example");
    assert_eq!(allowed(&from("https://evil.example").expect(403)), None);
    from(&format!("http://{}", running.address)).expect(200);
    let picture = Request::get("/?operation=log_event&session_id=1&event_type=heartbeat");
    running.call(&picture.header("Sec-Fetch-Site", "cross-site")).expect(403);
    assert_eq!(store.count(&Filter::All).unwrap(), 2);
    let open = Settings::new().origins(vec!["*".to_owned()]);
    let running = Running::start(Store::in_memory().unwrap(), open);
    let answer = running.call(&log_call("x").header("Origin", "https://evil.example"));
    assert_eq!(allowed(&answer.expect(200)).unwrap(), "*");
}

#[test]
fn a_foreign_name_is_refused_where_names_are_given() {
    let settings = Settings::new().hosts(vec!["kiosk.example".to_owned(), "[::1]".to_owned()]);
    let running = Running::start(Store::in_memory().unwrap(), settings);
    let with = |host: &str| running.call(&Request::get("/healthz").header("Host", host)).status;
    for host in ["kiosk.example", "Kiosk.Example:8888", "[::1]:80"] {
        assert_eq!(with(host), 200, "{host}");
    }
    for host in ["127.0.0.1", "evil.example", "kiosk.example.evil.example", "", "[::2]", "::1"] {
        assert_eq!(with(host), 421, "{host}");
    }
    let mut stream = stream_to(&running);
    let whole = "GET http://evil.example/healthz HTTP/1.1\r\nHost: kiosk.example\r\n\
                 Connection: close\r\n\r\n";
    stream.write_all(whole.as_bytes()).unwrap();
    assert!(last_words(&mut stream).starts_with("HTTP/1.1 421"), "a whole address goes first");
}

#[test]
fn every_answer_has_the_headers_that_keep_browsers_safe() {
    let tokens = Some(Tokens::parse(READER).unwrap());
    let settings = Settings::new()
        .patience(Duration::from_secs(2))
        .read_tokens(tokens)
        .hosts(vec!["kiosk".to_owned()]);
    let running = Running::start(Store::in_memory().unwrap(), settings);
    let named = |call: Request| running.call(&call.header("Host", "kiosk"));
    let slow = Request::post("/")
        .header("Content-Length", "10")
        .header("Content-Type", "application/x-www-form-urlencoded");
    let answers = [
        (200, named(Request::get("/healthz"))),
        (200, named(log_call("x"))),
        (200, named(Request::get("/?operation=log_event"))),
        (400, named(Request::post("/api/2/events/").json(&json!({ "session_id": 1 })))),
        (401, named(Request::get("/metrics"))),
        (403, named(log_call("x").header("Origin", "https://evil.example"))),
        (404, named(Request::get("/nothing"))),
        (405, named(Request::new("DELETE", "/healthz"))),
        (408, named(slow)),
        (413, named(log_call(&"x".repeat(2 * 1024 * 1024)))),
        (421, running.get("/healthz")),
    ];
    for (status, answer) in answers {
        assert_eq!(answer.status, status, "{}", answer.text());
        for (name, value) in [
            ("X-Content-Type-Options", "nosniff"),
            ("X-Frame-Options", "DENY"),
            ("Referrer-Policy", "no-referrer"),
            ("Cache-Control", "no-store"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{status}: {name}");
        }
        assert!(answer.header("Content-Security-Policy").is_some(), "{status}");
        assert!(answer.header("Server").is_none(), "{status}");
    }
}

/// Data of an event, and more events with it than there is room for.
const LARGE_BYTES: usize = 60_000;
const MANY: usize = 400;

/// Sends more events than there is room for while the clock is held; the answers, as they come.
fn crowd(running: &Running) -> Receiver<Answer> {
    let call = log_call(&"x".repeat(LARGE_BYTES));
    let (sender, answers) = channel();
    for _ in 0..MANY {
        let (sender, mut connection, call) = (sender.clone(), running.connect(), call.clone());
        std::thread::spawn(move || sender.send(connection.call(&call)));
    }
    answers
}

#[test]
fn where_commits_are_held_up_what_does_not_fit_is_refused_and_the_rest_is_logged() {
    let (running, store, gate) = gated(Settings::new().patience(Duration::from_secs(120)));
    gate.hold(true);
    let answers = crowd(&running);
    // The writer has some of them; more than 16 MiB of others do not fit.
    let refused: Vec<Answer> = answers.iter().take(100).collect();
    for answer in &refused {
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert!(answer.header("Retry-After").is_some());
    }
    assert!(metric(&running, "diurnal_queue_bytes") <= f64::from(16 * 1024 * 1024));
    running.get("/healthz").expect(200);
    gate.hold(false);
    let rest: Vec<Answer> = answers.iter().collect();
    let logged = rest.iter().filter(|answer| answer.status == 200).count();
    assert!(rest.iter().all(|answer| matches!(answer.status, 200 | 503)));
    assert!(rest.len() == 300 && logged > 200, "{logged} of {}", rest.len());
    assert_eq!(store.count(&Filter::All).unwrap(), logged as u64);
    assert_prompt(&running);
}

#[test]
fn a_call_that_finds_no_room_is_told_so_in_its_own_shape_and_is_not_logged() {
    let (running, store, gate) = gated(Settings::new().patience(Duration::from_secs(120)));
    gate.hold(true);
    let answers = crowd(&running);
    let mut given = vec![answers.recv().unwrap().expect(503)];
    let data = "y".repeat(LARGE_BYTES);
    let address = format!("?operation=log_event&session_id=2&event_type=x&data={data}");
    let event = json!({ "session_id": 2, "event_type": "x", "data": data });
    let heard = json!({ "session": 2, "asset": data });
    for (request, key) in [
        (Request::get(&format!("/{address}")), "error_message"),
        (Request::post(&format!("/roundware/{address}")), "error_message"),
        (Request::post("/api/2/events/").json(&event), "detail"),
        (Request::post("/api/2/listenevents/").json(&heard), "detail"),
    ] {
        let answer = running.call(&request).expect(503);
        assert_eq!(answer.json(), json!({ key: "too many events wait to be logged" }));
        assert_eq!(answer.header("Retry-After"), Some("1"), "{key}");
    }
    gate.hold(false);
    given.extend(answers);
    assert_eq!(given.len(), MANY);
    let logged = given.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(store.count(&Filter::All).unwrap(), logged as u64);
    assert_eq!(store.count(&Filter::session(2)).unwrap(), 0);
}

#[test]
fn a_call_that_is_given_up_while_it_is_logged_does_not_say_that_it_was_not() {
    let (running, store, gate) = gated(Settings::new().patience(SHORT));
    gate.hold(true);
    let answer = running.call(&log_call("late")).expect(503);
    assert!(answer.text().contains("may have been logged"), "{}", answer.text());
    assert!(answer.header("Retry-After").is_some());
    gate.hold(false);
    assert_prompt(&running);
    let found: Vec<_> = store.query(&Query::new()).unwrap().map(|it| it.unwrap().data).collect();
    assert_eq!(found, [Some("late".to_owned()), Some("prompt".to_owned())]);
    drop(running);
}

#[test]
fn an_event_that_breaks_a_rule_is_refused_alone() {
    let gate = Gate::default();
    let store = Store::builder().clock(gate.clone()).data_bytes_max(100).in_memory().unwrap();
    let running = Running::start(store.clone(), Settings::new().patience(Duration::from_secs(120)));
    gate.hold(true);
    // While the first is held up the others wait together.
    let texts = ["first", "second", &"x".repeat(101), "third"];
    let mut connections: Vec<Connection> = texts.iter().map(|_| running.connect()).collect();
    for (connection, text) in connections.iter_mut().zip(texts) {
        let event = json!({ "session_id": 1, "event_type": "heartbeat", "data": text });
        connection.send(&Request::post("/api/2/events/").json(&event));
    }
    let refused = connections[2].answer(true).expect(400);
    assert!(refused.text().contains("data: must be at most 100 bytes"), "{}", refused.text());
    gate.hold(false);
    for place in [0, 1, 3] {
        connections[place].answer(true).expect(200);
    }
    assert_eq!(store.count(&Filter::All).unwrap(), 3);
}

#[test]
fn a_store_that_fails_ends_the_service_with_its_reason_and_loses_nothing_acknowledged() {
    let disk = FaultyStorage::new();
    let store = Store::builder().free_bytes_min(0).open_on(&disk).unwrap();
    let running = Running::start(store.clone(), Settings::default());
    let mut acknowledged = 0;
    for number in 0..20 {
        acknowledged += u64::from(running.call(&log_call(&number.to_string())).status == 200);
    }
    running.get("/readyz").expect(200);
    disk.fail(Fault::io(disk.operations()).for_good());
    let answer = running.call(&log_call("lost"));
    assert_eq!(answer.status, 503, "{}", answer.text());
    let error = running.ended().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::OutcomeUnknown | ErrorKind::Poisoned), "{error}");
    // It has failed as well, and says nothing new.
    let _ = store.close();
    disk.mend();
    let store = Store::builder().open_on(&disk).unwrap();
    let count = store.count(&Filter::All).unwrap();
    assert!((acknowledged..=acknowledged + 1).contains(&count), "{count} of {acknowledged}");
    assert_eq!(acknowledged, 20);
}

#[test]
fn a_full_disk_is_said_so_and_the_service_goes_on_with_all_it_has_answered_for() {
    let disk = FaultyStorage::new();
    let store = Store::builder().open_on(&disk).unwrap();
    let running = Running::start(store.clone(), Settings::default());
    running.call(&log_call("before")).expect(200);
    disk.set_capacity_bytes(Some(disk.used_bytes() + 1024 * 1024));
    let answer = running.call(&log_call("full")).expect(507);
    assert!(answer.text().contains("not logged"), "{}", answer.text());
    running.get("/healthz").expect(200);
    disk.set_capacity_bytes(None);
    running.call(&log_call("room")).expect(200);
    let found: Vec<_> = everything(&store).into_iter().map(|event| event.data.unwrap()).collect();
    assert_eq!(found, ["before", "room"]);
}

#[test]
fn a_graceful_end_answers_what_was_asked() {
    let (running, store, gate) = gated(Settings::new().patience(Duration::from_secs(60)));
    gate.hold(true);
    let mut asked: Vec<Connection> = (0..20).map(|_| running.connect()).collect();
    asked.iter_mut().for_each(|connection| connection.send(&log_call("x")));
    let mut silent = stream_to(&running);
    while metric(&running, "diurnal_connections") < 22.0 {
        std::thread::park_timeout(Duration::from_millis(10));
    }
    // Each has been read by now, or is read before its connection is closed.
    std::thread::park_timeout(Duration::from_millis(500));
    let ending = std::thread::spawn(move || running.stop());
    assert!(last_words(&mut silent).is_empty(), "one that has asked nothing is closed");
    gate.hold(false);
    for mut connection in asked {
        connection.answer(true).expect(200);
    }
    let began = Instant::now();
    ending.join().unwrap().unwrap();
    assert!(began.elapsed() < PROMPT, "nothing else is waited for: {:?}", began.elapsed());
    assert_eq!(store.count(&Filter::All).unwrap(), 20);
    store.close().unwrap();
}

#[test]
fn the_end_waits_for_nobody_longer_than_the_patience() {
    let (running, _store) = short();
    let mut slow = stream_to(&running);
    slow.write_all(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n").unwrap();
    running.get("/healthz").expect(200);
    let began = Instant::now();
    running.stop().unwrap();
    assert!(began.elapsed() < PROMPT, "{:?}", began.elapsed());
}

#[test]
fn metrics_do_not_grow_with_what_clients_make_up() {
    let (running, _store) = Running::in_memory();
    let mut connection = running.connect();
    connection.call(&Request::get("/nothing")).expect(404);
    connection.call(&Request::new("FIRST", "/healthz")).expect(405);
    let lines = |running: &Running| running.get("/metrics").text().lines().count();
    let before = lines(&running).max(lines(&running));
    for number in 0..200 {
        connection.call(&Request::get(&format!("/nothing/{number}?{number}={number}"))).expect(404);
        connection.call(&Request::new(&format!("M{number}"), "/healthz")).expect(405);
    }
    assert_eq!(lines(&running), before);
}

#[test]
fn nothing_of_a_client_but_what_it_sends_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let running = Running::start(Store::open(directory.path()).unwrap(), Settings::default());
    let call =
        log_call("x").header("X-Forwarded-For", "198.51.100.77").header("User-Agent", "phone-9");
    running.call(&call).expect(200);
    let port = {
        let stream = stream_to(&running);
        stream.local_addr().unwrap().ip().to_string()
    };
    running.stop().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let event = store.query(&Query::new()).unwrap().next().unwrap().unwrap();
    assert_eq!((event.data.as_deref(), event.client_time, event.tags.len()), (Some("x"), None, 0));
    store.close().unwrap();
    let mut folders = vec![directory.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            for word in [port.as_str(), "198.51.100.77", "phone-9"] {
                let found = bytes.windows(word.len()).any(|window| window == word.as_bytes());
                assert!(!found, "{} has {word}", path.display());
            }
        }
    }
}
