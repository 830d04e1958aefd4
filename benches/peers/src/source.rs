//! Where the events come from, and what can be asked about them.
//!
//! Owns: [`Source`], the events in batches, and [`Survey`], one look at all of them from which the
//! questions are chosen. Does not own how events are made (`diurnal::testing::workload`).

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

use diurnal::testing::workload::{Workload, logged};
use diurnal::{BoundingBox, Circle, Day, Event, NewEvent, TimeRange, Timestamp};
use geo::{LineString, Polygon};

use crate::machine::Result;
use crate::question::Question;

/// Events of one call, one transaction or one append, whichever an engine has.
pub(crate) const BATCH_EVENTS: usize = 65_536;

/// Sessions whose timelines are asked for.
const TIMELINES: usize = 100;

pub(crate) enum Source {
    Made(Workload),
    Read(Vec<NewEvent>),
}

impl Source {
    pub(crate) fn read(file: &Path) -> Result<Self> {
        let text = fs::read_to_string(file)?;
        let events = text.lines().map(serde_json::from_str).collect::<std::result::Result<_, _>>();
        Ok(Self::Read(events?))
    }

    /// The events as a store returns them, ids included; engines other than diurnal number them
    /// themselves.
    pub(crate) fn events(&self) -> Box<dyn Iterator<Item = Event> + '_> {
        match self {
            Self::Made(workload) => Box::new(logged(workload)),
            Self::Read(events) => Box::new(logged(events.iter().cloned())),
        }
    }

    pub(crate) fn batches(&self) -> impl Iterator<Item = Vec<Event>> + '_ {
        let mut events = self.events();
        std::iter::from_fn(move || {
            let batch: Vec<_> = events.by_ref().take(BATCH_EVENTS).collect();
            (!batch.is_empty()).then_some(batch)
        })
    }
}

/// What is in the events.
#[derive(Debug)]
pub(crate) struct Survey {
    pub(crate) events: u64,
    pub(crate) days: usize,
    pub(crate) middle_day: Day,
    /// Every session id is an integer.
    pub(crate) numeric: bool,
    sessions: Vec<String>,
    span: TimeRange,
    /// The type of most events, and the type of most events that have tags.
    kinds: [Option<String>; 2],
    /// The tags of most events, the most frequent first.
    tags: Vec<String>,
    place: Option<(f64, f64)>,
}

impl Survey {
    pub(crate) fn of(source: &Source) -> Self {
        let mut seen = Seen::default();
        for event in source.events() {
            seen.see(event);
        }
        let ranked = |counts: HashMap<String, u64>| {
            let mut ranked: Vec<_> = counts.into_iter().collect();
            ranked.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            ranked.into_iter().map(|(key, _)| key).collect::<Vec<_>>()
        };
        let mut days: Vec<_> = seen.days.into_iter().collect();
        days.sort();
        Self {
            events: seen.events,
            days: days.len(),
            middle_day: days.get(days.len() / 2).copied().unwrap_or(Day::MIN),
            numeric: seen.sessions.iter().all(|id| id.parse::<i64>().is_ok()),
            sessions: seen.sessions,
            span: TimeRange { from: seen.first, to: seen.last },
            kinds: [ranked(seen.kinds).into_iter().next(), ranked(seen.tagged).into_iter().next()],
            tags: ranked(seen.tags),
            place: seen.places.get(seen.places.len() / 3).copied(),
        }
    }

    /// Sessions spread evenly over all of them.
    pub(crate) fn timelines(&self) -> Vec<Question> {
        let step = (self.sessions.len() / TIMELINES).max(1);
        // Not the first ones: those a store might still have at hand.
        let sessions = self.sessions.iter().skip(step / 2).step_by(step).take(TIMELINES);
        sessions.map(|id| Question::Timeline(id.clone())).collect()
    }

    /// Every other question, where the events allow it.
    pub(crate) fn questions(&self) -> Vec<Question> {
        let range = self.middle_third();
        let mut questions = Vec::new();
        if let [Some(kind), _] = &self.kinds {
            questions.push(Question::Type(kind.clone()));
            questions.push(Question::TypeIn(kind.clone(), range));
        }
        if let ([_, Some(kind)], [first, second, ..]) = (&self.kinds, &self.tags[..]) {
            questions.push(Question::Tag(second.clone()));
            questions.push(Question::Tags(first.clone(), second.clone()));
            questions.push(Question::TagTypeIn(second.clone(), kind.clone(), range));
            questions.push(Question::AllTags);
        }
        questions.push(Question::Sessions);
        if let Some((latitude, longitude)) = self.place {
            questions.extend(places(latitude, longitude));
        }
        if let [Some(kind), _] = &self.kinds {
            questions.push(Question::Hours(kind.clone()));
        }
        questions
    }

    fn middle_third(&self) -> TimeRange {
        let (from, to) = (self.span.from.as_micros(), self.span.to.as_micros());
        let third = (to - from) / 3;
        TimeRange {
            from: Timestamp::from_micros(from + third),
            to: Timestamp::from_micros(from + 2 * third),
        }
    }
}

/// Regions of about a kilometre around a place, with edges on which no event lies.
fn places(latitude: f64, longitude: f64) -> [Question; 4] {
    let (north, east) = (latitude + 0.000_000_37, longitude + 0.000_000_41);
    let bounds = BoundingBox {
        west: east - 0.011,
        south: north - 0.007,
        east: east + 0.009,
        north: north + 0.008,
    };
    let circle = Circle { latitude, longitude, metres: 900.123_456 };
    let corners = [
        (-0.012, -0.004),
        (-0.003, -0.009),
        (0.006, -0.006),
        (0.011, 0.002),
        (0.002, 0.003),
        (0.004, 0.009),
        (-0.007, 0.007),
    ];
    let outline = corners.map(|(x, y)| (east + x, north + y));
    let polygon = Polygon::new(LineString::from(outline.to_vec()), Vec::new());
    [
        Question::Box(bounds),
        Question::Circle(circle),
        Question::Polygon(polygon.clone()),
        Question::PolygonByScan(polygon),
    ]
}

struct Seen {
    events: u64,
    days: HashSet<Day>,
    known: HashSet<String>,
    sessions: Vec<String>,
    kinds: HashMap<String, u64>,
    tagged: HashMap<String, u64>,
    tags: HashMap<String, u64>,
    places: Vec<(f64, f64)>,
    first: Timestamp,
    last: Timestamp,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            events: 0,
            days: HashSet::new(),
            known: HashSet::new(),
            sessions: Vec::new(),
            kinds: HashMap::new(),
            tagged: HashMap::new(),
            tags: HashMap::new(),
            places: Vec::new(),
            first: Timestamp::MAX,
            last: Timestamp::MIN,
        }
    }
}

impl Seen {
    fn see(&mut self, event: Event) {
        self.events += 1;
        self.days.insert(event.id.day());
        self.first = self.first.min(event.server_time);
        self.last = self.last.max(event.server_time);
        if !event.tags.is_empty() {
            *self.tagged.entry(event.event_type.clone()).or_default() += 1;
        }
        *self.kinds.entry(event.event_type).or_default() += 1;
        for tag in event.tags {
            *self.tags.entry(tag).or_default() += 1;
        }
        if !self.known.contains(&event.session_id) {
            self.known.insert(event.session_id.clone());
            self.sessions.push(event.session_id);
        }
        // A sample is enough, and 1,1 is no place.
        if let Some(place) = event.latitude.zip(event.longitude)
            && self.events.is_multiple_of(97)
            && place != (1.0, 1.0)
        {
            self.places.push(place);
        }
    }
}
