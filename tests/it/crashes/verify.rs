//! What is asked of a store that is found after the power was cut.

use std::collections::BTreeMap;

use diurnal::testing::FaultyStorage;
use diurnal::{
    Day, Event, EventId, Filter, NewEvent, Query, Store, StoreBuilder, TimeRange, Timestamp,
};

use super::script::{Expected, State};
use crate::common::DAY;

/// The events of each day, in the order of their ordinals.
pub(crate) type Found = BTreeMap<Day, Vec<Event>>;

/// The ordinals that the next event of a day may get.
pub(crate) type Ends = BTreeMap<Day, Vec<u32>>;

pub(crate) fn found_in(store: &Store) -> Result<Found, String> {
    found_by(store, &Query::new())
}

fn found_by(store: &Store, query: &Query) -> Result<Found, String> {
    let events = store.query(query).map_err(|error| format!("querying: {error}"))?;
    let mut found = Found::new();
    for event in events {
        let event = event.map_err(|error| format!("reading: {error}"))?;
        found.entry(event.id.day()).or_default().push(event);
    }
    for (day, events) in &mut found {
        events.sort_by_key(|event| event.id);
        if !events.is_sorted_by(|a, b| a.id < b.id) {
            return Err(format!("an ordinal of {day} is there twice"));
        }
    }
    Ok(found)
}

/// Where the ordinals of a day may end of which this is found: nowhere, unless these are its first batches,
/// every durable one among them.
pub(crate) fn allowed_ends(found: &[Event], expected: Option<&Expected>) -> Vec<u32> {
    let nothing = Expected::default();
    let Expected { batches, durable } = expected.unwrap_or(&nothing);
    let (mut rest, mut ends) = (found, Vec::new());
    let mut end = 0;
    for (place, batch) in batches.iter().enumerate() {
        if rest.is_empty() && place >= *durable {
            ends.push(end);
        }
        match rest.strip_prefix(batch.events.as_slice()) {
            Some(after) => (rest, end) = (after, batch.end),
            None => return ends,
        }
    }
    ends.extend(Some(end).filter(|_| rest.is_empty()));
    ends
}

/// Each day is as one of the states has it: as it was before the step that was cut, or as it is after.
pub(crate) fn check_found(found: &Found, states: &[&State]) -> Result<Ends, String> {
    let mut days: Vec<_> =
        states.iter().flat_map(|state| state.keys()).chain(found.keys()).collect();
    days.sort_unstable();
    days.dedup();
    let mut ends = Ends::new();
    for day in days {
        let events = found.get(day).map_or(&[][..], Vec::as_slice);
        let allowed = states.iter().flat_map(|state| allowed_ends(events, state.get(day)));
        let allowed: Vec<u32> = allowed.collect();
        if allowed.is_empty() {
            let count = |state: &&State| {
                let expected = state.get(day)?;
                Some(format!("{} of the batches {:?}", expected.durable, expected.sizes()))
            };
            let counts: Vec<_> = states.iter().map(count).collect();
            let events = events.len();
            return Err(format!(
                "{day} has {events} events, which is none of {counts:?}, or they differ"
            ));
        }
        ends.insert(*day, allowed);
    }
    Ok(ends)
}

pub(crate) fn check_clean(store: &Store) -> Result<(), String> {
    let report = store.check().map_err(|error| format!("checking: {error}"))?;
    match report.is_clean() {
        true => Ok(()),
        false => Err(format!("not clean: {:#?}", report.problems)),
    }
}

/// How closely a store is looked at, and how it is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// Without a check of every index; then the power goes, which costs less than closing.
    Short,
    /// With one; then the power goes.
    Checked,
    /// With one; then it is closed.
    Closed,
}

/// Opens what is found, compares it, and logs on: one more event for each of these days.
pub(crate) fn recover(
    disk: &FaultyStorage,
    builder: StoreBuilder,
    check: impl Fn(&Found) -> Result<Ends, String>,
    go_on: &[NewEvent],
    look: Look,
) -> Result<(Found, Ends), String> {
    let store = builder.open_on(disk).map_err(|error| format!("opening: {error}"))?;
    let found = found_in(&store)?;
    let ends = check(&found)?;
    let mut logged = Vec::<EventId>::new();
    for event in go_on {
        let id = store.log_event(event.clone()).map_err(|error| format!("logging on: {error}"))?;
        let more = logged.iter().filter(|other| other.day() == id.day()).count() as u32;
        let next = ends.get(&id.day()).map_or(&[0][..], Vec::as_slice);
        if !next.iter().any(|next| next + more == id.ordinal()) {
            return Err(format!(
                "{id} is given where the ordinals end at {next:?} and {more} more"
            ));
        }
        logged.push(id);
        check_logged_on(&store, found.get(&id.day()), &logged)?;
    }
    let wanted = found.values().map(Vec::len).sum::<usize>() + logged.len();
    let counted = store.count(&Filter::All).map_err(|error| format!("counting: {error}"))?;
    if counted != wanted as u64 {
        return Err(format!("{counted} events are counted where {wanted} are found"));
    }
    if look != Look::Short {
        check_clean(&store)?;
    }
    match look {
        Look::Closed => store.close().map_err(|error| format!("closing: {error}"))?,
        Look::Short | Look::Checked => disk.cut_at(disk.operations()),
    }
    Ok((found, ends))
}

/// The day that was logged to last is as it was found, and followed by what was logged.
fn check_logged_on(
    store: &Store,
    before: Option<&Vec<Event>>,
    logged: &[EventId],
) -> Result<(), String> {
    let Some(day) = logged.last().map(|id| id.day()) else { return Ok(()) };
    let end = Timestamp::from_micros(day.start().as_micros() + DAY);
    let range = TimeRange { from: day.start(), to: end };
    let after = found_by(store, &Query::from(Filter::ServerTime(range)))?;
    let after = after.get(&day).map_or(&[][..], Vec::as_slice);
    let before = before.map_or(&[][..], Vec::as_slice);
    let more = after.strip_prefix(before).ok_or("logging on changed other events")?;
    let new = logged.iter().filter(|id| id.day() == day);
    let genuine = more.iter().all(|event| event.session_id == "one more");
    match genuine && more.iter().map(|event| &event.id).eq(new) {
        true => Ok(()),
        false => Err(format!("what was logged on {day} is not what is found there")),
    }
}
