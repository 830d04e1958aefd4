//! Rows become columns and postings.
//!
//! Owns: how rows become a block with its postings, and how the postings of neighbouring parts become
//! one. Does not own when that is due (`live`), nor the formats (`codec::columns`, `index::postings`).

use std::sync::Arc;

use crate::codec::columns;
use crate::codec::row::Row;
use crate::day::file::{Appender, SectionKind};
use crate::day::part::{BlockEntry, PageEntry, Part, Source};
use crate::day::view::DayView;
use crate::error::{Error, Result};
use crate::index::postings::{self, Page, PageSource};

/// The part of rows that stay in memory.
pub(crate) fn in_memory(first: u32, rows: &[&Row]) -> Result<Part> {
    let block = columns::encode(rows)?;
    let pages = inline(postings::block_postings(&block.index));
    let count = row_count(rows)?;
    let entry = BlockEntry::new(
        first,
        count,
        row_bytes(rows),
        block.zone,
        Source::Memory(block.bytes.into()),
    );
    Ok(Part { first, rows: count, blocks: vec![entry], pages })
}

/// Appends rows as a block; their part keeps its postings with its entry.
pub(crate) fn append_block(appender: &mut Appender, first: u32, rows: &[&Row]) -> Result<Part> {
    let block = columns::encode(rows)?;
    let count = row_count(rows)?;
    let (offset, len) = appender.append(SectionKind::Block, first, count, &block.bytes)?;
    let entry =
        BlockEntry::new(first, count, row_bytes(rows), block.zone, Source::File { offset, len });
    let pages = inline(postings::block_postings(&block.index));
    Ok(Part { first, rows: count, blocks: vec![entry], pages })
}

/// Appends the postings of neighbouring parts as those of one part. `view` reads their pages.
pub(crate) fn append_merged(
    appender: &mut Appender,
    parts: &[Arc<Part>],
    view: &DayView,
) -> Result<Part> {
    let first = parts.first().map_or(0, |part| part.first);
    let rows = parts.iter().map(|part| part.rows).sum();
    let sources: Vec<_> = parts.iter().map(|part| (part.first - first, view.pages(part))).collect();
    let sources: Vec<(u32, &dyn PageSource)> =
        sources.iter().map(|(shift, pages)| (*shift, pages as &dyn PageSource)).collect();
    let mut pages = Vec::new();
    for page in postings::merge(&sources)? {
        let (offset, len) = appender.append(SectionKind::Page, first, rows, &page.bytes)?;
        pages.push(PageEntry::new(page.first_term, Source::File { offset, len }));
    }
    let blocks = parts.iter().flat_map(|part| part.blocks.iter().cloned()).collect();
    Ok(Part { first, rows, blocks, pages })
}

fn inline(pages: Vec<Page>) -> Vec<PageEntry> {
    let entry = |page: Page| PageEntry::new(page.first_term, Source::Memory(page.bytes.into()));
    pages.into_iter().map(entry).collect()
}

fn row_bytes(rows: &[&Row]) -> u64 {
    rows.iter().map(|row| row.bytes() as u64).sum()
}

fn row_count(rows: &[&Row]) -> Result<u32> {
    u32::try_from(rows.len())
        .map_err(|_| Error::invalid("block", "must hold at most 65536 rows", rows.len()))
}
