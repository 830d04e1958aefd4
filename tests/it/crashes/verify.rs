//! What is asked of a store that is found after the power was cut.

use std::collections::BTreeMap;

use diurnal::testing::FaultyStorage;
use diurnal::{Day, Event, EventId, NewEvent, Query, Store, StoreBuilder};

use super::script::{Expected, State};

/// The events of each day, in the order of their ordinals.
pub(crate) type Found = BTreeMap<Day, Vec<Event>>;

pub(crate) fn found_in(store: &Store) -> Result<Found, String> {
    let events = store.query(&Query::new()).map_err(|error| format!("querying: {error}"))?;
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

/// Opens what is found, compares it, and logs on: one more event for each of these days.
pub(crate) fn recover(
    disk: &FaultyStorage,
    builder: StoreBuilder,
    check: impl Fn(&Found) -> Result<(), String>,
    go_on: &[NewEvent],
) -> Result<Found, String> {
    let store = builder.open_on(disk).map_err(|error| format!("opening: {error}"))?;
    let found = found_in(&store)?;
    check(&found)?;
    let mut wanted = found.clone();
    for event in go_on {
        let id = store.log_event(event.clone()).map_err(|error| format!("logging on: {error}"))?;
        let events = wanted.entry(id.day()).or_default();
        if id.ordinal() as usize != events.len() {
            return Err(format!("{id} is given where there are {} events", events.len()));
        }
        let read = store.query(&Query::new()).map_err(|error| format!("querying: {error}"))?;
        let event = read.filter_map(Result::ok).find(|event| event.id == id);
        events.push(event.ok_or("what was logged on is not found")?);
    }
    if found_in(&store)? != wanted {
        return Err("logging on changed other events".to_owned());
    }
    check_clean(&store)?;
    store.close().map_err(|error| format!("closing: {error}"))?;
    Ok(found)
}
