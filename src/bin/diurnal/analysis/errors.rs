//! The command `errors`.
//!
//! Owns: groups of client errors, as a table and as JSON.

use std::io::Write;

use diurnal::Zone;
use diurnal::analysis::{ClientErrors, ClientErrorsReport};

use super::answer;
use crate::amounts::{self, counted};
use crate::args::ListFormat;
use crate::args::flows::ErrorsArguments;
use crate::failure::{Failure, Outcome};
use crate::output::write_json_line;
use crate::table::{Column, Table};
use crate::text;

const COLUMNS: &[Column] = &[
    Column::right("COUNT"),
    Column::right("SESSIONS"),
    Column::left("FIRST"),
    Column::left("LAST"),
    Column::left("MESSAGE"),
];

pub(crate) fn errors(arguments: &ErrorsArguments, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let question = |filter| {
        let question = ClientErrors::new().filter(filter).limit(arguments.limit);
        match arguments.error_type.is_empty() {
            true => question,
            false => question.types(&arguments.error_type),
        }
    };
    let zone = arguments.filters.tz;
    let write = |report: &ClientErrorsReport, format, out: &mut dyn Write| match format {
        ListFormat::Table => write_table(report, zone, out),
        ListFormat::Json => write_json_line(out, report),
        ListFormat::Jsonl => report.groups.iter().try_for_each(|group| write_json_line(out, group)),
    };
    answer(&arguments.store, &arguments.filters, arguments.format, out, question, write)
}

fn write_table(
    report: &ClientErrorsReport,
    zone: Zone,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let mut table = Table::new(out, COLUMNS);
    for group in &report.groups {
        table.row(vec![
            group.count.to_string(),
            group.sessions.to_string(),
            amounts::time(zone, group.first),
            amounts::time(zone, group.last),
            group.pattern.as_deref().map_or("(no message)".to_owned(), shown),
        ])?;
    }
    if let Some(others) = &report.others {
        table.row(vec![
            others.count.to_string(),
            others.sessions.to_string(),
            amounts::time(zone, others.first),
            amounts::time(zone, others.last),
            "(others)".to_owned(),
        ])?;
    }
    table.finish()?;
    writeln!(out)?;
    writeln!(
        out,
        "{} in {}, in {}",
        counted(report.count, "error"),
        counted(report.groups_found, "group"),
        counted(report.sessions, "session")
    )?;
    Ok(())
}

/// The last column is as wide as it must be: a message's end often tells more than its beginning.
fn shown(pattern: &str) -> String {
    if pattern.is_empty() { "(empty message)".to_owned() } else { text::neutral(pattern) }
}
