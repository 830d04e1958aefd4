//! Strategies for what is done to a store.

use std::ops::Range;

use proptest::collection::vec;
use proptest::prelude::*;

use crate::testing::operation::Operation;
use crate::testing::strategies::events::{batch, day, event, timestamp};
use crate::testing::strategies::filters::query;

/// One operation. Most of them log.
pub fn operation() -> impl Strategy<Value = Operation> {
    let small_batch = || vec(event(), 0..8);
    prop_oneof![
        6 => event().prop_map(Operation::Log),
        4 => small_batch().prop_map(Operation::LogBatch),
        2 => batch().prop_map(Operation::LogBatch),
        3 => day().prop_map(Operation::Fold),
        1 => Just(Operation::Flush),
        2 => query().prop_map(Operation::Ask),
        2 => query().prop_map(Operation::Hold),
        1 => Just(Operation::Release),
        2 => Just(Operation::NextDay),
        1 => timestamp().prop_map(Operation::SetClock),
        1 => day().prop_map(Operation::DropDay),
        1 => (1_u32..40).prop_map(|max_age_days| Operation::Prune { max_age_days }),
        2 => Just(Operation::Reopen),
        1 => any::<u64>().prop_map(|seed| Operation::Crash { seed }),
        1 => (small_batch(), 0_u64..12, any::<u64>()).prop_map(|(events, after, seed)| {
            Operation::CrashWhileLogging { events, after, seed }
        }),
        1 => Just(Operation::Rebuild),
    ]
}

/// So many operations; what a test shrinks is first their number, then each of them.
pub fn operations(count: Range<usize>) -> impl Strategy<Value = Vec<Operation>> {
    vec(operation(), count)
}
