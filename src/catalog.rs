//! Which days are finished, what each holds, and which sessions appear in it.
//!
//! Owns: `catalog.redb`: a summary and the sessions' fingerprints for each sealed day, and how they are
//! made again from the days' own files. Does not own which days exist: the directory says that.
//!
//! Invariants: the catalog is derived, losing it loses nothing; an entry counts only for a day file of
//! the length it names, so an entry that is behind its day is never believed.
//!
//! ```text
//! days      day -> version u8, file length u64, events u32, end u32 (the ordinal after the last), zone,
//!           sessions u32, totals of types, totals of tags, XXH3-64
//! totals    u8 0 where there are more than 256 names; else 1, varint count, and for each name, in
//!           order, varint length and bytes, and varint events
//! sessions  day -> fingerprints u32, ascending, then XXH3-64
//! ```
//!
//! A fingerprint is the low half of the XXH3-64 of a session id: a query for one session opens the
//! days that have its fingerprint, of which one in a million is opened for nothing where a day has
//! 4,000 sessions.

use std::collections::BTreeMap;
use std::sync::Arc;

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

use crate::codec::bytes::{Reader, checksum, put_bytes, put_varint};
use crate::day::live::SealedDay;
use crate::day::view::{DayView, EVENT_KEYS};
use crate::error::{Error, ErrorKind, Result};
use crate::index::term::Field;
use crate::index::zones::Zone;
use crate::limits::DAY_TOTALS_MAX;
use crate::storage::engine::{self, Engine, Sharing, engine_error};
use crate::storage::{DAMAGED, Directory, set_aside};
use crate::time::Day;

/// The file's name.
pub(crate) const NAME: &str = "catalog.redb";
const DAYS: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("days");
const SESSIONS: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("sessions");
const ENTRY_VERSION: u8 = 1;

/// What is known of a sealed day without opening it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DaySummary {
    /// The length of the day's file.
    pub(crate) file_len: u64,
    /// Its events.
    pub(crate) rows: u32,
    /// The ordinal after its last, which is more than its events where some were erased or lost.
    pub(crate) end: u32,
    pub(crate) zone: Zone,
    /// Fingerprints of the day's sessions, ascending.
    pub(crate) sessions: Arc<[u32]>,
    /// Events of each type; `None` where there are too many types to tell.
    types: Option<Totals>,
    /// Events with each tag, likewise.
    tags: Option<Totals>,
}

/// How many events of a day have a name.
type Total = (Box<[u8]>, u32);

/// In the order of the names.
type Totals = Vec<Total>;

/// The summaries, for whoever reads.
pub(crate) type Summaries = BTreeMap<Day, DaySummary>;

/// The catalog of a writer.
#[derive(Debug)]
pub(crate) struct Catalog {
    directory: Arc<dyn Directory>,
    sharing: Sharing,
    /// Let go of when a write fails, and opened anew by the next one.
    engine: Option<Engine>,
    /// Days sealed since it was last written.
    unwritten: Vec<(Day, Arc<DaySummary>)>,
}

/// What a day's summary says of a session.
pub(crate) fn fingerprint(session_id: &[u8]) -> u32 {
    let [a, b, c, d, ..] = checksum(session_id).to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

impl DaySummary {
    /// What is to be known of a sealed day.
    pub(crate) fn of(sealed: &SealedDay) -> Result<Self> {
        Self::derive(&sealed.view, sealed.file_len)
    }

    /// Reads a day's zones and sessions.
    pub(crate) fn derive(view: &DayView, file_len: u64) -> Result<Self> {
        let mut sessions = Vec::new();
        for part in &view.parts {
            view.open(part)?.scan(Field::Session, EVENT_KEYS, |key, _| {
                sessions.push(fingerprint(key));
                Ok(())
            })?;
        }
        sessions.sort_unstable();
        sessions.dedup();
        let zone = view.parts.iter().filter_map(|part| part.zone()).reduce(Zone::union);
        // A day whose rows were all lost to damage has no zone to speak of.
        let zone = zone.unwrap_or_default();
        Ok(Self {
            file_len,
            rows: view.events(),
            end: view.end(),
            zone,
            sessions: sessions.into(),
            types: totals(view, Field::EventType)?,
            tags: totals(view, Field::Tag)?,
        })
    }

    /// What is left to know of a day whose file is missing: that its ordinals below `end` were given. No
    /// file has the length that it names.
    pub(crate) fn missing(end: u32) -> Self {
        Self {
            file_len: u64::MAX,
            rows: 0,
            end,
            zone: Zone::default(),
            sessions: [].into(),
            types: None,
            tags: None,
        }
    }

    /// How many events have each name of a field, in the order of the names, where that is known.
    pub(crate) fn totals(&self, field: Field) -> Option<&[Total]> {
        match field {
            Field::EventType => self.types.as_deref(),
            Field::Tag => self.tags.as_deref(),
            Field::Session | Field::Cell | Field::QuarterHour => None,
        }
    }

    /// How many events have this name, where that is known.
    pub(crate) fn total(&self, field: Field, name: &str) -> Option<u32> {
        let totals = self.totals(field)?;
        let found = totals.binary_search_by(|(key, _)| (**key).cmp(name.as_bytes()));
        Some(found.map_or(0, |place| totals[place].1))
    }

    /// Whether the session may appear on the day.
    pub(crate) fn may_hold(&self, session_id: &str) -> bool {
        self.sessions.binary_search(&fingerprint(session_id.as_bytes())).is_ok()
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![ENTRY_VERSION];
        bytes.extend_from_slice(&self.file_len.to_le_bytes());
        bytes.extend_from_slice(&self.rows.to_le_bytes());
        bytes.extend_from_slice(&self.end.to_le_bytes());
        bytes.extend_from_slice(&self.zone.encode());
        let sessions = u32::try_from(self.sessions.len()).unwrap_or(u32::MAX);
        bytes.extend_from_slice(&sessions.to_le_bytes());
        for totals in [&self.types, &self.tags] {
            encode_totals(totals.as_ref(), &mut bytes);
        }
        sealed_bytes(bytes)
    }

    fn encode_sessions(&self) -> Vec<u8> {
        sealed_bytes(self.sessions.iter().flat_map(|print| print.to_le_bytes()).collect())
    }

    fn decode(entry: &[u8], sessions: &[u8]) -> Result<Self> {
        let entry = checked_bytes(entry)?;
        let mut reader = Reader::new(entry, "catalog entry");
        let version = reader.u8()?;
        if version > ENTRY_VERSION {
            return Err(Error::version("the catalog", version.into(), ENTRY_VERSION.into()));
        }
        let (file_len, rows, end) = (reader.u64()?, reader.u32()?, reader.u32()?);
        let zone = Zone::decode(reader.slice(Zone::BYTES)?)?;
        let count = reader.u32()? as usize;
        let (types, tags) = (decode_totals(&mut reader)?, decode_totals(&mut reader)?);
        reader.finish()?;
        let prints = checked_bytes(sessions)?.chunks_exact(4);
        let prints: Arc<[u32]> = prints
            .map(|print| print.iter().rev().fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
            .collect();
        if prints.len() != count {
            return Err(Error::corrupt("the catalog has not the sessions that it counts"));
        }
        Ok(Self { file_len, rows, end, zone, sessions: prints, types, tags })
    }
}

/// The totals of a day's file.
fn totals(view: &DayView, field: Field) -> Result<Option<Totals>> {
    let mut found = BTreeMap::<Vec<u8>, u32>::new();
    for part in &view.parts {
        view.open(part)?.scan(field, &[]..&[], |key, posting| {
            if let Some(events) = found.get_mut(key) {
                *events += posting.cardinality;
            } else if found.len() <= DAY_TOTALS_MAX {
                // One more than are kept is enough to know that they are too many.
                found.insert(key.to_vec(), posting.cardinality);
            }
            Ok(())
        })?;
    }
    let few = found.len() <= DAY_TOTALS_MAX;
    Ok(few.then(|| found.into_iter().map(|(name, events)| (name.into(), events)).collect()))
}

fn encode_totals(totals: Option<&Totals>, out: &mut Vec<u8>) {
    out.push(totals.is_some().into());
    let Some(totals) = totals else { return };
    put_varint(out, totals.len() as u64);
    for (name, events) in totals {
        put_bytes(out, name);
        put_varint(out, (*events).into());
    }
}

fn decode_totals(reader: &mut Reader<'_>) -> Result<Option<Totals>> {
    if reader.u8()? == 0 {
        return Ok(None);
    }
    let count = reader.varint_to(DAY_TOTALS_MAX)?;
    let mut total = || Ok((reader.bytes()?.into(), reader.varint_u32()?));
    (0..count).map(|_| total()).collect::<Result<Totals>>().map(Some)
}

fn sealed_bytes(mut bytes: Vec<u8>) -> Vec<u8> {
    let sum = checksum(&bytes);
    bytes.extend_from_slice(&sum.to_le_bytes());
    bytes
}

fn checked_bytes(bytes: &[u8]) -> Result<&[u8]> {
    match bytes.split_last_chunk::<8>() {
        Some((body, sum)) if checksum(body) == u64::from_le_bytes(*sum) => Ok(body),
        _ => Err(Error::corrupt("an entry of the catalog fails its checksum")),
    }
}

impl Catalog {
    /// Opens the catalog, or begins one where there is none; a damaged one is set aside.
    pub(crate) fn open(
        directory: &Arc<dyn Directory>,
        sharing: Sharing,
    ) -> Result<(Self, Summaries)> {
        let (engine, summaries) = open_engine(directory, sharing)?;
        let (directory, engine) = (directory.clone(), Some(engine));
        Ok((Self { directory, sharing, engine, unwritten: Vec::new() }, summaries))
    }

    /// Makes the catalog anew with these entries, in a file of its own that takes the place of this one's:
    /// no page of it has held anything else.
    pub(crate) fn renew(&mut self, entries: &[(Day, &DaySummary)]) -> Result<()> {
        let fill = |database: &Database| write(database, entries, &[]);
        let engine = Engine::create(&self.directory, NAME, self.sharing, fill)?;
        self.engine.replace(engine).inspect(Engine::give_up);
        self.unwritten.clear();
        Ok(())
    }

    /// Notes a sealed day, to be written with others by [`flush`](Self::flush).
    pub(crate) fn note(&mut self, day: Day, summary: Arc<DaySummary>) {
        self.unwritten.retain(|(noted, _)| *noted != day);
        self.unwritten.push((day, summary));
    }

    /// Writes what was noted. A day that a crash keeps from being written is summarised again when
    /// the store is opened.
    pub(crate) fn flush(&mut self) -> Result<()> {
        self.update(&[], &[])
    }

    /// Notes sealed days and forgets dropped ones, durably.
    pub(crate) fn update(&mut self, sealed: &[(Day, &DaySummary)], dropped: &[Day]) -> Result<()> {
        self.unwritten.retain(|(day, _)| !dropped.contains(day));
        let noted = self.unwritten.iter().map(|(day, summary)| (*day, &**summary));
        let all: Vec<(Day, &DaySummary)> = noted.chain(sealed.iter().copied()).collect();
        if all.is_empty() && dropped.is_empty() {
            return Ok(());
        }
        let engine = match self.engine.take() {
            Some(engine) => engine,
            None => open_engine(&self.directory, self.sharing)?.0,
        };
        write(&engine.database, &all, dropped)?;
        self.engine = Some(engine);
        self.unwritten.clear();
        Ok(())
    }
}

fn open_engine(directory: &Arc<dyn Directory>, sharing: Sharing) -> Result<(Engine, Summaries)> {
    match try_open_engine(directory, sharing) {
        Err(error) if error.kind() == ErrorKind::NotFound => begin_engine(directory, sharing),
        Err(error) if error.kind() == ErrorKind::Corrupt => {
            set_aside(&**directory, &[NAME], DAMAGED)?;
            begin_engine(directory, sharing)
        }
        outcome => outcome,
    }
}

fn try_open_engine(
    directory: &Arc<dyn Directory>,
    sharing: Sharing,
) -> Result<(Engine, Summaries)> {
    let engine = Engine::open(&**directory, NAME, sharing)?;
    let summaries = read(&engine.database)?;
    Ok((engine, summaries))
}

fn begin_engine(directory: &Arc<dyn Directory>, sharing: Sharing) -> Result<(Engine, Summaries)> {
    let made = Engine::create(directory, NAME, sharing, |database| write(database, &[], &[]));
    Ok((made?, Summaries::new()))
}

/// Reads the catalog of a writer that may be another process; empty where it cannot be had, since
/// the days themselves hold all of it.
pub(crate) fn read_beside(directory: &dyn Directory) -> Result<Summaries> {
    match engine::read_beside(directory, NAME, read) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Corrupt) => {
            Ok(Summaries::new())
        }
        outcome => outcome,
    }
}

fn write(database: &Database, sealed: &[(Day, &DaySummary)], dropped: &[Day]) -> Result<()> {
    try_write(database, sealed, dropped).map_err(|error| engine_error("writing the catalog", error))
}

fn try_write(
    database: &Database,
    sealed: &[(Day, &DaySummary)],
    dropped: &[Day],
) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    {
        let mut days = transaction.open_table(DAYS)?;
        let mut sessions = transaction.open_table(SESSIONS)?;
        for (day, summary) in sealed {
            days.insert(day.number(), summary.encode().as_slice())?;
            sessions.insert(day.number(), summary.encode_sessions().as_slice())?;
        }
        for day in dropped {
            days.remove(day.number())?;
            sessions.remove(day.number())?;
        }
    }
    transaction.commit()?;
    Ok(())
}

fn read(database: &Database) -> Result<Summaries> {
    let raw = read_raw(database).map_err(|error| engine_error("reading the catalog", error))?;
    raw.into_iter()
        .map(|(number, entry, sessions)| {
            let day = Day::from_number(number)
                .ok_or_else(|| Error::corrupt("the catalog names an impossible day"))?;
            Ok((day, DaySummary::decode(&entry, &sessions)?))
        })
        .collect()
}

type RawEntry = (u32, Vec<u8>, Vec<u8>);

fn read_raw(database: &Database) -> Result<Vec<RawEntry>, redb::Error> {
    let transaction = database.begin_read()?;
    let sessions = transaction.open_table(SESSIONS)?;
    let mut entries = Vec::new();
    for entry in transaction.open_table(DAYS)?.iter()? {
        let (day, summary) = entry?;
        let prints = sessions.get(day.value())?.map(|value| value.value().to_vec());
        entries.push((day.value(), summary.value().to_vec(), prints.unwrap_or_default()));
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_comes_back_from_its_bytes_and_from_no_fewer() {
        let sessions: Arc<[u32]> = [1, 7].into();
        let zone = Zone { rows: 5, ..Zone::default() };
        let day = DaySummary { rows: 5, zone, sessions, ..DaySummary::missing(9) };
        let (entry, prints) = (day.encode(), day.encode_sessions());
        assert_eq!(DaySummary::decode(&entry, &prints).unwrap(), day);
        let body = &entry[..entry.len() - 8];
        for len in 0..body.len() {
            assert!(DaySummary::decode(&sealed_bytes(body[..len].to_vec()), &prints).is_err());
        }
    }
}
