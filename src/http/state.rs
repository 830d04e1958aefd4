//! What requests share.
//!
//! Owns: [`State`]: the store, the way to its writer, and the turns of those who read. Invariant: no request waits
//! for the disk on a thread that others are answered by.

use std::path::Path;
use std::sync::Arc;

use axum::http::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::answer::Failure;
use super::api::Keys;
use super::metrics::Metrics;
use super::pace::Pace;
use super::recorder::Recorder;
use super::settings::{BATCHES_AT_ONCE, Settings};
use crate::error::{Error, ErrorKind, Result};
use crate::store::Store;

/// Queries whose answers are being taken, for each of which one is read at a time: a client that takes its time waits
/// without a turn.
const STREAMS_PER_READER: usize = 8;

/// A unit of the room for batches that are being received.
pub(super) const ROOM_UNIT_BYTES: usize = 64 * 1024;
/// Batches of the largest size that there is room for.
const LARGEST_BATCHES: usize = 2;

/// What handlers are given.
pub(super) type Shared = Arc<State>;

#[derive(Debug)]
pub(super) struct State {
    pub(super) store: Store,
    pub(super) settings: Settings,
    pub(super) recorder: Recorder,
    pub(super) metrics: Metrics,
    pub(super) pace: Option<Pace>,
    /// Turns of those who follow live events.
    pub(super) followers: Arc<Semaphore>,
    /// Places of queries whose answers are being taken.
    pub(super) streams: Arc<Semaphore>,
    /// Turns of batches that are being logged.
    pub(super) batches: Arc<Semaphore>,
    /// Room for those that are being received.
    pub(super) batch_room: Arc<Semaphore>,
    /// Keys of those that may come again.
    pub(super) keys: Arc<Keys>,
    /// Turns of those who read.
    readers: Arc<Semaphore>,
    ending: watch::Sender<bool>,
}

impl State {
    pub(super) fn new(store: Store, settings: Settings) -> Result<Self> {
        let metrics = Metrics::new();
        Ok(Self {
            recorder: Recorder::new(store.clone(), metrics.clone())?,
            pace: settings.requests_per_second.map(Pace::new),
            followers: Arc::new(Semaphore::new(settings.followers)),
            streams: Arc::new(Semaphore::new(streams_of(&settings))),
            batches: Arc::new(Semaphore::new(BATCHES_AT_ONCE)),
            batch_room: Arc::new(Semaphore::new(room_of(&settings))),
            keys: Arc::new(Keys::new(store.path().map(Path::to_owned))),
            readers: Arc::new(Semaphore::new(settings.readers)),
            ending: watch::Sender::new(false),
            store,
            settings,
            metrics,
        })
    }

    /// Has those who follow live events let go: the service ends.
    pub(super) fn end(&self) {
        self.ending.send_replace(true);
    }

    /// Whether the service is ending.
    pub(super) fn is_ending(&self) -> bool {
        *self.ending.borrow()
    }

    /// Waits until the service is ending.
    pub(super) async fn ended(&self) {
        let mut ending = self.ending.subscribe();
        // The sender lives as long as this borrow.
        let _ = ending.wait_for(|ending| *ending).await;
    }

    /// Tells when the service ends, without keeping it.
    pub(super) fn ending(&self) -> watch::Receiver<bool> {
        self.ending.subscribe()
    }

    /// Waits until nobody reads, follows or logs a batch any more: none of them holds the store then.
    pub(super) async fn released(&self) {
        let Settings { followers, readers, .. } = self.settings;
        let turns = [
            (&self.followers, followers),
            (&self.readers, readers),
            (&self.batches, BATCHES_AT_ONCE),
        ];
        for (turns, count) in turns {
            // They are never closed.
            let _ = turns.acquire_many(u32::try_from(count).unwrap_or(u32::MAX)).await;
        }
    }

    /// Asks the store on a thread that may wait for the disk, once it is this call's turn.
    pub(super) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        question: impl FnOnce(&Store) -> Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        let turn = self.turn().await?;
        let store = self.store.clone();
        let answered = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            question(&store)
        });
        match answered.await {
            Ok(answer) => answer.map_err(Failure::from),
            Err(_) => Err(broken()),
        }
    }

    /// Waits for a turn to read; it is given back when what is answered is dropped.
    pub(super) async fn turn(&self) -> Result<OwnedSemaphorePermit, Failure> {
        let turn = Arc::clone(&self.readers).acquire_owned();
        match tokio::time::timeout(self.settings.patience / 2, turn).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(Failure::busy("too many questions are being answered")),
        }
    }
}

/// Units of room for batches that are being received.
fn room_of(settings: &Settings) -> usize {
    let units = settings.batch_bytes.div_ceil(ROOM_UNIT_BYTES) + 1;
    units.saturating_mul(LARGEST_BATCHES).min(Semaphore::MAX_PERMITS)
}

/// How many queries may be answered at once.
fn streams_of(settings: &Settings) -> usize {
    settings.readers.saturating_mul(STREAMS_PER_READER).min(Semaphore::MAX_PERMITS)
}

/// A handler has panicked; what it said is in the log.
pub(super) fn broken() -> Failure {
    Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the call could not be answered")
}

/// Events were brought, and what became of them is not known yet.
pub(super) fn outcome_unknown() -> Failure {
    Failure::from(Error::new(ErrorKind::OutcomeUnknown, "a call was given up while it was logged"))
}
