//! Events as Arrow record batches.
//!
//! Owns: [`RecordBatches`], the schema, and how events become columns. Does not own which events are
//! meant (`query`), nor any file (`export`).
//!
//! Invariant: a batch ends before its text passes [`BATCH_BYTES_MAX`] and one event, and so the memory of
//! a result is bounded however long it is.

use std::fmt;
use std::sync::Arc;

use arrow_array::builder::{
    Float64Builder, Int64Builder, ListBuilder, StringBuilder, StringDictionaryBuilder,
    TimestampMicrosecondBuilder,
};
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::query::Query;
use crate::query::gaps::Gap;
use crate::query::rows::Events;
use crate::store::{AllowGaps, Store};

/// Bytes of text at which a batch ends, however few its rows are.
const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The one zone of times.
const ZONE: &str = "UTC";

/// Events in order, as record batches: an iterator over `Result<RecordBatch>`. After an error it ends.
///
/// | column | type | |
/// |---|---|---|
/// | `id` | `Int64` | |
/// | `server_time` | `Timestamp(Microsecond, "UTC")` | |
/// | `session_id`, `event_type` | `Dictionary(Int32, Utf8)` | |
/// | `client_time` | `Utf8`, nullable | as the client wrote it |
/// | `client_instant` | `Timestamp(Microsecond, "UTC")`, nullable | [`Event::client_instant`] |
/// | `latitude`, `longitude` | `Float64`, nullable | both or neither |
/// | `tags` | `List(Utf8)` | empty where there are none |
/// | `data` | `Utf8`, nullable | |
#[derive(Debug)]
pub struct RecordBatches {
    events: Events,
    rows: usize,
    columns: Columns,
    ended: bool,
}

impl RecordBatches {
    fn new(events: Events, rows: usize) -> Self {
        Self { events, rows: rows.max(1), columns: Columns::new(), ended: false }
    }

    /// What every batch has.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        self.columns.schema.clone()
    }

    /// As [`Events::gaps`].
    #[must_use]
    pub fn gaps(&self) -> &[Gap] {
        self.events.gaps()
    }

    fn fill(&mut self) -> Result<Option<RecordBatch>> {
        while !self.columns.is_full(self.rows) {
            match self.events.next() {
                Some(event) => self.columns.push(&event?)?,
                None => break,
            }
        }
        if self.columns.rows == 0 { Ok(None) } else { self.columns.finish().map(Some) }
    }
}

impl Iterator for RecordBatches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let batch = self.fill();
        self.ended = !matches!(batch, Ok(Some(_)));
        batch.transpose()
    }
}

impl Store {
    /// The events that match, in order, as Arrow record batches of at most so many rows, at least 1;
    /// fewer where their text is longer than 4 MiB. The filter is answered by the store's indexes, and
    /// only what matches is decoded.
    ///
    /// ```
    /// use diurnal::{Filter, NewEvent, Query, Store};
    ///
    /// let store = Store::in_memory()?;
    /// store.log_events((0..10).map(|n| NewEvent::new(n % 2, "heartbeat").tag(n)))?;
    /// let batches = store.record_batches(&Query::from(Filter::session(1)), 4)?;
    /// let rows: Vec<usize> = batches.map(|batch| Ok(batch?.num_rows())).collect::<Result<_, diurnal::Error>>()?;
    /// assert_eq!(rows, [4, 1]);
    /// # Ok::<(), diurnal::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Store::query`].
    pub fn record_batches(&self, query: &Query, rows: usize) -> Result<RecordBatches> {
        Ok(RecordBatches::new(self.query(query)?, rows))
    }
}

impl AllowGaps<'_> {
    /// As [`Store::record_batches`]; [`RecordBatches::gaps`] tells what was left out.
    ///
    /// # Errors
    ///
    /// As [`Store::query`], damage aside.
    pub fn record_batches(&self, query: &Query, rows: usize) -> Result<RecordBatches> {
        Ok(RecordBatches::new(self.query(query)?, rows))
    }
}

/// The columns of the next batch.
pub(crate) struct Columns {
    pub(crate) schema: SchemaRef,
    pub(crate) rows: usize,
    /// Of text alone: other columns take few for a row.
    bytes: usize,
    id: Int64Builder,
    server_time: TimestampMicrosecondBuilder,
    session_id: StringDictionaryBuilder<Int32Type>,
    event_type: StringDictionaryBuilder<Int32Type>,
    client_time: StringBuilder,
    client_instant: TimestampMicrosecondBuilder,
    latitude: Float64Builder,
    longitude: Float64Builder,
    tags: ListBuilder<StringBuilder>,
    data: StringBuilder,
}

impl fmt::Debug for Columns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Columns").field("rows", &self.rows).finish_non_exhaustive()
    }
}

fn schema() -> Schema {
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some(ZONE.into()));
    let name = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        Field::new("server_time", time.clone(), false),
        Field::new("session_id", name.clone(), false),
        Field::new("event_type", name, false),
        Field::new("client_time", DataType::Utf8, true),
        Field::new("client_instant", time, true),
        Field::new("latitude", DataType::Float64, true),
        Field::new("longitude", DataType::Float64, true),
        Field::new("tags", DataType::List(Arc::new(tag_field())), false),
        Field::new("data", DataType::Utf8, true),
    ])
}

fn tag_field() -> Field {
    Field::new("element", DataType::Utf8, false)
}

impl Columns {
    pub(crate) fn new() -> Self {
        let time = || TimestampMicrosecondBuilder::new().with_timezone(ZONE);
        Self {
            schema: Arc::new(schema()),
            rows: 0,
            bytes: 0,
            id: Int64Builder::new(),
            server_time: time(),
            session_id: StringDictionaryBuilder::new(),
            event_type: StringDictionaryBuilder::new(),
            client_time: StringBuilder::new(),
            client_instant: time(),
            latitude: Float64Builder::new(),
            longitude: Float64Builder::new(),
            tags: ListBuilder::new(StringBuilder::new()).with_field(tag_field()),
            data: StringBuilder::new(),
        }
    }

    /// Whether the batch should end.
    pub(crate) fn is_full(&self, rows: usize) -> bool {
        self.rows >= rows || self.bytes >= BATCH_BYTES_MAX
    }

    pub(crate) fn push(&mut self, event: &Event) -> Result<()> {
        // Below 2^53.
        self.id.append_value(event.id.as_u64() as i64);
        self.server_time.append_value(event.server_time.as_micros());
        self.session_id.append(&event.session_id).map_err(arrow_error)?;
        self.event_type.append(&event.event_type).map_err(arrow_error)?;
        self.client_time.append_option(event.client_time.as_deref());
        self.client_instant.append_option(event.client_instant().map(|time| time.as_micros()));
        self.latitude.append_option(event.latitude);
        self.longitude.append_option(event.longitude);
        for tag in &event.tags {
            self.tags.values().append_value(tag);
        }
        self.tags.append(true);
        self.data.append_option(event.data.as_deref());
        self.rows += 1;
        let texts = [Some(&event.session_id), event.client_time.as_ref(), event.data.as_ref()];
        self.bytes +=
            texts.into_iter().flatten().chain(&event.tags).map(String::len).sum::<usize>();
        Ok(())
    }

    /// The batch; the next one begins.
    pub(crate) fn finish(&mut self) -> Result<RecordBatch> {
        (self.rows, self.bytes) = (0, 0);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.id.finish()),
            Arc::new(self.server_time.finish()),
            Arc::new(self.session_id.finish()),
            Arc::new(self.event_type.finish()),
            Arc::new(self.client_time.finish()),
            Arc::new(self.client_instant.finish()),
            Arc::new(self.latitude.finish()),
            Arc::new(self.longitude.finish()),
            Arc::new(self.tags.finish()),
            Arc::new(self.data.finish()),
        ];
        RecordBatch::try_new(self.schema.clone(), columns).map_err(arrow_error)
    }
}

/// Columns that are made here fit their schema; Arrow's own limits are far above a batch.
fn arrow_error(error: arrow_schema::ArrowError) -> Error {
    Error::new(ErrorKind::Io, "making a record batch").caused_by(error)
}
