//! Reports from a log: its sessions, what happened in them by type, tag and hour, and a long result
//! read a page at a time.
//!
//! Run it with `cargo run --example sessions`. The store lives in memory.

#![allow(clippy::print_stdout, reason = "what it finds is printed")]

use std::error::Error;
use std::fs;

use diurnal::{
    Count, Cursor, Event, Filter, GroupBy, NewEvent, Order, Query, Store, TimeRange, event_type,
};

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/roundware.jsonl");

fn main() -> Result<(), Box<dyn Error>> {
    let store = Store::in_memory()?;
    let events = fs::read_to_string(SAMPLE)?
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<Vec<NewEvent>, _>>()?;
    println!("{} events logged", store.log_events(events)?.len());

    let uploads = Filter::event_type(event_type::STOP_UPLOAD);
    println!("\nSessions that sent a recording, and how many:");
    for session in store.sessions(&uploads)?.iter().take(10) {
        println!("  {:<8} {:>3}  first {}", session.id, session.events, session.first_seen);
    }

    print_counts("Events by type", &store.count_by(&Filter::All, GroupBy::EventType)?);
    let choices = Filter::event_type(event_type::MODIFY_STREAM);
    print_counts("Choices by tag", &store.count_by(&choices, GroupBy::Tag)?);
    let from = "2013-02-02".parse()?;
    let to = "2013-02-03".parse()?;
    let one_day = Filter::ServerTime(TimeRange { from, to });
    print_counts("Events by hour of 2013-02-02", &store.count_by(&one_day, GroupBy::Hour)?);

    let others = Filter::not(Filter::event_type(event_type::HEARTBEAT));
    let query = Query::from(others).order(Order::Descending).limit(200);
    let (pages, seen) = read_in_pages(&store, &query)?;
    println!("\nEvents other than heartbeats, newest first: {seen} in {pages} pages");
    Ok(())
}

fn print_counts(title: &str, counts: &[Count]) {
    println!("\n{title}:");
    for Count { key, count } in counts.iter().take(12) {
        println!("  {count:>5}  {key}");
    }
}

/// Reads a result to its end, a page at a time. Between two pages a client holds nothing but the
/// cursor, as text; events that arrive meanwhile neither repeat nor hide any that was there.
fn read_in_pages(store: &Store, first_page: &Query) -> diurnal::Result<(usize, usize)> {
    let (mut pages, mut seen) = (0, 0);
    let mut cursor: Option<String> = None;
    loop {
        let mut query = first_page.clone();
        if let Some(cursor) = &cursor {
            query = query.after(cursor.parse()?);
        }
        let page = store.query(&query)?.collect::<diurnal::Result<Vec<Event>>>()?;
        let Some(last) = page.last() else {
            return Ok((pages, seen));
        };
        cursor = Some(Cursor::from(last).to_string());
        pages += 1;
        seen += page.len();
        store.log_event(NewEvent::new("latecomer", "page_read"))?;
    }
}
