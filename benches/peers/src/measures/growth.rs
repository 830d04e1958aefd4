//! Whether an event costs more where there are more of them.
//!
//! Owns: `growth`: the bulk load of diurnal at the number of events asked for, and at ten times as
//! many in ten times as many days, so that there is more history and no larger crowd. (In as many days ten
//! times the sessions walk at once, and their events pack a tenth worse.)

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
        let days = u32::try_from(bench.survey.days * times).map_err(|_| "too many days")?;
        let larger = workload.clone().events(events * times as u64).days(days);
        let larger = Source::Made(larger);
        bench.each(|bench, engine, at| {
            if engine.name() != OURS {
                return Ok(());
            }
            let survey = Survey::of(&Source::Made(workload.clone()));
            let seconds = engine.load(at, &larger, &survey)?;
            bench.table.add(row, engine.name(), seconds / (events * times as u64) as f64)
        })?;
    }
    Ok(())
}
