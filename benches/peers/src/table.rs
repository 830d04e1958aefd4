//! The table: what was measured, how the peers compare, and which targets are reached.
//!
//! Owns: the rows with their units and targets, medians, and ratios. Does not own how a figure comes about
//! (`measures`), nor how it is written (`text`).
//!
//! A ratio says how many times better diurnal is: below 1 the peer is ahead.

use std::collections::HashMap;

use crate::machine::{Result, median};
use crate::text::{Unit, better, columns, rounded, shown};

enum Target {
    AtMost(f64),
    AtLeast(f64),
    /// At most so many times an append with its fdatasync, as measured for this row.
    Floors(&'static str, f64),
    /// So many times better than this engine.
    Ahead(&'static str, f64),
    AheadOfBest(f64),
    /// So many times better than diurnal's own figure of another row.
    AheadOfRow(&'static str, f64),
}

pub(crate) struct Row {
    name: &'static str,
    unit: Unit,
    targets: &'static [Target],
}

const fn row(name: &'static str, unit: Unit, targets: &'static [Target]) -> Row {
    Row { name, unit, targets }
}

use Target::{Ahead, AheadOfBest, AheadOfRow, AtLeast, AtMost, Floors};
use Unit::{Bytes, BytesBack, Floor, PerSecond, Seconds};

/// Targets of the realistic workload.
const ROWS: &[Row] = &[
    row(
        "bulk, events a second",
        PerSecond,
        &[Ahead("sqlite", 12.0), Ahead("duckdb", 1.5), AtLeast(2e6)],
    ),
    row("bytes per event", Bytes, &[AtMost(15.0)]),
    row("bytes per event, allocated", Bytes, &[]),
    row("kiosk: 365 days of 1,000 events, allocated", Bytes, &[Ahead("sqlite", 2.0)]),
    row("kiosk: a day of 10 events, allocated", Bytes, &[AtMost(48_000.0)]),
    row(
        "one durable event, exclusive",
        Seconds,
        &[Floors("one durable event, exclusive: floor beside it", 1.6)],
    ),
    row("one durable event, exclusive: floor beside it", Floor, &[]),
    row("one durable event, shared readers", Seconds, &[]),
    row("one durable event, shared readers: floor beside it", Floor, &[]),
    row("64 threads, events a second", PerSecond, &[Ahead("sqlite", 15.0)]),
    row("64 threads, p99 of a call", Seconds, &[Floors("64 threads: floor beside it", 4.0)]),
    row("64 threads: floor beside it", Floor, &[]),
    row("64 threads, exclusive, events a second", PerSecond, &[Ahead("sqlite", 15.0)]),
    row(
        "64 threads, exclusive, p99 of a call",
        Seconds,
        &[Floors("64 threads, exclusive: floor beside it", 4.0)],
    ),
    row("64 threads, exclusive: floor beside it", Floor, &[]),
    row("count type", Seconds, &[AheadOfBest(10.0)]),
    row("count type, first", Seconds, &[]),
    row("count type in range", Seconds, &[AheadOfBest(10.0)]),
    row("count type in range, first", Seconds, &[]),
    row("count tag", Seconds, &[AheadOfBest(10.0)]),
    row("count tag, first", Seconds, &[]),
    row("count tag and tag", Seconds, &[AheadOfBest(10.0)]),
    row("count tag and tag, first", Seconds, &[]),
    row("count tag, type, range", Seconds, &[AheadOfBest(10.0)]),
    row("count tag, type, range, first", Seconds, &[]),
    row("all tags with counts", Seconds, &[AheadOfBest(10.0)]),
    row("all tags with counts, first", Seconds, &[]),
    row("timeline", Seconds, &[AheadOfBest(10.0)]),
    row("timeline, first", Seconds, &[AheadOfBest(3.0)]),
    row("every session", Seconds, &[Ahead("duckdb", 2.0)]),
    row("every session, first", Seconds, &[]),
    row("count box", Seconds, &[Ahead("duckdb", 2.0)]),
    row("count box, first", Seconds, &[]),
    row("count circle", Seconds, &[Ahead("duckdb", 2.0)]),
    row("count circle, first", Seconds, &[]),
    row("count polygon", Seconds, &[AheadOfRow("count polygon, full scan", 2.0)]),
    row("count polygon, first", Seconds, &[]),
    row("count polygon, full scan", Seconds, &[]),
    row("count polygon, full scan, first", Seconds, &[]),
    row("histogram by hour", Seconds, &[Ahead("duckdb", 2.0)]),
    row("histogram by hour, first", Seconds, &[]),
    row("open", Seconds, &[AtMost(0.050)]),
    row("open after a crash", Seconds, &[AtMost(0.050)]),
    row("drop a day", Seconds, &[AtMost(0.010)]),
    row("drop a day, bytes back", BytesBack, &[]),
    row("written per event: lone", Bytes, &[AtMost(22.0 * 1024.0)]),
    row("written per event: lone, exclusive", Bytes, &[AtMost(22.0 * 1024.0)]),
    row("written per event: batches of 100", Bytes, &[AtMost(400.0)]),
    row("written per event: bulk", Bytes, &[AheadOfRow("at rest per event: bulk", 1.0 / 3.0)]),
    row("at rest per event: bulk", Bytes, &[]),
    row("peak memory, log and query", Bytes, &[AtMost(128e6)]),
    row("peak memory, open", Bytes, &[AtMost(32e6)]),
    row("growth: seconds per event", Seconds, &[]),
    row(
        "growth: seconds per event at 10 times the events",
        Seconds,
        &[AheadOfRow("growth: seconds per event", 1.0 / 1.1)],
    ),
];

/// What the issue asks of the hostile workload.
const HOSTILE: &[(&str, &[Target])] = &[("bytes per event", &[Ahead("sqlite", 1.0)])];

pub(crate) const OURS: &str = "diurnal";

/// Figures by row and engine, one of each round.
#[derive(Default)]
pub(crate) struct Table {
    engines: Vec<&'static str>,
    workload: String,
    /// Seconds of an append with its fdatasync, at the start of each round.
    pub(crate) floor: Vec<f64>,
    figures: HashMap<(&'static str, &'static str), Vec<f64>>,
}

impl Table {
    pub(crate) fn new(engines: Vec<&'static str>, workload: &str) -> Self {
        Self { engines, workload: workload.to_owned(), ..Self::default() }
    }

    pub(crate) fn add(&mut self, name: &str, engine: &'static str, figure: f64) -> Result<()> {
        let row = ROWS.iter().find(|row| row.name == name);
        let row = row.ok_or_else(|| format!("the table has no row {name:?}"))?;
        self.figures.entry((row.name, engine)).or_default().push(figure);
        Ok(())
    }

    fn figure(&self, row: &str, engine: &str) -> Option<f64> {
        let figures = self.figures.iter().find(|((r, e), _)| *r == row && *e == engine);
        figures.map(|(_, figures)| median(figures))
    }

    fn ratio(&self, row: &Row, engine: &str) -> Option<f64> {
        let (ours, theirs) = (self.figure(row.name, OURS)?, self.figure(row.name, engine)?);
        // What waits for the disk is compared in floors, as measured beside each: the disk may have
        // changed from one engine to the next.
        let name =
            row.name.trim_end_matches(", events a second").trim_end_matches(", p99 of a call");
        let beside = format!("{name}: floor beside it");
        let slower = match (self.figure(&beside, engine), self.figure(&beside, OURS)) {
            (Some(theirs), Some(ours)) => theirs / ours,
            _ => 1.0,
        };
        match row.unit {
            PerSecond => better(row.unit, ours, theirs * slower),
            _ => better(row.unit, ours, theirs / slower),
        }
    }

    fn targets(&self, row: &Row) -> &'static [Target] {
        match self.workload.as_str() {
            "realistic" => row.targets,
            "hostile" => {
                let same = HOSTILE.iter().find(|(name, _)| *name == row.name);
                same.map_or(&[], |(_, targets)| targets)
            }
            // There are none for what a file has.
            _ => &[],
        }
    }

    /// Whether a target is reached; `None` where what it needs was not measured.
    fn reached(&self, row: &Row, target: &Target) -> Option<bool> {
        let ours = self.figure(row.name, OURS)?;
        Some(match target {
            AtMost(most) => ours <= *most,
            AtLeast(least) => ours >= *least,
            Floors(beside, times) => ours <= times * self.figure(beside, OURS)?,
            Ahead(engine, times) => self.ratio(row, engine)? >= *times,
            AheadOfBest(times) => {
                let peers = self.engines.iter().filter(|engine| **engine != OURS);
                let ratios = peers.filter_map(|engine| self.ratio(row, engine));
                ratios.reduce(f64::min)? >= *times
            }
            AheadOfRow(other, times) => {
                better(row.unit, ours, self.figure(other, OURS)?)? >= *times
            }
        })
    }

    /// The table as GitHub's Markdown, or in columns for a terminal.
    pub(crate) fn text(&self, markdown: bool) -> String {
        let mut lines = vec![self.head()];
        lines.extend(ROWS.iter().filter_map(|row| self.line(row)));
        columns(&lines, markdown)
    }

    fn head(&self) -> Vec<String> {
        let mut head = vec!["measure".to_owned()];
        head.extend(self.engines.iter().map(|engine| (*engine).to_owned()));
        head.extend(["target of diurnal", "reached"].map(str::to_owned));
        head
    }

    /// A row's cells, if any engine was measured.
    fn line(&self, row: &Row) -> Option<Vec<String>> {
        self.engines.iter().find_map(|engine| self.figure(row.name, engine))?;
        let mut line = vec![row.name.to_owned()];
        for engine in &self.engines {
            line.push(match (self.figure(row.name, engine), self.ratio(row, engine)) {
                (Some(figure), Some(ratio)) if *engine != OURS => {
                    format!("{} ({} x)", shown(row.unit, figure), rounded(ratio))
                }
                (Some(figure), _) => shown(row.unit, figure),
                (None, _) => "-".to_owned(),
            });
        }
        let targets = self.targets(row);
        let wishes: Vec<_> = targets.iter().map(|target| wish(row.unit, target)).collect();
        line.push(wishes.join(", "));
        let reached = targets.iter().map(|target| match self.reached(row, target) {
            Some(true) => "yes",
            Some(false) => "NO",
            None => "not measured",
        });
        line.push(reached.collect::<Vec<_>>().join(", "));
        Some(line)
    }
}

fn wish(unit: Unit, target: &Target) -> String {
    match target {
        AtMost(most) => format!("at most {}", shown(unit, *most)),
        AtLeast(least) => format!("at least {}", shown(unit, *least)),
        Floors(_, times) => format!("at most {times} x the floor"),
        Ahead(engine, times) => format!("{times} x {engine}"),
        AheadOfBest(times) => format!("{times} x the best peer"),
        AheadOfRow(_, times) if *times < 1.0 => {
            format!("at most {} x the row above", rounded(1.0 / times))
        }
        AheadOfRow(_, times) => format!("{times} x the full scan"),
    }
}
