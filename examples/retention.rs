//! How old days leave a store: what a rule would drop, dropping it, a day dropped by name, and what
//! a clock that jumps does.
//!
//! Run it with `cargo run --example retention`. It works in a temporary directory and leaves
//! nothing behind.

#![allow(clippy::print_stdout, reason = "what it finds is printed")]

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use diurnal::{Day, ManualClock, NewEvent, PruneReport, Retention, Store, event_type};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const DAYS: usize = 30;
const EVENTS_A_DAY: usize = 200;

fn main() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let clock = Arc::new(ManualClock::new("2026-10-25T09:00:00Z".parse()?));
    let store = Store::builder().clock(Arc::clone(&clock)).open(directory.path().join("store"))?;
    for _ in 0..DAYS {
        log_day(&store)?;
        clock.advance(DAY);
    }
    print_days("After thirty days", &store)?;

    // What would go is told before anything does.
    let rule = Retention::KEEP_ALL.max_age_days(14);
    print_report("To keep 14 days would drop", &store.prune_plan(&rule)?);
    print_report("To keep 14 days dropped", &store.prune(&rule)?);
    print_days("What is left", &store)?;

    let unwanted: Day = "2026-11-15".parse()?;
    store.drop_day(unwanted)?;
    print_days("Without 2026-11-15", &store)?;

    // A kiosk's clock jumps to the end of its counter. Its events are kept under the day it says,
    // and one such day does not make all the others old.
    clock.set("2038-01-19T03:14:07Z".parse()?);
    log_day(&store)?;
    print_report("After a jump to 2038, to keep 14 days would drop", &store.prune_plan(&rule)?);
    print_days("What the store holds", &store)?;
    store.close()?;
    Ok(())
}

fn log_day(store: &Store) -> diurnal::Result<()> {
    let heartbeat = |index: usize| {
        NewEvent::new(format!("session-{}", index % 7), event_type::HEARTBEAT)
            .data(format!("beat {index}"))
    };
    store.log_events((0..EVENTS_A_DAY).map(heartbeat))?;
    Ok(())
}

fn print_days(title: &str, store: &Store) -> diurnal::Result<()> {
    let days = store.days()?;
    let events = days.iter().map(|day| day.events).sum::<u64>();
    let bytes = days.iter().map(|day| day.bytes).sum::<u64>();
    println!("\n{title}: {} days, {events} events, {bytes} bytes", days.len());
    if let (Some(first), Some(last)) = (days.first(), days.last()) {
        println!("  {} to {}", first.day, last.day);
    }
    Ok(())
}

fn print_report(title: &str, report: &PruneReport) {
    println!("\n{title}: {} days, {} bytes", report.dropped.len(), report.bytes_freed);
    if let (Some(first), Some(last)) = (report.dropped.first(), report.dropped.last()) {
        println!("  {} to {}", first.day, last.day);
    }
    if !report.held_back.is_empty() {
        println!("  {} days held back: the clock may have jumped", report.held_back.len());
    }
}
