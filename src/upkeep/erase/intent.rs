//! The wish that a session be forgotten, while it is not yet met.
//!
//! Owns: the file `ERASE`, which makes an erasure outlive a crash. Does not own the erasure.
//!
//! Invariants: the file is whole or absent; its first byte is 0 only once the erasure is done, and the id
//! is written over before the file is removed.
//!
//! ```text
//! version   u8      1; 0 once done
//! session   bytes   varint length and id
//! checksum  u64     XXH3-64 of all before
//! ```

use std::sync::Arc;

use crate::codec::bytes::{Reader, put_bytes, seal, unseal};
use crate::error::{Error, Result};
use crate::limits::SESSION_ID_BYTES_MAX;
use crate::storage::{Access, Directory, Draft, read_at};

/// The file's name.
pub(crate) const NAME: &str = "ERASE";

const VERSION: u8 = 1;
/// Version, length, id and checksum take no more.
const BYTES_MAX: usize = 1 + 2 + SESSION_ID_BYTES_MAX + 8;

/// Makes the wish durable, in place of one that was there.
pub(super) fn declare(directory: &Arc<dyn Directory>, session_id: &str) -> Result<()> {
    let mut bytes = vec![VERSION];
    put_bytes(&mut bytes, session_id.as_bytes());
    seal(&mut bytes);
    let draft = Draft::begin_over(directory, NAME)?;
    let written = draft.file().write(0, &bytes);
    written.map_err(|error| Error::io("writing what is to be erased", error))?;
    draft.place()
}

/// The session of an erasure that is not done; `None` where there is no such.
pub(super) fn find(directory: &dyn Directory) -> Result<Option<String>> {
    let io = |error| Error::io("reading what is to be erased", error);
    let file = match directory.open(NAME, Access::Read) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(io)?,
    };
    let len = usize::try_from(file.len().map_err(io)?).unwrap_or(usize::MAX);
    let bytes = read_at(&*file, 0, len.min(BYTES_MAX + 1)).map_err(io)?;
    if bytes.first() == Some(&0) { Ok(None) } else { decode(&bytes).map(Some) }
}

fn decode(bytes: &[u8]) -> Result<String> {
    const PLACE: &str = "the file of what is to be erased";
    if let Some(&version) = bytes.first().filter(|version| **version > VERSION) {
        return Err(Error::version(PLACE, version.into(), VERSION.into()));
    }
    let mut reader = Reader::new(unseal(bytes, PLACE)?, PLACE);
    reader.u8()?;
    let id = reader.bytes()?.to_vec();
    reader.finish()?;
    String::from_utf8(id).map_err(|_| reader.corrupt("the session id is no text"))
}

/// Whether an erasure has begun and is not done.
pub(crate) fn is_there(directory: &dyn Directory) -> bool {
    !matches!(find(directory), Ok(None))
}

/// Writes the id over and removes the file.
pub(super) fn forget(directory: &dyn Directory) -> Result<()> {
    let forgotten = || -> std::io::Result<()> {
        let file = match directory.open(NAME, Access::Write) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            opened => opened?,
        };
        let len = usize::try_from(file.len()?).unwrap_or(usize::MAX).min(BYTES_MAX);
        file.write(0, &vec![0; len])?;
        file.sync_data()?;
        directory.remove(NAME)?;
        directory.sync("")
    };
    forgotten().map_err(|error| Error::io("removing what was to be erased", error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::storage::memory::MemoryDirectory;

    fn bytes_of(directory: &dyn Directory) -> Vec<u8> {
        let file = directory.open(NAME, Access::Read).unwrap();
        read_at(&*file, 0, file.len().unwrap() as usize).unwrap()
    }

    #[test]
    fn the_format_is_these_bytes() {
        let directory: Arc<dyn Directory> = Arc::new(MemoryDirectory::default());
        declare(&directory, "ab").unwrap();
        let mut expected = vec![1, 2, b'a', b'b'];
        seal(&mut expected);
        assert_eq!(bytes_of(&*directory), expected);
        assert_eq!(find(&*directory).unwrap().as_deref(), Some("ab"));
    }

    #[test]
    fn nothing_is_left_of_a_wish_that_is_met() {
        let directory: Arc<dyn Directory> = Arc::new(MemoryDirectory::default());
        declare(&directory, &"x".repeat(SESSION_ID_BYTES_MAX)).unwrap();
        // Who has the file open sees what is left of it where it is freed.
        let freed = directory.open(NAME, Access::Read).unwrap();
        let len = freed.len().unwrap() as usize;
        forget(&*directory).unwrap();
        assert_eq!(read_at(&*freed, 0, len).unwrap(), vec![0; len]);
        assert!(!is_there(&*directory));
        forget(&*directory).unwrap();
    }

    #[test]
    fn a_beginning_of_zeros_is_done_and_any_other_damage_is_told() {
        let directory: Arc<dyn Directory> = Arc::new(MemoryDirectory::default());
        for (place, done) in [(0, true), (1, false), (3, false), (9, false)] {
            declare(&directory, "ab").unwrap();
            let file = directory.open(NAME, Access::Write).unwrap();
            let byte = if done { 0 } else { bytes_of(&*directory)[place] ^ 1 };
            file.write(place as u64, &[byte]).unwrap();
            match find(&*directory) {
                Ok(found) => assert!(done && found.is_none(), "byte {place}"),
                Err(error) => assert_eq!((done, error.kind()), (false, ErrorKind::Corrupt)),
            }
            file.set_len(3).unwrap();
            assert_eq!(find(&*directory).is_ok(), done);
        }
        let newer = directory.open(NAME, Access::Write).unwrap();
        newer.write(0, &[2]).unwrap();
        assert_eq!(find(&*directory).unwrap_err().kind(), ErrorKind::Version);
    }
}
