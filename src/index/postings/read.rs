//! Finding terms in a part's pages.
//!
//! Owns: [`PageSource`], [`lookup`] and [`scan`]. Does not own the bytes of a page (`page`).
//!
//! Invariant: pages are opened only where a wanted term may be.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

use super::Posting;
use super::page::{EntriesState, OpenPage};
use crate::error::{Error, Result};
use crate::index::term::{Field, Term, term_bytes};

/// The pages of a part, in the order of their terms.
pub(crate) trait PageSource {
    /// How many there are.
    fn pages(&self) -> usize;

    /// The bytes of the first term of a page.
    fn first_term(&self, page: usize) -> &[u8];

    /// A page, opened; a cache is the source's to keep.
    fn page(&self, page: usize) -> Result<Arc<OpenPage>>;
}

/// What is listed under a term.
pub(crate) fn lookup(source: &dyn PageSource, term: &Term) -> Result<Option<Posting>> {
    let wanted = term.to_bytes();
    let Some(at) = page_of(source, &wanted) else {
        return Ok(None);
    };
    let page = source.page(at)?;
    let (mut entries, before) = page.entries_before(&wanted);
    let mut field = before.first().copied().unwrap_or(0);
    // How much of the wanted term the entry before, which is below it, begins with.
    let mut matched = before.iter().zip(&wanted).take_while(|(a, b)| a == b).count();
    while let Some(entry) = entries.next(&mut field)? {
        // What shares more with its predecessor is below the wanted term as that is.
        if entry.shared > matched {
            continue;
        }
        // What shares less is above it.
        if entry.shared < matched {
            return Ok(None);
        }
        let tail = &wanted[matched..];
        let equal = entry.rest.iter().zip(tail).take_while(|(a, b)| a == b).count();
        match entry.rest[equal..].first().cmp(&tail[equal..].first()) {
            Ordering::Less => matched += equal,
            Ordering::Equal => return Ok(Some(entry.posting(page.clone()))),
            Ordering::Greater => return Ok(None),
        }
    }
    Ok(None)
}

/// The last page that begins with this term or one below it.
fn page_of(source: &dyn PageSource, term: &[u8]) -> Option<usize> {
    let (mut low, mut high) = (0, source.pages());
    while low < high {
        let middle = low.midpoint(high);
        if source.first_term(middle) <= term {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low.checked_sub(1)
}

/// Visits the keys of one field and what is listed under each, ascending. `keys` bounds them; an
/// empty end is no bound.
pub(crate) fn scan(
    source: &dyn PageSource,
    field: Field,
    keys: Range<&[u8]>,
    mut visit: impl FnMut(&[u8], &Posting) -> Result<()>,
) -> Result<()> {
    let from = term_bytes(field, keys.start);
    let to = if keys.end.is_empty() { vec![field as u8 + 1] } else { term_bytes(field, keys.end) };
    let mut terms = Terms::from(source, &from);
    while let Some(posting) = terms.next()? {
        if terms.term >= to {
            break;
        }
        if terms.term >= from {
            visit(&terms.term[1..], &posting)?;
        }
    }
    Ok(())
}

/// Goes through the terms of a part, one page at a time.
pub(super) struct Terms<'a> {
    source: &'a dyn PageSource,
    next_page: usize,
    page: Option<(Arc<OpenPage>, EntriesState)>,
    field: u8,
    /// The bytes of the last term that `next` came to.
    pub(super) term: Vec<u8>,
}

impl<'a> Terms<'a> {
    /// From the page that may hold this term.
    pub(super) fn from(source: &'a dyn PageSource, term: &[u8]) -> Self {
        let next_page = page_of(source, term).unwrap_or(0);
        Self { source, next_page, page: None, field: 0, term: Vec::new() }
    }

    /// What is listed under the next term.
    pub(super) fn next(&mut self) -> Result<Option<Posting>> {
        loop {
            if let Some((page, state)) = &mut self.page {
                let mut entries = page.resume(*state);
                if let Some(entry) = entries.next(&mut self.field)? {
                    entries.complete(&entry, &mut self.term)?;
                    let first = *state == page.state();
                    *state = entries.state();
                    if first && self.term != self.source.first_term(self.next_page - 1) {
                        return Err(Error::corrupt("postings: a page begins with another term"));
                    }
                    return Ok(Some(entry.posting(page.clone())));
                }
            }
            if self.next_page == self.source.pages() {
                self.page = None;
                return Ok(None);
            }
            let page = self.source.page(self.next_page)?;
            let first = self.source.first_term(self.next_page);
            if !self.term.is_empty() && self.term.as_slice() >= first {
                return Err(Error::corrupt("postings: pages are not in order"));
            }
            self.term.clear();
            self.next_page += 1;
            let state = page.state();
            self.page = Some((page, state));
        }
    }
}
