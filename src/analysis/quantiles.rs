//! The spread of figures.
//!
//! Owns: [`Quantiles`], and which value stands at a share of them.

use serde::{Deserialize, Serialize};

/// Figures in a few figures. A quantile is one of the values: the least of which at least that share of
/// all values is not larger (the nearest rank).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Quantiles<T> {
    /// How many values there are.
    pub count: u64,
    /// The least.
    pub min: T,
    /// A quarter is not larger.
    pub q1: T,
    /// Half is not larger.
    pub median: T,
    /// Three quarters are not larger.
    pub q3: T,
    /// Nine tenths are not larger.
    pub p90: T,
    /// Ninety-nine of a hundred are not larger.
    pub p99: T,
    /// The greatest.
    pub max: T,
}

impl<T: Copy> Quantiles<T> {
    /// Of these values, in any order, compared by `order`; `None` where there is none.
    pub(crate) fn of(
        mut values: Vec<T>,
        order: impl Fn(&T, &T) -> std::cmp::Ordering,
    ) -> Option<Self> {
        values.sort_unstable_by(order);
        let at = |percent: usize| {
            let rank = (values.len() * percent).div_ceil(100);
            values.get(rank.saturating_sub(1)).copied()
        };
        Some(Self {
            count: values.len() as u64,
            min: at(0)?,
            q1: at(25)?,
            median: at(50)?,
            q3: at(75)?,
            p90: at(90)?,
            p99: at(99)?,
            max: at(100)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_the_nearest_rank() {
        let of = |values: Vec<i64>| Quantiles::of(values, i64::cmp);
        assert_eq!(of(Vec::new()), None);
        let one = of(vec![7]);
        assert!(one.is_some_and(|it| (it.min, it.median, it.p99, it.max) == (7, 7, 7, 7)));
        let hundred = of((1..=100).rev().collect());
        assert!(hundred.is_some_and(|it| {
            (it.min, it.q1, it.median, it.q3, it.p90, it.p99, it.max)
                == (1, 25, 50, 75, 90, 99, 100)
        }));
        assert_eq!(of(vec![3, 1, 2]).map(|it| it.median), Some(2));
    }
}
