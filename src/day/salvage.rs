//! The rows of a log that redb does not open.
//!
//! Owns: finding the batches of a damaged log by themselves: a leaf of redb's tree is recognised by its
//! layout, a batch by its checksum. Does not own what is made of the rows.
//!
//! A page may be a leftover of a commit that never was, so rows of two minds about an ordinal are both
//! left out; and a batch's ordinal is not under its checksum, so it counts only where it begins or
//! ends where another batch, or what is known of the day, ends or begins.
//!
//! Invariant: a row is genuine, and has the ordinal that it was given; memory is bounded by the file.
//!
//! ```text
//! leaf   1 u8, 0 u8, number of entries u16, the end of each value u32, the keys u32, the values
//! ```

use std::collections::{BTreeMap, BTreeSet};

use crate::codec::batch;
use crate::codec::bytes::Reader;
use crate::codec::row::Row;
use crate::error::{Error, Result};
use crate::storage::{StorageFile, read_at};

const PAGE_BYTES: u64 = 4096;
const LEAF: u8 = 1;
/// More than any batch takes.
const LEAF_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Rows that follow each other, from an ordinal on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Run {
    pub(crate) first: u32,
    pub(crate) rows: Vec<Row>,
}

/// The rows of a damaged log that can be read. `ends` are ordinals at which blocks of the day are known
/// to end.
pub(crate) fn find_rows(file: &StorageFile, ends: &BTreeSet<u32>) -> Result<Vec<Run>> {
    let batches = find_batches(file)?;
    let begins: BTreeSet<u32> = batches.iter().map(|run| run.first).collect();
    let mut all_ends: BTreeSet<u32> = batches.iter().map(end_of).collect();
    all_ends.extend(ends);
    let trusted = |run: &Run| all_ends.contains(&run.first) || begins.contains(&end_of(run));
    // What two batches say differently, neither is believed.
    let mut rows = BTreeMap::<u32, Option<Row>>::new();
    for Run { first, rows: found } in batches.into_iter().filter(trusted) {
        for (ordinal, row) in (first..).zip(found) {
            let same = rows.get(&ordinal).is_none_or(|known| known.as_ref() == Some(&row));
            rows.insert(ordinal, Some(row).filter(|_| same));
        }
    }
    let mut runs: Vec<Run> = Vec::new();
    for (ordinal, row) in rows.into_iter().filter_map(|(ordinal, row)| Some((ordinal, row?))) {
        match runs.last_mut() {
            Some(run) if end_of(run) == ordinal => run.rows.push(row),
            _ => runs.push(Run { first: ordinal, rows: vec![row] }),
        }
    }
    Ok(runs)
}

fn end_of(run: &Run) -> u32 {
    run.first.saturating_add(u32::try_from(run.rows.len()).unwrap_or(u32::MAX))
}

fn find_batches(file: &StorageFile) -> Result<Vec<Run>> {
    let io = |error| Error::io("reading a damaged log", error);
    let len = file.len().map_err(io)?;
    let mut runs = Vec::new();
    for offset in (0..len).step_by(PAGE_BYTES as usize) {
        let left = len - offset;
        let page = read_at(&**file, offset, left.min(PAGE_BYTES) as usize).map_err(io)?;
        let Some(end) = leaf_end(&page).filter(|end| *end <= left.min(LEAF_BYTES_MAX)) else {
            continue;
        };
        let leaf = match end > page.len() as u64 {
            true => read_at(&**file, offset, end as usize).map_err(io)?,
            false => page,
        };
        runs.extend(batches_of(&leaf));
    }
    Ok(runs)
}

/// Where the last value of a leaf ends; `None` where these bytes open no leaf of numbered values.
fn leaf_end(page: &[u8]) -> Option<u64> {
    let (ends, keys_end) = value_ends(page)?;
    let ascending =
        ends.is_sorted() && ends.first().is_some_and(|first| *first as usize >= keys_end);
    ends.last().filter(|_| ascending).map(|end| u64::from(*end))
}

/// Where the values of a leaf end, and its keys.
fn value_ends(page: &[u8]) -> Option<(Vec<u32>, usize)> {
    let mut reader = Reader::new(page, "leaf");
    if reader.u8().ok()? != LEAF {
        return None;
    }
    reader.u8().ok()?;
    let count = usize::from(u16::from_le_bytes(reader.slice(2).ok()?.try_into().ok()?));
    let ends = (0..count).map(|_| reader.u32().ok()).collect::<Option<Vec<u32>>>()?;
    Some((ends, 4 + 8 * count))
}

/// The batches of a leaf whose checksums hold.
fn batches_of(leaf: &[u8]) -> Vec<Run> {
    let Some((ends, keys_end)) = value_ends(leaf) else { return Vec::new() };
    let keys = leaf.get(4 + 4 * ends.len()..keys_end).unwrap_or_default().chunks_exact(4);
    let mut start = keys_end;
    let mut runs = Vec::new();
    for (key, end) in keys.zip(ends) {
        let value = leaf.get(start..end as usize).unwrap_or_default();
        start = end as usize;
        if let (Ok(key), Ok(rows)) = (key.try_into(), batch::decode(value)) {
            runs.push(Run { first: u32::from_le_bytes(key), rows });
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::row::any::row;
    use crate::storage::Directory;
    use crate::storage::memory::MemoryDirectory;

    fn leaf(batches: &[(u32, Vec<u8>)]) -> Vec<u8> {
        let mut bytes = vec![LEAF, 0];
        bytes.extend_from_slice(&(batches.len() as u16).to_le_bytes());
        let mut end = 4 + 8 * batches.len();
        for (_, value) in batches {
            end += value.len();
            bytes.extend_from_slice(&(end as u32).to_le_bytes());
        }
        batches.iter().for_each(|(first, _)| bytes.extend_from_slice(&first.to_le_bytes()));
        batches.iter().for_each(|(_, value)| bytes.extend_from_slice(value));
        bytes.resize(bytes.len().next_multiple_of(PAGE_BYTES as usize), 0);
        bytes
    }

    fn found(pages: &[Vec<u8>], ends: &[u32]) -> Vec<(u32, usize)> {
        let file = MemoryDirectory::default().create("log").unwrap();
        file.write(0, &pages.concat()).unwrap();
        let runs = find_rows(&file, &ends.iter().copied().collect()).unwrap();
        runs.iter().map(|run| (run.first, run.rows.len())).collect()
    }

    fn batch(rows: std::ops::Range<u32>) -> (u32, Vec<u8>) {
        let first = rows.start;
        (first, batch::encode(rows.map(row).collect::<Vec<_>>().iter()).unwrap())
    }

    #[test]
    fn batches_are_found_in_whatever_page_and_joined() {
        let pages = [leaf(&[batch(3..5), batch(5..400)]), vec![7; 4096], leaf(&[batch(400..402)])];
        assert_eq!(found(&pages, &[3]), [(3, 399)]);
    }

    #[test]
    fn a_batch_of_several_megabytes_is_found() {
        let large = |ordinal| {
            let data = Some("data".repeat(16 * 1024));
            Row { data, ..row(ordinal) }
        };
        let rows: Vec<Row> = (0..64).map(large).collect();
        let value = batch::encode(rows.iter()).unwrap();
        assert!(value.len() > 4_000_000, "{} bytes", value.len());
        assert_eq!(found(&[leaf(&[(0, value)])], &[0]), [(0, 64)]);
    }

    #[test]
    fn a_batch_that_fits_nowhere_is_not_believed() {
        let (_, bytes) = batch(3..5);
        assert_eq!(found(&[leaf(&[(1 << 20, bytes.clone())])], &[0, 3]), []);
        assert_eq!(found(&[leaf(&[(3, bytes)])], &[0, 3]), [(3, 2)]);
    }

    #[test]
    fn of_two_rows_for_one_ordinal_neither_is_believed() {
        let (_, other) = batch(90..91);
        let pages = [leaf(&[batch(0..3)]), leaf(&[(3, other)]), leaf(&[batch(3..5)])];
        assert_eq!(found(&pages, &[0]), [(0, 3), (4, 1)]);
    }

    #[test]
    fn a_damaged_batch_costs_no_other() {
        let mut page = leaf(&[batch(0..3), batch(3..5), batch(5..9), batch(9..10)]);
        let (_, value) = batch(0..3);
        page[4 + 8 * 4 + value.len() + 10] ^= 1;
        assert_eq!(found(&[page], &[0]), [(0, 3), (5, 5)]);
    }
}
