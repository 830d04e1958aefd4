//! Numbers from a seed.
//!
//! Owns: [`Random`] and what is drawn from it. Does not own the generator, which is `rand_pcg`'s
//! `Pcg64Mcg`: its numbers for a seed are part of its promise.
//!
//! Invariant: what is drawn follows from the generator's 64-bit numbers by integer arithmetic and
//! IEEE 754 operations that are exact to the bit.

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};

#[derive(Debug, Clone)]
pub(super) struct Random(Pcg64Mcg);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(Pcg64Mcg::seed_from_u64(seed))
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `bound`, which must not be 0: the high half of the product, each as likely as
    /// any other but for one part in 2^64 / `bound`.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// A number from `from`, inclusive, to `to`, exclusive.
    pub(super) fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.below(to - from)
    }

    /// A number from 0, inclusive, to 1, exclusive.
    pub(super) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True once in so many times, on average.
    pub(super) fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// Near the normal distribution of mean 0 and deviation 1: four uniform parts of one draw.
    pub(super) fn normal(&mut self) -> f64 {
        let bits = self.next();
        let parts = (0..4).map(|part| (bits >> (part * 16) & 0xffff) as f64);
        // Each part has the deviation 65,536 / sqrt(12), their sum twice that.
        (parts.sum::<f64>() - 2.0 * 65_535.0) / (65_536.0 / 1.732_050_807_568_877_2)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops there")]
mod tests {
    use super::*;

    #[test]
    fn a_seed_means_the_same_numbers_for_ever() {
        let mut random = Random::new(1);
        let numbers = [(); 3].map(|()| random.next());
        assert_eq!(
            numbers,
            [15_803_641_690_485_367_939, 2_537_432_388_316_380_799, 8_678_483_373_067_562_792]
        );
    }

    #[test]
    fn draws_keep_their_bounds_and_means() {
        let mut random = Random::new(7);
        let draws = 100_000;
        let mean = |sum: f64| sum / f64::from(draws);
        let unit = mean((0..draws).map(|_| random.unit()).sum());
        assert!((unit - 0.5).abs() < 0.01, "{unit}");
        let normals: Vec<_> = (0..draws).map(|_| random.normal()).collect();
        assert!(mean(normals.iter().sum()).abs() < 0.02);
        let variance = mean(normals.iter().map(|x| x * x).sum());
        assert!((variance - 1.0).abs() < 0.02, "{variance}");
        assert!((0..draws).all(|_| (3..9).contains(&random.between(3, 9))));
    }
}
