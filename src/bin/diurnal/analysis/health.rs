//! The commands `health` and `silent`.
//!
//! Owns: how sessions end and which sources have fallen silent, as tables and as JSON.

use std::io::Write;

use diurnal::analysis::{Health, HealthFigures, HealthReport, Silence, SilenceReport};
use diurnal::{Timestamp, Zone};

use super::{answer, span};
use crate::amounts::{self, counted};
use crate::args::ListFormat;
use crate::args::flows::{HealthArguments, SilentArguments};
use crate::failure::{Failure, Outcome};
use crate::filters::instant;
use crate::output::write_json_line;
use crate::table::{Column, Table};
use crate::text;

pub(crate) fn health(arguments: &HealthArguments, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let question = |filter| {
        let question = Health::new()
            .filter(filter)
            .gap(arguments.gap)
            .open(arguments.open)
            .limit(arguments.limit);
        match arguments.at {
            Some(at) => question.at(instant(at, &arguments.filters)),
            None => question,
        }
    };
    let zone = arguments.filters.tz;
    let write = |report: &HealthReport, format, out: &mut dyn Write| match format {
        ListFormat::Table => write_health(report, zone, out),
        ListFormat::Json => write_json_line(out, report),
        ListFormat::Jsonl => report.days.iter().try_for_each(|day| write_json_line(out, day)),
    };
    answer(&arguments.store, &arguments.filters, arguments.format, out, question, write)
}

fn write_health(report: &HealthReport, zone: Zone, out: &mut dyn Write) -> Result<(), Failure> {
    let columns = [
        Column::left("DAY"),
        Column::right("EVENTS"),
        Column::right("SESSIONS"),
        Column::right("RETURNING"),
        Column::right("ENDED"),
        Column::right("NO CLEANUP"),
        Column::right("WENT ON"),
        Column::right("OPEN"),
        Column::right("GAPS"),
        Column::right("LONGEST GAP"),
        Column::right("UPLOADS"),
        Column::right("UNSTOPPED"),
    ];
    let mut table = Table::new(out, &columns);
    for day in &report.days {
        table.row(health_cells(day.day.to_string(), &day.figures))?;
    }
    table.row(health_cells("all".to_owned(), &report.total))?;
    table.finish()?;
    writeln!(out)?;
    write_now(report.at, zone, out)?;
    if report.unended.is_empty() {
        return Ok(());
    }
    let of = counted(report.total.without_cleanup, "session");
    writeln!(out, "{} of {of} that ended without cleanup_session:", report.unended.len())?;
    let columns = [Column::left("SESSION"), Column::left("LAST EVENT"), Column::left("LAST TYPE")];
    let mut table = Table::new(out, &columns);
    for session in &report.unended {
        table.row(vec![
            text::neutral(&session.id),
            amounts::time(zone, session.last),
            text::neutral(&session.last_type),
        ])?;
    }
    Ok(table.finish()?)
}

fn health_cells(day: String, figures: &HealthFigures) -> Vec<String> {
    let longest = match figures.heartbeat_gaps {
        0 => "-".to_owned(),
        _ => span(figures.longest_gap_micros),
    };
    vec![
        day,
        figures.events.to_string(),
        figures.sessions.to_string(),
        figures.returning.to_string(),
        figures.ended.to_string(),
        figures.without_cleanup.to_string(),
        figures.after_cleanup.to_string(),
        figures.open.to_string(),
        figures.heartbeat_gaps.to_string(),
        longest,
        figures.uploads.to_string(),
        figures.uploads_unstopped.to_string(),
    ]
}

fn write_now(at: Option<Timestamp>, zone: Zone, out: &mut dyn Write) -> Result<(), Failure> {
    match at {
        Some(at) => writeln!(out, "as of {}", amounts::time(zone, at))?,
        None => writeln!(out, "no events")?,
    }
    Ok(())
}

pub(crate) fn silent(arguments: &SilentArguments, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let question = |filter| {
        let mut question = Silence::new()
            .filter(filter)
            .after(arguments.after)
            .ended(arguments.ended)
            .limit(arguments.limit);
        if !arguments.heartbeat.is_empty() {
            question = question.heartbeat_types(&arguments.heartbeat);
        }
        question.by_tag = arguments.by_tag.clone();
        question.at = arguments.at.map(|at| instant(at, &arguments.filters));
        question
    };
    let write = |report: &SilenceReport, format, out: &mut dyn Write| match format {
        ListFormat::Table => write_silent(report, arguments, out),
        ListFormat::Json => write_json_line(out, report),
        ListFormat::Jsonl => report.list.iter().try_for_each(|silent| write_json_line(out, silent)),
    };
    answer(&arguments.store, &arguments.filters, arguments.format, out, question, write)
}

fn write_silent(
    report: &SilenceReport,
    arguments: &SilentArguments,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let zone = arguments.filters.tz;
    let (title, noun) = match arguments.by_tag {
        Some(_) => ("DEVICE", "device"),
        None => ("SESSION", "session"),
    };
    let mut columns = vec![
        Column::left(title),
        Column::left("SINCE"),
        Column::right("FOR"),
        Column::left("LAST EVENT"),
        Column::left("LAST TYPE"),
    ];
    columns.extend(arguments.ended.then(|| Column::left("ENDED")));
    let mut table = Table::new(out, &columns);
    for silent in &report.list {
        let mut cells = vec![
            text::neutral(&silent.id),
            amounts::time(zone, silent.since),
            span(silent.silent_micros),
            amounts::time(zone, silent.last),
            text::neutral(&silent.last_type),
        ];
        let ended = if silent.ended { "yes" } else { "no" };
        cells.extend(arguments.ended.then(|| ended.to_owned()));
        table.row(cells)?;
    }
    table.finish()?;
    writeln!(out)?;
    writeln!(
        out,
        "silent: {} of {} with heartbeats; {} without",
        report.silent,
        counted(report.sources, noun),
        counted(report.without_heartbeat, noun)
    )?;
    write_now(report.at, zone, out)
}
