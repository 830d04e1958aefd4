//! A day as a query sees it.
//!
//! Owns: [`DayView`], a snapshot of a day's parts, [`PartView`], one of them with its contents, and reading
//! contents, columns and postings through the cache. Does not own what a query wants of them.
//!
//! Invariants: a view never changes and reads only bytes that never change; every byte read is
//! checked before it is believed; an error names the day.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use crate::codec::columns::{self, Column, ColumnKind, Columns, HEAD_BYTES_MAX, Head};
use crate::codec::row::Row;
use crate::day::cache::{Cache, Cached, Place};
use crate::day::contents::{BlockEntry, Contents, DecodedColumns, Held, PageEntry, Source, Span};
use crate::day::file::DayFile;
use crate::day::part::{Part, State};
use crate::error::{Error, Result};
use crate::index::postings::{self, OpenPage, PageSource, Posting};
use crate::index::term::{Field, Term};
use crate::storage::StorageFile;
use crate::time::Day;

/// The keys that events are listed under: all but the empty one, which holes have.
pub(crate) const EVENT_KEYS: Range<&[u8]> = &[0]..&[];

/// A snapshot of a day.
#[derive(Debug, Clone)]
pub(crate) struct DayView {
    pub(crate) day: Day,
    pub(crate) file: Option<Arc<DayFile>>,
    pub(crate) parts: Vec<Arc<Part>>,
    pub(crate) cache: Arc<Cache>,
    /// The file, open as long as the view is there, whatever becomes of the day.
    held: Option<StorageFile>,
}

impl DayView {
    pub(crate) fn new(
        day: Day,
        file: Option<Arc<DayFile>>,
        parts: Vec<Arc<Part>>,
        cache: Arc<Cache>,
    ) -> Self {
        Self { day, file, parts, cache, held: None }
    }

    /// Keeps the day's file open until the view is dropped; `NotFound` where the day is gone.
    pub(crate) fn hold(&mut self) -> Result<()> {
        if let Some(file) = &self.file {
            self.held = Some(file.opened(&self.cache)?);
        }
        Ok(())
    }

    /// The ordinal that comes after the day's.
    pub(crate) fn end(&self) -> u32 {
        self.parts.last().map_or(0, |part| part.end())
    }

    /// How many events the day holds.
    pub(crate) fn events(&self) -> u32 {
        self.parts.iter().map(|part| part.events()).sum()
    }

    /// The block that holds the row of this ordinal, where there is one.
    pub(crate) fn block_at(&self, ordinal: u32) -> Result<Option<BlockEntry>> {
        let part = self.parts.partition_point(|part| part.end() <= ordinal);
        match self.parts.get(part) {
            Some(part) => Ok(self.contents(part)?.block_at(ordinal).cloned()),
            None => Ok(None),
        }
    }

    /// The block that holds this row, which must be there.
    pub(crate) fn block_of(&self, ordinal: u32) -> Result<BlockEntry> {
        let lost = || Error::corrupt(format!("the row of ordinal {ordinal} is in no block"));
        self.block_at(ordinal)?.ok_or_else(|| lost().on_day(self.day))
    }

    /// The blocks and pages of a part; of one that was lost, none.
    pub(crate) fn contents(&self, part: &Part) -> Result<Arc<Contents>> {
        let section = match &part.state {
            State::Lost => return Ok(Arc::default()),
            State::Unmerged(contents) => return Ok(contents.clone()),
            State::Merged { contents, .. } => *contents,
        };
        let (file, offset) = (self.file()?.id, section.offset);
        let place = Place::Contents { file, offset, first: part.first };
        if let Some(Cached::Contents(contents)) = self.cache.find(place) {
            return Ok(contents);
        }
        let contents = Arc::new(self.read_contents(part, section)?);
        self.cache.keep(place, Cached::Contents(contents.clone()));
        Ok(contents)
    }

    fn read_contents(&self, part: &Part, section: Span) -> Result<Contents> {
        part.read_contents(section, &self.read_span(section)?).map_err(|error| {
            error.at(format_args!("contents at ordinal {}", part.first)).on_day(self.day)
        })
    }

    /// Sees that the contents of every part can be read, past the cache.
    pub(crate) fn check_contents(&self) -> Result<()> {
        self.parts.iter().try_for_each(|part| match &part.state {
            State::Merged { contents, .. } => self.read_contents(part, *contents).map(|_| ()),
            State::Lost | State::Unmerged(_) => Ok(()),
        })
    }

    /// A part with its contents.
    pub(crate) fn open<'a>(&'a self, part: &'a Part) -> Result<PartView<'a>> {
        Ok(PartView { view: self, part, contents: self.contents(part)? })
    }

    fn file(&self) -> Result<&Arc<DayFile>> {
        let file = self.file.as_ref();
        file.ok_or_else(|| Error::corrupt("the day's file is not there").on_day(self.day))
    }

    /// A stretch of the day's file.
    pub(crate) fn read_span(&self, span: Span) -> Result<Vec<u8>> {
        self.read(span.offset, span.len as usize)
    }

    /// Bytes of the day's file; `NotFound` where the day was dropped meanwhile.
    pub(crate) fn read(&self, offset: u64, len: usize) -> Result<Vec<u8>> {
        let file = self.file()?;
        match &self.held {
            Some(held) => file.read(held, offset, len),
            None => file.read(&file.opened(&self.cache)?, offset, len),
        }
    }

    /// One column of a block.
    pub(crate) fn column(&self, block: &BlockEntry, kind: ColumnKind) -> Result<Arc<Column>> {
        match &block.source {
            Source::Memory(held) => self.column_in_memory(block, held, kind),
            Source::File(span) => {
                let place = Place::Column { file: self.file()?.id, offset: span.offset, kind };
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
        held: &Held<DecodedColumns>,
        kind: ColumnKind,
    ) -> Result<Arc<Column>> {
        let slot = &held.decoded[kind as usize];
        if let Some(column) = slot.get() {
            return Ok(column.clone());
        }
        let column = decode_block(kind, block.rows, &mut |range| slice(&held.bytes, range));
        let column = Arc::new(column.map_err(|error| error.on_day(self.day))?);
        Ok(slot.get_or_init(|| column).clone())
    }

    /// Decodes a column anew, past the cache.
    pub(crate) fn decode(&self, block: &BlockEntry, kind: ColumnKind) -> Result<Column> {
        let column = match &block.source {
            Source::Memory(held) => {
                decode_block(kind, block.rows, &mut |range| slice(&held.bytes, range))
            }
            Source::File(span) => {
                decode_block(kind, block.rows, &mut |range| self.read_within(*span, range))
            }
        };
        column.map_err(|error| self.in_block(block, error))
    }

    fn page(&self, page: &PageEntry) -> Result<Arc<OpenPage>> {
        let span = match &page.source {
            Source::Memory(held) => return open_in_memory(held),
            Source::File(span) => *span,
        };
        let place = Place::Page { file: self.file()?.id, offset: span.offset };
        if let Some(Cached::Page(page)) = self.cache.find(place) {
            return Ok(page);
        }
        let opened = OpenPage::open(self.read_span(span)?);
        let opened = Arc::new(opened.map_err(|error| {
            error.at(format_args!("page of postings at offset {}", span.offset)).on_day(self.day)
        })?);
        self.cache.keep(place, Cached::Page(opened.clone()));
        Ok(opened)
    }

    /// The rows of a block at these places in it, every column.
    pub(crate) fn block_rows(&self, block: &BlockEntry, places: &[u32]) -> Result<Vec<Row>> {
        let all = self.columns(block)?;
        let rows = Columns::of(&all).and_then(|all| all.rows(places.iter().copied()));
        rows.map_err(|error| error.on_day(self.day))
    }

    /// Every column of a block: from the cache, or else read and decoded together.
    pub(crate) fn columns(&self, block: &BlockEntry) -> Result<[Arc<Column>; 7]> {
        let Source::File(span) = &block.source else {
            return columns::each_kind(|kind| self.column(block, kind));
        };
        let file = self.file()?.id;
        let place = |kind| Place::Column { file, offset: span.offset, kind };
        let cached = ColumnKind::ALL.map(|kind| match self.cache.find(place(kind)) {
            Some(Cached::Column(column)) => Some(column),
            _ => None,
        });
        if let [Some(a), Some(b), Some(c), Some(d), Some(e), Some(f), Some(g)] = cached {
            return Ok([a, b, c, d, e, f, g]);
        }
        let bytes = self.read_span(*span)?;
        let decoded = decode_head(&bytes, block.rows)
            .and_then(|head| columns::decode_all(&head, &bytes))
            .map_err(|error| self.in_block(block, error))?;
        let columns = decoded.map(Arc::new);
        for (kind, column) in ColumnKind::ALL.into_iter().zip(&columns) {
            self.cache.keep(place(kind), Cached::Column(column.clone()));
        }
        Ok(columns)
    }

    /// These columns of a block, in their order: from the cache, or else decoded together.
    pub(crate) fn some_columns(
        &self,
        block: &BlockEntry,
        kinds: &[ColumnKind],
    ) -> Result<Vec<Arc<Column>>> {
        let Source::File(span) = &block.source else {
            return kinds.iter().map(|kind| self.column(block, *kind)).collect();
        };
        let file = self.file()?.id;
        let place = |kind| Place::Column { file, offset: span.offset, kind };
        let mut columns: Vec<_> = kinds
            .iter()
            .map(|kind| match self.cache.find(place(*kind)) {
                Some(Cached::Column(column)) => Some(column),
                _ => None,
            })
            .collect();
        let pairs = || kinds.iter().zip(&columns);
        let missing: Vec<_> =
            pairs().filter(|(_, column)| column.is_none()).map(|(kind, _)| *kind).collect();
        if !missing.is_empty() {
            let mut fetch = |range| self.read_within(*span, range);
            let decoded = fetch(0..HEAD_BYTES_MAX)
                .and_then(|start| decode_head(&start, block.rows))
                .and_then(|head| columns::decode_some(&head, &missing, &mut fetch))
                .map_err(|error| self.in_block(block, error))?;
            let slots = columns.iter_mut().filter(|column| column.is_none());
            for ((slot, kind), column) in slots.zip(missing).zip(decoded) {
                let column = slot.insert(Arc::new(column));
                self.cache.keep(place(kind), Cached::Column(column.clone()));
            }
        }
        Ok(columns.into_iter().flatten().collect())
    }

    /// Bytes of a stretch of the file, as far as it goes.
    fn read_within(&self, span: Span, range: Range<usize>) -> Result<Vec<u8>> {
        let end = range.end.min(span.len as usize);
        let start = range.start.min(end);
        self.read(span.offset + start as u64, end - start)
    }

    /// Every row of a block, holes too, read past the cache.
    pub(crate) fn stored_rows(&self, block: &BlockEntry) -> Result<Vec<Row>> {
        let all = columns::each_kind(|kind| self.decode(block, kind))?;
        let rows = Columns::of(&all).and_then(|all| all.rows(0..block.rows));
        rows.map_err(|error| self.in_block(block, error))
    }

    fn in_block(&self, block: &BlockEntry, error: Error) -> Error {
        error.at(format_args!("block at ordinal {}", block.first)).on_day(self.day)
    }
}

/// A part of a day, with its contents.
pub(crate) struct PartView<'a> {
    pub(crate) view: &'a DayView,
    part: &'a Part,
    contents: Arc<Contents>,
}

impl PartView<'_> {
    /// Ordinal of the first row.
    pub(crate) fn first(&self) -> u32 {
        self.part.first
    }

    pub(crate) fn rows(&self) -> u32 {
        self.part.rows
    }

    pub(crate) fn blocks(&self) -> &[BlockEntry] {
        &self.contents.blocks
    }

    /// The events it holds.
    pub(crate) fn events(&self) -> u32 {
        self.part.events()
    }

    /// What is listed under a term.
    pub(crate) fn posting(&self, term: &Term) -> Result<Option<Posting>> {
        postings::lookup(self, term).map_err(|error| error.on_day(self.view.day))
    }

    /// Visits the terms of a field, with their keys, ascending; those within `keys`, of which an empty
    /// end is no bound.
    pub(crate) fn scan(
        &self,
        field: Field,
        keys: Range<&[u8]>,
        visit: impl FnMut(&[u8], &Posting) -> Result<()>,
    ) -> Result<()> {
        let scanned = postings::scan(self, field, keys, visit);
        scanned.map_err(|error| error.on_day(self.view.day))
    }
}

impl PageSource for PartView<'_> {
    fn pages(&self) -> usize {
        self.contents.pages.len()
    }

    fn first_term(&self, page: usize) -> &[u8] {
        &self.contents.pages[page].first_term
    }

    fn page(&self, page: usize) -> Result<Arc<OpenPage>> {
        self.view.page(&self.contents.pages[page])
    }
}

fn open_in_memory(page: &Held<OnceLock<Arc<OpenPage>>>) -> Result<Arc<OpenPage>> {
    if let Some(opened) = page.decoded.get() {
        return Ok(opened.clone());
    }
    let opened = Arc::new(OpenPage::open(page.bytes.to_vec())?);
    Ok(page.decoded.get_or_init(|| opened).clone())
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
    let head = decode_head(&fetch(0..HEAD_BYTES_MAX)?, rows)?;
    columns::decode(&head, kind, fetch)
}

fn decode_head(start: &[u8], rows: u32) -> Result<Head> {
    let head = Head::decode(start)?;
    if head.rows() != rows as usize {
        return Err(Error::corrupt("a block has not the rows that are listed"));
    }
    Ok(head)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops there")]
mod tests {
    use super::*;
    use crate::codec::row::any;
    use crate::day::fold;

    fn view_of(parts: Vec<Arc<Part>>) -> DayView {
        DayView::new(Day::from_number(20_000).unwrap(), None, parts, Arc::new(Cache::new(0)))
    }

    #[test]
    fn a_row_is_found_in_its_block_and_none_in_a_stretch_that_was_lost() {
        let part = |first, rows| {
            let rows = any::rows(rows);
            fold::in_memory(first, &rows.iter().collect::<Vec<_>>()).unwrap()
        };
        let joined = |first: Part, second: Part| {
            let view = view_of(vec![]);
            let blocks = [first, second].map(|part| view.contents(&part).unwrap().blocks.clone());
            Part::unmerged(0, Contents { blocks: blocks.concat().into(), pages: Box::default() })
        };
        let parts = [joined(part(0, 3), part(3, 2)), Part::lost(5, 10), part(15, 1)];
        let view = view_of(parts.into_iter().map(Arc::new).collect());
        let first = |ordinal| view.block_at(ordinal).unwrap().map(|block| block.first);
        for (ordinal, found) in [(0, 0), (2, 0), (3, 3), (4, 3), (15, 15)] {
            assert_eq!(first(ordinal), Some(found));
        }
        for lost in [5, 14, 16, u32::MAX] {
            assert_eq!(first(lost), None);
            assert_eq!(view.block_of(lost).unwrap_err().kind(), crate::ErrorKind::Corrupt);
        }
    }
}
