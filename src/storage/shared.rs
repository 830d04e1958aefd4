//! A file in redb's hands.
//!
//! Owns: [`Shared`], which passes redb's calls on, locks included, and stands between the two where a
//! sync would be wasted. Does not own the file.
//!
//! Invariants: a draft is synced by whoever puts it in place, not by redb; what is given up changes no
//! more, and on the disk it is as a power cut would have left it.

use std::io;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use redb::{BackendError, StorageBackend};

use super::StorageFile;

/// What becomes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Fate {
    /// It has no name yet.
    Draft,
    /// It is to last.
    Kept,
    /// It is about to be removed.
    GivenUp,
}

/// A file, and what becomes of it. Clones are the same file.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    file: StorageFile,
    fate: Arc<AtomicU8>,
    header_touched: Arc<AtomicBool>,
}

/// Bytes of redb's header, which every commit writes.
const HEADER_BYTES: u64 = 512;

impl Shared {
    pub(super) fn new(file: StorageFile, fate: Fate) -> Self {
        let header_touched = Arc::new(AtomicBool::new(false));
        Self { file, fate: Arc::new(AtomicU8::new(fate as u8)), header_touched }
    }

    /// Whether redb has begun to write its header since this was last asked.
    pub(super) fn take_header_touched(&self) -> bool {
        self.header_touched.swap(false, Ordering::AcqRel)
    }

    pub(super) fn set_fate(&self, fate: Fate) {
        self.fate.store(fate as u8, Ordering::Release);
    }

    fn is(&self, fate: Fate) -> bool {
        self.fate.load(Ordering::Acquire) == fate as u8
    }

    fn check_not_given_up(&self) -> io::Result<()> {
        match self.is(Fate::GivenUp) {
            true => Err(io::Error::other("the file is about to be removed")),
            false => Ok(()),
        }
    }
}

impl StorageBackend for Shared {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.check_not_given_up()?;
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.check_not_given_up()?;
        match self.is(Fate::Draft) {
            true => Ok(()),
            false => self.file.sync_data(),
        }
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.check_not_given_up()?;
        if offset < HEADER_BYTES {
            self.header_touched.store(true, Ordering::Release);
        }
        self.file.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}
