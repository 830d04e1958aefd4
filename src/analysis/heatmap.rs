//! Where do people act: counts by cell.
//!
//! Owns: [`Heatmap`], and the grid of its cells.
//!
//! The grid covers the sphere in rows of equal latitude, `cell_metres` high, from the south pole on. Each row
//! is cut into the whole number of equal cells, from longitude -180 on, that makes them nearest to
//! `cell_metres` wide in the row's middle: cells are square to within half a cell in a row's
//! circumference, near the poles too, and none lies across the antimeridian. A degree of latitude counts as
//! 111,195 m (a sphere of 6,371,008.8 m): cells are up to 0.6 % off on the ellipsoid.
//!
//! Memory grows with the cells that hold an event, and with the pairs of a cell and a session in it.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::Moment;
use super::distance::NoFix;
use super::sealed::Answered;
use crate::analysis::builder::filter_method;
use crate::codec::columns::ColumnKind;
use crate::error::{Error, Result};
use crate::event::Location;
use crate::query::scan::{self, Symbol, Words};
use crate::query::{BoundingBox, Filter};

/// Metres of a degree of latitude on the sphere of the earth's mean radius.
const DEGREE_METRES: f64 = 6_371_008.8 * std::f64::consts::PI / 180.0;

/// A cell's least side: finer than any phone's fix, and rows and columns still fit 32 bits.
const CELL_METRES_MIN: f64 = 0.1;

/// A cell's greatest side: an eighth of the way from pole to pole.
const CELL_METRES_MAX: f64 = 2_500_000.0;

/// Where do people act?
///
/// ```
/// use diurnal::analysis::Heatmap;
/// use diurnal::{NewEvent, Store};
///
/// let store = Store::in_memory()?;
/// for session in [1, 2] {
///     store.log_event(NewEvent::new(session, "heartbeat").location(42.36, -71.06))?;
/// }
/// let cells = store.ask(&Heatmap::new(100.0))?.cells;
/// assert_eq!((cells[0].events, cells[0].sessions), (2, 2));
/// # Ok::<(), diurnal::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Heatmap {
    /// Which events; those without a location have no cell.
    #[serde(default)]
    pub filter: Filter,
    /// The side of a cell in metres: from 0.1 to 2,500,000.
    pub cell_metres: f64,
    /// Points that are no places.
    #[serde(default)]
    pub no_fix: NoFix,
    /// At most so many cells, those with most events; all of them where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

impl Heatmap {
    /// Of every event, by cells of this side.
    #[must_use]
    pub fn new(cell_metres: f64) -> Self {
        Self { filter: Filter::All, cell_metres, no_fix: NoFix::default(), limit: None }
    }

    filter_method!();

    /// With these points as no places.
    #[must_use]
    pub fn no_fix(mut self, no_fix: NoFix) -> Self {
        self.no_fix = no_fix;
        self
    }

    /// At most so many cells.
    #[must_use]
    pub fn limit(mut self, cells: usize) -> Self {
        self.limit = Some(cells);
        self
    }
}

/// The answer to a [`Heatmap`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Heat {
    /// Events with a place, those of cells beyond the limit too.
    pub events: u64,
    /// Events that match and have none.
    pub nowhere: u64,
    /// Cells with an event, however many are listed.
    pub cells_total: u64,
    /// The cells, those with most events first, then from south to north and from west to east.
    pub cells: Vec<Cell>,
}

/// A cell with events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Cell {
    /// Its sides, in degrees.
    pub bounds: BoundingBox,
    /// Events in it.
    pub events: u64,
    /// Sessions with an event in it.
    pub sessions: u64,
}

/// The cells' rows and columns.
#[derive(Debug, Clone, Copy)]
struct Grid {
    cell_metres: f64,
    rows: u32,
    row_degrees: f64,
}

/// Row and column, from the south and from the west.
type Square = (u32, u32);

impl Grid {
    fn new(cell_metres: f64) -> Result<Self> {
        if !(CELL_METRES_MIN..=CELL_METRES_MAX).contains(&cell_metres) {
            return Err(Error::invalid(
                "cell_metres",
                "must be from 0.1 to 2500000 metres",
                cell_metres.to_string(),
            ));
        }
        let rows = (180.0 * DEGREE_METRES / cell_metres).ceil().max(1.0);
        Ok(Self { cell_metres, rows: rows as u32, row_degrees: cell_metres / DEGREE_METRES })
    }

    /// How many cells go round in a row.
    fn columns(&self, row: u32) -> u32 {
        let middle = (f64::from(row) + 0.5) * self.row_degrees - 90.0;
        let around = 360.0 * DEGREE_METRES * middle.min(90.0).to_radians().cos();
        (around / self.cell_metres).round().max(1.0) as u32
    }

    fn square_of(&self, place: Location) -> Square {
        let row = ((place.latitude + 90.0) / self.row_degrees).floor();
        let row = (row as u32).min(self.rows - 1);
        let columns = self.columns(row);
        let column = ((place.longitude + 180.0) / 360.0 * f64::from(columns)).floor();
        (row, (column as u32).min(columns - 1))
    }

    fn bounds(&self, (row, column): Square) -> BoundingBox {
        let latitude = |row: u32| (f64::from(row) * self.row_degrees - 90.0).min(90.0);
        let columns = f64::from(self.columns(row));
        let longitude = |column: u32| f64::from(column) / columns * 360.0 - 180.0;
        BoundingBox {
            west: longitude(column),
            south: latitude(row),
            east: longitude(column + 1),
            north: latitude(row + 1),
        }
    }
}

/// What was counted so far.
#[derive(Default)]
struct Counts {
    places: HashMap<Square, usize>,
    cells: Vec<CellCount>,
    /// Cells by their place, each with every session that was in it but those below.
    visits: HashSet<(u32, Symbol)>,
}

struct CellCount {
    square: Square,
    events: u64,
    sessions: u64,
    /// Who was here last, and most often is here next.
    last: Option<Symbol>,
}

impl Counts {
    fn add(&mut self, square: Square, session: Symbol) {
        let next = self.cells.len();
        let place = *self.places.entry(square).or_insert(next);
        if place == next {
            self.cells.push(CellCount { square, events: 0, sessions: 0, last: None });
        }
        let cell = &mut self.cells[place];
        cell.events += 1;
        if cell.last != Some(session) {
            cell.last = Some(session);
            cell.sessions += u64::from(self.visits.insert((place as u32, session)));
        }
    }
}

impl Answered for Heatmap {
    type Answer = Heat;

    fn answer(&self, moment: &Moment<'_>) -> Result<Heat> {
        let grid = Grid::new(self.cell_metres)?;
        let mut counts = Counts::default();
        let (mut events, mut nowhere) = (0, 0);
        let mut words = Words::default();
        let columns = [ColumnKind::Location];
        scan::scan(moment.snapshot, &self.filter, &columns, &mut words, |row| {
            match self.no_fix.place(row.location()) {
                Some(place) => {
                    events += 1;
                    counts.add(grid.square_of(place), row.session);
                }
                None => nowhere += 1,
            }
            Ok(())
        })?;
        let mut cells = counts.cells;
        cells.sort_unstable_by(|a, b| b.events.cmp(&a.events).then(a.square.cmp(&b.square)));
        let cells_total = cells.len() as u64;
        cells.truncate(self.limit.unwrap_or(usize::MAX));
        let cell = |count: &CellCount| Cell {
            bounds: grid.bounds(count.square),
            events: count.events,
            sessions: count.sessions,
        };
        Ok(Heat { events, nowhere, cells_total, cells: cells.iter().map(cell).collect() })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_place_lies_in_its_cell_and_the_cell_is_about_square(
            latitude in -90.0..=90.0,
            longitude in -180.0..=180.0,
            cell_metres in CELL_METRES_MIN..200_000.0,
        ) {
            let grid = Grid::new(cell_metres).unwrap();
            let bounds = grid.bounds(grid.square_of(Location { latitude, longitude }));
            let slack = 1e-9;
            prop_assert!((bounds.south - slack..=bounds.north + slack).contains(&latitude));
            prop_assert!((bounds.west - slack..=bounds.east + slack).contains(&longitude));
            prop_assert!(bounds.east <= 180.0 && bounds.north <= 90.0);
            let middle = (bounds.south + bounds.north) / 2.0;
            let around = 360.0 * DEGREE_METRES * middle.to_radians().cos();
            let width = (bounds.east - bounds.west) / 360.0 * around;
            prop_assert!(width <= 1.5 * cell_metres || bounds.east - bounds.west == 360.0);
            prop_assert!(width >= 0.6 * cell_metres || bounds.east - bounds.west == 360.0);
        }
    }

    #[test]
    fn a_cell_has_a_side_that_makes_sense() {
        for wrong in [0.0, -5.0, f64::NAN, f64::INFINITY, 0.01, 3e6] {
            assert!(Grid::new(wrong).is_err(), "{wrong}");
        }
    }
}
