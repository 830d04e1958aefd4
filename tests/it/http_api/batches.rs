//! Goal: a batch is logged line by line as the library would log it, whatever it is packed in; each line has its
//! outcome; what is too large, hostile or broken is refused and takes no memory.
//!
//! Method: bodies are built by hand and sent over a socket; the store says what was logged.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use std::io::Write;
use std::time::Duration;

use diurnal::http::Settings;
use diurnal::testing::{Fault, FaultyStorage};
use diurnal::{Filter, NewEvent, Store};
use serde_json::{Value, json};

use crate::common::{day, everything, noon};
use crate::service::{Answer, Request, Running, batch, ids, lines};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

#[test]
fn each_line_has_its_outcome() {
    let (running, store) = Running::in_memory();
    let body = concat!(
        "{\"session_id\":1,\"event_type\":\"start_session\"}\r\n",
        "\n",
        "{\"event_type\":\"heartbeat\"}\n",
        "  \t \n",
        "{\"session_id\":\"2\",\"event_type\":\"modify_stream\",\"tag_ids\":\"3,8\",\"latitude\":1.5,\"longitude\":2}\n",
        "{\"session_id\":1,\n",
        "{\"session_id\":1,\"event_type\":\"x\",\"server_time\":\"2026-11-23T10:00:00Z\"}\n",
        "{\"session_id\":1,\"event_type\":\"x\",\"latitude\":91,\"longitude\":2}\n",
        "[1,2]\n",
        "\u{0}\n",
        "{\"session_id\":1,\"event_type\":\"stop_session\",\"id\":7,\"more\":[{}]}",
    );
    let answer = running.call(&batch(body)).expect(200);
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
    let outcomes = answer.lines();
    let of_line = |line: u64| outcomes.iter().find(|it| it["line"] == line);
    assert_eq!(outcomes.len(), 9);
    let logged = everything(&store);
    assert_eq!(logged.len(), 3);
    for (line, event) in [1, 5, 11].into_iter().zip(&logged) {
        assert_eq!(of_line(line), Some(&json!({ "line": line, "id": event.id })));
    }
    assert_eq!(logged[1].tags, ["3", "8"]);
    let refused = [
        (3, "session_id: is required for an event"),
        (6, "column 16: EOF while parsing"),
        (7, "server_time: is set by the service"),
        (8, "latitude: must be a number within"),
        (9, "invalid type: sequence"),
        (10, "column 1: expected value"),
    ];
    for (line, message) in refused {
        let outcome = of_line(line).unwrap();
        assert_eq!(outcome["error"]["kind"], "invalid_input", "{outcome}");
        let said = outcome["error"]["message"].as_str().unwrap();
        assert!(said.starts_with(message), "line {line}: {said}");
        assert!(outcome.get("id").is_none());
    }
    assert_eq!(of_line(2), None, "blank lines have none");
    assert_eq!(running.call(&batch("")).expect(200).text(), "");
    assert_eq!(running.call(&batch("\n\n")).expect(200).text(), "");
}

#[test]
fn a_batch_is_logged_in_order_however_it_is_packed() {
    let body = lines(10_000);
    let zstd = zstd::encode_all(body.as_bytes(), 3).unwrap();
    let two = [gzip(&body.as_bytes()[..5_000]), gzip(&body.as_bytes()[5_000..])].concat();
    let packed = [
        ("identity", body.clone().into_bytes()),
        ("gzip", gzip(body.as_bytes())),
        ("GZip", two),
        ("zstd", zstd),
    ];
    for (name, bytes) in packed {
        let (running, store) = Running::in_memory();
        let answer = running.call(&batch(bytes).header("Content-Encoding", name));
        let given = ids(&answer);
        assert_eq!(given.len(), 10_000, "{name}");
        let logged = everything(&store);
        assert!(logged.iter().map(|event| event.id.as_u64()).eq(given), "{name}");
        let numbers = logged.iter().map(|event| event.data.clone().unwrap());
        assert!(numbers.eq((0..10_000).map(|n| format!("number {n}"))), "{name}");
    }
}

#[test]
fn what_is_no_batch_is_refused_and_nothing_is_logged() {
    let (running, store) = Running::in_memory();
    let body = lines(10);
    let cut = gzip(body.as_bytes())[..30].to_vec();
    let refused = [
        (Request::post("/v1/events").body("application/json", body.clone()), 415),
        (Request::post("/v1/events").body("text/plain", body.clone()), 415),
        (batch(body.clone()).header("Content-Encoding", "br"), 415),
        (batch(body.clone()).header("Content-Encoding", "gzip, zstd"), 415),
        (batch(gzip(body.as_bytes())).header("Content-Encoding", "zstd"), 400),
        (batch(body.clone()).header("Content-Encoding", "gzip"), 400),
        (batch(cut).header("Content-Encoding", "gzip"), 400),
        (batch(body.clone()).header("Idempotency-Key", ""), 400),
        (batch(body.clone()).header("Idempotency-Key", "with a blank"), 400),
        (batch(body.clone()).header("Idempotency-Key", &"x".repeat(129)), 400),
        (batch(body.clone()).header("Idempotency-Key", "a").header("Idempotency-Key", "b"), 400),
        (batch("{}\n".repeat(65_537)), 413),
    ];
    for (request, status) in refused {
        let answer = running.call(&request);
        assert_eq!(answer.status, status, "{:?}", request.headers);
        assert!(answer.json()["error"]["message"].is_string());
    }
    assert_eq!(store.count(&Filter::All).unwrap(), 0);
    assert_eq!(running.get("/v1/events").status, 405);
}

#[test]
fn a_batch_has_so_many_bytes_unpacked_and_no_more() {
    let store = Store::in_memory().unwrap();
    let running = Running::start(store.clone(), Settings::default().batch_bytes(100_000));
    let line = json!({ "session_id": 1, "event_type": "x", "data": "" }).to_string();
    let fits = format!("{line}\n{}", " ".repeat(100_000 - line.len() - 1));
    let zstd = |text: &str| zstd::encode_all(text.as_bytes(), 3).unwrap();
    assert_eq!(ids(&running.call(&batch(fits.clone()))).len(), 1);
    let packed = [("gzip", gzip(fits.as_bytes())), ("zstd", zstd(&fits))];
    for (name, bytes) in packed {
        assert_eq!(ids(&running.call(&batch(bytes).header("Content-Encoding", name))).len(), 1);
    }
    let large = format!("{fits} ");
    let bomb = " ".repeat(200_000_000);
    for text in [&large, &bomb] {
        for (name, bytes) in [("gzip", gzip(text.as_bytes())), ("zstd", zstd(text))] {
            let answer = running.call(&batch(bytes).header("Content-Encoding", name));
            assert_eq!(
                (answer.status, answer.json()["error"]["kind"].as_str()),
                (413, Some("too_large"))
            );
        }
    }
    assert_eq!(running.call(&batch(large.clone())).status, 413);
    // In chunks, whose sum nobody has told.
    let mut connection = running.connect();
    let head = "POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n";
    connection.send_raw(head.as_bytes()).unwrap();
    let chunk = format!("{:x}\r\n{}\r\n", 50_000, " ".repeat(50_000));
    for _ in 0..3 {
        let _ = connection.send_raw(chunk.as_bytes());
    }
    assert_eq!(connection.answer(true).status, 413);
    assert_eq!(store.count(&Filter::All).unwrap(), 3);
}

#[test]
fn a_window_that_would_take_much_memory_is_refused() {
    let (running, _store) = Running::in_memory();
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(27).unwrap();
    // Without a size in its head, the frame asks for its whole window.
    encoder.include_contentsize(false).unwrap();
    encoder.write_all(lines(10).as_bytes()).unwrap();
    let packed = encoder.finish().unwrap();
    assert_eq!(running.call(&batch(packed).header("Content-Encoding", "zstd")).status, 400);
}

#[test]
fn a_line_that_is_too_long_is_refused_alone() {
    let (running, store) = Running::in_memory();
    let long = json!({ "session_id": 1, "event_type": "x", "data": "x".repeat(1024 * 1024) });
    let data = json!({ "session_id": 1, "event_type": "x", "data": "x".repeat(64 * 1024 + 1) });
    let good = json!({ "session_id": 1, "event_type": "x" });
    let answer = running.call(&batch(format!("{long}\n{good}\n{data}\n"))).expect(200);
    let outcomes = answer.lines();
    assert_eq!(outcomes[0]["error"]["kind"], "too_large");
    assert!(outcomes[1]["id"].is_u64());
    assert!(outcomes[2]["error"]["message"].as_str().unwrap().starts_with("data: must be at most"));
    assert_eq!(store.count(&Filter::All).unwrap(), 1);
}

#[test]
fn a_batch_to_a_store_for_reading_only_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    Store::open(directory.path()).unwrap().log_event(NewEvent::new(1, "x")).unwrap();
    let running =
        Running::start(Store::open_read_only(directory.path()).unwrap(), Settings::default());
    for request in [batch(lines(3)), batch(lines(3)).header("Idempotency-Key", "k")] {
        let answer = running.call(&request);
        assert_eq!(
            (answer.status, answer.json()["error"]["kind"].as_str()),
            (403, Some("read_only"))
        );
    }
    assert!(!directory.path().join("KEYS").exists());
}

/// What came of each line, in order: `logged`, or the kind of an error.
fn outcomes(answer: &Answer) -> Vec<String> {
    let kind = |line: &Value| line["error"]["kind"].as_str().unwrap_or("logged").to_owned();
    answer.lines().iter().map(kind).collect()
}

/// A batch of three pieces sent to a service whose disk fails at an operation after its start, and the disk; how many
/// operations there were without a failure.
fn with_failing_disk(fails_after: Option<u64>) -> (Answer, FaultyStorage, u64) {
    let disk = FaultyStorage::new();
    let store = Store::builder().clock(noon(day("2026-11-23"))).open_on(&disk).unwrap();
    let running = Running::start(store, Settings::default());
    ids(&running.call(&batch(lines(1))));
    let before = disk.operations();
    if let Some(after) = fails_after {
        disk.fail(Fault::io(before + after).for_good());
    }
    let answer = running.call(&batch(lines(9_000)));
    let operations = disk.operations() - before;
    let _ = running.stop();
    disk.mend();
    (answer, disk, operations)
}

#[test]
fn where_the_disk_fails_half_way_each_line_says_what_became_of_it() {
    let (answer, _, operations) = with_failing_disk(None);
    assert_eq!(ids(&answer).len(), 9_000);
    let (mut cut_short, mut failed) = (0, 0);
    for fails_after in (0..operations).step_by(operations.div_ceil(12) as usize) {
        let (answer, disk, _) = with_failing_disk(Some(fails_after));
        let store = Store::builder().open_on(&disk).unwrap();
        let logged = store.count(&Filter::All).unwrap() - 1;
        if answer.status != 200 {
            let kind = answer.json()["error"]["kind"].as_str().unwrap().to_owned();
            assert!(["outcome_unknown", "io", "poisoned"].contains(&kind.as_str()), "{kind}");
            assert!([0, 4_096].contains(&logged), "{logged} were logged, {kind}");
            failed += 1;
            continue;
        }
        let outcomes = outcomes(&answer);
        assert_eq!(outcomes.len(), 9_000);
        let count = |kind: &str| outcomes.iter().filter(|it| *it == kind).count() as u64;
        let (good, unknown) = (count("logged"), count("outcome_unknown"));
        assert!(outcomes.is_sorted_by_key(|kind| match kind.as_str() {
            "logged" => 0,
            "outcome_unknown" => 1,
            _ => 2,
        }));
        assert!([good, good + unknown].contains(&logged), "{good} and {unknown}, but {logged}");
        cut_short += u64::from(good < 9_000);
    }
    assert!(cut_short > 0 && failed > 0, "{cut_short} were cut short, {failed} failed");
}

#[test]
fn a_client_that_goes_away_half_way_has_logged_nothing() {
    let (running, store) = Running::in_memory();
    let bytes = batch(lines(2_000)).bytes(running.address);
    for part in [10, 150, bytes.len() / 2, bytes.len() - 1] {
        let mut connection = running.connect();
        connection.send_raw(&bytes[..part]).unwrap();
        drop(connection);
    }
    assert_eq!(ids(&running.call(&batch(lines(1)))).len(), 1);
    assert_eq!(store.count(&Filter::All).unwrap(), 1);
}

#[test]
fn a_batch_that_comes_too_slowly_is_refused_and_its_room_is_free() {
    let store = Store::in_memory().unwrap();
    let settings = Settings::default().patience(Duration::from_secs(1)).batch_bytes(1_000_000);
    let running = Running::start(store, settings);
    let bytes = batch(lines(9_000)).bytes(running.address);
    let mut slow: Vec<_> = (0..4).map(|_| running.connect()).collect();
    for connection in &mut slow {
        let _ = connection.send_raw(&bytes[..bytes.len() / 2]);
    }
    for connection in &mut slow {
        let answer = connection.answer(true);
        assert!([408, 503].contains(&answer.status), "{}", answer.text());
    }
    assert_eq!(ids(&running.call(&batch(lines(9_000)))).len(), 9_000);
}

#[test]
fn a_batch_may_take_twice_as_long_as_another_call_wherever_the_service_is_nested() {
    let (patience, pause) = (Duration::from_secs(3), Duration::from_millis(3_500));
    let settings = Settings::default().patience(patience);
    let running = Running::nested("/log", Store::in_memory().unwrap(), settings);
    let batch = Request { path: "/log/v1/events".to_owned(), ..batch(lines(2)) };
    let other = Request::post("/log/v1/query").json(&json!({}));
    let mut slow = [batch, other].map(|request| {
        let mut bytes = request.bytes(running.address);
        let end = bytes.split_off(bytes.len() - 1);
        let mut connection = running.connect();
        connection.send_raw(&bytes).unwrap();
        (connection, end)
    });
    std::thread::park_timeout(pause);
    let [(batch, end), (other, _)] = &mut slow;
    batch.send_raw(end).unwrap();
    assert_eq!(ids(&batch.answer(true)).len(), 2);
    other.answer(true).expect(408);
}
