//! The head of a block: which columns it has, where each lies, and its checksum.
//!
//! Owns: [`Head`], [`Kind`], [`Packing`] and their bytes. Does not own what is in a column.
//!
//! Invariants: columns lie side by side in the order of their kinds, none twice, from the end of the
//! head to the end of the block. A head that decodes has been checked against its checksum.
//!
//! ```text
//!  0  version    u8    1
//!  1  columns    u8    at most 16
//!  2  rows       u32   1 to 65,536
//!  6  column     once a column, 14 bytes:
//!     kind       u8    see Kind
//!     encoding   u8    low half: the packing; high half: a power of ten, see `numbers`
//!     length     u32   bytes of the column
//!     checksum   u64   XXH3-64 of the column's bytes
//!  …  checksum   u64   XXH3-64 of the head so far
//! ```

use std::ops::Range;

use super::encoding::{Encoding, Packed};
use crate::codec::bytes::{Reader, checksum, put_u32, put_u64, seal, unseal};
use crate::error::{Error, Result};
use crate::limits::PART_ROWS_MAX;

/// Bytes that hold any block's head: what to read first.
pub(crate) const HEAD_BYTES_MAX: usize = START_BYTES + Kind::ALL.len() * ENTRY_BYTES + SUM_BYTES;

const VERSION: u8 = 1;
const START_BYTES: usize = 6;
const ENTRY_BYTES: usize = 14;
const SUM_BYTES: usize = 8;

/// A column as it lies in a block. `grouped` columns hold their rows session by session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Kind {
    /// The distinct ids, sorted: `texts`.
    SessionNames = 1,
    /// Per row, which of them: `numbers`, u32.
    SessionCodes = 2,
    TypeNames = 3,
    TypeCodes = 4,
    /// Per row: `times`.
    ServerTimes = 5,
    /// Per row of a block of which some have a location, a bit: `blob`, grouped.
    LocationPresence = 6,
    /// Per located row: `degrees`, grouped.
    Latitudes = 7,
    Longitudes = 8,
    /// Per row, 0 none, 1 kept as text, 2 or more the form plus 2: `numbers`, u32, grouped.
    ClientForms = 9,
    /// Per row with a form, how far its instant is after the server's time: `times`, grouped.
    ClientDelays = 10,
    /// Per row kept as text, the text: `texts`.
    ClientTexts = 11,
    /// Per row, how many tags: `numbers`, u32.
    TagCounts = 12,
    TagNames = 13,
    /// Per tag of each row: `numbers`, u32.
    TagCodes = 14,
    /// Per row, 0 none, else bytes plus 1: `numbers`, u32.
    DataLengths = 15,
    /// All data, one after another: `blob`.
    Data = 16,
}

impl Kind {
    pub(super) const ALL: [Self; 16] = [
        Self::SessionNames,
        Self::SessionCodes,
        Self::TypeNames,
        Self::TypeCodes,
        Self::ServerTimes,
        Self::LocationPresence,
        Self::Latitudes,
        Self::Longitudes,
        Self::ClientForms,
        Self::ClientDelays,
        Self::ClientTexts,
        Self::TagCounts,
        Self::TagNames,
        Self::TagCodes,
        Self::DataLengths,
        Self::Data,
    ];

    fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.get(usize::from(byte).checked_sub(1)?).copied()
    }

    /// As errors name it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::SessionNames => "column of session ids",
            Self::SessionCodes => "column of sessions",
            Self::TypeNames => "column of event type names",
            Self::TypeCodes => "column of event types",
            Self::ServerTimes => "column of server times",
            Self::LocationPresence => "column of location presence",
            Self::Latitudes => "column of latitudes",
            Self::Longitudes => "column of longitudes",
            Self::ClientForms => "column of client time forms",
            Self::ClientDelays => "column of client times",
            Self::ClientTexts => "column of client time texts",
            Self::TagCounts => "column of tag counts",
            Self::TagNames => "column of tag names",
            Self::TagCodes => "column of tags",
            Self::DataLengths => "column of data lengths",
            Self::Data => "column of data",
        }
    }
}

/// Where a column lies.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) kind: Kind,
    pub(super) encoding: Encoding,
    pub(super) range: Range<usize>,
    checksum: u64,
}

impl Entry {
    /// An error unless these are the bytes that were written.
    pub(super) fn verify(&self, bytes: &[u8]) -> Result<()> {
        if bytes.len() != self.range.len() || checksum(bytes) != self.checksum {
            return Err(Error::corrupt(format!(
                "{}: the checksum does not match",
                self.kind.name()
            )));
        }
        Ok(())
    }
}

/// A block's directory.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Head {
    rows: usize,
    bytes: usize,
    entries: Vec<Entry>,
}

impl Head {
    /// Rows of the block.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes of the block, its head included.
    pub(crate) fn block_bytes(&self) -> usize {
        self.entries.last().map_or(self.bytes, |entry| entry.range.end)
    }

    /// Each column with its bytes, for reports on where a day's bytes go.
    #[cfg(test)]
    pub(crate) fn columns(&self) -> impl Iterator<Item = (&'static str, usize)> + '_ {
        self.entries.iter().map(|entry| (entry.kind.name(), entry.range.len()))
    }

    /// Every column's stretch of the block matches its checksum; takes the block's bytes.
    pub(crate) fn verify(&self, block: &[u8]) -> Result<()> {
        if block.len() != self.block_bytes() {
            return Err(Error::corrupt("block: its length is not that of its columns"));
        }
        self.entries.iter().try_for_each(|entry| entry.verify(&block[entry.range.clone()]))
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    pub(super) fn entry(&self, kind: Kind) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.kind == kind)
    }

    /// From the first bytes of a block: [`HEAD_BYTES_MAX`] of them, or the whole block if shorter.
    pub(crate) fn decode(start: &[u8]) -> Result<Self> {
        const PLACE: &str = "block head";
        let mut reader = Reader::new(start, PLACE);
        let version = reader.u8()?;
        let columns = usize::from(reader.u8()?);
        if columns > Kind::ALL.len() {
            return Err(reader.corrupt("more columns than there are kinds"));
        }
        let bytes = START_BYTES + columns * ENTRY_BYTES + SUM_BYTES;
        let Some(head) = start.get(..bytes) else {
            return Err(reader.corrupt("ends early"));
        };
        let mut reader = Reader::new(unseal(head, PLACE)?, PLACE);
        // Only a checksum that holds tells a newer version from a flipped bit.
        if version != VERSION {
            return Err(Error::version("a block", u32::from(version), u32::from(VERSION)));
        }
        reader.slice(2)?;
        let rows = reader.u32()? as usize;
        if rows == 0 || rows > PART_ROWS_MAX {
            return Err(reader.corrupt("the number of rows is past its limit"));
        }
        let mut entries: Vec<Entry> = Vec::with_capacity(columns);
        let mut end = bytes;
        for _ in 0..columns {
            let kind =
                Kind::from_byte(reader.u8()?).ok_or_else(|| reader.corrupt("no such column"))?;
            if entries.last().is_some_and(|last| last.kind >= kind) {
                return Err(reader.corrupt("columns are not in order"));
            }
            let encoding = Encoding::from_byte(reader.u8()?)
                .ok_or_else(|| reader.corrupt("no such encoding"))?;
            let start = end;
            end = start
                .checked_add(reader.u32()? as usize)
                .ok_or_else(|| reader.corrupt("a column is too long"))?;
            entries.push(Entry { kind, encoding, range: start..end, checksum: reader.u64()? });
        }
        reader.finish()?;
        Ok(Self { rows, bytes, entries })
    }
}

/// A block of these columns, which are in the order of their kinds.
pub(super) fn assemble(rows: usize, columns: &[(Kind, Packed)]) -> Result<Vec<u8>> {
    let too_long = |_| Error::invalid("block", "must have columns below 4 GiB", "more");
    let total = columns.iter().map(|(_, column)| column.bytes.len()).sum::<usize>();
    let mut out = Vec::with_capacity(HEAD_BYTES_MAX + total);
    // Both fit: there are 16 kinds, and the caller bounds the rows.
    out.extend_from_slice(&[VERSION, columns.len() as u8]);
    put_u32(&mut out, u32::try_from(rows).map_err(too_long)?);
    for (kind, column) in columns {
        out.extend_from_slice(&[*kind as u8, column.encoding.to_byte()]);
        put_u32(&mut out, u32::try_from(column.bytes.len()).map_err(too_long)?);
        put_u64(&mut out, checksum(&column.bytes));
    }
    seal(&mut out);
    for (_, column) in columns {
        out.extend_from_slice(&column.bytes);
    }
    Ok(out)
}

/// Gives a damaged block the checksums that its bytes call for: damage that no checksum finds.
#[cfg(any(test, feature = "testing"))]
pub(crate) fn reseal(block: &mut [u8]) {
    let columns = block.get(1).copied().map_or(0, usize::from);
    let sum_at = START_BYTES + columns * ENTRY_BYTES;
    let mut start = sum_at + SUM_BYTES;
    if block.len() < start {
        return;
    }
    for entry in (START_BYTES..sum_at).step_by(ENTRY_BYTES) {
        let mut length = [0; 4];
        length.copy_from_slice(&block[entry + 2..entry + 6]);
        let end = start.saturating_add(u32::from_le_bytes(length) as usize);
        let Some(column) = block.get(start..end) else { break };
        let sum = checksum(column).to_le_bytes();
        block[entry + 6..entry + ENTRY_BYTES].copy_from_slice(&sum);
        start = end;
    }
    let sum = checksum(&block[..sum_at]).to_le_bytes();
    block[sum_at..sum_at + SUM_BYTES].copy_from_slice(&sum);
}
