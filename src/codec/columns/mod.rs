//! A block: up to 65,536 rows as columns.
//!
//! Owns: the logical columns and how each is read alone; the rows put together again. Its children own
//! the head (`head`), the packing of values (`encoding`), writing (`encode`), the physical columns
//! (`decode`) and decoded values (`values`). Does not own what a block is filed under (`index`), nor
//! where it lies (`day`).
//!
//! Invariants: a block is its head and then its columns, see `head`. What is read of a block is checked
//! against a checksum first. Locations and client times hold a block's rows session by session, in
//! order of arrival within each: neighbours are alike then, and coordinates take half the bytes. Which
//! row is which follows from the column of sessions.

mod decode;
mod encode;
mod encoding;
mod head;
#[cfg(test)]
mod tests;
mod values;

use std::borrow::Borrow;
use std::ops::Range;

pub(crate) use encode::encode;
#[cfg(feature = "testing")]
pub(crate) use head::reseal;
pub(crate) use head::{HEAD_BYTES_MAX, Head};
pub(crate) use values::{ClientTimes, Locations, Strings, Tags, Texts};

use crate::codec::row::Row;
use crate::error::{Error, Result};
use crate::event::Location;
use crate::time::Timestamp;

/// What a column says of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum ColumnKind {
    Session,
    EventType,
    ServerTime,
    ClientTime,
    Location,
    Tags,
    Data,
}

impl ColumnKind {
    /// All of them.
    pub(crate) const ALL: [Self; 7] = [
        Self::Session,
        Self::EventType,
        Self::ServerTime,
        Self::ClientTime,
        Self::Location,
        Self::Tags,
        Self::Data,
    ];
}

/// A decoded column, row by row in order of arrival.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Column {
    Session(Strings),
    EventType(Strings),
    /// Microseconds, as `Timestamp` counts them.
    ServerTime(Vec<i64>),
    ClientTime(ClientTimes),
    Location(Locations),
    Tags(Tags),
    Data(Texts),
}

impl Column {
    /// About what it costs in memory.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Session(strings) | Self::EventType(strings) => strings.bytes(),
                Self::ServerTime(times) => times.capacity() * size_of::<i64>(),
                Self::ClientTime(times) => times.bytes(),
                Self::Location(locations) => locations.bytes(),
                Self::Tags(tags) => tags.bytes(),
                Self::Data(texts) => texts.bytes(),
            }
    }
}

impl Column {
    /// The server time of a row; `None` in any other column, as below.
    pub(crate) fn time(&self, row: usize) -> Option<Timestamp> {
        match self {
            Self::ServerTime(times) => times.get(row).copied().map(Timestamp::from_micros),
            _ => None,
        }
    }

    /// The instant that a row's client's clock showed, where it can be read.
    pub(crate) fn client_instant(&self, row: usize) -> Option<Timestamp> {
        match self {
            Self::ClientTime(times) => times.instant(row),
            _ => None,
        }
    }

    /// The location of a row, where it has one.
    pub(crate) fn location(&self, row: usize) -> Option<Location> {
        match self {
            Self::Location(locations) => locations.get(row),
            _ => None,
        }
    }

    /// The data of a row, where it has any.
    pub(crate) fn text(&self, row: usize) -> Option<&str> {
        match self {
            Self::Data(texts) => texts.get(row),
            _ => None,
        }
    }
}

/// One thing for each kind of column, in order, unless one of them fails.
pub(crate) fn each_kind<T>(mut make: impl FnMut(ColumnKind) -> Result<T>) -> Result<[T; 7]> {
    let [a, b, c, d, e, f, g] = ColumnKind::ALL;
    Ok([make(a)?, make(b)?, make(c)?, make(d)?, make(e)?, make(f)?, make(g)?])
}

/// Reads one column. `fetch` returns that range of the block's bytes; it is called once for every
/// stretch of bytes that the column needs.
pub(crate) fn decode(
    head: &Head,
    kind: ColumnKind,
    fetch: &mut dyn FnMut(Range<usize>) -> Result<Vec<u8>>,
) -> Result<Column> {
    read(&mut decode::Source::new(head, fetch), kind)
}

/// Reads every column of a block whose bytes are all there.
pub(crate) fn decode_all(head: &Head, bytes: &[u8]) -> Result<[Column; 7]> {
    let mut fetch = |range: Range<usize>| {
        let found = bytes.get(range).map(<[u8]>::to_vec);
        found.ok_or_else(|| Error::corrupt("block: it ends early"))
    };
    let mut source = decode::Source::new(head, &mut fetch);
    // Sessions come first of all kinds.
    each_kind(|kind| match kind {
        ColumnKind::Session => source.sessions_first().map(Column::Session),
        other => read(&mut source, other),
    })
}

/// Reads these columns of a block, what they share once. `fetch` as for [`decode`].
pub(crate) fn decode_some(
    head: &Head,
    kinds: &[ColumnKind],
    fetch: &mut dyn FnMut(Range<usize>) -> Result<Vec<u8>>,
) -> Result<Vec<Column>> {
    let mut source = decode::Source::new(head, fetch);
    let grouped = [ColumnKind::ClientTime, ColumnKind::Location];
    let sessions_first = kinds.iter().any(|kind| grouped.contains(kind));
    let columns = kinds.iter().map(|kind| match kind {
        ColumnKind::Session if sessions_first => source.sessions_first().map(Column::Session),
        other => read(&mut source, *other),
    });
    columns.collect()
}

fn read(source: &mut decode::Source<'_>, kind: ColumnKind) -> Result<Column> {
    Ok(match kind {
        ColumnKind::Session => Column::Session(source.sessions()?),
        ColumnKind::EventType => Column::EventType(source.types()?),
        ColumnKind::ServerTime => Column::ServerTime(source.server_times()?.to_vec()),
        ColumnKind::ClientTime => Column::ClientTime(source.client_times()?),
        ColumnKind::Location => Column::Location(source.locations()?),
        ColumnKind::Tags => Column::Tags(source.tags()?),
        ColumnKind::Data => Column::Data(source.data()?),
    })
}

/// All the columns of one block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Columns<'a> {
    pub(crate) session: &'a Strings,
    pub(crate) event_type: &'a Strings,
    pub(crate) server_time: &'a [i64],
    pub(crate) client_time: &'a ClientTimes,
    pub(crate) location: &'a Locations,
    pub(crate) tags: &'a Tags,
    pub(crate) data: &'a Texts,
}

impl<'a> Columns<'a> {
    /// From decoded columns of one block, in the order of [`ColumnKind::ALL`].
    pub(crate) fn of<C: Borrow<Column>>(columns: &'a [C; 7]) -> Result<Self> {
        match columns.each_ref().map(Borrow::borrow) {
            [
                Column::Session(session),
                Column::EventType(event_type),
                Column::ServerTime(server_time),
                Column::ClientTime(client_time),
                Column::Location(location),
                Column::Tags(tags),
                Column::Data(data),
            ] => Ok(Self { session, event_type, server_time, client_time, location, tags, data }),
            _ => Err(Error::corrupt("block: its columns are not in order")),
        }
    }

    /// One row, which the block has.
    pub(crate) fn row(&self, row: usize) -> Result<Row> {
        Ok(Row {
            session_id: self.session.get(row).to_owned(),
            event_type: self.event_type.get(row).to_owned(),
            server_time: Timestamp::from_micros(self.server_time[row]),
            client_time: self.client_time.text(row)?,
            location: self.location.get(row),
            tags: self.tags.get(row).map(str::to_owned).collect(),
            data: self.data.get(row).map(str::to_owned),
        })
    }

    /// The rows of these numbers, each of which the block has.
    pub(crate) fn rows(&self, rows: impl IntoIterator<Item = u32>) -> Result<Vec<Row>> {
        rows.into_iter().map(|row| self.row(row as usize)).collect()
    }
}
