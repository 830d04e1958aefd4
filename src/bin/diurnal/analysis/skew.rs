//! The command `skew`.
//!
//! Owns: how far clients' clocks are off, as tables and as JSON.

use std::io::Write;

use diurnal::Zone;
use diurnal::analysis::{ClockSkew, ClockSkewReport, Quantiles};

use super::answer;
use crate::amounts::{self, counted, duration};
use crate::args::ListFormat;
use crate::args::clocks::SkewArguments;
use crate::failure::{Failure, Outcome};
use crate::output::write_json_line;
use crate::table::{Column, Table};
use crate::text;

const COLUMNS: &[Column] = &[
    Column::left("SESSION"),
    Column::right("READINGS"),
    Column::right("MEDIAN"),
    Column::right("Q1"),
    Column::right("Q3"),
    Column::right("MIN"),
    Column::right("MAX"),
    Column::right("DRIFT A DAY"),
    Column::right("JUMPS"),
];

/// Seconds of a day: of so many a drift is told.
const DAY_SECONDS: f64 = 86_400.0;

pub(crate) fn skew(arguments: &SkewArguments, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let question = |filter| {
        ClockSkew::new()
            .filter(filter)
            .jump(arguments.jump)
            .set_back(arguments.set_back)
            .limit(arguments.limit)
    };
    let zone = arguments.filters.tz;
    let write = |report: &ClockSkewReport, format, out: &mut dyn Write| match format {
        ListFormat::Table => write_table(report, zone, out),
        ListFormat::Json => write_json_line(out, report),
        ListFormat::Jsonl => {
            report.sessions.iter().try_for_each(|session| write_json_line(out, session))
        }
    };
    answer(&arguments.store, &arguments.filters, arguments.format, out, question, write)
}

fn write_table(report: &ClockSkewReport, zone: Zone, out: &mut dyn Write) -> Result<(), Failure> {
    let mut table = Table::new(out, COLUMNS);
    for session in &report.sessions {
        let drift = session.drift_micros_per_second;
        let mut cells = vec![text::neutral(&session.id), session.readings.to_string()];
        cells.extend(quartiles(&session.skew_micros));
        cells.push(drift.map(|drift| duration((drift * DAY_SECONDS) as i64)).unwrap_or_default());
        cells.push(session.jumps.to_string());
        table.row(cells)?;
    }
    table.finish()?;
    writeln!(out)?;
    write_totals(report, out)?;
    let jumps = match report.server_jumps_total {
        0 => "no jump".to_owned(),
        jumps => counted(jumps, "jump"),
    };
    let colon = if report.server_jumps.is_empty() { "" } else { ":" };
    writeln!(out, "{jumps} of the server's clock{colon}")?;
    if report.server_jumps.is_empty() {
        return Ok(());
    }
    let columns = [
        Column::left("BEFORE"),
        Column::left("AFTER"),
        Column::right("BY"),
        Column::left("TOLD BY"),
    ];
    let mut table = Table::new(out, &columns);
    for jump in &report.server_jumps {
        let told = match jump.event {
            Some(event) => format!("the arrival of event {event}"),
            None => counted(jump.sessions, "session"),
        };
        let times = [jump.before, jump.after].map(|time| amounts::time(zone, time));
        let [before, after] = times;
        table.row(vec![before, after, duration(jump.micros), told])?;
    }
    Ok(table.finish()?)
}

fn quartiles(spread: &Quantiles<i64>) -> [String; 5] {
    [spread.median, spread.q1, spread.q3, spread.min, spread.max].map(duration)
}

fn write_totals(report: &ClockSkewReport, out: &mut dyn Write) -> Result<(), Failure> {
    writeln!(
        out,
        "{} of {}; {} more cannot be read; {} without one; {}",
        counted(report.readings, "client time"),
        counted(report.sessions_total, "session"),
        report.unreadable,
        counted(report.without, "event"),
        counted(report.jumps, "jump"),
    )?;
    if let Some(spread) = &report.skew_micros {
        let [median, q1, q3, min, max] = quartiles(spread);
        writeln!(out, "client minus server, the sessions' medians: {median} in the middle,")?;
        writeln!(out, "half of them {q1} to {q3}, all {min} to {max}")?;
    }
    Ok(())
}
