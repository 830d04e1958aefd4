//! The postings of neighbouring parts as those of one.
//!
//! Owns: [`merge`]. Does not own when parts are merged (`day`).
//!
//! Invariant: memory is one page and one posting of each part, and the pages that result.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Posting;
use super::page::{Page, PostingsBuilder};
use super::read::{PageSource, Terms};
use crate::error::{Error, Result};
use crate::index::term::Term;
use crate::limits::PART_ROWS_MAX;

/// Parts, each with the offset of its first row in the whole: ascending, and the whole at most
/// 65,536 rows.
pub(crate) fn merge(parts: &[(u32, &dyn PageSource)]) -> Result<Vec<Page>> {
    let mut builder = PostingsBuilder::new();
    let mut cursors: Vec<Cursor<'_>> = Vec::with_capacity(parts.len());
    let mut heap = BinaryHeap::with_capacity(parts.len());
    for &(shift, source) in parts {
        let mut cursor = Cursor { shift, terms: Terms::from(source, &[]), posting: None };
        if let Some(term) = cursor.advance()? {
            heap.push(Reverse((term, cursors.len())));
        }
        cursors.push(cursor);
    }
    let mut offsets = Vec::new();
    while let Some(Reverse((bytes, first))) = heap.pop() {
        offsets.clear();
        let mut times = None;
        let mut part = first;
        loop {
            let cursor = &mut cursors[part];
            times = widest(times, cursor.take_into(&mut offsets)?);
            if let Some(term) = cursor.advance()? {
                heap.push(Reverse((term, part)));
            }
            // Parts with the same term come in their order, so that offsets ascend.
            part = match heap.peek() {
                Some(Reverse((term, part))) if *term == bytes => *part,
                _ => break,
            };
            heap.pop();
        }
        let term = Term::from_bytes(&bytes)
            .ok_or_else(|| Error::corrupt("postings: a term without a field"))?;
        builder.add(term.field, &term.key, &offsets, times);
    }
    Ok(builder.finish())
}

struct Cursor<'a> {
    shift: u32,
    terms: Terms<'a>,
    posting: Option<Posting>,
}

impl Cursor<'_> {
    fn advance(&mut self) -> Result<Option<Vec<u8>>> {
        self.posting = self.terms.next()?;
        Ok(self.posting.is_some().then(|| self.terms.term.clone()))
    }

    /// Appends the current offsets as those of the whole; returns the times.
    fn take_into(&mut self, offsets: &mut Vec<u32>) -> Result<Option<(i64, i64)>> {
        let Some(posting) = self.posting.take() else {
            return Ok(None);
        };
        let before = offsets.len();
        let end = offsets.last().map_or(0, |last| last + 1);
        posting.offsets_into(offsets)?;
        for offset in &mut offsets[before..] {
            *offset = offset.saturating_add(self.shift);
        }
        let fits = offsets.last().is_some_and(|&last| (last as usize) < PART_ROWS_MAX);
        if !fits || offsets[before] < end {
            return Err(Error::corrupt("postings: parts overlap, or are too long together"));
        }
        Ok(posting.times)
    }
}

fn widest(so_far: Option<(i64, i64)>, more: Option<(i64, i64)>) -> Option<(i64, i64)> {
    match (so_far, more) {
        (Some((first, last)), Some((start, end))) => Some((first.min(start), last.max(end))),
        (so_far, more) => so_far.or(more),
    }
}
