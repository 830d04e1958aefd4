//! The command `tags`.
//!
//! Owns: the tags that people chose, as a table and as JSON.

use std::io::Write;

use diurnal::analysis::{TagFigures, Tags, TagsReport};
use diurnal::{Query, Store};

use crate::args::sessions::TagsArguments;
use crate::args::{ListFormat, format_or_default};
use crate::failure::{Failure, Outcome};
use crate::filters::filter;
use crate::output::write_json_line;
use crate::query::explain;
use crate::table::{Column, Table};
use crate::{gaps, human, text};

pub(crate) fn tags(arguments: &TagsArguments, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let filter = filter(&arguments.filters)?;
    let store = Store::open_read_only(&arguments.store)?;
    if arguments.filters.explain {
        let json = matches!(arguments.format, Some(ListFormat::Json | ListFormat::Jsonl));
        return explain(&store, &Query::from(filter), json, out);
    }
    let mut question = Tags::new()
        .filter(filter)
        .sort(arguments.sort)
        .limit(arguments.limit)
        .together(arguments.together);
    if let Some(gap) = arguments.listening_gap {
        question = question.listening_gap(gap);
    }
    let allowed = arguments.filters.allow_gaps;
    let (report, outcome) =
        gaps::ask(&store, allowed, |it| it.ask(&question), |it| it.ask(&question))?;
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
            human::duration(tag.listening_micros),
            together(tag),
        ])?;
    }
    table.finish()?;
    writeln!(
        out,
        "\n{} tags in {} choices of {} sessions, heard for {}",
        report.tags_chosen,
        report.choices,
        report.sessions,
        human::duration(report.listening_micros)
    )?;
    Ok(())
}

/// `3 (12), 8 (4)`.
fn together(tag: &TagFigures) -> String {
    let one = |count: &diurnal::Count| format!("{} ({})", text::neutral(&count.key), count.count);
    tag.together.iter().map(one).collect::<Vec<_>>().join(", ")
}
