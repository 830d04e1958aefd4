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
        let dense = (0..).zip(events.iter()).all(|(n, event)| event.id == EventId::new(*day, n));
        if !dense {
            return Err(format!("the ordinals of {day} are not dense"));
        }
    }
    Ok(found)
}

/// Whether these are a day's first batches, every durable one among them.
pub(crate) fn is_allowed(found: &[Event], expected: Option<&Expected>) -> bool {
    let Some(expected) = expected else { return found.is_empty() };
    let mut rest = found;
    for (place, batch) in expected.batches.iter().enumerate() {
        if rest.is_empty() {
            return place >= expected.durable;
        }
        match rest.split_at_checked(batch.len()) {
            Some((first, after)) if first == batch.as_slice() => rest = after,
            _ => return false,
        }
    }
    rest.is_empty()
}

/// Each day is as it was before the step that was cut, or as it is after.
pub(crate) fn check_found(found: &Found, before: &State, after: &State) -> Result<(), String> {
    let mut days: Vec<_> = found.keys().chain(before.keys()).chain(after.keys()).collect();
    days.sort_unstable();
    days.dedup();
    for day in days {
        let events = found.get(day).map_or(&[][..], Vec::as_slice);
        if !is_allowed(events, before.get(day)) && !is_allowed(events, after.get(day)) {
            let count = |state: &State| {
                state.get(day).map(|expected| {
                    let sizes: Vec<_> = expected.batches.iter().map(|it| it.len()).collect();
                    format!("{} of the batches {sizes:?}", expected.durable)
                })
            };
            return Err(format!(
                "{day} has {} events, which is neither {:?} nor {:?}, or they differ",
                events.len(),
                count(before),
                count(after)
            ));
        }
    }
    Ok(())
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
    check: impl Fn(&Found) -> Result<(), String>,
    go_on: &[NewEvent],
    look: Look,
) -> Result<Found, String> {
    let store = builder.open_on(disk).map_err(|error| format!("opening: {error}"))?;
    let found = found_in(&store)?;
    check(&found)?;
    let mut logged = Vec::<EventId>::new();
    for event in go_on {
        let id = store.log_event(event.clone()).map_err(|error| format!("logging on: {error}"))?;
        let there = found.get(&id.day()).map_or(0, Vec::len);
        let next = there + logged.iter().filter(|other| other.day() == id.day()).count();
        if id.ordinal() as usize != next {
            return Err(format!("{id} is given where there are {next} events"));
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
    Ok(found)
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
