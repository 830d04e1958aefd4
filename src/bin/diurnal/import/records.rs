//! From bytes as they come to records.
//!
//! Owns: where records begin and end, their line numbers, and the bound on their length. Does not
//! own what they mean (`decode`).
//!
//! Invariants: the pieces' bytes, in order, are the input's, a byte order mark at its start and
//! whole blank records aside; nothing longer than [`RECORD_BYTES_MAX`] and one read is held.

use diurnal::limits::RECORD_BYTES_MAX;

use crate::csv::Place;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A part of the input, with its line ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// A record, which begins on this line.
    Record { line: u64, raw: Vec<u8> },
    /// A record that cannot be read, and why.
    Broken { line: u64, raw: Vec<u8>, reason: String },
    /// More of the broken record before.
    Rest { raw: Vec<u8> },
}

impl Piece {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Record { raw, .. } | Self::Broken { raw, .. } | Self::Rest { raw } => raw.len(),
        }
    }
}

/// Cuts bytes into records.
pub(super) struct Splitter {
    /// Line ends between quotes belong to the record.
    quotes: bool,
    pending: Vec<u8>,
    /// How much of `pending` has been looked at; it ends no record.
    looked_at: usize,
    place: Place,
    /// The line on which `pending` begins.
    line: u64,
    /// Whether `pending` belongs to a record that was too long.
    overlong: bool,
    at_start: bool,
}

impl Splitter {
    pub(super) fn new(quotes: bool) -> Self {
        Self {
            quotes,
            pending: Vec::new(),
            looked_at: 0,
            place: Place::default(),
            line: 1,
            overlong: false,
            at_start: true,
        }
    }

    /// Takes the next bytes in, and returns what they complete.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<Piece> {
        self.pending.extend_from_slice(bytes);
        if self.at_start {
            if self.pending.len() < BYTE_ORDER_MARK.len()
                && BYTE_ORDER_MARK.starts_with(&self.pending)
            {
                return Vec::new();
            }
            self.skip_byte_order_mark();
        }
        let mut pieces = self.split();
        while self.pending.len() > RECORD_BYTES_MAX || self.overlong && !self.pending.is_empty() {
            self.cut(&mut pieces);
            pieces.append(&mut self.split());
        }
        pieces
    }

    /// Returns what the end of the input completes.
    pub(super) fn finish(&mut self) -> Vec<Piece> {
        self.skip_byte_order_mark();
        let mut pieces = Vec::new();
        while !self.pending.is_empty() {
            if self.place == Place::Quoted {
                pieces.push(self.unclosed_line());
                pieces.append(&mut self.split());
            } else {
                let end = self.pending.len();
                pieces.push(self.record(0, end));
                self.pending.clear();
            }
        }
        pieces
    }

    fn skip_byte_order_mark(&mut self) {
        if self.at_start && self.pending.starts_with(BYTE_ORDER_MARK) {
            self.pending.drain(..BYTE_ORDER_MARK.len());
        }
        self.at_start = false;
    }

    /// Takes every complete record off the pending bytes.
    fn split(&mut self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut begin = 0;
        while let Some(end) = self.record_end() {
            if self.overlong {
                self.overlong = false;
                self.line += 1;
                pieces.push(Piece::Rest { raw: self.pending[begin..end].to_vec() });
            } else {
                pieces.push(self.record(begin, end));
            }
            begin = end;
        }
        self.pending.drain(..begin);
        self.looked_at -= begin;
        pieces
    }

    /// Looks on, to just after the end of the record that the last look left open.
    fn record_end(&mut self) -> Option<usize> {
        let rest = &self.pending[self.looked_at..];
        let length = if self.quotes && !self.overlong {
            let mut place = self.place;
            let length = rest.iter().position(|byte| match place.after(*byte) {
                Some(next) => {
                    place = next;
                    false
                }
                None => true,
            });
            self.place = if length.is_some() { Place::default() } else { place };
            length
        } else {
            rest.iter().position(|byte| *byte == b'\n')
        };
        self.looked_at = length.map_or(self.pending.len(), |length| self.looked_at + length + 1);
        length.map(|_| self.looked_at)
    }

    /// The record in this part of the pending bytes.
    fn record(&mut self, begin: usize, end: usize) -> Piece {
        let raw = self.pending[begin..end].to_vec();
        let line = self.line;
        self.line += raw.iter().filter(|byte| **byte == b'\n').count() as u64;
        if raw.len() > RECORD_BYTES_MAX {
            return Piece::Broken { line, raw, reason: too_long() };
        }
        Piece::Record { line, raw }
    }

    /// Takes pending bytes off that have grown too long without ending a record.
    fn cut(&mut self, pieces: &mut Vec<Piece>) {
        if self.overlong {
            pieces.push(Piece::Rest { raw: std::mem::take(&mut self.pending) });
        } else if self.place == Place::Quoted && self.pending.contains(&b'\n') {
            pieces.push(self.unclosed_line());
            return;
        } else {
            let raw = std::mem::take(&mut self.pending);
            self.line += raw.iter().filter(|byte| **byte == b'\n').count() as u64;
            pieces.push(Piece::Broken { line: self.line, raw, reason: too_long() });
            self.overlong = true;
        }
        self.looked_at = 0;
        self.place = Place::default();
    }

    /// Takes one line off, whose quote is never closed as far as can be seen: the lines after it
    /// are then read on their own, and only one is lost.
    fn unclosed_line(&mut self) -> Piece {
        let end = self.pending.iter().position(|byte| *byte == b'\n');
        let end = end.map_or(self.pending.len(), |newline| newline + 1);
        let raw = self.pending.drain(..end).collect();
        self.looked_at = 0;
        self.place = Place::default();
        self.line += 1;
        let reason = "a quote is opened and not closed".to_owned();
        Piece::Broken { line: self.line - 1, raw, reason }
    }
}

fn too_long() -> String {
    format!("must be at most {RECORD_BYTES_MAX} bytes long")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Splits the input fed in steps of so many bytes: (line, text, whether it is broken).
    fn split(input: &[u8], quotes: bool, step: usize) -> Vec<(u64, String, bool)> {
        let mut splitter = Splitter::new(quotes);
        let mut pieces = input.chunks(step).flat_map(|c| splitter.push(c)).collect::<Vec<_>>();
        pieces.append(&mut splitter.finish());
        let text = |raw: Vec<u8>| String::from_utf8_lossy(&raw).into_owned();
        let shown = |piece| match piece {
            Piece::Record { line, raw } => (line, text(raw), false),
            Piece::Broken { line, raw, .. } => (line, text(raw), true),
            Piece::Rest { raw } => (0, text(raw), true),
        };
        pieces.into_iter().map(shown).collect()
    }

    fn good(line: u64, text: &str) -> (u64, String, bool) {
        (line, text.to_owned(), false)
    }

    #[test]
    fn records_do_not_depend_on_how_the_bytes_come() {
        for step in 1..12 {
            assert_eq!(
                split(b"\xef\xbb\xbfa\n\nb\"\r\nc", false, step),
                [good(1, "a\n"), good(2, "\n"), good(3, "b\"\r\n"), good(4, "c")]
            );
            assert_eq!(
                split(b"a,\"b\nc\"\nd\n", true, step),
                [good(1, "a,\"b\nc\"\n"), good(3, "d\n")]
            );
        }
        assert_eq!(split(b"\xef\xbb", false, 1).len(), 1, "half a mark is no mark");
    }

    #[test]
    fn an_unclosed_quote_costs_one_line() {
        let pieces = split(b"a\n\"b\nc\nd\n", true, 3);
        let broken = (2, "\"b\n".to_owned(), true);
        assert_eq!(pieces, [good(1, "a\n"), broken, good(3, "c\n"), good(4, "d\n")]);
    }

    #[test]
    fn an_overlong_record_is_kept_in_parts_and_the_next_one_is_read() {
        for quotes in [false, true] {
            let long = "x".repeat(RECORD_BYTES_MAX * 2) + "\n";
            let input = format!("a\n{long}b\n");
            let pieces = split(input.as_bytes(), quotes, 1 << 16);
            assert_eq!(pieces.first(), Some(&good(1, "a\n")));
            assert_eq!(pieces.last(), Some(&good(3, "b\n")));
            let parts = &pieces[1..pieces.len() - 1];
            assert!(
                parts
                    .iter()
                    .all(|(_, text, broken)| *broken && text.len() < RECORD_BYTES_MAX + (1 << 20))
            );
            assert_eq!(parts.iter().map(|(_, text, _)| text.len()).sum::<usize>(), long.len());
            assert_eq!(parts.iter().filter(|(line, ..)| *line > 0).count(), 1);
        }
    }
}
