//! From degrees to a sheet.
//!
//! Owns: [`Frame`], the Web Mercator projection of the places of one map, and how long a pixel is on the ground.
//!
//! Invariant: the frame's western edge lies in the widest stretch of longitudes without a place, so that places on
//! both sides of the antimeridian lie beside each other.

use crate::analysis::{Cell, Track};

/// Where the projection ends, as on all web maps.
const LATITUDE_MAX: f64 = 85.051_128_779_806_6;

/// Degrees that a map shows at least: some 200 metres.
const SPAN_MIN: f64 = 0.002;

/// Of the sheet, the map's part that places may lie in.
const FILLED: f64 = 0.92;

/// Metres of a degree at the equator, on the sphere.
const DEGREE_METRES: f64 = 111_195.0;

/// A part of a sheet, in pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Area {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Area {
    pub(super) fn right(self) -> f64 {
        self.x + self.width
    }

    pub(super) fn bottom(self) -> f64 {
        self.y + self.height
    }
}

/// How places lie on a sheet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    area: Area,
    /// The longitude from which degrees count to the east.
    west: f64,
    /// Degrees east of `west`, and projected degrees north, in the middle of the area.
    middle: (f64, f64),
    /// Pixels of a degree at the equator.
    scale: f64,
}

impl Frame {
    /// Around these latitudes and longitudes; `None` where there is none.
    pub(super) fn around(places: &[(f64, f64)], area: Area) -> Option<Self> {
        let west = western_edge(places.iter().map(|place| place.1).collect())?;
        let (mut least, mut greatest) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
        for &(latitude, longitude) in places {
            let at = [east_of(west, longitude), project(latitude)];
            for axis in 0..2 {
                least[axis] = least[axis].min(at[axis]);
                greatest[axis] = greatest[axis].max(at[axis]);
            }
        }
        let span = [0, 1].map(|axis| (greatest[axis] - least[axis]).max(SPAN_MIN));
        let scale = (area.width * FILLED / span[0]).min(area.height * FILLED / span[1]);
        let middle = ((least[0] + greatest[0]) / 2.0, (least[1] + greatest[1]) / 2.0);
        Some(Self { area, west, middle, scale })
    }

    /// Around the places of tracks.
    pub(super) fn around_tracks(tracks: &[Track], area: Area) -> Option<Self> {
        let places = tracks
            .iter()
            .flat_map(|track| track.places().map(|(_, latitude, longitude)| (latitude, longitude)));
        Self::around(&places.collect::<Vec<_>>(), area)
    }

    /// Around the cells of a heatmap.
    pub(super) fn around_cells(cells: &[Cell], area: Area) -> Option<Self> {
        // A hair inside its sides, a cell at the antimeridian does not reach over it.
        let corners = cells.iter().flat_map(|cell| {
            let b = cell.bounds;
            let hair = (b.east - b.west) * 1e-6;
            [(b.south, b.west + hair), (b.north, b.east - hair)]
        });
        Self::around(&corners.collect::<Vec<_>>(), area)
    }

    /// The longitude without a leap at the antimeridian: up to 360 degrees more than the western edge.
    pub(super) fn unrolled(&self, longitude: f64) -> f64 {
        self.west + east_of(self.west, longitude)
    }

    /// The pixel of a latitude and a longitude.
    pub(super) fn at(&self, latitude: f64, longitude: f64) -> (f64, f64) {
        (self.x_of(self.unrolled(longitude)), self.y_of(latitude))
    }

    /// The column of an unrolled longitude.
    pub(super) fn x_of(&self, unrolled: f64) -> f64 {
        let east = unrolled - self.west - self.middle.0;
        self.area.x + self.area.width / 2.0 + east * self.scale
    }

    /// The line of a latitude.
    pub(super) fn y_of(&self, latitude: f64) -> f64 {
        let north = project(latitude) - self.middle.1;
        self.area.y + self.area.height / 2.0 - north * self.scale
    }

    /// Unrolled longitudes of the area's sides.
    pub(super) fn sides(&self) -> (f64, f64) {
        let half = self.area.width / 2.0 / self.scale;
        (self.west + self.middle.0 - half, self.west + self.middle.0 + half)
    }

    /// Latitudes of the area's lower and upper edge.
    pub(super) fn edges(&self) -> (f64, f64) {
        let half = self.area.height / 2.0 / self.scale;
        (unproject(self.middle.1 - half), unproject(self.middle.1 + half))
    }

    /// Pixels of a degree of longitude.
    pub(super) fn degree_pixels(&self) -> f64 {
        self.scale
    }

    /// Metres of a pixel in the middle of the map.
    pub(super) fn pixel_metres(&self) -> f64 {
        DEGREE_METRES * unproject(self.middle.1).to_radians().cos() / self.scale
    }
}

fn east_of(west: f64, longitude: f64) -> f64 {
    (longitude - west).rem_euclid(360.0)
}

/// Degrees north of the equator as Mercator has them.
fn project(latitude: f64) -> f64 {
    let latitude = latitude.clamp(-LATITUDE_MAX, LATITUDE_MAX).to_radians();
    (std::f64::consts::FRAC_PI_4 + latitude / 2.0).tan().ln().to_degrees()
}

fn unproject(north: f64) -> f64 {
    north.to_radians().sinh().atan().to_degrees()
}

/// The eastern end of the widest stretch without one of these longitudes.
fn western_edge(mut longitudes: Vec<f64>) -> Option<f64> {
    longitudes.sort_unstable_by(f64::total_cmp);
    let (first, last) = (*longitudes.first()?, *longitudes.last()?);
    // Where nothing speaks for another edge, the map begins at its westernmost place.
    let (mut widest, mut edge) = (first + 360.0 - last, first);
    for pair in longitudes.windows(2) {
        if pair[1] - pair[0] > widest {
            (widest, edge) = (pair[1] - pair[0], pair[1]);
        }
    }
    Some(edge)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const AREA: Area = Area { x: 10.0, y: 20.0, width: 700.0, height: 500.0 };

    proptest! {
        #[test]
        fn every_place_lies_in_the_area(
            places in prop::collection::vec((-90.0..=90.0, -180.0..=180.0), 1..20),
        ) {
            let frame = Frame::around(&places, AREA).unwrap();
            for (latitude, longitude) in places {
                let (x, y) = frame.at(latitude, longitude);
                prop_assert!((AREA.x..=AREA.right()).contains(&x), "{x}");
                prop_assert!((AREA.y..=AREA.bottom()).contains(&y), "{y}");
            }
            let (south, north) = frame.edges();
            prop_assert!((frame.y_of(south.max(-85.0)) - AREA.bottom()).abs() < 1e-6 || south < -85.0);
            prop_assert!(south < north);
        }
    }

    #[test]
    fn places_on_both_sides_of_the_antimeridian_are_near() {
        let places = [(-16.5, 179.99), (-16.5, -179.99)];
        let frame = Frame::around(&places, AREA).unwrap();
        let (a, b) = (frame.at(-16.5, 179.99), frame.at(-16.5, -179.99));
        assert!(b.0 > a.0, "east is right");
        assert!((b.0 - a.0 - AREA.width * FILLED).abs() < 1e-6);
        assert_eq!(frame.unrolled(-179.99), 180.01);
    }

    #[test]
    fn a_place_alone_is_in_the_middle_of_some_metres() {
        let frame = Frame::around(&[(60.0, 10.0)], AREA).unwrap();
        assert_eq!(frame.at(60.0, 10.0), (360.0, 270.0));
        let metres = frame.pixel_metres() * AREA.height;
        assert!((100.0..200.0).contains(&metres), "{metres}");
        assert!(Frame::around(&[], AREA).is_none());
    }
}
