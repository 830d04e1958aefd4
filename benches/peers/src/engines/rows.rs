//! What redb and fjall have in common: a row for each event, and a box around a circle for SQL.
//!
//! Owns: the bytes of a row (bincode), and the answers that follow from lists of row numbers. Does not
//! own where rows and keys are kept.

use bincode::config::standard;
use bincode::{Decode, Encode};
use diurnal::{Circle, Event};

use crate::machine::Result;
use crate::question::Line;

#[derive(Encode, Decode)]
pub(super) struct StoredRow {
    session: String,
    event_type: String,
    micros: i64,
    client_time: Option<String>,
    place: Option<(f64, f64)>,
    tags: Vec<String>,
    data: Option<String>,
}

pub(super) fn encode(event: &Event) -> Result<Vec<u8>> {
    let row = StoredRow {
        session: event.session_id.clone(),
        event_type: event.event_type.clone(),
        micros: event.server_time.as_micros(),
        client_time: event.client_time.clone(),
        place: event.latitude.zip(event.longitude),
        tags: event.tags.clone(),
        data: event.data.clone(),
    };
    Ok(bincode::encode_to_vec(row, standard())?)
}

pub(super) fn decode(bytes: &[u8]) -> Result<Line> {
    let (row, _): (StoredRow, usize) = bincode::decode_from_slice(bytes, standard())?;
    Ok(Line {
        micros: row.micros,
        event_type: row.event_type,
        client_time: row.client_time,
        latitude: row.place.map(|(latitude, _)| latitude),
        longitude: row.place.map(|(_, longitude)| longitude),
        tags: row.tags,
        data: row.data,
    })
}

/// The tags of an event, each once.
pub(super) fn distinct_tags(event: &Event) -> Vec<&str> {
    let mut tags: Vec<_> = event.tags.iter().map(String::as_str).collect();
    tags.sort_unstable();
    tags.dedup();
    tags
}

/// How many numbers two ascending lists have in common.
pub(super) fn in_both(
    mut first: impl Iterator<Item = Result<u64>>,
    mut second: impl Iterator<Item = Result<u64>>,
) -> Result<u64> {
    let (mut a, mut b) = (first.next().transpose()?, second.next().transpose()?);
    let mut both = 0;
    while let (Some(x), Some(y)) = (a, b) {
        both += u64::from(x == y);
        if x <= y {
            a = first.next().transpose()?;
        }
        if y <= x {
            b = second.next().transpose()?;
        }
    }
    Ok(both)
}

/// Counts runs of the same key.
pub(super) fn runs(keys: impl Iterator<Item = Result<String>>) -> Result<Vec<(String, u64)>> {
    let mut counts: Vec<(String, u64)> = Vec::new();
    for key in keys {
        let key = key?;
        match counts.last_mut() {
            Some((last, count)) if *last == key => *count += 1,
            _ => counts.push((key, 1)),
        }
    }
    Ok(counts)
}

/// South, north, west and east of a circle, a little more than needed; not for the poles.
pub(super) fn around(circle: &Circle) -> [f64; 4] {
    let height = circle.metres / 111_000.0;
    let width = height / circle.latitude.to_radians().cos();
    [
        circle.latitude - height,
        circle.latitude + height,
        circle.longitude - width,
        circle.longitude + width,
    ]
}
