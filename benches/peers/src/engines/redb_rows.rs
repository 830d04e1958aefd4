//! redb used plainly: a row for each event, a key for each posting.
//!
//! Owns: the tables. Settings are redb's defaults: each commit is durable, with one sync; the cache
//! may take 1 GiB. One transaction for each batch.

use std::path::Path;

use diurnal::Event;
use redb::{Database, ReadOnlyTable, ReadableDatabase, Table, TableDefinition};

use super::{Calls, Engine, Together, alone, rows, together};
use crate::machine::{Result, Stopwatch, timed};
use crate::question::{Answer, Question};
use crate::source::{Source, Survey};

type Postings = TableDefinition<'static, (&'static str, u64), ()>;

const ROWS: TableDefinition<u64, &[u8]> = TableDefinition::new("rows");
const TIMES: TableDefinition<(i64, u64), ()> = TableDefinition::new("times");
const SESSIONS: Postings = TableDefinition::new("sessions");
const TYPES: Postings = TableDefinition::new("types");
const TAGS: Postings = TableDefinition::new("tags");

#[derive(Default)]
pub(crate) struct RedbRows(Option<Database>);

fn create(at: &Path) -> Result<Database> {
    let database = Database::create(at.join("events.redb"))?;
    insert_all(&database, &[])?;
    Ok(database)
}

/// One transaction, durable when this returns.
fn insert_all(database: &Database, events: &[Event]) -> Result<()> {
    let transaction = database.begin_write()?;
    {
        let mut rows = transaction.open_table(ROWS)?;
        let mut times = transaction.open_table(TIMES)?;
        let mut sessions = transaction.open_table(SESSIONS)?;
        let mut types = transaction.open_table(TYPES)?;
        let mut tags = transaction.open_table(TAGS)?;
        let first = next_number(&rows)?;
        for (event, next) in events.iter().zip(first..) {
            rows.insert(next, &*rows::encode(event)?)?;
            times.insert((event.server_time.as_micros(), next), ())?;
            sessions.insert((&*event.session_id, next), ())?;
            types.insert((&*event.event_type, next), ())?;
            for tag in rows::distinct_tags(event) {
                tags.insert((tag, next), ())?;
            }
        }
    }
    Ok(transaction.commit()?)
}

fn next_number(rows: &Table<u64, &[u8]>) -> Result<u64> {
    use redb::ReadableTable;
    Ok(rows.last()?.map_or(0, |(key, _)| key.value() + 1))
}

/// The numbers of the rows with this key, ascending.
fn numbers<'a>(
    table: &'a ReadOnlyTable<(&'static str, u64), ()>,
    key: &str,
) -> Result<impl Iterator<Item = Result<u64>> + use<'a>> {
    let range = table.range((key, 0)..=(key, u64::MAX))?;
    Ok(range.map(|entry| Ok(entry?.0.value().1)))
}

impl RedbRows {
    fn count(&self, postings: Postings, key: &str) -> Result<u64> {
        let database = self.0.as_ref().ok_or("the database is not open")?;
        let table = database.begin_read()?.open_table(postings)?;
        let mut count = 0;
        for number in numbers(&table, key)? {
            number?;
            count += 1;
        }
        Ok(count)
    }

    fn answer(&self, question: &Question) -> Result<Option<Answer>> {
        let database = self.0.as_ref().ok_or("the database is not open")?;
        Ok(Some(match question {
            Question::Type(kind) => Answer::Count(self.count(TYPES, kind)?),
            Question::Tag(tag) => Answer::Count(self.count(TAGS, tag)?),
            Question::Tags(first, second) => {
                let table = database.begin_read()?.open_table(TAGS)?;
                Answer::Count(rows::in_both(numbers(&table, first)?, numbers(&table, second)?)?)
            }
            Question::AllTags => {
                let table = database.begin_read()?.open_table(TAGS)?;
                let all = table.range::<(&str, u64)>(..)?;
                Answer::counts(rows::runs(all.map(|it| Ok(it?.0.value().0.to_owned())))?)
            }
            Question::Timeline(id) => {
                let reading = database.begin_read()?;
                let (sessions, rows) = (reading.open_table(SESSIONS)?, reading.open_table(ROWS)?);
                let mut lines = Vec::new();
                for number in numbers(&sessions, id)? {
                    let row = rows.get(number?)?.ok_or("a posting without a row")?;
                    lines.push(rows::decode(row.value())?);
                }
                lines.sort_by_key(|line| line.micros);
                Answer::Timeline(lines)
            }
            _ => return Ok(None),
        }))
    }
}

impl Engine for RedbRows {
    fn name(&self) -> &'static str {
        "redb"
    }

    fn about(&mut self) -> Result<String> {
        Ok(format!(
            "redb {}: defaults, durable commits, a transaction for each batch; a row per event, a \
             key per posting (session, type, tag, time)",
            super::version("redb")
        ))
    }

    fn load(&mut self, at: &Path, source: &Source, _survey: &Survey) -> Result<f64> {
        let mut watch = Stopwatch::default();
        let database = watch.time(|| create(at))?;
        for batch in source.batches() {
            watch.time(|| insert_all(&database, &batch))?;
        }
        watch.time(|| drop(database));
        Ok(watch.0)
    }

    fn open(&mut self, at: &Path) -> Result<f64> {
        let (database, seconds) = timed(|| Ok(Database::open(at.join("events.redb"))?))?;
        self.0 = Some(database);
        Ok(seconds)
    }

    fn close(&mut self) -> Result<()> {
        self.0 = None;
        Ok(())
    }

    fn ask(&mut self, question: &Question) -> Result<Option<(Answer, f64)>> {
        let (answer, seconds) = timed(|| self.answer(question))?;
        Ok(answer.map(|answer| (answer, seconds)))
    }

    fn alone(&mut self, at: &Path, events: &[Event], _shared: bool) -> Result<Option<Vec<f64>>> {
        let database = create(at)?;
        alone(events, |event| insert_all(&database, std::slice::from_ref(event)))
    }

    fn together(&mut self, at: &Path, calls: &Calls, _shared: bool) -> Result<Option<Together>> {
        let database = create(at)?;
        together(calls, |event| insert_all(&database, std::slice::from_ref(event)))
    }
}
