//! fjall used plainly: a row for each event, a key for each posting.
//!
//! Owns: the keyspaces and the bytes of their keys: a text's length, the text, and the row's number,
//! the highest byte first. Settings are fjall's defaults; each batch is committed with `SyncAll`.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use diurnal::Event;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use super::{Calls, Engine, Together, alone, rows, together};
use crate::machine::{Result, Stopwatch, timed};
use crate::question::{Answer, Question};
use crate::source::{Source, Survey};

#[derive(Default)]
pub(crate) struct FjallRows(Option<Open>);

struct Open {
    database: Database,
    rows: Keyspace,
    times: Keyspace,
    sessions: Keyspace,
    types: Keyspace,
    tags: Keyspace,
    next: AtomicU64,
}

impl Open {
    fn new(at: &Path) -> Result<Self> {
        let database = Database::builder(at.join("fjall")).open()?;
        let keyspace = |name: &str| database.keyspace(name, KeyspaceCreateOptions::default);
        let rows = keyspace("rows")?;
        let last = rows.last_key_value().map(|guard| guard.key()).transpose()?;
        let next = last.map_or(Ok(0), |key| number(&key).map(|last| last + 1))?;
        Ok(Self {
            rows,
            times: keyspace("times")?,
            sessions: keyspace("sessions")?,
            types: keyspace("types")?,
            tags: keyspace("tags")?,
            database,
            next: AtomicU64::new(next),
        })
    }

    /// One batch, durable when this returns.
    fn insert_all(&self, events: &[Event]) -> Result<()> {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncAll));
        let first = self.next.fetch_add(events.len() as u64, Ordering::Relaxed);
        for (event, number) in events.iter().zip(first..) {
            let micros = event.server_time.as_micros();
            batch.insert(&self.rows, number.to_be_bytes(), rows::encode(event)?);
            let time = [micros.to_be_bytes(), number.to_be_bytes()].concat();
            batch.insert(&self.times, time, []);
            batch.insert(&self.sessions, key(&event.session_id, number), []);
            batch.insert(&self.types, key(&event.event_type, number), []);
            for tag in rows::distinct_tags(event) {
                batch.insert(&self.tags, key(tag, number), []);
            }
        }
        Ok(batch.commit()?)
    }

    fn answer(&self, question: &Question) -> Result<Option<Answer>> {
        Ok(Some(match question {
            Question::Type(kind) => Answer::Count(count(&self.types, kind)?),
            Question::Tag(tag) => Answer::Count(count(&self.tags, tag)?),
            Question::Tags(first, second) => Answer::Count(rows::in_both(
                numbers(&self.tags, first),
                numbers(&self.tags, second),
            )?),
            Question::AllTags => {
                let tags = self.tags.iter().map(|guard| text(&guard.key()?));
                Answer::counts(rows::runs(tags)?)
            }
            Question::Timeline(id) => {
                let mut lines = Vec::new();
                for number in numbers(&self.sessions, id) {
                    let row = self.rows.get(number?.to_be_bytes())?;
                    lines.push(rows::decode(&row.ok_or("a posting without a row")?)?);
                }
                lines.sort_by_key(|line| line.micros);
                Answer::Timeline(lines)
            }
            _ => return Ok(None),
        }))
    }
}

fn prefix(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() + 9);
    bytes.push(text.len() as u8);
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

fn key(text: &str, number: u64) -> Vec<u8> {
    let mut bytes = prefix(text);
    bytes.extend_from_slice(&number.to_be_bytes());
    bytes
}

/// The number that a key ends with.
fn number(key: &[u8]) -> Result<u64> {
    let (_, bytes) = key.split_last_chunk().ok_or("a key without a number")?;
    Ok(u64::from_be_bytes(*bytes))
}

fn text(key: &[u8]) -> Result<String> {
    let text = key.get(1..key.len().saturating_sub(8)).ok_or("a key without a number")?;
    Ok(String::from_utf8(text.to_vec())?)
}

fn numbers(keyspace: &Keyspace, text: &str) -> impl Iterator<Item = Result<u64>> {
    keyspace.prefix(prefix(text)).map(|guard| number(&guard.key()?))
}

fn count(keyspace: &Keyspace, text: &str) -> Result<u64> {
    let mut count = 0;
    for number in numbers(keyspace, text) {
        number?;
        count += 1;
    }
    Ok(count)
}

impl Engine for FjallRows {
    fn name(&self) -> &'static str {
        "fjall"
    }

    fn about(&mut self) -> Result<String> {
        Ok(format!(
            "fjall {}: defaults, each batch with SyncAll; a row per event, a key per posting \
             (session, type, tag, time)",
            super::version("fjall")
        ))
    }

    fn load(&mut self, at: &Path, source: &Source, _survey: &Survey) -> Result<f64> {
        let mut watch = Stopwatch::default();
        let open = watch.time(|| Open::new(at))?;
        for batch in source.batches() {
            watch.time(|| open.insert_all(&batch))?;
        }
        // What is still in memory goes to the tables, so that the journal can go.
        watch.time(|| -> Result<()> {
            for keyspace in [&open.rows, &open.times, &open.sessions, &open.types, &open.tags] {
                keyspace.rotate_memtable_and_wait()?;
            }
            drop(open);
            Ok(())
        })?;
        Ok(watch.0)
    }

    fn open(&mut self, at: &Path) -> Result<f64> {
        let (open, seconds) = timed(|| Open::new(at))?;
        self.0 = Some(open);
        Ok(seconds)
    }

    fn close(&mut self) -> Result<()> {
        self.0 = None;
        Ok(())
    }

    fn ask(&mut self, question: &Question) -> Result<Option<(Answer, f64)>> {
        let open = self.0.as_ref().ok_or("the database is not open")?;
        let (answer, seconds) = timed(|| open.answer(question))?;
        Ok(answer.map(|answer| (answer, seconds)))
    }

    fn alone(&mut self, at: &Path, events: &[Event], _shared: bool) -> Result<Option<Vec<f64>>> {
        let open = Open::new(at)?;
        alone(events, |event| open.insert_all(std::slice::from_ref(event)))
    }

    fn together(&mut self, at: &Path, calls: &Calls, _shared: bool) -> Result<Option<Together>> {
        let open = Open::new(at)?;
        together(calls, |event| open.insert_all(std::slice::from_ref(event)))
    }
}
