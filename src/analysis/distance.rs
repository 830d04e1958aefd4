//! Metres between places, and places that are none.
//!
//! Owns: the length of a step on the WGS 84 ellipsoid, and [`NoFix`], the places that clients send when
//! they do not know theirs.
//!
//! A step of at most [`NEAR_DEGREES`] is measured on the ellipsoid's own curvature at its middle, which
//! differs from the geodesic by less than a millionth (tested) and takes a thirtieth of the time; a longer
//! one by `geo`'s geodesic (Karney 2013).

use geo::{Distance, Geodesic, Point};
use serde::{Deserialize, Serialize};

use crate::event::Location;

/// Of latitude and of longitude.
const NEAR_DEGREES: f64 = 0.01;

/// Beyond it the circles of latitude are too small for that.
const NEAR_LATITUDE_MAX: f64 = 85.0;

/// The ellipsoid's longer half axis in metres, and its first eccentricity squared.
const SEMI_MAJOR: f64 = 6_378_137.0;
const ECCENTRICITY_SQUARED: f64 = 0.006_694_379_990_141_316_5;

/// Metres from one place to another along the ellipsoid.
pub(crate) fn metres(from: Location, to: Location) -> f64 {
    let north = to.latitude - from.latitude;
    let east = to.longitude - from.longitude;
    let middle = (from.latitude + to.latitude) / 2.0;
    if north.abs() > NEAR_DEGREES || east.abs() > NEAR_DEGREES || middle.abs() > NEAR_LATITUDE_MAX {
        let point = |place: Location| Point::new(place.longitude, place.latitude);
        return Geodesic.distance(point(from), point(to));
    }
    let (sine, cosine) = middle.to_radians().sin_cos();
    let bend = 1.0 - ECCENTRICITY_SQUARED * sine * sine;
    let across = SEMI_MAJOR / bend.sqrt();
    let along = across * (1.0 - ECCENTRICITY_SQUARED) / bend;
    let (north, east) = (along * north.to_radians(), across * cosine * east.to_radians());
    // Neither overflows, and so this is as good as `hypot` and takes half the time of the whole.
    (north * north + east * east).sqrt()
}

/// Places that stand for no place: most clients send latitude and longitude 1, or 0, before they have
/// a fix. Such points stay in the log, and are left out of paths, maps and distances.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NoFix(Vec<(f64, f64)>);

impl Default for NoFix {
    /// 1,1 and 0,0.
    fn default() -> Self {
        Self(vec![(1.0, 1.0), (0.0, 0.0)])
    }
}

impl NoFix {
    /// These latitudes and longitudes, exactly; with none of them, every point is a place.
    #[must_use]
    pub fn new(points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        Self(points.into_iter().collect())
    }

    /// The location, unless it stands for none.
    pub(crate) fn place(&self, location: Option<Location>) -> Option<Location> {
        let is = |place: &Location, &(latitude, longitude): &(f64, f64)| {
            place.latitude == latitude && place.longitude == longitude
        };
        location.filter(|place| !self.0.iter().any(|none| is(place, none)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_short_step_is_as_long_as_the_geodesic(
            latitude in -84.9..84.9,
            longitude in -180.0..180.0,
            north in -NEAR_DEGREES..NEAR_DEGREES,
            east in -NEAR_DEGREES..NEAR_DEGREES,
        ) {
            let from = Location { latitude, longitude };
            let to = Location { latitude: latitude + north, longitude: longitude + east };
            let point = |place: Location| Point::new(place.longitude, place.latitude);
            let geodesic = Geodesic.distance(point(from), point(to));
            prop_assert!((metres(from, to) - geodesic).abs() <= 1e-6 * geodesic + 1e-6);
        }
    }

    #[test]
    fn a_step_over_the_antimeridian_is_short() {
        let from = Location { latitude: 10.0, longitude: 179.9999 };
        let to = Location { latitude: 10.0, longitude: -179.9999 };
        assert!((metres(from, to) - 21.9).abs() < 0.1);
    }

    #[test]
    fn a_client_without_a_fix_is_nowhere() {
        let at = |latitude, longitude| Some(Location { latitude, longitude });
        let no_fix = NoFix::default();
        assert_eq!(no_fix.place(at(1.0, 1.0)), None);
        assert_eq!(no_fix.place(at(0.0, 0.0)), None);
        assert_eq!(no_fix.place(at(1.0, 0.0)), at(1.0, 0.0));
        assert_eq!(NoFix::new([]).place(at(1.0, 1.0)), at(1.0, 1.0));
    }
}
