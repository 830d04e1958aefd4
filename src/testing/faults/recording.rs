//! A run of a program, kept operation by operation.
//!
//! Owns: [`Recording`] and [`Replay`], which give the disk after a power cut at any moment of the run
//! without running the program again.

use super::FaultyStorage;
use super::disk::{Disk, Operation};
use super::plan::Fate;
use crate::codec::bytes::checksum;

/// What was done to a disk, from [`FaultyStorage::record`] on.
#[derive(Debug, Clone)]
pub struct Recording {
    base: Disk,
    steps: Vec<(Operation, Fate)>,
}

/// A recording on its way from its first operation to its last.
///
/// ```
/// use diurnal::testing::FaultyStorage;
/// use diurnal::{NewEvent, Store};
///
/// let disk = FaultyStorage::new();
/// disk.record();
/// let store = Store::builder().open_on(&disk)?;
/// store.log_event(NewEvent::new(1, "start_session"))?;
/// let acknowledged_at = disk.operations();
/// drop(store);
///
/// let recording = disk.recording();
/// let mut replay = recording.replay();
/// replay.advance_to(acknowledged_at);
/// let found = Store::builder().open_on(&replay.after_cut(0))?;
/// assert_eq!(found.info()?.events, 1, "the power may go as soon as an event is acknowledged");
/// # Ok::<(), diurnal::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Replay<'a> {
    recording: &'a Recording,
    disk: Disk,
}

impl Recording {
    pub(super) fn new(base: Disk) -> Self {
        Self { base, steps: Vec::new() }
    }

    pub(super) fn push(&mut self, operation: Operation, fate: Fate) {
        self.steps.push((operation, fate));
    }

    /// The number of the first operation.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.base.operations
    }

    /// The number after that of the last operation.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.first() + self.steps.len() as u64
    }

    /// The operations in words, each with its number.
    #[must_use]
    pub fn trace(&self) -> Vec<String> {
        let words = |(number, (operation, fate)): (u64, &(Operation, Fate))| match fate {
            Fate::Done => format!("{number} {operation}"),
            Fate::Lied => format!("{number} {operation}: not done"),
            Fate::Failed { .. } => format!("{number} {operation}: failed"),
        };
        (self.first()..).zip(&self.steps).map(words).collect()
    }

    /// The same for runs that did the same, byte for byte.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let mut sums = self.base.fingerprint().to_le_bytes().to_vec();
        for (line, (operation, _)) in self.trace().iter().zip(&self.steps) {
            sums.extend_from_slice(&checksum(line.as_bytes()).to_le_bytes());
            if let Operation::Write { data, .. } = operation {
                sums.extend_from_slice(&checksum(data).to_le_bytes());
            }
        }
        checksum(&sums)
    }

    /// Goes through the run again, from its start.
    #[must_use]
    pub fn replay(&self) -> Replay<'_> {
        Replay { recording: self, disk: self.base.clone() }
    }
}

impl<'a> Replay<'a> {
    fn next(&self) -> Option<&'a (Operation, Fate)> {
        let recording: &'a Recording = self.recording;
        let done = self.disk.operations - recording.first();
        recording.steps.get(usize::try_from(done).unwrap_or(usize::MAX))
    }

    /// The number of the next operation.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.disk.operations
    }

    /// Goes on to just before the operation of this number, or to the end; never back.
    pub fn advance_to(&mut self, operation: u64) {
        while self.disk.operations < operation.min(self.recording.end()) {
            let Some((operation, fate)) = self.next() else { return };
            self.disk.apply(operation, *fate);
        }
    }

    /// The disk as it is at this moment, the power being on; its operations go on being counted.
    #[must_use]
    pub fn now(&self) -> FaultyStorage {
        FaultyStorage::of(self.disk.clone())
    }

    /// The disk that is found when the power is cut during the next operation, as
    /// [`FaultyStorage::after_cut`] gives it.
    #[must_use]
    pub fn after_cut(&self, seed: u64) -> FaultyStorage {
        let in_flight = self.next().map(|(operation, _)| operation);
        FaultyStorage::of(self.disk.after_cut(in_flight, seed))
    }
}
