//! The file system as the store needs it.
//!
//! Owns: [`Directory`], the one seam between the store and where its bytes rest, and its kinds: [`real`]
//! files, files in [`memory`], an [`overlay`] that keeps writes to itself, and the databases of the
//! [`engine`] in it. A single file is redb's
//! own `StorageBackend`, so that day files, the log and the catalog go through the same six methods.
//! Does not own any format.
//!
//! Invariant: names are relative to the store's directory, with `/` between folders; a file that
//! must be whole or absent begins as a [`Draft`].

pub(crate) mod engine;
pub(crate) mod memory;
pub(crate) mod overlay;
pub(crate) mod real;
mod shared;

use std::any::Any;
use std::collections::hash_map::RandomState;
use std::fmt::Debug;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::sync::Arc;

use redb::StorageBackend;

use crate::codec::bytes::checksum;
use crate::error::{Error, Result};

/// One open file.
pub(crate) type StorageFile = Arc<dyn StorageBackend>;

/// A file in a folder: its name without the folder, its length, and which file it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) len: u64,
    /// Differs between files that had the name one after the other, as far as the system can tell.
    pub(crate) stamp: u64,
}

/// What a file is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// What keeps a second writer out, until it is dropped.
pub(crate) type LockGuard = Box<dyn Any + Send + Sync>;

/// Why the store's lock was not had.
#[derive(Debug)]
pub(crate) enum LockError {
    /// Somebody has it, who wrote this of himself.
    Held(String),
    /// The file system has no locks.
    Unsupported,
    /// The store was last written in a newer format, of this version.
    Newer(u32),
    Io(io::Error),
}

/// A directory with files in it.
pub(crate) trait Directory: Debug + Send + Sync {
    /// Makes a file, empty, in place of any of that name.
    fn create(&self, name: &str) -> io::Result<StorageFile>;
    /// Opens a file that exists.
    fn open(&self, name: &str, access: Access) -> io::Result<StorageFile>;
    /// Moves a file onto a name, in place of any that had it.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Takes a file out of its folder; those who have it open keep it.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// The files of a folder, in no order.
    fn list(&self, folder: &str) -> io::Result<Vec<Entry>>;
    /// A number that differs once files came to a folder or left it, as far as the system can tell: two
    /// changes within a tick of its clock may look like one. Costs as much as [`list`](Self::list), or less.
    fn folder_stamp(&self, folder: &str) -> io::Result<u64> {
        let mut entries = self.list(folder)?;
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(checksum(format!("{entries:?}").as_bytes()))
    }
    /// A number that no other file has at the time, whatever is written to this one.
    fn file_id(&self, name: &str) -> io::Result<u64>;
    /// Makes the names in a folder durable.
    fn sync(&self, folder: &str) -> io::Result<()>;
    /// Bytes that a program may still write; `None` where nothing says.
    fn free_bytes(&self) -> io::Result<Option<u64>>;
    /// Keeps every other writer out.
    fn lock(&self) -> Result<LockGuard, LockError>;
    /// Whether locks on parts of a file work between processes.
    fn has_range_locks(&self) -> bool;
    /// A number at random, to tell a store by.
    fn draw(&self) -> u128 {
        // The one source of randomness that the standard library has.
        let half = || u128::from(RandomState::new().build_hasher().finish());
        half() << 64 | half()
    }
}

/// Whether a file has this name; what keeps that from being seen is an error.
pub(crate) fn is_there(directory: &dyn Directory, name: &str) -> Result<bool> {
    match directory.open(name, Access::Read) {
        Ok(_) => Ok(true),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound => Ok(false),
            io::ErrorKind::IsADirectory => Ok(true),
            _ => Err(Error::io(format!("opening {name}"), error)),
        },
    }
}

/// What is said after the name of a damaged file that nothing reads any more.
pub(crate) const DAMAGED: &str = "damaged";

/// How many files of one name can be set aside.
const ASIDE_MAX: u32 = 1_000;

/// The name of a file that is set aside: the `number`th, from 1.
pub(crate) fn aside(name: &str, word: &str, number: u32) -> String {
    match number {
        0 | 1 => format!("{name}.{word}"),
        _ => format!("{name}.{word}-{number}"),
    }
}

/// Renames files, those that are there, to `.word`, or `.word-2` and so on: all with the first
/// number that none of them has yet. Nothing that was set aside before is lost.
pub(crate) fn set_aside(directory: &dyn Directory, names: &[&str], word: &str) -> Result<()> {
    for number in 1..=ASIDE_MAX {
        let taken = |name: &&str| is_there(directory, &aside(name, word, number));
        if names.iter().map(taken).collect::<Result<Vec<_>>>()?.contains(&true) {
            continue;
        }
        for name in names {
            match directory.rename(name, &aside(name, word, number)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(Error::io(format!("setting {name} aside"), error));
                }
                _ => {}
            }
        }
        return Ok(());
    }
    Err(Error::corrupt(format!("{ASIDE_MAX} damaged files were set aside; move them away")))
}

/// The folder of a name.
fn folder_of(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The name under which a file is made before it has its own.
pub(crate) fn temporary(name: &str) -> String {
    format!("{name}.tmp")
}

/// Removes files of these folders that never got their names.
pub(crate) fn remove_temporary(directory: &dyn Directory, folders: &[&str]) -> Result<()> {
    for folder in folders {
        let entries = directory.list(folder);
        for entry in entries.map_err(|error| Error::io("listing the store", error))? {
            if entry.name.ends_with(&temporary("")) {
                let name = match *folder {
                    "" => entry.name,
                    _ => format!("{folder}/{}", entry.name),
                };
                let removed = directory.remove(&name);
                removed.map_err(|error| Error::io(format!("removing {name}"), error))?;
            }
        }
    }
    Ok(())
}

/// A file that has its name only once it is [put in place](Self::place): whole or absent after a
/// power cut.
#[derive(Debug)]
pub(crate) struct Draft {
    directory: Arc<dyn Directory>,
    name: String,
    file: StorageFile,
    /// Whether another file has the name until then.
    replaces: bool,
}

impl Draft {
    /// Makes the file, empty, under a temporary name.
    pub(crate) fn begin(directory: &Arc<dyn Directory>, name: &str) -> Result<Self> {
        let made = directory.create(&temporary(name));
        let file = made.map_err(|error| Error::io(format!("making {name}"), error))?;
        Ok(Self { directory: directory.clone(), name: name.to_owned(), file, replaces: false })
    }

    /// As [`begin`](Self::begin), in place of a file that has the name until then: one of the two has it
    /// at any time.
    pub(crate) fn begin_over(directory: &Arc<dyn Directory>, name: &str) -> Result<Self> {
        Ok(Self { replaces: true, ..Self::begin(directory, name)? })
    }

    /// The file, which stays open under its name.
    pub(crate) fn file(&self) -> &StorageFile {
        &self.file
    }

    /// Makes what was written durable, and then the name, which nothing had.
    pub(crate) fn place(self) -> Result<()> {
        let Self { directory, name, file, replaces } = self;
        let placed = || {
            file.sync_data()?;
            directory.rename(&temporary(&name), &name)?;
            directory.sync(folder_of(&name)).inspect_err(|_| {
                // It is not to be found by whoever tries again, unless it is all there is.
                if !replaces {
                    let _ = directory.remove(&name);
                }
            })
        };
        placed().map_err(|error| Error::io(format!("making {name}"), error))
    }
}

/// Copies everything in a file.
pub(crate) fn copy(from: &dyn StorageBackend, to: &dyn StorageBackend) -> io::Result<()> {
    let len = from.len()?;
    let mut offset = 0;
    while offset < len {
        let count = (len - offset).min(TRUSTED_BYTES_MAX as u64);
        to.write(offset, &read_at(from, offset, count as usize)?)?;
        offset += count;
    }
    Ok(())
}

/// Bytes that are asked for without a look at the file's length first.
const TRUSTED_BYTES_MAX: usize = 1024 * 1024;

/// Reads a stretch of a file that must be there.
pub(crate) fn read_at(file: &dyn StorageBackend, offset: u64, len: usize) -> io::Result<Vec<u8>> {
    // A length that was read from a damaged file must not be allocated for nothing.
    if len > TRUSTED_BYTES_MAX
        && offset
            .checked_add(len as u64)
            .is_none_or(|end| file.len().is_ok_and(|file_len| end > file_len))
    {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
    }
    let mut bytes = vec![0; len];
    file.read(offset, &mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::memory::MemoryDirectory;
    use super::*;

    const LONG: usize = TRUSTED_BYTES_MAX + 1;

    fn file_of(bytes: &[u8]) -> StorageFile {
        let file = MemoryDirectory::default().create("file").unwrap();
        file.write(0, bytes).unwrap();
        file
    }

    #[test]
    fn a_long_stretch_is_read_where_it_is_there_and_refused_where_it_is_not() {
        let file = file_of(&[7; LONG]);
        let read = |offset, len| read_at(&*file, offset, len).map_err(|error| error.kind());
        assert_eq!(read(0, LONG), Ok(vec![7; LONG]));
        assert_eq!(read(1, LONG - 1), Ok(vec![7; LONG - 1]));
        // Were memory for them asked for first, there would be none.
        for (offset, len) in [(1, LONG), (0, usize::MAX), (u64::MAX, LONG)] {
            assert_eq!(read(offset, len), Err(io::ErrorKind::UnexpectedEof));
        }
    }

    #[test]
    fn a_long_file_is_copied_to_its_end() {
        let bytes: Vec<u8> = (0..2 * LONG).map(|place| (place % 251) as u8).collect();
        let copied = file_of(&[]);
        copy(&*file_of(&bytes), &*copied).unwrap();
        assert_eq!(copied.len().unwrap(), bytes.len() as u64);
        assert!(read_at(&*copied, 0, bytes.len()).unwrap() == bytes);
    }
}
