//! What has been read from day files and decoded.
//!
//! Owns: a cache of columns and pages of postings, bounded by bytes, shared by all queries of a
//! store. Does not own what is decoded.
//!
//! Invariant: what it holds weighs at most its bound; an entry is found only through the opening of
//! the file that it was read from.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;

use crate::codec::columns::{Column, ColumnKind};
use crate::index::postings::OpenPage;

/// Where something was read: the opening of a file, the offset, and which column of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub(crate) file: u64,
    pub(crate) offset: u64,
    /// `None` for a page of postings.
    pub(crate) column: Option<ColumnKind>,
}

/// Something read and checked.
#[derive(Debug, Clone)]
pub(crate) enum Cached {
    Column(Arc<Column>),
    Page(Arc<OpenPage>),
}

impl Cached {
    fn bytes(&self) -> usize {
        // The entry itself is counted too, so that very many small ones stay bounded.
        const ENTRY_BYTES: usize = 128;
        ENTRY_BYTES
            + match self {
                Self::Column(column) => column.bytes(),
                Self::Page(page) => page.bytes(),
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
}

impl Cache {
    pub(crate) fn new(bytes_max: usize) -> Self {
        let state = State { entries: LruCache::unbounded(), bytes: 0 };
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
}

/// How many open files a list of them may keep.
pub(crate) fn capacity(files: usize) -> NonZeroUsize {
    NonZeroUsize::new(files).unwrap_or(NonZeroUsize::MIN)
}
