//! Results in order, streamed.
//!
//! Owns: `Hits`, the places of matching events in the order of (server time, id), a page at a time, and
//! [`Events`] and [`EventIds`] over them. Does not own which rows match (`eval`).
//!
//! Invariants: memory is bounded by a page of [`RESULT_PAGE_ROWS`] places and a few blocks, whatever the
//! result; a day's page is the next rows after the last one given, found by the blocks' zones, so
//! that blocks which come later are not decoded.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::sync::Arc;

use crate::codec::columns::ColumnKind;
use crate::codec::row::Row;
use crate::day::view::DayView;
use crate::error::{Error, Result};
use crate::event::{Event, EventId};
use crate::index::postings::Bitmap;
use crate::limits::RESULT_PAGE_ROWS;
use crate::query::eval::{self, Trace};
use crate::query::gaps::{self, Gap};
use crate::query::plan::Plan;
use crate::query::{Cursor, Order, Query};
use crate::snapshot::Snapshot;
use crate::time::{Day, Timestamp};

/// Events that are turned from columns into values at a time.
const BATCH_EVENTS: usize = 512;

/// Where a row stands in a day's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Position {
    time: Timestamp,
    ordinal: u32,
}

/// What is made of the places: what has to be read besides times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Events,
    Ids,
}

/// The places of matching events, in order.
#[derive(Debug)]
struct Hits {
    snapshot: Snapshot,
    plan: Arc<Plan>,
    order: Order,
    wanted: Wanted,
    left: u64,
    after: Option<Cursor>,
    /// Days to come.
    days: VecDeque<Day>,
    current: Option<DayHits>,
    /// What was left out so far, where that is allowed.
    gaps: Option<Vec<Gap>>,
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
    fn new(snapshot: Snapshot, query: &Query, wanted: Wanted) -> Result<Self> {
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
    fn leave_out(&mut self, error: Error) -> Result<()> {
        let Some(gaps) = &mut self.gaps else { return Err(error) };
        let (day, more) = gaps::leave_out(&mut self.snapshot, gaps, error)?;
        self.current = None;
        if more {
            self.days.push_front(day);
        }
        Ok(())
    }

    /// The next places, all of one day: at least one unless there are no more, at most `max`.
    fn next_places(&mut self, max: usize) -> Result<Option<(Arc<DayView>, Vec<Position>)>> {
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
            // The other columns are asked for next, and are best decoded together.
            Wanted::Events => self.view.columns(block)?[ColumnKind::ServerTime as usize].clone(),
            Wanted::Ids => self.view.column(block, ColumnKind::ServerTime)?,
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

/// Events in order, read as they are asked for: an iterator over `Result<Event>`.
///
/// It sees the store as it was when the query was made. After an error it ends.
#[derive(Debug)]
pub struct Events {
    hits: Hits,
    ready: VecDeque<Event>,
    /// Small at first, so that the first event comes soon.
    batch: usize,
    failed: bool,
}

impl Events {
    pub(crate) fn new(snapshot: Snapshot, query: &Query) -> Result<Self> {
        let hits = Hits::new(snapshot, query, Wanted::Events)?;
        Ok(Self { hits, ready: VecDeque::new(), batch: 16, failed: false })
    }

    pub(crate) fn allow_gaps(mut self) -> Self {
        self.hits.gaps = Some(Vec::new());
        self
    }

    /// The days left out so far, in order: none but those of [`Store::allow_gaps`](crate::Store::allow_gaps)
    /// leave any out.
    #[must_use]
    pub fn gaps(&self) -> &[Gap] {
        self.hits.gaps.as_deref().unwrap_or_default()
    }

    fn refill(&mut self) -> Result<bool> {
        while let Some((view, places)) = self.hits.next_places(self.batch)? {
            self.batch = BATCH_EVENTS;
            match events_at(&view, &places) {
                Ok(events) => {
                    self.ready = events;
                    return Ok(true);
                }
                Err(error) => {
                    self.hits.left += places.len() as u64;
                    self.hits.leave_out(error)?;
                }
            }
        }
        Ok(false)
    }
}

impl Iterator for Events {
    type Item = Result<Event>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        if self.ready.is_empty() {
            match self.refill() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    self.failed = true;
                    return Some(Err(error));
                }
            }
        }
        self.ready.pop_front().map(Ok)
    }
}

/// Ids of events in order: an iterator over `Result<EventId>`. After an error it ends.
#[derive(Debug)]
pub struct EventIds {
    hits: Hits,
    ready: VecDeque<EventId>,
    failed: bool,
}

impl EventIds {
    pub(crate) fn new(snapshot: Snapshot, query: &Query) -> Result<Self> {
        let hits = Hits::new(snapshot, query, Wanted::Ids)?;
        Ok(Self { hits, ready: VecDeque::new(), failed: false })
    }

    pub(crate) fn allow_gaps(mut self) -> Self {
        self.hits.gaps = Some(Vec::new());
        self
    }

    /// As [`Events::gaps`].
    #[must_use]
    pub fn gaps(&self) -> &[Gap] {
        self.hits.gaps.as_deref().unwrap_or_default()
    }
}

impl Iterator for EventIds {
    type Item = Result<EventId>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        if self.ready.is_empty() {
            match self.hits.next_places(RESULT_PAGE_ROWS) {
                Ok(Some((view, places))) => {
                    let ids = places.iter().map(|place| EventId::new(view.day, place.ordinal));
                    self.ready = ids.collect();
                }
                Ok(None) => return None,
                Err(error) => {
                    self.failed = true;
                    return Some(Err(error));
                }
            }
        }
        self.ready.pop_front().map(Ok)
    }
}

/// The events at these places, in their order; each block is read once.
fn events_at(view: &DayView, places: &[Position]) -> Result<VecDeque<Event>> {
    let mut wanted: Vec<(u32, usize)> =
        places.iter().enumerate().map(|(rank, place)| (place.ordinal, rank)).collect();
    wanted.sort_unstable();
    let mut events: Vec<Option<Event>> = vec![None; places.len()];
    let mut rest = wanted.as_slice();
    for block in view.parts.iter().flat_map(|part| &part.blocks) {
        let end = block.first + block.rows;
        let (here, after) = rest.split_at(rest.partition_point(|(ordinal, _)| *ordinal < end));
        rest = after;
        if here.is_empty() {
            continue;
        }
        let rows: Vec<u32> = here.iter().map(|(ordinal, _)| ordinal - block.first).collect();
        for ((ordinal, rank), row) in here.iter().zip(view.block_rows(block, &rows)?) {
            events[*rank] = Some(event_of(EventId::new(view.day, *ordinal), row));
        }
    }
    Ok(events.into_iter().flatten().collect())
}

/// The event of this id.
pub(crate) fn event(snapshot: &Snapshot, id: EventId) -> Result<Option<Event>> {
    let Some(view) = snapshot.view(id.day())? else { return Ok(None) };
    let blocks = view.parts.iter().flat_map(|part| &part.blocks);
    let mut holding = blocks.filter_map(|block| {
        let place = id.ordinal().checked_sub(block.first)?;
        (place < block.rows).then_some((block, place))
    });
    let Some((block, place)) = holding.next() else { return Ok(None) };
    let row = view.block_rows(block, &[place])?.pop();
    // The place of an event that was erased holds none.
    Ok(row.filter(|row| !row.is_hole()).map(|row| event_of(id, row)))
}

pub(crate) fn event_of(id: EventId, row: Row) -> Event {
    Event {
        id,
        server_time: row.server_time,
        session_id: row.session_id,
        event_type: row.event_type,
        client_time: row.client_time,
        latitude: row.location.map(|place| place.latitude),
        longitude: row.location.map(|place| place.longitude),
        tags: row.tags,
        data: row.data,
    }
}
