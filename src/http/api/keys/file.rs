//! The file of keys.
//!
//! Owns: the file `KEYS` in the store's directory: its bytes, and how it is written so that a crash loses no record
//! that was durable. Does not own what is done with keys (`super`).
//!
//! ```text
//! magic     "DIURNALK"
//! version   u32
//! seed      u64, at random: that of the digests
//! checksum  XXH3-64 of all before
//! then records
//!   begun   1 u8, key u128, body u128, time i64, pieces u32
//!   done    2 u8, key u128, pieces u32, then their first ids u64
//!   each with the XXH3-64 of it
//! ```
//! Keys and bodies are there as XXH3-128 under the seed. That tells any two apart that differ by accident; who makes
//! two with one digest on purpose is answered for the wrong one of his own. A piece of which nothing was to be logged
//! has the first id 2^64 - 1.
//!
//! Invariants: the file holds nothing that an event held; it is written anew as a whole and then added to; one that
//! is damaged is set aside, and what comes before the damage is kept.

use std::collections::{BTreeSet, HashSet};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Batch, Digest, FirstIds, Memory, PIECES_MAX};
use crate::codec::bytes::{Reader, put_u32, put_u64, seal, unseal};
use crate::error::{Error, ErrorKind, Result};
use crate::event::EventId;

/// The file.
const NAME: &str = "KEYS";
/// The file while it is written anew.
const DRAFT: &str = "KEYS.new";
/// A file that was damaged.
const SET_ASIDE: &str = "KEYS.damaged";

const MAGIC: &[u8; 8] = b"DIURNALK";
const VERSION: u32 = 1;
const HEAD_BYTES: usize = 8 + 4 + 8 + 8;

/// Bytes that a file may grow by, and by as many as it had, before it is written anew.
const SPARE_BYTES: u64 = 1024 * 1024;
/// The most that is read of a file: far more than any has.
const READ_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// The first id of a piece that has none.
const NO_ID: u64 = u64::MAX;

const BEGUN: u8 = 1;
const DONE: u8 = 2;

impl Memory {
    fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        put_u32(&mut bytes, VERSION);
        put_u64(&mut bytes, self.seed);
        seal(&mut bytes);
        for key in &self.order {
            if let Some(batch) = self.batches.get(key) {
                bytes.extend(batch.begun(*key));
                bytes.extend(batch.ids.as_ref().map(|ids| done(*key, ids)).unwrap_or_default());
            }
        }
        bytes
    }
}

impl Batch {
    pub(super) fn begun(&self, key: Digest) -> Vec<u8> {
        let mut bytes = vec![BEGUN];
        bytes.extend_from_slice(&key.to_le_bytes());
        bytes.extend_from_slice(&self.body.to_le_bytes());
        bytes.extend_from_slice(&self.time.to_le_bytes());
        put_u32(&mut bytes, self.pieces);
        seal(&mut bytes);
        bytes
    }
}

/// The record of a batch that is done.
pub(super) fn done(key: Digest, ids: &FirstIds) -> Vec<u8> {
    let mut bytes = vec![DONE];
    bytes.extend_from_slice(&key.to_le_bytes());
    put_u32(&mut bytes, ids.len() as u32);
    for id in ids {
        put_u64(&mut bytes, id.map_or(NO_ID, EventId::as_u64));
    }
    seal(&mut bytes);
    bytes
}

/// Why reading has ended before the end of a file.
#[derive(Debug, PartialEq, Eq)]
enum Rest {
    /// There was none.
    None,
    /// The last record was not written to its end.
    Torn,
    Damaged,
}

/// What a file holds, as far as it can be read.
fn decode(bytes: &[u8]) -> Result<(Memory, Rest)> {
    let Some((head, mut rest)) = bytes.split_at_checked(HEAD_BYTES) else {
        return Err(Error::corrupt("the file of keys ends early"));
    };
    let mut head = Reader::new(unseal(head, NAME)?, NAME);
    if head.slice(MAGIC.len())? != MAGIC {
        return Err(head.corrupt("it does not open as it should"));
    }
    let version = head.u32()?;
    if version > VERSION {
        return Err(Error::version(NAME, version, VERSION));
    }
    let mut memory = Memory::with_seed(head.u64()?);
    while !rest.is_empty() {
        let length = record_bytes(rest);
        let record = length.and_then(|length| rest.get(..length));
        if record.is_some_and(|record| take_in(&mut memory, record).is_ok()) {
            rest = &rest[length.unwrap_or(rest.len())..];
            memory.forget(&HashSet::new());
            continue;
        }
        // A power cut leaves a record that reaches the end, whole or not, and zeros after it.
        let end = rest.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let torn = end < SHORTEST_BYTES || length.is_some_and(|length| length >= end);
        return Ok((memory, if torn { Rest::Torn } else { Rest::Damaged }));
    }
    Ok((memory, Rest::None))
}

/// Bytes of a record before its ids, if it has any, and its checksum.
const BEGUN_BYTES: usize = 1 + 16 + 16 + 8 + 4 + 8;
const DONE_HEAD_BYTES: usize = 1 + 16 + 4;
const SHORTEST_BYTES: usize = DONE_HEAD_BYTES + 8;

/// How long the record is that opens the bytes; `None` where that cannot be told.
fn record_bytes(bytes: &[u8]) -> Option<usize> {
    match *bytes.first()? {
        BEGUN => Some(BEGUN_BYTES),
        DONE => {
            let mut reader = Reader::at(bytes, 1 + 16, NAME);
            let ids = reader.u32().ok().filter(|ids| *ids <= PIECES_MAX)?;
            Some(DONE_HEAD_BYTES + ids as usize * 8 + 8)
        }
        _ => None,
    }
}

/// Takes a record into memory.
fn take_in(memory: &mut Memory, record: &[u8]) -> Result<()> {
    let mut reader = Reader::new(unseal(record, NAME)?, NAME);
    let kind = reader.u8()?;
    let key = digest(&mut reader)?;
    if kind == BEGUN {
        let (body, time, pieces) = (digest(&mut reader)?, reader.i64()?, reader.u32()?);
        if pieces > PIECES_MAX {
            return Err(reader.corrupt("a batch of too many pieces"));
        }
        memory.begin(key, Batch { body, time, pieces, ids: None });
        return reader.finish();
    }
    let count = reader.u32()?;
    let mut ids = FirstIds::new();
    for _ in 0..count {
        let id = reader.u64()?;
        let known = EventId::from_u64(id);
        if known.is_none() && id != NO_ID {
            return Err(reader.corrupt("no event has this id"));
        }
        ids.push(known);
    }
    reader.finish()?;
    // One whose beginning was forgotten is no longer remembered.
    if let Some(batch) = memory.batches.get_mut(&key) {
        if ids.len() != batch.pieces as usize {
            return Err(reader.corrupt("a batch has another number of pieces"));
        }
        batch.ids = Some(ids);
    }
    Ok(())
}

fn digest(reader: &mut Reader<'_>) -> Result<Digest> {
    let (low, high) = (reader.u64()?, reader.u64()?);
    Ok(u128::from(high) << 64 | u128::from(low))
}

/// Folders whose keys are open in this process: the store's lock keeps other processes out, but no second service.
static OPEN: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

fn open_folders() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A folder whose keys are open.
#[derive(Debug)]
struct Held(PathBuf);

impl Held {
    fn take(folder: &Path) -> Result<Self> {
        let folder =
            fs::canonicalize(folder).map_err(|error| Error::io("looking for the store", error))?;
        match open_folders().insert(folder.clone()) {
            true => Ok(Self(folder)),
            false => {
                Err(Error::new(ErrorKind::Locked, "another service of this store has the keys"))
            }
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        open_folders().remove(&self.0);
    }
}

/// The file, open to be added to.
#[derive(Debug)]
pub(super) struct KeyFile {
    file: File,
    bytes: u64,
    /// Of these, those that were there when it was written anew.
    fresh_bytes: u64,
    folder: Held,
}

impl KeyFile {
    /// Reads what the file holds, and writes it anew without what can be left out.
    pub(super) fn open(folder: &Path) -> Result<(Self, Memory)> {
        let folder = Held::take(folder)?;
        let memory = read(&folder.0)?;
        let (file, bytes) = write_anew(&folder.0, &memory)?;
        Ok((Self { file, bytes, fresh_bytes: bytes, folder }, memory))
    }

    /// Adds a record, durably or not yet. After an error the file must be opened again.
    pub(super) fn append(&mut self, record: &[u8], durably: bool) -> Result<()> {
        let written = self.file.write_all(record);
        let written = written.and_then(|()| if durably { self.file.sync_data() } else { Ok(()) });
        self.bytes += record.len() as u64;
        written.map_err(|error| Error::io(format!("writing {NAME}"), error))
    }

    /// Writes the file anew. After an error it must be opened again.
    pub(super) fn replace(&mut self, memory: &Memory) -> Result<()> {
        (self.file, self.bytes) = write_anew(&self.folder.0, memory)?;
        self.fresh_bytes = self.bytes;
        Ok(())
    }

    pub(super) fn is_long(&self) -> bool {
        self.bytes > 2 * self.fresh_bytes + SPARE_BYTES
    }
}

/// What the file of a folder holds; nothing where there is none.
fn read(folder: &Path) -> Result<Memory> {
    let path = folder.join(NAME);
    let file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Memory::with_seed(seed()?));
        }
        opened => opened,
    };
    let mut bytes = Vec::new();
    let read = file.and_then(|file| file.take(READ_BYTES_MAX).read_to_end(&mut bytes));
    read.map_err(|error| Error::io(format!("reading {NAME}"), error))?;
    let (memory, rest) = match decode(&bytes) {
        Err(error) if error.kind() == ErrorKind::Corrupt => {
            (Memory::with_seed(seed()?), Rest::Damaged)
        }
        decoded => decoded?,
    };
    if rest == Rest::Damaged {
        let set_aside = fs::copy(&path, folder.join(SET_ASIDE));
        set_aside.map_err(|error| Error::io(format!("setting {NAME} aside"), error))?;
        let known = memory.batches.len();
        tracing::warn!(
            known,
            "the file of keys is damaged and was set aside: older batches may be logged again"
        );
    }
    Ok(memory)
}

/// Writes the file under another name, and gives it its own once it is durable.
fn write_anew(folder: &Path, memory: &Memory) -> Result<(File, u64)> {
    let bytes = memory.encode();
    let write = || {
        let draft = folder.join(DRAFT);
        let mut file = File::create(&draft)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&draft, folder.join(NAME))?;
        sync_folder(folder)?;
        Ok(file)
    };
    let file = write().map_err(|error| Error::io(format!("writing {NAME} anew"), error))?;
    Ok((file, bytes.len() as u64))
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

/// A number that nobody can guess.
pub(super) fn seed() -> Result<u64> {
    getrandom::u64().map_err(|error| Error::io("drawing a number", io::Error::other(error)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a failed test says where")]
mod tests {
    use super::*;

    fn memory() -> Memory {
        let mut memory = Memory::with_seed(0x0102_0304_0506_0708);
        memory.begin(0x11, Batch { body: 0x22, time: 0x33, pieces: 2, ids: None });
        let ids = vec![EventId::from_u64(0x44), None];
        memory.begin(u128::MAX, Batch { body: 5, time: -6, pieces: 2, ids: Some(ids) });
        memory
    }

    #[test]
    fn the_format_is_these_bytes() {
        let sealed = |mut bytes: Vec<u8>| {
            seal(&mut bytes);
            bytes
        };
        let mut head = b"DIURNALK".to_vec();
        head.extend([1, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1]);
        let number = |value: u128, bytes: usize| value.to_le_bytes()[..bytes].to_vec();
        let begun = |key, body, time, pieces| {
            [vec![1], number(key, 16), number(body, 16), number(time, 8), number(pieces, 4)]
                .concat()
        };
        let time = u128::from((-6_i64).cast_unsigned());
        let done = [vec![2], vec![0xff; 16], number(2, 4), number(0x44, 8), vec![0xff; 8]].concat();
        let records = [begun(0x11, 0x22, 0x33, 2), begun(u128::MAX, 5, time, 2), done];
        let expected = [sealed(head), records.map(sealed).concat()].concat();
        assert_eq!(memory().encode(), expected);
        assert_eq!(decode(&expected).unwrap(), (memory(), Rest::None));
    }

    #[test]
    fn a_file_that_was_cut_short_or_damaged_is_read_as_far_as_it_goes() {
        let whole = memory().encode();
        for length in HEAD_BYTES..whole.len() {
            let (found, rest) = decode(&whole[..length]).unwrap();
            let ends = [HEAD_BYTES, HEAD_BYTES + BEGUN_BYTES, HEAD_BYTES + 2 * BEGUN_BYTES];
            let expected = if ends.contains(&length) { Rest::None } else { Rest::Torn };
            assert_eq!(rest, expected, "{length} bytes");
            assert_eq!(found.batches.len(), (length - HEAD_BYTES) / BEGUN_BYTES);
        }
        for length in 0..HEAD_BYTES {
            assert_eq!(decode(&whole[..length]).unwrap_err().kind(), ErrorKind::Corrupt);
        }
        for place in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[place] ^= 0x40;
            match decode(&damaged) {
                Ok((_, rest)) => assert!(place >= HEAD_BYTES && rest != Rest::None, "byte {place}"),
                Err(_) => assert!(place < HEAD_BYTES, "byte {place}"),
            }
        }
        let mut hostile = whole[..HEAD_BYTES].to_vec();
        hostile.extend([DONE; 17]);
        hostile.extend(u32::MAX.to_le_bytes());
        assert_eq!(decode(&hostile).unwrap().1, Rest::Torn, "shorter than any record");
        hostile.extend([7; 100]);
        assert_eq!(decode(&hostile).unwrap().1, Rest::Damaged);
    }
}
