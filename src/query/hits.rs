//! The places of matching events, in order.
//!
//! Owns: `Hits`, which finds the places in the order of (server time, id), a page at a time. Does not own
//! which rows match (`eval`), nor what is made of them (`rows`, `scan`).
//!
//! Invariants: memory is bounded by a page of [`RESULT_PAGE_ROWS`] places and a few blocks, whatever the
//! result; a day's page is the next rows after the last one given, found by the blocks' zones, so
//! that blocks which come later are not decoded.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::sync::Arc;

use crate::codec::columns::ColumnKind;
use crate::day::view::DayView;
use crate::error::{Error, Result};
use crate::index::postings::Bitmap;
use crate::limits::RESULT_PAGE_ROWS;
use crate::query::eval::{self, Trace};
use crate::query::gaps::{self, Gap};
use crate::query::plan::Plan;
use crate::query::{Cursor, Order, Query};
use crate::snapshot::Snapshot;
use crate::time::{Day, Timestamp};

/// Where a row stands in a day's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub(super) time: Timestamp,
    pub(super) ordinal: u32,
}

/// What is read of a block besides its times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Every column, which is best decoded together.
    Events,
    /// Nothing, or what is asked for later.
    Places,
}

/// The places of matching events, in order.
#[derive(Debug)]
pub(super) struct Hits {
    snapshot: Snapshot,
    plan: Arc<Plan>,
    order: Order,
    wanted: Wanted,
    pub(super) left: u64,
    after: Option<Cursor>,
    /// Days to come.
    days: VecDeque<Day>,
    current: Option<DayHits>,
    /// What was left out so far, where that is allowed.
    pub(super) gaps: Option<Vec<Gap>>,
}

/// The matching rows of one day.
#[derive(Debug)]
struct DayHits {
    view: Arc<DayView>,
    /// Matches of each part, found when they are first needed.
    matches: Vec<Option<Bitmap>>,
    /// Part and block, in the order in which they can hold the next row.
    blocks: Vec<(usize, usize)>,
    page: VecDeque<Position>,
    last: Option<Position>,
    exhausted: bool,
    wanted: Wanted,
}

impl Hits {
    pub(super) fn new(snapshot: Snapshot, query: &Query, wanted: Wanted) -> Result<Self> {
        let plan = Arc::new(Plan::new(&query.filter)?);
        let mut days: VecDeque<Day> = snapshot.days().into();
        if let Some(Cursor { id, .. }) = query.after {
            match query.order {
                Order::Ascending => days.retain(|day| *day >= id.day()),
                Order::Descending => days.retain(|day| *day <= id.day()),
            }
        }
        if query.order == Order::Descending {
            days.make_contiguous().reverse();
        }
        Ok(Self {
            snapshot,
            plan,
            order: query.order,
            wanted,
            left: query.limit.unwrap_or(u64::MAX),
            after: query.after,
            days,
            current: None,
            gaps: None,
        })
    }

    /// Leaves out the rest of the day that an error tells of, where gaps are allowed.
    pub(super) fn leave_out(&mut self, error: Error) -> Result<()> {
        let Some(gaps) = &mut self.gaps else { return Err(error) };
        let (day, more) = gaps::leave_out(&mut self.snapshot, gaps, error)?;
        self.current = None;
        if more {
            self.days.push_front(day);
        }
        Ok(())
    }

    /// The next places, all of one day: at least one unless there are no more, at most `max`.
    pub(super) fn next_places(
        &mut self,
        max: usize,
    ) -> Result<Option<(Arc<DayView>, Vec<Position>)>> {
        loop {
            match self.try_next_places(max) {
                Err(error) => self.leave_out(error)?,
                found => return found,
            }
        }
    }

    fn try_next_places(&mut self, max: usize) -> Result<Option<(Arc<DayView>, Vec<Position>)>> {
        while self.left > 0 {
            let max = usize::try_from(self.left).unwrap_or(usize::MAX).min(max);
            if let Some(day) = &mut self.current {
                let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(RESULT_PAGE_ROWS);
                let places = day.take(&self.plan, self.order, max, wanted)?;
                if !places.is_empty() {
                    self.left -= places.len() as u64;
                    return Ok(Some((day.view.clone(), places)));
                }
                self.current = None;
            }
            if !self.open_next_day()? {
                return Ok(None);
            }
        }
        Ok(None)
    }

    /// Goes to the next day that may hold a match; false where there is none.
    fn open_next_day(&mut self) -> Result<bool> {
        while let Some(day) = self.days.pop_front() {
            if !self.plan.may_match(day, self.snapshot.summary(day)) {
                continue;
            }
            if let Some(view) = self.snapshot.held_view(day)? {
                let after = self.after.filter(|cursor| cursor.id.day() == day);
                let last = after.map(|cursor| Position {
                    time: cursor.server_time,
                    ordinal: cursor.id.ordinal(),
                });
                self.current = Some(DayHits::new(view, self.order, self.wanted, last));
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl DayHits {
    fn new(view: DayView, order: Order, wanted: Wanted, last: Option<Position>) -> Self {
        let mut blocks: Vec<(usize, usize)> = Vec::new();
        for (place, part) in view.parts.iter().enumerate() {
            blocks.extend((0..part.blocks.len()).map(|block| (place, block)));
        }
        let zone = |&(part, block): &(usize, usize)| &view.parts[part].blocks[block].zone;
        match order {
            Order::Ascending => blocks.sort_by_key(|block| zone(block).server_time.0),
            Order::Descending => blocks.sort_by_key(|block| Reverse(zone(block).server_time.1)),
        }
        let matches = vec![None; view.parts.len()];
        let view = Arc::new(view);
        Self { view, matches, blocks, page: VecDeque::new(), last, exhausted: false, wanted }
    }

    /// The next places in order, at most `max`; `wanted` is how many a page gathers.
    fn take(
        &mut self,
        plan: &Plan,
        order: Order,
        max: usize,
        wanted: usize,
    ) -> Result<Vec<Position>> {
        if self.page.is_empty() && !self.exhausted {
            self.fill(plan, order, wanted)?;
        }
        let count = max.min(self.page.len());
        Ok(self.page.drain(..count).collect())
    }

    fn fill(&mut self, plan: &Plan, order: Order, wanted: usize) -> Result<()> {
        let mut gathered: Vec<Position> = Vec::new();
        let blocks = std::mem::take(&mut self.blocks);
        let outcome = self.gather(plan, order, wanted, &blocks, &mut gathered);
        self.blocks = blocks;
        outcome?;
        sort(&mut gathered, order);
        gathered.truncate(wanted);
        self.exhausted = gathered.len() < wanted;
        self.last = gathered.last().copied().or(self.last);
        self.page = gathered.into();
        Ok(())
    }

    fn gather(
        &mut self,
        plan: &Plan,
        order: Order,
        wanted: usize,
        blocks: &[(usize, usize)],
        gathered: &mut Vec<Position>,
    ) -> Result<()> {
        // The time at which `wanted` rows were known; rows beyond it belong to a later page.
        let mut bound: Option<Timestamp> = None;
        for &(part, block) in blocks {
            let view = self.view.clone();
            let entry = &view.parts[part].blocks[block];
            let (first, last) = entry.zone.server_time;
            let (near, far) = match order {
                Order::Ascending => (first, last),
                Order::Descending => (last, first),
            };
            if bound.is_some_and(|bound| is_after(order, near, bound)) {
                break;
            }
            if self.last.is_some_and(|given| is_after(order, given.time, far)) {
                continue;
            }
            self.gather_block(plan, order, part, block, gathered)?;
            if gathered.len() >= 2 * wanted {
                sort(gathered, order);
                gathered.truncate(wanted);
            }
            if gathered.len() >= wanted {
                bound = match order {
                    Order::Ascending => gathered.iter().map(|position| position.time).max(),
                    Order::Descending => gathered.iter().map(|position| position.time).min(),
                };
            }
        }
        Ok(())
    }

    fn gather_block(
        &mut self,
        plan: &Plan,
        order: Order,
        part_place: usize,
        block_place: usize,
        gathered: &mut Vec<Position>,
    ) -> Result<()> {
        let part = self.view.parts[part_place].clone();
        let block = &part.blocks[block_place];
        let matches = match &mut self.matches[part_place] {
            Some(matches) => matches,
            slot => {
                let found = eval::matches(&self.view, &part, plan, &mut Trace::default())?;
                slot.insert(found)
            }
        };
        let start = block.first - part.first;
        let rows: Vec<u32> = matches.iter_in(start..start + block.rows).collect();
        if rows.is_empty() {
            return Ok(());
        }
        let times = match self.wanted {
            Wanted::Events => self.view.columns(block)?[ColumnKind::ServerTime as usize].clone(),
            Wanted::Places => self.view.column(block, ColumnKind::ServerTime)?,
        };
        let positions = rows.into_iter().filter_map(|row| {
            let time = times.time((row - start) as usize)?;
            Some(Position { time, ordinal: part.first + row })
        });
        let last = self.last;
        gathered.extend(positions.filter(|position| match (last, order) {
            (None, _) => true,
            (Some(last), Order::Ascending) => *position > last,
            (Some(last), Order::Descending) => *position < last,
        }));
        Ok(())
    }
}

/// Whether `a` comes after `b` in this order.
fn is_after(order: Order, a: Timestamp, b: Timestamp) -> bool {
    match order {
        Order::Ascending => a > b,
        Order::Descending => a < b,
    }
}

fn sort(positions: &mut [Position], order: Order) {
    match order {
        Order::Ascending => positions.sort_unstable(),
        Order::Descending => positions.sort_unstable_by_key(|position| Reverse(*position)),
    }
}
