//! The engines, and what is asked of each.
//!
//! Owns: [`Engine`], and how durable events are logged alone and from many threads, whatever the
//! engine. The rooms below it: one for each engine, and `rows`, what redb and fjall have in common.

pub(crate) mod diurnal;
pub(crate) mod duckdb;
pub(crate) mod fjall_rows;
pub(crate) mod redb_rows;
mod rows;
pub(crate) mod sqlite;

use std::path::Path;
use std::sync::Barrier;
use std::time::Instant;

use ::diurnal::{Day, Event};

use crate::machine::{Result, timed};
use crate::question::{Answer, Question};
use crate::source::{Source, Survey};

/// Seconds are those of the engine alone: events are made, and answers made comparable, outside of
/// them. What an engine does not do is `None`.
pub(crate) trait Engine {
    fn name(&self) -> &'static str;

    /// Its version, and its settings where they matter.
    fn about(&mut self) -> Result<String>;

    /// Loads all events into a new database in an empty directory, and closes it.
    fn load(&mut self, at: &Path, source: &Source, survey: &Survey) -> Result<f64>;

    /// Opens what was loaded.
    fn open(&mut self, at: &Path) -> Result<f64>;

    fn close(&mut self) -> Result<()>;

    fn ask(&mut self, question: &Question) -> Result<Option<(Answer, f64)>>;

    /// Drops a day of what is open.
    fn drop_day(&mut self, _day: Day) -> Result<Option<f64>> {
        Ok(None)
    }

    /// Logs events one by one, each durable before the next, into a new database; microseconds of
    /// each call. `shared` where other processes may read meanwhile, if that is a setting.
    fn alone(&mut self, _at: &Path, _events: &[Event], _shared: bool) -> Result<Option<Vec<f64>>> {
        Ok(None)
    }

    /// The same from many threads at once.
    fn together(&mut self, _at: &Path, _calls: &Calls, _shared: bool) -> Result<Option<Together>> {
        Ok(None)
    }
}

/// Events for many threads.
pub(crate) struct Calls<'a> {
    pub(crate) events: &'a [Event],
    pub(crate) threads: usize,
}

pub(crate) struct Together {
    pub(crate) events_per_second: f64,
    pub(crate) call_micros: Vec<f64>,
}

/// The version of a package that this program was built with.
fn version(package: &str) -> &'static str {
    let lock = include_str!("../../Cargo.lock");
    let head = format!("name = \"{package}\"\nversion = \"");
    let after = lock.split_once(&head).map_or("?", |(_, after)| after);
    after.split('"').next().unwrap_or("?")
}

/// Microseconds of each call.
pub(crate) fn alone(
    events: &[Event],
    mut log: impl FnMut(&Event) -> Result<()>,
) -> Result<Option<Vec<f64>>> {
    let each = events.iter().map(|event| Ok(timed(|| log(event))?.1 * 1e6));
    Ok(Some(each.collect::<Result<_>>()?))
}

/// Each thread logs its share of the events, one by one; all begin together.
pub(crate) fn together(
    calls: &Calls,
    log: impl Fn(&Event) -> Result<()> + Sync,
) -> Result<Option<Together>> {
    let start = Barrier::new(calls.threads + 1);
    let share = calls.events.len().div_ceil(calls.threads).max(1);
    let worker = &|events: &[Event]| -> Result<Vec<f64>> {
        start.wait();
        events.iter().map(|event| Ok(timed(|| log(event))?.1 * 1e6)).collect()
    };
    std::thread::scope(|scope| {
        let mut parts = calls.events.chunks(share);
        let workers: Vec<_> = (0..calls.threads)
            .map(|_| {
                let part = parts.next().unwrap_or_default();
                scope.spawn(move || worker(part))
            })
            .collect();
        start.wait();
        let began = Instant::now();
        let mut call_micros = Vec::new();
        for worker in workers {
            call_micros.extend(worker.join().map_err(|_| "a thread stopped")??);
        }
        let events_per_second = calls.events.len() as f64 / began.elapsed().as_secs_f64();
        Ok(Some(Together { events_per_second, call_micros }))
    })
}
