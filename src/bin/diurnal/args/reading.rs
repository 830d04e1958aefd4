//! What `query` and `count` take.
//!
//! Owns: their options and help. Does not own the filters, which `filters` has for every command.
//!
//! Invariant: wherever a value may open with a hyphen, as a cursor's time may, the option takes it.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use diurnal::Cursor;

use super::filters::FilterArguments;
use super::values::parse_cursor;
use super::{EventFormat, RowFormat};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  diurnal query events --session-id 2894 --order desc --limit 10
  diurnal query events --near 42.35,-71.06,500 --tag 3 --from 2026-11-01 --to 2026-12-01
  diurnal query events --since yesterday --tz Europe/Vienna
  diurnal query events --format csv > events.csv")]
pub(crate) struct QueryArguments {
    /// The store's directory.
    pub(crate) store: PathBuf,
    /// Oldest or newest first.
    #[arg(long, value_enum, default_value_t = OrderArgument::Asc)]
    pub(crate) order: OrderArgument,
    /// Print at most so many events.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
    /// Only what comes after this event in the order, given as SERVER_TIME:ID.
    #[arg(long, value_name = "CURSOR", value_parser = parse_cursor, allow_hyphen_values = true)]
    pub(crate) after: Option<Cursor>,
    /// How to print [default: table on a terminal, else jsonl]
    #[arg(long)]
    pub(crate) format: Option<EventFormat>,
    #[command(flatten)]
    pub(crate) filters: FilterArguments,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Prints {\"count\":N}, or with --by one {\"key\":\"…\",\"count\":N} a line: sessions, types and tags
with the largest first, hours and days in order of time.

  diurnal count events --by type --from 2026-11-23
  diurnal count events --by hour --event-type start_session")]
pub(crate) struct CountArguments {
    /// The store's directory.
    pub(crate) store: PathBuf,
    /// Count by this key; an event counts once for each different tag it has.
    #[arg(long, value_enum)]
    pub(crate) by: Option<ByArgument>,
    /// How to print [default: table on a terminal, else jsonl]
    #[arg(long)]
    pub(crate) format: Option<RowFormat>,
    #[command(flatten)]
    pub(crate) filters: FilterArguments,
}

/// The order of what is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OrderArgument {
    /// Oldest, or least, first.
    Asc,
    /// Newest, or greatest, first.
    Desc,
}

/// What counts are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ByArgument {
    /// The session.
    Session,
    /// The event type.
    Type,
    /// Each tag.
    Tag,
    /// The UTC hour of the server time.
    Hour,
    /// The UTC day of the server time.
    Day,
}
