//! Rows of a Parquet file back to events.
//!
//! Owns: [`read`]: which columns a file must have, of which types. Does not own the rules of an event,
//! nor how large a page may be (`pages`).
//!
//! Invariants: a few rows, and of each column a page and a dictionary are held at a time; what the
//! Parquet reader panics at is an error.
//!
//! Not bounded, but by the length of the file, is what its metadata costs in memory.

use std::fs::File;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::{
    ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use ::parquet::errors::ParquetError;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float64Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, TimeUnit};

use super::pages::BoundedFile;
use super::{GEOMETRY, WKB_POINT, WKB_POINT_BYTES};
use crate::error::{Error, ErrorKind, Result};
use crate::event::NewEvent;
use crate::export::{Row, file_error};
use crate::time::Timestamp;

/// Rows that are held at once: each may have data of 1 MiB.
const BATCH_ROWS: usize = 32;

/// The columns that are read; others are not looked at.
const COLUMNS: [&str; 9] = [
    "server_time",
    "session_id",
    "event_type",
    "client_time",
    "latitude",
    "longitude",
    "tags",
    "data",
    GEOMETRY,
];

/// Reads each row of a file as an event. Columns are found by their names and may come from another
/// writer: `session_id` and `event_type` of text are required; `client_time` and `data` are text,
/// `server_time` is a timestamp in UTC, `latitude` and `longitude` are doubles, `tags` is a list of text.
/// Without the columns of degrees, `geometry` gives the place, as points in well-known binary.
///
/// # Errors
///
/// `InvalidInput` where the file is not Parquet, is damaged, is compressed by something else than zstd,
/// has a page of more than 64 MiB or 16,777,216 values, or lacks a column; `NotFound` or `Io` where it
/// cannot be read.
/// Rows that were given before stay given. A row that makes no event is no error: it says why.
pub fn read(path: impl AsRef<Path>, mut on_row: impl FnMut(Row) -> ControlFlow<()>) -> Result<()> {
    let path = path.as_ref();
    let file = File::open(path)
        .map_err(|error| Error::io(format!("opening {}", path.display()), error))?;
    let mut batches = contained(|| open(file))??;
    let mut number = 0;
    while let Some(batch) = contained(|| batches.next())? {
        let batch = batch.map_err(|error| damaged(&error))?;
        for row in 0..batch.num_rows() {
            number += 1;
            if on_row(Row::new(number, event(&batch, row))).is_break() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Runs code of the Parquet reader, which panics at some damaged files.
fn contained<T>(read: impl FnOnce() -> T) -> Result<T> {
    // What the reader was at is not used again.
    catch_unwind(AssertUnwindSafe(read))
        .map_err(|_| file_error("is a Parquet file with damage that its reader gave up at"))
}

fn damaged(error: &dyn std::fmt::Display) -> Error {
    file_error(format!("is not a Parquet file that can be read: {error}"))
}

fn open(file: File) -> Result<ParquetRecordBatchReader> {
    let wrong = |error: ParquetError| damaged(&error);
    // Types then follow from Parquet's own, whoever wrote the file.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let file = ParquetRecordBatchReaderBuilder::try_new_with_options(BoundedFile(file), options);
    let file = file.map_err(wrong)?;
    let fields = file.schema().fields().clone();
    let mut wanted = Vec::new();
    for name in COLUMNS {
        let mut found = fields.iter().enumerate().filter(|(_, field)| field.name() == name);
        let (first, second) = (found.next(), found.next());
        if second.is_some() {
            return Err(file_error(format!("has two columns {name}")));
        }
        match first {
            Some((place, field)) => {
                check_type(name, field.data_type())?;
                wanted.push(place);
            }
            None if matches!(name, "session_id" | "event_type") => {
                return Err(file_error(format!("has no column {name}")));
            }
            None => {}
        }
    }
    let mask = ProjectionMask::roots(file.parquet_schema(), wanted);
    file.with_projection(mask).with_batch_size(BATCH_ROWS).build().map_err(wrong)
}

fn check_type(name: &str, found: &DataType) -> Result<()> {
    let rule = match (name, found) {
        ("server_time", DataType::Timestamp(unit, Some(_))) if *unit != TimeUnit::Second => None,
        ("server_time", _) => Some("a timestamp in UTC"),
        ("latitude" | "longitude", DataType::Float64) | (GEOMETRY, DataType::Binary) => None,
        ("latitude" | "longitude", _) => Some("doubles"),
        ("tags", DataType::List(item)) if *item.data_type() == DataType::Utf8 => None,
        ("tags", _) => Some("lists of text"),
        // Points of another encoding are left alone where degrees have columns of their own.
        (GEOMETRY, _) => None,
        (_, DataType::Utf8) => None,
        _ => Some("text"),
    };
    match rule {
        Some(rule) => Err(file_error(format!("column {name}: must be {rule}, not {found}"))),
        None => Ok(()),
    }
}

/// A column's value in a row, where it has one.
fn column<'a>(batch: &'a RecordBatch, name: &str, row: usize) -> Option<&'a dyn Array> {
    batch.column_by_name(name).map(|column| &**column).filter(|column| column.is_valid(row))
}

fn text<'a>(batch: &'a RecordBatch, name: &str, row: usize) -> Option<&'a str> {
    Some(column(batch, name, row)?.as_string_opt::<i32>()?.value(row))
}

fn degrees(batch: &RecordBatch, name: &str, row: usize) -> Option<f64> {
    Some(column(batch, name, row)?.as_primitive_opt::<Float64Type>()?.value(row))
}

fn event(batch: &RecordBatch, row: usize) -> Result<NewEvent> {
    let required = |name| {
        let missing = || file_error(format!("{name}: is required for an event"));
        text(batch, name, row).ok_or_else(missing)
    };
    let mut event = NewEvent::new(required("session_id")?, required("event_type")?);
    if let Some(time) = server_time(batch, row) {
        event = event.server_time(time);
    }
    if let Some(text) = text(batch, "client_time", row) {
        event = event.client_time(text);
    }
    if let Some((latitude, longitude)) = place(batch, row)? {
        event = event.location(latitude, longitude);
    }
    if let Some(data) = text(batch, "data", row) {
        event = event.data(data);
    }
    Ok(event.tags(tags(batch, row)?))
}

fn server_time(batch: &RecordBatch, row: usize) -> Option<Timestamp> {
    let times = column(batch, "server_time", row)?;
    let micros = match times.data_type() {
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            times.as_primitive_opt::<TimestampMillisecondType>()?.value(row).saturating_mul(1000)
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            times.as_primitive_opt::<TimestampNanosecondType>()?.value(row).div_euclid(1000)
        }
        _ => times.as_primitive_opt::<TimestampMicrosecondType>()?.value(row),
    };
    Some(Timestamp::from_micros(micros))
}

/// Latitude and longitude.
fn place(batch: &RecordBatch, row: usize) -> Result<Option<(f64, f64)>> {
    let half = |name: &str| file_error(format!("{name}: is required where the other is given"));
    match (degrees(batch, "latitude", row), degrees(batch, "longitude", row)) {
        (Some(latitude), Some(longitude)) => return Ok(Some((latitude, longitude))),
        (Some(_), None) => return Err(half("longitude")),
        (None, Some(_)) => return Err(half("latitude")),
        (None, None) => {}
    }
    if batch.column_by_name("latitude").is_some() {
        return Ok(None);
    }
    let Some(points) = column(batch, GEOMETRY, row) else { return Ok(None) };
    let point = points.as_binary_opt::<i32>().and_then(|points| parse_wkb_point(points.value(row)));
    point.map(Some).ok_or_else(|| {
        file_error("geometry: must be a point in well-known binary of longitude and latitude")
    })
}

/// Latitude and longitude of a point.
fn parse_wkb_point(bytes: &[u8]) -> Option<(f64, f64)> {
    let bytes: &[u8; WKB_POINT_BYTES] = bytes.try_into().ok()?;
    let number = |from: usize| -> Option<f64> {
        Some(f64::from_le_bytes(bytes[from..from + 8].try_into().ok()?))
    };
    if bytes[..5] != WKB_POINT {
        return None;
    }
    Some((number(13)?, number(5)?))
}

fn tags(batch: &RecordBatch, row: usize) -> Result<Vec<String>> {
    let Some(lists) = column(batch, "tags", row).and_then(|lists| lists.as_list_opt::<i32>())
    else {
        return Ok(Vec::new());
    };
    let tags = lists.value(row);
    let Some(tags) = tags.as_string_opt::<i32>() else { return Ok(Vec::new()) };
    let missing = || Error::new(ErrorKind::InvalidInput, "tags: must not hold nulls");
    tags.iter().map(|tag| tag.map(str::to_owned).ok_or_else(missing)).collect()
}
