//! From filter options to one condition.
//!
//! Owns: how the kinds of filters combine, and the reading of a GeoJSON file's polygons. Does not
//! own the options (`args`) nor the limits of a filter, which the store checks.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use diurnal::{Clock, Filter, SystemClock, TimeRange, Timestamp};
use geo::{LineString, MultiPolygon, Polygon};
use geojson::{Feature, GeoJson, Geometry, GeometryValue, Position};

use crate::args::filters::FilterArguments;
use crate::args::moment::Moment;
use crate::failure::Failure;

/// Bytes of a GeoJSON file: the store's limit of points with room for long properties.
const GEOJSON_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// One condition that asks for every kind given.
pub(crate) fn filter(arguments: &FilterArguments) -> Result<Filter, Failure> {
    let mut filter = Filter::All;
    let mut narrow = |condition: Filter| filter = std::mem::take(&mut filter).and(condition);
    if !arguments.session_id.is_empty() {
        narrow(Filter::sessions(&arguments.session_id));
    }
    if !arguments.event_type.is_empty() {
        narrow(Filter::event_types(&arguments.event_type));
    }
    if !arguments.any_tag.is_empty() {
        narrow(Filter::any_tag(&arguments.any_tag));
    }
    if !arguments.tag.is_empty() {
        narrow(Filter::all_tags(&arguments.tag));
    }
    if !arguments.not_tag.is_empty() {
        narrow(Filter::no_tags(&arguments.not_tag));
    }
    if arguments.from.is_some() || arguments.to.is_some() {
        // Asked once, so that both ends mean the same now.
        let now = SystemClock.now();
        let instant = |moment: Moment| moment.instant(arguments.tz, now);
        narrow(Filter::ServerTime(TimeRange {
            from: arguments.from.map_or(TimeRange::ALL.from, instant),
            to: arguments.to.map_or(TimeRange::ALL.to, instant),
        }));
    }
    if let Some(bounds) = arguments.bbox {
        narrow(Filter::BoundingBox(bounds));
    }
    if let Some(circle) = arguments.near {
        narrow(Filter::Circle(circle));
    }
    if let Some(path) = &arguments.polygon {
        narrow(Filter::Polygon(read_polygons(path)?));
    }
    if arguments.has_location {
        narrow(Filter::HasLocation(true));
    }
    if let Some(text) = &arguments.data_contains {
        narrow(Filter::DataContains(text.clone()));
    }
    Ok(filter)
}

/// When a moment is that an option beside the filters names.
pub(crate) fn instant(moment: Moment, arguments: &FilterArguments) -> Timestamp {
    moment.instant(arguments.tz, SystemClock.now())
}

/// Every polygon of a GeoJSON file, whatever holds it.
fn read_polygons(path: &Path) -> Result<MultiPolygon<f64>, Failure> {
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(GEOJSON_BYTES_MAX + 1).read_to_string(&mut text))
        .map_err(|error| Failure::file("read", path, &error))?;
    let wrong = |reason: String| Failure::message(format!("{}: {reason}", path.display()));
    if text.len() as u64 > GEOJSON_BYTES_MAX {
        return Err(wrong(format!("is longer than {GEOJSON_BYTES_MAX} bytes")));
    }
    parse_polygons(&text).map_err(wrong)
}

/// Every polygon of a GeoJSON text, or why it has none.
pub(crate) fn parse_polygons(text: &str) -> Result<MultiPolygon<f64>, String> {
    let text = text.trim_start_matches('\u{feff}');
    let geojson: GeoJson = text.parse().map_err(|error| format!("is not GeoJSON: {error}"))?;
    let mut polygons = Vec::new();
    match geojson {
        GeoJson::Geometry(geometry) => collect(&geometry, &mut polygons)?,
        GeoJson::Feature(feature) => collect_feature(&feature, &mut polygons)?,
        GeoJson::FeatureCollection(collection) => {
            for feature in &collection.features {
                collect_feature(feature, &mut polygons)?;
            }
        }
    }
    if polygons.is_empty() {
        return Err("has no polygon".to_owned());
    }
    Ok(MultiPolygon(polygons))
}

fn collect_feature(feature: &Feature, polygons: &mut Vec<Polygon<f64>>) -> Result<(), String> {
    feature.geometry.as_ref().map_or(Ok(()), |geometry| collect(geometry, polygons))
}

/// Recurses as deep as collections nest, which the JSON reader bounds.
fn collect(geometry: &Geometry, polygons: &mut Vec<Polygon<f64>>) -> Result<(), String> {
    match &geometry.value {
        GeometryValue::Polygon { coordinates } => polygons.push(polygon(coordinates)?),
        GeometryValue::MultiPolygon { coordinates } => {
            for rings in coordinates {
                polygons.push(polygon(rings)?);
            }
        }
        GeometryValue::GeometryCollection { geometries } => {
            for geometry in geometries {
                collect(geometry, polygons)?;
            }
        }
        other => {
            return Err(format!(
                "holds a {}, and only polygons can be asked for",
                other.type_name()
            ));
        }
    }
    Ok(())
}

fn polygon(rings: &[Vec<Position>]) -> Result<Polygon<f64>, String> {
    let mut rings = rings.iter().map(|ring| line(ring)).collect::<Result<Vec<_>, _>>()?.into_iter();
    let outline = rings.next().ok_or_else(|| "has a polygon without an outline".to_owned())?;
    Ok(Polygon::new(outline, rings.collect()))
}

fn line(ring: &[Position]) -> Result<LineString<f64>, String> {
    ring.iter()
        .map(|position| match *position.as_slice() {
            [longitude, latitude, ..] => Ok((longitude, latitude)),
            _ => Err("has a position that is not a longitude and a latitude".to_owned()),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQUARE: &str = "[[[0,0],[2,0],[2,2],[0,2],[0,0]],[[1,1],[1,1.5],[1.5,1.5],[1,1]]]";

    fn read(text: &str) -> Result<usize, String> {
        parse_polygons(text).map(|polygons| polygons.0.len())
    }

    #[test]
    fn polygons_are_found_in_whatever_holds_them() {
        let polygon = format!(r#"{{"type":"Polygon","coordinates":{SQUARE}}}"#);
        let multi = format!(r#"{{"type":"MultiPolygon","coordinates":[{SQUARE},{SQUARE}]}}"#);
        let feature = format!(r#"{{"type":"Feature","properties":{{}},"geometry":{multi}}}"#);
        let features =
            format!(r#"{{"type":"FeatureCollection","features":[{feature},{feature}]}}"#);
        let both = format!(r#"{{"type":"GeometryCollection","geometries":[{polygon},{multi}]}}"#);
        assert_eq!(read(&polygon), Ok(1));
        assert_eq!(read(&multi), Ok(2));
        assert_eq!(read(&feature), Ok(2));
        assert_eq!(read(&features), Ok(4));
        assert_eq!(read(&both), Ok(3));
        assert_eq!(
            parse_polygons(&polygon).map(|polygons| polygons.0[0].interiors().len()),
            Ok(1),
            "a second ring is a hole"
        );
    }

    #[test]
    fn what_is_not_a_polygon_is_refused_with_its_name() {
        let point = read(r#"{"type":"Point","coordinates":[1,2]}"#);
        assert!(point.is_err_and(|reason| reason.contains("Point")));
        assert!(read("no").is_err());
        assert!(read(r#"{"type":"FeatureCollection","features":[]}"#).is_err());
        assert!(read(r#"{"type":"Polygon","coordinates":[[[1],[2],[3],[1]]]}"#).is_err());
    }
}
