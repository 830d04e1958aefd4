//! At which rows of a part each term occurs.
//!
//! Owns: [`Bitmap`], [`Posting`] and its payload. Its children own pages (`page`), building them from a
//! block's codes (`block`), merging (`merge`) and reading (`read`). Does not own where pages are kept
//! (`day`), nor how sets are combined to answer a filter (`query`).
//!
//! Invariants: a part is a stretch of at most 65,536 rows, and offsets count from its first row. A term
//! is listed once, with at least one offset; offsets ascend and are distinct. No other file names
//! `roaring`.
//!
//! ```text
//! payload   gaps     varint first offset; then, each time, varint distance to the next less 1
//!           runs     varint distance from the end of the last run, varint length less 1
//!           bitmap   bit n % 8 of byte n / 8 is offset n; the last byte is not 0
//! ```

mod block;
mod merge;
mod page;
mod read;
#[cfg(test)]
mod tests;

use std::ops::{BitAnd, BitAndAssign, BitOr, BitOrAssign, Range, Sub, SubAssign};
use std::sync::Arc;

pub(crate) use block::{BlockTerms, block_postings};
pub(crate) use merge::merge;
pub(crate) use page::{OpenPage, Page};
pub(crate) use read::{PageSource, lookup, scan};
use roaring::RoaringBitmap;

use crate::codec::bytes::{Reader, put_varint, varint_bytes};
use crate::error::Result;
use crate::limits::PART_ROWS_MAX;

/// A set of row numbers.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Bitmap(RoaringBitmap);

impl Bitmap {
    pub(crate) fn empty() -> Self {
        Self::default()
    }

    /// All below `rows`.
    pub(crate) fn full(rows: u32) -> Self {
        Self::range(0..rows)
    }

    pub(crate) fn range(range: Range<u32>) -> Self {
        let mut bitmap = Self::empty();
        bitmap.insert_range(range);
        bitmap
    }

    /// Of ascending, distinct numbers; what is out of order ends the set.
    pub(crate) fn from_sorted(numbers: impl IntoIterator<Item = u32>) -> Self {
        let mut bitmap = RoaringBitmap::new();
        // What was taken before the first number out of order stays.
        let _ = bitmap.append(numbers);
        Self(bitmap)
    }

    pub(crate) fn insert_range(&mut self, range: Range<u32>) {
        self.0.insert_range(range);
    }

    pub(crate) fn len(&self) -> u64 {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[cfg(test)]
    pub(crate) fn contains(&self, number: u32) -> bool {
        self.0.contains(number)
    }

    /// How many are in both.
    pub(crate) fn intersection_len(&self, other: &Self) -> u64 {
        self.0.intersection_len(&other.0)
    }

    /// How many lie in the range.
    pub(crate) fn range_len(&self, range: Range<u32>) -> u64 {
        if range.is_empty() { 0 } else { self.0.range_cardinality(range) }
    }

    #[cfg(test)]
    pub(crate) fn min(&self) -> Option<u32> {
        self.0.min()
    }

    #[cfg(test)]
    pub(crate) fn max(&self) -> Option<u32> {
        self.0.max()
    }

    /// Ascending.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = u32> + '_ {
        self.0.iter()
    }

    /// Those in the range, ascending.
    pub(crate) fn iter_in(&self, range: Range<u32>) -> impl DoubleEndedIterator<Item = u32> + '_ {
        // An inverted range has no numbers, but roaring panics on it.
        self.0.range(range.start..range.end.max(range.start))
    }
}

macro_rules! set_operator {
    ($($operator:ident $method:ident $assign:ident $assign_method:ident;)*) => {$(
        impl $operator for Bitmap {
            type Output = Self;
            fn $method(self, other: Self) -> Self {
                Self(self.0.$method(other.0))
            }
        }
        impl $operator<&Bitmap> for &Bitmap {
            type Output = Bitmap;
            fn $method(self, other: &Bitmap) -> Bitmap {
                Bitmap((&self.0).$method(&other.0))
            }
        }
        impl $assign for Bitmap {
            fn $assign_method(&mut self, other: Self) {
                self.0.$assign_method(other.0);
            }
        }
        impl $assign<&Self> for Bitmap {
            fn $assign_method(&mut self, other: &Self) {
                self.0.$assign_method(&other.0);
            }
        }
    )*};
}

set_operator! {
    BitAnd bitand BitAndAssign bitand_assign;
    BitOr bitor BitOrAssign bitor_assign;
    Sub sub SubAssign sub_assign;
}

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
        if self.packing == Packing::Bitmap {
            self.check_bitmap()?;
            return self.check_len(RoaringBitmap::from_lsb0_bytes(0, self.payload()));
        }
        let mut bitmap = RoaringBitmap::new();
        if self.packing == Packing::Runs {
            self.for_each_run(|run| {
                bitmap.insert_range(run);
            })?;
        } else {
            let mut offsets = Vec::new();
            self.offsets_into(&mut offsets)?;
            // Past a few, setting bits and handing them over whole beats adding one by one.
            if let Some(&last) = offsets.last().filter(|_| offsets.len() > 64) {
                let mut bits = Vec::new();
                put_bits(&mut bits, &offsets, last);
                return self.check_len(RoaringBitmap::from_lsb0_bytes(0, &bits));
            }
            // They ascend: each is its predecessor and more.
            let _ = bitmap.append(offsets);
        }
        self.check_len(bitmap)
    }

    fn check_len(&self, bitmap: RoaringBitmap) -> Result<Bitmap> {
        if bitmap.len() != u64::from(self.cardinality) {
            return Err(self.reader().corrupt("not as many offsets as it says"));
        }
        Ok(Bitmap(bitmap))
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
                let mut reader = self.reader();
                // Each takes a byte at least.
                out.reserve((self.cardinality as usize).min(reader.remaining()));
                let mut next = 0;
                while reader.remaining() > 0 {
                    let offset = next + reader.varint_to(PART_ROWS_MAX)?;
                    if offset >= PART_ROWS_MAX {
                        return Err(reader.corrupt("an offset past the part"));
                    }
                    out.push(offset as u32);
                    next = offset + 1;
                }
            }
        }
        if out.len() - before != self.cardinality as usize {
            return Err(self.reader().corrupt("not as many offsets as it says"));
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
