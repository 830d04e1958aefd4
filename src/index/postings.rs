//! At which rows of a part each term occurs.
//!
//! Owns: [`Posting`] and its payload. Its children own sets of rows (`bitmap`), pages (`page`), building them from a
//! block's codes (`block`), merging (`merge`) and reading (`read`). Does not own where pages are kept
//! (`day`), nor how sets are combined to answer a filter (`query`).
//!
//! Invariants: a part is a stretch of at most 65,536 rows, and offsets count from its first row. A term
//! is listed once, with at least one offset; offsets ascend and are distinct. Of all files,
//! `bitmap` alone names `roaring`.
//!
//! ```text
//! payload   gaps     varint first offset; then, each time, varint distance to the next less 1
//!           runs     varint distance from the end of the last run, varint length less 1
//!           bitmap   bit n % 8 of byte n / 8 is offset n; the last byte is not 0
//! ```

mod bitmap;
mod block;
mod merge;
mod page;
mod read;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::Arc;

use crate::codec::bytes::{Reader, put_varint, varint_bytes};
use crate::error::Result;
use crate::limits::PART_ROWS_MAX;
pub(crate) use bitmap::{Bitmap, Union};
pub(crate) use block::{BlockTerms, block_postings};
pub(crate) use merge::merge;
pub(crate) use page::{OpenPage, Page};
pub(crate) use read::{PageSource, lookup, scan};

/// How the offsets of a posting are written: see the head of this file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Packing {
    Gaps = 0,
    Runs = 1,
    Bitmap = 2,
}

impl Packing {
    fn from_bits(bits: u64) -> Option<Self> {
        [Self::Gaps, Self::Runs, Self::Bitmap].into_iter().find(|&packing| packing as u64 == bits)
    }
}

/// What is listed under one term: how often it occurs, and on demand where.
#[derive(Debug, Clone)]
pub(crate) struct Posting {
    /// Rows of the term in this part.
    pub(crate) cardinality: u32,
    /// Of a session: the first and the last server time of its rows, in microseconds.
    pub(crate) times: Option<(i64, i64)>,
    packing: Packing,
    page: Arc<OpenPage>,
    payload: Range<usize>,
}

impl Posting {
    fn payload(&self) -> &[u8] {
        self.page.slice(self.payload.clone())
    }

    fn reader(&self) -> Reader<'_> {
        Reader::new(self.payload(), "postings")
    }

    /// The offsets as a set.
    pub(crate) fn bitmap(&self) -> Result<Bitmap> {
        let bitmap = match self.packing {
            Packing::Bitmap => {
                self.check_bitmap()?;
                Bitmap::from_bits(self.payload())
            }
            Packing::Runs => {
                let mut bitmap = Bitmap::empty();
                self.for_each_run(|run| bitmap.insert_range(run))?;
                bitmap
            }
            Packing::Gaps => {
                let mut offsets = Vec::new();
                self.offsets_into(&mut offsets)?;
                // Past a few, setting bits and handing them over whole beats adding one by one.
                match offsets.last() {
                    Some(&last) if offsets.len() > 64 => {
                        let mut bits = Vec::new();
                        put_bits(&mut bits, &offsets, last);
                        Bitmap::from_bits(&bits)
                    }
                    _ => Bitmap::from_sorted(offsets),
                }
            }
        };
        if bitmap.len() != u64::from(self.cardinality) {
            return Err(self.reader().corrupt("not as many offsets as it says"));
        }
        Ok(bitmap)
    }

    /// How many of the rows are listed here.
    pub(crate) fn count_in(&self, rows: &Bitmap) -> Result<u64> {
        let mut count = 0;
        match self.packing {
            Packing::Runs => self.for_each_run(|run| count += rows.range_len(run))?,
            Packing::Gaps => {
                self.for_each_gap(|offset| count += u64::from(rows.contains(offset)))?
            }
            Packing::Bitmap => count = self.bitmap()?.intersection_len(rows),
        }
        Ok(count)
    }

    /// Adds the offsets to those gathered.
    pub(crate) fn add_to(&self, gathered: &mut Union) -> Result<()> {
        match self.packing {
            Packing::Bitmap => {
                self.check_bitmap()?;
                gathered.add_bits(self.payload());
                Ok(())
            }
            Packing::Runs => self.for_each_run(|run| gathered.add_range(run)),
            Packing::Gaps => self.for_each_gap(|offset| gathered.add(offset)),
        }
    }

    fn check_bitmap(&self) -> Result<()> {
        let bytes = self.payload();
        if bytes.len() > PART_ROWS_MAX / 8 || bytes.last().is_none_or(|&last| last == 0) {
            return Err(self.reader().corrupt("a bitmap of the wrong length"));
        }
        Ok(())
    }

    /// Appends the offsets, ascending: exactly as many as the cardinality.
    pub(crate) fn offsets_into(&self, out: &mut Vec<u32>) -> Result<()> {
        let before = out.len();
        match self.packing {
            Packing::Bitmap => {
                self.check_bitmap()?;
                for (at, &byte) in self.payload().iter().enumerate() {
                    let mut bits = byte;
                    while bits != 0 {
                        out.push(at as u32 * 8 + bits.trailing_zeros());
                        bits &= bits - 1;
                    }
                }
            }
            Packing::Runs => self.for_each_run(|run| out.extend(run))?,
            Packing::Gaps => {
                // Each takes a byte at least.
                out.reserve((self.cardinality as usize).min(self.payload().len()));
                self.for_each_gap(|offset| out.push(offset))?;
            }
        }
        if out.len() - before != self.cardinality as usize {
            return Err(self.reader().corrupt("not as many offsets as it says"));
        }
        Ok(())
    }

    fn for_each_gap(&self, mut visit: impl FnMut(u32)) -> Result<()> {
        let mut rest = self.payload();
        let mut next = 0;
        while let [first, after @ ..] = rest {
            // Most gaps take one byte, and nearly all two.
            let (gap, after) = match (first, after) {
                (0..0x80, _) => (u32::from(*first), after),
                (_, [second @ 0..0x80, after @ ..]) => {
                    (u32::from(first & 0x7f) | u32::from(*second) << 7, after)
                }
                _ => {
                    let mut reader = Reader::new(rest, "postings");
                    let gap = reader.varint_to(PART_ROWS_MAX)? as u32;
                    (gap, reader.slice(reader.remaining())?)
                }
            };
            let offset = next + gap;
            if offset as usize >= PART_ROWS_MAX {
                return Err(self.reader().corrupt("an offset past the part"));
            }
            visit(offset);
            next = offset + 1;
            rest = after;
        }
        Ok(())
    }

    fn for_each_run(&self, mut run: impl FnMut(Range<u32>)) -> Result<()> {
        let mut reader = self.reader();
        let mut end = 0;
        while reader.remaining() > 0 {
            let start = end + reader.varint_to(PART_ROWS_MAX)?;
            end = start + 1 + reader.varint_to(PART_ROWS_MAX)?;
            if end > PART_ROWS_MAX {
                return Err(reader.corrupt("a run past the part"));
            }
            run(start as u32..end as u32);
        }
        Ok(())
    }
}

/// The rows that all of these list, ascending; none where no posting is given.
pub(crate) fn intersection(mut postings: Vec<Posting>) -> Result<Vec<u32>> {
    postings.sort_by_key(|posting| posting.cardinality);
    let Some((fewest, others)) = postings.split_first() else { return Ok(Vec::new()) };
    let mut offsets = Vec::new();
    fewest.offsets_into(&mut offsets)?;
    let rows = offsets.last().map_or(0, |last| last + 1);
    for posting in others {
        // Looking bits up costs the same whichever way a posting is packed, and never guesses.
        let mut listed = Union::new(rows);
        posting.add_to(&mut listed)?;
        listed.retain(&mut offsets);
    }
    Ok(offsets)
}

/// Writes offsets, of which there is at least one, in whichever way is smallest.
fn pack_offsets(offsets: &[u32], out: &mut Vec<u8>) -> Packing {
    let (mut gaps_bytes, mut runs_bytes) = (0, 0);
    let mut next = 0;
    for &offset in offsets {
        gaps_bytes += varint_bytes(u64::from(offset - next));
        next = offset + 1;
    }
    for_each_run(offsets, |distance, length| {
        runs_bytes += varint_bytes(distance) + varint_bytes(length - 1);
    });
    let bitmap_bytes = (next as usize).div_ceil(8);
    // Where two are equally small, a bitmap is read fastest and gaps slowest.
    if bitmap_bytes <= runs_bytes.min(gaps_bytes) {
        put_bits(out, offsets, next - 1);
        Packing::Bitmap
    } else if runs_bytes <= gaps_bytes {
        for_each_run(offsets, |distance, length| {
            put_varint(out, distance);
            put_varint(out, length - 1);
        });
        Packing::Runs
    } else {
        let mut next = 0;
        for &offset in offsets {
            put_varint(out, u64::from(offset - next));
            next = offset + 1;
        }
        Packing::Gaps
    }
}

/// Appends a bit for each offset, the last of which is `last`.
fn put_bits(out: &mut Vec<u8>, offsets: &[u32], last: u32) {
    let start = out.len();
    out.resize(start + last as usize / 8 + 1, 0);
    for &offset in offsets {
        out[start + offset as usize / 8] |= 1 << (offset % 8);
    }
}

/// Each run of consecutive offsets: its distance from the end of the one before, and its length.
fn for_each_run(offsets: &[u32], mut run: impl FnMut(u64, u64)) {
    let mut end = 0;
    for consecutive in offsets.chunk_by(|a, b| a + 1 == *b) {
        run(u64::from(consecutive[0] - end), consecutive.len() as u64);
        end = consecutive[consecutive.len() - 1] + 1;
    }
}
