//! How far upkeep has come.
//!
//! Owns: [`Progress`], what is told of it, and [`Meter`], which counts while days are gone through. Does not
//! own what is done with the days, nor how it is shown.
//!
//! Invariants: what is done never falls and is never more than the total; nothing is told that costs a read.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::day::part::Part;
use crate::day::view::DayView;

/// How far a call of upkeep has come, in events of the days that it goes through.
///
/// The callback that gets it is called at the beginning, after each day, and, where days are read or written
/// whole, within a day as often as every 65,536 events; it runs on the thread of the call, and what it is told
/// costs no read. It must not call the store, whose days may be locked meanwhile. Should it panic, the panic
/// goes on to the caller, nothing is lost or poisoned, and what was begun is ended when the same is asked
/// again.
///
/// A day that cannot be read counts for nothing, since nothing tells how much it holds; what follows the last
/// day, such as the writing of a catalog, is not counted either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Progress {
    /// Events gone through. It never falls and never passes the total, and is the total at the end.
    pub done: u64,
    /// Events to go through in all, as far as is known by now: more where days have to be gone through again.
    pub total: u64,
}

/// Counts the events of days that are gone through.
pub(crate) struct Meter<'a> {
    told: Progress,
    /// What was done when the current day began.
    before: u64,
    /// Events of the current day.
    day: u64,
    tell: Option<&'a mut dyn FnMut(Progress)>,
}

impl<'a> Meter<'a> {
    pub(crate) fn new(tell: &'a mut dyn FnMut(Progress)) -> Self {
        Self { tell: Some(tell), ..Self::silent() }
    }

    /// One that nobody looks at.
    pub(crate) fn silent() -> Self {
        Self { told: Progress::default(), before: 0, day: 0, tell: None }
    }

    /// So many events are to be gone through from here on, whatever was expected before.
    pub(crate) fn expect(&mut self, events: u64) {
        self.before = self.told.done;
        self.day = 0;
        self.told.total = self.told.done.saturating_add(events);
        self.tell(self.told.done);
    }

    /// A day is begun that is known to hold so many.
    pub(crate) fn begin_day(&mut self, events: u64) {
        self.day = events;
    }

    /// This much of the current day is done, in whatever unit.
    pub(crate) fn within_day(&mut self, part: u64, of: u64) {
        let done = u128::from(self.day) * u128::from(part.min(of)) / u128::from(of.max(1));
        // A share of the day is no more than the day.
        self.tell(self.before.saturating_add(u64::try_from(done).unwrap_or(self.day)));
    }

    /// The parts of the current day; each is done when the next one is asked for.
    pub(crate) fn parts<'b>(
        &'b mut self,
        view: &'b DayView,
    ) -> impl Iterator<Item = &'b Arc<Part>> + use<'a, 'b> {
        let (mut passed, events) = (0, view.events().into());
        view.parts.iter().inspect(move |part| {
            self.within_day(passed, events);
            passed += u64::from(part.events());
        })
    }

    /// The current day is done, whether or not there was anything to do.
    pub(crate) fn end_day(&mut self) {
        self.before = self.before.saturating_add(std::mem::take(&mut self.day));
        self.tell(self.before);
    }

    fn tell(&mut self, done: u64) {
        self.told.done = done.clamp(self.told.done, self.told.total);
        if let Some(tell) = &mut self.tell {
            tell(self.told);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_never_falls_when_days_are_gone_through_again() {
        let mut told = Vec::new();
        let mut tell = |Progress { done, total }| told.push((done, total));
        let mut meter = Meter::new(&mut tell);
        meter.expect(30);
        meter.begin_day(10);
        meter.within_day(1, 2);
        meter.end_day();
        meter.begin_day(20);
        meter.within_day(3, 4);
        // The second day was dropped meanwhile, and the others are looked at again.
        meter.expect(10);
        meter.begin_day(10);
        meter.within_day(2, 0);
        meter.end_day();
        assert_eq!(told, [(0, 30), (5, 30), (10, 30), (25, 30), (25, 35), (25, 35), (35, 35)]);
    }

    #[test]
    fn no_figures_are_too_large() {
        let mut last = Progress::default();
        let mut tell = |progress| last = progress;
        let mut meter = Meter::new(&mut tell);
        meter.expect(u64::MAX);
        meter.begin_day(u64::MAX);
        meter.within_day(u64::MAX, u64::MAX);
        meter.end_day();
        meter.expect(1);
        assert_eq!((last.done, last.total), (u64::MAX, u64::MAX));
    }
}
