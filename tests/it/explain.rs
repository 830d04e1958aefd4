//! Goal: `explain` tells what a query costs: the days and blocks that were ruled out, the blocks that were
//! decoded, and what each condition left. Method: three blocks of which is known what they hold.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use diurnal::{Filter, NewEvent, Query, Store};

use crate::common::{at, day, noon, small_blocks};

/// Three blocks of 16 events of two sessions in turn; data in the first, every other place in the second.
fn three_blocks() -> Store {
    let today = day("2026-11-23");
    let store = small_blocks().clock(noon(today)).in_memory().unwrap();
    let event = |number: i64| {
        let mut event = NewEvent::new(number % 2, "heartbeat").server_time(at(today, number));
        if number < 16 {
            event = event.data("some text");
        }
        if (16..32).contains(&number) && number % 2 == 0 {
            event = event.location(1.0, 2.0);
        }
        event
    };
    store.log_events((0..48).map(event)).unwrap();
    store
}

#[test]
fn explain_counts_blocks_and_the_events_that_each_condition_leaves() {
    let store = three_blocks();
    let explained = |filter: Filter| {
        let it = store.explain(&Query::from(filter)).unwrap();
        assert_eq!((it.days_considered, it.days_pruned, it.blocks_considered), (1, 0, 3));
        let left: Vec<u64> = it.steps.iter().map(|step| step.events).collect();
        (it.blocks_pruned, it.blocks_decoded, left)
    };
    let text = Filter::DataContains("text".to_owned());
    assert_eq!(explained(Filter::All), (0, 0, vec![48]));
    assert_eq!(explained(Filter::session(1)), (0, 0, vec![24]));
    assert_eq!(explained(Filter::HasLocation(true)), (2, 1, vec![8]));
    assert_eq!(explained(text.clone()), (0, 3, vec![16]));
    assert_eq!(explained(text.and(Filter::session(1))), (0, 3, vec![24, 8]));
    assert_eq!(
        explained(Filter::HasLocation(true).and(Filter::session(1))),
        (2, 1, vec![24, 0]),
        "the places lie with the other session"
    );
    assert_eq!(
        explained(Filter::ServerTime(diurnal::TimeRange {
            from: at(day("2026-11-23"), 16),
            to: at(day("2026-11-23"), 40),
        })),
        (1, 1, vec![24]),
        "a block within the range is not decoded"
    );
}
