//! How did this session go?
//!
//! Owns: the question of one session, and its answer. Its timeline is a query, so that a session of
//! millions of events costs no memory.

use serde::{Deserialize, Serialize};

use crate::analysis::builder::filter_method;
use crate::analysis::listening::Listening;
use crate::analysis::session::tracker::Tracker;
use crate::analysis::session::{SessionFigures, SessionSettings};
use crate::analysis::{Moment, Quantiles, sealed};
use crate::error::Result;
use crate::query::scan::{Row, Symbol, Symbols, Words};
use crate::query::{Count, Filter, Query};
use crate::time::Timestamp;

/// How did this session go? The answer is `None` where no event of it matches.
///
/// Costs the reading of the session's rows. Memory is bounded by the sessions, types and tags of the
/// blocks that hold them.
///
/// ```
/// use diurnal::{NewEvent, Store, analysis};
///
/// let store = Store::in_memory()?;
/// store.log_event(NewEvent::new(7, "start_session"))?;
/// store.log_event(NewEvent::new(7, "start_record").location(42.36, -71.06))?;
/// let question = analysis::Session::new(7);
/// if let Some(report) = store.ask(&question)? {
///     assert_eq!((report.figures.events, report.figures.abandoned), (2, 1));
///     assert_eq!(store.query(&question.timeline(&report))?.count(), 2);
/// }
/// assert_eq!(store.ask(&analysis::Session::new("nobody"))?, None);
/// # Ok::<(), diurnal::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Session {
    /// The session's id.
    pub id: String,
    /// Which of its events are seen; all unless given.
    #[serde(default)]
    pub filter: Filter,
    /// What its figures mean.
    #[serde(default)]
    pub settings: SessionSettings,
}

impl Session {
    /// The session of this id.
    #[must_use]
    pub fn new(id: impl ToString) -> Self {
        let (filter, settings) = (Filter::All, SessionSettings::default());
        Self { id: id.to_string(), filter, settings }
    }

    filter_method!();

    /// What the figures mean.
    #[must_use]
    pub fn settings(mut self, settings: SessionSettings) -> Self {
        self.settings = settings;
        self
    }

    /// The query for the events that an answer to this question is made of, oldest first.
    #[must_use]
    pub fn timeline(&self, report: &SessionReport) -> Query {
        let SessionFigures { first, last, events, .. } = report.figures;
        let after = Timestamp::from_micros(last.as_micros().saturating_add(1));
        let query = Query::from(self.events()).between(first, after);
        if events == 0 { query.limit(0) } else { query }
    }

    fn events(&self) -> Filter {
        Filter::session(&self.id).and(self.filter.clone())
    }
}

/// How a session went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SessionReport {
    /// In figures.
    #[serde(flatten)]
    pub figures: SessionFigures,
    /// How many events of each type, the most frequent first, ties by type.
    pub by_type: Vec<Count>,
    /// The tags that were chosen, the longest heard first, ties by tag.
    pub tags: Vec<TagHeard>,
    /// The spread of client time minus server time, in microseconds, of the client times that
    /// [`SessionFigures::skew_micros`] is the median of; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skew: Option<Quantiles<i64>>,
}

/// A tag that a session chose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TagHeard {
    /// The tag.
    pub tag: String,
    /// `modify_stream` events that hold it.
    pub choices: u64,
    /// How long it was heard; tags of one choice are heard at once.
    pub listening_micros: i64,
}

impl sealed::Answered for Session {
    type Answer = Option<SessionReport>;

    fn answer(&self, moment: &Moment<'_>) -> Result<Option<SessionReport>> {
        let mut words = Words::default();
        let mut by_type: Vec<u64> = Vec::new();
        let filter = self.events();
        let read = |row: &Row<'_>| add(&mut by_type, row.event_type);
        let tracker = Tracker::read(moment.snapshot, &filter, &self.settings, &mut words, read)?;
        let skew = Quantiles::of(tracker.readings().to_vec(), i64::cmp);
        let (mut figures, listening) = tracker.finish(&words);
        let Some(figures) = figures.pop() else { return Ok(None) };
        let by_type = counts(&words.types, &by_type);
        let tags = tags_heard(&listening, &words.tags);
        Ok(Some(SessionReport { figures, by_type, tags, skew }))
    }
}

fn add(counts: &mut Vec<u64>, symbol: Symbol) {
    if counts.len() <= symbol.index() {
        counts.resize(symbol.index() + 1, 0);
    }
    counts[symbol.index()] += 1;
}

/// Counts by number, with their words, the largest first.
fn counts(symbols: &Symbols, by_number: &[u64]) -> Vec<Count> {
    let found = symbols.all().zip(by_number).filter(|(_, count)| **count > 0);
    let count = |(symbol, count): (Symbol, &u64)| Count {
        key: symbols.word(symbol).to_owned(),
        count: *count,
    };
    let mut counts: Vec<Count> = found.map(count).collect();
    counts.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.key.cmp(&b.key)));
    counts
}

fn tags_heard(listening: &Listening, symbols: &Symbols) -> Vec<TagHeard> {
    let heard = symbols.all().map(|symbol| (symbol, listening.tally(symbol)));
    let chosen = heard.filter(|(_, tally)| tally.events > 0);
    let mut tags: Vec<TagHeard> = chosen
        .map(|(symbol, tally)| TagHeard {
            tag: symbols.word(symbol).to_owned(),
            choices: tally.events,
            listening_micros: tally.micros,
        })
        .collect();
    tags.sort_by(|a, b| {
        b.listening_micros.cmp(&a.listening_micros).then_with(|| a.tag.cmp(&b.tag))
    });
    tags
}
