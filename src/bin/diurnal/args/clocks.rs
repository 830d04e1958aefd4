//! What `skew` takes.
//!
//! Owns: its options and help. Does not own the filters, which `filters` has for every command.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::ListFormat;
use super::filters::FilterArguments;
use super::values::parse_span;

#[derive(Debug, Args)]
#[command(after_help = "\
Client time minus server time: a clock that is fast is positive. Sessions that are off most come first. DRIFT
A DAY is what the client's clock gains. A jump is a difference between neighbouring client times of a session;
several sessions with the same jump at the same time tell of a jump of the server's clock, and so does an
event that arrived after another and is earlier. json is one object, and jsonl one session a line, lengths of
time in microseconds. A plot has a bar for each length of time that clocks are off, of sessions and client times.

  diurnal skew events --from 2026-11-01
  diurnal skew events --jump 2m --limit 10 --format json
  diurnal skew events -o skew.svg")]
pub(crate) struct SkewArguments {
    /// The store's directory.
    pub(crate) store: PathBuf,
    /// A greater difference between neighbouring client times of a session is a jump.
    #[arg(long, value_name = "SPAN", value_parser = parse_span, default_value = "30s")]
    pub(crate) jump: Duration,
    /// The server's clock was set back where its times go back by more.
    #[arg(long, value_name = "SPAN", value_parser = parse_span, default_value = "1s")]
    pub(crate) set_back: Duration,
    /// List at most so many sessions, and so many jumps of the server's clock.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) limit: u64,
    /// How to print [default: table on a terminal, else jsonl]
    #[arg(long)]
    pub(crate) format: Option<ListFormat>,
    /// Draw a plot to this file, in place of printing: .svg or .png.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) filters: FilterArguments,
}
