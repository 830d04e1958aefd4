//! What requests share.
//!
//! Owns: [`State`]: the store, the way to its writer, and the turns of those who read. Invariant: no request waits
//! for the disk on a thread that others are answered by.

use std::sync::Arc;

use axum::http::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::answer::Failure;
use super::metrics::Metrics;
use super::pace::Pace;
use super::recorder::Recorder;
use super::settings::Settings;
use crate::error::Result;
use crate::store::Store;

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

/// A handler has panicked; what it said is in the log.
pub(super) fn broken() -> Failure {
    Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the call could not be answered")
}
