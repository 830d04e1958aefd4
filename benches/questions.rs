//! How long each question of `analysis` takes on ten million events of a year, in a store that has been
//! asked before. Run with `cargo bench --all-features --bench questions`; the store is made the first time and
//! kept under `target/`. `cargo test --all-features --bench questions` asks each once, of 20,000 events.
//! `DIURNAL_QUESTION_EVENTS` asks of another number.
//!
//! Seconds are those of the clock, the least of [`TIMES`]; nothing here fails for being slow.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use diurnal::analysis::{
    ClientErrors, ClockSkew, Funnel, Health, Heatmap, Histogram, Paths, Question, Session,
    Sessions, Silence, Tags,
};
use diurnal::testing::workload::Workload;
use diurnal::{Count, Filter, GroupBy, Store};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const EVENTS: u64 = 10_000_000;
const EVENTS_TRIED: u64 = 20_000;
const DAYS: u32 = 365;
const BATCH_EVENTS: usize = 65_536;

/// Each question is asked once before, and then so often.
const TIMES: usize = 3;

fn main() -> Result<()> {
    let measured = std::env::args().any(|argument| argument == "--bench");
    let events = match std::env::var("DIURNAL_QUESTION_EVENTS") {
        Ok(events) => events.parse()?,
        Err(_) if measured => EVENTS,
        Err(_) => EVENTS_TRIED,
    };
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("questions-{events}"));
    let kept = open(&path).or_else(|_| {
        make(&path, events)?;
        open(&path)
    });
    let (store, longest) = kept?;
    let mut asked = Asked { store, times: if measured { TIMES } else { 1 } };
    let session = longest.first().map(|count| count.key.clone()).unwrap_or_default();
    asked.ask("session", &Session::new(session))?;
    asked.ask("sessions", &Sessions::new())?;
    asked.ask("tags", &Tags::new())?;
    let hour = Duration::from_secs(3_600);
    let zone = "Europe/Vienna".parse().unwrap_or_default();
    asked.ask("histogram, 1h by type", &Histogram::new(hour).zone(zone).by_type(true))?;
    asked.ask("heatmap, 100 m", &Heatmap::new(100.0))?;
    asked.ask("paths", &Paths::new())?;
    let steps = ["start_stream", "modify_stream", "start_record", "stop_upload"];
    asked.ask("funnel, 4 steps", &Funnel::new(steps))?;
    asked.ask("health", &Health::new())?;
    asked.ask("silent", &Silence::new())?;
    asked.ask("errors", &ClientErrors::new())?;
    asked.ask("skew", &ClockSkew::new())
}

/// The store and its sessions, where this diurnal can read it: one that was kept may be of an earlier format.
fn open(path: &Path) -> Result<(Store, Vec<Count>)> {
    let store = Store::open_read_only(path)?;
    let sessions = store.count_by(&Filter::All, GroupBy::Session)?;
    Ok((store, sessions))
}

/// The store, beside its place until it is whole.
fn make(path: &Path, events: u64) -> Result<()> {
    let unfinished = path.with_extension("unfinished");
    for old in [path, &unfinished] {
        if old.exists() {
            std::fs::remove_dir_all(old)?;
        }
    }
    let store = Store::open(&unfinished)?;
    let mut workload = Workload::realistic().events(events).days(DAYS).iter();
    loop {
        let batch: Vec<_> = workload.by_ref().take(BATCH_EVENTS).collect();
        if batch.is_empty() {
            break;
        }
        store.log_events(batch)?;
    }
    store.close()?;
    Ok(std::fs::rename(unfinished, path)?)
}

struct Asked {
    store: Store,
    times: usize,
}

impl Asked {
    fn ask<Q: Question>(&mut self, name: &str, question: &Q) -> Result<()> {
        let mut least = Duration::MAX;
        self.store.ask(question)?;
        for _ in 0..self.times {
            let began = Instant::now();
            std::hint::black_box(self.store.ask(question)?);
            least = least.min(began.elapsed());
        }
        let mut out = std::io::stdout().lock();
        Ok(writeln!(out, "{name:<24} {:>8.3} s", least.as_secs_f64())?)
    }
}
