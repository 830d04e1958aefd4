//! Goal: a batch that is sent again with its key is logged once, whatever happened in between; a key is that of one
//! batch, which runs once at a time; a file of keys that is damaged or cannot be written harms nothing else.
//!
//! Method: the store and the file `KEYS` are put into each state that a crash can leave: the file is cut short at
//! every byte, the store holds some of the pieces, or all of them, or a session was erased since.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use std::path::Path;

use diurnal::http::Settings;
use diurnal::{Event, Filter, NewEvent, Store};

use crate::common::{Random, copy_store, day, everything, noon};
use crate::service::{Answer, Request, Running, batch, ids, keyed, lines};

/// Lines of three pieces.
const LINES: usize = 9_000;
/// Lines of a piece.
const PIECE: usize = 4_096;
/// Bytes of the file before its records, and of one that says that a batch has begun.
const HEAD_BYTES: usize = 28;
const BEGUN_BYTES: usize = 53;

fn open(directory: &Path) -> Store {
    Store::builder().clock(noon(day("2026-11-23"))).open(directory).unwrap()
}

fn start(directory: &Path) -> Running {
    Running::start(open(directory), Settings::default())
}

/// Sends a batch to a service that is started for it alone.
fn send(directory: &Path, request: &Request) -> Answer {
    let running = start(directory);
    let answer = running.call(request);
    running.stop().unwrap();
    answer
}

/// A store in which a batch was logged with a key; its ids, and the file of keys.
fn logged(directory: &Path) -> (Vec<u64>, Vec<u8>) {
    let given = ids(&send(directory, &keyed("key", lines(LINES))));
    assert_eq!(given.len(), LINES);
    (given, std::fs::read(directory.join("KEYS")).unwrap())
}

fn count(directory: &Path) -> u64 {
    open(directory).count(&Filter::All).unwrap()
}

#[test]
fn a_retry_of_a_batch_logs_nothing_twice_and_has_the_same_ids() {
    let directory = tempfile::tempdir().unwrap();
    let running = start(directory.path());
    let given = ids(&running.call(&keyed("key", lines(LINES))));
    assert_eq!(ids(&running.call(&keyed("key", lines(LINES)))), given);
    let other = ids(&running.call(&keyed("another", lines(LINES))));
    assert!(other.iter().all(|id| !given.contains(id)), "another key, another batch");
    running.stop().unwrap();
    for _ in 0..2 {
        assert_eq!(ids(&send(directory.path(), &keyed("key", lines(LINES)))), given);
    }
    assert_eq!(count(directory.path()), 2 * LINES as u64);
    let store = open(directory.path());
    assert!(store.check().unwrap().is_clean());
    let backup = tempfile::tempdir().unwrap();
    assert!(store.backup_to(backup.path()).unwrap().problems.is_empty());
    let numbers = everything(&store).into_iter().map(|event| event.data.unwrap());
    let order = (0..2 * LINES).map(|n| format!("number {}", n % LINES));
    assert!(numbers.eq(order), "in the order of the lines");
}

#[test]
fn refused_lines_are_refused_again_and_the_others_keep_their_ids() {
    let directory = tempfile::tempdir().unwrap();
    let body = format!("{{}}\n{}nothing\n{}", lines(PIECE - 1), lines(3));
    let first = send(directory.path(), &keyed("key", body.clone())).expect(200);
    let again = send(directory.path(), &keyed("key", body.clone())).expect(200);
    assert_eq!(first.text(), again.text());
    let whole = std::fs::read(directory.path().join("KEYS")).unwrap();
    std::fs::write(directory.path().join("KEYS"), &whole[..HEAD_BYTES + BEGUN_BYTES]).unwrap();
    let found = send(directory.path(), &keyed("key", body)).expect(200);
    assert_eq!(first.text(), found.text());
    let nothing = send(directory.path(), &keyed("nothing", "{}\n{}")).expect(200);
    assert_eq!(
        send(directory.path(), &keyed("nothing", "{}\n{}")).expect(200).text(),
        nothing.text()
    );
    assert_eq!(count(directory.path()), PIECE as u64 + 2);
}

#[test]
fn a_file_of_keys_that_was_cut_short_at_any_byte_is_read_as_far_as_it_goes() {
    let directory = tempfile::tempdir().unwrap();
    let (given, keys) = logged(directory.path());
    assert_eq!(keys.len(), HEAD_BYTES + BEGUN_BYTES + 1 + 16 + 4 + 3 * 8 + 8);
    let begun = HEAD_BYTES + BEGUN_BYTES;
    let lengths = (begun..keys.len()).step_by(7).chain([keys.len() - 1, keys.len()]);
    for length in lengths {
        let mut torn = keys[..length].to_vec();
        std::fs::write(directory.path().join("KEYS"), &torn).unwrap();
        assert_eq!(
            ids(&send(directory.path(), &keyed("key", lines(LINES)))),
            given,
            "{length} bytes"
        );
        torn.resize(torn.len() + 512, 0);
        std::fs::write(directory.path().join("KEYS"), &torn).unwrap();
        assert_eq!(ids(&send(directory.path(), &keyed("key", lines(LINES)))), given, "and zeros");
    }
    assert!(!directory.path().join("KEYS.damaged").exists(), "a torn end is no damage");
    assert_eq!(count(directory.path()), LINES as u64);
    // Before its record is whole nothing of a batch is logged.
    for length in [0, 5, HEAD_BYTES, HEAD_BYTES + 1, begun - 1] {
        let other = tempfile::tempdir().unwrap();
        open(other.path()).close().unwrap();
        std::fs::write(other.path().join("KEYS"), &keys[..length]).unwrap();
        assert_eq!(ids(&send(other.path(), &keyed("key", lines(LINES)))).len(), LINES);
        assert_eq!(count(other.path()), LINES as u64);
    }
}

/// A store with these events, in this order, and a file of keys that says that their batch has begun.
fn interrupted(directory: &Path, events: &[Event], keys: &[u8]) {
    let store = open(directory);
    store.log_event(NewEvent::new("before", "heartbeat")).unwrap();
    for piece in events.chunk_by(|a, b| a.server_time == b.server_time) {
        store.log_events(piece.iter().cloned().map(NewEvent::from)).unwrap();
    }
    store.close().unwrap();
    std::fs::write(directory.join("KEYS"), &keys[..HEAD_BYTES + BEGUN_BYTES]).unwrap();
}

#[test]
fn a_batch_of_which_some_pieces_were_logged_is_ended_by_its_retry() {
    let directory = tempfile::tempdir().unwrap();
    let (_, keys) = logged(directory.path());
    let events = everything(&open(directory.path()));
    for pieces in 0..=3 {
        let directory = tempfile::tempdir().unwrap();
        interrupted(directory.path(), &events[..LINES.min(pieces * PIECE)], &keys);
        let given = ids(&send(directory.path(), &keyed("key", lines(LINES))));
        let all = everything(&open(directory.path()));
        assert_eq!(all.len(), 1 + LINES, "after {pieces} pieces");
        let logged = all.iter().filter(|event| event.session_id != "before");
        assert!(logged.clone().map(|event| event.id.as_u64()).eq(given.clone()));
        assert!(logged.map(|event| &event.data).eq(events.iter().map(|event| &event.data)));
        assert_eq!(ids(&send(directory.path(), &keyed("key", lines(LINES)))), given);
    }
}

#[test]
fn what_was_erased_of_an_interrupted_batch_is_not_logged_again() {
    let directory = tempfile::tempdir().unwrap();
    let (given, keys) = logged(directory.path());
    // The sessions of the first and of a later line.
    let store = open(directory.path());
    store.erase_session(0).unwrap();
    store.erase_session(7).unwrap();
    let left = everything(&store);
    store.close().unwrap();
    std::fs::write(directory.path().join("KEYS"), &keys[..HEAD_BYTES + BEGUN_BYTES]).unwrap();
    assert_eq!(ids(&send(directory.path(), &keyed("key", lines(LINES)))), given);
    assert_eq!(everything(&open(directory.path())), left);
}

#[test]
fn equal_lines_keep_their_places() {
    let directory = tempfile::tempdir().unwrap();
    let line = "{\"session_id\":1,\"event_type\":\"heartbeat\"}\n";
    let body = line.repeat(2_000);
    let given = ids(&send(directory.path(), &keyed("key", body.clone())));
    let keys = std::fs::read(directory.path().join("KEYS")).unwrap();
    std::fs::write(directory.path().join("KEYS"), &keys[..HEAD_BYTES + BEGUN_BYTES]).unwrap();
    assert_eq!(ids(&send(directory.path(), &keyed("key", body))), given);
    assert_eq!(count(directory.path()), 2_000);
}

#[test]
fn a_key_is_that_of_one_batch() {
    let directory = tempfile::tempdir().unwrap();
    let running = start(directory.path());
    ids(&running.call(&keyed("key", lines(10))));
    for body in [lines(11), lines(9), lines(10) + "\n"] {
        let answer = running.call(&keyed("key", body));
        let error = &answer.json()["error"];
        assert_eq!((answer.status, error["kind"].as_str()), (422, Some("invalid_input")));
        assert!(error["message"].as_str().unwrap().starts_with("Idempotency-Key"));
    }
    assert_eq!(ids(&running.call(&keyed("key", lines(10)))).len(), 10);
    // The file has nothing of the keys or the events.
    let key = "a-key-with-a-name";
    ids(&running.call(&keyed(key, "{\"session_id\":\"somebody\",\"event_type\":\"x\"}")));
    running.stop().unwrap();
    let bytes = std::fs::read(directory.path().join("KEYS")).unwrap();
    for text in [key, "somebody"] {
        assert!(!bytes.windows(text.len()).any(|part| part == text.as_bytes()), "{text}");
    }
}

#[test]
fn of_two_batches_with_a_key_that_come_at_once_one_is_logged() {
    let directory = tempfile::tempdir().unwrap();
    let running = start(directory.path());
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let calls: Vec<_> =
            (0..6).map(|_| scope.spawn(|| running.call(&keyed("key", lines(LINES))))).collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    let (good, others): (Vec<_>, Vec<_>) = answers.into_iter().partition(|it| it.status == 200);
    for other in &others {
        assert_eq!((other.status, other.json()["error"]["kind"].as_str()), (409, Some("conflict")));
        assert!(other.header("retry-after").is_some());
    }
    let given = ids(&running.call(&keyed("key", lines(LINES))));
    assert!(!good.is_empty() && good.iter().all(|answer| ids(answer) == given));
    running.stop().unwrap();
    assert_eq!(count(directory.path()), LINES as u64);
}

#[test]
fn a_client_that_goes_away_while_its_batch_is_logged_comes_again_and_finds_it_whole() {
    let directory = tempfile::tempdir().unwrap();
    let running = start(directory.path());
    for round in 0..8 {
        let request = keyed(&format!("key-{round}"), lines(LINES));
        let mut connection = running.connect();
        connection.send(&request);
        std::thread::park_timeout(std::time::Duration::from_millis(round * 10));
        drop(connection);
        let answer = (0..3_000).find_map(|_| {
            let answer = running.call(&request);
            std::thread::park_timeout(std::time::Duration::from_millis(20));
            (answer.status != 409).then_some(answer)
        });
        assert_eq!(ids(&answer.unwrap()).len(), LINES);
    }
    running.stop().unwrap();
    assert_eq!(count(directory.path()), 8 * LINES as u64);
}

#[test]
fn a_damaged_file_of_keys_is_set_aside_and_its_beginning_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let (given, _) = logged(directory.path());
    let keys = |path: &Path| std::fs::read(path.join("KEYS")).unwrap();
    for number in 0..20 {
        ids(&send(directory.path(), &keyed(&format!("key {number}").replace(' ', "-"), lines(2))));
    }
    let whole = keys(directory.path());
    let mut random = Random::new(7);
    for trial in 0..24 {
        let copy = tempfile::tempdir().unwrap();
        copy_store(directory.path(), copy.path());
        let mut bytes = whole.clone();
        for _ in 0..1 + trial % 5 {
            let place = random.below(bytes.len());
            bytes[place] ^= 1 << random.below(8);
        }
        if trial % 4 == 3 {
            bytes = (0..random.below(4_000)).map(|_| random.below(256) as u8).collect();
        }
        std::fs::write(copy.path().join("KEYS"), &bytes).unwrap();
        let running = start(copy.path());
        assert_eq!(ids(&running.call(&keyed("fresh", lines(5)))).len(), 5, "trial {trial}");
        running.call(&keyed("key", lines(LINES))).expect(200);
        running.stop().unwrap();
    }
    // Damage behind it costs a batch nothing.
    let mut bytes = whole;
    let place = bytes.len() - 150;
    bytes[place] ^= 1;
    std::fs::write(directory.path().join("KEYS"), &bytes).unwrap();
    assert_eq!(ids(&send(directory.path(), &keyed("key", lines(LINES)))), given);
    assert_eq!(std::fs::read(directory.path().join("KEYS.damaged")).unwrap(), bytes);
}

#[test]
fn where_keys_cannot_be_written_nothing_of_the_batch_is_logged() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(directory.path().join("KEYS.new")).unwrap();
    let running = start(directory.path());
    let answer = running.call(&keyed("key", lines(10)));
    assert_eq!((answer.status, answer.json()["error"]["kind"].as_str()), (503, Some("busy")));
    assert!(answer.header("retry-after").is_some());
    assert_eq!(ids(&running.call(&batch(lines(3)))).len(), 3, "without a key none is needed");
    std::fs::remove_dir(directory.path().join("KEYS.new")).unwrap();
    assert_eq!(ids(&running.call(&keyed("key", lines(10)))).len(), 10);
    running.stop().unwrap();
    assert_eq!(count(directory.path()), 13);
    // One that a newer version has written is left as it is.
    let mut newer = b"DIURNALK\x02\0\0\0".to_vec();
    newer.extend([0; 8]);
    newer.extend(xxhash_rust::xxh3::xxh3_64(&newer).to_le_bytes());
    std::fs::write(directory.path().join("KEYS"), &newer).unwrap();
    assert_eq!(send(directory.path(), &keyed("key", lines(10))).status, 503);
    assert_eq!(std::fs::read(directory.path().join("KEYS")).unwrap(), newer);
}

#[test]
fn a_second_service_of_a_store_leaves_the_keys_alone() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let first = Running::start(store.clone(), Settings::default());
    let second = Running::start(store, Settings::default());
    let given = ids(&first.call(&keyed("key", lines(10))));
    assert_eq!(second.call(&keyed("key", lines(10))).status, 503);
    first.stop().unwrap();
    assert_eq!(ids(&second.call(&keyed("key", lines(10)))), given);
}

#[test]
fn a_store_in_memory_remembers_keys_as_long_as_its_service() {
    let (running, store) = Running::in_memory();
    let given = ids(&running.call(&keyed("key", lines(LINES))));
    assert_eq!(ids(&running.call(&keyed("key", lines(LINES)))), given);
    assert_eq!(store.count(&Filter::All).unwrap(), LINES as u64);
}
