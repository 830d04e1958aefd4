//! Which days there are, and a query's consistent look at them.
//!
//! Owns: [`Known`], the sealed days with their summaries, and [`Snapshot`], the days as one query sees
//! them. Does not own the writing of any of it.
//!
//! Invariants: a snapshot holds live days as they were when it was taken; a sealed day is opened
//! when it is first read, as it was when it had the length that the snapshot knows, whatever is
//! appended later. A day dropped before its turn is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::catalog::{self, DaySummary, Summaries};
use crate::day::cache::{Cache, Cached, Footer, Place};
use crate::day::live::{self, SealedDay};
use crate::day::view::DayView;
use crate::day::{FOLDER, FileKind};
use crate::error::{Error, ErrorKind, Result};
use crate::storage::Directory;
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
        Self { directory, cache: Arc::new(Cache::new(cache_bytes)) }
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

    /// Opens a sealed day anew.
    pub(crate) fn open_sealed(&self, day: Day, file_len: u64) -> Result<SealedDay> {
        live::open_sealed(&self.directory, day, &self.cache, file_len)
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

    /// The ordinal after the last one that the catalog knows of.
    pub(crate) fn end(&self) -> u32 {
        match self {
            Self::There { summary, .. } => summary.end,
            Self::Damaged { end, .. } | Self::Missing { end } => *end,
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
    pub(crate) fn new(
        shelf: Arc<Shelf>,
        sealed: Arc<Known>,
        live: BTreeMap<Day, Result<DayView>>,
        gaps: Arc<BTreeSet<Day>>,
    ) -> Self {
        Self { shelf, sealed, live, gaps, left_out: LeftOut::default() }
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

    /// A look at a store that another process may be writing.
    pub(crate) fn beside(shelf: &Arc<Shelf>, before: &Arc<Known>) -> Result<Self> {
        loop {
            let files = shelf.list()?;
            let mut live = BTreeMap::new();
            let mut sealed_meanwhile = false;
            for (day, _) in files.iter().filter(|(_, files)| files.log.is_some() && !files.dropped)
            {
                let view = live::view_beside(&*shelf.directory, *day, &shelf.cache);
                sealed_meanwhile |= view.is_err() && !is_there(shelf, *day)?;
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
            return Ok(Self::new(shelf.clone(), sealed, live, Arc::new(gaps_of(&files))));
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
        match self.shelf.sealed_view(day, file_len, stamp) {
            Err(error) => match self.shelf.list()?.get(&day) {
                Some(files) if !files.dropped => Err(error),
                _ => Ok(None),
            },
            view => view.map(Some),
        }
    }
}

fn is_there(shelf: &Shelf, day: Day) -> Result<bool> {
    Ok(shelf.list()?.get(&day).is_some_and(|files| files.log.is_some()))
}
