//! Events that are on disk before the call returns, and what the disk itself takes for that.
//!
//! Owns: `floor`, `single` and `threads`.

use std::path::Path;

use diurnal::Event;

use super::Bench;
use crate::engines::Calls;
use crate::machine::{self, Result, median, quantile};

/// Bytes of an event as a line of a log.
const FLOOR_BYTES: usize = 150;
const FLOOR_TIMES: usize = 200;

const SINGLE_EVENTS: usize = 500;

const THREADS: usize = 64;
const THREAD_EVENTS: usize = 200;

pub(super) fn floor(bench: &mut Bench) -> Result<()> {
    let seconds = append(&bench.work)?;
    bench.table.floor.push(seconds);
    Ok(())
}

/// Seconds of an append with its fdatasync, now: on a disk that others use it changes from minute to
/// minute, so that it is measured again beside each figure that is held against it.
fn append(directory: &Path) -> Result<f64> {
    let file = directory.join("floor");
    let micros = machine::appends(&file, FLOOR_BYTES, FLOOR_TIMES)?;
    std::fs::remove_file(file)?;
    Ok(median(&micros) / 1e6)
}

pub(super) fn single(bench: &mut Bench) -> Result<()> {
    let events: Vec<Event> = bench.source.events().take(SINGLE_EVENTS).collect();
    let rows = ["one durable event, exclusive", "one durable event, shared readers"];
    bench.each(|bench, engine, at| {
        for (shared, row) in modes(rows) {
            machine::fresh(at)?;
            let floor = append(&bench.work)?;
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
            let floor = append(&bench.work)?;
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
