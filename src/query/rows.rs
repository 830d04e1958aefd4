//! Events, streamed.
//!
//! Owns: [`Events`] and [`EventIds`], and how an event is put together from its row. Does not own the places
//! of events and their order (`hits`).
//!
//! Invariant: memory is bounded by that of the places and of [`BATCH_EVENTS`] events.

use std::collections::VecDeque;

use crate::codec::row::Row;
use crate::day::view::DayView;
use crate::error::Result;
use crate::event::{Event, EventId};
use crate::limits::RESULT_PAGE_ROWS;
use crate::query::Query;
use crate::query::gaps::Gap;
use crate::query::hits::{Hits, Position, Wanted};
use crate::snapshot::Snapshot;

/// Events that are turned from columns into values at a time.
const BATCH_EVENTS: usize = 512;

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
        let hits = Hits::new(snapshot, query, Wanted::Places)?;
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
    while let Some(&(ordinal, _)) = rest.first() {
        let block = view.block_of(ordinal)?;
        let within = rest.partition_point(|(ordinal, _)| *ordinal < block.end());
        let (here, after) = rest.split_at(within);
        rest = after;
        let rows: Vec<u32> = here.iter().map(|(ordinal, _)| ordinal - block.first).collect();
        for ((ordinal, rank), row) in here.iter().zip(view.block_rows(&block, &rows)?) {
            events[*rank] = Some(event_of(EventId::new(view.day, *ordinal), row));
        }
    }
    Ok(events.into_iter().flatten().collect())
}

/// The event of this id.
pub(crate) fn event(snapshot: &Snapshot, id: EventId) -> Result<Option<Event>> {
    let Some(view) = snapshot.view(id.day())? else { return Ok(None) };
    let Some(block) = view.block_at(id.ordinal())? else { return Ok(None) };
    let row = view.block_rows(&block, &[id.ordinal() - block.first])?.pop();
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
