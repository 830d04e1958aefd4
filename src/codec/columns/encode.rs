//! Rows to a block.
//!
//! Owns: [`encode`] and what it returns. Does not own the packing of values (`encoding`).
//!
//! Invariant: a column whose every row is absent is left out.

use std::borrow::Borrow;

use super::encoding::{BlobPacker, Order, Packed, pack_degrees, pack_numbers, unit, unit_power};
use super::head::{Kind, assemble};
use super::values::{FIRST_FORM, KEPT_AS_TEXT};
use crate::client_time::{self, Form};
use crate::codec::dictionary::Dictionary;
use crate::codec::row::Row;
use crate::error::{Error, Result};
use crate::index::postings::BlockTerms;
use crate::index::zones::Zone;
use crate::limits::{BLOCK_COLUMN_BYTES_MAX, PART_ROWS_MAX, TAG_COST_BYTES};
use crate::time::Timestamp;

/// A block, and what it is found by.
#[derive(Debug, Clone)]
pub(crate) struct EncodedBlock {
    pub(crate) bytes: Vec<u8>,
    pub(crate) zone: Zone,
    pub(crate) index: BlockTerms,
}

/// Of 1 to 65,536 rows in order of arrival, of which no column exceeds `BLOCK_COLUMN_BYTES_MAX`.
pub(crate) fn encode<R: Borrow<Row>>(rows: &[R]) -> Result<EncodedBlock> {
    let rows: Vec<&Row> = rows.iter().map(Borrow::borrow).collect();
    if rows.is_empty() || rows.len() > PART_ROWS_MAX {
        let rule = format!("must have 1 to {PART_ROWS_MAX} rows");
        return Err(Error::invalid("block", rule, rows.len()));
    }
    let sessions = Dictionary::of(rows.iter().map(|row| row.session_id.as_str()));
    let types = Dictionary::of(rows.iter().map(|row| row.event_type.as_str()));
    let tags = Dictionary::of(rows.iter().flat_map(|row| row.tags.iter().map(String::as_str)));
    let index = BlockTerms::of_codes(&rows, &sessions, &types, &tags);
    let clients: Vec<Client<'_>> = rows.iter().map(|row| Client::of(row)).collect();

    let mut columns = Columns::default();
    columns.dictionary((Kind::SessionNames, Kind::SessionCodes), &sessions, 0)?;
    columns.dictionary((Kind::TypeNames, Kind::TypeCodes), &types, 0)?;
    let times: Vec<i64> = rows.iter().map(|row| row.server_time.as_micros()).collect();
    columns.server_times(&times)?;
    let grouped = index.rows_by_session();
    columns.locations(&rows, grouped)?;
    columns.client_times(&clients, &times, grouped)?;
    columns.tags(&rows, &tags)?;
    columns.data(&rows)?;

    // Holes have neither session nor type.
    let named =
        |of: &Dictionary<'_>| of.names.iter().filter(|name| !name.is_empty()).count() as u32;
    let mut zone = Zone {
        sessions: named(&sessions),
        types: named(&types),
        tags: tags.names.len() as u32,
        ..Zone::default()
    };
    for (row, client) in rows.iter().zip(&clients).filter(|(row, _)| !row.is_hole()) {
        zone.add(row.server_time, client.instant(), row.location);
    }
    Ok(EncodedBlock { bytes: assemble(rows.len(), &columns.packed)?, zone, index })
}

/// A client time as it is kept.
enum Client<'a> {
    None,
    Text(&'a str),
    Shaped(Timestamp, Form),
}

impl<'a> Client<'a> {
    fn of(row: &'a Row) -> Self {
        let Some(text) = row.client_time.as_deref() else {
            return Self::None;
        };
        match client_time::shape(text) {
            Some((instant, form)) => {
                debug_assert_eq!(form.format(instant).as_deref(), Some(text), "a form loses text");
                debug_assert_eq!(client_time::instant(text), Some(instant), "readings differ");
                Self::Shaped(instant, form)
            }
            None => Self::Text(text),
        }
    }

    fn instant(&self) -> Option<Timestamp> {
        match *self {
            Self::None => None,
            Self::Text(text) => client_time::instant(text),
            Self::Shaped(instant, _) => Some(instant),
        }
    }

    fn form(&self) -> u32 {
        match self {
            Self::None => 0,
            Self::Text(_) => KEPT_AS_TEXT,
            Self::Shaped(_, form) => FIRST_FORM + form.to_u32(),
        }
    }
}

/// The columns so far, in the order of their kinds.
#[derive(Default)]
struct Columns {
    packed: Vec<(Kind, Packed)>,
    blobs: BlobPacker,
}

impl Columns {
    fn put(&mut self, kind: Kind, packed: Option<Packed>) {
        self.packed.extend(packed.map(|packed| (kind, packed)));
    }

    /// Names that cost so much beside their text, wherever they occur.
    fn dictionary(
        &mut self,
        (names, codes): (Kind, Kind),
        dictionary: &Dictionary<'_>,
        cost: usize,
    ) -> Result<()> {
        let bytes = |&code: &u32| dictionary.names[code as usize].len() + cost;
        let bytes: usize = dictionary.codes.iter().map(bytes).sum();
        if bytes > BLOCK_COLUMN_BYTES_MAX {
            let rule = format!("must have columns of at most {BLOCK_COLUMN_BYTES_MAX} bytes");
            return Err(Error::invalid("block", rule, bytes));
        }
        let packed = self.blobs.pack_texts(dictionary.names.iter().copied())?;
        self.put(names, Some(packed));
        self.put(codes, pack_numbers(&dictionary.codes, Order::Unordered)?);
        Ok(())
    }

    fn server_times(&mut self, times: &[i64]) -> Result<()> {
        let power = unit_power(times.iter().copied());
        let scaled: Vec<i64> = times.iter().map(|time| time / unit(power)).collect();
        let packed = pack_numbers(&scaled, Order::Walk)?;
        self.put(Kind::ServerTimes, packed.map(|packed| packed.scaled(power)));
        Ok(())
    }

    fn locations(&mut self, rows: &[&Row], grouped: &[u32]) -> Result<()> {
        let mut latitudes = Vec::with_capacity(rows.len());
        let mut longitudes = Vec::with_capacity(rows.len());
        let mut presence = vec![0_u8; rows.len().div_ceil(8)];
        for (place, &row) in grouped.iter().enumerate() {
            if let Some(location) = rows[row as usize].location {
                latitudes.push(location.latitude);
                longitudes.push(location.longitude);
                presence[place / 8] |= 1 << (place % 8);
            }
        }
        if !latitudes.is_empty() && latitudes.len() < rows.len() {
            let packed = self.blobs.pack(presence)?;
            self.put(Kind::LocationPresence, Some(packed));
        }
        self.put(Kind::Latitudes, pack_degrees(&latitudes)?);
        self.put(Kind::Longitudes, pack_degrees(&longitudes)?);
        Ok(())
    }

    fn client_times(
        &mut self,
        clients: &[Client<'_>],
        times: &[i64],
        grouped: &[u32],
    ) -> Result<()> {
        let grouped = || grouped.iter().map(|&row| (&clients[row as usize], times[row as usize]));
        let forms: Vec<u32> = grouped().map(|(client, _)| client.form()).collect();
        if forms.iter().all(|&form| form == 0) {
            return Ok(());
        }
        self.put(Kind::ClientForms, pack_numbers(&forms, Order::Unordered)?);
        let mut texts = Vec::new();
        let mut instants = Vec::with_capacity(clients.len());
        for (client, server_time) in grouped() {
            match *client {
                Client::None => {}
                Client::Text(text) => texts.push(text),
                Client::Shaped(instant, _) => instants.push((instant.as_micros(), server_time)),
            }
        }
        let power = unit_power(instants.iter().map(|(instant, _)| *instant));
        let unit = unit(power);
        let delays: Vec<i64> = instants
            .iter()
            .map(|(instant, server)| (instant / unit).wrapping_sub(server.div_euclid(unit)))
            .collect();
        let packed = pack_numbers(&delays, Order::Track)?;
        self.put(Kind::ClientDelays, packed.map(|packed| packed.scaled(power)));
        if !texts.is_empty() {
            let packed = self.blobs.pack_texts(texts.into_iter())?;
            self.put(Kind::ClientTexts, Some(packed));
        }
        Ok(())
    }

    fn tags(&mut self, rows: &[&Row], tags: &Dictionary<'_>) -> Result<()> {
        if tags.names.is_empty() {
            return Ok(());
        }
        let counts: Vec<u32> = rows.iter().map(|row| row.tags.len() as u32).collect();
        self.put(Kind::TagCounts, pack_numbers(&counts, Order::Unordered)?);
        self.dictionary((Kind::TagNames, Kind::TagCodes), tags, TAG_COST_BYTES)
    }

    fn data(&mut self, rows: &[&Row]) -> Result<()> {
        let data = || rows.iter().filter_map(|row| row.data.as_deref());
        if data().next().is_none() {
            return Ok(());
        }
        let lengths: Vec<u32> = rows
            .iter()
            .map(|row| row.data.as_ref().map_or(0, |data| data.len() as u32 + 1))
            .collect();
        self.put(Kind::DataLengths, pack_numbers(&lengths, Order::Unordered)?);
        let mut bytes = Vec::with_capacity(data().map(str::len).sum());
        data().for_each(|data| bytes.extend_from_slice(data.as_bytes()));
        let packed = self.blobs.pack(bytes)?;
        self.put(Kind::Data, Some(packed));
        Ok(())
    }
}
