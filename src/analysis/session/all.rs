//! How did all sessions go?
//!
//! Owns: the question of all sessions, its order, its totals and its answer.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::analysis::builder::{filter_method, new_method};
use crate::analysis::session::tracker::Tracker;
use crate::analysis::session::{SessionFigures, SessionSettings};
use crate::analysis::{Moment, Quantiles, sealed};
use crate::error::Result;
use crate::query::scan::Words;
use crate::query::{Filter, Order};

/// Sessions in an answer unless given.
const LIMIT: u64 = 1_000;

/// How did all sessions go, in figures? For a mere list of them, with times and numbers of events,
/// [`Store::sessions`](crate::Store::sessions) needs the indexes alone.
///
/// Costs the reading of all rows that match, twice those of actions where idle stretches are cut. Memory
/// is some 400 to 900 bytes a session, and some 16 for each pair of a session and a tag that it chose.
///
/// ```
/// use diurnal::{NewEvent, Order, Store, analysis};
///
/// let store = Store::in_memory()?;
/// for (session, kind) in [(1, "start_record"), (1, "stop_upload"), (2, "start_record")] {
///     store.log_event(NewEvent::new(session, kind))?;
/// }
/// let question = analysis::Sessions::new().sort(analysis::SessionSort::Abandoned);
/// let question = question.order(Order::Descending).limit(10);
/// let report = store.ask(&question)?;
/// assert_eq!(report.totals.sessions, 2);
/// assert_eq!(report.sessions[0].id, "2");
/// # Ok::<(), diurnal::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Sessions {
    /// Which events are seen; all unless given.
    pub filter: Filter,
    /// What the figures mean.
    pub settings: SessionSettings,
    /// By which figure the sessions are listed; by their first event unless given. Where it is equal, the
    /// earlier comes first, then the lesser id.
    pub sort: SessionSort,
    /// The least first, unless given, or the greatest.
    pub order: Order,
    /// At most so many are listed, 1,000 unless given, or all; totals and spreads are of all.
    pub limit: Option<u64>,
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            filter: Filter::All,
            settings: SessionSettings::default(),
            sort: SessionSort::First,
            order: Order::Ascending,
            limit: Some(LIMIT),
        }
    }
}

/// A figure by which sessions are listed; see [`SessionFigures`] for what each is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SessionSort {
    /// The id, as text.
    Id,
    /// The first event.
    #[default]
    First,
    /// The last event.
    Last,
    /// The duration.
    Duration,
    /// The active time.
    Active,
    /// The number of events.
    Events,
    /// The number of actions.
    Actions,
    /// Events that were cut off.
    CutEvents,
    /// The number of points.
    Points,
    /// The length of the path.
    Metres,
    /// The number of choices.
    Choices,
    /// The number of different tags chosen.
    TagsChosen,
    /// The time of listening.
    Listening,
    /// Recordings started.
    RecordingsStarted,
    /// Recordings stopped.
    RecordingsStopped,
    /// Uploads started.
    UploadsStarted,
    /// Uploads stopped.
    UploadsStopped,
    /// Recordings abandoned.
    Abandoned,
    /// Client errors.
    Errors,
    /// Client times that could be read.
    ClientTimes,
    /// The skew of the client's clock; sessions without one as the least.
    Skew,
}

impl Sessions {
    new_method!();

    filter_method!();

    /// What the figures mean.
    #[must_use]
    pub fn settings(mut self, settings: SessionSettings) -> Self {
        self.settings = settings;
        self
    }

    /// Listed by this figure.
    #[must_use]
    pub fn sort(mut self, sort: SessionSort) -> Self {
        self.sort = sort;
        self
    }

    /// The least or the greatest first.
    #[must_use]
    pub fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// At most so many are listed.
    #[must_use]
    pub fn limit(mut self, sessions: u64) -> Self {
        self.limit = Some(sessions);
        self
    }
}

/// How all sessions went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SessionsReport {
    /// Sums over all sessions.
    pub totals: SessionsTotals,
    /// The spread of their durations in microseconds; absent where there is no session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_micros: Option<Quantiles<i64>>,
    /// The spread of their numbers of events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<Quantiles<u64>>,
    /// The spread of the lengths of their paths, of those with a point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metres: Option<Quantiles<f64>>,
    /// The sessions, in the order asked for, at most as many as asked for.
    pub sessions: Vec<SessionFigures>,
}

/// Sums over sessions; see [`SessionFigures`] for what is summed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SessionsTotals {
    /// Sessions of which something is seen.
    pub sessions: u64,
    /// Sessions of which nothing is left, since they have no action and idle stretches are cut. But for
    /// their cut events, no other sum, spread or list has them.
    pub sessions_without_action: u64,
    /// Durations.
    pub duration_micros: i64,
    /// Active times.
    pub active_micros: i64,
    /// Events seen.
    pub events: u64,
    /// Actions.
    pub actions: u64,
    /// Events that were cut off.
    pub cut_events: u64,
    /// Points.
    pub points: u64,
    /// Lengths of paths.
    pub metres: f64,
    /// Choices.
    pub choices: u64,
    /// Times of listening.
    pub listening_micros: i64,
    /// Recordings started.
    pub recordings_started: u64,
    /// Recordings stopped.
    pub recordings_stopped: u64,
    /// Uploads started.
    pub uploads_started: u64,
    /// Uploads stopped.
    pub uploads_stopped: u64,
    /// Recordings abandoned.
    pub abandoned: u64,
    /// Client errors.
    pub errors: u64,
}

impl SessionsTotals {
    fn add(&mut self, one: &SessionFigures) {
        self.sessions += 1;
        self.duration_micros = self.duration_micros.saturating_add(one.duration_micros);
        self.active_micros = self.active_micros.saturating_add(one.active_micros);
        self.events += one.events;
        self.actions += one.actions;
        self.cut_events += one.cut_events;
        self.points += one.points;
        self.metres += one.metres;
        self.choices += one.choices;
        self.listening_micros = self.listening_micros.saturating_add(one.listening_micros);
        self.recordings_started += one.recordings_started;
        self.recordings_stopped += one.recordings_stopped;
        self.uploads_started += one.uploads_started;
        self.uploads_stopped += one.uploads_stopped;
        self.abandoned += one.abandoned;
        self.errors += one.errors;
    }
}

impl sealed::Answered for Sessions {
    type Answer = SessionsReport;

    fn answer(&self, moment: &Moment<'_>) -> Result<SessionsReport> {
        let mut words = Words::default();
        let (filter, settings) = (&self.filter, &self.settings);
        let tracker = Tracker::read(moment.snapshot, filter, settings, &mut words, |_| ())?;
        let (figures, _) = tracker.finish(&words);
        let (mut seen, nothing_left): (Vec<&SessionFigures>, Vec<&SessionFigures>) =
            figures.iter().partition(|one| one.events > 0);
        let sessions_without_action = nothing_left.len() as u64;
        let mut totals = SessionsTotals { sessions_without_action, ..SessionsTotals::default() };
        seen.iter().for_each(|one| totals.add(one));
        totals.cut_events += nothing_left.iter().map(|one| one.cut_events).sum::<u64>();
        let durations = seen.iter().map(|one| one.duration_micros).collect();
        let events = seen.iter().map(|one| one.events).collect();
        let metres = seen.iter().filter(|one| one.points > 0).map(|one| one.metres).collect();
        seen.sort_unstable_by(|a, b| self.compare(a, b));
        let limit = self.limit.map_or(usize::MAX, |it| usize::try_from(it).unwrap_or(usize::MAX));
        Ok(SessionsReport {
            totals,
            duration_micros: Quantiles::of(durations, i64::cmp),
            events: Quantiles::of(events, u64::cmp),
            metres: Quantiles::of(metres, f64::total_cmp),
            sessions: seen.into_iter().take(limit).cloned().collect(),
        })
    }
}

impl Sessions {
    fn compare(&self, a: &SessionFigures, b: &SessionFigures) -> Ordering {
        let by_figure = match self.sort {
            SessionSort::Id => a.id.cmp(&b.id),
            SessionSort::Metres => a.metres.total_cmp(&b.metres),
            SessionSort::Skew => a.skew_micros.cmp(&b.skew_micros),
            sort => whole(a, sort).cmp(&whole(b, sort)),
        };
        let turned = match self.order {
            Order::Ascending => by_figure,
            Order::Descending => by_figure.reverse(),
        };
        turned.then(a.first.cmp(&b.first)).then_with(|| a.id.cmp(&b.id))
    }
}

/// A figure that is a whole number.
fn whole(one: &SessionFigures, sort: SessionSort) -> i64 {
    let count = match sort {
        SessionSort::First => return one.first.as_micros(),
        SessionSort::Last => return one.last.as_micros(),
        SessionSort::Duration => return one.duration_micros,
        SessionSort::Active => return one.active_micros,
        SessionSort::Listening => return one.listening_micros,
        SessionSort::Events => one.events,
        SessionSort::Actions => one.actions,
        SessionSort::CutEvents => one.cut_events,
        SessionSort::Points => one.points,
        SessionSort::Choices => one.choices,
        SessionSort::TagsChosen => one.tags_chosen,
        SessionSort::RecordingsStarted => one.recordings_started,
        SessionSort::RecordingsStopped => one.recordings_stopped,
        SessionSort::UploadsStarted => one.uploads_started,
        SessionSort::UploadsStopped => one.uploads_stopped,
        SessionSort::Abandoned => one.abandoned,
        SessionSort::Errors => one.errors,
        SessionSort::ClientTimes => one.client_times,
        SessionSort::Id | SessionSort::Metres | SessionSort::Skew => 0,
    };
    i64::try_from(count).unwrap_or(i64::MAX)
}
