//! Keys of batches, so that a batch that is sent again is not logged twice.
//!
//! Owns: which batch may begin, and what is remembered of it. Does not own the logging of batches (`ingest`), nor how
//! it is kept (`file`).
//!
//! Before its first event is logged, a batch is written down with the server times that its events get: one for each
//! piece that is logged at once, and no other batch that is remembered has it. So whoever sends the batch again after
//! a crash finds by its times what was logged of it. Once all is logged, the ids are written down too.
//!
//! Invariants: no event of a batch is logged before its record is durable; a batch runs once at a time; what is
//! remembered is bounded: the batches that began last.

mod file;

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::StatusCode;
use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::super::answer::Failure;
use crate::error::{Error, ErrorKind, Result};
use crate::event::EventId;
use crate::time::Timestamp;
use file::{KeyFile, done, seed};

/// Batches that are remembered.
const KEYS_MAX: usize = 4096;
/// Pieces of a batch.
pub(super) const PIECES_MAX: u32 = 1 << 16;

/// The first id of each piece of a batch; none of one of which nothing was to be logged.
pub(super) type FirstIds = Vec<Option<EventId>>;

type Digest = u128;

/// A batch that is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Batch {
    body: Digest,
    time: i64,
    pieces: u32,
    /// Where it is done.
    ids: Option<FirstIds>,
}

/// What the file holds.
#[derive(Debug, Default, PartialEq, Eq)]
struct Memory {
    seed: u64,
    batches: HashMap<Digest, Batch>,
    /// In the order in which they began.
    order: VecDeque<Digest>,
}

impl Memory {
    fn with_seed(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    fn begin(&mut self, key: Digest, batch: Batch) {
        if self.batches.insert(key, batch).is_none() {
            self.order.push_back(key);
        }
    }

    /// Forgets the oldest batches beyond those that are remembered, but for those that run.
    fn forget(&mut self, running: &HashSet<Digest>) {
        for _ in 0..self.order.len().saturating_sub(KEYS_MAX) {
            match self.order.pop_front() {
                Some(key) if running.contains(&key) => self.order.push_back(key),
                Some(key) => drop(self.batches.remove(&key)),
                None => {}
            }
        }
    }

    /// The earliest time from `now` on for so many pieces that have no time of another batch.
    fn time_for(&self, now: Timestamp, pieces: u32) -> i64 {
        let mut taken: Vec<(i64, i64)> = self.batches.values().map(Batch::times).collect();
        taken.sort_unstable();
        let mut time = now.as_micros();
        for (from, to) in taken {
            if from < time.saturating_add(i64::from(pieces)) && time < to {
                time = to;
            }
        }
        time
    }
}

impl Batch {
    /// The times of its pieces, the first and the one after the last.
    fn times(&self) -> (i64, i64) {
        (self.time, self.time.saturating_add(i64::from(self.pieces)))
    }
}

/// The keys of a store's batches.
#[derive(Debug)]
pub(in crate::http) struct Keys {
    /// Where the store is; a store in memory has keys in memory.
    folder: Option<PathBuf>,
    /// As the file holds it; `None` until it is read, and again once it could not be written. Whoever has it may wait for
    /// the disk.
    open: Mutex<Option<Open>>,
    /// Nobody waits for this but for a moment.
    running: Mutex<HashSet<Digest>>,
}

#[derive(Debug)]
struct Open {
    memory: Memory,
    /// None in memory.
    file: Option<KeyFile>,
}

/// A batch that runs; another one with its key waits until this is dropped.
#[derive(Debug)]
pub(super) struct Running {
    keys: Arc<Keys>,
    key: Digest,
    pub(super) begun: Begun,
}

/// What is known of a batch that begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Begun {
    /// It was not sent before: its pieces get this time and those after it.
    Now(Timestamp),
    /// It was sent before, and some of it may be logged.
    Before(Timestamp),
    /// All of it is logged.
    Done(FirstIds),
}

impl Keys {
    pub(in crate::http) fn new(folder: Option<PathBuf>) -> Self {
        Self { folder, open: Mutex::default(), running: Mutex::default() }
    }

    /// Begins a batch of so many pieces. It waits for the disk.
    pub(super) fn begin(
        self: &Arc<Self>,
        key: &str,
        body: &[u8],
        pieces: u32,
        now: Timestamp,
    ) -> Result<Running, Failure> {
        let mut open = lock(&self.open);
        if open.is_none() {
            *open = Some(self.open().map_err(unusable)?);
        }
        let Some(Open { memory, file }) = &mut *open else { return Err(unusable(nothing_open())) };
        let seed = memory.seed;
        let [key, body] = [key.as_bytes(), body].map(|bytes| xxh3_128_with_seed(bytes, seed));
        if lock(&self.running).contains(&key) {
            let message = "a batch with this key is being logged";
            return Err(Failure {
                retry_after: Some(1),
                ..Failure::new(StatusCode::CONFLICT, "conflict", message)
            });
        }
        let begun = match memory.batches.get(&key) {
            Some(batch) if (batch.body, batch.pieces) != (body, pieces) => {
                let message = "Idempotency-Key: must not be that of another batch";
                return Err(Failure::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "invalid_input",
                    message,
                ));
            }
            Some(Batch { ids: Some(ids), .. }) => Begun::Done(ids.clone()),
            Some(batch) => Begun::Before(Timestamp::from_micros(batch.time)),
            None => {
                let time = memory.time_for(now, pieces);
                let batch = Batch { body, time, pieces, ids: None };
                let written =
                    file.as_mut().map_or(Ok(()), |file| file.append(&batch.begun(key), true));
                memory.begin(key, batch);
                let written = written.and_then(|()| {
                    memory.forget(&lock(&self.running));
                    file.as_mut()
                        .filter(|file| file.is_long())
                        .map_or(Ok(()), |file| file.replace(memory))
                });
                if let Err(error) = written {
                    // It is read again from what the disk has.
                    *open = None;
                    return Err(unusable(error));
                }
                Begun::Now(Timestamp::from_micros(time))
            }
        };
        lock(&self.running).insert(key);
        Ok(Running { keys: Arc::clone(self), key, begun })
    }

    fn open(&self) -> Result<Open> {
        let Some(folder) = &self.folder else {
            return Ok(Open { memory: Memory::with_seed(seed()?), file: None });
        };
        let (file, memory) = KeyFile::open(folder)?;
        Ok(Open { memory, file: Some(file) })
    }
}

impl Running {
    /// The server time of the events of a piece; none where they are logged already.
    pub(super) fn time_of(&self, piece: u32) -> Option<Timestamp> {
        match &self.begun {
            Begun::Now(time) | Begun::Before(time) => {
                Some(Timestamp::from_micros(time.as_micros().saturating_add(i64::from(piece))))
            }
            Begun::Done(_) => None,
        }
    }

    /// Whether it is still to be logged, or to be looked for.
    pub(super) fn is_unfinished(&self) -> bool {
        !matches!(self.begun, Begun::Done(_))
    }

    /// Writes down that all of it is logged. Where that cannot be written, it is found again by its times.
    pub(super) fn finish(&self, ids: FirstIds) {
        let mut open = lock(&self.keys.open);
        let Some(Open { memory, file }) = &mut *open else { return };
        let record = done(self.key, &ids);
        if let Some(batch) = memory.batches.get_mut(&self.key) {
            batch.ids = Some(ids);
        }
        // It is durable with the next record; until then the times tell as much.
        if let Some(Err(error)) = file.as_mut().map(|file| file.append(&record, false)) {
            tracing::warn!(%error, "the end of a batch could not be written down");
            *open = None;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        lock(&self.keys.running).remove(&self.key);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unusable(error: Error) -> Failure {
    tracing::error!(%error, "the keys of batches cannot be used");
    match error.kind() {
        ErrorKind::DiskFull => error.into(),
        _ => Failure::busy(
            "the keys of batches cannot be read or written; nothing of the batch was logged",
        ),
    }
}

fn nothing_open() -> Error {
    Error::not_found("the file of keys is not open")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a failed test says where")]
mod tests {
    use super::*;

    fn keys() -> Arc<Keys> {
        Arc::new(Keys::new(None))
    }

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    #[test]
    fn no_two_batches_that_are_remembered_have_a_time_in_common() {
        let keys = keys();
        let mut given = std::collections::BTreeSet::new();
        // A clock that stands still, and is set back and forth.
        let clock = [100, 100, 100, 95, 99, 100, 1_000, 0, 98, 101, 103];
        for (number, now) in clock.into_iter().cycle().take(300).enumerate() {
            let pieces = number as u32 % 5 + 1;
            let running = keys.begin(&number.to_string(), b"", pieces, at(now)).unwrap();
            assert_eq!(running.begun, Begun::Now(running.time_of(0).unwrap()));
            for piece in 0..pieces {
                let time = running.time_of(piece).unwrap();
                assert!(time >= at(now) && given.insert(time), "{time}");
            }
        }
        let far = keys.begin("far", b"", 3, at(i64::MAX - 1)).unwrap();
        assert!(far.time_of(2).is_some());
    }

    #[test]
    fn the_last_batches_are_remembered_and_those_that_run() {
        let keys = keys();
        let begin =
            |number: usize| keys.begin(&number.to_string(), b"body", 1, at(number as i64)).unwrap();
        let first = begin(0);
        for number in 1..KEYS_MAX + 10 {
            begin(number).finish(vec![None]);
        }
        assert!(
            keys.begin("0", b"body", 1, at(0)).is_err_and(|failure| failure.kind == "conflict")
        );
        drop(first);
        assert_eq!(begin(0).begun, Begun::Before(at(0)));
        assert_eq!(begin(KEYS_MAX).begun, Begun::Done(vec![None]));
        assert!(matches!(begin(1).begun, Begun::Now(_)), "forgotten");
        assert!(lock(&keys.running).is_empty());
        let remembered = lock(&keys.open).as_ref().unwrap().memory.batches.len();
        assert!((KEYS_MAX..KEYS_MAX + 3).contains(&remembered), "{remembered}");
    }

    #[test]
    fn a_file_is_written_anew_once_it_is_long_and_is_read_back() {
        const PIECES: u32 = 1000;
        let directory = tempfile::tempdir().unwrap();
        let open = || Arc::new(Keys::new(Some(directory.path().to_owned())));
        let length = || std::fs::metadata(directory.path().join("KEYS")).unwrap().len();
        let begin = |keys: &Arc<Keys>, key: u32| {
            keys.begin(&key.to_string(), b"body", PIECES, at(i64::from(key))).unwrap()
        };
        let day = crate::time::Day::from_number(9).unwrap();
        let ids = |key: u32| {
            (0..PIECES).map(|it| Some(EventId::new(day, key * PIECES + it))).collect::<FirstIds>()
        };
        let keys = open();
        let mut fell = 0;
        let mut before = 0;
        for key in 0..300 {
            let running = begin(&keys, key);
            // The end of the one before is written down a second time.
            running.finish(ids(key));
            running.finish(ids(key));
            fell += u32::from(length() < before);
            before = length();
        }
        assert!(fell > 0, "what was there twice has gone");
        assert!(before < 2 * 300 * 8_200 + 1024 * 1024, "{before} bytes");
        drop(keys);
        let keys = open();
        for key in [0, 150, 299] {
            assert_eq!(begin(&keys, key).begun, Begun::Done(ids(key)));
        }
        assert!(length() < 300 * 8_200, "written anew when it was opened");
    }
}
