//! What do people want to hear?
//!
//! Owns: the question, and which tags were chosen together. Does not own what a choice is and for how long it
//! is heard (`listening`), which is the same as in the figures of a session.
//!
//! Tags are *together* where one choice holds both. With a thousand tags there are half a million pairs, so
//! pairs are counted in a second scan, of choices alone, between the tags that are listed and the [`POOL`]
//! most chosen.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::analysis::builder::{filter_method, limit_method, new_method};
use crate::analysis::gap;
use crate::analysis::listening::{self, Heard, Listening, TagTally};
use crate::analysis::meaning::{Meaning, Meanings, types_of};
use crate::analysis::{Moment, micros_of, sealed};
use crate::codec::columns::ColumnKind;
use crate::error::{Error, Result};
use crate::query::scan::{Row, Symbol, Words, scan};
use crate::query::{Count, Filter, aggregate};
use crate::time::Timestamp;

/// Tags among which others are looked for.
const POOL: usize = 1_000;

/// Tags in an answer at most: each has a row of counts while pairs are counted.
const LIMIT_MAX: u64 = 10_000;

/// Tags in an answer unless given.
const LIMIT: u64 = 100;

/// Tags beside one, unless given.
const TOGETHER: u64 = 5;

/// The types that begin, end, interrupt or choose what is heard.
const STREAM: [Meaning; 5] = [
    Meaning::StartStream,
    Meaning::StopStream,
    Meaning::PauseStream,
    Meaning::ModifyStream,
    Meaning::CleanupSession,
];

/// What do people want to hear? Each tag that was chosen, by a `modify_stream` event, for how long it was
/// heard, and with which others.
///
/// It is heard from the choice to the next `modify_stream`, or to the end of the stream or of the session,
/// pauses left out, and of a silence for the listening gap at most: a client that went away without a word is not
/// taken to listen until its session is cleared away, days later. What the filter leaves out is not seen: a filter by type must let the ends through.
///
/// Costs the reading of all rows, those of choices twice; without a listening gap that of the rows that begin,
/// end or choose, and the index of sessions. Memory is some 100 bytes a session, some 16 for each pair of
/// a session and a tag that it chose, and 8 KB for each tag listed.
///
/// ```
/// use diurnal::{NewEvent, Store, analysis};
///
/// let store = Store::in_memory()?;
/// let at = |time: &str| NewEvent::new(1, "modify_stream").server_time(time.parse().unwrap());
/// store.log_event(at("2026-11-23T10:00:00Z").tags([3, 8]))?;
/// store.log_event(at("2026-11-23T10:01:00Z").tags([3]))?;
/// let tags = store.ask(&analysis::Tags::new())?.tags;
/// assert_eq!((tags[0].tag.as_str(), tags[0].choices), ("3", 2));
/// assert_eq!(tags[1].listening_micros, 60_000_000);
/// assert_eq!(tags[1].together[0].key, "3");
/// # Ok::<(), diurnal::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Tags {
    /// Which events are seen; all unless given.
    pub filter: Filter,
    /// How much of a session's silence counts as listening at most, in microseconds, at least one; those of 5
    /// minutes unless given, some missed heartbeats. With `None` (`null`) every silence counts, however long.
    pub listening_gap_micros: Option<u64>,
    /// By which figure tags are listed, the greatest first; by choices unless given. Ties are by tag.
    pub sort: TagSort,
    /// At most so many tags are listed: 1 to 10,000, 100 unless given.
    pub limit: u64,
    /// At most so many tags are named beside each: 0 to 1,000, 5 unless given.
    pub together: u64,
}

impl Default for Tags {
    fn default() -> Self {
        Self {
            filter: Filter::All,
            listening_gap_micros: Some(listening::GAP_MICROS),
            sort: TagSort::Choices,
            limit: LIMIT,
            together: TOGETHER,
        }
    }
}

/// A figure by which tags are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TagSort {
    /// The number of choices.
    #[default]
    Choices,
    /// The number of sessions.
    Sessions,
    /// The time of listening.
    Listening,
}

impl Tags {
    new_method!();

    filter_method!();

    /// How much of a silence counts as listening at most; all of it with `None`.
    #[must_use]
    pub fn listening_gap(mut self, gap: impl Into<Option<Duration>>) -> Self {
        self.listening_gap_micros = gap.into().map(micros_of);
        self
    }

    /// Listed by this figure.
    #[must_use]
    pub fn sort(mut self, sort: TagSort) -> Self {
        self.sort = sort;
        self
    }

    limit_method!("At most so many tags.");

    /// At most so many tags beside each.
    #[must_use]
    pub fn together(mut self, tags: u64) -> Self {
        self.together = tags;
        self
    }

    fn validate(&self) -> Result<()> {
        self.filter.validate()?;
        gap::check("listening_gap", self.listening_gap_micros)?;
        if !(1..=LIMIT_MAX).contains(&self.limit) {
            let rule = format!("must be 1 to {LIMIT_MAX}");
            return Err(Error::invalid("limit", rule, self.limit));
        }
        if self.together > POOL as u64 {
            return Err(Error::invalid("together", format!("must be 0 to {POOL}"), self.together));
        }
        Ok(())
    }
}

/// What people want to hear.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TagsReport {
    /// `modify_stream` events.
    pub choices: u64,
    /// Sessions that have one.
    pub sessions: u64,
    /// For how long sessions heard any tag chosen.
    pub listening_micros: i64,
    /// Different tags chosen.
    pub tags_chosen: u64,
    /// The tags, at most as many as asked for.
    pub tags: Vec<TagFigures>,
}

/// A tag in figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TagFigures {
    /// The tag.
    pub tag: String,
    /// `modify_stream` events that hold it.
    pub choices: u64,
    /// Sessions with such an event.
    pub sessions: u64,
    /// For how long sessions heard it; tags of one choice are heard at once.
    pub listening_micros: i64,
    /// Other tags of the same `modify_stream` events, and in how many, the most frequent first, ties by tag.
    /// They are looked for among the 1,000 most chosen.
    pub together: Vec<Count>,
}

impl sealed::Answered for Tags {
    type Answer = TagsReport;

    fn answer(&self, moment: &Moment<'_>) -> Result<TagsReport> {
        self.validate()?;
        let mut words = Words::default();
        let (listening, sessions) = self.listen(moment, &mut words)?;
        let mut chosen: Vec<(Symbol, TagTally)> = words
            .tags
            .all()
            .map(|tag| (tag, listening.tally(tag)))
            .filter(|(_, tally)| tally.events > 0)
            .collect();
        let tags_chosen = chosen.len() as u64;
        let tag = |symbol: Symbol| words.tags.word(symbol);
        chosen.sort_unstable_by(|a, b| b.1.events.cmp(&a.1.events).then(tag(a.0).cmp(tag(b.0))));
        let pool: Vec<Symbol> = chosen.iter().take(POOL).map(|(tag, _)| *tag).collect();
        chosen.sort_by(|a, b| {
            self.figure(&b.1).cmp(&self.figure(&a.1)).then_with(|| tag(a.0).cmp(tag(b.0)))
        });
        chosen.truncate(usize::try_from(self.limit).unwrap_or(usize::MAX));
        let listed: Vec<Symbol> = chosen.iter().map(|(tag, _)| *tag).collect();
        let pairs = match self.together {
            0 => Pairs::default(),
            _ => Pairs::count(moment, &self.filter, listed, pool, &mut words)?,
        };
        Ok(TagsReport {
            choices: sessions.iter().map(|heard| heard.choices).sum(),
            sessions: sessions.iter().filter(|heard| heard.choices > 0).count() as u64,
            listening_micros: sessions.iter().map(|it| it.micros).fold(0, i64::saturating_add),
            tags_chosen,
            tags: chosen
                .into_iter()
                .enumerate()
                .map(|(line, (symbol, tally))| TagFigures {
                    tag: words.tags.word(symbol).to_owned(),
                    choices: tally.events,
                    sessions: tally.sessions,
                    listening_micros: tally.micros,
                    together: pairs.beside(line, self.together, &words),
                })
                .collect(),
        })
    }
}

impl Tags {
    fn figure(&self, tally: &TagTally) -> u64 {
        match self.sort {
            TagSort::Choices => tally.events,
            TagSort::Sessions => tally.sessions,
            // Never below 0.
            TagSort::Listening => tally.micros.unsigned_abs(),
        }
    }

    /// What every session heard, to its end.
    fn listen(&self, moment: &Moment<'_>, words: &mut Words) -> Result<(Listening, Vec<Heard>)> {
        let meanings = Meanings::new(words);
        let mut listening = Listening::new(self.listening_gap_micros);
        let mut sessions: Vec<Heard> = Vec::new();
        let mut last: Vec<Timestamp> = Vec::new();
        let filter = match self.listening_gap_micros {
            // Silences lie between any two events.
            Some(_) => self.filter.clone(),
            None => {
                self.filter.clone().and(Filter::event_types(STREAM.into_iter().flat_map(types_of)))
            }
        };
        scan(moment.snapshot, &filter, &[ColumnKind::Tags], words, |row| {
            let number = row.session.index();
            if sessions.len() <= number {
                sessions.resize_with(number + 1, Heard::default);
                last.resize(number + 1, Timestamp::MIN);
            }
            last[number] = row.server_time;
            listening.see(&mut sessions[number], row, meanings.of(row.event_type));
            Ok(())
        })?;
        if self.listening_gap_micros.is_none() {
            // Where a session ends is where its last event of any type is.
            for summary in aggregate::sessions(moment.snapshot, &self.filter)? {
                let number = words.sessions.find(&summary.id).map(Symbol::index);
                if let Some(last) = number.and_then(|number| last.get_mut(number)) {
                    *last = summary.last_seen;
                }
            }
        }
        for (heard, last) in sessions.iter_mut().zip(last) {
            listening.end(heard, last);
        }
        Ok((listening, sessions))
    }
}

/// How often the tags that are listed were chosen with others.
#[derive(Debug, Default)]
struct Pairs {
    listed: Vec<Symbol>,
    /// The tags looked for.
    pool: Vec<Symbol>,
    /// For each tag listed, a count for each of those.
    counts: Vec<Vec<u64>>,
}

/// Where a tag stands among those listed and those looked for; `None` where it does not.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    line: Option<usize>,
    column: Option<usize>,
}

impl Pairs {
    fn count(
        moment: &Moment<'_>,
        filter: &Filter,
        listed: Vec<Symbol>,
        pool: Vec<Symbol>,
        words: &mut Words,
    ) -> Result<Self> {
        let mut places = vec![Place::default(); words.tags.len()];
        for (line, tag) in listed.iter().enumerate() {
            places[tag.index()].line = Some(line);
        }
        for (column, tag) in pool.iter().enumerate() {
            places[tag.index()].column = Some(column);
        }
        let counts = vec![vec![0; pool.len()]; listed.len()];
        let mut pairs = Self { listed, pool, counts };
        let choices = Filter::event_types(types_of(Meaning::ModifyStream));
        let filter = filter.clone().and(choices);
        let mut tags: Vec<Symbol> = Vec::new();
        scan(moment.snapshot, &filter, &[ColumnKind::Tags], words, |row| {
            pairs.add(row, &places, &mut tags);
            Ok(())
        })?;
        Ok(pairs)
    }

    fn add(&mut self, row: &Row<'_>, places: &[Place], tags: &mut Vec<Symbol>) {
        tags.clear();
        tags.extend(row.tags());
        tags.sort_unstable();
        tags.dedup();
        let place = |tag: &Symbol| places.get(tag.index()).copied().unwrap_or_default();
        for line in tags.iter().filter_map(|tag| place(tag).line) {
            let counts = &mut self.counts[line];
            for column in tags.iter().filter_map(|tag| place(tag).column) {
                counts[column] += 1;
            }
        }
    }

    /// The tags most often beside the one on a line.
    fn beside(&self, line: usize, limit: u64, words: &Words) -> Vec<Count> {
        let Some((own, counts)) = self.listed.get(line).zip(self.counts.get(line)) else {
            return Vec::new();
        };
        let all = self.pool.iter().zip(counts);
        let all = all.filter(|(tag, count)| *tag != own && **count > 0);
        let mut found: Vec<(&str, u64)> =
            all.map(|(tag, count)| (words.tags.word(*tag), *count)).collect();
        found.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        let found = found.into_iter().take(usize::try_from(limit).unwrap_or(usize::MAX));
        found.map(|(tag, count)| Count { key: tag.to_owned(), count }).collect()
    }
}
