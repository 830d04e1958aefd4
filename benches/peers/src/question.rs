//! What every engine is asked, and its answers in a form that can be compared.
//!
//! Owns: [`Question`] and [`Answer`]. Does not own how an engine answers (`engines`).

use diurnal::{BoundingBox, Circle, Event, TimeRange};
use geo::Polygon;

#[derive(Debug, Clone)]
pub(crate) enum Question {
    Type(String),
    TypeIn(String, TimeRange),
    Tag(String),
    Tags(String, String),
    TagTypeIn(String, String, TimeRange),
    AllTags,
    Timeline(String),
    Sessions,
    Box(BoundingBox),
    Circle(Circle),
    Polygon(Polygon<f64>),
    /// The same with every event decoded: what the index saves.
    PolygonByScan(Polygon<f64>),
    Hours(String),
}

impl Question {
    /// The table's row, and the name for `--only`.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Type(_) => "count type",
            Self::TypeIn(..) => "count type in range",
            Self::Tag(_) => "count tag",
            Self::Tags(..) => "count tag and tag",
            Self::TagTypeIn(..) => "count tag, type, range",
            Self::AllTags => "all tags with counts",
            Self::Timeline(_) => "timeline",
            Self::Sessions => "every session",
            Self::Box(_) => "count box",
            Self::Circle(_) => "count circle",
            Self::Polygon(_) => "count polygon",
            Self::PolygonByScan(_) => "count polygon, full scan",
            Self::Hours(_) => "histogram by hour",
        }
    }

    /// Questions with the same key have the same answer.
    pub(crate) fn key(&self) -> String {
        match self {
            Self::PolygonByScan(polygon) => Self::Polygon(polygon.clone()).key(),
            question => format!("{question:?}"),
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    Count(u64),
    /// By key, sorted. Hours are numbers since 1970-01-01T00:00:00Z.
    Counts(Vec<(String, u64)>),
    Timeline(Vec<Line>),
    /// Id, first and last server time in microseconds, events; sorted.
    Sessions(Vec<(String, i64, i64, u64)>),
}

/// An event of a timeline.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    pub(crate) micros: i64,
    pub(crate) event_type: String,
    pub(crate) client_time: Option<String>,
    pub(crate) latitude: Option<f64>,
    pub(crate) longitude: Option<f64>,
    pub(crate) tags: Vec<String>,
    pub(crate) data: Option<String>,
}

impl From<Event> for Line {
    fn from(event: Event) -> Self {
        Self {
            micros: event.server_time.as_micros(),
            event_type: event.event_type,
            client_time: event.client_time,
            latitude: event.latitude,
            longitude: event.longitude,
            tags: event.tags,
            data: event.data,
        }
    }
}

impl Answer {
    pub(crate) fn counts(mut counts: Vec<(String, u64)>) -> Self {
        counts.sort();
        Self::Counts(counts)
    }

    pub(crate) fn sessions(mut sessions: Vec<(String, i64, i64, u64)>) -> Self {
        sessions.sort();
        Self::Sessions(sessions)
    }
}
