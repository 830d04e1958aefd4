//! More than a service can do, for minutes: whether its memory stays flat, and what it answers.
//!
//! Owns: the load beyond the limits, the samples of memory, and what is said about them. Calls on many
//! connections and batches at full speed ask at once, refused ones again after 10 ms; connections that send
//! half of a head hang on beside them, and others ask for every event and take the answer slowly.
//!
//! Memory is flat where the last tenth of the run has no more than 1.1 times what the second has: in the first, queues
//! and caches fill.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, interval_at};

use crate::Place;
use crate::ledger::{self, Outcome};
use crate::load::{self, Done, Load, Running, Tally};
use crate::machine::{self, Result};
use crate::requests::Form;
use crate::service::{Kind, Service};
use crate::text::{Unit, rounded, shown};

/// At most this between two samples of memory; short runs have more of them.
const SAMPLE: Duration = Duration::from_secs(10);
const SAMPLES_MIN: u32 = 30;

const FLAT: f64 = 1.1;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How long to go on.
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// Connections of single calls.
    #[arg(long, default_value_t = 512)]
    callers: usize,
    /// Connections of batches.
    #[arg(long, default_value_t = 16)]
    batches: usize,
    /// Events of a batch.
    #[arg(long, default_value_t = 5_000)]
    events: usize,
    /// Connections that send half of a head and wait.
    #[arg(long, default_value_t = 32)]
    hanging: usize,
    /// Connections that ask for every event and take the answer slowly.
    #[arg(long, default_value_t = 16)]
    slow: usize,
    /// Requests a second that diurnal's service takes of one client, which all of these are; no limit unless
    /// given.
    #[arg(long)]
    rate: Option<NonZeroU32>,
    #[arg(long, value_enum, default_value = "diurnal")]
    service: Kind,
}

struct Sample {
    seconds: f64,
    resident: u64,
}

pub(crate) fn run(arguments: &Arguments, place: &Place) -> Result<()> {
    let kind = arguments.service;
    let at = place.dir.join("http");
    std::fs::create_dir_all(&place.dir)?;
    machine::fresh(&at)?;
    let floor = machine::floor(&place.dir)?;
    let service = Service::start(kind, &at, arguments.rate)?;
    let load = Load {
        callers: arguments.callers,
        form: Form::Get,
        batchers: arguments.batches,
        lines: arguments.events,
        hanging: arguments.hanging,
        slow: arguments.slow,
        warm: Duration::ZERO,
        length: Duration::from_secs_f64(arguments.minutes * 60.0),
        hard: true,
    };
    let samples = Arc::<Mutex<Vec<Sample>>>::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let watch = |running| watch(running, service.process(), load.length, Arc::clone(&samples));
    let done = runtime.block_on(load::run(service.address, &load, watch))?;
    drop(runtime);
    let peak = service.peak_bytes()?;
    service.stop()?;
    let outcome = ledger::compare(&done.ledgers, &kind.stored(&at)?)?;
    std::fs::remove_dir_all(&at)?;
    let samples = samples.lock().unwrap_or_else(PoisonError::into_inner);
    let growth = growth(&samples);
    let run = Run { kind, floor, peak, growth, done, outcome };
    match place.json {
        true => println!("{}", serde_json::to_string_pretty(&run.json(&samples))?),
        false => run.print(),
    }
    Ok(())
}

/// Notes and prints the service's memory until the load ends.
async fn watch(
    running: Arc<Running>,
    process: u32,
    length: Duration,
    samples: Arc<Mutex<Vec<Sample>>>,
) -> Result<()> {
    let period = SAMPLE.min(length / SAMPLES_MIN);
    let began = Instant::now();
    let mut ticks = interval_at(began + period, period);
    let mut before = 0;
    loop {
        ticks.tick().await;
        let now = Instant::now();
        if now > running.until {
            return Ok(());
        }
        let sample = Sample {
            seconds: (now - began).as_secs_f64(),
            resident: machine::memory(process, "VmRSS")?,
        };
        let events = running.calls().events + running.batches().events;
        eprintln!(
            "{:>6.1} s: {} resident, {} events; calls {}; batches {}",
            sample.seconds,
            shown(Unit::Bytes, sample.resident as f64),
            shown(Unit::PerSecond, (events - before) as f64 / period.as_secs_f64()),
            statuses(&running.calls()),
            statuses(&running.batches()),
        );
        before = events;
        samples.lock().unwrap_or_else(PoisonError::into_inner).push(sample);
    }
}

/// `200: 7, 503: 1, broken: 0`.
fn statuses(tally: &Tally) -> String {
    let mut parts: Vec<_> =
        tally.statuses.iter().map(|(status, count)| format!("{status}: {count}")).collect();
    parts.push(format!("broken: {}", tally.broken));
    parts.join(", ")
}

/// How many times what was resident in the second tenth is resident in the last.
fn growth(samples: &[Sample]) -> Option<f64> {
    let tenth = samples.len() / 10;
    let mean = |samples: &[Sample]| {
        samples.iter().map(|sample| sample.resident as f64).sum::<f64>() / samples.len() as f64
    };
    let second = samples.get(tenth..2 * tenth).filter(|second| !second.is_empty())?;
    Some(mean(&samples[samples.len() - tenth..]) / mean(second))
}

/// What came of it.
struct Run {
    kind: Kind,
    floor: f64,
    peak: u64,
    growth: Option<f64>,
    done: Done,
    outcome: Outcome,
}

impl Run {
    fn print(&self) {
        println!(
            "{}; {} processors, shared by service and generator; an append of 150 bytes with fdatasync \
             took {} before.\n",
            self.kind.about(),
            machine::processors(),
            shown(Unit::Floor, self.floor)
        );
        for (name, tally) in [("calls", &self.done.calls), ("batches", &self.done.batches)] {
            println!(
                "{name}: {}; {} events; p50 {}, p99 {}, longest {} of those that were logged",
                statuses(tally),
                shown(Unit::PerSecond, tally.events as f64 / self.done.seconds),
                shown(Unit::Seconds, tally.seconds(0.5)),
                shown(Unit::Seconds, tally.seconds(0.99)),
                shown(Unit::Seconds, tally.seconds(1.0)),
            );
        }
        let Outcome { logged, stored } = self.outcome;
        println!(
            "{logged} events answered as logged, all of them stored; {} more stored than answered",
            stored - logged
        );
        let flat = match self.growth {
            Some(growth) if growth <= FLAT => format!("flat ({} x)", rounded(growth)),
            Some(growth) => format!("NOT flat ({} x)", rounded(growth)),
            None => "too short a run to say".to_owned(),
        };
        println!(
            "memory, last tenth of the run beside the second: {flat}; peak {}",
            shown(Unit::Bytes, self.peak as f64)
        );
    }

    fn json(&self, samples: &[Sample]) -> Value {
        let tally = |tally: &Tally| {
            json!({
                "statuses": tally.statuses,
                "broken": tally.broken,
                "events": tally.events,
                "lines_not_logged": tally.failed,
                "p50_seconds": tally.seconds(0.5),
                "p99_seconds": tally.seconds(0.99),
                "longest_seconds": tally.seconds(1.0),
            })
        };
        json!({
            "service": self.kind.name(),
            "seconds": self.done.seconds,
            "floor_seconds": self.floor,
            "calls": tally(&self.done.calls),
            "batches": tally(&self.done.batches),
            "logged": self.outcome.logged,
            "stored": self.outcome.stored,
            "peak_bytes": self.peak,
            "growth": self.growth,
            "flat": self.growth.map(|growth| growth <= FLAT),
            "resident": samples
                .iter()
                .map(|sample| json!([sample.seconds, sample.resident]))
                .collect::<Vec<_>>(),
        })
    }
}
