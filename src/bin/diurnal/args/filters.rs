//! Which events a command is about: the options that every command with filters has.
//!
//! Owns: the options, and how boxes and circles are read. Does not own how they become one condition
//! (`crate::filters`).
//!
//! Invariant: wherever a value may open with a hyphen, as a western longitude does, the option takes it.

use std::path::PathBuf;

use clap::Args;
use diurnal::{BoundingBox, Circle, Zone};

use super::moment::{Moment, parse_zone};

use super::values::parse_numbers;

/// Which events are meant. Flattened last into a command, since its heading holds for every option
/// after it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Filters (an event must meet each kind that is given)")]
pub(crate) struct FilterArguments {
    /// Events of this session; repeat for any of several.
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    pub(crate) session_id: Vec<String>,
    /// Events of this type; repeat for any of several.
    #[arg(long, value_name = "TYPE", allow_hyphen_values = true)]
    pub(crate) event_type: Vec<String>,
    /// Events with this tag; repeat for any of several.
    #[arg(long, value_name = "TAG", allow_hyphen_values = true)]
    pub(crate) any_tag: Vec<String>,
    /// Events with this tag; repeat for all of several.
    #[arg(long, value_name = "TAG", allow_hyphen_values = true)]
    pub(crate) tag: Vec<String>,
    /// Events without this tag; repeat for none of several.
    #[arg(long, value_name = "TAG", allow_hyphen_values = true)]
    pub(crate) not_tag: Vec<String>,
    /// Events received at this time or later: RFC 3339; a date, or a date and time, of the zone that --tz
    /// names; now, today, yesterday; or how long ago, as 90s, 15m, 36h, 2d or 1w.
    #[arg(long, visible_alias = "since", value_name = "TIME")]
    pub(crate) from: Option<Moment>,
    /// Events received before this time.
    #[arg(long, visible_alias = "until", value_name = "TIME")]
    pub(crate) to: Option<Moment>,
    /// The zone of times without an offset, and of those in tables: UTC, local, +02:00, Europe/Vienna.
    #[arg(long, value_name = "ZONE", value_parser = parse_zone, default_value = "UTC", allow_hyphen_values = true)]
    pub(crate) tz: Zone,
    /// Events inside this box, in degrees; west may exceed east across the antimeridian.
    #[arg(long, value_name = "W,S,E,N", value_parser = parse_box, allow_hyphen_values = true)]
    pub(crate) bbox: Option<BoundingBox>,
    /// Events within so many metres of a point.
    #[arg(
        long,
        value_name = "LAT,LON,METRES",
        value_parser = parse_circle,
        allow_hyphen_values = true
    )]
    pub(crate) near: Option<Circle>,
    /// Events inside the polygons of a GeoJSON file.
    #[arg(long, value_name = "FILE.geojson")]
    pub(crate) polygon: Option<PathBuf>,
    /// Events with a location.
    #[arg(long)]
    pub(crate) has_location: bool,
    /// Events whose data holds this text.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) data_contains: Option<String>,
    /// Answer from the days that can be read, and name those that cannot on standard error; the exit
    /// status is then 3. Without it such a day is an error.
    #[arg(long)]
    pub(crate) allow_gaps: bool,
    /// Say how the events are found, and how many are left after each step, in place of them.
    #[arg(long)]
    pub(crate) explain: bool,
}

fn parse_box(text: &str) -> Result<BoundingBox, String> {
    let [west, south, east, north] = parse_numbers(text, "W,S,E,N as in -71.2,42.2,-70.9,42.4")?;
    Ok(BoundingBox { west, south, east, north })
}

fn parse_circle(text: &str) -> Result<Circle, String> {
    let [latitude, longitude, metres] =
        parse_numbers(text, "LAT,LON,METRES as in 42.35,-71.06,500")?;
    Ok(Circle { latitude, longitude, metres })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::args::reading::QueryArguments;
    use crate::args::{Arguments, Command};

    #[test]
    fn values_may_open_with_a_hyphen() {
        let line = "diurnal query s --session-id -1 --tag -1 --near -33.8,151.2,500 \
                    --bbox -180,-90,180,90 --data-contains -x";
        let parsed = Arguments::try_parse_from(line.split_whitespace());
        assert!(matches!(
            parsed.map(|arguments| arguments.command),
            Ok(Command::Query(QueryArguments { filters, .. }))
                if filters.session_id == ["-1"]
                    && filters.tag == ["-1"]
                    && filters.near.is_some_and(|circle| circle.latitude == -33.8)
                    && filters.bbox.is_some_and(|bounds| bounds.west == -180.0)
        ));
    }
}
