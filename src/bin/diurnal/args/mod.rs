//! What the program takes: commands and options, and what `--help` teaches about them.
//!
//! Owns: the list of commands, and the formats that several share. The rooms below it: `ingest`, `reading`,
//! `sessions`, `flows`, `clocks`, `activity`, `map`, `tail`, `export`, `upkeep`, `serve` and `complete` (what a family of
//! commands takes), `filters` (which events are meant), `no_fix` (which points are no places), `moment` (times
//! and zones) and `values` (how other single values are read). Does not own what a command does.
//!
//! Invariant: wherever a value may open with a hyphen, as the session id -1 or a western
//! longitude does, the option takes it.

pub(crate) mod activity;
pub(crate) mod clocks;
pub(crate) mod complete;
pub(crate) mod export;
pub(crate) mod filters;
pub(crate) mod flows;
pub(crate) mod ingest;
pub(crate) mod map;
pub(crate) mod moment;
mod no_fix;
pub(crate) mod reading;
#[cfg(feature = "http")]
pub(crate) mod serve;
pub(crate) mod sessions;
pub(crate) mod tail;
pub(crate) mod upkeep;
mod values;

use std::io::IsTerminal;

use clap::{Parser, Subcommand, ValueEnum};

use activity::{HeatmapArguments, HistogramArguments};
use clocks::SkewArguments;
use complete::{CompletionsArguments, ManArguments};
use export::ExportArguments;
use flows::{ErrorsArguments, FunnelArguments, HealthArguments, PathsArguments, SilentArguments};
use ingest::{ImportArguments, LogArguments};
use map::MapArguments;
use reading::{CountArguments, QueryArguments};
#[cfg(feature = "http")]
use serve::ServeArguments;
use sessions::{SessionArguments, SessionsArguments, TagsArguments};
use tail::TailArguments;
use upkeep::{
    BackupArguments, CheckArguments, DaysArguments, EraseArguments, InfoArguments, PruneArguments,
};

/// An embedded time-series event store: log events, import them, and ask about them.
#[derive(Debug, Parser)]
#[command(
    name = "diurnal",
    version,
    arg_required_else_help = true,
    after_help = "\
STORE is the directory of a store; log and import create it. Every reading command works while
another process writes. Results go to standard output: a table on a terminal, JSON lines otherwise.
Exit status: 0 done; 1 an error or a rejected line; 2 wrong usage, or a value that breaks a rule;
3 damage found, or a day left out as --allow-gaps allows; 4 the store is locked by another process;
130 an import was interrupted.

  diurnal log events --session-id 1 --event-type heartbeat
  diurnal import events log.jsonl
  diurnal query events --event-type client_error --since 2d --tz local
  diurnal count events --by session

`diurnal help COMMAND` has more about each."
)]
pub(crate) struct Arguments {
    /// When to use colour; of itself on a terminal, unless NO_COLOR is set.
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = ColorArgument::Auto)]
    pub(crate) color: ColorArgument,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// One command each.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Log one event and print its id.
    Log(LogArguments),
    /// Log every event of a file or of standard input.
    Import(ImportArguments),
    /// Print events, in order of their server time.
    Query(QueryArguments),
    /// Print the last events, and with --follow those to come as they are logged.
    Tail(TailArguments),
    /// Count events, all together or by a key.
    Count(CountArguments),
    /// Show how one session went: its length, way, tags, recordings, errors, clock, and its events.
    Session(SessionArguments),
    /// List how sessions went, in figures, with totals and spreads.
    Sessions(SessionsArguments),
    /// List the tags that people chose to hear, for how long, and with which others.
    Tags(TagsArguments),
    /// Count which action follows which, and how soon.
    Paths(PathsArguments),
    /// Count the sessions that reach each of several steps, and say where the others stop.
    Funnel(FunnelArguments),
    /// Say, day by day, who comes back, and whether sessions, heartbeats and uploads end well.
    Health(HealthArguments),
    /// List the sessions or devices whose heartbeats have stopped.
    Silent(SilentArguments),
    /// List what breaks: client errors, grouped by their messages.
    Errors(ErrorsArguments),
    /// Say how far off clients' clocks are, and when clocks jumped.
    Skew(SkewArguments),
    /// Write events to a file: JSON lines, CSV, GeoJSON, Parquet or SQLite.
    Export(ExportArguments),
    /// Count events and sessions by stretch of local time, and the sessions alive at once.
    Histogram(HistogramArguments),
    /// Count events and sessions by cell of the ground.
    Heatmap(HeatmapArguments),
    /// Draw the ways of sessions, or where many of them were, as a page or a picture.
    Map(MapArguments),
    /// List the days that have events.
    Days(DaysArguments),
    /// Say what a store holds.
    Info(InfoArguments),
    /// Compare every index with the events, and report damage.
    Check(CheckArguments),
    /// Drop the oldest days, by age or by bytes.
    Prune(PruneArguments),
    /// Remove every trace of a session; only says what would go without --yes.
    Erase(EraseArguments),
    /// Copy a store that may be in use, or bring its copy up to date.
    Backup(BackupArguments),
    /// Take events over HTTP, answer questions, and show a page to look at the log.
    #[cfg(feature = "http")]
    Serve(ServeArguments),
    /// Print what makes a shell complete commands and options.
    Completions(CompletionsArguments),
    /// Print the manual, or write a page for each command.
    Man(ManArguments),
}

/// When colour is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorArgument {
    /// On a terminal, unless NO_COLOR is set; elsewhere where CLICOLOR_FORCE is.
    Auto,
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
}

/// How events are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EventFormat {
    /// Aligned columns, long data shortened, control characters escaped.
    Table,
    /// One JSON object a line, exact.
    Jsonl,
    /// Comma separated values with a header, exact.
    Csv,
}

/// How rows are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RowFormat {
    /// Aligned columns.
    Table,
    /// One JSON object a line.
    Jsonl,
}

/// How a list that has totals is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    /// Aligned columns, then the totals.
    Table,
    /// One JSON object, with the totals.
    Json,
    /// One JSON object a line, without totals.
    Jsonl,
}

/// How one thing is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ObjectFormat {
    /// Aligned columns.
    Table,
    /// One JSON object.
    Json,
}

/// The format asked for: a table where nothing was said and a person reads.
pub(crate) fn format_or_default<F>(asked: Option<F>, table: F, otherwise: F) -> F {
    asked.unwrap_or_else(|| if std::io::stdout().is_terminal() { table } else { otherwise })
}

#[cfg(test)]
#[allow(clippy::panic, reason = "a test says what it expects by failing")]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    /// The words of a line of a shell that quotes with single quotes, up to a pipe or a redirection.
    fn words(line: &str) -> Vec<String> {
        let mut words = vec![String::new()];
        let mut quoted = false;
        for c in line.chars() {
            match c {
                '\'' => quoted = !quoted,
                '|' | '>' | '<' if !quoted => break,
                ' ' if !quoted => words.push(String::new()),
                c => {
                    if let Some(word) = words.last_mut() {
                        word.push(c);
                    }
                }
            }
        }
        words.retain(|word| !word.is_empty());
        words
    }

    #[test]
    fn every_help_has_examples_that_parse() {
        let mut program = Arguments::command();
        program.build();
        let names = program.get_subcommands().map(|command| command.get_name().to_owned());
        for name in names.filter(|name| name != "help").collect::<Vec<_>>() {
            let command = program.find_subcommand_mut(&name);
            let help = command.map(|it| it.render_long_help().to_string()).unwrap_or_default();
            let examples = help.lines().filter_map(|line| {
                let at = line.strip_prefix("  ").and_then(|line| line.find("diurnal "));
                at.map(|at| &line[2 + at..])
            });
            let mut own = 0;
            for example in examples {
                match Arguments::try_parse_from(words(example)) {
                    Ok(_) => own += u32::from(example.starts_with(&format!("diurnal {name}"))),
                    Err(error) => panic!("{name}: {example}: {error}"),
                }
            }
            assert!(own > 0, "the help of {name} has no example");
        }
    }
}
