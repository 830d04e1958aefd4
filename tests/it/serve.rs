//! Goal: `diurnal serve` lets in whom it should, says where it is, ends well when it is told to, and loses nothing that
//! it has answered for, however it ends.
//!
//! Method: the built program is started on a port that is free, and asked over sockets; signals end it, SIGKILL at
//! random moments while threads log (`DIURNAL_SERVE_KILLS` rounds of that, 3 unless set) or a batch is sent, and its store
//! is then opened and compared with what was acknowledged. A limit on the size of files is a disk that fails.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use diurnal::{Clock, Filter, NewEvent, Query, Store, SystemClock, Timestamp};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::common::{DAY, Random, number_from};
use crate::service::{Connection, Request, ids, keyed, lines};

const PATIENCE: Duration = Duration::from_secs(300);
const TOKEN: &str = "0123456789abcdef";
const READ_TOKEN: &str = "fedcba9876543210";

fn program(store: &Path, arguments: &[&str]) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_diurnal"));
    program.arg("serve").arg(store).args(arguments).stdin(Stdio::null()).stdout(Stdio::null());
    program.env_remove("NOTIFY_SOCKET");
    program
}

/// Status and standard error of a run that ends by itself.
fn refused(store: &Path, arguments: &[&str]) -> (i32, String) {
    let output = program(store, arguments).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// A service, killed when it is dropped, and what it says on standard error.
struct Serving {
    child: Child,
    address: SocketAddr,
    said: Receiver<String>,
}

impl Serving {
    /// On a port of its own.
    fn start(store: &Path, arguments: &[&str]) -> Self {
        Self::of(program(store, arguments).args(["--listen", "127.0.0.1:0"]))
    }

    fn of(program: &mut Command) -> Self {
        let mut child = program.stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (sender, said) = channel();
        std::thread::spawn(move || {
            // Whoever waits no more closes the channel; it is read on, so that the service can say more.
            lines.map_while(Result::ok).for_each(|line| drop(sender.send(line)));
        });
        let mut before = Vec::new();
        let address = loop {
            let line = said.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{before:?}"));
            let found = line.split_once("listening on http://").and_then(|(_, rest)| {
                rest.split('/').next().and_then(|address| address.parse().ok())
            });
            match found {
                Some(address) => break address,
                None => before.push(line),
            }
        };
        Self { child, address, said }
    }

    fn connect(&self) -> Connection {
        Connection::to(self.address)
    }

    fn status_of(&self, request: &Request) -> u16 {
        self.connect().call(request).status
    }

    /// How many events its store has.
    fn count(&self) -> usize {
        let answer = self.connect().call(&Request::post("/v1/count").json(&json!({})));
        answer.expect(200).json()["count"].as_u64().unwrap() as usize
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// What it still says until it has ended.
    fn last_words(&mut self) -> Vec<String> {
        let mut words = Vec::new();
        loop {
            match self.said.recv_timeout(PATIENCE) {
                Ok(line) => words.push(line),
                Err(RecvTimeoutError::Disconnected) => return words,
                Err(RecvTimeoutError::Timeout) => panic!("standard error stays open"),
            }
        }
    }

    fn ended(&mut self) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(began.elapsed() < PATIENCE, "the service does not end");
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A call that logs an event which is told from others by its data.
fn log_call(data: &str) -> Request {
    Request::get(&format!("/?operation=log_event&session_id=1&event_type=heartbeat&data={data}"))
}

/// The data of every event of a store, each of which must be there once.
fn logged(path: &Path) -> BTreeSet<String> {
    let store = Store::open(path).unwrap();
    let mut found = BTreeSet::new();
    for event in store.query(&Query::new()).unwrap() {
        let data = event.unwrap().data.unwrap();
        assert!(found.insert(data.clone()), "{data} was logged twice");
    }
    assert!(store.check().unwrap().is_clean());
    store.close().unwrap();
    found
}

/// Threads that log one event after another until the service is gone.
struct Load {
    stop: std::sync::Arc<AtomicBool>,
    threads: Vec<std::thread::JoinHandle<Vec<String>>>,
}

impl Load {
    fn begin(address: SocketAddr, threads: usize, round: u64) -> Self {
        let stop = std::sync::Arc::new(AtomicBool::new(false));
        let threads = (0..threads).map(|thread| {
            let stop = std::sync::Arc::clone(&stop);
            std::thread::spawn(move || {
                let mut acknowledged = Vec::new();
                for number in 0.. {
                    let data = format!("{round}-{thread}-{number}");
                    if stop.load(Ordering::Relaxed) || !acknowledges(address, &data) {
                        break;
                    }
                    acknowledged.push(data);
                }
                acknowledged
            })
        });
        Self { threads: threads.collect(), stop }
    }

    fn acknowledged(self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    }
}

/// Whether an event is answered for; `false` where the service is gone, whole answers aside.
fn acknowledges(address: SocketAddr, data: &str) -> bool {
    let attempt = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let call = log_call(data).header("Connection", "close");
        stream.write_all(&call.bytes(address))?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    attempt().is_ok_and(|answer| {
        let is_whole = answer.starts_with("HTTP/1.1 200") && answer.ends_with('}');
        is_whole && answer.contains("\"success\"") && answer.contains("true")
    })
}

#[test]
fn the_service_says_where_it_listens_and_ends_well_when_told() {
    for signal in [Signal::TERM, Signal::INT] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store");
        let mut serving = Serving::start(&path, &[]);
        assert_ne!(serving.address.port(), 0);
        let mut connection = serving.connect();
        connection.call(&Request::get("/healthz")).expect(200);
        connection.call(&log_call("first")).expect(200);
        serving.signal(signal);
        assert_eq!(serving.ended().code(), Some(0), "{signal:?}");
        assert_eq!(logged(&path).into_iter().collect::<Vec<_>>(), ["first"]);
    }
}

#[test]
fn a_second_signal_ends_the_service_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let mut serving = Serving::start(directory.path(), &[]);
    let mut connection = serving.connect();
    // In the middle of a request, which is waited for.
    connection.send_raw(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n").unwrap();
    connection.send_raw(b"Content-Type: application/x-www-form-urlencoded\r\n\r\nop").unwrap();
    serving.connect().call(&Request::get("/healthz")).expect(200);
    serving.signal(Signal::TERM);
    loop {
        match serving.said.recv_timeout(PATIENCE) {
            Ok(line) if line.contains("asked to end") => break,
            Ok(_) => {}
            Err(error) => panic!("it does not say that it was asked: {error}"),
        }
    }
    let began = Instant::now();
    serving.signal(Signal::INT);
    assert_eq!(serving.ended().code(), Some(130));
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[test]
fn an_address_that_others_reach_is_refused_without_both_tokens() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let tokens = directory.path().join("tokens");
    std::fs::write(&tokens, TOKEN).unwrap();
    let (status, said) = refused(&path, &["--listen", "0.0.0.0:0"]);
    assert_eq!((status, said.lines().count()), (2, 1), "{said}");
    assert!(said.contains("--token-file") && said.contains("--open"), "{said}");
    let one = ["--listen", "0.0.0.0:0", "--token-file", tokens.to_str().unwrap()];
    assert_eq!(refused(&path, &one).0, 2);
    for wrong in
        [["--listen", "nowhere"], ["--allow-origin", "walk.example"], ["--log-level", "x=y"]]
    {
        let (status, said) = refused(&path, &wrong);
        assert_eq!(status, 2, "{wrong:?}: {said}");
    }
    std::fs::write(&tokens, "short").unwrap();
    let (status, said) = refused(&path, &["--token-file", tokens.to_str().unwrap()]);
    assert_eq!(status, 2, "{said}");
    assert!(said.contains("tokens") && !said.contains("short"), "{said}");
    assert!(!path.exists(), "nothing was made");
}

#[test]
fn tokens_of_files_open_what_they_are_for_and_others_should_not_read_them() {
    let directory = tempfile::tempdir().unwrap();
    let (write, read) = (directory.path().join("write"), directory.path().join("read"));
    for (path, token, mode) in [(&write, TOKEN, 0o600), (&read, READ_TOKEN, 0o644)] {
        std::fs::write(path, format!("# kiosk\n{token}\n")).unwrap();
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }
    let files =
        ["--token-file", write.to_str().unwrap(), "--read-token-file", read.to_str().unwrap()];
    // Where the address is taken, it has been said by then.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = ["--listen", &taken.local_addr().unwrap().to_string()];
    let (_, said) = refused(&directory.path().join("store"), &[&files[..], &listen].concat());
    assert!(said.contains("read: every user") && !said.contains("write: every"), "{said}");
    let serving = Serving::start(&directory.path().join("store"), &files);
    assert_eq!(serving.status_of(&log_call("none")), 401);
    assert_eq!(serving.status_of(&log_call("reader").token(READ_TOKEN)), 401);
    assert_eq!(serving.status_of(&log_call("writer").token(TOKEN)), 200);
    assert_eq!(serving.status_of(&Request::get("/metrics")), 401);
    assert_eq!(serving.status_of(&Request::get("/metrics").token(TOKEN)), 401);
    assert_eq!(serving.status_of(&Request::get("/metrics").token(READ_TOKEN)), 200);
    assert_eq!(serving.status_of(&Request::get("/healthz")), 200);
}

#[test]
fn a_store_or_an_address_that_is_taken_is_said_so() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let serving = Serving::start(&path, &[]);
    let (status, said) = refused(&path, &["--listen", "127.0.0.1:0"]);
    assert_eq!((status, said.lines().count()), (4, 1), "{said}");
    let other = directory.path().join("other");
    let (status, said) = refused(&other, &["--listen", &serving.address.to_string()]);
    assert_eq!((status, said.lines().count()), (1, 1), "{said}");
    assert!(said.contains("cannot listen") && !other.exists(), "{said}");
}

#[test]
fn a_name_that_was_led_here_is_not_answered() {
    let directory = tempfile::tempdir().unwrap();
    let serving = Serving::start(directory.path(), &["--allow-host", "kiosk.example"]);
    let with = |host: &str| serving.status_of(&Request::get("/healthz").header("Host", host));
    let port = serving.address.port();
    for host in ["localhost", "127.0.0.1", "[::1]", "kiosk.example", "KIOSK.example"] {
        assert_eq!(with(host), 200, "{host}");
        assert_eq!(with(&format!("{host}:{port}")), 200, "{host}");
    }
    for host in ["evil.example", "localhost.evil.example", "", "[::2]"] {
        assert_eq!(with(host), 421, "{host:?}");
    }
}

#[test]
fn days_are_dropped_as_told() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let now = SystemClock.now().as_micros();
    for days_ago in (0..40).rev() {
        let time = Timestamp::from_micros(now - days_ago * DAY);
        store.log_event(NewEvent::new(1, "heartbeat").server_time(time)).unwrap();
    }
    store.close().unwrap();
    let serving = Serving::start(directory.path(), &["--keep-days", "30"]);
    let shown = serving.connect().call(&Request::get("/v1/store")).expect(200).json();
    assert_eq!(shown["retention"]["max_age_days"], 30, "{shown}");
    let reader = Store::open_read_only(directory.path()).unwrap();
    let kept = reader.count(&Filter::All).unwrap();
    assert!((29..=31).contains(&kept), "{kept}");
}

#[test]
fn the_log_is_json_where_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let mut serving =
        Serving::start(directory.path(), &["--log-format", "json", "--log-level", "diurnal=debug"]);
    serving.connect().call(&Request::get("/healthz")).expect(200);
    serving.signal(Signal::TERM);
    assert_eq!(serving.ended().code(), Some(0));
    let said = serving.last_words();
    let said: Vec<Value> = said.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let call = said.iter().find(|line| line["call"] == "/healthz");
    assert_eq!(call.unwrap()["status"], 200, "{said:?}");
    let text = format!("{said:?}");
    assert!(!text.contains("127.0.0.1"), "no address of a client: {text}");
}

#[test]
fn systemd_is_told_when_the_service_is_ready() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("notify");
    let systemd = UnixDatagram::bind(&socket).unwrap();
    systemd.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut program = program(&directory.path().join("store"), &["--listen", "127.0.0.1:0"]);
    let mut serving = Serving::of(program.env("NOTIFY_SOCKET", &socket));
    let heard = || {
        let mut bytes = [0; 64];
        let length = systemd.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    };
    assert_eq!(heard(), "READY=1");
    serving.signal(Signal::TERM);
    assert_eq!(heard(), "STOPPING=1");
    assert_eq!(serving.ended().code(), Some(0));
}

#[test]
fn a_graceful_end_under_load_loses_nothing_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let mut serving = Serving::start(directory.path(), &[]);
    let load = Load::begin(serving.address, 8, 0);
    std::thread::park_timeout(Duration::from_millis(500));
    serving.signal(Signal::TERM);
    assert_eq!(serving.ended().code(), Some(0));
    let acknowledged = load.acknowledged();
    assert!(!acknowledged.is_empty());
    let found = logged(directory.path());
    let lost = acknowledged.iter().filter(|data| !found.contains(*data)).count();
    assert_eq!(lost, 0, "of {}", acknowledged.len());
}

#[test]
fn a_kill_under_load_loses_nothing_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let mut random = Random::new(number_from("DIURNAL_SEED", 6));
    let mut acknowledged = Vec::new();
    for round in 0..number_from("DIURNAL_SERVE_KILLS", 3) {
        let mut serving = Serving::start(directory.path(), &[]);
        let load = Load::begin(serving.address, 8, round);
        std::thread::park_timeout(Duration::from_millis(50 + random.below(600) as u64));
        serving.signal(Signal::KILL);
        serving.ended();
        acknowledged.extend(load.acknowledged());
        let found = logged(directory.path());
        let lost = acknowledged.iter().filter(|data| !found.contains(*data)).count();
        assert_eq!(lost, 0, "of {} in round {round}", acknowledged.len());
    }
    println!("{} acknowledged events, none lost", acknowledged.len());
    assert!(!acknowledged.is_empty(), "the service was killed before it answered anything");
}

#[test]
fn a_batch_that_a_kill_has_cut_short_is_there_once_after_its_retry() {
    const ROUNDS: usize = 8;
    const LINES: usize = 30_000;
    let directory = tempfile::tempdir().unwrap();
    let mut random = Random::new(number_from("DIURNAL_SEED", 7));
    let (mut left, mut expected) = (Vec::new(), BTreeSet::new());
    for round in 0..ROUNDS {
        let word = format!("{round} number");
        let request = keyed(&format!("round-{round}"), lines(LINES).replace("number", &word));
        expected.extend((0..LINES).map(|number| format!("{word} {number}")));
        let mut serving = Serving::start(directory.path(), &[]);
        let mut connection = serving.connect();
        connection.send(&request);
        let (enough, began) = (random.below(LINES), Instant::now());
        while serving.count() - round * LINES < enough {
            assert!(began.elapsed() < PATIENCE, "the batch is not logged");
        }
        serving.signal(Signal::KILL);
        serving.ended();
        serving = Serving::start(directory.path(), &[]);
        left.push(serving.count() - round * LINES);
        let given = ids(&serving.connect().call(&request));
        assert_eq!(given.len(), LINES);
        assert!(ids(&serving.connect().call(&request)) == given, "other ids in round {round}");
        serving.signal(Signal::TERM);
        serving.ended();
    }
    println!("lines that the kills have left: {left:?}");
    assert!(left.iter().any(|lines| (1..LINES).contains(lines)), "none was cut short: {left:?}");
    assert!(logged(directory.path()) == expected, "each line is there once");
}

#[test]
fn a_store_that_fails_ends_the_program_which_says_why_and_has_kept_what_it_answered_for() {
    let directory = tempfile::tempdir().unwrap();
    // Files may have 4 MiB; what goes beyond is an error, and not a signal that kills.
    let limited = "trap '' XFSZ; ulimit -f 8192; exec \"$@\"";
    let program = program(directory.path(), &["--listen", "127.0.0.1:0"]);
    let mut shell = Command::new("sh");
    shell.args(["-c", limited, "sh"]).arg(program.get_program()).args(program.get_args());
    let mut serving = Serving::of(shell.stdin(Stdio::null()).stdout(Stdio::null()));
    let mut random = Random::new(8);
    // Such as does not shrink when it is packed.
    let mut noise = || (0..6_000).map(|_| format!("{:08x}", random.below(1 << 32))).collect();
    let acknowledged: Vec<String> = (0..1_000)
        .map(|_| noise())
        .take_while(|data: &String| acknowledges(serving.address, data))
        .collect();
    assert_eq!(serving.ended().code(), Some(1));
    let said = serving.last_words().join("\n");
    assert!(said.contains("File too large"), "{said}");
    let mut found = logged(directory.path());
    assert!(!acknowledged.is_empty());
    assert!(acknowledged.iter().all(|data| found.remove(data)), "of {}", acknowledged.len());
    assert!(found.len() <= 1, "what was in doubt may be there, and nothing else");
}
