//! The command `skew`.
//!
//! Owns: how far clients' clocks are off, as tables, as JSON and as a plot.

use std::io::Write;

use diurnal::Zone;
use diurnal::analysis::{ClockSkew, ClockSkewReport, Quantiles};

use super::ask;
use crate::amounts::{self, counted, duration};
use crate::args::clocks::SkewArguments;
use crate::args::{ListFormat, format_or_default};
use crate::failure::{Failure, Outcome};
use crate::output::write_json_line;
use crate::picture::write_plot;
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
    let json = matches!(arguments.format, Some(ListFormat::Json | ListFormat::Jsonl));
    let (report, outcome) = ask(&arguments.store, &arguments.filters, json, out, question)?;
    let Some(report) = report else { return Ok(outcome) };
    if let Some(path) = &arguments.output {
        write_plot(path, out, || plot(arguments, &report))?;
        return Ok(outcome);
    }
    match format_or_default(arguments.format, ListFormat::Table, ListFormat::Jsonl) {
        ListFormat::Table => write_table(&report, arguments.filters.tz, out)?,
        ListFormat::Json => write_json_line(out, &report)?,
        ListFormat::Jsonl => report.sessions.iter().try_for_each(|it| write_json_line(out, it))?,
    }
    Ok(outcome)
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
    let colon = if report.server_jumps.is_empty() { "" } else { ":" };
    writeln!(out, "{} of the server's clock{colon}", jumps(report.server_jumps_total))?;
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

fn jumps(count: u64) -> String {
    if count == 0 { "no jump".to_owned() } else { counted(count, "jump") }
}

fn write_totals(report: &ClockSkewReport, out: &mut dyn Write) -> Result<(), Failure> {
    let (times, sessions) =
        (counted(report.readings, "client time"), counted(report.sessions_total, "session"));
    write!(out, "{times} of {sessions}")?;
    if report.unreadable > 0 {
        write!(out, "; {} more cannot be read", report.unreadable)?;
    }
    if report.without > 0 {
        write!(out, "; {} without one", counted(report.without, "event"))?;
    }
    writeln!(out, "; {}", jumps(report.jumps))?;
    if let Some(spread) = &report.skew_micros {
        let [median, q1, q3, min, max] = quartiles(spread);
        writeln!(out, "client minus server, the sessions' medians: {median} in the middle,")?;
        writeln!(out, "half of them {q1} to {q3}, all {min} to {max}")?;
    }
    Ok(())
}

/// A bar for each length of time that clocks are off: the sessions, and their client times.
#[cfg(feature = "map")]
fn plot(arguments: &SkewArguments, report: &ClockSkewReport) -> String {
    use diurnal::map::plot::{BarPlot, Series};

    let store = arguments.store.file_name().unwrap_or(arguments.store.as_os_str());
    let buckets = &report.buckets;
    let plot = BarPlot {
        title: format!("How far clients' clocks are off in {}", store.to_string_lossy()),
        note: format!(
            "{} of {}, a session by the median of its own",
            counted(report.readings, "client time"),
            counted(report.sessions_total, "session")
        ),
        names: buckets.iter().map(|it| bucket_name(it.from_micros, it.to_micros)).collect(),
        series: vec![
            Series::new("Sessions", buckets.iter().map(|it| it.sessions as f64)),
            Series::new("Client times", buckets.iter().map(|it| it.readings as f64)),
        ],
    };
    plot.svg()
}

#[cfg(not(feature = "map"))]
fn plot(_: &SkewArguments, _: &ClockSkewReport) -> String {
    String::new()
}

/// `1 h to 1 d slow`.
#[cfg(feature = "map")]
fn bucket_name(from_micros: Option<i64>, to_micros: Option<i64>) -> String {
    let pair = |near, far, side| format!("{} to {} {side}", length(near), length(far));
    match (from_micros, to_micros) {
        (Some(from), Some(to)) if from >= 0 => pair(from, to, "fast"),
        (Some(from), Some(to)) if to <= 0 => pair(to, from, "slow"),
        (Some(_), Some(to)) => format!("less than {} off", length(to)),
        (Some(from), None) => format!("{} and more fast", length(from)),
        (None, Some(to)) => format!("{} and more slow", length(to)),
        (None, None) => String::new(),
    }
}

/// A round length of time, without its sign.
#[cfg(feature = "map")]
fn length(micros: i64) -> String {
    const UNITS: [(u64, &str); 6] = [
        (31_536_000_000_000, "year"),
        (86_400_000_000, "d"),
        (3_600_000_000, "h"),
        (60_000_000, "min"),
        (1_000_000, "s"),
        (1_000, "ms"),
    ];
    let micros = micros.unsigned_abs();
    let unit = UNITS.into_iter().find(|(unit, _)| micros.is_multiple_of(*unit));
    unit.map_or(format!("{micros} µs"), |(unit, name)| format!("{} {name}", micros / unit))
}
