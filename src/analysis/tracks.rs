//! Which ways did sessions take: what a map of them shows.
//!
//! Owns: [`Tracks`], the events of each session in order, with their places and what they say.
//!
//! Memory grows with the events that are kept, of which there are at most as many as the question says, each
//! with at most [`DATA_CHARS_MAX`] characters of its data; and with sessions.

use serde::{Deserialize, Serialize};

use super::Moment;
use super::distance::NoFix;
use super::meaning::{Meaning, Meanings};
use super::sealed::Answered;
use crate::analysis::builder::{filter_method, new_method};
use crate::codec::columns::ColumnKind;
use crate::error::Result;
use crate::event::EventId;
use crate::query::Filter;
use crate::query::scan::{self, Row, Symbol, Words};
use crate::time::Timestamp;

/// Characters of an event's data that are kept: a message, not a dump.
const DATA_CHARS_MAX: usize = 500;

/// Events that are kept unless the question says otherwise.
const EVENTS_MAX: usize = 200_000;

/// Which ways did sessions take?
///
/// ```
/// use diurnal::analysis::Tracks;
/// use diurnal::{NewEvent, Store};
///
/// let store = Store::in_memory()?;
/// store.log_event(NewEvent::new(7, "heartbeat").location(42.36, -71.06))?;
/// store.log_event(NewEvent::new(7, "client_error").data("no route"))?;
/// let report = store.ask(&Tracks::new())?;
/// let track = &report.tracks[0];
/// assert_eq!(track.events[0].latitude, Some(42.36));
/// assert_eq!(track.events[1].data.as_deref(), Some("no route"));
/// # Ok::<(), diurnal::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Tracks {
    /// Which events.
    #[serde(default)]
    pub filter: Filter,
    /// Points that are no places.
    #[serde(default)]
    pub no_fix: NoFix,
    /// The first so many events are kept; 200,000 unless given.
    #[serde(default = "default_events_max")]
    pub events_max: usize,
}

fn default_events_max() -> usize {
    EVENTS_MAX
}

impl Default for Tracks {
    fn default() -> Self {
        Self { filter: Filter::All, no_fix: NoFix::default(), events_max: EVENTS_MAX }
    }
}

impl Tracks {
    new_method!();

    filter_method!();

    /// With these points as no places.
    #[must_use]
    pub fn no_fix(mut self, no_fix: NoFix) -> Self {
        self.no_fix = no_fix;
        self
    }

    /// With at most so many events kept.
    #[must_use]
    pub fn events_max(mut self, events: usize) -> Self {
        self.events_max = events;
        self
    }
}

/// The answer to [`Tracks`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TracksReport {
    /// Events that match, kept or not.
    pub events: u64,
    /// Of these, those without a place.
    pub nowhere: u64,
    /// Events that would have been kept, but for the limit.
    pub left_out: u64,
    /// Sessions in the order of their first event, each with what was kept of it.
    pub tracks: Vec<Track>,
}

impl TracksReport {
    /// Sessions with a place.
    pub fn placed(&self) -> impl Iterator<Item = &Track> {
        self.tracks.iter().filter(|track| track.places().next().is_some())
    }
}

/// The way of a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Track {
    /// The session.
    pub session: String,
    /// Its events in order. Heartbeats without a place are left out, since they say nothing.
    pub events: Vec<TrackEvent>,
}

impl Track {
    /// Its events with a place, each with latitude and longitude.
    pub fn places(&self) -> impl Iterator<Item = (&TrackEvent, f64, f64)> {
        self.events.iter().filter_map(|event| Some((event, event.latitude?, event.longitude?)))
    }
}

/// An event on the way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TrackEvent {
    /// Its id.
    pub id: EventId,
    /// Its server time.
    pub server_time: Timestamp,
    /// Its type.
    pub event_type: String,
    /// Where it was, in degrees; absent where that is no place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latitude: Option<f64>,
    /// As `latitude`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longitude: Option<f64>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Its data, cut after 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
}

impl Answered for Tracks {
    type Answer = TracksReport;

    fn answer(&self, moment: &Moment<'_>) -> Result<TracksReport> {
        let mut words = Words::default();
        let meanings = Meanings::new(&mut words);
        let (mut events, mut nowhere, mut left_out, mut kept) = (0, 0, 0, 0);
        let mut found: Vec<Vec<Kept>> = Vec::new();
        let columns = [ColumnKind::Location, ColumnKind::Tags, ColumnKind::Data];
        scan::scan(moment.snapshot, &self.filter, &columns, &mut words, |row| {
            events += 1;
            let place = self.no_fix.place(row.location());
            nowhere += u64::from(place.is_none());
            if place.is_none() && meanings.of(row.event_type) == Meaning::Heartbeat {
                return Ok(());
            }
            if kept == self.events_max {
                left_out += 1;
                return Ok(());
            }
            kept += 1;
            let session = row.session.index();
            if session >= found.len() {
                found.resize_with(session + 1, Vec::new);
            }
            found[session].push(Kept::of(row, place.map(|it| (it.latitude, it.longitude))));
            Ok(())
        })?;
        let tracks = found.into_iter().enumerate().filter(|(_, events)| !events.is_empty());
        let track = |(session, events): (usize, Vec<Kept>)| Track {
            session: words.sessions.word(Symbol::at(session)).to_owned(),
            events: events.into_iter().map(|kept| kept.event(&words)).collect(),
        };
        Ok(TracksReport { events, nowhere, left_out, tracks: tracks.map(track).collect() })
    }
}

/// An event whose words are not looked up yet.
struct Kept {
    id: EventId,
    server_time: Timestamp,
    event_type: Symbol,
    place: Option<(f64, f64)>,
    tags: Vec<Symbol>,
    data: Option<String>,
}

impl Kept {
    fn of(row: &Row<'_>, place: Option<(f64, f64)>) -> Self {
        let cut = |text: &str| text.chars().take(DATA_CHARS_MAX).collect();
        Self {
            id: row.id,
            server_time: row.server_time,
            event_type: row.event_type,
            place,
            tags: row.tags().collect(),
            data: row.data().map(cut),
        }
    }

    fn event(self, words: &Words) -> TrackEvent {
        let (latitude, longitude) = self.place.unzip();
        TrackEvent {
            id: self.id,
            server_time: self.server_time,
            event_type: words.types.word(self.event_type).to_owned(),
            latitude,
            longitude,
            tags: self.tags.iter().map(|tag| words.tags.word(*tag).to_owned()).collect(),
            data: self.data,
        }
    }
}
