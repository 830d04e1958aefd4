//! A day that is being written.
//!
//! Owns: what happens to rows in their order: appended to the log, folded into blocks when the tail is
//! full, merged into parts, and sealed when the day is over. Does not own who writes when (`writer`), nor
//! which days are open (`store`).
//!
//! Invariants: `state` shows only what is durable; one thread at a time commits, folds or seals; blocks,
//! pages and contents are synced in the day's file before the log lists a part of them; the log is removed
//! only after the footer that replaces it is durable.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::codec::batch;
use crate::codec::row::Row;
use crate::day::FileKind;
use crate::day::cache::Cache;
use crate::day::file::{Appender, DayFile};
use crate::day::fold;
use crate::day::log::{DayLog, FoldChange, LogContent};
use crate::day::part::{Part, check_contiguous};
use crate::day::tail::Tail;
use crate::day::view::DayView;
use crate::error::{Error, ErrorKind, Result};
use crate::limits::{
    BLOCK_BYTES_MAX, PART_ROWS_MAX, TAIL_BLOCKS, TAIL_BYTES_MAX, UNKNOWN_ORDINALS,
    UNMERGED_POSTINGS_BYTES_MAX,
};
use crate::storage::engine::Sharing;
use crate::storage::{Access, Directory, Draft, is_there};
use crate::time::Day;

/// Blocks of one fold that are encoded before the first of them is written.
const BLOCKS_AT_ONCE: usize = 8;

/// What a live day needs of its store.
#[derive(Debug, Clone)]
pub(crate) struct DayContext {
    pub(crate) directory: Arc<dyn Directory>,
    pub(crate) cache: Arc<Cache>,
    pub(crate) sharing: Sharing,
    pub(crate) block_rows: usize,
}

/// What of a live day is durable, for queries. A clone is a snapshot.
#[derive(Debug, Clone)]
pub(crate) struct LiveState {
    file: Option<Arc<DayFile>>,
    parts: Arc<Vec<Arc<Part>>>,
    tail: Tail,
}

/// A day that is being written.
#[derive(Debug)]
pub(crate) struct LiveDay {
    pub(crate) day: Day,
    context: DayContext,
    log: DayLog,
    /// How much of the day's file is valid; 0 where there is none yet.
    file_len: u64,
    state: Arc<Mutex<LiveState>>,
}

/// Looks at a live day from outside its writer.
#[derive(Debug, Clone)]
pub(crate) struct LiveHandle(Arc<Mutex<LiveState>>);

/// A day as its footer lists it.
#[derive(Debug)]
pub(crate) struct SealedDay {
    pub(crate) view: DayView,
    pub(crate) file_len: u64,
}

impl LiveDay {
    /// Begins to write a day: one that has never been, one that was sealed, or, as a sealed day without
    /// a file, one that goes on after a gap.
    pub(crate) fn begin(context: &DayContext, day: Day, sealed: Option<SealedDay>) -> Result<Self> {
        let unexpected: &[FileKind] = match &sealed {
            Some(SealedDay { file_len: 1.., .. }) => &[FileKind::Log, FileKind::Rebuilt],
            _ => &[FileKind::Log, FileKind::Rebuilt, FileKind::Columns],
        };
        for kind in unexpected {
            let name = kind.name(day);
            if is_there(&*context.directory, &name)? {
                let message = format!("{name} is there, and was not taken up");
                return Err(match kind {
                    // What is left where the day could not be begun: it is taken up by whoever
                    // opens the store.
                    FileKind::Log => Error::new(ErrorKind::Poisoned, message),
                    _ => Error::corrupt(message),
                });
            }
        }
        let (parts, file, file_len) = match sealed {
            Some(SealedDay { view, file_len: 0 }) => (view.parts, None, 0),
            Some(sealed) => {
                // Opened again, for writing.
                let (directory, cache) = (&*context.directory, &context.cache);
                let file = DayFile::open(directory, cache, day, Access::Write)?;
                (sealed.view.parts, Some(Arc::new(file)), sealed.file_len)
            }
            None => (Vec::new(), None, 0),
        };
        let listed: Vec<Part> = parts.iter().map(|part| (**part).clone()).collect();
        let log = DayLog::create(&context.directory, day, context.sharing, &listed, file_len)?;
        let tail = Tail::new(check_contiguous(&parts)?);
        Ok(Self::assemble(
            context,
            day,
            log,
            file_len,
            LiveState { file, parts: Arc::new(parts), tail },
        ))
    }

    /// Goes on writing a day whose log is there.
    pub(crate) fn open(context: &DayContext, day: Day) -> Result<Self> {
        let opened = DayLog::open(&context.directory, day, context.sharing);
        let (log, content) = opened.map_err(|error| error.on_day(day))?;
        let file_len = content.file_len;
        let state = load(&*context.directory, &context.cache, day, content, Access::Write)?;
        Ok(Self::assemble(context, day, log, file_len, state))
    }

    fn assemble(
        context: &DayContext,
        day: Day,
        log: DayLog,
        file_len: u64,
        state: LiveState,
    ) -> Self {
        let state = Arc::new(Mutex::new(state));
        Self { day, context: context.clone(), log, file_len, state }
    }

    pub(crate) fn handle(&self) -> LiveHandle {
        LiveHandle(self.state.clone())
    }

    fn state(&self) -> MutexGuard<'_, LiveState> {
        lock(&self.state)
    }

    /// The ordinal that the next row gets.
    pub(crate) fn next_ordinal(&self) -> u32 {
        self.state().tail.end()
    }

    /// Makes rows durable, all or none, and shows them to queries.
    pub(crate) fn commit(&mut self, batches: &[Arc<Vec<Row>>]) -> Result<()> {
        let rows: usize = batches.iter().map(|batch| batch.len()).sum();
        // Counted only where the rows alone do not decide: it looks at all of them.
        let bytes = || batches.iter().flat_map(|batch| batch.iter()).map(Row::bytes).sum::<usize>();
        let (first, full) = {
            let tail = &self.state().tail;
            let full = tail.rows + rows >= TAIL_BLOCKS * self.context.block_rows
                || tail.bytes + bytes() >= TAIL_BYTES_MAX;
            (tail.end(), full)
        };
        if full {
            return self.fold(batches);
        }
        let encoded = batch::encode(batches.iter().flat_map(|batch| batch.iter()))?;
        self.log.append(first, &encoded)?;
        let mut state = self.state();
        batches.iter().for_each(|batch| state.tail.push(batch.clone()));
        Ok(())
    }

    /// Folds the tail and these rows into as many blocks as they fill.
    fn fold(&mut self, batches: &[Arc<Vec<Row>>]) -> Result<()> {
        let (before, tail) = self.snapshot();
        let rows: Vec<&Row> =
            tail.iter().chain(batches.iter().flat_map(|batch| batch.iter())).collect();
        let (file, mut appender) = self.appender()?;
        let mut parts = (*before).clone();
        let view = self.view_of(Vec::new(), Some(file.clone()));
        let (blocks, rest) = fold::filled_blocks(&rows, self.context.block_rows);
        append_blocks(&mut appender, &mut parts, tail.first, &blocks, &view)?;
        let next = parts.last().map_or(0, |part| part.end());
        // A part that is full goes to the file at once, and never through the log.
        make_room(&mut appender, &mut parts, self.context.block_rows, &view)?;
        let file_len = appender.sync()?;
        let left: Vec<Row> = rest.iter().map(|row| (*row).clone()).collect();
        let encoded = match left.is_empty() {
            true => None,
            false => Some((next, batch::encode(left.iter())?)),
        };
        self.record(&before, &parts, file_len, encoded)?;
        let mut tail = Tail::new(next);
        if !left.is_empty() {
            tail.push(Arc::new(left));
        }
        *self.state() = LiveState { file: Some(file), parts: Arc::new(parts), tail };
        Ok(())
    }

    /// Tells the log what a fold has made of the parts.
    fn record(
        &mut self,
        before: &[Arc<Part>],
        after: &[Arc<Part>],
        file_len: u64,
        tail: Option<(u32, Vec<u8>)>,
    ) -> Result<()> {
        // Parts are added and merged at the end.
        let same = |(before, after): &(&Arc<Part>, &Arc<Part>)| Arc::ptr_eq(before, after);
        let kept = before.iter().zip(after).take_while(same).count();
        let removed: Vec<u32> = before[kept..].iter().map(|part| part.first).collect();
        let added: Vec<Part> = after[kept..].iter().map(|part| (**part).clone()).collect();
        let change = FoldChange { removed: &removed, added: &added, file_len, tail };
        self.log.fold(self.day, &change)?;
        self.file_len = file_len;
        Ok(())
    }

    fn snapshot(&self) -> (Arc<Vec<Arc<Part>>>, Tail) {
        let state = self.state();
        (state.parts.clone(), state.tail.clone())
    }

    /// The day's file, made where there is none, ready to be appended to.
    fn appender(&mut self) -> Result<(Arc<DayFile>, Appender)> {
        let there = self.state().file.clone();
        if let Some(file) = there {
            let appender = Appender::new(file.opened(&self.context.cache)?, self.file_len)?;
            return Ok((file, appender));
        }
        let name = FileKind::Columns.name(self.day);
        let appender = Appender::begin(Draft::begin(&self.context.directory, &name)?, self.day)?;
        let file = DayFile::of(self.day, appender.file().clone(), &self.context.cache)?;
        Ok((Arc::new(file), appender))
    }

    /// Folds what is left, lists the day's parts in its file, and lets `recorded` note it before the
    /// log is removed. A day without an event leaves no file.
    pub(crate) fn seal(
        mut self,
        recorded: impl FnOnce(&SealedDay) -> Result<()>,
    ) -> Result<Option<SealedDay>> {
        let (parts, tail) = self.snapshot();
        let directory = self.context.directory.clone();
        let log_name = FileKind::Log.name(self.day);
        if parts.is_empty() && tail.rows == 0 {
            self.log.give_up();
            // A first fold that was interrupted has left its file.
            match directory.remove(&FileKind::Columns.name(self.day)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::io("removing an empty day's file", error));
                }
                _ => {}
            }
            remove(&*directory, &log_name)?;
            return Ok(None);
        }
        let (file, mut appender) = self.appender()?;
        let mut parts = (*parts).clone();
        self.fold_rest(&mut appender, &mut parts, &tail, &file)?;
        let rows = check_contiguous(&parts)?;
        appender.seal(parts.iter().map(|part| &**part).collect::<Vec<_>>().into_iter(), rows)?;
        let file_len = appender.sync()?;
        let cache = self.context.cache.clone();
        let view = DayView::new(self.day, Some(file), parts, cache);
        let sealed = SealedDay { view, file_len };
        recorded(&sealed)?;
        self.log.give_up();
        remove(&*directory, &log_name)?;
        Ok(Some(sealed))
    }

    /// Makes one block of the tail and of the small parts before it, and one part of the parts whose
    /// postings are not yet merged and of the small ones before them.
    fn fold_rest(
        &self,
        appender: &mut Appender,
        parts: &mut Vec<Arc<Part>>,
        tail: &Tail,
        file: &Arc<DayFile>,
    ) -> Result<()> {
        let view = self.view_of(Vec::new(), Some(file.clone()));
        let rows: Vec<&Row> = tail.iter().collect();
        let (blocks, rest) = fold::filled_blocks(&rows, self.context.block_rows);
        if !blocks.is_empty() {
            append_blocks(appender, parts, tail.first, &blocks, &view)?;
        }
        let rest_bytes: usize = rest.iter().map(|row| row.bytes()).sum();
        let rows_left = self.context.block_rows.saturating_sub(rest.len());
        let small = trailing(parts, rows_left, BLOCK_BYTES_MAX.saturating_sub(rest_bytes) as u64);
        if !rest.is_empty() || small > 1 {
            let folded = parts.split_off(parts.len() - small);
            let mut stored = Vec::new();
            for part in &folded {
                for block in view.open(part)?.blocks() {
                    let places: Vec<u32> = (0..block.rows).collect();
                    stored.extend(view.block_rows(block, &places)?);
                }
            }
            let first = match folded.first() {
                Some(part) => part.first,
                None => parts.last().map_or(0, |part| part.end()),
            };
            let rows: Vec<&Row> = stored.iter().chain(rest.iter().copied()).collect();
            make_room(appender, parts, rows.len(), &view)?;
            parts.push(Arc::new(fold::append_block(appender, first, &rows)?));
        }
        merge_unmerged(appender, parts, &view)
    }

    fn view_of(&self, parts: Vec<Arc<Part>>, file: Option<Arc<DayFile>>) -> DayView {
        DayView::new(self.day, file, parts, self.context.cache.clone())
    }

    /// Closes the day's files as they are.
    pub(crate) fn close(self) -> Result<()> {
        self.log.close()
    }
}

impl LiveHandle {
    /// Holds the day still while the others are looked at: nothing is committed to it meanwhile.
    pub(crate) fn hold(&self) -> MutexGuard<'_, LiveState> {
        lock(&self.0)
    }

    /// The day as it was in this state.
    pub(crate) fn view(
        &self,
        mut state: LiveState,
        day: Day,
        cache: &Arc<Cache>,
    ) -> Result<DayView> {
        let mut parts = (*state.parts).clone();
        parts.extend_from_slice(state.tail.parts()?);
        lock(&self.0).tail.adopt(&state.tail);
        Ok(DayView::new(day, state.file, parts, cache.clone()))
    }
}

/// A day that another process may be writing, as it is now.
pub(crate) fn view_beside(
    directory: &dyn Directory,
    day: Day,
    cache: &Arc<Cache>,
) -> Result<DayView> {
    let content = crate::day::log::read_beside(directory, day);
    let content = content.map_err(|error| error.on_day(day))?;
    let mut state = load(directory, cache, day, content, Access::Read)?;
    let mut parts = (*state.parts).clone();
    parts.extend_from_slice(state.tail.parts()?);
    Ok(DayView::new(day, state.file, parts, cache.clone()))
}

/// A sealed day, from its footer, as it was when its file had this length.
pub(crate) fn open_sealed(
    directory: &Arc<dyn Directory>,
    day: Day,
    cache: &Arc<Cache>,
    file_len: u64,
) -> Result<SealedDay> {
    let (file, parts) = DayFile::open_sealed(directory, cache, day, file_len)?;
    let parts: Vec<_> = parts.into_iter().map(Arc::new).collect();
    check_contiguous(&parts).map_err(|error| error.on_day(day))?;
    let view = DayView::new(day, Some(Arc::new(file)), parts, cache.clone());
    Ok(SealedDay { view, file_len })
}

fn load(
    directory: &dyn Directory,
    cache: &Arc<Cache>,
    day: Day,
    content: LogContent,
    access: Access,
) -> Result<LiveState> {
    let file = match content.file_len {
        0 => None,
        valid => {
            let file = Arc::new(DayFile::open(directory, cache, day, access)?);
            let len = file.opened(cache)?.len();
            if len.map_err(|error| Error::io("measuring the day's file", error))? < valid {
                let message = format!("the day's file ends before its valid {valid} bytes");
                return Err(Error::corrupt(message).on_day(day));
            }
            Some(file)
        }
    };
    let parts: Vec<_> = content.parts.into_iter().map(Arc::new).collect();
    let mut tail = Tail::new(check_contiguous(&parts).map_err(|error| error.on_day(day))?);
    content.batches.into_iter().for_each(|batch| tail.push(Arc::new(batch)));
    Ok(LiveState { file, parts: Arc::new(parts), tail })
}

/// Removes a log that nothing needs any more.
fn remove(directory: &dyn Directory, name: &str) -> Result<()> {
    // A log that comes back after a power cut is taken up again: the day is whole either way.
    directory.remove(name).map_err(|error| Error::io(format!("removing {name}"), error))
}

fn lock(state: &Mutex<LiveState>) -> MutexGuard<'_, LiveState> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Folds these blocks and appends them, the first of their rows having this ordinal.
fn append_blocks(
    appender: &mut Appender,
    parts: &mut Vec<Arc<Part>>,
    mut first: u32,
    blocks: &[&[&Row]],
    view: &DayView,
) -> Result<()> {
    for blocks in blocks.chunks(BLOCKS_AT_ONCE) {
        for (folded, rows) in fold::fold_blocks(blocks)?.into_iter().zip(blocks) {
            make_room(appender, parts, rows.len(), view)?;
            let part = folded.append(appender, first)?;
            first = part.end();
            parts.push(Arc::new(part));
        }
    }
    Ok(())
}

/// Merges the unmerged parts where a block of `rows` rows more would be too much for one part.
pub(crate) fn make_room(
    appender: &mut Appender,
    parts: &mut Vec<Arc<Part>>,
    rows: usize,
    view: &DayView,
) -> Result<()> {
    let count = parts.iter().rev().take_while(|part| part.is_unmerged()).count();
    let unmerged = &parts[parts.len() - count..];
    let held: usize = unmerged.iter().map(|part| part.rows as usize).sum();
    let bytes: usize = unmerged.iter().map(|part| part.unmerged_bytes()).sum();
    if held + rows <= PART_ROWS_MAX && bytes < UNMERGED_POSTINGS_BYTES_MAX {
        return Ok(());
    }
    merge_unmerged(appender, parts, view)
}

/// Adds a stretch whose rows were lost, as parts without blocks: one for those that are known to have been
/// there, and one for those of which nobody knows.
pub(crate) fn push_lost(parts: &mut Vec<Arc<Part>>, first: u32, rows: u32) {
    let known = match rows.checked_sub(UNKNOWN_ORDINALS) {
        Some(known) if !Part::lost(first, known).is_unknown() => known,
        _ => 0,
    };
    for (first, rows) in [(first, known), (first + known, rows - known)] {
        if rows > 0 {
            parts.push(Arc::new(Part::lost(first, rows)));
        }
    }
}

/// Makes one part of the last parts whose postings are kept with their entries; `view` reads the
/// day's file.
pub(crate) fn merge_unmerged(
    appender: &mut Appender,
    parts: &mut Vec<Arc<Part>>,
    view: &DayView,
) -> Result<()> {
    let count = parts.iter().rev().take_while(|part| part.is_unmerged()).count();
    if count == 0 {
        return Ok(());
    }
    let merged = parts.split_off(parts.len() - count);
    let part = fold::append_merged(appender, &merged, view)?;
    parts.push(Arc::new(part));
    Ok(())
}

/// How many of the last parts hold at most so many rows, and bytes of rows, together.
fn trailing(parts: &[Arc<Part>], rows_max: usize, bytes_max: u64) -> usize {
    let (mut rows, mut bytes) = (0, 0);
    let fits = |part: &&Arc<Part>| {
        rows += part.rows as usize;
        bytes += part.row_bytes();
        !part.is_lost() && rows <= rows_max && bytes <= bytes_max
    };
    parts.iter().rev().take_while(fits).count()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops there")]
mod tests;
