//! The geometry of a filter: which places a region holds.
//!
//! Owns: [`Region`], made from a filter's box, circle or polygons, and its exact answer for a place.
//! The rooms below it: `outline` (polygons), `circle`, `cover` (a region as ranges of cells). Does not
//! own the rules a shape must keep (`filter`) nor the grid (`index::cells`).
//!
//! Invariants: edges are inside. What is said of a rectangle or a cell is never wrong about a
//! place in it: `Inside` means all of them, none means none of them, and in doubt it is `Edge`.

mod circle;
mod cover;
mod outline;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops there")]
mod tests;

use geo::coord;

use super::filter::{BoundingBox, Filter};
use crate::index::cells::Bounds;

use circle::Disc;
pub(crate) use cover::Cover;
use outline::Outline;

/// A part of the globe.
#[derive(Debug)]
pub(crate) struct Region(Shape);

#[derive(Debug)]
enum Shape {
    Box(Spans),
    Circle(Disc),
    Polygon(Outline),
}

/// How places of a region relate to a rectangle or cell that the region meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Every place in it is in the region.
    Inside,
    /// Places in it may be in the region or not: each must be asked.
    Edge,
}

/// A box as one or two rectangles that do not cross the antimeridian.
#[derive(Debug)]
struct Spans([Bounds; 2]);

impl Region {
    /// The region of a filter that names one; it must have been validated.
    pub(crate) fn new(filter: &Filter) -> Option<Self> {
        match filter {
            Filter::BoundingBox(bounds) => Some(Self(Shape::Box(Spans::new(bounds)))),
            Filter::Circle(circle) => Some(Self(Shape::Circle(Disc::new(*circle)))),
            Filter::Polygon(polygons) => Some(Self(Shape::Polygon(Outline::new(polygons)))),
            _ => None,
        }
    }

    /// Whether a place is in the region: the exact answer.
    pub(crate) fn contains(&self, latitude: f64, longitude: f64) -> bool {
        match &self.0 {
            Shape::Box(spans) => spans.0.iter().any(|span| span.contains(latitude, longitude)),
            Shape::Circle(circle) => circle.contains(latitude, longitude),
            Shape::Polygon(outline) => outline.contains(coord! { x: longitude, y: latitude }),
        }
    }

    /// False only if no place of the rectangle is in the region.
    pub(crate) fn meets_rect(&self, rect: &Bounds) -> bool {
        self.mark(rect).is_some()
    }

    /// True only if every place of the rectangle is in the region.
    pub(crate) fn covers_rect(&self, rect: &Bounds) -> bool {
        self.mark(rect) == Some(Mark::Inside)
    }

    /// The region as ranges of cells.
    pub(crate) fn cover(&self) -> Cover {
        Cover::new(self)
    }

    fn mark(&self, rect: &Bounds) -> Option<Mark> {
        match &self.0 {
            Shape::Box(spans) => spans.mark(rect),
            Shape::Circle(circle) => circle.mark(rect),
            Shape::Polygon(outline) => outline.mark(rect),
        }
    }
}

impl Spans {
    fn new(bounds: &BoundingBox) -> Self {
        let &BoundingBox { west, south, east, north } = bounds;
        let span = |west, east| Bounds { south, west, north, east };
        // 180 and -180 are one meridian: a box that reaches it from one side holds it under the
        // other name, too.
        Self(if west > east {
            [span(west, 180.0), span(-180.0, east)]
        } else if east >= 180.0 {
            [span(west, east), span(-180.0, -180.0)]
        } else if west <= -180.0 {
            [span(west, east), span(180.0, 180.0)]
        } else {
            [span(west, east); 2]
        })
    }

    fn mark(&self, rect: &Bounds) -> Option<Mark> {
        let covers = |span: &Bounds| {
            span.contains(rect.south, rect.west) && span.contains(rect.north, rect.east)
        };
        if self.0.iter().any(covers) {
            return Some(Mark::Inside);
        }
        self.0.iter().any(|span| span.meets(rect)).then_some(Mark::Edge)
    }
}
