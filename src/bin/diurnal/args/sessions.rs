//! What `session`, `sessions` and `tags` take.
//!
//! Owns: their options and help. Does not own the filters, which `filters` has for every command.
//!
//! Invariant: wherever a value may open with a hyphen, as the session id -1 does, the option takes it.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use diurnal::analysis::{SessionSettings, SessionSort, TagSort};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error, StrDeserializer};

use super::filters::FilterArguments;
use super::no_fix::NoFixArguments;
use super::reading::OrderArgument;
use super::values::parse_span;
use super::{ListFormat, ObjectFormat};

/// What counts as listening.
#[derive(Debug, Args)]
pub(crate) struct ListeningArguments {
    /// How much of a silence counts as listening at most; none for all of it.
    #[arg(long, value_name = "SPAN", value_parser = parse_gap, default_value = "5m")]
    listening_gap: Gap,
}

/// A length of time, or none.
#[derive(Debug, Clone, Copy)]
struct Gap(Option<Duration>);

fn parse_gap(text: &str) -> Result<Gap, String> {
    if text == "none" { Ok(Gap(None)) } else { parse_span(text).map(Some).map(Gap) }
}

impl ListeningArguments {
    /// As the library has it.
    pub(crate) fn gap(&self) -> Option<Duration> {
        self.listening_gap.0
    }
}

/// What the words of a session's figures mean.
#[derive(Debug, Args)]
pub(crate) struct SettingsArguments {
    /// The longest silence between two events that still counts as active time.
    #[arg(long, value_name = "SPAN", value_parser = parse_span, default_value = "5m")]
    active_gap: Duration,
    #[command(flatten)]
    listening: ListeningArguments,
    /// Leave out what comes before a session's first action (an attract loop) and after its last one.
    #[arg(long)]
    cut_idle: bool,
    /// A type whose events are no actions; repeat for more [default: start_session, cleanup_session,
    /// heartbeat, client_error, location_update, start_asset and stop_asset]
    #[arg(long, value_name = "TYPE", allow_hyphen_values = true)]
    passive: Vec<String>,
    #[command(flatten)]
    no_fix: NoFixArguments,
}

impl SettingsArguments {
    /// As the library has them.
    pub(crate) fn settings(&self) -> SessionSettings {
        let settings = SessionSettings::default()
            .active_gap(self.active_gap)
            .listening_gap(self.listening.gap())
            .cut_idle(self.cut_idle)
            .no_fix(self.no_fix.no_fix());
        if self.passive.is_empty() { settings } else { settings.passive(&self.passive) }
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Shows how long the session was, how far its way, which tags it chose and for how long each was heard,
its recordings, errors and clock; its events by type; and its timeline. An upload that stops is the
arrival of one recording; recordings that did not arrive are abandoned. As JSON it is
{\"report\":{…},\"timeline\":[…]}, lengths of time in microseconds.

  diurnal session events 2894
  diurnal session events 2894 --cut-idle --limit 0
  diurnal session events -1 --from 2013-02-01 --to 2013-03-01 --format json")]
pub(crate) struct SessionArguments {
    /// The store's directory.
    pub(crate) store: PathBuf,
    /// The session.
    #[arg(allow_hyphen_values = true)]
    pub(crate) id: String,
    /// Show at most so many events of the timeline [default: all]
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
    /// How to print [default: table on a terminal, else json]
    #[arg(long)]
    pub(crate) format: Option<ObjectFormat>,
    #[command(flatten)]
    pub(crate) settings: SettingsArguments,
    #[command(flatten)]
    pub(crate) filters: FilterArguments,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Figures are those of the events that the filters let through. A table ends with totals and spreads;
json is one object, {\"totals\":{…},…,\"sessions\":[…]}, and jsonl one session a line, lengths of time
in microseconds. KEY is one of id, first, last, duration, active, events, actions, cut-events, points,
metres, choices, tags-chosen, listening, recordings-started, recordings-stopped, uploads-started,
uploads-stopped, abandoned, errors, client-times, skew.

  diurnal sessions events --from 2026-11-23 --to 2026-11-24
  diurnal sessions events --sort duration --limit 10
  diurnal sessions events --cut-idle --sort abandoned --format json")]
pub(crate) struct SessionsArguments {
    /// The store's directory.
    pub(crate) store: PathBuf,
    /// List by this figure.
    #[arg(long, value_name = "KEY", value_parser = parse_sort::<SessionSort>, default_value = "first")]
    pub(crate) sort: SessionSort,
    /// The least or the greatest first [default: asc for id, first and last, else desc]
    #[arg(long, value_enum)]
    pub(crate) order: Option<OrderArgument>,
    /// List at most so many sessions [default: 1000 in a table, else all]
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
    /// How to print [default: table on a terminal, else jsonl]
    #[arg(long)]
    pub(crate) format: Option<ListFormat>,
    #[command(flatten)]
    pub(crate) settings: SettingsArguments,
    #[command(flatten)]
    pub(crate) filters: FilterArguments,
}

#[derive(Debug, Args)]
#[command(after_help = "\
For each tag: the modify_stream events that hold it, the sessions that have one, and for how long it was
heard: from the choice to the session's next modify_stream, or to the end of the stream or of the session,
pauses left out. Of a silence at most --listening-gap counts, since a client that goes away without a
word no longer listens, and a server's clean-up may be days later; with none all of it counts. Clients
without a heartbeat are silent while they listen: give a longer one. What the filters leave out is not
seen, so that a filter by type or tag hides where listening ends. json is one object,
{\"choices\":N,…,\"tags\":[…]}, and jsonl one tag a line, lengths of time in microseconds.

  diurnal tags events --from 2026-11-01 --to 2026-12-01
  diurnal tags events --sort listening --limit 10 --listening-gap 2m
  diurnal tags events --limit 30 -o tags.svg")]
pub(crate) struct TagsArguments {
    /// The store's directory.
    pub(crate) store: PathBuf,
    /// List by this figure, the greatest first: choices, sessions or listening.
    #[arg(long, value_name = "KEY", value_parser = parse_sort::<TagSort>, default_value = "choices")]
    pub(crate) sort: TagSort,
    /// List at most so many tags, up to 10,000.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) limit: u64,
    /// Name at most so many tags beside each, chosen together with it.
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(crate) together: u64,
    #[command(flatten)]
    pub(crate) listening: ListeningArguments,
    /// How to print [default: table on a terminal, else jsonl]
    #[arg(long)]
    pub(crate) format: Option<ListFormat>,
    /// Draw a plot to this file, in place of printing: .svg or .png.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) filters: FilterArguments,
}

/// A figure by the name that the library gives it, with hyphens or underscores.
fn parse_sort<'de, S: Deserialize<'de>>(text: &str) -> Result<S, String> {
    let name = text.replace('-', "_");
    let name: StrDeserializer<'_, Error> = name.as_str().into_deserializer();
    S::deserialize(name).map_err(|error| error.to_string().replace('_', "-"))
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;
    use crate::args::{Arguments, Command};

    #[test]
    fn a_session_id_may_open_with_a_hyphen_before_and_after_options() {
        for line in ["diurnal session s -1 --format json", "diurnal session s --format json -1"] {
            let parsed = Arguments::try_parse_from(line.split_whitespace());
            assert!(matches!(
                parsed.map(|arguments| arguments.command),
                Ok(Command::Session(SessionArguments { id, format: Some(_), .. })) if id == "-1"
            ));
        }
    }

    #[test]
    fn settings_are_those_of_the_library_unless_given() {
        let settings = |line: &str| match Arguments::try_parse_from(line.split_whitespace()) {
            Ok(Arguments { command: Command::Sessions(it), .. }) => Some(it.settings.settings()),
            _ => None,
        };
        let default = SessionSettings::default();
        assert_eq!(settings("diurnal sessions s"), Some(default.clone()));
        let endless = settings("diurnal sessions s --listening-gap none");
        assert_eq!(endless, Some(default.listening_gap(None)));
        let tags = Arguments::try_parse_from(["diurnal", "tags", "s"]).map(|it| it.command);
        let gap = diurnal::analysis::Tags::new().listening_gap_micros.map(Duration::from_micros);
        assert!(matches!(tags, Ok(Command::Tags(it)) if it.listening.gap() == gap));
    }

    #[test]
    fn every_key_that_the_help_names_sorts() {
        let arguments = Arguments::command();
        let help = arguments.find_subcommand("sessions").and_then(|it| it.get_after_help());
        let help = help.map(ToString::to_string).unwrap_or_default().replace('\n', " ");
        let keys = help.split_once("KEY is one of ").map_or("", |(_, rest)| rest);
        let keys: Vec<_> = keys.split('.').take(1).flat_map(|keys| keys.split(", ")).collect();
        assert_eq!(keys.len(), 21, "{help}");
        for key in keys {
            assert!(parse_sort::<SessionSort>(key).is_ok(), "{key}");
        }
        assert!(parse_sort::<SessionSort>("length").is_err());
    }
}
