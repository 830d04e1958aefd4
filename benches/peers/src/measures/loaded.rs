//! What is asked of one loaded database.
//!
//! Owns: `bulk`, `size`, `open`, `queries` and `drop`, in this order on one load for each engine and
//! round.
//!
//! Each question is asked first of a database that was just opened, then again and again: the first
//! time and the median of the others are two rows. Timelines are of many sessions: for the first row the
//! database is opened anew before each of them; the other is of the same sessions asked again at
//! once. The system's page cache is warm for every engine.

use std::path::Path;

use super::{Bench, Measure, child};
use crate::engines::Engine;
use crate::machine::{Result, bytes_of, median};
use crate::question::Question;
use crate::table::OURS;

/// A question is asked this often, unless that takes longer than [`SECONDS`].
const TIMES: usize = 25;
const TIMES_LEAST: usize = 3;
const SECONDS: f64 = 1.0;

const OPENS: usize = 5;

/// Every so many of the sessions is asked of a database that was just opened.
const COLD_STEP: usize = 4;

pub(super) fn loaded(bench: &mut Bench) -> Result<()> {
    bench.each(|bench, engine, at| {
        let seconds = engine.load(at, &bench.source, &bench.survey)?;
        let name = engine.name();
        let events = bench.survey.events as f64;
        if bench.wants(&[Measure::Bulk]) {
            bench.table.add("bulk, events a second", name, events / seconds)?;
        }
        if bench.wants(&[Measure::Size]) {
            let bytes = bytes_of(at)?;
            bench.table.add("bytes per event", name, bytes.length as f64 / events)?;
            let allocated = bytes.allocated as f64 / events;
            bench.table.add("bytes per event, allocated", name, allocated)?;
        }
        if bench.wants(&[Measure::Open]) {
            open(bench, engine, at)?;
        }
        if bench.wants(&[Measure::Queries]) {
            timelines(bench, engine, at)?;
            for question in bench.survey.questions() {
                ask(bench, engine, at, &question)?;
            }
        }
        if bench.wants(&[Measure::Drop]) {
            drop_day(bench, engine, at)?;
        }
        if bench.wants(&[Measure::Open]) && name == OURS {
            child::crash(bench, at)?;
            let seconds = engine.open(at)?;
            engine.close()?;
            bench.table.add("open after a crash", name, seconds)?;
        }
        Ok(())
    })
}

fn open(bench: &mut Bench, engine: &mut dyn Engine, at: &Path) -> Result<()> {
    let mut seconds = Vec::new();
    for _ in 0..OPENS {
        seconds.push(engine.open(at)?);
        engine.close()?;
    }
    bench.table.add("open", engine.name(), median(&seconds))
}

fn timelines(bench: &mut Bench, engine: &mut dyn Engine, at: &Path) -> Result<()> {
    let name = engine.name();
    let mut first = Vec::new();
    for question in bench.survey.timelines().into_iter().step_by(COLD_STEP) {
        engine.open(at)?;
        if let Some((answer, seconds)) = engine.ask(&question)? {
            bench.check(name, &question, answer)?;
            first.push(seconds);
        }
        engine.close()?;
    }
    engine.open(at)?;
    let mut again = Vec::new();
    for question in bench.survey.timelines() {
        let Some((answer, _)) = engine.ask(&question)? else { continue };
        bench.check(name, &question, answer)?;
        again.extend(engine.ask(&question)?.map(|(_, seconds)| seconds));
    }
    engine.close()?;
    if !again.is_empty() {
        bench.table.add("timeline, first", name, median(&first))?;
        bench.table.add("timeline", name, median(&again))?;
    }
    Ok(())
}

fn ask(bench: &mut Bench, engine: &mut dyn Engine, at: &Path, question: &Question) -> Result<()> {
    engine.open(at)?;
    let name = engine.name();
    if let Some((answer, first)) = engine.ask(question)? {
        bench.check(name, question, answer)?;
        bench.table.add(&format!("{}, first", question.name()), name, first)?;
        let mut again = Vec::new();
        while again.len() < TIMES_LEAST
            || (again.len() < TIMES && again.iter().sum::<f64>() < SECONDS)
        {
            let (answer, seconds) = engine.ask(question)?.ok_or("it was answered before")?;
            bench.check(name, question, answer)?;
            again.push(seconds);
        }
        bench.table.add(question.name(), name, median(&again))?;
    }
    engine.close()
}

fn drop_day(bench: &mut Bench, engine: &mut dyn Engine, at: &Path) -> Result<()> {
    let before = bytes_of(at)?.allocated;
    engine.open(at)?;
    let dropped = engine.drop_day(bench.survey.middle_day)?;
    engine.close()?;
    if let Some(seconds) = dropped {
        bench.table.add("drop a day", engine.name(), seconds)?;
        let back = before as f64 - bytes_of(at)?.allocated as f64;
        bench.table.add("drop a day, bytes back", engine.name(), back)?;
    }
    Ok(())
}
