//! Points that stand for no place.
//!
//! Owns: the options that name them. Does not own those that do unless told otherwise, which the library knows.

use clap::Args;
use diurnal::analysis::NoFix;

use super::values::parse_point;

/// Points that clients send before they know where they are.
#[derive(Debug, Args)]
pub(crate) struct NoFixArguments {
    /// A point that stands for no place; repeat for more; none for none [default: 1,1 and 0,0]
    #[arg(long, value_name = "LAT,LON", value_parser = parse_no_fix, allow_hyphen_values = true)]
    no_fix: Vec<NoFixPoint>,
    /// Take every point for a place, as --no-fix none.
    #[arg(long, conflicts_with = "no_fix")]
    keep_no_fix: bool,
}

/// A point, or that there is none.
#[derive(Debug, Clone, Copy)]
struct NoFixPoint(Option<(f64, f64)>);

fn parse_no_fix(text: &str) -> Result<NoFixPoint, String> {
    if text == "none" { Ok(NoFixPoint(None)) } else { parse_point(text).map(Some).map(NoFixPoint) }
}

impl NoFixArguments {
    /// As the library has them.
    pub(crate) fn no_fix(&self) -> NoFix {
        match self.no_fix.is_empty() && !self.keep_no_fix {
            true => NoFix::default(),
            false => NoFix::new(self.no_fix.iter().filter_map(|point| point.0)),
        }
    }
}
