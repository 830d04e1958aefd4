//! Maps as GeoJSON, by RFC 7946: longitude first, outer rings counterclockwise, lines cut at the antimeridian.
//!
//! Owns: which features a map has, and their properties.

use geojson::{Feature, FeatureCollection, Geometry, JsonObject};
use serde_json::{Value, json};

use super::{MapData, antimeridian};
use crate::analysis::{Cell, Heat, Track, TrackEvent, TracksReport};

/// A map as a `FeatureCollection`.
///
/// Paths: a line for each session with two places or more, with the property `times` in step with its
/// coordinates (null where it was cut at the antimeridian), and a point for each event with a place, with its
/// id, session, type, time, tags and data. Density: a polygon for each cell, with its events and sessions.
#[must_use]
pub fn geojson(data: &MapData) -> String {
    let features = match data {
        MapData::Paths(report) => of_tracks(report),
        MapData::Density(heat) => of_heat(heat),
    };
    FeatureCollection::new(features).to_string()
}

fn of_heat(heat: &Heat) -> Vec<Feature> {
    let polygon = |cell: &Cell| {
        let bounds = cell.bounds;
        let ring = [
            [bounds.west, bounds.south],
            [bounds.east, bounds.south],
            [bounds.east, bounds.north],
            [bounds.west, bounds.north],
            [bounds.west, bounds.south],
        ];
        let properties = [("events", json!(cell.events)), ("sessions", json!(cell.sessions))];
        feature(Geometry::new_polygon([ring]), properties)
    };
    heat.cells.iter().map(polygon).collect()
}

fn of_tracks(report: &TracksReport) -> Vec<Feature> {
    let mut features: Vec<Feature> = report.placed().filter_map(line).collect();
    for track in report.placed() {
        let point = |(event, latitude, longitude)| point(track, event, latitude, longitude);
        features.extend(track.places().map(point));
    }
    features
}

/// The way of a session; none of one place alone.
fn line(track: &Track) -> Option<Feature> {
    let way: Vec<[f64; 2]> = track.places().map(|(_, lat, lon)| [lon, lat]).collect();
    if way.len() < 2 {
        return None;
    }
    let mut pieces = antimeridian::cut(way);
    let mut times = track.places().map(|(event, ..)| json!(event.server_time));
    let mut in_step = Vec::new();
    for (number, piece) in pieces.iter().enumerate() {
        let cut_before = usize::from(number > 0);
        let cut_after = usize::from(number + 1 < pieces.len());
        in_step.extend(std::iter::repeat_n(Value::Null, cut_before));
        in_step.extend(times.by_ref().take(piece.len() - cut_before - cut_after));
        in_step.extend(std::iter::repeat_n(Value::Null, cut_after));
    }
    let geometry = match pieces.len() {
        1 => Geometry::new_line_string(pieces.swap_remove(0)),
        _ => Geometry::new_multi_line_string(pieces),
    };
    let properties = [("session_id", json!(track.session)), ("times", Value::Array(in_step))];
    Some(feature(geometry, properties))
}

fn point(track: &Track, event: &TrackEvent, latitude: f64, longitude: f64) -> Feature {
    let properties = [
        ("id", json!(event.id)),
        ("session_id", json!(track.session)),
        ("event_type", json!(event.event_type)),
        ("server_time", json!(event.server_time)),
        ("tags", json!(event.tags)),
        ("data", json!(event.data)),
    ];
    feature(Geometry::new_point([longitude, latitude]), properties)
}

fn feature<const N: usize>(geometry: Geometry, properties: [(&str, Value); N]) -> Feature {
    let properties: JsonObject =
        properties.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Feature {
        bbox: None,
        geometry: Some(geometry),
        id: None,
        properties: Some(properties),
        foreign_members: None,
    }
}
