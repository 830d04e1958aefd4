//! A session in figures.
//!
//! Owns: [`SessionFigures`], the value. Does not own how they come about (`tracker`).

use serde::{Deserialize, Serialize};

use crate::query::BoundingBox;
use crate::time::Timestamp;

/// One session in figures: a line of [`Sessions`](crate::analysis::Sessions), and the head of a
/// [`SessionReport`](crate::analysis::SessionReport).
///
/// Times are the server's. Figures are of the events that are seen: those that the filter lets through,
/// less those that [`SessionSettings::cut_idle`](crate::analysis::SessionSettings::cut_idle) cuts off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SessionFigures {
    /// The session's id.
    pub id: String,
    /// The time of the first event seen; of the first of all where nothing is left of the session.
    pub first: Timestamp,
    /// The time of the last event seen; `first` where nothing is left of the session.
    pub last: Timestamp,
    /// From the first to the last.
    pub duration_micros: i64,
    /// The sum of the silences between neighbouring events that are not over
    /// [`SessionSettings::active_gap`](crate::analysis::SessionSettings::active_gap).
    pub active_micros: i64,
    /// Events seen.
    pub events: u64,
    /// Those that a participant caused.
    pub actions: u64,
    /// Events that were cut off before the first and after the last action.
    pub cut_events: u64,
    /// Events with a place that stands for one.
    pub points: u64,
    /// The way from point to point, along the WGS 84 ellipsoid.
    pub metres: f64,
    /// The narrowest box around the points; `west` exceeds `east` where it crosses the antimeridian. Of boxes
    /// wider than half the globe it need not be the narrowest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bounds: Option<BoundingBox>,
    /// `modify_stream` events.
    pub choices: u64,
    /// Different tags among them.
    pub tags_chosen: u64,
    /// How long any chosen tag was heard: from the choice to the next one, or to the end of the stream or of
    /// the session, pauses left out.
    pub listening_micros: i64,
    /// `start_record` events.
    pub recordings_started: u64,
    /// `stop_record` events.
    pub recordings_stopped: u64,
    /// `start_upload` events.
    pub uploads_started: u64,
    /// `stop_upload` events: recordings that arrived.
    pub uploads_stopped: u64,
    /// Recordings that were started and did not arrive: each `stop_upload` is the arrival of one recording
    /// started before it, where there is one that has not arrived.
    pub abandoned: u64,
    /// `client_error` events.
    pub errors: u64,
    /// Client times that could be read.
    pub client_times: u64,
    /// The median of client time minus server time: positive where the client's clock is fast. Of more
    /// than 64 client times, an even sample of 33 to 64 of them is taken. Absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skew_micros: Option<i64>,
}

impl SessionFigures {
    /// Of a session whose first event was at this time, and of which nothing is seen.
    pub(super) fn none(first: Timestamp) -> Self {
        Self {
            id: String::new(),
            first,
            last: first,
            duration_micros: 0,
            active_micros: 0,
            events: 0,
            actions: 0,
            cut_events: 0,
            points: 0,
            metres: 0.0,
            bounds: None,
            choices: 0,
            tags_chosen: 0,
            listening_micros: 0,
            recordings_started: 0,
            recordings_stopped: 0,
            uploads_started: 0,
            uploads_stopped: 0,
            abandoned: 0,
            errors: 0,
            client_times: 0,
            skew_micros: None,
        }
    }
}
