//! Parts: stretches of a day that have postings of their own.
//!
//! Owns: [`Part`], its blocks and its pages of postings, where their bytes are, and how a part is
//! listed in the log and in a footer. Does not own those bytes' formats (`codec`, `index`).
//!
//! Invariants: a part holds at most [`PART_ROWS_MAX`] rows, and its blocks follow each other without a
//! gap and fill it, unless its rows were lost to damage and it has none, however many; one of
//! half of [`UNKNOWN_ORDINALS`] and more without blocks stands for ordinals of which nobody knows whether they were
//! given; the parts of a day follow each other without a gap from ordinal 0. A zone counts the events of
//! its block: where those are fewer than its rows, the others are holes, and listed under the session
//! without a name.
//!
//! ```text
//! part   first ordinal, rows, number of blocks, blocks, number of pages, pages
//! block  offset, length, rows, bytes of the rows in memory, zone (fixed length)
//! page   length and bytes of its first term, then 0, offset, length (in the day file)
//!                                         or      1, length, bytes (here)
//! ```
//! All numbers are varints.

use std::sync::{Arc, OnceLock};

use crate::codec::bytes::{Reader, put_bytes, put_varint};
use crate::codec::columns::Column;
use crate::error::{Error, Result};
use crate::index::postings::OpenPage;
use crate::index::zones::Zone;
use crate::limits::{BLOCK_COLUMN_BYTES_MAX, PART_ROWS_MAX, UNKNOWN_ORDINALS};

/// Where bytes are.
#[derive(Debug, Clone)]
pub(crate) enum Source<T> {
    /// In the day's file; what they decode to is in the cache.
    File { offset: u64, len: u32 },
    /// Here.
    Memory(Arc<Held<T>>),
}

/// Bytes in memory, and what they decode to, once.
#[derive(Debug)]
pub(crate) struct Held<T> {
    pub(crate) bytes: Box<[u8]>,
    pub(crate) decoded: T,
}

impl<T: Default> Source<T> {
    pub(crate) fn held(bytes: impl Into<Box<[u8]>>) -> Self {
        Self::Memory(Arc::new(Held { bytes: bytes.into(), decoded: T::default() }))
    }
}

impl<T> Source<T> {
    /// The bytes that are here.
    pub(crate) fn in_memory(&self) -> Option<&[u8]> {
        match self {
            Self::File { .. } => None,
            Self::Memory(held) => Some(&held.bytes),
        }
    }

    /// Where the bytes end in the day's file.
    fn end_in_file(&self) -> Option<u64> {
        match self {
            Self::File { offset, len } => Some(offset + u64::from(*len)),
            Self::Memory(_) => None,
        }
    }

    /// What holding the bytes costs.
    fn bytes_here(&self) -> usize {
        self.in_memory().map_or(0, |bytes| size_of::<Held<T>>() + bytes.len())
    }
}

/// The columns of a block, in the order of [`ColumnKind::ALL`](crate::codec::columns::ColumnKind::ALL).
pub(crate) type DecodedColumns = [OnceLock<Arc<Column>>; 7];

/// A block: rows as columns.
#[derive(Debug, Clone)]
pub(crate) struct BlockEntry {
    /// Ordinal of the first row.
    pub(crate) first: u32,
    pub(crate) rows: u32,
    /// Bytes of the rows in memory, as `Row::bytes` counts them.
    pub(crate) row_bytes: u64,
    pub(crate) zone: Zone,
    pub(crate) source: Source<DecodedColumns>,
}

/// A page of postings.
#[derive(Debug, Clone)]
pub(crate) struct PageEntry {
    pub(crate) first_term: Box<[u8]>,
    pub(crate) source: Source<OnceLock<Arc<OpenPage>>>,
}

/// A stretch of a day with postings of its own.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    /// Ordinal of the first row.
    pub(crate) first: u32,
    pub(crate) rows: u32,
    pub(crate) blocks: Box<[BlockEntry]>,
    pub(crate) pages: Box<[PageEntry]>,
}

impl Part {
    /// The ordinal after the last row.
    pub(crate) fn end(&self) -> u32 {
        self.first + self.rows
    }

    /// About what its lists cost in memory.
    pub(crate) fn bytes(&self) -> usize {
        let pages = self.pages.iter().map(|page| page.first_term.len() + page.source.bytes_here());
        let blocks = self.blocks.iter().map(|block| block.source.bytes_here());
        size_of::<Self>()
            + size_of_val(&*self.blocks)
            + size_of_val(&*self.pages)
            + pages.chain(blocks).sum::<usize>()
    }

    /// A stretch whose rows were lost to damage: ordinals without events.
    pub(crate) fn lost(first: u32, rows: u32) -> Self {
        Self { first, rows, blocks: Box::default(), pages: Box::default() }
    }

    /// Whether its rows were lost to damage.
    pub(crate) fn is_lost(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Whether nobody knows if there ever were such rows.
    pub(crate) fn is_unknown(&self) -> bool {
        // Rows may have been found in what was taken for unknown.
        self.is_lost() && self.rows >= UNKNOWN_ORDINALS / 2
    }

    /// The events it holds: what its zones count, and they leave out holes.
    pub(crate) fn events(&self) -> u32 {
        self.blocks.iter().map(|block| block.zone.rows).sum()
    }

    /// Where in the day's file the last of its bytes lies.
    pub(crate) fn end_in_file(&self) -> Option<u64> {
        let blocks = self.blocks.iter().filter_map(|block| block.source.end_in_file());
        let pages = self.pages.iter().filter_map(|page| page.source.end_in_file());
        blocks.chain(pages).max()
    }

    /// Whether its postings are kept with its entry, to be merged with its neighbours'.
    pub(crate) fn is_unmerged(&self) -> bool {
        self.pages.iter().any(|page| page.source.in_memory().is_some())
    }

    /// Bytes of the postings kept with its entry.
    pub(crate) fn unmerged_bytes(&self) -> usize {
        self.pages.iter().filter_map(|page| page.source.in_memory()).map(<[u8]>::len).sum()
    }

    /// Bytes of its rows in memory.
    pub(crate) fn row_bytes(&self) -> u64 {
        self.blocks.iter().map(|block| block.row_bytes).sum()
    }

    /// The zone that covers all its blocks.
    pub(crate) fn zone(&self) -> Option<Zone> {
        self.blocks.iter().map(|block| block.zone).reduce(Zone::union)
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, self.first.into());
        put_varint(out, self.rows.into());
        put_varint(out, self.blocks.len() as u64);
        for block in &self.blocks {
            // A block is listed only once it is in the file.
            if let Source::File { offset, len } = block.source {
                put_varint(out, offset);
                put_varint(out, len.into());
            }
            put_varint(out, block.rows.into());
            put_varint(out, block.row_bytes);
            out.extend_from_slice(&block.zone.encode());
        }
        put_varint(out, self.pages.len() as u64);
        for page in &self.pages {
            put_bytes(out, &page.first_term);
            match &page.source {
                Source::File { offset, len } => {
                    out.push(0);
                    put_varint(out, *offset);
                    put_varint(out, (*len).into());
                }
                Source::Memory(held) => {
                    out.push(1);
                    put_bytes(out, &held.bytes);
                }
            }
        }
    }

    /// Reads a part; `file_len` bounds where its blocks and pages may lie.
    pub(crate) fn decode(reader: &mut Reader<'_>, file_len: u64) -> Result<Self> {
        let first = read_u32(reader)?;
        let rows = read_u32(reader)?;
        let impossible = || Error::corrupt("a part's entry has an impossible number of rows");
        if rows == 0 || first.checked_add(rows).is_none() {
            return Err(impossible());
        }
        let mut blocks = Vec::new();
        let mut next = first;
        for _ in 0..reader.varint()? {
            let source = read_place(reader, file_len)?;
            let block_rows = read_u32(reader)?;
            // No block has more, and sums of it cannot overflow.
            let row_bytes = reader.varint_to(BLOCK_COLUMN_BYTES_MAX)? as u64;
            let zone = Zone::decode(reader.slice(Zone::BYTES)?)?;
            let after = next.checked_add(block_rows).filter(|end| *end <= first + rows);
            let end = after.filter(|_| block_rows > 0 && zone.rows <= block_rows);
            let end = end.ok_or_else(|| Error::corrupt("a block's entry leaves its part"))?;
            let (first, rows) = (next, block_rows);
            blocks.push(BlockEntry { first, rows, row_bytes, zone, source });
            next = end;
        }
        if !blocks.is_empty() {
            if rows as usize > PART_ROWS_MAX {
                return Err(impossible());
            }
            if next != first + rows {
                return Err(Error::corrupt("a part's blocks do not fill it"));
            }
        }
        let mut pages = Vec::new();
        for _ in 0..reader.varint()? {
            pages.push(decode_page(reader, file_len)?);
        }
        Ok(Self { first, rows, blocks: blocks.into(), pages: pages.into() })
    }
}

impl BlockEntry {
    /// The ordinal after the last row.
    pub(crate) fn end(&self) -> u32 {
        self.first + self.rows
    }
}

fn decode_page(reader: &mut Reader<'_>, file_len: u64) -> Result<PageEntry> {
    let first_term = reader.bytes()?.into();
    let source = match reader.u8()? {
        0 => read_place(reader, file_len)?,
        1 => Source::held(reader.bytes()?),
        _ => return Err(Error::corrupt("a page's entry names no known place")),
    };
    Ok(PageEntry { first_term, source })
}

fn read_place<T>(reader: &mut Reader<'_>, file_len: u64) -> Result<Source<T>> {
    let offset = reader.varint()?;
    let len = read_u32(reader)?;
    if offset.checked_add(len.into()).is_none_or(|end| end > file_len) {
        return Err(Error::corrupt("an entry points past the end of the day's file"));
    }
    Ok(Source::File { offset, len })
}

fn read_u32(reader: &mut Reader<'_>) -> Result<u32> {
    u32::try_from(reader.varint()?).map_err(|_| Error::corrupt("an entry's number is too large"))
}

/// Checks that parts follow each other from ordinal 0; the ordinal after the last row.
pub(crate) fn check_contiguous(parts: &[Arc<Part>]) -> Result<u32> {
    parts.iter().try_fold(0, |next, part| {
        if part.first == next {
            Ok(part.end())
        } else {
            Err(Error::corrupt(format!("rows from ordinal {next} to {} are missing", part.first)))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::columns;
    use crate::codec::row::any;

    #[test]
    fn a_block_that_claims_more_bytes_of_rows_than_any_has_is_an_error() {
        let zone = columns::encode(&any::rows(2)).unwrap().zone;
        let decoded = |row_bytes: u64| {
            let source = Source::File { offset: 24, len: 9 };
            let block = BlockEntry { first: 0, rows: 2, row_bytes, zone, source };
            let mut bytes = Vec::new();
            Part { blocks: [block].into(), ..Part::lost(0, 2) }.encode(&mut bytes);
            Part::decode(&mut Reader::new(&bytes, "list"), 100)
        };
        let most = BLOCK_COLUMN_BYTES_MAX as u64;
        assert_eq!(decoded(most).unwrap().row_bytes(), most);
        for more in [most + 1, u64::MAX] {
            assert_eq!(decoded(more).unwrap_err().kind(), crate::ErrorKind::Corrupt);
        }
    }
}
