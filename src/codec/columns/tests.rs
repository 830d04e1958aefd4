//! Goal: a block gives back what was put in, and anything but a block is an error. Method: round trips
//! of chosen and of arbitrary rows, every byte of a small block damaged in turn, and the bytes of a
//! smallest block spelt out.

use proptest::prelude::*;

use super::*;
use crate::codec::row::any;
use crate::event::Location;
use crate::limits::{BLOCK_COLUMN_BYTES_MAX, PART_ROWS_MAX, TAG_COST_BYTES, TAGS_MAX};

fn column(block: &[u8], kind: ColumnKind) -> Result<Column> {
    let head = Head::decode(&block[..block.len().min(HEAD_BYTES_MAX)])?;
    decode(&head, kind, &mut |range| Ok(block.get(range).map(<[u8]>::to_vec).unwrap_or_default()))
}

fn read(block: &[u8]) -> Result<Vec<Row>> {
    let head = Head::decode(block)?;
    let mut columns = Vec::new();
    for kind in ColumnKind::ALL {
        columns.push(column(block, kind)?);
    }
    let columns: [Column; 7] = columns.try_into().unwrap();
    Columns::of(&columns)?.rows(0..head.rows() as u32)
}

/// Rows as compared here: floats by their bits.
fn bits(rows: &[Row]) -> Vec<Option<(u64, u64)>> {
    let bits = |place: Location| (place.latitude.to_bits(), place.longitude.to_bits());
    rows.iter().map(|row| row.location.map(bits)).collect()
}

#[track_caller]
fn assert_round_trip(rows: &[Row]) {
    let encoded = encode(rows).unwrap();
    let head = Head::decode(&encoded.bytes).unwrap();
    assert_eq!(head.block_bytes(), encoded.bytes.len());
    head.verify(&encoded.bytes).unwrap();
    let read = read(&encoded.bytes).unwrap();
    assert!(read == rows, "rows differ");
    assert_eq!(bits(&read), bits(rows));
    assert_eq!(encoded.zone.rows as usize, rows.len());
    let Column::ClientTime(times) = column(&encoded.bytes, ColumnKind::ClientTime).unwrap() else {
        unreachable!()
    };
    for (row, expected) in rows.iter().enumerate() {
        let instant = expected.client_time.as_deref().and_then(crate::client_time::instant);
        assert_eq!(times.instant(row), instant);
    }
}

#[test]
fn one_row_comes_back() {
    assert_round_trip(&any::rows(1));
    assert_round_trip(&any::rows(2)[1..]);
}

#[test]
fn a_full_part_comes_back() {
    assert_round_trip(&any::rows(65_536));
    assert_round_trip(&(0..65_536).map(any::row).collect::<Vec<_>>());
}

#[test]
fn no_rows_and_too_many_are_refused() {
    assert!(encode::<Row>(&[]).is_err());
    assert!(encode(&(0..65_537).map(any::row).collect::<Vec<_>>()).is_err());
}

#[test]
fn every_row_a_session_comes_back() {
    let mut rows = any::rows(500);
    for (number, row) in rows.iter_mut().enumerate() {
        row.session_id = format!("session {}", 999 - number);
    }
    assert_round_trip(&rows);
}

#[test]
fn empty_data_is_not_absent_data() {
    let mut rows = any::rows(3);
    rows[0].data = Some(String::new());
    rows[1].data = None;
    rows[2].data = Some(String::new());
    assert_round_trip(&rows);
}

#[test]
fn large_data_comes_back() {
    let mut rows = any::rows(4);
    rows[1].data = Some("0123456789abcdef".repeat(4096));
    rows[3].data = Some((0..20_000_u32).map(|n| char::from((n * n % 95 + 32) as u8)).collect());
    assert_round_trip(&rows);
}

#[test]
fn floats_keep_their_bits() {
    let degrees = [0.0, -0.0, 1e-300, 89.999_999_999_999_99, 0.1 + 0.2, -90.0, 47.123_456, 5e-324];
    for decimals in [false, true] {
        let mut rows = any::rows(64);
        for (number, row) in rows.iter_mut().enumerate() {
            let latitude = if decimals { number as f64 / 1e6 } else { degrees[number % 8] };
            row.location = Some(Location { latitude, longitude: -2.0 * latitude });
        }
        // A negative zero among numbers that would else be scaled to integers.
        assert_round_trip(&rows[1..]);
        assert_round_trip(&rows);
    }
}

#[test]
fn extreme_times_come_back() {
    let mut rows = any::rows(5);
    let ends = [0, crate::Day::MAX.range().to.as_micros() - 1, i64::MIN, i64::MAX, 1];
    for (row, micros) in rows.iter_mut().zip(ends) {
        row.server_time = Timestamp::from_micros(micros);
        row.client_time = Some("1970-01-01T00:00:00.001Z".to_owned());
    }
    assert_round_trip(&rows);
}

#[test]
fn the_zone_says_what_the_block_holds() {
    let zone = encode(&any::rows(40)).unwrap().zone;
    assert_eq!((zone.rows, zone.sessions, zone.types, zone.tags), (40, 7, 2, 6));
    assert_eq!((zone.timed_rows, zone.located_rows), (20, 30));
}

#[test]
fn a_damaged_byte_is_an_error_of_the_column_that_holds_it() {
    let rows = any::rows(60);
    let block = encode(&rows).unwrap().bytes;
    let head = Head::decode(&block).unwrap();
    let head_bytes = block.len() - head.columns().map(|(_, bytes)| bytes).sum::<usize>();
    for at in 0..block.len() {
        let mut damaged = block.clone();
        damaged[at] ^= 1 << (at % 8);
        assert!(read(&damaged).is_err(), "byte {at}");
        if at < head_bytes {
            assert!(Head::decode(&damaged).is_err(), "byte {at}");
            continue;
        }
        assert!(head.verify(&damaged).is_err(), "byte {at}");
        // Each column can still be read unless it needs the one that is damaged.
        let failed =
            ColumnKind::ALL.into_iter().filter(|&kind| column(&damaged, kind).is_err()).count();
        assert!((1..=3).contains(&failed), "byte {at} fails {failed} columns");
    }
}

#[test]
fn damage_that_checksums_miss_never_panics() {
    let block = encode(&any::rows(60)).unwrap().bytes;
    for at in 6..block.len() {
        for change in [0x01, 0x80, 0xff] {
            let mut damaged = block.clone();
            damaged[at] ^= change;
            // What comes back may be wrong; it only has to come back.
            head::reseal(&mut damaged);
            let _ = read(&damaged);
        }
    }
}

/// A block of one row that claims to have as many rows as a block can, all alike.
fn claiming_rows(row: Row) -> Vec<u8> {
    let mut block = encode(&[row]).unwrap().bytes;
    block[2..6].copy_from_slice(&(PART_ROWS_MAX as u32).to_le_bytes());
    head::reseal(&mut block);
    block
}

/// The bytes of a column in a block.
fn bytes_of(block: &[u8], kind: head::Kind) -> Range<usize> {
    Head::decode(block).unwrap().entry(kind).unwrap().range.clone()
}

#[track_caller]
fn assert_past_the_limit(block: &[u8], kind: ColumnKind) {
    let error = column(block, kind).unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::Corrupt);
    assert!(error.to_string().contains("more than a block holds"), "{error}");
}

#[test]
fn a_few_bytes_cannot_claim_more_tags_than_a_block_holds() {
    let mut row = any::row(0);
    row.tags = vec!["t".to_owned()];
    let mut block = claiming_rows(row);
    let counts = bytes_of(&block, head::Kind::TagCounts);
    for (count, read) in [(1, true), (2, false), (TAGS_MAX as u32, false)] {
        block[counts.clone()].copy_from_slice(&count.to_le_bytes());
        head::reseal(&mut block);
        assert_eq!(
            PART_ROWS_MAX * count as usize * (1 + TAG_COST_BYTES) <= BLOCK_COLUMN_BYTES_MAX,
            read
        );
        match read {
            true => assert!(column(&block, ColumnKind::Tags).is_ok()),
            false => assert_past_the_limit(&block, ColumnKind::Tags),
        }
    }
}

#[test]
fn a_few_bytes_cannot_claim_more_text_than_a_block_holds() {
    let bytes = BLOCK_COLUMN_BYTES_MAX / PART_ROWS_MAX;
    let named = |bytes: usize, type_bytes: usize, tag_bytes: usize| {
        let mut row = any::row(0);
        row.session_id = "s".repeat(bytes);
        row.event_type = "e".repeat(type_bytes);
        row.tags = vec!["t".repeat(tag_bytes)];
        claiming_rows(row)
    };
    let longest = named(bytes, bytes, bytes - TAG_COST_BYTES);
    for kind in [ColumnKind::Session, ColumnKind::EventType, ColumnKind::Tags] {
        assert!(column(&longest, kind).is_ok(), "{kind:?}");
    }
    assert_past_the_limit(&named(bytes + 1, 1, 1), ColumnKind::Session);
    assert_past_the_limit(&named(1, bytes + 1, 1), ColumnKind::EventType);
    assert_past_the_limit(&named(1, 1, bytes - TAG_COST_BYTES + 1), ColumnKind::Tags);
}

#[test]
fn a_column_past_its_limit_is_not_written() {
    let mut rows = any::rows(60);
    rows[3].data = Some("d".repeat(BLOCK_COLUMN_BYTES_MAX + 1));
    assert_eq!(encode(&rows).unwrap_err().kind(), crate::ErrorKind::InvalidInput);
    rows[3].data = None;
    for row in &mut rows {
        row.tags = vec!["t".to_owned(); 2200];
    }
    assert_eq!(encode(&rows).unwrap_err().kind(), crate::ErrorKind::InvalidInput);
}

#[test]
fn a_block_cut_short_is_an_error() {
    let block = encode(&any::rows(60)).unwrap().bytes;
    for length in 0..block.len() {
        assert!(read(&block[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn a_newer_version_is_named() {
    let mut block = encode(&any::rows(1)).unwrap().bytes;
    block[0] = 2;
    assert_eq!(
        Head::decode(&block).unwrap_err().kind(),
        crate::ErrorKind::Corrupt,
        "a flipped bit"
    );
    head::reseal(&mut block);
    assert_eq!(Head::decode(&block).unwrap_err().kind(), crate::ErrorKind::Version);
}

#[test]
fn the_bytes_of_a_smallest_block_are_these() {
    let mut row = any::row(0);
    row.session_id = "s".to_owned();
    row.event_type = "t".to_owned();
    row.server_time = Timestamp::from_micros(258);
    let columns: [(u8, u8, &[u8]); 5] = [
        (1, 0, &[1, 1, b's']),
        (2, 2, &[0; 4]),
        (3, 0, &[1, 1, b't']),
        (4, 2, &[0; 4]),
        (5, 2, &[2, 1, 0, 0, 0, 0, 0, 0]),
    ];
    let mut expected = vec![1, 5, 1, 0, 0, 0];
    for (kind, encoding, bytes) in columns {
        expected.extend([kind, encoding, bytes.len() as u8, 0, 0, 0]);
        expected.extend(xxhash_rust::xxh3::xxh3_64(bytes).to_le_bytes());
    }
    expected.extend(xxhash_rust::xxh3::xxh3_64(&expected).to_le_bytes());
    columns.iter().for_each(|(_, _, bytes)| expected.extend_from_slice(bytes));
    assert_eq!(encode(&[row]).unwrap().bytes, expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_rows_come_back(rows in prop::collection::vec(any::any_row(), 1..60)) {
        assert_round_trip(&rows);
    }

    #[test]
    fn any_bytes_are_an_error_or_a_block(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read(&bytes);
    }
}
