//! The rows of a day that are not yet in a block.
//!
//! Owns: the tail in memory, as batches in order of arrival, and its parts: the tail is read by
//! queries as parts are, encoded in memory, a few rows at a time. Does not own what makes a row
//! durable.
//!
//! Invariant: a part of the tail is a function of its rows; once a stretch of [`PART_ROWS`] rows is
//! full its part never changes and is kept.

use std::sync::Arc;

use crate::codec::row::Row;
use crate::day::fold;
use crate::day::part::Part;
use crate::error::Result;

/// Rows of a part of the tail: a query encodes at most so many that it has not seen.
const PART_ROWS: usize = 512;

/// Rows in order of arrival. A clone is a snapshot.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tail {
    /// Ordinal of the first row.
    pub(crate) first: u32,
    pub(crate) batches: Vec<Arc<Vec<Row>>>,
    pub(crate) rows: usize,
    /// Bytes of the rows in memory.
    pub(crate) bytes: usize,
    /// Parts of full stretches from the first row on, and at most one part of what follows them.
    parts: Vec<Arc<Part>>,
}

impl Tail {
    /// An empty tail that goes on at this ordinal.
    pub(crate) fn new(first: u32) -> Self {
        Self { first, ..Self::default() }
    }

    pub(crate) fn push(&mut self, batch: Arc<Vec<Row>>) {
        self.rows += batch.len();
        self.bytes += batch.iter().map(Row::bytes).sum::<usize>();
        self.batches.push(batch);
    }

    /// The ordinal after the last row.
    pub(crate) fn end(&self) -> u32 {
        self.first + u32::try_from(self.rows).unwrap_or(u32::MAX)
    }

    /// The rows in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Row> {
        self.batches.iter().flat_map(|batch| batch.iter())
    }

    /// The tail as parts, as queries read it.
    pub(crate) fn parts(&mut self) -> Result<&[Arc<Part>]> {
        let indexed = self.parts.last().map_or(self.first, |part| part.end());
        if indexed == self.end() {
            return Ok(&self.parts);
        }
        let full = self.parts.iter().take_while(|part| part.rows as usize == PART_ROWS).count();
        self.parts.truncate(full);
        let rows: Vec<&Row> = self.iter().skip(full * PART_ROWS).collect();
        let first = self.parts.last().map_or(self.first, |part| part.end());
        let parts = in_memory(first, &rows)?;
        self.parts.extend(parts);
        Ok(&self.parts)
    }

    /// Takes over the parts that a snapshot of this tail has encoded.
    pub(crate) fn adopt(&mut self, snapshot: &Self) {
        if snapshot.first == self.first && snapshot.parts.len() >= self.parts.len() {
            self.parts.clone_from(&snapshot.parts);
        }
    }
}

/// Rows as parts in memory.
fn in_memory(mut first: u32, rows: &[&Row]) -> Result<Vec<Arc<Part>>> {
    let mut parts = Vec::new();
    for rows in rows.chunks(PART_ROWS) {
        let part = fold::in_memory(first, rows)?;
        first = part.end();
        parts.push(Arc::new(part));
    }
    Ok(parts)
}

/// Adds rows that are not yet in the tail to the parts of a view.
pub(crate) fn append_in_memory(parts: &mut Vec<Arc<Part>>, rows: &[&Row]) -> Result<()> {
    let first = parts.last().map_or(0, |part| part.end());
    parts.extend(in_memory(first, rows)?);
    Ok(())
}
