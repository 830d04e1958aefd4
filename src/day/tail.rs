//! The rows of a day that are not yet in a block.
//!
//! Owns: the tail in memory, as batches in order of arrival, and its parts: the tail is read by
//! queries as parts are, encoded in memory, a few rows at a time. Does not own what makes a row
//! durable.
//!
//! Invariant: a part of the tail is a function of its rows; once a stretch is full, by its bytes or with
//! [`PART_ROWS`] rows, its part never changes and is kept.

use std::sync::Arc;

use crate::codec::row::Row;
use crate::day::fold;
use crate::day::part::Part;
use crate::error::Result;
use crate::limits::BLOCK_BYTES_MAX;

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
        let full = self.parts.iter().take_while(|part| is_full(part)).count();
        self.parts.truncate(full);
        let first = self.parts.last().map_or(self.first, |part| part.end());
        let rows: Vec<&Row> = self.iter().skip((first - self.first) as usize).collect();
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

/// Whether rows that follow begin another part.
fn is_full(part: &Part) -> bool {
    part.rows as usize == PART_ROWS || part.row_bytes() >= BLOCK_BYTES_MAX as u64
}

/// Rows as parts in memory.
fn in_memory(mut first: u32, rows: &[&Row]) -> Result<Vec<Arc<Part>>> {
    let mut parts = Vec::new();
    for rows in fold::blocks_of(rows, PART_ROWS) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::row::any;
    use crate::limits::{BLOCK_COLUMN_BYTES_MAX, DATA_BYTES_MAX, TAIL_BYTES_MAX};

    fn large(rows: u32, data_bytes: usize) -> Vec<Row> {
        let data = |row| Row { data: Some("d".repeat(data_bytes)), ..row };
        any::rows(rows).into_iter().map(data).collect()
    }

    fn rows_of(parts: &[Arc<Part>]) -> Vec<u32> {
        parts.iter().map(|part| part.rows).collect()
    }

    #[test]
    fn a_tail_of_large_rows_has_more_parts_and_keeps_those_that_are_full() {
        let mut tail = Tail::new(7);
        tail.push(Arc::new(large(62, 64 * 1024)));
        assert!((BLOCK_COLUMN_BYTES_MAX..TAIL_BYTES_MAX).contains(&tail.bytes));
        assert_eq!(rows_of(tail.parts().unwrap()), [32, 30]);
        let full = tail.parts[0].clone();
        tail.push(Arc::new(large(1, 100)));
        assert_eq!(rows_of(tail.parts().unwrap()), [32, 31]);
        assert!(Arc::ptr_eq(&tail.parts[0], &full), "it is kept");
        assert_eq!((tail.parts[0].first, tail.parts[1].first), (7, 39));
        tail.push(Arc::new(any::rows(1000)));
        assert_eq!(rows_of(tail.parts().unwrap()), [32, 512, 512, 7]);
    }

    #[test]
    fn what_a_snapshot_has_encoded_is_kept_unless_the_tail_is_another_or_has_more() {
        let tail_of = |first, rows| {
            let mut tail = Tail::new(first);
            tail.push(Arc::new(any::rows(rows)));
            tail
        };
        let (mut tail, mut snapshot) = (tail_of(7, 600), tail_of(7, 600));
        let encoded = snapshot.parts().unwrap().to_vec();
        tail.adopt(&snapshot);
        assert!(Arc::ptr_eq(&tail.parts().unwrap()[1], &encoded[1]));
        let mut older = tail_of(7, 100);
        older.parts().unwrap();
        let mut folded = tail_of(0, 1200);
        folded.parts().unwrap();
        for other in [older, folded] {
            tail.adopt(&other);
            assert!(Arc::ptr_eq(&tail.parts[1], &encoded[1]), "it is kept");
        }
    }

    #[test]
    fn rows_that_wait_are_read_however_large_they_are() {
        let rows = large(70, DATA_BYTES_MAX);
        let mut parts = Vec::new();
        append_in_memory(&mut parts, &rows.iter().collect::<Vec<_>>()).unwrap();
        assert_eq!(rows_of(&parts), [2; 35]);
    }
}
