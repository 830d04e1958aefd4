//! Goal: the page at `/` shows in a real browser what the log holds, follows it, and harms nobody; its files are answered as
//! browsers and their caches want.
//!
//! Method: the service runs in this process on a port of its own; `tests/browser/page.mjs` looks at it with the browser that
//! `DIURNAL_BROWSER` names, and is passed over where that is not set: `npm ci --prefix tests/browser` fetches what it needs. Pictures
//! of each view go to the folder that `DIURNAL_BROWSER_PICTURES` names.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test says what it expects by failing, and what it passes over"
)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;

use diurnal::http::{Service, Settings, Tokens, serve};
use diurnal::testing::workload::Workload;
use diurnal::{Retention, Store};
use tokio::runtime::Runtime;

const EVENTS: u64 = 6_000;
const DAYS: u32 = 3;
const TOKEN: &str = "a-token-for-those-who-read";

/// A service of a store in memory with some days of walks.
fn started(runtime: &Runtime, settings: Settings) -> SocketAddr {
    let store = Store::in_memory().unwrap();
    store.log_events(Workload::realistic().events(EVENTS).days(DAYS).iter()).unwrap();
    let service = Service::new(store, settings).unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(serve(listener, service, std::future::pending()));
    address
}

/// The answer to a request, its head apart.
fn asked(address: SocketAddr, path: &str, header: &str) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(address).unwrap();
    let end = if header.is_empty() { "\r\n".to_owned() } else { format!("{header}\r\n\r\n") };
    let head = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{end}");
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let body = answer.split_off(end + 4);
    (String::from_utf8(answer).unwrap().to_lowercase(), body)
}

#[test]
fn the_page_is_answered_with_a_policy_and_a_tag() {
    let runtime = Runtime::new().unwrap();
    let address = started(&runtime, Settings::new());
    let (head, body) = asked(address, "/", "");
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert!(head.contains("content-type: text/html; charset=utf-8"), "{head}");
    assert!(head.contains("script-src 'self'") && !head.contains("unsafe-"), "{head}");
    assert!(head.contains("x-content-type-options: nosniff"), "{head}");
    assert!(body.starts_with(b"<!DOCTYPE html>"));
    let tag = head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap();
    let (again, body) = asked(address, "/", &format!("if-none-match: {tag}"));
    assert!(again.starts_with("http/1.1 304"), "{again}");
    assert!(body.is_empty());
    let (licences, _) = asked(address, "/page/licenses.txt", "");
    assert!(licences.contains("content-type: text/plain"), "{licences}");
    for wrong in ["/page/", "/page/mod.rs", "/page/..%2fmod.rs", "/page/views"] {
        let (head, _) = asked(address, wrong, "");
        assert!(head.starts_with("http/1.1 404"), "{wrong}: {head}");
    }
}

#[test]
fn a_browser_shows_what_the_log_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    if std::env::var_os("DIURNAL_BROWSER").is_none() {
        println!("passed over: DIURNAL_BROWSER names no browser");
        return;
    }
    assert!(folder.join("node_modules").is_dir(), "npm ci --prefix tests/browser has not been run");
    let runtime = Runtime::new().unwrap();
    let kept = Retention::KEEP_ALL.max_age_days(3_650).max_bytes(1 << 40);
    let open = started(&runtime, Settings::new().retention(kept));
    let tokens = Some(Tokens::parse(TOKEN).unwrap());
    let closed = started(&runtime, Settings::new().read_tokens(tokens));
    let output = Command::new("node")
        .arg(folder.join("page.mjs"))
        .arg(format!("http://{open}/"))
        .env("DIURNAL_TOKEN_URL", format!("http://{closed}/"))
        .env("DIURNAL_TOKEN", TOKEN)
        .output()
        .expect("node runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    println!("{said}");
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
}
