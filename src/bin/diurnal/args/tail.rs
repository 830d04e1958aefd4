//! What `tail` takes.
//!
//! Owns: its options, and how a number of events is read. Does not own what it prints (`crate::tail`).

use std::path::PathBuf;

use clap::Args;
use diurnal::Position;

use super::EventFormat;
use super::filters::FilterArguments;

/// The most events that `-n` asks for: they are held in memory to be turned round.
const LAST_MAX: usize = 100_000;

#[derive(Debug, Args)]
#[command(after_help = "\
The last events come in order of their server time, as query has it; those that follow come as they
arrive, late ones of days long over too, and are printed at once. With --position-file a script that was
stopped goes on where it was: the file is written anew after each batch that was printed, so that
nothing is left out, and only what was printed last may come again.

  diurnal tail events -n 20 --event-type client_error
  diurnal tail events --follow
  diurnal tail events -n +1 --follow --format jsonl --position-file sent.position | ship")]
pub(crate) struct TailArguments {
    /// The store's directory.
    pub(crate) store: PathBuf,
    /// Print so many of the last events, at most 100,000; +1 prints all there are, in order of arrival
    /// [default: 10; all that came after a position]
    #[arg(short = 'n', long = "events", value_name = "N", value_parser = parse_last)]
    pub(crate) last: Option<Last>,
    /// Go on and print events as they are logged, until interrupted.
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Print what came after this position, as a position file holds it.
    #[arg(long, value_name = "POSITION", conflicts_with_all = ["last", "position_file"])]
    pub(crate) after: Option<Position>,
    /// Go on from the position in this file, where there is one, and keep it up to date.
    #[arg(long, value_name = "FILE")]
    pub(crate) position_file: Option<PathBuf>,
    /// How to print [default: table on a terminal, else jsonl]
    #[arg(long)]
    pub(crate) format: Option<EventFormat>,
    #[command(flatten)]
    pub(crate) filters: FilterArguments,
}

/// With which events to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Last {
    All,
    Events(usize),
}

fn parse_last(text: &str) -> Result<Last, String> {
    match text {
        "+0" | "+1" => Ok(Last::All),
        _ => match text.parse() {
            Ok(events @ 0..=LAST_MAX) if !text.starts_with('+') => Ok(Last::Events(events)),
            _ => Err(format!("must be 0 to {LAST_MAX}, or +1 for all")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_events_is_read_as_other_programs_of_the_name_do() {
        assert_eq!(parse_last("10"), Ok(Last::Events(10)));
        assert_eq!((parse_last("+0"), parse_last("+1")), (Ok(Last::All), Ok(Last::All)));
        for wrong in ["", "-1", "+2", "x", "100001", "1.5"] {
            assert!(parse_last(wrong).is_err(), "{wrong:?}");
        }
    }
}
