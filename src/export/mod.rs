//! Events out, and in again: JSON lines, CSV, GeoJSON, Parquet and SQLite.
//!
//! Each format has a `Writer`, an [`EventWriter`] that takes events one at a time and holds a bounded
//! number of them; [`write_all`] gives it every event of a result. What a file holds is told in
//! [`guide::export`](crate::guide::export). GeoJSON, Parquet and SQLite are read back by the function
//! `read` of their module, JSON lines by the serde form of [`NewEvent`], and CSV by the program.
//!
//! ```
//! use diurnal::export::{csv, write_all};
//! use diurnal::{NewEvent, Query, Store};
//!
//! let store = Store::in_memory()?;
//! let time = "2026-11-23T10:00:00Z".parse()?;
//! store.log_event(NewEvent::new(1, "heartbeat").server_time(time).data("=1+1"))?;
//! let mut file = Vec::new();
//! write_all(store.query(&Query::new())?, &mut csv::Writer::new(&mut file), |_count| {})?;
//! assert!(String::from_utf8_lossy(&file).ends_with(",heartbeat,,,,,'=1+1\r\n"));
//! # Ok::<(), diurnal::Error>(())
//! ```
//!
//! Owns: what the formats share: [`EventWriter`], [`Row`], [`OutputFile`], and the columns' names. Does
//! not own which events are meant (`query`), nor how a batch of columns is made (`batches`).
//!
//! Invariants: memory does not grow with the number of events; what is read back of a file that was
//! written here is every event with every field, ids aside.

pub mod csv;
mod file;
pub mod geojson;
pub mod jsonl;
#[cfg(feature = "parquet")]
pub mod parquet;
#[cfg(feature = "sqlite")]
pub mod sqlite;

use std::io::{self, Write};
use std::ops::ControlFlow;

use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, NewEvent};

pub use file::OutputFile;

/// How many events are written between two reports of progress.
const REPORT_EVENTS: u64 = 1024;

/// Writes events in one format.
pub trait EventWriter {
    /// Writes one more event, or holds it until more have come.
    ///
    /// # Errors
    ///
    /// `DiskFull` or `Io` where the output takes no more. What was written is then of no use.
    fn write(&mut self, event: &Event) -> Result<()>;

    /// Writes what is held, and what the format ends with; called once, after the last event.
    ///
    /// # Errors
    ///
    /// As [`EventWriter::write`].
    fn finish(&mut self) -> Result<()>;
}

/// Writes every event of a result, and says now and then how many have been written; how many in all.
///
/// # Errors
///
/// The first of the result or of the writer, which is then not finished.
pub fn write_all(
    events: impl IntoIterator<Item = Result<Event>>,
    writer: &mut dyn EventWriter,
    mut progress: impl FnMut(u64),
) -> Result<u64> {
    let mut count = 0_u64;
    for event in events {
        writer.write(&event?)?;
        count += 1;
        if count.is_multiple_of(REPORT_EVENTS) {
            progress(count);
        }
    }
    writer.finish()?;
    progress(count);
    Ok(count)
}

/// One event of a file that is read back.
#[derive(Debug)]
#[non_exhaustive]
pub struct Row {
    /// Its place in the file, from 1.
    pub number: u64,
    /// Bytes of the event's text.
    pub bytes: usize,
    /// The event; or which rule it breaks, and the next one can be read all the same. Its id is not
    /// read: the store that it is logged in gives another.
    pub event: Result<NewEvent>,
}

impl Row {
    pub(crate) fn new(number: u64, event: Result<NewEvent>) -> Self {
        let bytes = event.as_ref().map_or(0, |event| {
            let texts = [Some(&event.session_id), event.client_time.as_ref(), event.data.as_ref()];
            texts.into_iter().flatten().chain(&event.tags).map(String::len).sum()
        });
        Self { number, bytes, event }
    }
}

/// What is done with a row, and whether the reading goes on.
pub(crate) type OnRow<'a> = &'a mut dyn FnMut(Row) -> ControlFlow<()>;

/// The output refused bytes.
pub(crate) fn write_error(error: io::Error) -> Error {
    Error::io("writing the output", error)
}

/// A file is not what it should be.
pub(crate) fn file_error(reason: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidInput, reason)
}

/// One JSON value.
pub(crate) fn write_json(out: &mut dyn Write, value: &impl serde::Serialize) -> Result<()> {
    // Values have a JSON form; writing one fails only where the output does.
    serde_json::to_writer(out, value).map_err(|error| write_error(error.into()))
}
