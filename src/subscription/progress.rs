//! How far a subscription has come, day by day.
//!
//! Owns: [`Progress`]: what was gone past of each day, how it follows from a position and how it becomes
//! one again. Does not own the position's text (`position`), nor the reading of days (`delivery`).
//!
//! Invariants: a day that is not known is read from its beginning; what a position says of a day that it
//! lists is exactly what is known here.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::day::view::DayView;
use crate::event::EventId;
use crate::limits::{POSITION_DAYS_OLDEST, POSITION_DAYS_RECENT, POSITION_STRETCHES_MAX};
use crate::snapshot::{Sealed, Snapshot};
use crate::subscription::delivery::mark;
use crate::subscription::position::{DayPlace, Mark, Position, Stretch, digest};
use crate::time::Day;

/// How a day was found, to tell by whether it must be looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// Being written, or with a log that cannot be read; after a gap or not.
    Live { gap: bool },
    /// In a file of this length.
    Sealed { file_len: Option<u64>, stamp: u64 },
    /// Not there.
    Absent,
}

/// A day of a snapshot, unopened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) look: Look,
    /// The ordinal after its last one, where that is known.
    pub(super) end: Option<u32>,
}

/// How far a subscription has come in one day.
#[derive(Debug, Clone, Default)]
pub(super) struct Reached {
    /// The first ordinal that was not gone past.
    pub(super) next: u32,
    /// Ordinals before it that could not be read.
    pub(super) owed: Vec<Range<u32>>,
    /// Tells the day from one that takes its place; `None` where no row of it is known.
    pub(super) mark: Option<Mark>,
    /// How it was found when all of it was gone past that can be read; `None` where it is to be looked at.
    pub(super) look: Option<Look>,
    /// The errors that were told of it, by their hashes.
    pub(super) told: BTreeSet<u64>,
    /// The turn in which it was last gone on with.
    touched: u64,
}

/// How far a subscription has come.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pub(super) days: BTreeMap<Day, Reached>,
    /// How many days this process had dropped when they were looked at.
    pub(super) drops: u64,
    turn: u64,
}

impl Found {
    pub(super) fn of(snapshot: &Snapshot, day: Day) -> Self {
        let gap = snapshot.gaps.contains(&day);
        if let Some(view) = snapshot.live.get(&day) {
            return Self { look: Look::Live { gap }, end: view.as_ref().ok().map(DayView::end) };
        }
        let Some(sealed) = snapshot.sealed.get(&day) else {
            // Set aside, and not begun again.
            return Self { look: Look::Live { gap }, end: None };
        };
        let stamp = match sealed {
            Sealed::There { stamp, .. } | Sealed::Damaged { stamp, .. } => *stamp,
            Sealed::Missing { .. } => 0,
        };
        let end = Some(sealed.listed().end).filter(|end| *end > 0 || sealed.summary().is_some());
        Self { look: Look::Sealed { file_len: sealed.file_len(), stamp }, end }
    }
}

impl Reached {
    /// Whether nothing can have come to the day since it was looked at.
    pub(super) fn is_as_left(&self, found: Found) -> bool {
        matches!(found.look, Look::Sealed { .. }) && self.look == Some(found.look)
    }

    /// Goes back to the day's beginning: it is another than the one that was gone past.
    pub(super) fn restart(&mut self) {
        let Self { told, touched, .. } = std::mem::take(self);
        *self = Self { told, touched, ..Self::default() };
    }

    fn is_there(&self) -> bool {
        self.look != Some(Look::Absent)
    }

    /// Whether a position must list it: nothing else would say what is left of it.
    fn is_behind(&self) -> bool {
        !self.owed.is_empty() || !self.told.is_empty()
    }
}

impl Progress {
    /// Past everything that is there, durable as it is.
    pub(super) fn at_end_of(snapshot: &Snapshot) -> Self {
        let reached = |day| {
            let found = Found::of(snapshot, day);
            let (next, look) = (found.end?, Some(found.look));
            Some((day, Reached { next, look, ..Reached::default() }))
        };
        let days = snapshot.days().into_iter().filter_map(reached).collect();
        Self { days, drops: snapshot.drops(), turn: 0 }
    }

    /// Where a position was taken.
    pub(super) fn after(position: &Position, snapshot: &Snapshot) -> Self {
        let listed = position.days.iter().map(|place| {
            let DayPlace { day, next, mark, owed } = place.clone();
            (day, Reached { next, mark, owed, touched: 1, ..Reached::default() })
        });
        let mut progress = Self { days: listed.collect(), drops: snapshot.drops(), turn: 1 };
        let others: Vec<(Day, Found)> = snapshot
            .days()
            .into_iter()
            .filter(|day| !progress.days.contains_key(day))
            .map(|day| (day, Found::of(snapshot, day)))
            .collect();
        for stretch in &position.stretches {
            let inside =
                others.iter().filter(|(day, _)| (stretch.first..=stretch.last).contains(day));
            let looks: Vec<(Day, Found)> = inside.copied().collect();
            let ends: Vec<(Day, u32)> =
                looks.iter().map(|(day, found)| (*day, found.end.unwrap_or(0))).collect();
            // Where more than one day has changed, all of them are read again.
            for (day, next) in stretch.resolve(&ends).unwrap_or_default() {
                let found = looks.iter().find(|(it, _)| *it == day).map(|(_, found)| *found);
                let Some(Found { look, end: Some(end) }) = found else { continue };
                let look = Some(look).filter(|_| next == end);
                progress.days.insert(day, Reached { next, look, ..Reached::default() });
            }
        }
        progress
    }

    /// The days that a position lists.
    pub(super) fn listed(&self) -> BTreeSet<Day> {
        let there: Vec<(&Day, &Reached)> =
            self.days.iter().filter(|(_, reached)| reached.is_there()).collect();
        let mut recent: Vec<(u64, Day)> =
            there.iter().map(|(day, reached)| (reached.touched, **day)).collect();
        recent.sort_unstable();
        let recent = recent.iter().rev().take(POSITION_DAYS_RECENT).map(|(_, day)| *day);
        let oldest = there.iter().take(POSITION_DAYS_OLDEST).map(|(day, _)| **day);
        let behind = there.iter().filter(|(_, reached)| reached.is_behind()).map(|(day, _)| **day);
        recent.chain(oldest).chain(behind).collect()
    }

    /// Where another subscription can go on.
    pub(super) fn position(&self) -> Position {
        let listed = self.listed();
        let mut position = Position::default();
        let mut others: Vec<(Day, u32)> = Vec::new();
        for (day, reached) in self.days.iter().filter(|(_, reached)| reached.is_there()) {
            if listed.contains(day) {
                let Reached { next, mark, owed, .. } = reached.clone();
                position.days.push(DayPlace { day: *day, next, mark, owed });
            } else {
                others.push((*day, reached.next));
            }
        }
        let length = others.len().div_ceil(POSITION_STRETCHES_MAX).max(1);
        for stretch in others.chunks(length) {
            if let ([(first, _), ..], [.., (last, _)]) = (stretch, stretch) {
                let sum = stretch.iter().map(|(day, next)| digest(*day, *next));
                let digest = sum.fold(0, u64::wrapping_add);
                position.stretches.push(Stretch { first: *first, last: *last, digest });
            }
        }
        position
    }

    /// Begins a turn.
    pub(super) fn begin_turn(&mut self) {
        self.turn += 1;
    }

    /// Says that a day was gone on with.
    pub(super) fn touch(&mut self, day: Day) {
        let turn = self.turn;
        self.days.entry(day).or_default().touched = turn;
    }

    /// Notes which days are gone; should one come back, what it holds tells whether it is the same.
    pub(super) fn note_absent(&mut self, there: &BTreeSet<Day>) {
        let absent = self.days.iter_mut().filter(|(day, _)| !there.contains(day));
        absent.for_each(|(_, reached)| reached.look = Some(Look::Absent));
    }

    /// Whether an event was gone past.
    pub(super) fn is_past(&self, id: EventId) -> bool {
        let reached = self.days.get(&id.day()).filter(|reached| reached.is_there());
        reached.is_some_and(|reached| {
            let owed = reached.owed.iter().any(|range| range.contains(&id.ordinal()));
            id.ordinal() < reached.next && !owed
        })
    }

    /// Learns what the rows are before the ordinals of the listed days, so that one that is dropped and
    /// begun again is told from itself.
    pub(super) fn with_marks(mut self, snapshot: &Snapshot) -> Self {
        for day in self.listed() {
            let Some(reached) =
                self.days.get_mut(&day).filter(|it| it.next > 0 && it.mark.is_none())
            else {
                continue;
            };
            // What cannot be read is told of once something of it is to be delivered.
            if let Ok(Some(view)) = snapshot.view_after_gap(day) {
                reached.mark = mark(&view, reached.next).ok();
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A subscription that has gone past a decade of days, each with many events.
    fn decade() -> Progress {
        let mut progress = Progress::default();
        for number in 17_000..20_650 {
            let day = Day::from_number(number).unwrap();
            let mark = Some(Mark::Event { hash: u32::MAX - number, back: 0 });
            let look = Some(Look::Live { gap: false });
            let next = 1_000_000 + number;
            progress.days.insert(day, Reached { next, mark, look, ..Reached::default() });
        }
        progress
    }

    #[test]
    fn the_position_of_a_decade_is_small_and_lists_what_was_gone_on_with() {
        let mut progress = decade();
        let touched = Day::from_number(18_500).unwrap();
        progress.begin_turn();
        progress.touch(touched);
        let position = progress.position();
        assert!(position.days.iter().any(|place| place.day == touched));
        assert_eq!(position.days.len(), POSITION_DAYS_RECENT + POSITION_DAYS_OLDEST);
        assert_eq!(position.stretches.len(), POSITION_STRETCHES_MAX);
        let text = position.to_string();
        assert!(text.len() < 2_200, "{} characters: {text}", text.len());
        assert_eq!(text.parse::<Position>().unwrap(), position);
    }

    #[test]
    fn a_position_keeps_what_is_owed_and_forgets_what_is_gone() {
        let mut progress = decade();
        let day = |number| Day::from_number(number).unwrap();
        progress.days.entry(day(19_000)).or_default().owed.push(5..9);
        progress.days.entry(day(20_649)).or_default().look = Some(Look::Absent);
        let position = progress.position();
        let place = |number| position.days.iter().find(|place| place.day == day(number));
        assert_eq!(place(19_000).map(|place| &*place.owed), Some(std::slice::from_ref(&(5..9))));
        assert!(place(20_649).is_none() && place(20_648).is_some());
        let is_past = |number, ordinal| progress.is_past(EventId::new(day(number), ordinal));
        assert!(is_past(19_000, 4) && !is_past(19_000, 5) && is_past(19_000, 9));
        assert!(!is_past(20_649, 0) && !is_past(20_648, 1_020_648));
    }
}
