//! Events that are on disk before the call returns, and what the disk itself takes for that.
//!
//! Owns: `floor`, `single` and `threads`.

use diurnal::Event;

use super::Bench;
use crate::engines::Calls;
use crate::machine::{self, Result, median, quantile};

const SINGLE_EVENTS: usize = 500;

const THREADS: usize = 64;
const THREAD_EVENTS: usize = 200;

pub(super) fn floor(bench: &mut Bench) -> Result<()> {
    let seconds = machine::floor(&bench.work)?;
    bench.table.floor.push(seconds);
    Ok(())
}

pub(super) fn single(bench: &mut Bench) -> Result<()> {
    let events: Vec<Event> = bench.source.events().take(SINGLE_EVENTS).collect();
    let rows = ["one durable event, exclusive", "one durable event, shared readers"];
    bench.each(|bench, engine, at| {
        for (shared, row) in modes(rows) {
            machine::fresh(at)?;
            let floor = machine::floor(&bench.work)?;
            if let Some(micros) = engine.alone(at, &events, shared)? {
                bench.table.add(row, engine.name(), median(&micros) / 1e6)?;
                bench.table.add(&format!("{row}: floor beside it"), engine.name(), floor)?;
            }
        }
        Ok(())
    })
}

pub(super) fn threads(bench: &mut Bench) -> Result<()> {
    let events: Vec<Event> = bench.source.events().take(THREADS * THREAD_EVENTS).collect();
    let calls = Calls { events: &events, threads: THREADS };
    let rows = ["64 threads, exclusive", "64 threads"];
    bench.each(|bench, engine, at| {
        for (shared, row) in modes(rows) {
            machine::fresh(at)?;
            let floor = machine::floor(&bench.work)?;
            if let Some(done) = engine.together(at, &calls, shared)? {
                let p99 = quantile(&done.call_micros, 0.99) / 1e6;
                let name = engine.name();
                bench.table.add(
                    &format!("{row}, events a second"),
                    name,
                    done.events_per_second,
                )?;
                bench.table.add(&format!("{row}, p99 of a call"), name, p99)?;
                bench.table.add(&format!("{row}: floor beside it"), name, floor)?;
            }
        }
        Ok(())
    })
}

/// Whether other processes may read meanwhile, and the row: diurnal has two modes, and a peer is
/// measured for both rows as it is.
fn modes(rows: [&'static str; 2]) -> [(bool, &'static str); 2] {
    let [exclusive, shared] = rows;
    [(false, exclusive), (true, shared)]
}
