//! Circles on the sphere.
//!
//! Owns: the distance from a circle's centre to a place, and bounds of it over a rectangle. Does not
//! own the rules a circle must keep (`filter`).
//!
//! Invariants: a circle holds a place where `geo`'s haversine distance says so. The bounds allow for
//! the rounding of that distance, [`ROUNDING_METRES`], which is asked for only where they cannot tell.

use std::f64::consts::PI;

use geo::{Distance, Haversine, Point};

use super::super::filter::Circle;
use super::Mark;
use crate::index::cells::Bounds;

/// The greatest distance on the sphere.
const HALF_ROUND_METRES: f64 = PI * Haversine.radius();

/// More than the haversine distance and the bounds together can be off: near the antipode, where
/// the arcsine is steep, about 0.3 m each; elsewhere micrometres.
const ROUNDING_METRES: f64 = 1.0;

/// A circle, and what decides most places without a sine.
#[derive(Debug)]
pub(super) struct Disc {
    circle: Circle,
    cosine: f64,
    /// A place of a lesser haversine lies inside, and one of a greater haversine outside.
    inside: f64,
    outside: f64,
}

impl Disc {
    pub(super) fn new(circle: Circle) -> Self {
        let haversine = |metres: f64| (metres / (2.0 * Haversine.radius())).sin().powi(2);
        let (near, far) = (circle.metres - ROUNDING_METRES, circle.metres + ROUNDING_METRES);
        Self {
            circle,
            cosine: circle.latitude.to_radians().cos(),
            inside: if near > 0.0 { haversine(near.min(HALF_ROUND_METRES)) } else { 0.0 },
            outside: if far < HALF_ROUND_METRES { haversine(far) } else { f64::INFINITY },
        }
    }

    pub(super) fn contains(&self, latitude: f64, longitude: f64) -> bool {
        let (least, most) = self.haversine_bounds(latitude, longitude);
        if most < self.inside || least > self.outside {
            return most < self.inside;
        }
        let Circle { latitude: north, longitude: east, metres: radius } = self.circle;
        metres((north, east), (latitude, longitude)) <= radius
    }

    /// Between which values `sin²(Δφ/2) + cos φ₁ cos φ₂ sin²(Δλ/2)` lies: `x² - x⁴/3 ≤ sin² x ≤ x²`, and
    /// the cosines of two latitudes differ by at most as much as the latitudes.
    fn haversine_bounds(&self, latitude: f64, longitude: f64) -> (f64, f64) {
        let turn = (longitude - self.circle.longitude).abs();
        let across = turn.min(360.0 - turn).to_radians() / 2.0;
        let along = (latitude - self.circle.latitude).abs().to_radians() / 2.0;
        let least = |half: f64| (half * half * (1.0 - half * half / 3.0)).max(0.0);
        let cosine = self.cosine;
        let (lower, upper) = ((cosine - 2.0 * along).max(0.0), (cosine + 2.0 * along).min(1.0));
        (
            least(along) + cosine * lower * least(across),
            along * along + cosine * upper * across * across,
        )
    }

    pub(super) fn mark(&self, rect: &Bounds) -> Option<Mark> {
        self.circle.mark(rect)
    }
}

impl Circle {
    fn mark(&self, rect: &Bounds) -> Option<Mark> {
        if nearest_metres((self.latitude, self.longitude), rect) > self.metres + ROUNDING_METRES {
            return None;
        }
        // What is farthest from a place is nearest to its antipode.
        let opposite = (-self.latitude, self.longitude + 180.0);
        let farthest = HALF_ROUND_METRES - nearest_metres(opposite, rect);
        Some(if farthest + ROUNDING_METRES <= self.metres { Mark::Inside } else { Mark::Edge })
    }
}

/// The distance of two places, each a latitude and a longitude.
fn metres(a: (f64, f64), b: (f64, f64)) -> f64 {
    let metres = Haversine.distance(Point::new(a.1, a.0), Point::new(b.1, b.0));
    // At the antipode, rounding can ask for the arcsine of more than 1.
    if metres.is_nan() { HALF_ROUND_METRES } else { metres }
}

/// The distance from a place to the nearest place of a rectangle.
///
/// Along a parallel, distance grows with the difference of longitude, so the nearest place lies on
/// the place's own meridian if the rectangle has it, else on the side that is fewer degrees away.
/// Along a meridian, the cosine of the distance is one half-wave of a sine: it is greatest at its
/// peak, or at an end if the peak lies beyond.
fn nearest_metres(place: (f64, f64), rect: &Bounds) -> f64 {
    let (latitude, longitude) = place;
    let east_of_west = (longitude - rect.west).rem_euclid(360.0);
    let east_of_east = east_of_west - (rect.east - rect.west);
    let meridian = if east_of_east <= 0.0 {
        longitude
    } else if east_of_east < 360.0 - east_of_west {
        rect.east
    } else {
        rect.west
    };
    let (sine, cosine) = latitude.to_radians().sin_cos();
    let peak = sine.atan2(cosine * (meridian - longitude).to_radians().cos()).to_degrees();
    let ends = metres(place, (rect.south, meridian)).min(metres(place, (rect.north, meridian)));
    if rect.south < peak && peak < rect.north {
        ends.min(metres(place, (peak, meridian)))
    } else {
        ends
    }
}
