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
    kind: Kind,
    lasting: bool,
    written: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Io,
    Full,
    Lie,
}

impl Fault {
    const fn new(at: u64, kind: Kind) -> Self {
        Self { at, kind, lasting: false, written: 0 }
    }

    /// An input/output error at the operation of this number. One at a sync loses, by chance, what was
    /// to be synced, and later syncs succeed without it.
    pub const fn io(operation: u64) -> Self {
        Self::new(operation, Kind::Io)
    }

    /// A disk that is full at the operation of this number, unless that removes something.
    pub const fn full(operation: u64) -> Self {
        Self::new(operation, Kind::Full)
    }

    /// A sync, where the operation of this number is one, that says that it is done and has done
    /// nothing, as cheap cards do.
    pub const fn lie(operation: u64) -> Self {
        Self::new(operation, Kind::Lie)
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
    /// A sync said that it was done.
    Lied,
    /// A write had written so many bytes; a sync lost by this seed what it was to sync.
    Failed {
        written: usize,
        seed: u64,
    },
}

/// What a disk makes of the next operation.
#[derive(Debug)]
pub(super) enum Ruling {
    Do(Fate),
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
        let due = self.faults.iter().find(|fault| {
            let now = fault.at == number || (fault.lasting && fault.at < number);
            now && fault.kind.concerns(operation)
        });
        match due {
            Some(Fault { kind: Kind::Lie, .. }) => Ruling::Do(Fate::Lied),
            Some(fault) => {
                let fate = Fate::Failed { written: fault.written, seed: number };
                let error = match fault.kind {
                    Kind::Full => io::ErrorKind::StorageFull.into(),
                    Kind::Io | Kind::Lie => io::Error::other("input/output error, as planned"),
                };
                Ruling::Fail(fate, error)
            }
            None if has_room => Ruling::Do(Fate::Done),
            None => {
                let fate = Fate::Failed { written: 0, seed: number };
                Ruling::Fail(fate, io::ErrorKind::StorageFull.into())
            }
        }
    }
}

impl Kind {
    fn concerns(self, operation: &Operation) -> bool {
        match self {
            Self::Io => true,
            Self::Full => !matches!(operation, Operation::Remove { .. }),
            Self::Lie => {
                matches!(operation, Operation::Sync { .. } | Operation::SyncFolder { .. })
            }
        }
    }
}
