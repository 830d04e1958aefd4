//! Goal: each cell of a heatmap has just the events that lie in it. Method: the events that `Store::query`
//! gives are counted in the sides of each cell that is answered, with plain loops.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use std::collections::BTreeSet;

use diurnal::analysis::{Heatmap, NoFix};
use diurnal::testing::workload::Workload;
use diurnal::{Event, Filter, Query, Store};

use super::{random_events, store_of};
use crate::common::{Random, found};

/// The cell's side for a degree of latitude, on the sphere.
const DEGREE_METRES: f64 = 111_195.08;

fn place(event: &Event, no_fix: &[(f64, f64)]) -> Option<(f64, f64)> {
    event.latitude.zip(event.longitude).filter(|place| !no_fix.contains(place))
}

/// Whether a value lies between the sides of a cell; the last cell has its end, too.
fn within(value: f64, from: f64, to: f64, end: f64) -> bool {
    (from..to).contains(&value) || value == end && to == end
}

fn assert_agrees(store: &Store, filter: &Filter, cell_metres: f64, no_fix: &[(f64, f64)]) {
    let question =
        Heatmap::new(cell_metres).filter(filter.clone()).no_fix(NoFix::new(no_fix.iter().copied()));
    let heat = store.ask(&question).unwrap();
    let events = found(store, &Query::from(filter.clone()));
    let placed: Vec<_> =
        events.iter().filter_map(|event| Some((event, place(event, no_fix)?))).collect();
    assert_eq!(heat.events, placed.len() as u64);
    assert_eq!(heat.nowhere, (events.len() - placed.len()) as u64);
    assert_eq!(heat.cells_total, heat.cells.len() as u64);
    assert_eq!(heat.cells.iter().map(|cell| cell.events).sum::<u64>(), heat.events);
    assert!(heat.cells.is_sorted_by(|a, b| a.events >= b.events));
    for cell in &heat.cells {
        let b = cell.bounds;
        let inside = placed.iter().filter(|(_, (latitude, longitude))| {
            within(*latitude, b.south, b.north, 90.0) && within(*longitude, b.west, b.east, 180.0)
        });
        let sessions: Vec<_> = inside.map(|(event, _)| &event.session_id).collect();
        assert_eq!(cell.events, sessions.len() as u64, "{cell:?}");
        assert_eq!(cell.sessions, sessions.iter().collect::<BTreeSet<_>>().len() as u64);
        if b.north < 90.0 {
            let side = (b.north - b.south) * DEGREE_METRES;
            assert!((side / cell_metres - 1.0).abs() < 1e-5, "{side} m high");
        }
    }
    let few = store.ask(&question.limit(2)).unwrap();
    assert_eq!((few.events, few.cells_total), (heat.events, heat.cells_total));
    assert_eq!(few.cells, heat.cells[..heat.cells.len().min(2)]);
}

#[test]
fn cells_agree_with_the_events_that_lie_in_them() {
    let mut random = Random::new(11);
    let no_fixes: [&[(f64, f64)]; 3] = [&[(1.0, 1.0), (0.0, 0.0)], &[], &[(1.0, 1.0)]];
    for round in 0..20 {
        let count = random.below(250);
        let store = store_of(&random_events(&mut random, count));
        let cell_metres = [7.0, 100.0, 1_234.5, 50_000.0, 2_500_000.0][round % 5];
        let no_fix = random.pick(&no_fixes);
        assert_agrees(&store, &Filter::All, cell_metres, no_fix);
        assert_agrees(&store, &Filter::not(Filter::event_type("heartbeat")), cell_metres, no_fix);
    }
}

#[test]
fn cells_of_walkers_agree() {
    let store = Store::builder().block_rows(256).in_memory().unwrap();
    store.log_events(Workload::realistic().events(4_000).days(2).iter()).unwrap();
    assert_agrees(&store, &Filter::All, 25.0, &[(1.0, 1.0), (0.0, 0.0)]);
}
