//! Counts and summaries.
//!
//! Owns: counts by session, type, tag and stretch of time, one line a session, and what `explain` tells. Does
//! not own which rows match (`eval`).
//!
//! Invariants: counts come from bitmaps where bitmaps can tell, from zones where they can, and from
//! the column of server times only where a block lies across a boundary; memory grows with the number
//! of keys, not of events.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::catalog::DaySummary;
use crate::codec::columns::ColumnKind;
use crate::day::part::Part;
use crate::day::view::DayView;
use crate::error::{Error, Result};
use crate::index::postings::Bitmap;
use crate::index::term::Field;
use crate::query::eval::{self, PartReader, Trace};
use crate::query::plan::Plan;
use crate::query::{Count, Filter, GroupBy};
use crate::snapshot::Snapshot;
use crate::time::{self, Day, Timestamp};

/// One session, in one line; figures are of the events that were asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SessionSummary {
    /// The session's id.
    pub id: String,
    /// The earliest server time.
    #[serde(rename = "first")]
    pub first_seen: Timestamp,
    /// The latest server time.
    #[serde(rename = "last")]
    pub last_seen: Timestamp,
    /// How many events.
    pub events: u64,
}

/// How a filter was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Explain {
    /// Days in the store.
    pub days_considered: u64,
    /// Days that were not opened, since the catalog rules them out.
    pub days_pruned: u64,
    /// Blocks of the days that were opened.
    pub blocks_considered: u64,
    /// Blocks that bitmaps or zones ruled out.
    pub blocks_pruned: u64,
    /// Blocks of which a column was decoded to test the filter.
    pub blocks_decoded: u64,
    /// The conditions in the order in which they were answered, and the events left after each.
    pub steps: Vec<Step>,
}

/// A condition that was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Step {
    /// What was asked.
    pub condition: String,
    /// Events left.
    pub events: u64,
}

impl fmt::Display for Explain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let opened = self.days_considered - self.days_pruned;
        writeln!(
            f,
            "days    {} considered, {} pruned, {opened} opened",
            self.days_considered, self.days_pruned
        )?;
        writeln!(
            f,
            "blocks  {} considered, {} pruned, {} decoded",
            self.blocks_considered, self.blocks_pruned, self.blocks_decoded
        )?;
        for step in &self.steps {
            writeln!(f, "{:>10} left after: {}", step.events, step.condition)?;
        }
        Ok(())
    }
}

/// A day, where it may hold a match.
fn day_with_matches(snapshot: &Snapshot, plan: &Plan, day: Day) -> Result<Option<DayView>> {
    if !plan.may_match(day, snapshot.summary(day)) {
        return Ok(None);
    }
    match snapshot.view(day)? {
        Some(view) if snapshot.live.contains_key(&day) && !eval::may_match(&view, plan)? => {
            Ok(None)
        }
        view => Ok(view),
    }
}

/// Visits each part of a day with a match, with its matches.
fn each_match_of(
    snapshot: &Snapshot,
    plan: &Plan,
    day: Day,
    mut visit: impl FnMut(&DayView, &Part, &Bitmap) -> Result<()>,
) -> Result<()> {
    let Some(view) = day_with_matches(snapshot, plan, day)? else { return Ok(()) };
    for part in &view.parts {
        let matches = eval::matches(&view, part, plan, &mut Trace::default())?;
        if !matches.is_empty() {
            visit(&view, part, &matches)?;
        }
    }
    Ok(())
}

/// Visits each part with a match, with its matches.
pub(super) fn each_match(
    snapshot: &Snapshot,
    plan: &Plan,
    mut visit: impl FnMut(&DayView, &Part, &Bitmap) -> Result<()>,
) -> Result<()> {
    let days = snapshot.days();
    days.into_iter().try_for_each(|day| each_match_of(snapshot, plan, day, &mut visit))
}

/// How many events match on each day, days without one left out.
fn count_days(snapshot: &Snapshot, plan: &Plan) -> Result<BTreeMap<Day, u64>> {
    let mut counts = BTreeMap::new();
    for day in snapshot.days() {
        let summary = snapshot.summary(day);
        if !plan.may_match(day, summary) {
            continue;
        }
        let count = match summary.and_then(|summary| listed_count(summary, plan)) {
            Some(listed) => listed,
            None => count_day(snapshot, day, plan)?,
        };
        if count > 0 {
            counts.insert(day, count);
        }
    }
    Ok(counts)
}

/// How many events of a day match, where the catalog can tell.
fn listed_count(summary: &DaySummary, plan: &Plan) -> Option<u64> {
    match plan.conjunction()? {
        [] => Some(summary.rows.into()),
        [(field, key)] => summary.total(*field, key).map(u64::from),
        _ => None,
    }
}

fn count_day(snapshot: &Snapshot, day: Day, plan: &Plan) -> Result<u64> {
    let Some(view) = snapshot.view(day)? else { return Ok(0) };
    let parts = view.parts.iter();
    parts.map(|part| eval::count(&view, part, plan)).sum()
}

/// How many events match.
pub(crate) fn count(snapshot: &Snapshot, filter: &Filter) -> Result<u64> {
    Ok(count_days(snapshot, &Plan::new(filter)?)?.values().sum())
}

/// How many events match for each key.
pub(crate) fn count_by(snapshot: &Snapshot, filter: &Filter, by: GroupBy) -> Result<Vec<Count>> {
    let plan = Plan::new(filter)?;
    match by {
        GroupBy::Session => count_terms(snapshot, &plan, Field::Session),
        GroupBy::EventType => count_terms(snapshot, &plan, Field::EventType),
        GroupBy::Tag => count_terms(snapshot, &plan, Field::Tag),
        GroupBy::Hour => count_buckets(snapshot, &plan, 3_600 * time::SECOND),
        GroupBy::Day => {
            let days = count_days(snapshot, &plan)?;
            Ok(days.into_iter().map(|(day, count)| Count { key: day.to_string(), count }).collect())
        }
        GroupBy::Bucket(length) => match i64::try_from(length.as_micros()) {
            Ok(micros) if micros > 0 => count_buckets(snapshot, &plan, micros),
            _ => Err(Error::invalid(
                "bucket",
                "must be at least a microsecond and at most 292,000 years",
                format!("{length:?}"),
            )),
        },
    }
}

fn count_terms(snapshot: &Snapshot, plan: &Plan, field: Field) -> Result<Vec<Count>> {
    let mut counts = HashMap::<Vec<u8>, u64>::new();
    let mut add = |key: &[u8], count: u64| match counts.get_mut(key) {
        Some(sum) => *sum += count,
        None if count > 0 => drop(counts.insert(key.to_vec(), count)),
        None => {}
    };
    for day in snapshot.days() {
        let totals = snapshot.summary(day).filter(|_| plan.is_all());
        match totals.and_then(|summary| summary.totals(field)) {
            Some(totals) => totals.iter().for_each(|(key, events)| add(key, (*events).into())),
            None => each_match_of(snapshot, plan, day, |view, part, matches| {
                let all = matches.len() == u64::from(part.events());
                PartReader::new(view, part)?.scan(field, |key, posting| {
                    add(
                        key,
                        if all { posting.cardinality.into() } else { posting.count_in(matches)? },
                    );
                    Ok(())
                })
            })?,
        }
    }
    let text = |key: Vec<u8>| String::from_utf8_lossy(&key).into_owned();
    let mut counts: Vec<Count> =
        counts.into_iter().map(|(key, count)| Count { key: text(key), count }).collect();
    counts.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.key.cmp(&b.key)));
    Ok(counts)
}

fn count_buckets(snapshot: &Snapshot, plan: &Plan, length: i64) -> Result<Vec<Count>> {
    let mut buckets = Buckets { length, counts: BTreeMap::new() };
    each_match(snapshot, plan, |view, part, matches| {
        // Every bucket is then one of whole quarters.
        match length % time::QUARTER {
            0 => buckets.count_quarters(view, part, matches),
            _ => buckets.count_rows(view, part, matches),
        }
    })?;
    let key = |bucket: i64| bucket_key(Timestamp::from_micros(bucket.saturating_mul(length)));
    Ok(buckets.counts.into_iter().map(|(at, count)| Count { key: key(at), count }).collect())
}

/// Counts by stretch of time.
struct Buckets {
    /// In microseconds.
    length: i64,
    /// By number from 1970 on.
    counts: BTreeMap<i64, u64>,
}

impl Buckets {
    fn add(&mut self, time: Timestamp, count: u64) {
        *self.counts.entry(time.as_micros().div_euclid(self.length)).or_default() += count;
    }

    fn count_quarters(&mut self, view: &DayView, part: &Part, matches: &Bitmap) -> Result<()> {
        let all = matches.len() == u64::from(part.events());
        let start = view.day.start().as_micros();
        PartReader::new(view, part)?.scan(Field::QuarterHour, |key, posting| {
            let quarter = key.first().copied().map_or(0, i64::from);
            let count = match all {
                true => posting.cardinality.into(),
                false => posting.count_in(matches)?,
            };
            if count > 0 {
                self.add(Timestamp::from_micros(start + quarter * time::QUARTER), count);
            }
            Ok(())
        })
    }

    fn count_rows(&mut self, view: &DayView, part: &Part, matches: &Bitmap) -> Result<()> {
        let reader = PartReader::new(view, part)?;
        for block in reader.part.blocks() {
            let range = reader.range_of(block);
            let count = matches.range_len(range.clone());
            if count == 0 {
                continue;
            }
            let (first, last) = block.zone.server_time;
            if first.as_micros().div_euclid(self.length) == last.as_micros().div_euclid(self.length)
            {
                self.add(first, count);
                continue;
            }
            let times = view.column(block, ColumnKind::ServerTime)?;
            for row in matches.iter_in(range.clone()) {
                if let Some(time) = times.time((row - range.start) as usize) {
                    self.add(time, 1);
                }
            }
        }
        Ok(())
    }
}

/// `2026-11-23T10:00:00Z`, with a fraction only where there is one.
fn bucket_key(start: Timestamp) -> String {
    match start.to_chrono() {
        Some(time) => time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true),
        None => start.to_string(),
    }
}

/// One line for each session with a match, in order of the first one, then of the id.
pub(crate) fn sessions(snapshot: &Snapshot, filter: &Filter) -> Result<Vec<SessionSummary>> {
    let plan = Plan::new(filter)?;
    let mut sessions = HashMap::<Vec<u8>, (Timestamp, Timestamp, u64)>::new();
    each_match(snapshot, &plan, |view, part, matches| {
        let all = matches.len() == u64::from(part.events());
        let reader = PartReader::new(view, part)?;
        reader.scan(Field::Session, |key, posting| {
            let (rows, whole) = match all {
                true => (None, true),
                false => {
                    let rows = &posting.bitmap()? & matches;
                    let whole = rows.len() == u64::from(posting.cardinality);
                    (Some(rows), whole)
                }
            };
            let count = rows.as_ref().map_or(posting.cardinality.into(), Bitmap::len);
            let times = match (posting.times, rows) {
                (Some((first, last)), _) if whole => {
                    Some((Timestamp::from_micros(first), Timestamp::from_micros(last)))
                }
                (_, Some(rows)) => first_and_last(&reader, &rows)?,
                (_, None) => None,
            };
            let Some((first, last)) = times.filter(|_| count > 0) else { return Ok(()) };
            match sessions.get_mut(key) {
                Some((earliest, latest, sum)) => {
                    *earliest = first.min(*earliest);
                    *latest = last.max(*latest);
                    *sum += count;
                }
                None => drop(sessions.insert(key.to_vec(), (first, last, count))),
            }
            Ok(())
        })
    })?;
    let summary = |(key, (first_seen, last_seen, events)): (Vec<u8>, _)| SessionSummary {
        id: String::from_utf8_lossy(&key).into_owned(),
        first_seen,
        last_seen,
        events,
    };
    let mut sessions: Vec<SessionSummary> = sessions.into_iter().map(summary).collect();
    sessions.sort_by(|a, b| a.first_seen.cmp(&b.first_seen).then_with(|| a.id.cmp(&b.id)));
    Ok(sessions)
}

/// The earliest and the latest server time of these rows.
fn first_and_last(
    reader: &PartReader<'_>,
    rows: &Bitmap,
) -> Result<Option<(Timestamp, Timestamp)>> {
    let mut found: Option<(Timestamp, Timestamp)> = None;
    for block in reader.part.blocks() {
        let range = reader.range_of(block);
        if rows.range_len(range.clone()) == 0 {
            continue;
        }
        let times = reader.part.view.column(block, ColumnKind::ServerTime)?;
        for row in rows.iter_in(range.clone()) {
            if let Some(time) = times.time((row - range.start) as usize) {
                let (first, last) = found.unwrap_or((time, time));
                found = Some((first.min(time), last.max(time)));
            }
        }
    }
    Ok(found)
}

/// How the filter is answered, found by answering it.
pub(crate) fn explain(snapshot: &Snapshot, filter: &Filter) -> Result<Explain> {
    let plan = Plan::new(filter)?;
    let mut trace = Trace::default();
    let mut days_pruned = 0;
    for day in snapshot.days() {
        match day_with_matches(snapshot, &plan, day)? {
            Some(view) => view
                .parts
                .iter()
                .try_for_each(|part| eval::matches(&view, part, &plan, &mut trace).map(|_| ()))?,
            None => days_pruned += 1,
        }
    }
    trace.steps.resize(plan.steps().len(), 0);
    let steps = plan.steps().iter().zip(&trace.steps);
    Ok(Explain {
        days_considered: snapshot.days().len() as u64,
        days_pruned,
        blocks_considered: trace.blocks_considered,
        blocks_pruned: trace.blocks_pruned,
        blocks_decoded: trace.blocks_decoded,
        steps: steps
            .map(|(condition, events)| Step { condition: condition.to_string(), events: *events })
            .collect(),
    })
}
