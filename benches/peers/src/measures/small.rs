//! Small kiosks: a year of little.
//!
//! Owns: `kiosk`. What counts is the room that files take on the disk.

use diurnal::Day;
use diurnal::testing::workload::Workload;

use super::Bench;
use crate::machine::{Result, bytes_of};
use crate::source::{Source, Survey};
use crate::table::OURS;

const DAYS: u32 = 365;
/// 2024-01-01.
const FIRST_DAY: u32 = 19_723;
const EVENTS_A_DAY: u64 = 1_000;
const EVENTS_OF_A_QUIET_DAY: u64 = 10;

fn year(events_a_day: u64) -> (Source, Survey) {
    let workload = Workload::realistic().days(DAYS).events(events_a_day * u64::from(DAYS));
    let source = Source::Made(workload);
    let survey = Survey::of(&source);
    (source, survey)
}

/// Some events on every day: a workload of a year would have its few sessions on a few days.
fn quiet_year() -> Source {
    let days = (FIRST_DAY..FIRST_DAY + DAYS).filter_map(Day::from_number);
    let events = days.flat_map(|day| {
        let workload = Workload::realistic().days(1).first_day(day);
        workload.seed(u64::from(day.number())).events(EVENTS_OF_A_QUIET_DAY).iter()
    });
    Source::Read(events.collect())
}

pub(super) fn kiosk(bench: &mut Bench) -> Result<()> {
    let (source, survey) = year(EVENTS_A_DAY);
    bench.each(|bench, engine, at| {
        engine.load(at, &source, &survey)?;
        let bytes = bytes_of(at)?.allocated as f64;
        bench.table.add("kiosk: 365 days of 1,000 events, allocated", engine.name(), bytes)
    })?;
    let source = quiet_year();
    let survey = Survey::of(&source);
    bench.each(|bench, engine, at| {
        if engine.name() != OURS {
            return Ok(());
        }
        engine.load(at, &source, &survey)?;
        let bytes = bytes_of(at)?.allocated as f64 / f64::from(DAYS);
        bench.table.add("kiosk: a day of 10 events, allocated", engine.name(), bytes)
    })
}
