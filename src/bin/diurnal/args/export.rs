//! What `export` takes.
//!
//! Owns: its options and help. Does not own the filters, which `filters` has for every command.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::filters::FilterArguments;

#[derive(Debug, Args)]
#[command(after_help = "\
Events come in order of their server time. A file has its name only once it is whole and on disk; until
then it is FILE.tmp. With a FILE the command prints {\"exported\":N}. `import` reads each format back.

  jsonl    one JSON object a line, exact
  csv      RFC 4180 with a header; what a spreadsheet would run as a formula gets an apostrophe before it
  geojson  a feature for each event, or with --lines the path of each session, for maps
  parquet  a row for each event, with the points of GeoParquet 1.1, for DuckDB, pyarrow and Spark
  sqlite   the tables events and tags with indexes, and the views sessions and readable

  diurnal export events -o events.parquet
  diurnal export events --from 2026-11-01 --event-type client_error --format csv > errors.csv
  diurnal export events --from today --limit 100 -o sample.csv
  diurnal export events --lines -o walks.geojson")]
pub(crate) struct ExportArguments {
    /// The store's directory.
    pub(crate) store: PathBuf,
    /// The file to write; - is standard output [default: -]
    #[arg(long, short, value_name = "FILE|-")]
    pub(crate) output: Option<PathBuf>,
    /// How to write events [default: as FILE's ending says, else jsonl]
    #[arg(long)]
    pub(crate) format: Option<ExportFormat>,
    /// Write the path of each session as a line with its times, in place of a point for each event;
    /// geojson alone.
    #[arg(long, conflicts_with = "allow_gaps")]
    pub(crate) lines: bool,
    /// Write at most so many events, the first ones.
    #[arg(long, value_name = "N", conflicts_with = "lines")]
    pub(crate) limit: Option<u64>,
    /// Replace FILE if it is there.
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) filters: FilterArguments,
}

/// How events are exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// One JSON object a line.
    Jsonl,
    /// Comma separated values with a header.
    Csv,
    /// A GeoJSON feature collection.
    Geojson,
    /// A Parquet file (needs the feature `parquet`).
    Parquet,
    /// An SQLite database (needs the feature `sqlite`).
    Sqlite,
}
