//! What the program takes: commands and options, and what `--help` teaches about them.
//!
//! Owns: the shape of the command line and how single values are read. Does not own how filters
//! become one condition (`filters`).
//!
//! Invariant: wherever a value may open with a hyphen, as the session id -1 or a western
//! longitude does, the option takes it.

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use diurnal::{BoundingBox, Circle, Cursor, Timestamp};

/// An embedded time-series event store: log events, import them, and ask about them.
#[derive(Debug, Parser)]
#[command(
    name = "diurnal",
    version,
    arg_required_else_help = true,
    after_help = "\
STORE is the directory of a store; log and import create it. Every reading command works while
another process writes. Results go to standard output: a table on a terminal, JSON lines otherwise.
Exit status: 0 done; 1 an error or a rejected line; 2 wrong usage; 3 damage found, or a day left out
as --allow-gaps allows; 4 the store is locked by another process.

  diurnal log events --session-id 1 --event-type heartbeat
  diurnal import events log.jsonl
  diurnal query events --event-type client_error --from 2026-11-23
  diurnal count events --by session

`diurnal help COMMAND` has more about each."
)]
pub(crate) struct Arguments {
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
    /// Count events, all together or by a key.
    Count(CountArguments),
    /// Show one session: first and last seen, counts by type, and its events.
    Session(SessionArguments),
    /// List sessions with their first and last event.
    Sessions(SessionsArguments),
    /// List the days that have events.
    Days(ReportArguments),
    /// Say what a store holds.
    Info(ReportArguments),
    /// Compare every index with the events, and report damage.
    Check(CheckArguments),
    /// Drop the oldest days, by age or by bytes.
    Prune(PruneArguments),
    /// Remove every trace of a session; only says what would go without --yes.
    Erase(EraseArguments),
    /// Copy a store that may be in use, or bring its copy up to date.
    Backup(BackupArguments),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Prints {\"success\":true,\"id\":N} once the event is safe on disk. Either give the fields as options
or the whole event as one query string or URL, in which unknown keys are ignored.

  diurnal log events --session-id 1 --event-type modify_stream --latitude 1 --longitude 1 --tags 1,2,3
  diurnal log events 'https://host/roundware/?operation=log_event&session_id=1&event_type=heartbeat'
  diurnal log events --session-id -1 --event-type client_error --data 'no signal'")]
pub(crate) struct LogArguments {
    /// The store's directory; created if absent.
    pub(crate) store: PathBuf,
    /// The whole event, as a query string or a URL with one, in place of the options.
    #[arg(value_name = "URL", conflicts_with = "fields")]
    pub(crate) url: Option<String>,
    #[command(flatten)]
    pub(crate) fields: EventArguments,
}

#[derive(Debug, Args)]
#[group(id = "fields", multiple = true)]
pub(crate) struct EventArguments {
    /// The session: any text of 1 to 128 bytes, or a number.
    #[arg(long, value_name = "ID", allow_hyphen_values = true, required_unless_present = "url")]
    pub(crate) session_id: Option<String>,
    /// What happened: any text of 1 to 64 bytes, such as heartbeat.
    #[arg(long, value_name = "TYPE", allow_hyphen_values = true, required_unless_present = "url")]
    pub(crate) event_type: Option<String>,
    /// Degrees north, WGS 84.
    #[arg(long, value_name = "DEGREES", allow_hyphen_values = true, requires = "longitude")]
    pub(crate) latitude: Option<String>,
    /// Degrees east, WGS 84.
    #[arg(long, value_name = "DEGREES", allow_hyphen_values = true, requires = "latitude")]
    pub(crate) longitude: Option<String>,
    /// Tags, separated by commas.
    #[arg(long, value_name = "TAG,…", allow_hyphen_values = true)]
    pub(crate) tags: Option<String>,
    /// The client's clock, kept as given.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) client_time: Option<String>,
    /// Anything more, often an error's message.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) data: Option<String>,
    /// When it was received, for a replay, as RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) server_time: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Prints {\"read\":N,\"imported\":N,\"rejected\":N}, with \"skipped\":N between them where --skip-existing
is given. A bad line is named on standard error and left out; every good one is imported, unless
--strict is given. The exit status is 1 if any was rejected. Blank lines are skipped.
From a pipe, what has come is committed at least every second.

  jsonl  one JSON object a line, as `query --format jsonl` prints them; session_id and tags may be
         numbers, tags may be comma text, without server_time the clock's is taken
  csv    a header with the same keys in any order, tags as comma text (or a JSON list); a cell with
         nothing in it is absent, except that \"\" in the data column is the empty text
  query  one query string or URL a line

  diurnal import events log.jsonl --rejects bad.jsonl
  tail -f log.jsonl | diurnal import events -")]
pub(crate) struct ImportArguments {
    /// The store's directory; created if absent.
    pub(crate) store: PathBuf,
    /// The file to read; - is standard input.
    #[arg(value_name = "FILE|-")]
    pub(crate) file: PathBuf,
    /// How events are written [default: csv for .csv, query for .query and .txt, else jsonl]
    #[arg(long)]
    pub(crate) format: Option<ImportFormat>,
    /// Import nothing if any line is bad. The file is read twice.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Skip what the store has already, equal in every field, so that an import can be run again after
    /// it was broken off. Every line must say its server_time; of equal lines one is kept.
    #[arg(long)]
    pub(crate) skip_existing: bool,
    /// Where to keep rejected lines as they are; created only if there are any.
    #[arg(long, value_name = "FILE")]
    pub(crate) rejects: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  diurnal query events --session-id 2894 --order desc --limit 10
  diurnal query events --near 42.35,-71.06,500 --tag 3 --from 2026-11-01 --to 2026-12-01
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

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  diurnal session events 2894
  diurnal session events -1 --format json")]
pub(crate) struct SessionArguments {
    /// The store's directory.
    pub(crate) store: PathBuf,
    /// The session.
    #[arg(allow_hyphen_values = true)]
    pub(crate) id: String,
    /// How to print [default: table on a terminal, else json]
    #[arg(long)]
    pub(crate) format: Option<ObjectFormat>,
    /// Leave out the days that cannot be read, and name them on standard error; the exit status is
    /// then 3.
    #[arg(long)]
    pub(crate) allow_gaps: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
First, last and the number of events are those of the events that the filters let through.

  diurnal sessions events --from 2026-11-23 --event-type start_session")]
pub(crate) struct SessionsArguments {
    /// The store's directory.
    pub(crate) store: PathBuf,
    /// How to print [default: table on a terminal, else jsonl]
    #[arg(long)]
    pub(crate) format: Option<RowFormat>,
    #[command(flatten)]
    pub(crate) filters: FilterArguments,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArguments {
    /// The store's directory.
    pub(crate) store: PathBuf,
    /// How to print [default: table on a terminal, else jsonl]
    #[arg(long)]
    pub(crate) format: Option<RowFormat>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Exit status 3 says that damage was found, or with --rebuild that events were lost by it. A rebuild
keeps what can be read of a damaged day, and sets its damaged files aside as *.damaged.

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
copy. A day that cannot be read is named, the others are copied, and the exit status is 1.

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
    /// Events received at this time or later: RFC 3339, or a date for its midnight in UTC.
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<Timestamp>,
    /// Events received before this time.
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<Timestamp>,
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

/// How an import's events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ImportFormat {
    /// One JSON object a line.
    Jsonl,
    /// Comma separated values with a header.
    Csv,
    /// One query string or URL a line.
    Query,
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

/// How one thing is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ObjectFormat {
    /// Aligned columns.
    Table,
    /// One JSON object.
    Json,
}

/// The order of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OrderArgument {
    /// Oldest first.
    Asc,
    /// Newest first.
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

/// The format asked for: a table where nothing was said and a person reads.
pub(crate) fn format_or_default<F>(asked: Option<F>, table: F, otherwise: F) -> F {
    asked.unwrap_or_else(|| if std::io::stdout().is_terminal() { table } else { otherwise })
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

fn parse_numbers<const N: usize>(text: &str, shape: &str) -> Result<[f64; N], String> {
    let numbers = text
        .split(',')
        .map(|number| number.trim().parse().ok().filter(|number: &f64| number.is_finite()))
        .collect::<Option<Vec<f64>>>();
    numbers.and_then(|numbers| numbers.try_into().ok()).ok_or_else(|| format!("must be {shape}"))
}

/// A cursor as the library writes it, or with the event's time as results show it.
fn parse_cursor(text: &str) -> Result<Cursor, String> {
    let micros = text.rsplit_once(':').and_then(|(time, id)| {
        let time: Timestamp = time.parse().ok()?;
        Some(format!("{}:{id}", time.as_micros()))
    });
    micros.as_deref().unwrap_or(text).parse().map_err(|_| {
        "must be the server time and the id of an event, as in \
         2026-11-23T10:00:00.123456Z:89206128115712"
            .to_owned()
    })
}

/// Bytes: plain, or with a unit of 1000 (K, M, G, T, with or without B) or of 1024 (KiB and so on).
fn parse_size(text: &str) -> Result<u64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit: u64 = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1000,
        "m" | "mb" => 1000_u64.pow(2),
        "g" | "gb" => 1000_u64.pow(3),
        "t" | "tb" => 1000_u64.pow(4),
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        _ => return Err("the unit must be one of K, M, G, T, KiB, MiB, GiB, TiB".to_owned()),
    };
    let number: u64 =
        number.parse().map_err(|_| "must be a number of bytes, as 500M".to_owned())?;
    number.checked_mul(unit).ok_or_else(|| "is more bytes than can be counted".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn sizes_have_units_of_1000_and_of_1024() {
        assert_eq!(parse_size("123"), Ok(123));
        assert_eq!(parse_size("500M"), Ok(500_000_000));
        assert_eq!(parse_size("2GiB"), Ok(2 << 30));
        assert_eq!(parse_size("1 kb"), Ok(1000));
        for wrong in ["", "M", "1.5G", "-1", "1X", "99999999999T"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
    }

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
    fn a_cursor_is_read_in_both_forms() {
        let cursor = parse_cursor("2026-11-23T10:00:00.123456Z:89206128115712");
        assert!(cursor.is_ok());
        assert_eq!(
            cursor.as_ref().map(ToString::to_string).map(|t| parse_cursor(&t)),
            Ok(cursor.clone())
        );
        assert!(parse_cursor("2026-11-23").is_err());
    }

    #[test]
    fn an_event_is_given_by_url_or_by_options() {
        let parses = |line: &str| Arguments::try_parse_from(line.split_whitespace()).is_ok();
        assert!(parses("diurnal log s session_id=1&event_type=x"));
        assert!(parses("diurnal log s --session-id -1 --event-type x --data -x"));
        assert!(!parses("diurnal log s session_id=1&event_type=x --data y"));
        assert!(!parses("diurnal log s --session-id 1"));
        assert!(!parses("diurnal log s --session-id 1 --event-type x --latitude 1"));
        assert!(!parses("diurnal prune s"));
        assert!(parses("diurnal prune s --keep-days 3 --max-bytes 1M"));
    }
}
