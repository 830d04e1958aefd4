//! The log of a day that is being written: a redb file.
//!
//! Owns: the tables of `2026-11-23.log.redb` and the transactions on them. Does not own the formats of
//! what is in them (`codec::batch`, `part`), nor the day's columns.
//!
//! ```text
//! tail    first ordinal -> row batch
//! parts   first ordinal -> part, under a checksum
//! meta    "day" -> version u32, day u32, valid length u64 of the day's file, XXH3-64
//! ```
//!
//! Invariants: a commit of rows touches `tail` alone, with one insertion; a fold changes all three in
//! one transaction; parts and then batches follow each other without a gap from ordinal 0.

use std::sync::Arc;

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

use crate::codec::batch;
use crate::codec::bytes::{Reader, checksum};
use crate::codec::row::Row;
use crate::day::FileKind;
use crate::day::file::{FORMAT_VERSION, decode_parts, encode_parts};
use crate::day::part::Part;
use crate::error::{Error, Result};
use crate::storage::Directory;
use crate::storage::engine::{self, Engine, Sharing, engine_error};
use crate::time::Day;

const TAIL: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("tail");
const PARTS: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("parts");
const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
const META_KEY: &str = "day";

/// An open log.
#[derive(Debug)]
pub(crate) struct DayLog {
    engine: Engine,
}

/// What a log says of its day.
#[derive(Debug)]
pub(crate) struct LogContent {
    pub(crate) parts: Vec<Part>,
    /// How much of the day's file is valid; 0 where there need be none.
    pub(crate) file_len: u64,
    /// The batches of the tail, in order.
    pub(crate) batches: Vec<Vec<Row>>,
}

impl LogContent {
    /// The ordinal after the last row.
    pub(crate) fn end(&self) -> u32 {
        let tail: usize = self.batches.iter().map(Vec::len).sum();
        let folded = self.parts.last().map_or(0, Part::end);
        folded.saturating_add(u32::try_from(tail).unwrap_or(u32::MAX))
    }
}

/// What a fold changes.
#[derive(Debug)]
pub(crate) struct FoldChange<'a> {
    /// First ordinals of parts that are no more.
    pub(crate) removed: &'a [u32],
    pub(crate) added: &'a [Part],
    pub(crate) file_len: u64,
    /// The tail afterwards: its first ordinal and its rows' batch.
    pub(crate) tail: Option<(u32, Vec<u8>)>,
}

impl DayLog {
    /// Begins the log of a day that has these parts already.
    pub(crate) fn create(
        directory: &Arc<dyn Directory>,
        day: Day,
        sharing: Sharing,
        parts: &[Part],
        file_len: u64,
    ) -> Result<Self> {
        let name = FileKind::Log.name(day);
        let engine = Engine::create(directory, &name, sharing, |database| {
            let change = FoldChange { removed: &[], added: parts, file_len, tail: None };
            let begun = commit_fold(database, day, &change);
            begun.map_err(|error| engine_error("beginning a log", error))
        })?;
        Ok(Self { engine })
    }

    /// Opens the log of a day, recovering it where need be.
    pub(crate) fn open(
        directory: &Arc<dyn Directory>,
        day: Day,
        sharing: Sharing,
    ) -> Result<(Self, LogContent)> {
        let engine = Engine::open_copied(directory, &FileKind::Log.name(day), sharing)?;
        let content = read(&engine.database, day)?;
        Ok((Self { engine }, content))
    }

    /// Makes a batch of rows durable.
    pub(crate) fn append(&self, first: u32, batch: &[u8]) -> Result<()> {
        self.engine.commit("logging rows", |database| append(database, first, batch))
    }

    /// Makes a fold durable.
    pub(crate) fn fold(&self, day: Day, change: &FoldChange<'_>) -> Result<()> {
        self.engine.commit("folding rows", |database| commit_fold(database, day, change))
    }

    /// Closes the file, which needs no recovery then.
    pub(crate) fn close(self) -> Result<()> {
        self.engine.close()
    }

    /// Lets go of a file that is about to be removed.
    pub(crate) fn give_up(&self) {
        self.engine.give_up();
    }
}

/// Reads the log of a day that another process may be writing.
pub(crate) fn read_beside(directory: &dyn Directory, day: Day) -> Result<LogContent> {
    read_named(directory, &FileKind::Log.name(day), day)
}

/// Reads the log of a day, whatever it is called by now.
pub(crate) fn read_named(directory: &dyn Directory, name: &str, day: Day) -> Result<LogContent> {
    engine::read_beside(directory, name, |database| read(database, day))
}

fn append(database: &Database, first: u32, batch: &[u8]) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    transaction.open_table(TAIL)?.insert(first, batch)?;
    transaction.commit()?;
    Ok(())
}

fn commit_fold(database: &Database, day: Day, change: &FoldChange<'_>) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    {
        let mut tail = transaction.open_table(TAIL)?;
        tail.retain(|_, _| false)?;
        if let Some((first, batch)) = &change.tail {
            tail.insert(first, batch.as_slice())?;
        }
        let mut parts = transaction.open_table(PARTS)?;
        for first in change.removed {
            parts.remove(first)?;
        }
        for part in change.added {
            parts.insert(part.first, encode_parts(std::iter::once(part)).as_slice())?;
        }
        let meta = encode_meta(day, change.file_len);
        transaction.open_table(META)?.insert(META_KEY, meta.as_slice())?;
    }
    transaction.commit()?;
    Ok(())
}

fn read(database: &Database, day: Day) -> Result<LogContent> {
    let raw = read_raw(database).map_err(|error| engine_error("reading a log", error))?;
    let file_len = decode_meta(&raw.meta, day)?;
    let mut parts = Vec::new();
    for (first, bytes) in raw.parts {
        let mut listed = decode_parts(&bytes, file_len)?;
        match listed.pop() {
            Some(part) if part.first == first && listed.is_empty() => parts.push(part),
            _ => return Err(Error::corrupt(format!("the part at ordinal {first} is another's"))),
        }
    }
    let mut next = contiguous(0, parts.iter().map(|part| (part.first, part.rows)))?;
    let mut batches = Vec::new();
    for (first, bytes) in raw.tail {
        let rows = batch::decode(&bytes)?;
        let count = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        next = contiguous(next, std::iter::once((first, count)))?;
        batches.push(rows);
    }
    Ok(LogContent { parts, file_len, batches })
}

fn contiguous(start: u32, pieces: impl Iterator<Item = (u32, u32)>) -> Result<u32> {
    let mut next = start;
    for (first, rows) in pieces {
        if first != next {
            return Err(Error::corrupt(format!("rows from ordinal {next} to {first} are missing")));
        }
        next = first
            .checked_add(rows)
            .ok_or_else(|| Error::corrupt("the ordinals of the day run past their end"))?;
    }
    Ok(next)
}

/// The values of a log, undecoded.
struct Raw {
    meta: Vec<u8>,
    parts: Vec<(u32, Vec<u8>)>,
    tail: Vec<(u32, Vec<u8>)>,
}

fn read_raw(database: &Database) -> Result<Raw, redb::Error> {
    let transaction = database.begin_read()?;
    let meta = transaction.open_table(META)?.get(META_KEY)?;
    let meta = meta.map(|value| value.value().to_vec()).unwrap_or_default();
    let mut values = [Vec::new(), Vec::new()];
    for (table, values) in [PARTS, TAIL].into_iter().zip(&mut values) {
        for entry in transaction.open_table(table)?.iter()? {
            let (key, value) = entry?;
            values.push((key.value(), value.value().to_vec()));
        }
    }
    let [parts, tail] = values;
    Ok(Raw { meta, parts, tail })
}

fn encode_meta(day: Day, file_len: u64) -> Vec<u8> {
    let mut bytes = FORMAT_VERSION.to_le_bytes().to_vec();
    bytes.extend_from_slice(&day.number().to_le_bytes());
    bytes.extend_from_slice(&file_len.to_le_bytes());
    let sum = checksum(&bytes);
    bytes.extend_from_slice(&sum.to_le_bytes());
    bytes
}

fn decode_meta(bytes: &[u8], day: Day) -> Result<u64> {
    let mut reader = Reader::new(bytes, "log head");
    let (version, number, file_len) = (reader.u32()?, reader.u32()?, reader.u64()?);
    let sum = reader.u64()?;
    reader.finish()?;
    if checksum(&bytes[..16]) != sum {
        return Err(Error::corrupt("the log's head fails its checksum"));
    }
    if version > FORMAT_VERSION {
        return Err(Error::version("the log", version, FORMAT_VERSION));
    }
    if number != day.number() {
        return Err(Error::corrupt("the log is that of another day"));
    }
    Ok(file_len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::row::any;
    use crate::error::ErrorKind;
    use crate::storage::memory::MemoryDirectory;

    fn day() -> Day {
        Day::from_number(20_000).unwrap()
    }

    fn batch(rows: u32) -> Vec<u8> {
        batch::encode(any::rows(rows).iter()).unwrap()
    }

    /// What the log of a day with five rows in a part says, once this was written to it.
    fn read_after(write: impl FnOnce(&DayLog)) -> Result<LogContent> {
        let directory: Arc<dyn Directory> = Arc::new(MemoryDirectory::default());
        let parts = [Part::lost(0, 5)];
        let log = DayLog::create(&directory, day(), Sharing::Exclusive, &parts, 0).unwrap();
        write(&log);
        log.close().unwrap();
        DayLog::open(&directory, day(), Sharing::Exclusive).map(|(_, content)| content)
    }

    fn listing(log: &DayLog, first: u32, parts: &[Part]) {
        let bytes = encode_parts(parts.iter());
        let insert = |database: &Database| {
            let transaction = database.begin_write()?;
            transaction.open_table(PARTS)?.insert(first, bytes.as_slice())?;
            Ok(transaction.commit()?)
        };
        log.engine.commit("listing parts", insert).unwrap();
    }

    #[test]
    fn a_log_holds_what_was_written_to_it_in_order() {
        let content = read_after(|log| {
            log.append(5, &batch(2)).unwrap();
            log.append(7, &batch(3)).unwrap();
        });
        let content = content.unwrap();
        let rows: Vec<usize> = content.batches.iter().map(Vec::len).collect();
        assert_eq!((content.parts.len(), rows, content.end()), (1, vec![2, 3], 10));
    }

    #[test]
    fn a_log_whose_rows_do_not_follow_each_other_is_damaged() {
        let refused = |write: &dyn Fn(&DayLog)| {
            let error = read_after(write).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            error.to_string()
        };
        let missing = |first, end| format!("rows from ordinal {first} to {end} are missing");
        for (first, rows) in [(0, 5), (4, 5), (6, 5)] {
            let told = refused(&|log| log.append(first, &batch(rows)).unwrap());
            assert!(told.contains(&missing(5, first)), "{told}");
        }
        let told = refused(&|log| {
            log.append(5, &batch(2)).unwrap();
            log.append(8, &batch(1)).unwrap();
        });
        assert!(told.contains(&missing(7, 8)), "{told}");
        let told = refused(&|log| listing(log, 6, &[Part::lost(6, 1)]));
        assert!(told.contains(&missing(5, 6)), "{told}");
    }

    #[test]
    fn a_part_that_is_listed_as_another_or_with_another_is_damage() {
        for parts in [&[Part::lost(6, 1)][..], &[Part::lost(6, 1), Part::lost(5, 1)], &[]] {
            let error = read_after(|log| listing(log, 5, parts)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            assert!(error.to_string().contains("the part at ordinal 5 is another's"), "{error}");
        }
    }
}
