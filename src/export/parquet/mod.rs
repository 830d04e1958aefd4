//! Parquet files, with the points of GeoParquet 1.1.
//!
//! Owns: [`Writer`]: the file's columns, encodings, row groups and metadata. The rooms below it: `read`, and
//! `pages`, which bounds what is read.
//! Does not own the columns of a batch (`batches`).
//!
//! Invariant: beside one batch, memory holds one row group of at most `GROUP_ROWS_MAX` rows, encoded and
//! compressed, of about `GROUP_BYTES_MAX` at most.

mod pages;
mod read;

use std::io::Write;
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use ::parquet::basic::{Compression, Encoding, ZstdLevel};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::KeyValue;
use ::parquet::file::properties::WriterProperties;
use ::parquet::schema::types::ColumnPath;
use arrow_array::RecordBatch;
use arrow_array::builder::BinaryBuilder;
use arrow_schema::{DataType, Field, Schema, SchemaRef};

use super::{EventWriter, write_error};
use crate::batches::Columns;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;

pub use read::read;

/// Rows of a batch on its way to the file.
const BATCH_ROWS: usize = 8192;
/// Rows of a row group: what readers divide among their threads.
const GROUP_ROWS_MAX: usize = 128 * 1024;
/// Bytes of a row group, as it is in the file.
const GROUP_BYTES_MAX: usize = 32 * 1024 * 1024;

/// The column of points.
const GEOMETRY: &str = "geometry";
/// Numbers that rise, or nearly: their differences are small.
const RISING: [&str; 3] = ["id", "server_time", "client_instant"];

/// Bytes of a point as well-known binary.
const WKB_POINT_BYTES: usize = 21;
/// Well-known binary, in the order of bytes that every machine of today has; a point.
const WKB_POINT: [u8; 5] = [1, 1, 0, 0, 0];

/// Writes events as a Parquet file: the columns of `RecordBatches`, and `geometry`, a point in well-known
/// binary, which the metadata of GeoParquet 1.1 describes. Compressed by zstd; row groups end at 131,072
/// rows or about 32 MiB.
pub struct Writer<W: Write + Send> {
    file: ArrowWriter<W>,
    schema: SchemaRef,
    columns: Columns,
    bounds: Option<Bounds>,
}

impl<W: Write + Send> std::fmt::Debug for Writer<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl<W: Write + Send> Writer<W> {
    /// A writer to this output.
    ///
    /// # Errors
    ///
    /// `DiskFull` or `Io` where the output takes nothing.
    pub fn new(out: W) -> Result<Self> {
        let columns = Columns::new();
        let mut fields = columns.schema.fields().to_vec();
        fields.push(Arc::new(Field::new(GEOMETRY, DataType::Binary, true)));
        let schema: SchemaRef = Arc::new(Schema::new(fields));
        let file = ArrowWriter::try_new(out, schema.clone(), Some(properties()?));
        Ok(Self { file: file.map_err(file_error)?, schema, columns, bounds: None })
    }

    fn write_batch(&mut self) -> Result<()> {
        let batch = self.columns.finish()?;
        let points = self.points(&batch);
        let mut columns = batch.columns().to_vec();
        columns.push(Arc::new(points));
        let batch = RecordBatch::try_new(self.schema.clone(), columns);
        let written = batch.map_err(ParquetError::from).and_then(|batch| self.file.write(&batch));
        written.map_err(file_error)
    }

    fn points(&mut self, batch: &RecordBatch) -> arrow_array::BinaryArray {
        let degrees = |name| {
            batch
                .column_by_name(name)
                .and_then(|column| column.as_any().downcast_ref::<arrow_array::Float64Array>())
        };
        let mut points = BinaryBuilder::new();
        let (Some(latitudes), Some(longitudes)) = (degrees("latitude"), degrees("longitude"))
        else {
            return points.finish();
        };
        for (latitude, longitude) in latitudes.iter().zip(longitudes) {
            match longitude.zip(latitude) {
                Some((x, y)) => {
                    self.bounds.get_or_insert(Bounds::of(x, y)).widen(x, y);
                    points.append_value(wkb_point(x, y));
                }
                None => points.append_null(),
            }
        }
        points.finish()
    }
}

impl<W: Write + Send> EventWriter for Writer<W> {
    fn write(&mut self, event: &Event) -> Result<()> {
        self.columns.push(event)?;
        if self.columns.is_full(BATCH_ROWS) { self.write_batch() } else { Ok(()) }
    }

    fn finish(&mut self) -> Result<()> {
        if self.columns.rows > 0 {
            self.write_batch()?;
        }
        let geo = KeyValue::new("geo".to_owned(), geo_metadata(self.bounds));
        self.file.append_key_value_metadata(geo);
        self.file.finish().map_err(file_error)?;
        self.file.inner_mut().flush().map_err(write_error)
    }
}

fn properties() -> Result<WriterProperties> {
    let level = ZstdLevel::try_new(3).map_err(file_error)?;
    let mut properties = WriterProperties::builder()
        .set_created_by(concat!("diurnal ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(GROUP_ROWS_MAX))
        .set_max_row_group_bytes(Some(GROUP_BYTES_MAX));
    for name in RISING {
        let path = ColumnPath::from(name);
        properties = properties
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
    }
    Ok(properties.build())
}

fn wkb_point(x: f64, y: f64) -> [u8; WKB_POINT_BYTES] {
    let mut point = [0; WKB_POINT_BYTES];
    point[..5].copy_from_slice(&WKB_POINT);
    point[5..13].copy_from_slice(&x.to_le_bytes());
    point[13..].copy_from_slice(&y.to_le_bytes());
    point
}

/// The smallest box around the points, in degrees.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    min: [f64; 2],
    max: [f64; 2],
}

impl Bounds {
    const fn of(x: f64, y: f64) -> Self {
        Self { min: [x, y], max: [x, y] }
    }

    const fn widen(&mut self, x: f64, y: f64) {
        let Self { min, max } = self;
        *min = [min[0].min(x), min[1].min(y)];
        *max = [max[0].max(x), max[1].max(y)];
    }
}

/// The value of the key `geo`, as GeoParquet 1.1 has it. Where no reference system is named, it is
/// longitude and latitude of WGS 84.
fn geo_metadata(bounds: Option<Bounds>) -> String {
    let mut column = serde_json::json!({ "encoding": "WKB", "geometry_types": ["Point"] });
    if let Some(Bounds { min, max }) = bounds {
        column["bbox"] = serde_json::json!([min[0], min[1], max[0], max[1]]);
    }
    let columns = serde_json::json!({ GEOMETRY: column });
    let geo = serde_json::json!({
        "version": "1.1.0", "primary_column": GEOMETRY, "columns": columns,
    });
    geo.to_string()
}

/// A failure of the output, wherever the Parquet writer met it.
fn file_error(error: ParquetError) -> Error {
    match error {
        ParquetError::External(cause) => match cause.downcast::<std::io::Error>() {
            Ok(error) => write_error(*error),
            Err(cause) => failed(ParquetError::External(cause)),
        },
        other => failed(other),
    }
}

fn failed(error: ParquetError) -> Error {
    Error::new(ErrorKind::Io, "writing Parquet").caused_by(error)
}
