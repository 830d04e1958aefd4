//! A coarse grid over the globe, whose cells are index terms.
//!
//! Owns: [`Cell`], [`Square`] and the degrees that they span, [`Bounds`]. Does not own which squares a
//! region meets (`query::region`), nor the postings of a cell.
//!
//! Invariants: cells are numbered in Morton order, so that the cells of a square are one range of
//! numbers and of keys. The numbers are on disk: to change them is to change the format. The edges
//! between cells are exact in `f64`, and a point belongs to the cell that begins at or before it,
//! the last cell of an axis including its far end.

use std::ops::RangeInclusive;

/// Halvings of the globe down to one cell: at 16, a cell is at most 611 m wide and 306 m high, and
/// its number fills a `u32`.
const LEVEL_MAX: u8 = 16;

/// Cells along each axis.
const STEPS: u32 = 1 << LEVEL_MAX;

/// A rectangle in degrees, its edges included. It does not cross the antimeridian.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bounds {
    pub(crate) south: f64,
    pub(crate) west: f64,
    pub(crate) north: f64,
    pub(crate) east: f64,
}

impl Bounds {
    pub(crate) fn contains(&self, latitude: f64, longitude: f64) -> bool {
        self.south <= latitude
            && latitude <= self.north
            && self.west <= longitude
            && longitude <= self.east
    }

    pub(crate) fn meets(&self, other: &Self) -> bool {
        self.south <= other.north
            && other.south <= self.north
            && self.west <= other.east
            && other.west <= self.east
    }
}

/// One cell of the grid, by its Morton number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Cell(u32);

impl Cell {
    /// The cell of a place, in degrees.
    pub(crate) fn of(latitude: f64, longitude: f64) -> Self {
        Self(morton(step_of(longitude, 180.0), step_of(latitude, 90.0)))
    }

    /// The place in Morton order, as in [`Square::cells`].
    pub(crate) fn number(self) -> u32 {
        self.0
    }

    /// Bytes whose order is the order of the numbers.
    pub(crate) fn key(self) -> [u8; 4] {
        self.0.to_be_bytes()
    }

    /// The cell of a key; none where the length is not that of a key.
    pub(crate) fn from_key(key: &[u8]) -> Option<Self> {
        key.try_into().ok().map(|bytes| Self(u32::from_be_bytes(bytes)))
    }
}

/// A square of the quadtree over the cells: the globe halved `level` times along both axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Square {
    level: u8,
    x: u32,
    y: u32,
}

impl Square {
    /// Every cell.
    pub(crate) const GLOBE: Self = Self { level: 0, x: 0, y: 0 };

    /// Whether it is one cell, and so has no children.
    pub(crate) fn is_cell(self) -> bool {
        self.level >= LEVEL_MAX
    }

    /// The degrees it spans: every place whose cell is in the square lies within.
    pub(crate) fn bounds(self) -> Bounds {
        let shift = LEVEL_MAX - self.level;
        Bounds {
            south: edge(self.y << shift, 90.0),
            west: edge(self.x << shift, 180.0),
            north: edge((self.y + 1) << shift, 90.0),
            east: edge((self.x + 1) << shift, 180.0),
        }
    }

    /// Its four quarters, in Morton order. Not to be asked of a cell.
    pub(crate) fn children(self) -> [Self; 4] {
        debug_assert!(!self.is_cell(), "a cell is not divided");
        let level = self.level + 1;
        let (x, y) = (self.x * 2, self.y * 2);
        [
            Self { level, x, y },
            Self { level, x: x + 1, y },
            Self { level, x, y: y + 1 },
            Self { level, x: x + 1, y: y + 1 },
        ]
    }

    /// The numbers of its cells.
    pub(crate) fn cells(self) -> RangeInclusive<u32> {
        let level = u32::from(self.level);
        // The globe's own number is 0, and beyond its last bit a shift leaves 0, too.
        let first = morton(self.x, self.y).checked_shl(32 - 2 * level).unwrap_or(0);
        first..=first | u32::MAX.checked_shr(2 * level).unwrap_or(0)
    }
}

/// Where the cell `step` begins along an axis that reaches from `-bound` to `bound`. Exact: a cell's
/// width is 45 over a power of two, and no product or sum here needs more than 30 bits.
fn edge(step: u32, bound: f64) -> f64 {
    f64::from(step) * (2.0 * bound / f64::from(STEPS)) - bound
}

fn step_of(degrees: f64, bound: f64) -> u32 {
    // The cast goes to the nearest value that fits, and to 0 for NaN.
    let step = ((degrees + bound) / (2.0 * bound) * f64::from(STEPS)) as u32;
    let step = step.min(STEPS - 1);
    // Rounding may lift a place over the edge just above it, but never lowers one that has reached
    // an edge, since edges are exact and rounding keeps order.
    if step > 0 && degrees < edge(step, bound) { step - 1 } else { step }
}

/// The bits of `x` and `y`, 16 each, by turns: those of `y` above those of `x`.
fn morton(x: u32, y: u32) -> u32 {
    spread(x) | (spread(y) << 1)
}

/// Moves bit `n` to bit `2n`.
fn spread(bits: u32) -> u32 {
    let bits = (bits | (bits << 8)) & 0x00ff_00ff;
    let bits = (bits | (bits << 4)) & 0x0f0f_0f0f;
    let bits = (bits | (bits << 2)) & 0x3333_3333;
    (bits | (bits << 1)) & 0x5555_5555
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops there")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The square of one cell, found from the globe downwards.
    fn square_of(cell: Cell) -> Square {
        let mut square = Square::GLOBE;
        while !square.is_cell() {
            let holds = |child: &Square| child.cells().contains(&cell.number());
            square = square.children().into_iter().find(holds).unwrap();
        }
        square
    }

    fn neighbours(degrees: f64, bound: f64) -> impl Iterator<Item = f64> {
        [degrees.next_down(), degrees, degrees.next_up()]
            .into_iter()
            .filter(move |near| near.abs() <= bound)
    }

    #[test]
    fn keys_are_these_bytes() {
        assert_eq!(Cell::of(-90.0, -180.0).key(), [0, 0, 0, 0]);
        assert_eq!(Cell::of(90.0, 180.0).key(), [0xff, 0xff, 0xff, 0xff]);
        assert_eq!(Cell::of(-90.0, 180.0).key(), [0x55, 0x55, 0x55, 0x55]);
        assert_eq!(Cell::of(0.0, 0.0).key(), [0xc0, 0, 0, 0]);
        assert_eq!(Cell::of(-0.0, -0.0), Cell::of(0.0, 0.0));
        assert_eq!(Cell::of(51.3397, 12.3731).key(), [0xe0, 0xc2, 0x50, 0x70]);
        assert_eq!(Cell::from_key(&[0, 0, 1, 2]), Some(Cell(258)));
        assert_eq!(Cell::from_key(&[0, 1, 2]), None);
        assert_eq!(Cell::from_key(&[0, 1, 2, 3, 4]), None);
    }

    #[test]
    fn the_children_of_a_square_share_out_its_cells_in_order() {
        assert_eq!(Square::GLOBE.cells(), 0..=u32::MAX);
        let mut square = Square::GLOBE;
        for turn in [3, 0, 2, 1, 1, 2, 0, 3, 3, 3, 0, 0, 1, 2, 2, 1] {
            let mut next = u64::from(*square.cells().start());
            for child in square.children() {
                assert_eq!(u64::from(*child.cells().start()), next);
                next = u64::from(*child.cells().end()) + 1;
            }
            assert_eq!(next, u64::from(*square.cells().end()) + 1);
            square = square.children()[turn];
        }
        assert!(square.is_cell());
        assert_eq!(square.cells().start(), square.cells().end());
    }

    #[test]
    fn places_beside_every_edge_lie_within_their_cell() {
        for step in 0..=STEPS {
            for longitude in neighbours(edge(step, 180.0), 180.0) {
                let x = step_of(longitude, 180.0);
                assert!(edge(x, 180.0) <= longitude && longitude <= edge(x + 1, 180.0));
                assert_eq!(
                    x,
                    (step.min(STEPS - 1))
                        - u32::from(longitude < edge(step, 180.0) && step < STEPS)
                );
            }
            for latitude in neighbours(edge(step, 90.0), 90.0) {
                let y = step_of(latitude, 90.0);
                assert!(edge(y, 90.0) <= latitude && latitude <= edge(y + 1, 90.0));
            }
        }
    }

    #[test]
    fn numbers_that_are_no_place_still_have_a_cell() {
        for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300] {
            let cell = Cell::of(odd, odd);
            assert_eq!(Cell::from_key(&cell.key()), Some(cell));
        }
    }

    proptest! {
        #[test]
        fn every_place_lies_within_the_bounds_of_its_cell(
            latitude in -90.0..=90.0_f64,
            longitude in -180.0..=180.0_f64,
        ) {
            let cell = Cell::of(latitude, longitude);
            prop_assert!(square_of(cell).bounds().contains(latitude, longitude));
            prop_assert_eq!(square_of(cell).cells(), cell.number()..=cell.number());
            prop_assert_eq!(Cell::from_key(&cell.key()), Some(cell));
        }

        #[test]
        fn keys_sort_as_cells(a: u32, b: u32) {
            prop_assert_eq!(Cell(a).key().cmp(&Cell(b).key()), a.cmp(&b));
        }
    }
}
