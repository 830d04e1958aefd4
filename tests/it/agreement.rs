//! Goal: whatever was logged, in whatever order and through however many reopenings, every kind of
//! answer to every filter is that of a naive scan.
//!
//! Method: a property test. Generated batches, over several days, late and with equal times, are
//! logged in a store with blocks of 16 rows, so that tails, blocks and several parts of a day exist,
//! and kept in a plain `Vec` beside it. `DIURNAL_PROPTEST_CASES` asks for more cases than the few
//! that run by default.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use std::path::Path;
use std::time::Duration;

use diurnal::{Cursor, Durability, Filter, Order, Query, Store};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::common::{
    Draft, Model, assert_agrees, assert_clean, assert_holds, assert_pages, assert_same,
    assert_sessions, cases, day, draft, filter, found, noon, small_blocks,
};

/// What is done to a store.
#[derive(Debug, Clone)]
enum Step {
    Log(Vec<Draft>),
    Flush,
    Reopen,
    Ask(Filter),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => vec(draft(), 1..50).prop_map(Step::Log),
        1 => Just(Step::Flush),
        3 => Just(Step::Reopen),
        2 => filter().prop_map(Step::Ask),
    ]
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: cases(32), max_shrink_iters: 200, ..ProptestConfig::default() }
}

fn durability(buffered: bool) -> Durability {
    match buffered {
        true => Durability::Buffered { max_delay: Duration::from_secs(60), max_events: 70 },
        false => Durability::Sync,
    }
}

fn open(path: &Path, buffered: bool) -> Store {
    // A store that cannot keep everything decoded has to read again.
    let builder = small_blocks().durability(durability(buffered)).cache_bytes(64 * 1024);
    builder.clock(noon(day("2026-11-24"))).open(path).unwrap()
}

/// Every answer to these filters, and to those that every store should be asked.
fn assert_answers(store: &Store, model: &Model, filters: &[Filter], page: u64) {
    assert_holds(store, model);
    assert_sessions(store, model);
    for filter in filters.iter().chain([&Filter::All]) {
        assert_agrees(store, model, filter);
        let query = Query::new().filter(filter.clone());
        assert_pages(store, model, &query, page);
        assert_pages(store, model, &query.clone().order(Order::Descending), page);
        let expected = model.matching(filter);
        for limit in [0, 1, page] {
            let limited = found(store, &query.clone().limit(limit));
            let expected = &expected[..expected.len().min(limit as usize)];
            assert_same(&limited, expected, &format!("{limit} of {filter:?}"));
        }
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_answer_of_a_store_on_disk_is_that_of_a_naive_scan(
        steps in vec(step(), 3..12),
        filters in vec(filter(), 4..10),
        page in 1_u64..60,
        buffered in any::<bool>(),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let mut store = open(directory.path(), buffered);
        let mut model = Model::default();
        for step in &steps {
            match step {
                Step::Log(drafts) => drop(model.log(&store, drafts)),
                Step::Flush => store.flush().unwrap(),
                Step::Reopen => {
                    store.close().unwrap();
                    store = open(directory.path(), buffered);
                }
                Step::Ask(filter) => assert_agrees(&store, &model, filter),
            }
        }
        assert_answers(&store, &model, &filters, page);
        store.close().unwrap();
        let reader = Store::open_read_only(directory.path()).unwrap();
        assert_answers(&reader, &model, &filters[..2], page);
    }

    #[test]
    fn every_answer_of_a_store_in_memory_is_that_of_a_naive_scan(
        batches in vec(vec(draft(), 1..60), 1..8),
        filters in vec(filter(), 4..10),
        page in 1_u64..60,
    ) {
        let store = small_blocks().in_memory().unwrap();
        let mut model = Model::default();
        for drafts in &batches {
            model.log(&store, drafts);
        }
        assert_answers(&store, &model, &filters, page);
    }

    #[test]
    fn a_cursor_stays_right_while_events_arrive(
        before in vec(vec(draft(), 1..40), 1..4),
        after in vec(vec(draft(), 1..40), 1..4),
        filter in filter(),
        seen in 1_u64..50,
        descending in any::<bool>(),
    ) {
        let store = small_blocks().in_memory().unwrap();
        let mut model = Model::default();
        for drafts in &before {
            model.log(&store, drafts);
        }
        let order = if descending { Order::Descending } else { Order::Ascending };
        let query = Query::new().filter(filter.clone()).order(order);
        let first = found(&store, &query.clone().limit(seen));
        for drafts in &after {
            model.log(&store, drafts);
        }
        let cursor = first.last().map(Cursor::from);
        let resumed = match cursor {
            Some(cursor) => query.clone().after(cursor),
            None => query.clone(),
        };
        let mut expected = model.matching(&filter);
        expected.retain(|event| cursor.is_none_or(|cursor| match order {
            Order::Ascending => Cursor::from(event) > cursor,
            Order::Descending => Cursor::from(event) < cursor,
        }));
        if descending {
            expected.reverse();
        }
        assert_same(&found(&store, &resumed), &expected, &format!("{resumed:?}"));
        assert_clean(&store);
    }
}

#[test]
fn an_iterator_gives_what_was_there_when_it_was_asked_for() {
    let store = small_blocks().in_memory().unwrap();
    let mut model = Model::default();
    let times = |from: i64| (from..from + 100).map(|n| crate::common::at(day("2026-11-23"), n));
    let drafts = |from: i64| -> Vec<Draft> {
        times(from).enumerate().map(|(n, time)| Draft::numbered(n, time)).collect()
    };
    model.log(&store, &drafts(50));
    let expected = model.matching(&Filter::All);
    let mut events = store.query(&Query::new()).unwrap();
    let first = events.next().unwrap().unwrap();
    model.log(&store, &drafts(0));
    model.log(&store, &drafts(100));
    let mut rest = vec![first];
    rest.extend(events.map(Result::unwrap));
    assert_same(&rest, &expected, "the iterator's snapshot");
    assert_holds(&store, &model);
}
