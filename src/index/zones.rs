//! What a block of rows spans, so that a query can pass over it.
//!
//! Owns: [`Zone`] and its bytes. Does not own the rows it is drawn from (`codec::columns`), nor the
//! decision to skip (`query`).
//!
//! Invariant: every row's values lie within the zone, and each bound is some row's value.
//!
//! ```text
//!  0  rows               u32
//!  4  server time        i64 x 2   first, last; microseconds
//! 20  timed rows         u32       rows whose client time can be read
//! 24  client instant     i64 x 2   first, last; zero where no row is timed
//! 40  located rows       u32
//! 44  box                f64 x 4   south, north, west, east; zero where no row is located
//! 76  sessions           u32       distinct, as are types and tags
//! 80  types              u32
//! 84  tags               u32
//! ```

use crate::codec::bytes::{Reader, put_u32};
use crate::error::Result;
use crate::event::Location;
use crate::time::Timestamp;

/// The box around the located rows: edges included, never across the antimeridian.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Extent {
    pub(crate) south: f64,
    pub(crate) north: f64,
    pub(crate) west: f64,
    pub(crate) east: f64,
}

/// What a block of rows spans.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Zone {
    pub(crate) rows: u32,
    /// The first and the last.
    pub(crate) server_time: (Timestamp, Timestamp),
    /// Rows whose client time can be read as an instant.
    pub(crate) timed_rows: u32,
    /// The first and the last of those.
    pub(crate) client_time: Option<(Timestamp, Timestamp)>,
    pub(crate) located_rows: u32,
    pub(crate) extent: Option<Extent>,
    /// Distinct sessions; types and tags likewise.
    pub(crate) sessions: u32,
    pub(crate) types: u32,
    pub(crate) tags: u32,
}

impl Zone {
    /// Bytes of a zone.
    pub(crate) const BYTES: usize = 88;

    /// Widens the zone by one row.
    pub(crate) fn add(
        &mut self,
        server_time: Timestamp,
        client_instant: Option<Timestamp>,
        location: Option<Location>,
    ) {
        if self.rows == 0 {
            self.server_time = (server_time, server_time);
        }
        self.rows += 1;
        self.server_time = span(self.server_time, server_time, server_time);
        if let Some(instant) = client_instant {
            self.timed_rows += 1;
            let so_far = self.client_time.unwrap_or((instant, instant));
            self.client_time = Some(span(so_far, instant, instant));
        }
        if let Some(Location { latitude, longitude }) = location {
            self.located_rows += 1;
            let place =
                Extent { south: latitude, north: latitude, west: longitude, east: longitude };
            self.extent = Some(self.extent.map_or(place, |extent| extent.union(place)));
        }
    }

    /// The zone of the rows of both. What is distinct is counted at most, not exactly.
    pub(crate) fn union(self, other: Self) -> Self {
        if self.rows == 0 || other.rows == 0 {
            return if self.rows == 0 { other } else { self };
        }
        let both = |a: Option<_>, b: Option<_>| match (a, b) {
            (Some(a), Some((first, last))) => Some(span(a, first, last)),
            (a, b) => a.or(b),
        };
        let (first, last) = other.server_time;
        Self {
            rows: self.rows + other.rows,
            server_time: span(self.server_time, first, last),
            timed_rows: self.timed_rows + other.timed_rows,
            client_time: both(self.client_time, other.client_time),
            located_rows: self.located_rows + other.located_rows,
            extent: match (self.extent, other.extent) {
                (Some(a), Some(b)) => Some(a.union(b)),
                (a, b) => a.or(b),
            },
            sessions: self.sessions.saturating_add(other.sessions),
            types: self.types.saturating_add(other.types),
            tags: self.tags.saturating_add(other.tags),
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::BYTES);
        put_u32(&mut out, self.rows);
        put_times(&mut out, self.server_time);
        put_u32(&mut out, self.timed_rows);
        put_times(&mut out, self.client_time.unwrap_or_default());
        put_u32(&mut out, self.located_rows);
        let Extent { south, north, west, east } = self.extent.unwrap_or(Extent::NONE);
        for degrees in [south, north, west, east] {
            out.extend_from_slice(&degrees.to_le_bytes());
        }
        for distinct in [self.sessions, self.types, self.tags] {
            put_u32(&mut out, distinct);
        }
        out
    }

    /// Exactly [`Zone::BYTES`]; the checksum is that of the value the zone is part of.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(bytes, "zone");
        let rows = reader.u32()?;
        let server_time = read_times(&mut reader)?;
        let timed_rows = reader.u32()?;
        let client_time = read_times(&mut reader)?;
        let located_rows = reader.u32()?;
        let extent = Extent {
            south: reader.f64()?,
            north: reader.f64()?,
            west: reader.f64()?,
            east: reader.f64()?,
        };
        let zone = Self {
            rows,
            server_time,
            timed_rows,
            client_time: (timed_rows > 0).then_some(client_time),
            located_rows,
            extent: (located_rows > 0).then_some(extent),
            sessions: reader.u32()?,
            types: reader.u32()?,
            tags: reader.u32()?,
        };
        reader.finish()?;
        // Written so that a NaN fails too.
        let ordered = server_time.0 <= server_time.1
            && client_time.0 <= client_time.1
            && extent.south <= extent.north
            && extent.west <= extent.east;
        if !ordered || timed_rows > rows || located_rows > rows {
            return Err(reader.corrupt("the bounds contradict each other"));
        }
        Ok(zone)
    }
}

impl Extent {
    const NONE: Self = Self { south: 0.0, north: 0.0, west: 0.0, east: 0.0 };

    pub(crate) fn union(self, other: Self) -> Self {
        Self {
            south: self.south.min(other.south),
            north: self.north.max(other.north),
            west: self.west.min(other.west),
            east: self.east.max(other.east),
        }
    }
}

fn span(
    so_far: (Timestamp, Timestamp),
    first: Timestamp,
    last: Timestamp,
) -> (Timestamp, Timestamp) {
    (so_far.0.min(first), so_far.1.max(last))
}

fn put_times(out: &mut Vec<u8>, (first, last): (Timestamp, Timestamp)) {
    out.extend_from_slice(&first.as_micros().to_le_bytes());
    out.extend_from_slice(&last.as_micros().to_le_bytes());
}

fn read_times(reader: &mut Reader<'_>) -> Result<(Timestamp, Timestamp)> {
    Ok((Timestamp::from_micros(reader.i64()?), Timestamp::from_micros(reader.i64()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone() -> Zone {
        let mut zone = Zone { sessions: 2, types: 3, tags: 4, ..Zone::default() };
        let time = Timestamp::from_micros;
        zone.add(time(5), None, None);
        zone.add(time(3), Some(time(-7)), Some(Location { latitude: 1.5, longitude: -2.0 }));
        zone.add(time(9), Some(time(1)), Some(Location { latitude: -1.0, longitude: 8.0 }));
        zone
    }

    #[test]
    fn a_zone_spans_its_rows() {
        let zone = zone();
        let time = Timestamp::from_micros;
        assert_eq!((zone.rows, zone.timed_rows, zone.located_rows), (3, 2, 2));
        assert_eq!(zone.server_time, (time(3), time(9)));
        assert_eq!(zone.client_time, Some((time(-7), time(1))));
        assert_eq!(zone.extent, Some(Extent { south: -1.0, north: 1.5, west: -2.0, east: 8.0 }));
    }

    #[test]
    fn the_bytes_of_a_zone_are_these() {
        let mut expected = vec![3, 0, 0, 0];
        expected.extend([3, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0]);
        expected.extend([0xf9, 255, 255, 255, 255, 255, 255, 255, 1, 0, 0, 0, 0, 0, 0, 0]);
        expected.extend([2, 0, 0, 0]);
        expected.extend([0, 0, 0, 0, 0, 0, 0xf0, 0xbf, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f]);
        expected.extend([0, 0, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x20, 0x40]);
        expected.extend([2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0]);
        assert_eq!(zone().encode(), expected);
    }

    #[test]
    fn a_zone_comes_back_from_its_bytes() {
        let bare = Zone { rows: 1, sessions: 1, types: 1, ..Zone::default() };
        for zone in [zone(), bare] {
            let bytes = zone.encode();
            assert_eq!(bytes.len(), Zone::BYTES);
            assert_eq!(Zone::decode(&bytes).unwrap(), zone);
            assert!(Zone::decode(&bytes[1..]).is_err());
            assert!(Zone::decode(&[&bytes[..], &[0]].concat()).is_err());
        }
    }

    #[test]
    fn bounds_in_the_wrong_order_are_an_error() {
        let mut bytes = zone().encode();
        bytes[4] = 10;
        assert!(Zone::decode(&bytes).is_err());
    }
}
