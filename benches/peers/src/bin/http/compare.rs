//! The services beside each other: single calls, then batches, in interleaved rounds.
//!
//! Owns: the measures, and what is printed about them. A figure is of one run over an empty directory, with a
//! process of the service that served nothing before.

use std::time::Duration;

use clap::ValueEnum;
use serde_json::json;

use crate::Place;
use crate::figures::{Figures, Target};
use crate::ledger;
use crate::load::{self, Done, Load};
use crate::machine::{self, Result, median};
use crate::requests::Form;
use crate::service::{Kind, Service};
use crate::text::{Unit, rounded, shown};

/// What issue 6 asks of the service.
const CALLS_PER_SECOND: f64 = 15_000.0;
const CALL_SECONDS_P99: f64 = 0.025;
const BATCH_EVENTS_PER_SECOND: f64 = 300_000.0;

/// Not counted at the start of a run.
const WARM: Duration = Duration::from_millis(500);

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Measure {
    Get,
    Post,
    Batch,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Runs of everything; the table has their medians.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How long each run lasts.
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// Keep-alive connections of single calls.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Keep-alive connections of batches.
    #[arg(long, default_value_t = 4)]
    batchers: usize,
    /// Events of a batch.
    #[arg(long, default_value_t = 2_000)]
    lines: usize,
    /// These measures alone.
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["get", "post", "batch"])]
    only: Vec<Measure>,
    /// These services alone.
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["diurnal", "plain"])]
    services: Vec<Kind>,
}

impl Arguments {
    fn load(&self, measure: Measure) -> Load {
        let (callers, batchers) = match measure {
            Measure::Batch => (0, self.batchers),
            Measure::Get | Measure::Post => (self.connections, 0),
        };
        Load {
            callers,
            form: if measure == Measure::Post { Form::Post } else { Form::Get },
            batchers,
            lines: self.lines,
            hanging: 0,
            slow: 0,
            warm: WARM,
            length: Duration::from_secs(self.seconds),
            hard: false,
        }
    }

    fn name(&self, measure: Measure) -> String {
        match measure {
            Measure::Get => format!("{} connections, GET", self.connections),
            Measure::Post => format!("{} connections, POST", self.connections),
            Measure::Batch => format!("{} connections, batches of {}", self.batchers, self.lines),
        }
    }
}

pub(crate) fn run(arguments: &Arguments, place: &Place) -> Result<()> {
    std::fs::create_dir_all(&place.dir)?;
    let mut figures = Figures::new(&arguments.services);
    let mut floors = Vec::new();
    for round in 0..arguments.rounds {
        eprintln!("round {} of {}", round + 1, arguments.rounds);
        floors.push(machine::floor(&place.dir)?);
        for measure in &arguments.only {
            // Neither is always the first after whatever the disk had to do.
            let mut services = arguments.services.clone();
            let first = round % services.len().max(1);
            services.rotate_left(first);
            for kind in services {
                one(arguments, place, *measure, kind, &mut figures)
                    .map_err(|error| format!("{}, {measure:?}: {error}", kind.name()))?;
            }
        }
    }
    print(arguments, place, &figures, median(&floors))
}

/// One run of one measure with one service.
fn one(
    arguments: &Arguments,
    place: &Place,
    measure: Measure,
    kind: Kind,
    figures: &mut Figures,
) -> Result<()> {
    let at = place.dir.join("http");
    machine::fresh(&at)?;
    let floor = machine::floor(&place.dir)?;
    let service = Service::start(kind, &at, None)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let load = arguments.load(measure);
    let busy = service.busy()?;
    let done = runtime.block_on(load::run(service.address, &load, |_| async { Ok(()) }))?;
    // The connections end with it.
    drop(runtime);
    let whole = done.seconds + load.warm.as_secs_f64();
    let processors = (service.busy()? - busy) / whole;
    let peak = service.peak_bytes()?;
    service.stop()?;
    let outcome = ledger::compare(&done.ledgers, &kind.stored(&at)?)?;
    if outcome.logged != outcome.stored {
        return Err(format!("every event was answered, {outcome:?}").into());
    }
    eprintln!(
        "{}, {}: {} events answered as logged, as many stored",
        arguments.name(measure),
        kind.name(),
        outcome.logged
    );
    std::fs::remove_dir_all(&at)?;
    machine::settle();
    let name = arguments.name(measure);
    add(figures, measure, kind, &name, &done);
    figures.add(&format!("{name}: peak memory"), Unit::Bytes, kind, peak as f64);
    figures.add(&format!("{name}: processors, service"), Unit::Processors, kind, processors);
    let generator = format!("{name}: processors, generator");
    figures.add(&generator, Unit::Processors, kind, done.processors);
    figures.add(&format!("{name}: floor beside it"), Unit::Floor, kind, floor);
    Ok(())
}

fn add(figures: &mut Figures, measure: Measure, kind: Kind, name: &str, done: &Done) {
    let (tally, events, target, request) = match measure {
        Measure::Batch => (
            &done.batches,
            "events a second",
            Target::AtLeast(BATCH_EVENTS_PER_SECOND),
            "of a batch",
        ),
        Measure::Get | Measure::Post => {
            (&done.calls, "calls a second", Target::AtLeast(CALLS_PER_SECOND), "of a call")
        }
    };
    let per_second = tally.events as f64 / done.seconds;
    figures.aim(&format!("{name}: {events}"), Unit::PerSecond, target, kind, per_second);
    figures.add(&format!("{name}: p50 {request}"), Unit::Seconds, kind, tally.seconds(0.5));
    let p99 = format!("{name}: p99 {request}");
    match measure {
        Measure::Batch => figures.add(&p99, Unit::Seconds, kind, tally.seconds(0.99)),
        Measure::Get | Measure::Post => {
            let target = Target::AtMost(CALL_SECONDS_P99);
            figures.aim(&p99, Unit::Seconds, target, kind, tally.seconds(0.99));
        }
    }
    figures.add(&format!("{name}: max {request}"), Unit::Seconds, kind, tally.seconds(1.0));
}

fn print(arguments: &Arguments, place: &Place, figures: &Figures, floor: f64) -> Result<()> {
    if place.json {
        let whole = json!({
            "rounds": arguments.rounds,
            "seconds": arguments.seconds,
            "processors": machine::processors(),
            "floor_seconds": floor,
            "services": arguments.services.iter().map(|kind| kind.about()).collect::<Vec<_>>(),
            "rows": figures.json(),
        });
        println!("{}", serde_json::to_string_pretty(&whole)?);
        return Ok(());
    }
    println!(
        "Medians of {} rounds of {} s each; {} processors, shared by service and generator.",
        arguments.rounds,
        arguments.seconds,
        machine::processors()
    );
    println!(
        "An append of 150 bytes with fdatasync, the floor of what is durable, took {} at the start of a \
         round; one thread copies {} GB/s in memory.",
        shown(Unit::Seconds, floor),
        rounded(machine::copies())
    );
    println!("In brackets: how many times better diurnal is than this service.\n");
    for kind in &arguments.services {
        println!("- {}", kind.about());
    }
    println!("\n{}", figures.text(place.markdown));
    Ok(())
}
