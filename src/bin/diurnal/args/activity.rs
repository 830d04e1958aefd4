//! What `histogram` and `heatmap` take: when, and where, people act.
//!
//! Owns: their options and help. Does not own the filters, which `filters` has for every command.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::ObjectFormat;
use super::filters::FilterArguments;
use super::no_fix::NoFixArguments;
use super::values::parse_span;

#[derive(Debug, Args)]
#[command(after_help = "\
A bucket begins where clocks of the zone, --tz, show a multiple of its length; a day has 23 or 25 hours where they
are set. ALIVE are the most sessions that were alive at once in it: a session is alive from an event to the
next unless that comes later than the gap, and ends with cleanup_session. Buckets without an event are left
out. json is one object, {\"events\":N,\"sessions\":N,\"peak\":{…},\"buckets\":[…]}.

  diurnal histogram events --bucket 1h --tz Europe/Vienna
  diurnal histogram events --bucket 1d --by-type --from 2026-11-01 --format json
  diurnal histogram events --bucket 1h --by-type -o plot.svg")]
pub(crate) struct HistogramArguments {
    /// The store's directory.
    pub(crate) store: PathBuf,
    /// The length of a bucket: 15m, 1h, 1d; it divides a day, or is whole days.
    #[arg(long, value_name = "SPAN", value_parser = parse_span, default_value = "1h")]
    pub(crate) bucket: Duration,
    /// Count by type, too.
    #[arg(long)]
    pub(crate) by_type: bool,
    /// How long a session may be silent and still be alive.
    #[arg(long, value_name = "SPAN", value_parser = parse_span, default_value = "10m")]
    pub(crate) gap: Duration,
    /// How to print [default: table on a terminal, else json]
    #[arg(long)]
    pub(crate) format: Option<ObjectFormat>,
    /// Draw a plot to this file, in place of printing: .svg or .png.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) filters: FilterArguments,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Cells are about square, and do not depend on the events. Those with most events come first. json is one
object, {\"events\":N,\"nowhere\":N,\"cells_total\":N,\"cells\":[…]}, where nowhere are events without a
place; geojson is a polygon for each cell, with its events and sessions.

  diurnal heatmap events --cell 50
  diurnal heatmap events --cell 250 --event-type start_record --format geojson -o cells.geojson")]
pub(crate) struct HeatmapArguments {
    /// The store's directory.
    pub(crate) store: PathBuf,
    /// The side of a cell in metres.
    #[arg(long, value_name = "METRES", default_value_t = 100.0)]
    pub(crate) cell: f64,
    /// List at most so many cells [default: all]
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// How to print [default: table on a terminal, else json]
    #[arg(long)]
    pub(crate) format: Option<HeatmapFormat>,
    /// Write to this file, in place of standard output.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) no_fix: NoFixArguments,
    #[command(flatten)]
    pub(crate) filters: FilterArguments,
}

/// How cells are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum HeatmapFormat {
    /// Aligned columns, each cell by its middle, then the totals.
    Table,
    /// One JSON object.
    Json,
    /// Polygons by RFC 7946.
    Geojson,
}
