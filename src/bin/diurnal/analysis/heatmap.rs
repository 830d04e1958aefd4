//! The command `heatmap`.
//!
//! Owns: cells with their counts, as a table, as JSON and as GeoJSON.

use std::io::Write;

use diurnal::analysis::{Cell, Heat, Heatmap};
use diurnal::map::{MapData, geojson};

use super::{ask, bar};
use crate::amounts::counted;
use crate::args::activity::{HeatmapArguments, HeatmapFormat};
use crate::args::format_or_default;
use crate::failure::{Failure, Outcome};
use crate::file::write_to;
use crate::output::write_json_line;
use crate::table::{Column, Table};

pub(crate) fn heatmap(
    arguments: &HeatmapArguments,
    out: &mut dyn Write,
) -> Result<Outcome, Failure> {
    let question = |filter| {
        let question =
            Heatmap::new(arguments.cell).filter(filter).no_fix(arguments.no_fix.no_fix());
        match arguments.limit {
            Some(cells) => question.limit(cells),
            None => question,
        }
    };
    let unasked = match arguments.output {
        Some(_) => HeatmapFormat::Json,
        None => format_or_default(None, HeatmapFormat::Table, HeatmapFormat::Json),
    };
    let format = arguments.format.unwrap_or(unasked);
    let json = format != HeatmapFormat::Table;
    let (heat, outcome) = ask(&arguments.store, &arguments.filters, json, out, question)?;
    let Some(heat) = heat else { return Ok(outcome) };
    write_to(arguments.output.as_deref(), out, |out| match format {
        HeatmapFormat::Table => write_table(&heat, out),
        HeatmapFormat::Json => write_json_line(out, &heat),
        HeatmapFormat::Geojson => Ok(writeln!(out, "{}", geojson(&MapData::Density(heat)))?),
    })?;
    Ok(outcome)
}

const COLUMNS: &[Column] = &[
    Column::right("LATITUDE"),
    Column::right("LONGITUDE"),
    Column::right("EVENTS"),
    Column::right("SESSIONS"),
    Column::left(""),
];

fn write_table(heat: &Heat, out: &mut dyn Write) -> Result<(), Failure> {
    let mut table = Table::new(out, COLUMNS);
    let most = heat.cells.first().map_or(0, |cell| cell.events);
    for cell in &heat.cells {
        let (latitude, longitude) = middle(cell);
        table.row(vec![
            format!("{latitude:.6}"),
            format!("{longitude:.6}"),
            cell.events.to_string(),
            cell.sessions.to_string(),
            bar(cell.events, most),
        ])?;
    }
    table.finish()?;
    writeln!(
        out,
        "\n{} of {}; {} with a place, {} without",
        heat.cells.len(),
        counted(heat.cells_total, "cell"),
        counted(heat.events, "event"),
        heat.nowhere
    )?;
    Ok(())
}

/// Its latitude and longitude: no cell lies across the antimeridian.
fn middle(cell: &Cell) -> (f64, f64) {
    let bounds = cell.bounds;
    ((bounds.south + bounds.north) / 2.0, (bounds.west + bounds.east) / 2.0)
}
