//! The terms of a block's rows, from the codes that its columns have.
//!
//! Owns: [`BlockTerms`] and [`block_postings`]. Does not own the codes (`codec::dictionary`), nor which
//! cell a place lies in (`cells`).
//!
//! Invariant: a row is listed under its session, its type, each of its distinct tags once, the cell
//! of its location, and the quarter of an hour of its server time; a hole under the session without a
//! name and nothing else.

#[cfg(test)]
use std::borrow::Borrow;

use super::page::{Page, PostingsBuilder};
use crate::codec::dictionary::{Dictionary, Groups, group};
use crate::codec::row::Row;
use crate::index::cells::Cell;
use crate::index::term::Field;
#[cfg(test)]
use crate::index::term::Term;
use crate::time;

/// The sorted terms of some rows, with the rows of each.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct BlockTerms {
    sessions: Listed,
    /// Of each session, the first and the last server time, in microseconds.
    session_times: Vec<(i64, i64)>,
    types: Listed,
    tags: Listed,
    cells: Listed,
    quarters: Listed,
}

/// The keys of a field, and the rows of each.
#[derive(Debug, Clone, PartialEq, Default)]
struct Listed {
    keys: Vec<u8>,
    ends: Vec<u32>,
    rows: Groups,
}

impl Listed {
    fn new<'a>(names: impl Iterator<Item = &'a [u8]>, rows: Groups) -> Self {
        let mut listed = Self { rows, ..Self::default() };
        for name in names {
            listed.keys.extend_from_slice(name);
            listed.ends.push(listed.keys.len() as u32);
        }
        listed
    }

    fn key(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        &self.keys[start..self.ends[index] as usize]
    }

    fn rows(&self, index: usize) -> &[u32] {
        let starts = &self.rows.starts;
        &self.rows.places[starts[index] as usize..starts[index + 1] as usize]
    }

    #[cfg(test)]
    fn find(&self, key: &[u8]) -> Option<usize> {
        let (mut low, mut high) = (0, self.ends.len());
        while low < high {
            let middle = low.midpoint(high);
            if self.key(middle) < key {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        (low < self.ends.len() && self.key(low) == key).then_some(low)
    }
}

impl BlockTerms {
    /// Of fewer than 2^16 + 1 rows.
    #[cfg(test)]
    pub(crate) fn of<R: Borrow<Row>>(rows: &[R]) -> Self {
        let rows: Vec<&Row> = rows.iter().map(Borrow::borrow).collect();
        Self::of_codes(
            &rows,
            &Dictionary::of(rows.iter().map(|row| row.session_id.as_str())),
            &Dictionary::of(rows.iter().map(|row| row.event_type.as_str())),
            &Dictionary::of(rows.iter().flat_map(|row| row.tags.iter().map(String::as_str))),
        )
    }

    /// Of rows whose sessions, types and tags, one row's after another's, are already coded.
    pub(crate) fn of_codes(
        rows: &[&Row],
        sessions: &Dictionary<'_>,
        types: &Dictionary<'_>,
        tags: &Dictionary<'_>,
    ) -> Self {
        let names = |field: &Dictionary<'_>, rows| {
            Listed::new(field.names.iter().map(|name| name.as_bytes()), rows)
        };
        let grouped = |field: &Dictionary<'_>| group(&field.codes, field.names.len());
        let sessions = names(sessions, grouped(sessions));
        let session_times = (0..sessions.ends.len()).map(|session| {
            let times = sessions
                .rows(session)
                .iter()
                .map(|&row| rows[row as usize].server_time.as_micros());
            times
                .fold((i64::MAX, i64::MIN), |(first, last), time| (first.min(time), last.max(time)))
        });
        Self {
            session_times: session_times.collect(),
            sessions,
            types: names(types, grouped(types)),
            tags: names(tags, rows_of_tags(rows, tags)),
            cells: cells(rows),
            quarters: quarters(rows),
        }
    }

    /// The rows session by session, in order of arrival within each.
    pub(crate) fn rows_by_session(&self) -> &[u32] {
        &self.sessions.rows.places
    }

    /// The rows of a term, ascending; none where it does not occur.
    #[cfg(test)]
    pub(crate) fn rows(&self, term: &Term) -> &[u32] {
        let listed = self.listed(term.field);
        listed.find(&term.key).map_or(&[], |index| listed.rows(index))
    }

    /// The keys of a field, ascending, each with its rows.
    pub(crate) fn iter(&self, field: Field) -> impl Iterator<Item = (&[u8], &[u32])> {
        let listed = self.listed(field);
        (0..listed.ends.len()).map(|index| (listed.key(index), listed.rows(index)))
    }

    fn listed(&self, field: Field) -> &Listed {
        match field {
            Field::Session => &self.sessions,
            Field::EventType => &self.types,
            Field::Tag => &self.tags,
            Field::Cell => &self.cells,
            Field::QuarterHour => &self.quarters,
        }
    }
}

/// The postings of a block that is a part of its own.
pub(crate) fn block_postings(terms: &BlockTerms) -> Vec<Page> {
    let mut builder = PostingsBuilder::new();
    for field in Field::ALL {
        for (index, (key, rows)) in terms.iter(field).enumerate() {
            if key.is_empty() && field != Field::Session {
                continue;
            }
            let times = (field == Field::Session).then(|| terms.session_times[index]);
            builder.add(field, key, rows, times);
        }
    }
    builder.finish()
}

fn rows_of_tags(rows: &[&Row], tags: &Dictionary<'_>) -> Groups {
    // A pair for each distinct tag of a row: a repeat finds its row already there.
    const NONE: u32 = u32::MAX;
    let mut last_row = vec![NONE; tags.names.len()];
    let mut codes = Vec::with_capacity(tags.codes.len());
    let mut pair_rows = Vec::with_capacity(tags.codes.len());
    let mut of_row = tags.codes.iter();
    for (row, tagged) in rows.iter().enumerate() {
        for &code in of_row.by_ref().take(tagged.tags.len()) {
            if last_row[code as usize] != row as u32 {
                last_row[code as usize] = row as u32;
                codes.push(code);
                pair_rows.push(row as u32);
            }
        }
    }
    let mut groups = group(&codes, tags.names.len());
    for place in &mut groups.places {
        *place = pair_rows[*place as usize];
    }
    groups
}

fn cells(rows: &[&Row]) -> Listed {
    // Key and row in one integer, which sorts as the key's bytes do, then by row.
    let mut cells: Vec<u64> = Vec::with_capacity(rows.len());
    for (row, located) in rows.iter().enumerate() {
        if let Some(location) = located.location {
            let key = Cell::of(location.latitude, location.longitude).key();
            cells.push(u64::from(u32::from_be_bytes(key)) << 32 | row as u64);
        }
    }
    cells.sort_unstable();
    let key = |cell: u64| (cell >> 32) as u32;
    let mut listed = Listed::default();
    listed.rows.starts.push(0);
    for cell in cells.chunk_by(|&a, &b| key(a) == key(b)) {
        listed.keys.extend_from_slice(&key(cell[0]).to_be_bytes());
        listed.ends.push(listed.keys.len() as u32);
        listed.rows.places.extend(cell.iter().map(|&cell| cell as u32));
        listed.rows.starts.push(listed.rows.places.len() as u32);
    }
    listed
}

fn quarters(rows: &[&Row]) -> Listed {
    let events: Vec<u32> =
        (0..).zip(rows).filter(|(_, row)| !row.is_hole()).map(|(place, _)| place).collect();
    let quarter = |&place: &u32| time::quarter_of_day(rows[place as usize].server_time).into();
    let codes: Vec<u32> = events.iter().map(quarter).collect();
    let all = group(&codes, time::DAY_QUARTERS);
    let mut listed = Listed::default();
    listed.rows.starts.push(0);
    for (quarter, bounds) in (0_u8..).zip(all.starts.windows(2)) {
        if bounds[0] < bounds[1] {
            listed.keys.push(quarter);
            listed.ends.push(listed.keys.len() as u32);
            listed.rows.starts.push(bounds[1]);
        }
    }
    listed.rows.places = all.places.iter().map(|place| events[*place as usize]).collect();
    listed
}
