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
pub(crate) enum Source {
    /// In the day's file.
    File { offset: u64, len: u32 },
    /// Here.
    Memory(Arc<[u8]>),
}

impl Source {
    /// The bytes that are here.
    #[cfg(feature = "testing")]
    pub(crate) fn in_memory(&self) -> Option<&[u8]> {
        match self {
            Self::File { .. } => None,
            Self::Memory(bytes) => Some(bytes),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::File { len, .. } => *len as usize,
            Self::Memory(bytes) => bytes.len(),
        }
    }
}

/// A block: rows as columns.
#[derive(Debug, Clone)]
pub(crate) struct BlockEntry {
    /// Ordinal of the first row.
    pub(crate) first: u32,
    pub(crate) rows: u32,
    /// Bytes of the rows in memory, as `Row::bytes` counts them.
    pub(crate) row_bytes: u64,
    pub(crate) zone: Zone,
    pub(crate) source: Source,
    /// Columns of a block in memory, decoded once; a block in a file has them in the cache.
    pub(crate) decoded: Arc<[OnceLock<Arc<Column>>]>,
}

/// A page of postings.
#[derive(Debug, Clone)]
pub(crate) struct PageEntry {
    pub(crate) first_term: Box<[u8]>,
    pub(crate) source: Source,
    /// A page in memory, opened once; one in a file is in the cache.
    pub(crate) opened: Arc<OnceLock<Arc<OpenPage>>>,
}

impl PageEntry {
    pub(crate) fn new(first_term: impl Into<Box<[u8]>>, source: Source) -> Self {
        Self { first_term: first_term.into(), source, opened: Arc::default() }
    }
}

/// A stretch of a day with postings of its own.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    /// Ordinal of the first row.
    pub(crate) first: u32,
    pub(crate) rows: u32,
    pub(crate) blocks: Vec<BlockEntry>,
    pub(crate) pages: Vec<PageEntry>,
}

impl Part {
    /// The ordinal after the last row.
    pub(crate) fn end(&self) -> u32 {
        self.first + self.rows
    }

    /// About what its lists cost in memory.
    pub(crate) fn bytes(&self) -> usize {
        let listed = |source: &Source| match source {
            Source::File { .. } => 0,
            Source::Memory(bytes) => bytes.len(),
        };
        let pages = self.pages.iter().map(|page| page.first_term.len() + listed(&page.source));
        let blocks = self.blocks.iter().map(|block| listed(&block.source));
        size_of::<Self>()
            + self.blocks.len() * size_of::<BlockEntry>()
            + self.pages.len() * size_of::<PageEntry>()
            + pages.chain(blocks).sum::<usize>()
    }

    /// A stretch whose rows were lost to damage: ordinals without events.
    pub(crate) fn lost(first: u32, rows: u32) -> Self {
        Self { first, rows, blocks: Vec::new(), pages: Vec::new() }
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
        let blocks = self.blocks.iter().map(|block| &block.source);
        let sources = blocks.chain(self.pages.iter().map(|page| &page.source));
        let end = |source: &Source| match source {
            Source::File { offset, len } => Some(offset + u64::from(*len)),
            Source::Memory(_) => None,
        };
        sources.filter_map(end).max()
    }

    /// Whether its postings are kept with its entry, to be merged with its neighbours'.
    pub(crate) fn is_unmerged(&self) -> bool {
        self.pages.iter().any(|page| matches!(page.source, Source::Memory(_)))
    }

    /// Bytes of the postings kept with its entry.
    pub(crate) fn unmerged_bytes(&self) -> usize {
        let inline = self.pages.iter().filter(|page| matches!(page.source, Source::Memory(_)));
        inline.map(|page| page.source.len()).sum()
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
                Source::Memory(bytes) => {
                    out.push(1);
                    put_bytes(out, bytes);
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
            blocks.push(BlockEntry::new(next, block_rows, row_bytes, zone, source));
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
        Ok(Self { first, rows, blocks, pages })
    }
}

impl BlockEntry {
    pub(crate) fn new(first: u32, rows: u32, row_bytes: u64, zone: Zone, source: Source) -> Self {
        let columns = match source {
            Source::File { .. } => 0,
            Source::Memory(_) => crate::codec::columns::ColumnKind::ALL.len(),
        };
        let decoded = (0..columns).map(|_| OnceLock::new()).collect();
        Self { first, rows, row_bytes, zone, source, decoded }
    }

    /// The ordinal after the last row.
    pub(crate) fn end(&self) -> u32 {
        self.first + self.rows
    }
}

fn decode_page(reader: &mut Reader<'_>, file_len: u64) -> Result<PageEntry> {
    let first_term = reader.bytes()?;
    let source = match reader.u8()? {
        0 => read_place(reader, file_len)?,
        1 => Source::Memory(reader.bytes()?.into()),
        _ => return Err(Error::corrupt("a page's entry names no known place")),
    };
    Ok(PageEntry::new(first_term, source))
}

fn read_place(reader: &mut Reader<'_>, file_len: u64) -> Result<Source> {
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
            let block = BlockEntry::new(0, 2, row_bytes, zone, Source::File { offset: 24, len: 9 });
            let mut bytes = Vec::new();
            Part { first: 0, rows: 2, blocks: vec![block], pages: Vec::new() }.encode(&mut bytes);
            Part::decode(&mut Reader::new(&bytes, "list"), 100)
        };
        let most = BLOCK_COLUMN_BYTES_MAX as u64;
        assert_eq!(decoded(most).unwrap().row_bytes(), most);
        for more in [most + 1, u64::MAX] {
            assert_eq!(decoded(more).unwrap_err().kind(), crate::ErrorKind::Corrupt);
        }
    }
}
