//! Which days there are, and a query's consistent look at them.
//!
//! Owns: [`Known`], the sealed days with their summaries, and [`Snapshot`], the days as one query sees
//! them. Does not own the writing of any of it.
//!
//! Invariants: a snapshot holds live days as they were when it was taken; a sealed day is opened
//! when it is first read, as it was when it had the length that the snapshot knows, whatever is
//! appended later. A day dropped before its turn is left out, and one that was written anew before its
//! turn is read as it was then: its ordinals are the same.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use crate::catalog::{self, DaySummary, Summaries};
use crate::day::cache::{Cache, Cached, Footer, Place};
use crate::day::live::{self, SealedDay};
use crate::day::view::DayView;
use crate::day::{FOLDER, FileKind};
use crate::error::{Error, ErrorKind, Result};
use crate::storage::{Access, Directory};
use crate::time::Day;

/// A sealed day.
#[derive(Debug, Clone)]
pub(crate) enum Sealed {
    /// Its file has this length.
    There { file_len: u64, stamp: u64, summary: Arc<DaySummary> },
    /// Its file has this length and its footer could not be read.
    /// The catalog knew it to end before this ordinal.
    Damaged { file_len: u64, stamp: u64, error: Error, end: u32 },
    /// The catalog has it, up to this ordinal, and its file is gone.
    Missing { end: u32 },
}

/// Where a day ends, as far as the catalog knows.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Listed {
    /// The ordinal after the last one that it knows of.
    pub(crate) end: u32,
    /// The length of the file that it says this of, where that is the one which was found.
    file_len: Option<u64>,
}

impl Listed {
    /// Whether this is said of the file that has the name now.
    pub(crate) fn is_of(self, directory: &dyn Directory, name: &str) -> bool {
        let Some(file_len) = self.file_len else { return false };
        let file = directory.open(name, Access::Read);
        file.and_then(|file| file.len()).is_ok_and(|len| len == file_len)
    }
}

/// The sealed days.
pub(crate) type Known = BTreeMap<Day, Sealed>;

/// What the directory holds of a day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct DayFiles {
    /// Length of the file of columns.
    pub(crate) columns: Option<u64>,
    /// Tells that file from others that had its name.
    pub(crate) stamp: u64,
    /// Length of the log.
    pub(crate) log: Option<u64>,
    /// Whether a drop has begun.
    pub(crate) dropped: bool,
    /// Whether what was read of it in spite of damage waits to take its place.
    pub(crate) rebuilt: bool,
    /// Whether it goes on after a gap, its damaged files set aside.
    pub(crate) gap: bool,
}

/// The directory of a store, with what a process keeps of it in memory.
#[derive(Debug)]
pub(crate) struct Shelf {
    pub(crate) directory: Arc<dyn Directory>,
    pub(crate) cache: Arc<Cache>,
    /// Of days that this process wrote anew, the length of the file that took the day's place last.
    replaced: Mutex<BTreeMap<Day, u64>>,
    drops: Mutex<Drops>,
}

/// The days that this process has dropped.
#[derive(Debug, Default)]
struct Drops {
    count: u64,
    /// Of each day, which drop its last one was, counted from 1.
    last: BTreeMap<Day, u64>,
}

/// The days as one query sees them.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) sealed: Arc<Known>,
    /// The days being written, or why one cannot be read; they come before what `sealed` says.
    pub(crate) live: BTreeMap<Day, Result<DayView>>,
    /// Days with damaged files that were set aside.
    pub(crate) gaps: Arc<BTreeSet<Day>>,
    /// How many days had been dropped before it was taken.
    drops: u64,
    /// What is left out of them.
    pub(crate) left_out: LeftOut,
}

/// Days of which a question leaves out what cannot be read.
#[derive(Debug, Clone, Default)]
pub(crate) struct LeftOut {
    /// What was set aside, and not what came later.
    before_gap: BTreeSet<Day>,
    /// Everything.
    whole: BTreeSet<Day>,
}

impl Shelf {
    pub(crate) fn new(directory: Arc<dyn Directory>, cache_bytes: usize) -> Self {
        let cache = Arc::new(Cache::new(cache_bytes));
        Self { directory, cache, replaced: Mutex::default(), drops: Mutex::default() }
    }

    /// Notes that a file of this length has taken a sealed day's place, with the same ordinals: whoever
    /// looked at the day before goes on with that.
    pub(crate) fn note_replaced(&self, day: Day, file_len: u64) {
        self.cache.forget(day);
        self.replaced.lock().unwrap_or_else(PoisonError::into_inner).insert(day, file_len);
    }

    fn replaced(&self, day: Day) -> Option<u64> {
        self.replaced.lock().unwrap_or_else(PoisonError::into_inner).get(&day).copied()
    }

    /// Notes that a day is gone for whoever looks from now on: it may be begun again.
    pub(crate) fn note_dropped(&self, day: Day) {
        let mut drops = self.drops.lock().unwrap_or_else(PoisonError::into_inner);
        drops.count += 1;
        let count = drops.count;
        drops.last.insert(day, count);
    }

    /// How many days have been dropped.
    pub(crate) fn drops(&self) -> u64 {
        self.drops.lock().unwrap_or_else(PoisonError::into_inner).count
    }

    fn was_dropped_since(&self, day: Day, drops: u64) -> bool {
        let all = self.drops.lock().unwrap_or_else(PoisonError::into_inner);
        all.last.get(&day).is_some_and(|last| *last > drops)
    }

    /// What the directory holds, by day.
    pub(crate) fn list(&self) -> Result<BTreeMap<Day, DayFiles>> {
        let entries = self.directory.list(FOLDER);
        let entries = entries.map_err(|error| Error::io("listing the days", error))?;
        let mut days = BTreeMap::<Day, DayFiles>::new();
        for entry in entries {
            if let Some((day, kind)) = FileKind::parse(&entry.name) {
                let files = days.entry(day).or_default();
                match kind {
                    FileKind::Columns => {
                        files.columns = Some(entry.len);
                        files.stamp = entry.stamp;
                    }
                    FileKind::Log => files.log = Some(entry.len),
                    FileKind::Dropped => files.dropped = true,
                    FileKind::Rebuilt => files.rebuilt = true,
                    FileKind::Gap => files.gap = true,
                }
            }
        }
        Ok(days)
    }

    /// A sealed day, as it was when its file had this length.
    fn sealed_view(&self, day: Day, file_len: u64, stamp: u64) -> Result<DayView> {
        let place = Place::Footer { day, file_len, stamp };
        if let Some(Cached::Footer(footer)) = self.cache.find(place) {
            let Footer { file, parts } = &*footer;
            return Ok(DayView::new(day, file.clone(), parts.clone(), self.cache.clone()));
        }
        let view = self.open_sealed(day, file_len)?.view;
        let footer = Footer { file: view.file.clone(), parts: view.parts.clone() };
        self.cache.keep(place, Cached::Footer(Arc::new(footer)));
        Ok(view)
    }

    /// A day that another process is writing, from a log and a file that belong together; `NotFound` where
    /// it has no log any more.
    fn view_beside(&self, day: Day) -> Result<DayView> {
        let name = FileKind::Columns.name(day);
        loop {
            let before = self.directory.file_id(&name).ok();
            let view = live::view_beside(&*self.directory, day, &self.cache);
            // A file takes another's place only while the day has no log: the log was read of this one
            // or of a later one, and is that of the file which was there all the time.
            if before.is_none() || self.directory.file_id(&name).ok() == before {
                return view;
            }
        }
    }

    /// Opens a sealed day anew.
    pub(crate) fn open_sealed(&self, day: Day, file_len: u64) -> Result<SealedDay> {
        live::open_sealed(&self.directory, day, &self.cache, file_len)
    }

    /// The same, once the contents of all its parts are seen to be readable: it is to be written on.
    pub(crate) fn open_whole(&self, day: Day, file_len: u64) -> Result<SealedDay> {
        let sealed = self.open_sealed(day, file_len)?;
        sealed.view.check_contents()?;
        Ok(sealed)
    }

    /// The ordinal after the last one that a day's footer lists; `None` where there is none to be
    /// read.
    pub(crate) fn footer_end(&self, day: Day) -> Result<Option<u32>> {
        let file_len = self.list()?.get(&day).and_then(|files| files.columns);
        let Some(file_len) = file_len else { return Ok(None) };
        match self.open_sealed(day, file_len) {
            Ok(sealed) => Ok(Some(sealed.view.end())),
            Err(error) if error.kind() == ErrorKind::Corrupt => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The sealed days of a listing, with their summaries from the catalog, or from the days
    /// themselves where the catalog is behind.
    pub(crate) fn known(
        &self,
        files: &BTreeMap<Day, DayFiles>,
        summaries: &Summaries,
        before: &Known,
    ) -> Result<Known> {
        let mut known = Known::new();
        for (day, files) in files {
            let Some(file_len) = files.columns.filter(|_| files.is_sealed()) else { continue };
            let kept = before.get(day).filter(|sealed| sealed.is_of(files));
            let listed = summaries.get(day).filter(|summary| summary.file_len == file_len);
            let sealed = match (kept, listed) {
                (Some(kept), _) => kept.clone(),
                (None, Some(summary)) => {
                    let (stamp, summary) = (files.stamp, Arc::new(summary.clone()));
                    Sealed::There { file_len, stamp, summary }
                }
                (None, None) => {
                    let end = summaries.get(day).map_or(0, |summary| summary.end);
                    self.summarise(*day, file_len, files.stamp, end)?
                }
            };
            known.insert(*day, sealed);
        }
        for (day, summary) in summaries.iter().filter(|(day, _)| !files.contains_key(day)) {
            known.insert(*day, Sealed::Missing { end: summary.end });
        }
        Ok(known)
    }

    /// Reads what there is to know of a day; what cannot be read for another reason than what lies
    /// there is an error, not damage.
    fn summarise(&self, day: Day, file_len: u64, stamp: u64, end: u32) -> Result<Sealed> {
        let summary = self.open_sealed(day, file_len).and_then(|sealed| DaySummary::of(&sealed));
        match summary {
            Ok(summary) => Ok(Sealed::There { file_len, stamp, summary: Arc::new(summary) }),
            Err(error) if error.kind() == ErrorKind::TooManyFiles => Err(error),
            Err(error) => Ok(Sealed::Damaged { file_len, stamp, error, end }),
        }
    }
}

impl DayFiles {
    fn is_sealed(&self) -> bool {
        self.columns.is_some() && self.log.is_none() && !self.dropped
    }
}

impl Sealed {
    pub(crate) fn file_len(&self) -> Option<u64> {
        match self {
            Self::There { file_len, .. } | Self::Damaged { file_len, .. } => Some(*file_len),
            Self::Missing { .. } => None,
        }
    }

    /// Whether it is known of this very file. A day that this process sealed has no stamp: whatever
    /// takes its file's place is this process's own doing.
    fn is_of(&self, files: &DayFiles) -> bool {
        let stamp = match self {
            Self::There { stamp, .. } | Self::Damaged { stamp, .. } => *stamp,
            Self::Missing { .. } => return false,
        };
        self.file_len() == files.columns && (stamp == files.stamp || stamp == 0)
    }

    /// Where the day ends, as far as the catalog knows.
    pub(crate) fn listed(&self) -> Listed {
        match self {
            Self::There { file_len, summary, .. } => {
                Listed { end: summary.end, file_len: Some(*file_len) }
            }
            Self::Damaged { end, .. } | Self::Missing { end } => {
                Listed { end: *end, file_len: None }
            }
        }
    }

    pub(crate) fn summary(&self) -> Option<&DaySummary> {
        match self {
            Self::There { summary, .. } => Some(summary),
            Self::Damaged { .. } | Self::Missing { .. } => None,
        }
    }
}

/// The days of a listing that go on after a gap.
pub(crate) fn gaps_of(files: &BTreeMap<Day, DayFiles>) -> BTreeSet<Day> {
    files.iter().filter(|(_, files)| files.gap && !files.dropped).map(|(day, _)| *day).collect()
}

/// What is said of a day whose damaged files were set aside.
pub(crate) fn gap_error(day: Day) -> Error {
    let message = "events of the day were damaged and their files set aside; a rebuild salvages what \
                   can be read of them";
    Error::corrupt(message).on_day(day)
}

impl Snapshot {
    /// The days as they were when so many had been dropped.
    pub(crate) fn new(
        shelf: Arc<Shelf>,
        drops: u64,
        sealed: Arc<Known>,
        live: BTreeMap<Day, Result<DayView>>,
        gaps: Arc<BTreeSet<Day>>,
    ) -> Self {
        Self { shelf, sealed, live, gaps, drops, left_out: LeftOut::default() }
    }

    /// Leaves out what cannot be read of a day: what lies before its gap at first, and then all;
    /// whether there may be more to read after the gap.
    pub(crate) fn leave_out(&mut self, day: Day) -> bool {
        let before_gap = self.gaps.contains(&day) && self.left_out.before_gap.insert(day);
        if !before_gap {
            self.left_out.whole.insert(day);
        }
        before_gap
    }

    /// Whether nothing of a day is asked any more.
    pub(crate) fn is_left_out(&self, day: Day) -> bool {
        self.left_out.whole.contains(&day)
    }

    /// How many days this process had dropped when it was taken.
    pub(crate) fn drops(&self) -> u64 {
        self.drops
    }

    /// Whether this process has dropped a day between `drops` and this snapshot.
    pub(crate) fn was_dropped_since(&self, day: Day, drops: u64) -> bool {
        drops != self.drops && self.shelf.was_dropped_since(day, drops)
    }

    /// A look at a store that another process may be writing.
    pub(crate) fn beside(shelf: &Arc<Shelf>, before: &Arc<Known>) -> Result<Self> {
        loop {
            let files = shelf.list()?;
            let mut live = BTreeMap::new();
            let mut sealed_meanwhile = false;
            for (day, _) in files.iter().filter(|(_, files)| files.log.is_some() && !files.dropped)
            {
                let view = shelf.view_beside(*day);
                let is_not_found = |error: &Error| error.kind() == ErrorKind::NotFound;
                sealed_meanwhile |= view.as_ref().is_err_and(is_not_found)
                    || view.is_err() && !is_there(shelf, *day)?;
                live.insert(*day, view);
            }
            if sealed_meanwhile {
                continue;
            }
            let complete =
                |known: &Known| {
                    files.iter().filter(|(_, files)| files.is_sealed()).all(|(day, files)| {
                        known.get(day).is_some_and(|sealed| sealed.is_of(files))
                    }) && known.keys().all(|day| files.contains_key(day))
                };
            // Nothing known is no proof that the catalog knows of nothing: a day may be missing.
            let sealed = match !before.is_empty() && complete(before) {
                true => before.clone(),
                false => {
                    let summaries = catalog::read_beside(&*shelf.directory)?;
                    Arc::new(shelf.known(&files, &summaries, before)?)
                }
            };
            // A day that looks damaged may have been listed while it was sealed or begun again.
            let damaged = |day: &Day| matches!(sealed.get(day), Some(Sealed::Damaged { .. }));
            if !Arc::ptr_eq(&sealed, before) && files.keys().any(damaged) && shelf.list()? != files
            {
                continue;
            }
            let gaps = Arc::new(gaps_of(&files));
            return Ok(Self::new(shelf.clone(), shelf.drops(), sealed, live, gaps));
        }
    }

    /// The days in order.
    pub(crate) fn days(&self) -> Vec<Day> {
        let known = self.sealed.keys().chain(self.live.keys()).chain(self.gaps.iter());
        let mut days: Vec<Day> = known.copied().collect();
        days.sort_unstable();
        days.dedup();
        days
    }

    /// What is known of a day without opening it.
    pub(crate) fn summary(&self, day: Day) -> Option<&DaySummary> {
        // The catalog knows nothing of what was set aside.
        let unlisted = self.live.contains_key(&day) || self.gaps.contains(&day);
        match unlisted || self.is_left_out(day) {
            true => None,
            false => self.sealed.get(&day).and_then(Sealed::summary),
        }
    }

    /// How many events a day holds as far as is known without opening it: 0 where it cannot be read.
    pub(crate) fn events(&self, day: Day) -> u64 {
        match (self.live.get(&day), self.sealed.get(&day).and_then(Sealed::summary)) {
            (Some(view), _) => view.as_ref().map_or(0, |view| view.events().into()),
            (None, summary) => summary.map_or(0, |summary| summary.rows.into()),
        }
    }

    /// As [`Snapshot::events`], of all days.
    pub(crate) fn all_events(&self) -> u64 {
        self.days().into_iter().map(|day| self.events(day)).sum()
    }

    /// The day; `None` where it is not there, or was dropped since.
    pub(crate) fn view(&self, day: Day) -> Result<Option<DayView>> {
        if self.is_left_out(day) {
            return Ok(None);
        }
        if self.gaps.contains(&day) && !self.left_out.before_gap.contains(&day) {
            return Err(gap_error(day));
        }
        self.view_after_gap(day)
    }

    /// The day without what was set aside of it.
    pub(crate) fn view_after_gap(&self, day: Day) -> Result<Option<DayView>> {
        if let Some(view) = self.live.get(&day) {
            return view.clone().map(Some);
        }
        let (file_len, stamp) = match self.sealed.get(&day) {
            None => return Ok(None),
            Some(Sealed::Missing { .. }) => {
                return Err(Error::corrupt("the day's file is missing").on_day(day));
            }
            Some(Sealed::Damaged { error, .. }) => return Err(error.clone()),
            Some(Sealed::There { file_len, stamp, .. }) => (*file_len, *stamp),
        };
        let view = match self.shelf.sealed_view(day, file_len, stamp) {
            Err(error) => self.replaced_view(day, file_len, stamp, error),
            view => view.map(Some),
        };
        // What has begun since is not what was looked at, even where it is as long.
        if self.shelf.was_dropped_since(day, self.drops) { Ok(None) } else { view }
    }

    /// A sealed day that cannot be read as it was known: it was dropped, or written anew, or is damaged.
    fn replaced_view(
        &self,
        day: Day,
        known_len: u64,
        known_stamp: u64,
        error: Error,
    ) -> Result<Option<DayView>> {
        let files = match self.shelf.list()?.get(&day) {
            Some(files) if !files.dropped => *files,
            _ => return Ok(None),
        };
        let listed = files.columns.filter(|_| files.log.is_none());
        let is_other = listed != Some(known_len) || files.stamp != known_stamp;
        let others = [self.shelf.replaced(day), listed.filter(|_| is_other)];
        let mut views = others.into_iter().flatten();
        let view = views.find_map(|len| self.shelf.sealed_view(day, len, files.stamp).ok());
        match (view, listed) {
            (Some(view), _) => Ok(Some(view)),
            // Another process has begun to write it again, and what it has logged since is seen too.
            (None, None) => self.shelf.view_beside(day).map(Some),
            (None, Some(_)) => Err(error),
        }
    }

    /// The day, its files held open until the view is dropped.
    pub(crate) fn held_view(&self, day: Day) -> Result<Option<DayView>> {
        loop {
            let Some(mut view) = self.view(day)? else { return Ok(None) };
            match view.hold() {
                // Dropped or written anew since it was looked up: that is not found again.
                Err(error) if error.kind() == ErrorKind::NotFound => self.shelf.cache.forget(day),
                held => return held.map(|()| Some(view)),
            }
        }
    }
}

fn is_there(shelf: &Shelf, day: Day) -> Result<bool> {
    Ok(shelf.list()?.get(&day).is_some_and(|files| files.log.is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::memory::MemoryDirectory;

    #[test]
    fn a_day_for_which_no_file_could_be_opened_is_not_taken_for_a_damaged_one() {
        let day = Day::from_number(20_000).unwrap();
        let name = FileKind::Columns.name(day);
        let directory = MemoryDirectory::default();
        drop(directory.create(&name).unwrap());
        let shelf = Shelf::new(Arc::new(directory.clone()), 0);
        let files = shelf.list().unwrap();
        let known = || shelf.known(&files, &Summaries::new(), &Known::new());
        directory.fail_open(&name);
        assert_eq!(known().unwrap_err().kind(), ErrorKind::TooManyFiles);
        assert!(matches!(known().unwrap()[&day], Sealed::Damaged { .. }), "it is empty");
    }
}
