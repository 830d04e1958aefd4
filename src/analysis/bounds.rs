//! The box around places.
//!
//! Owns: [`Bounds`], which grows by one place after the other. A box has two ways around the globe; the
//! narrower is taken of the one that does not cross the antimeridian and the one that does but does not
//! cross Greenwich, so that the order of the places does not matter. It is the narrowest of all boxes unless that one
//! is wider than half the globe.

use crate::event::Location;
use crate::query::BoundingBox;

/// The least and the greatest of some degrees.
#[derive(Debug, Clone, Copy)]
struct Extent {
    least: f64,
    greatest: f64,
}

impl Extent {
    const NONE: Self = Self { least: f64::INFINITY, greatest: f64::NEG_INFINITY };

    fn add(&mut self, degrees: f64) {
        self.least = self.least.min(degrees);
        self.greatest = self.greatest.max(degrees);
    }

    fn is_empty(self) -> bool {
        self.least > self.greatest
    }
}

/// The box around the places so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    latitudes: Extent,
    /// Below 0.
    western: Extent,
    /// From 0 on.
    eastern: Extent,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { latitudes: Extent::NONE, western: Extent::NONE, eastern: Extent::NONE }
    }
}

impl Bounds {
    /// One more place.
    pub(crate) fn add(&mut self, place: Location) {
        self.latitudes.add(place.latitude);
        let half = if place.longitude < 0.0 { &mut self.western } else { &mut self.eastern };
        half.add(place.longitude);
    }

    /// The box; `None` where there is no place.
    pub(crate) fn bounding_box(&self) -> Option<BoundingBox> {
        let (western, eastern) = (self.western, self.eastern);
        let (west, east) = match (western.is_empty(), eastern.is_empty()) {
            (true, true) => return None,
            (false, true) => (western.least, western.greatest),
            (true, false) => (eastern.least, eastern.greatest),
            (false, false) => {
                let over_greenwich = eastern.greatest - western.least;
                let over_antimeridian = 360.0 - (eastern.least - western.greatest);
                match over_antimeridian < over_greenwich {
                    true => (eastern.least, western.greatest),
                    false => (western.least, eastern.greatest),
                }
            }
        };
        let Extent { least: south, greatest: north } = self.latitudes;
        Some(BoundingBox { west, south, east, north })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(places: &[(f64, f64)]) -> Option<(f64, f64, f64, f64)> {
        let mut bounds = Bounds::default();
        for &(latitude, longitude) in places {
            bounds.add(Location { latitude, longitude });
        }
        bounds.bounding_box().map(|it| (it.west, it.south, it.east, it.north))
    }

    #[test]
    fn a_box_goes_the_shorter_way_around() {
        assert_eq!(around(&[]), None);
        assert_eq!(around(&[(1.0, 2.0)]), Some((2.0, 1.0, 2.0, 1.0)));
        assert_eq!(around(&[(1.0, 2.0), (-3.0, -4.0)]), Some((-4.0, -3.0, 2.0, 1.0)));
        assert_eq!(around(&[(1.0, 179.0), (2.0, -178.0)]), Some((179.0, 1.0, -178.0, 2.0)));
        assert_eq!(around(&[(0.0, 180.0), (0.0, -179.5)]), Some((180.0, 0.0, -179.5, 0.0)));
        assert_eq!(around(&[(0.0, -179.0), (0.0, -100.0)]), Some((-179.0, 0.0, -100.0, 0.0)));
        // Either way is as wide: not over the antimeridian.
        assert_eq!(around(&[(0.0, -90.0), (0.0, 90.0)]), Some((-90.0, 0.0, 90.0, 0.0)));
    }
}
