//! The places of matching events, in order.
//!
//! Owns: `Hits`, which finds the places in the order of (server time, id), a page at a time. Does not own
//! which rows match (`eval`), nor what is made of them (`rows`, `scan`).
//!
//! Invariants: memory is bounded by a page of [`RESULT_PAGE_ROWS`] places, a few blocks, the matches of the
//! parts that this page lies in, and the places of the parts to come, whatever the result; a day's page is
//! the next rows after the last one given, found by the zones of parts and of their blocks, so that blocks
//! which come later are not decoded.

use std::cmp::Reverse;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::codec::columns::ColumnKind;
use crate::day::contents::BlockEntry;
use crate::day::view::DayView;
use crate::error::{Error, Result};
use crate::index::postings::Bitmap;
use crate::index::zones::Zone;
use crate::limits::RESULT_PAGE_ROWS;
use crate::query::eval::{self, Trace};
use crate::query::gaps::{self, Gap};
use crate::query::plan::Plan;
use crate::query::{Cursor, Order, Query};
use crate::snapshot::Snapshot;
use crate::time::{Day, Timestamp};

/// Rows of the first page of a day; each has twice as many as the one before, up to [`RESULT_PAGE_ROWS`].
const FIRST_PAGE_ROWS: usize = 1024;

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
    order: Order,
    wanted: Wanted,
    /// Places of the parts that may hold rows to come, in the order in which they can hold the next.
    parts: VecDeque<usize>,
    /// Matches of those of them that were read.
    matches: BTreeMap<usize, Bitmap>,
    page: VecDeque<Position>,
    /// Rows that the next page gathers: few at first, so that the first event comes soon, and that who reads
    /// slowly costs little.
    page_rows: usize,
    /// The last row that was gathered.
    last: Option<Position>,
    exhausted: bool,
}

/// The next rows of a day, as they are found.
struct Gathered {
    order: Order,
    wanted: usize,
    positions: Vec<Position>,
    /// The time at which so many rows were known; rows beyond it belong to a later page.
    bound: Option<Timestamp>,
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
                let places = day.take(&self.plan, max, self.left)?;
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
        let zones = view.parts.iter().map(|part| part.zone());
        let zones = zones.enumerate().filter_map(|(place, zone)| Some((place, zone?)));
        Self {
            parts: in_order(order, zones).into(),
            view: Arc::new(view),
            order,
            wanted,
            matches: BTreeMap::new(),
            page: VecDeque::new(),
            page_rows: FIRST_PAGE_ROWS,
            last,
            exhausted: false,
        }
    }

    /// The next places in order, at most `max`, where no more than `left` will be asked for.
    fn take(&mut self, plan: &Plan, max: usize, left: u64) -> Result<Vec<Position>> {
        if self.page.is_empty() && !self.exhausted {
            let left = usize::try_from(left).unwrap_or(usize::MAX);
            self.fill(plan, left.min(self.page_rows.max(max)))?;
            self.page_rows = RESULT_PAGE_ROWS.min(2 * self.page_rows);
        }
        let count = max.min(self.page.len());
        Ok(self.page.drain(..count).collect())
    }

    fn fill(&mut self, plan: &Plan, wanted: usize) -> Result<()> {
        self.forget_given();
        let (order, positions) = (self.order, Vec::new());
        let mut gathered = Gathered { order, wanted, positions, bound: None };
        self.gather(plan, &mut gathered)?;
        gathered.cut();
        self.exhausted = gathered.positions.len() < wanted;
        self.last = gathered.positions.last().copied().or(self.last);
        gathered.positions.shrink_to_fit();
        self.page = gathered.positions.into();
        Ok(())
    }

    /// Lets go of the parts whose every row was gathered.
    fn forget_given(&mut self) {
        while let Some(place) = self.parts.front().copied() {
            match self.view.parts[place].zone() {
                Some(zone) if !self.is_given(&zone) => break,
                _ => {
                    self.parts.pop_front();
                    self.matches.remove(&place);
                }
            }
        }
    }

    /// Whether all of these rows stand before the last one that was gathered.
    fn is_given(&self, zone: &Zone) -> bool {
        let (_, far) = reach(self.order, zone);
        self.last.is_some_and(|last| is_after(self.order, last.time, far))
    }

    fn gather(&mut self, plan: &Plan, gathered: &mut Gathered) -> Result<()> {
        for at in 0..self.parts.len() {
            let place = self.parts[at];
            let Some(zone) = self.view.parts[place].zone() else { continue };
            if gathered.ends_before(&zone) {
                break;
            }
            if !self.is_given(&zone) {
                self.gather_part(plan, place, gathered)?;
            }
        }
        Ok(())
    }

    fn gather_part(&mut self, plan: &Plan, place: usize, gathered: &mut Gathered) -> Result<()> {
        let contents = self.view.contents(&self.view.parts[place])?;
        let zones = contents.blocks.iter().map(|block| (block, block.zone));
        for block in in_order(self.order, zones) {
            if gathered.ends_before(&block.zone) {
                break;
            }
            if !self.is_given(&block.zone) {
                self.gather_block(plan, place, block, gathered)?;
            }
        }
        Ok(())
    }

    /// Adds the matching rows of a block that come after the last one given.
    fn gather_block(
        &mut self,
        plan: &Plan,
        place: usize,
        block: &BlockEntry,
        gathered: &mut Gathered,
    ) -> Result<()> {
        let part = &self.view.parts[place];
        let matches = match self.matches.entry(place) {
            Entry::Occupied(found) => found.into_mut(),
            Entry::Vacant(slot) => {
                slot.insert(eval::matches(&self.view, part, plan, &mut Trace::default())?)
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
        let (last, order) = (self.last, self.order);
        gathered.add(positions.filter(|position| match (last, order) {
            (None, _) => true,
            (Some(last), Order::Ascending) => *position > last,
            (Some(last), Order::Descending) => *position < last,
        }));
        Ok(())
    }
}

impl Gathered {
    fn add(&mut self, positions: impl Iterator<Item = Position>) {
        self.positions.extend(positions);
        if self.positions.len() >= 2 * self.wanted {
            self.cut();
        }
        if self.positions.len() >= self.wanted {
            let times = self.positions.iter().map(|position| position.time);
            self.bound = match self.order {
                Order::Ascending => times.max(),
                Order::Descending => times.min(),
            };
        }
    }

    /// Whether none of these rows belongs to the page.
    fn ends_before(&self, zone: &Zone) -> bool {
        let (near, _) = reach(self.order, zone);
        self.bound.is_some_and(|bound| is_after(self.order, near, bound))
    }

    /// Sorts what was found, and lets go of more than is wanted.
    fn cut(&mut self) {
        match self.order {
            Order::Ascending => self.positions.sort_unstable(),
            Order::Descending => self.positions.sort_unstable_by_key(|position| Reverse(*position)),
        }
        self.positions.truncate(self.wanted);
    }
}

/// What has these zones, in the order in which it can hold the next row.
fn in_order<T>(order: Order, of: impl Iterator<Item = (T, Zone)>) -> Vec<T> {
    let mut times: Vec<(T, Timestamp)> = of.map(|(it, zone)| (it, reach(order, &zone).0)).collect();
    match order {
        Order::Ascending => times.sort_by_key(|(_, near)| *near),
        Order::Descending => times.sort_by_key(|(_, near)| Reverse(*near)),
    }
    times.into_iter().map(|(it, _)| it).collect()
}

/// The first and the last of a zone's times, as the order comes to them.
fn reach(order: Order, zone: &Zone) -> (Timestamp, Timestamp) {
    let (first, last) = zone.server_time;
    match order {
        Order::Ascending => (first, last),
        Order::Descending => (last, first),
    }
}

/// Whether `a` comes later in this order than `b`.
fn is_after(order: Order, a: Timestamp, b: Timestamp) -> bool {
    match order {
        Order::Ascending => a > b,
        Order::Descending => a < b,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops there")]
mod tests {
    use super::*;
    use crate::codec::row::{Row, any};
    use crate::day::cache::Cache;
    use crate::day::fold;
    use crate::query::Filter;

    const PART_ROWS: u32 = 64;

    /// A day in memory, whose rows arrived in this order.
    fn view_of(rows: &[Row]) -> DayView {
        let part = |(number, rows): (u32, &[Row])| {
            let rows: Vec<&Row> = rows.iter().collect();
            Arc::new(fold::in_memory(number * PART_ROWS, &rows).unwrap())
        };
        let parts = (0..).zip(rows.chunks(PART_ROWS as usize)).map(part).collect();
        let day = Day::of(rows[0].server_time).unwrap();
        DayView::new(day, None, parts, Arc::new(Cache::new(0)))
    }

    /// Every place, in pages of so many rows, and the most parts of which matches were held.
    fn read(rows: &[Row], order: Order, page: usize) -> (Vec<Position>, usize) {
        let plan = Plan::new(&Filter::All).unwrap();
        let mut hits = DayHits::new(view_of(rows), order, Wanted::Places, None);
        let (mut found, mut held) = (Vec::new(), 0);
        loop {
            let places = hits.take(&plan, page, page as u64).unwrap();
            held = held.max(hits.matches.len());
            if places.is_empty() {
                return (found, held);
            }
            found.extend(places);
        }
    }

    fn expected(rows: &[Row], order: Order) -> Vec<Position> {
        let place = |(ordinal, row): (u32, &Row)| Position { time: row.server_time, ordinal };
        let mut places: Vec<Position> = (0..).zip(rows).map(place).collect();
        places.sort_unstable();
        if order == Order::Descending {
            places.reverse();
        }
        places
    }

    #[test]
    fn matches_are_held_of_the_parts_that_a_page_lies_in_and_no_others() {
        let rows = any::rows(20 * PART_ROWS);
        for order in [Order::Ascending, Order::Descending] {
            for (page, most) in [(10, 2), (100, 3), (1_000, 17)] {
                let (found, held) = read(&rows, order, page);
                assert_eq!(found, expected(&rows, order));
                assert!(held <= most, "{held} for a page of {page}");
            }
        }
    }

    #[test]
    fn pages_are_small_at_first_and_grow() {
        let rows = any::rows(u32::try_from(8 * FIRST_PAGE_ROWS).unwrap());
        let plan = Plan::new(&Filter::All).unwrap();
        let mut hits = DayHits::new(view_of(&rows), Order::Ascending, Wanted::Places, None);
        let mut gathered = Vec::new();
        for _ in 0..rows.len() / 16 {
            let before = hits.page.len();
            assert_eq!(hits.take(&plan, 16, u64::MAX).unwrap().len(), 16);
            gathered.extend(Some(hits.page.len() + 16).filter(|_| before == 0));
        }
        assert_eq!(gathered, [1, 2, 4, 1].map(|times| times * FIRST_PAGE_ROWS));
    }

    #[test]
    fn rows_that_arrived_out_of_order_are_found_in_order() {
        let ascending = any::rows(9 * PART_ROWS);
        let mut shuffled: Vec<Row> =
            (0..ascending.len()).map(|at| ascending[at * 389 % ascending.len()].clone()).collect();
        // A stretch that arrived late, between others.
        shuffled[..100].sort_by_key(|row| row.server_time);
        for order in [Order::Ascending, Order::Descending] {
            for page in [1, 7, 64, 1_000] {
                assert_eq!(read(&shuffled, order, page).0, expected(&shuffled, order));
            }
        }
    }
}
