//! Damaged days made whole as far as they can be read.
//!
//! Owns: `rebuild`: finding every batch and block of a damaged day that can still be read, and writing
//! them, with new indexes, as a new day file. Does not own finding out what is damaged (`check`).
//!
//! Invariants: ids of events do not change, so rows that are lost leave a gap; the damaged files are
//! set aside under another name before the new one takes their place, and are never deleted; the catalog
//! has no entry of the day when that happens; memory is bounded by a block.

use std::collections::BTreeSet;
use std::io::ErrorKind::{IsADirectory, NotFound};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::codec::columns::{self, Columns};
use crate::codec::row::Row;
use crate::day::file::{Appender, SectionHead};
use crate::day::log;
use crate::day::part::Part;
use crate::day::salvage::{Run, find_rows};
use crate::day::view::{self, DayView};
use crate::day::{FOLDER, FileKind, fold, live};
use crate::error::{Error, ErrorKind, Result};
use crate::limits::PART_ROWS_MAX;
use crate::snapshot::{Listed, Shelf};
use crate::storage::{Access, DAMAGED, Directory, Draft, StorageFile, read_at, set_aside};
use crate::time::Day;
use crate::upkeep::check::{self, Problem};
use crate::upkeep::progress::Meter;
use crate::upkeep::quarantine::{self, Extent};
use crate::upkeep::sections::{Section, Sections};
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
    /// Events of those days that could not be read.
    pub events_lost: u64,
    /// Those of them that may have had more events, of which nothing tells: their lists were lost too.
    pub days_cut_short: Vec<Day>,
    /// What was wrong with them.
    pub problems: Vec<Problem>,
}

/// What of a day could not be read.
struct Lost {
    events: u64,
    cut_short: bool,
}

/// A stretch of rows that can be read.
enum Piece {
    /// In the columns of this source.
    Block {
        first: u32,
        rows: u32,
        source: usize,
        offset: u64,
        len: u32,
    },
    Rows {
        first: u32,
        rows: Vec<Row>,
    },
}

impl Piece {
    /// The ordinal after its rows.
    fn end(&self) -> u32 {
        let rows = match self {
            Self::Block { rows, .. } => *rows,
            Self::Rows { rows, .. } => u32::try_from(rows.len()).unwrap_or(u32::MAX),
        };
        self.first().saturating_add(rows)
    }

    fn first(&self) -> u32 {
        match self {
            Self::Block { first, .. } | Self::Rows { first, .. } => *first,
        }
    }
}

/// Writes every day anew that `check` finds fault with, and the catalog.
pub(crate) fn rebuild(days: &OpenDays, meter: &mut Meter<'_>) -> Result<RebuildReport> {
    let snapshot = days.snapshot(Vec::new)?;
    // Checked before and after.
    let all = snapshot.all_events();
    meter.expect(2 * all);
    let before = check::check(&snapshot, meter)?;
    let mut damaged: Vec<Day> = before.problems.iter().filter_map(|problem| problem.day).collect();
    damaged.dedup();
    // What a newer diurnal has written is left for it.
    let newer = |day: &Day| before.problems.iter().any(|it| it.newer && it.day == Some(*day));
    damaged.retain(|day| !newer(day));
    let mut report = RebuildReport { problems: before.problems, ..RebuildReport::default() };
    meter.expect(damaged.iter().map(|day| snapshot.events(*day)).sum::<u64>() + all);
    for day in damaged {
        meter.begin_day(snapshot.events(day));
        let lost = days.replace(day, |shelf, listed| salvage(shelf, day, listed))?;
        report.events_lost += lost.events;
        report.days_rebuilt.push(day);
        report.days_cut_short.extend(Some(day).filter(|_| lost.cut_short));
        meter.end_day();
    }
    days.rebuild_catalog()?;
    let snapshot = days.snapshot(Vec::new)?;
    meter.expect(snapshot.all_events());
    let after = check::check(&snapshot, meter)?;
    report.days = after.days;
    report.events = after.events;
    Ok(report)
}

/// Writes what can be read of a day under a name of its own; what is lost. `listed` is where the catalog
/// knows it to end.
fn salvage(shelf: &Shelf, day: Day, listed: Listed) -> Result<Lost> {
    let directory = &*shelf.directory;
    let extent = quarantine::extent(shelf, day, listed)?;
    let mut sources = Vec::new();
    for names in quarantine::sets_aside(directory, day)? {
        sources.push(Source::open(directory, names)?);
    }
    let current = [FileKind::Columns.name(day), FileKind::Log.name(day)];
    sources.push(Source::open(directory, current)?);
    let mut pieces = Vec::new();
    for (place, source) in sources.iter().enumerate() {
        find_pieces(directory, day, place, source, &mut pieces)?;
    }
    pieces.sort_by_key(Piece::first);
    let name = FileKind::Rebuilt.name(day);
    let view = DayView::new(day, None, Vec::new(), shelf.cache.clone());
    let appender = Appender::begin(Draft::begin(&shelf.directory, &name)?, day)?;
    let files: Vec<_> = sources.into_iter().map(|source| source.columns).collect();
    // Of a log that is lost, rows may have been found that nothing lists.
    let found = pieces.iter().map(Piece::end).max().unwrap_or(0);
    let extent = Extent { known: extent.known.max(found), ..extent };
    write_pieces(appender, &pieces, &files, &view, extent.next()?)
}

/// Files of a day, as they are or as they were set aside together.
struct Source {
    columns: Option<StorageFile>,
    log: Option<StorageFile>,
    log_name: String,
}

impl Source {
    fn open(directory: &dyn Directory, [columns, log]: [String; 2]) -> Result<Self> {
        let open = |name: &str| match directory.open(name, Access::Read) {
            Ok(file) => Ok(Some(file)),
            // A directory in its place holds nothing that could be read.
            Err(error) if matches!(error.kind(), NotFound | IsADirectory) => Ok(None),
            Err(error) => Err(Error::io(format!("opening {name}"), error)),
        };
        Ok(Self { columns: open(&columns)?, log: open(&log)?, log_name: log })
    }
}

/// Every stretch of rows of a source that can be read.
fn find_pieces(
    directory: &dyn Directory,
    day: Day,
    place: usize,
    source: &Source,
    pieces: &mut Vec<Piece>,
) -> Result<()> {
    let content = match log::read_named(directory, &source.log_name, day) {
        Ok(content) => Some(content),
        Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::NotFound) => None,
        Err(error) => return Err(error),
    };
    let valid = content.as_ref().map_or(u64::MAX, |content| content.file_len);
    let mut ends = BTreeSet::from([0]);
    if let Some(file) = &source.columns {
        for section in Sections::of(file, valid)? {
            let section = section?;
            ends.insert(section.end());
            if section.is_block() && section.whole && can_be_read(file, day, &section) {
                let (SectionHead { first, rows, len, .. }, offset) = (section.head, section.body);
                pieces.push(Piece::Block { first, rows, source: place, offset, len });
            }
        }
    }
    match (content, &source.log) {
        (Some(content), _) => {
            let mut next = content.parts.last().map_or(0, Part::end);
            for rows in content.batches {
                let first = next;
                next = next.saturating_add(u32::try_from(rows.len()).unwrap_or(u32::MAX));
                pieces.push(Piece::Rows { first, rows });
            }
        }
        (None, Some(file)) => {
            let of_day = |row: &Row| Day::of(row.server_time) == Some(day);
            let runs = find_rows(file, &ends)?.into_iter();
            let runs = runs.filter(|run| run.rows.iter().all(of_day));
            pieces.extend(runs.map(|Run { first, rows }| Piece::Rows { first, rows }));
        }
        (None, None) => {}
    }
    Ok(())
}

/// Whether a block can be decoded, and is this day's.
fn can_be_read(file: &StorageFile, day: Day, section: &Section) -> bool {
    let rows = read_block(file, section.body, section.head.len, section.head.rows);
    rows.is_ok_and(|rows| rows.iter().all(|row| Day::of(row.server_time) == Some(day)))
}

fn read_block(file: &StorageFile, offset: u64, len: u32, rows: u32) -> Result<Vec<Row>> {
    let body = read_at(&**file, offset, len as usize)
        .map_err(|error| Error::io("reading a damaged day", error))?;
    let mut fetch = |range| view::slice(&body, range);
    let all = columns::each_kind(|kind| view::decode_block(kind, rows, &mut fetch))?;
    Columns::of(&all)?.rows(0..rows)
}

/// Writes the pieces as blocks, gaps between them as parts without any; what is lost.
fn write_pieces(
    mut appender: Appender,
    pieces: &[Piece],
    files: &[Option<StorageFile>],
    view: &DayView,
    end: u32,
) -> Result<Lost> {
    let mut parts: Vec<Arc<Part>> = Vec::new();
    let mut next = 0;
    for piece in pieces {
        let loaded;
        let rows = match piece {
            Piece::Rows { rows, .. } => rows,
            Piece::Block { offset, len, rows, first, source } => match &files[*source] {
                Some(file) if first.saturating_add(*rows) > next => {
                    loaded = read_block(file, *offset, *len, *rows)?;
                    &loaded
                }
                _ => continue,
            },
        };
        // A block that was folded again is there twice.
        let known = next.saturating_sub(piece.first()) as usize;
        let fresh: Vec<&Row> = rows.iter().skip(known).collect();
        if fresh.is_empty() {
            continue;
        }
        let first = piece.first().max(next);
        if first > next {
            live::merge_unmerged(&mut appender, &mut parts, view)?;
            live::push_lost(&mut parts, next, first - next);
        }
        for rows in fold::blocks_of(&fresh, PART_ROWS_MAX) {
            live::make_room(&mut appender, &mut parts, rows.len(), view)?;
            let start = parts.last().map_or(0, |part| part.end());
            parts.push(Arc::new(fold::append_block(&mut appender, start, rows)?));
        }
        next = parts.last().map_or(0, |part| part.end());
    }
    live::merge_unmerged(&mut appender, &mut parts, view)?;
    live::push_lost(&mut parts, next, end.saturating_sub(next));
    let known = parts.iter().filter(|part| part.is_lost() && !part.is_unknown());
    let lost = Lost {
        events: known.map(|part| u64::from(part.rows)).sum(),
        cut_short: parts.iter().any(|part| part.is_unknown()),
    };
    appender
        .seal(parts.iter().map(|part| &**part).collect::<Vec<_>>().into_iter(), end.max(next))?;
    appender.sync()?;
    Ok(lost)
}

/// Moves a day's damaged files out of the way and the rebuilt one into their place. The catalog has forgotten
/// the day by then, and not before the rebuilt file tells where it ends: its entry must not be believed of
/// a file that happens to be as long. Interrupted, it is done again when the store is opened.
pub(crate) fn put_in_place(shelf: &Shelf, day: Day) -> Result<()> {
    let directory = &*shelf.directory;
    let placed = || -> std::io::Result<()> {
        match directory.remove(&FileKind::Gap.name(day)) {
            Err(error) if error.kind() != NotFound => return Err(error),
            _ => {}
        }
        directory.rename(&FileKind::Rebuilt.name(day), &FileKind::Columns.name(day))?;
        directory.sync(FOLDER)
    };
    let mut sets = quarantine::sets_aside(directory, day)?;
    // Those of the highest number first: what is left when this is interrupted can be counted.
    sets.reverse();
    sets.push([FileKind::Columns.name(day), FileKind::Log.name(day)]);
    for names in sets {
        let moved = set_aside(directory, &names.each_ref().map(String::as_str), DAMAGED);
        moved.map_err(|error| error.on_day(day))?;
    }
    placed().map_err(|error| Error::io("putting a rebuilt day in place", error).on_day(day))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::memory::MemoryDirectory;

    #[test]
    fn a_file_that_cannot_be_opened_for_once_is_not_taken_for_a_lost_one() {
        let day = Day::from_number(20_000).unwrap();
        let names = [FileKind::Columns.name(day), FileKind::Log.name(day)];
        let directory = MemoryDirectory::default();
        for name in &names {
            drop(directory.create(name).unwrap());
        }
        for name in &names {
            directory.fail_open(name);
            let error = Source::open(&directory, names.clone()).err();
            assert_eq!(error.map(|error| error.kind()), Some(ErrorKind::TooManyFiles), "{name}");
        }
        let source = Source::open(&directory, names.clone()).unwrap();
        directory.fail_open(&names[1]);
        let error = find_pieces(&directory, day, 0, &source, &mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooManyFiles, "the log is opened again to be read");
    }
}
