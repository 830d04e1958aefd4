//! Which rows of a part meet a condition.
//!
//! Owns: answering conditions with postings first, zones second and columns last. Does not own what is
//! done with the rows.
//!
//! Invariant: a condition is answered for candidates only: what an earlier condition has ruled out is
//! neither decoded nor tested.

use std::sync::Arc;

use crate::codec::columns::{Column, ColumnKind};
use crate::day::contents::BlockEntry;
use crate::day::part::Part;
use crate::day::view::{DayView, EVENT_KEYS, PartView};
use crate::error::{Error, Result};
use crate::index::cells::Cell;
use crate::index::postings::{self, Bitmap, Posting, Union};
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
    pub(crate) part: PartView<'a>,
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
        let part = view.open(part)?;
        for session in sessions {
            if part.posting(&Term::new(Field::Session, session.as_str()))?.is_some() {
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
    let mut reader = PartReader::new(view, part)?;
    let mut rows = None;
    trace.steps.resize(plan.steps().len(), 0);
    for (place, step) in plan.steps().iter().enumerate() {
        let left = match rows {
            None => reader.select_first(step)?,
            Some(rows) => reader.select(step, rows)?,
        };
        trace.steps[place] += left.len();
        let empty = left.is_empty();
        rows = Some(left);
        if empty {
            break;
        }
    }
    let rows = rows.map_or_else(|| reader.events(), Ok)?;
    trace.blocks_considered += reader.part.blocks().len() as u64;
    for (block, decoded) in reader.part.blocks().iter().zip(&reader.decoded) {
        let within = reader.range_of(block);
        trace.blocks_decoded += u64::from(*decoded);
        trace.blocks_pruned += u64::from(!decoded && rows.range_len(within) == 0);
    }
    Ok(rows)
}

/// How many rows of a part match; from the postings alone where they can tell.
pub(crate) fn count(view: &DayView, part: &Part, plan: &Plan) -> Result<u64> {
    let Some(keys) = plan.conjunction() else {
        return matches(view, part, plan, &mut Trace::default()).map(|rows| rows.len());
    };
    if keys.is_empty() {
        return Ok(part.events().into());
    }
    let reader = PartReader::new(view, part)?;
    let mut found = Vec::with_capacity(keys.len());
    for (field, key) in keys {
        match reader.posting(*field, key)? {
            Some(posting) => found.push(posting),
            None => return Ok(0),
        }
    }
    match found.as_slice() {
        [single] => Ok(single.cardinality.into()),
        _ => Ok(postings::intersection(found)?.len() as u64),
    }
}

impl<'a> PartReader<'a> {
    pub(crate) fn new(view: &'a DayView, part: &'a Part) -> Result<Self> {
        let part = view.open(part)?;
        let decoded = vec![false; part.blocks().len()];
        Ok(Self { part, decoded })
    }

    /// The places of a block's rows in the part.
    pub(crate) fn range_of(&self, block: &BlockEntry) -> std::ops::Range<u32> {
        let start = block.first - self.part.first();
        start..start + block.rows
    }

    /// What is listed under a key. No filter asks for the empty one, which holes have.
    fn posting(&self, field: Field, key: &str) -> Result<Option<Posting>> {
        self.part.posting(&Term::new(field, key))
    }

    /// Every row that is an event.
    fn events(&self) -> Result<Bitmap> {
        let events = self.part.events();
        if events == 0 {
            return Ok(Bitmap::empty());
        }
        let all = Bitmap::full(self.part.rows());
        if events == self.part.rows() {
            return Ok(all);
        }
        match self.part.posting(&Term::new(Field::Session, ""))? {
            Some(holes) => Ok(all - holes.bitmap()?),
            None => {
                let error = Error::corrupt("the holes of a part are not listed");
                Err(error.on_day(self.part.view.day))
            }
        }
    }

    /// Visits the postings of a field in the order of their keys, those of holes left out.
    pub(crate) fn scan(
        &self,
        field: Field,
        visit: impl FnMut(&[u8], &Posting) -> Result<()>,
    ) -> Result<()> {
        self.part.scan(field, EVENT_KEYS, visit)
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
                let rows = self.rows_of(*field, keys, *all)?;
                Ok(rows.map_or_else(|| candidates.clone(), |rows| &candidates & &rows))
            }
            Condition::Place { region, cover } => {
                self.select_place(condition, region, cover, candidates)
            }
            _ => self.refine(condition, &candidates),
        }
    }

    /// Those of all rows that meet the condition.
    fn select_first(&mut self, condition: &Condition) -> Result<Bitmap> {
        match condition {
            Condition::Terms { field, keys, all } => match self.rows_of(*field, keys, *all)? {
                Some(rows) => Ok(rows),
                None => self.events(),
            },
            other => self.select(other, self.events()?),
        }
    }

    /// The rows of any of these keys, or of all of them; `None` where every row has all of none.
    fn rows_of(&self, field: Field, keys: &[String], all: bool) -> Result<Option<Bitmap>> {
        let mut found = Vec::with_capacity(keys.len());
        for key in keys {
            match self.posting(field, key)? {
                Some(posting) => found.push(posting),
                None if all => return Ok(Some(Bitmap::empty())),
                None => {}
            }
        }
        match found.as_slice() {
            [] if all => Ok(None),
            [] => Ok(Some(Bitmap::empty())),
            [single] => single.bitmap().map(Some),
            _ if all => Ok(Some(Bitmap::from_sorted(postings::intersection(found)?))),
            _ => {
                let mut any = Union::new(self.part.rows());
                found.iter().try_for_each(|posting| posting.add_to(&mut any))?;
                Ok(Some(any.finish()))
            }
        }
    }

    /// Cells decide first; only rows in cells on the area's edge are looked at one by one.
    fn select_place(
        &mut self,
        condition: &Condition,
        region: &Region,
        cover: &Cover,
        candidates: Bitmap,
    ) -> Result<Bitmap> {
        let zones = || self.part.blocks().iter().map(|block| &block.zone);
        if !zones().any(|zone| condition.may_match_zone(zone)) {
            return Ok(Bitmap::empty());
        }
        if zones().all(|zone| condition.covers_zone(zone)) {
            return Ok(candidates);
        }
        let (mut met, mut edge) = (Union::new(self.part.rows()), Union::new(self.part.rows()));
        let Some(cells) = cover.span() else { return Ok(Bitmap::empty()) };
        let (first, last) = (cells.start().to_be_bytes(), cells.end().checked_add(1));
        let end = last.map(u32::to_be_bytes);
        let keys = &first[..]..end.as_ref().map_or(&[][..], |end| &end[..]);
        self.part.scan(Field::Cell, keys, |key, posting| {
            let cell = Cell::from_key(key);
            let cell = cell.ok_or_else(|| Error::corrupt("a posting names no cell"))?;
            match cover.classify(cell) {
                Some(Mark::Inside) => posting.add_to(&mut met),
                Some(Mark::Edge) => posting.add_to(&mut edge),
                None => Ok(()),
            }
        })?;
        let all = candidates.len() == u64::from(self.part.rows());
        if !all {
            edge.keep(&candidates);
        }
        self.add_places_within(condition, region, &edge, &mut met)?;
        Ok(if all { met.finish() } else { candidates & met.finish() })
    }

    /// Adds those of the rows whose places lie in the region.
    fn add_places_within(
        &mut self,
        condition: &Condition,
        region: &Region,
        rows: &Union,
        met: &mut Union,
    ) -> Result<()> {
        for (place, block) in self.part.blocks().iter().enumerate() {
            let range = self.range_of(block);
            let mut doubtful = rows.iter_in(range.clone()).peekable();
            if doubtful.peek().is_none() || !condition.may_match_zone(&block.zone) {
                continue;
            }
            self.decoded[place] = true;
            let column = self.part.view.column(block, ColumnKind::Location)?;
            for row in doubtful {
                let location = column.location((row - range.start) as usize);
                if location.is_some_and(|it| region.contains(it.latitude, it.longitude)) {
                    met.add(row);
                }
            }
        }
        Ok(())
    }

    /// Answers a condition from zones where they can tell, else row by row.
    fn refine(&mut self, condition: &Condition, candidates: &Bitmap) -> Result<Bitmap> {
        let mut met = Union::new(self.part.rows());
        for (place, block) in self.part.blocks().iter().enumerate() {
            let range = self.range_of(block);
            if candidates.range_len(range.clone()) == 0 || !condition.may_match_zone(&block.zone) {
                continue;
            }
            if condition.covers_zone(&block.zone) {
                met.add_range(range);
                continue;
            }
            self.decoded[place] = true;
            let column = self.part.view.column(block, column_of(condition))?;
            for row in candidates.iter_in(range.clone()) {
                if meets(condition, &column, (row - range.start) as usize) {
                    met.add(row);
                }
            }
        }
        Ok(candidates & &met.finish())
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
