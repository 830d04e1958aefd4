//! What `map` takes, and which picture a file is.
//!
//! Owns: its options and help. Does not own the filters, which `filters` has for every command.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::filters::FilterArguments;
use super::no_fix::NoFixArguments;

#[derive(Debug, Args)]
#[command(after_help = "\
The file's ending says what is written: html is a page that needs no network, with details of each event;
svg and png are pictures, png with letters of Latin, Greek and Cyrillic; geojson is for other programs. Ways
are drawn of up to 24 sessions with a place, and a density of more, unless --style says. Events without a
place have no mark, but are listed.

  diurnal map events --session-id 4784 -o session.html --tz America/New_York
  diurnal map events --session-id 1 --session-id 2 -o two.svg
  diurnal map events --from 2026-11-01 --cell 50 -o november.png
  diurnal map events -o walks.html --tiles 'https://tile.openstreetmap.org/{z}/{x}/{y}.png'")]
pub(crate) struct MapArguments {
    /// The store's directory.
    pub(crate) store: PathBuf,
    /// The file to write: .html, .svg, .png or .geojson; - for standard output, with --format.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// What to write [default: by the file's ending]
    #[arg(long)]
    pub(crate) format: Option<MapFormat>,
    /// What to draw.
    #[arg(long, value_enum, default_value_t = MapStyle::Auto)]
    pub(crate) style: MapStyle,
    /// The side of a density's cell in metres.
    #[arg(long, value_name = "METRES", default_value_t = 100.0)]
    pub(crate) cell: f64,
    /// A heading [default: the sessions, or the store's name]
    #[arg(long, value_name = "TEXT")]
    pub(crate) title: Option<String>,
    /// A base map for html where there is a network: an address with {z}, {x} and {y}.
    #[arg(long, value_name = "URL")]
    pub(crate) tiles: Option<String>,
    /// What the makers of the base map want to be said of them.
    #[arg(long, value_name = "TEXT", default_value = "© OpenStreetMap contributors")]
    pub(crate) attribution: String,
    #[command(flatten)]
    pub(crate) no_fix: NoFixArguments,
    #[command(flatten)]
    pub(crate) filters: FilterArguments,
}

/// How a map is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MapFormat {
    /// A page.
    Html,
    /// A picture of lines.
    Svg,
    /// A picture of pixels.
    Png,
    /// Features by RFC 7946.
    Geojson,
}

/// What a map shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MapStyle {
    /// Ways of few sessions, the density of many.
    Auto,
    /// The way of each session.
    Paths,
    /// How many events each cell has.
    Density,
}

/// The format that a file's ending names.
pub(crate) fn format_of<F: ValueEnum>(path: &Path) -> Option<F> {
    F::from_str(path.extension()?.to_str()?, true).ok()
}
