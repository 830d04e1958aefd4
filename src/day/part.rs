//! Parts: stretches of a day that have postings of their own.
//!
//! Owns: [`Part`], what a snapshot of a day holds of each, and its entry in the log and in a footer.
//! Does not own what a part holds (`contents`).
//!
//! Invariants: a part holds at most [`PART_ROWS_MAX`] rows, and its blocks fill it, unless its rows were
//! lost to damage and it has none, however many; one of half of [`UNKNOWN_ORDINALS`] and more without
//! blocks stands for ordinals of which nobody knows whether they were given; the parts of a day follow
//! each other without a gap from ordinal 0. Of a part that was merged an entry has about 120 bytes, so
//! that a day costs little memory however much it holds: its contents are a section of the day's file.
//!
//! ```text
//! part  first ordinal, rows, then 0                        lost
//!                             or  1, contents              not merged
//!                             or  2, offset and length of the section of its contents,
//!                                    bytes of its rows in memory, zone (fixed length)
//! ```
//! All numbers are varints.

use std::sync::Arc;

use crate::codec::bytes::{Reader, put_varint};
use crate::day::contents::{Contents, Span};
use crate::error::{Error, Result};
use crate::index::zones::Zone;
use crate::limits::{BLOCK_COLUMN_BYTES_MAX, PART_ROWS_MAX, UNKNOWN_ORDINALS};

/// A stretch of a day with postings of its own.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    /// Ordinal of the first row.
    pub(crate) first: u32,
    pub(crate) rows: u32,
    pub(crate) state: State,
}

/// What has become of a part's rows.
#[derive(Debug, Clone)]
pub(crate) enum State {
    /// They were lost to damage: ordinals without events.
    Lost,
    /// Their postings are kept with the part's entry, to be merged with its neighbours'.
    Unmerged(Arc<Contents>),
    /// They have their postings, and what they are is listed in a section of the day's file.
    Merged { contents: Span, row_bytes: u64, zone: Zone },
}

impl Part {
    /// A part whose rows were lost.
    pub(crate) fn lost(first: u32, rows: u32) -> Self {
        Self { first, rows, state: State::Lost }
    }

    /// A part whose contents go with its entry.
    pub(crate) fn unmerged(first: u32, contents: Contents) -> Self {
        Self { first, rows: contents.rows(), state: State::Unmerged(Arc::new(contents)) }
    }

    /// A part whose contents are this section of the day's file.
    pub(crate) fn merged(first: u32, contents: &Contents, section: Span) -> Self {
        let (row_bytes, zone) = (contents.row_bytes(), contents.zone());
        let state = State::Merged { contents: section, row_bytes, zone };
        Self { first, rows: contents.rows(), state }
    }

    /// The ordinal after the last row.
    pub(crate) fn end(&self) -> u32 {
        self.first + self.rows
    }

    /// About what it costs in memory.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>() + self.contents_here().map_or(0, Contents::bytes)
    }

    fn contents_here(&self) -> Option<&Contents> {
        match &self.state {
            State::Unmerged(contents) => Some(contents),
            State::Lost | State::Merged { .. } => None,
        }
    }

    /// Whether its rows were lost to damage.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(self.state, State::Lost)
    }

    /// Whether nobody knows if there ever were such rows.
    pub(crate) fn is_unknown(&self) -> bool {
        // Rows may have been found in what was taken for unknown.
        self.is_lost() && self.rows >= UNKNOWN_ORDINALS / 2
    }

    /// Whether its postings are kept with its entry, to be merged with its neighbours'.
    pub(crate) fn is_unmerged(&self) -> bool {
        matches!(self.state, State::Unmerged(_))
    }

    /// Bytes of the postings kept with its entry.
    pub(crate) fn unmerged_bytes(&self) -> usize {
        self.contents_here().map_or(0, Contents::postings_here)
    }

    /// The zone that covers all its blocks.
    pub(crate) fn zone(&self) -> Option<Zone> {
        match &self.state {
            State::Lost => None,
            State::Unmerged(contents) => Some(contents.zone()),
            State::Merged { zone, .. } => Some(*zone),
        }
    }

    /// The events it holds: what its zone counts, and that leaves out holes.
    pub(crate) fn events(&self) -> u32 {
        self.zone().map_or(0, |zone| zone.rows)
    }

    /// Bytes of its rows in memory.
    pub(crate) fn row_bytes(&self) -> u64 {
        match &self.state {
            State::Lost => 0,
            State::Unmerged(contents) => contents.row_bytes(),
            State::Merged { row_bytes, .. } => *row_bytes,
        }
    }

    /// Where in the day's file the last of its bytes lies.
    pub(crate) fn end_in_file(&self) -> Option<u64> {
        match &self.state {
            State::Lost => None,
            State::Unmerged(contents) => contents.end_in_file(),
            State::Merged { contents, .. } => Some(contents.end()),
        }
    }

    /// Its contents, from the body of the section that lists them.
    pub(crate) fn read_contents(&self, section: Span, body: &[u8]) -> Result<Contents> {
        let contents = Contents::of_section(body, self.first, self.rows, section.offset)?;
        let listed = (self.row_bytes(), self.zone());
        match listed == (contents.row_bytes(), Some(contents.zone())) {
            true => Ok(contents),
            false => Err(Error::corrupt("the contents are those of another part")),
        }
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, self.first.into());
        put_varint(out, self.rows.into());
        match &self.state {
            State::Lost => out.push(0),
            State::Unmerged(contents) => {
                out.push(1);
                contents.encode(out);
            }
            State::Merged { contents, row_bytes, zone } => {
                out.push(2);
                contents.encode(out);
                put_varint(out, *row_bytes);
                out.extend_from_slice(&zone.encode());
            }
        }
    }

    /// Reads a part; `file_len` bounds where its bytes may lie.
    pub(crate) fn decode(reader: &mut Reader<'_>, file_len: u64) -> Result<Self> {
        let first = reader.varint_u32()?;
        let rows = reader.varint_u32()?;
        let impossible = || Error::corrupt("a part's entry has an impossible number of rows");
        let end = first.checked_add(rows).filter(|_| rows > 0).ok_or_else(impossible)?;
        let state = match reader.u8()? {
            0 => State::Lost,
            1 => State::Unmerged(Arc::new(Contents::decode(reader, first, end, file_len)?)),
            2 => {
                let contents = Span::decode(reader, file_len)?;
                let row_bytes = reader.varint()?;
                let zone = Zone::decode(reader.slice(Zone::BYTES)?)?;
                State::Merged { contents, row_bytes, zone }
            }
            _ => return Err(Error::corrupt("a part's entry is of no known kind")),
        };
        let part = Self { first, rows, state };
        // A block has one row at least, and no more bytes than that: sums of them cannot overflow.
        let bytes_max = PART_ROWS_MAX as u64 * BLOCK_COLUMN_BYTES_MAX as u64;
        let fits = rows as usize <= PART_ROWS_MAX && part.row_bytes() <= bytes_max;
        match part.is_lost() || fits && part.events() <= rows {
            true => Ok(part),
            false => Err(impossible()),
        }
    }
}

/// Checks that parts follow each other from ordinal 0; the ordinal after the last row.
pub(crate) fn check_contiguous(parts: &[Arc<Part>]) -> Result<u32> {
    parts.iter().try_fold(0, |next, part| {
        if part.first == next {
            Ok(part.end())
        } else {
            Err(Error::corrupt(format!("rows from ordinal {next} to {} are missing", part.first)))
        }
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops there")]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::codec::columns;
    use crate::codec::row::any;
    use crate::day::contents::{BlockEntry, Source};

    /// The ordinal of the first row of every part here.
    const FIRST: u32 = 7;
    const FILE_LEN: u64 = 1_000;

    /// What a part of two rows holds.
    fn contents(row_bytes: u64) -> Contents {
        let zone = columns::encode(&any::rows(2)).unwrap().zone;
        let source = Source::File(Span { offset: 24, len: 9 });
        let block = BlockEntry { first: FIRST, rows: 2, row_bytes, zone, source };
        Contents { blocks: [block].into(), pages: Box::default() }
    }

    fn merged() -> Part {
        Part::merged(FIRST, &contents(80), Span { offset: 33, len: 200 })
    }

    fn encoded(part: &Part) -> Vec<u8> {
        let mut bytes = Vec::new();
        part.encode(&mut bytes);
        bytes
    }

    fn decode(part: &Part) -> Result<Part> {
        Part::decode(&mut Reader::new(&encoded(part), "part"), FILE_LEN)
    }

    #[test]
    fn a_part_is_read_as_it_was_listed() {
        for part in [Part::lost(FIRST, 1 << 30), Part::unmerged(FIRST, contents(80)), merged()] {
            assert_eq!(format!("{:?}", decode(&part).unwrap()), format!("{part:?}"));
        }
    }

    #[test]
    fn what_is_told_of_a_part_is_told_of_it_merged_and_not() {
        let told = |part: Part| (part.rows, part.row_bytes(), part.events(), part.zone());
        let unmerged = Part::unmerged(FIRST, contents(80));
        assert_eq!(told(merged()), told(unmerged.clone()));
        assert_eq!(told(merged()), (2, 80, 2, Some(contents(80).zone())));
        assert_eq!(told(Part::lost(FIRST, 2)), (2, 0, 0, None));
        assert!(unmerged.is_unmerged() && !merged().is_unmerged() && !merged().is_lost());
        assert_eq!((unmerged.end_in_file(), merged().end_in_file()), (Some(33), Some(233)));
    }

    #[test]
    fn an_entry_that_no_part_can_have_is_an_error() {
        let with = |change: fn(&mut Part)| {
            let mut part = merged();
            change(&mut part);
            part
        };
        let impossible = [
            with(|part| part.rows = 0),
            with(|part| part.first = u32::MAX),
            with(|part| part.rows = 1),
            with(|part| part.rows = PART_ROWS_MAX as u32 + 1),
            Part { rows: 3, ..Part::unmerged(FIRST, contents(80)) },
            Part::merged(FIRST, &contents(u64::MAX), Span { offset: 33, len: 200 }),
            Part::merged(FIRST, &contents(80), Span { offset: FILE_LEN - 199, len: 200 }),
            Part::merged(FIRST, &contents(80), Span { offset: u64::MAX, len: 200 }),
        ];
        for part in impossible {
            assert_eq!(decode(&part).unwrap_err().kind(), ErrorKind::Corrupt, "{part:?}");
        }
        let mut unknown = encoded(&merged());
        unknown[2] = 3;
        let error = Part::decode(&mut Reader::new(&unknown, "part"), FILE_LEN).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
    }

    #[test]
    fn the_contents_of_another_part_are_not_believed() {
        let section = Span { offset: 33, len: 200 };
        let read = |listed: &Contents| merged().read_contents(section, &listed.to_section());
        assert_eq!(read(&contents(80)).unwrap().row_bytes(), 80);
        assert_eq!(read(&contents(81)).unwrap_err().kind(), ErrorKind::Corrupt);
        let mut other = contents(80);
        other.blocks[0].zone = columns::encode(&any::rows(3)[1..]).unwrap().zone;
        assert_eq!(read(&other).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}
