//! A block's bytes to columns.
//!
//! Owns: [`Source`], which fetches and checks physical columns and joins them to logical ones. Does
//! not own how values are unpacked (`encoding`).
//!
//! Invariant: what is returned keeps every promise of `values`, whatever the bytes.

use std::ops::Range;
use std::rc::Rc;

use super::encoding::{BlobUnpacker, Encoding, Fixed, unit, unpack_degrees, unpack_numbers};
use super::head::{Entry, Head, Kind};
use super::values::{
    ClientTimes, Degrees, FIRST_FORM, KEPT_AS_TEXT, Locations, Names, Strings, Tags, Texts,
};
use crate::client_time::{self, Form};
use crate::codec::dictionary::group;
use crate::error::{Error, Result};
use crate::limits::{BLOCK_COLUMN_BYTES_MAX, DATA_BYTES_MAX, TAG_COST_BYTES, TAGS_MAX};
use crate::time::Timestamp;

type Fetch<'a> = dyn FnMut(Range<usize>) -> Result<Vec<u8>> + 'a;

/// A block to be read column by column.
pub(super) struct Source<'a> {
    head: &'a Head,
    fetch: &'a mut Fetch<'a>,
    blobs: Rc<BlobUnpacker>,
    /// What several columns need, once it is known.
    rows_by_session: Option<Rc<[u32]>>,
    server_times: Option<Rc<[i64]>>,
}

/// A stretch of the block that holds some of its columns.
struct Stretch<'a> {
    head: &'a Head,
    start: usize,
    bytes: Vec<u8>,
    blobs: Rc<BlobUnpacker>,
}

/// The checked bytes of a column.
struct Physical<'a> {
    kind: Kind,
    encoding: Encoding,
    bytes: &'a [u8],
    blobs: &'a BlobUnpacker,
}

impl<'a> Source<'a> {
    pub(super) fn new<'f: 'a>(head: &'a Head, fetch: &'a mut Fetch<'f>) -> Source<'a>
    where
        'a: 'f,
    {
        Self { head, fetch, blobs: Rc::default(), rows_by_session: None, server_times: None }
    }

    /// The columns from one kind to another, fetched at once.
    fn stretch(&mut self, first: Kind, last: Kind) -> Result<Stretch<'a>> {
        let wanted = |entry: &&Entry| (first..=last).contains(&entry.kind);
        let start = self.head.entries().find(wanted).map_or(0, |entry| entry.range.start);
        let end = self.head.entries().filter(wanted).last().map_or(0, |entry| entry.range.end);
        let bytes = if start < end { (self.fetch)(start..end)? } else { Vec::new() };
        if bytes.len() != end - start {
            return Err(Error::corrupt(format!("{}: ends early", first.name())));
        }
        Ok(Stretch { head: self.head, start, bytes, blobs: self.blobs.clone() })
    }

    fn rows(&self) -> usize {
        self.head.rows()
    }

    pub(super) fn sessions(&mut self) -> Result<Strings> {
        self.strings(Kind::SessionNames, Kind::SessionCodes)
    }

    /// As [`sessions`](Self::sessions), where grouped columns are to follow.
    pub(super) fn sessions_first(&mut self) -> Result<Strings> {
        let sessions = self.sessions()?;
        self.group_rows(&sessions.codes);
        Ok(sessions)
    }

    pub(super) fn types(&mut self) -> Result<Strings> {
        self.strings(Kind::TypeNames, Kind::TypeCodes)
    }

    fn strings(&mut self, names: Kind, codes: Kind) -> Result<Strings> {
        let rows = self.rows();
        let stretch = self.stretch(names, codes)?;
        let dictionary = stretch.need(names)?.dictionary(rows)?;
        let codes = stretch.need(codes)?.names(rows, &dictionary, 0)?;
        Ok(Strings { dictionary, codes })
    }

    pub(super) fn server_times(&mut self) -> Result<Rc<[i64]>> {
        if let Some(times) = &self.server_times {
            return Ok(times.clone());
        }
        let stretch = self.stretch(Kind::ServerTimes, Kind::ServerTimes)?;
        let column = stretch.need(Kind::ServerTimes)?;
        let unit = unit(column.encoding.power);
        let mut times: Vec<i64> = column.numbers(self.rows())?;
        if unit > 1 {
            times.iter_mut().for_each(|time| *time = time.wrapping_mul(unit));
        }
        Ok(self.server_times.insert(times.into()).clone())
    }

    /// Rows in the order that grouped columns hold them.
    fn rows_by_session(&mut self) -> Result<Rc<[u32]>> {
        if let Some(rows) = &self.rows_by_session {
            return Ok(rows.clone());
        }
        let rows = self.rows();
        let stretch = self.stretch(Kind::SessionCodes, Kind::SessionCodes)?;
        // There are no more sessions than rows, and only their order matters here.
        let codes = stretch.need(Kind::SessionCodes)?.codes(rows, rows)?;
        Ok(self.group_rows(&codes))
    }

    fn group_rows(&mut self, codes: &[u32]) -> Rc<[u32]> {
        let count = codes.iter().max().map_or(0, |&last| last as usize + 1);
        self.rows_by_session.insert(group(codes, count).places.into()).clone()
    }

    pub(super) fn locations(&mut self) -> Result<Locations> {
        let rows = self.rows();
        let stretch = self.stretch(Kind::LocationPresence, Kind::Longitudes)?;
        let Some(latitudes) = stretch.column(Kind::Latitudes)? else {
            return Ok(Locations::default());
        };
        let mut located = self.rows_by_session()?.to_vec();
        if let Some(presence) = stretch.column(Kind::LocationPresence)? {
            let bits = presence.blob()?;
            if bits.len() != rows.div_ceil(8) {
                return Err(presence.corrupt("not one bit a row"));
            }
            let mut place = 0;
            located.retain(|_| {
                place += 1;
                bits[(place - 1) / 8] >> ((place - 1) % 8) & 1 == 1
            });
        }
        let latitudes = latitudes.degrees(located.len(), 90.0)?.at_rows(&located, rows);
        let longitudes = stretch.need(Kind::Longitudes)?.degrees(located.len(), 180.0)?;
        Ok(Locations { latitudes, longitudes: longitudes.at_rows(&located, rows) })
    }

    pub(super) fn client_times(&mut self) -> Result<ClientTimes> {
        let rows = self.rows();
        let stretch = self.stretch(Kind::ClientForms, Kind::ClientTexts)?;
        let Some(column) = stretch.column(Kind::ClientForms)? else {
            return Ok(ClientTimes::default());
        };
        let grouped_forms: Vec<u32> = column.numbers(rows)?;
        let shaped = grouped_forms.iter().filter(|&&form| form >= FIRST_FORM).count();
        let kept = grouped_forms.iter().filter(|&&form| form == KEPT_AS_TEXT).count();
        // Neighbours are most often written alike, and looking at a form takes its time.
        let mut runs = grouped_forms.chunk_by(|one, next| one == next).map(|run| run[0]);
        if runs.any(|form| {
            form.checked_sub(FIRST_FORM).is_some_and(|form| Form::from_u32(form).is_none())
        }) {
            return Err(column.corrupt("no such form"));
        }
        let (mut delays, mut power) = (Vec::new(), 0);
        if shaped > 0 {
            let column = stretch.need(Kind::ClientDelays)?;
            power = column.encoding.power;
            delays = column.numbers(shaped)?;
        }
        let mut texts = Names::default();
        if kept > 0 {
            let column = stretch.need(Kind::ClientTexts)?;
            texts = column.texts(kept)?;
            if texts.len() != kept {
                return Err(column.corrupt("not one text a row kept as text"));
            }
        }
        let unit = unit(power);
        let server_times = self.server_times()?;
        let mut times = ClientTimes {
            forms: vec![0; rows],
            instants: vec![None; rows],
            places: if kept > 0 { vec![0; rows] } else { Vec::new() },
            texts,
        };
        let (mut delays, mut place) = (delays.into_iter(), 0);
        for (&row, form) in self.rows_by_session()?.iter().zip(grouped_forms) {
            let row = row as usize;
            times.forms[row] = form;
            if form == KEPT_AS_TEXT {
                times.instants[row] = client_time::instant(times.texts.get(place));
                times.places[row] = place as u32;
                place += 1;
            } else if form >= FIRST_FORM {
                let server = server_times[row].div_euclid(unit);
                times.instants[row] = delays.next().map(|delay: i64| {
                    Timestamp::from_micros(server.wrapping_add(delay).wrapping_mul(unit))
                });
            }
        }
        Ok(times)
    }

    pub(super) fn tags(&mut self) -> Result<Tags> {
        let rows = self.rows();
        let stretch = self.stretch(Kind::TagCounts, Kind::TagCodes)?;
        let Some(column) = stretch.column(Kind::TagCounts)? else {
            return Ok(Tags::default());
        };
        let counts: Vec<u32> = column.numbers(rows)?;
        let mut offsets = Vec::with_capacity(rows + 1);
        let mut end = 0_u32;
        offsets.push(end);
        for count in counts {
            if count as usize > TAGS_MAX {
                return Err(column.corrupt("more tags than a row can have"));
            }
            // At most 2^16 rows of 2^8 tags.
            end += count;
            offsets.push(end);
        }
        let dictionary = stretch.need(Kind::TagNames)?.dictionary(end as usize)?;
        let codes =
            stretch.need(Kind::TagCodes)?.names(end as usize, &dictionary, TAG_COST_BYTES)?;
        Ok(Tags { dictionary, offsets, codes })
    }

    pub(super) fn data(&mut self) -> Result<Texts> {
        let rows = self.rows();
        let stretch = self.stretch(Kind::DataLengths, Kind::Data)?;
        let Some(column) = stretch.column(Kind::DataLengths)? else {
            return Ok(Texts::default());
        };
        let lengths: Vec<u32> = column.numbers(rows)?;
        let data = stretch.need(Kind::Data)?;
        let text = data.blob()?;
        let mut ends = Vec::with_capacity(rows);
        let mut end = 0;
        for length in &lengths {
            let length = length.saturating_sub(1) as usize;
            if length > DATA_BYTES_MAX || length > text.len() - end {
                return Err(column.corrupt("longer than the data"));
            }
            end += length;
            ends.push(end as u32);
        }
        if end != text.len() {
            return Err(column.corrupt("shorter than the data"));
        }
        let texts = Names::new(text, ends).ok_or_else(|| data.corrupt("not UTF-8"))?;
        Ok(Texts { present: lengths.into_iter().map(|length| length > 0).collect(), texts })
    }
}

impl Stretch<'_> {
    /// `None` where the block does without.
    fn column(&self, kind: Kind) -> Result<Option<Physical<'_>>> {
        let Some(entry) = self.head.entry(kind) else {
            return Ok(None);
        };
        // A stretch was fetched to hold the columns that are asked of it.
        let range = entry.range.start - self.start..entry.range.end - self.start;
        let bytes = &self.bytes[range];
        entry.verify(bytes)?;
        Ok(Some(Physical { kind, encoding: entry.encoding, bytes, blobs: &self.blobs }))
    }

    fn need(&self, kind: Kind) -> Result<Physical<'_>> {
        self.column(kind)?
            .ok_or_else(|| Error::corrupt(format!("{}: not in the block", kind.name())))
    }
}

impl Physical<'_> {
    fn corrupt(&self, what: &str) -> Error {
        Error::corrupt(format!("{}: {what}", self.kind.name()))
    }

    fn numbers<T: Fixed>(&self, count: usize) -> Result<Vec<T>> {
        unpack_numbers(self.encoding, self.bytes, count, self.kind.name())
    }

    fn degrees(&self, count: usize, bound: f64) -> Result<Degrees> {
        unpack_degrees(self.encoding, self.bytes, count, bound, self.kind.name())
    }

    fn blob(&self) -> Result<Vec<u8>> {
        self.blobs.unpack(self.encoding, self.bytes, self.kind.name())
    }

    fn texts(&self, count_max: usize) -> Result<Names> {
        self.blobs.unpack_texts(self.encoding, self.bytes, count_max, self.kind.name())
    }

    fn dictionary(&self, count_max: usize) -> Result<Names> {
        let names = self.texts(count_max)?;
        if !names.is_dictionary() {
            return Err(self.corrupt("not sorted"));
        }
        Ok(names)
    }

    /// Codes of these names, of which each costs so much beside its text: no more than a block holds.
    fn names(&self, count: usize, dictionary: &Names, cost: usize) -> Result<Vec<u32>> {
        // Before they are unpacked: a code that they all share takes four bytes, however many they are.
        let too_many = || self.corrupt("more than a block holds");
        let text_max = BLOCK_COLUMN_BYTES_MAX.checked_sub(count.saturating_mul(cost));
        let text_max = text_max.ok_or_else(too_many)?;
        let codes = self.codes(count, dictionary.len())?;
        match dictionary.fit(&codes, text_max) {
            true => Ok(codes),
            false => Err(too_many()),
        }
    }

    /// Numbers below `end`.
    fn codes(&self, count: usize, end: usize) -> Result<Vec<u32>> {
        let codes: Vec<u32> = self.numbers(count)?;
        if codes.iter().any(|&code| code as usize >= end) {
            return Err(self.corrupt("a code without a name"));
        }
        Ok(codes)
    }
}
