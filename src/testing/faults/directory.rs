//! The disk as the store sees it.
//!
//! Owns: a directory and files on a [`FaultyStorage`]. Does not own what the disk makes of an operation.

use std::io;
use std::ops::Bound;
use std::sync::{Arc, PoisonError};

use redb::{BackendError, StorageBackend};

use super::disk::{FileId, Operation, split};
use super::locks::Part;
use super::{FaultyStorage, Inner};
use crate::storage::{Access, Directory, Entry, LockError, LockGuard, StorageFile};

/// An open file.
#[derive(Debug)]
struct Handle {
    storage: FaultyStorage,
    name: Arc<str>,
    file: FileId,
    /// Tells it from other handles where locks are concerned.
    holder: u64,
    access: Access,
}

/// The lock on the store.
#[derive(Debug)]
struct Held(FaultyStorage);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.inner().held = false;
    }
}

impl FaultyStorage {
    /// Opens a file, which stays while it is open though its name goes.
    fn handle(&self, inner: &mut Inner, name: &str, file: FileId, access: Access) -> StorageFile {
        inner.last_holder += 1;
        let holder = inner.last_holder;
        if let Some(file) = inner.disk.files.get_mut(&file) {
            file.open += 1;
        }
        inner.opened.push(name.to_owned());
        inner.open_files += 1;
        inner.counts.open_files_max = inner.counts.open_files_max.max(inner.open_files);
        Arc::new(Handle { storage: self.clone(), name: name.into(), file, holder, access })
    }

    /// Does an operation on a name that must be there.
    fn perform_on(&self, name: &str, operation: Operation) -> io::Result<()> {
        let inner = self.inner();
        inner.check_power()?;
        inner.disk.named(name).ok_or(io::ErrorKind::NotFound)?;
        drop(inner);
        self.perform(operation)
    }
}

impl Directory for FaultyStorage {
    fn create(&self, name: &str) -> io::Result<StorageFile> {
        let file = self.inner().disk.next_file();
        self.perform(Operation::Create { name: name.to_owned(), file })?;
        Ok(self.handle(&mut self.inner(), name, file, Access::Write))
    }

    fn open(&self, name: &str, access: Access) -> io::Result<StorageFile> {
        let mut inner = self.inner();
        inner.check_power()?;
        let (file, _) = inner.disk.named(name).ok_or(io::ErrorKind::NotFound)?;
        if inner.unopenable.take_if(|unopenable| unopenable == name).is_some() {
            return Err(io::Error::other("input/output error, as planned"));
        }
        if access == Access::Write {
            inner.check_writable()?;
        }
        // Still under the lock: whoever removed the file in between would take it away for good.
        Ok(self.handle(&mut inner, name, file, access))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let (source, target) = (from.to_owned(), to.to_owned());
        self.perform_on(from, Operation::Rename { from: source, to: target })
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.perform_on(name, Operation::Remove { name: name.to_owned() })
    }

    fn list(&self, folder: &str) -> io::Result<Vec<Entry>> {
        let inner = self.inner();
        inner.check_power()?;
        let inside = inner.disk.names.iter().filter_map(|(name, id)| {
            let (parent, name) = split(name);
            let len = inner.disk.files.get(id)?.current.len() as u64;
            (parent == folder).then(|| Entry { name: name.to_owned(), len, stamp: *id })
        });
        Ok(inside.collect())
    }

    fn file_id(&self, name: &str) -> io::Result<u64> {
        let inner = self.inner();
        inner.check_power()?;
        inner.disk.named(name).map(|(file, _)| file).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync(&self, folder: &str) -> io::Result<()> {
        self.perform(Operation::SyncFolder { folder: folder.to_owned() })
    }

    fn free_bytes(&self) -> io::Result<Option<u64>> {
        let inner = self.inner();
        inner.check_power()?;
        let capacity = inner.capacity_bytes;
        Ok(capacity.map(|capacity| capacity.saturating_sub(inner.disk.used_bytes())))
    }

    fn lock(&self) -> Result<LockGuard, LockError> {
        let mut inner = self.inner();
        // On a real disk a lock is a file that is made.
        inner.check_power().and_then(|()| inner.check_writable()).map_err(LockError::Io)?;
        if inner.lockless {
            return Err(LockError::Unsupported);
        }
        match std::mem::replace(&mut inner.held, true) {
            true => Err(LockError::Held("another store of this test".to_owned())),
            false => Ok(Box::new(Held(self.clone()))),
        }
    }

    fn has_range_locks(&self) -> bool {
        true
    }

    fn draw(&self) -> u128 {
        self.inner().serial_number.into()
    }
}

impl Inner {
    fn check_locks(&self) -> Result<(), BackendError> {
        if self.lockless { Err(BackendError::Unsupported) } else { Ok(()) }
    }
}

impl Handle {
    fn part(&self, start: Bound<u64>, end: Bound<u64>) -> Part {
        Part::new(self.file, self.holder, start, end)
    }

    fn take(&self, start: Bound<u64>, end: Bound<u64>, shared: bool) -> Result<bool, BackendError> {
        let mut inner = self.storage.inner();
        inner.check_locks()?;
        Ok(inner.locks.take(self.part(start, end), shared))
    }

    fn wait_for(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
        shared: bool,
    ) -> Result<(), BackendError> {
        let mut inner = self.storage.inner();
        inner.check_locks()?;
        while !inner.locks.take(self.part(start, end), shared) {
            let waited = self.storage.shared.unlocked.wait(inner);
            inner = waited.unwrap_or_else(PoisonError::into_inner);
        }
        Ok(())
    }

    fn release_all(&self) {
        self.storage.inner().locks.release_all(self.holder);
        self.storage.shared.unlocked.notify_all();
    }

    /// The name of the file by now, for traces.
    fn name(&self) -> Arc<str> {
        let inner = self.storage.inner();
        let name = inner.disk.names.iter().find(|(_, file)| **file == self.file);
        name.map_or_else(|| self.name.clone(), |(name, _)| name.as_str().into())
    }

    fn write_operation(&self, operation: Operation) -> io::Result<()> {
        match self.access {
            Access::Write => self.storage.perform(operation),
            Access::Read => Err(io::ErrorKind::PermissionDenied.into()),
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.release_all();
        let mut inner = self.storage.inner();
        inner.open_files -= 1;
        if let Some(file) = inner.disk.files.get_mut(&self.file) {
            file.open -= 1;
        }
    }
}

impl StorageBackend for Handle {
    fn len(&self) -> io::Result<u64> {
        let inner = self.storage.inner();
        inner.check_power()?;
        let file = inner.disk.files.get(&self.file).ok_or(io::ErrorKind::NotFound)?;
        Ok(file.current.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let inner = self.storage.inner();
        inner.check_power()?;
        let file = inner.disk.files.get(&self.file).ok_or(io::ErrorKind::NotFound)?;
        let start = usize::try_from(offset).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        let source = start.checked_add(out.len()).and_then(|end| file.current.get(start..end));
        out.copy_from_slice(source.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let name = self.name();
        self.write_operation(Operation::SetLen { name, file: self.file, len })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.storage.perform(Operation::Sync { name: self.name(), file: self.file })
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let (name, data) = (self.name(), data.into());
        self.write_operation(Operation::Write { name, file: self.file, offset, data })
    }

    fn close(&self) -> io::Result<()> {
        self.release_all();
        Ok(())
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.take(start, end, false)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.take(start, end, true)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.wait_for(start, end, false)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.wait_for(start, end, true)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.storage.inner().check_locks()?;
        self.storage.inner().locks.release(self.part(start, end));
        self.storage.shared.unlocked.notify_all();
        Ok(())
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        let inner = self.storage.inner();
        inner.check_locks()?;
        Ok(inner.locks.conflict(self.part(start, end), false))
    }
}
