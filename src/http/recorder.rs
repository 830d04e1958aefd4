//! The way from requests to the writer.
//!
//! Owns: [`Recorder`]: a queue, and the thread that logs what waits in it: all at once, so that calls that come
//! together share one wait for the disk. Does not own the group commit itself (`writer`).
//!
//! Invariants: what waits is bounded by bytes; whoever waits is answered once his events are durable or surely or
//! possibly are not, and never for those of others; what was taken in is logged before the thread ends, whether or not
//! somebody still waits for it.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};

use super::answer::Failure;
use super::metrics::Metrics;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{EventId, NewEvent};
use crate::store::Store;

/// What may wait, in units of 256 bytes: 16 MiB.
const QUEUE_UNITS: u32 = 64 * 1024;
const UNIT_BYTES: usize = 256;
/// Events that are logged at once: two blocks, so that a commit stays short.
const GROUP_EVENTS_MAX: usize = 8192;
/// How long a batch waits for room.
const ROOM_PATIENCE: Duration = Duration::from_secs(10);

tokio::task_local! {
    /// Whether a call has brought events that are logged even if nobody waits for them any more.
    static BROUGHT: Arc<AtomicBool>;
}

/// Runs a call, which takes note of whether it has brought events.
pub(super) async fn noting<T>(brought: Arc<AtomicBool>, call: impl Future<Output = T>) -> T {
    BROUGHT.scope(brought, call).await
}

/// Takes note that the events of this call are logged even if nobody waits for them any more.
pub(super) fn note_brought() {
    // Whoever calls without a time limit needs no note.
    let _ = BROUGHT.try_with(|brought| brought.store(true, Ordering::Relaxed));
}

/// Whether there is a wait for room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// A single event is refused where there is no room: its client comes again.
    Now,
    /// A batch waits for a while: to send it again would cost more.
    Soon,
}

#[derive(Debug)]
struct Entry {
    events: Vec<NewEvent>,
    answer: oneshot::Sender<Result<Vec<EventId>>>,
    _room: OwnedSemaphorePermit,
}

/// Logs what requests bring.
#[derive(Debug)]
pub(super) struct Recorder {
    queue: Mutex<Option<mpsc::UnboundedSender<Entry>>>,
    room: Arc<Semaphore>,
    thread: Mutex<Option<JoinHandle<()>>>,
    failed: watch::Receiver<Option<Error>>,
}

impl Recorder {
    pub(super) fn new(store: Store, metrics: Metrics) -> Result<Self> {
        let (queue, entries) = mpsc::unbounded_channel();
        let (fail, failed) = watch::channel(None);
        let record = move || record(&store, entries, &metrics, &fail);
        let thread = thread::Builder::new().name("diurnal-recorder".into()).spawn(record);
        let thread = thread.map_err(|error| Error::io("the recorder's thread", error))?;
        Ok(Self {
            queue: Mutex::new(Some(queue)),
            room: Arc::new(Semaphore::new(QUEUE_UNITS as usize)),
            thread: Mutex::new(Some(thread)),
            failed,
        })
    }

    /// Logs events together; their ids once they are durable. Where one breaks a rule, none is logged.
    pub(super) async fn log(
        &self,
        events: Vec<NewEvent>,
        room: Room,
    ) -> Result<Vec<EventId>, Failure> {
        let room = self.room_for(&events, room).await?;
        let (answer, answered) = oneshot::channel();
        let entry = Entry { events, answer, _room: room };
        if !self.send(entry) {
            return Err(Failure::busy("the service is ending"));
        }
        note_brought();
        answered.await.unwrap_or_else(|_| Err(broken_off())).map_err(Failure::from)
    }

    /// Whether the thread takes it; the lock is not held while it is waited for.
    fn send(&self, entry: Entry) -> bool {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.as_ref().is_some_and(|queue| queue.send(entry).is_ok())
    }

    async fn room_for(
        &self,
        events: &[NewEvent],
        room: Room,
    ) -> Result<OwnedSemaphorePermit, Failure> {
        let full = || Failure::busy("too many events wait to be logged");
        let units = units(events);
        let semaphore = Arc::clone(&self.room);
        match room {
            Room::Now => semaphore.try_acquire_many_owned(units).map_err(|_| full()),
            Room::Soon => {
                let acquired = semaphore.acquire_many_owned(units);
                let acquired = tokio::time::timeout(ROOM_PATIENCE, acquired).await;
                acquired.ok().and_then(Result::ok).ok_or_else(full)
            }
        }
    }

    /// Bytes that wait to be logged, about.
    pub(super) fn waiting_bytes(&self) -> u64 {
        let taken = (QUEUE_UNITS as usize).saturating_sub(self.room.available_permits());
        (taken * UNIT_BYTES) as u64
    }

    /// Why the store takes no more events, where it does not.
    pub(super) fn failure(&self) -> Option<Error> {
        let failed = self.failed.borrow().clone();
        failed.or_else(|| self.failed.has_changed().is_err().then(broken_off))
    }

    /// Waits until the store takes no more events.
    pub(super) async fn failed(&self) -> Error {
        let mut failed = self.failed.clone();
        loop {
            if let Some(error) = failed.borrow_and_update().clone() {
                return error;
            }
            if failed.changed().await.is_err() {
                // As long as this borrow lives, the thread ends of a panic alone.
                return broken_off();
            }
        }
    }
}

impl Drop for Recorder {
    /// Whoever opens the store next finds it free.
    fn drop(&mut self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

/// What events take of the queue, at most all of it.
fn units(events: &[NewEvent]) -> u32 {
    let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let bytes = |event: &NewEvent| {
        let tags: usize = event.tags.iter().map(|tag| tag.len() + size_of::<String>()).sum();
        let names = event.session_id.len() + event.event_type.len();
        size_of::<NewEvent>() + names + text(&event.client_time) + text(&event.data) + tags
    };
    let units = events.iter().map(bytes).sum::<usize>().div_ceil(UNIT_BYTES);
    u32::try_from(units).unwrap_or(QUEUE_UNITS).clamp(1, QUEUE_UNITS)
}

fn record(
    store: &Store,
    mut entries: mpsc::UnboundedReceiver<Entry>,
    metrics: &Metrics,
    fail: &watch::Sender<Option<Error>>,
) {
    while let Some(first) = entries.blocking_recv() {
        let mut waiting = first.events.len();
        let mut group = Vec::from_iter(admitted(store, first));
        while waiting < GROUP_EVENTS_MAX
            && let Ok(next) = entries.try_recv()
        {
            waiting += next.events.len();
            group.extend(admitted(store, next));
        }
        if group.is_empty() {
            continue;
        }
        let began = Instant::now();
        let outcome = log_group(store, group);
        metrics.committed(outcome.as_ref().ok().copied(), began.elapsed());
        if let Err(error) = outcome {
            let lost = matches!(error.kind(), ErrorKind::OutcomeUnknown | ErrorKind::Poisoned);
            if lost && fail.borrow().is_none() {
                fail.send_replace(Some(error));
            }
        }
    }
}

/// An entry whose events keep the rules; another is answered at once, so that it does not fail those beside it.
fn admitted(store: &Store, entry: Entry) -> Option<Entry> {
    match entry.events.iter().try_for_each(|event| store.validate(event)) {
        Ok(()) => Some(entry),
        Err(error) => {
            let _ = entry.answer.send(Err(error));
            None
        }
    }
}

/// Logs a group and answers each of it; how many events were logged.
fn log_group(store: &Store, mut group: Vec<Entry>) -> Result<u64> {
    let lengths: Vec<usize> = group.iter().map(|entry| entry.events.len()).collect();
    let events = group.iter_mut().flat_map(|entry| std::mem::take(&mut entry.events));
    let outcome = store.log_events(events.collect::<Vec<_>>());
    let mut place = 0;
    for (entry, length) in group.into_iter().zip(lengths) {
        let own = place..place + length;
        place = own.end;
        let answer = match &outcome {
            Ok(ids) => Ok(ids.get(own).unwrap_or_default().to_vec()),
            Err(error) => Err(own_error(error, own)),
        };
        // Whoever has gone away needs no answer.
        let _ = entry.answer.send(answer);
    }
    outcome.map(|ids| ids.len() as u64)
}

/// What a failure of a group is to those who brought these events of it.
fn own_error(error: &Error, own: Range<usize>) -> Error {
    let ids = error.event_ids().get(own).unwrap_or_default();
    let kind = match (ids.iter().any(Option::is_some), error.kind()) {
        (true, _) => ErrorKind::OutcomeUnknown,
        // Of others it is unknown.
        (false, ErrorKind::OutcomeUnknown) => ErrorKind::Poisoned,
        (false, kind) => kind,
    };
    error.clone().of_kind(kind).with_event_ids(ids)
}

/// The thread has panicked over what it was logging.
fn broken_off() -> Error {
    Error::new(ErrorKind::OutcomeUnknown, "the thread that logs has ended")
}
