//! Goal: the published JavaScript client of Roundware logs to the service as it is, in node and in a browser.
//!
//! Method: it is installed from its registry as the lock file says, and made to connect, to log and to tell what is heard
//! by its public calls; then the store is looked at. `DIURNAL_CLIENTS_NODE` and `DIURNAL_CLIENTS_CHROMIUM` are the
//! programs to run it with; without them nothing is tested, and that is said.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test says what it expects by failing, and that it is left out by printing"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use diurnal::http::{Settings, Tokens};
use diurnal::{Event, Filter, Store};
use serde_json::{Value, json};

use crate::common::{everything, found};
use crate::service::Running;

const PATIENCE: Duration = Duration::from_secs(300);
const TOKEN: &str = "kiosk-0123456789abcdef";
/// What the scenario logs, in the order of its names.
const LOGGED: [&str; 7] = [
    "client_error",
    "location_update",
    "modify_stream",
    "start_asset",
    "start_session",
    "start_session",
    "stop_asset",
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

/// A program to run the client with; where there is none, the test is left out.
fn program(variable: &str) -> Option<PathBuf> {
    let program = std::env::var_os(variable).filter(|program| !program.is_empty());
    if program.is_none() {
        println!("skipped: {variable} names no program");
    }
    program.map(PathBuf::from)
}

/// Installs the client, once.
fn install() {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let output = Command::new("npm")
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix"])
            .arg(folder())
            .output()
            .expect("npm is installed beside node");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    });
}

fn service(settings: Settings) -> (Running, Store) {
    let store = Store::in_memory().unwrap();
    (Running::start(store.clone(), settings), store)
}

fn tokens() -> Settings {
    Settings::new().write_tokens(Some(Tokens::parse(TOKEN).unwrap()))
}

/// Waits for what the client sends without waiting for the answer.
fn events_of(store: &Store, session: u64, count: usize) -> Vec<Event> {
    let mut subscription = store.subscribe_from(&Filter::All, &diurnal::Start::Beginning).unwrap();
    let mut seen = 0;
    while seen < count {
        let batch = subscription.next_batch(PATIENCE).unwrap();
        assert!(!batch.events.is_empty(), "{seen} events have come");
        seen += batch.events.len();
    }
    found(store, &Filter::session(session).into())
}

/// The outcome and the store tell the same.
fn assert_logged(store: &Store, outcome: &Value) {
    let session = outcome["session"].as_u64().unwrap_or_else(|| panic!("{outcome}"));
    let events = events_of(store, session, LOGGED.len());
    let mut types: Vec<&str> = events.iter().map(|event| event.event_type.as_str()).collect();
    types.sort_unstable();
    assert_eq!(types, LOGGED, "one start is the service's, one the client's");
    let one = |name: &str| events.iter().find(|event| event.event_type == name).unwrap();
    let chosen = one("modify_stream");
    assert_eq!((chosen.tags.join(","), chosen.latitude), ("3,8".to_owned(), Some(42.36)));
    assert_eq!(outcome["chosen"]["id"], chosen.id.as_u64());
    assert_eq!(outcome["chosen"]["session_id"], session);
    assert_eq!(one("location_update").longitude, Some(-71.05));
    assert_eq!(one("client_error").data.as_deref(), Some("no sound: \"Größe\" & <b>"));
    assert!(chosen.client_instant().is_some(), "{chosen:?}");
    let data =
        |name: &str| serde_json::from_str::<Value>(one(name).data.as_deref().unwrap()).unwrap();
    assert_eq!(data("start_asset"), json!({ "asset_id": 17 }));
    assert_eq!(data("stop_asset")["asset_id"], 17);
    assert_eq!(data("stop_asset")["duration_in_seconds"], outcome["heard"]["duration_in_seconds"]);
    assert_eq!(data("start_session")["project_id"], 1);
    assert_eq!(outcome["uiConfig"], json!({ "listen": [], "speak": [] }));
    assert_eq!((&outcome["speakers"], &outcome["pool"]), (&json!([]), &json!(0)));
    assert_eq!(everything(store).len(), LOGGED.len());
}

fn run_node(node: &Path, arguments: &[&str]) -> (bool, String) {
    install();
    let mut program = Command::new(node);
    let output = program.arg(folder().join("node.js")).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    println!("{said}");
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_published_client_logs_in_node() {
    let Some(node) = program("DIURNAL_CLIENTS_NODE") else { return };
    let (running, store) = service(Settings::default());
    let (ok, outcome) = run_node(&node, &[&running.url("/api/2")]);
    assert!(ok, "{outcome}");
    assert_logged(&store, &serde_json::from_str(&outcome).unwrap());
}

#[test]
fn the_published_client_logs_with_the_token_that_it_is_given_and_not_without() {
    let Some(node) = program("DIURNAL_CLIENTS_NODE") else { return };
    let (running, store) = service(tokens());
    let (ok, _) = run_node(&node, &[&running.url("/api/2")]);
    assert!(!ok && everything(&store).is_empty());
    let (ok, outcome) = run_node(&node, &[&running.url("/api/2"), TOKEN]);
    assert!(ok, "{outcome}");
    assert_logged(&store, &serde_json::from_str(&outcome).unwrap());
}

/// Another origin: the page with the client, and where it posts the outcome.
struct Origin {
    address: SocketAddr,
    outcomes: Receiver<Value>,
}

impl Origin {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, outcomes) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                // A browser opens connections that it says nothing on.
                let sender = sender.clone();
                std::thread::spawn(move || drop(serve(&stream.unwrap(), &sender)));
            }
        });
        Self { address, outcomes }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Answers one request.
fn serve(mut stream: &TcpStream, outcomes: &Sender<Value>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        head += &line;
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let path = head.split([' ', '?']).nth(1).unwrap_or_default();
    let script = "text/javascript; charset=utf-8";
    let framework = "node_modules/roundware-web-framework/dist/roundware.umd.js";
    let (kind, file) = match path {
        "/" => ("text/html; charset=utf-8", "page.html"),
        "/scenario.js" => (script, "scenario.js"),
        "/roundware.umd.js" => (script, framework),
        "/outcome" => {
            let _ = outcomes.send(serde_json::from_slice(&body).unwrap());
            return stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
        }
        _ => {
            let none = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            return stream.write_all(none);
        }
    };
    let bytes = std::fs::read(folder().join(file))?;
    let length = bytes.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(&bytes)
}

/// A browser with a profile of its own, which ends with all its processes when it is dropped.
struct Browser {
    child: Child,
    _profile: tempfile::TempDir,
}

impl Browser {
    fn open(program: &Path, url: &str) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let child = Command::new(program)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
            ])
            .args(["--no-first-run", "--disable-dev-shm-usage"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        Self { child, _profile: profile }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let group = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        let _ = self.child.wait();
    }
}

/// What the page comes to in a browser.
fn browse(chromium: &Path, origin: &Origin, running: &Running, token: &str) -> Value {
    install();
    let server = running.url("/api/2");
    let url = format!("{}/?server={server}&token={token}", origin.url());
    let _browser = Browser::open(chromium, &url);
    origin.outcomes.recv_timeout(PATIENCE).expect("the page comes to an outcome")
}

#[test]
fn the_published_client_logs_in_a_browser_from_an_origin_that_is_allowed() {
    let Some(chromium) = program("DIURNAL_CLIENTS_CHROMIUM") else { return };
    let origin = Origin::start();
    let (running, store) = service(tokens().origins(vec![origin.url()]));
    let outcome = browse(&chromium, &origin, &running, TOKEN);
    assert_logged(&store, &outcome);
}

#[test]
fn a_page_of_another_origin_logs_nothing() {
    let Some(chromium) = program("DIURNAL_CLIENTS_CHROMIUM") else { return };
    let origin = Origin::start();
    let (running, store) = service(Settings::new().origins(vec!["https://walk.example".into()]));
    let outcome = browse(&chromium, &origin, &running, "");
    assert!(outcome["failed"].is_string(), "{outcome}");
    assert_eq!(everything(&store), []);
}
