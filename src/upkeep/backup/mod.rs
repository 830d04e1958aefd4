//! A store copied while it is in use.
//!
//! Owns: [`BackupReport`], which directory may be written to, and how a day is copied. Its child owns what
//! tells stores apart (`identity`). Does not own the snapshot that is copied.
//!
//! A backup is a store whose days are all sealed. A sealed day's file is copied byte for byte, once
//! each of its sections has been checked; it is there already where length, footer checksum and trailer
//! are the same. A day that is being written is written as its snapshot's blocks and a footer.
//!
//! Invariants: a file of a backup is whole or absent; nothing is removed from it but a catalog, which is
//! derived and may be behind; what cannot be read of the store leaves what the backup has of that day;
//! memory is bounded by a block, or a stretch of [`CHUNK_BYTES`].

pub(crate) mod identity;

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::catalog;
use crate::codec::columns::Head;
use crate::day::contents::{BlockEntry, Contents, PageEntry, Source};
use crate::day::file::{Appender, FORMAT_VERSION, MARK_BYTES, SectionKind};
use crate::day::part::{Part, State};
use crate::day::view::DayView;
use crate::day::{FOLDER, FOLDERS, FileKind, fold, live};
use crate::error::{Error, ErrorKind, Result};
use crate::index::postings::OpenPage;
use crate::snapshot::Snapshot;
use crate::storage::real::RealDirectory;
use crate::storage::{Access, Directory, Draft, LockError, read_at, remove_temporary, temporary};
use crate::time::Day;
use crate::upkeep::check::{self, Problem};
use crate::upkeep::progress::Meter;
use identity::Identity;

/// Bytes of a file that are copied at a time.
const CHUNK_BYTES: u64 = 1024 * 1024;

/// What a backup did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BackupReport {
    /// Days that were copied, in order: those that the backup did not have as they are.
    pub copied: Vec<Day>,
    /// Bytes of their files in the backup.
    pub bytes_copied: u64,
    /// Days that the backup had already.
    pub kept: Vec<Day>,
    /// Days that could not be read, and why; of those the backup has what it had before.
    pub problems: Vec<Problem>,
}

/// Why a day was not copied.
enum Trouble {
    /// It cannot be read; others can be.
    Day(Error),
    /// It cannot be written, and neither can others.
    Backup(Error),
}

type Copied<T> = std::result::Result<T, Trouble>;

/// Copies the days of a snapshot into a directory, made where absent.
pub(crate) fn to_path(
    snapshot: &Snapshot,
    of: Identity,
    path: &Path,
    meter: &mut Meter<'_>,
) -> Result<BackupReport> {
    let io = |error| Error::io(format!("opening the backup {}", path.display()), error);
    if path.exists() {
        // Before anything is made in it.
        check_target(&RealDirectory::open(path).map_err(io)?, of)?;
    }
    let target = RealDirectory::create(path, &FOLDERS).map_err(io)?;
    to_directory(snapshot, of, &(Arc::new(target) as Arc<dyn Directory>), meter)
}

/// Copies the days of a snapshot into a directory that is empty or a backup of the same store.
pub(crate) fn to_directory(
    snapshot: &Snapshot,
    of: Identity,
    target: &Arc<dyn Directory>,
    meter: &mut Meter<'_>,
) -> Result<BackupReport> {
    let is_backup = check_target(&**target, of)?;
    let _lock = target.lock().map_err(|error| match error {
        LockError::Held(holder) => {
            Error::new(ErrorKind::Locked, format!("the backup is open for writing: {holder}"))
        }
        LockError::Unsupported => {
            Error::new(ErrorKind::Io, "the backup's file system has no locks to keep a writer out")
        }
        LockError::Newer(format) => Error::version("the backup", format, FORMAT_VERSION),
        LockError::Io(error) => Error::io("locking the backup", error),
    })?;
    remove_temporary(&**target, &FOLDERS)?;
    if !is_backup {
        identity::mark_backup(target, of)?;
    }
    remove_catalog(&**target)?;
    let mut report = BackupReport::default();
    let copied = copy_days(snapshot, target, &mut report, meter);
    if copied.is_err() {
        // What was begun takes room; the next run removes it else.
        let _ = remove_temporary(&**target, &FOLDERS);
    }
    copied.map(|()| report)
}

/// That a directory may be written to; whether it is a backup of the store already.
fn check_target(target: &dyn Directory, of: Identity) -> Result<bool> {
    match identity::of_backup(target)? {
        Some(identity) if identity == of => return Ok(true),
        Some(_) => {
            return Err(Error::new(ErrorKind::InvalidInput, "it is a backup of another store"));
        }
        None => {}
    }
    // What a first run leaves that was interrupted before it made the directory a backup.
    let is_nothing =
        |name: &str| name == "LOCK" || name == FOLDER || name.ends_with(&temporary(""));
    for folder in FOLDERS {
        let entries = match target.list(folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            entries => entries.map_err(|error| Error::io("listing the backup", error))?,
        };
        if let Some(other) = entries.iter().find(|entry| !is_nothing(&entry.name)) {
            let message = format!(
                "a backup goes to a directory that is empty or a backup of the same store, and this \
                 one holds {}",
                other.name
            );
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
    }
    Ok(false)
}

/// The catalog of whoever has opened the backup: it is made again, and must not be believed of a file
/// that happens to be as long as the one before.
fn remove_catalog(target: &dyn Directory) -> Result<()> {
    let removed = match target.remove(catalog::NAME) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        removed => removed.and_then(|()| target.sync("")),
    };
    removed.map_err(|error| Error::io("removing the backup's catalog", error))
}

fn copy_days(
    snapshot: &Snapshot,
    target: &Arc<dyn Directory>,
    report: &mut BackupReport,
    meter: &mut Meter<'_>,
) -> Result<()> {
    meter.expect(snapshot.all_events());
    for day in snapshot.days() {
        meter.begin_day(snapshot.events(day));
        match copy_day(snapshot, day, target, meter) {
            Ok(Some(0)) => report.kept.push(day),
            Ok(Some(bytes)) => {
                report.copied.push(day);
                report.bytes_copied += bytes;
            }
            // Dropped meanwhile, or without an event yet.
            Ok(None) => {}
            Err(Trouble::Day(error)) => {
                report.problems.push(check::problem_of(day, "the day's files", &error));
                remove_temporary(&**target, &FOLDERS)?;
            }
            Err(Trouble::Backup(error)) => return Err(error.at("the backup").on_day(day)),
        }
        meter.end_day();
    }
    Ok(())
}

/// Copies a day; how many bytes, 0 where it was there already.
fn copy_day(
    snapshot: &Snapshot,
    day: Day,
    target: &Arc<dyn Directory>,
    meter: &mut Meter<'_>,
) -> Copied<Option<u64>> {
    let Some(view) = snapshot.held_view(day).map_err(Trouble::Day)? else { return Ok(None) };
    let sealed_len = view.file.as_ref().and_then(|file| file.sealed_len());
    match sealed_len {
        Some(file_len) if is_there(&view, file_len, &**target)? => Ok(Some(0)),
        Some(file_len) => copy_sealed(&view, file_len, target, meter).map(|()| Some(file_len)),
        None if view.parts.is_empty() => Ok(None),
        None => write_sealed(&view, target, meter).map(Some),
    }
}

/// Whether the backup has a file of this length with the same end.
fn is_there(view: &DayView, file_len: u64, target: &dyn Directory) -> Copied<bool> {
    let offset = file_len - MARK_BYTES as u64;
    let mark = view.read(offset, MARK_BYTES).map_err(Trouble::Day)?;
    let Ok(file) = target.open(&FileKind::Columns.name(view.day), Access::Read) else {
        return Ok(false);
    };
    let same_len = file.len().is_ok_and(|len| len == file_len);
    Ok(same_len && read_at(&*file, offset, MARK_BYTES).is_ok_and(|found| found == mark))
}

/// Copies the file of a sealed day, once every section of it is seen to be sound.
fn copy_sealed(
    view: &DayView,
    file_len: u64,
    target: &Arc<dyn Directory>,
    meter: &mut Meter<'_>,
) -> Copied<()> {
    let listed = view.parts.iter().filter_map(|part| part.end_in_file()).max();
    // Read twice: to be checked, and to be copied.
    let both = 2 * file_len;
    check::check_sections(view, listed.unwrap_or(0), true, |checked| {
        meter.within_day(checked, both)
    })
    .map_err(Trouble::Day)?;
    let draft = begin(view.day, target)?;
    let mut offset = 0;
    while offset < file_len {
        let len = CHUNK_BYTES.min(file_len - offset);
        let bytes = view.read(offset, len as usize).map_err(Trouble::Day)?;
        let written = draft.file().write(offset, &bytes);
        written.map_err(|error| Trouble::Backup(Error::io("writing a day", error)))?;
        offset += len;
        meter.within_day(file_len + offset, both);
    }
    draft.place().map_err(Trouble::Backup)
}

fn begin(day: Day, target: &Arc<dyn Directory>) -> Copied<Draft> {
    Draft::begin_over(target, &FileKind::Columns.name(day)).map_err(Trouble::Backup)
}

/// Writes a day that is being written as one that is sealed; the length of its file.
fn write_sealed(
    source: &DayView,
    target: &Arc<dyn Directory>,
    meter: &mut Meter<'_>,
) -> Copied<u64> {
    let mut appender =
        Appender::begin(begin(source.day, target)?, source.day).map_err(Trouble::Backup)?;
    let view = DayView::new(source.day, None, Vec::new(), source.cache.clone());
    let mut parts: Vec<Arc<Part>> = Vec::new();
    for part in meter.parts(source) {
        if part.is_unmerged() {
            live::make_room(&mut appender, &mut parts, part.rows as usize, &view)
        } else {
            live::merge_unmerged(&mut appender, &mut parts, &view)
        }
        .map_err(trouble)?;
        parts.push(Arc::new(copy_part(source, part, &mut appender)?));
    }
    live::merge_unmerged(&mut appender, &mut parts, &view).map_err(trouble)?;
    let listed: Vec<&Part> = parts.iter().map(|part| &**part).collect();
    appender.seal(listed.into_iter(), source.end()).map_err(Trouble::Backup)?;
    appender.sync().map_err(Trouble::Backup)
}

/// Merging reads postings of the store, and writes.
fn trouble(error: Error) -> Trouble {
    match error.kind() {
        ErrorKind::Corrupt | ErrorKind::Version => Trouble::Day(error),
        _ => Trouble::Backup(error),
    }
}

/// Appends what a part holds, its pages only where they are in a file.
fn copy_part(source: &DayView, part: &Part, appender: &mut Appender) -> Copied<Part> {
    let contents = source.contents(part).map_err(Trouble::Day)?;
    let mut blocks = Vec::with_capacity(contents.blocks.len());
    for block in &contents.blocks {
        let bytes = bytes_of(source, &block.source)?;
        let sound = Head::decode(&bytes).and_then(|head| head.verify(&bytes));
        sound.map_err(|error| {
            let place = format_args!("block at ordinal {}", block.first);
            Trouble::Day(error.at(place).on_day(source.day))
        })?;
        let source = append(appender, SectionKind::Block, block.first, block.rows, &bytes)?;
        blocks.push(BlockEntry { source, ..*block });
    }
    let mut pages = Vec::with_capacity(contents.pages.len());
    for page in &contents.pages {
        let source = match &page.source {
            Source::Memory(held) => Source::Memory(held.clone()),
            in_file => {
                let bytes = bytes_of(source, in_file)?;
                let sound = OpenPage::open(bytes.clone());
                sound.map_err(|error| Trouble::Day(error.on_day(source.day)))?;
                append(appender, SectionKind::Page, part.first, part.rows, &bytes)?
            }
        };
        pages.push(PageEntry { first_term: page.first_term.clone(), source });
    }
    let contents = Contents { blocks: blocks.into(), pages: pages.into() };
    match part.state {
        State::Lost => Ok(part.clone()),
        State::Unmerged(_) => Ok(Part::unmerged(part.first, contents)),
        State::Merged { .. } => {
            fold::append_contents(appender, part.first, &contents).map_err(Trouble::Backup)
        }
    }
}

fn bytes_of<T>(view: &DayView, source: &Source<T>) -> Copied<Vec<u8>> {
    match source {
        Source::Memory(held) => Ok(held.bytes.to_vec()),
        Source::File(span) => view.read_span(*span).map_err(Trouble::Day),
    }
}

fn append<T>(
    appender: &mut Appender,
    kind: SectionKind,
    first: u32,
    rows: u32,
    bytes: &[u8],
) -> Copied<Source<T>> {
    appender.append(kind, first, rows, bytes).map(Source::File).map_err(Trouble::Backup)
}
