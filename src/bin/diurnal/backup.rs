//! The command `backup`.
//!
//! Owns: what is printed, and that status 3 says that a day could not be read. Does not own what is
//! copied.

use std::io::Write;

use diurnal::{BackupReport, Day, Store};
use serde::Serialize;

use crate::amounts::{self, counted};
use crate::args::RowFormat;
use crate::args::upkeep::BackupArguments;
use crate::failure::{Failure, Outcome};
use crate::output::write_json_line;
use crate::progress;
use crate::text;
use crate::upkeep::row_format;

pub(crate) fn backup(arguments: &BackupArguments, out: &mut dyn Write) -> Result<Outcome, Failure> {
    // Only reads, and so works beside a writer.
    let store = Store::open_read_only(&arguments.store)?;
    let report = progress::of_upkeep(|tell| store.backup_to_with(&arguments.directory, tell))?;
    match row_format(arguments.format) {
        RowFormat::Jsonl => write_lines(&report, out)?,
        RowFormat::Table => write_text(&report, out)?,
    }
    Ok(if report.problems.is_empty() { Outcome::Done } else { Outcome::Damaged })
}

fn write_lines(report: &BackupReport, out: &mut dyn Write) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Copied {
        copied: Day,
    }
    #[derive(Serialize)]
    struct Total {
        days_copied: usize,
        days_kept: usize,
        bytes_copied: u64,
        problems: usize,
    }
    for day in &report.copied {
        write_json_line(out, &Copied { copied: *day })?;
    }
    report.problems.iter().try_for_each(|problem| write_json_line(out, problem))?;
    let total = Total {
        days_copied: report.copied.len(),
        days_kept: report.kept.len(),
        bytes_copied: report.bytes_copied,
        problems: report.problems.len(),
    };
    write_json_line(out, &total)
}

fn write_text(report: &BackupReport, out: &mut dyn Write) -> Result<(), Failure> {
    for day in &report.copied {
        writeln!(out, "copied {day}")?;
    }
    for problem in &report.problems {
        writeln!(out, "not copied: {}", text::neutral(&problem.to_string()))?;
    }
    let kept = match report.kept.len() as u64 {
        0 => String::new(),
        days => format!("; {} there already", counted(days, "day")),
    };
    let days = counted(report.copied.len() as u64, "day");
    Ok(writeln!(out, "copied {days}, {}{kept}", amounts::size(report.bytes_copied))?)
}
