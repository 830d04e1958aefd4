//! The store: what a program links against.
//!
//! Owns: [`Store`], [`StoreInfo`]: the public calls, wired to the floors below, and those
//! that allow [`gaps`]. No logic.

mod gaps;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::builder::StoreBuilder;
#[cfg(feature = "http")]
use crate::clock::{Clock, SystemClock};
use crate::day::file::FORMAT_VERSION;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, EventId, NewEvent};
use crate::query::aggregate::{self, Explain, SessionSummary};
use crate::query::rows::{self, EventIds, Events};
use crate::query::{Count, Filter, GroupBy, Query};
use crate::settings::Retention;
use crate::snapshot::{Known, Shelf, Snapshot};
use crate::subscription::{Start, Subscription};
use crate::time::{Day, Timestamp};
use crate::upkeep::backup::identity::{self, Identity};
use crate::upkeep::backup::{self, BackupReport};
use crate::upkeep::check::{self, CheckReport};
use crate::upkeep::erase::{self, ErasureReport};
use crate::upkeep::progress::{Meter, Progress};
use crate::upkeep::rebuild::{self, RebuildReport};
use crate::upkeep::retention::{self, DayInfo, PruneReport, Trigger};
use crate::writer::Writer;

pub use gaps::AllowGaps;

/// How often a question is asked while days are dropped under it.
const ASK_ATTEMPTS: usize = 16;

/// A store of events in a directory.
///
/// A clone is the same store. Any number of threads may log and query at once. The store is closed
/// when the last clone is dropped, or by [`Store::close`], which tells what went wrong.
///
/// ```
/// use diurnal::{Filter, NewEvent, Store};
///
/// let store = Store::in_memory()?;
/// store.log_event(NewEvent::new(1, "start_session"))?;
/// store.log_event(NewEvent::new(1, "modify_stream").tags([3, 8]))?;
/// assert_eq!(store.count(&Filter::tag(8))?, 1);
/// # Ok::<(), diurnal::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Store {
    mode: Arc<Mode>,
    path: Option<PathBuf>,
}

#[derive(Debug)]
enum Mode {
    Writing(Arc<Writer>),
    /// Beside a writer that may be another process; with the sealed days known so far.
    Reading(Arc<Shelf>, Mutex<Arc<Known>>),
}

/// A store in a few figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StoreInfo {
    /// Its directory; absent for a store in memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Events of all days.
    pub events: u64,
    /// Days with events.
    pub days: u64,
    /// The first of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_day: Option<Day>,
    /// The last of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_day: Option<Day>,
    /// Bytes of the days' files.
    pub bytes: u64,
    /// The version of the format that this diurnal writes.
    pub format_version: u32,
    /// Commits of events that this handle has made, each with one wait for the disk; absent where
    /// the store was opened for reading only. Threads that log at once share them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commits: Option<u64>,
    /// Whether an erasure has begun that is not done: opening the store for writing ends it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub erasure_pending: bool,
}

impl Store {
    /// Opens a store for writing with the default settings, made where absent.
    ///
    /// # Errors
    ///
    /// `Locked` where another process or handle writes to it, `Version` where a newer diurnal made
    /// it, `Io` where the directory cannot be used. A damaged day is no error here: the call that
    /// touches it names it.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        StoreBuilder::default().open(path)
    }

    /// Opens a store that exists, to read it beside a writer: each query sees what is committed.
    ///
    /// # Errors
    ///
    /// `NotFound` where there is no store, `Locked` at the first query where the writer does not
    /// share.
    pub fn open_read_only(path: impl AsRef<Path>) -> Result<Self> {
        StoreBuilder::default().open_read_only(path)
    }

    /// A store in memory, gone with the process: for tests. It runs the same code.
    ///
    /// # Errors
    ///
    /// None that is known.
    pub fn in_memory() -> Result<Self> {
        StoreBuilder::default().in_memory()
    }

    /// A store with other settings.
    pub fn builder() -> StoreBuilder {
        StoreBuilder::default()
    }

    pub(crate) fn writing(writer: Arc<Writer>, path: Option<PathBuf>) -> Self {
        Self { mode: Arc::new(Mode::Writing(writer)), path }
    }

    pub(crate) fn reading(shelf: Arc<Shelf>, path: Option<PathBuf>) -> Self {
        let known = Mutex::new(Arc::new(Known::new()));
        Self { mode: Arc::new(Mode::Reading(shelf, known)), path }
    }

    fn writer(&self) -> Result<&Arc<Writer>> {
        match &*self.mode {
            Mode::Writing(writer) => Ok(writer),
            Mode::Reading(..) => {
                Err(Error::new(ErrorKind::ReadOnly, "the store was opened for reading only"))
            }
        }
    }

    fn snapshot(&self) -> Result<Snapshot> {
        match &*self.mode {
            Mode::Writing(writer) => writer.snapshot(),
            Mode::Reading(shelf, known) => {
                let before = known.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let snapshot = Snapshot::beside(shelf, &before)?;
                let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
                known.clone_from(&snapshot.sealed);
                Ok(snapshot)
            }
        }
    }

    /// What is durable by now, whatever waits to be written.
    pub(crate) fn committed(&self) -> Result<Snapshot> {
        match &*self.mode {
            Mode::Writing(writer) => writer.days.snapshot(Vec::new),
            Mode::Reading(..) => self.snapshot(),
        }
    }

    /// Who writes: this process, or maybe another one to this directory.
    pub(crate) fn origin(&self) -> Result<&Arc<Writer>, &Arc<Shelf>> {
        match &*self.mode {
            Mode::Writing(writer) => Ok(writer),
            Mode::Reading(shelf, _) => Err(shelf),
        }
    }

    /// The directory; `None` for a store in memory.
    #[cfg(feature = "http")]
    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The time by the store's clock.
    #[cfg(feature = "http")]
    pub(crate) fn now(&self) -> Timestamp {
        self.writer().map_or_else(|_| SystemClock.now(), |writer| writer.now())
    }

    /// Asks the days as they are now, and once more where one of them was dropped meanwhile.
    pub(crate) fn answer<T>(&self, mut question: impl FnMut(&Snapshot) -> Result<T>) -> Result<T> {
        let mut attempt = 1;
        loop {
            let snapshot = self.snapshot()?;
            match question(&snapshot) {
                Err(error) if error.kind() == ErrorKind::NotFound && attempt < ASK_ATTEMPTS => {
                    error.day().into_iter().for_each(|day| snapshot.shelf.cache.forget(day));
                    attempt += 1;
                }
                answer => return answer,
            }
        }
    }

    /// Logs an event; its id. With `Durability::Sync` it is safe when this returns.
    ///
    /// # Errors
    ///
    /// `InvalidInput` where the event breaks a rule, `DiskFull` where nothing was written for want of
    /// space, `OutcomeUnknown` where a write failed and may have happened ([`Error::event_ids`] tells how to
    /// find out), `Poisoned` after either of a commit, `ReadOnly`.
    pub fn log_event(&self, event: NewEvent) -> Result<EventId> {
        let ids = self.writer()?.log(vec![event])?;
        ids.first().copied().ok_or_else(|| Error::not_found("the event got no id"))
    }

    /// Logs events; their ids, in the order given. The events of one day are all logged or none is.
    ///
    /// # Errors
    ///
    /// As [`Store::log_event`]; where an event breaks a rule nothing is logged, and the message names
    /// its place in the batch, from 0. Where a later day of the batch fails, [`Error::event_ids`] has
    /// the events of the days before it.
    pub fn log_events(&self, events: impl IntoIterator<Item = NewEvent>) -> Result<Vec<EventId>> {
        self.writer()?.log(events.into_iter().collect())
    }

    /// Checks an event against the rules without logging it.
    ///
    /// # Errors
    ///
    /// `InvalidInput` where it breaks one, `ReadOnly`.
    pub fn validate(&self, event: &NewEvent) -> Result<()> {
        self.writer()?.validate(event)
    }

    /// The id of an event that has the same server time and is equal in every other field; `None` where
    /// there is none. It tells what became of a call whose outcome is unknown, and what an import
    /// that is run again has logged already.
    ///
    /// # Errors
    ///
    /// As [`Store::query`]; `InvalidInput` where the event has no server time.
    pub fn find(&self, event: &NewEvent) -> Result<Option<EventId>> {
        let Some(from) = event.server_time else {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "server_time: must be given, since it tells an event from others like it",
            ));
        };
        let to = Timestamp::from_micros(from.as_micros().saturating_add(1));
        let query = Query::from(Filter::session(&event.session_id)).between(from, to);
        for found in self.query(&query)? {
            let found = found?;
            let id = found.id;
            if NewEvent::from(found) == *event {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    /// Makes every event that was accepted durable.
    ///
    /// # Errors
    ///
    /// As [`Store::log_event`].
    pub fn flush(&self) -> Result<()> {
        self.writer()?.flush()
    }

    /// Makes every event durable, finishes days that are over and closes every file. Other clones
    /// accept nothing more.
    ///
    /// # Errors
    ///
    /// As [`Store::log_event`].
    pub fn close(self) -> Result<()> {
        match &*self.mode {
            Mode::Writing(writer) => writer.close(),
            Mode::Reading(..) => Ok(()),
        }
    }

    /// The events that match, in order, read as they are asked for.
    ///
    /// Costs a bitmap operation per condition, day and 65,536 events, and the decoding of the blocks
    /// that hold matches; memory is bounded whatever the result.
    ///
    /// # Errors
    ///
    /// `InvalidInput` where the filter breaks a limit; `Corrupt`, from here or from the iterator, where a
    /// day that is touched is damaged.
    pub fn query(&self, query: &Query) -> Result<Events> {
        Events::new(self.snapshot()?, query)
    }

    /// The ids of the events that match, in order, without decoding the events.
    ///
    /// # Errors
    ///
    /// As [`Store::query`].
    pub fn ids(&self, query: &Query) -> Result<EventIds> {
        EventIds::new(self.snapshot()?, query)
    }

    /// The event of this id; `None` where there is none. Costs the decoding of one block.
    ///
    /// # Errors
    ///
    /// As [`Store::query`].
    pub fn event(&self, id: EventId) -> Result<Option<Event>> {
        self.answer(|snapshot| rows::event(snapshot, id))
    }

    /// How many events match.
    ///
    /// # Errors
    ///
    /// As [`Store::query`].
    pub fn count(&self, filter: &Filter) -> Result<u64> {
        self.answer(|snapshot| aggregate::count(snapshot, filter))
    }

    /// How many events match for each session, type or tag, the largest count first and ties by key;
    /// or for each stretch of time that has any, in order of time.
    ///
    /// # Errors
    ///
    /// As [`Store::query`]; `InvalidInput` for a bucket of no length.
    pub fn count_by(&self, filter: &Filter, by: GroupBy) -> Result<Vec<Count>> {
        self.answer(|snapshot| aggregate::count_by(snapshot, filter, by))
    }

    /// The matching events that are logged from now on, by whichever thread or process: at least once
    /// each, once they are durable, in order of arrival within each day.
    ///
    /// ```
    /// use std::time::Duration;
    /// use diurnal::{Filter, NewEvent, Store};
    ///
    /// let store = Store::in_memory()?;
    /// let mut subscription = store.subscribe(&Filter::event_type("client_error"))?;
    /// store.log_event(NewEvent::new(1, "heartbeat"))?;
    /// store.log_event(NewEvent::new(1, "client_error").data("no fix"))?;
    /// let batch = subscription.next_batch(Duration::from_secs(10))?;
    /// assert_eq!(batch.events[0].data.as_deref(), Some("no fix"));
    /// # Ok::<(), diurnal::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Store::subscribe_from`].
    pub fn subscribe(&self, filter: &Filter) -> Result<Subscription> {
        self.subscribe_from(filter, &Start::Now)
    }

    /// As [`Store::subscribe`], from another start: from the beginning, or where another subscription has
    /// come to. Costs a look at the days; from now, the decoding of a block in each of at most 48.
    ///
    /// # Errors
    ///
    /// `InvalidInput` where the filter breaks a limit, `Locked` where another process writes and does not
    /// share, `Io`. A damaged day is no error here: [`Subscription::next_batch`] names it.
    pub fn subscribe_from(&self, filter: &Filter, start: &Start) -> Result<Subscription> {
        Subscription::new(self.clone(), filter, start)
    }

    /// The same questions, answered from the days that can be read, with a list of those that cannot:
    /// by default a day that is damaged or missing and that a question touches is an error.
    ///
    /// ```
    /// use diurnal::{Filter, NewEvent, Store};
    ///
    /// let store = Store::in_memory()?;
    /// store.log_event(NewEvent::new(1, "heartbeat"))?;
    /// let count = store.allow_gaps().count(&Filter::All)?;
    /// assert_eq!((count.found, count.gaps.len()), (1, 0));
    /// # Ok::<(), diurnal::Error>(())
    /// ```
    #[must_use]
    pub fn allow_gaps(&self) -> AllowGaps<'_> {
        AllowGaps(self)
    }

    /// How a query's filter is answered: days, blocks, and events left after each condition.
    ///
    /// # Errors
    ///
    /// As [`Store::query`].
    pub fn explain(&self, query: &Query) -> Result<Explain> {
        self.answer(|snapshot| aggregate::explain(snapshot, &query.filter))
    }

    /// One line for each session that has a matching event, in order of its first one, then of its
    /// id. It is answered from the indexes, but for sessions that the filter or the days cut in two; for how
    /// sessions went there are the questions of [`analysis`](crate::analysis). Memory grows with the number of
    /// sessions.
    ///
    /// # Errors
    ///
    /// As [`Store::query`].
    pub fn sessions(&self, filter: &Filter) -> Result<Vec<SessionSummary>> {
        self.answer(|snapshot| aggregate::sessions(snapshot, filter))
    }

    /// The days, in order. A day that cannot be read is there, without times.
    ///
    /// # Errors
    ///
    /// `Io` where the directory cannot be listed.
    pub fn days(&self) -> Result<Vec<DayInfo>> {
        retention::list(&self.snapshot()?)
    }

    /// The store in a few figures.
    ///
    /// # Errors
    ///
    /// As [`Store::days`].
    pub fn info(&self) -> Result<StoreInfo> {
        let snapshot = self.snapshot()?;
        let days = retention::list(&snapshot)?;
        Ok(StoreInfo {
            path: self.path.clone(),
            events: days.iter().map(|info| info.events).sum(),
            days: days.len() as u64,
            first_day: days.first().map(|info| info.day),
            last_day: days.last().map(|info| info.day),
            bytes: days.iter().map(|info| info.bytes).sum(),
            format_version: FORMAT_VERSION,
            commits: self.writer().ok().map(|writer| writer.days.commits()),
            erasure_pending: erase::intent::is_there(&*snapshot.shelf.directory),
        })
    }

    /// Removes a day and everything in it; its bytes are free at once. Should an event of that day
    /// come later, the day begins anew, and so do its ids. What was set aside for a gap goes with it.
    ///
    /// # Errors
    ///
    /// `NotFound` where there is no such day, `Locked` where events of it wait to be written, `ReadOnly`,
    /// `Io`.
    pub fn drop_day(&self, day: Day) -> Result<()> {
        let writer = self.writer()?;
        writer.check_usable()?;
        writer.days.drop_day(day)
    }

    /// Drops the days that `retention` does not keep. By age, days count back from the newest one, or,
    /// where that lies after a long gap alone, from the newest before it: the days that this keeps are
    /// in [`PruneReport::held_back`]. The store's own setting acts by itself whenever a new day is begun
    /// and when the store is opened, and counts from today by the clock; see `limits` for its guard.
    ///
    /// # Errors
    ///
    /// As [`Store::drop_day`]; `InvalidInput` for an age of no days.
    pub fn prune(&self, retention: &Retention) -> Result<PruneReport> {
        self.prune_with(retention, |_| {})
    }

    /// As [`Store::prune`]; `tell` is told how far it has come: events of the days that go.
    ///
    /// # Errors
    ///
    /// As [`Store::prune`].
    pub fn prune_with(
        &self,
        retention: &Retention,
        mut tell: impl FnMut(Progress),
    ) -> Result<PruneReport> {
        retention.validate()?;
        let writer = self.writer()?;
        writer.check_usable()?;
        retention::enforce(&writer.days, retention, Trigger::Asked, &mut Meter::new(&mut tell))
    }

    /// What [`Store::prune`] would do.
    ///
    /// # Errors
    ///
    /// As [`Store::prune`].
    pub fn prune_plan(&self, retention: &Retention) -> Result<PruneReport> {
        retention.validate()?;
        let current = self.writer().ok().and_then(|writer| writer.days.current());
        let days = self.days()?;
        let newest_live = || days.iter().rev().find(|info| !info.sealed).map(|info| info.day);
        Ok(retention::plan(&days, retention, Trigger::Asked, current.or_else(newest_live)))
    }

    /// Removes every trace of a session from the store: its events, and what the indexes, the zones and
    /// the catalog hold of them. Events of it that are logged while this runs may stay.
    ///
    /// The wish is durable first: should the erasure fail or be interrupted, it is ended when the store is
    /// opened, or by the next erasure. Ids of other events do not change, and those of the erased ones are
    /// not given again. What was set aside as damaged, and days that cannot be read, are named in
    /// [`ErasureReport::remains`]. A query that has come to a day goes on with what it has opened. Copies
    /// elsewhere, and what a flash card keeps of blocks that it has replaced, are out of reach.
    ///
    /// Costs the reading and writing of each day that holds the session, and a new catalog. Logging waits
    /// while a day is written; memory is bounded by a block.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for what no session id can be; `DiskFull` where a day does not fit once more, which
    /// loses nothing; `Io`, `Poisoned`, `ReadOnly`.
    pub fn erase_session(&self, id: impl ToString) -> Result<ErasureReport> {
        self.erase_session_with(id, |_| {})
    }

    /// As [`Store::erase_session`]; `tell` is told how far it has come: events of the days that may hold the
    /// session. Where an earlier erasure has to be ended first, its days are counted first and the total grows
    /// then.
    ///
    /// # Errors
    ///
    /// As [`Store::erase_session`].
    pub fn erase_session_with(
        &self,
        id: impl ToString,
        mut tell: impl FnMut(Progress),
    ) -> Result<ErasureReport> {
        self.writer()?.erase(&id.to_string(), &mut Meter::new(&mut tell))
    }

    /// What [`Store::erase_session`] would do.
    ///
    /// # Errors
    ///
    /// `InvalidInput`, `Io`.
    pub fn erasure_plan(&self, id: impl ToString) -> Result<ErasureReport> {
        let id = id.to_string();
        self.answer(|snapshot| erase::plan(snapshot, &id))
    }

    /// Copies the store into a directory, made where absent, while it is in use: what was durable when
    /// this was called, batches whole. The copy is a store whose days are all finished.
    ///
    /// Run again, it copies the days that have changed since, and ends what was interrupted. Days that the
    /// store has dropped stay in the backup. A day that cannot be read is named in
    /// [`BackupReport::problems`], and the others are copied. To restore, open the backup, or a copy of
    /// it; once an event is logged to it, it is a store and no backup any more.
    ///
    /// Costs reading the changed days twice and writing them once; a day that is being written counts as
    /// changed. Memory is bounded by a block. A store that was opened for reading only can be copied too,
    /// beside its writer.
    ///
    /// # Errors
    ///
    /// `InvalidInput` where the directory is neither empty nor a backup of this store, `Locked` where it is
    /// open for writing, `DiskFull` and `Io` where it cannot be written; `NotFound` where this store has
    /// not been opened for writing by a version that can be backed up.
    pub fn backup_to(&self, path: impl AsRef<Path>) -> Result<BackupReport> {
        self.backup_to_with(path, |_| {})
    }

    /// As [`Store::backup_to`]; `tell` is told how far it has come: events of all days, of which those that
    /// the backup has already are done at once.
    ///
    /// # Errors
    ///
    /// As [`Store::backup_to`].
    pub fn backup_to_with(
        &self,
        path: impl AsRef<Path>,
        mut tell: impl FnMut(Progress),
    ) -> Result<BackupReport> {
        let (snapshot, identity) = self.durable()?;
        backup::to_path(&snapshot, identity, path.as_ref(), &mut Meter::new(&mut tell))
    }

    /// What is durable now, and whose it is.
    pub(crate) fn durable(&self) -> Result<(Snapshot, Identity)> {
        if let Mode::Writing(writer) = &*self.mode {
            return writer.durable();
        }
        let snapshot = self.snapshot()?;
        let identity = identity::of_store(&*snapshot.shelf.directory)?;
        let message = "the store has no identity yet, open it for writing once";
        Ok((snapshot, identity.ok_or_else(|| Error::not_found(message))?))
    }

    /// Compares every index, zone, dictionary and catalog entry with the log, and reads every byte
    /// of every day. Costs the decoding of the whole store; memory is bounded by a part.
    ///
    /// # Errors
    ///
    /// `Io` where files cannot be read at all; damage is reported, not an error.
    pub fn check(&self) -> Result<CheckReport> {
        self.check_with(|_| {})
    }

    /// As [`Store::check`]; `tell` is told how far it has come: events of all days. Should a day be dropped
    /// meanwhile, the days may be gone through again: the total grows then, and what is done stays.
    ///
    /// ```
    /// use diurnal::{NewEvent, Progress, Store};
    ///
    /// let store = Store::in_memory()?;
    /// store.log_event(NewEvent::new(1, "heartbeat"))?;
    /// let mut last = Progress::default();
    /// store.check_with(|progress| last = progress)?;
    /// assert_eq!((last.done, last.total), (1, 1));
    /// # Ok::<(), diurnal::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Store::check`].
    pub fn check_with(&self, mut tell: impl FnMut(Progress)) -> Result<CheckReport> {
        let mut meter = Meter::new(&mut tell);
        self.answer(|snapshot| {
            meter.expect(snapshot.all_events());
            check::check(snapshot, &mut meter)
        })
    }

    /// Makes the indexes of damaged days and the catalog again from the logs, with every batch and
    /// block that can still be read, those of files that were set aside for a gap too; damaged files are
    /// kept under another name, not deleted. Ordinals of rows that are lost stay empty.
    ///
    /// # Errors
    ///
    /// `Io`, `DiskFull`, `ReadOnly`.
    pub fn rebuild(&self) -> Result<RebuildReport> {
        self.rebuild_with(|_| {})
    }

    /// As [`Store::rebuild`]; `tell` is told how far it has come: events of all days twice, since they are
    /// checked before and after, and of the damaged ones once more, which are known after the first check.
    ///
    /// # Errors
    ///
    /// As [`Store::rebuild`].
    pub fn rebuild_with(&self, mut tell: impl FnMut(Progress)) -> Result<RebuildReport> {
        let writer = self.writer()?;
        writer.check_usable()?;
        writer.flush()?;
        rebuild::rebuild(&writer.days, &mut Meter::new(&mut tell))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_whose_day_is_dropped_under_it_is_asked_again_and_not_for_ever() {
        let store = Store::in_memory().unwrap();
        let asked_until = |found: usize, kind: ErrorKind| {
            let mut asked = 0;
            let answer = store.answer(|_| {
                asked += 1;
                if asked < found { Err(Error::new(kind, "the day was dropped")) } else { Ok(()) }
            });
            (asked, answer.is_ok())
        };
        assert_eq!(asked_until(2, ErrorKind::NotFound), (2, true));
        assert_eq!(asked_until(ASK_ATTEMPTS, ErrorKind::NotFound), (ASK_ATTEMPTS, true));
        assert_eq!(asked_until(usize::MAX, ErrorKind::NotFound), (ASK_ATTEMPTS, false));
        assert_eq!(asked_until(2, ErrorKind::Corrupt), (1, false));
    }
}
