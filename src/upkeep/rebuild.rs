//! Damaged days made whole as far as they can be read.
//!
//! Owns: `rebuild`: finding every batch and block of a damaged day that can still be read, and writing
//! them, with new indexes, as a new day file. Does not own finding out what is damaged (`check`).
//!
//! Invariants: ids of events do not change, so rows that are lost leave a gap; the damaged files are
//! set aside under another name before the new one takes their place, and are never deleted; memory
//! is bounded by a block.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::codec::columns::{self, Columns};
use crate::codec::row::Row;
use crate::day::file::{self, Appender, SectionHead, SectionKind};
use crate::day::log::{self, LogContent};
use crate::day::part::Part;
use crate::day::view::{self, DayView};
use crate::day::{FOLDER, FileKind, fold, live};
use crate::error::{Error, ErrorKind, Result};
use crate::limits::PART_ROWS_MAX;
use crate::snapshot::Shelf;
use crate::storage::{Access, Draft, StorageFile, read_at};
use crate::time::Day;
use crate::upkeep::check::{self, Problem};
use crate::writer::days::OpenDays;

/// What `rebuild` did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RebuildReport {
    /// Days in the store afterwards.
    pub days: u64,
    /// Events in the store afterwards.
    pub events: u64,
    /// Days that were damaged and were written anew.
    pub days_rebuilt: Vec<Day>,
    /// Ordinals within those days that no event could be read for.
    pub events_lost: u64,
    /// What was wrong with them.
    pub problems: Vec<Problem>,
}

/// A stretch of rows that can be read.
enum Piece {
    Block { first: u32, rows: u32, offset: u64, len: u32 },
    Rows { first: u32, rows: Vec<Row> },
}

impl Piece {
    fn first(&self) -> u32 {
        match self {
            Self::Block { first, .. } | Self::Rows { first, .. } => *first,
        }
    }
}

/// Writes every day anew that `check` finds fault with, and the catalog.
pub(crate) fn rebuild(days: &OpenDays) -> Result<RebuildReport> {
    let before = check::check(&days.snapshot(Vec::new)?)?;
    let mut damaged: Vec<Day> = before.problems.iter().filter_map(|problem| problem.day).collect();
    damaged.dedup();
    let mut report = RebuildReport { problems: before.problems, ..RebuildReport::default() };
    for day in damaged {
        let lost = days.replace(day, |shelf, listed| salvage(shelf, day, listed))?;
        report.events_lost += lost;
        report.days_rebuilt.push(day);
    }
    days.rebuild_catalog()?;
    let after = check::check(&days.snapshot(Vec::new)?)?;
    report.days = after.days;
    report.events = after.events;
    Ok(report)
}

/// Writes what can be read of a day under a name of its own; how many ordinals are lost. `listed` is
/// the end of those that the catalog knows.
fn salvage(shelf: &Shelf, day: Day, listed: u32) -> Result<u64> {
    let directory = &*shelf.directory;
    let content = match log::read_beside(directory, day) {
        Ok(content) => Some(content),
        Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::NotFound) => None,
        Err(error) => return Err(error),
    };
    let file = match directory.open(&FileKind::Columns.name(day), Access::Read) {
        Ok(file) => Some(file),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(Error::io("opening a damaged day", error).on_day(day)),
    };
    // What any list of the day names is lost where it cannot be read, the last rows too.
    let footer = shelf.footer_end(day);
    let end = content.as_ref().map_or(0, LogContent::end).max(footer).max(listed);
    let pieces = find_pieces(content, file.as_ref())?;
    let name = FileKind::Rebuilt.name(day);
    let view = DayView::new(day, None, Vec::new(), shelf.cache.clone());
    let appender = Appender::begin(Draft::begin(&shelf.directory, &name)?, day)?;
    write_pieces(appender, &pieces, file.as_ref(), &view, end)
}

/// Every stretch of rows that can be read, in order of ordinals.
fn find_pieces(content: Option<LogContent>, file: Option<&StorageFile>) -> Result<Vec<Piece>> {
    let mut pieces = Vec::new();
    let valid = content.as_ref().map_or(u64::MAX, |content| content.file_len);
    if let Some(file) = file {
        find_blocks(file, valid, &mut pieces)?;
    }
    if let Some(content) = content {
        let mut next = content.parts.last().map_or(0, Part::end);
        for rows in content.batches {
            let first = next;
            next = next.saturating_add(u32::try_from(rows.len()).unwrap_or(u32::MAX));
            pieces.push(Piece::Rows { first, rows });
        }
    }
    pieces.sort_by_key(Piece::first);
    Ok(pieces)
}

/// Looks for sections; where one is damaged, for the next that is not, byte by byte.
fn find_blocks(file: &StorageFile, valid: u64, pieces: &mut Vec<Piece>) -> Result<()> {
    const WINDOW_BYTES: u64 = 1024 * 1024;
    let io = |error| Error::io("reading a damaged day", error);
    let end = file.len().map_err(io)?.min(valid);
    let mut offset = file::HEADER_BYTES;
    while offset + file::SECTION_HEAD_BYTES <= end {
        let len = (end - offset).min(WINDOW_BYTES);
        let window = read_at(&**file, offset, len as usize).map_err(io)?;
        let mut skipped = 0;
        let mut jump = None;
        while skipped as u64 + file::SECTION_HEAD_BYTES <= len {
            let at = offset + skipped as u64;
            if let Some(head) = SectionHead::decode(&window[skipped..], at) {
                let body = at + file::SECTION_HEAD_BYTES;
                let after = body + u64::from(head.len);
                if after <= end && head.kind == SectionKind::Block && can_be_read(file, body, head)
                {
                    let SectionHead { first, rows, len, .. } = head;
                    pieces.push(Piece::Block { first, rows, offset: body, len });
                }
                // A section that leaves the file has lost its end; others may lie within.
                jump = Some(if after <= end { after } else { body });
                break;
            }
            skipped += 1;
        }
        offset = jump.unwrap_or(offset + skipped as u64);
    }
    Ok(())
}

fn can_be_read(file: &StorageFile, offset: u64, head: SectionHead) -> bool {
    read_block(file, offset, head.len, head.rows).is_ok()
}

fn read_block(file: &StorageFile, offset: u64, len: u32, rows: u32) -> Result<Vec<Row>> {
    let body = read_at(&**file, offset, len as usize)
        .map_err(|error| Error::io("reading a damaged day", error))?;
    let mut fetch = |range| view::slice(&body, range);
    let all = columns::each_kind(|kind| view::decode_block(kind, rows, &mut fetch))?;
    Columns::of(&all)?.rows(0..rows)
}

/// Writes the pieces as blocks, gaps between them as parts without any; the ordinals lost.
fn write_pieces(
    mut appender: Appender,
    pieces: &[Piece],
    file: Option<&StorageFile>,
    view: &DayView,
    end: u32,
) -> Result<u64> {
    let mut parts: Vec<Arc<Part>> = Vec::new();
    let (mut next, mut lost) = (0, 0);
    for piece in pieces {
        let loaded;
        let rows = match (piece, file) {
            (Piece::Rows { rows, .. }, _) => rows,
            (Piece::Block { offset, len, rows, first }, Some(file)) if first + rows > next => {
                loaded = read_block(file, *offset, *len, *rows)?;
                &loaded
            }
            (Piece::Block { .. }, _) => continue,
        };
        // A block that was folded again is there twice.
        let known = next.saturating_sub(piece.first()) as usize;
        let fresh: Vec<&Row> = rows.iter().skip(known).collect();
        if fresh.is_empty() {
            continue;
        }
        let first = piece.first().max(next);
        lost += u64::from(first - next);
        if first > next {
            live::merge_unmerged(&mut appender, &mut parts, view)?;
            live::push_lost(&mut parts, next, first - next);
        }
        for rows in fresh.chunks(PART_ROWS_MAX) {
            live::make_room(&mut appender, &mut parts, rows.len(), view)?;
            let start = parts.last().map_or(0, |part| part.end());
            parts.push(Arc::new(fold::append_block(&mut appender, start, rows)?));
        }
        next = parts.last().map_or(0, |part| part.end());
    }
    live::merge_unmerged(&mut appender, &mut parts, view)?;
    lost += u64::from(end.saturating_sub(next));
    live::push_lost(&mut parts, next, end.saturating_sub(next));
    appender
        .seal(parts.iter().map(|part| &**part).collect::<Vec<_>>().into_iter(), end.max(next))?;
    appender.sync()?;
    Ok(lost)
}

/// Moves a day's damaged files out of the way and the rebuilt one into their place. Interrupted, it is
/// done again when the store is opened.
pub(crate) fn put_in_place(shelf: &Shelf, day: Day) -> Result<()> {
    let directory = &*shelf.directory;
    let moved = || -> std::io::Result<()> {
        for kind in [FileKind::Log, FileKind::Columns] {
            let name = kind.name(day);
            match directory.rename(&name, &format!("{name}.damaged")) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        directory.rename(&FileKind::Rebuilt.name(day), &FileKind::Columns.name(day))?;
        directory.sync(FOLDER)
    };
    moved().map_err(|error| Error::io("putting a rebuilt day in place", error).on_day(day))
}
