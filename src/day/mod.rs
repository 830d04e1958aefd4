//! One UTC day: its files, and what is in them.
//!
//! Owns: the names of a day's files and the rooms below: `file` (the day's columns and postings),
//! `log` (the redb file of a day that is being written), `part` (what both list), `contents` (what a part
//! holds), `fold` (rows become columns and postings), `tail` (rows not yet folded), `salvage` (the rows of a
//! damaged log), `cache` (what has been decoded), `live` (a day being written), `view` (a day as a query
//! sees it). Does not own which days exist, nor what a query wants.
//!
//! A day has up to two files:
//!
//! - `2026-11-23.day`, append-only: blocks of columns, pages of postings and, for each part, what it
//!   holds of them, each under a checksum; and, once the day is *sealed*, a footer that lists the parts.
//! - `2026-11-23.log.redb`, only while the day is being written: the tail, and the list of the parts
//!   that are valid in the other file. While it is there, it alone says what the day holds.
//!
//! Invariants: a row is in the tail or in exactly one block, decided by one redb transaction; a
//! block and its postings become valid together; bytes of the `.day` file beyond the valid length
//! are leftovers of an interrupted fold and are never read.

pub(crate) mod cache;
pub(crate) mod contents;
pub(crate) mod file;
pub(crate) mod fold;
pub(crate) mod live;
pub(crate) mod log;
pub(crate) mod part;
pub(crate) mod salvage;
pub(crate) mod tail;
pub(crate) mod view;

use crate::time::Day;

/// The folder of the days' files.
pub(crate) const FOLDER: &str = "days";

/// The folders of a store.
pub(crate) const FOLDERS: [&str; 2] = ["", FOLDER];

/// What is said after the name of a damaged file whose rows may still be salvaged.
pub(crate) const QUARANTINED: &str = "quarantined";

/// What a file of the folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileKind {
    /// Columns and postings.
    Columns,
    /// The redb file of a day that is being written.
    Log,
    /// The mark of a day whose drop has begun: its log, or an empty file where it had none.
    Dropped,
    /// What could be read of a damaged day, to take its place.
    Rebuilt,
    /// The mark of a day whose damaged files were set aside, and which goes on after a gap.
    Gap,
}

impl FileKind {
    const ALL: [Self; 5] = [Self::Columns, Self::Log, Self::Dropped, Self::Rebuilt, Self::Gap];

    const fn suffix(self) -> &'static str {
        match self {
            Self::Columns => ".day",
            Self::Log => ".log.redb",
            Self::Dropped => ".dropped",
            Self::Rebuilt => ".rebuilt",
            Self::Gap => ".gap",
        }
    }

    /// The name of the day's file of this kind, within the store's directory.
    pub(crate) fn name(self, day: Day) -> String {
        format!("{FOLDER}/{day}{}", self.suffix())
    }

    /// What a file of the folder is, and of which day; `None` for a file that is not the store's.
    pub(crate) fn parse(name: &str) -> Option<(Day, Self)> {
        // What was set aside tells of a gap as its mark does.
        let aside = name.split_once(QUARANTINED).filter(|(_, number)| !number.contains('.'));
        let aside = aside.and_then(|(before, _)| before.strip_suffix('.'));
        if let Some((day, Self::Columns | Self::Log)) = aside.and_then(Self::parse) {
            return Some((day, Self::Gap));
        }
        Self::ALL.into_iter().find_map(|kind| {
            let day = name.strip_suffix(kind.suffix())?.parse().ok()?;
            Some((day, kind))
        })
    }
}
