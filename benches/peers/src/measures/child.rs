//! What only a process of its own can tell: the peak of its memory, and a crash.
//!
//! Owns: `memory`, and the hidden part of the program that it starts again with. The store
//! that is logged by one process is opened by the next.

use std::path::Path;
use std::process::Command;

use clap::ValueEnum;
use diurnal::testing::workload::Workload;
use diurnal::{Filter, GroupBy, NewEvent, Query, Store};

use super::Bench;
use crate::machine::{self, Result};
use crate::source::Source;
use crate::table::OURS;

/// Events of one call: a program with little memory does not gather 65,536.
const BATCH_EVENTS: usize = 4_096;

/// Events that wait for the next start when the process ends.
const CRASH_EVENTS: usize = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Child {
    Log,
    Open,
    Crash,
}

/// Starts the program again; what it prints.
fn start(bench: &Bench, child: &str, at: &Path) -> Result<std::process::Output> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--child", child, "--dir"]).arg(at);
    command.args(["--events", &bench.survey.events.to_string()]);
    command.args(["--days", &bench.survey.days.to_string()]);
    Ok(command.output()?)
}

pub(super) fn memory(bench: &mut Bench) -> Result<()> {
    if !matches!(bench.source, Source::Made(_)) {
        return Ok(());
    }
    bench.each(|bench, engine, at| {
        if engine.name() != OURS {
            return Ok(());
        }
        for (child, row) in [("log", "peak memory, log and query"), ("open", "peak memory, open")] {
            let output = start(bench, child, at)?;
            let printed = String::from_utf8(output.stdout)?;
            let bytes = printed.trim().parse::<u64>().map_err(|_| {
                format!("memory: {}", String::from_utf8_lossy(&output.stderr).trim())
            })?;
            bench.table.add(row, engine.name(), bytes as f64)?;
        }
        Ok(())
    })
}

/// Leaves the store as a process does that ends in the midst of its work.
pub(super) fn crash(bench: &Bench, at: &Path) -> Result<()> {
    let output = start(bench, "crash", at)?;
    match output.status.success() {
        true => Err("the process was to end by a signal".into()),
        false => Ok(()),
    }
}

/// What the program does that was started again; the peak of its memory.
pub(crate) fn run(child: Child, at: &Path, workload: &Workload) -> Result<u64> {
    match child {
        Child::Log => {
            let store = Store::open(at)?;
            let mut events = workload.iter();
            loop {
                let batch: Vec<_> = events.by_ref().take(BATCH_EVENTS).collect();
                if batch.is_empty() {
                    break;
                }
                store.log_events(batch)?;
            }
            ask(&store)?;
            store.close()?;
        }
        Child::Open => drop(Store::open(at)?),
        Child::Crash => {
            let store = Store::open(at)?;
            for number in 0..CRASH_EVENTS {
                store.log_event(NewEvent::new(number, "heartbeat"))?;
            }
            std::process::abort();
        }
    }
    machine::peak_bytes()
}

/// One question of each kind.
fn ask(store: &Store) -> Result<()> {
    store.count(&Filter::event_type("heartbeat").and(Filter::HasLocation(true)))?;
    store.count(&Filter::all_tags([4, 21]))?;
    store.count_by(&Filter::All, GroupBy::Tag)?;
    store.count_by(&Filter::event_type("heartbeat"), GroupBy::Hour)?;
    store.sessions(&Filter::All)?;
    for event in store.query(&Query::new())? {
        event?;
    }
    Ok(())
}
