//! The commands `days`, `info`, `check` and `prune`.
//!
//! Owns: what these print, and when `check` tells of damage by its status. Does not own what is checked,
//! rebuilt or dropped.

use std::io::Write;
use std::path::Path;

use diurnal::{CheckReport, Day, DayInfo, PruneReport, RebuildReport, Retention, Store};
use serde::Serialize;

use crate::amounts::{self, counted};
use crate::args::upkeep::{CheckArguments, DaysArguments, InfoArguments, PruneArguments};
use crate::args::{RowFormat, format_or_default};
use crate::failure::{Failure, Outcome};
use crate::output::write_json_line;
use crate::progress;
use crate::table::{Column, Table};
use crate::text;

pub(crate) fn row_format(asked: Option<RowFormat>) -> RowFormat {
    format_or_default(asked, RowFormat::Table, RowFormat::Jsonl)
}

/// Opens for writing, but makes no store where there is none to be kept.
pub(crate) fn open_existing(path: &Path) -> Result<Store, Failure> {
    if !path.is_dir() {
        return Err(Failure::message(format!("not found: no store at {}", path.display())));
    }
    Ok(Store::open(path)?)
}

const DAY_COLUMNS: &[Column] = &[
    Column::left("DAY"),
    Column::right("EVENTS"),
    Column::left("FIRST"),
    Column::left("LAST"),
    Column::right("SIZE"),
    Column::left("STATE"),
];

pub(crate) fn days(arguments: &DaysArguments, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let store = Store::open_read_only(&arguments.store)?;
    let days = store.days()?;
    match row_format(arguments.format) {
        RowFormat::Jsonl => days.iter().try_for_each(|day| write_json_line(out, day))?,
        RowFormat::Table => {
            let mut table = Table::new(out, DAY_COLUMNS);
            for day in &days {
                table.row(vec![
                    day.day.to_string(),
                    day.events.to_string(),
                    text_or_dash(day.first.map(|first| amounts::time(arguments.tz, first))),
                    text_or_dash(day.last.map(|last| amounts::time(arguments.tz, last))),
                    amounts::size(day.bytes),
                    if day.sealed { "sealed" } else { "open" }.to_owned(),
                ])?;
            }
            table.finish()?;
        }
    }
    Ok(Outcome::Done)
}

pub(crate) fn info(arguments: &InfoArguments, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let store = Store::open_read_only(&arguments.store)?;
    let info = store.info()?;
    match row_format(arguments.format) {
        RowFormat::Jsonl => write_json_line(out, &info)?,
        RowFormat::Table => {
            let path = info.path.as_ref().map(|path| text::neutral(&path.to_string_lossy()));
            writeln!(out, "path       {}", text_or_dash(path))?;
            writeln!(out, "events     {}", info.events)?;
            writeln!(out, "days       {}", info.days)?;
            writeln!(out, "first day  {}", text_or_dash(info.first_day))?;
            writeln!(out, "last day   {}", text_or_dash(info.last_day))?;
            writeln!(out, "size       {}", amounts::size(info.bytes))?;
            writeln!(out, "format     {}", info.format_version)?;
            if info.erasure_pending {
                writeln!(out, "erasure    begun and not done; opening for writing ends it")?;
            }
        }
    }
    Ok(Outcome::Done)
}

fn text_or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

pub(crate) fn check(arguments: &CheckArguments, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let format = row_format(arguments.format);
    if !arguments.rebuild {
        let store = Store::open_read_only(&arguments.store)?;
        let report = progress::of_upkeep(|tell| store.check_with(tell))?;
        write_check(&report, format, out)?;
        return Ok(if report.is_clean() { Outcome::Done } else { Outcome::Damaged });
    }
    let store = open_existing(&arguments.store)?;
    let rebuilt = progress::of_upkeep(|tell| store.rebuild_with(tell))?;
    write_rebuild(&rebuilt, format, out)?;
    // Shown at once: the check that follows takes as long again.
    out.flush()?;
    let report = progress::of_upkeep(|tell| store.check_with(tell))?;
    write_check(&report, format, out)?;
    store.close()?;
    let whole = report.is_clean() && rebuilt.events_lost == 0 && rebuilt.days_cut_short.is_empty();
    Ok(if whole { Outcome::Done } else { Outcome::Damaged })
}

fn write_check(
    report: &CheckReport,
    format: RowFormat,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Total<'a> {
        days: u64,
        events: u64,
        events_lost: u64,
        #[serde(skip_serializing_if = "<[Day]>::is_empty")]
        days_cut_short: &'a [Day],
        problems: usize,
    }
    let CheckReport { days, events, events_lost, days_cut_short, problems, .. } = report;
    match format {
        RowFormat::Jsonl => {
            problems.iter().try_for_each(|problem| write_json_line(out, problem))?;
            let (days, events, events_lost) = (*days, *events, *events_lost);
            let problems = problems.len();
            write_json_line(out, &Total { days, events, events_lost, days_cut_short, problems })
        }
        RowFormat::Table => {
            for problem in problems {
                writeln!(out, "{}", text::neutral(&problem.to_string()))?;
            }
            let found = match problems.len() {
                0 => "no damage".to_owned(),
                found => counted(found as u64, "problem"),
            };
            let (days, events) = (counted(*days, "day"), counted(*events, "event"));
            writeln!(out, "checked {days} with {events}: {found}")?;
            for day in days_cut_short {
                writeln!(out, "{day} may have had more events, lost to damage before a rebuild")?;
            }
            if *events_lost > 0 {
                writeln!(
                    out,
                    "lost to damage before a rebuild: {}",
                    counted(*events_lost, "event")
                )?;
            }
            Ok(())
        }
    }
}

fn write_rebuild(
    report: &RebuildReport,
    format: RowFormat,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    if format == RowFormat::Jsonl {
        return write_json_line(out, report);
    }
    for problem in &report.problems {
        writeln!(out, "{}", text::neutral(&problem.to_string()))?;
    }
    for day in &report.days_rebuilt {
        let cut_short = report.days_cut_short.contains(day);
        let more = if cut_short { ", which may have had more events" } else { "" };
        writeln!(out, "rebuilt {day}{more}")?;
    }
    Ok(writeln!(
        out,
        "rebuilt {} of {} with {}, {} lost",
        report.days_rebuilt.len(),
        counted(report.days, "day"),
        counted(report.events, "event"),
        counted(report.events_lost, "event")
    )?)
}

pub(crate) fn prune(arguments: &PruneArguments, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let mut retention = Retention::KEEP_ALL;
    retention.max_age_days = arguments.keep_days;
    retention.max_bytes = arguments.max_bytes;
    let report = if arguments.dry_run {
        // Only looks, and so works beside a writer.
        Store::open_read_only(&arguments.store)?.prune_plan(&retention)?
    } else {
        let store = open_existing(&arguments.store)?;
        let report = progress::of_upkeep(|tell| store.prune_with(&retention, tell))?;
        store.close()?;
        report
    };
    match row_format(arguments.format) {
        RowFormat::Jsonl => write_prune_lines(&report, arguments.dry_run, out)?,
        RowFormat::Table => write_prune_text(&report, arguments.dry_run, out)?,
    }
    Ok(Outcome::Done)
}

fn write_prune_lines(
    report: &PruneReport,
    dry_run: bool,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Dropped {
        dropped: Day,
        events: u64,
        bytes: u64,
    }
    #[derive(Serialize)]
    struct HeldBack {
        held_back: Day,
    }
    #[derive(Serialize)]
    struct Total {
        days: usize,
        events: u64,
        bytes_freed: u64,
        dry_run: bool,
    }
    for DayInfo { day, events, bytes, .. } in &report.dropped {
        write_json_line(out, &Dropped { dropped: *day, events: *events, bytes: *bytes })?;
    }
    for day in &report.held_back {
        write_json_line(out, &HeldBack { held_back: *day })?;
    }
    let events = report.dropped.iter().map(|day| day.events).sum();
    let (days, bytes_freed) = (report.dropped.len(), report.bytes_freed);
    write_json_line(out, &Total { days, events, bytes_freed, dry_run })
}

fn write_prune_text(
    report: &PruneReport,
    dry_run: bool,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let done = if dry_run { "would drop" } else { "dropped" };
    for DayInfo { day, events, bytes, .. } in &report.dropped {
        let (events, size) = (counted(*events, "event"), amounts::size(*bytes));
        writeln!(out, "{done} {day}: {events}, {size}")?;
    }
    for day in &report.held_back {
        writeln!(out, "kept {day}: past the limit, but the clock may have jumped")?;
    }
    let days = counted(report.dropped.len() as u64, "day");
    let events = counted(report.dropped.iter().map(|day| day.events).sum(), "event");
    let size = amounts::size(report.bytes_freed);
    Ok(writeln!(out, "{done} {days} in all: {events}, {size}")?)
}
