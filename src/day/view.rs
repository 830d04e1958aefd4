//! A day as a query sees it.
//!
//! Owns: [`DayView`], a snapshot of a day's parts, and reading columns and postings through the
//! cache. Does not own what a query wants of them.
//!
//! Invariants: a view never changes and reads only bytes that never change; every byte read is
//! checked before it is believed; an error names the day.

use std::ops::Range;
use std::sync::Arc;

use crate::codec::columns::{self, Column, ColumnKind, Columns, HEAD_BYTES_MAX, Head};
use crate::codec::row::Row;
use crate::day::cache::{Cache, Cached, Place};
use crate::day::file::DayFile;
use crate::day::part::{BlockEntry, PageEntry, Part, Source};
use crate::error::{Error, Result};
use crate::index::postings::{self, OpenPage, PageSource, Posting};
use crate::index::term::{Field, Term};
use crate::time::Day;

/// A snapshot of a day.
#[derive(Debug, Clone)]
pub(crate) struct DayView {
    pub(crate) day: Day,
    pub(crate) file: Option<Arc<DayFile>>,
    pub(crate) parts: Vec<Arc<Part>>,
    pub(crate) cache: Arc<Cache>,
}

impl DayView {
    /// The ordinal that comes after the day's.
    pub(crate) fn end(&self) -> u32 {
        self.parts.last().map_or(0, |part| part.end())
    }

    /// How many events the day holds.
    pub(crate) fn events(&self) -> u32 {
        self.parts.iter().map(|part| part.events()).sum()
    }

    fn file(&self) -> Result<&Arc<DayFile>> {
        let file = self.file.as_ref();
        file.ok_or_else(|| Error::corrupt("the day's file is not there").on_day(self.day))
    }

    /// One column of a block.
    pub(crate) fn column(&self, block: &BlockEntry, kind: ColumnKind) -> Result<Arc<Column>> {
        match &block.source {
            Source::Memory(bytes) => self.column_in_memory(block, bytes, kind),
            Source::File { offset, .. } => {
                let file = self.file()?;
                let place = Place { file: file.id, offset: *offset, column: Some(kind) };
                if let Some(Cached::Column(column)) = self.cache.find(place) {
                    return Ok(column);
                }
                let column = Arc::new(self.decode(block, kind)?);
                self.cache.keep(place, Cached::Column(column.clone()));
                Ok(column)
            }
        }
    }

    fn column_in_memory(
        &self,
        block: &BlockEntry,
        bytes: &[u8],
        kind: ColumnKind,
    ) -> Result<Arc<Column>> {
        let decode = || decode_block(kind, block.rows, &mut |range| slice(bytes, range));
        let Some(slot) = block.decoded.get(kind as usize) else {
            return decode().map(Arc::new).map_err(|error| error.on_day(self.day));
        };
        if let Some(column) = slot.get() {
            return Ok(column.clone());
        }
        let column = Arc::new(decode().map_err(|error| error.on_day(self.day))?);
        Ok(slot.get_or_init(|| column).clone())
    }

    /// Decodes a column anew, past the cache.
    pub(crate) fn decode(&self, block: &BlockEntry, kind: ColumnKind) -> Result<Column> {
        let column = match &block.source {
            Source::Memory(bytes) => {
                decode_block(kind, block.rows, &mut |range| slice(bytes, range))
            }
            Source::File { offset, len } => {
                let file = self.file()?;
                decode_block(kind, block.rows, &mut |range: Range<usize>| {
                    let end = range.end.min(*len as usize);
                    let wanted = range.start.min(end)..end;
                    file.read(offset + wanted.start as u64, wanted.len())
                })
            }
        };
        column.map_err(|error| {
            error.at(format_args!("block at ordinal {}", block.first)).on_day(self.day)
        })
    }

    /// The pages of a part's postings.
    pub(crate) fn pages<'a>(&'a self, part: &'a Part) -> PartPages<'a> {
        PartPages { view: self, part }
    }

    /// What is listed under a term in a part.
    pub(crate) fn posting(&self, part: &Part, term: &Term) -> Result<Option<Posting>> {
        postings::lookup(&self.pages(part), term).map_err(|error| error.on_day(self.day))
    }

    /// Visits the terms of a field in a part, with their keys, ascending.
    pub(crate) fn scan(
        &self,
        part: &Part,
        field: Field,
        mut visit: impl FnMut(&[u8], &Posting) -> Result<()>,
    ) -> Result<()> {
        let pages = self.pages(part);
        for entry in postings::scan(&pages, field, &[]..&[]) {
            let visited = entry.and_then(|(key, posting)| visit(&key, &posting));
            visited.map_err(|error| error.on_day(self.day))?;
        }
        Ok(())
    }

    fn page(&self, page: &PageEntry) -> Result<Arc<OpenPage>> {
        let (offset, len) = match &page.source {
            Source::Memory(bytes) => return open_in_memory(page, bytes),
            Source::File { offset, len } => (*offset, *len as usize),
        };
        let file = self.file()?;
        let place = Place { file: file.id, offset, column: None };
        if let Some(Cached::Page(page)) = self.cache.find(place) {
            return Ok(page);
        }
        let opened = OpenPage::open(file.read(offset, len)?);
        let opened = Arc::new(opened.map_err(|error| {
            error.at(format_args!("page of postings at offset {offset}")).on_day(self.day)
        })?);
        self.cache.keep(place, Cached::Page(opened.clone()));
        Ok(opened)
    }

    /// The rows of a block at these places in it, every column.
    pub(crate) fn block_rows(&self, block: &BlockEntry, places: &[u32]) -> Result<Vec<Row>> {
        let all = columns::each_kind(|kind| self.column(block, kind))?;
        let rows = Columns::of(&all).and_then(|all| all.rows(places.iter().copied()));
        rows.map_err(|error| error.on_day(self.day))
    }
}

/// The pages of a part, as they are searched.
pub(crate) struct PartPages<'a> {
    view: &'a DayView,
    part: &'a Part,
}

impl PageSource for PartPages<'_> {
    fn pages(&self) -> usize {
        self.part.pages.len()
    }

    fn first_term(&self, page: usize) -> &[u8] {
        &self.part.pages[page].first_term
    }

    fn page(&self, page: usize) -> Result<Arc<OpenPage>> {
        self.view.page(&self.part.pages[page])
    }
}

fn open_in_memory(page: &PageEntry, bytes: &[u8]) -> Result<Arc<OpenPage>> {
    if let Some(opened) = page.opened.get() {
        return Ok(opened.clone());
    }
    let opened = Arc::new(OpenPage::open(bytes.to_vec())?);
    Ok(page.opened.get_or_init(|| opened).clone())
}

/// The bytes of a block within a range, as far as they go.
pub(crate) fn slice(bytes: &[u8], range: Range<usize>) -> Result<Vec<u8>> {
    let end = range.end.min(bytes.len());
    Ok(bytes[range.start.min(end)..end].to_vec())
}

/// Decodes one column of a block of so many rows.
pub(crate) fn decode_block(
    kind: ColumnKind,
    rows: u32,
    fetch: &mut dyn FnMut(Range<usize>) -> Result<Vec<u8>>,
) -> Result<Column> {
    let head = Head::decode(&fetch(0..HEAD_BYTES_MAX)?)?;
    if head.rows() != rows as usize {
        return Err(Error::corrupt("a block has not the rows that are listed"));
    }
    columns::decode(&head, kind, fetch)
}
