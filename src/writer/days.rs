//! The days that a writer has open.
//!
//! Owns: which days are being written, how a day is begun, and that one too many is sealed and noted
//! in the catalog. The room below: `upkeep` (days that are dropped or written anew). Does not own the order
//! of events (`queue`), nor a day's files (`day`).
//!
//! Invariants: a day with a log in the directory is open here, from the moment that the store is
//! opened; a sealed day that the catalog does not list yet is found in the directory.

mod upkeep;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use crate::catalog::{Catalog, DaySummary};
use crate::codec::row::Row;
use crate::day::live::{DayContext, LiveDay, LiveHandle, LiveState, SealedDay};
use crate::day::view::DayView;
use crate::day::{FOLDER, FOLDERS, FileKind, log, tail};
use crate::error::{Error, ErrorKind, Result};
use crate::limits::OPEN_DAYS_MAX;
use crate::snapshot::{DayFiles, Known, Sealed, Shelf, Snapshot, gaps_of};
use crate::storage::{is_there, remove_temporary};
use crate::time::Day;
use crate::upkeep::backup::identity;
use crate::upkeep::quarantine;
use crate::writer::arrivals::Arrivals;
use crate::writer::queue::{Outcome, Queue, Waiting};
use upkeep::{end_drop, end_interrupted};

/// The days of a writer.
#[derive(Debug)]
pub(crate) struct OpenDays {
    context: DayContext,
    shelf: Arc<Shelf>,
    queue: Arc<Queue>,
    inner: Mutex<Inner>,
    published: RwLock<Published>,
    commits: AtomicU64,
    arrivals: Arrivals,
}

/// What one thread at a time works on.
#[derive(Debug)]
struct Inner {
    /// In order of last use.
    live: Vec<LiveDay>,
    /// Until the store is closed.
    catalog: Option<Catalog>,
}

impl Inner {
    fn catalog(&mut self) -> Result<&mut Catalog> {
        let message = "the store has been closed";
        self.catalog.as_mut().ok_or_else(|| Error::new(ErrorKind::Poisoned, message))
    }
}

/// What queries look at.
#[derive(Debug, Clone, Default)]
struct Published {
    sealed: Arc<Known>,
    /// Days being written, and those with a log that cannot be read.
    live: BTreeMap<Day, Result<LiveHandle>>,
    /// Days with damaged files that were set aside.
    gaps: Arc<BTreeSet<Day>>,
}

impl OpenDays {
    /// Takes over a directory whose lock is held: ends drops, removes leftovers, recovers the days
    /// that were being written and seals all but the newest of them.
    pub(crate) fn open(context: DayContext, shelf: Arc<Shelf>, queue: Arc<Queue>) -> Result<Self> {
        remove_temporary(&*shelf.directory, &FOLDERS)?;
        let (mut catalog, mut summaries) = Catalog::open(&shelf.directory, context.sharing)?;
        end_interrupted(&shelf, &mut catalog, &mut summaries)?;
        let files = shelf.list()?;
        let known = shelf.known(&files, &summaries, &Known::new())?;
        let derived: Vec<(Day, &DaySummary)> = known
            .iter()
            .filter_map(|(day, sealed)| Some((*day, sealed.summary()?)))
            .filter(|(day, summary)| summaries.get(day) != Some(*summary))
            .collect();
        match catalog.update(&derived, &[]) {
            // It is derived again the next time, and this time the disk can be pruned.
            Err(error) if error.kind() == ErrorKind::DiskFull => {}
            written => written?,
        }
        let gaps = Arc::new(gaps_of(&files));
        let published = Published { sealed: Arc::new(known), live: BTreeMap::new(), gaps };
        let inner = Mutex::new(Inner { live: Vec::new(), catalog: Some(catalog) });
        let (published, commits) = (RwLock::new(published), AtomicU64::new(0));
        let arrivals = Arrivals::default();
        let days = Self { context, shelf, queue, inner, published, commits, arrivals };
        days.recover(&files)?;
        days.flush_catalog();
        Ok(days)
    }

    fn recover(&self, files: &BTreeMap<Day, DayFiles>) -> Result<()> {
        let mut inner = self.inner();
        for day in files.iter().filter(|(_, files)| files.log.is_some()).map(|(day, _)| *day) {
            match LiveDay::open(&self.context, day) {
                Ok(live) => self.admit(&mut inner, live)?,
                // The other days are no worse for it; whoever asks for this one is told.
                Err(error) if is_damage(&error) => self.publish(|published| {
                    published.live.insert(day, Err(error));
                }),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The directory.
    pub(crate) fn shelf(&self) -> &Arc<Shelf> {
        &self.shelf
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn published(&self) -> Published {
        self.published.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn publish(&self, change: impl FnOnce(&mut Published)) {
        change(&mut self.published.write().unwrap_or_else(PoisonError::into_inner));
        self.arrivals.note();
    }

    /// Tells of commits and of changes of the days.
    pub(crate) fn arrivals(&self) -> &Arrivals {
        &self.arrivals
    }

    /// The days as they are now, all at one moment, with the rows that `pending` says wait to be written.
    pub(crate) fn snapshot(&self, pending: impl FnOnce() -> Vec<Waiting>) -> Result<Snapshot> {
        // Counted before: what is dropped from here on is gone for this snapshot.
        let drops = self.shelf.drops();
        let (Published { sealed, live, gaps }, states, pending) = self.moment(pending);
        let mut states = states.into_iter();
        let mut views = BTreeMap::new();
        for (day, handle) in &live {
            let view = match handle {
                Ok(handle) => {
                    states.next().map(|state| handle.view(state, *day, &self.shelf.cache))
                }
                Err(error) => Some(Err(error.clone())),
            };
            let Some(view) = view else { continue };
            views.insert(*day, view.and_then(|view| with_pending(view, *day, &pending)));
        }
        let mut snapshot = Snapshot::new(self.shelf.clone(), drops, sealed, views, gaps);
        for waiting in &pending {
            // A rewrite has closed the day, and rows go on waiting for it.
            if !snapshot.live.contains_key(&waiting.day)
                && let Some(view) = snapshot.view(waiting.day)?
            {
                let view = with_pending(view, waiting.day, &pending)?;
                snapshot.live.insert(waiting.day, Ok(view));
            }
        }
        Ok(snapshot)
    }

    /// What is durable and what waits at one moment: nothing is committed while it is taken, so that no
    /// event is seen without those that were there before it, on whatever day.
    fn moment(
        &self,
        pending: impl FnOnce() -> Vec<Waiting>,
    ) -> (Published, Vec<LiveState>, Vec<Waiting>) {
        let published = self.published.read().unwrap_or_else(PoisonError::into_inner);
        let live = published.live.values().filter_map(|handle| handle.as_ref().ok());
        let held: Vec<_> = live.map(LiveHandle::hold).collect();
        let pending = pending();
        let states = held.iter().map(|state| (**state).clone()).collect();
        (published.clone(), states, pending)
    }

    /// Opens a day for writing, beginning it where need be; whether it was begun.
    pub(crate) fn open_day(&self, day: Day) -> Result<bool> {
        let mut inner = self.inner();
        // Nothing is begun once the store is closed.
        inner.catalog()?;
        if let Some(place) = inner.live.iter().position(|live| live.day == day) {
            let live = inner.live.remove(place);
            self.queue.open_day(day, live.next_ordinal());
            inner.live.push(live);
            return Ok(false);
        }
        let (live, begun) = self.open_or_begin(&mut inner, day)?;
        self.shelf.cache.forget(day);
        self.admit(&mut inner, live)?;
        Ok(begun)
    }

    fn open_or_begin(&self, inner: &mut Inner, day: Day) -> Result<(LiveDay, bool)> {
        let published = self.published();
        let sealed = match (published.live.get(&day), published.sealed.get(&day)) {
            (Some(Err(error)), _) | (None, Some(Sealed::Damaged { error, .. })) => {
                match error.kind() {
                    ErrorKind::Corrupt => Some(self.begin_gap(day)?),
                    _ => return Err(error.clone()),
                }
            }
            // Its log is there: sealing it failed, and it is taken up where it was.
            (Some(Ok(_)), _) => return Ok((LiveDay::open(&self.context, day)?, false)),
            (None, Some(Sealed::Missing { .. })) => Some(self.begin_gap(day)?),
            (None, Some(Sealed::There { file_len, .. })) => {
                match self.shelf.open_whole(day, *file_len) {
                    Err(error) if error.kind() == ErrorKind::Corrupt => Some(self.begin_gap(day)?),
                    opened => Some(opened?),
                }
            }
            (None, None) => {
                if is_there(&*self.shelf.directory, &FileKind::Dropped.name(day))? {
                    end_drop(&self.shelf, day, || self.note_drop(inner, &[day]))?;
                }
                match quarantine::read_mark(&*self.shelf.directory, day) {
                    Err(error) if error.kind() == ErrorKind::Corrupt => Some(self.begin_gap(day)?),
                    next => next?.map(|next| quarantine::after_gap(&self.shelf, day, next)),
                }
            }
        };
        if let Some(SealedDay { view, file_len: 0 }) = &sealed {
            // After a gap: what the catalog says is of a file that was set aside, and must not be believed
            // of one that comes to be as long.
            inner.catalog()?.update(&[(day, &DaySummary::missing(view.end()))], &[])?;
        }
        identity::unmark_backup(&*self.shelf.directory)?;
        let known_len = sealed.as_ref().map_or(0, |sealed| sealed.file_len);
        remove_unborn_log(&self.shelf, day, known_len)?;
        let live = LiveDay::begin(&self.context, day, sealed).map_err(|error| error.on_day(day))?;
        Ok((live, true))
    }

    /// Where a day that rows wait for is among those that are open: a rewrite may have closed it.
    fn place_of(&self, inner: &mut Inner, day: Day) -> Result<usize> {
        let find = |inner: &Inner| inner.live.iter().position(|live| live.day == day);
        if let Some(place) = find(inner) {
            return Ok(place);
        }
        let (live, _) = self.open_or_begin(inner, day)?;
        self.admit(inner, live)?;
        find(inner).ok_or_else(|| Error::not_found("the day is not open").on_day(day))
    }

    /// Sets a damaged day's files aside, so that it can go on.
    fn begin_gap(&self, day: Day) -> Result<SealedDay> {
        let listed = self.published().sealed.get(&day).map(Sealed::listed).unwrap_or_default();
        let after_gap = quarantine::quarantine(&self.shelf, day, listed)?;
        self.publish(|published| {
            Arc::make_mut(&mut published.gaps).insert(day);
            Arc::make_mut(&mut published.sealed).remove(&day);
            published.live.remove(&day);
        });
        Ok(after_gap)
    }

    /// Adds a live day; the least recently written one is sealed where there are too many.
    fn admit(&self, inner: &mut Inner, live: LiveDay) -> Result<()> {
        let (day, next) = (live.day, live.next_ordinal());
        let handle = live.handle();
        inner.live.push(live);
        self.publish(|published| {
            published.live.insert(day, Ok(handle));
        });
        // Queries look at the day before any row of it can wait.
        self.queue.open_day(day, next);
        while inner.live.len() > OPEN_DAYS_MAX {
            let others = inner.live.len() - 1;
            let idle = inner.live[..others].iter().position(|live| self.queue.close_day(live.day));
            match idle {
                Some(place) => {
                    let live = inner.live.remove(place);
                    self.seal(inner.catalog()?, live)?;
                }
                None => break,
            }
        }
        Ok(())
    }

    /// Seals a day. One that is damaged is left as it is, and whoever asks for it is told.
    fn seal(&self, catalog: &mut Catalog, live: LiveDay) -> Result<()> {
        let day = live.day;
        match self.seal_sound(catalog, live) {
            Err(error) if is_damage(&error) => {
                self.publish(|published| {
                    published.live.insert(day, Err(error));
                });
                Ok(())
            }
            outcome => outcome,
        }
    }

    fn seal_sound(&self, catalog: &mut Catalog, live: LiveDay) -> Result<()> {
        let day = live.day;
        let mut summary = None;
        let sealed = live.seal(|sealed| {
            let found = Arc::new(DaySummary::of(sealed)?);
            catalog.note(day, found.clone());
            summary = Some(found);
            Ok(())
        });
        let sealed = sealed.map_err(|error| error.on_day(day))?;
        self.publish(|published| {
            published.live.remove(&day);
            if let (Some(SealedDay { file_len, .. }), Some(summary)) = (sealed, summary) {
                let mut known = (*published.sealed).clone();
                known.insert(day, Sealed::There { file_len, stamp: 0, summary });
                published.sealed = Arc::new(known);
            }
        });
        Ok(())
    }

    /// Makes rows durable, one day after the other, and tells who waits for them.
    pub(crate) fn write(&self, waiting: &[Waiting], free_bytes_min: u64) -> Outcome {
        if let Err(error) = self.check_free_space(free_bytes_min) {
            return Outcome::Refused(error);
        }
        let mut inner = self.inner();
        let mut by_day: Vec<(Day, Vec<&Waiting>)> = Vec::new();
        for rows in waiting {
            match by_day.iter_mut().find(|(day, _)| *day == rows.day) {
                Some((_, list)) => list.push(rows),
                None => by_day.push((rows.day, vec![rows])),
            }
        }
        for (day, list) in by_day {
            let place = match self.place_of(&mut inner, day) {
                Ok(place) => place,
                Err(error) => return Outcome::Refused(error),
            };
            let batches: Vec<_> = list.iter().map(|waiting| waiting.rows.clone()).collect();
            if let Err(error) = inner.live[place].commit(&batches) {
                // A fold opens its files before it changes anything.
                if error.kind() == ErrorKind::TooManyFiles {
                    return Outcome::Refused(error.on_day(day));
                }
                return Outcome::Failed(unknown_outcome(error.on_day(day)));
            }
            // The day written last stands last.
            inner.live[place..].rotate_left(1);
            self.commits.fetch_add(1, Ordering::Relaxed);
            self.arrivals.note();
            list.iter().for_each(|waiting| waiting.acknowledge());
        }
        Outcome::Written
    }

    /// Writes the days that were sealed meanwhile to the catalog.
    pub(crate) fn flush_catalog(&self) {
        // The catalog is derived: what it lacks is found again, and closing tells what went wrong.
        let _ = self.inner().catalog().and_then(Catalog::flush);
    }

    /// How many commits of rows were made.
    pub(crate) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Whether free space is above the floor.
    pub(crate) fn check_free_space(&self, free_bytes_min: u64) -> Result<()> {
        if free_bytes_min == 0 {
            return Ok(());
        }
        let free = self.shelf.directory.free_bytes();
        match free.map_err(|error| Error::io("asking for free space", error))? {
            Some(free) if free < free_bytes_min => Err(Error::new(
                ErrorKind::DiskFull,
                format!(
                    "{free} bytes are free, below the floor of {free_bytes_min}; prune or make room"
                ),
            )),
            _ => Ok(()),
        }
    }

    /// The day written last.
    pub(crate) fn current(&self) -> Option<Day> {
        self.inner().live.last().map(|live| live.day)
    }

    /// Lets go of every file as it is.
    pub(crate) fn abandon(&self) {
        let mut inner = self.inner();
        inner.live.clear();
        inner.catalog = None;
    }

    /// Closes every file; days other than `today` are sealed.
    pub(crate) fn close(&self, today: Option<Day>) -> Result<()> {
        let mut inner = self.inner();
        let mut outcome = Ok(());
        while let Some(live) = inner.live.pop() {
            let closed = match Some(live.day) == today {
                true => live.close(),
                false => inner.catalog().and_then(|catalog| self.seal(catalog, live)),
            };
            // The other days are closed all the same.
            outcome = outcome.and(closed);
        }
        let noted = inner.catalog.take().map_or(Ok(()), |mut catalog| catalog.flush());
        outcome.and(noted)
    }
}

/// A day with its rows that wait to be written.
fn with_pending(mut view: DayView, day: Day, pending: &[Waiting]) -> Result<DayView> {
    let waiting = pending.iter().filter(|it| it.day == day && it.first >= view.end());
    let rows: Vec<&Row> = waiting.flat_map(|waiting| waiting.rows.iter()).collect();
    tail::append_in_memory(&mut view.parts, &rows)?;
    Ok(view)
}

fn summaries_of(known: &Known) -> Vec<(Day, &DaySummary)> {
    known.iter().filter_map(|(day, sealed)| Some((*day, sealed.summary()?))).collect()
}

/// What a failed commit means: it may have happened, unless the disk was full to begin with.
fn unknown_outcome(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Io | ErrorKind::Poisoned => error.of_kind(ErrorKind::OutcomeUnknown),
        _ => error,
    }
}

fn is_damage(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Version)
}

/// Removes the log of a day that was made and could neither keep its name for good nor be removed. It
/// lists what the sealed file, of this length, lists; one that says more is left.
fn remove_unborn_log(shelf: &Shelf, day: Day, known_len: u64) -> Result<()> {
    let (directory, name) = (&*shelf.directory, FileKind::Log.name(day));
    if !is_there(directory, &name)? {
        return Ok(());
    }
    let content = log::read_beside(directory, day).map_err(|error| error.on_day(day))?;
    if !content.batches.is_empty() || content.file_len != known_len {
        return Ok(());
    }
    let removed = directory.remove(&name).and_then(|()| directory.sync(FOLDER));
    removed.map_err(|error| Error::io(format!("removing {name}"), error).on_day(day))
}
