//! What a part holds: its blocks and its pages of postings.
//!
//! Owns: [`Contents`], where the bytes of a block or a page are, and how both are listed. Does not own
//! those bytes' formats (`codec`, `index`), nor where the list itself is kept (`part`).
//!
//! Invariant: the blocks follow each other without a gap. A zone counts the events of its block: where
//! those are fewer than its rows, the others are holes, and listed under the session without a name.
//!
//! ```text
//! contents  number of blocks, blocks, number of pages, pages
//! block     offset, length, rows, bytes of the rows in memory, zone (fixed length)
//! page      length and bytes of its first term, then 0, offset, length (in the day's file)
//!                                            or      1, length, bytes (here)
//! ```
//! All numbers are varints. A section of the day's file is a version u8 (1), contents whose pages are all in
//! the file, and a checksum; a log has those of parts that are not merged, whose pages are here.

use std::sync::{Arc, OnceLock};

use crate::codec::bytes::{Reader, put_bytes, put_varint, seal, unseal};
use crate::codec::columns::Column;
use crate::error::{Error, Result};
use crate::index::postings::OpenPage;
use crate::index::zones::Zone;
use crate::limits::BLOCK_COLUMN_BYTES_MAX;

/// The version of a section.
const VERSION: u8 = 1;

/// Where bytes are.
#[derive(Debug, Clone)]
pub(crate) enum Source<T> {
    /// In the day's file; what they decode to is in the cache.
    File(Span),
    /// Here.
    Memory(Arc<Held<T>>),
}

/// A stretch of the day's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) offset: u64,
    pub(crate) len: u32,
}

/// Bytes in memory, and what they decode to, once.
#[derive(Debug)]
pub(crate) struct Held<T> {
    pub(crate) bytes: Box<[u8]>,
    pub(crate) decoded: T,
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

/// What a part holds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Contents {
    pub(crate) blocks: Box<[BlockEntry]>,
    pub(crate) pages: Box<[PageEntry]>,
}

impl Span {
    /// The offset after it.
    pub(crate) fn end(self) -> u64 {
        self.offset + u64::from(self.len)
    }

    pub(crate) fn encode(self, out: &mut Vec<u8>) {
        put_varint(out, self.offset);
        put_varint(out, self.len.into());
    }

    /// Reads a span, which lies within the first `file_len` bytes of the file.
    pub(crate) fn decode(reader: &mut Reader<'_>, file_len: u64) -> Result<Self> {
        let offset = reader.varint()?;
        let len = reader.varint_u32()?;
        if offset.checked_add(len.into()).is_none_or(|end| end > file_len) {
            return Err(Error::corrupt("an entry points past the end of the day's file"));
        }
        Ok(Self { offset, len })
    }
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
            Self::File(_) => None,
            Self::Memory(held) => Some(&held.bytes),
        }
    }

    /// Where the bytes end in the day's file.
    fn end_in_file(&self) -> Option<u64> {
        match self {
            Self::File(span) => Some(span.end()),
            Self::Memory(_) => None,
        }
    }

    /// What holding the bytes costs.
    fn bytes_here(&self) -> usize {
        self.in_memory().map_or(0, |bytes| size_of::<Held<T>>() + bytes.len())
    }
}

impl BlockEntry {
    /// The ordinal after the last row.
    pub(crate) fn end(&self) -> u32 {
        self.first + self.rows
    }
}

impl Contents {
    /// The block that holds the row of this ordinal.
    pub(crate) fn block_at(&self, ordinal: u32) -> Option<&BlockEntry> {
        self.blocks.get(self.blocks.partition_point(|block| block.end() <= ordinal))
    }

    pub(crate) fn rows(&self) -> u32 {
        self.blocks.iter().map(|block| block.rows).sum()
    }

    /// Bytes of the rows in memory.
    pub(crate) fn row_bytes(&self) -> u64 {
        self.blocks.iter().map(|block| block.row_bytes).sum()
    }

    /// The zone that covers all blocks.
    pub(crate) fn zone(&self) -> Zone {
        self.blocks.iter().map(|block| block.zone).fold(Zone::default(), Zone::union)
    }

    /// Where in the day's file the last of the bytes lies.
    pub(crate) fn end_in_file(&self) -> Option<u64> {
        let blocks = self.blocks.iter().filter_map(|block| block.source.end_in_file());
        let pages = self.pages.iter().filter_map(|page| page.source.end_in_file());
        blocks.chain(pages).max()
    }

    /// Bytes of the postings that are here.
    pub(crate) fn postings_here(&self) -> usize {
        self.pages.iter().filter_map(|page| page.source.in_memory()).map(<[u8]>::len).sum()
    }

    /// About what they cost in memory.
    pub(crate) fn bytes(&self) -> usize {
        let pages = self.pages.iter().map(|page| page.first_term.len() + page.source.bytes_here());
        let blocks = self.blocks.iter().map(|block| block.source.bytes_here());
        size_of::<Self>()
            + size_of_val(&*self.blocks)
            + size_of_val(&*self.pages)
            + pages.chain(blocks).sum::<usize>()
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, self.blocks.len() as u64);
        for block in &self.blocks {
            debug_assert!(
                block.source.in_memory().is_none(),
                "a block is listed once it is in the file"
            );
            if let Source::File(span) = block.source {
                span.encode(out);
            }
            put_varint(out, block.rows.into());
            put_varint(out, block.row_bytes);
            out.extend_from_slice(&block.zone.encode());
        }
        put_varint(out, self.pages.len() as u64);
        for page in &self.pages {
            put_bytes(out, &page.first_term);
            match &page.source {
                Source::File(span) => {
                    out.push(0);
                    span.encode(out);
                }
                Source::Memory(held) => {
                    out.push(1);
                    put_bytes(out, &held.bytes);
                }
            }
        }
    }

    /// Reads the contents of a part of these ordinals; `file_len` bounds where its blocks and pages may lie.
    pub(crate) fn decode(
        reader: &mut Reader<'_>,
        first: u32,
        end: u32,
        file_len: u64,
    ) -> Result<Self> {
        let mut blocks = Vec::new();
        let mut next = first;
        for _ in 0..reader.varint()? {
            let block = decode_block(reader, next, end, file_len)?;
            next = block.end();
            blocks.push(block);
        }
        if next != end {
            return Err(Error::corrupt("a part's blocks do not fill it"));
        }
        let mut pages = Vec::new();
        for _ in 0..reader.varint()? {
            pages.push(decode_page(reader, file_len)?);
        }
        Ok(Self { blocks: blocks.into(), pages: pages.into() })
    }

    /// The body of a section.
    pub(crate) fn to_section(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        self.encode(&mut out);
        seal(&mut out);
        out
    }

    /// Reads the body of a section, which begins at this offset.
    pub(crate) fn of_section(body: &[u8], first: u32, rows: u32, offset: u64) -> Result<Self> {
        const PLACE: &str = "contents of a part";
        let mut reader = Reader::new(unseal(body, PLACE)?, PLACE);
        match reader.u8()? {
            VERSION => {}
            0 => return Err(Error::corrupt("contents of a part without a version")),
            newer => return Err(Error::version(PLACE, newer.into(), VERSION.into())),
        }
        let contents = Self::decode(&mut reader, first, first.saturating_add(rows), offset)?;
        reader.finish()?;
        match contents.pages.iter().any(|page| page.source.in_memory().is_some()) {
            true => Err(Error::corrupt("a page of postings lies among the contents of a part")),
            false => Ok(contents),
        }
    }
}

fn decode_block(
    reader: &mut Reader<'_>,
    first: u32,
    part_end: u32,
    file_len: u64,
) -> Result<BlockEntry> {
    let source = Source::File(Span::decode(reader, file_len)?);
    let rows = reader.varint_u32()?;
    // No block has more, and sums of it cannot overflow.
    let row_bytes = reader.varint_to(BLOCK_COLUMN_BYTES_MAX)? as u64;
    let zone = Zone::decode(reader.slice(Zone::BYTES)?)?;
    let within = first.checked_add(rows).is_some_and(|end| end <= part_end);
    match within && rows > 0 && zone.rows <= rows {
        true => Ok(BlockEntry { first, rows, row_bytes, zone, source }),
        false => Err(Error::corrupt("a block's entry leaves its part")),
    }
}

fn decode_page(reader: &mut Reader<'_>, file_len: u64) -> Result<PageEntry> {
    let first_term = reader.bytes()?.into();
    let source = match reader.u8()? {
        0 => Source::File(Span::decode(reader, file_len)?),
        1 => Source::held(reader.bytes()?),
        _ => return Err(Error::corrupt("a page's entry names no known place")),
    };
    Ok(PageEntry { first_term, source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::columns;
    use crate::codec::row::any;

    /// Contents of one block of two rows.
    fn contents(row_bytes: u64) -> Contents {
        let zone = columns::encode(&any::rows(2)).unwrap().zone;
        let source = Source::File(Span { offset: 24, len: 9 });
        let block = BlockEntry { first: 7, rows: 2, row_bytes, zone, source };
        Contents { blocks: [block].into(), pages: Box::default() }
    }

    #[test]
    fn a_block_that_claims_more_bytes_of_rows_than_any_has_is_an_error() {
        let decoded =
            |row_bytes: u64| Contents::of_section(&contents(row_bytes).to_section(), 7, 2, 100);
        let most = BLOCK_COLUMN_BYTES_MAX as u64;
        assert_eq!(decoded(most).unwrap().row_bytes(), most);
        for more in [most + 1, u64::MAX] {
            assert_eq!(decoded(more).unwrap_err().kind(), crate::ErrorKind::Corrupt);
        }
    }

    #[test]
    fn a_section_that_is_damaged_or_of_other_rows_is_an_error() {
        let body = contents(80).to_section();
        let read = |body: &[u8], first, rows, offset| {
            Contents::of_section(body, first, rows, offset).map(|read| read.blocks.len())
        };
        assert_eq!(read(&body, 7, 2, 33).unwrap(), 1);
        // Rows of its own, and blocks that lie before it.
        let others = [(7, 1, 33), (7, 3, 33), (u32::MAX, 2, 33), (7, 2, 32)];
        for (first, rows, offset) in others {
            let error = read(&body, first, rows, offset).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Corrupt, "{first} {rows} {offset}");
        }
        for at in 0..body.len() {
            let mut damaged = body.clone();
            damaged[at] ^= 1;
            assert!(read(&damaged, 7, 2, 33).is_err(), "byte {at}");
        }
        assert!(read(&Contents::default().to_section(), 7, 2, 33).is_err(), "no blocks");
        for bytes in [&[][..], &[1]] {
            let page = PageEntry { first_term: Box::default(), source: Source::held(bytes) };
            let with_page = Contents { pages: [page].into(), ..contents(80) }.to_section();
            assert!(read(&with_page, 7, 2, 33).is_err(), "a page that is here");
        }
    }

    #[test]
    fn a_section_of_a_newer_version_is_refused_as_such() {
        let of_version = |version| {
            let mut body = contents(80).to_section();
            body.truncate(body.len() - 8);
            body[0] = version;
            seal(&mut body);
            Contents::of_section(&body, 7, 2, 33).map_err(|error| error.kind())
        };
        assert!(of_version(1).is_ok());
        assert_eq!(of_version(2).unwrap_err(), crate::ErrorKind::Version);
        assert_eq!(of_version(0).unwrap_err(), crate::ErrorKind::Corrupt);
    }
}
