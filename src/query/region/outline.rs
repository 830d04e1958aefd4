//! Polygons, made ready to be asked about many places.
//!
//! Owns: [`Outline`], the edges of polygons by bands of latitude. Does not own what a polygon must
//! keep to (`filter`).
//!
//! Invariants: the answer for a place is that of `geo`'s `MultiPolygon::intersects`: a ring's
//! position comes from the same tests of the same edges, less those that lie wholly north or south
//! of the place, which that test passes over. Edges keep the order of their polygons and rings, the
//! outline of a polygon before its holes; so do the edges of each band.

use geo::coordinate_position::CoordPos;
use geo::kernels::RobustKernel;
use geo::{Coord, Kernel, LineString, MultiPolygon, Orientation};

use super::Mark;
use crate::index::cells::Bounds;

/// Bands at most: with one edge each, 100,000 points are well spread.
const BANDS_MAX: usize = 1 << 16;

/// Entries of all bands for each edge, on average, at most: long edges get fewer, wider bands.
const BANDS_PER_EDGE_MAX: usize = 4;

/// The edges of any number of polygons.
#[derive(Debug)]
pub(super) struct Outline {
    bounds: Bounds,
    edges: Vec<Edge>,
    bands: Bands,
}

#[derive(Debug, Clone, Copy)]
struct Edge {
    start: Coord<f64>,
    end: Coord<f64>,
    polygon: u32,
    /// 0 is the polygon's outline, the others are its holes.
    ring: u32,
}

/// Which edges each band of latitude touches.
#[derive(Debug)]
struct Bands {
    south: f64,
    per_degree: f64,
    /// Where the entries of each band begin, and as the last where they end.
    starts: Vec<u32>,
    entries: Vec<u32>,
}

impl Outline {
    pub(super) fn new(polygons: &MultiPolygon<f64>) -> Self {
        let mut edges = Vec::new();
        for (polygon, number) in polygons.iter().zip(0..) {
            let rings = std::iter::once(polygon.exterior()).chain(polygon.interiors());
            for (line, ring) in rings.zip(0..) {
                push_edges(&mut edges, line, number, ring);
            }
        }
        let bounds = bounds_of(polygons);
        Self { bounds, bands: Bands::new(&edges, &bounds), edges }
    }

    pub(super) fn contains(&self, place: Coord<f64>) -> bool {
        if !self.bounds.contains(place.y, place.x) {
            return false;
        }
        let near = self.bands.entries(place.y, place.y);
        // The polygon whose outline holds the place, as long as no hole has taken it out again.
        let mut within = None;
        for ring in near.chunk_by(|a, b| self.edge(*a).same_ring(self.edge(*b))) {
            let Edge { polygon, ring: number, .. } = *self.edge(ring[0]);
            if within.is_some_and(|held| held != polygon) {
                return true;
            }
            if number > 0 && within.is_none() {
                continue;
            }
            match position(ring.iter().map(|edge| self.edge(*edge)), place) {
                CoordPos::OnBoundary => return true,
                CoordPos::Inside => within = (number == 0).then_some(polygon),
                CoordPos::Outside => {}
            }
        }
        within.is_some()
    }

    pub(super) fn mark(&self, rect: &Bounds) -> Option<Mark> {
        if !self.bounds.meets(rect) {
            return None;
        }
        let near = self.bands.entries(rect.south, rect.north);
        if near.iter().any(|edge| self.edge(*edge).touches(rect)) {
            return Some(Mark::Edge);
        }
        self.mark_without_edges(rect)
    }

    /// Every edge, as [`Self::mark_among`] takes and gives them.
    pub(super) fn edges(&self) -> Vec<u32> {
        (0..).take(self.edges.len()).collect()
    }

    /// As [`Self::mark`], and the edges that touch the rectangle; `among` must hold all of these.
    pub(super) fn mark_among(&self, rect: &Bounds, among: &[u32]) -> (Option<Mark>, Vec<u32>) {
        if !self.bounds.meets(rect) {
            return (None, Vec::new());
        }
        let touches = |edge: &u32| self.edge(*edge).touches(rect);
        let touching: Vec<u32> = among.iter().copied().filter(touches).collect();
        let mark =
            if touching.is_empty() { self.mark_without_edges(rect) } else { Some(Mark::Edge) };
        (mark, touching)
    }

    /// Where no edge touches a rectangle, all its places are alike.
    fn mark_without_edges(&self, rect: &Bounds) -> Option<Mark> {
        self.contains(Coord { x: rect.west, y: rect.south }).then_some(Mark::Inside)
    }

    fn edge(&self, number: u32) -> &Edge {
        &self.edges[number as usize]
    }
}

impl Edge {
    fn same_ring(&self, other: &Self) -> bool {
        self.ring == other.ring && self.polygon == other.polygon
    }

    fn touches(&self, rect: &Bounds) -> bool {
        let Self { start, end, .. } = *self;
        let bounds = Bounds {
            south: start.y.min(end.y),
            west: start.x.min(end.x),
            north: start.y.max(end.y),
            east: start.x.max(end.x),
        };
        if !bounds.meets(rect) {
            return false;
        }
        // Only the edge's own line can still part the two: if all corners lie on one side of it.
        let side = |x, y| RobustKernel::orient2d(start, end, Coord { x, y });
        let first = side(rect.west, rect.south);
        first == Orientation::Collinear
            || side(rect.east, rect.north) != first
            || side(rect.east, rect.south) != first
            || side(rect.west, rect.north) != first
    }
}

impl Bands {
    fn new(edges: &[Edge], bounds: &Bounds) -> Self {
        let mut count = edges.len().next_power_of_two().min(BANDS_MAX);
        let mut bands = Self::empty(bounds, count);
        while count > 1 && bands.entries_needed(edges) > edges.len() * BANDS_PER_EDGE_MAX {
            count /= 2;
            bands = Self::empty(bounds, count);
        }
        for edge in edges {
            let (first, last) = bands.reach(edge);
            bands.starts[first + 1..=last + 1].iter_mut().for_each(|entries| *entries += 1);
        }
        for band in 0..count {
            bands.starts[band + 1] += bands.starts[band];
        }
        let mut ends = bands.starts.clone();
        bands.entries = vec![0; ends[count] as usize];
        for (edge, number) in edges.iter().zip(0..) {
            let (first, last) = bands.reach(edge);
            for end in &mut ends[first..=last] {
                bands.entries[*end as usize] = number;
                *end += 1;
            }
        }
        bands
    }

    fn empty(bounds: &Bounds, count: usize) -> Self {
        let per_degree = count as f64 / (bounds.north - bounds.south);
        Self {
            south: bounds.south,
            // Without a height there is one band that matters.
            per_degree: if per_degree.is_finite() { per_degree } else { 0.0 },
            starts: vec![0; count + 1],
            entries: Vec::new(),
        }
    }

    fn entries_needed(&self, edges: &[Edge]) -> usize {
        let needed = |edge| {
            let (first, last) = self.reach(edge);
            last - first + 1
        };
        edges.iter().map(needed).sum()
    }

    fn reach(&self, edge: &Edge) -> (usize, usize) {
        let (a, b) = (self.band(edge.start.y), self.band(edge.end.y));
        (a.min(b), a.max(b))
    }

    /// Never falls as the latitude grows, whatever the rounding: so an edge's bands include that of
    /// every latitude it reaches.
    fn band(&self, latitude: f64) -> usize {
        let band = ((latitude - self.south) * self.per_degree) as usize;
        band.min(self.starts.len() - 2)
    }

    /// The edges of all bands from one latitude to another: every edge that reaches a latitude
    /// between, at least once.
    fn entries(&self, south: f64, north: f64) -> &[u32] {
        let first = self.starts[self.band(south)];
        let end = self.starts[self.band(north) + 1];
        &self.entries[first as usize..end as usize]
    }
}

fn push_edges(edges: &mut Vec<Edge>, line: &LineString<f64>, polygon: u32, ring: u32) {
    // A ring of one point has no lines, and is that point: as an edge from there to there.
    let only = if let [only] = line.0[..] { Some((only, only)) } else { None };
    let lines = line.lines().map(|line| (line.start, line.end));
    edges.extend(lines.chain(only).map(|(start, end)| Edge { start, end, polygon, ring }));
}

/// The bounds of all outlines; where there are none, bounds that hold nothing.
fn bounds_of(polygons: &MultiPolygon<f64>) -> Bounds {
    let nothing = Bounds {
        south: f64::INFINITY,
        west: f64::INFINITY,
        north: f64::NEG_INFINITY,
        east: f64::NEG_INFINITY,
    };
    let points = polygons.iter().flat_map(|polygon| polygon.exterior().coords());
    points.fold(nothing, |bounds, point| Bounds {
        south: bounds.south.min(point.y),
        west: bounds.west.min(point.x),
        north: bounds.north.max(point.y),
        east: bounds.east.max(point.x),
    })
}

/// Where a place lies relative to a ring, by its winding number, as `geo` counts it: edges upwards
/// without their end, edges downwards without their start, each only if it passes east of the place.
fn position<'a>(ring: impl Iterator<Item = &'a Edge>, place: Coord<f64>) -> CoordPos {
    let mut winding_number = 0_i32;
    for &Edge { start, end, .. } in ring {
        let upwards = start.y <= place.y && place.y <= end.y;
        let downwards = place.y < start.y && end.y <= place.y;
        if !upwards && !downwards {
            continue;
        }
        match RobustKernel::orient2d(start, end, place) {
            Orientation::CounterClockwise if upwards && end.y != place.y => winding_number += 1,
            Orientation::Clockwise if downwards => winding_number -= 1,
            Orientation::Collinear
                if start.x.min(end.x) <= place.x && place.x <= start.x.max(end.x) =>
            {
                return CoordPos::OnBoundary;
            }
            _ => {}
        }
    }
    if winding_number == 0 { CoordPos::Outside } else { CoordPos::Inside }
}
