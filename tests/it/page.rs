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

use std::path::Path;
use std::process::Command;

use diurnal::http::{Settings, Tokens};
use diurnal::testing::workload::Workload;
use diurnal::{Retention, Store};

use crate::service::{Request, Running};

const EVENTS: u64 = 6_000;
const DAYS: u32 = 3;
const TOKEN: &str = "a-token-for-those-who-read";

/// A service of a store in memory with some days of walks.
fn started(settings: Settings) -> Running {
    let store = Store::in_memory().unwrap();
    store.log_events(Workload::realistic().events(EVENTS).days(DAYS).iter()).unwrap();
    Running::start(store, settings)
}

#[test]
fn the_page_is_answered_with_a_policy_and_a_tag() {
    let service = started(Settings::new());
    let page = service.get("/").expect(200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe-"), "{policy}");
    assert!(page.text().starts_with("<!DOCTYPE html>"));
    let tag = page.header("etag").unwrap();
    let again = service.call(&Request::get("/").header("If-None-Match", tag)).expect(304);
    assert_eq!(again.header("etag"), Some(tag));
    let licences = service.get("/page/licenses.txt").expect(200);
    assert_eq!(licences.header("content-type"), Some("text/plain; charset=utf-8"));
    for library in ["uPlot", "Leaflet"] {
        assert!(licences.text().contains(library), "{library}");
    }
    for wrong in ["/page/", "/page/mod.rs", "/page/..%2fmod.rs", "/page/views"] {
        service.get(wrong).expect(404);
    }
}

#[test]
fn the_page_of_a_nested_service_finds_its_files() {
    let service = Running::nested("/log", Store::in_memory().unwrap(), Settings::new());
    let page = service.get("/log/").expect(200);
    let addresses = page.text().split([' ', '>']).filter_map(|attribute| {
        let value = attribute.strip_prefix("href=").or(attribute.strip_prefix("src="))?;
        Some(value.trim_matches('"'))
    });
    let files: Vec<&str> = addresses.filter(|address| !address.starts_with('#')).collect();
    assert!(files.contains(&"page/main.js") && files.contains(&"page/style.css"), "{files:?}");
    for file in files {
        assert!(!file.starts_with('/') && !file.contains(':'), "{file} leads out of /log/");
        service.get(&format!("/log/{file}")).expect(200);
    }
    let astray = service.get("/log?").expect(307);
    assert_eq!(astray.header("location"), Some("./log/"), "from here they would not be found");
}

#[test]
fn a_browser_shows_what_the_log_holds() {
    if std::env::var_os("DIURNAL_BROWSER").is_none() {
        println!("passed over: DIURNAL_BROWSER names no browser");
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    assert!(folder.join("node_modules").is_dir(), "npm ci --prefix tests/browser has not been run");
    let kept = Retention::KEEP_ALL.max_age_days(3_650).max_bytes(1 << 40);
    let open = started(Settings::new().retention(kept));
    let tokens = Some(Tokens::parse(TOKEN).unwrap());
    let closed = started(Settings::new().read_tokens(tokens));
    let output = Command::new("node")
        .arg(folder.join("page.mjs"))
        .arg(open.url("/"))
        .env("DIURNAL_TOKEN_URL", closed.url("/"))
        .env("DIURNAL_TOKEN", TOKEN)
        .output()
        .expect("node runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    println!("{said}");
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
}
