//! What is new in the days since a subscription looked last.
//!
//! Owns: finding it, in order of arrival within each day, and going past what cannot be read. Does not own
//! how far a subscription has come (`progress`), nor which rows match (`query`).
//!
//! Invariants: what is gone past was delivered, does not match, holds no event, or is owed; at most as many
//! events are read as a batch has room for, and the blocks that hold them; an error that was told once
//! does not keep the rest of the day, or other days, from being delivered.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::codec::bytes::checksum;
use crate::day::contents::BlockEntry;
use crate::day::part::Part;
use crate::day::view::DayView;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, EventId};
use crate::query::eval::{self, Trace};
use crate::query::plan::Plan;
use crate::query::rows::event_of;
use crate::snapshot::{Snapshot, gap_error};
use crate::subscription::position::Mark;
use crate::subscription::progress::{Found, Look, Progress, Reached};
use crate::time::Day;

/// One turn of a subscription.
pub(super) struct Turn<'a> {
    pub(super) snapshot: Snapshot,
    pub(super) plan: &'a Plan,
    pub(super) events_max: usize,
    pub(super) events: Vec<Event>,
}

/// How the reading of a stretch of ordinals ended.
enum Stop {
    /// All of it was read.
    End,
    /// The batch is full; this ordinal comes next.
    Full(u32),
    /// These ordinals could not be read.
    Unreadable(Range<u32>, Error),
}

impl Turn<'_> {
    /// Gathers what is new; whether that may not be all. An error is given back only where there is no
    /// event to give.
    pub(super) fn gather(&mut self, progress: &mut Progress) -> Result<bool> {
        progress.begin_turn();
        let outcome = self.gather_days(progress);
        progress.drops = self.snapshot.drops();
        outcome
    }

    fn gather_days(&mut self, progress: &mut Progress) -> Result<bool> {
        let days = self.snapshot.days();
        progress.note_absent(&days.iter().copied().collect::<BTreeSet<Day>>());
        for day in days {
            let found = Found::of(&self.snapshot, day);
            let dropped = self.snapshot.was_dropped_since(day, progress.drops);
            let reached = progress.days.entry(day).or_default();
            if dropped {
                reached.restart();
            }
            if reached.is_as_left(found) {
                continue;
            }
            let before = reached.next;
            let outcome = self.gather_day(day, found, reached);
            if reached.next != before {
                progress.touch(day);
            }
            match outcome {
                Ok(true) => {}
                Ok(false) => return Ok(true),
                // It is met again, and told then.
                Err(_) if !self.events.is_empty() => return Ok(true),
                Err(error) => {
                    if let Some(day) = error.day().filter(|_| is_damage(&error)) {
                        progress.days.entry(day).or_default().told.insert(word_of(&error));
                    }
                    return Err(error);
                }
            }
        }
        Ok(false)
    }

    /// Gathers what is new in a day; false where the batch is full before its end.
    fn gather_day(&mut self, day: Day, found: Found, reached: &mut Reached) -> Result<bool> {
        let nothing = reached.next == 0 || reached.mark == Some(Mark::Nothing);
        if nothing && !self.plan.may_match(day, self.snapshot.summary(day)) {
            (reached.next, reached.look) = (found.end.unwrap_or(0), Some(found.look));
            reached.mark = Some(Mark::Nothing);
            return Ok(true);
        }
        let view = match self.view(day, reached) {
            Ok(Some(view)) => view,
            // Dropped meanwhile.
            Ok(None) => return Ok(true),
            Err(error) if was_told(reached, &error) => {
                reached.look = Some(found.look);
                return Ok(true);
            }
            Err(error) => return Err(error),
        };
        if !is_same(&view, reached) {
            reached.restart();
        }
        let retried = reached.look != Some(found.look) && !self.snapshot.gaps.contains(&day);
        if retried && !self.read_owed(&view, reached)? {
            return Ok(false);
        }
        let read = self.read_new(&view, reached);
        // Where it cannot be read the day is taken for itself.
        reached.mark = mark(&view, reached.next).ok();
        let ended = read?;
        if ended {
            reached.look = Some(found.look);
            if reached.owed.is_empty() {
                reached.told.clear();
            }
        }
        Ok(ended)
    }

    /// The day, its files held open; what was set aside of it becomes owed once that was told.
    fn view(&mut self, day: Day, reached: &mut Reached) -> Result<Option<DayView>> {
        if self.snapshot.gaps.contains(&day) {
            let error = gap_error(day);
            let Some(after) = self.snapshot.view_after_gap(day)? else { return Err(error) };
            let lost = after.parts.iter().take_while(|part| part.is_lost()).last();
            let lost = lost.map_or(0, |part| part.end());
            if reached.next < lost {
                if !was_told(reached, &error) {
                    return Err(error);
                }
                owe(reached, reached.next..lost);
                reached.next = lost;
            }
            self.snapshot.leave_out(day);
        }
        self.snapshot.held_view(day)
    }

    /// Reads what is owed of a day that has changed; false where the batch is full.
    fn read_owed(&mut self, view: &DayView, reached: &mut Reached) -> Result<bool> {
        let mut left = std::mem::take(&mut reached.owed);
        while !left.is_empty() {
            let range = left.remove(0);
            match self.read(view, range.clone()) {
                Stop::End => {}
                Stop::Full(next) => {
                    left.insert(0, next..range.end);
                    left.retain(|range| !range.is_empty());
                    reached.owed.append(&mut left);
                    return Ok(false);
                }
                Stop::Unreadable(unread, error) => {
                    left.insert(0, unread.end..range.end);
                    left.retain(|range| !range.is_empty());
                    reached.owed.push(unread);
                    if !was_told(reached, &error) {
                        reached.owed.append(&mut left);
                        return Err(error);
                    }
                }
            }
        }
        Ok(true)
    }

    /// Reads what has come to a day; false where the batch is full.
    fn read_new(&mut self, view: &DayView, reached: &mut Reached) -> Result<bool> {
        loop {
            match self.read(view, reached.next..view.end()) {
                Stop::End => {
                    reached.next = view.end();
                    return Ok(true);
                }
                Stop::Full(next) => {
                    reached.next = next;
                    return Ok(false);
                }
                Stop::Unreadable(unread, error) => {
                    reached.next = unread.start;
                    if !was_told(reached, &error) {
                        return Err(error);
                    }
                    reached.next = unread.end;
                    owe(reached, unread);
                }
            }
        }
    }

    /// Reads the events of a stretch of ordinals, as far as the batch has room.
    fn read(&mut self, view: &DayView, wanted: Range<u32>) -> Stop {
        let place = view.parts.partition_point(|part| part.end() <= wanted.start);
        for part in view.parts[place..].iter().filter(|part| !part.is_lost()) {
            let range = wanted.start.max(part.first)..wanted.end.min(part.end());
            if range.is_empty() {
                break;
            }
            let room = self.events_max - self.events.len();
            if room == 0 {
                return Stop::Full(range.start);
            }
            match self.read_part(view, part, range, room) {
                Ok(None) => {}
                Ok(Some(next)) => return Stop::Full(next),
                Err((unread, error)) => return Stop::Unreadable(unread, error.on_day(view.day)),
            }
        }
        Stop::End
    }

    /// Reads the events of a stretch of a part; the ordinal that comes next, where there was not room
    /// for all. What cannot be read is the stretch, where its index is damaged, or the rest of a block.
    fn read_part(
        &mut self,
        view: &DayView,
        part: &Part,
        range: Range<u32>,
        room: usize,
    ) -> Result<Option<u32>, (Range<u32>, Error)> {
        let damaged = |error| (range.clone(), error);
        let matches = eval::matches(view, part, self.plan, &mut Trace::default());
        let matches = matches.map_err(damaged)?;
        let mut rows = matches.iter_in(range.start - part.first..range.end - part.first);
        let wanted: Vec<u32> = rows.by_ref().take(room).map(|row| part.first + row).collect();
        let mut rest = wanted.as_slice();
        for block in view.open(part).map_err(damaged)?.blocks() {
            let within = rest.partition_point(|ordinal| *ordinal < block.end());
            let (here, after) = rest.split_at(within);
            rest = after;
            if here.is_empty() {
                continue;
            }
            let places: Vec<u32> = here.iter().map(|ordinal| ordinal - block.first).collect();
            let unread = here[0]..block.end().min(range.end);
            let rows = view.block_rows(block, &places).map_err(|error| (unread, error))?;
            for (ordinal, row) in here.iter().zip(rows) {
                self.events.push(event_of(EventId::new(view.day, *ordinal), row));
            }
        }
        // The first match that there was no room for.
        Ok(rows.next().map(|row| part.first + row))
    }
}

/// What a day is known by that was gone past up to this ordinal: its last event before it.
pub(super) fn mark(view: &DayView, next: u32) -> Result<Mark> {
    for part in view.parts.iter().rev().filter(|it| it.first < next && it.events() > 0) {
        let part = view.open(part)?;
        let may_hold = |block: &&BlockEntry| block.first < next && block.zone.rows > 0;
        for block in part.blocks().iter().rev().filter(may_hold) {
            let rows = block.rows.min(next - block.first);
            for place in (0..rows).rev() {
                if let Some(hash) = hash_at(view, block, place)? {
                    return Ok(Mark::Event { hash, back: next - 1 - (block.first + place) });
                }
            }
        }
    }
    Ok(Mark::Nothing)
}

/// The hash of a row; `None` for a hole.
fn hash_at(view: &DayView, block: &BlockEntry, place: u32) -> Result<Option<u32>> {
    let row = view.block_rows(block, &[place])?.pop().filter(|row| !row.is_hole());
    let hash = row.map(|row| {
        let mut bytes = row.server_time.as_micros().to_le_bytes().to_vec();
        bytes.extend_from_slice(row.session_id.as_bytes());
        bytes.push(0);
        bytes.extend_from_slice(row.event_type.as_bytes());
        let [a, b, c, d, ..] = checksum(&bytes).to_le_bytes();
        u32::from_le_bytes([a, b, c, d]).max(1)
    });
    Ok(hash)
}

/// Whether a day is the one that was gone past, or has begun anew since. One of which no event was gone
/// past, or none that may match, may be either, and is read again from its beginning.
fn is_same(view: &DayView, reached: &Reached) -> bool {
    if reached.next > view.end() {
        return false;
    }
    let (hash, ordinal) = match reached.mark {
        None => return reached.look != Some(Look::Absent),
        // What is owed must not be forgotten.
        Some(Mark::Nothing) => return !reached.owed.is_empty(),
        Some(Mark::Event { hash, back }) => (hash, reached.next.checked_sub(back + 1)),
    };
    let now = ordinal.and_then(|ordinal| {
        let block = view.block_at(ordinal).transpose()?;
        Some(block.and_then(|block| hash_at(view, &block, ordinal - block.first)))
    });
    // A row that was erased or lost since, or cannot be read, says nothing.
    !matches!(now, Some(Ok(Some(now))) if now != hash)
}

fn is_damage(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Version)
}

/// An error by its text.
fn word_of(error: &Error) -> u64 {
    checksum(error.to_string().as_bytes())
}

/// Whether this is damage of which the subscriber knows.
fn was_told(reached: &Reached, error: &Error) -> bool {
    is_damage(error) && reached.told.contains(&word_of(error))
}

/// Keeps a stretch before `next` for later.
fn owe(reached: &mut Reached, range: Range<u32>) {
    match reached.owed.last_mut() {
        _ if range.is_empty() => {}
        Some(last) if last.end == range.start => last.end = range.end,
        _ => reached.owed.push(range),
    }
}
