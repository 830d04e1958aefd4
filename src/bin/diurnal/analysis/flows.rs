//! The commands `paths` and `funnel`.
//!
//! Owns: transitions between actions and the steps of a funnel, as tables and as JSON.

use std::io::Write;

use diurnal::Count;
use diurnal::analysis::{Funnel, FunnelReport, FunnelStep, Paths, PathsReport, Quantiles};

use super::{answer, not_listed, span};
use crate::amounts::counted;
use crate::args::ListFormat;
use crate::args::flows::{FunnelArguments, PathsArguments};
use crate::failure::{Failure, Outcome};
use crate::output::write_json_line;
use crate::table::{Column, Table};
use crate::text;

/// First and last types that a line of a table names.
const ENDS_SHOWN: usize = 5;

pub(crate) fn paths(arguments: &PathsArguments, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let question = |filter| {
        let question =
            Paths::new().filter(filter).ignored(arguments.ignored.ignored()).limit(arguments.limit);
        match arguments.gap {
            Some(gap) => question.gap(gap),
            None => question,
        }
    };
    let write = |report: &PathsReport, format, out: &mut dyn Write| match format {
        ListFormat::Table => write_paths(report, out),
        ListFormat::Json => write_json_line(out, report),
        ListFormat::Jsonl => report.paths.iter().try_for_each(|path| write_json_line(out, path)),
    };
    answer(&arguments.store, &arguments.filters, arguments.format, out, question, write)
}

fn write_paths(report: &PathsReport, out: &mut dyn Write) -> Result<(), Failure> {
    let columns = [
        Column::left("FROM"),
        Column::left("TO"),
        Column::right("COUNT"),
        Column::right("SHARE"),
        Column::right("MEDIAN DELAY"),
        Column::right("P90"),
    ];
    let mut table = Table::new(out, &columns);
    for path in &report.paths {
        table.row(vec![
            text::neutral(&path.from),
            text::neutral(&path.to),
            path.count.to_string(),
            share(path.count, report.transitions),
            span(path.delay_micros.median),
            span(path.delay_micros.p90),
        ])?;
    }
    table.finish()?;
    writeln!(out)?;
    writeln!(
        out,
        "{}{}; {}, {}, {}",
        counted(report.transitions, "transition"),
        not_listed(report.others),
        counted(report.events, "event"),
        counted(report.sessions, "session"),
        counted(report.visits, "visit")
    )?;
    writeln!(out, "first: {}", listed(&report.first_types, report.visits))?;
    writeln!(out, "last:  {}", listed(&report.last_types, report.visits))?;
    Ok(())
}

/// A part of a whole in percent.
fn share(part: u64, whole: u64) -> String {
    match whole {
        0 => "-".to_owned(),
        whole => format!("{:.1} %", part as f64 * 100.0 / whole as f64),
    }
}

/// Counts in a line, of so many in all.
fn listed(counts: &[Count], all: u64) -> String {
    let mut shown: Vec<_> = counts
        .iter()
        .take(ENDS_SHOWN)
        .map(|count| format!("{} {}", text::shortened(&count.key), count.count))
        .collect();
    if counts.iter().take(ENDS_SHOWN).map(|count| count.count).sum::<u64>() < all {
        shown.push("…".to_owned());
    }
    if shown.is_empty() { "-".to_owned() } else { shown.join(", ") }
}

pub(crate) fn funnel(arguments: &FunnelArguments, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let question = |filter| {
        let question = Funnel::new(arguments.steps.iter().cloned())
            .filter(filter)
            .ignored(arguments.ignored.ignored())
            .limit(arguments.limit);
        match arguments.within {
            Some(within) => question.within(within),
            None => question,
        }
    };
    let write = |report: &FunnelReport, format, out: &mut dyn Write| match format {
        ListFormat::Table => write_funnel(report, out),
        ListFormat::Json => write_json_line(out, report),
        ListFormat::Jsonl => report.steps.iter().try_for_each(|step| write_json_line(out, step)),
    };
    answer(&arguments.store, &arguments.filters, arguments.format, out, question, write)
}

fn write_funnel(report: &FunnelReport, out: &mut dyn Write) -> Result<(), Failure> {
    let columns = [
        Column::right("STEP"),
        Column::left("TYPE"),
        Column::right("SESSIONS"),
        Column::right("OF ALL"),
        Column::right("OF STEP BEFORE"),
        Column::right("MEDIAN DELAY"),
        Column::right("P90"),
        Column::right("DROPPED"),
        Column::left("LAST"),
    ];
    let mut table = Table::new(out, &columns);
    let mut before = report.sessions;
    for (place, step) in report.steps.iter().enumerate() {
        let delay = |of: fn(&Quantiles<u64>) -> u64| {
            step.delay_micros.as_ref().map_or("-".to_owned(), |delay| span(of(delay)))
        };
        table.row(vec![
            (place + 1).to_string(),
            name(&step.types),
            step.sessions.to_string(),
            share(step.sessions, report.sessions),
            share(step.sessions, before),
            delay(|delay| delay.median),
            delay(|delay| delay.p90),
            step.dropped.to_string(),
            listed(&step.last_types, step.dropped),
        ])?;
        before = step.sessions;
    }
    table.finish()?;
    writeln!(out)?;
    writeln!(out, "{}", counted(report.sessions, "session"))?;
    Ok(())
}

fn name(step: &FunnelStep) -> String {
    text::neutral(&step.types().join("|"))
}
