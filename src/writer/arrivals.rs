//! News of a writer's days, for those who wait for it in the same process.
//!
//! Owns: [`Arrivals`]: a count that grows with every commit and every change of the days. Does not own what
//! the news is: whoever is woken looks.
//!
//! Invariant: what is news can be seen before it is counted, so that whoever looks after having read the
//! count misses nothing.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// How much has happened.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    state: Mutex<State>,
    more: Condvar,
}

#[derive(Debug, Default)]
struct State {
    count: u64,
    /// Whether nothing more will happen.
    ended: bool,
}

impl Arrivals {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts something that can be seen by now, and wakes those who wait.
    pub(crate) fn note(&self) {
        self.state().count += 1;
        self.more.notify_all();
    }

    /// How much has happened until now.
    pub(crate) fn count(&self) -> u64 {
        self.state().count
    }

    /// Says that nothing more will happen.
    pub(crate) fn end(&self) {
        self.state().ended = true;
        self.note();
    }

    /// Whether nothing more will happen.
    pub(crate) fn has_ended(&self) -> bool {
        self.state().ended
    }

    /// Waits until more has happened than `seen`, or until the deadline, where there is one.
    pub(crate) fn wait_past(&self, seen: u64, deadline: Option<Instant>) {
        let mut state = self.state();
        while state.count == seen {
            state = match deadline.map(|it| it.saturating_duration_since(Instant::now())) {
                None => self.more.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(left) if left.is_zero() => return,
                Some(left) => {
                    let waited = self.more.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_wait_for_more_ends_when_there_is_more() {
        let arrivals = Arrivals::default();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| arrivals.wait_past(0, None));
            arrivals.note();
            waiting.join().unwrap();
        });
        arrivals.wait_past(0, None);
        assert_eq!(arrivals.count(), 1);
    }

    #[test]
    fn a_wait_for_what_does_not_come_ends_at_its_deadline_and_no_sooner() {
        let arrivals = Arrivals::default();
        let deadline = Instant::now() + Duration::from_millis(20);
        arrivals.wait_past(0, Some(deadline));
        assert!(Instant::now() >= deadline);
    }
}
