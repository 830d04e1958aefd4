//! The command `export`.
//!
//! Owns: where an export goes, and what its progress counts. Does not own the formats, which are the
//! library's.
//!
//! Invariant: a file that is named has its name only once it is whole.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;

use diurnal::export::{self, EventWriter, OutputFile, csv, geojson, jsonl};
use diurnal::{Query, Store};

use crate::args::export::{ExportArguments, ExportFormat};
use crate::failure::{Failure, Outcome};
use crate::filters::filter;
use crate::gaps;
use crate::progress;
use crate::query::explain;

pub(crate) fn export(arguments: &ExportArguments, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let path = arguments.output.as_deref().filter(|path| *path != Path::new("-"));
    let format = arguments.format.unwrap_or_else(|| format_of(path, arguments.lines));
    if arguments.lines && format != ExportFormat::Geojson {
        return Err(Failure::usage("--lines writes geojson alone"));
    }
    let mut query = Query::from(filter(&arguments.filters)?);
    query.limit = arguments.limit;
    let store = Store::open_read_only(&arguments.store)?;
    if arguments.filters.explain {
        return explain(&store, &query, false, out);
    }
    let source = Source { store, query, allow_gaps: arguments.filters.allow_gaps };
    let Some(path) = path else {
        return to_standard_output(&source, format, arguments.lines, out);
    };
    let mut file = OutputFile::create(path, arguments.force)?;
    let (count, outcome) = match format {
        ExportFormat::Sqlite => source.write(&mut *sqlite_writer(file.temporary_path())?)?,
        ExportFormat::Parquet => source.write(&mut *parquet_writer(&mut file)?)?,
        _ => source.write_text(format, arguments.lines, &mut file)?,
    };
    file.place()?;
    writeln!(out, "{{\"exported\":{count}}}")?;
    Ok(outcome)
}

fn to_standard_output(
    source: &Source,
    format: ExportFormat,
    lines: bool,
    out: &mut dyn Write,
) -> Result<Outcome, Failure> {
    let written = match format {
        ExportFormat::Sqlite => {
            Err(Failure::usage("an SQLite file cannot be piped: name a file with -o"))
        }
        ExportFormat::Parquet if io::stdout().is_terminal() => {
            Err(Failure::usage("a Parquet file is not for a terminal: name a file with -o"))
        }
        // The writer takes nothing that is bound to one thread, as the locked output is.
        ExportFormat::Parquet => {
            source.write(&mut *parquet_writer(&mut BufWriter::new(io::stdout()))?)
        }
        _ => source.write_text(format, lines, out),
    };
    written.map(|(_count, outcome)| outcome)
}

/// The format that a file's ending names.
fn format_of(path: Option<&Path>, lines: bool) -> ExportFormat {
    let extension = path.and_then(Path::extension).and_then(|extension| extension.to_str());
    match extension.unwrap_or_default().to_ascii_lowercase().as_str() {
        _ if lines => ExportFormat::Geojson,
        "csv" => ExportFormat::Csv,
        "geojson" => ExportFormat::Geojson,
        "parquet" => ExportFormat::Parquet,
        "sqlite" | "sqlite3" | "db" => ExportFormat::Sqlite,
        _ => ExportFormat::Jsonl,
    }
}

/// What is exported.
struct Source {
    store: Store,
    query: Query,
    allow_gaps: bool,
}

impl Source {
    fn write_text(
        &self,
        format: ExportFormat,
        lines: bool,
        out: &mut dyn Write,
    ) -> Result<(u64, Outcome), Failure> {
        match format {
            ExportFormat::Geojson if lines => {
                let bar = progress::of_things(0, "sessions");
                let filter = &self.query.filter;
                let count = geojson::write_paths(&self.store, filter, out, |done, total| {
                    bar.set_length(total);
                    bar.set_position(done);
                })?;
                Ok((count, Outcome::Done))
            }
            ExportFormat::Csv => self.write(&mut csv::Writer::new(out)),
            ExportFormat::Geojson => self.write(&mut geojson::Writer::new(out)),
            _ => self.write(&mut jsonl::Writer::new(out)),
        }
    }

    /// How many events were written, and how the command then ends.
    fn write(&self, writer: &mut dyn EventWriter) -> Result<(u64, Outcome), Failure> {
        let mut events = match self.allow_gaps {
            true => self.store.allow_gaps().query(&self.query)?,
            false => self.store.query(&self.query)?,
        };
        let bar = progress::of_things(self.total(), "events");
        let written = export::write_all(&mut events, writer, |count| bar.set_position(count))?;
        // Gone before anything is told.
        drop(bar);
        Ok((written, gaps::tell(events.gaps())))
    }

    /// How many events are to be written: counted only for a person who waits, 0 else.
    fn total(&self) -> u64 {
        if !progress::is_seen() {
            return 0;
        }
        let counted = self.store.allow_gaps().count(&self.query.filter);
        let found = counted.map_or(0, |count| count.found);
        self.query.limit.map_or(found, |limit| limit.min(found))
    }
}

#[cfg(feature = "parquet")]
fn parquet_writer<'a>(
    out: &'a mut (dyn Write + Send),
) -> Result<Box<dyn EventWriter + 'a>, Failure> {
    Ok(Box::new(export::parquet::Writer::new(out)?))
}

#[cfg(not(feature = "parquet"))]
fn parquet_writer<'a>(
    _out: &'a mut (dyn Write + Send),
) -> Result<Box<dyn EventWriter + 'a>, Failure> {
    Err(Failure::built_without("parquet"))
}

#[cfg(feature = "sqlite")]
fn sqlite_writer(path: &Path) -> Result<Box<dyn EventWriter>, Failure> {
    Ok(Box::new(export::sqlite::Writer::create(path)?))
}

#[cfg(not(feature = "sqlite"))]
fn sqlite_writer(_path: &Path) -> Result<Box<dyn EventWriter>, Failure> {
    Err(Failure::built_without("sqlite"))
}
