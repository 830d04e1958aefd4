//! The command `erase`.
//!
//! Owns: that nothing is erased without `--yes`, what is printed, and that status 1 says that something
//! may remain. Does not own what is erased.

use std::io::Write;

use diurnal::{Day, ErasedDay, ErasureReport, Remains, Store, Timestamp};
use serde::Serialize;

use crate::amounts::counted;
use crate::args::RowFormat;
use crate::args::upkeep::EraseArguments;
use crate::failure::{Failure, Outcome};
use crate::output::write_json_line;
use crate::progress;
use crate::text;
use crate::upkeep::{open_existing, row_format};

pub(crate) fn erase(arguments: &EraseArguments, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let id = &arguments.session_id;
    let report = if arguments.yes {
        let store = open_existing(&arguments.store)?;
        let report = progress::of_upkeep(|tell| store.erase_session_with(id, tell))?;
        store.close()?;
        report
    } else {
        // Only looks, and so works beside a writer.
        Store::open_read_only(&arguments.store)?.erasure_plan(id)?
    };
    match row_format(arguments.format) {
        RowFormat::Jsonl => write_lines(&report, out)?,
        RowFormat::Table => write_text(&report, out)?,
    }
    let done = report.erased_at.is_none() || report.verified;
    Ok(if done { Outcome::Done } else { Outcome::Wanting })
}

fn write_lines(report: &ErasureReport, out: &mut dyn Write) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Erased {
        erased: Day,
        events: u64,
    }
    #[derive(Serialize)]
    struct Remaining<'a> {
        remains: &'a str,
        reason: &'a str,
    }
    #[derive(Serialize)]
    struct Total<'a> {
        session_id: &'a str,
        days: usize,
        events: u64,
        remains: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        erased_at: Option<Timestamp>,
        verified: bool,
        dry_run: bool,
    }
    for ErasedDay { day, events, .. } in &report.days {
        write_json_line(out, &Erased { erased: *day, events: *events })?;
    }
    for Remains { file, reason, .. } in &report.remains {
        write_json_line(out, &Remaining { remains: file, reason })?;
    }
    let total = Total {
        session_id: &report.session_id,
        days: report.days.len(),
        events: report.events,
        remains: report.remains.len(),
        erased_at: report.erased_at,
        verified: report.verified,
        dry_run: report.erased_at.is_none(),
    };
    write_json_line(out, &total)
}

fn write_text(report: &ErasureReport, out: &mut dyn Write) -> Result<(), Failure> {
    let done = if report.erased_at.is_some() { "erased" } else { "would erase" };
    for ErasedDay { day, events, .. } in &report.days {
        writeln!(out, "{done} {day}: {}", counted(*events, "event"))?;
    }
    for remains in &report.remains {
        writeln!(out, "may remain in {}", text::neutral(&remains.to_string()))?;
    }
    let id = text::neutral(&report.session_id);
    let events = counted(report.events, "event");
    let days = counted(report.days.len() as u64, "day");
    write!(out, "{done} session {id}: {events} of {days}")?;
    match (report.erased_at, report.verified) {
        (None, _) => writeln!(out, "; --yes does it")?,
        (Some(at), true) => writeln!(out, ", at {at}, verified")?,
        (Some(at), false) => writeln!(out, ", at {at}; something may remain")?,
    }
    Ok(())
}
