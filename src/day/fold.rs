//! Rows become columns and postings.
//!
//! Owns: how rows are parted into blocks, how they become a block with its postings, and how the postings
//! of neighbouring parts become one. Does not own when that is due (`live`), nor the formats
//! (`codec::columns`, `index::postings`).
//!
//! Invariant: a block is filled by so many rows or so many bytes, whichever comes first: what it
//! decodes to is bounded.

use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;

use crate::codec::columns;
use crate::codec::row::Row;
use crate::day::contents::{BlockEntry, Contents, PageEntry, Source};
use crate::day::file::{Appender, SectionKind};
use crate::day::part::Part;
use crate::day::view::{DayView, PartView};
use crate::error::{Error, Result};
use crate::index::postings::{self, Page, PageSource};
use crate::index::zones::Zone;
use crate::limits::BLOCK_BYTES_MAX;

/// The blocks that these rows fill, and the rows that are left.
pub(crate) fn filled_blocks<'a, 'r>(
    mut rest: &'a [&'r Row],
    block_rows: usize,
) -> (Vec<&'a [&'r Row]>, &'a [&'r Row]) {
    let mut blocks = Vec::new();
    while let Some(filled) = filled_block(rest, block_rows) {
        let (block, after) = rest.split_at(filled);
        blocks.push(block);
        rest = after;
    }
    (blocks, rest)
}

/// These rows as blocks, of which all but the last are filled.
pub(crate) fn blocks_of<'a, 'r>(rows: &'a [&'r Row], block_rows: usize) -> Vec<&'a [&'r Row]> {
    let (mut blocks, rest) = filled_blocks(rows, block_rows);
    blocks.extend(Some(rest).filter(|rest| !rest.is_empty()));
    blocks
}

/// How many of these rows fill a block; `None` where they do not.
fn filled_block(rows: &[&Row], block_rows: usize) -> Option<usize> {
    let mut bytes = 0;
    for (place, row) in rows.iter().take(block_rows).enumerate() {
        bytes += row.bytes();
        if bytes >= BLOCK_BYTES_MAX {
            return Some(place + 1);
        }
    }
    (rows.len() >= block_rows).then_some(block_rows)
}

/// The part of rows that stay in memory.
pub(crate) fn in_memory(first: u32, rows: &[&Row]) -> Result<Part> {
    let block = columns::encode(rows)?;
    let pages = inline(postings::block_postings(&block.index));
    let (rows, row_bytes) = (row_count(rows)?, row_bytes(rows));
    let source = Source::held(block.bytes);
    let entry = BlockEntry { first, rows, row_bytes, zone: block.zone, source };
    Ok(Part::unmerged(first, Contents { blocks: [entry].into(), pages }))
}

/// Rows as columns, with their postings.
pub(crate) struct FoldedBlock {
    rows: u32,
    row_bytes: u64,
    zone: Zone,
    bytes: Vec<u8>,
    pages: Box<[PageEntry]>,
}

impl FoldedBlock {
    fn new(rows: &[&Row]) -> Result<Self> {
        let block = columns::encode(rows)?;
        Ok(Self {
            rows: row_count(rows)?,
            row_bytes: row_bytes(rows),
            zone: block.zone,
            pages: inline(postings::block_postings(&block.index)),
            bytes: block.bytes,
        })
    }

    /// Appends the block; its part keeps its postings with its entry.
    pub(crate) fn append(self, appender: &mut Appender, first: u32) -> Result<Part> {
        let Self { rows, row_bytes, zone, bytes, pages } = self;
        let source = Source::File(appender.append(SectionKind::Block, first, rows, &bytes)?);
        let block = BlockEntry { first, rows, row_bytes, zone, source };
        Ok(Part::unmerged(first, Contents { blocks: [block].into(), pages }))
    }
}

/// Folds blocks that do not depend on each other: half of them on a second thread, where there are
/// several and the machine has a second processor.
pub(crate) fn fold_blocks(blocks: &[&[&Row]]) -> Result<Vec<FoldedBlock>> {
    let fold = |blocks: &[&[&Row]]| blocks.iter().map(|rows| FoldedBlock::new(rows)).collect();
    let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let (first, second) = blocks.split_at(blocks.len().div_ceil(2));
    if second.is_empty() || processors < 2 {
        return fold(blocks);
    }
    thread::scope(|scope| {
        let name = "diurnal-fold".to_owned();
        let there = thread::Builder::new().name(name).spawn_scoped(scope, || fold(second));
        let mut folded: Vec<FoldedBlock> = fold(first)?;
        folded.extend(match there {
            Ok(there) => there.join().unwrap_or_else(|panic| resume_unwind(panic))?,
            // No thread was to be had.
            Err(_) => fold(second)?,
        });
        Ok(folded)
    })
}

/// Appends rows as a block; their part keeps its postings with its entry.
pub(crate) fn append_block(appender: &mut Appender, first: u32, rows: &[&Row]) -> Result<Part> {
    FoldedBlock::new(rows)?.append(appender, first)
}

/// Appends the postings of neighbouring parts as those of one part, and what that holds. `view` reads
/// their pages.
pub(crate) fn append_merged(
    appender: &mut Appender,
    parts: &[Arc<Part>],
    view: &DayView,
) -> Result<Part> {
    let first = parts.first().map_or(0, |part| part.first);
    let rows = parts.iter().map(|part| part.rows).sum();
    let parts = parts.iter().map(|part| view.open(part)).collect::<Result<Vec<PartView<'_>>>>()?;
    let sources: Vec<(u32, &dyn PageSource)> =
        parts.iter().map(|it| (it.first() - first, it as &dyn PageSource)).collect();
    let mut pages = Vec::new();
    for page in postings::merge(&sources)? {
        let source = Source::File(appender.append(SectionKind::Page, first, rows, &page.bytes)?);
        pages.push(PageEntry { first_term: page.first_term.into(), source });
    }
    let blocks = parts.iter().flat_map(|part| part.blocks()).cloned().collect();
    append_contents(appender, first, &Contents { blocks, pages: pages.into() })
}

/// Appends what a part holds whose blocks and pages are in the file.
pub(crate) fn append_contents(
    appender: &mut Appender,
    first: u32,
    contents: &Contents,
) -> Result<Part> {
    let body = contents.to_section();
    let section = appender.append(SectionKind::Contents, first, contents.rows(), &body)?;
    Ok(Part::merged(first, contents, section))
}

fn inline(pages: Vec<Page>) -> Box<[PageEntry]> {
    let entry = |page: Page| PageEntry {
        first_term: page.first_term.into(),
        source: Source::held(page.bytes),
    };
    pages.into_iter().map(entry).collect()
}

fn row_bytes(rows: &[&Row]) -> u64 {
    rows.iter().map(|row| row.bytes() as u64).sum()
}

fn row_count(rows: &[&Row]) -> Result<u32> {
    u32::try_from(rows.len())
        .map_err(|_| Error::invalid("block", "must hold at most 65536 rows", rows.len()))
}
