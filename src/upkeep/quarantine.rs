//! Damaged days that go on being written.
//!
//! Owns: setting a damaged day's files aside, the mark that remembers the gap, and the ordinal at which
//! the day goes on. Does not own what can be salvaged of those files (`rebuild`).
//!
//! Invariants: no ordinal is given that may have been given before; the mark is durable before the
//! first file is moved; files are renamed, never removed.
//!
//! ```text
//! mark   magic "DIURNALG", version u32, day u32, first ordinal after the gap u32, XXH3-64
//! ```

use std::sync::Arc;

use crate::codec::bytes::{Reader, seal, unseal};
use crate::day::file::FORMAT_VERSION;
use crate::day::live::{SealedDay, push_lost};
use crate::day::log;
use crate::day::view::DayView;
use crate::day::{FOLDER, FileKind, QUARANTINED};
use crate::error::{Error, ErrorKind, Result};
use crate::limits::UNKNOWN_ORDINALS;
use crate::snapshot::{Listed, Shelf};
use crate::storage::{Access, Directory, Draft, aside, is_there, read_at, set_aside};
use crate::time::Day;
use crate::upkeep::sections::Sections;

const MAGIC: &[u8; 8] = b"DIURNALG";
const MARK_BYTES: usize = 28;

/// Where a day's ordinals end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    /// The ordinal after the last one that is known to have been given.
    pub(crate) known: u32,
    /// Whether none can have been given after it.
    pub(crate) exact: bool,
}

impl Extent {
    /// The first ordinal that was never given, for sure.
    pub(crate) fn next(self) -> Result<u32> {
        let unknown = if self.exact { 0 } else { UNKNOWN_ORDINALS };
        self.known.checked_add(unknown).filter(|next| *next < u32::MAX).ok_or_else(|| {
            Error::corrupt("the day was damaged so often that it has no ordinal left; rebuild it")
        })
    }
}

/// Where the ordinals of a day end, from whatever of its files can be read; `listed` is what the catalog
/// knows.
///
/// That is exact of a file of the length at which the day was sealed: whatever a lost log had besides is
/// not missed in a sound file either. Of a day whose file is missing it is not: the day may have been
/// taken up again since, and gone on in that file, and nothing but a write to the catalog at each late
/// event's day would tell.
pub(crate) fn extent(shelf: &Shelf, day: Day, listed: Listed) -> Result<Extent> {
    let directory = &*shelf.directory;
    let (after_gap, mark_lost) = match read_mark(directory, day) {
        Err(error) if error.kind() == ErrorKind::Corrupt => (None, true),
        mark => (mark?, false),
    };
    let mut known = after_gap.unwrap_or(0);
    let has_log = match log::read_beside(directory, day) {
        Ok(content) => return Ok(Extent { known: known.max(content.end()), exact: true }),
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        Err(error) if error.kind() == ErrorKind::Corrupt => true,
        Err(error) => return Err(error),
    };
    if !has_log && let Some(end) = shelf.footer_end(day)? {
        return Ok(Extent { known: known.max(end), exact: true });
    }
    let name = FileKind::Columns.name(day);
    let has_columns = is_there(directory, &name)?;
    known = known.max(end_of_sections(directory, &name)?);
    if !has_log && listed.is_of(directory, &name) {
        return Ok(Extent { known: known.max(listed.end), exact: true });
    }
    if mark_lost {
        // Each file that was set aside may have ended unknown.
        for [columns, _] in sets_aside(directory, day)? {
            known =
                known.max(end_of_sections(directory, &columns)?).saturating_add(UNKNOWN_ORDINALS);
        }
    }
    // After a gap nothing may have been written yet.
    let exact = after_gap.is_some() && !has_log && !has_columns && listed.end <= known;
    Ok(Extent { known: known.max(listed.end), exact })
}

/// The ordinal after the last one that a section of a file names.
fn end_of_sections(directory: &dyn Directory, name: &str) -> Result<u32> {
    // A directory in its place has none.
    let Ok(file) = directory.open(name, Access::Read) else { return Ok(0) };
    Sections::of(&file, u64::MAX)?.try_fold(0, |end, section| Ok(section?.end().max(end)))
}

/// Sets a damaged day's files aside; the day as it is now: a gap, and nothing after it.
pub(crate) fn quarantine(shelf: &Shelf, day: Day, listed: Listed) -> Result<SealedDay> {
    let directory = &*shelf.directory;
    if is_there(directory, &FileKind::Rebuilt.name(day))? {
        return Err(Error::corrupt("a rebuild of the day waits; open the store again").on_day(day));
    }
    let next = extent(shelf, day, listed)?.next().map_err(|error| error.on_day(day))?;
    let mark = Draft::begin(&shelf.directory, &FileKind::Gap.name(day))?;
    let written = mark.file().write(0, &encode_mark(day, next));
    written.map_err(|error| Error::io("marking a gap", error).on_day(day))?;
    mark.place()?;
    let names = [FileKind::Columns.name(day), FileKind::Log.name(day)];
    set_aside(directory, &names.each_ref().map(String::as_str), QUARANTINED)?;
    let synced = directory.sync(FOLDER);
    synced.map_err(|error| Error::io("syncing the days' folder", error).on_day(day))?;
    Ok(after_gap(shelf, day, next))
}

/// A day whose ordinals begin after a gap.
pub(crate) fn after_gap(shelf: &Shelf, day: Day, next: u32) -> SealedDay {
    let mut parts = Vec::new();
    push_lost(&mut parts, 0, next);
    SealedDay { view: DayView::new(day, None, parts, Arc::clone(&shelf.cache)), file_len: 0 }
}

/// The first ordinal after a day's gap; `None` where it has none. `Corrupt` where nothing says.
pub(crate) fn read_mark(directory: &dyn Directory, day: Day) -> Result<Option<u32>> {
    let file = match directory.open(&FileKind::Gap.name(day), Access::Read) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return match sets_aside(directory, day)?.is_empty() {
                true => Ok(None),
                false => Err(Error::corrupt("the mark of its gap is missing").on_day(day)),
            };
        }
        Err(error) => return Err(Error::io("opening the mark of a gap", error).on_day(day)),
    };
    let bytes = read_at(&*file, 0, MARK_BYTES).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => Error::corrupt("the mark of a gap is cut short"),
        _ => Error::io("reading the mark of a gap", error),
    });
    bytes.and_then(|bytes| decode_mark(&bytes, day)).map(Some).map_err(|error| error.on_day(day))
}

/// The names that a day's file of a kind has had aside, oldest first, in sets of columns and log.
pub(crate) fn sets_aside(directory: &dyn Directory, day: Day) -> Result<Vec<[String; 2]>> {
    let mut sets = Vec::new();
    for number in 1.. {
        let name = |kind: FileKind| aside(&kind.name(day), QUARANTINED, number);
        let set = [name(FileKind::Columns), name(FileKind::Log)];
        if !is_there(directory, &set[0])? && !is_there(directory, &set[1])? {
            break;
        }
        sets.push(set);
    }
    Ok(sets)
}

fn encode_mark(day: Day, next: u32) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    for number in [FORMAT_VERSION, day.number(), next] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    seal(&mut bytes);
    bytes
}

fn decode_mark(bytes: &[u8], day: Day) -> Result<u32> {
    let mut reader = Reader::new(unseal(bytes, "mark of a gap")?, "mark of a gap");
    let magic = reader.slice(MAGIC.len())? == MAGIC;
    let (version, number, next) = (reader.u32()?, reader.u32()?, reader.u32()?);
    reader.finish()?;
    match version {
        _ if !magic => Err(Error::corrupt("the mark of a gap is something else")),
        FORMAT_VERSION if number == day.number() => Ok(next),
        FORMAT_VERSION => Err(Error::corrupt("the mark of a gap is another day's")),
        _ => Err(Error::version("the mark of a gap", version, FORMAT_VERSION)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::memory::MemoryDirectory;

    #[test]
    fn a_mark_is_these_bytes_and_any_flipped_bit_is_found() {
        let day = Day::from_number(20_000).unwrap();
        let bytes = encode_mark(day, 7);
        assert_eq!(bytes.len(), MARK_BYTES);
        assert_eq!(bytes[..20], *b"DIURNALG\x01\0\0\0\x20\x4e\0\0\x07\0\0\0");
        assert_eq!(decode_mark(&bytes, day).unwrap(), 7);
        assert!(decode_mark(&bytes, Day::from_number(20_001).unwrap()).is_err());
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode_mark(&damaged, day).unwrap_err().kind(), ErrorKind::Corrupt);
        }
    }

    #[test]
    fn a_mark_that_is_cut_short_is_damage() {
        let directory = MemoryDirectory::default();
        let day = Day::from_number(20_000).unwrap();
        let file = directory.create(&FileKind::Gap.name(day)).unwrap();
        file.write(0, &encode_mark(day, 7)).unwrap();
        assert_eq!(read_mark(&directory, day).unwrap(), Some(7));
        file.set_len(MARK_BYTES as u64 - 1).unwrap();
        assert_eq!(read_mark(&directory, day).unwrap_err().kind(), ErrorKind::Corrupt);
    }

    #[test]
    fn what_cannot_be_opened_for_once_is_not_taken_for_damage() {
        let day = Day::from_number(20_000).unwrap();
        for kind in [FileKind::Gap, FileKind::Log, FileKind::Columns] {
            let directory = MemoryDirectory::default();
            let name = kind.name(day);
            drop(directory.create(&name).unwrap());
            let shelf = Shelf::new(Arc::new(directory.clone()), 0);
            assert!(extent(&shelf, day, Listed::default()).is_ok(), "an empty {name} is damaged");
            directory.fail_open(&name);
            let error = extent(&shelf, day, Listed::default()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TooManyFiles, "{name}");
        }
    }

    #[test]
    fn an_end_that_is_not_known_leaves_room_for_what_was_given_unseen() {
        assert_eq!(Extent { known: 75, exact: true }.next().unwrap(), 75);
        assert_eq!(Extent { known: 75, exact: false }.next().unwrap(), 75 + UNKNOWN_ORDINALS);
        assert!(Extent { known: u32::MAX - 5, exact: false }.next().is_err());
    }
}
