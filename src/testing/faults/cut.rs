//! What a power cut leaves of what was not synced.
//!
//! Owns: the choice, by a seed, of the writes that survive whole, in part or not at all, and of the names
//! that are there. Does not own what was synced: that survives (`disk`).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::disk::{Change, Disk, File, Names, Operation, Unsynced};
use super::plan::Fate;

/// Bytes that a disk writes whole or not at all.
const SECTOR_BYTES: usize = 512;

/// Numbers that look random and are the same for the same seed (SplitMix64).
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }
}

/// How much survives.
#[derive(Debug, Clone, Copy)]
enum Survival {
    Nothing,
    Everything,
    /// Everything but the end of the last operation.
    LastTorn,
    /// Each change by itself, with a chance of so many in eight.
    Mixed(u64),
}

/// A cut under way.
struct Cut {
    random: Random,
    survival: Survival,
    /// The number of the last operation.
    last: u64,
}

impl Disk {
    /// The disk as it is found after the power was cut while `in_flight` was done.
    pub(super) fn after_cut(&self, in_flight: Option<&Operation>, seed: u64) -> Self {
        let mut before = self.clone();
        if let Some(operation) = in_flight
            && !matches!(operation, Operation::Sync { .. } | Operation::SyncFolder { .. })
        {
            // A sync under way has done any part of its work, as none under way has.
            before.apply(operation, Fate::Done);
        }
        let mut random = Random::new(seed ^ before.operations.rotate_left(32));
        let survival = match seed {
            0 => Survival::Nothing,
            1 => Survival::Everything,
            2 => Survival::LastTorn,
            _ => Survival::Mixed([1, 4, 7][random.below(3) as usize]),
        };
        let mut cut = Cut { random, survival, last: before.operations.saturating_sub(1) };
        let names = cut.names(before.durable_names, &before.unsynced_names);
        let mut left = Self { last_file: before.last_file, ..Self::default() };
        for (id, file) in before.files {
            let content = cut.content(file.durable, &file.unsynced);
            if names.values().any(|named| *named == id) {
                let file = File::durable(content);
                left.files.insert(id, file);
            }
        }
        left.names.clone_from(&names);
        left.durable_names = names;
        left
    }
}

impl Cut {
    /// Names become durable in their order: of each folder a beginning of the changes survives.
    fn names(&mut self, mut durable: Names, unsynced: &Unsynced<super::disk::NameChange>) -> Names {
        let mut folders = BTreeMap::<&str, Vec<_>>::new();
        for (_, change) in unsynced {
            folders.entry(change.folder()).or_default().push(change);
        }
        for changes in folders.into_values() {
            let kept = match self.survival {
                Survival::Nothing => 0,
                Survival::Everything | Survival::LastTorn => changes.len(),
                Survival::Mixed(_) => self.random.below(changes.len() as u64 + 1) as usize,
            };
            changes[..kept].iter().for_each(|change| change.apply(&mut durable));
        }
        durable
    }

    fn content(&mut self, mut durable: Arc<Vec<u8>>, unsynced: &Unsynced<Change>) -> Arc<Vec<u8>> {
        for (number, change) in unsynced {
            match self.survival {
                Survival::Nothing => {}
                Survival::LastTorn if *number == self.last => self.tear(change, &mut durable),
                Survival::Everything | Survival::LastTorn => change.apply(&mut durable),
                Survival::Mixed(chance) => match self.random.below(8) < chance {
                    true => change.apply(&mut durable),
                    false if self.random.below(2) == 0 => self.tear(change, &mut durable),
                    false => {}
                },
            }
        }
        durable
    }

    /// Of a write a beginning survives, to a sector's end or not, or some sectors do.
    fn tear(&mut self, change: &Change, content: &mut Arc<Vec<u8>>) {
        let Change::Write { offset, data } = change else { return };
        let len = self.random.below(data.len() as u64) as usize;
        let part = |range: std::ops::Range<usize>| Change::Write {
            offset: offset + range.start as u64,
            data: data[range].into(),
        };
        match self.random.below(3) {
            0 => part(0..len).apply(content),
            1 => part(0..len - len % SECTOR_BYTES).apply(content),
            _ => {
                for start in (0..data.len()).step_by(SECTOR_BYTES) {
                    if self.random.below(2) == 0 {
                        part(start..data.len().min(start + SECTOR_BYTES)).apply(content);
                    }
                }
            }
        }
    }
}
