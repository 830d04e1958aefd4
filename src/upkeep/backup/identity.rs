//! Which store a directory is, and which store a backup is of.
//!
//! Owns: the files `IDENTITY` of a store and `BACKUP` of a backup, which hold the same number. Does not
//! own what is in either.
//!
//! Invariants: a store that was opened for writing has an identity, as far as the disk let it; what is
//! restored from a backup has that of its store; a directory ceases to be a backup before an event is
//! logged to it.
//!
//! ```text
//! magic     "DIURNALI"
//! version   u32
//! identity  16 bytes, at random
//! checksum  XXH3-64 of all before
//! ```

use std::sync::Arc;

use crate::codec::bytes::{Reader, put_u32, seal, unseal};
use crate::error::{Error, ErrorKind, Result};
use crate::storage::{Access, Directory, Draft, read_at};

/// The file of a store.
const STORE_NAME: &str = "IDENTITY";
/// The file of a backup.
const BACKUP_NAME: &str = "BACKUP";

const MAGIC: &[u8; 8] = b"DIURNALI";
const VERSION: u32 = 1;
const ID_BYTES: usize = 16;
const BYTES: usize = 8 + 4 + ID_BYTES + 8;

/// Tells stores apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity([u8; ID_BYTES]);

impl Identity {
    fn encode(self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        put_u32(&mut bytes, VERSION);
        bytes.extend_from_slice(&self.0);
        seal(&mut bytes);
        bytes
    }

    fn decode(bytes: &[u8], place: &'static str) -> Result<Self> {
        let mut reader = Reader::new(unseal(bytes, place)?, place);
        if reader.slice(8)? != MAGIC {
            return Err(reader.corrupt("it does not open as it should"));
        }
        let version = reader.u32()?;
        if version > VERSION {
            return Err(Error::version(place, version, VERSION));
        }
        let mut id = [0; ID_BYTES];
        id.copy_from_slice(reader.slice(ID_BYTES)?);
        reader.finish()?;
        Ok(Self(id))
    }
}

/// The identity of a store; `None` where it has none yet.
pub(crate) fn of_store(directory: &dyn Directory) -> Result<Option<Identity>> {
    find(directory, STORE_NAME)
}

/// The identity of the store that a directory is a backup of; `None` where it is no backup.
pub(super) fn of_backup(directory: &dyn Directory) -> Result<Option<Identity>> {
    find(directory, BACKUP_NAME)
}

/// The identity of a store, made where it has none to be read.
pub(crate) fn of_writer(directory: &Arc<dyn Directory>) -> Result<Identity> {
    match of_store(&**directory) {
        Ok(Some(identity)) => return Ok(identity),
        Err(error) if error.kind() != ErrorKind::Corrupt => return Err(error),
        _ => {}
    }
    // A backup that is opened for writing is the store again.
    let identity = of_backup(&**directory)
        .ok()
        .flatten()
        .unwrap_or_else(|| Identity(directory.draw().to_le_bytes()));
    write(directory, STORE_NAME, identity)?;
    Ok(identity)
}

/// Makes a directory a backup.
pub(super) fn mark_backup(directory: &Arc<dyn Directory>, identity: Identity) -> Result<()> {
    write(directory, BACKUP_NAME, identity)
}

/// Makes a directory that may be a backup a store and nothing else.
pub(crate) fn unmark_backup(directory: &dyn Directory) -> Result<()> {
    let removed = match directory.remove(BACKUP_NAME) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        removed => removed.and_then(|()| directory.sync("")),
    };
    removed.map_err(|error| Error::io("taking a backup for a store", error))
}

fn find(directory: &dyn Directory, name: &'static str) -> Result<Option<Identity>> {
    let io = |error| Error::io(format!("reading {name}"), error);
    let file = match directory.open(name, Access::Read) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(io)?,
    };
    let len = usize::try_from(file.len().map_err(io)?).unwrap_or(usize::MAX);
    let bytes = read_at(&*file, 0, len.min(BYTES + 1)).map_err(io)?;
    Identity::decode(&bytes, name).map(Some)
}

fn write(directory: &Arc<dyn Directory>, name: &str, identity: Identity) -> Result<()> {
    let draft = Draft::begin_over(directory, name)?;
    let written = draft.file().write(0, &identity.encode());
    written.map_err(|error| Error::io(format!("writing {name}"), error))?;
    draft.place()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::memory::MemoryDirectory;

    #[test]
    fn the_format_is_these_bytes() {
        let id: [u8; ID_BYTES] = std::array::from_fn(|place| place as u8);
        let mut expected = b"DIURNALI".to_vec();
        expected.extend_from_slice(&[1, 0, 0, 0]);
        expected.extend_from_slice(&id);
        seal(&mut expected);
        assert_eq!(Identity(id).encode(), expected);
        assert_eq!(expected.len(), BYTES);
        assert_eq!(Identity::decode(&expected, "test").unwrap(), Identity(id));
        for place in 0..expected.len() {
            let mut damaged = expected.clone();
            damaged[place] ^= 1;
            assert!(Identity::decode(&damaged, "test").is_err(), "byte {place}");
            assert!(Identity::decode(&expected[..place], "test").is_err(), "cut at {place}");
        }
    }

    #[test]
    fn stores_differ_and_what_is_restored_is_the_store() {
        let [store, other, backup] =
            [(); 3].map(|()| Arc::new(MemoryDirectory::default()) as Arc<dyn Directory>);
        let identity = of_writer(&store).unwrap();
        assert_eq!(of_writer(&store).unwrap(), identity);
        assert_ne!(of_writer(&other).unwrap(), identity);
        mark_backup(&backup, identity).unwrap();
        assert_eq!(of_writer(&backup).unwrap(), identity);
        unmark_backup(&*backup).unwrap();
        assert_eq!(of_backup(&*backup).unwrap(), None);
        assert_eq!(of_store(&*backup).unwrap(), Some(identity));
        unmark_backup(&*backup).unwrap();
    }
}
