//! Sets of a part's rows.
//!
//! Owns: [`Bitmap`], a set in roaring's hands, and [`Union`], in which the rows of many terms are
//! gathered. Does not own how a term's rows are packed (`postings`).
//!
//! Invariant: no other file names `roaring`.

use std::ops::{BitAnd, BitAndAssign, BitOr, BitOrAssign, Range, Sub, SubAssign};

use roaring::RoaringBitmap;

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

    /// Of bits: bit n % 8 of byte n / 8 is number n.
    pub(super) fn from_bits(bits: &[u8]) -> Self {
        Self(RoaringBitmap::from_lsb0_bytes(0, bits))
    }

    pub(crate) fn insert_range(&mut self, range: Range<u32>) {
        self.0.insert_range(range);
    }

    pub(crate) fn insert(&mut self, number: u32) {
        self.0.insert(number);
    }

    pub(crate) fn len(&self) -> u64 {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

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

/// Rows of many terms, gathered bit by bit: cheaper than as many unions of sets.
#[derive(Debug)]
pub(crate) struct Union {
    bits: Vec<u8>,
}

impl Union {
    /// Of rows below `rows`; what lies beyond is left out.
    pub(crate) fn new(rows: u32) -> Self {
        Self { bits: vec![0; rows.div_ceil(8) as usize] }
    }

    pub(crate) fn add(&mut self, row: u32) {
        if let Some(byte) = self.bits.get_mut(row as usize / 8) {
            *byte |= 1 << (row % 8);
        }
    }

    pub(crate) fn add_range(&mut self, rows: Range<u32>) {
        // No more bits than a part has rows.
        let rows = rows.start..rows.end.min(self.bits.len() as u32 * 8);
        let whole = rows.start.next_multiple_of(8)..rows.end / 8 * 8;
        if whole.is_empty() {
            rows.for_each(|row| self.add(row));
            return;
        }
        let bytes = whole.start as usize / 8..whole.end as usize / 8;
        self.bits.get_mut(bytes).into_iter().for_each(|bytes| bytes.fill(u8::MAX));
        (rows.start..whole.start).chain(whole.end..rows.end).for_each(|row| self.add(row));
    }

    pub(super) fn add_bits(&mut self, bits: &[u8]) {
        self.bits.iter_mut().zip(bits).for_each(|(byte, more)| *byte |= more);
    }

    /// Keeps those of these rows, all below the union's end, that were gathered.
    pub(super) fn retain(&self, rows: &mut Vec<u32>) {
        let mut kept = 0;
        for place in 0..rows.len() {
            let row = rows[place];
            rows[kept] = row;
            kept += usize::from(self.bits[row as usize / 8] >> (row % 8) & 1);
        }
        rows.truncate(kept);
    }

    /// Keeps those that are in the set, too.
    pub(crate) fn keep(&mut self, set: &Bitmap) {
        let mut kept = vec![0; self.bits.len()];
        for row in set.iter() {
            if let (Some(byte), Some(had)) =
                (kept.get_mut(row as usize / 8), self.bits.get(row as usize / 8))
            {
                *byte |= had & (1 << (row % 8));
            }
        }
        self.bits = kept;
    }

    /// Those in the range, ascending.
    pub(crate) fn iter_in(&self, range: Range<u32>) -> impl Iterator<Item = u32> + '_ {
        let mut words = range.start / 64..range.end.div_ceil(64);
        let (mut word, mut base) = (0_u64, 0);
        let all = std::iter::from_fn(move || {
            while word == 0 {
                let next = words.next()?;
                (word, base) = (self.word(next as usize), next * 64);
            }
            let row = base + word.trailing_zeros();
            word &= word - 1;
            Some(row)
        });
        let Range { start, end } = range;
        all.skip_while(move |row| *row < start).take_while(move |row| *row < end)
    }

    /// Bits 64 * `at` to 64 * `at` + 63.
    fn word(&self, at: usize) -> u64 {
        let bytes = self.bits.get(at * 8..).unwrap_or(&[]);
        match bytes.first_chunk::<8>() {
            Some(bytes) => u64::from_le_bytes(*bytes),
            None => bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
        }
    }

    pub(crate) fn finish(self) -> Bitmap {
        Bitmap::from_bits(&self.bits)
    }
}
