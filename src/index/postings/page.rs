//! Pages of postings: sorted terms, each with its offsets.
//!
//! Owns: [`Page`], [`PostingsBuilder`], [`OpenPage`] and their bytes. Does not own how offsets are packed
//! (`postings`), nor where a page is kept.
//!
//! Invariants: terms ascend within a page and from page to page, and a term is in one page. A page has
//! at least one term, and more than [`PAGE_BYTES`] only where it has just one.
//!
//! ```text
//! version    u8       1
//! entries    varint
//! base       zigzag   a session's first server time, microseconds; 0 where there is none
//! entry      once a term:
//!   shared   varint   bytes that the term shares with the one before it in the page
//!   rest     bytes    the term's other bytes
//!   rows     varint   how many offsets
//!   first    zigzag   of a session: first server time less base
//!   last     varint   of a session: last server time less first
//!   payload  varint   length << 2 | packing: 0 gaps, 1 runs, 2 bitmap
//!   offsets           that many bytes
//! checksum   u64      XXH3-64 of the page so far
//! ```

use std::ops::Range;

use super::{Packing, pack_offsets};
use crate::codec::bytes::{Reader, put_bytes, put_varint, put_zigzag, seal, unseal, varint_bytes};
use crate::error::{Error, Result};
use crate::index::term::{Field, TERM_BYTES_MAX, term_bytes};
use crate::limits::PART_ROWS_MAX;

/// Bytes of a page at most, unless a single term takes more: small enough to look through for one
/// term, large enough that a page's own bytes do not matter.
pub(crate) const PAGE_BYTES: usize = 16 * 1024;

const VERSION: u8 = 1;
const PLACE: &str = "postings page";
/// Bytes of the version, the count, the base and the checksum at most.
const FRAME_BYTES_MAX: usize = 1 + 3 + 10 + 8;

/// A page as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Page {
    /// The bytes of its first term.
    pub(crate) first_term: Vec<u8>,
    pub(crate) bytes: Vec<u8>,
}

/// Writes terms to pages.
#[derive(Debug, Default)]
pub(crate) struct PostingsBuilder {
    pages: Vec<Page>,
    first_term: Vec<u8>,
    last_term: Vec<u8>,
    base: Option<i64>,
    entries: u64,
    body: Vec<u8>,
    payload: Vec<u8>,
}

impl PostingsBuilder {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// The next term, above the last one, with its ascending, distinct offsets, all below 65,536 and
    /// at least one; `times` are given for sessions and for no other field.
    pub(crate) fn add(
        &mut self,
        field: Field,
        key: &[u8],
        offsets: &[u32],
        times: Option<(i64, i64)>,
    ) {
        let term = term_bytes(field, key);
        debug_assert!(self.last_term < term, "terms must ascend");
        debug_assert!(!offsets.is_empty() && offsets.is_sorted_by(|a, b| a < b));
        debug_assert!(offsets.last().is_some_and(|&last| (last as usize) < PART_ROWS_MAX));
        debug_assert_eq!(times.is_some(), field == Field::Session);
        self.payload.clear();
        let packing = pack_offsets(offsets, &mut self.payload);
        // Bounds the entry: four numbers besides its term and its payload.
        let entry_bytes_max = term.len() + self.payload.len() + 4 * varint_bytes(u64::MAX);
        if self.entries > 0 && self.body.len() + entry_bytes_max + FRAME_BYTES_MAX > PAGE_BYTES {
            self.end_page();
        }
        if self.entries == 0 {
            self.first_term.clone_from(&term);
        }
        let shared = self.last_term.iter().zip(&term).take_while(|(a, b)| a == b).count();
        let shared = if self.entries == 0 { 0 } else { shared };
        put_varint(&mut self.body, shared as u64);
        put_bytes(&mut self.body, &term[shared..]);
        put_varint(&mut self.body, offsets.len() as u64);
        if let Some((first, last)) = times {
            let base = *self.base.get_or_insert(first);
            put_zigzag(&mut self.body, first.wrapping_sub(base));
            put_varint(&mut self.body, last.wrapping_sub(first).cast_unsigned());
        }
        put_varint(&mut self.body, (self.payload.len() as u64) << 2 | packing as u64);
        self.body.extend_from_slice(&self.payload);
        self.entries += 1;
        self.last_term = term;
    }

    /// The pages, in order.
    pub(crate) fn finish(mut self) -> Vec<Page> {
        if self.entries > 0 {
            self.end_page();
        }
        self.pages
    }

    fn end_page(&mut self) {
        let mut bytes = Vec::with_capacity(self.body.len() + FRAME_BYTES_MAX);
        bytes.push(VERSION);
        put_varint(&mut bytes, self.entries);
        put_zigzag(&mut bytes, self.base.take().unwrap_or(0));
        bytes.append(&mut self.body);
        seal(&mut bytes);
        self.pages.push(Page { first_term: std::mem::take(&mut self.first_term), bytes });
        self.entries = 0;
    }
}

/// A page that was checked against its checksum.
#[derive(Debug)]
pub(crate) struct OpenPage {
    /// Without the checksum.
    body: Vec<u8>,
    entries: u64,
    base: i64,
    start: usize,
    waypoints: Waypoints,
}

/// Every so many entries a place at which a search may begin, with the term that comes before it.
#[derive(Debug, Default)]
struct Waypoints {
    terms: Vec<u8>,
    /// Where each term ends, and the next begins.
    ends: Vec<u32>,
    states: Vec<EntriesState>,
}

/// Entries from one waypoint to the next.
const WAYPOINT_ENTRIES: u64 = 16;

impl Waypoints {
    fn term(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        &self.terms[start..self.ends[index] as usize]
    }

    /// The last one whose term is below this one.
    fn before(&self, term: &[u8]) -> Option<(&[u8], EntriesState)> {
        let (mut low, mut high) = (0, self.ends.len());
        while low < high {
            let middle = low.midpoint(high);
            if self.term(middle) < term {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let last = low.checked_sub(1)?;
        Some((self.term(last), self.states[last]))
    }
}

impl OpenPage {
    pub(crate) fn open(mut bytes: Vec<u8>) -> Result<Self> {
        let body = unseal(&bytes, PLACE)?;
        let mut reader = Reader::new(body, PLACE);
        let version = reader.u8()?;
        if version != VERSION {
            let newest = u32::from(VERSION);
            return Err(Error::version("a postings page", u32::from(version), newest));
        }
        let (entries, base) = (reader.varint()?, reader.zigzag()?);
        let (start, length) = (reader.position(), body.len());
        bytes.truncate(length);
        let waypoints = Waypoints::default();
        let mut page = Self { body: bytes, entries, base, start, waypoints };
        page.waypoints = page.find_waypoints()?;
        Ok(page)
    }

    fn find_waypoints(&self) -> Result<Waypoints> {
        let mut found = Waypoints::default();
        let (mut entries, mut field, mut term) = (self.entries(), 0, Vec::new());
        while let Some(entry) = entries.next(&mut field)? {
            entries.complete(&entry, &mut term)?;
            if entries.left > 0 && entries.left.is_multiple_of(WAYPOINT_ENTRIES) {
                found.terms.extend_from_slice(&term);
                // Below the page's own length.
                found.ends.push(found.terms.len() as u32);
                found.states.push(entries.state());
            }
        }
        Ok(found)
    }

    /// The entries from the last waypoint before this term, and the term that comes before them.
    pub(super) fn entries_before(&self, term: &[u8]) -> (Entries<'_>, &[u8]) {
        match self.waypoints.before(term) {
            Some((before, state)) => (self.resume(state), before),
            None => (self.entries(), &[]),
        }
    }

    /// What it costs in memory.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.body.capacity()
            + self.waypoints.terms.capacity()
            + self.waypoints.states.capacity() * size_of::<EntriesState>()
    }

    pub(super) fn slice(&self, range: Range<usize>) -> &[u8] {
        &self.body[range]
    }

    pub(super) fn entries(&self) -> Entries<'_> {
        self.resume(self.state())
    }

    /// Where the first entry lies.
    pub(super) fn state(&self) -> EntriesState {
        EntriesState { position: self.start, left: self.entries }
    }

    pub(super) fn resume(&self, state: EntriesState) -> Entries<'_> {
        Entries {
            page: self,
            reader: Reader::at(&self.body, state.position, PLACE),
            left: state.left,
        }
    }
}

/// How far a page was read, for a reader that cannot borrow the page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct EntriesState {
    position: usize,
    left: u64,
}

/// An entry, its term not yet put together.
pub(super) struct Entry<'a> {
    pub(super) shared: usize,
    pub(super) rest: &'a [u8],
    pub(super) cardinality: u32,
    times: Option<(i64, i64)>,
    packing: Packing,
    payload: Range<usize>,
}

impl Entry<'_> {
    pub(super) fn posting(&self, page: std::sync::Arc<OpenPage>) -> super::Posting {
        super::Posting {
            cardinality: self.cardinality,
            times: self.times,
            packing: self.packing,
            page,
            payload: self.payload.clone(),
        }
    }
}

/// Takes a page's entries one by one.
pub(super) struct Entries<'a> {
    page: &'a OpenPage,
    reader: Reader<'a>,
    left: u64,
}

impl<'a> Entries<'a> {
    pub(super) fn state(&self) -> EntriesState {
        EntriesState { position: self.reader.position(), left: self.left }
    }

    /// The next entry; `field` is the first byte of the term before it in the page, and afterwards
    /// of this one.
    pub(super) fn next(&mut self, field: &mut u8) -> Result<Option<Entry<'a>>> {
        if self.left == 0 {
            return self.reader.finish().map(|()| None);
        }
        self.left -= 1;
        let reader = &mut self.reader;
        let shared = reader.varint_to(TERM_BYTES_MAX)?;
        let length = reader.varint_to(TERM_BYTES_MAX - shared)?;
        let rest = reader.slice(length)?;
        if shared == 0 {
            *field = *rest.first().ok_or_else(|| reader.corrupt("a term without a field"))?;
        }
        let cardinality = reader.varint_to(PART_ROWS_MAX)? as u32;
        if cardinality == 0 {
            return Err(reader.corrupt("a term without rows"));
        }
        let times = if *field == Field::Session as u8 {
            let first = self.page.base.wrapping_add(reader.zigzag()?);
            Some((first, first.wrapping_add(reader.varint()?.cast_signed())))
        } else {
            None
        };
        let bits = reader.varint()?;
        let packing = Packing::from_bits(bits & 3)
            .ok_or_else(|| reader.corrupt("no such packing of offsets"))?;
        let length = usize::try_from(bits >> 2).unwrap_or(usize::MAX);
        let start = reader.position();
        reader.slice(length)?;
        Ok(Some(Entry {
            shared,
            rest,
            cardinality,
            times,
            packing,
            payload: start..start + length,
        }))
    }

    /// Turns the term before the entry, in `term`, into the entry's own.
    pub(super) fn complete(&self, entry: &Entry<'_>, term: &mut Vec<u8>) -> Result<()> {
        let before = term.get(entry.shared).copied();
        if entry.shared > term.len() || entry.rest.first().copied() <= before {
            return Err(self.reader.corrupt("terms are not in order"));
        }
        term.truncate(entry.shared);
        term.extend_from_slice(entry.rest);
        Ok(())
    }
}
