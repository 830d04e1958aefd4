//! A session forgotten.
//!
//! Owns: which days hold a session, how a day is written anew without it, and what is told of that. Its
//! child owns the wish that outlives a crash (`intent`). Does not own closing a day and showing what took
//! its place (`writer::days`).
//!
//! In order: the wish is made durable; each day that holds the session is sealed, written anew beside
//! itself and put in its own place by a rename; the catalog is made anew; the days are read again; the
//! wish is written over and removed. Each of these may be done twice, and is when a crash interrupts them.
//!
//! Invariants: a day's ordinals stay what they are, an erased event leaves a hole, and so no id is given
//! again; the file of a day never loses its name; memory is bounded by a block.

pub(crate) mod intent;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::codec::columns::{Column, ColumnKind};
use crate::codec::row::Row;
use crate::day::file::Appender;
use crate::day::live::SealedDay;
use crate::day::part::Part;
use crate::day::view::DayView;
use crate::day::{FOLDER, FOLDERS, FileKind, QUARANTINED, fold, live};
use crate::error::{Error, ErrorKind, Result};
use crate::event::check_name;
use crate::index::term::{Field, Term};
use crate::limits::SESSION_ID_BYTES_MAX;
use crate::snapshot::{Sealed, Shelf, Snapshot};
use crate::storage::{DAMAGED, Directory, Draft};
use crate::time::{Day, Timestamp};
use crate::upkeep::progress::Meter;
use crate::writer::days::OpenDays;

/// What an erasure did, or would do: the receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ErasureReport {
    /// The session.
    pub session_id: String,
    /// When it was done, by the store's clock; absent where nothing was done yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub erased_at: Option<Timestamp>,
    /// The days that held events of it, in order.
    pub days: Vec<ErasedDay>,
    /// Its events, all days together.
    pub events: u64,
    /// Files that may still hold something of it, and why.
    pub remains: Vec<Remains>,
    /// Whether every day that was written anew has been read again, no event of the session is in the
    /// store, and no file remains that may hold one.
    pub verified: bool,
}

/// A day that held events of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ErasedDay {
    /// The UTC day.
    pub day: Day,
    /// How many events.
    pub events: u64,
}

/// A file that could not be cleaned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Remains {
    /// Its name within the store's directory.
    pub file: String,
    /// The day concerned, where it is one day's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day: Option<Day>,
    /// Why.
    pub reason: String,
}

impl fmt::Display for Remains {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.reason)
    }
}

/// Erases a session from days and catalog; what waits to be written is no part of that.
pub(crate) fn erase(
    days: &OpenDays,
    session_id: &str,
    now: impl FnOnce() -> Timestamp,
    meter: &mut Meter<'_>,
) -> Result<ErasureReport> {
    check_id(session_id)?;
    let shelf = days.shelf();
    let unread = match intent::find(&*shelf.directory) {
        // What it asked for is not to be read any more: the new wish takes its place.
        Err(error) if error.kind() == ErrorKind::Corrupt => Some(error),
        pending => {
            if let Some(pending) = pending?.filter(|pending| pending != session_id) {
                carry_out(days, &pending, meter)?;
            }
            None
        }
    };
    intent::declare(&shelf.directory, session_id)?;
    let mut report = carry_out(days, session_id, meter)?;
    if let Some(error) = unread {
        let reason =
            format!("an earlier erasure was not ended and has to be asked for again: {error}");
        report.remains.push(Remains { file: intent::NAME.to_owned(), day: None, reason });
        report.verified = false;
    }
    intent::forget(&*shelf.directory)?;
    report.erased_at = Some(now());
    Ok(report)
}

/// Ends an erasure that was interrupted.
pub(crate) fn resume(days: &OpenDays) -> Result<()> {
    let directory = &*days.shelf().directory;
    if let Some(session_id) = intent::find(directory)? {
        carry_out(days, &session_id, &mut Meter::silent())?;
    }
    // Of one that was ended the file may be left.
    intent::forget(directory)
}

/// What an erasure would do.
pub(crate) fn plan(snapshot: &Snapshot, session_id: &str) -> Result<ErasureReport> {
    check_id(session_id)?;
    let mut report = ErasureReport::of(session_id);
    for day in concerned(snapshot, session_id) {
        let view = snapshot.view_after_gap(day);
        match view.and_then(|view| view.map_or(Ok(0), |it| count(&it, session_id))) {
            Ok(0) => {}
            Ok(events) => report.add(day, events),
            Err(error) => report.note_damage(&snapshot.shelf, day, &error)?,
        }
    }
    report.note_set_aside(&*snapshot.shelf.directory)?;
    Ok(report)
}

fn check_id(session_id: &str) -> Result<()> {
    check_name("session_id", session_id, SESSION_ID_BYTES_MAX)
}

/// The days that may hold a session: those that the catalog does not rule out.
fn concerned(snapshot: &Snapshot, session_id: &str) -> Vec<Day> {
    let may_hold = |day: &Day| match (snapshot.live.get(day), snapshot.sealed.get(day)) {
        (Some(_), _) => true,
        (None, Some(Sealed::There { summary, .. })) => summary.may_hold(session_id),
        (None, Some(Sealed::Damaged { .. })) => true,
        // No file is left that could hold anything.
        (None, Some(Sealed::Missing { .. }) | None) => false,
    };
    snapshot.days().into_iter().filter(may_hold).collect()
}

/// How many events of a session a day lists.
fn count(view: &DayView, session_id: &str) -> Result<u64> {
    let term = Term::new(Field::Session, session_id);
    let count = |part: &Arc<Part>| {
        Ok(view.open(part)?.posting(&term)?.map_or(0, |posting| u64::from(posting.cardinality)))
    };
    view.parts.iter().map(count).sum()
}

fn carry_out(days: &OpenDays, session_id: &str, meter: &mut Meter<'_>) -> Result<ErasureReport> {
    let mut report = ErasureReport::of(session_id);
    days.remove_leftovers()?;
    let before = days.snapshot(Vec::new)?;
    let concerned = concerned(&before, session_id);
    meter.expect(concerned.iter().map(|day| before.events(*day)).sum());
    days.take_from_catalog(&concerned)?;
    for day in &concerned {
        meter.begin_day(before.events(*day));
        match days.rewrite(*day, |shelf, sealed| write_anew(shelf, sealed, session_id, meter)) {
            Ok(Some(events)) => report.add(*day, events),
            // It holds nothing of the session, or was dropped meanwhile.
            Ok(None) => {}
            Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Version) => {
                report.note_damage(&before.shelf, *day, &error)?;
            }
            Err(error) => return Err(error.on_day(*day)),
        }
        meter.end_day();
    }
    days.renew_catalog()?;
    report.note_set_aside(&*before.shelf.directory)?;
    let after = days.snapshot(Vec::new)?;
    let mut found = false;
    for day in report.days.iter().map(|erased| erased.day) {
        if let Some(view) = after.view_after_gap(day)? {
            found |= holds(&view, session_id)?;
        }
    }
    report.verified = !found && report.remains.is_empty();
    Ok(report)
}

/// Whether a row of a day is one of the session's, by the rows themselves.
fn holds(view: &DayView, session_id: &str) -> Result<bool> {
    for part in &view.parts {
        for block in view.open(part)?.blocks() {
            let Column::Session(ids) = view.decode(block, ColumnKind::Session)? else { continue };
            if (0..block.rows as usize).any(|row| ids.get(row) == session_id) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Writes a sealed day without the session and puts it in its own place; how many events were left out.
/// Nothing is written where the day does not hold the session.
fn write_anew(
    shelf: &Shelf,
    sealed: &SealedDay,
    session_id: &str,
    meter: &mut Meter<'_>,
) -> Result<Option<u64>> {
    let view = &sealed.view;
    if !holds(view, session_id)? {
        return Ok(None);
    }
    check_room(&*shelf.directory, sealed.file_len)?;
    let draft = Draft::begin_over(&shelf.directory, &FileKind::Columns.name(view.day))?;
    write_without(Appender::begin(draft, view.day)?, view, session_id, meter).map(Some)
}

/// That the disk has room for a day once more, before it is begun.
fn check_room(directory: &dyn Directory, bytes: u64) -> Result<()> {
    let free = directory.free_bytes();
    match free.map_err(|error| Error::io("asking for free space", error))? {
        Some(free) if free < bytes => Err(Error::new(
            ErrorKind::DiskFull,
            format!(
                "writing the day anew takes up to {bytes} bytes and {free} are free; prune or make \
                 room, then erase again"
            ),
        )),
        _ => Ok(()),
    }
}

fn write_without(
    mut appender: Appender,
    source: &DayView,
    session_id: &str,
    meter: &mut Meter<'_>,
) -> Result<u64> {
    let view = DayView::new(source.day, None, Vec::new(), source.cache.clone());
    let mut parts: Vec<Arc<Part>> = Vec::new();
    let mut erased = 0;
    for part in meter.parts(source) {
        if part.is_lost() {
            live::merge_unmerged(&mut appender, &mut parts, &view)?;
            live::push_lost(&mut parts, part.first, part.rows);
        }
        for block in source.open(part)?.blocks() {
            let mut rows = source.stored_rows(block)?;
            erased += leave_out(&mut rows, session_id, source.day);
            let rows: Vec<&Row> = rows.iter().collect();
            live::make_room(&mut appender, &mut parts, rows.len(), &view)?;
            parts.push(Arc::new(fold::append_block(&mut appender, block.first, &rows)?));
        }
    }
    live::merge_unmerged(&mut appender, &mut parts, &view)?;
    let listed: Vec<&Part> = parts.iter().map(|part| &**part).collect();
    appender.seal(listed.into_iter(), source.end())?;
    appender.sync()?;
    Ok(erased)
}

/// Puts holes in the places of a session's rows; how many. A hole has the time of the row before it,
/// which costs the fewest bytes and tells nothing.
fn leave_out(rows: &mut [Row], session_id: &str, day: Day) -> u64 {
    let mut erased = 0;
    let mut time = day.start();
    for row in rows {
        if row.session_id == session_id {
            *row = Row::hole(time);
            erased += 1;
        }
        time = row.server_time;
    }
    erased
}

impl ErasureReport {
    fn of(session_id: &str) -> Self {
        Self {
            session_id: session_id.to_owned(),
            erased_at: None,
            days: Vec::new(),
            events: 0,
            remains: Vec::new(),
            verified: false,
        }
    }

    fn add(&mut self, day: Day, events: u64) {
        self.days.push(ErasedDay { day, events });
        self.events += events;
    }

    /// Names the files of a day that cannot be read.
    fn note_damage(&mut self, shelf: &Shelf, day: Day, error: &Error) -> Result<()> {
        let files = names(&*shelf.directory, FOLDER)?;
        for file in
            files.into_iter().filter(|file| FileKind::parse(file).is_some_and(|(it, _)| it == day))
        {
            let file = format!("{FOLDER}/{file}");
            let reason = format!("the day is damaged, rebuild it and erase again: {error}");
            self.remains.push(Remains { file, day: Some(day), reason });
        }
        Ok(())
    }

    /// Names the files that were set aside since they were damaged.
    fn note_set_aside(&mut self, directory: &dyn Directory) -> Result<()> {
        for folder in FOLDERS {
            let mut files = names(directory, folder)?;
            files.sort_unstable();
            for file in files {
                let reason = match set_aside_as(&file) {
                    Some(DAMAGED) => {
                        "it was set aside since it was damaged; delete it to be rid of it"
                    }
                    Some(QUARANTINED) => "its day goes on after a gap; rebuild it and erase again",
                    _ => continue,
                };
                let day = file.split('.').next().and_then(|day| day.parse().ok());
                let file = if folder.is_empty() { file } else { format!("{folder}/{file}") };
                self.remains.push(Remains { file, day, reason: reason.to_owned() });
            }
        }
        Ok(())
    }
}

/// The word under which a file was set aside, whatever its number.
fn set_aside_as(name: &str) -> Option<&'static str> {
    let (_, end) = name.rsplit_once('.')?;
    let word = end.split_once('-').map_or(end, |(word, _)| word);
    [DAMAGED, QUARANTINED].into_iter().find(|known| *known == word)
}

fn names(directory: &dyn Directory, folder: &str) -> Result<Vec<String>> {
    let entries = directory.list(folder);
    let entries = entries.map_err(|error| Error::io("listing the store", error))?;
    Ok(entries.into_iter().map(|entry| entry.name).collect())
}
