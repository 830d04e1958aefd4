//! The command `tags`.
//!
//! Owns: the tags that people chose, as a table, as JSON and as a plot.

use std::io::Write;

use diurnal::analysis::{TagFigures, Tags, TagsReport};

use super::ask;
use crate::amounts::{self, counted};
use crate::args::sessions::TagsArguments;
use crate::args::{ListFormat, format_or_default};
use crate::failure::{Failure, Outcome};
use crate::output::write_json_line;
use crate::picture::write_plot;
use crate::table::{Column, Table};
use crate::text;

pub(crate) fn tags(arguments: &TagsArguments, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let question = |filter| {
        Tags::new()
            .filter(filter)
            .listening_gap(arguments.listening.gap())
            .sort(arguments.sort)
            .limit(arguments.limit)
            .together(arguments.together)
    };
    let json = matches!(arguments.format, Some(ListFormat::Json | ListFormat::Jsonl));
    let (report, outcome) = ask(&arguments.store, &arguments.filters, json, out, question)?;
    let Some(report) = report else { return Ok(outcome) };
    if let Some(path) = &arguments.output {
        write_plot(path, out, || plot(&report))?;
        return Ok(outcome);
    }
    match format_or_default(arguments.format, ListFormat::Table, ListFormat::Jsonl) {
        ListFormat::Table => write_table(&report, out)?,
        ListFormat::Json => write_json_line(out, &report)?,
        ListFormat::Jsonl => report.tags.iter().try_for_each(|tag| write_json_line(out, tag))?,
    }
    Ok(outcome)
}

const COLUMNS: &[Column] = &[
    Column::left("TAG"),
    Column::right("CHOICES"),
    Column::right("SESSIONS"),
    Column::right("HEARD"),
    Column::left("TOGETHER WITH"),
];

fn write_table(report: &TagsReport, out: &mut dyn Write) -> Result<(), Failure> {
    let mut table = Table::new(out, COLUMNS);
    for tag in &report.tags {
        table.row(vec![
            text::neutral(&tag.tag),
            tag.choices.to_string(),
            tag.sessions.to_string(),
            amounts::duration(tag.listening_micros),
            together(tag),
        ])?;
    }
    table.finish()?;
    let heard = amounts::duration(report.listening_micros);
    Ok(writeln!(out, "\n{}, heard for {heard}", sum(report))?)
}

/// `3 tags in 1 choice of 1 session`.
fn sum(report: &TagsReport) -> String {
    format!(
        "{} in {} of {}",
        counted(report.tags_chosen, "tag"),
        counted(report.choices, "choice"),
        counted(report.sessions, "session")
    )
}

/// A bar for each tag: its choices, its sessions, and the hours for which it was heard.
#[cfg(feature = "map")]
fn plot(report: &TagsReport) -> String {
    use diurnal::map::plot::{BarPlot, Series};

    let tags = &report.tags;
    let hours = |tag: &TagFigures| tag.listening_micros as f64 / 3.6e9;
    let plot = BarPlot {
        title: "Tags that people chose".to_owned(),
        note: sum(report),
        names: tags.iter().map(|tag| tag.tag.clone()).collect(),
        series: vec![
            Series::new("Choices", tags.iter().map(|tag| tag.choices as f64)),
            Series::new("Sessions", tags.iter().map(|tag| tag.sessions as f64)),
            Series::new("Hours heard", tags.iter().map(hours)),
        ],
    };
    plot.svg()
}

#[cfg(not(feature = "map"))]
fn plot(_: &TagsReport) -> String {
    String::new()
}

/// `3 (12), 8 (4)`.
fn together(tag: &TagFigures) -> String {
    let one = |count: &diurnal::Count| format!("{} ({})", text::neutral(&count.key), count.count);
    tag.together.iter().map(one).collect::<Vec<_>>().join(", ")
}
