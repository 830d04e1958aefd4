//! How a participant is forgotten, and how a store is copied while it is in use: what an erasure would do,
//! the receipt of it, and a backup that is brought up to date.
//!
//! Run it with `cargo run --example forgetting`. It works in a temporary directory and leaves nothing
//! behind.

#![allow(clippy::print_stdout, reason = "what it finds is printed")]

use std::error::Error;

use diurnal::{BackupReport, ErasureReport, Filter, NewEvent, Store, event_type};

const DAYS: u32 = 3;
const EVENTS_A_DAY: usize = 100;

fn main() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let store = Store::open(directory.path().join("store"))?;
    for day in 20..20 + DAYS {
        let event = |index: usize| -> diurnal::Result<NewEvent> {
            let time = format!("2026-11-{day}T10:{:02}:{:02}Z", index / 60, index % 60);
            let event = NewEvent::new(format!("visitor-{}", index % 5), event_type::HEARTBEAT);
            Ok(event.data(format!("beat {index}")).server_time(time.parse()?))
        };
        let events: Result<Vec<_>, _> = (0..EVENTS_A_DAY).map(event).collect();
        store.log_events(events?)?;
    }

    let copy = directory.path().join("copy");
    print_backup("A first backup", &store.backup_to(&copy)?);

    // What would go is told before anything does.
    print_erasure("Erasing visitor-3 would take", &store.erasure_plan("visitor-3")?);
    print_erasure("Erasing visitor-3 took", &store.erase_session("visitor-3")?);
    println!("  visitor-3 is there: {}", is_there(&store)?);

    // The copy is not reached until it is brought up to date.
    let before = is_there(&Store::open_read_only(&copy)?)?;
    print_backup("A second backup", &store.backup_to(&copy)?);
    let after = is_there(&Store::open_read_only(&copy)?)?;
    println!("  visitor-3 was in the copy: {before}, and is now: {after}");
    store.close()?;
    Ok(())
}

fn is_there(store: &Store) -> diurnal::Result<bool> {
    Ok(store.count(&Filter::session("visitor-3"))? > 0)
}

fn print_erasure(title: &str, report: &ErasureReport) {
    println!("\n{title} {} events of {} days", report.events, report.days.len());
    if let Some(at) = report.erased_at {
        println!("  at {at}, verified: {}", report.verified);
    }
    for remains in &report.remains {
        println!("  may remain in {remains}");
    }
}

fn print_backup(title: &str, report: &BackupReport) {
    let (copied, kept) = (report.copied.len(), report.kept.len());
    println!("\n{title} copied {copied} days, and had {kept}; {} problems", report.problems.len());
}
