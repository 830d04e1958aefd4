//! How many clocks are how far off.
//!
//! Owns: [`SkewBucket`], the bounds of the buckets, and [`Buckets`], which counts. Does not own what a reading is
//! (`skew`).
//!
//! Invariant: there are [`BUCKETS`] buckets, which hold every reading there can be, each in one.

use serde::{Deserialize, Serialize};

use crate::time::{DAY, SECOND};

/// How many clocks, and how many times that they showed, are off by so much.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SkewBucket {
    /// The least microseconds of client time minus server time; absent where there is no least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_micros: Option<i64>,
    /// The least that are too many; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_micros: Option<i64>,
    /// Sessions whose median lies between.
    pub sessions: u64,
    /// Client times that lie between.
    pub readings: u64,
}

const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const MONTH: i64 = 30 * DAY;
const YEAR: i64 = 365 * DAY;

/// Where the next bucket begins: lengths that people think in, to either side.
const BOUNDS: [i64; 20] = [
    -YEAR,
    -MONTH,
    -DAY,
    -HOUR,
    -10 * MINUTE,
    -MINUTE,
    -10 * SECOND,
    -SECOND,
    -SECOND / 10,
    -SECOND / 100,
    SECOND / 100,
    SECOND / 10,
    SECOND,
    10 * SECOND,
    MINUTE,
    10 * MINUTE,
    HOUR,
    DAY,
    MONTH,
    YEAR,
];

/// One more than there are bounds.
const BUCKETS: usize = BOUNDS.len() + 1;

/// Counts by bucket.
#[derive(Debug, Default)]
pub(crate) struct Buckets {
    sessions: [u64; BUCKETS],
    readings: [u64; BUCKETS],
}

impl Buckets {
    /// One more reading.
    pub(crate) fn add_reading(&mut self, micros: i64) {
        self.readings[place(micros)] += 1;
    }

    /// One more session, by the median of its readings.
    pub(crate) fn add_session(&mut self, micros: i64) {
        self.sessions[place(micros)] += 1;
    }

    /// From the first to the last with a reading, in order.
    pub(crate) fn told(&self) -> Vec<SkewBucket> {
        let has = |readings: &u64| *readings > 0;
        let first = self.readings.iter().position(has);
        let last = self.readings.iter().rposition(has);
        let Some((first, last)) = first.zip(last) else { return Vec::new() };
        let bucket = |place: usize| SkewBucket {
            from_micros: place.checked_sub(1).map(|bound| BOUNDS[bound]),
            to_micros: BOUNDS.get(place).copied(),
            sessions: self.sessions[place],
            readings: self.readings[place],
        };
        (first..=last).map(bucket).collect()
    }
}

fn place(micros: i64) -> usize {
    BOUNDS.partition_point(|bound| *bound <= micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reading_has_one_bucket() {
        assert!(BOUNDS.is_sorted_by(|a, b| a < b));
        let ends = [i64::MIN, -YEAR - 1, -YEAR, -1, 0, SECOND / 100, YEAR - 1, YEAR, i64::MAX];
        assert_eq!(ends.map(place), [0, 0, 1, 10, 10, 11, 19, 20, 20]);
        for reading in ends {
            let mut buckets = Buckets::default();
            buckets.add_reading(reading);
            let told = buckets.told();
            assert_eq!(told.len(), 1);
            assert!(told[0].from_micros.is_none_or(|from| from <= reading), "{told:?}");
            assert!(told[0].to_micros.is_none_or(|to| reading < to), "{told:?}");
        }
    }
}
