//! The lines of a batch.
//!
//! Owns: where lines begin and end, which of them are logged together, and what is wrong with one. Invariant: pieces
//! follow from the bytes alone, so that a batch that comes again has the same.

use std::ops::Range;

use super::super::super::answer::Failure;
use super::super::keys::PIECES_MAX;
use super::body::Body;
use crate::event::NewEvent;
use crate::store::Store;
use crate::time::Timestamp;

/// Lines of a batch.
const LINES_MAX: usize = 1 << 16;
/// Bytes of a line: the data that an event may have, and the rest of it.
const LINE_BYTES_MAX: usize = 1024 * 1024;
/// Lines that are logged at once: a block.
const PIECE_LINES: usize = 4096;
/// Bytes after which no more lines are logged at once.
const PIECE_BYTES: usize = 2 * 1024 * 1024;
/// Characters of what is said of a line, which may hold some of it.
const MESSAGE_CHARS_MAX: usize = 200;

const _: () = assert!(LINES_MAX <= PIECES_MAX as usize);

/// A line that is not blank, by its number from 1.
#[derive(Debug)]
struct Line {
    number: usize,
    bytes: Range<usize>,
}

/// A batch by its lines.
#[derive(Debug)]
pub(super) struct Lines {
    body: Body,
    lines: Vec<Line>,
    pieces: Vec<Range<usize>>,
}

/// A piece as it was read.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) outcomes: Vec<Outcome>,
    /// Of the lines that are not refused, in order.
    pub(super) events: Vec<NewEvent>,
}

/// What has become of a line so far.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) line: usize,
    pub(super) refused: Option<Failure>,
}

impl Lines {
    pub(super) fn new(body: Body) -> Result<Self, Failure> {
        let mut lines = Vec::new();
        let mut begin = 0;
        for (place, line) in body.bytes.split(|byte| *byte == b'\n').enumerate() {
            let bytes = begin..begin + line.len();
            begin = bytes.end + 1;
            if line.trim_ascii().is_empty() {
                continue;
            }
            if lines.len() == LINES_MAX {
                return Err(Failure::too_large(format!("a batch may have {LINES_MAX} lines")));
            }
            lines.push(Line { number: place + 1, bytes });
        }
        let pieces = pieces(&lines);
        Ok(Self { body, lines, pieces })
    }

    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    pub(super) fn body(&self) -> &[u8] {
        &self.body.bytes
    }

    pub(super) fn pieces(&self) -> u32 {
        self.pieces.len() as u32
    }

    /// Reads the lines of a piece, whose events get this time where one is given.
    pub(super) fn parse(&self, piece: u32, store: &Store, time: Option<Timestamp>) -> Parsed {
        let lines = &self.lines[self.pieces[piece as usize].clone()];
        let mut parsed = Parsed { outcomes: Vec::with_capacity(lines.len()), events: Vec::new() };
        for Line { number, bytes } in lines {
            let read = event_of(&self.body.bytes[bytes.clone()]).and_then(|mut event| {
                event.server_time = time;
                store.validate(&event)?;
                Ok(event)
            });
            let refused = match read {
                Ok(event) => {
                    parsed.events.push(event);
                    None
                }
                Err(refused) => Some(refused),
            };
            parsed.outcomes.push(Outcome { line: *number, refused });
        }
        parsed
    }
}

/// Lines that are logged together.
fn pieces(lines: &[Line]) -> Vec<Range<usize>> {
    let mut pieces: Vec<Range<usize>> = Vec::new();
    let mut bytes = PIECE_BYTES;
    for (place, line) in lines.iter().enumerate() {
        match pieces.last_mut() {
            Some(piece) if piece.len() < PIECE_LINES && bytes + line.bytes.len() <= PIECE_BYTES => {
                piece.end = place + 1;
                bytes += line.bytes.len();
            }
            _ => {
                pieces.push(place..place + 1);
                bytes = line.bytes.len();
            }
        }
    }
    pieces
}

/// The event of a line, which may not say when it was received.
fn event_of(line: &[u8]) -> Result<NewEvent, Failure> {
    if line.len() > LINE_BYTES_MAX {
        let message =
            format!("a line may have {LINE_BYTES_MAX} bytes, this one has {}", line.len());
        return Err(Failure::too_large(message));
    }
    let event: NewEvent = serde_json::from_slice(line).map_err(|error| refusal(&error))?;
    match event.server_time {
        None => Ok(event),
        Some(_) => Err(Failure::invalid("server_time: is set by the service")),
    }
}

/// What is wrong with a line; where, unless the field is named.
fn refusal(error: &serde_json::Error) -> Failure {
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _place)| text);
    let text: String = text.chars().take(MESSAGE_CHARS_MAX).collect();
    Failure::invalid(match error.classify() {
        serde_json::error::Category::Data => text,
        _ => format!("column {}: {text}", error.column()),
    })
}
