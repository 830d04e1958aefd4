//! Maps of sessions, and plots of figures: answers as pictures.
//!
//! Owns: what a picture is made of, [`MapData`] and [`MapSettings`], and the ways out: [`geojson`], and with
//! the feature `map` [`html`], [`svg()`], [`png`] and [`plot`]. Its rooms: `frame` (from degrees to a sheet),
//! `kind` (which mark stands for which event), `draw` (text and shapes as SVG), `paths` and `density` (the two
//! kinds of map as SVG), `page` (as HTML), `antimeridian`. Does not own the answers, which are `analysis`'s.
//!
//! Invariants: all of it is a function from plain values to text or bytes, which reads no store, no clock and no
//! network; what clients sent is escaped wherever it goes; nothing that is left out goes unsaid.

mod antimeridian;
#[cfg(feature = "map")]
mod base;
#[cfg(feature = "map")]
mod density;
#[cfg(feature = "map")]
mod draw;
#[cfg(feature = "map")]
mod frame;
mod geojson;
#[cfg(feature = "map")]
mod kind;
#[cfg(feature = "map")]
mod page;
#[cfg(feature = "map")]
mod panel;
#[cfg(feature = "map")]
mod paths;
#[cfg(feature = "map")]
mod picture;
#[cfg(feature = "map")]
pub mod plot;

use crate::analysis::{Heat, TracksReport};
#[cfg(feature = "map")]
use crate::zone::Zone;

pub use geojson::geojson;
#[cfg(feature = "map")]
pub use page::{Tiles, html};
#[cfg(feature = "map")]
pub use picture::png;

/// What a map shows.
#[derive(Debug, Clone, PartialEq)]
pub enum MapData {
    /// The way of each session, and its events.
    Paths(TracksReport),
    /// How many events each cell has.
    Density(Heat),
}

/// How a map is written.
#[cfg(feature = "map")]
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct MapSettings {
    /// What the map is of.
    pub title: String,
    /// Whose clocks the times are of; UTC unless given.
    pub zone: Zone,
}

#[cfg(feature = "map")]
impl MapSettings {
    /// With this title, in UTC.
    #[must_use]
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), zone: Zone::UTC }
    }

    /// With the times of this zone.
    #[must_use]
    pub fn zone(mut self, zone: Zone) -> Self {
        self.zone = zone;
        self
    }
}

/// A map as an SVG picture of 1200 by 800, in the Web Mercator projection, with a legend and a scale bar.
#[cfg(feature = "map")]
#[must_use]
pub fn svg(data: &MapData, settings: &MapSettings) -> String {
    match data {
        MapData::Paths(report) => paths::svg(report, settings),
        MapData::Density(heat) => density::svg(heat, settings),
    }
}
