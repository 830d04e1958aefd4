//! When a disk fails, and how.
//!
//! Owns: [`Fault`], and what becomes of each operation under the faults that are planned. Does not own what
//! a failure leaves behind (`disk`).

use std::io;

use super::disk::Operation;

/// A failure that is planned.
///
/// ```
/// use diurnal::testing::Fault;
///
/// let worn_out = Fault::io(100).for_good();
/// let full_for_a_moment = Fault::full(100).after(7);
/// # let _ = (worn_out, full_for_a_moment);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Fault {
    at: u64,
    full: bool,
    lasting: bool,
    written: usize,
}

impl Fault {
    /// An input/output error at the operation of this number. One at a sync loses, by chance, what was
    /// to be synced, and later syncs succeed without it.
    pub const fn io(operation: u64) -> Self {
        Self { at: operation, full: false, lasting: false, written: 0 }
    }

    /// A disk that is full at the operation of this number, unless that removes something.
    pub const fn full(operation: u64) -> Self {
        Self { at: operation, full: true, lasting: false, written: 0 }
    }

    /// The same fault at every later operation too.
    pub const fn for_good(mut self) -> Self {
        self.lasting = true;
        self
    }

    /// A write that fails has written this many bytes first.
    pub const fn after(mut self, bytes: usize) -> Self {
        self.written = bytes;
        self
    }
}

/// What became of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Done,
    /// A write had written so many bytes; a sync lost by this seed what it was to sync.
    Failed {
        written: usize,
        seed: u64,
    },
}

/// What a disk makes of the next operation.
#[derive(Debug)]
pub(super) enum Ruling {
    Do,
    CutPower,
    Fail(Fate, io::Error),
}

/// Everything that is planned.
#[derive(Debug, Clone, Default)]
pub(super) struct Plan {
    pub(super) cut_at: Option<u64>,
    pub(super) faults: Vec<Fault>,
}

impl Plan {
    /// What becomes of the operation of this number, on a disk with so many bytes left for it to grow.
    pub(super) fn rule(&self, number: u64, operation: &Operation, has_room: bool) -> Ruling {
        if self.cut_at.is_some_and(|cut| number >= cut) {
            return Ruling::CutPower;
        }
        let removes = matches!(operation, Operation::Remove { .. });
        let due = self.faults.iter().find(|fault| {
            let now = fault.at == number || (fault.lasting && fault.at < number);
            now && !(fault.full && removes)
        });
        match due {
            Some(fault) => {
                let fate = Fate::Failed { written: fault.written, seed: number };
                let error = match fault.full {
                    true => io::ErrorKind::StorageFull.into(),
                    false => io::Error::other("input/output error, as planned"),
                };
                Ruling::Fail(fate, error)
            }
            None if has_room => Ruling::Do,
            None => {
                let fate = Fate::Failed { written: 0, seed: number };
                Ruling::Fail(fate, io::ErrorKind::StorageFull.into())
            }
        }
    }
}
