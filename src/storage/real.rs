//! Files of the operating system.
//!
//! Owns: how a store's directory is made, locked and synced on disk. Does not own what is in the
//! files.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::backends::FileBackend;

use crate::day::file::FORMAT_VERSION;

use super::{Access, Directory, Entry, LockError, LockGuard, StorageFile};

/// The file whose lock says that a writer is there, and whose text says who, and in which format he
/// writes: `process 4711`, and on the next line `format 1`.
const LOCK: &str = "LOCK";
/// The most that is read of the text in the lock file.
const HOLDER_BYTES_MAX: u64 = 256;

/// A directory on disk.
#[derive(Debug)]
pub(crate) struct RealDirectory {
    root: PathBuf,
}

impl RealDirectory {
    /// A directory that exists.
    pub(crate) fn open(root: &Path) -> io::Result<Self> {
        if !fs::metadata(root)?.is_dir() {
            return Err(io::Error::from(io::ErrorKind::NotADirectory));
        }
        Ok(Self { root: root.to_owned() })
    }

    /// A directory with these folders in it, made where absent, its name durable.
    pub(crate) fn create(root: &Path, folders: &[&str]) -> io::Result<Self> {
        for folder in folders {
            fs::create_dir_all(root.join(folder))?;
        }
        let directory = Self { root: root.to_owned() };
        directory.sync("")?;
        if let Some(parent) = root.parent() {
            let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
            sync_folder(parent)?;
        }
        Ok(directory)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }
}

impl Directory for RealDirectory {
    fn create(&self, name: &str) -> io::Result<StorageFile> {
        let path = self.path(name);
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)?;
        backend(file)
    }

    fn open(&self, name: &str, access: Access) -> io::Result<StorageFile> {
        let file =
            OpenOptions::new().read(true).write(access == Access::Write).open(self.path(name))?;
        if file.metadata()?.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        backend(file)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path(from), self.path(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path(name))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(self.path(folder))? {
            let entry = entry?;
            // A file may be dropped between the listing and the look at it.
            let metadata = match entry.metadata() {
                Ok(metadata) => metadata,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            if let Ok(name) = entry.file_name().into_string() {
                entries.push(Entry { name, len: metadata.len(), stamp: stamp_of(&metadata) });
            }
        }
        Ok(entries)
    }

    #[cfg(unix)]
    fn folder_stamp(&self, folder: &str) -> io::Result<u64> {
        fs::metadata(self.path(folder)).map(|metadata| stamp_of(&metadata))
    }

    #[cfg(unix)]
    fn file_id(&self, name: &str) -> io::Result<u64> {
        use std::os::unix::fs::MetadataExt;
        Ok(fs::metadata(self.path(name))?.ino())
    }

    #[cfg(not(unix))]
    fn file_id(&self, name: &str) -> io::Result<u64> {
        fs::metadata(self.path(name)).map(|_| 0)
    }

    fn sync(&self, folder: &str) -> io::Result<()> {
        sync_folder(&self.path(folder))
    }

    #[cfg(unix)]
    fn free_bytes(&self) -> io::Result<Option<u64>> {
        let stat = rustix::fs::statvfs(&self.root)?;
        Ok(Some(stat.f_bavail.saturating_mul(stat.f_frsize)))
    }

    #[cfg(not(unix))]
    fn free_bytes(&self) -> io::Result<Option<u64>> {
        Ok(None)
    }

    fn lock(&self) -> Result<LockGuard, LockError> {
        let path = self.path(LOCK);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(LockError::Io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let text = text_of(&mut file);
                return Err(LockError::Held(text.lines().next().unwrap_or_default().to_owned()));
            }
            Err(TryLockError::Error(error)) if has_no_locks(&error) => {
                return Err(LockError::Unsupported);
            }
            Err(TryLockError::Error(error)) => return Err(LockError::Io(error)),
        }
        let format =
            text_of(&mut file).lines().find_map(|line| line.strip_prefix("format ")?.parse().ok());
        if let Some(newer) = format.filter(|format| *format > FORMAT_VERSION) {
            return Err(LockError::Newer(newer));
        }
        let name = format!("process {}\nformat {FORMAT_VERSION}\n", std::process::id());
        file.set_len(0).map_err(LockError::Io)?;
        file.rewind().map_err(LockError::Io)?;
        file.write_all(name.as_bytes()).map_err(LockError::Io)?;
        Ok(Box::new(Held(file)))
    }

    fn has_range_locks(&self) -> bool {
        cfg!(any(target_os = "linux", target_vendor = "apple", windows))
    }
}

/// What a lock file says; where it cannot be read, the lock is what it is all the same.
fn text_of(file: &mut File) -> String {
    let mut text = Vec::new();
    let _ = file.take(HOLDER_BYTES_MAX).read_to_end(&mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// Whether this is what a file system without locks answers.
fn has_no_locks(error: &io::Error) -> bool {
    let code = rustix::io::Errno::NOLCK.raw_os_error();
    error.kind() == io::ErrorKind::Unsupported || error.raw_os_error() == Some(code)
}

/// The lock on a store. It is given back by name: a process that is being started may hold a copy of
/// the descriptor for a moment, and closing ours would leave the lock with that.
struct Held(File);

impl Drop for Held {
    fn drop(&mut self) {
        // Closing the file is what is left where this fails.
        let _ = self.0.unlock();
    }
}

fn backend(file: File) -> io::Result<StorageFile> {
    let backend = FileBackend::new(file).map_err(io::Error::other)?;
    Ok(Arc::new(backend))
}

/// The file's number and when it was last changed, folded into one.
#[cfg(unix)]
fn stamp_of(metadata: &fs::Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let changed = metadata.mtime().wrapping_mul(1_000_000_000).wrapping_add(metadata.mtime_nsec());
    changed.cast_unsigned() ^ metadata.ino().rotate_left(32)
}

#[cfg(not(unix))]
fn stamp_of(_metadata: &fs::Metadata) -> u64 {
    0
}

#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_without_locks_is_told_from_one_that_fails() {
        let code = |errno: rustix::io::Errno| io::Error::from_raw_os_error(errno.raw_os_error());
        assert!(has_no_locks(&code(rustix::io::Errno::NOLCK)));
        assert!(has_no_locks(&io::ErrorKind::Unsupported.into()));
        assert!(!has_no_locks(&code(rustix::io::Errno::IO)));
    }
}
