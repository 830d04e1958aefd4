//! A disk under a test's control.
//!
//! Owns: [`FaultyStorage`], the public face of the rooms below: `disk` (what is durable and what is
//! not), `cut` (what a power cut leaves), `plan` (which operations fail), `recording` (a run kept), `locks`,
//! `directory` (the disk as the store sees it).

mod cut;
mod directory;
mod disk;
mod locks;
mod plan;
mod recording;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::builder::StoreBuilder;
use crate::error::Result;
use crate::storage::Directory;
use crate::store::Store;
use crate::upkeep::backup::{self, BackupReport};
use crate::upkeep::progress::Meter;
use disk::{Disk, Operation, PAGE_BYTES};
use locks::RangeLocks;
pub use plan::Fault;
use plan::{Plan, Ruling};
pub use recording::{Recording, Replay};

/// A disk in memory that loses power, fails and fills up when a test says so.
///
/// Every write, sync, `set_len`, creation, renaming, removal and sync of a folder is an *operation* and has
/// a number, from 0. Reading has none. As on a real disk, a file's content is durable once it
/// is synced, and its name once its folder is. A clone is the same disk.
///
/// ```
/// use diurnal::testing::FaultyStorage;
/// use diurnal::{NewEvent, Store};
///
/// let disk = FaultyStorage::new();
/// let store = Store::builder().open_on(&disk)?;
/// let first = store.log_event(NewEvent::new(1, "start_session"))?;
/// disk.cut_at(disk.operations() + 3);
/// assert!(store.log_event(NewEvent::new(1, "end_session")).is_err());
/// drop(store);
///
/// for seed in 0..10 {
///     let found = Store::builder().open_on(&disk.after_cut(seed))?;
///     assert!(found.ids(&diurnal::Query::new())?.any(|id| id.is_ok_and(|id| id == first)));
/// }
/// # Ok::<(), diurnal::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct FaultyStorage {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    inner: Mutex<Inner>,
    unlocked: Condvar,
}

#[derive(Debug, Default)]
struct Inner {
    disk: Disk,
    plan: Plan,
    capacity_bytes: Option<u64>,
    /// Set once the power is cut; then, what was under way.
    cut: Option<Option<Operation>>,
    counts: StorageCounts,
    recording: Option<Recording>,
    /// The file whose next opening fails.
    unopenable: Option<String>,
    /// Names of the files that were opened or made since the counts were reset.
    opened: Vec<String>,
    open_files: u64,
    /// Whether a writer has the store.
    held: bool,
    read_only: bool,
    lockless: bool,
    serial_number: u64,
    locks: RangeLocks,
    last_holder: u64,
}

/// What has been done to a disk; failed operations are not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StorageCounts {
    /// Writes to files.
    pub writes: u64,
    /// Bytes of those writes.
    pub bytes_written: u64,
    /// Bytes that a card gets at least: pages of 4 KiB written to between two syncs of their file.
    pub device_bytes_written: u64,
    /// Syncs of files.
    pub syncs: u64,
    /// Lengths set.
    pub set_lens: u64,
    /// Files made.
    pub creates: u64,
    /// Files renamed.
    pub renames: u64,
    /// Files removed.
    pub removes: u64,
    /// Syncs of folders.
    pub folder_syncs: u64,
    /// The most files that were open at once.
    pub open_files_max: u64,
}

impl Default for FaultyStorage {
    fn default() -> Self {
        Self::new()
    }
}

impl FaultyStorage {
    /// An empty disk, without limits or faults.
    #[must_use]
    pub fn new() -> Self {
        Self::of(Disk::default())
    }

    fn of(disk: Disk) -> Self {
        let inner = Mutex::new(Inner { disk, ..Inner::default() });
        Self { shared: Arc::new(Shared { inner, unlocked: Condvar::new() }) }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.shared.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many operations there have been: the number of the next one.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.inner().disk.operations
    }

    /// Cuts the power during the operation of this number: it and everything after it fails.
    pub fn cut_at(&self, operation: u64) {
        self.inner().plan.cut_at = Some(operation);
    }

    /// Plans a failure, besides those that are planned.
    pub fn fail(&self, fault: Fault) {
        self.inner().plan.faults.push(fault);
    }

    /// Has the next opening of a file of this name fail, once, with an input/output error.
    pub fn fail_open(&self, name: &str) {
        self.inner().unopenable = Some(name.to_owned());
    }

    /// Forgets every failure that was planned, and a power cut that has not come yet.
    pub fn mend(&self) {
        self.inner().plan = Plan::default();
    }

    /// How many bytes the disk has; writing beyond fails as on a full disk. `None`, as at first, for
    /// no limit.
    pub fn set_capacity_bytes(&self, bytes: Option<u64>) {
        self.inner().capacity_bytes = bytes;
    }

    /// Whether nothing can be changed, as on a file system that is mounted read-only.
    pub fn set_read_only(&self, read_only: bool) {
        self.inner().read_only = read_only;
    }

    /// The number by which a store that is made here is told from others; 0 unless it is set. A disk that
    /// drew one would not do the same twice.
    pub fn set_serial_number(&self, number: u64) {
        self.inner().serial_number = number;
    }

    /// Whether there are no locks, as on some network file systems.
    pub fn set_lockless(&self, lockless: bool) {
        self.inner().lockless = lockless;
    }

    /// Bytes that are taken.
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        self.inner().disk.used_bytes()
    }

    /// The disk as it is found when the power comes back, had it gone now or when it was cut. What was
    /// synced is there. Of the rest, the seed says what is: 0 nothing, 1 all, 2 all but the end of
    /// the last write, and others each write whole, in part or not, whatever their order.
    #[must_use]
    pub fn after_cut(&self, seed: u64) -> Self {
        let inner = self.inner();
        let in_flight = inner.cut.as_ref().and_then(Option::as_ref);
        Self::of(inner.disk.after_cut(in_flight, seed))
    }

    /// Keeps every operation from now on.
    pub fn record(&self) {
        let mut inner = self.inner();
        inner.recording = Some(Recording::new(inner.disk.clone()));
    }

    /// What has been done since [`FaultyStorage::record`]; nothing where that was not called.
    #[must_use]
    pub fn recording(&self) -> Recording {
        let inner = self.inner();
        inner.recording.clone().unwrap_or_else(|| Recording::new(inner.disk.clone()))
    }

    /// The recorded operations in words, each with its number.
    #[must_use]
    pub fn trace(&self) -> Vec<String> {
        self.inner().recording.as_ref().map(Recording::trace).unwrap_or_default()
    }

    /// What has been done since the disk was made or the counts were reset.
    #[must_use]
    pub fn counts(&self) -> StorageCounts {
        self.inner().counts
    }

    /// Counts from nothing.
    pub fn reset_counts(&self) {
        let mut inner = self.inner();
        inner.counts = StorageCounts { open_files_max: inner.open_files, ..Default::default() };
        inner.opened.clear();
    }

    /// The files that were opened or made since the disk was made or the counts were reset, by the
    /// names that they had, in order.
    #[must_use]
    pub fn opened(&self) -> Vec<String> {
        self.inner().opened.clone()
    }

    /// A number that is the same for disks with the same names and contents, as programs see them.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.inner().disk.fingerprint()
    }

    /// The names of the files, folders before a `/`.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.inner().disk.names.keys().cloned().collect()
    }

    /// What a file holds; `None` where there is none.
    #[must_use]
    pub fn read(&self, name: &str) -> Option<Vec<u8>> {
        self.inner().disk.named(name).map(|(_, file)| (*file.current).clone())
    }

    /// Makes a file hold these bytes, durably and without an operation; it is made where absent.
    pub fn replace(&self, name: &str, bytes: impl Into<Vec<u8>>) {
        self.inner().disk.set_content(name, bytes.into());
    }

    /// Takes a file away, durably and without an operation.
    pub fn remove(&self, name: &str) {
        self.inner().disk.forget(name);
    }

    /// Cuts a file off, durably and without an operation; whether it was longer.
    pub fn truncate(&self, name: &str, len: usize) -> bool {
        self.edit(name, |bytes| {
            let longer = bytes.len() > len;
            bytes.truncate(len);
            longer
        })
    }

    /// Flips the bits of `mask` in one byte of a file, durably and without an operation; whether there
    /// is such a byte.
    pub fn flip(&self, name: &str, offset: usize, mask: u8) -> bool {
        self.edit(name, |bytes| bytes.get_mut(offset).map(|byte| *byte ^= mask).is_some())
    }

    fn edit(&self, name: &str, change: impl FnOnce(&mut Vec<u8>) -> bool) -> bool {
        let Some(mut bytes) = self.read(name) else { return false };
        let changed = change(&mut bytes);
        if changed {
            self.replace(name, bytes);
        }
        changed
    }

    /// Does an operation, or what the plan makes of it.
    fn perform(&self, operation: Operation) -> io::Result<()> {
        let mut inner = self.inner();
        inner.check_power()?;
        inner.check_writable()?;
        let has_room = inner.capacity_bytes.is_none_or(|capacity| {
            let growth = operation.growth(&inner.disk);
            growth == 0 || inner.disk.used_bytes() + growth <= capacity
        });
        let (fate, outcome) = match inner.plan.rule(inner.disk.operations, &operation, has_room) {
            Ruling::CutPower => {
                inner.cut = Some(Some(operation));
                return inner.check_power();
            }
            Ruling::Do(fate) => (fate, Ok(())),
            Ruling::Fail(fate, error) => (fate, Err(error)),
        };
        if outcome.is_ok() {
            inner.count(&operation);
        }
        inner.disk.apply(&operation, fate);
        if let Some(recording) = &mut inner.recording {
            recording.push(operation, fate);
        }
        outcome
    }
}

impl Inner {
    fn check_power(&self) -> io::Result<()> {
        match self.cut {
            Some(_) => Err(io::Error::other("the power is off")),
            None => Ok(()),
        }
    }

    fn check_writable(&self) -> io::Result<()> {
        match self.read_only {
            true => Err(io::ErrorKind::ReadOnlyFilesystem.into()),
            false => Ok(()),
        }
    }

    fn count(&mut self, operation: &Operation) {
        let counts = &mut self.counts;
        match operation {
            Operation::Write { file, offset, data, .. } => {
                counts.writes += 1;
                counts.bytes_written += data.len() as u64;
                if let Some(file) = self.disk.files.get_mut(file) {
                    counts.device_bytes_written += file.dirty(*offset, data.len()) * PAGE_BYTES;
                }
            }
            Operation::Sync { .. } => counts.syncs += 1,
            Operation::SetLen { .. } => counts.set_lens += 1,
            Operation::Create { .. } => counts.creates += 1,
            Operation::Rename { .. } => counts.renames += 1,
            Operation::Remove { .. } => counts.removes += 1,
            Operation::SyncFolder { .. } => counts.folder_syncs += 1,
        }
    }
}

impl Store {
    /// As [`Store::backup_to`], onto a disk that is under a test's control.
    ///
    /// # Errors
    ///
    /// As [`Store::backup_to`].
    pub fn backup_on(&self, disk: &FaultyStorage) -> Result<BackupReport> {
        let (snapshot, identity) = self.durable()?;
        let disk: Arc<dyn Directory> = Arc::new(disk.clone());
        backup::to_directory(&snapshot, identity, &disk, &mut Meter::silent())
    }
}

impl StoreBuilder {
    /// Opens the store on a disk that is under a test's control, made where absent.
    ///
    /// # Errors
    ///
    /// As [`Store::open`].
    pub fn open_on(self, disk: &FaultyStorage) -> Result<Store> {
        self.open_in(Arc::new(disk.clone()))
    }

    /// Opens the store on such a disk for reading.
    ///
    /// # Errors
    ///
    /// As [`Store::open_read_only`].
    pub fn open_read_only_on(self, disk: &FaultyStorage) -> Result<Store> {
        Ok(self.read_in(Arc::new(disk.clone()), None))
    }
}
