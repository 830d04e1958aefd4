//! What `days`, `info`, `check`, `prune`, `erase` and `backup` take.
//!
//! Owns: their options and help. Does not own how single values are read (`values`).

use std::path::PathBuf;

use clap::{ArgGroup, Args};
use diurnal::Zone;

use super::RowFormat;
use super::moment::parse_zone;
use super::values::parse_size;

#[derive(Debug, Args)]
#[command(after_help = "\
A day is a UTC day, whatever the zone of the times beside it.

  diurnal days events
  diurnal days events --tz local")]
pub(crate) struct DaysArguments {
    /// The store's directory.
    pub(crate) store: PathBuf,
    /// The zone of the times in tables: UTC, local, +02:00, Europe/Vienna.
    #[arg(long, value_name = "ZONE", value_parser = parse_zone, default_value = "UTC", allow_hyphen_values = true)]
    pub(crate) tz: Zone,
    /// How to print [default: table on a terminal, else jsonl]
    #[arg(long)]
    pub(crate) format: Option<RowFormat>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  diurnal info events")]
pub(crate) struct InfoArguments {
    /// The store's directory.
    pub(crate) store: PathBuf,
    /// How to print [default: table on a terminal, else jsonl]
    #[arg(long)]
    pub(crate) format: Option<RowFormat>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Exit status 3 says that damage was found, or with --rebuild that events were lost by it. A rebuild
keeps what can be read of a damaged day, and sets its damaged files aside as *.damaged. Events that an
earlier rebuild lost are told of each time; they are past, and alone do not make the status 3.

  diurnal check events
  diurnal check events --rebuild")]
pub(crate) struct CheckArguments {
    /// The store's directory.
    pub(crate) store: PathBuf,
    /// Make the indexes and the catalog anew from the events, then check again.
    #[arg(long)]
    pub(crate) rebuild: bool,
    /// How to print [default: table on a terminal, else jsonl]
    #[arg(long)]
    pub(crate) format: Option<RowFormat>,
}

#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("limits").required(true).multiple(true).args(["keep_days", "max_bytes"]),
    after_help = "\
Whole days are dropped, the oldest first. With both options both limits are kept.

  diurnal prune events --keep-days 30 --dry-run
  diurnal prune events --max-bytes 2GiB"
)]
pub(crate) struct PruneArguments {
    /// The store's directory.
    pub(crate) store: PathBuf,
    /// Keep so many days, counted back from the newest day of the log. Where that day lies after a
    /// long gap, as when a clock has jumped, older days stay and are listed as held back.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) keep_days: Option<u32>,
    /// Keep the newest days within so many bytes: 500M (of 1000) or 2GiB (of 1024) are understood.
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) max_bytes: Option<u64>,
    /// Only say what would be dropped.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// How to print [default: table on a terminal, else jsonl]
    #[arg(long)]
    pub(crate) format: Option<RowFormat>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Each day that holds the session is written anew without it, and so is the catalog. Ids of other events
do not change. Out of reach are backups and exports, files that a rebuild has set aside as *.damaged, and
what a flash card keeps of blocks that it has replaced. Exit status 1 says that something may remain in
the files that are named.

  diurnal erase events --session-id 2894
  diurnal erase events --session-id 2894 --yes")]
pub(crate) struct EraseArguments {
    /// The store's directory.
    pub(crate) store: PathBuf,
    /// The session, exactly as it was logged.
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    pub(crate) session_id: String,
    /// Erase; without this, only say what would go.
    #[arg(long)]
    pub(crate) yes: bool,
    /// How to print [default: table on a terminal, else jsonl]
    #[arg(long)]
    pub(crate) format: Option<RowFormat>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
The copy is a store of finished days with what is on disk when the command begins. Run again, it copies
what has changed since, and ends what was interrupted; days that were dropped from the store stay in the
copy. A day that cannot be read is named, the others are copied, and the exit status is 3.

  diurnal backup events /mnt/stick/events")]
pub(crate) struct BackupArguments {
    /// The store's directory.
    pub(crate) store: PathBuf,
    /// Where to: a directory that is empty, or a backup of this store; created if absent.
    pub(crate) directory: PathBuf,
    /// How to print [default: table on a terminal, else jsonl]
    #[arg(long)]
    pub(crate) format: Option<RowFormat>,
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::args::Arguments;

    #[test]
    fn days_are_dropped_only_by_a_limit() {
        let parses = |line: &str| Arguments::try_parse_from(line.split_whitespace()).is_ok();
        assert!(!parses("diurnal prune s"));
        assert!(parses("diurnal prune s --keep-days 3 --max-bytes 1M"));
    }
}
