//! Which kiosk fell silent?
//!
//! Owns: [`Silence`], the sessions or devices whose heartbeats have stopped, and since when.
//!
//! - A *source* is a session, or, with the setting `by_tag`, a device: a tag that opens with a prefix. An event
//!   is of the devices that its own tags name; without such a tag it is of the one that its session named
//!   last, where it did.
//! - A *heartbeat* is an event of the types in question: `heartbeat`, unless the setting `heartbeat_types` names
//!   others that clients send by themselves.
//! - A source is *silent since* its last heartbeat where that is more than the setting `after` before now. One
//!   without any heartbeat is not judged, and counted apart.
//! - A source that has *ended* is not silent: a `cleanup_session`, or a `stop_stream` or another word for it (no pause), came
//!   after which there was no heartbeat, `start_session` or `start_stream`. With the setting `ended` such ones
//!   are listed as well: a kiosk that should never end has fallen silent, however well it said good-bye.
//! - *Now* is the newest event of the store, of whatever source, unless a setting says otherwise. The clock of
//!   the computer is not asked. Later events are left out. One event that a wrong clock has dated far ahead
//!   makes every other source silent: the setting `at` helps.
//!
//! Bounds: 48 bytes a source, and 4 a session where sources are devices.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::analysis::builder::{filter_method, limit_method, new_method};
use crate::analysis::delays::micros_between;
use crate::analysis::meaning::{Meaning, Meanings, types_of};
use crate::analysis::sealed::Answered;
use crate::analysis::{LIMIT, Moment, micros_of, places, until};
use crate::codec::columns::ColumnKind;
use crate::error::Result;
use crate::event::check_name;
use crate::limits::TAG_BYTES_MAX;
use crate::query::aggregate::count_by;
use crate::query::scan::{Row, Symbol, Words, scan};
use crate::query::{Filter, GroupBy};
use crate::time::{SECOND, Timestamp};

/// Which kiosk fell silent? Asks for the sessions, or the devices that tags name, whose heartbeats have
/// stopped, and since when; see [`Store::ask`](crate::Store::ask).
///
/// ```
/// use diurnal::analysis::Silence;
/// use diurnal::{NewEvent, Store, Timestamp};
///
/// let store = Store::in_memory()?;
/// let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
/// store.log_events([
///     NewEvent::new(1, "heartbeat").tag("kiosk:lobby").server_time(at(0)),
///     NewEvent::new(2, "heartbeat").tag("kiosk:stairs").server_time(at(3_600)),
/// ])?;
/// let answer = store.ask(&Silence::new().by_tag("kiosk:"))?;
/// assert_eq!(answer.silent, 1);
/// assert_eq!((answer.list[0].id.as_str(), answer.list[0].since), ("kiosk:lobby", at(0)));
/// # Ok::<(), diurnal::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Silence {
    /// Which events; by default all.
    pub filter: Filter,
    /// Microseconds without a heartbeat that are not silence yet; by default those of 10 minutes.
    pub after_micros: u64,
    /// What tags that name a device open with, 1 to 64 bytes; by default sources are sessions.
    pub by_tag: Option<String>,
    /// The event types that are heartbeats; by default `heartbeat`.
    pub heartbeat_types: Vec<String>,
    /// Now; by default the server time of the store's newest event.
    pub at: Option<Timestamp>,
    /// Whether those that have ended are listed as well; by default not.
    pub ended: bool,
    /// How many sources are listed; by default 100.
    pub limit: u64,
}

impl Default for Silence {
    fn default() -> Self {
        Self {
            filter: Filter::All,
            after_micros: 600 * SECOND.unsigned_abs(),
            by_tag: None,
            heartbeat_types: types_of(Meaning::Heartbeat).map(str::to_owned).collect(),
            at: None,
            ended: false,
            limit: LIMIT,
        }
    }
}

impl Silence {
    new_method!();

    filter_method!();

    /// A longer pause up to now is silence.
    #[must_use]
    pub fn after(mut self, after: Duration) -> Self {
        self.after_micros = micros_of(after);
        self
    }

    /// Of devices: tags that open with this.
    #[must_use]
    pub fn by_tag(mut self, prefix: impl Into<String>) -> Self {
        self.by_tag = Some(prefix.into());
        self
    }

    /// The event types that are heartbeats, in place of the default.
    #[must_use]
    pub fn heartbeat_types<T: ToString>(mut self, types: impl IntoIterator<Item = T>) -> Self {
        self.heartbeat_types = types.into_iter().map(|name| name.to_string()).collect();
        self
    }

    /// What now is; later events are left out.
    #[must_use]
    pub fn at(mut self, now: Timestamp) -> Self {
        self.at = Some(now);
        self
    }

    /// Whether those that have ended are listed as well.
    #[must_use]
    pub fn ended(mut self, ended: bool) -> Self {
        self.ended = ended;
        self
    }

    limit_method!("How many sources are listed.");
}

/// What [`Silence`] found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SilenceReport {
    /// Now; `None` in an empty store.
    pub at: Option<Timestamp>,
    /// Sources with a heartbeat.
    pub sources: u64,
    /// Sources without one, which cannot fall silent.
    pub without_heartbeat: u64,
    /// Of those with one, the silent: listed or not.
    pub silent: u64,
    /// The silent, those that fell silent last first, then by id; no more than the limit.
    pub list: Vec<Silent>,
}

/// A source that is silent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Silent {
    /// The session's id, or the tag.
    pub id: String,
    /// The server time of its last heartbeat.
    pub since: Timestamp,
    /// Microseconds from then to now.
    pub silent_micros: u64,
    /// The server time of its last event.
    pub last: Timestamp,
    /// The type of its last event.
    pub last_type: String,
    /// Whether it has ended.
    pub ended: bool,
}

impl Answered for Silence {
    type Answer = SilenceReport;

    fn answer(&self, moment: &Moment<'_>) -> Result<SilenceReport> {
        if let Some(prefix) = &self.by_tag {
            check_name("by_tag", prefix, TAG_BYTES_MAX)?;
        }
        let mut words = Words::default();
        let mut walk = Walk::new(&self.heartbeat_types, &mut words);
        let Some(now) = moment.now(self.at)? else { return Ok(walk.report(self, None, &words)) };
        let filter = until(&self.filter, now);
        let Some(prefix) = &self.by_tag else {
            scan(moment.snapshot, &filter, &[], &mut words, |row| {
                walk.note(row.session, row);
                Ok(())
            })?;
            return Ok(walk.report(self, Some(now), &words));
        };
        // Devices are numbered before any other tag is.
        let tags = count_by(moment.snapshot, &filter, GroupBy::Tag)?;
        tags.iter().map(|tag| &tag.key).filter(|tag| tag.starts_with(prefix)).for_each(|tag| {
            words.tags.intern(tag);
        });
        let devices = words.tags.len();
        let mut named: Vec<Option<Symbol>> = Vec::new();
        scan(moment.snapshot, &filter, &[ColumnKind::Tags], &mut words, |row| {
            let session = row.session.index();
            if session >= named.len() {
                named.resize(session + 1, None);
            }
            let mut own = row.tags().filter(|tag| tag.index() < devices).peekable();
            match (own.peek(), named[session]) {
                (None, Some(device)) => walk.note(device, row),
                _ => own.for_each(|device| {
                    named[session] = Some(device);
                    walk.note(device, row);
                }),
            }
            Ok(())
        })?;
        Ok(walk.report(self, Some(now), &words))
    }
}

/// What is known midway.
struct Walk {
    meanings: Meanings,
    /// By type, whether it is a heartbeat.
    heartbeats: Vec<bool>,
    /// By the number of a session or tag.
    sources: Vec<Option<Source>>,
}

#[derive(Clone, Copy)]
struct Source {
    heartbeat: Option<Timestamp>,
    ended: bool,
    last: (Timestamp, Symbol),
}

impl Walk {
    fn new(heartbeat_types: &[String], words: &mut Words) -> Self {
        let meanings = Meanings::new(words);
        let places: Vec<_> =
            heartbeat_types.iter().map(|name| words.types.intern(name).index()).collect();
        let mut heartbeats = vec![false; words.types.len()];
        places.into_iter().for_each(|place| heartbeats[place] = true);
        Self { meanings, heartbeats, sources: Vec::new() }
    }

    fn note(&mut self, source: Symbol, row: &Row<'_>) {
        if source.index() >= self.sources.len() {
            self.sources.resize(source.index() + 1, None);
        }
        let last = (row.server_time, row.event_type);
        let unheard = Source { heartbeat: None, ended: false, last };
        let source = self.sources[source.index()].get_or_insert(unheard);
        source.last = last;
        if self.heartbeats.get(row.event_type.index()).is_some_and(|is| *is) {
            source.heartbeat = Some(row.server_time);
            source.ended = false;
        }
        match self.meanings.of(row.event_type) {
            Meaning::StartSession | Meaning::StartStream => source.ended = false,
            Meaning::CleanupSession | Meaning::StopStream => source.ended = true,
            _ => {}
        }
    }

    fn report(self, question: &Silence, at: Option<Timestamp>, words: &Words) -> SilenceReport {
        let ids = if question.by_tag.is_some() { &words.tags } else { &words.sessions };
        let mut report =
            SilenceReport { at, sources: 0, without_heartbeat: 0, silent: 0, list: Vec::new() };
        let mut silent = Vec::new();
        for (number, source) in self.sources.into_iter().enumerate() {
            let Some(source) = source else { continue };
            let (Some(since), Some(now)) = (source.heartbeat, at) else {
                report.without_heartbeat += 1;
                continue;
            };
            report.sources += 1;
            let pause = micros_between(since, now);
            if pause > question.after_micros && (question.ended || !source.ended) {
                silent.push((since, ids.word_at(number), pause, source));
            }
        }
        report.silent = silent.len() as u64;
        silent.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(b.1)));
        silent.truncate(places(question.limit));
        let listed = silent.into_iter().map(|(since, id, silent_micros, source)| Silent {
            id: id.to_owned(),
            since,
            silent_micros,
            last: source.last.0,
            last_type: words.types.word(source.last.1).to_owned(),
            ended: source.ended,
        });
        report.list = listed.collect();
        report
    }
}
