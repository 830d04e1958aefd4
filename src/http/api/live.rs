//! `GET /v1/live`: events as they are logged, as server-sent events.
//!
//! Owns: the thread of a client that follows, what is written to it, and where it goes on after an interruption. Does
//! not own what is new (`subscription`).
//!
//! Invariants: a batch comes with the position after it, and none comes before the client took those before; who
//! takes nothing for too long is let go, and goes on later from its position; no thread outlives the place that it
//! takes.

use std::convert::Infallible;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use futures_util::stream;
use serde::Deserialize;
use serde_json::json;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::super::answer::Failure;
use super::super::metrics::Counted;
use super::super::state::Shared;
use super::given::{Parameters, error_json, parse, with_type};
use crate::error::{Error, ErrorKind};
use crate::event::Event;
use crate::query::Filter;
use crate::subscription::{Batch, Start, Subscription};

/// Events of a batch: what a client that follows holds in memory, with one more that waits to be sent.
const BATCH_EVENTS: usize = 256;
/// How often a thread looks whether it is still wanted.
const TICK: Duration = Duration::from_millis(250);
/// How long nothing is sent at most: proxies take a connection for dead after a minute or so.
const QUIET: Duration = Duration::from_secs(15);
/// How long to wait where the store cannot be looked at now.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a browser waits before it comes again, in milliseconds.
const RETRY_MILLIS: u32 = 2_000;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Has a proxy pass on what comes as it comes.
const UNBUFFERED: HeaderName = HeaderName::from_static("x-accel-buffering");

/// What is followed, and from where on.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Followed {
    filter: String,
    after: String,
}

pub(super) async fn live(
    State(state): State<Shared>,
    headers: HeaderMap,
    Parameters(Followed { filter, after }): Parameters<Followed>,
) -> Result<Response, Failure> {
    let filter: Filter = match filter.is_empty() {
        true => Filter::All,
        false => parse("filter", filter.as_bytes())?,
    };
    let start = start(&headers, &after)?;
    let full = |_| Failure::busy("as many clients follow live events as may");
    let place = Arc::clone(&state.followers).try_acquire_owned().map_err(full)?;
    let subscription = state.read(move |store| store.subscribe_from(&filter, &start)).await?;
    let (sender, pieces) = mpsc::channel(1);
    let follower = Follower {
        subscription: subscription.batch_events(BATCH_EVENTS),
        sender,
        ending: state.ending(),
        patience: state.settings.patience,
        runtime: Handle::current(),
        _counted: Counted::new(&state.metrics.followers),
        _place: place,
    };
    let thread = thread::Builder::new().name("diurnal-follower".into());
    let begun = thread.spawn(move || follower.run());
    begun.map_err(|_| Failure::busy("there is no thread for one more who follows"))?;
    let mut response = with_type(body(pieces, state.ending()), "text/event-stream");
    response.headers_mut().insert(UNBUFFERED, HeaderValue::from_static("no"));
    Ok(response)
}

/// Where to begin: a browser that comes again says how far it came in a header.
fn start(headers: &HeaderMap, after: &str) -> Result<Start, Failure> {
    let not_text = |_| Failure::invalid("Last-Event-ID: must be a position");
    let last = headers.get(LAST_EVENT_ID).map(HeaderValue::to_str).transpose().map_err(not_text)?;
    match last.filter(|last| !last.is_empty()).unwrap_or(after) {
        "" => Ok(Start::Now),
        position => Ok(Start::After(position.parse()?)),
    }
}

fn body(pieces: Receiver<Bytes>, ending: watch::Receiver<bool>) -> Body {
    Body::from_stream(stream::unfold((pieces, ending), |(mut pieces, mut ending)| async move {
        let piece = tokio::select! {
            biased;
            piece = pieces.recv() => piece,
            _ = ending.wait_for(|ending| *ending) => None,
        };
        piece.map(|piece| (Ok::<Bytes, Infallible>(piece), (pieces, ending)))
    }))
}

/// One client that follows. The store is let go of before the place is free.
struct Follower {
    subscription: Subscription,
    sender: Sender<Bytes>,
    ending: watch::Receiver<bool>,
    patience: Duration,
    runtime: Handle,
    _counted: Counted,
    _place: OwnedSemaphorePermit,
}

/// The client is gone, or to be let go of.
struct Gone;

impl Follower {
    fn run(mut self) {
        let Gone = match self.follow() {
            Ok(never) => match never {},
            Err(gone) => gone,
        };
    }

    fn follow(&mut self) -> Result<Infallible, Gone> {
        // A client that is interrupted before the first event goes on from here.
        let position = self.subscription.position();
        let hello = Batch { events: Vec::new(), position };
        self.send(format!("retry: {RETRY_MILLIS}\n{}", batch_text(&hello)))?;
        let mut sent = Instant::now();
        loop {
            if *self.ending.borrow()
                || self.ending.has_changed().is_err()
                || self.sender.is_closed()
            {
                return Err(Gone);
            }
            let text = match self.subscription.next_batch(TICK) {
                Ok(batch) if !batch.events.is_empty() => batch_text(&batch),
                Ok(_) if sent.elapsed() < QUIET => continue,
                Ok(_) => ":\n\n".to_owned(),
                Err(error) => self.after(&error)?,
            };
            self.send(text)?;
            sent = Instant::now();
        }
    }

    /// What is sent where the store could not be looked at, or not all of it.
    fn after(&self, error: &Error) -> Result<String, Gone> {
        match error.kind() {
            ErrorKind::Corrupt | ErrorKind::Version => {
                let gap = json!({ "day": error.day(), "error": error_json(error) });
                Ok(format!("event: gap\ndata: {gap}\n\n"))
            }
            ErrorKind::Poisoned => Err(Gone),
            _ => {
                self.runtime.block_on(tokio::time::sleep(PAUSE));
                Ok(":\n\n".to_owned())
            }
        }
    }

    fn send(&self, text: String) -> Result<(), Gone> {
        let sending =
            async { tokio::time::timeout(self.patience, self.sender.send(text.into())).await };
        match self.runtime.block_on(sending) {
            Ok(Ok(())) => Ok(()),
            _ => Err(Gone),
        }
    }
}

fn batch_text(Batch { events, position, .. }: &Batch) -> String {
    let events = serde_json::to_string::<[Event]>(events).unwrap_or_default();
    format!("id: {position}\nevent: events\ndata: {events}\n\n")
}
