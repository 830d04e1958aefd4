//! How a store is opened.
//!
//! Owns: [`StoreBuilder`]: settings, components, and where the store rests. Does not own what the settings
//! mean (`settings`).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::clock::{Clock, SystemClock};
use crate::day::file::FORMAT_VERSION;
use crate::day::live::DayContext;
use crate::day::{FOLDER, FOLDERS, cache::Cache};
use crate::error::{Error, ErrorKind, Result};
use crate::settings::{Durability, Retention, Settings};
use crate::snapshot::Shelf;
use crate::storage::engine::Sharing;
use crate::storage::memory::MemoryDirectory;
use crate::storage::real::RealDirectory;
use crate::storage::{Directory, LockError, LockGuard};
use crate::store::Store;
use crate::writer::Writer;

/// Settings for a store that is to be opened.
///
/// ```
/// use std::time::Duration;
/// use diurnal::{Durability, Retention, Store};
///
/// let store = Store::builder()
///     .durability(Durability::Buffered { max_delay: Duration::from_secs(1), max_events: 1_000 })
///     .retention(Retention::KEEP_ALL.max_age_days(365))
///     .in_memory()?;
/// # Ok::<(), diurnal::Error>(())
/// ```
#[must_use]
#[derive(Default)]
pub struct StoreBuilder {
    settings: Settings,
    clock: Option<Box<dyn Clock>>,
}

impl StoreBuilder {
    /// When a logged event is safe; [`Durability::Sync`] by default.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.settings.durability = durability;
        self
    }

    /// Where the time comes from; [`SystemClock`] by default.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Some(Box::new(clock));
        self
    }

    /// Bytes of the cache of decoded lists, columns and postings; 16 MiB by default.
    pub fn cache_bytes(mut self, bytes: usize) -> Self {
        self.settings.cache_bytes = bytes;
        self
    }

    /// Rows of a block, 16 to 65,536; 4,096 by default. Larger blocks are smaller on disk and slower to
    /// pick single events from.
    pub fn block_rows(mut self, rows: usize) -> Self {
        self.settings.block_rows = rows;
        self
    }

    /// Whether other processes may read while this one writes; they may by default. It costs a
    /// second sync for each commit, which group commit shares among the threads that log. Switched
    /// off, other processes are refused what is being written until the store is closed.
    pub fn shared_readers(mut self, shared: bool) -> Self {
        self.settings.shared_readers = shared;
        self
    }

    /// What may be thrown away when a new day is begun and when the store is opened; nothing by
    /// default.
    pub fn retention(mut self, retention: Retention) -> Self {
        self.settings.retention = retention;
        self
    }

    /// Bytes of an event's data, at most; 64 KiB by default, 1 MiB at most.
    pub fn data_bytes_max(mut self, bytes: usize) -> Self {
        self.settings.data_bytes_max = bytes;
        self
    }

    /// Free space below which nothing is logged, so that a full disk can still be pruned; 16 MiB by
    /// default, 0 to log until the disk is full.
    pub fn free_bytes_min(mut self, bytes: u64) -> Self {
        self.settings.free_bytes_min = bytes;
        self
    }

    /// Whether to write on a file system without locks, where nothing keeps a second writer out; it is
    /// refused by default. Whoever allows it sees to it that one process at a time opens the store,
    /// for reading too. Where there are locks, they are used all the same.
    pub fn allow_no_locks(mut self, allowed: bool) -> Self {
        self.settings.allow_no_locks = allowed;
        self
    }

    /// Opens the store in this directory for writing, made where absent.
    ///
    /// # Errors
    ///
    /// As [`Store::open`]; `InvalidInput` where a setting is out of its range.
    pub fn open(self, path: impl AsRef<Path>) -> Result<Store> {
        self.settings.validate()?;
        let path = path.as_ref();
        let directory = RealDirectory::create(path, &FOLDERS);
        let directory = directory
            .map_err(|error| Error::io(format!("opening the store {}", path.display()), error))?;
        let writer = self.writer(Arc::new(directory)).map_err(|error| match error.kind() {
            ErrorKind::Locked => error.at(format_args!("the store {}", path.display())),
            _ => error,
        })?;
        Ok(Store::writing(writer, Some(path.to_owned())))
    }

    /// Opens the store in this directory for reading beside its writer.
    ///
    /// # Errors
    ///
    /// As [`Store::open_read_only`].
    pub fn open_read_only(self, path: impl AsRef<Path>) -> Result<Store> {
        self.settings.validate()?;
        let path = path.as_ref();
        if !path.join(FOLDER).is_dir() {
            return Err(Error::not_found(format!("there is no store at {}", path.display())));
        }
        let directory = RealDirectory::open(path);
        let directory = directory
            .map_err(|error| Error::io(format!("opening the store {}", path.display()), error))?;
        Ok(self.read_in(Arc::new(directory), Some(path.to_owned())))
    }

    /// Reads the store in a directory.
    pub(crate) fn read_in(self, directory: Arc<dyn Directory>, path: Option<PathBuf>) -> Store {
        Store::reading(Arc::new(Shelf::new(directory, self.settings.cache_bytes)), path)
    }

    /// A store in memory.
    ///
    /// # Errors
    ///
    /// `InvalidInput` where a setting is out of its range.
    pub fn in_memory(self) -> Result<Store> {
        self.open_in(Arc::new(MemoryDirectory::default()))
    }

    /// Opens the store in a directory that has no path.
    pub(crate) fn open_in(self, directory: Arc<dyn Directory>) -> Result<Store> {
        Ok(Store::writing(self.writer(directory)?, None))
    }

    fn writer(self, directory: Arc<dyn Directory>) -> Result<Arc<Writer>> {
        let settings = self.settings;
        settings.validate()?;
        let lock = match directory.lock() {
            Err(LockError::Unsupported) if settings.allow_no_locks => Ok(None),
            lock => lock.map(Some),
        };
        let lock = lock.map_err(|error| match error {
            LockError::Unsupported => Error::new(
                ErrorKind::Io,
                "the file system has no locks, and nothing would keep a second writer out; \
                 StoreBuilder::allow_no_locks opens the store all the same",
            ),
            LockError::Newer(format) => Error::version("the store", format, FORMAT_VERSION),
            LockError::Held(holder) if holder.is_empty() => {
                Error::new(ErrorKind::Locked, "another writer holds it")
            }
            LockError::Held(holder) => {
                Error::new(ErrorKind::Locked, format!("{holder} holds it for writing"))
            }
            LockError::Io(error) => Error::io("locking the store", error),
        })?;
        let has_locks = lock.is_some() && directory.has_range_locks();
        let sharing = match settings.shared_readers && has_locks {
            true => Sharing::Readers,
            false => Sharing::Exclusive,
        };
        let shelf = Arc::new(Shelf::new(directory.clone(), settings.cache_bytes));
        let cache: Arc<Cache> = shelf.cache.clone();
        let context = DayContext { directory, cache, sharing, block_rows: settings.block_rows };
        let clock = self.clock.unwrap_or_else(|| Box::new(SystemClock));
        let lock = lock.unwrap_or_else(|| Box::new(()) as LockGuard);
        Writer::open(settings, clock, shelf, context, lock)
    }
}

impl std::fmt::Debug for StoreBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreBuilder").field("settings", &self.settings).finish_non_exhaustive()
    }
}
