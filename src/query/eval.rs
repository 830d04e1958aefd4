//! Which rows of a part meet a condition.
//!
//! Owns: answering conditions with postings first, zones second and columns last. Does not own what is
//! done with the rows.
//!
//! Invariant: a condition is answered for candidates only: what an earlier condition has ruled out is
//! neither decoded nor tested.

use std::sync::Arc;

use crate::codec::columns::{Column, ColumnKind};
use crate::day::part::{BlockEntry, Part};
use crate::day::view::DayView;
use crate::error::{Error, Result};
use crate::index::cells::Cell;
use crate::index::postings::{Bitmap, Posting};
use crate::index::term::{Field, Term};
use crate::query::plan::{Condition, Plan};
use crate::query::region::{Cover, Mark, Region};

/// What a query has looked at.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trace {
    pub(crate) blocks_considered: u64,
    pub(crate) blocks_pruned: u64,
    pub(crate) blocks_decoded: u64,
    /// Events left after each step of the plan.
    pub(crate) steps: Vec<u64>,
}

/// One part, seen by one query.
pub(crate) struct PartReader<'a> {
    pub(crate) view: &'a DayView,
    pub(crate) part: &'a Part,
    /// Blocks of which a column was decoded, by place in the part.
    decoded: Vec<bool>,
}

/// Whether a day that is open may hold a match, by what the catalog would say of it were it sealed.
pub(crate) fn may_match(view: &DayView, plan: &Plan) -> Result<bool> {
    let mut zones = view.parts.iter().filter_map(|part| part.zone());
    if !zones.any(|zone| plan.condition.may_match_zone(&zone)) {
        return Ok(false);
    }
    let Some(sessions) = plan.sessions() else { return Ok(true) };
    for part in &view.parts {
        for session in sessions {
            if view.posting(part, &Term::new(Field::Session, session.as_str()))?.is_some() {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// The rows of a part that the plan's filter matches, by their place in the part.
pub(crate) fn matches(
    view: &DayView,
    part: &Part,
    plan: &Plan,
    trace: &mut Trace,
) -> Result<Bitmap> {
    let mut reader = PartReader { view, part, decoded: vec![false; part.blocks.len()] };
    let mut rows = Bitmap::full(part.events());
    trace.steps.resize(plan.steps().len(), 0);
    for (place, step) in plan.steps().iter().enumerate() {
        if rows.is_empty() {
            break;
        }
        rows = reader.select(step, rows)?;
        trace.steps[place] += rows.len();
    }
    trace.blocks_considered += part.blocks.len() as u64;
    for (block, decoded) in part.blocks.iter().zip(&reader.decoded) {
        let within = reader.range_of(block);
        trace.blocks_decoded += u64::from(*decoded);
        trace.blocks_pruned += u64::from(!decoded && rows.range_len(within) == 0);
    }
    Ok(rows)
}

/// How many rows of a part match; from the postings' heads alone where they can tell.
pub(crate) fn count(view: &DayView, part: &Part, plan: &Plan, trace: &mut Trace) -> Result<u64> {
    match &plan.condition {
        Condition::All => Ok(part.events().into()),
        Condition::Terms { field, keys, .. } if keys.len() == 1 => {
            let reader = PartReader { view, part, decoded: Vec::new() };
            trace.blocks_considered += part.blocks.len() as u64;
            let posting = reader.posting(*field, &keys[0])?;
            Ok(posting.map_or(0, |posting| posting.cardinality.into()))
        }
        _ => matches(view, part, plan, trace).map(|rows| rows.len()),
    }
}

impl<'a> PartReader<'a> {
    pub(crate) fn new(view: &'a DayView, part: &'a Part) -> Self {
        Self { view, part, decoded: vec![false; part.blocks.len()] }
    }

    /// The places of a block's rows in the part.
    pub(crate) fn range_of(&self, block: &BlockEntry) -> std::ops::Range<u32> {
        let start = block.first - self.part.first;
        start..start + block.rows
    }

    fn posting(&self, field: Field, key: &str) -> Result<Option<Posting>> {
        self.view.posting(self.part, &Term::new(field, key))
    }

    /// Visits the postings of a field in the order of their keys.
    pub(crate) fn scan(
        &self,
        field: Field,
        visit: impl FnMut(&[u8], &Posting) -> Result<()>,
    ) -> Result<()> {
        self.view.scan(self.part, field, visit)
    }

    /// Those of the candidates that meet the condition.
    fn select(&mut self, condition: &Condition, candidates: Bitmap) -> Result<Bitmap> {
        match condition {
            Condition::All => Ok(candidates),
            Condition::And(all) => all.iter().try_fold(candidates, |left, inner| {
                if left.is_empty() { Ok(left) } else { self.select(inner, left) }
            }),
            Condition::Or(any) => {
                let mut found = Bitmap::empty();
                for inner in any {
                    let left = &candidates - &found;
                    found |= &self.select(inner, left)?;
                }
                Ok(found)
            }
            Condition::Not(inner) => {
                let met = self.select(inner, candidates.clone())?;
                Ok(candidates - met)
            }
            Condition::Terms { field, keys, all } => {
                self.select_terms(*field, keys, *all, candidates)
            }
            Condition::Place { region, cover } => {
                self.select_place(condition, region, cover, candidates)
            }
            _ => self.refine(condition, &candidates),
        }
    }

    fn select_terms(
        &self,
        field: Field,
        keys: &[String],
        all: bool,
        candidates: Bitmap,
    ) -> Result<Bitmap> {
        let mut found = Vec::with_capacity(keys.len());
        for key in keys {
            match self.posting(field, key)? {
                Some(posting) => found.push(posting),
                None if all => return Ok(Bitmap::empty()),
                None => {}
            }
        }
        if all {
            found.sort_by_key(|posting| posting.cardinality);
            return found.iter().try_fold(candidates, |left, posting| Ok(left & posting.bitmap()?));
        }
        let mut any = Bitmap::empty();
        for posting in &found {
            any |= &posting.bitmap()?;
        }
        Ok(candidates & any)
    }

    /// Cells decide first; only rows in cells on the area's edge are looked at one by one.
    fn select_place(
        &mut self,
        condition: &Condition,
        region: &Region,
        cover: &Cover,
        candidates: Bitmap,
    ) -> Result<Bitmap> {
        let zones = || self.part.blocks.iter().map(|block| &block.zone);
        if !zones().any(|zone| condition.may_match_zone(zone)) {
            return Ok(Bitmap::empty());
        }
        if zones().all(|zone| condition.covers_zone(zone)) {
            return Ok(candidates);
        }
        let (mut inside, mut edge) = (Bitmap::empty(), Bitmap::empty());
        self.scan(Field::Cell, |key, posting| {
            let cell = Cell::from_key(key);
            let cell = cell.ok_or_else(|| Error::corrupt("a posting names no cell"))?;
            match cover.classify(cell) {
                Some(Mark::Inside) => inside |= &posting.bitmap()?,
                Some(Mark::Edge) => edge |= &posting.bitmap()?,
                None => {}
            }
            Ok(())
        })?;
        let doubtful = &candidates & &edge;
        let mut met = candidates & inside;
        for (place, block) in self.part.blocks.iter().enumerate() {
            let places: Vec<u32> = doubtful.iter_in(self.range_of(block)).collect();
            if places.is_empty() || !condition.may_match_zone(&block.zone) {
                continue;
            }
            self.decoded[place] = true;
            let column = self.view.column(block, ColumnKind::Location)?;
            let start = self.range_of(block).start;
            let kept = places.into_iter().filter(|row| {
                let location = column.location((row - start) as usize);
                location.is_some_and(|it| region.contains(it.latitude, it.longitude))
            });
            met |= &Bitmap::from_sorted(kept);
        }
        Ok(met)
    }

    /// Answers a condition from zones where they can tell, else row by row.
    fn refine(&mut self, condition: &Condition, candidates: &Bitmap) -> Result<Bitmap> {
        let mut met = Bitmap::empty();
        for (place, block) in self.part.blocks.iter().enumerate() {
            let range = self.range_of(block);
            if candidates.range_len(range.clone()) == 0 || !condition.may_match_zone(&block.zone) {
                continue;
            }
            let places = candidates.iter_in(range.clone());
            if condition.covers_zone(&block.zone) {
                met |= &Bitmap::from_sorted(places);
                continue;
            }
            self.decoded[place] = true;
            let column = self.view.column(block, column_of(condition))?;
            let kept = places.filter(|row| meets(condition, &column, (row - range.start) as usize));
            met |= &Bitmap::from_sorted(kept);
        }
        Ok(met)
    }
}

fn column_of(condition: &Condition) -> ColumnKind {
    match condition {
        Condition::ClientTime(_) => ColumnKind::ClientTime,
        Condition::DataContains(_) => ColumnKind::Data,
        Condition::HasLocation(_) => ColumnKind::Location,
        _ => ColumnKind::ServerTime,
    }
}

fn meets(condition: &Condition, column: &Arc<Column>, row: usize) -> bool {
    match condition {
        Condition::ServerTime(range) => column.time(row).is_some_and(|time| range.contains(time)),
        Condition::ClientTime(range) => {
            column.client_instant(row).is_some_and(|time| range.contains(time))
        }
        Condition::HasLocation(has) => column.location(row).is_some() == *has,
        Condition::DataContains(text) => {
            column.text(row).is_some_and(|data| data.contains(text.as_str()))
        }
        _ => false,
    }
}
