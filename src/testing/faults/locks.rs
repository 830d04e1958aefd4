//! Locks on parts of a file.
//!
//! Owns: who holds which part, shared or alone. The rules are those of locks on open file descriptions:
//! a holder is never in its own way.

use std::ops::Bound;

/// The locks on one disk's files.
#[derive(Debug, Default)]
pub(super) struct RangeLocks(Vec<Held>);

/// A part of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) file: u64,
    pub(super) holder: u64,
    first: u64,
    last: u64,
}

#[derive(Debug)]
struct Held {
    part: Part,
    shared: bool,
}

impl Part {
    pub(super) fn new(file: u64, holder: u64, start: Bound<u64>, end: Bound<u64>) -> Self {
        let first = match start {
            Bound::Included(first) => first,
            Bound::Excluded(before) => before.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let last = match end {
            Bound::Included(last) => last,
            Bound::Excluded(after) => after.saturating_sub(1),
            Bound::Unbounded => u64::MAX,
        };
        Self { file, holder, first, last }
    }

    fn meets(&self, other: &Self) -> bool {
        self.file == other.file && self.first <= other.last && other.first <= self.last
    }
}

impl RangeLocks {
    /// Whether somebody else holds some of a part in a way that this holder cannot share.
    pub(super) fn conflict(&self, part: Part, shared: bool) -> bool {
        let in_the_way = |held: &Held| held.part.holder != part.holder && !(shared && held.shared);
        self.0.iter().any(|held| held.part.meets(&part) && in_the_way(held))
    }

    /// Takes a part, unless somebody is in the way.
    pub(super) fn take(&mut self, part: Part, shared: bool) -> bool {
        let free = !self.conflict(part, shared);
        if free {
            self.0.push(Held { part, shared });
        }
        free
    }

    /// Gives a part back.
    pub(super) fn release(&mut self, part: Part) {
        self.0.retain(|held| held.part != part);
    }

    /// Gives back everything of a holder's.
    pub(super) fn release_all(&mut self, holder: u64) {
        self.0.retain(|held| held.part.holder != holder);
    }
}
