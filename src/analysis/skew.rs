//! How far clients' clocks are off.
//!
//! Owns: what a reading of a client's clock is, and [`Readings`], which keeps an even sample of them. Does
//! not own how a client's time is read (`client_time`).
//!
//! A reading is the client's instant minus the server's time, in microseconds: a clock that is fast reads
//! positive. It holds the time that the event travelled, too, which makes it smaller. Events without a client
//! time, or with one that cannot be read, give none.
//!
//! Invariant: at most [`READINGS_KEPT`] readings are kept of however many.

use crate::time::Timestamp;

/// Readings of one session that are kept: a median of them is within a few places of that of all.
pub(crate) const READINGS_KEPT: usize = 64;

/// What a client's clock was ahead of the server's, in microseconds.
pub(crate) fn reading(client: Timestamp, server: Timestamp) -> i64 {
    client.as_micros().saturating_sub(server.as_micros())
}

/// Readings, all of them up to [`READINGS_KEPT`]; of more, each second one, or each fourth, and so on, from
/// the first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Readings {
    seen: u64,
    /// Each 2^n-th is kept.
    power: u32,
    kept: Vec<i64>,
}

impl Readings {
    /// One more.
    pub(crate) fn add(&mut self, reading: i64) {
        let place = self.seen;
        self.seen += 1;
        let is_kept = |power: u32| place.trailing_zeros() >= power || place == 0;
        if !is_kept(self.power) {
            return;
        }
        if self.kept.len() >= READINGS_KEPT {
            self.power += 1;
            let mut even = false;
            self.kept.retain(|_| {
                even = !even;
                even
            });
        }
        if is_kept(self.power) {
            self.kept.push(reading);
        }
    }

    /// How many there were.
    pub(crate) fn seen(&self) -> u64 {
        self.seen
    }

    /// The median of those that were kept, the lesser of two: half of them are not larger.
    pub(crate) fn median(&self) -> Option<i64> {
        let middle = self.kept.len().checked_sub(1)? / 2;
        Some(*self.kept.clone().select_nth_unstable(middle).1)
    }

    /// Those that were kept, in order of time.
    pub(crate) fn kept(&self) -> &[i64] {
        &self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Quantiles;

    #[test]
    fn the_readings_kept_are_evenly_spaced() {
        let at = Timestamp::from_micros;
        assert_eq!(reading(at(7), at(10)), -3);
        assert_eq!(reading(Timestamp::MAX, Timestamp::MIN), i64::MAX);
        for seen in [0_i64, 1, 63, 64, 65, 127, 128, 129, 1_000] {
            let mut readings = Readings::default();
            (0..seen).for_each(|reading| readings.add(reading));
            let steps = [1, 2, 4, 8, 16];
            let step = steps.into_iter().find(|step| seen <= 64 * *step as i64).unwrap_or(0);
            let expected: Vec<i64> = (0..seen).step_by(step).collect();
            assert_eq!((readings.seen(), readings.kept()), (seen as u64, &expected[..]), "{seen}");
            let spread = Quantiles::of(expected, i64::cmp);
            assert_eq!(readings.median(), spread.map(|spread| spread.median), "{seen}");
        }
    }
}
