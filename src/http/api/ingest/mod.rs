//! `POST /v1/events`: a batch of events as JSON lines.
//!
//! Owns: how a batch is taken in, cut into pieces and logged, and the outcome of each line. The rooms below: `body`
//! (how it comes and is unpacked), `lines` (its lines and pieces). Does not own keys (`keys`).
//!
//! Lines are logged piece by piece, in order. Where the store fails, the lines from there on have its failure: those
//! of the piece that failed may be logged where the outcome is unknown, those after it are not. Where nothing was
//! logged before, the failure is the whole answer, with its status.
//!
//! Invariants: a batch is read to its end before anything is logged, and is then logged to its end whether or not the
//! client is still there; a piece is logged whole or not at all; what batches hold in memory is bounded.

mod body;
mod lines;

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName};
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;

use super::super::answer::Failure;
use super::super::recorder::{Room, note_brought};
use super::super::state::{Shared, broken};
use super::given::{check_type, failure_json, with_type};
use super::keys::{Begun, FirstIds, Running};
use super::query::{JSON_LINES, push_line};
use crate::error::{Error, ErrorKind};
use crate::event::{EventId, NewEvent};
use crate::query::Query;
use crate::store::Store;
use crate::time::Timestamp;
use body::Packed;
use lines::{Lines, Outcome, Parsed};

/// Bytes of most outcomes.
const OUTCOME_BYTES: usize = 40;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const KEY_BYTES_MAX: usize = 128;

pub(super) async fn log(
    State(state): State<Shared>,
    request: Request,
) -> Result<Response, Failure> {
    check_type(request.headers(), &[JSON_LINES])?;
    let key = key_of(request.headers())?;
    if state.store.origin().is_err() {
        let error = Error::new(ErrorKind::ReadOnly, "a batch was sent to a store for reading only");
        return Err(error.into());
    }
    let body = Packed::receive(&state, request).await?;
    // A client that goes away does not stop it half-way, and one that comes again with its key waits for the end.
    note_brought();
    let logged = tokio::spawn(log_batch(Arc::clone(&state), key, body));
    let lines = logged.await.map_err(|_| broken())??;
    Ok(with_type(Body::from(lines), JSON_LINES))
}

fn key_of(headers: &HeaderMap) -> Result<Option<String>, Failure> {
    let mut keys = headers.get_all(KEY).iter();
    let Some(key) = keys.next() else { return Ok(None) };
    let text = key.to_str().ok().filter(|key| {
        (1..=KEY_BYTES_MAX).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
    });
    match text.filter(|_| keys.next().is_none()) {
        Some(text) => Ok(Some(text.to_owned())),
        None => Err(Failure::invalid(format!(
            "Idempotency-Key: must be one of 1 to {KEY_BYTES_MAX} visible ASCII characters"
        ))),
    }
}

/// Logs a batch; the outcomes of its lines.
async fn log_batch(state: Shared, key: Option<String>, body: Packed) -> Result<Vec<u8>, Failure> {
    let turn = Arc::clone(&state.batches).acquire_owned();
    let turn = tokio::time::timeout(state.settings.patience, turn).await;
    let Ok(Ok(_turn)) = turn else {
        return Err(Failure::busy("too many batches are being logged"));
    };
    let shared = Arc::clone(&state);
    let begun = blocking(move || {
        let lines = Lines::new(body.unpack(shared.settings.batch_bytes)?)?;
        let begin =
            |key: String| shared.keys.begin(&key, lines.body(), lines.pieces(), shared.store.now());
        let running = key.map(begin).transpose()?;
        Ok::<_, Failure>((Arc::new(lines), running))
    });
    let (lines, running) = begun.await??;
    let answer = Vec::with_capacity(lines.len() * OUTCOME_BYTES);
    let mut logging = Logging { state, lines, running, answer, ids: Vec::new(), failure: None };
    for piece in 0..logging.lines.pieces() {
        logging.log_piece(piece).await?;
    }
    logging.end().await
}

/// Runs what waits for the disk, or keeps a processor busy.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.map_err(|_| broken())
}

/// A batch that is being logged.
struct Logging {
    state: Shared,
    lines: Arc<Lines>,
    running: Option<Running>,
    answer: Vec<u8>,
    /// The first id of each piece so far.
    ids: FirstIds,
    /// What the rest of the lines have, once the store has failed.
    failure: Option<Failure>,
}

impl Logging {
    /// Logs the lines of a piece, unless they are logged already.
    async fn log_piece(&mut self, piece: u32) -> Result<(), Failure> {
        let time = self.running.as_ref().and_then(|running| running.time_of(piece));
        let (lines, store) = (Arc::clone(&self.lines), self.state.store.clone());
        let parsed = blocking(move || lines.parse(piece, &store, time)).await?;
        let Parsed { outcomes, events } = parsed;
        let logged = match self.failure.clone() {
            None => self.log(piece, events).await,
            Some(failure) => Err(failure),
        };
        match logged {
            Ok(first) => {
                self.ids.push(first);
                self.answer_with(&outcomes, first, None);
            }
            // Nothing is logged.
            Err(failure) if self.ids.iter().all(Option::is_none) => return Err(failure),
            Err(failure) => {
                self.answer_with(&outcomes, None, Some(&failure));
                self.failure = Some(afterwards(failure));
            }
        }
        Ok(())
    }

    /// Logs the events of a piece, or finds them where they are logged; the id of the first, if there is one.
    async fn log(&self, piece: u32, events: Vec<NewEvent>) -> Result<Option<EventId>, Failure> {
        if events.is_empty() {
            return Ok(None);
        }
        let events = match self.running.as_ref().map(|running| &running.begun) {
            Some(Begun::Done(ids)) => return Ok(ids.get(piece as usize).copied().flatten()),
            Some(Begun::Before(_)) => {
                let store = self.state.store.clone();
                let found = blocking(move || find(&store, &events).map(|found| (found, events)));
                match found.await?? {
                    (Some(first), _) => return Ok(Some(first)),
                    (None, events) => events,
                }
            }
            Some(Begun::Now(_)) | None => events,
        };
        let ids = self.state.recorder.log(events, Room::Soon).await?;
        Ok(ids.first().copied())
    }

    /// Answers the lines of a piece; those that could be logged with ids from the first on, or with a failure.
    fn answer_with(
        &mut self,
        outcomes: &[Outcome],
        first: Option<EventId>,
        failure: Option<&Failure>,
    ) {
        let mut ids = first.into_iter().flat_map(|first| {
            (first.ordinal()..).map(move |ordinal| EventId::new(first.day(), ordinal))
        });
        for Outcome { line, refused } in outcomes {
            let error = refused.as_ref().or(failure).map(failure_json);
            let id = if error.is_none() { ids.next() } else { None };
            push_line(&mut self.answer, &Answer { line: *line, id, error });
        }
    }

    /// Writes down that all is logged, where it is.
    async fn end(self) -> Result<Vec<u8>, Failure> {
        let Self { running, answer, ids, failure, .. } = self;
        if let Some(running) = running.filter(|it| it.is_unfinished() && failure.is_none()) {
            blocking(move || running.finish(ids)).await?;
        }
        Ok(answer)
    }
}

/// What is answered for a line.
#[derive(Serialize)]
struct Answer {
    line: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<EventId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Value>,
}

/// What lines have that come after a failure: nothing of them was tried.
fn afterwards(failure: Failure) -> Failure {
    match failure.kind {
        "outcome_unknown" => {
            Error::new(ErrorKind::Poisoned, "lines of a batch came after a write that failed")
                .into()
        }
        _ => failure,
    }
}

/// The id of the first of these events, which were logged together if at all, and alone have their server time. Some
/// may have been erased since.
fn find(store: &Store, events: &[NewEvent]) -> Result<Option<EventId>, Error> {
    let Some(time) = events.first().and_then(|event| event.server_time) else { return Ok(None) };
    let end = Timestamp::from_micros(time.as_micros().saturating_add(1));
    let mut found = HashMap::new();
    for event in store.query(&Query::new().between(time, end))? {
        let event = event?;
        found.insert(event.id, NewEvent::from(event));
    }
    let mut ids: Vec<EventId> = found.keys().copied().collect();
    ids.sort_unstable();
    // Where the first of them that is there stands among the events tells where all of them are.
    let Some((id, event)) = ids.iter().find_map(|id| {
        let event = found.get(id).filter(|event| events.contains(event));
        event.map(|event| (*id, event))
    }) else {
        return Ok(None);
    };
    let places = (0..events.len()).filter(|place| events[*place] == *event);
    let matches = |first: &EventId| {
        let same = |(place, event): (usize, &NewEvent)| {
            after(*first, place).and_then(|id| found.get(&id)).is_some_and(|it| it == event)
        };
        events.iter().enumerate().filter(|it| same(*it)).count()
    };
    // Of several that are as good, the last: the first event stands there.
    let firsts = places.filter_map(|place| before(id, place));
    Ok(firsts.max_by_key(|first| (matches(first), *first)))
}

fn before(id: EventId, places: usize) -> Option<EventId> {
    let ordinal = id.ordinal().checked_sub(u32::try_from(places).ok()?)?;
    Some(EventId::new(id.day(), ordinal))
}

fn after(id: EventId, places: usize) -> Option<EventId> {
    let ordinal = id.ordinal().checked_add(u32::try_from(places).ok()?)?;
    Some(EventId::new(id.day(), ordinal))
}
