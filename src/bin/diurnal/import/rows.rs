//! Files of rows: GeoJSON, Parquet, SQLite.
//!
//! Owns: how their rows are handed on, several at a time. Does not own how they are read, which is the
//! library's.
//!
//! Invariant: at most [`ROWS_AT_ONCE`] rows, and about [`BYTES_AT_ONCE`] of their text, wait here.

use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;

use diurnal::export::{Row, geojson};

use crate::args::ingest::ImportFormat;
use crate::failure::Failure;

/// Rows that are handed on at once.
const ROWS_AT_ONCE: usize = 256;
/// Bytes of text that are handed on at once.
const BYTES_AT_ONCE: usize = 1024 * 1024;

/// A kind of file, and what one of its rows is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowFile {
    Geojson,
    Parquet,
    Sqlite,
}

impl RowFile {
    pub(super) fn of(format: ImportFormat) -> Option<Self> {
        match format {
            ImportFormat::Geojson => Some(Self::Geojson),
            ImportFormat::Parquet => Some(Self::Parquet),
            ImportFormat::Sqlite => Some(Self::Sqlite),
            ImportFormat::Jsonl | ImportFormat::Csv | ImportFormat::Query => None,
        }
    }

    /// What one of its rows is called.
    pub(super) fn unit(self) -> &'static str {
        match self {
            Self::Geojson => "feature",
            Self::Parquet | Self::Sqlite => "row",
        }
    }

    /// Refuses what only lines can do.
    pub(super) fn check(self, path: &Path, rejects: bool) -> Result<(), Failure> {
        if rejects {
            return Err(Failure::message("--rejects keeps lines, and this format has none"));
        }
        match self {
            Self::Geojson => Ok(()),
            _ if path != Path::new("-") => Ok(()),
            _ => Err(Failure::message("this format is read from a file, not from a pipe")),
        }
    }
}

/// Reads a file to its end. `send` says whether anybody listens any more.
pub(super) fn read(
    kind: RowFile,
    path: &Path,
    input: impl Read,
    mut send: impl FnMut(Vec<Row>) -> bool,
) -> Result<(), Failure> {
    // What comes from a pipe is not held back.
    let at_once = if path == Path::new("-") { 1 } else { ROWS_AT_ONCE };
    let mut waiting = Vec::new();
    let mut bytes = 0;
    let mut on_row = |row: Row| {
        bytes += row.bytes;
        waiting.push(row);
        if waiting.len() < at_once && bytes < BYTES_AT_ONCE {
            return ControlFlow::Continue(());
        }
        bytes = 0;
        if send(std::mem::take(&mut waiting)) {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    };
    let read = match kind {
        RowFile::Geojson => geojson::read(input, &mut on_row).map_err(Failure::from),
        RowFile::Parquet => read_parquet(path, &mut on_row),
        RowFile::Sqlite => read_sqlite(path, &mut on_row),
    };
    // Rows before the place where a file is damaged are good.
    send(waiting);
    read.map_err(|failure| match &failure {
        Failure::Store(error) => {
            let reason = super::decode::reason(error);
            failure.in_words(format!("cannot read {}: {reason}", path.display()))
        }
        _ => failure,
    })
}

type OnRow<'a> = &'a mut dyn FnMut(Row) -> ControlFlow<()>;

#[cfg(feature = "parquet")]
fn read_parquet(path: &Path, on_row: OnRow<'_>) -> Result<(), Failure> {
    Ok(diurnal::export::parquet::read(path, on_row)?)
}

#[cfg(not(feature = "parquet"))]
fn read_parquet(_path: &Path, _on_row: OnRow<'_>) -> Result<(), Failure> {
    Err(Failure::built_without("parquet"))
}

#[cfg(feature = "sqlite")]
fn read_sqlite(path: &Path, on_row: OnRow<'_>) -> Result<(), Failure> {
    Ok(diurnal::export::sqlite::read(path, on_row)?)
}

#[cfg(not(feature = "sqlite"))]
fn read_sqlite(_path: &Path, _on_row: OnRow<'_>) -> Result<(), Failure> {
    Err(Failure::built_without("sqlite"))
}
