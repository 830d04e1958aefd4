//! What has been read from day files and decoded.
//!
//! Owns: a cache of footers, contents of parts, columns and pages of postings, bounded by bytes, and the few
//! open files of sealed days, shared by all queries of a store. Does not own what is decoded.
//!
//! Invariant: what it holds weighs at most its bound; an entry is found only through the opening of
//! the file that it was read from.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;

use crate::codec::columns::{Column, ColumnKind};
use crate::day::contents::Contents;
use crate::day::file::DayFile;
use crate::day::part::Part;
use crate::index::postings::OpenPage;
use crate::limits::SEALED_FILES_OPEN_MAX;
use crate::storage::StorageFile;
use crate::time::Day;

/// What was read: of an opening of a file, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    /// A column of the block at this offset.
    Column { file: u64, offset: u64, kind: ColumnKind },
    /// The page of postings at this offset.
    Page { file: u64, offset: u64 },
    /// The contents, in the section at this offset, of the part that begins with this ordinal.
    Contents { file: u64, offset: u64, first: u32 },
    /// What a sealed day's footer lists; the stamp tells its file from others of that name.
    Footer { day: Day, file_len: u64, stamp: u64 },
}

/// Something read and checked.
#[derive(Debug, Clone)]
pub(crate) enum Cached {
    Column(Arc<Column>),
    Page(Arc<OpenPage>),
    Contents(Arc<Contents>),
    Footer(Arc<Footer>),
}

/// A sealed day's file and parts.
#[derive(Debug)]
pub(crate) struct Footer {
    pub(crate) file: Option<Arc<DayFile>>,
    pub(crate) parts: Vec<Arc<Part>>,
}

impl Cached {
    fn bytes(&self) -> usize {
        // The entry itself is counted too, so that very many small ones stay bounded.
        const ENTRY_BYTES: usize = 128;
        ENTRY_BYTES
            + match self {
                Self::Column(column) => column.bytes(),
                Self::Page(page) => page.bytes(),
                Self::Contents(contents) => contents.bytes(),
                Self::Footer(footer) => footer.parts.iter().map(|part| part.bytes()).sum(),
            }
    }
}

/// The cache.
#[derive(Debug)]
pub(crate) struct Cache {
    bytes_max: usize,
    next_file: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    entries: LruCache<Place, Cached>,
    bytes: usize,
    /// Open files of sealed days.
    files: LruCache<u64, StorageFile>,
}

impl Cache {
    pub(crate) fn new(bytes_max: usize) -> Self {
        let files =
            LruCache::new(NonZeroUsize::new(SEALED_FILES_OPEN_MAX).unwrap_or(NonZeroUsize::MIN));
        let state = State { entries: LruCache::unbounded(), bytes: 0, files };
        Self { bytes_max, next_file: AtomicU64::new(0), state: Mutex::new(state) }
    }

    /// A number that no other opening of a file has had.
    pub(crate) fn next_file_id(&self) -> u64 {
        self.next_file.fetch_add(1, Ordering::Relaxed)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn find(&self, place: Place) -> Option<Cached> {
        self.state().entries.get(&place).cloned()
    }

    pub(crate) fn keep(&self, place: Place, value: Cached) {
        let bytes = value.bytes();
        if bytes > self.bytes_max {
            return;
        }
        let mut state = self.state();
        state.bytes += bytes;
        if let Some(replaced) = state.entries.put(place, value) {
            state.bytes -= replaced.bytes();
        }
        while state.bytes > self.bytes_max {
            match state.entries.pop_lru() {
                Some((_, evicted)) => state.bytes -= evicted.bytes(),
                None => break,
            }
        }
    }

    /// An open file of a sealed day.
    pub(crate) fn find_file(&self, id: u64) -> Option<StorageFile> {
        self.state().files.get(&id).cloned()
    }

    /// Keeps a file of a sealed day open, and closes the one that was used least recently.
    pub(crate) fn keep_file(&self, id: u64, file: &StorageFile) {
        let mut state = self.state();
        let closed = state.files.push(id, file.clone());
        // Closing takes its time.
        drop(state);
        drop(closed);
    }

    /// Forgets what is kept of a day, and closes its file.
    pub(crate) fn forget(&self, gone: Day) {
        let mut state = self.state();
        let of_day: Vec<(Place, Cached)> = state
            .entries
            .iter()
            .filter(|(place, _)| matches!(place, Place::Footer { day, .. } if *day == gone))
            .map(|(place, cached)| (*place, cached.clone()))
            .collect();
        for (place, cached) in of_day {
            state.entries.pop(&place);
            state.bytes -= cached.bytes();
            if let Cached::Footer(footer) = cached {
                footer.file.iter().for_each(|file| drop(state.files.pop(&file.id)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(day: u32, number: u64) -> Place {
        Place::Footer { day: Day::from_number(day).unwrap(), file_len: number, stamp: 0 }
    }

    fn footer(parts: usize) -> Cached {
        let parts = (0..parts).map(|_| Arc::new(Part::lost(0, 1))).collect();
        Cached::Footer(Arc::new(Footer { file: None, parts }))
    }

    /// The numbers of the places of which something is kept.
    fn kept(cache: &Cache) -> Vec<u64> {
        let mut numbers: Vec<u64> = cache
            .state()
            .entries
            .iter()
            .filter_map(|(place, _)| match place {
                Place::Footer { file_len, .. } => Some(*file_len),
                Place::Column { .. } | Place::Page { .. } | Place::Contents { .. } => None,
            })
            .collect();
        numbers.sort_unstable();
        numbers
    }

    #[test]
    fn what_was_used_least_recently_goes_once_there_is_more_than_the_bound() {
        let cache = Cache::new(3 * footer(0).bytes());
        (0..3).for_each(|number| cache.keep(place(1, number), footer(0)));
        cache.keep(place(1, 1), footer(0));
        assert_eq!(kept(&cache), [0, 1, 2], "what is kept again counts once");
        assert!(cache.find(place(1, 0)).is_some());
        cache.keep(place(1, 3), footer(0));
        assert_eq!(kept(&cache), [0, 1, 3]);
        cache.keep(place(1, 4), footer(100));
        assert_eq!(kept(&cache), [0, 1, 3], "what is too large by itself takes no other's place");
    }

    #[test]
    fn what_weighs_as_much_as_the_bound_is_kept() {
        let cache = Cache::new(footer(9).bytes());
        cache.keep(place(1, 0), footer(9));
        assert_eq!(kept(&cache), [0]);
    }

    #[test]
    fn what_is_forgotten_of_a_day_makes_room_and_costs_no_other_day() {
        let cache = Cache::new(3 * footer(0).bytes());
        cache.keep(place(1, 0), footer(0));
        cache.keep(place(2, 1), footer(0));
        cache.keep(place(2, 2), footer(0));
        cache.forget(Day::from_number(2).unwrap());
        assert_eq!(kept(&cache), [0]);
        (3..5).for_each(|number| cache.keep(place(2, number), footer(0)));
        assert_eq!(kept(&cache), [0, 3, 4]);
        cache.keep(place(2, 5), footer(0));
        assert_eq!(kept(&cache), [3, 4, 5]);
    }
}
