//! What a list is asked for, and its pages.
//!
//! Owns: how the parameters of a list are read, which of them an index answers, the pages of a list, and events as a stream
//! of JSON. Does not own the fields of the events (`shape`).
//!
//! Invariant: a request looks at a bounded number of events and holds a bounded number of bytes, whatever the log holds; a
//! stream waits for its client without a turn to read and without a thread, and not for ever.

use std::io;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use futures_util::stream::unfold;
use serde::Serialize;
use tokio::sync::mpsc::{self, Sender};

use super::fields::Parameters;
use super::shape;
use crate::client_time;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::http::answer::Failure;
use crate::http::state::Shared;
use crate::query::{Cursor, Filter, GroupBy, Query};
use crate::store::Store;
use crate::time::{DAY, Day, TimeRange, Timestamp};
use crate::wire::parse_tags;

/// Events that a page looks at where a condition has no index.
const SCANNED_EVENTS_MAX: u64 = 65_536;
/// Bytes of the texts of a page's events, about.
const PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Types that a part of a name is looked for as: more are compared event by event.
const TYPES_MAX: usize = 1000;
/// Events of a stream that are read at once, and the bytes of their texts.
const BATCH_EVENTS: u64 = 512;
const BATCH_BYTES: usize = 1024 * 1024;

/// The conditions of a list of version 2.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    filter: Filter,
    /// The time is asked for alone where types are looked up.
    times: Filter,
    /// A part of the type, in lower case.
    event_type: Option<String>,
    latitude: Option<String>,
    longitude: Option<String>,
}

/// Some events of a list, and where it goes on.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) events: Vec<Event>,
    pub(super) next: Option<Cursor>,
}

impl Wanted {
    pub(super) fn parse(fields: &Parameters<'_>) -> Result<Self> {
        let mut times = times(fields)?;
        if let Some(text) = fields.get("server_time") {
            times = times.intersection(&beginning_with(text));
        }
        let times = Filter::ServerTime(times);
        let mut filter = times.clone();
        if let Some(session) = fields.get("session_id") {
            filter = filter.and(Filter::session(session));
        }
        if let Some(tags) = fields.get("tag_ids") {
            filter = filter.and(Filter::AllTags(parse_tags(tags)));
        }
        let text = |key| fields.get(key).map(str::to_owned);
        let (latitude, longitude) = (text("latitude"), text("longitude"));
        if latitude.is_some() || longitude.is_some() {
            filter = filter.and(Filter::HasLocation(true));
        }
        let event_type = fields.get("event_type").map(str::to_lowercase);
        Ok(Self { filter, times, event_type, latitude, longitude })
    }

    /// A page of what follows a place, at most so many events.
    pub(super) fn page(&self, store: &Store, after: Option<Cursor>, limit: usize) -> Result<Page> {
        let mut query = Query::from(self.filter_in(store)?).limit(SCANNED_EVENTS_MAX);
        query.after = after;
        let mut page = Page::default();
        let (mut last, mut looked_at, mut bytes) = (None, 0, 0);
        for event in store.query(&query)? {
            let event = event?;
            if page.events.len() == limit || bytes > PAGE_BYTES_MAX {
                page.next = last;
                return Ok(page);
            }
            looked_at += 1;
            last = Some(Cursor::from(&event));
            if self.holds(&event) {
                bytes += bytes_of(&event);
                page.events.push(event);
            }
        }
        page.next = last.filter(|_| looked_at == SCANNED_EVENTS_MAX);
        Ok(page)
    }

    /// What indexes answer of it: the types that hold the part are known, unless they are very many.
    fn filter_in(&self, store: &Store) -> Result<Filter> {
        let Some(part) = &self.event_type else { return Ok(self.filter.clone()) };
        let counts = store.count_by(&self.times, GroupBy::EventType)?;
        let types = counts.into_iter().map(|count| count.key);
        let types: Vec<String> = types.filter(|name| holds_part(name, part)).collect();
        match types.len() <= TYPES_MAX {
            true => Ok(self.filter.clone().and(Filter::EventType(types))),
            false => Ok(self.filter.clone()),
        }
    }

    /// Whether an event that the filter lets pass is one of the list.
    fn holds(&self, event: &Event) -> bool {
        let begins = |degrees: Option<f64>, text: &Option<String>| match text {
            None => true,
            Some(text) => degrees.is_some_and(|d| shape::degrees(d).starts_with(text.as_str())),
        };
        let part = self.event_type.as_deref();
        part.is_none_or(|part| holds_part(&event.event_type, part))
            && begins(event.latitude, &self.latitude)
            && begins(event.longitude, &self.longitude)
    }
}

fn holds_part(name: &str, part: &str) -> bool {
    name.to_lowercase().contains(part)
}

/// The instants that the bounds of a list let pass.
pub(super) fn times(fields: &Parameters<'_>) -> Result<TimeRange> {
    let after = |time: Timestamp| Timestamp::from_micros(time.as_micros().saturating_add(1));
    let instant = |key: &str| fields.get(key).map(|text| instant(key, text)).transpose();
    let from = [instant("server_time__gt")?.map(after), instant("server_time__gte")?];
    let to = [instant("server_time__lt")?, instant("server_time__lte")?.map(after)];
    Ok(TimeRange {
        from: from.into_iter().flatten().max().unwrap_or(Timestamp::MIN),
        to: to.into_iter().flatten().min().unwrap_or(Timestamp::MAX),
    })
}

/// Without a zone it is UTC, as the times that are answered.
fn instant(key: &str, text: &str) -> Result<Timestamp> {
    let read = text.parse().ok().or_else(|| client_time::instant(text));
    read.ok_or_else(|| Error::invalid(key, "must be a time, as 2017-06-07T22:41:50", text))
}

/// The instants whose text begins so.
fn beginning_with(text: &str) -> TimeRange {
    let text = text.trim_end_matches('Z').replacen(' ', "T", 1);
    let is_past = |time: &str| !time.starts_with(&text) && time > text.as_str();
    TimeRange { from: first(|time| time >= text.as_str()), to: first(is_past) }
}

/// The first instant whose text is so, where later ones are, too: texts have the order of their instants.
fn first(is_so: impl Fn(&str) -> bool) -> Timestamp {
    let (mut from, mut to) = (0, Day::MAX.start().as_micros() + DAY);
    while from < to {
        let middle = from + (to - from) / 2;
        match is_so(&shape::time(Timestamp::from_micros(middle))) {
            true => to = middle,
            false => from = middle + 1,
        }
    }
    Timestamp::from_micros(from)
}

/// What an event costs in memory and on the wire, about.
fn bytes_of(event: &Event) -> usize {
    let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let tags: usize = event.tags.iter().map(|tag| tag.len() + size_of::<String>()).sum();
    size_of::<Event>() + text(&event.data) + text(&event.client_time) + tags
}

/// Where a list goes on that leaves out so many events; `None` where there are no more.
pub(super) fn skip(store: &Store, query: Query, events: u64) -> Result<Option<Query>> {
    let Some(before) = events.checked_sub(1) else { return Ok(Some(query)) };
    let before = usize::try_from(before).unwrap_or(usize::MAX);
    let id = store.ids(&query.clone().limit(events))?.nth(before).transpose()?;
    let event = id.map(|id| store.event(id)).transpose()?.flatten();
    Ok(event.map(|event| query.after(Cursor::from(&event))))
}

/// Events that are sent as they are read.
struct Sending<F> {
    state: Shared,
    query: Query,
    left: u64,
    ready: Vec<Event>,
    text: Vec<u8>,
    tail: &'static str,
    write: F,
}

/// So many events as the items of a JSON list, between a head and a tail. Where fewer are there when it comes to them, or
/// the client takes nothing for too long, the body is broken off, so that nobody takes a part for the whole.
///
/// # Errors
///
/// Where the first of them cannot be read, or too many clients are being sent to.
pub(super) async fn stream<F>(
    state: &Shared,
    query: Query,
    events: u64,
    (head, tail): (String, &'static str),
    write: F,
) -> Result<Body, Failure>
where
    F: Fn(&Event, &mut Vec<u8>) -> serde_json::Result<()> + Send + 'static,
{
    let full = |_| Failure::busy("too many lists are being answered");
    let place = Arc::clone(&state.streams).try_acquire_owned().map_err(full)?;
    let state = Shared::clone(state);
    let mut sending =
        Sending { state, query, left: events, ready: Vec::new(), text: head.into(), tail, write };
    sending.read().await?;
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        if let Err(error) = sending.send(&sender).await {
            tracing::debug!(%error, "a list was broken off");
        }
        drop(place);
    });
    Ok(Body::from_stream(unfold(Some(receiver), |receiver| async {
        let mut receiver = receiver?;
        match receiver.recv().await {
            Some(Some(text)) => Some((Ok(text), Some(receiver))),
            Some(None) => None,
            None => Some((Err(io::Error::other("the answer was cut off")), None)),
        }
    })))
}

impl<F: Fn(&Event, &mut Vec<u8>) -> serde_json::Result<()>> Sending<F> {
    /// Sends piece after piece, and then that it is whole.
    async fn send(mut self, sender: &Sender<Option<Bytes>>) -> io::Result<()> {
        let patience = self.state.settings.patience;
        let offer = async |piece| match tokio::time::timeout(patience, sender.send(piece)).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(io::Error::other("the client takes no more")),
        };
        loop {
            let more = self.chunk().await?;
            offer(Some(std::mem::take(&mut self.text).into())).await?;
            if !more {
                return offer(None).await;
            }
        }
    }

    /// Reads the next events.
    async fn read(&mut self) -> Result<(), Failure> {
        if self.left == 0 {
            return Ok(());
        }
        let query = self.query.clone().limit(self.left.min(BATCH_EVENTS));
        self.ready = self.state.read(move |store| batch(store, &query)).await?;
        Ok(())
    }

    /// Writes the events that are ready, or reads the next; whether there is more to come.
    async fn chunk(&mut self) -> io::Result<bool> {
        if self.ready.is_empty() {
            self.read().await.map_err(|failure| io::Error::other(failure.message))?;
        }
        if self.ready.is_empty() && self.left > 0 {
            return Err(io::Error::other("events were dropped while they were sent"));
        }
        for event in std::mem::take(&mut self.ready) {
            (self.write)(&event, &mut self.text)?;
            self.left = self.left.saturating_sub(1);
            if self.left > 0 {
                self.text.extend(b", ");
            }
            self.query.after = Some(Cursor::from(&event));
        }
        if self.left == 0 {
            self.text.extend(self.tail.bytes());
        }
        Ok(self.left > 0)
    }
}

/// The first events of a query, at least one where there are any, and not many bytes of them.
fn batch(store: &Store, query: &Query) -> Result<Vec<Event>> {
    let (mut events, mut bytes) = (Vec::new(), 0);
    for event in store.query(query)? {
        let event = event?;
        bytes += bytes_of(&event);
        events.push(event);
        if bytes > BATCH_BYTES {
            break;
        }
    }
    Ok(events)
}

/// Writes a value as JSON.
pub(super) fn write_json(value: &impl Serialize, text: &mut Vec<u8>) -> serde_json::Result<()> {
    serde_json::to_writer(text, value)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test says where")]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_beginning_of_a_time_is_a_stretch_of_time() {
        let cases = [
            ("2017", "2017-01-01T00:00:00Z", "2018-01-01T00:00:00Z"),
            ("201", "2010-01-01T00:00:00Z", "2020-01-01T00:00:00Z"),
            ("2017-1", "2017-10-01T00:00:00Z", "2018-01-01T00:00:00Z"),
            ("2016-02", "2016-02-01T00:00:00Z", "2016-03-01T00:00:00Z"),
            ("2016-02-2", "2016-02-20T00:00:00Z", "2016-03-01T00:00:00Z"),
            ("2017-06-07 22:41", "2017-06-07T22:41:00Z", "2017-06-07T22:42:00Z"),
            (
                "2017-06-07T22:41:50.556694Z",
                "2017-06-07T22:41:50.556694Z",
                "2017-06-07T22:41:50.556695Z",
            ),
        ];
        for (text, from, to) in cases {
            assert_eq!(beginning_with(text), TimeRange { from: at(from), to: at(to) }, "{text}");
        }
        for text in ["2017-02-3", "2017-13", "x", "2017-06-07T22:41:50.5566941", "99"] {
            let range = beginning_with(text);
            assert_eq!(range.from, range.to, "{text}");
        }
    }

    #[test]
    fn bounds_of_time_are_read_in_the_forms_that_clients_write() {
        let range = |query: &str| times(&Parameters::parse(query)).unwrap();
        let from = at("2013-01-05T16:12:13Z");
        for text in [
            "2013-01-05T16:12:13",
            "2013-01-05%2016:12:13",
            "2013-01-05T16:12:13.000Z",
            "2013-01-05T16:12:13+00:00",
            "2013-01-05T11:12:13-05:00",
        ] {
            assert_eq!(range(&format!("server_time__gte={text}")).from, from, "{text}");
        }
        let both = range("server_time__gt=2013-01-05&server_time__lte=2013-01-06");
        assert_eq!(both.from.as_micros(), at("2013-01-05").as_micros() + 1);
        assert_eq!(both.to.as_micros(), at("2013-01-06").as_micros() + 1);
        assert_eq!(range(""), TimeRange::ALL);
        assert!(times(&Parameters::parse("server_time__gt=noon")).is_err());
    }
}
