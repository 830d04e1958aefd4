//! Which events are meant: a plain value, and a builder over it.
//!
//! Owns: [`Filter`], its shapes ([`BoundingBox`], [`Circle`]) and the rules a filter must keep. Does
//! not own how a filter is answered (`plan`, `eval`) nor the geometry itself (`region`).

use geo::{MultiPolygon, Polygon};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::event::check_name;
use crate::limits::{
    EVENT_TYPE_BYTES_MAX, FILTER_DEPTH_MAX, FILTER_TERMS_MAX, POLYGON_POINTS_MAX, SEARCH_BYTES_MAX,
    SESSION_ID_BYTES_MAX, TAG_BYTES_MAX,
};
use crate::time::TimeRange;

/// A condition on events; conditions nest at will.
///
/// As serde data it is one key per condition, as in
/// `{"and": [{"event_type": ["heartbeat"]}, {"not": {"any_tag": ["3", "8"]}}]}`.
///
/// ```
/// use diurnal::Filter;
///
/// let wanted = Filter::event_type("modify_stream")
///     .and(Filter::all_tags(["3", "8"]))
///     .and(Filter::not(Filter::session(-1)));
/// # let _ = wanted;
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Filter {
    /// Every event.
    #[default]
    All,
    /// Events that meet all of these; every event where there are none.
    And(Vec<Filter>),
    /// Events that meet any of these; no event where there are none.
    Or(Vec<Filter>),
    /// Events that do not meet this.
    Not(Box<Filter>),
    /// Events of any of these sessions.
    Session(Vec<String>),
    /// Events of any of these types.
    EventType(Vec<String>),
    /// Events with at least one of these tags.
    AnyTag(Vec<String>),
    /// Events with every one of these tags.
    AllTags(Vec<String>),
    /// Events that the store received within this range.
    ServerTime(TimeRange),
    /// Events whose client's clock can be read and showed an instant within this range.
    ClientTime(TimeRange),
    /// Events inside a box, its edges included.
    BoundingBox(BoundingBox),
    /// Events inside any of these polygons, edges included: planar, in degrees of longitude (x) and
    /// latitude (y). The rings of one polygon are its outline and its holes.
    Polygon(#[serde(with = "rings")] MultiPolygon<f64>),
    /// Events within a circle, its edge included.
    Circle(Circle),
    /// Events with a location, or those without.
    HasLocation(bool),
    /// Events whose data holds this text, to the byte. Events without data do not.
    DataContains(String),
}

/// A box in WGS 84 degrees. Where `west` is greater than `east` it crosses the antimeridian.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BoundingBox {
    /// The western edge, a longitude within ±180.
    pub west: f64,
    /// The southern edge, a latitude within ±90, at most `north`.
    pub south: f64,
    /// The eastern edge, a longitude within ±180.
    pub east: f64,
    /// The northern edge, a latitude within ±90.
    pub north: f64,
}

/// A circle on the sphere of mean earth radius (`geo`'s haversine distance).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Circle {
    /// The centre's latitude, within ±90 degrees.
    pub latitude: f64,
    /// The centre's longitude, within ±180 degrees.
    pub longitude: f64,
    /// The radius in metres, at least 0.
    pub metres: f64,
}

impl Filter {
    /// Events of this session.
    #[must_use]
    pub fn session(id: impl ToString) -> Self {
        Self::Session(vec![id.to_string()])
    }

    /// Events of any of these sessions.
    #[must_use]
    pub fn sessions<T: ToString>(ids: impl IntoIterator<Item = T>) -> Self {
        Self::Session(strings(ids))
    }

    /// Events of this type.
    #[must_use]
    pub fn event_type(name: impl ToString) -> Self {
        Self::EventType(vec![name.to_string()])
    }

    /// Events of any of these types.
    #[must_use]
    pub fn event_types<T: ToString>(names: impl IntoIterator<Item = T>) -> Self {
        Self::EventType(strings(names))
    }

    /// Events with this tag.
    #[must_use]
    pub fn tag(tag: impl ToString) -> Self {
        Self::AnyTag(vec![tag.to_string()])
    }

    /// Events with at least one of these tags.
    #[must_use]
    pub fn any_tag<T: ToString>(tags: impl IntoIterator<Item = T>) -> Self {
        Self::AnyTag(strings(tags))
    }

    /// Events with every one of these tags.
    #[must_use]
    pub fn all_tags<T: ToString>(tags: impl IntoIterator<Item = T>) -> Self {
        Self::AllTags(strings(tags))
    }

    /// Events with none of these tags.
    #[must_use]
    pub fn no_tags<T: ToString>(tags: impl IntoIterator<Item = T>) -> Self {
        Self::not(Self::any_tag(tags))
    }

    /// Events inside a polygon.
    #[must_use]
    pub fn polygon(polygon: Polygon<f64>) -> Self {
        Self::Polygon(MultiPolygon(vec![polygon]))
    }

    /// Events that do not meet `filter`.
    #[must_use]
    #[allow(clippy::should_implement_trait, reason = "a constructor, named as the condition is")]
    pub fn not(filter: Self) -> Self {
        Self::Not(Box::new(filter))
    }

    /// Events that meet both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::All, only) | (only, Self::All) => only,
            (Self::And(mut all), other) => {
                all.push(other);
                Self::And(all)
            }
            (first, second) => Self::And(vec![first, second]),
        }
    }

    /// Events that meet either.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Or(mut any), other) => {
                any.push(other);
                Self::Or(any)
            }
            (first, second) => Self::Or(vec![first, second]),
        }
    }

    /// Checks every limit and every number of the filter.
    pub(crate) fn validate(&self) -> Result<()> {
        let mut terms = 0;
        self.validate_within(FILTER_DEPTH_MAX, &mut terms)
    }

    fn validate_within(&self, depth: usize, terms: &mut usize) -> Result<()> {
        let Some(depth) = depth.checked_sub(1) else {
            let rule = format!("must nest at most {FILTER_DEPTH_MAX} deep");
            return Err(Error::invalid("filter", rule, "deeper"));
        };
        *terms += 1 + self.values().len();
        if *terms > FILTER_TERMS_MAX {
            let rule = format!("must hold at most {FILTER_TERMS_MAX} conditions and values");
            return Err(Error::invalid("filter", rule, "more"));
        }
        match self {
            Self::All | Self::HasLocation(_) | Self::ServerTime(_) | Self::ClientTime(_) => Ok(()),
            Self::And(filters) | Self::Or(filters) => {
                filters.iter().try_for_each(|filter| filter.validate_within(depth, terms))
            }
            Self::Not(filter) => filter.validate_within(depth, terms),
            Self::Session(ids) => check_names("session_id", ids, SESSION_ID_BYTES_MAX),
            Self::EventType(names) => check_names("event_type", names, EVENT_TYPE_BYTES_MAX),
            Self::AnyTag(tags) | Self::AllTags(tags) => check_names("tags", tags, TAG_BYTES_MAX),
            Self::BoundingBox(bounds) => bounds.validate(),
            Self::Polygon(polygons) => validate_polygons(polygons),
            Self::Circle(circle) => circle.validate(),
            Self::DataContains(text) => validate_search(text),
        }
    }

    fn values(&self) -> &[String] {
        match self {
            Self::Session(values)
            | Self::EventType(values)
            | Self::AnyTag(values)
            | Self::AllTags(values) => values,
            _ => &[],
        }
    }
}

impl BoundingBox {
    fn validate(&self) -> Result<()> {
        check_within("west", self.west, 180.0)?;
        check_within("south", self.south, 90.0)?;
        check_within("east", self.east, 180.0)?;
        check_within("north", self.north, 90.0)?;
        if self.south > self.north {
            let rule = format!("must be at most north, {}", self.north);
            return Err(Error::invalid("south", rule, self.south));
        }
        Ok(())
    }
}

impl Circle {
    fn validate(&self) -> Result<()> {
        check_within("latitude", self.latitude, 90.0)?;
        check_within("longitude", self.longitude, 180.0)?;
        if self.metres >= 0.0 && self.metres.is_finite() {
            return Ok(());
        }
        Err(Error::invalid("metres", "must be a number of at least 0", self.metres))
    }
}

fn strings<T: ToString>(values: impl IntoIterator<Item = T>) -> Vec<String> {
    values.into_iter().map(|value| value.to_string()).collect()
}

fn check_names(field: &str, names: &[String], bytes_max: usize) -> Result<()> {
    names.iter().try_for_each(|name| check_name(field, name, bytes_max))
}

fn check_within(field: &str, degrees: f64, bound: f64) -> Result<()> {
    if degrees.abs() <= bound {
        return Ok(());
    }
    Err(Error::invalid(field, format!("must be a number within ±{bound}"), degrees))
}

fn validate_polygons(polygons: &MultiPolygon<f64>) -> Result<()> {
    let rings = || polygons.iter().flat_map(|p| std::iter::once(p.exterior()).chain(p.interiors()));
    let points = rings().map(|ring| ring.0.len()).sum::<usize>();
    if points > POLYGON_POINTS_MAX {
        let rule = format!("must have at most {POLYGON_POINTS_MAX} points");
        return Err(Error::invalid("polygon", rule, points));
    }
    for ring in rings() {
        if ring.0.len() < 4 {
            let rule = "each ring must have at least 4 points, the first repeated as the last";
            return Err(Error::invalid("polygon", rule, format!("{} points", ring.0.len())));
        }
        for point in &ring.0 {
            check_within("polygon", point.x, 180.0)?;
            check_within("polygon", point.y, 90.0)?;
        }
    }
    Ok(())
}

fn validate_search(text: &str) -> Result<()> {
    if text.is_empty() || text.len() > SEARCH_BYTES_MAX {
        let rule = format!("must be 1 to {SEARCH_BYTES_MAX} bytes, is {}", text.len());
        return Err(Error::invalid("data_contains", rule, text));
    }
    Ok(())
}

/// Polygons as arrays of rings of `[longitude, latitude]`, as GeoJSON's `coordinates` of a
/// multipolygon.
mod rings {
    use geo::{LineString, MultiPolygon, Polygon};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    type Ring = Vec<[f64; 2]>;

    pub(super) fn serialize<S: Serializer>(
        polygons: &MultiPolygon<f64>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let ring = |line: &LineString<f64>| line.coords().map(|c| [c.x, c.y]).collect::<Ring>();
        let polygons: Vec<Vec<Ring>> = polygons
            .iter()
            .map(|p| std::iter::once(p.exterior()).chain(p.interiors()).map(ring).collect())
            .collect();
        polygons.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<MultiPolygon<f64>, D::Error> {
        let polygons = Vec::<Vec<Ring>>::deserialize(deserializer)?;
        let line = |ring: Ring| ring.into_iter().map(|[x, y]| (x, y)).collect::<LineString<f64>>();
        let polygon = |rings: Vec<Ring>| {
            let mut lines = rings.into_iter().map(line);
            let exterior = lines.next().unwrap_or_else(|| LineString::new(Vec::new()));
            Polygon::new(exterior, lines.collect())
        };
        Ok(polygons.into_iter().map(polygon).collect())
    }
}
