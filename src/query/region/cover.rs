//! A region as cells of the grid.
//!
//! Owns: [`Cover`] and how finely it is drawn. Does not own the geometry (`region`, `outline`,
//! `circle`) nor the grid (`index::cells`).
//!
//! Invariants: ranges are sorted, disjoint, and apart where their marks are the same. A cell in no
//! range holds no place of the region.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use super::{Mark, Region, Shape};
use crate::index::cells::{Bounds, Cell, Square};

/// Squares at which a cover is fine enough: each costs a walk over the postings of its cells, while
/// the places of an edge cell cost one exact test each.
pub(super) const SQUARES_MAX: usize = 2048;

/// Edges of polygons, counted once for each undivided square they touch, beyond which squares are
/// not divided. The edges of a coast touch few squares each and stay far below; this bounds the work
/// for edges that lie across everything.
const EDGES_MAX: usize = 1 << 20;

/// The cells that a region meets.
#[derive(Debug)]
pub(crate) struct Cover {
    ranges: Vec<(RangeInclusive<u32>, Mark)>,
}

/// A square that an edge of the region runs through.
struct Undivided {
    square: Square,
    /// For polygons, the edges that touch it.
    edges: Vec<u32>,
}

impl Cover {
    pub(super) fn new(region: &Region) -> Self {
        let globe = Undivided { square: Square::GLOBE, edges: region.edges() };
        let mut edges = globe.edges.len();
        // First in, first out: the largest squares are divided first.
        let mut undivided = VecDeque::from([globe]);
        let mut ranges = Vec::new();
        while let Some(parent) = undivided.pop_front() {
            let fine = ranges.len() + undivided.len() + 1 >= SQUARES_MAX || edges > EDGES_MAX;
            edges -= parent.edges.len();
            if fine || parent.square.is_cell() {
                ranges.push((parent.square.cells(), Mark::Edge));
                continue;
            }
            for square in parent.square.children() {
                match region.mark_among(&square.bounds(), &parent.edges) {
                    (None, _) => {}
                    (Some(Mark::Inside), _) => ranges.push((square.cells(), Mark::Inside)),
                    (Some(Mark::Edge), touching) => {
                        edges += touching.len();
                        undivided.push_back(Undivided { square, edges: touching });
                    }
                }
            }
        }
        Self { ranges: merge(ranges) }
    }

    /// The ranges of cell numbers, in order.
    #[cfg(test)]
    pub(crate) fn ranges(&self) -> &[(RangeInclusive<u32>, Mark)] {
        &self.ranges
    }

    /// From the first cell to the last; `None` where the region meets none.
    pub(crate) fn span(&self) -> Option<RangeInclusive<u32>> {
        let (first, last) = (self.ranges.first()?, self.ranges.last()?);
        Some(*first.0.start()..=*last.0.end())
    }

    /// What is known of the places of a cell; none where the region holds none of them.
    pub(crate) fn classify(&self, cell: Cell) -> Option<Mark> {
        let number = cell.number();
        let next = self.ranges.partition_point(|(cells, _)| *cells.end() < number);
        self.ranges.get(next).filter(|(cells, _)| cells.contains(&number)).map(|(_, mark)| *mark)
    }
}

impl Region {
    fn edges(&self) -> Vec<u32> {
        match &self.0 {
            Shape::Polygon(outline) => outline.edges(),
            Shape::Box(_) | Shape::Circle(_) => Vec::new(),
        }
    }

    fn mark_among(&self, rect: &Bounds, edges: &[u32]) -> (Option<Mark>, Vec<u32>) {
        match &self.0 {
            Shape::Polygon(outline) => outline.mark_among(rect, edges),
            Shape::Box(_) | Shape::Circle(_) => (self.mark(rect), Vec::new()),
        }
    }
}

/// Sorts disjoint ranges, and joins neighbours of the same mark.
fn merge(mut ranges: Vec<(RangeInclusive<u32>, Mark)>) -> Vec<(RangeInclusive<u32>, Mark)> {
    ranges.sort_unstable_by_key(|(cells, _)| *cells.start());
    let mut merged: Vec<(RangeInclusive<u32>, Mark)> = Vec::with_capacity(ranges.len());
    for (cells, mark) in ranges {
        match merged.last_mut() {
            Some((last, same))
                if *same == mark && last.end().checked_add(1) == Some(*cells.start()) =>
            {
                *last = *last.start()..=*cells.end();
            }
            _ => merged.push((cells, mark)),
        }
    }
    merged
}
