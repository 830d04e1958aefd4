//! Goal: what a region says of a place is the plain definition, and what it says of cells and
//! rectangles is never wrong about a place in them. Method: random regions of each kind, asked about
//! random places and about the places where rounding could matter.

use geo::{
    Contains, Coord, Destination, Distance, Haversine, Intersects, LineString, MultiPolygon, Point,
    Polygon,
};
use proptest::prelude::*;

use super::cover::SQUARES_MAX;
use super::*;
use crate::index::cells::{Cell, Square};
use crate::limits::POLYGON_POINTS_MAX;
use crate::query::filter::Circle;

type Place = (f64, f64);

fn region(filter: &Filter) -> Region {
    filter.validate().unwrap();
    Region::new(filter).unwrap()
}

fn naive(filter: &Filter, (latitude, longitude): Place) -> bool {
    match filter {
        Filter::BoundingBox(b) => {
            let names = if longitude.abs() == 180.0 { [180.0, -180.0] } else { [longitude; 2] };
            let within = |x: f64| {
                if b.west <= b.east {
                    b.west <= x && x <= b.east
                } else {
                    x >= b.west || x <= b.east
                }
            };
            b.south <= latitude && latitude <= b.north && names.into_iter().any(within)
        }
        Filter::Circle(c) => {
            let centre = Point::new(c.longitude, c.latitude);
            let metres = Haversine.distance(centre, Point::new(longitude, latitude));
            // Not a number only at the antipode.
            metres <= c.metres || (metres.is_nan() && c.metres > 20_015_115.0)
        }
        Filter::Polygon(polygons) => polygons.intersects(&Point::new(longitude, latitude)),
        _ => unreachable!(),
    }
}

/// Places on edges, at corners and about them.
fn places_of(filter: &Filter) -> Vec<Place> {
    let mut places: Vec<Place> = vec![];
    match filter {
        Filter::BoundingBox(b) => {
            for y in [b.south, (b.south + b.north) / 2.0, b.north] {
                places.extend([b.west, b.east, (b.west + b.east) / 2.0].map(|x| (y, x)));
            }
        }
        Filter::Circle(c) => {
            places.push((c.latitude, c.longitude));
            places.push((-c.latitude, c.longitude - 180.0_f64.copysign(c.longitude)));
            for bearing in 0..24 {
                let centre = Point::new(c.longitude, c.latitude);
                let bearing = f64::from(bearing) * 15.0;
                let rim = Haversine.destination(centre, bearing, c.metres.min(2.1e7));
                places.push((rim.y(), rim.x()));
            }
        }
        Filter::Polygon(polygons) => {
            for polygon in polygons {
                for ring in std::iter::once(polygon.exterior()).chain(polygon.interiors()) {
                    for line in ring.lines() {
                        places.push((line.start.y, line.start.x));
                        places.push((
                            (line.start.y + line.end.y) / 2.0,
                            (line.start.x + line.end.x) / 2.0,
                        ));
                    }
                }
            }
        }
        _ => unreachable!(),
    }
    places
}

fn special_places() -> Vec<Place> {
    let latitudes = [-90.0, -45.0, -0.0, 0.0, 45.0, 90.0];
    let longitudes = [-180.0, -90.0, -0.0, 0.0, 90.0, 180.0];
    latitudes.into_iter().flat_map(|y| longitudes.map(|x| (y, x))).collect()
}

fn clamped((latitude, longitude): Place) -> Place {
    (latitude.clamp(-90.0, 90.0), longitude.clamp(-180.0, 180.0))
}

/// Moves places by up to 10^-n degrees, and onto edges of cells.
fn spread(places: &[Place], offsets: &[(f64, f64, i32)]) -> Vec<Place> {
    let mut all = special_places();
    for place in places.iter().copied() {
        all.push(clamped(place));
        for (dy, dx, n) in offsets {
            let scale = 10.0_f64.powi(-n);
            all.push(clamped((place.0 + dy * scale, place.1 + dx * scale)));
        }
    }
    let on_grid = |(y, x): &Place| {
        ((y * 16384.0 / 45.0).round() * 45.0 / 16384.0, (x * 8192.0 / 45.0).round() * 45.0 / 8192.0)
    };
    let grid: Vec<Place> = all.iter().map(on_grid).collect();
    all.extend(grid);
    all
}

fn check(filter: &Filter, places: &[Place], rects: &[(Place, Place)]) -> Result<(), TestCaseError> {
    let region = region(filter);
    let cover = region.cover();
    prop_assert!(cover.ranges().len() <= SQUARES_MAX + 3);
    for pair in cover.ranges().windows(2) {
        let ((before, a), (after, b)) = (&pair[0], &pair[1]);
        prop_assert!(before.start() <= before.end() && before.end() < after.start());
        prop_assert!(a != b || before.end() + 1 < *after.start());
    }
    for &(latitude, longitude) in places {
        let held = region.contains(latitude, longitude);
        prop_assert_eq!(
            held,
            naive(filter, (latitude, longitude)),
            "at {} {}",
            latitude,
            longitude
        );
        match cover.classify(Cell::of(latitude, longitude)) {
            None => prop_assert!(!held, "not in a cell at {latitude} {longitude}"),
            Some(Mark::Inside) => prop_assert!(held, "wrongly inside at {latitude} {longitude}"),
            Some(Mark::Edge) => {}
        }
    }
    for (a, b) in rects {
        let rect = Bounds {
            south: a.0.min(b.0),
            west: a.1.min(b.1),
            north: a.0.max(b.0),
            east: a.1.max(b.1),
        };
        let (meets, covers) = (region.meets_rect(&rect), region.covers_rect(&rect));
        prop_assert!(meets || !covers);
        let corners = [(rect.south, rect.west), (rect.south, rect.east)];
        let corners = corners.into_iter().chain([(rect.north, rect.west), (rect.north, rect.east)]);
        let inside = places.iter().copied().filter(|place| rect.contains(place.0, place.1));
        for (latitude, longitude) in corners.chain(inside) {
            let held = region.contains(latitude, longitude);
            prop_assert!(meets || !held, "{rect:?} wrongly missed at {latitude} {longitude}");
            prop_assert!(held || !covers, "{rect:?} wrongly covered at {latitude} {longitude}");
        }
    }
    Ok(())
}

fn degrees(bound: f64) -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => -bound..=bound,
        1 => prop::sample::select(vec![-bound, -bound / 2.0, -0.0, 0.0, bound / 2.0, bound]),
        1 => (-bound as i32..=bound as i32).prop_map(f64::from),
    ]
}

fn place() -> impl Strategy<Value = Place> {
    (degrees(90.0), degrees(180.0))
}

fn offsets() -> impl Strategy<Value = Vec<(f64, f64, i32)>> {
    prop::collection::vec((-1.0..=1.0_f64, -1.0..=1.0_f64, -1..14), 12)
}

fn boxes() -> impl Strategy<Value = Filter> {
    let size = (-2..12_i32).prop_map(|n| 10.0_f64.powi(-n));
    (place(), place(), prop::option::of(size), any::<bool>()).prop_map(|(a, b, size, flat)| {
        let b = size.map_or(b, |size| clamped((a.0 + size, a.1 + size)));
        let b = if flat { (b.0, a.1) } else { b };
        // Where the first is the eastern one, the box crosses the antimeridian.
        let (south, north) = (a.0.min(b.0), a.0.max(b.0));
        Filter::BoundingBox(BoundingBox { west: a.1, south, east: b.1, north })
    })
}

fn circles() -> impl Strategy<Value = Filter> {
    let metres = prop_oneof![
        1 => Just(0.0),
        6 => (-3.0..7.4_f64).prop_map(|n| 10.0_f64.powf(n)),
        1 => 20_015_000.0..20_015_200.0_f64,
        1 => Just(1e300),
    ];
    (place(), metres).prop_map(|((latitude, longitude), metres)| {
        Filter::Circle(Circle { latitude, longitude, metres })
    })
}

/// Rings of any shape: crossing themselves, flat, doubled, or on whole numbers, so that places lie
/// exactly on their edges.
fn rings() -> impl Strategy<Value = LineString<f64>> {
    let points = prop::collection::vec((-1.0..=1.0_f64, -1.0..=1.0_f64), 3..9);
    (place(), points, -2..8_i32, any::<bool>()).prop_map(|(centre, points, n, whole)| {
        let scale = 10.0_f64.powi(-n);
        let corner = |(dy, dx): (f64, f64)| {
            let (y, x) = if whole {
                ((centre.0 + dy * 4.0).round(), (centre.1 + dx * 4.0).round())
            } else {
                (centre.0 + dy * scale, centre.1 + dx * scale)
            };
            let (y, x) = clamped((y, x));
            Coord { x, y }
        };
        LineString::new(points.into_iter().map(corner).collect())
    })
}

/// A round polygon with holes about its middle, which may overlap or reach outside.
fn with_holes() -> impl Strategy<Value = Polygon<f64>> {
    let ring = (3..40_u32, 0.01..1.0_f64, -0.3..0.3_f64);
    let scale = (-1..6_i32).prop_map(|n| 10.0_f64.powi(-n));
    (place(), scale, prop::collection::vec(ring, 1..4)).prop_map(|(centre, scale, rings)| {
        let round = |(corners, radius, shift): (u32, f64, f64)| -> LineString<f64> {
            let corner = |n: u32| {
                let turn = f64::from(n) / f64::from(corners) * std::f64::consts::TAU;
                let y = centre.0 + scale * (shift + radius * turn.sin());
                let (y, x) = clamped((y, centre.1 + scale * radius * turn.cos()));
                Coord { x, y }
            };
            (0..corners).map(corner).collect()
        };
        let mut rings = rings.into_iter().map(round);
        let exterior = rings.next().unwrap();
        Polygon::new(exterior, rings.collect())
    })
}

fn polygons() -> impl Strategy<Value = Filter> {
    let any_shape = (rings(), prop::collection::vec(rings(), 0..2))
        .prop_map(|(exterior, holes)| Polygon::new(exterior, holes));
    prop::collection::vec(prop_oneof![any_shape, with_holes()], 0..4).prop_map(|mut polygons| {
        // Rings that happen to be closed already can be too short to be valid.
        let valid = |polygon: &Polygon<f64>| {
            std::iter::once(polygon.exterior()).chain(polygon.interiors()).all(|r| r.0.len() > 3)
        };
        polygons.retain(valid);
        Filter::Polygon(MultiPolygon(polygons))
    })
}

fn rects_of(
    places: &[Place],
    picks: &[(prop::sample::Index, prop::sample::Index)],
) -> Vec<(Place, Place)> {
    picks.iter().map(|(a, b)| (*a.get(places), *b.get(places))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn regions_cells_and_rectangles_agree_with_the_plain_definition(
        filter in prop_oneof![boxes(), circles(), polygons()],
        random in prop::collection::vec(place(), 30),
        offsets in offsets(),
        picks in prop::collection::vec(any::<(prop::sample::Index, prop::sample::Index)>(), 12),
    ) {
        let mut seeds = places_of(&filter);
        seeds.extend(&random);
        let places = spread(&seeds, &offsets);
        check(&filter, &places, &rects_of(&places, &picks))?;
    }
}

fn ring_of(corners: usize, radius: impl Fn(usize) -> f64) -> Filter {
    let corner = |n: usize| {
        let turn = n as f64 / corners as f64 * std::f64::consts::TAU;
        Coord { x: 12.0 + radius(n) * turn.cos(), y: 51.0 + radius(n) * turn.sin() }
    };
    Filter::polygon(Polygon::new((0..corners).map(corner).collect(), Vec::new()))
}

#[test]
fn a_polygon_of_the_most_points_is_covered_and_asked_as_any_other() {
    let coast = |n: usize| 5.0 + ((n * 7919) % 1000) as f64 * 1e-6;
    let spikes = |n: usize| if n.is_multiple_of(2) { 0.5 } else { 30.0 };
    for filter in [ring_of(POLYGON_POINTS_MAX - 1, coast), ring_of(POLYGON_POINTS_MAX - 1, spikes)]
    {
        let places: Vec<Place> =
            (0..60).map(|n| (46.0 + f64::from(n % 10), 6.9 + f64::from(n / 10) * 2.0)).collect();
        let rects: Vec<_> = places.windows(2).map(|pair| (pair[0], pair[1])).collect();
        check(&filter, &places, &rects).unwrap();
    }
}

#[test]
fn a_cover_marks_the_middle_inside_and_knows_what_lies_beyond() {
    let filters = [
        Filter::BoundingBox(BoundingBox { west: 6.0, south: 46.0, east: 18.0, north: 56.0 }),
        Filter::Circle(Circle { latitude: 51.0, longitude: 12.0, metres: 300_000.0 }),
        ring_of(1000, |_| 4.0),
    ];
    for filter in filters {
        let cover = region(&filter).cover();
        assert_eq!(cover.classify(Cell::of(51.0, 12.0)), Some(Mark::Inside));
        assert_eq!(cover.classify(Cell::of(51.0, 30.0)), None);
        assert_eq!(cover.classify(Cell::of(-51.0, -168.0)), None);
        let cells = |wanted: Mark| -> u64 {
            let of_mark = cover.ranges().iter().filter(|(_, mark)| *mark == wanted);
            of_mark.map(|(cells, _)| u64::from(cells.end() - cells.start()) + 1).sum()
        };
        assert!(cells(Mark::Inside) > 20 * cells(Mark::Edge), "{filter:?}");
    }
}

#[test]
fn a_small_region_is_covered_by_its_cells_alone() {
    let filter = Filter::Circle(Circle { latitude: 51.34, longitude: 12.37, metres: 50.0 });
    let cover = region(&filter).cover();
    let cells = cover.ranges().iter().map(|(cells, _)| cells.end() - cells.start() + 1);
    assert!((1..=4).contains(&cells.sum::<u32>()));
}

#[test]
fn a_box_at_the_antimeridian_holds_both_its_names() {
    let edges =
        [(170.0, 180.0), (-180.0, -170.0), (180.0, -180.0), (170.0, -170.0), (180.0, 180.0)];
    for (west, east) in edges {
        let region =
            region(&Filter::BoundingBox(BoundingBox { west, south: 0.0, east, north: 1.0 }));
        for longitude in [180.0, -180.0] {
            assert!(region.contains(0.5, longitude), "{west} to {east}");
            assert!(region.cover().classify(Cell::of(0.5, longitude)).is_some());
        }
        assert!(!region.contains(0.5, 0.0));
        assert!(!region.contains(1.5, 180.0));
    }
}

#[test]
fn a_circle_over_a_pole_or_the_antimeridian_is_whole() {
    let polar = region(&Filter::Circle(Circle { latitude: 90.0, longitude: 7.0, metres: 2e6 }));
    let cover = polar.cover();
    for longitude in [-180.0, -90.0, 0.0, 7.0, 180.0] {
        assert!(polar.contains(80.0, longitude));
        assert_eq!(cover.classify(Cell::of(80.0, longitude)), Some(Mark::Inside));
        assert_eq!(cover.classify(Cell::of(60.0, longitude)), None);
    }
    let pacific = region(&Filter::Circle(Circle { latitude: 0.0, longitude: 179.9, metres: 1e5 }));
    assert_eq!(pacific.cover().classify(Cell::of(0.0, -179.9)), Some(Mark::Inside));
    let everywhere =
        region(&Filter::Circle(Circle { latitude: 10.0, longitude: 20.0, metres: 3e7 }));
    assert!(everywhere.covers_rect(&Square::GLOBE.bounds()));
    assert_eq!(everywhere.cover().ranges(), [(0..=u32::MAX, Mark::Inside)]);
}

#[test]
fn shapes_without_an_area_hold_their_own_places() {
    let point = BoundingBox { west: 5.0, south: 5.0, east: 5.0, north: 5.0 };
    let line: LineString<f64> =
        [(1.0, 1.0), (3.0, 3.0), (1.0, 1.0), (1.0, 1.0)].into_iter().collect();
    let flat = Polygon::new(line, Vec::new());
    assert!(!flat.contains(&Point::new(2.0, 2.0)));
    let filters = [
        (Filter::BoundingBox(point), (5.0, 5.0)),
        (Filter::Circle(Circle { latitude: -0.0, longitude: -180.0, metres: 0.0 }), (0.0, -180.0)),
        (Filter::polygon(flat), (2.0, 2.0)),
    ];
    for (filter, (latitude, longitude)) in filters {
        let region = region(&filter);
        assert!(region.contains(latitude, longitude));
        assert!(!region.contains(latitude + 1e-7, longitude));
        assert_eq!(region.cover().classify(Cell::of(latitude, longitude)), Some(Mark::Edge));
    }
    let nothing = region(&Filter::Polygon(MultiPolygon(Vec::new())));
    assert!(!nothing.contains(0.0, 0.0));
    assert!(!nothing.meets_rect(&Square::GLOBE.bounds()));
    assert!(nothing.cover().ranges().is_empty());
}

#[test]
fn a_hole_takes_nothing_from_another_polygon() {
    let square = |half: f64| -> LineString<f64> {
        [(-half, -half), (half, -half), (half, half), (-half, half)].into_iter().collect()
    };
    let whole = Polygon::new(square(3.0), Vec::new());
    let frame = Polygon::new(square(4.0), vec![square(2.0), square(1.0)]);
    for polygons in [vec![whole.clone(), frame.clone()], vec![frame.clone(), whole]] {
        let region = region(&Filter::Polygon(MultiPolygon(polygons)));
        assert!(region.contains(0.0, 0.0));
        assert!(region.covers_rect(&Bounds { south: -0.5, west: -0.5, north: 0.5, east: 0.5 }));
    }
    let frame = region(&Filter::polygon(frame));
    assert!(!frame.contains(0.0, 0.0) && frame.contains(2.0, 0.0) && frame.contains(0.0, 3.0));
    assert!(!frame.contains(0.0, 1.0), "the first hole that does not leave a place out decides");
}

#[test]
fn only_geometric_filters_name_a_region() {
    assert!(Region::new(&Filter::HasLocation(true)).is_none());
    assert!(Region::new(&Filter::All).is_none());
}
