//! Whether another process has written to a store, at a glance.
//!
//! Owns: [`Watch`]: what is compared between two looks, and when it is not believed. Does not own what a look
//! costs or finds (`snapshot`).
//!
//! A glance costs the stamp of the days' folder, and the opening and one read of 320 bytes of the catalog
//! and of the log of each day that is being written, at most five: no more, however many days there are.
//! An event comes through a log: one that is being written shows it in its header, one that was begun in
//! the folder. The times of a folder tick: what changes within the tick of a look is found by the next
//! look, and therefore there always is one. Where the ticks are longer than between two looks, the catalog
//! shows that a day was sealed, and a look at everything every so often is what is left.

use std::time::{Duration, Instant};

use crate::catalog;
use crate::codec::bytes::checksum;
use crate::day::{FOLDER, FileKind};
use crate::error::{Error, Result};
use crate::limits::SUBSCRIPTION_POLLS_UNLISTED_MAX;
use crate::snapshot::{Shelf, Snapshot};
use crate::storage::engine::header_print;
use crate::time::Day;

/// What a store looked like at a glance.
#[derive(Debug, Default)]
pub(super) struct Watch {
    print: Option<u64>,
    /// The days that were being written.
    live: Vec<Day>,
    /// When the days were looked at, until they have been looked at once more.
    again: Option<Instant>,
    idle_polls: u32,
}

impl Watch {
    /// Whether the days are to be looked at. What changes from here on is seen by the next glance.
    pub(super) fn glance(&mut self, shelf: &Shelf, poll_interval: Duration) -> Result<bool> {
        let print = Some(self.print_of(shelf)?);
        let again = self.again.is_some_and(|at| at.elapsed() >= poll_interval);
        if print == self.print && !again && self.idle_polls < SUBSCRIPTION_POLLS_UNLISTED_MAX {
            self.idle_polls += 1;
            return Ok(false);
        }
        self.again = (print != self.print).then(Instant::now);
        self.print = print;
        self.idle_polls = 0;
        Ok(true)
    }

    /// Says what a look has found.
    pub(super) fn looked(&mut self, snapshot: &Snapshot) {
        self.live = snapshot.live.keys().copied().collect();
    }

    fn print_of(&self, shelf: &Shelf) -> Result<u64> {
        let directory = &*shelf.directory;
        let folder = directory.folder_stamp(FOLDER);
        let mut prints = vec![
            folder.map_err(|error| Error::io("looking at the days' folder", error))?,
            header_print(directory, catalog::NAME),
        ];
        let logs = self.live.iter().map(|day| FileKind::Log.name(*day));
        prints.extend(logs.map(|name| header_print(directory, &name)));
        Ok(checksum(&prints.iter().flat_map(|print| print.to_le_bytes()).collect::<Vec<u8>>()))
    }
}
