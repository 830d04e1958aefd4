//! A disk in memory that tells what is durable from what is not yet.
//!
//! Owns: files and names, as programs see them and as a power cut would leave them, and what each
//! operation does to both. Does not own when an operation fails (`plan`), nor what of the unsynced
//! survives (`cut`).
//!
//! Invariants: a sync makes a file's content durable, and its name only the sync of its folder; names of
//! one folder become durable in the order of their changes; a rename is whole or absent.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use super::cut::Random;
use super::plan::Fate;
use crate::codec::bytes::checksum;

/// The unit in which a card is written, at least.
pub(super) const PAGE_BYTES: u64 = 4096;

/// Tells files apart, whatever their names.
pub(super) type FileId = u64;

/// What changes a disk.
#[derive(Debug, Clone)]
pub(super) enum Operation {
    Create { name: String, file: FileId },
    Write { name: Arc<str>, file: FileId, offset: u64, data: Arc<[u8]> },
    SetLen { name: Arc<str>, file: FileId, len: u64 },
    Sync { name: Arc<str>, file: FileId },
    Rename { from: String, to: String },
    Remove { name: String },
    SyncFolder { folder: String },
}

/// A change of a file's content.
#[derive(Debug, Clone)]
pub(super) enum Change {
    Write { offset: u64, data: Arc<[u8]> },
    SetLen(u64),
}

/// A change of a folder's names.
#[derive(Debug, Clone)]
pub(super) enum NameChange {
    Create(String, FileId),
    Rename(String, String),
    Remove(String),
}

/// What has not been synced, with the number of the operation that did it.
pub(super) type Unsynced<C> = Vec<(u64, C)>;

/// One file.
#[derive(Debug, Clone, Default)]
pub(super) struct File {
    pub(super) durable: Arc<Vec<u8>>,
    pub(super) unsynced: Unsynced<Change>,
    /// What programs see.
    pub(super) current: Arc<Vec<u8>>,
    /// Pages written since the last sync.
    dirty: BTreeSet<u64>,
    /// How many hold it open.
    pub(super) open: usize,
}

/// Which file has a name.
pub(super) type Names = BTreeMap<String, FileId>;

/// The disk.
#[derive(Debug, Clone, Default)]
pub(super) struct Disk {
    pub(super) files: BTreeMap<FileId, File>,
    pub(super) names: Names,
    pub(super) durable_names: Names,
    pub(super) unsynced_names: Unsynced<NameChange>,
    pub(super) last_file: FileId,
    /// How many operations there have been.
    pub(super) operations: u64,
}

impl Operation {
    /// Bytes by which a disk may have to grow for it.
    pub(super) fn growth(&self, disk: &Disk) -> u64 {
        let (file, end) = match self {
            Self::Write { file, offset, data, .. } => (file, offset + data.len() as u64),
            Self::SetLen { file, len, .. } => (file, *len),
            _ => return 0,
        };
        end.saturating_sub(disk.files.get(file).map_or(0, |file| file.current.len() as u64))
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create { name, .. } => write!(f, "create {name}"),
            Self::Write { name, offset, data, .. } => {
                write!(f, "write {name}: {} bytes at {offset}", data.len())
            }
            Self::SetLen { name, len, .. } => write!(f, "set length {name}: {len}"),
            Self::Sync { name, .. } => write!(f, "sync {name}"),
            Self::Rename { from, to } => write!(f, "rename {from} to {to}"),
            Self::Remove { name } => write!(f, "remove {name}"),
            Self::SyncFolder { folder } => write!(f, "sync folder {folder:?}"),
        }
    }
}

impl Change {
    pub(super) fn apply(&self, content: &mut Arc<Vec<u8>>) {
        let content = Arc::make_mut(content);
        match self {
            Self::Write { offset, data } => {
                let start = place(*offset);
                let end = start + data.len();
                if content.len() < end {
                    content.resize(end, 0);
                }
                content[start..end].copy_from_slice(data);
            }
            Self::SetLen(len) => content.resize(place(*len), 0),
        }
    }
}

impl NameChange {
    pub(super) fn apply(&self, names: &mut Names) {
        match self {
            Self::Create(name, file) => {
                names.insert(name.clone(), *file);
            }
            Self::Rename(from, to) => {
                if let Some(file) = names.remove(from) {
                    names.insert(to.clone(), file);
                }
            }
            Self::Remove(name) => {
                names.remove(name);
            }
        }
    }

    /// The folder whose sync makes it durable.
    pub(super) fn folder(&self) -> &str {
        match self {
            Self::Create(name, _) | Self::Rename(_, name) | Self::Remove(name) => folder_of(name),
        }
    }
}

/// The folder of a name, and the name within it.
pub(super) fn split(name: &str) -> (&str, &str) {
    name.rsplit_once('/').unwrap_or(("", name))
}

fn folder_of(name: &str) -> &str {
    split(name).0
}

/// An offset in memory; a disk here is far smaller than memory.
fn place(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

impl File {
    /// A file with nothing unsynced.
    pub(super) fn durable(content: Arc<Vec<u8>>) -> Self {
        Self { current: content.clone(), durable: content, ..Self::default() }
    }

    fn change(&mut self, number: u64, change: Change) {
        change.apply(&mut self.current);
        self.unsynced.push((number, change));
    }

    fn sync(&mut self) {
        for (_, change) in self.unsynced.drain(..) {
            change.apply(&mut self.durable);
        }
        self.dirty.clear();
    }

    /// A sync that failed: what was unsynced is durable or will never be, though programs may go on
    /// seeing it.
    fn lose(&mut self, seed: u64) {
        let mut random = Random::new(seed);
        for (_, change) in self.unsynced.drain(..) {
            if random.below(2) == 0 {
                change.apply(&mut self.durable);
            }
        }
        self.dirty.clear();
        if random.below(2) == 0 {
            self.current = self.durable.clone();
        }
    }

    /// Notes the pages that a write touches; how many were clean.
    pub(super) fn dirty(&mut self, offset: u64, len: usize) -> u64 {
        if len == 0 {
            return 0;
        }
        let last = (offset + len as u64 - 1) / PAGE_BYTES;
        (offset / PAGE_BYTES..=last).filter(|page| self.dirty.insert(*page)).count() as u64
    }
}

impl Disk {
    /// Does what an operation does, as far as its fate lets it.
    pub(super) fn apply(&mut self, operation: &Operation, fate: Fate) {
        let number = self.operations;
        self.operations += 1;
        match (operation, fate) {
            (Operation::Sync { file, .. }, Fate::Failed { seed, .. }) => {
                if let Some(file) = self.files.get_mut(file) {
                    file.lose(seed);
                }
            }
            (Operation::Write { file, offset, data, .. }, Fate::Failed { written, .. })
                if written > 0 =>
            {
                let data = data[..written.min(data.len())].into();
                self.change(number, *file, Change::Write { offset: *offset, data });
            }
            (_, Fate::Failed { .. } | Fate::Lied) => {}
            (operation, Fate::Done) => self.perform(number, operation),
        }
    }

    fn perform(&mut self, number: u64, operation: &Operation) {
        match operation {
            Operation::Create { name, file } => {
                self.files.insert(*file, File::default());
                self.last_file = self.last_file.max(*file);
                self.rename(number, NameChange::Create(name.clone(), *file));
            }
            Operation::Write { file, offset, data, .. } => {
                let change = Change::Write { offset: *offset, data: data.clone() };
                self.change(number, *file, change);
            }
            Operation::SetLen { file, len, .. } => {
                self.change(number, *file, Change::SetLen(*len));
            }
            Operation::Sync { file, .. } => {
                if let Some(file) = self.files.get_mut(file) {
                    file.sync();
                }
            }
            Operation::Rename { from, to } => {
                self.rename(number, NameChange::Rename(from.clone(), to.clone()));
            }
            Operation::Remove { name } => self.rename(number, NameChange::Remove(name.clone())),
            Operation::SyncFolder { folder } => self.sync_folder(folder),
        }
    }

    fn change(&mut self, number: u64, file: FileId, change: Change) {
        // A replay knows no open files, so one without a name may be gone by now.
        if let Some(file) = self.files.get_mut(&file) {
            file.change(number, change);
        }
    }

    fn rename(&mut self, number: u64, change: NameChange) {
        change.apply(&mut self.names);
        self.unsynced_names.push((number, change));
    }

    fn sync_folder(&mut self, folder: &str) {
        let durable = &mut self.durable_names;
        self.unsynced_names.retain(|(_, change)| {
            let here = change.folder() == folder;
            if here {
                change.apply(durable);
            }
            !here
        });
        if self.unsynced_names.is_empty() {
            let named: BTreeSet<_> =
                self.names.values().chain(self.durable_names.values()).copied().collect();
            self.files.retain(|id, file| file.open > 0 || named.contains(id));
        }
    }

    /// The same for the same names and contents, as programs see them.
    pub(super) fn fingerprint(&self) -> u64 {
        let mut sums = Vec::new();
        for (name, id) in &self.names {
            let content = self.files.get(id).map_or(&[][..], |file| file.current.as_slice());
            sums.extend_from_slice(&checksum(name.as_bytes()).to_le_bytes());
            sums.extend_from_slice(&checksum(content).to_le_bytes());
        }
        checksum(&sums)
    }

    /// What the next file is told apart by.
    pub(super) fn next_file(&mut self) -> FileId {
        self.last_file += 1;
        self.last_file
    }

    /// Bytes that are taken: those of files that have a name or are open.
    pub(super) fn used_bytes(&self) -> u64 {
        let named: BTreeSet<_> = self.names.values().collect();
        let taken = self.files.iter().filter(|(id, file)| file.open > 0 || named.contains(id));
        taken.map(|(_, file)| file.current.len() as u64).sum()
    }

    /// The file of a name.
    pub(super) fn named(&self, name: &str) -> Option<(FileId, &File)> {
        let id = *self.names.get(name)?;
        Some((id, self.files.get(&id)?))
    }

    /// Makes a file's content this, durably, whoever has it open.
    pub(super) fn set_content(&mut self, name: &str, content: Vec<u8>) {
        let id = match self.names.get(name) {
            Some(id) => *id,
            None => self.next_file(),
        };
        self.names.insert(name.to_owned(), id);
        self.durable_names.insert(name.to_owned(), id);
        let file = self.files.entry(id).or_default();
        file.unsynced.clear();
        file.durable = Arc::new(content);
        file.current = file.durable.clone();
    }

    /// Takes a name away, durably.
    pub(super) fn forget(&mut self, name: &str) {
        self.names.remove(name);
        self.durable_names.remove(name);
        self.unsynced_names.retain(|(_, change)| match change {
            NameChange::Create(of, _) | NameChange::Remove(of) => of != name,
            NameChange::Rename(_, to) => to != name,
        });
    }
}
