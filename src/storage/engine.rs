//! redb databases within a store's directory.
//!
//! Owns: how a database is made, opened, checked and read beside a writer, and what redb's errors mean
//! to a caller. Does not own any table.
//!
//! Invariants: a database is checked, every page of it, before its first value is read, since redb
//! trusts the pages of a file that was closed cleanly; a damaged file is an error and never a panic;
//! a reader changes no byte of the file. After a failed sync a program may go on seeing pages that the
//! disk has lost: what cannot be derived is opened on a copy, whose every page is synced.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use redb::{Builder, ConcurrencyMode, Database, ReadOnlyDatabase, ReadableDatabase};

use super::overlay::Overlay;
use super::shared::{Fate, Shared};
use super::{Access, Directory, Draft, StorageFile, copy, temporary};
use crate::codec::bytes::checksum;
use crate::error::{Error, ErrorKind, Result};
use crate::limits::REDB_CACHE_BYTES;

/// How often a reader looks again at a file that changed under its eyes.
const READ_ATTEMPTS: usize = 8;

/// Who may read while this process writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// Nobody else.
    Exclusive,
    /// Other processes, at the price of a second sync for each commit.
    Readers,
}

impl Sharing {
    fn mode(self) -> ConcurrencyMode {
        match self {
            Self::Exclusive => ConcurrencyMode::ExclusiveWriter,
            Self::Readers => ConcurrencyMode::SingleWriter,
        }
    }
}

fn builder(mode: ConcurrencyMode) -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(REDB_CACHE_BYTES).set_concurrency_mode(mode);
    builder
}

/// An open database, to be written.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) database: Database,
    file: Shared,
}

impl Engine {
    /// Makes a database that `fill` has written to, whole or absent after a power cut.
    pub(crate) fn create(
        directory: &Arc<dyn Directory>,
        name: &str,
        sharing: Sharing,
        fill: impl FnOnce(&Database) -> Result<()>,
    ) -> Result<Self> {
        let draft = Draft::begin(directory, name)?;
        let file = Shared::new(draft.file().clone(), Fate::Draft);
        let made = builder(sharing.mode()).create_with_backend(file.clone());
        let database = made.map_err(|error| engine_error("making a database", error))?;
        let engine = Self { database, file };
        let placed = fill(&engine.database).and_then(|()| draft.place());
        engine.placed(placed)
    }

    /// Opens a database, every page checked, recovered where its last close was not clean.
    pub(crate) fn open(directory: &dyn Directory, name: &str, sharing: Sharing) -> Result<Self> {
        let file = Shared::new(open_file(directory, name, Access::Write)?, Fate::Kept);
        let database = checked_open(file.clone(), sharing.mode())?;
        Ok(Self { database, file })
    }

    /// Opens a database as [`open`](Self::open) does, on a copy that takes its place: else what is
    /// built on pages that a failed sync has lost would be lost with the power. Where there is no room for
    /// a copy the file itself is opened: a full disk is to be pruned.
    pub(crate) fn open_copied(
        directory: &Arc<dyn Directory>,
        name: &str,
        sharing: Sharing,
    ) -> Result<Self> {
        let copied = Self::open_copy(directory, name, sharing);
        if copied.is_err() {
            // It may not be there, or cannot be removed: then it is when the store is opened.
            let _ = directory.remove(&temporary(name));
        }
        match copied {
            Err(error) if error.kind() == ErrorKind::DiskFull => {
                Self::open(&**directory, name, sharing)
            }
            outcome => outcome,
        }
    }

    fn open_copy(directory: &Arc<dyn Directory>, name: &str, sharing: Sharing) -> Result<Self> {
        let original = open_file(&**directory, name, Access::Read)?;
        let draft = Draft::begin_over(directory, name)?;
        let copied = copy(&*original, &**draft.file());
        copied.map_err(|error| Error::io(format!("copying {name}"), error))?;
        let file = Shared::new(draft.file().clone(), Fate::Draft);
        let database = checked_open(file.clone(), sharing.mode())?;
        Self { database, file }.placed(draft.place())
    }

    /// What becomes of a database whose draft was put in place, or was not.
    fn placed(self, placed: Result<()>) -> Result<Self> {
        self.file.set_fate(if placed.is_ok() { Fate::Kept } else { Fate::GivenUp });
        placed.map(|()| self)
    }

    /// Runs a transaction. Where it fails, `DiskFull` says that it surely has not happened: redb had not
    /// come to its header.
    pub(crate) fn commit(
        &self,
        doing: &str,
        transact: impl FnOnce(&Database) -> Result<(), redb::Error>,
    ) -> Result<()> {
        self.file.take_header_touched();
        transact(&self.database).map_err(|error| {
            let error = engine_error(doing, error);
            match error.kind() {
                ErrorKind::DiskFull if self.file.take_header_touched() => {
                    error.of_kind(ErrorKind::OutcomeUnknown)
                }
                _ => error,
            }
        })
    }

    /// Closes the file, which needs no recovery then.
    pub(crate) fn close(self) -> Result<()> {
        self.database.close().map_err(|error| engine_error("closing a database", error))
    }

    /// Lets go of a file that is about to be removed: nothing more is written to it.
    pub(crate) fn give_up(&self) {
        self.file.set_fate(Fate::GivenUp);
    }
}

/// Bytes of a database's header: both of its slots are in it, and a commit changes one.
const HEADER_BYTES: usize = 320;

/// What differs after each commit to a database, at the cost of opening it and one read; the same for
/// whatever is not there.
pub(crate) fn header_print(directory: &dyn Directory, name: &str) -> u64 {
    let mut header = [0; HEADER_BYTES];
    let read = directory.open(name, Access::Read).and_then(|file| file.read(0, &mut header));
    read.map_or(0, |()| checksum(&header))
}

/// Reads a database of a writer that may be another process.
pub(crate) fn read_beside<T>(
    directory: &dyn Directory,
    name: &str,
    read: impl Fn(&Database) -> Result<T>,
) -> Result<T> {
    let mut attempt = 1;
    loop {
        match read_once(directory, name, &read) {
            // What looks damaged may be a writer at work: damage stays.
            Err(error) if error.kind() == ErrorKind::Corrupt && attempt < READ_ATTEMPTS => {
                attempt += 1;
            }
            outcome => return outcome,
        }
    }
}

fn read_once<T>(
    directory: &dyn Directory,
    name: &str,
    read: impl Fn(&Database) -> Result<T>,
) -> Result<T> {
    let before = directory.file_id(name).ok();
    // While this snapshot lives, no page that it or a later commit needs is written over.
    let held = hold_snapshot(directory, name)?;
    let overlay = Overlay::new(open_file(directory, name, Access::Read)?)
        .map_err(|error| Error::io(format!("measuring {name}"), error))?;
    if directory.file_id(name).ok() != before {
        // The snapshot that is held is of a file that had the name before.
        return Err(Error::corrupt(format!("{name} was made anew while it was opened")));
    }
    let database = checked_open(overlay, ConcurrencyMode::ExclusiveWriter)?;
    let outcome = catch_unwind(AssertUnwindSafe(|| read(&database)));
    // Closing looks at pages that no reader needs, which a writer may have changed by now; each value
    // that was read has a checksum.
    let _ = catch_unwind(AssertUnwindSafe(move || drop(database)));
    drop(held);
    outcome.unwrap_or_else(|_| Err(damaged(name)))
}

type Held = Option<(ReadOnlyDatabase, redb::ReadTransaction)>;

/// Holds a snapshot where a writer is there; `None` where the file was left by one that is gone.
fn hold_snapshot(directory: &dyn Directory, name: &str) -> Result<Held> {
    if !directory.has_range_locks() {
        return Ok(None);
    }
    let file = open_file(directory, name, Access::Read)?;
    let held = catch_unwind(AssertUnwindSafe(|| {
        let database = builder(ConcurrencyMode::SingleWriter)
            .open_read_only_with_backend(Shared::new(file, Fate::Kept))
            .map_err(redb::Error::from)?;
        let snapshot = database.begin_read().map_err(redb::Error::from)?;
        Ok((database, snapshot))
    }));
    match held {
        Ok(Ok(held)) => Ok(Some(held)),
        // Without locks nothing tells of a writer; what he tears is found by the check of every page.
        Ok(Err(redb::Error::RepairAborted | redb::Error::Unsupported)) => Ok(None),
        Ok(Err(error)) => Err(engine_error(&format!("reading {name}"), error)),
        Err(_) => Err(damaged(name)),
    }
}

fn open_file(directory: &dyn Directory, name: &str, access: Access) -> Result<StorageFile> {
    let file = directory.open(name, access).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::not_found(format!("{name} is not there")),
        std::io::ErrorKind::IsADirectory => Error::corrupt(format!("{name} is a directory")),
        _ => Error::io(format!("opening {name}"), error),
    })?;
    let len = file.len().map_err(|error| Error::io(format!("measuring {name}"), error))?;
    // redb takes an empty file for one that it is to make.
    if len == 0 { Err(Error::corrupt(format!("{name} is empty"))) } else { Ok(file) }
}

fn checked_open(file: impl redb::StorageBackend, mode: ConcurrencyMode) -> Result<Database> {
    let opened = catch_unwind(AssertUnwindSafe(|| {
        builder(mode).set_check_integrity_on_open(true).create_with_backend(file)
    }));
    match opened {
        Ok(Ok(database)) => Ok(database),
        Ok(Err(error)) => Err(engine_error("opening a database", error)),
        Err(_) => Err(damaged("a database")),
    }
}

fn damaged(name: &str) -> Error {
    Error::corrupt(format!("{name} is damaged beyond what redb can read"))
}

/// What an error of redb's means to a caller.
pub(crate) fn engine_error(doing: &str, error: impl Into<redb::Error>) -> Error {
    match error.into() {
        redb::Error::Io(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Error::corrupt(format!("{doing}: the file is cut short"))
        }
        redb::Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            Error::corrupt(doing).caused_by(error)
        }
        redb::Error::Io(error) => Error::io(doing, error),
        error @ redb::Error::DatabaseAlreadyOpen => Error::new(
            ErrorKind::Locked,
            format!("{doing}: a writer has the file to itself, its shared readers are off"),
        )
        .caused_by(error),
        error @ redb::Error::Unsupported => {
            Error::new(ErrorKind::Io, format!("{doing}: the file system has no locks"))
                .caused_by(error)
        }
        redb::Error::PreviousIo => {
            Error::new(ErrorKind::Poisoned, format!("{doing}: an earlier write failed"))
        }
        error => Error::corrupt(doing).caused_by(error),
    }
}
