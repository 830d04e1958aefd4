//! `POST /v1/query`: events as JSON lines, as many as match.
//!
//! Owns: how the lines come to the client piece by piece. A piece is read in a turn of its own, so that clients that
//! take their time keep no others from reading.
//!
//! Invariants: two pieces are held for a client at most, and how many clients are answered at once is bounded; an
//! answer that is not whole ends so that the client notices.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::Response;
use futures_util::stream;
use serde::Serialize;
use serde_json::json;
use tokio::sync::mpsc::{self, Receiver, Sender};

use super::super::answer::Failure;
use super::super::state::{Shared, broken};
use super::given::{Gaps, Given, Parameters, failure_json, gaps_json, with_type};
use crate::error::ErrorKind;
use crate::query::Query;
use crate::query::rows::Events;

pub(super) const JSON_LINES: &str = "application/x-ndjson";

/// Bytes after which a piece is sent.
const PIECE_BYTES: usize = 64 * 1024;

/// How long the last lines have before the connection is cut: what is on its way then is lost.
const BEFORE_CUT: Duration = Duration::from_millis(250);

/// What the client is sent next.
enum Piece {
    Lines(Bytes),
    /// It has failed before any line was sent.
    Failed(Failure),
    End,
}

pub(super) async fn query(
    State(state): State<Shared>,
    Parameters(gaps): Parameters<Gaps>,
    Given(query): Given<Query>,
) -> Result<Response, Failure> {
    let full = |_| Failure::busy("too many queries are being answered");
    let stream = Arc::clone(&state.streams).try_acquire_owned().map_err(full)?;
    let events = state.read(move |store| match gaps.allow_gaps {
        false => store.query(&query),
        true => store.allow_gaps().query(&query),
    });
    let events = events.await?;
    let (sender, mut receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        send(&state, events, &sender).await;
        drop(stream);
    });
    // What fails before the first line is answered as a failure.
    match receiver.recv().await {
        Some(Piece::Failed(failure)) => Err(failure),
        first => Ok(with_type(body(first, receiver), JSON_LINES)),
    }
}

/// Events that are left, lines that were read of them in a turn, and whether more may follow.
struct Read {
    left: Option<Events>,
    lines: Vec<u8>,
    more: Result<bool, Failure>,
}

/// Reads the events and sends them, until they end or the client takes no more.
async fn send(state: &Shared, events: Events, sender: &Sender<Piece>) {
    let mut left = Some(events);
    let mut any = false;
    while let Some(events) = left.take() {
        let mut read = read(state, events).await;
        match &read.more {
            Ok(true) => left = read.left,
            Ok(false) => {}
            Err(failure) if !any => {
                let _ = offer(state, sender, Piece::Failed(failure.clone())).await;
                return;
            }
            Err(failure) => push_line(&mut read.lines, &json!({ "error": failure_json(failure) })),
        }
        let lines = Piece::Lines(read.lines.into());
        if offer(state, sender, lines).await.is_none() || read.more.is_err() {
            return;
        }
        any = true;
    }
    let _ = offer(state, sender, Piece::End).await;
}

/// Gives the client a piece; `None` where it is gone, or takes nothing for too long.
async fn offer(state: &Shared, sender: &Sender<Piece>, piece: Piece) -> Option<()> {
    let sent = tokio::time::timeout(state.settings.patience, sender.send(piece)).await;
    sent.ok()?.ok()
}

/// Reads a piece once it is this client's turn.
async fn read(state: &Shared, events: Events) -> Read {
    let nothing = |failure| Read { left: None, lines: Vec::new(), more: Err(failure) };
    let turn = match state.turn().await {
        Ok(turn) => turn,
        Err(busy) => return nothing(busy),
    };
    let read = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        read_lines(events)
    });
    read.await.unwrap_or_else(|_| nothing(broken()))
}

fn read_lines(mut events: Events) -> Read {
    let mut lines = Vec::with_capacity(PIECE_BYTES + PIECE_BYTES / 4);
    let more = loop {
        match events.next() {
            Some(Ok(event)) => push_line(&mut lines, &event),
            Some(Err(error)) if error.kind() == ErrorKind::NotFound => {
                break Err(Failure::busy("a day was dropped while it was read"));
            }
            Some(Err(error)) => break Err(error.into()),
            None => {
                if !events.gaps().is_empty() {
                    push_line(&mut lines, &json!({ "gaps": gaps_json(events.gaps()) }));
                }
                break Ok(false);
            }
        }
        if lines.len() >= PIECE_BYTES {
            break Ok(true);
        }
    };
    Read { left: Some(events), lines, more }
}

pub(super) fn push_line(lines: &mut Vec<u8>, value: &impl Serialize) {
    // Only a map whose keys are no text could not be written.
    let _ = serde_json::to_writer(&mut *lines, value);
    lines.push(b'\n');
}

fn body(first: Option<Piece>, pieces: Receiver<Piece>) -> Body {
    Body::from_stream(stream::unfold((first, pieces), |(first, mut pieces)| async move {
        let piece = match first {
            Some(piece) => Some(piece),
            None => pieces.recv().await,
        };
        match piece {
            Some(Piece::Lines(lines)) => Some((Ok(lines), (None, pieces))),
            Some(Piece::End) => None,
            // Ended without an end: the connection is cut, once what was sent before has gone.
            Some(Piece::Failed(_)) | None => {
                tokio::time::sleep(BEFORE_CUT).await;
                Some((Err(Cut), (Some(Piece::End), pieces)))
            }
        }
    }))
}

/// The answer is not whole.
#[derive(Debug)]
struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the answer was cut off")
    }
}

impl std::error::Error for Cut {}
