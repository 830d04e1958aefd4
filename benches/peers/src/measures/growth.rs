//! Whether an event costs more where there are more of them.
//!
//! Owns: `growth`: the bulk load of diurnal at the number of events asked for, and at ten times as
//! many in as many days.

use diurnal::testing::workload::Workload;

use super::Bench;
use crate::machine::Result;
use crate::source::{Source, Survey};
use crate::table::OURS;

pub(super) fn growth(bench: &mut Bench) -> Result<()> {
    let Source::Made(workload) = &bench.source else {
        return Err("growth needs a workload that can be made larger".into());
    };
    let (workload, events) = (workload.clone(), bench.survey.events);
    let rows = ["growth: seconds per event", "growth: seconds per event at 10 times the events"];
    for (row, times) in rows.into_iter().zip([1, 10]) {
        let larger = Source::Made(Workload::events(workload.clone(), events * times));
        bench.each(|bench, engine, at| {
            if engine.name() != OURS {
                return Ok(());
            }
            let survey = Survey::of(&Source::Made(workload.clone()));
            let seconds = engine.load(at, &larger, &survey)?;
            bench.table.add(row, engine.name(), seconds / (events * times) as f64)
        })?;
    }
    Ok(())
}
