//! What `paths`, `funnel`, `health`, `silent` and `errors` take.
//!
//! Owns: their options and help. Does not own the filters, which `filters` has for every command.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use diurnal::analysis::{FunnelStep, Ignored};

use super::ListFormat;
use super::filters::FilterArguments;
use super::moment::Moment;
use super::values::parse_span;

/// Which events are left out.
#[derive(Debug, Args)]
pub(crate) struct IgnoredArguments {
    /// A type whose events are left out; repeat for more [default: heartbeat and location_update, which
    /// clients send over and over]
    #[arg(long, value_name = "TYPE", allow_hyphen_values = true)]
    ignore: Vec<String>,
    /// Leave out no event.
    #[arg(long, conflicts_with = "ignore")]
    ignore_none: bool,
}

impl IgnoredArguments {
    /// As the library has them.
    pub(crate) fn ignored(&self) -> Ignored {
        match self.ignore.is_empty() && !self.ignore_none {
            true => Ignored::default(),
            false => Ignored::new(&self.ignore),
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Each event of a session and its next one are a transition, those of types left out aside; the DELAY is the
time between them: half are not longer than the median, nine tenths not longer than P90. SHARE is of all
transitions. A table ends with the types that sessions begin and end with. json is one object,
{\"events\":N,…,\"paths\":[…]}, and jsonl one transition a line, delays in microseconds.

  diurnal paths events
  diurnal paths events --gap 30m --limit 20 --from 2026-11-01
  diurnal paths events --ignore-none --session-id 2894 --format json")]
pub(crate) struct PathsArguments {
    /// The store's directory.
    pub(crate) store: PathBuf,
    /// A longer pause ends a visit and begins another; there is no transition over it [default: none is
    /// too long]
    #[arg(long, value_name = "SPAN", value_parser = parse_span)]
    pub(crate) gap: Option<Duration>,
    /// List at most so many transitions.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) limit: u64,
    /// How to print [default: table on a terminal, else jsonl]
    #[arg(long)]
    pub(crate) format: Option<ListFormat>,
    #[command(flatten)]
    pub(crate) ignored: IgnoredArguments,
    #[command(flatten)]
    pub(crate) filters: FilterArguments,
}

#[derive(Debug, Args)]
#[command(after_help = "\
A session reaches a step where it has an event of each step up to it, one after the other, whatever lies
between. The DELAY is the time from the first step. DROPPED are the sessions that get no further, with what
they do last. json is one object, {\"sessions\":N,\"steps\":[…]}, and jsonl one step a line, delays in
microseconds.

  diurnal funnel events start_stream,modify_stream,start_record,stop_upload
  diurnal funnel events 'start_stream|start_listen,start_record' --within 30m")]
pub(crate) struct FunnelArguments {
    /// The store's directory.
    pub(crate) store: PathBuf,
    /// Event types in order, with commas between them; a step that any of several types is has | between
    /// those.
    #[arg(value_name = "STEPS", value_delimiter = ',', value_parser = parse_step, required = true)]
    pub(crate) steps: Vec<FunnelStep>,
    /// Count a step only so long after the first one; a session may try again [default: any time]
    #[arg(long, value_name = "SPAN", value_parser = parse_span)]
    pub(crate) within: Option<Duration>,
    /// List at most so many last types for each step.
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) limit: u64,
    /// How to print [default: table on a terminal, else jsonl]
    #[arg(long)]
    pub(crate) format: Option<ListFormat>,
    #[command(flatten)]
    pub(crate) ignored: IgnoredArguments,
    #[command(flatten)]
    pub(crate) filters: FilterArguments,
}

fn parse_step(text: &str) -> Result<FunnelStep, String> {
    let types: Vec<_> = text.split('|').map(str::trim).collect();
    match types.iter().any(|name| name.is_empty()) {
        true => Err("must be an event type, or several with | between them".to_owned()),
        false => Ok(FunnelStep::any_of(types)),
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
One line a UTC day. RETURNING sessions were there on an earlier day. ENDED are those whose last event lies
on the day; OPEN ones may go on. Of those that ended, NO CLEANUP had no cleanup_session, and WENT ON had
other events after it. GAPS are pauses between a session's heartbeats, and UNSTOPPED are uploads that never
stopped. A table ends with the sessions that ended without cleanup, the latest first. json is one object,
{\"at\":…,\"total\":{…},\"days\":[…],\"unended\":[…]}, and jsonl one day a line, times in microseconds.

  diurnal health events --from 2026-11-01
  diurnal health events --gap 90s --open 1h --limit 20
  diurnal health events --at now")]
pub(crate) struct HealthArguments {
    /// The store's directory.
    pub(crate) store: PathBuf,
    /// A longer pause between heartbeats is a gap.
    #[arg(long, value_name = "SPAN", value_parser = parse_span, default_value = "3m")]
    pub(crate) gap: Duration,
    /// So long after its last event a session may still go on.
    #[arg(long, value_name = "SPAN", value_parser = parse_span, default_value = "10m")]
    pub(crate) open: Duration,
    /// Answer as of this time, and leave out later events: all that --from takes [default: the store's
    /// newest event]
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<Moment>,
    /// List at most so many sessions without cleanup.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) limit: u64,
    /// How to print [default: table on a terminal, else jsonl]
    #[arg(long)]
    pub(crate) format: Option<ListFormat>,
    #[command(flatten)]
    pub(crate) filters: FilterArguments,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Lists the sessions whose heartbeats have stopped without cleanup_session or the end of a stream, those that
fell silent last first. With --by-tag kiosk: each tag that begins with kiosk: is a device, which has the
events with its tag and those of the sessions that named it last. json is one object,
{\"at\":…,\"silent\":N,…,\"list\":[…]}, and jsonl one line for each, times in microseconds.

  diurnal silent events --after 10m
  diurnal silent events --by-tag kiosk: --ended --from 2026-11-20
  diurnal silent events --heartbeat heartbeat --heartbeat location_update
  diurnal silent events --at now --from today --tz local
  diurnal silent events --at 2026-11-23T18:00:00Z --format json")]
pub(crate) struct SilentArguments {
    /// The store's directory.
    pub(crate) store: PathBuf,
    /// So long without a heartbeat is no silence yet.
    #[arg(long, value_name = "SPAN", value_parser = parse_span, default_value = "10m")]
    pub(crate) after: Duration,
    /// List devices: the tags that begin with this.
    #[arg(long, value_name = "PREFIX", allow_hyphen_values = true)]
    pub(crate) by_tag: Option<String>,
    /// An event type that is a heartbeat; repeat for more [default: heartbeat]
    #[arg(long, value_name = "TYPE", allow_hyphen_values = true)]
    pub(crate) heartbeat: Vec<String>,
    /// Answer as of this time, and leave out later events: all that --from takes [default: the store's
    /// newest event]
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<Moment>,
    /// List also those that have ended as they should.
    #[arg(long)]
    pub(crate) ended: bool,
    /// List at most so many.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) limit: u64,
    /// How to print [default: table on a terminal, else jsonl]
    #[arg(long)]
    pub(crate) format: Option<ListFormat>,
    #[command(flatten)]
    pub(crate) filters: FilterArguments,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Messages that differ in numbers, ids, UUIDs or the queries of URLs alone are one group; <n>, <id>, <hex>,
<uuid> and <query> stand for those. json is one object, {\"count\":N,…,\"groups\":[…]}, each group with an
example, and jsonl one group a line.

  diurnal errors events --from 2026-11-23
  diurnal errors events --data-contains timeout --limit 5
  diurnal errors events --error-type client_error --error-type server_error --format json")]
pub(crate) struct ErrorsArguments {
    /// The store's directory.
    pub(crate) store: PathBuf,
    /// An event type that is an error; repeat for more [default: client_error]
    #[arg(long, value_name = "TYPE", allow_hyphen_values = true)]
    pub(crate) error_type: Vec<String>,
    /// List at most so many groups.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) limit: u64,
    /// How to print [default: table on a terminal, else jsonl]
    #[arg(long)]
    pub(crate) format: Option<ListFormat>,
    #[command(flatten)]
    pub(crate) filters: FilterArguments,
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Arguments, Command};

    #[test]
    fn steps_have_commas_and_alternatives_bars() {
        let parse = |steps: &str| {
            let parsed = Arguments::try_parse_from(["diurnal", "funnel", "s", steps]);
            parsed.ok().and_then(|arguments| match arguments.command {
                Command::Funnel(funnel) => Some(funnel.steps),
                _ => None,
            })
        };
        let expected = vec![FunnelStep::any_of(["a", "b c"]), FunnelStep::any_of(["d"])];
        assert_eq!(parse("a|b c,d"), Some(expected));
        assert_eq!(parse("a,,b"), None);
        assert_eq!(parse("a|"), None);
    }
}
