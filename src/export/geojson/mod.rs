//! GeoJSON by RFC 7946: events as points, or the path of each session as a line.
//!
//! Owns: [`Writer`], one feature for each event, exact; an event without a location is a feature
//! without a geometry. The rooms below it: `paths` (lines), `read` (points back to events).

mod paths;
mod read;

use std::io::Write;

use serde::Serialize;

use super::{EventWriter, write_error, write_json};
use crate::error::Result;
use crate::event::{Event, EventId};
use crate::time::Timestamp;

pub use paths::write_paths;
pub use read::read;

/// What stands before the first feature, and after the last one.
const OPENING: &[u8] = b"{\"type\":\"FeatureCollection\",\"features\":[";
const CLOSING: &[u8] = b"\n]}\n";

#[derive(Serialize)]
struct Feature<'a> {
    r#type: &'static str,
    id: EventId,
    geometry: Option<Point>,
    properties: Properties<'a>,
}

#[derive(Serialize)]
struct Point {
    r#type: &'static str,
    /// Longitude and latitude.
    coordinates: [f64; 2],
}

impl Point {
    const fn new(longitude: f64, latitude: f64) -> Self {
        Self { r#type: "Point", coordinates: [longitude, latitude] }
    }
}

/// The fields of an event but its id and its place, under the names that its own serde form has.
#[derive(Serialize)]
struct Properties<'a> {
    server_time: Timestamp,
    session_id: &'a str,
    event_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_time: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    tags: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a str>,
}

/// Writes features, each on a line of its own, into one collection.
#[derive(Debug)]
struct Features<W> {
    out: W,
    count: u64,
}

impl<W: Write> Features<W> {
    /// Begins one more feature; the caller writes it.
    fn begin(&mut self) -> Result<&mut W> {
        let before = if self.count == 0 { OPENING } else { b"," };
        let begun = self.out.write_all(before).and_then(|()| self.out.write_all(b"\n"));
        begun.map_err(write_error)?;
        self.count += 1;
        Ok(&mut self.out)
    }

    fn finish(&mut self) -> Result<()> {
        let before = if self.count == 0 { OPENING } else { b"" };
        let ended = self.out.write_all(before).and_then(|()| self.out.write_all(CLOSING));
        ended.and_then(|()| self.out.flush()).map_err(write_error)
    }
}

/// Writes each event as a feature of one collection.
#[derive(Debug)]
pub struct Writer<W> {
    features: Features<W>,
}

impl<W: Write> Writer<W> {
    /// A writer to this output, which is best a buffered one.
    pub const fn new(out: W) -> Self {
        Self { features: Features { out, count: 0 } }
    }
}

impl<W: Write> EventWriter for Writer<W> {
    fn write(&mut self, event: &Event) -> Result<()> {
        let place = event.longitude.zip(event.latitude);
        let feature = Feature {
            r#type: "Feature",
            id: event.id,
            geometry: place.map(|(longitude, latitude)| Point::new(longitude, latitude)),
            properties: Properties {
                server_time: event.server_time,
                session_id: &event.session_id,
                event_type: &event.event_type,
                client_time: event.client_time.as_deref(),
                tags: &event.tags,
                data: event.data.as_deref(),
            },
        };
        write_json(self.features.begin()?, &feature)
    }

    fn finish(&mut self) -> Result<()> {
        self.features.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(events: &[Event]) -> String {
        let mut out = Vec::new();
        let mut writer = Writer::new(&mut out);
        events.iter().for_each(|event| writer.write(event).unwrap());
        writer.finish().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn features_are_exact() {
        let event = Event {
            id: EventId::from_u64(1 << 32 | 7).unwrap(),
            server_time: "1970-01-02T10:00:00.5Z".parse().unwrap(),
            session_id: "-1".to_owned(),
            event_type: "x".to_owned(),
            client_time: Some("now".to_owned()),
            latitude: Some(-0.0),
            longitude: Some(-71.25),
            tags: vec!["1".to_owned()],
            data: Some(String::new()),
        };
        let bare = Event {
            client_time: None,
            latitude: None,
            longitude: None,
            tags: Vec::new(),
            data: None,
            ..event.clone()
        };
        assert_eq!(
            written(&[event, bare]),
            "{\"type\":\"FeatureCollection\",\"features\":[\n\
             {\"type\":\"Feature\",\"id\":4294967303,\
             \"geometry\":{\"type\":\"Point\",\"coordinates\":[-71.25,-0.0]},\
             \"properties\":{\"server_time\":\"1970-01-02T10:00:00.500000Z\",\"session_id\":\"-1\",\
             \"event_type\":\"x\",\"client_time\":\"now\",\"tags\":[\"1\"],\"data\":\"\"}},\n\
             {\"type\":\"Feature\",\"id\":4294967303,\"geometry\":null,\
             \"properties\":{\"server_time\":\"1970-01-02T10:00:00.500000Z\",\"session_id\":\"-1\",\
             \"event_type\":\"x\"}}\n]}\n"
        );
        assert_eq!(written(&[]), "{\"type\":\"FeatureCollection\",\"features\":[\n]}\n");
    }
}
