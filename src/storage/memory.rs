//! Files in memory: for tests and for stores that need not last.
//!
//! Owns: a directory as a map from names to bytes. Everything is durable at once, and gone with the
//! process.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use redb::StorageBackend;

use super::{Access, Directory, Entry, LockError, LockGuard, StorageFile};

/// A directory in memory. Clones are the same directory.
#[derive(Debug, Clone, Default)]
pub(crate) struct MemoryDirectory {
    files: Arc<Mutex<BTreeMap<String, Arc<MemoryFile>>>>,
    locked: Arc<Mutex<()>>,
    #[cfg(test)]
    unopenable: Arc<Mutex<Option<String>>>,
}

/// A file in memory.
#[derive(Debug, Default)]
pub(crate) struct MemoryFile {
    bytes: RwLock<Vec<u8>>,
}

/// A shared file, as the trait wants it.
#[derive(Debug)]
struct Handle(Arc<MemoryFile>);

impl MemoryDirectory {
    fn files(&self) -> MutexGuard<'_, BTreeMap<String, Arc<MemoryFile>>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the next opening of a file of this name fail, once, as where too many files are open.
    #[cfg(test)]
    pub(crate) fn fail_open(&self, name: &str) {
        *self.unopenable.lock().unwrap() = Some(name.to_owned());
    }
}

impl Directory for MemoryDirectory {
    fn create(&self, name: &str) -> io::Result<StorageFile> {
        let file = Arc::new(MemoryFile::default());
        self.files().insert(name.to_owned(), file.clone());
        Ok(Arc::new(Handle(file)))
    }

    fn open(&self, name: &str, _access: Access) -> io::Result<StorageFile> {
        #[cfg(test)]
        if self.unopenable.lock().unwrap().take_if(|unopenable| unopenable == name).is_some() {
            return Err(rustix::io::Errno::MFILE.into());
        }
        let files = self.files();
        let file = files.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(Handle(file.clone())))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut files = self.files();
        let file = files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        files.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.files().remove(name).map(|_| ()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn list(&self, folder: &str) -> io::Result<Vec<Entry>> {
        let files = self.files();
        let inside = files.iter().filter_map(|(name, file)| {
            let (parent, name) = name.rsplit_once('/').unwrap_or(("", name));
            (parent == folder).then(|| Entry { name: name.to_owned(), len: file.len(), stamp: 0 })
        });
        Ok(inside.collect())
    }

    fn file_id(&self, name: &str) -> io::Result<u64> {
        let files = self.files();
        let file = files.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::as_ptr(file).addr() as u64)
    }

    fn sync(&self, _folder: &str) -> io::Result<()> {
        Ok(())
    }

    fn free_bytes(&self) -> io::Result<Option<u64>> {
        Ok(None)
    }

    fn lock(&self) -> Result<LockGuard, LockError> {
        // Nothing outside this handle can name the directory, so nobody else can want it.
        Ok(Box::new(self.locked.clone()))
    }

    fn has_range_locks(&self) -> bool {
        false
    }
}

impl MemoryFile {
    fn len(&self) -> u64 {
        self.bytes.read().unwrap_or_else(PoisonError::into_inner).len() as u64
    }
}

impl StorageBackend for Handle {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let bytes = self.0.bytes.read().unwrap_or_else(PoisonError::into_inner);
        let start = usize::try_from(offset).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        let source = start.checked_add(out.len()).and_then(|end| bytes.get(start..end));
        out.copy_from_slice(source.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let len = usize::try_from(len).map_err(|_| io::ErrorKind::OutOfMemory)?;
        self.0.bytes.write().unwrap_or_else(PoisonError::into_inner).resize(len, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(|_| io::ErrorKind::OutOfMemory)?;
        let end = start.checked_add(data.len()).ok_or(io::ErrorKind::OutOfMemory)?;
        let mut bytes = self.0.bytes.write().unwrap_or_else(PoisonError::into_inner);
        if bytes.len() < end {
            bytes.resize(end, 0);
        }
        bytes[start..end].copy_from_slice(data);
        Ok(())
    }
}
