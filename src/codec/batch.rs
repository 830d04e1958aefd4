//! Row batches: what one commit appends to a day's tail.
//!
//! Owns: the bytes of a batch of rows. The one module that names bincode, which is no longer
//! maintained (RUSTSEC-2025-0141) and pinned: the codec byte lets another take its place.
//!
//! ```text
//! byte 0       codec: 1 = bincode 2.0.1, `standard()` configuration, limited to 64 MiB
//! bytes 1..n   the rows
//! last 8       XXH3-64 of all before, little-endian
//! ```

use bincode::{Decode, Encode, config};

use crate::codec::bytes::checksum;
use crate::codec::row::Row;
use crate::error::{Error, Result};
use crate::event::Location;
use crate::limits::{ROW_BYTES_MAX, TAGS_MAX};
use crate::time::Timestamp;

const CODEC_BINCODE: u8 = 1;
const CHECKSUM_BYTES: usize = 8;
/// More than any batch that is written: bounds what damaged lengths can make the decoder allocate.
const DECODED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A row as it lies in a batch. Its order of fields is the format.
#[derive(Encode, Decode)]
struct StoredRow {
    server_time: i64,
    session_id: String,
    event_type: String,
    client_time: Option<String>,
    location: Option<(f64, f64)>,
    tags: Vec<String>,
    data: Option<String>,
}

impl From<&Row> for StoredRow {
    fn from(row: &Row) -> Self {
        Self {
            server_time: row.server_time.as_micros(),
            session_id: row.session_id.clone(),
            event_type: row.event_type.clone(),
            client_time: row.client_time.clone(),
            location: row.location.map(|place| (place.latitude, place.longitude)),
            tags: row.tags.clone(),
            data: row.data.clone(),
        }
    }
}

impl From<StoredRow> for Row {
    fn from(row: StoredRow) -> Self {
        Self {
            session_id: row.session_id,
            event_type: row.event_type,
            server_time: Timestamp::from_micros(row.server_time),
            client_time: row.client_time,
            location: row.location.map(|(latitude, longitude)| Location { latitude, longitude }),
            tags: row.tags,
            data: row.data,
        }
    }
}

fn configuration() -> impl config::Config {
    config::standard().with_limit::<DECODED_BYTES_MAX>()
}

/// The bytes of these rows.
pub(crate) fn encode<'a>(rows: impl Iterator<Item = &'a Row>) -> Result<Vec<u8>> {
    let rows: Vec<StoredRow> = rows.map(StoredRow::from).collect();
    let mut bytes = vec![CODEC_BINCODE];
    bincode::encode_into_std_write(rows, &mut bytes, configuration())
        .map_err(|error| Error::invalid("batch", "must be encodable", error))?;
    let sum = checksum(&bytes);
    bytes.extend_from_slice(&sum.to_le_bytes());
    Ok(bytes)
}

/// The rows of these bytes.
pub(crate) fn decode(bytes: &[u8]) -> Result<Vec<Row>> {
    let (body, sum) = bytes
        .split_last_chunk::<CHECKSUM_BYTES>()
        .ok_or_else(|| Error::corrupt("a row batch is cut short"))?;
    if checksum(body) != u64::from_le_bytes(*sum) {
        return Err(Error::corrupt("a row batch fails its checksum"));
    }
    match body.split_first() {
        Some((&CODEC_BINCODE, rows)) => decode_rows(rows),
        Some((&codec, _)) => Err(Error::version("a row batch", codec.into(), CODEC_BINCODE.into())),
        None => Err(Error::corrupt("a row batch is empty")),
    }
}

fn decode_rows(bytes: &[u8]) -> Result<Vec<Row>> {
    let (rows, used): (Vec<StoredRow>, usize) = bincode::decode_from_slice(bytes, configuration())
        .map_err(|error| Error::corrupt("a row batch cannot be decoded").caused_by(error))?;
    if used != bytes.len() {
        return Err(Error::corrupt("a row batch has bytes after its last row"));
    }
    let rows: Vec<Row> = rows.into_iter().map(Row::from).collect();
    // What a block is made of must fit a block.
    if rows.iter().any(|row| row.tags.len() > TAGS_MAX || row.bytes() > ROW_BYTES_MAX) {
        return Err(Error::corrupt("a row batch has a row that is larger than any event"));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        Row {
            session_id: "1".to_owned(),
            event_type: "e".to_owned(),
            server_time: Timestamp::from_micros(-3),
            client_time: None,
            location: Some(Location { latitude: 1.0, longitude: -0.0 }),
            tags: vec!["7".to_owned()],
            data: Some(String::new()),
        }
    }

    #[test]
    fn the_format_is_these_bytes() {
        let bytes = encode([row()].iter()).unwrap();
        let mut expected = vec![1, 1, 5, 1, b'1', 1, b'e', 0, 1];
        expected.extend_from_slice(&1f64.to_le_bytes());
        expected.extend_from_slice(&(-0f64).to_le_bytes());
        expected.extend_from_slice(&[1, 1, b'7', 1, 0]);
        expected.extend_from_slice(&checksum(&expected).to_le_bytes());
        assert_eq!(bytes, expected);
    }

    #[test]
    fn rows_come_back_as_they_were() {
        let rows = vec![row(), row()];
        assert_eq!(decode(&encode(rows.iter()).unwrap()).unwrap(), rows);
    }

    #[test]
    fn a_row_larger_than_any_event_is_an_error() {
        let decoded = |row: Row| decode(&encode([row].iter()).unwrap());
        let tags = |count| Row { tags: vec![String::new(); count], ..row() };
        let data = |bytes| Row { data: Some("x".repeat(bytes)), ..row() };
        assert!(decoded(tags(TAGS_MAX)).is_ok() && decoded(data(ROW_BYTES_MAX / 2)).is_ok());
        for row in [tags(TAGS_MAX + 1), data(ROW_BYTES_MAX)] {
            assert_eq!(decoded(row).unwrap_err().kind(), crate::ErrorKind::Corrupt);
        }
    }

    #[test]
    fn every_flipped_byte_and_every_cut_is_an_error() {
        let bytes = encode([row(), row()].iter()).unwrap();
        for place in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[place] ^= 0x10;
            assert!(decode(&damaged).is_err(), "byte {place}");
            assert!(decode(&bytes[..place]).is_err(), "cut at {place}");
        }
    }
}
