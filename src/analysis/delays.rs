//! How long things took, in bounded memory.
//!
//! Owns: the time between two instants as a number, and [`Delays`], which takes any number of them and
//! tells their quantiles. Does not own what is measured.
//!
//! The first [`VALUES_MAX`] values are kept as they are, and their quantiles are exact. Where there are more,
//! all of them are counted in buckets that get wider with the value: each power of two is cut into 64. A
//! quantile is then the middle of its bucket, within 1/128 of the exact one (tested); below 128 microseconds it
//! is exact still. The count, the least and the greatest are always exact.
//!
//! Invariant: a [`Delays`] takes at most 32 KiB, whatever is put into it.

use crate::analysis::Quantiles;
use crate::time::Timestamp;

/// Values that are kept as they are: as many as take the room of the buckets.
const VALUES_MAX: usize = 4096;

/// Of a value in buckets, bits below its highest one that count: a power of two has 64 buckets.
const PRECISION_BITS: u32 = 6;

/// Values up to here have buckets of their own.
const EXACT_BELOW: u64 = 2 << PRECISION_BITS;

/// One for each value below [`EXACT_BELOW`], then 64 for each of 57 powers of two.
const BUCKETS: usize = 3776;

/// Microseconds from one instant to a later one; 0 where it is not later.
pub(crate) fn micros_between(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.as_micros().saturating_sub(from.as_micros())).unwrap_or(0)
}

/// Durations in microseconds.
#[derive(Debug, Clone)]
pub(crate) struct Delays {
    count: u64,
    min: u64,
    max: u64,
    kept: Kept,
}

#[derive(Debug, Clone)]
enum Kept {
    Values(Vec<u64>),
    /// How many lie in each bucket.
    Buckets(Box<[u64]>),
}

impl Default for Delays {
    fn default() -> Self {
        Self { count: 0, min: u64::MAX, max: 0, kept: Kept::Values(Vec::new()) }
    }
}

impl Delays {
    pub(crate) fn add(&mut self, micros: u64) {
        self.count += 1;
        self.min = self.min.min(micros);
        self.max = self.max.max(micros);
        match &mut self.kept {
            Kept::Values(values) if values.len() < VALUES_MAX => values.push(micros),
            Kept::Values(values) => {
                let mut buckets = vec![0; BUCKETS].into_boxed_slice();
                values.iter().for_each(|value| buckets[bucket_of(*value)] += 1);
                buckets[bucket_of(micros)] += 1;
                self.kept = Kept::Buckets(buckets);
            }
            Kept::Buckets(buckets) => buckets[bucket_of(micros)] += 1,
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// `None` where there are none.
    pub(crate) fn quantiles(self) -> Option<Quantiles<u64>> {
        let buckets = match self.kept {
            Kept::Values(values) => return Quantiles::of(values, u64::cmp),
            Kept::Buckets(buckets) => buckets,
        };
        let at = |percent: u64| {
            let rank = self.count.saturating_mul(percent).div_ceil(100).max(1);
            let mut below = 0;
            let place = buckets.iter().position(|count| {
                below += count;
                below >= rank
            });
            middle_of(place.unwrap_or(BUCKETS - 1)).clamp(self.min, self.max)
        };
        Some(Quantiles {
            count: self.count,
            min: self.min,
            q1: at(25),
            median: at(50),
            q3: at(75),
            p90: at(90),
            p99: at(99),
            max: self.max,
        })
    }
}

/// The bucket of a value: its highest seven bits, after those of smaller ones.
fn bucket_of(value: u64) -> usize {
    let bits = u64::BITS - value.leading_zeros();
    let shift = bits.saturating_sub(PRECISION_BITS + 1);
    ((u64::from(shift) << PRECISION_BITS) + (value >> shift)) as usize
}

/// The value in the middle of a bucket.
fn middle_of(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < EXACT_BELOW {
        return bucket;
    }
    let shift = (bucket >> PRECISION_BITS) - 1;
    let highest = bucket - (shift << PRECISION_BITS);
    (highest << shift) + (1 << shift >> 1)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn quantiles(values: &[u64]) -> Option<Quantiles<u64>> {
        let mut delays = Delays::default();
        values.iter().for_each(|value| delays.add(*value));
        delays.quantiles()
    }

    #[test]
    fn every_value_has_a_bucket_and_the_last_one_is_used() {
        assert_eq!(bucket_of(0), 0);
        assert_eq!(bucket_of(EXACT_BELOW - 1) + 1, bucket_of(EXACT_BELOW));
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn a_clock_that_jumps_back_is_no_time() {
        let at = Timestamp::from_micros;
        assert_eq!(micros_between(at(5), at(7)), 2);
        assert_eq!(micros_between(at(7), at(5)), 0);
        assert_eq!(micros_between(Timestamp::MIN, Timestamp::MAX), i64::MAX as u64);
    }

    #[test]
    fn few_values_are_exact() {
        assert_eq!(quantiles(&[]), None);
        let values: Vec<u64> = (0..VALUES_MAX as u64).map(|n| n * 1_000_003).collect();
        assert_eq!(quantiles(&values), Quantiles::of(values.clone(), u64::cmp));
    }

    proptest! {
        #[test]
        fn a_bucket_lies_within_a_128th_of_its_values(value: u64) {
            let middle = middle_of(bucket_of(value));
            prop_assert!(middle.abs_diff(value) <= value / 128, "{middle}");
        }

        #[test]
        fn a_quantile_of_many_values_lies_within_a_128th(
            drawn in vec((any::<u64>(), 0_u32..64), 1..60),
        ) {
            let drawn: Vec<u64> = drawn.into_iter().map(|(value, shift)| value >> shift).collect();
            let values: Vec<u64> =
                drawn.iter().copied().cycle().take(VALUES_MAX + drawn.len()).collect();
            let exact = Quantiles::of(values.clone(), u64::cmp).unwrap();
            let found = quantiles(&values).unwrap();
            prop_assert_eq!(
                (found.count, found.min, found.max),
                (exact.count, exact.min, exact.max)
            );
            let near = |a: u64, b: u64| a.abs_diff(b) <= b / 128;
            prop_assert!(
                near(found.q1, exact.q1)
                    && near(found.median, exact.median)
                    && near(found.q3, exact.q3)
                    && near(found.p90, exact.p90)
                    && near(found.p99, exact.p99),
                "{found:?}, exactly {exact:?}"
            );
        }
    }
}
