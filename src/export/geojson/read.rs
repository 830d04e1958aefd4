//! Points back to events.
//!
//! Owns: [`read`]. Does not own how an event's fields are spelt (`wire`).
//!
//! Invariants: one feature is held at a time, of at most [`FEATURE_BYTES_MAX`] bytes; a feature that
//! makes no event costs itself alone, and a file that is not GeoJSON ends where that is seen.

use std::cell::Cell;
use std::fmt;
use std::io::{self, BufReader, Read};
use std::ops::ControlFlow;
use std::rc::Rc;

use serde::Deserialize;
use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::{Error, ErrorKind, Result};
use crate::event::NewEvent;
use crate::export::{OnRow, Row, file_error};
use crate::limits::RECORD_BYTES_MAX;

const FEATURE_BYTES_MAX: u64 = RECORD_BYTES_MAX as u64;

/// Bytes asked of the input at a time.
const READ_BYTES: usize = 64 * 1024;

/// Reads the features of a collection, one after the other, each as an event: its properties are the
/// event's fields, its point is the place. Ids are not read, nor other members of the collection.
///
/// ```
/// use std::ops::ControlFlow;
///
/// use diurnal::export::geojson;
///
/// let text = r#"{"type":"FeatureCollection","features":[{"type":"Feature",
///     "geometry":{"type":"Point","coordinates":[-71.06,42.36]},
///     "properties":{"session_id":1,"event_type":"heartbeat"}}]}"#;
/// let mut events = Vec::new();
/// geojson::read(text.as_bytes(), |row| {
///     events.push(row.event);
///     ControlFlow::Continue(())
/// })?;
/// let event = diurnal::NewEvent::new(1, "heartbeat").location(42.36, -71.06);
/// assert_eq!(events.remove(0)?, event);
/// # Ok::<(), diurnal::Error>(())
/// ```
///
/// # Errors
///
/// `InvalidInput` where the input is not a GeoJSON feature collection
/// or a feature is longer than 8 MiB, `Io` where it cannot be read; rows that were given before stay
/// given. A feature that makes no event is no error: its row says why.
pub fn read(input: impl Read, mut on_row: impl FnMut(Row) -> ControlFlow<()>) -> Result<()> {
    let since = Rc::new(Cell::new(0));
    let input =
        Bounded { input: BufReader::with_capacity(READ_BYTES, input), since: since.clone() };
    let mut collection = Collection { since, number: 0, stopped: false, on_row: &mut on_row };
    let mut json = serde_json::Deserializer::from_reader(input);
    let read = (&mut collection).deserialize(&mut json).and_then(|()| json.end());
    match read {
        Err(error) if !collection.stopped => Err(reason(error)),
        _ => Ok(()),
    }
}

fn reason(error: serde_json::Error) -> Error {
    match error.classify() {
        serde_json::error::Category::Io => {
            let error = io::Error::from(error);
            match error.kind() {
                io::ErrorKind::InvalidData => file_error(error.to_string()),
                _ => Error::io("reading GeoJSON", error),
            }
        }
        _ => file_error(format!("is not a GeoJSON feature collection: {error}")),
    }
}

/// An input that may give only so many bytes for one feature.
struct Bounded<R> {
    input: BufReader<R>,
    since: Rc<Cell<u64>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.input.read(buffer)?;
        let since = self.since.get() + length as u64;
        self.since.set(since);
        if since > FEATURE_BYTES_MAX {
            let rule = format!("a feature must be at most {FEATURE_BYTES_MAX} bytes long");
            return Err(io::Error::new(io::ErrorKind::InvalidData, rule));
        }
        Ok(length)
    }
}

/// A collection as it is read.
struct Collection<'a> {
    since: Rc<Cell<u64>>,
    number: u64,
    stopped: bool,
    on_row: OnRow<'a>,
}

impl Collection<'_> {
    fn take(&mut self, feature: &RawValue) -> ControlFlow<()> {
        self.since.set(0);
        self.number += 1;
        (self.on_row)(Row::new(self.number, event(feature)))
    }
}

impl<'de> DeserializeSeed<'de> for &mut Collection<'_> {
    type Value = ();

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &mut Collection<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a FeatureCollection")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut has_features = false;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "features" => {
                    has_features = true;
                    map.next_value_seed(Features(&mut *self))?;
                }
                "type" => {
                    let kind = map.next_value::<String>()?;
                    if kind != "FeatureCollection" {
                        let found = de::Unexpected::Str(&kind);
                        return Err(de::Error::invalid_value(found, &self));
                    }
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        if has_features { Ok(()) } else { Err(de::Error::missing_field("features")) }
    }
}

/// The list of features.
struct Features<'a, 'b>(&'a mut Collection<'b>);

impl<'de> DeserializeSeed<'de> for Features<'_, '_> {
    type Value = ();

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Features<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of features")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(feature) = list.next_element::<Box<RawValue>>()? {
            if self.0.take(&feature).is_break() {
                self.0.stopped = true;
                return Err(de::Error::custom("the reading was ended"));
            }
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Feature {
    geometry: Option<Geometry>,
    properties: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Geometry {
    r#type: String,
    coordinates: Option<Box<RawValue>>,
}

fn event(feature: &RawValue) -> Result<NewEvent> {
    let wrong = |error: serde_json::Error| {
        let text = error.to_string();
        // Lines are counted within the feature, and tell a reader of the file nothing.
        let place = format!(" at line {} column {}", error.line(), error.column());
        let text = text.strip_suffix(&place).unwrap_or(&text);
        let label = format!("{}: ", ErrorKind::InvalidInput);
        file_error(text.strip_prefix(&label).unwrap_or(text))
    };
    let feature: Feature = serde_json::from_str(feature.get()).map_err(wrong)?;
    // The geometry says best what a feature is that makes no event, and so comes first.
    let place = feature.geometry.as_ref().map(place).transpose()?;
    let properties = feature.properties.as_ref().map_or("{}", |properties| properties.get());
    let event: NewEvent = serde_json::from_str(properties).map_err(wrong)?;
    Ok(match place {
        Some([longitude, latitude]) => event.location(latitude, longitude),
        None => event,
    })
}

fn place(geometry: &Geometry) -> Result<[f64; 2]> {
    if geometry.r#type != "Point" {
        return Err(Error::invalid("geometry", "must be a Point or null", &geometry.r#type));
    }
    let text = geometry.coordinates.as_ref().map_or("", |coordinates| coordinates.get());
    // A third number is the height above the ellipsoid.
    match serde_json::from_str::<Vec<f64>>(text).as_deref() {
        Ok([longitude, latitude, ..]) => Ok([*longitude, *latitude]),
        _ => Err(Error::invalid("coordinates", "must be a longitude and a latitude", text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> (Vec<Result<NewEvent, String>>, Option<String>) {
        let mut rows = Vec::new();
        let read = read(text.as_bytes(), |row| {
            assert_eq!(row.number, rows.len() as u64 + 1);
            rows.push(row.event.map_err(|error| error.to_string()));
            ControlFlow::Continue(())
        });
        (rows, read.err().map(|error| error.to_string()))
    }

    #[test]
    fn a_feature_that_makes_no_event_costs_itself_alone() {
        let good = r#"{"properties":{"session_id":-1,"event_type":"x","id":7},"geometry":
            {"coordinates":[1,-0.0,99],"type":"Point"},"type":"Feature"}"#;
        let line = good.replace("Point", "LineString");
        let bare = good.replace("event_type", "type");
        let half = good.replace("[1,-0.0,99]", "[1]");
        let text =
            format!("{{\"name\":\"a\",\"features\":[{good},{line},{bare},{half},7,{good}]}}");
        let (rows, failed) = rows(&text);
        let event = Ok(NewEvent::new(-1, "x").location(-0.0, 1.0));
        assert_eq!((rows.len(), failed), (6, None));
        assert_eq!((&rows[0], &rows[5]), (&event, &event));
        for (row, says) in
            [(1, "LineString"), (2, "event_type"), (3, "coordinates"), (4, "integer")]
        {
            let reason = rows[row].as_ref().unwrap_err();
            assert!(reason.contains(says), "{reason}");
        }
    }

    #[test]
    fn what_is_not_a_collection_is_refused() {
        for text in [
            "",
            "[]",
            "{}",
            r#"{"type":"Feature","geometry":null,"properties":{}}"#,
            r#"{"features":[]}x"#,
            r#"{"features":[{]}"#,
            r#"{"features":["#,
            "\u{0}",
        ] {
            let (_, failed) = rows(text);
            assert!(failed.is_some_and(|reason| reason.starts_with("invalid input")), "{text}");
        }
        let deep = format!("{{\"features\":{}", "[".repeat(100_000));
        assert!(rows(&deep).1.is_some_and(|reason| reason.starts_with("invalid input")));
    }

    #[test]
    fn a_feature_may_not_take_memory_without_bound() {
        let endless = io::Read::chain("{\"features\":[{\"a\":\"".as_bytes(), io::repeat(b'a'));
        let failed = read(endless, |_| ControlFlow::Continue(())).unwrap_err();
        assert_eq!(failed.kind(), ErrorKind::InvalidInput);
        assert!(failed.to_string().contains("at most 8388608 bytes"), "{failed}");
    }

    #[test]
    fn whoever_takes_the_rows_ends_the_reading() {
        let text = r#"{"features":[null,null]}"#;
        let mut taken = 0;
        let stopped = read(text.as_bytes(), |_| {
            taken += 1;
            ControlFlow::Break(())
        });
        assert_eq!((taken, stopped.is_ok()), (1, true));
    }
}
