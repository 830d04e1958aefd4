//! What has been read from day files and decoded.
//!
//! Owns: a cache of footers, columns and pages of postings, bounded by bytes, and the few open files
//! of sealed days, shared by all queries of a store. Does not own what is decoded.
//!
//! Invariant: what it holds weighs at most its bound; an entry is found only through the opening of
//! the file that it was read from.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;

use crate::codec::columns::{Column, ColumnKind};
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
    /// What a sealed day's footer lists; the stamp tells its file from others of that name.
    Footer { day: Day, file_len: u64, stamp: u64 },
}

/// Something read and checked.
#[derive(Debug, Clone)]
pub(crate) enum Cached {
    Column(Arc<Column>),
    Page(Arc<OpenPage>),
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
