//! A kiosk's day: old logs are imported while visitors use the kiosk, then the log is asked what
//! people did.
//!
//! Run it with `cargo run --example kiosk`. It works in a temporary directory and leaves nothing
//! behind.

#![allow(clippy::print_stdout, reason = "what it finds is printed")]

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::thread;

use diurnal::{
    BoundingBox, Circle, Event, Filter, GroupBy, NewEvent, Query, Store, Timestamp, analysis,
    event_type,
};

/// Events that one batch holds: a batch costs a sync for each day it touches, however many its
/// events are.
const BATCH_EVENTS: usize = 500;

const SAMPLES: [&str; 3] = ["roundware.jsonl", "permits.jsonl", "walks.jsonl"];

fn main() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("store");
    let store = Store::open(&path)?;
    println!("A store in {}", path.display());

    // Any number of threads log to one store; those that wait at the same time share a sync.
    thread::scope(|scope| {
        let import = scope.spawn(|| import_samples(&store));
        let first = scope.spawn(|| visit_with_builder(&store, "visitor-1"));
        let second = scope.spawn(|| visit_with_queries(&store));
        joined(import)??;
        joined(first)??;
        joined(second)??;
        Ok::<(), Box<dyn Error>>(())
    })?;

    report_sessions(&store)?;
    report_tags_wanted(&store)?;
    report_places(&store)?;
    report_errors(&store)?;
    report_story(&store, "4720")?;
    report_story(&store, "visitor-1")?;
    report_plan(&store)?;
    report_state(&store)?;
    store.close()?;
    Ok(())
}

fn joined<T>(thread: thread::ScopedJoinHandle<'_, T>) -> Result<T, String> {
    thread.join().map_err(|_| "a thread panicked".to_owned())
}

fn import_samples(store: &Store) -> Result<(), String> {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data");
    for name in SAMPLES {
        let (imported, rejected) =
            import(store, &samples.join(name)).map_err(|error| format!("{name}: {error}"))?;
        println!("{name}: {imported} events imported, {rejected} rejected");
    }
    Ok(())
}

/// Imports a log of JSON lines. A line that breaks a rule is reported and left out; the others are
/// imported.
fn import(store: &Store, path: &Path) -> Result<(usize, usize), Box<dyn Error>> {
    let (mut imported, mut rejected) = (0, 0);
    let mut batch = Vec::with_capacity(BATCH_EVENTS);
    for (index, line) in BufReader::new(File::open(path)?).lines().enumerate() {
        match parse(store, &line?) {
            Ok(event) => batch.push(event),
            Err(reason) => {
                println!("{}:{}: {reason}", path.display(), index + 1);
                rejected += 1;
            }
        }
        if batch.len() == BATCH_EVENTS {
            imported += store.log_events(batch.drain(..))?.len();
        }
    }
    imported += store.log_events(batch)?.len();
    Ok((imported, rejected))
}

fn parse(store: &Store, line: &str) -> Result<NewEvent, Box<dyn Error>> {
    let event = serde_json::from_str(line)?;
    store.validate(&event)?;
    Ok(event)
}

/// A visitor of the kiosk itself, which has the crate at hand.
fn visit_with_builder(store: &Store, session: &str) -> diurnal::Result<()> {
    let here = |event_type| NewEvent::new(session, event_type).location(42.36, -71.06);
    store.log_event(here(event_type::START_SESSION))?;
    store.log_event(here(event_type::MODIFY_STREAM).tags([3, 8]))?;
    for _ in 0..3 {
        store.log_event(here(event_type::HEARTBEAT))?;
    }
    store.log_event(here(event_type::CLIENT_ERROR).data("microphone not found"))?;
    store.log_event(here(event_type::CLEANUP_SESSION))?;
    Ok(())
}

/// A visitor's phone, whose calls arrive as query strings.
fn visit_with_queries(store: &Store) -> diurnal::Result<()> {
    let calls = [
        "operation=log_event&session_id=9001&event_type=start_session",
        "operation=log_event&session_id=9001&event_type=modify_stream&latitude=1&longitude=1&tags=1,2,3",
        "operation=log_event&session_id=9001&event_type=modify_stream&tag_ids=3%2C22",
        "operation=log_event&session_id=9001&event_type=client_error&data=stream+stopped",
        "operation=log_event&session_id=9001&event_type=cleanup_session",
    ];
    for call in calls {
        store.log_event(NewEvent::from_query(call)?)?;
    }
    Ok(())
}

fn report_sessions(store: &Store) -> diurnal::Result<()> {
    let sessions = store.sessions(&Filter::All)?;
    println!("\n{} sessions; the longest five:", sessions.len());
    for count in store.count_by(&Filter::All, GroupBy::Session)?.iter().take(5) {
        println!("  {:>5} events  {}", count.count, count.key);
    }
    Ok(())
}

fn report_tags_wanted(store: &Store) -> diurnal::Result<()> {
    println!("\nThe tags that people chose to hear:");
    let choices = Filter::event_type(event_type::MODIFY_STREAM);
    for count in store.count_by(&choices, GroupBy::Tag)?.iter().take(8) {
        println!("  {:>5} times   tag {}", count.count, count.key);
    }
    Ok(())
}

fn report_places(store: &Store) -> diurnal::Result<()> {
    // A phone without a fix says 1,1: stored as it came, and left out where places matter.
    let no_fix = BoundingBox { west: 1.0, south: 1.0, east: 1.0, north: 1.0 };
    let placed = Filter::HasLocation(true).and(Filter::not(Filter::BoundingBox(no_fix)));
    let boston = Circle { latitude: 42.36, longitude: -71.06, metres: 30_000.0 };
    let beijing = BoundingBox { west: 116.0, south: 39.6, east: 116.8, north: 40.2 };

    println!("\nWhere:");
    println!("  {:>5} events have a location", store.count(&Filter::HasLocation(true))?);
    println!("  {:>5} of them are more than \"no fix yet\"", store.count(&placed)?);
    println!("  {:>5} within 30 km of Boston", store.count(&Filter::Circle(boston))?);
    println!("  {:>5} in Beijing", store.count(&Filter::BoundingBox(beijing))?);
    Ok(())
}

fn report_errors(store: &Store) -> diurnal::Result<()> {
    let mut messages = BTreeMap::<String, u64>::new();
    for event in store.query(&Filter::event_type(event_type::CLIENT_ERROR).into())? {
        *messages.entry(event?.data.unwrap_or_default()).or_default() += 1;
    }
    println!("\nErrors that clients reported:");
    for (message, count) in messages {
        println!("  {count:>5} times   {message}");
    }
    Ok(())
}

fn report_story(store: &Store, id: &str) -> diurnal::Result<()> {
    let question = analysis::Session::new(id);
    let Some(report) = store.ask(&question)? else {
        println!("\nNo session {id}");
        return Ok(());
    };
    let told_of = &report.figures;
    println!("\nSession {id}: {} events, {}", told_of.events, told_of.first);
    println!(
        "  {} s active, {} choices of tags, {} recordings, {} of them abandoned",
        told_of.active_micros / 1_000_000,
        told_of.choices,
        told_of.recordings_started,
        told_of.abandoned
    );
    for event in store.query(&question.timeline(&report).limit(12))? {
        println!("  {}", told(&event?));
    }
    if told_of.events > 12 {
        println!("  … until {}", told_of.last);
    }
    Ok(())
}

fn told(event: &Event) -> String {
    let mut line = format!("{}  {:<16}", event.server_time, event.event_type);
    if !event.tags.is_empty() {
        line += &format!(" tags {}", event.tags.join(","));
    }
    if let Some(data) = event.data.as_deref().filter(|data| !data.is_empty()) {
        line += &format!(" {data:?}");
    }
    line.trim_end().to_owned()
}

fn report_plan(store: &Store) -> diurnal::Result<()> {
    let from: Timestamp = "2013-02-01".parse()?;
    let to: Timestamp = "2013-03-01".parse()?;
    let query = Query::new()
        .filter(Filter::event_type(event_type::MODIFY_STREAM))
        .filter(Filter::all_tags([3, 8]))
        .between(from, to);
    println!("\nHow a query is answered (choices of tags 3 and 8 in February 2013):");
    for line in store.explain(&query)?.to_string().lines() {
        println!("  {line}");
    }
    Ok(())
}

fn report_state(store: &Store) -> diurnal::Result<()> {
    let info = store.info()?;
    println!("\n{} events on {} days, {} bytes on disk", info.events, info.days, info.bytes);
    let report = store.check()?;
    for problem in &report.problems {
        println!("  {problem}");
    }
    println!("check: {} problems in {} events", report.problems.len(), report.events);
    Ok(())
}
