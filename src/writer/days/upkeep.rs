//! What upkeep does to the days of a writer.
//!
//! Owns: how a day is dropped, replaced by what a rebuild has made of it, and written anew for an erasure,
//! and how the catalog is told or made again. Does not own what is written in a day's place (`upkeep`).
//!
//! Invariants: a drop that has begun ends with the day gone; a day has the one file or the other at any
//! moment; rows that wait for a day which is written anew keep their ids.

use std::sync::Arc;

use super::{Inner, OpenDays, Published, summaries_of};
use crate::catalog::{Catalog, DaySummary, Summaries};
use crate::day::live::{LiveDay, SealedDay};
use crate::day::{FOLDER, FOLDERS, FileKind};
use crate::error::{Error, ErrorKind, Result};
use crate::snapshot::{Known, Listed, Sealed, Shelf};
use crate::storage::{Access, Directory, remove_temporary};
use crate::time::Day;
use crate::upkeep::quarantine;
use crate::upkeep::rebuild::put_in_place;

impl OpenDays {
    /// Removes a day and everything in it.
    pub(crate) fn drop_day(&self, day: Day) -> Result<()> {
        let mut inner = self.inner();
        let place = inner.live.iter().position(|live| live.day == day);
        if !self.queue.close_day(day) {
            let message = "events of the day wait to be written; flush, then drop it again";
            return Err(Error::new(ErrorKind::Locked, message).on_day(day));
        }
        if let Some(place) = place {
            self.remove_live(&mut inner, place)?;
            return Ok(());
        }
        let published = self.published();
        let Published { sealed, live, gaps } = &published;
        if sealed.contains_key(&day) || live.contains_key(&day) || gaps.contains(&day) {
            return self.remove_files(&mut inner, day);
        }
        Err(Error::not_found(format!("there is no day {day}")))
    }

    fn remove_live(&self, inner: &mut Inner, place: usize) -> Result<()> {
        let live = inner.live.remove(place);
        let day = live.day;
        if let Err(error) = mark_dropped(&self.shelf, day) {
            self.queue.open_day(day, live.next_ordinal());
            inner.live.push(live);
            return Err(error);
        }
        self.unpublish(day);
        self.shelf.note_dropped(day);
        // The file is on its way out: whether it could be closed cleanly does not matter.
        let _ = live.close();
        end_drop(&self.shelf, day, || self.note_drop(inner, &[day]))
    }

    fn remove_files(&self, inner: &mut Inner, day: Day) -> Result<()> {
        mark_dropped(&self.shelf, day)?;
        self.unpublish(day);
        self.shelf.note_dropped(day);
        end_drop(&self.shelf, day, || self.note_drop(inner, &[day]))
    }

    /// Takes days from the catalog; once more where that fails, since its file is opened anew.
    pub(super) fn note_drop(&self, inner: &mut Inner, days: &[Day]) -> Result<()> {
        let catalog = inner.catalog()?;
        catalog.update(&[], days).or_else(|_| catalog.update(&[], days))
    }

    fn unpublish(&self, day: Day) {
        self.shelf.cache.forget(day);
        self.publish(|published| {
            published.live.remove(&day);
            Arc::make_mut(&mut published.gaps).remove(&day);
            Arc::make_mut(&mut published.sealed).remove(&day);
        });
    }

    /// Closes a day, lets `write_anew`, which is told where the catalog knows it to end, write what can be
    /// read of it, and puts that in its place.
    pub(crate) fn replace<T>(
        &self,
        day: Day,
        write_anew: impl FnOnce(&Shelf, Listed) -> Result<T>,
    ) -> Result<T> {
        let mut inner = self.inner();
        if let Some(place) = inner.live.iter().position(|live| live.day == day) {
            if !self.queue.close_day(day) {
                let message = "events of the day wait to be written; flush, then rebuild again";
                return Err(Error::new(ErrorKind::Locked, message).on_day(day));
            }
            inner.live.remove(place).close()?;
        }
        let before = self.published();
        let listed = before.sealed.get(&day).map(Sealed::listed).unwrap_or_default();
        let rewritten = write_anew(&self.shelf, listed).and_then(|lost| {
            self.note_drop(&mut inner, &[day])?;
            put_in_place(&self.shelf, day)?;
            self.unpublish(day);
            self.publish_sealed(inner.catalog()?)?;
            Ok(lost)
        });
        if let Err(error) = &rewritten {
            // The day is what it was, waits under another name, or is not in the catalog: nothing may begin
            // it anew, and no answer leave it out.
            self.publish(|published| {
                published.live.insert(day, Err(error.clone()));
            });
        }
        rewritten
    }

    /// Writes a day anew: seals it where it is open, and shows what came of `write_anew`, which says
    /// whether it has put another file in the day's place. Rows that wait for the day keep their ids.
    pub(crate) fn rewrite<T>(
        &self,
        day: Day,
        write_anew: impl FnOnce(&Shelf, &SealedDay) -> Result<Option<T>>,
    ) -> Result<Option<T>> {
        let mut inner = self.inner();
        let rewritten = self.rewrite_sealed(&mut inner, day, write_anew);
        if rewritten.is_err() {
            // What was begun is of no use, and takes room; opening the store removes it else.
            let _ = remove_temporary(&*self.shelf.directory, &FOLDERS);
        }
        // The write of what waits opens the day where this could not.
        if !self.queue.close_day(day) {
            let _ = self.place_of(&mut inner, day);
        }
        rewritten
    }

    fn rewrite_sealed<T>(
        &self,
        inner: &mut Inner,
        day: Day,
        write_anew: impl FnOnce(&Shelf, &SealedDay) -> Result<Option<T>>,
    ) -> Result<Option<T>> {
        inner.catalog()?;
        let open = match inner.live.iter().position(|live| live.day == day) {
            Some(place) => Some(inner.live.remove(place)),
            None => match self.published().live.get(&day) {
                // Sealing it failed.
                Some(Ok(_)) => Some(LiveDay::open(&self.context, day)?),
                _ => None,
            },
        };
        if let Some(live) = open {
            self.seal(inner.catalog()?, live)?;
        }
        let published = self.published();
        let file_len = match (published.live.get(&day), published.sealed.get(&day)) {
            (Some(Err(error)), _) | (_, Some(Sealed::Damaged { error, .. })) => {
                return Err(error.clone());
            }
            (None, Some(Sealed::There { file_len, .. })) => *file_len,
            _ => return Ok(None),
        };
        let rewritten = write_anew(&self.shelf, &self.shelf.open_sealed(day, file_len)?);
        // A failure may have come after another file had the name.
        self.publish_rewritten(inner.catalog()?, day)?;
        rewritten
    }

    /// Looks at a sealed day's file again.
    fn publish_rewritten(&self, catalog: &mut Catalog, day: Day) -> Result<()> {
        let mut files = self.shelf.list()?;
        files.retain(|listed, _| *listed == day);
        let fresh = self.shelf.known(&files, &Summaries::new(), &Known::new())?;
        if let Some(Sealed::There { file_len, summary, .. }) = fresh.get(&day) {
            self.shelf.note_replaced(day, *file_len);
            catalog.note(day, summary.clone());
        }
        self.publish(|published| {
            let mut sealed = (*published.sealed).clone();
            sealed.extend(fresh);
            published.sealed = Arc::new(sealed);
        });
        Ok(())
    }

    /// Removes what failures left behind: files that never got their names, and drops that have begun.
    pub(crate) fn remove_leftovers(&self) -> Result<()> {
        let mut inner = self.inner();
        remove_temporary(&*self.shelf.directory, &FOLDERS)?;
        let files = self.shelf.list()?;
        for (day, _) in files.iter().filter(|(_, files)| files.dropped) {
            end_drop(&self.shelf, *day, || self.note_drop(&mut inner, &[*day]))?;
        }
        Ok(())
    }

    /// Takes days that are to be written anew out of the catalog: an entry must not be believed of a file
    /// that happens to be as long.
    pub(crate) fn take_from_catalog(&self, days: &[Day]) -> Result<()> {
        self.note_drop(&mut self.inner(), days)
    }

    /// Puts a catalog of what is known in the place of the one that has been written so far, with every
    /// byte that it has ever held.
    pub(crate) fn renew_catalog(&self) -> Result<()> {
        let mut inner = self.inner();
        let known = self.published().sealed;
        let missing = |(day, sealed): (&Day, &Sealed)| match sealed {
            Sealed::Missing { end } => Some((*day, DaySummary::missing(*end))),
            _ => None,
        };
        let missing: Vec<(Day, DaySummary)> = known.iter().filter_map(missing).collect();
        let mut entries = summaries_of(&known);
        entries.extend(missing.iter().map(|(day, summary)| (*day, summary)));
        inner.catalog()?.renew(&entries)
    }

    /// Makes the catalog's entries again from the sealed days.
    pub(crate) fn rebuild_catalog(&self) -> Result<()> {
        let mut inner = self.inner();
        let files = self.shelf.list()?;
        let known = self.shelf.known(&files, &Summaries::new(), &Known::new())?;
        let gone: Vec<Day> = {
            let published = self.published();
            let listed = published.sealed.keys().filter(|day| !known.contains_key(day));
            listed.copied().collect()
        };
        inner.catalog()?.update(&summaries_of(&known), &gone)?;
        self.publish(|published| published.sealed = Arc::new(known));
        Ok(())
    }

    /// Looks at the directory again, and notes in the catalog what is new in it.
    fn publish_sealed(&self, catalog: &mut Catalog) -> Result<()> {
        let files = self.shelf.list()?;
        let before = self.published().sealed;
        let mut known = self.shelf.known(&files, &Summaries::new(), &before)?;
        let mut fresh = summaries_of(&known);
        fresh.retain(|(day, summary)| {
            before.get(day).and_then(Sealed::file_len) != Some(summary.file_len)
        });
        catalog.update(&fresh, &[])?;
        drop(fresh);
        for (day, sealed) in before.iter().filter(|(day, _)| !files.contains_key(day)) {
            known.insert(*day, sealed.clone());
        }
        self.publish(|published| published.sealed = Arc::new(known));
        Ok(())
    }
}

/// Ends the drops and the rebuilds that were interrupted.
pub(super) fn end_interrupted(
    shelf: &Shelf,
    catalog: &mut Catalog,
    summaries: &mut Summaries,
) -> Result<()> {
    let files = shelf.list()?;
    for (day, _) in files.iter().filter(|(_, files)| files.dropped) {
        summaries.remove(day);
        end_drop(shelf, *day, || catalog.update(&[], &[*day]))?;
    }
    for (day, files) in files.iter().filter(|(_, files)| files.rebuilt && !files.dropped) {
        match catalog.update(&[], &[*day]) {
            // The day is as it was, and this time the disk can be pruned.
            Err(error) if error.kind() == ErrorKind::DiskFull && files.columns.is_some() => {
                continue;
            }
            noted => noted?,
        }
        summaries.remove(day);
        put_in_place(shelf, *day)?;
    }
    Ok(())
}

/// Makes a day's log the mark of its drop, or an empty file where it has none: from here on the day is
/// gone, whatever happens.
fn mark_dropped(shelf: &Shelf, day: Day) -> Result<()> {
    let directory = &*shelf.directory;
    let mark = FileKind::Dropped.name(day);
    let marked = match directory.rename(&FileKind::Log.name(day), &mark) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            directory.create(&mark).map(|_| ())
        }
        renamed => renamed,
    };
    marked.map_err(|error| Error::io("marking a day as dropped", error).on_day(day))
}

/// Removes a marked day's files and then, once `note` has told the catalog, the mark. The bytes are
/// free before the catalog is written, which a full disk may need.
pub(super) fn end_drop(shelf: &Shelf, day: Day, note: impl FnOnce() -> Result<()>) -> Result<()> {
    let directory = &*shelf.directory;
    let sync = || {
        let synced = directory.sync(FOLDER);
        synced.map_err(|error| Error::io("syncing the days' folder", error).on_day(day))
    };
    let remove_named = |name: &str| match directory.remove(name) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::io("removing a day's file", error).on_day(day))
        }
        _ => Ok(()),
    };
    let remove = |kind: FileKind| remove_named(&kind.name(day));
    sync()?;
    remove(FileKind::Columns)?;
    remove(FileKind::Log)?;
    let mut sets = quarantine::sets_aside(directory, day)?;
    sets.reverse();
    for name in sets.iter().flatten() {
        remove_named(name)?;
    }
    remove(FileKind::Gap)?;
    // A rebuild that waits would bring the day back.
    remove(FileKind::Rebuilt)?;
    sync()?;
    match note() {
        // The day is gone. What the catalog says of it is not believed as long as the mark is there,
        // and that is removed when the store is opened with room.
        Err(error) if error.kind() == ErrorKind::DiskFull => {
            empty_mark(directory, day);
            return Ok(());
        }
        noted => noted?,
    }
    remove(FileKind::Dropped)?;
    sync()
}

/// Frees the bytes of a log that has become a mark.
fn empty_mark(directory: &dyn Directory, day: Day) {
    // Where this fails they are free once the mark is removed.
    if let Ok(mark) = directory.open(&FileKind::Dropped.name(day), Access::Write) {
        let _ = mark.set_len(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::memory::MemoryDirectory;

    #[test]
    fn the_mark_of_a_drop_stays_until_the_catalog_knows_and_takes_no_room_on_a_full_disk() {
        let day = Day::from_number(20_000).unwrap();
        let directory = MemoryDirectory::default();
        let mark = directory.create(&FileKind::Dropped.name(day)).unwrap();
        mark.write(0, b"what was a log").unwrap();
        let shelf = Shelf::new(Arc::new(directory.clone()), 0);
        let fails_as = |kind| move || Err(Error::new(kind, "the catalog cannot be written"));
        let error = end_drop(&shelf, day, fails_as(ErrorKind::Io)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io, "it is not known to be full");
        assert_eq!(mark.len().unwrap(), 14);
        end_drop(&shelf, day, fails_as(ErrorKind::DiskFull)).unwrap();
        assert!(shelf.list().unwrap()[&day].dropped);
        assert_eq!(mark.len().unwrap(), 0);
        end_drop(&shelf, day, || Ok(())).unwrap();
        assert!(shelf.list().unwrap().is_empty());
    }
}
