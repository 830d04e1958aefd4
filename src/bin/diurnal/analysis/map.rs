//! The command `map`.
//!
//! Owns: the choice between ways and density, and the way from an answer to a file. A program that was built without
//! the feature `map` writes GeoJSON, and says what it lacks for the rest.

use std::io::Write;

use diurnal::analysis::{Heatmap, Tracks};
use diurnal::map::{MapData, geojson};

use super::ask;
use crate::args::map::{MapArguments, MapFormat, MapStyle, format_of};
use crate::failure::{Failure, Outcome};
use crate::file::write_to;

/// Sessions with a place whose ways can still be told apart: each of the looks that there are, and a few more.
const WAYS_MAX: usize = 24;

pub(crate) fn map(arguments: &MapArguments, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let format = arguments.format.or_else(|| format_of(&arguments.output)).ok_or_else(|| {
        let file = arguments.output.display();
        Failure::usage(format!(
            "{file}: must end with .html, .svg, .png or .geojson, or --format say"
        ))
    })?;
    if format != MapFormat::Geojson {
        crate::picture::available()?;
    }
    if arguments.tiles.is_some() && format != MapFormat::Html {
        return Err(Failure::usage("--tiles: only html has a base map"));
    }
    let (data, outcome) = gathered(arguments, out)?;
    let Some(data) = data else { return Ok(outcome) };
    let bytes = match format {
        MapFormat::Geojson => geojson(&data).into_bytes(),
        _ => drawn(arguments, &data, format)?,
    };
    write_to(Some(&arguments.output), out, |out| Ok(out.write_all(&bytes)?))?;
    Ok(outcome)
}

/// What is to be drawn; nothing where the options ask how it would be found.
fn gathered(
    arguments: &MapArguments,
    out: &mut dyn Write,
) -> Result<(Option<MapData>, Outcome), Failure> {
    let no_fix = || arguments.no_fix.no_fix();
    if arguments.style != MapStyle::Density {
        let question = |filter| Tracks::new().filter(filter).no_fix(no_fix());
        let (report, outcome) = ask(&arguments.store, &arguments.filters, true, out, question)?;
        let many = |report: &diurnal::analysis::TracksReport| {
            arguments.style == MapStyle::Auto
                && (report.placed().count() > WAYS_MAX || report.left_out > 0)
        };
        if report.as_ref().is_none_or(|report| !many(report)) {
            return Ok((report.map(MapData::Paths), outcome));
        }
    }
    let question = |filter| Heatmap::new(arguments.cell).filter(filter).no_fix(no_fix());
    let (heat, outcome) = ask(&arguments.store, &arguments.filters, true, out, question)?;
    Ok((heat.map(MapData::Density), outcome))
}

#[cfg(feature = "map")]
fn drawn(arguments: &MapArguments, data: &MapData, format: MapFormat) -> Result<Vec<u8>, Failure> {
    use diurnal::map::{MapSettings, Tiles, html, svg};

    let settings = MapSettings::new(title(arguments)).zone(arguments.filters.tz);
    if format == MapFormat::Html {
        let tiles = arguments.tiles.as_ref();
        let tiles = tiles.map(|url| Tiles::new(url, &arguments.attribution)).transpose()?;
        return Ok(html(data, &settings, tiles.as_ref()).into_bytes());
    }
    crate::picture::encode(svg(data, &settings), format == MapFormat::Png)
}

#[cfg(not(feature = "map"))]
fn drawn(_: &MapArguments, _: &MapData, _: MapFormat) -> Result<Vec<u8>, Failure> {
    crate::picture::available().map(|()| Vec::new())
}

/// The title that was given, or else the sessions, or the store.
#[cfg(feature = "map")]
fn title(arguments: &MapArguments) -> String {
    let store = arguments.store.file_name().unwrap_or(arguments.store.as_os_str());
    match (&arguments.title, arguments.filters.session_id.as_slice()) {
        (Some(title), _) => title.clone(),
        (None, []) => store.to_string_lossy().into_owned(),
        (None, [session]) => format!("Session {session}"),
        (None, sessions) => format!("Sessions {}", sessions.join(", ")),
    }
}
